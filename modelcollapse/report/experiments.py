"""What is done: every model of the report, refitted to its own samples under every regime, measured, held to theory.

The experiments come in parts that know nothing of each other, so that they can run in different processes: one
Gaussian (each column on its own, and all columns together), a mixture, categories, text (`language`), and what can be
done about collapse (`cures`). In all of them the truth is real: the rows (`Empirical`) or the text. Generation 1 is
fitted to exactly these, so it differs from generation 0 only where the regime says so, and everything after it is
chance.

Four regimes with the same number of points per generation are compared, N being the number of rows (or words):

==================  =================================================================================
replace             N points of the last model
a tenth kept        the same N/10 real rows in every generation, and points of the last model
a tenth fresh       N/10 rows drawn anew from the data in every generation, and points of the last model
accumulate          all real rows and all points ever made: N more in every generation
==================  =================================================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

#: chains that are written to a file; the numbers of the report are taken from all of them
SAVED = 50
#: quantiles that go with every number
QUANTILES = (0.05, 0.5, 0.95)
#: error rate of the whole verdict of one check
ALPHA = 1e-6


@dataclass(frozen=True)
class Settings:
    """How much is done."""

    quick: bool
    entropy: int
    generations: int
    chains: int
    chains_nd: int
    mixture_generations: int
    mixture_chains: int
    text_generations: int
    text_chains: int
    bigram_generations: int
    bigram_chains: int
    trigram_generations: int
    cure_generations: int
    cure_chains: int

    @classmethod
    def of(cls, quick: bool, entropy: int) -> Settings:
        """Sizes that fit into about 20 seconds (quick) or a minute, on two cores and from a cold start."""
        if quick:
            return cls(True, entropy, 50, 2000, 200, 50, 20, 15, 8, 10, 1, 20, 20, 300)
        return cls(False, entropy, 100, 20000, 500, 100, 100, 40, 24, 20, 2, 60, 40, 1800)

    def seed(self, *key: int) -> np.random.SeedSequence:
        """Root of the random numbers of one run: a function of the seed and of its place only."""
        return np.random.SeedSequence(self.entropy, spawn_key=key)


@dataclass
class Part:
    """What one part of the report found."""

    name: str
    runs: dict = field(default_factory=dict)
    numbers: list = field(default_factory=list)
    verdicts: list = field(default_factory=list)
    facts: dict = field(default_factory=dict)
    figures: dict = field(default_factory=dict)

    def save(self, name: str, run) -> None:
        """Keep the first chains of a run for its file."""
        kept = run.isel(replicate=slice(0, SAVED)) if "replicate" in run.dims else run
        self.runs[name] = kept.assign_attrs(chains_simulated=run.sizes.get("replicate", 1))

    def record(self, what: str, regime: str, quantity: str, values, *, known=None, part: str = "") -> dict:
        """Write the numbers of one quantity down, generation by generation; return the last of them."""
        x = np.asarray(values.transpose("replicate", "generation").values, dtype=float)
        t = values["generation"].values
        mean, sd, quantiles = summarise(x)
        mean_known = None if known is None else np.asarray(known["mean"].values, float)
        sd_known = np.asarray(known["sd"].values, float) if known is not None and "sd" in known else None
        about = known.attrs if known is not None else {}
        for i, g in enumerate(t):
            self.numbers.append(
                {
                    "model": what,
                    "regime": regime,
                    "quantity": quantity,
                    "part": part,
                    "generation": int(g),
                    "chains": len(x),
                    "mean": mean[i],
                    "sd": sd[i],
                    "q05": quantiles[0][i],
                    "median": quantiles[1][i],
                    "q95": quantiles[2][i],
                    "theory": math.nan if mean_known is None else mean_known[i],
                    "theory_sd": math.nan if sd_known is None else sd_known[i],
                    "theory_kind": about.get("kind", ""),
                    "theory_source": about.get("source", ""),
                }
            )
        return dict(self.numbers[-1])

    def judge(self, what: str, regime: str, run, known) -> None:
        """Hold a run against a prediction and note the verdict."""
        from modelcollapse.verify import verify

        if known is None:
            return

        verdict = verify(run, known, alpha=ALPHA)
        self.verdicts.append({"model": what, "regime_name": regime, **verdict.to_dict()})


def summarise(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, sd and quantiles over chains; a quantity that is infinite somewhere has an infinite mean."""
    with np.errstate(invalid="ignore", over="ignore"):
        mean = x.mean(axis=0)
        sd = x.std(axis=0, ddof=1) if len(x) > 1 else np.full(x.shape[1], np.nan)
        order = np.sort(x, axis=0)
    # an order statistic, not an interpolation: it is defined where values are infinite
    quantiles = np.array([order[min(int(q * len(x)), len(x) - 1)] for q in QUANTILES])
    return mean, sd, quantiles


def regimes(size: int) -> dict:
    """The four regimes, by the names they have in the report."""
    from modelcollapse.regimes import Accumulate, FixedReal, FreshReal, Replace

    real = max(1, round(size / 10))
    share = f"{100 * real / size:.0f} %"
    return {
        "replace": Replace(n=size),
        f"{share} kept": FixedReal(n=size - real, n_real=real, n_first=size),
        f"{share} fresh": FreshReal(n=size, n_real=real),
        "accumulate": Accumulate(n=size),
    }


def foretell(quantity: str, family, regime, generations: int):
    """Return a prediction, or None where no closed form is known."""
    from modelcollapse.theory.predict import available, predict

    if quantity not in available(family, regime, generations=generations):
        return None
    return predict(quantity, family, regime, generations=generations)


# ------------------------------------------------------------------------------------------------ Gaussian


def gaussian(table, settings: Settings, n_jobs: int = 1) -> Part:
    """Refit a Gaussian: to the first column under every regime, then to all columns together."""
    from scipy.special import ndtr

    from modelcollapse import metrics
    from modelcollapse.families import Empirical, Gaussian
    from modelcollapse.simulate import simulate

    part = Part("gaussian")
    T, N = settings.generations, len(table)
    column, x = table.columns[0], table.rows[:, 0]
    truth = Empirical(x, Gaussian.from_data(x, estimator="mle"))
    what = f"Gaussian of {column}"
    runs, known = {}, {}
    for i, (name, regime) in enumerate(regimes(N).items()):
        run = simulate(truth, regime, generations=T, replicates=settings.chains, rng=settings.seed(0, i), n_jobs=n_jobs)
        runs[name] = run
        known[name] = {
            q: foretell(q, truth, regime, T)
            for q in ("log_variance", "variance", "mean_squared_error", "w2_squared", "kl_forward")
        }
    unbiased = Empirical(x, Gaussian.from_data(x, estimator="unbiased"))
    replace = regimes(N)["replace"]
    runs_unbiased = simulate(
        unbiased, replace, generations=T, replicates=settings.chains, rng=settings.seed(0, 9), n_jobs=n_jobs
    )
    last = {}
    for name, run in runs.items():
        start = float(np.exp(run["log_variance"].values[0, 0]))
        share = run["variance"] / start
        last[name] = {
            "variance_share": part.record(
                what, name, "variance_share", share, known=_scaled(known[name]["variance"], start)
            ),
            "log_variance": part.record(
                what, name, "log_variance", run["log_variance"], known=known[name]["log_variance"]
            ),
            "mean_squared_error": part.record(
                what,
                name,
                "mean_squared_error",
                (run["mean"] - run["mean"][0, 0]) ** 2,
                known=known[name]["mean_squared_error"],
            ),
            "tail_mass": part.record(what, name, "tail_mass_beyond_2_sd", metrics.tail_mass(run, beyond=2.0)),
            "kl": part.record(what, name, "kl_model_truth", metrics.kl(run), known=known[name]["kl_forward"]),
            "w2_squared": part.record(
                what, name, "w2_squared", metrics.w2_squared(run), known=known[name]["w2_squared"]
            ),
        }
        part.save(f"gaussian-{slug(name)}", run)
    # means of heavy-tailed quantities can be judged as long as a few chains do not carry them, and only where theory
    # knows their standard deviation, which it does under replace
    early = max(2, min(T, N // 5))
    for about, family, run in ((what, truth, runs["replace"]), (f"{what}, divisor n - 1", unbiased, runs_unbiased)):
        part.judge(about, "replace", run, foretell("log_variance", family, replace, T))
        for quantity in ("variance", "mean_squared_error", "w2_squared"):
            part.judge(
                f"{about}, {early} generations",
                "replace",
                run.sel(generation=slice(0, early)).assign_attrs(generations=early, regime=replace.describe(early)),
                foretell(quantity, family, replace, early),
            )
    part.record(
        f"{what}, divisor n - 1",
        "replace",
        "log_variance",
        runs_unbiased["log_variance"],
        known=foretell("log_variance", unbiased, replace, T),
    )
    part.save("gaussian-replace-unbiased", runs_unbiased)
    tail_rows = float(np.mean(np.abs(x - x.mean()) > 2 * x.std()))
    first_half = _half_life(runs["replace"])
    part.facts = {
        "column": column,
        "generations": T,
        "chains": settings.chains,
        "rows": N,
        "last": last,
        "tail_share_of_rows": tail_rows,
        "half_life": first_half,
        "sd_truth": float(x.std()),
        "skewness": _skewness(x),
        "tail_model": float(2 * ndtr(-2.0)),
    }
    work = {"runs": runs, "known": known, "column": column, "nll_rng": settings.seed(0, 20)}
    # its compiled loops take longer than all of the quick report may
    if len(table.columns) > 1 and not settings.quick:
        work["nd"] = _gaussian_nd(part, table, settings, n_jobs)
    part.facts["nll_of_all"] = "nd" in work
    part.work = work
    return part


def _scaled(known, start: float):
    if known is None:
        return None
    return (known / start).assign_attrs(known.attrs)


def _half_life(run) -> dict:
    """When the variance of a chain first falls to a half, over the chains."""
    fallen = run["log_variance"].values <= run["log_variance"].values[:, :1] + math.log(0.5)
    reached = fallen.any(axis=1)
    when = np.sort(np.where(reached, fallen.argmax(axis=1), np.iinfo(np.int64).max))
    middle = int(when[len(when) // 2])
    return {"share": float(reached.mean()), "median": middle if reached.mean() > 0.5 else None}


def _skewness(x) -> float:
    z = (x - x.mean()) / x.std()
    return float((z**3).mean())


def _gaussian_nd(part: Part, table, settings: Settings, n_jobs: int) -> dict:
    """Refit one Gaussian to all columns together."""
    from modelcollapse import metrics
    from modelcollapse.families import Empirical, Gaussian
    from modelcollapse.simulate import simulate

    T, N = settings.generations, len(table)
    dim = len(table.columns)
    truth = Empirical(table.rows, Gaussian.from_data(table.rows, estimator="mle"))
    what = f"Gaussian of all {dim} columns"
    plans = regimes(N)
    runs, known, last = {}, {}, {}
    for i, (name, regime) in enumerate(plans.items()):
        run = simulate(
            truth, regime, generations=T, replicates=settings.chains_nd, rng=settings.seed(1, i), n_jobs=n_jobs
        )
        runs[name] = run
        known[name] = {"log_det": foretell("log_det", truth, regime, T)}
        change = run["log_det"] - run["log_det"].isel(generation=0)
        last[name] = {
            "log_det": part.record(what, name, "log_det", run["log_det"], known=known[name]["log_det"]),
            "log_det_change": dict(
                zip(("q05", "median", "q95"), summarise(change.values)[2][:, -1].tolist(), strict=True)
            ),
            "effective_rank": part.record(what, name, "effective_rank", metrics.effective_rank(run)),
        }
        for j, column in enumerate(table.columns):
            share = np.exp(run["log_variance"].isel(dim=j) - run["log_variance"].isel(dim=j, generation=0))
            last[name].setdefault("columns", {})[column] = part.record(what, name, "variance_share", share, part=column)
        part.record(what, name, "w2_squared", metrics.w2_squared(run))
        part.judge(what, name, run, known[name]["log_det"])
        part.save(f"gaussian-{dim}d-{slug(name)}", run)
    part.facts["nd"] = {
        "dim": dim,
        "chains": settings.chains_nd,
        "last": last,
        "rank_truth": float(metrics.effective_rank(runs["replace"]).values[0, 0]),
    }
    return {"runs": runs, "known": known, "columns": table.columns}


# ------------------------------------------------------------------------------------------------- mixture


#: least variance of a component, as a share of that of all points of the same fit: a component of one or two points
#: would else be flat, and the distance of a flat density from the first one is infinite. It shrinks with the model.
FLOOR = 1e-6


def mixture(table, settings: Settings, n_jobs: int = 1) -> Part:
    """Refit a Gaussian mixture by expectation-maximisation, one component per class."""
    from modelcollapse import metrics
    from modelcollapse.families import Empirical, GaussianMixture
    from modelcollapse.simulate import simulate

    part = Part("mixture")
    rows = table.rows
    K = len(set(table.classes)) if table.classes is not None else 3
    K = max(2, min(K, 6, len(rows) // (2 * (rows.shape[1] + 1))))
    T, R = settings.mixture_generations, settings.mixture_chains
    note = ""
    most = 2000
    if len(rows) > most:
        rng = np.random.default_rng(settings.seed(2, 99))
        rows = rows[np.sort(rng.choice(len(rows), most, replace=False))]
        note = f"The mixture uses {most} of the {len(table)} rows, chosen at random: it is fitted point by point."
    N = len(rows)
    # expectation-maximisation pays for every point, component and pair of columns
    cost = N * K * (rows.shape[1] + 2) ** 2
    R = int(max(4, min(R, R * 150 * 3 * 36 / cost)))
    truth = Empirical(rows, GaussianMixture.from_data(rows, K, floor=FLOOR, rng=settings.seed(2, 98)))
    what = f"mixture of {K} Gaussians"
    runs, last = {}, {}
    plans = regimes(N)
    if settings.quick:
        plans = dict(list(plans.items())[:2])
    for i, (name, regime) in enumerate(plans.items()):
        if name == "accumulate":
            continue  # T(T + 1) / 2 times N points to fit: it would cost more than everything else together
        run = simulate(truth, regime, generations=T, replicates=R, rng=settings.seed(2, i), n_jobs=n_jobs)
        runs[name] = run
        gone = (run["weight"] < 1.0 / N).any("component")
        little = run["weight"].min("component")
        last[name] = {
            "l2_squared": part.record(what, name, "l2_squared", metrics.l2_squared(run)),
            "smallest_weight": part.record(what, name, "smallest_weight", little),
            "generalised": part.record(what, name, "log_det", metrics.generalised_variance(run, log=True)),
            "some_component_gone": float(gone.isel(generation=-1).mean()),
        }
        sizes = np.linalg.slogdet(run["cov"].values)[1]
        last[name]["component_log_det"] = (np.median(sizes[:, -1] - sizes[:, 0], axis=0)).tolist()
        there = metrics.survival(run, above=1.0 / N)
        for k in range(K):
            part.record(what, name, "component_there", there.isel(component=k).astype(float), part=f"component {k}")
            part.record(what, name, "weight", run["weight"].isel(component=k), part=f"component {k}")
        part.save(f"mixture-{slug(name)}", run)
    names = []
    if table.classes is not None and len(rows) == len(table):
        names = _majority(truth.model, rows, np.array(table.classes))
    part.facts = {
        "components": K,
        "generations": T,
        "chains": R,
        "rows": N,
        "last": last,
        "note": note,
        "dim": rows.shape[1],
        "names": names,
    }
    part.work = {"runs": runs, "rows": rows, "columns": table.columns, "nll_rng": settings.seed(2, 50)}
    return part


def _majority(model, rows: np.ndarray, classes: np.ndarray) -> list[str]:
    """Say of which class most rows are that a component answers for."""
    apart = rows[:, None, :] - model.means
    z = np.linalg.solve(np.linalg.cholesky(model.covs), apart[..., None])[..., 0]
    score = np.log(model.weights) - 0.5 * (z**2).sum(-1) - 0.5 * np.linalg.slogdet(model.covs)[1]
    nearest = score.argmax(1)
    out = []
    for k in range(len(model.weights)):
        values, counts = np.unique(classes[nearest == k], return_counts=True)
        if len(values):
            out.append(f"component {k}, {100 * counts.max() / counts.sum():.0f} % {values[counts.argmax()]}")
    return out


# ---------------------------------------------------------------------------------------------- categories


def categories(table, settings: Settings, n_jobs: int = 1) -> Part:
    """Refit frequencies: of the classes, and of the first column cut into bins."""
    part = Part("categories")
    part.work = {}
    if table.classes is not None:
        _categorical(part, "classes", np.array(table.classes), f"classes ({table.label})", settings, n_jobs, 3)
    labels, order = bins(table.rows[:, 0])
    _categorical(part, "bins", labels, f"histogram of {table.columns[0]}", settings, n_jobs, 4, order=order)
    part.facts["column"] = table.columns[0]
    return part


def bins(x: np.ndarray, most: int = 12) -> tuple[np.ndarray, list[str]]:
    """Cut a column into bins of equal width; return the bin of each row by its name, and the names in order."""
    count = int(min(most, max(4, math.ceil(math.log2(len(x)) + 3))))
    edges = np.linspace(x.min(), x.max(), count + 1)
    place = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, count - 1)
    digits = max(0, 1 - math.floor(math.log10((edges[-1] - edges[0]) / count)))
    names = [f"{a:.{digits}f} to {b:.{digits}f}" for a, b in pairwise(edges)]
    return np.array([names[i] for i in place]), [names[i] for i in sorted(set(place.tolist()))]


def _categorical(
    part: Part, key: str, labels: np.ndarray, what: str, settings: Settings, n_jobs: int, place: int, order=None
) -> None:
    from modelcollapse import metrics
    from modelcollapse.families import Categorical, Empirical
    from modelcollapse.simulate import simulate

    T, N = settings.generations, len(labels)
    family = Categorical.from_data(labels)
    if order is not None:
        share = dict(zip(family.labels, family.probabilities, strict=True))
        family = Categorical([share[name] for name in order], labels=order)
    truth = Empirical(labels, family)
    K = len(family.labels)
    R = int(max(200, min(settings.chains, 10_000, 1e7 / (T * K))))
    runs, known, last = {}, {}, {}
    for i, (name, regime) in enumerate(regimes(N).items()):
        run = simulate(truth, regime, generations=T, replicates=R, rng=settings.seed(place, i), n_jobs=n_jobs)
        runs[name] = run
        known[name] = {q: foretell(q, truth, regime, T) for q in ("heterozygosity", "survival", "support")}
        there = metrics.survival(run)
        last[name] = {
            "heterozygosity": part.record(
                what, name, "heterozygosity", metrics.heterozygosity(run), known=known[name]["heterozygosity"]
            ),
            "support": part.record(what, name, "support", metrics.support(run), known=known[name]["support"]),
            "some_gone": float((~there.isel(generation=-1)).any("category").mean()),
        }
        for k, label in enumerate(family.labels):
            about = known[name]["survival"]
            part.record(
                what,
                name,
                "survival",
                there.isel(category=k).astype(float),
                part=label,
                known=None if about is None else about.isel(category=k),
            )
        for quantity in ("heterozygosity", "survival"):
            part.judge(what, name, run, known[name][quantity])
        part.save(f"{key}-{slug(name)}", run)
    part.facts[key] = {
        "what": what,
        "categories": K,
        "generations": T,
        "chains": R,
        "rows": N,
        "last": last,
        "lost": _lost(family, runs, known, T),
        "law": None if known["replace"]["survival"] is None else known["replace"]["survival"].attrs["kind"],
    }
    part.work[key] = {"runs": runs, "known": known, "what": what}


def _lost(family, runs: dict, known: dict, T: int) -> list[dict]:
    """For every category: its original share, and with what probability it is gone halfway and at the end."""
    out = []
    exact = known["replace"]["survival"]
    there = (runs["replace"]["probability"].values > 0).mean(axis=0)
    kept = list(runs)[1]
    there_kept = (runs[kept]["probability"].values > 0).mean(axis=0)
    for k, label in enumerate(family.labels):
        curve = None if exact is None else exact["mean"].transpose("generation", "category").values[:, k]
        median = None
        if curve is not None and (curve < 0.5).any():
            median = int(np.argmax(curve < 0.5))
        out.append(
            {
                "label": label,
                "share": float(family.probabilities[k]),
                "lost_half": float(1 - there[T // 2, k]),
                "lost_end": float(1 - there[T, k]),
                "exact_half": None if curve is None else float(1 - curve[T // 2]),
                "exact_end": None if curve is None else float(1 - curve[T]),
                "half_gone_at": median,
                "lost_end_kept": float(1 - there_kept[T, k]),
            }
        )
    return sorted(out, key=lambda row: row["share"])


def slug(name: str) -> str:
    """A name that can be part of a file name."""
    return "".join(c if c.isalnum() else "-" for c in name.replace(" %", "pc").lower()).strip("-")
