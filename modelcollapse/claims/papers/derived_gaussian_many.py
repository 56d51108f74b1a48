r"""The d-dimensional Gaussian under Replace: determinants, symmetric functions, exponents, and distances.

One refit turns the covariance into A W A', with A a root of it and W a Wishart matrix over its divisor. Leading minors
are therefore products of independent chi-squares (Bartlett), expected minors fall like the eigenvalues of the
Wright-Fisher chain, and each direction has its own exponent (Newman; Forrester): the last one left is the first.
Checked by points that are drawn and fitted, by other routes to the same number, and with brackets for what is only
asymptotic.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Distributed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.gaussians import blockwise, chains

OTHER = {"mle": "unbiased", "unbiased": "mle"}
HERE = ("modelcollapse", "muirhead1982")
#: a covariance without symmetries
COV = ((4.0, 1.0, 0.5), (1.0, 2.0, -0.3), (0.5, -0.3, 0.5))


def _covariances(size, rng, n, t, estimator, cov=COV):
    """Draw points, fit, draw again: the covariances after t fits, (chain, d, d)."""
    d = len(cov)

    def draw(count):
        fitted = np.broadcast_to(np.asarray(cov, dtype=float), (count, d, d))
        for _ in range(t):
            x = rng.standard_normal((count, n, d)) @ np.linalg.cholesky(fitted).mT
            x -= x.mean(axis=1, keepdims=True)
            fitted = x.mT @ x / (n - (estimator == "unbiased"))
        return fitted

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
                mpmath.loggamma(mpmath.mpf(nu - i) / 2 + s) - mpmath.loggamma(mpmath.mpf(nu - i) / 2)
                for i in range(dim)
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
        r"E\ln\frac{\det\Sigma_t}{\det\Sigma_0} = t\sum_{i=1}^d\Big[\psi\Big(\frac{\nu-i+1}2\Big) + "
        r"\ln\frac2{\mathrm{div}}\Big],"
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
    """Exact for trace and determinant; for e_2 a bound: it is at most (d - 1)/(2d) times the squared trace."""
    square = theory.VarianceLaw(n, t, estimator=estimator).moment(4.0) * np.trace(COV) ** 4 / 9
    mean = _expected_symmetric(n, t, estimator)
    trace = _squares(n, t, estimator)[1] - mean[0] ** 2
    return np.array(
        [
            math.sqrt(trace),
            math.sqrt(square - mean[1] ** 2),
            mean[2] * _det_sd(n, t, estimator, 3) / float(theory.expected_det(n, t, dim=3, estimator=estimator)),
        ]
    )


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
            sd=lambda n, t, estimator: (
                np.trace(COV) ** 2 * math.sqrt(theory.VarianceLaw(n, t, estimator=estimator).moment(4.0))
            ),
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
    formula=(
        r"\frac1t\ln\mathrm{eig}_i(\Sigma_t) \to \lambda_i = \psi\Big(\frac{\nu-i+1}2\Big) + \ln\frac2{\mathrm{div}}"
    ),
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
            mutants={
                "equal exponents": lambda n, t, estimator: _flag(n, t, estimator).mean() + 0 * _flag(n, t, estimator)
            },
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
            mutants={
                "equal exponents": lambda n, t, dim: np.arange(1, dim + 1) * _exponents(n, dim, "unbiased").mean()
            },
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
        "eigenvalues exceeds a leading minor by at most the squared determinant of a block of it, which does not "
        "depend on t."
    ),
    tags=("gaussian", "dimensions", "replace"),
)

CLAIMS = (DET, ESYM, LYAP)
