"""The temporal method: moments against enumeration, limits, the binomial law in many digits."""

from fractions import Fraction
from itertools import product
from math import comb, factorial, inf

import mpmath
import numpy as np
import pytest

from modelcollapse import theory


def change_moments(p, n):
    """Mean and variance of the temporal statistic by enumeration of all counts, in fractions."""
    below = sum(q * (1 - q) for q in p)
    first = second = Fraction(0)
    for counts in product(range(n + 1), repeat=len(p)):
        if sum(counts) != n:
            continue
        weight = Fraction(factorial(n))
        for c, q in zip(counts, p, strict=True):
            weight *= q**c / factorial(c)
        value = sum((Fraction(c, n) - q) ** 2 for c, q in zip(counts, p, strict=True)) / below
        first += weight * value
        second += weight * value**2
    return first, second - first**2


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize("p", [(1, 1), (1, 9), (2, 3, 5), (1, 1, 1, 7), (0, 3, 4)], ids=str)
def test_moments_are_those_of_all_counts(p, n):
    p = [Fraction(q, sum(p)) for q in p]
    mean, variance = change_moments(p, n)
    floats = [float(q) for q in p]
    assert mean == Fraction(1, n)
    assert theory.temporal_sd(floats, n) ** 2 == pytest.approx(float(variance), rel=1e-13, abs=1e-30)
    expected = float(2 / (n**2 * variance)) if variance else inf
    got = theory.temporal_degrees(floats, n)
    assert got == pytest.approx(expected, rel=1e-12) or (not variance and got > 1e12)


@pytest.mark.parametrize("rare", [1e-3, 1e-9, 1e-100])
def test_no_digits_are_lost_when_one_category_is_nearly_all(rare):
    p = np.array([1 - 3 * rare, 2 * rare, rare])
    n = 1000
    with mpmath.workdps(400):
        q = [1 - 3 * mpmath.mpf(rare), 2 * mpmath.mpf(rare), mpmath.mpf(rare)]
        s2, s3 = sum(x**2 for x in q), sum(x**3 for x in q)
        below, square = 1 - s2, s2 - 2 * s3 + s2**2
        variance = (2 * (n - 1) * square + 4 * (s3 - s2**2)) / (mpmath.mpf(n) ** 3 * below**2)
        sd, degrees = float(mpmath.sqrt(variance)), float(below**2 / square)
    assert theory.temporal_sd(p, n) == pytest.approx(sd, rel=1e-12)
    assert theory.temporal_degrees(p) == pytest.approx(degrees, rel=1e-12)


def test_degrees_between_one_and_all_but_one():
    assert theory.temporal_degrees(np.full(40, 1 / 40)) == pytest.approx(39, rel=1e-13)
    assert theory.temporal_degrees([0.9, 0.1]) == pytest.approx(1, rel=1e-13)
    zipf = 1 / np.arange(1, 10_001)
    # ten thousand words, some sixty of which do the moving
    assert 60 < theory.temporal_degrees(zipf / zipf.sum()) < 70
    for n in (10, 1000):
        assert theory.temporal_degrees([0.5, 0.3, 0.2], n) == pytest.approx(
            2 / (n * theory.temporal_sd([0.5, 0.3, 0.2], n)) ** 2, rel=1e-12
        )


@pytest.mark.parametrize(("change", "degrees", "confidence"), [(0.01, 10, 0.95), (1e-7, 1.3, 0.5), (0.4, 900.5, 0.999)])
def test_interval_is_that_of_the_chi_square_law(change, degrees, confidence):
    size, low, high = theory.effective_size_interval(change, degrees, confidence=confidence)
    assert size == pytest.approx(1 / change, rel=1e-15)
    assert low < high
    with mpmath.workdps(30):
        for end, q in ((low, (1 - confidence) / 2), (high, (1 + confidence) / 2)):
            below = mpmath.gammainc(mpmath.mpf(degrees) / 2, 0, degrees * end * change / 2, regularized=True)
            assert float(below) == pytest.approx(q, rel=1e-10)


def test_interval_broadcasts_and_is_wider_for_fewer_degrees():
    size, low, high = theory.effective_size_interval(np.array([0.1, 0.2])[:, None], np.array([5, 50, 500.0]))
    assert low.shape == high.shape == (2, 3)
    assert size.shape == (2, 1)
    assert (np.diff(low) > 0).all()
    assert (np.diff(high) < 0).all()


@pytest.mark.parametrize("n", [1, 2, 9, 400])
@pytest.mark.parametrize("p", [1e-12, 1e-3, 0.3, 0.5, 0.999])
def test_nei_tajima_is_the_binomial_sum(p, n):
    with mpmath.workdps(40):
        q = mpmath.mpf(p)
        total = mpmath.mpf(0)
        for j in range(n + 1):
            x = mpmath.mpf(j) / n
            law = mpmath.binomial(n, j) * q**j * (1 - q) ** (n - j)
            total += law * (x - q) ** 2 / ((x + q) / 2 - x * q)
        expected = float(total)
    assert theory.expected_nei_tajima(p, n) == pytest.approx(expected, rel=1e-12)


def test_nei_tajima_is_right_for_frequent_categories_and_not_for_rare_ones():
    n = 10_000
    frequent, rare = theory.expected_nei_tajima([[0.5, 0.1]], n)[0], theory.expected_nei_tajima(1e-7, n)
    np.testing.assert_allclose(frequent, 1 / n, rtol=1e-3)
    assert rare == pytest.approx(4e-7, rel=1e-2)
    # the mean over the words of a language: an effective size several times too large
    zipf = 1 / np.arange(1, 5001)
    assert 1 / theory.expected_nei_tajima(zipf / zipf.sum(), n).mean() > 1.05 * n


def test_two_categories_in_fractions():
    # x = 0 or 1/2 or 1 from p = 1/4: by hand
    p = Fraction(1, 4)
    total = Fraction(0)
    for j in range(3):
        x = Fraction(j, 2)
        total += comb(2, j) * p**j * (1 - p) ** (2 - j) * (x - p) ** 2 / ((x + p) / 2 - x * p)
    assert theory.expected_nei_tajima(0.25, 2) == pytest.approx(float(total), rel=1e-14)


def test_noncentrality():
    assert theory.increment_noncentrality(0.1, 0.5, 400, 4) == pytest.approx(2.0, rel=1e-14)
    assert theory.increment_noncentrality(0.1, [0.0, 1.0], 400, 4).tolist() == [0.0, 0.0]
    assert theory.increment_noncentrality([[0.1], [-0.2]], [0.1, 0.2, 0.3], 10, 2).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: theory.temporal_sd([1.0], 5), r"p must have two categories of positive probability .* got 1"),
        (lambda: theory.temporal_sd([0.5, 0.6], 5), r"p must sum to one .* 1\.1"),
        (lambda: theory.temporal_sd([0.5, 0.5], 0), r"n must be an integer >= 1, got 0"),
        (lambda: theory.temporal_degrees([0.5, 0.5], 0), r"n must be an integer >= 1, got 0"),
        (lambda: theory.effective_size_interval(0.0, 5), r"change must be > 0 .* got 0\.0"),
        (lambda: theory.effective_size_interval(0.1, np.nan), r"degrees must be > 0 .* got nan"),
        (lambda: theory.effective_size_interval(0.1, 5, confidence=1.0), r"confidence must be .* got 1"),
        (lambda: theory.expected_nei_tajima([0.5, 1.0], 5), r"p must be in \(0, 1\) .* got 1"),
        (lambda: theory.expected_nei_tajima(0.5, 2.5), r"n must be an integer >= 1, got 2\.5"),
        (lambda: theory.increment_noncentrality(0.1, 1.5, 5, 5), r"p must be probabilities in \[0, 1\], got 1\.5"),
        (lambda: theory.increment_noncentrality(0.1, 0.5, 0, 5), r"n must be >= 1, got 0"),
        (lambda: theory.increment_noncentrality(0.1, 0.5, 5, 0), r"generations must be >= 1, got 0"),
    ],
)
def test_messages(call, match):
    with pytest.raises((TypeError, ValueError), match=match):
        call()
