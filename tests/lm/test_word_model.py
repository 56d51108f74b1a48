"""N-gram models of texts: the law of a text, prompts, decoding, vocabularies, and Wright-Fisher once more."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse.lm import Corpus, Decoding, LanguageModel, NGram, WordModel
from modelcollapse.lm.word_model import prepare
from modelcollapse.testing import assert_kills, stream
from modelcollapse.verify import pvalue_bounded, pvalue_counts

SETTINGS = settings(deadline=None, derandomize=True, database=None, max_examples=30)
KINDS = (0.0, 0.3, "kneser-ney")
TEXTS = ("a b c a b d a a b c", "c b a a b c a b", "a c")
WORDS = "abcd"


def every_text(length):
    return [" ".join(text) for text in itertools.product(WORDS, repeat=length)]


@pytest.mark.parametrize("smoothing", KINDS)
@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_the_probabilities_of_all_texts_sum_to_one(order, smoothing):
    model = NGram(order, smoothing).fit(TEXTS)
    assert isinstance(model, LanguageModel)
    assert isinstance(NGram(order), LanguageModel)
    nats, tokens = model.nll(every_text(5))
    assert (tokens == 5).all()
    assert np.exp(-nats).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("order", [1, 3, 5])
def test_without_smoothing_a_text_is_as_likely_as_the_margins_of_the_ring_say(order):
    model = NGram(order).fit(TEXTS)
    ring = " ".join(TEXTS).split()
    for k in range(1, order + 1):
        for text in every_text(k):
            gram = text.split()
            times = sum(all(ring[(i + j) % len(ring)] == gram[j] for j in range(k)) for i in range(len(ring)))
            p = np.exp(-model.nll([text])[0][0])
            if times:
                assert p == pytest.approx(times / len(ring), rel=1e-12)
            elif k == 1:
                assert p == 0


@pytest.mark.compiled
@pytest.mark.parametrize("smoothing", KINDS)
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_texts_are_written_with_the_probability_that_they_are_scored_with(order, smoothing):
    model, other = (NGram(order, smoothing).fit(texts) for texts in (TEXTS, (*TEXTS, "d d b")))
    texts = every_text(3)
    place = {text: i for i, text in enumerate(texts)}
    prompts = ["", "b a a b", "d d d d", "a a zebra b"]  # none; seen; never seen; cut off by an unknown word

    def law(model):
        """Of the continuation: probability of both over that of the prompt, which is scored from its last words."""
        out = []
        for prompt in prompts:
            known = prompt.split("zebra")[-1].split()
            after = model.nll([" ".join([*known, *text.split()]) for text in texts])[0]
            before = model.nll([" ".join(known)])[0][0]
            out.append(np.exp(before - after) if np.isfinite(before) else None)
        return out

    def draw(model):
        def written(size, rng):
            text = model.sample(prompts * size, 3, rng)
            return [
                np.bincount([place[t] for t in text[i :: len(prompts)]], minlength=len(texts))
                for i in range(len(prompts))
            ]

        return written

    def pvalues(laws):
        return lambda seen: np.concatenate(
            [pvalue_counts(counts, p / p.sum()) for counts, p in zip(seen, laws, strict=True) if p is not None]
        )

    assert_kills(
        draw(model),
        pvalues(law(model)),
        size=3000,
        mutants={"a text too many": draw(other)},
        formula="P(text | prompt) = P(prompt text) / P(prompt)",
    )


@pytest.mark.parametrize("order", [2, 3, 5])
def test_without_smoothing_a_context_never_seen_is_shortened(order):
    model = NGram(order).fit(["a b a c a b a c a d"])
    assert model.sample(["d d d d d b"], 1, 1) == ["a"]
    alone, after = model.nll(["b a"])[0][0], model.nll(["b"])[0][0]
    assert alone == after  # only a follows b
    p = np.exp(-model.nll(["a d", "a"])[0])
    assert p[0] / p[1] == pytest.approx(1 / 5)
    uniform = NGram(3, 1e-9).fit(["a b a c a b a c a d"])  # additive smoothing says 1 / V, as its formula does
    p = np.exp(-uniform.nll(["d d a", "d d"])[0])
    assert p[0] / p[1] == pytest.approx(1 / 4)


def test_a_refit_of_unigrams_is_wright_fisher():
    """After t refits to n words, E H_t = (1 - 1/n)^t H_0, whatever the prompts."""
    first = NGram(1).fit(["a a a a b b b c c d"])
    frequency = np.array([4, 3, 2, 1]) / 10

    def chain(n, prompts=("", "d d")):
        def draw(size, rng):
            out = np.empty(size)
            for r in range(size):
                model = first
                for _ in range(3):
                    model = model.fit(model.sample(prompts, n // 2, rng), rng=rng)
                out[r] = 1 - ((model.fitted.margin / n) ** 2).sum()
            return out

        return draw

    assert_kills(
        chain(8),
        lambda h: pvalue_bounded(h, (1 - 1 / 8) ** 3 * (1 - (frequency**2).sum()), 0, 0.75),
        size=300,
        formula="E H_t = (1 - 1/n)^t H_0",
        source="WF-H",
        mutants={"six words": chain(6), "twelve words": chain(12)},
    )


def test_texts_are_joined_in_their_order_and_the_vocabulary_stays():
    model = NGram(2).fit(["a b", "", "c d!"])
    assert model.vocabulary == ("a", "b", "c", "d")
    assert np.array_equal(model.fitted.codes, NGram(2).fit_tokens([0, 1, 2, 3], 4).codes)
    again = model.fit(["A b a"])
    assert again.vocabulary == model.vocabulary
    assert again.fitted.margin.tolist() == [2, 1, 0, 0]
    assert model.fitted.margin.tolist() == [1, 1, 1, 1]
    nats, tokens = model.nll(["a b c d", "", "zebra a"])
    assert nats.tolist() == [np.log(4), 0, np.inf]
    assert tokens.tolist() == [4, 0, 2]
    assert model.nll([])[0].tolist() == []
    assert model.sample([], 3, 1) == []
    assert model.sample(["a", ""], 0, 1) == ["", ""]
    given = NGram(2, vocabulary=Corpus.from_text("b b a c")).fit(["a b"])
    assert given.vocabulary == ("b", "a", "c")


def test_unknown_words_are_read_as_one_word():
    model = NGram(1, vocabulary=["a", "b"], unknown=True).fit(["a b <unk> zebra a"])
    assert model.vocabulary == ("a", "b", "unk")
    assert model.fitted.margin.tolist() == [2, 1, 2]
    np.testing.assert_allclose(np.exp(-model.nll(["gnu", "unk", "<unk>"])[0]), 0.4)
    assert model.fit(["gnu"]).sample(["a"], 2, 1) == ["unk unk"]
    own = NGram(1, 1.0, unknown=True).fit(["a a b"])  # nothing is unknown: smoothing alone gives it something
    np.testing.assert_allclose(np.exp(-own.nll(["gnu"])[0]), 1 / 6)
    assert np.isinf(NGram(1, unknown=True).fit(["a a b"]).nll(["gnu"])[0])
    assert np.isinf(NGram(1, 1.0).fit(["a a b"]).nll(["gnu"])[0])


@pytest.mark.parametrize("smoothing", KINDS)
def test_a_model_survives_its_folder(smoothing, tmp_path):
    for order in (2, 5):
        vocabulary = [f"w{i}" for i in range(7000)] if order == 5 else None  # codes beyond 63 bits
        model = NGram(order, smoothing, vocabulary, unknown=True).fit(["w1 w2 w1 w3 über"])
        model.save(tmp_path / "model")
        back = WordModel.load(tmp_path / "model")
        assert back.settings == model.settings
        assert back.fitted.codes.dtype == model.fitted.codes.dtype
        assert back.sample(["w1"] * 3, 9, 4) == model.sample(["w1"] * 3, 9, 4)
        assert np.array_equal(back.nll(["w1 w2"])[0], model.nll(["w1 w2"])[0])


# ------------------------------------------------------------------------------------------ decoding


@SETTINGS
@given(
    weights=st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any),
    temperature=st.floats(0.05, 20),
    top_k=st.none() | st.integers(1, 14),
    top_p=st.none() | st.floats(1e-3, 1),
)
def test_a_decoding_changes_the_law_as_it_says(weights, temperature, top_k, top_p):
    law = np.array(weights) / sum(weights)
    word, cumulative = prepare(law, Decoding(temperature, top_k, top_p))
    expected = sorted(range(len(law)), key=lambda w: (-law[w], w))
    expected = [w for w in expected if law[w] > 0][:top_k]
    heat = np.exp(np.log(law[expected]) / temperature - np.log(law[expected[0]]) / temperature)
    heat /= heat.sum()
    if top_p is not None:
        enough = 1 + np.flatnonzero(np.cumsum(heat) >= top_p * (1 - 1e-9))[0]
        expected, heat = expected[:enough], heat[:enough]
    assert word.tolist() == expected
    np.testing.assert_allclose(np.diff(cumulative, prepend=0) / cumulative[-1], heat / heat.sum(), rtol=1e-9)


@pytest.mark.parametrize("smoothing", KINDS)
def test_words_are_drawn_from_the_changed_law(smoothing):
    model = NGram(3, smoothing).fit(TEXTS)
    decoding = Decoding(temperature=0.5, top_k=3)

    def written(decoding):
        def draw(size, rng):
            text = model.sample(["a b"] * size, 2, rng, decoding=decoding)
            return np.bincount([WORDS.index(a) * 4 + WORDS.index(b) for a, b in map(str.split, text)], minlength=16)

        return draw

    def change(law):
        keep = np.sort(np.argsort(-law, kind="stable")[:3])
        out = np.zeros(4)
        out[keep] = law[keep] ** 2
        return out / out.sum()

    p = np.zeros((4, 4))
    first = change(model.fitted.probabilities([0, 1]))
    for a in np.flatnonzero(first):
        p[a] = first[a] * change(model.fitted.probabilities([1, a]))
    assert_kills(
        written(decoding),
        lambda counts: pvalue_counts(counts, p.ravel()),
        size=2000,
        mutants={"plain": written(None), "hot": written(Decoding(temperature=0.8, top_k=3))},
        formula="p(w)^(1/T) of the k likeliest words",
    )


def test_greedy_text_is_the_likeliest_word_by_word():
    model = NGram(2).fit(["a b a b a c"])
    for decoding in (Decoding(temperature=0), Decoding(top_k=1), Decoding(top_p=0.1)):
        assert model.sample(["a", "c"], 4, 1, decoding=decoding) == ["b a b a", "a b a b"]
    assert model.sample(["a"], 50, 3, decoding=Decoding(top_p=1.0))[0].count("c") > 0


def test_laws_that_were_prepared_may_be_forgotten(monkeypatch):
    model = NGram(2, "kneser-ney").fit(TEXTS)
    wanted = model.sample(["a"] * 5, 20, 3, decoding=Decoding(temperature=2.0))
    monkeypatch.setattr("modelcollapse.lm.word_model.MOST_PREPARED", 4)
    assert model.sample(["a"] * 5, 20, 3, decoding=Decoding(temperature=2.0)) == wanted


# ------------------------------------------------------------------------------------------ what is refused


def test_what_cannot_be_done_is_refused():
    model = NGram(2).fit(TEXTS)
    with pytest.raises(ValueError, match=r"must be fitted before it can write.*fit\(texts\)"):
        NGram(2).sample(["a"], 3, stream())
    with pytest.raises(ValueError, match=r"must be fitted before it can score"):
        NGram(2).nll(["a"])
    with pytest.raises(TypeError, match=r"texts must be a sequence of strings, got 'a b'"):
        NGram(2).fit("a b")
    with pytest.raises(TypeError, match=r"prompts\[1\] must be a string, got 3"):
        model.sample(["a", 3], 2, 1)
    with pytest.raises(ValueError, match=r"texts must hold at least 1 word .* got 2 without"):
        NGram(2).fit(["", "?"])
    with pytest.raises(ValueError, match=r"texts must be made of words of the vocabulary .*unknown=True.* got 'zebra'"):
        model.fit(["a zebra"])
    with pytest.raises(ValueError, match=r"beams must be 1 .* got 5"):
        model.sample(["a"], 2, 1, decoding=Decoding(beams=5))
    with pytest.raises(ValueError, match=r"repetition_penalty must be 1 .* got 2"):
        model.sample(["a"], 2, 1, decoding=Decoding(repetition_penalty=2.0))
    with pytest.raises(TypeError, match=r"vocabulary must be a sequence of words or a Corpus, got 'a b'"):
        NGram(2, vocabulary="a b")
    with pytest.raises(ValueError, match=r"vocabulary must hold at least 1 word"):
        NGram(2, vocabulary=())
    with pytest.raises(ValueError, match=r"vocabulary must hold words as .* got 'The'"):
        NGram(2, vocabulary=["cat", "The"])
    with pytest.raises(ValueError, match=r"vocabulary must name every word once .* got 'a' twice"):
        NGram(2, vocabulary=["a", "b", "a"])
    with pytest.raises(TypeError, match=r"unknown must be True or False, got 'unk'"):
        NGram(2, unknown="unk")
    assert repr(model).startswith("WordModel(NGram(order=2, smoothing=0.0, unknown=False), FittedNGram(order=2")
