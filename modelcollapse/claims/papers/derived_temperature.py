r"""Temperature in a loop of infinite samples: what can be said exactly.

Sampling at a temperature multiplies the gaps of logits, round by round (`temp-pure-power`). A share of uniform human
data holds the uniform state if it exceeds one minus the temperature; but among three outcomes and more a condensed
state lives on beyond, up to a first-order transition (`temp-critical-real-fraction`). Checked by rejection sampling,
by following orbits, by a direct search for the largest fraction, and by drawing batches from the condensed state.
"""

from __future__ import annotations

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind


def _alike(size, rng, p, power, t):
    """Draw at the temperature 1/power, t times over: power points that agree, of power points that agree, ..."""
    copies, out = power**t, np.empty(0, dtype=int)
    while len(out) < size:
        drawn = rng.choice(len(p), (4 * size, copies), p=p)
        out = np.concatenate([out, drawn[(drawn == drawn[:, :1]).all(axis=1), 0]])
    return out[:size, None] == np.arange(len(p))


def _orbit(p, tau, t):
    return theory.temperature_orbit(p, t, temperature=tau)[-1]


def _condensed_map(a, K, tau):
    """Share of the favoured outcome after the temperature."""
    ratio = np.exp((np.log1p(-a) - np.log(K - 1) - np.log(a)) / tau)
    return 1 / (1 + (K - 1) * ratio)


def _largest_fraction(K, tau):
    """Maximise the fraction that a condensed state needs, by grids that close in on it."""
    low, high = 1e-6, 60.0
    for _ in range(40):
        u = np.linspace(low, high, 401)
        a = 1 / (1 + (K - 1) * np.exp(-u))
        A = 1 / (1 + (K - 1) * np.exp(-u / tau))
        # A - a without cancellation, both close to one
        away = (K - 1) * (np.exp(-u) - np.exp(-u / tau)) * a * A
        fraction = away / ((1 - np.exp(-u / tau)) * (K - 1) / K * A)
        i = int(np.argmax(fraction))
        low, high = u[max(i - 1, 0)], u[min(i + 1, 400)]
    return fraction[i]


def _jacobian(K, tau):
    """Slope of the temperature map at the uniform law, one outcome against another, by a complex step."""
    h = 1e-30
    theta = np.full(K, 1 / K, dtype=complex)
    theta[:2] += np.array([1, -1]) * h * 1j
    power = theta ** (1 / tau)
    return (power / power.sum())[0].imag / h


def _ends_condensed(K, tau, real, rounds=2000):
    """Start next to a vertex; is one outcome still in favour in the end?"""
    a = 1 - 1e-9
    for _ in range(rounds):
        a = real / K + (1 - real) * float(_condensed_map(a, K, tau))
    return float(a > 1 / K + 1e-3)


def _batch(size, rng, K, n, tau, real, which):
    """Draw n tokens from an equilibrium, at the temperature or human; the share of the favoured outcome."""
    a = theory.temperature_equilibria(K, tau, real)[0][which]
    p = np.array([a, *[(1 - a) / (K - 1)] * (K - 1)])
    own = (np.log(p) / tau + rng.gumbel(size=(size, n, K))).argmax(axis=2)
    human = rng.random((size, n)) < real
    return np.where(human, rng.integers(K, size=(size, n)), own) == 0


def _critical(K, tau):
    return theory.critical_real_fraction(K, tau)


CLAIMS = (
    Claim(
        id="temp-pure-power",
        title="Rounds at a temperature multiply the logits",
        statement=(
            "Sampled at temperature tau and refitted with infinite samples, a law becomes its power tau^-t after t "
            "rounds: it concentrates on its likeliest outcomes for tau < 1, and evens out on its support for tau > 1."
        ),
        formula=r"p_t \propto p_0^{\tau^{-t}}, \qquad \ln\frac{p_{t,i}}{p_{t,j}} = \tau^{-t}\ln\frac{p_{0,i}}{p_{0,j}}",
        assumptions="Replace, infinite samples, every round at the temperature.",
        source=("modelcollapse", "marchi2024"),
        kind=Kind.EXACT,
        theory=(theory.tempered, theory.tempered_limit, theory.temperature_map, theory.temperature_orbit),
        simulation="Temperature 1/k by rejection: k independent draws that happen to agree; of those again, ...",
        checks=(
            Computed(
                label="round by round",
                predict=lambda p, tau, t: theory.tempered(p, t, temperature=tau),
                other=_orbit,
                cases=(
                    {"p": (0.5, 0.3, 0.2), "tau": 0.8, "t": 5},
                    {"p": (0.001, 0.989, 0.01), "tau": 3.0, "t": 4},
                    {"p": (0.26, 0.25, 0.25, 0.24), "tau": 0.95, "t": 60},
                ),
                rtol=1e-11,
                mutants={
                    "temperature inverted": lambda p, tau, t: theory.tempered(p, t, temperature=1 / tau),
                    "power t / tau": lambda p, tau, t: theory.temperature_map(p, tau / t),
                },
            ),
            Sampled(
                label="draws that agree",
                predict=lambda p, power, t: theory.tempered(p, t, temperature=1 / power),
                draw=_alike,
                cases=(
                    {"p": (0.6, 0.4), "power": 2, "t": 2},
                    {"p": (0.5, 0.3, 0.2), "power": 3, "t": 1},
                    {"p": (0.55, 0.45), "power": 2, "t": 3},
                ),
                size=40000,
                mutants={"one round": lambda p, power, t: theory.tempered(p, 1, temperature=1 / power)},
            ),
            Limit(
                label="the limit below one, at its geometric rate in t",
                value=lambda t, p, tau: theory.tempered(p, t, temperature=tau)[0],
                asymptote=lambda t, p, tau: theory.tempered_limit(p, temperature=tau)[0],
                along=(20, 24, 28, 32, 36),
                remainder=lambda t: 0.5**t,
                name="t",
                cases=({"p": (0.8, 0.15, 0.05), "tau": 2.0}, {"p": (0.3, 0.7, 0.0), "tau": 2.0}),
            ),
        ),
        second={
            "law_after_temperatures": lambda p, tau, t: theory.tempered(p, t, temperature=tau),
            "logit_gap_factor": lambda tau, t: tau ** -float(t),
        },
        tags=("temperature", "categorical", "replace"),
    ),
    Claim(
        id="temp-critical-real-fraction",
        title="How much human data keeps the uniform state, and when a condensed one survives",
        statement=(
            "With a share f of uniform human data the uniform state is locally stable for f > 1 - tau, whatever the "
            "number K of outcomes. For K = 2 that is all; for K >= 3 a condensed state coexists up to a larger f_c(K, "
            "tau), which tends to one as K grows."
        ),
        formula=(
            r"f_{\rm local} = 1-\tau, \qquad f_c = \max_{a>1/K}\frac{A-a}{A-1/K}, \quad "
            r"A = \frac{a^{1/\tau}}{a^{1/\tau}+(K-1)\big(\frac{1-a}{K-1}\big)^{1/\tau}}"
        ),
        assumptions="tau < 1, infinite samples; replace with human share f, or accumulate with mu = f/(1-f).",
        source=("modelcollapse", "marchi2024"),
        kind=Kind.EXACT,
        theory=(
            theory.critical_real_fraction,
            theory.critical_real_fraction_asymptotic,
            theory.temperature_equilibria,
        ),
        simulation="Batches of tokens drawn from the condensed equilibrium.",
        checks=(
            Computed(
                label="local threshold: one minus the inverse slope of the map",
                predict=lambda K, tau: _critical(K, tau)[0],
                other=lambda K, tau: 1 - 1 / _jacobian(K, tau),
                cases=({"K": 3, "tau": 0.8}, {"K": 2, "tau": 0.3}, {"K": 1000, "tau": 0.95}),
                rtol=1e-9,
            ),
            Computed(
                label="first-order threshold, by direct search",
                predict=lambda K, tau: _critical(K, tau)[1],
                other=_largest_fraction,
                cases=({"K": 3, "tau": 0.8}, {"K": 10, "tau": 0.5}, {"K": 10**6, "tau": 0.9}, {"K": 4, "tau": 0.1}),
                rtol=1e-9,
                mutants={"1 - tau": lambda K, tau: 1 - tau},
            ),
            Computed(
                label="orbits from a vertex stay condensed just below it and not above",
                predict=lambda K, tau, share: float(share < 1),
                other=lambda K, tau, share: _ends_condensed(K, tau, share * _critical(K, tau)[1]),
                cases=(
                    {"K": 10, "tau": 0.5, "share": 0.998},
                    {"K": 10, "tau": 0.5, "share": 1.002},
                    {"K": 3, "tau": 0.8, "share": 0.99},
                    {"K": 3, "tau": 0.8, "share": 1.01},
                ),
            ),
            Ordered(
                label="the transition is of first order: f_c > 1 - tau from K = 3 on",
                lower=lambda K: np.array([1 - tau for tau in (0.1, 0.5, 0.8, 0.99)]),
                upper=lambda K: np.array([_critical(K, tau)[1] for tau in (0.1, 0.5, 0.8, 0.99)]),
                bound="lower",
                cases=({"K": 3}, {"K": 100}, {"K": 2}),
            ),
            Limit(
                label="among very many outcomes f_c tends to one",
                value=lambda n, tau: 1 - _critical(int(n), tau)[1],
                asymptote=lambda n, tau: 1 - theory.critical_real_fraction_asymptotic(n, tau),
                along=(1e4, 1e5, 1e6, 1e7),
                remainder=lambda n: n**-0.5,
                name="K",
                cases=({"tau": 0.5},),
                mutants={"without its constant": lambda n, tau: n ** (tau - 1)},
            ),
            Sampled(
                label="tokens from the condensed equilibrium reproduce its share",
                predict=lambda K, n, tau, real, which: np.full(
                    n, theory.temperature_equilibria(K, tau, real)[0][which]
                ),
                draw=_batch,
                cases=(
                    {"K": 10, "n": 1, "tau": 0.5, "real": 0.6, "which": 2},
                    {"K": 3, "n": 1, "tau": 0.8, "real": 0.204, "which": 1},
                ),
                size=60000,
                mutants={
                    "another equilibrium": lambda K, n, tau, real, which: np.full(
                        n, theory.temperature_equilibria(K, tau, real)[0][which - 1]
                    )
                },
            ),
        ),
        second={
            "local_fraction": lambda k, tau: _critical(k, tau)[0],
            "local_ratio": lambda k, tau: _critical(k, tau)[0] / (1 - _critical(k, tau)[0]),
            "critical_fraction": lambda k, tau: _critical(k, tau)[1],
        },
        tags=("temperature", "categorical", "real data"),
    ),
)
