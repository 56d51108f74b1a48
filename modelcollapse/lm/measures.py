r"""What is measured of a generational language-model experiment?

Generation 0 is the real text, generation :math:`t \ge 1` the batch of texts that model t wrote; real texts that a
regime mixes into a batch or keeps there are not measured as writing, but they do count in what the next model was
fitted to. Five questions, generation by generation:

====================  ==============================================================================================
what is left?         ``survival`` of the words and n-grams of the real text, ``support``
how even is it?       ``heterozygosity`` :math:`1 - \sum x_i^2` and ``entropy`` (nats) of the word frequencies
how monotonous?       ``distinct`` n-grams per n-gram, n-grams ``repeated`` within a text, ``self_bleu``
what is wrong?        n-grams that are ``new``: the real text never had them. A language grows so; a model errs so
how likely is it?     ``block_nll``, the surprise of the first model at each text, and what follows from it
====================  ==============================================================================================

**The published picture** (Shumailov et al., Nature 631:755, Fig. 1b and c) is the histogram of the last of these: the
perplexity of every text under the model that was fitted to real data. It shows two things at once, and they need not
come together, so each has its own number. Mass moves to *low* perplexity: ``below_median`` is the share of the texts
below the median of the real ones, 1/2 if nothing happened. And a tail grows at *high* perplexity: ``tail_share`` is
the share beyond a quantile of the real ones, and ``tail_index`` says how heavy the tail is, whatever mass is in it.

The tail index is Hill's: of J texts the k of the largest perplexity are the tail, and

.. math:: \frac1{\hat\alpha} = \frac1k \sum_{j=1}^{k} \ln\frac{P_{(j)}}{P_{(k+1)}}

where the logarithm of a perplexity is the surprise in nats per token. *k is 10 % of the texts*, chosen before the data
are seen; the interval is that of a tail which is Pareto's beyond :math:`P_{(k+1)}`: :math:`2k\alpha/\hat\alpha` is
:math:`\chi^2_{2k}`. A *small* index is a heavy tail.

A text is its words (`modelcollapse.lm.corpus.words`), and no n-gram runs across the border between two texts. The
words themselves are kept, as numbers (``token``, with ``text_words`` of them in each text): `crosscheck` needs to know
which words stood in the same text, because the words of a text are no independent draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse import regimes
from modelcollapse.lm.corpus import words
from modelcollapse.lm.records import Generation

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
#: share of the texts that is taken for the tail, and the fewest texts that say anything of an index
TAIL, LEAST_TAIL = 0.1, 10


def measure(
    generations: Sequence[Generation],
    *,
    regime=None,
    scorer: str = "first",
    longest: int = 4,
    bins: int = 40,
    beyond: float = 0.95,
    confidence: float = 0.95,
    self_bleu: int = 0,
    attrs: Mapping | None = None,
):
    """Measure the texts of a run.

    Parameters
    ----------
    generations : sequence of Generation
        With generation 0, the real text; in any order.
    regime : Regime, optional
        What each model was fitted to, in texts. Needed only where the records do not say it (fact ``training``); then
        by default `Replace`: each model was fitted to the batch before it.
    scorer : str, optional
        Whose surprise makes the picture: an entry of ``nll_nats``.
    longest : int, optional
        N-grams of 1, 2, .. up to so many words are counted.
    bins : int, optional
        Bins of the histogram of perplexities, equal on a logarithmic scale and common to all generations.
    beyond : float, optional
        The tail begins at this quantile of the real texts.
    confidence : float, optional
        Of the intervals of shares (Clopper and Pearson's, for the given threshold) and of the tail index.
    self_bleu : int, optional
        Texts of each generation, evenly spaced, that are compared with each other; 0 leaves it out, otherwise at
        least 2. Needs sacrebleu.
    attrs : mapping, optional
        What else is to be known of the run: family, how it was made.

    Returns
    -------
    xarray.Dataset
        Over ``generation`` and

        * ``word`` (the words of all generations; those of the real text first, by frequency): ``count`` in the texts
          that the model wrote, ``training_count`` in those that it was fitted to and ``real_count`` in the real ones
          among these (0 for generation 0; both left out where it is not known);
        * nothing else: ``n_texts``, ``n_words``, ``support``, ``heterozygosity``, ``entropy``, ``new_words``
          (distinct ones that the real text lacks), ``perplexity_real`` (of real text under model t; nan where it is
          not known), ``self_bleu`` (0 to 1);
        * ``ngram``: ``survival``, ``distinct``, ``repeated``, ``new`` (shares);
        * ``text``: ``block_nll`` (nats per token), ``text_words`` (0 for texts that the model did not write);
        * of the perplexities: ``quantile``: ``perplexity``; ``bin``: ``histogram`` (share of the texts; edges are the
          coordinates ``left`` and ``right``); ``below_median``, ``tail_share``, ``tail_index``, each with ``_low`` and
          ``_high``; ``impossible`` (share of texts whose surprise is infinite);
        * ``position``: ``token``, the words as places in ``word``, text after text, -1 beyond the end.

    Raises
    ------
    TypeError, ValueError
        If an argument breaks its rule, generation 0 is missing, or a number occurs twice.
    ImportError
        If `self_bleu` is asked for without sacrebleu.

    Notes
    -----
    Distinct n-grams per n-gram (Li et al., NAACL 2016) fall with the length of what is counted, self-BLEU (Zhu et al.,
    SIGIR 2018) rises with the number of texts: compare generations of equal size. Survival falls with every sample,
    however good the model is: what a perfect model would keep is what `crosscheck` computes.

    Examples
    --------
    >>> def batch(number, *texts):
    ...     n = len(texts)
    ...     source = ["synthetic" if number else "real"] * n
    ...     return Generation(number, texts, source, [-1] * n, [-1] * n)
    >>> seen = measure([batch(0, "the cat saw the dog", "a dog barked"), batch(1, "the dog saw the dog", "a cat flew")])
    >>> seen["support"].values.tolist(), seen["new_words"].values.tolist()
    ([6, 6], [0, 1])
    >>> seen["survival"].sel(ngram=1).values.round(3).tolist()
    [1.0, 0.833]
    >>> seen["count"].sel(word="dog").values.tolist()
    [2, 2]
    """
    import xarray as xr

    texts = _Texts(_ordered(generations))
    longest = check.integer("longest", longest, least=1)
    confidence = check.number("confidence", confidence, above=0.0, below=1.0)
    data: dict[str, tuple] = {
        "count": (("generation", "word"), texts.counts),
        "n_texts": ("generation", texts.n_texts),
        "n_words": ("generation", texts.counts.sum(axis=1)),
        "support": ("generation", (texts.counts > 0).sum(axis=1)),
        "new_words": ("generation", (texts.counts[:, texts.counts[0] == 0] > 0).sum(axis=1)),
        "perplexity_real": ("generation", [_fact(g, "perplexity_real") for g in texts.generations]),
        "text_words": (("generation", "text"), texts.text_words),
        "token": (("generation", "position"), texts.padded),
    }
    share = texts.counts / np.maximum(texts.counts.sum(axis=1, keepdims=True), 1)
    empty = texts.counts.sum(axis=1) == 0
    data["heterozygosity"] = ("generation", np.where(empty, np.nan, (share * (1 - share)).sum(axis=1)))
    data["entropy"] = ("generation", np.where(empty, np.nan, scipy.special.entr(share).sum(axis=1)))
    for name, values in zip(("survival", "distinct", "repeated", "new"), _ngrams(texts, longest), strict=True):
        data[name] = (("generation", "ngram"), values)
    nll = _surprise(texts, scorer)
    data["block_nll"] = (("generation", "text"), nll, {"long_name": "surprise of the first model (nats per token)"})
    picture, edges = _picture(
        nll,
        check.integer("bins", bins, least=1),
        check.number("beyond", beyond, above=0.0, below=1.0),
        confidence,
    )
    data |= picture
    if check.integer("self_bleu", self_bleu, least=0):
        data["self_bleu"] = ("generation", _self_bleu(texts, self_bleu))
    about = {"unit": "text", "scorer": scorer, "confidence": confidence, "beyond": beyond, **(attrs or {})}
    trained, how = _training(texts, regime, about)
    if trained is not None:
        data["training_count"], data["real_count"] = ((("generation", "word"), part) for part in trained)
    vocabulary = np.array(texts.vocabulary, dtype=object if max(map(len, texts.vocabulary)) > 64 else None)
    return xr.Dataset(
        data,
        coords={
            "generation": [g.number for g in texts.generations],
            "word": vocabulary,
            "ngram": np.arange(1, longest + 1),
            "quantile": list(QUANTILES),
            "left": ("bin", np.exp(edges[:-1])),
            "right": ("bin", np.exp(edges[1:])),
        },
        attrs=about | {"training": how},
    )


# ------------------------------------------------------------------------------------------------- the texts


def _ordered(generations) -> list[Generation]:
    generations = list(generations)
    for g in generations:
        if not isinstance(g, Generation):
            raise TypeError(f"generations must be Generation records, got {g!r:.60}.")
    numbers = [g.number for g in generations]
    if 0 not in numbers:
        raise ValueError(f"generations must hold generation 0 (it is the real text), got {sorted(numbers)}.")
    if len(set(numbers)) < len(numbers):
        twice = next(n for n in numbers if numbers.count(n) > 1)
        raise ValueError(f"generations must have different numbers, got {twice} more than once.")
    return sorted(generations, key=lambda g: g.number)


def _fact(generation: Generation, name: str) -> float:
    value = generation.facts.get(name)
    return np.nan if value is None or generation.number == 0 else float(value)


class _Texts:
    """All texts as numbers: what was written, and by place what everything else was."""

    def __init__(self, generations: list[Generation]):
        self.generations = generations
        place: dict[str, int] = {}
        #: words of every text of every generation, kept and mixed-in ones included
        read = [
            [[place.setdefault(word, len(place)) for word in words(text)] for text in generation.texts]
            for generation in generations
        ]
        if not place or not any(read[0]):
            raise ValueError("generations must hold words in generation 0 (it is the real text), got none.")
        self.lengths = [np.array([len(text) for text in batch], np.int64) for batch in read]
        tokens = [np.fromiter((i for text in batch for i in text), np.int64) for batch in read]
        total = np.array([np.bincount(t, minlength=len(place)) for t in tokens])
        names = list(place)
        later = np.where(total[0] > 0, 0, total.sum(axis=0))
        order = sorted(range(len(names)), key=lambda i: (-total[0, i], -later[i], names[i]))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        self.vocabulary = [names[i] for i in order]
        self.tokens = [rank[t] for t in tokens]
        self.text_of = [np.repeat(np.arange(len(n)), n) for n in self.lengths]
        written = [g.source == "synthetic" if g.number else np.ones(len(g), bool) for g in generations]
        self.n_texts = np.array([w.sum() for w in written])
        most = max(len(g) for g in generations)
        self.text_words = np.zeros((len(generations), most), np.int64)
        self.written = []
        for i, (n, w) in enumerate(zip(self.lengths, written, strict=True)):
            self.text_words[i, : len(n)] = np.where(w, n, 0)
            self.written.append(w[self.text_of[i]] if len(w) else np.zeros(0, bool))
        self.kept = [~w for w in written]
        V = len(order)
        kept = [t[w] for t, w in zip(self.tokens, self.written, strict=True)]
        self.counts = np.array([np.bincount(t, minlength=V) for t in kept])
        self.padded = np.full((len(generations), max(map(len, kept))), -1, np.int32)
        for row, t in zip(self.padded, kept, strict=True):
            row[: len(t)] = t


def _training(texts: _Texts, regime, about: dict) -> tuple[tuple[np.ndarray, np.ndarray] | None, str]:
    """Return the words that each model was fitted to, all and the real ones, and how it is known.

    Writes the regime into `about`.
    """
    if regime is not None:
        if not hasattr(regime, "plan") or isinstance(regime, type):
            raise TypeError(f"regime must be a regime such as Replace(n={texts.n_texts[0]}), got {regime!r:.80}.")
        last = texts.generations[-1].number
        about |= {"regime": regime.describe(max(last, 1)), "regime_text": str(regime)}
    elif "regime" in about:
        regime = regimes.read(about["regime"])
    numbers = [g.number for g in texts.generations]
    place = {number: i for i, number in enumerate(numbers)}
    V = len(texts.vocabulary)
    out = np.zeros((2, len(numbers), V), np.int64)
    real = [~w if g.number else np.ones(len(w), bool) for g, w in zip(texts.generations, texts.written, strict=True)]
    recorded = [g.facts.get("training") for g in texts.generations]
    if all(pairs is not None for pairs in recorded[1:]) and len(numbers) > 1:
        for i, pairs in enumerate(recorded[1:], 1):
            pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
            for number in np.unique(pairs[:, 0]).tolist():
                if number not in place:
                    return None, f"not known: texts of generation {number} are missing"
                j = place[number]
                ids = pairs[pairs[:, 0] == number, 1]
                if ids.min() < 0 or ids.max() >= len(texts.lengths[j]):
                    raise ValueError(
                        f"training of generation {numbers[i]} must name texts that there are (generation {number} has "
                        f"{len(texts.lengths[j])}), got id {ids.max() if ids.min() >= 0 else ids.min()}."
                    )
                times = np.bincount(ids, minlength=len(texts.lengths[j]))
                weight = times[texts.text_of[j]]
                for k, w in enumerate((weight, weight * real[j])):
                    out[k, i] += np.bincount(texts.tokens[j], weights=w, minlength=V).astype(np.int64)
        return tuple(out), "recorded"
    if numbers != list(range(len(numbers))):
        return None, f"not known: generations {sorted(set(range(numbers[-1])) - set(numbers))} are missing"
    batch = np.array(
        [
            [np.bincount(t[w], minlength=V) for t, w in zip(texts.tokens, some, strict=True)]
            for some in (_all(real), real)
        ]
    )
    if regime is None:
        out[:, 1:] = batch[:, :-1]
        return tuple(
            out
        ), "taken for the batch before, as under replace: neither the records nor a regime say otherwise"
    T = len(numbers) - 1
    plan = regime.plan(T) if T else None
    if plan is None or plan.drawn.any() or (plan.pinned and plan.oldest[-1] > 1) or getattr(regime, "curation", None):
        return None, "not known: the regime chooses texts, and the records do not say which"
    for t in range(1, T + 1):
        out[:, t] = batch[:, plan.oldest[t - 1] - 1 : t].sum(axis=1)
    return tuple(out), f"all texts that {regime} holds"


def _all(parts: list[np.ndarray]) -> list[np.ndarray]:
    return [np.ones(len(part), bool) for part in parts]


# ------------------------------------------------------------------------------------------------- n-grams


def _ngrams(texts: _Texts, longest: int) -> tuple[np.ndarray, ...]:
    """Return survival, distinct, repeated and new, (generation, ngram)."""
    sizes = [int(w.sum()) for w in texts.written]
    token = np.concatenate([t[w] for t, w in zip(texts.tokens, texts.written, strict=True)])
    ends = np.cumsum([0, *(len(n) for n in texts.lengths)])
    text = np.concatenate([first + at[w] for first, at, w in zip(ends[:-1], texts.text_of, texts.written, strict=True)])
    generation = np.repeat(np.arange(len(sizes)), sizes)
    out = np.full((4, len(sizes), longest), np.nan)
    code, V = token, len(texts.vocabulary)
    for k in range(1, longest + 1):
        if k > 1:  # the n-gram that ends here: the one that ended a word before, and this word
            inside = text[1:] == text[:-1]
            code = code[:-1][inside] * V + token[1:][inside]
            token, text, generation = token[1:][inside], text[1:][inside], generation[1:][inside]
        if not code.size:
            break
        kinds, code = np.unique(code, return_inverse=True)
        real = np.zeros(len(kinds), bool)
        real[code[generation == 0]] = True
        # each n-gram once per generation, and once per text
        once = np.unique(generation * len(kinds) + code)
        per_generation = np.bincount(once // len(kinds), minlength=len(sizes))
        from_real = np.bincount(once[real[once % len(kinds)]] // len(kinds), minlength=len(sizes))
        order = np.lexsort((code, text))
        same = (np.diff(code[order]) == 0) & (np.diff(text[order]) == 0)
        again = np.bincount(generation[order][1:][same], minlength=len(sizes))
        total = np.bincount(generation, minlength=len(sizes))
        unseen = np.bincount(generation[~real[code]], minlength=len(sizes))
        with np.errstate(invalid="ignore", divide="ignore"):
            out[0, :, k - 1] = from_real / (real.sum() or np.nan)
            for i, part in enumerate((per_generation, again, unseen), 1):
                out[i, :, k - 1] = np.where(total > 0, part / total, np.nan)
    return tuple(out)


def _self_bleu(texts: _Texts, most: int) -> np.ndarray:
    """Return the mean BLEU of each text against the others, by generation."""
    if most < 2:
        raise ValueError(f"self_bleu must be 0 or >= 2 (a text is compared with others), got {most}.")
    try:
        from sacrebleu.metrics import BLEU
    except ImportError as error:
        raise ImportError("self_bleu needs sacrebleu: pip install modelcollapse[lm], or leave it at 0.") from error
    scorer = BLEU(tokenize="none", effective_order=True)
    out = np.full(len(texts.generations), np.nan)
    for i, generation in enumerate(texts.generations):
        there = np.flatnonzero(texts.text_words[i, : len(generation)])
        if len(there) < 2:
            continue
        chosen = there[np.unique(np.linspace(0, len(there) - 1, most).round().astype(int))]
        plain = [" ".join(words(generation.texts[j])) for j in chosen]
        scores = [scorer.sentence_score(text, plain[:j] + plain[j + 1 :]).score for j, text in enumerate(plain)]
        out[i] = np.mean(scores) / 100
    return out


# -------------------------------------------------------------------------------------- the published picture


def _surprise(texts: _Texts, scorer: str) -> np.ndarray:
    """Return nats per token of each written text, (generation, text)."""
    out = np.full(texts.text_words.shape, np.nan)
    for i, generation in enumerate(texts.generations):
        if scorer not in generation.nll_nats:
            continue
        tokens = np.where(generation.n_tokens > 0, generation.n_tokens, np.nan)
        out[i, : len(generation)] = np.where(texts.kept[i], np.nan, generation.nll_nats[scorer] / tokens)
    return out


def clopper_pearson(successes, trials, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the exact interval of a share."""
    k, n = np.asarray(successes, float), np.asarray(trials, float)
    tail = (1 - confidence) / 2
    low = np.where(k > 0, scipy.special.betaincinv(np.maximum(k, 1), n - k + 1, tail), 0.0)
    high = np.where(k < n, scipy.special.betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail), 1.0)
    return low, high


def hill(nll: np.ndarray, confidence: float = 0.95, *, share: float = TAIL) -> tuple[float, float, float]:
    r"""Return Hill's tail index of perplexities, and an interval for it, from their logarithms.

    Parameters
    ----------
    nll : ndarray, (text,)
        Logarithms of the perplexities; what is not finite is left out.
    confidence : float
        Of the interval, which is exact where the tail is Pareto's.
    share : float, optional
        The largest ``k = share * J`` (rounded up) of J texts are the tail.

    Returns
    -------
    index, low, high : float
        nan where fewer than 10 texts would make the tail, infinite where they are all alike.

    Examples
    --------
    >>> index, low, high = hill(np.random.default_rng(1).exponential(1 / 3, 10_000))
    >>> bool(low < 3 < high)
    True
    """
    values = np.sort(nll[np.isfinite(nll)])[::-1]
    k = int(np.ceil(share * len(values)))
    if k < LEAST_TAIL or k >= len(values):
        return np.nan, np.nan, np.nan
    excess = float((values[:k] - values[k]).mean())
    if excess == 0:
        return np.inf, np.inf, np.inf
    tail = (1 - confidence) / 2
    low, high = (float(scipy.special.gammaincinv(k, q)) / k for q in (tail, 1 - tail))
    return 1 / excess, low / excess, high / excess


def _picture(nll: np.ndarray, bins: int, beyond: float, confidence: float) -> tuple[dict, np.ndarray]:
    """Return the variables of the histogram of perplexities, and its edges in nats per token."""
    rows = [row[~np.isnan(row)] for row in nll]
    number = np.array([len(row) for row in rows])
    finite = nll[np.isfinite(nll)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    perplexity = np.full((len(rows), len(QUANTILES)), np.nan)
    histogram = np.full((len(rows), bins), np.nan)
    index = np.full((3, len(rows)), np.nan)
    counted = {"below_median": np.zeros(len(rows)), "tail_share": np.zeros(len(rows))}
    impossible = np.full(len(rows), np.nan)
    # without interpolation: between a number and infinity there is nothing to interpolate
    real = np.quantile(rows[0], [0.5, beyond], method="inverted_cdf") if number[0] else np.full(2, np.nan)
    for i, row in enumerate(rows):
        if not len(row):
            continue
        with np.errstate(over="ignore"):
            perplexity[i] = np.exp(np.quantile(row, QUANTILES, method="inverted_cdf"))
        histogram[i] = np.histogram(row[np.isfinite(row)], edges)[0] / len(row)
        impossible[i] = np.isinf(row).mean()
        counted["below_median"][i] = (row < real[0]).sum()
        counted["tail_share"][i] = (row > real[1]).sum()
        index[:, i] = hill(row, confidence)
    out = {
        "perplexity": (("generation", "quantile"), perplexity),
        "histogram": (("generation", "bin"), histogram),
        "impossible": ("generation", impossible),
    }
    known = (number > 0) & (number[0] > 0)
    for name, seen in counted.items():
        ends = clopper_pearson(seen, np.maximum(number, 1), confidence)
        for suffix, values in zip(("", "_low", "_high"), (seen / np.maximum(number, 1), *ends), strict=True):
            out[name + suffix] = ("generation", np.where(known, values, np.nan))
    for suffix, values in zip(("", "_low", "_high"), index, strict=True):
        out["tail_index" + suffix] = ("generation", values)
    return out, edges
