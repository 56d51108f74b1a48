"""Poisson and exponential models against their exact laws, and the statistic against the points."""

import numpy as np
import pytest
from programs import ForgetsReal, Late, NoPin, block, chains, engines, last
from scipy import special

import modelcollapse as mc
from modelcollapse import theory
from modelcollapse.testing import assert_kills
from modelcollapse.verify import (
    pvalue_binomial,
    pvalue_distribution,
    pvalue_mean,
    pvalue_two_counts,
    pvalue_two_samples,
)

pytestmark = pytest.mark.compiled


@pytest.mark.parametrize(("n", "rate", "t"), [(10, 1.0, 12), (3, 0.2, 4)])
def test_poisson_dies_as_a_branching_process(n, rate, t):
    g = theory.g_iterates(t)

    def law(t):
        p = -np.expm1(-n * rate * g[t])
        return lambda alive: pvalue_binomial(alive.sum(), len(alive), p)

    def alive(run):
        return last("rate")(run) > 0

    assert_kills(
        chains(mc.Poisson(rate), mc.Replace(n), t, alive), law(t), size=20_000,
        mutants={
            "n + 2 draws": chains(mc.Poisson(rate), mc.Replace(n + 2), t, alive),
            "accumulates": chains(mc.Poisson(rate), mc.Accumulate(n), t, alive),
            "first fit twice": chains(mc.Poisson(rate), Late(n=n), t, alive),
        },
        wrong={"off by one generation": law(t - 1)},
        formula="1 - exp(-n rate g_t)", source="SUR-T2",
    )  # fmt: skip


def test_exponential_mean_is_a_product_of_gammas():
    n, t = 10, 5

    def law(steps=t):
        mean = steps * (special.digamma(n) - np.log(n))
        variance = t * special.polygamma(1, n)

        def pvalues(log_rate):
            ratio = np.exp(-np.diff(log_rate, axis=1)) * n
            return [
                pvalue_distribution(ratio, lambda x: special.gammainc(n, x)),
                pvalue_mean(-log_rate[:, -1] - np.log(4.0), mean, variance**0.5, skewness=0.5),
                pvalue_mean(np.diff(log_rate)[:, 0] * np.diff(log_rate)[:, 1], (mean / steps) ** 2, 0.2, skewness=2.0),
            ]

        return pvalues

    def path(run):
        return run["log_rate"].values

    truth = mc.Exponential(0.25)
    assert_kills(
        chains(truth, mc.Replace(n), t, path), law(), size=4000,
        mutants={
            "n - 1 draws": chains(truth, mc.Replace(n - 1), t, path),
            "first fit twice": chains(truth, Late(n=n), t, path),
            "window of two": chains(truth, mc.Window(n, 2), t, path),
        },
        wrong={"off by one generation": law(t - 1)},
        formula="theta' = theta Gamma(n, 1/n)", source="JMR-MART",
    )  # fmt: skip


REGIMES = {
    "replace": (mc.Replace(6), mc.Replace(4)),
    "accumulate": (mc.Accumulate(6), ForgetsReal(n=6)),
    "fixed real": (mc.FixedReal(8, 3), NoPin(n=8, n_real=3)),
    "fresh real": (mc.FreshReal(8, 2), mc.FreshReal(8, 6)),
    "mix": (mc.Mix(8, 0.2), mc.Mix(8, 0.8)),
    "window": (mc.Window(6, 2), mc.Window(6, 1)),
    "schedule": (mc.Replace((6, 2, 9, 4, 4)), mc.Replace((6, 6, 9, 9, 9))),
}


@pytest.mark.parametrize("name", REGIMES)
@pytest.mark.parametrize("family", [mc.Poisson(0.7), mc.Exponential(2.0)], ids=lambda f: f.kind)
def test_the_statistic_has_the_law_of_the_points(name, family):
    variable = "rate" if family.kind == "Poisson" else "log_rate"

    def both(regime):
        ours = block(engines.by_statistic, family, regime, 5, lambda out: out[variable][:, -1])
        literal = block(engines.by_point, family, REGIMES[name][0], 5, lambda out: out[variable][:, -1])
        return lambda size, rng: (ours(size, rng), literal(size, rng))

    def law(sample):
        if family.kind == "Exponential":
            return pvalue_two_samples(*sample)
        edges = [0.0, 1e-9, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, np.inf]
        return pvalue_two_counts(*(np.histogram(x, edges)[0] for x in sample))

    assert_kills(both(REGIMES[name][0]), law, size=3000, mutants={"another regime": both(REGIMES[name][1])},
                 formula="two engines, one law", source="simulate.by_point")  # fmt: skip
