r"""How far the model is from the truth, in units: Wasserstein-2 and the squared L2 distance of densities.

The two behave in opposite ways when a model collapses to a point. Squared :math:`W_2` tends to the finite
:math:`\|\mu_\infty - \mu_0\|^2 + \mathrm{tr}\,\Sigma_0`; the :math:`L_2` distance of densities diverges, because the
density does. Figures labelled "WD" may show :math:`W_2` or its square: here it is always the square.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri

from modelcollapse import _validate as check
from modelcollapse.metrics import _normal as normal
from modelcollapse.metrics import _read as read

__all__ = ["l2_squared", "w2_squared"]

ALL = ("Gaussian", "Categorical", "GaussianMixture")

#: how far the integral over normal scores goes: the rest of the mass is 2e-16
FURTHEST = 8.2

#: nodes of a component, in its sd: the error of a squared distance falls with the square of the step
NODES = np.linspace(-FURTHEST, FURTHEST, 513)

#: nodes and weights of the Gauss-Legendre rule that is used between neighbouring nodes
GAUSS = np.polynomial.legendre.leggauss(3)


def w2_squared(run, *, positions=None):
    r"""Squared Wasserstein-2 distance of each model from the truth.

    * Gaussian (`DIST`): :math:`(\mu_t - \mu_0)^2 + (\sigma_t - \sigma_0)^2`; in more dimensions
      :math:`\|\mu_t - \mu_0\|^2 + \min_U \|F_t - F_0 U\|^2`, where :math:`F F^\top = \Sigma` and :math:`U` is
      orthogonal. That is the Bures distance :math:`\mathrm{tr}(A + B - 2(A^{1/2} B A^{1/2})^{1/2})`, without its
      cancellation, and it allows flat covariances.
    * Categorical: :math:`\int_0^1 (F_t^{-1} - F_0^{-1})^2`, where the categories have places on the line.
    * GaussianMixture in one dimension: the same integral over normal scores, the quantile functions being
      interpolated between 513 nodes per component; its relative error is about 1e-5.

    Real rows as the truth: the distance is from generation 0, the model fitted to all of them.

    Parameters
    ----------
    run : xarray.Dataset
        Gaussian, Categorical or one-dimensional GaussianMixture models.
    positions : (category,) array_like, optional
        Places of the categories. Default: their labels, if those are numbers, or the values of real rows.

    Returns
    -------
    xarray.DataArray
        (replicate, generation), squared units of the points.

    Raises
    ------
    ValueError
        For a mixture of more than one dimension (there is no formula), or categories without places.

    References
    ----------
    Bhatia, Jain and Lim, On the Bures-Wasserstein distance between positive definite matrices, Expo. Math. 37 (2019).

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"mean": (("replicate", "generation"), [[0.0, 1.0]]),
    ...                   "log_variance": (("replicate", "generation"), [[0.0, np.log(0.25)]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Gaussian"})
    >>> w2_squared(run).values
    array([[0.  , 1.25]])
    """
    metric = "w2_squared"
    family = read.kind(run, metric, ALL, because="it moves mass", instead="draw points and compare their quantiles")
    labels = {"name": metric, "long_name": "squared Wasserstein-2 distance from the truth (squared units)"}
    origin = read.place(run, metric)
    if family == "Categorical":
        out = _w2_line(read.values(run, "probability", metric), origin, read.positions(run, metric, positions))
        return read.wrap(run, out, **labels, reference="integral of squared quantile differences")
    if family == "Gaussian":
        return read.wrap(run, _w2_normal(read.normals(run, metric), origin), **labels, reference="DIST")
    mix = read.mixtures(run, metric)
    if mix.mean.shape[-1] > 1:
        raise ValueError(
            f"run must hold mixtures of one dimension for {metric} (there is no formula for more), got "
            f"{mix.mean.shape[-1]} dimensions; use l2_squared, kl or hellinger."
        )
    return read.wrap(
        run,
        _w2_mixtures(mix, origin),
        **labels,
        kind="quadrature",
        reference="integral of squared quantile differences, Gauss-Legendre",
    )


def _root(cov) -> np.ndarray:
    """Return F with F F' = cov for symmetric positive semi-definite matrices."""
    value, vector = np.linalg.eigh(cov)
    return vector * np.sqrt(np.maximum(value, 0))[..., None, :]


def _w2_normal(models, origin: int) -> np.ndarray:
    if models.scalar:
        sd = np.exp(models.log_variance / 2)
        return (models.mean - models.mean[0, origin]) ** 2 + (sd - sd[0, origin]) ** 2
    root = _root(models.cov)
    first = root[0, origin]
    left, _, right = np.linalg.svd(first.T @ root)
    apart = root - first @ (left @ right)
    return ((models.mean - models.mean[0, origin]) ** 2).sum(-1) + (apart**2).sum((-2, -1))


def _w2_line(p, origin: int, x) -> np.ndarray:
    """Squared distance of laws on points x of the line, by merging the steps of the two distribution functions."""
    order = np.argsort(x, kind="stable")
    x, K = x[order], len(x)
    steps = np.minimum(np.cumsum(p[..., order], axis=-1), 1.0)
    steps[..., -1] = 1.0
    first = steps[0, origin].copy()
    out = np.empty(p.shape[:2])
    for part in read.chunks(len(p), 8 * p.shape[1] * K):
        merged = np.concatenate([steps[part], np.broadcast_to(first, steps[part].shape)], axis=-1)
        rank = np.argsort(merged, axis=-1, kind="stable")
        level = np.take_along_axis(merged, rank, axis=-1)
        width = np.diff(level, axis=-1, prepend=0.0)
        # below the j-th level, each quantile is the place after as many steps of its own as lie before it
        mine = rank < K
        here = np.minimum(np.cumsum(mine, axis=-1) - mine, K - 1)
        there = np.minimum(np.cumsum(~mine, axis=-1) - ~mine, K - 1)
        out[part] = (width * (x[here] - x[there]) ** 2).sum(-1)
    return out


def _w2_mixtures(mix, origin: int) -> np.ndarray:
    """Integrate the squared difference of the quantile functions, each known at the nodes of its own components."""
    weight, mean, sd = mix.weight, mix.mean[..., 0], np.sqrt(mix.cov[..., 0, 0])
    out = np.empty(weight.shape[:2])
    first = _quantiles(weight[0, origin], mean[0, origin], sd[0, origin])
    for at in np.ndindex(out.shape):
        here = _quantiles(weight[at], mean[at], sd[at])
        cut = np.sort(np.concatenate([first[0], here[0], [-FURTHEST, FURTHEST]]))
        cut = cut[(cut >= -FURTHEST) & (cut <= FURTHEST)]
        z = cut[:-1, None] + np.diff(cut)[:, None] * (GAUSS[0] + 1) / 2
        gap = np.interp(z, *here) - np.interp(z, *first)
        out[at] = ((gap**2 * np.exp(-(z**2) / 2)) @ GAUSS[1] * np.diff(cut)).sum() / (2 * np.sqrt(2 * np.pi))
    return out


def _quantiles(weight, mean, sd) -> tuple[np.ndarray, np.ndarray]:
    """Normal scores of the mass below, and the points, of one mixture at the nodes of its components.

    For one component the score is linear in the point, so that linear interpolation is exact; and where the quantile
    function is steep, between components far apart, the nodes lie dense.
    """
    alive = weight > 0
    weight, mean, sd = weight[alive], mean[alive], sd[alive]
    x = np.unique(mean + sd * NODES[:, None])
    z = (x[:, None] - mean) / np.maximum(sd, np.finfo(float).tiny)
    below, above = ndtr(z) @ weight, ndtr(-z) @ weight
    return np.where(below < above, ndtri(below), -ndtri(above)), x


def l2_squared(run, *, reference: int = 0, log: bool = False):
    r"""Squared L2 distance between each model and a reference generation, :math:`\int (p_t - p_{\rm ref})^2`.

    Gaussians and mixtures have the closed form of `DIST`, a sum of normal densities
    :math:`\phi(m_i - m_j; C_i + C_j)`, evaluated in logarithms; categories have
    :math:`\sum_i (p_t(i) - p_{\rm ref}(i))^2`.

    Parameters
    ----------
    run : xarray.Dataset
        Gaussian, GaussianMixture or Categorical models.
    reference : int
        Generation to compare with: 0 is the truth; 1 is each replicate's own fit to the real data, which is what the
        mixture figure of Shumailov et al. compares with.
    log : bool
        Return the natural logarithm: the distance of densities diverges as a model narrows. Equal laws give -inf.

    Returns
    -------
    xarray.DataArray
        (replicate, generation); densities: one over units to the power of the dimension; categories: no unit.

    Raises
    ------
    ValueError
        If the reference is flat: it has no density.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"mean": (("replicate", "generation"), [[0.0, 0.0]]),
    ...                   "log_variance": (("replicate", "generation"), [[0.0, np.log(0.25)]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Gaussian"})
    >>> l2_squared(run).values.round(6)
    array([[0.      , 0.132635]])
    """
    metric = "l2_squared"
    family = read.kind(
        run, metric, ALL, because="it compares probabilities or densities", instead="draw points and compare them"
    )
    reference = check.integer("reference", reference, least=0)
    at = read.place(run, metric, reference)
    if family == "Categorical":
        p = read.values(run, "probability", metric)
        out = ((p - p[:, at : at + 1]) ** 2).sum(-1)
        with np.errstate(divide="ignore"):
            out = np.log(out) if log else out
    else:
        out = (_l2_normal if family == "Gaussian" else _l2_mixtures)(run, metric, at)
        with np.errstate(over="ignore"):
            out = out if log else np.exp(out)
    what = "probabilities" if family == "Categorical" else "densities"
    return read.wrap(
        run,
        out,
        name="log_l2_squared" if log else metric,
        long_name=f"{'log of the ' if log else ''}squared L2 distance of {what} from generation "
        f"{reference} ({'nats' if log else 'no unit' if family == 'Categorical' else '1 / unit^dim'})",
        reference="sum over the categories" if family == "Categorical" else "DIST",
    )


def _combine(own, other, cross) -> np.ndarray:
    """Return ln(e^own + e^other - 2 e^cross); rounding below zero is equality."""
    top = np.maximum(own, other)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.exp(own - top) + np.exp(other - top) - 2 * np.exp(cross - top)
        return np.where(np.isposinf(top), np.inf, top + np.log(np.maximum(rest, 0)))


def _l2_normal(run, metric: str, at: int) -> np.ndarray:
    models = read.normals(run, metric)
    ref = slice(at, at + 1)
    d = 1 if models.scalar else models.mean.shape[-1]
    log_det = models.log_variance if models.scalar else models.log_det
    own = -(log_det + d * (normal.LOG_2PI + np.log(2))) / 2
    apart = models.mean - models.mean[:, ref]
    if models.scalar:
        both = np.logaddexp(models.log_variance, models.log_variance[:, ref])
        cross = -(both + normal.LOG_2PI + normal.in_units(apart, both) ** 2) / 2
    else:
        cross = _log_phi(apart, models.cov + models.cov[:, ref], metric)
    out = _combine(own, own[:, ref], cross)
    out[:, at] = -np.inf  # the three terms are rounded differently
    return out


def _log_phi(x, cov, metric: str) -> np.ndarray:
    """Log density at x (.., dim) of centred normal laws."""
    factor = normal.cholesky(cov, metric)
    z = np.linalg.solve(factor, x[..., None])[..., 0]
    log_det = 2 * np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(-1)
    return -((z**2).sum(-1) + log_det + x.shape[-1] * normal.LOG_2PI) / 2


def _log_inner(left, right, metric: str) -> np.ndarray:
    """Return the log of the integral of the product of two mixtures."""
    x = left.mean[..., :, None, :] - right.mean[..., None, :, :]
    cov = left.cov[..., :, None, :, :] + right.cov[..., None, :, :, :]
    with np.errstate(divide="ignore"):
        weight = np.log(left.weight[..., :, None]) + np.log(right.weight[..., None, :])
    return logsumexp(weight + _log_phi(x, cov, metric), axis=(-2, -1))


def _l2_mixtures(run, metric: str, at: int) -> np.ndarray:
    mix = read.mixtures(run, metric)
    out = np.empty(mix.weight.shape[:2])
    for part in read.chunks(len(out), mix.cov[0].size * 3 * mix.weight.shape[-1]):
        model, ref = mix.at(part), mix.at((part, slice(at, at + 1)))
        out[part] = _combine(*(_log_inner(a, b, metric) for a, b in ((model, model), (ref, ref), (model, ref))))
    return out
