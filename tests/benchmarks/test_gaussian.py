"""1-D and d-dimensional Gaussian chains against vectorised NumPy draw-and-refit: same chains, same sizes, one thread.

Run with ``pytest tests/benchmarks --benchmark-only``. The peer does a tenth of the replicates where the whole would
not fit into memory; the group's name says per how many cells (replicate x generation) the time is.
"""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import modelcollapse as mc

N, T, R, R_10 = 1000, 100, 10_000, 1000
REGIMES = {
    "Replace": mc.Replace(N),
    "Accumulate": mc.Accumulate(N),
    "FixedReal": mc.FixedReal(900, 100),
    "FreshReal": mc.FreshReal(N, 100),
    "Window": mc.Window(N, 5),
}


def draw_and_refit(replicates, generations, n, rng):
    """What people write: all replicates at once, points drawn and refitted."""
    mean, sd = np.zeros((replicates, 1)), np.ones((replicates, 1))
    history = np.empty((replicates, generations, 2))
    for t in range(generations):
        X = mean + sd * rng.standard_normal((replicates, n))
        mean, sd = X.mean(1, keepdims=True), X.std(1, keepdims=True)
        history[:, t, 0], history[:, t, 1] = mean[:, 0], sd[:, 0]
    return history


@pytest.mark.parametrize("name", REGIMES)
def test_chain_1d(benchmark, name):
    family = mc.Gaussian(0.0, 1.0, estimator="mle")
    benchmark.group = "1-D Gaussian chain, n = 1000, per 10^6 cells"
    mc.simulate(family, REGIMES[name], generations=2, replicates=2, rng=0)  # compile
    run = benchmark.pedantic(
        mc.simulate, (family, REGIMES[name]), {"generations": T, "replicates": R, "rng": 0, "n_jobs": 1}, rounds=5
    )
    assert run.sizes["replicate"] == R


def test_peer_numpy_1d(benchmark):
    benchmark.group = "1-D Gaussian chain, n = 1000, per 10^6 cells"
    rng = np.random.default_rng(0)

    def whole():  # ten slices of a thousand chains: the points of 10^4 chains would be 80 MB a generation
        for _ in range(10):
            draw_and_refit(R // 10, T, N, rng)

    benchmark.pedantic(whole, rounds=1)


def test_limit_random_numbers_1d(benchmark):
    """The same normals and gammas, and nothing else."""
    benchmark.group = "1-D Gaussian chain, n = 1000, per 10^6 cells"
    rng = np.random.default_rng(0)
    benchmark.pedantic(lambda: (rng.standard_normal(R * T), rng.standard_gamma(0.5 * (N - 1), R * T)), rounds=5)


@pytest.mark.parametrize("name", REGIMES)
def test_chain_10d(benchmark, name):
    family = mc.Gaussian(0.0, np.eye(10), estimator="mle")
    benchmark.group = "10-D Gaussian chain, n = 1000, per 10^5 cells"
    mc.simulate(family, REGIMES[name], generations=2, replicates=2, rng=0)
    benchmark.pedantic(
        mc.simulate, (family, REGIMES[name]), {"generations": T, "replicates": R_10, "rng": 0, "n_jobs": 1}, rounds=10
    )


def test_peer_numpy_10d(benchmark):
    benchmark.group = "10-D Gaussian chain, n = 1000, per 10^5 cells"
    rng = np.random.default_rng(0)

    def whole():
        for _ in range(R_10 // 100):  # slices of a hundred chains
            mean, L = np.zeros((100, 1, 10)), np.broadcast_to(np.eye(10), (100, 10, 10))
            for _ in range(T):
                X = mean + rng.standard_normal((100, N, 10)) @ L.transpose(0, 2, 1)
                mean = X.mean(1, keepdims=True)
                centred = X - mean
                L = np.linalg.cholesky(centred.transpose(0, 2, 1) @ centred / N)

    with threadpool_limits(1):
        benchmark.pedantic(whole, rounds=1)


def test_limit_random_numbers_10d(benchmark):
    """The normals and chi-squares of Bartlett's decomposition and of the mean, and nothing else."""
    benchmark.group = "10-D Gaussian chain, n = 1000, per 10^5 cells"
    rng, df = np.random.default_rng(0), N - 1 - np.arange(10.0)
    cells = R_10 * T
    benchmark.pedantic(
        lambda: (rng.standard_normal((cells, 55)), rng.standard_gamma(np.broadcast_to(df / 2, (cells, 10)))), rounds=5
    )
