r"""Who is lost first? Survival of categories and components by how common they were.

A part (a category, or a component of a mixture) of original probability q has about nq points in the first training
set, and what becomes of it afterwards is decided by that number alone: under Replace half of the parts with c points
are gone after some :math:`2c / \ln 2` generations, however large n is (`SUR-FORGET`). What the functions here measure
in a run has its counterpart in theory: `theory.survival`, `theory.expected_support`,
`theory.forgetting_time_median`.

A word on fairness. Under Replace, and whenever points come from the truth or an earlier model alone, the *expected*
probability of a part never changes: what the minority loses in most chains it gains, many times over, in a few. So
means over chains show nothing; shares of chains and medians do.

Chains that a curation has stopped (variable ``stopped`` of the run) count up to the generation before they stopped:
what is said of generation t is said of the chains that ran to generation t, and is NaN where none did. If chains stop
because of what they have lost, those that ran on are not like the others.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modelcollapse import _validate as check
from modelcollapse import regimes
from modelcollapse.metrics import _read as read
from modelcollapse.metrics.tails import LOST, PARTS, USE_TAILS

__all__ = ["minority_half_life", "minority_lost", "minority_parity", "minority_survival"]

#: original probabilities that agree in so many digits belong to parts of one kind: same law, pooled
DIGITS = 12


def _parts(run, metric: str):
    """Return the shares (.., part), the original ones (part,), the name of the part and the labels of the parts."""
    family = read.kind(run, metric, tuple(PARTS), because=LOST, instead=USE_TAILS)
    name, part = PARTS[family]
    share = read.values(run, name, metric, stopped=True)
    labels = run[part].values if part in run.coords else np.arange(share.shape[-1])
    return share, share[0, read.place(run, metric)], part, labels


def _least(run, metric: str, part: str, above):
    """Return the share up to which a part counts as gone, (generation, 1) or a number."""
    if above is not None:
        return check.probability("above", above)
    if part == "category":
        return 0.0
    try:
        sizes = regimes.read(run.attrs["regime"]).plan(int(run.attrs["generations"])).size
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(
            f"above must be given for {metric} (a component without points keeps a tiny weight, and the run does not "
            "say how many points its fits had), got None; use above=1/n."
        ) from error
    t = run["generation"].values
    return np.where(t > 0, 1 / sizes[np.maximum(t, 1) - 1], 0.0)[:, None]


def _alive(run, metric: str, above):
    """Return which parts of the truth are there, (replicate, generation, part), with what `_parts` knows of them."""
    share, original, part, labels = _parts(run, metric)
    there = share > _least(run, metric, part, above)
    real = original > 0
    return there[..., real], original[real], part, labels[real]


def _mean(x, going):
    """Return means (generation, ...) of an array (replicate, generation, ...) over the chains that ran so far."""
    going = going.reshape(going.shape + (1,) * (x.ndim - 2))
    with np.errstate(invalid="ignore"):
        return (x * going).sum(axis=0) / going.sum(axis=0)


def _label(run, data, dims, coords, *, name, long_name, reference, error=None):
    """Label an array that has no replicates and say what it is."""
    import xarray as xr

    if "generation" in dims:
        coords = {"generation": run["generation"].values, **coords}
    if error is not None:
        coords = coords | {"standard_error": (dims, error)}
    attrs = {"long_name": long_name, "kind": "over chains", "reference": reference, "chains": run.sizes["replicate"]}
    stopped = int((~read.running(run)).any(axis=1).sum())
    if stopped:
        attrs["stopped"] = stopped
    return xr.DataArray(data, dims=dims, coords=coords, name=name, attrs=attrs)


def minority_survival(run, *, at=None, above=None):
    r"""Share of the chains in which each category or component is still there.

    Parameters
    ----------
    run : xarray.Dataset
        Categorical or GaussianMixture models, real rows without a model included (every row is a category).
    at : int or sequence of int, optional
        Generations. Default: all. Of each, the chains count that ran to it.
    above : float, optional
        A part with at most this probability (weight) counts as gone. Default: 0 for categories; for components one
        over the number of points of the fit, because a component that has lost its points keeps a tiny weight.

    Returns
    -------
    xarray.DataArray
        (generation, category) or (generation, component), without generation if `at` is a number; parts that the
        truth does not have are left out. Coordinates: ``probability``, the original one of each part, and
        ``standard_error``, the binomial one.

    Raises
    ------
    ValueError
        If the models have no parts, a generation is not in the run, or `above` is needed and not given.

    Examples
    --------
    >>> import xarray as xr
    >>> p = [[[0.9, 0.1], [1.0, 0.0]], [[0.9, 0.1], [0.8, 0.2]]]
    >>> run = xr.Dataset({"probability": (("replicate", "generation", "category"), p)},
    ...                  {"replicate": [0, 1], "generation": [0, 1]}, {"family": "Categorical"})
    >>> minority_survival(run, at=1).values
    array([1. , 0.5])
    """
    there, original, part, labels = _alive(run, "minority_survival", above)
    going = read.running(run)
    share, chains = _mean(there, going), going.sum(axis=0)[:, None]
    with np.errstate(invalid="ignore"):
        error = np.sqrt(share * (1 - share) / chains)
    out = _label(
        run,
        share,
        ("generation", part),
        {part: labels, "probability": (part, original)},
        name="minority_survival",
        long_name=f"{part} still there (share of the chains)",
        reference="SUR-T1, WF-LOSS",
        error=error,
    )
    if at is None:
        return out
    generations = [check.integer("at", g, least=0) for g in np.atleast_1d(at)]
    for g in generations:
        read.place(run, "minority_survival", g)
    return out.sel(generation=generations if np.ndim(at) else generations[0])


def minority_half_life(run, *, above=None):
    r"""First generation by which half of the parts of a given original probability are gone.

    Parts of the same original probability have the same law and are pooled over parts and chains. A part that comes
    back (with fresh real data it may) counts as there again; what is returned is the first generation at which at most
    half are there.

    Parameters
    ----------
    run : xarray.Dataset
        Categorical or GaussianMixture models.
    above : float, optional
        As in `minority_survival`.

    Returns
    -------
    xarray.DataArray
        (probability,), in generations, the original probabilities ascending; NaN where more than half are there to the
        end of the run. Coordinate ``parts``: how many have this probability.

    Notes
    -----
    Theory for Replace: the first t at which ``theory.survival(q, n, T)`` is at most 1/2; for rare parts about
    :math:`2nq/\ln 2` (`theory.forgetting_time_median`), to which the first fit adds its own losses.

    Examples
    --------
    >>> import xarray as xr
    >>> p = [[[0.8, 0.1, 0.1], [0.9, 0.1, 0.0], [1.0, 0.0, 0.0]]]
    >>> run = xr.Dataset({"probability": (("replicate", "generation", "category"), p)},
    ...                  {"replicate": [0], "generation": [0, 1, 2]}, {"family": "Categorical"})
    >>> minority_half_life(run).to_series().to_dict()
    {0.1: 1.0, 0.8: nan}
    """
    there, original, _, _ = _alive(run, "minority_half_life", above)
    kinds, member, parts = np.unique(
        [float(f"{q:.{DIGITS}g}") for q in original], return_inverse=True, return_counts=True
    )
    going = read.running(run)
    share = np.stack([_mean(there[..., member == k].sum(axis=-1), going) / parts[k] for k in range(len(kinds))])
    halved = share <= 0.5
    t = run["generation"].values.astype(float)
    return _label(
        run,
        np.where(halved.any(axis=1), t[halved.argmax(axis=1)], np.nan),
        ("probability",),
        {"probability": kinds, "parts": ("probability", parts)},
        name="minority_half_life",
        long_name="half of the parts of this probability are gone (generation)",
        reference="SUR-FORGET",
    )


def minority_lost(run, *, below: float = 1.0, above=None):
    r"""Expected number of rare parts that are gone, generation by generation.

    Parameters
    ----------
    run : xarray.Dataset
        Categorical or GaussianMixture models.
    below : float
        Count the parts of original probability at most this; 1 for all.
    above : float, optional
        As in `minority_survival`.

    Returns
    -------
    xarray.DataArray
        (generation,), the mean number over chains; coordinate ``standard_error``; attribute ``parts``, of how many.

    Raises
    ------
    ValueError
        If no part is that rare.

    Notes
    -----
    Theory for Replace: the number of parts less the sum of ``theory.survival`` over them (`SUR-COR1`).

    Examples
    --------
    >>> import xarray as xr
    >>> p = [[[0.8, 0.1, 0.1], [0.9, 0.1, 0.0], [1.0, 0.0, 0.0]]]
    >>> run = xr.Dataset({"probability": (("replicate", "generation", "category"), p)},
    ...                  {"replicate": [0], "generation": [0, 1, 2]}, {"family": "Categorical"})
    >>> minority_lost(run, below=0.1).values
    array([0., 1., 2.])
    """
    below = check.number("below", below, above=0.0, most=1.0)
    there, original, part, _ = _alive(run, "minority_lost", above)
    rare = original <= below * (1 + 10.0**-DIGITS)
    if not rare.any():
        raise ValueError(
            f"below must be at least the probability of the rarest {part} ({original.min():g}, else there is nothing "
            f"to count), got {below:g}."
        )
    gone = (~there[..., rare]).sum(axis=-1)
    going = read.running(run)
    mean, chains = _mean(gone, going), going.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt((going * (gone - mean) ** 2).sum(axis=0) / (chains - 1) / chains)
    error[chains < 2] = np.nan
    out = _label(
        run,
        mean,
        ("generation",),
        {},
        name="minority_lost",
        long_name=f"parts of original probability at most {below:g} that are gone (mean number)",
        reference="SUR-COR1",
        error=error,
    )
    out.attrs["parts"] = int(rare.sum())
    return out


def _members(groups, part: str, labels, original) -> dict:
    """Return for each group the positions of its parts."""
    if not isinstance(groups, Mapping) or not groups:
        raise TypeError(
            f"groups must be a dict of names and {part} labels, such as {{'rare': [3, 4]}}, got {groups!r}."
        )
    place = {label: i for i, label in enumerate(labels.tolist())}
    found = {}
    for name, members in groups.items():
        members = [members] if np.ndim(members) == 0 else np.asarray(members).tolist()
        unknown = [m for m in members if m not in place]
        if unknown or not members:
            shown = ", ".join(map(str, list(place)[:12])) + (", ..." if len(place) > 12 else "")
            raise ValueError(
                f"groups[{name!r}] must hold {part} labels ({shown}), got {unknown[0] if unknown else 'none'!r}."
            )
        found[name] = np.array([place[m] for m in members])
        if not original[found[name]].sum() > 0:
            raise ValueError(
                f"groups[{name!r}] must have an original probability > 0 (nothing can be lost of it), got 0."
            )
    return found


def minority_parity(run, groups, *, by: str = "survival", reference=None, above=None):
    r"""Do groups fare alike? What each has kept, divided by what the reference group has kept.

    * ``by="survival"``: share of the chains in which the group still has any probability;
    * ``by="mass"``: median over chains of :math:`p_t(G) / p_0(G)`. (The mean would be 1 for every group and show
      nothing.)

    Parameters
    ----------
    run : xarray.Dataset
        Categorical or GaussianMixture models.
    groups : dict
        Name of the group -> its categories (or components), by their labels.
    by : {"survival", "mass"}
        What is compared.
    reference : optional
        Name of the group that the others are divided by. Default: the one of largest original probability.
    above : float, optional
        As in `minority_survival`; applied to the probability of the group.

    Returns
    -------
    xarray.DataArray
        (generation, group), 1 for equal treatment; NaN where the reference has kept nothing. Coordinates:
        ``probability``, the original one of each group; ``kept``, what each has kept itself.

    Examples
    --------
    >>> import xarray as xr
    >>> p = [[[0.9, 0.1], [1.0, 0.0]], [[0.9, 0.1], [0.8, 0.2]]]
    >>> run = xr.Dataset({"probability": (("replicate", "generation", "category"), p)},
    ...                  {"replicate": [0, 1], "generation": [0, 1]}, {"family": "Categorical"})
    >>> minority_parity(run, {"many": 0, "few": 1}).sel(group="few").values
    array([1. , 0.5])
    """
    metric = "minority_parity"
    check.choice("by", by, ("survival", "mass"))
    share, original, part, labels = _parts(run, metric)
    members = _members(groups, part, labels, original)
    names = list(members)
    first = np.array([original[place].sum() for place in members.values()])
    if reference is None:
        reference = names[int(np.argmax(first))]
    elif reference not in members:
        raise ValueError(f"reference must be one of the groups {', '.join(map(repr, names))}, got {reference!r}.")
    now = np.stack([share[..., place].sum(axis=-1) for place in members.values()], axis=-1)
    there = now > _least(run, metric, part, above)
    going = read.running(run)
    if by == "survival":
        kept = _mean(there, going)
    elif going.all():
        kept = np.median(now / first, axis=0)
    else:
        kept = np.full(now.shape[1:], np.nan)
        for t in np.flatnonzero(going.any(axis=0)):
            kept[t] = np.median(now[going[:, t], t] / first, axis=0)
    base = kept[:, [names.index(reference)]]
    with np.errstate(invalid="ignore", divide="ignore"):
        parity = np.where(base > 0, kept / base, np.nan)
    words = {"survival": "share of chains in which the group is there", "mass": "median share of its mass kept"}[by]
    return _label(
        run,
        parity,
        ("generation", "group"),
        {"group": names, "probability": ("group", first), "kept": (("generation", "group"), kept)},
        name=metric,
        long_name=f"{words}, relative to {reference} (ratio)",
        reference="ratio to the reference group",
    )
