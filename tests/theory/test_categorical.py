"""Survival in the Wright-Fisher model against exact fractions, bounds, limits and the worked examples."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from modelcollapse import theory


def chain(law, sizes):
    """Exact P(count > 0) after each fit, in fractions; `law` is that of the count after the first."""
    out = []
    for t, n in enumerate(sizes):
        if t:
            m = sizes[t - 1]
            law = [
                sum(w * comb(n, j) * Fraction(i, m) ** j * (1 - Fraction(i, m)) ** (n - j) for i, w in enumerate(law))
                for j in range(n + 1)
            ]
        out.append(1 - law[0])
    return out


def binomial(n, p):
    return [comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(n + 1)]


def hypergeometric(n, count, population):
    return [Fraction(comb(count, j) * comb(population - count, n - j), comb(population, n)) for j in range(n + 1)]


FREQUENCIES = [Fraction(0), Fraction(1, 10**6), Fraction(1, 8), Fraction(1, 2), Fraction(7, 8), Fraction(1)]


@pytest.mark.parametrize("sizes", [(1, 1, 1), (8, 8, 8, 8, 8, 8), (20, 20, 20), (3, 9, 2, 2, 7), (5, 4)], ids=str)
def test_exact_survival_is_the_chain_in_fractions(sizes):
    n = sizes[0] if len(set(sizes)) == 1 else sizes
    got = theory.survival([float(p) for p in FREQUENCIES], n, len(sizes), method="exact")
    assert got.shape == (len(sizes) + 1, len(FREQUENCIES))
    for k, p in enumerate(FREQUENCIES):
        expected = [float(x) for x in chain(binomial(sizes[0], p), sizes)]
        np.testing.assert_allclose(got[1:, k], expected, rtol=1e-13)
    np.testing.assert_array_equal(got[0], [0, 1, 1, 1, 1, 1])


@pytest.mark.parametrize("sizes", [(8, 8, 8), (6, 6, 6, 6), (3, 3), (1, 1), (3, 5, 2)], ids=str)
def test_survival_from_fixed_rows_is_the_chain_in_fractions(sizes):
    population, counts = 8, [0, 1, 2, 5, 7, 8]
    n = sizes[0] if len(set(sizes)) == 1 else sizes
    p = np.array(counts) / population
    got = theory.survival(p, n, len(sizes), population=population, method="exact")
    for k, count in enumerate(counts):
        expected = [float(x) for x in chain(hypergeometric(sizes[0], count, population), sizes)]
        np.testing.assert_allclose(got[1:, k], expected, rtol=1e-13)
    np.testing.assert_allclose(theory.first_fit_survival(p, sizes[0], population=population), got[1], rtol=1e-13)


def test_generation_one_on_all_rows_loses_nothing():
    got = theory.survival([0.25, 0.75], 4, 3, population=4, method="exact")
    np.testing.assert_array_equal(got[:2], 1)
    later = theory.survival([0.25, 0.75], 4, 2, method="exact")
    assert got[2, 0] == pytest.approx(later[1, 0], rel=1e-14)  # one fit from the frequency 1/4, in both


def test_large_n_stays_accurate():
    """Against the closed form after one fit, and against conservation: the survivors carry all of the frequency."""
    p = np.array([1e-9, 1e-4, 0.3, 0.999])
    one = theory.survival(p, 2000, 1, method="exact")[1]
    np.testing.assert_allclose(one, -np.expm1(2000 * np.log1p(-p)), rtol=1e-13)
    np.testing.assert_allclose(theory.first_fit_survival(p, 2000), one, rtol=1e-13)
    late = theory.survival([0.3], 30, 3000)[-1, 0]
    assert late == pytest.approx(theory.fixation_probability([0.3, 0.7])[0], rel=1e-12)


def test_two_types_and_heterozygosity():
    """The share of unfixed chains decays with the largest non-unit eigenvalue, which is also the heterozygosity's."""
    n = 12
    both = theory.survival([0.3], n, 400) + theory.survival([0.7], n, 400) - 1
    eigen = theory.wright_fisher_eigenvalues(n)
    assert both[100, 0] / both[99, 0] == pytest.approx(eigen[2], rel=1e-9)
    H = theory.heterozygosity([0.3, 0.7], theory.inbreeding_replace(n, np.arange(3)))
    np.testing.assert_allclose(H, 0.42 * eigen[2] ** np.arange(3), rtol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_eigenvalues_are_those_of_the_matrix(n):
    matrix = np.array([[float(x) for x in binomial(n, Fraction(i, n))] for i in range(n + 1)])
    eigen = theory.wright_fisher_eigenvalues(n)
    assert np.trace(matrix) == pytest.approx(eigen.sum(), rel=1e-12)
    assert np.trace(matrix @ matrix) == pytest.approx((eigen**2).sum(), rel=1e-12)


def test_iterates_and_their_bounds():
    g = theory.g_iterates(100_000)
    assert g[0] == np.inf
    assert g[1] == 1
    np.testing.assert_array_equal(g[2:], -np.expm1(-g[1:-1]))
    lower, upper = theory.g_bounds(np.arange(1, len(g)))
    assert (lower <= g[1:] * (1 + 1e-13)).all()
    assert (g[1:] <= upper).all()
    assert len(g) * g[-1] == pytest.approx(2, abs=1e-3)
    q = 1 - g[1:]  # the same iterates as chances of being lost
    np.testing.assert_allclose(q[1:], np.exp(q[:-1] - 1), rtol=1e-12)


@pytest.mark.parametrize("n", [5, 100, 1000])
def test_asymptotic_survival_is_a_lower_bound_and_close_for_rare_types(n):
    p = np.array([1 / n, 2 / n, 0.2, 0.9])
    T = 60
    exact, rough = (theory.survival(p, n, T, method=method) for method in ("exact", "asymptotic"))
    assert (rough <= exact * (1 + 1e-12)).all()
    np.testing.assert_allclose(rough[:2], exact[:2], rtol=1e-12)
    published = -np.expm1(-n * np.outer(theory.g_iterates(T)[1:], p))
    assert (published <= rough[1:] * (1 + 1e-12)).all()
    if n == 1000:
        np.testing.assert_allclose(rough[:, :2], exact[:, :2], rtol=0.02)


def test_asymptotic_survival_with_a_schedule_and_with_fixed_rows():
    sizes = (300, 600, 200, 250, 900)
    p = np.array([1, 2, 5]) / 600
    for population in (None, 600):
        exact, rough = (theory.survival(p, sizes, 5, population=population, method=m) for m in ("exact", "asymptotic"))
        np.testing.assert_allclose(rough, exact, rtol=0.02)
    same = theory.survival(p, (300,) * 5, 5, method="asymptotic")
    np.testing.assert_array_equal(same, theory.survival(p, 300, 5, method="asymptotic"))
    counts = theory.survival(p, 600, 6, population=600, method="asymptotic")
    expected = -np.expm1(-np.outer(theory.g_iterates(5)[1:], [1, 2, 5]))
    np.testing.assert_allclose(counts[2:], expected, rtol=1e-12)


def test_shapes_and_repetitions():
    p = np.array([[0.5, 0.25], [0.25, 0.0]])
    got = theory.survival(p, 6, 3)
    assert got.shape == (4, 2, 2)
    np.testing.assert_array_equal(got[:, 0, 1], got[:, 1, 0])
    assert theory.survival(0.5, 6, 3).shape == (4,)
    assert theory.survival(p, 6, 0).tolist() == [[[1, 1], [1, 0]]]
    for method in ("exact", "asymptotic"):
        np.testing.assert_allclose(
            theory.expected_support(p.ravel(), 6, 3, method=method),
            theory.survival(p.ravel(), 6, 3, method=method).sum(axis=1),
        )


def test_methods():
    assert theory.survival_method(2000, 100) == "exact"
    assert theory.survival_method(10**9, 100) == "exact"
    assert theory.survival_method(2000, 10**6) == "asymptotic"
    assert theory.survival_method([50, 60], 2) == "exact"
    assert theory.survival_method([5000, 6000], 2) == "asymptotic"
    assert theory.survival_method(10**6, 0) == "exact"
    for n, kind in ((5000, "exact"), ([5000, 6000], "asymptotic")):
        got = theory.survival([0.1], n, 2)
        np.testing.assert_array_equal(got, theory.survival([0.1], n, 2, method=kind))


@pytest.mark.parametrize(
    ("claim", "value", "expected", "digits"),
    [
        ("WF-EIG", lambda: theory.wright_fisher_eigenvalues(10)[2], 0.9, 12),
        ("WF-FIX", lambda: theory.fixation_probability([0.3, 0.7])[0], 0.3, 12),
        ("WF-LOSS", lambda: theory.survival(1e-8, 10**8, 2, population=10**8)[2], 0.632121, 6),
        ("SHU-DISC-LOSS", lambda: 1 - theory.first_fit_survival(5e-4, 1000), 0.606, 3),
        ("SUR-G", lambda: theory.g_iterates(2)[2], 0.632121, 6),
        ("SUR-T1", lambda: theory.survival(0.01, 100, 1)[1], 0.633968, 6),
        ("SUR-T2", lambda: -np.expm1(-10 * theory.g_iterates(2)[2]), 0.9982, 4),
        ("SED-T1.1", lambda: 1 - theory.heterozygosity([0.5, 0.5], 0.1), 0.55, 12),
        ("WF-T2", lambda: (theory.survival(0.5, 10, 600) * 2 - 1).sum(), 12.59052, 5),
    ],
)
def test_worked_examples_of_the_catalogue(claim, value, expected, digits):
    assert round(float(value()), digits) == pytest.approx(round(expected, digits)), claim


def test_refusals():
    with pytest.raises(ValueError, match=r"p must be probabilities in \[0, 1\], got 1\.5"):
        theory.survival([0.5, 1.5], 10, 2)
    with pytest.raises(ValueError, match="method must be one of 'auto', 'exact', 'asymptotic', got 'fast'"):
        theory.survival([0.5], 10, 2, method="fast")
    with pytest.raises(ValueError, match=r"population must be an integer >= 10 .*got 5\."):
        theory.survival([0.5], 10, 2, population=5)
    with pytest.raises(ValueError, match=r"p must be whole numbers of the 10 rows .*got 0\.55 at index 0"):
        theory.survival([0.55], 10, 2, population=10)
    with pytest.raises(ValueError, match="t must be >= 1"):
        theory.g_bounds(0)
    with pytest.raises(ValueError, match="n must name a size for each of the 3 generations"):
        theory.survival([0.5], (4, 4), 3)
