r"""Second readings: ridge penalties, mixtures of rows, two-stage models, token editing (claims file 5, part two).

Two facts carry this part, and neither is the one the statements were derived with.

*Random-matrix limits.* Where a statement solves for :math:`\kappa`, here the spectrum of :math:`X^\top X/n` is
integrated against the Marchenko-Pastur law: bias, variance and the trace of the shrunken generator noise are the
integrals of :math:`\lambda^2/(x+\lambda)^2`, :math:`x/(x+\lambda)^2` and :math:`x^2/(x+\lambda)^2`
(`spectral_integral`; midpoint rule in an angle, which converges geometrically). The error that shifted rows bring into
a ridge fit is a trace of the Gram matrix :math:`K=XX^\top/n` and of the projection :math:`Q` on the shifted rows. They
are free, so :math:`\tau(Qh(K)QK)=p_2\tau(h)\tau(K)+p_2^2(\tau(hK)-\tau(h)\tau(K))`, and everything is in the same
integrals.

*Exact least squares.* The rows are exchangeable. The hat matrix :math:`H` is a uniformly random projection of rank
:math:`d` in :math:`n` dimensions, so the moments of two of its entries follow from the second moment of a Beta
variable, from :math:`\sum_jH_{ij}^2=H_{ii}` and from :math:`\sum_iH_{ii}=d` (`hat_moments`). Summed over the shifted
rows these give :math:`E\,\mathrm{tr}B^2` and :math:`E(\mathrm{tr}B)^2` without zonal polynomials, for any number of
shifted rows. :math:`E\,\mathrm{tr}S\,\mathrm{tr}S^{-1}` follows because :math:`\mathrm{tr}S` is independent of
:math:`S/\mathrm{tr}S`. All in exact fractions.

Left out: the finite-sample trace of `reg-dohmatob-ridge` (an expectation without a formula), the random projections of
`reg-strong-collapse-ridge` (no formula), the second theorem of token editing (its roots are placed uncertainly).
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


# ---------------------------------------------------------------------------------------------------------------------
# The two engines
# ---------------------------------------------------------------------------------------------------------------------


def spectral_integral(function, d, n, lam):
    """Integrate function(x), with a pole at -lam at most, against the limiting spectrum of X'X/n (d by d)."""
    aspect = d / n
    root = math.sqrt(aspect)
    away = (1 - root) ** 2 / (2 * root), ((1 - root) ** 2 + lam) / (2 * root)  # poles at 0 and at -lam, in the cosine
    gaps = [math.log1p(a + math.sqrt(a * (a + 2))) for a in away]
    gap = min(gap for gap in gaps if gap > 0)  # no gap at 0 for d = n: the density has no pole there
    nodes = min(2**19, 64 + int(24 / gap))
    angle = (np.arange(nodes) + 0.5) * (math.pi / nodes)
    x = (1 - root) ** 2 + 4 * root * np.sin(angle / 2) ** 2
    continuous = 2 / nodes * float(np.sum(np.sin(angle) ** 2 / x * function(x)))
    atom = max(0.0, 1 - n / d)
    return continuous + (atom * float(function(np.zeros(1))[0]) if atom else 0.0)


def hat_moments(d, n):
    """E H_ii^2, E H_ij^2 and E H_ii H_jj of a random projection of rank d in n dimensions, as fractions."""
    square = Fraction(d * (d + 2), n * (n + 2))  # H_ii is Beta(d/2, (n-d)/2)
    other = (Fraction(d, n) - square) / (n - 1)  # sum_j H_ij^2 = H_ii
    product = (d * d - n * square) / (n * (n - 1))  # sum_ij H_ii H_jj = d^2
    return square, other, product


def block_moments(d, n, rows):
    """E tr B^2 and E (tr B)^2, B = S^(-1/2) X'QX S^(-1/2) with Q the projection on some of the rows."""
    square, other, product = hat_moments(d, n)
    pairs = rows * (rows - 1)
    return rows * square + pairs * other, rows * square + pairs * product


def memory(d, n_real, n_synthetic):
    """The exact share a of a shift of the synthetic rows' target in the error of the pooled fit, a fraction."""
    n = n_real + n_synthetic
    square, trace = block_moments(d, n, n_synthetic)
    if d == 1:
        return square
    # E B_ij B_kl = u [ij][kl] + v ([ik][jl] + [il][jk]), from the two moments
    determinant = Fraction(d * 2 * d - (d * d + d) * d * d)
    u = (square * 2 * d - (d * d + d) * trace) / determinant
    v = (d * trace - d * d * square) / determinant
    traces = Fraction(d, n - d - 1) * (n * d - 2)  # tr S is chi-square with nd degrees, independent of S/tr S
    return (u * d + v * (d + traces)) / d


def one_fit(d, n):
    """E tr Sigma (X'X)^-1 as a fraction."""
    return Fraction(d, n - d - 1)


# ---------------------------------------------------------------------------------------------------------------------
# A downstream model on the labels of an old generator
# ---------------------------------------------------------------------------------------------------------------------


def draw_two_stage(rng):
    """Two designs with more rows than features, and a number of fits of the generator."""
    d = log_integer(rng, 1, 60)
    rows = {"d": d, "n": d + 1 + log_integer(rng, 1, 1000), "n0": d + 1 + log_integer(rng, 1, 1000)}
    return {
        **rows,
        "k": int(rng.integers(0, 20)),
        "noise": float(rng.uniform(0, 3)),
        "noise0": float(rng.uniform(0, 3)),
    }


@second_reading("reg-dohmatob-twostage", draw=draw_two_stage, route="exact fractions, noises added one by one")
def two_stage_error(d, n, n0, k, noise, noise0):
    """Noise d/(n-d-1) + k noise0 d/(n0-d-1): k + 1 independent noises."""
    generator = sum((one_fit(d, n0) * Fraction(noise0) for _ in range(k)), Fraction(0))
    return float(one_fit(d, n) * Fraction(noise) + generator)


@second_reading("reg-dohmatob-twostage", draw=draw_two_stage, route="Marchenko-Pastur quadrature of 1/x", rtol=1e-9)
def two_stage_limit(d, n, n0, k, noise, noise0):
    """Noise phi/(1-phi) + k noise0 phi0/(1-phi0), phi = d/n: phi times the integral of 1/x."""
    later, first = (d / size * spectral_integral(lambda x: 1 / x, d, size, 0.0) for size in (n, n0))
    return noise * later + k * noise0 * first


def draw_ridge(rng):
    """A ridge fit on either side of d = n, d = n included; penalties from tiny to large."""
    d, n = log_integer(rng, 1, 400), log_integer(rng, 1, 400)
    n = int(rng.choice([n, d]))
    return {"d": d, "n": n, "lam": float(10 ** rng.uniform(-4, 2))}


def draw_ridge_error(rng):
    """A ridge fit on the labels of a generator after k fits."""
    design = draw_ridge(rng)
    k, n0 = int(rng.integers(0, 20)), design["d"] + 1 + log_integer(rng, 1, 1000)
    sizes = {
        "signal": float(rng.uniform(0, 3)),
        "noise": float(rng.uniform(0.1, 3)),
        "noise0": float(rng.uniform(0, 3)),
    }
    return {**design, "n0": n0, "k": k, **sizes}


def shrinkage(d, n, lam):
    """The integrals of lam^2/(x+lam)^2, x/(x+lam)^2 and x^2/(x+lam)^2."""
    functions = (lambda x: (lam / (x + lam)) ** 2, lambda x: x / (x + lam) ** 2, lambda x: (x / (x + lam)) ** 2)
    return tuple(spectral_integral(function, d, n, lam) for function in functions)


@second_reading("reg-dohmatob-ridge", draw=draw_ridge, route="Marchenko-Pastur quadrature", rtol=1e-9)
def ridge_kappa(d, n, lam):
    """Kappa = 1/tau((K + lam)^-1), K the n by n Gram matrix over n: solves kappa - lam = kappa phi/(1 + kappa)."""
    aspect = d / n
    own = aspect * (spectral_integral(lambda x: np.where(x > 0, 1 / (x + lam), 0), d, n, lam))
    return 1 / (own + max(0.0, (1 - aspect) / lam))


@second_reading("reg-dohmatob-ridge", draw=draw_ridge, route="Marchenko-Pastur quadrature", rtol=1e-9)
def ridge_bias(d, n, lam):
    """B/|w*|^2 = lam^2 tr (S + lam)^-2 / d."""
    return shrinkage(d, n, lam)[0]


@second_reading("reg-dohmatob-ridge", draw=draw_ridge, route="Marchenko-Pastur quadrature", rtol=1e-9)
def ridge_variance(d, n, lam):
    """V/noise = u = phi tr S (S + lam)^-2 / d."""
    return d / n * shrinkage(d, n, lam)[1]


@second_reading("reg-dohmatob-ridge", draw=draw_ridge, route="Marchenko-Pastur quadrature", rtol=1e-9)
def ridge_generator_share(d, n, lam):
    """Rho = tr S^2 (S + lam)^-2 / d."""
    return shrinkage(d, n, lam)[2]


@second_reading("reg-dohmatob-ridge", draw=draw_ridge_error, route="Marchenko-Pastur quadrature", rtol=1e-9)
def ridge_two_stage_error(d, n, n0, lam, k, signal, noise, noise0):
    """Signal B + noise u + k noise0 d/(n0-d-1) rho; signal = |w*|^2."""
    bias, fit, kept = shrinkage(d, n, lam)
    return signal * bias + noise * d / n * fit + k * noise0 * float(one_fit(d, n0)) * kept


# ---------------------------------------------------------------------------------------------------------------------
# Real and synthetic rows in one fit
# ---------------------------------------------------------------------------------------------------------------------


def draw_mixture(rng):
    """Real and synthetic rows, one kind of them absent at times, fewer of a kind than features at times."""
    d = log_integer(rng, 1, 60)
    n = d + 1 + log_integer(rng, 1, 500)
    n_synthetic = int(rng.choice([0, n, 1, n - 1, rng.integers(0, n + 1)]))
    return {"d": d, "n_real": n - n_synthetic, "n_synthetic": n_synthetic}


def draw_shifted(rng):
    """A mixture, the noise and the squared shift c^2 = tr Sigma Delta."""
    return {**draw_mixture(rng), "variance": float(10 ** rng.uniform(-2, 2)), "shift": float(rng.uniform(0, 3))}


@second_reading("reg-strong-collapse-ridgeless", draw=draw_mixture, route="exchangeable rows, exact fractions")
def shift_coefficient(d, n_real, n_synthetic):
    """The exact a of R = variance d/(n-d-1) + a c^2."""
    return float(memory(d, n_real, n_synthetic))


@second_reading("reg-strong-collapse-ridgeless", draw=draw_shifted, route="exchangeable rows, exact fractions")
def shifted_error(d, n_real, n_synthetic, variance, shift):
    """Variance d/(n-d-1) + a c^2, exact for least squares; shift is c^2, the trace (ERR-16)."""
    exact = one_fit(d, n_real + n_synthetic) * Fraction(variance) + memory(d, n_real, n_synthetic) * Fraction(shift)
    return float(exact)


@second_reading(
    "reg-strong-collapse-ridgeless", draw=draw_mixture, route="hat matrix of exchangeable rows, exact fractions"
)
def block_square(d, n_real, n_synthetic):
    """t_2 = E tr B^2, B ~ Beta_d(n_synthetic/2, n_real/2)."""
    return float(block_moments(d, n_real + n_synthetic, n_synthetic)[0])


@second_reading(
    "reg-strong-collapse-ridgeless", draw=draw_mixture, route="hat matrix of exchangeable rows, exact fractions"
)
def block_trace_square(d, n_real, n_synthetic):
    """t_11 = E (tr B)^2."""
    return float(block_moments(d, n_real + n_synthetic, n_synthetic)[1])


@second_reading(
    "reg-strong-collapse-ridgeless",
    draw=lambda rng: {"phi": float(rng.uniform(0, 0.999)), "p2": chance(rng), "variance": 0.7, "shift": 1.3},
    route="freeness of two projections, then of B and S",
)
def shifted_limit(phi, p2, variance, shift):
    """Variance phi/(1-phi) + c^2 (p2^2 + p1 p2 phi/(1-phi))."""
    inverse = 1 / (1 - phi)  # tau(S) tau(S^-1)
    square = p2 * p2 + phi * p2 - phi * p2 * p2  # tau(B^2): (tau(P)^2 tau(Q) + tau(P) tau(Q)^2 - both squared)/phi
    return variance * phi * inverse + shift * (square * inverse + p2 * p2 * (1 - inverse))


@second_reading(
    "reg-strong-collapse-ridgeless",
    draw=lambda rng: {"phi": float(10 ** rng.uniform(-6, -1)), "p2": chance(rng), "variance": 0.7, "shift": 1.3},
    route="small phi: two terms",
)
def shifted_limit_many_rows(phi, p2, variance, shift):
    """Variance phi + p2^2 c^2: the leading order for small phi = d/n."""
    return math.fsum([variance * phi, shift * p2 * p2])


def draw_ridge_mixture(rng):
    """A ridge fit and a synthetic fraction."""
    return {**draw_ridge(rng), "p2": chance(rng)}


@second_reading(
    "reg-strong-collapse-ridge",
    draw=draw_ridge_mixture,
    route="freeness of Gram matrix and rows, Marchenko-Pastur quadrature",
    rtol=1e-9,
)
def ridge_shift_coefficient(d, n, lam, p2):
    """zeta/c^2 for Sigma = I, Delta = (c^2/d) I: p2^2 tau(S^2/(S+lam)^2) + p1 p2 phi tau(S/(S+lam)^2)."""
    _, fit, kept = shrinkage(d, n, lam)
    return p2 * p2 * kept + (1 - p2) * p2 * d / n * fit


@second_reading(
    "reg-strong-collapse-ridge",
    draw=lambda rng: {**draw_ridge_mixture(rng), "signal": 1.2, "variance": 0.7, "shift": float(rng.uniform(0, 3))},
    route="freeness of Gram matrix and rows, Marchenko-Pastur quadrature",
    rtol=1e-9,
)
def ridge_mixture_error(d, n, lam, p2, signal, variance, shift):
    """B + V + zeta for Sigma = I, with B and V of the clean ridge fit."""
    bias, fit, _ = shrinkage(d, n, lam)
    return signal * bias + variance * d / n * fit + shift * ridge_shift_coefficient(d, n, lam, p2)


def draw_general(rng):
    """A spectrum of any shape, the diagonal of Delta in its basis, rows, a penalty and a synthetic fraction."""
    d = log_integer(rng, 1, 60)
    spectrum = tuple(float(s) for s in np.exp(rng.normal(size=d) * rng.choice([0, 1, 3])))
    delta = tuple(float(s) for s in rng.exponential(size=d))
    n, lam = log_integer(rng, 1, 200), float(10 ** rng.uniform(-4, 2))
    return {"spectrum": spectrum, "delta": delta, "n": n, "lam": lam, "p2": chance(rng)}


@second_reading(
    "reg-strong-collapse-ridge",
    draw=draw_general,
    route="kappa by Newton steps from above, full matrices in a rotated basis",
    rtol=1e-9,
)
def ridge_shift_general(spectrum, delta, n, lam, p2):
    """p2^2 (1 + p1 u) tr Delta Sigma^3 (Sigma+kappa)^-2 + p2 u tr Delta Sigma (p1 Sigma+kappa)^2 (Sigma+kappa)^-2."""
    values = np.asarray(spectrum)
    kappa = lam + float(values.sum()) / n  # above the root; Newton on a concave-up function descends to it
    for _ in range(200):
        gap = kappa - lam - kappa / n * float(np.sum(values / (values + kappa)))
        slope = 1 - float(np.sum((values / (values + kappa)) ** 2)) / n
        step = gap / slope
        kappa -= step
        if abs(step) <= 1e-16 * kappa:
            break
    d = len(values)
    mirror = np.eye(d) - np.full((d, d), 2 / d)  # a rotation, so that nothing is diagonal by accident
    sigma, shift = mirror @ np.diag(values) @ mirror, mirror @ np.diag(delta) @ mirror
    ridge = np.linalg.inv(sigma + kappa * np.eye(d))
    degrees = float(np.trace(sigma @ ridge @ sigma @ ridge)) / n
    u, p1 = degrees / (1 - degrees), 1 - p2
    pulled = float(np.trace(shift @ sigma @ sigma @ ridge @ ridge @ sigma))
    mixed = (p1 * sigma + kappa * np.eye(d)) @ ridge
    return p2 * p2 * (1 + p1 * u) * pulled + p2 * u * float(np.trace(shift @ sigma @ mixed @ mixed))


def draw_weighted(rng):
    """Synthetic fraction, aspect, noises, shift; and a weight on the synthetic rows."""
    noises = {"variance1": float(rng.uniform(0.05, 3)), "variance2": float(rng.uniform(0.05, 3))}
    p2, shift = float(rng.uniform(0.01, 0.99)), float(10 ** rng.uniform(-4, 1))
    return {"phi": float(10 ** rng.uniform(-4, 0)), "p2": p2, "shift": shift, **noises}


@second_reading(
    "reg-weighted-mixing",
    draw=lambda rng: {"alpha": chance(rng), **draw_weighted(rng)},
    route="two independent estimators added",
)
def weighted_error(alpha, phi, p2, shift, variance1, variance2):
    """alpha^2 c^2 + phi ((1-alpha)^2 variance1/p1 + alpha^2 variance2/p2), as (1-alpha) real + alpha synthetic fit."""
    real, synthetic = phi * variance1 / (1 - p2), shift + phi * variance2 / p2
    return float(np.array([1 - alpha, alpha]) @ np.diag([real, synthetic]) @ np.array([1 - alpha, alpha]))


@second_reading("reg-weighted-mixing", draw=draw_weighted, route="inverse-variance weights of two estimators")
def weighted_best(phi, p2, shift, variance1, variance2):
    """alpha* = (phi variance1/p1)/(c^2 + phi variance1/p1 + phi variance2/p2)."""
    trust_real, trust_synthetic = (1 - p2) / (phi * variance1), 1 / (shift + phi * variance2 / p2)
    return trust_synthetic / (trust_real + trust_synthetic)


@second_reading(
    "reg-weighted-mixing", draw=lambda rng: {"alpha": chance(rng), **draw_weighted(rng)}, route="as printed (ERR-15)"
)
def weighted_error_as_printed(alpha, phi, p2, shift, variance1, variance2):
    """p2^2 alpha^2 c^2 + ((1-alpha) p1 variance1 + alpha p2 variance2) phi: wrong."""
    return math.fsum(
        [(p2 * alpha) ** 2 * shift, (1 - alpha) * (1 - p2) * variance1 * phi, alpha * p2 * variance2 * phi]
    )


@second_reading("reg-weighted-mixing", draw=draw_weighted, route="as printed (ERR-15)", rtol=1e-9)
def weighted_best_as_printed(phi, p2, shift, variance1, variance2):
    """clip(1 - (p1 variance1 - p2 variance2) phi/(2 c^2)): wrong, not even the minimiser of the risk as printed."""
    return min(1.0, max(0.0, 1 - ((1 - p2) * variance1 - p2 * variance2) * phi / (2 * shift)))


# ---------------------------------------------------------------------------------------------------------------------
# Fresh real rows in every generation
# ---------------------------------------------------------------------------------------------------------------------


def draw_loop(rng):
    """Enough real rows for a fit of their own, synthetic rows from none to many."""
    d = log_integer(rng, 1, 30)
    n_synthetic = int(rng.choice([0, 1, log_integer(rng, 1, 500)]))
    n_real = d + 1 + log_integer(rng, 1, 100)
    return {"d": d, "n_real": n_real, "n_synthetic": n_synthetic, "variance": float(10 ** rng.uniform(-2, 2))}


@second_reading(
    "reg-fresh-data-loop",
    draw=lambda rng: {"t": int(rng.integers(1, 60)), **draw_loop(rng)},
    route="recursion in exact fractions, a from exchangeable rows",
)
def fresh_rows_error(t, d, n_real, n_synthetic, variance):
    """R_t = a R_{t-1} + variance d/(n-d-1), R_1 = variance d/(n_real-d-1)."""
    share, noise = memory(d, n_real, n_synthetic), one_fit(d, n_real + n_synthetic)
    error = one_fit(d, n_real)
    for _ in range(t - 1):
        error = share * error + noise
    return variance * float(error)


@second_reading("reg-fresh-data-loop", draw=draw_loop, route="fixed point in exact fractions")
def fresh_rows_stationary(d, n_real, n_synthetic, variance):
    """Variance d/((n-d-1)(1-a))."""
    return variance * float(one_fit(d, n_real + n_synthetic) / (1 - memory(d, n_real, n_synthetic)))


@second_reading(
    "reg-fresh-data-loop",
    draw=lambda rng: {"clean": float(rng.uniform(0, 2)), "p2": float(rng.uniform(0, 1) ** 0.3)},
    route="geometric series as a product of 1 + p^(2^j)",
    rtol=1e-9,
)
def iterative_mixing_plateau(clean, p2):
    """E/(1 - p2^2), the published leading order; 1/(1-x) = (1+x)(1+x^2)(1+x^4)..."""
    power, total = p2 * p2, 1.0
    while power > 1e-40:
        total *= 1 + power
        power *= power
    return clean * total


@second_reading(
    "reg-fresh-data-loop",
    draw=lambda rng: {"t": int(rng.integers(0, 300)), "clean": float(rng.uniform(0, 2)), "start": 0.4},
    route="recursion with p2 = 1",
)
def iterative_mixing_without_real(t, clean, start):
    """c_0^2 + t E, the limit p2 -> 1."""
    return math.fsum([start] + [clean] * t)


# ---------------------------------------------------------------------------------------------------------------------
# Token editing
# ---------------------------------------------------------------------------------------------------------------------


def draw_edit(rng):
    """A design and a number of edited rows, none and all included."""
    d = log_integer(rng, 1, 60)
    n = d + 1 + log_integer(rng, 1, 500)
    return {"d": d, "n": n, "rows": int(rng.choice([0, 1, n - 1, n, rng.integers(0, n + 1)]))}


@second_reading("reg-toedit-token-editing", draw=draw_edit, route="three traces of exchangeable rows, exact fractions")
def edit_factor(d, n, rows):
    """1 + 2 mu - E tr B^2/d: first fit, new noise through the edited rows, old residuals that the edit takes away."""
    square, _ = block_moments(d, n, rows)
    edited = Fraction(rows, n)
    return float(1 + edited + (edited - square / d))


@second_reading(
    "reg-toedit-token-editing",
    draw=lambda rng: {**draw_edit(rng), "variance": float(10 ** rng.uniform(-2, 2))},
    route="three traces of exchangeable rows, exact fractions",
)
def edit_error(d, n, rows, variance):
    """The error at generation 2: variance d/(n-d-1) times the factor."""
    return variance * float(one_fit(d, n)) * edit_factor(d, n, rows)


@second_reading(
    "reg-toedit-token-editing",
    draw=lambda rng: {"fractions": tuple(chance(rng) for _ in range(int(rng.integers(0, 20))))},
    route="noise put in, and residuals that leave unevenly, one edit after the other",
)
def edit_leading_factor(fractions):
    """1 + sum_i mu_i (2 - mu_i): every edit brings mu of new noise and mu (1 - mu) of old, unevenly kept."""
    return math.fsum([1.0] + [term for mu in fractions for term in (mu, mu * (1 - mu))])


@second_reading(
    "reg-toedit-token-editing",
    draw=lambda rng: {"t": int(rng.integers(1, 300)), "mu": chance(rng)},
    route="constant fraction, edit by edit",
)
def edit_constant_factor(t, mu):
    """1 + (t-1) mu (2 - mu): linear growth; mu = 1 gives t."""
    return edit_leading_factor((mu,) * (t - 1))


@second_reading(
    "reg-toedit-token-editing",
    draw=lambda rng: {"fractions": tuple(chance(rng) for _ in range(int(rng.integers(0, 20))))},
    route="as printed (ERR-14): new noise only",
)
def edit_factor_as_printed(fractions):
    """1 + sum_i mu_i: the residuals forgotten."""
    return math.fsum([1.0, *fractions])


@second_reading(
    "reg-toedit-token-editing",
    draw=lambda rng: (
        {key: value for key, value in draw_shifted(rng).items() if key in ("d", "variance")}
        | {"n": 62 + log_integer(rng, 1, 500)}
    ),
    route="as printed (ERR-14), exact fractions",
)
def edit_bound_as_printed(d, n, variance):
    """2 variance d/(n-d-1) for every generation: false unless sum mu_i (2 - mu_i) <= 1."""
    return float(2 * one_fit(d, n) * Fraction(variance))
