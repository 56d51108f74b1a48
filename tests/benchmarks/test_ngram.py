"""N-gram models: fit, sample, score and the unigram loop, each beside the plain-Python or NumPy way.

Run with ``pytest tests/benchmarks/test_ngram.py --benchmark-only``. The text is the Python language reference,
repeated until it has 200,000 words. For whole bigram generations, which need a vocabulary as large as a real one, it
is made: every other word depends on the word before it, and word frequencies follow Zipf's law. Smoothings are
compared on the validation part of WikiText-2, which is no part of the project: the environment variable
MODELCOLLAPSE_DATA names the folder that has it.
"""

import os
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from modelcollapse.lm import Corpus, NGram, chains
from modelcollapse.regimes import Replace
from modelcollapse.testing import stream

CORPUS = Corpus.default()
V = len(CORPUS.vocabulary)
TEXT = np.resize(CORPUS.tokens, 200_000)
WRITTEN = 1_000_000


def ready(order, smoothing=0.0):
    model = NGram(order, smoothing).fit_tokens(CORPUS.tokens, V)
    model.walk(10, 0)  # compile
    return model


@pytest.mark.parametrize("order", [1, 2, 3])
def test_fit(benchmark, order):
    benchmark.group = "fit to 200,000 words"

    def fit():
        model = NGram(order).fit_tokens(TEXT, V)
        model.walk(1, 0)  # the table of rows is made when it is first needed
        return model

    assert benchmark.pedantic(fit, rounds=10, warmup_rounds=1).counts.sum() == len(TEXT)


def test_fit_peer_counter(benchmark):
    benchmark.group = "fit to 200,000 words"
    words = TEXT.tolist()
    benchmark.pedantic(lambda: Counter(zip(words, words[1:], words[2:], strict=False)), rounds=3)


@pytest.mark.parametrize("smoothing", [0.0, 1e-4])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_sample(benchmark, order, smoothing):
    benchmark.group = "write 1,000,000 words"
    model = ready(order, smoothing)
    assert len(benchmark.pedantic(model.walk, (WRITTEN, 1), rounds=5)) == WRITTEN


def test_sample_peer_numpy_choice(benchmark):
    benchmark.group = "write 1,000,000 words"
    p = ready(1).probabilities()
    rng = np.random.default_rng(0)
    benchmark.pedantic(lambda: rng.choice(V, size=WRITTEN, p=p), rounds=3)


def test_sample_peer_dictionary_of_lists(benchmark):
    """What people write for a trigram: a dictionary from context to the list of the words that followed; a tenth."""
    benchmark.group = "write 1,000,000 words"
    words = CORPUS.tokens.tolist()
    follows = {}
    for a, b, c in zip(words, words[1:] + words[:1], words[2:] + words[:2], strict=True):
        follows.setdefault((a, b), []).append(c)
    rng = np.random.default_rng(0)

    def write():
        a, b = words[:2]
        for u in rng.random(WRITTEN // 10):
            after = follows[a, b]
            a, b = b, after[int(u * len(after))]

    benchmark.pedantic(write, rounds=3)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_score(benchmark, order):
    benchmark.group = "negative log-likelihood of 200,000 words"
    model = ready(order)
    benchmark.pedantic(model.nll_tokens, (TEXT,), rounds=5)


@pytest.mark.parametrize("order", [1, 3])
def test_loop(benchmark, order):
    benchmark.group = "30 generations of the whole corpus, one chain"
    ready(order)
    request = {"order": order, "regime": Replace(n=len(CORPUS)), "generations": 30, "rng": 0}
    run = benchmark.pedantic(chains, (CORPUS,), request, rounds=3)
    assert run.sizes["generation"] == 31


# ------------------------------------------------------------------------------------------- smoothings, WikiText-2

SMOOTHINGS = (0.0, 1e-4, "kneser-ney")
READ = "write 1,000,000 words of a trigram, WikiText-2"


@cache
def wikitext():
    folder = Path(os.environ.get("MODELCOLLAPSE_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = folder / "wikitext-2" / "valid.txt"
    if not path.exists():
        pytest.skip(f"{path} is absent: WikiText-2 is not part of the project; name its folder with MODELCOLLAPSE_DATA")
    return Corpus.from_file(path)


def learned(order, smoothing):
    corpus = wikitext()
    model = NGram(order, smoothing).fit_tokens(corpus.tokens, len(corpus.vocabulary))
    model.walk(10, 0)  # compile, and make the tables of a walk
    return model


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("order", [3, 5])
def test_sample_smoothed(benchmark, order, smoothing):
    benchmark.group = READ if order == 3 else READ.replace("trigram", "model of order 5")
    model = learned(order, smoothing)
    benchmark.pedantic(model.walk, (WRITTEN, 1), rounds=10)
    if order == 3:
        assert WRITTEN / benchmark.stats.stats.min > 5e6  # words a second


def test_sample_kneser_ney_peer_dictionaries(benchmark):
    """A Kneser-Ney trigram in dictionaries and NumPy: the law of a context is mixed when it is met; a hundredth."""
    benchmark.group = READ
    corpus = wikitext()
    V, words = len(corpus.vocabulary), corpus.tokens.tolist()
    top = Counter(zip(words, words[1:] + words[:1], words[2:] + words[:2], strict=True))
    pairs = Counter(gram[1:] for gram in top)
    levels = [Counter(gram[1:] for gram in pairs), pairs, top]
    rows = [{} for _ in levels]
    for row, level in zip(rows, levels, strict=True):
        for gram, n in level.items():
            row.setdefault(gram[:-1], []).append((gram[-1], n))
    rows = [{h: tuple(map(np.array, zip(*row, strict=True))) for h, row in level.items()} for level in rows]

    def law(context):
        p = np.full(V, 1 / V)
        for k, level in enumerate(rows):
            if (h := context[2 - k :]) in level:
                word, n = level[h]
                p *= 0.75 * len(n) / n.sum()
                p[word] += (n - 0.75) / n.sum()
        return p

    rng = np.random.default_rng(0)

    def write():
        context = tuple(words[:2])
        for u in rng.random(WRITTEN // 100):
            p = np.cumsum(law(context))
            context = context[1], min(int(np.searchsorted(p, u * p[-1])), V - 1)

    benchmark.pedantic(write, rounds=3)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("order", [3, 5])
def test_fit_smoothed(benchmark, order, smoothing):
    benchmark.group = f"fit order {order}, WikiText-2"
    learned(order, smoothing)
    benchmark.pedantic(learned, (order, smoothing), rounds=5)


# ------------------------------------------------------------------------------------------- one bigram generation

WORDS, TYPES = 440_000, 20_000
#: sequences that the peer writes side by side
ABREAST = WORDS // 64
GENERATION = "one bigram generation: write 440,000 words of 20,000 types, refit"


@cache
def zipf_markov():
    """A text in which half of the words are drawn by Zipf's law, and half in a way that the word before decides."""
    rng = stream("zipf markov")
    p = np.cumsum(1 / np.arange(1, TYPES + 1))
    drawn = np.minimum(np.searchsorted(p, rng.random(WORDS) * p[-1]), TYPES - 1)
    free, which = rng.random(WORDS) < 0.5, rng.geometric(0.2, WORDS)
    text = drawn
    for _ in range(64):  # longer than any stretch of words that depend on each other
        text = np.where(free, drawn, drawn[(np.roll(text, 1) * 9973 + which * 40503) % WORDS])
    return text.astype(np.int32)


def our_generation():
    rng = stream("bigram generation")
    model = NGram(2).fit_tokens(zipf_markov(), TYPES)
    model.walk(10, rng)  # compile

    def generation():
        refitted = NGram(2).fit_tokens(model.walk(WORDS, rng), TYPES)
        refitted.walk(1, rng)  # the tables of a walk are made when they are first needed
        return refitted

    return generation


def peer_fit(text):
    """Bigram counts of a ring in compressed rows: n-grams before each entry, word, row it leads to, bounds of rows."""
    code, counts = np.unique(text.astype(np.int64) * TYPES + np.roll(text, -1), return_counts=True)
    context, word = np.divmod(code, TYPES)
    first = np.flatnonzero(np.diff(context, prepend=-1))
    row = np.zeros(TYPES, np.int64)
    row[context[first]] = np.arange(len(first))
    before = np.concatenate([[0.0], np.cumsum(counts)])  # as float: a search for floats would copy integers
    return before, word, row[word], before[np.append(first, len(word))]


def peer_abreast():
    """NumPy, all sequences at once and position by position: one search in the cumulative counts finds every word."""
    rng = stream("abreast")
    tables = peer_fit(zipf_markov())

    def generation():
        before, word, leads_to, bound = tables
        text = np.empty((WORDS // ABREAST, ABREAST), np.int32)
        row = leads_to[np.searchsorted(before, rng.random(ABREAST) * before[-1], side="right") - 1]
        for i in range(len(text)):
            place = bound[row] + rng.random(ABREAST) * (bound[row + 1] - bound[row])
            entry = np.searchsorted(before, place, side="right") - 1
            text[i] = word[entry]
            row = leads_to[entry]
        return peer_fit(text.T.ravel())

    return generation


def peer_walk():
    """NumPy, one walk as ours is, word by word: a search in the row of the present word."""
    rng = stream("walk")
    tables = peer_fit(zipf_markov())

    def generation():
        before, word, leads_to, bound = tables
        text = np.empty(WORDS, np.int32)
        row = 0
        for i, u in enumerate(rng.random(WORDS)):
            place = bound[row] + u * (bound[row + 1] - bound[row])
            entry = before.searchsorted(place, side="right") - 1
            text[i] = word[entry]
            row = leads_to[entry]
        return peer_fit(text)

    return generation


@pytest.mark.parametrize("who", [our_generation, peer_abreast, peer_walk])
def test_bigram_generation(benchmark, who):
    benchmark.group = GENERATION
    benchmark.pedantic(who(), rounds=1 if who is peer_walk else 20, warmup_rounds=int(who is not peer_walk))
