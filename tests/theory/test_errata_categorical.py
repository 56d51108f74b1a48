"""Published statements on categorical models that fail as printed: the printed form fails, ours holds."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from modelcollapse import theory
from modelcollapse.regimes import FixedReal, Subsample


def collisions_of_the_fixed_real_loop(p, n, N, T):
    """Exact E sum p_t^2 of two categories, over all real samples and all paths, in fractions."""
    out = []
    states = {(c, Fraction(c, N)): comb(N, c) * p**c * (1 - p) ** (N - c) for c in range(N + 1)}
    for _ in range(T):
        out.append(sum(w * (x**2 + (1 - x) ** 2) for (_, x), w in states.items()))
        new = {}
        for (c, x), w in states.items():
            for j in range(n + 1):
                key = (c, Fraction(c + j, N + n))
                new[key] = new.get(key, 0) + w * comb(n, j) * x**j * (1 - x) ** (n - j)
        states = new
    return out


def seddik(S0, n, N, t, sign):
    """Theorem 2 for t + 1; the paper prints sign = -1."""
    alpha = Fraction(n, N + n)
    beta = alpha * ((1 + Fraction(1, N)) * alpha - Fraction(1, N))
    first = Fraction(1, N) * (1 + 2 * alpha - (1 - Fraction(1, N)) * alpha * beta**t)
    second = (1 - Fraction(1, N)) * S0 * (1 + alpha + sign * alpha / N * beta**t)
    return (first + second) / (1 + (1 + Fraction(1, N)) * alpha)


def test_err_7_the_sign_in_theorem_2_of_seddik():
    p, n, N = Fraction(3, 10), 2, 3
    S0 = p**2 + (1 - p) ** 2
    exact = collisions_of_the_fixed_real_loop(p, n, N, 4)
    for t, S in enumerate(exact):
        assert seddik(S0, n, N, t, +1) == S
        assert seddik(S0, n, N, t, -1) != S
        assert theory.collision_fixed_real(float(S0), n, N, t + 1) == pytest.approx(float(S), rel=1e-13)
    assert seddik(S0, n, N, 0, -1) < Fraction(1, N) + (1 - Fraction(1, N)) * S0  # it fails for the first fit already


def test_err_7_the_limit_of_many_synthetic_points():
    S0, N, n = 0.365, 20, 10**9
    first = 1 / N + (1 - 1 / N) * S0
    printed = 1 / N + (1 - 1 / N) * (2 - 1 / N) * S0 / (2 + 1 / N)
    for t in (2, 5):
        assert theory.collision_fixed_real(S0, n, N, t) == pytest.approx(first, rel=1e-7)
    assert abs(printed - first) > 0.01
    F = theory.inbreeding(FixedReal(n=n, n_real=N), 5)
    assert 1 - (1 - F[5]) * (1 - S0) == pytest.approx(first, rel=1e-7)


def test_err_8_the_iterates_are_far_below_three_over_t():
    t = np.arange(2, 1001)
    g = theory.g_iterates(1000)[2:]
    assert ((1 / t <= g) & (g <= 3 / t)).all()  # true,
    lower, upper = theory.g_bounds(t)
    assert ((lower <= g) & (g <= upper)).all()  # and this is sharper on both sides
    assert ((1 / t < lower) & (upper < 3 / t)).all()


def test_err_8_the_upper_bound_rises_again_and_is_vacuous():
    p, n, T = 0.01, 100, 60
    exact, (_, printed) = theory.survival(p, n, T), theory.survival_bounds(p, n, T, published=True)
    turn = int(np.argmin(printed[1:])) + 1
    assert turn < 10
    assert printed[50] == 1.0
    assert (np.diff(printed[turn:]) >= 0).all()
    ours = theory.survival_bounds(p, n, T)[1]
    assert (np.diff(ours) <= 1e-15).all()
    assert (exact <= ours).all()
    assert ours[50] < 0.7 < printed[50]


def test_err_8_the_exponents_of_the_zipf_law_are_swapped():
    """The two readings of (a, b) = (1, 2.7) are different laws, which keep very different numbers of types."""
    rank = np.arange(1, 1001)
    kept = []
    for a, b in ((1, 2.7), (2.7, 1)):
        p = 1 / (rank + b) ** a
        kept.append(theory.expected_support(p / p.sum(), 1000, 10)[10])
    assert kept[0] > 3 * kept[1]


def test_err_9_variance_of_random_replacement():
    M, k, i = 6, 3, 2
    x, alpha = Fraction(i, M), Fraction(k, M)
    second = Fraction(0)
    for j in range(max(0, k - (M - i)), min(i, k) + 1):
        drop = Fraction(comb(i, j) * comb(M - i, k - j), comb(M, k))
        for new in range(k + 1):
            second += drop * comb(k, new) * x**new * (1 - x) ** (k - new) * (Fraction(i - j + new, M) - x) ** 2
    printed = alpha**2 * x * (1 - x) / M
    assert theory.partial_replacement_variance(float(x), M, float(alpha)) == pytest.approx(float(second), rel=1e-13)
    assert second > 3 * printed
    mixture = alpha**2 * sum(comb(M, j) * x**j * (1 - x) ** (M - j) * (Fraction(j, M) - x) ** 2 for j in range(M + 1))
    assert mixture == printed  # what is printed is another scheme


def test_err_11_scope_of_the_pi_squared_over_six_law():
    n = 1000
    subsampled = n * theory.inbreeding(Subsample(n=n), 2000)[-1]
    assert subsampled == pytest.approx(theory.inflation_constant("subsample"), rel=0.01)
    assert subsampled > 1.7 * theory.inflation_constant("accumulate")
    # and no rate at all where the family is not smooth: the second fit fails with probability one third
    assert theory.tail_event_probability(10**8) == pytest.approx(1 / 3, rel=1e-7)


def test_err_28_poisson_bracket():
    rate, n, T = 1.0, 10, 500
    exact = theory.poisson_survival(rate, n, T)[1:]
    t = np.arange(1, T + 1)
    lower, upper = -np.expm1(-n * rate / t), -np.expm1(-3 * n * rate / t)
    assert ((lower <= exact * (1 + 1e-15)) & (exact <= upper)).all()  # valid, and nearly three times too wide
    assert exact[-1] > 1.9 * lower[-1]
    assert upper[-1] > 1.4 * exact[-1]


def test_losing_a_rare_state_once_and_for_ever():
    """The paper: 'the probability of losing information (sampling no data at some generation) is equal to 1 - q'."""
    n, q = 100, 0.01
    alive = theory.survival(q, n, 3000)
    assert 1 - alive[1] == pytest.approx((1 - q) ** n, rel=1e-12)  # at one generation: about 1/e at q = 1/n,
    assert 1 - alive[1] < 0.4
    assert 1 - alive[-1] == pytest.approx(1 - q, rel=1e-12)  # eventually: 1 - q
    assert round(1 - float(theory.first_fit_survival(5e-4, 1000)), 3) == 0.606
    assert n * q == 1  # the expected count is <= 1, not below 1
