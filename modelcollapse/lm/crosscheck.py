r"""How much of the collapse is sampling, and how much is not?

A language that is learned from its own text loses words because each generation is a finite sample of the one before.
That loss is known: it is drift, and for words that are drawn independently population genetics computes it. What a
real run loses beyond that has other reasons, and `crosscheck` divides the loss among them by three predictions that
start from the same text, the one that model 1 was fitted to:

===============  ===================================================================================================
`independent`    each generation draws as many words as it has, one by one
`clustered`      it draws texts: words come in bursts, and a sample of texts is as good as fewer words. How many, is
                 known from the scatter between the texts of the first batch, for every class of words on its own
`temporal`       it draws as few words as the *changes* of the first generations ask for, one number for all words: the
                 temporal method, which takes everything for drift
===============  ===================================================================================================

What `independent` predicts is the part of *sampling*; what `clustered` predicts beyond it is the part of *clustering*;
the rest of what was seen is *directed*. `temporal` is a forecast: if its numbers, estimated on the first generations,
hold for the later ones, the whole of the change can be summed up in one effective size. If the tests of `neutrality`
say that the change is directed and `temporal` still forecasts well, drift is a good fit and a wrong explanation.

The mean of the heterozygosity is :math:`H_0 (1 - F_t)(1 - 1/N)` with the inbreeding coefficient of the regime in
units of effective words: exact, where no real text comes in after the first fit. Those of entropy, support and survival
are exact for independent words under replace. Otherwise, as do all standard deviations, they come from simulated chains
that drift under the same regime, with the same real texts at the same places. Only words of the founding text are
followed; new ones are counted as `innovation`.
"""

from __future__ import annotations

import dataclasses
from collections import deque

import numpy as np
import scipy

from modelcollapse import _rng, regimes
from modelcollapse import _validate as check
from modelcollapse.lm.temporal import Transition, as_dataset, classes, neutrality, scatter, transitions
from modelcollapse.regimes import Plan
from modelcollapse.theory.categorical import expected_support, survival
from modelcollapse.theory.diversity import expected_entropy
from modelcollapse.theory.inbreeding import inbreeding

QUANTITIES = ("heterozygosity", "entropy", "support")
ASSUMPTIONS = ("independent", "clustered", "temporal")
PARTS = ("sampling", "clustering", "directed")
#: more words than these are not drawn: their shares would not move
MOST_WORDS = 2**62
#: sizes of the generations that differ by no more than this are taken for one, for which there are closed forms
SAME_SIZE = 1.05
#: words expected of a class, for which its own clustering is estimated
LEAST_OF_CLASS = 100
#: numbers an intermediate array may have
BUDGET = 1 << 22
#: scatter below this share of the mean is that of rounding
ROUNDING = 1e-12
#: a loss smaller than so many standard deviations of one chain is not divided
VISIBLE = 2.0


def crosscheck(
    run,
    *,
    regime=None,
    estimated_on: int = 1,
    replicates: int = 200,
    error_rate: float = 0.01,
    effect: float = 0.1,
    confidence: float = 0.95,
    rng=None,
):
    r"""Hold a run against the theory of drift: which part of its collapse is explained by sampling?

    Parameters
    ----------
    run : xarray.Dataset or sequence of Generation
        What `measure` or `experiment` returns, or the records. All generations from 0 on.
    regime : Regime, optional
        Default what the run says of itself; `Replace` where it says nothing. Curations are left out: what they do is
        not drift, and shows as directed.
    estimated_on : int, optional
        The effective sizes are estimated on the first so many generations.
    replicates : int, optional
        Simulated chains for every assumption.
    error_rate, effect, confidence : float, optional
        As for `neutrality`.
    rng : None, int, SeedSequence or Generator, optional
        For the simulated chains.

    Returns
    -------
    xarray.Dataset
        All of `neutrality` and, with ``generation`` 0 being the text that model 1 was fitted to:

        * over ``quantity``, ``generation``: ``seen``; with ``assumption``: ``predicted``, ``predicted_sd`` (of one
          chain) and ``z``; ``kind`` ("exact" or "Monte Carlo") over ``assumption``, ``quantity``;
        * over ``assumption``, ``generation``: ``by_inbreeding``, the heterozygosity as the inbreeding coefficient of
          the regime has it, for real texts drawn from the founding text: also where ``predicted`` knows better;
        * over ``quantity``, ``part``: ``share`` of the loss up to the last generation, nan where it is too small to be
          divided; ``share_sd`` (``quantity``) is what the chance of one chain makes of it;
        * over ``class``, ``generation``: ``class_survival``; with ``assumption``: ``expected_survival`` and
          ``survival_sd``; ``founding_words`` (``class``);
        * ``ratio`` over ``assumption``: effective words per word.

        Attributes: those of `neutrality`, and ``summary``: what was found, in words.

    Raises
    ------
    TypeError, ValueError
        If an argument breaks its rule, or generations are missing.

    Notes
    -----
    Kind: exact or Monte Carlo, as ``kind`` says, for independent words; approximations else (a burst of words is
    taken for one). The effective sizes and the predictions of the first `estimated_on` generations share data.

    Examples
    --------
    >>> import xarray as xr
    >>> rng, dims = np.random.default_rng(1), ("generation", "word")
    >>> counts = [rng.multinomial(9000, np.arange(1, 301) / 45_150)]
    >>> for _ in range(5):
    ...     counts.append(rng.multinomial(9000, counts[-1] / 9000))
    >>> trained = [np.zeros(300, int), *counts[:-1]]
    >>> run = xr.Dataset({"count": (dims, counts), "training_count": (dims, trained)},
    ...                  coords={"generation": range(6), "word": [f"w{i}" for i in range(300)]})
    >>> checked = crosscheck(run, rng=1)
    >>> bool((abs(checked["z"].sel(assumption="independent", generation=[1, 5])) < 4).all())
    True
    """
    import xarray as xr

    run = as_dataset(run)
    steps = transitions(run)
    T = len(steps)
    numbers = [step.generation for step in steps]
    if numbers != list(range(1, T + 1)) or sorted(run["generation"].values.tolist()) != list(range(T + 1)):
        raise ValueError(
            f"run must hold all generations from 0 on (a prediction goes step by step), got words of models {numbers}."
        )
    estimated_on = check.integer("estimated_on", estimated_on, least=1, most=T)
    replicates = check.integer("replicates", replicates, least=2, because="a standard deviation needs two chains")
    tested = neutrality(run, error_rate=error_rate, effect=effect, confidence=confidence)
    founding = steps[0]
    written = run["count"].transpose("generation", "word").values[1:, founding.word]
    history = _history(run, _plan(run, regime, T), founding, written)
    clustered, whole = _clustering(steps[:estimated_on])
    temporal = _temporal_ratio(tested, estimated_on)
    ratios = {"independent": np.ones(1), "clustered": clustered, "temporal": np.array([temporal])}
    overall = {"independent": 1.0, "clustered": whole, "temporal": temporal}
    seen, kind_of, alive = _seen(founding, written)
    source = _rng.generator(rng)
    parts = [
        _predicted(history, ratios[name], overall[name], kind_of, replicates, source, exact=name == "independent")
        for name in ASSUMPTIONS
    ]
    if len(clustered) == 1 and whole == 1.0:  # no texts: not one more set of chains
        parts[1] = parts[0]
    mean, sd, kind, expected, scatter_of, inbred = (np.array([part[name] for part in parts]) for name in parts[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(sd > ROUNDING * np.abs(mean), (seen - mean) / sd, np.nan)
    share, share_sd = _shares(seen, mean, sd)
    number = tested.sizes["class"]
    out = xr.Dataset(
        {
            "seen": (("quantity", "generation"), seen),
            "predicted": (("assumption", "quantity", "generation"), mean),
            "predicted_sd": (("assumption", "quantity", "generation"), sd),
            "z": (("assumption", "quantity", "generation"), z),
            "share": (("quantity", "part"), share),
            "share_sd": ("quantity", share_sd),
            "class_survival": (("class", "generation"), _pad(alive, number)),
            "expected_survival": (("assumption", "class", "generation"), _pad(expected, number)),
            "survival_sd": (("assumption", "class", "generation"), _pad(scatter_of, number)),
            "by_inbreeding": (("assumption", "generation"), inbred),
            "founding_words": ("class", np.bincount(kind_of, minlength=number)),
            "ratio": ("assumption", [overall[name] for name in ASSUMPTIONS]),
        },
        coords={
            "quantity": list(QUANTITIES),
            "assumption": list(ASSUMPTIONS),
            "part": list(PARTS),
            "generation": np.arange(T + 1),
            "kind": (("assumption", "quantity"), kind),
        },
    )
    out = xr.merge([tested, out], join="outer", compat="no_conflicts", combine_attrs="override")
    out.attrs |= {"estimated_on": estimated_on, "chains": replicates}
    out.attrs["summary"] = _summary(out)
    return out


def by_class(checked):
    """Return a table of a cross-check, a row for every class of words by how often they occurred.

    Parameters
    ----------
    checked : xarray.Dataset
        What `crosscheck` returns.

    Returns
    -------
    pandas.DataFrame
        ``words`` of the class in the founding text; ``selection`` per generation in all generations together, with the
        interval ``low`` to ``high`` and ``p`` (not corrected for the number of classes); ``survived``, the share of its
        words that the last batch has, and what was expected of ``independent`` and ``clustered`` words.
    """
    import pandas as pd

    reach = -scipy.special.ndtri((1 - checked.attrs["confidence"]) / 2)
    s, error = checked["pooled_selection"].values, checked["pooled_selection_error"].values
    last = checked.isel(generation=-1)
    expected = last["expected_survival"]
    names = class_names(checked)
    return pd.DataFrame(
        {
            "words": checked["founding_words"].values,
            "selection": s,
            "low": s - reach * error,
            "high": s + reach * error,
            "p": checked["pooled_selection_p"].values,
            "survived": last["class_survival"].values,
            "independent": expected.sel(assumption="independent").values,
            "clustered": expected.sel(assumption="clustered").values,
        },
        index=pd.Index(names, name="occurrences"),
    )


def class_names(checked) -> list[str]:
    """Return the classes in words: "1", "2-3", "4-7", ..."""
    return [
        str(low) if low == high else f"{low}-{high}"
        for low, high in zip(checked["least"].values.tolist(), checked["most"].values.tolist(), strict=True)
    ]


# ------------------------------------------------------------------------------------------ regime and sizes


def _plan(run, regime, T: int) -> Plan | None:
    """Return the regime written out, in texts; None where each model was fitted to the batch before it."""
    if regime is None and "regime" in run.attrs:
        regime = regimes.read(run.attrs["regime"])
    if regime is None:
        return None
    if not hasattr(regime, "plan") or isinstance(regime, type):
        raise TypeError(f"regime must be a regime such as Replace(n=256), got {regime!r:.80}.")
    return regime.plan(T)


@dataclasses.dataclass(frozen=True)
class _History:
    """What is taken as given when a run is repeated under drift; words are those of the founding text.

    Attributes
    ----------
    founding : ndarray, (known,)
        Their numbers in what model 1 was fitted to.
    real : ndarray, (T, known)
        Their numbers in the real texts that each model was fitted to.
    written, taken : ndarray, (T,)
        Words that each model wrote, and written words that each was fitted to.
    oldest : ndarray, (T,)
        First model whose writing each model was fitted to.
    words : Plan
        The regime with words for points.
    simple : bool
        Whether no real text came in after the first fit, and none was chosen.
    """

    founding: np.ndarray
    real: np.ndarray
    written: np.ndarray
    taken: np.ndarray
    oldest: np.ndarray
    words: Plan
    simple: bool


def _history(run, plan: Plan | None, founding: Transition, written: np.ndarray) -> _History:
    T, first, made = len(written), int(founding.trained.sum()), written.sum(axis=1)
    trained = run["training_count"].transpose("generation", "word").values[1:, founding.word]
    nothing = np.zeros(T, np.int64)
    if plan is None or plan.replaces:
        real = nothing.copy()
        real[0] = first
        words = Plan(real, np.concatenate([[0], made[:-1]]), np.zeros(T), np.arange(1, T + 1), nothing)
    else:
        # batch t + 1 of the plan is what model t wrote
        texts = run["n_texts"].values[1:] if "n_texts" in run else np.append(plan.synthetic[1:], 1)
        per_real = first / plan.size[0]
        per_text = np.concatenate([[per_real], (made / np.maximum(texts, 1))[:-1]])
        words = dataclasses.replace(
            plan,
            real=np.rint(plan.real * per_real).astype(np.int64),
            synthetic=np.rint(plan.synthetic * per_text).astype(np.int64),
            drawn=np.rint(plan.drawn * per_real).astype(np.int64),
            pinned=round(plan.pinned * per_real),
            curation=(),
        )
    simple = not (words.pinned or words.real[1:].any() or words.mix.any() or words.drawn.any())
    if "real_count" in run:
        real = run["real_count"].transpose("generation", "word").values[1:, founding.word]
    elif simple:
        real = np.where(words.oldest == 1, 1, 0)[:, None] * founding.trained
    else:
        raise ValueError(
            "run must hold real_count under a regime with real text in later generations (measure finds it in the "
            f"records), got {', '.join(map(str, run.data_vars))}."
        )
    taken = (trained - real).sum(axis=1)
    return _History(founding.trained, real, made, taken, np.maximum(words.oldest - 1, 1), words, simple)


@dataclasses.dataclass(frozen=True)
class _Effective:
    """A regime whose points are effective words."""

    words: Plan
    ratio: float

    def plan(self, generations: int) -> Plan:
        """Return the plan, every size scaled alike."""
        scaled = {
            name: np.where(value > 0, np.maximum(np.rint(value * self.ratio), 2), 0).astype(np.int64)
            for name, value in (
                ("real", self.words.real),
                ("synthetic", self.words.synthetic),
                ("drawn", self.words.drawn),
            )
        }
        pinned = min(round(self.words.pinned * self.ratio), int(scaled["real"][0]))
        return dataclasses.replace(self.words, pinned=pinned, **scaled)


def _clustering(steps: list[Transition]) -> tuple[np.ndarray, float]:
    """Return effective words per word from the scatter between texts: of each class, and of all words.

    Held against the scatter that independent words of the *batch* would have, not of the training text: what a
    directed change does to the frequencies is no clustering.
    """
    if any(step.texts is None for step in steps):
        return np.ones(1), 1.0
    number = 1 + max(int(step.classes.max()) for step in steps)
    independent, clustered, written = np.zeros(number), np.zeros(number), np.zeros(number)
    for step in steps:
        x, kind = step.after, step.classes
        independent += np.bincount(kind, x * (1 - x) / step.n, number)
        clustered += np.bincount(kind, scatter(step).variance, number)
        written += np.bincount(kind, step.counts, number)
    whole = float(independent.sum() / clustered.sum()) if clustered.sum() > 0 else 1.0
    enough = (written >= LEAST_OF_CLASS) & (clustered > 0)
    return np.where(enough, independent / np.where(enough, clustered, 1.0), whole), whole


def _temporal_ratio(tested, estimated_on: int) -> float:
    """Return effective words per word of the changes."""
    some = tested.isel(generation=slice(estimated_on))
    return float(1 / (some["nominal_size"] / some["effective_size"]).mean())


# ------------------------------------------------------------------------------------------- seen, predicted


def _describe(x: np.ndarray) -> np.ndarray:
    """Return heterozygosity, entropy and support of frequencies along the last axis, (quantity, ...)."""
    return np.array([(x * (1 - x)).sum(axis=-1), scipy.special.entr(x).sum(axis=-1), (x > 0).sum(axis=-1)])


def _by_class(there: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Return the share of the words of each class that are there, (class, ...), from (..., word)."""
    number = int(kind.max()) + 1
    size = np.bincount(kind, minlength=number)
    order = np.argsort(kind, kind="stable")
    starts = np.concatenate([[0], np.cumsum(size)[:-1]])
    sums = np.zeros((number, *there.shape[:-1]))
    has = size > 0
    sums[has] = np.moveaxis(np.add.reduceat(there[..., order], starts[has], axis=-1, dtype=float), -1, 0)
    shape = (number, *(1,) * (there.ndim - 1))
    return np.where(has.reshape(shape), sums / np.maximum(size, 1).reshape(shape), np.nan)


def _seen(founding: Transition, written: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return what became of the founding words: quantities, their classes, and survival by class."""
    rows = np.vstack([founding.trained[None], written])
    total = rows.sum(axis=1, keepdims=True)
    x = rows / np.maximum(total, 1)
    kind = classes(founding.trained)
    seen = np.where(total[:, 0] > 0, _describe(x), np.nan)
    return seen, kind, _by_class(rows > 0, kind)


def _predicted(history: _History, ratios, overall, kind_of, replicates, rng, *, exact: bool) -> dict:
    """Return mean, sd and kind of the quantities, and mean and sd of survival by class, under one assumption."""
    written, T = history.written, len(history.written)
    y = history.founding / history.founding.sum()
    chunk = max(1, min(replicates, BUDGET // len(y)))
    values, there = [], []
    for start in range(0, replicates, chunk):
        seen, alive = _drift(history, ratios, kind_of, min(chunk, replicates - start), rng)
        values.append(seen)
        there.append(alive)
    values, there = np.concatenate(values, axis=-1), np.concatenate(there, axis=-1)
    mean, sd = values.mean(axis=-1), values.std(axis=-1, ddof=1)
    expected, scatter_of = there.mean(axis=-1), there.std(axis=-1, ddof=1)
    effective = _Effective(history.words, overall)
    F = inbreeding(effective, T, population=max(2, int(effective.plan(T).real[0])))[1:]
    inbred = mean[0, 0] * np.append(1.0, (1 - F) * (1 - 1 / np.maximum(written * overall, 1.0)))
    kind = ["Monte Carlo"] * 3
    if history.simple:
        mean[0], kind[0] = inbred, "exact"
    if exact and history.words.replaces and written.max() <= SAME_SIZE * written.min():
        n = round(len(written) / (1 / written).sum())
        kind = ["exact"] * 3
        mean[1], mean[2] = expected_entropy(y, n, T), expected_support(y, n, T)
        frequencies, back = np.unique(y, return_inverse=True)
        expected = _by_class(survival(frequencies, n, T)[:, back], kind_of)
    return {"mean": mean, "sd": sd, "kind": kind, "expected": expected, "scatter": scatter_of, "inbred": inbred}


def _drift(history: _History, ratios, kind_of, replicates: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Simulate chains of drifting words; return quantities and survival by class, (..., generation, replicate)."""
    y = np.broadcast_to(history.founding / history.founding.sum(), (replicates, len(history.founding)))
    values, there = [_describe(y)], [_by_class(y > 0, kind_of)]
    batches: deque = deque()  # (first model, words, frequencies)
    for t in range(len(history.written)):
        if batches:
            pool = sum(size for _, size, _ in batches)
            y = sum(size * x for _, size, x in batches) / pool
            taken, real = int(history.taken[t]), history.real[t]
            if 0 < taken < pool - 1:
                # without replacement: less scatter than with, by the share that is not drawn
                y = _draw(rng, y, np.ones(1), round(taken * (pool - 1) / (pool - taken)), 1)
            y = (taken * y + real) / (taken + real.sum())
        trained = int(history.taken[t] + history.real[t].sum())
        x = _draw(rng, y, ratios, int(history.written[t]), trained)
        values.append(_describe(x))
        there.append(_by_class(x > 0, kind_of))
        batches.append((t + 1, int(history.written[t]), x))
        if history.oldest[-1] == 1:  # nothing ever leaves: one batch will do
            total = sum(size for _, size, _ in batches)
            batches = deque([(1, total, sum(size * x for _, size, x in batches) / total)])
        elif t + 1 < len(history.written):
            while batches[0][0] < history.oldest[t + 1]:
                batches.popleft()
    return np.stack(values, axis=1), np.stack(there, axis=1)


def _draw(rng, y: np.ndarray, ratios: np.ndarray, n: int, trained: int) -> np.ndarray:
    """Draw the frequencies of n words; those of each class are as good as so many of them as its ratio says.

    Counts with 1 / ratio times the variance of independent ones are negative binomial, as those of words that come in
    bursts are: bursts of a number with a logarithmic law. Frequent words may be more regular than chance, which no
    law of whole bursts is, and are never lost: multiples of the ratio will do. Counts of all words are held to their
    sum, which makes them multinomial where all ratios are one.
    """
    y = y / y.sum(axis=-1, keepdims=True)
    if len(ratios) == 1:
        words = n * float(ratios[0])
        if not words < MOST_WORDS:
            raise ValueError(
                "run must have words whose shares change from generation to generation (an effective size is one over "
                f"their change), got an effective size of {words:.3g}."
            )
        size = max(1, round(words))
        return rng.multinomial(size, y) / size
    ratio = ratios[np.clip(classes(np.maximum(np.rint(y * trained), 1)), 0, len(ratios) - 1)]
    bursts = ratio < 1
    # a gamma variable of mean n y; one copy a word if its ratio is one
    inverse = np.where(bursts, 1 / ratio - 1, 1.0)
    mean = np.where(bursts, rng.standard_gamma(n * y / inverse) * inverse, n * y * np.maximum(ratio, 1.0))
    x = rng.poisson(mean) / np.maximum(ratio, 1.0)
    total = x.sum(axis=-1, keepdims=True)
    return np.where(total > 0, x / np.where(total > 0, total, 1.0), y)


def _pad(values: np.ndarray, number: int) -> np.ndarray:
    """Return (..., class, generation) with room for classes that the founding text lacks."""
    missing = number - values.shape[-2]
    if missing <= 0:
        return values[..., :number, :]
    return np.concatenate([values, np.full((*values.shape[:-2], missing, values.shape[-1]), np.nan)], axis=-2)


# ---------------------------------------------------------------------------------------------- what it says


def _shares(seen: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of the loss, (quantity, part), and what chance makes of them, (quantity,)."""
    lost = seen[:, 0] - seen[:, -1]
    independent, clustered = mean[0, :, -1], mean[1, :, -1]
    spread = sd[1, :, -1]
    parts = np.stack([seen[:, 0] - independent, independent - clustered, clustered - seen[:, -1]], axis=1)
    divided = lost > VISIBLE * spread
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(divided[:, None], parts / lost[:, None], np.nan), np.where(divided, spread / lost, np.nan)


def _summary(out) -> str:
    """Say what was found."""
    T = int(out["generation"].values[-1])
    first = out.isel(generation=1)
    N, texts = int(first["nominal_size"]), out.attrs["replicates"] == "texts"
    size = f"In generation 1 the frequencies of {N:,} words moved as those of {float(first['effective_size']):,.0f}"
    size += f" (95 % interval {float(first['effective_size_low']):,.0f} to {float(first['effective_size_high']):,.0f})"
    size = size.replace("95 %", f"{100 * out.attrs['confidence']:g} %")
    if texts:
        size += f"; the scatter between texts explains {float(first['sampled_size']):,.0f}"
    lines = [out.attrs["sentence"], size + "."]
    for quantity in QUANTITIES:
        share = out["share"].sel(quantity=quantity)
        seen = out["seen"].sel(quantity=quantity).values
        change = f"The {quantity} went from {seen[0]:.4g} to {seen[-1]:.4g} in {T} generation{'s' if T > 1 else ''}"
        if share.isnull().all():
            lines.append(f"{change}: no loss that could be divided.")
            continue
        sampling, clustering, directed = (100 * share.values).round() + 0.0  # no -0 %
        error = 100 * float(out["share_sd"].sel(quantity=quantity))
        parts = f"sampling of independent words explains {sampling:.0f} % of it"
        parts += f", their clustering in texts {clustering:.0f} %" if texts else ""
        lines.append(
            f"{change}: {parts}, and {directed:.0f} % (give or take {error:.0f}) is not explained by sampling."
        )
    return " ".join(lines)
