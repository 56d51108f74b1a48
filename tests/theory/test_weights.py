"""Weights, constants and the counterexample, against recursions, optimisation, quadrature and fractions."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from modelcollapse import theory


@pytest.mark.parametrize("k", [1e-12, 0.1, 1.0, 7.0, 1e12])
def test_golden_weight(k):
    with mpmath.workdps(50):
        K = mpmath.mpf(k)
        expected = (mpmath.sqrt(K * K + 4 * K) - K) / 2
    w = theory.golden_weight(k)
    assert w == pytest.approx(float(expected), rel=1e-14)
    assert theory.golden_variance(w, k) == pytest.approx(w, rel=1e-9)
    if 0.01 < k < 100:
        grid = np.linspace(0.01, 1, 2000)
        assert theory.golden_variance(grid, k).min() >= w * (1 - 1e-12)
        assert theory.golden_variance(k / (1 + k), k) == pytest.approx((1 + k) / (2 + k), rel=1e-13)


def test_golden_variance_is_the_fixed_point_of_two_lines():
    w, k = Fraction(2, 5), Fraction(3, 2)
    V = (w**2 + k * (1 - w) ** 2) / (1 - (1 - w) ** 2)  # V = w^2 + (1-w)^2 (k + V)
    assert w**2 + (1 - w) ** 2 * (k + V) == V
    assert theory.golden_variance(float(w), float(k)) == pytest.approx(float(V), rel=1e-14)


def test_kalman_gains():
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    got = theory.golden_weights(15)
    expected = [fibonacci[2 * j] / fibonacci[2 * j + 1] for j in range(1, 16)]  # Fib_{2j+1} / Fib_{2j+2}, from Fib_1
    np.testing.assert_allclose(got, expected, rtol=1e-14)
    np.testing.assert_allclose(theory.golden_weights(200, 0.3)[-1], theory.golden_weight(0.3), rtol=1e-13)
    V = 1.0
    for w in theory.golden_weights(5, 0.3):  # each is the best for what it is given
        nearby = [v**2 + (1 - v) ** 2 * (V + 0.3) for v in (w - 1e-3, w, w + 1e-3)]
        assert nearby[1] == min(nearby)
        V = nearby[1]
        assert w == pytest.approx(V, rel=1e-12)


def test_weighted_variance():
    n, m = 30, 12
    limit = theory.weight_threshold(m)
    assert (1 - limit) ** 2 * (1 + 2 / (m - 1)) == pytest.approx(1, rel=1e-14)
    assert theory.weighted_variance_limit(limit * 0.999, n, m) == np.inf
    for w in (limit * 1.001, 0.5, 1.0):
        V = theory.weighted_variance_limit(w, n, m)
        again = w**2 * 2 / (n - 1) + (1 - w) ** 2 * ((1 + 2 / (m - 1)) * (V + 1) - 1)
        assert again == pytest.approx(V, rel=1e-10)
    large = theory.weighted_variance_limit(0.5, 10**9, 10**9) * 10**9 / 2
    assert large == pytest.approx(theory.golden_variance(0.5), rel=1e-8)


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("w", [0.2, 0.618, 1.0])
def test_weighted_covariance_is_the_published_system(d, w):
    n, m = 30, 25
    a, b, c = n - 1, m - 1, (1 - w) ** 2
    left = np.array([[1 - c * (1 + 1 / b), -c / b], [-2 * c / b, 1 - c]])
    right = np.array(
        [w**2 * (d * (1 + 1 / a) + d**2 / a) + 2 * w * (1 - w) * d, w**2 * (d**2 + 2 * d / a) + 2 * w * (1 - w) * d**2]
    )
    A = np.linalg.solve(left, right)[0]
    got = theory.weighted_covariance_error(w, n, m, dim=d)
    assert got == pytest.approx(A - d, rel=1e-10)
    if d == 1:
        assert got == pytest.approx(theory.weighted_variance_limit(w, n, m), rel=1e-12)
    assert theory.weighted_covariance_error(theory.weight_threshold(m) * 0.99, n, m, dim=d) == np.inf
    radius = np.abs(np.linalg.eigvals([[1 + 1 / b, 1 / b], [2 / b, 1]])).max()  # the threshold does not know d
    assert radius == pytest.approx(1 + 2 / b, rel=1e-12)


def test_constants():
    n = 10**6
    assert theory.inflation_constant("accumulate") == pytest.approx(n * theory.inbreeding_accumulate_limit(n), rel=1e-5)
    assert theory.inflation_constant("subsample") == pytest.approx(
        1000 * theory.inbreeding_subsample(1000, 10**6)[-1], rel=1e-2
    )
    for ratio in (0.5, 1, 4):
        fixed = theory.inflation_constant("fixed_real", fraction=ratio / (1 + ratio))
        assert fixed == pytest.approx(n * theory.inbreeding_fixed_real(ratio * n, n, np.inf), rel=1e-5)
        assert fixed == pytest.approx(theory.fixed_real_mean_variance(ratio), rel=1e-14)
        assert fixed <= 1.5


def test_efficiencies():
    G = np.array([1, 2, 10, 10**6])
    sums = [float(mpmath.zeta(2) - mpmath.zeta(2, int(v) + 1)) for v in G]
    np.testing.assert_allclose(theory.augment_efficiency(G), 1 / np.array(sums), rtol=1e-12)
    np.testing.assert_allclose(theory.augment_efficiency(G[:3], 10**8), theory.augment_efficiency(G[:3]), rtol=1e-7)
    np.testing.assert_allclose(theory.discard_efficiency(G[:3], 10**8), 1 / G[:3], rtol=1e-6)
    assert theory.augment_efficiency(np.inf) == pytest.approx(6 / np.pi**2, rel=1e-14)
    assert theory.augment_efficiency(2, 10) == pytest.approx(1 / (10 * 0.1225), rel=1e-12)


def test_fixed_real_mean_is_its_recursion():
    lam, V = Fraction(2), Fraction(1)
    for t in range(1, 10):
        assert theory.fixed_real_mean_variance(2.0, t) == pytest.approx(float(V), rel=1e-13)
        # mean' = (real + lam synthetic) / (1 + lam); the real set is the same, cov(real, mean_t) = 1 throughout
        V = (1 + 2 * lam + lam**2 * (V + 1 / lam)) / (1 + lam) ** 2
    assert theory.fixed_real_mean_variance(0.0, 5) == 1
    assert theory.fixed_real_mean_variance(1e9) == pytest.approx(1.5)


def test_tail_event():
    with mpmath.workdps(30):
        for n in (1, 2, 7, 50, 300):
            kept = mpmath.quad(lambda m, n=n: n * m ** (n - 1) * ((1 + m) / 2) ** n, np.linspace(0.5, 1, 9).tolist())
            expected = 1 - kept - mpmath.mpf(3) ** n / mpmath.mpf(8) ** n
            assert theory.tail_event_probability(n) == pytest.approx(float(expected), rel=1e-12)
    gaps = [abs(theory.tail_event_probability(10**k) - 1 / 3) * 10**k for k in (3, 5, 7)]
    assert gaps[2] == pytest.approx(gaps[1], rel=1e-2)  # the limit is reached like 1/n


@pytest.mark.parametrize(
    ("claim", "value", "expected", "digits"),
    [
        ("GOLD-MEAN", lambda: theory.golden_variance(theory.golden_weight(1)), 0.618034, 6),
        ("GOLD-KALMAN", lambda: theory.golden_weights(1)[0], 2 / 3, 12),
        ("GOLD-VAR", lambda: theory.weighted_variance_limit(0.618, 30, 30), 0.0431, 4),
        ("DD-ARE", lambda: theory.augment_efficiency(2), 0.8, 12),
        ("RISK-CONST", lambda: 10 * theory.inbreeding_accumulate_limit(10), 1.56564, 5),
        ("mad-augmentation-fixed-real", lambda: theory.fixed_real_mean_variance(2), 1.4, 12),
        ("BS-T5.1", lambda: theory.tail_event_probability(10**9), 1 / 3, 8),
    ],
)
def test_worked_examples_of_the_catalogue(claim, value, expected, digits):
    assert round(float(value()), digits) == pytest.approx(round(expected, digits)), claim


def test_refusals():
    with pytest.raises(ValueError, match="weight must be > 0 and <= 1, got 0"):
        theory.golden_variance(0.0)
    with pytest.raises(ValueError, match="ratio must be > 0, got -1"):
        theory.golden_weight(-1)
    with pytest.raises(ValueError, match="n must be >= 2, got 1"):
        theory.weighted_variance_limit(0.5, 1, 5)
    with pytest.raises(ValueError, match=r"fraction must be the share of synthetic points .*got None"):
        theory.inflation_constant("fixed_real")
    with pytest.raises(ValueError, match="fraction must be None for accumulate"):
        theory.inflation_constant("accumulate", fraction=0.5)
    with pytest.raises(
        ValueError, match="plan must be one of 'replace', 'accumulate', 'subsample', 'fixed_real', got 'x'"
    ):
        theory.inflation_constant("x")
    with pytest.raises(ValueError, match="generations must be >= 1, got 0"):
        theory.augment_efficiency(0)
    with pytest.raises(ValueError, match=r"t must be >= 1 .*got 0"):
        theory.fixed_real_mean_variance(1.0, 0)
