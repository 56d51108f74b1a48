"""`modelcollapse` on the command line: report, simulate, predict, verify.

Data go to standard output (as text, or with ``--json`` as JSON), progress and errors to standard error. Exit codes:
0 all is well, 1 a check failed, 2 bad usage or bad input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

import numpy as np

from modelcollapse import __version__, families, regimes

EXAMPLES = {
    None: """\
start here:
  modelcollapse report                          real data in, one page out: what collapses, how fast, what helps
  modelcollapse simulate --regime replace --n 100 --estimator mle
  modelcollapse predict variance --regime accumulate --n 100 --estimator mle
  modelcollapse verify --regime replace --n 100 --estimator unbiased

A model is refitted, generation after generation, on its own samples. Generation 0 is the truth, generation 1 is fitted
to real data, and the regime says what every later generation is fitted to.""",
    "report": """\
examples:
  modelcollapse report                                    iris and the Python language reference, about a minute
  modelcollapse report --quick                            the same, coarser
  modelcollapse report --data my.csv --columns height,weight --label group
  modelcollapse report --corpus my.txt --out my-report

The page is report.html in the output folder; beside it are the numbers (CSV, JSON) and the runs (netCDF).""",
    "simulate": """\
examples:
  modelcollapse simulate --regime replace --n 100 --estimator mle --generations 200 --replicates 1000
  modelcollapse simulate --regime fixed-real --n 900 --n-real 100 --n-first 1000 --estimator mle --out run.nc
  modelcollapse simulate --family categorical --probabilities 0.9,0.09,0.01 --regime replace --n 50
  modelcollapse simulate --family kernel-density --data my.csv --columns x --bandwidth scott --regime replace --n 100
  modelcollapse simulate --family mixture --data my.csv --columns x,y --components 2 --regime accumulate --n 200""",
    "predict": """\
examples:
  modelcollapse predict                                   list what is known for a family and a regime
  modelcollapse predict log_variance --regime replace --n 100 --estimator unbiased --generations 50
  modelcollapse predict heterozygosity --family categorical --probabilities 0.5,0.5 --regime accumulate --n 50""",
    "verify": """\
examples:
  modelcollapse verify --regime replace --n 100 --estimator mle
  modelcollapse verify heterozygosity --family categorical --probabilities 0.5,0.3,0.2 --regime accumulate --n 20
  modelcollapse verify --run run.nc

Simulates (or reads a stored run), predicts from theory, and tests one against the other. Exit code 1 if theory and
simulation contradict each other.""",
}


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = parser().parse_args(argv)
    if args.command is None:
        parser().print_help()
        return 0
    try:
        return args.run(args)
    except (ValueError, TypeError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(f"modelcollapse {args.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"modelcollapse {args.command}: interrupted.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Build the parser."""
    layout = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="modelcollapse",
        formatter_class=layout,
        epilog=EXAMPLES[None],
        description="What happens to a model that is refitted, generation after generation, on its own samples?",
    )
    top.add_argument("--version", action="version", version=f"modelcollapse {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def command(name, run, text):
        sub = commands.add_parser(name, help=text, description=text, epilog=EXAMPLES[name], formatter_class=layout)
        sub.set_defaults(run=run)
        return sub

    sub = command("report", report, "Refit models of real data on their own samples and write one page about it.")
    sub.add_argument("--data", metavar="FILE.csv", help="table with a header row (default: iris)")
    sub.add_argument("--columns", metavar="A,B", type=words, help="numeric columns to use (default: all that are)")
    sub.add_argument("--label", metavar="COL", help="text column with the classes (default: the first text column)")
    sub.add_argument("--corpus", metavar="FILE.txt", help="text (default: the Python language reference)")
    sub.add_argument(
        "--out", metavar="DIR", default="modelcollapse-report", help="output folder (default: %(default)s)"
    )
    sub.add_argument("--overwrite", action="store_true", help="replace an earlier report in the output folder")
    sub.add_argument("--quick", action="store_true", help="fewer generations and replicates")
    running(sub)

    sub = command("simulate", simulate, "Simulate chains of refitted models.")
    truth_arguments(sub)
    regime_arguments(sub)
    sub.add_argument("--generations", type=int, default=100, metavar="T", help="fits per chain (default: %(default)s)")
    sub.add_argument("--replicates", type=int, default=1000, metavar="R", help="chains (default: %(default)s)")
    sub.add_argument("--out", metavar="FILE.nc", help="write the run as netCDF")
    sub.add_argument("--overwrite", action="store_true", help="replace FILE.nc if it exists")
    running(sub)

    sub = command("predict", predict, "Say what theory knows, in closed form.")
    sub.add_argument("quantity", nargs="?", metavar="QUANTITY", help="what to predict; without it, list what is known")
    truth_arguments(sub)
    regime_arguments(sub)
    sub.add_argument("--generations", type=int, default=100, metavar="T", help="fits (default: %(default)s)")
    sub.add_argument("--json", action="store_true", help="print JSON")

    sub = command("verify", verify, "Test theory against simulation.")
    sub.add_argument("quantity", nargs="*", metavar="QUANTITY", help="what to check (default: all that is known)")
    sub.add_argument("--run", dest="stored", metavar="FILE.nc", help="check a stored run instead of simulating one")
    truth_arguments(sub)
    regime_arguments(sub)
    sub.add_argument("--generations", type=int, default=50, metavar="T", help="fits per chain (default: %(default)s)")
    sub.add_argument("--replicates", type=int, default=4000, metavar="R", help="chains (default: %(default)s)")
    sub.add_argument("--alpha", type=float, default=1e-6, help="false-alarm rate of each check (default: %(default)s)")
    running(sub)
    return top


def running(sub):
    """Add what every command that works for a while has."""
    sub.add_argument(
        "--seed",
        type=int,
        metavar="N",
        default=0,
        help="where randomness starts (default: %(default)s); the same seed gives the same numbers",
    )
    sub.add_argument("--jobs", type=int, default=-1, metavar="J", help="threads (default: all cores)")
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--no-progress", action="store_true", help="no progress bar (there is none off a terminal anyway)")


def truth_arguments(sub):
    """Add the arguments that make a family."""
    group = sub.add_argument_group("the truth and its estimator")
    group.add_argument(
        "--family",
        choices=("gaussian", "categorical", "mixture", "kernel-density", "poisson", "exponential"),
        default="gaussian",
        help="what is refitted (default: %(default)s)",
    )
    group.add_argument(
        "--estimator",
        choices=("unbiased", "mle"),
        help="divisor of a Gaussian's variance: n - 1 or n; they collapse at different speeds, so say which",
    )
    group.add_argument("--mean", type=numbers, metavar="M", default=[0.0], help="mean of a Gaussian: M or M1,M2,...")
    group.add_argument(
        "--cov", type=matrix, metavar="V", default=1.0, help="variance V, or covariance rows such as '2,1;1,2'"
    )
    group.add_argument("--probabilities", type=numbers, metavar="P1,P2,...", help="of a categorical")
    group.add_argument("--rate", type=float, metavar="L", help="of a poisson or an exponential")
    group.add_argument(
        "--bandwidth",
        type=bandwidth,
        metavar="H",
        default="silverman",
        help="sd of a kernel: a number, silverman or scott (default: %(default)s)",
    )
    group.add_argument("--data", metavar="FILE.csv", help="take the rows of a table as the truth")
    group.add_argument("--columns", type=words, metavar="A,B", help="columns of the table")
    group.add_argument("--label", metavar="COL", help="column with the labels of a categorical")
    group.add_argument("--components", type=int, default=2, metavar="K", help="of a mixture (default: %(default)s)")


def regime_arguments(sub):
    """Add the arguments that make a regime."""
    group = sub.add_argument_group("the regime")
    group.add_argument(
        "--regime",
        choices=sorted(regimes.by_name()),
        default="replace",
        help="what every generation is fitted to (default: %(default)s)",
    )
    group.add_argument(
        "--n",
        type=sizes,
        metavar="N",
        default=100,
        help="points per generation, or a schedule N1,N2,... (default: %(default)s)",
    )
    group.add_argument(
        "--n-real", type=int, metavar="R", help="real points (accumulate, subsample, fixed-real, fresh-real, window)"
    )
    group.add_argument("--n-first", type=int, metavar="F", help="real points of generation 1 (fixed-real)")
    group.add_argument("--real-fraction", type=float, metavar="P", help="probability that a point is real (mix)")
    group.add_argument("--k", type=int, metavar="K", help="batches in the window (window)")


def words(text: str) -> list[str]:
    """Split a comma-separated list."""
    return [word.strip() for word in text.split(",") if word.strip()]


def numbers(text: str) -> list[float]:
    """Read comma-separated numbers."""
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers separated by commas, got {text!r}") from None


def sizes(text: str) -> int | tuple[int, ...]:
    """Read a sample size or a schedule of them."""
    try:
        values = tuple(int(word) for word in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be an integer or integers separated by commas, got {text!r}") from None
    return values[0] if len(values) == 1 else values


def bandwidth(text: str) -> float | str:
    """Read a bandwidth: a number, or the name of a rule."""
    try:
        return float(text)
    except ValueError:
        return text.strip()


def matrix(text: str) -> float | list[list[float]]:
    """Read a variance, or the rows of a covariance matrix separated by semicolons."""
    rows = [numbers(row) for row in text.split(";")]
    return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else rows


def make_truth(args):
    """Build the family an invocation asks for."""
    table = None
    if args.data:
        from modelcollapse.report.data import read

        table = read(args.data, columns=args.columns, label=args.label)
    elif args.columns or args.label:
        raise ValueError(
            "--columns and --label must come with --data FILE.csv (they name columns of it), got no --data."
        )
    makers = {
        "gaussian": make_gaussian,
        "categorical": make_categorical,
        "mixture": make_mixture,
        "kernel-density": make_kernel_density,
        "poisson": make_rated,
        "exponential": make_rated,
    }
    return makers[args.family](args, table)


def points(table):
    """Rows of a table: numbers where it has one column."""
    return table.rows[:, 0] if len(table.columns) == 1 else table.rows


def make_gaussian(args, table):
    """Build a Gaussian, or rows with one."""
    if args.estimator is None:
        raise ValueError(
            "--estimator must be 'unbiased' (divisor n - 1) or 'mle' (divisor n); it has no default, "
            "because the two collapse at different speeds, got nothing."
        )
    if table is not None:
        X = points(table)
        return families.Empirical(X, families.Gaussian.from_data(X, estimator=args.estimator))
    mean = args.mean[0] if len(args.mean) == 1 else args.mean
    return families.Gaussian(mean, args.cov, estimator=args.estimator)


def make_categorical(args, table):
    """Build a categorical, or rows with one."""
    if table is not None:
        if table.classes is None:
            raise ValueError(f"--label must name a column of {args.data} (a categorical counts labels), got nothing.")
        return families.Empirical(table.classes, families.Categorical.from_data(table.classes))
    if args.probabilities is None:
        raise ValueError("--probabilities must be given for a categorical, such as 0.9,0.09,0.01; got nothing.")
    return families.Categorical(args.probabilities)


def make_mixture(args, table):
    """Build rows with a mixture."""
    if table is None:
        raise ValueError("--data must name a table (a mixture is fitted to real rows here), got nothing.")
    model = families.GaussianMixture.from_data(table.rows, args.components, rng=getattr(args, "seed", 0))
    return families.Empirical(table.rows, model)


def make_kernel_density(args, table):
    """Build rows with a kernel density estimate."""
    if table is None:
        raise ValueError("--data must name a table (a kernel density estimate is its points), got nothing.")
    X = points(table)
    return families.Empirical(X, families.KernelDensity.from_data(X, bandwidth=args.bandwidth))


def make_rated(args, table):
    """Build a Poisson or an exponential law, or rows with one."""
    family = {"poisson": families.Poisson, "exponential": families.Exponential}[args.family]
    if table is not None:
        if len(table.columns) > 1:
            raise ValueError(
                f"--columns must name one column of {args.data} for {args.family} (its points are numbers), "
                f"got {len(table.columns)}: {', '.join(table.columns)}."
            )
        return families.Empirical(points(table), family.from_data(points(table)))
    if args.rate is None:
        raise ValueError(f"--rate must be given for {args.family}, such as 2.5; got nothing.")
    return family(args.rate)


def make_regime(args):
    """Build the regime an invocation asks for."""
    import dataclasses

    cls = regimes.by_name()[args.regime]
    fields = {field.name: field for field in dataclasses.fields(cls)}
    given = {
        name: getattr(args, name)
        for name in ("n", "n_real", "n_first", "real_fraction", "k")
        if getattr(args, name) is not None
    }
    for name in given:
        if name not in fields:
            option = "--" + name.replace("_", "-")
            legal = ", ".join("--" + field.replace("_", "-") for field in fields)
            raise ValueError(f"{option} must not be given for {args.regime} (it takes {legal}), got {given[name]}.")
    for name, field in fields.items():
        if name not in given and field.default is dataclasses.MISSING:
            raise ValueError(f"--{name.replace('_', '-')} must be given for {args.regime}, got nothing.")
    return cls(**given)


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
    """Mean and quantiles over chains of the main quantity, at a dozen generations."""
    from modelcollapse import metrics

    name, values = {
        "Categorical": lambda: ("heterozygosity", metrics.heterozygosity(run)),
        "Poisson": lambda: ("rate", run["rate"]),
        "Exponential": lambda: ("waiting time", run["mean"]),
    }.get(run.attrs["family"], lambda: ("variance", metrics.variance(run)))()
    extra = [dim for dim in values.dims if dim not in ("replicate", "generation")]
    if extra:
        name, values = f"total {name}", values.sum(extra)
    T = int(run.sizes["generation"]) - 1
    ticks = sorted({0, 1, *np.unique(np.geomspace(1, T, 10).round().astype(int)).tolist(), T})
    rows = []
    for t in ticks:
        at = values.sel(generation=t).values
        low, median, high = np.quantile(at, [0.05, 0.5, 0.95])
        rows.append(
            {
                "generation": t,
                f"mean {name}": float(at.mean()),
                "5 %": float(low),
                "median": float(median),
                "95 %": float(high),
            }
        )
    return rows


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


def verify(args) -> int:
    """Check theory against simulation; exit code 1 on a contradiction."""
    from modelcollapse import theory
    from modelcollapse.simulate import simulate as run_simulation
    from modelcollapse.verify import QUANTITIES
    from modelcollapse.verify import verify as check_run

    if args.stored:
        import xarray as xr

        if not os.path.exists(args.stored):
            raise FileNotFoundError(f"--run must name a stored run, got {args.stored}, which does not exist.")
        run = xr.load_dataset(args.stored)
        if "regime" not in run.attrs:
            raise ValueError(f"--run must be a run written by modelcollapse simulate, got {args.stored}.")
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


if __name__ == "__main__":
    sys.exit(main())
