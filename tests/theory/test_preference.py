"""Curation by preference: exact sums, mpmath, almost sure properties of the map, and the published bounds."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcollapse import theory
from modelcollapse.testing import stream

INF = math.inf
REWARDS = st.integers(1, 6).flatmap(
    lambda m: st.tuples(
        st.lists(st.floats(0.01, 1), min_size=m, max_size=m), st.lists(st.floats(-3, 3), min_size=m, max_size=m)
    )
)
CANDIDATES = st.sampled_from([1, 2, 3, 7, 40, 1000, 10**6, INF])


def law(weights):
    return np.array(weights) / np.sum(weights)


def by_hand(p, r, K):
    """H^K by going through all counts of what the K - 1 others can be."""
    with mp.workdps(30):
        a = [mp.exp(mp.mpf(float(x))) for x in r]
        out = [mp.mpf(0)] * len(p)
        for others in itertools.product(range(K), repeat=len(p)):
            if sum(others) != K - 1:
                continue
            weight = mp.mpf(math.factorial(K - 1))
            for k, q in zip(others, p, strict=True):
                weight *= mp.mpf(float(q)) ** k / math.factorial(k)
            rest = sum(k * y for k, y in zip(others, a, strict=True))
            for x in range(len(p)):
                out[x] += weight * K * a[x] / (a[x] + rest)
        return np.array([float(x) for x in out])


@pytest.mark.parametrize(
    ("weights", "r"),
    [
        ([2, 3, 5], [0.0, 1.0, -2.0]), ([2, 3, 5], [0.0, 300.0, -300.0]), ([1, 1, 0], [0.0, 1.0, 2.0]),
        ([1e-10, 1], [3.0, 0.0]), ([1, 2, 7], [1.0, 1.0, 1.0]), ([1, 1], [-740.0, 0.0]), ([1e-300, 1], [5.0, 0.0]),
        ([1, 0], [0.0, 900.0]), ([1.0], [2.0]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("K", [1, 2, 3, 7, 20])
def test_weight_against_the_exact_sum(weights, r, K):
    got = theory.curated_weight(law(weights), r, K)
    shifted = [x - max(r) for x in r]
    np.testing.assert_allclose(got, by_hand(law(weights), shifted, K), rtol=1e-12)


@pytest.mark.parametrize("K", [10**4, 10**6])
def test_weight_against_the_integral_in_many_digits(K):
    p, r = [0.2, 0.3, 0.5], [0.3, -1.0, 2.0]
    got = theory.curated_weight(p, r, K)
    with mp.workdps(30):
        a = [mp.exp(mp.mpf(x)) for x in r]
        ends = [0] + [mp.mpf(2) ** j / K for j in range(-4, 9)]
        for x in range(3):

            def f(u, x=x):
                others = sum(mp.mpf(q) * mp.exp(-u * y) for q, y in zip(p, a, strict=True))
                return mp.exp(-u * a[x]) * others ** (K - 1)

            assert got[x] == pytest.approx(float(K * a[x] * mp.quad(f, ends)), rel=1e-12)


@given(REWARDS, CANDIDATES)
def test_what_is_picked_is_a_law(pr, K):
    p, r = law(pr[0]), np.array(pr[1])
    H = theory.curated_weight(p, r, K)
    assert p @ H == pytest.approx(1, rel=1e-12)
    assert (H >= 0).all()
    assert (H <= K * (1 + 1e-12)).all()
    order = np.argsort(r)
    assert (np.diff(H[order]) >= -1e-12 * H[order][:-1]).all()
    np.testing.assert_allclose(theory.curated_weight(p, r + 11.0, K), H, rtol=1e-11)  # only differences matter
    assert theory.curated_law(p, r, K) @ np.exp(r) >= theory.curated_reward_bound(p, r, K) * (1 - 1e-12)


@given(REWARDS, CANDIDATES, st.floats(0, 1))
def test_reward_with_real_data_keeps_its_bound(pr, K, w):
    p, r = law(pr[0]), np.array(pr[1])
    path = theory.curated_loop(p, r, 6, candidates=K, real_fraction=w)
    np.testing.assert_allclose(path.sum(axis=1), 1, rtol=1e-12)
    assert (path[1:] @ np.exp(r) >= theory.retrained_reward_bound(p, r, K, w) * (1 - 1e-12)).all()
    if K != INF:
        for t in range(7):
            kl = float(np.sum(path[t] * np.log(path[t] / p)))
            assert kl <= theory.curated_divergence_bound(K, w, t) + 1e-12
            assert kl <= theory.curated_divergence_bound(K, w) + 1e-12


def test_divergence_bound_is_theorem_2_4():
    for K, w in ((2, 0.75), (3, 0.9), (50, 0.99), (1, 0.5), (1, 0.0)):
        lam = (1 - w) / w if w else 0.0
        want = -math.log1p(-lam * (K - 1))
        assert theory.curated_divergence_bound(K, w) == pytest.approx(want, abs=1e-13)
        assert theory.curated_divergence_bound(K, w, 10**5) == pytest.approx(want, abs=1e-12)
    assert theory.curated_divergence_bound(2, 0.4) == INF
    assert theory.curated_divergence_bound(2, 0.5) == INF
    assert theory.curated_divergence_bound(2, 0.5, 6) == pytest.approx(math.log(1 + 0.5 * 6), rel=1e-14)
    assert theory.curated_divergence_bound(5, 1.0, [0, 1, 7]).tolist() == [0.0, 0.0, 0.0]
    R = 1.0
    for t in range(5):
        assert theory.curated_divergence_bound(7, 0.3, t) == pytest.approx(math.log(R), abs=1e-13)
        R = 0.3 + 0.7 * 7 * R


def test_divergence_bound_is_nearly_attained():
    # a very rare best category, in pairs, mostly real data: sup p/p_ref is close to 1/(1 - lambda (K - 1))
    p, r = law([1e-9, 1.0]), [60.0, 0.0]
    path = theory.curated_loop(p, r, 400, candidates=2, real_fraction=0.75)
    sup = (path[-1] / p).max()
    assert sup == pytest.approx(math.exp(theory.curated_divergence_bound(2, 0.75)), rel=1e-6)


def test_many_candidates_tilt():
    p, r = law([1, 2, 3, 4]), np.array([0.5, -1.0, 2.0, 1.9])
    path = theory.curated_loop(p, r, 8, candidates=INF)
    for t in range(9):
        np.testing.assert_allclose(path[t], theory.tilted_law(p, r, t), rtol=1e-12)
    np.testing.assert_allclose(theory.curated_law(p, r, 10**7), path[1], rtol=1e-6)
    np.testing.assert_allclose(theory.tilted_law(p, r * 1e6, 1.0), theory.preference_limit(p, r), atol=1e-300)


@pytest.mark.parametrize("K", [2, 5, 1000, INF])
def test_pure_loop_goes_to_the_best_alone(K):
    p, r = law([1, 2, 3, 4]), np.array([2.0, 2.0, 1.0, 0.0])
    path = theory.curated_loop(p, r, 150, candidates=K)
    limit = theory.preference_limit(p, r)
    np.testing.assert_allclose(limit, [1 / 3, 2 / 3, 0, 0], rtol=1e-14)
    best = path[:, :2].sum(axis=1)
    assert (np.diff(best) >= -1e-15).all()
    kl = (limit[:2] * np.log(limit[:2] / path[:60, :2])).sum(axis=1)
    np.testing.assert_allclose(kl, -np.log(best[:60]), atol=1e-13)  # equal rewards keep their proportions
    if K != INF:
        assert path[-1, 2] / path[-2, 2] == pytest.approx(theory.invasion_factor(-1.0, K), rel=1e-6)


@pytest.mark.parametrize("K", [2, 3, 40, 10**6, INF])
@pytest.mark.parametrize("gap", [-2.0, 0.0, 0.3, 5.0])
def test_invasion(K, gap):
    H = theory.curated_weight(law([1e-13, 1]), [gap, 0.0], K)
    assert H[0] == pytest.approx(theory.invasion_factor(gap, K), rel=1e-6)
    assert theory.invasion_factor(gap, 1) == 1
    if K == 2:
        assert theory.invasion_factor(gap) == pytest.approx(2 / (1 + math.exp(-gap)), rel=1e-14)
    else:
        assert theory.invasion_factor(800.0, 40) == pytest.approx(40)


@pytest.mark.parametrize("gap", [-1.0, 0.0, 0.4, 30.0])
def test_two_types_in_pairs(gap):
    share = theory.two_type_share(0.3, gap, 12)
    path = theory.curated_loop([0.3, 0.7], [gap, 0.0], 12, candidates=2)
    np.testing.assert_allclose(share, path[:, 0], rtol=1e-12)
    s = 1 / (1 + math.exp(-gap))
    np.testing.assert_allclose(share[1:], share[:-1] ** 2 + 2 * share[:-1] * (1 - share[:-1]) * s, rtol=1e-13)


def test_gaussian_rewards_against_a_grid():
    x = np.linspace(-12, 14, 20001)
    p0 = law(np.exp(-((x - 0.5) ** 2) / (2 * 1.5)))
    for options in ({"slope": 0.4}, {"target": 2.0, "width": 1.3}, {"slope": -0.2, "target": 1.0, "width": 3.0}):
        reward = options.get("slope", 0.0) * x - (x - options.get("target", 0)) ** 2 / (
            2 * options.get("width", INF) ** 2
        )
        for t in (0, 1, 2, 5):
            pt = theory.tilted_law(p0, reward, t)
            mean = pt @ x
            got = theory.tilted_gaussian(t, mean=0.5, variance=1.5, **options)
            np.testing.assert_allclose(got, (mean, pt @ (x - mean) ** 2), rtol=1e-8)
    mean, variance = theory.tilted_gaussian(1e15, mean=5.0, target=2.0, width=1.0)
    assert mean == pytest.approx(2.0, rel=1e-13)
    assert variance == pytest.approx(1e-15, rel=1e-13)


@given(REWARDS, st.floats(0.05, 3), st.sampled_from([1, 2, 5, 1000, INF]))
def test_odds_bound(pr, tau, K):
    p, r = law(pr[0]), np.array(pr[1]) / 3
    H = theory.curated_weight(p, tau * r, K)
    i, j = int(np.argmax(r)), int(np.argmin(r))
    assert H[j] / H[i] <= theory.curated_odds_bound(r[i] - r[j], K, temperature=tau) * (1 + 1e-12)


@given(REWARDS, st.floats(1e-6, 1), st.floats(0.1, 30))
def test_equilibrium(pr, w, scale):
    p, r = law(pr[0]), scale * np.array(pr[1])
    limit, Z = theory.curation_equilibrium(p, r, w)
    assert pytest.approx(limit @ np.exp(r), rel=1e-9) == Z
    assert (1 - w) * np.exp(r).max() * (1 - 1e-12) <= Z
    again = w * p + (1 - w) * theory.curated_law(limit, r, INF)
    np.testing.assert_allclose(again, limit, rtol=1e-8, atol=1e-14)


def test_equilibrium_against_mpmath_and_limits():
    p, r, w = law([1, 2, 3, 4]), [0.5, -1.0, 2.0, 1.9], 0.03
    limit, Z = theory.curation_equilibrium(p, r, w)
    with mp.workdps(40):
        a = [mp.exp(mp.mpf(x)) for x in r]
        f = lambda z: sum(w * mp.mpf(float(q)) * y / (z - (1 - mp.mpf(w)) * y) for q, y in zip(p, a, strict=True)) - 1  # noqa: E731
        root = mp.findroot(f, (mp.mpf(Z) * 0.9999, mp.mpf(Z) * 1.0001), solver="anderson")
        want = [float(w * q * root / (root - (1 - mp.mpf(w)) * y)) for q, y in zip(p, a, strict=True)]
    assert pytest.approx(float(root), rel=1e-13) == Z
    np.testing.assert_allclose(limit, want, rtol=1e-12)
    np.testing.assert_allclose(theory.curated_loop(p, r, 2000, candidates=INF, real_fraction=w)[-1], limit, rtol=1e-12)
    np.testing.assert_allclose(theory.curation_equilibrium(p, r, 1.0)[0], p, rtol=1e-14)
    np.testing.assert_allclose(theory.curation_equilibrium(p, [3.0] * 4, 0.2)[0], p, rtol=1e-14)
    nearly, _ = theory.curation_equilibrium(p, r, 1e-12)
    np.testing.assert_allclose(nearly, theory.preference_limit(p, r), atol=1e-10)
    # a best category that is as good as never drawn
    rare, _ = theory.curation_equilibrium(law([1e-300, 1, 0]), [1.0, 0.0, 5.0], 0.5)
    assert rare[2] == 0
    assert rare.sum() == pytest.approx(1)


def test_contraction_condition_is_sufficient():
    rng = stream("any laws")  # the statement is almost sure
    for tau in (0.1, 0.5, 1.0):
        w = 1 - 0.99 / theory.curation_contraction(0.0, tau)
        constant = theory.curation_contraction(w, tau)
        assert constant == pytest.approx(0.99)
        for _ in range(50):
            p, q, r = rng.dirichlet(np.ones(4) / 3), rng.dirichlet(np.ones(4) / 3), tau * rng.uniform(-1, 1, 4)
            after = (1 - w) * np.abs(theory.curated_law(p, r, INF) - theory.curated_law(q, r, INF)).sum()
            assert after <= constant * np.abs(p - q).sum()
    assert theory.curation_contraction(5 / 6, 1e-12) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: theory.curated_weight([0.5, 0.5], [1.0], 2), ValueError, r"reward must have one number per category"),
        (lambda: theory.curated_weight([0.5, 0.4], [1.0, 0.0], 2), ValueError, "probabilities must sum to one"),
        (lambda: theory.curated_weight([0.5, 0.5], [1.0, 0.0], 0), ValueError, "candidates must be an integer >= 1"),
        (lambda: theory.curated_weight([0.5, 0.5], [1.0, INF], 2), ValueError, "reward must be finite"),
        (lambda: theory.curated_loop([1.0], [0.0], 2, real_fraction=-0.1), ValueError, "real_fraction must be"),
        (lambda: theory.curated_reward_bound([1.0], [800.0], 2), ValueError, "reward must be a finite number <= 700"),
        (lambda: theory.curated_divergence_bound(INF, 0.9), TypeError, "candidates must be an integer >= 1"),
        (lambda: theory.curated_odds_bound(3.0, 2), ValueError, "gap must be >= 0 and <= 2, got 3"),
        (lambda: theory.curation_equilibrium([1.0], [0.0], 0.0), ValueError, "see preference_limit"),
        (lambda: theory.tilted_gaussian(1, variance=0.0), ValueError, "variance must be a finite number > 0"),
    ],
)
def test_outside_the_domain(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_strong_preference_does_not_overflow():
    for K in (2, 10**6, INF):
        assert theory.curated_law([1.0, 0.0], [0.0, 800.0], K).tolist() == [1.0, 0.0]
    assert theory.invasion_factor([800.0, -800.0, 0.0], INF).tolist() == [INF, 0.0, 1.0]
    assert theory.invasion_factor([800.0, -800.0], 3).tolist() == [3.0, 0.0]
    assert theory.curated_odds_bound(1.0, 3, temperature=[300.0, 1e3, 1e308]) == pytest.approx(1.0, rel=1e-15)
    assert theory.curated_odds_bound(1.0, 1, temperature=1e3) == 1.0
    assert theory.curated_odds_bound([0.0, 2.0], INF, temperature=1e308).tolist() == [1.0, 0.0]
    # the condition is met without synthetic data, and with any it is not
    assert theory.curation_contraction([1.0, 1 - 1e-16, 0.5], 1e3).tolist() == [0.0, INF, INF]
