r"""What happens to a mixture of Gaussians that is refitted to its own samples?

**Well separated components.** If the components are so far apart that every point shows which one it came from, a
refit to n points counts and averages within components: the counts :math:`(N_{t,1}, \dots, N_{t,k})` are a
Wright-Fisher chain, :math:`N_t \sim \mathrm{Multinomial}(n, N_{t-1}/n)`, and given the counts each component is a
Gaussian chain of its own, whose i-th refit has :math:`N_{i,c}` points and the divisor :math:`N_{i,c}` (maximum
likelihood). Two things happen, then. Minorities die, as rare categories do (`theory.categorical`). And every survivor
loses variance at the pace of its own number of points: a component of weight w collapses 1/w times as fast as a single
Gaussian would. For the chain with labels all this is exact; for expectation-maximisation it is the limit of infinite
separation, reached to rounding at some ten standard deviations.

**The squared L2 distance** to the truth, :math:`\int (q_t - p_0)^2`, is dominated by :math:`\int q_t^2` once
the components are narrow, and so it grows exponentially, at a rate that the Bartlett decomposition gives.

**What stops it.** Libraries add a constant to the diagonal of every fitted covariance. Such a loop has a stationary
law with mean rn, and does not collapse to a point: the late plateau of a published curve is this (`ERR-13`).
**What distorts it.** An integer seed inside the loop replays the same noise every generation (`GMM-FROZEN-SEED`).
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory import categorical, gaussian

__all__ = [
    "component_extinction",
    "component_log_det",
    "component_log_det_rate",
    "component_survival",
    "components_left",
    "frozen_seed_log_variance",
    "frozen_seed_ratio",
    "frozen_seed_variance",
    "l2_squared_collapsed",
    "l2_squared_growth",
    "regularised_quantile",
    "regularised_sd",
    "regularised_tail_index",
    "regularised_variance",
    "regularised_variance_limit",
    "symmetric_mixture_approximate",
    "symmetric_mixture_bound",
    "symmetric_mixture_mle",
]

#: the matrix of n^2 transition probabilities of the counts has to be built
EXACT_UP_TO = categorical.EXACT_UP_TO
ESTIMATORS = ("unbiased", "mle")


# ---------------------------------------------------------------------------------------- well separated components


def component_survival(weight, n, generations: int, *, population: int | None = None, method: str = "auto"):
    r"""Return the probability that a component of the given weight still has a point after t = 0 .. T fits, Replace.

    It is `survival` of a category of that frequency, with the same parameters; shape (T + 1, \*weight.shape). A
    component that a fit gives no point is gone for ever. (With fewer than dim + 1 points it is still there, as a
    singular one.)

    Kind: exact for labelled components; asymptotic (infinite separation) for expectation-maximisation, where overlap
    lets a component take over points of another. Source: derived (`SUR-T1`, `WF-LOSS` for the weights).

    Examples
    --------
    >>> component_survival(0.01, 100, 2).round(4).tolist()
    [1.0, 0.634, 0.4709]
    """
    return categorical.survival(weight, n, generations, population=population, method=method)


def component_extinction(weight, n, generations: int, *, population: int | None = None, method: str = "auto"):
    r"""Return the probability that a component is gone by generation t = 0 .. T: one minus `component_survival`.

    As :math:`t \to \infty` it tends to :math:`1 - w`, for one component is left in the end, and it is this one with
    probability w. Kind and source: as `component_survival`.

    Examples
    --------
    >>> component_extinction(0.01, 100, 2).round(4).tolist()
    [0.0, 0.366, 0.5291]
    """
    return 1.0 - component_survival(weight, n, generations, population=population, method=method)


def components_left(weights, n, generations: int, *, population: int | None = None, method: str = "auto"):
    r"""Return the expected number of components left, t = 0 .. T: the sum of `component_survival`; shape (T + 1,).

    Kind and source: as `component_survival`.

    Examples
    --------
    >>> components_left([0.25] * 4, 8, 2).round(4).tolist()
    [4.0, 3.5995, 3.0872]
    """
    return categorical.expected_support(
        check.probabilities("weights", weights), n, generations, population=population, method=method
    )


def component_log_det_rate(n, *, dim: int = 1):
    r"""Return the expected change of a component's log determinant in a refit to n points of it, divisor n.

    .. math:: m_d(n) = \sum_{i=1}^d\Big[\psi\Big(\frac{n-i}2\Big) + \ln\frac2n\Big] \approx -\frac{d(d+3)}{2n}

    With n replaced by nw it is the drift of a component of weight w while that weight has hardly moved
    (:math:`t \ll nw`). `n` broadcasts and need not be an integer, n > dim.

    Kind: exact given the count; asymptotic with nw for it. Source: `G-DET`, `SHU-EXP-GMM` (derived).

    Examples
    --------
    >>> float(component_log_det_rate([1000, 500], dim=2).round(6)[1])
    -0.010025
    """
    dim = check.integer("dim", dim, least=1)
    n = _points(n, dim)
    return gaussian._exponents(n, dim, "mle").sum(-1)[()]


def component_log_det(
    weight: float, n: int, generations: int, *, dim: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return the law, up to its second moment, of the change of a component's log determinant while it lasts.

    The component has the counts :math:`N_1, N_2, \dots` of a Wright-Fisher chain that starts at `weight`. While
    every :math:`N_i \ge d + 1`, its covariance has full rank, and

    .. math:: \ln\det\Sigma_t - \ln\det\Sigma_0 = \sum_{i\le t}\ln\det(\text{Wishart}_{N_i-1}/N_i),

    given the counts, has mean :math:`\sum m_d(N_i)` and variance
    :math:`\sum_{i\le t}\sum_{k\le d}\psi_1(\frac{N_i-k}2)`. Means over the counts, given that they all were large
    enough, are summed by one pass through the chain.

    Parameters
    ----------
    weight : float
        Weight of the component in the truth.
    n : int
        Points per fit, all components together; at most 2000.
    generations : int
        T.
    dim : int
        Dimensions; for 1 it is the log variance.

    Returns
    -------
    probability, mean, sd : ndarray, (T + 1,)
        The probability that the component has had dim + 1 points in each of the fits 1 .. t; mean and standard
        deviation of the change of its log determinant given that.

    Notes
    -----
    Kind: exact for labelled components; asymptotic (infinite separation) for expectation-maximisation. Source:
    derived. Cost: n^2 per generation.

    Examples
    --------
    >>> probability, mean, sd = component_log_det(0.5, 20, 2)
    >>> probability.round(4).tolist(), mean.round(4).tolist(), sd.round(4).tolist()
    ([1.0, 1.0, 0.9985], [0.0, -0.2377, -0.5004], [0.0, 0.5302, 0.8061])
    """
    weight = check.probability("weight", weight)
    n = check.integer(
        "n",
        n,
        least=1,
        most=EXACT_UP_TO,
        because="the chain of its counts has n^2 probabilities; for more points multiply component_log_det_rate by t",
    )
    T, dim = check.integer("generations", generations, least=0), check.integer("dim", dim, least=1)
    if weight * n == 0 or n < dim + 1:
        raise ValueError(
            f"n must be >= {dim + 1} and weight > 0 (a covariance of full rank needs dim + 1 points), "
            f"got n = {n} and weight = {weight:g}."
        )
    count = np.arange(dim + 1, n + 1)
    m = component_log_det_rate(count, dim=dim)
    v = scipy.special.polygamma(1, (count[:, None] - np.arange(1, dim + 1)) / 2).sum(-1)
    step = categorical._step(n, n)[dim + 1 :, dim + 1 :] if T > 1 else None
    # a: probability of the count and of having lasted; b, c: first and second moment of the sum on that event
    a, b, c = categorical._binomial(n, weight)[dim + 1 :], np.zeros(len(m)), np.zeros(len(m))
    out = np.zeros((3, T + 1))
    out[0, 0] = 1.0
    for t in range(1, T + 1):
        if t > 1:
            a, b, c = a @ step, b @ step, c @ step
        c = c + 2 * m * b + (m**2 + v) * a
        b = b + m * a
        lasted = a.sum()
        if lasted == 0:
            raise ValueError(
                f"weight must let the component last {T} generations with a probability that is a number, "
                f"got {weight:g} of n = {n} points (at generation {t})."
            )
        mean = b.sum() / lasted
        out[:, t] = lasted, mean, math.sqrt(max(c.sum() / lasted - mean**2, 0.0))
    return out[0], out[1], out[2]


# --------------------------------------------------------------------------------------------- squared L2 distance


def l2_squared_growth(n, *, dim: int = 1):
    r"""Return the growth per generation of :math:`E\ln\int q_t^2`, a component being refitted to n points of its own.

    .. math:: -\frac12\sum_{i=1}^d\Big[\psi\Big(\frac{n-i}2\Big) + \ln\frac2n\Big] \approx \frac{d(d+3)}{4n}

    As the component becomes narrow this is the growth of the log squared L2 distance to the truth. In two
    dimensions: 5/(2n) for one Gaussian, 5/n if each of two components has n/2 points. `n` is the number of points of
    the component, broadcasts and need not be an integer.

    Kind: exact for :math:`\int q^2`; asymptotic for the distance. Source: `SHU-EXP-GMM` (derived).

    Examples
    --------
    >>> round(float(l2_squared_growth(1000, dim=2)), 6), round(float(l2_squared_growth(500, dim=2)), 6)
    (0.002503, 0.005012)
    """
    return component_log_det_rate(n, dim=dim) / -2


def l2_squared_collapsed(sd, *, dim: int = 2, weights=(1.0,)):
    r"""Return :math:`\int q^2 = (4\pi s^2)^{-d/2}\sum_c w_c^2` of narrow isotropic components that do not overlap.

    The squared L2 distance to any density that is bounded, up to terms that stay bounded as the standard deviation s
    goes to zero; for one component in two dimensions :math:`1/(4\pi s^2)`. `sd` broadcasts.

    Kind: asymptotic (s to 0). Source: `SHU-EXP-GMM`, `DIST` (classical).

    Examples
    --------
    >>> round(float(l2_squared_collapsed(0.01)), 3)
    795.775
    """
    sd, dim = np.asarray(sd, dtype=float), check.integer("dim", dim, least=1)
    if not (sd > 0).all():
        raise ValueError(f"sd must be > 0 (a delta function has no density), got {sd[~(sd > 0)].flat[0]:g}.")
    w = check.probabilities("weights", weights)
    return ((4 * math.pi * sd**2) ** (-dim / 2) * float((w**2).sum()))[()]


# ----------------------------------------------------------------------------------------- regularised covariances


def regularised_variance(r: float, n, t, *, estimator: str = "mle", variance: float = 1.0):
    r"""Return :math:`E\sigma_t^2` (or :math:`E\,\mathrm{tr}\Sigma_t/d`) where every refit adds r to the variance.

    .. math:: \sigma_t^2 = \sigma_{t-1}^2\frac{\chi^2_{n-1}}n + r, \qquad
              E\sigma_t^2 = rn + (\sigma_0^2 - rn)\Big(1-\frac1n\Big)^t\ (\text{mle}), \quad
              \sigma_0^2 + rt\ (\text{unbiased}).

    One component, n points per fit; `n` and `t` broadcast. In d dimensions r is added to the diagonal, and
    :math:`E\Sigma_t` follows the same recursion entry by entry: off the diagonal without r.

    Parameters
    ----------
    r : float
        What is added: ``reg_covar``.
    n, t : int or array_like of int
    estimator : {"mle", "unbiased"}
        Mixtures have the divisor n.
    variance : float
        :math:`\sigma_0^2`, or :math:`\mathrm{tr}\Sigma_0/d`.

    Notes
    -----
    Kind: exact. Source: `GMM-REGCOVAR` (derived, checked).

    Examples
    --------
    >>> regularised_variance(1e-6, 1000, [0, 1, 10**6]).round(9).tolist()
    [1.0, 0.999001, 0.001]
    """
    check.choice("estimator", estimator, ESTIMATORS)
    r, variance = check.number("r", r, least=0), check.number("variance", variance, least=0)
    n, t = _points(n, 1), _fits(t)
    if estimator == "unbiased":
        return (variance + r * t + 0.0 * n)[()]
    kept = scipy.special.xlog1py(t, -1 / n)
    return (variance * np.exp(kept) - r * n * np.expm1(kept))[()]


def regularised_variance_limit(r: float, n):
    r"""Return the stationary mean :math:`rn` of `regularised_variance` with divisor n, in any number of dimensions.

    Kind: exact. Source: `GMM-REGCOVAR` (derived, checked).

    Examples
    --------
    >>> float(regularised_variance_limit(1e-6, 1000))
    0.001
    """
    return (check.number("r", r, least=0) * _points(n, 1))[()]


def regularised_sd(r: float, n: int, generations: int, *, variance: float = 1.0) -> np.ndarray:
    r"""Return the sd of :math:`\sigma_t^2`, t = 0 .. T, where every refit (divisor n) adds r; one dimension.

    .. math:: \mathrm{Var}_{t} = \Big(1-\frac1{n^2}\Big)\mathrm{Var}_{t-1} +
              \frac{2(n-1)}{n^2}\,(E\sigma_{t-1}^2)^2 \;\to\; 2(n-1)\,(rn)^2

    The limit is far above the mean :math:`rn`, and means of stationary chains are of little use: the law has the tail
    index `regularised_tail_index`.

    Kind: exact. Source: derived (`GMM-REGCOVAR`).

    Examples
    --------
    >>> regularised_sd(0.05, 10, 2).round(6).tolist()
    [0.0, 0.424264, 0.583652]
    """
    n = check.integer("n", n, least=2, because="a variance needs two points")
    T = check.integer("generations", generations, least=0)
    mean = regularised_variance(r, n, np.arange(T + 1), variance=variance)
    out = np.zeros(T + 1)
    for t in range(1, T + 1):
        out[t] = (1 - 1 / n**2) * out[t - 1] + 2 * (n - 1) / n**2 * mean[t - 1] ** 2
    return np.sqrt(out)


def regularised_tail_index(n: int) -> float:
    r"""Return the tail index of the stationary regularised loop: :math:`P(\sigma^2 > x) \sim x^{-\kappa}`; divisor n.

    .. math:: E\Big(\frac{\chi^2_{n-1}}n\Big)^\kappa = \frac{\Gamma(\frac{n-1}2+\kappa)}{\Gamma(\frac{n-1}2)}
              \Big(\frac2n\Big)^\kappa = 1

    About :math:`2 + \frac1{2n}`, whatever r is: the variance of :math:`\sigma^2` is finite, its third moment is not.

    Kind: exact (the tail is asymptotic). Source: derived; Kesten, Acta Math. 131:207 (1973).

    Examples
    --------
    >>> round(regularised_tail_index(10), 4)
    2.0535
    """
    n = check.integer("n", n, least=2, because="a variance needs two points")
    y = (n - 1) / 2

    if n > 300:  # the root is where a small slope crosses a smaller offset: rounding of log gamma would move it
        return 2 + 1 / (2 * n) + 1 / (3 * n**2) + 5 / (36 * n**3)
    from scipy.optimize import brentq

    start = scipy.special.gammaln(y)
    return float(brentq(lambda k: scipy.special.gammaln(y + k) - start - k * math.log(n / 2), 2.0, 4.0, xtol=1e-13))


def regularised_quantile(q, r: float, n):
    r"""Return quantiles of :math:`\sigma^2` in the stationary regularised loop with divisor n, for large n.

    .. math:: \frac{\sigma^2}{rn} \approx \frac1{\Gamma_2}, \qquad P(\sigma^2 \le x) = \Big(1 + \frac{rn}x\Big)e^{-rn/x}

    with a gamma variable of shape 2. The median is 0.596 rn, the mode rn/3, the mean rn, the variance infinite (at
    finite n it is :math:`2(n-1)(rn)^2`). `q` and `n` broadcast.

    Kind: asymptotic in n. Source: derived (the diffusion limit
    :math:`dx = (r - x/n)\,dt + \sqrt{2/n}\,x\,dW` of `GMM-REGCOVAR`).

    Examples
    --------
    >>> round(float(regularised_quantile(0.5, 1e-6, 1000)), 8)
    0.00059582
    """
    q = np.asarray(q, dtype=float)
    if not ((q >= 0) & (q <= 1)).all():
        raise ValueError(f"q must be probabilities in [0, 1], got {q[~((q >= 0) & (q <= 1))].flat[0]:g}.")
    with np.errstate(divide="ignore"):
        return (regularised_variance_limit(r, n) / scipy.special.gammainccinv(2.0, q))[()]


# ---------------------------------------------------------------------------------------------- an integer seed


def frozen_seed_ratio(n: int, *, estimator: str) -> tuple[float, float]:
    r"""Return mean and standard deviation, over seeds, of the *constant* ratio of variances under a frozen seed.

    If the sampler is seeded with the same integer in every generation, the standardised draws z are the same, and
    :math:`\sigma_{t+1}^2/\sigma_t^2 = \hat{\mathrm{Var}}(z) = \chi^2_{n-1}/\mathrm{div}` for all t: geometric decay
    or growth. In a sound loop the ratio has the same law, but a new value in every generation.

    Kind: exact. Source: `GMM-FROZEN-SEED` (derived, checked).

    Examples
    --------
    >>> [round(x, 6) for x in frozen_seed_ratio(50, estimator="mle")]
    [0.98, 0.19799]
    """
    n = check.integer("n", n, least=2, because="a variance needs two points")
    div = n - (check.choice("estimator", estimator, ESTIMATORS) == "unbiased")
    return (n - 1) / div, math.sqrt(2 * (n - 1)) / div


def frozen_seed_log_variance(n: int, t, *, estimator: str) -> tuple[np.ndarray, np.ndarray]:
    r"""Return mean :math:`tm` and sd :math:`t\sqrt v` of :math:`\ln\sigma_t^2 - \ln\sigma_0^2` over seeds, seed frozen.

    The mean is that of a sound loop; the standard deviation grows like t where a sound loop has :math:`\sqrt{tv}`.

    Kind: exact. Source: `GMM-FROZEN-SEED` (derived).

    Examples
    --------
    >>> [round(float(x), 4) for x in frozen_seed_log_variance(50, 30, estimator="mle")]
    [-1.2225, 6.1233]
    """
    t = _fits(t)
    n = check.integer("n", n, least=2, because="a variance needs two points")
    one = float(gaussian.log_variance_mean(n, 1, estimator=estimator))
    return (t * one)[()], (t * math.sqrt(float(gaussian.log_variance_var(n, 1))))[()]


def frozen_seed_variance(n: int, t, *, estimator: str):
    r"""Return :math:`E\sigma_t^2/\sigma_0^2` over seeds under a frozen seed: it explodes.

    .. math:: E\Big(\frac{\chi^2_\nu}{\mathrm{div}}\Big)^t = \frac{\Gamma(\frac\nu2+t)}{\Gamma(\frac\nu2)}
              \Big(\frac2{\mathrm{div}}\Big)^t

    where a sound loop has :math:`(1-\frac1n)^t` (``mle``) or 1 (``unbiased``). Overflows to inf.

    Kind: exact. Source: `GMM-FROZEN-SEED` (derived).

    Examples
    --------
    >>> round(float(frozen_seed_variance(50, 30, estimator="mle")))
    286799
    """
    t = _fits(t)
    n = check.integer("n", n, least=2, because="a variance needs two points")
    div = n - (check.choice("estimator", estimator, ESTIMATORS) == "unbiased")
    y = (n - 1) / 2
    with np.errstate(over="ignore"):
        return np.exp(scipy.special.gammaln(y + t) - scipy.special.gammaln(y) + t * math.log(2 / div))[()]


# ------------------------------------------------------------------------------- two symmetric components


def symmetric_mixture_bound(epsilon, n, t, *, sd: float = 1.0):
    r"""Return :math:`\min\{1, \frac{\sigma_0}\varepsilon e^{-t/(4n)}\} \ge P(\sigma_t > \varepsilon)`, two components.

    Components :math:`\pm\mu` with equal weights and one :math:`\sigma`, refitted by the approximate joint maximum
    likelihood of `symmetric_mixture_approximate` to n points. Arguments broadcast.

    Kind: bound. Source: `SUR-T4` (Suresh et al., arXiv 2412.17646, Theorem 4).

    Examples
    --------
    >>> round(float(symmetric_mixture_bound(0.1, 10, 100)), 4)
    0.8208
    """
    epsilon = np.asarray(epsilon, dtype=float)
    if not (epsilon > 0).all():
        raise ValueError(
            f"epsilon must be > 0 (a threshold for a standard deviation), got {epsilon[~(epsilon > 0)].flat[0]:g}."
        )
    sd = check.number("sd", sd, above=0)
    return np.minimum(1.0, sd / epsilon * np.exp(-_fits(t) / (4 * _points(n, 0))))[()]


def symmetric_mixture_approximate(x) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the approximate joint estimate :math:`(\hat\mu, \hat\sigma^2)` of two symmetric components, Algorithm 1.

    With :math:`\hat\mu_0 = \mathrm{mean}|x|`, :math:`s_\infty^2 = \mathrm{mean}\,x^2`,
    :math:`s_s^2 = s_\infty^2 - \hat\mu_0^2`, :math:`\eta = 2` and
    :math:`\kappa = \exp\frac{(\eta-1)(\frac{n-1}2+4\eta)}{\eta(n-1)(n+4\eta-1)} - 1`

    .. math:: a = 50\ \text{if } s_\infty^2 \le (1+\kappa)\hat\mu_0^2,\ \text{else}\
              \frac{2(1+\kappa)s_\infty^2}{s_\infty^2-(1+\kappa)\hat\mu_0^2}, \qquad
              \hat\sigma^2 = \frac{a\,s_\infty^2 s_s^2}{a\hat\mu_0^2+2s_\infty^2}\ \text{if }
              s_\infty^2 \le \frac{2a}{a-2}\hat\mu_0^2,\ \text{else } s_\infty^2,

    and :math:`\hat\mu = \sqrt{s_\infty^2-\hat\sigma^2}`.

    Parameters
    ----------
    x : (..., n) array_like
        Points, n >= 2, along the last axis.

    Returns
    -------
    mean, variance : ndarray, (...)

    Notes
    -----
    An estimator, not a law. The last case never occurs: it needs :math:`s_\infty^2 > (1 + 1/\kappa)\hat\mu_0^2`, about
    :math:`4n\hat\mu_0^2`, and no n numbers have more than :math:`n\hat\mu_0^2`. So :math:`\hat\mu` is never 0. Source:
    `SUR-T4` (Suresh et al., arXiv 2412.17646, Algorithm 1 and notebook).

    Examples
    --------
    >>> [round(float(v), 4) for v in symmetric_mixture_approximate([-2.1, -1.9, 1.8, 2.2])]
    [2.0002, 0.0242]
    """
    x = _data(x)
    n, eta = x.shape[-1], 2.0
    first, second = np.abs(x).mean(axis=-1), (x**2).mean(axis=-1)
    spread = ((np.abs(x) - first[..., None]) ** 2).mean(axis=-1)  # second - first^2, without cancellation
    kappa = math.expm1((eta - 1) * ((n - 1) / 2 + 4 * eta) / (eta * (n - 1) * (n + 4 * eta - 1)))
    far = spread - kappa * first**2  # second - (1 + kappa) first^2
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(far <= 0, 50.0, 2 * (1 + kappa) * second / far)
        inner = a * second * spread / (a * first**2 + 2 * second)
    variance = np.where((a - 2) * second <= 2 * a * first**2, inner, second)
    variance = np.where(second == 0, 0.0, variance)
    return np.sqrt(np.maximum(second - variance, 0.0))[()], variance[()]


def symmetric_mixture_mle(x) -> tuple[float, float]:
    r"""Return the joint maximum likelihood estimate :math:`(\hat\mu, \hat\sigma^2)` of two symmetric components.

    :math:`\hat\mu \ge 0` maximises the likelihood along :math:`\sigma^2 = s_\infty^2 - \mu^2`, where it solves
    :math:`\mu = \mathrm{mean}\,x\tanh(\mu x/\sigma^2)`; it is 0 where one Gaussian is likelier than two.

    Parameters
    ----------
    x : (n,) array_like
        Points, n >= 2.

    Notes
    -----
    An estimator, not a law. Source: `SUR-T4` (Suresh et al., arXiv 2412.17646, the estimator they compare with).

    Examples
    --------
    >>> [round(v, 4) for v in symmetric_mixture_mle([-2.1, -1.9, 1.8, 2.2])]
    [2.0, 0.025]
    """
    x = np.abs(_data(x))
    if x.ndim != 1:
        raise ValueError(f"x must have shape (n,), got {x.shape}.")
    scale = float(x.max())
    if scale == 0:
        return 0.0, 0.0
    x = x / scale
    top, second = float(x.mean()), float((x**2).mean())
    spread = float(((x - top) ** 2).mean())
    if spread <= 1e-30 * second:
        return scale * top, 0.0

    def variance(mu):  # second - mu^2, from mu close to the mean of |x|
        return spread + (top - mu) * (top + mu)

    def gain(mu):  # the tanh of the likelihood equation falls short of 1 by 2/(e^2y + 1)
        y = mu * x / variance(mu)
        return (top - mu) - float((2 * x * np.exp(-2 * y) / (1 + np.exp(-2 * y))).mean())

    from scipy.optimize import brentq

    mu = np.linspace(0.0, top, 201)[1:]  # the largest root is the maximum; it lies below the mean of |x|
    values = np.array([gain(u) for u in mu])
    up = np.flatnonzero(values > 0)
    if values[-1] >= 0:
        best = top
    elif len(up) == 0:
        best = 0.0
    else:
        best = float(brentq(gain, mu[up[-1]], mu[up[-1] + 1], xtol=1e-15))
    return scale * best, scale**2 * variance(best)


# ------------------------------------------------------------------------------------------------- arguments


def _points(n, above: float) -> np.ndarray:
    out = np.asarray(n, dtype=float)
    if not (out > above).all():
        raise ValueError(f"n must be > {above:g} (it counts the points of a fit), got {out[~(out > above)].flat[0]:g}.")
    return out


def _fits(t) -> np.ndarray:
    t = np.asarray(t)
    if t.dtype.kind not in "iu":
        raise TypeError(f"t must be an integer or an array of integers (it counts fits), got {t.dtype}.")
    if t.size and t.min() < 0:
        raise ValueError(f"t must be >= 0 (generation 0 is the truth), got {t.min()}.")
    return t


def _data(x) -> np.ndarray:
    x = check.array("x", x, ndim=(1, 2, 3), shape_words="(..., n)")
    if x.shape[-1] < 2:
        raise ValueError(f"x must have at least 2 points along its last axis (a variance needs two), got {x.shape}.")
    return x
