"""The page: one file that needs nothing else, neither network nor script.

All numbers in the prose come from what was computed; a sentence that would be wrong for other data is chosen, not
written down. Figures are SVG inside the page and take its colours, so light and dark ground both work.
"""

from __future__ import annotations

import html
import math
import re

from modelcollapse.report import prose

STYLE = """
:root { --ink:#222222; --soft:#5c5c58; --rule:#d9d9d7; --paper:#fefefe; --card:#f5f4f0; --accent:#0072B2;
  --good:#00704f; --bad:#b03a00; --unsure:#7a5c00; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink:#e6e4df; --soft:#a9a7a0; --rule:#3d3d3b; --paper:#191918;
  --card:#242422; --accent:#6cb8e8; --good:#4fc79c; --bad:#ff8c5a; --unsure:#e2bd5c; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin:0; background:var(--paper); color:var(--ink); font:17px/1.58 Charter,"Bitstream Charter",
  "Iowan Old Style","Source Serif 4",Cambria,Georgia,"DejaVu Serif",serif; }
main { max-width:60rem; margin:0 auto; padding:3.2rem 1.4rem 5rem; }
p, ul, ol, h1, h2, h3, .lede { max-width:44rem; }
h1 { font-size:2.35rem; line-height:1.14; margin:0 0 .7rem; letter-spacing:-.012em; }
h2 { font-size:1.55rem; line-height:1.25; margin:3.6rem 0 .6rem; padding-top:1.3rem; border-top:1px solid var(--rule);
  max-width:none; }
h3 { font-size:1.12rem; margin:2rem 0 .4rem; }
.lede { font-size:1.17rem; color:var(--soft); margin:0 0 1.4rem; }
a { color:var(--accent); text-decoration-thickness:1px; text-underline-offset:2px; }
.cards { display:grid; grid-template-columns:repeat(auto-fit,minmax(12.5rem,1fr)); gap:.9rem; margin:1.8rem 0; }
.card { background:var(--card); border-radius:9px; padding:1rem 1.1rem .95rem; }
.card b { display:block; font:600 1.85rem/1.15 system-ui,"DejaVu Sans",sans-serif; letter-spacing:-.02em; }
.card span { display:block; font:.83rem/1.42 system-ui,"DejaVu Sans",sans-serif; color:var(--soft); margin-top:.35rem; }
nav { background:none; border:1px solid var(--rule); border-radius:9px; padding:.9rem 1.3rem; margin:1.8rem 0;
  font:.93rem/1.75 system-ui,"DejaVu Sans",sans-serif; }
nav ol { margin:0; padding-left:1.3rem; columns:2; column-gap:2.4rem; max-width:none; }
figure { margin:1.7rem 0 2.1rem; }
figure svg { display:block; width:100%; height:auto; }
figcaption { font:.86rem/1.5 system-ui,"DejaVu Sans",sans-serif; color:var(--soft); max-width:52rem; margin-top:.6rem; }
figcaption b { color:var(--ink); }
.wide { overflow-x:auto; margin:1.2rem 0 1.8rem; }
table { border-collapse:collapse; font:.85rem/1.42 system-ui,"DejaVu Sans",sans-serif; min-width:60%; }
th, td { text-align:left; padding:.36rem .85rem .36rem 0; vertical-align:top; border-bottom:1px solid var(--rule); }
th { font-weight:600; color:var(--soft); vertical-align:bottom; }
td.n, th.n { text-align:right; font-variant-numeric:tabular-nums; }
td.n { white-space:nowrap; }
caption { text-align:left; caption-side:top; color:var(--soft); padding-bottom:.45rem; }
.status { font-weight:650; white-space:nowrap; font-size:.78rem; letter-spacing:.02em; }
.SUPPORTED { color:var(--good); } .CONTRADICTED { color:var(--bad); }
.INCONCLUSIVE, .OUT_OF_SCOPE { color:var(--unsure); }
blockquote { margin:.5rem 0 1rem; padding:.55rem 1rem; border-left:3px solid var(--rule); color:var(--soft);
  font-style:italic; max-width:44rem; }
blockquote b { font:600 .8rem system-ui,"DejaVu Sans",sans-serif; display:block; color:var(--ink); }
.pair { display:grid; grid-template-columns:repeat(auto-fit,minmax(19rem,1fr)); gap:0 1.8rem; }
code, pre { font:.84rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace; }
pre { background:var(--card); padding:.8rem 1rem; border-radius:8px; overflow-x:auto; }
.note { color:var(--soft); } td .note { font-size:.93em; }
details { margin:.6rem 0 1.6rem; } summary { cursor:pointer; font:.92rem system-ui,"DejaVu Sans",sans-serif; }
@media print { nav, details:not([open]) { display:none; } h2 { break-after:avoid; } figure { break-inside:avoid; } }
@media (max-width:40rem) { nav ol { columns:1; } body { font-size:16px; } h1 { font-size:1.85rem; } }
"""


def render(summary: dict, parts: dict) -> str:
    """Return the page as HTML."""
    sections = [
        ("regimes", "Four ways to make the next training set", _regimes(summary)),
        ("gaussian", "One column: a Gaussian that forgets its tails", _gaussian(summary, parts["gaussian"])),
    ]
    if "nd" in summary["gaussian"]:
        sections.append(("columns", "All columns together: directions are lost", _columns(summary, parts["gaussian"])))
    sections += [
        ("mixture", "A mixture: which component vanishes", _mixture(summary, parts["mixture"])),
        ("categories", "Categories: what is rare is lost first", _categories(summary, parts["categories"])),
        ("text", "Text: a language that loses its words", _text(summary, parts["text"])),
        ("cures", "Cures: what helps, and what it costs", _cures(summary, parts["cures"])),
        ("verdicts", "Do theory and simulation agree?", _verdicts(summary)),
        ("made", "How this was made", _made(summary)),
    ]
    contents = "".join(f'<li><a href="#{key}">{esc(name)}</a></li>' for key, name, _ in sections)
    body = "".join(f'<section id="{key}"><h2>{esc(name)}</h2>{inner}</section>' for key, name, inner in sections)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Model collapse: {esc(summary['data']['source'])}</title><style>{STYLE}</style></head><body><main>"
        f'{_top(summary)}<nav aria-label="Contents"><ol>{contents}</ol></nav>{body}</main></body></html>\n'
    )


# ------------------------------------------------------------------------------------------------- pieces


def esc(text) -> str:
    """Escape text for HTML; a percent sign stays with its number."""
    return html.escape(str(text)).replace(" %", "&nbsp;%")


def number(x, digits: int = 3) -> str:
    """Write a number with a few digits; a dash where there is none."""
    if x is None or (isinstance(x, float) and math.isnan(x)):
        return "–"
    if isinstance(x, int) or (abs(x) >= 1000 and math.isfinite(x)):
        return f"{x:,.0f}"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    if x and abs(x) < 1e-3:
        mantissa, power = f"{x:.{digits - 1}e}".split("e")
        return f"{mantissa}·10<sup>{int(power)}</sup>".replace("-", "−")
    return f"{x:.{digits}g}".replace("-", "−")


def percent(p) -> str:
    """Write a probability as a percentage, without rounding what is rare to nothing or what is near certain to all."""
    return esc(prose.percent(p))


def figure(drawing: str, shows: str, read: str, exact: str) -> str:
    """A figure: what it shows, how to read it, and what in it is exact and what is sampled."""
    return f"<figure>{drawing}<figcaption><b>{esc(shows)}</b> {esc(read)} <i>{esc(exact)}</i></figcaption></figure>"


def grid(head, rows, *, caption: str = "", numeric=()) -> str:
    """A table; cells are HTML."""

    def line(cells, tag):
        return (
            "<tr>"
            + "".join(f"<{tag}{' class=n' if j in numeric else ''}>{cell}</{tag}>" for j, cell in enumerate(cells))
            + "</tr>"
        )

    top = f"<caption>{esc(caption)}</caption>" if caption else ""
    return (
        f'<div class="wide"><table>{top}<thead>{line(head, "th")}</thead><tbody>'
        f"{''.join(line(row, 'td') for row in rows)}</tbody></table></div>"
    )


def paragraphs(*texts: str) -> str:
    """Paragraphs of plain text."""
    return "".join(f"<p>{esc(text)}</p>" for text in texts if text)


# ----------------------------------------------------------------------------------------------- sections


def _top(summary: dict) -> str:
    cards = "".join(
        f'<div class="card"><b>{esc(big)}</b><span>{esc(small)}</span></div>' for big, small in prose.cards(summary)
    )
    items = "".join(f"<li>{esc(line)}</li>" for line in prose.findings(summary))
    return (
        f"<h1>What is lost when models learn from models</h1>"
        f'<p class="lede">{esc(prose.lede(summary))}</p><div class="cards">{cards}</div>'
        f"<h3>In plain words</h3><ul>{items}</ul>"
    )


def _regimes(summary: dict) -> str:
    rows = [
        [f"<b>{esc(name)}</b>", esc(prose.REGIMES[kind]), f"<code>{esc(text)}</code>"]
        for name, kind, text in summary["regimes"]
    ]
    return paragraphs(*prose.regimes(summary)) + grid(["name", "generation t ≥ 2 is fitted to", "regime"], rows)


def _gaussian(summary: dict, part) -> str:
    f = part.figures
    out = paragraphs(*prose.gaussian(summary))
    out += figure(
        f["one-model"],
        "A model that is refitted to its own samples.",
        "Left: every thin line is one chain, and the steps of a chain are random but their drift is "
        "downwards. "
        "If theory is right, the mean of the chains lies on the dashed line. Right: the densities of a "
        "single "
        "chain, over a histogram of the data: it narrows, and it wanders.",
        "Area, median and mean are Monte Carlo; the dashed line and its grey band (one standard deviation "
        "of one "
        "chain) are exact.",
    )
    out += figure(
        f["variance-left"],
        "How much of the variance is left, and what saves it.",
        "Left: means over chains, with the exact curve 1 − F, where F is Wright's inbreeding coefficient "
        "of the "
        "regime. Right: what a typical chain does, with the middle half of the chains as an area; under "
        "replace "
        "the typical chain is far below the mean, because a few chains that grew carry the mean.",
        "Dashed lines are exact for these rows; coloured lines and areas are Monte Carlo.",
    )
    out += figure(
        f["tails-divergence"],
        "The tails go first, and the distance grows.",
        "Left: probability that the model gives to what lies more than two standard deviations of the data "
        "from "
        "their mean. Middle: divergence of the model from the Gaussian fitted to the data. Right: how far "
        "its mass "
        "would have to be moved.",
        prose.divergence_note(summary),
    )
    out += figure(
        f["likelihood"],
        "What the first model thinks of the points of later ones.",
        f"Points of each generation, over all chains, by how improbable the {prose.judge(summary)} finds "
        f"them; "
        "dotted lines are medians. On the left, on a linear scale: mass that moves towards what is most "
        "probable. On "
        "the right, the same on a logarithmic scale: the tail of points that the first model would hardly "
        "ever make, "
        "made by narrow models that have wandered off. The outermost bins hold what lies beyond.",
        "Monte Carlo throughout; the picture is that of Shumailov et al., Nature 631 (2024), Fig. 1b and c.",
    )
    return out


def _columns(summary: dict, part) -> str:
    return paragraphs(*prose.columns(summary)) + figure(
        part.figures["columns"],
        "One Gaussian of all columns.",
        "Left: the logarithm of the volume that the model fills, which falls faster than any single variance. "
        "Middle: the "
        "variance of each column. Right: the number of directions in which the model still varies (exponential of the "
        "entropy of the eigenvalues of its covariance).",
        "The dashed line is exact where it is drawn; all coloured lines are Monte Carlo.",
    )


def _mixture(summary: dict, part) -> str:
    f = part.figures
    out = paragraphs(*prose.mixture(summary))
    out += figure(
        f["components"],
        "The components through the generations, in one chain.",
        "Grey points are the data; ellipses reach two standard deviations from the mean of a component, "
        "and the "
        "thicker the line the larger its weight. Watch components narrow and drift; one whose weight has "
        "come "
        "to nothing is a hairline.",
        "Single chains: a different seed shows other accidents.",
    )
    out += figure(
        f["weights"],
        "What the components weigh, and how far the density is from the first one.",
        "Left: the weights in one chain. Middle: the smallest weight of each model, median and 5–95 % of "
        "the chains; "
        "a weight of zero is a component that is gone for good. Right: squared L2 distance of densities, "
        "which "
        "explodes when a component becomes a point.",
        "Monte Carlo: no closed form is known for mixtures refitted by expectation-maximisation.",
    )
    out += figure(
        f["mixture-likelihood"],
        "What the first mixture thinks of the points of later ones.",
        "As for the single Gaussian: what becomes more probable is on the left of each panel, what the "
        "first model "
        "would hardly ever make on the right.",
        "Monte Carlo throughout.",
    )
    return out


def _categories(summary: dict, part) -> str:
    out = paragraphs(*prose.categories(summary))
    for key, drawing in part.figures.items():
        about = summary["categories"][key]
        kept = list(about["last"])[1]
        first = (
            "Left: the shares in one chain."
            if key == "classes"
            else "Left: the histogram of the data in grey, and for every bin the probability that it is empty for "
            "good at the "
            "end: the bins in the tails are the ones that go."
        )
        out += figure(
            drawing,
            f"The {about['what']}, refitted by counting.",
            f"{first} Middle: share of the chains in which a category is still there. Right: probability "
            f"that "
            "two points of the model differ.",
            prose.survival_note(about),
        )
        rows = [
            [
                esc(row["label"]).replace(" ", "&nbsp;" if len(row["label"]) < 25 else " "),
                percent(row["share"]),
                percent(row["lost_half"]),
                percent(row["exact_half"]),
                percent(row["lost_end"]),
                percent(row["exact_end"]),
                number(row["half_gone_at"]),
                percent(row["lost_end_kept"]),
            ]
            for row in about["lost"]
        ]
        T = about["generations"]
        out += grid(
            [
                "category",
                "share of the data",
                f"gone by {T // 2}",
                esc(about["law"] or "theory"),
                f"gone by {T}",
                esc(about["law"] or "theory"),
                "gone in half of the chains from",
                f"gone by {T}, {esc(kept)}",
            ],
            rows,
            caption=f"Lost first: the {about['what']}, the rarest first; replace, {about['chains']:,} "
            f"chains, and the "
            "last column with real data kept.",
            numeric=range(1, 8),
        )
    return out


def _text(summary: dict, part) -> str:
    f, facts = part.figures, summary["text"]
    out = paragraphs(*prose.text(summary))
    out += figure(
        f["words"],
        "A language refitted to its own text.",
        "Left: distinct words that the model still knows. Right: probability that two words drawn from it "
        "differ. "
        "A unigram model is the Wright–Fisher model of population genetics: words are alleles, the text is "
        "the "
        "population.",
        f"Coloured lines are means over chains (Monte Carlo). Dashed: {prose.words_known(facts['lost']['kind'])}; "
        "where no dashed line is drawn no formula is known.",
    )
    out += figure(
        f["word-survival"],
        "Rare words go first.",
        "Every curve is a class of words that the corpus has equally often; it shows how many of them are "
        "still "
        "in use.",
        "Coloured: mean over words and chains (Monte Carlo). Dashed: "
        f"{prose.word_survival_known(facts['lost']['kind'], facts['words'])}.",
    )
    lost = facts["lost"]
    head = ["times in the corpus", "words", "for example", *[f"gone by {t}" for t in lost["generations"]]]
    rows = [
        [
            number(row["count"]),
            number(row["words"]),
            esc(", ".join(row["examples"])) or "–",
            *[
                f"{percent(s)} <span class=note>({percent(t)})</span>"
                for s, t in zip(row["seen"], row["theory"], strict=True)
            ],
        ]
        for row in lost["classes"]
    ]
    out += grid(
        head,
        rows,
        numeric=[0, 1, *range(3, 3 + len(lost["generations"]))],
        caption=f"Words lost first, replace: share that is gone in {facts['chains']} chains, and in brackets "
        f"the "
        f"probability that theory gives ({lost['kind']}).",
    )
    if lost["most_frequent_lost"]:
        words = ", ".join(
            f"{esc(w['word'])} ({w['count']} times, gone from generation {w['gone_at']})"
            for w in lost["most_frequent_lost"]
        )
        out += (
            f"<p>In the first chain {number(lost['lost_in_first_chain'])} words are gone at the end. The most "
            f"frequent of them: {words}.</p>"
        )
    out += "<h3>What the models write</h3>" + paragraphs(prose.samples(summary))

    def quote(label, words):
        return f"<blockquote><b>{esc(label)}</b>{esc(words)}</blockquote>"

    first = next(iter(facts["texts"].values()))[0]
    out += quote("the corpus", first["text"])
    blocks = []
    for name, texts in facts["texts"].items():
        inner = "".join(quote(f"generation {t['generation']}", t["text"]) for t in texts[1:])
        last = facts["smooth_texts"][name][-1]
        inner += quote(f"the smoothed bigram, generation {last['generation']}", last["text"])
        blocks.append(f"<div><h3>{esc(name)}</h3>{inner}</div>")
    out += f'<div class="pair">{"".join(blocks)}</div>'
    out += figure(
        f["trigram"],
        "The trigram model through the generations.",
        "Left: how surprising the real text is to a model that gives 1 % of its probability to all words "
        "alike. "
        "Middle: how many of the three-word sequences in a text are different ones. Right: words in use.",
        "Monte Carlo; words of a walk depend on each other, so no closed form is known.",
    )
    out += figure(
        f["text-likelihood"],
        "What the first model thinks of the text of later ones.",
        "Blocks of 64 words by how improbable the first model finds them, as in the published figure. This "
        "bigram "
        f"model adds {facts['smoothing']:g} to every count, so that it can make errors that the corpus "
        f"does not "
        "have, learn them in the next generation, and build on them.",
        "Monte Carlo, one chain; words that the first model calls impossible are left out of a block.",
    )
    return out + _drift(summary, f.get("drift"))


def _drift(summary: dict, drawing: str | None) -> str:
    about = summary["text"]["crosscheck"]
    out = "<h3>Chance, or a model that changes what it has learned?</h3>" + paragraphs(*prose.drift(summary))
    if about["left_out"]:
        return out
    rows = []
    for m in about["models"]:
        size = {k: "–" if x is None else prose.decimal(x, 2) for k, x in m["effective_words"].items()}
        rows.append(
            [
                esc(m["name"]),
                f'<span class="status {m["neutrality"]}">{esc(prose.DRIFT[m["neutrality"]])}</span>',
                f"{size['changes']} <span class=note>({size['low']} to {size['high']})</span>",
                size["texts"],
                " → ".join(map(number, m["words"])),
                *[esc(prose.signed(m["share"][part])) for part in ("sampling", "clustering")],
                esc(prose.signed(m["share"]["directed"]))
                + (f" <span class=note>± {esc(prose.signed(m['share_sd']))}</span>" if m["share_sd"] else ""),
            ]
        )
    out += grid(
        ["model", "the change is", "Nₑ/N by changes", "by texts", "words", "sampling", "clustering", "directed"],
        rows,
        caption="Nₑ/N: effective words per word in generation 1, with the 95 % interval, from the changes and from the "
        "scatter between texts. The last three columns divide the loss of words; ± is one standard deviation.",
        numeric=range(2, 8),
    )
    return out + figure(
        drawing,
        "Words that are left, beside what drift alone would leave.",
        "A run inside the bands loses its words to chance. One above them loses fewer: it brings rare words back.",
        "Coloured: one chain (Monte Carlo). Dashed: words drawn one by one, exact where the legend says so; dotted: "
        "words in bursts, as in the texts of generation 1 (an approximation). Bands: two standard deviations of one "
        "chain (Monte Carlo).",
    )


def _cures(summary: dict, part) -> str:
    about = summary["cures"]
    T = about["generations"]
    out = paragraphs(*prose.cures(summary))
    out += figure(
        part.figures["cures"],
        f"Cures of {about['column']}, beside replace.",
        "Above: the variance that is left. Below: the squared error of the mean, in variances of the data. Left are "
        "regimes that bring in real data or keep them, right are choices among the samples; the left scale does not "
        "begin at zero.",
        f"Coloured lines are means over chains (Monte Carlo). {prose.cures_known(summary)}",
    )
    rows = [
        [
            f"<b>{esc(row['name'])}</b>",
            *_price(row),
            _beside(row["variance_share"], percent),
            percent(row["variance_share"]["median"]),
            _beside(row["squared_error_share"], lambda x: number(x, 2)),
            esc(row["variance_share"]["theory_kind"]),
            _status(row),
        ]
        for row in about["cures"]
    ]
    price = ["real rows in a fit", "samples not used", "points of a fit"]
    out += grid(
        ["cure", *price, "variance left", "median chain", "error of the mean", "theory is", "verdict"],
        rows,
        numeric=range(1, 7),
        caption=f"What it costs and what it buys, at generation {T}; in brackets what theory says. Means over "
        f"{min(row['chains'] for row in about['cures'])} to {max(row['chains'] for row in about['cures']):,} chains.",
    )
    out += paragraphs(*prose.class_cures(summary))
    classes = about["classes"]
    if classes is None:
        return out
    out += figure(
        part.figures["cures-classes"],
        f"Cures of the classes ({classes['label']}), beside replace.",
        "Probability that two points of the model are of different classes. Left: regimes; the scale does not begin at "
        f"zero. Right: readers who prefer {classes['favourite']}.",
        "Coloured lines are means over chains (Monte Carlo), dashed lines are exact for these rows and this sample "
        "size.",
    )
    rows = [
        [
            f"<b>{esc(row['name'])}</b>",
            *_price(row),
            _beside(row["heterozygosity"], percent),
            percent(row["favourite"]["mean"]),
            percent(row["all_there"]),
            number(row["support"]["mean"]),
            _status(row),
        ]
        for row in classes["cures"]
    ]
    return out + grid(
        ["cure", *price, "two points differ", esc(classes["favourite"]), "all classes there", "classes", "verdict"],
        rows,
        numeric=range(1, 8),
        caption=f"The classes at generation {T}: means over chains, and in brackets what theory says (exact); of the "
        f"data, two points differ with probability {prose.percent(classes['heterozygosity'])}.",
    )


def _price(row: dict) -> list[str]:
    """Real rows of a fit and where they are from, samples that are made and not used, points of the last fit."""
    return [
        f"{row['real']:,} {row['which']}".strip(),
        number(round(row["not_used"])) if row["not_used"] else "0",
        number(round(row["fitted"])),
    ]


def _beside(record: dict, write) -> str:
    """What was seen, and in brackets what theory says."""
    return f"{write(record['mean'])} <span class=note>({write(record['theory'])})</span>"


def _status(row: dict) -> str:
    """Return the verdict, or why there is none here."""
    if row["status"]:
        return f'<span class="status {row["status"]}">{row["status"]}</span>'
    return "drawn only" if row["name"] == "preference" else "judged above"


def _verdicts(summary: dict) -> str:
    out = paragraphs(*prose.verdicts(summary))
    rows = [
        [
            f'<span class="status {v["status"]}">{v["status"]}</span>',
            esc(v["model"]),
            esc(v["regime_name"]),
            esc(v["quantity"].replace("_", " ")),
            esc(v["kind"]),
            esc(re.sub(r"\s*\([^)]*\)", "", v["source"])),
            number(v["z"]),
            number(v["smallest_effect"], 2),
        ]
        for v in summary["verdicts"]
    ]
    out += grid(
        ["verdict", "model", "regime", "quantity", "kind", "claim", "largest z", "could see"], rows, numeric=(6, 7)
    )
    items = "".join(
        f"<li><b>{esc(v['model'])}, {esc(v['regime_name'])}, {esc(v['quantity'])}.</b> {esc(v['sentence'])}</li>"
        for v in summary["verdicts"]
    )
    return out + f"<details><summary>Every verdict in one sentence</summary><ul>{items}</ul></details>"


def _made(summary: dict) -> str:
    data, made = summary["data"], summary["made"]
    rows = [
        [
            "data",
            f"{esc(data['source'])}: {data['rows']} rows, columns {esc(', '.join(data['columns']))}"
            + (f"; classes from {esc(data['label'])}" if data["label"] else "; no classes"),
        ],
        [
            "text",
            f"{esc(summary['text']['corpus'])}: {summary['text']['words']:,} words, "
            f"{summary['text']['vocabulary']:,} different ones",
        ],
        ["seed", f"<code>{esc(made['seed'])}</code>"],
        ["versions", esc(", ".join(f"{k} {v}" for k, v in made["versions"].items()))],
        ["chains", esc(made["chains"])],
        ["made", f"{esc(made['date'])} in {made['seconds']:.0f} seconds"],
    ]
    rows += [["note", esc(note)] for note in made["notes"]]
    files = "".join(f"<li><code>{esc(name)}</code> {esc(what)}</li>" for name, what in made["files"])
    return (
        grid(["", ""], rows) + f"<p>To make it again:</p><pre>{esc(made['command'])}</pre>"
        f"<p>Beside this page lie:</p><ul>{files}</ul>" + paragraphs(*prose.conventions(summary))
    )
