"""The words of the report, made from its numbers.

Nothing here knows a result beforehand. Every function takes the summary and returns sentences; where data can turn out
either way the sentence is chosen by the numbers.
"""

from __future__ import annotations

import math

#: what each regime of the report trains on
REGIMES = {
    "replace": "N samples of the last model and nothing else",
    "kept": "the same tenth of the original rows every time, and samples of the last model: N points in all",
    "fresh": "a tenth of the points drawn anew from the original rows, the rest from the last model: N points in all",
    "accumulate": "all original rows and all samples ever made: N points more in every generation",
}


def percent(p) -> str:
    """Write a probability as a percentage; what is rare is not rounded to nothing."""
    if p is None or (isinstance(p, float) and math.isnan(p)):
        return "–"
    if p <= 0:
        return "0 %"
    if p < 5e-4:
        return "< 0.05 %"
    if 0.9995 <= p < 1:
        return "> 99.9 %"
    digits = 1 if p < 0.0995 or 0.9905 <= p < 1 else 0
    return f"{100 * p:.{digits}f} %"


def decimal(x: float, digits: int) -> str:
    """Write a number with its sign as a minus, not a hyphen."""
    return f"{x:,.{digits}f}".replace("-", "−")


def shrunk(log_det: float) -> str:
    """Say what is left of a volume, given the change of the log determinant of its covariance."""
    left = math.exp(log_det / 2)
    if left >= 1e-3:
        return percent(left)
    return (
        "10" + str(round(math.log10(left))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        if left > 0
        else "nothing"
    )


def _list(words) -> str:
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _names(summary) -> list[str]:
    return [name for name, _, _ in summary["regimes"]]


def _rarest(about: dict) -> dict:
    return about["lost"][0]


def lede(summary: dict) -> str:
    """Say what was done."""
    data, g, text = summary["data"], summary["gaussian"], summary["text"]
    return (
        f"Models of {data['rows']} real rows ({data['source']}) and of a real text of {text['words']:,} words "
        f"are refitted, "
        f"generation after generation, to samples of their own predecessors, up to {g['generations']} times and "
        f"in up to "
        f"{g['chains']:,} independent chains. What is known in closed form is drawn over what happens."
    )


def cards(summary: dict) -> list[tuple[str, str]]:
    """The numbers at the top: (large, explanation)."""
    g, text = summary["gaussian"], summary["text"]
    T = g["generations"]
    replace, kept = _names(summary)[:2]
    left = g["last"][replace]["variance_share"]
    saved = g["last"][kept]["variance_share"]
    tail, tail0 = g["last"][replace]["tail_mass"]["median"], g["tail_model"]
    out = [
        (
            percent(left["median"]),
            f"of the variance of {g['column']} is left in the median chain after {T} "
            f"generations of "
            f"replace ({percent(saved['median'])} with {kept})",
        ),
        (
            percent(tail),
            f"of the probability lies beyond two standard deviations of the data then; it was "
            f"{percent(tail0)} "
            "in the first fit",
        ),
    ]
    if (classes := summary["categories"].get("classes")) is not None:
        gone = classes["last"][replace]["some_gone"]
        out.append(
            (
                percent(gone),
                f"of the chains have lost at least one of {classes['categories']} classes by generation {T}",
            )
        )
    else:
        rare = _rarest(summary["categories"]["bins"])
        out.append(
            (
                percent(rare["lost_end"]),
                f"of the chains have lost the values {rare['label']} of {g['column']} by generation {T}",
            )
        )
    lost = 1 - text["last"][replace]["support"]["mean"] / text["vocabulary"]
    out.append(
        (
            percent(lost),
            f"of the {text['vocabulary']:,} words of the text are gone after {text['generations']} "
            "generations of replace",
        )
    )
    return out


def findings(summary: dict) -> list[str]:
    """Say what was found, in plain words."""
    g, text, m = summary["gaussian"], summary["text"], summary["mixture"]
    names = _names(summary)
    replace, kept, T = names[0], names[1], g["generations"]
    last = g["last"]
    left = last[replace]["variance_share"]
    out = []
    theory = "" if _none(left["theory"]) else f" (the exact expectation is {percent(left['theory'])})"
    out.append(
        f"A Gaussian of {g['column']} that sees nothing but its own samples keeps {percent(left['mean'])} of "
        f"the variance "
        f"on average{theory} but only {percent(left['median'])} in the median chain; nine of ten chains end "
        f"between "
        f"{percent(left['q05'])} and {percent(left['q95'])}."
    )
    mild = [f"{percent(last[name]['variance_share']['mean'])} with {name}" for name in names[1:]]
    out.append(f"Some real data change the outcome: on average {_list(mild)} are left after {T} generations.")
    out.append(_rare_sentence(summary))
    worst = min(m["last"][replace]["component_log_det"])
    out.append(
        f"In the mixture of {m['components']} Gaussians some component is gone in "
        f"{percent(m['last'][replace]['some_component_gone'])} of the chains after {m['generations']} "
        f"generations of "
        f"replace, and in {percent(m['last'][kept]['some_component_gone'])} with {kept}; the component that "
        f"shrinks most is left "
        f"with {shrunk(worst)} of the volume it had, in the median chain."
    )
    once = text["lost"]["classes"][0]
    first = text["lost"]["generations"][0]
    out.append(
        f"Of the {once['words']:,} words that the text has "
        f"{'once' if once['count'] == 1 else str(once['count']) + ' times'}, "
        f"{percent(once['seen'][0])} are gone by generation {first} (theory: {percent(once['theory'][0])}) and "
        f"{percent(once['seen'][-1])} by generation {text['lost']['generations'][-1]}."
    )
    out.append(_cure_sentence(summary["cures"]))
    count = counts(summary)
    against = "contradicts" if count["CONTRADICTED"] == 1 else "contradict"
    unsure = count["INCONCLUSIVE"] + count["OUT_OF_SCOPE"]
    out.append(
        f"Of {sum(count.values())} comparisons of theory and simulation, {count['SUPPORTED']} support theory, "
        f"{count['CONTRADICTED']} {against} it and {unsure} cannot tell."
    )
    return out


def _none(x) -> bool:
    return x is None or (isinstance(x, float) and math.isnan(x))


def _rare_sentence(summary: dict) -> str:
    about = summary["categories"]["bins"]
    rare, common = about["lost"][0], about["lost"][-1]
    exact = "" if _none(rare["exact_end"]) else f" (theory, {about['law']}: {percent(rare['exact_end'])})"
    return (
        f"What is rare is lost first. Of the values of {summary['gaussian']['column']}, those from {rare['label']} "
        f"({percent(rare['share'])} of the rows) are gone in {percent(rare['lost_end'])} of the chains{exact} by "
        f"generation "
        f"{about['generations']}; the most common ones, {common['label']} ({percent(common['share'])}), in "
        f"{percent(common['lost_end'])}."
    )


def counts(summary: dict) -> dict:
    """How many verdicts of each kind."""
    out = dict.fromkeys(("SUPPORTED", "CONTRADICTED", "INCONCLUSIVE", "OUT_OF_SCOPE"), 0)
    for v in summary["verdicts"]:
        out[v["status"]] += 1
    return out


def regimes(summary: dict) -> list[str]:
    """Introduce the regimes."""
    N = summary["data"]["rows"]
    return [
        f"Generation 1 is fitted to the real data, all {N} rows of them. What comes after depends on what each "
        f"later "
        "generation is fitted to. Four regimes are compared; in the first three every fit sees N points, so "
        "differences "
        "between them are not differences in the amount of data."
    ]


def gaussian(summary: dict) -> list[str]:
    """Introduce the Gaussian."""
    g = summary["gaussian"]
    replace = _names(summary)[0]
    half = g["half_life"]
    when = (
        f"By generation {half['median']} half of the chains have seen their variance halved, if only for a time."
        if half["median"] is not None
        else f"{percent(half['share'])} of the chains see their variance fall to a half within {g['generations']} "
        f"generations."
    )
    log = g["last"][replace]["log_variance"]
    drift = (
        ""
        if _none(log["theory"])
        else f" By generation {g['generations']} its logarithm has moved to "
        f"{decimal(log['mean'], 3)} on "
        f"average; theory says {decimal(log['theory'], 3)}."
    )
    shape = (
        f"The rows are not Gaussian (their skewness is {decimal(g['skewness'], 2)}, and "
        f"{percent(g['tail_share_of_rows'])} of them lie "
        f"beyond two standard deviations, where a Gaussian has {percent(g['tail_model'])}). That costs theory "
        f"nothing: "
        "generation 1 is the Gaussian fitted to these rows, and from there on every sample is drawn from a "
        "Gaussian, so the "
        "laws of the walk hold exactly. Only the regimes that put real rows back in see their true shape again, "
        "through "
        "their mean and variance."
    )
    return [
        f"The mean and the variance of {g['column']} are estimated (maximum likelihood, divisor n), {g['rows']} "
        f"new points are "
        f"drawn from the Gaussian with these parameters, and so on. Every fit misses the variance by a random "
        f"factor, and "
        f"factors multiply: the variance is a random walk with a downward drift that nothing stops. "
        f"{when}{drift}",
        shape,
    ]


def judge(summary: dict) -> str:
    """Name the model whose opinion the histogram of the Gaussian shows."""
    g = summary["gaussian"]
    return "Gaussian fitted to " + (f"all {g['nd']['dim']} columns" if g["nll_of_all"] else g["column"])


def divergence_note(summary: dict) -> str:
    """Say what in the figure of divergences is exact."""
    return (
        "Coloured lines are Monte Carlo (left: medians; middle and right: means over chains, which a few far "
        "chains can "
        "carry). Dashed lines are exact where a closed form is known."
    )


def columns(summary: dict) -> list[str]:
    """Introduce the Gaussian of all columns."""
    nd = summary["gaussian"]["nd"]
    replace = _names(summary)[0]
    last = nd["last"][replace]
    change = last["log_det_change"]["median"]
    return [
        f"A Gaussian of all {nd['dim']} columns loses volume in every direction at once, and unevenly: the log "
        f"determinant of "
        f"its covariance changes by {decimal(change, 1)} in the median chain, and its effective rank goes from "
        f"{nd['rank_truth']:.2f} to "
        f"{last['effective_rank']['median']:.2f} directions. {nd['chains']} chains."
    ]


def mixture(summary: dict) -> list[str]:
    """Introduce the mixture."""
    m = summary["mixture"]
    names = list(m["last"])
    lines = [f"{name}: {percent(m['last'][name]['some_component_gone'])}" for name in names]
    start = f" ({', '.join(m['names'])})" if m.get("names") else ""
    return [
        f"A mixture of {m['components']} Gaussians{start} is fitted to the {m['rows']} rows by "
        f"expectation-maximisation, each "
        "fit starting from the parameters of the model before it, so that component by component one sees who "
        "descends from "
        f"whom. A component whose weight falls below one point in {m['rows']} counts as gone. Share of the "
        f"{m['chains']} chains "
        f"in which one is gone after {m['generations']} generations: {'; '.join(lines)}.",
        "Accumulation is left out here: its training sets would grow to "
        f"{m['rows'] * m['generations']:,} points, fitted point by point. {_lost_density(m)}",
        m["note"],
    ]


def _lost_density(m: dict) -> str:
    """Say how a lost component and a lost density differ, if these runs show it."""
    out = (
        "A component can die and leave the density much as it was, if a neighbour takes over its points, so the "
        "distance of the "
        "densities is shown too."
    )
    names = list(m["last"])
    if len(names) < 3:
        return out
    kept, fresh = (m["last"][name]["l2_squared"]["median"] for name in names[1:3])
    if kept is None or fresh is None or kept <= 2 * fresh:
        return out
    return (
        f"{out} Rows that come back unchanged in every generation invite a component to settle on a few of them "
        f"as on points: "
        f"the squared L2 distance ends at {decimal(kept, 1)} with {names[1]} and at {decimal(fresh, 1)} with "
        f"{names[2]} "
        "(medians)."
    )


def categories(summary: dict) -> list[str]:
    """Introduce the categories."""
    c = summary["categories"]
    out = [
        "A model of categories is a table of frequencies, refitted by counting. Refitted to its own samples it is "
        "the "
        "Wright–Fisher model of population genetics: a category that draws no point in some generation has no way "
        "back, and "
        "the fewer points it has the sooner that happens."
    ]
    if (classes := c.get("classes")) is not None:
        shares = {row["share"] for row in classes["lost"]}
        name = _names(summary)[0]
        even = (
            "All classes are equally frequent in these data, so chance alone decides which one goes; "
            if len(shares) == 1
            else f"The rarest class is {classes['lost'][0]['label']} ({percent(classes['lost'][0]['share'])}); "
        )
        out.append(
            f"{even}by generation {classes['generations']} at least one of {classes['categories']} is gone in "
            f"{percent(classes['last'][name]['some_gone'])} of the chains under {name}."
        )
    out.append(
        f"The same law governs a histogram: {c['bins']['what'].replace('histogram of ', '')} is cut into "
        f"{c['bins']['categories']} bins of equal width that hold data, and the bins are refitted. Its tails "
        f"are its rare "
        "categories."
    )
    return out


def survival_note(about: dict) -> str:
    """Say what in the figure of survival is exact."""
    replace = next(iter(about["last"]))
    sampled = f"Coloured lines are Monte Carlo, {about['chains']:,} chains."
    if about["law"] is None:
        return sampled
    worst = max(abs(row["exact_end"] - row["lost_end"]) for row in about["lost"])
    law = (
        "The dashed lines are exact (Wright–Fisher chain)."
        if about["law"] == "exact"
        else "The dashed lines of survival are the limit of a large sample (asymptotic); those of heterozygosity are "
        "exact."
    )
    end = f"At the end of {replace} theory and chains differ by at most {100 * worst:.1f} percentage points."
    return f"{law} {sampled} {end}"


def words_known(kind: str) -> str:
    """Say what kind of theory is drawn over the words that are left, and over their heterozygosity."""
    if kind == "exact":
        return "exact, for the heterozygosity and for the number of words"
    return "the heterozygosity is exact, the number of words is the branching limit, asymptotic in the number of words"


def word_survival_known(kind: str, words: int) -> str:
    """Say what kind of theory is drawn over the survival of words."""
    if kind == "exact":
        return "exact (every word is a Wright–Fisher chain)"
    return f"1 − exp(−c s), asymptotic, with an error of order one in {words:,}"


def text(summary: dict) -> list[str]:
    """Introduce the text."""
    t = summary["text"]
    replace, kept = _names(summary)[:2]
    last = t["last"]
    q = t["nll"]
    final = str(t["bigram_generations"])
    a, b, c = q[replace]["1"], q[replace][final], q[kept][final]
    perplexity = [last[name]["trigram perplexity_floored"]["mean"] for name in (replace, kept)]
    return [
        f"The text is {t['corpus']}: {t['words']:,} words, {t['vocabulary']:,} different ones, {t['once']:,} of "
        f"which occur only "
        f"once. A unigram model draws words independently; a trigram model walks from pair to pair. Each is refitted "
        f"to "
        f"{t['words']:,} words of its predecessor. After {t['generations']} generations of {replace} the unigram knows "
        f"{last[replace]['support']['mean']:,.0f} words, and {last[kept]['support']['mean']:,.0f} with {kept}.",
        f"The trigram model becomes a stranger to the real text: its perplexity (with a floor of 1 %) is "
        f"{perplexity[0]:,.0f} "
        f"after {t['trigram_generations']} generations of {replace} and {perplexity[1]:,.0f} with {kept}. The "
        f"smoothed bigram shows "
        f"the errors: the median block of 64 words surprises the first model by {a[1]:.2f} nats per word in "
        f"generation 1 and by "
        f"{b[1]:.2f} in generation {final}, and the worst twentieth of the blocks by {a[2]:.2f} and {b[2]:.2f} or more "
        f"({c[1]:.2f} and {c[2]:.2f} with {kept}).",
    ]


def samples(summary: dict) -> str:
    """Introduce the texts."""
    t = summary["text"]
    return (
        f"Forty words of the trigram model, which was refitted {t['trigram_generations']} times in one chain. It "
        f"can only "
        "recombine what it has seen, so its sentences go on looking plausible; what disappears is the choice "
        "between them."
    )


#: what the verdict on drift says of the change
DRIFT = {"SUPPORTED": "neutral", "CONTRADICTED": "directed", "INCONCLUSIVE": "cannot tell"}


def signed(share) -> str:
    """Write a share that may be negative, or more than all."""
    return "–" if _none(share) else decimal(round(100 * share) + 0.0, 0) + " %"


def drift(summary: dict) -> list[str]:
    """Say which part of the loss is chance, or why nobody asked."""
    c = summary["text"]["crosscheck"]
    if c["left_out"]:
        return [c["left_out"]]
    return [
        f"Two trigram models that differ in their smoothing only are fitted to the first {c['words']:,} words of the "
        f"text and refitted {c['generations'] - 1} times to {c['texts']} texts of their own, of as many words. If a "
        "model writes as it has learned, its words drift, and the scatter between its texts says how far; what goes "
        "beyond is directed.",
        " ".join(_driven(m, c) for m in c["models"]),
    ]


def _driven(m: dict, c: dict) -> str:
    """Say what became of the words of one model, and by what."""
    kept = f"The {m['name']} keeps {m['words'][1]:,} of {m['words'][0]:,} words where drift would leave "
    kept += f"{m['expected']['clustered']:,.0f}; "
    if m["neutrality"] == "SUPPORTED":
        return kept + f"no directed change was seen, and {percent(c['effect'])} in a class of words would have been."
    if m["neutrality"] == "INCONCLUSIVE":
        return kept + "no directed change was seen, but there is too little text to exclude one."
    if (d := m["driven"]) is None:
        return kept + f"its change is directed (error rate {c['error_rate']:g})."
    times = "once" if d["most"] == 1 else f"{d['least']} to {d['most']} times"
    return (
        kept + f"its change is directed (error rate {c['error_rate']:g}): words that occur {times} "
        f"{'gain' if d['selection'] > 0 else 'lose'} {percent(abs(d['selection']))} of their share in a generation."
    )


def _small(x: float) -> str:
    """Write a positive number with two digits."""
    return f"{x:.2g}" if 1e-3 <= x < 100 else f"{x:,.0f}" if x >= 100 else "less than 0.001"


def _cured(rows: list[dict]) -> dict:
    return {row["name"]: row for row in rows}


def _cure_sentence(c: dict) -> str:
    """Say in a sentence which cures help and which do not."""
    rows, share = _cured(c["cures"]), c["share"]
    errors = {name: row["squared_error_share"]["mean"] for name, row in rows.items()}
    return (
        f"Real data help, and it matters how they are used. After {c['generations']} generations the squared error of "
        f"the mean is {_small(errors['replace'])} variances of the data under replace, "
        f"{_small(errors[f'{share} fresh'])} with {share} fresh and "
        f"{_small(errors[f'{share} fresh, golden weight'])} if these rows have the golden weight; a perplexity filter "
        f"leaves {percent(rows['perplexity filter']['variance_share']['mean'])} of the variance, replace alone "
        f"{percent(rows['replace']['variance_share']['mean'])}."
    )


def cures(summary: dict) -> list[str]:
    """Introduce the cures of the column."""
    c = summary["cures"]
    rows, share, T, N = _cured(c["cures"]), c["share"], c["generations"], c["rows"]
    variance = {name: row["variance_share"] for name, row in rows.items()}
    error = {name: row["squared_error_share"] for name, row in rows.items()}
    fresh, golden, warm = f"{share} fresh", f"{share} fresh, golden weight", "temperature above 1"
    migrant = (
        f" One new row per generation is enough to keep {percent(c['migrant_limit'])} of the variance for ever, "
        f"however large the sample is ({percent(variance['one migrant']['mean'])} after {T} generations)."
        if "one migrant" in rows
        else ""
    )
    out = [
        f"What is said to help against collapse is tried here on {c['column']}, each cure beside replace, from the "
        f"same {N:,} rows, for {T} generations. A cure buys variance, which is the diversity that is left, and a mean "
        "that stays where the data are; it costs real rows, samples that are made and not used, or fits that grow.",
        f"More real data. Rows that come in fresh bound the squared error of the mean at "
        f"{_small(error[fresh]['theory'])} variances of the data with {share} of them, and at "
        f"{_small(error[golden]['theory'])} if these {'rows together weigh' if c['real'] > 1 else 'row weighs'} "
        f"{c['golden_weight']:.2f} in place of {c['real'] / N:.2f}, which is the golden-ratio weight for so many real "
        f"and synthetic points: the same data, better used.{migrant}",
        f"Choose among the samples. A temperature of {c['cold']:g} takes {percent(1 - c['cold'])} of the variance in "
        f"every generation, besides what chance takes. One of N/(N − 1) = {c['warm']:.4f} gives back, on average, what "
        f"the fit takes: the mean of the variance stays at 100 %, exactly, but the median chain is left with "
        f"{percent(variance[warm]['median'])}, and the error of the mean grows to {_small(error[warm]['mean'])} "
        f"(replace: {_small(error['replace']['mean'])}). A filter that keeps the {percent(c['kept'])} of the samples "
        f"that the model itself finds most likely multiplies the variance by {c['filter_factor']:.3f} in every "
        f"generation. Readers who prefer the larger of two samples, the more so the further apart they are, move "
        f"the mean by {math.sqrt(error['preference']['mean']):.1f} standard deviations and leave "
        f"{percent(variance['preference']['mean'])} of the variance.",
    ]
    detector = f"{share} fresh, detector"
    if detector in rows:
        row = rows[detector]
        pays = (
            ""
            if _none(c["break_even"]) or math.isinf(c["break_even"])
            else f"; it would pay if every round shifted them by more than about {_small(c['break_even'])} standard "
            "deviations"
        )
        out.append(
            f"A detector that flags {percent(c['tpr'])} of the samples, and {percent(c['fpr'])} of the real rows by "
            f"mistake, drops {row['not_used']:.0f} of the {N:,} points of a fit, and the squared error of the mean "
            f"goes from {_small(error[fresh]['theory'])} to {_small(error[detector]['theory'])}. Samples of a model "
            f"that is not off carry what earlier generations have learnt, so that it does harm to drop them{pays}."
        )
    return [*out, *c["left_out"], c["note"]]


def cures_known(summary: dict) -> str:
    """Say what of the theory of the cures is exact, and what is judged."""
    by_detector = " and the detector" if any("detector" in row["name"] for row in summary["cures"]["cures"]) else ""
    return (
        "Dashed lines are exact for these rows and this sample size; the dotted one, of the preference, follows one "
        "model to the next exactly but neglects how models scatter, so it is drawn and not judged. Of the regimes"
        f"{by_detector} the error of the mean is judged, because its expectation F is all there is to know: the "
        "variance left is 1 − F. Of the temperatures it is the log variance, of the filter the variance."
    )


def class_cures(summary: dict) -> list[str]:
    """Introduce the cures of the classes, or say why there are none."""
    c = summary["cures"]["classes"]
    T = summary["cures"]["generations"]
    if c is None:
        return ["The data have no classes, so what preference for one of them would do to the others is left out."]
    rows = _cured(c["cures"])
    alone, mixed = rows["preference"], rows[f"preference, {c['share']} fresh"]
    return [
        f"The same regimes keep the classes ({c['label']}), by the same law. A preference does not. Readers who see "
        f"two samples and like {c['favourite']} better (it wins {percent(c['wins'])} of the comparisons with another "
        f"class) have nothing against the others, and yet it goes from {percent(c['favourite_share'])} of the rows to "
        f"{percent(alone['favourite']['mean'])} of the samples after {T} generations, and all classes are still there "
        f"in {percent(alone['all_there'])} of the chains. With {c['share']} fresh rows, which nobody judges, they are "
        f"in {percent(mixed['all_there'])}, and the favourite has {percent(mixed['favourite']['mean'])} (it would "
        f"settle at {percent(c['settles'])} if samples were infinite)."
    ]


def verdicts(summary: dict) -> list[str]:
    """Introduce the verdicts."""
    count = counts(summary)
    rate = summary["error_rate"]
    out = [
        "Each run is held against each closed form known for it, at all generations at once. A theory counts as "
        "supported only "
        "if a difference of a quarter of the predicted change would have been seen; the probability of a false "
        "alarm is "
        f"one in {1 / rate:,.0f} for each line. The verdicts: {count['SUPPORTED']} supported, "
        f"{count['CONTRADICTED']} contradicted, "
        f"{count['INCONCLUSIVE']} inconclusive, {count['OUT_OF_SCOPE']} out of scope."
    ]
    if count["INCONCLUSIVE"]:
        out.append(
            "Inconclusive does not mean wrong. Usually the predicted change is so small that these chains could not "
            "tell it from none (the last column is what they could see, as a share of the predicted change); elsewhere "
            "a mean is carried by a few chains, because a product of many random factors is heavy-tailed, or a formula "
            "is asymptotic and states no remainder."
        )
    if count["CONTRADICTED"]:
        out.append(
            "A contradiction is either an error of theory or program, or one of the false alarms declared above. Its "
            "line says where."
        )
    return out


def conventions(summary: dict) -> list[str]:
    """Say what words mean."""
    return [
        "Generation 0 is the truth, here the data and the model fitted to them; generation 1 is the first fit, to all "
        "real rows. Real rows that come in later are drawn from the data with replacement. Medians and quantiles are "
        "over independent chains. 'Exact' means for these rows, this sample size and every generation; 'asymptotic' "
        "means in the limit of a large sample."
    ]
