"""Advice is right if theory, asked directly, keeps the tolerance at the answer and breaks it one step below."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import modelcollapse as mc
from modelcollapse import theory
from modelcollapse.regimes import FixedReal, FreshReal, Mix, Replace
from modelcollapse.testing import assert_agrees
from modelcollapse.theory import inbreeding

# `modelcollapse.plan` is the function; its room is found by name
plan_room = __import__("importlib").import_module("modelcollapse.plan")
quiet = settings(deadline=None, derandomize=True, database=None, max_examples=25)
OPTIONS = [
    "nothing",
    "one migrant",
    "fresh real data",
    "real fraction",
    "kept real data",
    "accumulate",
    "larger n",
    "growth of n, power",
    "growth of n, geometric",
    "detector",
]


def advice(*arguments, **options):
    table = mc.plan(*arguments, **options)
    assert list(table.columns) == ["option", "setting", "amount", "achieved", "kind", "source", "note", "regime"]
    assert table["option"].tolist() == OPTIONS
    assert table["kind"].isin(["exact", "bound", "asymptotic"]).all()
    assert not table["achieved"].isna().any()
    assert (table["note"] != "").all()
    return table.set_index("option")


def test_examples():
    assert doctest.testmod(plan_room).failed == 0


def loss(regime, T):
    return inbreeding(regime, T).max()


def growing(n, T, exponent=0.0, factor=1.0):
    t = np.arange(1, T + 1)
    return np.ceil(n * t**exponent * factor ** (t - 1.0) * (1 - 1e-12))


@pytest.mark.parametrize(("n", "T", "tolerated"), [(100, 50, 0.1), (40, 300, 0.2), (1000, 20, 0.005), (7, 3, 0.3)])
def test_spread_is_kept_at_the_answer_and_not_one_step_below(n, T, tolerated):
    found = advice(n, T, variance_lost=tolerated)
    amount, achieved = found["amount"], found["achieved"]
    whole = {
        "fresh real data": lambda r: loss(FreshReal(n=n, n_real=r), T),
        "kept real data": lambda N: loss(FixedReal(n=n - N, n_real=N, n_first=n), T),
        "accumulate": lambda k: float(theory.inbreeding_accumulate(k, T)),
        "larger n": lambda k: loss(Replace(n=k), T),
    }
    for option, lost in whole.items():
        answer = int(amount[option])
        assert lost(answer) <= tolerated * (1 + 1e-9), option
        assert lost(answer - 1) > tolerated, option
        assert_allclose(achieved[option], lost(answer), rtol=1e-9)
    numbers = {
        "real fraction": lambda m: loss(Mix(n=n, real_fraction=m), T),
        "growth of n, power": lambda s: float(theory.inbreeding_sizes(growing(n, T, exponent=s))[-1]),
        "growth of n, geometric": lambda g: float(theory.inbreeding_sizes(growing(n, T, factor=g))[-1]),
    }
    for option, lost in numbers.items():
        answer = amount[option]
        assert lost(answer) <= tolerated * (1 + 1e-9), option
        assert lost(answer * (1 - 3e-6)) > tolerated, option
        assert_allclose(achieved[option], lost(answer), rtol=1e-9)
    assert (found["kind"] == "exact").all()


@quiet
@given(st.integers(3, 25), st.integers(1, 40), st.floats(0.02, 0.9))
def test_whole_numbers_are_those_of_an_exhaustive_search(n, T, tolerated):
    found = mc.plan(n, T, variance_lost=tolerated).set_index("option")["amount"]
    for option, amounts, lost in (
        ("fresh real data", range(n + 1), lambda r: loss(FreshReal(n=n, n_real=r), T)),
        ("kept real data", range(1, n), lambda N: loss(FixedReal(n=n - N, n_real=N, n_first=n), T)),
    ):
        enough = [k for k in amounts if lost(k) <= tolerated * (1 + 1e-12)]
        assert enough == [k for k in amounts if enough and k >= enough[0]], "more real data never hurts"
        assert math.isnan(found[option]) if not enough else found[option] == enough[0]


def test_baselines_say_whether_they_are_enough():
    found = advice(100, 5, variance_lost=0.5)
    assert found.loc["nothing", ["amount", "note"]].tolist() == [100, "is enough"]
    assert found.loc["one migrant", ["amount", "note"]].tolist() == [1, "is enough"]
    assert found.loc["fresh real data", "amount"] == 0
    assert found.loc["growth of n, power", "amount"] == 0
    assert found.loc["growth of n, geometric", "amount"] == 1
    assert found.loc["detector", ["amount", "note"]].tolist() == [0, "no detector is needed"]
    assert found.loc["accumulate", "note"] == "least points per batch" or found.loc["accumulate", "amount"] <= 100
    found = advice(100, 500, variance_lost=0.3)
    assert math.isnan(found.loc["nothing", "amount"])
    assert found.loc["nothing", "note"] == "not enough: more is lost than is tolerated"
    assert_allclose(found.loc["nothing", "achieved"], theory.inbreeding_replace(100, 500))
    assert_allclose(found.loc["one migrant", "achieved"], theory.inbreeding_fresh_real(100, 1, 500))


def test_one_migrant_per_generation_keeps_two_thirds_for_ever():
    assert advice(1000, 10**4, variance_lost=0.34).loc["one migrant", "amount"] == 1
    assert math.isnan(advice(1000, 10**4, variance_lost=0.33).loc["one migrant", "amount"])


def test_what_the_first_fit_loses_no_option_with_n_points_gives_back():
    found = advice(5, 50, variance_lost=0.1)
    stuck = ["fresh real data", "real fraction", "kept real data", "growth of n, power", "growth of n, geometric"]
    assert found.loc[[*stuck, "detector"], "amount"].isna().all()
    assert (found.loc[stuck, "setting"] == "none").all()
    assert found.loc[stuck, "note"].str.startswith("not with").all()
    assert_allclose(found.loc["fresh real data", "achieved"], 1 / 5)
    assert found.loc["accumulate", "setting"] == "Accumulate(n=16)"
    assert not math.isnan(found.loc["larger n", "amount"])
    on_the_edge = advice(5, 50, variance_lost=0.2)
    assert on_the_edge.loc["fresh real data", "amount"] == 4  # a single synthetic point has no sibling


def test_tail_follows_the_variance():
    found = advice(200, 60, tail_lost=0.4, beyond=2.5)
    assert (found["kind"] == "asymptotic").all()
    answer = int(found.loc["fresh real data", "amount"])

    def lost(r):
        sd = math.sqrt(1 - loss(FreshReal(n=200, n_real=r), 60))
        return 1 - math.erfc(2.5 / sd / math.sqrt(2)) / math.erfc(2.5 / math.sqrt(2))

    assert lost(answer) <= 0.4 < lost(answer - 1)
    assert_allclose(found.loc["fresh real data", "achieved"], lost(answer), rtol=1e-9)
    # farther out, less variance may be lost
    amounts = [mc.plan(200, 60, tail_lost=0.4, beyond=k)["amount"][6] for k in (1, 2, 4, 20)]
    assert amounts == sorted(amounts)
    assert len(set(amounts)) == 4


@pytest.mark.parametrize("beyond", [0.01, 1.0, 3.0, 40.0])
@pytest.mark.parametrize("lost", [1e-9, 0.3, 1 - 1e-9])
def test_limits_of_the_tail_are_inverse_to_each_other(beyond, lost):
    F = plan_room._tail_limit(lost, beyond)
    assert 0 < F < 1
    assert_allclose(plan_room._tail_lost(F, beyond), lost, rtol=1e-3)
    assert plan_room._tail_lost(1.0, beyond) == 1


def alive_brute(n, T, q, real=0, fraction=0.0):
    """P(count > 0) after T fits, by the law of the count built from powers."""
    from scipy.stats import binom

    made, k = n - real, np.arange(n + 1)
    law, new = binom.pmf(k, n, q), binom.pmf(np.arange(real + 1), real, q)
    for _ in range(T - 1):
        x = (1 - fraction) * k / n + fraction * q
        law = sum(law[i] * np.convolve(binom.pmf(np.arange(made + 1), made, x[i]), new) for i in range(n + 1))
    return 1 - law[0]


@pytest.mark.parametrize(("real", "fraction"), [(0, 0.0), (3, 0.0), (0, 0.2), (12, 0.0), (30, 0.0), (0, 1.0)])
@pytest.mark.parametrize("T", [1, 2, 9])
def test_survival_with_immigrants_is_the_chain_and_the_bound_is_below(real, fraction, T, monkeypatch):
    goal, want = plan_room._Minority(T, 0.06, 0.95), alive_brute(30, T, 0.06, real, fraction)
    assert_allclose(goal._immigration(30, 30 - real, fraction, real), want, rtol=1e-12)
    monkeypatch.setattr(plan_room, "MATRIX_UP_TO", 0)
    bound = goal._immigration(30, 30 - real, fraction, real)
    assert bound <= want * (1 + 1e-12)
    assert bound > 0.9 * want


def test_without_immigrants_the_bound_is_that_of_the_iterates(monkeypatch):
    monkeypatch.setattr(plan_room, "MATRIX_UP_TO", 0)
    goal = plan_room._Minority(40, 0.001, 0.95)
    want = theory.survival([0.001], 5000, 40, method="asymptotic")[-1, 0]
    assert_allclose(goal.fresh(5000, 0), want, rtol=1e-12)
    assert_allclose(goal.mix(5000, 0.0), want, rtol=1e-12)
    sizes = np.ceil(5000 * np.arange(1, 41) ** 0.7)
    assert_allclose(goal.replace(sizes), theory.survival([0.001], sizes, 40, method="asymptotic")[-1, 0], rtol=1e-12)


def test_minority_survives_at_the_answer_and_not_one_step_below():
    n, T, q, p = 200, 30, 0.03, 0.97
    found = advice(n, T, minority=q, survives=p)
    amount = found["amount"]
    for option, alive in {
        "fresh real data": lambda r: alive_brute(n, T, q, real=r),
        "kept real data": lambda N: 1 - (1 - q) ** N,
        "accumulate": lambda k: 1 - (1 - q) ** k,
        "larger n": lambda k: theory.survival([q], k, T, method="exact")[-1, 0],
    }.items():
        answer = int(amount[option])
        assert alive(answer) >= p * (1 - 1e-9) > alive(answer - 1), option
        assert_allclose(found.loc[option, "achieved"], alive(answer), rtol=1e-9)
    for option, alive in {
        "real fraction": lambda m: alive_brute(n, T, q, fraction=m),
        "growth of n, power": lambda s: theory.survival([q], growing(n, T, exponent=s), T, method="asymptotic")[-1, 0],
        "growth of n, geometric": lambda g: theory.survival([q], growing(n, T, factor=g), T, method="asymptotic")[
            -1, 0
        ],
    }.items():
        answer = amount[option]
        assert alive(answer) >= p * (1 - 1e-9), option
        assert alive(answer * (1 - 3e-6)) < p, option
    assert found["kind"].tolist() == [
        *["exact"] * 4, "bound", "exact", "exact", "bound", "bound", "exact",
    ]  # fmt: skip


def test_large_fits_of_minorities_are_bounded_from_below():
    found = advice(1000, 100, minority=0.01)
    assert found.loc["fresh real data", "kind"] == "bound"
    assert found.loc["larger n", "kind"] == "exact"
    k = int(found.loc["larger n", "amount"])
    assert theory.survival([0.01], k, 100)[-1, 0] >= 0.95 > theory.survival([0.01], k - 1, 100)[-1, 0]
    hopeless = advice(100, 50, minority=0.01)
    assert hopeless.loc[["fresh real data", "kept real data", "growth of n, power"], "amount"].isna().all()
    assert hopeless.loc["nothing", "note"] == "not enough: it survives too rarely"
    rarely = advice(100, 50, minority=0.5, survives=0.4)  # at least q of all chains keep it, whatever is done
    assert rarely.loc["larger n", "amount"] == 1
    assert rarely.loc["nothing", "note"] == "is enough"


def test_detector_leaves_the_real_fraction_that_is_needed():
    share, false = 0.02, 0.1
    found = advice(100, 200, variance_lost=0.1, stream=share, false_positive=false)
    m, rate = found.loc["real fraction", "amount"], found.loc["detector", "amount"]
    assert 0 < rate < 1
    kept = share * (1 - false) + (1 - share) * (1 - rate)
    assert_allclose((1 - share) * (1 - rate) / kept, 1 - m, rtol=1e-9)
    assert_allclose(found.loc["detector", "achieved"], found.loc["real fraction", "achieved"], rtol=1e-9)
    assert "detector-effective-contamination" in found.loc["detector", "source"]
    # the example of the catalogue: (0.3, 0.85, 0.05) leaves 0.2692
    odds = (1 - 0.3) / 0.3 * (1 - 0.85) / (1 - 0.05)
    assert_allclose(odds / (1 + odds), 0.2692, atol=5e-5)


def test_detectors_that_are_not_needed_and_such_that_do_not_help():
    nothing = advice(100, 200, variance_lost=0.1, stream=1.0)
    assert nothing.loc["detector", ["amount", "note"]].tolist() == [0, "no detector is needed"]
    assert_allclose(nothing.loc["detector", "achieved"], 1 / 100)
    hopeless = advice(100, 200, variance_lost=0.1, stream=0.0)
    assert math.isnan(hopeless.loc["detector", "amount"])
    assert "no real points in the stream" in hopeless.loc["detector", "note"]
    perfect = advice(4, 10, variance_lost=0.25, stream=0.5)  # all points must be real
    assert perfect.loc["real fraction", "amount"] > 0.99999
    assert 0.99999 < perfect.loc["detector", "amount"] <= 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "variance_lost, tail_lost or minority must be given, and only one .*got none"),
        ({"variance_lost": 0.1, "minority": 0.1}, "got variance_lost and minority"),
        ({"variance_lost": 0.0}, "variance_lost must be a finite number > 0 .*got 0"),
        ({"tail_lost": 1.0}, "tail_lost must be < 1 .*got 1"),
        ({"minority": 0.1, "survives": 1.0}, "survives must be < 1 .*got 1"),
        ({"tail_lost": 0.1, "beyond": 0}, "beyond must be a finite number > 0, got 0"),
        ({"variance_lost": 0.1, "false_positive": 1.0}, "false_positive must be < 1 .*got 1"),
        ({"variance_lost": 0.1, "stream": 2.0}, "stream must be .*<= 1 .*got 2"),
    ],
)
def test_what_is_asked_must_make_sense(asked, message):
    with pytest.raises(ValueError, match=message):
        mc.plan(100, 50, **asked)


def test_sizes_must_make_sense():
    with pytest.raises(ValueError, match=r"n must be an integer >= 2 .*got 1"):
        mc.plan(1, 50, variance_lost=0.1)
    with pytest.raises(ValueError, match=r"generations must be an integer >= 1, got 0"):
        mc.plan(100, 0, variance_lost=0.1)


def heterozygosity(regime, T, p, size, rng):
    run = mc.simulate(mc.Categorical(p), regime, generations=T, replicates=size, rng=rng)
    return mc.metrics.heterozygosity(run).values[:, -1]


@pytest.mark.compiled
def test_simulation_keeps_what_the_plan_promises():
    """Exact theory is checked elsewhere; here the whole path, from the advice to a run."""
    found, p = advice(50, 40, variance_lost=0.15), np.array([0.5, 0.3, 0.2])
    H = float((p * (1 - p)).sum())
    for option in ("fresh real data", "kept real data", "accumulate"):
        regime = found.loc[option, "regime"]
        assert_agrees(
            lambda size, rng, regime=regime: heterozygosity(regime, 40, p, size, rng),
            (1 - found.loc[option, "achieved"]) * H,
            bounds=(0, 1),
            size=4000,
            name=f"plan, {option}",
            source="F-MASTER",
        )


@pytest.mark.compiled
def test_simulation_keeps_the_minority_the_plan_promises():
    n, T, q = 60, 25, 0.08
    found = advice(n, T, minority=q, survives=0.9)
    regime = found.loc["fresh real data", "regime"]

    def there(size, rng):
        run = mc.simulate(mc.Categorical([q, 1 - q]), regime, generations=T, replicates=size, rng=rng)
        return run["probability"].values[:, -1, 0] > 0

    assert_agrees(there, found.loc["fresh real data", "achieved"], size=4000, source="WF-MIG")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"variance_lost": 0.1, "survives": 0.5},
            r"survives must not be given with variance_lost .*minority.*got 0\.5",
        ),
        ({"variance_lost": 0.1, "beyond": 7.0}, r"beyond must not be given with variance_lost .*tail_lost.*got 7\.0"),
        ({"minority": 0.1, "beyond": 2.0}, "beyond must not be given with minority"),
        ({"tail_lost": 0.1, "survives": 0.95}, "survives must not be given with tail_lost"),
    ],
)
def test_keywords_of_another_tolerance_are_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        mc.plan(100, 10, **asked)


def test_defaults_are_those_documented():
    assert mc.plan(20, 5, minority=0.1).equals(mc.plan(20, 5, minority=0.1, survives=0.95))
    assert mc.plan(20, 5, tail_lost=0.1).equals(mc.plan(20, 5, tail_lost=0.1, beyond=2.0))


def test_the_horizon_of_a_minority_is_bounded():
    with pytest.raises(ValueError, match=r"generations must be an integer <= 10000 \(the survival .*got 100000"):
        mc.plan(50, 100_000, minority=0.1)


def test_long_horizons_are_followed_by_powers_of_the_matrix():
    for n, T, fraction, real in ((20, 60, 1e-3, 0), (12, 200, 0.0, 2)):
        goal = plan_room._Minority(T, 0.1, 0.95)
        step = theory.wright_fisher_matrix(n, n - real, migration=fraction, source=0.1)
        count, arrivals = (np.exp(plan_room._log_binomial(size, 0.1)) for size in (n, real))
        for _ in range(T - 1):
            count = np.convolve(count @ step, arrivals)
        assert_allclose(goal._immigration(n, n - real, fraction, real), count[1:].sum(), rtol=1e-12)
