"""Times until one category is left, against exact linear algebra, fractions, brute force and the diffusion."""

from fractions import Fraction
from itertools import product
from math import comb, factorial

import numpy as np
import pytest

from modelcollapse import theory


def solve(n):
    """E[T; fixes] and E[T^2; fixes] for the counts 1 .. n - 1, by Gauss-Jordan in fractions."""
    x = [Fraction(i, n) for i in range(1, n)]
    A = [
        [Fraction(int(i == j)) - comb(n, j + 1) * x[i] ** (j + 1) * (1 - x[i]) ** (n - j - 1) for j in range(n - 1)]
        for i in range(n - 1)
    ]

    def gauss(right):
        M = [[*row, r] for row, r in zip(A, right, strict=True)]
        for k in range(n - 1):
            M[k] = [v / M[k][k] for v in M[k]]
            for i in range(n - 1):
                if i != k:
                    M[i] = [a - M[i][k] * b for a, b in zip(M[i], M[k], strict=True)]
        return [row[-1] for row in M]

    a = gauss(x)
    return x, a, gauss([2 * u - v for u, v in zip(a, x, strict=True)])


@pytest.mark.parametrize("n", [2, 3, 8, 15])
def test_against_fractions(n):
    x, a, b = solve(n)
    p = np.array([float(v) for v in x])
    np.testing.assert_allclose(
        theory.fixation_time(p, n), [float(u / v) for u, v in zip(a, x, strict=True)], rtol=1e-13
    )
    total = [float(u + v) for u, v in zip(a, reversed(a), strict=True)]
    np.testing.assert_allclose(theory.absorption_time(p, n), total, rtol=1e-13)
    mean, second = a[0] + a[-1], b[0] + b[-1]
    got = theory.collapse_time([1 / n, 1 - 1 / n], n)
    np.testing.assert_allclose(got, [float(mean), float(second - mean**2) ** 0.5], rtol=1e-12)


@pytest.mark.parametrize("n", [100, 1000])
def test_against_linear_algebra(n):
    P, x = theory.wright_fisher_matrix(n), np.arange(1, n) / n
    left = np.eye(n - 1) - P[1:-1, 1:-1]
    a = np.linalg.solve(left, x)
    b = np.linalg.solve(left, 2 * a - x)
    np.testing.assert_allclose(theory.fixation_time(x, n) * x, a, rtol=1e-11)
    i = np.array([n // 10, n // 5, 7 * n // 10])
    mean, sd = theory.collapse_time(i / n, n)
    assert mean == pytest.approx(a[i - 1].sum(), rel=1e-11)
    assert sd == pytest.approx((b[i - 1].sum() - mean**2) ** 0.5, rel=1e-10)


def test_three_categories_by_brute_force():
    n, p = 5, (0.5, 0.3, 0.2)
    states = [s for s in product(range(n + 1), repeat=3) if sum(s) == n]

    def law(q):
        return [factorial(n) / np.prod([factorial(k) for k in s]) * np.prod(np.power(q, s)) for s in states]

    step, now = np.array([law(np.array(s) / n) for s in states]), np.array(law(p))
    many = np.array([max(s) < n for s in states])
    expected = [1.0]
    for _ in range(12):
        expected.append(now @ many)
        now = now @ step
    np.testing.assert_allclose(theory.collapse_law(p, n, 12), expected, rtol=1e-13)


def test_law_and_moments_agree():
    p, n = [0.4, 0.3, 0.2, 0.1], 30
    alive = theory.collapse_law(p, n, 1500)
    mean, sd = theory.collapse_time(p, n)
    t = np.arange(len(alive))
    assert alive.sum() == pytest.approx(mean, rel=1e-12)
    assert ((2 * t + 1) * alive).sum() - mean**2 == pytest.approx(sd**2, rel=1e-11)
    assert alive[1500] / alive[1499] == pytest.approx(1 - 1 / n, rel=1e-12)  # relative accuracy at 1e-21
    assert alive[1500] < 1e-20


def test_rare_types_keep_their_accuracy():
    n = 1000
    expected = theory.fixation_time([1e-3, 1e-5, 1e-7], n)
    small = theory.fixation_time([1e-300, 1e-15, 1e-9], n)
    np.testing.assert_allclose(small, expected[-1], rtol=1e-6)
    assert theory.collapse_law([1 - 1e-15, 1e-15], n, 1)[1] == pytest.approx(n * 1e-15, rel=1e-10)


@pytest.mark.parametrize("n", [20, 1000, 30_000])
def test_distance_from_the_diffusion(n):
    for p, constant in ((0.5, 0.49), (0.1, 0.03)):
        gap = theory.absorption_time(p, n) - theory.absorption_time_diffusion(p, n)
        assert gap == pytest.approx(-np.log(n) / 3 - constant, abs=0.01)


def test_many_categories_and_the_bootstrap():
    n = 2000
    exact, sd = theory.collapse_time([1 / n] * n, n)
    rough = theory.collapse_time_diffusion([1 / n] * n, n)
    assert exact < rough < 2 * n
    assert exact == pytest.approx(rough, rel=0.002)
    assert 1.05 * n < sd < 1.1 * n
    assert theory.collapse_time([1.0], 10) == (0.0, 0.0)
    assert theory.collapse_time([0.9, 0.07, 0.02, 0.01], 1) == (1.0, 0.0)  # not the root of what rounding leaves
    assert theory.collapse_law([0.0, 1.0], 10, 2).tolist() == [0, 0, 0]
    assert theory.collapse_law([0.5, 0.5], 10, 0).tolist() == [1]


def test_forgetting():
    n = 10**4
    for count in (5, 10, 25):
        alive = theory.survival(count / n, n, 100, population=n)[1:, ...]  # from the count itself
        median = int(np.argmax(alive < 0.5))
        assert median == pytest.approx(theory.forgetting_time_median(count), rel=0.05, abs=3)
        mean = theory.absorption_time(count / n, n)
        assert theory.forgetting_time_mean(count, n) == pytest.approx(mean, rel=0.1)
        assert mean > 4 * median


@pytest.mark.parametrize(
    ("claim", "value", "expected", "digits"),
    [
        ("WF-T2", lambda: theory.absorption_time(0.5, 10), 12.59052, 5),
        ("WF-TK", lambda: theory.collapse_time_diffusion([0.1] * 10, 1), 1.8965, 4),
        ("SUR-FORGET", lambda: theory.forgetting_time_median(10), 28.9, 1),
        ("KAZ-DISC", lambda: abs(theory.collapse_time([0.1] * 10, 10)[0] - 17.2) < 2 * 1.02, True, 0),
    ],
)
def test_worked_examples_of_the_catalogue(claim, value, expected, digits):
    assert round(float(value()), digits) == expected, claim


def test_refusals():
    with pytest.raises(ValueError, match=r"p must be frequencies in \(0, 1\) .*got 0"):
        theory.absorption_time([0.5, 0.0], 10)
    with pytest.raises(ValueError, match=r"n must be an integer >= 1 and <= 1000000 .*got 10000000"):
        theory.fixation_time(0.5, 10**7)
    with pytest.raises(ValueError, match=r"count must be <= n"):
        theory.forgetting_time_mean(10, 5)
    with pytest.raises(ValueError, match=r"count must be > 0, got 0"):
        theory.forgetting_time_median(0)
    with pytest.raises(ValueError, match=r"p must be > 0 .*got 0"):
        theory.fixation_time_diffusion(0.0, 10)
    with pytest.raises(ValueError, match=r"n must be >= 1, got 0"):
        theory.absorption_time_diffusion(0.5, 0)
    with pytest.raises(ValueError, match=r"p must be probabilities in \[0, 1\], got 2"):
        theory.absorption_time_diffusion(2.0, 10)
