r"""What becomes of the shape of a Gaussian in d dimensions, and how fast must samples grow to save it?

Under Replace :math:`\Sigma_{t+1} = \Sigma_t^{1/2} W \Sigma_t^{1/2}` with
:math:`W \sim \mathrm{Wishart}_d(\nu, I)/\mathrm{div}`. Elementary symmetric polynomials of the eigenvalues are
multiplied in expectation by the eigenvalues of the Wright-Fisher chain: the trace stays (unbiased), sums of products
decay. In the typical run the i-th eigenvalue follows its own exponent: collapse is anisotropic, one direction outlives
the others and the effective rank tends to one.

With sizes :math:`n_i` everything hangs on :math:`\sum 1/n_i`: finite, and the variance has a positive limit; infinite,
and it collapses.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.gaussian import (
    BERNOULLI,
    _dim,
    _full_rank,
    _generations,
    _sizes,
    expected_w2_squared,
    lyapunov_exponents,
    mean_squared_error,
)

__all__ = [
    "collapses",
    "esym",
    "expected_esym",
    "expected_trace_moments",
    "linear_schedule_retained",
    "log_condition_growth",
    "lyapunov_variances",
    "power_schedule_retained",
    "typical_effective_rank",
    "w2_lower_bound",
    "w2_mean_lower_bound",
]


#: from here on a product is a ratio of gamma functions by Stirling's series
NEAR = 16


def _remainder(s: np.ndarray) -> np.ndarray:
    """Return Stirling's ln Gamma(s) - (s - 1/2) ln s + s - ln(2 pi)/2, s >= 10."""
    k = np.arange(1, len(BERNOULLI) + 1)
    return (BERNOULLI / (2 * k * (2 * k - 1)) / s[..., None] ** (2 * k - 1)).sum(axis=-1)


# ------------------------------------------------------------------------------------------------- symmetric functions


def esym(cov) -> np.ndarray:
    r"""Return the elementary symmetric polynomials :math:`e_0 = 1, e_1, \dots, e_d` of the eigenvalues, (dim + 1,).

    :math:`e_1` is the trace, :math:`e_d` the determinant, :math:`2e_2 = (\mathrm{tr}\Sigma)^2 - \mathrm{tr}\Sigma^2`.
    `cov` is a covariance matrix, or the vector of its eigenvalues.

    Kind: exact (definition; sums of positive terms).

    Examples
    --------
    >>> esym(np.diag([4.0, 2.0, 1.0])).tolist()
    [1.0, 7.0, 14.0, 8.0]
    """
    if np.ndim(cov) == 1:
        values = check.array("cov", cov, ndim=1, shape_words="(dim,) or (dim, dim)")
        if (values < 0).any():
            raise ValueError(f"cov must have eigenvalues >= 0 (they are variances), got {values.min():g}.")
    else:
        values = np.maximum(np.linalg.eigvalsh(check.covariance("cov", cov)), 0.0)
    out = np.zeros(len(values) + 1)
    out[0] = 1.0
    for i, value in enumerate(values, start=1):
        out[1 : i + 1] += value * out[:i].copy()
    return out


def expected_esym(cov, n, t, *, estimator: str) -> np.ndarray:
    r"""Return the expected elementary symmetric polynomials of the covariance of the t-th fit.

    .. math:: E[e_j(\Sigma_t)] = e_j(\Sigma_0)\prod_{i\le t}\frac{\nu_i!}{(\nu_i-j)!\,\mathrm{div}_i^j}

    For ``unbiased`` the factor is :math:`\prod_{k<j}(1 - k/\nu)`, the eigenvalues of the Wright-Fisher chain with
    :math:`\nu` in place of n. It is zero for :math:`j > \nu`: so few points span no more dimensions.

    Parameters
    ----------
    cov : array_like, (dim, dim) or (dim,)
        :math:`\Sigma_0`, or its eigenvalues.
    n : int or sequence of int
        Points per fit, or the sizes, each at least 2.
    t : int or array of int
        Generations.
    estimator : {"unbiased", "mle"}
        Divisor n - 1 or n.

    Returns
    -------
    ndarray, (..., dim + 1)
        :math:`e_0, \dots, e_d`.

    Notes
    -----
    Kind: exact. Source: `G-ESYM` (derived).

    Examples
    --------
    >>> expected_esym([4.0, 2.0, 1.0, 0.5], 13, 6, estimator="unbiased").round(4).tolist()
    [1.0, 7.5, 10.3826, 2.9804, 0.1415]
    """
    check.choice("estimator", estimator, ("unbiased", "mle"))
    start = esym(cov)
    bias = int(estimator == "mle")
    k = np.arange(len(start) - 1)

    def step(sizes):
        room = sizes[..., None] - 1 - k
        with np.errstate(divide="ignore"):
            log = np.where(room > 0, np.log1p(-(k + bias) / (sizes[..., None] - 1 + bias)), -np.inf)
        return np.concatenate([np.zeros((*np.shape(sizes), 1)), np.cumsum(log, axis=-1)], axis=-1)

    return start * np.exp(_many(step, n, t, len(start)))


def _many(step, n, t, width: int):
    """Return the sum of step(n_i), a vector of `width` numbers, over the fits 1 .. t: (*t.shape, width)."""
    sizes = _sizes(n, 2, "a variance needs two points")
    t = _generations(t, sizes)
    if sizes.ndim == 0:
        with np.errstate(invalid="ignore"):
            return np.where(t[..., None] == 0, 0.0, step(sizes) * t[..., None])
    return np.concatenate([np.zeros((1, width)), np.cumsum(step(sizes), axis=0)])[t]


def expected_trace_moments(cov, n, t, *, estimator: str) -> tuple[np.ndarray, np.ndarray]:
    r"""Return :math:`E\,\mathrm{tr}\,\Sigma_t^2` and :math:`E(\mathrm{tr}\,\Sigma_t)^2`, each of the shape of `t`.

    Two combinations are multiplied by a number per generation: :math:`(\mathrm{tr}\Sigma)^2 - \mathrm{tr}\Sigma^2` by
    :math:`\nu(\nu-1)/\mathrm{div}^2` and :math:`2\,\mathrm{tr}\Sigma^2 + (\mathrm{tr}\Sigma)^2` by
    :math:`\nu(\nu+2)/\mathrm{div}^2`. So the ratio :math:`E(\mathrm{tr}\Sigma)^2/E\,\mathrm{tr}\Sigma^2`, an effective
    dimension, tends to one. Parameters: those of `expected_esym`.

    Kind: exact. Source: `G-ESYM` (derived; zonal polynomials). Overflows to inf.

    Examples
    --------
    >>> square, total = expected_trace_moments(np.eye(3), 11, 1, estimator="unbiased")
    >>> round(float(square), 12), round(float(total), 12)
    (4.2, 9.6)
    """
    check.choice("estimator", estimator, ("unbiased", "mle"))
    e = esym(cov)
    trace, square = e[1], e[1] ** 2 - 2 * (e[2] if len(e) > 2 else 0.0)
    bias = int(estimator == "mle")

    def log(extra):
        def step(sizes):
            nu, div = sizes - 1, sizes - 1 + bias
            with np.errstate(divide="ignore"):
                return np.log1p(-bias / div) + np.log1p((extra - bias) / div) + 0 * nu

        return step

    with np.errstate(over="ignore", invalid="ignore"):
        falling = (trace**2 - square) * np.exp(_once(log(-1), n, t))
        rising = (2 * square + trace**2) * np.exp(_once(log(2), n, t))
    return ((rising - falling) / 3)[()], ((rising + 2 * falling) / 3)[()]


def _once(step, n, t):
    return _many(lambda sizes: step(sizes)[..., None], n, t, 1)[..., 0]


# ------------------------------------------------------------------------------------------------- Lyapunov picture


def lyapunov_variances(n: int, *, dim: int) -> np.ndarray:
    r"""Return :math:`\psi_1(\frac{n-k}2)`, k = 1 .. d: the scatter of the log eigenvalues per generation, (dim,).

    :math:`\ln\mathrm{eig}_k(\Sigma_t)` is asymptotically normal with mean :math:`t\lambda_k` and variance t times this,
    independent for different k.

    Kind: asymptotic in t. Source: `G-LYAP`; Forrester, J. Stat. Phys. 151:796 (2013).

    Examples
    --------
    >>> lyapunov_variances(10, dim=2).round(6).tolist()
    [0.248725, 0.283823]
    """
    dim = _dim(dim)
    n = check.integer("n", n, **_full_rank(dim))
    return scipy.special.polygamma(1, (n - np.arange(1, dim + 1)) / 2)


def log_condition_growth(n: int, *, dim: int) -> float:
    r"""Return :math:`\lambda_1 - \lambda_d`, the growth of the log condition number per generation.

    About :math:`(d-1)/\nu`, the same for both estimators.

    Kind: asymptotic in t (the rate is exact). Source: `G-LYAP`; Newman, Commun. Math. Phys. 103:121 (1986).

    Examples
    --------
    >>> round(log_condition_growth(101, dim=5), 6)
    0.041241
    """
    exponents = lyapunov_exponents(n, dim=dim, estimator="unbiased")
    return float(exponents[0] - exponents[-1])


def typical_effective_rank(n: int, t, *, dim: int, definition: str = "entropy"):
    r"""Return the effective rank of a covariance whose eigenvalues are :math:`e^{\lambda_k t}`; the shape of `t`.

    With shares :math:`q_k` of the trace: :math:`\exp(-\sum q_k\ln q_k)` ("entropy") or :math:`1/\sum q_k^2`
    ("participation"). From d at t = 0 (an isotropic start) down to 1 when :math:`t \gg \nu`. The same for both
    estimators.

    Kind: asymptotic (large t and :math:`\nu`). Fluctuations of the eigenvalues, of order :math:`\sqrt{t/\nu}` in the
    logarithm, and their repulsion are left out; they spread the eigenvalues much earlier than the exponents do, so the
    true effective rank is far below this value until :math:`t \gg \nu`. Source: `G-LYAP` (derived).

    Examples
    --------
    >>> typical_effective_rank(50, np.array([0, 50, 500]), dim=5).round(3).tolist()
    [5.0, 2.582, 1.0]
    """
    check.choice("definition", definition, ("entropy", "participation"))
    exponents = lyapunov_exponents(n, dim=dim, estimator="unbiased")
    t = _generations(t, np.asarray(float(n)))
    shares = scipy.special.softmax(exponents * t[..., None], axis=-1)
    if definition == "participation":
        return (1 / (shares**2).sum(axis=-1))[()]
    return np.exp(scipy.special.entr(shares).sum(axis=-1))[()]


# ------------------------------------------------------------------------------------------------- lower bounds


def w2_mean_lower_bound(n, t, *, trace: float = 1.0):
    r"""Return :math:`\mathrm{tr}(\Sigma_0)\sum_{i\le t}1/n_i`, the published bound on :math:`E W_2^2` (``unbiased``).

    It holds to leading order for estimators with a small noise :math:`\|\varepsilon_i\| \le K/n_i` on top; without
    noise it is exactly the part of the mean, :math:`E\|\mu_t-\mu_0\|^2`, and the bound is strict. `w2_lower_bound` is
    sharper there.

    Kind: bound. Source: `SHU-ND-LOWER` (Shumailov et al., arXiv 2305.17493, section 4.3).

    Examples
    --------
    >>> round(float(w2_mean_lower_bound(100, 10, trace=3.0)), 12)
    0.3
    """
    return mean_squared_error(n, t, estimator="unbiased", variance=check.number("trace", trace, least=0))


def w2_lower_bound(n, t, *, estimator: str, trace: float = 1.0):
    r"""Return a lower bound on :math:`E W_2^2` between the t-th fit and the truth in any dimension.

    .. math:: E W_2^2 \ge \mathrm{tr}(\Sigma_0)\,w(n, t), \qquad w = E W_2^2/\sigma_0^2\ \text{in one dimension}

    because :math:`W_2^2` is at least the sum of those of the projections on orthogonal axes, and on each principal axis
    of :math:`\Sigma_0` a fit is a one-dimensional fit. An equality for d = 1; it contains the part of the covariance,
    :math:`2(1-\prod c_4)\,\mathrm{tr}\,\Sigma_0`, which the published bound leaves out.

    Kind: bound. Source: `SHU-ND-LOWER`, `SHU-1D-EW2` (derived).

    Examples
    --------
    >>> round(float(w2_lower_bound(100, 10, estimator="unbiased", trace=3.0)), 6)
    0.449616
    """
    return expected_w2_squared(n, t, estimator=estimator, variance=check.number("trace", trace, least=0))


# ------------------------------------------------------------------------------------------------- growing samples


def collapses(*, power: float, log_power: float = 0.0) -> bool:
    r"""Return whether a Gaussian refitted to :math:`n_i = c\,i^p(\ln i)^q` points collapses.

    It does iff :math:`\sum 1/n_i = \infty`: p < 1, or p = 1 and q <= 1. A finite sum is equivalent to a positive limit
    of the variance (both estimators), to a bounded :math:`E W_2^2` (``unbiased``), and to a heterozygosity that stays
    positive. Published: "superlinear, e.g. quadratic"; "of order :math:`t^{1+s}`".

    Kind: exact (Kakutani). Source: `SHU-1D-SUPERLIN` (arXiv 2305.17493; derived), `XHC` (Xu, He, Cheng, arXiv
    2505.13947).

    Examples
    --------
    >>> collapses(power=1.0), collapses(power=1.0, log_power=1.0), collapses(power=1.0, log_power=2.0)
    (True, True, False)
    """
    power, log_power = check.number("power", power), check.number("log_power", log_power)
    return power < 1 or (power == 1 and log_power <= 1)


def linear_schedule_retained(c: float, t):
    r"""Return :math:`\prod_{i\le t}(1 - \frac1{ci})`, what the schedule :math:`n_i = ci` retains.

    About :math:`t^{-1/c}/\Gamma(1-1/c)`: the retained heterozygosity, and the expected variance of the mle: linear
    growth still collapses. The *median* of the variance falls like :math:`t^{-1/c}` (``unbiased``) or :math:`t^{-2/c}`
    (``mle``).

    Kind: exact. Source: `SHU-1D-SUPERLIN`, `F-REPVAR` (derived). `c` >= 1; `t` broadcasts.

    Examples
    --------
    >>> linear_schedule_retained(2.0, np.array([0, 1, 2])).round(12).tolist()
    [1.0, 0.5, 0.375]
    """
    c = check.number("c", c, least=1, because="a sample has at least one point")
    t = _generations(t, np.asarray(0.0))
    if c == 1:
        return np.where(t == 0, 1.0, 0.0)[()]
    i = np.arange(1, NEAR)
    near = np.concatenate([[1.0], np.cumprod((c * i - 1) / (c * i))])
    z, e = np.maximum(t, NEAR) + 1.0, 1 / c
    # Stirling's series of ln Gamma(z - e) - ln Gamma(z), whose large terms cancel here on paper
    log = (z - 0.5) * np.log1p(-e / z) - e * np.log(z - e) + e + _remainder(z - e) - _remainder(z)
    far = np.exp(log) / scipy.special.gamma((c - 1) / c)
    return np.where(t < NEAR, near[np.minimum(t, NEAR - 1)], far)[()]


def power_schedule_retained(c: float, power: float = 2.0) -> float:
    r"""Return :math:`\prod_{i\ge1}(1 - \frac1{c\,i^p})`: what sizes :math:`n_i = c\,i^p` retain for ever.

    .. math:: p = 2:\ \frac{\sin(\pi/\sqrt c)}{\pi/\sqrt c}, \qquad
              \text{any } p > 1:\ \prod_{i\le I}\Big(1-\frac1{c\,i^p}\Big)
              \exp\Big(-\sum_{k\ge1}\frac{\zeta(pk, I+1)}{k\,c^k}\Big)

    Zero for p <= 1.

    Kind: exact. Source: `SHU-1D-SUPERLIN` (derived).

    Examples
    --------
    >>> round(power_schedule_retained(20.0, 2.0), 5)
    0.91976
    """
    c = check.number("c", c, least=1, because="a sample has at least one point")
    power = check.number("power", power)
    if power <= 1 or c == 1:
        return 0.0
    first = 8
    i = np.arange(1, first + 1)
    k = np.arange(1, 41)
    rest = scipy.special.zeta(power * k, first + 1.0) / k * np.exp(-k * math.log(c))
    return float(np.exp(np.log1p(-np.exp(-math.log(c) - power * np.log(i))).sum() - rest.sum()))
