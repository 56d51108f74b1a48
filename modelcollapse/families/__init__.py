"""What is refitted: families of models, each of them the truth plus an estimator."""

from __future__ import annotations

import json

import numpy as np

from modelcollapse.families._protocol import Family
from modelcollapse.families.categorical import Categorical
from modelcollapse.families.counts import Exponential, Poisson
from modelcollapse.families.empirical import Empirical
from modelcollapse.families.gaussian import Gaussian
from modelcollapse.families.kernel_density import KernelDensity
from modelcollapse.families.logistic import LogisticRegression
from modelcollapse.families.mixture import GaussianMixture
from modelcollapse.families.regression import LinearRegression
from modelcollapse.families.spectrum import FrequencySpectrum

__all__ = [
    "Categorical",
    "Empirical",
    "Exponential",
    "Family",
    "FrequencySpectrum",
    "Gaussian",
    "GaussianMixture",
    "KernelDensity",
    "LinearRegression",
    "LogisticRegression",
    "Poisson",
    "by_name",
    "model",
    "truth",
]


def by_name() -> dict[str, type]:
    """Return the families by name, as files and the command line use them."""
    known = (Gaussian, GaussianMixture, Categorical, Empirical, KernelDensity, Poisson, Exponential, LinearRegression)
    known += (FrequencySpectrum, LogisticRegression)
    return {cls.kind: cls for cls in known}


def model(run, replicate: int, generation: int):
    """Rebuild the model of one replicate and generation from a run.

    Parameters
    ----------
    run : xarray.Dataset
        A result of `modelcollapse.simulate`.
    replicate, generation : int
        Which model; generation 0 is the truth.

    Returns
    -------
    Family

    Raises
    ------
    ValueError
        If the run was made by a family this version does not know, or does not hold this model.
    """
    kinds = by_name()
    kind = run.attrs.get("family")
    if kind not in kinds:
        raise ValueError(f"run must come from one of the families {', '.join(kinds)}, got {kind!r} in run.attrs.")
    recorded = run["generation"].values.tolist()
    if "replicate" not in run.dims or generation not in recorded:
        there = "no chains" if "replicate" not in run.dims else f"generations {_listed(recorded)}"
        raise ValueError(
            f"run must hold generation {generation} of chain {replicate} (was it simulated with keep= or summary=?), "
            f"got {there}."
        )
    cell = run.sel(generation=generation).isel(replicate=replicate)
    state = {name: cell[name].values for name in cell.variables if name not in ("generation", "replicate")}
    return kinds[kind].from_state(state, **json.loads(run.attrs["family_options"]))


def _listed(numbers: list) -> str:
    return ", ".join(map(str, numbers if len(numbers) < 6 else [*numbers[:3], "...", numbers[-1]]))


def truth(run):
    """Rebuild generation 0 of a run: the family given to `simulate`, real rows included where they were the truth."""
    if run.attrs.get("truth") != "rows":
        return model(run, 0, 0)
    rows = np.asarray(run["rows"].values)
    if run.attrs.get("family") == KernelDensity.kind:  # the rows are the model, whatever else was recorded
        return Empirical(rows, KernelDensity(rows, **json.loads(run.attrs["family_options"])))
    fitted = model(run, 0, 0)
    if run.attrs.get("bootstrap"):
        return Empirical(rows)
    if isinstance(fitted, Categorical) and fitted.labels is not None:
        rows = np.array(fitted.labels)[rows]
    return Empirical(rows, fitted)
