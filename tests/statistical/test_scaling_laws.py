"""Tails through generations, and loops at a temperature next to the critical fraction: chains against theory."""

import numpy as np
import pytest
from scipy import stats

from modelcollapse import theory
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_binomial, pvalue_counts

BETA = 1.5


# ------------------------------------------------------------------------------------------------- tails


def missed(size, rng, *, beta=BETA, n0=8, generations=4, n=None, replace=True, real=0):
    """One fresh token per replicate: is it missing from the last generation, or from n tokens drawn from it?"""
    tokens = rng.zipf(beta, size=(size, n0))
    keep = tokens[:, :real]
    for _ in range(generations - 1):
        if replace:
            tokens = np.take_along_axis(tokens, rng.integers(n0, size=(size, n0)), axis=1)
        else:
            tokens = rng.permuted(tokens, axis=1)
        tokens[:, :real] = keep
    if n is not None:
        tokens = np.take_along_axis(tokens, rng.integers(n0, size=(size, n)), axis=1)
    return (tokens != rng.zipf(beta, size=size)[:, None]).all(axis=1)


@pytest.mark.parametrize("n", [None, 12], ids=["lost mass", "a learner of 12 points"])
def test_tails_through_generations(n):
    n0, T = 8, 4
    last = {} if n is None else {"n": float(n)}

    def law(error):
        return lambda seen: pvalue_binomial(seen.sum(), len(seen), error)

    known = theory.memoriser_error_generations(BETA, T + 1, n_generator=n0, **last)
    assert_kills(
        lambda size, rng: missed(size, rng, n=n),
        law(known[T]),
        size=40_000,
        mutants={
            "one generation early": lambda size, rng: missed(size, rng, n=n, generations=T - 1),
            "nothing is resampled": lambda size, rng: missed(size, rng, n=n, replace=False),
            "a quarter of the first tokens is kept": lambda size, rng: missed(size, rng, n=n, real=2),
            "a token less": lambda size, rng: missed(size, rng, n=n, n0=n0 - 1),
            "a steeper law": lambda size, rng: missed(size, rng, n=n, beta=1.6),
        },
        wrong={
            "one generation late": law(known[T + 1]),
            "linear in the generations": law(
                min(1.0, float(theory.memoriser_generations_law(BETA, T, n_generator=n0)))
            ),
            "as if n0 were cut to the first fit": law(known[1]),
        },
        formula="sum_i p_i E(1 - N_t / n0)^n",
        source="tails-n-generations, tails-finite-AI-data",
    )


def test_cut_and_mixed_data():
    n, cut, real = 300, 5, 0.2

    def program(size, rng, *, n=n, real=real):
        tokens = rng.zipf(BETA, size=(size, n))
        human = rng.random((size, n)) < real
        while (bad := ~human & (tokens > cut)).any():
            tokens[bad] = rng.zipf(BETA, size=bad.sum())
        return (tokens != rng.zipf(BETA, size=size)[:, None]).all(axis=1)

    def law(error):
        return lambda seen: pvalue_binomial(seen.sum(), len(seen), error)

    assert_kills(
        program,
        law(float(theory.memoriser_error_cut(BETA, n, cut=cut, real_fraction=real))),
        size=3000,
        mutants={
            "no clean data": lambda size, rng: program(size, rng, real=0.0),
            "fractions swapped": lambda size, rng: program(size, rng, real=1 - real),
            "a fifth of the points": lambda size, rng: program(size, rng, n=n // 5),
        },
        wrong={
            "the floor": law(theory.zipf_tail_mass(BETA, cut)),
            "clean data": law(float(theory.memoriser_error(BETA, n))),
        },
        formula="sum_i p_i (1 - q_i)^n",
        source="tails-cut-double-law, tails-mixing-grokking",
    )


# ------------------------------------------------------------------------------------------------- temperature


def batch(p, n, tau, real, rng):
    """n tokens per replicate: human ones uniform, others by the Gumbel trick on logits ln p / tau; their counts."""
    size, K = p.shape
    with np.errstate(divide="ignore"):
        logits = np.log(p) / tau
    noise = rng.gumbel(size=(size, n, K))
    tokens = (logits[:, None, :] + noise).argmax(axis=2)
    human = rng.random((size, n)) < real
    tokens = np.where(human, rng.integers(K, size=(size, n)), tokens)
    return (tokens[:, :, None] == np.arange(K)).sum(axis=1)


def chain(size, rng, *, n, tau, real, generations, K=2):
    counts = rng.multinomial(n, np.full(K, 1 / K), size=size)
    for _ in range(generations - 1):
        counts = batch(counts / n, n, tau, real, rng)
    return counts[:, 0]


def test_two_outcomes_just_below_the_critical_fraction():
    n, tau, real, T = 24, 0.7, 0.25, 3
    assert real < theory.critical_real_fraction(2, tau)[0]
    i = np.arange(n + 1) / n

    def law(tau, real, T=T):
        q = real / 2 + (1 - real) * theory.temperature_map(np.column_stack([i, 1 - i]), tau)[:, 0]
        step = stats.binom.pmf(np.arange(n + 1), n, q[:, None])
        known = stats.binom.pmf(np.arange(n + 1), n, 0.5) @ np.linalg.matrix_power(step, T - 1)
        return lambda k: pvalue_counts(np.bincount(k, minlength=n + 1), known)

    known = {"n": n, "tau": tau, "real": real, "generations": T}

    def program(**changed):
        return lambda size, rng: chain(size, rng, **{**known, **changed})

    assert_kills(
        program(),
        law(tau, real),
        size=4000,
        mutants={
            "temperature inverted": program(tau=1 / tau),
            "no temperature": program(tau=1.0),
            "no human data": program(real=0.0),
            "fractions swapped": program(real=1 - real),
            "one generation early": program(generations=T - 1),
        },
        wrong={"no temperature": law(1.0, real), "one generation late": law(tau, real, T + 1)},
        formula="f / 2 + (1 - f) tau(p)",
        source="MAR, temp-critical-real-fraction",
    )


def test_ten_outcomes_where_two_states_are_stable():
    """One batch from an equilibrium: its counts are binomial with the same share again."""
    K, n, tau, real = 10, 60, 0.5, 0.6
    local, condensed = theory.critical_real_fraction(K, tau)
    assert local < real < condensed
    share, stable = theory.temperature_equilibria(K, tau, real)
    assert stable.tolist() == [True, False, True]

    def program(**changed):
        values = {"a": share[2], "tau": tau, "real": real, **changed}

        def draw(size, rng):
            a = values["a"]
            p = np.tile([a, *[(1 - a) / (K - 1)] * (K - 1)], (size, 1))
            return batch(p, n, values["tau"], values["real"], rng)[:, 0]

        return draw

    def law(a):
        return lambda k: pvalue_binomial(k.sum(), n * len(k), a)

    assert_kills(
        program(),
        law(share[2]),
        size=1000,
        mutants={
            "temperature inverted": program(tau=1 / tau),
            "a little less human data": program(real=real - 0.02),
            "from the unstable equilibrium": program(a=share[1]),
            "from between the two": program(a=share[1:].mean()),
        },
        wrong={
            "the unstable one": law(share[1]),
            "of twelve outcomes": law(theory.temperature_equilibria(12, tau, real)[0][2]),
        },
        formula="a = f / K + (1 - f) A(a)",
        source="temp-critical-real-fraction",
    )
