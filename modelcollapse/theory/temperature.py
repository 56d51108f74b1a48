r"""What does sampling at a temperature do in a loop, and how much human data holds it?

A model that is sampled at temperature :math:`\tau` hands on not :math:`\theta` but
:math:`\tau(\theta)_i = \theta_i^{1/\tau}/\sum_j\theta_j^{1/\tau}`. Below one the likely gets likelier, above one
everything evens out; in a loop both go on for ever, to a vertex of the simplex or to its centre ("heat death"). No
sampling noise is needed: with infinite samples the logits are multiplied by :math:`1/\tau` every time. Only at
:math:`\tau = 1` is the loop fair (a martingale), and then it is the drift of `polya_limit` and `inbreeding`.

Human data, a share f of every batch, pull back. The state in which all K outcomes are equal is stable to small
disturbances for :math:`f > 1 - \tau`, whatever K is. But for :math:`K \ge 3` the transition is of first order: up to
some :math:`f_c > 1 - \tau` a condensed state, one outcome in favour, is stable as well; and :math:`f_c \to 1` as K
grows.

Two loops have the same equilibria: *replace*, :math:`\theta' = f\theta_0 + (1-f)\tau(\theta)`, and *accumulate*, whose
limit is the ODE :math:`\dot\theta = \tau(\theta) - \theta + \mu(\theta_0 - \theta)` with :math:`\mu = f/(1-f)` human
outcomes per synthetic one (Marchi et al., CDC 2024, arXiv 2404.02325). The bounds of their second paper are in
`modelcollapse.theory.closed_loop`.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.theory.gaussian import _generations, log_variance_mean

__all__ = [
    "closed_loop_field",
    "critical_real_fraction",
    "critical_real_fraction_asymptotic",
    "scale_threshold",
    "scaled_expected_variance",
    "scaled_log_variance_mean",
    "temperature_equilibria",
    "temperature_map",
    "temperature_orbit",
    "tempered",
    "tempered_limit",
]

# ------------------------------------------------------------------------------------------------- the map


def _temperature(temperature) -> float:
    return check.number("temperature", temperature, least=1e-300, because="one over it must be a number")


def _laws(name: str, p) -> np.ndarray:
    p = check.array(name, p, ndim=(1, 2, 3, 4), shape_words="(..., category)")
    if p.size and p.min() < 0:
        raise ValueError(f"{name} must be >= 0 (they are probabilities), got {p.min():g}.")
    off = np.abs(p.sum(axis=-1) - 1)
    if p.shape[-1] == 0 or (off.size and off.max() > check.SUM_TOLERANCE):
        raise ValueError(
            f"{name} must sum to one over its last axis, got {p.sum(axis=-1).flat[int(off.argmax())]:.10g}."
        )
    return p


def _gaps(p: np.ndarray) -> np.ndarray:
    """Return ln(p / max p), to relative accuracy also where p is nearly as large as the largest."""
    most = p.max(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.where(p > most / 2, np.log1p((p - most) / most), np.log(p) - np.log(most))


def _softmax(gaps: np.ndarray, inverse, log: bool = False) -> np.ndarray:
    """Return the law of logits gaps * inverse, or its logarithm."""
    stretched = np.zeros(np.broadcast_shapes(gaps.shape, np.shape(inverse)))
    gaps, inverse = np.broadcast_arrays(gaps, inverse)
    stretched[np.isneginf(gaps)] = -np.inf
    some = (gaps < 0) & ~np.isneginf(gaps)
    with np.errstate(over="ignore"):
        stretched[some] = gaps[some] * inverse[some]
    total = np.exp(stretched).sum(axis=-1, keepdims=True)
    return stretched - np.log(total) if log else np.exp(stretched) / total


def temperature_map(p, temperature: float) -> np.ndarray:
    r"""Return :math:`p_i^{1/\tau}/\sum_j p_j^{1/\tau}`, the law of samples drawn at temperature :math:`\tau`.

    Parameters
    ----------
    p : (..., category) array_like
        Probabilities. What is zero stays zero.
    temperature : float
        :math:`\tau > 0`.

    Returns
    -------
    ndarray, (..., category)

    Notes
    -----
    Kind: exact. Source: `marchi-ode` (Marchi et al., arXiv 2404.02325), `temp-pure-power`.

    Examples
    --------
    >>> temperature_map([0.2, 0.8], 0.5).round(6).tolist()
    [0.058824, 0.941176]
    """
    return _softmax(_gaps(_laws("p", p)), 1 / _temperature(temperature))


def tempered(p, t, *, temperature: float, log: bool = False) -> np.ndarray:
    r"""Return the law after t rounds at a temperature, Replace with infinite samples.

    .. math:: p_t \propto p_0^{\tau^{-t}}

    Gaps of logits are multiplied by :math:`\tau^{-t}`.

    Parameters
    ----------
    p : (category,) array_like
        Probabilities of the truth.
    t : float or array_like
        Rounds, >= 0: samples drawn at the temperature. If the first fit is to real data, generation t has had t - 1.
    temperature : float
        :math:`\tau > 0`.
    log : bool
        Return :math:`\ln p_t`, which goes on where :math:`p_t` underflows.

    Returns
    -------
    ndarray, (..., category)
        In front, the shape of `t`.

    Notes
    -----
    Kind: exact. Source: `temp-pure-power` (derived), `MAR`.

    Examples
    --------
    >>> q = tempered([0.4, 0.6], 3, temperature=0.5, log=True)
    >>> round(float((q[1] - q[0]) / np.log(0.6 / 0.4)), 12)
    8.0
    """
    p, tau = check.probabilities("p", p), _temperature(temperature)
    t = check.array("t", t, ndim=tuple(range(4)), shape_words="any")
    if t.size and t.min() < 0:
        raise ValueError(f"t must be >= 0 (it counts rounds), got {t.min():g}.")
    with np.errstate(over="ignore"):
        return _softmax(_gaps(p), np.exp(-t * math.log(tau))[..., None], log)


def tempered_limit(p, *, temperature: float) -> np.ndarray:
    r"""Return :math:`\lim_t p_t`: uniform on the most likely categories, p itself, or uniform on the support.

    For :math:`\tau` below, at and above one.

    Kind: exact. Source: `temp-pure-power`, `MAR` (derived).

    Examples
    --------
    >>> tempered_limit([0.4, 0.4, 0.2, 0.0], temperature=0.9).tolist()
    [0.5, 0.5, 0.0, 0.0]
    """
    p, tau = check.probabilities("p", p), _temperature(temperature)
    if tau == 1:
        return np.array(p)
    chosen = p == p.max() if tau < 1 else p > 0
    return chosen / chosen.sum()


def temperature_orbit(p, generations: int, *, temperature: float, real_fraction: float = 0.0, start=None) -> np.ndarray:
    r"""Return the loop :math:`\theta_{t+1} = f\,p + (1-f)\,\tau(\theta_t)`, infinite samples, t = 0 .. T.

    Parameters
    ----------
    p : (category,) array_like
        The truth, from which the human data come.
    generations : int
        T.
    temperature, real_fraction : float
        :math:`\tau > 0` and f in [0, 1].
    start : (category,) array_like, optional
        :math:`\theta_0`; default p.

    Returns
    -------
    ndarray, (generations + 1, category)

    Notes
    -----
    Kind: exact. Source: `MAR`, `temp-critical-real-fraction` (arXiv 2404.02325; derived).

    Examples
    --------
    >>> temperature_orbit([0.4, 0.6], 2, temperature=0.5, real_fraction=0.5).round(4).tolist()
    [[0.4, 0.6], [0.3538, 0.6462], [0.3154, 0.6846]]
    """
    p, tau = check.probabilities("p", p), _temperature(temperature)
    real = check.probability("real_fraction", real_fraction)
    start = p if start is None else check.probabilities("start", start)
    if len(start) != len(p):
        raise ValueError(f"start must have the {len(p)} categories of p, got {len(start)}.")
    out = np.empty((check.integer("generations", generations, least=0) + 1, len(p)))
    out[0] = start
    for t in range(1, len(out)):
        out[t] = real * p + (1 - real) * _softmax(_gaps(out[t - 1]), 1 / tau)
    return out


def closed_loop_field(theta, target, *, temperature: float, human_ratio: float) -> np.ndarray:
    r"""Return :math:`\tau(\theta) - \theta + \mu(\theta_0 - \theta)`, the limit ODE of accumulating at a temperature.

    Parameters
    ----------
    theta : (..., category) array_like
        State.
    target : (category,) array_like
        :math:`\theta_0`, the law of human outcomes.
    temperature : float
        :math:`\tau > 0`.
    human_ratio : float
        :math:`\mu \ge 0` human outcomes per synthetic one; a share :math:`f = \mu/(1+\mu)` of the batch.

    Returns
    -------
    ndarray, (..., category)

    Notes
    -----
    Kind: asymptotic (mean field of the stochastic loop). Source: `marchi-ode` (Marchi et al., arXiv 2404.02325; 2026,
    Eq. 2-6). It vanishes where `temperature_orbit` with f stands still, and everywhere for :math:`\tau = 1, \mu = 0`:
    then the loop is a martingale, Pólya's urn (`polya_limit`).

    Examples
    --------
    >>> closed_loop_field([0.2, 0.8], [0.5, 0.5], temperature=0.5, human_ratio=1.0).round(6).tolist()
    [0.158824, -0.158824]
    """
    theta, target = _laws("theta", theta), check.probabilities("target", target)
    ratio = check.number("human_ratio", human_ratio, least=0)
    return temperature_map(theta, temperature) - theta + ratio * (target - theta)


# ------------------------------------------------------------------------------------------------- human data


def _log_w(v: float, rest: float) -> float:
    """Return ln w, w(v) = v / ((1 - e^-v)(e^v + rest)), v > 0."""
    return math.log(v) - math.log(-math.expm1(-v)) - v - math.log1p(rest * math.exp(-v))


def _level(v: float, rest: float) -> float:
    """Return ln[(1 - e^-v) / (1 + rest e^-v)]."""
    less = math.exp(-v)
    return (math.log1p(-less) if v > 1 else math.log(-math.expm1(-v))) - math.log1p(rest * less)


def _log_ratio(u: float, tau: float, rest: float) -> float:
    r"""Return the logarithm of (a - 1/K) / (A - 1/K), odds e^u = a / b before the map, u > 0, tau < 1.

    Its derivative in ln u is :math:`K(w(u) - w(u/\tau))`, so it is :math:`-K\int_u^{u/\tau} w(v)\,dv/v`; by this it
    is found where :math:`\tau` is nearly one. Then w has poles at a distance of :math:`\pi/\ln K` in ln v.
    """
    length = -math.log(tau)
    if length > 0.1:
        return _level(u, rest) - _level(u / tau, rest)
    panels = math.ceil(length * max(10.0, math.log(rest + 1)) / 2)
    x, weights = np.polynomial.legendre.leggauss(32)
    half = length / (2 * panels)
    v = u * np.exp(half * (2 * np.arange(panels)[:, None] + 1 + x))
    w = v * np.exp(-v) / (-np.expm1(-v) * (1 + rest * np.exp(-v)))
    return -(rest + 1) * half * float((w @ weights).sum())


def _saddle(s: float, rest: float) -> float:
    """Return u > 0 with w(u) = w(su): there the fraction of human data that a state needs is largest; K >= 3."""
    import scipy.optimize

    def slope(v):  # of ln w, times v
        return 1 + v * math.exp(-v) / math.expm1(-v) - v / (1 + rest * math.exp(-v))

    peak = scipy.optimize.brentq(slope, 1e-9, 10 + 2 * math.log(rest + 1), xtol=1e-14)

    def gap(x):
        return _log_w(math.exp(x), rest) - _log_w(s * math.exp(x), rest)

    low, high = math.log(peak / s), math.log(peak)
    if not gap(low) < 0 < gap(high):  # s is one but for roundings: the peak is as good
        return peak / math.sqrt(s)
    return math.exp(scipy.optimize.brentq(gap, low, high, xtol=1e-15))


def critical_real_fraction(categories: int, temperature: float) -> tuple[float, float]:
    r"""Return the two thresholds of human data, for uniform human data over K outcomes.

    .. math:: f_{\rm local} = 1 - \tau, \qquad
              f_c = \max_{a > 1/K} \frac{A - a}{A - \frac1K}, \qquad
              A = \frac{a^{1/\tau}}{a^{1/\tau} + (K-1)\big(\frac{1-a}{K-1}\big)^{1/\tau}}

    Above the first the uniform state is stable; up to the second a condensed state is stable, or neutral, too. K = 2:
    a pitchfork, both are equal. :math:`K \ge 3`: a saddle-node, :math:`f_c > 1 - \tau`.

    Parameters
    ----------
    categories : int
        K >= 2.
    temperature : float
        :math:`\tau > 0`; from one on no human data are needed, and both are 0.

    Returns
    -------
    local, condensed : float
        As fractions of a batch; :math:`\mu = f/(1-f)` human outcomes per synthetic one.

    Notes
    -----
    Kind: exact (infinite samples; relative errors below 1e-12). Source: `temp-critical-real-fraction` (derived: with
    :math:`u = \ln\frac{(K-1)a}{1-a}` the maximum is where :math:`w(u) = w(u/\tau)`,
    :math:`w(u) = \frac u{(1-e^{-u})(e^u+K-1)}`).

    Examples
    --------
    >>> [round(f, 4) for f in critical_real_fraction(3, 0.8)]
    [0.2, 0.2079]
    """
    K = check.integer("categories", categories, least=2, because="a single outcome cannot lose")
    tau = _temperature(temperature)
    if tau >= 1:
        return 0.0, 0.0
    if K == 2:
        return 1 - tau, 1 - tau
    u = _saddle(1 / tau, K - 1.0)
    return 1 - tau, max(1 - tau, -math.expm1(_log_ratio(u, tau, K - 1.0)))


def critical_real_fraction_asymptotic(categories, temperature: float):
    r"""Return the limit of many outcomes, :math:`f_c \approx 1 - \tau^{-\tau}(1-\tau)^{-(1-\tau)}K^{-(1-\tau)}`.

    It tends to *one*: among many outcomes, a condensed state can live on very few synthetic points. It has, where it
    appears, :math:`a \approx (1-\tau)^\tau\tau^{-\tau}K^{-(1-\tau)}`.

    Parameters
    ----------
    categories : float or array_like
        K >= 3.
    temperature : float
        :math:`\tau` in (0, 1).

    Returns
    -------
    ndarray or float
        Negative where K is too small.

    Notes
    -----
    Kind: asymptotic (:math:`K^{1-\tau} \gg 1`). Source: `temp-critical-real-fraction` (derived).

    Examples
    --------
    >>> float(critical_real_fraction_asymptotic(10**12, 0.8).round(4)), round(critical_real_fraction(10**12, 0.8)[1], 4)
    (0.9934, 0.9934)
    """
    K = check.array("categories", categories, ndim=tuple(range(4)), shape_words="any")
    if K.size and K.min() < 3:
        raise ValueError(f"categories must be >= 3 (two have one threshold, 1 - temperature), got {K.min():g}.")
    tau = check.number(
        "temperature", temperature, above=0, most=1 - 1e-16, because="from one on no human data are needed"
    )
    return (0.0 - np.expm1(-tau * math.log(tau) - (1 - tau) * (math.log1p(-tau) + np.log(K))))[()]


def temperature_equilibria(categories: int, temperature: float, real_fraction: float) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the equilibria in which one of K outcomes has probability :math:`a \ge 1/K` and the rest share evenly.

    .. math:: a = \frac fK + (1-f)A(a)

    for uniform human data, A as in `critical_real_fraction`. An equilibrium is stable if :math:`(1-f)\frac{A(1-A)}
    {\tau a(1-a)} < 1` and, for :math:`K \ge 3`, :math:`(1-f)\frac{1-A}{\tau(1-a)} < 1`.

    Parameters
    ----------
    categories : int
        K >= 2.
    temperature : float
        :math:`\tau > 0`, not one.
    real_fraction : float
        f in [0, 1]; :math:`f = \mu/(1+\mu)` for the ODE of `closed_loop_field`.

    Returns
    -------
    share : ndarray
        a, ascending; first 1/K.
    stable : ndarray of bool
        For replacing and for accumulating alike.

    Notes
    -----
    Kind: exact (infinite samples). Source: `temp-critical-real-fraction`, `marchi-ode` (derived).

    Examples
    --------
    >>> share, stable = temperature_equilibria(3, 0.8, 0.204)
    >>> share.round(4).tolist(), stable.tolist()
    ([0.3333, 0.3649, 0.5226], [True, False, True])
    """
    import scipy.optimize

    K = check.integer("categories", categories, least=2, because="a single outcome cannot lose")
    tau, f = _temperature(temperature), check.probability("real_fraction", real_fraction)
    if tau == 1:
        raise ValueError(
            "temperature must not be 1 (every law is an equilibrium then, or with f > 0 the truth alone), got 1."
        )
    s, rest = 1 / tau, K - 1.0
    roots: list[float] = []
    if tau < 1 and f == 0:
        roots = [math.inf]
    elif tau < 1:
        level = math.log1p(-f) if f < 1 else -math.inf
        turn = _saddle(s, rest) if K > 2 else 0.0

        def excess(x):
            return _log_ratio(math.exp(x), tau, rest) - level

        if f < critical_real_fraction(K, tau)[1]:
            far = math.log(math.log(8 * K / f) + 2)  # there the logarithm is about -K e^-u
            near = math.log(turn) if turn else -18.0
            if turn and f > 1 - tau and excess(near - 40) > 0 > excess(near):
                roots.append(math.exp(scipy.optimize.brentq(excess, near - 40, near, xtol=1e-15)))
            if excess(near) < 0 < excess(far):
                roots.append(math.exp(scipy.optimize.brentq(excess, near, far, xtol=1e-15)))
    share, stable = [1 / K], [f > 1 - tau]
    for u in roots:
        a, A = 1 / (1 + rest * math.exp(-u)), 1 / (1 + rest * math.exp(-s * u))
        b, B = math.exp(-u) * a, math.exp(-s * u) * A  # of one of the others
        along = (1 - f) * s * A * B / (a * b) if b else 0.0
        across = (1 - f) * s * B / b if b else 0.0
        share.append(a)
        stable.append(along < 1 and (K == 2 or across < 1))
    return np.array(share), np.array(stable)


# ------------------------------------------------------------------------------------------------- Gaussian


def _scale(scale) -> float:
    return check.number("scale", scale, above=0)


def _scaled_steps(t, first: str) -> np.ndarray:
    t = _generations(t, np.asarray(2.0))
    return t if check.choice("first", first, ("real", "scaled")) == "scaled" else np.maximum(t - 1, 0)


def scaled_log_variance_mean(n: int, t, *, scale: float, estimator: str, first: str = "real", variance: float = 1.0):
    r"""Return :math:`E\ln\sigma_t^2` of Replace, samples drawn with :math:`\lambda` times the standard deviation.

    .. math:: E\ln\sigma_t^2 = \ln\sigma_0^2 + t\,m(n) + 2s\ln\lambda

    s the number of scaled samples. Also the almost sure rate, :math:`2\ln\lambda + m` per generation.

    Parameters
    ----------
    n : int
        Points per generation, at least 2.
    t : int or array of int
        Generations.
    scale : float
        :math:`\lambda > 0`; a temperature of a Gaussian is :math:`\tau = \lambda^2`.
    estimator : {"unbiased", "mle"}
    first : {"real", "scaled"}
        Generation 1 is fitted to real points (s = t - 1), or already to scaled ones (s = t).
    variance : float
        Of the truth.

    Returns
    -------
    ndarray or float, the shape of `t`

    Notes
    -----
    Kind: exact. Source: `MAR` (derived). For ``bias`` = :math:`\lambda^2 \le 1` see `biased_log_variance_mean`.

    Examples
    --------
    >>> rate = scaled_log_variance_mean(10, 1, scale=1.0593, estimator="unbiased", first="scaled")
    >>> abs(float(rate)) < 1e-4
    True
    """
    steps = _scaled_steps(t, first)
    return (log_variance_mean(n, t, estimator=estimator, variance=variance) + 2 * steps * math.log(_scale(scale)))[()]


def scaled_expected_variance(n: int, t, *, scale: float, estimator: str, first: str = "real", variance: float = 1.0):
    r"""Return :math:`E\sigma_t^2 = \lambda^{2s}\sigma_0^2` (``unbiased``), times :math:`(1-\frac1n)^t` (``mle``).

    Parameters as in `scaled_log_variance_mean`; infinite where it overflows.

    Kind: exact. Source: `MAR` (derived); `mad-fully-synthetic-moments` for :math:`\lambda < 1`.

    Examples
    --------
    >>> float(scaled_expected_variance(10, 2, scale=2.0, estimator="unbiased"))
    4.0
    """
    n = check.integer("n", n, least=2, because="a variance needs two points")
    check.choice("estimator", estimator, ("unbiased", "mle"))
    t, steps = _generations(t, np.asarray(2.0)), _scaled_steps(t, first)
    shrink = math.log1p(-1 / n) if estimator == "mle" else 0.0
    with np.errstate(over="ignore"):
        return (check.number("variance", variance, above=0) * np.exp(2 * steps * math.log(_scale(scale)) + t * shrink))[
            ()
        ]


def scale_threshold(n: int, *, estimator: str, sense: str = "almost surely"):
    r"""Return the scale :math:`\lambda^*` above which the variance grows, and below which it vanishes.

    .. math:: e^{-m(n)/2} \quad\text{(almost surely)}, \qquad
              1 \text{ (unbiased)},\ \sqrt{\tfrac n{n-1}} \text{ (mle)} \quad\text{(in the mean)}

    Between the two a loop vanishes although its expectation grows.

    Parameters
    ----------
    n : int
        Points per generation, at least 2.
    estimator : {"unbiased", "mle"}
    sense : {"almost surely", "in the mean"}

    Notes
    -----
    Kind: exact. Source: `MAR` (derived).

    Examples
    --------
    >>> round(float(scale_threshold(10, estimator="unbiased")), 4)
    1.0593
    """
    n = check.integer("n", n, least=2, because="a variance needs two points")
    check.choice("estimator", estimator, ("unbiased", "mle"))
    if check.choice("sense", sense, ("almost surely", "in the mean")) == "in the mean":
        return 1.0 if estimator == "unbiased" else math.sqrt(n / (n - 1))
    return float(np.exp(-log_variance_mean(n, 1, estimator=estimator) / 2))
