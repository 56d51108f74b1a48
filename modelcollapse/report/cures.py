"""What is done about collapse: every cure beside replace, from the same rows, with what it buys and what it costs.

Two kinds of cure are compared, on the first column (a Gaussian, refitted) and on the classes (refitted by counting):

==========================  ==============================================================================
*more real data*
one migrant                 a single row drawn anew in every generation
a tenth kept, a tenth fresh as everywhere in the report
a tenth fresh, golden       the same rows, weighing together what the golden ratio of He, Xu and Cheng says
accumulate                  all rows and all samples ever made
*choose among the samples*
temperature                 samples are drawn sharper, or so much flatter that the mean variance stays
detector                    a tenth fresh, and what looks synthetic is dropped, real rows by mistake too
perplexity filter           the least likely tenth of the samples is dropped
preference                  of two samples a reader keeps the one that is liked better
==========================  ==============================================================================

Curated chains are simulated point by point, a thousand times slower than the others; so this part has fewer generations
than the rest, and as many chains for each cure as it takes to see what its theory predicts.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse.report import known as laws
from modelcollapse.report.experiments import Part, Settings, foretell, regimes, slug

#: larger tables are cut: curated samples are drawn and judged one by one
MOST_ROWS = 1000
#: error rates of the detector: of synthetic points it flags many, of real ones a few
TPR, FPR = 0.85, 0.05
#: share of the samples that the perplexity filter keeps
KEPT = 0.9
#: a temperature below one, as users of language models like it
COLD = 0.95
#: how much better the preferred class is: it wins 73 % of the comparisons
GAP = 1.0
#: a detector that may leave fewer than two points is not shown; this is how often, in all chains, is too often
RARELY = 1e-6
#: classes are compared while their heterozygosity, summed over the chains, is above this: later none may have any
LEAST = 10


def cures(table, settings: Settings, n_jobs: int = 1) -> Part:
    """Run the cures on the first column, and on the classes if there are any."""
    part = Part("cures")
    place = np.arange(len(table))
    note = ""
    if len(table) > MOST_ROWS:
        rng = np.random.default_rng(settings.seed(8, 99))
        place = np.sort(rng.choice(len(table), MOST_ROWS, replace=False))
        note = (
            f"The cures use {MOST_ROWS:,} of the {len(table):,} rows, chosen at random: curated samples are drawn and "
            "judged one by one."
        )
    part.facts = {"note": note, "generations": settings.cure_generations, "rows": len(place)}
    part.work = {"column": _column(part, table.columns[0], table.rows[place, 0], settings, n_jobs)}
    labels = None if table.classes is None else np.array(table.classes)[place]
    part.facts["classes"] = None
    if labels is not None and len(np.unique(labels)) > 1:
        part.work["classes"] = _classes(part, table.label, labels, settings, n_jobs)
    return part


def _more_real(size: int) -> dict:
    """The regimes of the first kind that leave points as they are, beginning with replace."""
    from modelcollapse.regimes import FreshReal

    names = regimes(size)
    replace, *others = names.items()
    # with hardly more than ten rows a tenth of them is one
    one = {} if _tenth(size) == 1 else {"one migrant": FreshReal(n=size, n_real=1)}
    return dict([replace]) | one | dict(others)


def _tenth(size: int) -> int:
    return max(1, round(size / 10))


def _costs(name: str, regime, run, T: int) -> dict:
    """What a cure needs: real rows per generation, samples made and not used, points of the last fit."""
    plan = regime.plan(T)
    size, made = float(plan.size[-1]), float(plan.synthetic[-1])
    dropped, real_dropped = 0.0, 0.0
    if "kept" in run:
        later = run.sel(generation=slice(2, None))
        size = float(later["kept"].mean())
        dropped, real_dropped = float(plan.size[-1]) - size, float(later["real_dropped"].mean())
    if name.startswith("preference"):
        dropped = made  # two candidates for every sample
    if plan.real[-1]:
        real, which = int(plan.real[-1]), "new"
    elif plan.pinned or plan.oldest[-1] == 1:
        real, which = int(plan.pinned or plan.real[0]), "kept"
    else:
        real, which = 0, ""
    return {
        "real": real,
        "which": which,
        "not_used": dropped,
        "real_dropped": real_dropped,
        "fitted": size,
        "chains": run.sizes["replicate"],
    }


# ------------------------------------------------------------------------------------------------- the column


def _column(part: Part, column: str, x: np.ndarray, settings: Settings, n_jobs: int) -> dict:
    """Run every cure on one Gaussian."""
    from modelcollapse import theory
    from modelcollapse.curation import Detector, Prefer, SelectTop, Temperature
    from modelcollapse.families import Empirical, Gaussian
    from modelcollapse.regimes import FreshReal, Replace
    from modelcollapse.simulate import simulate

    T, N, real = settings.cure_generations, len(x), _tenth(len(x))
    truth = Empirical(x, Gaussian.from_data(x, estimator="mle"))
    mean, start = truth.model.mean, truth.model.cov
    what = f"cures: Gaussian of {column}"
    share = f"{100 * real / N:.0f} %"
    weight = float(theory.golden_weight(real / (N - real)))
    warm = N / (N - 1)

    def standing(points):
        return (points - mean) / math.sqrt(start)

    screened, too_few = laws.screened(N, real, TPR, FPR)
    many, few = settings.cure_chains, max(2, settings.cure_chains // 6)
    plain = _more_real(N)
    cured = {
        f"{share} fresh, golden weight": (FreshReal(n=N, n_real=real, real_weight=weight), many),
        f"temperature {COLD:g}": (Replace(n=N, curation=Temperature(COLD)), settings.chains),
        "temperature above 1": (Replace(n=N, curation=Temperature(warm)), settings.chains),
        f"{share} fresh, detector": (FreshReal(n=N, n_real=real, curation=Detector(TPR, FPR)), many),
        "perplexity filter": (Replace(n=N, curation=SelectTop(KEPT, by="likelihood")), few),
        "preference": (Replace(n=N, curation=Prefer(standing, candidates=2)), few),
    }
    left_out = []
    if too_few * T * many > RARELY:
        del cured[f"{share} fresh, detector"]
        left_out.append(
            f"A detector is left out: of {N} points with {real} real among them it might leave fewer than the two that "
            "a Gaussian needs."
        )
    if "one migrant" not in plain:
        left_out.append(f"One migrant per generation is {share} fresh here, a tenth of {N} rows being one.")
    # of kept rows theory has a bound on the spread only, and it takes more chains to see as much
    plan = {name: (regime, settings.chains * (2 if "kept" in name else 1)) for name, regime in plain.items()} | cured
    order = [*list(plain)[:-1], f"{share} fresh, golden weight", list(plain)[-1]]
    order += [name for name in cured if name not in order]
    fits = {
        "one migrant": [laws.fresh(N, 1)] * (T - 1),
        f"{share} fresh": [laws.fresh(N, real)] * (T - 1),
        f"{share} fresh, golden weight": [laws.fresh(N, real, weight)] * (T - 1),
        f"{share} fresh, detector": [screened] * (T - 1),
        "accumulate": [laws.accumulated(N, t) for t in range(2, T + 1)],
    }
    kurtosis = laws.kurtosis(x)
    runs, known, rows = {}, {}, []
    for i, name in enumerate(order):
        regime, R = plan[name]
        run = simulate(
            truth,
            regime,
            generations=T,
            replicates=R,
            rng=settings.seed(8, i),
            n_jobs=1 if R in (many, few) else n_jobs,
        )
        about = {"family": "Gaussian", "regime": regime}
        if name in fits:
            found = laws.moments(fits[name], kurtosis)
            of = {
                "kind": "exact",
                "source": _source(name),
                "formula": "E delta^2 = F, E v = 1 - F; sd from the moments of fourth order",
                "sd_kind": "bound",  # no product of chi-squares: held against a law of any tails
            }
            known[name] = {
                "variance": laws.prediction("variance", (1 - found.error) * start, **about, **of),
                "mean_squared_error": laws.prediction(
                    "mean_squared_error", found.error * start, found.error_sd * start, **about, **of
                ),
            }
            judged = "mean_squared_error"
        elif name in plain:  # replace, and the rows that are kept
            known[name] = {q: foretell(q, truth, regime, T) for q in ("variance", "mean_squared_error")}
            judged = None
            if regime.kind == "fixed-real":
                judged, sd = "mean_squared_error", laws.kept_error_sd(N, real, T, kurtosis) * start
                of = known[name][judged]
                known[name][judged] = of.assign(sd=("generation", sd)).assign_attrs(sd_kind="bound")
        else:
            known[name], judged = _chosen(name, N, T, start, regime, about, run)
        part.save(f"cures-{slug(name)}", run)
        error = (run["mean"] - mean) ** 2
        row = {
            "name": name,
            "group": "real" if name in plain or "golden" in name else "choice",
            "regime": str(regime),
            "variance_share": part.record(
                what, name, "variance_share", run["variance"] / start, known=_scaled(known[name]["variance"], start)
            ),
            "squared_error_share": part.record(
                what,
                name,
                "squared_error_share",
                error / start,
                known=_scaled(known[name]["mean_squared_error"], start),
            ),
            "status": None,
        }
        if judged is not None:
            part.judge(what, name, _standard(run, mean, start), _comparable(known[name][judged], start))
            row["status"] = part.verdicts[-1]["status"]
        runs[name] = run
        rows.append(row | _costs(name, regime, run, T))
    part.facts |= {
        "column": column,
        "chains": [few, many],
        "cures": rows,
        "left_out": left_out,
        "share": share,
        "real": real,
        "golden_weight": weight,
        "cold": COLD,
        "warm": warm,
        "tpr": TPR,
        "fpr": FPR,
        "kept": KEPT,
        "break_even": float(theory.detector_break_even(N, real / N, TPR, FPR)),
        "migrant_limit": float(1 - theory.inbreeding_one_fresh(N)),
        "filter_factor": float(known["perplexity filter"]["variance"]["mean"].values[2] / start),
    }
    groups = {
        kind: ["replace", *[r["name"] for r in rows if r["group"] == kind and r["name"] != "replace"]]
        for kind in ("real", "choice")
    }
    return {"groups": groups, "runs": runs, "known": known, "mean": mean, "start": start, "column": column}


def _source(name: str) -> str:
    """Name who found what `known.moments` follows."""
    sources = {
        "golden": "GOLD-MEAN (He, Xu, Cheng 2025, arXiv 2502.18049; finite samples derived)",
        "detector": "detector-in-fresh-loop (derived)",
        "accumulate": "F-ACC0 (Kazdan et al. 2025, arXiv 2410.16713; derived)",
    }
    return next((source for word, source in sources.items() if word in name), "F-FRESH (derived)")


def _chosen(name: str, N: int, T: int, start: float, regime, about: dict, run) -> tuple[dict, str | None]:
    """Return what is known of a cure that chooses among samples, and the quantity that is judged."""
    from modelcollapse import theory

    if name.startswith("temperature"):
        tau = regime.curation[0].temperature
        rounds = np.maximum(np.arange(T + 1) - 1, 0)  # generation 1 is fitted to the rows as they are
        scaled = {"scale": math.sqrt(tau), "estimator": "mle", "first": "scaled"}
        variance = theory.scaled_expected_variance(N, rounds, variance=start, **scaled)
        if tau > 1:  # N / (N - 1), to which the fit's bias is the reciprocal: a constant, without roundings
            variance = np.full(T + 1, start)
        error = tau / N * np.concatenate([[0.0, 0.0], np.cumsum(variance[1:-1])])[: T + 1]
        of = {"kind": "exact", "source": "MAR, G-LOGWALK (derived)"}
        log = laws.prediction(
            "log_variance",
            theory.scaled_log_variance_mean(N, rounds, variance=start, **scaled),
            np.sqrt(theory.log_variance_var(N, rounds)),
            formula="ln variance_0 + s [m(n) + ln temperature]",
            **about,
            **of,
        )
        return {
            "variance": laws.prediction(
                "variance", variance, formula="[temperature (1 - 1/n)]^s variance_0", **about, **of
            ),
            "mean_squared_error": laws.prediction(
                "mean_squared_error", error, formula="temperature/n sum of E variance", **about, **of
            ),
            "log_variance": log,
        }, "log_variance"
    if name == "preference":
        variance, shift = laws.preferred(N, T)
        of = {"kind": "asymptotic", "source": "ferbach-curation (arXiv 2407.09499), two candidates on a line (derived)"}
        return {
            "variance": laws.prediction("variance", variance * start, formula="v' = (1 - 1/n)(v - g^2)", **about, **of),
            "mean_squared_error": laws.prediction(
                "mean_squared_error", shift**2 * start, formula="(sum of g)^2", **about, **of
            ),
        }, None
    mean, sd, error = laws.filtered(N, round(KEPT * N), T)
    of = {"kind": "exact", "source": "yi-verifier-center (arXiv 2510.16657), finite samples derived"}
    return {
        "variance": laws.prediction(
            "variance",
            mean * start,
            sd * start,
            formula="variance_0 (E factor)^s, factors independent",
            sd_kind="bound",
            **about,
            **of,
        ),
        "mean_squared_error": laws.prediction(
            "mean_squared_error", error * start, formula="sum of E variance of the mean kept", **about, **of
        ),
    }, "variance"


def _scaled(known, start: float):
    return (known / start).assign_attrs(known.attrs)


def _standard(run, mean: float, start: float):
    """Return a run in standard deviations of the rows, about their mean: what is a rounding must not hang on units."""
    return run.assign(mean=(run["mean"] - mean) / math.sqrt(start), log_variance=run["log_variance"] - math.log(start))


def _comparable(known, start: float):
    """Return a prediction in the same units; generation 1 is the fit to the rows, where only roundings are to see."""
    logarithm = known.attrs["quantity"] == "log_variance"
    out = known.assign(mean=known["mean"] - math.log(start)) if logarithm else known / start
    return out.assign(mean=out["mean"].where(out["generation"] != 1)).assign_attrs(known.attrs)


# ------------------------------------------------------------------------------------------------- the classes


def _classes(part: Part, label: str, labels: np.ndarray, settings: Settings, n_jobs: int) -> dict:
    """Run the cures on the classes: real data that come in, and readers who like one class better."""
    from modelcollapse import metrics, theory
    from modelcollapse.curation import Prefer
    from modelcollapse.families import Categorical, Empirical
    from modelcollapse.regimes import FreshReal, Replace
    from modelcollapse.simulate import simulate

    T, N, real = settings.cure_generations, len(labels), _tenth(len(labels))
    truth = Empirical(labels, Categorical.from_data(labels))
    names, p = truth.model.labels, truth.model.probabilities
    counts, favourite = np.round(p * N).astype(np.int64), int(p.argmax())
    reward = np.where(np.arange(len(p)) == favourite, GAP, 0.0)
    what, share = f"cures: classes ({label})", f"{100 * real / N:.0f} %"

    def liking(points):
        return reward[points]

    few = max(2, settings.cure_chains // 4)
    plain = _more_real(N)
    chosen = {
        "preference": Replace(n=N, curation=Prefer(liking, candidates=2)),
        f"preference, {share} fresh": FreshReal(n=N, n_real=real, curation=Prefer(liking, candidates=2)),
    }
    many = int(max(200, min(settings.chains, 10_000, 1e7 / (T * len(p)))))
    runs, known, rows = {}, {}, []
    for i, (name, regime) in enumerate((plain | chosen).items()):
        run = simulate(
            truth,
            regime,
            generations=T,
            replicates=few if name in chosen else many,
            rng=settings.seed(9, i),
            n_jobs=1 if name in chosen else n_jobs,
        )
        about = {"family": "Categorical", "regime": regime}
        if name in chosen:
            known[name] = laws.prediction(
                "heterozygosity",
                laws.favoured(counts, favourite, GAP, T, real if regime.kind == "fresh-real" else 0),
                kind="exact",
                source="ferbach-curation (Ferbach et al. 2024, arXiv 2407.09499), finite samples derived",
                formula="Markov chain of the favourite's count",
                **about,
            )
        else:
            known[name] = foretell("heterozygosity", truth, regime, T)
        there = metrics.survival(run)
        row = {
            "name": name,
            "group": "choice" if name in chosen else "real",
            "regime": str(regime),
            "heterozygosity": part.record(what, name, "heterozygosity", metrics.heterozygosity(run), known=known[name]),
            "support": part.record(what, name, "support", metrics.support(run)),
            "favourite": part.record(
                what, name, "probability", run["probability"].isel(category=favourite), part=names[favourite]
            ),
            "all_there": float(there.isel(generation=-1).all("category").mean()),
            "status": None,
        }
        if name in chosen or name == "one migrant":  # the others are judged in their own part
            # where next to no chain has two classes left there is nothing to compare
            likely = (
                known[name].where(known[name]["mean"] > LEAST / run.sizes["replicate"]).assign_attrs(known[name].attrs)
            )
            part.judge(what, name, run, likely)
            row["status"] = part.verdicts[-1]["status"]
        part.save(f"cures-classes-{slug(name)}", run)
        runs[name] = run
        rows.append(row | _costs(name, regime, run, T))
    part.facts["classes"] = {
        "label": label,
        "categories": len(p),
        "favourite": names[favourite],
        "favourite_share": float(p[favourite]),
        "wins": float(1 / (1 + math.exp(-GAP))),
        "heterozygosity": float(1 - (p**2).sum()),
        # where the loop with real data settles if samples were infinite
        "settles": float(theory.curated_loop(p, reward, 1000, candidates=2, real_fraction=real / N)[-1, favourite]),
        "share": share,
        "cures": rows,
    }
    groups = {
        kind: ["replace", *[r["name"] for r in rows if r["group"] == kind and r["name"] != "replace"]]
        for kind in ("real", "choice")
    }
    return {"groups": groups, "runs": runs, "known": known, "label": label}
