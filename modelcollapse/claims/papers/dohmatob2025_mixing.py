"""Dohmatob et al. (2025), Strong model collapse: can mixing be done better? Weights, and loops with new real rows.

The paper weighs real against synthetic rows in one fit, and mixes new real rows with those of the last model again and
again. The formula for weights, as quoted, contradicts the paper's own corollary on the unweighted fit; the loop does
better than its real rows alone, unless it is started from a wrong model. Checked against exact formulas: with one
coefficient the risk is a quadrature whatever the weights, and the loop is a linear recursion at every size.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import FreshReal, theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.least_squares import excess, memory_moments, mixed_sd
from modelcollapse.verify import Status

# ------------------------------------------------------------------------------------------------- weights


def _right(alpha, phi, p2, c2, s1=1.0, s2=1.0):
    return theory.mixing_risk(alpha, phi, p2, discrepancy=c2, noise_variance=s1, synthetic_noise_variance=s2)


def _right_weight(phi, p2, c2, s1=1.0, s2=1.0):
    return theory.mixing_weight(phi, p2, discrepancy=c2, noise_variance=s1, synthetic_noise_variance=s2)


def _printed(alpha, phi, p2, c2, s1=1.0, s2=1.0):
    """Return Corollary 2 as quoted."""
    return p2**2 * alpha**2 * c2 + ((1 - alpha) * (1 - p2) * s1 + alpha * p2 * s2) * phi


def _printed_weight(phi, p2, c2, s1=1.0, s2=1.0):
    """Return the weight that is quoted as the best."""
    return np.clip(1 - ((1 - p2) * s1 - p2 * s2) / (2 * c2) * phi, 0, 1)


def _shares(n, p2):
    """Nodes and weights of the share b of the synthetic rows in the sum of squares of one covariate, a beta variable.

    The trapezoidal rule in ln b/(1-b), where the density is smooth and falls exponentially on both sides.
    """
    p = round(p2 * n)
    A, B = p / 2, (n - p) / 2
    y = math.log(A / B) + math.sqrt(1 / A + 1 / B) * np.linspace(-40, 40, 2001)
    log_density = A * y - (A + B) * np.logaddexp(0, y)
    density = np.exp(log_density - log_density.max())
    return 1 / (1 + np.exp(-y)), 1 / (1 + np.exp(y)), density / density.sum()


def _weighted(n, alpha, p2, c2, s1=1.0, s2=1.0):
    """Exact risk of one coefficient."""
    b, rest, density = _shares(n, p2)
    real, made = (1 - alpha) / (1 - p2), alpha / p2
    total = real * rest + made * b
    taken, noise = (made * b / total) ** 2, (real**2 * s1 * rest + made**2 * s2 * b) / total**2
    return float(density @ (c2 * taken + noise / (n - 2)))


def _best_weight(n, p2, c2, s1=1.0, s2=1.0):
    """Root of the derivative of the exact risk in the ratio of the weights."""
    from scipy.optimize import brentq

    b, rest, density = _shares(n, p2)

    def slope(log_ratio):
        ratio = math.exp(log_ratio)
        total = rest + ratio * b
        own = c2 * b**2 + s2 * b / (n - 2)
        return density @ (own * ratio / total**2 - (own * ratio**2 + s1 * rest / (n - 2)) * b / total**3)

    ratio = math.exp(brentq(slope, -30, 10, xtol=1e-14, rtol=1e-14))
    return ratio * p2 / (1 - p2 + ratio * p2)


def _unweighted(n, d, p2, c2):
    """Exact risk of the unweighted fit, alpha = p2, several coefficients."""
    p = round(p2 * n)
    return theory.strong_collapse_risk(int(n) - p, p, dim=d, discrepancy=c2)


GRID = np.linspace(0, 1, 2001)

_SMALL = "a discrepancy of the order of the noise, c^2 = g/n: both terms count"


def _correct_weights():
    """Return the checks of the form that holds; two claims share them."""
    return (
        Limit(
            label=f"one coefficient, exact for every weight; {_SMALL}",
            value=lambda n, alpha, p2, g, s2: _weighted(n, alpha, p2, g / n, 1.0, s2),
            asymptote=lambda n, alpha, p2, g, s2: _right(alpha, 1 / n, p2, g / n, 1.0, s2),
            along=(80, 160, 320, 640, 1280),
            remainder=lambda n: 1 / n,
            cases=(
                {"alpha": 0.1, "p2": 0.5, "g": 3.0, "s2": 1.0},
                {"alpha": 0.6, "p2": 0.25, "g": 1.0, "s2": 4.0},
                {"alpha": 0.0, "p2": 0.75, "g": 1.0, "s2": 0.5},
                {"alpha": 1.0, "p2": 0.25, "g": 0.2, "s2": 1.0},
            ),
            mutants={"as quoted": lambda n, alpha, p2, g, s2: _printed(alpha, 1 / n, p2, g / n, 1.0, s2)},
        ),
        Limit(
            label="one coefficient: the best weight, discrepancy fixed",
            value=lambda n, p2, c2: _best_weight(n, p2, c2),
            asymptote=lambda n, p2, c2: _right_weight(1 / n, p2, c2),
            along=(80, 160, 320, 640, 1280),
            remainder=lambda n: 1 / n,
            cases=({"p2": 0.5, "c2": 1.0}, {"p2": 0.25, "c2": 0.3}),
            mutants={"as quoted": lambda n, p2, c2: _printed_weight(1 / n, p2, c2)},
        ),
        Limit(
            label="several coefficients, unweighted: the exact risk",
            value=lambda n, d, p2, g: _unweighted(n, d, p2, g * d / n),
            asymptote=lambda n, d, p2, g: _right(p2, d / n, p2, g * d / n),
            along=(400, 800, 1600, 3200, 6400),
            remainder=lambda n: 1 / n,
            cases=({"d": 5, "p2": 0.25, "g": 3.0},),
        ),
        Ordered(
            label="the best weight minimises the risk",
            lower=lambda phi, p2, c2, s2: _right(_right_weight(phi, p2, c2, 1.0, s2), phi, p2, c2, 1.0, s2),
            upper=lambda phi, p2, c2, s2: _right(GRID, phi, p2, c2, 1.0, s2),
            bound="lower",
            cases=(
                {"phi": 0.01, "p2": 0.5, "c2": 1.0, "s2": 1.0},
                {"phi": 0.1, "p2": 0.1, "c2": 0.2, "s2": 5.0},
            ),
        ),
    )


# ------------------------------------------------------------------------------------------------- loops


def _loop(q, p, d, t):
    """Return the error of the loop, generation 1 on the q real rows alone."""
    return theory.fresh_rows_risk(q, p, t, dim=d, n_first=q)


def _recursion(q, p, d, t):
    a = memory_moments(q, p, d)[0]
    R = d / (q - d - 1)
    for _ in range(t - 1):
        R = a * R + d / (q + p - d - 1)
    return R


def _loop_drawn(size, rng, q, p, d, t):
    regime = FreshReal((q, *(q + p,) * (t - 1)), n_real=q)
    return excess(regime, t, size, rng, d)


def _loop_sd(q, p, d, t):
    """Exact for one coefficient, whose fourth moments close; otherwise step by step."""
    if d == 1:
        n = q + p
        b2 = p * (p + 2) / (n * (n + 2))
        b4 = b2 * (p + 4) * (p + 6) / ((n + 4) * (n + 6))
        s1, s2 = 1 / (n - 2), 1 / ((n - 2) * (n - 4))
        second, power = 1 / (q - 2), 3 / ((q - 2) * (q - 4))
        for _ in range(t - 1):
            power = b4 * power + 6 * b2 * second * s1 + 3 * s2
            second = b2 * second + s1
        return math.sqrt(power - second**2)
    sd = theory.regression_risk_sd(q, 1, dim=d)
    for i in range(1, t):
        sd = mixed_sd(q, p, d, sd, _loop(q, p, d, i))
    return sd


def _plateau(n, d, p2):
    """Return the stationary error in units of that of one clean fit of n rows."""
    p = round(p2 * n)
    return theory.fresh_rows_risk(int(n) - p, p, math.inf, dim=d) * (n - d - 1) / d


def _alone(q, d):
    return d / (q - d - 1)


ROUNDS = np.arange(2, 40)


def _leading(q, p, d, t):
    """Return the recursion with p2^2 in the place of a."""
    a, R = (p / (q + p)) ** 2, _alone(q, d)
    for _ in range(t - 1):
        R = a * R + d / (q + p - d - 1)
    return R


def _steps(n, d, p2):
    """Ratio of two successive distances from the fixed point."""
    p = round(p2 * n)
    q = int(n) - p
    end = theory.fresh_rows_risk(q, p, math.inf, dim=d)
    return (_loop(q, p, d, 3) - end) / (_loop(q, p, d, 2) - end)


def _grid(rows):
    """Return a and n2/(n - d - 1) for splits and dimensions of n rows; all of them where n is small."""
    made = np.unique(np.linspace(1, rows, min(rows, 200)).round()).astype(int)
    dims = np.unique(np.linspace(1, rows - 2, min(rows - 2, 60)).round()).astype(int)
    a = [theory.mixture_coefficient(rows - made, made, dim=int(d)) for d in dims]
    return np.array(a), made / (rows - dims[:, None] - 1)


CLAIMS = (
    Claim(
        id="reg-weighted-mixing",
        title="Weights on real and synthetic rows: the formula as quoted does not hold",
        statement=(
            "With weights (1-alpha)/p1 on real and alpha/p2 on synthetic rows the error of one fit is, for phi to 0, "
            "p2^2 alpha^2 c^2 plus phi times the mean of the noises that the weights leave, and the best alpha is the "
            "clipped expression of Corollary 2."
        ),
        formula=(
            r"R \simeq p_2^2\alpha^2c^2 + \big((1-\alpha)p_1\sigma_1^2+\alpha p_2\sigma_2^2\big)\varphi, \quad "
            r"\alpha^* = \mathrm{clip}_{[0,1]}\Big(1-\frac{p_1\sigma_1^2-p_2\sigma_2^2}{2c^2}\varphi\Big)"
        ),
        assumptions="Sigma = I, leading order for phi = d/n to 0; alpha = p2 is the unweighted fit.",
        source=("dohmatob2025",),
        locus="Corollary 2, Eq. 17 and 18, as quoted",
        kind=Kind.ASYMPTOTIC,
        theory=(theory.mixing_risk, theory.mixing_weight, theory.strong_collapse_risk),
        simulation="None: exact risks at growing n.",
        checks=(
            Limit(
                label=f"one coefficient, exact for every weight; {_SMALL}",
                value=lambda n, alpha, p2, g: _weighted(n, alpha, p2, g / n),
                asymptote=lambda n, alpha, p2, g: _printed(alpha, 1 / n, p2, g / n),
                along=(80, 160, 320, 640, 1280),
                remainder=lambda n: 1 / n,
                cases=({"alpha": 0.1, "p2": 0.5, "g": 3.0}, {"alpha": 0.6, "p2": 0.25, "g": 1.0}),
            ),
            Limit(
                label="one coefficient: the best weight",
                value=lambda n, p2, c2: _best_weight(n, p2, c2),
                asymptote=lambda n, p2, c2: _printed_weight(1 / n, p2, c2),
                along=(80, 160, 320, 640, 1280),
                remainder=lambda n: 1 / n,
                cases=({"p2": 0.5, "c2": 1.0}, {"p2": 0.25, "c2": 0.3}),
            ),
        ),
        printed="R = p2^2 alpha^2 c^2 + ((1-alpha) p1 s1^2 + alpha p2 s2^2) phi, and a best weight that tends to 1.",
        holds=(
            "R = alpha^2 c^2 + phi ((1-alpha)^2 s1^2/p1 + alpha^2 s2^2/p2), with the best weight "
            "(phi s1^2/p1)/(c^2 + phi s1^2/p1 + phi s2^2/p2), which tends to 0: discard the synthetic rows."
        ),
        correction=_correct_weights(),
        expected=Status.CONTRADICTED,
        second={
            "weighted_error": lambda alpha, phi, p2, shift, variance1, variance2: _right(
                alpha, phi, p2, shift, variance1, variance2
            ),
            "weighted_best": lambda phi, p2, shift, variance1, variance2: _right_weight(
                phi, p2, shift, variance1, variance2
            ),
            "weighted_error_as_printed": lambda alpha, phi, p2, shift, variance1, variance2: _printed(
                alpha, phi, p2, shift, variance1, variance2
            ),
            "weighted_best_as_printed": lambda phi, p2, shift, variance1, variance2: _printed_weight(
                phi, p2, shift, variance1, variance2
            ),
        },
        remark="The fault may be in the quotation (ERR-15).",
        tags=("regression", "mixture", "weights"),
    ),
    Claim(
        id="ERR-15",
        title="Weighted mixing contradicts the unweighted corollary, and its best weight is not the best",
        statement=(
            "At alpha = p2 the weighted formula is that of the unweighted fit; its best weight minimises it, and tends "
            "to 0, so that synthetic rows are discarded."
        ),
        formula=r"\alpha=p_2:\quad p_2^2\alpha^2c^2 = p_2^4c^2 \ne p_2^2c^2",
        assumptions="The formula as quoted, phi to 0.",
        source=("dohmatob2025", "modelcollapse"),
        locus="Corollary 2 against Corollary 1",
        kind=Kind.CORRECTION,
        theory=(theory.mixing_risk, theory.mixing_weight),
        checks=(
            Limit(
                label="alpha = p2: the exact risk of the unweighted fit",
                value=lambda n, d, p2, c2: _unweighted(n, d, p2, c2),
                asymptote=lambda n, d, p2, c2: _printed(p2, d / n, p2, c2),
                along=(400, 800, 1600, 3200, 6400),
                remainder=lambda n: 1 / n,
                cases=({"d": 5, "p2": 0.25, "c2": 1.0}, {"d": 2, "p2": 0.5, "c2": 0.1}),
            ),
            Ordered(
                label="the quoted weight minimises the quoted risk",
                lower=lambda phi, p2, c2: _printed(_printed_weight(phi, p2, c2), phi, p2, c2),
                upper=lambda phi, p2, c2: _printed(GRID, phi, p2, c2),
                bound="lower",
                cases=({"phi": 1e-3, "p2": 0.25, "c2": 1.0}, {"phi": 0.1, "p2": 0.5, "c2": 0.5}),
            ),
            Limit(
                label="the quoted weight tends to 0",
                value=lambda n, p2, c2: _printed_weight(5 / n, p2, c2),
                asymptote=lambda n, p2, c2: 0.0,
                along=(400, 800, 1600, 3200, 6400),
                remainder=lambda n: 1 / n,
                ratio=False,
                cases=({"p2": 0.25, "c2": 1.0},),
            ),
        ),
        printed="p2^2 alpha^2 c^2 in the risk, and a best weight 1 - O(phi) that is said to tend to 0.",
        holds="alpha^2 c^2, noises divided by the shares, and a best weight of the order of phi (reg-weighted-mixing).",
        correction=(
            *_correct_weights()[2:],
            Limit(
                label="the best weight tends to 0",
                value=lambda n, p2, c2: _right_weight(5 / n, p2, c2),
                asymptote=lambda n, p2, c2: 0.0,
                along=(400, 800, 1600, 3200, 6400),
                remainder=lambda n: 1 / n,
                ratio=False,
                cases=({"p2": 0.25, "c2": 1.0},),
            ),
        ),
        expected=Status.CONTRADICTED,
        remark="The fault may be in the quotation.",
        tags=("regression", "mixture", "weights", "erratum"),
    ),
    Claim(
        id="reg-fresh-data-loop",
        title="A loop with new real rows in every round: a linear recursion with a fixed point",
        statement=(
            "If every generation is fitted to n1 new real rows and n2 rows labelled by the last model, all with new "
            "covariates, the error obeys R_t = a R_{t-1} + error of a clean fit, with the factor a of strong collapse. "
            "To leading order in d/n it settles at E/(1 - p2^2), E the error of a clean fit."
        ),
        formula=(
            r"R_t = a\,R_{t-1} + \frac{\sigma^2d}{n-d-1} \to \frac{\sigma^2d}{(n-d-1)(1-a)}, \qquad "
            r"a \to p_2^2 \ (\varphi \to 0)"
        ),
        assumptions="n = n1 + n2 > d + 1; generation 1 uses n1 real rows alone; equal noise.",
        source=("dohmatob2025", "modelcollapse"),
        locus="Corollary 3, Eq. 19; the exact loop is derived",
        kind=Kind.EXACT,
        theory=(theory.fresh_rows_risk, theory.mixture_coefficient, theory.regression_risk),
        simulation="Chains with new real and new synthetic rows in every generation, correlated covariates.",
        checks=(
            Computed(
                label="the recursion, its factor from five independent variables",
                predict=_loop,
                other=_recursion,
                cases=(
                    {"q": 8, "p": 8, "d": 4, "t": 5},
                    {"q": 32, "p": 3, "d": 30, "t": 3},
                    {"q": 10, "p": 500, "d": 3, "t": 60},
                ),
                rtol=1e-11,
                mutants={"p2^2 for a": lambda q, p, d, t: _leading(q, p, d, t)},
            ),
            Limit(
                label="fixed point, in units of a clean fit, many rows: 1/(1 - p2^2)",
                value=_plateau,
                asymptote=lambda n, d, p2: 1 / (1 - p2**2),
                along=(400, 800, 1600, 3200, 6400),
                remainder=lambda n: 1 / n,
                cases=({"d": 4, "p2": 0.5}, {"d": 20, "p2": 0.9}),
                mutants={"1/(1 - p2)": lambda n, d, p2: 1 / (1 - p2)},
            ),
            Limit(
                label="approach to the fixed point, many rows: a factor p2^2 per round",
                value=lambda n, d, p2: _steps(n, d, p2),
                asymptote=lambda n, d, p2: p2**2,
                along=(400, 800, 1600, 3200, 6400),
                remainder=lambda n: 1 / n,
                cases=({"d": 4, "p2": 0.5},),
                mutants={"p2": lambda n, d, p2: p2},
            ),
            Computed(
                label="no real rows: the start plus one clean fit per round",
                predict=lambda rows, d, t: d / (50 - d - 1) + (t - 1) * d / (rows - d - 1),
                other=lambda rows, d, t: theory.fresh_rows_risk(0, rows, t, dim=d, n_first=50),
                cases=({"rows": 30, "d": 5, "t": 7}, {"rows": 200, "d": 1, "t": 100}),
            ),
            Sampled(
                label="chains",
                predict=_loop,
                draw=_loop_drawn,
                sd=_loop_sd,
                cases=(
                    {"q": 12, "p": 12, "d": 1, "t": 4},
                    {"q": 30, "p": 30, "d": 4, "t": 5},
                    {"q": 20, "p": 60, "d": 6, "t": 3},
                ),
                size=60_000,
                mutants={"real rows alone": lambda q, p, d, t: _alone(q, d)},
            ),
        ),
        second={
            "fresh_rows_error": lambda t, d, n_real, n_synthetic, variance: theory.fresh_rows_risk(
                n_real, n_synthetic, t, dim=d, noise_variance=variance, n_first=n_real
            ),
            "fresh_rows_stationary": lambda d, n_real, n_synthetic, variance: theory.fresh_rows_risk(
                n_real, n_synthetic, math.inf, dim=d, noise_variance=variance
            ),
            "iterative_mixing_plateau": lambda clean, p2: clean / ((1 - p2) * (1 + p2)),
            "iterative_mixing_without_real": lambda t, clean, start: start + t * clean,
        },
        tags=("regression", "mixture", "fresh"),
    ),
    Claim(
        id="ERR-17",
        title="Iterative mixing does not underperform its real rows, if it is started on real rows",
        statement=(
            "A loop that mixes q new real rows with rows of the last model is worse than a fit to q real rows alone."
        ),
        formula=r"R_t \ge \frac{\sigma^2 d}{q-d-1}",
        assumptions="A well-specified model, generation 1 fitted to q real rows, q > d + 1.",
        source=("dohmatob2025", "modelcollapse"),
        locus="the discussion of iterative mixing, Fig. 10",
        kind=Kind.CORRECTION,
        theory=(theory.fresh_rows_risk,),
        simulation="Chains with new real and new synthetic rows in every generation.",
        checks=(
            Ordered(
                label="the loop is above the real rows alone",
                lower=lambda q, p, d: np.full(len(ROUNDS), _alone(q, d)),
                upper=lambda q, p, d: _loop(q, p, d, ROUNDS),
                bound="lower",
                cases=({"q": 40, "p": 40, "d": 4}, {"q": 250, "p": 250, "d": 20}),
            ),
        ),
        printed="The paper finds that iterative mixing underperforms the real half alone.",
        holds=(
            "So it is for the first rounds if the first synthetic target is off by c0^2 > 0. Started on the real rows "
            "the loop averages over rounds and is better in every round, at every size: a < n2/(n - d - 1)."
        ),
        correction=(
            Ordered(
                label="started on the real rows the loop is below them, round by round",
                lower=lambda q, p, d: _loop(q, p, d, ROUNDS),
                upper=lambda q, p, d: np.full(len(ROUNDS), _alone(q, d)),
                bound="upper",
                cases=({"q": 1000, "p": 1, "d": 10}, {"q": 40, "p": 40, "d": 4}, {"q": 30, "p": 1, "d": 28}),
            ),
            Ordered(
                label="a wrong first target: the next fit is above the real rows alone",
                lower=lambda q, p, d, c2: _alone(q, d),
                upper=lambda q, p, d, c2: theory.strong_collapse_risk(q, p, dim=d, discrepancy=c2),
                bound="lower",
                cases=({"q": 40, "p": 40, "d": 4, "c2": 1.0}, {"q": 250, "p": 250, "d": 20, "c2": 0.5}),
            ),
            Ordered(
                label="the factor a is below n2/(n - d - 1), all splits and dimensions: better at every size",
                lower=lambda rows: _grid(rows)[0],
                upper=lambda rows: _grid(rows)[1],
                bound="upper",
                cases=({"rows": 12}, {"rows": 60}, {"rows": 3}, {"rows": 4000}),
            ),
            Sampled(
                label="error saved in 6 rounds",
                predict=lambda q, p, d: _alone(q, d) - _loop(q, p, d, 6),
                draw=lambda size, rng, q, p, d: _alone(q, d) - _loop_drawn(size, rng, q, p, d, 6),
                sd=lambda q, p, d: _loop_sd(q, p, d, 6),
                cases=({"q": 40, "p": 40, "d": 4}, {"q": 20, "p": 20, "d": 1}),
                size=60_000,
                mutants={"nothing": lambda q, p, d: 0.0},
            ),
        ),
        expected=Status.CONTRADICTED,
        remark=(
            "R_2 < R_1 and the fixed point is below R_1 exactly if a < n2/(n - d - 1). For given n the difference is "
            "bilinear in n1 and d, so that its four corners prove it."
        ),
        tags=("regression", "fresh", "erratum"),
    ),
)
