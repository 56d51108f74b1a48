"""What happens when a model is refitted, generation after generation, on its own samples?

`simulate` takes a truth and a regime and returns what every model of every chain was. There are two engines, and the
user need not know which is at work:

* a family that can simulate whole chains itself (`chains`) does so: most draw the sufficient statistic of a sample
  directly, exactly in law and at a cost that does not depend on its size, wherever statistics simply add; a kernel
  density estimate, whose statistic is its points, runs through them in compiled code, subsamples included;
* otherwise points are drawn, kept, dropped, subsampled and fitted one generation after the other.

Replicates are independent chains. They are cut into blocks, each with its own stream, and blocks run on threads or on
whatever backend joblib has been given: the result is the same, bit for bit.
"""

from __future__ import annotations

import inspect
import json
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

from modelcollapse import _rng
from modelcollapse import _validate as check
from modelcollapse.families import Empirical, Family
from modelcollapse.regimes import Plan, Regime
from modelcollapse.simulate.points import by_point
from modelcollapse.simulate.summary import QUANTILES, Summary

#: replicates per block: statistics are so fast that fewer would be all overhead, points so slow that more would leave
#: threads idle at the end
STATISTIC_BLOCK = 256
POINT_BLOCK = 4
#: most bytes of a block that is simulated through statistics: long chains come in smaller blocks
BLOCK_BYTES = 1 << 26
#: most bytes of blocks, and most blocks, that may be finished and not yet recorded
AHEAD_BYTES, AHEAD = 1 << 28, 1024
#: what is recorded of chains in which points are selected: points of every fit, and real points lost to detectors
COUNTS = ("kept", "real_dropped")


def simulate(
    family,
    regime: Regime,
    *,
    generations: int,
    replicates: int = 1,
    rng=None,
    n_jobs: int = 1,
    progress: bool = False,
    keep=None,
    summary: bool | tuple[float, ...] = False,
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
    keep : sequence of int or str, optional
        Generations (int, or a slice) and variables (str) to record; by default all of them. ``range(0, 1001, 100)``
        keeps every hundredth generation, ``["log_variance"]`` one variable (a ``variance`` comes with its logarithm),
        ``["mean", 0, 50]`` one variable at two generations.
    summary : bool or sequence of float, default False
        Record, in place of the chains, mean, sd and quantiles over chains of every variable at every generation, in
        memory that does not grow with `replicates`. True takes the quantiles 0.05, 0.25, 0.5, 0.75 and 0.95.

    Returns
    -------
    xarray.Dataset
        Dimensions ``replicate`` and ``generation`` (0, the truth, to T) and those of the family. Variables: for a
        scalar Gaussian ``mean``, ``log_variance``, ``variance``; in d dimensions ``mean``, ``cov``, ``log_variance``,
        ``log_det``; for a Categorical ``probability``; for a mixture ``weight``, ``mean``, ``cov``; for a
        KernelDensity those of a Gaussian without ``log_det`` (of its points) and ``bandwidth``; for a Poisson ``rate``,
        for an Exponential ``log_rate`` and ``mean``. Attributes say how it was made. It can be written with
        ``to_netcdf``. Where a curation selects points there are also ``kept``, the points of every fit,
        ``real_dropped``, the real points a detector took for synthetic, and ``stopped`` (replicate): the generation at
        which a chain had too few points left, 0 if it never did; from there on it is NaN. With `summary` the dimension
        ``statistic`` stands in place of ``replicate``, NaN are left out, and ``stopped`` is the number of such chains.

    Raises
    ------
    TypeError, ValueError
        If an argument breaks its rule, a fit would have too few points, more real rows are asked for than there are,
        or the result would not fit into memory; before anything is simulated.

    Warns
    -----
    RuntimeWarning
        If chains stopped because a curation left too few points.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> truth = mc.Gaussian(0.0, 1.0, estimator="mle")
    >>> run = mc.simulate(truth, mc.Replace(n=100), generations=50, replicates=200, rng=7)
    >>> dict(run.sizes)
    {'replicate': 200, 'generation': 51}
    """
    model, rows, plan = prepare(family, regime, generations, replicates)
    recorded = record(model, plan, keep, summary)
    fits(recorded, replicates)
    seed = _rng.root(rng)
    engine, size = by_point, POINT_BLOCK
    if runs_chains(model, plan):
        chain_bytes = 8 * recorded.cells * plan.generations
        engine, size = by_statistic, max(1, min(STATISTIC_BLOCK, BLOCK_BYTES // chain_bytes))
    arrays, stopped = run_blocks(engine, size, model, rows, plan, recorded, replicates, seed, n_jobs, progress)
    if stopped.any():
        warnings.warn(
            f"{np.count_nonzero(stopped)} of {replicates} chains stopped: {regime} left fewer than the {model.least} "
            f"points a fit of a {model.kind} needs, first at generation {stopped[stopped > 0].min()}. They are NaN "
            "from there on; the variable stopped says where.",
            RuntimeWarning,
            stacklevel=2,
        )
    return assemble(family, model, rows, regime, plan, recorded, arrays, stopped, seed)


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
    plan = regime.curated(generations) if hasattr(regime, "curated") else regime.plan(generations)
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
    later = plan.synthetic[1:][plan.synthetic[1:] > 0]
    for curation in plan.curation:
        curation.check(model, int(later.min()) if len(later) else int(plan.size.min()))
    if rows is not None and family.model is None:  # points are numbers of rows
        plan = replace(plan, curation=tuple(curation.on(np.asarray(family.rows)) for curation in plan.curation))
    if plan.weighs and "weights" not in inspect.signature(model.fit).parameters:
        raise ValueError(
            f"regime must not weigh points where the family is a {model.kind} (its fit takes no weights), got {regime}."
        )
    return model, rows, plan


class Record(NamedTuple):
    """What is recorded of every chain."""

    #: generations, sorted, and the names of the variables
    generations: np.ndarray
    variables: tuple[str, ...]
    #: quantiles of a summary; None where the chains themselves are recorded
    quantiles: tuple[float, ...] | None
    #: numbers that a model is, and how many of them are recorded for a chain
    cells: int
    values: int
    #: how many variables there are
    of: int


def record(model, plan: Plan, keep, summary) -> Record:
    """Check ``keep`` and ``summary``."""
    shapes = {name: np.shape(value) for name, value in model.state().items()}
    if plan.selects:
        shapes |= dict.fromkeys(COUNTS, ())
    wanted = []
    if keep is not None:
        keep = range(plan.generations + 1)[keep] if isinstance(keep, slice) else keep
        wanted = list(keep) if np.iterable(keep) and not isinstance(keep, str) else [keep]
        if not wanted:
            raise ValueError("keep must name generations or variables to record, got an empty sequence.")
    names = [name for name in wanted if isinstance(name, str)]
    if shapes.get("log_variance") == ():  # a variance comes with its logarithm
        names = ["log_variance" if name == "variance" else name for name in names]
    for name in names:
        if name not in shapes:
            raise ValueError(
                f"keep must name variables of a {model.kind} ({', '.join(shapes)}) or generations, got {name!r}."
            )
    kept = sorted(
        {
            check.integer("keep", t, least=0, most=plan.generations, because="these are the generations of the run")
            for t in wanted
            if not isinstance(t, str)
        }
    )
    quantiles = None
    if not isinstance(summary, (bool, np.bool_)):
        quantiles = tuple(dict.fromkeys(check.probability("summary", x) for x in np.atleast_1d(summary).tolist()))
    elif summary:
        quantiles = QUANTILES
    generations = np.array(kept, dtype=np.int64) if kept else np.arange(plan.generations + 1)
    variables = tuple(name for name in shapes if name in names) if names else tuple(shapes)
    sizes = {name: int(np.prod(shape, dtype=int)) for name, shape in shapes.items()}
    values = len(generations) * sum(sizes[name] for name in variables)
    return Record(generations, variables, quantiles, sum(sizes.values()), values, len(shapes))


def fits(recorded: Record, replicates: int):
    """Refuse a result that would not fit into memory."""
    needed, available = 8 * recorded.values * replicates, memory()
    if recorded.quantiles is None and needed > available:
        raise ValueError(
            f"replicates x generations must fit into memory ({available / 1e9:.1f} GB are free), got a result of "
            f"{needed} bytes ({needed / 1e9:.1f} GB); record less with keep= (generations, variables), or only "
            "mean, sd and quantiles with summary=True."
        )


@cache
def versions() -> str:
    """Return the versions of what draws and counts, as JSON; looking them up takes a millisecond."""
    return json.dumps({name: version(name) for name in ("numpy", "numba")})


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
    curates = getattr(model, "curates", ())
    return (
        hasattr(model, "chains")
        and (subsamples or not plan.drawn.any())
        and all(type(curation).__name__ in curates for curation in plan.curation)
        and plan.real_weight is None
    )


def by_statistic(model, rows, plan: Plan, replicates: int, rng: np.random.Generator, out=None) -> dict[str, np.ndarray]:
    """Simulate one block of chains by the family's own means: through the sufficient statistic.

    A family whose `chains` takes ``out`` is told where its block belongs.
    """
    if out is None or "out" not in inspect.signature(model.chains).parameters:
        return model.chains(plan, replicates, rng, rows)
    return model.chains(plan, replicates, rng, rows, out)


def run_blocks(
    engine: Callable,
    size: int,
    model,
    rows,
    plan: Plan,
    recorded: Record,
    replicates: int,
    seed,
    n_jobs: int,
    progress: bool,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Run all blocks; return what is recorded of them, chains or their summary, and where chains stopped (0: never)."""
    from joblib import Parallel, delayed
    from tqdm import tqdm

    n_jobs = check.integer("n_jobs", n_jobs, least=-1)
    if n_jobs == 0:
        raise ValueError("n_jobs must be a number of threads, or -1 for all cores, got 0.")
    cut = _rng.blocks(replicates, size)
    start = model.state() | (dict.fromkeys(COUNTS, 0) if plan.selects else {})
    start = {name: np.asarray(start[name]) for name in recorded.variables}
    lead = int(recorded.generations[0] == 0)
    later = recorded.generations[lead:] - 1
    later = slice(None) if len(later) == plan.generations else later

    def chosen(block, place):
        """Write the recorded part of a block to `place`, unless it was written there to begin with."""
        for name, value in start.items():
            place[name][:, :lead] = value
            if not np.may_share_memory(block[name], place[name]):
                place[name][:, lead:] = block[name][:, later]
        return place

    def empty(length):
        shape = (length, len(recorded.generations))
        return {n: np.zeros((*shape, *v.shape), np.int64 if n in COUNTS else float) for n, v in start.items()}

    def arguments(b, lo, hi):
        where = [{name: value[lo:hi, 1:] for name, value in arrays.items()}] if direct else []
        return model, rows, plan, hi - lo, _rng.stream(seed, b), *where

    def results():
        """Yield the blocks in order; workers never run far ahead of what has been recorded."""
        if n_jobs == 1:
            yield from (engine(*arguments(*block)) for block in cut)
            return
        block_bytes = 8 * recorded.cells * plan.generations * size
        ahead = max(16, min(AHEAD, AHEAD_BYTES // block_bytes))
        with Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator") as workers:
            for i in range(0, len(cut), ahead):
                yield from workers(delayed(engine)(*arguments(*block)) for block in cut[i : i + ahead])

    streaming = recorded.quantiles is not None
    summary = Summary(recorded.quantiles) if streaming else None
    arrays = empty(0 if streaming else replicates)
    # blocks that are recorded whole are written in place; other processes have a copy of it, and send theirs back
    direct = (
        engine is by_statistic and not streaming and lead and isinstance(later, slice) and len(start) == recorded.of
    )
    stopped = np.zeros(replicates, np.int64)
    with tqdm(total=replicates, desc=f"simulating {model.kind}", unit="chain", disable=not progress) as bar:
        for (_, lo, hi), block in zip(cut, results(), strict=True):
            stopped[lo:hi] = block.pop("stopped", 0)
            if streaming:
                part = chosen(block, empty(hi - lo))
                summary.update(part | ({"variance": np.exp(part["log_variance"])} if has_variance(model, part) else {}))
            else:
                chosen(block, {name: value[lo:hi] for name, value in arrays.items()})
            bar.update(hi - lo)
    return (summary.arrays() if streaming else arrays), stopped


def has_variance(model, arrays) -> bool:
    """Whether a variance is recorded beside its logarithm: where points are numbers."""
    return "log_variance" in arrays and model.variables()["log_variance"] == ()


def assemble(
    family, model, rows, regime, plan: Plan, recorded: Record, arrays: dict[str, np.ndarray], stopped: np.ndarray, seed
):
    """Wrap the arrays into a Dataset that says how it was made."""
    import xarray as xr

    streaming = recorded.quantiles is not None
    lead = ("statistic" if streaming else "replicate", "generation")
    dims = model.variables()
    data = {name: ((*lead, *dims.get(name, ())), value) for name, value in arrays.items()}
    if not streaming and has_variance(model, arrays):
        data["variance"] = (lead, np.exp(arrays["log_variance"]))
    if plan.selects:
        data["stopped"] = ((), np.count_nonzero(stopped)) if streaming else (("replicate",), stopped)
    first = Summary(recorded.quantiles).statistics if streaming else np.arange(len(stopped))
    used = {dim for value in data.values() for dim in value[0]}
    coords = {lead[0]: first, "generation": recorded.generations}
    coords |= {dim: value for dim, value in model.coords().items() if dim in used}
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
        "replicates": len(stopped),
        "entropy": str(seed.entropy),
        "spawn_key": json.dumps([int(k) for k in seed.spawn_key]),
        "versions": versions(),
    }
    return xr.Dataset(data, coords=coords, attrs=attrs)
