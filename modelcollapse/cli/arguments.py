"""What the command line takes: arguments that make a truth and a regime, and the words they are written in."""

from __future__ import annotations

import argparse
import dataclasses

from modelcollapse import curation, families, regimes

#: options of a family: what a model of it is made of, and how it is fitted; what is not given has its default
FAMILIES = {
    "gaussian": {"estimator": None, "mean": [0.0], "cov": 1.0},
    "categorical": {"probabilities": None},
    "mixture": {"components": 2},
    "kernel-density": {"bandwidth": "silverman"},
    "poisson": {"rate": None},
    "exponential": {"rate": None},
    "linear-regression": {"coef": None, "cov": 1.0, "noise": 1.0, "penalty": 0.0, "design": "fresh"},
}
#: options that describe a truth, which rows of a table do themselves
DESCRIBE = ("mean", "cov", "probabilities", "rate", "coef", "noise")


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


def claim_arguments(sub):
    """Add the arguments that choose claims."""
    sub.add_argument("ids", nargs="*", metavar="ID", help="claims; WF-* stands for all that begin so (default: all)")
    sub.add_argument("--paper", metavar="KEY", help="those of a paper: a key of the bibliography, or its beginning")
    sub.add_argument("--kind", help="exact, asymptotic, bound, empirical, definition or correction")
    sub.add_argument("--tag", help="those about a subject: gaussian, categorical, artefact, ...")


def truth_arguments(sub):
    """Add the arguments that make a family."""
    group = sub.add_argument_group("the truth and its estimator")
    group.add_argument(
        "--family",
        choices=tuple(FAMILIES),
        default="gaussian",
        help="what is refitted (default: %(default)s)",
    )
    group.add_argument(
        "--estimator",
        choices=("unbiased", "mle"),
        help="divisor of a Gaussian's variance: n - 1 or n; they collapse at different speeds, so say which",
    )
    group.add_argument("--mean", type=numbers, metavar="M", help="mean of a Gaussian: M or M1,M2,... (default: 0)")
    group.add_argument(
        "--cov",
        type=matrix,
        metavar="V",
        help="variance V, or covariance rows such as '2,1;1,2', of a Gaussian or of covariates (default: 1)",
    )
    group.add_argument("--probabilities", type=numbers, metavar="P1,P2,...", help="of a categorical")
    group.add_argument("--coef", type=numbers, metavar="W1,W2,...", help="coefficients of a linear-regression")
    group.add_argument("--noise", type=float, metavar="S", help="sd of its labels (default: 1)")
    group.add_argument("--penalty", type=float, metavar="L", help="its ridge (default: 0)")
    group.add_argument("--design", choices=("fresh", "same"), help="its covariates (default: fresh)")
    group.add_argument("--rate", type=float, metavar="L", help="of a poisson or an exponential")
    group.add_argument(
        "--bandwidth",
        type=bandwidth,
        metavar="H",
        help="sd of a kernel: a number, silverman or scott (default: silverman)",
    )
    group.add_argument("--data", metavar="FILE.csv", help="take the rows of a table as the truth")
    group.add_argument("--columns", type=words, metavar="A,B", help="columns of the table")
    group.add_argument("--label", metavar="COL", help="column with the labels of a categorical")
    group.add_argument("--components", type=int, metavar="K", help="of a mixture (default: 2)")


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
    group.add_argument(
        "--real-weight",
        type=float,
        metavar="W",
        help="weight of the real points together (fixed-real, fresh-real, mix)",
    )
    group.add_argument(
        "--curation",
        type=cure,
        action="append",
        metavar="NAME:SETTINGS",
        help="what happens to new points, such as Temperature:0.9, SelectTop:0.5,by=likelihood or Detector:tpr=0.9,"
        "fpr=0.05; may be repeated",
    )


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


def kept(text: str) -> list[int | str]:
    """Read generations and variables to record: 0,10,50 or 0:100:10 or log_variance."""
    out: list[int | str] = []
    for word in words(text):
        try:
            out += range(*map(int, word.split(":"))) if ":" in word else [int(word)]
        except ValueError:
            if not word.isidentifier():
                message = f"must be generations (5, or 0:101:10) and variables separated by commas, got {word!r}"
                raise argparse.ArgumentTypeError(message) from None
            out.append(word)
    return out


def setting(text: str) -> int | float | str:
    """Read one setting of a curation."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def cure(text: str) -> curation.Curation:
    """Read a curation: its name, and its settings in order or by name."""
    name, _, settings = text.partition(":")
    kinds = curation.by_name()
    if name not in kinds:
        raise argparse.ArgumentTypeError(f"must name one of {', '.join(sorted(kinds))}, got {name!r}")
    by_place, by_name = [], {}
    for word in words(settings):
        key, given, value = word.partition("=")
        if given:
            by_name[key.replace("-", "_")] = setting(value)
        else:
            by_place.append(setting(word))
    fields = {field.name: field for field in dataclasses.fields(kinds[name]) if field.init}
    places = [key for key, field in fields.items() if not field.kw_only]
    takes = f"{name} takes {', '.join(key if key in places else f'{key}=' for key in fields)}"
    if len(by_place) > len(places):
        raise argparse.ArgumentTypeError(f"{text}: {takes}, got {len(by_place)} settings by place")
    for key in by_name:
        if key not in fields:
            raise argparse.ArgumentTypeError(f"{text}: {takes}, got {key!r}")
        if key in places[: len(by_place)]:
            raise argparse.ArgumentTypeError(f"{text}: {key} must be given once, got it by place and by name")
    missing = [
        key
        for key, field in fields.items()
        if key not in by_name
        and key not in places[: len(by_place)]
        and field.default is field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise argparse.ArgumentTypeError(f"{text}: {name} needs {' and '.join(missing)}, got nothing for it")
    try:
        return kinds[name](*by_place, **by_name)
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None


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
    args = family_options(args)
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
        "linear-regression": make_regression,
    }
    return makers[args.family](args, table)


def option(name: str) -> str:
    """Return how an argument is written."""
    return "--" + name.replace("_", "-")


def family_options(args) -> argparse.Namespace:
    """Refuse options of other families, and those that rows make pointless; fill in the defaults of the others."""
    own = FAMILIES[args.family]
    for name in {name: None for options in FAMILIES.values() for name in options}:
        value = getattr(args, name)
        if value is None:
            continue
        if name not in own:
            legal = ", ".join(map(option, (*own, "data")))
            raise ValueError(f"{option(name)} must not be given for {args.family} (it takes {legal}), got {value}.")
        if args.data and name in DESCRIBE:
            raise ValueError(f"{option(name)} must not be given with --data (the rows are the truth), got {value}.")
    given = {name: getattr(args, name) for name in own if getattr(args, name) is not None}
    return argparse.Namespace(**vars(args) | own | given)


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


def make_regression(args, table):
    """Build a linear model, or rows with one: covariates, and labels in the last column."""
    settings = {"cov": args.cov, "noise": args.noise, "penalty": args.penalty, "design": args.design}
    if table is not None:
        del settings["cov"], settings["noise"]
        return families.Empirical(table.rows, families.LinearRegression.from_data(table.rows, **settings))
    if args.coef is None:
        raise ValueError("--coef must be given for linear-regression, such as 1,0.5,-2; got nothing.")
    return families.LinearRegression(args.coef, **settings)


def make_regime(args):
    """Build the regime an invocation asks for."""
    cls = regimes.by_name()[args.regime]
    fields = {field.name: field for field in dataclasses.fields(cls)}
    given = {
        name: getattr(args, name)
        for name in ("n", "n_real", "n_first", "real_fraction", "k", "real_weight", "curation")
        if getattr(args, name) is not None
    }
    for name in given:
        if name not in fields:
            legal = ", ".join(map(option, fields))
            raise ValueError(
                f"{option(name)} must not be given for {args.regime} (it takes {legal}), got {given[name]}."
            )
    for name, field in fields.items():
        if name not in given and field.default is dataclasses.MISSING:
            raise ValueError(f"{option(name)} must be given for {args.regime}, got nothing.")
    return cls(**given)
