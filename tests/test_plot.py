"""Pictures: what is drawn, where, and what is refused."""

import matplotlib
import numpy as np
import pytest
import xarray as xr

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from modelcollapse import plot
from modelcollapse.families import Categorical, Exponential, Gaussian, GaussianMixture, KernelDensity, Poisson
from modelcollapse.metrics import kl
from modelcollapse.regimes import Accumulate, Replace
from modelcollapse.simulate import simulate
from modelcollapse.theory import predict

T = 6
NORMAL, COIN = Gaussian(0.0, 1.0, estimator="mle"), Categorical([0.6, 0.3, 0.1], labels=["a", "b", "c"])


@pytest.fixture(scope="module")
def runs():
    mixture = GaussianMixture([0.5, 0.5], [[0.0, 0.0], [4.0, 0.0]], [1.0, 1.0])
    return {
        "Gaussian": simulate(NORMAL, Replace(20), generations=T, replicates=30, rng=1),
        "Categorical": simulate(COIN, Replace(20), generations=T, replicates=30, rng=2),
        "GaussianMixture": simulate(mixture, Replace(40), generations=T, replicates=3, rng=3),
    }


@pytest.fixture
def pair():
    """Two axes of one figure: one to draw on, one that must stay empty."""
    figure, axes = plt.subplots(1, 2)
    yield axes
    plt.close(figure)


DRAWN = {
    "trajectory": lambda r, ax: plot.trajectory(r["Gaussian"], "log_variance", ax=ax),
    "trajectory of a metric": lambda r, ax: plot.trajectory(kl(r["Gaussian"]), ax=ax),
    "band": lambda r, ax: plot.band(predict("log_variance", NORMAL, Replace(20), generations=T), ax=ax),
    "overlay": lambda r, ax: plot.overlay(
        r["Gaussian"], predict("variance", NORMAL, Replace(20), generations=T), ax=ax
    ),
    "survival": lambda r, ax: plot.survival(
        r["Categorical"], known=predict("survival", COIN, Replace(20), generations=T), ax=ax
    ),
    "survival of components": lambda r, ax: plot.survival(r["GaussianMixture"], above=0.02, ax=ax),
    "composition": lambda r, ax: plot.composition(r["Categorical"], ax=ax),
    "components": lambda r, ax: plot.components(r["GaussianMixture"], points=np.zeros((3, 2)), ax=ax),
    "one generation of components": lambda r, ax: plot.components(r["GaussianMixture"], generations=2, ax=ax),
    "nll_histogram": lambda r, ax: plot.nll_histogram(r["Gaussian"], samples=200, rng=1, ax=ax),
    "compare": lambda r, ax: plot.compare({"x": r["Gaussian"]}, "variance", quantiles=(0.1, 0.9), ax=ax),
}


@pytest.mark.parametrize("name", DRAWN)
def test_draws_on_the_axes_it_is_given_and_returns_it(name, runs, pair):
    before = plt.get_fignums()
    assert DRAWN[name](runs, pair[0]) is pair[0]
    assert pair[0].has_data() or pair[0].patches
    assert not pair[1].has_data()
    assert plt.get_fignums() == before
    assert pair[0].get_xlabel()
    assert pair[0].get_ylabel()


def test_makes_an_axes_where_none_is_given(runs):
    ax = plot.trajectory(runs["Gaussian"], "variance")
    assert ax.get_xlabel() == "generation"
    assert ax.get_ylabel() == "variance (squared units)"
    plt.close(ax.figure)


def test_what_is_sampled_and_what_is_exact_is_labelled(runs, pair):
    ax = plot.overlay(runs["Gaussian"], predict("log_variance", NORMAL, Replace(20), generations=T), ax=pair[0])
    labels = ax.get_legend_handles_labels()[1]
    assert "5–95 % of 30 chains (Monte Carlo)" in labels
    assert "theory (exact)" in labels
    assert "mean ± sd of one chain (exact)" in labels


def test_the_lines_are_the_numbers(runs, pair):
    run = runs["Gaussian"]
    ax = plot.compare({"x": run}, "log_variance", statistic="mean", ax=pair[0])
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), run["log_variance"].mean("replicate").values)
    known = predict("log_variance", NORMAL, Replace(20), generations=T)
    ax = plot.band(known, ax=pair[1])
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), known["mean"].values)


def test_survival_shows_shares_of_chains(runs, pair):
    ax = plot.survival(runs["Categorical"], parts=["c"], ax=pair[0])
    there = (runs["Categorical"]["probability"].sel(category="c") > 0).mean("replicate")
    np.testing.assert_allclose(ax.lines[0].get_ydata(), there.values)


def test_histogram_heights_are_shares(pair):
    values = xr.DataArray(
        np.random.default_rng(1).normal(size=(2, 500)), dims=("generation", "sample"), coords={"generation": [1, 2]}
    )
    ax = plot.nll_histogram(values, generations=[1, 2], bins=[-1.0, 0.0, 1.0], ax=pair[0])
    for patch in ax.patches:
        assert patch.get_data().values.sum() == pytest.approx(1)


def test_infinite_values_leave_gaps(pair):
    values = xr.DataArray([[0.0, np.inf], [1.0, 2.0]], dims=("replicate", "generation"), coords={"generation": [0, 1]})
    ax = plot.compare({"x": xr.Dataset({"v": values})}, lambda run: run["v"], ax=pair[0])
    assert ax.lines[0].get_ydata().tolist() == [0.5, 2.0]


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda r: plot.trajectory(r["Gaussian"], "spread"), ValueError, "variable must be one of .*got 'spread'"),
        (lambda r: plot.trajectory(r["Categorical"], "probability"), ValueError, "one number per replicate .*category"),
        (lambda r: plot.trajectory([1.0]), TypeError, "data must be an xarray.Dataset or DataArray, got list"),
        (lambda r: plot.trajectory(r["Gaussian"], "variance", chains=-1), ValueError, "chains must be .* got -1"),
        (lambda r: plot.band(r["Gaussian"]["mean"]), TypeError, "known must be a prediction .*got DataArray"),
        (lambda r: plot.survival(r["Categorical"], parts=["z"]), ValueError, "parts must be among a, b, c, got 'z'"),
        (lambda r: plot.survival(r["Gaussian"]["mean"]), ValueError, "one more"),
        (lambda r: plot.composition(r["Gaussian"]), ValueError, "Categorical or GaussianMixture models .*got Gaussian"),
        (lambda r: plot.components(r["Gaussian"]), ValueError, "must hold GaussianMixture models .*got Gaussian"),
        (lambda r: plot.compare({}, "variance"), ValueError, "runs must hold at least one run"),
        (lambda r: plot.compare(r, "variance", statistic="mode"), ValueError, "statistic must be one of .*got 'mode'"),
        (lambda r: plot.measured(r["Gaussian"], "colour"), ValueError, "quantity must be .*got 'colour'"),
    ],
)
def test_refuses(call, error, match, runs):
    before = plt.get_fignums()
    with pytest.raises(error, match=match):
        call(runs)
    assert plt.get_fignums() == before


def test_names_regimes_where_no_names_are_given(runs, pair):
    other = simulate(NORMAL, Accumulate(20), generations=T, replicates=5, rng=4)
    ax = plot.compare([runs["Gaussian"], other], "variance", ax=pair[0])
    assert ax.get_legend_handles_labels()[1] == ["Replace(n=20)", "Accumulate(n=20)"]


@pytest.mark.parametrize(
    ("truth", "quantities"),
    [
        (Categorical([0.5, 0.3, 0.2]), ("entropy", "heterozygosity", "support")),
        (KernelDensity([0.0, 1.0, 4.0], 0.5), ("variance", "mean", "mean_squared_error")),
        (Poisson(0.3), ("rate", "survival")),
        (Exponential(2.0), ("log_rate", "mean")),
        (GaussianMixture([0.5, 0.5], [[0.0], [9.0]], [1.0, 1.0]), ("weight",)),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_what_is_measured_is_what_theory_predicts(truth, quantities):
    run = simulate(truth, Replace(n=30), generations=3, replicates=3, rng=1)
    for quantity in quantities:
        known = predict(quantity, truth, Replace(n=30), generations=3)["mean"]
        seen = plot.measured(run, quantity)
        assert set(seen.dims) == {"replicate", *known.dims}
        np.testing.assert_allclose(seen.sel(generation=0).mean("replicate"), known[0], rtol=1e-12)


def test_a_bound_on_the_scatter_is_not_drawn_as_scatter():
    truth = Gaussian(0.0, 1.0, estimator="mle")
    for regime, drawn in ((Replace(n=9), 1), (Accumulate(n=9), 0)):
        ax = plot.band(predict("variance", truth, regime, generations=3))
        assert len(ax.collections) == drawn
        plt.close(ax.figure)
