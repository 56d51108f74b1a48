r"""El Firdoussi et al. (2025), Maximizing the potential of synthetic data: insights from random matrix theory.

Real points and filtered synthetic ones together, in high dimension: the transition in the label noise of the synthetic
points is smooth. The paper treats ridge classifiers; checked is their limit of a large penalty, the average of labelled
points, on a mixture of two normal laws, where the accuracy for every n is a sum that can be done.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from modelcollapse.claims.checks import Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.feng2025 import BUDGET, chi_rule


def _rates(real, p, phi, psi):
    """Probabilities that a point is kept with the right label, and with the wrong one."""
    return real + (1 - real) * (1 - p) * phi, (1 - real) * p * psi


@cache
def _exact(real, p, phi, psi, length, d, n):
    """Expected accuracy on x = y mu + z, mu of a length: every number of right and wrong labels, two quadratures."""
    from scipy.interpolate import CubicSpline
    from scipy.special import ndtr
    from scipy.stats import binom

    good, bad = _rates(real, p, phi, psi)
    chi, weight = chi_rule(d - 1)
    z = np.linspace(-9, 9, 61)
    normal = np.exp(-(z**2) / 2)
    normal /= normal.sum()

    numbers = np.arange(1, n + 1)
    kept = binom.pmf(numbers, n, good + bad)
    numbers, kept = numbers[kept > 1e-13], kept[kept > 1e-13]
    wrong = np.arange(n + 1)
    split = binom.pmf(wrong, numbers[:, None], bad / (good + bad))
    offset = (numbers[:, None] - 2 * wrong) * length / np.sqrt(numbers[:, None])
    some = split > 1e-13
    low, high = offset[some].min(), offset[some].max()
    grid = np.arange(low - 0.2, high + 0.3, 0.1)
    along = (grid[:, None] + z)[..., None]
    value = (ndtr(length * along / np.hypot(along, chi)) @ weight) @ normal
    curve = CubicSpline(grid, value)
    inside = np.where(some, split * curve(np.clip(offset, low, high)), 0.0).sum(axis=1)
    return float(kept @ inside) + 0.5 * (1 - good - bad) ** n


def _smooth(real, p, phi, psi, length, d, n):
    from scipy.special import ndtr

    good, bad = _rates(real, p, phi, psi)
    m = (good - bad) * length
    return float(ndtr(length * m / math.sqrt(m**2 + (good + bad) * d / n)))


def _learn(size, rng, real, p, phi, psi, length, d, n):
    from scipy.special import ndtr

    def block(count):
        y = rng.choice([-1.0, 1.0], (count, n))
        x = rng.standard_normal((count, n, d))
        x[..., 0] += length * y
        human = rng.random((count, n)) < real
        right = human | (rng.random((count, n)) >= p)
        keep = human | (rng.random((count, n)) < np.where(right, phi, psi))
        w = np.einsum("rn,rnd->rd", np.where(right, y, -y) * keep, x)
        size_of = np.sqrt(np.square(w).sum(axis=1))
        return ndtr(length * np.divide(w[:, 0], size_of, out=np.zeros(count), where=size_of > 0))

    step = max(1, BUDGET // (n * d))
    return np.concatenate([block(min(step, size - done)) for done in range(0, size, step)])


CLAIMS = (
    Claim(
        id="firdoussi-rmt",
        title="With real points among filtered ones the transition is smooth",
        statement=(
            "A classifier that learns from real and filtered synthetic points in high dimension passes smoothly from "
            "good to bad as the synthetic label noise grows; real points move the breakdown point outwards."
        ),
        formula=(
            r"\mathrm{acc} \approx \Phi\bigg(\frac{m\lvert\mu\rvert^2}{\sqrt{m^2\lvert\mu\rvert^2+vd/n}}\bigg), \qquad "
            r"m = \pi+(1-\pi)[(1-p)\phi-p\psi],\ v = \pi+(1-\pi)[(1-p)\phi+p\psi]"
        ),
        assumptions=(
            "Two normal classes with means +-mu; every point real with probability pi; average of labelled points."
        ),
        source=("firdoussi2025", "feng2025"),
        locus="main result (words); the averaging classifier is worked out here",
        kind=Kind.ASYMPTOTIC,
        simulation="The average of kept points times their labels, on two normal classes.",
        checks=(
            Sampled(
                label="accuracy learnt from a few points",
                predict=_exact,
                draw=_learn,
                bounds=(0.0, 1.0),
                cases=(
                    {"real": 0.2, "p": 0.6, "phi": 0.9, "psi": 0.5, "length": 1.5, "d": 8, "n": 30},
                    {"real": 0.1, "p": 0.9, "phi": 0.8, "psi": 0.8, "length": 1.0, "d": 5, "n": 40},
                ),
                size=20000,
                mutants={"no real points": lambda real, **case: _exact(0.0, **case)},
            ),
            Limit(
                label="the smooth curve, d = n/5",
                value=lambda n, d, **case: _exact(**case, d=int(n) // 5, n=int(n)),
                asymptote=lambda n, d, **case: _smooth(**case, d=int(n) // 5, n=int(n)),
                along=(40, 80, 160, 320),
                remainder=lambda n: 1 / n,
                cases=(
                    {"real": 0.2, "p": 0.6, "phi": 0.9, "psi": 0.5, "length": 1.5, "d": "n/5"},
                    {"real": 0.1, "p": 0.95, "phi": 0.8, "psi": 0.8, "length": 1.0, "d": "n/5"},
                ),
                mutants={"no real points": lambda n, d, real, **case: _smooth(0.0, **case, d=int(n) // 5, n=int(n))},
            ),
            Ordered(
                label="at the breakdown point without real points, accuracy with some is above one half",
                lower=lambda phi, psi, shares: 0.5,
                upper=lambda phi, psi, shares: np.array(
                    [_exact(real, 1 / (1 + psi / phi), phi, psi, 1.0, 5, 40) for real in shares]
                ),
                bound="lower",
                cases=({"phi": 0.9, "psi": 0.3, "shares": (0.0, 1e-4, 0.1, 0.5)},),
                rtol=1e-6,
            ),
        ),
        remark="The deterministic equivalents of the paper for a finite ridge penalty are not in the statement.",
        tags=("filter", "classification", "real data"),
    ),
)
