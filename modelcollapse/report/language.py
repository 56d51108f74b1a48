"""The part of the report about text: n-gram models refitted to their own words.

A unigram model is the Wright-Fisher model with the text as its founding population, so it is held against closed
forms; a trigram model shows what the text reads like; a bigram model with a little smoothing shows errors, because an
unsmoothed one can only recombine what it has seen. How much of a loss is chance is asked of two more models (`drift`).
"""

from __future__ import annotations

import numpy as np

from modelcollapse.report.experiments import ALPHA, Part, Settings, regimes, slug

#: added to every count of the model whose errors are shown: small enough that one word in a hundred is an accident
SMOOTHING = 1e-5
#: words are shown in classes of these original counts
COUNTS = (1, 2, 3, 5, 10, 20, 50)


def text(corpus, settings: Settings, n_jobs: int = 1) -> Part:
    """Refit n-gram models to their own text."""
    from modelcollapse import lm
    from modelcollapse.report import drift

    part = Part("text")
    N = len(corpus)
    T, R = settings.text_generations, settings.text_chains
    plans = regimes(N)
    runs, checks, last = {}, {}, {}
    for i, name in enumerate([n for n in plans if n != "accumulate" or not settings.quick]):
        run = lm.chains(
            corpus,
            order=1,
            regime=plans[name],
            generations=T,
            replicates=R,
            rng=settings.seed(5, i),
            n_jobs=n_jobs,
            text_size=1024,
        )
        runs[name], checks[name] = run, lm.wright_fisher(run)
        for quantity in ("support", "heterozygosity"):
            check = checks[name].sel(quantity=quantity)
            known = (
                check[["predicted"]]
                .rename(predicted="mean")
                .assign_attrs(kind=str(check["kind"].values), source=str(check["source"].values))
            )
            row = part.record("unigram", name, quantity, run[quantity].astype(float), known=known)
            last.setdefault(name, {})[quantity] = row
            if np.isfinite(check["predicted"].values).all():
                part.verdicts.append(_cross_verdict(check, quantity, name, run, str(plans[name])))
        part.save(f"unigram-{slug(name)}", run)
    words = _words(corpus, runs["replace"], plans["replace"])
    ngram, smooth = {}, {}
    for i, name in enumerate(list(plans)[:2]):
        ngram[name] = lm.chains(
            corpus,
            order=3,
            regime=plans[name],
            generations=settings.trigram_generations,
            rng=settings.seed(6, i),
            keep_words=False,
        )
        smooth[name] = lm.chains(
            corpus,
            order=2,
            smoothing=SMOOTHING,
            regime=plans[name],
            generations=settings.bigram_generations,
            replicates=settings.bigram_chains,
            rng=settings.seed(7, i),
            n_jobs=n_jobs,
            keep_words=False,
            text_size=min(65536, N),
        )
        for what, run in (("trigram", ngram[name]), ("smoothed bigram", smooth[name])):
            for quantity in ("support", "perplexity_floored", "nll_under_original", "unseen_under_original"):
                row = part.record(what, name, quantity, run[quantity].astype(float))
                last.setdefault(name, {})[f"{what} {quantity}"] = row
            part.record(what, name, "distinct_trigrams", run["distinct"].sel(ngram=3))
            part.save(f"{slug(what)}-{slug(name)}", run)
    crosscheck, drifting = drift.cross_check(part, corpus, settings)
    part.facts = {
        "corpus": corpus.source,
        "words": N,
        "vocabulary": len(corpus.vocabulary),
        "generations": T,
        "chains": R,
        "bigram_generations": settings.bigram_generations,
        "bigram_chains": settings.bigram_chains,
        "trigram_generations": settings.trigram_generations,
        "last": last,
        "lost": words,
        "once": int((corpus.counts == 1).sum()),
        "smoothing": SMOOTHING,
        "texts": {name: _texts(run) for name, run in ngram.items()},
        "smooth_texts": {name: _texts(run) for name, run in smooth.items()},
        "nll": {name: _block_quantiles(run) for name, run in smooth.items()},
        "crosscheck": crosscheck,
    }
    part.work = {"runs": runs, "checks": checks, "ngram": ngram, "smooth": smooth, "words": words, "drift": drifting}
    return part


def _cross_verdict(check, quantity: str, name: str, run, regime: str) -> dict:
    """Judge an n-gram run by its largest z: Student's t, corrected for the number of generations."""
    from scipy.special import ndtri, stdtrit

    z = check["z"].values
    compared = np.isfinite(z)
    compared[:2] = False  # generations 0 and 1 are the corpus itself
    R, count = run.sizes["replicate"], int(compared.sum())
    kind = str(check["kind"].values)
    about = {
        "model": "unigram",
        "regime_name": name,
        "quantity": quantity,
        "regime": regime,
        "family": "NGram(order=1)",
        "kind": kind,
        "source": str(check["source"].values),
        "replicates": R,
        "checked": count,
        "error_rate": ALPHA,
        "generations": len(z) - 1,
        "formula": "",
        "generation": None,
        "z": None,
        "critical": None,
        "expected": None,
        "seen": None,
        "standard_error": None,
        "smallest_effect": None,
    }
    certain = bool((np.abs(check["seen"] - check["predicted"]) <= 1e-12 * np.abs(check["predicted"])).all())
    if not count or certain:
        status = "SUPPORTED" if certain else "INCONCLUSIVE"
        sentence = (
            "Supported: the number is certain, and it is seen in every chain."
            if certain
            else "Cannot tell: one chain has no standard error."
        )
        return {**about, "status": status, "sentence": sentence}
    critical = float(-stdtrit(R - 1, ALPHA / (2 * count)))
    at = int(np.nanargmax(np.where(compared, np.abs(z), np.nan)))
    expected, seen = (check[v].values for v in ("predicted", "seen"))
    visible = (
        (critical - ndtri(0.1)) * check["standard_error"].values / np.maximum(np.abs(expected - expected[0]), 1e-300)
    )
    effect = float(np.nanmin(np.where(compared, visible, np.nan)))
    status = "SUPPORTED" if abs(z[at]) < critical else "CONTRADICTED" if kind == "exact" else "INCONCLUSIVE"
    if status == "SUPPORTED" and effect > 0.25:
        status = "INCONCLUSIVE"
    sentence = {
        "SUPPORTED": f"Supported: at all {count} generations {quantity} agrees with theory (largest deviation "
        f"z = {z[at]:+.2f} at generation {at}, contradicted from {critical:.2f} on, error rate {ALPHA:g}; "
        f"standard errors from {R} chains); a difference of {effect:.2g} of the predicted change would "
        f"have "
        "been seen.",
        "CONTRADICTED": f"Contradicted: {quantity} is {seen[at]:.5g} at generation {at} where {expected[at]:.5g} is "
        f"predicted, z = {z[at]:+.2f}, {R} chains.",
        "INCONCLUSIVE": f"Cannot tell: largest deviation z = {z[at]:+.2f} at generation {at}, contradicted from "
        f"{critical:.2f} on with {R} chains; the smallest visible difference is {effect:.2g} of the "
        "predicted change.",
    }[status]
    return {
        **about,
        "status": status,
        "sentence": sentence,
        "generation": at,
        "z": float(z[at]),
        "critical": critical,
        "expected": float(expected[at]),
        "seen": float(seen[at]),
        "smallest_effect": effect,
        "standard_error": float(check["standard_error"].values[at]),
    }


def _words(corpus, run, regime) -> dict:
    """Which words vanish, by how often the corpus has them."""
    from modelcollapse.theory import survival, survival_method

    counts = corpus.counts
    T = int(run.sizes["generation"]) - 1
    there = run["present"].mean("replicate").transpose("generation", "word").values
    classes = [c for c in COUNTS if (counts == c).any()]
    plan, N = regime.plan(T), len(corpus)
    theory = survival(np.array(classes) / N, plan.batch, T, population=N).T
    shown = sorted({t for t in (2, 3, 5, 10, 20, T) if t <= T})
    rows = []
    for j, c in enumerate(classes):
        mine = np.flatnonzero(counts == c)
        curve = there[:, mine].mean(axis=1)
        # examples spread over the alphabet, of words rather than numbers or names with underscores
        plain = [corpus.vocabulary[i] for i in mine if corpus.vocabulary[i].isalpha() and len(corpus.vocabulary[i]) > 3]
        step = max(1, len(plain) // 4)
        rows.append(
            {
                "count": c,
                "words": len(mine),
                "examples": plain[::step][:4],
                "seen": [float(1 - curve[t]) for t in shown],
                "theory": [float(1 - theory[j, t]) for t in shown],
                "curve": curve.tolist(),
                "theory_curve": theory[j].tolist(),
            }
        )
    gone = np.flatnonzero(run["present"].isel(replicate=0, generation=-1).values == 0)
    frequent = [
        {
            "word": corpus.vocabulary[i],
            "count": int(counts[i]),
            "gone_at": int(np.argmax(run["present"].isel(replicate=0).values[:, i] == 0)),
        }
        for i in gone
        if corpus.vocabulary[i].isalpha()
    ][:10]
    return {
        "generations": shown,
        "classes": rows,
        "kind": survival_method(plan.batch, T, len(classes)),
        "most_frequent_lost": frequent,
        "lost_in_first_chain": len(gone),
    }


def _texts(run) -> list[dict]:
    T = int(run["generation"].values[-1])
    return [{"generation": g, "text": str(run["sample_text"].values[g])} for g in sorted({0, 1, T // 2, T})]


def _block_quantiles(run) -> dict:
    T = int(run["generation"].values[-1])
    block = run["block_nll"].values
    return {str(g): [float(q) for q in np.nanquantile(block[g], (0.05, 0.5, 0.95))] for g in (1, T // 2, T)}
