"""Where the collapsed model sits: limit laws, and the exact laws of finite n that tend to them."""

import mpmath as mp
import numpy as np
import pytest

from modelcollapse import theory
from modelcollapse.theory import MeanLaw


def test_medians_and_means_of_the_catalogue():
    unbiased, mle = (theory.landing_law(estimator=e) for e in ("unbiased", "mle"))
    assert unbiased.isf(0.25) == pytest.approx(np.sqrt(2 / 3), rel=1e-12)
    quartile = float(
        mp.findroot(lambda x: mp.mpf(1) / 4 - mp.quad(lambda u: mp.mpf(3) / 8 * (1 + u * u / 4) ** -2.5, [0, x]), 0.74)
    )
    assert mle.isf(0.25) == pytest.approx(quartile / np.sqrt(2), rel=1e-11)
    assert mle.var() == pytest.approx(1, rel=1e-14)
    assert unbiased.var() == np.inf
    for law, mean in ((unbiased, np.sqrt(2)), (mle, 1 / np.sqrt(2))):
        found = 2 * mp.quad(lambda x, law=law: x * mp.mpf(float(law.pdf(float(x)))), [0, 1, 3, 10, 100, 1e4, 1e7])
        assert float(found) == pytest.approx(mean, rel=1e-5)
    shifted = theory.landing_law(estimator="mle", mean=3.0, variance=4.0)
    assert shifted.isf(0.25) == pytest.approx(3 + 2 * mle.isf(0.25), rel=1e-12)
    assert theory.limit_w2_law(estimator="unbiased").median() == pytest.approx(5 / 3, rel=1e-12)
    assert theory.limit_w2_law(estimator="mle", variance=2.0).median() == pytest.approx(2 + quartile**2, rel=1e-10)


def test_distance_is_the_square_of_the_place():
    for estimator in ("unbiased", "mle"):
        place, distance = theory.landing_law(estimator=estimator), theory.limit_w2_law(estimator=estimator)
        x = np.array([0.1, 1.0, 4.0])
        np.testing.assert_allclose(distance.sf(1 + x**2), 2 * place.sf(x), rtol=1e-10)
    assert theory.limit_expected_w2_squared(estimator="mle") == theory.limit_w2_law(estimator="mle").mean() == 2
    assert theory.limit_expected_w2_squared(estimator="unbiased") == np.inf
    assert theory.expected_w2_squared(10, 10**5, estimator="mle") == pytest.approx(2, rel=1e-12)


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
def test_exact_law_tends_to_students(estimator):
    x, student, last = np.array([0.2, 0.8, 2.0, 6.0]), theory.landing_law(estimator=estimator), 1.0
    for n in (10, 40, 160):
        miss = np.abs(MeanLaw(n, estimator=estimator).sf(x) / student.sf(x) - 1).max()
        assert miss < last / 2
        last = miss
    assert last < 0.02


@pytest.mark.parametrize(("n", "estimator"), [(3, "unbiased"), (10, "unbiased"), (5, "mle"), (10, "mle")])
def test_tail_index_of_the_exact_law(n, estimator):
    """The slope of log P(|mu - mu_0| > x) on log x, far out."""
    law = MeanLaw(n, estimator=estimator)
    x = np.array([1e3, 2e3]) if estimator == "unbiased" else np.array([200.0, 400.0])
    slope = np.diff(law.logsf(x))[0] / np.log(2)
    assert -slope == pytest.approx(theory.tail_index(n, estimator=estimator), rel=2e-3)


def test_refusals():
    with pytest.raises(ValueError, match="estimator must be one of 'unbiased', 'mle', got 'ml'"):
        theory.landing_law(estimator="ml")
    with pytest.raises(ValueError, match=r"trace must be a finite number > 0, got 0\."):
        theory.limit_expected_w2_squared(estimator="mle", trace=0.0)
