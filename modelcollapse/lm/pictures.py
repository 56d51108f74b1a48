"""Pictures of a language-model run: data first, ``ax=None`` last, and the axes come back (see `modelcollapse.plot`).

Three say which part of a collapse is explained by sampling: what became of the whole (`explained`), which words are
left (`class_survival`), and which way the others were driven (`driven`). The fourth is the published picture
(`perplexities`). What was seen is solid and coloured; theory is dashed and dark.
"""

from __future__ import annotations

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse import plot
from modelcollapse.lm.crosscheck import ASSUMPTIONS, QUANTITIES, class_names

#: dashes of the predictions, and what they are called
DASHES = {"independent": (0, (4, 2)), "clustered": (0, (1, 1.2)), "temporal": (0, (6, 2, 1, 2))}
LABELS = {
    "independent": "independent words",
    "clustered": "words clustered in texts",
    "temporal": "as few words as the first changes ask for",
}
WORDS = {
    "heterozygosity": "heterozygosity (probability that two words differ)",
    "entropy": "entropy of the words (nats)",
    "support": "words of the first text that are left (number)",
}


def _checked(data, *needed: str):
    import xarray as xr

    if not isinstance(data, xr.Dataset):
        raise TypeError(f"data must be an xarray.Dataset, got {type(data).__name__}.")
    missing = [name for name in needed if name not in data]
    if missing:
        maker = "measure" if "histogram" in needed else "crosscheck"
        raise ValueError(
            f"data must hold {' and '.join(missing)} (it is what {maker} returns), got {', '.join(map(str, data))}."
        )
    return data


def _axes(ax):
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots()[1]


def _generation(data, generation: int | None) -> int:
    there = data["generation"].values.tolist()
    if generation is None:
        return int(there[-1])
    if generation not in there:
        raise ValueError(f"generation must be one of {there[0]} to {there[-1]}, got {generation}.")
    return int(generation)


def explained(data, quantity: str = "entropy", *, assumptions=ASSUMPTIONS, sds: float = 2.0, ax=None):
    """Draw what became of a quantity beside what drift alone would have made of it.

    Parameters
    ----------
    data : xarray.Dataset
        What `modelcollapse.lm.crosscheck` returns.
    quantity : {"entropy", "support", "heterozygosity"}
    assumptions : sequence of str, optional
        Which predictions: "independent", "clustered", "temporal".
    sds : float, optional
        Half width of the bands, in standard deviations of one chain.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    data = _checked(data, "seen", "predicted", "predicted_sd")
    check.choice("quantity", quantity, QUANTITIES)
    for name in assumptions:
        check.choice("assumptions", name, ASSUMPTIONS)
    sds = check.number("sds", sds, least=0.0)
    ax = _axes(ax)
    t = data["generation"].values
    for name in assumptions:
        part = data.sel(quantity=quantity, assumption=name)
        mean, sd = part["predicted"].values, part["predicted_sd"].values
        kind = str(part["kind"].values)
        ax.plot(t, mean, color=plot.INK, linewidth=1.3, linestyle=DASHES[name], label=f"{LABELS[name]} ({kind})")
        ax.fill_between(t, mean - sds * sd, mean + sds * sd, color=plot.INK, alpha=0.09, linewidth=0)
    seen = data["seen"].sel(quantity=quantity).values
    ax.plot(t, seen, color=plot.PALETTE[0], linewidth=2, marker="o", markersize=4, label="this run", zorder=5)
    ax.set_xlabel("generation")
    ax.set_ylabel(WORDS[quantity])
    ax.set_xlim(t[0], t[-1])
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_title(f"bands: ± {sds:g} sd of one chain", fontsize="small")
    return ax


def class_survival(data, generation: int | None = None, *, sds: float = 2.0, ax=None):
    """Draw which share of the words of each class is left, beside what drift alone would have left.

    Parameters
    ----------
    data : xarray.Dataset
        What `modelcollapse.lm.crosscheck` returns.
    generation : int, optional
        Default the last.
    sds : float, optional
        Half length of the bars on the predictions, in standard deviations of one chain.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    data = _checked(data, "class_survival", "expected_survival", "survival_sd")
    sds = check.number("sds", sds, least=0.0)
    generation = _generation(data, generation)
    ax = _axes(ax)
    there = data["founding_words"].values > 0
    place, names = np.arange(there.sum()), np.array(class_names(data))[there]
    at = data.sel(generation=generation).isel({"class": np.flatnonzero(there)})
    for name, marker, shift in (("independent", "_", -0.12), ("clustered", "d", 0.12)):
        part = at.sel(assumption=name)
        ax.errorbar(
            place + shift,
            part["expected_survival"].values,
            sds * part["survival_sd"].values,
            color=plot.INK,
            marker=marker,
            markersize=5,
            linewidth=0,
            elinewidth=1,
            label=f"{LABELS[name]}, ± {sds:g} sd",
        )
    ax.plot(place, at["class_survival"].values, "o", color=plot.PALETTE[0], label="this run", zorder=5)
    ax.set_xticks(place, names, rotation=45, ha="right")
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel("occurrences in the first text")
    ax.set_ylabel(f"words left in generation {generation} (share)")
    return ax


def driven(data, generation: int | None = None, *, ax=None):
    """Draw which way each class of words is driven: its selection coefficient with a confidence interval.

    Parameters
    ----------
    data : xarray.Dataset
        What `modelcollapse.lm.crosscheck` or `neutrality` returns.
    generation : int, optional
        One generation; default all together.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    data = _checked(data, "selection", "selection_error", "pooled_selection", "pooled_selection_error")
    ax = _axes(ax)
    if generation is None:
        s, error, p = (data[f"pooled_{name}"].values for name in ("selection", "selection_error", "selection_p"))
        words = "in one generation (all together)"
    else:
        at = data.sel(generation=_generation(data, generation))
        s, error, p = (at[name].values for name in ("selection", "selection_error", "selection_p"))
        words = f"in generation {generation}"
    confidence = data.attrs["confidence"]
    there = ~np.isnan(p)
    place = np.arange(there.sum())
    reach = -scipy.special.ndtri((1 - confidence) / 2)
    ax.axhline(0, color=plot.INK, linewidth=1.2, linestyle=(0, (4, 2)), label="drift")
    ax.errorbar(
        place,
        100 * s[there],
        100 * reach * error[there],
        color=plot.PALETTE[0],
        marker="o",
        markersize=5,
        linewidth=0,
        elinewidth=1.6,
        capsize=3,
        label=f"this run, {100 * confidence:g} % interval",
    )
    ax.set_xticks(place, np.array(class_names(data))[there], rotation=45, ha="right")
    ax.set_xlabel("occurrences in the text that the model was fitted to")
    ax.set_ylabel(f"change of the share {words} (%)")
    return ax


def perplexities(data, generations=None, *, log: bool = True, ax=None):
    """Draw the published picture: how unlikely the texts of each generation are to the first model.

    Texts that the first model calls impossible are named in the legend and not drawn. Dotted lines are the median and
    the quantile of the real texts beyond which the tail is counted.

    Parameters
    ----------
    data : xarray.Dataset
        What `modelcollapse.lm.measure` or `experiment` returns.
    generations : sequence of int, optional
        Default the real text and up to three of the others, the first and the last among them.
    log : bool, optional
        Logarithmic vertical axis, without which the tail is not seen.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    data = _checked(data, "histogram", "block_nll")
    known = data["generation"].values[~np.isnan(data["histogram"].values).all(axis=1)].tolist()
    if generations is None:
        last = data["generation"].values[-1]
        generations = [g for g in sorted({0, 1, int(last) // 2, int(last)}) if g in known]
    generations = [_generation(data, int(g)) for g in generations]
    generations = [g for g in generations if g in known]
    if not generations:
        raise ValueError("data must hold texts that the first model has scored (block_nll), got none.")
    ax = _axes(ax)
    edges = np.append(data["left"].values, data["right"].values[-1])
    for g, color in zip(generations, plot.generation_colors(generations), strict=True):
        label = "real text" if g == 0 else f"generation {g}"
        beyond = float(data["impossible"].sel(generation=g))
        label += f" (and {100 * beyond:.0f} % impossible)" if beyond > 0 else ""
        ax.stairs(data["histogram"].sel(generation=g).values, edges, color=color, linewidth=1.7, label=label)
    real = data["block_nll"].sel(generation=0).values
    real = real[~np.isnan(real)]
    if real.size:
        ends = np.exp(np.quantile(real, [0.5, data.attrs["beyond"]], method="inverted_cdf"))
        for x in ends[np.isfinite(ends)]:
            ax.axvline(x, color=plot.INK, linewidth=0.9, linestyle=":")
    ax.set_xscale("log")
    if log:
        ax.set_yscale("log")
    ax.set_xlabel("perplexity of a text to the first model")
    ax.set_ylabel("share of the texts, per bin")
    return ax
