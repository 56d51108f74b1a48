"""Second readings of the exact parts of the claims on mixtures and kernel density estimates.

Claims: GMM-REGCOVAR, GMM-FROZEN-SEED, KAZ-KDE, the bound and Algorithm 1 of SUR-T4, and of SHU-EXP-GMM the growth rate
of the squared L_2 distance and the height of a collapsed component.

Routes. A refit with a floor under the variance is an affine map, solved in fractions or raised to a power. The frozen
seed is tried: samples are drawn with the same standardised points again and again, and refitted, in many digits. For
the kernel density loops two numbers are followed, the second moment of a training point and the product moment of two
of them; the variance of the training set is their difference, and a matrix power does the generations (for
accumulation: the batches are averaged one by one). Logarithms of chi-squares are integrated against their density by
adaptive quadrature. Algorithm 1 is written out in plain loops.

`n` is the number of points per generation; variances of samples have divisor n throughout (`mle`).
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from scipy.integrate import quad

from modelcollapse.claims.qc.reading import second_reading

# ---------------------------------------------------------------------------------------------------- draws


def _size(rng, least=2, most=100_000):
    """A sample size, spread evenly over the orders of magnitude; every fourth is the least one."""
    return least if rng.random() < 0.25 else int(least * (most / least) ** rng.random())


def _time(rng, most=2000, least=0):
    """A generation; every fourth is the least one."""
    return least if rng.random() < 0.25 else int(rng.integers(least, 1 + int(most ** rng.random()), endpoint=True))


# -------------------------------------------------------------------------------- GMM-REGCOVAR, GMM-FROZEN-SEED


@second_reading(
    "GMM-REGCOVAR",
    draw=lambda rng: {"n": _size(rng, 1), "floor": float(10 ** rng.uniform(-8, 1))},
    route="fixed point in fractions",
    rtol=1e-14,
)
def floor_mean(n, floor):
    """The x with x = (1 - 1/n) x + r, which is r n; also of tr Sigma / d."""
    return float(Fraction(floor) / (1 - Fraction(n - 1, n)))


@second_reading(
    "GMM-REGCOVAR",
    draw=lambda rng: {
        "n": _size(rng),
        "floor": float(rng.choice([0.0, 10 ** rng.uniform(-8, 1)])),
        "t": _time(rng),
        "start": float(10 ** rng.uniform(-3, 1)),
    },
    route="matrix power",
    rtol=1e-11,
)
def floor_mean_on_the_way(n, floor, t, start):
    """E sigma_t^2 for sigma_0^2 = start: each refit is x -> (1 - 1/n) x + r."""
    step = np.array([[1 - 1 / n, floor], [0, 1]])
    return float((np.linalg.matrix_power(step, t) @ [start, 1])[0])


@second_reading(
    "GMM-FROZEN-SEED",
    draw=lambda rng: {
        "z": rng.normal(size=_size(rng, most=200)),
        "t": _time(rng, 30),
        "mean": float(rng.normal()),
        "variance": float(10 ** rng.uniform(-3, 1)),
    },
    route="the loop itself, in many digits",
    rtol=1e-10,
)
def frozen_variance(z, t, mean, variance):
    """sigma_t^2 = sigma_0^2 (divisor-n variance of z)^t, the sample being mu + sigma z in every generation."""
    import mpmath

    with mpmath.workdps(200):
        z, mean, variance = [mpmath.mpf(float(y)) for y in z], mpmath.mpf(mean), mpmath.mpf(variance)
        for _ in range(t):
            sample = [mean + mpmath.sqrt(variance) * y for y in z]
            mean = mpmath.fsum(sample) / len(z)
            variance = mpmath.fsum((y - mean) ** 2 for y in sample) / len(z)
        return float(variance)


@second_reading("GMM-FROZEN-SEED", draw=lambda rng: {"n": _size(rng)}, route="pair by pair in fractions", rtol=1e-14)
def free_ratio_mean(n):
    """Mean 1 - 1/n of the variance ratio with fresh draws: the average over pairs of (z_i - z_j)^2 / 2."""
    return float(Fraction(n * (n - 1) * 2, 2 * n * n))


@second_reading(
    "GMM-FROZEN-SEED", draw=lambda rng: {"n": _size(rng)}, route="Isserlis on the centring matrix", rtol=1e-13
)
def free_ratio_sd(n):
    """Sd sqrt(2 (n-1))/n of the variance ratio with fresh draws, "about sqrt(2/n)" in the statement."""
    # exact where the statement gives the leading order: Var z'Pz = 2 tr P^2
    square = n * (1 - Fraction(1, n)) ** 2 + n * (n - 1) * Fraction(1, n) ** 2
    return math.sqrt(2 * square / n**2)


# ----------------------------------------------------------------------------------------------------------- KAZ-KDE


def _draw_kernel(rng):
    return {
        "n": _size(rng),
        "t": _time(rng, least=1),
        "bandwidth": float(rng.choice([0.0, 0.1, 0.5, 1.0, 10 ** rng.uniform(-3, 1)])),
        "sigma": float(rng.choice([1.0, 10 ** rng.uniform(-1, 1)])),
    }


def _kernel_moments(n, t, bandwidth, sigma):
    """(E x_i^2, E x_i x_j) in the training sample of generation t, true mean 0: x' = a point of the sample + h Z."""
    step = np.array([[1, 0, bandwidth**2], [1 / n, 1 - 1 / n, 0], [0, 0, 1]])
    return (np.linalg.matrix_power(step, t - 1) @ [sigma**2, 0, 1])[:2]


@second_reading("KAZ-KDE", draw=_draw_kernel, route="pair moments, matrix power", rtol=1e-11)
def kernel_second_moment(n, t, bandwidth, sigma):
    """Replace: sigma^2 + (t-1) h^2 in the training sample of generation t >= 1."""
    return float(_kernel_moments(n, t, bandwidth, sigma)[0])


@second_reading("KAZ-KDE", draw=_draw_kernel, route="pair moments, matrix power", rtol=1e-9)
def kernel_variance(n, t, bandwidth, sigma):
    """Replace: E W_t, E W_1 = (1-1/n) sigma^2, E W_{t+1} = (1-1/n)(E W_t + h^2)."""
    step = np.array([[1 - 1 / n, bandwidth**2], [0, 1]])  # of E x_i^2 - E x_i x_j
    return float((1 - 1 / n) * (np.linalg.matrix_power(step, t - 1) @ [sigma**2, 1])[0])


@second_reading("KAZ-KDE", draw=_draw_kernel, route="pair moments, matrix power", rtol=1e-9)
def kernel_mean_error(n, t, bandwidth, sigma):
    """Replace: E (mean of the training sample of generation t)^2, which grows by h^2 per generation in the end."""
    # not printed as a formula: second moment minus E W_t
    single, pair = _kernel_moments(n, t, bandwidth, sigma)
    return float((single + (n - 1) * pair) / n)


@second_reading(
    "KAZ-KDE",
    draw=lambda rng: {"n": _size(rng), "bandwidth": float(10 ** rng.uniform(-3, 1))},
    route="fixed point in fractions",
    rtol=1e-13,
)
def kernel_variance_limit(n, bandwidth):
    """Replace: (n-1) h^2, the w with w = (1-1/n)(w + h^2)."""
    keep = Fraction(n - 1, n)
    return float(keep * Fraction(bandwidth) ** 2 / (1 - keep))


@second_reading(
    "KAZ-KDE",
    draw=lambda rng: {key: value for key, value in _draw_kernel(rng).items() if key != "n"},
    route="batch by batch",
    rtol=1e-12,
)
def pool_second_moment(t, bandwidth, sigma):
    """Accumulate: sigma^2 + h^2 (H_t - 1) in the pool of t >= 1 batches, a new batch being the pool plus h Z."""
    pool = sigma**2
    for batches in range(1, t):
        pool = (batches * pool + (pool + bandwidth**2)) / (batches + 1)
    return float(pool)


@second_reading(
    "KAZ-KDE",
    draw=lambda rng: {"n": _size(rng), "constant": float(rng.choice([1.06, 0.0, rng.uniform(0, 3)]))},
    route="one step of the fixed-bandwidth loop",
    rtol=1e-13,
)
def data_driven_factor(n, constant):
    """(1-1/n)(1 + c^2 n^{-2/5}): E W per generation for h = c s n^{-1/5}, s^2 = W, replace."""
    return (1 - 1 / n) * (1 + (constant * math.exp(-math.log(n) / 5)) ** 2)


@second_reading(
    "KAZ-KDE",
    draw=lambda rng: {
        "n": _size(rng),
        "t": _time(rng, 200, least=1),
        "constant": float(rng.choice([1.06, rng.uniform(0, 2)])),
        "sigma": float(10 ** rng.uniform(-1, 1)),
    },
    route="generation by generation",
    rtol=1e-12,
)
def data_driven_variance(n, t, constant, sigma):
    """E W_t = (1-1/n) sigma^2 [(1-1/n)(1 + c^2 n^{-2/5})]^{t-1}, t >= 1."""
    variance = (1 - 1 / n) * sigma**2
    for _ in range(t - 1):
        variance = (1 - 1 / n) * (variance + constant**2 * variance / n**0.4)
    return float(variance)


# -------------------------------------------------------------------------------------------------------------- SUR-T4


@second_reading(
    "SUR-T4",
    draw=lambda rng: {
        "n": _size(rng, most=5000),
        "t": _time(rng),
        "epsilon": float(math.exp(rng.uniform(-6, 0))),
        "sigma0": float(math.exp(rng.uniform(0, 1))),
    },
    route="as stated",
    rtol=1e-12,
)
def mixture_survival_bound(n, t, epsilon, sigma0):
    """(sigma_0/epsilon) exp(-t/(4n)); nothing is cut at 1."""
    return math.exp(math.log(sigma0) - math.log(epsilon) - t / 4 / n)


def _draw_mixture_sample(rng):
    n, mu, sigma = _size(rng, most=300), float(rng.choice([0.0, 1.0, 5.0, rng.uniform(0, 3)])), 10 ** rng.uniform(-2, 0)
    return {"x": mu * rng.choice([-1.0, 1.0], size=n) + sigma * rng.normal(size=n)}


@second_reading("SUR-T4", draw=_draw_mixture_sample, route="plain loops", rtol=1e-9)
def approximate_fit(x):
    """(mu, sigma) of Algorithm 1, eta = 2; `x` of one axis, n >= 2."""
    n, eta = len(x), 2
    first = math.fsum(abs(float(y)) for y in x) / n
    whole = math.fsum(float(y) ** 2 for y in x) / n  # s_infinity^2
    inner = math.fsum((abs(float(y)) - first) ** 2 for y in x) / n  # s_s^2 = s_infinity^2 - first^2
    kappa = math.expm1((eta - 1) * ((n - 1) / 2 + 4 * eta) / (eta * (n - 1) * (n + 4 * eta - 1)))
    gap = inner - kappa * first**2  # s_infinity^2 - (1 + kappa) first^2
    a = 50 if gap <= 0 else 2 * (1 + kappa) * whole / gap
    variance = whole
    if whole <= 2 * a / (a - 2) * first**2:
        variance *= a * inner / (a * first**2 + 2 * whole)
    return np.array([math.sqrt(max(whole - variance, 0)), math.sqrt(variance)])


# --------------------------------------------------------------------------------------------------------- SHU-EXP-GMM


def _mean_log_chi_square_ratio(k):
    """E ln(chi^2_k / k), in u = ln of the ratio, density proportional to exp(k/2 (u - expm1 u)); E expm1 u = 0."""
    a, width = k / 2, 1 / math.sqrt(k / 2)
    low, high = -12 * width - 40 / a, 12 * width + min(3, 40 / a)

    def integral(g):
        points = [-3 * width, 0, 3 * width]
        return quad(
            lambda u: g(u) * math.exp(a * (u - math.expm1(u))),
            low,
            high,
            points=points,
            epsabs=0,
            epsrel=1e-12,
            limit=300,
        )[0]

    return -integral(lambda u: math.expm1(u) - u) / integral(lambda u: 1.0)


@second_reading(
    "SHU-EXP-GMM",
    draw=lambda rng: (lambda d: {"n": _size(rng, d + 1), "d": d})(int(rng.integers(1, 6))),
    route="adaptive quadrature",
    rtol=1e-8,
)
def squared_l2_growth(n, d):
    """-(1/2) sum_{i<=d} [psi((n-i)/2) + ln(2/n)] per generation of ln L_2^2, one component of n points, `mle`."""
    return -math.fsum(_mean_log_chi_square_ratio(n - i) + math.log1p(-i / n) for i in range(1, d + 1)) / 2


@second_reading(
    "SHU-EXP-GMM",
    draw=lambda rng: {"eigenvalues": tuple(float(x) for x in 10 ** rng.uniform(-6, 1, size=int(rng.integers(1, 5))))},
    route="coordinates integrated one by one",
    rtol=1e-9,
)
def narrow_component_square(eigenvalues):
    """Integral of q^2 = (4 pi)^{-d/2} |Sigma|^{-1/2}; 1/(4 pi s^2) for an isotropic component in the plane."""
    whole = 1.0
    for value in eigenvalues:
        sd = math.sqrt(value)
        grid = np.arange(-40, 41) * sd / 4  # trapezoidal rule
        whole *= float(np.sum((np.exp(-((grid / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))) ** 2) * sd / 4)
    return whole
