"""Curated runs against exact laws: what is sampled from, what is kept, what is chosen, what is edited.

Two devices make the laws exact. Of three points in three categories all outcomes can be written down, and so the joint
law of two neighbouring generations. Of a Gaussian, the next fit is standardised by the model before it. What is flagged
and what weighs is in test_detected_runs.py.
"""

import itertools
import math

import numpy as np
import pytest
from programs import block, chains, engines, last, pvalue_chi_square
from scipy import special
from scipy.stats import binom, multinomial
from test_engine_twins import T as GENERATIONS
from test_engine_twins import read_gaussian, read_vectors, same_law, twins

import modelcollapse as mc
from modelcollapse import curation as cure
from modelcollapse import theory
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_bounded, pvalue_counts, pvalue_mean, pvalue_spread

pytestmark = [pytest.mark.compiled, pytest.mark.filterwarnings("ignore:.*chains stopped:RuntimeWarning")]

# ------------------------------------------------------------------------------------- temperature of a Gaussian

N, T, COLD = 6, 4, 0.6
SPREADS = {
    "temperature": cure.Temperature(COLD),
    "sampling bias": cure.SamplingBias(COLD),
    "both": [cure.Temperature(1.5), cure.SamplingBias(0.4)],
}


def path(out):
    """Means and log variances of generations 0 .. T, (2, replicate, generation), from a run or from an engine."""
    mean, log_variance = (np.asarray(out[name]) for name in ("mean", "log_variance"))
    if mean.shape[1] == T:
        mean, log_variance = (np.pad(x, ((0, 0), (1, 0))) for x in (mean, log_variance))
    return np.stack([mean, log_variance])


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
@pytest.mark.parametrize(("engine", "name"), [*(("statistic", name) for name in SPREADS), ("points", "both")])
def test_temperature_of_a_gaussian(engine, estimator, name):
    def program(curation, cov=1.0):
        family, regime = mc.Gaussian(0.0, cov, estimator=estimator), mc.Replace(N, curation=curation)
        if engine == "points":
            return block(engines.by_point, family, regime, T, path)
        return chains(family, regime, T, path)

    def law(first="real", scale=COLD**0.5):
        div = N if estimator == "mle" else N - 1
        spread = np.where(np.arange(T) > 0, COLD, 1.0)
        end = theory.scaled_log_variance_mean(N, T, scale=scale, estimator=estimator, first=first)
        sd = float(theory.log_variance_var(N, T)) ** 0.5

        def pvalues(sample):
            mean, log_variance = sample
            start = np.exp(log_variance[:, :-1]) * spread
            chi = np.exp(log_variance[:, 1:]) / start * div
            square = np.diff(mean, axis=1) ** 2 / start * N
            # generation 1 by itself: nothing is curated there
            parts = [(chi[:, :1], N - 1), (chi[:, 1:], N - 1), (square[:, :1], 1), (square[:, 1:], 1)]
            return [pvalue_chi_square(x.sum(), degrees * x.size) for x, degrees in parts] + [
                pvalue_mean(log_variance[:, -1], end, sd, skewness=max(1.0, sd))
            ]

        return pvalues

    assert_kills(
        program(SPREADS[name]), law(), size=500 if engine == "points" else 2000,
        mutants={
            "temperature inverted": program(cure.Temperature(1 / COLD)),
            "standard deviation for variance": program(cure.Temperature(COLD**2)),
            "no curation": program(None),
            "generation 1 too, in the truth": program(SPREADS[name], cov=COLD),
        },
        wrong={"generation 1 too, in the theory": law(first="scaled"), "scale squared": law(scale=COLD)},
        formula="ln var_t = ln var_(t-1) + ln b + ln(chi2/div), t >= 2", source="MAR, mad-fully-synthetic-moments",
    )  # fmt: skip


@pytest.mark.parametrize(("regime", "dim"), [("FreshReal", None), ("FreshReal", 2), ("Accumulate", None)])
def test_engines_agree_at_a_temperature(regime, dim):
    def at(temperature):
        curation = cure.Temperature(temperature)
        return mc.FreshReal(6, 2, curation=curation) if regime == "FreshReal" else mc.Accumulate(4, curation=curation)

    def truth(factor=1.0):
        return mc.Gaussian(1.0, factor * (2.0 if dim is None else np.array([[2.0, 0.6], [0.6, 1.0]])), estimator="mle")

    read = read_gaussian if dim is None else read_vectors
    points = block(engines.by_point, truth(), at(0.4), GENERATIONS, read)
    cold_truth = block(engines.by_statistic, truth(0.4), at(0.4), GENERATIONS, read)
    assert_kills(
        twins(truth(), at(0.4), value=read), same_law, size=1000,
        mutants={
            "temperature inverted": twins(truth(), at(0.4), at(2.5), read),
            "real points too": lambda size, rng: (points(size, rng), cold_truth(size, rng)),
        },
    )  # fmt: skip


def test_bias_of_a_mixture():
    """A single component is a Gaussian fitted by maximum likelihood."""

    def program(bias, cov=1.0):
        truth, regime = mc.GaussianMixture([1.0], [[0.0]], [cov]), mc.Replace(8, curation=cure.SamplingBias(bias))
        return chains(truth, regime, 2, lambda run: run["cov"].values[:, 1:].reshape(-1, 2))

    def law(cov):
        parts = cov[:, 0] * 8, cov[:, 1] / cov[:, 0] / COLD * 8
        return [pvalue_chi_square(x.sum(), 7 * len(x)) for x in parts]

    assert_kills(
        program(COLD), law, size=300,
        mutants={"bias inverted": program(1 / COLD), "squared": program(COLD**2),
                 "generation 1 too": program(COLD, COLD)},
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------- three categories

SMALL, P = 3, np.array([0.5, 0.3, 0.2])
REWARD = np.array([0.0, 1.5, 0.7])
GOOD, BAD = 0.9, 0.3
GONE = (0, 0, 0)


def drawn(size, p):
    """All counts of `size` draws, and their probabilities; a draw that is in no category is dropped."""
    rest = 1 - np.sum(p)
    p = np.append(p, rest if rest > 1e-12 else 0.0)
    out: dict = {}
    for cell in itertools.product(range(size + 1), repeat=len(p)):
        if sum(cell) == size and not (np.array(cell)[p == 0]).any():
            out[cell[:-1]] = float(multinomial.pmf(cell, size, p / p.sum()))
    return out


def together(*laws):
    """Law of the sum of independent counts."""
    out = {GONE: 1.0}
    for law in laws:
        sums: dict = {}
        for (a, p), (b, q) in itertools.product(out.items(), law.items()):
            cell = tuple(x + y for x, y in zip(a, b, strict=True))
            sums[cell] = sums.get(cell, 0.0) + p * q
        out = sums
    return out


def best(p, score, kept):
    """Law of the counts of the `kept` best of the draws; among equals the first drawn."""
    out: dict = {}
    for draw in itertools.product(range(3), repeat=SMALL):
        chosen = np.bincount(sorted(draw, key=lambda c: -score[c])[:kept], minlength=3)
        cell = tuple(chosen.tolist())
        out[cell] = out.get(cell, 0.0) + float(np.prod(p[list(draw)]))
    return out


def edited(old, new):
    """What stays of a batch is hypergeometric, what is new multinomial."""
    size, out = sum(old), []
    for stay in itertools.product(*(range(x + 1) for x in old)):
        if sum(stay) == size - new:
            ways = math.prod(math.comb(x, y) for x, y in zip(old, stay, strict=True)) / math.comb(size, new)
            out.append({stay: ways})
    fresh, law = drawn(new, np.array(old) / size), {}
    for stay in out:
        for cell, p in together(stay, fresh).items():
            law[cell] = law.get(cell, 0.0) + p
    return law


def keep(p, good=GOOD, bad=BAD):
    """Probabilities of being drawn and kept by a verifier to whom category 0 is wrong."""
    return p * np.array([bad, good, good])


def filtered_then_chosen(p):
    """Two candidates a choice, out of what a filter has left of twice the points."""
    inside = p * (np.arange(3) > 0)
    if inside.sum() == 0:
        return {GONE: 1.0}
    law: dict = {}
    for left in range(2 * SMALL + 1):
        weight = float(binom.pmf(left, 2 * SMALL, min(1.0, inside.sum())))
        for cell, q in drawn(left // 2, theory.curated_law(inside / inside.sum(), REWARD, 2)).items():
            law[cell] = law.get(cell, 0.0) + weight * q
    return law


def positive(X):
    return X > 0


def reward(X):
    return REWARD[X]


class KeepsSynthetic(cure.Edit):
    """Only synthetic points of the previous batch may stay."""

    def edit(self, previous, synthetic, draw, size, rng):
        return super().edit(previous[synthetic], synthetic[synthetic], draw, size, rng)


class KeepsTheFirst(cure.Edit):
    """Not a random part stays, but the beginning."""

    def edit(self, previous, synthetic, draw, size, rng):
        stays = min(size - round(self.fraction * size), len(previous))
        points = np.concatenate([previous[:stays], draw(size - stays, rng)])
        return points, np.concatenate([synthetic[:stays], np.ones(size - stays, bool)])


def replaced(step):
    return lambda counts: step(np.array(counts) / sum(counts))


VERIFIER = cure.Verifier(positive, GOOD, BAD)
PREFER = cure.Prefer(reward, candidates=2, temperature=0.5)
#: curation -> regime, the law of a generation given the counts of the one before, mutants, wrong laws
CASES = {
    "cold": (
        cure.Temperature(0.5), mc.Replace, replaced(lambda p: drawn(SMALL, theory.temperature_map(p, 0.5))),
        {"inverted": cure.Temperature(2.0), "twice": [cure.Temperature(0.5)] * 2}, {},
    ),
    "top k": (
        cure.TopK(2), mc.Replace, replaced(lambda p: drawn(SMALL, theory.top_k_limit(p, 2))),
        {"one less": cure.TopK(1), "one more": cure.TopK(3)}, {},
    ),
    "nucleus": (
        cure.TopP(0.6), mc.Replace, replaced(lambda p: drawn(SMALL, theory.nucleus(p, 1, mass=0.6)[1])),
        {"one more": cure.TopP(0.7), "one less": cure.TopP(0.3)}, {},
    ),
    "truncation": (
        cure.Truncate(low=1), mc.Replace, replaced(lambda p: drawn(SMALL, keep(p, 1.0, 0.0))),
        {"what is outside": cure.Truncate(high=0), "open interval": cure.Truncate(low=1.5)},
        {"one point always": replaced(lambda p: together(drawn(1, p), drawn(SMALL - 1, keep(p, 1.0, 0.0))))},
    ),
    "verifier": (
        VERIFIER, mc.Replace, replaced(lambda p: drawn(SMALL, keep(p))),
        {"good and bad swapped": cure.Verifier(positive, BAD, GOOD), "strict": cure.Verifier(positive, GOOD, 0.0)},
        {"drawn again until there are n": replaced(lambda p: drawn(SMALL, keep(p) / keep(p).sum()))},
    ),
    "verifier, fresh data": (
        VERIFIER, lambda n, curation: mc.FreshReal(n, 1, curation=curation),
        replaced(lambda p: together(drawn(1, P), drawn(SMALL - 1, keep(p)))),
        {"good and bad swapped": cure.Verifier(positive, BAD, GOOD)},
        {"real points too": replaced(lambda p: together(drawn(1, keep(P)), drawn(SMALL - 1, keep(p))))},
    ),
    "verifier, accumulating": (
        VERIFIER, mc.Accumulate, lambda old: together({old: 1.0}, drawn(SMALL, keep(np.array(old) / SMALL))),
        {"good and bad swapped": cure.Verifier(positive, BAD, GOOD)},
        {"old points again": lambda old: together(
            *(drawn(x, e) for x, e in zip(old, keep(np.eye(3)), strict=True)), drawn(SMALL, keep(np.array(old) / 3)))},
    ),
    "the largest": (
        cure.SelectTop(0.6), mc.Replace, replaced(lambda p: best(p, np.arange(3), 2)),
        {"the smallest": cure.SelectTop(0.6, by=np.negative), "one less": cure.SelectTop(0.33)}, {},
    ),
    "the likeliest": (
        cure.SelectTop(0.67, by="likelihood"), mc.Replace, replaced(lambda p: best(p, p, 2)),
        {"the largest": cure.SelectTop(0.67), "all": None}, {"the rarest": replaced(lambda p: best(p, -p, 2))},
    ),
    "preference": (
        PREFER, mc.Replace, replaced(lambda p: drawn(SMALL, theory.curated_law(p, REWARD / 0.5, 2))),
        {
            "one candidate more": cure.Prefer(reward, 3, 0.5),
            "temperature inverted": cure.Prefer(reward, 2, 2.0),
            "the wrong sign": cure.Prefer(lambda X: -REWARD[X], 2, 0.5),
        },
        {},
    ),
    "preference, then truncation": (
        [cure.Prefer(reward), cure.Truncate(low=1)], mc.Replace,
        replaced(lambda p: drawn(SMALL, keep(theory.curated_law(p, REWARD, 2), 1.0, 0.0))),
        {"the other order": [cure.Truncate(low=1), cure.Prefer(reward)]}, {},
    ),
    "truncation, then preference": (
        [cure.Truncate(low=1), cure.Prefer(reward)], mc.Replace, replaced(filtered_then_chosen),
        {"the other order": [cure.Prefer(reward), cure.Truncate(low=1)]}, {},
    ),
    "temperature, then verifier": (
        [VERIFIER, cure.Temperature(0.5)], mc.Replace,
        replaced(lambda p: drawn(SMALL, keep(theory.temperature_map(p, 0.5)))),
        {"no temperature": VERIFIER, "no verifier": cure.Temperature(0.5)}, {},
    ),
    "edit": (
        cure.Edit(0.33), mc.Replace, lambda old: edited(old, 1),
        {
            "fraction swapped": cure.Edit(0.67),
            "keeps synthetic points only": KeepsSynthetic(0.33),
            "keeps the beginning": KeepsTheFirst(0.33),
            "all new": None,
        },
        {},
    ),
}  # fmt: skip


def two_generations(run):
    """Counts of the last two generations, as one number; those of a chain that has stopped are zero."""
    kept = run["kept"].values if "kept" in run else np.full(run["probability"].shape[:2], SMALL)
    counts = np.nan_to_num(np.rint(run["probability"].values * kept[:, :, None]))[:, -2:].astype(np.int64)
    return (counts.reshape(len(counts), 6) * 8 ** np.arange(6)).sum(axis=1)


def pairs(step, law, generations):
    """p-values of the joint law of the last two generations, cell by cell; `law` is that of generation 1."""
    for _ in range(generations - 2):
        after: dict = {}
        for old, p in law.items():
            for new, q in step(old).items():
                after[new] = after.get(new, 0.0) + p * q
        law = after
    joint = {old + new: p * q for old, p in law.items() for new, q in step(old).items() if p * q > 0}
    codes = np.array([sum(x * 8**i for i, x in enumerate(cell)) for cell in joint])
    order, p = np.argsort(codes), np.array(list(joint.values()))
    codes, p = codes[order], p[order] / p.sum()

    def pvalues(sample):
        where = np.minimum(np.searchsorted(codes, sample), len(codes) - 1)
        if (codes[where] != sample).any():
            return [0.0]  # what cannot happen
        return pvalue_counts(np.bincount(where, minlength=len(codes)), p)

    return pvalues


@pytest.mark.parametrize("name", CASES)
def test_three_categories(name):
    curation, regime, step, mutants, wrong = CASES[name]
    generations = 3 if name == "edit" else 2

    def program(curation):
        return chains(mc.Categorical(P), regime(SMALL, curation=curation), generations, two_generations)

    first = drawn(SMALL, P)
    others = {key: pairs(value, first, generations) for key, value in wrong.items()}
    if regime is mc.Replace and name != "edit":
        others["generation 1 too"] = pairs(step, {c: p for c, p in step(10 * P).items() if c != GONE}, generations)
    assert_kills(
        program(curation), pairs(step, first, generations), size=2500 if name == "preference" else 1000,
        mutants={key: program(value) for key, value in mutants.items()}, wrong=others,
        formula="all outcomes of three points in three categories", source="ferbach-curation, MAR, F-ALPHA",
    )  # fmt: skip


def test_filters_in_theory():
    """The laws above are those of the theory: shares of what is kept, and of what is wrong among it."""
    for cell in drawn(SMALL, P):
        p = np.array(cell) / SMALL
        kept = keep(p)
        assert kept[1:].sum() / kept.sum() == pytest.approx(theory.verified_share(1 - p[0], 1, GOOD, BAD), abs=1e-12)
        assert kept[0] / kept.sum() == pytest.approx(theory.filtered_error(p[0], GOOD, BAD), abs=1e-12)


HALF = 0.3


def test_edit_is_random_replacement():
    size, generations = 10, 6

    def heterozygosity(run):
        return 1 - (last("probability")(run) ** 2).sum(axis=1)

    def law(fraction):
        F = theory.inbreeding_partial(size, fraction, generations, reference="truth")
        return lambda H: pvalue_bounded(H, (1 - F) * (1 - (P**2).sum()), 0.0, 2 / 3)

    def program(curation):
        regime = mc.Replace(size, curation=curation)
        return chains(mc.Categorical(P), regime, generations, heterozygosity)

    assert_kills(
        program(cure.Edit(HALF)), law(HALF), size=1000,
        mutants={
            "fraction swapped": program(cure.Edit(1 - HALF)),
            "keeps the beginning": program(KeepsTheFirst(HALF)),
        },
        wrong={"all new": law(1.0), "one point less": law(0.2)},
        formula="1 - F_t = (1 - 1/n) c^(t - 1)", source="F-ALPHA, RIIS-T1",
    )  # fmt: skip


# ------------------------------------------------------------------------------------- selection from a Gaussian

Y = np.linspace(-12, 12, 20_001)


def order_density(n, place, below, above, density):
    """Density on Y of the order statistic with `place` - 1 values below it, n independent values in all."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log = special.xlogy(place - 1, below) + special.xlogy(n - place, above) + np.log(density)
    w = np.exp(log - log.max())
    return w / w.sum()


def normal(n, place):
    return order_density(n, place, special.ndtr(Y), special.ndtr(-Y), np.exp(-(Y**2) / 2))


def top(n, kept):
    """Mean and variance of the mean of the `kept` largest of n normal values, and E k, E k^2 of their own variance."""
    w = normal(n, n - kept)  # given the largest that is dropped, they are cut there and independent
    i, k = theory.selection_intensity(special.ndtr(-Y)), theory.selection_variance_factor(special.ndtr(-Y))
    mean = w @ i
    return mean, w @ (k / kept + i**2) - mean**2, w @ k, w @ k**2


def inner(n, kept):
    """The same for the `kept` smallest absolute values: a law cut on both sides."""
    y = np.abs(Y) + 1e-9
    below = 1 - 2 * special.ndtr(-y)
    w = order_density(n, kept + 1, below, 2 * special.ndtr(-y), np.exp(-(y**2) / 2))
    k = theory.verifier_contraction(y)
    return 0.0, w @ k / kept, w @ k, w @ k**2


def second_fit(run):
    """The second fit in units of the first: shift of the mean, ratio of the variances."""
    mean, log_variance = run["mean"].values, run["log_variance"].values
    return np.column_stack([
        (mean[:, 2] - mean[:, 1]) * np.exp(-log_variance[:, 1] / 2), np.exp(log_variance[:, 2] - log_variance[:, 1])
    ])  # fmt: skip


@pytest.mark.parametrize(("estimator", "by"), [("unbiased", None), ("mle", "likelihood")])
def test_the_best_of_a_batch(estimator, by):
    n, fraction, kept = 10, 0.3, 3

    def law(mean, variance, k, k2):
        div = 1.0 if estimator == "unbiased" else (kept - 1) / kept

        def pvalues(sample):
            # the kept have a log-concave law: its fourth moment is below nine squares of its variance
            spread = div * math.sqrt(9 * k2 / kept + k2 - k**2)
            expected, sd = [mean, div * k], [variance**0.5, spread]
            return pvalue_spread(sample, expected, sd)

        return pvalues

    def program(curation):
        return chains(mc.Gaussian(2.0, 3.0, estimator=estimator), mc.Replace(n, curation=curation), 2, second_fit)

    i, k = float(theory.selection_intensity(fraction)), float(theory.selection_variance_factor(fraction))
    exact = top(n, kept) if by is None else inner(n, kept)
    assert_kills(
        program(cure.SelectTop(fraction, by)), law(*exact), size=1500,
        mutants={
            "the worst": program(cure.SelectTop(fraction, np.negative if by is None else np.abs)),
            "what is dropped": program(cure.SelectTop(1 - fraction, by)),
            "one more": program(cure.SelectTop(0.4, by)),
        },
        wrong={"a batch without end": law(i, k / kept, k, k**2) if by is None else law(*inner(4000, 1200))},
        formula="order statistics, given the one that is just dropped", source="truncation-selection-gaussian",
    )  # fmt: skip


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_the_best_of_a_large_batch(fraction):
    """The law that runs have is that of the theory in the limit: the error falls like 1/n."""
    mean, sd = theory.selection_trajectory(fraction, 1)
    for n in (1000, 8000):
        found, _, k, _ = top(n, round(fraction * n))
        assert abs(found - mean) < 3 / n
        assert abs(k - sd**2) < 1 / n
    assert top(6, 1)[0] == pytest.approx(theory.best_of(6)[0], rel=1e-9)
    assert top(6, 1)[1] == pytest.approx(theory.best_of(6)[1], rel=1e-9)


def test_the_best_of_some_candidates():
    n, candidates = 8, 4

    def program(candidates, reward=None):
        curation = cure.Prefer(reward, candidates, temperature=1e-9)
        return chains(mc.Gaussian(2.0, 3.0, estimator="mle"), mc.Replace(n, curation=curation), 2, second_fit)

    def law(candidates):
        mean, variance = theory.best_of(candidates)
        return lambda sample: pvalue_mean(sample[:, 0], mean, (variance / n) ** 0.5, skewness=1.0)

    assert_kills(
        program(candidates), law(candidates), size=500,
        mutants={"one candidate more": program(5), "one less": program(3), "the worst": program(4, np.negative)},
        wrong={"the top quarter": lambda x: pvalue_mean(x[:, 0], theory.selection_intensity(0.25), 0.3, skewness=1.0)},
        formula="best_of", source="order statistics",
    )  # fmt: skip


def test_an_interval():
    n, b = 20, 1.0

    def law(b, centre=0.0):
        def pvalues(sample):
            mean, sd, kept, mean2, variance2 = sample[:, np.isfinite(sample).all(axis=0)]
            offset, half = (mean - centre) / sd, b / sd
            at, spread = theory.verifier_moments(offset, half)
            # given the first fit: binomial, and a law cut on both sides; the residuals are bounded
            residuals = (
                kept / n - theory.verifier_acceptance(half, offset),
                (mean2 - centre - at * sd) / (2 * b),
                (variance2 - spread * sd**2) / (2 * b**2),
            )
            return [pvalue_bounded(np.clip(x, -1, 1), 0.0, -1.0, 1.0) for x in residuals]

        return pvalues

    def program(curation):
        def read(run):
            mean, variance = run["mean"].values, np.exp(run["log_variance"].values)
            return np.stack([mean[:, 1], variance[:, 1] ** 0.5, run["kept"].values[:, 2], mean[:, 2], variance[:, 2]])

        return chains(mc.Gaussian(0.5, 1.0, estimator="unbiased"), mc.Replace(n, curation=curation), 2, read)

    assert_kills(
        program(cure.Truncate(-b, b)), law(b), size=1500,
        mutants={
            "one end only": program(cure.Truncate(-b)),
            "what is outside": program(cure.Truncate(low=b, by=np.abs)),
            "a tenth wider": program(cure.Truncate(-1.1 * b, 1.1 * b)),
        },
        wrong={"about the first mean": law(b, 0.5)},
        formula="truncated normal, off centre", source="yi-verifier-center",
    )  # fmt: skip
