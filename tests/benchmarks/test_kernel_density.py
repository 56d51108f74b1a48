"""Generations of a kernel density estimate against scikit-learn: sample and refit, one thread.

Run with ``pytest tests/benchmarks/test_kernel_density.py --benchmark-only``; within a group the times are for the same
number of generations. The peer shares one random state: an integer would replay the same noise.
"""

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.testing import stream

GENERATIONS = 200
CASES = {"1-D, n = 100": (None, 100), "2-D, n = 100": (2, 100), "2-D, n = 10^4": (2, 10_000)}


def truth(dim, n, bandwidth=0.3):
    shape = n if dim is None else (n, dim)
    return mc.KernelDensity(np.random.default_rng(1).standard_normal(shape), bandwidth)


def ours(dim, n):
    model, plan, rng = truth(dim, n), mc.Replace(n).plan(GENERATIONS), stream("ours")
    model.chains(mc.Replace(2).plan(2), 1, rng)  # compile
    return lambda: model.chains(plan, 1, rng)


def peer(dim, n):
    from sklearn.neighbors import KernelDensity

    first = KernelDensity(bandwidth=0.3).fit(truth(dim, n).points.reshape(n, -1))
    state = np.random.RandomState(0)

    def chain():
        model = first
        for _ in range(GENERATIONS):
            model = KernelDensity(bandwidth=0.3).fit(model.sample(n, random_state=state))

    return chain


@pytest.mark.parametrize("case", CASES)
def test_chain(benchmark, case):
    benchmark.group = f"{GENERATIONS} generations, {case}"
    benchmark(ours(*CASES[case]))


@pytest.mark.parametrize("case", CASES)
def test_chain_scikit_learn(benchmark, case):
    benchmark.group = f"{GENERATIONS} generations, {case}"
    benchmark.pedantic(peer(*CASES[case]), rounds=3 if CASES[case][1] < 1000 else 1)
