"""What the commands do: each takes the parsed arguments and returns the exit code."""

from __future__ import annotations

import json
import os
import sys

import numpy as np

from modelcollapse import families, regimes
from modelcollapse.cli.arguments import make_regime, make_truth


def report(args) -> int:
    """Write the report."""
    from modelcollapse import report as room

    summary = room.write(
        args.out,
        data=args.data,
        columns=args.columns,
        label=args.label,
        corpus=args.corpus,
        quick=args.quick,
        seed=args.seed,
        overwrite=args.overwrite,
        progress=shown(args),
        n_jobs=args.jobs,
    )
    print(json.dumps(summary, indent=2) if args.json else room.table(summary))
    return 0


def shown(args) -> bool:
    """Whether to draw progress bars: on a terminal, unless told not to."""
    return sys.stderr.isatty() and not args.no_progress


def simulate(args) -> int:
    """Simulate, print a summary, and store the run if a file is named."""
    from modelcollapse.simulate import simulate as run_simulation

    if args.out and os.path.exists(args.out) and not args.overwrite:
        raise FileExistsError(f"--out must be a new file (add --overwrite to replace it), got {args.out}.")
    if args.out and not os.path.isdir(os.path.dirname(os.path.abspath(args.out))):
        raise FileNotFoundError(f"--out must lie in a folder that exists, got {args.out}.")
    run = run_simulation(
        make_truth(args),
        make_regime(args),
        generations=args.generations,
        replicates=args.replicates,
        rng=args.seed,
        n_jobs=args.jobs,
        progress=shown(args),
        keep=args.keep,
        summary=args.summary,
    )
    if args.out:
        partial = f"{args.out}.partial"
        run.to_netcdf(partial)
        os.replace(partial, args.out)
    rows = summarise(run)
    if args.json:
        print(json.dumps({"attrs": plain(run.attrs), "generations": rows}, indent=2))
    else:
        print(f"{run.attrs['family']} under {run.attrs['regime_text']}: {args.replicates} chains, seed {args.seed}")
        print_table(rows)
        if args.out:
            print(f"written to {args.out}")
    return 0


def summarise(run) -> list[dict]:
    """Mean and quantiles over chains of the main quantity, at a dozen of the recorded generations."""
    name, values = quantity(run)
    extra = [dim for dim in values.dims if dim not in ("replicate", "statistic", "generation")]
    if extra:
        name, values = f"total {name}", values.sum(extra)
    recorded = run["generation"].values
    T = len(recorded) - 1
    places = sorted({0, min(1, T), *np.unique(np.geomspace(1, max(T, 1), 10).round().astype(int)).clip(0, T).tolist()})
    if "statistic" in values.dims:
        return [
            {"generation": int(recorded[i]), **{f"{statistic} {name}" if statistic == "mean" else statistic: value
             for statistic, value in zip(run["statistic"].values.tolist(), at.tolist(), strict=True)}}
            for i, at in ((i, values.isel(generation=i).values) for i in places)
        ]  # fmt: skip
    rows = []
    for i in places:
        at = values.isel(generation=i).values
        at = at[~np.isnan(at)]  # chains that a curation has stopped
        if not at.size:
            break
        low, median, high = np.quantile(at, [0.05, 0.5, 0.95])
        rows.append(
            {
                "generation": int(recorded[i]),
                f"mean {name}": float(at.mean()),
                "5 %": float(low),
                "median": float(median),
                "95 %": float(high),
            }
        )
    return rows


def quantity(run):
    """Return name and values of the quantity that tells how far a run has gone, or of the first that is recorded."""
    from modelcollapse import metrics

    family = run.attrs["family"]
    named = {
        "Poisson": "rate",
        "Exponential": "mean",
        "LinearRegression": "excess_risk",
        "FrequencySpectrum": "support",
    }
    if family == "Categorical" and "probability" in run and "replicate" in run.dims:
        return "heterozygosity", metrics.heterozygosity(run)
    if family == "GaussianMixture" and "replicate" in run.dims and {"weight", "mean", "cov"} <= set(run):
        return "variance", metrics.variance(run)
    name = named.get(family, "variance")
    if name in run:
        return "waiting time" if family == "Exponential" else name.replace("_", " "), run[name]
    if "cov" in run and "dim_" in run["cov"].dims:
        diagonal = np.diagonal(run["cov"].values, axis1=-2, axis2=-1)
        return "variance", run["cov"].isel(dim_=0, drop=True).copy(data=diagonal)
    name = next(name for name, value in run.data_vars.items() if "generation" in value.dims)
    return name, run[name]


def predict(args) -> int:
    """Print a prediction, or what can be predicted."""
    from modelcollapse import theory

    family, regime = make_truth(args), make_regime(args)
    if args.quantity is None:
        known = theory.available(family, regime, generations=args.generations)
        if args.json:
            print(json.dumps(known, indent=2))
        else:
            print(f"known for {family.kind} under {regime}, {args.generations} generations:")
            for quantity, description in known.items():
                print(f"  {quantity:20s} {description}")
        return 0
    known = theory.predict(args.quantity, family, regime, generations=args.generations)
    if args.json:
        values = {name: known[name].values.tolist() for name in known.data_vars}
        print(json.dumps({"attrs": plain(known.attrs), "generation": known["generation"].values.tolist(), **values}))
        return 0
    for name in ("quantity", "family", "regime", "kind", "formula", "source"):
        print(f"{name:10s} {known.attrs[name]}")
    print_table([{"generation": t, **columns(known.sel(generation=t))} for t in known["generation"].values.tolist()])
    return 0


def columns(at) -> dict[str, float]:
    """Values of a prediction at one generation, by name: mean and sd, or the means of all categories or dimensions."""
    mean = at["mean"]
    if mean.ndim == 0:
        return {name: float(value) for name, value in at.data_vars.items()}
    labels = [mean[dim].values for dim in mean.dims]
    return {
        ", ".join(str(label[i]) for label, i in zip(labels, index, strict=True)): float(mean.values[index])
        for index in np.ndindex(mean.shape)
    }


def check(args) -> int:
    """Check theory against simulation; exit code 1 on a contradiction."""
    from modelcollapse import theory
    from modelcollapse.simulate import simulate as run_simulation
    from modelcollapse.verify import QUANTITIES
    from modelcollapse.verify import verify as check_run

    if args.stored:
        run = stored("--run", args.stored, ("family", "regime", "generations"))
        family, regime = families.truth(run), regimes.read(run.attrs["regime"])
        generations = int(run.attrs["generations"])
    else:
        family, regime, generations = make_truth(args), make_regime(args), args.generations
        run = None
    quantities = args.quantity or [
        quantity for quantity in theory.available(family, regime, generations=generations) if quantity in QUANTITIES
    ]
    known = [theory.predict(quantity, family, regime, generations=generations) for quantity in quantities]
    if run is None:
        run = run_simulation(
            family,
            regime,
            generations=generations,
            replicates=args.replicates,
            rng=args.seed,
            n_jobs=args.jobs,
            progress=shown(args),
        )
    verdicts = [check_run(run, one, alpha=args.alpha) for one in known]
    if args.json:
        print(json.dumps([verdict.to_dict() for verdict in verdicts], indent=2))
    else:
        for verdict in verdicts:
            print(f"{verdict}\n")
    return 1 if any(verdict.status.name == "CONTRADICTED" for verdict in verdicts) else 0


def stored(option: str, path: str, attrs: tuple[str, ...]):
    """Read a stored run, or say which file is none."""
    import xarray as xr

    rule = f"{option} must be a run written by modelcollapse simulate --out, got {path}, which"
    if not os.path.exists(path):
        raise FileNotFoundError(f"{rule} does not exist.")
    if not os.path.isfile(path):
        raise ValueError(f"{rule} is no file.")
    try:
        run = xr.load_dataset(path)
    except Exception as error:  # each of xarray's readers has its own
        raise ValueError(f"{rule} cannot be read as netCDF ({type(error).__name__}).") from error
    missing = [name for name in attrs if name not in run.attrs]
    if missing:
        raise ValueError(f"{rule} is netCDF without the attribute {missing[0]} of a run.")
    return run


def diagnose(args) -> int:
    """Say of a stored run in which of the eight senses it has collapsed."""
    from modelcollapse.diagnose import diagnose as ask

    run = stored("FILE.nc", args.stored, ("family",))
    scaling = [stored("--scaling", name, ("family",)) for name in args.scaling or ()]
    show_frame(ask(run, scaling=scaling, rng=args.seed), args.json, ["verdict", "generation"])
    return 0


def plan(args) -> int:
    """Say what would keep a loss within a tolerance."""
    from modelcollapse.plan import plan as ask

    asked = {name: getattr(args, name) for name in ("variance_lost", "tail_lost", "minority")}
    settings = {name: getattr(args, name) for name in ("beyond", "survives", "stream", "false_positive")}
    settings = {name: value for name, value in settings.items() if value is not None}
    answer = ask(args.n, args.generations, **asked, **settings).set_index("option")
    show_frame(answer, args.json, ["setting", "amount", "achieved", "kind"])
    return 0


def show_frame(frame, as_json: bool, columns: list[str]) -> None:
    """Print a table: some of its columns as text, with the notes below, or all of it as JSON."""
    if as_json:
        print(frame.drop(columns="regime", errors="ignore").reset_index().to_json(orient="records", indent=2))
        return
    import pandas as pd

    with pd.option_context("display.width", 160, "display.max_colwidth", 60):
        print(frame[columns].to_string(na_rep="-"))
    for name, note in frame["note"].items():
        if isinstance(note, str) and note:
            print(f"  {name}: {note}")


def plain(attrs) -> dict:
    """Attributes as JSON can hold them."""
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in attrs.items()}


def print_table(rows: list[dict]):
    """Print rows as an aligned table."""
    names = list(rows[0])
    cells = [[f"{row[name]}" if isinstance(row[name], int) else f"{row[name]:.6g}" for name in names] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells)) for i, name in enumerate(names)]
    print("  ".join(name.rjust(width) for name, width in zip(names, widths, strict=True)))
    for row in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
