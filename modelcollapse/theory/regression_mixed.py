r"""Two targets in one fit: rows or labels of the truth and of a model, put together.

A share of the rows (or of every label) comes from a model that is wrong by :math:`\delta`. How much of the error does
the next fit take over? For ordinary least squares on mixed *rows* it is a number a that depends on the counts and the
dimension alone (`mixture_coefficient`). It says what synthetic data cost in one fit (`strong_collapse_risk`), and where
a loop with new real rows in every generation ends (`fresh_rows_risk`). Mixed *labels* on one design are a mean of known
variance (`label_mixing_risk`); labels that are partly overwritten lie between the two (`token_editing_risk`).

Notation as in `modelcollapse.theory.regression`: excess test error, the noise floor not included; limits for
proportionate growth, and ridge penalties, are in `modelcollapse.theory.random_matrix`.
"""

from __future__ import annotations

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.weights import golden_variance

__all__ = [
    "downstream_risk",
    "fresh_rows_risk",
    "label_mixing_risk",
    "mixture_coefficient",
    "strong_collapse_risk",
    "token_editing_growth",
    "token_editing_risk",
]

ROWS = "the expected inverse of X'X is finite from dim + 2 rows on"


def _array(name: str, value, least: float, because: str = "", *, whole: bool = True, endless: bool = False):
    """Return counts (or numbers) of any shape as floats, all of them at least `least`; inf where it is allowed."""
    out = np.asarray(value, dtype=float)
    good = (out >= least) & (np.isfinite(out) | endless)
    if whole:
        good &= np.isinf(out) | (out == np.floor(out))
    if not good.all():
        rule = f"{'integers' if whole else 'numbers'} >= {least:g}" + (" or inf" if endless else "")
        why = f" ({because})" if because else ""
        raise ValueError(f"{name} must be {rule}{why}, got {out[~good].flat[0]:g}.")
    return out


def _together(**arrays) -> None:
    """Refuse arguments that do not broadcast, by name."""
    shapes = [np.shape(array) for array in arrays.values()]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError as error:
        names = ", ".join(arrays)
        raise ValueError(f"{names} must broadcast, got shapes {', '.join(map(str, shapes))}.") from error


def _scale(dim, noise_variance) -> tuple[int, float]:
    """Check the two arguments that every function has."""
    return check.integer("dim", dim, least=1), check.number("noise_variance", noise_variance, least=0.0)


# ------------------------------------------------------------------------------------------------- mixtures of rows


def _coefficient(p, square, cross, n, d):
    """a, from (the expectations of) p, p^2 and p (n - p); every term is positive."""
    m = n - d - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        a = (n * m * square + (n * d - 2) * cross + m * (n - 2) * p) / (n * (n - 1) * (n + 2) * m)
    return np.where(p == 0, 0.0, a)


def _counts(n_real, n_synthetic, dim):
    d = check.integer("dim", dim, least=1)
    q, p = _array("n_real", n_real, 0), _array("n_synthetic", n_synthetic, 0)
    _together(n_real=q, n_synthetic=p)
    _array("n_real + n_synthetic", p + q, d + 2, ROWS)
    return q, p, d


def mixture_coefficient(n_real, n_synthetic, *, dim: int):
    r"""Return the share a of a squared discrepancy that ordinary least squares on a mixture of rows takes over.

    Of :math:`n = q + p` rows, :math:`p` have the target :math:`w^* + \delta` and :math:`q` the target :math:`w^*`. The
    fit is off by :math:`S^{-1}X_2^\top X_2\,\delta`, and for :math:`\delta` independent of the rows

    .. math:: E\,\|S^{-1}X_2^\top X_2\,\delta\|_\Sigma^2 = a\,\|\delta\|_\Sigma^2, \qquad
              a = \frac{p\,[\,npm + q(nd-2) + m(n-2)\,]}{n(n-1)(n+2)\,m}, \quad m = n-d-1 .

    a lies near :math:`(p/n)^2` for :math:`n \gg d` and *exceeds one* near the interpolation threshold.

    Parameters
    ----------
    n_real, n_synthetic : int or array_like
        q and p, >= 0; at least dim + 2 together. They broadcast.
    dim : int
        d >= 1.

    Returns
    -------
    float or ndarray

    Notes
    -----
    Kind: exact. Source: `reg-strong-collapse-ridgeless` (derived; the matrix-variate beta law of
    :math:`S^{-1/2}X_2^\top X_2S^{-1/2}`, which is independent of S, its zonal moments, and
    :math:`E\,\mathrm{tr}S\,\mathrm{tr}S^{-1}`; the sum of these simplifies to the form above). Limit: Dohmatob et al.,
    arXiv 2410.04840, Corollary 1 (`mixture_coefficient_limit`).

    Examples
    --------
    >>> float(mixture_coefficient(3, 3, dim=1))
    0.3125
    >>> float(mixture_coefficient(0, 30, dim=4)), float(mixture_coefficient(30, 0, dim=4))
    (1.0, 0.0)
    """
    q, p, d = _counts(n_real, n_synthetic, dim)
    return _coefficient(p, p * p, p * q, p + q, d)[()]


def strong_collapse_risk(n_real, n_synthetic, *, dim: int, discrepancy=1.0, noise_variance: float = 1.0):
    r"""Return :math:`R = \frac{\sigma^2 d}{n-d-1} + a\,c^2`: one fit to real rows and rows with another target.

    Parameters
    ----------
    n_real, n_synthetic : int or array_like
        Rows with the target :math:`w^*` and with :math:`w^* + \delta`.
    dim : int
        d >= 1.
    discrepancy : float or array_like
        :math:`c^2 = E\|\delta\|_\Sigma^2 = \mathrm{tr}(\Sigma\Delta)`: the excess risk of the synthetic target itself
        (the trace, without 1/d: `ERR-16`).
    noise_variance : float
        :math:`\sigma^2`, the same for all rows.

    Returns
    -------
    float or ndarray

    Notes
    -----
    Kind: exact. Source: `reg-strong-collapse-ridgeless` (derived; limit: Dohmatob et al., arXiv 2410.04840, Corollary
    1). More rows do not help: with a fixed share of synthetic ones it tends to :math:`(p/n)^2c^2 > 0`.

    Examples
    --------
    >>> round(float(strong_collapse_risk(3, 3, dim=1, discrepancy=2.0)), 6)
    0.875
    """
    d, noise = _scale(dim, noise_variance)
    q, p, d = _counts(n_real, n_synthetic, d)
    c2 = _array("discrepancy", discrepancy, 0, "a squared length", whole=False)
    _together(n_real=q, n_synthetic=p, discrepancy=c2)
    return (noise * d / (p + q - d - 1) + _coefficient(p, p * p, p * q, p + q, d) * c2)[()]


def fresh_rows_risk(n_real, n_synthetic, t, *, dim: int, noise_variance: float = 1.0, n_first=None):
    r"""Return the risk of a loop that gets :math:`q` new real rows and :math:`p` rows of the last model each time.

    .. math:: R_t = a^{t-1} R_1 + \frac{\sigma^2 d}{n-d-1}\,\frac{1-a^{t-1}}{1-a} \ \to\
              \frac{\sigma^2 d}{(n-d-1)(1-a)}, \qquad R_1 = \frac{\sigma^2 d}{n_1-d-1}

    with :math:`n = p + q` and the exact :math:`a` of `mixture_coefficient`. It is bounded iff a < 1, that is for large
    sizes iff :math:`d/n < (n+p)/(n+2p)`: nearer to the interpolation threshold even a loop with fresh real rows
    diverges.

    Parameters
    ----------
    n_real, n_synthetic : int or array_like
        q, p >= 0, at least dim + 2 together.
    t : int or array_like
        Generation >= 0; inf is the limit (inf where a >= 1). All broadcast.
    dim, noise_variance
        As elsewhere.
    n_first : int or array_like, optional
        :math:`n_1`, real rows of generation 1, at least dim + 2; default n, as under `FreshReal`. The real rows alone:
        ``n_first=n_real``.

    Returns
    -------
    float or ndarray

    Notes
    -----
    Kind: exact. Source: `reg-fresh-data-loop` (derived; leading order: Dohmatob et al., arXiv 2410.04840, Corollary 3).
    Started on the q real rows alone (q > d + 1) it is better than them in every later generation, because
    :math:`a < p/(n-d-1)` (`ERR-17`).

    Examples
    --------
    >>> round(float(fresh_rows_risk(8, 8, float("inf"), dim=4)), 5)
    0.55641
    """
    d, noise = _scale(dim, noise_variance)
    q, p, d = _counts(n_real, n_synthetic, d)
    n = p + q
    t = _array("t", t, 0, "generation 0 is the truth", endless=True)
    first = _array("n_first", n if n_first is None else n_first, d + 2, ROWS)
    _together(n_real=q, n_synthetic=p, t=t, n_first=first)
    m = n - d - 1
    gap = q * (m * (n * n + n - 2) + p * (n * m + 2 - n * d)) / (n * (n - 1) * (n + 2) * m)  # 1 - a
    steps = np.maximum(t - 1, 0)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        change = np.expm1(scipy.special.xlog1py(steps, -gap))
        total = np.where(gap == 0, steps, -change / np.where(gap == 0, 1.0, gap))
        start = np.where(np.isinf(total), 0.0, 1 + change) / (first - d - 1)
    return (noise * d * np.where((t == 0) | (noise == 0), 0.0, start + total / m))[()]


# ------------------------------------------------------------------------------------------------- two stages


def downstream_risk(
    n, fits, n_generator, *, dim: int, noise_variance: float = 1.0, generator_noise_variance: float = 1.0
):
    r"""Return the risk of a model fitted to labels of an old generator.

    .. math:: R = \frac{\sigma^2 d}{n-d-1} + k\,\frac{\sigma_0^2 d}{n_0-d-1}
              \ \to\ \frac{\sigma^2\varphi}{1-\varphi} + k\,\frac{\sigma_0^2\varphi_0}{1-\varphi_0}

    The generator is the k-th fit of a Replace loop with :math:`n_0` rows and noise :math:`\sigma_0^2` in each; k = 0
    gives true labels. The limit is that of proportionate growth, :math:`d/n \to \varphi`, :math:`d/n_0 \to \varphi_0`.

    Parameters
    ----------
    n : int or array_like
        Rows of the downstream fit, at least dim + 2.
    fits : int or array_like
        k >= 0 fits of the generator (the paper calls them n fake-data generations). All broadcast.
    n_generator : int or array_like
        :math:`n_0`, at least dim + 2.
    dim : int
        d >= 1.
    noise_variance, generator_noise_variance : float
        :math:`\sigma^2` and :math:`\sigma_0^2`.

    Returns
    -------
    float or ndarray

    Notes
    -----
    Kind: exact, any :math:`\Sigma`. Source: `reg-dohmatob-twostage` (Dohmatob, Feng and Kempe, arXiv 2402.07712). With
    a ridge penalty downstream: `downstream_ridge_risk`.

    Examples
    --------
    >>> round(float(downstream_risk(15, 3, 12, dim=4, generator_noise_variance=0.5)), 6)
    1.257143
    """
    d, noise = _scale(dim, noise_variance)
    old = check.number("generator_noise_variance", generator_noise_variance, least=0.0)
    n, n0 = _array("n", n, d + 2, ROWS), _array("n_generator", n_generator, d + 2, ROWS)
    k = _array("fits", fits, 0)
    _together(n=n, fits=k, n_generator=n0)
    return (noise * d / (n - d - 1) + k * old * d / (n0 - d - 1))[()]


# ------------------------------------------------------------------------------------------------- mixed labels


def label_mixing_risk(weight, n, t=np.inf, *, dim: int, noise_variance: float = 1.0):
    r"""Return the risk where the labels of one design are averages of new real ones and of the last model's.

    .. math:: y = w\,y_{\rm real} + (1-w)\,y_{\rm syn}:\quad R_t = \frac{\sigma^2 d}{n-d-1}
              \Big[f + (1-w)^{2(t-1)}(1-f)\Big], \qquad f = \frac{w^2+(1-w)^2}{w(2-w)}

    f is `golden_variance` with as many synthetic labels as real ones, and least, :math:`f = w`, at the reciprocal
    golden ratio (`golden_weight`): better than one fit to real labels. Labels all have new noise.

    Parameters
    ----------
    weight : float or array_like
        w in (0, 1].
    n : int or array_like
        Rows of the design, at least dim + 2.
    t : int or array_like
        Generation >= 0, the first of them fitted to real labels; inf (default) is the limit. All broadcast.
    dim, noise_variance
        As elsewhere.

    Returns
    -------
    float or ndarray

    Notes
    -----
    Kind: exact. Source: `reg-golden-ratio` (derived; Garg, Bhattacharya and Sur, arXiv 2509.22341; He, Xu and Cheng,
    arXiv 2502.18049), `GOLD-MEAN`.

    Examples
    --------
    >>> round(float(label_mixing_risk(0.5, 20, dim=5)) * 14 / 5, 6)
    0.666667
    """
    d, noise = _scale(dim, noise_variance)
    n, f = _array("n", n, d + 2, ROWS), golden_variance(weight)
    t = _array("t", t, 0, "generation 0 is the truth", endless=True)
    _together(weight=weight, n=n, t=t)
    decay = np.power(1 - np.asarray(weight, dtype=float), 2 * np.maximum(t - 1, 0))
    return (noise * d / (n - d - 1) * np.where(t == 0, 0.0, f + decay * (1 - f)))[()]


def token_editing_risk(n, edited, *, dim: int, noise_variance: float = 1.0):
    r"""Return the risk of generation 2 where k of the n labels of one design were replaced by the model's.

    .. math:: R_2 = \frac{\sigma^2 d}{n-d-1}\Big[1 + 2\mu - \frac1dE\,\mathrm{tr}B^2\Big], \qquad
              \frac1dE\,\mathrm{tr}B^2 = \frac{k\,[\,nk + (n-k)d + n - 2\,]}{n(n-1)(n+2)}

    with :math:`\mu = k/n` and :math:`B \sim \mathrm{Beta}_d(\frac k2, \frac{n-k}2)`; about :math:`1 + \mu(2-\mu)` for
    :math:`n \gg d`. Which rows are edited does not matter as long as their labels have no say in it.

    Parameters
    ----------
    n : int or array_like
        Rows, at least dim + 2.
    edited : int or array_like
        k, 0 <= k <= n: 0 is the fit to real labels, n is Replace.
    dim, noise_variance
        As elsewhere.

    Returns
    -------
    float or ndarray

    Notes
    -----
    Kind: exact. Source: `reg-toedit-token-editing` (derived). The theorem of Zhu et al., arXiv 2412.14689, has
    :math:`1+\mu`, which is too small (`ERR-14`).

    Examples
    --------
    >>> round(float(token_editing_risk(60, 30, dim=5)) * 54 / 5, 4)
    1.7255
    """
    d, noise = _scale(dim, noise_variance)
    n, k = _array("n", n, d + 2, ROWS), _array("edited", edited, 0)
    _together(n=n, edited=k)
    n, k = np.broadcast_arrays(n, k)
    if (k > n).any():
        i = int(np.argmax((k > n).reshape(-1)))
        raise ValueError(f"edited must be <= n (they are some of the rows), got {k.flat[i]:g} of {n.flat[i]:g}.")
    square = k * (n * k + (n - k) * d + n - 2) / (n * (n - 1) * (n + 2))
    return (noise * d / (n - d - 1) * (1 + 2 * k / n - square))[()]


def token_editing_growth(fractions) -> np.ndarray:
    r"""Return :math:`1 + \sum_{i<t}\mu_i(2-\mu_i)`, the growth of the risk under repeated editing for :math:`n \gg d`.

    A constant share grows linearly, :math:`1+(t-1)\mu(2-\mu)`; the risk is bounded iff :math:`\sum\mu_i < \infty`, and
    stays below twice that of one fit iff :math:`\sum\mu_i(2-\mu_i) \le 1`.

    Parameters
    ----------
    fractions : (..., T - 1) array_like
        :math:`\mu_i` in [0, 1], the share of labels edited after the i-th fit.

    Returns
    -------
    ndarray, (..., T)
        In units of the risk of one fit, generations 1 .. T.

    Notes
    -----
    Kind: asymptotic (d/n to 0). Source: `reg-toedit-token-editing` (derived; corrects Zhu et al., arXiv 2412.14689).

    Examples
    --------
    >>> token_editing_growth([0.5, 0.5, 1.0]).tolist()
    [1.0, 1.75, 2.5, 3.5]
    """
    mu = check.array("fractions", fractions, ndim=tuple(range(1, 6)), shape_words="(..., generation)")
    if ((mu < 0) | (mu > 1)).any():
        raise ValueError(f"fractions must be in [0, 1], got {mu[(mu < 0) | (mu > 1)].flat[0]:g}.")
    return np.cumsum(np.concatenate([np.ones((*mu.shape[:-1], 1)), mu * (2 - mu)], axis=-1), axis=-1)
