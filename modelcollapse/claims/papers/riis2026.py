"""Riis (2026), Drift and selection in LLM text ecosystems: reuse of n-grams is drift.

At every step a random fraction alpha of a corpus of M tokens is replaced by draws from the corpus as it was. Types win
in proportion to their count, whatever alpha is, and drift as in a loop of M/(alpha (2 - alpha)) samples. The one-step
variance that is quoted belongs to another scheme (ERR-9). Checked by the exact law of one step and by replaying it.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims import two_types
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.verify import Status


def _step(tokens, replaced):
    """From counts to counts of one type: tokens that stay, and draws with replacement from the old corpus."""
    from scipy.stats import hypergeom

    out = np.zeros((tokens + 1, tokens + 1))
    kept = np.arange(tokens - replaced + 1)
    for k in range(tokens + 1):
        stay = hypergeom.pmf(kept, tokens, k, tokens - replaced)
        out[k] = np.convolve(stay, two_types.binomial(replaced, k / tokens))
    return out


def _wins(tokens, replaced):
    """Probability that a type wins, from every count, by a linear system."""
    step = _step(tokens, replaced)
    return np.linalg.solve(np.eye(tokens - 1) - step[1:tokens, 1:tokens], step[1:tokens, tokens])


def _variance(tokens, replaced, count):
    """Variance of the frequency after one step, by the law of the step."""
    x = np.arange(tokens + 1) / tokens
    return _step(tokens, replaced)[count] @ (x - count / tokens) ** 2


def _corrected(tokens, replaced, count):
    return theory.partial_replacement_variance(count / tokens, tokens, replaced / tokens)


def _printed(tokens, replaced, count):
    alpha, mu = replaced / tokens, count / tokens
    return alpha**2 * mu * (1 - mu) / tokens


def _variance_of_mixture(tokens, replaced, count):
    """Of (1 - alpha) mu + alpha times the share in M draws: every token is replaced by alpha of itself."""
    alpha, mu = replaced / tokens, count / tokens
    move = alpha * (np.arange(tokens + 1) / tokens - mu)
    return two_types.binomial(tokens, mu) @ move**2


def _reused(size, rng, tokens, replaced, count):
    """One step, token by token: which places are replaced, and by copies of which."""
    out = np.empty(size)
    for done in range(0, size, 2000):
        m = min(2000, size - done)
        corpus = np.tile(np.arange(tokens) < count, (m, 1))
        copies = np.take_along_axis(corpus, rng.integers(0, tokens, (m, tokens)), axis=1)
        places = rng.random((m, tokens)).argsort(axis=1).argsort(axis=1) < replaced
        out[done : done + m] = np.where(places, copies, corpus).mean(axis=1)
    return out


def _squared_move(size, rng, tokens, replaced, count):
    return (_reused(size, rng, tokens, replaced, count) - count / tokens) ** 2


def _sd_of_square(tokens, replaced, count):
    """Standard deviation of a squared move, by the law of the step."""
    move = (np.arange(tokens + 1) - count) / tokens
    law = _step(tokens, replaced)[count]
    return math.sqrt(law @ move**4 - (law @ move**2) ** 2)


def _winners(size, rng, tokens, replaced, count):
    """Steps until a type is lost or has everything: has it?"""
    x, won, running = np.full(size, count), np.zeros(size, bool), np.arange(size)
    while len(running):
        stay = rng.hypergeometric(x, tokens - x, tokens - replaced) if replaced < tokens else 0
        x = stay + rng.binomial(replaced, x / tokens)
        done = (x == 0) | (x == tokens)
        won[running[done]] = x[done] == tokens
        running, x = running[~done], x[~done]
    return won


def _heterozygosity_later(tokens, replaced, count, t):
    x = np.arange(tokens + 1) / tokens
    return np.linalg.matrix_power(_step(tokens, replaced), t)[count] @ (2 * x * (1 - x))


def _kept(tokens, replaced, count, t):
    mu = count / tokens
    F = theory.inbreeding_partial(tokens, replaced / tokens, t, reference="corpus")
    return 2 * mu * (1 - mu) * (1 - F)


def _selection_bits(choices, length, types):
    """Divergence of a text of tokens from the law of one token each, the best of s candidates by a fixed ranking."""
    edges = np.arange(types + 1) / types
    selected = np.diff(edges**choices)
    there = selected > 0
    return length * float((selected[there] * np.log2(selected[there] * types)).sum())


CLAIMS = (
    Claim(
        id="RIIS-T1",
        title="Reuse of a fraction alpha of a corpus is drift with N_e = M/(2 alpha (2 - alpha))",
        statement=(
            "If a random fraction alpha of M tokens is replaced by draws from the corpus at every step, a type with k "
            "tokens takes over with probability k/M, whatever alpha; heterozygosity falls as in a diploid population "
            "of M/(2 alpha (2 - alpha)); a single token is lost in a step with probability about alpha exp(-alpha). "
            "Selecting each of L tokens among s candidates moves the law of a text by at most L log2(s) bits."
        ),
        formula=(
            r"P(\text{fix}) = \frac kM, \qquad N_e = \frac M{2\alpha(2-\alpha)}, \qquad "
            r"P(\text{drop-out}) \approx \alpha e^{-\alpha}, \qquad KL \le L\log_2 s"
        ),
        assumptions="Tokens to be replaced are all different, new ones are drawn with replacement from the old corpus.",
        source=("riis2026",),
        kind=Kind.EXACT,
        theory=(
            theory.fixation_probability,
            theory.effective_size_partial,
            theory.inbreeding_partial,
            theory.singleton_dropout,
            theory.partial_replacement_variance,
        ),
        simulation="Corpora replayed token by token, and the count of one type until it is lost or has won.",
        checks=(
            Computed(
                label="who wins, by a linear system, at every count",
                predict=lambda tokens, replaced: np.arange(1, tokens) / tokens,
                other=_wins,
                cases=({"tokens": 12, "replaced": 3}, {"tokens": 30, "replaced": 30}, {"tokens": 25, "replaced": 1}),
                rtol=1e-9,
                mutants={"everyone alike": lambda tokens, replaced: np.full(tokens - 1, 0.5)},
            ),
            Computed(
                label="heterozygosity after t steps, by the chain",
                predict=_kept,
                other=_heterozygosity_later,
                cases=(
                    {"tokens": 40, "replaced": 10, "count": 12, "t": 1},
                    {"tokens": 30, "replaced": 15, "count": 3, "t": 25},
                ),
                rtol=1e-10,
                mutants={
                    "rate alpha^2/M": lambda tokens, replaced, count, t: (
                        2 * count * (tokens - count) / tokens**2 * (1 - (replaced / tokens) ** 2 / tokens) ** t
                    )
                },
            ),
            Computed(
                label="drop-out of a single token, by the law of a step",
                predict=lambda tokens, replaced: theory.singleton_dropout(replaced / tokens, tokens),
                other=lambda tokens, replaced: _step(tokens, replaced)[1, 0],
                cases=({"tokens": 20, "replaced": 5}, {"tokens": 60, "replaced": 60}),
                rtol=1e-10,
            ),
            Limit(
                label="exact size over M/(2 alpha (2 - alpha))",
                value=lambda tokens, alpha: theory.effective_size_partial(tokens, alpha, diploid=True),
                asymptote=lambda tokens, alpha: tokens / (2 * alpha * (2 - alpha)),
                along=(40, 80, 160, 320, 640),
                remainder=lambda tokens: 1 / tokens,
                name="M",
                cases=({"alpha": 0.25}, {"alpha": 0.5}),
                mutants={"M/(2 alpha^2)": lambda tokens, alpha: tokens / (2 * alpha**2)},
            ),
            Limit(
                label="exact drop-out over alpha exp(-alpha)",
                value=lambda tokens, alpha: theory.singleton_dropout(alpha, tokens),
                asymptote=lambda tokens, alpha: alpha * math.exp(-alpha),
                along=(40, 80, 160, 320, 640),
                remainder=lambda tokens: 1 / tokens,
                name="M",
                cases=({"alpha": 0.25}, {"alpha": 0.75}),
                mutants={"exp(-alpha)": lambda tokens, alpha: math.exp(-alpha)},
            ),
            Sampled(
                label="who wins",
                predict=lambda tokens, replaced, count: count / tokens,
                draw=_winners,
                cases=(
                    {"tokens": 20, "replaced": 5, "count": 6},
                    {"tokens": 12, "replaced": 9, "count": 4},
                ),
                size=60000,
                mutants={"one half": lambda tokens, replaced, count: 0.5},
            ),
            Ordered(
                label="divergence of selected texts, L log2(s) at most",
                lower=lambda choices, length: _selection_bits(choices, length, 10**6),
                upper=lambda choices, length: length * math.log2(choices),
                bound="upper",
                cases=({"choices": 1000, "length": 20}, {"choices": 2, "length": 5}),
                mutants={"half of it": lambda choices, length: length * math.log2(choices) / 2},
            ),
        ),
        second={
            "reuse_fixation": lambda tokens, replaced, count: theory.fixation_probability(
                [count / tokens, 1 - count / tokens]
            )[0],
            "reuse_one_step_variance": _corrected,
            "reuse_one_step_variance_as_printed": _printed,
            "reuse_effective_size": lambda tokens, alpha: theory.effective_size_partial(
                tokens, alpha, exact=False, diploid=True
            ),
            "reuse_one_step_rate": lambda tokens, alpha: 1 / theory.effective_size_partial(tokens, alpha, exact=False),
            "singleton_drop_out": lambda alpha: theory.singleton_dropout(alpha),
            "singleton_drop_out_exact": lambda tokens, replaced: theory.singleton_dropout(replaced / tokens, tokens),
        },
        remark=(
            "The table of retained vocabulary for Darwin, Doyle and Austen needs their texts and is not replayed. The "
            "one-step variance is ERR-9."
        ),
        tags=("categorical", "language", "drift"),
    ),
    Claim(
        id="ERR-9",
        title="Riis: the quoted one-step variance is that of a deterministic mixture",
        statement="In one step of random replacement a frequency mu gets the variance alpha^2 mu (1 - mu)/M.",
        formula=r"\mathrm{Var}(\mu_1) = \frac{\alpha^2\mu(1-\mu)}M",
        assumptions="Random replacement of a fraction alpha of M tokens by draws from the old corpus.",
        source=("riis2026",),
        kind=Kind.CORRECTION,
        theory=(theory.partial_replacement_variance, theory.effective_size_partial),
        simulation="One step of replacement, token by token.",
        checks=(
            Computed(
                label="as printed, by the law of a step",
                predict=_printed,
                other=_variance,
                cases=({"tokens": 60, "replaced": 30, "count": 30}, {"tokens": 40, "replaced": 4, "count": 3}),
            ),
            Sampled(
                label="as printed, mean squared move",
                predict=_printed,
                draw=_squared_move,
                sd=_sd_of_square,
                cases=({"tokens": 20, "replaced": 5, "count": 10},),
                size=60000,
            ),
        ),
        printed="The variance of one step is alpha^2 mu (1 - mu)/M.",
        holds=(
            "Random replacement has mu (1 - mu)[alpha/M + alpha (1 - alpha)/(M - 1)], about alpha (2 - alpha) mu "
            "(1 - mu)/M. The printed one is the variance of (1 - alpha) mu + alpha times the share in M draws, a "
            "mixture without chance in what stays."
        ),
        correction=(
            Computed(
                label="corrected, by the law of a step",
                predict=_corrected,
                other=_variance,
                cases=(
                    {"tokens": 60, "replaced": 30, "count": 30},
                    {"tokens": 40, "replaced": 4, "count": 3},
                    {"tokens": 25, "replaced": 25, "count": 5},
                ),
                rtol=1e-10,
                mutants={"as printed": _printed},
            ),
            Computed(
                label="the printed one, for the deterministic mixture",
                predict=_printed,
                other=_variance_of_mixture,
                cases=({"tokens": 60, "replaced": 30, "count": 30}, {"tokens": 40, "replaced": 4, "count": 3}),
                rtol=1e-10,
            ),
            Limit(
                label="corrected over alpha (2 - alpha)/M",
                value=lambda tokens, alpha: theory.partial_replacement_variance(0.5, tokens, alpha),
                asymptote=lambda tokens, alpha: alpha * (2 - alpha) / (4 * tokens),
                along=(40, 80, 160, 320, 640),
                remainder=lambda tokens: 1 / tokens,
                name="M",
                cases=({"alpha": 0.25}, {"alpha": 0.5}),
                mutants={"as printed": lambda tokens, alpha: alpha**2 / (4 * tokens)},
            ),
            Sampled(
                label="corrected, mean squared move",
                predict=_corrected,
                draw=_squared_move,
                sd=_sd_of_square,
                cases=({"tokens": 20, "replaced": 5, "count": 10}, {"tokens": 30, "replaced": 10, "count": 6}),
                size=60000,
                mutants={"as printed": _printed},
            ),
        ),
        expected=Status.CONTRADICTED,
        tags=("categorical", "language", "drift", "erratum"),
    ),
)
