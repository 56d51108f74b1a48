"""N-gram models: fit, sample, score and the unigram loop, each beside the plain-Python or NumPy way.

Run with ``pytest tests/benchmarks/test_ngram.py --benchmark-only``. The text is the Python language reference,
repeated until it has 200,000 words.
"""

from collections import Counter

import numpy as np
import pytest

from modelcollapse.lm import Corpus, NGram, experiment
from modelcollapse.regimes import Replace

CORPUS = Corpus.default()
V = len(CORPUS.vocabulary)
TEXT = np.resize(CORPUS.tokens, 200_000)
WRITTEN = 1_000_000


def ready(order, smoothing=0.0):
    model = NGram(order, smoothing).fit(CORPUS.tokens, V)
    model.sample(10, 0)  # compile
    return model


@pytest.mark.parametrize("order", [1, 2, 3])
def test_fit(benchmark, order):
    benchmark.group = "fit to 200,000 words"

    def fit():
        model = NGram(order).fit(TEXT, V)
        model.sample(1, 0)  # the table of rows is made when it is first needed
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
    assert len(benchmark.pedantic(model.sample, (WRITTEN, 1), rounds=5)) == WRITTEN


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
    benchmark.pedantic(model.nll, (TEXT,), rounds=5)


@pytest.mark.parametrize("order", [1, 3])
def test_loop(benchmark, order):
    benchmark.group = "30 generations of the whole corpus, one chain"
    ready(order)
    request = {"order": order, "regime": Replace(n=len(CORPUS)), "generations": 30, "rng": 0}
    run = benchmark.pedantic(experiment, (CORPUS,), request, rounds=3)
    assert run.sizes["generation"] == 31
