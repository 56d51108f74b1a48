"""Dohmatob, Feng and Kempe (2024), Model collapse demystified: the case of regression.

A generator is refitted k times to its own labels; a second model is then trained on what it says. The error of the
second grows linearly in k, with or without a ridge penalty; and with fewer rows than dimensions even noise-free labels
are forgotten. Checked by chains, at one fixed design where everything is exact, and against spectra of random designs.
Power laws are in `dohmatob2024_powerlaw`.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import LinearRegression, Replace, simulate, theory
from modelcollapse.claims.checks import Computed, Distributed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.least_squares import (
    blockwise,
    eigenvalues,
    fit,
    fixed_design,
    fourth,
    marchenko_pastur,
    uneven,
)
from modelcollapse.claims.programs import at

# ------------------------------------------------------------------------------------------------- two stages


def _two_stages(d, n, n0, k, noise0=1.0, noise=1.0):
    return theory.downstream_risk(n, k, n0, dim=d, noise_variance=noise, generator_noise_variance=noise0)


def _two_stages_sd(d, n, n0, k, noise0=1.0, noise=1.0):
    """The two errors are independent and without direction: (a.b)^2 has the mean a^2 b^2 / d."""
    first = theory.regression_risk_replace(n0, k, dim=d, noise_variance=noise0)
    second = theory.regression_risk_replace(n, 1, dim=d, noise_variance=noise)
    scatter = theory.regression_risk_sd(n0, k, dim=d, noise_variance=noise0) if k else 0.0
    own = theory.regression_risk_sd(n, 1, dim=d, noise_variance=noise)
    return math.sqrt(scatter**2 + own**2 + 4 / d * first * second)


def _generators(size, rng, d, n0, k, noise0):
    """Draw the error of the coefficients after k fits to n0 rows each, covariates with an uneven covariance."""
    if k == 0:
        return np.zeros((size, d))
    truth = LinearRegression(np.zeros(d), uneven(d), math.sqrt(noise0))
    run = simulate(truth, Replace(n0), generations=k, replicates=size, rng=rng, keep=[0, k])
    return run["coef"].sel(generation=k).values


def _two_stages_drawn(size, rng, d, n, n0, k, noise0=1.0, noise=1.0):
    w, root = _generators(size, rng, d, n0, k, noise0), np.linalg.cholesky(uneven(d))
    done = iter(range(size))

    def draw(count):
        X = rng.standard_normal((count, n, d)) @ root.T
        mine = w[[next(done) for _ in range(count)]]
        return fit(X, (X @ mine[..., None])[..., 0] + math.sqrt(noise) * rng.standard_normal((count, n)))

    error = blockwise(draw, size, n * d) @ root
    return (error**2).sum(axis=1)


# ------------------------------------------------------------------------------------------------- ridge


def _ridge(d, n, lam, extra=0.0, signal=1.0, noise=1.0):
    """Return B + V + extra rho, isotropic covariates; extra = k s0^2 d/(n0 - d - 1)."""
    one = np.ones(d)
    clean = theory.ridge_risk(one, n, lam, signal=signal, noise_variance=noise)
    return clean + theory.strong_collapse_ridge(one, n, lam, synthetic_fraction=1.0, discrepancy=extra)


def _ridge_function(d, n, lam, extra=0.0, signal=1.0, noise=1.0):
    """Return the risk of one isotropic design as a function whose mean over its spectrum it is."""
    return lambda x: (signal * lam**2 + noise * d / n * x + extra * x**2) / (x + lam) ** 2


def _ridge_drawn(size, rng, d, n, lam, extra=0.0):
    """Twice the risk of designs of the double size less that of designs of this size: terms of order 1/d cancel."""
    risk = _ridge_function(d, n, lam, extra)
    small, large = (risk(eigenvalues(size, rng, c * d, c * n)).mean(axis=1) for c in (1, 2))
    return 2 * large - small


def _ridge_sd(d, n, lam, extra=0.0):
    """Gaussian Poincaré inequality: the variance of sum f(x_j) is at most 4 (d/n) max x f'(x)^2."""
    x = np.geomspace(1e-6 * lam, 1e6 * lam, 20001)
    noise = d / n
    top = lam**2 + noise * x + extra * x**2
    slope = (noise + 2 * extra * x) / (x + lam) ** 2 - 2 * top / (x + lam) ** 3
    one = math.sqrt(4 * noise * (x * slope**2).max()) / d
    return math.sqrt(2) * one  # of 2 large - small, the scatter of the large being half as wide


def _one_design(d, n, lam):
    """Return root of the covariance, shrinkage R, and the map G of labels, of the fixed design."""
    X, cov = fixed_design(d, n), uneven(d)
    gram = X.T @ X / n
    inverse = np.linalg.inv(gram + lam * np.eye(d))
    return X, np.linalg.cholesky(cov), inverse @ gram, inverse @ X.T / n


def _fixed(d, n, lam, n0, k, noise0=1.0):
    X, root, R, G = _one_design(d, n, lam)
    lost = root.T @ (R - np.eye(d)) @ np.ones(d)
    extra = theory.downstream_ridge_extra(
        X, lam, fits=k, n_generator=n0, cov=uneven(d), generator_noise_variance=noise0
    )
    return lost @ lost + np.sum((root.T @ G) ** 2) + extra


def _fixed_sd(d, n, lam, n0, k, noise0=1.0):
    """Given the sum s of variance/chi-square of the generator's fits, the error is normal with covariance s A + B."""
    _, root, R, G = _one_design(d, n, lam)
    m = n0 - d - 1
    s, var_s = k * noise0 / m, 2 * k * noise0**2 / (m**2 * (m - 2))
    half = root.T @ R @ np.linalg.inv(root.T)
    A, B = half @ half.T, root.T @ G @ G.T @ root
    c = root.T @ (R - np.eye(d)) @ np.ones(d)
    given = 2 * ((s**2 + var_s) * np.sum(A * A) + 2 * s * np.sum(A * B) + np.sum(B * B)) + 4 * c @ (s * A + B) @ c
    return math.sqrt(given + np.trace(A) ** 2 * var_s)


def _fixed_drawn(size, rng, d, n, lam, n0, k, noise0=1.0):
    X, root, _, G = _one_design(d, n, lam)
    w = np.ones(d) + _generators(size, rng, d, n0, k, noise0)
    labels = w @ X.T + rng.standard_normal((size, n))
    return (((labels @ G.T - 1) @ root) ** 2).sum(axis=1)


# ------------------------------------------------------------------------------------------------- smallest norm


def _smallest(d, n, t, noise=0.0, design="fresh"):
    return theory.minimum_norm_risk(n, t, dim=d, noise_variance=noise, design=design)


def _smallest_drawn(size, rng, d, n, t, noise=0.0, design="fresh"):
    truth = LinearRegression(np.ones(d) / math.sqrt(d), 1.0, math.sqrt(noise), design=design)
    return at(truth, Replace(n), t, size, rng, "excess_risk")


def _smallest_sd(d, n, t, noise=0.0):
    """Bound the scatter by Minkowski's inequality, step by step.

    A fit keeps the part of the last error in a random space, whose share is a beta variable, adds a noise in that space
    without direction, and loses the part of the truth outside.
    """
    share, share2 = n / d, n * (n + 2) / (d * (d + 2))
    lost = math.sqrt(share2 - share**2)
    own, own2 = noise * n / (d - n - 1), noise**2 * fourth(n, d)
    sd, mean = 0.0, 0.0
    for i in range(t):
        kept = math.sqrt(max((sd**2 + mean**2) * share2 - (mean * share) ** 2, 0.0))
        across = 2 * math.sqrt(mean * share * own / n)
        sd = lost + kept + across + math.sqrt(own2 - own**2)
        mean = _smallest(d, n, i + 1, noise)
    return sd


def _pseudo_inverses(d, rows, rounds):
    """Apply the pseudo-inverse of one design again and again; average over directions of the truth."""
    kept = np.eye(d)
    X = fixed_design(d, rows)
    for _ in range(rounds):
        kept = np.linalg.pinv(X) @ (X @ kept)
    return np.sum((kept - np.eye(d)) ** 2) / d


def _beta(d, n):
    """Distribution function of the squared length outside a random n-dimensional space."""
    from scipy.special import betainc

    return lambda x: betainc((d - n) / 2, n / 2, np.clip(x, 0, 1))


def _mean_inverse(d, n):
    """Return E 1/chi-square of n - d + 1 degrees of freedom, by quadrature in the logarithm."""
    from scipy.integrate import quad

    half = (n - d + 1) / 2

    def density(y):  # of log chi-square / 2, without its constant, times 1/x
        return math.exp((half - 1) * y - math.exp(y))

    low, top = -60 / max(half - 1, 0.5), math.log(half) + 6
    whole = quad(lambda y: math.exp(half * y - math.exp(y)), low, top, epsabs=0, epsrel=1e-12, limit=400)[0]
    return quad(density, low, top, epsabs=0, epsrel=1e-12, limit=400)[0] / whole / 2


CLAIMS = (
    Claim(
        id="reg-dohmatob-twostage",
        title="A model trained on an old generator's labels: error linear in its number of fits",
        statement=(
            "If labels come from a generator that was refitted k times, the excess error of least squares on them is "
            "that of a fit to true labels plus k times that of one fit of the generator."
        ),
        formula=(
            r"R = \frac{\sigma^2d}{n-d-1} + k\,\frac{\sigma_0^2d}{n_0-d-1} \;\to\; "
            r"\frac{\sigma^2\varphi}{1-\varphi} + k\,\frac{\sigma_0^2\varphi_0}{1-\varphi_0}"
        ),
        assumptions="Least squares throughout, any covariance, n and n_0 > d + 1; k = 0 means true labels.",
        source=("dohmatob2024b",),
        locus="the theorem on the classical linear model (warm-up)",
        kind=Kind.EXACT,
        theory=(theory.downstream_risk,),
        simulation="k fits of a generator, one fit to its labels, correlated covariates.",
        checks=(
            Computed(
                label="noises added fit by fit",
                predict=_two_stages,
                other=lambda d, n, n0, k, noise0=1.0, noise=1.0: (
                    k * noise0 * d * _mean_inverse(d, n0) + noise * d * _mean_inverse(d, n)
                ),
                cases=(
                    {"d": 4, "n": 15, "n0": 12, "k": 3, "noise0": 0.5},
                    {"d": 30, "n": 40, "n0": 33, "k": 0},
                    {"d": 1, "n": 3, "n0": 3, "k": 50, "noise0": 2.0},
                ),
                rtol=1e-8,
                mutants={"one fit too many": lambda k, **c: _two_stages(k=k + 1, **c)},
            ),
            Limit(
                label="rows and dimensions in proportion, 1/2 and 1/4",
                value=lambda d, k: _two_stages(int(d), 2 * int(d), 4 * int(d), k),
                asymptote=lambda d, k: 1.0 + k / 3,
                along=(20, 40, 80, 160, 320),
                remainder=lambda d: 1 / d,
                name="d",
                cases=({"k": 3}, {"k": 0}),
            ),
            Sampled(
                label="generators and fits to their labels",
                predict=_two_stages,
                draw=_two_stages_drawn,
                sd=_two_stages_sd,
                cases=(
                    {"d": 4, "n": 15, "n0": 12, "k": 3, "noise0": 0.5},
                    {"d": 10, "n": 40, "n0": 30, "k": 12},
                ),
                size=24_000,
                mutants={
                    "no generator": lambda k, **c: _two_stages(k=0, **c),
                    "sizes swapped": lambda n, n0, **c: _two_stages(n=n0, n0=n, **c),
                },
            ),
        ),
        second={
            "two_stage_error": lambda d, n, n0, k, noise, noise0: _two_stages(d, n, n0, k, noise0, noise),
            "two_stage_limit": lambda d, n, n0, k, noise, noise0: noise * d / (n - d) + k * noise0 * d / (n0 - d),
        },
        tags=("regression", "replace", "two stages"),
    ),
    Claim(
        id="reg-dohmatob-ridge",
        title="Ridge regression on an old generator's labels: bias, variance, and a term linear in k",
        statement=(
            "With a ridge penalty the error of the second model is bias plus variance of a clean ridge fit plus k "
            "times the generator's error of one fit, shrunk by a factor that the random-matrix limit gives. That the "
            "last term is linear in k is exact at every size."
        ),
        formula=(
            r"R \simeq B + V + k\,\sigma_0^2\frac{d}{n_0-d-1}\,\rho, \quad "
            r"\kappa-\lambda=\frac{\kappa\varphi}{1+\kappa},\ u=\frac{\varphi/(1+\kappa)^2}{1-\varphi/(1+\kappa)^2},\ "
            r"B=\|w^*\|^2\frac{\kappa^2(1+u)}{(1+\kappa)^2},\ V=\sigma^2u,\ "
            r"\rho=1-\frac{2\kappa}{1+\kappa}+\frac{\kappa^2(1+u)}{(1+\kappa)^2}"
        ),
        assumptions="Penalty lambda on X'X/n; the limit for Sigma = I with d/n fixed; n_0 > d + 1.",
        source=("dohmatob2024b",),
        locus="section 4",
        kind=Kind.ASYMPTOTIC,
        theory=(
            theory.downstream_ridge_risk,
            theory.downstream_ridge_extra,
            theory.ridge_risk,
            theory.effective_penalty,
        ),
        simulation="Spectra of random designs; and generators, labels and fits on one given design, uneven covariance.",
        checks=(
            Computed(
                label="integrals against the Marchenko-Pastur law",
                predict=_ridge,
                other=lambda d, n, lam, extra: marchenko_pastur(_ridge_function(d, n, lam, extra), d, n),
                cases=(
                    {"d": 100, "n": 200, "lam": 0.3, "extra": 6.0},
                    {"d": 150, "n": 100, "lam": 0.1, "extra": 1.0},
                    {"d": 100, "n": 100, "lam": 0.01, "extra": 0.3},
                    {"d": 3, "n": 1000, "lam": 5.0, "extra": 20.0},
                ),
                mutants={
                    "the penalty itself for kappa": lambda d, n, lam, extra: (lam**2 + d / n + extra) / (1 + lam) ** 2,
                },
            ),
            Sampled(
                label="designs of 30 and of 60 dimensions, extrapolated",
                predict=_ridge,
                draw=_ridge_drawn,
                sd=_ridge_sd,
                # what is left after the extrapolation is of the second order in 1/d
                remainder=lambda d, n, lam, extra: _ridge(d, n, lam, extra) / d**2,
                cases=(
                    {"d": 30, "n": 60, "lam": 0.3, "extra": 6.0},
                    {"d": 30, "n": 20, "lam": 0.2, "extra": 2.0},
                    {"d": 30, "n": 30, "lam": 0.5, "extra": 0.0},
                ),
                size=1000,
                mutants={"no generator": lambda d, n, lam, extra: _ridge(d, n, lam)},
            ),
            Sampled(
                label="one design: the whole error, exactly linear in k",
                predict=_fixed,
                draw=_fixed_drawn,
                sd=_fixed_sd,
                cases=(
                    {"d": 4, "n": 9, "lam": 0.3, "n0": 20, "k": 3},
                    {"d": 6, "n": 5, "lam": 0.05, "n0": 30, "k": 12, "noise0": 2.0},
                    {"d": 3, "n": 30, "lam": 2.0, "n0": 12, "k": 0},
                ),
                size=100_000,
                mutants={"one fit of the generator more": lambda k, **c: _fixed(k=k + 1, **c)},
            ),
        ),
        second={
            "ridge_kappa": lambda d, n, lam: theory.effective_penalty(np.ones(d), n, lam),
            "ridge_bias": lambda d, n, lam: theory.ridge_risk(np.ones(d), n, lam, noise_variance=0.0),
            "ridge_variance": lambda d, n, lam: theory.ridge_risk(np.ones(d), n, lam, signal=0.0),
            "ridge_generator_share": lambda d, n, lam: theory.strong_collapse_ridge(
                np.ones(d), n, lam, synthetic_fraction=1.0
            ),
            "ridge_two_stage_error": lambda d, n, n0, lam, k, signal, noise, noise0: theory.downstream_ridge_risk(
                np.ones(d),
                n,
                lam,
                fits=k,
                n_generator=n0,
                signal=signal,
                noise_variance=noise,
                generator_noise_variance=noise0,
            ),
        },
        tags=("regression", "ridge", "random matrices"),
    ),
    Claim(
        id="reg-overparam-exponential",
        title="Fewer rows than dimensions: collapse without any noise, at an exponential rate",
        statement=(
            "If the fit of smallest norm interpolates n < d rows of the last model, with new isotropic covariates in "
            "every generation, the truth is forgotten exponentially even without noise; label noise adds a geometric "
            "sum. With the same covariates for ever nothing more is lost after the first fit."
        ),
        formula=(
            r"E\|w_t-w^*\|^2 = \|w^*\|^2(1-\eta^t) + \frac{\sigma_0^2 n}{d-n-1}\cdot\frac{1-\eta^t}{1-\eta}, "
            r"\qquad \eta = \frac nd; \qquad \text{one design: } \|w^*\|^2(1-\eta)"
        ),
        assumptions="Sigma = I; n < d - 1 where there is noise; minimum-norm least squares.",
        source=("dohmatob2024b",),
        locus="the over-parametrised case; the form at finite d is derived",
        kind=Kind.EXACT,
        theory=(theory.minimum_norm_risk,),
        simulation="Chains of minimum-norm fits.",
        checks=(
            Computed(
                label="one design: pseudo-inverses applied again and again",
                predict=lambda d, rows, rounds: _smallest(d, rows, rounds, design="same"),
                other=_pseudo_inverses,
                cases=(
                    {"d": 20, "rows": 8, "rounds": 5},
                    {"d": 7, "rows": 6, "rounds": 40},
                    {"d": 9, "rows": 1, "rounds": 1},
                ),
                mutants={"new designs": lambda d, rows, rounds: _smallest(d, rows, rounds + 1)},
            ),
            Distributed(
                label="what one fit loses is a beta variable",
                predict=lambda d, n: _beta(d, n),
                draw=lambda size, rng, d, n: _smallest_drawn(size, rng, d, n, 1),
                cases=({"d": 20, "n": 8}, {"d": 5, "n": 4}),
                size=8000,
                mutants={"n and d - n swapped": lambda d, n: _beta(d, d - n)},
            ),
            Distributed(
                label="the same after ten fits, with one design",
                predict=lambda d, n, rounds: _beta(d, n),
                draw=lambda size, rng, d, n, rounds: _smallest_drawn(size, rng, d, n, rounds, design="same"),
                cases=({"d": 10, "n": 4, "rounds": 10},),
                size=4000,
            ),
            Sampled(
                label="no noise",
                predict=_smallest,
                draw=_smallest_drawn,
                bounds=(0.0, 4.0),
                cases=({"d": 20, "n": 8, "t": 2}, {"d": 10, "n": 9, "t": 12}, {"d": 6, "n": 5, "t": 3}),
                size=8000,
                mutants={"one design": lambda d, n, t: _smallest(d, n, t, design="same")},
            ),
            Sampled(
                label="with noise",
                predict=_smallest,
                draw=_smallest_drawn,
                sd=_smallest_sd,
                cases=(
                    {"d": 30, "n": 8, "t": 1, "noise": 2.0},
                    {"d": 40, "n": 12, "t": 3, "noise": 0.5},
                ),
                size=8000,
                mutants={"no noise": lambda d, n, t, noise: _smallest(d, n, t)},
            ),
        ),
        second={
            "minimum_norm_error": lambda t, d, n, signal, variance: theory.minimum_norm_risk(
                n, t, dim=d, signal=signal, noise_variance=variance
            ),
            "minimum_norm_error_noise_free": lambda t, d, n, signal: theory.minimum_norm_risk(
                n, t, dim=d, signal=signal
            ),
            "minimum_norm_error_same_design": lambda t, d, n, signal: theory.minimum_norm_risk(
                n, t, dim=d, signal=signal, design="same"
            ),
        },
        tags=("regression", "overparametrised"),
    ),
)
