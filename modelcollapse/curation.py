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

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check

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


@dataclass(frozen=True)
class Curation:
    """What every curation shares: it can step in at four moments, and by default does nothing at any of them."""

    #: whether points are dropped or chosen, so that they must be drawn one by one
    selects: ClassVar[bool] = True
    #: whether a batch is made out of the one before
    edits: ClassVar[bool] = False
    #: whether points that stay weigh differently
    weighs: ClassVar[bool] = False
    #: name of the field that is a function of points, if there is one
    judge: ClassVar[str] = ""

    def check(self, model, least: int):
        """Refuse a model, or a smallest number `least` of synthetic points, that this curation cannot work with."""

    def on(self, rows: np.ndarray) -> Curation:
        """Return the curation for a model whose points are numbers of `rows`: it judges the rows, not their numbers."""
        function = getattr(self, self.judge) if self.judge else "likelihood"
        if function == "likelihood":
            return self
        if function is None and rows.ndim > 1:
            raise ValueError(f"{self.judge} must be a function of points (of a row there is no largest), got None.")
        return dataclasses.replace(self, **{self.judge: lambda X: rows[X] if function is None else function(rows[X])})

    def shape(self, model):
        """Return the model that is sampled from."""
        return model

    def pick(self, draw: Callable, size: int, model, rng: np.random.Generator) -> np.ndarray:
        """Make the synthetic points of a batch; fewer than `size` where some are dropped."""
        return draw(size, rng)

    def edit(self, previous, synthetic, draw: Callable, size: int, rng: np.random.Generator):
        """Make the model's part of a batch out of the previous batch; return points and whether each is synthetic."""
        points = draw(size, rng)
        return points, np.ones(len(points), bool)

    def screen(self, synthetic: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        """Return a weight for every point of a new batch, 0 to drop it, or None to leave the batch alone."""
        return None

    def describe(self) -> dict:
        """Return name and settings as JSON can hold them; functions go by their name."""
        settings = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.init}
        return {
            "curation": type(self).__name__,
            **{name: {"function": _named(value)} if callable(value) else value for name, value in settings.items()},
        }

    def __str__(self) -> str:
        fields = [(f.name, getattr(self, f.name)) for f in dataclasses.fields(self) if f.init]
        shown = (f"{name}={_named(value) if callable(value) else value}" for name, value in fields if value is not None)
        return f"{type(self).__name__}({', '.join(shown)})"


def _named(function) -> str:
    return getattr(function, "__name__", type(function).__name__)


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


# ---------------------------------------------------------------------------------- what the model is sampled from


@dataclass(frozen=True)
class _Shaping(Curation):
    """A curation that changes the law that is sampled from, and reads no points."""

    selects: ClassVar[bool] = False
    needs: ClassVar[str]
    families: ClassVar[str]

    def check(self, model, least: int):
        """Refuse a family whose law cannot be changed so."""
        if not hasattr(model, self.needs):
            raise ValueError(f"curation {self} must be used with {self.families}, got a {model.kind}.")


@dataclass(frozen=True)
class Temperature(_Shaping):
    r"""Sample from :math:`p^{1/\tau}`, normalised: sharper than the model below 1, flatter above.

    A Gaussian's covariance is multiplied by the temperature, the mean of an Exponential too; the probabilities of a
    Categorical are raised to the power 1 / temperature.

    Parameters
    ----------
    temperature : float
        > 0; 1 is the model itself.

    Examples
    --------
    >>> from modelcollapse.families import Categorical
    >>> Temperature(0.5).shape(Categorical([0.75, 0.25])).probabilities
    array([0.9, 0.1])
    """

    temperature: float

    needs: ClassVar[str] = "tempered"
    families: ClassVar[str] = "a Gaussian, an Exponential or a Categorical"

    def __post_init__(self):
        object.__setattr__(self, "temperature", check.number("temperature", self.temperature, above=0))

    def shape(self, model):
        """Return the model at this temperature."""
        return model.tempered(self.temperature)


@dataclass(frozen=True)
class SamplingBias(_Shaping):
    r"""Sample from the model with its covariance multiplied by `bias`: quality before diversity.

    The sampling bias :math:`\lambda` of Alemohammad et al. (arXiv 2307.01850): :math:`N(\mu, \lambda\Sigma)`.

    Parameters
    ----------
    bias : float
        > 0; below 1 the synthetic points are closer to the mean than the model's own.
    """

    bias: float

    needs: ClassVar[str] = "biased"
    families: ClassVar[str] = "a Gaussian or a GaussianMixture"

    def __post_init__(self):
        object.__setattr__(self, "bias", check.number("bias", self.bias, above=0))

    def shape(self, model):
        """Return the model with its covariances multiplied."""
        return model.biased(self.bias)


@dataclass(frozen=True)
class _Cut(_Shaping):
    needs: ClassVar[str] = "with_probabilities"
    families: ClassVar[str] = "a Categorical"


@dataclass(frozen=True)
class TopK(_Cut):
    """Sample from the `k` commonest categories alone, in proportion; of equally common ones the first.

    Parameters
    ----------
    k : int
        >= 1.

    Examples
    --------
    >>> from modelcollapse.families import Categorical
    >>> TopK(2).shape(Categorical([0.5, 0.2, 0.3])).probabilities
    array([0.625, 0.   , 0.375])
    """

    k: int

    def __post_init__(self):
        object.__setattr__(self, "k", check.integer("k", self.k, least=1, because="something must be left to sample"))

    def check(self, model, least: int):
        """Refuse more categories than there are."""
        super().check(model, least)
        if self.k > len(model.probabilities):
            raise ValueError(
                f"k must be <= {len(model.probabilities)}, the number of categories (TopK with all of them does "
                f"nothing), got {self.k}."
            )

    def shape(self, model):
        """Return the model without its rarer categories."""
        p = model.probabilities
        kept = np.argsort(-p, kind="stable")[: self.k]
        out = np.zeros_like(p)
        out[kept] = p[kept]
        return model.with_probabilities(out / out.sum())


@dataclass(frozen=True)
class TopP(_Cut):
    """Sample from the smallest set of commonest categories whose probabilities add up to at least `p` (nucleus).

    Parameters
    ----------
    p : float
        In (0, 1]; 1 keeps everything.

    Examples
    --------
    >>> from modelcollapse.families import Categorical
    >>> TopP(0.7).shape(Categorical([0.5, 0.2, 0.3])).probabilities
    array([0.625, 0.   , 0.375])
    """

    p: float

    def __post_init__(self):
        object.__setattr__(self, "p", check.number("p", self.p, above=0, most=1))

    def shape(self, model):
        """Return the model without its tail."""
        p = model.probabilities
        order = np.argsort(-p, kind="stable")
        # rounding of the sum must not push out, or take in, a category that ends exactly at p
        size = 1 + int(np.searchsorted(np.cumsum(p[order]), self.p * (1 - 1e-12)))
        out = np.zeros_like(p)
        out[order[:size]] = p[order[:size]]
        return model.with_probabilities(out / out.sum())


# ------------------------------------------------------------------------------------------ which points are kept


def _judged(name: str, function, X, model) -> np.ndarray:
    """Score points by a function of them, or by the model's own log-likelihood, and check the scores."""
    if function == "likelihood":
        scores = model.logpdf(X) if hasattr(model, "logpdf") else model.logpmf(X)
    else:
        scores = X if function is None else function(X)
    try:
        scores = np.asarray(scores).astype(float)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} must return numbers, got {np.asarray(scores).flat[0]!r} for the point {X[0]}."
        ) from None
    if scores.shape != (len(X),):
        raise ValueError(f"{name} must return one number a point, ({len(X)},), got shape {scores.shape}.")
    if not np.isfinite(scores).all():
        bad = int(np.argmin(np.isfinite(scores)))
        raise ValueError(f"{name} must be finite for every point, got {scores[bad]} for the point {X[bad]}.")
    return scores


def _judge(name: str, value, *, legal: tuple = ()):
    if value is None or callable(value) or value in legal:
        return value
    words = "".join(f", {word!r}" for word in legal)
    raise TypeError(f"{name} must be a function of points{words}, or None for the points themselves, got {value!r}.")


def _scalar_points(name: str, function, model):
    """Refuse to take points for scores where points are not numbers."""
    if function is None and getattr(model, "dim", None) is not None:
        raise ValueError(f"{name} must be a function of points (of a row of numbers there is no largest), got None.")


@dataclass(frozen=True)
class Truncate(Curation):
    """Drop synthetic points outside a fixed interval.

    Parameters
    ----------
    low, high : float, optional
        The interval [low, high]; at least one end.
    by : callable, optional
        Function of points (size,) or (size, dim) that returns (size,) numbers to be compared; by default the points.
    """

    low: float | None = None
    high: float | None = None
    by: Callable | None = None

    judge: ClassVar[str] = "by"

    def __post_init__(self):
        for name in ("low", "high"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else check.number(name, value))
        if self.low is None and self.high is None:
            raise ValueError("low must be given, or high (without either nothing is truncated), got None for both.")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"high must be > low (an empty interval keeps nothing), got {self.high} for {self.low}.")
        _judge("by", self.by)

    def check(self, model, least: int):
        """Refuse to compare rows with numbers."""
        _scalar_points("by", self.by, model)

    def pick(self, draw, size, model, rng):
        """Draw, and keep what is inside."""
        X = draw(size, rng)
        value = _judged("by", self.by, X, model)
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return X[(value >= low) & (value <= high)]


@dataclass(frozen=True)
class SelectTop(Curation):
    """Keep the best `fraction` of the synthetic points of each batch.

    Parameters
    ----------
    fraction : float
        In (0, 1]; at least one point is kept.
    by : callable or "likelihood", optional
        What is good: a function of points (size,) or (size, dim) that returns (size,) numbers; "likelihood" for the
        model's own log-likelihood (a filter by perplexity); by default the points themselves, the largest being best.
    """

    fraction: float
    by: Callable | str | None = None

    judge: ClassVar[str] = "by"

    def __post_init__(self):
        because = "something must be kept"
        object.__setattr__(self, "fraction", check.number("fraction", self.fraction, above=0, most=1, because=because))
        _judge("by", self.by, legal=("likelihood",))

    def check(self, model, least: int):
        """Refuse to rank rows of numbers, and models that do not say how likely a point is."""
        _scalar_points("by", self.by, model)
        if self.by == "likelihood" and not (hasattr(model, "logpdf") or hasattr(model, "logpmf")):
            raise ValueError(
                f"by must be a function of points where the family is a {model.kind} (it gives no likelihood of a "
                "point), got 'likelihood'."
            )

    def pick(self, draw, size, model, rng):
        """Draw, and keep the best."""
        X = draw(size, rng)
        try:
            score = _judged("by", self.by, X, model)
        except ValueError:
            if self.by != "likelihood":
                raise
            return X[:0]  # a model that has collapsed to a point has no density, and nothing is likelier than the rest
        if len(X) == 0:
            return X
        kept = max(1, round(self.fraction * len(X)))
        # points of equal score are in random order already: a stable sort does not favour any
        return X[np.sort(np.argsort(-score, kind="stable")[:kept])]


@dataclass(frozen=True)
class Verifier(Curation):
    """Keep good synthetic points with one probability and bad ones with another.

    Parameters
    ----------
    good : callable
        Function of points (size,) or (size, dim) that returns (size,) booleans.
    keep_good, keep_bad : float, default 1 and 0
        Probabilities in [0, 1], not both zero.
    """

    good: Callable
    keep_good: float = 1.0
    keep_bad: float = 0.0

    judge: ClassVar[str] = "good"

    def __post_init__(self):
        if not callable(self.good):
            raise TypeError(f"good must be a function of points that returns booleans, got {self.good!r}.")
        for name in ("keep_good", "keep_bad"):
            object.__setattr__(self, name, check.probability(name, getattr(self, name)))
        if self.keep_good == self.keep_bad == 0:
            raise ValueError("keep_good must be > 0, or keep_bad (a filter that keeps nothing is no filter), got 0.0.")

    def pick(self, draw, size, model, rng):
        """Draw, and keep what passes."""
        X = draw(size, rng)
        good = _judged("good", self.good, X, model) != 0
        return X[rng.random(len(X)) < np.where(good, self.keep_good, self.keep_bad)]


@dataclass(frozen=True)
class Prefer(Curation):
    r"""Let a curator choose each synthetic point among candidates (Bradley-Terry-Luce).

    Of `candidates` points drawn from the model, x is chosen with probability proportional to
    :math:`e^{r(x)/\tau}` (Ferbach et al., arXiv 2407.09499).

    Parameters
    ----------
    reward : callable, optional
        Function r of points (size,) or (size, dim) that returns (size,) finite numbers; by default the points.
    candidates : int, default 2
        >= 1 and at most the number of points in a batch; 1 is no choice.
    temperature : float, default 1
        > 0: how soft the choice is.
    """

    reward: Callable | None = None
    candidates: int = 2
    temperature: float = 1.0

    judge: ClassVar[str] = "reward"

    def __post_init__(self):
        _judge("reward", self.reward)
        object.__setattr__(self, "candidates", check.integer("candidates", self.candidates, least=1))
        object.__setattr__(self, "temperature", check.number("temperature", self.temperature, above=0))

    def check(self, model, least: int):
        """Refuse more candidates than points."""
        _scalar_points("reward", self.reward, model)
        if self.candidates > least:
            raise ValueError(
                f"candidates must be <= {least}, the fewest synthetic points of a generation (a curator cannot look "
                f"at more), got {self.candidates}."
            )

    def pick(self, draw, size, model, rng):
        """Draw candidates, and choose."""
        X = draw(size * self.candidates, rng)
        reward = _judged("reward", self.reward, X, model) / self.temperature
        # the largest of reward + Gumbel noise is a choice with probabilities proportional to exp(reward)
        choices = len(X) // self.candidates  # fewer than `size` where a curation before this one drops points
        score = (reward + rng.gumbel(size=len(X)))[: choices * self.candidates].reshape(choices, self.candidates)
        return X[np.arange(choices) * self.candidates + score.argmax(1)]


@dataclass(frozen=True)
class Edit(Curation):
    """Replace a part of the previous batch by new points, and keep the rest: token editing.

    A random `fraction` of the batch is new; the other points, whichever generation they are from, stay. Under
    ``Replace(n)`` this is random replacement, with 1 the regime itself.

    Parameters
    ----------
    fraction : float
        In (0, 1].
    """

    fraction: float

    edits: ClassVar[bool] = True

    def __post_init__(self):
        because = "with nothing replaced there is no loop"
        object.__setattr__(self, "fraction", check.number("fraction", self.fraction, above=0, most=1, because=because))

    def edit(self, previous, synthetic, draw, size, rng):
        """Keep a random part of the previous batch, and draw the rest."""
        stays = min(size - round(self.fraction * size), len(previous))
        order = rng.permutation(len(previous))[:stays]
        points = np.concatenate([previous[order], draw(size - stays, rng)])
        return points, np.concatenate([synthetic[order], np.ones(len(points) - stays, bool)])


# -------------------------------------------------------------------------------------- what looks synthetic


@dataclass(frozen=True)
class Detector(Curation):
    """Flag points as synthetic, with errors of both kinds, and drop them or let them weigh less.

    It sees every new batch, with its real points. Under ``Replace`` there are none, and it only makes samples smaller.

    Parameters
    ----------
    tpr : float
        Probability that a synthetic point is flagged.
    fpr : float
        Probability that a real point is flagged.
    action : {"drop", "weight"}, default "drop"
        Drop flagged points, or fit with each point weighing the probability that it is real, given its flag and the
        share of real points in the batch.
    """

    tpr: float
    fpr: float
    action: str = "drop"

    def __post_init__(self):
        for name in ("tpr", "fpr"):
            object.__setattr__(self, name, check.probability(name, getattr(self, name)))
        check.choice("action", self.action, ("drop", "weight"))
        if self.tpr == self.fpr == 1:
            raise ValueError("tpr must be < 1, or fpr (a detector that flags everything keeps nothing), got 1.0.")

    @property
    def weighs(self) -> bool:
        """Whether fits are weighted."""
        return self.action == "weight"

    def screen(self, synthetic, rng):
        """Flag, and weigh: 0 or 1, or the probability of being real."""
        if not len(synthetic):
            return np.ones(0)
        flagged = rng.random(len(synthetic)) < np.where(synthetic, self.tpr, self.fpr)
        if not self.weighs:
            return np.where(flagged, 0.0, 1.0)
        real = 1 - synthetic.mean()
        weights = np.ones(len(synthetic))
        if real in (0, 1):  # no flag can tell points of one kind apart
            return weights
        for mask, on_real, on_synthetic in ((flagged, self.fpr, self.tpr), (~flagged, 1 - self.fpr, 1 - self.tpr)):
            share = real * on_real + (1 - real) * on_synthetic
            weights[mask] = real * on_real / share if share > 0 else 0.0
        return weights


@dataclass(frozen=True)
class Watermark(Detector):
    r"""A detector that counts marked tokens: every point is a text of so many tokens (Kirchenbauer et al. 2023).

    A share of the vocabulary is marked, and the generator's logits of marked tokens are raised by `strength`. A text
    is flagged if too many of its tokens are marked. Where every token is as good as any other (the best case), a
    token of the generator is marked with probability :math:`\gamma e^\delta / (1 + \gamma(e^\delta - 1))`, one of
    a human with probability :math:`\gamma`; the counts are binomial, and so are the two error rates, exactly.

    Parameters
    ----------
    strength : float
        :math:`\delta \ge 0`, in nats.
    length : int
        Tokens in a text, >= 1.
    marked : float, default 0.25
        :math:`\gamma`, in (0, 1).
    false_alarms : float, default 0.01
        Largest probability in (0, 1) with which a real text may be flagged.
    action : {"drop", "weight"}, default "drop"
        As for `Detector`.

    Examples
    --------
    >>> mark = Watermark(strength=1.0, length=100)
    >>> round(mark.tpr, 3), round(mark.fpr, 4)
    (0.989, 0.0066)
    """

    tpr: float = field(init=False)
    fpr: float = field(init=False)
    strength: float = field(kw_only=True)
    length: int = field(kw_only=True)
    marked: float = field(default=0.25, kw_only=True)
    false_alarms: float = field(default=0.01, kw_only=True)

    def __post_init__(self):
        import scipy.special

        strength = check.number("strength", self.strength, least=0, because="a watermark raises what it marks")
        length = check.integer("length", self.length, least=1)
        marked = check.number("marked", self.marked, above=0, below=1)
        level = check.number("false_alarms", self.false_alarms, above=0, below=1)
        # P(count > m) falls in m; the smallest m that keeps the promise
        tails = scipy.special.bdtrc(np.arange(length + 1), length, marked)
        threshold = int(np.argmax(tails <= level))
        by_model = marked * math.exp(strength) / (1 + marked * math.expm1(strength))
        rates = {
            "tpr": float(scipy.special.bdtrc(threshold, length, by_model)),
            "fpr": float(tails[threshold]),
        }
        for name, value in {**rates, "strength": strength, "length": length, "marked": marked}.items():
            object.__setattr__(self, name, value)
        super().__post_init__()

    def __str__(self) -> str:
        return f"{super().__str__()[:-1]}; tpr={self.tpr:.4g}, fpr={self.fpr:.4g})"
