import mpmath
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, optimize, stats

from modelcollapse import metrics

quiet = settings(deadline=None, derandomize=True, database=None, max_examples=40)


def test_scalar_gaussians(make):
    run = make.scalar([1.0, 4.0, 1.0], [0.0, np.log(9), -1e6])
    assert_allclose(metrics.w2_squared(run).values, [[0, 13, 1]])


def test_covariances_against_the_formula_of_the_catalogue(plane):
    mean, cov = plane["mean"].values[0], plane["cov"].values[0]
    out = metrics.w2_squared(plane)
    for t in (1, 2):
        root = scipy.linalg.sqrtm(cov[0])
        cross = np.trace(scipy.linalg.sqrtm(root @ cov[t] @ root)).real
        want = ((mean[t] - mean[0]) ** 2).sum() + np.trace(cov[t] + cov[0]) - 2 * cross
        assert_allclose(out.values[0, t], want, rtol=1e-9)
    assert out.values[0, 0] < 1e-28


def test_diagonal_covariances_add_up(make):
    mean, variance = np.array([[0.0, 1.0], [0.4, 1.1]]), np.array([[1.0, 2.0], [0.0, 1e-9]])
    whole = make.vector(mean, variance[..., None] * np.eye(2))
    with np.errstate(divide="ignore"):
        parts = [make.scalar(mean[:, d], np.log(variance[:, d])) for d in range(2)]
    assert_allclose(metrics.w2_squared(whole), sum(metrics.w2_squared(part) for part in parts), rtol=1e-12)


@pytest.mark.parametrize("gap", [1e-6, 1e-12])
def test_small_distances_keep_their_digits(make, gap):
    run = make.vector(np.zeros((2, 2)), [np.eye(2), (1 + gap) * np.eye(2)])
    assert_allclose(metrics.w2_squared(run).values[0, 1], 2 * (gap / 2) ** 2, rtol=2e-3)


def test_a_point_is_as_far_as_the_truth_is_wide(make):
    cov = np.array([[2.0, 1.0], [1.0, 3.0]])
    run = make.vector([[0.0, 0.0], [1.0, -2.0]], [cov, np.zeros((2, 2))])
    assert_allclose(metrics.w2_squared(run).values[0, 1], 5 + 5, rtol=1e-12)


def test_flat_covariances_are_allowed(make):
    line = np.ones((2, 2))
    run = make.vector(np.zeros((2, 2)), [line, 4 * line])
    assert_allclose(metrics.w2_squared(run).values[0, 1], 2, rtol=1e-7)


@quiet
@given(st.data())
def test_categories_on_a_line_are_an_optimal_assignment(make, data):
    counts = 6
    places = data.draw(st.lists(st.integers(-9, 9), min_size=3, max_size=5, unique=True))
    K = len(places)
    points = np.array(
        data.draw(st.lists(st.lists(st.integers(0, K - 1), min_size=counts, max_size=counts), min_size=2, max_size=3))
    )
    p = np.stack([np.bincount(row, minlength=K) / counts for row in points])
    out = metrics.w2_squared(make.categorical(p), positions=places).values[0]
    x = np.array(places, dtype=float)[points]
    for t in range(len(p)):
        cost = (x[t][:, None] - x[0][None, :]) ** 2
        want = cost[optimize.linear_sum_assignment(cost)].sum() / counts
        assert_allclose(out[t], want, atol=1e-12)


def test_labels_that_are_numbers_are_places(make):
    p = [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    assert_allclose(metrics.w2_squared(make.categorical(p, labels=["10", "0", "5"])).values, [[0, 12.5]])
    with pytest.raises(ValueError, match=r"positions must be given for w2_squared .*the numbers 0 to 2"):
        metrics.w2_squared(make.categorical(p))


def test_mixtures_of_one_dimension(make, two_mixtures):
    mean, variance = np.array([0.5, 0.7, -1.0, 3.0]), np.array([2.0, 0.3, 0.01, 0.0])
    one = make.mixture(np.ones((4, 1)), mean[:, None, None], variance[:, None, None, None])
    with np.errstate(divide="ignore"):
        want = metrics.w2_squared(make.scalar(mean, np.log(variance)))
    out = metrics.w2_squared(one)
    assert_allclose(out.values, want.values, rtol=1e-12)
    assert out.attrs["kind"] == "quadrature"

    w, m, c = (two_mixtures[name].values[0] for name in ("weight", "mean", "cov"))

    def quantile(t, u):
        return optimize.brentq(
            lambda x: sum(w[t, k] * stats.norm.cdf(x, m[t, k, 0], np.sqrt(c[t, k, 0, 0])) for k in range(2)) - u,
            -40,
            40,
            xtol=1e-14,
        )

    def integrand(z):
        u = stats.norm.cdf(z)
        return (quantile(0, u) - quantile(1, u)) ** 2 * stats.norm.pdf(z)

    want = integrate.quad(integrand, -7, 7, limit=200, epsabs=1e-9)[0]
    assert_allclose(metrics.w2_squared(two_mixtures).values[0], [0, want], rtol=1e-4)


def test_dead_components_do_not_count(make):
    run = make.mixture([[0.5, 0.5], [1.0, 0.0]], [[[0.0], [0.0]], [[1.0], [1e6]]], np.ones((2, 2, 1, 1)))
    assert_allclose(metrics.w2_squared(run).values[0, 1], 1, rtol=1e-12)


def test_mixtures_of_more_dimensions_are_refused(make):
    run = make.mixture(np.ones((1, 1)), np.zeros((1, 1, 2)), np.eye(2)[None, None])
    with pytest.raises(ValueError, match=r"mixtures of one dimension for w2_squared .*got 2 dimensions; use l2"):
        metrics.w2_squared(run)


@pytest.mark.parametrize(("mean", "log_variance"), [(0.7, 0.0), (0.0, 1.5), (1.0, -5.0), (6.0, -1.0)])
def test_l2_of_scalar_gaussians_against_quadrature(make, mean, log_variance):
    sd = float(np.exp(log_variance / 2))
    cuts = sorted([k * s + m for m, s in ((0.0, 1.0), (mean, sd)) for k in (-30, -9, -3, 0, 3, 9, 30)])
    with mpmath.workdps(30):
        want = float(mpmath.quad(lambda x: (mpmath.npdf(x) - mpmath.npdf(x, mean, sd)) ** 2, cuts))
    run = make.scalar([0.0, mean], [0.0, log_variance])
    assert_allclose(metrics.l2_squared(run).values[0], [0, want], rtol=1e-11)
    assert_allclose(metrics.l2_squared(run, log=True).values[0], [-np.inf, np.log(want)], rtol=1e-10)


def test_l2_diverges_as_a_density_narrows(make):
    run = make.scalar([0.0, 0.0, 0.0], [0.0, -5000.0, -np.inf])
    assert_array_equal(metrics.l2_squared(run).values, [[0, np.inf, np.inf]])
    assert_allclose(metrics.l2_squared(run, log=True).values[0, 1:], [2500 - np.log(4 * np.pi) / 2, np.inf], rtol=1e-12)


def test_l2_of_one_component_is_that_of_its_gaussian(make, plane):
    mean, cov = plane["mean"].values[0], plane["cov"].values[0]
    one = make.mixture(np.ones((3, 1)), mean[:, None], cov[:, None])
    for reference in (0, 1):
        assert_allclose(
            metrics.l2_squared(one, reference=reference),
            metrics.l2_squared(plane, reference=reference),
            rtol=1e-10,
            atol=1e-15,
        )


def test_l2_of_mixtures_against_quadrature(two_mixtures):
    w, m, c = (two_mixtures[name].values[0] for name in ("weight", "mean", "cov"))

    def gap(x):
        return sum(
            (-1) ** t * w[t, k] * stats.norm.pdf(x, m[t, k, 0], np.sqrt(c[t, k, 0, 0]))
            for t in range(2)
            for k in range(2)
        )

    want = integrate.quad(lambda x: gap(x) ** 2, -12, 12, limit=300, epsabs=1e-14)[0]
    assert_allclose(metrics.l2_squared(two_mixtures).values[0], [0, want], rtol=1e-10)


def test_a_component_may_be_written_twice(make):
    half = make.mixture([[1.0, 0.0], [0.3, 0.7]], [[[0.0], [5.0]], [[0.0], [0.0]]], np.ones((2, 2, 1, 1)))
    assert_allclose(metrics.l2_squared(half).values, 0, atol=1e-16)


def test_the_reference_is_each_replicates_own_generation(make):
    run = make.scalar([[0.0, 1.0, 1.0], [0.0, 2.0, 1.0]], np.zeros((2, 3)))
    out = metrics.l2_squared(run, reference=1)
    assert_allclose(out.values[0], metrics.l2_squared(make.scalar([0.0, 1.0, 0.0], np.zeros(3))).values[0, [1, 0, 0]])
    assert_allclose(out.values[1, 1], 0)
    assert_allclose(out.values[1, 2], out.values[0, 0])
    assert "generation 1" in out.attrs["long_name"]
    with pytest.raises(ValueError, match=r"hold generation 7 for l2_squared .*it is the reference"):
        metrics.l2_squared(run, reference=7)


@quiet
@given(st.data())
def test_l2_of_categories(make, data):
    p = data.draw(make.tables())
    run = make.categorical(p)
    out = metrics.l2_squared(run).values[0]
    assert_allclose(out, ((p - p[0]) ** 2).sum(1))
    assert_allclose(np.exp(metrics.l2_squared(run, log=True).values[0]), out)
    assert (out <= 2 * metrics.total_variation(run).values[0] + 1e-15).all()


def test_a_flat_reference_has_no_density(make):
    run = make.vector(np.zeros((2, 2)), [np.ones((2, 2)), np.zeros((2, 2))])
    with pytest.raises(ValueError, match=r"positive definite for l2_squared"):
        metrics.l2_squared(run)
