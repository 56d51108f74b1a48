"""The loop: what a run is, that it does not depend on who runs it, and that real data enter as they should."""

import re

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families import model, truth
from modelcollapse.testing import stream

ROWS = stream("rows of test_simulate").normal(size=(24, 2)) @ np.array([[1.0, 0.3], [0.0, 0.5]])
GAUSSIAN = mc.Gaussian(1.0, 4.0, estimator="mle")
PLANE = mc.Gaussian([0.0, 1.0], [[2.0, 0.5], [0.5, 1.0]], estimator="unbiased")
LABELS = np.array(list("aaaaabbbc"))
FAMILIES = {
    "scalar": GAUSSIAN,
    "plane": PLANE,
    "categorical": mc.Categorical([0.6, 0.3, 0.1]),
    "mixture": mc.GaussianMixture([0.5, 0.5], [[0.0], [4.0]], [[[1.0]], [[1.0]]]),
    "rows": mc.Empirical(ROWS, mc.Gaussian.from_data(ROWS, estimator="mle")),
    "labels": mc.Empirical(LABELS, mc.Categorical.from_data(LABELS)),
    "bootstrap": mc.Empirical(ROWS[:, 0]),
}
REGIMES = [
    mc.Replace(9),
    mc.Accumulate(9),
    mc.Subsample(9),
    mc.FixedReal(7, 2, 9),
    mc.FreshReal(9, 2),
    mc.Mix(9, 0.2),
    mc.Window(9, 2),
]


@pytest.mark.parametrize("regime", REGIMES, ids=lambda r: r.kind)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_runs_under_every_regime_for_any_number_of_threads(name, regime):
    family = FAMILIES[name]
    one = mc.simulate(family, regime, generations=4, replicates=9, rng=3, n_jobs=1)
    two = mc.simulate(family, regime, generations=4, replicates=9, rng=3, n_jobs=2)
    assert one.identical(two)
    assert dict(one.sizes)["generation"] == 5
    assert all(np.isfinite(one[v].values).all() for v in one.data_vars if v not in ("log_det", "rows"))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_run_survives_netcdf(name, tmp_path):
    run = mc.simulate(FAMILIES[name], mc.Replace(9), generations=3, replicates=2, rng=3)
    run.to_netcdf(tmp_path / "run.nc")
    back = xr.load_dataset(tmp_path / "run.nc")
    xr.testing.assert_identical(back, run)
    again = mc.simulate(truth(back), mc.regimes.read(back.attrs["regime"]), generations=3, replicates=2, rng=3)
    for variable in run.data_vars:
        np.testing.assert_allclose(np.asarray(again[variable], float), np.asarray(run[variable], float), rtol=1e-12)


@pytest.mark.parametrize("name", FAMILIES)
def test_more_replicates_keep_the_first_ones(name):
    few = mc.simulate(FAMILIES[name], mc.Replace(9), generations=3, replicates=64, rng=5)
    many = mc.simulate(FAMILIES[name], mc.Replace(9), generations=3, replicates=128, rng=5)
    for variable in few.data_vars:
        if "replicate" in few[variable].dims:
            assert np.array_equal(few[variable], many[variable].isel(replicate=slice(64)))


@pytest.mark.parametrize("regime", REGIMES, ids=lambda r: r.kind)
def test_generation_one_is_fitted_to_the_rows_themselves(regime):
    rows = ROWS[:9]
    family = mc.Empirical(rows, mc.Gaussian.from_data(rows, estimator="mle"))
    run = mc.simulate(family, regime, generations=2, replicates=5, rng=1)
    np.testing.assert_allclose(
        run["cov"].sel(generation=1).values, np.broadcast_to(family.model.cov, (5, 2, 2)), rtol=1e-10
    )
    np.testing.assert_allclose(
        run["mean"].sel(generation=1).values, np.broadcast_to(family.model.mean, (5, 2)), rtol=1e-10
    )


def test_generation_zero_is_the_truth_and_models_can_be_rebuilt():
    run = mc.simulate(PLANE, mc.Replace(20), generations=3, replicates=2, rng=1)
    assert np.array_equal(run["cov"].values[0, 0], PLANE.cov)
    rebuilt = model(run, 1, 2)
    assert np.array_equal(rebuilt.cov, run["cov"].values[1, 2])
    assert truth(run).estimator == "unbiased"


def test_a_million_generations_do_not_underflow():
    run = mc.simulate(GAUSSIAN, mc.Replace(5), generations=1_000_000, replicates=1, rng=2)
    last = float(run["log_variance"][0, -1])
    assert np.isfinite(run["log_variance"].values).all()
    assert last < -100_000
    assert run["mean"].values[0, -1] == run["mean"].values[0, -1000]  # the delta function has landed


def test_a_long_window_does_not_underflow():
    run = mc.simulate(GAUSSIAN, mc.Window(5, 3), generations=20_000, replicates=1, rng=2)
    assert np.isfinite(run["log_variance"].values).all()
    assert float(run["log_variance"][0, -1]) < -1000


def test_collapse_is_anisotropic_and_the_determinant_is_followed_past_underflow():
    truth_ = mc.Gaussian(0.0, np.eye(3), estimator="unbiased")
    run = mc.simulate(truth_, mc.Replace(6), generations=3000, replicates=2, rng=4)
    assert np.isfinite(run["log_det"].values).all()
    assert (run["log_det"].values[:, -1] < -800).all()
    assert np.isfinite(run["log_variance"].values).all()


def test_too_few_points_for_full_rank_drop_the_rank_at_once_and_for_ever():
    run = mc.simulate(mc.Gaussian(0.0, np.eye(5), estimator="mle"), mc.Replace(4), generations=3, replicates=3, rng=4)
    for t in (1, 2, 3):
        for r in range(3):
            assert np.linalg.matrix_rank(run["cov"].values[r, t], tol=1e-9) <= 3
    assert np.isneginf(run["log_det"].values[:, 1:]).all()


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 40),
    K=st.integers(1, 6),
    T=st.integers(1, 8),
    regime=st.sampled_from([mc.Replace, mc.Accumulate]),
)
def test_frequencies_stay_on_the_simplex_and_support_never_grows(seed, n, K, T, regime):
    run = mc.simulate(mc.Categorical(np.full(K, 1 / K)), regime(n), generations=T, replicates=3, rng=seed)
    p = run["probability"].values
    np.testing.assert_allclose(p.sum(-1), 1, rtol=1e-12)
    alive = p[:, 1:] > 0
    if regime is mc.Replace:
        assert (alive[:, 1:] <= alive[:, :-1]).all()
    else:
        assert (alive[:, 1:] >= alive[:, :-1]).all()  # what has been accumulated stays


@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-100, 100), scale=st.floats(0.01, 100))
@settings(max_examples=25)
def test_chains_are_equivariant(seed, shift, scale):
    for regime in (mc.Replace(7), mc.Window(7, 2), mc.FixedReal(5, 2)):
        a = mc.simulate(mc.Gaussian(0.0, 1.0, estimator="mle"), regime, generations=5, replicates=2, rng=seed)
        b = mc.simulate(mc.Gaussian(shift, scale**2, estimator="mle"), regime, generations=5, replicates=2, rng=seed)
        np.testing.assert_allclose(b["mean"], shift + scale * a["mean"], atol=1e-9 * (abs(shift) + scale))
        np.testing.assert_allclose(b["log_variance"], a["log_variance"] + 2 * np.log(scale), atol=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_one_dimension_as_a_matrix_has_the_same_variables(seed):
    run = mc.simulate(
        mc.Gaussian([0.0], [[1.0]], estimator="mle"), mc.Accumulate(7), generations=4, replicates=2, rng=seed
    )
    np.testing.assert_allclose(run["log_det"], run["log_variance"].squeeze("dim"), atol=1e-9)
    np.testing.assert_allclose(np.exp(run["log_det"]), run["cov"].squeeze(), rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: mc.simulate(GAUSSIAN, mc.Replace(1), generations=3),
            ValueError,
            "n must give every fit of a Gaussian at least 2 points, got 1 at generation 1 under Replace(n=1).",
        ),
        (lambda: mc.simulate(GAUSSIAN, mc.Replace([5, 5, 1]), generations=3), ValueError, "got 1 at generation 3"),
        (
            lambda: mc.simulate(GAUSSIAN, mc.Replace([5, 5]), generations=3),
            ValueError,
            "schedule is shorter than the run",
        ),
        (
            lambda: mc.simulate(GAUSSIAN, mc.Replace(5), generations=0),
            ValueError,
            "generations must be an integer >= 1, got 0.",
        ),
        (lambda: mc.simulate(GAUSSIAN, mc.Replace(5), generations=3, replicates=0), ValueError, "replicates must be"),
        (lambda: mc.simulate(GAUSSIAN, mc.Replace(5), generations=3, n_jobs=0), ValueError, "n_jobs must be"),
        (
            lambda: mc.simulate(GAUSSIAN, mc.Replace, generations=3),
            TypeError,
            "regime must be a regime such as Replace(n=100)",
        ),
        (lambda: mc.simulate(mc.Gaussian, mc.Replace(5), generations=3), TypeError, "family must be a family such as"),
        (
            lambda: mc.simulate(FAMILIES["rows"], mc.Replace(25), generations=3),
            ValueError,
            "Replace(n=25) must ask for at most 24 real points at generation 1 (there are that many rows), got 25.",
        ),
        (
            lambda: mc.simulate(GAUSSIAN, mc.Replace(5), generations=10**7, replicates=10**7),
            ValueError,
            "replicates x generations must fit into memory",
        ),
    ],
)
def test_bad_requests(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_progress_goes_to_standard_error(capsys):
    mc.simulate(GAUSSIAN, mc.Replace(5), generations=3, replicates=100, rng=0, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "simulating Gaussian" in captured.err


def test_subsamples_go_through_chains_only_where_a_family_says_so():
    from modelcollapse.simulate import runs_chains

    points = np.array([0.0, 1.0, 3.0])
    whole, part = mc.Accumulate(n=4).plan(3), mc.Subsample(n=4).plan(3)
    for family, expected in (
        (mc.KernelDensity(points, 0.5), (True, True)),
        (mc.Gaussian(0.0, 1.0, estimator="mle"), (True, False)),
        (mc.GaussianMixture([0.5, 0.5], [[0.0], [1.0]], [1.0, 1.0]), (False, False)),
    ):
        assert (runs_chains(family, whole), runs_chains(family, part)) == expected


def test_the_truth_of_a_kernel_density_run_on_rows_is_the_rows():
    rows = np.array([0.0, 1.0, 3.0, 7.0])
    for record in (0, 2):
        cloud = mc.Empirical(rows, mc.KernelDensity(rows, "scott", record=record))
        run = mc.simulate(cloud, mc.Subsample(n=4), generations=2, replicates=3, rng=1)
        again = truth(run)
        np.testing.assert_array_equal(again.rows, rows)
        np.testing.assert_array_equal(again.model.points, rows)
        assert again.model.options() == cloud.model.options()
