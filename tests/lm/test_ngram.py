"""Counting, the law of the next word, and walks."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse.lm import Corpus, NGram
from modelcollapse.lm.ngram import MOST_WORDS, MOST_WORDS_WIDE, add, codes, count, most_words, words_of
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_counts

SETTINGS = settings(deadline=None, derandomize=True, database=None, max_examples=60)
ORDERS = (1, 2, 3, 4, 5)
FEW = (1, 2, 3)
SIZE = 4
LETTERS = np.array([0, 1, 2, 0, 1, 3, 0, 0, 1, 2, 2, 1, 0, 0, 0])


def texts(most=6, longest=60):
    """A vocabulary size and a text that need not use all of it."""
    return st.integers(1, most).flatmap(
        lambda size: st.tuples(st.just(size), st.lists(st.integers(0, size - 1), min_size=1, max_size=longest))
    )


def grams(tokens, order):
    """All n-grams of a ring, the slow and obvious way."""
    return [tuple(tokens[(i + j) % len(tokens)] for j in range(order)) for i in range(len(tokens))]


def decode(code, order, size):
    word = []
    for _ in range(order):
        code, last = divmod(int(code), size)
        word.append(last)
    return tuple(word[::-1])


@SETTINGS
@given(text=texts(), order=st.sampled_from(ORDERS))
def test_a_fit_counts_what_a_counter_counts(text, order):
    size, tokens = text
    model = NGram(order).fit_tokens(np.array(tokens), size)
    found = {decode(c, order, size): int(k) for c, k in zip(model.codes, model.counts, strict=True)}
    assert found == Counter(grams(tokens, order))
    assert model.margin.tolist() == [tokens.count(word) for word in range(size)]


@SETTINGS
@given(text=texts())
def test_the_margins_of_a_ring_agree(text):
    size, tokens = text
    tables = {order: NGram(order).fit_tokens(np.array(tokens), size) for order in ORDERS}
    for order in ORDERS[1:]:
        lower, higher = tables[order - 1], tables[order]
        for place in (higher.codes // size, higher.codes % size ** (order - 1)):  # without the last, the first word
            table = Counter()
            for code, k in zip(place.tolist(), higher.counts.tolist(), strict=True):
                table[code] += k
            assert table == dict(zip(lower.codes.tolist(), lower.counts.tolist(), strict=True))


@SETTINGS
@given(
    text=texts(most=3, longest=30),
    order=st.sampled_from(ORDERS),
    smoothing=st.one_of(st.just(0.0), st.floats(1e-6, 1e6)),
)
def test_the_law_of_the_next_word_is_normalised_in_every_context(text, order, smoothing):
    size, tokens = text
    model = NGram(order, smoothing).fit_tokens(np.array(tokens), size)
    counted = Counter(grams(tokens, order))
    for context in itertools.product(range(size), repeat=order - 1):
        law = model.probabilities(context)
        assert abs(law.sum() - 1) < 1e-12
        row = np.array([counted[(*context, word)] for word in range(size)], float)
        below = row.sum() + smoothing * size
        expected = (row + smoothing) / below if below else np.full(size, 1 / size)
        np.testing.assert_allclose(law, expected, rtol=1e-12)
        code = np.array([np.ravel_multi_index((*context, word), (size,) * order) for word in range(size)])
        log_probability, occurrences = model.score(code)
        np.testing.assert_allclose(np.exp(log_probability), law, rtol=1e-12)
        assert occurrences.tolist() == row.tolist()


@SETTINGS
@given(one=texts(), two=texts(), order=st.sampled_from(ORDERS))
def test_texts_are_rings_of_their_own_and_their_counts_add(one, two, order):
    size = max(one[0], two[0])
    a, b = np.array(one[1]), np.array(two[1])
    both = NGram(order).fit_tokens([a, b], size)
    tables = [NGram(order).fit_tokens(x, size) for x in (a, b)]
    added = add(*((m.codes, m.counts) for m in tables))
    assert np.array_equal(both.codes, added[0])
    assert np.array_equal(both.counts, added[1])


@SETTINGS
@given(text=texts(), order=st.sampled_from(ORDERS), seed=st.integers(0, 2**32 - 1))
def test_without_smoothing_every_written_ngram_was_read(text, order, seed):
    size, tokens = text
    model = NGram(order).fit_tokens(np.array(tokens), size)
    written = model.walk(100, seed)
    assert np.isin(codes(written, order, size, ring=False), model.codes).all()
    assert np.isfinite(model.nll_tokens(written)).all()
    assert set(written.tolist()) <= set(tokens)


@SETTINGS
@given(text=texts(), order=st.sampled_from(ORDERS), smoothing=st.floats(1e-9, 1e9), seed=st.integers(0, 2**32 - 1))
def test_written_words_are_words(text, order, smoothing, seed):
    size, tokens = text
    written = NGram(order, smoothing).fit_tokens(np.array(tokens), size).walk(50, seed)
    assert written.dtype == np.int32
    assert written.min() >= 0
    assert written.max() < size


@pytest.mark.parametrize("order", ORDERS)
def test_the_likelihood_of_the_training_text_is_its_conditional_entropy(order):
    corpus = Corpus.default()
    size = len(corpus.vocabulary)
    model = NGram(order).fit_tokens(corpus.tokens, size)
    ring = np.concatenate([corpus.tokens[len(corpus) - order + 1 :], corpus.tokens])
    entropy = [0.0]
    for k in range(1, order + 1):
        counts = NGram(k).fit_tokens(corpus.tokens, size).counts
        entropy.append(-np.dot(counts, np.log(counts / len(corpus))) / len(corpus))
    assert model.nll_tokens(ring).mean() == pytest.approx(entropy[order] - entropy[order - 1], rel=1e-12)
    assert len(model.nll_tokens(ring)) == len(corpus)


def of_the_next_word(model):
    """P-values of a walk: the words that follow the first m visits to a context are independent draws from its law."""
    contexts = list(itertools.product(range(SIZE), repeat=model.order - 1))

    def pvalues(walk):
        context, word = np.divmod(codes(walk, model.order, SIZE, ring=False), SIZE)
        m = len(walk) // (2, 40, 200)[model.order - 1]  # the rarest context is met more often than that
        out = []
        for code, h in enumerate(contexts):
            visits = word[context == code]
            if len(visits) >= m:
                out.append(pvalue_counts(np.bincount(visits[:m], minlength=SIZE), model.probabilities(h)))
            elif model.smoothing > 0 or code in model.codes // SIZE:
                out.append([0.0])  # a context that a walk must meet is missing
        return np.concatenate(out)

    return pvalues


@pytest.mark.parametrize("smoothing", [0.0, 0.7])
@pytest.mark.parametrize("order", FEW)
def test_words_follow_their_contexts_with_the_right_frequencies(order, smoothing):
    model = NGram(order, smoothing).fit_tokens(LETTERS, SIZE)
    counted = dict(zip(model.codes.tolist(), model.counts.tolist(), strict=True))

    def walks(size, rng):
        return model.walk(size, rng)

    def last_word_missing(size, rng):
        """A binary search that never reaches the last entry of a row."""
        walk = model.walk(size, rng)
        return np.where(walk == SIZE - 1, SIZE - 2, walk)

    wrong = {"smoothing doubled": NGram(order, 2 * smoothing + 0.2), "counts halved": NGram(order, smoothing)}
    fitted = {
        "smoothing doubled": wrong["smoothing doubled"].fit_tokens(LETTERS, SIZE),
        "counts halved": wrong["counts halved"].from_counts(
            (model.codes, np.array([(counted[c] + 1) // 2 for c in model.codes.tolist()])), SIZE
        ),
    }
    if order > 1:  # at order 1 the direction of reading means nothing
        fitted["text read backwards"] = NGram(order, smoothing).fit_tokens(LETTERS[::-1], SIZE)
    assert_kills(
        walks,
        of_the_next_word(model),
        size=100_000,
        mutants={"last word missing": last_word_missing},
        wrong={name: of_the_next_word(other) for name, other in fitted.items()},
        formula="P(w | h) = (c_hw + a) / (C_h + a V)",
    )


@pytest.mark.parametrize("order", FEW)
def test_a_walk_begins_after_a_ngram_drawn_from_the_text(order):
    model = NGram(order).fit_tokens(LETTERS, SIZE)

    def pvalue(first):
        return pvalue_counts(np.bincount(first, minlength=SIZE), model.margin / len(LETTERS))

    def uniform_ngram(size, rng):
        """Every distinct n-gram as likely as any other."""
        return np.array([model.codes[i] % SIZE for i in rng.integers(len(model.codes), size=size)])

    mutants = {"uniform over distinct n-grams": uniform_ngram}
    assert_kills(
        lambda size, rng: np.array([model.walk(1, rng)[0] for _ in range(size)]),
        pvalue,
        size=4000,
        mutants=mutants if order == 1 else {"always the same start": lambda size, rng: np.zeros(size, int)},
    )


def test_smoothing_reaches_what_was_never_seen():
    model = NGram(3, smoothing=1.0).fit_tokens(np.array([0, 1, 2]), 20)
    assert len(np.unique(model.walk(2000, 1))) == 20
    assert np.isfinite(model.nll_tokens(np.arange(20))).all()
    assert np.isinf(NGram(3).fit_tokens(np.array([0, 1, 2]), 20).nll_tokens(np.array([0, 1, 3]))).all()
    assert NGram(3).fit_tokens(np.array([0, 1, 2]), 20).nll_tokens(np.array([5, 6, 7])) == pytest.approx([np.log(20)])


@pytest.mark.parametrize("order", ORDERS)
def test_a_large_vocabulary_does_not_overflow(order):
    size = most_words(order)
    last = size - 1
    tokens = np.array([last, last - 1, last, 0, last, last])
    for smoothing in (0.0, 1e-12):
        model = NGram(order, smoothing).fit_tokens(tokens, size)
        assert list(map(tuple, words_of(model.codes, order, size).tolist())) == sorted(
            set(grams(tokens.tolist(), order))
        )
        assert set(model.walk(20, 1).tolist()) <= set(tokens.tolist())


@SETTINGS
@given(one=texts(), two=texts(), order=st.sampled_from([4, 5]), seed=st.integers(0, 2**32 - 1))
def test_complex_codes_say_what_whole_numbers_say(one, two, order, seed):
    size = max(one[0], two[0])
    a, b = (NGram(order).fit_tokens([np.array(one[1]), np.array(two[1])], V) for V in (size, 100_000))
    assert (a.codes.dtype, b.codes.dtype) == (np.int64, np.complex128)
    assert np.array_equal(words_of(a.codes, order, size), words_of(b.codes, order, 100_000))
    assert np.array_equal(a.counts, b.counts)
    assert np.array_equal(a.walk(30, seed), b.walk(30, seed))
    assert np.array_equal(a.margin, b.margin[:size])
    text = np.array(two[1] + one[1])
    seen = a.score(codes(text, order, size))[1] > 0
    for x, y in zip(a.score(codes(text, order, size)), b.score(codes(text, order, 100_000)), strict=True):
        assert np.array_equal(x[seen], y[seen])
    context = words_of(a.codes, order, size)[0, :-1]
    assert np.array_equal(a.probabilities(context), b.probabilities(context)[:size])
    table = add((b.codes, b.counts), count(codes(text, order, 100_000)))
    assert table[1].sum() == b.counts.sum() + len(text)


def test_the_same_seed_writes_the_same_text():
    model = NGram(2).fit_tokens(np.array([0, 1, 0, 2, 1]), 3)
    assert np.array_equal(model.walk(50, 7), model.walk(50, np.random.default_rng(7)))
    assert model.walk(0, 7).size == 0


SCRIPT = """
import sys
import numpy as np
from modelcollapse.lm import Corpus, NGram
corpus = Corpus.default()
out = {}
for order in (1, 2, 3, 4, 5):
    for smoothing in (0.0, 1e-4, 3.0, "kneser-ney"):
        model = NGram(order, smoothing).fit_tokens(corpus.tokens[:5000], len(corpus.vocabulary))
        out[f"{order} {smoothing}"] = model.walk(1000, 5)
        out[f"score {order} {smoothing}"] = model.nll_tokens(corpus.tokens[4000:4500])
np.savez(sys.argv[1], **out)
"""


def test_compiled_and_interpreted_walks_agree_bit_for_bit(differences):
    assert differences(SCRIPT, at_least=40) == []


def test_what_cannot_be_a_model_is_refused():
    with pytest.raises(
        ValueError, match=r"order must be an integer >= 1 and <= 5 \(unigram, bigram, trigram, \.\.\.\), got 6"
    ):
        NGram(6)
    with pytest.raises(ValueError, match=r"smoothing must be a finite number >= 0 .* got -1"):
        NGram(1, -1)
    with pytest.raises(ValueError, match=r"smoothing must be one of 'kneser-ney', got 'good-turing'"):
        NGram(1, "good-turing")
    with pytest.raises(ValueError, match=rf"vocabulary_size must be .* got {MOST_WORDS_WIDE + 1}"):
        NGram(4).fit_tokens([0], MOST_WORDS_WIDE + 1)
    with pytest.raises(ValueError, match=r"vocabulary_size must be an integer .* got 0"):
        NGram(1).fit_tokens([0], 0)
    with pytest.raises(ValueError, match=rf"vocabulary_size must be .* got {MOST_WORDS + 1}"):
        NGram(1).fit_tokens([0], MOST_WORDS + 1)
    with pytest.raises(ValueError, match=r"largest of tokens must be .* got 3"):
        NGram(1).fit_tokens([0, 3], 3)
    with pytest.raises(ValueError, match=r"tokens\[1\] must hold at least 1 .* got 0"):
        NGram(1).fit_tokens([np.array([0]), np.array([], int)], 3)
    with pytest.raises(ValueError, match=r"context must be 1 words .* got an array of shape \(2,\)"):
        NGram(2).fit_tokens([0, 1], 2).probabilities([0, 1])
    with pytest.raises(ValueError, match=r"size must be an integer >= 0, got -1"):
        NGram(2).fit_tokens([0, 1], 2).walk(-1)


def test_a_model_shows_what_it_is():
    assert (
        repr(NGram(5, "kneser-ney", vocabulary=("a", "b"))) == "NGram(order=5, smoothing='kneser-ney', unknown=False)"
    )
    assert "smoothing=kneser-ney" in repr(NGram(2, "kneser-ney").fit_tokens([0, 1], 2))
    assert repr(NGram(2).fit_tokens([0, 1, 0, 2], 3)) == (
        "FittedNGram(order=2, smoothing=0, 4 tokens, 4 distinct n-grams, 3 words)"
    )
    assert count(np.array([], np.int64))[0].size == 0
