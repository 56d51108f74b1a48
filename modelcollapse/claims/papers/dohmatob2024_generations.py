r"""Dohmatob et al. (2024), A Tale of Tails: generations of memorisers, random answers, narrowed tails.

Each generation is the empirical law of what was drawn from the one before; the paper's template is linear in their
number, the mechanism is not (ERR-22). Next tokens that are random, and tails narrowed by a temperature, change the
exponent. Checked by drawing tokens, and by sums that are done exactly.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.dohmatob2024_tails import blockwise, chain_program, exponent, missing
from modelcollapse.theory import zipf
from modelcollapse.verify import Status


def _tempered_program(size, rng, beta, n, tau):
    return blockwise(lambda count: missing(rng.zipf(beta / tau, (count, n)), rng, beta), size, n)


def _g(t):
    return float(theory.g_iterates(t)[t])


def _poisson(beta, pool, t):
    """Sum of p_i exp(-p_i T_0 g_t)."""
    load, total = pool * _g(t), zipf.total_mass(beta, 1)
    y, w = zipf.rule(beta, beta, load / total)
    return float(w @ np.exp(-load * y / total)) / total


def _generations(beta, pool, t, **how):
    return float(theory.memoriser_error_generations(beta, t, n_generator=pool, **how)[t])


def _template(beta, draws, pool, t):
    """Return the published template, without constants."""
    return draws ** -exponent(beta) + t * pool ** -exponent(beta)


def _growth(t, beta, pool):
    """Local exponent in t of the lost mass."""
    return math.log2(_poisson(beta, pool, int(2 * t)) / _poisson(beta, pool, int(t)))


@cache
def _coin():
    """Mean error of the frequency of a fair next token after N sightings, in a Poisson mixture; by log of its mean."""
    from scipy.interpolate import CubicSpline
    from scipy.special import gammaln, xlogy

    N = np.arange(1, 4001)
    half = N // 2
    error = np.exp(gammaln(N) - gammaln(half + 1) - gammaln(N - half) - N * math.log(2))
    error = np.concatenate([[0.5], error])
    log_m = np.linspace(math.log(1e-12), math.log(3000), 700)
    m = np.exp(log_m)[:, None]
    N = np.arange(4001)
    return CubicSpline(log_m, np.exp(xlogy(N, m) - m - gammaln(N + 1)) @ error)


def _bigram(beta, draws):
    """Mean total-variation error of a table of next tokens, two equally likely after each token; Poisson numbers."""
    total = zipf.total_mass(beta, 1)
    y, w = zipf.rule(beta, beta, draws / total)
    m = draws * y / total
    far = math.sqrt(1 / (2 * math.pi)) * m**-0.5 * (1 + 1 / (8 * m))
    small = 0.5 - 0.0 * m
    near = _coin()(np.log(np.clip(m, 1e-12, 3000)))
    return float(w @ np.where(m > 2000, far, np.where(m < 1e-12, small, near))) / total


def _bigram_program(size, rng, beta, draws):
    """Draw bigrams; error of the next-token frequency of one fresh token, one half if it was never seen."""

    def draw(count):
        numbers = rng.poisson(draws, count)
        fresh = rng.zipf(beta, count)
        tokens = rng.zipf(beta, (count, numbers.max()))
        seen = ((tokens == fresh[:, None]) & (np.arange(numbers.max()) < numbers[:, None])).sum(axis=1)
        return np.where(seen > 0, np.abs(rng.binomial(seen, 0.5) / np.maximum(seen, 1) - 0.5), 0.5)

    return blockwise(draw, size, 2 * draws)


CLAIMS = (
    Claim(
        id="tails-n-generations",
        title="After t generations of memorisers the lost mass has grown like (t/2)^c",
        statement=(
            "Where every generation is the empirical law of n_0 draws from the one before, the lost mass is that of "
            "clean data of size n_0 g_t, so it grows like (t/2)^c; the published t n_0^-c bounds it from above."
        ),
        formula=(
            r"E_t \approx \sum_i p_i e^{-p_i n_0 g_t} \approx C\,(n_0 g_t)^{-c} \approx C\Big(\frac t{2n_0}\Big)^c, "
            r"\qquad g_{t+1} = 1 - e^{-g_t},\ g_1 = 1"
        ),
        assumptions="t much smaller than n_0 for the approximations; infinitely many types.",
        source=("dohmatob2024",),
        locus="several generations (template); mechanism derived",
        kind=Kind.ASYMPTOTIC,
        theory=(
            theory.memoriser_error_generations,
            theory.memoriser_error_generations_asymptotic,
            theory.memoriser_generations_law,
        ),
        simulation="A pool of n_0 tokens, resampled t - 1 times; is a fresh token new?",
        checks=(
            Limit(
                label="lost mass at n_0 g_t",
                value=lambda pool, beta, t: _generations(beta, int(pool), t),
                asymptote=lambda pool, beta, t: theory.memoriser_error_asymptotic(beta, pool * _g(t)),
                along=(125, 250, 500, 1000, 2000),
                remainder=lambda pool: 1 / pool,
                name="n_0",
                cases=({"beta": 1.5, "t": 10}, {"beta": 1.5, "t": 2}, {"beta": 3.0, "t": 30}),
                mutants={
                    "one generation more": lambda pool, beta, t: theory.memoriser_error_asymptotic(
                        beta, pool * _g(t + 1)
                    ),
                    "linear in t": lambda pool, beta, t: theory.memoriser_error_asymptotic(beta, pool) * t,
                },
            ),
            Ordered(
                label="the linear law is an upper bound",
                lower=lambda beta, pool, last: theory.memoriser_error_generations(beta, last, n_generator=pool)[1:],
                upper=lambda beta, pool, last: theory.memoriser_generations_law(
                    beta, np.arange(1, last + 1), n_generator=pool
                ),
                bound="upper",
                cases=({"beta": 1.5, "pool": 2000, "last": 300}, {"beta": 3.0, "pool": 100, "last": 1000}),
            ),
            Ordered(
                label="the mechanism bounds the exact chain",
                lower=lambda beta, pool, last: theory.memoriser_error_generations(beta, last, n_generator=pool)[1:],
                upper=lambda beta, pool, last: theory.memoriser_error_generations(
                    beta, last, n_generator=pool, method="asymptotic"
                )[1:],
                bound="upper",
                cases=({"beta": 1.5, "pool": 2000, "last": 300}, {"beta": 1.2, "pool": 5, "last": 40}),
            ),
            Sampled(
                label="pools of tokens",
                predict=lambda beta, pool, t: _generations(beta, pool, t),
                draw=chain_program,
                cases=({"beta": 1.5, "pool": 8, "t": 4}, {"beta": 1.5, "pool": 60, "t": 12}),
                size=60000,
                mutants={
                    "linear in t": lambda beta, pool, t: min(
                        1.0, float(theory.memoriser_generations_law(beta, t, n_generator=pool))
                    )
                },
            ),
        ),
        second={
            "lost_mass_poisson": _poisson,
            "lost_mass_asymptotic": lambda beta, pool, t: theory.memoriser_error_asymptotic(beta, pool * _g(t)),
            "lost_mass_exact": _generations,
            "generations_template_as_printed": _template,
        },
        tags=("scaling", "zipf", "replace"),
    ),
    Claim(
        id="tails-triplet-and-bigram",
        title="Random next tokens, narrowed tails, finite memory",
        statement=(
            "A table of next tokens that are random is learnt with the smaller of the exponents 1 - 1/beta and 1/2. "
            "Data drawn at a temperature tau have the tail exponent beta/tau, and are learnt from with exponent tau "
            "c. A finite memory adds a term of its own."
        ),
        formula=(
            r"E \asymp n^{-\min(1-1/\beta,\,1/2)}; \qquad \beta \to \beta/\tau: \ E \sim \frac{\tau\,\Gamma(\tau "
            r"c)}{\beta\,\zeta(\beta)}\Big(\frac{\zeta(\beta/\tau)}n\Big)^{\tau c}; \qquad E \asymp n^{-c} + "
            r"k^{-(\beta-1)} + d^{-c_q}"
        ),
        assumptions="Error of the table in total variation; tau < beta.",
        source=("dohmatob2024",),
        locus="orders of the paper; constant at a temperature derived",
        kind=Kind.ASYMPTOTIC,
        theory=(
            theory.bigram_exponent,
            theory.triplet_law,
            theory.memoriser_error_tempered,
            theory.memoriser_error_tempered_asymptotic,
        ),
        simulation="Bigrams whose next token is one of two, and the error of its frequency; tokens at a temperature.",
        checks=(
            Limit(
                label="exponent of a table of random next tokens",
                value=lambda n, beta: math.log2(_bigram(beta, n) / _bigram(beta, 2 * n)),
                asymptote=lambda n, beta: theory.bigram_exponent(beta),
                along=(1e6, 1e8, 1e10, 1e12, 1e14),
                remainder=lambda n: n**-0.25,
                cases=({"beta": 4.0}, {"beta": 4 / 3}),
                mutants={"the larger of the two": lambda n, beta: max(1 - 1 / beta, 0.5)},
            ),
            Sampled(
                label="tables of random next tokens: the sum behind that exponent",
                predict=_bigram,
                draw=_bigram_program,
                bounds=(0.0, 0.5),
                cases=({"beta": 2.5, "draws": 20}, {"beta": 1.5, "draws": 40}),
                size=30000,
            ),
            Limit(
                label="the power law at a temperature, with its constant",
                value=lambda n, beta, tau: theory.memoriser_error_tempered(beta, n, temperature=tau),
                asymptote=lambda n, beta, tau: theory.memoriser_error_tempered_asymptotic(beta, n, temperature=tau),
                along=(1e6, 2e6, 4e6, 8e6),
                remainder=lambda n: 1 / n,
                cases=({"beta": 1.5, "tau": 0.5}, {"beta": 2.5, "tau": 1.3}),
                mutants={"no temperature": lambda n, beta, tau: theory.memoriser_error_asymptotic(beta, n)},
            ),
            Sampled(
                label="tokens at a temperature",
                predict=lambda beta, n, tau: theory.memoriser_error_tempered(beta, n, temperature=tau),
                draw=_tempered_program,
                cases=({"beta": 1.5, "n": 30, "tau": 0.5}, {"beta": 2.5, "n": 8, "tau": 1.5}),
                size=60000,
                mutants={"no temperature": lambda beta, n, tau: theory.memoriser_error(beta, n)},
            ),
        ),
        second={
            "bigram_exponent": lambda beta: theory.bigram_exponent(beta),
            "narrowed_exponent": lambda beta, tau: beta / tau,
        },
        remark="The capacity term of the triplet law has an exponent that depends on the memory; it is not checked.",
        tags=("scaling", "zipf", "temperature"),
    ),
    Claim(
        id="ERR-22",
        title="Neither linear in the generations nor a sum at the crossover",
        statement=(
            "The error of t generations is of the order n^-c + t n_0^-c, and that of a cut tail is the sum of a power "
            "of n and a power of k."
        ),
        formula=r"E_t \asymp n^{-c} + t\,n_0^{-c}, \qquad E = Cn^{-c} + \frac{k^{1-\beta}}{(\beta-1)\zeta(\beta)}",
        assumptions="Memorisers on Zipf's law; each generation resamples the one before.",
        source=("dohmatob2024", "modelcollapse"),
        locus="generations template; Theorem 2.1 read as an equality",
        kind=Kind.CORRECTION,
        theory=(theory.memoriser_error_generations, theory.memoriser_generations_law, theory.double_law),
        simulation="Chains of memorisers.",
        printed="Lost mass linear in the number of generations; the double law as a sum of two terms.",
        holds=(
            "Linear growth is an upper bound (a union bound over generations); under resampling the loss grows like "
            "(t/2)^c. The sum in the double law is an order: right at both ends, too large by up to a factor 2 between."
        ),
        checks=(
            Limit(
                label="growth exponent in t is 1",
                value=lambda t, beta: _growth(t, beta, 10**9),
                asymptote=lambda t, beta: 1.0,
                along=(16, 64, 256, 1024, 4096),
                remainder=lambda t: math.log(t) / t,
                name="t",
                cases=({"beta": 1.5}, {"beta": 3.0}),
            ),
            Computed(
                label="the double law as an equality",
                predict=lambda beta, n, cut: theory.double_law(beta, n, cut),
                other=lambda beta, n, cut: theory.memoriser_error_cut(beta, n, cut=cut),
                cases=({"beta": 1.5, "n": 50_000, "cut": 1000}, {"beta": 3.0, "n": 2 * 10**7, "cut": 300}),
                rtol=0.02,
            ),
        ),
        correction=(
            Limit(
                label="growth exponent in t is c",
                value=lambda t, beta: _growth(t, beta, 10**9),
                asymptote=lambda t, beta: exponent(beta),
                along=(16, 64, 256, 1024, 4096),
                remainder=lambda t: math.log(t) / t,
                name="t",
                cases=({"beta": 1.5}, {"beta": 3.0}),
                mutants={"linear": lambda t, beta: 1.0},
            ),
            Limit(
                label="one law over the crossover (n = k^beta / 2)",
                value=lambda k, beta: theory.memoriser_error_cut(beta, k**beta / 2, cut=int(k)),
                asymptote=lambda k, beta: theory.memoriser_error_cut_asymptotic(beta, k**beta / 2, cut=int(k)),
                along=(50, 100, 200, 400, 800),
                remainder=lambda k: k**-2.0,
                name="k",
                cases=({"beta": 2.0}, {"beta": 3.0}),
                mutants={"the sum": lambda k, beta: theory.double_law(beta, k**beta / 2, k)},
            ),
            Sampled(
                label="pools of tokens",
                predict=lambda beta, pool, t: _generations(beta, pool, t),
                draw=chain_program,
                cases=({"beta": 1.5, "pool": 30, "t": 10},),
                size=60000,
                mutants={
                    "linear in t": lambda beta, pool, t: min(
                        1.0, float(theory.memoriser_generations_law(beta, t, n_generator=pool))
                    )
                },
            ),
        ),
        expected=Status.CONTRADICTED,
        tags=("scaling", "zipf", "erratum"),
    ),
)
