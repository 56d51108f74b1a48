r"""Han et al. (2025), Preventing model collapse via contraction-conditioned neural filters.

Retraining as a stochastic recursion: the error is multiplied by an operator and a disturbance is added. If the operator
contracts in some norm, the error stays bounded, and vanishes where the disturbance does. Checked with operators that
depend on the error, and where the bound is attained.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind

TURN = np.array([[0.5, -0.4], [0.5, 0.4]])
WEIGHT = np.array([[2.0, 0.3], [0.3, 1.0]])


def _norm(e, weight):
    return np.sqrt(np.einsum("...i,ij,...j->...", e, weight, e))


def _margin_by_eigenvalues(matrix, weight):
    from scipy.linalg import eigh

    A, P = np.asarray(matrix), np.asarray(weight)
    return 1 - eigh(A.T @ P @ A, P, eigvals_only=True)[-1]


def _operator(e):
    """Return an operator that depends on the error: it hardly contracts far out, and turns there."""
    pull = 1 / (1 + np.square(e).sum(axis=-1))
    return TURN * (1 - 0.6 * pull)[..., None, None]


def _margin() -> float:
    """Margin of all those operators: they are TURN times at most one."""
    return theory.contraction_margin(TURN, WEIGHT)


def _worst(last, noise):
    """Norms of the error when every disturbance points where it hurts, and its start."""
    e = np.array([1.0, -2.0])
    root = np.linalg.cholesky(WEIGHT)
    out = [_norm(e, WEIGHT)]
    for _ in range(last):
        e = _operator(e) @ e
        e = (
            e + noise * e / max(_norm(e, WEIGHT), 1e-300)
            if _norm(e, WEIGHT) > 0
            else np.linalg.solve(root.T, [noise, 0])
        )
        out.append(_norm(e, WEIGHT))
    return np.array(out)


def _bound(t, margin, start, noise):
    return theory.contraction_bound(t, margin=margin, start=start, noise=noise, independent=True) ** 2


def _plain(size, rng, t, margin, start, noise, d=3):
    """Operator r times the identity, independent normal disturbances of mean square noise^2."""
    r = math.sqrt(1 - margin)
    e = np.full((size, d), start / math.sqrt(d))
    for _ in range(t):
        e = r * e + noise / math.sqrt(d) * rng.standard_normal((size, d))
    return np.square(e).sum(axis=1)


def _plain_sd(t, margin, start, noise, d=3):
    """Standard deviation of a scaled noncentral chi-square."""
    mean = (1 - margin) ** (t / 2) * start
    unit = (_bound(t, margin, start, noise) - mean**2) / d
    return math.sqrt(2 * d * unit**2 + 4 * unit * mean**2)


def _nonlinear(size, rng, t, noise):
    e = np.tile([1.0, -2.0], (size, 1))
    spread = np.linalg.inv(np.linalg.cholesky(WEIGHT)).T / math.sqrt(2)
    for _ in range(t):
        e = np.einsum("rij,rj->ri", _operator(e), e) + noise * rng.standard_normal((size, 2)) @ spread.T
    return np.square(_norm(e, WEIGHT))


CLAIMS = (
    Claim(
        id="contraction-filters",
        title="If retraining contracts in some norm, errors stay bounded",
        statement=(
            "Let the error of a round be an operator applied to the last one, plus a disturbance. If all operators "
            "contract by a common margin c in the norm of P, the error is at most its start times (1-c)^(t/2) plus a "
            "geometric sum of disturbances; it vanishes if they do."
        ),
        formula=r"e_{t+1} = A(e_t)e_t + \xi_t, \qquad A^\top PA \preceq (1-c)P",
        assumptions=(
            "P positive definite; disturbances bounded in the norm of P, or of mean zero and bounded mean square."
        ),
        source=("han2025",),
        locus="contraction condition (Assumption 2.3); sums derived",
        kind=Kind.BOUND,
        theory=(theory.contraction_margin, theory.contraction_bound),
        simulation="Recursions with normal disturbances, linear and with operators that depend on the error.",
        checks=(
            Computed(
                label="the margin, as a generalised eigenvalue",
                predict=lambda matrix, weight: theory.contraction_margin(matrix, weight),
                other=_margin_by_eigenvalues,
                cases=(
                    {"matrix": ((0.6, -0.7), (0.5, 0.4)), "weight": ((2.0, 0.3), (0.3, 1.0))},
                    {"matrix": ((0.5, 5.0), (0.0, 0.5)), "weight": ((1.0, 0.0), (0.0, 200.0))},
                    {"matrix": ((0.1, 0.0), (0.3, 0.9)), "weight": ((5.0, 1.0), (1.0, 0.5))},
                ),
                mutants={"in the plain norm": lambda matrix, weight: theory.contraction_margin(matrix)},
            ),
            Ordered(
                label="operators that depend on the error, worst disturbances",
                lower=_worst,
                upper=lambda last, noise: theory.contraction_bound(
                    np.arange(last + 1), margin=_margin(), start=_norm(np.array([1.0, -2.0]), WEIGHT), noise=noise
                ),
                bound="upper",
                cases=({"last": 40, "noise": 0.3}, {"last": 10, "noise": 0.0}),
            ),
            Sampled(
                label="a multiple of the identity attains the bound",
                predict=_bound,
                draw=_plain,
                sd=_plain_sd,
                skewness=2.0,
                cases=(
                    {"t": 3, "margin": 0.3, "start": 2.0, "noise": 0.5},
                    {"t": 40, "margin": 0.1, "start": 5.0, "noise": 1.0},
                ),
                size=40000,
                mutants={
                    "disturbances forgotten": lambda t, margin, start, noise: (1 - margin) ** t * start**2,
                    "all in one direction": lambda t, margin, start, noise: (
                        theory.contraction_bound(t, margin=margin, start=start, noise=noise) ** 2
                    ),
                },
            ),
            Sampled(
                label="operators that depend on the error, normal disturbances",
                predict=lambda t, noise: _bound(t, _margin(), float(_norm(np.array([1.0, -2.0]), WEIGHT)), noise),
                draw=_nonlinear,
                sd=lambda t, noise: 3 * _bound(t, _margin(), float(_norm(np.array([1.0, -2.0]), WEIGHT)), noise),
                side="above",
                cases=({"t": 2, "noise": 0.2}, {"t": 20, "noise": 0.5}),
                size=8000,
            ),
            Limit(
                label="with a constant disturbance the error tends to a positive number",
                value=lambda t, margin: _bound(t, margin, 1.0, 1.0),
                asymptote=lambda t, margin: 1 / margin,
                along=(20, 30, 40, 50, 60),
                remainder=lambda t: 0.7**t,
                name="t",
                cases=({"margin": 0.3},),
                mutants={"of the norm": lambda t, margin: 1 / (1 - math.sqrt(1 - margin)) ** 2},
            ),
        ),
        remark=(
            "That errors vanish with samples of constant size needs disturbances that vanish; a constant mean square "
            "leaves s^2/c. The neural filter that is to learn the condition is not part of the statement."
        ),
        tags=("stability", "filter"),
    ),
)
