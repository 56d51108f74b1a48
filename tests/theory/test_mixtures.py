"""Theory of mixtures: worked examples, mpmath, enumeration of the chain of counts, limits."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

from modelcollapse import theory
from modelcollapse.testing import stream


def test_worked_examples():
    assert round(float(theory.symmetric_mixture_bound(0.1, 10, 100)), 4) == 0.8208
    assert theory.regularised_variance_limit(1e-6, 1000) == pytest.approx(1e-3, rel=1e-15)
    assert theory.l2_squared_growth(1000, dim=2) == pytest.approx(5 / 2000, rel=2e-3)
    assert theory.l2_squared_growth(500, dim=2) == pytest.approx(5 / 1000, rel=3e-3)
    assert theory.l2_squared_collapsed(0.02) == pytest.approx(1 / (4 * math.pi * 0.02**2), rel=1e-15)


# ---------------------------------------------------------------------------------------- components


def test_component_survival_is_that_of_a_category():
    w = [0.1, 0.3, 0.6]
    np.testing.assert_array_equal(theory.component_survival(w, 15, 6), theory.survival(w, 15, 6))
    left = theory.components_left(w, 15, 6)
    np.testing.assert_allclose(left, (1 - theory.component_extinction(w, 15, 6)).sum(axis=1), rtol=1e-14)
    assert theory.component_extinction(0.1, 15, 2000)[-1] == pytest.approx(0.9, rel=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_log_determinant_of_a_component_by_enumeration(dim):
    """All paths of counts, three generations, in floating point."""
    n, w, T = 6, 0.55, 3
    rate = {N: theory.component_log_det_rate(N, dim=dim) for N in range(dim + 1, n + 1)}
    spread = {N: float(theory.log_det_var(N, 1, dim=dim)) for N in rate}
    probability, mean, sd = theory.component_log_det(w, n, T, dim=dim)
    for t in range(1, T + 1):
        weights, sums, spreads = [], [], []
        for path in itertools.product(rate, repeat=t):
            before = (w, *(N / n for N in path[:-1]))
            weights.append(math.prod(stats.binom.pmf(N, n, p) for N, p in zip(path, before, strict=True)))
            sums.append(sum(rate[N] for N in path))
            spreads.append(sum(spread[N] for N in path))
        weights, sums, spreads = map(np.array, (weights, sums, spreads))
        total = weights.sum()
        middle = (weights * sums).sum() / total
        assert probability[t] == pytest.approx(total, rel=1e-12)
        assert mean[t] == pytest.approx(middle, rel=1e-12)
        assert sd[t] ** 2 == pytest.approx((weights * (spreads + (sums - middle) ** 2)).sum() / total, rel=1e-10)


def test_one_component_is_a_gaussian_chain():
    for dim in (1, 3):
        probability, mean, sd = theory.component_log_det(1.0, 30, 20, dim=dim)
        t = np.arange(21)
        np.testing.assert_array_equal(probability, 1.0)
        np.testing.assert_allclose(mean, theory.log_det_mean(30, t, dim=dim, estimator="mle"), rtol=1e-12)
        np.testing.assert_allclose(sd**2, theory.log_det_var(30, t, dim=dim), rtol=1e-10)


def test_a_component_falls_at_the_rate_of_its_own_points():
    # for t much smaller than nw the weight has not moved; and a random weight only speeds the fall up (1/N is convex)
    _, mean, _ = theory.component_log_det(0.25, 2000, 10)
    assert mean[10] == pytest.approx(10 * theory.component_log_det_rate(500), rel=0.02)
    assert (mean[1:] < np.arange(1, 11) * theory.component_log_det_rate(500)).all()
    assert theory.component_log_det_rate(500) == pytest.approx(
        theory.log_variance_mean(500, 1, estimator="mle"), rel=1e-13
    )


@pytest.mark.parametrize("dim", [1, 2, 5, 20])
def test_rates_against_mpmath(dim):
    with mp.workdps(50):
        for n in (dim + 1, dim + 2.5, 100, 1e5, 1e9):
            want = mp.fsum(mp.digamma((mp.mpf(n) - i) / 2) + mp.log(2 / mp.mpf(n)) for i in range(1, dim + 1))
            assert theory.component_log_det_rate(n, dim=dim) == pytest.approx(float(want), rel=1e-12)
            assert theory.l2_squared_growth(n, dim=dim) == pytest.approx(float(-want / 2), rel=1e-12)
    assert theory.l2_squared_growth(1e6, dim=dim) == pytest.approx(dim * (dim + 3) / 4e6, rel=1e-3)


def test_collapsed_l2_is_the_integral_of_the_square():
    x = np.linspace(-12, 12, 100_001)
    for sd in (0.05, 0.3):
        q = 0.3 * stats.norm.pdf(x, -5, sd) + 0.7 * stats.norm.pdf(x, 5, sd)
        want = (q**2).sum() * (x[1] - x[0])
        assert theory.l2_squared_collapsed(sd, dim=1, weights=[0.3, 0.7]) == pytest.approx(want, rel=1e-9)


# ---------------------------------------------------------------------------------------- regularised covariances


def test_regularised_mean_and_sd_by_their_recursion():
    r, n, start = 0.03, 7, 2.0
    mean, square = start, start**2
    sd = theory.regularised_sd(r, n, 40, variance=start)
    for t in range(1, 41):
        # chi2/n has mean 1 - 1/n and mean square 1 - 1/n^2
        mean, square = (1 - 1 / n) * mean + r, (1 - 1 / n**2) * square + 2 * r * (1 - 1 / n) * mean + r * r
        assert theory.regularised_variance(r, n, t, variance=start) == pytest.approx(mean, rel=1e-13)
        assert sd[t] == pytest.approx((square - mean**2) ** 0.5, rel=1e-11)
        unbiased = theory.regularised_variance(r, n, t, estimator="unbiased", variance=start)
        assert unbiased == pytest.approx(start + r * t, rel=1e-14)
    assert theory.regularised_sd(r, n, 4000)[-1] == pytest.approx(r * n * (2 * (n - 1)) ** 0.5, rel=1e-12)


def test_without_regularisation_it_is_the_gaussian_chain():
    t = np.arange(30)
    plain = theory.expected_variance(9, t, estimator="mle")
    np.testing.assert_allclose(theory.regularised_variance(0.0, 9, t), plain, rtol=1e-13)
    np.testing.assert_allclose(
        theory.regularised_sd(0.0, 9, 29), theory.sd_of_variance(9, t, estimator="mle"), rtol=1e-12
    )


@pytest.mark.parametrize("n", [2, 3, 10, 100, 300, 301, 5000, 10**6])
def test_tail_index_against_mpmath(n):
    with mp.workdps(60):
        y = mp.mpf(n - 1) / 2
        want = mp.findroot(
            lambda k: mp.loggamma(y + k) - mp.loggamma(y) - k * mp.log(mp.mpf(n) / 2), (2 + mp.mpf(1) / (3 * n), 3),
            solver="anderson",
        )  # fmt: skip
        assert theory.regularised_tail_index(n) == pytest.approx(float(want), rel=3e-11)
        assert want > 2


def test_quantiles_of_the_diffusion_limit():
    q = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
    x = theory.regularised_quantile(q, 1e-3, 200)
    np.testing.assert_allclose(x, stats.invgamma(2, scale=0.2).ppf(q), rtol=1e-10)
    median = x[2]
    assert (1 + 0.2 / median) * math.exp(-0.2 / median) == pytest.approx(0.5, rel=1e-12)
    assert median < theory.regularised_variance_limit(1e-3, 200)
    assert median / 0.2 == pytest.approx(0.596, abs=5e-4)


def test_the_diffusion_limit_is_the_limit_of_the_chain():
    """Exact stationary moments of negative order, against those of the inverse gamma law."""
    # E[y^-1] of y = x/(rn) is 2 in the limit; the chain: a deterministic power iteration on a log grid
    n = 400
    grid = np.linspace(math.log(0.02), math.log(60), 1500)
    y = np.exp(grid)
    edges = np.concatenate([[0.0], np.sqrt(y[1:] * y[:-1]), [np.inf]])
    # y' = y chi2_(n-1)/n + 1/n: rows of transition probabilities
    cut = (edges[None, 1:] - 1 / n) * n / y[:, None]
    below = stats.chi2.cdf(np.maximum(cut, 0), n - 1)
    step = np.diff(np.concatenate([np.zeros((len(y), 1)), below], axis=1), axis=1)
    law = np.full(len(y), 1 / len(y))
    for _ in range(13):
        step = step @ step
    law = law @ step
    cdf = np.cumsum(law)
    want = (1 + 1 / edges[1:-1]) * np.exp(-1 / edges[1:-1])
    assert np.abs(cdf[:-1] - want).max() < 0.01


# ---------------------------------------------------------------------------------------- an integer seed


@pytest.mark.parametrize("estimator", ["mle", "unbiased"])
def test_frozen_seed(estimator):
    n, div = 50, 50 if estimator == "mle" else 49
    mean, sd = theory.frozen_seed_ratio(n, estimator=estimator)
    assert mean == pytest.approx(49 / div, rel=1e-15)
    assert sd == pytest.approx(math.sqrt(98) / div, rel=1e-15)
    assert sd == pytest.approx(math.sqrt(2 / n), rel=0.02)
    with mp.workdps(40):
        for t in (0, 1, 2, 30):
            y = mp.mpf(n - 1) / 2
            want = mp.gamma(y + t) / mp.gamma(y) * (mp.mpf(2) / div) ** t
            assert theory.frozen_seed_variance(n, t, estimator=estimator) == pytest.approx(float(want), rel=1e-12)
    middle, spread = theory.frozen_seed_log_variance(n, 30, estimator=estimator)
    assert middle == pytest.approx(theory.log_variance_mean(n, 30, estimator=estimator), rel=1e-13)
    assert spread == pytest.approx(math.sqrt(30 * theory.log_variance_var(n, 30)), rel=1e-13)
    assert (
        theory.frozen_seed_variance(50, 30, estimator="mle")
        > 1e5
        > 1
        > theory.expected_variance(50, 30, estimator="mle")
    )


# ---------------------------------------------------------------------------------------- two symmetric components


def literal(x):
    """Algorithm 1 as it is written in the catalogue, one data set."""
    n, eta = len(x), 2
    m0, s_inf = np.abs(x).mean(), (x**2).mean()
    s_s = s_inf - m0**2
    kappa = math.exp((eta - 1) * ((n - 1) / 2 + 4 * eta) / (eta * (n - 1) * (n + 4 * eta - 1))) - 1
    far = s_inf - (1 + kappa) * m0**2
    a = 50 if far <= 0 else 2 * (1 + kappa) * s_inf / far
    variance = a * s_inf * s_s / (a * m0**2 + 2 * s_inf) if s_inf <= 2 * a / (a - 2) * m0**2 else s_inf
    return math.sqrt(max(s_inf - variance, 0)), variance


def test_algorithm_1_is_the_written_one():
    x = stream("algorithm 1").standard_normal((200, 10)) * np.linspace(0.05, 3, 200)[:, None]
    x += np.where(np.arange(10) % 2, 1, -1)
    mean, variance = theory.symmetric_mixture_approximate(x)
    want = np.array([literal(row) for row in x])
    np.testing.assert_allclose(mean, want[:, 0], rtol=1e-10, atol=1e-8)
    np.testing.assert_allclose(variance, want[:, 1], rtol=1e-9)
    np.testing.assert_allclose(mean**2 + variance, (x**2).mean(axis=1), rtol=1e-13)
    assert theory.symmetric_mixture_approximate(np.zeros(4)) == (0.0, 0.0)
    assert theory.symmetric_mixture_approximate(np.array([1.0, -1.0, 1.0])) == (1.0, 0.0)


def test_the_last_case_of_algorithm_1_never_occurs():
    for n in (2, 3, 4, 10, 1000, 10**6):
        kappa = math.expm1(((n - 1) / 2 + 8) / (2 * (n - 1) * (n + 7)))
        assert 1 + 1 / kappa > n  # what it needs, and the most that s_inf^2 / mu_0^2 can be
    for x in (np.eye(10)[0], np.eye(2)[0]):
        assert theory.symmetric_mixture_approximate(x)[0] > 0


def log_likelihood(x, mu, variance):
    each = np.logaddexp(-((x - mu) ** 2) / (2 * variance), -((x + mu) ** 2) / (2 * variance))
    return (each - 0.5 * np.log(variance)).sum()


def test_the_mle_maximises_the_likelihood():
    rng = stream("symmetric mle")
    zero = 0
    for k in range(60):
        x = rng.standard_normal(10) * rng.uniform(0.05, 2) + rng.choice([-1, 1], 10)
        mu, variance = theory.symmetric_mixture_mle(x)
        zero += mu == 0
        second = (x**2).mean()
        assert mu**2 + variance == pytest.approx(second, rel=1e-12)
        grid = np.linspace(0, np.abs(x).mean() * (1 - 1e-9), 400)
        best = max(log_likelihood(x, u, second - u * u) for u in grid)
        assert log_likelihood(x, mu, variance) >= best - 1e-6, k
    assert 0 < zero < 60
    x = np.array([2.0, -2.0, 2.0 + 1e-9])
    assert theory.symmetric_mixture_mle(x)[0] == pytest.approx(2.0, rel=1e-8)
    assert theory.symmetric_mixture_mle(np.zeros(3)) == (0.0, 0.0)
    assert theory.symmetric_mixture_mle(x * 1e150)[0] == pytest.approx(2e150, rel=1e-8)


def test_the_approximation_is_close_where_components_are_apart():
    rng = stream("symmetric, far apart")
    for _ in range(20):
        x = rng.choice([-1.0, 1.0], 200) + 0.1 * rng.standard_normal(200)
        mean, variance = theory.symmetric_mixture_approximate(x)
        mu, sigma2 = theory.symmetric_mixture_mle(x)
        assert mean == pytest.approx(mu, rel=1e-3)
        assert variance == pytest.approx(sigma2, rel=0.1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: theory.component_log_det(0.5, 10_000, 3), ValueError, "multiply component_log_det_rate by t"),
        (lambda: theory.component_log_det(0.0, 10, 3), ValueError, "weight > 0"),
        (lambda: theory.component_log_det(0.5, 2, 3, dim=2), ValueError, "n must be >= 3"),
        (lambda: theory.component_log_det_rate(2, dim=2), ValueError, "n must be > 2"),
        (lambda: theory.l2_squared_collapsed(0.0), ValueError, "sd must be > 0"),
        (lambda: theory.regularised_variance(-1.0, 10, 3), ValueError, "r must be a finite number >= 0"),
        (lambda: theory.regularised_variance(1.0, 10, 3, estimator="map"), ValueError, "got 'map'"),
        (lambda: theory.regularised_quantile(1.5, 1.0, 10), ValueError, "got 1.5"),
        (lambda: theory.regularised_tail_index(1), ValueError, "n must be an integer >= 2"),
        (lambda: theory.frozen_seed_variance(10, 1.5, estimator="mle"), TypeError, "t must be an integer"),
        (lambda: theory.symmetric_mixture_bound(0.0, 10, 3), ValueError, "epsilon must be > 0"),
        (lambda: theory.symmetric_mixture_approximate([1.0]), ValueError, "x must have at least 2 points"),
        (lambda: theory.symmetric_mixture_mle([[1.0, 2.0]]), ValueError, r"x must have shape \(n,\)"),
    ],
)
def test_outside_the_domain(call, error, message):
    with pytest.raises(error, match=message):
        call()
