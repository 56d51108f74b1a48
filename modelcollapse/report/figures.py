"""The figures of the report, each returned as SVG text that can stand inside a page.

Figures are drawn with matplotlib's objects alone, so no window system, backend or global state is touched. Text stays
text (it can be found and read aloud), and the colours of text and axes are variables of the page's style sheet, so
that a figure is legible on light and on dark ground.
"""

from __future__ import annotations

import io
import re

import numpy as np

from modelcollapse import plot

#: colours that the page's style sheet owns, by the literal that stands for them in the drawing
INK, FAINT, PAPER = "#222222", "#d9d9d7", "#fefefe"
VARIABLES = {INK: "var(--ink)", FAINT: "var(--rule)", PAPER: "var(--paper)"}
WIDTH = 9.0

STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 9.5,
    "font.sans-serif": ["DejaVu Sans"],
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "legend.fontsize": 8.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.labelspacing": 0.35,
}


def draw(part) -> None:
    """Draw the figures of a part and put them into it, by their names."""
    import matplotlib as mpl

    with mpl.rc_context({**STYLE, "svg.hashsalt": "modelcollapse"}):
        sheets = {"gaussian": gaussian, "mixture": mixture, "categories": categories, "text": text, "cures": cures}
        for name, figure in sheets[part.name](part).items():
            part.figures[name] = svg(figure, name)


def sheet(rows: int = 1, columns: int = 1, height: float = 3.3, **options):
    """Return a figure without a window, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height * rows), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def svg(figure, name: str) -> str:
    """Write a figure as SVG that can stand inside a page."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if axis.get_scale() == "log":  # powers of ten as plain numbers: text stays text
                low, high = sorted(axis.get_view_interval())
                far = low < 1e-3 or high >= 1e5
                axis.set_major_formatter(FuncFormatter(lambda value, _, far=far: power(value, far)))
                axis.set_minor_formatter(NullFormatter())
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r"<style type=\"text/css\">.*?</style>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", drawing, count=1)
    drawing = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", drawing, count=1)
    # one page holds many drawings: identities must differ between them
    drawing = re.sub(r'\bid="', f'id="{name}-', drawing)
    drawing = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", drawing)
    drawing = (
        drawing.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, 'Segoe UI', Helvetica, Arial")
        .replace('xmlns:xlink="http://www.w3.org/1999/xlink"', "")
        .replace("xlink:href", "href")
    )
    drawing = drawing.replace(' xmlns="http://www.w3.org/2000/svg"', "")
    for literal, variable in VARIABLES.items():
        drawing = drawing.replace(literal, variable)
    return drawing.replace("<svg", f'<svg role="img" aria-label="{name}"', 1)


def power(value: float, far: bool) -> str:
    """Write a number of a logarithmic axis: as a power of ten if the axis reaches far."""
    if not far:
        return f"{value:,g}"
    exponent = str(round(float(np.log10(value)))) if value > 0 else ""
    return "10" + exponent.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def title(ax, words: str):
    """Set a title; return the axes."""
    ax.set_title(words)
    return ax


def below(figure, ax, columns: int = 4) -> None:
    """Put one legend for all panels under them."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def under(ax, columns: int = 2) -> None:
    """Put the legend of one panel under it, where it covers nothing."""
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=columns, fontsize=7.8)


# ------------------------------------------------------------------------------------------------ Gaussian


def gaussian(part) -> dict:
    """One Gaussian, and one of all columns."""
    from modelcollapse import metrics

    work = part.work
    runs, known, column = work["runs"], work["known"], work["column"]
    out = {}

    figure, axes = sheet(1, 2, 4.0, width_ratios=(1.5, 1))
    ax = axes[0, 0]
    run, theory = runs["replace"], known["replace"]["log_variance"]
    if theory is None:
        plot.trajectory(run, "log_variance", chains=5, ax=ax)
    else:
        plot.overlay(run, theory, chains=5, ax=ax)
    title(ax, f"Log variance of {column}, replace")
    ax.legend(loc="lower left")
    ax = axes[0, 1]
    T = int(run["generation"].values[-1])
    _density_fan(ax, run, column, T)
    out["one-model"] = figure

    figure, axes = sheet(1, 2, 3.9)
    start = float(np.exp(run["log_variance"].values[0, 0]))
    ax = title(axes[0, 0], "Variance left: the mean over chains")
    plot.compare(
        runs,
        lambda r: (r["variance"] / start).assign_attrs(long_name="share of the original variance"),
        statistic="mean",
        known={k: _scaled(v["variance"], start) for k, v in known.items()},
        ax=ax,
    )
    ax.set_ylim(0, 1.05)
    ax = title(axes[0, 1], "Variance left: the median chain")
    plot.compare(
        runs,
        lambda r: (r["variance"] / start).assign_attrs(long_name="share of the original variance"),
        quantiles=(0.25, 0.75),
        ax=ax,
    )
    ax.set_ylim(0, 1.05)
    below(figure, axes[0, 0], 5)
    out["variance-left"] = figure

    figure, axes = sheet(1, 3, 3.9)
    ax = title(axes[0, 0], "The tails")
    plot.compare(runs, lambda r: metrics.tail_mass(r, beyond=2.0), ax=ax)
    ax.set_ylabel("mass beyond 2 sd of the data, median")
    ax.set_ylim(bottom=0)
    ax = title(axes[0, 1], "KL(model ‖ truth)")
    plot.compare(runs, metrics.kl, statistic="mean", known={k: v["kl_forward"] for k, v in known.items()}, ax=ax)
    ax.set_ylabel("nats, mean")
    ax.set_ylim(bottom=0)
    ax = title(axes[0, 2], "Squared W2 distance")
    plot.compare(
        runs, metrics.w2_squared, statistic="mean", known={k: v["w2_squared"] for k, v in known.items()}, ax=ax
    )
    ax.set_ylabel("squared units, mean")
    ax.set_ylim(bottom=0)
    below(figure, axes[0, 2], 5)
    out["tails-divergence"] = figure

    pair = list(runs)[:2]
    judged = work["nd"]["runs"] if part.facts["nll_of_all"] else runs
    at = sorted({1, T // 4, T // 2, T})
    out["likelihood"] = _histograms(
        [metrics.nll(judged[name], generations=at, samples=40000, rng=work["nll_rng"]) for name in pair], pair, at
    )

    if "nd" in work:
        out["columns"] = _columns(work["nd"])
    return out


def _scaled(known, start):
    return None if known is None else (known / start).assign_attrs(known.attrs)


def _histograms(values, names, at, unit: str = "nats"):
    """A histogram for each run: the mass on a linear scale, and the tail on a logarithmic one."""
    finite = np.concatenate([v.values[np.isfinite(v.values)].ravel() for v in values])
    low, near, far = np.quantile(finite, [0.0005, 0.985, 0.9995])
    figure, axes = sheet(2, 2, 2.9, sharex="col", sharey="col")
    for row, value, name in zip(axes, values, names, strict=True):
        for ax, high, log in ((row[0], near, False), (row[1], far, True)):
            plot.nll_histogram(value, generations=at, bins=np.linspace(low, high, 49), log=log, ax=ax)
            title(ax, f"{name}: {'the tail (logarithmic)' if log else 'the mass (linear)'}")
            ax.set_xlabel(f"surprise of the first model ({unit})")
            ax.set_ylabel("share of the points, per bin")
        for ax in row:
            ax.tick_params(labelbottom=True)
    for ax in axes[0]:
        ax.set_xlabel("")
    below(figure, axes[0, 0], 4)
    return figure


def _density_fan(ax, run, column: str, T: int) -> None:
    """The densities of one chain through the generations."""
    at = sorted({0, 1, T // 4, T // 2, 3 * T // 4, T})
    mean, sd = run["mean"].values[0], np.exp(run["log_variance"].values[0] / 2)
    x = np.linspace(mean[0] - 3.6 * sd[0], mean[0] + 3.6 * sd[0], 400)
    for g, color in zip(at, plot.generation_colors(at), strict=True):
        y = np.exp(-((x - mean[g]) ** 2) / (2 * sd[g] ** 2)) / (sd[g] * np.sqrt(2 * np.pi))
        ax.plot(x, y, color=color, linewidth=1.8, label=f"generation {g}")
    if "rows" in run:
        ax.hist(run["rows"].values, bins=24, density=True, color="#9a9a9a", alpha=0.35, label="data", zorder=0)
    title(ax, "Its density, in one chain")
    ax.set_xlabel(column)
    ax.set_ylabel("density (per unit)")
    ax.legend(fontsize=8)


def _columns(nd) -> object:
    from modelcollapse import metrics

    runs, known, columns = nd["runs"], nd["known"], nd["columns"]
    figure, axes = sheet(1, 3, 3.9)
    run = runs["replace"]
    ax = title(axes[0, 0], "Volume: log determinant")
    theory = known["replace"]["log_det"]
    if theory is None:
        plot.trajectory(run, "log_det", chains=3, ax=ax)
    else:
        plot.overlay(run, theory, chains=3, ax=ax)
    ax.set_ylabel("log determinant (nats), replace")
    under(ax, 1)
    ax = title(axes[0, 1], "Column by column, replace")
    for j, column in enumerate(columns):
        share = np.exp(run["log_variance"].values[:, :, j] - run["log_variance"].values[:, :1, j])
        ax.plot(
            run["generation"].values,
            np.median(share, axis=0),
            color=plot.PALETTE[j % len(plot.PALETTE)],
            linewidth=2,
            linestyle=("-", "-.", ":")[j // len(plot.PALETTE) % 3],
            label=column,
        )
    ax.set_ylim(0, 1.05)
    ax.set_xlim(0, run["generation"].values[-1])
    ax.set_xlabel("generation")
    ax.set_ylabel("share of the variance left, median")
    under(ax)
    ax = title(axes[0, 2], "Directions: effective rank")
    plot.compare(runs, metrics.effective_rank, ax=ax)
    ax.set_ylabel("directions in use, median")
    ax.set_ylim(bottom=1)
    under(ax)
    return figure


# ------------------------------------------------------------------------------------------------- mixture


def mixture(part) -> dict:
    """A mixture: its components, and what vanishes."""
    from matplotlib.ticker import MaxNLocator

    from modelcollapse import metrics

    work, facts = part.work, part.facts
    runs, rows, columns = work["runs"], work["rows"], work["columns"]
    out = {}
    T = facts["generations"]
    at = [0, max(1, T // 4), T // 2, T]
    pair = list(runs)[:2]
    if rows.shape[1] > 1:
        dims = _plane(runs["replace"])
        figure, axes = sheet(2, 4, 2.75, sharex=True, sharey=True)
        for i, name in enumerate(pair):
            for j, g in enumerate(at):
                ax = axes[i, j]
                plot.components(runs[name], generations=g, dims=dims, points=rows, ax=ax)
                title(ax, f"{name}: generation {g}" if j == 0 else f"generation {g}")
                ax.xaxis.set_major_locator(MaxNLocator(3))  # panels are narrow, and numbers may be long
                ax.set_xlabel(columns[dims[0]])
                ax.set_ylabel(columns[dims[1]])
                ax.label_outer()
        low, high = rows[:, dims].min(0), rows[:, dims].max(0)
        margin = 0.12 * (high - low)
        axes[0, 0].set_xlim(low[0] - margin[0], high[0] + margin[0])
        axes[0, 0].set_ylim(low[1] - margin[1], high[1] + margin[1])
    else:
        figure, axes = sheet(1, 2, 3.4, sharex=True, sharey=True)
        for ax, name in zip(axes[0], pair, strict=True):
            _mixture_line(ax, runs[name], rows[:, 0], at, columns[0])
            title(ax, name)
        below(figure, axes[0, 0], 5)
    out["components"] = figure

    figure, axes = sheet(1, 3, 3.7)
    plot.composition(runs["replace"], ax=title(axes[0, 0], "Weights, replace, one chain"))
    axes[0, 0].set_ylabel("weight (probability)")
    under(axes[0, 0])
    ax = title(axes[0, 1], "The smallest weight")
    plot.compare(
        runs,
        lambda r: r["weight"].min("component").rename("smallest weight (probability)"),
        quantiles=(0.05, 0.95),
        ax=ax,
    )
    ax.set_ylim(bottom=0)
    under(ax)
    ax = title(axes[0, 2], "L2 distance")
    plot.compare(runs, lambda r: metrics.l2_squared(r).sel(generation=slice(2, None)), quantiles=(0.05, 0.95), ax=ax)
    ax.set_ylabel("squared L2 distance, median")
    ax.set_yscale("log")
    under(ax)
    out["weights"] = figure

    steps = sorted({1, T // 4, T // 2, T})
    out["mixture-likelihood"] = _histograms(
        [metrics.nll(runs[name], generations=steps, samples=40000, rng=work["nll_rng"]) for name in pair], pair, steps
    )
    return out


def _plane(run) -> list[int]:
    """The two columns along which the components of the truth lie furthest apart, for their spread."""
    first = run.isel(replicate=0, generation=0)
    w, m, c = (first[name].values for name in ("weight", "mean", "cov"))
    centre = w @ m
    between = w @ (m - centre) ** 2
    within = np.einsum("k,kdd->d", w, c)
    return sorted(np.argsort(-between / within)[:2].tolist())


def _mixture_line(ax, run, x, at, column: str) -> None:
    grid = np.linspace(x.min(), x.max(), 400)
    ax.hist(x, bins=30, density=True, color="#9a9a9a", alpha=0.35)
    for g, color in zip(at, plot.generation_colors(at), strict=True):
        cell = run.sel(generation=g).isel(replicate=0)
        w, m, c = cell["weight"].values, cell["mean"].values[:, 0], cell["cov"].values[:, 0, 0]
        y = (w * np.exp(-((grid[:, None] - m) ** 2) / (2 * c)) / np.sqrt(2 * np.pi * c)).sum(1)
        ax.plot(grid, y, color=color, linewidth=1.8, label=f"generation {g}")
    ax.set_xlabel(column)
    ax.set_ylabel("density (per unit)")


# ---------------------------------------------------------------------------------------------- categories


def categories(part) -> dict:
    """Classes and bins: which vanish, and the law of it."""
    from modelcollapse import metrics

    out = {}
    for key, work in part.work.items():
        runs, known = work["runs"], work["known"]
        run = runs["replace"]
        names = run["category"].values
        first = run["probability"].values[0, 0]
        # few enough to read: the rarest, and the most frequent for comparison
        order = np.argsort(first, kind="stable")
        shown = list(order) if len(order) <= 6 else [*order[:5], order[-1]]
        figure, axes = sheet(1, 3, 3.9)
        if key == "classes":
            plot.composition(run, ax=title(axes[0, 0], "One chain, replace"))
            axes[0, 0].set_ylabel("share of each class (probability)")
            if len(names) <= 8:
                under(axes[0, 0])
        else:
            _histogram(axes[0, 0], run, known["replace"]["survival"], names)
        ax = title(axes[0, 1], "Still there, replace")
        plot.survival(run, known=known["replace"]["survival"], parts=[names[i] for i in shown], ax=ax)
        ax.set_ylabel("share of the chains")
        under(ax)
        ax = title(axes[0, 2], "Variety: heterozygosity")
        plot.compare(
            runs,
            metrics.heterozygosity,
            statistic="mean",
            known={k: v["heterozygosity"] for k, v in known.items()},
            ax=ax,
        )
        ax.set_ylabel("P(two points differ), mean")
        ax.set_ylim(bottom=0)
        under(ax)
        out[key] = figure
    return out


def _histogram(ax, run, exact, names) -> None:
    """The histogram of the data, and for every bin how surely it is gone at the end."""
    p = run["probability"].values
    place = np.arange(p.shape[-1])
    lost = 1 - (p[:, -1] > 0).mean(0)
    ax.bar(place, p[0, 0], width=0.92, color="#9a9a9a", alpha=0.55, label="share of the data")
    ax.plot(
        place,
        lost,
        color=plot.PALETTE[1],
        marker="o",
        markersize=4,
        linewidth=1.4,
        label="P(gone at the end), simulated",
    )
    if exact is not None:
        gone = 1 - exact["mean"].transpose("generation", "category").values[-1]
        ax.plot(
            place, gone, color=INK, linestyle=(0, (4, 2)), linewidth=1.1, label="theory, " + exact.attrs.get("kind", "")
        )
    ax.set_xticks(place[:: max(1, len(place) // 4)])
    ax.set_xticklabels([str(n).split(" to ")[0] for n in names][:: max(1, len(place) // 4)])
    ax.set_xlabel("lower edge of the bin (units)")
    ax.set_ylabel("probability")
    ax.set_ylim(0, 1.02)
    title(ax, "What is lost, replace")
    under(ax, 1)


# ---------------------------------------------------------------------------------------------------- text


def text(part) -> dict:
    """Text: words that vanish, variety, surprise."""
    from modelcollapse.report import drift

    work, facts = part.work, part.facts
    runs, checks = work["runs"], work["checks"]
    out = {}
    figure, axes = sheet(1, 2, 3.8)
    for ax, quantity, words in (
        (axes[0, 0], "support", "Words of the language still in use"),
        (axes[0, 1], "heterozygosity", "Variety: P(two words differ)"),
    ):
        known = {
            name: check.sel(quantity=quantity)[["predicted"]]
            .rename(predicted="mean")
            .assign_attrs(kind=str(check.sel(quantity=quantity)["kind"].values))
            for name, check in checks.items()
        }
        plot.compare(
            runs,
            lambda r, q=quantity: r[q].astype(float),
            statistic="mean",
            quantiles=(0.05, 0.95),
            known=known,
            ax=title(ax, words),
        )
        ax.set_ylabel(f"{'distinct words' if quantity == 'support' else 'probability'}, mean")
    axes[0, 0].set_ylim(bottom=0)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, [re.sub(r"theory \(\w+\)", "theory", w) for w in labels], loc="outside lower center", ncols=5
    )
    out["words"] = figure

    figure, axes = sheet(1, 1, 3.9)
    ax = axes[0, 0]
    t = runs["replace"]["generation"].values
    for j, row in enumerate(facts["lost"]["classes"]):
        color = plot.PALETTE[j % len(plot.PALETTE)]
        ax.plot(
            t,
            row["curve"],
            color=color,
            linewidth=2,
            label=f"{row['count']} time{'s' if row['count'] > 1 else ''} ({row['words']} words)",
        )
        ax.plot(
            t,
            row["theory_curve"],
            color=INK,
            linewidth=1.1,
            linestyle=(0, (4, 2)),
            zorder=4,
            label=f"theory ({facts['lost']['kind']})" if j == len(facts["lost"]["classes"]) - 1 else None,
        )
    ax.set_xlim(0, t[-1])
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("generation")
    ax.set_ylabel("share of the words still in use, replace")
    ax.legend(title="words that the corpus has", loc="center left", bbox_to_anchor=(1.01, 0.5))
    out["word-survival"] = figure

    pair = list(work["smooth"])
    T = facts["bigram_generations"]
    at = sorted({1, T // 4, T // 2, T})
    out["text-likelihood"] = _histograms(
        [run["block_nll"] for run in work["smooth"].values()], pair, at, "nats per word"
    )

    figure, axes = sheet(1, 3, 3.7)
    for ax, words, label, log, which in (
        (axes[0, 0], "Real text, 1 % floor", "perplexity, mean", True, lambda r: r["perplexity_floored"]),
        (axes[0, 1], "Repetition", "distinct trigrams per trigram, mean", False, lambda r: r["distinct"].sel(ngram=3)),
        (axes[0, 2], "Words in use", "distinct words, mean", False, lambda r: r["support"].astype(float)),
    ):
        plot.compare(work["ngram"], which, statistic="mean", ax=title(ax, words))
        ax.set_ylabel(label)
        if log:
            ax.set_yscale("log")
        else:
            ax.set_ylim(bottom=0)
    below(figure, axes[0, 0], 4)
    out["trigram"] = figure
    if work["drift"]:
        out["drift"] = drift.sheet(work["drift"])
    return out


# --------------------------------------------------------------------------------------------------- cures


#: how theory is drawn, by its kind: a limit is told apart from what holds for every size
DASHES = {"exact": (0, (4, 2)), "asymptotic": (0, (1, 1.6))}
KINDS = {"real": "More real data", "choice": "Choose among the samples"}


def _foretold(ax, curves) -> None:
    """Draw what theory says, by its kind, each kind with one entry in the legend."""
    seen = set()
    for curve in curves:
        kind = curve.attrs["kind"]
        ax.plot(
            curve["generation"].values,
            curve["mean"].values,
            color=INK,
            linewidth=1.2,
            linestyle=DASHES[kind],
            zorder=4,
            label=None if kind in seen else f"theory ({kind})",
        )
        seen.add(kind)


def cures(part) -> dict:
    """Cures: what they keep and what they cost, and the classes."""
    work, out = part.work["column"], {}
    runs, known, mean, start = (work[name] for name in ("runs", "known", "mean", "start"))
    later = slice(2, None)  # generation 1 is the data: nothing is wrong yet, and zero has no place on a log scale
    figure, axes = sheet(2, 2, 3.6)
    for j, (kind, names) in enumerate(work["groups"].items()):
        shown = {name: runs[name] for name in names}
        ax = title(axes[0, j], KINDS[kind])
        plot.compare(shown, lambda r: r["variance"] / start, statistic="mean", ax=ax)
        _foretold(ax, [_scaled(known[name]["variance"], start) for name in names])
        ax.set_ylabel("share of the original variance, mean")
        if kind == "choice":
            ax.set_ylim(0, 1.1)
        ax.set_xlabel("")
        ax = axes[1, j]
        plot.compare(shown, lambda r: ((r["mean"] - mean) ** 2 / start).sel(generation=later), statistic="mean", ax=ax)
        _foretold(ax, [_scaled(known[name]["mean_squared_error"], start).sel(generation=later) for name in names])
        ax.set_yscale("log")
        ax.set_ylabel("squared error of the mean, in variances")
        under(ax, 2)
    out["cures"] = figure
    if "classes" in part.work:
        from modelcollapse import metrics

        work = part.work["classes"]
        figure, axes = sheet(1, 2, 3.9)
        for ax, (kind, names) in zip(axes[0], work["groups"].items(), strict=True):
            plot.compare(
                {name: work["runs"][name] for name in names},
                metrics.heterozygosity,
                statistic="mean",
                ax=title(ax, KINDS[kind]),
            )
            _foretold(ax, [work["known"][name] for name in names])
            ax.set_ylabel("P(two points differ), mean")
            if kind == "choice":
                ax.set_ylim(bottom=0)
            under(ax, 2)
        out["cures-classes"] = figure
    return out
