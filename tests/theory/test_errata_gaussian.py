"""Published statements about Gaussians that fail, and the forms that hold: no simulation needed."""

import numpy as np
import pytest
import scipy.stats

from modelcollapse import theory
from modelcollapse.regimes import FixedReal, Replace
from modelcollapse.theory import DrawLaw, MeanLaw, SdLaw

ESTIMATORS = ["unbiased", "mle"]
FAR = 10**7


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_err_1_expected_distance_of_the_preprint(estimator):
    """ERR-1: 1/n + .. + 1/n + 3/(2n) is right for one fit only; (3/2) sum 1/n_i (Nature SI, eq. 6) for all."""
    for t in (1, 2, 5, 40):
        exact = theory.expected_w2_squared(FAR, t, estimator=estimator) * FAR
        preprint, nature = t + 0.5, 1.5 * t
        assert exact == pytest.approx(nature, rel=1e-4)
        if t > 1:
            assert abs(exact / preprint - 1) > 0.15
    sizes = [10**6, 3 * 10**6, 2 * 10**6]
    inverse = 1 / np.array(sizes)
    exact = theory.expected_w2_squared(sizes, 3, estimator=estimator)
    assert exact == pytest.approx(1.5 * inverse.sum(), rel=1e-4)
    assert abs(exact / (inverse[:2].sum() + 1.5 * inverse[2]) - 1) > 0.2


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_err_2_variance_of_the_distance(estimator):
    """ERR-2: the published leading order fails for every t, however its double sum is read; 5/2 (sum 1/n)^2 holds."""
    for t in (1, 2, 5, 40):
        exact = theory.w2_squared_variance(FAR, t, estimator=estimator) * FAR**2
        assert exact == pytest.approx(2.5 * t**2, rel=1e-4)
        for pairs in (t * (t - 1), t * (t - 1) / 2):
            published = 2 * (t - 1) + 3 + 3 * pairs
            assert abs(exact / published - 1) > 0.03
    assert theory.w2_squared_variance(FAR, 1, estimator=estimator) * FAR**2 < 2.6 < 3


def test_err_3_the_two_estimators_are_not_interchangeable():
    """ERR-3: with the divisor of the released code the distance does not diverge and a draw keeps its variance."""
    n, t = 100, np.array([10, 1000, 10**5])
    unbiased, mle = (theory.expected_w2_squared(n, t, estimator=e) for e in ESTIMATORS)
    assert (unbiased > t / n).all()
    assert (mle <= 2).all()
    assert mle[-1] == pytest.approx(2, rel=1e-12)
    assert theory.limit_expected_w2_squared(estimator="mle") == 2
    assert theory.limit_expected_w2_squared(estimator="unbiased") == np.inf
    np.testing.assert_array_equal(theory.draw_variance(n, t, estimator="mle"), 1.0)
    np.testing.assert_allclose(theory.draw_variance(n, t, estimator="unbiased"), 1 + t / n)
    medians = [theory.LogVarianceLaw(1000, 5000, estimator=e).median() for e in ESTIMATORS]
    assert medians[1] / medians[0] == pytest.approx(2, rel=1e-2)  # both collapse, the mle twice as fast
    assert MeanLaw(20, estimator="mle").var() == 1
    assert MeanLaw(20, estimator="unbiased").var() == np.inf


@pytest.mark.parametrize("t", [1, 2, 7])
def test_err_4_the_remainder_of_the_variance_is_zero(t):
    """ERR-4: Var X_t = 1 + sum 1/n_i without O(2), also for samples so small that a second order would show."""
    sizes = [3, 5, 4, 7, 3, 6, 4][:t]
    found = DrawLaw(sizes, t, estimator="unbiased")
    numeric = np.exp(found._log_weights) @ found._sd**2
    assert numeric == pytest.approx(1 + sum(1 / n for n in sizes), rel=1e-11)


def test_err_4_a_draw_is_not_a_variance_gamma_variable():
    """ERR-4: X_1 is such a variable plus an independent normal one."""
    n = 4
    draw = DrawLaw(n, 1, estimator="unbiased")
    # sqrt(S) Z has excess kurtosis 3 Var S / (E S)^2 = 6 / (n - 1); the draw has less
    assert draw.kurtosis() == pytest.approx(6 / ((n - 1) * (1 + 1 / n) ** 2), rel=1e-13)
    assert draw.kurtosis() < 0.7 * 6 / (n - 1)

    def variance_gamma(x):
        """Density of sqrt(S) Z, with nu = 3: K_1."""
        nu = n - 1
        z = np.sqrt(nu) * np.abs(x)
        return (
            np.sqrt(nu)
            / (np.sqrt(np.pi) * scipy.special.gamma(nu / 2))
            * (z / 2) ** ((nu - 1) / 2)
            * scipy.special.kv((nu - 1) / 2, z)
        )

    x = np.array([0.05, 0.5, 1.0, 2.0, 4.0])
    u, w = np.polynomial.legendre.leggauss(200)
    u = (u + 1) / 2
    half, weights = 30 * u**4, w / 2 * 120 * u**3  # a cusp at zero: nodes are dense there
    grid, weights = np.concatenate([-half, half]), np.concatenate([weights, weights])
    assert weights @ variance_gamma(grid) == pytest.approx(1, rel=1e-12)
    blurred = np.array([weights @ (variance_gamma(grid) * scipy.stats.norm.pdf(v - grid, scale=0.5)) for v in x])
    np.testing.assert_allclose(draw.pdf(x), blurred, rtol=1e-11)
    assert np.abs(draw.pdf(x) / variance_gamma(x) - 1).max() > 0.1
    scaled = variance_gamma(x / np.sqrt(draw.var())) / np.sqrt(draw.var())  # nor one of the right variance
    assert np.abs(draw.pdf(x) / scaled - 1).max() > 0.1


def test_err_8_bounds_of_suresh():
    """ERR-8 (b), (f): the plotted bound is Chernoff's with s = 0.7, and the printed one is far from the truth."""
    t = np.arange(60, 200)
    plotted = theory.sd_exceeds_chernoff(10, t, level=0.1, estimator="unbiased", order=0.7)
    printed = theory.sd_exceeds_published(10, t, level=0.1)
    assert np.abs(plotted / printed - 1).max() > 0.4
    assert printed[40] / theory.sd_exceeds(10, 100, level=0.1, estimator="unbiased") > 4
    n = np.concatenate([np.arange(2, 200), [10**4, 10**8]])
    assert (-theory.log_c4(n) >= 1 / (4 * n - 1)).all()  # why the printed one is valid


def test_err_26_the_standard_deviation_has_no_floor():
    """ERR-26: every quantile of sigma_t goes to zero."""
    upper = [SdLaw(30, t, estimator="unbiased").ppf(0.99) for t in (300, 1000, 3000, 10_000)]
    assert (np.diff(upper) < 0).all()
    assert upper[-1] < 1e-20


@pytest.mark.parametrize("n", [10, 1000])
def test_err_20_a_fixed_real_set_bounds_the_error(n):
    """ERR-20: "fixed real data only delay collapse" would mean F -> 1; it stops below 3/2 of one real fit."""
    for synthetic in (n, 9 * n, 99 * n):
        F = theory.inbreeding(FixedReal(n=synthetic, n_real=n), 20_000)
        assert F[-1] == pytest.approx(F[-2], rel=1e-12)
        assert F[1] <= F[-1] <= 1.5 / n
        assert theory.inbreeding(Replace(n=n), 20_000)[-1] > 0.999
