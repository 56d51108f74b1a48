r"""What if the synthetic points are drawn too tightly, and what if fresh real ones are added?

Self-consuming loops (Alemohammad et al., ICLR 2024, arXiv 2307.01850). *Sampling bias* :math:`\lambda \in (0, 1]`:
synthetic points are drawn from :math:`N(\mu, \lambda\Sigma)`; estimators are ``unbiased``. Two loops: *fully
synthetic*, n synthetic points per generation, and *fresh data*, where each generation after the first pools :math:`n_r`
new real points, from :math:`N(0, I_d)`, with :math:`n_s` synthetic ones, :math:`N = n_r + n_s`, :math:`f = n_s/N`.

With :math:`\lambda < 1` the drift of the mean is bounded and quality is traded for diversity, which is lost faster. In
the fresh loop unbiased synthetic data always help, by less than a factor of two; biased ones only up to a number that
does not grow with the real data. At :math:`\lambda = 1` everything here is `moments` of FreshReal.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.theory.gaussian import _generations, expected_sd, log_variance_mean

__all__ = [
    "admissible_synthetic",
    "admissible_synthetic_limit",
    "biased_expected_sd",
    "biased_log_variance_mean",
    "biased_moments",
    "effective_sample_size",
    "effective_sample_size_w2",
    "fresh_loop_limit",
    "fresh_loop_moments",
    "fresh_loop_w2_squared",
    "real_w2_squared",
]


def _bias(bias) -> float:
    return check.number("bias", bias, above=0, most=1, because="synthetic points are drawn from N(mean, bias * cov)")


def _biased_steps(t, first: str):
    """Return the number of samples that were drawn with the bias, and t."""
    t = _generations(t, np.asarray(2.0))
    check.choice("first", first, ("biased", "real"))
    return (t if first == "biased" else np.maximum(t - 1, 0)), t


def biased_moments(n: int, t, *, bias: float, first: str = "biased"):
    r"""Return expected variance and squared drift of the mean in the fully synthetic loop with sampling bias.

    .. math:: \frac{E\Sigma_t}{\Sigma_0} = \lambda^t, \qquad
              \frac{E\|\mu_t-\mu_0\|^2}{\mathrm{tr}\Sigma_0} = \frac1n\sum_{i=1}^t\lambda^i
              \le \frac{\lambda}{(1-\lambda)n}

    Parameters
    ----------
    n : int
        Synthetic points per generation, at least 2.
    t : int or array of int
        Generations.
    bias : float
        :math:`\lambda` in (0, 1].
    first : {"biased", "real"}
        Whether the first sample is already drawn with the bias, or generation 1 is fitted to real points; then
        :math:`\lambda^{t-1}` and :math:`\sum_{i=0}^{t-1}\lambda^i`.

    Returns
    -------
    variance, mean_squared_error : ndarray, the shape of `t`
        In units of :math:`\Sigma_0` and :math:`\mathrm{tr}\,\Sigma_0`; any dimension.

    Notes
    -----
    Kind: exact (``unbiased`` estimators). Source: `mad-fully-synthetic-moments` (Alemohammad et al., arXiv 2307.01850,
    eq. 1-2; consequences derived).

    Examples
    --------
    >>> variance, error = biased_moments(10, 2, bias=0.8)
    >>> round(float(variance), 12), round(float(error), 12)
    (0.64, 0.144)
    """
    n = check.integer("n", n, least=2, because="a variance needs two points")
    bias = _bias(bias)
    steps, t = _biased_steps(t, first)
    log = math.log(bias)
    start = bias if first == "biased" else 1.0
    total = t.astype(float) if bias == 1 else start * np.expm1(t * log) / math.expm1(log)
    return np.exp(steps * log)[()], (total / n)[()]


def biased_log_variance_mean(n: int, t, *, bias: float, first: str = "biased", variance: float = 1.0):
    r"""Return :math:`E\ln\sigma_t^2 = \ln\sigma_0^2 + t(\ln\lambda + m)`, one dimension, ``unbiased``.

    Also the almost sure rate: :math:`\frac1t\ln\sigma_t^2 \to \ln\lambda + m(n)`. Parameters: those of
    `biased_moments`.

    Kind: exact. Source: `mad-fully-synthetic-moments` (derived).

    Examples
    --------
    >>> round(float(biased_log_variance_mean(10, 1, bias=0.8)), 6)
    -0.33835
    """
    steps, t = _biased_steps(t, first)
    mean = log_variance_mean(n, t, estimator="unbiased", variance=variance)
    return (mean + steps * math.log(_bias(bias)))[()]


def biased_expected_sd(n: int, t, *, bias: float, first: str = "biased", variance: float = 1.0):
    r"""Return :math:`E\sigma_t = (\sqrt\lambda\,c_4(n))^t\sigma_0`, one dimension, ``unbiased``.

    Parameters: those of `biased_moments`.

    Kind: exact. Source: `mad-fully-synthetic-moments` (derived).

    Examples
    --------
    >>> round(float(biased_expected_sd(10, 1, bias=0.64)), 6)
    0.778127
    """
    steps, t = _biased_steps(t, first)
    sd = expected_sd(n, t, estimator="unbiased", variance=variance)
    return (sd * np.exp(steps * math.log(_bias(bias)) / 2))[()]


# ------------------------------------------------------------------------------------------------- fresh data loop


def _pool(n_real, n_synthetic) -> tuple[int, int, int, float]:
    real = check.integer("n_real", n_real, least=1)
    synthetic = check.integer("n_synthetic", n_synthetic, least=0)
    if real + synthetic < 2:
        raise ValueError(f"n_real + n_synthetic must be >= 2 (a variance needs two points), got {real + synthetic}.")
    return real, synthetic, real + synthetic, synthetic / (real + synthetic)


def fresh_loop_moments(n_real: int, n_synthetic: int, t, *, bias: float = 1.0, n_first: int | None = None):
    r"""Return the moments of the fresh data loop: :math:`V_t = E\,\mathrm{tr}\Sigma_t/d`, :math:`A_t = E\|\mu_t\|^2/d`.

    .. math:: A_t = \frac{1-f}N + f^2A_{t-1} + \frac{f\lambda V_{t-1}}N, \qquad
              V_t = \frac{n_r + n_s(\lambda V_{t-1} + A_{t-1}) - N A_t}{N-1}

    with :math:`A_1 = 1/n_{\rm ini}`, :math:`V_1 = 1`, and :math:`A_0 = 0`, :math:`V_0 = 1` for the truth.

    Parameters
    ----------
    n_real, n_synthetic : int
        Fresh real and synthetic points of each generation after the first.
    t : int or array of int
        Generations.
    bias : float
        :math:`\lambda` in (0, 1].
    n_first : int, optional
        Real points of generation 1; default ``n_real``.

    Returns
    -------
    variance, mean_squared_error : ndarray, the shape of `t`
        V and A, in units of :math:`\Sigma_0` per dimension; any dimension.

    Notes
    -----
    Kind: exact (``unbiased`` pooled covariance). Source: `mad-fresh-loop-moments` (setting: Alemohammad et al., arXiv
    2307.01850, section 5; recursion derived). At :math:`\lambda = 1`: `moments` of FreshReal.

    Examples
    --------
    >>> variance, error = fresh_loop_moments(10, 20, 1000)
    >>> round(float(error), 5)
    0.0617
    """
    real, synthetic, N, f = _pool(n_real, n_synthetic)
    bias = _bias(bias)
    first = real if n_first is None else n_first
    first = check.integer("n_first", first, least=2, because="a variance needs two points")
    t = _generations(t, np.asarray(2.0))
    T = int(t.max(initial=0))
    A, V = np.zeros(T + 1), np.ones(T + 1)
    if T:
        A[1] = 1 / first
    for i in range(2, T + 1):
        A[i] = (1 - f) / N + f * f * A[i - 1] + f * bias * V[i - 1] / N
        V[i] = (real + synthetic * (bias * V[i - 1] + A[i - 1]) - N * A[i]) / (N - 1)
    return V[t][()], A[t][()]


def fresh_loop_limit(n_real: int, n_synthetic: int, *, bias: float = 1.0) -> tuple[float, float]:
    r"""Return the fixed point :math:`(V_\infty, A_\infty)` of the fresh data loop, whatever the first sample was.

    .. math:: V_\infty = \frac{n_r(1-A_\infty)}{N-1-n_s\lambda}, \qquad
              A_\infty = \frac{(1-f) + f\lambda V_\infty}{n_r(1+f)}

    Kind: exact. Source: `mad-fresh-loop-moments` (derived; observation at eq. 3 of arXiv 2307.01850).

    Examples
    --------
    >>> round(fresh_loop_limit(10, 20)[1], 5)
    0.0617
    """
    real, synthetic, N, f = _pool(n_real, n_synthetic)
    bias = _bias(bias)
    V = (real - (1 - f) / (1 + f)) / (N - 1 - synthetic * bias + f * bias / (1 + f))
    return V, ((1 - f) + f * bias * V) / (real * (1 + f))


def effective_sample_size(n_real: int, n_synthetic: int, *, bias: float = 1.0, covariance: str = "known") -> float:
    r"""Return :math:`n_e/n_r`: how many real points per real point the mean of the fresh loop is worth.

    .. math:: \frac{1+f}{(1-f) + f\lambda}\ (\text{known covariance; } 1 + f < 2 \text{ for } \lambda = 1), \qquad
              \frac1{n_rA_\infty}\ (\text{estimated})

    Kind: exact. Source: `mad-effective-sample-size` (definition: arXiv 2307.01850, eq. 4; derived).

    Examples
    --------
    >>> round(effective_sample_size(10, 20), 12)
    1.666666666667
    """
    real, _, _, f = _pool(n_real, n_synthetic)
    if check.choice("covariance", covariance, ("known", "estimated")) == "known":
        return (1 + f) / ((1 - f) + f * _bias(bias))
    return 1 / (real * fresh_loop_limit(n_real, n_synthetic, bias=bias)[1])


# ------------------------------------------------------------------------------------------------- expansions of W2


def real_w2_squared(n, *, dim: int):
    r"""Return :math:`\frac dn(1 + \frac{d+1}4)`, about :math:`E W_2^2` between a fit to n points and :math:`N(0, I_d)`.

    Kind: asymptotic (:math:`d \ll n`). Source: `mad-effective-sample-size` (derived). `n` broadcasts.

    Examples
    --------
    >>> round(float(real_w2_squared(1000, dim=1)), 12)
    0.0015
    """
    dim = check.integer("dim", dim, least=1)
    n = np.asarray(n, dtype=float)
    if not (n > 0).all():
        raise ValueError(f"n must be > 0, got {n[~(n > 0)].flat[0]:g}.")
    return (dim / n * (1 + (dim + 1) / 4))[()]


def _w2(real: float, synthetic: float, dim: int, bias: float) -> float:
    N = real + synthetic
    f = synthetic / N
    V = (real - (1 - f) / (1 + f)) / (N - 1 - synthetic * bias + f * bias / (1 + f))
    A = ((1 - f) + f * bias * V) / (real * (1 + f))
    spread = (dim + 1) / (4 * N) * ((1 - f) + f * (bias * V) ** 2) / (1 - (f * bias) ** 2) * V**-1.5
    return dim * (A + (1 - math.sqrt(V)) ** 2 + spread)


def fresh_loop_w2_squared(n_real: int, n_synthetic: int, *, dim: int, bias: float = 1.0) -> float:
    r"""Return about :math:`E W_2^2` of the stationary fresh data loop, with estimated covariance.

    .. math:: d\Big[A_\infty + (1-\sqrt{V_\infty})^2 + \frac{d+1}{4N}\,
              \frac{(1-f)+f(\lambda V_\infty)^2}{1-f^2\lambda^2}\,V_\infty^{-3/2}\Big]

    Kind: asymptotic (:math:`d \ll N`). Source: `mad-effective-sample-size` (derived).

    Examples
    --------
    >>> round(fresh_loop_w2_squared(100, 900, dim=5), 5)
    0.06599
    """
    real, synthetic, _, _ = _pool(n_real, n_synthetic)
    return _w2(real, synthetic, check.integer("dim", dim, least=1), _bias(bias))


def effective_sample_size_w2(n_real: int, n_synthetic: int, *, dim: int, bias: float = 1.0) -> float:
    r"""Return :math:`n_e/n_r` by the squared Wasserstein-2 distance: real points that come as close as the loop does.

    Kind: asymptotic (:math:`d \ll N`). Source: `mad-effective-sample-size` (definition: arXiv 2307.01850, eq. 4).

    Examples
    --------
    >>> round(effective_sample_size_w2(1000, 500, dim=5), 4)
    1.3334
    """
    return float(real_w2_squared(n_real, dim=dim)) / fresh_loop_w2_squared(n_real, n_synthetic, dim=dim, bias=bias)


def admissible_synthetic_limit(*, dim: int, bias: float) -> float:
    r"""Return the largest admissible number of biased synthetic points as :math:`n_r \to \infty`: a constant.

    .. math:: n_s^* \to \frac{4(2-\lambda) + (d+1)(\frac12 + \frac{3\lambda}2 - \lambda^2)}{(1-\lambda)^2}

    More of them, and the loop is farther from the truth than real data alone. Infinite for :math:`\lambda = 1`.

    Kind: asymptotic. Source: `mad-phase-transition-threshold` (observation: arXiv 2307.01850, Fig. 11; derived).

    Examples
    --------
    >>> admissible_synthetic_limit(dim=5, bias=0.5)
    48.0
    """
    dim, bias = check.integer("dim", dim, least=1), _bias(bias)
    if bias == 1:
        return math.inf
    return (4 * (2 - bias) + (dim + 1) * (0.5 + 1.5 * bias - bias**2)) / (1 - bias) ** 2


def admissible_synthetic(n_real: int, *, dim: int, bias: float) -> float:
    r"""Return the number of synthetic points at which the fresh loop is just as good as its real points alone.

    The root :math:`n_s > 0` of `effective_sample_size_w2` = 1, a real number; infinite where there is none. It tends to
    `admissible_synthetic_limit`, slowly.

    Kind: asymptotic (:math:`d \ll N`). Source: `mad-phase-transition-threshold` (derived).

    Examples
    --------
    >>> round(admissible_synthetic(1_000_000, dim=5, bias=0.5), 2)
    48.0
    """
    import scipy.optimize

    real = check.integer("n_real", n_real, least=2, because="a variance needs two points")
    dim, bias = check.integer("dim", dim, least=1), _bias(bias)
    if bias == 1:
        return math.inf
    target = dim / real * (1 + (dim + 1) / 4)

    def gain(log_synthetic: float) -> float:
        return target - _w2(real, math.exp(log_synthetic), dim, bias)

    grid = np.linspace(math.log(1e-3), math.log(1e3 * real) + 20, 400)
    helps = np.array([gain(x) > 0 for x in grid])
    if not helps.any():
        return 0.0
    last = int(np.flatnonzero(helps)[-1])
    if last == len(grid) - 1:
        return math.inf
    return math.exp(scipy.optimize.brentq(gain, grid[last], grid[last + 1], xtol=1e-13))
