"""The chain without its matrix: against fractions, the matrix, sums of many digits, and conservation."""

from fractions import Fraction
from math import comb

import mpmath
import numpy as np
import pytest

from modelcollapse import theory
from modelcollapse.theory import backward, categorical

P = np.array([1e-12, 1e-7, 1e-4, 0.01, 0.2, 0.5, 0.9, 0.999, 1.0])


@pytest.mark.parametrize("n", [1, 2, 3, 12])
def test_against_fractions(n):
    chain = [
        [comb(n, j) * Fraction(i, n) ** j * (1 - Fraction(i, n)) ** (n - j) for j in range(n + 1)] for i in range(n + 1)
    ]
    alive, expected = [Fraction(int(i > 0)) for i in range(n + 1)], []
    for _ in range(8):
        first = {
            p: [comb(n, j) * Fraction(p) ** j * (1 - Fraction(p)) ** (n - j) for j in range(n + 1)] for p in P.tolist()
        }
        expected.append([float(sum(w * a for w, a in zip(first[p], alive, strict=True))) for p in P.tolist()])
        alive = [sum(w * a for w, a in zip(row, alive, strict=True)) for row in chain]
    got = P * (1 + backward.survival_excess(n, P, 8))
    np.testing.assert_allclose(got, expected, rtol=1e-13)


@pytest.mark.parametrize(("n", "T"), [(40, 3000), (700, 300), (1500, 80)])
def test_against_the_matrix(n, T):
    got = P * (1 + backward.survival_excess(n, P, T))
    alive = categorical._alive(n, T)
    expected = np.stack([categorical._binomial(n, p) for p in P.tolist()]) @ alive
    np.testing.assert_allclose(got, expected.T, rtol=2e-12)


@pytest.mark.parametrize("population", [450, 1250])
def test_fixed_rows_against_the_matrix(population):
    n, T = 450, 60
    counts = np.array([0, 1, 2, 40, 225, population - 1, population])
    got = categorical._continuous(counts / population, n, T, counts, population)
    expected = theory.survival(counts / population, n, T, population=population, method="exact")
    np.testing.assert_allclose(got, expected[1:], rtol=1e-12)


@pytest.mark.parametrize("n", [10**4, 10**6])
def test_two_fits_of_many_points_to_many_digits(n):
    p = np.array([1e-9, 1 / n, 10 / n])
    got = p * (1 + backward.survival_excess(n, p, 2))
    with mpmath.workdps(40):
        for k, q in enumerate(map(mpmath.mpf, p.tolist())):
            one = -mpmath.expm1(n * mpmath.log1p(-q))
            term, lost = (1 - q) ** n, mpmath.mpf(0)
            for j in range(120):
                lost += term * (1 - mpmath.mpf(j) / n) ** n
                term *= mpmath.mpf(n - j) / (j + 1) * q / (1 - q)
            assert got[0, k] == pytest.approx(float(one), rel=1e-13)
            assert got[1, k] == pytest.approx(float(1 - lost), rel=1e-13)


def test_large_n_against_the_sparse_matrix():
    n, T = 6000, 40
    matrix, lost = theory.wright_fisher_sparse(n)
    assert lost < 1e-14
    alive = (np.arange(n + 1) > 0).astype(float)
    counts = np.array([1, 5, 100, 3000])
    got = counts / n * (1 + backward.survival_excess(n, counts / n, T))
    for t in range(T):
        alive = matrix @ alive
        np.testing.assert_allclose(got[t], alive[counts], rtol=1e-12)


@pytest.mark.parametrize("n", [5000, 10**5, 10**8])
def test_heterozygosity_comes_out_for_any_n(n):
    """A function with a known expectation goes through the same grids: E p_t(1 - p_t) = (1 - 1/n)^t p(1 - p)."""
    T, p = 300, np.array([1e-6, 1e-3, 0.3, 0.99])
    got = backward.curves(n, T, lambda x: 1 - x, backward.at(p), full=True)
    expected = np.multiply.outer(np.exp(np.arange(1, T + 1) * np.log1p(-1 / n)), 1 - p)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def test_late_and_rare_in_large_populations():
    """In the long run a category is alive if it has won: probability p; and what is not decided falls like 1 - 1/n."""
    n, T = 3000, 60_000
    p = np.array([1e-9, 0.01, 0.4])
    D = backward.survival_excess(n, p, T)
    np.testing.assert_allclose(D[-1], (1 - 1 / n) ** 20_000 * D[-20_001], rtol=1e-7)
    assert (D[-1] < 1e-4).all()
    assert (np.diff(D, axis=0) <= 1e-12 * D[1:]).all()


def test_survival_of_large_samples_is_between_its_bounds():
    for n in (5000, 10**5):
        p, T = np.array([1 / n, 20 / n, 0.01, 0.5]), 200
        lower, upper = theory.survival_bounds(p, n, T)
        exact = theory.survival(p, n, T)
        assert (exact >= lower * (1 - 1e-12)).all()
        assert (exact <= upper * (1 + 1e-12)).all()


def test_octaves_keep_functions_that_change_near_zero():
    """Interpolation on the grid with octaves returns the logarithm to rounding, and exactly at its points."""
    grid = backward.Grid(1e-4, full=True)
    x = np.geomspace(1e-4, 1, 1001)
    values = np.append(np.log(np.maximum(grid.nodes, 1e-300)), 1.0)
    values[: backward.NODES] = np.log(1e-4)
    got = grid.interpolation(x[1:]) @ values
    np.testing.assert_allclose(got, np.log(x[1:]), rtol=0, atol=1e-13)
    rows = grid.interpolation(grid.nodes[-5:])
    np.testing.assert_array_equal(rows[:, -6:-1], np.eye(5))


def test_next_to_one_the_complement_counts():
    grid = backward.Grid(1.0, full=False)
    left = np.array([1e-15, 1e-9, 1e-3, 0.5, 1.0])
    values = np.append((1 - grid.nodes) * np.exp(grid.nodes), 1.0)
    half = slice(backward.NODES // 2, -1)  # where 1 - x must not be computed by a subtraction
    angles = np.pi * np.arange(backward.NODES + 1) / (2 * (backward.NODES - 1))
    values[half] = np.cos(angles[half]) ** 2 * np.exp(np.append(grid.nodes, 0.0)[half])
    got = grid.interpolation(1 - left, left) @ values
    np.testing.assert_allclose(got, left * np.exp(1 - left), rtol=1e-13)
