"""Published statements on mixtures that need correction: ERR-13, ERR-6, and the frozen seed."""

import numpy as np
import pytest

from modelcollapse import theory


def l2_squared(sd):
    """Squared L2 distance in the plane between N(0, I) and N(0, s^2 I), `DIST`."""
    return 1 / (4 * np.pi) + 1 / (4 * np.pi * sd**2) - 2 / (2 * np.pi * (1 + sd**2))


def test_err_13_the_plateau_is_the_regularisation():
    """The published curve levels off at the stationary law of the regularised loop, not where collapse has ended."""
    n, t = 500, 2049  # one of two components, of 1000 points together
    regularised = theory.regularised_variance(1e-6, n, t)
    without = theory.regularised_variance(1e-13, n, t)
    # the typical chain: the median of the stationary law against exp of the expected log variance
    typical = theory.regularised_quantile(0.5, 1e-6, n)
    free = np.exp(theory.component_log_det_rate(n, dim=2) * t / 2)
    assert free < typical / 5
    assert l2_squared(free**0.5) > 5 * l2_squared(typical**0.5)
    # and for ever: the free curve passes every level, the regularised one stays
    later = np.exp(theory.component_log_det_rate(n, dim=2) * 4 * t / 2)
    assert l2_squared(later**0.5) > 1e9 > 1e6 > l2_squared(typical**0.5)
    assert without < regularised
    # the stored final value 536.28 lies within the stationary law (0.1 % to 99.9 %)
    s = theory.regularised_quantile([0.001, 0.999], 1e-6, np.array([500, 1000])[:, None]) ** 0.5
    levels = theory.l2_squared_collapsed(s)
    assert (levels[:, 1] < 536.28).all()
    assert (levels[:, 0] > 536.28).all()


def test_err_13_released_code_adds_its_default():
    """scikit-learn adds reg_covar to the diagonal of the covariance with divisor n: the map of GMM-REGCOVAR."""
    from sklearn.mixture import GaussianMixture

    X = np.array([[0.0, 0.0], [1e-3, 2e-3], [2e-3, -1e-3], [-1e-3, 1e-3], [0.5e-3, 1e-3]])
    fit = GaussianMixture(1, covariance_type="full").fit(X)
    centred = X - X.mean(axis=0)
    np.testing.assert_allclose(fit.covariances_[0], centred.T @ centred / len(X) + 1e-6 * np.eye(2), rtol=1e-9)


@pytest.mark.parametrize("r", [1e-6, 1e-13])
def test_err_13_same_noise_two_floors(r):
    """One dimension, the same draws: the variance with a floor is larger in every generation, for every seed."""
    from modelcollapse.testing import stream

    rng = stream("same noise")  # any seed: the statement is almost sure
    n, T = 50, 600
    ratio = rng.chisquare(n - 1, T) / n
    with_r, free = np.ones(T + 1), np.ones(T + 1)
    for t in range(T):
        with_r[t + 1] = with_r[t] * ratio[t] + r
        free[t + 1] = free[t] * ratio[t]
    assert (with_r[1:] > free[1:]).all()
    assert (with_r[1:] >= r).all()


def test_err_6_one_blob_is_two_halves():
    """The released experiment starts from one Gaussian: each of two components has n/2 points, and the rate doubles."""
    one, two = theory.l2_squared_growth(1000, dim=2), theory.l2_squared_growth(500, dim=2)
    assert two / one == pytest.approx(2, rel=2e-3)


def test_an_integer_seed_inside_the_loop():
    """The published habit, random_state=<int> in a loop: the ratio of variances is one constant, exactly."""
    n, T = 50, 30
    variance, mean = [1.0], 0.0
    for _ in range(T):
        x = mean + variance[-1] ** 0.5 * np.random.default_rng(0).standard_normal(n)
        mean, v = x.mean(), x.var()
        variance.append(v)
    ratio = np.diff(np.log(variance))
    assert np.ptp(ratio) < 1e-10
    assert np.exp(ratio[0]) == pytest.approx(np.random.default_rng(0).standard_normal(n).var(), rel=1e-12)
    # a sound loop has ratios of mean 1 - 1/n and standard deviation sqrt(2(n-1))/n; its mean variance is 0.55, not 10^5
    assert theory.expected_variance(n, T, estimator="mle") == pytest.approx(0.5455, abs=1e-4)
    assert theory.frozen_seed_variance(n, T, estimator="mle") == pytest.approx(286_799, rel=1e-5)
