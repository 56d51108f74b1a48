r"""Alemohammad et al. (2024) on fixed real data: does a fixed real set delay collapse, or prevent it?

The paper reports that image models which always see the same real images degrade more slowly, and concludes a delay.
For means and variances of a well-specified model the question has an exact answer: the error stops at most one half
above that of one real fit.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import FixedReal, theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.derived_inbreeding import DERIVED, simulated
from modelcollapse.verify import Status


def _error(size, rng, n, lam, t):
    """Draw n (mean - truth)^2 of generation t: the mean of n fixed real points and lam n new synthetic ones."""
    real = rng.standard_normal(size) / math.sqrt(n)
    mean = real
    for _ in range(t - 1):
        synthetic = mean + rng.standard_normal(size) / math.sqrt(lam * n)
        mean = (real + lam * synthetic) / (1 + lam)
    return n * mean**2


def _covariances(n, lam, t):
    """Variance of the mean by the covariance matrix of all means there are: the real one and one of each batch."""
    C = np.array([[1 / n]])
    weight = np.array([1.0])
    for _ in range(t - 1):
        link = C @ weight
        own = weight @ link + 1 / (lam * n)
        C = np.block([[C, link[:, None]], [link[None, :], np.array([[own]])]])
        weight = np.zeros(len(C))
        weight[[0, -1]] = 1 / (1 + lam), lam / (1 + lam)
    return n * (weight @ C @ weight)


def _long_run(n, ratio):
    return theory.inbreeding_fixed_real(ratio * n, n, np.inf)


def _loses_fixed_points(n, lam, t):
    """New real points each time instead of the same ones."""
    V = 1.0
    for _ in range(t - 1):
        V = (1 + lam**2 * (V + 1 / lam)) / (1 + lam) ** 2
    return V


CLAIMS = (
    Claim(
        id="mad-augmentation-fixed-real",
        title="A fixed real set bounds the error of a mean at 3/2 of one real fit",
        statement=(
            "If every fit uses the same n real points and lambda n new points of the last model, the variance of the "
            "mean goes geometrically to 1 + lambda/(1 + 2 lambda) times that of the real fit, which is at most 3/2."
        ),
        formula=(
            r"\mathrm{Var}_t = \frac{\sigma^2}n\Big[1+\frac\lambda{1+2\lambda}\Big(1-\Big(\frac\lambda{1+\lambda}\Big)"
            r"^{2(t-1)}\Big)\Big] \to \frac{\sigma^2}n\Big(1+\frac\lambda{1+2\lambda}\Big) \le \frac32\frac{\sigma^2}n"
        ),
        assumptions="Mean of a normal law of known variance; generation 1 is the fit to the n real points.",
        source=(DERIVED, "alemohammad2024", "gerstgrasser2024"),
        kind=Kind.EXACT,
        theory=(theory.fixed_real_mean_variance, theory.inbreeding_fixed_real),
        simulation="Means of normal samples, the real part kept.",
        checks=(
            Computed(
                label="covariances of all batch means",
                predict=lambda n, lam, t: theory.fixed_real_mean_variance(lam, t),
                other=_covariances,
                cases=(
                    {"n": 10, "lam": 2.0, "t": 3},
                    {"n": 7, "lam": 0.1, "t": 30},
                    {"n": 1, "lam": 50.0, "t": 100},
                ),
                rtol=1e-12,
                mutants={"new real points each time": _loses_fixed_points},
            ),
            Sampled(
                label="n times the squared error of the mean",
                predict=lambda n, lam, t: theory.fixed_real_mean_variance(lam, t),
                draw=_error,
                sd=lambda n, lam, t: math.sqrt(2) * theory.fixed_real_mean_variance(lam, t),
                skewness=math.sqrt(8),
                cases=({"n": 10, "lam": 2.0, "t": 3}, {"n": 100, "lam": 9.0, "t": 40}),
                size=200000,
                mutants={"new real points each time": _loses_fixed_points, "3/2": lambda n, lam, t: 1.5},
            ),
            Ordered(
                label="at most 3/2, at every generation and for every ratio",
                lower=lambda lam: theory.fixed_real_mean_variance(lam, np.array([1, 2, 10, 1000, np.inf])),
                upper=lambda lam: 1.5,
                bound="upper",
                cases=({"lam": 1e6}, {"lam": 1.0}, {"lam": 0.01}),
            ),
            Limit(
                label="consistent with the moments of F-FIX as N grows",
                value=lambda n, lam: n * _long_run(n, lam),
                asymptote=lambda n, lam: theory.fixed_real_mean_variance(lam),
                along=(20, 80, 320, 1280, 5120),
                remainder=lambda n: 1 / n,
                cases=({"lam": 2.0}, {"lam": 20.0}),
                name="N",
                mutants={"3/2": lambda n, lam: 1.5},
            ),
        ),
        second={
            "known_variance_fixed_real": lambda n, lam, t: theory.fixed_real_mean_variance(lam, t) / n,
            "limit_known_variance_fixed_real": lambda n, lam: theory.fixed_real_mean_variance(lam) / n,
        },
        tags=("plans", "fixed real", "gaussian"),
    ),
    Claim(
        id="ERR-20",
        title="A fixed real set does not only delay collapse",
        statement=(
            "Real data that are always the same only delay collapse: in the long run what is lost under replace is "
            "lost all the same."
        ),
        assumptions=(
            "Read as a statement about means and variances of well-specified models, for which it can be decided."
        ),
        source=("alemohammad2024", "gerstgrasser2024"),
        locus="synthetic augmentation loop, figures 8 and 9",
        kind=Kind.CORRECTION,
        theory=(theory.inbreeding_fixed_real, theory.fixed_real_mean_variance),
        simulation="Categorical chains with 20 types, with a fixed real set.",
        printed=(
            "Fixed real data only delay the degradation. An observation about two image models (StyleGAN2 on faces, a "
            "diffusion model on digits), which others read as plateaus."
        ),
        holds=(
            "For well-specified means and variances F stops near 3/(2N) at most; what is lost is efficiency, one half "
            "at most. For models that are not well specified the observation stands."
        ),
        checks=(
            Computed(
                label="as printed: in the long run all is lost",
                predict=lambda n, ratio: 1.0,
                other=_long_run,
                cases=({"n": 10, "ratio": 1}, {"n": 1000, "ratio": 99}),
            ),
        ),
        correction=(
            Ordered(
                label="in the long run N F is at most 3/2",
                lower=lambda n, ratio: n * _long_run(n, ratio),
                upper=lambda n, ratio: 1.5,
                bound="upper",
                cases=({"n": 1000, "ratio": np.array([1.0, 99.0, 1e4])}, {"n": 2, "ratio": np.array([0.5, 1.0, 1e6])}),
            ),
            Computed(
                label="the general recursion stands still after many generations",
                predict=_long_run,
                other=lambda n, ratio: theory.inbreeding(FixedReal(n=n * ratio, n_real=n), 20000)[-1],
                cases=({"n": 10, "ratio": 9}, {"n": 1000, "ratio": 20}),
                rtol=1e-10,
            ),
            simulated(
                lambda n, ratio, t: FixedReal(n=n * ratio, n_real=n),
                lambda n, ratio, t: theory.inbreeding_fixed_real(n * ratio, n, t),
                ({"n": 5, "ratio": 4, "t": 20},),
                size=20000,
                mutants={"only delayed": lambda n, ratio, t: theory.inbreeding_replace(n * (1 + ratio), t)},
            ),
        ),
        expected=Status.CONTRADICTED,
        tags=("erratum", "fixed real"),
    ),
)
