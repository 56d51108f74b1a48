"""The loop: exact where it is exact, Wright-Fisher where it is Wright-Fisher, and honest elsewhere."""

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from modelcollapse import regimes
from modelcollapse.curation import Edit
from modelcollapse.lm import Corpus, NGram, chains, wright_fisher
from modelcollapse.regimes import Accumulate, FixedReal, FreshReal, Mix, Replace, Subsample, Window
from modelcollapse.testing import assert_kills, stream
from modelcollapse.theory.inbreeding import inbreeding
from modelcollapse.verify import pvalue_binomial, pvalue_bounded

SETTINGS = settings(deadline=None, derandomize=True, database=None, max_examples=25)
ORDERS = (1, 2, 3)
TEXT = (
    "the cat saw the dog and the dog saw the cat and then the cat and the dog saw a bird that saw neither the "
    "dog nor the cat so the bird sang and the dog barked at the bird while the cat slept"
)
SMALL = Corpus.from_text(TEXT)
LONG = Corpus.from_text(" ".join([TEXT, "one two three", TEXT, "two three four five", TEXT, "six"] * 2))
N = len(LONG)
REGIMES = [
    Replace(n=N),
    Replace(n=[N, 40, 90, 3]),
    Accumulate(n=50, n_real=N),
    Subsample(n=70, n_real=N),
    FixedReal(n=80, n_real=20, n_first=N),
    FreshReal(n=N, n_real=30),
    Mix(n=N, real_fraction=0.2),
    Window(n=50, k=2, n_real=N),
]


def data() -> Path:
    """Folder of the real texts, which are never part of the project."""
    return Path(os.environ.get("MODELCOLLAPSE_DATA", Path(__file__).parents[3] / "shared" / "data"))


# ------------------------------------------------------------------------------------------ exact


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("regime", REGIMES, ids=str)
def test_every_regime_runs_for_any_number_of_threads(regime, order):
    one, two = (chains(LONG, order=order, regime=regime, generations=4, replicates=3, rng=5, n_jobs=n) for n in (1, 2))
    xr.testing.assert_identical(one, two)
    assert dict(one.sizes) == {
        "replicate": 3,
        "generation": 5,
        "ngram": 3,
        "word": len(LONG.vocabulary),
        "block": one.sizes["block"],
    }
    assert np.array_equal(one["present"].sum("word"), one["support"])
    assert one["original_count"].values.tolist() == LONG.counts.tolist()
    for name in ("support", "heterozygosity", "entropy", "perplexity_floored", "unseen", "distinct", "block_nll"):
        assert np.isfinite(one[name]).all(), name


@pytest.mark.parametrize(("order", "smoothing"), [(4, 0.0), (5, 0.0), (5, 0.1), (1, "kneser-ney"), (3, "kneser-ney")])
@pytest.mark.parametrize("regime", [Replace(n=60), Subsample(n=70, n_real=N), Window(n=50, k=2, n_real=N)], ids=str)
def test_high_orders_and_kneser_ney_run_under_regimes(regime, order, smoothing):
    ask = {"order": order, "smoothing": smoothing, "regime": regime, "generations": 3, "rng": 5}
    run = chains(LONG, **ask)
    xr.testing.assert_identical(run, chains(LONG, **ask))
    assert json.loads(run.attrs["family_options"]) == {"order": order, "smoothing": smoothing}
    assert np.isfinite(run["perplexity_floored"]).all()
    assert np.isfinite(run["perplexity_real"]).all() or smoothing == 0
    if regime == Replace(n=60) and smoothing == 0:
        assert (run["present"].astype(int).diff("generation") <= 0).all()


@pytest.mark.parametrize("order", [*ORDERS, 5])
@pytest.mark.parametrize("smoothing", [0.0, 0.3, "kneser-ney"])
def test_generations_0_and_1_are_the_corpus_when_it_is_read_whole(order, smoothing):
    run = chains(
        SMALL, order=order, smoothing=smoothing, regime=Replace(n=len(SMALL)), generations=1, replicates=2, rng=1
    )
    frequency = SMALL.counts / len(SMALL)
    model = NGram(order, smoothing).fit_tokens(SMALL.tokens, len(SMALL.vocabulary))
    ring = np.concatenate([SMALL.tokens[len(SMALL) - order + 1 :], SMALL.tokens])
    expected = {
        "support": len(SMALL.vocabulary),
        "heterozygosity": 1 - (frequency**2).sum(),
        "entropy": -(frequency * np.log(frequency)).sum(),
        "unseen": 0.0,
        "perplexity_real": np.exp(model.nll_tokens(ring).mean()),
    }
    expected["perplexity_seen"] = expected["perplexity_real"]
    for name, value in expected.items():
        np.testing.assert_allclose(run[name].values, value, rtol=1e-12, err_msg=name)
    law = np.exp(-model.nll_tokens(ring))
    floored = np.exp(-np.log(0.99 * law + 0.01 / len(SMALL.vocabulary)).mean())
    np.testing.assert_allclose(run["perplexity_floored"].values, floored, rtol=1e-12)


def test_a_run_is_recorded_and_survives_netcdf(tmp_path):
    run = chains(SMALL, order=2, smoothing=0.5, regime=Window(n=20, k=2), generations=3, replicates=2, rng=9)
    assert run.attrs["family"] == "NGram"
    assert json.loads(run.attrs["family_options"]) == {"order": 2, "smoothing": 0.5}
    assert regimes.read(run.attrs["regime"]) == Window(n=20, k=2)
    assert (run.attrs["generations"], run.attrs["replicates"], run.attrs["entropy"]) == (3, 2, "9")
    assert run.attrs["corpus_tokens"] == len(SMALL)
    run.to_netcdf(tmp_path / "run.nc")
    back = xr.load_dataset(tmp_path / "run.nc")
    for name in run.data_vars:
        assert np.array_equal(back[name].values, run[name].values), name
    assert back.attrs["regime"] == run.attrs["regime"]


def test_more_replicates_keep_the_first_ones():
    few, many = (
        chains(SMALL, order=2, regime=Mix(n=30, real_fraction=0.1), generations=3, replicates=r, rng=4) for r in (2, 5)
    )
    for name in few.data_vars:
        a, b = few[name], many[name]
        assert np.array_equal(a.values, b.isel(replicate=slice(2)).values if "replicate" in b.dims else b.values), name


def test_blocks_average_to_the_likelihood_and_texts_can_be_read():
    run = chains(LONG, order=1, regime=Replace(n=N), generations=2, replicates=2, rng=1, text_size=192)
    assert run.sizes["block"] == 3
    np.testing.assert_allclose(run["block_nll"].mean("block"), run["nll_under_original"].isel(replicate=0), rtol=1e-12)
    for text in run["sample_text"].values:
        assert len(text.split()) == 40
        assert set(text.split()) <= set(LONG.vocabulary)
    joined = " ".join([*TEXT.split()] * 3)
    assert str(chains(SMALL, regime=Replace(n=5), generations=1, rng=1)["sample_text"].values[0]) in joined


def test_words_need_not_be_kept():
    kept, not_kept = (
        chains(SMALL, regime=Replace(n=30), generations=2, rng=1, keep_words=keep) for keep in (True, False)
    )
    assert "present" not in not_kept
    xr.testing.assert_identical(kept.drop_vars("present"), not_kept)


# ------------------------------------------------------------------------------------------ held-out text


def test_a_held_out_text_is_scored_over_the_words_that_are_known():
    held_out = Corpus.from_text("the cat saw the zebra and the cat slept so")
    run = chains(SMALL, order=2, smoothing=1.0, regime=Replace(n=len(SMALL)), generations=1, rng=1, held_out=held_out)
    assert run.attrs["held_out_unknown"] == pytest.approx(1 / 10)
    model = NGram(2, 1.0).fit_tokens(SMALL.tokens, len(SMALL.vocabulary))
    pairs = ["the cat", "cat saw", "saw the", "and the", "the cat", "cat slept", "slept so", "so the"]
    nll = np.array([model.nll_tokens(SMALL.encode(pair))[0] for pair in pairs])
    np.testing.assert_allclose(run["perplexity_real"].values, np.exp(nll.mean()), rtol=1e-12)
    seen = np.array([pair in f"{TEXT} the" for pair in pairs])  # the corpus is a ring
    np.testing.assert_allclose(run["unseen"].values, 1 - seen.mean(), rtol=1e-12)
    np.testing.assert_allclose(run["perplexity_seen"].values, np.exp(nll[seen].mean()), rtol=1e-12)


def test_without_smoothing_what_is_unseen_makes_perplexity_infinite():
    run = chains(
        SMALL,
        order=2,
        regime=Replace(n=len(SMALL)),
        generations=3,
        rng=1,
        held_out=Corpus.from_text("the cat saw the cat saw a dog"),
    )
    assert np.isinf(run["perplexity_real"]).all()
    assert (run["unseen"] > 0).all()
    assert np.isfinite(run["perplexity_floored"]).all()


# ------------------------------------------------------------------------------------------ almost sure


@SETTINGS
@given(order=st.sampled_from(ORDERS), seed=st.integers(0, 2**32 - 1), n=st.integers(1, len(SMALL)))
def test_a_word_lost_under_replace_stays_lost(order, seed, n):
    run = chains(SMALL, order=order, regime=Replace(n=n), generations=6, rng=seed)
    assert (run["present"].astype(int).diff("generation") <= 0).all()
    assert (run["support"] >= 1).all()


@SETTINGS
@given(order=st.sampled_from(ORDERS), seed=st.integers(0, 2**32 - 1), k=st.integers(1, 4))
def test_nothing_is_lost_while_the_corpus_is_held(order, seed, k):
    whole = len(SMALL)
    for regime, until in ((Accumulate(n=10, n_real=whole), 5), (Window(n=10, k=k, n_real=whole), k)):
        run = chains(SMALL, order=order, regime=regime, generations=5, rng=seed)
        assert (run["present"].sel(generation=slice(0, until)) == 1).all()
        assert (run["unseen"].sel(generation=slice(0, until)) == 0).all()


@SETTINGS
@given(order=st.sampled_from(ORDERS), seed=st.integers(0, 2**32 - 1), kept=st.integers(1, len(SMALL)))
def test_kept_words_are_never_lost(order, seed, kept):
    run = chains(SMALL, order=order, regime=FixedReal(n=1, n_real=kept), generations=6, rng=seed)
    later = run["present"].sel(generation=slice(1, None))
    assert (later == later.sel(generation=1)).all()


@SETTINGS
@given(order=st.sampled_from(ORDERS), smoothing=st.floats(1e-3, 10), seed=st.integers(0, 2**32 - 1))
def test_with_smoothing_every_score_is_finite(order, smoothing, seed):
    run = chains(SMALL, order=order, smoothing=smoothing, regime=Replace(n=20), generations=3, rng=seed)
    for name in ("perplexity_real", "perplexity_floored", "nll_under_original", "block_nll"):
        assert np.isfinite(run[name]).all(), name


@pytest.mark.parametrize("order", [2, 3])
def test_a_pool_drawn_whole_is_not_shuffled(order):
    run = chains(SMALL, order=order, regime=Subsample(n=len(SMALL)), generations=1, rng=1)
    assert (run["unseen"] == 0).all()


# ------------------------------------------------------------------------------------------ Wright-Fisher

WORDS = Corpus.from_text("a a a a b b b c c d")
STEPS = 4


def drift(regime):
    """Draw unigram chains of the ten-word corpus: whether each word is there, and the heterozygosity."""
    return lambda size, rng: chains(WORDS, regime=regime, generations=STEPS, replicates=size, rng=rng, text_size=64)


def survival(first):
    """Probability that each word is there after `first`, `first` + 1, ... draws, by the exact chain of one word."""
    n = len(WORDS)
    step = stats.binom.pmf(np.arange(n + 1), n, np.arange(n + 1)[:, None] / n)
    return np.array([1 - np.linalg.matrix_power(step, t)[WORDS.counts, 0] for t in range(first, first + STEPS - 1)])


def test_words_survive_as_alleles_do():
    def pvalue(expected):
        return lambda run: pvalue_binomial(run["present"].values[:, 2:].sum(axis=0), run.sizes["replicate"], expected)

    assert_kills(
        drift(Replace(n=10)),
        pvalue(survival(1)),
        size=400,
        formula="1 - (P^t)_{c0}, P_ij = Bin(n, i/n)(j)",
        source="SUR-COR1",
        wrong={"one generation early": pvalue(survival(0)), "late": pvalue(survival(2))},
        mutants={
            "seven draws": drift(Replace(n=[10, 7, 7, 7])),
            "real data come back": drift(FreshReal(n=10, n_real=3)),
        },
    )


@pytest.mark.parametrize(
    "regime",
    [
        Replace(n=10),
        Accumulate(n=5, n_real=10),
        Subsample(n=5, n_real=10),
        FixedReal(n=5, n_real=5, n_first=10),
        FreshReal(n=10, n_real=3),
        Mix(n=10, real_fraction=0.3),
        Window(n=5, k=2, n_real=10),
    ],
    ids=str,
)
def test_heterozygosity_falls_as_inbreeding_says(regime):
    truth = 1 - ((WORDS.counts / len(WORDS)) ** 2).sum()

    def pvalue(f):
        expected = truth * (1 - f[2:])
        most = 1 - 1 / len(WORDS.vocabulary)
        return lambda run: pvalue_bounded(run["heterozygosity"].values[:, 2:], expected, 0, most)

    f = inbreeding(regime, STEPS, population=len(WORDS))
    fresh = isinstance(regime, (FreshReal, Mix))  # new real words soon make up for how generation 1 was drawn
    wrong = {"nothing is lost": 0 * f} if fresh else {"generation 1 is a sample": inbreeding(regime, STEPS)}
    assert_kills(
        drift(regime),
        pvalue(f),
        size=400,
        formula="E H_t = (1 - F_t) H_0",
        source="F-MASTER",
        wrong={name: pvalue(value) for name, value in wrong.items()},
    )


def test_the_cross_check_says_what_was_predicted_and_seen():
    run = chains(WORDS, regime=Replace(n=10), generations=STEPS, replicates=50, rng=stream())
    table = wright_fisher(run)
    assert table["predicted"].dims == ("quantity", "generation")
    h = table.sel(quantity="heterozygosity")
    np.testing.assert_allclose(h["predicted"], 0.7 * 0.9 ** np.array([0, 0, 1, 2, 3]), rtol=1e-12)
    np.testing.assert_allclose(h["seen"], run["heterozygosity"].mean("replicate"), rtol=1e-12)
    assert (table["z"].sel(generation=[0, 1]) == 0).all()
    s = table.sel(quantity="support")["predicted"].values
    np.testing.assert_allclose(s, [4, 4, *survival(1).sum(axis=1)], rtol=1e-12)
    assert table["kind"].values.tolist() == ["exact", "exact"]
    assert np.isfinite(table["z"]).all()


def test_the_cross_check_predicts_support_only_where_it_can():
    def predicted(regime):
        run = chains(WORDS, regime=regime, generations=3, replicates=2, rng=1)
        return wright_fisher(run)["predicted"].sel(quantity="support").values

    assert predicted(Accumulate(n=3, n_real=10)).tolist() == [4, 4, 4, 4]
    assert predicted(Window(n=3, k=2, n_real=10))[:3].tolist() == [4, 4, 4]
    assert np.isnan(predicted(FreshReal(n=10, n_real=2))[2:]).all()
    first = 4 - stats.hypergeom(10, WORDS.counts, 5).pmf(0).sum()
    for regime in (Replace(n=5), Subsample(n=5, n_real=10), Accumulate(n=3, n_real=5), Mix(n=5, real_fraction=0.5)):
        assert predicted(regime)[1] == pytest.approx(first, rel=1e-12)
    assert predicted(Accumulate(n=3, n_real=5))[3] == pytest.approx(first, rel=1e-12)
    assert np.isnan(predicted(Subsample(n=5, n_real=10))[2:]).all()


def test_the_cross_check_of_a_large_corpus_is_exact_and_close_to_the_branching_limit():
    corpus = Corpus.default()
    run = chains(corpus, regime=Replace(n=len(corpus)), generations=4, replicates=2, rng=1, text_size=64)
    table = wright_fisher(run)
    q, expected = np.exp(-1), [len(corpus.vocabulary)] * 2
    for _ in range(3):
        expected.append((1 - q**corpus.counts).sum())
        q = np.exp(q - 1)
    np.testing.assert_allclose(table["predicted"].sel(quantity="support"), expected, rtol=1e-5)
    assert table["kind"].values.tolist() == ["exact", "exact"]


def test_the_cross_check_refuses_what_theory_does_not_cover():
    for kind in ({"order": 2}, {"smoothing": 0.1}):
        run = chains(WORDS, regime=Replace(n=10), generations=1, rng=1, **kind)
        with pytest.raises(ValueError, match=r"only that is the Wright-Fisher model exactly"):
            wright_fisher(run)
    with pytest.raises(ValueError, match=r"run must come from chains.*got None"):
        wright_fisher(xr.Dataset())


def test_one_replicate_has_no_standard_error():
    table = wright_fisher(chains(WORDS, regime=Replace(n=10), generations=2, rng=1))
    assert np.isnan(table["standard_error"]).all()


# ------------------------------------------------------------------------------------------ real text


@pytest.fixture(scope="module")
def wikitext():
    path = data() / "wikitext-2-raw" / "validation.raw.txt"
    if not path.exists():
        pytest.skip(f"{path} is absent: WikiText-2 is not part of the project; name its folder with MODELCOLLAPSE_DATA")
    return Corpus.from_file(path)


def test_in_real_text_the_rare_words_go_first(wikitext):
    run = chains(wikitext, regime=Replace(n=len(wikitext)), generations=4, replicates=2, rng=stream(), text_size=64)
    # Deterministic for any Zipf-like text: half of the types occur at most a few times, and a type of count c is lost
    # at once with probability e^-c. Given the counts, the number of lost types has a standard deviation below half the
    # root of their number, so six of them are a false-alarm rate below 1e-6 a number.
    counts = run["original_count"].values
    assert (counts <= 3).mean() > 0.5
    for rare in (1, 2, 3, 10):
        word = counts == rare
        seen = run["present"].values[:, 2, word].mean()
        assert abs(seen - (1 - np.exp(-rare))) < 6 * 0.5 / np.sqrt(2 * word.sum())
    table = wright_fisher(run).sel(quantity="support")
    gap = np.abs(table["seen"] - table["predicted"]).values
    assert (gap < 6 * 0.5 * np.sqrt(len(counts) / 2)).all()
    by_frequency = run["present"].isel(generation=4).mean("replicate").values
    assert by_frequency[:100].min() == 1
    assert by_frequency[: len(counts) // 2].mean() > by_frequency[len(counts) // 2 :].mean() + 0.2


# ------------------------------------------------------------------------------------------ what is refused


def test_requests_that_cannot_be_met_are_refused_before_anything_runs(monkeypatch):
    whole = len(SMALL)
    ask = {"regime": Replace(n=10), "generations": 2}
    with pytest.raises(TypeError, match=r"corpus must be a Corpus.*got 'the cat'"):
        chains("the cat", **ask)
    with pytest.raises(TypeError, match=r"held_out must be a Corpus.*got 'the cat'"):
        chains(SMALL, held_out="the cat", **ask)
    with pytest.raises(ValueError, match=rf"at most {whole} real words at generation 1 .* got {whole + 1}"):
        chains(SMALL, regime=Replace(n=whole + 1), generations=2)
    with pytest.raises(TypeError, match=r"regime must be a regime such as .* got <class"):
        chains(SMALL, regime=Replace, generations=2)
    with pytest.raises(ValueError, match=re.escape("order must be an integer >= 1 and <= 5")):
        chains(SMALL, order=0, **ask)
    with pytest.raises(ValueError, match=r"text_size must be an integer >= 64 .* got 10"):
        chains(SMALL, text_size=10, **ask)
    with pytest.raises(ValueError, match=r"replicates must be an integer >= 1, got 0"):
        chains(SMALL, replicates=0, **ask)
    with pytest.raises(ValueError, match=r"n_jobs must be a number of threads"):
        chains(SMALL, n_jobs=0, **ask)
    with pytest.raises(ValueError, match=r"held_out must share some text with the corpus .* got 100% unknown"):
        chains(SMALL, held_out=Corpus.from_text("qux quux"), **ask)
    with pytest.raises(ValueError, match=r"must hold fewer than 1000000000 words .* got 1000000010"):
        chains(SMALL, regime=Subsample(n=[10, 10**9]), generations=2)
    monkeypatch.setattr(sys.modules["modelcollapse.lm.chains"], "memory", lambda: 10)
    with pytest.raises(ValueError, match=r"keep_words must be False for a run this large .* got 0\.0 GB"):
        chains(SMALL, **ask)
    chains(SMALL, keep_words=False, **ask)


def test_a_progress_bar_is_shown_on_request(capsys):
    chains(SMALL, regime=Replace(n=10), generations=1, replicates=2, rng=1, progress=True)
    assert "2/2" in capsys.readouterr().err


def test_curations_are_refused_not_ignored():
    with pytest.raises(ValueError, match=r"regime must leave its texts as they are.*Edit"):
        chains(SMALL, order=1, regime=Replace(len(SMALL), curation=Edit(0.5)), generations=2)
