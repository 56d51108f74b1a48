"""Two engines, one law: chains through the sufficient statistic against points drawn, kept, dropped and fitted.

`by_point` is the literal meaning of a regime; `by_statistic` is the shortcut. Whatever can be read off a run must have
the same law under both: the last generation, its step from the one before, and products that feel their dependence.
"""

import numpy as np
import pytest
from programs import ForgetsReal, NoPin, block, engines

import modelcollapse as mc
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_two_counts, pvalue_two_samples

pytestmark = pytest.mark.compiled

T = 4

#: regime -> a regime that is wrong in a small way
REGIMES = {
    "replace": (mc.Replace(n=4), {"n - 1 draws": mc.Replace(n=3)}),
    "schedule": (mc.Replace(n=(6, 3, 9, 4)), {"schedule shifted": mc.Replace(n=(3, 9, 4, 6))}),
    "accumulate": (mc.Accumulate(n=4, n_real=3), {"forgets the real data": ForgetsReal(n=4, n_real=3)}),
    "fixed real": (
        mc.FixedReal(n=6, n_real=3, n_first=8),
        {"fresh instead of fixed": NoPin(n=6, n_real=3, n_first=8), "keeps all": mc.FixedReal(6, 8, 8)},
    ),
    "fresh real": (mc.FreshReal(n=6, n_real=2), {"fractions swapped": mc.FreshReal(n=6, n_real=4)}),
    "mix": (mc.Mix(n=5, real_fraction=0.3), {"fractions swapped": mc.Mix(n=5, real_fraction=0.7)}),
    "window": (mc.Window(n=4, k=2, n_real=6), {"one batch more": mc.Window(n=4, k=3, n_real=6)}),
}


def twins(family, right, wrong=None, value=None):
    """A program that gives the same sample twice: from the points, and from the statistic (under `wrong`)."""
    points = block(engines.by_point, family, right, T, value)
    statistic = block(engines.by_statistic, family, wrong or right, T, value)
    return lambda size, rng: (points(size, rng), statistic(size, rng))


def same_law(pair):
    """p-values for all columns of two samples; what differs by rounding is equal (few real rows make few values)."""
    first, second = (np.round(sample, 9) for sample in pair)
    return np.array([pvalue_two_samples(a, b) for a, b in zip(first.T, second.T, strict=True)])


def read_gaussian(out):
    mean, lv = out["mean"], np.maximum(out["log_variance"], -50)  # equal rows have no variance
    step = lv[:, -1] - lv[:, -2]
    return np.column_stack(
        [
            mean[:, 0],
            lv[:, 0],
            mean[:, -1],
            lv[:, -1],
            step,
            mean[:, -1] - mean[:, -2],
            (mean[:, -1] - mean[:, -2]) * (mean[:, -2] - mean[:, -3]),
            step * lv[:, -2],
        ]
    )


def read_vectors(out):
    mean, cov = out["mean"], out["cov"]
    step = mean[:, -1] - mean[:, -2]
    return np.column_stack(
        [
            mean[:, -1],
            out["log_variance"][:, -1],
            out["log_det"][:, -1],
            cov[:, -1, 0, 1],
            cov[:, 0, 0, 1],
            step,
            step[:, 0] * step[:, 1],
            out["log_det"][:, -1] - out["log_det"][:, -2],
        ]
    )


@pytest.mark.parametrize("name", REGIMES)
@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
def test_gaussian(name, estimator):
    regime, mutants = REGIMES[name]
    truth = mc.Gaussian(1.0, 2.0, estimator=estimator)
    other = mc.Gaussian(1.0, 2.0, estimator="mle" if estimator == "unbiased" else "unbiased")

    def other_divisor(size, rng):
        return (
            block(engines.by_point, truth, regime, T, read_gaussian)(size, rng),
            block(engines.by_statistic, other, regime, T, read_gaussian)(size, rng),
        )

    assert_kills(
        twins(truth, regime, value=read_gaussian),
        same_law,
        size=1000,
        mutants={
            "other divisor": other_divisor,
            **{key: twins(truth, regime, mutant, read_gaussian) for key, mutant in mutants.items()},
        },
    )


@pytest.mark.parametrize("name", REGIMES)
def test_vectors(name):
    regime, mutants = REGIMES[name]
    truth = mc.Gaussian([1.0, -1.0], [[2.0, 0.6], [0.6, 1.0]], estimator="mle")
    turned = mc.Gaussian([1.0, -1.0], [[2.0, -0.6], [-0.6, 1.0]], estimator="mle")

    def wrong_sign(size, rng):
        return (
            block(engines.by_point, truth, regime, T, read_vectors)(size, rng),
            block(engines.by_statistic, turned, regime, T, read_vectors)(size, rng),
        )

    assert_kills(
        twins(truth, regime, value=read_vectors),
        same_law,
        size=1000,
        mutants={
            "correlation reversed": wrong_sign,
            **{key: twins(truth, regime, mutant, read_vectors) for key, mutant in mutants.items()},
        },
    )


@pytest.mark.parametrize("name", REGIMES)
def test_categories(name):
    regime, mutants = REGIMES[name]
    truth = mc.Categorical([0.5, 0.3, 0.2])
    size = int(np.lcm.reduce(regime.plan(T).size[-2:]))

    def read(out):
        # shares of the last two generations, as one number of finitely many
        p = np.rint(out["probability"][:, -2:, :2] * size).astype(np.int64)
        return p[:, 1, 0] + 1000 * p[:, 1, 1], p[:, 1, 0] + 1000 * p[:, 0, 0]

    def law(pair):
        out = []
        for a, b in zip(*pair, strict=True):
            cells, where = np.unique(np.concatenate([a, b]), return_inverse=True)
            first, second = (np.bincount(x, minlength=len(cells)) for x in (where[: len(a)], where[len(a) :]))
            # rare cells can say nothing; together they can
            rare = first + second < 40
            pool = [np.append(x[~rare], x[rare].sum()) for x in (first, second)]
            out.append(pvalue_two_counts(*pool))
        return np.concatenate(out)

    assert_kills(
        twins(truth, regime, value=read),
        law,
        size=2500,
        mutants={key: twins(truth, regime, mutant, read) for key, mutant in mutants.items()},
    )


ROWS = np.array([-2.0, -1.1, -0.4, 0.0, 0.1, 0.3, 0.9, 1.2, 2.5, 7.0])


@pytest.mark.parametrize("name", REGIMES)
def test_real_rows(name):
    # the truth is ten numbers: a subset without replacement first, draws with replacement later
    regime, mutants = REGIMES[name]
    truth = mc.Empirical(ROWS, mc.Gaussian.from_data(ROWS, estimator="mle"))
    model = mc.Gaussian.from_data(ROWS, estimator="mle")

    def not_the_rows(size, rng):
        return (
            block(engines.by_point, truth, regime, T, read_gaussian)(size, rng),
            block(engines.by_statistic, model, regime, T, read_gaussian)(size, rng),
        )

    assert_kills(
        twins(truth, regime, value=read_gaussian),
        same_law,
        size=1000,
        mutants={
            "a Gaussian instead of the rows": not_the_rows,
            **{key: twins(truth, regime, mutant, read_gaussian) for key, mutant in mutants.items()},
        },
    )
