"""Poisson, negative binomial, exponential and spin models against many digits and exact chains."""

import mpmath
import numpy as np
import pytest
from scipy import stats

from modelcollapse import theory


def test_poisson_survival_to_many_digits():
    got = theory.poisson_survival(np.array([1e-9, 0.3, 10.0]), 10, 50)
    assert got.shape == (51, 3)
    np.testing.assert_array_equal(got[0], 1)
    with mpmath.workdps(40):
        g = mpmath.mpf(1)
        for t in range(1, 51):
            for k, rate in enumerate((1e-9, 0.3, 10.0)):
                assert got[t, k] == pytest.approx(float(-mpmath.expm1(-10 * mpmath.mpf(rate) * g)), rel=1e-12)
            g = -mpmath.expm1(-g)


def test_poisson_law_against_the_chain():
    """The totals are a Markov chain: Poisson with the mean of the last total."""
    rate, n, top = 0.3, 10, 200
    chain = stats.poisson.pmf(np.arange(top)[None, :], np.arange(top)[:, None])
    chain[0] = np.arange(top) == 0
    law = stats.poisson.pmf(np.arange(top), n * rate)
    for t in range(1, 6):
        got = theory.poisson_law(rate, n, t, 40)
        np.testing.assert_allclose(got, law[:40], atol=3e-15)
        assert 1 - got[0] == pytest.approx(theory.poisson_survival(rate, n, t)[t], abs=1e-14)
        law = law @ chain
    whole = theory.poisson_law(rate, n, 30, 4000)
    k = np.arange(4000)
    assert whole.sum() == pytest.approx(1, abs=1e-12)
    assert whole @ k == pytest.approx(n * rate, rel=1e-11)
    assert whole @ (k / n - rate) ** 2 == pytest.approx(theory.count_variance(rate, n, 30), rel=1e-8)


@pytest.mark.parametrize("r", [1.0, 2.5, 50.0])
def test_negative_binomial(r):
    """Total S' given S is negative binomial with rn and mean S."""
    mean, n, top = 0.2, 5, 900
    S = np.arange(top)
    chain = np.zeros((top, top))
    chain[0, 0] = 1
    chain[1:] = stats.nbinom.pmf(S[None, :], r * n, r * n / (r * n + S[1:, None]))
    law = stats.nbinom.pmf(S, r * n, r / (r + mean))
    bound = theory.count_survival_bound(mean, n, 6)
    assert bound[0] == 1
    for t in range(1, 7):
        assert 1 - law[0] <= bound[t]
        if t <= 3:
            assert law @ (S / n) == pytest.approx(mean, rel=1e-8)
            expected = theory.count_variance(mean, n, t, dispersion=r)
            assert law @ (S / n - mean) ** 2 == pytest.approx(expected, rel=1e-6)
        law = law @ chain
    if r == 50:
        np.testing.assert_allclose(1 - law[0], theory.count_survival_bound(mean, n, 7)[7], rtol=0.01)


def test_variance_of_counts_tends_to_poisson():
    t = np.arange(10)
    rough = theory.count_variance(2.0, 10, t, dispersion=1e12)
    np.testing.assert_allclose(rough, theory.count_variance(2.0, 10, t), rtol=1e-9)
    assert theory.count_variance(0.0, 10, 5, dispersion=1.0) == 0
    assert theory.count_variance(1.0, 2, 10**5, dispersion=0.1) == np.inf


def test_exponential_to_many_digits():
    with mpmath.workdps(40):
        for n in (1, 2, 9, 10, 37, 10**4, 10**9):
            step = mpmath.digamma(n) - mpmath.log(n)
            assert theory.exponential_log_mean(n, 7) == pytest.approx(float(7 * step), rel=1e-12)
            assert theory.exponential_log_variance(n, 7) == pytest.approx(float(7 * mpmath.polygamma(1, n)), rel=1e-12)
            for s in (-0.5, 0.5, 1, 1.5, 2, 3, 7, 9.5):
                log = mpmath.loggamma(n + mpmath.mpf(s)) - mpmath.loggamma(n) - s * mpmath.log(n)
                got = theory.exponential_moment(n, 3, s)
                assert got == pytest.approx(float(mpmath.exp(3 * log)), rel=1e-12), (n, s)


def test_exponential_is_a_gaussian_in_disguise():
    """Gamma(n, 1/n) is chi-square of 2n over 2n: the unbiased variance of 2n + 1 points."""
    n, t = np.array([1, 5, 100]), 9
    assert (theory.exponential_moment(n, t, 1) == 1).all()
    for i, m in enumerate(n.tolist()):
        mean = theory.log_variance_mean(2 * m + 1, t, estimator="unbiased")
        np.testing.assert_allclose(theory.exponential_log_mean(n, t)[i], mean, rtol=1e-13)
        np.testing.assert_allclose(
            theory.exponential_log_variance(n, t)[i], theory.log_variance_var(2 * m + 1, t), rtol=1e-13
        )
        second = theory.exponential_moment(m, t, 2) - 1
        assert second == pytest.approx(theory.relative_variance(2 * m + 1, t), rel=1e-12)
    assert theory.exponential_moment(3, 2, -3) == np.inf
    assert theory.exponential_moment(3, 0, -3) == 1
    assert theory.exponential_log_mean(10**6, 1) == pytest.approx(-1 / (2 * 10**6), rel=1e-6)


def test_spins_are_wright_fisher():
    m, spins, n = 0.2, 4, 3
    p = theory.spin_all_up(m)
    assert p == pytest.approx(theory.fixation_probability([(1 + m) / 2, (1 - m) / 2])[0])
    t = np.arange(30)
    H = theory.heterozygosity([p, 1 - p], theory.inbreeding_replace(spins * n, t))
    np.testing.assert_allclose(theory.spin_order(m, spins, n, t), 1 - 2 * H, rtol=1e-13)  # m^2 = 1 - 4 p (1 - p)
    assert theory.spin_order(m, spins, n, np.array(1e9)) == 1


@pytest.mark.parametrize(
    ("claim", "value", "expected", "digits"),
    [
        ("SUR-T2", lambda: theory.poisson_survival(1.0, 10, 2)[2], 0.9982, 4),
        ("JMR-MART", lambda: theory.exponential_log_mean(10, 1), -0.0508, 4),
    ],
)
def test_worked_examples_of_the_catalogue(claim, value, expected, digits):
    assert round(float(value()), digits) == expected, claim


def test_refusals():
    with pytest.raises(ValueError, match="rate must be > 0, got 0"):
        theory.poisson_survival(0.0, 10, 2)
    with pytest.raises(ValueError, match=r"t and rate \* n must be such that totals stay below"):
        theory.poisson_law(1.0, 10, 10**7, 5)
    with pytest.raises(ValueError, match=r"t must be an integer >= 1, got 0"):
        theory.poisson_law(1.0, 10, 0, 5)
    with pytest.raises(ValueError, match=r"dispersion must be > 0 .*got 0"):
        theory.count_variance(1.0, 10, 2, dispersion=0.0)
    with pytest.raises(ValueError, match="n must be >= 1, got 0"):
        theory.exponential_log_mean(0, 1)
    with pytest.raises(ValueError, match=r"magnetisation must be in \[-1, 1\] .*got -2"):
        theory.spin_order(-2.0, 3, 3, 1)
