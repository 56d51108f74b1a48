"""Do the checks of claims see what is wrong, and nothing else?"""

import math

import numpy as np
import pytest
from scipy import special

from modelcollapse.claims import Computed, Distributed, Limit, Ordered, Sampled
from modelcollapse.claims.checks import ROUNDS
from modelcollapse.testing import stream
from modelcollapse.verify import Status

ALPHA = 1e-6


def run(check, case=None, quick=False):
    return check.run(check.cases[0] if case is None else case, stream(), alpha=ALPHA, quick=quick)


def coin(predict, **more):
    return Sampled(
        label="a coin",
        predict=predict,
        draw=lambda size, rng, p: rng.random(size) < p,
        cases=({"p": 0.3},),
        size=100_000,
        **more,
    )


def normal(predict, **more):
    settings = {"sd": 1.0, "skewness": 0.0, "size": 100_000, "cases": ({"n": 10, "t": 4},)} | more
    return Sampled(label="a mean", predict=predict, draw=lambda size, rng, n, t: rng.normal(n + t, 1, size), **settings)


def test_a_right_mean_is_supported_and_a_wrong_one_contradicted():
    assert run(coin(lambda p: p)).status == Status.SUPPORTED
    found = run(coin(lambda p: p + 0.02))
    assert found.status == Status.CONTRADICTED
    assert found.seen == pytest.approx(0.3, abs=0.01)
    assert found.z < -5


@pytest.mark.parametrize(
    "null", [{"sd": 1.0, "skewness": 0.0}, {"sd": 1.0, "skewness": None}, {"bounds": (0.0, 30.0), "sd": None}]
)
def test_every_null_law_tells_right_from_wrong(null):
    assert run(normal(lambda n, t: n + t, **null)).status == Status.SUPPORTED
    assert run(normal(lambda n, t: n + t + 0.1, **null)).status == Status.CONTRADICTED


def test_planted_errors_are_caught_where_the_check_can_see_them():
    found = run(normal(lambda n, t: n + t, mutants={"sum of squares": lambda n, t: n**2 + t**2}))
    assert found.planted == dict.fromkeys(
        ("1% off", "2% off", "one generation more", "n - 1 for n", "sum of squares"), True
    )
    few = run(normal(lambda n, t: n + t, size=200))
    assert few.planted["1% off"] is False
    assert few.smallest_effect > 0.02


def test_the_smallest_effect_is_seen_nine_times_in_ten():
    first = run(normal(lambda n, t: n + t))
    wrong = normal(lambda n, t: (n + t) * (1 + first.smallest_effect))
    rng = stream()
    caught = [wrong.run(wrong.cases[0], rng, alpha=ALPHA, quick=False).status == Status.CONTRADICTED for _ in range(30)]
    assert sum(caught) >= 20  # binomial(30, 0.9): 1e-4 for one round alone, and the later rounds see more


def test_a_check_that_could_not_have_seen_anything_is_inconclusive():
    assert run(normal(lambda n, t: n + t, sd=100.0, size=200)).status == Status.INCONCLUSIVE


def test_a_bound_is_tested_on_its_forbidden_side_alone():
    assert run(normal(lambda n, t: n + t + 5, side="above")).status == Status.SUPPORTED
    assert run(normal(lambda n, t: n + t - 5, side="above")).status == Status.CONTRADICTED
    assert run(normal(lambda n, t: n + t - 5, side="below")).status == Status.SUPPORTED
    assert run(normal(lambda n, t: n + t, side="above")).planted["1% off"]


def test_a_remainder_forgives_no_more_than_itself():
    near = normal(lambda n, t: n + t + 0.5, remainder=lambda n, t: 0.5)
    far = normal(lambda n, t: n + t + 0.5, remainder=lambda n, t: 0.4)
    assert run(near).status == Status.SUPPORTED
    assert run(far).status == Status.CONTRADICTED


def test_without_a_null_law_there_is_no_test():
    with pytest.raises(ValueError, match="a mean must give sd or bounds unless it draws booleans, got neither"):
        run(normal(lambda n, t: n + t, sd=None))
    with pytest.raises(ValueError, match="a mean must predict finite numbers, got nan"):
        run(normal(lambda n, t: math.nan))


def test_a_distribution_is_compared_as_a_whole():
    def law(**more):
        return Distributed(
            label="a normal law",
            predict=lambda sd: lambda x: special.ndtr(x / sd),
            draw=lambda size, rng, sd: rng.normal(0, sd, size),
            cases=({"sd": 2.0},),
            mutants={"ten per cent wider": lambda sd: lambda x: special.ndtr(x / (1.1 * sd))},
            size=50_000,
            **more,
        )

    found = run(law())
    assert found.status == Status.SUPPORTED
    assert found.planted == {"ten per cent wider": True}
    assert law().run({"sd": 2.0}, stream("another"), alpha=ALPHA, quick=True).smallest_effect > found.smallest_effect
    wrong = Distributed(
        label="wrong", predict=lambda: special.ndtr, draw=lambda size, rng: rng.normal(0, 1.1, size), cases=({},)
    )
    assert run(wrong).status == Status.CONTRADICTED


def test_two_routes_must_agree_to_rounding():
    same = Computed(
        label="a power", predict=lambda n, t: n**t, other=lambda n, t: math.prod([n] * t), cases=({"n": 3, "t": 5},)
    )
    found = run(same)
    assert found.status == Status.SUPPORTED
    assert all(found.planted.values())
    assert set(found.planted) == {"1% off", "one generation more", "n - 1 for n"}
    off = Computed(label="off", predict=lambda: 1.0, other=lambda: 1.0 + 1e-8, cases=({},))
    assert run(off).status == Status.CONTRADICTED
    assert run(Computed(label="nan", predict=lambda: math.nan, other=lambda: 1.0, cases=({},))).status == "CONTRADICTED"
    assert (
        run(Computed(label="inf", predict=lambda: math.inf, other=lambda: math.inf, cases=({},))).status == "SUPPORTED"
    )


def test_an_inequality_says_how_sharp_it_is():
    x = np.linspace(0, 3, 31)
    sharp = Ordered(label="exp", lower=lambda: 1 + x, upper=lambda: np.exp(x), bound="lower", cases=({},))
    found = run(sharp)
    assert found.status == Status.SUPPORTED
    assert found.smallest_effect <= 1e-10  # at 0 both sides are 1
    assert found.planted["1% sharper"]
    loose = Ordered(label="loose", lower=lambda: 1.0, upper=lambda: 2.0, bound="upper", cases=({},))
    assert run(loose).smallest_effect == 0.5
    assert not run(loose).planted["2% sharper"]
    wrong = Ordered(label="wrong", lower=lambda: 2.0, upper=lambda: 1.0, bound="upper", cases=({},))
    assert run(wrong).status == Status.CONTRADICTED
    with pytest.raises(ValueError, match="nan must compare numbers, got nan"):
        run(Ordered(label="nan", lower=lambda: math.nan, upper=lambda: 1.0, bound="upper", cases=({},)))


def stirling(factor=1.0):
    return Limit(
        label="Stirling",
        value=lambda n: math.exp(math.lgamma(n + 1) - n * math.log(n) + n),
        asymptote=lambda n: factor * math.sqrt(2 * math.pi * n),
        along=(10, 20, 40, 80, 160),
        remainder=lambda n: 1 / n,
        mutants={"without the 2": lambda n: math.sqrt(math.pi * n)},
    )


def test_a_limit_is_extrapolated_and_doubted_as_far_as_its_remainder_says():
    found = run(stirling())
    assert found.status == Status.SUPPORTED
    assert found.smallest_effect < 1e-6
    assert found.planted == {"1% off": True, "without the 2": True}
    assert run(stirling(1.0001)).status == Status.CONTRADICTED
    rough = Limit(
        label="x", value=lambda n: math.sin(n), asymptote=lambda n: 1, along=(1, 2, 3, 4), remainder=lambda n: 1 / n
    )
    assert run(rough).status in (Status.INCONCLUSIVE, Status.CONTRADICTED)
    with pytest.raises(ValueError, match="Stirling must go along at least 4 values of n, got 2"):
        run(Limit(label="Stirling", value=lambda n: n, asymptote=lambda n: n, along=(1, 2), remainder=lambda n: 1 / n))


def test_false_alarms_are_as_rare_as_declared():
    # at a level that can be seen: every round has its share, whichever null law is used
    right = normal(lambda n, t: n + t, size=400)
    rng = stream()
    alarms = sum(
        right.run(right.cases[0], rng, alpha=0.05, quick=False).status == Status.CONTRADICTED for _ in range(400)
    )
    assert alarms <= 45  # binomial(400, 0.05) exceeds it with probability 1e-6
    assert ROUNDS == 7
