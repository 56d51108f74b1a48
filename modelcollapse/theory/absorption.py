r"""When has everything become one? Times until a single category is left, under Replace with n points per fit.

T is the number of fits until one category has all n points, counted from the truth (generation 0): :math:`T = 1` if
the first fit sees one category alone. Exactly one category fixes, and whether category i has fixed is a matter of two
types, itself and the rest, so for any number of categories

.. math:: P(T > t) = \sum_i \big[p_i - P(p_{t,i} = 1)\big], \qquad
          E\,T = \sum_i p_i\, E[T \mid i \text{ fixes}] .

That is exact, and computed exactly (module `backward`), for any n. Beside it stand the answers of the diffusion, which
are textbook formulas.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory import backward

__all__ = [
    "absorption_time",
    "absorption_time_diffusion",
    "collapse_law",
    "collapse_time",
    "collapse_time_diffusion",
    "fixation_time",
    "fixation_time_diffusion",
    "forgetting_time_mean",
    "forgetting_time_median",
]

#: the polynomial covers [0, 1] after n / 20 fits, one small product each: two seconds
LARGEST = 10**6


def _open(p) -> np.ndarray:
    p = check.array("p", p, ndim=tuple(range(5)), shape_words="any")
    if p.size and (p.min() <= 0 or p.max() >= 1):
        bad = p.min() if p.min() <= 0 else p.max()
        raise ValueError(f"p must be frequencies in (0, 1) (at the ends nothing is left to happen), got {bad:g}.")
    return p


def _points(n) -> int:
    return check.integer("n", n, least=1, most=LARGEST, because="beyond, the diffusion is as good: see *_diffusion")


def _sums(p: np.ndarray, rest: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return E[T; p fixes] and E[T(T - 1) / 2; p fixes], `rest` being 1 - p: sums of rest D_t(rest)."""
    once, weighted = backward.excess_sums(n, rest.ravel(), p.ravel())
    return (rest.ravel() * once).reshape(p.shape), (rest.ravel() * weighted).reshape(p.shape)


def absorption_time(p, n: int):
    r"""Return the expected number of fits until a type of frequency p is lost or has won, two types.

    The solution of :math:`(I - Q)T = 1`, Q the chain without its two ends; starting from the truth p, or from any later
    generation in which the frequency is p.

    Parameters
    ----------
    p : float or array_like
        Frequencies in (0, 1), not necessarily multiples of 1/n.
    n : int
        Points per fit, 1 <= n <= 10^6.

    Returns
    -------
    ndarray or float, shape of p

    Notes
    -----
    Kind: exact (relative errors below 1e-11). Source: `WF-T2`. It is less than `absorption_time_diffusion` by about
    (ln n)/3 + 0.49 at p = 1/2. ValueError outside the domain.

    Examples
    --------
    >>> round(float(absorption_time(0.5, 10)), 5)
    12.59052
    """
    p, n = _open(p), _points(n)
    return _sums(np.stack([p, 1 - p]), np.stack([1 - p, p]), n)[0].sum(axis=0)[()]


def fixation_time(p, n: int):
    r"""Return the expected number of fits until a type of frequency p has won, given that it will.

    .. math:: \tau(x) = 1 + E\,\tau\Big(\frac{1 + \mathrm{Bin}(n-1, x)}n\Big), \qquad \tau(1) = 0

    Parameters, errors and accuracy as in `absorption_time`.

    Notes
    -----
    Kind: exact. Source: `WF-T2`; classical.

    Examples
    --------
    >>> round(float(fixation_time(0.5, 2)), 12), round(float(fixation_time(1e-9, 1000)), 3)
    (2.0, 1996.976)
    """
    p, n = _open(p), _points(n)
    return (_sums(p, 1 - p, n)[0] / p)[()]


def _categories(p) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the different probabilities > 0, what is left beside each, and how often each occurs."""
    values, multiplicity = np.unique(p[p > 0], return_counts=True)
    rest = 1 - values
    if len(values) > 1 and values[-1] > 0.5:
        rest[-1] = math.fsum(p[p < values[-1]])  # without the rounding of the subtraction
    return values, rest, multiplicity


def collapse_time(p, n: int) -> tuple[float, float]:
    r"""Return mean and standard deviation of the number of fits until one category is left, any number of categories.

    .. math:: E\,T = \sum_i a(p_i), \quad E\,T^2 = \sum_i b(p_i), \qquad a = x + Pa, \quad b = 2a - x + Pb
              \quad (0 < x < 1)

    with a and b zero at both ends: moments of T on the event that the category fixes.

    Parameters
    ----------
    p : (category,) array_like
        Probabilities of the truth.
    n : int
        Points per fit, 1 <= n <= 10^6.

    Returns
    -------
    mean, sd : float
        Both zero if one category has everything from the beginning.

    Notes
    -----
    Kind: exact (relative errors below 1e-10). Source: `SED-T1.3`, `KAZ-DISC`, `WF-TK` (exact form derived). If
    generation 1 is the rows themselves (fixed rows, all taken), add one fit to the mean.

    Examples
    --------
    >>> [round(x, 6) for x in collapse_time([0.5, 0.5], 10)]
    [12.590518, 9.625733]
    >>> [round(x, 2) for x in collapse_time([0.1] * 10, 10)]
    [17.5, 10.14]
    """
    n = _points(n)
    values, rest, multiplicity = _categories(check.probabilities("p", p))
    if multiplicity.sum() == 1:
        return 0.0, 0.0
    if n == 1:
        return 1.0, 0.0
    once, pairs = _sums(values, rest, n)
    mean = math.fsum(multiplicity * once)
    return mean, math.sqrt(max(math.fsum(multiplicity * (once + 2 * pairs)) - mean**2, 0.0))


def collapse_law(p, n: int, generations: int) -> np.ndarray:
    r"""Return :math:`P(T > t)`, t = 0 .. generations: more than one category is left after t fits.

    .. math:: P(T > t) = \sum_i \big[p_i - P(p_{t,i} = 1)\big]

    The probability of having collapsed by t is one minus this, and :math:`P(T = t)` are the differences. Relative
    accuracy is kept however small it gets.

    Parameters
    ----------
    p : (category,) array_like
        Probabilities of the truth.
    n : int
        Points per fit.
    generations : int
        0 <= generations <= 200,000.

    Returns
    -------
    ndarray, (generations + 1,)

    Notes
    -----
    Kind: exact (relative errors below 1e-11). Source: `WF-TK`, `SED-T1.2` (exact form derived).

    Examples
    --------
    >>> collapse_law([0.3, 0.7], 20, 5).round(5).tolist()
    [1.0, 0.9992, 0.98833, 0.96325, 0.92923, 0.89112]
    """
    n = check.integer("n", n, least=1)
    values, rest, multiplicity = _categories(check.probabilities("p", p))
    generations = check.integer("generations", generations, least=0, most=200_000)
    out = np.zeros(generations + 1)
    if multiplicity.sum() > 1:
        out[0] = 1.0
    if multiplicity.sum() > 1 and generations:
        D = backward.curves(n, generations, backward.excess, backward.at(rest, values), full=False)
        out[1:] = D @ (multiplicity * rest)
    return np.clip(out, 0.0, 1.0)


# ------------------------------------------------------------------------------------------------- the diffusion


def absorption_time_diffusion(p, n):
    r"""Return :math:`-2n\,[p\ln p + (1-p)\ln(1-p)]`, the diffusion's expected time until one of two types is left.

    `p` in [0, 1] and n >= 1 broadcast; in fits. Kind: asymptotic. Source: `WF-T2` (Kimura; Ewens).

    Examples
    --------
    >>> round(float(absorption_time_diffusion(0.5, 1000)), 3)
    1386.294
    """
    p, n = _closed(p), _sizes(n)
    return 2 * n * (scipy.special.entr(p) - scipy.special.xlog1py(1 - p, -p))


def fixation_time_diffusion(p, n):
    r"""Return :math:`-2n\,\frac{(1-p)\ln(1-p)}p`, the diffusion's expected time to fixation, given fixation.

    `p` in (0, 1] and n >= 1 broadcast; 2n for a rare type. Kind: asymptotic. Source: `WF-T2` (Kimura; Ewens).

    Examples
    --------
    >>> round(float(fixation_time_diffusion(0.5, 1000)), 3)
    1386.294
    """
    p, n = _closed(p), _sizes(n)
    if p.size and p.min() == 0:
        raise ValueError("p must be > 0 (a type that is not there cannot fix), got 0.")
    return -2 * n * scipy.special.xlog1py(1 - p, -p) / p


def collapse_time_diffusion(p, n: float) -> float:
    r"""Return :math:`-2n\sum_i (1-p_i)\ln(1-p_i)`, the diffusion's expected time until one of K categories is left.

    For K equal ones it is :math:`-2n(K-1)\ln(1-\frac1K)`, which tends to 2n: resampling n distinct rows ends at a
    single one after about 2n generations.

    Kind: asymptotic. Source: `WF-TK` (Littler 1975).

    Examples
    --------
    >>> round(collapse_time_diffusion([0.1] * 10, 1), 4)
    1.8965
    """
    p = check.probabilities("p", p)
    return float(-2 * check.number("n", n, least=1) * scipy.special.xlog1py(1 - p, -p).sum())


def forgetting_time_median(count):
    r"""Return :math:`2c/\ln 2`, about the number of further fits after which half of the types of count c are lost.

    For c much smaller than n, from :math:`1 - e^{-2c/t} = \frac12`; any shape.

    Kind: asymptotic. Source: `SUR-FORGET` (Suresh et al., arXiv 2412.17646: "roughly linear"; quantified here).

    Examples
    --------
    >>> round(float(forgetting_time_median(10)), 1)
    28.9
    """
    return 2 * _positive("count", count) / math.log(2)


def forgetting_time_mean(count, n):
    r"""Return :math:`2c(\ln\frac nc + 1)`, about the mean number of further fits until a type is lost or wins.

    For c much smaller than n; arguments broadcast. It is much more than `forgetting_time_median`: few types stay for
    very long. The exact value is ``absorption_time(c / n, n)``.

    Kind: asymptotic. Source: `SUR-FORGET`, `WF-T2`.

    Examples
    --------
    >>> round(float(forgetting_time_mean(10, 10**6)), 1)
    250.3
    """
    count, n = _positive("count", count), _sizes(n)
    if (count > n).any():
        raise ValueError("count must be <= n (they are some of the n points).")
    return 2 * count * (np.log(n / count) + 1)


def _closed(p) -> np.ndarray:
    p = check.array("p", p, ndim=tuple(range(5)), shape_words="any")
    if p.size and (p.min() < 0 or p.max() > 1):
        raise ValueError(f"p must be probabilities in [0, 1], got {p.min() if p.min() < 0 else p.max():g}.")
    return p


def _positive(name: str, value) -> np.ndarray:
    value = check.array(name, value, ndim=tuple(range(5)), shape_words="any")
    if value.size and value.min() <= 0:
        raise ValueError(f"{name} must be > 0, got {value.min():g}.")
    return value


def _sizes(n) -> np.ndarray:
    n = check.array("n", n, ndim=tuple(range(5)), shape_words="any")
    if n.size and n.min() < 1:
        raise ValueError(f"n must be >= 1, got {n.min():g}.")
    return n
