"""Regression: closed forms against fractions, mpmath, brute force, quadrature and each other."""

import itertools
import math
import re
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special

from modelcollapse import Empirical, LinearRegression, theory
from modelcollapse.regimes import Accumulate, FixedReal, FreshReal, Mix, Replace, Subsample, Window

INF = float("inf")
RISK = theory.regression_risk

#: claim id -> (what the catalogue works out, what the package says, digits)
EXAMPLES = {
    "reg-replace-linear": (1.0, lambda: theory.regression_risk_replace(111, 10, dim=10), 12),
    "reg-accumulate-sameX-pi2over6": (
        0.155,
        lambda: theory.regression_risk_accumulate(111, 10, dim=10, design="same"),
        3,
    ),
    "reg-accumulate-freshX-exact": (0.4307, lambda: theory.regression_risk_accumulate(20, 2, dim=5), 4),
    "reg-replace-multiple": (0.5357, lambda: theory.regression_risk_multiple(20, 2, dim=5, design="same"), 4),
    "reg-replace-schedule": (1.0667, lambda: theory.regression_risk_replace((10, 20), 2, dim=4), 4),
    "reg-dohmatob-twostage": (
        1.2571,
        lambda: theory.downstream_risk(15, 3, 12, dim=4, generator_noise_variance=0.5),
        4,
    ),
    "reg-overparam-exponential": (0.84, lambda: theory.minimum_norm_risk(8, 2, dim=20), 12),
    "reg-strong-collapse-ridgeless": (0.3125, lambda: theory.mixture_coefficient(3, 3, dim=1), 12),
    "reg-fresh-data-loop": (0.55641, lambda: theory.fresh_rows_risk(8, 8, INF, dim=4), 5),
    "reg-golden-ratio": (2 / 3, lambda: theory.label_mixing_risk(0.5, 12, dim=1) * 10, 12),
    "reg-toedit-token-editing": (1.7255, lambda: theory.token_editing_risk(60, 30, dim=5) * 54 / 5, 4),
    "reg-same-as-mean-estimation": (1.3333, lambda: 10 * theory.mean_risk(FreshReal(10, 5), 100)[-1], 4),
}


@pytest.mark.parametrize("claim", EXAMPLES)
def test_worked_examples_of_the_catalogue(claim):
    expected, compute, digits = EXAMPLES[claim]
    assert float(compute()) == pytest.approx(expected, abs=0.6 * 10.0**-digits)


# ------------------------------------------------------------------------------------------------- sums


@given(st.integers(1, 50), st.lists(st.integers(2, 10**6), min_size=1, max_size=12), st.floats(0.01, 100))
def test_replace_is_a_sum_over_the_fits(d, extra, noise):
    sizes = [d + x for x in extra]
    exact = [float(sum((Fraction(d, n - d - 1) for n in sizes[:t]), Fraction(0))) for t in range(len(sizes) + 1)]
    t = np.arange(len(sizes) + 1)
    np.testing.assert_allclose(
        theory.regression_risk_replace(sizes, t, dim=d, noise_variance=noise), noise * np.array(exact), rtol=1e-13
    )
    np.testing.assert_allclose(RISK(Replace(sizes), len(sizes), dim=d), exact, rtol=1e-13)


CORNERS = [(1, 3, 3), (1, 1, 3), (5, 20, 20), (1000, 1, 1002), (1000, 1002, 1002), (1000, 10**8, 10**8)]
CORNERS += [(3, 7, 10**9), (30, 10**9, 32), (200, 50, 10**5), (1, 10**12, 3), (40, 5, 130), (40, 5, 42)]


@pytest.mark.parametrize(("d", "n", "n_real"), CORNERS)
def test_accumulate_over_the_whole_domain(d, n, n_real):
    total, at = Fraction(0), {}
    for t in range(1, 61):
        N = n_real + (t - 1) * n
        total += Fraction(n if t > 1 else n_real, N * (N - d - 1))
        at[t] = float(d * total)
    t = np.array([1, 2, 3, 15, 16, 17, 18, 40, 60])
    found = theory.regression_risk_accumulate(n, t, dim=d, n_real=n_real)
    np.testing.assert_allclose(found, [at[s] for s in t], rtol=1e-12)
    with mpmath.workdps(60):
        rho, a = mpmath.mpf(n_real) / n, mpmath.mpf(d + 1) / n
        for far in (10**5, None):
            rest = mpmath.digamma(rho + 1) - mpmath.digamma(rho + 1 - a)
            if far:
                rest -= mpmath.digamma(rho + far) - mpmath.digamma(rho + far - a)
            limit = d * (mpmath.mpf(1) / (n_real - d - 1) + rest / a / n)
            found = theory.regression_risk_accumulate(n, far or INF, dim=d, n_real=n_real)
            assert found == pytest.approx(float(limit), rel=1e-12)
    assert found <= 2 * d / (n_real - d - 1)


def test_the_limit_of_accumulate_in_one_formula():
    for d, n in [(1, 3), (5, 20), (10, 4000)]:
        with mpmath.workdps(40):
            limit = -mpmath.mpf(d) / (d + 1) * (mpmath.digamma(1 - mpmath.mpf(d + 1) / n) + mpmath.euler)
        assert theory.regression_risk_accumulate(n, INF, dim=d) == pytest.approx(float(limit), rel=1e-12)


@given(st.integers(1, 20), st.integers(2, 50), st.lists(st.integers(1, 10**4), min_size=1, max_size=40))
def test_accumulation_is_bounded_for_every_sequence_of_sizes(d, extra, sizes):
    first = d + extra
    R = RISK(Accumulate([first, *sizes]), len(sizes) + 1, dim=d)
    assert (np.diff(R) > 0).all()
    assert R[-1] <= 2 * d / (first - d - 1)


@pytest.mark.parametrize("t", [0, 1, 2, 10, 1000])
@pytest.mark.parametrize(("d", "n"), [(1, 3), (5, 20), (10, 10**9), (100, 102)])
def test_same_design_sums(d, n, t):
    squares, harmonic, fresh = (
        float(math.fsum(f(i) for i in range(1, t + 1)))
        for f in (lambda i: 1 / i**2, lambda i: 1 / i, lambda i: float(Fraction(d, i * n - d - 1)))
    )
    unit = d / (n - d - 1)
    same = {"dim": d, "design": "same"}
    assert theory.regression_risk_accumulate(n, t, **same) == pytest.approx(unit * squares, rel=1e-13)
    assert theory.regression_risk_multiple(n, t, **same) == pytest.approx(unit * harmonic, rel=1e-13)
    assert theory.regression_risk_multiple(n, t, dim=d) == pytest.approx(fresh, rel=1e-12)
    if t and t <= 60:
        tiled = Replace([i * n for i in range(1, t + 1)])
        assert RISK(tiled, t, **same)[-1] == pytest.approx(unit * harmonic, rel=1e-12)
        assert RISK(tiled, t, dim=d)[-1] == pytest.approx(fresh, rel=1e-12)
        assert RISK(Accumulate(n), t, **same)[-1] == pytest.approx(unit * squares, rel=1e-12)


def test_limits_of_the_named_regimes():
    assert theory.regression_risk_accumulate(30, INF, dim=4, design="same") == pytest.approx(
        4 / 25 * math.pi**2 / 6, rel=1e-14
    )
    assert theory.regression_risk_multiple(30, INF, dim=4) == INF
    n, t = 10**7, np.array([1, 5, 40])  # many rows: designs no longer matter, and d means are estimated
    for d in (1, 6):
        fresh = theory.regression_risk_accumulate(n, t, dim=d) * n / d
        np.testing.assert_allclose(fresh, 1e7 * theory.mean_risk(Accumulate(n), 40)[t], rtol=1e-5)


# ------------------------------------------------------------------------------------------------- any regime


def coefficients(regime, T):
    """Squared error of a mean of known variance by brute force: every model as a sum of independent noises."""
    plan = regime.plan(T)
    batches, models, pinned = [], [], None
    sources = 2 * T + 1
    for t in range(T):
        m, real = int(plan.batch[t]), int(plan.real[t])
        own = np.zeros(sources)
        if t == 0 and plan.pinned:
            pinned = np.zeros(sources)
            pinned[-1] = plan.pinned**0.5  # sum of the noises of the pinned points
            own += pinned
            real -= plan.pinned
        own[2 * t] = real**0.5
        own[2 * t + 1 if t else 0] += (m - int(plan.real[t])) ** 0.5 if t else 0.0
        if t:
            own = own + (m - int(plan.real[t])) * models[-1]
        batches.append((own, m))
        held = batches[plan.oldest[t] - 1 :]
        total, n = sum(b for b, _ in held), sum(m for _, m in held)
        if plan.oldest[t] > 1 and plan.pinned:
            total, n = total + pinned, n + plan.pinned
        models.append(total / n)
    return np.concatenate([[0.0], [float(e @ e) for e in models]])


REGIMES = [
    Replace((6, 3, 9, 4, 8, 7)),
    Accumulate(4),
    Accumulate((3, 5, 1, 8, 2, 2), n_real=7),
    FixedReal(6, 3),
    FixedReal(6, 3, n_first=8),
    FreshReal(9, 2),
    Window(4, 2),
    Window(4, 3, n_real=6),
]


@pytest.mark.parametrize("regime", REGIMES, ids=str)
def test_mean_risk_by_brute_force(regime):
    np.testing.assert_allclose(theory.mean_risk(regime, 6, variance=2.5), 2.5 * coefficients(regime, 6), rtol=1e-12)


def test_mean_risk_of_mixtures_and_subsamples():
    # Mix: E of the square of the synthetic share; Subsample, t = 2: K of n drawn points are synthetic
    n, m, T = 7, 0.3, 5
    expected = [0.0, 1 / n]
    for _ in range(T - 1):
        share = (1 - m) ** 2 + m * (1 - m) / n
        expected.append(share * expected[-1] + 1 / n)
    np.testing.assert_allclose(theory.mean_risk(Mix(n, m), T), expected, rtol=1e-13)
    # a synthetic point has the mean square 1 + 1/n, two of them covary by 1/n, and so do a real and a synthetic one
    pairs = {(0, 0): 0.0, (0, 1): 1 / n, (1, 1): 1 / n}
    square = np.mean([1.0] * n + [1 + 1 / n] * n)
    pool = [0] * n + [1] * n
    covary = np.mean([pairs[tuple(sorted(two))] for two in itertools.permutations(pool, 2)])
    assert theory.mean_risk(Subsample(n), 2)[2] == pytest.approx(square / n + (1 - 1 / n) * covary, rel=1e-13)


def test_dictionary_to_the_estimation_of_a_mean():
    n = 12
    for t in (1, 2, 9):
        assert theory.mean_risk(Replace(n), t)[-1] == pytest.approx(t / n, rel=1e-13)
        tiled = Replace([i * n for i in range(1, t + 1)])
        assert theory.mean_risk(tiled, t)[-1] == pytest.approx(sum(1 / i for i in range(1, t + 1)) / n, rel=1e-13)
        same = RISK(Accumulate(n), t, dim=4, design="same")[-1] * (n - 5) / 4
        assert same == pytest.approx(n * theory.mean_risk(Accumulate(n), t)[-1], rel=1e-12)
    share = 1 - math.sqrt(1 - 6 / math.pi**2)
    assert 1 / (share * (2 - share)) == pytest.approx(math.pi**2 / 6, rel=1e-14)
    assert n * theory.mean_risk(FreshReal(n, 3), 200)[-1] == pytest.approx(1 / (0.25 * 1.75), rel=1e-12)


def test_one_function_for_all_regimes():
    d, T = 3, 7
    np.testing.assert_allclose(
        RISK(Accumulate(9, n_real=30), T, dim=d),
        theory.regression_risk_accumulate(9, np.arange(T + 1), dim=d, n_real=30),
        rtol=1e-13,
    )
    fresh = theory.fresh_rows_risk(5, 11, np.arange(T + 1), dim=d, noise_variance=0.3)
    np.testing.assert_allclose(RISK(FreshReal(16, 5), T, dim=d, noise_variance=0.3), fresh, rtol=1e-13)
    np.testing.assert_allclose(RISK(Mix(16, 0.0), T, dim=d), RISK(Replace(16), T, dim=d), rtol=1e-13)
    np.testing.assert_allclose(RISK(Mix(16, 1.0), T, dim=d)[1:], 3 / 12, rtol=1e-13)
    # Mix: the coefficient averaged over the binomial number of synthetic rows
    p = np.arange(17)
    weights = special.comb(16, p) * 0.7**p * 0.3 ** (16 - p)
    a = weights @ theory.mixture_coefficient(16 - p, p, dim=d)
    R = RISK(Mix(16, 0.3), 3, dim=d)
    assert R[3] == pytest.approx(a * R[2] + 3 / 12, rel=1e-13)
    # what is known of the others: the beginning
    np.testing.assert_allclose(RISK(Window(12, 3), 3, dim=d), RISK(Accumulate(12), 3, dim=d), rtol=1e-14)
    np.testing.assert_allclose(RISK(FixedReal(9, 20), 2, dim=d), RISK(Accumulate(9, n_real=20), 2, dim=d), rtol=1e-14)
    assert RISK(Subsample(10), 1, dim=d)[1] == pytest.approx(3 / 6, rel=1e-14)
    assert RISK(Replace(9), 0, dim=d).tolist() == theory.mean_risk(Replace(9), 0).tolist() == [0.0]


def test_the_same_design_is_known_under_every_regime_that_repeats_it():
    d, n, T = 2, 10, 6
    for regime, one in [
        (Window(n, 2), Window(1, 2)),
        (FixedReal(n, n), FixedReal(1, 1)),
        (FixedReal(3 * n, n), FixedReal(3, 1)),
        (Accumulate(2 * n, n_real=n), Accumulate(2, n_real=1)),
    ]:
        np.testing.assert_allclose(
            RISK(regime, T, dim=d, design="same", noise_variance=2.0), 2 * d / 7 * coefficients(one, T), rtol=1e-12
        )


@pytest.mark.parametrize("d", [1, 2, 7])
def test_scatter_of_the_risk(d):
    # one fit: e'e = d/(n - d + 1) F(d, n - d + 1)
    n = d + 9
    ratio = d / (n - d + 1)
    from scipy.stats import f as fisher

    variance = float(fisher(d, n - d + 1).var()) * ratio**2
    assert theory.regression_risk_sd(n, 1, dim=d) == pytest.approx(math.sqrt(variance), rel=1e-12)
    # several: independent spherical steps, E (step_i . step_j)^2 = q_i q_j / d
    sizes = [n, n + 3, n + 1]
    q = np.array([float(fisher(d, m - d + 1).mean()) * d / (m - d + 1) for m in sizes])
    own = np.array([float(fisher(d, m - d + 1).var()) * (d / (m - d + 1)) ** 2 for m in sizes])
    total = own.sum() + 2 / d * (q.sum() ** 2 - (q**2).sum())
    assert theory.regression_risk_sd(sizes, 3, dim=d, noise_variance=3.0) == pytest.approx(
        3 * math.sqrt(total), rel=1e-12
    )
    assert theory.regression_risk_sd(d + 3, 1, dim=d) == INF
    np.testing.assert_array_equal(theory.regression_risk_sd(d + 3, [0, 1], dim=d), [0.0, INF])


# ------------------------------------------------------------------------------------------------- mixtures


def recipe(q, p, d):
    """The coefficient as the catalogue derives it, in fractions."""
    n, half = p + q, Fraction(1, 2)
    A, C = Fraction(p, 2), Fraction(n, 2)
    Q2 = A * (A + 1) / (C * (C + 1)) * d * (d + 2)
    Q11 = A * (A - half) / (C * (C - half)) * d * (d - 1)
    t2 = (Q2 - Q11) / 3
    t11 = Q11 + t2
    if d == 1:
        return A * (A + 1) / (C * (C + 1)), t2
    right = Fraction(d * (n * d - 2), n - d - 1)
    # alpha d^2 + 2 beta d = right, alpha d + beta (d + d^2) = d
    det = d**2 * (d + d**2) - 2 * d * d
    alpha, beta = (right * (d + d**2) - 2 * d * d) / det, (d**2 * d - d * right) / det
    return (alpha * t2 + beta * (t2 + t11)) / d, t2


@given(st.integers(1, 40), st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_coefficient_is_that_of_the_derivation(d, q, p):
    p = p if p + q >= d + 2 else d + 2
    a, t2 = recipe(q, p, d)
    assert theory.mixture_coefficient(q, p, dim=d) == pytest.approx(float(a), rel=1e-13)
    n = p + q
    if p:
        factor = 1 + 2 * Fraction(p, n) - t2 / d
        found = theory.token_editing_risk(n, p, dim=d) * (n - d - 1) / d
        assert found == pytest.approx(float(factor), rel=1e-13)
    # the stationary value divides by 1 - a, which must keep its digits too, unless it is next to zero
    if q and abs(1 - a) > Fraction(1, 1000) and a < 1:
        found = theory.fresh_rows_risk(q, p, INF, dim=d) * (n - d - 1) / d
        assert found == pytest.approx(float(1 / (1 - a)), rel=1e-10)


@pytest.mark.parametrize(("q", "p"), [(5, 4), (3, 8), (9, 3)])
def test_moments_of_the_matrix_beta_law_by_quadrature(q, p):
    # d = 2: eigenvalues of B have the density prop. to prod b^((p-3)/2) (1-b)^((q-3)/2) |b1 - b2|
    def weight(x, y):
        return (x * y) ** ((p - 3) / 2) * ((1 - x) * (1 - y)) ** ((q - 3) / 2) * (y - x)

    def moment(f):
        return integrate.dblquad(lambda x, y: f(x, y) * weight(x, y), 0, 1, 0, lambda y: y, epsabs=1e-12)[0]

    one = moment(lambda x, y: 1.0)
    square = moment(lambda x, y: x * x + y * y) / one
    trace = moment(lambda x, y: (x + y) ** 2) / one
    n, d = p + q, 2
    assert float(recipe(q, p, 2)[1]) == pytest.approx(square, rel=1e-8)
    # a = (n - 2) t2 - Q11 over d (n - d - 1), with Q11 = t11 - t2
    a = ((n - 2) * square - (trace - square)) / (d * (n - d - 1))
    assert theory.mixture_coefficient(q, p, dim=2) == pytest.approx(a, rel=1e-8)


@given(st.integers(1, 30), st.integers(2, 200))
def test_edges_of_the_coefficient(d, extra):
    n = d + extra
    assert theory.mixture_coefficient(0, n, dim=d) == pytest.approx(1.0, rel=1e-14)
    assert theory.mixture_coefficient(n, 0, dim=d) == 0.0
    a = theory.mixture_coefficient(np.arange(n, -1, -1), np.arange(n + 1), dim=d)
    far = theory.mixture_coefficient(10**9 * (n - 1), 10**9, dim=d)
    assert far == pytest.approx(n**-2.0, rel=1e-6)
    assert np.isfinite(a).all()


def test_near_the_threshold_a_loop_with_fresh_real_rows_diverges():
    assert theory.mixture_coefficient(50, 50, dim=98) > 1
    assert theory.fresh_rows_risk(50, 50, INF, dim=98) == INF
    R = theory.fresh_rows_risk(50, 50, np.arange(1, 40), dim=98)
    np.testing.assert_allclose(R, RISK(FreshReal(100, 50), 39, dim=98)[1:], rtol=1e-10)
    assert (np.diff(R) > 0).all()
    # the border in the limit: d/n = (1 + p2)/(1 + 2 p2)
    for share in (0.2, 0.5, 0.9):
        n, border = 10**6, (1 + share) / (1 + 2 * share)
        for ratio, finite in ((border - 1e-3, True), (border + 1e-3, False)):
            p = round(share * n)
            value = theory.fresh_rows_risk(n - p, p, INF, dim=round(ratio * n))
            assert np.isfinite(value) == finite


def test_the_loop_with_fresh_rows():
    q, p, d = 8, 24, 4
    a = theory.mixture_coefficient(q, p, dim=d)
    R = [0.0, 2 * d / (q - d - 1)]
    for _ in range(50):
        R.append(a * R[-1] + 2 * d / (q + p - d - 1))
    found = theory.fresh_rows_risk(q, p, np.arange(52), dim=d, noise_variance=2.0, n_first=q)
    np.testing.assert_allclose(found, R, rtol=1e-12)
    assert theory.fresh_rows_risk(q, p, 3, dim=d, n_first=q) < theory.fresh_rows_risk(q, p, 1, dim=d, n_first=q)
    assert theory.fresh_rows_risk(0, 32, INF, dim=d) == INF  # no real rows: Replace
    np.testing.assert_allclose(
        theory.fresh_rows_risk(0, 32, np.arange(9), dim=d), theory.regression_risk_replace(32, np.arange(9), dim=d)
    )
    big = theory.fresh_rows_risk(2 * 10**6, 8 * 10**6, INF, dim=d) * 10**7 / d  # E/(1 - p2^2)
    assert big == pytest.approx(1 / (1 - 0.64), rel=1e-5)


def test_strong_collapse_adds_up():
    d, q, p = 6, 40, 20
    a = theory.mixture_coefficient(q, p, dim=d)
    found = theory.strong_collapse_risk(q, p, dim=d, discrepancy=[0.0, 2.0], noise_variance=0.5)
    np.testing.assert_allclose(found, [3 / 53, 3 / 53 + 2 * a], rtol=1e-14)
    # more rows are no cure at a fixed share
    many = theory.strong_collapse_risk(2 * 10**9, 10**9, dim=d)
    assert many == pytest.approx(1 / 9, rel=1e-6)


# ------------------------------------------------------------------------------------------------- the others


@given(st.integers(3, 60), st.lists(st.integers(1, 200), min_size=1, max_size=10), st.floats(0, 5), st.floats(0.01, 5))
def test_smallest_norm_step_by_step(d, sizes, signal, noise):
    sizes = [n if abs(n - d) > 1 else d + 2 for n in sizes]
    along, square, R = Fraction(1), Fraction(0), [0.0]  # E w.w*/|w*|^2 and E |w|^2 without signal
    kept = Fraction(1)
    for n in sizes:
        eta = Fraction(min(n, d), d)
        along, kept = along * eta, kept * eta
        square = eta * square + Fraction(min(n, d), abs(n - d) - 1)
        R.append(signal * float(1 - 2 * along + kept) + noise * float(square))
    t = np.arange(len(sizes) + 1)
    found = theory.minimum_norm_risk(sizes, t, dim=d, signal=signal, noise_variance=noise)
    np.testing.assert_allclose(found, R, rtol=1e-11)
    n = sizes[0]
    np.testing.assert_allclose(
        theory.minimum_norm_risk(n, t, dim=d, signal=signal, noise_variance=noise),
        theory.minimum_norm_risk([n] * len(sizes), t, dim=d, signal=signal, noise_variance=noise),
        rtol=1e-11,
    )


def test_smallest_norm_without_noise():
    t = np.array([0, 1, 10, 10**6])
    np.testing.assert_allclose(theory.minimum_norm_risk(99, t, dim=100), 1 - 0.99**t, rtol=1e-12)
    np.testing.assert_array_equal(theory.minimum_norm_risk(100, t, dim=100), 0.0)
    same = theory.minimum_norm_risk(8, t, dim=20, noise_variance=0.5, design="same")
    np.testing.assert_allclose(same, np.where(t > 0, 0.6, 0.0) + t * 4 / 11)


def test_label_mixing():
    d, n, w = 4, 20, 0.35
    v = [1.0]
    for _ in range(12):
        v.append(w**2 + (1 - w) ** 2 * (1 + v[-1]))
    found = theory.label_mixing_risk(w, n, np.arange(1, 14), dim=d, noise_variance=3.0)
    np.testing.assert_allclose(found, np.array(v) * 3 * d / (n - d - 1), rtol=1e-13)
    golden = theory.golden_weight()
    grid = np.linspace(0.05, 1, 2000)
    best = theory.label_mixing_risk(golden, n, dim=d)
    assert (theory.label_mixing_risk(grid, n, dim=d) >= best * (1 - 1e-12)).all()
    assert best * 15 / 4 == pytest.approx((math.sqrt(5) - 1) / 2, rel=1e-12)
    assert theory.label_mixing_risk(0.5, n, 0, dim=d) == 0


def test_token_editing_lies_between_one_fit_and_replace():
    for n, d in [(7, 5), (60, 5), (10**9, 30)]:
        unit = d / (n - d - 1)
        assert theory.token_editing_risk(n, 0, dim=d) == pytest.approx(unit, rel=1e-14)
        assert theory.token_editing_risk(n, n, dim=d) == pytest.approx(2 * unit, rel=1e-14)
    n = 10**8
    for mu in (0.1, 0.5):
        exact = theory.token_editing_risk(n, mu * n, dim=3) * n / 3
        assert exact == pytest.approx(theory.token_editing_growth([mu])[1], rel=1e-6)
    np.testing.assert_allclose(theory.token_editing_growth([1.0] * 4), np.arange(1, 6))
    np.testing.assert_allclose(theory.token_editing_growth([[0.3] * 3, [0.0] * 3])[1], 1.0)


def test_downstream_is_a_fit_on_top_of_k_fits():
    d = 6
    R = theory.downstream_risk(40, np.arange(4), 25, dim=d, noise_variance=2.0, generator_noise_variance=0.3)
    np.testing.assert_allclose(np.diff(R), 0.3 * d / 18, rtol=1e-12)
    assert R[0] == pytest.approx(2 * d / 33, rel=1e-14)
    big = 10**6  # proportionate growth
    limit = 0.5 / 0.5 + 3 * 0.2 / 0.8
    assert theory.downstream_risk(2 * big, 3, 5 * big, dim=big) == pytest.approx(limit, rel=1e-5)


# ------------------------------------------------------------------------------------------------- predict, errors

TRUTH = LinearRegression([1.0, -2.0, 0.5], [[2.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 1.0]], noise=0.7)


def test_predict_knows_what_the_theory_knows():
    from modelcollapse.theory import available, predict

    known = predict("excess_risk", TRUTH, Replace(20), generations=4)
    np.testing.assert_allclose(known["mean"], RISK(Replace(20), 4, dim=3, noise_variance=0.49))
    np.testing.assert_allclose(
        known["sd"], theory.regression_risk_sd(20, np.arange(5), dim=3, noise_variance=0.49), rtol=1e-12
    )
    coef = predict("coef", TRUTH, Accumulate(20), generations=4)
    assert coef["mean"].dims == ("generation", "covariate")
    # E e'cov e = R: the variances of the coefficients in the metric of the covariates
    precision = np.diag(np.linalg.inv(TRUTH.cov))
    np.testing.assert_allclose(coef["sd"][-1] ** 2 / precision * 3, RISK(Accumulate(20), 4, dim=3)[-1] * 0.49)
    assert coef.attrs["kind"] == "exact"
    assert "sd" not in predict("excess_risk", TRUTH, Accumulate(20), generations=4)
    assert "sd" not in predict("excess_risk", TRUTH, Replace(6), generations=4)  # infinite
    same = LinearRegression([1.0, 2.0], 2.0, 0.5, design="same")
    known = predict("excess_risk", same, Window(20, 2), generations=6)
    assert known["sd"][6] / known["mean"][6] == pytest.approx(float(theory.regression_risk_sd(20, 1, dim=2)) * 17 / 2)
    few = LinearRegression(np.ones(20), 2.0, 0.3)
    known = predict("excess_risk", few, Replace(8), generations=3)
    expected = theory.minimum_norm_risk(8, np.arange(4), dim=20, signal=40.0, noise_variance=0.09)
    np.testing.assert_allclose(known["mean"], expected)
    assert list(available(few, Replace(8))) == ["excess_risk"]
    assert list(available(TRUTH, FixedReal(20, 20))) == []
    assert list(available(TRUTH, FixedReal(20, 20), generations=2)) == ["coef", "excess_risk"]


@pytest.mark.parametrize(
    ("family", "regime", "message"),
    [
        (TRUTH, Window(20, 2), "which Window(n=20, k=2) does up to generation 2; got generations=5"),
        (TRUTH, Replace(4), "n must be >= 5 in every generation (the expected inverse of X'X is finite"),
        (LinearRegression([1.0], penalty=0.1), Replace(9), "with a penalty only limits are known"),
        (Empirical(np.eye(3) + 1.0, TRUTH.from_data(np.eye(5)[:, :3] + 1)), Replace(3), "fit to given rows"),
        (LinearRegression([1.0], design="same"), FreshReal(9, 3), "repeat the whole design of generation 1"),
        (LinearRegression([1.0], design="same"), Replace((9, 12, 9, 9, 9)), "got 12 rows after 9"),
    ],
)
def test_predict_says_what_is_not_known(family, regime, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        theory.predict("coef", family, regime, generations=5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: theory.regression_risk_replace(11, 1, dim=10), ValueError, "n must be an integer >= 12 (the expected"),
        (lambda: theory.regression_risk_replace([20], 2, dim=10), ValueError, "for each of the 2 generations, got 1"),
        (lambda: theory.regression_risk_replace(20, 1.5, dim=10), TypeError, "t must be an integer"),
        (lambda: theory.regression_risk_replace(20, 1, dim=0), ValueError, "dim must be an integer >= 1, got 0."),
        (lambda: theory.regression_risk_accumulate(20, -1, dim=2), ValueError, "t must be integers >= 0 or inf"),
        (lambda: theory.regression_risk_accumulate(20, 2, dim=2, n_real=3), ValueError, "n_real must be integers >= 4"),
        (
            lambda: theory.regression_risk_accumulate(20, 2, dim=2, n_real=9, design="same"),
            ValueError,
            "n_real must be None for the same design (it has n rows for ever), got 9.",
        ),
        (lambda: theory.regression_risk_multiple(20, 2, dim=2, design="new"), ValueError, "design must be one of"),
        *(
            (
                lambda call=call: call(np.array(["fresh", "same"])),
                TypeError,
                "design must be one of 'fresh', 'same', got",
            )
            for call in (
                lambda design: RISK(Replace(20), 2, dim=2, design=design),
                lambda design: theory.regression_risk_accumulate(20, 2, dim=2, design=design),
                lambda design: theory.regression_risk_multiple(20, 2, dim=2, design=design),
                lambda design: theory.minimum_norm_risk(20, 2, dim=2, design=design),
            )
        ),
        (
            lambda: theory.regression_risk_multiple([10, 20], [1, 2, 3], dim=2),
            ValueError,
            "n, t must broadcast, got shapes (2,), (3,).",
        ),
        (
            lambda: theory.label_mixing_risk([0.5, 0.6], [9, 10, 11], dim=2),
            ValueError,
            "weight, n, t must broadcast, got shapes (2,), (3,), ().",
        ),
        (
            lambda: theory.downstream_risk([10, 20], [1, 2, 3], 10, dim=2),
            ValueError,
            "n, fits, n_generator must broadcast, got shapes (2,), (3,), ().",
        ),
        (
            lambda: theory.token_editing_risk([10, 20], [1, 2, 3], dim=2),
            ValueError,
            "n, edited must broadcast, got shapes (2,), (3,).",
        ),
        (lambda: theory.mixture_coefficient(1, 1, dim=4), ValueError, "n_real + n_synthetic must be integers >= 6"),
        (lambda: theory.mixture_coefficient(-1, 20, dim=4), ValueError, "n_real must be integers >= 0, got -1."),
        (lambda: theory.mixture_coefficient(1.5, 20, dim=4), ValueError, "n_real must be integers >= 0, got 1.5."),
        (lambda: theory.strong_collapse_risk(9, 9, dim=4, discrepancy=-1), ValueError, "(a squared length), got -1."),
        (
            lambda: theory.token_editing_risk(20, [3, 21], dim=4),
            ValueError,
            "(they are some of the rows), got 21 of 20",
        ),
        (lambda: theory.token_editing_growth([0.5, 1.5]), ValueError, "fractions must be in [0, 1], got 1.5."),
        (
            lambda: theory.minimum_norm_risk(9, 1, dim=10, noise_variance=1.0),
            ValueError,
            "by at least 2 where there is",
        ),
        (lambda: theory.minimum_norm_risk([3, 4], 1, dim=10, design="same"), ValueError, "got a schedule."),
        (lambda: theory.label_mixing_risk(0.0, 20, dim=4), ValueError, "weight must be > 0 and <= 1, got 0."),
        (lambda: theory.downstream_risk(20, 1, 5, dim=4), ValueError, "n_generator must be integers >= 6"),
        (lambda: theory.mean_risk(Replace(9), -1), ValueError, "generations must be an integer >= 0, got -1."),
        (lambda: RISK(Subsample(9), 2, dim=2), ValueError, "does up to generation 1; got generations=2."),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_regimes_with_weights_are_refused():
    regime = FreshReal(20, 5, real_weight=0.5)
    with pytest.raises(ValueError, match="regime must leave its points as they are, all of the same weight"):
        RISK(regime, 3, dim=2)


def test_without_noise_nothing_is_lost_or_scattered():
    for n, t in ((10, 1), ((10, 20), [0, 1, 2])):
        assert np.all(theory.regression_risk_sd(n, t, dim=8, noise_variance=0.0) == 0)
    assert theory.regression_risk_sd(10, [0, 1], dim=8, noise_variance=1e-200).tolist() == [0.0, INF]
    small = theory.regression_risk_sd(20, 3, dim=8, noise_variance=1e-200)
    assert small == pytest.approx(1e-200 * theory.regression_risk_sd(20, 3, dim=8), rel=1e-13)
    for design in ("fresh", "same"):
        found = theory.regression_risk_multiple(10, [0, 3, INF], dim=2, noise_variance=0.0, design=design)
        assert found.tolist() == [0.0, 0.0, 0.0]
        assert theory.regression_risk_multiple(10, INF, dim=2, design=design) == INF
    assert theory.fresh_rows_risk(0, 10, [1, INF], dim=2, noise_variance=0.0).tolist() == [0.0, 0.0]
    assert theory.fresh_rows_risk(0, 10, INF, dim=2) == INF


def test_prediction_without_a_finite_sd_says_nothing_of_it():
    import modelcollapse as mc

    known = mc.predict("excess_risk", mc.LinearRegression([1.0] * 8, design="same"), Replace(10), generations=2)
    assert known["mean"].values.tolist() == [0.0, 8.0, 16.0]
    assert "sd" not in known
