"""Pictures: data first, ``ax=None`` last, and the axes come back.

Every function draws on one axes and on nothing else: it never makes a second one, never sets the size of a figure and
never shows anything, so pictures can be put side by side, restyled and saved by whoever asked for them. What is exact
and what is sampled is told apart the same way everywhere:

* a **solid, coloured** line or a coloured area comes from the run: a median or a mean over replicates, a chain, a
  share of the chains. An area is labelled as the Monte Carlo quantiles that it spans;
* a **dashed, dark** line comes from theory, and the grey area around it is its mean plus or minus one standard
  deviation *of one chain*, not of an average.

Generations have an order, so they take the colours of a sequential map; regimes, categories and components have none,
so they take those of Okabe and Ito, which people who do not see all colours can tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modelcollapse import _validate as check

__all__ = ["band", "compare", "components", "composition", "nll_histogram", "overlay", "survival", "trajectory"]

#: Okabe and Ito, Color Universal Design (2008), without black (theory) and yellow (pale on white)
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#7F7F7F")
#: what theory is drawn in
INK = "#222222"
#: sequential map over generations, without its darkest and palest end (pages are dark or light)
MAP, MAP_FROM, MAP_TO = "viridis", 0.16, 0.88

#: words and units of the variables of a run, and of what theory predicts
WORDS = {
    "log_variance": "log variance (log of squared units)",
    "variance": "variance (squared units)",
    "sd": "standard deviation (units)",
    "mean": "mean (units)",
    "log_det": "log determinant of the covariance (nats)",
    "mean_squared_error": "squared error of the mean (squared units)",
    "w2_squared": "squared Wasserstein-2 distance from the truth (squared units)",
    "kl": "Kullback-Leibler divergence from the truth (nats)",
    "heterozygosity": "heterozygosity (probability that two points differ)",
    "support": "categories still there (number)",
    "survival": "still there (probability)",
    "probability": "probability",
    "weight": "weight (probability)",
    "rate": "rate (number)",
    "log_rate": "log rate (log of inverse units)",
    "nll_under_original": "mean surprise of the original model (nats per word)",
    "entropy": "entropy (nats)",
    "perplexity_floored": "perplexity of real text, 1 % floor",
    "unseen": "n-grams of real text called impossible (share)",
}


# ------------------------------------------------------------------------------------------------ one run


def trajectory(
    data,
    variable: str | None = None,
    *,
    chains: int = 4,
    quantiles=(0.05, 0.95),
    color=PALETTE[0],
    label: str | None = None,
    ax=None,
):
    """Draw a quantity over the generations: a few chains, the median and a band of Monte Carlo quantiles.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        A run and the name of one of its variables, or an array (replicate, generation) such as a metric returns.
    variable : str, optional
        Needed for a Dataset.
    chains : int
        How many single chains to show, the first ones; 0 for none.
    quantiles : pair of float
        Lower and upper edge of the band, as probabilities.
    color : colour
        Of everything drawn.
    label : str, optional
        Put before "median" in the legend.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If there is not exactly one number per replicate and generation.

    Examples
    --------
    >>> import matplotlib, modelcollapse as mc
    >>> matplotlib.use("Agg")
    >>> run = mc.simulate(mc.Gaussian(estimator="mle"), mc.Replace(n=20), generations=9, replicates=50, rng=1)
    >>> trajectory(run, "log_variance").get_xlabel()
    'generation'
    """
    values = _quantity(data, variable)
    chains = check.integer("chains", chains, least=0)
    low, high = (check.probability("quantiles", q) for q in quantiles)
    ax = _axes(ax)
    t, x = values["generation"].values, _finite(values.values)
    prefix = f"{label}: " if label else ""
    if len(x) > 1:
        with np.errstate(invalid="ignore"):
            lower, middle, upper = np.nanquantile(x, [low, 0.5, high], axis=0)
        ax.fill_between(
            t,
            lower,
            upper,
            color=color,
            alpha=0.18,
            linewidth=0,
            label=f"{prefix}{100 * low:g}–{100 * high:g} % of {len(x)} chains (Monte Carlo)",
        )
    for i in range(min(chains, len(x))):
        ax.plot(t, x[i], color=color, alpha=0.55, linewidth=0.7, label=f"{prefix}single chains" if i == 0 else None)
    if len(x) > 1:
        ax.plot(t, middle, color=color, linewidth=2, label=f"{prefix}median (Monte Carlo)")
    return _finish(ax, t, _words(values))


def band(known, *, color=INK, label: str | None = None, ax=None):
    """Draw a prediction: its mean, dashed, and where it is known one standard deviation of one chain either way.

    A standard deviation of which only a bound is known is not drawn.

    Parameters
    ----------
    known : xarray.Dataset
        What `modelcollapse.predict` returns: ``mean``, perhaps ``sd``, over the generations. A prediction with one
        more dimension (categories) is drawn as one line each.
    color : colour
        Of line and area.
    label : str, optional
        Name in the legend; default what the prediction says of itself.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    import xarray as xr

    if not isinstance(known, xr.Dataset) or "mean" not in known:
        raise TypeError(
            "known must be a prediction such as predict('log_variance', ...) returns (with the variable "
            f"mean), got {type(known).__name__}."
        )
    ax = _axes(ax)
    kind = known.attrs.get("kind", "theory")
    name = label or f"theory ({kind})"
    t = known["generation"].values
    mean = known["mean"].transpose("generation", ...).values.astype(float)
    lines = mean.reshape(len(t), -1)
    for i, line in enumerate(lines.T):
        ax.plot(t, line, color=color, linewidth=1.4, linestyle=(0, (4, 2)), label=name if i == 0 else None, zorder=4)
    if "sd" in known and known.attrs.get("sd_kind") != "bound" and lines.shape[1] == 1:
        sd = known["sd"].values.astype(float).ravel()
        if np.isfinite(sd).any():
            ax.fill_between(
                t,
                lines[:, 0] - sd,
                lines[:, 0] + sd,
                color=color,
                alpha=0.10,
                linewidth=0,
                label=f"mean ± sd of one chain ({kind})",
            )
    return _finish(ax, t, WORDS.get(known.attrs.get("quantity"), str(known.attrs.get("quantity", ""))))


def overlay(run, known, *, chains: int = 4, quantiles=(0.05, 0.95), color=PALETTE[0], ax=None):
    """Draw a run and a prediction of it: the *mean* of the run, thin, lies on the dashed line if theory is right.

    Parameters
    ----------
    run : xarray.Dataset
        A result of `modelcollapse.simulate`.
    known : xarray.Dataset
        A result of `modelcollapse.predict` for the same family and regime.
    chains, quantiles, color
        As for `trajectory`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    values = measured(run, known.attrs.get("quantity"))
    ax = trajectory(values, chains=chains, quantiles=quantiles, color=color, ax=ax)
    t, x = values["generation"].values, values.values
    ax.plot(t, x.mean(axis=0), color=PALETTE[1], linewidth=1.6, label=f"mean of {len(x)} chains (Monte Carlo)")
    words = ax.get_ylabel()
    band(known, ax=ax)
    ax.set_ylabel(words)
    return ax


def measured(run, quantity: str):
    """Return what a prediction is about, (replicate, generation, ...), from a run."""
    from modelcollapse import metrics

    readers = {
        # of a kernel density estimate theory predicts the variance of the points, without the kernel
        "variance": lambda run: np.exp(run["log_variance"]) if "bandwidth" in run else metrics.variance(run),
        "sd": lambda run: np.exp(run["log_variance"] / 2),
        "mean_squared_error": lambda run: _squared(run["mean"] - run["mean"].sel(generation=0)),
        "w2_squared": metrics.w2_squared,
        "kl": metrics.kl,
        "kl_forward": metrics.kl,
        "kl_reverse": lambda run: metrics.kl(run, direction="reverse"),
        "heterozygosity": metrics.heterozygosity,
        "entropy": metrics.entropy,
        "support": metrics.support,
        "survival": metrics.survival,
    }
    if quantity in readers:
        return readers[quantity](run).rename(quantity)
    if quantity in run:
        return run[quantity]
    raise ValueError(f"quantity must be a variable of the run or one of {', '.join(readers)}, got {quantity!r}.")


def _squared(error):
    return (error**2).sum("dim") if "dim" in error.dims else error**2


# ------------------------------------------------------------------------------------------ what vanishes


def survival(data, *, known=None, parts=None, above: float = 0.0, most: int = 8, ax=None):
    """Draw for every category or component in which share of the chains it is still there.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        A run of `Categorical` or `GaussianMixture` models, or an array of bool (replicate, generation, part).
    known : xarray.Dataset, optional
        ``predict("survival", ...)``: drawn dashed in the colour of its category.
    parts : sequence, optional
        Which categories, by their names; default the `most` rarest ones, rarest last in the legend.
    above : float
        A part is there if its probability is larger than this; for components something like ``1 / n``.
    most : int
        How many curves at most, where `parts` does not say.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    import xarray as xr

    from modelcollapse import metrics

    there = metrics.survival(data, above=above) if isinstance(data, xr.Dataset) else data
    extra = [dim for dim in there.dims if dim not in ("replicate", "generation")]
    if len(extra) != 1:
        raise ValueError(
            f"data must have the dimensions replicate, generation and one more (what vanishes), got {there.dims}."
        )
    part = extra[0]
    names = there[part].values if part in there.coords else np.arange(there.sizes[part])
    share = there.transpose("replicate", "generation", part).values.mean(axis=0)
    if parts is None:
        # the rarest are those that are lost soonest
        place = np.sort(np.argsort(share.sum(axis=0), kind="stable")[:most])
    else:
        missing = [p for p in parts if p not in names]
        if missing:
            raise ValueError(f"parts must be among {', '.join(map(str, names[:12]))}, got {missing[0]!r}.")
        place = np.array([int(np.flatnonzero(names == p)[0]) for p in parts])
    ax = _axes(ax)
    t = there["generation"].values
    expected = None if known is None else known["mean"].transpose("generation", ...).values
    for j, i in enumerate(place):
        color = PALETTE[j % len(PALETTE)]
        ax.plot(t, share[:, i], color=color, linewidth=2, alpha=0.85, label=f"{names[i]}")
        if expected is not None:
            ax.plot(
                t,
                expected[:, i],
                color=INK,
                linewidth=1.1,
                linestyle=(0, (4, 2)),
                zorder=4,
                label=f"theory ({known.attrs.get('kind', 'exact')})" if j == len(place) - 1 else None,
            )
    ax.set_ylim(-0.02, 1.02)
    return _finish(ax, t, f"{part} still there (share of the {there.sizes['replicate']} chains)")


def composition(run, *, replicate: int = 0, colors=None, ax=None):
    """Draw the shares of the categories or components in one chain as stacked areas (a Muller plot).

    Parameters
    ----------
    run : xarray.Dataset
        A run of `Categorical` or `GaussianMixture` models.
    replicate : int
        Which chain.
    colors : sequence of colours, optional
        One per part, repeated where there are more parts.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    name, part = _shares(run)
    share = run[name].isel(replicate=replicate).transpose("generation", part).values
    names = run[part].values if part in run.coords else np.arange(share.shape[1])
    ax = _axes(ax)
    t = run["generation"].values
    colors = [(colors or PALETTE)[i % len(colors or PALETTE)] for i in range(share.shape[1])]
    ax.stackplot(
        t,
        share.T,
        colors=colors,
        alpha=0.85,
        linewidth=0,
        labels=[str(n) if part == "category" else f"{part} {n}" for n in names],
    )
    ax.set_ylim(0, 1)
    return _finish(ax, t, f"share of each {part} (probability)")


def components(run, *, generations=None, replicate: int = 0, dims=(0, 1), points=None, sds: float = 2.0, ax=None):
    """Draw the components of a mixture as ellipses: their means, their spread, and as line width their weight.

    Parameters
    ----------
    run : xarray.Dataset
        A run of `GaussianMixture` models in two dimensions or more.
    generations : int or sequence of int, optional
        Which; one generation is coloured by component, several by generation. Default 0 and three later ones.
    replicate : int
        Which chain.
    dims : pair of int
        Which two dimensions of the points.
    points : (row, dim) array_like, optional
        Real points, drawn in grey beneath.
    sds : float
        Half axes of the ellipses in standard deviations.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    from matplotlib.patches import Ellipse

    if run.attrs.get("family") != "GaussianMixture":
        raise ValueError(
            f"run must hold GaussianMixture models (only they have components), got {run.attrs.get('family')}."
        )
    if run.sizes["dim"] < 2:
        raise ValueError("run must have points of two dimensions or more (an ellipse needs a plane), got 1.")
    last = int(run["generation"].values[-1])
    asked = sorted({0, 1, last // 2, last}) if generations is None else list(np.atleast_1d(generations))
    ax = _axes(ax)
    dims = list(dims)
    if points is not None:
        P = np.asarray(points)[:, dims]
        ax.scatter(
            *P.T,
            s=6,
            color="#9a9a9a",
            alpha=0.45,
            linewidth=0,
            rasterized=len(P) > 2000,
            label="real points" if len(asked) > 1 else None,
        )
    shades = generation_colors(asked)
    for g, shade in zip(asked, shades, strict=True):
        cell = run.sel(generation=g).isel(replicate=replicate)
        weight, mean, cov = (cell[v].values for v in ("weight", "mean", "cov"))
        for k in range(len(weight)):
            value, vector = np.linalg.eigh(cov[k][np.ix_(dims, dims)])
            width, height = 2 * sds * np.sqrt(np.maximum(value, 0))
            color = PALETTE[k % len(PALETTE)] if len(asked) == 1 else shade
            centre = mean[k][dims]
            ax.add_patch(
                Ellipse(
                    centre,
                    width,
                    height,
                    angle=np.degrees(np.arctan2(*vector[::-1, 0])),
                    fill=True,
                    facecolor=(*_rgb(color), 0.12),
                    edgecolor=color,
                    linewidth=0.6 + 4 * float(weight[k]),
                    zorder=3,
                    label=f"generation {g}" if k == 0 and len(asked) > 1 else None,
                )
            )
            ax.plot(*centre, marker="o", markersize=3.2, color=color, zorder=4)
    ax.autoscale_view()
    ax.set_xlabel(f"dimension {dims[0]} (units)")
    ax.set_ylabel(f"dimension {dims[1]} (units)")
    return ax


# -------------------------------------------------------------------------------------------- likelihoods


def nll_histogram(data, *, generations=None, bins=60, log: bool = True, samples: int = 20000, rng=None, ax=None):
    """Draw how unlikely the points of each generation are under the original model.

    The picture of Shumailov et al., Nature 631 (2024), Fig. 1b and c: mass moves to what the original deems probable,
    and a tail grows of what it would hardly ever have made.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        A run, of which points are drawn, or values (generation, anything) such as `metrics.nll` and ``block_nll``
        of a language-model run.
    generations : sequence of int, optional
        Which; default four from first to last, 0 left out of a run with more.
    bins : int or sequence of float
        Number of bins, common to all generations, with the most extreme 0.05 % on either side put into the outermost
        ones; or the edges of the bins, with what lies beyond put into the outermost ones.
    log : bool
        Logarithmic vertical axis, without which the tail is not seen.
    samples, rng
        Points per generation and their randomness, where `data` is a run.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    import xarray as xr

    from modelcollapse import metrics

    last = int(data["generation"].values[-1])
    asked = sorted({1, last // 4, last // 2, last} - {0}) if generations is None else list(generations)
    if isinstance(data, xr.Dataset):
        data = metrics.nll(data, generations=asked, samples=samples, rng=rng)
    values = [v[np.isfinite(v)] for v in (data.sel(generation=g).values.ravel() for g in asked)]
    together = np.concatenate(values)
    if not together.size:
        raise ValueError("data must hold a finite value (a point that the original could have made), got none.")
    if np.ndim(bins) == 0:
        low, high = np.quantile(together, [0.0005, 0.9995])
        edges = np.linspace(low, high if high > low else low + 1, check.integer("bins", bins, least=1) + 1)
    else:
        edges = check.array("bins", bins, ndim=1, shape_words="(edge,)")
    ax = _axes(ax)
    for g, v, color in zip(asked, values, generation_colors(asked), strict=True):
        if not v.size:
            continue
        height = np.histogram(np.clip(v, edges[0], edges[-1]), edges)[0] / v.size
        ax.stairs(height, edges, color=color, linewidth=1.7, label=f"generation {g}")
        ax.axvline(np.median(v), color=color, linewidth=0.9, linestyle=":")
    if log:
        ax.set_yscale("log")
    ax.set_xlabel(str(data.attrs.get("long_name", "negative log-likelihood under the original model (nats)")))
    ax.set_ylabel("share of the points, per bin")
    return ax


# ---------------------------------------------------------------------------------------------- many runs


def compare(runs, metric, *, statistic: str = "median", quantiles=None, known=None, colors=PALETTE, ax=None):
    """Draw one quantity of several runs, one colour each: regimes side by side.

    Parameters
    ----------
    runs : mapping of str to xarray.Dataset, or sequence of xarray.Dataset
        Runs with their names; without names the regime of each run is its name.
    metric : str or callable
        A variable of the runs, a quantity that `predict` knows, or a function of a run such as `metrics.kl`.
    statistic : {"median", "mean"}
        Over replicates. Theory is about means; a median says what a typical chain does.
    quantiles : pair of float, optional
        Draw a band of Monte Carlo quantiles too.
    known : mapping of str to xarray.Dataset or None, optional
        Predictions of the mean by the names of the runs, drawn dashed.
    colors : sequence of colours
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    check.choice("statistic", statistic, ("median", "mean"))
    if not isinstance(runs, Mapping):
        runs = {str(run.attrs.get("regime_text", i)): run for i, run in enumerate(runs)}
    if not runs:
        raise ValueError("runs must hold at least one run, got none.")
    ax = _axes(ax)
    words, t = "", np.arange(2)
    for i, (name, run) in enumerate(runs.items()):
        values = metric(run) if callable(metric) else measured(run, metric)
        values = _quantity(values, None)
        t, x = values["generation"].values, _finite(values.values)
        color = colors[i % len(colors)]
        if quantiles is not None:
            ax.fill_between(t, *np.nanquantile(x, quantiles, axis=0), color=color, alpha=0.13, linewidth=0)
        line = np.nanmedian(x, axis=0) if statistic == "median" else np.nanmean(x, axis=0)
        ax.plot(t, line, color=color, linewidth=2, label=name)
        words = _words(values)
    drawn = False
    for theory in (known or {}).values():
        if theory is not None:
            ax.plot(
                theory["generation"].values,
                theory["mean"].values,
                color=INK,
                linewidth=1.2,
                zorder=4,
                linestyle=(0, (4, 2)),
                label=None if drawn else f"theory ({theory.attrs.get('kind', 'exact')})",
            )
            drawn = True
    return _finish(ax, t, f"{words}, {statistic}")


# ------------------------------------------------------------------------------------------------- shared


def generation_colors(generations) -> list[tuple]:
    """Colours of generations in order, from the sequential map."""
    from matplotlib import colormaps

    count = len(list(generations))
    return [colormaps[MAP](MAP_FROM + (MAP_TO - MAP_FROM) * (i / max(count - 1, 1))) for i in range(count)]


def _rgb(color) -> tuple:
    from matplotlib.colors import to_rgb

    return to_rgb(color)


def _axes(ax):
    """Return the axes to draw on: the one given, or that of a new figure."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots()[1]


def _finish(ax, t, words: str):
    ax.set_xlabel("generation")
    ax.set_ylabel(words)
    ax.set_xlim(t[0], t[-1])
    ax.xaxis.get_major_locator().set_params(integer=True)
    return ax


def _words(values) -> str:
    return str(values.attrs.get("long_name") or WORDS.get(values.name, str(values.name or "")))


def _quantity(data, variable: str | None):
    """Return one number per replicate and generation, or say what to select."""
    import xarray as xr

    if isinstance(data, xr.Dataset):
        if variable not in data:
            raise ValueError(f"variable must be one of {', '.join(map(str, data.data_vars))}, got {variable!r}.")
        data = data[variable]
    elif not isinstance(data, xr.DataArray):
        raise TypeError(f"data must be an xarray.Dataset or DataArray, got {type(data).__name__}.")
    if set(data.dims) != {"replicate", "generation"}:
        raise ValueError(
            f"{data.name or 'data'} must have one number per replicate and generation (select one, as in "
            f".isel(dim=0)), got the dimensions {', '.join(map(str, data.dims))}."
        )
    return data.transpose("replicate", "generation")


def _finite(x) -> np.ndarray:
    """Leave out what cannot be drawn."""
    x = np.asarray(x, dtype=float)
    return np.where(np.isfinite(x), x, np.nan)


def _shares(run) -> tuple[str, str]:
    family = run.attrs.get("family")
    if family == "Categorical":
        return "probability", "category"
    if family == "GaussianMixture":
        return "weight", "component"
    raise ValueError(f"run must hold Categorical or GaussianMixture models (they have parts), got {family}.")
