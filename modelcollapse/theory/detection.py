r"""What does it buy to drop points that look synthetic, and what does it cost?

A share :math:`\alpha` of a batch of n points is real. A detector flags synthetic points with probability TPR and real
ones with FPR; with :math:`Q_f = \alpha\,\mathrm{FPR} + (1-\alpha)\,\mathrm{TPR}` and :math:`Q_u = 1 - Q_f` it leaves

.. math:: N' = nQ_u \text{ points, of which the share } \kappa' = \frac{(1-\alpha)(1-\mathrm{TPR})}{Q_u}

is synthetic. What that is worth depends on what is wrong with synthetic points. If nothing is, they carry what earlier
generations have learnt: to drop them raises the variance of the loop, up to a factor of two for a perfect detector. If
they are shifted by c, their share :math:`\kappa'` leaves a floor :math:`\kappa'^2c^2`, and from a break-even on it pays
to drop them (`detector_break_even`).

Numbers of points are random: N' is binomial, and given it so is the number of synthetic ones among them. The results
here are exact in that; at the means of both they become the formulas of the literature.

What a detector tells, and what an estimate could make of it, is in `modelcollapse.theory.watermark`.
"""

from __future__ import annotations

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.curation import legendre
from modelcollapse.theory.immigration import _array

__all__ = [
    "binomial_inverse_mean",
    "detector_break_even",
    "detector_contamination",
    "detector_kept",
    "detector_loop_error",
    "detector_odds_factor",
    "detector_real_kept",
    "detector_shift_error",
    "resampling_contamination",
    "resampling_contamination_beta",
    "resampling_efficiency",
]


def _rates(real_fraction, tpr, fpr):
    return (
        _array("real_fraction", real_fraction, least=0, most=1),
        _array("tpr", tpr, least=0, most=1),
        _array("fpr", fpr, least=0, most=1),
    )


def _left(real_fraction, tpr, fpr):
    """Return the unflagged shares of a batch, real and synthetic; something must be left."""
    alpha, tpr, fpr = _rates(real_fraction, tpr, fpr)
    real, synthetic = alpha * (1 - fpr), (1 - alpha) * (1 - tpr)
    if (real + synthetic == 0).any():
        raise ValueError("tpr and fpr must leave something (a detector that flags everything keeps nothing).")
    return real, synthetic


# ------------------------------------------------------------------------------------------------- exclusion


def detector_kept(real_fraction, tpr, fpr):
    r"""Return :math:`Q_u = \alpha(1-\mathrm{FPR}) + (1-\alpha)(1-\mathrm{TPR})`, the share that is not flagged.

    Parameters
    ----------
    real_fraction : float or array_like
        :math:`\alpha` in [0, 1].
    tpr, fpr : float or array_like
        Probabilities that a synthetic, or a real, point is flagged; all broadcast.

    Notes
    -----
    Kind: exact. Source: `detector-effective-contamination` (derived).

    Examples
    --------
    >>> round(float(detector_kept(0.3, 0.85, 0.05)), 12)
    0.39
    """
    alpha, tpr, fpr = _rates(real_fraction, tpr, fpr)
    return alpha * (1 - fpr) + (1 - alpha) * (1 - tpr)


def detector_contamination(real_fraction, tpr, fpr):
    r"""Return :math:`\kappa' = \frac{(1-\alpha)(1-\mathrm{TPR})}{Q_u}`, the synthetic share of what is not flagged.

    Arguments as in `detector_kept`; something must be left.

    Notes
    -----
    Kind: exact; also the expectation of the realised share for every n, given that something is left. In odds it is
    `detector_odds_factor` times what it was. Source: `detector-effective-contamination` (derived).

    Examples
    --------
    >>> round(float(detector_contamination(0.3, 0.85, 0.05)), 4)
    0.2692
    """
    real, synthetic = _left(real_fraction, tpr, fpr)
    return synthetic / (real + synthetic)


def detector_odds_factor(tpr, fpr):
    r"""Return :math:`\frac{1-\mathrm{TPR}}{1-\mathrm{FPR}}`, by which a detector multiplies the odds of contamination.

    .. math:: \frac{\kappa'}{1-\kappa'} = \frac{1-\alpha}\alpha\cdot\frac{1-\mathrm{TPR}}{1-\mathrm{FPR}}

    The same for every real share; independent detectors multiply. `tpr` and `fpr` broadcast; fpr = 1 gives inf, or an
    error if tpr is 1 as well.

    Kind: exact. Source: `detector-effective-contamination` (derived).

    Examples
    --------
    >>> round(float(detector_odds_factor(0.85, 0.05)), 6)
    0.157895
    """
    real, synthetic = _left(0.5, tpr, fpr)
    with np.errstate(divide="ignore"):
        return synthetic / real


def detector_real_kept(n, real_fraction, fpr):
    r"""Return :math:`n\alpha(1-\mathrm{FPR})`, the expected number of real points that are not flagged.

    Parameters
    ----------
    n : float or array_like
        Points of the batch.
    real_fraction, fpr : float or array_like
        As in `detector_kept`.

    Notes
    -----
    Kind: exact. Source: `detector-effective-contamination` (derived).

    Examples
    --------
    >>> round(float(detector_real_kept(2000, 0.3, 0.05)), 9)
    570.0
    """
    alpha, _, fpr = _rates(real_fraction, 0.0, fpr)
    return _array("n", n, least=0) * alpha * (1 - fpr)


# ------------------------------------------------------------------------------------------------- in the loop


def binomial_inverse_mean(n, probability):
    r"""Return :math:`E[1/N \mid N \ge 1]` for N binomial: one over how many points are left.

    .. math:: \frac1{1-(1-q)^n}\int_0^1\frac{(1-q+qs)^n - (1-q)^n}s\,ds = \frac1{nq}\Big(1 + \frac{1-q}{nq} + \dots\Big)

    Parameters
    ----------
    n : float or array_like
        Trials >= 1.
    probability : float or array_like
        q in (0, 1].

    Notes
    -----
    Kind: exact (quadrature, relative error below 1e-12). Source: classical.

    Examples
    --------
    >>> round(float(binomial_inverse_mean(2, 0.5)), 12)                      # (2/4 + 1/4 / 2) / (3/4)
    0.833333333333
    """
    n = _array("n", n, least=1)[..., None]
    q = _array("probability", probability, above=0, most=1)[..., None]
    log_none = scipy.special.xlog1py(n, -q)
    last = np.minimum(1.0, 50 / (n * q))  # v = 1 - s, beyond which the integrand is below e^-50
    nodes, weights = legendre()
    v = last * (1 + nodes) / 2
    s = 1 - last + last * (1 - nodes) / 2
    # (1 - qv)^n - (1 - q)^n, without cancellation near s = 0
    rise = scipy.special.xlog1py(n, -q * v) - log_none
    with np.errstate(over="ignore"):
        difference = np.where(
            rise < 1,
            np.exp(log_none) * np.expm1(np.minimum(rise, 1.0)),
            np.exp(scipy.special.xlog1py(n, -q * v)) - np.exp(log_none),
        )
    total = (last / 2 * weights * difference / s).sum(-1)
    return (total / -np.expm1(log_none[..., 0]))[()]


def _mixture(n, real_fraction, tpr, fpr, kept):
    """Return E (M/N)^2, the contamination E M/N and E 1/N of what is left, N points with M synthetic among them."""
    check.choice("kept", kept, ("random", "mean"))
    real, synthetic = _left(real_fraction, tpr, fpr)
    n = _array("n", n, least=1)
    left = np.minimum(real + synthetic, 1.0)
    kappa = synthetic / (real + synthetic)
    if kept == "mean":
        return kappa**2, kappa, 1 / (n * left)
    inverse = binomial_inverse_mean(n, left)
    return kappa**2 + kappa * (1 - kappa) * inverse, kappa, inverse


def detector_shift_error(n, real_fraction, tpr=0.0, fpr=0.0, *, shift=0.0, variance=1.0, kept="random"):
    r"""Return the mean squared error of a mean of what is not flagged, the synthetic points being shifted by c.

    .. math:: \big[\kappa'^2 + \kappa'(1-\kappa')h\big]c^2 + \sigma^2h, \qquad h = E\Big[\frac1{N'}\Big| N' \ge 1\Big]

    One fit; the synthetic points come from a fixed generator that is off by c. So the floor for infinite n goes from
    :math:`(1-\alpha)^2c^2` without a detector to :math:`\kappa'^2c^2`.

    Parameters
    ----------
    n : float or array_like
        Points before the detector, each real with probability :math:`\alpha`.
    real_fraction, tpr, fpr : float or array_like
        As in `detector_kept`; by default no detector.
    shift : float or array_like
        c, the bias of a synthetic point.
    variance : float or array_like
        :math:`\sigma^2` of a point, known.
    kept : {"random", "mean"}
        Whether the numbers of kept points are random, as they are, or put at their means:
        :math:`\kappa'^2c^2 + \sigma^2/(nQ_u)`.

    Notes
    -----
    Kind: exact, given that something is left ("random"); asymptotic ("mean"). Source: `detector-in-fresh-loop`,
    `reg-strong-collapse-ridgeless` (floor; Dohmatob et al., arXiv 2410.04840), `detector-effective-contamination`.

    Examples
    --------
    >>> round(float(detector_shift_error(400, 0.2, shift=0.1)), 6)
    0.008904
    """
    square, _, inverse = _mixture(n, real_fraction, tpr, fpr, kept)
    return square * _array("shift", shift) ** 2 + _array("variance", variance, least=0) * inverse


def _loop(n, real_fraction, tpr, fpr, kept):
    """Return what the stationary mean squared error is per sigma^2 and per c^2."""
    square, kappa, inverse = _mixture(n, real_fraction, tpr, fpr, kept)
    real, synthetic = _left(real_fraction, tpr, fpr)
    if (real == 0).any():
        raise ValueError("real_fraction must be > 0 and fpr < 1 (without real points the error grows for ever).")
    # one minus the square, without cancellation where hardly anything is real
    rest = real / (real + synthetic) * (1 + kappa * (1 - inverse if kept == "random" else 1))
    return inverse / rest, square * (1 + 2 * synthetic / real) / rest


def detector_loop_error(n, real_fraction, tpr=0.0, fpr=0.0, *, shift=0.0, variance=1.0, kept="random"):
    r"""Return the stationary mean squared error of a mean that is refitted to real and own points.

    .. math:: V = \frac{\sigma^2h}{1-a}, \qquad \text{with a shift c per round } +\ \frac{a(c^2 + 2cB)}{1-a}, \quad
              B = \frac{\kappa'c}{1-\kappa'}

    with :math:`a = \kappa'^2 + \kappa'(1-\kappa')h` and :math:`h = E[1/N' \mid N' \ge 1]`. Every generation has n new
    points, each real with probability :math:`\alpha`, else from the last model (plus c), and the flagged are dropped;
    if all are, the model stays as it is. B is the stationary bias.

    Parameters
    ----------
    n, real_fraction, tpr, fpr, shift, variance, kept
        As in `detector_shift_error`; with "mean" :math:`V = \frac{\sigma^2}{nQ_u(1-\kappa'^2)}`. For real points alone
        ``tpr=1`` gives :math:`\sigma^2h \approx \sigma^2/(n\alpha)`.

    Returns
    -------
    ndarray or float

    Notes
    -----
    Kind: exact ("random"), asymptotic ("mean"). Without shift every exclusion *raises* the error, by a factor between 1
    and :math:`(2-\alpha)/(1-\mathrm{FPR})` at the means: synthetic points of an unbiased model carry
    what earlier generations have learnt. Source: `detector-in-fresh-loop` (derived).

    Examples
    --------
    >>> round(float(detector_loop_error(400, 0.2, kept="mean")), 5), round(float(detector_loop_error(400, 0.2)), 5)
    (0.00694, 0.00695)
    >>> round(float(detector_loop_error(400, 0.2, 1.0, 0.0, kept="mean")), 5)                   # a perfect detector
    0.0125
    """
    by_noise, by_shift = _loop(n, real_fraction, tpr, fpr, kept)
    return _array("variance", variance, least=0) * by_noise + _array("shift", shift) ** 2 * by_shift


def detector_break_even(n, real_fraction, tpr, fpr, *, loop=True, variance=1.0, kept="random"):
    r"""Return the shift c of synthetic points from which on it pays to drop what a detector flags.

    Where the error with the detector equals the error without. One fit, at the means:

    .. math:: c^2 = \frac{\sigma^2}n\cdot\frac{Q_f/Q_u}{(1-\alpha)^2 - \kappa'^2}

    It shrinks like :math:`n^{-1/2}`: with enough data every detector with :math:`\mathrm{TPR} > \mathrm{FPR}` pays.

    Parameters
    ----------
    n, real_fraction, tpr, fpr, variance, kept
        As in `detector_loop_error`.
    loop : bool
        Whether the model is refitted for ever, its shift coming back to it each round (`detector_loop_error`), or once
        (`detector_shift_error`).

    Returns
    -------
    ndarray or float
        c >= 0, in the units of the root of `variance`; inf where it never pays, as for
        :math:`\mathrm{TPR} \le \mathrm{FPR}`, or with next to no points.

    Notes
    -----
    Kind: exact ("random"), asymptotic ("mean"). Source: `detector-in-fresh-loop` (derived).

    Examples
    --------
    >>> round(float(detector_break_even(400, 0.2, 0.85, 0.05)), 4)
    0.0129
    >>> round(float(detector_break_even(400, 0.2, 0.85, 0.05, loop=False)), 4)
    0.1071
    """
    variance = _array("variance", variance, least=0)
    errors = []
    for rates in ((0.0, 0.0), (tpr, fpr)):
        if loop:
            errors.append(_loop(n, real_fraction, *rates, kept))
        else:
            square, _, inverse = _mixture(n, real_fraction, *rates, kept)
            errors.append((inverse, square))
    (noise, bias), (noise_with, bias_with) = errors
    # with very few points what is left scatters so much that even this detector does not pay
    pays = (np.asarray(tpr) > np.asarray(fpr)) & (bias > bias_with)
    gain = np.where(pays, bias - bias_with, 1.0)
    return np.where(pays, np.sqrt(variance * np.maximum(noise_with - noise, 0.0) / gain), np.inf)[()]


# ------------------------------------------------------------------------------------------------- resampling


def _channel(law_real, law_synthetic):
    q1 = check.probabilities("law_real", law_real)
    q0 = check.probabilities("law_synthetic", law_synthetic)
    if q1.shape != q0.shape:
        raise ValueError(f"law_synthetic must have the outcomes of law_real, {q1.shape}, got shape {q0.shape}.")
    return q1, q0


def _scores(scores, law_real, law_synthetic, power):
    s = check.array("scores", scores, ndim=1, shape_words="(score,)")
    if (s < 0).any() or (s > 1).any():
        raise ValueError(f"scores must be in [0, 1] (probabilities to be synthetic), got {s[(s < 0) | (s > 1)][0]:g}.")
    q1, q0 = _channel(law_real, law_synthetic)
    if q1.shape != s.shape:
        raise ValueError(f"law_real must have one probability per score, {s.shape}, got shape {q1.shape}.")
    return scipy.special.xlog1py(check.number("power", power, least=0), -s), q1, q0


def _relative(log_w, mixed):
    """Return the logs of the weights in units of the largest that occurs: powers underflow, their ratios count."""
    top = log_w[mixed > 0].max()
    if top == -np.inf:
        raise ValueError("scores must leave an item with a positive weight (all that occur are 1).")
    return np.minimum(log_w - top, 0.0)


def resampling_contamination(
    real_fraction: float, scores, law_real, law_synthetic, *, power: float = 10.0, drawn: float = 0.0
) -> float:
    r"""Return the synthetic share after resampling with weights :math:`w = (1-s)^b`, s the score of a detector.

    .. math:: \kappa' = \frac{(1-\alpha)E_{\rm syn}[w]}{(1-\alpha)E_{\rm syn}[w] + \alpha E_{\rm real}[w]}

    This is for draws *with* replacement (`drawn` = 0). Without it a share f of all copies is drawn, one after the
    other; a copy is among them with probability :math:`1 - e^{-w\theta}`, which stands for w in the formula, where
    :math:`\theta` makes the mean of it f. The published rule draws 1.5 N of 3 N copies: f = 1/2.

    Parameters
    ----------
    real_fraction : float
        :math:`\alpha` in [0, 1].
    scores : array_like, (score,)
        Values s in [0, 1] that the detector gives.
    law_real, law_synthetic : array_like, (score,)
        How often real, and synthetic, items get them.
    power : float
        b >= 0; 10 is the published choice.
    drawn : float
        f in [0, 1).

    Returns
    -------
    float

    Notes
    -----
    Kind: exact, for infinitely many items (without replacement: fluid limit of successive sampling, Rosén 1972).
    Source: `drayson-importance-resampling` (Drayson et al., arXiv 2502.15654; formulas derived).

    Examples
    --------
    >>> s, real, synthetic = [0.1, 0.5, 0.9], [0.8, 0.15, 0.05], [0.05, 0.15, 0.8]
    >>> [round(resampling_contamination(0.5, s, real, synthetic, drawn=f), 4) for f in (0.0, 0.5)]
    [0.0593, 0.125]
    """
    alpha = check.probability("real_fraction", real_fraction)
    f = check.number("drawn", drawn, least=0, below=1)
    log_w, q1, q0 = _scores(scores, law_real, law_synthetic, power)
    mixed = alpha * q1 + (1 - alpha) * q0
    log_w = _relative(log_w, mixed)
    w, positive = np.exp(log_w), np.isfinite(log_w)
    available = float(mixed[positive].sum())
    if f >= available:
        raise ValueError(f"drawn must be < {available:g}, the share of items with a positive weight, got {f:g}.")
    if f > 0:
        # log theta by bisection: the mean inclusion probability increases from 0 to `available`
        low, high = -800.0, 800.0 - float(log_w[positive].min())
        log_w = np.where(positive, log_w, 0.0)
        included = np.zeros_like(w)
        for _ in range(200):
            middle = (low + high) / 2
            included = np.where(positive, -np.expm1(-np.exp(np.minimum(log_w + middle, 700.0))), 0.0)
            low, high = (middle, high) if float(mixed @ included) < f else (low, middle)
        w = included
    synthetic = (1 - alpha) * float(q0 @ w)
    return synthetic / (synthetic + alpha * float(q1 @ w))


def resampling_efficiency(real_fraction: float, scores, law_real, law_synthetic, *, power: float = 10.0) -> float:
    r"""Return :math:`(E w)^2/E w^2`, the share of its items that a weighted sample is worth (Kish): the price.

    Arguments as in `resampling_contamination`; expectations over real and synthetic items together.

    Notes
    -----
    Kind: exact for infinitely many items. With :math:`\kappa'` of `resampling_contamination` a batch is worth
    :math:`n(1-\kappa')^2` times this many real points; the weight that makes it largest is the probability of being
    real itself (`weighted_contamination`): b = 1 if the scores are calibrated. Source:
    `drayson-importance-resampling` (derived).

    Examples
    --------
    >>> s, real, synthetic = [0.1, 0.5, 0.9], [0.8, 0.15, 0.05], [0.05, 0.15, 0.8]
    >>> [round(resampling_efficiency(0.5, s, real, synthetic, power=b), 4) for b in (1, 10)]
    [0.6477, 0.4258]
    """
    alpha = check.probability("real_fraction", real_fraction)
    log_w, q1, q0 = _scores(scores, law_real, law_synthetic, power)
    mixed = alpha * q1 + (1 - alpha) * q0
    w = np.exp(_relative(log_w, mixed))
    mean = float(mixed @ w)
    return mean * (mean / float(mixed @ w**2))


def resampling_contamination_beta(real_fraction, concentration, power=10.0):
    r"""Return :math:`\kappa' = \frac{(1-\alpha)\nu}{\nu + b}`: calibrated scores with a Beta law.

    Calibrated: of the items with score s the share s is synthetic. If scores have the law
    :math:`\mathrm{Beta}(\nu(1-\alpha), \nu\alpha)`, the weights :math:`(1-s)^b` turn it into another Beta law, of mean
    :math:`\kappa'`.

    Parameters
    ----------
    real_fraction : float or array_like
        :math:`\alpha` in [0, 1].
    concentration : float or array_like
        :math:`\nu > 0`: near 0 scores are near 0 and 1 (a sharp detector), large is a detector that knows nothing.
    power : float or array_like
        b >= 0; all broadcast.

    Notes
    -----
    Kind: exact, with replacement. Source: `drayson-importance-resampling` (derived: moments of a Beta law).

    Examples
    --------
    >>> round(float(resampling_contamination_beta(0.5, 2.0)), 6)                     # uniform scores
    0.083333
    """
    alpha = _array("real_fraction", real_fraction, least=0, most=1)
    nu, b = _array("concentration", concentration, above=0), _array("power", power, least=0)
    return (1 - alpha) * nu / (nu + b)
