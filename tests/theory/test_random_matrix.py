"""Proportionate limits: fixed points against mpmath, quadratures of the spectrum, and large random designs."""

import math
import re

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcollapse import theory
from modelcollapse.testing import stream

INF = float("inf")


# ------------------------------------------------------------------------------------------------- the fixed point


def fixed_point(spectrum, n, penalty):
    """kappa and u with sixty digits."""
    with mpmath.workdps(60):
        lam = [mpmath.mpf(float(x)) for x in spectrum]
        n, penalty = mpmath.mpf(n), mpmath.mpf(penalty)
        low, high = (penalty, penalty + sum(lam) / n) if penalty else (mpmath.mpf(10) ** -40, sum(lam) / n * len(lam))
        for _ in range(250):
            middle = mpmath.sqrt(low * high)
            above = n - sum(x / (x + middle) for x in lam) > n * penalty / middle
            low, high = (low, middle) if above else (middle, high)
        df2 = sum(x**2 / (x + high) ** 2 for x in lam) / n
        return float(high), float(df2 / (1 - df2))


CORNERS = [
    ([1.0] * 6, 6, 1e-12),
    ([1.0] * 6, 6, 1e12),
    ([1.0] * 6, 5, 0.0),
    ([1.0] * 7, 8, 1e-9),
    ([1e-8, 1.0, 1e8], 3, 1e-3),
    ([1e-8, 1.0, 1e8], 2, 0.0),
    ([1e-8, 1.0, 1e8], 1, 0.0),
    ([2.0 ** -k for k in range(40)], 11, 1e-7),
    ([2.0 ** -k for k in range(40)], 39, 0.0),
    ([1.0] * 40, 1, 0.0),
    ([3.0], 1, 1e-30),
]  # fmt: skip


@pytest.mark.parametrize(("spectrum", "n", "penalty"), CORNERS)
def test_effective_penalty_in_hard_corners(spectrum, n, penalty):
    kappa, u = fixed_point(spectrum, n, penalty)
    assert theory.effective_penalty(spectrum, n, penalty) == pytest.approx(kappa, rel=1e-12)
    assert theory.ridge_risk(spectrum, n, penalty, signal=0.0) == pytest.approx(u, rel=1e-11)


@given(st.integers(1, 60), st.integers(1, 60), st.floats(1e-6, 1e3))
def test_effective_penalty_of_isotropic_covariates(d, n, penalty):
    b = n - d - n * penalty
    with mpmath.workdps(40):
        root = (-mpmath.mpf(b) + mpmath.sqrt(mpmath.mpf(b) ** 2 + 4 * mpmath.mpf(n) * (n * mpmath.mpf(penalty)))) / (
            2 * n
        )
    found = theory.effective_penalty(np.ones(d), n, penalty)
    assert found == pytest.approx(float(root), rel=1e-12)
    assert found - penalty == pytest.approx(found * d / n / (1 + found), rel=1e-9, abs=1e-12)


def marchenko_pastur(phi, f):
    """Integral of f over the limiting spectrum of X'X/n, the atom at zero included."""
    low, high = (1 - math.sqrt(phi)) ** 2, (1 + math.sqrt(phi)) ** 2
    theta = (np.arange(4000) + 0.5) * math.pi / 4000
    s = (low + high) / 2 - (high - low) / 2 * np.cos(theta)
    density = ((high - low) / 2) ** 2 * np.sin(theta) ** 2 / (2 * math.pi * phi * s) * math.pi / 4000
    return float(density @ f(s)) + max(0.0, 1 - 1 / phi) * float(f(np.zeros(1))[0])


@pytest.mark.parametrize("phi", [0.1, 0.5, 0.95, 1.5, 5.0])
@pytest.mark.parametrize("penalty", [0.05, 0.3, 4.0])
def test_ridge_against_the_limiting_spectrum(phi, penalty):
    ones, n = np.ones(100), 100 / phi
    assert marchenko_pastur(phi, np.ones_like) == pytest.approx(1, rel=1e-9)
    variance = phi * marchenko_pastur(phi, lambda s: s / (s + penalty) ** 2)
    bias = marchenko_pastur(phi, lambda s: penalty**2 / (s + penalty) ** 2)
    rho = marchenko_pastur(phi, lambda s: s**2 / (s + penalty) ** 2)
    assert theory.ridge_risk(ones, n, penalty, signal=0.0) == pytest.approx(variance, rel=1e-9)
    assert theory.ridge_risk(ones, n, penalty, noise_variance=0.0) == pytest.approx(bias, rel=1e-9)
    full = theory.downstream_ridge_risk(ones, n, penalty, fits=3, n_generator=150, generator_noise_variance=0.7)
    assert full == pytest.approx(bias + variance + 3 * 0.7 * 100 / 49 * rho, rel=1e-9)
    kappa, u = theory.effective_penalty(ones, n, penalty), variance
    printed = 1 - 2 * kappa / (1 + kappa) + kappa**2 / (1 + kappa) ** 2 * (1 + u)
    assert printed == pytest.approx(rho, rel=1e-8)


def test_worked_examples_of_the_catalogue():
    ones = np.ones(100)
    assert theory.downstream_ridge_risk(ones, 200, 0.3, fits=3, n_generator=150) == pytest.approx(3.507, abs=6e-4)
    assert theory.strong_collapse_ridge(ones, 150, 0.3, synthetic_fraction=0.4) == pytest.approx(0.1712, abs=6e-5)
    assert theory.mixing_risk(0.1, 10 / 600, 0.5) == pytest.approx(0.0373, abs=6e-5)


# ------------------------------------------------------------------------------------------------- limits of the limits


@given(st.floats(0.05, 0.9), st.floats(0.0, 1.0))
def test_without_a_penalty_it_is_least_squares(phi, p2):
    spectrum = np.array([0.2, 1.0, 1.0, 5.0])
    n = 4 / phi
    shift = theory.strong_collapse_ridge(spectrum, n, 0.0, synthetic_fraction=p2, discrepancy=[1.0, 0.0, 2.0, 0.5])
    total = theory.ridge_risk(spectrum, n, 0.0, noise_variance=2.0) + shift
    expected = theory.strong_collapse_limit(phi, p2, discrepancy=3.5, noise_variance=2.0)
    assert total == pytest.approx(float(expected), rel=1e-12)
    almost = theory.strong_collapse_ridge(spectrum, n, 1e-9, synthetic_fraction=p2)
    assert almost == pytest.approx(float(theory.mixture_coefficient_limit(phi, p2)), rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("phi", [1.25, 2.0, 10.0])
def test_without_a_penalty_beyond_the_threshold(phi):
    ones = np.ones(50)
    assert theory.ridge_risk(ones, 50 / phi, 0.0, signal=0.0) == pytest.approx(1 / (phi - 1), rel=1e-12)
    bias = theory.ridge_risk(ones, 50 / phi, 0.0, noise_variance=0.0)
    assert bias == pytest.approx(1 - 1 / phi, rel=1e-12)
    # the same as the exact finite form, in the limit
    d = 10**6
    exact = theory.minimum_norm_risk(round(d / phi), 1, dim=d, noise_variance=0.3)
    assert exact == pytest.approx(bias + 0.3 / (phi - 1), rel=1e-4)


def test_more_rows_do_not_help():
    for p2 in (0.1, 0.5):
        many = theory.strong_collapse_ridge(np.ones(10), 10**9, 1e-9, synthetic_fraction=p2, discrepancy=2.0)
        assert many == pytest.approx(2 * p2**2, rel=1e-6)
        assert theory.strong_collapse_limit(1e-9, p2, discrepancy=2.0) == pytest.approx(2 * p2**2, rel=1e-6)
    assert theory.strong_collapse_ridge(np.ones(10), 20, 0.1, synthetic_fraction=0.0) == 0.0


def test_the_exact_coefficient_tends_to_its_limit():
    errors = []
    for d in (10, 100, 1000, 10**6):
        exact = theory.mixture_coefficient(np.array([1, 2, 3]) * d, 2 * d, dim=d)
        limit = theory.mixture_coefficient_limit(1 / np.array([3.0, 4.0, 5.0]), 2 / np.array([3.0, 4.0, 5.0]))
        errors.append(np.abs(exact / limit - 1).max())
    np.testing.assert_allclose(np.array(errors[1:]) / errors[:-1], [0.1, 0.1, 1e-3], rtol=0.1)  # like 1/d
    border = (1 + 0.3) / (1 + 2 * 0.3)
    assert theory.mixture_coefficient_limit(border, 0.3) == pytest.approx(1, rel=1e-13)


# ------------------------------------------------------------------------------------------------- one design


def test_the_extra_term_of_a_design():
    # what the generator's error does, direction by direction
    d, n, penalty = 5, 12, 0.4
    cov = np.diag([2.0, 1.0, 0.5, 1.0, 3.0])
    cov[0, 1] = cov[1, 0] = 0.6
    X = stream("design").standard_normal((n, d)) @ np.linalg.cholesky(cov).T
    R = np.linalg.solve(X.T @ X + n * penalty * np.eye(d), X.T @ X)
    root = np.linalg.inv(np.linalg.cholesky(cov)).T  # columns: errors with covariance cov^-1
    risk = sum(float((R @ e) @ cov @ (R @ e)) for e in root.T) * 3 * 0.5 / (20 - d - 1)
    found = theory.downstream_ridge_extra(X, penalty, fits=3, n_generator=20, cov=cov, generator_noise_variance=0.5)
    assert found == pytest.approx(risk, rel=1e-12)
    # least squares leaves the generator's error as it is: downstream_risk
    plain = theory.downstream_ridge_extra(X, 0.0, fits=3, n_generator=20, cov=cov)
    assert plain == pytest.approx(3 * d / (20 - d - 1), rel=1e-12)
    # scaled orthonormal columns: every direction shrinks alike
    Q = np.linalg.qr(X)[0] * math.sqrt(n)
    shrunk = theory.downstream_ridge_extra(Q, 0.25, fits=1, n_generator=20)
    assert shrunk == pytest.approx(d / (20 - d - 1) / 1.25**2, rel=1e-12)


@given(st.floats(1e-6, 0.5), st.floats(0.05, 0.95), st.floats(0.01, 10), st.floats(0, 3), st.floats(0, 3))
def test_mixing_weight_is_the_best(phi, p2, c2, s1, s2):
    given_ = {"discrepancy": c2, "noise_variance": s1, "synthetic_noise_variance": s2}
    best = theory.mixing_weight(phi, p2, **given_)
    assert 0 <= best <= 1
    least = theory.mixing_risk(best, phi, p2, **given_)
    assert (theory.mixing_risk(np.linspace(0, 1, 200), phi, p2, **given_) >= least * (1 - 1e-12)).all()


# ------------------------------------------------------------------------------------------------- power laws


def test_rates_of_power_laws():
    beta, r = 2.0, 0.3
    crit = beta / (1 + 2 * r * beta)
    assert theory.power_law_penalty(beta, r) == pytest.approx(crit, rel=1e-14)
    assert theory.power_law_rate(beta, r) == pytest.approx(2 * r * crit, rel=1e-14)
    assert theory.power_law_rate(beta, 5.0) == theory.power_law_rate(beta, 1.0)  # saturation of the source
    assert theory.power_law_rate(beta, r, growth=0.5) == pytest.approx(r * crit, rel=1e-14)
    assert theory.power_law_rate(beta, r, growth=3.0) == theory.power_law_rate(beta, r)
    # where the two terms of the order balance
    n = np.geomspace(1e3, 1e9, 5)
    for growth in (INF, 0.6):
        ell = theory.power_law_penalty(beta, r, growth=growth)
        generator = {"fits": 1, "n_generator": n**growth} if growth < 1 else {}
        values = theory.power_law_order(n, decay=beta, source=r, exponent=ell, **generator)
        slopes = np.diff(np.log(values)) / np.diff(np.log(n))
        assert slopes[-1] == pytest.approx(-theory.power_law_rate(beta, r, growth=growth), abs=0.02)
        for other in (ell - 0.1, ell + 0.1):
            worse = theory.power_law_order(n, decay=beta, source=r, exponent=other, **generator)
            assert worse[-1] > values[-1]


def test_orders_of_infinitely_many_rows():
    for ell, noise, want in ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 0.0, 0.0), (2.0, 0.0, 0.0), (2.0, 1.0, 1.0)):
        found = theory.power_law_order([1e300, INF], decay=2.0, source=0.5, exponent=ell, noise_variance=noise)
        np.testing.assert_allclose(found, want, atol=1e-100)
    settings = {"decay": 2.0, "source": 0.5, "exponent": 1.0, "fits": 1, "n_generator": 10.0}
    assert theory.power_law_order(INF, **settings) == INF
    assert theory.power_law_order(INF, generator_noise_variance=0.0, **settings) == 0


def test_powers_of_the_sums_they_stand_for():
    beta, r = 2.0, 0.3
    j = np.arange(1.0, 30_001)
    n = np.geomspace(1e3, 1e5, 4)
    for ell in (0.5, 0.9):
        noise = [theory.ridge_risk(j**-beta, m, m**-ell, signal=0.0) for m in n]
        slope = np.polyfit(np.log(n), np.log(noise), 1)[0]
        assert slope == pytest.approx(-(1 - ell / beta), abs=0.03)
        signal = j ** -(1 + 2 * r * beta)
        bias = [theory.ridge_risk(j**-beta, m, m**-ell, signal=signal, noise_variance=0.0) for m in n]
        assert np.polyfit(np.log(n), np.log(bias), 1)[0] == pytest.approx(-2 * r * ell, abs=0.05)


POWER = {"decay": 2.0, "source": 1.0, "exponent": 1.0}
EXTRA = {"fits": 1, "n_generator": 9}
NOTHING = {"discrepancy": 0, "noise_variance": 0, "synthetic_noise_variance": 0}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.effective_penalty([1.0, 1.0], 2, 0.0), "penalty must be > 0 at n = dim = 2"),
        (lambda: theory.effective_penalty([1.0, 0.0], 2, 0.1), "spectrum must be > 0 (eigenvalues of a covariance"),
        (lambda: theory.effective_penalty([], 2, 0.1), "covariance of full rank), got none."),
        (lambda: theory.effective_penalty([1.0], 2, -0.1), "penalty must be a finite number >= 0, got -0.1."),
        (lambda: theory.ridge_risk([1.0, 2.0], 2, 0.1, signal=[1.0]), "signal must have shape () or (2,) to match"),
        (lambda: theory.ridge_risk([1.0], 2, 0.1, signal=-1.0), "signal must be >= 0 (squared lengths), got -1."),
        (lambda: theory.strong_collapse_limit(1.0, 0.5), "ratio must be in (0, 1) (dimensions per row; from 1 on"),
        (lambda: theory.strong_collapse_limit(0.5, 1.5), "synthetic_fraction must be in [0, 1], got 1.5."),
        (lambda: theory.strong_collapse_limit(0.5, 0.5, discrepancy=-1.0), "discrepancy must be >= 0, got -1."),
        (lambda: theory.mixing_risk(0.5, 0.5, 0.0), "synthetic_fraction must be in (0, 1), got 0."),
        (lambda: theory.mixing_risk(-0.5, 0.5, 0.5), "weight must be in [0, 1], got -0.5."),
        (lambda: theory.mixing_weight(0.5, 0.5, **NOTHING), "noise variances must not all be 0"),
        (lambda: theory.downstream_ridge_extra(np.ones((1, 2)), 0.0, **EXTRA), "without full column rank (here 2)"),
        (lambda: theory.downstream_ridge_extra(np.eye(8), 0.1, **EXTRA), "n_generator must be an integer >= 10"),
        (lambda: theory.power_law_penalty(1.0, 0.5), "decay must be a finite number > 1 (the eigenvalues must have"),
        (lambda: theory.power_law_rate(2.0, 0.0), "source must be a finite number > 0, got 0."),
        (lambda: theory.power_law_rate(2.0, 0.5, growth=-1.0), "growth must be a finite number >= 0, got -1."),
        (lambda: theory.power_law_order(-1.0, **POWER), "n must be > 0, got -1."),
        (lambda: theory.power_law_order(9.0, **(POWER | {"exponent": 3.0})), "exponent must be a finite number >= 0"),
        (lambda: theory.power_law_order(9.0, fits=1, **POWER), "n_generator must be given where fits > 0"),
        (lambda: theory.power_law_order(9.0, fits=1, n_generator=0.0, **POWER), "n_generator must be > 0, got 0."),
        (
            lambda: theory.power_law_order(INF, fits=1, n_generator=INF, **POWER),
            "n_generator must be finite where n is",
        ),
        (
            lambda: theory.power_law_order([1.0, 2.0], fits=1, n_generator=[1.0, 2.0, 3.0], **POWER),
            "n, n_generator must broadcast, got shapes (2,), (3,).",
        ),
        (lambda: theory.power_law_order(9.0, generator_ratio=1.0, **POWER), "generator_ratio must be < 1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
