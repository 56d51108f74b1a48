"""Symmetric functions, Lyapunov exponents, lower bounds, schedules; and the loops with sampling bias."""

import math
from itertools import combinations

import mpmath as mp
import numpy as np
import pytest

from modelcollapse import theory
from modelcollapse.regimes import FreshReal

ESTIMATORS = ["unbiased", "mle"]
COV = np.array([[4.0, 1.0, 0.5], [1.0, 2.0, 0.3], [0.5, 0.3, 1.0]])


def test_symmetric_functions_are_sums_of_minors():
    minors = [sum(np.linalg.det(COV[np.ix_(s, s)]) for s in combinations(range(3), j)) for j in range(1, 4)]
    np.testing.assert_allclose(theory.esym(COV), [1.0, *minors], rtol=1e-12)
    values = np.array([4.0, 2.0, 1.0, 0.5])
    np.testing.assert_allclose(theory.esym(values), np.abs(np.poly(values)), rtol=1e-14)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_expected_symmetric_functions(estimator):
    """Each j against the factor of the catalogue; trace and determinant against their own formulas."""
    n, nu, t = 13, 12, 6
    div = n - (estimator == "unbiased")
    found = theory.expected_esym([4.0, 2.0, 1.0, 0.5], n, t, estimator=estimator)
    factors = [mp.mpf(math.factorial(nu)) / math.factorial(nu - j) / mp.mpf(div) ** j for j in range(5)]
    expected = [float(e * f**t) for e, f in zip(theory.esym([4.0, 2.0, 1.0, 0.5]), factors, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    if estimator == "unbiased":
        assert found[1] == pytest.approx(7.5, rel=1e-14)  # G-ESYM
        eigenvalues = theory.wright_fisher_eigenvalues(nu)
        np.testing.assert_allclose(
            theory.expected_esym(np.ones(4), n, 1, estimator=estimator)[1:] / theory.esym(np.ones(4))[1:],
            eigenvalues[1:5],
            rtol=1e-12,
        )
    det = theory.expected_det(n, t, dim=4, estimator=estimator)
    assert found[4] == pytest.approx(4 * det, rel=1e-12)
    few = theory.expected_esym(np.ones(4), 3, np.arange(3), estimator=estimator)
    assert few.shape == (3, 5)
    np.testing.assert_array_equal(few[0], [1, 4, 6, 4, 1])
    assert (few[1:, 3:] == 0).all()  # three points span a plane
    schedule = theory.expected_esym(COV, [5, 9], 2, estimator=estimator)
    step = theory.expected_esym(COV, 5, 1, estimator=estimator) * theory.expected_esym(COV, 9, 1, estimator=estimator)
    np.testing.assert_allclose(schedule, step / theory.esym(COV), rtol=1e-13)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_trace_moments_are_those_of_the_wishart_law(estimator):
    """One fit: Wishart second moments; several: the same map again (its arguments are the two traces)."""
    n, nu = 9, 8
    div = n - (estimator == "unbiased")
    square, total = np.trace(COV @ COV), np.trace(COV) ** 2
    for t in range(1, 4):
        square, total = (nu * (nu + 1) * square + nu * total) / div**2, (nu**2 * total + 2 * nu * square) / div**2
        found = theory.expected_trace_moments(COV, n, t, estimator=estimator)
        np.testing.assert_allclose(found, [square, total], rtol=1e-12)
    e2 = theory.expected_esym(COV, n, 3, estimator=estimator)[2]
    assert (total - square) / 2 == pytest.approx(e2, rel=1e-12)
    one = theory.expected_trace_moments([2.0], n, np.arange(4), estimator=estimator)
    np.testing.assert_allclose(one[0], one[1], rtol=1e-13)
    np.testing.assert_allclose(one[0], [4 * ((nu * (nu + 2)) / div**2) ** t for t in range(4)], rtol=1e-13)


def test_lyapunov_picture():
    exponents = theory.lyapunov_exponents(10, dim=5, estimator="mle")
    assert theory.log_condition_growth(10, dim=5) == pytest.approx(exponents[0] - exponents[-1], rel=1e-12)
    assert theory.log_condition_growth(10**6, dim=5) == pytest.approx(4e-6, rel=1e-5)
    variances = theory.lyapunov_variances(10, dim=5)
    np.testing.assert_allclose(variances, [float(mp.psi(1, mp.mpf(10 - k) / 2)) for k in range(1, 6)], rtol=1e-13)
    assert variances.sum() == pytest.approx(theory.log_det_var(10, 1, dim=5), rel=1e-13)
    rank = theory.typical_effective_rank(50, np.array([0, 10, 100, 10_000]), dim=5)
    assert rank[0] == pytest.approx(5, rel=1e-14)
    assert (np.diff(rank) < 0).all()
    assert rank[-1] == pytest.approx(1, abs=1e-12)
    part = theory.typical_effective_rank(50, 40, dim=5, definition="participation")
    share = np.exp(40 * theory.lyapunov_exponents(50, dim=5, estimator="unbiased"))
    assert part == pytest.approx(share.sum() ** 2 / (share**2).sum(), rel=1e-13)
    assert part < theory.typical_effective_rank(50, 40, dim=5)


def test_lower_bounds():
    t = np.arange(1, 30)
    published = theory.w2_mean_lower_bound(20, t, trace=3.0)
    sharper = theory.w2_lower_bound(20, t, estimator="unbiased", trace=3.0)
    np.testing.assert_allclose(published, 3 * t / 20, rtol=1e-13)
    assert (sharper > published).all()
    np.testing.assert_allclose(sharper, 3 * theory.expected_w2_squared(20, t, estimator="unbiased"), rtol=1e-14)
    # below the expansion of one fit in d dimensions, equal to it for d = 1
    for dim in (1, 2, 10):
        bound, expansion = (
            theory.w2_lower_bound(10**6, 1, estimator="unbiased", trace=dim),
            theory.real_w2_squared(10**6, dim=dim),
        )
        assert bound <= expansion * (1 + 1e-5)
    assert theory.w2_lower_bound(10**6, 1, estimator="unbiased") == pytest.approx(
        theory.real_w2_squared(10**6, dim=1), rel=1e-5
    )


def test_schedules():
    assert [theory.collapses(power=p, log_power=q) for p, q in [(0, 0), (1, 0), (1, 1), (1, 2), (1.1, 0), (2, 0)]] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    for c in (1.0001, 2.0, 3.5, 20.0, 625.0):
        for t in (1, 2, 15, 16, 50, 1426):  # where gamma functions of t would cancel
            product = mp.fprod(1 - 1 / (mp.mpf(c) * i) for i in range(1, t + 1))
            assert theory.linear_schedule_retained(c, t) == pytest.approx(float(product), rel=1e-13)
    for c in (2.0, 3.5, 20.0):
        far = theory.linear_schedule_retained(c, 10**8) * 1e8 ** (1 / c)
        assert far == pytest.approx(1 / math.gamma(1 - 1 / c), rel=1e-6)
        sinc = np.sin(np.pi / np.sqrt(c)) / (np.pi / np.sqrt(c))
        assert theory.power_schedule_retained(c, 2.0) == pytest.approx(sinc, rel=1e-12)
        for power in (1.2, 1.5, 3.0, 4.0):
            with mp.workdps(30):
                expected = mp.exp(-mp.nsum(lambda k, c=c, p=power: mp.zeta(p * k) / k / mp.mpf(c) ** k, [1, mp.inf]))
            assert theory.power_schedule_retained(c, power) == pytest.approx(float(expected), rel=1e-12)
    assert round(theory.power_schedule_retained(20.0, 2.0), 5) == 0.91976  # SHU-1D-SUPERLIN
    assert theory.power_schedule_retained(20.0, 1.0) == theory.power_schedule_retained(1.0, 2.0) == 0
    np.testing.assert_array_equal(theory.linear_schedule_retained(1.0, [0, 1, 5]), [1, 0, 0])
    sizes = [3 * i for i in range(1, 31)]
    expected = theory.expected_variance(sizes, 30, estimator="mle")
    assert theory.linear_schedule_retained(3.0, 30) == pytest.approx(expected, rel=1e-12)
    # the typical variance falls with the exponents 1/c and 2/c
    for estimator, exponent in (("unbiased", 1 / 20), ("mle", 2 / 20)):
        half, full = (
            theory.log_variance_mean([20 * i for i in range(1, t + 1)], t, estimator=estimator) for t in (2000, 4000)
        )
        assert (half - full) / np.log(2) == pytest.approx(exponent, rel=1e-3)


# ------------------------------------------------------------------------------------------------- sampling bias


def test_fully_synthetic_loop_by_recursion():
    for bias in (0.3, 0.8, 1.0):
        variance, error = 1.0, 0.0
        for t in range(1, 9):
            variance, error = bias * variance, error + bias * variance / 10
            found = theory.biased_moments(10, t, bias=bias)
            np.testing.assert_allclose(found, [variance, error], rtol=1e-13)
            later = theory.biased_moments(10, t, bias=bias, first="real")
            np.testing.assert_allclose(later, [variance / bias, error / bias], rtol=1e-13)
    assert theory.biased_moments(10, 2, bias=0.8)[1] == pytest.approx(0.144, rel=1e-13)
    assert theory.biased_moments(10, 10**6, bias=0.8)[1] == pytest.approx(0.4, rel=1e-12)
    assert theory.biased_moments(10, 100, bias=1 - 1e-12)[1] == pytest.approx(10, rel=1e-9)
    assert theory.biased_log_variance_mean(10, 7, bias=1.0) == theory.log_variance_mean(10, 7, estimator="unbiased")
    assert theory.biased_log_variance_mean(10, 7, bias=0.5, first="real") == pytest.approx(
        theory.log_variance_mean(10, 7, estimator="unbiased") + 6 * np.log(0.5), rel=1e-13
    )
    assert theory.biased_expected_sd(10, 3, bias=0.64) == pytest.approx((0.8 * theory.c4(10)) ** 3, rel=1e-13)


def test_fresh_loop():
    t = np.arange(20)
    variance, error = theory.fresh_loop_moments(10, 20, t, n_first=30)
    expected = theory.moments(FreshReal(n=30, n_real=10), 19, estimator="unbiased")
    np.testing.assert_allclose(variance, expected[0], rtol=1e-12)
    np.testing.assert_allclose(error, expected[1], rtol=1e-12, atol=1e-16)
    for real, synthetic, bias in [(10, 20, 1.0), (10, 20, 0.5), (100, 900, 0.8), (1, 5, 1.0), (7, 0, 0.9)]:
        limit = theory.fresh_loop_limit(real, synthetic, bias=bias)
        for first in (2, 500):
            np.testing.assert_allclose(
                theory.fresh_loop_moments(real, synthetic, 20_000, bias=bias, n_first=first), limit, rtol=1e-10
            )
    assert round(theory.fresh_loop_limit(10, 20)[1], 5) == 0.0617  # mad-fresh-loop-moments
    assert theory.fresh_loop_limit(7, 0) == pytest.approx((1, 1 / 7), rel=1e-13)


def test_effective_sample_size():
    assert theory.effective_sample_size(10, 20) == pytest.approx(5 / 3, rel=1e-14)  # mad-effective-sample-size
    for synthetic in (0, 5, 10**6):
        assert 1 <= theory.effective_sample_size(10, synthetic) < 2
    real = 10**6
    assert theory.effective_sample_size(real, real, covariance="estimated") == pytest.approx(1.5, rel=1e-5)
    assert theory.effective_sample_size_w2(real, 0, dim=5) == pytest.approx(1, rel=1e-5)
    assert theory.effective_sample_size_w2(real, real, dim=5) > 1
    assert theory.effective_sample_size_w2(real, real, dim=5, bias=0.5) < 0.01


def test_threshold():
    assert theory.admissible_synthetic_limit(dim=5, bias=0.5) == pytest.approx(48, rel=1e-14)  # mad-phase-transition
    assert theory.admissible_synthetic_limit(dim=5, bias=1.0) == np.inf
    assert theory.admissible_synthetic(10**4, dim=5, bias=1.0) == np.inf
    for dim, bias in ((5, 0.5), (1, 0.2), (20, 0.8)):
        limit = theory.admissible_synthetic_limit(dim=dim, bias=bias)
        miss = [abs(theory.admissible_synthetic(n, dim=dim, bias=bias) / limit - 1) for n in (10**5, 10**6, 10**7)]
        assert miss[2] < miss[1] < miss[0]
        assert miss[2] < 1e-3
    root = theory.admissible_synthetic(1000, dim=5, bias=0.5)
    below, above = math.floor(root), math.ceil(root)
    assert theory.effective_sample_size_w2(1000, below, dim=5, bias=0.5) > 1
    assert theory.effective_sample_size_w2(1000, above, dim=5, bias=0.5) < 1


def test_refusals():
    with pytest.raises(ValueError, match=r"cov must have eigenvalues >= 0 .*got -1"):
        theory.esym([1.0, -1.0])
    with pytest.raises(ValueError, match=r"bias must be a finite number > 0 and <= 1 .*got 1\.5"):
        theory.biased_moments(10, 2, bias=1.5)
    with pytest.raises(ValueError, match=r"n_real \+ n_synthetic must be >= 2 .*got 1\."):
        theory.fresh_loop_limit(1, 0)
    with pytest.raises(ValueError, match="definition must be one of 'entropy', 'participation', got 'x'"):
        theory.typical_effective_rank(10, 2, dim=2, definition="x")
    with pytest.raises(ValueError, match=r"c must be a finite number >= 1 .*got 0\.5"):
        theory.linear_schedule_retained(0.5, 2)
    with pytest.raises(ValueError, match=r"n must be > 0, got 0\."):
        theory.real_w2_squared(0, dim=2)
