r"""Yi et al. (2025), Escaping model collapse via synthetic data verification.

A verifier keeps a point if it is near its own opinion. The loop then goes to that opinion, at a rate that is the
variance of a normal law cut at plus and minus b: the same number three times over (`verifier_contraction`). Checked by
drawing cut points, round after round, and by the exact moments of one round.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind

OFFSETS = np.concatenate([-np.geomspace(1e-3, 20, 30)[::-1], np.geomspace(1e-3, 20, 30)])


def _moments(offset, half_width, n):
    """Mean and mean square, about the verifier, of the mean of n accepted points."""
    mean, variance = theory.verifier_moments(offset, half_width)
    return np.array([mean, mean**2 + variance / n])


def _round_sd(offset, half_width, n):
    """Of the mean, and a bound for its square: within [-b, b] a square moves at most 2b times as fast."""
    sd = math.sqrt(theory.verifier_moments(offset, half_width)[1] / n)
    return np.array([sd, 2 * half_width * sd])


def _accepted(size, rng, offset, half_width, n, noise=1.0):
    """Draw until n points of every chain are accepted: rejection, literally."""
    offset = np.broadcast_to(offset, (size,))
    out = np.empty((size, n))
    todo = np.ones((size, n), dtype=bool)
    while todo.any():
        rows = np.nonzero(todo)[0]
        x = offset[rows] + noise * rng.standard_normal(len(rows))
        good = np.abs(x) <= half_width * noise
        where = np.nonzero(todo)
        out[where[0][good], where[1][good]] = x[good]
        todo[where[0][good], where[1][good]] = False
    return out


def _one_round(size, rng, offset, half_width, n):
    mean = _accepted(size, rng, offset, half_width, n).mean(axis=1)
    return np.column_stack([mean, mean**2])


def _rounds(size, rng, offset, half_width, n, t):
    """Squared distance from the verifier after t rounds."""
    from scipy.special import ndtr, ndtri

    d = np.full(size, float(offset))
    for _ in range(t):
        low, high = ndtr(-half_width - d), ndtr(half_width - d)  # accepted points, by inversion
        d += ndtri(low[:, None] + (high - low)[:, None] * rng.random((size, n))).mean(axis=1)
    return d**2


def _bound(offset, half_width, n, t):
    return theory.verifier_error_bound(n, half_width, t, initial=offset**2)[t]


def _sum(half_width, sizes, parameters, variance, initial):
    """The published sum, term by term."""
    rho, k = float(theory.verifier_contraction(half_width)), len(sizes)
    terms = (rho ** (2 * (k - j) - 1) / size for j, size in enumerate(sizes))
    return rho ** (2 * k) * initial + parameters * variance * math.fsum(terms)


def _published(rho, start, p, variance, sizes):
    k = len(sizes)
    return rho ** (2 * k) * start + p * variance * math.fsum(
        rho ** (2 * (k - j) - 1) / size for j, size in enumerate(sizes)
    )


def _curved(half_width, n):
    """Return a bound on what linearising the map leaves out of the stationary mean square, to second order in 1/n.

    With g(d) = rho d + c d^3/6 and g' = V the fixed point moves by (c rho/3) E d^4 + c E d^2/(2n), where E d^4 is about
    3 (E d^2)^2.
    """
    h = 0.05
    c = 2 * (float(theory.verifier_moments(h, half_width)[1]) - float(theory.verifier_contraction(half_width))) / h**2
    rho = float(theory.verifier_contraction(half_width))
    V = float(theory.verifier_error_limit(n, half_width))
    return 1.5 * abs(c) * (rho * V**2 + V / (2 * n)) / (1 - rho**2)


CLAIMS = (
    Claim(
        id="yi-verifier-center",
        title="A verifier pulls the loop to its own centre",
        statement=(
            "If only points within b noise standard deviations of the verifier's opinion are used, the squared "
            "distance from that opinion is at most rho^(2k) times what it was plus a sum of noise; rho is the "
            "variance of a normal law cut at plus and minus b. With n accepted points per round it settles at rho/(n "
            "(1 - rho^2))."
        ),
        formula=(
            r"E\|\hat\theta_k-\theta_c\|^2 \le \rho^{2k}E\|\hat\theta_0-\theta_c\|^2+p\sigma^2\sum_{j<k}"
            r"\frac{\rho^{2(k-j)-1}}{n_j}, \qquad \rho(b) = 1-\frac{2b\,\varphi(b)}{2\Phi(b)-1}"
        ),
        assumptions=(
            "Orthonormal design (here a location, p = 1); noise of known variance; round 0 is the first estimate."
        ),
        source=("yi2025",),
        locus="Theorem 4.1, Eq. 7; rho and the stationary value derived",
        kind=Kind.BOUND,
        theory=(
            theory.verifier_contraction,
            theory.verifier_moments,
            theory.verifier_acceptance,
            theory.verifier_error_bound,
            theory.verifier_error_limit,
            theory.verified_limit,
        ),
        simulation="Points drawn until n of them are accepted, their mean, and so on.",
        checks=(
            Sampled(
                label="mean and mean square after one round",
                predict=_moments,
                draw=_one_round,
                sd=_round_sd,
                skewness=2.0,
                cases=(
                    {"offset": 1.0, "half_width": 1.3, "n": 6},
                    {"offset": 2.0, "half_width": 0.7, "n": 3},
                    {"offset": 0.2, "half_width": 2.5, "n": 20},
                ),
                size=60000,
                mutants={
                    "linear map": lambda offset, half_width, n: (
                        np.array([1, 0]) * offset * theory.verifier_contraction(half_width)
                        + np.array([0, 1]) * _moments(offset, half_width, n)
                    ),
                    "noise not cut": lambda offset, half_width, n: (
                        _moments(offset, half_width, n) * np.array([1, 0])
                        + np.array([0, 1]) * (theory.verifier_moments(offset, half_width)[0] ** 2 + 1 / n)
                    ),
                },
            ),
            Ordered(
                label="the map contracts by rho everywhere, and rho bounds the noise",
                lower=lambda b: np.concatenate([np.abs(_g(b)[0]), _g(b)[1]]),
                upper=lambda b: float(theory.verifier_contraction(b)) * np.concatenate([np.abs(OFFSETS), np.ones(60)]),
                bound="upper",
                cases=({"b": 1.3}, {"b": 0.01}, {"b": 4.0}),
                rtol=1e-9,
            ),
            Ordered(
                label="one round against the bound, exactly",
                lower=lambda b, sizes: np.concatenate([_g(b)[0] ** 2 + _g(b)[1] / n for n in sizes]),
                upper=lambda b, sizes: np.concatenate(
                    [[theory.verifier_error_bound(n, b, 1, initial=d**2)[1] for d in OFFSETS] for n in sizes]
                ),
                bound="upper",
                cases=({"b": 1.3, "sizes": (1, 10, 1000)}, {"b": 3.0, "sizes": (1, 100)}),
                rtol=1e-9,
                mutants={
                    "even power of rho": lambda b, sizes: np.concatenate(
                        [[float(theory.verifier_contraction(b)) ** 2 * (d**2 + 1 / n) for d in OFFSETS] for n in sizes]
                    )
                },
            ),
            Sampled(
                label="several rounds against the bound",
                predict=_bound,
                draw=_rounds,
                bounds=lambda offset, half_width, n, t: (0.0, half_width**2),
                side="above",
                cases=(
                    {"offset": 0.5, "half_width": 1.3, "n": 20, "t": 2},
                    {"offset": 2.0, "half_width": 1.0, "n": 4, "t": 3},
                ),
                size=20000,
                mutants={"nothing left": lambda offset, half_width, n, t: 0.0},
            ),
            Computed(
                label="the sum of the theorem, round by round",
                predict=_sum,
                other=lambda half_width, sizes, parameters, variance, initial: theory.verifier_error_bound(
                    sizes, half_width, len(sizes), parameters=parameters, variance=variance, initial=initial
                )[-1],
                cases=(
                    {"half_width": 1.3, "sizes": (10, 20, 40), "parameters": 3, "variance": 0.5, "initial": 2.0},
                    {"half_width": 3.0, "sizes": (5,) * 30, "parameters": 1, "variance": 1.0, "initial": 0.0},
                ),
            ),
            Sampled(
                label="stationary mean square about the verifier",
                predict=lambda half_width, n: theory.verifier_error_limit(n, half_width),
                draw=lambda size, rng, half_width, n: _rounds(size, rng, 0.0, half_width, n, 7),
                sd=lambda half_width, n: 1.5 * float(theory.verifier_error_limit(n, half_width)),
                skewness=3.0,
                remainder=lambda half_width, n: _curved(half_width, n),
                cases=({"half_width": 1.0, "n": 30}, {"half_width": 1.3, "n": 40}),
                size=30000,
                mutants={
                    "noise not cut": lambda half_width, n: (
                        theory.verifier_error_limit(n, half_width) / theory.verifier_contraction(half_width)
                    )
                },
            ),
            Limit(
                label="a strict verifier: rho is b^2/3",
                value=lambda n: theory.verifier_contraction(1 / n),
                asymptote=lambda n: 1 / (3 * n**2),
                along=(4, 8, 16, 32),
                remainder=lambda n: 1 / n**2,
                name="1/b",
            ),
        ),
        second={
            "verifier_contraction": lambda half_width: theory.verifier_contraction(half_width),
            "verifier_acceptance": lambda half_width: theory.verifier_acceptance(half_width),
            "verifier_mean_map": lambda offset, half_width: theory.verifier_moments(offset, half_width)[0],
            "verifier_stationary_error": lambda p, n, variance, half_width: theory.verifier_error_limit(
                n, half_width, parameters=p, variance=variance
            ),
            "verifier_bound": _published,
        },
        tags=("filter", "verifier"),
    ),
)


def _g(b):
    """Mean and variance of an accepted point at all offsets."""
    return theory.verifier_moments(OFFSETS, b)
