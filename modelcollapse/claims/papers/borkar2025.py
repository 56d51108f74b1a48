"""Borkar (2025), A theoretical basis for model collapse in recursive training: the empirical law as a random measure.

With fresh data the empirical law is a Markov chain on measures that settles in law, and its limit is still random; with
none it is a martingale that ends at a point mass, whose place has the true law. Both are quantified by the coefficient
F = 1/(n - (n-1)(1-m)^2), the chance that two draws are copies of one point, and checked by playing the loop with points
that have names, and by the chain of one category.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import Categorical, Mix, Replace, theory
from modelcollapse.claims import two_types
from modelcollapse.claims.checks import Computed, Distributed, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at
from modelcollapse.claims.programs import heterozygosity as of_run


def _stationary(p, n, m):
    return theory.heterozygosity(p, theory.inbreeding_mix(n, m, np.inf))


def _at_rest(n, m):
    """Generations after which the spread, starting from the truth, is off by less than e^-12 of itself."""
    return int(12 / (1 / n + (1 - 1 / n) * m * (2 - m))) + 2


def _at_rest_heterozygosity(p, n, m):
    return theory.heterozygosity(p, theory.inbreeding_mix(n, m, _at_rest(n, m)))


def _from(first, p, draws, m):
    """Law of the count of one category long after it was `first`, from the textbook chain."""
    from scipy.stats import binom

    i = np.arange(draws + 1)
    chain = binom.pmf(i[None, :], draws, m * p + (1 - m) * i[:, None] / draws)
    # the mean forgets its start more slowly than the spread does, by 1 - m per generation
    return np.linalg.matrix_power(chain, int(40 / m))[first]


def _two_copies(size, rng, n, m, t):
    """Share of pairs of draws from the t-th fit that are one and the same real point; a measure without atoms."""
    names = np.tile(np.arange(n), (size, 1))
    for s in range(1, t):
        copied = np.take_along_axis(names, rng.integers(0, n, (size, n)), axis=1)
        names = np.where(rng.random((size, n)) < m, np.arange(n) + s * n, copied)
    return (names[:, :, None] == names[:, None, :]).mean(axis=(1, 2))


def _place(size, rng, n):
    """Where n normal points that are resampled end."""
    return rng.standard_normal((size, n))[np.arange(size), two_types.times_left(size, rng, np.full(n, 1 / n), n)[1]]


def _normal(n):
    from scipy.special import ndtr

    return ndtr


def _wider(n):
    from scipy.special import ndtr

    return lambda x: ndtr(x / math.sqrt(1 - 1 / n))


def _of_first(run):
    return run["probability"].values[:, 0]


CLAIMS = (
    Claim(
        id="BOR-1",
        title="Fresh data: the empirical law settles, and stays random",
        statement=(
            "If a fixed fraction of the samples is fresh, the empirical law is a Markov chain on probability measures "
            "that converges in law, from any start, to a stationary law of random measures that is not degenerate: two "
            "draws from one of them are the same point with probability F < 1."
        ),
        formula=(
            r"E H_\infty = (1-F)H_0, \qquad \mathrm{Var}\int f\,dp_\infty = F\,\mathrm{Var}_{p_0}f, \qquad "
            r"F = \frac1{n-(n-1)(1-m)^2}"
        ),
        assumptions="n samples per step, each fresh with probability m > 0.",
        source=("borkar2025",),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_mix, theory.linear_functional_variance, theory.migration_law),
        simulation="Points with names, resampled and refreshed; categorical chains with fresh points.",
        checks=(
            Computed(
                label="law of a count from either end of the simplex",
                predict=lambda first, p, draws, m: theory.migration_law(p, draws, m),
                other=_from,
                cases=(
                    {"first": 0, "p": 0.3, "draws": 20, "m": 0.1},
                    {"first": 40, "p": 0.05, "draws": 40, "m": 0.02},
                    {"first": 3, "p": 0.5, "draws": 5, "m": 0.9},
                ),
                rtol=1e-9,
                mutants={"half the fresh data": lambda first, p, draws, m: theory.migration_law(p, draws, m / 2)},
            ),
            Sampled(
                label="two draws are the same point",
                predict=lambda n, m, t: theory.inbreeding_mix(n, m, t),
                draw=_two_copies,
                bounds=(0.0, 1.0),
                cases=({"n": 10, "m": 0.1, "t": 40}, {"n": 5, "m": 0.3, "t": 15}),
                size=20000,
                mutants={"no fresh data": lambda n, m, t: 1 - (1 - 1 / n) ** t},
            ),
            Sampled(
                label="heterozygosity at rest",
                predict=_at_rest_heterozygosity,
                draw=lambda size, rng, p, n, m: at(Categorical(p), Mix(n, m), _at_rest(n, m), size, rng, of_run),
                bounds=(0.0, 1.0),
                cases=({"p": (0.5, 0.3, 0.2), "n": 10, "m": 0.2}, {"p": (0.9, 0.1), "n": 30, "m": 0.1}),
                size=20000,
                mutants={"collapsed": lambda p, n, m: 0.0, "the truth": lambda p, n, m: 1 - np.square(p).sum()},
            ),
        ),
        second={"stationary_heterozygosity": lambda n, m, p: _stationary(p, n, m)},
        tags=("categorical", "real data", "stationary"),
    ),
    Claim(
        id="BOR-2",
        title="No fresh data: a point mass whose place has the true law",
        statement=(
            "Without fresh data the empirical law is a bounded martingale of measures; it converges almost surely to a "
            "point mass, whose place is distributed like the truth."
        ),
        formula=r"p_t \to \delta_X, \qquad X \sim p_0",
        assumptions="n samples per step, replace, any truth.",
        source=("borkar2025",),
        kind=Kind.EXACT,
        theory=(theory.fixation_probability, theory.linear_functional_variance),
        simulation="Normal points resampled until one is left; categorical chains.",
        checks=(
            Computed(
                label="linear systems of single categories",
                predict=lambda p, n: theory.fixation_probability(p),
                other=lambda p, n: [two_types.absorbed(n, x)[0] for x in p],
                cases=({"p": (0.5, 0.3, 0.2), "n": 15}, {"p": (0.99, 0.009, 0.001), "n": 100}),
                rtol=1e-10,
            ),
            Distributed(
                label="place of the last point, normal truth",
                predict=_normal,
                draw=_place,
                cases=({"n": 10}, {"n": 5}),
                size=40000,
                mutants={"variance of the first sample": _wider},
            ),
            Sampled(
                label="martingale: mean frequency",
                predict=lambda p, n, t: p[0],
                draw=lambda size, rng, p, n, t: at(Categorical(p), Replace(n=n), t, size, rng, _of_first),
                bounds=(0.0, 1.0),
                cases=({"p": (0.5, 0.3, 0.2), "n": 20, "t": 10}, {"p": (0.4, 0.6), "n": 10, "t": 5}),
                size=20000,
            ),
            Sampled(
                label="which category is left",
                predict=lambda p, n: theory.fixation_probability(p),
                draw=lambda size, rng, p, n: two_types.one_hot(two_types.times_left(size, rng, p, n)[1], len(p)),
                cases=({"p": (0.5, 0.3, 0.2), "n": 10}, {"p": (0.8, 0.2), "n": 30}),
                size=20000,
                mutants={"the most probable": lambda p, n: np.arange(len(p)) == np.argmax(p)},
            ),
        ),
        second={"law_of_the_dirac": lambda n, p: theory.fixation_probability(p)},
        tags=("categorical", "absorption"),
    ),
)
