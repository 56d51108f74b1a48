"""Kneser-Ney smoothing against its published definition in exact fractions; its walks against its law; its drift."""

import itertools
from collections import Counter
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse.lm import Corpus, NGram
from modelcollapse.lm.automaton import KNESER_NEY
from modelcollapse.lm.kneser_ney import discounts
from modelcollapse.lm.ngram import codes
from modelcollapse.testing import assert_kills, stream
from modelcollapse.verify import pvalue_bounded, pvalue_counts

SETTINGS = settings(deadline=None, derandomize=True, database=None, max_examples=40)
ORDERS = (1, 2, 3, 4, 5)
SIZE = 4
LETTERS = np.array([0, 1, 2, 0, 1, 3, 0, 0, 1, 2, 2, 1, 0, 0, 0, 1, 2, 0, 1, 2, 0, 2, 1, 2, 0])


class Published:
    """Chen and Goodman (1999), section 4 and equations 25-27, with dictionaries and fractions.

    Options turn it into what it is mistaken for: `raw` counts at the lower orders, `one` discount per order,
    `bottom`: whether the empty context is smoothed, too.
    """

    def __init__(self, rings, order, size, *, raw=False, one=False, bottom=True):
        self.order, self.size = order, size
        grams = {k: Counter() for k in range(1, order + 1)}
        for ring, k in itertools.product(rings, grams):
            grams[k].update(tuple(ring[(i + j) % len(ring)] for j in range(k)) for i in range(len(ring)))
        self.count = {order: grams[order]}
        for k in range(1, order):
            self.count[k] = grams[k] if raw else Counter(gram[1:] for gram in grams[k + 1])
        self.taken = {k: self.estimate(self.count[k], one) for k in self.count}
        if not bottom:
            self.taken[1] = [Fraction(0)] * 4
        self.law = cache(self.law)

    @staticmethod
    def estimate(counts, one):
        n = Counter(counts.values())
        if not (n[1] and n[2]):
            return [Fraction(0)] + [Fraction(1, 2)] * 3
        y = Fraction(n[1], n[1] + 2 * n[2])
        if n[3] and n[4] and not one:
            three = [
                1 - 2 * y * Fraction(n[2], n[1]),
                2 - 3 * y * Fraction(n[3], n[2]),
                3 - 4 * y * Fraction(n[4], n[3]),
            ]
            if all(d > 0 for d in three):
                return [Fraction(0), *three]
        return [Fraction(0), y, y, y]

    def law(self, context):
        """Law of the next word after `context`, of any length below the order, as fractions."""
        shorter = self.law(context[1:]) if context else [Fraction(1, self.size)] * self.size
        k = len(context) + 1
        row = [self.count[k][(*context, w)] for w in range(self.size)]
        if not sum(row):
            return shorter
        taken = [self.taken[k][min(c, 3)] for c in row]
        gamma = sum(taken) / sum(row)
        return [Fraction(c - d) / sum(row) + gamma * p for c, d, p in zip(row, taken, shorter, strict=True)]


def law(automaton, context):
    gap = (-1,) * (automaton.order - 1 - len(context))
    state, known = automaton.read(np.array([(*gap, *context)], np.int32).reshape(1, -1))
    return automaton.law(int(state[0]), int(known[0]))


# ------------------------------------------------------------------------------------------ the law


@SETTINGS
@given(
    size=st.integers(1, 4),
    order=st.sampled_from(ORDERS),
    data=st.data(),
)
def test_the_law_is_the_published_one_after_every_context(size, order, data):
    texts = st.lists(st.integers(0, size - 1), min_size=1, max_size=40)
    rings = data.draw(st.lists(texts, min_size=1, max_size=2))
    fitted = NGram(order, KNESER_NEY).fit_tokens([np.array(ring) for ring in rings], size)
    published = Published(rings, order, size)
    seen = {tuple(ring[i : i + k]) for ring in rings for k in range(order) for i in range(min(len(ring), 12))}
    drawn = data.draw(st.lists(st.lists(st.integers(0, size - 1), max_size=order - 1), max_size=8))
    for context in seen | {tuple(h) for h in drawn}:
        expected = published.law(context)
        assert sum(expected) == 1
        found = law(fitted.automaton, context)
        assert abs(found.sum() - 1) < 1e-12
        np.testing.assert_allclose(found, np.array(expected, float), rtol=1e-12)
        if len(context) == order - 1:
            assert np.array_equal(fitted.probabilities(context), found)
            every = np.concatenate([codes(np.array([*context, w]), order, size)[:1] for w in range(size)])
            np.testing.assert_allclose(np.exp(fitted.score(every)[0]), found, rtol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_the_law_of_a_language_is_normalised_in_every_context(order):
    corpus = Corpus.default()
    fitted = NGram(order, KNESER_NEY).fit_tokens(corpus.tokens[:20_000], len(corpus.vocabulary))
    automaton = fitted.automaton
    rng = stream("contexts")
    for state in rng.integers(0, automaton.offsets[-2], 30).tolist():
        p = automaton.law(state, order - 1)
        assert abs(p.sum() - 1) < 1e-12
        assert p.min() > 0  # the words that this part of the text lacks, too


def test_five_of_a_hundred_thousand_words_are_no_number_and_no_trouble():
    corpus = Corpus.default()
    tokens, size = 99_999 - corpus.tokens[:20_000], 100_000
    model = NGram(5, KNESER_NEY).fit_tokens(tokens, size)
    assert model.codes.dtype == complex
    text = model.walk(500, 1)
    p = model.probabilities(text[:4])
    assert abs(p.sum() - 1) < 1e-12
    assert model.nll_tokens(text[:5])[0] == pytest.approx(-np.log(p[text[4]]), rel=1e-12)
    assert np.isfinite(model.nll_tokens(text)).all()


@given(counts=st.lists(st.integers(1, 8), max_size=60))
def test_discounts_lie_between_nothing_and_the_count(counts):
    found = discounts(np.array(counts, int))
    assert found[0] == 0
    assert (found[1:] > 0).all()
    assert (found[1:] < [1, 2, 3]).all()
    expected = Published.estimate(dict(enumerate(counts)), False)
    np.testing.assert_allclose(found, np.array(expected, float), rtol=1e-14)


def test_continuations_count_not_occurrences():
    """The example of the textbooks: francisco is frequent, and follows nothing but san."""
    model = NGram(2, KNESER_NEY).fit(["san francisco san francisco san francisco a glass b glass san francisco c"])
    place = {word: i for i, word in enumerate(model.vocabulary)}
    p = law(model.fitted.automaton, ())
    assert model.fitted.margin[place["francisco"]] > model.fitted.margin[place["glass"]]
    assert p[place["francisco"]] < p[place["glass"]]


# ------------------------------------------------------------------------------------------ walks


def broken(order, change):
    """Return an automaton with other counts, and something else taken of them."""
    out = NGram(order, KNESER_NEY).fit_tokens(LETTERS, SIZE).automaton
    out.__dict__["_weights"] = change(out, *out._weights)
    return out


def raw(automaton, weight, taken):
    levels = [automaton.count[lo:hi] for lo, hi in itertools.pairwise(automaton.offsets[1:])]
    return automaton.count, np.concatenate([[0.0], *(discounts(c)[np.minimum(c, 3)] for c in levels)])


@pytest.mark.compiled
@pytest.mark.parametrize("order", [2, 3, 4])
def test_three_words_follow_every_context_with_the_right_probability(order):
    """Contexts that were seen, that were not, that are short, and none; words that lead out of what was seen."""
    automaton = NGram(order, KNESER_NEY).fit_tokens(LETTERS, SIZE).automaton
    contexts = [(-1,) * (order - 1), (-1,) * (order - 2) + (0,), (0, 1, 2)[1 - order :], (3, 3, 3)[1 - order :]]
    start = automaton.read(np.array(contexts, np.int32))

    def joint(published):
        def after(context):
            return np.array(published.law(tuple(context[max(0, len(context) - order + 1) :])), float)

        out = []
        for context in contexts:
            h = [w for w in context if w >= 0]
            p = [after(h)[a] * after([*h, a])[b] * after([*h, a, b]) for a in range(SIZE) for b in range(SIZE)]
            out.append(np.concatenate(p))
        return out

    def walks(automaton):
        def draw(size, rng):
            states, known = (np.repeat(each, size) for each in start)
            text = automaton.sample(states, known, 3, rng).reshape(len(contexts), size, 3)
            return [np.bincount(rows @ (SIZE**2, SIZE, 1), minlength=SIZE**3) for rows in text]

        return draw

    def pvalues(law):
        return lambda seen: np.concatenate([pvalue_counts(counts, p) for counts, p in zip(seen, law, strict=True)])

    assert_kills(
        walks(automaton),
        pvalues(joint(Published([LETTERS.tolist()], order, SIZE))),
        size=5000,
        formula="interpolated Kneser-Ney, modified discounts",
        source="Chen and Goodman (1999)",
        mutants={
            "no discount": walks(broken(order, lambda automaton, weight, taken: (weight, 0 * taken))),
            "raw counts at lower orders": walks(broken(order, raw)),
            "no interpolation": walks(NGram(order).fit_tokens(LETTERS, SIZE).automaton),
        },
    )


def test_large_counts_are_drawn_through_a_coarse_guide():
    model = NGram(3, KNESER_NEY).fit_tokens(LETTERS, SIZE)
    large = NGram(3, KNESER_NEY).from_counts((model.codes, model.counts * 10**6), SIZE)
    rows, _, shift, start, keep = large.automaton._places
    assert shift > 0
    other = NGram(3, KNESER_NEY).from_counts((model.codes, model.counts * 10**6), SIZE).automaton
    every = np.repeat(np.arange(len(start) - 1, dtype=np.int32), np.diff(start))
    other.__dict__["_places"] = rows, every, 0, start, keep
    a, b = (automaton.sample(*automaton.read([[0, 1]]), 300, stream("guide")) for automaton in (large.automaton, other))
    assert np.array_equal(a, b)


# ------------------------------------------------------------------------------------------ drift


BOOK = Corpus.from_text(
    "the cat saw the dog and the dog saw the cat and then the cat and the dog saw a bird that saw neither the dog nor "
    "the cat so the bird sang of san francisco and the dog barked of san francisco at the bird while the cat slept in "
    "san francisco"
)


def spoken():
    """A text with rare and frequent n-grams of all orders, all words up to its last one in use."""
    place = np.arange(1, 241)
    drawn = (60 ** (place * 0.6180339887 % 1)).astype(int)  # by Zipf's law
    text = [0]
    for word, free in zip(drawn.tolist(), (place * 0.4142135624 % 1).tolist(), strict=True):
        text.append(word if free < 0.5 else (7 * text[-1] + int(20 * free**4)) % 61)
    return np.unique(text, return_inverse=True)[1].tolist()


SPOKEN = spoken()


def drift_of_a_step(text, published):
    """Change of the expected frequency of each word if a word is drawn after every context of the text."""
    n, back = len(text), published.order - 1
    out = [Fraction(-text.count(w), n) for w in range(published.size)]
    for i in range(n):
        law = published.law(tuple(text[(i + j) % n] for j in range(back)))
        out = [change + p / n for change, p in zip(out, law, strict=True)]
    return out


@pytest.mark.parametrize("order", [1, 2, 3])
def test_one_discount_keeps_the_margins_and_three_do_not(order):
    """Kneser and Ney (1995) chose the lower order for that; what is smoothed at the bottom comes from missing words."""
    text, size = SPOKEN, max(SPOKEN) + 1

    def drift(size, **kind):
        return drift_of_a_step(text, Published([text], order, size, **kind))

    for one in (drift(size, one=True), drift(size, one=True, bottom=False)):
        assert one == [0] * size
    missing = drift(size + 5, one=True)
    assert min(missing[size:]) > 0 > max(missing[:size])  # all words that are there lose the same
    assert len(set(missing)) == 2
    assert max(map(abs, drift(size))) > 1e-4
    if order > 1:
        assert max(map(abs, drift(size, one=True, raw=True))) > 1e-4


@pytest.mark.parametrize("order", [2, 3])
def test_unsmoothed_words_drift_neutrally_and_kneser_ney_words_do_not(order):
    """The expected frequency of a word never changes: drift without selection. Kneser-Ney favours the rare ones."""
    counts, size = BOOK.counts, len(BOOK.vocabulary)
    classes = [counts == 1, counts == 2, counts == 3, counts > 3]
    expected = [counts[which].sum() / len(BOOK) for which in classes]

    def drift(smoothing):
        def draw(replicates, rng):
            out = np.empty((replicates, len(classes)))
            first = NGram(order, smoothing).fit_tokens(BOOK.tokens, size)
            for r in range(replicates):
                model = first
                for _ in range(2):
                    model = NGram(order, smoothing).fit_tokens(model.walk(len(BOOK), rng), size)
                out[r] = [model.margin[which].sum() / len(BOOK) for which in classes]
            return out

        return draw

    assert_kills(
        drift(0.0),
        lambda seen: pvalue_bounded(seen, expected, 0, 1),
        size=300,
        formula="E p_t(w) = p_0(w)",
        mutants={"Kneser-Ney": drift(KNESER_NEY), "additive": drift(0.1)},
    )


def test_what_kneser_ney_selects():
    """One bigram step from the contexts of a real text: up go the rare words and those of many predecessors."""
    corpus = Corpus.default()
    size, text = len(corpus.vocabulary), corpus.tokens
    fitted = NGram(2, KNESER_NEY).fit_tokens(text, size)
    frequency = corpus.counts / len(corpus)
    after = np.zeros(size)
    for word in range(size):
        after += frequency[word] * fitted.probabilities([word])
    assert after.sum() == pytest.approx(1, abs=1e-12)
    predecessors = np.bincount(NGram(2).fit_tokens(text, size).codes % size, minlength=size)
    share, counts = predecessors / corpus.counts, corpus.counts

    def growth(which):
        return after[which].sum() / frequency[which].sum()

    middle = (counts > 10) & (counts < 1000)
    assert growth(counts == 1) > 1.5
    assert growth(counts > 100) < 1
    assert growth(middle & (share < 0.3)) < 1 < growth(middle & (share > 0.8))
