r"""The d-dimensional Gaussian under Replace: determinants, symmetric functions, exponents, and distances.

One refit turns the covariance into A W A', with A a root of it and W a Wishart matrix over its divisor. Leading minors
are therefore products of independent chi-squares (Bartlett), expected minors fall like the eigenvalues of the
Wright-Fisher chain, and each direction has its own exponent (Newman; Forrester): the last one left is the first. The
formulas for distances between Gaussians are classical. Checked by points that are drawn and fitted, by other matrix
routes to the same number, and with brackets for what is only asymptotic.
"""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from scipy import special

from modelcollapse import metrics, theory
from modelcollapse.claims.checks import Computed, Distributed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.gaussians import blockwise, chains

OTHER = {"mle": "unbiased", "unbiased": "mle"}
HERE = ("modelcollapse", "muirhead1982")
#: a covariance without symmetries
COV = ((4.0, 1.0, 0.5), (1.0, 2.0, -0.3), (0.5, -0.3, 0.5))


def _covariances(size, rng, n, t, estimator, cov=COV):
    """Draw points, fit, draw again: the covariances after t fits, (chain, d, d)."""
    start = np.linalg.cholesky(np.asarray(cov))
    d = len(start)

    def draw(count):
        root = np.broadcast_to(start, (count, d, d))
        for i in range(t):
            if i:
                root = np.linalg.cholesky(cov)
            x = rng.standard_normal((count, n, d)) @ root.mT
            x -= x.mean(axis=1, keepdims=True)
            cov = x.mT @ x / (n - (estimator == "unbiased"))
        return cov

    return blockwise(draw, size, n * d)


def _log_det_ratio(size, rng, n, t, estimator):
    return chains("log_det", size, rng, n, t, estimator, COV) - np.linalg.slogdet(np.array(COV))[1]


# ------------------------------------------------------------------------------------------------- determinants


def _log_det(n, t, estimator, dim=3):
    return theory.log_det_mean(n, t, dim=dim, estimator=estimator)


def _log_det_by_derivative(n, t, estimator, dim):
    """Derivative at 0 of ln E det(W)^s, a ratio of multivariate gamma functions, in forty digits."""
    import mpmath

    with mpmath.workdps(40):
        nu, div = n - 1, n - (estimator == "unbiased")

        def log(s):
            return mpmath.fsum(
                mpmath.loggamma(mpmath.mpf(nu - i) / 2 + s) - mpmath.loggamma(mpmath.mpf(nu - i) / 2) for i in range(dim)
            ) + s * dim * mpmath.log(mpmath.mpf(2) / div)

        return t * float(mpmath.diff(log, 0))


def _by_cauchy_binet(n, t, estimator, dim):
    """E det: a sum over the choices of d of the nu points, each square minor has the second moment d!."""
    return (math.comb(n - 1, dim) * math.factorial(dim) / (n - (estimator == "unbiased")) ** dim) ** t


def _det_sd(n, t, estimator, dim):
    law = theory.LogDetLaw(n, t, dim=dim, estimator=estimator)
    return math.sqrt(math.exp(law.log_mgf(2.0)) - math.exp(2 * law.log_mgf(1.0)))


DET = Claim(
    id="G-DET",
    title="The log determinant is a random walk, whatever the covariance",
    statement=(
        "The log determinant of the covariance has after t fits the mean t sum_i [psi((nu-i+1)/2) + ln(2/div)] and the "
        "variance t sum_i psi_1((nu-i+1)/2), measured from the start; the expected determinant is multiplied by "
        "prod (nu-i)/div per fit."
    ),
    formula=(
        r"E\ln\frac{\det\Sigma_t}{\det\Sigma_0} = t\sum_{i=1}^d\Big[\psi\Big(\frac{\nu-i+1}2\Big) + \ln\frac2{\mathrm{div}}\Big],"
        r"\quad E\det\Sigma_t = \det\Sigma_0\Big[\prod_{i=0}^{d-1}\frac{\nu-i}{\mathrm{div}}\Big]^t"
    ),
    assumptions="Replace, d dimensions, n >= d + 1, nu = n - 1.",
    source=HERE,
    locus="Bartlett's decomposition",
    kind=Kind.EXACT,
    theory=(theory.log_det_mean, theory.log_det_var, theory.expected_det, theory.LogDetLaw),
    simulation="Points drawn and fitted; chains with a covariance without symmetries.",
    checks=(
        Computed(
            label="mean, by the derivative of the moments",
            predict=_log_det,
            other=_log_det_by_derivative,
            cases=(
                {"n": 9, "t": 4, "estimator": "mle", "dim": 3},
                {"n": 6, "t": 1, "estimator": "unbiased", "dim": 5},
                {"n": 1000, "t": 700, "estimator": "mle", "dim": 12},
            ),
            rtol=1e-11,
        ),
        Computed(
            label="expected determinant, by Cauchy-Binet",
            predict=lambda n, t, estimator, dim: theory.expected_det(n, t, dim=dim, estimator=estimator),
            other=_by_cauchy_binet,
            cases=(
                {"n": 11, "t": 1, "estimator": "unbiased", "dim": 2},
                {"n": 20, "t": 6, "estimator": "mle", "dim": 4},
            ),
            rtol=1e-12,
            mutants={"independent variances": lambda n, t, estimator, dim: (1 - (estimator == "mle") / n) ** (dim * t)},
        ),
        Sampled(
            label="mean log determinant",
            predict=_log_det,
            draw=_log_det_ratio,
            sd=lambda n, t, estimator: math.sqrt(theory.log_det_var(n, t, dim=3)),
            skewness=lambda n, t, estimator: abs(theory.LogDetLaw(n, t, dim=3, estimator=estimator).skew()),
            cases=(
                {"n": 9, "t": 8, "estimator": "mle"},
                {"n": 9, "t": 8, "estimator": "unbiased"},
                {"n": 4, "t": 3, "estimator": "unbiased"},
            ),
            size=20000,
            mutants={
                "other divisor": lambda n, t, estimator: _log_det(n, t, OTHER[estimator]),
                "independent variances": lambda n, t, estimator: 3 * _log_det(n, t, estimator, 1),
            },
        ),
        Sampled(
            label="mean determinant",
            predict=lambda n, t, estimator, dim: theory.expected_det(n, t, dim=dim, estimator=estimator),
            draw=lambda size, rng, n, t, estimator, dim: np.exp(_log_det_ratio(size, rng, n, t, estimator)),
            sd=_det_sd,
            cases=(
                {"n": 40, "t": 2, "estimator": "unbiased", "dim": 3},
                {"n": 40, "t": 2, "estimator": "mle", "dim": 3},
            ),
            size=60000,
        ),
        Distributed(
            label="law of the log determinant, of points that are drawn",
            predict=lambda n, t, estimator: theory.LogDetLaw(n, t, dim=3, estimator=estimator).cdf,
            draw=lambda size, rng, n, t, estimator: (
                np.linalg.slogdet(_covariances(size, rng, n, t, estimator))[1] - np.linalg.slogdet(np.array(COV))[1]
            ),
            cases=({"n": 7, "t": 2, "estimator": "mle"}, {"n": 12, "t": 3, "estimator": "unbiased"}),
            size=12000,
        ),
    ),
    second={
        "log_determinant_mean": lambda n, d, t, estimator: _log_det(n, t, estimator, d),
        "log_determinant_variance": lambda n, d, t, estimator: theory.log_det_var(n, t, dim=d),
        # expected_det asks for full rank; where nu < d the expectation is the last symmetric polynomial, zero
        "determinant_ratio": lambda n, d, t, estimator: theory.expected_esym(np.ones(d), n, t, estimator=estimator)[d],
    },
    tags=("gaussian", "dimensions", "replace"),
)

# ------------------------------------------------------------------------------------------------- symmetric functions


def _symmetric(cov):
    """e_1 .. e_d of covariances (..., d, d), by Newton's identities from traces of powers."""
    d = cov.shape[-1]
    powers, trace = np.broadcast_to(np.eye(d), cov.shape), []
    for _ in range(d):
        powers = powers @ cov
        trace.append(np.trace(powers, axis1=-2, axis2=-1))
    e = [np.ones(cov.shape[:-2])]
    for k in range(1, d + 1):
        e.append(sum((-1) ** (i - 1) * e[k - i] * trace[i - 1] for i in range(1, k + 1)) / k)
    return np.stack(e[1:], axis=-1)


def _expected_symmetric(n, t, estimator):
    return theory.expected_esym(np.array(COV), n, t, estimator=estimator)[1:]


def _symmetric_sd(n, t, estimator):
    """Of the trace and the determinant exact; of e_2 a bound: e_2 <= (d - 1)/(2d) tr^2, and |tr| <= sum of |variance|."""
    square = theory.VarianceLaw(n, t, estimator=estimator).moment(4.0) * np.trace(COV) ** 4 / 9
    mean = _expected_symmetric(n, t, estimator)
    trace = _squares(n, t, estimator)[1] - mean[0] ** 2
    return np.array([math.sqrt(trace), math.sqrt(square - mean[1] ** 2), mean[2] * _det_sd(n, t, estimator, 3) / float(
        theory.expected_det(n, t, dim=3, estimator=estimator))])


def _squares(n, t, estimator):
    """E tr Sigma^2 and E (tr Sigma)^2."""
    return np.array(theory.expected_trace_moments(np.array(COV), n, t, estimator=estimator))


def _squares_by_pairs(n, t, estimator):
    """The same, point by point: W has nu normal vectors, and pairs of them are the same or independent."""
    nu, div = n - 1, n - (estimator == "unbiased")
    beside = nu * (nu - 1)
    step = np.array([[2 * nu + beside, nu], [2 * nu, nu + beside]]) / div**2
    cov = np.array(COV)
    return np.linalg.matrix_power(step, t) @ [np.trace(cov @ cov), np.trace(cov) ** 2]


def _squares_drawn(size, rng, n, t, estimator):
    cov = _covariances(size, rng, n, t, estimator)
    return np.stack([(cov**2).sum(axis=(1, 2)), np.trace(cov, axis1=1, axis2=2) ** 2], axis=1)


ESYM = Claim(
    id="G-ESYM",
    title="Symmetric polynomials of the covariance fall like Wright-Fisher eigenvalues",
    statement=(
        "The expected elementary symmetric polynomial e_j of the covariance is multiplied by nu!/((nu-j)! div^j) per "
        "fit: the trace stays (unbiased), (tr S)^2 - tr S^2 falls by 1 - 1/nu, and so on. The combination "
        "2 tr S^2 + (tr S)^2 grows by nu (nu+2)/div^2."
    ),
    formula=r"E[e_j(\Sigma_t)] = e_j(\Sigma_0)\Big[\frac{\nu!}{(\nu-j)!\,\mathrm{div}^j}\Big]^t",
    assumptions="Replace, any covariance.",
    source=HERE,
    locus="zonal polynomials",
    kind=Kind.EXACT,
    theory=(theory.expected_esym, theory.expected_trace_moments, theory.esym),
    simulation="Points drawn and fitted, with a covariance without symmetries.",
    checks=(
        Computed(
            label="squares of the trace, pair by pair of points",
            predict=_squares,
            other=_squares_by_pairs,
            cases=(
                {"n": 12, "t": 3, "estimator": "unbiased"},
                {"n": 3, "t": 5, "estimator": "mle"},
                {"n": 300, "t": 200, "estimator": "mle"},
            ),
            rtol=1e-11,
        ),
        Computed(
            label="second polynomial from the squares, last one from the determinant",
            predict=lambda n, t, estimator: _expected_symmetric(n, t, estimator)[1:],
            other=lambda n, t, estimator: np.array(
                [
                    float(np.array([-0.5, 0.5]) @ _squares_by_pairs(n, t, estimator)),
                    np.linalg.det(np.array(COV)) * _by_cauchy_binet(n, t, estimator, 3),
                ]
            ),
            cases=({"n": 12, "t": 3, "estimator": "unbiased"}, {"n": 30, "t": 40, "estimator": "mle"}),
            rtol=1e-11,
        ),
        Sampled(
            label="mean polynomials",
            predict=_expected_symmetric,
            draw=lambda size, rng, n, t, estimator: _symmetric(_covariances(size, rng, n, t, estimator)),
            sd=_symmetric_sd,
            cases=({"n": 30, "t": 2, "estimator": "unbiased"}, {"n": 40, "t": 3, "estimator": "mle"}),
            size=40000,
            mutants={"nothing is lost": lambda n, t, estimator: theory.esym(np.array(COV))[1:]},
        ),
        Sampled(
            label="mean squares of the trace",
            predict=_squares,
            draw=_squares_drawn,
            sd=lambda n, t, estimator: np.trace(COV) ** 2
            * math.sqrt(theory.VarianceLaw(n, t, estimator=estimator).moment(4.0)),
            cases=({"n": 30, "t": 2, "estimator": "unbiased"}, {"n": 40, "t": 3, "estimator": "mle"}),
            size=40000,
        ),
    ),
    second={
        "expected_symmetric_polynomial": lambda eigenvalues, order, n, t, estimator: theory.expected_esym(
            np.array(eigenvalues), n, t, estimator=estimator
        )[order],
        "growing_square": lambda eigenvalues, n, t, estimator: float(
            np.array([2.0, 1.0]) @ theory.expected_trace_moments(np.array(eigenvalues), n, t, estimator=estimator)
        ),
    },
    tags=("gaussian", "dimensions", "replace"),
)

# ------------------------------------------------------------------------------------------------- exponents


def _exponents(n, dim, estimator):
    return theory.lyapunov_exponents(n, dim=dim, estimator=estimator)


def _flag(n, t, estimator):
    """Expected logs of the squared diagonal of the Cholesky factor."""
    start = 2 * np.log(np.diag(np.linalg.cholesky(np.array(COV))))
    return start + t * _exponents(n, 3, estimator)


def _flags(size, rng, n, t, estimator):
    return 2 * np.log(np.diagonal(np.linalg.cholesky(chains("cov", size, rng, n, t, estimator, COV)), axis1=1, axis2=2))


def _haar(dim, k):
    """Mean and variance of -ln det^2 of the leading k x k block of a random rotation: a product of beta variables."""
    a, whole = (k - np.arange(k)) / 2, (dim - np.arange(k)) / 2
    mean = (special.digamma(whole) - special.digamma(a)).sum()
    return float(mean), float((special.polygamma(1, a) - special.polygamma(1, whole)).sum())


def _leading(size, rng, n, t, dim):
    """Sums of the k largest log eigenvalues over t, k = 1 .. d, from an isotropic start: (chain, d)."""

    def draw(count):
        root, log = np.broadcast_to(np.eye(dim), (count, dim, dim)), np.zeros(count)
        i = np.arange(dim)
        for _ in range(t):
            factor = np.tril(rng.standard_normal((count, dim, dim)), -1)
            factor[:, i, i] = np.sqrt(rng.chisquare(n - 1 - i, (count, dim)))
            root = root @ factor
            size = np.abs(root).max(axis=(1, 2), keepdims=True)  # kept apart: it underflows
            root, log = root / size, log + np.log(size[:, 0, 0])
        values = 2 * (np.log(np.linalg.svd(root, compute_uv=False)) + log[:, None]) - t * math.log(n - 1)
        return np.cumsum(values, axis=1) / t

    return blockwise(draw, size, 4 * dim * dim)


def _leading_sd(n, t, dim):
    scatter = np.sqrt(t * np.cumsum(theory.lyapunov_variances(n, dim=dim)))
    blocks = [_haar(dim, k) for k in range(1, dim + 1)]
    return (scatter + np.array([math.sqrt(mean**2 + variance) for mean, variance in blocks])) / t


LYAP = Claim(
    id="G-LYAP",
    title="Every direction has its own exponent: collapse is anisotropic",
    statement=(
        "The i-th largest eigenvalue of the covariance goes like e^(lambda_i t), with lambda_i = psi((nu-i+1)/2) + "
        "ln(2/div), for any covariance to begin with; their logs scatter independently with variance "
        "t psi_1((nu-i+1)/2). The log condition number grows by lambda_1 - lambda_d, about (d-1)/nu, per generation."
    ),
    formula=r"\frac1t\ln\mathrm{eig}_i(\Sigma_t) \to \lambda_i = \psi\Big(\frac{\nu-i+1}2\Big) + \ln\frac2{\mathrm{div}}",
    assumptions="Replace, n >= d + 1.",
    source=("newman1986", "forrester2013", "modelcollapse"),
    kind=Kind.ASYMPTOTIC,
    theory=(theory.lyapunov_exponents, theory.lyapunov_variances, theory.log_condition_growth),
    simulation="Products of Bartlett factors and their singular values; Cholesky factors of chains of covariances.",
    checks=(
        Sampled(
            label="exponents of leading minors, which are exact at every t",
            predict=_flag,
            draw=_flags,
            sd=lambda n, t, estimator: np.sqrt(t * theory.lyapunov_variances(n, dim=3)),
            cases=({"n": 8, "t": 10, "estimator": "mle"}, {"n": 8, "t": 10, "estimator": "unbiased"}),
            size=40000,
            mutants={"equal exponents": lambda n, t, estimator: _flag(n, t, estimator).mean() + 0 * _flag(n, t, estimator)},
        ),
        Sampled(
            label="their scatter",
            predict=lambda n, t, estimator: t * theory.lyapunov_variances(n, dim=3),
            draw=lambda size, rng, n, t, estimator: (_flags(size, rng, n, t, estimator) - _flag(n, t, estimator)) ** 2,
            sd=lambda n, t, estimator: np.sqrt(
                t * special.polygamma(3, (n - np.arange(1, 4)) / 2) + 2 * (t * theory.lyapunov_variances(n, dim=3)) ** 2
            ),
            cases=({"n": 8, "t": 10, "estimator": "unbiased"}, {"n": 20, "t": 3, "estimator": "mle"}),
            size=40000,
        ),
        Sampled(
            label="eigenvalues, within what a random rotation can change",
            predict=lambda n, t, dim: np.cumsum(_exponents(n, dim, "unbiased")),
            draw=_leading,
            sd=_leading_sd,
            remainder=lambda n, t, dim: np.array([_haar(dim, k)[0] for k in range(1, dim + 1)]) / t,
            cases=({"n": 6, "t": 60, "dim": 2}, {"n": 10, "t": 60, "dim": 3}),
            size=4000,
            mutants={"equal exponents": lambda n, t, dim: np.arange(1, dim + 1) * _exponents(n, dim, "unbiased").mean()},
        ),
        Computed(
            label="sum of exponents, by the determinant",
            predict=lambda n, dim, estimator: _exponents(n, dim, estimator).sum(),
            other=lambda n, dim, estimator: _log_det_by_derivative(n, 1, estimator, dim),
            cases=({"n": 10, "dim": 5, "estimator": "unbiased"}, {"n": 3, "dim": 2, "estimator": "mle"}),
            rtol=1e-12,
        ),
        Limit(
            label="growth of the log condition number",
            value=lambda n, dim: theory.log_condition_growth(int(n), dim=dim),
            asymptote=lambda n, dim: (dim - 1) / (n - 1),
            along=(50, 100, 200, 400, 800),
            remainder=lambda n: 1 / n,
            cases=({"dim": 2}, {"dim": 6}),
            mutants={"d for d - 1": lambda n, dim: dim / (n - 1)},
        ),
    ),
    second={
        "lyapunov_exponents": lambda n, d, estimator: _exponents(n, d, estimator),
        "lyapunov_variances": lambda n, d, estimator: theory.lyapunov_variances(n, dim=d),
        "condition_growth": lambda n, d, estimator: theory.log_condition_growth(n, dim=d),
    },
    remark=(
        "From an isotropic start the eigenvectors are a random rotation; by Cauchy-Binet the product of the k largest "
        "eigenvalues exceeds a leading minor by at most the squared determinant of a block of it, which does not depend on t."
    ),
    tags=("gaussian", "dimensions", "replace"),
)

# ------------------------------------------------------------------------------------------------- distances


def _run(models, family):
    """Write models down as a run: the truth first, then one fit; models are dicts of arrays."""
    dims = {"mean": ("dim",), "cov": ("dim", "dim_"), "log_variance": ("dim",)}
    if family == "GaussianMixture":
        dims = {"weight": ("component",), "mean": ("component", "dim"), "cov": ("component", "dim", "dim_")}
    data = {
        name: (("replicate", "generation", *axes), np.stack([model[name] for model in models])[None])
        for name, axes in dims.items()
    }
    attrs = {"truth": "model", "family": family, "family_options": '{"estimator": "mle"}'}
    return xr.Dataset(data, {"replicate": [0], "generation": [0, 1]}, attrs)


def _two(mean_p, cov_p, mean_q, cov_q):
    """Write two Gaussians down, q as the truth; a flat covariance has a log variance of minus infinity."""
    with np.errstate(divide="ignore"):
        models = [
            {"mean": np.asarray(m), "cov": np.asarray(c), "log_variance": np.log(np.diagonal(c))}
            for m, c in ((mean_q, cov_q), (mean_p, cov_p))
        ]
    return _run(models, "Gaussian")


def _last(measure):
    return float(measure.values[0, 1])


def _w2(mean_p, cov_p, mean_q, cov_q):
    return _last(metrics.w2_squared(_two(mean_p, cov_p, mean_q, cov_q)))


def _kl(mean_p, cov_p, mean_q, cov_q):
    return _last(metrics.kl(_two(mean_p, cov_p, mean_q, cov_q)))


def _l2(weights_p, means_p, covs_p, weights_q, means_q, covs_q):
    """Pad the mixture with fewer components by some of weight 0."""
    size = max(len(weights_p), len(weights_q))
    models = []
    for weight, mean, cov in ((weights_q, means_q, covs_q), (weights_p, means_p, covs_p)):
        more = size - len(weight)
        models.append(
            {
                "weight": np.concatenate([weight, np.zeros(more)]),
                "mean": np.concatenate([mean, np.repeat(mean[:1], more, axis=0)]),
                "cov": np.concatenate([cov, np.repeat(cov[:1], more, axis=0)]),
            }
        )
    return _last(metrics.l2_squared(_run(models, "GaussianMixture")))


#: two Gaussians, by name
PAIRS = {
    "plane": ((1.0, -0.5, 0.2), COV, (0.0, 0.3, 0.0), ((1.0, -0.4, 0.0), (-0.4, 1.5, 0.2), (0.0, 0.2, 0.8))),
    "line": ((0.7,), ((2.0,),), (-0.4,), ((0.3,),)),
    "near": ((0.0, 0.0), ((1.0, 0.1), (0.1, 1.0)), (0.01, 0.0), ((1.01, 0.1), (0.1, 1.0))),
}


def _pair(pair):
    return tuple(np.array(x) for x in PAIRS[pair])


def _bures(pair):
    """The formula with matrix square roots."""
    from scipy.linalg import sqrtm

    a, A, b, B = _pair(pair)
    root = sqrtm(A)
    return float((a - b) @ (a - b) + np.trace(A + B - 2 * np.real(sqrtm(root @ B @ root))))


def _transported(size, rng, pair):
    """Squared length of the way of points of the first law under the best linear map to the second."""
    from scipy.linalg import sqrtm

    a, A, b, B = _pair(pair)
    root = sqrtm(A)
    back = np.linalg.inv(root)
    T = back @ np.real(sqrtm(root @ B @ root)) @ back
    x = rng.standard_normal((size, len(a))) @ root
    return ((x + a - b - x @ T) ** 2).sum(axis=1)


def _transported_sd(pair):
    """Of |delta + M x|^2 with x ~ N(0, A), M = I - T: a quadratic form in a normal vector."""
    from scipy.linalg import sqrtm

    a, A, b, B = _pair(pair)
    root = sqrtm(A)
    back = np.linalg.inv(root)
    M = np.eye(len(a)) - back @ np.real(sqrtm(root @ B @ root)) @ back
    C = M @ A @ M
    return math.sqrt(2 * np.trace(C @ C) + 4 * (a - b) @ C @ (a - b))


def _log_ratio(size, rng, pair):
    a, A, b, B = _pair(pair)
    x = a + rng.standard_normal((size, len(a))) @ np.linalg.cholesky(A).T

    def log(mean, cov):
        z = np.linalg.solve(np.linalg.cholesky(cov), (x - mean).T)
        return -(z**2).sum(axis=0) / 2 - np.linalg.slogdet(cov)[1] / 2

    return log(a, A) - log(b, B)


def _log_ratio_sd(pair):
    a, A, b, B = _pair(pair)
    M = np.eye(len(a)) - np.linalg.solve(B, A)
    z = np.linalg.solve(B, b - a)
    return math.sqrt(np.trace(M @ M) / 2 + z @ A @ z)


#: two mixtures on the line: weights, means, variances
ON_THE_LINE = (((0.3, 0.7), (-2.0, 1.0), (0.5, 1.0)), ((0.45, 0.55), (-1.5, 1.2), (0.7, 0.1)))


def _line_l2(swap):
    first, second = ON_THE_LINE[:: -1 if swap else 1]
    arrays = [(np.array(w), np.array(m)[:, None], np.array(v)[:, None, None]) for w, m, v in (first, second)]
    return _l2(*arrays[0], *arrays[1])


def _line_l2_integrated(swap):
    from scipy.integrate import quad

    def density(x, mixture):
        return sum(w * math.exp(-((x - m) ** 2) / 2 / v) / math.sqrt(2 * math.pi * v) for w, m, v in zip(*mixture, strict=True))

    ends = (-14.0, -2.0, 0.0, 1.2, 3.0, 14.0)
    return sum(
        quad(lambda x: (density(x, ON_THE_LINE[0]) - density(x, ON_THE_LINE[1])) ** 2, low, high, epsabs=1e-14)[0]
        for low, high in zip(ends, ends[1:], strict=False)
    )


DISTANCES = Claim(
    id="DIST",
    title="Distances between Gaussians and between mixtures of them",
    statement=(
        "Closed forms for the squared Wasserstein-2 distance and the divergence of two Gaussians, and for the squared "
        "L2 distance of the densities of two Gaussian mixtures."
    ),
    formula=(
        r"W_2^2 = |a-b|^2 + \mathrm{tr}\big(A+B-2(A^{1/2}BA^{1/2})^{1/2}\big),\quad KL = \tfrac12\big[\mathrm{tr}(B^{-1}A) + "
        r"(b-a)^\top B^{-1}(b-a) - d + \ln\tfrac{\det B}{\det A}\big],\quad \int pq = \sum_{ij} a_ib_j\,\phi(m_i-m'_j; C_i+C'_j)"
    ),
    assumptions="Nats; the truth is the second argument.",
    source=("dowson1982", "shumailov2024"),
    locus="the mixture formula: the released code of Shumailov et al.",
    kind=Kind.EXACT,
    theory=(metrics.w2_squared, metrics.kl, metrics.l2_squared),
    simulation="Points moved by the best linear map; log ratios of densities at points that are drawn.",
    checks=(
        Computed(
            label="squared W2, by matrix square roots",
            predict=lambda pair: _w2(*_pair(pair)),
            other=_bures,
            cases=tuple({"pair": pair} for pair in PAIRS),
            rtol=1e-9,
        ),
        Computed(
            label="squared L2, by integration",
            predict=_line_l2,
            other=_line_l2_integrated,
            cases=({"swap": False}, {"swap": True}),
            rtol=1e-9,
        ),
        Sampled(
            label="squared W2 is what the best map costs",
            predict=lambda pair: _w2(*_pair(pair)),
            draw=_transported,
            sd=_transported_sd,
            cases=({"pair": "plane"}, {"pair": "line"}),
            size=100_000,
            mutants={"distance, not its square": lambda pair: math.sqrt(_w2(*_pair(pair)))},
        ),
        Sampled(
            label="divergence is the mean log ratio",
            predict=lambda pair: _kl(*_pair(pair)),
            draw=_log_ratio,
            sd=_log_ratio_sd,
            cases=({"pair": "plane"}, {"pair": "line"}),
            size=100_000,
            mutants={"reversed": lambda pair: _kl(*_pair(pair)[2:], *_pair(pair)[:2])},
        ),
    ),
    second={"squared_w2": _w2, "divergence": _kl, "squared_l2": _l2},
    tags=("gaussian", "divergence", "distance"),
)

CLAIMS = (DET, ESYM, LYAP, DISTANCES)
