import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, stats

from modelcollapse import metrics

quiet = settings(deadline=None, derandomize=True, database=None, max_examples=40)


def far(z):
    with mpmath.workdps(40):
        return mpmath.erfc(mpmath.mpf(z) / mpmath.sqrt(2)) / 2


@pytest.mark.parametrize("sd", [1.0, 0.5, 0.1, 0.055])
def test_far_tails_keep_their_digits(make, sd):
    run = make.scalar([1.0, 1.0], [0.0, 2 * np.log(sd)])
    assert_allclose(metrics.tail_mass(run, beyond=2.0).values[0, 1], float(2 * far(2 / sd)), rtol=1e-12)
    assert_allclose(
        metrics.tail_mass(run, beyond=2.0, log=True).values[0, 1], float(mpmath.log(2 * far(2 / sd))), rtol=1e-13
    )


def test_logarithm_goes_on_where_the_mass_underflows(make):
    run = make.scalar([0.0, 0.0], [0.0, 2 * np.log(1e-4)])
    assert metrics.tail_mass(run, beyond=2.0).values[0, 1] == 0
    with mpmath.workdps(40):
        want = float(mpmath.log(2 * far(2e4)))
    assert_allclose(metrics.tail_mass(run, beyond=2.0, log=True).values[0, 1], want, rtol=1e-13)


@pytest.mark.parametrize("q", [0.5, 0.05, 1e-12])
@pytest.mark.parametrize("side", ["both", "lower", "upper"])
def test_the_truth_has_the_quantile_outside(make, two_mixtures, q, side):
    for run in (make.scalar([3.0, 0.0], [1.0, 0.0]), two_mixtures):
        out = metrics.tail_mass(run, quantile=q, side=side).values[:, 0]
        assert_allclose(out, q, rtol=1e-10)


@pytest.mark.parametrize("side", ["both", "lower", "upper"])
def test_mixture_mass_is_the_integral(two_mixtures, side):
    run = two_mixtures
    w, m, c = (run[name].values[0] for name in ("weight", "mean", "cov"))

    def density(t):
        return lambda x: sum(w[t, k] * stats.norm.pdf(x, m[t, k, 0], np.sqrt(c[t, k, 0, 0])) for k in range(2))

    mean = integrate.quad(lambda x: x * density(0)(x), -20, 20, epsabs=1e-13)[0]
    sd = np.sqrt(integrate.quad(lambda x: (x - mean) ** 2 * density(0)(x), -20, 20, epsabs=1e-13)[0])
    below = integrate.quad(density(1), -20, mean - 1.5 * sd, epsabs=1e-14)[0]
    above = integrate.quad(density(1), mean + 1.5 * sd, 20, epsabs=1e-14)[0]
    want = {"both": below + above, "lower": below, "upper": above}[side]
    out = metrics.tail_mass(run, beyond=1.5, side=side)
    assert out.dims == ("replicate", "generation", "dim")
    assert_allclose(out.values[0, 1, 0], want, rtol=1e-10)
    assert_allclose(metrics.tail_mass(run, beyond=1.5, side=side, log=True).values[0, 1, 0], np.log(want), rtol=1e-10)


def test_one_component_is_a_gaussian(make):
    mean, variance = np.array([0.5, 0.7, -1.0]), np.array([2.0, 0.3, 0.01])
    one = make.mixture(np.ones((3, 1)), mean[:, None, None], variance[:, None, None, None])
    for asked in ({"beyond": 2.5}, {"quantile": 1e-3, "side": "upper"}):
        assert_allclose(
            metrics.tail_mass(one, **asked).values[..., 0],
            metrics.tail_mass(make.scalar(mean, np.log(variance)), **asked).values,
            rtol=1e-12,
        )


def test_dimensions_are_marginals(make, plane):
    for asked in ({"beyond": 1.0, "side": "lower"}, {"quantile": 0.1}):
        out = metrics.tail_mass(plane, **asked)
        for d in range(3):
            alone = make.scalar(plane["mean"].values[0, :, d], plane["log_variance"].values[0, :, d])
            assert_allclose(out.isel(dim=d).values, metrics.tail_mass(alone, **asked).values, rtol=1e-13)


def test_rows_set_the_thresholds(make, rng):
    rows = rng.exponential(size=101)
    run = make.scalar([rows.mean(), 0.3], [2 * np.log(rows.std()), -1.0], rows=rows)
    models = stats.norm(run["mean"].values, np.exp(run["log_variance"].values / 2))
    low, high = np.quantile(rows, [0.05, 0.95])
    assert_allclose(metrics.tail_mass(run, quantile=0.1).values, models.cdf(low) + models.sf(high), rtol=1e-12)
    assert_allclose(
        metrics.tail_mass(run, beyond=2, side="upper").values, models.sf(rows.mean() + 2 * rows.std()), rtol=1e-12
    )


def test_rows_of_more_columns_set_thresholds_by_column(make, plane, rng):
    rows = rng.standard_normal((50, 3))
    run = plane.assign(rows=(("row", "dim"), rows)).assign_attrs(truth="rows")
    out = metrics.tail_mass(run, quantile=0.2, side="lower")
    want = stats.norm.cdf(np.quantile(rows, 0.2, axis=0), run["mean"], np.exp(run["log_variance"] / 2))
    assert_allclose(out.values, want, rtol=1e-12)


def test_rows_that_are_the_truth_must_be_there(make):
    run = make.scalar([0.0], [0.0], rows=[0.0, 1.0, 2.0]).drop_vars("rows")
    with pytest.raises(ValueError, match=r"run must hold rows for tail_mass .*got only mean, log_variance; keep them"):
        metrics.tail_mass(run, beyond=1)


def test_a_bootstrap_is_measured_by_its_rows(make):
    rows = np.arange(10.0)
    p = np.full((2, 10), 0.1)
    p[1] = [0, 0.5, 0, 0, 0, 0, 0, 0, 0, 0.5]
    run = make.categorical(p, bootstrap=True, rows=rows)
    assert_allclose(metrics.tail_mass(run, quantile=0.2).values, [[0.2, 0.5]])
    assert_allclose(metrics.tail_mass(run, beyond=1.5, side="upper", log=True).values, np.log([[0.1, 0.5]]))


def test_rarest_categories_at_most_the_quantile(make):
    p = [[0.5, 0.05, 0.3, 0.04, 0.11], [0.6, 0.3, 0.1, 0.0, 0.0]]
    run = make.categorical(p)
    assert_allclose(metrics.tail_mass(run, quantile=0.04).values, [[0.04, 0.0]])
    assert_allclose(metrics.tail_mass(run, quantile=0.1).values, [[0.09, 0.3]])
    assert_allclose(metrics.tail_mass(run, quantile=0.2).values, [[0.2, 0.3]])
    assert metrics.tail_mass(run, quantile=0.04, log=True).values[0, 1] == -np.inf


@pytest.mark.parametrize("log_variance", [-np.inf, -1e6])
def test_a_point_on_either_side_of_the_threshold(make, log_variance):
    run = make.scalar([0.0, 2.5, 1.0, 2.0], [0.0] + 3 * [log_variance])
    out = metrics.tail_mass(run, beyond=2.0, side="upper").values[0]
    assert_array_equal(out[1:], [1.0, 0.0, 0.5])


@quiet
@given(st.floats(-5, 5), st.floats(-30, 5), st.floats(0, 6))
def test_sides_add_up(make, mean, log_variance, beyond):
    run = make.scalar([0.0, mean], [0.0, log_variance])
    low, high, both = (metrics.tail_mass(run, beyond=beyond, side=s).values for s in ("lower", "upper", "both"))
    assert_allclose(low + high, both, rtol=1e-14)
    assert (both >= 0).all()
    assert (both <= 1 + 1e-15).all()


@quiet
@given(st.data())
def test_what_is_there_and_what_is_gone(make, data):
    p = data.draw(make.tables())
    run = make.categorical(p)
    there, gone = metrics.survival(run), metrics.missing_mass(run)
    assert there.dims == ("replicate", "generation", "category")
    assert there.dtype == bool
    assert_array_equal(there.sum("category"), metrics.support(run))
    assert_allclose((there.values * p[0]).sum(-1) + gone.values, 1, atol=1e-14)
    assert (gone.values[:, 0] == 0).all()


def test_components_vanish_below_a_weight(make):
    run = make.mixture([[0.4, 0.6], [1e-9, 1 - 1e-9]], np.zeros((2, 2, 1)), np.ones((2, 2, 1, 1)))
    assert_array_equal(metrics.support(run).values, [[2, 2]])
    assert_array_equal(metrics.survival(run, above=1e-3).values[0, 1], [False, True])
    assert_allclose(metrics.missing_mass(run, above=1e-3).values, [[0, 0.4]])


def test_results_say_what_they_are(make):
    run = make.scalar([0.0, 0.0], [0.0, 0.0]).assign_coords(replicate=[7])
    out = metrics.tail_mass(run, beyond=3, side="lower")
    assert out.name == "tail_mass"
    assert out.attrs["kind"] == "closed form"
    assert "3 sd" in out.attrs["long_name"]
    assert "lower" in out.attrs["long_name"]
    assert out["replicate"].values.tolist() == [7]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "beyond or quantile must be given, and not both .*beyond=None and quantile=None"),
        ({"beyond": 1, "quantile": 0.1}, "beyond=1 and quantile=0.1"),
        ({"beyond": -1.0}, "beyond must be a finite number >= 0, got -1"),
        ({"quantile": 1.0}, "quantile must be < 1 .*got 1"),
        ({"quantile": 0.0}, "quantile must be a finite number > 0, got 0"),
        ({"beyond": 1, "side": "left"}, "side must be one of 'both', 'lower', 'upper', got 'left'"),
    ],
)
def test_what_is_asked_must_make_sense(make, asked, message):
    with pytest.raises(ValueError, match=message):
        metrics.tail_mass(make.scalar([0.0], [0.0]), **asked)


def test_categories_have_no_sides_and_no_sd(make):
    run = make.categorical([[0.9, 0.1]])
    with pytest.raises(ValueError, match=r"quantile must be given alone for categories .*beyond=3.0"):
        metrics.tail_mass(run, beyond=3.0)
    with pytest.raises(ValueError, match=r"side='upper'; use quantile"):
        metrics.tail_mass(run, quantile=0.2, side="upper")
    with pytest.raises(ValueError, match=r"rarest category .*got 0\.01 where the rarest has 0\.1"):
        metrics.tail_mass(run, quantile=0.01)


def test_a_gaussian_has_no_parts(make):
    with pytest.raises(
        ValueError,
        match=r"run must hold Categorical or GaussianMixture or Poisson models for survival .*"
        "got Gaussian; use tail_mass",
    ):
        metrics.survival(make.scalar([0.0], [0.0]))


def test_a_run_must_be_a_run(make):
    run = make.scalar([0.0, 0.1], [0.0, 0.0])
    with pytest.raises(TypeError, match=r"run must be an xarray\.Dataset .*got ndarray"):
        metrics.tail_mass(np.zeros(3), beyond=1)
    with pytest.raises(ValueError, match=r"dimension replicate for tail_mass .*run\.isel\(replicate=\[0\]\)"):
        metrics.tail_mass(run.isel(replicate=0), beyond=1)
    with pytest.raises(ValueError, match=r"hold generation 0 for tail_mass .*got generations 1 to 1"):
        metrics.tail_mass(run.isel(generation=[1]), beyond=1)
    with pytest.raises(ValueError, match=r"must have a replicate and a generation"):
        metrics.tail_mass(run.isel(replicate=slice(0)), beyond=1)
    with pytest.raises(ValueError, match=r"run must hold mean and log_variance for tail_mass .*got only mean"):
        metrics.tail_mass(run[["mean"]], beyond=1)
    with pytest.raises(ValueError, match=r"got Poisson; draw points"):
        metrics.tail_mass(run.assign_attrs(family="Poisson"), beyond=1)
    with pytest.raises(ValueError, match=r"got no attrs\['family'\]"):
        metrics.tail_mass(run.drop_attrs(), beyond=1)
    with pytest.raises(ValueError, match=r"run\['mean'\] must be free of NaN .*replicate 0, generation 1"):
        metrics.tail_mass(run.assign(mean=run["mean"].where(run["generation"] == 0)), beyond=1)


def test_a_thinned_run_is_measured_at_the_generations_it_holds(make):
    run = make.scalar([0.0, 1.0, 2.0, 3.0], np.zeros(4))
    whole, thin = metrics.tail_mass(run, beyond=1), metrics.tail_mass(run.isel(generation=[0, 3]), beyond=1)
    assert_array_equal(thin.sel(generation=3), whole.sel(generation=3))
