r"""What happens to linear regression when every model labels the data of the next? Exact results at finite sizes.

Rows are :math:`x \sim N(0, \Sigma)` in d dimensions with labels :math:`y = x^\top w + \varepsilon`,
:math:`\varepsilon \sim N(0, \sigma^2)`. Generation 0 is the truth :math:`w^*`; generation t is fitted by ordinary least
squares without an intercept, to rows some of which were labelled by earlier models, with fresh noise of the same
variance. The risk is the excess test error :math:`R_t = E\,(w_t - w^*)^\top \Sigma\, (w_t - w^*)`: the noise floor
:math:`\sigma^2` is not in it. Everything is equivariant, so neither :math:`w^*` nor :math:`\Sigma` matters.

**One step.** With :math:`e_t = w_t - w^*`, a model that is fitted to n rows of its predecessor is
:math:`e_t = e_{t-1} + S^{-1}X^\top E` with :math:`S = X^\top X`, and the step is a multivariate t variable with
:math:`n - d + 1` degrees of freedom over :math:`\sqrt{n-d+1}`: its mean square is :math:`\sigma^2 d/(n-d-1)`, finite
from :math:`n = d + 2` on. Three facts give all that is known exactly for fresh designs:

* *the training set is replaced*: r new real rows and s rows of the last model, n in all. Then
  :math:`R_t = a R_{t-1} + \sigma^2 d/(n-d-1)`, where :math:`a` (`mixture_coefficient`) is the expected squared length
  of what is left of a unit error;
* *the training set grows* by rows of the last model: :math:`e_t = e_{t-1} + S_t^{-1}X_t^\top E_t`, and because rows
  are exchangeable :math:`R_t = R_{t-1} + \frac{n_t}{N_t}\frac{\sigma^2 d}{N_t-d-1}` with :math:`N_t` rows in all;
* *the same design for ever*, only the labels are new: d independent means of known variance, in the unit
  :math:`\sigma^2 d/(n-d-1)`.

`regression_risk` takes a regime and applies them step by step. Where some rows leave and some stay (windows, fixed real
rows from generation 3 on), fresh designs have no closed form: the new and the old inverse share rows.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory import kernel_density as kde
from modelcollapse.theory.gaussian import _generations, _sizes, _total
from modelcollapse.theory.inbreeding import written_out
from modelcollapse.theory.regression_mixed import ROWS, _array, _coefficient, _scale, _together

__all__ = [
    "mean_risk",
    "minimum_norm_risk",
    "regression_risk",
    "regression_risk_accumulate",
    "regression_risk_multiple",
    "regression_risk_replace",
    "regression_risk_sd",
]

DESIGNS = ("fresh", "same")


# ------------------------------------------------------------------------------------------------- named regimes


def regression_risk_replace(n, t, *, dim: int, noise_variance: float = 1.0):
    r"""Return :math:`R_t = \sigma^2 d \sum_{i\le t} \frac1{n_i-d-1}`: every model is fitted to rows of the last alone.

    With equal sizes :math:`t\,\sigma^2 d/(n-d-1)`, for a fresh design in every generation and for one that is kept;
    isotropy is not needed. Bounded iff :math:`\sum 1/n_i < \infty`.

    Parameters
    ----------
    n : int or sequence of int
        Rows per generation, or the sizes (n_1, n_2, ...), at least dim + 2.
    t : int or array_like of int
        Generation >= 0.
    dim : int
        d >= 1.
    noise_variance : float
        :math:`\sigma^2`, in squared units of the labels.

    Returns
    -------
    float or ndarray
        Excess risk, of the shape of `t`.

    Raises
    ------
    ValueError
        If a generation has fewer than dim + 2 rows (the expectation is infinite at dim and dim + 1; below dim see
        `minimum_norm_risk`).

    Notes
    -----
    Kind: exact. Source: `reg-replace-linear` (Gerstgrasser et al., arXiv 2404.01413, Theorem 2, after Dohmatob, Feng
    and Kempe, arXiv 2402.07712), `reg-replace-schedule` (derived; growth condition also Xu, He and Cheng 2025).

    Examples
    --------
    >>> float(regression_risk_replace(111, 10, dim=10))
    1.0
    >>> round(float(regression_risk_replace([10, 20], 2, dim=4)), 6)
    1.066667
    """
    d, noise = _scale(dim, noise_variance)
    return noise * d * _total(lambda n: 1 / (n - d - 1), n, t, least=d + 2, because=ROWS)


def regression_risk_sd(n, t, *, dim: int, noise_variance: float = 1.0):
    r"""Return the standard deviation of the excess error :math:`e_t^\top\Sigma e_t` over chains under Replace.

    The steps are independent and spherical (after whitening), each a multivariate t variable. With
    :math:`m_i = n_i-d-1`

    .. math:: \mathrm{Var} = \frac2d R_t^2 + 2\sigma^4 d(d+2) \sum_{i\le t} \frac1{m_i^2(m_i-2)},

    fresh designs; infinite where there is noise and some :math:`n_i \le d + 3`.

    Parameters
    ----------
    n, t, dim, noise_variance
        As in `regression_risk_replace`.

    Returns
    -------
    float or ndarray
        Of the shape of `t`.

    Notes
    -----
    Kind: exact. Source: derived; `reg-replace-linear`, `reg-replace-schedule`.

    Examples
    --------
    >>> round(float(regression_risk_sd(20, 1, dim=1)), 6)
    0.085617
    """
    d, noise = _scale(dim, noise_variance)

    def step(n):
        m = n - d - 1
        with np.errstate(divide="ignore"):
            return np.where(m > 2, 1 / (m**2 * np.maximum(m - 2, 0)), np.inf)

    with np.errstate(invalid="ignore"):
        own = _total(step, n, t, least=d + 2, because=ROWS)
    own = np.where(np.asarray(t) == 0, 0.0, own)  # 0 times infinity
    risk = regression_risk_replace(n, t, dim=d)
    return (noise * np.where(noise == 0, 0.0, np.sqrt(2 / d * risk**2 + 2 * d * (d + 2) * own)))[()]


def _relative_sd(n: int, d: int) -> float:
    """Standard deviation over mean of the excess error: of one fit, or of any generation with the same design."""
    m = n - d - 1
    return math.sqrt(2 * (m + d) / (d * (m - 2))) if m > 2 else math.inf


def _pairs(offset, a, last):
    r"""Return the sum over i = 1 .. last of :math:`1/((o + i)(o + i - a))`, :math:`0 < a < o + 1`.

    Sixteen terms, then powers of a with Hurwitz zeta functions; digamma functions where a is no small part of o.
    """
    offset, a, last = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (offset, a, last)))
    explicit, ends = 16, np.isfinite(last)
    total = np.zeros(offset.shape)
    for i in range(1, explicit + 1):
        total = total + np.where(last >= i, 1 / ((offset + i) * (offset + i - a)), 0.0)
    x, far = offset + explicit + 1, offset + np.where(ends, np.maximum(last, explicit), 0.0) + 1
    small = a <= x / 8
    b = np.where(small, a, 0.0)
    for k in range(18):
        rest = np.where(ends, scipy.special.zeta(k + 2, far), 0.0)
        total = total + b**k * (scipy.special.zeta(k + 2, x) - rest)
    first, end = offset + 1, offset + np.where(ends, last, 0.0) + 1
    psi = scipy.special.digamma
    late = np.where(ends, psi(end) - psi(end - a), 0.0)
    return np.where(small, total, (psi(first) - psi(first - a) - late) / a)


def regression_risk_accumulate(n, t, *, dim: int, noise_variance: float = 1.0, n_real=None, design: str = "fresh"):
    r"""Return the risk where everything is kept: it stays bounded.

    .. math:: \text{fresh designs:}\quad R_t = \sigma^2 d\Big[\frac1{n_0-d-1}
              + \sum_{i=1}^{t-1}\frac n{N_i(N_i-d-1)}\Big],\quad N_i = n_0 + in;
              \qquad n_0 = n:\ R_\infty = -\frac{\sigma^2 d}{d+1}\Big[\psi\Big(1-\frac{d+1}n\Big)+\gamma\Big]

    .. math:: \text{the same design:}\quad R_t = \frac{\sigma^2 d}{n-d-1}\sum_{i\le t}\frac1{i^2}
              \le \frac{\sigma^2 d}{n-d-1}\cdot\frac{\pi^2}6

    The second is the theorem in the literature: one design, stacked t times. Fresh designs cost less, because pooled
    rows make a better inverse. For every sequence of sizes :math:`R_t \le 2\sigma^2 d/(n_0-d-1)` with fresh designs;
    for schedules see `regression_risk`.

    Parameters
    ----------
    n : int or array_like
        Rows added per generation, >= 1.
    t : int or array_like
        Generation >= 0; inf is the limit. `n`, `t` and `n_real` broadcast.
    dim : int
        d >= 1.
    noise_variance : float
        :math:`\sigma^2`.
    n_real : int or array_like, optional
        :math:`n_0`, real rows of generation 1, at least dim + 2; default n. Only with fresh designs.
    design : {"fresh", "same"}
        New covariates in every generation, or those of generation 1 with new labels.

    Returns
    -------
    float or ndarray

    Notes
    -----
    Kind: exact. Source: `reg-accumulate-sameX-pi2over6` (Gerstgrasser et al., arXiv 2404.01413, Theorems 1 and 2),
    `reg-accumulate-freshX-exact` (derived). Scope of the constant: `ERR-11`, `ERR-18`.

    Examples
    --------
    >>> round(float(regression_risk_accumulate(20, 2, dim=5)), 6)
    0.430672
    >>> round(float(regression_risk_accumulate(111, 10, dim=10, design="same")), 6)
    0.154977
    """
    d, noise = _scale(dim, noise_variance)
    check.choice("design", design, DESIGNS)
    t = _array("t", t, 0, "generation 0 is the truth", endless=True)
    if design == "same":
        if n_real is not None:
            raise ValueError(f"n_real must be None for the same design (it has n rows for ever), got {n_real!r}.")
        n = _array("n", n, d + 2, ROWS)
        _together(n=n, t=t)
        rest = np.where(np.isinf(t), 0.0, scipy.special.zeta(2, np.where(np.isinf(t), 1.0, t) + 1))
        total = np.where(t == 0, 0.0, math.pi**2 / 6 - rest)
        return (noise * d / (n - d - 1) * total)[()]
    n = _array("n", n, 1)
    first = _array("n" if n_real is None else "n_real", n if n_real is None else n_real, d + 2, ROWS)
    _together(n=n, t=t, n_real=first)
    total = 1 / (first - d - 1) + _pairs(first / n, (d + 1) / n, np.maximum(t - 1, 0)) / n
    return (noise * d * np.where(t == 0, 0.0, total))[()]


def regression_risk_multiple(n, t, *, dim: int, noise_variance: float = 1.0, design: str = "fresh"):
    r"""Return the risk where generation t is fitted to :math:`tn` rows, all of them labelled by the last model.

    .. math:: \text{fresh designs:}\quad R_t = \sigma^2 d \sum_{i\le t}\frac1{in-d-1}
              = \frac{\sigma^2 d}n\Big[\psi\Big(t+1-\frac{d+1}n\Big)-\psi\Big(1-\frac{d+1}n\Big)\Big]; \qquad
              \text{one design, tiled:}\quad R_t = \frac{\sigma^2 d}{n-d-1}\sum_{i\le t}\frac1i

    Both diverge like ln t: as many rows as under accumulation, but all from one model, are no cure.

    Parameters
    ----------
    n : int or array_like
        Rows of generation 1, at least dim + 2.
    t : int or array_like
        Generation >= 0; inf gives inf where there is noise. They broadcast.
    dim, noise_variance, design
        As in `regression_risk_accumulate`; "same" repeats the design of generation 1 t times, with new labels.

    Returns
    -------
    float or ndarray

    Notes
    -----
    Kind: exact. Source: `reg-replace-multiple` (Gerstgrasser et al., arXiv 2404.01413, Eq. 11, same design; fresh
    designs derived).

    Examples
    --------
    >>> round(float(regression_risk_multiple(20, 2, dim=5, design="same")), 6)
    0.535714
    """
    d, noise = _scale(dim, noise_variance)
    check.choice("design", design, DESIGNS)
    n = _array("n", n, d + 2, ROWS)
    t = _array("t", t, 0, "generation 0 is the truth", endless=True)
    _together(n=n, t=t)
    start = np.ones_like(n) if design == "same" else (n - d - 1) / n
    unit = 1 / (n - d - 1) if design == "same" else 1 / n
    total = unit * (scipy.special.digamma(t + start) - scipy.special.digamma(start))
    return (noise * d * np.where(noise == 0, 0.0, total))[()]


# ------------------------------------------------------------------------------------------------- any regime


def mean_risk(regime, generations: int, *, variance: float = 1.0) -> np.ndarray:
    r"""Return :math:`E(\mu_t-\mu_0)^2` of a mean whose points have a *known* variance, under any regime.

    It is the dictionary between regression and the estimation of a mean: with one design for ever, :math:`R_t` is
    :math:`\frac{\sigma^2 d}{n-d-1}` times this number for batches of one point; with fresh designs :math:`\sigma^2 d`
    times this number is the leading order of :math:`R_t` for :math:`n \gg d`, under every regime. Replace:
    :math:`t\sigma^2/n`; Accumulate: :math:`\frac{\sigma^2}n\sum_{i\le t}i^{-2}`; t n points of the last model:
    :math:`\frac{\sigma^2}n\sum_{i\le t}i^{-1}`; a share :math:`\lambda` of fresh real points:
    :math:`\to \frac{\sigma^2}{n\lambda(2-\lambda)}`, so that accumulation costs in the end as much as
    :math:`\lambda = 1-\sqrt{1-6/\pi^2}`.

    Parameters
    ----------
    regime : Regime
        Anything with a method ``plan(generations)``, without curation and weights.
    generations : int
        T >= 0.
    variance : float
        :math:`\sigma^2` of one point.

    Returns
    -------
    ndarray, (generations + 1,)

    Notes
    -----
    Kind: exact. Source: `reg-same-as-mean-estimation` (derived; Gerstgrasser et al., arXiv 2404.01413, for the first
    three). By contrast `inbreeding` is for families that re-estimate the variance.

    Examples
    --------
    >>> from modelcollapse.regimes import Accumulate, FreshReal, Replace
    >>> mean_risk(Replace(n=10), 3).round(12).tolist()
    [0.0, 0.1, 0.2, 0.3]
    >>> mean_risk(Accumulate(n=10), 2).round(12).tolist()
    [0.0, 0.1, 0.125]
    >>> round(float(mean_risk(FreshReal(n=10, n_real=5), 60)[-1]), 6)
    0.133333
    """
    generations = check.integer("generations", generations, least=0)
    variance = check.number("variance", variance, least=0.0)
    if generations == 0:
        return np.zeros(1)
    return variance * _mean_error(written_out(regime, generations))


def _mean_error(plan) -> np.ndarray:
    """Squared error of a mean of known variance 1: a model whose kernel adds what its points lack."""
    return np.concatenate([[0.0], kde._recursion(plan, lambda size: (-1.0, 1.0), 0.0)[1]])


def _tiles(plan, regime):
    """Return the plan in units of the design of generation 1, or say why there is none."""
    rows = int(plan.real[0])
    odd = plan.batch % rows != 0
    mixed = plan.real[1:].any() or plan.mix.any() or plan.drawn.any() or plan.pinned not in (0, rows)
    if odd.any() or mixed:
        got = f"{int(plan.batch[odd][0])} rows after {rows}" if odd.any() else str(regime)
        raise ValueError(
            "regime must repeat the whole design of generation 1 in every batch for the same design (Replace, "
            f"Accumulate, Window, FixedReal of equal or multiple sizes), got {got}."
        )
    return dataclasses.replace(
        plan, real=plan.real // rows, synthetic=plan.synthetic // rows, pinned=plan.pinned // rows
    )


def regression_risk(
    regime, generations: int, *, dim: int, noise_variance: float = 1.0, design: str = "fresh"
) -> np.ndarray:
    r"""Return the excess risk of ordinary least squares under a regime, t = 0 .. T, wherever it is known exactly.

    Fresh designs: `Replace`, `Accumulate`, `FreshReal`, `Mix`, each with sizes that may be schedules; `Window` while
    nothing has left it; `FixedReal` up to generation 2. With the same design: every regime whose batches repeat the
    design of generation 1 (`Replace`, `Accumulate`, `Window`, `FixedReal`), for ever. The steps are those of the head
    of this module; under `Mix`

    .. math:: R_t = E[a(n - K, K)]\,R_{t-1} + \frac{\sigma^2 d}{n-d-1}, \qquad K \sim \mathrm{Bin}(n, 1-m) .

    Parameters
    ----------
    regime : Regime
        Anything with a method ``plan(generations)``.
    generations : int
        T >= 0.
    dim : int
        d >= 1.
    noise_variance : float
        :math:`\sigma^2`, of real and of synthetic labels.
    design : {"fresh", "same"}
        New covariates in every generation, or those of generation 1 with new labels.

    Returns
    -------
    ndarray, (generations + 1,)

    Raises
    ------
    ValueError
        If a generation has fewer than dim + 2 rows, or if some generation is not known exactly: it says from which one
        on. `mean_risk` times dim is then the leading order.

    Notes
    -----
    With the same design the excess error of a chain is :math:`R_t` times one F variable with d and :math:`n-d+1`
    degrees of freedom over its mean: its relative scatter is that of one fit in every generation.

    Kind: exact. Source: `reg-replace-linear`, `reg-replace-schedule`, `reg-accumulate-freshX-exact`,
    `reg-fresh-data-loop`, `reg-accumulate-sameX-pi2over6`, `reg-same-as-mean-estimation` (derived; Gerstgrasser et al.,
    arXiv 2404.01413; Dohmatob et al., arXiv 2402.07712 and 2410.04840).

    Examples
    --------
    >>> from modelcollapse.regimes import FreshReal, Replace, Window
    >>> regression_risk(Replace(n=(10, 20)), 2, dim=4).round(6).tolist()
    [0.0, 0.8, 1.066667]
    >>> regression_risk(FreshReal(n=16, n_real=8), 40, dim=4)[-1].round(5).item()
    0.55641
    >>> regression_risk(Window(n=20, k=2), 3, dim=5, design="same").round(6).tolist()
    [0.0, 0.357143, 0.446429, 0.647321]
    """
    d, noise = _scale(dim, noise_variance)
    generations = check.integer("generations", generations, least=0)
    check.choice("design", design, DESIGNS)
    if generations == 0:
        return np.zeros(1)
    plan = written_out(regime, generations)
    size = plan.size if design == "fresh" else plan.real[:1]
    if size.min() < d + 2:
        t = int(np.argmin(size)) + 1
        raise ValueError(
            f"n must be >= {d + 2} in every generation ({ROWS}), got {int(size[t - 1])} at generation {t}."
        )
    if design == "same":
        return noise * d / (int(size[0]) - d - 1) * _mean_error(_tiles(plan, regime))
    unknown = np.flatnonzero(~(_renewed(plan) | _grown(plan)))
    if len(unknown):
        raise ValueError(
            "regime must replace its training set or add to it (where some rows leave and some stay, no closed form is "
            f"known), which {regime} does up to generation {unknown[0]}; got generations={generations}."
        )
    fresh_noise = d / (plan.size - d - 1.0)
    share = np.where(_renewed(plan), 1.0, plan.batch / plan.size)
    keep = np.where(_renewed(plan), _mixed_coefficient(plan, d), 1.0)
    R = np.zeros(generations + 1)
    for t in range(generations):
        R[t + 1] = keep[t] * R[t] + share[t] * fresh_noise[t]
    return noise * R


def _renewed(plan) -> np.ndarray:
    """Generations whose training set is one new batch and nothing else, (T,) bool."""
    t = np.arange(1, plan.generations + 1)
    return (plan.oldest == t) & ((plan.pinned == 0) | (t == 1)) & ((plan.drawn == 0) | (t == 1))


def _grown(plan) -> np.ndarray:
    """Generations whose training set is the last one and new rows of the last model, (T,) bool."""
    stays = np.concatenate([[False], np.diff(plan.oldest) == 0])
    if plan.generations > 1 and plan.oldest[1] == 2 and plan.pinned == plan.real[0]:
        stays[1] = True
    return stays & (plan.real == 0) & (plan.mix == 0) & ~np.logical_or.accumulate(plan.drawn > 0)


def _mixed_coefficient(plan, d: int) -> np.ndarray:
    """Expected `mixture_coefficient` of every batch, over the random number of its synthetic rows."""
    s, q = plan.synthetic.astype(float), plan.mix
    mean = s * (1 - q)
    pairs = mean * np.maximum(s - 1, 0) * (1 - q)  # E K (K - 1)
    cross = mean * (np.maximum(s - 1, 0) * q + plan.real)  # E K (n - K)
    return _coefficient(mean, pairs + mean, cross, plan.batch.astype(float), d)


# --------------------------------------------------------------------------- fewer rows than dimensions


def minimum_norm_risk(n, t, *, dim: int, signal: float = 1.0, noise_variance: float = 0.0, design: str = "fresh"):
    r"""Return the risk under Replace of the least squares fit of smallest norm: collapse to zero without any noise.

    With :math:`\Sigma = I`, n < d and :math:`\eta = n/d` each fit keeps a random n-dimensional shadow of the last:

    .. math:: R_t = \|w^*\|^2(1-\eta^t) + \frac{\sigma^2 n}{d-n-1}\cdot\frac{1-\eta^t}{1-\eta}
              \quad\text{(fresh designs)}, \qquad
              \|w^*\|^2(1-\eta) + t\,\frac{\sigma^2 n}{d-n-1}\quad\text{(the same design)}

    With a schedule, :math:`\prod\eta_i` takes the place of :math:`\eta^t` and
    :math:`\sum_i v_i\prod_{j>i}\eta_j` that of the noise term, where :math:`\eta_i = \min(n_i/d, 1)` and
    :math:`v_i = \sigma^2\min(n_i,d)/(|n_i-d|-1)`: generations with more rows than dimensions are allowed.

    Parameters
    ----------
    n : int or sequence of int
        Rows per generation, or the sizes (n_1, n_2, ...), >= 1. With noise, dim - 1, dim and dim + 1 are excluded (the
        expectation is infinite there).
    t : int or array_like of int
        Generation >= 0.
    dim : int
        d >= 1.
    signal : float
        :math:`\|w^*\|^2`.
    noise_variance : float
        :math:`\sigma^2`; 0 by default.
    design : {"fresh", "same"}
        With "same", `n` is one number.

    Returns
    -------
    float or ndarray
        :math:`E\|w_t-w^*\|^2`, of the shape of `t`.

    Notes
    -----
    Kind: exact for isotropic covariates. Source: `reg-overparam-exponential` (Dohmatob, Feng and Kempe, arXiv
    2402.07712, for the phenomenon; finite-d form derived).

    Examples
    --------
    >>> minimum_norm_risk(8, [0, 1, 2], dim=20).round(12).tolist()
    [0.0, 0.6, 0.84]
    >>> minimum_norm_risk(8, [1, 2], dim=20, design="same").round(12).tolist()
    [0.6, 0.6]
    """
    d, noise = _scale(dim, noise_variance)
    signal = check.number("signal", signal, least=0.0)
    check.choice("design", design, DESIGNS)
    n = _sizes(n, 1, "a fit needs a row")
    t = _generations(t, n)
    near = np.abs(n - d) < 2
    if noise > 0 and near.any():
        raise ValueError(
            f"n must differ from dim = {d} by at least 2 where there is noise (its expected effect is infinite near "
            f"the interpolation threshold), got {int(n[near].flat[0])}."
        )
    rank, lost = np.minimum(n, d), np.maximum(d - n, 0.0) / d
    step = noise * rank / (np.abs(n - d) - 1) if noise > 0 else np.zeros_like(n)
    if design == "same":
        if n.ndim:
            raise ValueError("n must be one number for the same design (it has n rows for ever), got a schedule.")
        return np.where(t == 0, 0.0, signal * lost + t * step)[()]
    if n.ndim == 0:
        gone = 0.0 - np.expm1(scipy.special.xlog1py(t, -lost))
        return (signal * gone + step * (gone / lost if lost > 0 else t))[()]
    gone, extra = np.zeros(len(n) + 1), np.zeros(len(n) + 1)
    for i in range(len(n)):
        gone[i + 1] = gone[i] + lost[i] * (1 - gone[i])
        extra[i + 1] = (1 - lost[i]) * extra[i] + step[i]
    return (signal * gone + extra)[t]
