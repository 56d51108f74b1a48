r"""What happens to a Gaussian that is refitted to its own samples and to nothing else?

Replace regime, :math:`n_i` points in the :math:`i`-th fit, :math:`\nu_i = n_i - 1`. Every refit multiplies
the variance by an independent factor :math:`S_i = \chi^2_{\nu_i} / \mathrm{div}_i`, where ``div`` is
:math:`n_i - 1` (``unbiased``) or :math:`n_i` (``mle``):

.. math:: \ln\sigma_t^2 = \ln\sigma_0^2 + \sum_{i \le t} \ln S_i, \qquad
          \mu_t = \mu_0 + \sum_{i \le t} \sqrt{\sigma_{i-1}^2 / n_i}\; Z_i .

The log variance is a random walk with independent steps whose mean and variance are known, and whose drift is
down for both estimators: that is collapse. The *variance* is another matter. Its expectation stays for ever
with the unbiased estimator, its law has such a heavy tail that no sample of chains shows that expectation,
and the squared Wasserstein-2 distance :math:`(\mu_t - \mu_0)^2 + (\sigma_t - \sigma_0)^2` inherits both.

Everywhere `n` is one integer, or the sizes :math:`(n_1, n_2, \dots)` of a schedule, and `t` is a generation
or an array of generations (at most the length of the schedule); the result has the shape of `t`. `variance`
is :math:`\sigma_0^2`. Sums of logarithms are turned into small differences by ``expm1`` and by asymptotic
series, so that results keep a relative accuracy of about 1e-13 from n = 2 to n = 1e12.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check

__all__ = [
    "c4",
    "expected_det",
    "expected_kl_forward",
    "expected_kl_reverse",
    "expected_sd",
    "expected_variance",
    "expected_w2_squared",
    "log_c4",
    "log_det_mean",
    "log_det_var",
    "log_variance_mean",
    "log_variance_var",
    "lyapunov_exponents",
    "mean_squared_error",
    "relative_variance",
    "sd_of_sd",
    "sd_of_variance",
    "squared_error_variance",
    "w2_squared_variance",
]

#: Bernoulli numbers B_2, B_4, ..., B_18: at x = 10 the first term left out is below 1e-18
BERNOULLI = np.array([1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798])
#: from here on asymptotic series are used
FAR = 10.0


# ------------------------------------------------------------------------------------------------- sums over fits


def _sizes(n, least: int, because: str) -> np.ndarray:
    if np.ndim(n) == 0:
        return np.asarray(float(check.integer("n", n, least=least, because=because)))
    return np.array(
        [check.integer(f"n[{i}]", v, least=least, because=because) for i, v in enumerate(np.asarray(n))], dtype=float
    )


def _generations(t, n: np.ndarray) -> np.ndarray:
    t = np.asarray(t)
    if t.dtype.kind not in "iu":
        raise TypeError(f"t must be an integer or an array of integers (it counts fits), got {t.dtype}.")
    if t.size and t.min() < 0:
        raise ValueError(f"t must be >= 0 (generation 0 is the truth), got {t.min()}.")
    if n.ndim and t.size and t.max() > len(n):
        raise ValueError(f"n must name a size for each of the {t.max()} generations, got {len(n)} sizes.")
    return t


def _total(step, n, t, least: int = 2, because: str = "a variance needs two points"):
    """Return the sum of step(n_i) over the fits 1 .. t."""
    n = _sizes(n, least, because)
    t = _generations(t, n)
    if n.ndim == 0:
        return (step(n) * t)[()]
    return np.concatenate([[0.0], np.cumsum(step(n))])[t]


def _lag(n, estimator: str):
    """Return ln(nu / div), the log of the expected factor."""
    check.choice("estimator", estimator, ("unbiased", "mle"))
    return np.log1p(-1 / n) if estimator == "mle" else np.zeros_like(n)


def _digamma_minus_log(x):
    """Return psi(x) - ln(x) without cancellation, x > 0."""
    far = np.maximum(x, FAR)
    k = np.arange(1, len(BERNOULLI) + 1)
    series = -1 / (2 * far) - ((BERNOULLI / (2 * k)) / far[..., None] ** (2 * k)).sum(-1)
    near = np.minimum(x, FAR)
    return np.where(x < FAR, scipy.special.digamma(near) - np.log(near), series)


def _log_c4(n):
    x = (n - 1) / 2
    far, near = np.maximum(x, FAR), np.minimum(x, FAR)
    j = 2 * np.arange(1, len(BERNOULLI) + 1)
    series = -((2 - 2.0 ** (1 - j)) * BERNOULLI / (j * (j - 1)) / far[..., None] ** (j - 1)).sum(-1)
    return np.where(
        x < FAR, np.log(scipy.special.gamma(near + 0.5) / (scipy.special.gamma(near) * np.sqrt(near))), series
    )


def log_c4(n):
    r"""Return :math:`\ln c_4(n)`, about :math:`-1/(4n)`; `n` broadcasts and need not be an integer, n > 1.

    Kind: exact. Source: `gauss-sigma-c4` (classical).

    Examples
    --------
    >>> round(float(log_c4(10)), 10)
    -0.0277214389
    """
    n = np.asarray(n, dtype=float)
    if not (n > 1).all():
        raise ValueError(f"n must be > 1 (a variance needs two points), got {n[~(n > 1)].flat[0]:g}.")
    return _log_c4(n)[()]


def c4(n):
    r"""Return :math:`c_4(n) = \sqrt{\frac2{n-1}}\,\Gamma(\frac n2)/\Gamma(\frac{n-1}2)`, the bias of a sd.

    The expected ``unbiased`` standard deviation of n normal points is :math:`c_4(n)\,\sigma`. `n` broadcasts.

    Kind: exact. Source: `gauss-sigma-c4` (classical), `BERT` (Bertrand et al., arXiv 2310.00429).

    Examples
    --------
    >>> round(float(c4(10)), 10)
    0.9726592741
    """
    return np.exp(log_c4(n))


# ------------------------------------------------------------------------------------------------- one dimension


def log_variance_mean(n, t, *, estimator: str, variance: float = 1.0):
    r"""Return :math:`E\ln\sigma_t^2 = \ln\sigma_0^2 + \sum_{i\le t}[\psi(\nu_i/2) + \ln(2/\mathrm{div}_i)]`.

    About :math:`-t/n` (``unbiased``) or :math:`-2t/n` (``mle``): in the typical chain the mle collapses twice
    as fast.

    Kind: exact. Source: `G-LOGWALK` (derived).

    Examples
    --------
    >>> round(float(log_variance_mean(10, 1, estimator="unbiased")), 6)
    -0.115206
    """
    variance = check.number("variance", variance, above=0)
    return math.log(variance) + _total(lambda n: _digamma_minus_log((n - 1) / 2) + _lag(n, estimator), n, t)


def log_variance_var(n, t):
    r"""Return :math:`\mathrm{Var}\ln\sigma_t^2 = \sum_{i\le t}\psi_1(\nu_i/2)`, the same for both estimators.

    Kind: exact. Source: `G-LOGWALK` (derived).

    Examples
    --------
    >>> round(float(log_variance_var(11, 10)), 6)
    2.21323
    """
    return _total(lambda n: scipy.special.polygamma(1, (n - 1) / 2), n, t)


def expected_variance(n, t, *, estimator: str, variance: float = 1.0):
    r"""Return the expected variance of the t-th fit.

    .. math:: E\sigma_t^2 = \sigma_0^2\ (\text{unbiased}), \qquad \sigma_0^2\prod_{i\le t}(1 - 1/n_i)\ (\text{mle})

    Kind: exact. Source: `F-REPVAR`, `G-LOGWALK` (derived).

    Examples
    --------
    >>> round(float(expected_variance(10, 2, estimator="mle")), 12)
    0.81
    """
    return check.number("variance", variance, least=0) * np.exp(_total(lambda n: _lag(n, estimator), n, t))


def relative_variance(n, t):
    r"""Return :math:`\mathrm{Var}(\sigma_t^2)/(E\sigma_t^2)^2 = \prod_{i\le t}(1 + 2/\nu_i) - 1`, for both estimators.

    So the number of chains that shows :math:`E\sigma_t^2` grows like :math:`e^{2t/\nu}`; look at logarithms
    instead.

    Kind: exact. Source: `G-HEAVY` (derived). Overflows to inf.

    Examples
    --------
    >>> round(float(relative_variance(11, 10)), 4)
    5.1917
    """
    with np.errstate(over="ignore"):
        return np.expm1(_total(lambda n: np.log1p(2 / (n - 1)), n, t))


def expected_sd(n, t, *, estimator: str, variance: float = 1.0):
    r"""Return :math:`E\sigma_t = \sigma_0\prod_{i\le t} c_4(n_i)`, times :math:`\sqrt{1-1/n_i}` per fit for ``mle``.

    Kind: exact. Source: `gauss-sigma-c4` (classical), `BERT` (arXiv 2310.00429; arXiv 2412.17646).

    Examples
    --------
    >>> round(float(expected_sd(10, 1, estimator="mle")), 5)
    0.92275
    """
    log = _total(lambda n: _log_c4(n) + _lag(n, estimator) / 2, n, t)
    return math.sqrt(check.number("variance", variance, least=0)) * np.exp(log)


def _spread(log_mean, growth):
    """Return mean * sqrt(exp(growth) - 1) for the log of the mean: finite even where neither factor is."""
    with np.errstate(over="ignore", divide="ignore"):
        near = np.exp(log_mean) * np.sqrt(np.expm1(np.minimum(growth, 1.0)))
        far = np.exp(log_mean + growth / 2 + np.log1p(-np.exp(-np.maximum(growth, 1.0))) / 2)
    return np.where(growth < 1, near, far)[()]


def sd_of_variance(n, t, *, estimator: str, variance: float = 1.0):
    r"""Return the sd of :math:`\sigma_t^2` over chains, :math:`E\sigma_t^2\,[\prod_{i\le t}(1 + 2/\nu_i) - 1]^{1/2}`.

    Kind: exact. Source: `G-HEAVY` (derived).

    Examples
    --------
    >>> round(float(sd_of_variance(11, 10, estimator="unbiased")**2), 4)
    5.1917
    """
    variance = check.number("variance", variance, least=0)
    growth = _total(lambda n: np.log1p(2 / (n - 1)), n, t)
    return variance * _spread(_total(lambda n: _lag(n, estimator), n, t), growth)


def sd_of_sd(n, t, *, estimator: str, variance: float = 1.0):
    r"""Return the sd of :math:`\sigma_t` over chains, :math:`E\sigma_t\,[\prod_{i\le t} c_4(n_i)^{-2} - 1]^{1/2}`.

    Kind: exact. Source: `gauss-sigma-c4`, `SHU-EXP-SINGLEFIT` (t = 1; derived).

    Examples
    --------
    >>> round(float(sd_of_sd(10, 1, estimator="unbiased")), 6)
    0.232237
    """
    sd = math.sqrt(check.number("variance", variance, least=0))
    log = _total(lambda n: _log_c4(n) + _lag(n, estimator) / 2, n, t)
    return sd * _spread(log, _total(lambda n: -2 * _log_c4(n), n, t))


def mean_squared_error(n, t, *, estimator: str, variance: float = 1.0):
    r"""Return the mean squared error of the mean of the t-th fit.

    .. math:: \frac{E(\mu_t-\mu_0)^2}{\sigma_0^2} = \sum_{i\le t}\frac1{n_i}\ (\text{unbiased}), \qquad
              1 - \prod_{i\le t}(1 - 1/n_i)\ (\text{mle})

    In d dimensions it is :math:`E\|\mu_t-\mu_0\|^2` with the trace of the
    covariance as `variance`.

    Kind: exact. Source: `F-MASTER`, `SHU-1D-VAR` (arXiv 2305.17493).

    Examples
    --------
    >>> round(float(mean_squared_error(100, 10, estimator="unbiased")), 12)
    0.1
    """
    variance = check.number("variance", variance, least=0)
    if check.choice("estimator", estimator, ("unbiased", "mle")) == "unbiased":
        return variance * _total(lambda n: 1 / n, n, t)
    return variance * (0.0 - np.expm1(_total(lambda n: np.log1p(-1 / n), n, t)))


def expected_w2_squared(n, t, *, estimator: str, variance: float = 1.0):
    r"""Return the expected squared Wasserstein-2 distance between the t-th fit and the truth, one dimension.

    .. math:: \frac{E W_2^2}{\sigma_0^2} = \sum_{i\le t}\frac1{n_i} + 2\Big(1 - \prod_{i\le t} c_4(n_i)\Big)\
              (\text{unbiased}), \qquad 2 - 2\prod_{i\le t} c_4(n_i)\sqrt{1 - 1/n_i}\ (\text{mle})

    Leading order :math:`\frac32\sum 1/n_i` for both; without bound for ``unbiased``, at most 2 for ``mle``.

    Kind: exact. Source: `SHU-1D-EW2` (Shumailov et al., Nature 631:755, SI eq. 6, for the leading order;
    exact forms derived).

    Examples
    --------
    >>> round(float(expected_w2_squared(100, 1, estimator="unbiased")), 7)
    0.015044
    """
    variance = check.number("variance", variance, least=0)
    gap = 0.0 - 2 * np.expm1(_total(lambda n: _log_c4(n) + _lag(n, estimator) / 2, n, t))
    if estimator == "unbiased":
        gap = gap + _total(lambda n: 1 / n, n, t)
    return variance * gap


def _fourth_difference(nu):
    """Return the fourth difference of s -> ln E[S^s] at s = 0, 1/2, 1, 3/2, 2: about nu^-3, for both estimators."""
    direct = np.log1p(2 / nu) - 4 * np.log1p(1 / nu) - 8 * _log_c4(nu + 1)
    y = 1 / np.maximum(nu, 64.0)
    k = np.arange(3, 16)
    logs = ((-1.0) ** (k + 1) * (2.0**k - 4) / k * y[..., None] ** k).sum(-1)
    j = 2 * np.arange(2, len(BERNOULLI) + 1)
    rest = -((2 - 2.0 ** (1 - j)) * BERNOULLI[1:] / (j * (j - 1)) * (2 * y[..., None]) ** (j - 1)).sum(-1)
    return np.where(nu < 64, direct, logs - 8 * rest)


def _fourth_moment(half, d2, d3, d4):
    """Return E(1 - U)^4, where ln E U^k has the value `half` at k = 1 and the given differences at 0.

    For U near 1 it is put together from central moments, whose terms do not cancel; else from raw moments.
    """
    p, a = np.exp(half), np.expm1(half)
    raw = (
        1
        - 4 * p
        + 6 * np.exp(2 * half + d2)
        - 4 * np.exp(3 * half + 3 * d2 + d3)
        + np.exp(4 * half + 6 * d2 + 4 * d3 + d4)
    )
    small = np.minimum(d2, 1.0)
    g, b, h, dh = np.exp(small), np.expm1(small), np.exp(d3), np.expm1(d3)
    second = p**2 * b
    third = p**3 * (b**2 * (g + 2) + g**3 * dh)
    fourth = p**4 * (
        b**2 * (g**4 + 2 * g**3 + 3 * g**2 - 3)
        + g**6 * h**4 * np.expm1(d4)
        + dh * g**3 * (4 * np.expm1(3 * small) + g**3 * (dh + np.expm1(2 * d3) + np.expm1(3 * d3)))
    )
    return np.where(d2 < 1, fourth + 4 * third * a + 6 * second * a**2 + a**4, raw)


def _second_moments(n, t, estimator: str):
    """Return Var A^2 and Var(A^2 + (1 - U)^2) with A = (mu_t - mu_0) / sigma_0 and U = sigma_t / sigma_0.

    Given the variances, A is normal with variance P_t = sum_i U_{i-1}^2 / n_i. The recursion carries E P, E
    P^2, X = E P U^2, Y = E P (1 - U)^2 and Z = E P U (1 - U); differences are carried as such, so nothing
    cancels.
    """
    n = _sizes(n, 2, "a variance needs two points")
    t = _generations(t, n)
    T = int(t.max(initial=0))
    n = np.full(T, n) if n.ndim == 0 else n[:T]
    nu, lag, c = n - 1, _lag(n, estimator), _log_c4(n)
    half, three = c + lag / 2, c + 1.5 * lag + np.log1p(1 / nu)  # ln E S^(1/2), ln E S^(3/2)
    two = 2 * lag + np.log1p(2 / nu)

    def before(steps):
        return np.concatenate([[0.0], np.cumsum(steps)])

    with np.errstate(over="ignore", invalid="ignore"):
        H, L, W = before(half), before(lag), before(two)
        u, d = before(three - lag), before(-2 * c + np.log1p(-1 / n**2))  # of U^2 -> U^3 -> U^4
        U4 = np.exp(W)
        U3 = -np.exp(L + u) * np.expm1(u + d)  # E U^3 (1 - U)
        U2 = np.exp(L) * (np.expm1(u) ** 2 + np.exp(2 * u) * np.expm1(d))  # E U^2 (1 - U)^2
        gap = np.expm1(H) ** 2 + np.exp(2 * H) * np.expm1(before(-2 * c))  # E (1 - U)^2
        fourth = _fourth_moment(H, before(-2 * c), before(np.log1p(1 / nu) + 4 * c), before(_fourth_difference(nu)))
        a1 = -np.expm1(half)
        a2 = a1**2 + np.exp(2 * half) * np.expm1(-2 * c)
        M, b = np.exp(half), -np.exp(half) * np.expm1(lag / 2 - c)
    steps = np.stack([n, np.exp(lag), M, a1, a2, b, U4[:-1], U3[:-1], U2[:-1]], axis=1).tolist()
    P = P2 = X = Y = Z = 0.0
    square, cross = np.zeros(T + 1), np.zeros(T + 1)
    for i, (size, one, root, a1, a2, b, u4, u3, u2) in enumerate(steps, start=1):
        P, P2, X, Y, Z = (
            P + math.exp(L[i - 1]) / size,
            P2 + (2 * X + u4 / size) / size,
            one * (X + u4 / size),
            Y + 2 * a1 * Z + a2 * X + (u2 + 2 * a1 * u3 + a2 * u4) / size,
            root * Z + b * X + (root * u3 + b * u4) / size,
        )
        square[i] = 3 * P2 - P * P
        cross[i] = Y - P * gap[i]
    with np.errstate(over="ignore", invalid="ignore"):
        total = square + 2 * cross + (fourth - gap**2)
    return square[t], np.where(np.isfinite(total), total, np.inf)[t]


def squared_error_variance(n, t, *, estimator: str, variance: float = 1.0):
    r"""Return :math:`\mathrm{Var}[(\mu_t-\mu_0)^2]`, one dimension; not all of it is luck that an average removes.

    .. math:: \frac{E(\mu_t-\mu_0)^4}{\sigma_0^4} = 3\,E\Big[\Big(\sum_{i\le t}\frac{S_1\cdots S_{i-1}}{n_i}\Big)^2\Big]

    Kind: exact. Source: `SHU-1D-VARW2` (:math:`E A^4`; derived), here for any schedule.

    Examples
    --------
    >>> round(float(squared_error_variance(100, 1, estimator="mle")), 12)
    0.0002
    """
    return (check.number("variance", variance, least=0) ** 2 * _second_moments(n, t, estimator)[0])[()]


def w2_squared_variance(n, t, *, estimator: str, variance: float = 1.0):
    r"""Return the variance of the squared Wasserstein-2 distance between the t-th fit and the truth, one dimension.

    With :math:`A = (\mu_t-\mu_0)/\sigma_0`, :math:`B = \sigma_t/\sigma_0`, :math:`M_s = E S^s` and equal
    sizes

    .. math:: E A^4 = \tfrac3{n^2}\sum_{j,l<t} M_2^{\min(j,l)} M_1^{|j-l|}, \quad
              E A^2 B^q = \tfrac1n\sum_{j<t} M_{1+q/2}^j M_{q/2}^{t-j}, \quad E B^q = M_{q/2}^t,

    .. math:: \mathrm{Var}\,W_2^2 = E[(A^2 + (1-B)^2)^2] - (E W_2^2)^2 \approx \tfrac52\Big(\sum_i \tfrac1{n_i}\Big)^2 .

    Computed for any schedule by an O(t) recursion whose terms do not cancel.

    Kind: exact. Source: `SHU-1D-VARW2` (derived; the published form is wrong at leading order, `ERR-2`).
    Overflows to inf where the fourth moment does.

    Examples
    --------
    >>> round(float(w2_squared_variance(100, 10, estimator="unbiased")), 5)
    0.02882
    """
    return (check.number("variance", variance, least=0) ** 2 * _second_moments(n, t, estimator)[1])[()]


# ------------------------------------------------------------------------------------------------- d dimensions


def _exponents(n, dim: int, estimator: str):
    """Return E ln of the squared diagonal of Bartlett's factor over div, (..., dim)."""
    check.choice("estimator", estimator, ("unbiased", "mle"))
    i = np.arange(1, dim + 1)
    y = (n[..., None] - i) / 2
    div = n[..., None] - (estimator == "unbiased")
    return _digamma_minus_log(y) + np.log1p((2 * y - div) / div)


def _dim(dim) -> int:
    return check.integer("dim", dim, least=1)


def _full_rank(dim: int) -> dict:
    return {"least": dim + 1, "because": f"a covariance of full rank in {dim} dimensions needs dim + 1 points"}


def log_det_mean(n, t, *, dim: int, estimator: str):
    r"""Return the expected change of the log determinant, :math:`E\ln\det\Sigma_t - \ln\det\Sigma_0`.

    .. math:: \sum_{i\le t}\sum_{k\le d}\Big[\psi\Big(\frac{n_i-k}2\Big) + \ln\frac2{\mathrm{div}_i}\Big]

    It does not depend on :math:`\Sigma_0`. Needs :math:`n_i \ge d + 1`.

    Kind: exact. Source: `G-DET` (derived, by Bartlett's decomposition).

    Examples
    --------
    >>> round(float(log_det_mean(10, 1, dim=1, estimator="unbiased")), 6)
    -0.115206
    """
    dim = _dim(dim)
    return _total(lambda n: _exponents(n, dim, estimator).sum(-1), n, t, **_full_rank(dim))


def log_det_var(n, t, *, dim: int):
    r"""Return :math:`\mathrm{Var}\ln\det\Sigma_t = \sum_{i\le t}\sum_{k\le d}\psi_1(\frac{n_i-k}2)`, either estimator.

    Kind: exact. Source: `G-DET` (derived, by Bartlett's decomposition).

    Examples
    --------
    >>> round(float(log_det_var(11, 10, dim=1)), 6)
    2.21323
    """
    dim = _dim(dim)
    k = np.arange(1, dim + 1)
    return _total(lambda n: scipy.special.polygamma(1, (n[..., None] - k) / 2).sum(-1), n, t, **_full_rank(dim))


def expected_det(n, t, *, dim: int, estimator: str):
    r"""Return :math:`E\det\Sigma_t / \det\Sigma_0 = \prod_{i\le t}\prod_{k=0}^{d-1}(\nu_i - k)/\mathrm{div}_i`.

    Kind: exact. Source: `G-DET` (derived); it is `G-ESYM` with j = d.

    Examples
    --------
    >>> round(float(expected_det(11, 1, dim=2, estimator="unbiased")), 12)
    0.9
    """
    dim = _dim(dim)
    k = np.arange(dim)
    check.choice("estimator", estimator, ("unbiased", "mle"))
    bias = int(estimator == "mle")
    return np.exp(_total(lambda n: np.log1p(-(k + bias) / (n[..., None] - 1 + bias)).sum(-1), n, t, **_full_rank(dim)))


def lyapunov_exponents(n: int, *, dim: int, estimator: str) -> np.ndarray:
    r"""Return :math:`\lambda_k = \psi(\frac{n-k}2) + \ln\frac2{\mathrm{div}}`, k = 1 .. d, largest first; shape (dim,).

    :math:`\frac1t\ln\mathrm{eig}_k(\Sigma_t) \to \lambda_k`: the small directions collapse faster than the
    large ones, and the log of the condition number grows by about :math:`(d-1)/\nu` per generation.

    Kind: asymptotic in t (the exponents are exact). Source: `G-LYAP`; Newman, Commun. Math. Phys. 103:121
    (1986); Forrester, J. Stat. Phys. 151:796 (2013).

    Examples
    --------
    >>> lyapunov_exponents(10, dim=5, estimator="unbiased").round(5)[0].item()
    -0.11521
    """
    dim = _dim(dim)
    return _exponents(np.asarray(float(check.integer("n", n, **_full_rank(dim)))), dim, estimator)


def expected_kl_forward(n, t, *, estimator: str, dim: int = 1):
    r"""Return :math:`E\,KL(p_t\,\|\,p_0)` in nats: linear growth, about t/n in one dimension.

    .. math:: \tfrac12\sum_{i\le t}\Big(\frac d{n_i} - m_i\Big)\ (\text{unbiased}), \qquad
              -\tfrac12\sum_{i\le t} m_i\ (\text{mle}), \qquad m_i = E\ln\det(\Sigma_i) -
              E\ln\det(\Sigma_{i-1})

    Kind: exact. Source: `G-KLF` (derived); d dimensions by `G-DET`.

    Examples
    --------
    >>> round(float(expected_kl_forward(20, 10, estimator="unbiased")), 5)
    0.51777
    """
    dim = _dim(dim)
    drift = log_det_mean(n, t, dim=dim, estimator=estimator)
    if estimator == "mle":
        return 0.0 - drift / 2
    return (dim * _total(lambda n: 1 / n, n, t) - drift) / 2


def expected_kl_reverse(n, t, *, estimator: str, dim: int = 1):
    r"""Return :math:`E\,KL(p_0\,\|\,p_t)` in nats, the excess test loss on real data: exponential growth.

    .. math:: \tfrac12\Big[\sum_{i\le t} m_i + d\Big(\prod_{i\le t} q_i - 1\Big) +
              d\sum_{i\le t}\frac1{n_i}\prod_{j=i}^t q_j\Big], \qquad q_i = \frac{\mathrm{div}_i}{\nu_i - d -
              1}

    with :math:`m_i` of `expected_kl_forward`; infinite once some :math:`\nu_i \le d + 1`.

    Kind: exact. Source: `G-KLR` (derived). Overflows to inf.

    Examples
    --------
    >>> round(float(expected_kl_reverse(20, 10, estimator="unbiased")), 4)
    1.2376
    """
    dim = _dim(dim)
    drift = log_det_mean(n, t, dim=dim, estimator=estimator)
    sizes = _sizes(n, **_full_rank(dim))
    t = _generations(t, sizes)
    T = int(t.max(initial=0))
    sizes = np.full(T, sizes) if sizes.ndim == 0 else sizes[:T]
    room = sizes - dim - 2
    log_q = np.where(room > 0, np.log1p((dim + 1 + (estimator == "mle")) / np.where(room > 0, room, 1.0)), np.inf)
    error, x = np.zeros(T + 1), 0.0
    with np.errstate(over="ignore"):
        q = np.exp(log_q).tolist()
        for i, size in enumerate(sizes.tolist(), start=1):
            x = q[i - 1] * (x + 1 / size)
            error[i] = x
        spread = np.expm1(np.concatenate([[0.0], np.cumsum(log_q)]))
        return ((drift + dim * (spread + error)[t]) / 2)[()]
