"""Second readings of the closed forms among the definitions and metrics (file 8).

Claims: position-DH-collapse-time, diversity-metrics-closed-forms, position-eight-definitions (the missing mass of its
row 7), METRIC-CONVENTIONS (perplexity; precision and recall by nearest neighbours). Routes:

* collapse times: expected numbers of generations as sums of P(T > t), all powers of the chain summed by doubling, where
  the statement solves a linear system; from all-distinct points by following the ancestors of the whole population
  backwards, D lineages thrown into D parents; the diffusion by quadrature of its Green function;
* expected diversity: every sample enumerated, or the chance that the next token is new summed over tokens;
* diversity of a given text and nearest neighbours: plain loops over pairs.

Where the file names a metric without its formula, what is assumed stands beside the reading. Left out: SHU-3ERR,
gerstgrasser-notions and the verdicts of position-eight-definitions (words), Self-BLEU, the graph-kernel distance, MAUVE
and Flesch (only named), W2 against its square (the Gaussian file).
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
from scipy import integrate, stats

from modelcollapse.claims.qc.reading import second_reading


def _whole(rng, low, high):
    """Draw a whole number, log-uniform, its two lowest values often."""
    corner = rng.random()
    if corner < 0.2:
        return min(low + int(corner < 0.1), high)
    return int(min(max(low, math.exp(rng.uniform(math.log(max(low, 1)), math.log(high + 1)))), high))


def _law(rng, types):
    """Draw a probability vector: uniform, Dirichlet or one with very rare types."""
    kind = rng.random()
    weights = np.ones(types) if kind < 0.3 else rng.gamma(1.0, size=types) + 1e-3
    if kind > 0.8:
        weights = weights ** rng.uniform(2, 4)
    return tuple(float(p) for p in weights / weights.sum())


# -------------------------------------------------------------------------------------------------------- collapse time


def _sum_of_powers(step, column):
    """Sum of step^t column over t = 0, 1, ..., by doubling: (I + Q)(I + Q^2)(I + Q^4) ... on the column."""
    total, power = column, step
    while power.max() > 1e-300 and power.sum(axis=1).max() > 1e-25:
        total = total + power @ total
        power = power @ power
    return total


def _mixed_states(D):
    """Return counts 1..D-1 of one type and the chain restricted to them."""
    counts = np.arange(1, D)
    return counts, stats.binom.pmf(counts[None, :], D, counts[:, None] / D)


def _two_type_draw(top):
    def draw(rng):
        corners = (0.5, 1e-6, 1 - 1e-6, 0.0, 1.0)
        return {"D": _whole(rng, 1, top), "p": float(rng.choice(corners) if rng.random() < 0.4 else rng.random())}

    return draw


@second_reading(
    "position-DH-collapse-time", draw=_two_type_draw(40), route="powers of the chain by doubling", rtol=1e-10
)
def exact_time_two_types(D, p):
    """Expected number of fits of D draws until one of two types is left, from the truth p; 0 if p is 0 or 1."""
    if p in (0.0, 1.0):
        return 0.0
    counts, step = _mixed_states(D)
    if D == 1:
        return 1.0
    later = _sum_of_powers(step, np.ones(D - 1))
    return float(1 + stats.binom.pmf(counts, D, p) @ later)


@second_reading(
    "position-DH-collapse-time", draw=_two_type_draw(10**6), route="quadrature of the Green function", rtol=1e-9
)
def diffusion_time_two_types(D, p):
    """-2D [p ln p + (1-p) ln(1-p)]: T'' = -2D/(x(1-x)), T(0) = T(1) = 0."""
    if p in (0.0, 1.0):
        return 0.0
    left = integrate.quad(lambda y: 1 / (1 - y), 0, p, epsabs=0, limit=200)[0]
    right = integrate.quad(lambda y: 1 / y, p, 1, epsabs=0, limit=200)[0]
    return 2 * D * ((1 - p) * left + p * right)


@second_reading(
    "position-DH-collapse-time",
    draw=lambda rng: {"D": _whole(rng, 1, 10**6), "p0": _law(rng, _whole(rng, 1, 30))},
    route="30 digits",
    rtol=1e-13,
    atol=1e-15,
)
def draws_times_entropy(D, p0):
    """D H[p_0] in nats, the published order of magnitude."""
    import mpmath as mp

    with mp.workdps(30):
        return float(D * mp.fsum(-mp.mpf(p) * mp.log(mp.mpf(p)) for p in p0 if p > 0))


@second_reading(
    "position-DH-collapse-time",
    draw=lambda rng: {"D": _whole(rng, 1, 30), "p0": _law(rng, _whole(rng, 2, 12))},
    route="powers of the chain by doubling",
    rtol=1e-10,
)
def exact_time_many_types(D, p0):
    """Expected number of fits until one type is left: sum over t and i of p_i - P(type i is all of fit t).

    p_i - P(i is all at t) is the mean frequency of type i on the event that it is mixed with others.
    """
    if max(p0) == 1.0:
        return 0.0
    if D == 1:
        return 1.0
    counts, step = _mixed_states(D)
    later = _sum_of_powers(step, counts / D)
    return float(1 + sum(stats.binom.pmf(counts, D, p) @ later for p in p0))


@second_reading(
    "position-DH-collapse-time",
    draw=lambda rng: {"D": _whole(rng, 1, 60)},
    route="number of ancestors, backwards",
    rtol=1e-12,
)
def exact_time_all_distinct(D):
    """Expected number of fits until D distinct points are D copies of one; near 2(D - 1)."""
    boxes = np.arange(D + 1)
    law, time = np.zeros(D + 1), np.zeros(D + 1)
    law[0] = 1.0
    for lineages in range(1, D + 1):  # law: how many of D parents have a child when so many lineages choose
        law = law * boxes / D + np.append(0, law[:-1] * (D - boxes[:-1]) / D)
        if lineages > 1:
            time[lineages] = (1 + law[:lineages] @ time[:lineages]) / law[:lineages].sum()
    return float(time[D])


@second_reading(
    "position-DH-collapse-time", draw=lambda rng: {"D": _whole(rng, 1, 2000)}, route="pairs of lineages", rtol=1e-15
)
def coalescent_time_all_distinct(D):
    """Coalescent approximation 2(D - 1): each of the j(j-1)/2 pairs of lineages meets at rate 1/D."""
    return float(sum((Fraction(2 * D, j * (j - 1)) for j in range(2, min(D, 200) + 1)), Fraction(0))) + (
        2 * D * math.fsum(1 / (j * (j - 1)) for j in range(201, D + 1))
    )


# --------------------------------------------------------------------------------------------------- expected diversity


@second_reading(
    "diversity-metrics-closed-forms",
    draw=lambda rng: {"p": _law(rng, int(rng.integers(1, 4))), "N": int(rng.integers(1, 7))},
    route="every sample",
    rtol=1e-13,
)
def expected_type_token_ratio_enumerated(p, N):
    """E TTR = (1/N) sum_i [1 - (1 - p_i)^N], over all K^N texts."""
    return math.fsum(
        len(set(text)) / N * math.prod(p[token] for token in text)
        for text in itertools.product(range(len(p)), repeat=N)
    )


@second_reading(
    "diversity-metrics-closed-forms",
    draw=lambda rng: {"p": _law(rng, _whole(rng, 1, 30)), "N": _whole(rng, 1, 5000)},
    route="chance of a new type, token by token",
    rtol=1e-12,
)
def expected_type_token_ratio(p, N):
    """E TTR: token j + 1 is new with probability sum_i p_i (1 - p_i)^j."""
    p = np.asarray(p)
    return float((p * (1 - p) ** np.arange(N)[:, None]).sum() / N)


@second_reading(
    "diversity-metrics-closed-forms",
    draw=lambda rng: {"p0": _law(rng, _whole(rng, 1, 8)), "n": _whole(rng, 1, 25), "t": int(rng.integers(0, 60))},
    route="all counts of each type",
    rtol=1e-12,
)
def expected_collision_replace(p0, n, t):
    """E sum p_t^2 = 1 - (1 - sum p_0^2)(1 - 1/n)^t."""
    if t == 0:
        return math.fsum(p * p for p in p0)
    counts = np.arange(n + 1)
    step = stats.binom.pmf(counts[None, :], n, counts[:, None] / n)
    later = np.linalg.matrix_power(step, t - 1) @ (counts / n) ** 2
    return float(sum(stats.binom.pmf(counts, n, min(p, 1.0)) @ later for p in p0))


@second_reading(
    "position-eight-definitions",
    draw=lambda rng: {"p": _law(rng, int(rng.integers(1, 4))), "n": int(rng.integers(0, 7))},
    route="every sample",
    rtol=1e-13,
    atol=1e-16,
)
def missing_mass_enumerated(p, n):
    """Expected mass of the types that n real points miss, over all K^n samples."""
    out = 0.0
    for sample in itertools.product(range(len(p)), repeat=n):
        out += math.prod(p[x] for x in sample) * sum(q for x, q in enumerate(p) if x not in sample)
    return float(out)


@second_reading(
    "position-eight-definitions",
    draw=lambda rng: {"p": _law(rng, _whole(rng, 2, 30)), "n": _whole(rng, 1, 900)},
    route="40 digits",
    rtol=1e-12,
)
def missing_mass(p, n):
    """Sum_i p_i (1 - p_i)^n, frozen under accumulation for a memoriser."""
    import mpmath as mp

    with mp.workdps(40):
        return float(mp.fsum(mp.mpf(q) * (1 - mp.mpf(q)) ** n for q in p))


# --------------------------------------------------------------------------------------------------- diversity of texts


def _text(rng, shortest):
    alphabet = int(rng.integers(1, 8))
    return tuple(int(x) for x in rng.integers(0, alphabet, size=rng.integers(shortest, 40)))


def _new_grams(tokens, order):
    """Count the places at which an n-gram stands that stood nowhere before, and all places."""
    places = range(len(tokens) - order + 1)
    new = [all(tokens[i : i + order] != tokens[j : j + order] for j in range(i)) for i in places]
    return sum(new), len(new)


@second_reading(
    "diversity-metrics-closed-forms", draw=lambda rng: {"tokens": _text(rng, 1)}, route="loop over pairs", rtol=1e-15
)
def type_token_ratio(tokens):
    """Types over tokens."""
    return float(Fraction(*_new_grams(tokens, 1)))


# Distinct-n is taken as different n-grams over all n-grams of one text, without a smoothing for length.
@second_reading(
    "diversity-metrics-closed-forms",
    draw=lambda rng: {"tokens": _text(rng, 5), "order": int(rng.integers(1, 5))},
    route="loop over pairs",
    rtol=1e-15,
)
def distinct_n(tokens, order):
    """Different n-grams over n-grams."""
    return float(Fraction(*_new_grams(tokens, order)))


# rep-k is only named: taken as 1 - (different k-grams)/(k-grams), a fraction and not a percentage.
@second_reading(
    "diversity-metrics-closed-forms", draw=lambda rng: {"tokens": _text(rng, 4)}, route="loop over pairs", rtol=1e-14
)
def repetition_diversity(tokens):
    """Product over k = 2, 3, 4 of 1 - rep-k."""
    return float(math.prod(Fraction(*_new_grams(tokens, k)) for k in (2, 3, 4)))


@second_reading(
    "diversity-metrics-closed-forms",
    draw=lambda rng: {"vectors": rng.normal(size=(int(rng.integers(2, 12)), int(rng.integers(1, 6))))},
    route="length of the sum of unit vectors",
    rtol=1e-12,
    atol=1e-14,
)
def mean_cosine_distance(vectors):
    """Mean over the pairs i < j of 1 - cos, by |sum u|^2 = N + 2 sum_{i<j} cos."""
    units = [np.asarray(v) / math.hypot(*v) for v in vectors]
    total, count = np.sum(units, axis=0), len(units)
    return float(1 - (total @ total - count) / (count * (count - 1)))


# ---------------------------------------------------------------------------------------------------------- conventions


def _token_probabilities(rng):
    losses = rng.gamma(1.0, 10.0 ** rng.integers(-2, 2), size=rng.integers(1, 30))
    return {"probabilities": tuple(float(p) for p in np.exp(-losses))}


@second_reading(
    "METRIC-CONVENTIONS",
    draw=_token_probabilities,
    route="geometric mean, 40 digits",
    rtol=1e-13,
)
def perplexity(probabilities):
    """Exponential of the mean of -ln p over tokens, as the inverse geometric mean of p."""
    import mpmath as mp

    with mp.workdps(40):
        return float(1 / mp.root(mp.fprod(mp.mpf(p) for p in probabilities), len(probabilities)))


def _clouds(rng):
    d, k = int(rng.integers(1, 4)), int(rng.integers(1, 6))
    shift = rng.choice([0.0, 1.0, 5.0])
    sizes = rng.integers(k + 1, 25, size=2)
    return {
        "real": rng.normal(size=(int(sizes[0]), d)),
        "generated": rng.normal(size=(int(sizes[1]), d)) + shift,
        "k": k,
    }


# Only named, with k = 5. Assumed: a point is covered if it lies within the distance of some reference point to that
# point's k-th nearest other reference point, borders included; precision is the covered share of the generated points
# with the real ones as reference, recall the other way round.
@second_reading("METRIC-CONVENTIONS", draw=_clouds, route="loops over pairs", rtol=1e-15)
def precision_and_recall(real, generated, k):
    """(precision, recall) of generators by k nearest neighbours."""

    def covered(points, reference):
        radii = [
            sorted(math.dist(a, b) for j, b in enumerate(reference) if j != i)[k - 1] for i, a in enumerate(reference)
        ]
        hits = [any(math.dist(x, a) <= r for a, r in zip(reference, radii, strict=True)) for x in points]
        return sum(hits) / len(hits)

    return np.array([covered(generated, real), covered(real, generated)])
