"""The law of one draw and of the mean of a model: against mpmath, exact moments, and each other; tail mass."""

import mpmath as mp
import numpy as np
import pytest
import scipy.stats

from modelcollapse import theory
from modelcollapse.theory import DrawLaw, MeanLaw, TailMassLaw

ESTIMATORS = ["unbiased", "mle"]
POINTS = [-150, -60, -30, -15, -8, -4, -2, -1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n", [2, 3, 10, 100])
def test_one_fit_against_mpmath(n, estimator):
    """X_1 is normal with variance 1/n + S."""
    one = DrawLaw(n, 1, estimator=estimator)
    with mp.workdps(25):
        a, div = mp.mpf(n - 1) / 2, n - (estimator == "unbiased")
        for x, tolerance in ((0.0, 1e-12), (1.0, 1e-12), (6.0, 1e-12), (12.0, 1e-7)):

            def spread(u):
                return 2 * mp.exp(u) / div + mp.mpf(1) / n

            def weight(u):
                return mp.exp(a * u - mp.exp(u) - mp.loggamma(a))

            edges = [mp.log(a) + p for p in POINTS]
            tail = mp.quad(lambda u, x=x: weight(u) * mp.erfc(x / mp.sqrt(2 * spread(u))) / 2, edges)
            density = mp.quad(lambda u, x=x: weight(u) * mp.npdf(x, 0, mp.sqrt(spread(u))), edges)
            assert float(one.sf(x) / tail) == pytest.approx(1, abs=tolerance)
            assert float(one.pdf(-x) / density) == pytest.approx(1, abs=tolerance)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(("n", "t"), [(3, 4), (10, 30), (100, 100), ((4, 9, 3, 50), 4)], ids=str)
def test_variance_and_kurtosis_are_integrals_of_the_law(n, t, estimator):
    for found in (DrawLaw(n, t, estimator=estimator), MeanLaw(n, t, estimator=estimator)):
        weights, spread = np.exp(found._log_weights), found._sd**2
        assert weights.sum() == pytest.approx(1, rel=1e-13)
        assert weights @ spread == pytest.approx(found.var(), rel=1e-12)
        assert 3 * (weights @ spread**2) / found.var() ** 2 - 3 == pytest.approx(found.kurtosis(), rel=1e-10)
    x, w = np.polynomial.legendre.leggauss(200)
    found = DrawLaw(100, 20, estimator=estimator)  # and of the tabulated density itself
    assert 5 * w @ found.pdf(5 * x) == pytest.approx(found.cdf(5) - found.cdf(-5), rel=1e-12)


def test_published_moments():
    """SHU-1D-VAR: 1 + t/n, excess kurtosis 6 / ((n - 1)(1 + 1/n)^2) of the first draw, constant for the mle."""
    assert theory.draw_variance(100, 10, estimator="unbiased") == pytest.approx(1.1, rel=1e-14)
    np.testing.assert_array_equal(theory.draw_variance(7, np.arange(5), estimator="mle", variance=2.0), 2.0)
    for n in (2, 5, 100, 10**6):
        assert theory.draw_excess_kurtosis(n, 1, estimator="unbiased") == pytest.approx(
            6 / ((n - 1) * (1 + 1 / n) ** 2), rel=1e-13
        )
    assert theory.draw_excess_kurtosis(9, 0, estimator="mle") == 0
    values = theory.draw_excess_kurtosis(2, np.arange(2000), estimator="unbiased")
    assert values[-1] == np.inf
    assert not np.isnan(values).any()


def test_kurtosis_by_the_recursion_of_the_mixing_variable():
    """E V^2 from V <- 1/n + S V, run backwards along a schedule: another order, another formula."""
    sizes = [4, 9, 3, 50, 7]
    for estimator in ESTIMATORS:
        first = second = 1.0
        for n in reversed(sizes):
            div = n - (estimator == "unbiased")
            M1, M2 = (n - 1) / div, (n - 1) * (n + 1) / div**2
            first, second = 1 / n + M1 * first, 1 / n**2 + 2 * M1 * first / n + M2 * second
        assert theory.draw_excess_kurtosis(sizes, 5, estimator=estimator) == pytest.approx(
            3 * (second / first**2 - 1), rel=1e-13
        )


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_first_mean_is_normal_and_second_is_known(estimator):
    first = MeanLaw(4, 1, estimator=estimator, mean=1.0, variance=9.0)
    x = np.linspace(-5, 8, 30)
    np.testing.assert_allclose(first.pdf(x), scipy.stats.norm(1, 1.5).pdf(x), rtol=1e-12)
    np.testing.assert_allclose(first.cdf(x), scipy.stats.norm(1, 1.5).cdf(x), rtol=1e-12)
    second = MeanLaw(4, 2, estimator=estimator)
    # P_2 = 1/4 + S_1/4: a quarter of the mixing variable of a draw with 1/n replaced by 1
    a, div = 1.5, 4 - (estimator == "unbiased")
    u, w = scipy.special.roots_genlaguerre(160, a - 1)
    sd = np.sqrt(0.25 + u * 2 / div / 4)
    for x in (0.0, 0.4, 2.0):
        expected = w @ scipy.stats.norm.sf(x / sd) / w.sum()
        assert second.sf(x) == pytest.approx(expected, rel=1e-9)


def test_quantiles_symmetry_and_scale():
    found = DrawLaw(10, 20, estimator="mle", mean=3.0, variance=4.0)
    standard = DrawLaw(10, 20, estimator="mle")
    q = np.concatenate([np.linspace(0.001, 0.999, 99), 10.0 ** -np.arange(4, 30, 3.0)])
    np.testing.assert_allclose(found.cdf(found.ppf(q)), q, rtol=1e-9)
    np.testing.assert_allclose(found.ppf(q), 3 + 2 * standard.ppf(q), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(standard.isf(q), -standard.ppf(q), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.cdf(3 - q), found.sf(3 + q), rtol=1e-13)
    assert found.median() == 3.0
    with pytest.raises(ValueError, match=r"q must be at least .* away from 0 and 1"):
        found.ppf(1e-200)
    narrow = DrawLaw(100, 5, estimator="mle")
    assert 0 < narrow.sf(30.0) < narrow.sf(20.0) < 1e-20


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n", [3, 10, 100])
def test_limit_of_the_mean_solves_its_equation(n, estimator):
    """Z / sqrt(n) + sqrt(S) M' has the law of M; and long chains come to it."""
    limit = MeanLaw(n, estimator=estimator)
    a, div = (n - 1) / 2, n - (estimator == "unbiased")
    S = scipy.stats.gamma(a, scale=2 / div)
    weights, spread = np.exp(limit._log_weights), limit._sd**2
    x, w = np.polynomial.legendre.leggauss(60)
    x, w = (x + 1) / 2, w / 2  # quantiles of S by a smooth change of variable
    u = x**4 * (35 - 84 * x + 70 * x**2 - 20 * x**3)
    du = 140 * x**3 * (1 - x) ** 3
    s = S.ppf(u)
    for a in (0.3, 1.0, 3.0):
        mixed = (w * du) @ (scipy.special.ndtr(-a / np.sqrt(1 / n + np.outer(s, spread))) @ weights)
        assert limit.sf(a) == pytest.approx(mixed, rel=3e-7)
    if estimator == "mle":
        assert weights @ spread == pytest.approx(1, rel=1e-11)
        np.testing.assert_allclose(MeanLaw(n, 30 * n, estimator="mle").sf([0.5, 2.0]), limit.sf([0.5, 2.0]), rtol=1e-9)
    else:
        assert limit.var() == np.inf


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_expected_tail_mass_is_the_law_of_a_draw(estimator):
    t = np.array([0, 1, 5, 30])
    found = theory.expected_tail_mass(10, t, beyond=6.0, estimator=estimator, variance=4.0)
    expected = [2 * DrawLaw(10, int(k), estimator=estimator).sf(3.0) if k else 2 * scipy.stats.norm.sf(3) for k in t]
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    sizes = [4, 9, 3, 50, 7]
    found = theory.expected_tail_mass(sizes, np.arange(6), beyond=3.0, estimator=estimator)
    np.testing.assert_allclose(found[5], 2 * DrawLaw(sizes, 5, estimator=estimator).sf(3.0), rtol=1e-11)
    assert theory.expected_tail_mass(10, 5, beyond=6.0, estimator=estimator, variance=4.0).shape == ()


def test_tail_mass_around_the_own_mean():
    tail = TailMassLaw(8, 12, beyond=2.0, estimator="mle", variance=1.5)
    chain = theory.LogVarianceLaw(8, 12, estimator="mle", variance=1.5)
    q = np.array([0.3, 0.5, 0.8, 0.99])
    np.testing.assert_allclose(tail.ppf(q), 2 * scipy.stats.norm.sf(2 / np.exp(chain.ppf(q) / 2)), rtol=1e-12)
    np.testing.assert_allclose(tail.cdf(tail.ppf(q)), q, rtol=1e-9)
    x = tail.ppf(0.8)
    h = 1e-4 * x
    assert (tail.cdf(x + h) - tail.cdf(x - h)) / (2 * h) == pytest.approx(tail.pdf(x), rel=1e-6)
    u, w = np.polynomial.legendre.leggauss(400)
    u = (u + 1) / 2
    q, dq = np.minimum(u**4 * (35 - 84 * u + 70 * u**2 - 20 * u**3), 1 - 1e-16), 140 * u**3 * (1 - u) ** 3
    assert tail.mean() == pytest.approx((w / 2 * dq) @ tail.ppf(q), rel=1e-10)
    assert tail.var() > 0
    assert tail.support() == (0.0, 1.0)
    assert tail.cdf(1.5) == 1


def test_refusals():
    with pytest.raises(ValueError, match=r"t must be an integer >= 1 .*got 0\."):
        DrawLaw(10, 0, estimator="mle")
    with pytest.raises(ValueError, match="n must be one integer for the limit"):
        MeanLaw([3, 4], estimator="mle")
    with pytest.raises(ValueError, match=r"beyond must be a finite number > 0, got 0\."):
        theory.expected_tail_mass(10, 1, beyond=0.0, estimator="mle")
    with pytest.raises(ValueError, match="estimator must be one of 'unbiased', 'mle', got 'ml'"):
        DrawLaw(10, 1, estimator="ml")
