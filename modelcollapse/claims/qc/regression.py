r"""Second readings: loops of least-squares fits (claims file 5, part one).

Here are the loops in which every label comes from one place: the replacing and the accumulating loops, the growing
schedules, the fits with fewer rows than features, the mixing of labels on one design, the dictionary to mean
estimation, and the exponents of the power law. Mixtures of rows, ridge penalties, two-stage models and token editing
are in `regression_mixed`.

The routes. Nearly everything hangs on :math:`E\,\mathrm{tr}\,\Sigma(X^\top X)^{-1}`. By the Schur complement a diagonal
element of :math:`(X^\top X)^{-1}` (whitened) is one over the squared length of what is left of a column after the other
:math:`d-1` columns are projected away, a chi-square variable with :math:`n-d+1` degrees of freedom. So
`mean_inverse_chi_square` integrates :math:`1/x` against that density numerically, and no :math:`n-d-1` appears but in
the loops that pool fresh designs. Loops on one design are followed as vectors of coefficients over their independent
noise vectors (`squared_weights`): a fit is a list of numbers, an average of fits an average of lists, and the error is
the sum of squares. The fits without enough rows are followed by their second moments, in exact fractions, generation by
generation; the golden ratio comes as a quotient of Fibonacci numbers, the digamma function as a series in the zeta
function, :math:`\pi^2/6` as Planck's integral, and the exponents of the power law as the crossing of two lines.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from modelcollapse.claims.qc.reading import second_reading


def mean_inverse_chi_square(degrees):
    """Integrate 1/x against the chi-square density, in the logarithm of x, by the trapezoidal rule."""
    half = degrees / 2
    peak = math.log(degrees)
    step = 0.5 / math.sqrt(1 + degrees)
    left, right = 90 / min(half - 1, math.sqrt(half)), 6 + 14 / math.sqrt(half)
    y = np.arange(-left, min(right, 9.0), min(step, 0.1))
    weight = np.exp(half * y - half * np.expm1(y))
    return float(np.sum(weight * np.exp(-y)) / np.sum(weight) * math.exp(-peak))


def one_fit(d, n):
    """E tr Sigma (X'X)^-1: d features, each with the mean of 1/chi-square on n - d + 1 degrees of freedom."""
    return d * mean_inverse_chi_square(n - d + 1)


def squared_weights(t, tiles=False):
    """Sum of squared coefficients of the t-th average over the noise vectors; accumulating, or of tiles of the last."""
    if tiles:  # generation i averages i noise vectors of its own on top of the last fit
        return math.fsum(math.fsum([(1 / i) ** 2] * i) for i in range(1, t + 1))
    fit, total = np.zeros(t), np.zeros(t)
    for i in range(t):
        label = fit.copy()
        label[i] += 1
        total += label
        fit = total / (i + 1)
    return float(fit @ fit)


def log_integer(rng, low, high):
    """An integer between low and high, uniform in its logarithm, the lowest included."""
    return round(math.exp(rng.uniform(math.log(low), math.log(high))))


def draw_design(rng, d_high=60, spare=2000):
    """A number of features and of rows, d < n - 1; the fewest rows allowed are not rare."""
    d = log_integer(rng, 1, d_high)
    return {"d": d, "n": d + 1 + log_integer(rng, 1, spare), "variance": float(10 ** rng.uniform(-3, 3))}


def draw_sizes(rng):
    """A schedule of sizes, at times growing, at times wild; every size admits d features."""
    d = log_integer(rng, 1, 30)
    sizes = tuple(d + 1 + log_integer(rng, 1, 500) for _ in range(int(rng.integers(1, 30))))
    return {"sizes": sizes, "d": d, "variance": float(10 ** rng.uniform(-3, 3))}


# ---------------------------------------------------------------------------------------------------------------------
# Replace and accumulate
# ---------------------------------------------------------------------------------------------------------------------


@second_reading(
    "reg-replace-linear",
    draw=lambda rng: {"t": int(rng.integers(0, 2)) * log_integer(rng, 1, 1000), **draw_design(rng)},
    route="quadrature of the mean of 1/chi-square",
)
def replace_error(t, d, n, variance):
    """Independent noises add: t variance d E[1/chi2_{n-d+1}]."""
    return t * variance * one_fit(d, n)


@second_reading(
    "reg-accumulate-sameX-pi2over6",
    draw=lambda rng: {"t": log_integer(rng, 1, 600) - int(rng.integers(0, 2)), **draw_design(rng)},
    route="every fit as its list of coefficients over the noise vectors",
)
def accumulate_same_design(t, d, n, variance):
    """Variance d/(n-d-1) sum_{i<=t} 1/i^2, from the coefficients of the averages."""
    return variance * one_fit(d, n) * squared_weights(t)


@second_reading("reg-accumulate-sameX-pi2over6", draw=draw_design, route="Planck's integral of x/(e^x - 1)", rtol=1e-9)
def accumulate_same_design_limit(d, n, variance):
    """Variance d/(n-d-1) pi^2/6, the bound for every t."""
    from scipy.integrate import quad

    sixth = quad(lambda x: x * math.exp(-x) / -math.expm1(-x) if x else 1.0, 0, 60, epsabs=0, epsrel=1e-12)[0]
    return variance * one_fit(d, n) * sixth


@second_reading(
    "reg-accumulate-freshX-exact", draw=draw_sizes, route="shares of a batch in the pooled rows, exact fractions"
)
def accumulate_fresh_sizes(sizes, d, variance):
    """Variance d sum_i n_i/(N_i (N_i - d - 1)): the rows of generation i are n_i exchangeable ones of N_i."""
    total, pooled = Fraction(0), 0
    for size in sizes:
        pooled += size
        whole = Fraction(1, pooled - d - 1)  # E (sum of all rows)^-1, per feature
        each_row = whole / pooled
        total += size * each_row
    return variance * d * float(total)


@second_reading(
    "reg-accumulate-freshX-exact",
    draw=lambda rng: {"sizes": tuple(2 + log_integer(rng, 1, 300) for _ in range(int(rng.integers(1, 9))))},
    route="quadrature of s E[x e^(-s(x+y))], chi-square variables of new and of old rows",
    rtol=1e-9,
)
def accumulate_fresh_one_feature(sizes):
    """One feature, unit variance: sum_i E[x/(x+y)^2], x the new sum of squares and y the old, no exchangeability."""
    from scipy.integrate import quad

    def term(new, pooled):  # E x e^(-sx) E e^(-sy) = new (1+2s)^(-pooled/2 - 1), in v = log(1 + 2s)
        decay = pooled / 2
        return quad(lambda v: new * math.exp(-decay * v) * math.expm1(v) / 4, 0, 45 / (decay - 1), epsrel=1e-12)[0]

    pooled = np.cumsum(sizes)
    return math.fsum(term(int(new), int(total)) for new, total in zip(sizes, pooled, strict=True))


@second_reading(
    "reg-accumulate-freshX-exact",
    draw=lambda rng: {"t": log_integer(rng, 1, 10_000), **draw_design(rng)},
    route="term by term from the small end, correctly rounded",
)
def accumulate_fresh_equal(t, d, n, variance):
    """Variance d sum_i 1/(i (i n - d - 1)); term by term."""
    return variance * d * math.fsum(1 / (i * (i * n - d - 1)) for i in range(t, 0, -1))


@second_reading("reg-accumulate-freshX-exact", draw=draw_design, route="series in the zeta function", rtol=1e-11)
def accumulate_fresh_limit(d, n, variance):
    """-variance d/(d+1) (psi(1-a) + gamma), a = (d+1)/n, as a/(1-a) + sum_{k>=2} (zeta(k) - 1) a^(k-1)."""
    from scipy.special import zetac

    a = (d + 1) / n
    powers = np.arange(2, 64)
    series = math.fsum(zetac(powers) * a ** (powers - 1.0))
    return variance * d / (d + 1) * ((d + 1) / (n - d - 1) + series)


@second_reading("reg-accumulate-freshX-exact", draw=draw_sizes, route="the telescoping sum, for ever, exact fractions")
def accumulate_fresh_bound(sizes, d, variance):
    """2 variance d/(n_1 - d - 1): the first fit, and the telescope 1/(N_1-d-1) - 1/(N_inf-d-1)."""
    first = Fraction(1, sizes[0] - d - 1)
    telescope, pooled = Fraction(0), sizes[0]
    for size in sizes[1:]:
        telescope += Fraction(1, pooled - d - 1) - Fraction(1, pooled + size - d - 1)
        pooled += size
    telescope += Fraction(1, pooled - d - 1)  # one more batch, as large as you like
    return variance * d * float(first + telescope)


@second_reading(
    "reg-replace-multiple",
    draw=lambda rng: {"t": log_integer(rng, 1, 1000) - int(rng.integers(0, 2)), **draw_design(rng)},
    route="generation i averages i noise vectors of its own",
)
def replace_multiple_same_design(t, d, n, variance):
    """Variance d/(n-d-1) H_t: tiles of one design, i noise vectors in generation i."""
    return variance * one_fit(d, n) * squared_weights(t, tiles=True)


@second_reading(
    "reg-replace-multiple",
    draw=lambda rng: {"t": log_integer(rng, 1, 100_000) - int(rng.integers(0, 2)), **draw_design(rng)},
    route="digamma differences at thirty digits",
)
def replace_multiple_fresh(t, d, n, variance):
    """Variance d sum_{i<=t} 1/(i n - d - 1) = variance (d/n) (psi(t + 1 - a) - psi(1 - a)), a = (d+1)/n."""
    import mpmath

    with mpmath.workdps(30):
        a = mpmath.mpf(d + 1) / n
        return float(mpmath.mpf(variance) * d / n * (mpmath.psi(0, t + 1 - a) - mpmath.psi(0, 1 - a)))


@second_reading("reg-replace-schedule", draw=draw_sizes, route="quadrature of the mean of 1/chi-square")
def replace_schedule(sizes, d, variance):
    """Variance d sum_i 1/(n_i - d - 1)."""
    return variance * math.fsum(one_fit(d, size) for size in sizes)


# ---------------------------------------------------------------------------------------------------------------------
# Fewer rows than features
# ---------------------------------------------------------------------------------------------------------------------


def draw_thin(rng):
    """Fewer rows than features, n < d - 1; the most rows allowed, and few, are not rare."""
    n = log_integer(rng, 1, 60)
    d = n + 1 + log_integer(rng, 1, 400)
    t = int(rng.choice([0, 1, 2, log_integer(rng, 1, 150)]))
    return {"t": t, "d": d, "n": n, "signal": float(10 ** rng.uniform(-2, 2)), "variance": float(rng.uniform(0, 3))}


def thin_moments(t, d, n):
    """E |w_t|^2 and E w*.w_t in units of |w*|^2, and E |noise part|^2 in units of the variance, as fractions."""
    square, inner, noise = Fraction(1), Fraction(1), Fraction(0)
    kept = Fraction(n, d)  # a uniformly random n-dimensional subspace keeps n/d of every squared length, E P = (n/d) I
    for _ in range(t):
        square, inner, noise = kept * square, kept * inner, kept * noise + Fraction(n, d - n - 1)
    return square, inner, noise


@second_reading(
    "reg-overparam-exponential", draw=draw_thin, route="second moments, generation by generation, fractions"
)
def minimum_norm_error(t, d, n, signal, variance):
    """Signal (1 - eta^t) + variance n/(d-n-1) (1 - eta^t)/(1 - eta), eta = n/d, as |w*|^2 - 2 w*.w_t + |w_t|^2."""
    square, inner, noise = thin_moments(t, d, n)
    return float(1 - 2 * inner + square) * signal + float(noise) * variance


@second_reading(
    "reg-overparam-exponential",
    draw=lambda rng: {key: value for key, value in draw_thin(rng).items() if key != "variance"},
    route="second moments, exact fractions",
)
def minimum_norm_error_noise_free(t, d, n, signal):
    """Signal (1 - eta^t): lost without any noise."""
    square, inner, _ = thin_moments(t, d, n)
    return float(1 - 2 * inner + square) * signal


@second_reading(
    "reg-overparam-exponential",
    draw=lambda rng: {"t": log_integer(rng, 1, 1000), "d": 40, "n": int(rng.integers(1, 40)), "signal": 2.5},
    route="P P = P: one projection, t times",
)
def minimum_norm_error_same_design(t, d, n, signal):
    """Signal (1 - eta) for every t >= 1: literally one diagonal projection with n ones, applied t times."""
    projection = np.diag([1.0] * n + [0.0] * (d - n))  # rotated at random; the mean over w* on a sphere is the trace
    lost = np.eye(d) - np.linalg.matrix_power(projection, t)
    return signal * float(np.trace(lost @ lost)) / d


# ---------------------------------------------------------------------------------------------------------------------
# Labels mixed on one design, and the dictionary to mean estimation
# ---------------------------------------------------------------------------------------------------------------------


def draw_weight(rng):
    """A weight of the real labels in (0, 1], small ones and 1 included."""
    return float(rng.choice([1.0, 0.5, rng.uniform(0.01, 1), 10 ** rng.uniform(-4, 0)]))


@second_reading(
    "reg-golden-ratio",
    draw=lambda rng: {"w": draw_weight(rng)},
    route="fixed point of the recursion in exact fractions",
)
def label_mixing_factor(w):
    """(w^2 + (1-w)^2)/(1 - (1-w)^2): x = w^2 + (1-w)^2 (1 + x)."""
    keep = (1 - Fraction(w)) ** 2
    return float((Fraction(w) ** 2 + keep) / (1 - keep))


@second_reading(
    "reg-golden-ratio",
    draw=lambda rng: {"w": draw_weight(rng), **draw_design(rng)},
    route="fixed point in fractions times a quadrature",
)
def label_mixing_error(w, d, n, variance):
    """The factor times variance d/(n-d-1)."""
    return label_mixing_factor(w) * variance * one_fit(d, n)


@second_reading("reg-golden-ratio", draw=lambda rng: {}, route="quotient of Fibonacci numbers", rtol=1e-14)
def label_mixing_best_weight():
    """(sqrt 5 - 1)/2, where the factor is as large as the weight."""
    last, this = 1, 1
    for _ in range(120):
        last, this = this, last + this
    return float(Fraction(last, this))


def draw_mean(rng):
    """A generation, a size and a variance per coordinate."""
    return {
        "t": log_integer(rng, 1, 300),
        "n": log_integer(rng, 1, 10_000),
        "variance": float(10 ** rng.uniform(-3, 3)),
    }


@second_reading("reg-same-as-mean-estimation", draw=draw_mean, route="t independent averages added, exact fractions")
def mean_replace(t, n, variance):
    """Averages add: t variance/n."""
    return variance * float(sum((Fraction(1, n) for _ in range(t)), Fraction(0)))


@second_reading("reg-same-as-mean-estimation", draw=draw_mean, route="coefficients over the batches' averages")
def mean_accumulate(t, n, variance):
    """Variance/n sum_{i<=t} 1/i^2."""
    return variance / n * squared_weights(t)


@second_reading("reg-same-as-mean-estimation", draw=draw_mean, route="coefficients over the batches' averages")
def mean_replace_multiple(t, n, variance):
    """Variance/n sum_{i<=t} 1/i."""
    return variance / n * squared_weights(t, tiles=True)


@second_reading(
    "reg-same-as-mean-estimation",
    draw=lambda rng: {"fresh": draw_weight(rng), "n": log_integer(rng, 1, 10_000), "variance": 1.7},
    route="fixed point V = variance/n + (1 - fresh)^2 V in fractions",
)
def mean_fresh_fraction(fresh, n, variance):
    """Variance/(n fresh (2 - fresh))."""
    return variance * float(Fraction(1, n) / (1 - (1 - Fraction(fresh)) ** 2))


@second_reading("reg-same-as-mean-estimation", draw=lambda rng: {}, route="bisection of the two stationary errors")
def fresh_fraction_like_accumulation():
    """1 - sqrt(1 - 6/pi^2): the fresh fraction that does as well as accumulating for ever."""
    from scipy.optimize import brentq

    return float(brentq(lambda fresh: 1 / (fresh * (2 - fresh)) - math.pi**2 / 6, 0.1, 1.0, xtol=1e-15, rtol=1e-14))


# ---------------------------------------------------------------------------------------------------------------------
# Exponents of the power law
# ---------------------------------------------------------------------------------------------------------------------


def draw_power_law(rng):
    """A decay of the spectrum, a source exponent on either side of 1, and a growth of the first sample."""
    return {"beta": float(rng.uniform(1, 6)), "r": float(rng.uniform(0.01, 2)), "c": float(rng.uniform(0, 2))}


def crossing(beta, r, head):
    """The rate s and the exponent l at which head - l/beta (variance) meets 2 min(r,1) l (bias)."""
    rate, exponent = np.linalg.solve([[1, 1 / beta], [1, -2 * min(r, 1)]], [head, 0])
    return float(rate), float(exponent)


@second_reading(
    "reg-dohmatob-powerlaw",
    draw=lambda rng: {key: value for key, value in draw_power_law(rng).items() if key != "c"},
    route="crossing of the exponents of bias and variance",
)
def power_law_critical_exponent(beta, r):
    """beta/(1 + 2 min(r,1) beta): the ridge exponent that is best for clean labels."""
    return crossing(beta, r, 1)[1]


@second_reading(
    "reg-dohmatob-powerlaw",
    draw=lambda rng: {key: value for key, value in draw_power_law(rng).items() if key != "c"},
    route="crossing of the exponents of bias and variance",
)
def power_law_clean_rate(beta, r):
    """2 min(r,1) l_crit: the error falls like n to minus this."""
    return crossing(beta, r, 1)[0]


@second_reading("reg-dohmatob-powerlaw", draw=draw_power_law, route="crossing of the exponents of bias and variance")
def power_law_adapted_exponent(beta, r, c):
    """min(c, 1) l_crit: the best ridge exponent on labels of a generator fitted to n^c rows."""
    return crossing(beta, r, min(c, 1))[1]


# The statement writes the rate as c 2 min(r,1) beta/(1 + ...), which is meant for c <= 1 (for c > 1 the clean variance
# caps it); min(c, 1) is read here, as in the exponent beside it.
@second_reading("reg-dohmatob-powerlaw", draw=draw_power_law, route="crossing of the exponents of bias and variance")
def power_law_adapted_rate(beta, r, c):
    """min(c, 1) 2 min(r,1) beta/(1 + 2 min(r,1) beta)."""
    return crossing(beta, r, min(c, 1))[0]


@second_reading(
    "reg-dohmatob-powerlaw",
    draw=lambda rng: {"n": log_integer(rng, 1, 10**6), "d0": log_integer(rng, 1, 900), "n0": 1000, "k": 3,
                      "noise": float(rng.uniform(0.01, 3)), "noise0": float(rng.uniform(0, 3)),
                      "beta": float(rng.uniform(1, 6)), "r": float(rng.uniform(0.01, 2)),
                      "exponent": float(rng.uniform(0, 1))},
    route="sum of three logarithms",
)  # fmt: skip
def power_law_order(n, d0, n0, k, noise, noise0, beta, r, exponent):
    """[max(noise, n^(1-2rl-l/beta)) + k noise0/(1-phi0) max(n/n0, phi0)] n^-(1-l/beta), phi0 = d0/n0, no constants."""
    log = math.log(n)
    kept = (1 - exponent / beta) * log  # ERR-24: the exponent of the extra term too is 1 - l/beta
    clean = max(math.log(noise) - kept, -2 * min(r, 1) * exponent * log)
    extra = k * noise0 * n0 / (n0 - d0) * max(n, d0) / n0
    return math.exp(clean) + extra * math.exp(-kept)


@second_reading(
    "reg-dohmatob-powerlaw",
    draw=lambda rng: {"beta": float(rng.uniform(1.1, 6)), "exponent": float(rng.uniform(0, 1))},
    route="scaling of the integral of (1 + k u^beta)^-2 in k",
    rtol=1e-8,
)
def power_law_degrees_slope(beta, exponent):
    """l/beta: log-log slope in n of tr Sigma^2 (Sigma + n^-l)^-2, the sum over j taken as an integral."""
    from scipy.integrate import quad

    def logarithm(log_kappa):  # integral over j of (1 + kappa j^beta)^-2, in y = log j
        def density(y):
            power = log_kappa + beta * y
            return math.exp(y - 2 * math.log1p(math.exp(power))) if power < 700 else 0.0

        top = -log_kappa / beta
        low = quad(density, top - 40, top, epsabs=0, epsrel=1e-11)[0]
        return math.log(low + quad(density, top, top + 40 / (2 * beta - 1) + 3, epsabs=0, epsrel=1e-11)[0])

    return logarithm(-2 * exponent) - logarithm(-exponent)  # log n = 2 and log n = 1
