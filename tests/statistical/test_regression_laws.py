"""Linear regression: chains against exact laws, the statistic against the rows, limits against large designs.

One fit is an F variable and the steps of a chain under Replace are independent and without direction, so whole laws
can be tested there. Elsewhere the mean of the excess risk is tested with a standard deviation, or a bound on it, that
theory knows.
"""

import numpy as np
import pytest
from programs import ForgetsReal, Late, NoPin, block, chains, engines
from scipy import special

import modelcollapse as mc
from modelcollapse import theory
from modelcollapse.testing import assert_kills, stream
from modelcollapse.verify import pvalue_bounded, pvalue_distribution, pvalue_spread, pvalue_two_samples

pytestmark = pytest.mark.compiled

COV = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 0.5]])
D, NOISE = 3, 0.7
TRUTH = mc.LinearRegression([1.0, -2.0, 0.5], COV, NOISE)
SAME = mc.LinearRegression([1.0, -2.0, 0.5], COV, NOISE, design="same")


class Quiet(mc.LinearRegression):
    """Labels of a model are made with less noise than real ones."""

    def sample(self, size, rng=None):
        rows = super().sample(size, rng)
        if self.coef is not self.truth:
            exact = rows[:, :-1] @ self.coef
            rows[:, -1] = exact + 0.7 * (rows[:, -1] - exact)
        return rows


def whitened(run):
    """Errors of the coefficients in the metric of the covariates and in units of the noise, from generation 1 on."""
    coef = np.asarray(run["coef"])[..., -5:, :]
    return (coef - TRUTH.coef) @ np.linalg.cholesky(COV) / NOISE


def fisher(n, d=D):
    """Distribution function of a squared step: d/(n - d + 1) times an F variable."""
    return lambda x: special.fdtr(d, n - d + 1, x * (n - d + 1) / d)


# ------------------------------------------------------------------------------------------------- whole laws


def test_one_step_is_a_multivariate_t_variable():
    n, T = 9, 3

    def law(n):
        def pvalues(error):
            steps = np.diff(error, axis=1)
            square = (steps**2).sum(axis=2)
            # independent spheres in three dimensions: the cosine is uniform
            cosine = (steps[:, 0] * steps[:, 1]).sum(axis=1) / np.sqrt(square[:, 0] * square[:, 1])
            u, v = fisher(n)(square[:, 0]), fisher(n)(square[:, 1])
            return np.array([
                pvalue_distribution((error[:, 0] ** 2).sum(axis=1), fisher(n)),
                pvalue_distribution(square[:, 1], fisher(n)),
                pvalue_distribution(cosine, lambda c: (c + 1) / 2),
                pvalue_bounded(u * v, 0.25, 0.0, 1.0),
            ])  # fmt: skip

        return pvalues

    def path(family, regime):
        return block(engines.by_statistic, family, regime, T, whitened)

    quiet = Quiet(TRUTH.coef, COV, NOISE)
    assert_kills(
        path(TRUTH, mc.Replace(n)),
        law(n),
        size=3000,
        mutants={
            "n - 1 rows": path(TRUTH, mc.Replace(n - 1)),
            "the same design": path(SAME, mc.Replace(n)),
            "less noise in synthetic labels": block(engines.by_point, quiet, mc.Replace(n), T, whitened),
            "first fit twice": path(TRUTH, Late(n=n)),
        },
        wrong={"one degree of freedom more": law(n + 1)},
        formula="|step|^2 = d/(n - d + 1) F(d, n - d + 1), no direction, independent",
        source="reg-replace-linear",
    )


@pytest.mark.parametrize("name", ["replace", "accumulate", "window", "fixed real", "multiples"])
def test_with_one_design_the_law_of_the_risk_is_known_for_ever(name):
    n, T = 8, 5
    regime, other = {
        "replace": (mc.Replace(n), mc.Replace((n, n, n, n, 2 * n))),
        "accumulate": (mc.Accumulate(n), ForgetsReal(n=n)),
        "window": (mc.Window(n, 2), mc.Window(n, 3)),
        "fixed real": (mc.FixedReal(n, n), mc.Window(n, 2)),
        "multiples": (
            mc.Replace([n * t for t in range(1, T + 1)]),
            mc.Replace([n * max(t, 2) - n for t in range(1, 6)]),
        ),
    }[name]
    unit = theory.regression_risk(regime, T, dim=D, design="same")[T] * (n - D - 1) / D

    def law(unit):
        return lambda error: pvalue_distribution((error[:, -1] ** 2).sum(axis=1) / unit, fisher(n))

    assert_kills(
        block(engines.by_statistic, SAME, regime, T, whitened),
        law(unit),
        size=4000,
        mutants={"another regime": block(engines.by_statistic, SAME, other, T, whitened)}
        | ({"fresh designs": block(engines.by_statistic, TRUTH, regime, T, whitened)} if name != "fixed real" else {}),
        wrong={"one fit": law(1.0)},
        formula="risk = F variable times the error of a mean",
        source="reg-accumulate-sameX-pi2over6, reg-replace-multiple, reg-same-as-mean-estimation",
    )


# ------------------------------------------------------------------------------------------------- expected risk


def risk(run):
    return np.asarray(run["excess_risk"])[:, -1]


def test_replace_grows_linearly():
    n, t = 12, 5
    sd = float(theory.regression_risk_sd(n, t, dim=D, noise_variance=NOISE**2))

    def law(expected):
        return lambda x: pvalue_spread(x, expected, sd)

    assert_kills(
        chains(TRUTH, mc.Replace(n), t, risk),
        law(float(theory.regression_risk_replace(n, t, dim=D, noise_variance=NOISE**2))),
        size=16_000,
        mutants={
            "n - 1 rows": chains(TRUTH, mc.Replace(n - 1), t, risk),
            "first fit twice": chains(TRUTH, Late(n=n), t, risk),
            "noise instead of its square": chains(
                mc.LinearRegression(TRUTH.coef, COV, NOISE**0.5), mc.Replace(n), t, risk
            ),
        },
        wrong={
            "n - d": law(t * NOISE**2 * D / (n - D)),
            "t - 1": law((t - 1) * NOISE**2 * D / (n - D - 1)),
        },
        formula="R_t = t s^2 d/(n - d - 1)",
        source="reg-replace-linear",
    )


def test_fresh_designs_accumulate_less_error():
    n, d, t = 12, 5, 3
    truth = mc.LinearRegression(np.arange(d), 1.5)
    # path by path the covariance of what is added after the first fit is below that of the first fit, whose E |e|^4 is
    # known; and the two are uncorrelated
    sd = (d * (d + 2) / ((n - d - 1) * (n - d - 3))) ** 0.5

    def added(run):
        coef = np.asarray(run["coef"])
        return 1.5 * ((coef[:, t] - coef[:, 1]) ** 2).sum(axis=1)

    def law(expected):
        return lambda x: pvalue_spread(x, expected, sd)

    exact, same = (theory.regression_risk(mc.Accumulate(n), t, dim=d, design=design) for design in ("fresh", "same"))
    assert_kills(
        chains(truth, mc.Accumulate(n), t, added),
        law(exact[t] - exact[1]),
        size=32_000,
        mutants={
            "forgets the real data": chains(truth, ForgetsReal(n=n), t, added),
            "replaces": chains(truth, mc.Replace(n), t, added),
        },
        wrong={"the theorem of the same design": law(same[t] - same[1]), "t - 1": law(exact[t - 1] - exact[1])},
        formula="R_t = s^2 d sum n_i/(N_i (N_i - d - 1))",
        source="reg-accumulate-freshX-exact, ERR-18",
    )


@pytest.mark.parametrize(("q", "p"), [(3, 3), (2, 9)])
def test_fresh_real_rows_hold_the_error(q, p):
    # d = 1: e' = B e + z/sqrt(S), B a beta variable, so that fourth moments close too
    n, t = q + p, 6
    truth = mc.LinearRegression([2.0])
    A, C = p / 2, n / 2
    b2 = A * (A + 1) / (C * (C + 1))
    b4 = b2 * (A + 2) * (A + 3) / ((C + 2) * (C + 3))
    s1, s2 = 1 / (n - 2), 1 / ((n - 2) * (n - 4))
    second, fourth = s1, 3 * s2
    for _ in range(t - 1):
        fourth = b4 * fourth + 6 * b2 * second * s1 + 3 * s2
        second = b2 * second + s1
    exact = float(theory.fresh_rows_risk(q, p, t, dim=1))
    assert exact == pytest.approx(second, rel=1e-12)

    def law(expected):
        return lambda x: pvalue_spread(x, expected, (fourth - second**2) ** 0.5)

    leading = s1 * sum((p / n) ** (2 * i) for i in range(t))
    assert_kills(
        chains(truth, mc.FreshReal(n, q), t, risk),
        law(exact),
        size=32_000,
        mutants={
            "fractions swapped": chains(truth, mc.FreshReal(n, p if p != q else q + 1), t, risk),
            "no real rows": chains(truth, mc.Replace(n), t, risk),
        },
        wrong={"published leading order": law(leading)},
        formula="R_t = a R_(t-1) + s^2 d/(n - d - 1)",
        source="reg-fresh-data-loop",
    )


def test_without_noise_the_smallest_norm_forgets():
    d, n, t = 10, 6, 3
    truth = mc.LinearRegression(np.ones(d) / d**0.5, 1.0, 0.0)
    kept = mc.LinearRegression(np.ones(d) / d**0.5, 1.0, 0.0, design="same")

    def law(expected):
        return lambda x: pvalue_bounded(x, expected, 0.0, 4.0)

    assert_kills(
        chains(truth, mc.Replace(n), t, risk),
        law(float(theory.minimum_norm_risk(n, t, dim=d))),
        size=2000,
        mutants={
            "n - 1 rows": chains(truth, mc.Replace(n - 1), t, risk),
            "the same design": chains(kept, mc.Replace(n), t, risk),
            "accumulates": chains(truth, mc.Accumulate(n), t, risk),
        },
        wrong={"off by one generation": law(float(theory.minimum_norm_risk(n, t - 1, dim=d)))},
        formula="|w*|^2 (1 - (n/d)^t)",
        source="reg-overparam-exponential",
    )


# ------------------------------------------------------------------------------------------------- labels of one design


def edited(size, rng, n, d, k, real=False):
    """Errors of generation 2 of a design with k edited labels, squared in two metrics: ours and the published one."""
    out = np.empty((size, 2))
    for r in range(size):
        X, first, second = rng.standard_normal((n, d)), rng.standard_normal(n), rng.standard_normal(n)
        S = np.linalg.inv(X.T @ X)
        made = X @ (S @ X.T @ first) + second  # labels of model 1, relative to the truth
        labels = np.where(np.arange(n) < k, second if real else made, first)
        error = S @ X.T @ labels
        W = X[:k].T @ X[:k]
        once = S @ W @ S
        for j, covariance in enumerate((S + 2 * once - once @ W @ S, S + once)):
            out[r, j] = error @ np.linalg.solve(covariance, error)
    return out


def test_editing_labels_costs_more_than_published():
    # given the design, the error of generation 2 is normal, and its covariance says which theorem is right
    n, d, k = 12, 3, 6

    def law(column):
        return lambda sample: pvalue_distribution(sample[:, column], lambda x: special.chdtr(d, x))

    assert_kills(
        lambda size, rng: edited(size, rng, n, d, k),
        law(0),
        size=1500,
        mutants={"edited labels are new real ones": lambda size, rng: edited(size, rng, n, d, k, real=True)},
        wrong={"published": law(1)},
        formula="cov = S^-1 + 2 S^-1 W S^-1 - S^-1 W S^-1 W S^-1",
        source="reg-toedit-token-editing, ERR-14",
    )


def test_mixed_labels_of_one_design():
    n, d, w, t = 8, 2, 0.5, 6
    unit = float(theory.label_mixing_risk(w, n, t, dim=d)) * (n - d - 1) / d

    def loop(size, rng, noise=True):
        out = np.empty(size)
        for r in range(size):
            X = rng.standard_normal((n, d))
            P = np.linalg.pinv(X)
            error = P @ rng.standard_normal(n)
            for _ in range(t - 1):
                made = X @ error + (rng.standard_normal(n) if noise else 0.0)
                error = P @ (w * rng.standard_normal(n) + (1 - w) * made)
            out[r] = error @ error
        return out

    def law(unit):
        return lambda sample: pvalue_distribution(sample / unit, fisher(n, d))

    assert_kills(
        loop,
        law(unit),
        size=1500,
        mutants={"no noise in synthetic labels": lambda size, rng: loop(size, rng, noise=False)},
        wrong={"one fit": law(1.0)},
        formula="(w^2 + (1-w)^2)/(w (2-w)) of one fit",
        source="reg-golden-ratio",
    )


# ------------------------------------------------------------------------------------------------- large designs


@pytest.mark.parametrize(("phi", "p2", "penalty"), [(0.5, 0.3, 0.2), (1.5, 0.7, 0.1)])
def test_large_designs_are_near_their_limit(phi, p2, penalty):
    # quadratic forms of a design fluctuate by about 1/d about a mean that is as near to the limit; covariance and
    # discrepancy do not commute. The mean of the ratio, cut at 3, is held to be within five per cent of one.
    d = 60
    n = round(d / phi)
    n2 = round(p2 * n)
    spectrum = np.linspace(0.3, 3.0, d)
    turn = np.linalg.qr(stream("directions").standard_normal((d, d)))[0]
    Delta = (turn * np.linspace(0, 2 / d, d)) @ turn.T
    c = spectrum * np.diag(Delta)
    known = theory.strong_collapse_ridge(spectrum, n, penalty, synthetic_fraction=p2, discrepancy=c)
    amplified = theory.ridge_risk(spectrum, n, penalty, signal=0.0)

    def draw(size, rng, n2=n2):
        out = np.empty((size, 2))
        for r in range(size):
            X = rng.standard_normal((n, d)) * np.sqrt(spectrum)
            R = np.linalg.inv(X.T @ X / n + penalty * np.eye(d))
            M = R @ (X[:n2].T @ X[:n2] / n)
            out[r, 0] = np.sum((M @ Delta) * (spectrum[:, None] * M)) / known
            out[r, 1] = np.sum((R @ X.T / n) ** 2 * spectrum[:, None]) / amplified
        return np.clip(out, 0, 3)

    def law(scale):
        def pvalues(sample):
            return np.concatenate([
                pvalue_bounded(sample, 0.95 * scale, 0.0, 3.0, side="below"),
                pvalue_bounded(sample, 1.05 * scale, 0.0, 3.0, side="above"),
            ])  # fmt: skip

        return pvalues

    assert_kills(
        draw,
        law(np.ones(2)),
        size=120,
        mutants={"real and synthetic rows swapped": lambda size, rng: draw(size, rng, n - n2)},
        wrong={
            "noise not amplified": law(np.array([1.0, 1 / (1 + theory.ridge_risk(spectrum, n, penalty, signal=0.0))]))
        },
        formula="zeta and V of the random-matrix limit",
        source="reg-strong-collapse-ridge, reg-dohmatob-ridge",
    )


def test_mixing_with_weights():
    # few dimensions, many rows: the mean of the ratio to the leading order, cut at 3, is within five per cent of one
    d, n, p2, alpha, c2, s2 = 2, 1500, 0.3, 0.12, 0.05, 4.0
    n2 = round(p2 * n)

    def draw(size, rng, alpha=alpha):
        known = float(theory.mixing_risk(0.12, d / n, p2, discrepancy=c2, synthetic_noise_variance=s2))
        made = np.arange(n) < n2
        weight, variance = np.where(made, alpha / p2, (1 - alpha) / (1 - p2)), np.where(made, s2, 1.0)
        out = np.empty(size)
        for r in range(size):
            X = rng.standard_normal((n, d))
            G = np.linalg.inv((X * weight[:, None]).T @ X) @ (X * weight[:, None]).T
            out[r] = (c2 / d * np.sum((G[:, :n2] @ X[:n2]) ** 2) + np.sum(G**2 * variance)) / known
        return np.clip(out, 0, 3)

    def law(scale):
        return lambda sample: [
            pvalue_bounded(sample, 0.95 * scale, 0.0, 3.0, side="below"),
            pvalue_bounded(sample, 1.05 * scale, 0.0, 3.0, side="above"),
        ]

    printed = p2**2 * alpha**2 * c2 + ((1 - alpha) * (1 - p2) + alpha * p2 * s2) * d / n
    right = float(theory.mixing_risk(alpha, d / n, p2, discrepancy=c2, synthetic_noise_variance=s2))
    assert_kills(
        draw,
        law(1.0),
        size=150,
        mutants={"the unweighted fit": lambda size, rng: draw(size, rng, 0.3)},
        wrong={"published": law(printed / right)},
        formula="alpha^2 c^2 + phi [(1 - alpha)^2 s1/p1 + alpha^2 s2/p2]",
        source="reg-weighted-mixing, ERR-15",
    )


# ------------------------------------------------------------------------------------------------- two engines

REGIMES = {
    "replace": (mc.Replace(n=5), {"n + 1 draws": mc.Replace(n=6)}),
    "schedule": (mc.Replace(n=(7, 4, 9, 5)), {"one size": mc.Replace(n=4)}),
    "accumulate": (mc.Accumulate(n=3, n_real=5), {"forgets the real data": ForgetsReal(n=3, n_real=5)}),
    "fixed real": (mc.FixedReal(n=6, n_real=3, n_first=8), {"fresh instead of fixed": NoPin(n=6, n_real=3, n_first=8)}),
    "fresh real": (mc.FreshReal(n=7, n_real=2), {"fractions swapped": mc.FreshReal(n=7, n_real=5)}),
    "mix": (mc.Mix(n=7, real_fraction=0.3), {"fractions swapped": mc.Mix(n=7, real_fraction=0.7)}),
    "window": (mc.Window(n=4, k=2, n_real=6), {"one batch more": mc.Window(n=4, k=3, n_real=6)}),
}
FAMILIES = {
    "least squares": (mc.LinearRegression([1.0, -1.0], [[2.0, 0.6], [0.6, 1.0]], 0.5), {}),
    "ridge": (
        mc.LinearRegression([1.0, -1.0], [[2.0, 0.6], [0.6, 1.0]], 0.5, penalty=0.3),
        {"penalty not times n": mc.LinearRegression([1.0, -1.0], [[2.0, 0.6], [0.6, 1.0]], 0.5, penalty=0.05)},
    ),
    "smallest norm": (mc.LinearRegression(np.linspace(-2, 2, 8), np.diag(np.linspace(0.5, 2, 8)), 0.5), {}),
}
#: twelve real rows, whose labels are not linear in the covariates
ROWS = np.linspace(-1, 1, 12)[:, None] ** np.array([1, 2, 3]) @ np.diag([1.0, 2.0, 3.0]) - np.array([0.0, 0.8, 0.0])


def read(out):
    coef, excess = out["coef"], np.log(out["excess_risk"] + 1e-9)
    step = coef[:, -1] - coef[:, -2]
    columns = [coef[:, 0, 0], coef[:, -1, 0], coef[:, -1, -1], step[:, 0], step[:, 0] * step[:, -1], excess[:, -1]]
    return np.column_stack([*columns, excess[:, -1] - excess[:, -2], step[:, 0] * (coef[:, -2, 0] - coef[:, -3, 0])])


def same_law(pair):
    first, second = (np.round(sample, 7) for sample in pair)  # two ways of solving differ by rounding
    return np.array([pvalue_two_samples(a, b) for a, b in zip(first.T, second.T, strict=True)])


def twins(family, regime, other=None, wrong=None, value=read, T=4):
    points = block(engines.by_point, family, regime, T, value)
    statistic = block(engines.by_statistic, other or family, wrong or regime, T, value)
    return lambda size, rng: (points(size, rng), statistic(size, rng))


PAIRS = [("least squares", name) for name in REGIMES]
PAIRS += [("ridge", name) for name in ("schedule", "fixed real", "window")]
PAIRS += [("smallest norm", name) for name in ("replace", "accumulate", "mix", "window")]


@pytest.mark.parametrize(("kind", "name"), PAIRS)
def test_the_statistic_has_the_law_of_the_rows(kind, name):
    regime, mutants = REGIMES[name]
    family, others = FAMILIES[kind]
    assert_kills(
        twins(family, regime),
        same_law,
        size=500,
        mutants={key: twins(family, regime, wrong=mutant) for key, mutant in mutants.items()}
        | {key: twins(family, regime, other) for key, other in others.items()},
        formula="two engines, one law",
        source="simulate.by_point",
    )


ONE_DESIGN = {
    "replace": (mc.Replace((4, 8, 4, 4)), 0.0),
    "accumulate": (mc.Accumulate(4), 0.0),
    "accumulate, ridge": (mc.Accumulate(4), 0.05),
    "window": (mc.Window(4, 2), 0.0),
    "fixed real": (mc.FixedReal(8, 4), 0.0),
    "few rows": (mc.Accumulate(2), 0.0),
}


@pytest.mark.parametrize("name", ONE_DESIGN)
def test_the_statistic_of_one_design(name):
    regime, penalty = ONE_DESIGN[name]
    family, fresh = (
        mc.LinearRegression([1.0, -1.0, 0.5], COV, 0.5, penalty=penalty, design=design) for design in ("same", "fresh")
    )
    n = int(regime.plan(1).real[0])
    wrong = mc.Accumulate(n) if isinstance(regime, mc.Replace) else mc.Replace(n)
    assert_kills(
        twins(family, regime),
        same_law,
        size=500,
        mutants={"fresh designs": twins(family, regime, fresh), "another regime": twins(family, regime, wrong=wrong)},
        formula="two engines, one law",
        source="simulate.by_point",
    )


REAL = {
    "subset": (mc.Accumulate(5, n_real=6), mc.Accumulate(5, n_real=8), "fresh"),
    "all rows": (mc.Replace(12), mc.Replace((12, 12, 12, 24)), "fresh"),
    "kept": (mc.FixedReal(8, 4, 8), NoPin(8, 4, 8), "fresh"),
    "new ones": (mc.Mix(6, 0.3), mc.Mix(6, 0.8), "fresh"),
    "few": (mc.Accumulate(1), mc.Accumulate(2, n_real=1), "fresh"),
    "their covariates": (mc.Accumulate(6), mc.Replace(6), "same"),
}


@pytest.mark.parametrize("name", REAL)
def test_real_rows(name):
    # the truth is twelve rows: a subset without replacement first, draws with replacement later
    regime, wrong, design = REAL[name]
    truth = mc.Empirical(ROWS, mc.LinearRegression.from_data(ROWS, design=design))
    assert_kills(
        twins(truth, regime),
        same_law,
        size=500,
        mutants={"another regime": twins(truth, regime, wrong=wrong)},
        formula="two engines, one law",
        source="simulate.by_point",
    )
