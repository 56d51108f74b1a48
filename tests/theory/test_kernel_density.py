"""Moments of refitted kernel density estimates: worked examples, mpmath, enumeration, limits, and the recursion."""

import itertools

import mpmath as mp
import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse import theory

REGIMES = [
    mc.Replace(5), mc.Replace((5, 9, 2, 30, 7, 7, 3, 4)), mc.Accumulate(6), mc.Accumulate((3, 9, 2, 5, 5, 5, 1, 1), 4),
    mc.Subsample(4, 9), mc.FixedReal(6, 3), mc.FixedReal(6, 3, 11), mc.FreshReal(9, 2), mc.Mix(7, 0.2), mc.Window(4, 3),
    mc.Window((4, 3, 5, 2, 6, 1, 2, 8), 2, 5),
]  # fmt: skip


def test_worked_examples():
    assert round(float(theory.kde_growth(20)), 4) == 1.2721
    assert theory.kde_growth(2) < 1 < theory.kde_growth(3)
    assert theory.kde_variance_limit(100, bandwidth=0.3) == pytest.approx(99 * 0.09, rel=1e-15)
    assert theory.kde_second_moment_replace(11, bandwidth=0.3) == pytest.approx(1 + 10 * 0.09, rel=1e-15)
    H = sum(1 / i for i in range(1, 31))
    assert theory.kde_second_moment_accumulate(30, bandwidth=0.3) == pytest.approx(1 + 0.09 * (H - 1), rel=1e-14)


@pytest.mark.parametrize("regime", REGIMES, ids=str)
@pytest.mark.parametrize("population", [None, 40])
def test_without_a_kernel_it_is_inbreeding(regime, population):
    W, M = theory.kde_moments(regime, 8, 0.0, population=population)
    np.testing.assert_allclose(W, theory.retained(regime, 8, population=population), rtol=1e-13)
    np.testing.assert_allclose(M, theory.inbreeding(regime, 8, population=population), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("n", [2, 10, 1000, 10**8])
def test_replace_closed_forms_against_mpmath(n):
    with mp.workdps(60):
        h2, s2, keep = mp.mpf("0.3") ** 2, mp.mpf(2), 1 - mp.mpf(1) / n
        for t in (1, 2, 3, 7, 50, 10**4, 10**6):
            W = keep**t * s2 + (n - 1) * h2 * (1 - keep ** (t - 1))
            options = {"bandwidth": 0.3, "variance": 2.0}
            got = theory.kde_variance_replace(n, t, **options)
            assert got == pytest.approx(float(W), rel=1e-12)
            second = theory.kde_second_moment_replace(t, **options)
            assert second == pytest.approx(float(s2 + (t - 1) * h2), rel=1e-14)
            M = theory.kde_mean_error_replace(n, t, **options)
            assert pytest.approx(float(s2 + (t - 1) * h2 - W), rel=1e-12) == M


def test_the_cancelling_part_of_the_mean_error():
    with mp.workdps(60):
        for n in (10, 10**3, 10**6, 10**9):
            for t in (2, 3, 8, n // 1000 + 1, n // 900 + 1, n // 10 + 1):
                want = (t - 1) - (n - 1) * (1 - (1 - mp.mpf(1) / n) ** (t - 1))
                got = theory.kde_mean_error_replace(n, t, bandwidth=1.0, variance=0.0)
                assert got == pytest.approx(float(want), rel=1e-12)


@pytest.mark.parametrize("bandwidth", [0.3, 5.0])
def test_the_recursion_gives_the_closed_forms(bandwidth):
    t = np.arange(201)
    W, M = theory.kde_moments(mc.Replace(12), 200, bandwidth, variance=3.0)
    options = {"bandwidth": bandwidth, "variance": 3.0}
    np.testing.assert_allclose(W, theory.kde_variance_replace(12, t, **options), rtol=1e-12)
    np.testing.assert_allclose(M, theory.kde_mean_error_replace(12, t, **options), rtol=1e-12)
    np.testing.assert_allclose(W[-1], theory.kde_variance_limit(12, bandwidth=bandwidth), rtol=1e-5)
    np.testing.assert_allclose(np.diff(M)[-1], bandwidth**2, rtol=1e-5)
    W, M = theory.kde_moments(mc.Accumulate(12), 200, bandwidth, variance=3.0)
    np.testing.assert_allclose((W + M)[1:], theory.kde_second_moment_accumulate(t, **options)[1:], rtol=1e-12)
    slow = theory.kde_second_moment_accumulate(10**6, **options) - theory.kde_second_moment_accumulate(10**3, **options)
    assert slow == pytest.approx(bandwidth**2 * np.log(1000), rel=1e-3)


@pytest.mark.parametrize("dim", [1, 2, 7])
@pytest.mark.parametrize("rule", ["silverman", "scott"])
def test_rules_grow_geometrically(rule, dim):
    n = 40
    W, M = theory.kde_moments(mc.Replace(n), 300, rule, variance=2.0, dim=dim)
    c = theory.kde_bandwidth_factor(1, rule=rule, dim=dim)
    np.testing.assert_allclose(W[2:] / W[1:-1], theory.kde_growth(n, c=c, dim=dim), rtol=1e-12)
    assert theory.kde_growth(n, c=c, dim=dim) > 1
    # the mean follows: its steps are W_t plus the kernel, over n
    b = theory.kde_bandwidth_factor(n, rule=rule, dim=dim) ** 2
    np.testing.assert_allclose(np.diff(M)[1:], W[1:-1] * (1 + b) / n, rtol=1e-11)
    by_function, _ = theory.kde_moments(
        mc.Replace(n), 300, lambda size: theory.kde_bandwidth_factor(size, rule=rule, dim=dim), variance=2.0
    )
    np.testing.assert_allclose(by_function, W, rtol=1e-14)


def test_the_neutral_bandwidth_keeps_the_variance():
    W, _ = theory.kde_moments(mc.Replace(30), 50, theory.kde_neutral_factor, variance=2.0)
    np.testing.assert_allclose(W[1:], W[1], rtol=1e-13)
    c = theory.kde_neutral_factor(30) * 30**0.2
    assert theory.kde_growth(30, c=c) == pytest.approx(1, rel=1e-14)


def test_scaling_and_additivity():
    # a change of unit, and linearity in (variance, squared bandwidth)
    for regime in REGIMES:
        W, M = theory.kde_moments(regime, 8, 0.3, variance=2.0)
        big = theory.kde_moments(regime, 8, 3.0, variance=200.0)
        np.testing.assert_allclose(big, (100 * W, 100 * M), rtol=1e-12)
        none = theory.kde_moments(regime, 8, 0.0, variance=2.0)
        twice = theory.kde_moments(regime, 8, 0.3 * 2**0.5, variance=2.0)
        np.testing.assert_allclose(np.array(twice) - none, 2 * (np.array((W, M)) - none), atol=1e-12)


def test_real_points_bound_the_growth():
    # Replace and Window diverge linearly, Accumulate slowly; a share of real points keeps the second moment finite
    regimes = [mc.Replace(20), mc.Window(20, 2), mc.Accumulate(20), mc.FixedReal(20, 20), mc.FreshReal(20, 10)]
    second = [sum(theory.kde_moments(r, 400, 0.5)) for r in regimes]
    assert second[0][-1] > second[1][-1] > second[2][-1] > second[4][-1]
    for curve in second[3:]:
        assert abs(curve[-1] - curve[-2]) < 1e-10
    # FreshReal, exactly: the fixed point of Q = 1/2 + (Q + h^2)/2 is 1 + h^2
    assert second[4][-1] == pytest.approx(1.25, rel=1e-12)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_sd_of_the_first_variance_by_enumeration(n):
    values = np.array([0.0, 1.0, 5.0, 6.5])
    first = np.array([np.var(sample) for sample in itertools.product(values, repeat=n)])
    centred = values - values.mean()
    variance, kurtosis = (centred**2).mean(), (centred**4).mean() / (centred**2).mean() ** 2
    sd = theory.kde_variance_sd(n, 1, 0.5, variance=variance, kurtosis=kurtosis)
    assert sd[1] == pytest.approx(first.std(), rel=1e-12)


def test_sd_against_the_gaussian_chain():
    # a normal truth: the first variance is a chi-square
    for n in (2, 10, 1000):
        sd = theory.kde_variance_sd(n, 1, 0.5, variance=2.0)
        assert sd[1] == pytest.approx(theory.sd_of_variance(n, 1, estimator="mle", variance=2.0), rel=1e-12)
    # two points +-a (variance a^2): a draw is +-a + hz, and W' = (x - y)^2 / 4 with known second moment
    h = 0.7
    sd = theory.kde_variance_sd(2, 2, h, variance=1.0, kurtosis=1.0)
    s2 = m4 = 0.0
    for first in ((1, 1), (1, -1), (-1, 1), (-1, -1)):  # the first training set, drawn from +-1
        for x, y in itertools.product(first, repeat=2):  # which points of it are picked
            d, v = x - y, 2 * h * h  # the difference is normal around d
            s2 += (d**2 + v) / 4 / 16
            m4 += (d**4 + 6 * d * d * v + 3 * v * v) / 16 / 16
    assert theory.kde_variance_replace(2, 2, bandwidth=h) == pytest.approx(s2, rel=1e-13)
    assert sd[2] == pytest.approx((m4 - s2**2) ** 0.5, rel=1e-12)


def test_sd_is_free_of_the_unit_and_of_cancellation():
    a = theory.kde_variance_sd((5, 9, 4), 3, 0.5, variance=1.0)
    np.testing.assert_allclose(theory.kde_variance_sd((5, 9, 4), 3, 5.0, variance=100.0), 100 * a, rtol=1e-13)
    large = theory.kde_variance_sd(10**12, 3, 1e-9)
    np.testing.assert_allclose(large[1:], np.sqrt(2 * np.arange(1, 4) / 1e12), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: theory.kde_growth(0), ValueError, "n must be >= 1"),
        (lambda: theory.kde_neutral_factor(1), ValueError, "n must be >= 2"),
        (lambda: theory.kde_variance_replace(10, 1.5, bandwidth=1.0), TypeError, "t must be an integer"),
        (lambda: theory.kde_variance_replace(10, -1, bandwidth=1.0), ValueError, "t must be >= 0"),
        (lambda: theory.kde_variance_limit(10, bandwidth=-1.0), ValueError, "bandwidth must be a finite number >= 0"),
        (lambda: theory.kde_moments(mc.Replace(5), 3, "sheather"), ValueError, "one of 'silverman', 'scott'"),
        (
            lambda: theory.kde_moments(mc.Replace(5), 3, 0.5, variance=0.0),
            ValueError,
            "variance must be a finite number > 0",
        ),
        (lambda: theory.kde_moments(mc.Replace(5), 3, 0.5, population=4), ValueError, "population must be >= 5"),
        (lambda: theory.kde_variance_sd(5, 3, 0.5, kurtosis=0.5), ValueError, "kurtosis must be a finite number >= 1"),
    ],
)
def test_outside_the_domain(call, error, message):
    with pytest.raises(error, match=message):
        call()
