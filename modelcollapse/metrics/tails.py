"""What has been forgotten: mass beyond a threshold of the truth, categories that are still there, mass that is gone.

The rare is lost first. A tail is measured at a threshold that is fixed by the truth, never by the model at hand, and
in closed form, never by counting samples: a mass of 1e-30 is computed as exactly as one of 0.1.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp, ndtri

from modelcollapse import _validate as check
from modelcollapse.metrics import _read as read
from modelcollapse.metrics._normal import in_units, tail

__all__ = ["missing_mass", "support", "survival", "tail_mass"]

SIDES = ("both", "lower", "upper")
#: families with parts that can vanish: their shares, and what a part is called
PARTS = {"Categorical": ("probability", "category"), "GaussianMixture": ("weight", "component")}
LOST = "only categories and components can vanish"
DIES = "only categories, components and counts can vanish"
USE_TAILS = "use tail_mass for the tails of a density"

#: a sum of probabilities may pass the asked quantile by this much, the rounding of a long sum
ROUNDING = 1e-12


def tail_mass(run, *, beyond=None, quantile=None, side: str = "both", log: bool = False):
    r"""Mass of each model beyond a threshold of the truth.

    .. math:: P_t(X < a) + P_t(X > b)

    With ``beyond=k`` the thresholds are :math:`a, b = \mu_0 \mp k \sigma_0`; with ``quantile=q`` they are the quantiles
    of the truth that leave it the mass ``q`` outside: ``q / 2`` in each tail for ``side="both"``, ``q`` in one tail
    otherwise. Where real rows are the truth, their own mean, sd (divisor: the number of rows) and quantiles count.

    Parameters
    ----------
    run : xarray.Dataset
        Gaussian, GaussianMixture or Categorical models. Points of more than one dimension are measured dimension
        by dimension (marginals), and the result has the dimension ``dim``. A bootstrap of rows is measured like a
        density, by the values of its rows.
    beyond : float, optional
        Distance of the threshold from the mean of the truth, in its sd. Give this or `quantile`. Not for named
        categories.
    quantile : float, optional
        Mass of the truth outside, in (0, 1). For named categories: the rarest of them that together hold at
        most so much of the original probability (of equally rare ones those that come first).
    side : {"both", "lower", "upper"}
        Which tail. Named categories have no sides.
    log : bool
        Return the natural logarithm, for masses below 1e-308.

    Returns
    -------
    xarray.DataArray
        (replicate, generation[, dim]), probability or its logarithm.

    Raises
    ------
    ValueError, TypeError
        If the run does not hold what is needed, neither or both thresholds are given, or `quantile` is below the
        probability of the rarest category.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"mean": (("replicate", "generation"), [[0.0, 0.0]]),
    ...                   "log_variance": (("replicate", "generation"), [[0.0, np.log(0.25)]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Gaussian"})
    >>> tail_mass(run, beyond=2.0).values.round(6)
    array([[4.55e-02, 6.30e-05]])
    """
    family = read.kind(
        run,
        "tail_mass",
        ("Gaussian", "GaussianMixture", "Categorical"),
        because="their tails have closed forms",
        instead="draw points and count them",
    )
    check.choice("side", side, SIDES)
    if (beyond is None) == (quantile is None):
        raise ValueError(
            "beyond or quantile must be given, and not both (one threshold is measured at a time), got "
            f"beyond={beyond!r} and quantile={quantile!r}."
        )
    if beyond is not None:
        beyond = check.number("beyond", beyond, least=0.0)
        what = f"more than {beyond:g} sd of the truth from its mean"
    else:
        quantile = check.number("quantile", quantile, above=0.0)
        if quantile >= 1:
            raise ValueError(f"quantile must be < 1 (it is a mass of the truth), got {quantile:g}.")
        what = f"where the truth has its outermost {quantile:g}"
    bootstrap = read.is_bootstrap(run)
    if family == "Categorical" and not bootstrap:
        if beyond is not None or side != "both":
            raise ValueError(
                "quantile must be given alone for categories (they have a rarest, but neither sd nor "
                f"sides), got beyond={beyond!r} and side={side!r}; use quantile=0.05, say."
            )
        out, what = _rare(run, quantile), f"of the rarest categories, originally at most {quantile:g}"
    else:
        asked = beyond, quantile, side
        out = _rows_beyond(run, *asked) if bootstrap else _density_beyond(run, *asked, log)
        what += "" if side == "both" else f", {side} tail"
    if log and family == "Categorical":
        with np.errstate(divide="ignore"):
            out = np.log(out)
    extra = ("dim",) if out.ndim == 3 else ()
    return read.wrap(
        run,
        out,
        name="log_tail_mass" if log else "tail_mass",
        extra=extra,
        long_name=f"log of the mass {what} (nats)" if log else f"mass {what} (probability)",
        reference="sum of probabilities" if family == "Categorical" else "normal distribution function",
    )


def _rare(run, quantile: float) -> np.ndarray:
    """Mass of the rarest categories."""
    p = read.values(run, "probability", "tail_mass")
    original = p[0, read.place(run, "tail_mass")]
    order = np.argsort(original, kind="stable")
    held = np.cumsum(original[order]) <= quantile + ROUNDING
    if not (original[order[held]] > 0).any():
        rarest = original[original > 0].min()
        raise ValueError(
            "quantile must be at least the probability of the rarest category (no category is rarer), "
            f"got {quantile:g} where the rarest has {rarest:g}."
        )
    return p[..., order[held]].sum(-1)


def _outer(quantile: float, side: str) -> tuple[float, float]:
    """Mass of the truth below the lower and above the upper threshold."""
    return {"both": (quantile / 2, quantile / 2), "lower": (quantile, 0.0), "upper": (0.0, quantile)}[side]


def _of_rows(rows, beyond, quantile, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds that real rows set, column by column."""
    if quantile is None:
        low, high = (rows.mean(0) + sign * beyond * rows.std(0) for sign in (-1, 1))
    else:
        below, above = _outer(quantile, side)
        low, high = np.quantile(rows, below, axis=0), np.quantile(rows, 1 - above, axis=0)
    return (-np.inf if side == "upper" else low), (np.inf if side == "lower" else high)


def _rows_beyond(run, beyond, quantile, side: str) -> np.ndarray:
    """Mass of a bootstrap on the rows beyond the thresholds."""
    rows = read.rows(run, "tail_mass")
    low, high = _of_rows(rows, beyond, quantile, side)
    return read.values(run, "probability", "tail_mass") @ ((rows < low) | (rows > high)).astype(float)


def _density_beyond(run, beyond, quantile, side: str, log: bool) -> np.ndarray:
    """Mass of Gaussians and mixtures beyond the thresholds; points of d dimensions give (.., dim)."""
    origin = read.place(run, "tail_mass")
    if run.attrs["family"] == "Gaussian":
        models = read.normals(run, "tail_mass")
        mean, log_variance = models.mean[..., None], models.log_variance[..., None]  # (.., [dim,] component)
        weight = np.ones(1)
    else:
        models = read.mixtures(run, "tail_mass")
        mean = models.mean.swapaxes(-1, -2)
        with np.errstate(divide="ignore"):
            log_variance = np.log(np.diagonal(models.cov, axis1=-2, axis2=-1)).swapaxes(-1, -2)
        weight = models.weight[..., None, :]
    rows = read.rows(run, "tail_mass")
    if rows is not None:
        low, high = _of_rows(rows, beyond, quantile, side)
    else:
        first = (np.broadcast_to(weight, mean.shape)[0, origin], mean[0, origin], log_variance[0, origin])
        low, high = _of_model(*first, beyond, quantile, side)
    parts = [
        tail(in_units(sign * (np.asarray(edge)[..., None] - mean), log_variance), log)
        for sign, edge in ((1, low), (-1, high))
        if np.isfinite(edge).all()
    ]
    if not log:
        return sum((weight * part).sum(-1) for part in parts)
    with np.errstate(divide="ignore"):
        return np.logaddexp.reduce([logsumexp(part + np.log(weight), axis=-1) for part in parts])


def _of_model(weight, mean, log_variance, beyond, quantile, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds that a mixture of normal laws sets, for arrays ([dim,] component)."""
    sd = np.exp(log_variance / 2)
    if quantile is None:
        centre = (weight * mean).sum(-1)
        spread = np.sqrt((weight * (sd**2 + (mean - centre[..., None]) ** 2)).sum(-1))
        low, high = centre - beyond * spread, centre + beyond * spread
    else:
        below, above = _outer(quantile, side)
        shape = mean.shape[:-1]
        one_by_one = [a.reshape(-1, mean.shape[-1]) for a in (weight, mean, sd)]
        low, high = (
            np.array([edge(w, m, s) for w, m, s in zip(*one_by_one, strict=True)]).reshape(shape)
            for edge in (lambda w, m, s: _quantile(w, m, s, below), lambda w, m, s: -_quantile(w, -m, s, above))
        )
    return (-np.inf if side == "upper" else low), (np.inf if side == "lower" else high)


def _quantile(weight, mean, sd, mass: float) -> float:
    """Point below which one mixture of normal laws has the given mass."""
    from scipy.optimize import brentq

    if mass == 0:
        return -np.inf
    ends = mean + sd * ndtri(mass)
    if len(ends) == 1 or np.ptp(ends) == 0:
        return float(ends[0])
    with np.errstate(divide="ignore"):
        log_weight = np.log(weight)
    # in logarithms, because a far quantile is a small mass; the root lies between those of the components
    return brentq(
        lambda x: logsumexp(log_weight + tail((x - mean) / sd, True)) - np.log(mass),
        np.nextafter(ends.min(), -np.inf),
        np.nextafter(ends.max(), np.inf),
        xtol=1e-300,
        rtol=1e-15,
    )


def survival(run, *, above: float = 0.0):
    """Which categories (or components of a mixture) are still there; whether a Poisson law still makes anything but 0.

    Parameters
    ----------
    run : xarray.Dataset
        Categorical, GaussianMixture or Poisson models.
    above : float
        A part is there if its probability (its weight) is larger than this. A component that has lost its points
        keeps a tiny weight instead of none, so mixtures want something like ``1 / n`` here. Of a Poisson law it is the
        rate that has to be larger, and 0 is what it asks for.

    Returns
    -------
    xarray.DataArray of bool
        (replicate, generation, category), (replicate, generation, component), or (replicate, generation).

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"probability": (("replicate", "generation", "category"), [[[0.7, 0.3], [1.0, 0.0]]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Categorical"})
    >>> survival(run).values
    array([[[ True,  True],
            [ True, False]]])
    """
    family = read.kind(run, "survival", (*PARTS, "Poisson"), because=DIES, instead=USE_TAILS)
    above = check.probability("above", above)
    if family == "Poisson":
        return read.wrap(
            run,
            read.values(run, "rate", "survival") > above,
            name="survival",
            long_name="Poisson law not yet all zeros (true or false)",
            reference=f"rate > {above:g}",
        )
    share, part = _shares(run, "survival")
    return read.wrap(
        run,
        share > above,
        name="survival",
        extra=(part,),
        long_name=f"{part} still there (true or false)",
        reference=f"probability > {above:g}",
    )


def support(run, *, above: float = 0.0):
    """Number of categories (or components) that are still there; parameters as for `survival`.

    Returns
    -------
    xarray.DataArray of int
        (replicate, generation).

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"probability": (("replicate", "generation", "category"), [[[0.7, 0.3], [1.0, 0.0]]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Categorical"})
    >>> support(run).values
    array([[2, 1]])
    """
    share, part = _shares(run, "support")
    above = check.probability("above", above)
    words = {"category": "categories", "component": "components"}[part]
    return read.wrap(
        run,
        (share > above).sum(-1),
        name="support",
        long_name=f"{words} still there (number)",
        reference=f"number with probability > {above:g}",
    )


def missing_mass(run, *, above: float = 0.0):
    r"""Original probability of what has vanished; parameters as for `survival`.

    .. math:: \sum_i p_0(i) \, 1[p_t(i) = 0]

    Returns
    -------
    xarray.DataArray
        (replicate, generation), probability.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"probability": (("replicate", "generation", "category"), [[[0.7, 0.3], [1.0, 0.0]]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Categorical"})
    >>> missing_mass(run).values
    array([[0. , 0.3]])
    """
    share, part = _shares(run, "missing_mass")
    above = check.probability("above", above)
    original = share[0, read.place(run, "missing_mass")]
    words = {"category": "categories", "component": "components"}[part]
    return read.wrap(
        run,
        (share <= above) @ original,
        name="missing_mass",
        long_name=f"original probability of {words} that are gone (probability)",
        reference="sum of the original probabilities",
    )


def _shares(run, metric: str) -> tuple[np.ndarray, str]:
    """Return the probabilities of the parts, (.., part), and the name of the part."""
    name, part = PARTS[read.kind(run, metric, tuple(PARTS), because=LOST, instead=USE_TAILS)]
    return read.values(run, name, metric), part
