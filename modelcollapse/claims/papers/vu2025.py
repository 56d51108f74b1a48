r"""Vu, Reeves and Wenger (2025), What happens when generative AI models train recursively on each others' outputs?

Several models whose training sets contain each other's output. In a linear Gaussian setting the means follow a matrix
recursion, and so do their covariances: what is exchanged is shared, and makes the models alike. Checked on means of
known variance, drawn point by point.
"""

from __future__ import annotations

import numpy as np

from modelcollapse.claims.checks import Computed, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind

TRUTHS = (1.0, -1.0, 0.5)
#: points of each model's training set: rows, by model; columns, from model 1, 2, 3 and real ones
POINTS = ((2, 4, 2, 4), (6, 0, 1, 5), (0, 3, 3, 3))


def _shares(points):
    points = np.asarray(points, dtype=float)
    share = points / points.sum(axis=1, keepdims=True)
    return share[:, :-1], share[:, -1], 1 / points.sum(axis=1)


def _mean(truths, points, t):
    """Expected means after t rounds; the models begin at their own truths."""
    W, real, _ = _shares(points)
    mean = np.asarray(truths, dtype=float)
    for _ in range(t):
        mean = W @ mean + real * np.asarray(truths)
    return mean


def _covariance(truths, points, t):
    W, _, noise = _shares(points)
    cov = np.zeros_like(W)
    for _ in range(t):
        cov = W @ cov @ W.T + np.diag(noise)
    return cov


def _limit(truths, points):
    W, real, _ = _shares(points)
    return np.linalg.solve(np.eye(len(W)) - W, real * np.asarray(truths))


def _draw(size, rng, truths, points, t):
    """Draw every training set point by point, of variance one about the means of where they come from."""
    means = np.tile(np.asarray(truths, dtype=float), (size, 1))
    for _ in range(t):
        new = np.empty_like(means)
        for i, row in enumerate(points):
            centres = np.repeat(np.column_stack([means, np.full(size, truths[i])]), row, axis=1)
            new[:, i] = (centres + rng.standard_normal(centres.shape)).mean(axis=1)
        means = new
    return means


def _products(size, rng, truths, points, t):
    off = _draw(size, rng, truths, points, t) - _mean(truths, points, t)
    return np.einsum("ri,rj->rij", off, off)


def _product_sd(truths, points, t):
    cov = _covariance(truths, points, t)
    scale = np.diag(cov)
    return np.sqrt(np.outer(scale, scale) + cov**2)


def _two(swap, start, t):
    """Difference of two models with a share of each other's points, after t rounds."""
    points = np.array([[0, swap, 1 - swap], [swap, 0, 1 - swap]])
    mean = _mean((start / 2, -start / 2), points, t)
    return mean[0] - mean[1]


CLAIMS = (
    Claim(
        id="vu-mutual-training",
        title="Models trained on each other's output become alike",
        statement=(
            "If every training set holds fixed numbers of points of every model and real ones, the expected means and "
            "their covariances follow linear recursions, which converge if every model has some real data. Two models "
            "that exchange a share w of their data end with (1-w)/(1+w) of the difference of their truths."
        ),
        formula=(
            r"E m_{t+1} = W\,E m_t + \mathrm{diag}(f)\,\mu, \qquad C_{t+1} = W C_t W^\top + "
            r"\sigma^2\mathrm{diag}(1/n_i), \qquad \Delta_\infty = \frac{1-w}{1+w}\,\Delta\mu"
        ),
        assumptions="Means of known variance; W and f the shares of points by origin.",
        source=("vu2025",),
        locus="linear Gaussian surrogate (summary); the case of means worked out here",
        kind=Kind.ASYMPTOTIC,
        simulation="Three models that train on each other, point by point.",
        checks=(
            Sampled(
                label="means of three models",
                predict=_mean,
                draw=_draw,
                sd=lambda truths, points, t: np.sqrt(np.diag(_covariance(truths, points, t))),
                skewness=0.0,
                cases=({"truths": TRUTHS, "points": POINTS, "t": 2}, {"truths": TRUTHS, "points": POINTS, "t": 15}),
                size=20000,
                mutants={"on their own": lambda truths, points, t: np.asarray(truths)},
            ),
            Sampled(
                label="their covariances",
                predict=_covariance,
                draw=_products,
                sd=_product_sd,
                skewness=3.0,
                cases=({"truths": TRUTHS, "points": POINTS, "t": 2}, {"truths": TRUTHS, "points": POINTS, "t": 15}),
                size=40000,
                mutants={
                    "independent models": lambda truths, points, t: np.diag(np.diag(_covariance(truths, points, t)))
                },
            ),
            Computed(
                label="the limit solves a linear system",
                predict=_limit,
                other=lambda truths, points: _mean(truths, points, 400),
                cases=({"truths": TRUTHS, "points": POINTS}, {"truths": (3.0, 0.0), "points": ((0, 9, 1), (5, 0, 5))}),
            ),
            Computed(
                label="two models that exchange a share of their data",
                predict=lambda swap, start: start * (1 - swap) / (1 + swap),
                other=lambda swap, start: _two(swap, start, 1000),
                cases=({"swap": 0.5, "start": 2.0}, {"swap": 0.95, "start": 1.0}, {"swap": 0.05, "start": 1.0}),
                mutants={"1 - w": lambda swap, start: start * (1 - swap)},
            ),
            Ordered(
                label="exchange makes them alike: the difference falls with its share",
                lower=lambda start: np.array([_two(w, start, 3000) for w in (0.2, 0.4, 0.6, 0.8, 0.99)]),
                upper=lambda start: np.array([_two(w, start, 3000) for w in (0.0, 0.2, 0.4, 0.6, 0.8)]),
                bound="upper",
                cases=({"start": 1.0},),
            ),
        ),
        remark=(
            "The experiments with language models need those models; the paper's general matrices are not in the "
            "statement."
        ),
        tags=("several models", "gaussian"),
    ),
)
