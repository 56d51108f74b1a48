"""Two threads against one, for every kind of work that comes in 64 blocks or more.

Run with ``pytest tests/benchmarks/test_threads.py --benchmark-only`` on two idle cores; within a group the
work is the same. Two threads of one core, as hosts of virtual machines lend them, are not two cores.
"""

import numpy as np
import pytest

import modelcollapse as mc

PLANE = mc.GaussianMixture([0.5, 0.5], [[0.0, 0.0], [2.0, 2.0]], [1.0, 1.0])
POINTS = np.random.default_rng(0).standard_normal((100, 2))
ZIPF = 1 / np.arange(1.0, 20_001) / np.sum(1 / np.arange(1.0, 20_001))
GAUSSIAN = mc.Gaussian(0.0, 1.0, estimator="mle")
#: family, regime, generations, replicates
WORK = {
    "1-D Gaussian, Replace": (GAUSSIAN, mc.Replace(1000), 100, 64 * 256),
    "1-D Gaussian, Accumulate": (GAUSSIAN, mc.Accumulate(1000), 100, 64 * 256),
    "1-D Gaussian, FreshReal": (GAUSSIAN, mc.FreshReal(1000, 100), 100, 64 * 256),
    "10-D Gaussian, Accumulate": (mc.Gaussian(0.0, np.eye(10), estimator="mle"), mc.Accumulate(1000), 20, 64 * 256),
    "mixture, Replace": (PLANE, mc.Replace(1000), 10, 64 * 4),
    "kernel density, Replace": (mc.KernelDensity(POINTS, 0.3), mc.Replace(100), 20, 64 * 256),
    "categorical, Replace": (mc.Categorical(ZIPF), mc.Replace(440_000), 10, 64 * 4),
    "point by point": (GAUSSIAN, mc.Subsample(10_000), 10, 64 * 4),
}


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("name", WORK)
def test_threads(benchmark, name, n_jobs):
    family, regime, generations, replicates = WORK[name]
    benchmark.group = f"{name}, {replicates} chains"
    mc.simulate(family, regime, generations=2, replicates=2, rng=0)  # compile
    options = {"generations": generations, "replicates": replicates, "rng": 0, "n_jobs": n_jobs}
    benchmark.pedantic(mc.simulate, (family, regime), options, rounds=3)
