"""What is measured of texts: by counting again, slowly; and both halves of the published picture."""

import sys
from collections import Counter

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from modelcollapse import regimes
from modelcollapse.lm import Corpus, NGram, experiment, measure
from modelcollapse.lm.corpus import words
from modelcollapse.lm.measures import QUANTILES, clopper_pearson, hill
from modelcollapse.lm.records import Generation
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_binomial

REAL = ["the cat saw the dog", "a dog barked", "the bird sang and the bird sang", "no cat saw a bird"]
FIRST = ["the dog saw the dog", "the bird sang and sang and sang", "cat the cat the cat", "unicorn"]
SECOND = ["dog", "the the the the", "sang and sang and sang", "dog the"]


def generation(number, texts, *, source=None, nll=None, tokens=None, training=None, **facts):
    n = len(texts)
    if training is not None:
        facts["training"] = training
    return Generation(
        number,
        tuple(texts),
        source or ["synthetic" if number else "real"] * n,
        np.full(n, -1),
        np.full(n, -1) if tokens is None else tokens,
        {} if nll is None else {"first": np.asarray(nll, float)},
        facts,
    )


def batches(*texts):
    return [generation(t, some) for t, some in enumerate(texts)]


def ngrams(text, k):
    cut = list(words(text))
    return [tuple(cut[i : i + k]) for i in range(len(cut) - k + 1)]


# ------------------------------------------------------------------------------------------ exact


def test_counts_are_those_of_the_words():
    run = measure(batches(REAL, FIRST, SECOND))
    for t, texts in enumerate((REAL, FIRST, SECOND)):
        counts = Counter(word for text in texts for word in words(text))
        at = run.sel(generation=t)
        assert {w: int(c) for w, c in zip(run["word"].values, at["count"].values, strict=True) if c} == counts
        assert at["n_words"] == counts.total()
        assert at["support"] == len(counts)
        assert at["n_texts"] == 4
        x = np.array(list(counts.values())) / counts.total()
        assert float(at["heterozygosity"]) == pytest.approx(1 - (x**2).sum(), rel=1e-14)
        assert float(at["entropy"]) == pytest.approx(stats.entropy(x), rel=1e-14)
    assert run["new_words"].values.tolist() == [0, 1, 0]
    # frequent words of the real text first, ties by the alphabet, new words last
    assert run["word"].values[:3].tolist() == ["the", "bird", "a"]
    assert run["word"].values[-1] == "unicorn"


def test_ngrams_by_counting_again():
    run = measure(batches(REAL, FIRST, SECOND), longest=5)
    real = {k: {g for text in REAL for g in ngrams(text, k)} for k in range(1, 6)}
    for t, texts in enumerate((REAL, FIRST, SECOND)):
        for k in range(1, 6):
            each = [ngrams(text, k) for text in texts]
            every = [g for some in each for g in some]
            at = run.sel(generation=t, ngram=k)
            assert float(at["survival"]) == len(real[k] & set(every)) / len(real[k])
            if every:
                assert float(at["distinct"]) == len(set(every)) / len(every)
                assert float(at["repeated"]) == pytest.approx(sum(len(s) - len(set(s)) for s in each) / len(every))
                assert float(at["new"]) == pytest.approx(sum(g not in real[k] for g in every) / len(every))
            else:
                assert np.isnan(at[["distinct", "repeated", "new"]].to_array()).all()


@given(st.lists(st.lists(st.text("ab c", max_size=9), min_size=1, max_size=4), min_size=1, max_size=3))
def test_whatever_the_texts(texts):
    run = measure(batches(["a b"], *texts))
    share = run[["survival", "distinct", "repeated", "new"]].to_array()
    assert ((share >= 0) & (share <= 1) | np.isnan(share)).all()
    assert (run["survival"].sel(generation=0, ngram=[1, 2]) == 1).all()
    assert (run["count"].sum("word") == run["n_words"]).all()
    tokens = run["token"].values
    np.testing.assert_array_equal((tokens >= 0).sum(axis=1), run["text_words"].sum("text"))
    for row, counts in zip(tokens, run["count"].values, strict=True):
        np.testing.assert_array_equal(np.bincount(row[row >= 0], minlength=len(counts)), counts)


def test_what_a_model_did_not_write_is_not_measured_as_its_writing():
    source = ["synthetic", "kept", "synthetic", "real"]
    run = measure([generation(0, REAL), generation(1, FIRST, source=source, nll=np.arange(4.0), tokens=np.ones(4))])
    alone = measure(batches(REAL, [FIRST[0], FIRST[2]]))
    for name in ("n_words", "support", "entropy", "distinct", "new", "n_texts"):
        xr.testing.assert_equal(run[name], alone[name])
    assert run["text_words"].values[1].tolist() == [5, 0, 5, 0]
    np.testing.assert_array_equal(run["block_nll"].values[1], [0, np.nan, 2, np.nan])


# ------------------------------------------------------------------------------- what models were fitted to


def test_training_as_recorded():
    pairs = [(0, 0), (0, 2), (1, 3), (1, 3)]
    run = measure([*batches(REAL, FIRST), generation(2, SECOND, training=pairs)])
    assert run.attrs["training"].startswith("taken for the batch before")
    run = measure([generation(0, REAL), generation(1, FIRST, training=[(0, 1)]), generation(2, SECOND, training=pairs)])
    assert run.attrs["training"] == "recorded"
    expected = Counter(word for text in (REAL[0], REAL[2], FIRST[3], FIRST[3]) for word in words(text))
    real = Counter(word for text in (REAL[0], REAL[2]) for word in words(text))
    for name, counts in (("training_count", expected), ("real_count", real)):
        got = run[name].sel(generation=2).to_series()
        assert got[got > 0].to_dict() == counts
    assert (run["training_count"].sel(generation=1) == run["real_count"].sel(generation=1)).all()
    assert not run["training_count"].sel(generation=0).any()


@pytest.mark.parametrize(
    "regime", [regimes.Replace(n=4), regimes.Accumulate(n=4), regimes.Window(n=4, k=2)], ids=lambda r: r.kind
)
def test_training_as_the_regime_says(regime):
    run = measure(batches(REAL, FIRST, SECOND, FIRST), regime=regime)
    batch = [np.array(run["count"].sel(generation=t)) for t in range(4)]
    oldest = regime.plan(3).oldest
    for t in (1, 2, 3):
        np.testing.assert_array_equal(run["training_count"].sel(generation=t), sum(batch[oldest[t - 1] - 1 : t]))
        real = batch[0] if oldest[t - 1] == 1 else 0 * batch[0]
        np.testing.assert_array_equal(run["real_count"].sel(generation=t), real)
    assert regimes.read(run.attrs["regime"]) == regime


def test_training_that_is_not_known_is_left_out():
    for regime in (regimes.Subsample(n=4), regimes.FixedReal(n=4, n_real=2)):
        run = measure(batches(REAL, FIRST, SECOND), regime=regime)
        assert "training_count" not in run
        assert "the records do not say which" in run.attrs["training"]
    run = measure([generation(0, REAL), generation(2, SECOND)])
    assert run.attrs["training"] == "not known: generations [1] are missing"
    assert "training_count" not in run
    run = measure([generation(0, REAL), generation(2, SECOND, training=[(1, 0)])])
    assert run.attrs["training"] == "not known: texts of generation 1 are missing"


# ------------------------------------------------------------------------------------ the published picture


def test_both_halves_of_the_picture_have_numbers():
    J = 400
    real = np.linspace(2, 4, J)
    low = np.full(J, 1.0)
    both = np.where(np.arange(J) < 300, 1.0, 4 + np.arange(J) / J)
    texts = ["a b"] * J
    run = measure([generation(t, texts, nll=5 * v, tokens=np.full(J, 5)) for t, v in enumerate((real, low, both))])
    np.testing.assert_allclose(run["block_nll"], [real, low, both], rtol=1e-14)
    np.testing.assert_allclose(run["below_median"], [0.5, 1, 0.75], atol=0.003)
    np.testing.assert_allclose(run["tail_share"], [0.05, 0, 0.25], atol=0.003)
    assert (run["below_median_low"] <= run["below_median"]).all()
    assert (run["tail_share"] <= run["tail_share_high"]).all()
    np.testing.assert_allclose(run["histogram"].sum("bin"), 1)
    assert run["left"].values[0] == pytest.approx(np.exp(1))
    assert run["right"].values[-1] == pytest.approx(np.exp(both.max()))
    np.testing.assert_allclose(run["perplexity"].sel(generation=1), np.e)
    assert run["quantile"].values.tolist() == list(QUANTILES)
    index = run["tail_index"].values
    assert index[0] == pytest.approx(1 / np.mean(np.sort(real)[-40:] - np.sort(real)[-41]))
    assert np.isinf(index[1])


def test_impossible_texts_are_in_the_tail_and_counted():
    nll = np.concatenate([np.linspace(1, 2, 80), np.full(20, np.inf)])
    run = measure(
        [generation(t, ["a b"] * 100, nll=v, tokens=np.ones(100)) for t, v in ((0, nll[:80].repeat(2)[:100]), (1, nll))]
    )
    assert run["impossible"].values.tolist() == [0.0, 0.2]
    assert float(run["tail_share"][1]) >= 0.2
    assert run["perplexity"].sel(generation=1).values[-1] == np.inf
    assert float(run["histogram"].sel(generation=1).sum()) == pytest.approx(0.8)
    assert np.isnan(run["tail_index"][1])


def test_without_scores_the_picture_is_empty():
    run = measure(batches(REAL, FIRST))
    for name in (
        "block_nll",
        "below_median",
        "tail_share_low",
        "tail_index",
        "histogram",
        "impossible",
        "perplexity_real",
    ):
        assert np.isnan(run[name]).all(), name
    run = measure([generation(0, REAL), generation(1, FIRST, perplexity_real=12.5)])
    np.testing.assert_array_equal(run["perplexity_real"], [np.nan, 12.5])


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (17, 400)])
def test_intervals_of_shares_are_exact(k, n):
    expected = stats.binomtest(k, n).proportion_ci(0.9, method="exact")
    np.testing.assert_allclose(clopper_pearson(k, n, 0.9), (expected.low, expected.high), rtol=1e-10)


def test_self_bleu():
    pytest.importorskip("sacrebleu", reason="the extra lm is missing")
    from sacrebleu.metrics import BLEU

    run = measure(batches(REAL, ["the same text again and again"] * 4, FIRST), self_bleu=4)
    assert float(run["self_bleu"][1]) == pytest.approx(1)
    scorer = BLEU(tokenize="none", effective_order=True)
    scores = [scorer.sentence_score(REAL[i], REAL[:i] + REAL[i + 1 :]).score for i in range(4)]
    assert float(run["self_bleu"][0]) == pytest.approx(np.mean(scores) / 100)
    assert "self_bleu" not in measure(batches(REAL))


def test_self_bleu_without_its_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(ImportError, match=r"self_bleu needs sacrebleu: pip install modelcollapse\[lm\]"):
        measure(batches(REAL), self_bleu=4)


def test_an_experiment_is_measured(tmp_path):
    corpus = Corpus.from_text(" ".join(REAL * 20))
    run = experiment(NGram(2), corpus, regimes.FreshReal(n=6, n_real=2), 2, block=8, test=corpus, rng=1)
    assert run.attrs["training"] == "recorded"
    assert run.attrs["family"] == "NGram"
    assert run["n_texts"].values[1:].tolist() == [4, 4]
    assert np.isfinite(run["perplexity_real"][1:]).all() or np.isinf(run["perplexity_real"][1:]).any()
    # the last training set: two new real texts and the four that model 1 wrote
    assert int(run["training_count"].sel(generation=2).sum()) == 6 * 8
    assert int(run["real_count"].sel(generation=2).sum()) == 2 * 8
    assert run["count"].sel(generation=1).values.sum() == 4 * 8


# ------------------------------------------------------------------------------------------ statistical


def test_tail_index_covers():
    index, J = 3.0, 300

    def draw(size, rng):
        return rng.exponential(1 / index, (size, J))

    def covers(reach):
        def pvalues(sample):
            seen = np.array([hill(row, 0.9) for row in sample])
            inside = (seen[:, 1] / reach < index) & (index < seen[:, 2] * reach)
            return pvalue_binomial(inside.sum(), len(inside), 0.9)

        return pvalues

    assert_kills(
        draw,
        covers(1.0),
        size=2000,
        mutants={
            "another index": lambda size, rng: draw(size, rng) * 0.8,
            "texts twice": lambda size, rng: np.tile(draw(size, rng)[:, : J // 2], 2),
        },
        wrong={"interval too wide": covers(1.1), "interval too narrow": covers(0.9)},
        formula="2 k alpha / hat alpha is chi-square with 2 k degrees of freedom",
        source="Hill, Annals of Statistics 3:1163 (1975)",
    )


# ------------------------------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: measure(["text"]), r"generations must be Generation records, got 'text'"),
        (lambda: measure(batches(REAL)[1:]), r"generations must hold generation 0 .* got \[\]"),
        (
            lambda: measure([*batches(REAL), *batches(REAL)]),
            r"generations must have different numbers, got 0 more than",
        ),
        (lambda: measure(batches(["..."], FIRST)), r"generations must hold words in generation 0 .* got none"),
        (lambda: measure(batches(REAL), longest=0), r"longest must be an integer >= 1, got 0"),
        (lambda: measure(batches(REAL), bins=0), r"bins must be an integer >= 1, got 0"),
        (lambda: measure(batches(REAL), beyond=1.0), r"beyond must be .* got 1"),
        (lambda: measure(batches(REAL), confidence=0.0), r"confidence must be .* got 0"),
        (lambda: measure(batches(REAL), self_bleu=1), r"self_bleu must be 0 or >= 2 .* got 1"),
        (lambda: measure(batches(REAL, FIRST), regime="replace"), r"regime must be a regime such as .* got 'replace'"),
        (
            lambda: measure([generation(0, REAL), generation(1, FIRST, training=[(0, 4)])]),
            r"training of generation 1 must name texts that there are \(generation 0 has 4\), got id 4",
        ),
    ],
)
def test_messages(call, match):
    with pytest.raises((TypeError, ValueError), match=match):
        call()
