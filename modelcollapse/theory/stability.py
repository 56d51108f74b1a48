r"""Does a model stay near the truth if it is retrained on real and own data together? Conditions, and what is exact.

The objective of a round is :math:`E_{\rm real}\log p_{\theta'} + \lambda\,E_{p_\theta}\log p_{\theta'}`: to every real
point :math:`\lambda` synthetic ones, infinite samples unless said. Published theorems bound the factor by which a round
shrinks the error, with two constants of the problem, that enter as one number here, the *misfit*
:math:`e = L\varepsilon/\alpha`: L the Lipschitz constant in x of the Hessian :math:`\nabla_\theta^2\log p_\theta(x)`,
:math:`\alpha` the curvature of the log-likelihood at its maximum, :math:`\varepsilon` the Wasserstein distance of
the best model from the data. A model that contains the truth has e = 0.

What is exact: in an exponential family the mean parameter of a round is the average of the data,
:math:`m_{t+1} = \frac{m_{\rm data} + \lambda m_t}{1+\lambda}`. So the error shrinks by
:math:`\frac\lambda{1+\lambda} < 1`, for *every* :math:`\lambda`. A condition such as :math:`\lambda <
\frac12` is sufficient, and far from necessary.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import _validate as check

__all__ = [
    "bertrand_rate",
    "contraction_bound",
    "contraction_margin",
    "ferbach_kl_rate",
    "ferbach_ratio_bound",
    "mixed_total_variation",
    "retraining_factor",
    "retraining_mean",
    "stability_ratio_bound",
]


def _grid(name: str, value, *, least: float = 0.0, because: str) -> np.ndarray:
    value = check.array(name, value, ndim=tuple(range(5)), shape_words="any")
    if value.size and value.min() < least:
        raise ValueError(f"{name} must be >= {least:g} ({because}), got {value.min():g}.")
    return value


def _ratio(ratio) -> np.ndarray:
    return _grid("ratio", ratio, because="synthetic points per real one")


def _misfit(misfit) -> np.ndarray:
    return _grid("misfit", misfit, because="a Lipschitz constant times a distance over a curvature")


def _correction(correction) -> np.ndarray:
    return _grid("correction", correction, because="weight of the truth in the corrected samples")


def _rounds(t) -> np.ndarray:
    return _grid("t", t, because="it counts rounds")


# ------------------------------------------------------------------------------------------------- exact


def retraining_factor(ratio, correction=0.0):
    r"""Return :math:`\frac{\lambda}{(1+\lambda)(1+\gamma)}`, the factor of the error of the mean parameter in a round.

    Parameters
    ----------
    ratio : float or array_like
        :math:`\lambda \ge 0`, synthetic points per real one.
    correction : float or array_like
        :math:`\gamma \ge 0`: samples are drawn from :math:`\frac{p_\theta + \gamma p_{\theta^*}}{1+\gamma}`. Both
        broadcast.

    Returns
    -------
    ndarray or float
        In [0, 1).

    Notes
    -----
    Kind: exact (well-specified exponential family, infinite samples). Source: `bertrand-stability` (sharp value),
    `gillman-correction` (exact factor; derived), `ERR-19`.

    Examples
    --------
    >>> float(retraining_factor(3.0)), float(retraining_factor(1.0, 1.0))
    (0.75, 0.25)
    """
    ratio, correction = _ratio(ratio), _correction(correction)
    return (ratio / (1 + ratio) / (1 + correction))[()]


def retraining_mean(start, target, t, *, ratio: float, correction: float = 0.0):
    r"""Return the mean parameter after t rounds, :math:`m_t = m_* + r^t(m_0 - m_*)`, r = `retraining_factor`.

    Parameters
    ----------
    start, target : (...) array_like
        :math:`m_0` and :math:`m_*` = that of the data; expectations of the sufficient statistic, such as (mean, mean
        square) of a Gaussian. They broadcast.
    t : float or array_like
        Rounds; its axes come first in the result.
    ratio, correction : float
        :math:`\lambda` and :math:`\gamma`.

    Returns
    -------
    ndarray or float, the shape of `t` and then that of the parameter

    Notes
    -----
    Kind: exact (well-specified exponential family, infinite samples). Source: `bertrand-stability`,
    `gillman-correction` (derived).

    Examples
    --------
    >>> retraining_mean(0.9, 0.5, [0, 1, 2], ratio=1.0).round(12).tolist()
    [0.9, 0.7, 0.6]
    """
    start = check.array("start", start, ndim=tuple(range(4)), shape_words="any")
    target = check.array("target", target, ndim=tuple(range(4)), shape_words="any")
    t = _rounds(t)
    factor = float(
        retraining_factor(check.number("ratio", ratio, least=0), check.number("correction", correction, least=0))
    )
    gap = start - target
    return (target + np.power(factor, t).reshape(t.shape + (1,) * gap.ndim) * gap)[()]


def mixed_total_variation(t, *, real_fraction: float, start: float = 1.0):
    r"""Return :math:`TV(p_t, p_{\rm data}) = (1-\alpha)^t\,TV(p_0, p_{\rm data})` of perfect fits to mixed data.

    :math:`p_{t+1} = \alpha p_{\rm data} + (1-\alpha)p_t`: a test case beside the published bounds, whose constants are
    not available.

    Parameters
    ----------
    t : float or array_like
        Rounds.
    real_fraction : float
        :math:`\alpha` in [0, 1].
    start : float
        :math:`TV_0` in [0, 1].

    Notes
    -----
    Kind: exact (perfect fits, infinite samples). Source: `fu-tv-bounds` (test case derived; setting: arXiv 2402.11778,
    2502.18865).

    Examples
    --------
    >>> float(mixed_total_variation(2, real_fraction=0.5))
    0.25
    """
    t, real = _rounds(t), check.probability("real_fraction", real_fraction)
    return (check.probability("start", start) * np.power(1 - real, t))[()]


# ------------------------------------------------------------------------------------------------- published conditions


def stability_ratio_bound(misfit=0.0, correction=0.0):
    r"""Return the ratio below which the retraining map is proved to contract.

    .. math:: \lambda < \frac{1+\gamma}{2+\gamma}\cdot\frac1{1+e}

    Parameters
    ----------
    misfit : float or array_like
        :math:`e = L\varepsilon/\alpha \ge 0`.
    correction : float or array_like
        :math:`\gamma \ge 0`; they broadcast. 0 is Theorem 1 of Bertrand et al., :math:`\lambda(1+e) < \frac12`.

    Returns
    -------
    ndarray or float

    Notes
    -----
    Kind: bound (sufficient). Source: `bertrand-stability` (arXiv 2310.00429, Theorem 1), `gillman-correction` (arXiv
    2402.07087, Theorem 4.3).

    Examples
    --------
    >>> float(stability_ratio_bound()), float(stability_ratio_bound(0.0, 2.0))
    (0.5, 0.75)
    """
    misfit, correction = _misfit(misfit), _correction(correction)
    return ((1 + correction) / (2 + correction) / (1 + misfit))[()]


def bertrand_rate(ratio, misfit=0.0, correction=0.0):
    r"""Return the bound on the factor of a round, :math:`\frac{a/(1+\gamma)}{1-a}`, :math:`a = \lambda(1+e)`.

    For :math:`\gamma = 0` it is :math:`r_B = \frac{\lambda(\alpha+\varepsilon L)}{\alpha - \lambda(\alpha+\varepsilon
    L)}`. Infinite for :math:`a \ge 1`; it proves stability where it is below one, which is for :math:`\lambda` below
    `stability_ratio_bound`. Arguments broadcast.

    Kind: bound; not tight (for e = 0, :math:`\frac\lambda{1-\lambda}`; it is :math:`\frac\lambda{1+\lambda}`). Source:
    `bertrand-stability` (arXiv 2310.00429, Theorem 1), `gillman-correction` (arXiv 2402.07087, Theorem 4.3).

    Examples
    --------
    >>> float(bertrand_rate(0.25)), float(bertrand_rate(0.5, 0.0, 1.0))
    (0.3333333333333333, 0.5)
    """
    a = _ratio(ratio) * (1 + _misfit(misfit))
    safe = np.where(a < 1, a, 0.0)
    return np.where(a < 1, safe / (1 - safe), np.inf)[()] / (1 + _correction(correction))


def ferbach_ratio_bound(misfit):
    r"""Return the ratio below which the sharper theorem holds, :math:`\lambda < \frac1{2e}`; infinite for e = 0.

    It needs e < 1 besides. `misfit` broadcasts.

    Kind: bound (sufficient). Source: `ferbach-thm2.2-stability` (arXiv 2407.09499, Theorem 2.2).

    Examples
    --------
    >>> float(ferbach_ratio_bound(0.25)), float(ferbach_ratio_bound(0.0))
    (2.0, inf)
    """
    misfit = _misfit(misfit)
    if misfit.size and misfit.max() >= 1:
        raise ValueError(f"misfit must be < 1 (the theorem assumes L eps < alpha), got {misfit.max():g}.")
    with np.errstate(divide="ignore"):
        return (1 / (2 * misfit))[()]


def ferbach_kl_rate(ratio, misfit=0.0):
    r"""Return the bound on the factor of the KL divergence per round.

    .. math:: \Big(\frac{\lambda(1+e)}{1 + \lambda(1-e)}\Big)^2

    :math:`KL(p_{\theta^*}\|p_{\theta_t})` is of its t-th power, up to logarithms. It is below one exactly for
    :math:`\lambda` below `ferbach_ratio_bound`. Arguments broadcast.

    Kind: bound; tight for e = 0, where it is `retraining_factor` squared. Source: `ferbach-thm2.2-stability` (arXiv
    2407.09499, Theorem 2.2; tightness derived).

    Examples
    --------
    >>> float(ferbach_kl_rate(3.0))
    0.5625
    """
    ratio, misfit = _ratio(ratio), _misfit(misfit)
    ferbach_ratio_bound(misfit)
    return ((ratio * (1 + misfit) / (1 + ratio * (1 - misfit))) ** 2)[()]


# ------------------------------------------------------------------------------------------------- contraction


def contraction_margin(matrix, weight=None) -> float:
    r"""Return the largest c with :math:`A^\top P A \preceq (1-c)P`: one less the squared norm of A in the metric of P.

    Positive if A contracts. `matrix` A and `weight` P are (dim, dim); P, positive definite, is the identity by default.

    Kind: exact. Source: `contraction-filters` (arXiv 2512.00757).

    Examples
    --------
    >>> round(contraction_margin([[0.5, 0.0], [0.0, 0.8]]), 12)
    0.36
    """
    A = check.array("matrix", matrix, ndim=2, shape_words="(dim, dim)")
    if A.shape[0] != A.shape[1] or len(A) == 0:
        raise ValueError(f"matrix must be square (dim, dim), got shape {A.shape}.")
    if weight is not None:
        P = check.covariance("weight", weight, dimension=len(A))
        try:
            root = np.linalg.cholesky(P)
        except np.linalg.LinAlgError:
            raise ValueError("weight must be positive definite (it is a metric), got a singular matrix.") from None
        A = np.linalg.solve(root, A.T @ root).T  # L' A L'^-1
    return float(1 - np.linalg.norm(A, 2) ** 2)


def contraction_bound(t, *, margin: float, start: float, noise: float = 0.0, independent: bool = False):
    r"""Return a bound on the error after t rounds of :math:`e_{t+1} = A_te_t + \xi_t`, in the norm of P.

    .. math:: \|e_t\|_P \le r^t\|e_0\|_P + s\,\frac{1-r^t}{1-r}, \qquad
              \sqrt{E\|e_t\|_P^2} \le \sqrt{r^{2t}\|e_0\|_P^2 + s^2\,\frac{1-r^{2t}}{1-r^2}} \quad\text{(independent)}

    with :math:`r = \sqrt{1-c}`. The first for disturbances of norm at most s, the second for independent ones of mean
    zero and mean square at most :math:`s^2`.

    Parameters
    ----------
    t : float or array_like
        Rounds.
    margin : float
        c in (0, 1], of every :math:`A_t`; see `contraction_margin`.
    start : float
        :math:`\|e_0\|_P`.
    noise : float
        s.
    independent : bool

    Returns
    -------
    ndarray or float, the shape of `t`

    Notes
    -----
    Kind: bound; attained by :math:`A = rI` with constant, or independent, disturbances. Source: `contraction-filters`
    (arXiv 2512.00757; sums derived). With r = `bertrand_rate` it is the shape of the theorem with finite samples in
    `bertrand-stability` (Theorem 2): noise of order :math:`\sqrt{\ln(b/\delta)/n}`.

    Examples
    --------
    >>> contraction_bound([0, 1, 1000], margin=0.75, start=1.0, noise=0.5).tolist()
    [1.0, 1.0, 1.0]
    """
    t, margin = _rounds(t), check.number("margin", margin, above=0, most=1)
    start, noise = check.number("start", start, least=0), check.number("noise", noise, least=0)
    log = np.log1p(-margin) / 2 if margin < 1 else -math.inf
    power = 2 if independent else 1
    with np.errstate(invalid="ignore"):
        fallen = np.where(t == 0, 0.0, -np.expm1(power * np.where(t == 0, 1.0, t) * log))  # 1 - r^(power t)
    once = -np.expm1(power * log)
    out = (1 - fallen) * start**power + noise**power * fallen / once
    return (np.sqrt(out) if independent else out)[()]
