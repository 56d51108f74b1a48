"""Filters, verifiers and selection: worked examples, mpmath, limits, enumeration."""

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from modelcollapse import theory
from modelcollapse.theory.selection import _above

PROBABILITY = st.floats(0, 1)


# ------------------------------------------------------------------------------------------------- labels


def test_worked_examples():
    assert theory.breakdown_point(0.9, 0.3) == pytest.approx(0.75, rel=1e-14)
    assert round(float(theory.verifier_contraction(1.3)), 4) == 0.4475
    assert round(float(theory.selection_total_gain(0.3)), 5) == 2.38638
    assert theory.youden(0.9, 0.3) == pytest.approx(0.6, rel=1e-14)


@given(PROBABILITY, PROBABILITY, st.floats(1e-3, 1), st.floats(1e-3, 1))
def test_breakdown_odds_and_youden_are_one_condition(p, q, good, bad):
    point = theory.breakdown_point(good, bad)
    if abs(p - point) > 1e-9:
        assert (theory.filtered_error(p, good, bad) < 0.5) == (p < point)
        assert theory.filter_accuracy(p, good, bad) == (1.0 if p < point else 0.0)
        accuracy = theory.filter_accuracy(p, good, bad, n=100, dim=7)
        assert (accuracy > 0.5) == (p < point)
    J = theory.youden(good, bad)
    if abs(J) > 1e-9:
        assert (point > 0.5) == (J > 0)
        if 1e-6 < q < 1 - 1e-6:
            assert (theory.verified_share(q, 1, good, bad) > q) == (J > 0)


def test_verified_share_is_the_filter_iterated():
    q = 0.02
    for t in range(8):
        assert theory.verified_share(0.02, t, 0.8, 0.5) == pytest.approx(q, rel=1e-13)
        q = 1 - theory.filtered_error(1 - q, 0.8, 0.5)
    # corners: a perfect filter, a filter that drops all that is right, nothing right to begin with
    np.testing.assert_allclose(theory.verified_share(0.1, [0, 1, 9], 1.0, 0.0), [0.1, 1, 1], rtol=1e-14)
    np.testing.assert_allclose(theory.verified_share(0.1, [0, 1], 0.0, 1.0), [0.1, 0], rtol=1e-14)
    assert theory.verified_share([0.0, 1.0], 5, 1.0, 0.0).tolist() == [0.0, 1.0]
    # far out nothing cancels
    assert theory.verified_share(1e-200, 1, 1.0, 1e-3) == pytest.approx(1e-197, rel=1e-12)


@pytest.mark.parametrize(("p", "good", "bad"), [(0.1, 0.9, 0.3), (0.74, 0.9, 0.3), (0.9, 0.9, 0.3), (0.999, 1.0, 0.5)])
@pytest.mark.parametrize(("n", "dim"), [(10, 1000), (10**3, 50), (10**12, 3)])
def test_filter_accuracy_against_mpmath(p, good, bad, n, dim):
    with mp.workdps(40):
        right, wrong = (1 - mp.mpf(p)) * mp.mpf(good), mp.mpf(p) * mp.mpf(bad)
        m, v = (right - wrong) * mp.sqrt(2 / mp.pi), right + wrong
        want = 1 - mp.acos(m / mp.sqrt(m**2 + v * dim / n)) / mp.pi
        assert theory.filter_accuracy(p, good, bad, n=n, dim=dim) == pytest.approx(float(want), rel=1e-12)


def test_filter_accuracy_tends_to_the_jump():
    for p, want in ((0.7, 1.0), (0.8, 0.0)):
        assert theory.filter_accuracy(p, 0.9, 0.3, n=1e20, dim=10) == pytest.approx(want, abs=1e-8)
    assert theory.filter_accuracy(0.5, 1.0, 1.0) == 0.5


def test_weak_labels():
    assert theory.weak_label_error(50, 0.0, 0.3) == 0.3
    assert theory.weak_label_error([0, 1], 1.0).tolist() == [1.0, 0.0]
    assert theory.weak_label_error(10**6, 1e-5) == pytest.approx(math.exp(1e6 * math.log1p(-1e-5)), rel=1e-13)
    error = 0.3
    for _ in range(7):
        error -= 0.2 * error
    assert theory.weak_label_error(7, 0.2, 0.3) == pytest.approx(error, rel=1e-13)


# ------------------------------------------------------------------------------------------------- verifier


@pytest.mark.parametrize("b", [1e-8, 1e-3, 0.3, 0.999, 1.0, 1.3, 3.0, 6.0, 10.0, 37.0])
def test_contraction_against_mpmath(b):
    with mp.workdps(700):
        B = mp.mpf(b)
        gap = 2 * B * mp.npdf(B) / mp.erf(B / mp.sqrt(2))
        rho = 1 - gap
        assert theory.verifier_contraction(b) == pytest.approx(float(rho), rel=1e-13)
        want = 3 * 2 * rho / (100 * gap * (1 + rho))
        got = theory.verifier_error_limit(100, b, parameters=3, variance=2.0)
        assert got == pytest.approx(float(want), rel=1e-13)


def test_contraction_limits():
    assert theory.verifier_contraction(1e-4) == pytest.approx(1e-8 / 3, rel=1e-7)
    assert theory.verifier_contraction(100.0) == 1
    assert theory.verifier_error_limit(10, 100.0) == math.inf
    b = np.linspace(0.01, 8, 400)
    assert (np.diff(theory.verifier_contraction(b)) > 0).all()


def cut(offset, b):
    """P(accept), mean and variance of N(offset, 1) in [-b, b], in many digits."""
    d, b = mp.mpf(offset), mp.mpf(b)
    peak, slope = min(d, b), max(d - b, 0)
    reach = 160 / (slope + mp.sqrt(slope**2 + 80))
    low, high = max(-b - peak, -reach), min(b - peak, reach)
    ends = [low + (high - low) * mp.mpf(j) / 6 for j in range(7)]
    total, first, second = (
        mp.quad(lambda v, k=k: v**k * mp.exp(v * (d - peak - v / 2)), ends, maxdegree=5) for k in range(3)
    )
    mean = first / total
    return total * mp.npdf(peak - d), peak + mean, second / total - mean**2


@pytest.mark.parametrize("b", [1e-6, 0.1, 1.3, 6.0, 50.0])
@pytest.mark.parametrize("offset", [1e-9, 0.1, 1.0, 3.0, 20.0, 1e6])
def test_moments_off_centre_against_mpmath(offset, b):
    with mp.workdps(50):
        acceptance, mean, variance = cut(offset, b)
    got_mean, got_variance = theory.verifier_moments(offset, b)
    assert got_mean == pytest.approx(float(mean), rel=1e-12)
    assert got_variance == pytest.approx(float(variance), rel=1e-12)
    if acceptance > 1e-290:
        assert theory.verifier_acceptance(b, offset) == pytest.approx(float(acceptance), rel=1e-12)
    else:
        assert theory.verifier_acceptance(b, offset) < 1e-289
    mirrored, _ = theory.verifier_moments(-offset, b)
    assert mirrored == -got_mean


def test_published_forms_off_centre():
    b, d = 1.3, np.array([-2.0, 0.0, 0.7, 3.0])
    phi = lambda x: np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    Phi = np.vectorize(lambda x: 0.5 * math.erfc(-x / math.sqrt(2)))
    share = Phi(b - d) - Phi(-b - d)
    mean, variance = theory.verifier_moments(d, b)
    np.testing.assert_allclose(theory.verifier_acceptance(b, d), share, rtol=1e-13)
    np.testing.assert_allclose(mean, d - (phi(b - d) - phi(b + d)) / share, rtol=1e-12, atol=1e-15)
    assert theory.verifier_acceptance(b) == pytest.approx(math.erf(b / math.sqrt(2)), rel=1e-13)
    assert variance[1] == pytest.approx(theory.verifier_contraction(b), rel=1e-12)


@given(st.floats(-50, 50), st.floats(0.01, 20))
def test_the_map_contracts_everywhere(offset, b):
    """The slope of the mean map is the variance, which is largest at the centre."""
    mean, variance = theory.verifier_moments(offset, b)
    rho = theory.verifier_contraction(b)
    assert abs(mean) <= rho * abs(offset) * (1 + 1e-12) + 1e-300
    assert variance <= rho * (1 + 1e-12)
    assert abs(mean) <= b
    h = 1e-4 * (1 + abs(offset))
    slope = (theory.verifier_moments(offset + h, b)[0] - theory.verifier_moments(offset - h, b)[0]) / (2 * h)
    assert slope == pytest.approx(variance, rel=1e-3, abs=1e-5)


def test_verified_loop_goes_to_the_verifier_and_real_data_pull_back():
    path = theory.verified_offsets(3.0, 1.3, 60)
    assert path[0] == 3.0
    assert path[-1] < 1e-15
    assert path[-1] / path[-2] == pytest.approx(theory.verifier_contraction(1.3), rel=1e-6)
    for truth, b, w in ((1.0, 1.3, 0.2), (-2.0, 0.5, 0.05), (0.3, 4.0, 0.5), (1e-8, 1.3, 0.2), (5.0, 1.0, 1.0)):
        limit = theory.verified_limit(truth, b, w)
        assert theory.verified_offsets(9.0, b, 400, real_fraction=w, truth=truth)[-1] == pytest.approx(limit, rel=1e-12)
        rho = theory.verifier_contraction(b)
        assert w * abs(truth) <= abs(limit) <= w * abs(truth) / (1 - (1 - w) * rho) * (1 + 1e-12)
    assert theory.verified_limit(2.0, 1.3) == 0.0
    assert theory.verified_limit(2.0, 1.3, 1.0) == pytest.approx(2.0, rel=1e-15)


def test_error_bound_is_the_published_sum():
    rho, sizes = theory.verifier_contraction(0.8), (10, 20, 5, 40)
    got = theory.verifier_error_bound(sizes, 0.8, 4, parameters=3, variance=2.0, initial=7.0)
    for k in range(5):
        want = rho ** (2 * k) * 7 + 3 * 2 * sum(rho ** (2 * (k - j) - 1) / sizes[j] for j in range(k))
        assert got[k] == pytest.approx(want, rel=1e-13)
    constant = theory.verifier_error_bound(50, 0.8, 200)
    assert constant[-1] == pytest.approx(theory.verifier_error_limit(50, 0.8), rel=1e-12)


@pytest.mark.parametrize("b", [0.2, 1.0, 2.0, 4.0])
def test_error_limit_bounds_the_loop_with_one_point(b):
    """With one accepted point a round the chain is reversible: stationary density Z(u), the share that is accepted."""
    u, w = np.polynomial.legendre.leggauss(200)
    density = theory.verifier_acceptance(b, b * u)
    exact = float((w * density * (b * u) ** 2).sum() / (w * density).sum())
    # check the stationarity of that density by one step: E V + E g^2 = E u^2
    mean, variance = theory.verifier_moments(b * u, b)
    assert float((w * density * (variance + mean**2)).sum() / (w * density).sum()) == pytest.approx(exact, rel=1e-12)
    assert exact <= theory.verifier_error_limit(1, b)
    if b <= 0.2:  # a hard verifier: the map is nearly linear
        assert exact == pytest.approx(theory.verifier_error_limit(1, b), rel=1e-3)


# ------------------------------------------------------------------------------------------------- selection


@pytest.mark.parametrize("q", [1e-300, 1e-100, 1e-20, 1e-6, 1.3e-3, 1.4e-3, 0.3, 0.5, 0.9, 0.999, 1 - 1e-12])
def test_selection_against_mpmath(q):
    with mp.workdps(400):
        Q = mp.mpf(q)
        guess = mp.mpf(math.sqrt(-2 * math.log(q))) if q < 0.01 else mp.mpf(0)
        if q < 0.9:
            z = mp.findroot(lambda z: mp.log(mp.erfc(z / mp.sqrt(2)) / 2 / Q), guess)
        else:
            z = -mp.findroot(lambda z: mp.log(mp.erfc(z / mp.sqrt(2)) / 2 / (1 - Q)), mp.mpf(2))
        i = mp.npdf(z) / Q
        k = 1 - i * (i - z)
        want = [float(x) for x in (i, i - z, k, mp.log(k), i / (1 - mp.sqrt(k)))]
    np.testing.assert_allclose([float(x) for x in _above(q)], want[:4], rtol=1e-12)
    assert theory.selection_intensity(q) == pytest.approx(want[0], rel=1e-12)
    assert theory.selection_variance_factor(q) == pytest.approx(want[2], rel=1e-12)
    assert theory.selection_total_gain(q) == pytest.approx(want[4], rel=1e-12)


def test_selection_trajectory_is_the_recursion():
    for q in (0.01, 0.3, 0.95, 1.0):
        mean, sd = 2.0, 0.5
        for t in range(6):
            got = theory.selection_trajectory(q, t, mean=2.0, sd=0.5)
            np.testing.assert_allclose(got, (mean, sd), rtol=1e-13)
            mean, sd = mean + theory.selection_intensity(q) * sd, sd * theory.selection_variance_factor(q) ** 0.5
        last, none = theory.selection_trajectory(q, math.inf, mean=2.0, sd=0.5)
        assert last == pytest.approx(2 + 0.5 * theory.selection_total_gain(q), rel=1e-13)
        assert none == (0.5 if q == 1 else 0.0)
    q = np.array([1e-6, 1e-3, 0.1, 0.5, 0.9, 1.0])
    assert (np.diff(theory.selection_total_gain(q)) < 0).all()
    assert theory.selection_total_gain(1.0) == 0


@pytest.mark.parametrize("K", [3, 1000, 10**12])
def test_best_of_against_mpmath(K):
    with mp.workdps(40):
        ends = [-13, -4, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16]
        density = lambda x: K * mp.npdf(x) * mp.ncdf(x) ** (K - 1)  # noqa: E731
        mean = mp.quad(lambda x: x * density(x), ends)
        square = mp.quad(lambda x: x**2 * density(x), ends)
        np.testing.assert_allclose(theory.best_of(K), [float(mean), float(square - mean**2)], rtol=1e-12)


def test_best_of_gains_less_than_the_top_share():
    assert theory.best_of(1) == (0.0, 1.0)
    assert theory.best_of(3)[0] == pytest.approx(1.5 / math.sqrt(math.pi), rel=1e-13)
    for K in (2, 5, 100, 10**6):
        mean, variance = theory.best_of(K)
        assert 0 < mean < theory.selection_intensity(1 / K)
        assert variance > theory.selection_variance_factor(1 / K)
    # the limit of choosing by a steep reward: normal points on a fine grid
    x, w = np.polynomial.hermite_e.hermegauss(40)
    picked = theory.curated_law(w / w.sum(), 200.0 * x, 2)
    ranked = np.cumsum(w / w.sum())
    exact = np.diff(np.concatenate([[0], ranked**2]))
    np.testing.assert_allclose(picked, exact, atol=1e-12)


def test_the_toy_of_truncation_against_quadrature():
    q = 0.2
    z = 0.8416212335729143
    moments = [integrate.quad(lambda x, k=k: x**k * math.exp(-x * x / 2), z, 40)[0] for k in range(3)]
    mean = moments[1] / moments[0]
    assert theory.selection_intensity(q) == pytest.approx(mean, rel=1e-10)
    assert theory.selection_variance_factor(q) == pytest.approx(moments[2] / moments[0] - mean**2, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: theory.breakdown_point(0.0, 0.0), ValueError, "keep_good must be > 0, or keep_bad"),
        (lambda: theory.breakdown_point(1.2, 0.0), ValueError, r"keep_good must be >= 0 and <= 1, got 1\.2"),
        (lambda: theory.filtered_error(1.0, 1.0, 0.0), ValueError, "error must leave something to keep"),
        (lambda: theory.filter_accuracy(0.5, 0.9, 0.3, n=0), ValueError, "n must be > 0, got 0"),
        (lambda: theory.verified_share(0.1, -1, 0.9, 0.3), ValueError, "t must be >= 0"),
        (lambda: theory.verifier_contraction(0.0), ValueError, "half_width must be > 0, got 0"),
        (lambda: theory.verifier_contraction(math.nan), ValueError, "half_width must be finite"),
        (
            lambda: theory.verified_limit(1.0, 1.3, 1.5),
            ValueError,
            "real_fraction must be a finite number >= 0 and <= 1",
        ),
        (lambda: theory.verifier_error_bound((5, 5), 1.0, 3), ValueError, "n must name a size for each of the 3"),
        (lambda: theory.selection_intensity(0.0), ValueError, "fraction must be > 0 and <= 1, got 0"),
        (lambda: theory.best_of(0), ValueError, "candidates must be an integer >= 1, got 0"),
    ],
)
def test_outside_the_domain(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_verified_share_after_very_many_rounds():
    good, bad = [1.0, 0.5, 0.4, 0.0, 0.5], [0.5, 0.5, 0.5, 0.5, 0.0]
    for q, want in ((0.5, [1.0, 0.5, 0.0, 0.0, 1.0]), (0.0, [0.0] * 5), (1.0, [1.0] * 5)):
        assert theory.verified_share(q, math.inf, good, bad).tolist() == want
        assert theory.verified_share(q, 0, good, bad).tolist() == [q] * 5
    # a filter that hardly tells
    bad, t = 0.3, 10**8
    good = bad + 1e-9
    with mp.workdps(40):
        odds = mp.power(mp.mpf(good) / mp.mpf(bad), t)
        want = float(odds / (1 + odds))
    assert theory.verified_share(0.5, t, good, bad) == pytest.approx(want, rel=1e-13)
