"""Published statements about regression that fail, and the forms that hold."""

import math
import re

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse import theory
from modelcollapse.testing import stream

INF = float("inf")


def test_err_11_the_law_of_pi_squared_over_six_is_not_for_fresh_designs():
    """ERR-11: a factor of pi^2/6 needs one design, or many rows per dimension."""
    constant = math.pi**2 / 6
    for d, n in [(1, 4), (5, 20), (10, 111), (50, 60)]:
        one = d / (n - d - 1)
        assert theory.regression_risk_accumulate(n, INF, dim=d, design="same") / one == pytest.approx(
            constant, rel=1e-12
        )
        assert theory.regression_risk_accumulate(n, INF, dim=d) / one < 0.98 * constant
    assert theory.regression_risk_accumulate(10**7, INF, dim=5) / 5e-7 == pytest.approx(constant, rel=1e-4)
    assert theory.inflation_constant("subsample") == pytest.approx(math.pi**2 / 2 - 2)
    assert theory.inflation_constant("accumulate") == pytest.approx(constant)


def test_err_14_token_editing():
    """ERR-14: 1 + mu is too small, twice the error of one fit is no bound, and constant editing diverges linearly."""
    for n, d in [(60, 5), (1000, 3), (12, 3)]:
        unit = d / (n - d - 1)
        k = np.arange(1, n)
        factor = theory.token_editing_risk(n, k, dim=d) / unit
        assert (factor > 1 + k / n).all()
        assert factor.max() <= 2 * (1 + 1e-12)
        assert theory.token_editing_risk(n, n, dim=d) / unit == pytest.approx(2, rel=1e-12)  # M = I: the step is right
    growth = theory.token_editing_growth(np.full(50, 0.5))
    assert growth[1] == 1.75
    assert (growth[2:] > 2).all()  # the "bound"
    np.testing.assert_allclose(np.diff(growth), 0.75)
    shares = 0.25 * 0.5 ** np.arange(200)  # what does bound it: shares that have a sum
    assert theory.token_editing_growth(shares)[-1] < 2
    assert (shares * (2 - shares)).sum() <= 1


def test_err_14_the_step_from_25_to_26():
    """ERR-14: X+ M P E is not X+ M E unless M is 0 or I; with the residual the recursion is right."""
    rng = stream("a design")
    n, d, k = 12, 3, 5
    X, first, second = rng.standard_normal((n, d)), rng.standard_normal(n), rng.standard_normal(n)
    plus = np.linalg.pinv(X)
    P, M = X @ plus, np.diag((np.arange(n) < k) + 0.0)
    one = plus @ first
    two = plus @ (M @ (X @ one + second) + (np.eye(n) - M) @ first)
    np.testing.assert_allclose(two, one + plus @ M @ (second - (np.eye(n) - P) @ first), atol=1e-12)
    assert np.abs(two - plus @ (first + M @ second)).max() > 0.01
    for whole in (np.zeros((n, n)), np.eye(n)):
        np.testing.assert_allclose(plus @ whole @ P @ first, plus @ whole @ first, atol=1e-12)


def published(alpha, phi, p2, c2=1.0, s1=1.0, s2=1.0):
    """Corollary 2 as quoted: risk, and the weight that is said to be best."""
    p1 = 1 - p2
    risk = p2**2 * alpha**2 * c2 + ((1 - alpha) * p1 * s1 + alpha * p2 * s2) * phi
    return risk, np.clip(1 - (p1 * s1 - p2 * s2) / (2 * c2) * phi, 0, 1)


def test_err_15_weighted_mixing():
    """ERR-15: the quoted form contradicts the unweighted case, and its weight is not the best of its own risk."""
    phi = 1e-6
    for p2 in (0.1, 0.5):
        unweighted = theory.strong_collapse_limit(phi, p2)
        assert theory.mixing_risk(p2, phi, p2) == pytest.approx(float(unweighted), rel=1e-5)
        assert published(p2, phi, p2)[0] < 0.3 * unweighted
        grid = np.linspace(0, 1, 1001)
        risk, weight = published(grid, phi, p2)
        assert risk.min() < 0.01 * published(weight, phi, p2)[0]
        assert weight > 0.99  # "discard" it is called
        assert theory.mixing_weight(phi, p2) < 1e-4
        exact = theory.mixing_risk(grid, 1e-2, p2)
        assert grid[exact.argmin()] == pytest.approx(float(theory.mixing_weight(1e-2, p2)), abs=1e-3)


def test_err_16_the_discrepancy_is_a_trace():
    """ERR-16: with tr(Sigma Delta)/d the corollary is off by a factor of d."""
    d, n, p2, rng = 12, 4000, 0.4, stream("a mixture")
    spectrum = np.linspace(0.5, 2, d)
    Delta = np.diag(np.linspace(0.1, 1, d))
    trace = float(np.trace(np.diag(spectrum) @ Delta))
    n2 = round(p2 * n)
    X = rng.standard_normal((n, d)) * np.sqrt(spectrum)
    M = np.linalg.solve(X.T @ X, X[:n2].T @ X[:n2])
    seen = np.trace(M @ Delta @ M.T @ np.diag(spectrum))  # the rows are so many that one design says it
    expected = theory.strong_collapse_limit(d / n, p2, discrepancy=trace, noise_variance=0.0)
    assert seen == pytest.approx(float(expected), rel=0.1)
    assert seen > 5 * theory.strong_collapse_limit(d / n, p2, discrepancy=trace / d, noise_variance=0.0)


def test_err_17_a_loop_started_on_real_rows_beats_them():
    """ERR-17: new real rows in every round average over rounds; only a wrong start makes the loop worse than them."""
    d, q, p = 4, 40, 40
    alone = d / (q - d - 1)
    R = theory.fresh_rows_risk(q, p, np.arange(1, 30), dim=d, n_first=q)
    assert R[0] == pytest.approx(alone)
    assert (R[1:] < alone).all()
    assert R[-1] < 0.7 * alone
    # synthetic targets that begin with an error c^2
    a = theory.mixture_coefficient(q, p, dim=d)
    wrong = a * 10.0 + d / (q + p - d - 1)
    assert wrong > alone


def test_err_18_fresh_designs_and_any_covariance():
    """ERR-18: the sum over 1/i^2 is for one design; isotropy is needed in neither."""
    assert theory.regression_risk_accumulate(20, 2, dim=5) == pytest.approx(0.430672, rel=1e-6)
    assert theory.regression_risk_accumulate(20, 2, dim=5, design="same") == pytest.approx(5 / 14 * 1.25, rel=1e-12)
    # equivariance: the same rows in other coordinates make the same excess risk
    cov = np.array([[3.0, 1.0], [1.0, 0.5]])
    for regime in (mc.Replace(6), mc.Accumulate(6), mc.FreshReal(6, 2)):
        plain = mc.LinearRegression([0.0, 0.0], 1.0)
        skewed = mc.LinearRegression([5.0, -1.0], cov)
        a, b = (model.chains(regime.plan(5), 20, np.random.default_rng(3))["excess_risk"] for model in (plain, skewed))
        np.testing.assert_allclose(a, b, rtol=1e-8)


def test_err_24_exponent_of_the_extra_term():
    """ERR-24: what the generator adds falls like n^-(1 - l/beta), at fixed n0 grows like n^(l/beta), by the sums."""
    beta, ell = 2.0, 0.5
    spectrum = np.arange(1.0, 30_001) ** -beta
    n = np.geomspace(1e3, 1e5, 4)
    head = []
    for m in n:
        kappa = theory.effective_penalty(spectrum, m, m**-ell)
        head.append((spectrum**2 / (spectrum + kappa) ** 2).sum())
    assert np.polyfit(np.log(n), np.log(head), 1)[0] == pytest.approx(ell / beta, abs=0.03)
    order = theory.power_law_order(n, decay=beta, source=0.3, exponent=ell, fits=1, n_generator=n, noise_variance=0.0)
    clean = theory.power_law_order(n, decay=beta, source=0.3, exponent=ell, noise_variance=0.0)
    extra = np.polyfit(np.log(n), np.log(order - clean), 1)[0]  # n0 growing like n
    assert extra == pytest.approx(-(1 - ell / beta), abs=1e-9)
    seen = np.polyfit(np.log(n), np.log(np.array(head) / n), 1)[0]
    assert seen == pytest.approx(extra, abs=0.03)
    assert abs(seen + ell / beta) > 0.4


def test_err_27_a_logistic_loop_needs_a_rule_for_separable_rows():
    """ERR-27: without a penalty the likelihood has no maximum some day; with one the coefficients are bounded."""
    n, penalty = 20, 0.01
    free = mc.LogisticRegression([1.0, 1.0], penalty=0.0)
    with pytest.raises(ValueError, match=re.escape("penalty must be > 0 for separable rows")):
        mc.simulate(free, mc.Replace(n), generations=500, rng=stream("free"))
    held = mc.LogisticRegression([1.0, 1.0], penalty=penalty)
    run = mc.simulate(held, mc.Replace(n), generations=60, replicates=4, rng=stream("held"))
    # the loss at zero is ln 2: penalty/2 |w|^2 cannot be more
    assert ((run["coef"] ** 2).sum("covariate") <= 2 * math.log(2) / penalty).sel(generation=slice(1, None)).all()
    # an optimiser that is not told returns whatever it has got to, ever larger
    rows = np.array([[1.0, 0.2, 1.0], [0.8, -0.1, 1.0], [-0.5, 0.3, 0.0], [-1.2, 0.0, 0.0]])
    sizes = [
        float(np.abs(mc.LogisticRegression([0.0, 0.0], penalty=p).fit(rows).coef).max()) for p in (1e-2, 1e-4, 1e-8)
    ]
    assert sizes[0] < sizes[1] / 2 < sizes[2] / 4


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[1.0, 1.0], [2.0, 1.0], [-1.0, 0.0]], True),
        ([[1.0, 1.0], [2.0, 0.0], [-1.0, 0.0]], False),
        ([[0.0, 1.0], [0.0, 0.0], [1.0, 1.0], [2.0, 1.0]], True),  # quasi-separable: points on the plane
        ([[0.0, 1.0], [0.0, 0.0]], False),
    ],
)
def test_what_separable_means(rows, expected):
    from modelcollapse.families.logistic import separable

    rows = np.array(rows)
    assert separable(rows[:, :-1] * (2 * rows[:, -1:] - 1)) is expected
