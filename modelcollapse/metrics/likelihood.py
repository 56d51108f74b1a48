r"""What the original model thinks of the points of a later one.

Shumailov et al. show it as a histogram that creeps towards likely points and grows a tail of unlikely ones: points of
model :math:`t`, measured by their negative log-likelihood under :math:`p_0`. The mean of that histogram is the cross
entropy :math:`-\int p_t \ln p_0`, which has a closed form for Gaussians and categories.
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from modelcollapse import _validate as check
from modelcollapse._rng import generator
from modelcollapse.metrics import _normal as normal
from modelcollapse.metrics import _read as read

__all__ = ["cross_entropy", "nll"]


def nll(run, *, generations=None, samples: int = 1000, rng=None):
    r"""Negative log-likelihood, under the original model, of points drawn from later ones.

    Each point comes from the model of a replicate chosen at random; the coordinate ``replicate`` says which. Where
    real rows are the truth, the original model is generation 0, the one fitted to all of them.

    Parameters
    ----------
    run : xarray.Dataset
        Gaussian, Categorical or GaussianMixture models.
    generations : sequence of int, optional
        Which generations. Default: all.
    samples : int
        Points per generation.
    rng : None, int, SeedSequence or Generator
        Source of the points.

    Returns
    -------
    xarray.DataArray
        (generation, sample), nats: :math:`-\ln p_0(x)`, a probability density or, for categories, a probability.

    Raises
    ------
    ValueError
        If a generation is not in the run, or the original model has no density.

    References
    ----------
    Shumailov et al., Nature 631 (2024), Fig. 1b, c.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"mean": (("replicate", "generation"), [[0.0, 3.0]]),
    ...                   "log_variance": (("replicate", "generation"), [[0.0, -np.inf]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Gaussian"})
    >>> nll(run, generations=[1], samples=3, rng=1).values.round(4)
    array([[5.4189, 5.4189, 5.4189]])
    """
    metric = "nll"
    family = read.kind(
        run,
        metric,
        ("Gaussian", "Categorical", "GaussianMixture"),
        because="it needs a likelihood",
        instead="draw points and evaluate them under families.truth(run)",
    )
    samples, rng = check.integer("samples", samples, least=1), generator(rng)
    asked = run["generation"].values if generations is None else np.atleast_1d(generations)
    missing = [g for g in asked if g not in run["generation"].values]
    if missing:
        raise ValueError(
            f"generations must be in the run ({run['generation'].values[0]} to "
            f"{run['generation'].values[-1]}), got {missing[0]}."
        )
    at = [read.place(run, metric, int(g)) for g in asked]
    draw, surprise = {"Gaussian": _normal, "Categorical": _categorical, "GaussianMixture": _mixture}[family](run)
    import xarray as xr

    replicate = rng.integers(0, run.sizes["replicate"], (len(at), samples))
    out = np.empty((len(at), samples))
    for row, t in enumerate(at):
        out[row] = surprise(draw(replicate[row], t, rng))
    return xr.DataArray(
        out,
        dims=("generation", "sample"),
        name=metric,
        coords={
            "generation": np.array(asked),
            "replicate": (("generation", "sample"), run["replicate"].values[replicate]),
        },
        attrs={
            "long_name": "negative log-likelihood under the original model (nats)",
            "kind": "from samples",
            "samples": samples,
            "reference": "Shumailov et al., Nature 631 (2024), Fig. 1",
        },
    )


def _factors(cov, which) -> np.ndarray:
    """Square roots of the chosen covariances, flat ones included, each computed once."""
    distinct, back = np.unique(which, return_inverse=True)
    value, vector = np.linalg.eigh(cov[distinct])
    return (vector * np.sqrt(np.maximum(value, 0))[..., None, :])[back]


def _normal(run):
    models, origin = read.normals(run, "nll"), read.place(run, "nll")
    mean, log_variance = models.mean[0, origin], models.log_variance[0, origin]
    if models.scalar:

        def draw(r, t, rng):
            return models.mean[r, t] + np.exp(models.log_variance[r, t] / 2) * rng.standard_normal(len(r))

        def surprise(x):
            return (normal.LOG_2PI + log_variance + normal.in_units(x - mean, log_variance) ** 2) / 2

        return draw, surprise
    one = np.ones(1), mean[None], normal.cholesky(models.cov[0, origin][None], "nll")

    def draw(r, t, rng):
        z = rng.standard_normal((len(r), models.mean.shape[-1]))
        return models.mean[r, t] + np.einsum("sij,sj->si", _factors(models.cov[:, t], r), z)

    return draw, lambda x: -normal.log_density(x, *one)


def _categorical(run):
    p = read.values(run, "probability", "nll")
    with np.errstate(divide="ignore"):
        log_p = np.log(p[0, read.place(run, "nll")])

    def draw(r, t, rng):
        u, out = rng.random(len(r)), np.empty(len(r), dtype=np.int64)
        for one in np.unique(r):
            steps, here = np.cumsum(p[one, t]), r == one
            out[here] = np.searchsorted(steps, u[here] * steps[-1], side="right")
        return out

    return draw, lambda x: -log_p[x]


def _mixture(run):
    mix, origin = read.mixtures(run, "nll"), read.place(run, "nll")
    first = mix.weight[0, origin], mix.mean[0, origin], normal.cholesky(mix.cov[0, origin], "nll")

    def draw(r, t, rng):
        factor = _factors(mix.cov[:, t], r)
        return normal.draw(mix.weight[r, t], mix.mean[r, t], factor, 1, rng)[:, 0]

    return draw, lambda x: -normal.log_density(x, *first)


def cross_entropy(run):
    r"""Mean of `nll` in closed form, :math:`-\int p_t \ln p_0`.

    Gaussian: :math:`\frac12[d\ln 2\pi + \ln\det\Sigma_0 + \mathrm{tr}(\Sigma_0^{-1}\Sigma_t)
    + \delta^\top\Sigma_0^{-1}\delta]` with :math:`\delta = \mu_t - \mu_0`. Categorical:
    :math:`-\sum_i p_t(i) \ln p_0(i)`.

    Parameters
    ----------
    run : xarray.Dataset
        Gaussian or Categorical models.

    Returns
    -------
    xarray.DataArray
        (replicate, generation), nats.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"mean": (("replicate", "generation"), [[0.0, 3.0]]),
    ...                   "log_variance": (("replicate", "generation"), [[0.0, -np.inf]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Gaussian"})
    >>> cross_entropy(run).values.round(4)
    array([[1.4189, 5.4189]])
    """
    metric = "cross_entropy"
    family = read.kind(
        run,
        metric,
        ("Gaussian", "Categorical"),
        because="others have no closed form",
        instead="use nll(run).mean('sample')",
    )
    labels = {"name": metric, "long_name": "cross entropy under the original model (nats)"}
    origin = read.place(run, metric)
    if family == "Categorical":
        p = read.values(run, "probability", metric)
        with np.errstate(divide="ignore"):
            out = -np.stack([xlogy(part, p[0, origin]).sum(-1) for part in p])
        return read.wrap(run, out, **labels, reference="sum over the categories")
    models = read.normals(run, metric)
    if models.scalar:
        start = models.log_variance[0, origin]
        z = normal.in_units(models.mean - models.mean[0, origin], start)
        out = (normal.LOG_2PI + start + np.exp(models.log_variance - start) + z**2) / 2
    else:
        pairs = normal.whitened(models, origin, metric)
        d = pairs.shift.shape[-1]
        out = (d * normal.LOG_2PI + models.log_det[0, origin] + (pairs.eigenvalue + pairs.shift**2).sum(-1)) / 2
    return read.wrap(run, out, **labels, reference="DIST")
