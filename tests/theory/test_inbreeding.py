"""The recursion of the inbreeding coefficient against brute force, against closed forms and against worked examples."""

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

from modelcollapse import theory
from modelcollapse.regimes import Accumulate, FixedReal, FreshReal, Mix, Plan, Replace, Subsample, Window

REGIMES = [
    Replace(n=5), Replace(n=(3, 7, 2, 9, 4, 6)),
    Accumulate(n=4), Accumulate(n=3, n_real=7), Accumulate(n=(2, 5, 3, 1, 4, 4)),
    Subsample(n=4), Subsample(n=3, n_real=8),
    FixedReal(n=4, n_real=3), FixedReal(n=3, n_real=2, n_first=6), FixedReal(n=(5, 2, 6, 3, 3, 2), n_real=4),
    FreshReal(n=6, n_real=2), FreshReal(n=5, n_real=5), Mix(n=5, real_fraction=0.25), Mix(n=4, real_fraction=0.0),
    Window(n=3, k=1), Window(n=3, k=2), Window(n=(3, 2, 4, 5, 2, 3), k=3, n_real=6), Window(n=2, k=9),
]  # fmt: skip
GENERATIONS = 6


@dataclass(frozen=True)
class Custom:
    """A regime that no class names: everything at once."""

    written: Plan

    def plan(self, generations):
        assert generations == self.written.generations
        return self.written


ODD = Custom(Plan(
    real=np.array([6, 0, 2, 1, 0, 0]), synthetic=np.array([0, 3, 2, 4, 3, 5]),
    mix=np.array([0, 0, 0.5, 0.25, 0, 0]), oldest=np.array([1, 1, 2, 2, 4, 5]),
    drawn=np.array([4, 0, 0, 5, 0, 3]), pinned=2,
))  # fmt: skip


def naive(plan, correction, population=None):
    """Carry E[x y] of every pair of points, in exact fractions, point by point: no batches, no pooling, no deficits."""
    sibling = Fraction(0) if population is None else Fraction(-1, population - 1)
    product, born = {}, []  # (i, j) -> E x_i x_j; number of the batch of each point
    V, M = [Fraction(1)], [Fraction(0)]
    training = []
    for t in range(plan.generations):
        q = Fraction(float(plan.mix[t]))
        batch = range(len(born), len(born) + int(plan.batch[t]))
        for i in batch:
            synthetic = Fraction(0) if i - batch[0] < plan.real[t] else 1 - q
            for j in range(batch[0]):
                mean = sum(product[k, j] for k in training) / Fraction(len(training))
                product[i, j] = product[j, i] = synthetic * mean
            for j in range(batch[0], i):
                other = Fraction(0) if j - batch[0] < plan.real[t] else 1 - q
                product[i, j] = product[j, i] = sibling if t == 0 else synthetic * other * M[-1]
            product[i, i] = (1 - synthetic) + synthetic * (V[-1] + M[-1])
        born += [t + 1] * len(batch)
        training = [i for i, b in enumerate(born) if b >= plan.oldest[t] or i < plan.pinned]
        N = len(training)
        square = sum(product[i, i] for i in training) / Fraction(N)
        pairs = sum(product[i, j] for i in training for j in training if i != j)
        n = int(plan.drawn[t]) or N
        mean_pair = pairs / Fraction(N * (N - 1)) if N > 1 else Fraction(0)
        M.append(square / n + (1 - Fraction(1, n)) * mean_pair)
        V.append((square - M[-1]) * (Fraction(n, n - 1) if correction else 1))
    return V, M


@pytest.mark.parametrize("population", [None, 11])
@pytest.mark.parametrize("estimator", ["mle", "unbiased"])
@pytest.mark.parametrize("regime", [*REGIMES, ODD], ids=str)
def test_recursion_is_the_naive_one(regime, estimator, population):
    V, M = naive(regime.plan(GENERATIONS), estimator == "unbiased", population)
    variance, error = theory.moments(regime, GENERATIONS, estimator=estimator, population=population)
    np.testing.assert_allclose(variance, [float(x) for x in V], rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(error, [float(x) for x in M], rtol=1e-13, atol=1e-15)
    if estimator == "mle":
        np.testing.assert_array_equal(theory.inbreeding(regime, GENERATIONS, population=population), error)
        np.testing.assert_array_equal(theory.retained(regime, GENERATIONS, population=population), variance)
        with np.errstate(divide="ignore"):
            logs = np.log(variance)
        np.testing.assert_allclose(theory.log_retained(regime, GENERATIONS, population=population), logs, rtol=1e-13)


def enumerate_heterozygosity(plan, p, rows=None):
    """E[p_t (1 - p_t)] by going through every history of a model with two categories: no theory at all.

    With `rows`, batch 1 is a random arrangement of them and later real points are draws from them.
    """
    total = [Fraction(0)] * plan.generations

    def fits(history, t):
        pool = [x for b, batch in enumerate(history, start=1) if b >= plan.oldest[t] for x in batch]
        if plan.oldest[t] > 1:
            pool += history[0][: plan.pinned]
        n = int(plan.drawn[t])
        subsets = list(itertools.combinations(pool, n)) if n else [pool]
        for subset in subsets:
            yield Fraction(1, len(subsets)), Fraction(sum(subset), len(subset))

    def grow(history, model, probability, t):
        if t == plan.generations:
            return
        if t == 0 and rows is not None:
            batches = list(itertools.permutations(rows, int(plan.real[0])))
            weighted = [(batch, Fraction(1, len(batches))) for batch in batches]
        else:
            q = Fraction(float(plan.mix[t]))
            chances = [p] * int(plan.real[t]) + [q * p + (1 - q) * model] * int(plan.synthetic[t])
            weighted = [
                (batch, math.prod(c if x else 1 - c for x, c in zip(batch, chances, strict=True)))
                for batch in itertools.product((0, 1), repeat=len(chances))
            ]
        for batch, chance in weighted:
            if chance:
                for share, fitted in fits([*history, batch], t):
                    total[t] += probability * chance * share * fitted * (1 - fitted)
                    grow([*history, batch], fitted, probability * chance * share, t + 1)

    grow([], p, Fraction(1), 0)
    return [x / (p * (1 - p)) for x in total]


@pytest.mark.parametrize("regime", [
    Replace(n=2), Replace(n=(2, 3, 1)), Accumulate(n=2), Accumulate(n=1, n_real=3),
    Subsample(n=2), Subsample(n=1, n_real=3), FixedReal(n=2, n_real=2), FixedReal(n=2, n_real=1, n_first=3),
    FreshReal(n=3, n_real=1), Mix(n=2, real_fraction=0.25),
    Window(n=2, k=2), Window(n=1, k=2, n_real=3),
], ids=str)  # fmt: skip
def test_recursion_is_the_share_of_heterozygosity_in_all_histories(regime):
    expected = enumerate_heterozygosity(regime.plan(3), Fraction(1, 3))
    np.testing.assert_allclose(theory.retained(regime, 3)[1:], [float(x) for x in expected], rtol=1e-13)


@pytest.mark.parametrize("regime", [
    Replace(n=4), Replace(n=(2, 3, 2)), Accumulate(n=2, n_real=4), Subsample(n=2, n_real=4),
    FixedReal(n=2, n_real=2, n_first=3), FixedReal(n=1, n_real=4), Mix(n=3, real_fraction=0.5),
    FreshReal(n=3, n_real=1),
], ids=str)  # fmt: skip
def test_fixed_rows_are_drawn_without_replacement(regime):
    rows = (0, 0, 0, 1)
    expected = enumerate_heterozygosity(regime.plan(2), Fraction(1, 4), rows)
    share = theory.retained(regime, 2, population=4)[1:]
    np.testing.assert_allclose(share, [float(x) for x in expected], rtol=1e-13)


def test_generation_one_on_all_rows_loses_nothing():
    np.testing.assert_array_equal(theory.inbreeding(Replace(n=9), 1, population=9), [0, 0])
    F = theory.inbreeding(Replace(n=9), 5, population=9)
    np.testing.assert_allclose(F[1:], theory.inbreeding_replace(9, np.arange(5)), rtol=1e-14)


# ------------------------------------------------------------------------------------------- closed forms

T = 40
TIMES = np.arange(T + 1)
SIZES = [1, 2, 3, 10, 97, 1000, 10**6, 10**9]


@pytest.mark.parametrize("n", SIZES)
def test_closed_forms_are_the_recursion(n):
    def same(regime, closed):
        np.testing.assert_allclose(theory.inbreeding(regime, T), closed, rtol=1e-12, atol=0)

    same(Replace(n=n), theory.inbreeding_replace(n, TIMES))
    same(Replace(n=n), theory.inbreeding_sizes(np.full(T, n)))
    same(Accumulate(n=n), theory.inbreeding_accumulate(n, TIMES))
    for first in (1, 2, 7, 3 * n, 10**8):
        same(Accumulate(n=n, n_real=first), theory.inbreeding_accumulate(n, TIMES, n_real=first))
        same(FixedReal(n=n, n_real=first), theory.inbreeding_fixed_real(n, first, TIMES))
    for r in {0, 1, n // 2, n}:
        same(FreshReal(n=n, n_real=r), theory.inbreeding_fresh_real(n, r, TIMES))
    for m in (0.0, 1e-9, 0.1, 1.0):
        same(Mix(n=n, real_fraction=m), theory.inbreeding_mix(n, m, TIMES))
    if n > 1:
        same(Subsample(n=n), theory.inbreeding_subsample(n, T))
        if n < 10**6:
            same(Replace(n=lambda t: n * t * t), theory.inbreeding_accumulate(n, TIMES))


@pytest.mark.parametrize(
    ("n", "first"),
    [
        (1, 1),
        (1, 5),
        (10, 10),
        (3, 7),
        (1000, 10),
        (10**6, 10**6),
        (10**12, 10**12),
    ],
)
def test_accumulate_against_mpmath(n, first):
    with mp.workdps(60):
        for t in (0, 1, 2, 16, 17, 18, 300):
            product = (
                mp.mpf(1)
                if t == 0
                else (1 - mp.mpf(1) / first) * mp.fprod(1 - mp.mpf(n) / (first + n * i) ** 2 for i in range(1, t))
            )
            assert theory.inbreeding_accumulate(n, t, n_real=first) == pytest.approx(float(1 - product), rel=1e-13)
        rho, s = mp.mpf(first) / n, 1 / mp.sqrt(n)
        limit = 1 - (1 - mp.mpf(1) / first) * mp.gamma(1 + rho) ** 2 / mp.gamma(1 + rho - s) / mp.gamma(1 + rho + s)
        assert theory.inbreeding_accumulate_limit(n, n_real=first) == pytest.approx(float(limit), rel=1e-13)
        if n == first:
            x = mp.pi / mp.sqrt(n)
            assert theory.inbreeding_accumulate_limit(n) == pytest.approx(float(1 - mp.sin(x) / x), rel=1e-13)


def test_closed_forms_broadcast():
    n, t = np.array([[2], [50]]), np.array([0, 1, 30])
    for value in (
        theory.inbreeding_replace(n, t),
        theory.inbreeding_accumulate(n, t, n_real=4),
        theory.inbreeding_fixed_real(n, 3, t),
        theory.inbreeding_fresh_real(n, 1, t),
        theory.inbreeding_mix(n, 0.1, t),
    ):
        assert value.shape == (2, 3)
        np.testing.assert_array_equal(value[:, 0], 0)
    assert theory.inbreeding_sizes(np.ones((4, 5))).shape == (4, 6)


def test_window_that_begins_with_real_batches():
    """The recursion agrees when the first k batches of a plan are real and nothing else is."""
    for n, k in ((4, 3), (1, 2), (10, 6)):
        size = k + T - 1
        real = np.where(np.arange(size) < k, n, 0)
        plan = Plan(real, n - real, np.zeros(size), np.maximum(1, np.arange(1, size + 1) - k + 1), np.zeros(size, int))
        F = theory.inbreeding(Custom(plan), size)
        np.testing.assert_allclose(F[k:], theory.inbreeding_window(n, k, T)[1:], rtol=1e-12)


def test_window_decays_at_the_stated_rate():
    b, k = 10_000, 4
    left = theory.retained(Window(n=b, k=k), 400)
    assert -np.log(left[-1] / left[-101]) / 100 == pytest.approx(4 / (b * (k + 1) ** 2), rel=1e-3)


def test_limits():
    n = 10**7
    assert n * theory.inbreeding_accumulate_limit(n) == pytest.approx(theory.ACCUMULATE_CONSTANT, rel=1e-6)
    assert n * theory.inbreeding_subsample(n, 10**5)[-1] == pytest.approx(theory.SUBSAMPLE_CONSTANT, rel=1e-4)
    alpha = 0.25
    assert n * theory.inbreeding_fixed_real(n / 3, n, np.inf) == pytest.approx((1 + 2 * alpha) / (1 + alpha), rel=1e-6)
    assert theory.inbreeding_fresh_real(10, 1, np.inf) == pytest.approx(theory.inbreeding_one_fresh(10), rel=1e-15)
    assert theory.inbreeding_one_fresh(1e15) == pytest.approx(1 / 3)
    assert theory.inbreeding_replace(10, np.inf) == 1
    for first in (1, 2, 30):
        assert theory.inbreeding_accumulate_limit(1, n_real=first) == pytest.approx(2 / (first + 1), rel=1e-14)


def test_catalogued_maps_of_fixed_real_and_subsample():
    """`F-FIX` and `SED-T2` as recursions; `F-ACC` equals `F-FIX` at t = 2."""
    N, n = 20, 30
    F = theory.inbreeding(FixedReal(n=n, n_real=N), T)
    alpha = n / (N + n)
    for t in range(1, T):
        assert F[t + 1] == pytest.approx((1 - alpha**2) / N + alpha**2 / n + alpha**2 * (1 - 1 / n) * F[t], rel=1e-13)
    S0 = float((np.array([0.5, 0.3, 0.15, 0.05]) ** 2).sum())
    assert 1 - (1 - F[2]) * (1 - S0) == pytest.approx(0.40399, abs=5e-6)
    assert theory.inbreeding_fixed_real(10, 10, 2) == pytest.approx(theory.inbreeding_accumulate(10, 2), rel=1e-14)


def test_varying_real_fractions():
    """`BC-REC`: sizes (5, 8), real fractions (1, 0.5)."""
    plan = Plan(np.array([5, 0]), np.array([0, 8]), np.array([0, 0.5]), np.array([1, 2]), np.zeros(2, int))
    assert theory.inbreeding(Custom(plan), 2)[2] == pytest.approx(0.16875, rel=1e-15)


def test_fresh_loop_with_the_unbiased_estimator():
    """`mad-fresh-loop-moments` with sampling bias 1: recursion and fixed point."""
    n_real, n_synthetic = 10, 20
    N, f = 30, 20 / 30
    variance, error = theory.moments(FreshReal(n=N, n_real=n_real), 300, estimator="unbiased")
    A, V = 1 / N, 1.0
    for t in range(2, 301):
        A, V_old, A_old = (1 - f) / N + f**2 * A + f * V / N, V, A
        V = (n_real + n_synthetic * (V_old + A_old) - N * A) / (N - 1)
        assert error[t] == pytest.approx(A, rel=1e-13)
        assert variance[t] == pytest.approx(V, rel=1e-13)
    assert error[-1] == pytest.approx(0.06170, abs=5e-6)


@pytest.mark.parametrize(
    ("claim", "value", "expected", "digits"),
    [
        ("F-REPVAR", lambda: theory.inbreeding(Replace(n=(10, 20)), 2)[2], 0.145, 12),
        ("F-ACC", lambda: theory.inbreeding(Accumulate(n=10), 2)[2], 0.1225, 12),
        ("F-ACC0", lambda: theory.inbreeding(Accumulate(n=3, n_real=7), 2)[2], 0.168571, 6),
        ("F-POLYA", lambda: theory.inbreeding_accumulate_limit(1, n_real=5), 0.333333, 6),
        ("F-SUB", lambda: theory.inbreeding(Subsample(n=10), 2)[2], 0.168684, 6),
        ("F-FIX", lambda: theory.inbreeding(FixedReal(n=10, n_real=10), 2)[2], 0.1225, 12),
        ("F-MIX", lambda: theory.inbreeding(Mix(n=20, real_fraction=0.2), 500)[-1], 0.127551, 6),
        ("F-FRESH", lambda: theory.inbreeding(FreshReal(n=10, n_real=5), 500)[-1], 0.125, 12),
        ("F-ONE", lambda: theory.inbreeding(FreshReal(n=10, n_real=1), 500)[-1], 0.357143, 6),
        ("F-WIN", lambda: theory.inbreeding_window(4, 3, 2)[2], 0.127315, 6),
        ("RISK-CONST", lambda: 10 * theory.inbreeding_accumulate_limit(10), 1.56564, 5),
        ("WF-H", lambda: theory.retained(Replace(n=10), 2)[2], 0.81, 12),
        ("WF-MIG", lambda: 0.21 * theory.inbreeding_mix(200, 0.01, np.inf), 0.042338, 6),
        ("polya-accumulate-categorical", lambda: 0.21 * theory.retained(Accumulate(n=4), 1)[1], 0.1575, 12),
        ("WF-POLYA", lambda: theory.retained(Accumulate(n=1, n_real=6), 10**5, population=6)[-1], round(6 / 7, 3), 3),
        ("SHU-1D-SUPERLIN", lambda: 1 - theory.inbreeding_accumulate_limit(20), 0.91976, 5),
    ],
)
def test_worked_examples_of_the_catalogue(claim, value, expected, digits):
    assert round(float(value()), digits) == expected, claim


# ------------------------------------------------------------------------------------------- precision and refusals


def test_long_runs_neither_underflow_nor_drift():
    logs = theory.log_retained(Replace(n=100), 200_000)
    np.testing.assert_allclose(logs, np.arange(200_001) * math.log1p(-0.01), rtol=1e-12)
    logs = theory.log_retained(Window(n=2, k=2), 20_000)
    assert logs[-1] - logs[-2] == pytest.approx(logs[10_000] - logs[9_999], rel=1e-9)
    assert logs[-1] < -1e3
    assert theory.log_retained(Replace(n=1), 3).tolist() == [0, -np.inf, -np.inf, -np.inf]


def test_real_data_after_a_collapse_bring_the_variance_back():
    """The scaled deficits must find their way back to scale one."""
    size = 3000
    real = np.zeros(size, int)
    real[0] = real[-1] = 4
    plan = Plan(real, 4 - real, np.zeros(size), np.arange(1, size + 1), np.zeros(size, int))
    assert theory.retained(Custom(plan), size)[-2] < 1e-300
    assert theory.retained(Custom(plan), size)[-1] == pytest.approx(0.75, rel=1e-15)
    windowed = Plan(real, 4 - real, np.zeros(size), np.maximum(1, np.arange(size)), np.zeros(size, int))
    F = theory.retained(Custom(windowed), size)
    assert F[-1] == pytest.approx(0.25 * 0.75 + 0.5, rel=1e-12)


def test_small_and_large_shares_are_both_accurate():
    np.testing.assert_allclose(theory.inbreeding(Replace(n=10**12), 5), np.arange(6) * 1e-12, rtol=1e-11)
    np.testing.assert_allclose(theory.inbreeding(Window(n=10**12, k=3), 9)[1], 1e-12, rtol=1e-14)
    assert theory.retained(Replace(n=2), 1000)[-1] == 2.0**-1000


def test_no_generation_and_unit_sizes():
    assert theory.inbreeding(Replace(n=5), 0).tolist() == [0]
    assert theory.inbreeding(Replace(n=1), 2).tolist() == [0, 1, 1]


def test_refusals():
    with pytest.raises(ValueError, match=r"population must be >= 8 .*got 5\."):
        theory.inbreeding(Replace(n=8), 2, population=5)
    with pytest.raises(ValueError, match=r"population must be an integer >= 2 .*got 1\."):
        theory.inbreeding(Replace(n=1), 2, population=1)
    with pytest.raises(ValueError, match=r"n must be >= 2 in every generation .*got 1 at generation 2\."):
        theory.moments(Replace(n=(5, 1)), 2, estimator="unbiased")
    with pytest.raises(ValueError, match="estimator must be one of 'unbiased', 'mle', got 'ddof1'"):
        theory.moments(Replace(n=5), 2, estimator="ddof1")
    with pytest.raises(ValueError, match=r"generations must be an integer >= 0, got -1\."):
        theory.inbreeding(Replace(n=5), -1)
    with pytest.raises(ValueError, match=r"n must be >= 1, got 0\."):
        theory.inbreeding_replace(0, 3)
    with pytest.raises(ValueError, match="n_real must be <= n"):
        theory.inbreeding_fresh_real(3, 4, 1)
    with pytest.raises(ValueError, match="real_fraction must be a probability"):
        theory.inbreeding_mix(3, 1.5, 1)


@pytest.mark.parametrize(("n", "r"), [(19, 18), (27, 26), (49, 49), (10, 10)])
def test_few_copies_leave_nothing_to_round(n, r):
    """With one copy no two points are related: 1 - x rounds to more than 1."""
    for t in (1, 2, 50, np.inf):
        assert theory.inbreeding_fresh_real(n, r, t) == pytest.approx(1 / n, rel=1e-14)
    assert theory.inbreeding_mix(n, 1 - 1e-9, np.inf) == pytest.approx(1 / n, rel=1e-14)


def test_fixed_real_keeps_its_digits_for_many_synthetic_points():
    for n, N, t in [(10**6, 1, 10**6), (10**5, 3, 40_000)]:
        with mp.workdps(40):
            alpha = mp.mpf(n) / (N + n)
            limit = (1 + 2 * alpha) / (N * (1 + alpha) + alpha)
            expected = limit - (limit - mp.mpf(1) / N) * (alpha**2 * (1 - mp.mpf(1) / n)) ** (t - 1)
        assert theory.inbreeding_fixed_real(n, N, t) == pytest.approx(float(expected), rel=1e-13)
