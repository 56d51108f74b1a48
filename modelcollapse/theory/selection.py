r"""How far can one get by keeping the best? Truncation selection, and best of K.

Of a Gaussian's samples the top share q is kept, and a Gaussian refitted. That moves the mean by :math:`i\sigma_t` and
multiplies the variance by a constant k below one,

.. math:: z = \Phi^{-1}(1-q), \qquad i = \frac{\varphi(z)}q, \qquad k = 1 - i(i-z) :

the gains are a geometric series. Its sum is finite, because the diversity that selection lives on is used up, and
nothing replaces it. Breeders know this; they have mutation. With finitely many candidates the same two numbers are
mean and variance of the largest of K normal variables (`best_of`).
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.curation import legendre
from modelcollapse.theory.immigration import _array, _times

__all__ = [
    "best_of",
    "selection_intensity",
    "selection_total_gain",
    "selection_trajectory",
    "selection_variance_factor",
]


def _above(fraction):
    """Return the intensity i, the excess i - z over the threshold, the variance factor k, and log k."""
    q = _array("fraction", fraction, above=0, most=1)
    z = -scipy.special.ndtri(q)
    near = np.clip(z, -37.0, 3.0)
    i = math.sqrt(2 / math.pi) / scipy.special.erfcx(near / math.sqrt(2))
    loss = i * (i - near)
    # far out 1 - i (i - z) cancels: s = z (x - z) has nearly an exponential law there
    far = np.maximum(z, 3.0)[..., None]
    x, weights = legendre()
    s = 20 * (1 + x)
    w = weights * np.exp(-s - (s / far) ** 2 / 2)
    w = w / w.sum(-1, keepdims=True)
    mean = (w * s).sum(-1, keepdims=True)
    variance = (w * (s - mean) ** 2).sum(-1) / far[..., 0] ** 2
    excess = mean[..., 0] / far[..., 0]
    out = z > 3
    k, log_k = np.where(out, variance, 1 - loss), np.where(out, np.log(variance), np.log1p(-loss))
    i = np.where(out, far[..., 0] + excess, i)
    excess = np.where(out, excess, i - near)
    all_kept = q == 1
    return (
        np.where(all_kept, 0.0, i),
        np.where(all_kept, np.inf, excess),
        np.where(all_kept, 1.0, k),
        np.where(all_kept, 0.0, log_k),
    )


def selection_intensity(fraction):
    r"""Return :math:`i = \varphi(z)/q`, :math:`z = \Phi^{-1}(1-q)`: the gain of the mean in standard deviations.

    Parameters
    ----------
    fraction : float or array_like
        q in (0, 1], the share of the samples that is kept, the largest.

    Notes
    -----
    Kind: exact for infinitely many samples of a Gaussian. No selection that keeps a share q gains more. Source:
    `truncation-selection-gaussian` (Falconer and Mackay 1996; derived).

    Examples
    --------
    >>> selection_intensity([0.1, 0.5, 1.0]).round(4).tolist()
    [1.755, 0.7979, 0.0]
    """
    return _above(fraction)[0][()]


def selection_variance_factor(fraction):
    r"""Return :math:`k = 1 - i(i-z)`, what keeping the top share q leaves of the variance of a Gaussian.

    Parameters and symbols as in `selection_intensity`.

    Notes
    -----
    Kind: exact for infinitely many samples. Source: `truncation-selection-gaussian` (derived).

    Examples
    --------
    >>> selection_variance_factor([0.1, 0.5, 1.0]).round(4).tolist()
    [0.1691, 0.3634, 1.0]
    """
    return _above(fraction)[2][()]


def selection_total_gain(fraction):
    r"""Return :math:`\frac{i}{1-\sqrt k} = \frac{1+\sqrt k}{i-z}`, all that selection can gain, in first sds.

    Parameters and symbols as in `selection_intensity`.

    Notes
    -----
    Kind: exact for infinitely many samples. The harder the selection the larger, but only as
    :math:`\sqrt{2\ln(1/q)}`; for q = 1 nothing is selected and the gain is 0. Source: `truncation-selection-gaussian`
    (derived).

    Examples
    --------
    >>> round(float(selection_total_gain(0.3)), 5)
    2.38638
    """
    _, excess, k, _ = _above(fraction)
    return ((1 + np.sqrt(k)) / excess)[()]


def selection_trajectory(fraction, t, *, mean=0.0, sd=1.0):
    r"""Return mean and standard deviation after t rounds of keeping the top share and refitting a Gaussian.

    .. math:: \mu_t = \mu_0 + \frac{i\sigma_0}{1-\sqrt k}\big(1 - k^{t/2}\big), \qquad \sigma_t = k^{t/2}\sigma_0

    Parameters
    ----------
    fraction : float or array_like
        q in (0, 1].
    t : int or array_like
        Rounds >= 0; inf is the limit.
    mean, sd : float or array_like
        :math:`\mu_0` and :math:`\sigma_0`; all broadcast.

    Returns
    -------
    mean, sd : ndarray or float

    Notes
    -----
    Kind: exact for infinitely many samples. Source: `truncation-selection-gaussian` (derived).

    Examples
    --------
    >>> mean, sd = selection_trajectory(0.5, [0, 1, 2])
    >>> mean.round(4).tolist(), sd.round(4).tolist()
    ([0.0, 0.7979, 1.2789], [1.0, 0.6028, 0.3634])
    """
    _, excess, k, log_k = _above(fraction)
    t, mean, sd = _times(t), _array("mean", mean), _array("sd", sd, least=0)
    power = np.where(log_k == 0, 0.0, t * np.where(log_k == 0, -1.0, log_k)) / 2
    gain = (1 + np.sqrt(k)) / excess
    return (mean + sd * gain * -np.expm1(power))[()], (sd * np.exp(power))[()]


def best_of(candidates: int) -> tuple[float, float]:
    r"""Return mean and variance of the largest of K standard normal variables: selection with finitely many candidates.

    .. math:: E \max = \int x\,K\varphi(x)\Phi(x)^{K-1} dx

    Best-of-K sampling and refitting a Gaussian moves the mean by this times :math:`\sigma_t` and multiplies the
    variance by that. It is the limit of `curated_law` for a reward that grows ever steeper, and gains less than
    keeping the top 1/K of a large batch, `selection_intensity`.

    Parameters
    ----------
    candidates : int
        K >= 1.

    Returns
    -------
    mean, variance : float

    Notes
    -----
    Kind: exact (quadrature to rounding). Source: order statistics; derived.

    Examples
    --------
    >>> [round(x, 6) for x in best_of(2)]                 # 1 / sqrt(pi) and 1 - 1/pi
    [0.56419, 0.68169]
    """
    K = check.integer("candidates", candidates, least=1)
    if K == 1:
        return 0.0, 1.0
    # both ends where the tail outside is e^-45
    low, high = scipy.special.ndtri_exp(-45 / K), -scipy.special.ndtri(math.exp(-45) / K)
    nodes, weights = legendre()
    x = (low + high) / 2 + (high - low) / 2 * nodes
    log_weight = (K - 1) * scipy.special.log_ndtr(x) - x**2 / 2
    w = weights * np.exp(log_weight - log_weight.max())
    w /= w.sum()
    mean = float(w @ x)
    return mean, float(w @ (x - mean) ** 2)
