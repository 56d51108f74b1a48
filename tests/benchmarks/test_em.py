"""Expectation-maximisation and whole mixture generations against scikit-learn: same start, same steps, one thread.

Run with ``pytest tests/benchmarks/test_em.py --benchmark-only``; within a group the times are for the same work. The
peer is given the start, so it runs no k-means, and nothing is added to its covariances.
"""

import warnings

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture as Peer  # now: the limit to one thread reaches what is loaded
from threadpoolctl import threadpool_limits

from modelcollapse.families.mixture import GaussianMixture
from modelcollapse.testing import stream

STEPS = 20
CASES = {
    "2-D, 2 full components, n = 10^3": (2, 2, 1000),
    "2-D, 2 full components, n = 10^6": (2, 2, 1_000_000),
    "1-D, 3 components, n = 10^3": (1, 3, 1000),
    "1-D, 3 components, n = 10^6": (1, 3, 1_000_000),
    "8-D, 5 full components, n = 10^5": (8, 5, 100_000),
}


def truth(dim, k, **options):
    return GaussianMixture(np.full(k, 1 / k), 2.0 * np.arange(k)[:, None] * np.ones(dim), np.ones(k), **options)


def peer(model, steps, tol=0.0):
    """scikit-learn's mixture, told to start at `model`."""
    return Peer(
        model.components,
        tol=tol,
        reg_covar=1e-12,
        max_iter=steps,
        weights_init=model.weights,
        means_init=model.means,
        precisions_init=np.linalg.inv(model.covs),
    )


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peer says that it was stopped, as it was told to be
        yield


@pytest.mark.parametrize("case", CASES)
def test_em_step(benchmark, case):
    dim, k, n = CASES[case]
    steps = STEPS if n < 10**5 else 4
    benchmark.group = f"{steps} EM steps, {case}"
    model = truth(dim, k, tol=0.0, max_iter=steps)
    X = model.sample(n, stream(case))
    model.fit(X[:10])  # compile
    fitted = benchmark(model.fit, X)
    assert fitted.iterations == steps


@pytest.mark.parametrize("case", CASES)
def test_em_step_scikit_learn(benchmark, case):
    dim, k, n = CASES[case]
    steps = STEPS if n < 10**5 else 4
    benchmark.group = f"{steps} EM steps, {case}"
    model = truth(dim, k)
    X = np.ascontiguousarray(model.sample(n, stream(case)))
    estimator = peer(model, steps)
    fitted = benchmark.pedantic(estimator.fit, (X,), rounds=20 if n < 10**5 else 2, warmup_rounds=int(n < 10**5))
    assert fitted.n_iter_ == steps


GENERATION = "one generation (sample, warm refit), 2-D, 2 full components, n = 10^3"


def test_generation(benchmark):
    benchmark.group = GENERATION
    model, rng = truth(2, 2), stream("generation")
    model.fit(model.sample(1000, rng))  # compile
    benchmark(lambda: model.fit(model.sample(1000, rng)))


def test_generation_scikit_learn(benchmark):
    benchmark.group = GENERATION
    model = truth(2, 2)
    state = np.random.RandomState(0)  # shared, not an integer: an integer would replay the same noise
    first = peer(model, 100, tol=1e-3).set_params(random_state=state).fit(np.ascontiguousarray(model.sample(1000, 0)))

    def generation():
        X, _ = first.sample(1000)
        return peer(model, 100, tol=1e-3).set_params(random_state=state).fit(X)

    benchmark.pedantic(generation, rounds=20, warmup_rounds=1)
