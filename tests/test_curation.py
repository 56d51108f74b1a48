"""Curations: what each does to points, alone and in a loop; refusals; chains that stop."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse import curation as cure
from modelcollapse import regimes
from modelcollapse.testing import stream

GAUSSIAN = mc.Gaussian(0.0, 1.0, estimator="unbiased")
ZIPF = mc.Categorical([0.4, 0.3, 0.2, 0.1])


def points(values):
    """A stand-in for a model's sampler that returns given points."""
    return lambda size, rng: np.asarray(values, dtype=float)[:size]


# ----------------------------------------------------------------------------------------- what is sampled from


@given(temperature=st.floats(0.05, 20), power=st.integers(1, 4))
def test_temperatures_multiply(temperature, power):
    model = ZIPF
    for _ in range(power):
        model = cure.Temperature(temperature).shape(model)
    expected = np.exp(np.log(ZIPF.probabilities) * temperature**-power - np.log(0.4) * temperature**-power)
    np.testing.assert_allclose(model.probabilities, expected / expected.sum(), rtol=1e-9, atol=1e-300)


def test_temperature_of_each_family():
    assert cure.Temperature(0.25).shape(GAUSSIAN).cov == 0.25
    assert cure.Temperature(0.5).shape(mc.Exponential(3.0)).rate == 6.0
    gone = mc.Categorical([0.5, 0.0, 0.5])
    assert cure.Temperature(3.0).shape(gone).probabilities.tolist() == [0.5, 0.0, 0.5]


def test_sampling_bias_multiplies_covariances():
    mixture = mc.GaussianMixture([0.5, 0.5], [[0.0, 0.0], [3.0, 0.0]], [1.0, 2.0])
    model = cure.SamplingBias(0.25).shape(mixture)
    np.testing.assert_allclose(model.covs, mixture.covs / 4)
    one, other = (m.sample(10_000, stream("bias")) for m in (mixture, model))
    # the same random numbers: centred at the same component, half as far from it
    centre = mixture.means[(one[:, :1] > 1.5).ravel().astype(int)]
    assert np.median(np.abs(other - centre)) < np.median(np.abs(one - centre))


@given(k=st.integers(1, 4))
def test_top_k_keeps_the_commonest(k):
    kept = cure.TopK(k).shape(ZIPF).probabilities
    np.testing.assert_allclose(kept[:k], ZIPF.probabilities[:k] / ZIPF.probabilities[:k].sum())
    assert not kept[k:].any()


@pytest.mark.parametrize(("p", "size"), [(0.4, 1), (0.41, 2), (0.7, 2), (0.9, 3), (0.95, 4), (1.0, 4), (1e-9, 1)])
def test_top_p_keeps_the_nucleus(p, size):
    assert np.count_nonzero(cure.TopP(p).shape(ZIPF).probabilities) == size


# ------------------------------------------------------------------------------------------ which points are kept


def test_selections_on_given_points():
    rng = stream("given")
    draw = points([3.0, -1.0, 0.5, 2.0])
    assert cure.Truncate(low=0.0).pick(draw, 4, GAUSSIAN, rng).tolist() == [3.0, 0.5, 2.0]
    assert cure.Truncate(low=0.0, high=2.0).pick(draw, 4, GAUSSIAN, rng).tolist() == [0.5, 2.0]
    assert cure.SelectTop(0.5).pick(draw, 4, GAUSSIAN, rng).tolist() == [3.0, 2.0]
    assert cure.SelectTop(0.01).pick(draw, 4, GAUSSIAN, rng).tolist() == [3.0]
    assert cure.SelectTop(0.5, by=np.negative).pick(draw, 4, GAUSSIAN, rng).tolist() == [-1.0, 0.5]
    assert cure.SelectTop(0.5, by="likelihood").pick(draw, 4, GAUSSIAN, rng).tolist() == [-1.0, 0.5]
    assert cure.Verifier(lambda X: X > 1).pick(draw, 4, GAUSSIAN, rng).tolist() == [3.0, 2.0]
    assert cure.Verifier(lambda X: X > 1, 0.0, 1.0).pick(draw, 4, GAUSSIAN, rng).tolist() == [-1.0, 0.5]
    assert cure.Prefer(candidates=2, temperature=1e-9).pick(
        points([1.0, 2.0, 4.0, 3.0]), 2, GAUSSIAN, rng
    ).tolist() == [
        2.0,
        4.0,
    ]


def test_selections_follow_one_another():
    """A curator looks at what the filter before has left: an odd candidate is left over."""
    regime = mc.Replace(9, curation=[cure.Truncate(low=0.0), cure.Prefer(candidates=2)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        run = mc.simulate(GAUSSIAN, regime, generations=3, replicates=20, rng=0)
    assert run["kept"].sel(generation=slice(2, None)).max() <= 9


@given(size=st.integers(1, 40), old=st.integers(0, 60), fraction=st.floats(0.01, 1), seed=st.integers(0, 2**32))
def test_edit_keeps_points_of_the_previous_batch(size, old, fraction, seed):
    previous, marks = np.arange(old, dtype=float), np.arange(old) % 2 == 0
    new = lambda size, rng: np.full(size, -1.0)  # noqa: E731
    X, synthetic = cure.Edit(fraction).edit(previous, marks, new, size, np.random.default_rng(seed))
    assert len(X) == len(synthetic) == size
    stayed = X >= 0
    assert stayed.sum() == min(size - round(fraction * size), old)
    assert len(set(X[stayed])) == stayed.sum()
    assert (synthetic[stayed] == marks[X[stayed].astype(int)]).all()
    assert synthetic[~stayed].all()


# ------------------------------------------------------------------------------------------ what looks synthetic


@given(real=st.integers(0, 30), made=st.integers(0, 30), seed=st.integers(0, 2**32))
def test_perfect_and_blind_detectors(real, made, seed):
    synthetic, rng = np.repeat([False, True], [real, made]), np.random.default_rng(seed)
    assert (cure.Detector(1.0, 0.0).screen(synthetic, rng) == ~synthetic).all()
    assert (cure.Detector(0.0, 0.0).screen(synthetic, rng) == 1).all()
    weights = cure.Detector(0.3, 0.3, "weight").screen(synthetic, rng)
    assert np.ptp(weights) <= 1e-15 if len(weights) else True


def test_weights_are_the_probabilities_of_being_real():
    synthetic = np.repeat([False, True], [200, 800])
    weights = cure.Detector(0.9, 0.1, "weight").screen(synthetic, stream("posterior"))
    assert set(np.round(weights, 12)) == {round(0.02 / 0.74, 12), round(0.18 / 0.26, 12)}


def test_detectors_lose_real_points_and_count_them():
    regime = mc.FreshReal(100, 40, curation=cure.Detector(tpr=1.0, fpr=0.5))
    run = mc.simulate(GAUSSIAN, regime, generations=20, replicates=20, rng=0)
    kept, lost = run["kept"].values[:, 2:], run["real_dropped"].values[:, 2:]
    assert (kept + lost == 40).all()
    assert 15 < lost.mean() < 25
    assert (run["real_dropped"].values[:, :2] == 0).all()  # generation 1 comes before any synthetic point


def test_real_points_are_safe_from_selections():
    """A selection sees only what models make, a detector without false alarms touches no real point."""
    for curation in (cure.SelectTop(0.01), cure.Truncate(low=50.0), cure.Detector(1.0, 0.0)):
        run = mc.simulate(GAUSSIAN, mc.FreshReal(60, 30, curation=curation), generations=5, replicates=4, rng=0)
        assert (run["kept"].values[:, 2:] >= 30).all()
        assert not run["real_dropped"].any()


@pytest.mark.parametrize("marked", [0.1, 0.5])
@pytest.mark.parametrize("length", [1, 20, 1000])
@pytest.mark.parametrize("level", [0.001, 0.3])
def test_watermark_rates_are_binomial_tails(marked, length, level):
    import math

    from scipy.stats import binom

    mark = cure.Watermark(strength=1.5, length=length, marked=marked, false_alarms=level)
    threshold = next(m for m in range(length + 1) if binom.sf(m, length, marked) <= level)
    by_model = marked * math.exp(1.5) / (marked * math.exp(1.5) + 1 - marked)
    assert mark.fpr == pytest.approx(binom.sf(threshold, length, marked), rel=1e-9, abs=1e-300)
    assert mark.tpr == pytest.approx(binom.sf(threshold, length, by_model), rel=1e-9, abs=1e-300)
    assert cure.Watermark(strength=0.0, length=length, marked=marked, false_alarms=level).tpr == mark.fpr * (
        1 if mark.fpr else 0
    )


# ----------------------------------------------------------------------------------------------------- in a loop


def test_every_curation_runs_in_every_regime_it_can():
    several = [
        cure.Temperature(0.9),
        cure.SamplingBias(0.9),
        cure.Truncate(-3.0, 3.0),
        cure.SelectTop(0.8, by="likelihood"),
        cure.Verifier(lambda X: X > -1, 0.9, 0.3),
        cure.Prefer(candidates=3),
        cure.Edit(0.5),
        cure.Detector(0.5, 0.1),
        cure.Detector(0.5, 0.1, "weight"),
        cure.Watermark(strength=1.0, length=5),
    ]
    loops = [
        lambda c: mc.Replace(40, curation=c),
        lambda c: mc.Accumulate(40, curation=c),
        lambda c: mc.Subsample(40, n_real=50, curation=c),
        lambda c: mc.FixedReal(30, 20, curation=c),
        lambda c: mc.FreshReal(40, 10, curation=c),
        lambda c: mc.Mix(40, 0.3, curation=c),
        lambda c: mc.Window(40, 3, curation=c),
    ]
    for one in several:
        for loop in loops:
            run = mc.simulate(GAUSSIAN, loop(one), generations=6, replicates=3, rng=1)
            again = mc.simulate(GAUSSIAN, loop(one), generations=6, replicates=3, rng=1, n_jobs=2)
            assert np.isfinite(run["log_variance"]).all(), (one, loop(one))
            assert run.identical(again)


def test_curations_of_the_last_model_alone_leave_generation_one_alone():
    plain = mc.simulate(GAUSSIAN, mc.Subsample(30), generations=2, replicates=20, rng=3)
    tamed = mc.simulate(GAUSSIAN, mc.Subsample(30, curation=cure.SelectTop(0.5)), generations=2, replicates=20, rng=3)
    np.testing.assert_array_equal(plain["mean"][0, 1], tamed["mean"][0, 1])


def test_a_filter_that_leaves_too_little_stops_the_chain_and_says_so():
    regime = mc.Replace(10, curation=cure.Verifier(lambda X: X > 0, keep_good=0.5))
    with pytest.warns(RuntimeWarning, match=r"\d+ of 40 chains stopped: .*fewer than the 2 points"):
        run = mc.simulate(GAUSSIAN, regime, generations=30, replicates=40, rng=0)
    stopped = run["stopped"].values
    assert (stopped > 0).any()
    for chain, t in zip(run["log_variance"].values, stopped, strict=True):
        assert np.isnan(chain[t:]).all() if t else np.isfinite(chain).all()
        assert np.isfinite(chain[: t or None]).all()
    for kept, t in zip(run["kept"].values, stopped, strict=True):
        assert (kept[1 : t or None] >= 2).all()
        assert not t or not kept[t:].any()


def test_stopped_chains_are_told_of_whatever_is_recorded():
    regime = mc.Replace(10, curation=cure.Verifier(lambda X: X > 0, keep_good=0.5))
    for options in ({"keep": ["mean", 30]}, {"summary": True}):
        with pytest.warns(RuntimeWarning, match="of 40 chains stopped"):
            run = mc.simulate(GAUSSIAN, regime, generations=30, replicates=40, rng=0, **options)
        assert (run["stopped"] > 0).any()
    with pytest.warns(RuntimeWarning, match="stopped"):
        whole = mc.simulate(GAUSSIAN, regime, generations=30, replicates=40, rng=0)
    assert int(run["stopped"]) == np.count_nonzero(whole["stopped"])
    np.testing.assert_allclose(run["mean"][0], whole["mean"].mean("replicate"))
    np.testing.assert_allclose(run["mean"].sel(statistic="q0.5"), whole["mean"].median("replicate"))


def test_a_run_with_curations_can_be_stored(tmp_path):
    import xarray as xr

    regime = mc.FreshReal(30, 10, curation=[cure.Temperature(0.9), cure.Detector(0.9, 0.1)], real_weight=0.4)
    run = mc.simulate(GAUSSIAN, regime, generations=4, replicates=3, rng=0)
    run.to_netcdf(tmp_path / "run.nc")
    back = xr.load_dataset(tmp_path / "run.nc")
    assert back.identical(run)
    assert regimes.read(back.attrs["regime"]) == regime
    assert str(regime) == (
        "FreshReal(n=30, curation=Temperature(temperature=0.9) then Detector(tpr=0.9, fpr=0.1, action=drop), "
        "n_real=10, real_weight=0.4)"
    )


def test_a_function_cannot_be_read_back():
    text = mc.Replace(10, curation=cure.SelectTop(0.5, by=np.abs)).describe()
    assert json.loads(text)["curation"][0]["by"] == {"function": "absolute"}
    with pytest.raises(ValueError, match="curation cannot be read back, because by of SelectTop was a function"):
        regimes.read(text)


def test_watermarks_are_read_back():
    regime = mc.Replace(10, curation=cure.Watermark(strength=1.0, length=50))
    assert regimes.read(regime.describe()) == regime


def test_rows_are_judged_not_their_numbers():
    """Without a model the points are numbers of rows; the best rows are those with the largest values."""
    rows = np.linspace(10, 0, 41)
    for curation in (
        cure.SelectTop(0.5),
        cure.Truncate(low=3.0),
        cure.Prefer(candidates=3),
        cure.Verifier(lambda X: X > 3),
        cure.SelectTop(0.5, by=lambda X: 2 * X),
    ):
        run = mc.simulate(mc.Empirical(rows), mc.Replace(40, curation=curation), generations=3, replicates=50, rng=1)
        assert (run["probability"].values[:, 3] @ rows).mean() > 6
    table = np.stack([rows, -rows], axis=1)
    best = cure.SelectTop(0.5, by=lambda X: X[:, 1])
    run = mc.simulate(mc.Empirical(table), mc.Replace(40, curation=best), generations=3, replicates=50, rng=1)
    assert (run["probability"].values[:, 3] @ rows).mean() < 4
    with pytest.raises(ValueError, match=r"by must be a function of points .*got None"):
        mc.simulate(mc.Empirical(table), mc.Replace(40, curation=cure.SelectTop(0.5)), generations=3)


@pytest.mark.parametrize("kind", [np.uint8, bool, np.int32, float])
def test_scores_may_be_numbers_of_any_kind(kind):
    draw = points([0.0, 1.0, 0.0, 1.0])
    picked = cure.SelectTop(0.5, by=lambda X: X.astype(kind)).pick(draw, 4, GAUSSIAN, stream("kinds"))
    assert picked.tolist() == [1.0, 1.0]


def test_a_collapsed_model_has_no_likelihood_and_stops():
    regime = mc.Replace(3, curation=cure.SelectTop(0.7, by="likelihood"))
    for family in (mc.Gaussian(0.0, 1.0, estimator="mle"), mc.Gaussian(0.0, np.eye(2), estimator="mle")):
        with pytest.warns(RuntimeWarning, match="chains stopped"):
            run = mc.simulate(family, regime, generations=200, replicates=5, rng=1)
        assert (run["stopped"] > 0).all()


# ------------------------------------------------------------------------------------------------------- weights


@settings(max_examples=30)
@given(copies=st.lists(st.integers(1, 5), min_size=3, max_size=12), seed=st.integers(0, 2**32))
def test_a_weight_of_two_is_a_point_twice(copies, seed):
    """Maximum likelihood cannot tell a weight from copies; of the unbiased variance only the divisor can."""
    rng = np.random.default_rng(seed)
    weights = np.array(copies, dtype=float)
    X = rng.standard_normal((len(copies), 2))
    twice = np.repeat(X, copies, axis=0)
    one, other = mc.Gaussian(0.0, np.eye(2), estimator="mle").fit(X, weights=weights), None
    other = mc.Gaussian(0.0, np.eye(2), estimator="mle").fit(twice)
    np.testing.assert_allclose(one.mean, other.mean, rtol=0, atol=1e-12)
    np.testing.assert_allclose(one.cov, other.cov, rtol=0, atol=1e-12)
    scalar = mc.Gaussian(0.0, 1.0, estimator="mle")
    assert scalar.fit(X[:, 0], weights=weights).cov == pytest.approx(scalar.fit(twice[:, 0]).cov, abs=1e-12)
    labels = rng.integers(0, 4, len(copies))
    np.testing.assert_allclose(
        ZIPF.fit(labels, weights=weights).probabilities, ZIPF.fit(np.repeat(labels, copies)).probabilities
    )
    counts = rng.poisson(3.0, len(copies)) + 1
    for family in (mc.Poisson(1.0), mc.Exponential(1.0)):
        assert family.fit(counts, weights=weights).rate == pytest.approx(family.fit(np.repeat(counts, copies)).rate)


def test_equal_weights_change_nothing():
    X = stream("equal").standard_normal(20)
    assert GAUSSIAN.fit(X, weights=np.full(20, 3.0)).cov == pytest.approx(GAUSSIAN.fit(X).cov, rel=1e-12)


# ------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cure.Temperature(0.0), "temperature must be a finite number > 0, got 0"),
        (lambda: cure.SamplingBias(-1.0), "bias must be a finite number > 0, got -1"),
        (lambda: cure.TopK(0), "k must be an integer >= 1 .*got 0"),
        (lambda: cure.TopP(1.5), "p must be a finite number > 0 and <= 1, got 1.5"),
        (lambda: cure.Truncate(), "low must be given, or high"),
        (lambda: cure.Truncate(2.0, 1.0), "high must be > low .*got 1.0 for 2.0"),
        (lambda: cure.SelectTop(0.0), "fraction must be a finite number > 0 and <= 1 .*got 0"),
        (lambda: cure.SelectTop(0.5, by="beauty"), "by must be a function of points, 'likelihood'.*got 'beauty'"),
        (lambda: cure.Verifier(0.5), "good must be a function of points that returns booleans, got 0.5"),
        (lambda: cure.Verifier(np.isfinite, 0.0, 0.0), "keeps nothing is no filter"),
        (lambda: cure.Verifier(np.isfinite, 1.2), "keep_good must be a finite number >= 0 and <= 1, got 1.2"),
        (lambda: cure.Prefer(candidates=0), "candidates must be an integer >= 1, got 0"),
        (lambda: cure.Edit(0.0), "fraction must be .*with nothing replaced there is no loop.*got 0"),
        (lambda: cure.Detector(1.1, 0.0), "tpr must be a finite number >= 0 and <= 1, got 1.1"),
        (lambda: cure.Detector(1.0, 1.0), "flags everything keeps nothing"),
        (lambda: cure.Detector(0.9, 0.1, "hide"), "action must be one of 'drop', 'weight', got 'hide'"),
        (lambda: cure.Watermark(strength=1.0, length=10, marked=1.0), "marked must be a finite number > 0 and < 1"),
        (lambda: mc.Replace(10, curation=0.9), "curation must be a curation such as Temperature"),
        (lambda: mc.Replace(10, curation=cure.Edit), "curation must be a curation such as Temperature"),
        (lambda: mc.Replace(10, curation=[cure.Edit(0.5), cure.Edit(0.5)]), "must edit a batch at most once"),
        (lambda: mc.Replace(10, curation={"curation": "Magic"}), "curation must be one of .*got 'Magic'"),
        (lambda: mc.Mix(10, 0.5, real_weight=1.0), "real_weight must be a finite number > 0 and < 1 .*got 1"),
    ],
)
def test_settings_are_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize(
    ("family", "regime", "message"),
    [
        (
            mc.Poisson(3.0),
            mc.Replace(10, curation=cure.Temperature(0.5)),
            "must be used with a Gaussian, an Exponential",
        ),
        (ZIPF, mc.Replace(10, curation=cure.SamplingBias(0.5)), "with a Gaussian or a GaussianMixture, got a Cat"),
        (GAUSSIAN, mc.Replace(10, curation=cure.TopP(0.5)), "must be used with a Categorical, got a Gaussian"),
        (ZIPF, mc.Replace(10, curation=cure.TopK(9)), "k must be <= 4, the number of categories.*got 9"),
        (GAUSSIAN, mc.Replace(10, curation=cure.Prefer(candidates=11)), "candidates must be <= 10.*got 11"),
        (
            mc.Gaussian(0.0, np.eye(2), estimator="mle"),
            mc.Replace(10, curation=cure.SelectTop(0.5)),
            "by must be a function of points .*got None",
        ),
        (
            mc.KernelDensity(np.arange(5.0), 1.0),
            mc.FixedReal(10, 10, real_weight=0.5),
            "regime must not weigh points where the family is a KernelDensity",
        ),
        (GAUSSIAN, mc.Replace(10, curation=cure.Prefer(np.log)), "reward must be finite for every point, got nan"),
        (
            GAUSSIAN,
            mc.Replace(10, curation=cure.SelectTop(0.5, by=lambda X: X[:2])),
            r"by must return one number a point, \(10,\), got shape \(2,\)",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in log")
def test_what_does_not_fit_together_is_refused(family, regime, message):
    with pytest.raises(ValueError, match=message):
        mc.simulate(family, regime, generations=3, replicates=2, rng=0)


def test_likelihood_is_asked_of_those_who_know_it():
    spectrum = mc.FrequencySpectrum([3, 1], [2, 2])
    with pytest.raises(ValueError, match="by must be a function of points where the family is a FrequencySpectrum"):
        mc.simulate(spectrum, mc.Replace(10, curation=cure.SelectTop(0.5, by="likelihood")), generations=2)


def test_judges_must_return_numbers():
    words = cure.Verifier(lambda X: np.array(["yes"] * len(X)))
    with pytest.raises(TypeError, match=r"good must return numbers, got .*yes"):
        mc.simulate(GAUSSIAN, mc.Replace(10, curation=words), generations=2)


@pytest.mark.parametrize("regime", [mc.Replace(10, curation=cure.Edit(0.5)), mc.Mix(10, 0.5, real_weight=0.9)])
def test_theory_does_not_pretend(regime):
    for question in (
        lambda: mc.theory.inbreeding(regime, 3),
        lambda: mc.predict("log_variance", GAUSSIAN, regime, generations=3),
        lambda: mc.theory.available(GAUSSIAN, regime),
        lambda: mc.theory.kde_moments(regime, 3, 0.5),
    ):
        with pytest.raises(ValueError, match="regime must leave its points as they are"):
            question()
