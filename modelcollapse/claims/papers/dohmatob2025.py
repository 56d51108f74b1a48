"""Dohmatob et al. (2025), Strong model collapse: one fit to real and to synthetic rows.

If a fixed share of the rows has another target, more rows do not help: the error stays above the squared share times
the squared discrepancy. Checked against exact formulas for least squares, which are derived here in two ways, against
rows that are drawn and fitted, and, with a ridge penalty, against designs of two sizes that are extrapolated.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.least_squares import (
    blockwise,
    fit,
    marchenko_pastur,
    memory_moments,
    mixed_sd,
    uneven,
)
from modelcollapse.verify import Status

# ------------------------------------------------------------------------------------------------- least squares


def _share(q, p, d):
    return theory.mixture_coefficient(q, p, dim=d)


def _risk(q, p, d, c2):
    return theory.strong_collapse_risk(q, p, dim=d, discrepancy=c2)


def _zonal(q, p, d):
    """Return E tr B^2, E (tr B)^2 and a as they are stated, in fractions."""
    n, half = p + q, Fraction(1, 2)
    A, C = Fraction(p, 2), Fraction(n, 2)
    Q2 = A * (A + 1) / (C * (C + 1)) * d * (d + 2)
    Q11 = A * (A - half) / (C * (C - half)) * d * (d - 1)
    t2 = (Q2 - Q11) / 3
    t11 = Q11 + t2
    if d == 1:
        return t2, t11, A * (A + 1) / (C * (C + 1))
    right = Fraction(d * (n * d - 2), n - d - 1)
    both = d**2 * (d + d**2) - 2 * d * d
    alpha, beta = (right * (d + d**2) - 2 * d * d) / both, (d**3 - d * right) / both
    return t2, t11, (alpha * t2 + beta * (t2 + t11)) / d


def _shift(d):
    """Return a direction, of length one in the metric of the uneven covariance."""
    delta = np.cos(np.arange(d) + 1.0)
    return delta / math.sqrt(delta @ uneven(d) @ delta)


def _mixed(size, rng, q, p, d, c2=1.0, noise=1.0):
    """Draw q rows of the truth 0 and p rows of the target delta, fit them together."""
    root, n = np.linalg.cholesky(uneven(d)), q + p
    delta, made = math.sqrt(c2) * _shift(d), np.arange(n) < p

    def draw(count):
        X = rng.standard_normal((count, n, d)) @ root.T
        return fit(X, made * (X @ delta) + math.sqrt(noise) * rng.standard_normal((count, n)))

    return ((blockwise(draw, size, n * d) @ root) ** 2).sum(axis=1)


def _memory_sd(q, p, d):
    square, power = memory_moments(q, p, d)
    return math.sqrt(power - square**2)


# ------------------------------------------------------------------------------------------------- ridge


def _zeta(d, n, lam, p2, spectrum=None, c=1.0):
    spectrum = np.ones(d) if spectrum is None else spectrum
    return theory.strong_collapse_ridge(spectrum, n, lam, synthetic_fraction=p2, discrepancy=c)


def _free(d, n, lam, p2):
    """Two free matrices, the Gram matrix and the projection on the synthetic rows."""
    kept = marchenko_pastur(lambda x: (x / (x + lam)) ** 2, d, n)
    noise = marchenko_pastur(lambda x: x / (x + lam) ** 2, d, n)
    return p2**2 * kept + p2 * (1 - p2) * d / n * noise


def _general(d, copies=1):
    """Return eigenvalues, and a matrix Delta that does not commute with Sigma; copies of every direction."""
    spectrum = np.repeat(np.geomspace(0.3, 3.0, d), copies)
    i = np.arange(d)
    turn = np.linalg.qr(np.cos(np.outer(i + 1, i + 0.4)) + 2 * np.eye(d))[0]
    return spectrum, np.kron((turn * np.linspace(0, 2 / d, d)) @ turn.T, np.eye(copies)) / copies


def _general_zeta(d, n, lam, p2):
    spectrum, Delta = _general(d)
    return _zeta(d, n, lam, p2, spectrum, spectrum * np.diag(Delta))


def _general_drawn(size, rng, d, n, lam, p2):
    """Ratio to the limit: twice that of designs of the double size less that of this size.

    Ten pairs of designs are averaged, and the average is cut at 0.6 and 1.4, which is far out.
    """
    limit, pairs = _general_zeta(d, n, lam, p2), 10

    def zeta(copies):
        spectrum, Delta = _general(d, copies)
        rows, size_d = copies * n, copies * d
        made = round(p2 * rows)

        def draw(count):
            X = rng.standard_normal((count, rows, size_d)) * np.sqrt(spectrum)
            S, S2 = X.mT @ X / rows, X[:, :made].mT @ X[:, :made] / rows
            M = np.linalg.solve(S + lam * np.eye(size_d), S2)
            return np.einsum("rij,rij->r", spectrum[:, None] * (M @ Delta), M)

        return blockwise(draw, pairs * size, rows * size_d).reshape(size, pairs).mean(axis=1)

    return np.clip((2 * zeta(2) - zeta(1)) / limit, 0.6, 1.4)


def _projected(d, m, q, p):
    """Return zeta/c^2 of least squares (smallest norm) on m random orthonormal projections of isotropic covariates.

    Derived here: what the projections cannot see of delta acts as noise on the synthetic rows.
    """
    n = q + p
    if m < n:
        return m / d * _share(q, p, m) + (1 - m / d) * p / n * m / (n - m - 1)
    return p / d + p * q / (d * (m - n - 1)) + (1 - m / d) * p / (m - n - 1)


def _peaks(size, rng, d, n, p2, lam):
    """Whether zeta with Gaussian random features is larger at m = n than at half and at twice as many."""
    p = round(p2 * n)
    out = np.empty(size, dtype=bool)
    for r in range(size):
        X = rng.standard_normal((n, d))
        zeta = []
        for m in (n // 2, n, 2 * n):
            W = rng.standard_normal((m, d)) / math.sqrt(d)
            Z = X @ W.T
            G = np.linalg.solve(Z.T @ Z / n + lam * np.eye(m), Z[:p].T @ X[:p] / n)
            zeta.append(np.sum((W.T @ G) ** 2) / d)
        out[r] = zeta[1] > max(zeta[0], zeta[2])
    return out


def _no_noise(d, n, lam, p2):
    """Return the limit without the terms in u, as a ratio."""
    spectrum, Delta = _general(d)
    kappa = theory.effective_penalty(spectrum, n, lam)
    bare = p2**2 * np.sum(np.diag(Delta) * spectrum**3 / (spectrum + kappa) ** 2)
    return bare / _general_zeta(d, n, lam, p2)


CLAIMS = (
    Claim(
        id="reg-strong-collapse-ridgeless",
        title="A fixed share of synthetic rows is a floor: the error tends to p2^2 c^2",
        statement=(
            "Least squares on n rows of which a share p2 has a target that is off by delta: in the random-matrix limit "
            "the error is that of a clean fit plus c^2 (p2^2 + p1 p2 phi/(1-phi)), which does not vanish with more "
            "rows unless p2 does. At finite sizes the factor of c^2 is a known rational function of the two counts and "
            "d."
        ),
        formula=(
            r"R \simeq \frac{\sigma^2\varphi}{1-\varphi} + c^2\Big(p_2^2 + p_1p_2\frac{\varphi}{1-\varphi}\Big), "
            r"\qquad R = \frac{\sigma^2d}{n-d-1} + a\,c^2,\quad "
            r"a = \frac{n_2[\,n n_2m+n_1(nd-2)+m(n-2)\,]}{n(n-1)(n+2)m},\ m = n-d-1"
        ),
        assumptions="Gaussian rows with any covariance, n > d + 1, equal noise, delta independent of the rows, "
        "c^2 = tr(Sigma Delta).",
        source=("dohmatob2025",),
        locus="Corollary 1; the exact form is derived",
        kind=Kind.ASYMPTOTIC,
        theory=(theory.strong_collapse_risk, theory.mixture_coefficient, theory.strong_collapse_limit),
        simulation="Real and synthetic rows with correlated covariates, one fit.",
        checks=(
            Computed(
                label="moments of the matrix beta law, zonal polynomials, in fractions",
                predict=_share,
                other=lambda q, p, d: float(_zonal(q, p, d)[2]),
                cases=(
                    {"q": 3, "p": 3, "d": 1},
                    {"q": 20, "p": 5, "d": 8},
                    {"q": 1, "p": 900, "d": 30},
                    {"q": 40, "p": 2, "d": 40},
                ),
                rtol=1e-12,
                mutants={"p2^2": lambda q, p, d: (p / (p + q)) ** 2},
            ),
            Computed(
                label="a fixed vector fitted to a Gaussian design: five independent variables",
                predict=_share,
                other=lambda q, p, d: memory_moments(q, p, d)[0],
                cases=({"q": 3, "p": 3, "d": 1}, {"q": 20, "p": 5, "d": 8}, {"q": 1, "p": 900, "d": 30}),
                rtol=1e-12,
            ),
            Limit(
                label="rows and dimensions in proportion 2 : 1, a quarter of the rows synthetic",
                value=lambda d, c2: _risk(3 * int(d) // 2, int(d) // 2, int(d), c2),
                asymptote=lambda d, c2: theory.strong_collapse_limit(0.5, 0.25, discrepancy=c2),
                along=(20, 40, 80, 160, 320),
                remainder=lambda d: 1 / d,
                name="d",
                cases=({"c2": 2.0}, {"c2": 100.0}),
                mutants={"without p1 p2": lambda d, c2: 1.0 + c2 / 16},
            ),
            Limit(
                label="ever more rows: the floor",
                value=lambda n, d, c2: _risk(3 * int(n) // 4, int(n) // 4, d, c2),
                asymptote=lambda n, d, c2: c2 / 16,
                along=(400, 800, 1600, 3200, 6400),
                remainder=lambda n: 1 / n,
                cases=({"d": 10, "c2": 0.5},),
                mutants={"p2 c^2": lambda n, d, c2: c2 / 4},
            ),
            Sampled(
                label="squared length that is taken over, no noise",
                predict=_share,
                draw=lambda size, rng, q, p, d: _mixed(size, rng, q, p, d, noise=0.0),
                sd=_memory_sd,
                cases=({"q": 12, "p": 8, "d": 4}, {"q": 25, "p": 5, "d": 10}, {"q": 6, "p": 6, "d": 1}),
                size=30_000,
                mutants={"real and synthetic swapped": lambda q, p, d: _share(p - 1, q + 1, d)},
            ),
            Sampled(
                label="error of the fit",
                predict=_risk,
                draw=_mixed,
                sd=lambda q, p, d, c2: mixed_sd(q, p, d, 0.0, c2),
                cases=({"q": 20, "p": 10, "d": 3, "c2": 0.5}, {"q": 10, "p": 30, "d": 5, "c2": 2.0}),
                size=30_000,
                mutants={"no discrepancy": lambda q, p, d, c2: _risk(q, p, d, 0.0)},
            ),
        ),
        second={
            "shift_coefficient": lambda d, n_real, n_synthetic: _share(n_real, n_synthetic, d),
            "shifted_error": lambda d, n_real, n_synthetic, variance, shift: theory.strong_collapse_risk(
                n_real, n_synthetic, dim=d, discrepancy=shift, noise_variance=variance
            ),
            "block_square": lambda d, n_real, n_synthetic: float(_zonal(n_real, n_synthetic, d)[0]),
            "block_trace_square": lambda d, n_real, n_synthetic: float(_zonal(n_real, n_synthetic, d)[1]),
            "shifted_limit": lambda phi, p2, variance, shift: theory.strong_collapse_limit(
                phi, p2, discrepancy=shift, noise_variance=variance
            ),
            "shifted_limit_many_rows": lambda phi, p2, variance, shift: variance * phi + p2**2 * shift,
        },
        tags=("regression", "mixture", "random matrices"),
    ),
    Claim(
        id="reg-strong-collapse-ridge",
        title="With a ridge penalty a share of synthetic rows costs zeta, which does not vanish either",
        statement=(
            "The error of ridge regression on real and synthetic rows is bias plus variance plus a term zeta of the "
            "random-matrix limit, for any covariances of covariates and of the discrepancy. With many rows and a small "
            "penalty it tends to p2^2 c^2. With random features zeta peaks where their number equals that of the rows: "
            "below, larger models amplify the collapse, beyond, they mitigate it."
        ),
        formula=(
            r"\zeta = p_2^2(1+p_1u)\,\mathrm{tr}\,\Delta\Sigma^3(\Sigma+\kappa)^{-2} "
            r"+ p_2u\,\mathrm{tr}\,\Delta\Sigma(p_1\Sigma+\kappa)^2(\Sigma+\kappa)^{-2}"
        ),
        assumptions="Penalty lambda on X'X/n, dimensions and rows growing in proportion.",
        source=("dohmatob2025",),
        locus="Theorem 1, Eq. 9 and 10; Theorem 2 in words",
        kind=Kind.ASYMPTOTIC,
        theory=(theory.strong_collapse_ridge, theory.ridge_risk, theory.effective_penalty),
        simulation="Designs of two sizes, covariance and discrepancy that do not commute; random features.",
        checks=(
            Computed(
                label="isotropic covariates: integrals against the Marchenko-Pastur law",
                predict=_zeta,
                other=_free,
                cases=(
                    {"d": 100, "n": 150, "lam": 0.3, "p2": 0.4},
                    {"d": 600, "n": 500, "lam": 1e-3, "p2": 0.1},
                    {"d": 50, "n": 50, "lam": 0.02, "p2": 0.9},
                    {"d": 5, "n": 4000, "lam": 2.0, "p2": 1.0},
                ),
                mutants={"p2^2": lambda d, n, lam, p2: p2**2},
            ),
            Sampled(
                label="designs of 20 and of 40 dimensions, extrapolated, as a ratio",
                predict=lambda d, n, lam, p2: 1.0,
                draw=_general_drawn,
                bounds=(0.6, 1.4),
                # what is left after the extrapolation is of the second order in 1/d
                remainder=lambda d, n, lam, p2: d**-2.0,
                cases=(
                    {"d": 20, "n": 40, "lam": 0.3, "p2": 0.4},
                    {"d": 20, "n": 15, "lam": 0.3, "p2": 0.6},
                ),
                size=600,
                mutants={
                    "noise of the mixture left out": lambda d, n, lam, p2: _no_noise(d, n, lam, p2),
                    "p1 for p2": lambda d, n, lam, p2: _general_zeta(d, n, lam, 1 - p2) / _general_zeta(d, n, lam, p2),
                },
            ),
            Limit(
                label="many rows, a penalty that falls like 1/n: p2^2 c^2",
                value=lambda n, d, p2: _zeta(d, n, 1 / n, p2),
                asymptote=lambda n, d, p2: p2**2,
                along=(200, 400, 800, 1600, 3200),
                remainder=lambda n: 1 / n,
                cases=({"d": 4, "p2": 0.3}, {"d": 4, "p2": 0.9}),
                mutants={"p2": lambda n, d, p2: p2},
            ),
            Ordered(
                label="random projections without a penalty: zeta grows with their number up to the number of rows",
                lower=lambda d, q, p: np.array([_projected(d, m, q, p) for m in range(1, q + p - 2)]),
                upper=lambda d, q, p: np.array([_projected(d, m, q, p) for m in range(2, q + p - 1)]),
                bound="upper",
                cases=({"d": 600, "q": 45, "p": 5}, {"d": 100, "q": 20, "p": 20}),
            ),
            Ordered(
                label="and falls beyond",
                lower=lambda d, q, p: np.array([_projected(d, m, q, p) for m in range(q + p + 3, d + 1)]),
                upper=lambda d, q, p: np.array([_projected(d, m, q, p) for m in range(q + p + 2, d)]),
                bound="upper",
                cases=({"d": 600, "q": 45, "p": 5}, {"d": 100, "q": 20, "p": 20}),
            ),
            Sampled(
                label="Gaussian random features, hardly any penalty: the peak at m = n, in most designs at least",
                predict=lambda d, n, p2, lam: 0.5,
                draw=_peaks,
                side="below",
                cases=({"d": 120, "n": 30, "p2": 0.2, "lam": 1e-6},),
                size=300,
            ),
        ),
        second={
            "ridge_shift_coefficient": lambda d, n, lam, p2: _zeta(d, n, lam, p2),
            "ridge_mixture_error": lambda d, n, lam, p2, signal, variance, shift: (
                theory.ridge_risk(np.ones(d), n, lam, signal=signal, noise_variance=variance)
                + _zeta(d, n, lam, p2, c=shift)
            ),
            "ridge_shift_general": lambda spectrum, delta, n, lam, p2: _zeta(
                len(spectrum), n, lam, p2, np.array(spectrum), np.array(spectrum) * np.array(delta)
            ),
        },
        remark=(
            "The theorem on random features is known in words only; what is checked is its shape, for orthonormal "
            "projections by exact expectations that were derived here."
        ),
        tags=("regression", "ridge", "mixture", "random matrices"),
    ),
    Claim(
        id="ERR-16",
        title="The discrepancy of strong model collapse is a trace, without 1/d",
        statement=(
            "With the discrepancy defined as tr(Sigma Delta)/d the corollary on least squares gives the error of a "
            "mixture of real and synthetic rows."
        ),
        formula=r"c^2 = \tfrac1d\,\mathrm{tr}\,\Sigma\Delta \;\to\; c^2 = \mathrm{tr}\,\Sigma\Delta",
        assumptions="Corollary 1 as stated, many rows.",
        source=("dohmatob2025", "modelcollapse"),
        locus="Definition 1, as quoted",
        kind=Kind.CORRECTION,
        theory=(theory.strong_collapse_risk, theory.strong_collapse_limit),
        simulation="Real and synthetic rows with correlated covariates, one fit.",
        checks=(
            Limit(
                label="the floor for many rows, discrepancy with 1/d",
                value=lambda n, d, trace: _risk(3 * int(n) // 4, int(n) // 4, d, trace),
                asymptote=lambda n, d, trace: theory.strong_collapse_limit(d / n, 0.25, discrepancy=trace / d),
                along=(400, 800, 1600, 3200, 6400),
                remainder=lambda n: 1 / n,
                cases=({"d": 12, "trace": 1.5}, {"d": 2, "trace": 1.5}),
            ),
            Sampled(
                label="rows drawn and fitted, discrepancy with 1/d",
                predict=lambda q, p, d, trace: _risk(q, p, d, trace / d),
                draw=lambda size, rng, q, p, d, trace: _mixed(size, rng, q, p, d, trace),
                sd=lambda q, p, d, trace: mixed_sd(q, p, d, 0.0, trace),
                cases=({"q": 30, "p": 20, "d": 6, "trace": 1.5},),
                size=4000,
            ),
        ),
        printed="Definition 1 is quoted as c^2 = tr(Sigma Delta)/d.",
        holds=(
            "c^2 = tr(Sigma Delta), the excess error of the synthetic target itself; so does the figure, whose "
            "Delta = (c^2/d) Sigma^-1 has tr(Sigma Delta) = c^2."
        ),
        correction=(
            Limit(
                label="the floor for many rows, discrepancy as a trace",
                value=lambda n, d, trace: _risk(3 * int(n) // 4, int(n) // 4, d, trace),
                asymptote=lambda n, d, trace: theory.strong_collapse_limit(d / n, 0.25, discrepancy=trace),
                along=(400, 800, 1600, 3200, 6400),
                remainder=lambda n: 1 / n,
                cases=({"d": 12, "trace": 1.5}, {"d": 2, "trace": 1.5}),
            ),
            Sampled(
                label="rows drawn and fitted, discrepancy as a trace",
                predict=lambda q, p, d, trace: _risk(q, p, d, trace),
                draw=lambda size, rng, q, p, d, trace: _mixed(size, rng, q, p, d, trace),
                sd=lambda q, p, d, trace: mixed_sd(q, p, d, 0.0, trace),
                cases=({"q": 30, "p": 20, "d": 6, "trace": 1.5},),
                size=8000,
                mutants={"with 1/d": lambda q, p, d, trace: _risk(q, p, d, trace / d)},
            ),
        ),
        expected=Status.CONTRADICTED,
        remark="The fault may be in the quotation. The equation numbers of Corollary 1 and Theorem 2 are uncertain.",
        tags=("regression", "mixture", "erratum"),
    ),
)
