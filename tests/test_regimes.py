"""Regimes: what every generation is fitted to."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcollapse import regimes
from modelcollapse.regimes import Accumulate, FixedReal, FreshReal, Mix, Regime, Replace, Subsample, Window

ALL = [
    Replace(10),
    Accumulate(10),
    Accumulate(10, n_real=7),
    Subsample(10),
    Subsample(10, n_real=30),
    FixedReal(9, 1),
    FixedReal(9, 1, 10),
    FreshReal(10, 3),
    Mix(10, 0.25),
    Window(10, 3),
    Window(10, 2, n_real=5),
]


@pytest.mark.parametrize("regime", ALL, ids=str)
def test_generation_one_is_fitted_to_real_points_only(regime):
    plan = regime.plan(6)
    assert plan.synthetic[0] == 0
    assert plan.mix[0] == 0
    assert plan.real[0] >= 1


@pytest.mark.parametrize("regime", ALL, ids=str)
def test_a_window_of_batches_never_moves_back(regime):
    oldest = regime.plan(9).oldest
    assert (np.diff(oldest) >= 0).all()
    assert (oldest <= np.arange(1, 10)).all()


@pytest.mark.parametrize(
    ("regime", "sizes"),
    [
        (Replace([4, 5, 6]), [4, 5, 6]),
        (Replace(lambda t: 10 * t * t), [10, 40, 90]),
        (Accumulate(5, n_real=2), [2, 7, 12]),
        (Subsample(5, n_real=8), [5, 5, 5]),
        (FixedReal(n=8, n_real=2), [2, 10, 10]),
        (FixedReal(n=8, n_real=2, n_first=10), [10, 10, 10]),
        (FreshReal(8, 2), [8, 8, 8]),
        (Mix(8, 0.5), [8, 8, 8]),
        (Window(4, 2, n_real=3), [3, 7, 8]),
    ],
)
def test_training_set_sizes(regime, sizes):
    assert regime.plan(3).size.tolist() == sizes


def test_a_window_of_one_batch_is_replace():
    a, b = Window(7, 1).plan(5), Replace(7).plan(5)
    for name in ("real", "synthetic", "mix", "oldest", "drawn", "pinned", "size", "ring"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name


def test_only_batches_that_may_leave_are_remembered():
    assert Replace(7).plan(9).ring == 0
    assert Accumulate(7).plan(9).ring == 0
    assert Window(7, 4).plan(9).ring == 4


@given(st.sampled_from(ALL))
def test_a_regime_survives_its_description(regime):
    assert regimes.read(regime.describe(5)) == regime


def test_a_callable_schedule_is_written_out():
    back = regimes.read(Replace(lambda t: t + 1).describe(3))
    assert back == Replace((2, 3, 4))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Replace(0), ValueError, "n must be an integer >= 1, got 0."),
        (lambda: Replace(None), TypeError, "n must be an integer, a sequence"),
        (lambda: Replace([5, 5]).plan(3), ValueError, "the schedule is shorter than the run), got 2."),
        (lambda: Replace(5).plan(0), ValueError, "generations must be an integer >= 1, got 0."),
        (lambda: FreshReal(5, 6).plan(3), ValueError, "got n_real=6 and n=5."),
        (
            lambda: FixedReal(5, 6, 3),
            ValueError,
            "n_first must be an integer >= 6 (the n_real kept points are some of them), got 3.",
        ),
        (lambda: Subsample(5, n_real=3).plan(2), ValueError, "n_real must be >= 5"),
        (lambda: Mix(5, -0.1), ValueError, "real_fraction must be a finite number >= 0 and <= 1, got -0.1."),
        (lambda: Window(5, 0), ValueError, "k must be an integer >= 1 (a window holds a batch), got 0."),
        (lambda: Regime(5).plan(3), TypeError, "Regime itself has no plan; use Replace,"),
        (lambda: regimes.read('{"regime": "Hoard", "n": 3}'), ValueError, "got 'Hoard'."),
    ],
)
def test_bad_regimes(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()
