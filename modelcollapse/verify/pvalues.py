r"""p-values with a known null law: Pr(P <= x) <= x whenever the theory is right.

Most are exact or rest on an inequality that holds at every sample size. The exception is `pvalue_mean`, the
normal law for a mean with known standard deviation: there the distance of the true tail from the normal one
is corrected to first order, by Cramér's factor :math:`e^{\gamma z^3 / (6 \sqrt R)}`, and the caller keeps the
skewness of the mean, :math:`\gamma/\sqrt R`, small (`MOST_SKEWNESS`). At the levels in use here (1e-7 and
below) that matters: a chi-square test of counts with 25 expected per cell, for instance, is wrong by a factor
of 20, so there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy

from modelcollapse import _validate as check

#: largest skewness of a mean for which its law may be called normal after Cramér's correction; there the correction
#: still errs on the safe side, down to 1e-9, for gamma and log-normal variables (tests/test_verify.py)
MOST_SKEWNESS = 0.1
#: share of what a bet may lose that is staked at most
MOST_STAKE = 0.75
#: numbers an intermediate array may have; larger samples are cut along the comparisons
BUDGET = 1 << 22


def _sample(name: str, value) -> np.ndarray:
    out = np.asarray(value)
    if out.ndim == 0 or len(out) == 0:
        raise ValueError(f"{name} must have a replicate along its first axis, got shape {out.shape}.")
    if not np.isfinite(out).all():
        raise ValueError(
            f"{name} must be finite (a NaN agrees with nothing), got "
            f"{int(np.isnan(out).sum())} NaN and {int(np.isinf(out).sum())} infinite values."
        )
    return out


def _join(below, above, side: str) -> np.ndarray:
    """Join the p-values for "seen is too small" and "seen is too large"."""
    check.choice("side", side, ("both", "below", "above"))
    joined = below if side == "below" else above if side == "above" else 2 * np.minimum(below, above)
    return np.minimum(joined, 1.0)


def log_tail(z, skewness) -> np.ndarray:
    """Log of the upper normal tail at z >= 0 times Cramér's factor exp(skewness z^3 / 6), kept monotone."""
    skewness = np.maximum(np.abs(skewness), 1e-12)
    z = np.minimum(z, 2 / skewness)
    return np.minimum(scipy.special.log_ndtr(-z) + skewness * z**3 / 6, 0.0)


def critical(level: float, skewness, side: str = "both") -> np.ndarray:
    """Return the |z| where the p-value of `pvalue_mean` falls to `level`; `skewness` is that of the mean."""
    skewness = np.asarray(skewness, dtype=float)
    target = math.log(level) - (math.log(2) if side == "both" else 0.0)
    low, high = np.zeros_like(skewness), np.minimum(2 / np.maximum(skewness, 1e-12), 40.0)
    for _ in range(60):  # bisection to 40 / 2^60
        z = (low + high) / 2
        beyond = log_tail(z, skewness) <= target
        low, high = np.where(beyond, low, z), np.where(beyond, z, high)
    return high


def pvalue_mean(sample, expected, sd, *, skewness=0.0, side: str = "both") -> np.ndarray:
    r"""Test a mean whose standard deviation per replicate is known from theory (or bounded from above by it).

    The normal tail is enlarged by :math:`e^{|\gamma| z^3 / (6\sqrt R)}` on both sides (Cramér), with
    :math:`\gamma` the skewness of one replicate.

    Parameters
    ----------
    sample : array_like, (replicate, ...)
        What was seen.
    expected, sd, skewness : array_like, (...)
        Mean, standard deviation and absolute skewness of one replicate; upper bounds of the last two will do.
    side : {"both", "below", "above"}
        Where the sample mean must lie to speak against the theory.

    Returns
    -------
    ndarray, (...)

    Examples
    --------
    >>> float(pvalue_mean([0.0, 0.0, 0.0, 0.0], 1.0, 1.0).round(4))
    0.0455
    """
    sample = _sample("sample", sample)
    mean, R = sample.mean(axis=0), len(sample)
    for name, value in (("expected", expected), ("sd", sd), ("skewness", skewness)):
        if not np.isfinite(value).all() or (name == "sd" and (np.asarray(value) < 0).any()):
            rule = "finite and >= 0" if name == "sd" else "finite"
            raise ValueError(f"{name} must be {rule} (it is what theory knows), got {value}.")
    expected, sd, skewness = (np.asarray(x, dtype=float) for x in (expected, sd, skewness))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (mean - expected) / (sd / math.sqrt(R))
    certain = np.abs(mean - expected) <= 1e-9 * np.maximum(1, np.abs(expected))
    z = np.where(sd > 0, z, np.where(certain, 0.0, np.copysign(np.inf, mean - expected)))
    tail = np.where(np.isinf(z), 0.0, np.exp(log_tail(np.abs(z), skewness / math.sqrt(R))))
    return _join(np.where(z <= 0, tail, 1.0), np.where(z >= 0, tail, 1.0), side)


def pvalue_binomial(successes, trials, probability, *, side: str = "both") -> np.ndarray:
    """Test counts of independent events; exact (the smaller tail, doubled).

    Examples
    --------
    >>> float(pvalue_binomial(0, 10, 0.5))
    0.001953125
    """
    k, n, p = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (successes, trials, probability)))
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"probability must be in [0, 1], got values from {p.min():g} to {p.max():g}.")
    if not ((k >= 0) & (k <= n)).all():
        raise ValueError(f"successes must be in [0, trials], got {k} of {n}.")
    # P(X <= k) and P(X >= k) are incomplete beta functions; where one is 1 its arguments are at their edge
    below = np.where(k >= n, 1.0, scipy.special.betainc(np.maximum(n - k, 1), k + 1, 1 - p))
    above = np.where(k <= 0, 1.0, scipy.special.betainc(np.maximum(k, 1), n - k + 1, p))
    return _join(below, above, side)


def pvalue_counts(counts, probabilities) -> np.ndarray:
    """Test multinomial counts, cell by cell and cut by cut; each is binomial, so exact at any sample size.

    Parameters
    ----------
    counts : array_like of int, (cell,)
    probabilities : array_like, (cell,)

    Returns
    -------
    ndarray, (2 cell - 1,)
        One p-value per cell, then one per cut between neighbouring cells; their number belongs to the
        correction for multiple comparisons.

    Examples
    --------
    >>> pvalue_counts([5, 5], [0.5, 0.5])
    array([1., 1., 1.])
    """
    counts, p = np.asarray(counts), check.probabilities("probabilities", probabilities)
    if counts.shape != p.shape:
        raise ValueError(f"counts must have one entry per probability, got {counts.shape} and {p.shape}.")
    cells = np.concatenate([counts, np.cumsum(counts)[:-1]])
    return pvalue_binomial(cells, counts.sum(), np.minimum(np.concatenate([p, np.cumsum(p)[:-1]]), 1.0))


def pvalue_two_counts(first, second) -> np.ndarray:
    """Test whether two multinomial samples have the same law; exact, cell by cell (Fisher, hypergeometric).

    Examples
    --------
    >>> pvalue_two_counts([10, 0], [0, 10]).round(6)
    array([1.1e-05, 1.1e-05])
    """
    from scipy.stats import hypergeom

    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"first and second must count the same cells, got shapes {first.shape} and {second.shape}.")
    law = hypergeom(first.sum() + second.sum(), first + second, first.sum())
    return _join(law.cdf(first), law.sf(first - 1), "both")


def pvalue_distribution(sample, cdf: Callable) -> np.ndarray:
    """Test independent values against a continuous distribution function (Kolmogorov-Smirnov distance).

    The distance exceeds d with probability <= 2 exp(-2 R d^2) for every R (Massart 1990): neither tables nor large
    samples are needed.
    For a law with atoms use `pvalue_counts`.

    Examples
    --------
    >>> float(pvalue_distribution([0.25, 0.75], lambda x: x))
    1.0
    """
    sample = np.sort(_sample("sample", sample).ravel())
    R, F = len(sample), np.asarray(cdf(sample), dtype=float)
    if not ((F >= 0) & (F <= 1)).all():
        raise ValueError(f"cdf must return numbers in [0, 1], got {F[~((F >= 0) & (F <= 1))][0]}.")
    distance = max(float(np.max(np.arange(1, R + 1) / R - F)), float(np.max(F - np.arange(R) / R)))
    return np.minimum(1.0, 2 * np.exp(-2 * R * np.square(distance)))


def pvalue_two_samples(first, second) -> np.ndarray:
    """Test whether two samples of equal size >= 458 have the same law (Kolmogorov-Smirnov distance).

    P(D > d) <= 2 exp(-R d^2) for two samples of R >= 458 values each (Wei and Dudley 2012, arXiv 1107.5356),
    with or without ties.

    Examples
    --------
    >>> float(pvalue_two_samples(range(500), range(500, 1000))) < 1e-100
    True
    """
    first, second = np.sort(_sample("first", first).ravel()), np.sort(_sample("second", second).ravel())
    R = len(first)
    if len(second) != R or R < 458:
        raise ValueError(
            "first and second must have the same size >= 458 (the bound is proved for those), "
            f"got {R} and {len(second)}."
        )
    both = np.concatenate([first, second])
    counts = np.searchsorted(first, both, "right") - np.searchsorted(second, both, "right")
    return np.minimum(1.0, 2 * np.exp(-np.square(np.abs(counts).max()) / R))


def pvalue_bounded(sample, expected, low: float, high: float, *, side: str = "both", level: float = 1e-7) -> np.ndarray:
    r"""Test the mean of a bounded variable; valid at every sample size, whatever its variance (betting).

    A gambler starts with 1 and stakes on every replicate: the wealth :math:`\prod_i (1 + \lambda_i (X_i -
    \mu))` has expectation 1 if the mean is :math:`\mu` and :math:`\lambda_i` depends on earlier replicates
    only. So one over the final wealth is a p-value (Markov). Stakes :math:`\lambda_i =
    \sqrt{2\ln(1/\text{level}) / (R \hat v_{i-1})}` make it as sharp as Bernstein's inequality with the true
    variance, which makes it an empirical Bernstein test (Waudby-Smith and Ramdas 2024, arXiv 2010.09686).

    Parameters
    ----------
    sample : array_like, (replicate, ...)
        Independent replicates, in an order that does not depend on their values.
    expected : array_like, (...)
    low, high : float
        Every value lies between them, for certain.
    side : {"both", "below", "above"}
    level : float
        The level for which the stakes are best; the p-value is valid at every level.

    Examples
    --------
    >>> float(pvalue_bounded([0.5] * 1000, 0.6, 0.0, 1.0)) < 1e-6
    True
    """
    X = _sample("sample", sample).astype(float)
    slack = 1e-9 * max(abs(low), abs(high))
    if X.min() < low - slack or X.max() > high + slack:
        raise ValueError(f"sample must lie in [{low:g}, {high:g}], got {X.min():g} to {X.max():g}.")
    mu = np.broadcast_to(np.asarray(expected, dtype=float), X.shape[1:])
    if np.isnan(mu).any():
        raise ValueError("expected must be a number (a NaN predicts nothing), got NaN.")
    columns, means = X.reshape(len(X), -1), mu.ravel()
    below, above = np.empty(len(means)), np.empty(len(means))
    step = max(1, BUDGET // len(X))
    for lo in range(0, len(means), step):
        cut = slice(lo, lo + step)
        below[cut], above[cut] = _bets(columns[:, cut], np.clip(means[cut], low, high), low, high, level)
    p = _join(below, above, side).reshape(X.shape[1:])
    under, over = mu < low - slack, mu > high + slack
    impossible = {"both": under | over, "below": over, "above": under}[side]
    return np.where(impossible, 0.0, p)


def pvalue_spread(sample, expected, sd, *, side: str = "both", level: float = 1e-7) -> np.ndarray:
    r"""Test a mean of which theory knows the standard deviation and nothing else; valid for every law and size.

    With Catoni's :math:`\psi(y) = \pm\ln(1 \pm y + y^2/2)` (the sign of y), :math:`E e^{\psi(\lambda(X - \mu))}
    \le 1 + \lambda^2\sigma^2/2` whatever the law of X, so that

    .. math:: \prod_i \frac{e^{\psi(\lambda(X_i - \mu))}}{1 + \lambda^2\sigma^2/2}

    has an expectation of at most one, and one over it is a p-value (Markov). Far values enter by their logarithm:
    heavy tails do no harm. With :math:`\lambda = \sqrt{2\ln(1/\text{level})/R}/\sigma` it decides at
    :math:`z \approx \sqrt{2\ln(1/\text{level})}`, where a normal law would hardly be sharper. (Catoni 2012, Annales de
    l'Institut Henri Poincaré 48:1148.)

    Parameters
    ----------
    sample : array_like, (replicate, ...)
        Independent replicates.
    expected, sd : array_like, (...)
        Mean and standard deviation of one replicate; an upper bound of the latter will do.
    side : {"both", "below", "above"}
    level : float
        The level for which it is sharpest; the p-value is valid at every level.

    Examples
    --------
    >>> float(pvalue_spread([0.5] * 1000, 0.6, 0.1)) < 1e-6
    True
    """
    X = _sample("sample", sample).astype(float)
    expected, sd = (np.broadcast_to(np.asarray(x, dtype=float), X.shape[1:]) for x in (expected, sd))
    if not (np.isfinite(expected).all() and np.isfinite(sd).all() and (sd >= 0).all()):
        raise ValueError(f"expected and sd must be finite, sd >= 0 (they are what theory knows), got {expected}, {sd}.")
    R = len(X)
    stake = math.sqrt(2 * math.log(1 / level) / R)
    y = stake * (X - expected) / np.where(sd > 0, sd, 1.0)
    size = np.abs(y)
    total = np.copysign(np.log1p(size + np.square(size) / 2), y).sum(axis=0)
    cost = R * math.log1p(stake**2 / 2)
    below, above = (np.exp(-np.maximum(sign * total - cost, 0.0)) for sign in (-1, 1))
    wrong = np.abs(X - expected).max(axis=0) > 1e-9 * np.maximum(1, np.abs(expected))
    mean = X.mean(axis=0)
    below = np.where(sd > 0, below, np.where(wrong & (mean <= expected), 0.0, 1.0))
    above = np.where(sd > 0, above, np.where(wrong & (mean >= expected), 0.0, 1.0))
    return _join(below, above, side)


def spread_critical(level: float, side: str = "both") -> float:
    """Return about the absolute z where the p-value of `pvalue_spread` falls to `level`."""
    return math.sqrt(2 * math.log((2 if side == "both" else 1) / level))


def _looks(R: int) -> int:
    """Replicates to look at before the first bet: the variance is not known beforehand."""
    return min(R - 1, 10 + R // 50)


def bounded_width(sd, expected, low: float, high: float, R: int, level: float) -> np.ndarray:
    """Deviation of the mean at which `pvalue_bounded` (one side) falls to about `level`, where the sd is `sd`."""
    L, R = math.log(1 / level), R - _looks(R)
    most = MOST_STAKE / np.maximum(expected - low, high - expected)
    with np.errstate(divide="ignore"):
        stake = np.minimum(np.sqrt(2 * L / R) / sd, most)
    return L / (R * stake) + stake * np.square(sd) / 2


def _bets(X, mu, low, high, level) -> tuple[np.ndarray, np.ndarray]:
    """Return one over the wealth of the gamblers on "below" and on "above", for each column."""
    R = len(X)
    first = _looks(R)
    Y = X - mu
    spread = np.zeros_like(Y)
    np.cumsum(Y[:-1] ** 2, axis=0, out=spread[1:])
    spread[1:] /= np.arange(1, R)[:, None]
    tiny = 1e-12 * (high - low)
    stake = np.sqrt(2 * math.log(1 / level) / R / np.maximum(spread, tiny**2))
    stake[:first] = 0.0
    up = np.log1p(np.minimum(stake, MOST_STAKE / np.maximum(mu - low, tiny)) * Y).sum(axis=0)
    down = np.log1p(-np.minimum(stake, MOST_STAKE / np.maximum(high - mu, tiny)) * Y).sum(axis=0)
    return np.exp(-np.maximum(down, 0)), np.exp(-np.maximum(up, 0))
