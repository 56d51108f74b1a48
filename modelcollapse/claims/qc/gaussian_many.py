"""Second readings of Gaussian claims in d dimensions, and of Gaussian fits to growing pools.

Claims: G-KLR and G-ENT in d dimensions, DIST, G-DET, G-ESYM, G-LYAP, SHU-ND-LOWER, SHU-THM3.1 (rank, limit of E W_2^2),
and the exact references of KAZ-GAUSS-REPLACE, -ACC, -SUB. The loops with a sampling bias are in gaussian_biased.py.

Routes. Expected minors of a Wishart matrix come from Cauchy-Binet: a j x nu matrix of normals has C(nu, j) square
minors, each of second moment j!. Logarithms of chi-squares have harmonic sums for mean and variance: E ln(chi^2_k / 2)
is -gamma + H_{k/2 - 1} for even k, -gamma - 2 ln 2 + 2 sum 1/(2j-1) for odd k. Distances are taken in another way than
stated: the cross term of W_2 as the nuclear norm of a product of roots, KL as an exact cubature of the difference of
the log densities, the squared L_2 distance as an integral over a grid. The plans are not iterated as printed: the
covariances between all pairs of training points are followed from batch to batch (a new point has the covariance with
an old one that the average point of its training set has), which needs neither fits nor identity by descent.

`estimator` is "unbiased" (divisor n - 1) or "mle" (divisor n).
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np

from modelcollapse.claims.qc.reading import second_reading

# ---------------------------------------------------------------------------------------------------- draws


def _size(rng, least=2, most=20_000):
    """A sample size, spread evenly over the orders of magnitude; every fourth is the least one."""
    return least if rng.random() < 0.25 else int(least * (most / least) ** rng.random())


def _time(rng, most=1000, least=0):
    """A generation; every fourth is the least one."""
    return least if rng.random() < 0.25 else int(rng.integers(least, 1 + int(most ** rng.random()), endpoint=True))


def _estimator(rng):
    return str(rng.choice(["unbiased", "mle"]))


def _eigenvalues(rng, most=5):
    return tuple(float(x) for x in np.exp(rng.normal(size=int(rng.integers(1, most, endpoint=True)))))


def _full_rank(rng, longest=1000):
    """A loop in d dimensions with nu >= d."""
    d = int(rng.integers(1, 12))
    return {"n": _size(rng, d + 1), "d": d, "t": _time(rng, longest), "estimator": _estimator(rng)}


def _divisor(n, estimator):
    return {"unbiased": n - 1, "mle": n}[estimator]


# ------------------------------------------------------------------------------ G-DET, G-LYAP, G-ENT, G-KLR, G-ESYM


def _mean_log_chi_square(k):
    """E ln chi^2_k by harmonic sums."""
    if k % 2:
        return -np.euler_gamma - math.log(2) + 2 * math.fsum(1 / (2 * j - 1) for j in range(1, (k + 1) // 2))
    return -np.euler_gamma + math.log(2) + math.fsum(1 / j for j in range(1, k // 2))


def _variance_log_chi_square(k):
    """Var ln chi^2_k by sums of inverse squares."""
    if k % 2:
        return math.pi**2 / 2 - 4 * math.fsum((2 * j - 1) ** -2 for j in range(1, (k + 1) // 2))
    return math.pi**2 / 6 - math.fsum(j**-2 for j in range(1, k // 2))


def _exponents(n, d, estimator):
    """E ln(chi^2_{nu-i+1} / div), i = 1..d: the Bartlett factors of a Wishart matrix."""
    return [_mean_log_chi_square(n - i) - math.log(_divisor(n, estimator)) for i in range(1, d + 1)]


@second_reading("G-DET", draw=_full_rank, route="harmonic sums", rtol=1e-9)
def log_determinant_mean(n, d, t, estimator):
    """E ln(det Sigma_t / det Sigma_0) = t sum_i [psi((nu-i+1)/2) + ln(2/div)], nu >= d."""
    return t * math.fsum(_exponents(n, d, estimator))


@second_reading("G-DET", draw=_full_rank, route="sums of inverse squares", rtol=1e-9)
def log_determinant_variance(n, d, t, estimator):
    """Var ln det Sigma_t = t sum_i psi_1((nu-i+1)/2), whatever the divisor."""
    return t * math.fsum(_variance_log_chi_square(n - i) for i in range(1, d + 1))


def _expected_minor(n, order, estimator):
    """E of a principal minor of W ~ Wishart(nu, I) / div, by Cauchy-Binet."""
    return Fraction(math.comb(n - 1, order) * math.factorial(order), _divisor(n, estimator) ** order)


@second_reading(
    "G-DET",
    draw=lambda rng: {
        "n": _size(rng),
        "d": int(rng.integers(1, 12)),
        "t": _time(rng, 60),
        "estimator": _estimator(rng),
    },
    route="Cauchy-Binet, fractions",
    rtol=1e-13,
)
def determinant_ratio(n, d, t, estimator):
    """E det Sigma_t / det Sigma_0 = [prod_{i<d} (nu - i)/div]^t, 0 for nu < d and t >= 1."""
    return float(_expected_minor(n, d, estimator) ** t)


def _draw_symmetric(rng):
    eigenvalues = _eigenvalues(rng)
    order = int(rng.integers(0, len(eigenvalues), endpoint=True))
    return {
        "eigenvalues": eigenvalues,
        "order": order,
        "n": _size(rng),
        "t": _time(rng, 60),
        "estimator": _estimator(rng),
    }


@second_reading("G-ESYM", draw=_draw_symmetric, route="sum over all minors, Cauchy-Binet", rtol=1e-12)
def expected_symmetric_polynomial(eigenvalues, order, n, t, estimator):
    """E e_j(Sigma_t) = e_j(Sigma_0) [nu! / ((nu-j)! div^j)]^t, e_j the sum of the principal j-minors."""
    start = math.fsum(math.prod(some) for some in itertools.combinations(eigenvalues, order))
    return start * float(_expected_minor(n, order, estimator) ** t)


@second_reading(
    "G-ESYM",
    draw=lambda rng: {
        "eigenvalues": _eigenvalues(rng),
        "n": _size(rng),
        "t": _time(rng, 60),
        "estimator": _estimator(rng),
    },
    route="Isserlis pairings, matrix power",
    rtol=1e-11,
)
def growing_square(eigenvalues, n, t, estimator):
    """2 E tr Sigma_t^2 + E (tr Sigma_t)^2, multiplied by nu(nu+2)/div^2 per generation."""
    nu, div = n - 1, _divisor(n, estimator)
    # E tr W^2 = sum over data k, l of E (x_k'x_l)^2: k = l gives (tr S)^2 + 2 tr S^2, k != l gives tr S^2;
    # E (tr W)^2 = sum over k, l of E |x_k|^2 |x_l|^2: k = l gives (tr S)^2 + 2 tr S^2, k != l gives (tr S)^2
    beside = nu * (nu - 1)
    step = np.array([[2 * nu + beside, nu], [2 * nu, nu + beside]]) / div**2
    power = np.linalg.matrix_power(step, t) @ [math.fsum(x * x for x in eigenvalues), math.fsum(eigenvalues) ** 2]
    return float(2 * power[0] + power[1])


def _draw_spectrum(rng):
    return {key: value for key, value in _full_rank(rng).items() if key != "t"}


@second_reading("G-LYAP", draw=_draw_spectrum, route="harmonic sums", rtol=1e-9)
def lyapunov_exponents(n, d, estimator):
    """lambda_i = psi((nu-i+1)/2) + ln(2/div), i = 1..d, nu >= d."""
    return np.array(_exponents(n, d, estimator))


@second_reading("G-LYAP", draw=_draw_spectrum, route="sums of inverse squares", rtol=1e-9)
def lyapunov_variances(n, d, estimator):
    """psi_1((nu-i+1)/2), i = 1..d: variance per generation of ln eig_i, whatever the divisor."""
    return np.array([_variance_log_chi_square(n - i) for i in range(1, d + 1)])


@second_reading("G-LYAP", draw=_draw_spectrum, route="harmonic sums", rtol=1e-9)
def condition_growth(n, d, estimator):
    """lambda_1 - lambda_d, growth per generation of the log condition number."""
    return _mean_log_chi_square(n - 1) - _mean_log_chi_square(n - d)


@second_reading("G-ENT", draw=_draw_spectrum, route="harmonic sums", rtol=1e-9)
def entropy_step_many(n, d, estimator):
    """Half the drift of ln det."""
    return math.fsum(_exponents(n, d, estimator)) / 2


@second_reading("G-KLR", draw=lambda rng: _full_rank(rng, 60), route="matrix power, harmonic sums", rtol=1e-8)
def reverse_divergence_many(n, d, t, estimator):
    """[d q^t + (d/n) sum_{i<=t} q^i - d + E ln det ratio] / 2, q = div/(nu-d-1), inf for nu <= d+1, t > 0."""
    # The statement gives only q for d dimensions; the rest is the d = 1 form per coordinate plus the drift of G-DET.
    if n <= d + 2:
        return math.inf if t else 0.0
    inverse = _divisor(n, estimator) / (n - d - 2)  # E W^-1: its diagonal is div / chi^2_{nu-d+1}
    step = np.array([[inverse, 0, inverse - 1], [0, inverse, inverse / n], [0, 0, 1]])
    precision, shift, _ = np.linalg.matrix_power(step, t) @ [0, 0, 1]
    return float(d * (precision + shift) + t * math.fsum(_exponents(n, d, estimator))) / 2


# ----------------------------------------------------------------------------------- DIST, SHU-ND-LOWER, SHU-THM3.1


def _covariance(rng, d):
    vectors = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return vectors @ np.diag(np.exp(rng.uniform(-1.5, 1.5, size=d))) @ vectors.T


def _draw_pair(rng):
    d = int(rng.integers(1, 6))
    return {
        "mean_p": rng.normal(size=d),
        "cov_p": _covariance(rng, d),
        "mean_q": rng.normal(size=d),
        "cov_q": _covariance(rng, d),
    }


def _draw_pair_or_point(rng):
    pair = _draw_pair(rng)
    return pair | {"cov_q": 0 * pair["cov_q"]} if rng.random() < 0.2 else pair


def _root(cov):
    """A matrix R with R R' = cov, by eigenvectors."""
    values, vectors = np.linalg.eigh(cov)
    return vectors * np.sqrt(np.maximum(values, 0))


@second_reading("DIST", draw=_draw_pair_or_point, route="nuclear norm of the product of roots", rtol=1e-9)
def squared_w2(mean_p, cov_p, mean_q, cov_q):
    """|a - b|^2 + tr(A + B - 2 (A^{1/2} B A^{1/2})^{1/2})."""
    overlap = np.linalg.norm(_root(cov_p).T @ _root(cov_q), "nuc")
    return float(np.sum((mean_p - mean_q) ** 2) + np.trace(cov_p) + np.trace(cov_q) - 2 * overlap)


@second_reading("DIST", draw=_draw_pair, route="cubature exact for quadratics", rtol=1e-9)
def divergence(mean_p, cov_p, mean_q, cov_q):
    """KL(N(a,A) || N(b,B)) = E_p [ln p - ln q], a quadratic, exact on the 2d points a +- sqrt(d) R_i."""
    d = len(mean_p)
    spokes = math.sqrt(d) * _root(cov_p).T
    points = mean_p + np.concatenate([spokes, -spokes])

    def log_density(mean, cov):
        away = points - mean
        return -np.sum(away * np.linalg.solve(cov, away.T).T, axis=1) / 2 - np.linalg.slogdet(cov)[1] / 2

    return float(np.mean(log_density(mean_p, cov_p) - log_density(mean_q, cov_q)))


def _draw_mixtures(rng):
    d = int(rng.integers(1, 3))
    drawn = {}
    for which in "pq":
        k = int(rng.integers(1, 4))
        drawn |= {
            f"weights_{which}": rng.dirichlet(np.ones(k)),
            f"means_{which}": rng.normal(size=(k, d)),
            f"covs_{which}": np.array([_covariance(rng, d) for _ in range(k)]),
        }
    return drawn


@second_reading("DIST", draw=_draw_mixtures, route="integral over a grid", rtol=1e-8)
def squared_l2(weights_p, means_p, covs_p, weights_q, means_q, covs_q):
    """Integral of (p - q)^2 for two mixtures of Gaussians; means of shape (k, d), covs of shape (k, d, d)."""
    weights, means, covs = (
        np.concatenate(both) for both in ((weights_p, -weights_q), (means_p, means_q), (covs_p, covs_q))
    )
    values = np.linalg.eigvalsh(covs)
    step, reach = 0.45 * math.sqrt(values.min()), 7 * math.sqrt(values.max())
    axes = [np.arange(x.min() - reach, x.max() + reach, step) for x in means.T]
    points = np.stack([x.ravel() for x in np.meshgrid(*axes)])
    height = np.zeros(points.shape[1])
    for weight, mean, cov in zip(weights, means, covs, strict=True):
        away = np.linalg.solve(np.linalg.cholesky(2 * math.pi * cov), points - mean[:, None])
        height += weight * np.exp(-math.pi * np.sum(away**2, axis=0)) / math.sqrt(np.linalg.det(2 * math.pi * cov))
    return float(np.sum(height**2) * step ** len(axes))


@second_reading(
    "SHU-ND-LOWER",
    draw=lambda rng: {
        "eigenvalues": _eigenvalues(rng),
        "sizes": tuple(_size(rng) for _ in range(int(rng.integers(1, 25)))),
    },
    route="fractions",
    rtol=1e-13,
)
def drift_of_the_mean(eigenvalues, sizes):
    """E |mu_t - mu_0|^2 = tr Sigma_0 sum_i 1/n_i, `unbiased`: the lower bound for E W_2^2, eigenvalues of Sigma_0."""
    return float(sum(map(Fraction, eigenvalues)) * sum(Fraction(1, n) for n in sizes))


@second_reading(
    "SHU-THM3.1",
    draw=lambda rng: {"eigenvalues": _eigenvalues(rng), "n": _size(rng, most=1000)},
    route="per coordinate, the walk summed in fractions",
    rtol=1e-12,
)
def expected_w2_limit_mle(eigenvalues, n):
    """Limit of E W_2^2, `mle`: sum_j (1/n)(1-1/n)^j = 1 from the mean, 1 from the spread, times tr Sigma_0."""
    return float(sum(map(Fraction, eigenvalues)) * (Fraction(1, n) / (1 - Fraction(n - 1, n)) + 1))


@second_reading(
    "SHU-THM3.1",
    draw=lambda rng: {"n": int(rng.integers(2, 12)), "d": int(rng.integers(1, 12))},
    route="rank of a centred sample",
)
def rank_after_one_fit(n, d):
    """min(n - 1, d), full for n >= d + 1."""
    sample = np.random.default_rng(n * d).normal(size=(n, d))
    return float(np.linalg.matrix_rank(sample - sample.mean(axis=0)))


# ------------------------------------------------------------------- KAZ-GAUSS-REPLACE, KAZ-GAUSS-ACC, KAZ-GAUSS-SUB


def _pool_inflation(n, t, subsampled):
    """F_t = Var mu_t at sigma_0 = 1: covariances of points of batches k, l (k = l: two points), all of variance 1."""
    between = np.zeros((t, t))
    for k in range(1, t + 1):  # k batches are there
        block = between[:k, :k]
        own = np.diag(block)
        to_pool = (n * block.sum(axis=1) - own + 1) / (k * n)  # a point of a batch and the average point of the pool
        spread = to_pool.mean()  # variance of the mean of the pool
        if subsampled:  # n of the k n points: two different ones have the average covariance of a pair
            points = k * n
            pair = (points * points * spread - points) / (points * (points - 1))
            spread = (1 + (n - 1) * pair) / n
        if k == t:
            return float(spread)
        between[k, :k] = between[:k, k] = to_pool
        between[k, k] = spread  # two points of one batch share their mean, nothing else
    return 0.0


def _draw_pool(rng):
    return {"n": _size(rng), "t": _time(rng, 150)}


@second_reading("KAZ-GAUSS-REPLACE", draw=lambda rng: {"n": _size(rng), "t": _time(rng, 300)}, route="fractions")
def replace_variance(n, t):
    """E Sigma_t / Sigma_0 = 1 - F_t, replace, `mle`."""
    return float(Fraction(n - 1, n) ** t)


@second_reading("KAZ-GAUSS-REPLACE", draw=lambda rng: {"n": _size(rng), "t": _time(rng, 300)}, route="fractions")
def replace_mean_error(n, t):
    """E |mu_t - mu_0|^2 / tr Sigma_0 = F_t = sum_{j<t} (1/n) (1 - 1/n)^j, replace, `mle`."""
    return float(sum(Fraction(n - 1, n) ** j / n for j in range(t))) if n < 50 else float(1 - Fraction(n - 1, n) ** t)


@second_reading("KAZ-GAUSS-ACC", draw=_draw_pool, route="covariances between all training points", rtol=1e-12)
def accumulate_variance(n, t):
    """E Sigma_t / Sigma_0 = 1 - F_t, accumulate, `mle`."""
    return 1 - _pool_inflation(n, t, False)


@second_reading("KAZ-GAUSS-ACC", draw=_draw_pool, route="covariances between all training points", rtol=1e-11)
def accumulate_mean_error(n, t):
    """E |mu_t - mu_0|^2 / tr Sigma_0 = F_t, accumulate."""
    return _pool_inflation(n, t, False)


@second_reading(
    "KAZ-GAUSS-ACC", draw=lambda rng: {"n": _size(rng, 1)}, route="product of fifty factors and a tail", rtol=1e-12
)
def accumulate_variance_limit(n):
    """prod_i (1 - 1/(n i^2)) = sin(pi/sqrt n)/(pi/sqrt n); tail: sum over i > m of i^-2k by Euler-Maclaurin."""
    m, log_tail = 51, 0.0
    for k in range(1, 9):
        s = 2 * k  # sum_{i >= m} i^-s
        rest = m ** (1 - s) / (s - 1) + m**-s / 2 + s * m ** (-s - 1) / 12
        rest -= s * (s + 1) * (s + 2) * m ** (-s - 3) / 720
        log_tail -= rest / (k * n**k)
    return math.prod(1 - 1 / (n * i * i) for i in range(1, m)) * math.exp(log_tail)


@second_reading("KAZ-GAUSS-SUB", draw=_draw_pool, route="covariances between all training points", rtol=1e-12)
def subsample_variance(n, t):
    """E Sigma_t / Sigma_0 = 1 - F_t, accumulate and draw n without replacement, `mle`."""
    return 1 - _pool_inflation(n, t, True)


@second_reading("KAZ-GAUSS-SUB", draw=_draw_pool, route="covariances between all training points", rtol=1e-11)
def subsample_mean_error(n, t):
    """E |mu_t - mu_0|^2 / tr Sigma_0 = F_t, accumulate and draw n without replacement."""
    return _pool_inflation(n, t, True)
