r"""What is kept of the samples before the next fit?

A regime says on what a model is fitted; a *curation* says what happens to those points on the way. Every regime takes
``curation=``, one of the objects below or a sequence of them, applied in their order:

====================  ==============================================================================================
`Temperature`         points come from the density to the power 1 / temperature
`SamplingBias`        points come from the model with its covariance multiplied by a factor
`TopK`, `TopP`        points come from the commonest categories alone
`Truncate`            points outside an interval are dropped
`SelectTop`           of each batch only the best are kept
`Verifier`            right points are kept with one probability, wrong ones with another
`Prefer`              each point is the one a curator picked out of several candidates
`Edit`                only a part of the previous batch is replaced by new points
`Detector`            points that look synthetic are dropped or weigh less; real ones by mistake
`Watermark`           a detector whose power comes from counting marked tokens
====================  ==============================================================================================

There are four moments at which a curation can step in, one method each, and a new curation is a class with at least
one of them:

* ``shape(model)`` returns what is sampled from in place of the model;
* ``pick(draw, size, model, rng)`` makes the points, with ``draw(size, rng)`` for its raw material;
* ``edit(previous, synthetic, draw, size, rng)`` makes a batch out of the batch before;
* ``screen(synthetic, rng)`` sees a whole new batch, the real points too, and returns a weight for each point.

The first three touch what models produce, never real points. The last cannot know which is which: that is the reason
for its mistakes. Generation 1 is fitted to real data before there is any other, and nothing is curated there.

A selection that keeps fewer points than a fit needs ends its chain: `simulate` marks the chain, says so, and goes on
with the others.
"""

from __future__ import annotations

from modelcollapse.curation.detecting import Detector, Watermark
from modelcollapse.curation.moments import Curation
from modelcollapse.curation.selecting import Edit, Prefer, SelectTop, Truncate, Verifier
from modelcollapse.curation.shaping import SamplingBias, Temperature, TopK, TopP

__all__ = [
    "Curation",
    "Detector",
    "Edit",
    "Prefer",
    "SamplingBias",
    "SelectTop",
    "Temperature",
    "TopK",
    "TopP",
    "Truncate",
    "Verifier",
    "Watermark",
    "curations",
]


def curations(value) -> tuple[Curation, ...]:
    """Check the argument ``curation`` of a regime: None, one, or a sequence; or what `Curation.describe` wrote."""
    if value is None:
        return ()
    value = (value,) if isinstance(value, (Curation, dict)) else value
    if isinstance(value, (str, type)) or not hasattr(value, "__iter__"):
        raise TypeError(
            f"curation must be a curation such as Temperature(0.9), or a sequence of them, got {value!r:.80}."
        )
    made = tuple(_read(one) if isinstance(one, dict) else one for one in value)
    for one in made:
        if not isinstance(one, Curation):
            raise TypeError(
                f"curation must hold curations ({', '.join(sorted(by_name()))}), each with its settings, "
                f"got {one!r:.80}."
            )
    if sum(one.edits for one in made) > 1:
        raise ValueError(f"curation must edit a batch at most once, got {' then '.join(map(str, made))}.")
    return made


def by_name() -> dict[str, type[Curation]]:
    """Return the curations by name."""
    found = (Temperature, SamplingBias, TopK, TopP, Truncate, SelectTop, Verifier, Prefer, Edit, Detector, Watermark)
    return {cls.__name__: cls for cls in found}


def _read(settings: dict) -> Curation:
    settings = dict(settings)
    name = settings.pop("curation", None)
    if name not in by_name():
        raise ValueError(f"curation must be one of {', '.join(sorted(by_name()))}, got {name!r}.")
    for key, value in settings.items():
        if isinstance(value, dict):
            raise ValueError(
                f"curation cannot be read back, because {key} of {name} was a function (it is not stored, only its "
                f"name); make the regime again, got {value.get('function')!r}."
            )
    return by_name()[name](**settings)
