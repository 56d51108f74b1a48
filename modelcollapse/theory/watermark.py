r"""How many real points is a batch worth, if a watermark tells, more or less, which are synthetic?

A share :math:`\alpha` of n points is real, the rest from the last model, which is known. A detector says :math:`w` of a
real point with probability :math:`Q_1[w]`, of a synthetic one with :math:`Q_0[w]`; let
:math:`\bar Q_\alpha = \alpha Q_1 + (1-\alpha)Q_0`. Whatever the detector leaves, N points with a share
:math:`\kappa` of synthetic ones, the share of the last model can be subtracted, and the rest divided by
:math:`1-\kappa`. The result is unbiased, and as good as

.. math:: N(1-\kappa)^2

real points. Without a detector that is :math:`n\alpha^2`. If every point weighs the probability that it is real, it is
:math:`n\alpha^2(1+\chi^2)` with

.. math:: \chi^2 = \chi^2(Q_1\|\bar Q_\alpha) = \sum_w\frac{(Q_1[w]-\bar Q_\alpha[w])^2}{\bar Q_\alpha[w]}
          \ \le\ \frac{1-\alpha}\alpha,

and nothing does better; :math:`n\alpha` if provenance is known. Dropping what is flagged is in between
(`exclusion_effective_size`).

Estimates of a distribution are judged by :math:`E\|\hat p - p\|^2`, in which n real points have H/n,
:math:`H = 1 - \sum p^2`.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.theory.detection import _channel, _left, _rates
from modelcollapse.theory.immigration import _array

__all__ = [
    "detector_chi_square",
    "erasure_chi_square",
    "exclusion_effective_size",
    "minimax_order",
    "provenance_free_error",
    "symmetric_chi_square",
    "watermark_chi_square",
    "watermark_chi_square_bound",
    "watermark_effective_size",
    "watermark_risk_bound",
    "weighted_contamination",
]


# ------------------------------------------------------------------------------------------------- what an output tells


def detector_chi_square(real_fraction, tpr, fpr):
    r"""Return :math:`\chi^2(Q_1\|\bar Q_\alpha)` of a detector that flags or does not: what its output tells.

    .. math:: \chi^2 = \frac{(1-\alpha)^2(\mathrm{TPR}-\mathrm{FPR})^2}{Q_u Q_f}, \qquad
              1 + \chi^2 = \frac{(1-\mathrm{FPR})^2}{Q_u} + \frac{\mathrm{FPR}^2}{Q_f}

    Arguments as in `detector_kept`, with :math:`\alpha > 0`. It vanishes with Youden's J (`youden`), and is symmetric:
    a detector that is always wrong is as good as one that is always right.

    Notes
    -----
    Kind: exact. Source: `watermark-effective-sample-size` (Kanabar and Gastpar 2026; form with J derived).

    Examples
    --------
    >>> round(1 + float(detector_chi_square(0.3, 0.85, 0.05)), 6)
    2.318201
    """
    alpha, tpr, fpr = _rates(_array("real_fraction", real_fraction, above=0), tpr, fpr)
    unflagged = alpha * (1 - fpr) + (1 - alpha) * (1 - tpr)
    flagged = alpha * fpr + (1 - alpha) * tpr
    product = unflagged * flagged
    told = ((1 - alpha) * (tpr - fpr)) ** 2
    return np.where(product > 0, told / np.where(product > 0, product, 1.0), 0.0)[()]


def symmetric_chi_square(real_fraction, crossover):
    r"""Return :math:`\chi^2` of a watermark read through a symmetric channel: wrong with probability :math:`\epsilon`.

    .. math:: \chi^2 = (1-2\epsilon)\bigg(\frac1{\frac\alpha{1-\alpha} + \frac\epsilon{1-\epsilon}}
              - \frac1{\frac\alpha{1-\alpha} + \frac{1-\epsilon}\epsilon}\bigg)

    Parameters
    ----------
    real_fraction : float or array_like
        :math:`\alpha` in (0, 1].
    crossover : float or array_like
        :math:`\epsilon` in [0, 1]; they broadcast.

    Notes
    -----
    Kind: exact. It is `detector_chi_square` with :math:`\mathrm{TPR} = 1-\epsilon`, :math:`\mathrm{FPR} = \epsilon`.
    For :math:`\alpha \to 0` it tends to :math:`\frac{(1-2\epsilon)^2}{\epsilon(1-\epsilon)}`, while an oracle has
    :math:`1/\alpha`: the benefit vanishes unless :math:`\epsilon` shrinks with :math:`\alpha`. Source:
    `watermark-effective-sample-size` (Kanabar and Gastpar 2026, Claim 2).

    Examples
    --------
    >>> round(float(symmetric_chi_square(0.1, 0.05)), 6)
    5.449336
    """
    epsilon = _array("crossover", crossover, least=0, most=1)
    return detector_chi_square(real_fraction, 1 - epsilon, epsilon)


def erasure_chi_square(real_fraction, erasure):
    r"""Return :math:`\chi^2 = \frac{(1-\epsilon)(1-\alpha)}\alpha` of a watermark that may be unreadable.

    It is, with probability epsilon. So :math:`1+\chi^2 = \frac{1-\epsilon}\alpha + \epsilon`. (The paper's print has
    :math:`1-\epsilon/\alpha` for :math:`\chi^2`, and improvement by :math:`1-\chi^2`: `ERR-10`.)

    Parameters
    ----------
    real_fraction : float or array_like
        :math:`\alpha` in (0, 1].
    erasure : float or array_like
        :math:`\epsilon` in [0, 1]; they broadcast.

    Notes
    -----
    Kind: exact. Source: `watermark-effective-sample-size` (Kanabar and Gastpar 2026, Claim 1, corrected).

    Examples
    --------
    >>> round(float(erasure_chi_square(0.1, 0.05)), 12)
    8.55
    """
    alpha = _array("real_fraction", real_fraction, above=0, most=1)
    return (1 - _array("erasure", erasure, least=0, most=1)) * (1 - alpha) / alpha


def watermark_chi_square(real_fraction, law_real, law_synthetic):
    r"""Return :math:`\chi^2(Q_1\|\bar Q_\alpha)` of any detector.

    .. math:: \chi^2 = \sum_w\frac{(Q_1[w]-\bar Q_\alpha[w])^2}{\bar Q_\alpha[w]}, \qquad
              \bar Q_\alpha = \alpha Q_1 + (1-\alpha)Q_0

    Parameters
    ----------
    real_fraction : float or array_like
        :math:`\alpha` in (0, 1].
    law_real, law_synthetic : array_like, (outcome,)
        :math:`Q_1` and :math:`Q_0`, what it says of real and of synthetic points.

    Returns
    -------
    ndarray or float
        From 0 (it tells nothing) to :math:`(1-\alpha)/\alpha` (it tells all).

    Notes
    -----
    Kind: exact. Source: `watermark-effective-sample-size` (Kanabar and Gastpar 2026, Theorems 1-2).

    Examples
    --------
    >>> round(float(watermark_chi_square(0.1, [0.95, 0.05, 0.0], [0.0, 0.05, 0.95])), 12)      # an erasure channel
    8.55
    """
    alpha = _array("real_fraction", real_fraction, above=0, most=1)[..., None]
    q1, q0 = _channel(law_real, law_synthetic)
    seen = (q1 > 0) | (q0 > 0)
    q1, q0 = q1[seen], q0[seen]
    mixed = alpha * q1 + (1 - alpha) * q0
    told = ((1 - alpha) * (q1 - q0)) ** 2
    return np.where(mixed > 0, told / np.where(mixed > 0, mixed, 1.0), 0.0).sum(-1)[()]


def watermark_chi_square_bound(real_fraction, law_real, law_synthetic):
    r"""Return the bound :math:`\chi^2 \le \frac1{\alpha + \underline\epsilon - \alpha\underline\epsilon} - 1`.

    :math:`\underline\epsilon = \min_w Q_0[w]/Q_1[w]`; so :math:`1+\chi^2 \le 1/\max(\alpha, \underline\epsilon)`.
    Arguments as in `watermark_chi_square`.

    Notes
    -----
    Kind: bound. Source: `watermark-effective-sample-size` (Kanabar and Gastpar 2026, Prop. 1).

    Examples
    --------
    >>> round(1 + float(watermark_chi_square_bound(0.1, [0.95, 0.05], [0.05, 0.95])), 6)
    6.785714
    """
    alpha = _array("real_fraction", real_fraction, above=0, most=1)
    q1, q0 = _channel(law_real, law_synthetic)
    least = float((q0[q1 > 0] / q1[q1 > 0]).min())
    return (1 - alpha) * (1 - least) / (alpha + least - alpha * least)


def watermark_effective_size(n, real_fraction, chi_square=0.0):
    r"""Return :math:`n\alpha^2(1+\chi^2)`, the number of real points that a batch is worth.

    Parameters
    ----------
    n : float or array_like
        Points of the batch.
    real_fraction : float or array_like
        :math:`\alpha` in [0, 1].
    chi_square : float or array_like
        Of the detector; 0 (default) is none, :math:`(1-\alpha)/\alpha` an oracle, which gives :math:`n\alpha`.

    Notes
    -----
    Kind: exact for the linear estimator that subtracts the last model, when that is close to the truth: ESS
    :math:`= H/\mathrm{MSE}`, with the number of each output at its expectation. Source:
    `watermark-effective-sample-size` (Kanabar and Gastpar 2026).

    Examples
    --------
    >>> round(float(watermark_effective_size(2000, 0.3)), 9)
    180.0
    >>> round(float(watermark_effective_size(2000, 0.3, detector_chi_square(0.3, 0.85, 0.05))), 2)
    417.28
    """
    alpha = _array("real_fraction", real_fraction, least=0, most=1)
    return _array("n", n, least=0) * alpha**2 * (1 + _array("chi_square", chi_square, least=0))


def exclusion_effective_size(n, real_fraction, tpr, fpr):
    r"""Return :math:`n\alpha^2\frac{(1-\mathrm{FPR})^2}{Q_u} = N'(1-\kappa')^2`, after dropping.

    The first of the two terms of `detector_chi_square`; what the flagged points could add is the other,
    :math:`n\alpha^2\,\mathrm{FPR}^2/Q_f`. Arguments as in `detector_kept` and `watermark_effective_size`.

    Notes
    -----
    Kind: exact, in the sense of `watermark_effective_size`. Source: `watermark-effective-sample-size` (derived).

    Examples
    --------
    >>> round(float(exclusion_effective_size(2000, 0.3, 0.85, 0.05)), 2)
    416.54
    """
    real, synthetic = _left(real_fraction, tpr, fpr)
    return _array("n", n, least=0) * real**2 / (real + synthetic)


def weighted_contamination(real_fraction, chi_square):
    r"""Return :math:`1 - \alpha(1+\chi^2)`, what is left if points weigh their probability to be real.

    The weights are :math:`\pi_w = \alpha Q_1[w]/\bar Q_\alpha[w]`, which leave an effective number (Kish) of
    :math:`n/(1+\chi^2)` points, so that :math:`N(1-\kappa)^2` is `watermark_effective_size`: weighing loses
    nothing of what a detector tells, dropping may.

    Parameters
    ----------
    real_fraction, chi_square : float or array_like
        As in `watermark_effective_size`; :math:`\chi^2 \le (1-\alpha)/\alpha`.

    Notes
    -----
    Kind: exact (shares of expected weight). Source: `watermark-effective-sample-size` (derived).

    Examples
    --------
    >>> round(float(weighted_contamination(0.3, detector_chi_square(0.3, 0.85, 0.05))), 6)
    0.30454
    """
    alpha = _array("real_fraction", real_fraction, least=0, most=1)
    left = 1 - alpha * (1 + _array("chi_square", chi_square, least=0))
    if (left < -1e-12).any():
        raise ValueError("chi_square must be <= (1 - real_fraction) / real_fraction (an oracle tells no more).")
    return np.maximum(left, 0.0)[()]


# ------------------------------------------------------------------------------------------------- many batches


def _batches(sizes, real_fractions):
    n = _array("sizes", sizes, above=0)
    alpha = _array("real_fractions", real_fractions, least=0, most=1)
    n, alpha = np.broadcast_arrays(np.atleast_1d(n), alpha)
    if n.ndim != 1:
        raise ValueError(f"sizes must have shape (batch,), got {n.shape}.")
    return n, alpha


def minimax_order(sizes, real_fractions, *, oracle: bool = False) -> float:
    r"""Return :math:`1/\sum_i n_i\alpha_i^2`, or :math:`1/\sum_i n_i\alpha_i` with an oracle: the minimax order.

    Parameters
    ----------
    sizes : float or array_like, (batch,)
        :math:`n_i`.
    real_fractions : float or array_like, (batch,)
        :math:`\alpha_i`; the first batch is real, :math:`\alpha_1 = 1`.
    oracle : bool
        Whether provenance is known.

    Returns
    -------
    float
        Squared :math:`\ell_2` loss up to a constant factor.

    Notes
    -----
    Kind: bound (order, in most regimes). `provenance_free_error` attains it. Source: `KG-ESS` (Kanabar and Gastpar,
    arXiv 2501.19273; their stage 0 is batch 1 here).

    Examples
    --------
    >>> round(1 / minimax_order(100, [1, 0.5, 0.5]), 9), round(1 / minimax_order(100, [1, 0.5, 0.5], oracle=True), 9)
    (150.0, 200.0)
    """
    n, alpha = _batches(sizes, real_fractions)
    worth = float((n * alpha ** (1 if oracle else 2)).sum())
    return 1 / worth if worth > 0 else math.inf


def watermark_risk_bound(sizes, real_fractions, chi_squares=0.0) -> float:
    r"""Return :math:`3/\sum_i n_i\alpha_i^2(1+\chi_i^2)`, a bound on the worst-case loss with watermarks.

    Arguments as in `minimax_order`, with one :math:`\chi^2` per batch.

    Notes
    -----
    Kind: bound, under the side conditions on the last batch size of the source. Source:
    `watermark-effective-sample-size` (Kanabar and Gastpar 2026, Theorem 2; matched by Theorem 1 up to constants).

    Examples
    --------
    >>> round(watermark_risk_bound(100, [1, 0.5, 0.5], [0, 1, 1]), 9)
    0.015
    """
    n, alpha = _batches(sizes, real_fractions)
    worth = float((n * alpha**2 * (1 + _array("chi_squares", chi_squares, least=0))).sum())
    return 3 / worth if worth > 0 else math.inf


def provenance_free_error(sizes, real_fractions, heterozygosity: float, *, channels=None) -> np.ndarray:
    r"""Return the mean squared error of the linear estimate that subtracts the last model, after each batch.

    With :math:`\hat p_i` the empirical law of batch i, drawn from :math:`\alpha_ip + (1-\alpha_i)\hat P_{i-1}`,

    .. math:: \hat P_i = \frac1{S_i}\sum_{j\le i} n_j\alpha_j\big[\hat p_j - (1-\alpha_j)\hat P_{j-1}\big], \qquad
              S_i = \sum_{j\le i} n_j\alpha_j^2,

    .. math:: E\|\hat P_i - p\|^2 = \frac1{S_i^2}\sum_{j\le i} n_j\alpha_j^2
              \big[H - (1-\alpha_j)^2 E\|\hat P_{j-1} - p\|^2\big].

    Parameters
    ----------
    sizes, real_fractions : float or array_like, (batch,)
        :math:`n_i` and :math:`\alpha_i`, the first one 1.
    heterozygosity : float
        :math:`H = 1 - \sum p^2` in [0, 1].
    channels : sequence of (law_real, law_synthetic), optional
        One pair per batch: outputs of a watermark detector. Then each outcome w of a batch is used with its own
        :math:`\pi_w = \alpha Q_1[w]/\bar Q_\alpha[w]` in the place of :math:`\alpha`, and
        :math:`S_i = \sum n_j\alpha_j^2(1+\chi_j^2)`.

    Returns
    -------
    ndarray, (batch,)

    Notes
    -----
    Kind: exact without channels, for every n: errors of batches are martingale differences. The estimate is a
    probability law, whatever happens, if :math:`n_i\alpha_i(1-\alpha_i) \le S_{i-1}`, as with equal batches. With
    channels asymptotic: the number of each outcome is put at its expectation. Source: `KG-ESS` (Kanabar and Gastpar,
    arXiv 2501.19273, for the estimator; recursion derived).

    Examples
    --------
    >>> (100 * provenance_free_error(100, [1, 0.5, 0.5], 0.5)).round(6).tolist()
    [0.5, 0.3998, 0.333083]
    """
    n, alpha = _batches(sizes, real_fractions)
    H = check.probability("heterozygosity", heterozygosity)
    if alpha[0] != 1:
        raise ValueError(f"real_fractions must begin with 1 (the first batch is real), got {alpha[0]:g}.")
    if channels is not None and len(channels) != n.size:
        raise ValueError(f"channels must name one pair of laws per batch, {n.size}, got {len(channels)}.")
    out = np.empty(n.size)
    worth = spread = last = 0.0
    for i in range(n.size):
        if channels is None:
            share, posterior = np.ones(1), alpha[i : i + 1]
        else:
            q1, q0 = _channel(*channels[i])
            share = alpha[i] * q1 + (1 - alpha[i]) * q0
            posterior = np.where(share > 0, alpha[i] * q1 / np.where(share > 0, share, 1.0), 0.0)
        weight = n[i] * share * posterior**2
        worth += weight.sum()
        spread += float((weight * (H - (1 - posterior) ** 2 * last)).sum())
        out[i] = last = spread / worth**2
    return out
