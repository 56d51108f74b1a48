r"""Where does a point drawn from generation t fall, and how much is left of the tails?

Given the variances of the first t fits, a draw from model t is normal around the true mean (Shumailov et al.):

.. math:: X_t = \mu_0 + \sigma_0\sqrt{V_t}\,Z, \qquad
          V_t = \frac1{n_1} + \frac{S_1}{n_2} + \dots + \frac{S_1\cdots S_{t-1}}{n_t} + S_1\cdots S_t ,

and the mean of model t is the same without the last term of V. So both are scale mixtures of normals, although mean
and variance of a model are not independent: everything is in the law of V. From its end, V is built by
:math:`V \leftarrow 1/n_i + S_i V`, one dimension at a time. With :math:`w = \ln(V - 1/n)` this is an integral over
the real line of functions that are analytic and die out at both ends, where the trapezoidal rule on a lattice converges
geometrically, and all its terms are positive: small probabilities keep their relative accuracy. A step is a sparse
matrix, because ln S is concentrated.

As :math:`t\to\infty` the law of V has a limit (a perpetuity), which is where the collapsed model sits.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.distribution import Law, Table, log1mexp
from modelcollapse.theory.gaussian import BERNOULLI, FAR, _generations, _lag, _sizes, mean_squared_error
from modelcollapse.theory.laws import LogVarianceLaw

__all__ = ["DrawLaw", "MeanLaw", "TailMassLaw", "draw_excess_kurtosis", "draw_variance", "expected_tail_mass"]

#: the lattice of ln V ends where less than e^-92 = 1e-40 is left, and a step of ln S likewise
CUT = 92.0
#: tails of a draw are tabulated to e^-80 = 1e-35
DEEP = 80.0
#: spacing of the lattice: at most this, and at most this part of the sd of ln S
WIDEST, PART = 0.1, 0.3
#: entries of a matrix beyond which a lattice is too fine to be useful
LARGEST = 60_000_000


def log_ratio_density(a: float, y: np.ndarray) -> np.ndarray:
    """Return the log density of ln(Gamma(a) / a) at y."""
    if a >= FAR:
        k = 2 * np.arange(1, len(BERNOULLI) + 1)
        constant = 0.5 * math.log(a / (2 * math.pi)) - (BERNOULLI / (k * (k - 1)) / a ** (k - 1)).sum()
    else:
        constant = a * math.log(a) - a - math.lgamma(a)
    small = np.abs(y) < 1e-2
    s = np.where(small, y, 0.0)
    series = -s * s * (1 / 2 + s * (1 / 6 + s * (1 / 24 + s * (1 / 120 + s * (1 / 720 + s / 5040)))))
    with np.errstate(over="ignore"):
        return constant + a * np.where(small, series, y - np.expm1(np.where(small, 0.0, y)))


def log_factor(n: float, estimator: str) -> float:
    """Return ln(nu / div)."""
    return float(_lag(np.asarray(float(n)), estimator))


def log_factor_range(n: float, estimator: str) -> tuple[float, float]:
    """Return the ends between which all but e^-CUT of ln S lies, on either side."""
    a = (n - 1) / 2
    middle, sd = log_factor(n, estimator), math.sqrt(scipy.special.polygamma(1, a))
    drift = float(scipy.special.digamma(a)) - math.log(a) if a < FAR else 0.0
    return middle + drift - math.sqrt(2 * CUT) * sd - CUT / a, middle + math.sqrt(2 * CUT) * sd


def _log_moments(sizes: np.ndarray, s: np.ndarray, estimator: str) -> np.ndarray:
    """Return ln M_s of each size, (size, s)."""
    a = (sizes[:, None] - 1) / 2
    div = sizes[:, None] - (estimator == "unbiased")
    return scipy.special.gammaln(a + s) - scipy.special.gammaln(a) + s * np.log(2 / div)


def _bounds(sizes: np.ndarray, estimator: str, limit: bool) -> tuple[float, float]:
    """Return the range of ln(V - 1/n), for every number of fits up to that of `sizes`; or for infinitely many."""
    ranges = [log_factor_range(n, estimator) for n in np.unique(sizes)]
    lowest = min(r[0] for r in ranges)
    if limit:
        s = np.linspace(0.02, 0.98, 49)
        log_m = _log_moments(sizes[:1], s, estimator)[0]
        s, log_m = s[log_m < 0], log_m[log_m < 0]
        high = (-s * math.log(sizes[0]) - np.log(-np.expm1(log_m)) + CUT) / s
        if estimator == "mle":
            high = np.append(high, CUT)  # E V = 1
        return lowest - math.log(sizes[0]), float(high.min()) + 1.0
    with np.errstate(over="ignore"):
        s = np.concatenate([[0.5, 0.75], np.geomspace(1, 400, 40)])
        norm = np.maximum(s, 1.0)
        log_m = np.cumsum(_log_moments(sizes, s, estimator), axis=0)
        before = np.vstack([np.zeros(len(s)), log_m[:-1]])
        part = before / norm - np.minimum(s, 1.0) * np.log(sizes)[:, None]
        total = np.logaddexp(np.logaddexp.accumulate(part, axis=0), log_m / norm)
        high = ((total.max(axis=0) * norm + CUT) / s).min()
    steps = np.cumsum(_log_moments(sizes, np.array([1e-6]), estimator)[:, 0]) / 1e-6
    spread = np.cumsum(scipy.special.polygamma(1, (sizes - 1) / 2))
    walk = (steps - np.sqrt(2 * CUT * spread)).min() - 2 * CUT / (sizes.min() - 1)
    return max(walk, -math.log(sizes.max())) + min(lowest, 0.0), float(high) + 1.0


class _Lattice:
    """Points w of ln(V - 1/n), and the steps between densities on them."""

    def __init__(self, sizes: np.ndarray, estimator: str, limit: bool = False):
        self.estimator = estimator
        self.step = min(WIDEST, PART * math.sqrt(scipy.special.polygamma(1, (sizes.max() - 1) / 2)))
        low, high = _bounds(sizes, estimator, limit)
        self.w = self.step * np.arange(math.floor(low / self.step), math.ceil(high / self.step) + 1)
        self._matrices: dict = {}

    def density(self, n: float, y: np.ndarray) -> np.ndarray:
        """Return the density of ln S."""
        return np.exp(log_ratio_density((n - 1) / 2, y - log_factor(n, self.estimator)))

    def matrix(self, n: float, following: float):
        """Return the step: density of ln(S V), V = 1/following + e^w, from that of w."""
        if (n, following) in self._matrices:
            return self._matrices[n, following]
        low, high = log_factor_range(n, self.estimator)
        centre = np.logaddexp(self.w, -math.log(following))
        first = np.floor((centre + low - self.w[0]) / self.step).astype(np.int64)
        width = math.ceil((high - low) / self.step) + 2
        M = len(self.w)
        if M * min(width, M) > LARGEST:
            raise ValueError(
                f"n must not be so large that the lattice outgrows memory (its spacing is that of ln S), got {n:.0f}; "
                "for large n use the limit (landing_law), or fewer generations."
            )
        if width >= M:
            rows = np.arange(M)[:, None]
            columns = np.broadcast_to(np.arange(M), (M, M))
            rows = np.broadcast_to(rows, (M, M))
        else:
            rows = np.clip(first, 0, M - width)[:, None] + np.arange(width)
            rows, columns = rows.T, np.broadcast_to(np.arange(M), (width, M))
        values = self.density(n, self.w[rows] - centre[columns]) * self.step
        keep = values > 0
        out = scipy.sparse.csr_array((values[keep], (rows[keep], columns[keep])), shape=(M, M))
        if len(self._matrices) > 8:  # a schedule needs each step once
            self._matrices.clear()
        self._matrices[n, following] = out
        return out


def _mixture(sizes: np.ndarray, estimator: str, *, draw: bool, limit: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return values of V and their weights, which sum to one."""
    if limit:
        lattice = _Lattice(sizes[:1], estimator, limit=True)
        step = lattice.matrix(sizes[0], sizes[0])
        q = np.exp(-0.5 * ((lattice.w + 0.5) / 1.0) ** 2)
        solve = scipy.sparse.linalg.splu(
            (scipy.sparse.eye_array(len(q)) * (1 + 1e-11) - step).tocsc(), diag_pivot_thresh=0.0, permc_spec="NATURAL"
        )
        for _ in range(3):
            q = solve.solve(q)
            q /= q.sum()
        q = step @ np.maximum(q, 0.0)
    else:
        t = len(sizes)
        if not draw and t == 1:
            return np.array([1 / sizes[0]]), np.ones(1)
        lattice = _Lattice(sizes, estimator)
        last = t - 1 if draw else t - 2
        q = lattice.density(sizes[last], lattice.w + (0.0 if draw else math.log(sizes[-1])))
        for i in range(last - 1, -1, -1):
            q = lattice.matrix(sizes[i], sizes[i + 1]) @ q
    q = q / q.sum()
    keep = q > 0
    return 1 / sizes[0] + np.exp(lattice.w[keep]), q[keep]


def _written_out(n, t, least: int = 1) -> np.ndarray:
    t = check.integer("t", t, least=least, because="generation 0 is the truth itself")
    sizes = _sizes(n, 2, "a variance needs two points")
    _generations(t, sizes)
    return np.full(t, float(sizes)) if sizes.ndim == 0 else sizes[:t]


class _ScaleMixture(Law):
    """The law of mean + sd sqrt(V) Z, from values and weights of V."""

    _split = (-math.log(2), -math.log(2))

    def __init__(self, values, weights, mean, variance):
        self._sd = np.sqrt(values)
        self._log_weights = np.log(weights)
        self._mean = check.number("mean", mean)
        self._scale = math.sqrt(check.number("variance", variance, above=0))
        self._table = Table(self._direct, self._edges(), tiny=1e-13)

    def _direct(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log density and log of the upper tail at x >= 0, in units of sd_0 around the mean."""
        density, tail = np.empty(x.shape), np.empty(x.shape)
        piece = max(1, 400_000 // len(self._sd))
        for start in range(0, len(x), piece):
            part = slice(start, start + piece)
            z = x[part, None] / self._sd
            log_density = self._log_weights - np.log(self._sd) - z * z / 2
            density[part] = scipy.special.logsumexp(log_density, axis=1) - 0.5 * math.log(2 * math.pi)
            tail[part] = scipy.special.logsumexp(self._log_weights + scipy.special.log_ndtr(-z), axis=1)
        return density, tail

    def _edges(self) -> np.ndarray:
        edges = [0.0, 0.5 * float(np.exp(np.exp(self._log_weights) @ np.log(self._sd)))]
        while self._direct(np.array([edges[-1]]))[1][0] > -DEEP:
            edges.append(edges[-1] * 2)
        return np.array(edges)

    def _log(self, x):
        z = (x - self._mean) / self._scale
        size = np.abs(z)
        inside = size <= self._table.edges[-1]
        density, tail = np.empty(z.shape), np.empty(z.shape)
        density[inside], tail[inside] = self._table(size[inside])
        if not inside.all():
            density[~inside], tail[~inside] = self._direct(size[~inside])
        rest = log1mexp(tail)
        return density - math.log(self._scale), np.where(z > 0, rest, tail), np.where(z > 0, tail, rest)

    def _quantile(self, log_probability, upper):
        deep = log_probability < self._table.at_grid[-1, 1]
        if deep.any():
            raise ValueError(
                f"q must be at least {math.exp(self._table.at_grid[-1, 1]):.1e} away from 0 and 1 (the law is known "
                f"to there), got {math.exp(log_probability[deep][0]):.3g}."
            )
        size = self._table.solve(1, log_probability, lambda f: -np.exp(f[0] - f[1]))
        return self._mean + (1.0 if upper else -1.0) * self._scale * size


class DrawLaw(_ScaleMixture):
    r"""The exact law of one point drawn from model t under Replace, over all that may have happened before.

    .. math:: X_t = \mu_0 + \sigma_0\Big[\frac{Z_1}{\sqrt{n_1}} + \frac{\sqrt{S_1}Z_2}{\sqrt{n_2}} + \dots +
              \frac{\sqrt{S_1\cdots S_{t-1}}Z_t}{\sqrt{n_t}} + \sqrt{S_1\cdots S_t}\,Z\Big]

    Parameters
    ----------
    n : int or sequence of int
        Points per fit, or the sizes :math:`(n_1, n_2, \dots)`, each at least 2.
    t : int
        Generation, at least 1.
    estimator : {"unbiased", "mle"}
        Divisor n - 1 or n.
    mean, variance : float
        :math:`\mu_0` and :math:`\sigma_0^2`.

    Notes
    -----
    Kind: exact, by numerical recursion: relative error below 1e-12 for densities and tails down to 1e-15, 1e-8 at
    1e-24. The variance of a draw is :math:`\sigma_0^2(1 + \sum 1/n_i)` (``unbiased``) or :math:`\sigma_0^2` (``mle``).
    It is not a variance-gamma law, as published, but that of such a variable plus an independent normal one (`ERR-4`).
    Source: `SHU-1D-REP`, `SHU-1D-VAR` (Shumailov et al., Nature 631:755, SI 3.1.1; arXiv 2305.17493). Methods: those of
    `LogVarianceLaw` without cumulant and log_mgf. Needs O(t) sparse steps: 0.5 s for n = t = 1000, longest for n = 2.

    Examples
    --------
    >>> law = DrawLaw(100, 10, estimator="unbiased")
    >>> round(law.var(), 12), round(law.kurtosis(), 4)
    (1.1, 0.598)
    >>> round(2 * float(law.sf(3.0)), 6)
    0.008194
    """

    def __init__(self, n, t: int, *, estimator: str, mean: float = 0.0, variance: float = 1.0):
        check.choice("estimator", estimator, ("unbiased", "mle"))
        sizes = _written_out(n, t)
        self._moments = (
            draw_variance(n, t, estimator=estimator, variance=variance),
            draw_excess_kurtosis(n, t, estimator=estimator),
        )
        super().__init__(*_mixture(sizes, estimator, draw=True), mean, variance)

    def _cumulants(self):
        variance, excess = map(float, self._moments)
        return self._mean, variance, 0.0, excess * variance**2


class MeanLaw(_ScaleMixture):
    r"""The exact law of the mean of model t under Replace; ``t=None`` is where the collapsed model sits.

    .. math:: \mu_t = \mu_0 + \sigma_0\sqrt{P_t}\,Z, \qquad
              P_t = \frac1{n_1} + \frac{S_1}{n_2} + \dots + \frac{S_1\cdots S_{t-1}}{n_t}

    Parameters
    ----------
    n : int or sequence of int
        Points per fit, or the sizes :math:`(n_1, n_2, \dots)`; one integer for the limit.
    t : int or None
        Generation, at least 1; None for the limit.
    estimator : {"unbiased", "mle"}
        Divisor n - 1 or n.
    mean, variance : float
        :math:`\mu_0` and :math:`\sigma_0^2`.

    Notes
    -----
    Kind: exact, by numerical recursion (the limit: the stationary vector of a step): relative error below 1e-9 for
    tails down to 1e-12. Source: `LIM-MEAN`, `SHU-1D-REP` (derived). For large n the limit is Student's t, see
    `landing_law`. Its variance is exactly :math:`\sigma_0^2` (``mle``) or infinite (``unbiased``); its tail index is
    `tail_index`. The limit needs n up to about 20 000.

    Examples
    --------
    >>> law = MeanLaw(10, estimator="mle")
    >>> law.var(), round(float(law.isf(0.25)), 4)
    (1.0, 0.5354)
    """

    def __init__(self, n, t: int | None = None, *, estimator: str, mean: float = 0.0, variance: float = 1.0):
        check.choice("estimator", estimator, ("unbiased", "mle"))
        variance = check.number("variance", variance, above=0)
        if t is None:
            if np.ndim(n):
                raise ValueError("n must be one integer for the limit (a schedule ends), got a sequence; give t.")
            sizes = _written_out(n, 1)
            first, second = _limit_moments(sizes[0], estimator)
            parts = _mixture(sizes, estimator, draw=False, limit=True)
        else:
            sizes = _written_out(n, t)
            first = float(mean_squared_error(n, int(t), estimator=estimator))
            second = float(_mixture_variance(n, int(t), estimator)[0])
            parts = _mixture(sizes, estimator, draw=False)
        self._moments = (variance * first, 3 * second * variance**2)
        super().__init__(*parts, mean, variance)

    def _cumulants(self):
        return self._mean, self._moments[0], 0.0, self._moments[1]


def _limit_moments(n: float, estimator: str) -> tuple[float, float]:
    """Return E V and Var V of the limit: infinite where they are."""
    if estimator == "unbiased":
        return np.inf, np.inf
    M1, M2 = 1 - 1 / n, (1 - 1 / n) * (1 + 1 / n)
    return 1.0, (1 / n**2 + 2 * M1 / n) / (1 - M2) - 1


# ------------------------------------------------------------------------------------------------- moments


def _mixture_variance(n, t, estimator: str) -> tuple[np.ndarray, np.ndarray]:
    """Return Var P_t and Var V_t; a recursion of positive terms."""
    sizes = _sizes(n, 2, "a variance needs two points")
    t = _generations(t, sizes)
    T = int(t.max(initial=0))
    sizes = np.full(T, sizes) if sizes.ndim == 0 else sizes[:T]
    one = np.exp(_lag(sizes, estimator))
    P = np.zeros(T + 1)
    V = np.zeros(T + 1)
    pp = px = xx = 0.0
    mean = 1.0
    with np.errstate(over="ignore"):
        for i, (size, M1) in enumerate(zip(sizes.tolist(), one.tolist(), strict=True), start=1):
            extra = 2 * M1 * M1 / (size - 1)
            pp, px, xx = (
                pp + 2 * px / size + xx / size**2,
                M1 * (px + xx / size),
                (M1 * M1 + extra) * xx + extra * mean * mean,
            )
            mean *= M1
            P[i], V[i] = pp, pp + 2 * px + xx
    return P[t], V[t]


def draw_variance(n, t, *, estimator: str, variance: float = 1.0):
    r"""Return the variance of a point drawn from model t: what the pooled draws of many chains show.

    .. math:: \mathrm{Var}(X_t) = \sigma_0^2\Big(1 + \sum_{i\le t}\frac1{n_i}\Big)\ (\text{unbiased}), \qquad
              \sigma_0^2\ (\text{mle})

    The published remainder :math:`O(2)` is zero (`ERR-4`). `n` is an integer or a schedule, `t` an integer or an array.

    Kind: exact. Source: `SHU-1D-VAR` (Shumailov et al., arXiv 2305.17493; exactness derived).

    Examples
    --------
    >>> round(float(draw_variance(100, 10, estimator="unbiased")), 12)
    1.1
    """
    variance = check.number("variance", variance, least=0)
    error = mean_squared_error(n, t, estimator=estimator)
    return variance * (1 + (error if estimator == "unbiased" else 0 * error))


def draw_excess_kurtosis(n, t, *, estimator: str):
    r"""Return the excess kurtosis of a point drawn from model t, :math:`3\,\mathrm{Var}(V_t)/(E V_t)^2`.

    .. math:: \frac{6}{(n-1)(1+1/n)^2}\ \text{at}\ t = 1\ (\text{unbiased})

    V is the mixing variable of `DrawLaw`; its variance follows a linear recursion. `n` is an integer or a schedule,
    `t` an integer or an array. Overflows to inf.

    Kind: exact. Source: `SHU-1D-VAR` (t = 1; derived), here for every t.

    Examples
    --------
    >>> round(float(draw_excess_kurtosis(10, 1, estimator="unbiased")), 6)
    0.550964
    """
    spread = _mixture_variance(n, t, check.choice("estimator", estimator, ("unbiased", "mle")))[1]
    with np.errstate(over="ignore"):
        return (3 * spread / draw_variance(n, t, estimator=estimator) ** 2)[()]


# ------------------------------------------------------------------------------------------------- tail mass


def expected_tail_mass(n, t, *, beyond: float, estimator: str, variance: float = 1.0):
    r"""Return the expected mass of model t farther than `beyond` from the true mean, on both sides together.

    .. math:: E\,p_t(|x - \mu_0| > a) = P(|X_t - \mu_0| > a) = E\,\mathrm{erfc}\frac{a}{\sigma_0\sqrt{2V_t}}

    with V of `DrawLaw`: the mass of a random model, averaged, is the law of one draw. One side has half of it.

    Parameters
    ----------
    n : int or sequence of int
        Points per fit, or the sizes.
    t : int or array of int
        Generations; all are found in one pass.
    beyond : float
        Distance from the true mean, in the units of the data, > 0.
    estimator : {"unbiased", "mle"}
        Divisor n - 1 or n.
    variance : float
        :math:`\sigma_0^2`.

    Returns
    -------
    float or ndarray, the shape of `t`
        Probabilities.

    Notes
    -----
    Kind: exact, by numerical recursion; relative error below 1e-10. It *grows* before it falls: the drift of the mean
    carries mass outwards, while the typical model has lost its tails (`TailMassLaw`). Source: `SHU-1D-REP` (derived).

    Examples
    --------
    >>> expected_tail_mass(10, [0, 1, 100], beyond=3.0, estimator="mle").round(6).tolist()
    [0.0027, 0.005811, 0.012834]
    """
    check.choice("estimator", estimator, ("unbiased", "mle"))
    a = check.number("beyond", beyond, above=0) / math.sqrt(check.number("variance", variance, above=0))
    sizes = _sizes(n, 2, "a variance needs two points")
    t = _generations(t, sizes)
    T = int(t.max(initial=0))
    sizes = np.full(T, float(sizes)) if sizes.ndim == 0 else sizes[:T]
    out = np.empty(T + 1)
    out[0] = scipy.special.erfc(a / math.sqrt(2))
    if T:
        lattice = _Lattice(sizes, estimator)
        row = scipy.special.erfc(a / np.sqrt(2 / sizes[0] + 2 * np.exp(lattice.w))) * lattice.step
        for i, size in enumerate(sizes, start=1):
            out[i] = row @ lattice.density(size, lattice.w)
            if i < T:
                row = lattice.matrix(size, sizes[i]).T @ row
    return out[t][()]


class TailMassLaw(Law):
    r"""The exact law of the mass that model t puts farther than `beyond` from its own mean, under Replace.

    .. math:: \tau_t = P(|X - \mu_t| > a \mid \text{model } t) = \mathrm{erfc}\frac{a}{\sqrt2\,\sigma_t},

    a function of the variance alone, so that its quantiles are those of `LogVarianceLaw`.

    Parameters
    ----------
    n : int or sequence of int
        Points per fit, or the sizes.
    t : int
        Generation, at least 1.
    beyond : float
        Distance, in the units of the data, > 0.
    estimator : {"unbiased", "mle"}
        Divisor n - 1 or n.
    variance : float
        :math:`\sigma_0^2`.

    Notes
    -----
    Kind: exact, by numerical inversion. The distance is from the mean of the *model*; for that from the true mean,
    in which mean and variance of the model enter together, `expected_tail_mass` gives the expectation. Quantiles below
    1e-308 are zero. Source: `G-LOGWALK` (derived).

    Examples
    --------
    >>> law = TailMassLaw(100, 100, beyond=3.0, estimator="mle")
    >>> print(f"{law.median():.1e}", round(law.mean(), 6))
    2.1e-16 0.004017
    """

    _support = (0.0, 1.0)

    def __init__(self, n, t: int, *, beyond: float, estimator: str, variance: float = 1.0):
        self.log_law = LogVarianceLaw(n, t, estimator=estimator, variance=variance)
        self._log_beyond = math.log(check.number("beyond", beyond, above=0))

    @property
    def _split(self):
        return self.log_law._split

    def _mass(self, log_variance):
        with np.errstate(over="ignore"):
            return scipy.special.erfc(np.exp(self._log_beyond - log_variance / 2) / math.sqrt(2))

    def _log(self, x):
        z = -scipy.special.ndtri(x / 2)
        density, below, above = self.log_law._log(2 * (self._log_beyond - np.log(z)))
        return density + z * z / 2 + 0.5 * math.log(2 * math.pi) - np.log(z), below, above

    def _quantile(self, log_probability, upper):
        return self._mass(self.log_law._quantile(log_probability, upper))

    def moment(self, order: float):
        """Return E tau^order by quadrature over the law of the log variance, order > 0."""
        order = check.number("order", order, above=0)
        return self.log_law.expect(lambda y: self._mass(y) ** order)

    def _cumulants(self):
        m1, m2, m3, m4 = (self.moment(order) for order in (1, 2, 3, 4))
        return (
            m1,
            m2 - m1**2,
            m3 - 3 * m1 * m2 + 2 * m1**3,
            m4 - 4 * m1 * m3 - 3 * m2**2 + 12 * m1**2 * m2 - 6 * m1**4,
        )
