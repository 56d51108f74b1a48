r"""Guo et al. (2024): the curious decline of linguistic diversity. Its measures, and their values for random tokens.

The findings are about fine-tuned language models. What can be checked is the measures, on texts whose diversity is
known: tokens drawn independently, from a fixed law or from a model that is refitted to its own text.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import Categorical, Replace, theory
from modelcollapse.claims.checks import Computed, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at


def distinct(tokens, order) -> float:
    """Return the share of different n-grams among all n-grams of a text."""
    grams = [tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1)]
    return len(set(grams)) / len(grams)


def mean_cosine_distance(vectors) -> float:
    """Return the mean over pairs of one minus the cosine."""
    v = np.asarray(vectors, dtype=float)
    v = v / np.linalg.norm(v, axis=1, keepdims=True)
    i, j = np.triu_indices(len(v), 1)
    return float(np.mean(1 - np.einsum("ij,ij->i", v[i], v[j])))


def _different(texts) -> np.ndarray:
    """Count the different tokens of each text (text, token)."""
    ordered = np.sort(texts, axis=1)
    return 1 + (np.diff(ordered, axis=1) != 0).sum(axis=1)


def _ratios(size, rng, p, N):
    return _different(rng.choice(len(p), size=(size, N), p=p)) / N


def _next_text(size, rng, p, n, t, N):
    """Draw texts of N tokens from the t-th model of a chain and return their type-token ratios."""
    q = at(Categorical(p), Replace(n=n), t, size, rng, "probability")
    return (rng.multinomial(N, q) > 0).sum(axis=1) / N


def _expected_next(p, n, t, N):
    return theory.expected_sum(lambda x: -np.expm1(N * np.log1p(-np.minimum(x, 1 - 1e-16))), p, n, t)[t] / N


def _collision(p0, n, t):
    """E sum of squares, 1 - H_0 (1 - 1/n)^t."""
    return 1 - (1 - np.square(p0).sum()) * (1 - theory.inbreeding_replace(n, t))


def _ratio_by_table(p, N):
    """Type-token ratio from the chance that token j + 1 is new."""
    p = np.asarray(p)
    return sum(float(p @ (1 - p) ** j) for j in range(N)) / N


ZIPF = 1 / np.arange(1.0, 41)
ZIPF = tuple(ZIPF / ZIPF.sum())

CLAIMS = (
    Claim(
        id="diversity-metrics-closed-forms",
        title="Type-token ratio and collision probability of independent tokens",
        statement=(
            "For N independent tokens the expected number of types over N is the sum of the chances that a type "
            "occurs, over N; under replace the chance that two tokens agree rises towards 1 by the factor 1 - 1/n per "
            "generation. Lexical and syntactic diversity decline over generations of language models, semantic "
            "diversity less."
        ),
        formula=(
            r"E\,\mathrm{TTR}(N) = \frac1N\sum_i\big[1-(1-p_i)^N\big], \qquad E\sum_i p_{t,i}^2 = "
            r"1-\Big(1-\sum_i p_{0,i}^2\Big)\Big(1-\frac1n\Big)^t"
        ),
        assumptions=(
            "Independent tokens; categorical model, maximum likelihood. Distinct-n is the share of different n-grams, "
            "rep-k is one minus it. The closed forms are derived here; the findings on language models are not checked."
        ),
        source=("guo2024", "drayson2025"),
        kind=Kind.EXACT,
        theory=(theory.type_token_ratio, theory.zipf_type_token_ratio, theory.expected_sum, theory.inbreeding_replace),
        simulation="Texts of independent tokens, from a fixed law and from the t-th model of a chain.",
        checks=(
            Computed(
                label="the chance that each token is new, added up",
                predict=lambda p, N: theory.type_token_ratio(p, N),
                other=_ratio_by_table,
                cases=({"p": (0.5, 0.5), "N": 2}, {"p": ZIPF, "N": 500}, {"p": (0.999, 0.001), "N": 50}),
                rtol=1e-12,
                mutants={"every token is new": lambda p, N: 1.0, "all types are seen": lambda p, N: len(p) / N},
            ),
            Computed(
                label="Zipf's law over finitely many types",
                predict=lambda types, N: theory.zipf_type_token_ratio(1.5, N, types=types),
                other=lambda types, N: theory.type_token_ratio((w := np.arange(1.0, types + 1) ** -(1.5)) / w.sum(), N),
                cases=({"types": 1000, "N": 300}, {"types": 50, "N": 1}),
                rtol=1e-10,
            ),
            Sampled(
                label="type-token ratio of texts",
                predict=lambda p, N: theory.type_token_ratio(p, N),
                draw=_ratios,
                bounds=(0.0, 1.0),
                cases=({"p": (0.5, 0.5), "N": 2}, {"p": ZIPF, "N": 100}),
                size=20000,
            ),
            Sampled(
                label="it declines from model to model",
                predict=_expected_next,
                draw=_next_text,
                bounds=(0.0, 1.0),
                cases=({"p": ZIPF, "n": 100, "t": 5, "N": 100}, {"p": ZIPF, "n": 30, "t": 20, "N": 50}),
                size=20000,
                mutants={"it stays": lambda p, n, t, N: theory.type_token_ratio(p, N)},
            ),
            Sampled(
                label="chance that two tokens agree",
                predict=lambda p, n, t: _collision(p, n, t),
                draw=lambda size, rng, p, n, t: np.square(
                    at(Categorical(p), Replace(n=n), t, size, rng, "probability")
                ).sum(axis=1),
                bounds=(0.0, 1.0),
                cases=({"p": (0.5, 0.3, 0.2), "n": 10, "t": 3}, {"p": ZIPF, "n": 30, "t": 20}),
                size=40000,
                mutants={"it stays": lambda p, n, t: np.square(p).sum()},
            ),
        ),
        second={
            "expected_type_token_ratio_enumerated": lambda p, N: theory.type_token_ratio(p, N),
            "expected_type_token_ratio": lambda p, N: theory.type_token_ratio(p, N),
            "expected_collision_replace": _collision,
            "type_token_ratio": lambda tokens: distinct(tokens, 1),
            "distinct_n": distinct,
            "repetition_diversity": lambda tokens: math.prod(distinct(tokens, k) for k in (2, 3, 4)),
            "mean_cosine_distance": mean_cosine_distance,
        },
        remark="Self-BLEU, the distance of parse trees, MAUVE and reading ease are only named in the source.",
        tags=("language model", "diversity"),
    ),
)
