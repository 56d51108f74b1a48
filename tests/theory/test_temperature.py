"""Loops at a temperature: the map, thresholds and equilibria against mpmath and iteration, truncation, bounds."""

import itertools
import math
import re

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from modelcollapse import theory
from modelcollapse.testing.strategies import probabilities

TEMPERATURES = st.floats(0.05, 20.0)


def test_worked_examples():
    p = np.array([0.2, 0.3, 0.5])
    gaps = np.diff(theory.tempered(p, 3, temperature=0.5, log=True))
    np.testing.assert_allclose(gaps, 8 * np.diff(np.log(p)), rtol=1e-13)
    assert round(float(theory.scale_threshold(10, estimator="unbiased")), 4) == 1.0593
    assert [round(f, 4) for f in theory.critical_real_fraction(3, 0.8)] == [0.2, 0.2079]


# ------------------------------------------------------------------------------------------------- the map


@given(probabilities(), TEMPERATURES)
def test_the_map_stays_on_the_simplex_and_keeps_order(p, tau):
    q = theory.temperature_map(p, tau)
    assert q.sum() == pytest.approx(1, rel=1e-14)
    assert (q >= 0).all()
    assert ((p > 0) | (q == 0)).all()  # nothing comes back
    assert (np.diff(q[np.argsort(p)]) >= -1e-15).all()


@given(probabilities(zeros=False), st.floats(0.2, 5.0), st.floats(0.2, 5.0))
def test_temperatures_compose(p, first, second):
    twice = theory.temperature_map(theory.temperature_map(p, first), second)
    np.testing.assert_allclose(twice, theory.temperature_map(p, first * second), rtol=1e-9, atol=1e-300)


@given(probabilities())
def test_temperature_one_is_fair(p):
    np.testing.assert_allclose(theory.temperature_map(p, 1.0), p, rtol=1e-13, atol=1e-300)
    assert np.abs(theory.closed_loop_field(p, p, temperature=1.0, human_ratio=0.0)).max() < 1e-15
    np.testing.assert_allclose(theory.tempered_limit(p, temperature=1.0), p, rtol=1e-13)


def test_pure_power_against_mpmath():
    p = np.array([0.4, 0.4 - 2e-16, 0.15, 0.05, 0.0]) + np.array([0, 0, 2e-16, 0, 0])
    p /= p.sum()
    p = np.array(theory.fixation_probability(p))
    with mp.workdps(700):
        for tau in (0.01, 0.5, 0.999, 1.0, 1.001, 3.0):
            for t in (0, 1, 2.5, 7, 40, 150):
                power = mp.mpf(tau) ** -mp.mpf(t)
                if power > 10**300:
                    continue
                logs = [mp.log(mp.mpf(x)) * power for x in p[:4]]
                total = mp.log(mp.fsum(mp.exp(x - logs[0]) for x in logs)) + logs[0]
                got = theory.tempered(p, t, temperature=tau, log=True)
                want = [float(x - total) for x in logs]
                np.testing.assert_allclose(got[:4], want, rtol=2e-12, atol=1e-15)
                assert got[4] == -np.inf
    np.testing.assert_allclose(
        theory.tempered(p, [0, 1], temperature=0.7)[1], theory.temperature_map(p, 0.7), rtol=1e-13
    )


def test_pure_power_limits():
    p = np.array([0.3, 0.3, 0.2, 0.2, 0.0])
    for tau in (0.5, 2.0):
        late = theory.tempered(p, [10.0, 100.0, 1e6], temperature=tau)
        np.testing.assert_allclose(late[-2:], [theory.tempered_limit(p, temperature=tau)] * 2, atol=1e-15)
    assert theory.tempered_limit(p, temperature=2.0).tolist() == [0.25, 0.25, 0.25, 0.25, 0]
    orbit = theory.temperature_orbit(p, 5, temperature=0.8)
    np.testing.assert_allclose(orbit, theory.tempered(p, range(6), temperature=0.8), rtol=1e-13)


# ------------------------------------------------------------------------------------------------- human data


def critical(K, tau):
    """Saddle-node in mpmath, by bisection."""
    with mp.workdps(60):
        s, rest = 1 / mp.mpf(tau), mp.mpf(K) - 1

        def bisect(f, low, high):
            for _ in range(190):
                middle = (low + high) / 2
                low, high = (middle, high) if f(middle) > 0 else (low, middle)
            return low

        def f(u):
            a, A = 1 / (1 + rest * mp.exp(-u)), 1 / (1 + rest * mp.exp(-s * u))
            return 1 - (a - 1 / mp.mpf(K)) / (A - 1 / mp.mpf(K))

        def slope(u):  # of the logarithm of (a - 1/K) / (A - 1/K), which has one minimum
            def level(v):
                return K * mp.exp(-v) / ((1 - mp.exp(-v)) * (1 + rest * mp.exp(-v)))

            return s * level(s * u) - level(u)

        return f(bisect(slope, mp.mpf("1e-12"), 10 + 2 * mp.log(K)))


@pytest.mark.parametrize("K", [3, 4, 50, 10**6, 10**12])
@pytest.mark.parametrize("tau", [1 - 1e-9, 0.9999, 0.91, 0.9, 0.5, 0.1])
def test_critical_fraction_against_mpmath(K, tau):
    local, condensed = theory.critical_real_fraction(K, tau)
    assert local == 1 - tau
    assert condensed == pytest.approx(float(critical(K, tau)), rel=1e-13)
    assert condensed > local


def test_critical_fraction_at_one_half():
    for K in (3, 10, 10**6, 10**12):  # a quadratic equation
        known = K / (1 + math.sqrt(K - 1)) ** 2
        assert theory.critical_real_fraction(K, 0.5)[1] == pytest.approx(known, rel=1e-14)


def test_critical_fraction_ends():
    assert theory.critical_real_fraction(2, 0.7) == (1 - 0.7, 1 - 0.7)
    assert theory.critical_real_fraction(5, 1.0) == theory.critical_real_fraction(5, 3.0) == (0.0, 0.0)
    assert theory.critical_real_fraction(3, 1e-300)[1] == 1.0
    assert theory.critical_real_fraction(10**300, 0.9)[1] == pytest.approx(1, abs=1e-12)
    known = [theory.critical_real_fraction(K, 0.8)[1] for K in (2, 3, 5, 10, 100, 10**4)]
    assert (np.diff(known) > 0).all()  # the more outcomes, the more human data
    for tau in (0.2, 0.8, 0.9):
        K = 10**15 if tau < 0.9 else 10**60
        close = 1 - theory.critical_real_fraction_asymptotic(K, tau)
        assert 1 - theory.critical_real_fraction(K, tau)[1] == pytest.approx(close, rel=5e-3, abs=1e-12)


@pytest.mark.parametrize(("K", "tau"), [(2, 0.8), (3, 0.8), (3, 0.3), (20, 0.7), (1000, 0.9), (3, 0.99)])
def test_equilibria_are_equilibria_and_stable_as_said(K, tau):
    local, condensed = theory.critical_real_fraction(K, tau)
    middle = [local + x * (condensed - local) for x in (0.2, 0.9, 0.999)] if K > 2 else []
    for f in (0.0, 1e-9, local / 2, 0.99 * local, *middle, 1.01 * condensed, 1.0):
        if f > 1:
            continue
        share, stable = theory.temperature_equilibria(K, tau, f)
        assert share[0] == 1 / K
        assert len(share) == (1 if f > condensed else 3 if f > local else 2)
        assert (np.diff(share) > 0).all()
        for a, good in zip(share, stable, strict=True):
            theta = np.full(K, (1 - a) / (K - 1))
            theta[0] = a
            image = f / K + (1 - f) * theory.temperature_map(theta, tau)
            np.testing.assert_allclose(image, theta, rtol=1e-11, atol=1e-15)
            if theta.min() > 0 and K <= 20:  # eigenvalues of the map, by differences
                h = 1e-7 * theta.min()
                columns = []
                for j in range(K):
                    e = np.full(K, -h / (K - 1))
                    e[j] = h
                    up, down = (theory.temperature_map((theta + x) / (theta + x).sum(), tau) for x in (e, -e))
                    columns.append((1 - f) * (up - down) / 2)
                basis = np.eye(K) * (h + h / (K - 1)) - h / (K - 1)
                jacobian = np.array(columns).T @ np.linalg.pinv(basis)
                radius = np.abs(np.linalg.eigvals(jacobian)).max()
                assert (radius < 1) == good


def test_uniform_or_condensed_by_where_it_begins():
    K, tau, f = 3, 0.8, 0.204
    uniform = np.full(K, 1 / K)
    share, _ = theory.temperature_equilibria(K, tau, f)

    def end(a):
        start = [a, (1 - a) / 2, (1 - a) / 2]
        return theory.temperature_orbit(uniform, 5000, temperature=tau, real_fraction=f, start=start)[-1]

    np.testing.assert_allclose(end(share[1] - 1e-3), uniform, rtol=1e-9)
    assert end(share[1] + 1e-3)[0] == pytest.approx(share[2], rel=1e-9)
    # both ends are those of the ODE, too
    mu = f / (1 - f)
    theta = np.array([share[2], (1 - share[2]) / 2, (1 - share[2]) / 2])
    field = theory.closed_loop_field(theta, uniform, temperature=tau, human_ratio=mu)
    assert np.abs(field).max() < 1e-14


# ------------------------------------------------------------------------------------------------- truncation


@given(probabilities(), st.integers(1, 8))
def test_top_k_is_idempotent(p, k):
    q = theory.top_k_limit(p, k)
    assert (q > 0).sum() <= k
    assert q.sum() == pytest.approx(1, rel=1e-14)
    np.testing.assert_allclose(theory.top_k_limit(q, k), q, rtol=1e-14)
    assert p[q > 0].min(initial=1) >= p[q == 0].max(initial=0)


@given(probabilities(), st.floats(0.05, 1.0))
def test_a_nucleus_shrinks_to_its_limit(p, mass):
    laws = theory.nucleus(p, len(p) + 1, mass=mass)
    sizes = (laws > 0).sum(axis=1)
    assert (np.diff(sizes) <= 0).all()
    limit = theory.nucleus_limit(p, mass=mass)
    assert (laws[-1] == limit).all()
    left = limit[limit > 0]
    assert left.min() > 1 - mass - 1e-9
    assert len(left) == 1 or len(left) * (1 - mass) < 1 + 1e-9
    for t in range(len(p)):  # the fewest that have the share
        kept = np.sort(laws[t])[::-1][: sizes[t + 1]]
        assert kept.sum() >= mass - 1e-9
        assert kept[:-1].sum() < mass


def test_decimals_that_add_up_exactly_count():
    assert (theory.nucleus([0.5, 0.2, 0.1, 0.1, 0.1], 1, mass=0.9)[1] > 0).sum() == 4
    assert (theory.nucleus([0.1] * 10, 1, mass=0.7)[1] > 0).sum() == 7
    assert (theory.nucleus_limit([0.1] * 10, mass=0.7) > 0).sum() == 3  # 10, 7, 5, 4, 3: one third is more than 0.3


# ------------------------------------------------------------------------------------------------- Gaussian


@pytest.mark.parametrize("n", [2, 3, 10, 1000, 10**8])
def test_scale_thresholds_against_mpmath(n):
    with mp.workdps(60):
        for estimator, divisor in (("unbiased", n - 1), ("mle", n)):
            m = mp.digamma(mp.mpf(n - 1) / 2) + mp.log(mp.mpf(2) / divisor)
            sure = theory.scale_threshold(n, estimator=estimator)
            assert sure == pytest.approx(float(mp.exp(-m / 2)), rel=1e-14)
            rate = theory.scaled_log_variance_mean(n, 7, scale=1.3, estimator=estimator, first="scaled", variance=2.0)
            assert rate == pytest.approx(float(mp.log(2) + 7 * (m + 2 * mp.log(mp.mpf(1.3)))), rel=1e-13)
            mean = theory.scale_threshold(n, estimator=estimator, sense="in the mean")
            assert mean**2 * (n - 1) / divisor == pytest.approx(1, rel=1e-14)
            assert mean < sure  # between them the variance vanishes while its expectation grows
            grown = theory.scaled_expected_variance(n, 50, scale=mean, estimator=estimator, first="scaled")
            assert grown == pytest.approx(1, rel=1e-6)
            still = theory.scaled_log_variance_mean(n, 50, scale=sure, estimator=estimator, first="scaled")
            assert abs(still) < 1e-7


def test_scaled_loops_are_the_biased_ones():
    t = np.arange(6)
    for first, theirs in (("real", "real"), ("scaled", "biased")):
        ours = theory.scaled_log_variance_mean(10, t, scale=0.8, estimator="unbiased", first=first)
        np.testing.assert_allclose(ours, theory.biased_log_variance_mean(10, t, bias=0.64, first=theirs), rtol=1e-13)
        ours = theory.scaled_expected_variance(10, t, scale=0.8, estimator="unbiased", first=first)
        np.testing.assert_allclose(ours, theory.biased_moments(10, t, bias=0.64, first=theirs)[0], rtol=1e-13)
    assert theory.scaled_log_variance_mean(10, 1, scale=5.0, estimator="mle") == theory.log_variance_mean(
        10, 1, estimator="mle"
    )
    assert theory.scaled_expected_variance(10, 10**6, scale=2.0, estimator="mle") == math.inf


# ------------------------------------------------------------------------------------------------- bounds


def travel(start, target, tau, mu, noise, until, points=200):
    """The disturbed ODE; `noise(t)` has components at most eta and sum zero."""
    t = np.linspace(0, until, points)
    run = integrate.solve_ivp(
        lambda s, x: (
            theory.temperature_map(np.maximum(x, 1e-300) / np.maximum(x, 1e-300).sum(), tau)
            - x
            + mu * (target - x)
            + noise(s)
        ),
        (0, until),
        start,
        t_eval=t,
        rtol=1e-10,
        atol=1e-13,
    )
    return t, run.y.T


@pytest.mark.parametrize("target", [[1 / 3] * 3, [0.2, 0.35, 0.45]], ids=["uniform", "uneven"])
@pytest.mark.parametrize("tau", [0.7, 1.5])
def test_fisher_rao_bound_holds(target, tau):
    target, kappa, eta, mu = np.array(target), 0.9, 0.05, 120.0
    equilibrium = theory.temperature_orbit(target, 500, temperature=tau, real_fraction=mu / (1 + mu))[-1]
    field = theory.closed_loop_field(equilibrium, target, temperature=tau, human_ratio=mu)
    assert np.abs(field).max() < 1e-12
    known = {"temperature": tau, "noise": eta, "kappa": kappa}
    assert theory.closed_loop_ratio(target, equilibrium, **known) < mu
    radius = theory.fisher_rao_radius(target, equilibrium, mu, **known)
    flat = theory.euclidean_radius(target, mu, **known)
    onset = theory.closed_loop_onset(mu, kappa=kappa)
    floor = theory.closed_loop_floor(target, mu, noise=eta, kappa=kappa)
    for noise in (
        lambda s: eta * np.array([-1.0, 0.5, 0.5]),
        lambda s: eta * np.array([0.0, 1.0, -1.0]) * np.cos(3 * s),
    ):
        t, theta = travel(np.array([0.001, 0.001, 0.998]), target, tau, mu, noise, 1.0)
        assert (theta[t >= onset].min(axis=1) >= floor).all()  # Lemma 1
        late = theta[t > 0.5]
        assert (theory.fisher_rao_distance(late, equilibrium) <= radius).all()
        assert (np.abs(late - equilibrium).max(axis=1) <= flat).all()
    # how wide they are: without human data the factor is of another order
    assert theory.fisher_rao_distance(late[-1], equilibrium) < radius / 2


def test_fisher_rao_bound_is_far_from_what_is_needed():
    third = np.full(3, 1 / 3)
    asked = theory.closed_loop_ratio(third, third, temperature=0.8, kappa=0.9)
    f = theory.critical_real_fraction(3, 0.8)[1]
    assert asked == pytest.approx(25, rel=1e-12)
    assert f / (1 - f) == pytest.approx(0.2625, abs=5e-5)


def test_proposition_1_scaling_exponents():
    beta0, p, tau, eta, kappa = 1.5, 4.0, 0.8, 1e-3, 0.9
    K = np.array([2**8, 2**12, 2**16])
    fisher, flat = [], []
    for k in K:
        target = np.full(k, (1 - k**-beta0) / (k - 1))
        target[0] = k**-beta0
        known = {"temperature": tau, "noise": eta, "kappa": kappa}
        equilibrium = target.copy()  # mu is so large that it stays where the humans are
        equilibrium[1:] *= 0.5 / equilibrium[1:].sum()
        equilibrium[1] += 1 - equilibrium.sum()  # one likely outcome: max theta of order one
        fisher.append(theory.fisher_rao_radius(target, equilibrium, float(k) ** p, **known))
        flat.append(theory.euclidean_radius(target, float(k) ** p, **known))
    slopes = [np.diff(np.log(x)) / np.diff(np.log(K)) for x in (fisher, flat)]
    np.testing.assert_allclose(slopes[0], 0.5 + beta0 - p, atol=0.02)
    np.testing.assert_allclose(slopes[1], -p, atol=0.01)


def test_fisher_rao_distance():
    with mp.workdps(50):
        p = np.array([0.2, 0.3, 0.5])
        for step in (1e-3, 1e-9, 0.2):
            q = p + step * np.array([1, -1, 0])
            q /= q.sum()
            total = [mp.fsum(map(mp.mpf, map(float, x))) for x in (p, q)]
            chord = mp.sqrt(
                mp.fsum((mp.sqrt(mp.mpf(float(a))) - mp.sqrt(mp.mpf(float(b)))) ** 2 for a, b in zip(p, q, strict=True))
            )
            assert theory.fisher_rao_distance(p, q) == pytest.approx(float(2 * mp.asin(chord / 2)), rel=1e-12)
            if step == 0.2:
                inner = mp.fsum(mp.sqrt(mp.mpf(float(a)) * mp.mpf(float(b))) for a, b in zip(p, q, strict=True))
                assert theory.fisher_rao_distance(p, q) == pytest.approx(
                    float(mp.acos(inner / mp.sqrt(total[0] * total[1]))), rel=1e-12
                )
    assert theory.fisher_rao_distance([1, 0], [0, 1]) == pytest.approx(np.pi / 2, rel=1e-15)
    assert theory.fisher_rao_distance([1, 0], [1, 0]) == 0
    # the factor in front of the divergence: d <= (pi / 2) sqrt(KL), everywhere
    grid = np.array([x for x in itertools.product(np.linspace(0.02, 0.96, 15), repeat=2) if sum(x) < 0.99])
    laws = np.column_stack([grid, 1 - grid.sum(axis=1)])
    kl = (laws[:, None] * np.log(laws[:, None] / laws[None])).sum(axis=-1)
    d = theory.fisher_rao_distance(laws[:, None], laws[None])
    assert (d <= np.pi / 2 * np.sqrt(np.maximum(kl, 0)) + 1e-9).all()
    bound = theory.fisher_rao_bound([1.0, 3.0], 0.2, rate=2.0, onset=1.0, radius=0.1)
    np.testing.assert_allclose(bound, 0.1 + np.pi / 2 * np.sqrt(0.2) * np.exp([0, -2.0]), rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: theory.temperature_map([0.5, 0.5], 0), ValueError, "temperature must be a finite number >= 1e-300"),
        (lambda: theory.temperature_map([0.5, 0.6], 1), ValueError, "p must sum to one over its last axis, got 1.1"),
        (lambda: theory.temperature_map([-0.5, 1.5], 1), ValueError, "p must be >= 0 .they are prob.*got -0.5"),
        (lambda: theory.tempered([1.0], -1, temperature=2), ValueError, "t must be >= 0 .it counts rounds., got -1"),
        (
            lambda: theory.temperature_orbit([0.5, 0.5], 1, temperature=1, start=[1.0]),
            ValueError,
            "start must have the 2 categories of p, got 1",
        ),
        (lambda: theory.critical_real_fraction(1, 0.5), ValueError, "categories must be an integer >= 2"),
        (lambda: theory.critical_real_fraction_asymptotic(2, 0.5), ValueError, "categories must be >= 3"),
        (lambda: theory.temperature_equilibria(3, 1.0, 0.5), ValueError, "temperature must not be 1"),
        (lambda: theory.top_k_limit([1.0], 0), ValueError, "k must be an integer >= 1"),
        (lambda: theory.nucleus_limit([1.0], mass=0), ValueError, "mass must be a finite number > 0"),
        (lambda: theory.scale_threshold(1, estimator="mle"), ValueError, "n must be an integer >= 2"),
        (
            lambda: theory.scale_threshold(5, estimator="mle", sense="often"),
            ValueError,
            "one of 'almost surely', 'in the",
        ),
        (
            lambda: theory.fisher_rao_radius([0.5, 0.5], [0.5, 0.5], 3.0, temperature=1, noise=0, kappa=0.5),
            ValueError,
            "human_ratio must be >= closed_loop_ratio",
        ),
        (
            lambda: theory.closed_loop_floor([0.5, 0.5], 0.1, noise=0.05, kappa=0.5),
            ValueError,
            "human_ratio must be > noise / min.target. = 0.1",
        ),
        (
            lambda: theory.euclidean_radius([0.5, 0.5], 1.0, temperature=1, noise=0, kappa=0.5),
            ValueError,
            "temperature > 1 .the bound is empty",
        ),
        (
            lambda: theory.fisher_rao_bound(0.5, 1, rate=1, onset=1, radius=1),
            ValueError,
            "t must be >= onset = 1",
        ),
        (
            lambda: theory.closed_loop_ratio([0.5, 0.5], [1.0, 0.0], temperature=1, kappa=0.5),
            ValueError,
            "equilibrium must be > 0",
        ),
    ],
)
def test_outside_the_domain(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("p", "q"), [(np.ones((2, 3)) / 3, np.ones((4, 3)) / 3), ([0.5, 0.5], [0.2, 0.3, 0.5]), ([1.0], [0.5, 0.5])]
)
def test_fisher_rao_distance_of_laws_that_do_not_match(p, q):
    shapes = f"got shapes {np.shape(p)} and {np.shape(q)}."
    with pytest.raises(ValueError, match=re.escape(f"p and q must broadcast and have the same categories, {shapes}")):
        theory.fisher_rao_distance(p, q)
