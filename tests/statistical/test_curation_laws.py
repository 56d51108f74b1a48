"""Curated, verified and detected loops, in a few lines of NumPy each, against the theory; and their mutants."""

import numpy as np
import pytest
from scipy import special

from modelcollapse import theory
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_counts, pvalue_mean

# ------------------------------------------------------------------------------------------------- preference

REFERENCE = np.array([0.1, 0.2, 0.3, 0.4])
REWARD = np.array([1.5, 0.0, 1.0, -0.5])


def pick(X, rng, sign=1.0, hard=False):
    """Choose along the last axis with probability proportional to exp(reward): the largest of reward + Gumbel."""
    score = sign * REWARD[X] + (0 if hard else rng.gumbel(size=X.shape))
    return np.take_along_axis(X, score.argmax(-1)[..., None], -1)[..., 0]


def curated(t, K, w, *, pooled=False, **how):
    """A draw from model t of the loop, exactly: each of its K candidates is a draw from model t - 1."""

    def draw(shape, rng, t):
        if t == 0:
            return rng.choice(4, size=shape, p=REFERENCE)
        real = rng.random((*shape, K)) < w if pooled else rng.random(shape) < w
        X = draw((*shape, K), rng, t - 1)
        if pooled:  # the curator sees the real data too
            return pick(np.where(real, rng.choice(4, size=X.shape, p=REFERENCE), X), rng, **how)
        return np.where(real, rng.choice(4, size=shape, p=REFERENCE), pick(X, rng, **how))

    return lambda size, rng: np.bincount(draw((size,), rng, t), minlength=4)


@pytest.mark.parametrize(("t", "K", "w"), [(1, 2, 0.0), (1, 6, 0.0), (2, 3, 0.0), (3, 3, 0.4)])
def test_curated_loop(t, K, w):
    def law(t, K, w):
        expected = theory.curated_loop(REFERENCE, REWARD, t, candidates=K, real_fraction=w)[-1]
        return lambda counts: pvalue_counts(counts, expected)

    mutants = {
        "K - 1 candidates": curated(t, K - 1, w),
        "reward with the wrong sign": curated(t, K, w, sign=-1.0),
        "the best instead of a choice": curated(t, K, w, hard=True),
        "reward doubled": curated(t, K, w, sign=2.0),
    }
    wrong = {"one round more": law(t + 1, K, w), "K = inf": law(t, np.inf, w)}
    if w:
        mutants |= {"curated after mixing": curated(t, K, w, pooled=True), "fractions swapped": curated(t, K, 1 - w)}
        wrong["no real data"] = law(t, K, 0.0)
    assert_kills(curated(t, K, w), law(t, K, w), size=20_000, mutants=mutants, wrong=wrong,
                 formula="p' = w p_ref + (1 - w) p H^K", source="ferbach-curation")  # fmt: skip


@pytest.mark.parametrize("K", [2, 20])
def test_best_of(K):
    mean, variance = theory.best_of(K)

    def pvalues(x):
        # fourth central moments of a maximum of normals are below that of a Gumbel variable, 5.4 variance^2
        return [pvalue_mean(x, mean, variance**0.5, skewness=1.2),
                pvalue_mean((x - mean) ** 2, variance, 2.1 * variance, skewness=20.0)]  # fmt: skip

    def draw(K, one=np.max):
        return lambda size, rng: one(rng.standard_normal((size, K)), axis=1)

    assert_kills(draw(K), pvalues, size=60_000, mutants={"K - 1": draw(K - 1), "K + 1": draw(K + 1),
                 "the smallest": draw(K, np.min)}, formula="best_of", source="order statistics")  # fmt: skip


# ------------------------------------------------------------------------------------------------- filters

N, DIM = 40, 5


def filtered_mean(error, good, bad, *, before=False):
    """Component along w, and square of the others, of the mean of y x over what a filter keeps of N points."""

    def draw(size, rng):
        x = rng.standard_normal((size, N, DIM))
        right = rng.random((size, N)) >= error
        judged = rng.random((size, N)) >= error if before else right  # the filter sees other labels than the learner
        kept = rng.random((size, N)) < np.where(judged, good, bad)
        signed = np.where(right, 1.0, -1.0) * np.sign(x[..., 0]) * kept
        mean = np.einsum("sn,snd->sd", signed, x) / N
        return np.stack([mean[:, 0], (mean[:, 1:] ** 2).sum(1)], axis=1)

    return draw


def test_filtered_labels():
    """The two moments that the accuracy is made of, exactly."""
    p, good, bad = 0.35, 0.9, 0.3

    def law(dim=DIM):
        m, v = ((1 - p) * good - p * bad) * (2 / np.pi) ** 0.5, (1 - p) * good + p * bad
        across = v * (dim - 1) / N  # given how many are kept, a chi-square with d - 1 degrees
        sd = ((v**2 + v * (1 - v) / N) * (dim**2 - 1) / N**2 - across**2) ** 0.5

        def pvalues(sample):
            return [pvalue_mean(sample[:, 0], m, ((v - m**2) / N) ** 0.5, skewness=0.5),
                    pvalue_mean(sample[:, 1], across, sd, skewness=2.0)]  # fmt: skip

        return pvalues

    assert_kills(
        filtered_mean(p, good, bad), law(), size=20_000,
        mutants={"good and bad swapped": filtered_mean(p, bad, good), "no filter": filtered_mean(p, 1.0, 1.0),
                 "p for 1 - p": filtered_mean(1 - p, good, bad),
                 "filter sees other labels": filtered_mean(p, good, bad, before=True)},
        wrong={"d for d - 1": law(DIM + 1)},
        formula="m = ((1-p) phi - p psi) sqrt(2/pi), v d / n", source="feng-breakdown-point",
    )  # fmt: skip


def truncated(mean, b, shape, rng):
    """Normal points of the given means, cut at plus and minus b, by inversion."""
    low, high = special.ndtr(-b - mean), special.ndtr(b - mean)
    return mean + special.ndtri(low + (high - low) * rng.random(shape))


def verified(offset, b, n, rounds, *, cut=truncated):
    def draw(size, rng):
        d = np.full(size, offset)
        for _ in range(rounds):
            d = cut(d[:, None], b, (size, n), rng).mean(axis=1)
        return d

    return draw


def test_verifier_one_round():
    offset, b, n = 1.8, 1.3, 6

    def law(offset, b, n):
        mean, variance = theory.verifier_moments(offset, b)

        def pvalues(d):
            # a density on an interval of 2b: the fourth central moment is at most (2b)^2 variance
            fourth = (4 * b * b * variance / n**3 + 3 * variance**2 / n**2 - variance**2 / n**2) ** 0.5
            return [pvalue_mean(d, mean, (variance / n) ** 0.5, skewness=1.0),
                    pvalue_mean((d - mean) ** 2, variance / n, fourth, skewness=8.0)]  # fmt: skip

        return pvalues

    def one_sided(mean, b, shape, rng):
        return mean + special.ndtri(special.ndtr(b - mean) * rng.random(shape))

    def about_itself(mean, b, shape, rng):
        return mean + truncated(0.0, b, shape, rng)

    assert_kills(
        verified(offset, b, n, 1), law(offset, b, n), size=20_000,
        mutants={"one side": verified(offset, b, n, 1, cut=one_sided), "no verifier": verified(offset, 9.0, n, 1),
                 "the model's own centre": verified(offset, b, n, 1, cut=about_itself),
                 "n - 1 points": verified(offset, b, n - 1, 1), "two rounds": verified(offset, b, n, 2)},
        wrong={"linear map": lambda d: pvalue_mean(d, offset * theory.verifier_contraction(b), 1.0, skewness=1.0)},
        formula="truncated normal, off centre", source="yi-verifier-center",
    )  # fmt: skip


def test_verifier_bound():
    """A bound: the mean square about the verifier must not be above it, and a loop that forgets to verify is."""
    b, n, T = 1.3, 4, 3
    bound = theory.verifier_error_bound(n, b, T, initial=2.0**2)

    def pvalues(d):
        return pvalue_mean(d**2, bound[T], b * bound[T] ** 0.5, skewness=8.0, side="above")

    assert_kills(
        verified(2.0, b, n, T), pvalues, size=20_000,
        mutants={"no verifier": verified(2.0, 9.0, n, T), "one point": verified(2.0, b, 1, T),
                 "one round": verified(2.0, b, n, 1)},
        formula="Eq. 7", source="yi-verifier-center",
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------- detection

ALPHA, TPR, FPR = 0.4, 0.8, 0.1


def detected(n, t, *, alpha=ALPHA, tpr=TPR, fpr=FPR, shift=0.0, keeps_flagged=False, start=0.0):
    """A mean, refitted t times to what is left of n points; chains where nothing is left stay as they are."""

    def draw(size, rng):
        d = np.full(size, start)
        for _ in range(t):
            synthetic = rng.random((size, n)) >= alpha
            flagged = rng.random((size, n)) < np.where(synthetic, tpr, fpr)
            left = flagged if keeps_flagged else ~flagged
            x = rng.standard_normal((size, n)) + synthetic * (d[:, None] + shift)
            count = left.sum(axis=1)
            d = np.where(count > 0, (x * left).sum(axis=1) / np.maximum(count, 1), d)
        return d

    return draw


@pytest.mark.parametrize("shift", [0.0, 0.6])
def test_detector_in_the_loop(shift):
    n, t = 8, 10  # a^10 is below 1e-8
    kappa = theory.detector_contamination(ALPHA, TPR, FPR)
    bias = kappa * shift / (1 - kappa)

    def law(n, alpha=ALPHA, tpr=TPR, fpr=FPR, kept="random"):
        square = theory.detector_loop_error(n, alpha, tpr, fpr, shift=shift, kept=kept)
        kappa = theory.detector_contamination(alpha, tpr, fpr)
        bias = kappa * shift / (1 - kappa)

        def pvalues(d):
            # a mixture of normal laws, whose variances scatter by the number of points left: 12 squares are allowed for
            return [pvalue_mean(d, bias, (square - bias**2) ** 0.5, skewness=1.5),
                    pvalue_mean(d**2, square, 12**0.5 * square, skewness=30.0)]  # fmt: skip

        return pvalues

    mutants = {
        "rates swapped": detected(n, t, tpr=FPR, fpr=TPR, shift=shift, start=bias),
        "flagged kept": detected(n, t, keeps_flagged=True, shift=shift, start=bias),
        "no detector": detected(n, t, tpr=0.0, fpr=0.0, shift=shift, start=bias),
        "n - 1 points": detected(n - 1, t, shift=shift, start=bias),
        "real fraction swapped": detected(n, t, alpha=1 - ALPHA, shift=shift, start=bias),
    }
    assert_kills(
        detected(n, t, shift=shift, start=bias), law(n), size=40_000, mutants=mutants,
        wrong={"numbers at their means": law(n, kept="mean"), "rates swapped": law(n, tpr=FPR, fpr=TPR)},
        formula="V = sigma^2 h / (1 - a)", source="detector-in-fresh-loop",
    )  # fmt: skip


BATCH, SHARE, BATCHES, P = 4, 0.4, 4, 0.3


def subtracting(*, forgets=False, biased=False, weigh=2):
    """The linear estimate of a probability from batches that are partly drawn from the last estimate."""

    def draw(size, rng):
        estimate, worth = rng.binomial(BATCH, P, size) / BATCH, float(BATCH)
        for _ in range(BATCHES - 1):
            r = SHARE * P + (1 - SHARE) * estimate
            seen = rng.binomial(BATCH, np.clip(r, 0, 1)) / BATCH
            fresh = seen if biased else (seen - (1 - SHARE) * estimate) / SHARE
            step = BATCH * SHARE**weigh
            estimate = (worth * (not forgets) * estimate + step * fresh) / (worth * (not forgets) + step)
            worth += step
        return estimate

    return draw


def test_provenance_free_estimate():
    error = theory.provenance_free_error(BATCH, [1] + [SHARE] * (BATCHES - 1), 2 * P * (1 - P))[-1] / 2

    def law(error):
        def pvalues(x):
            return [pvalue_mean(x, P, error**0.5, skewness=0.5),
                    pvalue_mean((x - P) ** 2, error, 1.7 * error, skewness=4.0)]  # fmt: skip

        return pvalues

    assert_kills(
        subtracting(), law(error), size=60_000,
        mutants={"not subtracted": subtracting(biased=True), "weights n alpha": subtracting(weigh=1),
                 "last batch alone": subtracting(forgets=True)},
        wrong={"oracle": law(P * (1 - P) * theory.minimax_order(BATCH, [1] + [SHARE] * (BATCHES - 1), oracle=True)),
               "order for value": law(P * (1 - P) * theory.minimax_order(BATCH, [1] + [SHARE] * (BATCHES - 1)))},
        formula="provenance_free_error", source="KG-ESS",
    )  # fmt: skip


SCORES = np.array([0.02, 0.1, 0.3, 0.8])
REAL, SYNTHETIC = np.array([0.5, 0.3, 0.1, 0.1]), np.array([0.1, 0.1, 0.3, 0.5])


def resampled(power=10.0, copies=3, share=1.5, swap=False):
    """The published rule: 1.5 N out of three copies of N items, without replacement; contamination per corpus."""
    items = 20_000  # what the limit leaves out is of order 1/N, the scatter of a corpus of order N^(-1/2)

    def draw(size, rng):
        out = np.empty(size)
        real = 0.4 * items
        for i in range(size):
            synthetic = np.arange(items) >= real
            counts = np.where(synthetic, rng.choice(4, items, p=SYNTHETIC), rng.choice(4, items, p=REAL))
            score = 1 - SCORES[counts] if swap else SCORES[counts]
            weight = np.tile((1 - score) ** power, copies)
            # exponential clocks ring in the order of successive sampling
            clock = rng.exponential(size=weight.size) / weight
            chosen = np.argpartition(clock, int(share * items))[: int(share * items)]
            out[i] = np.tile(synthetic, copies)[chosen].mean()
        return out

    return draw


def test_importance_resampling():
    def law(**options):
        kappa = theory.resampling_contamination(0.4, SCORES, REAL, SYNTHETIC, **options)
        # a share of 30000 draws from 20000 items in at most three copies each: three times a binomial variance
        return lambda sample: pvalue_mean(sample, kappa, (3 * kappa * (1 - kappa) / 30_000) ** 0.5, skewness=0.1)

    assert_kills(
        resampled(), law(drawn=0.5), size=12,
        mutants={"score of the other class": resampled(swap=True), "power 1": resampled(power=1.0),
                 "one copy": resampled(copies=2)},
        wrong={"with replacement": law(drawn=0.0)},
        formula="1 - exp(-w theta) in the place of w", source="drayson-importance-resampling",
    )  # fmt: skip
