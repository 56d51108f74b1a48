"""First passage, the largest variance, and the probability of not yet having collapsed."""

import mpmath as mp
import numpy as np
import pytest

from modelcollapse import theory
from modelcollapse.theory import LogVarianceLaw, passage

ESTIMATORS = ["unbiased", "mle"]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("n", "log_drop"), [(2, 1.0), (3, 4.0), (30, np.log(100)), ((4, 9, 3, 50, 7, 20), 0.7)], ids=str
)
def test_probability_and_survival_are_consistent(n, log_drop, estimator):
    T = 6 if isinstance(n, tuple) else 60
    probability, survival = theory.first_passage(n, T, log_drop=log_drop, estimator=estimator)
    np.testing.assert_allclose(probability.cumsum() + survival, 1, atol=1e-13)
    first = LogVarianceLaw(n, 1, estimator=estimator).cdf(-log_drop)
    assert probability[1] == pytest.approx(first, rel=1e-12)
    assert (probability[1:] > 0).all()
    assert probability[0] == 0
    # who is above the barrier at t has not gone below it at t
    above = [LogVarianceLaw(n, t, estimator=estimator).sf(-log_drop) for t in (2, 6)]
    assert (survival[[2, 6]] <= above).all()


@pytest.mark.parametrize(("n", "log_drop", "estimator"), [(2, 1.0, "mle"), (10, 0.5, "unbiased")])
def test_second_generation_against_mpmath(n, log_drop, estimator):
    a, div = mp.mpf(n - 1) / 2, n - (estimator == "unbiased")

    def density(y):
        return mp.exp(a * (y + mp.log(mp.mpf(div) / 2)) - mp.exp(y) * div / 2 - mp.loggamma(a))

    def falls(y):
        return mp.gammainc(a, 0, mp.exp(-log_drop - y) * div / 2, regularized=True)

    with mp.workdps(25):
        expected = mp.quad(lambda y: density(y) * falls(y), [-log_drop, -log_drop / 2, 0, 1, 2, 3, 5, 8])
    assert theory.first_passage(n, 2, log_drop=log_drop, estimator=estimator)[0][2] == pytest.approx(
        float(expected), rel=1e-12
    )


def test_third_generation_by_brute_force():
    """Two nested quadratures over the first two steps."""
    n, log_drop = 5, 1.0
    chain = LogVarianceLaw(n, 1, estimator="mle")
    x, w = np.polynomial.legendre.leggauss(120)
    y, w = (x + 1) / 2 * 5 - log_drop, w / 2 * 5
    alive = w * chain.pdf(y)
    rises = np.maximum(y[None, :] - y[:, None], -700)
    expected = alive @ chain.pdf(rises) @ (w * chain.cdf(-log_drop - y))
    found = theory.first_passage(n, 3, log_drop=log_drop, estimator="mle")[0][3]
    assert found == pytest.approx(expected, rel=1e-11)


def test_refinement_changes_nothing(monkeypatch):
    for n, T in ((3, 100), (200, 500)):
        coarse = theory.first_passage(n, T, log_drop=2.0, estimator="unbiased")
        monkeypatch.setattr(passage, "POINTS", 24)
        fine = theory.first_passage(n, T, log_drop=2.0, estimator="unbiased")
        monkeypatch.undo()
        np.testing.assert_allclose(coarse[1], fine[1], rtol=1e-11)
        seen = fine[0] > 1e-15
        np.testing.assert_allclose(coarse[0][seen], fine[0][seen], rtol=1e-10)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_moments_are_sums_of_the_law(estimator):
    mean, sd = theory.first_passage_moments(5, log_drop=1.5, estimator=estimator)
    probability, survival = theory.first_passage(5, 600, log_drop=1.5, estimator=estimator)
    t = np.arange(601)
    assert survival[-1] < 1e-10
    assert survival.sum() == pytest.approx(mean, rel=1e-9)
    assert (probability * (t - mean) ** 2).sum() == pytest.approx(sd**2, rel=1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_approximations_become_exact(estimator):
    """Wald's mean, the inverse Gaussian law and the limit of T/n, ever better with n."""
    log_drop, last = np.log(100), 1.0
    for n in (10, 40, 160):
        mean, sd = theory.first_passage_moments(n, log_drop=log_drop, estimator=estimator)
        miss = abs(theory.first_passage_wald(n, log_drop=log_drop, estimator=estimator) / mean - 1)
        assert miss < last / 2
        last = miss
    law = theory.first_passage_approximation(160, log_drop=log_drop, estimator=estimator)
    assert law.mean() == pytest.approx(mean, rel=2e-3)
    assert law.std() == pytest.approx(sd, rel=2e-3)
    survival = theory.first_passage(160, 800, log_drop=log_drop, estimator=estimator)[1]
    np.testing.assert_allclose(law.sf(np.arange(801) + 0.5), survival, atol=2e-3)
    limit = theory.first_passage_limit(log_drop=2.0, estimator=estimator)
    assert limit.mean() == pytest.approx({"unbiased": 2.0, "mle": 1.0}[estimator])
    assert limit.std() == pytest.approx({"unbiased": 2.0, "mle": np.sqrt(2) / 2}[estimator])
    far = theory.first_passage_approximation(10**8, log_drop=2.0, estimator=estimator)
    assert far.ppf(0.3) / 1e8 == pytest.approx(limit.ppf(0.3), rel=1e-3)


def test_overshoot_constant():
    assert pytest.approx(float(-mp.zeta(0.5) / mp.sqrt(2 * mp.pi)), rel=1e-15) == theory.OVERSHOOT
    assert round(np.log(100) / -theory.log_variance_mean(30, 1, estimator="unbiased"), 2) == 132.03


@pytest.mark.parametrize("n", [2, 3, 5, 10, 33, 100, 10**6, 10**12])
def test_exponent_against_mpmath(n):
    kappa = theory.sup_exponent(n, estimator="mle")
    with mp.workdps(60):
        a = mp.mpf(n - 1) / 2
        root = mp.findroot(lambda s: n * (mp.loggamma(a + s) - mp.loggamma(a) + s * mp.log(mp.mpf(2) / n)) / s, kappa)
    assert kappa == pytest.approx(float(root), rel=1e-12)
    assert theory.tail_index(n, estimator="mle") == 2 * kappa


def test_exponent_of_the_catalogue_and_bound():
    assert round(theory.sup_exponent(10, estimator="mle"), 4) == 2.0535
    np.testing.assert_array_equal(theory.sup_exponent([2, 10], estimator="unbiased"), [1.0, 1.0])
    assert theory.sup_bound(0.5, 10, estimator="mle") == 1
    np.testing.assert_allclose(theory.sup_bound([2.0, 4.0], 10**9, estimator="mle"), [1 / 4, 1 / 16], rtol=1e-8)
    for estimator in ESTIMATORS:  # it holds for the largest of the marginal probabilities
        exceed = max(LogVarianceLaw(10, t, estimator=estimator).sf(np.log(4)) for t in (1, 3, 10, 30))
        assert exceed <= theory.sup_bound(4.0, 10, estimator=estimator)


def test_not_yet_collapsed_is_below_every_bound():
    t = np.array([1, 5, 20, 60, 111, 200, 500])
    exact = theory.sd_exceeds(10, t, level=0.1, estimator="unbiased")
    published = theory.sd_exceeds_published(10, t, level=0.1)
    bertrand = theory.sd_exceeds_chernoff(10, t, level=0.1, estimator="unbiased", order=1.0)
    notebook = theory.sd_exceeds_chernoff(10, t, level=0.1, estimator="unbiased", order=0.7)
    best = theory.sd_exceeds_chernoff(10, t, level=0.1, estimator="unbiased")
    assert (exact <= best).all()
    assert (best <= np.minimum(notebook, bertrand) * (1 + 1e-12)).all()
    assert (bertrand <= published).all()
    np.testing.assert_allclose(bertrand, np.minimum(1, 10 * theory.c4(10) ** t), rtol=1e-12)
    assert round(published[4], 4) == 0.5807  # SUR-T3
    orders = np.linspace(0.01, 3, 300)
    least = min(theory.sd_exceeds_chernoff(10, 111, level=0.1, estimator="unbiased", order=s) for s in orders)
    assert best[4] <= least <= best[4] * (1 + 1e-3)
    normal = theory.sd_exceeds_normal(10, t[2:], level=0.1, estimator="unbiased")
    np.testing.assert_allclose(normal, exact[2:], atol=0.02)


def test_trivial_cases_of_the_probability():
    assert theory.sd_exceeds(10, 0, level=0.5, estimator="mle") == 1
    assert theory.sd_exceeds(10, 0, level=2.0, estimator="mle") == 0
    assert theory.sd_exceeds_chernoff(10, 0, level=0.5, estimator="mle") == 1
    assert theory.sd_exceeds(10, 3, level=0.2, estimator="mle", variance=4.0) == pytest.approx(
        theory.sd_exceeds(10, 3, level=0.1, estimator="mle"), rel=1e-12
    )
    expected = 1 - theory.SdLaw([4, 9, 5], 3, estimator="mle").cdf(0.7)
    assert theory.sd_exceeds([4, 9, 5], 3, level=0.7, estimator="mle") == pytest.approx(expected, rel=1e-12)


def test_refusals():
    with pytest.raises(ValueError, match=r"log_drop must be a finite number > 0, got 0\."):
        theory.first_passage(10, 5, log_drop=0.0, estimator="mle")
    with pytest.raises(ValueError, match="got 2 sizes"):
        theory.first_passage([4, 5], 3, log_drop=1.0, estimator="mle")
    with pytest.raises(ValueError, match=r"t must be >= 1 .*got 0\."):
        theory.sd_exceeds_normal(10, 0, level=0.1, estimator="mle")
    with pytest.raises(ValueError, match=r"c must be > 0, got -1\."):
        theory.sup_bound(-1.0, 10, estimator="mle")
    with pytest.raises(ValueError, match="outgrows memory"):
        theory.first_passage(10**12, 3, log_drop=1.0, estimator="mle")
