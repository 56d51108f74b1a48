r"""How much should real data weigh, and what does each way of mixing cost?

Two estimates of one thing, one from n new real points and one from m_s points of the last model, are combined with
weights w and 1 - w. The second is cheap and stale, the first is fresh and noisy: the best weight is that of a Kalman
filter which follows a random walk, and with as many points of both it is the reciprocal of the golden ratio. Without
weights there are the constants of the plans: what the error of the mean becomes, relative to one fit on n real
points, when one replaces, accumulates, subsamples, or keeps real points. And there is a warning: they hold for smooth
families only.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.inbreeding import (
    ACCUMULATE_CONSTANT,
    SUBSAMPLE_CONSTANT,
    inbreeding_accumulate,
    inbreeding_replace,
)

__all__ = [
    "augment_efficiency",
    "discard_efficiency",
    "fixed_real_mean_variance",
    "golden_variance",
    "golden_weight",
    "golden_weights",
    "inflation_constant",
    "tail_event_probability",
    "weight_threshold",
    "weighted_covariance_error",
    "weighted_variance_limit",
]


def _array(name: str, value, *, above: float | None = None, least: float | None = None, most: float | None = None):
    value = check.array(name, value, ndim=tuple(range(6)), shape_words="any")
    bad = np.zeros(value.shape, bool)
    bad |= value <= above if above is not None else False
    bad |= value < least if least is not None else False
    bad |= value > most if most is not None else False
    if bad.any():
        rules = [f"> {above:g}"] if above is not None else []
        rules += [f">= {least:g}"] if least is not None else []
        rules += [f"<= {most:g}"] if most is not None else []
        raise ValueError(f"{name} must be {' and '.join(rules)}, got {value[bad].flat[0]:g}.")
    return value


# ------------------------------------------------------------------------------------------------- golden ratio


def golden_variance(weight, ratio=1.0):
    r"""Return :math:`f(w) = \frac{w^2 + k(1-w)^2}{w(2-w)}`, the variance of a weighted mean in units of sigma^2/n.

    :math:`\theta_t = w\,\bar x_{\rm real} + (1-w)\,\bar x_{\rm syn}` with n new real points and m_s points of the
    last model in every step, variance known, :math:`k = n/m_s`.

    Parameters
    ----------
    weight : float or array_like
        w in (0, 1]; at w = 0 it diverges.
    ratio : float or array_like
        k > 0; they broadcast.

    Returns
    -------
    ndarray or float

    Notes
    -----
    Kind: exact. Source: `GOLD-MEAN` (He, Xu, Cheng, arXiv 2502.18049; derived).

    Examples
    --------
    >>> round(float(golden_variance(golden_weight())), 6), float(golden_variance(1.0))
    (0.618034, 1.0)
    >>> round(float(golden_variance(0.5)), 6)                       # naive pooling: (1 + k) / (2 + k)
    0.666667
    """
    w, k = _array("weight", weight, above=0, most=1), _array("ratio", ratio, above=0)
    return (w**2 + k * (1 - w) ** 2) / (w * (2 - w))


def golden_weight(ratio=1.0):
    r"""Return the weight :math:`w^* = \frac12(\sqrt{k^2+4k}-k)` of least `golden_variance`, :math:`f(w^*) = w^*`.

    Any shape; k = 1 gives the reciprocal golden ratio.

    Kind: exact. Source: `GOLD-MEAN`, `GOLD-KALMAN` (He, Xu, Cheng, arXiv 2502.18049; derived).

    Examples
    --------
    >>> round(float(golden_weight()), 12)
    0.61803398875
    """
    k = _array("ratio", ratio, above=0)
    return 2 / (1 + np.sqrt(1 + 4 / k))  # without the difference that cancels for large k


def golden_weights(steps: int, ratio: float = 1.0) -> np.ndarray:
    r"""Return the best weights step by step, from one real fit on (:math:`V_1 = 1`): Kalman gains.

    .. math:: w_{t+1} = \frac{V_t + k}{V_t + k + 1}, \qquad V_{t+1} = w_{t+1} \ \to\ w^*

    in units of sigma^2/n. For k = 1 they are ratios of Fibonacci numbers, 2/3, 5/8, 13/21, ...

    Parameters
    ----------
    steps : int
        How many.
    ratio : float
        k > 0.

    Returns
    -------
    ndarray, (steps,)
        w_2, w_3, ...; the variance after each step is the same number.

    Notes
    -----
    Kind: exact. Source: `GOLD-KALMAN` (derived).

    Examples
    --------
    >>> golden_weights(3).round(6).tolist()
    [0.666667, 0.625, 0.619048]
    """
    steps, k = check.integer("steps", steps, least=0), check.number("ratio", ratio, above=0.0)
    out, V = np.empty(steps), 1.0
    for t in range(steps):
        out[t] = V = (V + k) / (V + k + 1)
    return out


def weight_threshold(n_synthetic, dim: int = 1):
    r"""Return the weight below which the weighted (co)variance estimate has infinite variance.

    .. math:: w_c = 1 - \Big(1 + \frac2{m_s-1}\Big)^{-1/2}, \qquad d \text{ dimensions: } w_c = 1 - \rho^{-1/2}

    with :math:`\rho = 1 + \frac1{2b}\big[1 + \sqrt{1+8}\,\big] = 1 + \frac2b`, :math:`b = m_s - 1`, the growth rate
    of second moments of a Wishart chain: the same for every d.

    Parameters
    ----------
    n_synthetic : float or array_like
        m_s >= 2 points of the last model.
    dim : int
        d >= 1; does not matter.

    Notes
    -----
    Kind: exact. Source: `GOLD-VAR` (derived; He, Xu, Cheng, arXiv 2502.18049, for the phenomenon).

    Examples
    --------
    >>> round(float(weight_threshold(30)), 6)
    0.032796
    """
    check.integer("dim", dim, least=1)
    b = _array("n_synthetic", n_synthetic, least=2) - 1
    return -np.expm1(-np.log1p(2 / b) / 2)


def weighted_variance_limit(weight, n, n_synthetic):
    r"""Return :math:`\mathrm{Var}_\infty(s)/\sigma^4` of a weighted variance estimate; broadcasts.

    .. math:: \frac{\frac{2w^2}{n-1} + \frac{2(1-w)^2}{m_s-1}}{1 - (1-w)^2\big(1 + \frac2{m_s-1}\big)}
              \quad\text{if } w > w_c, \qquad \infty \text{ otherwise}

    for :math:`s_t = wS_{\rm real} + (1-w)S_{\rm syn}`, both `unbiased`, with :math:`w_c` of `weight_threshold`. The
    expectation is always sigma^2.

    Parameters
    ----------
    weight : float or array_like
        w in [0, 1].
    n, n_synthetic : float or array_like
        Numbers of real and of synthetic points, >= 2.

    Notes
    -----
    Kind: exact. Source: `GOLD-VAR` (derived).

    Examples
    --------
    >>> round(float(weighted_variance_limit(0.618, 30, 30)), 4), float(weighted_variance_limit(0.03, 30, 30))
    (0.0431, inf)
    """
    w = _array("weight", weight, least=0, most=1)
    a, b = _array("n", n, least=2) - 1, _array("n_synthetic", n_synthetic, least=2) - 1
    keep = (1 - w) ** 2
    gap = w * (2 - w) - 2 * keep / b
    finite = gap > 0
    return np.where(finite, (2 * w**2 / a + 2 * keep / b) / np.where(finite, gap, 1.0), np.inf)[()]


def weighted_covariance_error(weight: float, n: int, n_synthetic: int, *, dim: int) -> float:
    r"""Return :math:`E\|\Sigma_\infty - I\|_F^2` of :math:`\Sigma_t = wS_{\rm real} + (1-w)S_{\rm syn}`, truth I_d.

    Both estimates are `unbiased`. With :math:`a = n-1`, :math:`b = m_s-1`, :math:`c = (1-w)^2` the moments
    :math:`A = E\,\mathrm{tr}\,\Sigma^2`, :math:`B = E(\mathrm{tr}\,\Sigma)^2` solve

    .. math:: A &= c\big[(1+\tfrac1b)A + \tfrac Bb\big] + w^2\big[d(1+\tfrac1a) + \tfrac{d^2}a\big] + 2w(1-w)d \\
              B &= c\big[B + \tfrac{2A}b\big] + w^2\big[d^2 + \tfrac{2d}a\big] + 2w(1-w)d^2

    and the error is A - d. Here the system is solved for :math:`A - d` and :math:`B - d^2` themselves.

    Parameters
    ----------
    weight : float
        w in [0, 1].
    n, n_synthetic : int
        Numbers of real and of synthetic points, >= 2.
    dim : int
        d >= 1; d = 1 is `weighted_variance_limit`.

    Returns
    -------
    float
        Infinite at and below `weight_threshold`.

    Notes
    -----
    Kind: exact. Source: `GOLD-VAR` (derived).

    Examples
    --------
    >>> [round(weighted_covariance_error(0.618, 30, 30, dim=d), 4) for d in (1, 3)]
    [0.0431, 0.258]
    """
    w, d = check.probability("weight", weight), check.integer("dim", dim, least=1)
    a = check.integer("n", n, least=2, because="a variance needs two points") - 1
    b = check.integer("n_synthetic", n_synthetic, least=2, because="a variance needs two points") - 1
    c = (1 - w) ** 2
    if w * (2 - w) - 2 * c / b <= 0:
        return math.inf
    # the deviations from A = d, B = d^2 have no constant terms but those of sampling noise
    noise = np.array([(d + d**2) * (c / b + w**2 / a), 2 * d * (c / b + w**2 / a)])
    left = np.array([[w * (2 - w) - c / b, -c / b], [-2 * c / b, w * (2 - w)]])
    return float(np.linalg.solve(left, noise)[0])


# ------------------------------------------------------------------------------------------------- plans


def inflation_constant(plan: str, *, fraction: float | None = None) -> float:
    r"""Return :math:`\lim nF_\infty` (first t, then n to infinity): error of the mean relative to one real fit.

    ``"replace"``: infinite (it is t after t fits); ``"accumulate"``: :math:`\pi^2/6`; ``"subsample"``:
    :math:`\pi^2/2 - 2`; ``"fixed_real"``: :math:`\frac{1+2\alpha}{1+\alpha} \le \frac32`, relative to its N real
    points, with `fraction` :math:`\alpha = n/(N+n)` in [0, 1] of synthetic points.

    Kind: asymptotic. Source: `RISK-CONST` (derived). The law of pi^2/6 belongs to accumulation alone (`ERR-11`), and to
    smooth families (`tail_event_probability`).

    Examples
    --------
    >>> [round(inflation_constant(plan), 6) for plan in ("accumulate", "subsample")]
    [1.644934, 2.934802]
    >>> inflation_constant("fixed_real", fraction=0.5), inflation_constant("replace")
    (1.3333333333333333, inf)
    """
    check.choice("plan", plan, ("replace", "accumulate", "subsample", "fixed_real"))
    if plan == "fixed_real":
        if fraction is None:
            raise ValueError(
                "fraction must be the share of synthetic points for fixed_real (the constant depends on it), got None."
            )
        alpha = check.probability("fraction", fraction)
        return (1 + 2 * alpha) / (1 + alpha)
    if fraction is not None:
        raise ValueError(f"fraction must be None for {plan} (its constant is one number), got {fraction!r}.")
    return {"replace": math.inf, "accumulate": ACCUMULATE_CONSTANT, "subsample": SUBSAMPLE_CONSTANT}[plan]


def discard_efficiency(generations, n=None):
    r"""Return the efficiency of generation G relative to the real fit when earlier data are discarded (Replace).

    .. math:: \frac1G, \qquad \text{finite n: } \frac1{nF_G} = \frac1{n[1 - (1-\frac1n)^G]}

    Parameters
    ----------
    generations : int or array_like
        G >= 1.
    n : int or array_like, optional
        Points per fit, for the exact value for means of families that match moments. By default the limit, which is
        exact for means of known variance.

    Notes
    -----
    Kind: asymptotic (n to infinity) without n, exact with it. Source: `DD-ARE` (Dey and Donoho, arXiv 2410.22812),
    `F-REP`.

    Examples
    --------
    >>> float(discard_efficiency(2)), round(float(discard_efficiency(2, 10)), 6)
    (0.5, 0.526316)
    """
    G = _array("generations", generations, least=1)
    return 1 / G if n is None else 1 / (_array("n", n, least=1) * inbreeding_replace(n, G))


def augment_efficiency(generations, n=None):
    r"""Return the efficiency of generation G relative to the real fit when data accumulate: >= :math:`6/\pi^2`.

    .. math:: \Big(\sum_{g\le G} g^{-2}\Big)^{-1}, \qquad \text{finite n: } \frac1{nF_G},
              \quad F_G = 1 - \prod_{i \le G}\Big(1 - \frac1{ni^2}\Big)

    Parameters as in `discard_efficiency`; G = inf is allowed.

    Notes
    -----
    Kind: asymptotic (n to infinity) without n, exact with it (means, moment-matching families). Source: `DD-ARE` (Dey
    and Donoho, arXiv 2410.22812; Gerstgrasser et al., arXiv 2404.01413), `F-ACC`.

    Examples
    --------
    >>> float(augment_efficiency(2)), round(float(augment_efficiency(float("inf"))), 6)
    (0.8, 0.607927)
    """
    G = np.asarray(generations, dtype=float)
    if not (G >= 1).all():
        raise ValueError(f"generations must be >= 1, got {G[~(G >= 1)].flat[0]:g}.")
    if n is not None:
        return 1 / (_array("n", n, least=1) * inbreeding_accumulate(n, G))
    rest = scipy.special.zeta(2, np.where(np.isinf(G), 1.0, G) + 1)
    total = np.where(G == 1, 1.0, ACCUMULATE_CONSTANT - np.where(np.isinf(G), 0.0, rest))
    return (1 / total)[()]


def fixed_real_mean_variance(ratio, t=np.inf):
    r"""Return the variance of a mean in units of sigma^2/n: n fixed real and :math:`\lambda n` fresh synthetic points.

    .. math:: 1 + \frac\lambda{1+2\lambda}\Big(1 - \Big(\frac\lambda{1+\lambda}\Big)^{2(t-1)}\Big) \ \to\
              1 + \frac\lambda{1+2\lambda} \le \frac32

    The variance sigma^2 of a point is known. So a fixed real set bounds the error for ever (`ERR-20`).

    Parameters
    ----------
    ratio : float or array_like
        lambda >= 0, synthetic points per real one.
    t : int or array_like
        Generation >= 1; inf (default) is the limit.

    Notes
    -----
    Kind: exact. Source: `mad-augmentation-fixed-real` (derived; dispute: Alemohammad et al., arXiv 2307.01850).

    Examples
    --------
    >>> round(float(fixed_real_mean_variance(2.0)), 12), float(fixed_real_mean_variance(2.0, 1))
    (1.4, 1.0)
    """
    lam, t = _array("ratio", ratio, least=0), np.asarray(t, dtype=float)
    if not (t >= 1).all():
        raise ValueError(f"t must be >= 1 (generation 1 is the fit to real points), got {t[~(t >= 1)].flat[0]:g}.")
    return 1 + lam / (1 + 2 * lam) * (1 - np.power(lam / (1 + lam), 2 * (t - 1)))


def tail_event_probability(n: int) -> float:
    r"""Return the probability that accumulation fails at the second fit in the counterexample of Barzilai and Shamir.

    The family mixes a uniform law on :math:`[0, 1-2\alpha]` with a bump of weight :math:`\alpha \le \frac14` and of
    nearly no width, somewhere in [2, 3]. Fitted to n uniform points,
    :math:`\alpha_1 = \min(\frac{1 - \max X}2, \frac14)`; the probability that one of the next n points lands in the
    bump, whereupon the fit goes far astray, is

    .. math:: 1 - E(1 - \alpha_1)^n = 1 - \int_{1/2}^1 n m^{n-1}\Big(\frac{1+m}2\Big)^n dm
              - \Big(\frac38\Big)^n \ \to\ \frac13 .

    Parameters
    ----------
    n : int
        Points per generation, >= 1.

    Returns
    -------
    float

    Notes
    -----
    Kind: exact (quadrature to 1e-14); the limit is 1/3. Source: `BS-T5.1` (Barzilai and Shamir, arXiv 2505.19046,
    Theorem 5.1, with the component weight alpha assumed; derived).

    Examples
    --------
    >>> tail_event_probability(1), round(tail_event_probability(10**9), 9)
    (0.1875, 0.333333333)
    """
    n = check.integer("n", n, least=1)
    # u = n alpha, so that the integrand is close to 2 exp(-3u): beyond u = 13 it is below 1e-16
    last = min(n / 4, 13.0)
    nodes, weights = np.polynomial.legendre.leggauss(80)
    u = last * (1 + nodes) / 2
    left = 2 * np.exp((n - 1) * np.log1p(-2 * u / n) + n * np.log1p(-u / n))
    kept = float(last / 2 * (weights @ left)) + math.exp(n * math.log(3 / 8))
    return 1 - kept
