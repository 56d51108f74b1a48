"""What happens when a model is refitted, generation after generation, on its own samples?

`simulate` takes a truth and a regime and returns what every model of every chain was. There are two engines, and the
user need not know which is at work:

* a family that can simulate whole chains itself (`chains`) does so: most draw the sufficient statistic of a sample
  directly, exactly in law and at a cost that does not depend on its size, wherever statistics simply add; a kernel
  density estimate, whose statistic is its points, runs through them in compiled code, subsamples included;
* otherwise points are drawn, kept, dropped, subsampled and fitted one generation after the other.

Replicates are independent chains. They are cut into blocks of a fixed size, each with its own stream, and blocks run on
threads or on whatever backend joblib has been given: the result is the same, bit for bit.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from modelcollapse import _rng
from modelcollapse import _validate as check
from modelcollapse.families import Empirical, Family
from modelcollapse.regimes import Plan, Regime

#: replicates per block: statistics are so fast that fewer would be all overhead, points so slow that more would leave
#: threads idle at the end
STATISTIC_BLOCK = 256
POINT_BLOCK = 4


def simulate(
    family, regime: Regime, *, generations: int, replicates: int = 1, rng=None, n_jobs: int = 1, progress: bool = False
):
    """Refit `family` on its own samples under `regime`, in many independent chains.

    Parameters
    ----------
    family : Family
        The truth (generation 0) and the estimator: `Gaussian`, `GaussianMixture`, `Categorical`, `KernelDensity`,
        `Poisson`, `Exponential`, or `Empirical` real data with one of them.
    regime : Regime
        What each generation is fitted to: `Replace`, `Accumulate`, `Subsample`, `FixedReal`, `FreshReal`, `Mix`,
        `Window`.
    generations : int
        Fits per chain, T >= 1.
    replicates : int, default 1
        Independent chains.
    rng : None, int, SeedSequence or Generator, optional
        Where randomness starts. The same integer gives the same result for any `n_jobs`.
    n_jobs : int, default 1
        Threads; -1 for all cores. Inside ``joblib.parallel_config(backend=...)`` the blocks go to that backend.
    progress : bool, default False
        Show a progress bar on standard error.

    Returns
    -------
    xarray.Dataset
        Dimensions ``replicate`` and ``generation`` (0, the truth, to T) and those of the family. Variables: for a
        scalar Gaussian ``mean``, ``log_variance``, ``variance``; in d dimensions ``mean``, ``cov``, ``log_variance``,
        ``log_det``; for a Categorical ``probability``; for a mixture ``weight``, ``mean``, ``cov``; for a
        KernelDensity those of a Gaussian without ``log_det`` (of its points) and ``bandwidth``; for a Poisson ``rate``,
        for an Exponential ``log_rate`` and ``mean``. Attributes say how it was made. It can be written with
        ``to_netcdf``.

    Raises
    ------
    TypeError, ValueError
        If an argument breaks its rule, a fit would have too few points, more real rows are asked for than there are,
        or the result would not fit into memory; before anything is simulated.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> truth = mc.Gaussian(0.0, 1.0, estimator="mle")
    >>> run = mc.simulate(truth, mc.Replace(n=100), generations=50, replicates=200, rng=7)
    >>> dict(run.sizes)
    {'replicate': 200, 'generation': 51}
    """
    model, rows, plan = prepare(family, regime, generations, replicates)
    seed = _rng.root(rng)
    engine, size = (by_statistic, STATISTIC_BLOCK) if runs_chains(model, plan) else (by_point, POINT_BLOCK)
    arrays = run_blocks(engine, size, model, rows, plan, replicates, seed, n_jobs, progress)
    return assemble(family, model, rows, regime, plan, arrays, seed)


def prepare(family, regime, generations, replicates) -> tuple[Family, np.ndarray | None, Plan]:
    """Check a request as a whole; return the model to refit, the real rows if they are the truth, and the plan."""
    generations = check.integer("generations", generations, least=1)
    replicates = check.integer("replicates", replicates, least=1)
    if not hasattr(family, "fit") or isinstance(family, type):
        raise TypeError(
            f"family must be a family such as Gaussian(mean=0.0, cov=1.0, estimator='mle'), got {family!r:.80}."
        )
    if not hasattr(regime, "plan") or isinstance(regime, type):
        raise TypeError(f"regime must be a regime such as Replace(n=100), got {regime!r:.80}.")
    plan = regime.plan(generations)
    model, rows = family, None
    if isinstance(family, Empirical):
        model, rows = family.resolve()
        rows = np.array(rows)  # writable: to the compiler a read-only array is another type
    if plan.size.min() < model.least:
        t = int(np.argmin(plan.size)) + 1
        raise ValueError(
            f"n must give every fit of a {model.kind} at least {model.least} points, "
            f"got {int(plan.size.min())} at generation {t} under {regime}."
        )
    if rows is not None and plan.real[0] > len(rows):
        raise ValueError(
            f"{regime} must ask for at most {len(rows)} real points at generation 1 (there are that many "
            f"rows), got {int(plan.real[0])}."
        )
    cells = sum(int(np.prod(np.shape(value), dtype=int)) for value in model.state().values())
    bytes_needed = 8 * cells * replicates * (generations + 1)
    available = memory()
    if bytes_needed > available:
        raise ValueError(
            f"replicates x generations must fit into memory ({available / 1e9:.1f} GB are free), got a "
            f"result of {bytes_needed / 1e9:.1f} GB; run fewer replicates or generations at a time."
        )
    return model, rows, plan


def memory() -> int:
    """Return the bytes of memory that can be had, caches included; half of all, or 4 GB, where nobody says."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (ValueError, OSError, AttributeError):
        return 4 << 30


def runs_chains(model, plan: Plan) -> bool:
    """Whether a family simulates whole chains itself under this plan; subsamples are beyond most that can."""
    subsamples = getattr(model, "subsamples", False)
    return hasattr(model, "chains") and (subsamples or not plan.drawn.any())


def by_statistic(model, rows, plan: Plan, replicates: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Simulate one block of chains by the family's own means: through the sufficient statistic."""
    return model.chains(plan, replicates, rng, rows)


def by_point(model, rows, plan: Plan, replicates: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Simulate one block of chains point by point; the literal meaning of a regime."""
    start = {name: np.asarray(value) for name, value in model.state().items()}
    out = {name: np.empty((replicates, plan.generations, *value.shape)) for name, value in start.items()}
    for r in range(replicates):
        for t, fitted in enumerate(chain(model, rows, plan, rng)):
            for name, value in fitted.state().items():
                out[name][r, t] = value
    return out


def chain(model, rows, plan: Plan, rng: np.random.Generator):
    """Yield the models of generations 1, 2, ... of one chain."""
    truth = model
    batches: dict[int, np.ndarray] = {}
    pinned = None
    substitutes = plan.substitutes(1, rng)[0]
    for t in range(plan.generations):
        parts = []
        if t == 0:
            first = truth.sample(int(plan.real[0]), rng) if rows is None else subset(rows, int(plan.real[0]), rng)
            pinned = first[: plan.pinned]
            parts.append(first)
        else:
            fresh, made = int(plan.real[t] + substitutes[t]), int(plan.synthetic[t] - substitutes[t])
            if fresh:
                parts.append(truth.sample(fresh, rng) if rows is None else rows[rng.integers(0, len(rows), fresh)])
            if made:
                parts.append(model.sample(made, rng))
        batches[t] = parts[0] if len(parts) == 1 else np.concatenate(parts)
        for gone in [b for b in batches if b < plan.oldest[t] - 1]:
            del batches[gone]
        held = list(batches.values())
        if plan.oldest[t] > 1 and plan.pinned:
            held.insert(0, pinned)
        X = held[0] if len(held) == 1 else np.concatenate(held)
        if plan.drawn[t] and plan.drawn[t] < len(X):
            X = X[rng.choice(len(X), int(plan.drawn[t]), replace=False, shuffle=False)]
        model = model.fit(X, rng)
        yield model


def subset(rows: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the real points of generation 1 in random order: all rows, or as many as are asked for."""
    return rows[rng.permutation(len(rows))[:size]]


def run_blocks(
    engine: Callable, size: int, model, rows, plan: Plan, replicates: int, seed, n_jobs: int, progress: bool
) -> dict[str, np.ndarray]:
    """Run all blocks and join their arrays along the first axis."""
    from joblib import Parallel, delayed
    from tqdm import tqdm

    n_jobs = check.integer("n_jobs", n_jobs, least=-1)
    if n_jobs == 0:
        raise ValueError("n_jobs must be a number of threads, or -1 for all cores, got 0.")
    cut = _rng.blocks(replicates, size)
    start = {name: np.asarray(value) for name, value in model.state().items()}
    arrays = {name: np.empty((replicates, plan.generations + 1, *value.shape)) for name, value in start.items()}
    for name, value in start.items():
        arrays[name][:, 0] = value
    jobs = (delayed(engine)(model, rows, plan, hi - lo, _rng.stream(seed, b)) for b, lo, hi in cut)
    if n_jobs == 1:
        results = (function(*args) for function, args, _ in jobs)
    else:
        results = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(jobs)
    with tqdm(total=replicates, desc=f"simulating {model.kind}", unit="chain", disable=not progress) as bar:
        for (_, lo, hi), block in zip(cut, results, strict=True):
            for name, value in block.items():
                arrays[name][lo:hi, 1:] = value
            bar.update(hi - lo)
    return arrays


def assemble(family, model, rows, regime, plan: Plan, arrays: dict[str, np.ndarray], seed):
    """Wrap the arrays into a Dataset that says how it was made."""
    import xarray as xr

    lead = ("replicate", "generation")
    dims = model.variables()
    data = {name: ((*lead, *dims[name]), value) for name, value in arrays.items()}
    if dims.get("log_variance") == ():
        data["variance"] = (lead, np.exp(arrays["log_variance"]))
    replicates = len(next(iter(arrays.values())))
    coords = {"replicate": np.arange(replicates), "generation": np.arange(plan.generations + 1), **model.coords()}
    if rows is not None:
        real = np.array(family.rows)
        data["rows"] = (
            ("row", "dim") if real.ndim == 2 and model.kind != "Categorical" else ("row", "column")[: real.ndim],
            real,
        )
    attrs = {
        "family": model.kind,
        "family_options": json.dumps(model.options()),
        "truth": "model" if rows is None else "rows",
        "bootstrap": int(rows is not None and family.model is None),
        "regime": regime.describe(plan.generations),
        "regime_text": str(regime),
        "generations": plan.generations,
        "replicates": replicates,
        "entropy": str(seed.entropy),
        "spawn_key": json.dumps([int(k) for k in seed.spawn_key]),
        "versions": json.dumps({name: version(name) for name in ("numpy", "numba")}),
    }
    return xr.Dataset(data, coords=coords, attrs=attrs)
