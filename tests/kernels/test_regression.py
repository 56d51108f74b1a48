"""Kernels of linear regression: compiled == interpreted, and the parts against numpy."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse._kernels import regression as kernel

REGIMES = {
    "replace": mc.Replace((5, 3, 2, 9, 4, 4)),
    "accumulate": mc.Accumulate(2, n_real=3),
    "fixed": mc.FixedReal(4, 2, 5),
    "fresh": mc.FreshReal(6, 2),
    "mix": mc.Mix(6, 0.3),
    "window": mc.Window(3, 2),
}
BITS = """
import json, sys
import numpy as np
import modelcollapse as mc
from modelcollapse import regimes
cov = [[2.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 0.5]]
x = np.arange(8.0)
rows = np.column_stack([x - 3.5, (x - 3) ** 2 - 5, [1, 0, 0, 1, 1, -1, 0, 2], x % 3])
out = {}
for name, text in json.loads(sys.argv[2]).items():
    plan = regimes.read(text).plan(6)
    for penalty in (0.0, 0.2):
        model = mc.LinearRegression([1.0, -1.0, 0.5], cov, 0.5, penalty=penalty)
        for given in (None, rows):
            for variable, value in model.chains(plan, 4, np.random.default_rng(11), given).items():
                out[f"{name} {penalty} {given is None} {variable}"] = value
for design in ("fresh", "same"):
    for size in (2, 4):
        for regime in (mc.Replace(size), mc.Accumulate(2 * size, n_real=size), mc.FixedReal(size, size)):
            model = mc.LinearRegression([1.0, -1.0, 0.5], 2.0, 0.5, design=design)
            for given in (None, rows):
                value = model.chains(regime.plan(6), 4, np.random.default_rng(7), given)["coef"]
                out[f"{design} {regime} {given is None}"] = value
np.savez(sys.argv[1], **out)
"""


@pytest.mark.compiled
def test_compiled_and_interpreted_agree_bit_for_bit(differences):
    cases = json.dumps({name: regime.describe(6) for name, regime in REGIMES.items()})
    assert differences(BITS, cases, at_least=48) == []


@given(st.integers(1, 6), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32))
def test_the_fit_is_that_of_numpy(d, n, penalty, seed):
    rng = np.random.default_rng(seed)
    X, y, truth = rng.standard_normal((n, d)), rng.standard_normal(n), rng.standard_normal(d)
    penalty = penalty if penalty > 1e-3 else 0.0
    S, b, error = X.T @ X, X.T @ (y - X @ truth), np.zeros(d)
    scratch = [np.zeros((d, d)), np.zeros((d, d)), np.zeros(d)]
    kernel.fit(np.tril(S), b, n, min(n, d), penalty, 0.0, truth, np.arange(d), np.zeros(d), *scratch, error)
    expected = np.linalg.solve(S + n * penalty * np.eye(d), X.T @ y) if penalty else np.linalg.pinv(X) @ y
    condition = np.linalg.cond(X) ** 2
    np.testing.assert_allclose(truth + error, expected, atol=1e-11 * condition * (1 + np.abs(expected).max()))


@given(st.integers(2, 6), st.integers(0, 2**32))
def test_dependent_rows_do_not_count(d, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((d - 1, d))
    X, y, truth = np.vstack([X, X]), rng.standard_normal(2 * d - 2), np.ones(d)
    S, b, error = X.T @ X, X.T @ (y - X @ truth), np.zeros(d)
    scratch = [np.zeros((d, d)), np.zeros((d, d)), np.zeros(d)]
    least = kernel.DEPENDENT
    kernel.fit(
        np.tril(S), b, 2 * d - 2, min(2 * d - 2, d), 0.0, least, truth, np.arange(d), np.zeros(d), *scratch, error
    )
    condition = np.linalg.cond(X[: d - 1]) ** 2
    if condition < 1e5:
        np.testing.assert_allclose(truth + error, np.linalg.pinv(X) @ y, atol=1e-10 * condition)


@given(st.integers(1, 7), st.integers(1, 12), st.integers(0, 2**32))
def test_a_design_has_the_rank_of_its_rows(d, n, seed):
    L = np.linalg.cholesky(np.eye(d) + 0.5)
    A, C = np.zeros((d, d)), np.zeros((d, d))
    kernel.design(np.random.default_rng(seed), n, L, A, C)
    assert np.linalg.matrix_rank(C, tol=0) <= min(n, d)
    assert (C[:, min(n, d) :] == 0).all()
    np.testing.assert_array_equal(np.triu(C, 1), 0)
    assert (np.diag(C)[: min(n, d)] > 0).all()
