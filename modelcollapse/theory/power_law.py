r"""How does regression on synthetic labels scale when eigenvalues and target fall like powers? Orders of magnitude.

Eigenvalues :math:`\lambda_j \asymp j^{-\beta}` (`decay`), a target that explains
:math:`\lambda_j(v_j^\top w^*)^2 \asymp j^{-(1+2r\beta)}` (`source`), and a ridge penalty
:math:`\lambda \asymp n^{-\ell}`, :math:`0 \le \ell \le \beta`: the sums of `modelcollapse.theory.random_matrix` become
powers of n. Then :math:`\overline{df}_2 \asymp n^{-(1-\ell/\beta)}` amplifies the noise, the bias is
:math:`n^{-2\underline r\ell}`, and the labels of a generator that saw :math:`n_0` rows add a term of their own, which
a larger penalty must smooth away.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.theory.regression_mixed import _together

__all__ = [
    "power_law_order",
    "power_law_penalty",
    "power_law_rate",
]


def _powers(decay, source) -> tuple[float, float]:
    beta = check.number("decay", decay, above=1.0, because="the eigenvalues must have a sum")
    return beta, min(check.number("source", source, above=0.0), 1.0)


def _relative_growth(growth) -> float:
    if growth == math.inf:
        return 1.0
    return min(check.number("growth", growth, least=0.0), 1.0)


def power_law_penalty(decay: float, source: float, *, growth: float = math.inf) -> float:
    r"""Return the exponent of the best penalty, :math:`\lambda \asymp n^{-\ell^*}`, for power-law covariates.

    .. math:: \ell^* = \min(c, 1)\,\ell_{\rm crit}, \qquad \ell_{\rm crit} = \frac\beta{1+2\underline r\beta},\quad
              \underline r = \min(r, 1)

    Eigenvalues fall like :math:`j^{-\beta}`, and the target like
    :math:`\lambda_j(v_j^\top w^*)^2 \asymp j^{-(1+2r\beta)}`. On clean labels :math:`\ell_{\rm crit}` is best. If the
    labels come from a generator that saw :math:`n_0 \asymp n^c` rows, its error must be smoothed away: for c < 1 the
    best penalty is larger (adaptive regularisation).

    Parameters
    ----------
    decay : float
        :math:`\beta > 1`.
    source : float
        r > 0.
    growth : float
        c >= 0; inf (default) for clean labels.

    Returns
    -------
    float

    Notes
    -----
    Kind: asymptotic (order), the error of the generator's head dominating. Source: `reg-dohmatob-powerlaw` (Dohmatob,
    Feng and Kempe, arXiv 2402.07712, Theorem 5.1 and its corollary).

    Examples
    --------
    >>> power_law_penalty(2.0, 0.75), power_law_penalty(2.0, 0.75, growth=0.5)
    (0.5, 0.25)
    """
    beta, r = _powers(decay, source)
    return _relative_growth(growth) * beta / (1 + 2 * r * beta)


def power_law_rate(decay: float, source: float, *, growth: float = math.inf) -> float:
    r"""Return the exponent of the risk at the best penalty: :math:`R \asymp n^{-2\underline r\ell^*}`.

    .. math:: 2\underline r\,\ell^* = \min(c,1)\,\frac{2\underline r\beta}{1+2\underline r\beta}

    Parameters as in `power_law_penalty`.

    Notes
    -----
    Kind: asymptotic (order). Source: `reg-dohmatob-powerlaw` (arXiv 2402.07712, corollary to Theorem 5.1).

    Examples
    --------
    >>> power_law_rate(2.0, 0.75), power_law_rate(2.0, 0.75, growth=0.5)
    (0.75, 0.375)
    """
    return 2 * _powers(decay, source)[1] * power_law_penalty(decay, source, growth=growth)


def power_law_order(
    n,
    *,
    decay: float,
    source: float,
    exponent: float,
    fits: int = 0,
    n_generator=None,
    generator_ratio: float = 0.0,
    noise_variance: float = 1.0,
    generator_noise_variance: float = 1.0,
):
    r"""Return the order of the risk of ridge regression with power-law covariates and :math:`\lambda \asymp n^{-\ell}`.

    .. math:: \Big[\max(\sigma^2, n^{1-2\underline r\ell-\ell/\beta})
              + \frac{k\sigma_0^2}{1-\varphi_0}\max\Big(\frac n{n_0}, \varphi_0\Big)\Big]\,n^{-(1-\ell/\beta)}

    The exponent of the generator's term is :math:`-(1-\ell/\beta)` (`ERR-24`).

    Parameters
    ----------
    n : float or array_like
        Rows of the downstream fit, > 0.
    decay, source
        :math:`\beta` and r of `power_law_penalty`.
    exponent : float
        :math:`\ell` in [0, decay].
    fits : int
        k >= 0 fits of the generator.
    n_generator : float or array_like, optional
        :math:`n_0`; needed where k > 0. It broadcasts with n.
    generator_ratio : float
        :math:`\varphi_0 = d/n_0` in [0, 1).
    noise_variance, generator_noise_variance : float
        :math:`\sigma^2` and :math:`\sigma_0^2`.

    Returns
    -------
    float or ndarray
        Up to a constant factor.

    Notes
    -----
    Kind: asymptotic (order). Source: `reg-dohmatob-powerlaw` (derived; Dohmatob, Feng and Kempe, arXiv 2402.07712,
    Theorem 5.1).

    Examples
    --------
    >>> bool(abs(power_law_order(1e4, decay=2.0, source=0.75, exponent=0.5) - 1e4**-0.75) < 1e-15)
    True
    """
    beta, r = _powers(decay, source)
    ell = check.number("exponent", exponent, least=0.0, most=beta)
    noise = check.number("noise_variance", noise_variance, least=0.0)
    old = check.number("generator_noise_variance", generator_noise_variance, least=0.0)
    phi0 = check.probability("generator_ratio", generator_ratio)
    if phi0 == 1:
        raise ValueError("generator_ratio must be < 1 (its error is infinite at the interpolation threshold), got 1.")
    k = check.integer("fits", fits, least=0)
    n = np.asarray(n, dtype=float)
    if not (n > 0).all():
        raise ValueError(f"n must be > 0, got {n.min():g}.")
    # the last factor is inside every bracket: then no product of infinity and zero is left where n is infinite
    last, power = n ** (-(1 - ell / beta)), ell / beta
    total = np.maximum(noise * last, n ** (-2 * r * ell))
    if k:
        if n_generator is None:
            raise ValueError(
                "n_generator must be given where fits > 0 (the generator's error depends on it), got None."
            )
        n0 = np.asarray(n_generator, dtype=float)
        if not (n0 > 0).all():
            raise ValueError(f"n_generator must be > 0, got {n0.min():g}.")
        _together(n=n, n_generator=n0)
        if power > 0 and (np.isinf(n) & np.isinf(n0)).any():
            raise ValueError("n_generator must be finite where n is infinite (their ratio counts), got inf.")
        if old > 0:
            total = total + k * old / (1 - phi0) * np.maximum(n**power / n0, phi0 * last)
    return total[()]
