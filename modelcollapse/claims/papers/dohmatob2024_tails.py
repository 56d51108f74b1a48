r"""Dohmatob et al. (2024), A Tale of Tails: what a learner that remembers loses with the tail of Zipf's law.

Types of frequency :math:`p_i \propto i^{-\beta}`; a type is answered rightly once it has been seen. The paper gives
orders: of clean data, of a tail cut at rank k, of data that another memoriser made, of mixtures. The sums behind the
orders are exact here, with constants. Checked by drawing tokens, by brute force over finitely many types, by limits.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind

#: tokens of one block of chains
BUDGET = 2_000_000
WIDE = tuple(np.geomspace(1e2, 1e13, 120))


def exponent(beta):
    """Return c of clean data."""
    return 1 - 1 / beta


def _zeta(beta):
    from scipy.special import zeta

    return float(zeta(beta))


def _law(beta, types):
    p = np.arange(1.0, types + 1) ** -beta
    return p / p.sum()


def _miss(p, q, n):
    """Sum of p (1 - q)^n, by brute force."""
    with np.errstate(divide="ignore"):
        return math.fsum(p * np.exp(n * np.log1p(-q)))


def blockwise(draw, size, tokens):
    """Concatenate ``draw(count)`` over blocks of replicates that have `tokens` tokens each."""
    step = max(1, BUDGET // tokens)
    return np.concatenate([draw(min(step, size - done)) for done in range(0, size, step)])


def missing(seen, rng, beta):
    """Is one fresh token per replicate missing from what was seen?"""
    return (seen != rng.zipf(beta, len(seen))[:, None]).all(axis=1)


def _clean_program(size, rng, beta, n):
    return blockwise(lambda count: missing(rng.zipf(beta, (count, n)), rng, beta), size, n)


def _cut_program(size, rng, beta, n, cut, real=0.0):
    """Draw tokens, draw those beyond the cut again unless they are clean data."""

    def draw(count):
        tokens = rng.zipf(beta, (count, n))
        clean = rng.random((count, n)) < real
        while (bad := ~clean & (tokens > cut)).any():
            tokens[bad] = rng.zipf(beta, bad.sum())
        return missing(tokens, rng, beta)

    return blockwise(draw, size, n)


def chain_program(size, rng, beta, pool, t, n=None):
    """Draw a pool, t - 1 pools from the last one each, and the n tokens of a learner if there is one."""

    def draw(count):
        tokens = rng.zipf(beta, (count, pool))
        for _ in range(t - 1):
            tokens = np.take_along_axis(tokens, rng.integers(pool, size=(count, pool)), axis=1)
        if n is not None:
            tokens = np.take_along_axis(tokens, rng.integers(pool, size=(count, n)), axis=1)
        return missing(tokens, rng, beta)

    return blockwise(draw, size, pool)


def _generated_brute(beta, n, pool, types):
    from scipy.stats import binom

    p, x = _law(beta, types), np.arange(pool + 1)
    return math.fsum(p * (binom.pmf(x, pool, p[:, None]) @ (1 - x / pool) ** n))


CLAIMS = (
    Claim(
        id="tails-clean",
        title="A memoriser of Zipf's law learns with the exponent 1 - 1/beta",
        statement=(
            "On n clean draws from Zipf's law the test error of a learner that remembers is the missing mass; it falls "
            "like a constant times n^-(1 - 1/beta), the constant being that of the normalised law."
        ),
        formula=(
            r"E = \sum_i p_i(1-p_i)^n \sim \frac{\Gamma(1-1/\beta)}\beta\,\zeta(\beta)^{-1/\beta}\,n^{-(1-1/\beta)}, "
            r"\qquad p_i = \frac{i^{-\beta}}{\zeta(\beta)}"
        ),
        assumptions="beta > 1, infinitely many types, deterministic labels.",
        source=("dohmatob2024", "hutter2021"),
        locus="section 2 (order); constant derived",
        kind=Kind.EXACT,
        theory=(theory.memoriser_error, theory.memoriser_error_asymptotic),
        simulation="n tokens and a fresh one: is it new?",
        checks=(
            Computed(
                label="finitely many types, by brute force",
                predict=lambda beta, n, types: theory.memoriser_error(beta, n, types=types),
                other=lambda beta, n, types: _miss(_law(beta, types), _law(beta, types), n),
                cases=(
                    {"beta": 1.5, "n": 1000, "types": 10**5},
                    {"beta": 1.05, "n": 37, "types": 10**6},
                    {"beta": 3.0, "n": 10**6, "types": 2000},
                ),
                rtol=1e-10,
            ),
            Limit(
                label="the power law with its constant",
                value=lambda n, beta: theory.memoriser_error(beta, n),
                asymptote=lambda n, beta: theory.memoriser_error_asymptotic(beta, n),
                along=(1e4, 2e4, 4e4, 8e4),
                remainder=lambda n: 1 / n,
                cases=({"beta": 1.5}, {"beta": 1.1}, {"beta": 3.0}),
                mutants={
                    "law not normalised": lambda n, beta: (
                        theory.memoriser_error_asymptotic(beta, n) * _zeta(beta) ** (1 / beta)
                    )
                },
            ),
            Sampled(
                label="missing mass of n tokens",
                predict=lambda beta, n: theory.memoriser_error(beta, n),
                draw=_clean_program,
                cases=({"beta": 1.5, "n": 8}, {"beta": 1.5, "n": 100}, {"beta": 2.5, "n": 20}),
                size=60000,
                mutants={"exponent of a steeper law": lambda beta, n: theory.memoriser_error(beta + 0.1, n)},
            ),
        ),
        second={
            "clean_error": lambda beta, draws: theory.memoriser_error(beta, draws),
            "clean_error_few_draws": lambda beta, draws: theory.memoriser_error(beta, draws),
            "clean_error_asymptotic": lambda beta, draws: theory.memoriser_error_asymptotic(beta, draws),
        },
        tags=("scaling", "zipf"),
    ),
    Claim(
        id="tails-cut-double-law",
        title="A cut tail is a floor: the double scaling law",
        statement=(
            "On data whose tail is cut at rank k the error falls to a floor, the mass beyond k. Its order is the sum "
            "of a power of n and one of k; with constants the sum is at least the error and at most twice it."
        ),
        formula=(
            r"E = \sum_{i\le k}p_i(1-q_i)^n + \frac{\zeta(\beta,k+1)}{\zeta(\beta)} \asymp n^{-c} + k^{-(\beta-1)}, "
            r"\qquad E \le Cn^{-c} + \frac{k^{1-\beta}}{(\beta-1)\zeta(\beta)} \le 2E\,(1+o(1))"
        ),
        assumptions="q = p restricted to the first k types and normalised; c = 1 - 1/beta.",
        source=("dohmatob2024",),
        locus="Theorem 2.1 (order); sum and constants derived",
        kind=Kind.EXACT,
        theory=(
            theory.memoriser_error_cut,
            theory.memoriser_error_cut_asymptotic,
            theory.double_law,
            theory.zipf_tail_mass,
        ),
        simulation="n tokens, drawn again while they are beyond the cut; is a fresh one new?",
        checks=(
            Computed(
                label="finitely many types, by brute force",
                predict=lambda beta, n, cut, types: theory.memoriser_error_cut(beta, n, cut=cut, types=types),
                other=lambda beta, n, cut, types: _cut_brute(beta, n, cut, types),
                cases=(
                    {"beta": 1.5, "n": 10**4, "cut": 1000, "types": 10**5},
                    {"beta": 1.2, "n": 50, "cut": 3, "types": 10**4},
                    {"beta": 2.0, "n": 10**7, "cut": 500, "types": 10**6},
                ),
                rtol=1e-10,
                mutants={"not cut": lambda beta, n, cut, types: theory.memoriser_error(beta, n, types=types)},
            ),
            Limit(
                label="the floor as a power of k",
                value=lambda k, beta: theory.zipf_tail_mass(beta, int(k)),
                asymptote=lambda k, beta: k ** (1 - beta) / ((beta - 1) * _zeta(beta)),
                along=(100, 200, 400, 800, 1600),
                remainder=lambda k: 1 / k,
                name="k",
                cases=({"beta": 1.5}, {"beta": 1.1}, {"beta": 4.0}),
            ),
            Ordered(
                label="the sum of the two terms is enough",
                lower=lambda beta, cut: theory.memoriser_error_cut(beta, np.array(WIDE), cut=cut),
                upper=lambda beta, cut: theory.double_law(beta, np.array(WIDE), cut),
                bound="upper",
                cases=({"beta": 1.5, "cut": 1000}, {"beta": 1.1, "cut": 1000}, {"beta": 3.0, "cut": 300}),
                mutants={
                    "floor alone": lambda beta, cut: theory.zipf_tail_mass(beta, cut),
                    "power law alone": lambda beta, cut: theory.memoriser_error_asymptotic(beta, np.array(WIDE)),
                },
            ),
            Ordered(
                label="and half of it is less than the error",
                lower=lambda beta, cut: theory.double_law(beta, np.array(WIDE), cut) / 2,
                upper=lambda beta, cut: theory.memoriser_error_cut(beta, np.array(WIDE), cut=cut),
                bound="lower",
                cases=({"beta": 1.5, "cut": 1000}, {"beta": 1.1, "cut": 1000}, {"beta": 3.0, "cut": 300}),
                mutants={"all of it": lambda beta, cut: theory.double_law(beta, np.array(WIDE), cut)},
            ),
            Sampled(
                label="tokens with a cut tail",
                predict=lambda beta, n, cut: theory.memoriser_error_cut(beta, n, cut=cut),
                draw=_cut_program,
                cases=({"beta": 1.5, "n": 10, "cut": 5}, {"beta": 1.5, "n": 60, "cut": 20}),
                size=40000,
                mutants={"floor alone": lambda beta, n, cut: theory.zipf_tail_mass(beta, cut)},
            ),
        ),
        second={
            "cut_error": lambda beta, draws, cut: theory.memoriser_error_cut(beta, draws, cut=cut),
            "cut_floor": lambda beta, cut: theory.zipf_tail_mass(beta, cut),
            "cut_floor_asymptotic": lambda beta, cut: cut ** (1 - beta) / ((beta - 1) * _zeta(beta)),
            "cut_order": lambda beta, draws, cut: draws ** -exponent(beta) + cut ** (1.0 - beta),
        },
        tags=("scaling", "zipf", "truncation"),
    ),
    Claim(
        id="tails-finite-AI-data",
        title="Data of a finite memoriser have an effective cut",
        statement=(
            "If the training data come from a memoriser that saw n_0 points, the error does not fall below the mass "
            "which that one has missed. Its order is n^-c + n_0^-c, as if the tail were cut at a rank of order "
            "n_0^(1/beta)."
        ),
        formula=(
            r"E = \sum_i p_i\,E\Big[\Big(1-\frac{N_i}{n_0}\Big)^n\Big] \asymp n^{-c} + n_0^{-c}, \qquad "
            r"E \to \sum_i p_i(1-p_i)^{n_0} \quad (n\to\infty)"
        ),
        assumptions="Generator = empirical law of n_0 clean draws; N_i binomial (n_0, p_i).",
        source=("dohmatob2024",),
        locus="Corollary 2.2, Eq. 6 (order); sum derived",
        kind=Kind.EXACT,
        theory=(theory.memoriser_error_generated, theory.memoriser_error),
        simulation="A pool of n_0 tokens, n draws from it; is a fresh token new?",
        checks=(
            Computed(
                label="finitely many types, by brute force",
                predict=lambda beta, n, pool, types: theory.memoriser_error_generated(
                    beta, n, n_generator=pool, types=types
                ),
                other=_generated_brute,
                cases=(
                    {"beta": 1.5, "n": 30, "pool": 20, "types": 1000},
                    {"beta": 1.2, "n": 1000, "pool": 300, "types": 500},
                    {"beta": 3.0, "n": 5, "pool": 200, "types": 300},
                ),
                rtol=1e-10,
                mutants={"clean data": lambda beta, n, pool, types: theory.memoriser_error(beta, n, types=types)},
            ),
            Computed(
                label="very many draws find all that the pool has",
                predict=lambda beta, pool: theory.memoriser_error(beta, pool),
                other=lambda beta, pool: theory.memoriser_error_generated(beta, 1e14, n_generator=pool),
                cases=({"beta": 1.5, "pool": 1000}, {"beta": 1.1, "pool": 3}, {"beta": 3.0, "pool": 10**6}),
                mutants={"one point less": lambda beta, pool: theory.memoriser_error(beta, pool - 1)},
            ),
            Ordered(
                label="the order, from above",
                lower=lambda beta, pool: theory.memoriser_error_generated(beta, np.array(WIDE), n_generator=pool),
                upper=lambda beta, pool: (
                    theory.memoriser_error_asymptotic(beta, np.array(WIDE))
                    + theory.memoriser_error_asymptotic(beta, pool)
                ),
                bound="upper",
                cases=({"beta": 1.5, "pool": 1000}, {"beta": 3.0, "pool": 300}),
            ),
            Ordered(
                label="the order, from below",
                lower=lambda beta, pool: (
                    (
                        theory.memoriser_error_asymptotic(beta, np.array(WIDE))
                        + theory.memoriser_error_asymptotic(beta, pool)
                    )
                    / 2
                ),
                upper=lambda beta, pool: theory.memoriser_error_generated(beta, np.array(WIDE), n_generator=pool),
                bound="lower",
                cases=({"beta": 1.5, "pool": 1000}, {"beta": 3.0, "pool": 300}),
            ),
            Limit(
                label="a cut at n_0^(1/beta) loses as much, but for a constant",
                value=lambda k, beta: theory.memoriser_error(beta, k**beta) / theory.zipf_tail_mass(beta, int(k)),
                asymptote=lambda k, beta: math.gamma(exponent(beta)) * exponent(beta) * _zeta(beta) ** exponent(beta),
                along=(100, 200, 400, 800, 1600),
                remainder=lambda k: 1 / k,
                name="k",
                cases=({"beta": 1.5}, {"beta": 2.5}),
            ),
            Sampled(
                label="tokens drawn from a pool of tokens",
                predict=lambda beta, n, pool: theory.memoriser_error_generated(beta, n, n_generator=pool),
                draw=lambda size, rng, beta, n, pool: chain_program(size, rng, beta, pool, 1, n),
                cases=({"beta": 1.5, "n": 8, "pool": 8}, {"beta": 1.5, "n": 30, "pool": 60}),
                size=40000,
                mutants={
                    "clean data": lambda beta, n, pool: theory.memoriser_error(beta, n),
                    "all of the pool": lambda beta, n, pool: theory.memoriser_error(beta, pool),
                },
            ),
        ),
        second={
            "finite_pool_error": lambda beta, draws, pool: theory.memoriser_error_generated(
                beta, draws, n_generator=pool
            ),
            "finite_pool_limit": lambda beta, pool: theory.memoriser_error(beta, pool),
            "finite_pool_order": lambda beta, draws, pool: draws ** -exponent(beta) + pool ** -exponent(beta),
            "finite_pool_effective_cut": lambda beta, pool: pool ** (1 / beta),
        },
        tags=("scaling", "zipf"),
    ),
    Claim(
        id="tails-mixing-grokking",
        title="A little clean data: a plateau, then a second decay",
        statement=(
            "With a share of clean data among data whose tail is cut at k, the error stays near the floor of the cut "
            "until n is of order k^beta over the share, and then falls again, like clean data of share times n."
        ),
        formula=(
            r"E = \sum_i p_i(1-q_i)^n, \quad q_i = \pi p_i + (1-\pi)\frac{p_i\mathbf 1\{i\le k\}}{P(\le k)}; \qquad E "
            r"\approx \frac{k^{1-\beta}}{(\beta-1)\zeta(\beta)} \ \Big(k^\beta \ll n \ll \frac{k^\beta}\pi\Big), "
            r"\qquad E \sim C(\pi n)^{-c} \ \Big(n \gg \frac{k^\beta}\pi\Big)"
        ),
        assumptions="Every point is clean with probability pi, independently.",
        source=("dohmatob2024",),
        locus="Theorem 3.2 (order); sum and constants derived",
        kind=Kind.EXACT,
        theory=(theory.memoriser_error_cut, theory.memoriser_error_cut_asymptotic, theory.plateau_sizes),
        simulation="n tokens, the unclean ones drawn again while they are beyond the cut; is a fresh one new?",
        checks=(
            Computed(
                label="finitely many types, by brute force",
                predict=lambda beta, n, cut, real, types: theory.memoriser_error_cut(
                    beta, n, cut=cut, real_fraction=real, types=types
                ),
                other=lambda beta, n, cut, real, types: _cut_brute(beta, n, cut, types, real),
                cases=(
                    {"beta": 1.5, "n": 10**5, "cut": 500, "real": 0.02, "types": 10**6},
                    {"beta": 1.3, "n": 100, "cut": 4, "real": 0.3, "types": 10**4},
                ),
                rtol=1e-10,
                mutants={
                    "shares swapped": lambda beta, n, cut, real, types: theory.memoriser_error_cut(
                        beta, n, cut=cut, real_fraction=1 - real, types=types
                    )
                },
            ),
            Limit(
                label="the plateau is the floor (pi = k^-2, n = k^(beta+1))",
                value=lambda k, beta: theory.memoriser_error_cut(
                    beta, k ** (beta + 1), cut=int(k), real_fraction=k**-2.0
                ),
                asymptote=lambda k, beta: k ** (1 - beta) / ((beta - 1) * _zeta(beta)),
                along=(100, 200, 400, 800, 1600, 3200),
                remainder=lambda k: 1 / k,
                name="k",
                cases=({"beta": 1.5}, {"beta": 2.5}),
            ),
            Limit(
                label="the second decay",
                value=lambda n, beta, cut, real: theory.memoriser_error_cut(beta, n, cut=cut, real_fraction=real),
                asymptote=lambda n, beta, cut, real: theory.memoriser_error_asymptotic(beta, real * n),
                along=(4e5, 8e5, 1.6e6, 3.2e6),
                remainder=lambda n: 1 / n,
                cases=({"beta": 1.5, "cut": 20, "real": 0.02}, {"beta": 2.5, "cut": 5, "real": 0.1}),
                mutants={"clean data": lambda n, beta, cut, real: theory.memoriser_error_asymptotic(beta, n)},
            ),
            Sampled(
                label="tokens, some of them clean",
                predict=lambda beta, n, cut, real: theory.memoriser_error_cut(beta, n, cut=cut, real_fraction=real),
                draw=_cut_program,
                cases=(
                    {"beta": 1.5, "n": 20, "cut": 3, "real": 0.3},
                    {"beta": 1.5, "n": 300, "cut": 5, "real": 0.05},
                ),
                size=20000,
                mutants={
                    "floor": lambda beta, n, cut, real: theory.zipf_tail_mass(beta, cut),
                    "clean": lambda beta, n, cut, real: theory.memoriser_error(beta, n),
                },
            ),
        ),
        second={
            "mixed_error": lambda beta, draws, cut, clean: theory.memoriser_error_cut(
                beta, draws, cut=cut, real_fraction=clean
            ),
            "grokking_draws_order": lambda beta, cut, clean: cut**beta / clean,
        },
        tags=("scaling", "zipf", "truncation", "real data"),
    ),
)


def _cut_brute(beta, n, cut, types, real=0.0):
    p = _law(beta, types)
    q = real * p
    q[:cut] += (1 - real) * p[:cut] / p[:cut].sum()
    return _miss(p, q, n)
