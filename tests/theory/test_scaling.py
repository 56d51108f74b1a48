"""Scaling laws on Zipf's law: worked examples, mpmath over the whole domain, brute force, limits, bounds."""

import functools
import math

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

from modelcollapse import theory
from modelcollapse.theory import zipf

BETAS = [1.001, 1.05, 1.5, 2.0, 3.0, 4.0]
SIZES = [0, 0.5, 1, 10, 1e3, 1e5, 1e7, 1e10, 1e15]
HEAD = 800


def zipf_sum(a, b, n, scale, first=1, last=None):
    """Sum of i^-a (1 - scale i^-b)^n over first .. last: Euler-Maclaurin after HEAD types, a Beta integral."""

    def f(x):
        y = scale * x**-b
        return x**-a * (mp.exp(n * mp.log1p(-y)) if y != 1 else mp.mpf(n == 0))

    def beyond(low):  # the sum from low on, low large
        y, c = scale * low**-b, (a - 1) / b
        if n * y > 150:  # nothing left at the lower end
            return scale**-c / b * mp.beta(c, n + 1)
        integral = scale**-c / b * mp.betainc(c, n + 1, 0, y)
        slopes = mp.taylor(f, low, 11)
        return integral + f(low) / 2 - mp.fsum(mp.bernoulli(2 * k) / (2 * k) * slopes[2 * k - 1] for k in range(1, 6))

    n, start = mp.mpf(n), first + HEAD
    if last is not None and last < start:
        return mp.fsum(f(mp.mpf(i)) for i in range(first, last + 1))
    head = mp.fsum(f(mp.mpf(i)) for i in range(first, start))
    return head + beyond(mp.mpf(start)) - (beyond(mp.mpf(last) + 1) if last is not None else 0)


@functools.cache
def clean(beta, n, tau=1.0):
    with mp.workdps(40):
        a = mp.mpf(beta)
        b = a / mp.mpf(tau)
        return zipf_sum(a, b, n, 1 / mp.zeta(b)) / mp.zeta(a)


def test_worked_examples():
    assert round(float(theory.memoriser_error(1.5, 1000)), 5) == 0.09414
    assert round(theory.zipf_tail_mass(1.5, 1000), 5) == 0.02420
    assert round(float(theory.memoriser_error_generated(1.5, 1e12, n_generator=1000)), 5) == 0.09414
    mechanism = theory.memoriser_error_generations(1.5, 10, n_generator=2000, method="asymptotic")
    assert round(float(mechanism[10]), 4) == 0.1343
    assert round(float(theory.memoriser_error_cut(1.5, 1e7, cut=500, real_fraction=0.1)), 4) == 0.0094
    assert theory.type_token_ratio([0.5, 0.5], 2) == 0.75


@pytest.mark.parametrize("beta", BETAS)
def test_clean_against_mpmath(beta):
    known = [float(clean(beta, n)) for n in SIZES]
    np.testing.assert_allclose(theory.memoriser_error(beta, SIZES), known, rtol=2e-13)
    for n, want in zip(SIZES, known, strict=True):  # the points of the sum follow the largest n of a call
        assert theory.memoriser_error(beta, n) == pytest.approx(want, rel=2e-13)


def test_next_to_exponent_one():
    with mp.workdps(40):
        for beta in (1 + 1e-4, 1 + 1e-6):
            b = mp.mpf(beta)
            want = 10 * mp.zeta(b, 1001) / mp.zeta(b) / 10
            assert theory.zipf_tail_mass(beta, 1000) == pytest.approx(float(want), rel=1e-13)
            assert theory.memoriser_error(beta, 1) == pytest.approx(
                float(1 - mp.zeta(2 * b) / mp.zeta(b) ** 2), rel=1e-13
            )


@pytest.mark.parametrize(
    ("beta", "types"),
    [(0.5, 1), (4.0, 2), (1.0, 600), (1.5, 600), (4.0, 600), (0.5, 10**5), (1.0, 10**5), (4.0, 10**5)],
)
def test_finitely_many_types_by_brute_force(beta, types):
    p = np.arange(1.0, types + 1) ** -beta
    p /= math.fsum(p)
    n = np.array([0, 1, 3.5, 100, 1e5])
    with np.errstate(divide="ignore"):
        known = [
            math.fsum(p * np.where(p < 1, (1 - p) ** m if m < 1e3 else np.exp(m * np.log1p(-p)), m == 0)) for m in n
        ]
    np.testing.assert_allclose(theory.memoriser_error(beta, n, types=types), known, rtol=1e-12, atol=1e-300)
    known = [math.fsum(-np.expm1(m * np.log1p(-np.minimum(p, 1 - 1e-16)))) / m for m in n[1:]]
    np.testing.assert_allclose(
        theory.zipf_type_token_ratio(beta, n[[1, 3, 4]], types=types), np.array(known)[[0, 2, 3]], rtol=1e-12
    )


def test_a_billion_types_are_nearly_all():
    with mp.workdps(40):
        for beta in (1.2, 2.0):
            b, K = mp.mpf(beta), 10**9
            total = mp.zeta(b) - mp.zeta(b, K + 1)
            want = zipf_sum(b, b, 10**6, 1 / total, 1, K) / total
            assert theory.memoriser_error(beta, 10**6, types=K) == pytest.approx(float(want), rel=1e-12)


@pytest.mark.parametrize(("beta", "cut"), [(1.05, 30), (1.5, 1), (1.5, 5000), (1.2, 10**9), (4.0, 5000)])
@pytest.mark.parametrize("real", [0.0, 0.02])
def test_cut_tail_against_mpmath(beta, cut, real):
    with mp.workdps(40):
        b, share = mp.mpf(beta), mp.mpf(real)
        total = mp.zeta(b)
        scale = share / total + (1 - share) / (total - mp.zeta(b, cut + 1))
        for n in (0, 1e4, 1e12):
            tail = zipf_sum(b, b, n, share / total, cut + 1) if real else mp.zeta(b, cut + 1)
            want = (zipf_sum(b, b, n, scale, 1, cut) + tail) / total
            got = theory.memoriser_error_cut(beta, n, cut=cut, real_fraction=real)
            assert got == pytest.approx(float(want), rel=1e-12)
    pure = theory.memoriser_error_cut(beta, [5, 1e9], cut=cut, real_fraction=1.0)
    np.testing.assert_allclose(pure, theory.memoriser_error(beta, [5, 1e9]), rtol=1e-13)


@pytest.mark.parametrize(("beta", "tau"), [(1.5, 0.5), (1.5, 1.4), (4.0, 0.2), (2.0, 0.8), (1.1, 0.9)])
def test_narrowed_tail_against_mpmath(beta, tau):
    n = [1, 100, 1e6, 1e12]
    known = [float(clean(beta, m, tau)) for m in n]
    np.testing.assert_allclose(theory.memoriser_error_tempered(beta, n, temperature=tau), known, rtol=1e-12)
    large = theory.memoriser_error_tempered_asymptotic(beta, 1e12, temperature=tau)
    if beta / tau > 10:  # n^(tau / beta) = 4: so few types are in doubt that the law has steps
        assert large == pytest.approx(known[-1], rel=0.05)
        return
    assert large == pytest.approx(known[-1], rel=1e-6)
    # the exponent is tau c: a temperature below one slows learning down
    slope = np.log(theory.memoriser_error_tempered(beta, [1e14, 1e15], temperature=tau))
    assert (slope[0] - slope[1]) / np.log(10) == pytest.approx(tau * (1 - 1 / beta), rel=1e-6)


def test_clean_constant_and_its_first_correction():
    for beta in (1.1, 1.5, 3.0):
        c = 1 - 1 / beta
        for n in (1e4, 1e6):
            ratio = theory.memoriser_error(beta, n) / theory.memoriser_error_asymptotic(beta, n)
            assert ratio - 1 == pytest.approx(-c * (1 + c) / (2 * n), rel=0.02)
    assert theory.bigram_exponent(1.5) == pytest.approx(1 / 3, rel=1e-15)
    assert theory.bigram_exponent(2.0) == theory.bigram_exponent(7.0) == 0.5


def test_cut_law_is_uniform_over_the_crossovers():
    n = np.geomspace(1e4, 1e14, 60)
    for beta in (1.2, 1.5, 3.0):
        for real in (0.0, 0.01, 0.5):
            exact = theory.memoriser_error_cut(beta, n, cut=2000, real_fraction=real)
            close = theory.memoriser_error_cut_asymptotic(beta, n, cut=2000, real_fraction=real)
            np.testing.assert_allclose(close, exact, rtol=1e-3)
    # pi to 0 is continuous in both
    tiny = theory.memoriser_error_cut_asymptotic(1.5, 1e6, cut=500, real_fraction=1e-12)
    assert tiny == pytest.approx(theory.memoriser_error_cut_asymptotic(1.5, 1e6, cut=500), rel=1e-6)


def test_plateau():
    beta, cut, real = 1.5, 10**4, 1e-4
    begin, end = theory.plateau_sizes(beta, cut, real_fraction=real)
    floor = theory.zipf_tail_mass(beta, cut)
    assert theory.memoriser_error_asymptotic(beta, begin) == pytest.approx(floor, rel=1e-4)
    E = theory.memoriser_error_cut(
        beta, np.array([begin / 100, 30 * begin, end / 30, 100 * end]), cut=cut, real_fraction=real
    )
    assert E[0] > 3 * floor
    assert np.all((0.85 * floor < E[1:3]) & (E[1:3] < 1.1 * floor))  # it is flat over three decades
    assert E[3] < floor / 3
    assert E[3] == pytest.approx(theory.memoriser_error_asymptotic(beta, 100 * end * real), rel=0.01)
    assert theory.plateau_sizes(beta, cut)[1] == math.inf


# ------------------------------------------------------------------------------------------------- made by a model


def second_hand_series(beta, n, size):
    """sum_i p_i E(1 - N/n0)^n, N binomial: powers of p_i summed by zeta functions, no cut-off."""
    with mp.workdps(120):
        b = mp.mpf(beta)
        moment = [mp.zeta(b * (1 + j)) / mp.zeta(b) ** (1 + j) for j in range(size + 1)]
        total = mp.mpf(0)
        for k in range(size + 1):
            inner = mp.fsum((-1) ** j * mp.binomial(size - k, j) * moment[k + j] for j in range(size - k + 1))
            total += mp.binomial(size, k) * inner * (1 - mp.mpf(k) / size) ** n
        return float(total)


@pytest.mark.parametrize("beta", [1.2, 2.0, 4.0])
@pytest.mark.parametrize("size", [1, 2, 25])
def test_generated_data_against_mpmath(beta, size):
    n = [1, 3, 40, 5000]
    known = [second_hand_series(beta, m, size) for m in n]
    np.testing.assert_allclose(theory.memoriser_error_generated(beta, n, n_generator=size), known, rtol=1e-13)


def test_generated_data_by_brute_force():
    p = np.arange(1.0, 3001) ** -1.5
    p /= p.sum()
    for size, n in ((10**5, 10**4), (10**5, 10**6), (10**9, 10**5)):
        mean, sd = size * p, np.sqrt(size * p)
        if size > 10**6:  # two moments of N are enough
            want = p @ np.exp(n * np.log1p(-p) + np.log1p(n * (n - 1) / 2 * p / (1 - p) / size))
            rel = 1e-6
        else:
            want, rel = 0.0, 1e-11
            for q, m, s in zip(p, mean, sd, strict=True):
                j = np.arange(max(0, int(m - 12 * s - 60)), min(size, int(m + 12 * s + 60)))
                want += q * (stats.binom.pmf(j, size, q) @ np.exp(n * np.log1p(-j / size)))
        assert theory.memoriser_error_generated(1.5, n, n_generator=size, types=3000) == pytest.approx(want, rel=rel)


def test_generated_data_limits():
    for beta in (1.05, 1.5, 4.0):
        for size in (10, 10**4, 10**12):
            clean = theory.memoriser_error(beta, size)
            assert theory.memoriser_error_generated(beta, 1e4 * size, n_generator=size) == pytest.approx(
                clean, rel=1e-12
            )
            # one or two points: E(1 - z) = 1 - p, E(1 - z)^2 = (1 - p)^2 + p (1 - p) / size
            b = mp.mpf(beta)
            m = [float(mp.zeta(b * j) / mp.zeta(b) ** j) for j in (1, 2, 3)]
            got = theory.memoriser_error_generated(beta, [1, 2], n_generator=size)
            want = [1 - m[1], 1 - 2 * m[1] + m[2] + (m[1] - m[2]) / size]
            np.testing.assert_allclose(got, want, rtol=1e-12)
        many = theory.memoriser_error_generated(beta, 1000, n_generator=10**15)
        assert many == pytest.approx(float(theory.memoriser_error(beta, 1000)), rel=1e-11)


# ------------------------------------------------------------------------------------------------- generations


@pytest.mark.parametrize("n", [2.0, 60.0, 1e5, math.inf])
def test_generations_against_the_matrix(n):
    size, T = 60, 12
    i = np.arange(size + 1)
    step = stats.binom.pmf(i, size, i[:, None] / size)
    p = np.arange(1.0, 401) ** -1.5
    p /= p.sum()
    counts = stats.binom.pmf(i, size, p[:, None])
    h = (i == 0).astype(float) if math.isinf(n) else (1 - i / size) ** n
    want = [0.0 if math.isinf(n) else p @ (1 - p) ** n]
    for _ in range(T):
        want.append(p @ (counts @ h))
        counts = counts @ step
    got = theory.memoriser_error_generations(1.5, T, n_generator=size, n=n, types=400)
    np.testing.assert_allclose(got, want, rtol=1e-12)
    bound = theory.memoriser_error_generations(1.5, T, n_generator=size, n=n, types=400, method="asymptotic")
    assert (got <= bound * (1 + 1e-14)).all()


@pytest.mark.parametrize(("beta", "size"), [(1.1, 10), (4.0, 10), (1.1, 10**4), (4.0, 10**4), (1.5, 10**7)])
def test_generations_of_one_or_two_points(beta, size):
    """E(1 - z_t) = 1 - p and E(1 - z_t)^2 = (1 - p)(1 - p lambda^t): moments of the chain, any size."""
    T = 7
    b = mp.mpf(beta)
    m = [float(mp.zeta(b * j) / mp.zeta(b) ** j) for j in (1, 2, 3)]
    kept = np.exp(np.arange(T + 1) * np.log1p(-1 / size))
    one = theory.memoriser_error_generations(beta, T, n_generator=size, n=1.0)
    np.testing.assert_allclose(one, 1 - m[1], rtol=1e-12)
    two = theory.memoriser_error_generations(beta, T, n_generator=size, n=2.0)
    np.testing.assert_allclose(two, 1 - m[1] - kept * (m[1] - m[2]), rtol=1e-12)


def test_lost_mass_is_that_of_survival():
    p = np.arange(1.0, 20_001) ** -1.5
    p /= p.sum()
    for size in (50, 3000):
        want = p @ (1 - theory.survival(p, size, 30)).T
        got = theory.memoriser_error_generations(1.5, 30, n_generator=size, types=20_000)
        np.testing.assert_allclose(got, want, rtol=1e-12)
    # relative accuracy where the survivors are a billionth short of everything
    steep = theory.memoriser_error_generations(4.0, 30, n_generator=10**12)
    mechanism = theory.memoriser_error_generations(4.0, 30, n_generator=10**12, method="asymptotic")
    np.testing.assert_allclose(steep, mechanism, rtol=2e-11)
    assert 0 < steep[1] < 1e-8


def test_generations_mechanism():
    size, T = 10**6, 3000
    t = np.arange(T + 1)
    exact = theory.memoriser_error_generations(1.5, T, n_generator=size)
    np.testing.assert_allclose(
        exact[1:], theory.memoriser_error_generations(1.5, T, n_generator=size, method="asymptotic")[1:], rtol=1e-3
    )
    c = 1 / 3
    # it is a power law in n0 g_t ...
    g = theory.g_iterates(T)[1:]
    law = theory.memoriser_error_asymptotic(1.5, size * g)
    np.testing.assert_allclose(exact[1:], law, rtol=1e-3)
    # ... which grows like (t / 2)^c
    slow = theory.memoriser_error_generations_asymptotic(1.5, t[1:], n_generator=size)
    assert exact[T] == pytest.approx(slow[-1], rel=0.005)
    assert np.log(exact[3000] / exact[300]) / np.log(10) == pytest.approx(c, abs=0.01)
    np.testing.assert_allclose(slow, exact[1] * (t[1:] / 2) ** c, rtol=1e-5)


@pytest.mark.parametrize("n", [1e3, 1e5, 1e7, math.inf])
def test_sample_sizes_add_up_as_reciprocals(n):
    size, T = 10**5, 400
    exact = theory.memoriser_error_generations(1.5, T, n_generator=size, n=n)
    close = theory.memoriser_error_generations_asymptotic(1.5, T, n_generator=size, n=n)
    assert exact[T] == pytest.approx(close, rel=0.01)
    bound = theory.memoriser_generations_law(1.5, np.arange(1, T + 1), n_generator=size, n=n)
    assert (exact[1:] <= bound * (1 + 1e-12)).all()


# ------------------------------------------------------------------------------------------------- types


@pytest.mark.parametrize("beta", [1.05, 2.0, 4.0])
def test_type_token_ratio_of_zipf(beta):
    with mp.workdps(60):
        b = mp.mpf(beta)
        for N in (1, 2, 20):  # binomial series: every power of p is a zeta function
            terms = [(-1) ** (j + 1) * mp.binomial(N, j) * mp.zeta(b * j) / mp.zeta(b) ** j for j in range(1, N + 1)]
            assert theory.zipf_type_token_ratio(beta, N) == pytest.approx(float(mp.fsum(terms) / N), rel=1e-12)
    # the types grow by one with the probability of meeting a new one
    N = np.array([10.0, 1000.0, 1e6])
    types = [theory.zipf_type_token_ratio(beta, N + k) * (N + k) for k in (0, 1)]
    np.testing.assert_allclose(types[1] - types[0], theory.memoriser_error(beta, N), rtol=1e-5)
    heaps = theory.zipf_type_token_ratio_asymptotic(beta, 1e14)
    assert theory.zipf_type_token_ratio(beta, 1e14) == pytest.approx(heaps, rel=1e-3)
    assert heaps == pytest.approx(beta * theory.memoriser_error_asymptotic(beta, 1e14), rel=1e-12)


def test_type_token_ratio():
    p = np.array([0.5, 0.3, 0.2, 0.0])
    assert theory.type_token_ratio(p, 1) == pytest.approx(1, rel=1e-15)
    outcomes = np.array(np.meshgrid(*[range(3)] * 4)).reshape(4, -1)
    weights = p[outcomes].prod(axis=0)
    distinct = np.array([len(set(column)) for column in outcomes.T])
    assert theory.type_token_ratio(p, 4) == pytest.approx(weights @ distinct / 4, rel=1e-14)
    assert theory.type_token_ratio(p, 1e15) == pytest.approx(3e-15, rel=1e-12)
    assert theory.type_token_ratio([1e-12, 1 - 1e-12], 1) == pytest.approx(1, rel=1e-15)


def test_the_rule_integrates_powers():
    """The weighted sum behind all of it, against zeta functions."""
    for a, b in ((1.05, 1.05), (2.0, 3.5), (4.0, 4.0)):
        for steepness in (0.0, 1e4, 1e12):
            y, w = zipf.rule(a, b, steepness)
            for k in range(4):
                assert w @ y**k == pytest.approx(float(mp.zeta(a + k * b)), rel=1e-13)
            y, w = zipf.rule(a, b, steepness, 700.0, 123456.0)
            want = float(mp.zeta(a + b, 700) - mp.zeta(a + b, 123457))
            assert w @ y == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: theory.memoriser_error(1.0, 5), ValueError, "beta must be a finite number > 1 .Zipf's law on all"),
        (lambda: theory.memoriser_error(1.5, -1), ValueError, "n must be >= 0 .it counts training points., got -1"),
        (lambda: theory.memoriser_error(1.5, [1, np.inf]), ValueError, "n must be finite"),
        (lambda: theory.memoriser_error(1.5, 1, types=0), ValueError, "types must be an integer >= 1"),
        (lambda: theory.memoriser_error_asymptotic(1.5, 0), ValueError, "n must be > 0 .a power law"),
        (lambda: theory.memoriser_error_cut(1.5, 1, cut=0), ValueError, "cut must be an integer >= 1 .something must"),
        (lambda: theory.memoriser_error_cut(1.5, 1, cut=5, real_fraction=1.2), ValueError, "real_fraction must be"),
        (lambda: theory.memoriser_error_generated(1.5, 1, n_generator=0), ValueError, "n_generator must be an integer"),
        (
            lambda: theory.memoriser_error_generations(1.5, 3, n_generator=10, method="guess"),
            ValueError,
            "method must be one of 'exact', 'asymptotic'",
        ),
        (lambda: theory.memoriser_error_generations(1.5, 10**6, n_generator=10), ValueError, "<= 200000, got 1000000"),
        (
            lambda: theory.memoriser_error_tempered(1.5, 1, temperature=2.0),
            ValueError,
            "temperature must be < beta = 1.5",
        ),
        (lambda: theory.triplet_law(1.5, 0, 1, 1, capacity_exponent=1), ValueError, "n must be >= 1 .it may be inf"),
        (lambda: theory.memoriser_generations_law(1.5, -1, n_generator=5), ValueError, "t must be >= 0, got -1"),
        (lambda: theory.zipf_type_token_ratio(1.5, 0), ValueError, "tokens must be >= 1"),
    ],
)
def test_outside_the_domain(call, error, message):
    with pytest.raises(error, match=message):
        call()
