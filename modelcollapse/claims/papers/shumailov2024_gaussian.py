r"""Shumailov et al. (2024), AI models collapse when trained on recursively generated data: the theory of one Gaussian.

Theorem 3.1: a Gaussian refitted to its own samples with unbiased mean and covariance has a covariance that goes to
zero almost surely, while its expected squared distance from the truth grows without bound. Both hold. That the distance
itself converges to a finite number, that the divergence is one of a heavy-tailed expectation, and that it disappears
with the divisor n, which the released code uses, are refinements. Checked by exact laws (of one draw, of the mean, of
the variance), by chains, by points that are drawn, and with real data that are not Gaussian.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import special

from modelcollapse import metrics, theory
from modelcollapse.claims.checks import Computed, Distributed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.gaussians import (
    blockwise,
    chains,
    fourth_of_mean,
    landing,
    literal,
    log_chi_mean,
    measured,
    square_of_variance,
    truth,
    w2_squared,
)
from modelcollapse.regimes import Replace

OTHER = {"mle": "unbiased", "unbiased": "mle"}
PAPER = ("shumailov2024",)
#: a covariance in the plane, far from isotropic
PLANE = (4.0, 0.5)


def _second_moment(law, scale):
    """Second moment of a density that is symmetric about 0, trapezoidal in sinh."""
    u = np.linspace(0.0, math.asinh(1000.0 / scale), 6001)
    x = scale * np.sinh(u)
    return 2 * float((law.pdf(x) * scale * np.cosh(u)) @ x**2) * (u[1] - u[0])


# ------------------------------------------------------------------------------------------------- noisy estimators


def _published_bound(n, t, eigenvalues):
    return theory.w2_mean_lower_bound(n, t, trace=sum(eigenvalues))


def _noisy(size, rng, n, t, eigenvalues, K):
    """Draw, fit, and push the mean by K/n along the difference of two of the points, whose expectation is zero."""
    scale = np.sqrt(eigenvalues)
    d = len(scale)

    def draw(count):
        mean, root = np.zeros((count, d)), np.broadcast_to(np.diag(scale), (count, d, d))
        for _ in range(t):
            x = mean[:, None] + rng.standard_normal((count, n, d)) @ root.mT
            way = x[:, 0] - x[:, 1]
            mean = x.mean(axis=1)
            x -= mean[:, None]
            root = np.linalg.cholesky(x.mT @ x / (n - 1))
            mean = mean + K / n * way / np.linalg.norm(way, axis=1, keepdims=True)
        return (mean**2).sum(axis=1)

    return blockwise(draw, size, n * d)


def _noisy_sd(n, t, eigenvalues, K):
    """Bound by the root of E |A + E|^4 <= (|A|_4 + t K / n)^4, A the mean without noise."""
    free = math.sqrt(sum(eigenvalues)) * fourth_of_mean(n, t, "unbiased") ** 0.25
    return (free + t * K / n) ** 2


def _distance(size, rng, n, t, eigenvalues):
    return measured(metrics.w2_squared, truth("unbiased", eigenvalues), Replace(n=n), t, size, rng)


def _distance_sd(n, t, eigenvalues):
    """W2^2 <= |mu|^2 + tr Sigma_t + tr Sigma_0, each at most the sum of what it is along the axes."""
    parts = math.sqrt(fourth_of_mean(n, t, "unbiased")) + math.sqrt(square_of_variance(n, t, "unbiased")) + 1
    return sum(eigenvalues) * parts


LOWER = Claim(
    id="SHU-ND-LOWER",
    title="The expected squared distance is at least the trace times the sum of 1/n_i",
    statement=(
        "With an unbiased covariance and a mean that carries a noise of size K/n, a function of the data with "
        "expectation zero, the expected squared distance from the truth after t fits is at least tr(Sigma_0) times the "
        "sum of 1/n_i, up to O(3/2). Without noise this is exactly the part of the mean."
    ),
    formula=r"E[W_2^2] \ge \mathrm{tr}(\Sigma_0)\sum_{i\le t}\frac1{n_i} + O(3/2)",
    assumptions="Replace, unbiased covariance, |noise| <= K / n, of conditional expectation zero.",
    source=PAPER,
    locus="preprint, section 4.3",
    kind=Kind.BOUND,
    theory=(theory.w2_mean_lower_bound, theory.w2_lower_bound, theory.mean_squared_error),
    simulation="Points drawn and fitted in the plane, with and without a noise that is a function of the data.",
    checks=(
        Ordered(
            label="one dimension, exact distance",
            lower=lambda n, t: theory.w2_mean_lower_bound(n, np.arange(1, t + 1)),
            upper=lambda n, t: theory.expected_w2_squared(n, np.arange(1, t + 1), estimator="unbiased"),
            bound="lower",
            cases=({"n": (10,) * 500, "t": 500}, {"n": (2,) * 50, "t": 50}, {"n": tuple(range(5, 105)), "t": 100}),
        ),
        Computed(
            label="the part of the mean, by integration over its law along the axes",
            predict=_published_bound,
            other=lambda n, t, eigenvalues: (
                sum(eigenvalues) * _second_moment(theory.MeanLaw(n, t, estimator="unbiased"), 1)
            ),
            cases=(
                {"n": 20, "t": 5, "eigenvalues": PLANE},
                {"n": (10, 30, 20), "t": 3, "eigenvalues": (1.0, 2.0, 3.0)},
            ),
            rtol=1e-8,
        ),
        Sampled(
            label="mean squared drift without noise: an equality",
            predict=_published_bound,
            draw=lambda size, rng, n, t, eigenvalues: (
                chains("mean", size, rng, n, t, "unbiased", eigenvalues) ** 2
            ).sum(1),
            sd=lambda n, t, eigenvalues: sum(eigenvalues) * math.sqrt(fourth_of_mean(n, t, "unbiased")),
            cases=({"n": 30, "t": 8, "eigenvalues": PLANE}, {"n": 10, "t": 2, "eigenvalues": PLANE}),
            size=100_000,
        ),
        Sampled(
            label="mean squared drift with noise",
            predict=lambda n, t, eigenvalues, K: _published_bound(n, t, eigenvalues),
            draw=_noisy,
            sd=_noisy_sd,
            side="below",
            cases=({"n": 10, "t": 2, "eigenvalues": PLANE, "K": 1.0}, {"n": 5, "t": 3, "eigenvalues": PLANE, "K": 3.0}),
            size=30000,
        ),
        Sampled(
            label="mean squared distance in the plane",
            predict=_published_bound,
            draw=_distance,
            sd=_distance_sd,
            side="below",
            cases=({"n": 10, "t": 5, "eigenvalues": PLANE}, {"n": 30, "t": 20, "eigenvalues": (1.0, 1.0, 0.01)}),
            size=40000,
        ),
        Sampled(
            label="sharper bound in the plane",
            predict=lambda n, t, eigenvalues: theory.w2_lower_bound(n, t, estimator="unbiased", trace=sum(eigenvalues)),
            draw=_distance,
            sd=_distance_sd,
            side="below",
            cases=({"n": 30, "t": 2, "eigenvalues": PLANE},),
            size=80000,
        ),
    ),
    second={"drift_of_the_mean": lambda eigenvalues, sizes: _published_bound(sizes, len(sizes), eigenvalues)},
    remark=(
        "For Gaussian data no remainder is needed: sample mean and covariance are complete (n > d), so a noise whose "
        "expectation is zero whatever the model is uncorrelated with the sample mean and can only add to its drift."
    ),
    tags=("gaussian", "distance", "bound", "replace"),
)

# ------------------------------------------------------------------------------------------------- Theorem 3.1


def _limit_cdf(points, estimator):
    """Law of mu_infinity^2 + 1."""

    def cdf(x):
        root = np.sqrt(np.maximum(np.asarray(x) - 1, 0.0))
        return np.maximum(1 - 2 * landing(points, estimator).sf(root), 0.0)

    return cdf


def _long_distance(size, rng, points, long, estimator):
    run = chains(
        lambda r: np.stack([r["mean"].values, np.exp(r["log_variance"].values / 2)], 1),
        size,
        rng,
        points,
        long,
        estimator,
    )
    return w2_squared(run)


def _skewed(size, rng, n, t):
    """Real data are exponential with variance one; afterwards Gaussians, unbiased: squared drift of the mean."""

    def draw(count):
        x = rng.standard_exponential((count, n)) - 1
        mean, sd = x.mean(axis=1), x.std(axis=1, ddof=1)
        for _ in range(t - 1):
            mean, sd = (
                mean + sd * rng.standard_normal(count) / math.sqrt(n),
                sd * np.sqrt(rng.chisquare(n - 1, count) / (n - 1)),
            )
        return mean**2

    return blockwise(draw, size, n)


def _skewed_sd(n, t):
    """Bound by fourth norms: of the first mean, and of the walk after it, which starts at the first variance."""
    first = (3 / n**2 + 6 / n**3) ** 0.25
    square = 6 / n + (n + 1) / (n - 1)  # E s^4 of n exponential points, whose excess kurtosis is 6
    rest = (square * fourth_of_mean(n, t - 1, "unbiased")) ** 0.25 if t > 1 else 0.0
    return (first + rest) ** 2


THEOREM = Claim(
    id="SHU-THM3.1",
    title="Gaussian model collapse: the covariance dies, the expected distance diverges",
    statement=(
        "For any truth with variance, refitted with unbiased mean and covariance and a fixed number of points: the "
        "expected squared distance from the truth goes to infinity, and the covariance goes to zero almost surely. "
        "Refined: the log variance falls by m per generation almost surely; the distance itself converges to a finite "
        "random number, of median 5/3 sigma_0^2 for many points; with the divisor n its expectation tends to 2 tr "
        "Sigma_0."
    ),
    formula=(
        r"E[W_2^2(N(\mu_t,\Sigma_t), p_0)] \to \infty,\quad \Sigma_t \to 0\ \text{a.s.},\quad \tfrac1t\ln\sigma_t^2 "
        r"\to m,\quad W_2^2 \to \|\mu_\infty-\mu_0\|^2 + \mathrm{tr}\,\Sigma_0\ \text{a.s.}"
    ),
    assumptions="Replace, n >= d + 1 for a first covariance of full rank; unbiased unless said.",
    source=PAPER,
    locus="Theorem 3.1; SI 3.1.3",
    kind=Kind.EXACT,
    theory=(
        theory.expected_w2_squared,
        theory.limit_expected_w2_squared,
        theory.limit_w2_law,
        theory.log_variance_mean,
        theory.MeanLaw,
    ),
    simulation="Chains that have collapsed; chains whose real data are exponential.",
    checks=(
        Ordered(
            label="expected distance grows at least like t/n",
            lower=lambda n, t: t / n,
            upper=lambda n, t: theory.expected_w2_squared(n, t, estimator="unbiased"),
            bound="lower",
            cases=({"n": 10, "t": 10}, {"n": 10, "t": 10**6}, {"n": 1000, "t": 10**6}),
        ),
        Sampled(
            label="squared drift with exponential real data grows like t/n, too",
            predict=lambda n, t: t / n,
            draw=_skewed,
            sd=_skewed_sd,
            cases=({"n": 10, "t": 2}, {"n": 30, "t": 20}),
            size=300_000,
        ),
        Limit(
            label="the median falls at the almost sure rate",
            value=lambda t, n, estimator: theory.LogVarianceLaw(n, int(t), estimator=estimator).median() / t,
            asymptote=lambda t, n, estimator: theory.log_variance_mean(n, 1, estimator=estimator),
            along=(100, 200, 400, 800, 1600),
            remainder=lambda t: 1 / t,
            name="t",
            cases=({"n": 10, "estimator": "unbiased"}, {"n": 10, "estimator": "mle"}),
            mutants={
                "rate of the other": lambda t, n, estimator: theory.log_variance_mean(n, 1, estimator=OTHER[estimator])
            },
        ),
        Sampled(
            label="share of chains whose sd is above a thousandth",
            predict=lambda n, t: theory.sd_exceeds(n, t, level=1e-3, estimator="unbiased"),
            draw=lambda size, rng, n, t: chains("log_variance", size, rng, n, t, "unbiased") > 2 * math.log(1e-3),
            cases=({"n": 10, "t": 100}, {"n": 10, "t": 130}),
            size=20000,
        ),
        Distributed(
            label="the distance converges to a finite random number",
            predict=lambda points, long, estimator: _limit_cdf(points, estimator),
            draw=_long_distance,
            cases=(
                {"points": 10, "long": 700, "estimator": "unbiased"},
                {"points": 10, "long": 350, "estimator": "mle"},
            ),
            size=10000,
        ),
        Limit(
            label="median of that number for many points",
            value=lambda n, estimator: 1 + landing(int(n), estimator).isf(0.25) ** 2,
            asymptote=lambda n, estimator: 5 / 3 if estimator == "unbiased" else 1 + special.stdtrit(4, 0.75) ** 2 / 2,
            along=(10, 20, 40, 60, 80),
            remainder=lambda n: 1 / n,
            cases=({"estimator": "unbiased"}, {"estimator": "mle"}),
        ),
        Computed(
            label="expected distance of the mle after long",
            predict=lambda n: theory.limit_expected_w2_squared(estimator="mle"),
            other=lambda n: theory.expected_w2_squared(n, 100 * n, estimator="mle"),
            cases=({"n": 10}, {"n": 1000}),
            rtol=1e-9,
        ),
    ),
    second={
        "median_w2_limit": lambda sigma0, estimator: theory.limit_w2_law(
            estimator=estimator, variance=sigma0**2
        ).median(),
        "almost_sure_rate": lambda n, estimator: theory.log_variance_mean(n, 1, estimator=estimator),
        "expected_w2_limit_mle": lambda eigenvalues, n: theory.limit_expected_w2_squared(
            estimator="mle", trace=sum(eigenvalues)
        ),
        "rank_after_one_fit": lambda n, d: min(n - 1, d),
    },
    tags=("gaussian", "distance", "replace"),
)

# ------------------------------------------------------------------------------------------------- one draw


def _draws(size, rng, n, t, estimator="unbiased"):
    """Draw points, fit, ..., and draw one point from the last model."""
    fits = literal(size, rng, n, t, estimator)
    return fits[:, 0] + fits[:, 1] * rng.standard_normal(size)


def _representation(size, rng, n, t):
    """The representation as printed: normals with the product of gammas so far as variances."""
    out, product = np.zeros(size), np.ones(size)
    for _ in range(t):
        out += np.sqrt(product / n) * rng.standard_normal(size)
        product *= rng.gamma((n - 1) / 2, 2.0, size) / (n - 1)
    return out + np.sqrt(product) * rng.standard_normal(size)


def _first_draw_by_quadrature(n, x):
    return [log_chi_mean(n, lambda u, x=x: special.ndtr(x / math.sqrt(math.exp(u) + 1 / n))) for x in x]


@lru_cache(maxsize=16)
def _draw_law(n, t, estimator="unbiased"):
    return theory.DrawLaw(n, t, estimator=estimator)


REPRESENTATION = Claim(
    id="SHU-1D-REP",
    title="A draw after t fits is a sum of normals with products of gammas as variances",
    statement=(
        "A point drawn from the model after t unbiased fits is, in law, the true mean plus a sum of t + 1 independent "
        "normals, the i-th multiplied by the root of the product of the first i - 1 chi-square factors (and "
        "1/sqrt(n_i), but for the last). The law is that of one draw, not of several."
    ),
    formula=(
        r"X_t = \mu_0 + \sigma_0\Big[\frac{Z_1}{\sqrt{n_1}} + \frac{\sqrt{S_1}Z_2}{\sqrt{n_2}} + \dots + "
        r"\frac{\sqrt{S_1\cdots S_{t-1}}Z_t}{\sqrt{n_t}} + \sqrt{S_1\cdots S_t}\,Z\Big]"
    ),
    assumptions="One dimension, Replace, unbiased.",
    source=PAPER,
    locus="SI 3.1.1",
    kind=Kind.EXACT,
    theory=(theory.DrawLaw,),
    simulation="Points drawn and fitted, and one more drawn; the representation itself, simulated.",
    checks=(
        Distributed(
            label="points that are drawn against the law of the representation",
            predict=lambda n, t: _draw_law(n, t).cdf,
            draw=_draws,
            cases=({"n": 5, "t": 4}, {"n": 20, "t": 15}, {"n": 3, "t": 1}),
            size=20000,
            mutants={
                "normal of the same variance": lambda n, t: lambda x: special.ndtr(x / math.sqrt(1 + t / n)),
                "mean not re-estimated": lambda n, t: lambda x: special.ndtr(x),
            },
        ),
        Distributed(
            label="the representation, simulated",
            predict=lambda n, t: _draw_law(n, t).cdf,
            draw=_representation,
            cases=({"n": 5, "t": 4}, {"n": 20, "t": 15}),
            size=40000,
        ),
        Computed(
            label="after one fit, by integration",
            predict=lambda n, x: _draw_law(n, 1).cdf(np.array(x)),
            other=_first_draw_by_quadrature,
            cases=({"n": 4, "x": (-3.0, 0.1, 2.0)}, {"n": 100, "x": (-5.0, -1.0)}),
            rtol=1e-9,
        ),
    ),
    second={"draw_cdf_after_one_fit": lambda x, n: theory.DrawLaw(n, 1, estimator="unbiased").cdf(x)},
    tags=("gaussian", "law", "replace"),
)


def _draw_variance(n, t, estimator):
    return theory.draw_variance(n, t, estimator=estimator)


VARIANCE = Claim(
    id="SHU-1D-VAR",
    title="The variance of a draw grows by 1/n per generation",
    statement=(
        "A point drawn after t unbiased fits has the variance sigma_0^2 (1 + sum of 1/n_i) up to O(2). The remainder "
        "is exactly zero; with the divisor n the variance is sigma_0^2 for ever. The excess kurtosis of the first draw "
        "is 6/((n-1)(1+1/n)^2)."
    ),
    formula=(
        r"\mathrm{Var}(X_t) = \sigma_0^2\Big(1 + \sum_{i\le t}\frac1{n_i}\Big)\ (\text{unbiased}),\qquad \sigma_0^2\ "
        r"(\text{mle})"
    ),
    assumptions="One dimension, Replace.",
    source=PAPER,
    locus="SI 3.1.1",
    kind=Kind.EXACT,
    theory=(theory.draw_variance, theory.draw_excess_kurtosis, theory.DrawLaw),
    simulation="Chains, and one point drawn from the last model of each.",
    checks=(
        Sampled(
            label="mean square of a draw",
            predict=_draw_variance,
            draw=lambda size, rng, n, t, estimator: (
                chains(
                    lambda r: r["mean"].values + np.exp(r["log_variance"].values / 2) * rng.standard_normal(size),
                    size,
                    rng,
                    n,
                    t,
                    estimator,
                )
                ** 2
            ),
            sd=lambda n, t, estimator: (
                math.sqrt(2 + theory.draw_excess_kurtosis(n, t, estimator=estimator)) * _draw_variance(n, t, estimator)
            ),
            cases=(
                {"n": 10, "t": 5, "estimator": "unbiased"},
                {"n": 10, "t": 5, "estimator": "mle"},
                {"n": 100, "t": 10, "estimator": "unbiased"},
            ),
            size=100_000,
            mutants={"other divisor": lambda n, t, estimator: _draw_variance(n, t, OTHER[estimator])},
        ),
        Computed(
            label="by integration over the law of a draw",
            predict=_draw_variance,
            other=lambda n, t, estimator: _second_moment(_draw_law(n, t, estimator), 1.0),
            cases=(
                {"n": 8, "t": 3, "estimator": "unbiased"},
                {"n": 8, "t": 3, "estimator": "mle"},
                {"n": 30, "t": 20, "estimator": "unbiased"},
            ),
            rtol=1e-9,
        ),
        Computed(
            label="excess kurtosis of the first draw, by integration",
            predict=lambda n: 6 / ((n - 1) * (1 + 1 / n) ** 2),
            other=lambda n: 3 * (log_chi_mean(n, lambda u: (math.exp(u) + 1 / n) ** 2) / (1 + 1 / n) ** 2 - 1),
            cases=({"n": 4}, {"n": 100}),
            rtol=1e-7,
        ),
    ),
    second={
        "draw_variance": lambda sizes, estimator: _draw_variance(sizes, len(sizes), estimator),
        "draw_excess_kurtosis_after_one_fit": lambda n: theory.draw_excess_kurtosis(n, 1, estimator="unbiased"),
    },
    tags=("gaussian", "replace"),
)


# ------------------------------------------------------------------------------------------------- the released code

ERRATUM = Claim(
    id="ERR-3",
    title="The theory is unbiased, the released code divides by n",
    statement=(
        "Theorem 3.1 is about the divisor n - 1; the released code takes NumPy's default standard deviation, divisor "
        "n. There the variance of a draw is constant and the expected squared distance stays below 2 sigma_0^2: the "
        "diverging half of the theorem belongs to the unbiased estimator. The covariance dies with both, twice as fast "
        "with the mle."
    ),
    formula=(
        r"E W_2^2 \to \infty\ (\text{divisor } n-1),\qquad E W_2^2 = 2 - 2\big(c_4(n)\sqrt{1-1/n}\big)^t \to 2\ "
        r"(\text{divisor } n)"
    ),
    assumptions="One dimension, Replace, sigma_0 = 1.",
    source=PAPER,
    locus="Theorem 3.1 and the released code",
    kind=Kind.CORRECTION,
    theory=(
        theory.expected_w2_squared,
        theory.limit_expected_w2_squared,
        theory.draw_variance,
        theory.log_variance_mean,
    ),
    simulation="The loop as released: normal draws, np.mean and np.std; and the same with ddof=1.",
    checks=(
        Sampled(
            label="squared distance of the loop with np.std",
            predict=lambda n, t: theory.expected_w2_squared(n, t, estimator="mle"),
            draw=lambda size, rng, n, t: w2_squared(literal(size, rng, n, t, "mle")),
            sd=lambda n, t: math.sqrt(theory.w2_squared_variance(n, t, estimator="mle")),
            cases=({"n": 5, "t": 12}, {"n": 5, "t": 2}, {"n": 20, "t": 10}),
            size=40000,
            mutants={"what the theorem is about": lambda n, t: theory.expected_w2_squared(n, t, estimator="unbiased")},
        ),
        Ordered(
            label="it never passes 2",
            lower=lambda n: theory.expected_w2_squared(n, np.array([1, 10, 100, 10**4, 10**6]), estimator="mle"),
            upper=lambda n: 2.0,
            bound="upper",
            cases=({"n": 2}, {"n": 1000}),
        ),
        Ordered(
            label="with ddof=1 it passes every number",
            lower=lambda t: t / 10,
            upper=lambda t: theory.expected_w2_squared(10, t, estimator="unbiased"),
            bound="lower",
            cases=({"t": 10**4}, {"t": 10**8}),
        ),
        Sampled(
            label="mean square of a draw of the loop with np.std",
            predict=lambda n, t: 1.0,
            draw=lambda size, rng, n, t: _draws(size, rng, n, t, "mle") ** 2,
            sd=lambda n, t: math.sqrt(2 + theory.draw_excess_kurtosis(n, t, estimator="mle")),
            cases=({"n": 10, "t": 6}, {"n": 4, "t": 2}),
            size=60000,
            mutants={"what the theorem is about": lambda n, t: 1 + t / n},
        ),
        Limit(
            label="the mle collapses twice as fast",
            value=lambda n: theory.log_variance_mean(int(n), 1, estimator="mle"),
            asymptote=lambda n: 2 * theory.log_variance_mean(int(n), 1, estimator="unbiased"),
            along=(50, 100, 200, 400, 800),
            remainder=lambda n: 1 / n,
        ),
    ),
    remark="Registered as the correction itself: every check is of what holds for the code.",
    tags=("gaussian", "artefact", "erratum", "distance"),
)


CLAIMS = (LOWER, THEOREM, REPRESENTATION, VARIANCE, ERRATUM)
