r"""Marchi et al. (2026), Preventing model collapse: a Fisher-Rao perspective.

With enough human data a closed loop at a temperature, disturbed, ends in a ball around its equilibrium; the paper gives
the ratio that is enough, a floor under every outcome, and radii in two metrics, of which the Euclidean one does not see
rare outcomes. Checked by integrating disturbed flows, the worst included, and along growing numbers of outcomes.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered
from modelcollapse.claims.claim import Claim, Kind


def _pair(least):
    """Return a law of two outcomes whose smaller probability is given."""
    return np.array([least, 1 - least])


def _radius(k, tau, delta, eta, kappa, mu, theta_min, theta_max):
    """Return the formula itself: the constants of a random test need not be those of one law."""
    held = kappa * (mu * delta - eta)
    steep = 1 / (tau * theta_min)
    return math.pi * eta * math.sqrt(k * theta_max) / (math.sqrt(2) * held * (1 - 2 * steep * theta_max / held))


def _equilibrium(target, tau, mu):
    """Follow the undisturbed flow until it stands still, by damped iteration."""
    theta = np.array(target, dtype=float)
    for _ in range(60):
        theta = (theory.temperature_map(theta, tau) + mu * np.asarray(target)) / (1 + mu)
    return theta


def _disturbance(kind, eta, K):
    """Return a disturbance of sum zero with components of at most eta, as a function of time."""
    towards = np.full(K, 1 / (K - 1))
    towards[0] = -1.0
    if kind == "against one":
        return lambda s: eta * towards
    if kind == "for one":
        return lambda s: -eta * towards
    wave = np.cos(2 * math.pi * np.arange(K) / K)
    return lambda s: eta * (wave - wave.mean()) / max(np.abs(wave - wave.mean()).max(), 1.0) * math.cos(7 * s)


def _path(target, tau, mu, eta, kind, start, times):
    from scipy.integrate import solve_ivp

    push, human = _disturbance(kind, eta, len(target)), np.asarray(target)

    def field(s, theta):
        power = np.maximum(theta, 0) ** (1 / tau)
        return power / power.sum() - theta + mu * (human - theta) + push(s)

    return solve_ivp(field, (0, times[-1]), start, method="LSODA", t_eval=times, rtol=1e-11, atol=1e-14).y.T


def _least(target, tau, mu, eta, kind, kappa):
    """Smallest probability after the onset, of a flow that starts at the vertex of the last outcome."""
    onset = theory.closed_loop_onset(mu, kappa=kappa)
    start = np.eye(len(target))[-1]
    return _path(target, tau, mu, eta, kind, start, np.linspace(onset, onset + 3, 40)).min()


def _floor(target, tau, mu, eta, kind, kappa):
    return theory.closed_loop_floor(target, mu, noise=eta, kappa=kappa)


@cache
def _setting(target, tau, eta, kappa, times):
    """Return a human ratio that is `times` what the theorem asks for at its own equilibrium, and that equilibrium."""
    mu = 10.0
    for _ in range(12):
        theta = _equilibrium(target, tau, mu)
        mu = times * theory.closed_loop_ratio(target, theta, temperature=tau, noise=eta, kappa=kappa)
    return mu, _equilibrium(target, tau, mu)


def _strayed(target, tau, eta, kappa, kind, metric, times=1.2):
    """Return how far a disturbed flow is from its equilibrium in the end: the largest distance over a while."""
    mu, theta = _setting(target, tau, eta, kappa, times)
    start = np.eye(len(target))[-1]
    path = _path(target, tau, mu, eta, kind, start, np.linspace(30 / (1 + mu), 30 / (1 + mu) + 3, 60))
    if metric == "Fisher-Rao":
        path = np.maximum(path, 0)
        return theory.fisher_rao_distance(path / path.sum(axis=1, keepdims=True), theta).max()
    return np.abs(path - theta).max()


def _allowed(target, tau, eta, kappa, kind, metric, times=1.2):
    mu, theta = _setting(target, tau, eta, kappa, times)
    if metric == "Fisher-Rao":
        return theory.fisher_rao_radius(target, theta, mu, temperature=tau, noise=eta, kappa=kappa)
    return theory.euclidean_radius(target, mu, temperature=tau, noise=eta, kappa=kappa)


def _rare(K, exponent):
    """Return a law of K outcomes with one half on one of them and K^-exponent on the rarest."""
    least = float(K) ** -exponent
    return np.array([0.5, least, *[(0.5 - least) / (K - 2)] * (int(K) - 2)])


#: of the scaling with K: delta = K^-1.5, mu = K^4.5; noise and temperature
SCALING = {"exponent": 1.5, "power": 4.5}
FIXED = {"temperature": 0.8, "noise": 0.01, "kappa": 0.9}


def _scaled_radius(K, exponent, power):
    law = _rare(K, exponent)
    return theory.fisher_rao_radius(law, law, float(K) ** power, **FIXED)


def _scaled_euclidean(K, exponent, power):
    return theory.euclidean_radius(_rare(K, exponent), float(K) ** power, **FIXED)


def _scaled_limit(K, exponent, power):
    constant = math.pi * FIXED["noise"] * math.sqrt(0.5 / 2) / FIXED["kappa"]
    return constant * float(K) ** (0.5 + exponent - power)


CLAIMS = (
    Claim(
        id="marchi-fisher-rao",
        title="Human data keep a closed loop in a ball, whose size depends on the metric",
        statement=(
            "If mu is large enough, then from a time t_kappa on every outcome has a floor, and the disturbed loop "
            "ends in a ball around its equilibrium. The Fisher-Rao radius sees rare outcomes: with delta = K^-b and "
            "mu = K^p it is of order K^(1/2 + b - p), where the Euclidean one is of order K^-p."
        ),
        formula=(
            r"\theta_i(t) \ge \frac{\kappa(\mu\delta-\eta)}{1+\mu} \ (t \ge t_\kappa), \qquad "
            r"\epsilon_{FR} = \frac{\pi\eta\sqrt{K\max_i\theta_{e,i}}}{\sqrt2\,\kappa(\mu\delta-\eta)"
            r"\big(1-\frac{2\eta_{FR}\max_i\theta_{e,i}}{\kappa(\mu\delta-\eta)}\big)}"
        ),
        assumptions=(
            "mu delta > eta, mu at least the stated maximum; delta = min target, eta_FR = 1/(tau min equilibrium); the "
            "distance is arccos of the Bhattacharyya sum; kappa in (0, 1)."
        ),
        source=("marchi2026",),
        locus="Theorem 1, Lemma 1, Proposition 1",
        kind=Kind.BOUND,
        theory=(
            theory.closed_loop_floor,
            theory.closed_loop_onset,
            theory.closed_loop_ratio,
            theory.fisher_rao_radius,
            theory.euclidean_radius,
            theory.fisher_rao_distance,
        ),
        simulation="Flows with disturbances, constant and oscillating, integrated from a vertex.",
        checks=(
            Ordered(
                label="the floor under a disturbed flow",
                lower=_floor,
                upper=_least,
                bound="lower",
                cases=(
                    {"target": (0.3, 0.7), "tau": 0.05, "mu": 2.0, "eta": 0.1, "kind": "against one", "kappa": 0.9},
                    {"target": (0.2, 0.3, 0.5), "tau": 0.8, "mu": 1.0, "eta": 0.05, "kind": "wave", "kappa": 0.5},
                    {
                        "target": (0.1, 0.2, 0.3, 0.4),
                        "tau": 3.0,
                        "mu": 5.0,
                        "eta": 0.2,
                        "kind": "against one",
                        "kappa": 0.99,
                    },
                ),
                rtol=1e-8,
                mutants={
                    "disturbance forgotten": lambda target, tau, mu, eta, kind, kappa: theory.closed_loop_floor(
                        target, mu, kappa=kappa
                    ),
                },
            ),
            Ordered(
                label="the balls",
                lower=_strayed,
                upper=_allowed,
                bound="upper",
                cases=(
                    {
                        "target": (0.3, 0.7),
                        "tau": 0.8,
                        "eta": 0.1,
                        "kappa": 0.9,
                        "kind": "for one",
                        "metric": "Fisher-Rao",
                    },
                    {
                        "target": (0.3, 0.7),
                        "tau": 0.8,
                        "eta": 0.1,
                        "kappa": 0.99,
                        "kind": "against one",
                        "metric": "Euclidean",
                    },
                    {
                        "target": (0.2, 0.3, 0.5),
                        "tau": 0.6,
                        "eta": 0.05,
                        "kappa": 0.9,
                        "kind": "wave",
                        "metric": "Fisher-Rao",
                    },
                    {
                        "target": (1 / 3, 1 / 3, 1 / 3),
                        "tau": 2.0,
                        "eta": 0.3,
                        "kappa": 0.99,
                        "kind": "against one",
                        "metric": "Euclidean",
                    },
                ),
            ),
            Computed(
                label="the radius of one law, by its formula",
                predict=lambda target, mu: theory.fisher_rao_radius(target, target, mu, **FIXED),
                other=lambda target, mu: _radius(
                    len(target),
                    FIXED["temperature"],
                    min(target),
                    FIXED["noise"],
                    FIXED["kappa"],
                    mu,
                    min(target),
                    max(target),
                ),
                cases=({"target": (1 / 3, 1 / 3, 1 / 3), "mu": 40.0}, {"target": (0.1, 0.2, 0.7), "mu": 1e4}),
            ),
            Limit(
                label="Fisher-Rao radius with many outcomes",
                value=_scaled_radius,
                asymptote=_scaled_limit,
                along=(100, 200, 400, 800, 1600),
                remainder=lambda K: 1 / K**1.5,
                name="K",
                cases=(SCALING,),
                mutants={"of order K^-p": lambda K, exponent, power: float(K) ** -power},
            ),
            Limit(
                label="Euclidean radius with many outcomes",
                value=_scaled_euclidean,
                asymptote=lambda K, exponent, power: FIXED["noise"] * float(K) ** -power,
                along=(100, 200, 400, 800, 1600),
                remainder=lambda K: 1 / K**3,
                name="K",
                cases=(SCALING,),
                mutants={"as the other": _scaled_limit},
            ),
        ),
        second={
            "fisher_rao_minimum_ratio": lambda tau, delta, eta, kappa, theta_min: theory.closed_loop_ratio(
                _pair(delta), _pair(theta_min), temperature=tau, noise=eta, kappa=kappa
            ),
            "fisher_rao_time": lambda mu, kappa: theory.closed_loop_onset(mu, kappa=kappa),
            "fisher_rao_floor": lambda mu, delta, eta, kappa: theory.closed_loop_floor(
                _pair(delta), mu, noise=eta, kappa=kappa
            ),
            "fisher_rao_ball": _radius,
            "euclidean_ball": lambda tau, delta, eta, kappa, mu: theory.euclidean_radius(
                _pair(delta), mu, temperature=tau, noise=eta, kappa=kappa
            ),
            "fisher_rao_distance": lambda p, q: theory.fisher_rao_distance(p, q),
        },
        remark="The rate omega of the approach is asserted, not printed; what is checked is where the flows end.",
        tags=("temperature", "real data", "accumulate"),
    ),
)
