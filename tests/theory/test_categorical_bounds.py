"""Bounds hold, sharper ones are between the published and the truth, and the corrected formulas are the recursion."""

import mpmath as mp
import numpy as np
import pytest

from modelcollapse import theory


@pytest.mark.parametrize("n", [1, 2, 10, 100, 1000])
def test_survival_bounds_hold(n):
    p, T = np.array([0.0, 1e-6, 0.1 / n, 0.3, 0.5, 0.99, 1.0]), 80
    exact = theory.survival(p, n, T)
    lower, upper = theory.survival_bounds(p, n, T)
    rough_lower, rough_upper = theory.survival_bounds(p, n, T, published=True)
    slack = 1e-12
    assert (rough_lower <= lower * (1 + slack)).all()
    assert (lower <= exact * (1 + slack) + 1e-15).all()
    assert (exact <= upper * (1 + slack) + 1e-15).all()
    assert (upper <= rough_upper * (1 + slack)).all()
    assert (np.diff(upper, axis=0) <= slack).all()
    np.testing.assert_allclose(lower[1], upper[1], rtol=1e-14)  # one fit is known


def test_upper_bound_is_sharp_late():
    p, n, T = 0.3, 20, 400
    lower, upper = theory.survival_bounds(p, n, T)
    assert lower[-1] == p
    assert upper[-1] == pytest.approx(p, rel=1e-6)
    assert theory.survival_bounds(p, n, T, published=True)[1][-1] == 1
    assert theory.survival_bounds(0.0002718394410339216, 30, 2392, published=True)[1][-1] == 1  # not an ulp less


def test_coexistence():
    n, T, p = 30, 100, np.array([0.02, 0.5])
    exact = np.stack([theory.collapse_law([q, 1 - q], n, T) for q in p], axis=1)
    for published in (False, True):
        lower, upper = theory.coexistence_bounds(p, n, T, published=published)
        assert (lower <= exact + 1e-13).all()
        assert (exact <= upper + 1e-13).all()
    published = theory.coexistence_bounds(p, n, T, published=True)[0]
    g = theory.g_iterates(T)[1:, None]
    formula = np.maximum(1 - np.exp(-n * p * g) - np.exp(-n * (1 - p) * g), 0)
    np.testing.assert_allclose(published[1:], formula, atol=1e-15)


@pytest.mark.parametrize("p", [1e-9, 3e-5, 0.2, 0.8, 1 - 1e-6, 1 - 2.0**-40])
def test_published_bounds_of_rare_types_keep_their_digits(p):
    n, T = 500, 12
    g = [mp.mpf(1)]
    with mp.workdps(50):
        for _ in range(T - 1):
            g.append(1 - mp.exp(-g[-1]))

        def lost(q, t, share=1):
            return share * mp.exp(-n * q * g[t - 1])

        def bracket(q, t):
            return max(1 - 3 * n * q**2 - 3 * t * q, mp.mpf(0))

        q, r, t = mp.mpf(p), 1 - mp.mpf(p), np.arange(1, T + 1)
        upper = [float(1 - lost(q, k, bracket(q, k))) for k in t]
        both = [
            [float(max(1 - lost(q, k) - lost(r, k), 0)) for k in t],
            [float(1 - lost(q, k, bracket(q, k)) - lost(r, k, bracket(r, k))) for k in t],
        ]
    np.testing.assert_allclose(theory.survival_bounds(p, n, T, published=True)[1][1:], upper, rtol=1e-13)
    for got, wanted in zip(theory.coexistence_bounds(p, n, T, published=True), both, strict=True):
        np.testing.assert_allclose(got[1:], wanted, rtol=1e-13)


def test_support():
    p = 1 / np.arange(1, 41)
    p /= p.sum()
    exact = theory.expected_support(p, 60, 50)
    for published in (False, True):
        lower, upper = theory.support_bounds(p, 60, 50, published=published)
        assert (lower <= exact * (1 + 1e-12)).all()
        assert (exact <= upper * (1 + 1e-12)).all()


def test_support_of_a_corpus():
    """The shipped text of the paper: 436,577 tokens and 19,919 types; here a Zipf law of that size, three ways."""
    p = 1 / (np.arange(1, 19_920) + 2.7)
    p /= p.sum()
    n = 436_577
    exact = theory.expected_support(p, n, 10)
    lower, upper = theory.support_bounds(p, n, 10, published=True)
    assert (lower <= exact * (1 + 1e-12)).all()
    assert (exact <= upper * (1 + 1e-12)).all()
    np.testing.assert_allclose(lower, exact, rtol=1e-4)  # they coincide on a plot
    np.testing.assert_allclose(upper[1:], exact[1:], rtol=0.2)


@pytest.mark.parametrize(
    ("p", "n"), [([0.3, 0.7], 20), ([0.25] * 4, 10), ([0.05] * 20, 6), ([0.5, 0.5], 2), ([1e-6, 1 - 1e-6], 50)]
)
def test_collapse_bounds_hold(p, n):
    T = 300
    exact = 1 - theory.collapse_law(p, n, T)
    lower, upper = theory.collapse_bounds(p, n, T)
    rough_lower, rough_upper = theory.collapse_bounds(p, n, T, published=True)
    assert (rough_lower <= lower + 1e-14).all()
    assert (lower <= exact + 1e-12).all()
    assert (exact <= upper + 1e-12).all()
    assert (upper <= rough_upper + 1e-14).all()
    assert lower[0] == rough_lower[0] == 0
    mean = theory.collapse_time(p, n)[0]
    low, high = theory.collapse_time_bounds(p, n)
    rough_low, rough_high = theory.collapse_time_bounds(p, n, published=True)
    assert rough_low <= low * (1 + 1e-12)
    assert low <= mean * (1 + 1e-12)
    assert mean <= high * (1 + 1e-12)
    assert high <= rough_high * (1 + 1e-12)


def test_time_bound_is_the_sum_of_the_tails():
    p, n = [0.4, 0.4, 0.2], 25
    lower, _ = theory.collapse_bounds(p, n, 5000)
    assert (1 - lower).sum() == pytest.approx(theory.collapse_time_bounds(p, n)[1], rel=1e-12)
    big = theory.collapse_time_bounds(p, 10**5)
    assert big[1] < 2 * 10**5 * np.log(10**5)
    assert theory.collapse_bounds([1.0], 5, 2)[0].tolist() == [1, 1, 1]


def test_collisions():
    t = np.arange(8)
    assert theory.collision_replace(0.5, 10, 0) == 0.5
    S = [0.365]
    for _ in range(7):
        S.append(1 / 10 + (1 - 1 / 10) * S[-1])
    np.testing.assert_allclose(theory.collision_replace(0.365, 10, t), S, rtol=1e-14)
    assert theory.collision_fixed_real(0.365, 30, 20, 1) == pytest.approx(1 / 20 + (1 - 1 / 20) * 0.365)
    assert theory.collision_fixed_real(0.365, 30, 20, 0) == 0.365


@pytest.mark.parametrize(("n", "N"), [(3, 2), (2, 3)])
def test_distance_from_the_first_fit_by_brute_force(n, N):
    """Two categories, all real samples and paths: the mean distance is below the bound, its mean square equal."""
    from math import comb

    p = 0.3
    for t in range(2, 5):
        mean = square = 0.0
        for c in range(N + 1):
            first = c / N
            weight = comb(N, c) * p**c * (1 - p) ** (N - c)
            law = {first: 1.0}
            for _ in range(t - 1):
                new = {}
                for q, w in law.items():
                    for j in range(n + 1):
                        x = (c + j) / (N + n)
                        new[x] = new.get(x, 0.0) + w * comb(n, j) * q**j * (1 - q) ** (n - j)
                law = new
            mean += weight * sum(w * 2 * abs(x - first) for x, w in law.items())
            square += weight * sum(w * (x - first) ** 2 for x, w in law.items())
        bound = theory.first_fit_distance_bound(n, N, 2, t=t)
        alpha = n / (N + n)
        b = alpha**2 * (1 - 1 / n)
        exact = p * (1 - p) * (1 - 1 / N) * alpha**2 / n * (1 - b ** (t - 1)) / (1 - b)
        assert square == pytest.approx(exact, rel=1e-12)
        assert mean <= 2 * exact**0.5 <= bound * (1 + 1e-12)
        assert bound <= theory.first_fit_distance_bound(n, N, 2) <= (n * 1) ** 0.5 / N
        assert bound <= theory.first_fit_distance_bound(n, N, 2, published=True)
    assert theory.first_fit_distance_bound(n, N, 2, t=1) == 0


@pytest.mark.parametrize(
    ("claim", "value", "expected", "digits"),
    [
        ("SED-T1.1", lambda: theory.collision_replace(0.5, 10, 1), 0.55, 12),
        ("SED-T1.2", lambda: theory.collapse_bounds([0.3, 0.7], 20, 5, published=True)[1][5], 0.35002, 5),
        ("SED-T1.3 lower", lambda: theory.collapse_time_bounds([0.5, 0.5], 10, published=True)[0], 10, 12),
        ("SED-T1.3 upper", lambda: theory.collapse_time_bounds([0.5, 0.5], 10, published=True)[1], 46, 12),
        ("SED-T2", lambda: theory.collision_fixed_real(0.365, 30, 20, 2), 0.40399, 5),
        ("SUR-T1", lambda: theory.survival_bounds(0.01, 100, 1)[0][1], 0.633968, 6),
    ],
)
def test_worked_examples_of_the_catalogue(claim, value, expected, digits):
    assert round(float(value()), digits) == pytest.approx(expected, abs=1e-12), claim


def test_the_simple_bound_of_the_catalogue_is_implied():
    assert round((100 * 3) ** 0.5 / 50, 4) == 0.3464
    assert theory.first_fit_distance_bound(100, 50, 4) < 0.3464


def test_refusals():
    with pytest.raises(ValueError, match=r"p must be probabilities in \[0, 1\], got 1\.5"):
        theory.survival_bounds(1.5, 10, 2)
    with pytest.raises(ValueError, match=r"n must be an integer >= 2 .*got 1"):
        theory.collapse_bounds([0.5, 0.5], 1, 2)
    with pytest.raises(ValueError, match=r"p must have at least two probabilities > 0 .*got one"):
        theory.collapse_time_bounds([1.0], 5)
    with pytest.raises(ValueError, match="categories must be >= 1, got 0"):
        theory.first_fit_distance_bound(5, 5, 0)
    with pytest.raises(ValueError, match=r"t must be >= 1 .*got 0"):
        theory.first_fit_distance_bound(5, 5, 2, t=0)
