r"""What does a filter do to the loop, and what does it cost? Right and wrong labels, and verifiers.

A filter keeps some of the synthetic points and drops others before the next fit. Two questions are answered here.

*Is it good enough?* A filter keeps right labels with probability :math:`\phi` and wrong ones with :math:`\psi`. A
linear classifier survives a share p of wrong labels if :math:`(1-p)\phi > p\psi`. With infinitely many points that is
a threshold, with finitely many a smooth curve.

*Where does it lead?* A verifier that keeps what lies within b noise standard deviations of its own opinion multiplies
the distance from that opinion by at most

.. math:: \rho(b) = 1 - \frac{2b\,\varphi(b)}{2\Phi(b) - 1},

the variance of a normal variable that is cut at plus and minus b. So the loop goes to the opinion, be it right or
wrong, and real data pull it back only in part. The same number is the noise that is left: a point that passes has the
variance :math:`\rho\sigma^2`.

:math:`\varphi` and :math:`\Phi` are the density and the distribution function of the standard normal law. What
keeping the best does is in `modelcollapse.theory.selection`, what choosing among candidates does in
`modelcollapse.theory.preference`, what detecting synthetic points does in `modelcollapse.theory.detection`.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.immigration import _array, _times

__all__ = [
    "breakdown_point",
    "filter_accuracy",
    "filtered_error",
    "verified_limit",
    "verified_offsets",
    "verified_share",
    "verifier_acceptance",
    "verifier_contraction",
    "verifier_error_bound",
    "verifier_error_limit",
    "verifier_moments",
    "weak_label_error",
    "youden",
]

ROOT_TAU = math.sqrt(2 * math.pi)


@functools.cache
def legendre() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights on [-1, 1]: 100 of them integrate a normal density over 18 sd to rounding."""
    return np.polynomial.legendre.leggauss(100)


# ------------------------------------------------------------------------------------------------- labels


def _kept(keep_good, keep_bad):
    good = _array("keep_good", keep_good, least=0, most=1)
    bad = _array("keep_bad", keep_bad, least=0, most=1)
    if ((good == 0) & (bad == 0)).any():
        raise ValueError(
            "keep_good must be > 0, or keep_bad (a filter that keeps nothing is no filter), got 0 for both."
        )
    return good, bad


def breakdown_point(keep_good, keep_bad):
    r"""Return :math:`p^* = \frac1{1+\psi/\phi}`, the share of wrong labels at which learning breaks down.

    With infinitely many points a linear classifier reaches accuracy one below :math:`p^*` and zero above.

    Parameters
    ----------
    keep_good, keep_bad : float or array_like
        Probabilities :math:`\phi` and :math:`\psi` that a right, or a wrong, label is kept; not both zero. They
        broadcast.

    Returns
    -------
    ndarray or float
        Above one half exactly if `youden` is positive.

    Notes
    -----
    Kind: exact, for infinitely many points; for n points see `filter_accuracy`. Source: `feng-breakdown-point` (Feng et
    al., arXiv 2406.07515, Theorem 4.2).

    Examples
    --------
    >>> round(float(breakdown_point(0.9, 0.3)), 12)
    0.75
    """
    good, bad = _kept(keep_good, keep_bad)
    return good / (good + bad)


def filtered_error(error, keep_good, keep_bad):
    r"""Return :math:`\frac{p\psi}{(1-p)\phi + p\psi}`, the share of wrong labels among those that are kept.

    Parameters
    ----------
    error : float or array_like
        p, the share of wrong labels before the filter.
    keep_good, keep_bad : float or array_like
        As in `breakdown_point`; at least something must be kept.

    Notes
    -----
    Kind: exact. It is below one half exactly if p is below `breakdown_point`. Source: `feng-breakdown-point`
    (derived: Bayes).

    Examples
    --------
    >>> round(float(filtered_error(0.75, 0.9, 0.3)), 12), float(filtered_error(0.5, 1.0, 0.0))
    (0.5, 0.0)
    """
    p = _array("error", error, least=0, most=1)
    good, bad = _kept(keep_good, keep_bad)
    kept = (1 - p) * good + p * bad
    if (kept == 0).any():
        raise ValueError("error must leave something to keep (all labels are of the kind that the filter drops).")
    return p * bad / kept


def filter_accuracy(error, keep_good, keep_bad, *, n=None, dim=1):
    r"""Return the accuracy of the averaging classifier that learns from n filtered points in d dimensions.

    .. math:: 1 - \frac1\pi\arccos\frac{\bar m}{\sqrt{\bar m^2 + \bar v d/n}}, \qquad
              \bar m = \big[(1-p)\phi - p\psi\big]\sqrt{2/\pi}, \quad \bar v = (1-p)\phi + p\psi

    The points are standard normal, :math:`y = \mathrm{sign}(w^\top x)`, labels are flipped independently, and the
    classifier is the mean of :math:`\tilde y x` over what is kept.

    Parameters
    ----------
    error : float or array_like
        p, the share of wrong labels before the filter.
    keep_good, keep_bad : float or array_like
        As in `breakdown_point`.
    n : float or array_like, optional
        Points before the filter, > 0; by default infinitely many, which gives 0, 1/2 or 1.
    dim : float or array_like
        d >= 1.

    Returns
    -------
    ndarray or float

    Notes
    -----
    Kind: exact without n (Theorem 4.2 of the source), asymptotic with it (relative error of order 1/d and 1/n).
    Exactly one half at the breakdown point, for every n, by symmetry; the published jump there is a slope of
    width about :math:`\sqrt{d/n}` (`ERR-25`). Source: `feng-breakdown-point` (Feng et al., arXiv 2406.07515; finite n
    derived).

    Examples
    --------
    >>> [float(filter_accuracy(p, 0.9, 0.3)) for p in (0.7, 0.8)]
    [1.0, 0.0]
    >>> filter_accuracy([0.7, 0.75, 0.8], 0.9, 0.3, n=1000, dim=50).round(3).tolist()
    [0.595, 0.5, 0.398]
    """
    p = _array("error", error, least=0, most=1)
    good, bad = _kept(keep_good, keep_bad)
    dim = _array("dim", dim, least=1)
    right, wrong = (1 - p) * good, p * bad
    noise = 0.0 if n is None else dim / _array("n", n, above=0)
    m = (right - wrong) * math.sqrt(2 / math.pi)
    # the angle to the opposite of w: an accuracy close to zero keeps its digits
    return np.where(m == 0, 0.5, np.arctan2(np.sqrt((right + wrong) * noise), -m) / math.pi)[()]


def youden(tpr, fpr):
    r"""Return Youden's :math:`J = \mathrm{TPR} - \mathrm{FPR}`: positive where a noisy reward, or a filter, is of use.

    Learning from rewards that right answers get with probability TPR and wrong ones with FPR goes up for J > 0, stands
    still at 0 and goes down below; the noise scales its rate, its sign decides its fate. `tpr` and `fpr` broadcast.

    Kind: exact. Source: `rlver-youden` (Rad et al., arXiv 2601.04411).

    Examples
    --------
    >>> round(float(youden(0.9, 0.3)), 12)
    0.6
    """
    return _array("tpr", tpr, least=0, most=1) - _array("fpr", fpr, least=0, most=1)


def verified_share(share, t, keep_good, keep_bad):
    r"""Return the share of good answers after t rounds of sampling, filtering and refitting, without real data.

    .. math:: \frac{q_t}{1-q_t} = \frac{q_0}{1-q_0}\Big(\frac\phi\psi\Big)^t

    Parameters
    ----------
    share : float or array_like
        :math:`q_0` in [0, 1].
    t : int or array_like
        Rounds >= 0; inf is the limit.
    keep_good, keep_bad : float or array_like
        As in `breakdown_point`.

    Notes
    -----
    Kind: exact, for infinitely many samples and a learner without error. It rises exactly if `youden` is positive.
    Source: `rlver-youden` (derived).

    Examples
    --------
    >>> verified_share(0.1, [0, 1, 2], 0.9, 0.3).round(12).tolist()
    [0.1, 0.25, 0.5]
    """
    q, t = _array("share", share, least=0, most=1), _times(t)
    good, bad = _kept(keep_good, keep_bad)
    near = np.abs(good - bad) <= bad / 2  # then the ratio keeps its digits: a filter that hardly tells, for long
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(near, good - bad, 0.0) / np.where(near & (bad > 0), bad, 1.0)
        rate = np.where(near, np.log1p(ratio), np.log(good) - np.log(bad))
        gain = np.where((t == 0) | (rate == 0), 0.0, t * rate)
    inside = (q > 0) & (q < 1)
    return np.where(inside, scipy.special.expit(scipy.special.logit(np.where(inside, q, 0.5)) + gain), q)[()]


def weak_label_error(t, beta, error=1.0):
    r"""Return :math:`(1-\beta)^t e_0`: weak labels on what still fails, and a learner that keeps what it has.

    Parameters
    ----------
    t : int or array_like
        Rounds >= 0.
    beta : float or array_like
        Probability that a label is right, on prompts that have failed so far; 0 is a loop without weak data, which
        never solves what it has never solved.
    error : float or array_like
        :math:`e_0`, the share of failed prompts at the start.

    Notes
    -----
    Kind: exact for this toy (perfect learner, perfect filter); the rate of the paper's theorem, which allows noisy
    filters, is not known here. Source: `amin-weak-data` (Amin et al., arXiv 2502.08924; toy derived).

    Examples
    --------
    >>> weak_label_error([0, 1, 10], 0.2).round(6).tolist()
    [1.0, 0.8, 0.107374]
    """
    beta, error = _array("beta", beta, least=0, most=1), _array("error", error, least=0, most=1)
    return (error * np.exp(scipy.special.xlog1py(_times(t), -beta)))[()]


# ------------------------------------------------------------------------------------------------- verifier


def _contraction(b):
    """Return rho(b) and 1 - rho(b), both without cancellation."""
    near = np.minimum(b, 1.0)
    x, term = np.zeros_like(near), np.ones_like(near)
    for k in range(1, 20):  # sum of b^2k / (2k+1)!!; at b = 1 the next term is below 1e-23
        term = term * near**2 / (2 * k + 1)
        x = x + term
    far = np.maximum(b, 1.0)
    gap = 2 * far * np.exp(-(far**2) / 2) / ROOT_TAU / scipy.special.erf(far / math.sqrt(2))
    return np.where(b < 1, x / (1 + x), 1 - gap), np.where(b < 1, 1 / (1 + x), gap)


def verifier_contraction(half_width):
    r"""Return :math:`\rho(b) = 1 - \frac{2b\varphi(b)}{2\Phi(b)-1}`: what a round leaves of the distance.

    It is the slope of the mean map `verifier_moments` at the verifier's centre, and its largest: everywhere
    :math:`\lvert g(\delta)\rvert \le \rho\lvert\delta\rvert`. It is also the variance of an accepted point, in units of
    the noise.

    Parameters
    ----------
    half_width : float or array_like
        b > 0, what the verifier tolerates, in standard deviations of the noise.

    Returns
    -------
    ndarray or float
        About :math:`b^2/3` for small b, 1 for large b (no verification).

    Notes
    -----
    Kind: exact; that it bounds the map everywhere is the inequality of Griffiths, Hurst and Sherman. Source:
    `yi-verifier-center` (Yi et al., arXiv 2510.16657; exact form derived).

    Examples
    --------
    >>> round(float(verifier_contraction(1.3)), 4)
    0.4475
    """
    return _contraction(_array("half_width", half_width, above=0))[0][()]


def _accepted(offset, half_width):
    """Return P(accept), mean and variance of N(offset, 1) cut at plus and minus half_width, by quadrature."""
    offset = _array("offset", offset)
    b = _array("half_width", half_width, above=0)[..., None]
    d = np.abs(offset)[..., None]
    peak, slope = np.minimum(d, b), np.maximum(d - b, 0)
    reach = 80 / (slope + np.hypot(slope, math.sqrt(80)))  # where the density has fallen by e^-40

    x, weights = legendre()

    def nodes(low, high):
        v = (low + high) / 2 + (high - low) / 2 * x
        return v, (high - low) / 2 * weights * np.exp(v * (d - peak - v / 2))

    # folded at zero, so that a small offset gives a small mean without cancellation
    v, w = nodes(np.maximum(-reach, -peak), np.minimum(reach, b - peak))
    mirror = np.exp(-2 * d * (peak + v))
    total = (w * (1 + mirror)).sum(-1)
    mean = (w * (peak + v) * -np.expm1(-2 * d * (peak + v))).sum(-1) / total
    acceptance = np.minimum(np.exp(-(slope[..., 0] ** 2) / 2) / ROOT_TAU * total, 1.0)
    v, w = nodes(np.maximum(-reach, -b - peak), np.minimum(reach, b - peak))
    w = w / w.sum(-1, keepdims=True)
    variance = (w * (v - (w * v).sum(-1, keepdims=True)) ** 2).sum(-1)
    return acceptance, np.copysign(mean, offset), variance


def verifier_acceptance(half_width, offset=0.0):
    r"""Return :math:`\Phi(b-\delta) - \Phi(-b-\delta)`, the share that passes; at the centre :math:`2\Phi(b)-1`.

    Parameters
    ----------
    half_width : float or array_like
        b > 0.
    offset : float or array_like
        :math:`\delta`, the model's mean minus the verifier's, in standard deviations of the noise.

    Notes
    -----
    Kind: exact. To accept n points, about n over this must be drawn. Source: `yi-verifier-center` (derived).

    Examples
    --------
    >>> verifier_acceptance(1.3, [0.0, 3.0]).round(4).tolist()
    [0.8064, 0.0446]
    """
    return _accepted(offset, half_width)[0][()]


def verifier_moments(offset, half_width):
    r"""Return mean and variance of an accepted point: one round of the verified loop.

    .. math:: g(\delta) = \delta - \frac{\varphi(b-\delta) - \varphi(b+\delta)}{\Phi(b-\delta) - \Phi(-b-\delta)},
              \qquad g'(\delta) = V(\delta) \le \rho(b)

    The mean of n accepted points has mean :math:`g(\delta)` and variance :math:`V(\delta)/n`, exactly.

    Parameters
    ----------
    offset : float or array_like
        :math:`\delta`, the model's mean minus the verifier's, in standard deviations of the noise.
    half_width : float or array_like
        b > 0; they broadcast.

    Returns
    -------
    mean, variance : ndarray or float
        In the same units, about the verifier's centre.

    Notes
    -----
    Kind: exact (quadrature to rounding, also where hardly anything is accepted). Source: `yi-verifier-center` (derived:
    moments of a normal law cut on both sides).

    Examples
    --------
    >>> [round(float(x), 4) for x in verifier_moments(2.0, 1.3)]
    [0.7141, 0.228]
    """
    _, mean, variance = _accepted(offset, half_width)
    return mean[()], variance[()]


def _truth(truth, half_width, real_fraction):
    return (
        check.number("truth", truth),
        check.number("half_width", half_width, above=0),
        check.probability("real_fraction", real_fraction),
    )


def verified_offsets(
    offset: float, half_width: float, generations: int, *, real_fraction: float = 0.0, truth: float = 0.0
) -> np.ndarray:
    r"""Return the path :math:`\delta_{t+1} = w\,\delta^* + (1-w)\,g(\delta_t)` of the mean, (generations + 1,).

    Each round a share w of the data is real and unfiltered, the rest synthetic and verified. All in standard
    deviations of the noise, from the verifier's centre.

    Parameters
    ----------
    offset : float
        :math:`\delta_0` of the first model.
    half_width : float
        b > 0.
    generations : int
        T >= 0.
    real_fraction : float
        w in [0, 1].
    truth : float
        :math:`\delta^*`, where the real data are.

    Notes
    -----
    Kind: exact for infinitely many points. Source: `yi-verifier-center` (derived).

    Examples
    --------
    >>> verified_offsets(2.0, 1.3, 3).round(4).tolist()
    [2.0, 0.7141, 0.3085, 0.1371]
    """
    truth, b, w = _truth(truth, half_width, real_fraction)
    out = np.empty(check.integer("generations", generations, least=0) + 1)
    out[0] = check.number("offset", offset)
    for t in range(len(out) - 1):
        out[t + 1] = w * truth + (1 - w) * _accepted(out[t], b)[1]
    return out


def verified_limit(truth: float, half_width: float, real_fraction: float = 0.0) -> float:
    r"""Return where the verified loop ends: the one root of :math:`\delta = w\,\delta^* + (1-w)\,g(\delta)`.

    Without real data it is 0, the verifier's centre: the bias of the loop is that of the verifier. Real data pull it
    towards the truth, but only in part: its size lies between :math:`w\lvert\delta^*\rvert` and
    :math:`\frac{w\lvert\delta^*\rvert}{1-(1-w)\rho}`.

    Parameters
    ----------
    truth : float
        :math:`\delta^*`, the truth minus the verifier's centre, in standard deviations of the noise.
    half_width : float
        b > 0.
    real_fraction : float
        w in [0, 1].

    Returns
    -------
    float
        :math:`\delta_\infty`, about the verifier's centre; the bias is :math:`\delta^* - \delta_\infty`.

    Notes
    -----
    Kind: exact. The root is unique and attracts every start, because :math:`g' \le \rho < 1`. Source:
    `yi-verifier-center` (fixed point with real data derived).

    Examples
    --------
    >>> verified_limit(1.0, 1.3), round(verified_limit(1.0, 1.3, 0.2), 4)
    (0.0, 0.3103)
    """
    truth, b, w = _truth(truth, half_width, real_fraction)
    if w == 0 or truth == 0:
        return 0.0
    d = abs(truth)
    for _ in range(100):  # g is concave: Newton from the right falls monotonically
        _, mean, variance = _accepted(d, b)
        step = (d - w * abs(truth) - (1 - w) * float(mean)) / (1 - (1 - w) * float(variance))
        d -= step
        if abs(step) <= 1e-15 * d:
            break
    return math.copysign(d, truth)


def verifier_error_bound(
    n, half_width: float, generations: int, *, parameters: int = 1, variance: float = 1.0, initial: float = 0.0
) -> np.ndarray:
    r"""Return the bound on :math:`E\|\hat\theta_k-\theta_c\|^2`, k = 0 .. T; shape (T + 1,).

    .. math:: \rho^{2k}E\|\hat\theta_0-\theta_c\|^2 + p\sigma^2\sum_{j<k}\frac{\rho^{2(k-j)-1}}{n_j}

    Parameters
    ----------
    n : int or sequence or callable
        :math:`n_j`, points accepted in a round; a schedule names the first round first.
    half_width : float
        b > 0.
    generations : int
        T, rounds; round 0 is the initial estimate (the paper's index).
    parameters : int
        p >= 1, with an orthonormal design.
    variance : float
        :math:`\sigma^2` of the noise.
    initial : float
        :math:`E\|\hat\theta_0-\theta_c\|^2`.

    Notes
    -----
    Kind: bound; derived for a location (p = 1 and constant regressor), where it holds for every n. Source:
    `yi-verifier-center` (Yi et al., arXiv 2510.16657, Theorem 4.1, Eq. 7).

    Examples
    --------
    >>> verifier_error_bound(100, 1.3, 2, initial=1.0).round(6).tolist()
    [1.0, 0.204706, 0.045463]
    """
    generations = check.integer("generations", generations, least=0)
    n = tuple(np.asarray(n).tolist()) if np.ndim(n) else n
    sizes = check.sizes("n", check.schedule("n", n), generations)
    rho = float(verifier_contraction(check.number("half_width", half_width, above=0)))
    noise = check.integer("parameters", parameters, least=1) * check.number("variance", variance, least=0) * rho
    out = np.empty(generations + 1)
    out[0] = check.number("initial", initial, least=0)
    for k in range(generations):
        out[k + 1] = rho**2 * out[k] + noise / sizes[k]
    return out


def verifier_error_limit(n, half_width, *, parameters=1, variance=1.0):
    r"""Return :math:`\frac{p\sigma^2\rho}{n(1-\rho^2)}`, the mean squared distance from the verifier in the long run.

    Parameters
    ----------
    n : float or array_like
        Points accepted per round.
    half_width : float or array_like
        b > 0.
    parameters, variance : float or array_like
        p and :math:`\sigma^2`; all broadcast.

    Returns
    -------
    ndarray or float
        Infinite where b is so large that rho is one in double precision.

    Notes
    -----
    Kind: asymptotic (the mean map made linear; exact to leading order in 1/n), and an upper bound for every n. Source:
    `yi-verifier-center` (derived). The mean squared error about the truth has the squared bias on top.

    Examples
    --------
    >>> round(float(verifier_error_limit(100, 1.3)), 6)
    0.005595
    """
    n = _array("n", n, above=0)
    p, variance = _array("parameters", parameters, least=1), _array("variance", variance, least=0)
    rho, gap = _contraction(_array("half_width", half_width, above=0))
    safe = np.where(gap > 0, gap, 1.0)
    return np.where(gap > 0, p * variance * rho / (n * safe * (1 + rho)), np.inf)[()]
