r"""How much diversity is left, and how much does it scatter between runs? Exact answers under Replace.

Many indices of diversity are sums over categories, :math:`\sum_i f(p_{t,i})`: heterozygosity (:math:`f = p - p^2`),
Shannon's entropy (:math:`-p\ln p`), support (:math:`\mathbf 1_{p>0}`), power sums. Each category alone is a chain
with two types, so their *expectations* need nothing but that chain: they are exact for any number of categories.
Scatter between runs needs pairs of categories. For the heterozygosity three moments close among themselves; for the
support, two categories taken as one are a category again: :math:`P(i \text{ or } j \text{ left})` is the survival of
:math:`p_i + p_j`.
"""

from __future__ import annotations

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory import backward, categorical

__all__ = ["entropy_loss", "expected_entropy", "expected_sum", "heterozygosity_sd", "support_sd"]

#: distinct probabilities whose pairs are affordable, and numbers held at a time (80 MB)
DISTINCT, HELD = 1500, 10**7


def expected_sum(f, p, n: int, generations: int) -> np.ndarray:
    r"""Return :math:`E\sum_i f(p_{t,i})`, t = 0 .. T, under Replace: any function of one frequency.

    Parameters
    ----------
    f : callable
        Takes an ndarray of frequencies in (0, 1] and returns values of the same shape. f(0) = 0 is understood. Where
        n is large it must be smooth in ln x: analytic for :math:`|z/x - 1| < \frac12`, such as powers and logarithms
        are.
    p : (category,) array_like
        Probabilities of the truth.
    n : int
        Points per fit.
    generations : int
        0 <= T <= 200,000.

    Returns
    -------
    ndarray, (generations + 1,)

    Raises
    ------
    ValueError
        If f is not finite somewhere, or an argument is outside its domain.

    Notes
    -----
    Kind: exact (errors about 1e-12 of the largest summand). Source: derived; each category is a two-type Wright-Fisher
    chain (`SUR-COR1`). The cost hardly depends on n: see module `backward`.

    Examples
    --------
    >>> expected_sum(lambda x: x * (1 - x), [0.5, 0.5], 10, 2).round(12).tolist()
    [0.5, 0.45, 0.405]
    """
    p, n = check.probabilities("p", p), check.integer("n", n, least=1)
    generations = check.integer("generations", generations, least=0, most=200_000)
    values, multiplicity = np.unique(p[p > 0], return_counts=True)

    def ratio(x: np.ndarray) -> np.ndarray:
        out = np.asarray(f(x), dtype=float)
        if out.shape != x.shape or not np.isfinite(out).all():
            raise ValueError(f"f must return finite numbers in the shape of its argument, got {out!r:.80}.")
        return out / x

    out = np.empty(generations + 1)
    weights = multiplicity * values
    out[0] = weights @ ratio(values)
    if generations:

        def project(grid):
            return (weights @ grid.interpolation(values))[None]

        out[1:] = backward.curves(n, generations, ratio, project, full=True)[:, 0]
    return out


def expected_entropy(p, n: int, generations: int) -> np.ndarray:
    r"""Return :math:`E\big[-\sum_i p_{t,i}\ln p_{t,i}\big]` in nats, t = 0 .. T, under Replace.

    Parameters, result, errors and accuracy as in `expected_sum`; divide by ln 2 for bits.

    Notes
    -----
    Kind: exact. Source: `WF-ENT` (exact form derived).

    Examples
    --------
    >>> expected_entropy([0.5, 0.5], 10, 2).round(6).tolist()
    [0.693147, 0.64012, 0.586195]
    >>> losses = -np.diff(expected_entropy([0.1] * 10, 1000, 1))
    >>> round(float(losses[0]), 4)
    0.0045
    """
    return expected_sum(scipy.special.entr, p, n, generations)


def entropy_loss(categories, n):
    r"""Return :math:`\frac{K-1}{2n}`, about the loss of entropy (nats) per fit while K categories are alive.

    The Miller-Madow correction is the Wright-Fisher generator applied to :math:`-\sum p\ln p`. Good while all n p_i are
    large; `expected_entropy` is exact. Arguments broadcast.

    Kind: asymptotic. Source: `WF-ENT` (derived).

    Examples
    --------
    >>> round(float(entropy_loss(10, 1000)), 6)
    0.0045
    """
    categories = check.array("categories", categories, ndim=tuple(range(5)), shape_words="any")
    n = check.array("n", n, ndim=tuple(range(5)), shape_words="any")
    if categories.size and categories.min() < 1:
        raise ValueError(f"categories must be >= 1 (something is alive), got {categories.min():g}.")
    if n.size and n.min() < 1:
        raise ValueError(f"n must be >= 1, got {n.min():g}.")
    return (categories - 1) / (2 * n)


def heterozygosity_sd(p, n, generations: int, *, population: int | None = None) -> np.ndarray:
    r"""Return the standard deviation of :math:`H_t = 1 - \sum_i p_{t,i}^2` between runs, t = 0 .. T, under Replace.

    With :math:`S_k = \sum_i p_{t,i}^k`, :math:`A = E[S_3 - S_2^2]`, :math:`B = E[S_2 - S_3]`, :math:`h = E H_t`, one
    fit of n points maps

    .. math:: A' &= \tfrac{(n-1)(n-2)}{n^3}\big[(n-3)A + B\big], \qquad
              B' = \tfrac{n-1}{n^2}\big[h + (n-2)B\big], \qquad h' = \big(1 - \tfrac1n\big)h, \\
              \mathrm{Var}' &= \big(1 - \tfrac1n\big)^2\,\mathrm{Var} + \tfrac{n-1}{n^3}\big[4(n-2)A + 2(A + B)\big],

    a closed system without a subtraction (for n >= 3), for any number of categories.

    Parameters
    ----------
    p : (category,) array_like
        Probabilities of the truth.
    n : int or sequence of int
        Points per fit, or a schedule (n_1, .., n_T).
    generations : int
        T.
    population : int, optional
        Number of fixed rows that are the truth; only if the first fit takes them all, so that H_1 = H_0.

    Returns
    -------
    ndarray, (generations + 1,)

    Notes
    -----
    Kind: exact, to rounding. Source: derived (multinomial moments; `WF-H` for the mean).

    Examples
    --------
    >>> heterozygosity_sd([0.5, 0.5], 2, 2).round(6).tolist()
    [0.0, 0.25, 0.216506]
    """
    p = check.probabilities("p", p)
    generations = check.integer("generations", generations, least=0)
    n = tuple(np.asarray(n).tolist()) if np.ndim(n) else n
    sizes = check.sizes("n", check.schedule("n", n), generations).astype(float).tolist()
    skip = 0
    if population is not None and generations:
        if check.integer("population", population, least=1) != sizes[0]:
            raise ValueError(
                f"population must be {sizes[0]:g} (its scatter is known if the first fit takes all rows), "
                f"got {population}."
            )
        skip = 1
    h = float((p * (1 - p)).sum())
    B = float((p**2 * (1 - p)).sum())
    A = float((p * (p - (p**2).sum()) ** 2).sum())  # S_3 - S_2^2 as a variance
    out, variance = np.zeros(generations + 1), 0.0
    for t in range(1 + skip, generations + 1):
        m = sizes[t - 1]
        variance = (1 - 1 / m) ** 2 * variance + (m - 1) / m**3 * (4 * (m - 2) * A + 2 * (A + B))
        A, B, h = (
            (m - 1) * (m - 2) / m**3 * ((m - 3) * A + B),
            (m - 1) / m**2 * (h + (m - 2) * B),
            (1 - 1 / m) * h,
        )
        out[t] = np.sqrt(max(variance, 0.0))
    return out


def support_sd(p, n: int, generations: int, *, population: int | None = None) -> np.ndarray:
    r"""Return the standard deviation of the number of categories left, t = 0 .. T, under Replace.

    .. math:: \mathrm{Var}\,K_t = \sum_i u_i(1 - u_i) + \sum_{i \ne j}\big[u_i + u_j - u_{i+j} - u_i u_j\big]

    where :math:`u_i` is the survival of category i, and :math:`u_{i+j}` that of a category of frequency
    :math:`p_i + p_j`.

    Parameters
    ----------
    p : (category,) array_like
        Probabilities of the truth, at most 1500 different ones.
    n : int
        Points per fit.
    generations : int
        0 <= T <= 200,000.
    population : int, optional
        As in `survival`.

    Returns
    -------
    ndarray, (generations + 1,)

    Notes
    -----
    Kind: exact (the variance to about 1e-12 times the square of the number of categories). Source: derived. Cost: one
    survival curve for every pair of different probabilities.

    Examples
    --------
    >>> support_sd([0.5, 0.5], 2, 2).round(6).tolist()
    [0.0, 0.5, 0.433013]
    """
    p = check.probabilities("p", p)
    n, generations = check.integer("n", n, least=1), check.integer("generations", generations, least=0, most=200_000)
    values, multiplicity = np.unique(p[p > 0], return_counts=True)
    if len(values) > DISTINCT:
        raise ValueError(
            f"p must have at most {DISTINCT} different values (every pair needs a curve), got {len(values)}."
        )

    def curve(x):
        return categorical.survival(x, n, generations, population=population, method="exact")

    u = curve(values)
    lost = 1 - u
    total = (u * lost) @ multiplicity
    first, second = np.triu_indices(len(values))
    pairs = multiplicity[first] * (multiplicity[second] - (first == second)) * np.where(first == second, 1.0, 2.0)
    first, second, pairs = first[pairs > 0], second[pairs > 0], pairs[pairs > 0]
    chunk = max(1, HELD // (generations + 1))
    for low in range(0, len(pairs), chunk):
        i, j = first[low : low + chunk], second[low : low + chunk]
        either = curve(np.minimum(values[i] + values[j], 1.0))
        # P(both lost) - P(i lost) P(j lost); exact zeros where i and j are everything
        total += ((1 - either) - lost[:, i] * lost[:, j]) @ pairs[low : low + chunk]
    return np.sqrt(np.maximum(total, 0.0))
