"""Matrix, modes and diffusion of the two-type chain against fractions, known moments and each other."""

from fractions import Fraction
from math import comb

import mpmath
import numpy as np
import pytest
from scipy import stats

from modelcollapse import theory


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 5), (7, 7), (12, 3)])
def test_matrix_is_binomial(n, m):
    got = theory.wright_fisher_matrix(n, m)
    for i in range(n + 1):
        x = Fraction(i, n)
        np.testing.assert_allclose(
            got[i], [float(comb(m, j) * x**j * (1 - x) ** (m - j)) for j in range(m + 1)], rtol=1e-14
        )


def test_matrix_keeps_relative_accuracy_in_the_tails():
    n, i = 400, 7
    got = theory.wright_fisher_matrix(n)[i]
    with mpmath.workdps(30):
        x = mpmath.mpf(i) / n
        for j in (0, 3, 60, 110):
            expected = mpmath.binomial(n, j) * x**j * (1 - x) ** (n - j)
            assert got[j] == pytest.approx(float(expected), rel=1e-12)


def test_matrix_with_immigrants():
    got = theory.wright_fisher_matrix(5, migration=0.2, source=0.25)
    for i in range(6):
        np.testing.assert_allclose(got[i], stats.binom.pmf(np.arange(6), 5, 0.8 * i / 5 + 0.05), rtol=1e-12)


@pytest.mark.parametrize("migration", [0.0, 0.1])
def test_sparse_matrix_loses_what_it_says(migration):
    n = 800
    dense = theory.wright_fisher_matrix(n, migration=migration, source=0.3)
    for tolerance in (1e-15, 1e-4):
        sparse, lost = theory.wright_fisher_sparse(n, tolerance=tolerance, migration=migration, source=0.3)
        kept = sparse.toarray()
        assert (np.abs(kept - dense)[kept > 0] <= 1e-13 * dense[kept > 0]).all()
        missing = 1 - kept.sum(axis=1)
        assert missing.max() == pytest.approx(lost, abs=1e-13)
        assert lost <= 2 * tolerance
    assert sparse.nnz < n**2 / 4


def test_modes_are_eigenvectors_and_biorthogonal():
    n = 300
    values, right, left = theory.wright_fisher_modes(n, 15)
    P = theory.wright_fisher_matrix(n)
    np.testing.assert_allclose(right @ P.T, values[:, None] * right, atol=1e-12)
    np.testing.assert_allclose(left @ P, values[:, None] * left, atol=1e-11 * np.abs(left).max())
    np.testing.assert_allclose(left @ right.T, np.eye(15), atol=1e-10)
    np.testing.assert_allclose(np.abs(right[2]), 4 * (x := np.arange(n + 1) / n) * (1 - x), atol=1e-12)


def test_modes_give_survival_late_in_a_run():
    n = 250
    values, right, left = theory.wright_fisher_modes(n, 20)
    amplitudes = left @ (np.arange(n + 1) > 0)
    exact = theory.survival(np.array([4, 80, 200]) / n, n, 2000)
    for t in (160, 800, 2000):
        got = (amplitudes * values**t) @ right[:, [4, 80, 200]]
        np.testing.assert_allclose(got, exact[t], rtol=1e-9)


@pytest.mark.parametrize(("n", "modes"), [(1, 2), (2, 3), (3, 1)])
def test_modes_of_tiny_chains(n, modes):
    values, right, left = theory.wright_fisher_modes(n, modes)
    assert len(values) == len(right) == len(left) == modes
    P = theory.wright_fisher_matrix(n)
    np.testing.assert_allclose(right @ P.T, values[:, None] * right, atol=1e-14)


def test_quasi_stationary_law():
    n = 200
    law = theory.quasi_stationary(n)
    P = theory.wright_fisher_matrix(n)
    moved = law @ P
    np.testing.assert_allclose(moved[1:-1] / moved[1:-1].sum(), law[1:-1], rtol=1e-11)
    x = np.arange(n + 1) / n
    undecided = theory.collapse_law([0.3, 0.7], n, 1500)
    amplitude = 0.21 / (law @ (x * (1 - x)))
    assert undecided[1500] == pytest.approx((1 - 1 / n) ** 1500 * amplitude, rel=1e-9)
    np.testing.assert_allclose(theory.quasi_stationary(2000)[200:1800] * 1999, 1, rtol=0.01)


def test_diffusion_against_many_digits():
    with mpmath.workdps(40):
        for p, time in ((0.3, 1.0), (0.01, 0.02), (0.9, 0.3)):
            r, total = 1 - 2 * mpmath.mpf(p), mpmath.mpf(0)
            for i in range(1, 120):
                total += (
                    (-1) ** i
                    * (mpmath.legendre(i - 1, r) - mpmath.legendre(i + 1, r))
                    * mpmath.exp(-mpmath.mpf(i * (i + 1)) / 2 * time)
                )
            assert theory.diffusion_fixed(p, time) == pytest.approx(float(p + total / 2), abs=1e-13)


def test_diffusion_is_the_limit_of_the_chain():
    p, times = np.array([0.05, 0.3, 0.8]), np.array([0.05, 0.5, 2.0])
    errors = []
    for n in (500, 5000, 50_000):
        exact = theory.survival(p, n, 2 * n)[(times * n).astype(int)]
        errors.append(np.abs(1 - theory.diffusion_fixed(1 - p, times[:, None]) - exact).max())
    sizes = np.array([500, 5000, 50_000])
    assert (np.array(errors) < 2 * np.log(sizes) / sizes).all()
    assert errors[2] < errors[1] / 7 < errors[0] / 49


def test_diffusion_adds_up():
    p, time = np.linspace(0, 1, 21), np.array([[1e-3], [0.1], [1.0], [10.0]])
    both = theory.diffusion_fixed(p, time) + theory.diffusion_fixed(1 - p, time) + theory.diffusion_unfixed(p, time)
    np.testing.assert_allclose(both, 1, atol=1e-12)
    np.testing.assert_allclose(
        theory.diffusion_unfixed(p, 10.0), 6 * p * (1 - p) * np.exp(-10.0), rtol=1e-12, atol=1e-17
    )
    np.testing.assert_array_equal(theory.diffusion_fixed([0.0, 1.0], 0.5), [0, 1])


def test_refusals():
    with pytest.raises(ValueError, match=r"n must be an integer >= 1 and <= 5000 .*got 6000"):
        theory.wright_fisher_matrix(6000)
    with pytest.raises(ValueError, match=r"source must be a probability .*got None"):
        theory.wright_fisher_matrix(5, migration=0.1)
    with pytest.raises(ValueError, match=r"time must be >= 1e-05 .*got 1e-06"):
        theory.diffusion_fixed(0.5, 1e-6)
    with pytest.raises(ValueError, match=r"p must be probabilities in \[0, 1\], got -0\.5"):
        theory.diffusion_unfixed(-0.5, 1.0)
    with pytest.raises(ValueError, match=r"modes must be an integer >= 1 and <= 4, got 5"):
        theory.wright_fisher_modes(3, 5)
    with pytest.raises(ValueError, match=r"n must be an integer >= 2 .*got 1"):
        theory.quasi_stationary(1)
