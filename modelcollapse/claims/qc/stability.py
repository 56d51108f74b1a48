"""Second readings of the stability of iterative retraining: thresholds, rates, and the loops in which they are exact.

Claims: bertrand-stability, ferbach-thm2.2-stability, gillman-correction, fu-tv-bounds. (contraction-filters and the
finite-sample terms have constants that are not in the statements.)

The routes. The exact factors are measured on the loop itself: a Bernoulli model is refitted by solving the score
equation of the mixed objective in its natural parameter, with forty digits, and the error after is divided by the
error before. Thresholds are found as roots of the rates (where the rate is 1), not from their formulas. Rates
themselves are exact fractions.

Parameters: ratio is lambda, the number of synthetic over the number of real points; concavity alpha, lipschitz L and
misfit epsilon are the constants of the assumptions; correction is gamma.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from modelcollapse.claims.qc.reading import second_reading


def _size(rng, low=-3, high=3):
    """A positive number spread over the orders of magnitude."""
    return float(10 ** rng.uniform(low, high))


def _draw_constants(rng):
    misfit = float(rng.choice([0.0, _size(rng)]))
    return {"concavity": _size(rng), "lipschitz": _size(rng), "misfit": misfit}


def _load(concavity, lipschitz, misfit):
    """1 + L epsilon / alpha."""
    return 1 + Fraction(lipschitz) * Fraction(misfit) / Fraction(concavity)


def _draw_stable(rng):
    """Constants and a ratio for which the condition holds, up to its edge."""
    constants = _draw_constants(rng)
    edge = float(1 / (2 * _load(**constants)))
    return {**constants, "ratio": edge * float(rng.choice([rng.uniform(0, 1), 1 - 1e-6, 1e-6]))}


def _contraction(ratio, concavity, lipschitz, misfit):
    """The rate of Bertrand et al. in exact fractions."""
    pull = Fraction(ratio) * (Fraction(concavity) + Fraction(misfit) * Fraction(lipschitz))
    return pull / (Fraction(concavity) - pull)


@second_reading("bertrand-stability", draw=_draw_stable, route="exact fractions", rtol=1e-13)
def bertrand_rate(ratio, concavity, lipschitz, misfit):
    """Rate lambda (alpha + epsilon L) / (alpha - lambda (alpha + epsilon L))."""
    return float(_contraction(ratio, concavity, lipschitz, misfit))


def _crossing(rate):
    """The ratio at which an increasing rate reaches 1, the rate being infinite or negative beyond its pole."""
    import mpmath

    with mpmath.workdps(40):
        low, high = mpmath.mpf(0), mpmath.mpf(1)  # rates here have crossed or lost their pole before lambda = 1
        for _ in range(120):
            middle = (low + high) / 2
            value = rate(middle)
            low, high = (middle, high) if 0 <= value < 1 else (low, middle)
        return float(low)


@second_reading(
    "bertrand-stability", draw=_draw_constants, route="root of rate = 1 by bisection, forty digits", rtol=1e-12
)
def bertrand_threshold(concavity, lipschitz, misfit):
    """1 / (2 (1 + L epsilon / alpha)), the largest lambda of the sufficient condition."""
    import mpmath

    with mpmath.workdps(40):
        a, pull = mpmath.mpf(concavity), mpmath.mpf(concavity) + mpmath.mpf(misfit) * mpmath.mpf(lipschitz)
        return _crossing(lambda ratio: ratio * pull / (a - ratio * pull) if ratio * pull != a else mpmath.inf)


def _refit(real, synthetic, ratio):
    """Mean of the Bernoulli model that maximises E_real log p + ratio E_synthetic log p, by its score equation."""
    import mpmath

    def score(eta):
        mean = 1 / (1 + mpmath.exp(-eta))
        return real - mean + ratio * (synthetic - mean)

    low, high = mpmath.mpf(-50), mpmath.mpf(50)
    eta = mpmath.findroot(score, (low, high), solver="anderson", tol=mpmath.mpf(10) ** -60, maxsteps=400)
    return 1 / (1 + mpmath.exp(-eta))


def _draw_loop(rng):
    return {"ratio": _size(rng, -4, 4), "real": float(rng.uniform(0.02, 0.98)), "start": float(rng.uniform(0.02, 0.98))}


@second_reading(
    "bertrand-stability", draw=_draw_loop, route="Bernoulli loop by its score equation, forty digits", rtol=1e-12
)
def exact_factor_measured(ratio, real, start):
    """Factor lambda / (1 + lambda) of the error of one retraining, wherever the real mean and the model are."""
    import mpmath

    with mpmath.workdps(40):
        real, start, ratio = mpmath.mpf(real), mpmath.mpf(start), mpmath.mpf(ratio)
        return float((_refit(real, start, ratio) - real) / (start - real))


@second_reading("ferbach-thm2.2-stability", draw=lambda rng: {**_draw_sharper(rng), "t": int(rng.integers(0, 60))},
                route="exact fractions", rtol=1e-12)  # fmt: skip
def ferbach_rate(ratio, concavity, lipschitz, misfit, t):
    """Order (lambda (alpha + epsilon L) / (alpha + lambda (alpha - epsilon L)))^(2t) of the KL after t rounds."""
    r, a, e = Fraction(ratio), Fraction(concavity), Fraction(misfit) * Fraction(lipschitz)
    return float((r * (a + e) / (a + r * (a - e))) ** (2 * t))


def _draw_sharper(rng):
    """L epsilon < alpha and lambda < alpha / (2 L epsilon)."""
    concavity, lipschitz = _size(rng), _size(rng)
    share = float(rng.choice([0.0, rng.uniform(0, 1), 1e-6]))
    misfit = share * 0.999 * concavity / lipschitz
    edge = concavity / (2 * lipschitz * misfit) if misfit else 100.0
    return {
        "concavity": concavity,
        "lipschitz": lipschitz,
        "misfit": misfit,
        "ratio": edge * float(rng.uniform(0, 0.999)),
    }


@second_reading("ferbach-thm2.2-stability", draw=lambda rng: {"concavity": _size(rng), "lipschitz": (s := _size(rng)),
                                                              "misfit": _size(rng) / s},
                route="solution of rate = 1, linear in lambda, exact fractions", rtol=1e-13)  # fmt: skip
def ferbach_threshold(concavity, lipschitz, misfit):
    """Largest lambda, alpha / (2 L epsilon): lambda (a + e) = a + lambda (a - e) (misfit 0: no limit)."""
    a, e = Fraction(concavity), Fraction(misfit) * Fraction(lipschitz)
    return float(a / ((a + e) - (a - e)))


def _draw_corrected(rng):
    correction = float(rng.choice([0.0, _size(rng)]))
    constants = _draw_constants(rng)
    edge = float((1 + Fraction(correction)) / (2 + Fraction(correction)) / _load(**constants))
    return {**constants, "correction": correction, "ratio": edge * float(rng.choice([rng.uniform(0, 1), 1 - 1e-6]))}


@second_reading("gillman-correction", draw=_draw_corrected, route="exact fractions", rtol=1e-12)
def gillman_rate(ratio, concavity, lipschitz, misfit, correction):
    """Rate (a / (1 + gamma)) / (1 - a), a = lambda (1 + L epsilon / alpha)."""
    a = Fraction(ratio) * _load(concavity, lipschitz, misfit)
    return float(a / (1 + Fraction(correction)) / (1 - a))


@second_reading("gillman-correction", draw=lambda rng: {**_draw_constants(rng), "correction": float(
                    rng.choice([0.0, _size(rng, -3, 6)]))},
                route="root of rate = 1 by bisection, forty digits", rtol=1e-12)  # fmt: skip
def gillman_threshold(concavity, lipschitz, misfit, correction):
    """(1 + gamma) / (2 + gamma) / (1 + L epsilon / alpha), the largest lambda of the condition."""
    import mpmath

    with mpmath.workdps(40):
        load = 1 + mpmath.mpf(lipschitz) * mpmath.mpf(misfit) / mpmath.mpf(concavity)
        weight = 1 + mpmath.mpf(correction)
        return _crossing(lambda r: r * load / weight / (1 - r * load) if r * load != 1 else mpmath.inf)


@second_reading("gillman-correction", draw=lambda rng: {**_draw_loop(rng), "correction": float(
                    rng.choice([0.0, _size(rng, -3, 4)]))},
                route="Bernoulli loop by its score equation, forty digits", rtol=1e-12)  # fmt: skip
def corrected_factor_measured(ratio, correction, real, start):
    """Factor lambda / ((1 + lambda) (1 + gamma)): the model is pulled to the optimum, then mixed in and refitted."""
    import mpmath

    with mpmath.workdps(40):
        real, start, ratio, g = (mpmath.mpf(x) for x in (real, start, ratio, correction))
        corrected = (start + g * real) / (1 + g)
        return float((_refit(real, corrected, ratio) - real) / (start - real))


@second_reading("fu-tv-bounds",
                draw=lambda rng: {"real": float(rng.choice([0.0, 1.0, rng.uniform(0, 1), _size(rng, -6, -1)])),
                                                  "t": int(rng.integers(0, 80)),
                                                  "start": tuple(rng.dirichlet(np.ones(4))),
                                                  "data": tuple(rng.dirichlet(np.ones(4)))},
                route="mixing step by step, exact fractions", rtol=1e-13)  # fmt: skip
def mixed_total_variation(real, t, start, data):
    """(1 - alpha)^t TV(start, data): p becomes alpha data + (1 - alpha) p, t times."""
    a = Fraction(real)
    data = [Fraction(x) for x in data]
    p = [Fraction(x) for x in start]
    for _ in range(t):
        p = [a * d + (1 - a) * x for d, x in zip(data, p, strict=True)]
    return float(sum(abs(x - d) for x, d in zip(p, data, strict=True)) / 2)
