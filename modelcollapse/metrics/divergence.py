r"""How different the model is from the truth, as laws: Kullback-Leibler, total variation, Hellinger.

These compare densities, so they do not care about units. Real rows have no density; where they are the truth, the
comparison is with generation 0, the model fitted to all of them. For every pair of laws

.. math:: H^2 \le \mathrm{TV} \le H\sqrt{2 - H^2}, \qquad \mathrm{TV}^2 \le \tfrac12 \mathrm{KL}.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erf, kl_div, ndtr

from modelcollapse import _validate as check
from modelcollapse._rng import generator
from modelcollapse.metrics import _normal as normal
from modelcollapse.metrics import _read as read

__all__ = ["hellinger", "kl", "total_variation"]

ALL = ("Gaussian", "Categorical", "GaussianMixture")
BECAUSE, INSTEAD = "it compares probabilities or densities", "draw points and compare them"


def _sum(run, term, metric: str) -> np.ndarray:
    """Sum term(p_t, p_0) over the categories."""
    p = read.values(run, "probability", metric)
    original = p[0, read.place(run, metric)]
    return np.stack([term(part, original).sum(-1) for part in p])


def _sampled(run, metric: str, term, where: str, samples: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error of term(ln p_t - ln p_0), for mixtures and for Gaussians of d dimensions.

    The points are those of p_t ("model"), of p_0 ("truth"), or of both in equal number ("middle").
    """
    samples, rng = check.integer("samples", samples, least=2, because="for a standard error"), generator(rng)
    origin = read.place(run, metric)
    if run.attrs["family"] == "Gaussian":
        pairs = normal.whitened(read.normals(run, metric), origin, metric)
        return _sampled_normal(pairs, term, samples, rng)
    mix = read.mixtures(run, metric)
    factor = normal.cholesky(mix.cov, metric)
    out, error = np.empty((2, *mix.weight.shape[:2]))
    first = mix.weight[0, origin], mix.mean[0, origin], factor[0, origin]
    for part in read.chunks(len(out), out.shape[1] * samples * mix.mean[0, 0].size * (2 if where == "middle" else 1)):
        model = mix.weight[part], mix.mean[part], factor[part]
        truth = tuple(np.broadcast_to(a, b.shape) for a, b in zip(first, model, strict=True))
        sets = []
        for law in {"model": (model,), "truth": (truth,), "middle": (model, truth)}[where]:
            x = normal.draw(*law, samples, rng)
            sets.append(term(normal.log_density(x, *model) - normal.log_density(x, *truth)))
        out[part] = sum(s.mean(-1) for s in sets) / len(sets)
        error[part] = np.sqrt(sum(s.var(-1, ddof=1) for s in sets) / samples) / len(sets)
    return out, error


def _sampled_normal(pairs, term, samples: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """The same for Gaussian pairs in whitened coordinates, points of both laws in equal number."""
    out, error = np.empty((2, *pairs.log_ratio.shape))
    with np.errstate(divide="ignore"):
        sd, log_det = np.sqrt(pairs.eigenvalue), np.log(pairs.eigenvalue).sum(-1)
    for part in read.chunks(len(out), 2 * samples * pairs.shift[0].size):
        unit, shift = sd[part][..., None, :], pairs.shift[part][..., None, :]
        sets = []
        for model in (True, False):
            z = rng.standard_normal((*unit.shape[:-2], samples, unit.shape[-1]))
            # in the model's own units z is exact however narrow it is; a flat direction is infinitely far
            x = shift + unit * z if model else z
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                inner = z if model else np.where(unit > 0, (x - shift) / unit, np.inf)
                ratio = ((x**2 - inner**2).sum(-1) - log_det[part][..., None]) / 2
            sets.append(term(np.where(np.isnan(ratio), np.inf if model else -np.inf, ratio)))
        out[part] = (sets[0].mean(-1) + sets[1].mean(-1)) / 2
        error[part] = np.sqrt((sets[0].var(-1, ddof=1) + sets[1].var(-1, ddof=1)) / samples) / 2
    return out, error


def kl(run, *, direction: str = "forward", samples: int = 1000, rng=None):
    r"""Kullback-Leibler divergence between each model and the truth.

    * ``"forward"``: :math:`\mathrm{KL}(p_t \| p_0)`, the mean over points of the model;
    * ``"reverse"``: :math:`\mathrm{KL}(p_0 \| p_t)`, the mean over real points, that is the excess test loss.

    Gaussian (`DIST`), with :math:`\delta = \mu_t - \mu_0`:
    :math:`\mathrm{KL}(p_t \| p_0) = \frac12[\mathrm{tr}(\Sigma_0^{-1}\Sigma_t) + \delta^\top\Sigma_0^{-1}\delta - d
    - \ln(\det\Sigma_t / \det\Sigma_0)]`. Categorical: the sum. Both are closed forms. Mixtures: the mean log ratio
    over `samples` points per model, with its standard error in the coordinate ``standard_error``; once the model is
    narrow, the reverse divergence is carried by points that a sample rarely holds, and that error is too small.

    The result is infinite where support is lost: in reverse as soon as one category is gone, in both directions for a
    Gaussian that has lost a dimension, and in reverse for a Gaussian so narrow that the value exceeds 1e308.

    Parameters
    ----------
    run : xarray.Dataset
        Gaussian, Categorical or GaussianMixture models.
    direction : {"forward", "reverse"}
        Which of the two.
    samples : int
        Points per model, for mixtures.
    rng : None, int, SeedSequence or Generator
        For mixtures.

    Returns
    -------
    xarray.DataArray
        (replicate, generation), nats.

    Raises
    ------
    ValueError
        If the truth is flat, or (reverse, more than one dimension) if a covariance is so ill-conditioned that its
        inverse has no digits left.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"mean": (("replicate", "generation"), [[0.0, 0.0]]),
    ...                   "log_variance": (("replicate", "generation"), [[0.0, -2000.0]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Gaussian"})
    >>> kl(run).values
    array([[  0. , 999.5]])
    >>> kl(run, direction="reverse").values
    array([[ 0., inf]])
    """
    family = read.kind(run, "kl", ALL, because=BECAUSE, instead=INSTEAD)
    forward = check.choice("direction", direction, ("forward", "reverse")) == "forward"
    labels = {
        "name": "kl",
        "long_name": f"Kullback-Leibler divergence {'KL(model || truth)' if forward else 'KL(truth || model)'} (nats)",
    }
    if family == "Categorical":
        # summed with - p + q in every term, so that no term is negative
        out = _sum(run, kl_div if forward else lambda p, q: kl_div(q, p), "kl")
        return read.wrap(run, out, **labels, reference="sum over the categories")
    if family == "Gaussian":
        return read.wrap(run, _kl_normal(run, forward), **labels, reference="DIST")
    sign = 1 if forward else -1
    out, error = _sampled(run, "kl", lambda ratio: sign * ratio, "model" if forward else "truth", samples, rng)
    return read.wrap(
        run,
        out,
        **labels,
        kind="from samples",
        samples=samples,
        error=error,
        reference="mean log ratio over points of the first law",
    )


def _kl_normal(run, forward: bool) -> np.ndarray:
    """Closed form for Gaussians."""
    models, origin = read.normals(run, "kl"), read.place(run, "kl")
    if models.scalar:
        start = models.log_variance[0, origin]
        ratio = models.log_variance - start
        z = normal.in_units(models.mean - models.mean[0, origin], start if forward else models.log_variance)
        with np.errstate(over="ignore"):
            return (normal.exp_excess(ratio if forward else -ratio) + z**2) / 2
    pairs = normal.whitened(models, origin, "kl")
    near, clear, flat = pairs.near, pairs.clear, np.isneginf(pairs.log_ratio)
    if not forward and (~clear & ~flat).any():
        t = int(np.argwhere(~clear & ~flat)[:, 1].min())
        raise ValueError(
            f"run['cov'] must be better conditioned for kl in reverse (its inverse weighs the narrowest "
            f"direction, which is below {normal.BLURRED:g} of the widest), got "
            f"{(pairs.eigenvalue[..., 0] / pairs.eigenvalue[..., -1])[~clear & ~flat].min():g} from "
            f"generation {run['generation'].values[t]} on; use run.isel(generation=slice(0, {t}))."
        )
    scale = np.where((near if forward else clear)[..., None], pairs.eigenvalue, 1.0)
    if forward:
        # away from the truth the log determinant of the run has the digits that small eigenvalues have lost
        whole = normal.exp_excess(np.log(scale)).sum(-1) + (pairs.shift**2).sum(-1)
        coarse = (pairs.eigenvalue - 1 + pairs.shift**2).sum(-1) - pairs.log_ratio
        return np.where(near, whole, coarse) / 2
    whole = normal.exp_excess(-np.log(scale)).sum(-1) + (pairs.shift**2 / scale).sum(-1)
    return np.where(flat, np.inf, whole / 2)


def total_variation(run, *, samples: int = 1000, rng=None):
    r"""Total variation distance from the truth, :math:`\frac12\int|p_t - p_0|`, between 0 and 1.

    Scalar Gaussian: closed form, from the points where the densities cross. Categorical: the sum. Mixtures, and
    Gaussians of more than one dimension: the mean of :math:`|p_t - p_0| / (p_t + p_0)` over `samples` points of
    each of the two, with its standard error in the coordinate ``standard_error``.

    Parameters
    ----------
    run : xarray.Dataset
        Gaussian, Categorical or GaussianMixture models.
    samples : int
        Points per law, where it is taken from samples.
    rng : None, int, SeedSequence or Generator
        Where it is taken from samples.

    Returns
    -------
    xarray.DataArray
        (replicate, generation), probability.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"mean": (("replicate", "generation"), [[0.0, 0.0]]),
    ...                   "log_variance": (("replicate", "generation"), [[0.0, np.log(0.25)]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Gaussian"})
    >>> total_variation(run).values.round(6)
    array([[0.      , 0.322675]])
    """
    metric = "total_variation"
    family = read.kind(run, metric, ALL, because=BECAUSE, instead=INSTEAD)
    labels = {"name": metric, "long_name": "total variation distance from the truth (probability)"}
    if family == "Categorical":
        return read.wrap(
            run, _sum(run, lambda p, q: np.abs(p - q) / 2, metric), **labels, reference="sum over the categories"
        )
    if family == "Gaussian":
        models, origin = read.normals(run, metric), read.place(run, metric)
        if models.scalar:
            return read.wrap(
                run,
                _total_variation_scalar(models, origin),
                **labels,
                reference="masses between the points where the densities cross",
            )
    out, error = _sampled(run, metric, lambda ratio: np.abs(np.tanh(ratio / 2)), "middle", samples, rng)
    return read.wrap(
        run,
        out,
        **labels,
        kind="from samples",
        samples=samples,
        error=error,
        reference="mean of |p - q| / (p + q) over points of p and q",
    )


def _total_variation_scalar(models, origin: int) -> np.ndarray:
    r"""Masses between the crossing points of two normal densities.

    In units of the wider law, the narrower one is :math:`N(\delta, r^2)`, :math:`r \le 1`, :math:`\delta \ge 0` by
    symmetry. In *its* units it exceeds the wider one between the roots of
    :math:`(1 - r^2) v^2 - 2 \delta r v - \delta^2 + 2 \ln r = 0`.
    """
    gap = models.log_variance - models.log_variance[0, origin]
    log_r = -np.abs(gap) / 2
    wider = np.maximum(models.log_variance, models.log_variance[0, origin])
    delta = np.abs(normal.in_units(models.mean - models.mean[0, origin], wider))
    r, rest = np.exp(log_r), -np.expm1(2 * log_r)  # rest = 1 - r^2
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        root = np.sqrt(delta**2 - 2 * rest * log_r)
        high = (delta * r + root) / rest
        low = (2 * log_r - delta**2) / (delta * r + root)
        high_wide = (delta + r * root) / rest
        # delta + r low, written so that nothing cancels where r is near 1
        low_wide = (delta**2 + 2 * r**2 * log_r) / (delta + r * root)
        out = (ndtr(high) - ndtr(low)) - (ndtr(high_wide) - ndtr(low_wide))
        same = erf(delta / np.sqrt(8))
    out = np.where(gap == 0, same, np.where(np.isneginf(log_r), 1.0, out))
    # 0 / 0: either r is so small that the narrow law is a point, or so near 1 that only the shift is left
    return np.clip(np.where(np.isnan(out), np.where(r < 0.5, 1.0, same), out), 0.0, 1.0)


def hellinger(run, *, squared: bool = False, samples: int = 1000, rng=None):
    r"""Hellinger distance from the truth, between 0 and 1.

    .. math:: H = \sqrt{1 - \int\sqrt{p_t p_0}}

    Gaussian, in any dimension: closed form. Categorical: the sum. Mixtures: the mean of
    :math:`1 - 2\sqrt{p_t p_0} / (p_t + p_0)`, which is :math:`H^2`, over `samples` points of each of the two; the
    coordinate ``standard_error`` is that of :math:`H^2` divided by :math:`2H` where the root is taken.

    Parameters
    ----------
    run : xarray.Dataset
        Gaussian, Categorical or GaussianMixture models.
    squared : bool
        Return :math:`H^2`.
    samples : int
        Points per law, for mixtures.
    rng : None, int, SeedSequence or Generator
        For mixtures.

    Returns
    -------
    xarray.DataArray
        (replicate, generation), without unit.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"mean": (("replicate", "generation"), [[0.0, 0.0]]),
    ...                   "log_variance": (("replicate", "generation"), [[0.0, np.log(0.25)]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Gaussian"})
    >>> hellinger(run, squared=True).values.round(6)
    array([[0.      , 0.105573]])
    """
    family = read.kind(run, "hellinger", ALL, because=BECAUSE, instead=INSTEAD)
    labels = {
        "name": "hellinger_squared" if squared else "hellinger",
        "long_name": f"{'squared ' if squared else ''}Hellinger distance from the truth (no unit)",
    }
    if family == "Categorical":
        square = _sum(run, lambda p, q: (np.sqrt(p) - np.sqrt(q)) ** 2 / 2, "hellinger")
        reference = "sum over the categories"
    elif family == "Gaussian":
        square, reference = -np.expm1(-_affinity_gap(run)), "Bhattacharyya coefficient of normal laws"
    else:
        square, error = _sampled(run, "hellinger", _unlikeness, "middle", samples, rng)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = error if squared else np.where(error > 0, error / (2 * np.sqrt(square)), 0.0)
        return read.wrap(
            run,
            square if squared else np.sqrt(square),
            **labels,
            kind="from samples",
            samples=samples,
            error=error,
            reference="mean of 1 - 2 sqrt(p q) / (p + q) over points of p and q",
        )
    return read.wrap(run, square if squared else np.sqrt(square), **labels, reference=reference)


def _unlikeness(ratio) -> np.ndarray:
    """Return 1 - 2 sqrt(pq) / (p + q) of ln(p / q), with its digits near zero."""
    return -np.expm1(-normal.log_cosh(ratio / 2))


def _affinity_gap(run) -> np.ndarray:
    r"""Return :math:`-\ln\int\sqrt{p_t p_0}` of Gaussians."""
    models, origin = read.normals(run, "hellinger"), read.place(run, "hellinger")
    if models.scalar:
        start = models.log_variance[0, origin]
        both = np.logaddexp(models.log_variance, start)
        z = normal.in_units(models.mean - models.mean[0, origin], both)
        with np.errstate(over="ignore"):
            return normal.log_cosh((models.log_variance - start) / 2) / 2 + z**2 / 4
    pairs = normal.whitened(models, origin, "hellinger")
    scale = np.where(pairs.near[..., None], pairs.eigenvalue, 1.0)
    coarse = np.log1p(pairs.eigenvalue).sum(-1) - pairs.eigenvalue.shape[-1] * np.log(2) - pairs.log_ratio / 2
    spread = np.where(pairs.near, normal.log_cosh(np.log(scale) / 2).sum(-1), coarse)
    return spread / 2 + (pairs.shift**2 / (1 + pairs.eigenvalue)).sum(-1) / 4
