r"""What has been proved about categorical collapse by inequalities, and how much sharper can they be?

Two papers bound what `survival`, `collapse_law` and `inbreeding` compute exactly. Their bounds are here because they
are quoted, because they hold at a glance for any n, and because the comparison is instructive. With
``published=True`` a function returns what is printed (errors corrected, see the docstrings); the default is the
sharpest that follows in a few lines.

* Suresh, Thangaraj and Khandavally (AISTATS 2025, arXiv 2412.17646): survival of a category. Lower bounds come from
  :math:`E e^{-s\,\mathrm{Bin}(n,p)/n}`, one line; their upper bound rises again with t and becomes vacuous (`ERR-8`).
* Seddik et al. (COLM 2024, arXiv 2404.05090): collapse of everything. A chain that has not collapsed has a
  heterozygosity :math:`\ge 2(n-1)/n^2`, whose expectation falls by 1 - 1/n per fit; Markov's inequality does the
  rest.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.categorical import g_iterates
from modelcollapse.theory.inbreeding import inbreeding_fixed_real, inbreeding_replace

__all__ = [
    "coexistence_bounds",
    "collapse_bounds",
    "collapse_time_bounds",
    "collision_fixed_real",
    "collision_replace",
    "first_fit_distance_bound",
    "support_bounds",
    "survival_bounds",
]


def _frequencies(p) -> np.ndarray:
    p = check.array("p", p, ndim=tuple(range(4)), shape_words="(category,) or any other")
    if p.size and (p.min() < 0 or p.max() > 1):
        raise ValueError(f"p must be probabilities in [0, 1], got {p.min() if p.min() < 0 else p.max():g}.")
    return p


def survival_bounds(p, n: int, generations: int, *, published: bool = False) -> tuple[np.ndarray, np.ndarray]:
    r"""Return lower and upper bounds for :math:`P(p_t \ne 0)`, t = 0 .. T, under Replace with n points per fit.

    Published (each cut to [0, 1]):

    .. math:: 1 - e^{-npg_t} \ \le\ P(p_t \ne 0)\ \le\ 1 - (1 - 3np^2 - 3tp)\,e^{-npg_t} .

    Sharper, and the default:

    .. math:: \max\{1 - (1 - pg_t)^n,\ p\} \ \le\ P(p_t \ne 0)\ \le\ \min_{s \le t}\{\text{published}_s\} \wedge
              \big[1 - (1-p)^n\big] \wedge \Big[p + np(1-p)\big(1 - \tfrac1n\big)^{t-1}\Big],

    the last because a category that is alive has won, with probability at most p, or is not fixed, and then
    :math:`p_t(1-p_t) \ge (n-1)/n^2`.

    Parameters
    ----------
    p : float or array_like
        Frequencies in the truth, any shape.
    n, generations : int
        Points per fit, T.
    published : bool
        Return the bounds as printed.

    Returns
    -------
    lower, upper : ndarray, (generations + 1, ...)

    Notes
    -----
    Kind: bound. Source: `SUR-T1` (Suresh et al., arXiv 2412.17646, Theorem 1); sharper forms derived. The exact value
    is `survival`.

    Examples
    --------
    >>> lower, upper = survival_bounds([0.01], 100, 1)
    >>> round(float(lower[1, 0]), 6), round(float(upper[1, 0]), 6)
    (0.633968, 0.633968)
    """
    p = _frequencies(p)
    lower, upper, _, _ = _bounds(p, n, generations, published)
    start = (p > 0).astype(float)[None]
    return np.concatenate([start, lower]), np.concatenate([start, np.clip(upper, 0.0, 1.0)])


def _bounds(p: np.ndarray, n: int, generations: int, published: bool) -> tuple[np.ndarray, ...]:
    """Return both bounds for t = 1 .. T, and one minus each of them, without the rounding of a subtraction."""
    n, generations = check.integer("n", n, least=1), check.integer("generations", generations, least=0)
    g, t = g_iterates(generations)[1:], np.arange(1, generations + 1)
    decay = np.exp(-n * np.multiply.outer(g, p))
    taken = np.minimum(3 * n * p**2 + 3 * np.multiply.outer(t, p), 1.0)
    lower, not_lower = -np.expm1(-n * np.multiply.outer(g, p)), decay
    upper, not_upper = np.where(taken < 1, lower + taken * decay, 1.0), (1 - taken) * decay
    if not published and generations:
        log_missed = scipy.special.xlog1py(n, -np.multiply.outer(g, p))
        once, never = -np.expm1(scipy.special.xlog1py(n, -p)), np.exp(scipy.special.xlog1py(n, -p))
        lower, not_lower = np.maximum(-np.expm1(log_missed), p), np.minimum(np.exp(log_missed), 1 - p)
        lower[0], not_lower[0] = once, never  # the same, g_1 being one, to the last digit
        late = np.exp(scipy.special.xlog1py(t - 1, -1 / n))
        upper = np.minimum(np.minimum.accumulate(upper, axis=0), once)
        upper = np.minimum(upper, p + n * np.multiply.outer(late, p * (1 - p)))
        upper = np.maximum(upper, lower)  # they meet at t = 1, but for rounding
        not_upper = np.maximum(np.maximum.accumulate(not_upper, axis=0), never)
        not_upper = np.maximum(not_upper, (1 - p) * (1 - n * np.multiply.outer(late, p)))
        not_upper = np.minimum(not_upper, not_lower)
    return lower, upper, not_lower, not_upper


def coexistence_bounds(p, n: int, generations: int, *, published: bool = False) -> tuple[np.ndarray, np.ndarray]:
    r"""Return bounds for :math:`P(0 < p_t < 1)`, t = 0 .. T: the category and some other are still there.

    .. math:: L_t(p) + L_t(1-p) - 1 \ \le\ P(p_t \notin \{0, 1\})\ \le\ U_t(p) + U_t(1-p) - 1

    with the bounds L, U of `survival_bounds` (cut at 0); :math:`P(0 < p_t < 1) = P(p_t \ne 0) + P(p_t \ne 1) - 1`.
    Parameters and result as there. The default also uses :math:`np(1-p)(1-\frac1n)^{t-1}`.

    Kind: bound. Source: `SUR-T1` (arXiv 2412.17646, two-sided form); sharper forms derived.

    Examples
    --------
    >>> lower, upper = coexistence_bounds([0.5], 10, 1)
    >>> round(float(lower[1, 0]), 6), round(float(upper[1, 0]), 6)
    (0.998047, 0.998047)
    """
    p = _frequencies(p)
    rare = np.minimum(p, 1 - p)
    low, high, _, _ = _bounds(rare, n, generations, published)
    _, _, not_low, not_high = _bounds(1 - rare, n, generations, published)
    lower, upper = np.maximum(low - not_low, 0.0), np.clip(high - not_high, 0.0, 1.0)
    if not published and generations:
        late = np.exp(scipy.special.xlog1py(np.arange(generations), -1 / n))
        upper = np.minimum(upper, n * np.multiply.outer(late, p * (1 - p)))
        upper = np.maximum(upper, lower)
    start = (rare > 0).astype(float)[None]
    return np.concatenate([start, lower]), np.concatenate([start, upper])


def support_bounds(p, n: int, generations: int, *, published: bool = False) -> tuple[np.ndarray, np.ndarray]:
    r"""Return lower and upper bounds for the expected number of categories left, t = 0 .. T, under Replace.

    .. math:: \sum_i (1 - e^{-np_ig_t}) \ \le\ E[\mathrm{uniq}_t] \ \le\
              \sum_i\big(1 - e^{-np_ig_t}\max(1 - 3np_i^2 - 3tp_i, 0)\big)

    or the sums of the sharper bounds of `survival_bounds`. `p` has shape (category,); results (generations + 1,).

    Kind: bound. Source: `SUR-COR1` (Suresh et al., arXiv 2412.17646, Corollary 1). Exact: `expected_support`.

    Examples
    --------
    >>> lower, upper = support_bounds([0.25] * 4, 8, 2, published=True)
    >>> lower.round(4).tolist(), upper.round(4).tolist()
    ([4.0, 3.4587, 2.8702], [4.0, 4.0, 4.0])
    """
    p = check.probabilities("p", p)
    lower, upper = survival_bounds(p, n, generations, published=published)
    return lower.sum(axis=-1), upper.sum(axis=-1)


# ------------------------------------------------------------------------------------------------- Seddik et al.


def collision_replace(collision, n, t):
    r"""Return :math:`S_t = E\|p_t\|_2^2 = 1 - (1 - \frac1n)^t(1 - S_0)` under Replace; arguments broadcast.

    Kind: exact. Source: `SED-T1.1` (Seddik et al., arXiv 2404.05090, Theorem 1), `F-REP`.

    Examples
    --------
    >>> round(float(collision_replace(0.5, 10, 1)), 12)
    0.55
    """
    S = _frequencies(collision)
    return S + (1 - S) * inbreeding_replace(n, t)


def collision_fixed_real(collision, n, n_real, t):
    r"""Return :math:`S_t = E\|p_t\|_2^2` for N fixed real points and n of the last model, in every generation.

    .. math:: S_{t+1} = \frac{\frac1N\big[1 + 2\alpha - (1-\frac1N)\alpha\beta^t\big]
              + (1-\frac1N)S_0\big[1 + \alpha + \frac\alpha N\beta^t\big]}{1 + (1+\frac1N)\alpha}, \qquad
              \alpha = \frac n{N+n},\ \beta = \alpha\Big[\Big(1+\frac1N\Big)\alpha - \frac1N\Big]

    The paper prints :math:`1 + \alpha - \frac\alpha N\beta^t` in the second bracket, which is wrong already at t = 0,
    where :math:`S_1 = \frac1N + (1-\frac1N)S_0`; and for n much larger than N the limit is :math:`S_1` (`ERR-7`).
    Computed as :math:`1 - (1-F_t)(1-S_0)` with `inbreeding_fixed_real`. Arguments broadcast; t = 0 gives S_0, t = inf
    the limit.

    Kind: exact after correction. Source: `SED-T2` (Seddik et al., arXiv 2404.05090, Theorem 2), `F-FIX`.

    Examples
    --------
    >>> round(float(collision_fixed_real(0.365, 30, 20, 2)), 5)
    0.40399
    """
    S = _frequencies(collision)
    return S + (1 - S) * inbreeding_fixed_real(n, n_real, t)


def _truth(p, n) -> tuple[np.ndarray, float, int]:
    p = check.probabilities("p", p)
    n = check.integer("n", n, least=2, because="one point has collapsed at once")
    return p, float((p * (1 - p)).sum()), n


def collapse_bounds(p, n: int, generations: int, *, published: bool = False) -> tuple[np.ndarray, np.ndarray]:
    r"""Return bounds for the probability :math:`\rho_t` that one category alone is left by t = 0 .. T, Replace.

    .. math:: 1 - n(1-S_0)\lambda^t \le \rho_t \le 1 - \frac{1-S_0}{1-1/\tilde s}\lambda^t, \qquad \lambda = 1 - \frac1n

    where :math:`S_0 = \sum p_0^2` and :math:`\tilde s` is the number of categories. The default has the sharper lower
    bound :math:`1 - \frac n2(1-S_0)\lambda^{t-1}`, and :math:`\min(\tilde s, n)` for :math:`\tilde s` above, both for
    t >= 1 (n points have at most n categories). At t = 0 the lower bounds are 0: as printed the first is false there if
    :math:`1 - S_0 < 1/n`.

    Parameters
    ----------
    p : (category,) array_like
        Probabilities of the truth.
    n, generations : int
        Points per fit (>= 2), T.
    published : bool
        Return the bounds as printed (cut to [0, 1]).

    Returns
    -------
    lower, upper : ndarray, (generations + 1,)

    Notes
    -----
    Kind: bound. Source: `SED-T1.2` (Seddik et al., arXiv 2404.05090, Theorem 1); sharper forms derived. Exact: one
    minus `collapse_law`.

    Examples
    --------
    >>> round(float(collapse_bounds([0.3, 0.7], 20, 5)[1][5]), 5)
    0.35002
    """
    p, H, n = _truth(p, n)
    t = np.arange(check.integer("generations", generations, least=0) + 1)
    alive = int(np.count_nonzero(p))
    if alive == 1:
        return np.ones(len(t)), np.ones(len(t))
    log_rate = math.log1p(-1 / n)
    lower = 1 - n * H * np.exp(t * log_rate)
    most = np.full(len(t), alive)
    if not published:
        lower = 1 - n / 2 * H * np.exp((t - 1) * log_rate)
        most[1:] = min(alive, n)
    lower[0] = 0.0  # Markov's inequality is about counts of n, and the truth is none
    upper = 1 - H / (1 - 1 / most) * np.exp(t * log_rate)
    return np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)


def collapse_time_bounds(p, n: int, *, published: bool = False) -> tuple[float, float]:
    r"""Return lower and upper bounds for the expected number of fits until one category is left, under Replace.

    .. math:: 1 + \frac{1-S_0}{1-1/\tilde s}(n-1) \ \le\ E\,T \ \le\ 1 + (1-S_0)\,n(n-1)

    as published. The default sums what the sharper `collapse_bounds` leave, :math:`E\,T = \sum_t P(T>t)`: with
    :math:`c = \frac n2(1-S_0)` the upper bound is

    .. math:: m + 1 + c\,n\Big(1 - \frac1n\Big)^m, \qquad m = \min\{t \ge 0 : c(1-\tfrac1n)^t \le 1\},

    of order n ln n instead of n^2, and the lower one :math:`1 + \frac{1-S_0}{1 - 1/\min(\tilde s, n)}(n-1)`.

    Parameters
    ----------
    p : (category,) array_like
        Probabilities of the truth, at least two of them > 0.
    n : int
        Points per fit, >= 2.
    published : bool
        Return the bounds as printed.

    Returns
    -------
    lower, upper : float

    Notes
    -----
    Kind: bound. Source: `SED-T1.3` (Seddik et al., arXiv 2404.05090, Theorem 1); sharper forms derived. Exact:
    `collapse_time`, of order n.

    Examples
    --------
    >>> collapse_time_bounds([0.5, 0.5], 10, published=True)
    (10.0, 46.0)
    >>> [round(x, 3) for x in collapse_time_bounds([0.5, 0.5], 10)]
    [10.0, 19.686]
    """
    p, H, n = _truth(p, n)
    alive = int(np.count_nonzero(p))
    if alive == 1:
        raise ValueError("p must have at least two probabilities > 0 (one category has collapsed already), got one.")
    if published:
        return 1 + H / (1 - 1 / alive) * (n - 1), 1 + H * n * (n - 1)
    c, log_rate = n / 2 * H, math.log1p(-1 / n)
    m = max(0, math.ceil(math.log(c) / -log_rate)) if c > 0 else 0
    return 1 + H / (1 - 1 / min(alive, n)) * (n - 1), m + 1 + c * n * math.exp(m * log_rate)


def first_fit_distance_bound(n, n_real, categories, *, t=np.inf, published: bool = False):
    r"""Return an upper bound for :math:`E\|p_t - p_1\|_1` with N fixed real points and n of the last model.

    Published, for any t: :math:`\frac1N\sqrt{\frac{\pi n}2}\,(2^s - 2)` (the first of its forms; those for many
    categories are of the same kind). A line of proof gives :math:`\sqrt{n(s-1)}/N`. The default is the second moment,
    which is known exactly,

    .. math:: \sqrt{(s-1)\Big(1-\frac1N\Big)\frac{\alpha^2}{n}\,\frac{1 - b^{t-1}}{1 - b}}, \qquad
              \alpha = \frac n{N+n},\
              b = \alpha^2\Big(1 - \frac1n\Big),

    from
    :math:`E(p_{t+1,i}-p_{1,i})^2 = \alpha^2\big[(1-\frac1n)E(p_{t,i}-p_{1,i})^2 + \frac1n E\,p_{1,i}(1-p_{1,i})\big]`.

    Parameters
    ----------
    n, n_real, categories : float or array_like
        n >= 1, N >= 1 and s >= 1; they broadcast.
    t : int or array_like
        Generation >= 1; inf (default) bounds all.
    published : bool
        Return the bound as printed, which does not depend on t.

    Returns
    -------
    ndarray or float

    Notes
    -----
    Kind: bound. Source: `SED-T3` (Seddik et al., arXiv 2404.05090, Theorem 3); sharper forms derived.

    Examples
    --------
    >>> round(float(first_fit_distance_bound(100, 50, 4)), 4), round((100 * 3) ** 0.5 / 50, 4)
    (0.1528, 0.3464)
    >>> round(float(first_fit_distance_bound(100, 50, 4, published=True)), 4)
    3.5093
    """
    n, N, s = (
        check.array(name, value, ndim=tuple(range(5)), shape_words="any")
        for name, value in (("n", n), ("n_real", n_real), ("categories", categories))
    )
    for name, value in (("n", n), ("n_real", N), ("categories", s)):
        if value.size and value.min() < 1:
            raise ValueError(f"{name} must be >= 1, got {value.min():g}.")
    if published:
        with np.errstate(over="ignore"):
            return np.sqrt(np.pi * n / 2) * (2.0**s - 2) / N
    t = np.asarray(t, dtype=float)
    if not (t >= 1).all():
        raise ValueError(f"t must be >= 1 (generation 1 is the first fit), got {t[~(t >= 1)].flat[0]:g}.")
    alpha = n / (N + n)
    b = alpha**2 * (1 - 1 / n)
    spread = alpha**2 / n * (1 - np.power(b, t - 1)) / (1 - b)
    return np.sqrt((s - 1) * (1 - 1 / N) * spread)
