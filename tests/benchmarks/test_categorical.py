"""Categorical chains against `Generator.multinomial`, and chains of spectra at the scale of the web; one thread.

Run with ``pytest tests/benchmarks/test_categorical.py --benchmark-only``. Twenty thousand types of Zipf's law, 440,000
tokens. A round is ten generations, by our side twenty replicates of them (a run of one costs a millisecond of
wrapping, whatever it is), by the peer one; `extra_info` has the time per generation of one chain. Peer and limits do
the same generations from the same starting law.
"""

import resource
import time

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse._kernels.categorical import multinomial, tables

TYPES, TOKENS, T, R = 20_000, 440_000, 10, 20
FRESH = 1 / np.arange(1.0, TYPES + 1) / np.sum(1 / np.arange(1.0, TYPES + 1))
#: batches that are held; those of Accumulate are added up as they come
KEEPS = {"Window": 5, "Accumulate": 2}


def generations(p, rng, count, regime="Replace"):
    """What people write: a multinomial of the model, one of the truth where there is fresh data, counts added up."""
    truth, history, batches = p, np.empty((count, len(p))), []
    for t in range(count):
        if regime == "FreshReal" and t > 0:
            new = rng.multinomial(TOKENS - TOKENS // 10, p) + rng.multinomial(TOKENS // 10, truth)
        elif regime == "FixedReal" and t == 0:
            pinned = rng.multinomial(TOKENS // 10, p)
            new = pinned + rng.multinomial(TOKENS - TOKENS // 10, p)
        elif regime == "FixedReal":
            new = pinned + rng.multinomial(TOKENS - TOKENS // 10, p)
        else:
            new = rng.multinomial(TOKENS, p)
        batches = [*batches, new][-KEEPS.get(regime, 1) :]
        if regime == "Accumulate" and t > 0:
            batches = [batches[0] + batches[1]]
        held = sum(batches)
        p = held / held.sum()
        history[t] = p
    return history


#: the same law fifty generations later: a quarter of the types is left
OLD = generations(FRESH, np.random.default_rng(0), 50)[-1]
STARTS = {"from the start": FRESH, "from generation 50": OLD}
REGIMES = {
    "Replace": mc.Replace(TOKENS),
    "Accumulate": mc.Accumulate(TOKENS),
    "FixedReal": mc.FixedReal(9 * TOKENS // 10, TOKENS // 10, TOKENS),
    "FreshReal": mc.FreshReal(TOKENS, TOKENS // 10),
    "Window": mc.Window(TOKENS, 5),
}
CASES = [("from the start", name) for name in REGIMES] + [("from generation 50", "Replace")]


def group(benchmark, start, chains, name="Replace"):
    benchmark.group = f"categorical, {name}, ten generations {start}"
    benchmark.extra_info["chains per round"] = chains


@pytest.mark.parametrize(("start", "name"), CASES)
def test_chain(benchmark, start, name):
    group(benchmark, start, R, name)
    truth, regime = mc.Categorical(STARTS[start]), REGIMES[name]
    mc.simulate(truth, regime, generations=2, rng=0)  # compile
    benchmark.pedantic(mc.simulate, (truth, regime), {"generations": T, "replicates": R, "rng": 0}, rounds=7)
    benchmark.extra_info["microseconds per generation"] = benchmark.stats.stats.min / R / T * 1e6


@pytest.mark.parametrize(("start", "name"), CASES)
def test_peer_numpy(benchmark, start, name):
    group(benchmark, start, 1, name)
    benchmark.pedantic(generations, (STARTS[start], np.random.default_rng(0), T, name), rounds=20, warmup_rounds=1)
    benchmark.extra_info["microseconds per generation"] = benchmark.stats.stats.min / T * 1e6


@pytest.mark.parametrize("start", STARTS)
def test_limit_draws(benchmark, start):
    """The multinomial draws alone, over the survivors: nothing recorded."""
    group(benchmark, start, 1)
    p = generations(STARTS[start], np.random.default_rng(0), 5)[-1]  # the middle of the ten
    held = np.rint(p[p > 0] * TOKENS)
    counts, reach = np.empty(len(held), np.int64), np.empty(len(held))
    rng = np.random.default_rng(0)

    def whole():
        for _ in range(T):
            multinomial(rng, tables(), TOKENS, held, float(TOKENS), counts, reach)

    benchmark.pedantic(whole, rounds=40, warmup_rounds=2)


@pytest.mark.parametrize("start", STARTS)
def test_limit_random_numbers(benchmark, start):
    """One uniform number per survivor and generation, and nothing else."""
    group(benchmark, start, 1)
    alive = np.count_nonzero(generations(STARTS[start], np.random.default_rng(0), 5)[-1])
    benchmark.pedantic(np.random.default_rng(0).random, (T * alive,), rounds=40, warmup_rounds=2)


@pytest.mark.parametrize("start", STARTS)
def test_limit_memory(benchmark, start):
    """The dense table of probabilities, made and copied once as `simulate` does."""
    group(benchmark, start, R)

    def whole():
        block = np.zeros((R, T, TYPES))
        block[..., ::4] = 1.0
        out = np.empty((R, T + 1, TYPES))
        out[:, 1:] = block

    benchmark.pedantic(whole, rounds=7, warmup_rounds=1)


def test_ten_billion_types(benchmark):
    """10^10 types and 10^13 tokens: `extra_info` has the seconds per generation, the peak memory and what is left."""
    benchmark.group = "spectrum of 10^10 types, 10^13 tokens, three generations"
    small = mc.FrequencySpectrum([1], [100])
    mc.simulate(small, mc.Replace(100), generations=2, rng=0)  # compile
    began = time.perf_counter()
    truth = mc.FrequencySpectrum.zipf(types=10**10, tokens=10**13)
    benchmark.extra_info["seconds to make the truth"] = time.perf_counter() - began
    run = benchmark.pedantic(mc.simulate, (truth, mc.Replace(10**13)), {"generations": 3, "rng": 0}, rounds=2)
    benchmark.extra_info["seconds per generation"] = benchmark.stats.stats.min / 3
    benchmark.extra_info["peak memory of the process, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    benchmark.extra_info["support"] = run["support"].values[0].tolist()
    assert (run["support"].values[0] <= 10**10).all()
    assert (np.diff(run["entropy"].values[0, 1:]) < 0).all()
