"""What a metric reads from a run, and what it says when the run does not hold it.

A run is an `xarray.Dataset` with the dimensions (replicate, generation) and the variables of one family; generation 0
is the truth. The readers here return plain arrays in the order (replicate, generation, ...), `wrap` turns the
answer of a metric back into a labelled array that says what it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse import _validate as check

#: variables every metric of a family may rely on
HOLDS = {
    "Gaussian": ("mean", "log_variance"),
    "Categorical": ("probability",),
    "GaussianMixture": ("weight", "mean", "cov"),
    "KernelDensity": ("mean", "log_variance", "bandwidth"),
    "Poisson": ("rate",),
    "Exponential": ("log_rate",),
}

#: numbers an intermediate array may have (4 million, 32 MB): larger work is cut along the replicates
BUDGET = 1 << 22

#: a stored covariance below this has lost digits to underflow (smallest normal number over machine precision)
FAINT = np.finfo(float).tiny / np.finfo(float).eps


def kind(run, metric: str, legal: tuple[str, ...], *, because: str, instead: str) -> str:
    """Return the family of the run's models if `metric` is defined for it."""
    import xarray as xr

    if not isinstance(run, xr.Dataset):
        raise TypeError(f"run must be an xarray.Dataset such as simulate returns, got {type(run).__name__}.")
    for dim in ("replicate", "generation"):
        if dim not in run.dims:
            raise ValueError(
                f"run must have the dimension {dim} for {metric} (select with a list, as in "
                f"run.isel({dim}=[0]), to keep it), got the dimensions {', '.join(map(str, run.dims))}."
            )
    if 0 in (run.sizes["replicate"], run.sizes["generation"]):
        raise ValueError(f"run must have a replicate and a generation for {metric}, got {dict(run.sizes)}.")
    family = run.attrs.get("family")
    if family not in legal:
        raise ValueError(
            f"run must hold {' or '.join(legal)} models for {metric} ({because}), "
            f"got {'no attrs[' + repr('family') + ']' if family is None else family}; {instead}."
        )
    missing = [name for name in HOLDS[family] if name not in run]
    if missing:
        raise ValueError(
            f"run must hold {' and '.join(HOLDS[family])} for {metric} (they are the model), "
            f"got only {', '.join(map(str, run.data_vars)) or 'nothing'}; keep them when selecting."
        )
    return family


def place(run, metric: str, generation: int = 0) -> int:
    """Return the position of `generation` along the generation axis (0 is the truth)."""
    labels = run["generation"].values
    found = np.flatnonzero(labels == generation)
    if found.size == 0:
        what = "the truth" if generation == 0 else "the reference"
        raise ValueError(
            f"run must hold generation {generation} for {metric} (it is {what}), got generations "
            f"{labels[0]} to {labels[-1]}; keep it when selecting generations."
        )
    return int(found[0])


def running(run) -> np.ndarray:
    """Return which chains had not been stopped by a curation, (replicate, generation)."""
    t = run["generation"].values
    if "stopped" not in run or run["stopped"].dims != ("replicate",):
        return np.ones((run.sizes["replicate"], len(t)), bool)
    stopped = run["stopped"].values[:, None]
    return (stopped == 0) | (t < stopped)


def values(run, name: str, metric: str, *, stopped: bool = False) -> np.ndarray:
    """Return a variable as an array (replicate, generation, ...) without NaN, but for `stopped` chains if allowed."""
    out = run[name].transpose("replicate", "generation", ...).values
    bad = np.isnan(out)
    if bad.any():
        going = running(run)
        ended = ~going.all(axis=1)
        if stopped:
            bad &= going.reshape(going.shape + (1,) * (bad.ndim - 2))
        elif ended.any() and not bad[going].any():
            raise ValueError(
                f"run[{name!r}] must be free of NaN for {metric} (there is no model to measure), got {ended.sum()} of "
                f"{len(ended)} chains that a curation has stopped, first at generation "
                f'{run["stopped"].values[ended].min()}; leave them out by run.sel(replicate=run["stopped"] == 0).'
            )
    if bad.any():
        r, t = (int(i) for i in np.argwhere(bad)[0][:2])
        raise ValueError(
            f"run[{name!r}] must be free of NaN for {metric} (there is no model to measure), got NaN at "
            f"replicate {run['replicate'].values[r]}, generation {run['generation'].values[t]}."
        )
    return out


def rows(run, metric: str) -> np.ndarray | None:
    """Return the real rows (row[, dim]) that are the truth, or None where a model is."""
    if run.attrs.get("truth") != "rows":
        return None
    if "rows" not in run:
        raise ValueError(
            f"run must hold rows for {metric} (attrs['truth'] says that they are the truth), got only "
            f"{', '.join(map(str, run.data_vars))}; keep them when selecting variables."
        )
    return run["rows"].values


def is_bootstrap(run) -> bool:
    """Are the categories of this run the real rows themselves?"""
    return bool(run.attrs.get("bootstrap"))


@dataclass(frozen=True)
class Normals:
    """Gaussian models; `cov` is None where points are numbers, and then the last axes are absent."""

    mean: np.ndarray
    log_variance: np.ndarray
    cov: np.ndarray | None = None
    log_det: np.ndarray | None = None

    @property
    def scalar(self) -> bool:
        """Are points numbers?"""
        return self.cov is None


def normals(run, metric: str) -> Normals:
    """Return the Gaussian models of a run."""
    mean, log_variance = values(run, "mean", metric), values(run, "log_variance", metric)
    if mean.ndim == 2:
        return Normals(mean, log_variance)
    if "cov" not in run:
        raise ValueError(
            f"run must hold cov for {metric} (its points have {mean.shape[-1]} dimensions), got only "
            f"{', '.join(map(str, run.data_vars))}; keep it when selecting variables."
        )
    cov = values(run, "cov", metric)
    variance = np.diagonal(cov, axis1=-2, axis2=-1)
    faint = (variance < FAINT) & (log_variance > -np.inf)
    if faint.any():
        t = int(np.argwhere(faint)[:, 1].min())
        raise ValueError(
            f"run['cov'] must not have underflowed for {metric} (its correlations are lost; log_variance "
            f"and log_det still hold), got a variance of {variance[faint].min():g} from generation "
            f"{run['generation'].values[t]} on; use run.isel(generation=slice(0, {t}))."
        )
    if "log_det" in run:
        log_det = values(run, "log_det", metric)
    else:
        sign, log_det = np.linalg.slogdet(cov)
        log_det = np.where(sign > 0, log_det, -np.inf)
    return Normals(mean, log_variance, cov, log_det)


@dataclass(frozen=True)
class Mixtures:
    """Gaussian mixtures: weight (.., component), mean (.., component, dim), cov (.., component, dim, dim)."""

    weight: np.ndarray
    mean: np.ndarray
    cov: np.ndarray

    def at(self, key) -> Mixtures:
        """Return the mixtures at an index or slice of the leading axes."""
        return Mixtures(self.weight[key], self.mean[key], self.cov[key])


def mixtures(run, metric: str) -> Mixtures:
    """Return the mixture models of a run."""
    return Mixtures(values(run, "weight", metric), values(run, "mean", metric), values(run, "cov", metric))


def moments(mix: Mixtures) -> tuple[np.ndarray, np.ndarray]:
    """Return mean (.., dim) and covariance (.., dim, dim) of mixtures."""
    mean = np.einsum("...k,...kd->...d", mix.weight, mix.mean)
    apart = mix.mean - mean[..., None, :]
    within = np.einsum("...k,...kde->...de", mix.weight, mix.cov)
    return mean, within + np.einsum("...k,...kd,...ke->...de", mix.weight, apart, apart)


def positions(run, metric: str, given) -> np.ndarray:
    """Return where the categories lie on the line, (category,)."""
    K = run.sizes["category"]
    if given is not None:
        out = check.array("positions", given, ndim=1, shape_words="(category,)")
        if len(out) != K:
            raise ValueError(f"positions must place each of the {K} categories, got {len(out)}.")
        return out
    if is_bootstrap(run):
        real = rows(run, metric)
        if real.ndim == 1:
            return real.astype(float)
        raise ValueError(
            f"positions must be given for {metric} (the rows have {real.shape[1]} columns and no order "
            "on the line), got None; pass positions=run['rows'].values[:, 0] for the first column."
        )
    labels = run["category"].values
    because = f"the distance between categories is what {metric} measures"
    if labels.dtype.kind in "iu" and (labels == np.arange(K)).all():
        raise ValueError(
            f"positions must be given for {metric} ({because}, and the numbers 0 to {K - 1} of "
            "unnamed categories are no places), got None; pass positions=range(...) if they are, or "
            "use heterozygosity, total_variation or l2_squared."
        )
    try:
        return labels.astype(float)
    except ValueError:
        raise ValueError(
            f"positions must be given for {metric} ({because}), or labels be numbers, got the label "
            f"{str(labels[0])!r}; use heterozygosity, total_variation or l2_squared."
        ) from None


def chunks(replicates: int, each: int) -> list[slice]:
    """Cut the replicates so that arrays with `each` numbers a replicate stay within the budget."""
    step = max(1, BUDGET // max(each, 1))
    return [slice(lo, min(lo + step, replicates)) for lo in range(0, replicates, step)]


def wrap(
    run,
    data,
    *,
    name: str,
    long_name: str,
    reference: str,
    kind: str = "closed form",
    extra=(),
    samples: int | None = None,
    error=None,
):
    """Label an array (replicate, generation, *extra) and say what it is."""
    import xarray as xr

    dims = ("replicate", "generation", *extra)
    kept = {dim: run[dim].values for dim in dims if dim in run.coords}
    attrs = {"long_name": long_name, "kind": kind, "reference": reference}
    if samples is not None:
        attrs["samples"] = samples
    out = xr.DataArray(data, dims=dims, coords=kept, name=name, attrs=attrs)
    if error is not None:
        out = out.assign_coords(standard_error=(dims, error))
    return out
