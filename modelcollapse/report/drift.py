"""The part of the report about a language model: is it drifting, or is it driven?

Two trigram models that differ in nothing but their smoothing are refitted to texts of their own. Without smoothing a
model writes, on average, as it has learned: what is lost then is lost to chance, and to words that come in bursts.
Kneser-Ney smoothing asks in how many contexts a word was seen, not how often, and so favours the rare: that is no
drift. `modelcollapse.lm.crosscheck` is told neither; it has to see the difference in the texts.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse.report.experiments import Part, Settings, slug

#: texts, and how often the models are refitted: enough to tell the two apart in a text of ordinary words
TEXTS, GENERATIONS, CHAINS = 300, 6, 60
#: fewer texts than this have too little scatter between them to say anything
LEAST_TEXTS = 50
#: of the verdict on one model: its rate of false alarms, and the selection coefficient that would have been seen
ERROR_RATE, EFFECT = 1e-3, 0.25
#: an effective size that is so many times the number of words is that of words which did not move
STILL = 1e6
ASSUMPTIONS = {
    "independent": "Wright-Fisher model of independent words",
    "clustered": "words clustered as in the texts of generation 1",
}


def cross_check(part: Part, corpus, settings: Settings) -> tuple[dict, dict]:
    """Hold two language models against drift; return what the page says of them, and what the figure shows."""
    from modelcollapse import lm
    from modelcollapse.lm.experiment import BLOCK
    from modelcollapse.regimes import Replace

    if settings.quick:
        return {"left_out": "Whether a language model drifts or is driven is left out of a quick report."}, {}
    J = min(len(corpus) // BLOCK, TEXTS)
    if J < LEAST_TEXTS:
        return {
            "left_out": "The text is too short to say whether a language model drifts or is driven: that takes "
            f"{LEAST_TEXTS} blocks of {BLOCK} words, and here are {J}."
        }, {}
    text = corpus.text(corpus.tokens[: J * BLOCK])
    models = {"trigram": lm.NGram(3), "Kneser-Ney trigram": lm.NGram(3, "kneser-ney")}
    checks, rows = {}, []
    for i, (name, model) in enumerate(models.items()):
        # without prompts: texts that continue the real ones are drawn to these, which is no drift
        run = lm.experiment(model, text, Replace(n=J), GENERATIONS, prompts=None, rng=settings.seed(10, i))
        if run["support"].values.min() < 2:
            return {
                "left_out": "The text has too few different words to say whether a language model drifts or is driven: "
                f"within {GENERATIONS} generations a {name} loses all of them but one."
            }, {}
        try:  # texts that hardly differ have next to no scatter to divide by; what is not a number is shown as none
            with np.errstate(all="ignore"):
                checked = lm.crosscheck(
                    run, error_rate=ERROR_RATE, effect=EFFECT, replicates=CHAINS, rng=settings.seed(11, i)
                )
        except ValueError:  # words that do not move have no effective size
            return {
                "left_out": "The text repeats itself too much to say whether a language model drifts or is driven: the "
                f"texts of a {name} do not differ."
            }, {}
        checks[name] = run, checked
        rows.append({"name": name, **_found(checked)})
    for name, (run, checked) in checks.items():
        _record(part, f"{name}, texts", checked)
        part.save(f"texts-{slug(name)}", run)
    facts = {
        "left_out": "",
        "texts": J,
        "words": J * BLOCK,
        "vocabulary": rows[0]["words"][0],
        "generations": GENERATIONS,
        "error_rate": ERROR_RATE,
        "effect": EFFECT,
        "models": rows,
    }
    return facts, {name: checked for name, (_, checked) in checks.items()}


def _found(checked) -> dict:
    """Return what a cross-check says of a model."""
    first = checked.sel(generation=1)
    size = {
        name: _times(float(first[key]) / float(first["nominal_size"]))
        for name, key in (
            ("changes", "effective_size"),
            ("low", "effective_size_low"),
            ("high", "effective_size_high"),
            ("texts", "sampled_size"),
        )
    }
    s, p = (checked[f"pooled_selection{end}"].values for end in ("", "_p"))
    # the rarest class that is certainly driven, all classes having been looked at
    driven = np.flatnonzero(p * max(1, np.isfinite(p).sum()) <= ERROR_RATE)
    support = checked.sel(quantity="support")
    return {
        "neutrality": checked.attrs["neutrality"],
        "p": float(checked.attrs["p"]),
        "summary": checked.attrs["summary"],
        "effective_words": size,
        "words": [int(support["seen"].values[0]), int(support["seen"].values[-1])],
        "expected": {name: float(support["predicted"].sel(assumption=name).values[-1]) for name in ASSUMPTIONS},
        "share": {str(part): float(support["share"].sel(part=part)) for part in checked["part"].values},
        "share_sd": float(support["share_sd"]),
        "driven": {
            "least": int(checked["least"].values[driven[0]]),
            "most": int(checked["most"].values[driven[0]]),
            "selection": float(s[driven[0]]),
        }
        if driven.size and checked.attrs["neutrality"] == "CONTRADICTED"
        else None,
    }


def _times(ratio: float) -> float:
    return ratio if ratio < STILL else math.inf


def _record(part: Part, what: str, checked) -> None:
    """Write the numbers down, beside both predictions."""
    for quantity in checked["quantity"].values.tolist():
        for assumption, source in ASSUMPTIONS.items():
            at = checked.sel(quantity=quantity, assumption=assumption)
            known = at[["predicted", "predicted_sd"]].rename(predicted="mean", predicted_sd="sd")
            known = known.assign_attrs(kind=str(at["kind"].values), source=source)
            seen = at["seen"].expand_dims("replicate")
            part.record(what, "replace", quantity, seen, known=known, part=f"{assumption} words")
    fits = checked.sel(generation=slice(1, None))
    known = fits[["sampled_size"]].rename(sampled_size="mean")
    known = known.assign_attrs(kind="estimate", source="scatter between texts")
    part.record(what, "replace", "effective_size", fits["effective_size"].expand_dims("replicate"), known=known)


def sheet(checks: dict):
    """Draw how many words are left beside how many drift would have left."""
    from modelcollapse.lm import pictures
    from modelcollapse.report import figures

    figure, axes = figures.sheet(1, len(checks), 3.8, sharey=True)
    for ax, (name, checked) in zip(axes[0], checks.items(), strict=True):
        pictures.explained(checked, "support", assumptions=tuple(ASSUMPTIONS), ax=ax)
        figures.title(ax, f"Words left: {name}")
        ax.label_outer()
    axes[0, 0].set_ylim(bottom=0)
    figures.below(figure, axes[0, 0], 3)
    return figure
