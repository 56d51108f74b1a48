r"""Dowson and Landau (1982), The Frechet distance between multivariate normal distributions; and other distances.

Squared Wasserstein-2 distance, as it is called here, has a closed form for two Gaussians; so have their divergence and,
for mixtures of them, the squared L2 distance of the densities. Checked by matrix square roots, by points that are moved
by the best linear map, by mean log ratios of densities, and by integration.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import xarray as xr

from modelcollapse import metrics
from modelcollapse.claims.checks import Computed, Sampled
from modelcollapse.claims.claim import Claim, Kind

#: a covariance without symmetries
COV = ((4.0, 1.0, 0.5), (1.0, 2.0, -0.3), (0.5, -0.3, 0.5))


def _run(models, family):
    """Write models down as a run: the truth first, then one fit; models are dicts of arrays."""
    dims = {"mean": ("dim",), "cov": ("dim", "dim_"), "log_variance": ("dim",)}
    if family == "GaussianMixture":
        dims = {"weight": ("component",), "mean": ("component", "dim"), "cov": ("component", "dim", "dim_")}
    data = {
        name: (("replicate", "generation", *axes), np.stack([model[name] for model in models])[None])
        for name, axes in dims.items()
    }
    attrs = {"truth": "model", "family": family, "family_options": '{"estimator": "mle"}'}
    return xr.Dataset(data, {"replicate": [0], "generation": [0, 1]}, attrs)


def _two(mean_p, cov_p, mean_q, cov_q):
    """Write two Gaussians down, q as the truth; a flat covariance has a log variance of minus infinity."""
    with np.errstate(divide="ignore"):
        models = [
            {"mean": np.asarray(m), "cov": np.asarray(c), "log_variance": np.log(np.diagonal(c))}
            for m, c in ((mean_q, cov_q), (mean_p, cov_p))
        ]
    return _run(models, "Gaussian")


def _last(measure):
    return float(measure.values[0, 1])


def _w2(mean_p, cov_p, mean_q, cov_q):
    return _last(metrics.w2_squared(_two(mean_p, cov_p, mean_q, cov_q)))


def _kl(mean_p, cov_p, mean_q, cov_q):
    return _last(metrics.kl(_two(mean_p, cov_p, mean_q, cov_q)))


def _l2(weights_p, means_p, covs_p, weights_q, means_q, covs_q):
    """Pad the mixture with fewer components by some of weight 0."""
    size = max(len(weights_p), len(weights_q))
    models = []
    for weight, mean, cov in ((weights_q, means_q, covs_q), (weights_p, means_p, covs_p)):
        more = size - len(weight)
        models.append(
            {
                "weight": np.concatenate([weight, np.zeros(more)]),
                "mean": np.concatenate([mean, np.repeat(mean[:1], more, axis=0)]),
                "cov": np.concatenate([cov, np.repeat(cov[:1], more, axis=0)]),
            }
        )
    return _last(metrics.l2_squared(_run(models, "GaussianMixture")))


#: two Gaussians, by name
PAIRS = {
    "plane": ((1.0, -0.5, 0.2), COV, (0.0, 0.3, 0.0), ((1.0, -0.4, 0.0), (-0.4, 1.5, 0.2), (0.0, 0.2, 0.8))),
    "line": ((0.7,), ((2.0,),), (-0.4,), ((0.3,),)),
    "near": ((0.0, 0.0), ((1.0, 0.1), (0.1, 1.0)), (0.01, 0.0), ((1.01, 0.1), (0.1, 1.0))),
}


def _pair(pair):
    return tuple(np.array(x) for x in PAIRS[pair])


def _bures(pair):
    """The formula with matrix square roots."""
    from scipy.linalg import sqrtm

    a, A, b, B = _pair(pair)
    root = sqrtm(A)
    return float((a - b) @ (a - b) + np.trace(A + B - 2 * np.real(sqrtm(root @ B @ root))))


def _transported(size, rng, pair):
    """Squared length of the way of points of the first law under the best linear map to the second."""
    from scipy.linalg import sqrtm

    a, A, b, B = _pair(pair)
    root = sqrtm(A)
    back = np.linalg.inv(root)
    T = back @ np.real(sqrtm(root @ B @ root)) @ back
    x = rng.standard_normal((size, len(a))) @ root
    return ((x + a - b - x @ T) ** 2).sum(axis=1)


def _transported_sd(pair):
    """Of |delta + M x|^2 with x ~ N(0, A), M = I - T: a quadratic form in a normal vector."""
    from scipy.linalg import sqrtm

    a, A, b, B = _pair(pair)
    root = sqrtm(A)
    back = np.linalg.inv(root)
    M = np.eye(len(a)) - back @ np.real(sqrtm(root @ B @ root)) @ back
    C = M @ A @ M
    return math.sqrt(2 * np.trace(C @ C) + 4 * (a - b) @ C @ (a - b))


def _log_ratio(size, rng, pair):
    a, A, b, B = _pair(pair)
    x = a + rng.standard_normal((size, len(a))) @ np.linalg.cholesky(A).T

    def log(mean, cov):
        z = np.linalg.solve(np.linalg.cholesky(cov), (x - mean).T)
        return -(z**2).sum(axis=0) / 2 - np.linalg.slogdet(cov)[1] / 2

    return log(a, A) - log(b, B)


def _log_ratio_sd(pair):
    a, A, b, B = _pair(pair)
    M = np.eye(len(a)) - np.linalg.solve(B, A)
    z = np.linalg.solve(B, b - a)
    return math.sqrt(np.trace(M @ M) / 2 + z @ A @ z)


#: two mixtures on the line: weights, means, variances
ON_THE_LINE = (((0.3, 0.7), (-2.0, 1.0), (0.5, 1.0)), ((0.45, 0.55), (-1.5, 1.2), (0.7, 0.1)))


def _line_l2(swap):
    first, second = ON_THE_LINE[:: -1 if swap else 1]
    arrays = [(np.array(w), np.array(m)[:, None], np.array(v)[:, None, None]) for w, m, v in (first, second)]
    return _l2(*arrays[0], *arrays[1])


def _line_l2_integrated(swap):
    from scipy.integrate import quad

    def density(x, mixture):
        return sum(
            w * math.exp(-((x - m) ** 2) / 2 / v) / math.sqrt(2 * math.pi * v) for w, m, v in zip(*mixture, strict=True)
        )

    ends = (-14.0, -2.0, 0.0, 1.2, 3.0, 14.0)
    return sum(
        quad(lambda x: (density(x, ON_THE_LINE[0]) - density(x, ON_THE_LINE[1])) ** 2, low, high, epsabs=1e-14)[0]
        for low, high in pairwise(ends)
    )


DISTANCES = Claim(
    id="DIST",
    title="Distances between Gaussians and between mixtures of them",
    statement=(
        "Closed forms for the squared Wasserstein-2 distance and the divergence of two Gaussians, and for the squared "
        "L2 distance of the densities of two Gaussian mixtures."
    ),
    formula=(
        r"W_2^2 = |a-b|^2 + \mathrm{tr}\big(A+B-2(A^{1/2}BA^{1/2})^{1/2}\big),\quad KL = "
        r"\tfrac12\big[\mathrm{tr}(B^{-1}A) + (b-a)^\top B^{-1}(b-a) - d + \ln\tfrac{\det B}{\det A}\big],\quad \int "
        r"pq = \sum_{ij} a_ib_j\,\phi(m_i-m'_j; C_i+C'_j)"
    ),
    assumptions="Nats; the truth is the second argument.",
    source=("dowson1982", "shumailov2024"),
    locus="the mixture formula: the released code of Shumailov et al.",
    kind=Kind.EXACT,
    theory=(metrics.w2_squared, metrics.kl, metrics.l2_squared),
    simulation="Points moved by the best linear map; log ratios of densities at points that are drawn.",
    checks=(
        Computed(
            label="squared W2, by matrix square roots",
            predict=lambda pair: _w2(*_pair(pair)),
            other=_bures,
            cases=tuple({"pair": pair} for pair in PAIRS),
            rtol=1e-9,
        ),
        Computed(
            label="squared L2, by integration",
            predict=_line_l2,
            other=_line_l2_integrated,
            cases=({"swap": False}, {"swap": True}),
            rtol=1e-9,
        ),
        Sampled(
            label="squared W2 is what the best map costs",
            predict=lambda pair: _w2(*_pair(pair)),
            draw=_transported,
            sd=_transported_sd,
            cases=({"pair": "plane"}, {"pair": "line"}),
            size=100_000,
            mutants={"distance, not its square": lambda pair: math.sqrt(_w2(*_pair(pair)))},
        ),
        Sampled(
            label="divergence is the mean log ratio",
            predict=lambda pair: _kl(*_pair(pair)),
            draw=_log_ratio,
            sd=_log_ratio_sd,
            cases=({"pair": "plane"}, {"pair": "line"}),
            size=100_000,
            mutants={"reversed": lambda pair: _kl(*_pair(pair)[2:], *_pair(pair)[:2])},
        ),
    ),
    second={"squared_w2": _w2, "divergence": _kl, "squared_l2": _l2},
    tags=("gaussian", "divergence", "distance"),
)

CLAIMS = (DISTANCES,)
