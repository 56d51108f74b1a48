"""The temporal method with texts as replicates, and what the cross-check makes of it: exact parts, and messages."""

import doctest
import importlib
import json

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from modelcollapse import regimes, theory
from modelcollapse.lm import Corpus, Decoding, NGram, by_class, crosscheck, experiment, measure, neutrality, pictures
from modelcollapse.lm.crosscheck import ASSUMPTIONS, PARTS, QUANTITIES, class_names
from modelcollapse.lm.records import Generation
from modelcollapse.lm.temporal import classes, pvalue_studentised, scatter, transitions
from modelcollapse.testing import stream

mpl.use("Agg")
LEAD = ("generation", "word")


def unigrams(name, T=5, V=120, J=60, length=32, temperature=1.0, texts=True, schedule=None):
    """A run of unigram models, as `measure` would see it."""
    rng = stream(name)
    p = 1 / (np.arange(V) + 2.0)
    p /= p.sum()
    sizes = schedule or [J] * (T + 1)
    token = [rng.choice(V, size=(sizes[0], length), p=p)]
    for t in range(1, T + 1):
        q = (np.bincount(token[-1].ravel(), minlength=V) / token[-1].size) ** (1 / temperature)
        token.append(rng.choice(V, size=(sizes[t], length), p=q / q.sum()))
    counts = np.array([np.bincount(some.ravel(), minlength=V) for some in token])
    data = {"count": (LEAD, counts), "training_count": (LEAD, np.vstack([np.zeros((1, V), int), counts[:-1]]))}
    if texts:
        padded = np.full((T + 1, max(some.size for some in token)), -1)
        lengths = np.zeros((T + 1, max(sizes)), int)
        for t, some in enumerate(token):
            padded[t, : some.size] = some.ravel()
            lengths[t, : len(some)] = length
        data |= {"token": (("generation", "position"), padded), "text_words": (("generation", "text"), lengths)}
    return xr.Dataset(data, coords={"generation": np.arange(T + 1), "word": [f"w{i}" for i in range(V)]})


@pytest.fixture(scope="module")
def neutral():
    return unigrams("a neutral run")


@pytest.fixture(scope="module")
def checked(neutral):
    return crosscheck(neutral, rng=stream("chains"), replicates=100)


# ------------------------------------------------------------------------------------------ exact


def test_classes_are_powers_of_two():
    counts = np.concatenate([np.arange(1, 5000), 2 ** np.arange(0, 50), 2 ** np.arange(1, 50) - 1])
    assert classes(counts).tolist() == [int(c).bit_length() - 1 for c in counts]


def test_transitions_follow_the_words_that_were_learned():
    texts = [["a a b", "b c"], ["a d d", "c a a"]]
    run = measure([
        Generation(t, some, ["synthetic" if t else "real"] * 2, [-1, -1], [-1, -1]) for t, some in enumerate(texts)
    ])  # fmt: skip
    (step,) = transitions(run)
    assert run["word"].values[step.word].tolist() == ["a", "b", "c"]
    assert step.trained.tolist() == [2, 2, 1]
    assert step.counts.tolist() == [3, 0, 1]
    assert step.n == 4
    assert step.innovation == pytest.approx(2 / 6)
    assert step.texts is None  # two texts have no scatter to speak of


def test_scatter_between_texts_is_the_definition(neutral):
    step = transitions(neutral)[2]
    C, x = step.texts.toarray(), step.after
    J, n = len(C), C.sum()
    rest = C - C.sum(axis=1, keepdims=True) * x
    chance = scatter(step)
    np.testing.assert_allclose(chance.variance, (rest**2).sum(axis=0) * J / (J - 1) / n**2, rtol=1e-9, atol=1e-18)
    gram = rest @ rest.T
    q, off = np.diag(gram).copy(), gram - np.diag(np.diag(gram))
    squared = (off**2).sum() / (J * (J - 1))
    assert chance.degrees == pytest.approx(q.mean() ** 2 / squared, rel=1e-9)
    cubed = np.einsum("ij,jk,ki", off, off, off) / (J * (J - 1) * (J - 2))
    assert chance.shape == pytest.approx(min(squared**3 / cubed**2, chance.degrees), rel=1e-9)
    assert chance.certainty == pytest.approx(2 * J * q.mean() ** 2 / q.var(ddof=1), rel=1e-9)


def test_scatter_of_independent_words_is_that_of_theory(neutral):
    step = transitions(neutral.drop_vars("token"))[0]
    y = step.before
    chance = scatter(step)
    np.testing.assert_allclose(chance.variance, y * (1 - y) / step.n)
    assert chance.degrees == pytest.approx(theory.temporal_degrees(y, step.n))
    sizes = neutrality(neutral.drop_vars("token"))
    change = ((step.after - y) ** 2).sum() / (y * (1 - y)).sum()
    expected = theory.effective_size_interval(change, chance.degrees)
    got = [float(sizes[f"effective_size{end}"][0]) for end in ("", "_low", "_high")]
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    np.testing.assert_allclose(sizes["sampled_size"], sizes["nominal_size"])
    assert sizes.attrs["replicates"] == "words"
    assert "taken for independent" in sizes.attrs["sentence"]
    assert np.isnan(sizes["p_size"]).all()


def test_the_two_sizes_and_what_is_between(neutral, checked):
    tested = neutrality(neutral)
    np.testing.assert_allclose(
        1 / tested["effective_size"], 1 / tested["sampled_size"] + tested["directed"], rtol=1e-12
    )
    assert (tested["effective_size_low"] < tested["effective_size"]).all()
    assert (tested["sampled_size"] < tested["sampled_size_high"]).all()
    # the cross-check holds all of it, beside generation 0
    xr.testing.assert_allclose(checked["effective_size"].sel(generation=tested["generation"]), tested["effective_size"])
    assert np.isnan(checked["effective_size"].sel(generation=0))


def test_classes_add_up(neutral):
    tested = neutrality(neutral)
    total = tested["nominal_size"]
    np.testing.assert_allclose(tested["expected"].sum("class"), total)
    np.testing.assert_allclose(tested["written"].sum("class"), total)
    assert tested["least"].values.tolist() == [2**i for i in range(tested.sizes["class"])]
    for i, step in enumerate(transitions(neutral)):
        member = step.classes == 2
        at = tested.isel({"generation": i, "class": 2})
        share = step.before[member].sum()
        assert float(at["selection"]) == pytest.approx(step.after[member].sum() / share - 1)
        per_text = step.texts.toarray()
        apart = per_text[:, member].sum(axis=1) - per_text.sum(axis=1) * step.after[member].sum()
        J = len(per_text)
        error = np.sqrt(max((apart**2).sum() * J / (J - 1), step.n * share * (1 - share))) / (step.n * share)
        assert float(at["selection_error"]) == pytest.approx(error)


def test_increments_are_a_t_test(neutral):
    tested = neutrality(neutral)
    assert tested.sizes["followed"] > 0
    x = neutral["count"] / neutral["count"].sum("word")
    for word in tested["followed"].values[:3]:
        path = x.sel(word=word).values
        increments = np.diff(path) / np.sqrt(2 * path[:-1] * (1 - path[:-1]))
        expected = stats.ttest_1samp(increments, 0)
        assert float(tested["increment_t"].sel(followed=word)) == pytest.approx(expected.statistic)
        assert float(tested["increment_p"].sel(followed=word)) == pytest.approx(expected.pvalue)


def test_studentised_tails():
    z = np.linspace(0, 60, 400)
    for skewness in (0.0, 0.05, 0.3):
        p = pvalue_studentised(z, 50, skewness)
        assert (np.diff(p) <= 1e-15).all()
        assert (p >= 2 * stats.t.sf(z, 50) * (1 - 1e-9)).all()
    np.testing.assert_allclose(pvalue_studentised(z[:200], 7, 0.0), 2 * stats.t.sf(z[:200], 7), rtol=1e-8)


def test_predictions_of_independent_words_are_the_closed_forms(neutral, checked):
    first, T = neutral["count"].values[0], 5
    p, n = first / first.sum(), int(first.sum())
    independent = checked["predicted"].sel(assumption="independent")
    F = theory.inbreeding(regimes.Replace(n=n), T + 1, population=n)[1:]
    np.testing.assert_allclose(independent.sel(quantity="heterozygosity"), theory.heterozygosity(p, F), rtol=1e-12)
    np.testing.assert_allclose(independent.sel(quantity="entropy"), theory.expected_entropy(p, n, T), rtol=1e-9)
    np.testing.assert_allclose(independent.sel(quantity="support"), theory.expected_support(p, n, T), rtol=1e-9)
    assert checked["kind"].sel(assumption="independent").values.tolist() == ["exact"] * 3
    assert checked["kind"].sel(assumption="clustered", quantity="entropy") == "Monte Carlo"
    alive = theory.survival(p, n, T)
    for c in np.unique(classes(first[first > 0])):
        member = (first > 0) & (classes(np.maximum(first, 1)) == c)
        expected = checked["expected_survival"].sel(assumption="independent").isel({"class": c})
        np.testing.assert_allclose(expected, alive[:, member].mean(axis=1), rtol=1e-9)
        seen = checked["class_survival"].isel({"class": c})
        np.testing.assert_allclose(seen, (neutral["count"].values[:, member] > 0).mean(axis=1))
        assert int(checked["founding_words"][c]) == member.sum()


def test_the_parts_are_the_whole_loss(checked):
    share = checked["share"]
    divided = ~share.isnull().any("part")
    assert bool(divided.sel(quantity="support"))
    np.testing.assert_allclose(share.sum("part").where(divided, drop=True), 1)
    seen, mean = checked["seen"], checked["predicted"].isel(generation=-1)
    lost = (seen.isel(generation=0) - seen.isel(generation=-1)).sel(quantity="support")
    sampling = (seen.isel(generation=0) - mean.sel(assumption="independent")).sel(quantity="support")
    assert float(share.sel(quantity="support", part="sampling")) == pytest.approx(float(sampling / lost))


def test_a_heated_run_is_directed_and_says_so():
    run = unigrams("a heated run", temperature=0.8)
    checked = crosscheck(run, rng=1, replicates=50)
    assert checked.attrs["neutrality"] == "CONTRADICTED"
    assert checked.attrs["p"] < 1e-6
    assert float(checked["trend"]) == pytest.approx(0.25, abs=4 * float(checked["trend_error"]) + 0.05)
    assert float(checked["share"].sel(quantity="entropy", part="directed")) > 0.3
    assert (checked["directed"].isel(generation=slice(1, None)) > 0).all()
    assert checked.attrs["sentence"].startswith("The change of the words is directed, not drift alone (p = ")
    assert checked.attrs["sentence"] in checked.attrs["summary"]
    assert "is not explained by sampling" in checked.attrs["summary"]


def test_new_words_are_counted_and_left_out():
    run = unigrams("a neutral run", V=60)
    more = run.copy(deep=True)
    more["count"] = more["count"].copy()
    unseen = np.flatnonzero(more["training_count"].sel(generation=3).values == 0)
    if not unseen.size:
        more["training_count"].loc[{"generation": 3, "word": "w59"}] = 0
        unseen = np.array([59])
    kept = more.drop_vars(["token", "text_words"])
    kept["count"].loc[{"generation": 3}] = np.where(np.arange(60) == unseen[0], 100, kept["count"].sel(generation=3))
    tested = neutrality(kept)
    total = int(kept["count"].sel(generation=3).sum())
    assert float(tested["innovation"].sel(generation=3)) == pytest.approx(100 / total)
    assert "of the words written were new to the model that wrote them" in tested.attrs["sentence"]


def test_sizes_may_change():
    run = unigrams("a schedule", schedule=[60, 30, 90, 20, 60, 40])
    checked = crosscheck(run, rng=2, replicates=60)
    assert checked["kind"].sel(assumption="independent").values.tolist() == ["exact", "Monte Carlo", "Monte Carlo"]
    written = run["count"].sum("word").values
    F = theory.inbreeding(regimes.Replace(n=written.tolist()), 6, population=int(written[0]))[1:]
    p = run["count"].values[0] / written[0]
    got = checked["predicted"].sel(assumption="independent", quantity="heterozygosity")
    np.testing.assert_allclose(got, theory.heterozygosity(p, F), rtol=1e-12)


TEXT = " ".join(f"w{i}" for i in stream("a text").zipf(1.7, 3000) if i < 200)


@pytest.mark.parametrize(
    "regime",
    [
        regimes.Accumulate(n=20),
        regimes.Window(n=20, k=2),
        regimes.Subsample(n=20),
        regimes.FixedReal(n=15, n_real=5, n_first=20),
        regimes.FreshReal(n=20, n_real=5),
        regimes.Mix(n=20, real_fraction=0.3),
    ],
    ids=lambda r: r.kind,
)
def test_every_regime_can_be_checked(regime):
    run = experiment(NGram(1), Corpus.from_text(TEXT), regime, 3, block=16, rng=4)
    checked = crosscheck(run, rng=5, replicates=40)
    assert set(ASSUMPTIONS) == set(checked["assumption"].values)
    assert np.isfinite(checked["predicted"]).all()
    pure = regime.kind in ("accumulate", "window")
    kind = str(checked["kind"].sel(assumption="independent", quantity="heterozygosity").values)
    assert kind == ("exact" if pure else "Monte Carlo")
    # what is known of the mean and what is simulated stay close to each other, and to what was seen
    gap = checked["by_inbreeding"] - checked["predicted"].sel(quantity="heterozygosity")
    assert (abs(gap).sel(assumption="independent") < 0.05).all()
    assert (abs(checked["z"].sel(assumption="independent", generation=[1, 3])) < 6).all()


def test_records_do_as_well_and_the_result_can_be_saved(tmp_path):
    run = experiment(
        NGram(1), Corpus.from_text(TEXT), regimes.Replace(n=20), 2, block=16, rng=4, store=tmp_path / "run"
    )
    from modelcollapse.lm import records

    again = crosscheck(records.read(tmp_path / "run"), rng=5, replicates=20)
    xr.testing.assert_allclose(again["seen"], crosscheck(run, rng=5, replicates=20)["seen"])
    json.dumps({name: value for name, value in again.attrs.items() if name != "p"}, default=float)


def test_table(checked):
    table = by_class(checked)
    assert isinstance(table, pd.DataFrame)
    assert table.index.tolist()[:3] == ["1", "2-3", "4-7"] == class_names(checked)[:3]
    assert (table["low"].dropna() < table["selection"].dropna()).all()
    assert table["words"].sum() == checked["seen"].sel(quantity="support", generation=0)
    assert table["survived"].iloc[0] <= 1


# ------------------------------------------------------------------------------------------ pictures


def test_pictures_draw_on_the_axes_they_are_given(checked):
    from matplotlib import pyplot as plt

    run = measure([
        Generation(t, ["a b"] * 30, ["synthetic" if t else "real"] * 30, [-1] * 30, [2] * 30,
                   {"first": np.append(np.linspace(1, 3 - t, 29), np.inf if t else 2.0)})
        for t in (0, 1)
    ])  # fmt: skip
    before = plt.get_fignums()
    figure, ax = plt.subplots()
    draws = [
        lambda ax: pictures.explained(checked, ax=ax),
        lambda ax: pictures.explained(checked, "support", assumptions=["independent"], ax=ax),
        lambda ax: pictures.class_survival(checked, ax=ax),
        lambda ax: pictures.driven(checked, ax=ax),
        lambda ax: pictures.driven(checked, 2, ax=ax),
        lambda ax: pictures.perplexities(run, ax=ax),
    ]
    for draw in draws:
        ax.clear()
        assert draw(ax) is ax
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        figure.canvas.draw()
    assert plt.get_fignums() == [*before, figure.number]
    assert ax.get_legend_handles_labels()[1] == ["real text", "generation 1 (and 3 % impossible)"]
    plt.close(figure)
    new = pictures.explained(checked, "heterozygosity")
    plt.close(new.figure)


# ------------------------------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda run: crosscheck("run"), r"run must be what measure\(generations\) returns, .* got 'run'"),
        (lambda run: crosscheck(run.drop_vars("training_count")), r"run must hold training_count .* got count"),
        (lambda run: neutrality(run.isel(word=0)), r"run\['count'\] must have the dimensions generation and word"),
        (lambda run: neutrality(run.isel(generation=[0])), r"run must hold a model that wrote words .* got none"),
        (lambda run: crosscheck(run.isel(generation=[0, 2, 3])), r"run must hold all generations .* got .* \[2, 3\]"),
        (lambda run: crosscheck(run, estimated_on=9), r"estimated_on must be an integer >= 1 and <= 5, got 9"),
        (lambda run: crosscheck(run, replicates=1), r"replicates must be an integer >= 2 .* got 1"),
        (lambda run: crosscheck(run, regime="replace"), r"regime must be a regime .* got 'replace'"),
        (
            lambda run: crosscheck(run, regime=regimes.FreshReal(n=60, n_real=5)),
            r"run must hold real_count under a regime with real text in later generations",
        ),
        (lambda run: neutrality(run, error_rate=0.0), r"error_rate must be .* got 0"),
        (lambda run: neutrality(run, effect=-1), r"effect must be .* got -1"),
        (lambda run: neutrality(run, confidence=1), r"confidence must be .* got 1"),
        (lambda run: pictures.explained(run), r"data must hold seen and predicted .* crosscheck returns"),
        (lambda run: pictures.explained(1), r"data must be an xarray\.Dataset, got int"),
        (lambda run: pictures.perplexities(run), r"data must hold histogram .* measure returns"),
    ],
)
def test_messages(neutral, call, match):
    with pytest.raises((TypeError, ValueError), match=match):
        call(neutral)


def test_messages_of_pictures(checked):
    with pytest.raises(ValueError, match=r"quantity must be one of 'heterozygosity', .* got 'words'"):
        pictures.explained(checked, "words")
    with pytest.raises(ValueError, match=r"assumptions must be one of .* got 'none'"):
        pictures.explained(checked, assumptions=["none"])
    with pytest.raises(ValueError, match=r"generation must be one of 0 to 5, got 17"):
        pictures.driven(checked, 17)
    texts = [Generation(t, ["a b"], ["synthetic" if t else "real"], [-1], [-1]) for t in (0, 1)]
    with pytest.raises(ValueError, match=r"data must hold texts that the first model has scored"):
        pictures.perplexities(measure(texts))


def test_a_decoding_shows():
    run = experiment(
        NGram(1), Corpus.from_text(TEXT), regimes.Replace(n=100), 3, block=16, rng=4, decoding=Decoding(top_k=20)
    )
    tested = neutrality(run)
    assert tested.attrs["neutrality"] == "CONTRADICTED"
    assert tuple(QUANTITIES) == ("heterozygosity", "entropy", "support")
    assert tuple(PARTS) == ("sampling", "clustering", "directed")


@pytest.mark.parametrize("room", ["measures", "temporal", "crosscheck", "pictures"])
def test_examples(room):
    result = doctest.testmod(importlib.import_module(f"modelcollapse.lm.{room}"))
    assert result.failed == 0


def test_words_that_do_not_move_have_no_effective_size():
    text = " ".join(["a b"] * 2000)
    run = experiment(NGram(3), text, regimes.Replace(n=60), 2, prompts=None, rng=1)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"run must have words .* got an effective size"):
        crosscheck(run, rng=1, replicates=10)
