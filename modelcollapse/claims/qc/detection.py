r"""Second readings: detectors, watermarks, exclusion of synthetic data (claims file 7, third part).

The routes. A detector is a table: where a point comes from, and what the detector says of it; everything here is read
off such tables. The effective sample sizes come from the posterior: among the points on which the detector says
:math:`w`, a fraction :math:`\gamma_w` is real, such a point sees the truth with the sensitivity :math:`\gamma_w`, and
its weight is :math:`\gamma_w^2` (`effective_weight`); no chi-square distance enters. The chi-square distances are
computed apart, as variances of a likelihood ratio over the letters of the detector's alphabet, and the closed forms
of the channels are never used. The mean and variance of the estimator without provenance are sums over every count
that a batch can show, and combining by inverse variance is a least-squares problem that is solved. Stationary
variances are fixed points of one line.

ERR-10 is followed: the erasure channel has the chi-square distance :math:`(1-\epsilon)(1-\alpha)/\alpha`.
The minimax rates of `KG-ESS` are orders without constants; the effective sample sizes inside are given.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from modelcollapse.claims.qc.reading import second_reading


def log_integer(rng, low, high):
    """An integer between low and high, uniform in its logarithm."""
    return round(math.exp(rng.uniform(math.log(low), math.log(high))))


def chance(rng):
    """A probability in [0, 1]: the ends, values next to them, and the middle."""
    return float(rng.choice([0.0, 1.0, rng.uniform(), 10 ** rng.uniform(-6, -1), 1 - 10 ** rng.uniform(-6, -1)]))


def inner_chance(rng):
    """A probability in (0, 1)."""
    return float(rng.choice([rng.uniform(), 10 ** rng.uniform(-6, -1), 1 - 10 ** rng.uniform(-6, -1)]))


def draw_detector(rng):
    """A real fraction in (0, 1), TPR in (0, 1] and FPR in [0, 1): something is flagged, and something is not."""
    tpr, fpr = (float(rng.choice([end, inner_chance(rng)], p=[0.2, 0.8])) for end in (1.0, 0.0))
    return {"alpha": inner_chance(rng), "tpr": tpr, "fpr": fpr}


def draw_any_detector(rng):
    """A real fraction in (0, 1], any detector that does not drop everything."""
    tpr, fpr = chance(rng), chance(rng)
    alpha = float(rng.choice([1.0, inner_chance(rng)]))
    return {"alpha": alpha, "tpr": tpr, "fpr": fpr if fpr < 1 else 0.5}


# ---------------------------------------------------------------------------------------------------------------------
# What a detector leaves behind
# ---------------------------------------------------------------------------------------------------------------------


def table(alpha, tpr, fpr):
    """Exact fractions: rows real and synthetic, columns unflagged and flagged."""
    alpha, tpr, fpr = Fraction(alpha), Fraction(tpr), Fraction(fpr)
    real, synthetic = alpha, 1 - alpha
    return (real * (1 - fpr), real * fpr), (synthetic * (1 - tpr), synthetic * tpr)


def left(alpha, tpr, fpr):
    """The contamination of the unflagged, a fraction."""
    real, synthetic = table(alpha, tpr, fpr)
    return synthetic[0] / (real[0] + synthetic[0])


@second_reading(
    "detector-effective-contamination", draw=draw_any_detector, route="table of origin and flag, exact fractions"
)
def residual_contamination(alpha, tpr, fpr):
    """(1-alpha)(1-TPR)/Q_u: the synthetic fraction of the unflagged."""
    return float(left(alpha, tpr, fpr))


@second_reading(
    "detector-effective-contamination", draw=draw_any_detector, route="table of origin and flag, exact fractions"
)
def residual_odds(alpha, tpr, fpr):
    """(1-alpha)/alpha (1-TPR)/(1-FPR)."""
    real, synthetic = table(alpha, tpr, fpr)
    return float(synthetic[0] / real[0])


@second_reading(
    "detector-effective-contamination", draw=draw_any_detector, route="table of origin and flag, exact fractions"
)
def kept_fraction(alpha, tpr, fpr):
    """Q_u = 1 - alpha FPR - (1-alpha) TPR."""
    real, synthetic = table(alpha, tpr, fpr)
    return float(real[0] + synthetic[0])


@second_reading(
    "detector-effective-contamination", draw=draw_any_detector, route="table of origin and flag, exact fractions"
)
def flagged_fraction(alpha, tpr, fpr):
    """Q_f = alpha FPR + (1-alpha) TPR."""
    real, synthetic = table(alpha, tpr, fpr)
    return float(real[1] + synthetic[1])


@second_reading(
    "detector-effective-contamination",
    draw=lambda rng: {"n": log_integer(rng, 1, 10**6), **draw_any_detector(rng)},
    route="table of origin and flag, exact fractions",
)
def real_points_kept(n, alpha, tpr, fpr):
    """Real and unflagged: n alpha (1-FPR)."""
    return float(n * table(alpha, tpr, fpr)[0][0])


# ---------------------------------------------------------------------------------------------------------------------
# Estimation without provenance
# ---------------------------------------------------------------------------------------------------------------------


def draw_batch(rng):
    """A batch of a few points, its real fraction, the truth and the previous estimate of one letter."""
    alpha = float(rng.choice([1.0, inner_chance(rng)]))
    p, previous = float(rng.uniform(0.001, 0.999)), float(rng.uniform(0, 1))
    return {"n": int(rng.choice([1, 2, rng.integers(3, 80)])), "alpha": alpha, "p": p, "previous": previous}


def counts(n, alpha, p, previous):
    """Every count a batch can show, its probability, and the estimate made of it."""
    chance_of_letter = alpha * p + (1 - alpha) * previous
    law = np.ones(1)
    for _ in range(n):  # one point after the other
        law = np.convolve(law, [1 - chance_of_letter, chance_of_letter])
    return law, (np.arange(n + 1) / n - (1 - alpha) * previous) / alpha


# Unbiased, so the answer is p; with a small real fraction the estimate is a small difference over a small number, and
# rtol speaks of draws with alpha not below 1e-2.
@second_reading(
    "KG-ESS",
    draw=lambda rng: {**draw_batch(rng), "alpha": float(rng.uniform(0.01, 1))},
    route="every count of the batch",
    rtol=1e-8,
)
def without_provenance_mean(n, alpha, p, previous):
    """The mean of (p_hat - (1-alpha) previous)/alpha, which is p."""
    law, estimate = counts(n, alpha, p, previous)
    return float(law @ estimate)


@second_reading("KG-ESS", draw=draw_batch, route="every count of the batch")
def without_provenance_variance(n, alpha, p, previous):
    """Conditional variance r (1-r)/(n alpha^2), r = alpha p + (1-alpha) previous."""
    law, _ = counts(n, alpha, p, previous)
    shown = np.arange(n + 1) / n
    mean = float(law @ shown)
    return float(law @ (shown - mean) ** 2) / alpha / alpha


def draw_batches(rng):
    """Sizes and real fractions of a few batches, and one letter's truth and previous estimates."""
    batches = int(rng.integers(1, 8))
    sizes = tuple(log_integer(rng, 1, 10**5) for _ in range(batches))
    return {"sizes": sizes, "alphas": tuple(float(10 ** rng.uniform(-3, 0)) for _ in range(batches))}


@second_reading(
    "KG-ESS",
    draw=lambda rng: {**(b := draw_batches(rng)), "p": float(rng.uniform(0.01, 0.99)),
                      "previous": tuple(rng.uniform(0.01, 0.99, len(b["sizes"])).tolist())},
    route="least squares of independent unbiased estimates",
)  # fmt: skip
def combined_variance(sizes, alphas, p, previous):
    """1/sum(1/v_i), v_i = r_i (1-r_i)/(n_i alpha_i^2): one constant fitted to the estimates in units of their sds."""
    sizes, alphas, previous = (np.asarray(v, float) for v in (sizes, alphas, previous))
    chance_of_letter = alphas * p + (1 - alphas) * previous
    design = alphas * np.sqrt(sizes / (chance_of_letter * (1 - chance_of_letter)))  # whitened: one column
    solution = np.linalg.pinv(design[:, None])
    return float((solution @ solution.T).item())


@second_reading("KG-ESS", draw=draw_batches, route="weights of the posterior, exact fractions")
def ess_without_provenance(sizes, alphas):
    """Without provenance, sum n_i alpha_i^2."""
    return float(sum(size * Fraction(alpha) ** 2 for size, alpha in zip(sizes, alphas, strict=True)))


@second_reading("KG-ESS", draw=draw_batches, route="weights of the posterior, exact fractions")
def ess_oracle(sizes, alphas):
    """With an oracle, sum n_i alpha_i."""
    return float(sum(size * Fraction(alpha) for size, alpha in zip(sizes, alphas, strict=True)))


# ---------------------------------------------------------------------------------------------------------------------
# Watermarks
# ---------------------------------------------------------------------------------------------------------------------


def effective_weight(alpha, real_law, synthetic_law):
    """Per letter of the detector, the weight of a point: chance of the letter times the squared chance of real."""
    real = alpha * np.asarray(real_law, float)
    seen = real + (1 - alpha) * np.asarray(synthetic_law, float)
    weight = np.zeros_like(seen)
    np.divide(real, seen, out=weight, where=seen > 0)
    return seen * weight**2


def distance(alpha, real_law, synthetic_law):
    """Chi-square of the real law from the mixture, the variance of their likelihood ratio, letter by letter."""
    real, synthetic = np.asarray(real_law, float), np.asarray(synthetic_law, float)
    seen = alpha * real + (1 - alpha) * synthetic
    some = seen > 0
    return math.fsum(((1 - alpha) * (real - synthetic)[some]) ** 2 / seen[some])


def draw_laws(rng):
    """Output laws of a watermark detector, some letters never shown for synthetic points; any real fraction > 0."""
    letters = int(rng.integers(2, 7))
    laws = rng.dirichlet(np.full(letters, 0.7), size=2) + 1e-12
    if rng.uniform() < 0.3:
        laws[1, 0] = 0
    laws /= laws.sum(axis=1, keepdims=True)
    alpha = float(rng.choice([1.0, inner_chance(rng)]))
    return {"alpha": alpha, "real_law": tuple(laws[0].tolist()), "synthetic_law": tuple(laws[1].tolist())}


def draw_counted_laws(rng):
    """Output laws and a number of draws."""
    return {"n": log_integer(rng, 1, 10**6), **draw_laws(rng)}


@second_reading("watermark-effective-sample-size", draw=draw_laws, route="variance of a likelihood ratio", atol=1e-12)
def watermark_chi_square(alpha, real_law, synthetic_law):
    """chi2(Q_1 || alpha Q_1 + (1-alpha) Q_0)."""
    return distance(alpha, real_law, synthetic_law)


@second_reading("watermark-effective-sample-size", draw=draw_counted_laws, route="squared posteriors, letter by letter")
def watermark_ess(n, alpha, real_law, synthetic_law):
    """With a watermark, n alpha^2 (1 + chi2)."""
    return n * math.fsum(effective_weight(alpha, real_law, synthetic_law))


@second_reading(
    "watermark-effective-sample-size",
    draw=lambda rng: {"n": log_integer(rng, 1, 10**6), "alpha": inner_chance(rng)},
    route="squared posteriors of a detector that says nothing",
)
def blind_ess(n, alpha):
    """Without a watermark, n alpha^2."""
    return n * math.fsum(effective_weight(alpha, [1.0], [1.0]))


@second_reading(
    "watermark-effective-sample-size",
    draw=lambda rng: {"n": log_integer(rng, 1, 10**6), "alpha": inner_chance(rng)},
    route="squared posteriors of a detector that says all",
)
def oracle_ess(n, alpha):
    """With an oracle, n alpha."""
    return n * math.fsum(effective_weight(alpha, [1.0, 0.0], [0.0, 1.0]))


def draw_binary(rng):
    """A number of draws and a binary detector."""
    return {"n": log_integer(rng, 1, 10**6), **draw_detector(rng)}


def binary_weights(alpha, tpr, fpr):
    """Weights of the unflagged and of the flagged points, out of the exact table."""
    real, synthetic = table(alpha, tpr, fpr)
    return tuple(real[j] ** 2 / (real[j] + synthetic[j]) for j in (0, 1))


@second_reading("watermark-effective-sample-size", draw=draw_binary, route="table of origin and flag, exact fractions")
def detector_ess(n, alpha, tpr, fpr):
    """With a binary detector, n alpha^2 ((1-FPR)^2/Q_u + FPR^2/Q_f)."""
    return float(n * sum(binary_weights(alpha, tpr, fpr)))


@second_reading("watermark-effective-sample-size", draw=draw_binary, route="table of origin and flag, exact fractions")
def detector_ess_dropping(n, alpha, tpr, fpr):
    """With the flagged dropped, n alpha^2 (1-FPR)^2/Q_u."""
    return float(n * binary_weights(alpha, tpr, fpr)[0])


@second_reading("watermark-effective-sample-size", draw=draw_binary, route="table of origin and flag, exact fractions")
def detector_ess_of_flagged(n, alpha, tpr, fpr):
    """What dropping loses, n alpha^2 FPR^2/Q_f."""
    return float(n * binary_weights(alpha, tpr, fpr)[1])


def draw_channel(rng):
    """A real fraction and a crossover or erasure probability; at 0 and 1 the printed forms are limits."""
    return {"alpha": inner_chance(rng), "epsilon": float(rng.choice([0.5, chance(rng)], p=[0.1, 0.9]))}


@second_reading(
    "watermark-effective-sample-size", draw=draw_channel, route="variance of a likelihood ratio over two letters"
)
def symmetric_channel(alpha, epsilon):
    """(1-2e)(1/(alpha/(1-alpha) + e/(1-e)) - 1/(alpha/(1-alpha) + (1-e)/e)), a symmetric channel."""
    real, crossover = Fraction(alpha), Fraction(epsilon)
    seen = [real * a + (1 - real) * (1 - a) for a in (1 - crossover, crossover)]
    return float(sum(((1 - real) * (1 - 2 * crossover)) ** 2 / s for s in seen))


@second_reading(
    "watermark-effective-sample-size", draw=draw_channel, route="variance of a likelihood ratio over three letters"
)
def erasure_channel(alpha, epsilon):
    """(1-e)(1-alpha)/alpha, the erasure channel (ERR-10)."""
    real, lost = Fraction(alpha), Fraction(epsilon)
    laws = ((1 - lost, Fraction(0)), (Fraction(0), 1 - lost), (lost, lost))  # real, synthetic; per letter
    seen = [real * a + (1 - real) * b for a, b in laws]
    return float(sum((a - s) ** 2 / s for (a, _), s in zip(laws, seen, strict=True) if s))


@second_reading("watermark-effective-sample-size", draw=draw_channel, route="as printed (ERR-10)")
def erasure_channel_as_printed(alpha, epsilon):
    """1 - e/alpha: wrong, and negative at that."""
    return float(1 - Fraction(epsilon) / Fraction(alpha))


@second_reading("watermark-effective-sample-size", draw=draw_laws, route="complement of a product")
def watermark_gain_bound(alpha, real_law, synthetic_law):
    """1/(alpha + e - alpha e), e = min Q_0/Q_1: no less than 1 + chi2; letters with Q_1 = 0 do not count."""
    lowest = min(Fraction(b) / Fraction(a) for a, b in zip(real_law, synthetic_law, strict=True) if a > 0)
    return float(1 / (1 - (1 - Fraction(alpha)) * (1 - lowest)))


def draw_watermarked_batches(rng):
    """Batches that share a watermark, one that says nothing at times."""
    laws = draw_laws(rng)
    silent = rng.uniform() < 0.2
    shown = laws["real_law"] if silent else laws["synthetic_law"]
    return {**draw_batches(rng), "real_law": laws["real_law"], "synthetic_law": shown}


@second_reading(
    "watermark-effective-sample-size", draw=draw_watermarked_batches, route="squared posteriors, batch by batch"
)
def watermark_loss_bound(sizes, alphas, real_law, synthetic_law):
    """3/sum n_i alpha_i^2 (1 + chi2(Q_1||alpha_i Q_1 + (1-alpha_i) Q_0))."""
    batches = zip(sizes, alphas, strict=True)
    return 3 / math.fsum(watermark_ess(size, alpha, real_law, synthetic_law) for size, alpha in batches)


# ---------------------------------------------------------------------------------------------------------------------
# Exclusion in a loop with fresh real data
# ---------------------------------------------------------------------------------------------------------------------


def draw_fresh(rng):
    """A number of candidates, their variance and a detector."""
    return {"n": log_integer(rng, 1, 10**6), "variance": float(10 ** rng.uniform(-2, 2)), **draw_detector(rng)}


def stationary(added, share):
    """V = added + share^2 V, in fractions."""
    return added / (1 - share**2)


@second_reading("detector-in-fresh-loop", draw=draw_fresh, route="fixed point of the pooled mean, exact fractions")
def variance_with_exclusion(n, variance, alpha, tpr, fpr):
    """variance/(n Q_u (1 - contamination^2)), kept numbers at their means."""
    real, synthetic = table(alpha, tpr, fpr)
    return variance * float(stationary(1 / (n * (real[0] + synthetic[0])), left(alpha, tpr, fpr)))


@second_reading(
    "detector-in-fresh-loop",
    draw=lambda rng: {"n": log_integer(rng, 1, 10**6), "variance": 1.3, "alpha": 1 - float(chance(rng) % 1)},
    route="fixed point of the pooled mean, exact fractions",
)  # fmt: skip
def variance_without_detector(n, variance, alpha):
    """variance/(n (1 - (1-alpha)^2))."""
    return variance * float(stationary(Fraction(1, n), 1 - Fraction(alpha)))


@second_reading(
    "detector-in-fresh-loop",
    draw=lambda rng: {"n": log_integer(rng, 1, 10**6), "variance": 1.3, "alpha": inner_chance(rng)},
    route="fixed point without memory",
)
def variance_real_only(n, variance, alpha):
    """variance/(n alpha)."""
    return variance * float(stationary(1 / (n * Fraction(alpha)), 0))


@second_reading(
    "detector-in-fresh-loop",
    draw=lambda rng: {"shift": float(rng.uniform(0, 3)), **draw_any_detector(rng)},
    route="mean shift of what is kept, squared, exact fractions",
)
def shift_floor(shift, alpha, tpr, fpr):
    """contamination^2 c^2; with a detector that never flags, (1-alpha)^2 c^2. `shift` is c^2."""
    return shift * float(left(alpha, tpr, fpr) ** 2)


# ---------------------------------------------------------------------------------------------------------------------
# Resampling by a detector's score
# ---------------------------------------------------------------------------------------------------------------------


@second_reading(
    "drayson-importance-resampling",
    draw=lambda rng: {"scores": (0.0, 1.0, *rng.beta(0.4, 0.4, 8).tolist()), "b": float(rng.choice([0, 1, 10]))},
    route="logarithms",
)  # fmt: skip
def resampling_weights(scores, b):
    """(1 - s)^b, with 0^0 = 1."""
    rest = 1 - np.asarray(scores)
    with np.errstate(divide="ignore"):
        return np.exp(b * np.log(rest)) if b else np.ones_like(rest)


# "round" is read as rounding to the nearest integer, ties (odd N) to the even neighbour, as in Python; the statement
# does not say.
@second_reading(
    "drayson-importance-resampling", draw=lambda rng: {"n": log_integer(rng, 1, 10**6)}, route="integer arithmetic"
)
def resampled_size(n):
    """round(1.5 N), ties to even."""
    whole, half = divmod(3 * n, 2)
    return float(whole + (half and whole % 2))


@second_reading(
    "drayson-importance-resampling",
    draw=lambda rng: {"alpha": inner_chance(rng), "b": float(rng.uniform(0, 12)),
                      "synthetic_scores": tuple(rng.beta(4, 1, int(rng.integers(1, 9))).tolist()),
                      "real_scores": tuple(rng.beta(1, 4, int(rng.integers(1, 9))).tolist())},
    route="winner of one weighted draw, item by item",
)  # fmt: skip
def resampled_contamination(alpha, b, synthetic_scores, real_scores):
    """(1-alpha) E_syn w/((1-alpha) E_syn w + alpha E_real w), w = (1-s)^b."""
    items = [((1 - alpha) / len(synthetic_scores), s, 1) for s in synthetic_scores]
    items += [(alpha / len(real_scores), s, 0) for s in real_scores]
    logs = [math.log(mass) + b * math.log1p(-s) for mass, s, _ in items]
    weights = [math.exp(value - max(logs)) for value in logs]
    flagged = [w * origin for w, (_, _, origin) in zip(weights, items, strict=True)]
    return math.fsum(flagged) / math.fsum(weights)
