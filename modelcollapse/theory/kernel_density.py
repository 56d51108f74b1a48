r"""What happens to a kernel density estimate that is refitted to its own samples? It spreads: the opposite failure.

A draw from the estimate is a point of the training set plus :math:`h` times a standard normal. So every generation
adds the variance :math:`h^2` of the kernel and, like every refit, loses one N-th of what it has. Let :math:`W_t` be
the variance (divisor N) of the training set of generation t, and :math:`M_t` the mean squared error of its mean. Under
Replace with n points and fixed :math:`h`

.. math:: E W_{t+1} = \Big(1 - \frac1n\Big)(E W_t + h^2) \to (n-1)h^2, \qquad E W_t + M_t = \sigma^2 + (t-1)h^2 :

the cloud stops growing at :math:`(n-1)h^2` and then wanders off, its mean a random walk of variance :math:`h^2` per
generation. Under Accumulate the second moment is :math:`\sigma^2 + h^2(H_t - 1)` with the harmonic number
:math:`H_t`: it diverges, but logarithmically. A bandwidth that follows the data,
:math:`h_t = c\sqrt{W_t}\,N^{-1/(d+4)}`, multiplies :math:`E W` by a constant above one: geometric
growth.

**Any regime.** Second moments close under the recursion of `modelcollapse.theory.inbreeding`: with its notation, a
point drawn from model t has mean square :math:`\sum_a w_a Q_a + \kappa_t`, where :math:`\kappa_t = E h_t^2` is a
number, or :math:`c^2 N^{-2/(d+4)} E W_t`. All other terms are as they were. No normality is needed, and in d dimensions
everything holds for each coordinate by itself. :math:`\sigma^2` is the variance of the truth that real points are drawn
from; if that is itself a kernel density estimate, its kernel is part of it.

Source throughout: `KAZ-KDE` (Kazdan et al., arXiv 2410.16713, who measured; moments derived).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.inbreeding import written_out

__all__ = [
    "kde_bandwidth_factor",
    "kde_growth",
    "kde_mean_error_replace",
    "kde_moments",
    "kde_neutral_factor",
    "kde_second_moment_accumulate",
    "kde_second_moment_replace",
    "kde_variance_limit",
    "kde_variance_replace",
    "kde_variance_sd",
]

RULES = ("silverman", "scott")


def kde_bandwidth_factor(n, *, rule: str, dim: int = 1):
    r"""Return :math:`h/s = c_d\,n^{-1/(d+4)}` of a rule for the bandwidth, s being the sd with divisor n.

    Silverman: :math:`c_1 = 1.06` (his rounding) and :math:`c_d = (4/(d+2))^{1/(d+4)}` for :math:`d \ge 2`; Scott:
    :math:`c_d = 1`. The same for every coordinate; `n` broadcasts.

    Kind: definition. Source: Silverman 1986, (3.28) and (4.14); Scott 1992; `KAZ-KDE`.

    Examples
    --------
    >>> round(float(kde_bandwidth_factor(32, rule="silverman")), 12)
    0.53
    """
    check.choice("rule", rule, RULES)
    dim = check.integer("dim", dim, least=1)
    c = 1.0 if rule == "scott" else 1.06 if dim == 1 else (4 / (dim + 2)) ** (1 / (dim + 4))
    return (c * _size(n) ** (-1 / (dim + 4)))[()]


def kde_neutral_factor(n):
    r"""Return :math:`h/s = 1/\sqrt{n-1}`: refitted to n own points with this bandwidth, the expected variance stays.

    Every rule in use is wider, except for very few points: it is of order :math:`n^{-1/2}`, they of
    :math:`n^{-1/(d+4)}`. Kind: exact. Source: `KAZ-KDE` (derived: :math:`(1-\frac1n)(1+h^2/s^2) = 1`).

    Examples
    --------
    >>> float(kde_neutral_factor(26))
    0.2
    """
    return (1 / np.sqrt(_size(n, 2) - 1))[()]


def kde_growth(n, *, c: float = 1.06, dim: int = 1):
    r"""Return the factor of the expected variance per generation of Replace with :math:`h = c\,s\,n^{-1/(d+4)}`.

    .. math:: \frac{E W_{t+1}}{E W_t} = \Big(1 - \frac1n\Big)\big(1 + c^2 n^{-2/(d+4)}\big)

    For c = 1.06 and d = 1 it exceeds one from n = 3 on. `n` broadcasts.

    Kind: exact. Source: `KAZ-KDE` (derived, checked).

    Examples
    --------
    >>> round(float(kde_growth(20)), 4)
    1.2721
    """
    n, dim = _size(n), check.integer("dim", dim, least=1)
    c = check.number("c", c, least=0)
    return ((1 - 1 / n) * (1 + c**2 * n ** (-2 / (dim + 4))))[()]


def kde_variance_replace(n, t, *, bandwidth: float, variance: float = 1.0):
    r"""Return :math:`E W_t` of Replace with a fixed bandwidth h; `n` and `t` broadcast, generation 0 is the truth.

    .. math:: E W_t = \Big(1-\frac1n\Big)^t \sigma^2 + (n-1)h^2\Big[1 - \Big(1-\frac1n\Big)^{t-1}\Big], \quad t \ge 1

    Kind: exact. Source: `KAZ-KDE` (the recursion, solved).

    Examples
    --------
    >>> kde_variance_replace(10, [0, 1, 2], bandwidth=0.5).round(12).tolist()
    [1.0, 0.9, 1.035]
    """
    n, t = _size(n), _generation(t)
    h, variance = _fixed(bandwidth), check.number("variance", variance, least=0)
    kept = scipy.special.xlog1py
    gained = (n - 1) * h**2 * (0.0 - np.expm1(kept(np.maximum(t - 1, 0), -1 / n)))
    return (variance * np.exp(kept(t, -1 / n)) + gained)[()]


def kde_variance_limit(n, *, bandwidth: float):
    r"""Return :math:`\lim_t E W_t = (n-1)h^2` of Replace with a fixed bandwidth h; the truth is forgotten.

    Kind: exact. Source: `KAZ-KDE` (derived, checked).

    Examples
    --------
    >>> float(kde_variance_limit(101, bandwidth=0.5))
    25.0
    """
    return ((_size(n) - 1) * _fixed(bandwidth) ** 2)[()]


def kde_second_moment_replace(t, *, bandwidth: float, variance: float = 1.0):
    r"""Return :math:`\sigma^2 + (t-1)h^2`, the expected square of a training point about the true mean.

    For :math:`t \ge 1`; Replace, fixed bandwidth, any sizes. It is :math:`E W_t + M_t`; the model itself has
    :math:`h^2` more.

    Kind: exact. Source: `KAZ-KDE` (derived, checked).

    Examples
    --------
    >>> float(kde_second_moment_replace(5, bandwidth=0.5))
    2.0
    """
    t = _generation(t)
    return (check.number("variance", variance, least=0) + np.maximum(t - 1, 0) * _fixed(bandwidth) ** 2)[()]


def kde_mean_error_replace(n, t, *, bandwidth: float, variance: float = 1.0):
    r"""Return :math:`M_t = E(\bar x_t - \mu_0)^2` of Replace with a fixed bandwidth h: a random walk for ever.

    .. math:: M_t = \sigma^2\Big[1 - \Big(1-\frac1n\Big)^t\Big] +
              h^2\Big\{t - 1 - (n-1)\Big[1 - \Big(1-\frac1n\Big)^{t-1}\Big]\Big\}, \quad t \ge 1

    so that :math:`M_{t+1} - M_t \to h^2`, whatever n is.

    Kind: exact. Source: `KAZ-KDE` (derived: the second moment less the variance).

    Examples
    --------
    >>> kde_mean_error_replace(10, [0, 1, 2], bandwidth=0.5).round(12).tolist()
    [0.0, 0.1, 0.215]
    """
    n, t = _size(n), _generation(t)
    h, variance = _fixed(bandwidth), check.number("variance", variance, least=0)
    lost = scipy.special.xlog1py
    steps = np.maximum(t - 1, 0)
    first = variance * (0.0 - np.expm1(lost(t, -1 / n)))
    near = steps < 1e-3 * n  # where t - 1 and the bracket nearly cancel: a binomial series, next term below 1e-12 of it
    series = np.zeros(np.broadcast_shapes(np.shape(n), np.shape(t)))
    term = steps / n
    for k in range(2, 8):
        term = term * -(steps - k + 1) / (k * n)
        series = series - term
    series = steps / n + (n - 1) * series
    exact = steps + (n - 1) * np.expm1(lost(steps, -1 / n))
    return (first + h**2 * np.where(near, series, exact))[()]


def kde_second_moment_accumulate(t, *, bandwidth: float, variance: float = 1.0):
    r"""Return :math:`\sigma^2 + h^2(H_t - 1)`, Accumulate with equal batches: logarithmic divergence, :math:`t \ge 1`.

    The expected square, about the true mean, of a point of the pool of generation t; :math:`H_t = \sum_{i\le t} 1/i`.

    Kind: exact. Source: `KAZ-KDE` (derived, checked).

    Examples
    --------
    >>> kde_second_moment_accumulate([1, 2, 3], bandwidth=0.6).round(12).tolist()
    [1.0, 1.18, 1.3]
    """
    t = _generation(t)
    harmonic = scipy.special.digamma(np.maximum(t, 1) + 1.0) + np.euler_gamma - 1
    harmonic = np.where(t <= 1, 0.0, harmonic)
    return (check.number("variance", variance, least=0) + harmonic * _fixed(bandwidth) ** 2)[()]


def kde_moments(
    regime, generations: int, bandwidth, *, variance: float = 1.0, dim: int = 1, population: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the expected variance of the training set and the mean squared error of its mean: any regime.

    Parameters
    ----------
    regime : Regime
        Anything with a method ``plan(generations)``.
    generations : int
        T >= 0.
    bandwidth : float or {"silverman", "scott"} or callable
        Fixed, or by a rule (`kde_bandwidth_factor`, per coordinate), or :math:`h/s` as a function of the size of the
        training set.
    variance : float
        Variance of the truth in the coordinate in question.
    dim : int
        Number of coordinates, for the exponent of a rule.
    population : int, optional
        Number N of fixed real rows, if these are the truth; `variance` is then theirs, with divisor N.

    Returns
    -------
    variance, mean_squared_error : ndarray, (generations + 1,)
        :math:`E W_t` and :math:`M_t`; at t = 0 the variance of the truth, and 0.

    Notes
    -----
    Kind: exact; no normality is needed. In d dimensions the covariance between two coordinates follows
    `modelcollapse.theory.inbreeding` as if there were no kernel. Source: derived (`F-MASTER` with the variance of the
    kernel added to every synthetic point); special cases `KAZ-KDE`. Cost: as for `inbreeding`.

    Examples
    --------
    >>> from modelcollapse.regimes import Accumulate, Replace
    >>> variance, error = kde_moments(Replace(n=10), 2, 0.5)
    >>> variance.round(12).tolist(), error.round(12).tolist()
    ([1.0, 0.9, 1.035], [0.0, 0.1, 0.215])
    >>> variance, error = kde_moments(Accumulate(n=10), 3, 0.6)
    >>> (variance + error).round(12).tolist()
    [1.0, 1.0, 1.18, 1.3]
    """
    generations = check.integer("generations", generations, least=0)
    variance = check.number("variance", variance, above=0, because="it is the unit of the recursion")
    kernel = _kernel(bandwidth, variance, dim)
    if generations == 0:
        return np.full(1, variance), np.zeros(1)
    plan = written_out(regime, generations)
    sibling = 0.0
    if population is not None:
        population = check.integer("population", population, least=2, because="one fixed row has no variance")
        if plan.real[0] > population:
            raise ValueError(
                f"population must be >= {int(plan.real[0])} (generation 1 takes that many of its rows "
                f"without replacement), got {population}."
            )
        sibling = 1 / (population - 1)
    W, M = _recursion(plan, kernel, sibling)
    return variance * np.concatenate([[1.0], W]), variance * np.concatenate([[0.0], M])


def kde_variance_sd(
    n, generations: int, bandwidth, *, variance: float = 1.0, kurtosis: float = 3.0, dim: int = 1
) -> np.ndarray:
    r"""Return the standard deviation of :math:`W_t`, t = 0 .. T, under Replace; shape (T + 1,).

    With :math:`K_t` the fourth central moment of the training set (divisor n), a draw has variance
    :math:`s = W + h^2` and fourth central moment :math:`m = K + 6Wh^2 + 3h^4`, and

    .. math:: E[W'^2] = \Big(1-\frac1n\Big)^2 s^2 + \frac{(n-1)^2}{n^3}\Big(m - \frac{n-3}{n-1}s^2\Big), \qquad
              E[K'] = \frac{n-1}{n^3}\big[(n^2-3n+3)m + 3(2n-3)s^2\big] :

    :math:`E W`, :math:`E W^2` and :math:`E K` are a linear recursion, for fixed bandwidths and for rules.

    Parameters
    ----------
    n : int or sequence of int
        Points per fit, or a schedule (n_1, .., n_T).
    generations : int
    bandwidth, variance, dim
        As in `kde_moments`.
    kurtosis : float
        Fourth central moment of the truth in units of its squared variance; 3 for a normal truth.

    Notes
    -----
    Kind: exact. Source: derived (moments of sample moments: Cramér 1946, 27.4-27.6).

    Examples
    --------
    >>> kde_variance_sd(10, 2, 0.5).round(6).tolist()
    [0.0, 0.424264, 0.610336]
    """
    generations = check.integer("generations", generations, least=0)
    n = tuple(np.asarray(n).tolist()) if np.ndim(n) else n
    sizes = check.sizes("n", check.schedule("n", n), generations)
    variance = check.number("variance", variance, above=0, because="it is the unit of the recursion")
    kernel = _kernel(bandwidth, variance, dim)
    kurtosis = check.number("kurtosis", kurtosis, least=1.0, because="no law has less")
    out = np.zeros(generations + 1)
    s, var, m = 1.0, 0.0, kurtosis  # E s, Var s and E m of the law that the next points are drawn from
    W = V = K = 0.0
    for t, n in enumerate(sizes.tolist()):
        if t:
            share, added = kernel(sizes[t - 1])
            s, var = W + added + share * W, (1 + share) ** 2 * V
            m = K + 6 * (added * W + share * (V + W**2)) + 3 * (added**2 + share**2 * (V + W**2))
        square = var + s**2
        W = (1 - 1 / n) * s
        V = (1 - 1 / n) ** 2 * var + (n - 1) / n**3 * ((n - 1) * m - (n - 3) * square)
        K = (n - 1) / n**3 * ((n * n - 3 * n + 3) * m + 3 * (2 * n - 3) * square)
        out[t + 1] = math.sqrt(max(V, 0.0))
    return variance * out


# ------------------------------------------------------------------------------------------------- the recursion


def _size(n, least: float = 1) -> np.ndarray:
    out = np.asarray(n, dtype=float)
    if not (out >= least).all():
        raise ValueError(f"n must be >= {least:g} (it counts points), got {out[~(out >= least)].flat[0]:g}.")
    return out


def _generation(t) -> np.ndarray:
    t = np.asarray(t)
    if t.dtype.kind not in "iu":
        raise TypeError(f"t must be an integer or an array of integers (it counts fits), got {t.dtype}.")
    if t.size and t.min() < 0:
        raise ValueError(f"t must be >= 0 (generation 0 is the truth), got {t.min()}.")
    return t


def _fixed(bandwidth) -> float:
    return check.number("bandwidth", bandwidth, least=0)


def _kernel(bandwidth, variance: float, dim: int) -> Callable:
    """Return size -> (share, added): the variance of the kernel is share * W + added, in units of `variance`."""
    dim = check.integer("dim", dim, least=1)
    if isinstance(bandwidth, str):
        check.choice("bandwidth", bandwidth, RULES)
        return lambda size: (float(kde_bandwidth_factor(size, rule=bandwidth, dim=dim)) ** 2, 0.0)
    if callable(bandwidth):
        return lambda size: (check.number("bandwidth(n)", bandwidth(int(size)), least=0) ** 2, 0.0)
    added = _fixed(bandwidth) ** 2 / variance
    return lambda size: (0.0, added)


def _recursion(plan, kernel: Callable, sibling: float) -> tuple[np.ndarray, np.ndarray]:
    """Run the recursion of `inbreeding` with the kernel; one block of batches per group that leaves together."""
    T = plan.generations
    leave = np.searchsorted(plan.oldest, np.arange(1, T + 1) + 1)  # first index t without batch t + 1; T: never
    blocks = [(float(plan.pinned), T), (float(plan.real[0] - plan.pinned), int(leave[0]))]
    blocks = [block for block in blocks if block[0]]
    sizes, gone = np.array([b[0] for b in blocks]), np.array([b[1] for b in blocks])
    C = np.where(np.eye(len(sizes), dtype=bool), (1 - (sizes - 1) * sibling) / sizes, -sibling)
    Q, W, M = np.ones(len(sizes)), np.empty(T), np.empty(T)
    square = added = 0.0
    w = np.empty(0)
    D = 1 - C  # (Q_a + Q_b)/2 - C_ab, carried along so that W keeps its digits next to a large M
    with np.errstate(over="ignore"):
        for t in range(T):
            if t:
                m, real, made, q = (float(x[t]) for x in (plan.batch, plan.real, plan.synthetic, plan.mix))
                phi, fresh = made * (1 - q) / m, (real + made * q) / m
                pair = phi * max(made - 1, 0.0) * (1 - q) / m
                mixed = phi * (real + max(made - 1, 0.0) * q) / m
                Qn = fresh + phi * (square + added)
                Cn = np.append(phi * (w @ C), Qn / m + pair * M[t - 1])
                Dn = np.append(
                    phi * (w @ D + added / 2) + fresh * (1 + Q) / 2,
                    (1 - 1 / m) * (phi * (W[t - 1] + added) + fresh) + mixed * M[t - 1],
                )
                C, D = (np.block([[X, x[:-1, None]], [x[None, :]]]) for X, x in ((C, Cn), (D, Dn)))
                sizes, gone, Q = np.append(sizes, m), np.append(gone, leave[t]), np.append(Q, Qn)
                stay = gone > t
                sizes, gone, Q, C, D = sizes[stay], gone[stay], Q[stay], C[np.ix_(stay, stay)], D[np.ix_(stay, stay)]
                if len(gone) > 1 and gone[-1] == gone[-2]:
                    pool = np.eye(len(gone))[:-1]
                    pool[-1, -2:] = sizes[-2:] / sizes[-2:].sum()
                    C, D, Q = pool @ C @ pool.T, pool @ D @ pool.T, pool @ Q
                    sizes, gone = np.append(sizes[:-2], sizes[-2:].sum()), gone[:-1]
            held, drawn = sizes.sum(), float(plan.drawn[t])
            w = sizes / held
            square, M[t], W[t] = w @ Q, w @ C @ w, w @ D @ w
            if 0 < drawn < held:  # drawn without replacement: two of the drawn are two different points of the pool
                M[t] = square / drawn + (1 - 1 / drawn) * (held * M[t] - square) / (held - 1)
                W[t] *= (1 - 1 / drawn) * held / (held - 1)
            share, fixed = kernel(drawn or held)
            added = share * W[t] + fixed
    return W, M
