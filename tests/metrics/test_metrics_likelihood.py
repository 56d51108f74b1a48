import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from modelcollapse import metrics

quiet = settings(deadline=None, derandomize=True, database=None, max_examples=40)


def z_of_mean(out, want):
    """Standardised distance of the mean of each generation from its exact value."""
    error = out.std("sample", ddof=1) / np.sqrt(out.sizes["sample"])
    return abs((out.mean("sample") - want) / error).values


def test_mean_of_nll_is_the_cross_entropy(make, plane, rng):
    runs = [
        make.scalar([[0.0, 0.5, 2.0], [0.0, -0.5, 1.0]], [[0.0, 0.3, -3.0], [0.0, 0.3, -2.0]]),
        plane,
        make.categorical([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.0, 0.4, 0.6]]),
    ]
    for run in runs:
        out = metrics.nll(run, samples=20000, rng=rng)
        assert out.dims == ("generation", "sample")
        assert (z_of_mean(out, metrics.cross_entropy(run).mean("replicate")) < 6).all()


def test_mean_of_nll_of_a_mixture(make, plane, two_mixtures, rng):
    mean, cov = plane["mean"].values[0], plane["cov"].values[0]
    one = make.mixture(np.ones((3, 1)), mean[:, None], cov[:, None])
    assert (z_of_mean(metrics.nll(one, samples=20000, rng=rng), metrics.cross_entropy(plane)[0]) < 6).all()
    # at generation 0 it is the entropy
    entropy = metrics.differential_entropy(two_mixtures, samples=50000, rng=rng)
    out = metrics.nll(two_mixtures, generations=[0], samples=50000, rng=rng)
    error = np.hypot(entropy["standard_error"].values[0, 0], float(out.std()) / np.sqrt(50000))
    assert abs(float(out.mean()) - entropy.values[0, 0]) < 6 * error


def test_points_come_from_every_replicate(make, rng):
    run = make.scalar([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]], [[0.0, -np.inf]] * 3).assign_coords(replicate=[4, 5, 6])
    out = metrics.nll(run, generations=[1], samples=200, rng=rng)
    place = out["replicate"].values[0] - 3
    assert set(place) == {1, 2, 3}
    assert_allclose(out.values[0], -stats.norm.logpdf(place), rtol=1e-14)


def test_law_of_the_points(make, rng):
    out = metrics.nll(make.scalar([0.0, 0.0], [0.0, np.log(0.25)]), samples=5000, rng=rng)
    square = (2 * out - np.log(2 * np.pi)).values
    assert stats.kstest(square[0], stats.chi2(1).cdf).pvalue > 1e-9
    assert stats.kstest(square[1] * 4, stats.chi2(1).cdf).pvalue > 1e-9


def test_collapsed_models_have_points(make):
    run = make.vector([[0.0, 0.0], [1.0, 0.0]], [np.eye(2), np.zeros((2, 2))])
    assert_allclose(metrics.nll(run, samples=5, rng=1).values[1], np.log(2 * np.pi) + 0.5)
    fixed = make.categorical([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]])
    assert_allclose(metrics.nll(fixed, samples=5, rng=1).values[1], -np.log(0.3))


def test_what_was_impossible_is_infinitely_unlikely(make):
    run = make.categorical([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert_array_equal(metrics.nll(run, samples=2, rng=1).values, [[0, 0], [np.inf, np.inf], [0, 0]])
    assert_array_equal(metrics.cross_entropy(run).values, [[0, np.inf, 0]])


@quiet
@given(st.data())
def test_cross_entropy_is_entropy_plus_divergence(make, data):
    run = make.categorical(data.draw(make.tables()))
    assert_allclose(metrics.cross_entropy(run), metrics.entropy(run) + metrics.kl(run), atol=1e-13)


@quiet
@given(st.floats(-5, 5), st.floats(-30, 5))
def test_cross_entropy_of_gaussians(make, mean, log_variance):
    run = make.scalar([1.0, mean], [0.5, log_variance])
    want = metrics.differential_entropy(run) + metrics.kl(run)
    assert_allclose(metrics.cross_entropy(run), want, rtol=1e-12, atol=1e-12)


def test_cross_entropy_of_vectors(plane):
    want = metrics.differential_entropy(plane) + metrics.kl(plane)
    assert_allclose(metrics.cross_entropy(plane), want, rtol=1e-10)


def test_same_stream_same_points(plane):
    assert_array_equal(metrics.nll(plane, samples=9, rng=5), metrics.nll(plane, samples=9, rng=5))


def test_requests_that_cannot_be_met(make, two_mixtures):
    run = make.scalar([0.0, 0.0], [0.0, 0.0])
    with pytest.raises(ValueError, match=r"generations must be in the run \(0 to 1\), got 5"):
        metrics.nll(run, generations=[1, 5])
    with pytest.raises(ValueError, match=r"samples must be an integer >= 1, got 0"):
        metrics.nll(run, samples=0)
    with pytest.raises(ValueError, match=r"for cross_entropy .*got GaussianMixture; use nll\(run\)"):
        metrics.cross_entropy(two_mixtures)
    with pytest.raises(ValueError, match=r"positive definite for nll"):
        metrics.nll(make.vector(np.zeros((1, 2)), [np.diag([1.0, 0.0])]))
