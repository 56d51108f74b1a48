"""Expectations and scatter of diversity, against brute force over all states, the matrix, and fractions."""

from fractions import Fraction
from itertools import product
from math import factorial

import mpmath
import numpy as np
import pytest
from scipy import special

from modelcollapse import theory


def multinomial(n, p):
    states = [s for s in product(range(n + 1), repeat=len(p)) if sum(s) == n]

    def law(q):
        return np.array([factorial(n) / np.prod([factorial(k) for k in s]) * np.prod(np.power(q, s)) for s in states])

    return np.array(states), law(np.array(p)), np.array([law(np.array(s) / n) for s in states])


@pytest.mark.parametrize(
    ("n", "p"), [(2, (0.5, 0.5)), (5, (0.5, 0.3, 0.2)), (4, (0.25, 0.25, 0.25, 0.25)), (1, (0.3, 0.7))]
)
def test_against_all_states(n, p):
    T = 7
    states, law, step = multinomial(n, p)
    x = states / n
    H, K, entropy = 1 - (x**2).sum(axis=1), (states > 0).sum(axis=1), special.entr(x).sum(axis=1)
    spread, types, nats = (
        theory.heterozygosity_sd(p, n, T),
        theory.support_sd(p, n, T),
        theory.expected_entropy(p, n, T),
    )
    assert spread[0] == types[0] == 0
    assert nats[0] == pytest.approx(special.entr(p).sum(), rel=1e-14)
    for t in range(1, T + 1):
        np.testing.assert_allclose(spread[t] ** 2, law @ (H - law @ H) ** 2, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(types[t] ** 2, law @ (K - law @ K) ** 2, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(nats[t], law @ entropy, rtol=1e-12, atol=1e-15)
        law = law @ step


def test_scatter_of_heterozygosity_in_fractions_with_a_schedule():
    """The moments of the multinomial, expanded without rearrangement: E sum p^2, E (sum p^2)^2, E sum p^3."""
    p, sizes = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)], [7, 3, 1000]
    S2, S3 = (sum(v**k for v in p) for k in (2, 3))
    Q, expected = S2**2, [0.0]
    for n in sizes:
        f2, f3, f4 = n * (n - 1), n * (n - 1) * (n - 2), n * (n - 1) * (n - 2) * (n - 3)
        S2, S3, Q = (
            Fraction(f2 * S2 + n, n**2),
            Fraction(f3 * S3 + 3 * f2 * S2 + n, n**3),
            Fraction(f4 * Q + f3 * (2 * S2 + 4 * S3) + f2 * (1 + 6 * S2) + n, n**4),
        )
        expected.append(float(Q - S2**2) ** 0.5)
    np.testing.assert_allclose(theory.heterozygosity_sd([float(v) for v in p], sizes, 3), expected, rtol=1e-13)


def test_scatter_of_heterozygosity_does_not_cancel():
    n = 10**12
    got = theory.heterozygosity_sd([0.3, 0.7], n, 1)[1]
    with mpmath.workdps(60):
        p, m = mpmath.mpf(3) / 10, mpmath.mpf(n)
        S2, S3 = p**2 + (1 - p) ** 2, p**3 + (1 - p) ** 3
        f2, f3, f4 = m * (m - 1), m * (m - 1) * (m - 2), m * (m - 1) * (m - 2) * (m - 3)
        Q = (f4 * S2**2 + f3 * (2 * S2 + 4 * S3) + f2 * (1 + 6 * S2) + m) / m**4
        assert got == pytest.approx(float(mpmath.sqrt(Q - ((f2 * S2 + m) / m**2) ** 2)), rel=1e-13)


def test_fixed_rows():
    p, n = [0.5, 0.25, 0.25], 8
    same = theory.heterozygosity_sd(p, n, 4)
    shifted = theory.heterozygosity_sd(p, n, 5, population=n)
    np.testing.assert_allclose(shifted[1:], same, rtol=1e-14)
    assert shifted[0] == 0
    np.testing.assert_allclose(theory.support_sd(p, n, 5, population=n)[1:], theory.support_sd(p, n, 4), atol=1e-7)


@pytest.mark.parametrize("n", [60, 1500])
def test_entropy_against_the_matrix(n):
    p, T = np.array([0.1, 0.1, 0.8]), 40
    h, at, expected = special.entr(np.arange(n + 1) / n), (p * n).round().astype(int), []
    P = theory.wright_fisher_matrix(n)
    for _ in range(T + 1):
        expected.append(h[at].sum())
        h = P @ h
    np.testing.assert_allclose(theory.expected_entropy(p, n, T), expected, rtol=1e-12)


@pytest.mark.parametrize("n", [3, 3000, 10**7])
def test_known_expectations_come_out(n):
    p, T = np.array([0.5, 0.3, 0.2]), 50
    got = theory.expected_sum(lambda x: x**2, p, n, T)
    np.testing.assert_allclose(
        got, 1 - theory.heterozygosity(p, theory.inbreeding_replace(n, np.arange(T + 1))), rtol=1e-12
    )
    np.testing.assert_allclose(theory.expected_sum(lambda x: x, p, n, T), 1, rtol=1e-12)


def test_entropy_loss_is_the_first_order():
    n = 10**6
    exact = -np.diff(theory.expected_entropy([0.1] * 10, n, 2))
    np.testing.assert_allclose(exact, theory.entropy_loss(10, n), rtol=1e-4)
    assert round(float(theory.entropy_loss(10, 1000)), 4) == 0.0045


def test_support_scatter_of_many_categories():
    """First fit: independent of the engine, P(i and j both missed) = (1 - p_i - p_j)^n."""
    n = 50
    p = np.arange(1, 31) / np.arange(1, 31).sum()
    missed, both = (1 - p) ** n, (1 - p[:, None] - p) ** n
    np.fill_diagonal(both, missed)
    expected = (both - np.outer(missed, missed)).sum() ** 0.5
    assert theory.support_sd(p, n, 1)[1] == pytest.approx(expected, rel=1e-12)


def test_refusals():
    with pytest.raises(ValueError, match="f must return finite numbers"):
        theory.expected_sum(lambda x: np.full_like(x, np.nan), [0.5, 0.5], 5, 1)
    with pytest.raises(ValueError, match="f must return finite numbers in the shape"):
        theory.expected_sum(lambda x: 1.0, [0.4, 0.6], 5, 1)
    with pytest.raises(ValueError, match=r"population must be 8 .*got 9"):
        theory.heterozygosity_sd([0.5, 0.5], 8, 2, population=9)
    with pytest.raises(ValueError, match=r"p must have at most 1500 different values .*got 1600"):
        theory.support_sd(np.arange(1, 1601) / np.arange(1, 1601).sum(), 10, 1)
    with pytest.raises(ValueError, match=r"categories must be >= 1 .*got 0"):
        theory.entropy_loss(0, 10)
    with pytest.raises(ValueError, match=r"n must be >= 1, got 0"):
        theory.entropy_loss(2, 0)
