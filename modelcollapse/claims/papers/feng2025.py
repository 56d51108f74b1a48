r"""Feng et al. (2025), Beyond model collapse: scaling up with synthesized data requires verification.

A share p of the synthetic labels is wrong, a filter keeps right ones with probability phi and wrong ones with psi. With
infinitely many points a linear classifier learns all or nothing. With n points the averaging classifier has an accuracy
that can be computed exactly (`exact_accuracy`); it is smooth, and so is the curve it tends to where d/n is fixed.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.verify import Status

#: numbers of one block of training sets
BUDGET = 1_000_000


def chi_rule(degrees: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of the law of a chi variable: trapezoidal rule in the logarithm."""
    y = math.log(degrees) / 2 + np.linspace(-12, 2.5, 301) / min(math.sqrt(degrees), 4)
    log = degrees * y - np.exp(2 * y) / 2
    weight = np.exp(log - log.max())
    keep = weight > 1e-17
    return np.exp(y[keep]), weight[keep] / weight[keep].sum()


@cache
def exact_accuracy(p, phi, psi, d, n) -> float:
    """Return the expected accuracy of the averaging classifier from n points before the filter, d >= 2.

    Given that N are kept, the component along the truth is a sum of N half-normals with signs: its density is a Fourier
    integral of the N-th power of their characteristic function. The others are normal of variance N.
    """
    from scipy.special import dawsn
    from scipy.stats import binom

    kept, tilt = (1 - p) * phi + p * psi, ((1 - p) * phi - p * psi) / ((1 - p) * phi + p * psi)
    mean = tilt * math.sqrt(2 / math.pi)
    s, a = np.arange(-14, 14.01, 0.1), np.arange(-11, 11.01, 0.2)
    waves = np.exp(-1j * np.outer(a, s)) * 0.1 * 0.2 / (2 * math.pi)
    chi, weight = chi_rule(d - 1)
    numbers = np.arange(1, n + 1)
    chance = binom.pmf(numbers, n, kept)
    out = 0.5 * (1 - kept) ** n
    for N in numbers[chance > 1e-13]:
        u = s / math.sqrt(N)
        one = np.exp(-(u**2) / 2) + 2j / math.sqrt(math.pi) * tilt * dawsn(u / math.sqrt(2))
        density = (waves @ (one**N * np.exp(-1j * s * mean * math.sqrt(N)))).real
        along = a + mean * math.sqrt(N)
        angle = np.arctan2(chi, -along[:, None]) @ weight / math.pi
        out += chance[N - 1] * float(density @ angle)
    return out


def _learn(size, rng, p, phi, psi, d, n):
    """Draw points, flip labels, filter, average; the accuracy of what has been learnt, an angle."""

    def block(count):
        x = rng.standard_normal((count, n, d))
        right = rng.random((count, n)) >= p
        keep = rng.random((count, n)) < np.where(right, phi, psi)
        label = np.where(right, 1.0, -1.0) * np.sign(x[..., 0]) * keep
        w = np.einsum("rn,rnd->rd", label, x)
        across = np.sqrt(np.square(w[:, 1:]).sum(axis=1))
        return np.where(keep.any(axis=1), np.arctan2(across, -w[:, 0]) / math.pi, 0.5)

    step = max(1, BUDGET // (n * d))
    return np.concatenate([block(min(step, size - done)) for done in range(0, size, step)])


def _smooth(p, phi, psi, d, n):
    return theory.filter_accuracy(p, phi, psi, n=n, dim=d)


def _width(n, phi, psi, ratio, accuracy=None):
    """Width in p over which the accuracy falls from 3/4 to 1/4, in units of the root of d/n."""
    from scipy.optimize import brentq

    dim = ratio * n if accuracy is None else accuracy
    point = theory.breakdown_point(phi, psi)
    reach = min(point, 1 - point) * 0.999

    def find(level):
        return brentq(
            lambda p: theory.filter_accuracy(p, phi, psi, n=n, dim=dim) - level,
            point - reach,
            point + reach,
            xtol=1e-15,
        )

    return (find(0.25) - find(0.75)) / math.sqrt(dim / n)


CLAIMS = (
    Claim(
        id="feng-breakdown-point",
        title="A filter works if it keeps more right labels than wrong ones",
        statement=(
            "If a filter keeps right labels with probability phi and wrong ones with psi, a linear classifier that "
            "learns from infinitely many filtered points is always right for p < 1/(1 + psi/phi) and always wrong "
            "beyond. With n points in d dimensions the averaging classifier has a smooth accuracy, one half at that "
            "point."
        ),
        formula=(
            r"p^* = \frac1{1+\psi/\phi}; \qquad \mathrm{acc} \approx 1-\frac1\pi\arccos\frac{\bar m}"
            r"{\sqrt{\bar m^2+\bar v d/n}}, \quad \bar m = [(1-p)\phi-p\psi]\sqrt{2/\pi},\ \bar v = (1-p)\phi+p\psi"
        ),
        assumptions="x standard normal, y = sign(w'x), labels flipped independently; the filter sees the labels.",
        source=("feng2025",),
        locus="Theorem 4.2 (infinite data); finite n derived",
        kind=Kind.EXACT,
        theory=(theory.breakdown_point, theory.filter_accuracy, theory.filtered_error),
        simulation="The averaging classifier, learnt from filtered points; the angle between it and the truth.",
        checks=(
            Sampled(
                label="accuracy learnt from a few points",
                predict=exact_accuracy,
                draw=_learn,
                bounds=(0.0, 1.0),
                cases=(
                    {"p": 0.3, "phi": 0.9, "psi": 0.3, "d": 5, "n": 40},
                    {"p": 0.75, "phi": 0.9, "psi": 0.3, "d": 3, "n": 40},
                    {"p": 0.8, "phi": 0.9, "psi": 0.4, "d": 10, "n": 60},
                ),
                size=20000,
                mutants={
                    "no filter": lambda p, phi, psi, d, n: exact_accuracy(p, 1.0, 1.0, d, n),
                    "rates swapped": lambda p, phi, psi, d, n: exact_accuracy(p, psi, phi, d, n),
                },
            ),
            Limit(
                label="the smooth curve, d = n/5",
                value=lambda n, p, phi, psi: exact_accuracy(p, phi, psi, int(n) // 5, int(n)),
                asymptote=lambda n, p, phi, psi: _smooth(p, phi, psi, int(n) // 5, int(n)),
                along=(100, 200, 400, 800),
                remainder=lambda n: 1 / n,
                cases=({"p": 0.3, "phi": 0.9, "psi": 0.3}, {"p": 0.85, "phi": 0.9, "psi": 0.3}),
                mutants={
                    "variance of what is not kept, too": lambda n, p, phi, psi: theory.filter_accuracy(
                        p, phi, psi, n=n, dim=n / 5 / ((1 - p) * phi + p * psi)
                    )
                },
            ),
            Limit(
                label="infinitely many points: all or nothing",
                value=lambda n, p, phi, psi: theory.filter_accuracy(p, phi, psi, n=n, dim=10),
                asymptote=lambda n, p, phi, psi: float(p < 1 / (1 + psi / phi)),
                along=(1e4, 1e5, 1e6, 1e7, 1e8),
                remainder=lambda n: n**-0.5,
                ratio=False,
                cases=({"p": 0.7, "phi": 0.9, "psi": 0.3}, {"p": 0.8, "phi": 0.9, "psi": 0.3}),
                mutants={"right is wrong": lambda n, p, phi, psi: float(p > 1 / (1 + psi / phi))},
            ),
            Computed(
                label="the point is where half of the kept labels are wrong",
                predict=lambda phi, psi: 0.5,
                other=lambda phi, psi: theory.filtered_error(1 / (1 + psi / phi), phi, psi),
                cases=({"phi": 0.9, "psi": 0.3}, {"phi": 0.2, "psi": 1.0}, {"phi": 1.0, "psi": 1e-6}),
            ),
        ),
        second={
            "breakdown_point": lambda phi, psi: theory.breakdown_point(phi, psi),
            "accuracy_infinite_data": lambda p, phi, psi: theory.filter_accuracy(p, phi, psi),
            "accuracy_finite_data": _smooth,
        },
        remark=(
            "The experiments with language models (many candidates per prompt, summaries) need those models and data."
        ),
        tags=("filter", "classification"),
    ),
    Claim(
        id="ERR-25",
        title="The jump at the breakdown point is a slope for finite n",
        statement="The accuracy is one below the breakdown point and zero above it.",
        formula=r"\mathrm{acc} = \mathbf 1\{p < p^*\}",
        assumptions="n filtered points in d dimensions.",
        source=("feng2025", "modelcollapse"),
        locus="Theorem 4.2, read at finite n",
        kind=Kind.CORRECTION,
        theory=(theory.filter_accuracy, theory.breakdown_point),
        simulation="The averaging classifier near the breakdown point.",
        printed="A sharp transition of the accuracy from 100 % to 0 % at p*.",
        holds=(
            "The theorem is about infinitely many points. With n points in d dimensions the accuracy is a slope of "
            "width about sqrt(d/n), and one half at p* for every n."
        ),
        checks=(
            Sampled(
                label="always right below the point, always wrong above",
                predict=lambda p, phi, psi, d, n: theory.filter_accuracy(p, phi, psi),
                draw=_learn,
                bounds=(0.0, 1.0),
                cases=(
                    {"p": 0.74, "phi": 0.9, "psi": 0.3, "d": 5, "n": 40},
                    {"p": 0.76, "phi": 0.9, "psi": 0.3, "d": 5, "n": 40},
                ),
                size=4000,
                scale=lambda **case: 1.0,
            ),
        ),
        correction=(
            Sampled(
                label="accuracy at finite n",
                predict=exact_accuracy,
                draw=_learn,
                bounds=(0.0, 1.0),
                cases=(
                    {"p": 0.74, "phi": 0.9, "psi": 0.3, "d": 5, "n": 40},
                    {"p": 0.76, "phi": 0.9, "psi": 0.3, "d": 5, "n": 40},
                ),
                size=10000,
            ),
            Limit(
                label="width of the slope in units of the root of d/n, d = 10",
                value=lambda n, phi, psi: _width(n, phi, psi, None, 10),
                asymptote=lambda n, phi, psi: (
                    2 * math.sqrt(theory.breakdown_point(phi, psi) * psi * math.pi) / (phi + psi)
                ),
                along=(1e4, 1e5, 1e6, 1e7),
                remainder=lambda n: 1 / n,
                cases=({"phi": 0.9, "psi": 0.3}, {"phi": 0.5, "psi": 0.4}),
            ),
        ),
        expected=Status.CONTRADICTED,
        tags=("filter", "classification", "erratum"),
    ),
)
