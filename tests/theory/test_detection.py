"""Detectors, watermarks and resampling: worked examples, enumeration of all outcomes, mpmath, limits, inequalities."""

import math
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from modelcollapse import theory

RATE = st.floats(0, 1)
SHARE = st.floats(0.01, 0.99)
LAWS = st.integers(2, 5).flatmap(
    lambda m: st.tuples(*(st.lists(st.floats(0.01, 1), min_size=m, max_size=m) for _ in range(2)))
)
A = {"real_fraction": 0.3, "tpr": 0.85, "fpr": 0.05}


def law(weights):
    return np.array(weights) / np.sum(weights)


# ------------------------------------------------------------------------------------------------- exclusion


def test_worked_examples():
    assert round(float(theory.detector_contamination(**A)), 4) == 0.2692
    assert theory.watermark_effective_size(2000, 0.3) == pytest.approx(180, rel=1e-14)
    assert theory.watermark_effective_size(2000, 0.3, 0.7 / 0.3) == pytest.approx(600, rel=1e-14)
    assert round(float(theory.detector_loop_error(400, 0.2, kept="mean")), 5) == 0.00694


@given(SHARE, st.floats(0, 0.99), st.floats(0, 0.99))
def test_contamination_is_bayes_and_odds_multiply(alpha, tpr, fpr):
    kappa = theory.detector_contamination(alpha, tpr, fpr)
    odds = (1 - alpha) / alpha * theory.detector_odds_factor(tpr, fpr)
    assert kappa / (1 - kappa) == pytest.approx(odds, rel=1e-9)
    kept = theory.detector_kept(alpha, tpr, fpr)
    assert theory.detector_real_kept(100, alpha, fpr) == pytest.approx(100 * kept * (1 - kappa), rel=1e-9)
    again = theory.detector_contamination(1 - kappa, tpr, fpr)
    assert again / (1 - again) == pytest.approx(odds * theory.detector_odds_factor(tpr, fpr), rel=1e-6)
    assert (kappa < 1 - alpha) == (tpr > fpr) or abs(tpr - fpr) < 1e-9


@pytest.mark.parametrize("n", [1, 2, 5, 30, 1000, 10**6, 10**9])
@pytest.mark.parametrize("q", [1e-12, 1e-6, 0.01, 0.3, 0.9, 1.0])
def test_inverse_mean_against_mpmath(n, q):
    with mp.workdps(40):
        Q = mp.mpf(q)
        if n <= 1000:
            total = mp.fsum(mp.binomial(n, k) * Q**k * (1 - Q) ** (n - k) / k for k in range(1, n + 1))
        elif n * q > 1000:  # the expansion in factorial moments of 1 / (N + 1), N + 2, ..
            total, term = mp.mpf(0), mp.mpf(1)
            for j in range(1, 12):  # 1/N = sum of (j-1)! / ((N+1) .. (N+j))
                term = term / ((n + j) * Q)
                total += mp.factorial(j - 1) * term
        else:
            end = mp.mpf(1)
            cuts = sorted({mp.mpf(0), end, *(end * mp.mpf(2) ** -k for k in range(1, 34))})
            total = mp.quad(lambda v: ((1 - Q * v) ** n - (1 - Q) ** n) / (1 - v), cuts)
        want = total / (1 - (1 - Q) ** n)
    assert theory.binomial_inverse_mean(n, q) == pytest.approx(float(want), rel=1e-12)


def exact_moments(n, alpha, tpr, fpr):
    """E (M/N)^2, E M/N and E 1/N over all numbers of unflagged points, N > 0, by enumeration."""
    real, synthetic = alpha * (1 - fpr), (1 - alpha) * (1 - tpr)
    none, out = 1 - real - synthetic, np.zeros(4)
    for R in range(n + 1):
        for M in range(n + 1 - R):
            if R + M == 0:
                continue
            ways = math.factorial(n) / math.factorial(R) / math.factorial(M) / math.factorial(n - R - M)
            p = ways * real**R * synthetic**M * none ** (n - R - M)
            out += p * np.array([1, (M / (R + M)) ** 2, M / (R + M), 1 / (R + M)])
    return out[1:] / out[0]


@pytest.mark.parametrize("n", [1, 2, 9])
@pytest.mark.parametrize(
    ("alpha", "tpr", "fpr"), [(0.3, 0.85, 0.05), (0.5, 0.0, 0.0), (0.2, 1.0, 0.4), (0.9, 0.1, 0.6)]
)
def test_errors_by_enumeration(n, alpha, tpr, fpr):
    square, kappa, inverse = exact_moments(n, alpha, tpr, fpr)
    assert theory.detector_contamination(alpha, tpr, fpr) == pytest.approx(kappa, rel=1e-12)
    c, v = 0.7, 1.3
    got = theory.detector_shift_error(n, alpha, tpr, fpr, shift=c, variance=v)
    assert got == pytest.approx(square * c * c + v * inverse, rel=1e-12)
    # the loop, iterated: bias and mean square
    B = D = 0.0
    for _ in range(3000):
        D, B = square * (D + 2 * c * B + c * c) + v * inverse, kappa * (B + c)
    assert theory.detector_loop_error(n, alpha, tpr, fpr, shift=c, variance=v) == pytest.approx(D, rel=1e-10)


def test_at_the_means_it_is_the_published_form():
    alpha, tpr, fpr = 0.3, 0.85, 0.05
    kappa, kept = theory.detector_contamination(alpha, tpr, fpr), theory.detector_kept(alpha, tpr, fpr)
    mean = theory.detector_loop_error(400, alpha, tpr, fpr, kept="mean")
    assert mean == pytest.approx(1 / (400 * kept * (1 - kappa**2)), rel=1e-13)
    assert theory.detector_loop_error(400, alpha, kept="mean") == pytest.approx(1 / (400 * (1 - 0.7**2)), rel=1e-13)
    # the exact error is above, by order 1/n
    for n in (100, 10**4, 10**6):
        ratio = theory.detector_loop_error(n, alpha, tpr, fpr) / theory.detector_loop_error(
            n, alpha, tpr, fpr, kept="mean"
        )
        second = (1 - kept) / (n * kept) + kappa * (1 - kappa) / (n * kept * (1 - kappa**2))
        assert ratio - 1 == pytest.approx(second, rel=20 / n + 1e-7)
    # with a shift, B^2 on top; one fit: the floor of kappa'^2 c^2
    B = kappa * 0.5 / (1 - kappa)
    shifted = theory.detector_loop_error(400, alpha, tpr, fpr, shift=0.5, kept="mean")
    assert shifted == pytest.approx(mean + B**2, rel=1e-12)
    assert theory.detector_shift_error(1e12, alpha, tpr, fpr, shift=0.5) == pytest.approx(kappa**2 * 0.25, rel=1e-9)
    assert theory.detector_shift_error(1e12, alpha, shift=0.5) == pytest.approx(0.7**2 * 0.25, rel=1e-9)


@given(SHARE, RATE, st.floats(0, 0.99), st.sampled_from(["mean", "random"]))
def test_exclusion_raises_the_variance_of_an_unbiased_loop(alpha, tpr, fpr, kept):
    n = 500
    without = theory.detector_loop_error(n, alpha, kept=kept)
    ratio = theory.detector_loop_error(n, alpha, tpr, fpr, kept=kept) / without
    assert ratio >= 1 - 1e-12
    if kept == "mean":
        assert ratio <= (2 - alpha) / (1 - fpr) * (1 + 1e-12)
        perfect = theory.detector_loop_error(n, alpha, 1.0, 0.0, kept=kept)
        assert perfect == pytest.approx(1 / (n * alpha), rel=1e-12)
        assert perfect / without == pytest.approx(2 - alpha, rel=1e-9)


@pytest.mark.parametrize("loop", [True, False])
@pytest.mark.parametrize("kept", ["mean", "random"])
def test_break_even_is_where_the_errors_meet(loop, kept):
    error = theory.detector_loop_error if loop else theory.detector_shift_error
    for n, alpha, tpr, fpr in ((400, 0.2, 0.85, 0.05), (30, 0.5, 0.6, 0.3), (10**6, 0.01, 0.99, 0.2), (50, 0.9, 1, 0)):
        c = theory.detector_break_even(n, alpha, tpr, fpr, loop=loop, kept=kept, variance=2.0)
        both = [error(n, alpha, *rates, shift=c, variance=2.0, kept=kept) for rates in ((0, 0), (tpr, fpr))]
        assert both[0] == pytest.approx(both[1], rel=1e-10)
        more = [error(n, alpha, *rates, shift=1.1 * c, variance=2.0, kept=kept) for rates in ((0, 0), (tpr, fpr))]
        less = [error(n, alpha, *rates, shift=0.9 * c, variance=2.0, kept=kept) for rates in ((0, 0), (tpr, fpr))]
        assert more[1] < more[0]
        assert less[1] > less[0]
    assert theory.detector_break_even(400, 0.2, 0.3, 0.3, loop=loop, kept=kept) == math.inf
    assert theory.detector_break_even(400, 0.2, 0.3, 0.5, loop=loop, kept=kept) == math.inf
    assert theory.detector_break_even(3, 0.5, 0.82, 0.8, loop=loop) == math.inf  # hardly a point would be left


def test_break_even_closed_form_and_rate():
    alpha, tpr, fpr = 0.2, 0.85, 0.05
    kept, kappa = theory.detector_kept(alpha, tpr, fpr), theory.detector_contamination(alpha, tpr, fpr)
    want = math.sqrt((1 - kept) / kept / 400 / ((1 - alpha) ** 2 - kappa**2))
    got = theory.detector_break_even(400, alpha, tpr, fpr, loop=False, kept="mean")
    assert got == pytest.approx(want, rel=1e-12)
    far = theory.detector_break_even([1e6, 1e8], alpha, tpr, fpr)
    assert far[0] / far[1] == pytest.approx(10, rel=1e-4)


# ------------------------------------------------------------------------------------------------- watermarks


@given(LAWS, SHARE)
def test_chi_square_of_any_channel(laws, alpha):
    q1, q0 = law(laws[0]), law(laws[1])
    chi = theory.watermark_chi_square(alpha, q1, q0)
    mixed = alpha * q1 + (1 - alpha) * q0
    assert 1 + chi == pytest.approx(float((q1**2 / mixed).sum()), rel=1e-12)
    assert chi <= theory.watermark_chi_square_bound(alpha, q1, q0) * (1 + 1e-9) + 1e-12
    assert chi <= (1 - alpha) / alpha * (1 + 1e-12)
    # to merge two outcomes loses
    merged = [np.concatenate([[q[0] + q[1]], q[2:]]) for q in (q1, q0)]
    assert theory.watermark_chi_square(alpha, *merged) <= chi * (1 + 1e-9) + 1e-12
    # weighing keeps all that is told: N (1 - kappa)^2
    kappa = theory.weighted_contamination(alpha, chi)
    size = theory.watermark_effective_size(100, alpha, chi)
    assert 100 / (1 + chi) * (1 - kappa) ** 2 == pytest.approx(size, rel=1e-9)


@given(SHARE, RATE, RATE)
def test_binary_detector(alpha, tpr, fpr):
    chi = theory.detector_chi_square(alpha, tpr, fpr)
    general = theory.watermark_chi_square(alpha, [1 - fpr, fpr], [1 - tpr, tpr])
    assert chi == pytest.approx(general, rel=1e-9, abs=1e-12)
    assert theory.detector_chi_square(alpha, 1 - tpr, 1 - fpr) == pytest.approx(chi, rel=1e-6, abs=1e-12)
    kept = theory.detector_kept(alpha, tpr, fpr)
    if kept > 1e-6:
        drop = theory.exclusion_effective_size(100, alpha, tpr, fpr)
        kappa = theory.detector_contamination(alpha, tpr, fpr)
        assert drop == pytest.approx(100 * kept * (1 - kappa) ** 2, rel=1e-6)
        if 1 - kept > 1e-6:
            flagged = 100 * alpha**2 * fpr**2 / (1 - kept)
            assert drop + flagged == pytest.approx(theory.watermark_effective_size(100, alpha, chi), rel=1e-6)


def test_oracle_and_nothing():
    assert theory.detector_chi_square(0.3, 1.0, 0.0) == pytest.approx(0.7 / 0.3, rel=1e-14)
    assert theory.detector_chi_square(0.3, 0.0, 0.0) == 0
    assert theory.weighted_contamination(0.3, 0.7 / 0.3) == pytest.approx(0, abs=1e-15)
    assert theory.weighted_contamination(0.3, 0.0) == pytest.approx(0.7)
    assert theory.exclusion_effective_size(100, 0.3, 0.0, 0.0) == pytest.approx(9)
    assert theory.exclusion_effective_size(100, 0.3, 1.0, 0.0) == pytest.approx(30)


@given(SHARE, st.floats(1e-6, 1 - 1e-6))
def test_symmetric_channel_as_printed(alpha, epsilon):
    odds = alpha / (1 - alpha)
    printed = (1 - 2 * epsilon) * (1 / (odds + epsilon / (1 - epsilon)) - 1 / (odds + (1 - epsilon) / epsilon))
    assert theory.symmetric_chi_square(alpha, epsilon) == pytest.approx(printed, rel=1e-7, abs=1e-9)
    limit = (1 - 2 * epsilon) ** 2 / (epsilon * (1 - epsilon))
    assert theory.symmetric_chi_square(1e-13, epsilon) == pytest.approx(limit, rel=1e-6, abs=1e-9)


@given(SHARE, RATE)
def test_erasure_channel(alpha, epsilon):
    general = theory.watermark_chi_square(alpha, [1 - epsilon, 0, epsilon], [0, 1 - epsilon, epsilon])
    assert theory.erasure_chi_square(alpha, epsilon) == pytest.approx(general, rel=1e-10, abs=1e-12)


# ------------------------------------------------------------------------------------------------- many batches


def sequences(n, alpha, p, batches):
    """E ||P_i - p||^2 of the linear estimate by going through all samples, two categories."""
    states = {(float(p[0]) * 0.0, 0.0): 1.0}
    states, out = {None: 1.0}, []
    worth = 0.0
    for i in range(batches):
        a = alpha[i]
        step = n[i] * a * a
        new = {}
        for last, weight in states.items():
            r = a * p[0] + (1 - a) * (last or 0.0)
            for k in range(n[i] + 1):
                q = weight * math.comb(n[i], k) * r**k * (1 - r) ** (n[i] - k)
                fresh = (k / n[i] - (1 - a) * (last or 0.0)) / a
                value = (worth * (last or 0.0) + step * fresh) / (worth + step)
                new[value] = new.get(value, 0.0) + q
        states, worth = new, worth + step
        assert min(states) >= -1e-12
        assert max(states) <= 1 + 1e-12
        out.append(sum(q * 2 * (value - p[0]) ** 2 for value, q in states.items()))
    return np.array(out)


@pytest.mark.parametrize(
    ("n", "alpha"), [((4, 4, 4), (1, 0.5, 0.5)), ((5, 3, 2), (1, 0.2, 0.8)), ((3, 3, 3), (1.0, 1.0, 1.0))]
)
def test_provenance_free_error_by_enumeration(n, alpha):
    p = np.array([0.3, 0.7])
    got = theory.provenance_free_error(n, alpha, 1 - (p**2).sum())
    np.testing.assert_allclose(got, sequences(n, alpha, p, 3), rtol=1e-12)


def test_provenance_free_error_attains_the_order():
    alpha = np.r_[1.0, np.full(999, 0.1)]
    got = theory.provenance_free_error(50, alpha, 0.5)
    order = 0.5 * theory.minimax_order(50, alpha)
    assert got[-1] < order  # H / S is never exceeded
    assert got[-1] > 0.95 * order
    assert theory.minimax_order(50, alpha, oracle=True) < theory.minimax_order(50, alpha)
    # one channel that tells nothing, and one that tells all
    blind, oracle = ([1.0], [1.0]), ([1.0, 0.0], [0.0, 1.0])
    np.testing.assert_allclose(theory.provenance_free_error(50, alpha, 0.5, channels=[blind] * 1000), got, rtol=1e-12)
    told = theory.provenance_free_error(50, alpha, 0.5, channels=[oracle] * 1000)
    assert told[-1] == pytest.approx(0.5 * theory.minimax_order(50, alpha, oracle=True), rel=1e-12)
    between = theory.provenance_free_error(50, alpha, 0.5, channels=[([0.9, 0.1], [0.2, 0.8])] * 1000)
    assert (told[1:] < between[1:]).all()
    assert (between[1:] < got[1:]).all()
    chi = theory.watermark_chi_square(0.1, [0.9, 0.1], [0.2, 0.8])
    assert between[-1] < theory.watermark_risk_bound(50, alpha, np.r_[0, np.full(999, chi)])
    assert theory.watermark_risk_bound(50, 0.0) == math.inf


# ------------------------------------------------------------------------------------------------- resampling

SCORES = np.array([0.02, 0.3, 0.6, 0.95])
REAL, SYNTHETIC = law([6, 3, 2, 1]), law([1, 1, 2, 6])


def test_resampling_with_replacement():
    w = (1 - SCORES) ** 10
    want = 0.6 * SYNTHETIC @ w / (0.6 * SYNTHETIC @ w + 0.4 * REAL @ w)
    assert theory.resampling_contamination(0.4, SCORES, REAL, SYNTHETIC) == pytest.approx(want, rel=1e-13)
    assert theory.resampling_contamination(0.4, SCORES, REAL, SYNTHETIC, power=0) == pytest.approx(0.6)
    # two scores, 0 and 1, are a detector; resampling is then exclusion
    hard = theory.resampling_contamination(0.3, [0.0, 1.0], [0.95, 0.05], [0.15, 0.85], power=3)
    assert hard == pytest.approx(theory.detector_contamination(0.3, 0.85, 0.05), rel=1e-13)


@pytest.mark.parametrize("f", [0.01, 0.3, 0.5, 0.9])
def test_resampling_without_replacement_against_the_fluid_limit(f):
    """Draw one after the other: what is left of each class falls at a rate proportional to its weight."""
    alpha, w = 0.4, (1 - SCORES) ** 10
    start = np.concatenate([alpha * REAL, (1 - alpha) * SYNTHETIC])
    weight = np.concatenate([w, w])

    def rate(_, left):
        return -weight * left / (weight @ left)

    left = integrate.solve_ivp(rate, (0, f), start, rtol=1e-10, atol=1e-14, method="LSODA").y[:, -1]
    taken = start - left
    want = taken[len(w) :].sum() / f
    got = theory.resampling_contamination(alpha, SCORES, REAL, SYNTHETIC, drawn=f)
    assert got == pytest.approx(want, rel=1e-6)


def test_resampling_limits():
    args = (0.4, SCORES, REAL, SYNTHETIC)
    f = [theory.resampling_contamination(*args, drawn=x) for x in (0.0, 1e-9, 0.2, 0.5, 0.8, 0.999999)]
    assert f[1] == pytest.approx(f[0], rel=1e-6)
    assert (np.diff(f) > 0).all()
    assert f[-1] == pytest.approx(0.6, rel=1e-4)
    # the efficiency; the best power for a calibrated detector is 1
    mixed = 0.4 * REAL + 0.6 * SYNTHETIC
    calibrated = 0.6 * SYNTHETIC / mixed
    worth = []
    for b in (0.0, 0.5, 0.9, 1.0, 1.1, 2.0, 10.0):
        kappa = theory.resampling_contamination(0.4, calibrated, REAL, SYNTHETIC, power=b)
        efficiency = theory.resampling_efficiency(0.4, calibrated, REAL, SYNTHETIC, power=b)
        worth.append(efficiency * (1 - kappa) ** 2)
    assert int(np.argmax(worth)) == 3
    chi = theory.watermark_chi_square(0.4, REAL, SYNTHETIC)
    assert worth[3] == pytest.approx(theory.watermark_effective_size(1, 0.4, chi), rel=1e-13)
    kappa = theory.resampling_contamination(0.4, calibrated, REAL, SYNTHETIC, power=1)
    assert kappa == pytest.approx(theory.weighted_contamination(0.4, chi), rel=1e-12)


def test_calibrated_beta_scores():
    alpha, nu, b = 0.3, 1.7, 10.0
    s, w = np.polynomial.legendre.leggauss(400)
    s, w = (1 + s) / 2, w / 2
    # s = x^4 removes the singularity at 0, and symmetric at 1 it is mild
    x, jacobian = s**4, 4 * s**3
    density = x ** (nu * (1 - alpha) - 1) * (1 - x) ** (nu * alpha - 1 + b) * jacobian * w
    want = float((density * x).sum() / density.sum())
    assert theory.resampling_contamination_beta(alpha, nu, b) == pytest.approx(want, rel=1e-6)
    assert theory.resampling_contamination_beta(alpha, nu, 0) == pytest.approx(0.7)
    uniform = theory.resampling_contamination_beta(0.5, 2.0)
    with mp.workdps(20):
        top, bottom = mp.quad(lambda s: s * (1 - s) ** 10, [0, 1]), mp.quad(lambda s: (1 - s) ** 10, [0, 1])
    assert uniform == pytest.approx(float(top / bottom), rel=1e-13)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: theory.detector_contamination(0.3, 1.0, 1.0), ValueError, "tpr and fpr must leave something"),
        (
            lambda: theory.detector_contamination(1.3, 0.5, 0.5),
            ValueError,
            r"real_fraction must be >= 0 and <= 1, got 1\.3",
        ),
        (lambda: theory.detector_chi_square(0.0, 0.5, 0.5), ValueError, "real_fraction must be > 0, got 0"),
        (lambda: theory.binomial_inverse_mean(5, 0.0), ValueError, "probability must be > 0 and <= 1, got 0"),
        (lambda: theory.detector_loop_error(10, 0.0), ValueError, "without real points the error grows for ever"),
        (lambda: theory.detector_loop_error(10, 0.5, kept="all"), ValueError, "kept must be one of 'random', 'mean'"),
        (
            lambda: theory.watermark_chi_square(0.5, [0.5, 0.5], [1.0]),
            ValueError,
            "law_synthetic must have the outcomes",
        ),
        (lambda: theory.weighted_contamination(0.5, 2.0), ValueError, r"chi_square must be <= \(1 - real_fraction\)"),
        (lambda: theory.provenance_free_error(5, [0.5, 0.5], 0.5), ValueError, "real_fractions must begin with 1"),
        (lambda: theory.provenance_free_error(5, [1], 0.5, channels=[]), ValueError, "channels must name one pair"),
        (lambda: theory.resampling_contamination(0.5, [1.2], [1.0], [1.0]), ValueError, r"scores must be in \[0, 1\]"),
        (
            lambda: theory.resampling_contamination(0.5, [0.0, 1.0], [0.5, 0.5], [0.5, 0.5], drawn=0.6),
            ValueError,
            r"drawn must be < 0\.5, the share of items with a positive weight",
        ),
        (lambda: theory.resampling_efficiency(0.5, [1.0], [1.0], [1.0]), ValueError, "scores must leave an item"),
    ],
)
def test_outside_the_domain(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_resampling_with_a_large_power():
    """Weights of 2^-600 and less: only their ratios count."""
    args = (0.5, [0.5, 0.6], [0.2, 0.8], [0.5, 0.5])
    for power in (600.0, 2e4):
        assert theory.resampling_efficiency(*args, power=power) == pytest.approx(0.35, rel=1e-13)
        assert theory.resampling_contamination(*args, power=power) == pytest.approx(0.5 / 0.7, rel=1e-13)
        # all of the first score are drawn, 0.35 of the items, and 0.15 of the second
        got = theory.resampling_contamination(*args, power=power, drawn=0.5)
        assert got == pytest.approx((0.25 + 0.15 * 0.25 / 0.65) / 0.5, rel=1e-9)
    scores = [0.0, 0.001]
    assert theory.resampling_efficiency(0.5, scores, [0.2, 0.8], [0.5, 0.5], power=50.0) == pytest.approx(
        (0.35 + 0.65 * 0.999**50) ** 2 / (0.35 + 0.65 * 0.999**100), rel=1e-13
    )
    with pytest.raises(ValueError, match="scores must leave an item with a positive weight"):
        theory.resampling_contamination(0.5, [1.0], [1.0], [1.0])


@pytest.mark.parametrize(("alpha", "tpr", "fpr"), [(1.4e-6, 0.48, 0.7), (1e-9, 1e-6, 1 - 2.0**-20), (0.3, 0.85, 0.05)])
def test_loop_error_where_hardly_anything_is_real(alpha, tpr, fpr):
    """One minus the squared contamination must not cancel: fixed points in exact fractions."""
    a, t, f = Fraction(alpha), Fraction(tpr), Fraction(fpr)
    real, synthetic = a * (1 - f), (1 - a) * (1 - t)
    kappa = synthetic / (real + synthetic)
    exact = float(1 / (100 * (real + synthetic)) / (1 - kappa**2))
    assert theory.detector_loop_error(100, alpha, tpr, fpr, kept="mean") == pytest.approx(exact, rel=1e-13)
    shifted = float(kappa**2 * (1 + 2 * kappa / (1 - kappa)) / (1 - kappa**2))
    by_shift = theory.detector_loop_error(100, alpha, tpr, fpr, shift=1.0, variance=0.0, kept="mean")
    assert by_shift == pytest.approx(shifted, rel=1e-13)
