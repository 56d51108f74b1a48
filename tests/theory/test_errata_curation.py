"""Published statements on curation and detection that need correction: ERR-10, ERR-25."""

import math

import numpy as np
import pytest

from modelcollapse import theory


@pytest.mark.parametrize(("alpha", "epsilon"), [(0.1, 0.05), (0.3, 0.5), (0.9, 0.2)])
def test_err_10_erasure_channel(alpha, epsilon):
    """Printed: chi^2 = 1 - epsilon/alpha. Sum it over the three things that can be read."""
    q1, q0 = np.array([1 - epsilon, 0, epsilon]), np.array([0, 1 - epsilon, epsilon])
    mixed = alpha * q1 + (1 - alpha) * q0
    exact = float(((q1 - mixed) ** 2 / mixed).sum())
    assert theory.erasure_chi_square(alpha, epsilon) == pytest.approx(exact, rel=1e-12)
    assert abs(1 - epsilon / alpha - exact) > 0.05
    # nor is it the print with a fraction bar put back
    restored = (1 - epsilon) / alpha
    assert restored - exact == pytest.approx(1 - epsilon, rel=1e-12)
    assert 1 + exact - restored == pytest.approx(epsilon, rel=1e-12)


def test_err_10_improvement_is_one_plus_chi_square():
    """Printed: 1 - chi^2. A watermark that is always read must give an oracle's n alpha."""
    n, alpha = 1000, 0.2
    chi = theory.erasure_chi_square(alpha, 0.0)
    assert n * alpha**2 * (1 + chi) == pytest.approx(n * alpha)
    assert n * alpha**2 * (1 - chi) < 0
    assert theory.watermark_effective_size(n, alpha, chi) == pytest.approx(n * alpha)


@pytest.mark.parametrize("alpha", [0.05, 0.4])
def test_err_10_claim_2_is_right_as_printed(alpha):
    for epsilon in (0.01, 0.3, 0.5):
        q1, q0 = np.array([1 - epsilon, epsilon]), np.array([epsilon, 1 - epsilon])
        mixed = alpha * q1 + (1 - alpha) * q0
        odds = alpha / (1 - alpha)
        printed = (1 - 2 * epsilon) * (1 / (odds + epsilon / (1 - epsilon)) - 1 / (odds + (1 - epsilon) / epsilon))
        assert printed == pytest.approx(float(((q1 - mixed) ** 2 / mixed).sum()), abs=1e-13)


def test_err_25_the_jump_is_a_slope_for_finite_n():
    """Printed: accuracy one below the breakdown point and zero above. True of infinitely many points only."""
    good, bad, dim = 0.9, 0.3, 50
    point = theory.breakdown_point(good, bad)
    for n in (100, 10_000):
        below, above = theory.filter_accuracy(point + np.array([-0.01, 0.01]), good, bad, n=n, dim=dim)
        assert 0.5 < below < 0.95
        assert 0.05 < above < 0.5
        assert theory.filter_accuracy(point, good, bad, n=n, dim=dim) == pytest.approx(0.5, abs=1e-12)
    jump = theory.filter_accuracy(point + np.array([-0.01, 0.01]), good, bad)
    assert jump.tolist() == [1.0, 0.0]


def test_err_25_its_width_is_the_root_of_d_over_n():
    """The width in p over which the accuracy falls from 0.75 to 0.25, in units of sqrt(d / n)."""
    good, bad = 0.9, 0.3
    p = np.linspace(0.3, 1.0, 700_001)
    widths = []
    for n, dim in ((10**4, 10), (10**6, 10), (10**6, 1000), (10**8, 10)):
        accuracy = theory.filter_accuracy(p, good, bad, n=n, dim=dim)
        inside = p[(accuracy < 0.75) & (accuracy > 0.25)]
        widths.append(np.ptp(inside) / math.sqrt(dim / n))
    # where m = sqrt(v d / n): |p - p*| (good + bad) sqrt(2 / pi) = sqrt(v d / n), v = 2 p* bad at the breakdown point
    v = 2 * theory.breakdown_point(good, bad) * bad
    want = 2 * math.sqrt(v * math.pi / 2) / (good + bad)
    np.testing.assert_allclose(widths, want, rtol=0.02)
