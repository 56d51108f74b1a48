r"""What becomes of a language that is learned, generation after generation, from its own text?

The truth is a real text. Generation 0 is the n-gram model of the whole of it, generation :math:`t \ge 1` the
:math:`t`-th fit, under any regime: `Plan` says how many real and how many written words come into being in
each generation and which of them are in the training text. What "a real word" and "a written word" mean
depends on the order, because the model of order 1 sees a bag of words and the others see a text.

==================  =========================================  ==============================================
\                   order 1                                    order 2 to 5
==================  =========================================  ==============================================
first batch         that many words of the corpus, drawn       one stretch of the corpus, begun at a random
                    without replacement; all of them if it     place and read as a ring; the whole ring if it
                    is as long as the corpus                   is as long as the corpus
words that stay     a random part of the first batch           the first words of that stretch
new real words      words of the corpus, drawn independently   one stretch begun at a random place
written words       independent words of the last model        one walk of the last model
a batch             a bag                                      a ring: the real stretch, then the walk
words drawn from    drawn without replacement                  blocks of 64 words drawn without replacement
a pool                                                         and joined to one ring, the last one cut short
==================  =========================================  ==============================================

So at order 1 the loop is the Wright-Fisher model with the corpus as the founding population, exactly, and
`wright_fisher` holds it against the closed forms. At higher orders there is no closed form to be held against:
the words of a walk depend on each other. What the model learned *and* what it wrote are recorded:

* of the training text: which words of the language are left, how many, their diversity;
* of a text that each model writes only to be judged: how surprising it is to the original model (block by
  block, the histogram of the published figure), how much it repeats itself, what it reads like;
* of real text, the corpus or a text held out: how surprising it is to each model. An unsmoothed model calls
  impossible what it did not see, and then its perplexity is infinite. Three numbers say what one cannot:
  ``unseen``, the share of n-grams that its training text lacks; ``perplexity_seen``, over the others, which
  may even fall while a model forgets and so means nothing alone; and ``perplexity_floored``, of a model that
  gives 1 % of its probability to all words alike and the rest to its own law: always finite, over all
  n-grams, and the one to plot.
"""

from __future__ import annotations

import json
from collections import deque
from importlib.metadata import version

import numpy as np

from modelcollapse import _rng, regimes
from modelcollapse import _validate as check
from modelcollapse.lm.corpus import Corpus
from modelcollapse.lm.ngram import FittedNGram, NGram, Table, add, codes, count, most_words
from modelcollapse.simulate import memory

#: words in a block, as in the published experiment
BLOCK = 64
#: words shown of each generation's text
SHOWN = 40
#: what `perplexity_floored` gives to all words alike
FLOOR = 0.01
#: NumPy's bound on a population that is drawn from without replacement
MOST_TOKENS = 10**9
_SCALARS = (
    "support",
    "heterozygosity",
    "entropy",
    "nll_under_original",
    "unseen_under_original",
    "perplexity_real",
    "perplexity_seen",
    "perplexity_floored",
    "unseen",
)


def chains(
    corpus: Corpus,
    *,
    order: int = 1,
    smoothing: float | str = 0.0,
    regime,
    generations: int,
    replicates: int = 1,
    rng=None,
    n_jobs: int = 1,
    progress: bool = False,
    held_out: Corpus | None = None,
    keep_words: bool = True,
    text_size: int = 8192,
):
    """Refit an n-gram model on its own text under `regime`, beginning with a real text.

    Parameters
    ----------
    corpus : Corpus
        The real text.
    order, smoothing : int, float or str
        Those of `NGram`.
    regime : Regime
        What each generation is fitted to; its points are words. ``Replace(n=len(corpus))`` fits generation 1
        to the corpus itself.
    generations : int
        Fits per chain, T >= 1.
    replicates : int, optional
        Independent chains.
    rng : None, int, SeedSequence or Generator, optional
        Where randomness starts. Every replicate has its own stream: the result is the same for any `n_jobs`.
    n_jobs : int, optional
        Threads; -1 for all cores.
    progress : bool, optional
        Show a progress bar on standard error.
    held_out : Corpus, optional
        Real text for the perplexities; default the corpus itself, which generation 1 has seen. N-grams with a
        word that the corpus lacks are left out; attribute ``held_out_unknown`` is the share of such words.
    keep_words : bool, optional
        Record for every word whether it is in each training text (one byte per replicate, generation and
        word).
    text_size : int, optional
        Words that each model writes to be judged, at least 64; no more than the corpus has.

    Returns
    -------
    xarray.Dataset
        Over (replicate, generation), generation 0 being the corpus. Of the training text: ``support``
        (distinct words), ``heterozygosity`` (probability that two words drawn with replacement differ),
        ``entropy`` of the word frequencies (nats), ``present`` (with ``word``). Of the text that model t
        writes, the corpus for t = 0: ``nll_under_original`` (nats per word, mean over the n-grams that the
        model of generation 0 deems possible: all of them with smoothing, and without it all but a few at the
        seams of batches), ``unseen_under_original`` (the share of n-grams that the corpus lacks),
        ``distinct`` (with ``ngram`` 1, 2, 3: distinct n-grams per n-gram). Of real text under model t:
        ``perplexity_real`` (infinite when anything is impossible), ``unseen`` (share of n-grams that the
        training text lacks), ``perplexity_seen`` (over the others), ``perplexity_floored`` (of the model
        mixed with 1 % of the uniform law). Of the first replicate: ``block_nll`` (generation, block), the
        mean of ``nll_under_original`` over each block of 64 words, and ``sample_text`` (generation), 40
        words. Of the corpus: ``original_count`` (word).

    Raises
    ------
    TypeError, ValueError
        If an argument breaks its rule or more real words are asked for than there are; before anything is
        simulated.

    Examples
    --------
    >>> from modelcollapse.regimes import Replace
    >>> corpus = Corpus.from_text("the cat saw the dog and the dog saw the cat and the bird saw nothing")
    >>> run = chains(corpus, regime=Replace(n=len(corpus)), generations=50, replicates=3, rng=1)
    >>> run["support"].sel(generation=[0, 1]).values.tolist()
    [[7, 7], [7, 7], [7, 7]]
    >>> bool((run["support"].diff("generation") <= 0).all())
    True
    """
    model = NGram(order, smoothing)
    generations = check.integer("generations", generations, least=1)
    text_size = check.integer("text_size", text_size, least=BLOCK, because="it is judged in blocks of 64")
    chain = _Chain(corpus, model, regime, generations, held_out, keep_words, text_size)
    replicates = check.integer("replicates", replicates, least=1)
    n_jobs = check.integer("n_jobs", n_jobs, least=-1)
    if n_jobs == 0:
        raise ValueError("n_jobs must be a number of threads, or -1 for all cores, got 0.")
    seed = _rng.root(rng)
    arrays = chain.empty(replicates)
    for r, recorded in enumerate(_chains(chain, replicates, seed, n_jobs, progress)):
        for name, value in recorded.items():
            if name in ("block_nll", "sample_text"):
                if r == 0:
                    arrays[name] = value
            else:
                arrays[name][r] = value
    return _dataset(chain, regime, arrays, replicates, seed)


def _chains(chain: _Chain, replicates: int, seed, n_jobs: int, progress: bool):
    """Yield what each replicate recorded, in order."""
    from joblib import Parallel, delayed
    from tqdm import tqdm

    if n_jobs == 1:
        results = (chain.run(_rng.stream(seed, r)) for r in range(replicates))
    else:
        results = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(
            delayed(chain.run)(_rng.stream(seed, r)) for r in range(replicates)
        )
    yield from tqdm(results, total=replicates, desc="refitting NGram", unit="chain", disable=not progress)


class _Chain:
    """Everything that the replicates of one experiment share, and the loop itself."""

    def __init__(
        self,
        corpus: Corpus,
        model: NGram,
        regime,
        generations: int,
        held_out: Corpus | None,
        keep_words: bool,
        text_size: int,
    ):
        for name, value in (("corpus", corpus), ("held_out", held_out)):
            if not isinstance(value, Corpus) and not (name == "held_out" and value is None):
                raise TypeError(
                    f"{name} must be a Corpus, for example Corpus.from_file('book.txt'), got {value!r:.60}."
                )
        if not hasattr(regime, "plan") or isinstance(regime, type):
            raise TypeError(f"regime must be a regime such as Replace(n={len(corpus)}), got {regime!r:.80}.")
        if getattr(regime, "curation", None) or getattr(regime, "real_weight", None) is not None:
            raise ValueError(
                f"regime must leave its texts as they are, all of the same weight (curations choose points, and a text "
                f"is none), got {regime}."
            )
        self.plan = plan = regime.plan(generations)
        if plan.real[0] > len(corpus):
            raise ValueError(
                f"{regime} must ask for at most {len(corpus)} real words at generation 1 (the "
                f"corpus has that many), got {int(plan.real[0])}."
            )
        most = most_words(model.order)
        if len(corpus.vocabulary) > most:
            raise ValueError(
                f"corpus must have at most {most} distinct words at order {model.order} (three are written as "
                f"one number, of 63 bits or, at orders 4 and 5, 53), got {len(corpus.vocabulary)}."
            )
        if model.order == 1 and plan.drawn.any() and plan.held.max() >= MOST_TOKENS:
            raise ValueError(
                f"{regime} must hold fewer than {MOST_TOKENS} words (it draws from them without "
                f"replacement), got {int(plan.held.max())}."
            )
        self.corpus, self.model, self.keep_words = corpus, model, keep_words
        self.V = len(corpus.vocabulary)
        self.text_size = min(text_size, max(BLOCK, len(corpus) // BLOCK * BLOCK))
        self.founders = self._count(corpus.tokens)
        self.original = model.from_counts(self.founders, self.V)
        self.real, self.held_out_unknown = self._real_text(held_out)
        self.held_out = held_out

    def _count(self, *rings: np.ndarray) -> Table:
        return count(np.concatenate([codes(ring, self.model.order, self.V) for ring in rings]))

    def _real_text(self, held_out: Corpus | None) -> tuple[Table, float]:
        """N-grams of the real text that is scored, and the share of its words that the corpus lacks."""
        if held_out is None:
            return self.founders, 0.0
        place = {word: i for i, word in enumerate(self.corpus.vocabulary)}
        tokens = np.array([place.get(word, -1) for word in held_out.vocabulary])[held_out.tokens]
        unknown = tokens < 0
        left_out = unknown.copy()
        for shift in range(1, self.model.order):
            left_out |= np.roll(unknown, -shift)
        if left_out.all():
            raise ValueError(
                "held_out must share some text with the corpus (unknown words have no score), "
                f"got {unknown.mean():.0%} unknown words in {held_out.source}."
            )
        known = codes(np.where(unknown, 0, tokens), self.model.order, self.V)[~left_out]
        return count(known), float(unknown.mean())

    def empty(self, replicates: int) -> dict[str, np.ndarray]:
        """Room for what all replicates record."""
        rows = (replicates, self.plan.generations + 1)
        need = rows[0] * rows[1] * self.V
        if self.keep_words and need > memory():
            raise ValueError(
                "keep_words must be False for a run this large (it takes a byte per replicate, "
                f"generation and word, and {memory() / 1e9:.1f} GB are free), "
                f"got {need / 1e9:.1f} GB."
            )
        out = {name: np.empty(rows) for name in _SCALARS}
        out["support"] = np.empty(rows, np.int64)
        out["distinct"] = np.empty((*rows, 3))
        if self.keep_words:
            out["present"] = np.empty((*rows, self.V), np.int8)
        return out

    def run(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Simulate one chain; return what it records, generation first."""
        out = {name: value[0] for name, value in self.empty(1).items()}
        blocks = max(1, (self.text_size - self.model.order + 1) // BLOCK)
        out["block_nll"] = np.empty((self.plan.generations + 1, blocks))
        out["sample_text"] = np.empty(self.plan.generations + 1, object)
        self._record(0, self.original, self._stretch(self.text_size, rng), out)
        training = self._bags(rng) if self.model.order == 1 else self._rings(rng)
        model = self.original
        table = next(training)
        for t in range(1, self.plan.generations + 1):
            model = self.model.from_counts(table, self.V)
            self._record(t, model, model.walk(self.text_size, rng), out)
            if t < self.plan.generations:
                table = training.send(model)
        return out

    def _stretch(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """`size` successive words of the corpus, read as a ring from a random place."""
        first = rng.integers(len(self.corpus))
        return np.take(self.corpus.tokens, np.arange(first, first + size), mode="wrap")

    def _bags(self, rng: np.random.Generator):
        """Training tables of order 1; the model fitted to each is sent back. Only counts are ever drawn."""
        plan, corpus = self.plan, self.corpus.counts
        model = None
        batches: deque = deque()
        for t in range(plan.generations):
            if t == 0:
                size = int(plan.real[0])
                bag = corpus if size == len(self.corpus) else _without_replacement(rng, corpus, size)
                pinned = _table(_without_replacement(rng, bag, plan.pinned)) if plan.pinned else None
            else:
                fresh, made = self._sizes(t, rng)
                bag = np.zeros(self.V, np.int64)
                if fresh:
                    bag += rng.multinomial(fresh, corpus / len(self.corpus))
                if made and model.smoothing != 0:
                    bag += rng.multinomial(made, model.probabilities())
                elif made:
                    bag[model.codes] += rng.multinomial(made, model.counts / model.counts.sum())
            held = self._held(t, batches, _table(bag), pinned)
            if plan.drawn[t] and plan.drawn[t] < plan.held[t]:
                some = _without_replacement(rng, held[1], int(plan.drawn[t]))
                held = held[0][some > 0], some[some > 0]
            model = yield held

    def _rings(self, rng: np.random.Generator):
        """Training tables of order 2 and more; the model fitted to each is sent back."""
        plan = self.plan
        model = None
        batches: deque = deque()
        pool: list[np.ndarray] = []
        for t in range(plan.generations):
            if t == 0:
                ring = self._stretch(int(plan.real[0]), rng)
                pinned = self._count(ring[: plan.pinned]) if plan.pinned else None
            else:
                fresh, made = self._sizes(t, rng)
                ring = np.concatenate([self._stretch(fresh, rng), model.walk(made, rng)])
            if plan.drawn.any():
                pool.append(ring)
            held = self._held(t, batches, self._count(ring), pinned)
            if plan.drawn[t] and plan.drawn[t] < plan.held[t]:
                held = self._count(_blocks(rng, pool[plan.oldest[t] - 1 :], int(plan.drawn[t])))
            model = yield held

    def _sizes(self, t: int, rng: np.random.Generator) -> tuple[int, int]:
        """New real words and written words of batch t + 1."""
        mixed = rng.binomial(self.plan.synthetic[t], self.plan.mix[t]) if self.plan.mix[t] > 0 else 0
        return int(self.plan.real[t] + mixed), int(self.plan.synthetic[t] - mixed)

    def _held(self, t: int, batches: deque, newest: Table, pinned: Table | None) -> Table:
        """Add up the batches in use; `batches` holds the earlier ones, as one where none ever leaves."""
        plan = self.plan
        batches.append(newest)
        if plan.oldest[-1] == 1:
            total = add(*batches)
            batches.clear()
            batches.append(total)
            return total
        while len(batches) > t + 2 - plan.oldest[t]:
            batches.popleft()
        return add(*batches, pinned) if pinned is not None and plan.oldest[t] > 1 else add(*batches)

    def _record(self, t: int, model: FittedNGram, text: np.ndarray, out: dict[str, np.ndarray]) -> None:
        """Write down what generation t learned, what it writes, and what it makes of real text.

        Sums, not dot products: those may run on several threads, and their last bits depend on how many.
        """
        margin = model.margin
        frequency = margin[margin > 0] / margin.sum()
        out["support"][t] = len(frequency)
        out["heterozygosity"][t] = 1 - (frequency * frequency).sum()
        out["entropy"][t] = -(frequency * np.log(frequency)).sum()
        if self.keep_words:
            out["present"][t] = margin > 0

        log_probability, occurrences = self.original.score(codes(text, self.model.order, self.V, ring=False))
        nll = -log_probability
        out["nll_under_original"][t] = _mean_where_finite(nll[None])[0]
        out["unseen_under_original"][t] = np.mean(occurrences == 0)
        size = min(BLOCK, len(nll))
        out["block_nll"][t] = _mean_where_finite(nll[: len(nll) // size * size].reshape(-1, size))
        for k in (1, 2, 3):
            written = np.sort(codes(text, k, self.V, ring=False))
            out["distinct"][t, k - 1] = (1 + np.count_nonzero(np.diff(written))) / len(written)
        out["sample_text"][t] = self.corpus.text(text[:SHOWN])

        real, times = self.real
        log_probability, occurrences = model.score(real)
        seen = occurrences > 0
        words, known = times.sum(), times[seen].sum()
        out["unseen"][t] = 1 - known / words
        out["perplexity_real"][t] = np.exp(-(times * log_probability).sum() / words)
        over_seen = (times[seen] * log_probability[seen]).sum()
        out["perplexity_seen"][t] = np.exp(-over_seen / known) if known else np.nan
        floored = np.log((1 - FLOOR) * np.exp(log_probability) + FLOOR / self.V)
        out["perplexity_floored"][t] = np.exp(-(times * floored).sum() / words)


def _mean_where_finite(rows: np.ndarray) -> np.ndarray:
    """Mean of each row over its finite entries; nan where there are none."""
    finite = np.isfinite(rows)
    number = finite.sum(axis=1)
    return np.where(number > 0, np.where(finite, rows, 0.0).sum(axis=1) / np.maximum(number, 1), np.nan)


def _table(bag: np.ndarray) -> Table:
    word = np.flatnonzero(bag)
    return word, bag[word]


def _without_replacement(rng: np.random.Generator, counts: np.ndarray, size: int) -> np.ndarray:
    """Counts of `size` words drawn from a bag without replacement."""
    return rng.multivariate_hypergeometric(counts, size, method="marginals")


def _blocks(rng: np.random.Generator, pool: list[np.ndarray], size: int) -> np.ndarray:
    """Blocks of 64 words (the last of a batch may be shorter) in random order, joined, cut to `size`."""
    cut = [(ring, first) for ring in pool for first in range(0, len(ring), BLOCK)]
    drawn, length = [], 0
    for i in rng.permutation(len(cut)):
        ring, first = cut[i]
        drawn.append(ring[first : first + BLOCK])
        length += len(drawn[-1])
        if length >= size:
            break
    return np.concatenate(drawn)[:size]


def _dataset(chain: _Chain, regime, arrays: dict[str, np.ndarray], replicates: int, seed):
    """Wrap what was recorded into a Dataset that says how it was made."""
    import xarray as xr

    lead = ("replicate", "generation")
    dims = {
        "distinct": (*lead, "ngram"),
        "present": (*lead, "word"),
        "block_nll": ("generation", "block"),
        "sample_text": ("generation",),
    }
    data = {
        name: (dims.get(name, lead), value.astype(str) if value.dtype == object else value)
        for name, value in arrays.items()
    }
    data["original_count"] = (("word",), np.array(chain.corpus.counts))
    T = chain.plan.generations
    coords = {
        "replicate": np.arange(replicates),
        "generation": np.arange(T + 1),
        "ngram": [1, 2, 3],
        "word": np.array(chain.corpus.vocabulary),
    }
    attrs = {
        "family": "NGram",
        "family_options": json.dumps({"order": chain.model.order, "smoothing": chain.model.smoothing}),
        "truth": "corpus",
        "corpus": chain.corpus.source,
        "corpus_tokens": len(chain.corpus),
        "corpus_words": chain.V,
        "held_out": "" if chain.held_out is None else chain.held_out.source,
        "held_out_unknown": chain.held_out_unknown,
        "text_size": chain.text_size,
        "regime": regime.describe(T),
        "regime_text": str(regime),
        "generations": T,
        "replicates": replicates,
        "entropy": str(seed.entropy),
        "spawn_key": json.dumps([int(k) for k in seed.spawn_key]),
        "versions": json.dumps({name: version(name) for name in ("numpy", "numba")}),
    }
    return xr.Dataset(data, coords=coords, attrs=attrs)


def wright_fisher(run):
    r"""Hold a unigram run against population genetics, where the answers are exact.

    A unigram model without smoothing that is refitted to its own text is the Wright-Fisher model: words are
    alleles, the corpus is the founding population. Then, with :math:`F_t` the inbreeding coefficient of the
    regime for a population of :math:`N` real words and :math:`H = 1 - \sum_i p_i^2`,

    .. math:: E[H_t] = (1 - F_t)\, H_0

    (claims ``F-MASTER``, ``WF-H``; exact). Under `Replace` every word alone is an allele of two-type
    Wright-Fisher drift, so the expected number of words left is known too (``SUR-COR1``): exactly if all
    texts have the same length or are short, and otherwise as an asymptotic whose error is far below anything
    seen here; the coordinate ``kind`` says which. A regime that never drops its first batch keeps all its
    words. Elsewhere the support is predicted for generation 1 only.

    Parameters
    ----------
    run : Dataset
        From `chains` with ``order=1, smoothing=0``.

    Returns
    -------
    xarray.Dataset
        Over (quantity, generation) with quantities ``heterozygosity`` and ``support``: ``predicted``,
        ``seen`` (mean over replicates), ``standard_error`` of that mean (from the scatter of the replicates;
        nan for one replicate), ``z`` (nan where there is nothing to compare).

    Raises
    ------
    ValueError
        If the run is of another kind: nothing exact is known for it.
    """
    import xarray as xr

    from modelcollapse.theory.categorical import heterozygosity
    from modelcollapse.theory.inbreeding import inbreeding

    options = json.loads(run.attrs.get("family_options", "{}"))
    if run.attrs.get("family") != "NGram" or options != {"order": 1, "smoothing": 0.0}:
        raise ValueError(
            "run must come from chains(..., order=1, smoothing=0) (only that is the "
            f"Wright-Fisher model exactly), got {run.attrs.get('family')} with {options}."
        )
    regime, T = regimes.read(run.attrs["regime"]), int(run.attrs["generations"])
    plan, tokens = regime.plan(T), int(run.attrs["corpus_tokens"])
    counts = run["original_count"].values
    expected = heterozygosity(counts / tokens, inbreeding(regime, T, population=tokens))
    support, kind = _support(plan, counts)
    predicted = np.stack([expected, support])
    seen, error = [], []
    for name in ("heterozygosity", "support"):
        values = run[name].values.astype(float)
        seen.append(values.mean(axis=0))
        error.append(values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.full(T + 1, np.nan))
    seen, error = np.array(seen), np.array(error)
    gap = seen - predicted
    rounding = np.abs(gap) <= 1e-12 * np.maximum(np.abs(predicted), 1)
    z = np.where(rounding, 0.0, gap / np.where(error > 0, error, np.nan))
    lead = ("quantity", "generation")
    return xr.Dataset(
        {"predicted": (lead, predicted), "seen": (lead, seen), "standard_error": (lead, error), "z": (lead, z)},
        coords={
            "quantity": ["heterozygosity", "support"],
            "generation": np.arange(T + 1),
            "kind": ("quantity", ["exact", kind]),
            "source": ("quantity", ["F-MASTER", "SUR-COR1"]),
        },
        attrs={
            "regime_text": run.attrs["regime_text"],
            "replicates": run.sizes["replicate"],
            "corpus": run.attrs["corpus"],
        },
    )


def _support(plan, counts: np.ndarray) -> tuple[np.ndarray, str]:
    """Expected number of distinct words in generations 0 .. T (nan: no formula is known), and its kind."""
    from modelcollapse.theory.categorical import expected_support, first_fit_survival, survival_method

    T, N = plan.generations, int(counts.sum())
    out = np.full(T + 1, np.nan)
    out[0] = len(counts)
    out[1] = first_fit_survival(counts / N, int(plan.size[0]), population=N).sum()
    if plan.drawn.any() or plan.real[1:].any() or plan.mix.any():
        return out, "exact"
    out[1:][plan.oldest == 1] = out[1]
    if not plan.pinned and (plan.oldest == np.arange(1, T + 1)).all():
        out = expected_support(counts / N, plan.batch, T, population=N)
        return out, survival_method(plan.batch, T, len(np.unique(counts)))
    return out, "exact"
