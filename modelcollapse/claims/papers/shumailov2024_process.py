r"""Shumailov et al. (2024): the process in general, and its three sources of error.

A definition cannot be false, but what follows from it can be checked: what the mixture of newest model, last data and
truth does to the spread of the data for every choice of its weights, and what remains of the three errors when the two
others are taken away. The misprint in the definition is here with its correction.
"""

from __future__ import annotations

import numpy as np
import scipy

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.derived_inbreeding import EVEN, H0, both, kept_and_error
from modelcollapse.verify import Status

# ------------------------------------------------------------------------------------------------------------ process


def spread_of_data(n, alpha, beta, t):
    """Return the relative variance of the data law p_t: the share alpha of it is a fit to n points of p_{t-1}."""
    G = 0.0
    for _ in range(t):
        G = (alpha + beta) ** 2 * G + alpha**2 * (1 - G) / n
    return G


def _process(size, rng, n, alpha, beta, t):
    p = np.tile(EVEN, (size, 1))
    for _ in range(t):
        model = rng.multinomial(n, p) / n
        p = alpha * model + beta * p + (1 - alpha - beta) * EVEN
    return kept_and_error(p)


PROCESS = Claim(
    id="SHU-PROC",
    title="The next data law is a mixture of newest model, last data law and truth",
    statement=(
        "The data of the next generation are a mixture of the newest fitted model, the previous data law and the "
        "original one. The theory takes the newest model alone: this is the plan called replace."
    ),
    formula=(
        r"p_{i+1} = \alpha_i\,p_{\theta_{i+1}} + \beta_i\,p_i + \gamma_i\,p_0, \qquad \alpha_i+\beta_i+\gamma_i = 1"
    ),
    assumptions=(
        "Indices as in the paper; in the theory beta_i = gamma_i = 0. Checked for categories and constant weights."
    ),
    source=("shumailov2024",),
    locus="What is model collapse?",
    kind=Kind.DEFINITION,
    theory=(theory.inbreeding_replace, theory.inbreeding_smoothing),
    simulation="Categorical data laws that are mixed at each step, with all three weights.",
    checks=(
        Computed(
            label="the newest model alone: replace",
            predict=lambda n, t: theory.inbreeding_replace(n, t),
            other=lambda n, t: spread_of_data(n, 1.0, 0.0, t),
            cases=({"n": 10, "t": 2}, {"n": 3, "t": 40}),
            rtol=1e-12,
        ),
        Computed(
            label="newest model and truth: smoothing towards the truth",
            predict=lambda n, alpha, t: theory.inbreeding_smoothing(n, n * (1 - alpha) / alpha, t),
            other=lambda n, alpha, t: spread_of_data(n, alpha, 0.0, t),
            cases=({"n": 10, "alpha": 0.9, "t": 5}, {"n": 4, "alpha": 0.3, "t": 60}),
            rtol=1e-12,
        ),
        Sampled(
            label="heterozygosity and squared distance from the truth of the data law",
            predict=both(spread_of_data),
            draw=_process,
            bounds=(0.0, 2 / H0),
            cases=(
                {"n": 10, "alpha": 0.5, "beta": 0.4, "t": 5},
                {"n": 5, "alpha": 1.0, "beta": 0.0, "t": 3},
                {"n": 20, "alpha": 0.6, "beta": 0.1, "t": 12},
            ),
            size=20000,
            mutants={
                "last data and newest model swapped": both(lambda n, alpha, beta, t: spread_of_data(n, beta, alpha, t))
            },
        ),
    ),
    tags=("definitions", "plans"),
)

MISPRINT = Claim(
    id="ERR-5",
    title="A misprint in the process: beta and gamma are zero in the theory, not alpha and gamma",
    statement="The theory of the paper takes alpha_i = gamma_i = 0 in the mixture that defines the next data law.",
    formula=r"\alpha_i = \gamma_i = 0 \ \text{(printed)}, \qquad \beta_i = \gamma_i = 0 \ \text{(Author Correction)}",
    assumptions="As for SHU-PROC.",
    source=("shumailov2024",),
    locus="Nature 631; Author Correction, Nature 640, E6 (2025)",
    kind=Kind.CORRECTION,
    theory=(theory.inbreeding_replace,),
    simulation="Categorical data laws with the weights as printed and as corrected.",
    printed="alpha_i = gamma_i = 0: the data law would never change, and no model of it would matter.",
    holds="beta_i = gamma_i = 0: the next data are those of the newest model, as in every theorem of the paper.",
    checks=(
        Computed(
            label="as printed: the loss under the paper's theory",
            predict=lambda n, t: spread_of_data(n, 0.0, 1.0, t),
            other=lambda n, t: theory.inbreeding_replace(n, t),
            cases=({"n": 10, "t": 2}, {"n": 100, "t": 50}),
        ),
    ),
    correction=(
        Computed(
            label="as corrected: the loss under the paper's theory",
            predict=lambda n, t: spread_of_data(n, 1.0, 0.0, t),
            other=lambda n, t: theory.inbreeding_replace(n, t),
            cases=({"n": 10, "t": 2}, {"n": 100, "t": 50}),
            rtol=1e-12,
            mutants={"as printed": lambda n, t: spread_of_data(n, 0.0, 1.0, t)},
        ),
        Sampled(
            label="as corrected: simulated data laws",
            predict=both(lambda n, t: theory.inbreeding_replace(n, t)),
            draw=lambda size, rng, n, t: _process(size, rng, n, 1.0, 0.0, t),
            bounds=(0.0, 2 / H0),
            cases=({"n": 10, "t": 2},),
            size=20000,
            mutants={"as printed": lambda n, t: [1.0, 0.0]},
        ),
    ),
    expected=Status.CONTRADICTED,
    tags=("erratum", "definitions"),
)


# -------------------------------------------------------------------------------------------------------- three errors

NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)


def _two_bumps(x):
    """Density of a lopsided mixture of two normal laws."""
    parts = ((0.7, -1.0, 0.6), (0.3, 2.0, 1.0))
    return sum(w * np.exp(-(((x - m) / s) ** 2) / 2) / s for w, m, s in parts) / np.sqrt(2 * np.pi)


def _log_density(family, x, centre, log_scale):
    z = (x - centre) / np.exp(log_scale)
    shape = {
        "normal": lambda: -(z**2) / 2 - np.log(2 * np.pi) / 2,
        "logistic": lambda: -z - 2 * np.logaddexp(0, -z),
        "Student t, 5 degrees": lambda: scipy.stats.t.logpdf(z, 5),
    }
    return shape[family]() - log_scale


def _fit(density, family):
    """Maximum likelihood with infinitely many points: the member of the family nearest in KL."""
    x = np.sinh(NODES * 6)  # from -200 to 200, denser in the middle
    mass = WEIGHTS * 6 * np.cosh(NODES * 6) * density(x)
    found = scipy.optimize.minimize(
        lambda at: -(mass @ _log_density(family, x, *at)), (0.0, 0.0), method="BFGS", options={"gtol": 1e-9}
    )
    return found.x


def _twice(family):
    centre, log_scale = _fit(_two_bumps, family)
    return _fit(lambda x: np.exp(_log_density(family, x, centre, log_scale)), family)


ERRORS = Claim(
    id="SHU-3ERR",
    title="Three errors: of a finite sample, of a limited family, of the learning procedure",
    statement=(
        "The statistical error is the primary one, and vanishes as n grows; the error of a limited family can, without "
        "the other two, occur at the first generation only; the third is that of the learning procedure."
    ),
    formula=(
        r"n = \infty:\ \theta_2 = \arg\min_\theta KL(p_{\theta_1}\|p_\theta) = \theta_1 \ne p_0; \qquad F_t \sim t/n "
        r"\to 0"
    ),
    assumptions="A fit that chooses the member of the family that is nearest to the data, such as maximum likelihood.",
    source=("shumailov2024",),
    locus="What is model collapse?",
    kind=Kind.DEFINITION,
    theory=(theory.inbreeding_replace,),
    simulation="Categorical chains, whose statistical error is exactly F.",
    checks=(
        Computed(
            label="a limited family, infinitely many points: the second fit is the first",
            predict=lambda family: _fit(_two_bumps, family),
            other=_twice,
            cases=({"family": "normal"}, {"family": "logistic"}, {"family": "Student t, 5 degrees"}),
            rtol=1e-5,
            mutants={"the truth's mean and sd, whatever the family": lambda family: [0.0, 0.5]},
        ),
        Limit(
            label="the statistical error of t fits vanishes like t/n",
            value=lambda n, t: theory.inbreeding_replace(n, t),
            asymptote=lambda n, t: t / n,
            along=(100, 400, 1600, 6400, 25600),
            remainder=lambda n: 1 / n,
            cases=({"t": 3}, {"t": 20}),
            mutants={"that of one fit": lambda n, t: 1 / n},
        ),
        Sampled(
            label="the statistical error of simulated chains",
            predict=both(lambda n, t: theory.inbreeding_replace(n, t)),
            draw=lambda size, rng, n, t: _process(size, rng, n, 1.0, 0.0, t),
            bounds=(0.0, 2 / H0),
            cases=({"n": 10, "t": 3}, {"n": 1000, "t": 3}),
            size=20000,
            mutants={"that of one fit": both(lambda n, t: 1 / n)},
        ),
    ),
    remark=(
        "A procedure that is no projection, such as a kernel density of fixed bandwidth, makes a new error at every "
        "generation even with infinitely many points: that is the third kind."
    ),
    tags=("definitions",),
)

CLAIMS = (PROCESS, ERRORS, MISPRINT)
