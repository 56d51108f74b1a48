r"""Which values does a collapsed variance take, and how often? Laws, not only moments.

Under Replace a one-dimensional Gaussian has
:math:`\ln\sigma_t^2 = \ln\sigma_0^2 + \sum_{i\le t}\ln(\chi^2_{\nu_i}/\mathrm{div}_i)`, and in d dimensions the log
determinant is such a sum too (Bartlett). Both are sums of logarithms of independent gamma variables, whose
characteristic function is known: with shapes :math:`a_j`, :math:`k_j` terms each, and the mean taken out,

.. math:: K(z) = \ln E e^{z(Y - EY)} = \sum_j k_j\,[\ln\Gamma(a_j + z) - \ln\Gamma(a_j) - z\,\psi(a_j)] .

Density and tails are line integrals in the plane of z,

.. math:: f(y) = \frac1{2\pi i}\int e^{K(z) - zy}\,dz, \qquad
          P(Y > y) = \frac1{2\pi i}\int_{\Re z > 0} e^{K(z) - zy}\,\frac{dz}z,

and :math:`P(Y \le y)` is minus the second integral on a path left of zero. The path is the hyperbola
:math:`z = c + iu - (\sqrt{1 + 4\beta^2u^2} - 1)/(2\beta)` through the saddle point :math:`K'(c) = y`, bent there as the
steepest descent is, :math:`\beta = -K'''/(6K'')`, but never round the pole at :math:`-\min a`, nor by more than 45
degrees, where :math:`K` would begin to grow again. There nothing oscillates and nothing cancels, so that a tail
probability of 1e-300 has as many correct digits as one of a half; and the trapezoidal rule converges geometrically,
which is also how its error is known: the difference from the rule with half the nodes is about the square root of it.

A law is inverted once, on Chebyshev points of panels three local standard deviations wide (about 30 of them), and then
evaluated from the table of log density and log tail. A table takes some 0.05 s; 1000 values then take less than a
millisecond.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.distribution import Law, Table, _numbers, log1mexp
from modelcollapse.theory.gaussian import (
    BERNOULLI,
    _dim,
    _full_rank,
    _generations,
    _sizes,
    log_det_mean,
    log_variance_mean,
)

__all__ = ["LogDetLaw", "LogVarianceLaw", "SdLaw", "VarianceLaw"]

#: terms of the Taylor series of K, used for |z| <= a / 4: the first one left out is below 4^-31
TERMS = 30
#: an integrand is dropped where it is below e^-42 of its top
FADED = 42.0
#: nodes of a first quadrature; rows that have not converged get twice as many, at most MOST
NODES, MOST = 48, 6144
#: agreement with the rule of half the nodes that is asked for: the error is about its square
HALVED = 3e-8
#: tails are tabulated to e^-750, which is below the smallest positive double
DEEPEST = 750.0


# ------------------------------------------------------------------------------------------------- the inversion


def _remainder(s: np.ndarray) -> np.ndarray:
    """Return Stirling's ln Gamma(s) - (s - 1/2) ln s + s - ln(2 pi)/2 for |s| >= 10."""
    k = np.arange(1, len(BERNOULLI) + 1)
    square = 1 / (s * s)
    out = np.zeros_like(s)
    for coefficient in (BERNOULLI / (2 * k * (2 * k - 1)))[::-1]:
        out = out * square + coefficient
    return out / s


def _taylor(shapes: np.ndarray) -> np.ndarray:
    """Return the Taylor coefficients of K of order 2, 3, ..: (-1)^m zeta(m, a) / m, shape (shape, order)."""
    m = np.arange(2, TERMS + 1)
    return (-1.0) ** m * scipy.special.zeta(m.astype(float), shapes[:, None]) / m


def _horner(coefficients: np.ndarray, z: np.ndarray) -> np.ndarray:
    out = np.full_like(z, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        out = out * z + coefficient
    return out * z * z


def centred_log_moment(a: float, z: np.ndarray, taylor: np.ndarray | None = None) -> np.ndarray:
    """Return ln Gamma(a + z) - ln Gamma(a) - z psi(a), complex z, without cancellation."""
    z = np.asarray(z)
    taylor = _taylor(np.array([a]))[0] if taylor is None else taylor
    out = np.empty_like(z)
    near = np.abs(z) <= a / 4
    out[near] = _horner(taylor, z[near])
    if a >= 16:
        far = ~near & (np.real(z) >= 10 - a)
        w = z[far]
        gap = math.log(a) - float(scipy.special.digamma(a))
        out[far] = (a + w - 0.5) * np.log1p(w / a) + w * (gap - 1) + _remainder(a + w) - _remainder(np.array([a + 0.0]))
        near |= far
    w = z[~near]
    if w.size:
        rest = scipy.special.loggamma(a + w) - scipy.special.gammaln(a) - w * scipy.special.digamma(a)
        out[~near] = rest
    return out


def _path(c, bend, u):
    """Return z on the hyperbola through c, and -i dz/du."""
    root = np.sqrt(1 + 4 * (bend * u) ** 2)
    return c + 1j * u - 2 * bend * u * u / (1 + root), 1 + 2j * bend * u / root


class _LogGammaSum(Law):
    """The law of a sum of logarithms of independent gamma variables, shapes a_j with counts k_j, and a given mean."""

    def __init__(self, shapes: np.ndarray, counts: np.ndarray, mean: float):
        order = np.argsort(shapes)
        self.shapes, self.counts, self._mean = shapes[order], counts[order].astype(float), float(mean)
        self._taylor = _taylor(self.shapes)
        self._tails = np.cumsum((self.counts[:, None] * self._taylor)[::-1], axis=0)[::-1]

    # -- cumulants

    def cumulant(self, order: int) -> float:
        r"""Return the cumulant of an order >= 1: :math:`\sum_j k_j\,\psi_{r-1}(a_j)` for r >= 2."""
        order = check.integer("order", order, least=1)
        if order == 1:
            return self._mean
        return float((self.counts * scipy.special.polygamma(order - 1, self.shapes)).sum())

    def _cumulants(self):
        return tuple(self.cumulant(order) for order in (1, 2, 3, 4))

    def log_mgf(self, s):
        r"""Return :math:`\ln E e^{sY}`; infinite for :math:`s \le -\min a`."""
        s = _numbers("s", s)
        out = np.full(s.shape, np.inf)
        inside = s > -self.shapes[0]
        out[inside] = self._log_moment(s[inside]) + s[inside] * self._mean
        return out[()]

    def _log_moment(self, z: np.ndarray) -> np.ndarray:
        if not z.size:
            return np.zeros_like(z)
        first = int(np.searchsorted(self.shapes, 4 * np.abs(z).max()))
        out = _horner(self._tails[first], z) if first < len(self.shapes) else np.zeros_like(z)
        for j in range(first):
            out = out + self.counts[j] * centred_log_moment(self.shapes[j], z, self._taylor[j])
        return out

    def _sum(self, function, c: np.ndarray) -> np.ndarray:
        """Return sum_j k_j function(a_j, c), in pieces of bounded size."""
        out = np.zeros_like(c)
        piece = max(1, 2_000_000 // max(1, c.size))
        for start in range(0, len(self.shapes), piece):
            a, k = self.shapes[start : start + piece, None], self.counts[start : start + piece]
            out += k @ function(a, c[None])
        return out

    def expect(self, function) -> float:
        """Return E function(Y) by the trapezoidal rule, for smooth functions that grow slower than the tails fall."""
        step = min(0.15, 0.15 * math.sqrt(self.cumulant(2)))
        y = self._mean + step * np.arange(
            (self.ppf(1e-35) - self._mean) // step, (self.isf(1e-35) - self._mean) // step
        )
        return float((self.pdf(y) * step) @ function(y))

    # -- one contour per point

    def _saddle(self, y: np.ndarray) -> np.ndarray:
        """Return c with K'(c) = y, to a small part of the width of the integrand."""
        least = self.shapes[0]
        spread = self.cumulant(2)
        log_b = np.log(least) + np.clip(y / (spread * least), -3.0, 3.0)
        digamma, polygamma = scipy.special.digamma, scipy.special.polygamma
        for _ in range(200):
            b = np.exp(log_b)
            c = b - least
            miss = self._sum(lambda a, c: digamma(a + c) - digamma(a), c) - y
            curvature = self._sum(lambda a, c: polygamma(1, a + c), c)
            if (np.abs(miss) <= 0.02 * np.sqrt(curvature)).all():
                break
            log_b = log_b - np.clip(miss / (curvature * b), -1.5, 1.5)
        return c

    def _invert(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log density and log tail (upper where y >= 0, else lower) at y, measured from the mean."""
        least, sd = self.shapes[0], math.sqrt(self.cumulant(2))
        upper = y >= 0
        c = self._saddle(y)
        c = np.where(upper, np.maximum(c, 1 / sd), np.minimum(c, -min(1 / sd, least / 2)))
        polygamma = scipy.special.polygamma
        second = self._sum(lambda a, c: polygamma(1, a + c), c)
        third = self._sum(lambda a, c: polygamma(2, a + c), c)
        bend = np.minimum(-third / (6 * second), 1 / (5 * (least + c)))
        width = 1 / np.sqrt(second)
        top = self._log_moment(c) - c * y
        reach = width * 4.0
        for _ in range(60):
            z = _path(c, bend, reach)[0]
            high = np.real(self._log_moment(z) - z * y) - top > -FADED
            if not high.any():
                break
            reach = np.where(high, reach * 1.25, reach)
        density, tail = np.empty(y.shape), np.empty(y.shape)
        todo, nodes = np.arange(len(y)), NODES
        while todo.size:
            density[todo], tail[todo], good = self._quadrature(y, c, bend, reach, top, upper, todo, nodes)
            todo, nodes = todo[~good], 2 * nodes
            if nodes > MOST and todo.size:
                raise AssertionError("the inversion of the characteristic function has not converged")
        return np.log(density) + top, np.log(tail) + top

    def _quadrature(self, y, c, bend, reach, top, upper, rows, nodes):
        density, tail, good = np.empty(len(rows)), np.empty(len(rows)), np.empty(len(rows), bool)
        for start in range(0, len(rows), 512):
            piece = slice(start, start + 512)
            i = rows[piece]
            u = reach[i, None] * (np.arange(nodes + 1) / nodes)
            z, pace = _path(c[i, None], bend[i, None], u)
            value = np.exp(self._log_moment(z) - z * y[i, None] - top[i, None]) * pace
            value[:, 0] /= 2
            step = reach[i] / nodes / np.pi
            both = np.stack([value.real, np.where(upper[i, None], 1, -1) * (value / z).real])
            fine = both.sum(axis=-1) * step
            coarse = both[..., ::2].sum(axis=-1) * 2 * step
            density[piece], tail[piece] = fine
            good[piece] = (np.abs(fine - coarse) <= HALVED * fine).all(axis=0)
        return density, tail, good

    # -- the table

    def _edges(self, sign: int) -> np.ndarray:
        edges = [0.0]
        while True:
            y = np.array([edges[-1]])
            c = self._saddle(y)
            if (self._log_moment(c) - c * y)[0] < -DEEPEST - 20:
                return np.sort(edges)
            width = 1 / math.sqrt(1 / self._sum(lambda a, c: scipy.special.polygamma(1, a + c), c)[0])
            edges.append(edges[-1] + sign * 3.0 * width)

    @cached_property
    def _table(self) -> dict[bool, Table]:
        """Tables of log density and log tail, below and above the mean."""
        below = Table(lambda y: self._invert(np.minimum(y, -1e-300)), self._edges(-1))
        return {False: below, True: Table(self._invert, self._edges(1))}

    @cached_property
    def _split(self) -> tuple[float, float]:
        """Log of P(Y <= mean) and of P(Y > mean)."""
        upper = float(self._table[True].at_grid[0, 1])
        return float(log1mexp(upper)), upper

    def _log(self, x):
        y = x - self._mean
        out = np.empty((3, len(y)))
        for upper in (False, True):
            side = (y >= 0) == upper
            if not side.any():
                continue
            if "_table" in self.__dict__ or side.sum() > 16:
                table = self._table[upper]
                inside = side & (y >= table.edges[0]) & (y <= table.edges[-1])
                density, tail = table(y[inside])
                self._put(out, inside, upper, density, tail)
                side &= ~inside
            if side.any():
                self._put(out, side, upper, *self._invert(y[side]))
        return out

    @staticmethod
    def _put(out, where, upper, density, tail):
        tail = np.minimum(tail, 0.0)
        out[0, where] = density
        out[1 + upper, where] = tail
        out[2 - upper, where] = log1mexp(tail)

    def _quantile(self, log_probability, upper):
        sign = -1.0 if upper else 1.0
        return self._mean + self._table[upper].solve(1, log_probability, lambda f: sign * np.exp(f[0] - f[1]))


def _shapes(n, t, estimator: str, k=(1,), least: int = 2, because: str = "a variance needs two points"):
    """Return shapes (n_i - k)/2 and how often each comes."""
    check.choice("estimator", estimator, ("unbiased", "mle"))
    t = check.integer("t", t, least=1, because="generation 0 is the truth, and has no law")
    sizes = _sizes(n, least, because)
    _generations(t, sizes)
    values, counts = np.unique(sizes[:t] if sizes.ndim else sizes, return_counts=True)
    counts = counts * (1 if sizes.ndim else t)
    shapes = (values[:, None] - np.asarray(k)) / 2
    counts = np.repeat(counts[:, None], len(k), axis=1)
    shapes, inverse = np.unique(shapes, return_inverse=True)
    return shapes, np.bincount(inverse.ravel(), weights=counts.ravel())


class LogVarianceLaw(_LogGammaSum):
    r"""The exact law of the log variance of the t-th fit under Replace, with the methods of `scipy.stats`.

    .. math:: \ln\sigma_t^2 = \ln\sigma_0^2 + \sum_{i\le t}\ln\frac{\chi^2_{\nu_i}}{\mathrm{div}_i}, \qquad
              E e^{s\ln\sigma_t^2} = \sigma_0^{2s}\prod_{i\le t}
              \frac{\Gamma(\nu_i/2+s)}{\Gamma(\nu_i/2)}\Big(\frac2{\mathrm{div}_i}\Big)^s

    Parameters
    ----------
    n : int or sequence of int
        Points per fit, or the sizes :math:`(n_1, n_2, \dots)`, each at least 2.
    t : int
        Generation, at least 1.
    estimator : {"unbiased", "mle"}
        Divisor n - 1 or n.
    variance : float
        :math:`\sigma_0^2`.

    Notes
    -----
    Kind: exact, by numerical inversion of the characteristic function: density, distribution function and both tails
    to a relative error of 1e-12 in the middle and 1e-10 at 1e-300; quantiles accordingly. Source: `G-LOGWALK`
    (derived). It works from t = 1 to t = 1e6 and beyond, and from n = 2 to n = 1e9. Methods: pdf, logpdf, cdf, logcdf,
    sf, logsf, ppf, isf, median, interval, mean, var, std, skew, kurtosis, stats, cumulant, log_mgf, rvs, support.

    Examples
    --------
    >>> law = LogVarianceLaw(10, 50, estimator="unbiased")
    >>> round(law.mean(), 4), round(law.std(), 4), round(law.median(), 4)
    (-5.7603, 3.5265, -5.7191)
    >>> round(float(law.sf(0.0)), 6)
    0.049064
    """

    def __init__(self, n, t: int, *, estimator: str, variance: float = 1.0):
        shapes, counts = _shapes(n, t, estimator)
        super().__init__(shapes, counts, log_variance_mean(n, int(t), estimator=estimator, variance=variance))


class LogDetLaw(_LogGammaSum):
    r"""The exact law of :math:`\ln\det\Sigma_t - \ln\det\Sigma_0` under Replace, the generalised variance.

    .. math:: \ln\det\Sigma_t - \ln\det\Sigma_0 = \sum_{i\le t}\sum_{k\le d}
              \ln\frac{\chi^2_{n_i-k}}{\mathrm{div}_i}

    with independent terms (Bartlett), whatever :math:`\Sigma_0`. Parameters and methods are those of `LogVarianceLaw`;
    each size is at least ``dim + 1``.

    Notes
    -----
    Kind: exact, by numerical inversion. Source: `G-DET` (derived).

    Examples
    --------
    >>> law = LogDetLaw(11, 1, dim=2, estimator="unbiased")
    >>> round(float(np.exp(law.log_mgf(1.0))), 12)
    0.9
    """

    def __init__(self, n, t: int, *, dim: int, estimator: str):
        dim = _dim(dim)
        shapes, counts = _shapes(n, t, estimator, np.arange(1, dim + 1), **_full_rank(dim))
        super().__init__(shapes, counts, log_det_mean(n, int(t), dim=dim, estimator=estimator))


class _PowerLaw(Law):
    """The law of exp(power * Y) where Y is a log variance."""

    _support = (0.0, np.inf)
    _power: float

    def __init__(self, n, t: int, *, estimator: str, variance: float = 1.0):
        self.log_law = LogVarianceLaw(n, t, estimator=estimator, variance=variance)

    @property
    def _split(self):
        return self.log_law._split

    def _log(self, x):
        log_x = np.log(x)
        density, below, above = self.log_law._log(log_x / self._power)
        return density - log_x - math.log(self._power), below, above

    def _quantile(self, log_probability, upper):
        return np.exp(self._power * self.log_law._quantile(log_probability, upper))

    def moment(self, order: float):
        """Return E X^order, in closed form; any real order, infinite where the moment is."""
        with np.errstate(over="ignore"):
            return float(np.exp(self.log_law.log_mgf(self._power * order)))

    def _cumulants(self):
        log = [float(self.log_law.log_mgf(self._power * order)) for order in (1, 2, 3, 4)]
        with np.errstate(over="ignore", invalid="ignore"):
            one = np.exp(log[0])
            two, three, four = (float(np.expm1(x - k * log[0])) for k, x in zip((2, 3, 4), log[1:], strict=True))
            out = (one, one**2 * two, one**3 * (three - 3 * two), one**4 * (four - 4 * three + 6 * two - 3 * two**2))
        return tuple(np.inf if math.isnan(x) else float(x) for x in out)


class VarianceLaw(_PowerLaw):
    r"""The exact law of the variance :math:`\sigma_t^2` of the t-th fit under Replace.

    Parameters and methods are those of `LogVarianceLaw`, without ``cumulant`` and ``log_mgf`` and with
    ``moment(order)`` :math:`= E\sigma_t^{2s} = \sigma_0^{2s}\prod_i M_s(n_i)`. It has a heavy tail: see `G-HEAVY`.

    Notes
    -----
    Kind: exact, by numerical inversion (moments in closed form). Source: `G-LOGWALK`, `G-HEAVY` (derived).

    Examples
    --------
    >>> law = VarianceLaw(11, 10, estimator="unbiased")
    >>> round(law.mean(), 12), round(law.var(), 4), round(law.median(), 4)
    (1.0, 5.1917, 0.3691)
    """

    _power = 1.0


class SdLaw(_PowerLaw):
    r"""The exact law of the standard deviation :math:`\sigma_t` of the t-th fit under Replace.

    Parameters and methods are those of `VarianceLaw`.

    Notes
    -----
    Kind: exact, by numerical inversion (moments in closed form). Source: `G-LOGWALK`, `gauss-sigma-c4`,
    `SHU-EXP-SINGLEFIT` (t = 1).

    Examples
    --------
    >>> law = SdLaw(10, 1, estimator="mle")
    >>> round(law.mean(), 5), round(law.std(), 5)
    (0.92275, 0.22032)
    """

    _power = 0.5
