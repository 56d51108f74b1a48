"""Kernel density estimates against their exact moments, and the compiled chains against the literal ones."""

import numpy as np
import pytest
from programs import ForgetsReal, Late, block, chains, engines, last

import modelcollapse as mc
from modelcollapse import theory
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_mean, pvalue_two_samples

pytestmark = pytest.mark.compiled

N, T = 20, 4
POINTS = np.array([-2.0, -1.0, -0.8, 0.0, 0.3, 0.9, 1.1, 2.5])


def truth(bandwidth):
    return mc.KernelDensity(POINTS, bandwidth)


def moments(model):
    """Mean, variance and kurtosis of a one-dimensional estimate."""
    h, centred = model.h(), model.points - model.points.mean()
    mean, variance = model.moments()
    return mean, variance, ((centred**4).mean() + 6 * h**2 * (centred**2).mean() + 3 * h**4) / variance**2


class Pair(tuple):
    """Means and variances; as long as either."""

    def __len__(self):
        return len(self[0])


def value(run):
    return Pair((last("mean")(run), last("variance")(run)))


@pytest.mark.parametrize("bandwidth", [0.6, "silverman"])
def test_replace(bandwidth):
    model = truth(bandwidth)
    centre, variance, kurtosis = moments(model)
    W, M = theory.kde_moments(mc.Replace(N), T, bandwidth, variance=variance)
    sd = theory.kde_variance_sd(N, T, bandwidth, variance=variance, kurtosis=kurtosis)

    def law(t):
        def pvalues(sample):
            mean, w = sample
            # the sum of the mean's steps has kurtosis a little above 3; 3 M^2 is allowed for
            return [pvalue_mean(w, W[t], sd[T], skewness=3.0),
                    pvalue_mean(mean, centre, M[t] ** 0.5, skewness=0.5),
                    pvalue_mean((mean - centre) ** 2, M[t], 3**0.5 * M[t], skewness=6.0)]  # fmt: skip

        return pvalues

    def no_kernel(size, rng):
        picked = rng.integers(0, len(POINTS), (size, N))
        X = POINTS[picked] + model.h() * rng.standard_normal((size, N))
        for _ in range(T - 1):
            X = np.take_along_axis(X, rng.integers(0, N, (size, N)), axis=1)
        return Pair((X.mean(axis=1), X.var(axis=1)))

    regime = mc.Replace(N)
    assert_kills(
        chains(model, regime, T, value), law(T), size=8000,
        mutants={
            "no kernel": no_kernel, "n - 1 draws": chains(model, mc.Replace(N - 4), T, value),
            "first fit twice": chains(model, Late(n=N), T, value),
            "divisor n - 1": chains(model, regime, T, lambda run: Pair((value(run)[0], value(run)[1] * N / (N - 1)))),
        },
        wrong={"off by one generation": law(T - 1)},
        formula="E W' = (1 - 1/n)(E W + h^2)", source="KAZ-KDE",
    )  # fmt: skip


#: regime -> a mutant
REGIMES = {
    "accumulate": (mc.Accumulate(N), ForgetsReal(n=N)),
    "few real": (mc.Accumulate(N, n_real=5), mc.Accumulate(5, n_real=N)),
    "subsample": (mc.Subsample(N), mc.Replace(N)),
    "fixed real": (mc.FixedReal(N, 6), mc.FixedReal(6, N)),
    "fresh real": (mc.FreshReal(N, 5), mc.FreshReal(N, 15)),
    "mix": (mc.Mix(N, 0.25), mc.Mix(N, 0.75)),
    "window": (mc.Window(N, 2), mc.Window(N, 1)),
    "schedule": (mc.Replace((20, 8, 30, 12)), mc.Replace((20, 4, 4, 4))),
}


@pytest.mark.parametrize("name", REGIMES)
@pytest.mark.parametrize("bandwidth", [0.6, "silverman"])
def test_every_regime(name, bandwidth):
    """Means exactly; the sd is bounded by the fourth moment of a point, since (mean of x^2)^2 <= mean of x^4."""
    regime, mutant = REGIMES[name]
    model = truth(bandwidth)
    centre, variance, kurtosis = moments(model)
    W, M = theory.kde_moments(regime, T, bandwidth, variance=variance)
    two, four = variance, kurtosis * variance**2
    for t in range(1, T):  # every generation of kernels that a point can have passed through
        if bandwidth == "silverman":
            b = theory.kde_bandwidth_factor(regime.plan(T).size[t - 1], rule="silverman") ** 2
            two, four = two * (1 + b), four * (1 + 6 * b + 3 * b * b)
        else:
            two, four = two + bandwidth**2, four + 6 * bandwidth**2 * two + 3 * bandwidth**4
    sd = (four - (W[T] + M[T]) ** 2) ** 0.5

    def law(W, M):
        def pvalues(sample):
            mean, w = sample
            return [pvalue_mean(w, W, sd, skewness=3.0), pvalue_mean(w + (mean - centre) ** 2, W + M, sd, skewness=3.0)]

        return pvalues

    assert_kills(
        block(points_and_all, model, regime, T, pair), law(W[T], M[T]), size=30_000,
        mutants={"another regime": block(points_and_all, model, mutant, T, pair)},
        wrong={"no kernel": law(variance * theory.retained(regime, T)[T], variance * theory.inbreeding(regime, T)[T])},
        formula="kde_moments", source="KAZ-KDE, F-MASTER with a kernel",
    )  # fmt: skip


def points_and_all(model, rows, plan, replicates, rng):
    """The compiled chains, for subsamples too."""
    return model.chains(plan, replicates, rng, rows)


def pair(out):
    return Pair((out["mean"][:, -1], np.exp(out["log_variance"][:, -1])))


@pytest.mark.parametrize(("name", "rows"), [*((name, False) for name in REGIMES), ("subsample", True), ("mix", True)])
def test_compiled_chains_have_the_law_of_literal_ones(name, rows):
    regime, mutant = REGIMES[name]
    family = truth("scott")
    if rows:
        data = np.sort(np.concatenate([POINTS * k for k in (0.5, 1.0, 1.5)] + [[7.0]]))
        family = mc.Empirical(data, mc.KernelDensity(data, "scott"))

    def both(regime):
        ours = block(points_and_all, family, regime, T, pair)
        literal = block(engines.by_point, family, REGIMES[name][0], T, pair)
        return lambda size, rng: (ours(size, rng), literal(size, rng))

    def law(sample):
        ours, literal = sample
        return [pvalue_two_samples(a, b) for a, b in zip(ours, literal, strict=True)]

    assert_kills(both(regime), law, size=1000, mutants={"another regime": both(mutant)},
                 formula="two engines, one law", source="simulate.by_point")  # fmt: skip
