import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, stats

from modelcollapse import metrics

quiet = settings(deadline=None, derandomize=True, database=None, max_examples=40)


def test_gaussian_variance_is_the_parameter(make, plane):
    run = make.scalar([0.0, 1.0, 0.0], [0.0, -3.0, -5000.0])
    assert_allclose(metrics.variance(run).values, [[1.0, np.exp(-3), 0.0]])
    assert_array_equal(metrics.variance(run, log=True).values, [[0.0, -3.0, -5000.0]])
    out = metrics.variance(plane)
    assert out.dims == ("replicate", "generation", "dim")
    assert_allclose(out.values, np.diagonal(plane["cov"].values, axis1=-2, axis2=-1))


def test_mixture_variance_is_the_integral(two_mixtures):
    w, m, c = (two_mixtures[name].values[0] for name in ("weight", "mean", "cov"))
    for t in range(2):
        moments = [
            integrate.quad(
                lambda x, k=k, t=t: (
                    x**k * sum(w[t, j] * stats.norm.pdf(x, m[t, j, 0], np.sqrt(c[t, j, 0, 0])) for j in range(2))
                ),
                -20,
                20,
                epsabs=1e-13,
            )[0]
            for k in (1, 2)
        ]
        assert_allclose(metrics.variance(two_mixtures).values[0, t, 0], moments[1] - moments[0] ** 2, rtol=1e-11)


def test_categories_stand_for_numbers(make):
    p = [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]]
    want = [[(0.3 * 1 + 0.5 * 4) - 1.3**2, 0.0]]
    assert_allclose(metrics.variance(make.categorical(p, labels=["0", "1", "2"])).values, want, atol=1e-15)
    assert_allclose(metrics.variance(make.categorical(p), positions=[0, 1, 2]).values, want, atol=1e-15)
    rows = make.categorical(p, bootstrap=True, rows=[0.0, 1.0, 2.0])
    assert_allclose(metrics.variance(rows).values, want, atol=1e-15)
    # numbers far from zero keep their digits
    assert_allclose(metrics.variance(make.categorical(p), positions=[1e8, 1e8 + 1, 1e8 + 2]).values, want, atol=1e-14)


def test_places_must_be_known(make):
    p = [[0.5, 0.5]]
    with pytest.raises(ValueError, match=r"positions must be given for variance .*the numbers 0 to 1"):
        metrics.variance(make.categorical(p))
    with pytest.raises(ValueError, match=r"or labels be numbers, got the label 'yes'"):
        metrics.variance(make.categorical(p, labels=["yes", "no"]))
    with pytest.raises(ValueError, match=r"positions must place each of the 2 categories, got 3"):
        metrics.variance(make.categorical(p), positions=[1, 2, 3])
    with pytest.raises(ValueError, match=r"rows have 2 columns .*positions=run\['rows'\]"):
        metrics.variance(make.categorical(p, bootstrap=True, rows=[[0.0, 1.0], [1.0, 1.0]]))


def test_determinant(make, plane, two_mixtures):
    want = np.linalg.det(plane["cov"].values)
    assert_allclose(metrics.generalised_variance(plane).values, want, rtol=1e-12)
    assert_allclose(metrics.generalised_variance(plane.drop_vars("log_det"), log=True).values, np.log(want), rtol=1e-12)
    run = make.scalar([0.0, 0.0], [0.5, -9.0])
    assert_allclose(metrics.generalised_variance(run).values, metrics.variance(run).values)
    assert_allclose(metrics.generalised_variance(two_mixtures).values, metrics.variance(two_mixtures).values[..., 0])


def test_log_determinant_outlives_the_covariance(make):
    run = make.vector(np.zeros((2, 2)), [np.eye(2), np.zeros((2, 2))])
    run = run.assign(
        log_det=run["log_det"].copy(data=[[0.0, -9000.0]]),
        log_variance=run["log_variance"].copy(data=[[[0.0, 0.0], [-4500.0, -4500.0]]]),
    )
    assert_array_equal(metrics.generalised_variance(run, log=True).values, [[0.0, -9000.0]])
    assert metrics.differential_entropy(run).values[0, 1] < -4000
    with pytest.raises(
        ValueError,
        match=r"run\['cov'\] must not have underflowed for effective_rank .*"
        r"got a variance of 0 from generation 1 on; use run\.isel",
    ):
        metrics.effective_rank(run)


@pytest.mark.parametrize("definition", ["entropy", "participation"])
def test_effective_rank_counts_equal_directions(make, definition):
    covs = [np.eye(3), np.diag([1.0, 1.0, 0.0]), np.diag([0.0, 1e-200, 0.0])]
    out = metrics.effective_rank(make.vector(np.zeros((3, 3)), covs), definition=definition)
    assert_allclose(out.values, [[3.0, 2.0, 1.0]], rtol=1e-12)


def test_effective_rank_by_hand(make, two_mixtures):
    run = make.vector(np.zeros((1, 2)), [np.diag([3.0, 1.0])])
    assert_allclose(metrics.effective_rank(run).values, np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25)), rtol=1e-14)
    assert_allclose(metrics.effective_rank(run, definition="participation").values, 16 / 10, rtol=1e-14)
    assert_allclose(metrics.effective_rank(make.scalar([0.0], [3.0])).values, 1.0)
    assert_allclose(metrics.effective_rank(two_mixtures).values, 1.0)


def test_nothing_has_no_rank(make):
    run = make.vector(np.zeros((2, 2)), [np.eye(2), np.zeros((2, 2))])
    with pytest.raises(ValueError, match=r"vary in some direction for effective_rank .*replicate 0, generation 1"):
        metrics.effective_rank(run)
    with pytest.raises(ValueError, match=r"definition must be one of 'entropy', 'participation', got 'stable'"):
        metrics.effective_rank(run, definition="stable")


@quiet
@given(st.data())
def test_variety_of_categories(make, data):
    p = data.draw(make.tables())
    run = make.categorical(p)
    het, ent, there = (f(run).values[0] for f in (metrics.heterozygosity, metrics.entropy, metrics.support))
    assert_allclose(het, 1 - (p**2).sum(1), atol=1e-14)
    assert_allclose(ent, stats.entropy(p, axis=1), atol=1e-14)
    # both are largest where what is left is uniform, and entropy is the larger
    assert (het <= 1 - 1 / there + 1e-14).all()
    assert (ent <= np.log(there) + 1e-14).all()
    assert (het <= ent + 1e-14).all()


def test_heterozygosity_near_fixation_keeps_its_digits(make):
    run = make.categorical([[0.5, 0.5], [1e-20, 1.0]])
    assert_allclose(metrics.heterozygosity(run).values[0, 1], 1e-20, rtol=1e-12)


def test_differential_entropy_of_gaussians(make, plane):
    assert_allclose(
        metrics.differential_entropy(plane).values[0],
        [
            stats.multivariate_normal(m, c).entropy()
            for m, c in zip(plane["mean"].values[0], plane["cov"].values[0], strict=True)
        ],
        rtol=1e-9,
    )
    run = make.scalar([0.0, 0.0], [1.0, -np.inf])
    assert_allclose(metrics.differential_entropy(run).values, [[stats.norm(scale=np.exp(0.5)).entropy(), -np.inf]])


def test_differential_entropy_of_mixtures_from_samples(make, two_mixtures, rng):
    w, m, c = (two_mixtures[name].values[0] for name in ("weight", "mean", "cov"))
    out = metrics.differential_entropy(two_mixtures, samples=4000, rng=rng)
    for t in range(2):

        def integrand(x, t=t):
            p = sum(w[t, j] * stats.norm.pdf(x, m[t, j, 0], np.sqrt(c[t, j, 0, 0])) for j in range(2))
            return -p * np.log(p)

        want = integrate.quad(integrand, -10, 10, epsabs=1e-12)[0]
        z = (out.values[0, t] - want) / out["standard_error"].values[0, t]
        assert abs(z) < 6
    assert out.attrs["kind"] == "from samples"
    assert out.attrs["samples"] == 4000


def test_one_component_has_the_entropy_of_its_gaussian(make, rng):
    one = make.mixture(np.ones((2, 1)), np.zeros((2, 1, 2)), np.stack([np.eye(2), 0.1 * np.eye(2)])[:, None])
    out = metrics.differential_entropy(one, samples=4000, rng=rng)
    want = metrics.differential_entropy(make.vector(np.zeros((2, 2)), [np.eye(2), 0.1 * np.eye(2)]))
    assert (abs(out - want) < 6 * out["standard_error"]).all()


def test_same_stream_same_answer(two_mixtures):
    one, two = (metrics.differential_entropy(two_mixtures, samples=50, rng=3) for _ in range(2))
    assert_array_equal(one, two)


def test_densities_and_categories_are_not_mixed_up(make):
    gaussian, categories = make.scalar([0.0], [0.0]), make.categorical([[0.5, 0.5]])
    with pytest.raises(ValueError, match=r"Categorical models for entropy .*got Gaussian; use differential_entropy"):
        metrics.entropy(gaussian)
    with pytest.raises(ValueError, match=r"for heterozygosity .*got Gaussian; use variance"):
        metrics.heterozygosity(gaussian)
    with pytest.raises(ValueError, match=r"for differential_entropy .*got Categorical; use entropy"):
        metrics.differential_entropy(categories)
    with pytest.raises(ValueError, match=r"for effective_rank .*got Categorical; use heterozygosity"):
        metrics.effective_rank(categories)
    with pytest.raises(ValueError, match=r"must hold cov for variance .*2 dimensions"):
        metrics.variance(make.vector(np.zeros((1, 2)), [np.eye(2)]).drop_vars("cov"))


def test_a_component_without_width_has_no_density(make):
    run = make.mixture(np.ones((2, 1)), np.zeros((2, 1, 1)), [[[[1.0]]], [[[0.0]]]])
    with pytest.raises(ValueError, match=r"positive definite for differential_entropy .*smallest eigenvalue of 0"):
        metrics.differential_entropy(run)
