r"""When has the variance collapsed, and how large can it become first?

The log variance is a random walk with steps :math:`\ln S_i` and downward drift. T, the first generation with
:math:`\sigma_t^2 \le e^{-L}\sigma_0^2`, is its first passage. The density of the walks that are still above the
barrier obeys

.. math:: f_{t+1}(y) = \int_{-L}^\infty f_t(x)\,p(y - x)\,dx ,

p the density of ln S; f is smooth above the barrier and cut off at it, so Gauss-Legendre panels that begin at the
barrier integrate it to rounding. Wald's identity gives the mean up to the overshoot, the inverse Gaussian law is what
remains of T for large L and n.

Above, the walk is held by its exponent :math:`\kappa`, the positive root of :math:`E S^\kappa = 1`: 1 for the unbiased
estimator, near 2 for the mle. The same exponent rules the tail of the place where the model collapses.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.gaussian import (
    _generations,
    _sizes,
    log_variance_mean,
    log_variance_var,
)
from modelcollapse.theory.laws import LogVarianceLaw, centred_log_moment
from modelcollapse.theory.marginal import log_factor, log_factor_range, log_ratio_density

__all__ = [
    "OVERSHOOT",
    "first_passage",
    "first_passage_approximation",
    "first_passage_limit",
    "first_passage_moments",
    "first_passage_wald",
    "sd_exceeds",
    "sd_exceeds_chernoff",
    "sd_exceeds_normal",
    "sd_exceeds_published",
    "sup_bound",
    "sup_exponent",
]

#: mean overshoot of a normal random walk with small drift, in standard deviations of a step: -zeta(1/2)/sqrt(2 pi)
OVERSHOOT = 0.5825971579390107
#: paths that climb higher than all but e^-46 = 1e-20 of them are left out
CLIMB = 46.0
#: a panel has POINTS points and is at most PANEL sd of ln S wide, and at most WIDE
POINTS, PANEL, WIDE = 16, 3.0, 0.5
#: entries of a matrix beyond which a grid is too fine to be useful
LARGEST = 60_000_000


def _estimator(estimator: str) -> str:
    return check.choice("estimator", estimator, ("unbiased", "mle"))


# ------------------------------------------------------------------------------------------------- first passage


class _Grid:
    """Gauss-Legendre panels above the barrier at 0, and the step of a walk on them."""

    def __init__(self, sizes: np.ndarray, start: float, climb: float, estimator: str):
        self.estimator, self.start = estimator, start
        sd = math.sqrt(scipy.special.polygamma(1, (sizes.max() - 1) / 2))
        panels = math.ceil((start + climb) / min(WIDE, PANEL * sd))
        x, w = np.polynomial.legendre.leggauss(POINTS)
        half = (start + climb) / panels / 2
        self.y = (half * (2 * np.arange(panels)[:, None] + 1 + x)).ravel()
        self.weights = np.tile(half * w, panels)
        self._matrices: dict = {}

    def density(self, n: float, y: np.ndarray) -> np.ndarray:
        return np.exp(log_ratio_density((n - 1) / 2, y - log_factor(n, self.estimator)))

    def falls(self, n: float, y) -> np.ndarray:
        """Return P(ln S <= -y)."""
        return scipy.special.gammainc((n - 1) / 2, (n - (self.estimator == "unbiased")) / 2 * np.exp(-np.asarray(y)))

    def matrix(self, n: float):
        """Return p(y_i - y_j) w_j as a sparse matrix."""
        if n not in self._matrices:
            low, high = log_factor_range(n, self.estimator)
            first = np.searchsorted(self.y, self.y + low)
            last = np.searchsorted(self.y, self.y + high)
            count = last - first
            if count.sum() > LARGEST:
                raise ValueError(
                    f"n must not be so large that the grid outgrows memory (its spacing is that of ln S), got {n:.0f}; "
                    "for large n use first_passage_approximation."
                )
            columns = np.repeat(np.arange(len(self.y)), count)
            rows = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
            values = self.density(n, self.y[rows] - self.y[columns]) * self.weights[columns]
            keep = values > 1e-26 * values.max()
            self._matrices[n] = scipy.sparse.csr_array(
                (values[keep], (rows[keep], columns[keep])), shape=(len(self.y),) * 2
            )
        return self._matrices[n]


def first_passage(n, generations: int, *, log_drop: float, estimator: str) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the law of T, the first generation with :math:`\sigma_T^2 \le e^{-L}\sigma_0^2`, under Replace.

    Parameters
    ----------
    n : int or sequence of int
        Points per fit, or the sizes, each at least 2.
    generations : int
        T >= 1.
    log_drop : float
        L > 0, in nats: log(100) for a variance of one percent.
    estimator : {"unbiased", "mle"}
        Divisor n - 1 or n.

    Returns
    -------
    probability, survival : ndarray, (generations + 1,)
        P(T = t) and P(T > t) for t = 0 .. generations.

    Notes
    -----
    Kind: exact, by integration with an absorbing barrier on Gauss-Legendre panels; absolute error below 1e-13, relative
    below 1e-10 where it is above 1e-15 (the two arrays are computed apart and add up to one).
    Source: `G-FPT` (derived).

    Examples
    --------
    >>> probability, survival = first_passage(30, 400, log_drop=np.log(100), estimator="unbiased")
    >>> int(probability.argmax()), int((survival > 0.5).sum()), round(float(survival[-1]), 6)
    (75, 114, 0.018452)
    """
    _estimator(estimator)
    generations = check.integer("generations", generations, least=1)
    start = check.number("log_drop", log_drop, above=0)
    sizes = _sizes(n, 2, "a variance needs two points")
    _generations(generations, sizes)
    sizes = np.full(generations, float(sizes)) if sizes.ndim == 0 else sizes[:generations]
    # no path climbs by more than h with probability e^-h (a supermartingale), nor in so many steps by more than this
    climb = min(CLIMB, math.sqrt(2 * CLIMB * log_variance_var(sizes, generations)))
    grid = _Grid(sizes, start, climb, estimator)
    probability, survival = np.zeros(generations + 1), np.ones(generations + 1)
    probability[1] = grid.falls(sizes[0], start)
    f = grid.density(sizes[0], grid.y - start)
    for t in range(1, generations + 1):
        if t > 1:
            probability[t] = (f * grid.weights) @ grid.falls(sizes[t - 1], grid.y)
            f = grid.matrix(sizes[t - 1]) @ f
        survival[t] = f @ grid.weights
    return probability, survival


def first_passage_moments(n: int, *, log_drop: float, estimator: str) -> tuple[float, float]:
    r"""Return mean and standard deviation of T, the first generation with :math:`\sigma_T^2 \le e^{-L}\sigma_0^2`.

    .. math:: u(y) = 1 + \int_{-L}^\infty p(x - y)\,u(x)\,dx, \qquad E T = u(0)

    and likewise for the square. By Wald's identity :math:`E T = (L + \text{overshoot})/|m|` exactly. Parameters: those
    of `first_passage`, with one integer n.

    Kind: exact, by solution of the integral equation; relative error below 1e-10. Source: `G-FPT` (derived).

    Examples
    --------
    >>> mean, sd = first_passage_moments(30, log_drop=np.log(100), estimator="unbiased")
    >>> round(mean, 4), round(sd, 4)
    (137.086, 89.5954)
    """
    _estimator(estimator)
    start = check.number("log_drop", log_drop, above=0)
    n = check.integer("n", n, least=2, because="a variance needs two points")
    grid = _Grid(np.array([float(n)]), start, CLIMB, estimator)
    step = grid.matrix(float(n))
    # p(y_j - y_i) w_j, the step seen from where the walk is, from p(y_i - y_j) w_j
    backward = (scipy.sparse.diags_array(1 / grid.weights) @ step.T @ scipy.sparse.diags_array(grid.weights)).tocsc()
    factors = scipy.sparse.linalg.splu(
        (scipy.sparse.eye_array(len(grid.y)) - backward).tocsc(), permc_spec="NATURAL", diag_pivot_thresh=0.0
    )
    u = factors.solve(np.ones(len(grid.y)))
    s = factors.solve(2 * u - 1)
    first = grid.density(float(n), grid.y - start) * grid.weights
    mean = 1 + first @ u
    square = 1 + 2 * first @ u + first @ s
    return float(mean), math.sqrt(square - mean**2)


def _drift(n, estimator: str):
    """Return m and v of one step; n broadcasts."""
    n = np.asarray(n)
    flat = np.array([[log_variance_mean(int(k), 1, estimator=estimator), log_variance_var(int(k), 1)] for k in n.flat])
    return flat[:, 0].reshape(n.shape), flat[:, 1].reshape(n.shape)


def _integers(n) -> np.ndarray:
    return _sizes(np.asarray(n).ravel(), 2, "a variance needs two points").reshape(np.shape(n))


def first_passage_wald(n, *, log_drop, estimator: str):
    r"""Return :math:`(L + 0.583\sqrt v)/|m|`, the expected first passage by Wald's identity with a normal overshoot.

    `n` and `log_drop` broadcast. The identity is exact, the overshoot that of a normal walk with small drift,
    :math:`-\zeta(1/2)/\sqrt{2\pi}` standard deviations of a step; `first_passage_moments` has the exact mean.

    Kind: asymptotic (large n). Source: `G-FPT` (derived; Wald; Siegmund for the overshoot).

    Examples
    --------
    >>> round(float(first_passage_wald(30, log_drop=np.log(100), estimator="unbiased")), 4)
    136.4963
    """
    mean, spread = _drift(_integers(n), _estimator(estimator))
    log_drop = _positive("log_drop", log_drop)
    return ((log_drop + OVERSHOOT * np.sqrt(spread)) / -mean)[()]


def _positive(name: str, value) -> np.ndarray:
    out = np.asarray(value, dtype=float)
    if not (out > 0).all():
        raise ValueError(f"{name} must be > 0, got {out[~(out > 0)].flat[0]:g}.")
    return out


def first_passage_approximation(n: int, *, log_drop: float, estimator: str):
    r"""Return the inverse Gaussian law that T resembles: mean :math:`L'/|m|`, shape :math:`L'^2/v`.

    :math:`L' = L + 0.583\sqrt v` with the overshoot of `first_passage_wald`.

    Returns
    -------
    scipy.stats frozen distribution
        Of T as a continuous variable: P(T > t) is about ``sf(t)``.

    Notes
    -----
    Kind: asymptotic (large n). Source: `G-FPT` (derived).

    Examples
    --------
    >>> law = first_passage_approximation(30, log_drop=np.log(100), estimator="unbiased")
    >>> round(float(law.mean()), 4), round(float(law.std()), 4)
    (136.4963, 89.5037)
    """
    import scipy.stats

    n = check.integer("n", n, least=2, because="a variance needs two points")
    mean, spread = map(float, _drift(n, _estimator(estimator)))
    level = check.number("log_drop", log_drop, above=0) + OVERSHOOT * math.sqrt(spread)
    shape = level**2 / spread
    return scipy.stats.invgauss(level / -mean / shape, scale=shape)


def first_passage_limit(*, log_drop: float, estimator: str):
    r"""Return the law of T/n as n grows: inverse Gaussian with mean L (``mle`` L/2) and shape :math:`L^2/2`.

    Its standard deviation is :math:`\sqrt{2L}` (``mle`` :math:`\sqrt L/2`).

    Returns
    -------
    scipy.stats frozen distribution

    Notes
    -----
    Kind: asymptotic. Source: `G-FPT` (derived).

    Examples
    --------
    >>> round(float(first_passage_limit(log_drop=2.0, estimator="unbiased").std()), 12)
    2.0
    """
    import scipy.stats

    level = check.number("log_drop", log_drop, above=0)
    mean, shape = level / (2 if _estimator(estimator) == "mle" else 1), level**2 / 2
    return scipy.stats.invgauss(mean / shape, scale=shape)


# ------------------------------------------------------------------------------------------------- the largest variance


def sup_exponent(n, *, estimator: str):
    r"""Return :math:`\kappa > 0` with :math:`E S^\kappa = 1`: 1 (``unbiased``), or a little above 2 (``mle``).

    `n` broadcasts. As :math:`n\to\infty` it tends to 2 for the mle.

    Kind: exact (a root, to 1e-13). Source: `G-SUP`, `LIM-MEAN` (derived).

    Examples
    --------
    >>> round(float(sup_exponent(10, estimator="mle")), 4)
    2.0535
    """
    n = _integers(n)
    if _estimator(estimator) == "unbiased":
        return np.ones(n.shape)[()]
    return np.array([_root(float(k)) for k in n.flat]).reshape(n.shape)[()]


def _root(n: float) -> float:
    import scipy.optimize

    drift = float(log_variance_mean(int(n), 1, estimator="mle"))

    def gap(s: float) -> float:
        return n * (float(centred_log_moment((n - 1) / 2, np.array([s]))[0]) / s + drift)

    return float(scipy.optimize.brentq(gap, 1.0, 4.0, xtol=1e-15, rtol=1e-14))


def sup_bound(c, n, *, estimator: str):
    r"""Return the bound :math:`\min(1, c^{-\kappa})` on :math:`P(\sup_t\sigma_t^2 \ge c\,\sigma_0^2)`.

    `c` and `n` broadcast.

    Kind: bound (Doob), an equality as :math:`n\to\infty`. Source: `G-SUP` (derived).

    Examples
    --------
    >>> float(sup_bound(4.0, 100, estimator="unbiased"))
    0.25
    """
    return np.minimum(1.0, _positive("c", c) ** -sup_exponent(n, estimator=estimator))[()]


# ------------------------------------------------------------------------------------------------- not yet collapsed


def _level(level, variance) -> float:
    return math.log(check.number("level", level, above=0)) - math.log(check.number("variance", variance, above=0)) / 2


def sd_exceeds(n, t, *, level: float, estimator: str, variance: float = 1.0):
    r"""Return :math:`P(\sigma_t > \varepsilon)`, the probability of not yet having collapsed, under Replace.

    Parameters
    ----------
    n : int or sequence of int
        Points per fit, or the sizes.
    t : int or array of int
        Generations, from 0.
    level : float
        :math:`\varepsilon > 0`.
    estimator : {"unbiased", "mle"}
        Divisor n - 1 or n.
    variance : float
        :math:`\sigma_0^2`.

    Notes
    -----
    Kind: exact, from `LogVarianceLaw`. Source: `SUR-T3` (exact value derived).

    Examples
    --------
    >>> print(f"{sd_exceeds(10, 111, level=0.1, estimator='unbiased'):.6f}")
    0.058331
    """
    log = 2 * _level(level, variance)
    t = _generations(t, _sizes(n, 2, "a variance needs two points"))
    _estimator(estimator)
    out = [float(LogVarianceLaw(n, int(k), estimator=estimator).sf(log)) if k else float(log < 0) for k in t.flat]
    return np.array(out).reshape(t.shape)[()]


def sd_exceeds_published(n: int, t, *, level: float, variance: float = 1.0):
    r"""Return the bound :math:`\min(1, (\sigma_0/\varepsilon)e^{-t/(4n-1)})` on :math:`P(\sigma_t > \varepsilon)`.

    For the ``unbiased`` estimator (called ML in the paper); valid because :math:`-\ln c_4(n) \ge 1/(4n-1)`, and loose:
    `sd_exceeds` is the exact value (`ERR-8`). The curve plotted as "our bound" in the authors' notebook is
    ``sd_exceeds_chernoff(..., order=0.7)``.

    Kind: bound. Source: `SUR-T3` (Suresh, Thangaraj, Khandavally, AISTATS 2025, arXiv 2412.17646, Theorem 3).

    Examples
    --------
    >>> round(float(sd_exceeds_published(10, 111, level=0.1)), 4)
    0.5807
    """
    n = check.integer("n", n, least=2, because="a variance needs two points")
    t = _generations(t, np.asarray(float(n)))
    return np.exp(np.minimum(0.0, -_level(level, variance) - t / (4 * n - 1)))[()]


def sd_exceeds_chernoff(n, t, *, level: float, estimator: str, order: float | None = None, variance: float = 1.0):
    r"""Return Chernoff's bound on :math:`P(\sigma_t > \varepsilon)`, for one `order` s or the best of all s > 0.

    .. math:: P(\sigma_t > \varepsilon) \le (\sigma_0/\varepsilon)^s \prod_{i\le t} M_{s/2}(n_i)

    s = 1 is the bound of Bertrand et al. (:math:`\prod c_4` for ``unbiased``), s = 0.7 the curve plotted by Suresh et
    al. Other parameters: those of `sd_exceeds`.

    Kind: bound. Source: `SUR-T3` (derived), `BERT` (arXiv 2310.00429) for s = 1.

    Examples
    --------
    >>> bound = [sd_exceeds_chernoff(10, 111, level=0.1, estimator="unbiased", order=s) for s in (1.0, 0.7, None)]
    >>> [round(float(b), 4) for b in bound]
    [0.4609, 0.2953, 0.2886]
    """
    _estimator(estimator)
    log = 2 * _level(level, variance)
    if order is not None:
        order = check.number("order", order, above=0)
    t = _generations(t, _sizes(n, 2, "a variance needs two points"))
    return np.array([_chernoff(n, int(k), log, estimator, order) for k in t.flat]).reshape(t.shape)[()]


def _chernoff(n, t: int, log: float, estimator: str, order: float | None) -> float:
    if t == 0:
        return 1.0 if log < 0 or order is None else min(1.0, math.exp(-order * log / 2))
    law = LogVarianceLaw(n, t, estimator=estimator)
    y = log - law.mean()
    if order is None:
        if y <= 0:
            return 1.0
        c = law._saddle(np.array([y]))
        for _ in range(4):
            shift = law._sum(lambda a, c: scipy.special.digamma(a + c) - scipy.special.digamma(a), c) - y
            c = np.maximum(c - shift / law._sum(lambda a, c: scipy.special.polygamma(1, a + c), c), 0.0)
    else:
        c = np.array([order / 2])
    return min(1.0, math.exp(float((law._log_moment(c) - c * y)[0])))


def sd_exceeds_normal(n, t, *, level: float, estimator: str, variance: float = 1.0):
    r"""Return the normal approximation of :math:`P(\sigma_t > \varepsilon)`.

    .. math:: \Phi\Big(\frac{tm - 2\ln(\varepsilon/\sigma_0)}{\sqrt{tv}}\Big)

    Kind: asymptotic (large t). Source: `SUR-T3`, `G-LOGWALK` (derived). Parameters: those of `sd_exceeds`, t >= 1.

    Examples
    --------
    >>> round(float(sd_exceeds_normal(10, 111, level=0.1, estimator="unbiased")), 4)
    0.0597
    """
    log = 2 * _level(level, variance)
    if np.size(t) and np.min(t) < 1:
        raise ValueError(f"t must be >= 1 (at generation 0 nothing is random), got {np.min(t)}.")
    mean = log_variance_mean(n, t, estimator=estimator)
    return scipy.special.ndtr((mean - log) / np.sqrt(log_variance_var(n, t)))[()]
