"""Chains of spectra against the law of a partition, the occupancy problem, categories one by one, and theory."""

import functools
import itertools
import math
from collections import Counter

import numpy as np
import pytest
from programs import block, chains, engines

import modelcollapse as mc
from modelcollapse import theory
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_counts, pvalue_mean, pvalue_two_counts

pytestmark = pytest.mark.compiled

# -- mutants: the same generation, written down in NumPy with one mistake --------------------------------------------


def spoiled(counts, n, generations, mistake):
    """A program: counts of every category after `generations` fits, drawn by Poisson counts with a mistake."""

    def step(c, rng):
        mean = c * (n + 6 * math.sqrt(n)) / c.sum()
        if mistake == "total not mended":
            return rng.poisson(c * n / c.sum())
        if mistake == "rate not corrected":  # aimed too high, and nothing taken away
            return rng.poisson(mean)
        if mistake == "class moved as one":
            values, where = np.unique(c, return_inverse=True)
            draws = rng.multinomial(n, values / values.sum()) if len(values) > 1 else np.array([n])
            return np.array([draws[w] // np.count_nonzero(where == w) for w in where])
        while (new := rng.poisson(mean)).sum() < n:  # pragma: no branch
            pass
        if mistake == "types thinned, not tokens":
            for _ in range(new.sum() - n):
                new[rng.choice(np.flatnonzero(new))] -= 1
            return new
        tokens = rng.permutation(np.repeat(np.arange(len(c)), new))[:n]
        return np.bincount(tokens, minlength=len(c))

    def draw(size, rng):
        out = []
        for _ in range(size):
            c = np.array(counts)
            for _ in range(generations):
                c = step(c, rng) if c.sum() else c
            out.append(c[c > 0])
        return out

    return draw


MISTAKES = ("total not mended", "rate not corrected", "class moved as one", "types thinned, not tokens")

# -- the law of a partition ------------------------------------------------------------------------------------------

START, N = (3, 2, 1, 1), 6


@functools.cache
def offspring_of(state):
    """Law of the partition after one fit to N tokens, by enumeration."""
    law = Counter()
    k, p = len(state), np.array(state) / sum(state)
    for bars in itertools.combinations(range(N + k - 1), k - 1):
        counts = np.diff((-1, *bars, N + k - 1)) - 1
        weight = math.factorial(N) / math.prod(math.factorial(c) for c in counts) * math.prod(p**counts)
        law[tuple(sorted(counts[counts > 0].tolist()))] += weight
    return law


def partition_law(generations):
    law = Counter({tuple(sorted(START)): 1.0})
    for _ in range(generations):
        new = Counter()
        for state, weight in law.items():
            for other, p in offspring_of(state).items():
                new[other] += weight * p
        law = new
    return law


def key(support, singletons, homozygosity):
    """A partition of a small number by three of its summaries."""
    return 10_000 * int(support) + 1000 * int(singletons) + int(np.rint(homozygosity * N * N))


@pytest.mark.parametrize("t", [1, 3])
def test_partitions(t):
    def law(t):
        known = Counter()
        for state, p in partition_law(t).items():
            known[key(len(state), state.count(1), sum(c * c for c in state) / N**2)] += p
        cells = sorted(known)

        def pvalues(seen):
            found = Counter(seen)
            other = sum(found.values()) - sum(found[c] for c in cells)
            return pvalue_counts([*(found[c] for c in cells), other], [*(known[c] for c in cells), 0.0])

        return pvalues

    def read(run):
        last = run.isel(generation=-1)
        columns = last["support"].values, last["singletons"].values, 1 - last["heterozygosity"].values
        return [key(*values) for values in zip(*columns, strict=True)]

    truth = mc.FrequencySpectrum(np.array(START), np.ones(4))

    def lists(draw):
        return lambda size, rng: [key(len(c), (c == 1).sum(), (c**2).sum() / N**2) for c in draw(size, rng)]

    assert_kills(
        chains(truth, mc.Replace(N), t, read),
        law(t),
        size=4000,
        mutants={
            **{m: lists(spoiled(START, N, t, m)) for m in MISTAKES},
            "n - 1 draws": chains(truth, mc.Replace(N - 1), t, read),
            "one type short": chains(mc.FrequencySpectrum([1, 2, 3], [1, 1, 1]), mc.Replace(N), t, read),
        },
        wrong={"one generation late": law(t + 1)},
        formula="multinomial counts, sorted, by enumeration",
        source="WF-EIG",
    )


# -- a class of many types: the histogram ----------------------------------------------------------------------------


def occupancy(K, n):
    """Law of the number of K equally likely types among n tokens."""
    law = np.zeros(K + 1)
    law[0] = 1.0
    for _ in range(n):
        stay = np.arange(K + 1) / K
        law = law * stay + np.append(0.0, (law * (1 - stay))[:-1])
    return law


def test_occupancy():
    K, n = 300, 240  # one class of 300 types is drawn as a histogram

    def law(n):
        return lambda seen: pvalue_counts(np.bincount(np.asarray(seen, int), minlength=K + 1), occupancy(K, n))

    truth = mc.FrequencySpectrum([1], [K])
    mutants = {
        m: lambda size, rng, m=m: [len(c) for c in spoiled(np.ones(K, int), n, 1, m)(size, rng)]
        for m in MISTAKES
        if m != "class moved as one"
    }

    def alive(run):
        return run["support"].values[:, 1]

    assert_kills(
        chains(truth, mc.Replace(n), 1, alive),
        law(n),
        size=2000,
        mutants={**mutants, "class moved as one": lambda size, rng: np.full(size, K)},
        wrong={"a token more in fifty": law(n + 5)},
        formula="occupancy: P(j) -> (j/K) P(j) + (1 - (j-1)/K) P(j-1)",
    )


# -- the same as categories one by one -------------------------------------------------------------------------------

CASES = {
    "few": ([7, 3, 2, 1, 1, 1], 15),
    "histograms": ([1] * 150 + [2] * 120 + [40] * 3, (400, 350, 450)),
    "large": ([900, 400, 1, 1, 1, 1, 1], 50_000),
}


@pytest.mark.parametrize("case", CASES)
def test_categories_one_by_one(case):
    counts, n = CASES[case]
    counts = np.array(counts)
    spectrum = mc.FrequencySpectrum(*np.unique(counts, return_counts=True))
    listed = mc.Categorical(counts / counts.sum())
    sizes = np.broadcast_to(n, 3)

    def of_table(out):
        cells = []
        for t in (0, 2):
            c = np.rint(out["probability"][:, t] * sizes[t])
            cells += [(c > 0).sum(1), (c == 1).sum(1), (c**2).sum(1), c.max(1), ((c >= 2) & (c < 4)).sum(1)]
        return np.array(cells)

    def of_spectrum(out):
        cells = []
        for t in (0, 2):
            m = sizes[t]
            cells += [out["support"][:, t], out["singletons"][:, t], np.rint((1 - out["heterozygosity"][:, t]) * m * m)]
            cells += [np.rint(out["largest"][:, t] * m), out["types_by_count"][:, t, 1]]
        return np.array(cells)

    def twins(model, regime):
        first = block(engines.by_statistic, listed, mc.Replace(n), 3, of_table)
        second = block(engines.by_statistic, model, regime, 3, of_spectrum)
        return lambda size, rng: (first(size, rng), second(size, rng))

    def same(pair):
        p = []
        for a, b in zip(*pair, strict=True):
            edges = np.unique(np.quantile(np.concatenate([a, b]), np.linspace(0, 1, 9)[1:-1]))
            first, second = (np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1) for x in (a, b))
            p.append(pvalue_two_counts(first, second))
        return np.concatenate(p)

    shifted = tuple(np.roll(sizes, 1).tolist()) if case == "histograms" else n // 5
    even = mc.FrequencySpectrum([counts.sum() / len(counts)], [len(counts)])
    assert_kills(
        twins(spectrum, mc.Replace(n)),
        same,
        size=1500,
        mutants={"other sizes": twins(spectrum, mc.Replace(shifted)), "all types alike": twins(even, mc.Replace(n))},
    )


@pytest.mark.parametrize("regime", [mc.Replace(12), mc.Replace((12, 5, 9))], ids=["constant", "schedule"])
def test_points_one_by_one(regime):
    # the other engine of `simulate` draws categories, and its fit keeps who is who
    truth = mc.FrequencySpectrum([4, 1], [2, 5])

    def read(out):
        support, singletons = out["support"].astype(int), out["singletons"].astype(int)
        return np.array([support[:, -1] * 10 + singletons[:, -1], support[:, 0], singletons[:, 0]])

    def twins(other):
        points = block(engines.by_point, truth, regime, 3, read)
        return lambda size, rng: (points(size, rng), block(engines.by_statistic, truth, other, 3, read)(size, rng))

    def same(pair):
        columns = zip(*pair, strict=True)
        return np.concatenate([pvalue_two_counts(*(np.bincount(x, minlength=99) for x in two)) for two in columns])

    assert_kills(twins(regime), same, size=1500, mutants={"n - 2 draws": twins(mc.Replace(10))})


# -- at the scale of theory ------------------------------------------------------------------------------------------


def test_support_and_heterozygosity_of_a_million_types():
    n, T = 2_000_000, 3
    truth = mc.FrequencySpectrum.zipf(types=1_000_000, tokens=8_000_000)
    p = truth.counts / truth.tokens
    alive = theory.survival(p, n, T)
    support = (truth.types * alive).sum(axis=1)
    # indicators of survival are negatively correlated: at most the variance of independent ones
    support_sd = np.sqrt((truth.types * alive * (1 - alive)).sum(axis=1))
    squares, cubes = (truth.types * p**2).sum(), (truth.types * p**3).sum()
    homozygosity = 1 - (1 - squares) * (1 - theory.inbreeding(mc.Replace(n), T))
    drift_sd = np.sqrt(4 * np.arange(T + 1) / n * (cubes - squares**2)) * 1.01  # delta method, first order in 1 / n

    def law(t, size=1.0):
        def pvalues(seen):
            return np.concatenate(
                [
                    np.atleast_1d(pvalue_mean(seen[:, 0], support[t] * size, support_sd[t], skewness=1.0)),
                    np.atleast_1d(pvalue_mean(seen[:, 1], homozygosity[t], drift_sd[t], skewness=1.0)),
                ]
            )

        return pvalues

    def read(run):
        last = run.isel(generation=-1)
        return np.column_stack([last["support"].values, 1 - last["heterozygosity"].values])

    assert_kills(
        chains(truth, mc.Replace(n), T, read),
        law(T),
        size=16,
        mutants={
            "a token more in fifty": chains(truth, mc.Replace(n + n // 50), T, read),
            "one generation early": chains(truth, mc.Replace(n), T - 1, read),
        },
        wrong={"support too large by one in a hundred": law(T, 1.01)},
        formula="sum of P(alive); 1 - H_0 (1 - 1/n)^t",
        source="SUR-COR1, WF-H",
    )
