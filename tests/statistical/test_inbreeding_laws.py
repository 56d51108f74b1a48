"""One inbreeding coefficient for every regime: Gaussian variances, Gaussian means, categorical heterozygosity.

Heterozygosity is bounded, so its test is valid without any assumption. The variance of a Gaussian (mle) is bounded
path by path by the second moment m of the training set about the true mean, and E m^2 by a recursion over batches: an
upper bound on the sd of the variance is known without a simulation, and `predict` gives it.
"""

import numpy as np
import pytest
from programs import ForgetsReal, NoPin, chains, last

import modelcollapse as mc
from modelcollapse import theory
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_bounded, pvalue_mean

pytestmark = pytest.mark.compiled

T, N = 5, 16
CATEGORIES = mc.Categorical([0.5, 0.3, 0.2])
GAUSSIAN = mc.Gaussian(5.0, 1.0, estimator="mle")

#: regime -> its mutants
REGIMES = {
    "replace": (mc.Replace(n=N), {"n - 1 draws": mc.Replace(n=N - 1), "n + 2 draws": mc.Replace(n=N + 2)}),
    "schedule": (
        mc.Replace(n=(16, 8, 24, 12, 4)),
        {"mean size": mc.Replace(n=13), "one step late": mc.Replace(n=(16, 16, 8, 24, 12))},
    ),
    "accumulate": (mc.Accumulate(n=N), {"forgets the real data": ForgetsReal(n=N), "replaces": mc.Replace(n=N)}),
    "accumulate, few real": (
        mc.Accumulate(n=N, n_real=4),
        {"n and n_real swapped": mc.Accumulate(n=4, n_real=N), "forgets the real data": ForgetsReal(n=N, n_real=4)},
    ),
    "subsample": (mc.Subsample(n=6), {"replaces": mc.Replace(n=6), "fits to everything": mc.Accumulate(n=6)}),
    "fixed real": (
        mc.FixedReal(n=N, n_real=6),
        {
            "fractions swapped": mc.FixedReal(n=6, n_real=N),
            "fresh instead of fixed": NoPin(n=N, n_real=6),
            "forgets the real data": mc.Replace(n=(6, 16, 16, 16, 16)),
        },
    ),
    "fixed real, larger start": (
        mc.FixedReal(n=12, n_real=4, n_first=N),
        {
            "keeps all it started with": mc.FixedReal(n=12, n_real=N),
            "starts with what it keeps": mc.FixedReal(n=12, n_real=4),
        },
    ),
    "fresh real": (
        mc.FreshReal(n=N, n_real=4),
        {"fractions swapped": mc.FreshReal(n=N, n_real=12), "no real points": mc.Replace(n=N)},
    ),
    "mix": (
        mc.Mix(n=N, real_fraction=0.2),
        {"fractions swapped": mc.Mix(n=N, real_fraction=0.8), "no real points": mc.Replace(n=N)},
    ),
    "window": (mc.Window(n=N, k=2), {"one batch less": mc.Window(n=N, k=1), "one batch more": mc.Window(n=N, k=3)}),
}


def size(name, many):
    """Replicates of the first round; a subsample is simulated point by point."""
    return many // 16 if name == "subsample" else many


@pytest.mark.parametrize("name", REGIMES)
def test_heterozygosity(name):
    regime, mutants = REGIMES[name]
    start = 1 - (CATEGORIES.probabilities**2).sum()
    F = theory.inbreeding(regime, T)

    def law(F):
        return lambda H: pvalue_bounded(H, (1 - F) * start, 0.0, 2 / 3)

    def heterozygosity(run):
        return 1 - (last("probability")(run) ** 2).sum(axis=1)

    assert_kills(
        chains(CATEGORIES, regime, T, heterozygosity),
        law(F[T]),
        size=size(name, 16_000),
        mutants={key: chains(CATEGORIES, mutant, T, heterozygosity) for key, mutant in mutants.items()},
        formula="E[H_t] = (1 - F_t) H_0",
        source="F-MASTER, WF-H",
    )


@pytest.mark.parametrize("name", REGIMES)
def test_generations_are_counted_from_the_truth(name):
    # generation 1 is the first fit, and it is fitted to real data
    regime, _ = REGIMES[name]
    start = 1 - (CATEGORIES.probabilities**2).sum()
    F = theory.inbreeding(regime, 2)

    def law(F):
        return lambda H: pvalue_bounded(H, (1 - F) * start, 0.0, 2 / 3)

    def heterozygosity(t):
        return chains(CATEGORIES, regime, t, lambda run: 1 - (last("probability")(run) ** 2).sum(axis=1))

    assert_kills(
        heterozygosity(2),
        law(F[2]),
        size=size(name, 16_000),
        wrong={"one generation early": law(F[1])},
        mutants={"one generation late": heterozygosity(1)},
        formula="E[H_2] = (1 - F_2) H_0",
        source="F-MASTER",
    )


@pytest.mark.parametrize("name", REGIMES)
def test_gaussian_variance_and_mean(name):
    regime, mutants = REGIMES[name]
    F = theory.inbreeding(regime, T)
    known = mc.predict("variance", GAUSSIAN, regime, generations=T).isel(generation=T)
    second = float(known["sd"]) ** 2 + float(known["mean"]) ** 2

    def law(F):
        sd = (second - (1 - F) ** 2) ** 0.5
        # the mean is a normal variable of random variance; 1.1 allows for its dependence on the batches it came from
        square = F * (3 * 1.1 * second - 1) ** 0.5

        def pvalues(sample):
            mean, variance = sample
            return [
                pvalue_mean(variance, 1 - F, sd, skewness=4.0),
                pvalue_mean((mean - 5) ** 2, F, square, skewness=7.0),
            ]

        return pvalues

    class Pair(tuple):
        """Means and variances; as long as either."""

        def __len__(self):
            return len(self[0])

    def value(run):
        return Pair((last("mean")(run), last("variance")(run)))

    assert_kills(
        chains(GAUSSIAN, regime, T, value),
        law(F[T]),
        size=size(name, 64_000),
        mutants={key: chains(GAUSSIAN, mutant, T, value) for key, mutant in mutants.items()}
        | {"unbiased variance": chains(mc.Gaussian(5.0, 1.0, estimator="unbiased"), regime, T, value)},
        formula="E[var_t] = (1 - F_t) var_0, E[(mean_t - mean_0)^2] = F_t var_0",
        source="F-MASTER",
    )


@pytest.mark.parametrize("name", ["accumulate", "fixed real", "fresh real", "window"])
def test_unbiased_variance_of_pooled_data_is_not_unbiased(name):
    # N - 1 corrects for independent points; pooled batches are related, and theory.moments knows by how much
    regime = {
        "accumulate": mc.Accumulate(n=4),
        "window": mc.Window(n=4, k=3),
        "fixed real": mc.FixedReal(n=8, n_real=3),
        "fresh real": mc.FreshReal(n=8, n_real=2),
    }[name]
    truth = mc.Gaussian(0.0, 1.0, estimator="unbiased")
    plan = regime.plan(T)
    variance, _ = theory.moments(regime, T, estimator="unbiased")
    # as above, with every refit enlarged by N/(N - 1)
    second = np.prod((1 + 2 / plan.batch) * (plan.size / (plan.size - 1)) ** 2)

    def law(mean):
        return lambda x: pvalue_mean(x, mean, (second - mean**2) ** 0.5, skewness=12.0)

    wrong = {"F-MASTER, as for the mle": law(1 - theory.inbreeding(regime, T)[T])}
    if abs(variance[T] - 1) > 0.05:
        wrong["unbiased for ever"] = law(1.0)
    assert_kills(
        chains(truth, regime, T, last("variance")),
        law(variance[T]),
        size=64_000,
        wrong=wrong,
        formula="V_t = N/(N-1) w'Dw",
        source="F-MASTER, consequence 4; mad-fresh-loop-moments",
    )


def test_three_families_share_one_coefficient():
    # d dimensions: E[cov_t] = (1 - F_t) cov_0 and E|mean_t - mean_0|^2 = F_t tr cov_0
    cov = np.diag([2.0, 1.0])
    regime = mc.FixedReal(n=N, n_real=6)
    F = float(theory.inbreeding(regime, T)[T])
    second = np.prod(1 + 2 / regime.plan(T).batch)

    def trace(run):
        return np.trace(last("cov")(run), axis1=1, axis2=2) / 3

    def law(F):
        return lambda x: pvalue_mean(x, 1 - F, (second - (1 - F) ** 2) ** 0.5, skewness=4.0)

    assert_kills(
        chains(mc.Gaussian(0.0, cov, estimator="mle"), regime, T, trace),
        law(F),
        size=32_000,
        mutants={
            "unbiased covariance": chains(mc.Gaussian(0.0, cov, estimator="unbiased"), regime, T, trace),
            "fresh instead of fixed": chains(mc.Gaussian(0.0, cov, estimator="mle"), NoPin(n=N, n_real=6), T, trace),
        },
        formula="E[tr cov_t] = (1 - F_t) tr cov_0",
        source="F-MASTER, consequence 3",
    )
