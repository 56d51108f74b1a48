"""The law of the log variance: against mpmath, against itself, in the far tails; its interface; its speed."""

import time
from types import SimpleNamespace

import mpmath as mp
import numpy as np
import pytest

from modelcollapse import theory
from modelcollapse.regimes import Accumulate, Replace
from modelcollapse.testing import stream
from modelcollapse.theory import LogDetLaw, LogVarianceLaw, SdLaw, VarianceLaw, law

ESTIMATORS = ["unbiased", "mle"]


@pytest.fixture(autouse=True)
def _precision():
    with mp.workdps(40):
        yield


def divisor(n, estimator):
    return n - (estimator == "unbiased")


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n", [2, 3, 4, 10, 100])
def test_one_fit_is_log_chi_square_to_the_end_of_the_doubles(n, estimator):
    one = LogVarianceLaw(n, 1, estimator=estimator)
    y = np.concatenate([one.ppf(10.0 ** -np.arange(1, 301, 23.0)), one.isf(10.0 ** -np.arange(1, 301, 23.0))])
    a = mp.mpf(n - 1) / 2
    for x, density, below, above in zip(y, one.logpdf(y), one.logcdf(y), one.logsf(y), strict=True):
        w = mp.exp(mp.mpf(float(x))) * divisor(n, estimator) / 2
        assert float(a * mp.log(w) - w - mp.loggamma(a)) == pytest.approx(density, rel=0, abs=5e-12)
        assert float(mp.log(mp.gammainc(a, 0, w, regularized=True))) == pytest.approx(below, rel=1e-11, abs=5e-12)
        assert float(mp.log(mp.gammainc(a, w, mp.inf, regularized=True))) == pytest.approx(above, rel=1e-11, abs=5e-12)


def test_beyond_the_table_it_is_still_right():
    one, x = LogVarianceLaw(10, 1, estimator="mle"), np.array([-800.0, 7.5])
    w = [mp.exp(mp.mpf(float(v))) * 5 for v in x]
    np.testing.assert_allclose(one.logpdf(x), [float(4.5 * mp.log(v) - v - mp.loggamma(4.5)) for v in w], rtol=1e-12)
    assert one.logpdf(np.inf) == one.logcdf(-np.inf) == -np.inf
    assert one.cdf(np.inf) == one.sf(-np.inf) == 1


@pytest.mark.parametrize(("first", "second"), [(2, 2), (2, 3), (3, 10)])
def test_two_fits_are_a_convolution(first, second):
    def density(n, y):
        a = mp.mpf(n - 1) / 2
        return mp.exp(a * (y + mp.log(a)) - a * mp.exp(y) - mp.loggamma(a))

    two = LogVarianceLaw([first, second], 2, estimator="unbiased")
    points = [-400, -100, -50, -30, -20, -15, -10, -7, -5, -3, -2, -1, 0, 1, 2, 3, 5, 10]
    for y in (-60, -1, 0, 4):
        expected = mp.quad(lambda u, y=y: density(first, u) * density(second, y - u), points)
        assert float(two.pdf(y) / expected) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("n", "t"), [(2, 3), (5, 40)])
def test_distribution_function_by_gil_pelaez_in_high_precision(n, t):
    """An integral on another path (the imaginary axis), by another rule."""
    chain = LogVarianceLaw(n, t, estimator="mle")
    a, shift = mp.mpf(n - 1) / 2, mp.log(mp.mpf(2) / n)
    edges = [0, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 20, 40]
    for y in chain.ppf([0.01, 0.5, 0.95]):

        def part(u, y=y):
            phi = mp.exp(t * (mp.loggamma(a + 1j * u) - mp.loggamma(a) + 1j * u * shift) - 1j * u * mp.mpf(float(y)))
            return mp.im(phi) / u

        assert float(mp.mpf(1) / 2 - mp.quad(part, edges) / mp.pi) == pytest.approx(chain.cdf(y), rel=0, abs=1e-12)


@pytest.mark.parametrize(
    ("n", "t"),
    [
        (2, 1),
        (2, 10**6),
        (3, 10),
        (10, 50),
        (1000, 10**6),
        (10**9, 3),
        ([4, 9, 3, 50], 4),
        ([2, 1000], 2),
        (list(range(2, 302)), 300),
        ([2] + [10**6] * 5, 6),
    ],
    ids=str,
)
def test_quantiles_and_tails_are_inverses_and_moments_are_integrals(n, t):
    n = n if isinstance(n, int) else tuple(n)
    chain = LogVarianceLaw(n, t, estimator="unbiased", variance=2.5)
    q = np.concatenate([np.linspace(0.001, 0.999, 101), 10.0 ** -np.arange(5, 300, 30.0)])
    np.testing.assert_allclose(chain.cdf(chain.ppf(q)), q, rtol=1e-10)
    np.testing.assert_allclose(chain.sf(chain.isf(q)), q, rtol=1e-10)
    assert (np.diff(chain.ppf(np.linspace(0.001, 0.999, 999))) > 0).all()
    assert chain.mean() == pytest.approx(theory.log_variance_mean(n, t, estimator="unbiased", variance=2.5), rel=1e-14)
    assert chain.var() == pytest.approx(theory.log_variance_var(n, t), rel=1e-12)
    centre, sd = chain.mean(), chain.std()
    for order, expected in enumerate((1, 0, 1, chain.skew(), 3 + chain.kurtosis())):
        found = chain.expect(lambda y, order=order: ((y - centre) / sd) ** order)
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_a_constant_schedule_is_the_constant_and_order_does_not_matter():
    y = np.linspace(-9, 3, 50)
    first, second = LogVarianceLaw([7] * 6, 6, estimator="mle"), LogVarianceLaw(7, 6, estimator="mle")
    np.testing.assert_allclose(first.pdf(y), second.pdf(y), rtol=1e-13)
    first, second = (LogVarianceLaw(n, 3, estimator="mle") for n in ([3, 9, 5], [5, 3, 9]))
    np.testing.assert_allclose(first.sf(y), second.sf(y), rtol=1e-13)


def test_long_walks_are_normal():
    chain = LogVarianceLaw(100, 10**6, estimator="unbiased")
    z = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(chain.cdf(chain.mean() + z * chain.std()), [float(mp.ncdf(v)) for v in z], atol=1e-4)
    assert abs(chain.skew()) < 2e-4


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_variance_and_sd_are_the_log_variance_exponentiated(estimator):
    chain, variance, sd = (
        kind(6, 9, estimator=estimator, variance=4.0) for kind in (LogVarianceLaw, VarianceLaw, SdLaw)
    )
    x = np.array([0.01, 0.3, 1.0, 4.0, 20.0])
    np.testing.assert_allclose(variance.cdf(x), chain.cdf(np.log(x)), rtol=1e-13)
    np.testing.assert_allclose(variance.pdf(x) * x, chain.pdf(np.log(x)), rtol=1e-13)
    np.testing.assert_allclose(sd.sf(np.sqrt(x)), chain.sf(np.log(x)), rtol=1e-13)
    np.testing.assert_allclose(sd.pdf(np.sqrt(x)), variance.pdf(x) * 2 * np.sqrt(x), rtol=1e-13)
    np.testing.assert_allclose(sd.ppf([0.0, 0.2, 1.0]) ** 2, variance.ppf([0.0, 0.2, 1.0]), rtol=1e-13)
    assert variance.pdf(0.0) == variance.cdf(-1.0) == 0
    assert variance.sf(0.0) == 1
    assert variance.mean() == pytest.approx(
        theory.expected_variance(6, 9, estimator=estimator, variance=4.0), rel=1e-12
    )
    assert variance.std() == pytest.approx(theory.sd_of_variance(6, 9, estimator=estimator, variance=4.0), rel=1e-12)
    assert sd.mean() == pytest.approx(theory.expected_sd(6, 9, estimator=estimator, variance=4.0), rel=1e-12)
    assert sd.std() == pytest.approx(theory.sd_of_sd(6, 9, estimator=estimator, variance=4.0), rel=1e-11)
    one = VarianceLaw(6, 1, estimator="unbiased")  # chi-square / 5: skewness sqrt(8/5), excess 12/5
    assert one.stats("mvsk") == pytest.approx((1, 2 / 5, np.sqrt(8 / 5), 12 / 5), rel=1e-12)
    assert variance.moment(-2.5) == np.inf
    assert VarianceLaw(2, 3000, estimator="unbiased").stats("vk") == (np.inf, np.inf)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_log_determinant(estimator):
    """In one dimension it is the log variance; for d = 2 twice the root of det W is a chi-square."""
    y = np.linspace(-6, 2, 20)
    one = LogDetLaw(9, 4, dim=1, estimator=estimator)
    np.testing.assert_allclose(one.cdf(y), LogVarianceLaw(9, 4, estimator=estimator).cdf(y), rtol=1e-12)
    plane = LogDetLaw(9, 4, dim=2, estimator=estimator)
    assert plane.mean() == pytest.approx(theory.log_det_mean(9, 4, dim=2, estimator=estimator), rel=1e-14)
    assert plane.var() == pytest.approx(theory.log_det_var(9, 4, dim=2), rel=1e-13)
    assert np.exp(plane.log_mgf(1.0)) == pytest.approx(theory.expected_det(9, 4, dim=2, estimator=estimator), rel=1e-13)
    # det W of a plane Wishart: 2 sqrt(det) is chi-square with 2(nu - 1) degrees of freedom (Anderson 7.5.3)
    root = LogDetLaw(9, 1, dim=2, estimator=estimator)
    for v in (-3.0, 0.0, 1.0):
        w = mp.exp(mp.mpf(v) / 2) * divisor(9, estimator)
        assert root.cdf(v) == pytest.approx(float(mp.gammainc(7, 0, w, regularized=True)), rel=1e-12)


def test_interface():
    chain = LogVarianceLaw(10, 5, estimator="mle")
    assert chain.support() == (-np.inf, np.inf)
    low, high = chain.interval(0.9)
    assert chain.cdf(high) - chain.cdf(low) == pytest.approx(0.9, rel=1e-13)
    assert chain.median() == chain.ppf(0.5)
    assert chain.ppf(0) == -np.inf
    assert chain.isf(0) == np.inf
    assert chain.stats() == (chain.mean(), chain.var())
    assert chain.stats("k") == chain.kurtosis()
    assert np.ndim(chain.pdf(0.0)) == 0
    assert chain.pdf(np.zeros((2, 3))).shape == (2, 3)
    assert np.ndim(chain.rvs()) == 0
    assert chain.rvs((2, 3), rng=1).shape == (2, 3)
    np.testing.assert_array_equal(chain.rvs(4, rng=1), chain.rvs(4, random_state=1))
    assert chain.rvs(2, random_state=np.random.RandomState(1)).shape == (2,)
    assert chain.log_mgf(-5.0) == np.inf
    np.testing.assert_allclose(chain.cdf(-1.0) + chain.sf(-1.0), 1, rtol=1e-15)


def test_draws_of_chains_have_this_law():
    """One statistical check (Dvoretzky, Kiefer, Wolfowitz), false alarm at most 1e-9. Kills: ddof, one fit less."""
    R, n, t = 20_000, 4, 6
    rng = stream("draws of chains have this law")
    y = np.sort(np.log(rng.chisquare(n - 1, (R, t)) / (n - 1)).sum(axis=1))
    most = np.sqrt(np.log(2e9) / (2 * R))

    def distance(chain):
        F = chain.cdf(y)
        return max((np.arange(1, R + 1) / R - F).max(), (F - np.arange(R) / R).max())

    assert distance(LogVarianceLaw(n, t, estimator="unbiased")) < most
    assert distance(LogVarianceLaw(n, t, estimator="mle")) > most
    assert distance(LogVarianceLaw(n, t - 1, estimator="unbiased")) > most


def test_a_thousand_values_take_five_milliseconds():
    chain = LogVarianceLaw(10, 50, estimator="mle")
    x = np.linspace(-20, 2, 1000)
    for method in (chain.pdf, chain.cdf, lambda x: chain.ppf(np.linspace(0.001, 0.999, 1000))):
        method(x)
        best = np.inf
        for _ in range(20):
            start = time.perf_counter()
            method(x)
            best = min(best, time.perf_counter() - start)
        assert best < 5e-3


def test_refusals():
    with pytest.raises(ValueError, match=r"t must be an integer >= 1 .*got 0\."):
        LogVarianceLaw(10, 0, estimator="mle")
    with pytest.raises(ValueError, match=r"n must be an integer >= 2 .*got 1\."):
        LogVarianceLaw(1, 3, estimator="mle")
    with pytest.raises(ValueError, match="got 2 sizes"):
        LogVarianceLaw([4, 5], 3, estimator="mle")
    with pytest.raises(ValueError, match=r"n must be an integer >= 4 .*got 3\."):
        LogDetLaw(3, 1, dim=3, estimator="mle")
    chain = LogVarianceLaw(10, 3, estimator="mle")
    with pytest.raises(ValueError, match=r"x must be numbers .*got NaN"):
        chain.pdf(np.nan)
    with pytest.raises(ValueError, match=r"q must be probabilities, in \[0, 1\], got 1\.5"):
        chain.ppf(1.5)
    with pytest.raises(ValueError, match="moments must be letters of 'mvsk', got 'x'"):
        chain.stats("x")
    with pytest.raises(ValueError, match="rng must be given once"):
        chain.rvs(rng=1, random_state=2)


# ------------------------------------------------------------------------------------------------- the door


def gaussian(cov=4.0, estimator="mle"):
    mean = np.zeros(len(cov)) if np.ndim(cov) else 1.0
    return SimpleNamespace(kind="Gaussian", mean=np.asarray(mean), cov=np.asarray(cov), estimator=estimator)


def test_the_door_finds_the_law_whose_moments_predict_gives():
    for regime in (Replace(n=9), Replace(n=(9, 4, 30))):
        for quantity in ("log_variance", "variance", "sd", "mean"):
            found = law(quantity, gaussian(), regime, generation=3)
            known = theory.predict(quantity, gaussian(), regime, generations=3).isel(generation=3)
            assert found.mean() == pytest.approx(float(known["mean"]), rel=1e-12)
            assert found.std() == pytest.approx(float(known["sd"]), rel=1e-12)
    plane = gaussian(np.array([[2.0, 0.5], [0.5, 1.0]]))
    found, known = (
        law("log_det", plane, Replace(n=9), generation=3),
        theory.predict("log_det", plane, Replace(n=9), generations=3),
    )
    assert found.mean() == pytest.approx(float(known["mean"][3] - known["mean"][0]), rel=1e-12)
    assert law("draw", gaussian(), Replace(n=9), generation=3).var() == pytest.approx(4, rel=1e-12)
    tail = law("tail_mass", gaussian(), Replace(n=9), generation=3, beyond=2.0)
    assert tail.median() == pytest.approx(theory.TailMassLaw(9, 3, beyond=2.0, estimator="mle").median(), rel=1e-12)


def test_real_rows_fix_the_first_generation():
    rows = np.array([0.0, 1.0, 3.0, 4.0, 7.0])
    model = SimpleNamespace(kind="Gaussian", mean=np.asarray(3.0), cov=np.asarray(rows.var()), estimator="mle")
    family = SimpleNamespace(kind="Empirical", resolve=lambda: (model, rows))
    found = law("log_variance", family, Replace(n=5), generation=4)
    assert found.mean() == theory.log_variance_mean(5, 3, estimator="mle", variance=rows.var())
    with pytest.raises(ValueError, match=r"generation must be >= 2 .*got 1\."):
        law("log_variance", family, Replace(n=5), generation=1)
    with pytest.raises(ValueError, match="takes 3 of the 5 rows"):
        law("log_variance", family, Replace(n=3), generation=2)


def test_the_door_says_what_it_does_not_know():
    with pytest.raises(ValueError, match=r"under Replace only.*got Accumulate"):
        law("log_variance", gaussian(), Accumulate(n=5), generation=2)
    with pytest.raises(ValueError, match=r"quantity must be one of 'log_variance'.*got 'kl'"):
        law("kl", gaussian(), Replace(n=5), generation=2)
    with pytest.raises(ValueError, match="beyond must be given with 'tail_mass'"):
        law("tail_mass", gaussian(), Replace(n=5), generation=2)
    with pytest.raises(ValueError, match="full rank"):
        law("log_det", gaussian(np.eye(3)), Replace(n=3), generation=2)
    coin = SimpleNamespace(kind="Categorical", probabilities=np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match=r"family must be a Gaussian .*got Categorical"):
        law("log_variance", coin, Replace(n=5), generation=2)
