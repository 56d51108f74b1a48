r"""How far from its equilibrium can a closed loop at a temperature stray? Bounds in two metrics.

The accumulating loop of `closed_loop_field`, with a disturbance of components at most :math:`\eta`:
:math:`\dot\theta = \tau(\theta) - \theta + \mu(\theta_0 - \theta) + \varepsilon`. Human data keep every outcome
above a floor after a time :math:`t_\kappa`; then, if :math:`\mu` is large enough, the state ends in a ball around the
equilibrium :math:`\theta_e`. Its radius in the Euclidean metric hides what the Fisher-Rao metric shows where there are
many outcomes: relative errors of the rare ones.

Symbols: :math:`\delta = \min_i\theta_{0,i}`, :math:`\eta_{FR} = 1/(\tau\min_i\theta_{e,i})`, and :math:`\kappa \in
(0, 1)` a trade between the wait and the constants. Source throughout: `marchi-fisher-rao` (Marchi, Silvestre,
Gharesifard and Tabuada, "Preventing Model Collapse: A Fisher-Rao Perspective on the Dynamics of Training with Synthetic
Data", 2026). All are bounds, and wide ones: at K = 3 and :math:`\tau = 0.8` they ask for :math:`\mu > 22.5`, where
`critical_real_fraction` knows that 0.2625 is enough.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.theory.temperature import _temperature

__all__ = [
    "closed_loop_floor",
    "closed_loop_onset",
    "closed_loop_ratio",
    "euclidean_radius",
    "fisher_rao_bound",
    "fisher_rao_distance",
    "fisher_rao_radius",
]


def fisher_rao_distance(p, q):
    r"""Return :math:`\arccos\sum_i\sqrt{p_iq_i}`, in [0, pi/2]: half the geodesic distance of :math:`\sum u_iv_i/p_i`.

    Computed as :math:`2\arcsin\big(\frac12\|\sqrt p - \sqrt q\|\big)`, which keeps small distances.

    Parameters
    ----------
    p, q : (..., category) array_like
        Probabilities; they broadcast.

    Returns
    -------
    ndarray or float

    Notes
    -----
    Kind: exact (definition). Source: `marchi-fisher-rao`.

    Examples
    --------
    >>> round(float(fisher_rao_distance([1.0, 0.0], [0.5, 0.5])), 6)
    0.785398
    """
    p, q = (check.array(name, x, ndim=(1, 2, 3), shape_words="(..., category)") for name, x in (("p", p), ("q", q)))
    for name, x in (("p", p), ("q", q)):
        if x.size and x.min() < 0:
            raise ValueError(f"{name} must be >= 0 (they are probabilities), got {x.min():g}.")
    try:
        np.broadcast_shapes(p.shape, q.shape)
        same = p.shape[-1] == q.shape[-1]
    except ValueError:
        same = False
    if not same:
        raise ValueError(f"p and q must broadcast and have the same categories, got shapes {p.shape} and {q.shape}.")
    # sqrt p - sqrt q = (p - q) / (sqrt p + sqrt q), without cancellation
    total = np.sqrt(p) + np.sqrt(q)
    chord = np.sqrt((((p - q) / np.where(total > 0, total, 1.0)) ** 2).sum(axis=-1))
    return (2 * np.arcsin(np.minimum(chord / 2, math.sqrt(0.5))))[()]


def _kappa(kappa) -> float:
    return check.number("kappa", kappa, above=0, most=1 - 1e-15, because="it is a share of the floor")


def _margin(delta: float, human_ratio, noise) -> tuple[float, float, float]:
    """Return mu, eta and mu delta - eta."""
    ratio = check.number("human_ratio", human_ratio, least=0)
    noise = check.number("noise", noise, least=0)
    if ratio * delta <= noise:
        raise ValueError(
            f"human_ratio must be > noise / min(target) = {noise / delta:g} (or the disturbance may eliminate an "
            f"outcome), got {ratio:g}."
        )
    return ratio, noise, ratio * delta - noise


def _inside(name: str, p) -> np.ndarray:
    p = check.probabilities(name, p, least_length=2)
    if p.min() <= 0:
        raise ValueError(f"{name} must be > 0 (the metric is that of the open simplex), got 0.")
    return p


def closed_loop_onset(human_ratio: float, *, kappa: float) -> float:
    r"""Return :math:`t_\kappa = \frac1{1+\mu}\ln\frac1{1-\kappa}`, from when on the floor and the radii hold.

    Kind: bound (Lemma 1). Source: `marchi-fisher-rao`.

    Examples
    --------
    >>> round(closed_loop_onset(1.0, kappa=0.5), 6)
    0.346574
    """
    return -math.log1p(-_kappa(kappa)) / (1 + check.number("human_ratio", human_ratio, least=0))


def closed_loop_floor(target, human_ratio: float, *, noise: float = 0.0, kappa: float) -> float:
    r"""Return :math:`\frac{\kappa(\mu\delta - \eta)}{1+\mu}`, the floor of every outcome after `closed_loop_onset`.

    Parameters
    ----------
    target : (category,) array_like
        :math:`\theta_0`, all > 0.
    human_ratio : float
        :math:`\mu > \eta/\delta`.
    noise : float
        :math:`\eta \ge 0`.
    kappa : float
        In (0, 1).

    Notes
    -----
    Kind: bound (Lemma 1, for every start and temperature). Source: `marchi-fisher-rao`.

    Examples
    --------
    >>> round(closed_loop_floor([0.5, 0.5], 1.0, kappa=0.5), 12)
    0.125
    """
    ratio, _, margin = _margin(_inside("target", target).min(), human_ratio, noise)
    return float(_kappa(kappa) * margin / (1 + ratio))


def closed_loop_ratio(target, equilibrium, *, temperature: float, noise: float = 0.0, kappa: float) -> float:
    r"""Return the human ratio that the theorem asks for at an equilibrium.

    .. math:: \mu \ge \max\Big\{\frac{1+\tau\eta_{FR}\kappa}{\tau\delta\kappa},\
              \frac{\eta + 2\eta_{FR}/\kappa}\delta\Big\}

    Parameters
    ----------
    target, equilibrium : (category,) array_like
        :math:`\theta_0` and :math:`\theta_e`, all > 0. The equilibrium depends on :math:`\mu` itself, unless the target
        is uniform.
    temperature : float
        :math:`\tau > 0`.
    noise : float
        :math:`\eta \ge 0`.
    kappa : float
        In (0, 1).

    Notes
    -----
    Kind: bound (sufficient; condition of Theorem 1, beside :math:`\mu\delta > \eta`). Source: `marchi-fisher-rao`.

    Examples
    --------
    >>> third = [1 / 3] * 3
    >>> round(closed_loop_ratio(third, third, temperature=0.8, kappa=0.9), 6)
    25.0
    """
    target, equilibrium = _pair(target, equilibrium)
    tau, kappa, delta = _temperature(temperature), _kappa(kappa), target.min()
    noise = check.number("noise", noise, least=0)
    steep = 1 / (tau * equilibrium.min())
    return float(max((1 + tau * steep * kappa) / (tau * delta * kappa), (noise + 2 * steep / kappa) / delta))


def _pair(target, equilibrium) -> tuple[np.ndarray, np.ndarray]:
    target, equilibrium = _inside("target", target), _inside("equilibrium", equilibrium)
    if len(target) != len(equilibrium):
        raise ValueError(f"equilibrium must have the {len(target)} outcomes of target, got {len(equilibrium)}.")
    return target, equilibrium


def fisher_rao_radius(
    target, equilibrium, human_ratio: float, *, temperature: float, noise: float, kappa: float
) -> float:
    r"""Return the radius of the ball, in `fisher_rao_distance`, in which the disturbed loop ends.

    .. math:: \epsilon_{FR} = \frac{\pi\eta\sqrt{K\max_i\theta_{e,i}}}
              {\sqrt2\,\kappa(\mu\delta-\eta)\Big(1 - \frac{2\eta_{FR}\max_i\theta_{e,i}}{\kappa(\mu\delta-\eta)}\Big)}

    Parameters
    ----------
    target, equilibrium, temperature, kappa
        As in `closed_loop_ratio`.
    human_ratio : float
        :math:`\mu`, at least `closed_loop_ratio`.
    noise : float
        :math:`\eta`.

    Notes
    -----
    Kind: bound (Theorem 1). Source: `marchi-fisher-rao`. With :math:`\delta \sim K^{-\beta_0}` and
    :math:`\mu \sim K^p`, :math:`p > 2\beta_0`, it is of order :math:`K^{1/2+\beta_0-p}` (Proposition 1).

    Examples
    --------
    >>> third = [1 / 3] * 3
    >>> round(fisher_rao_radius(third, third, 40.0, temperature=0.8, noise=0.01, kappa=0.9), 6)
    0.002341
    """
    target, equilibrium, margin = _large_enough(target, equilibrium, human_ratio, temperature, noise, kappa)
    steep = 1 / (_temperature(temperature) * equilibrium.min())
    held = kappa * margin
    top = math.pi * noise * math.sqrt(len(target) * equilibrium.max())
    return float(top / (math.sqrt(2) * held * (1 - 2 * steep * equilibrium.max() / held)))


def _large_enough(target, equilibrium, human_ratio, temperature, noise, kappa):
    """Return target, equilibrium and mu delta - eta, if mu is as large as the theorem wants it."""
    target, equilibrium = _pair(target, equilibrium)
    ratio, noise, margin = _margin(target.min(), human_ratio, noise)
    needed = closed_loop_ratio(target, equilibrium, temperature=temperature, noise=noise, kappa=kappa)
    if ratio < needed:
        raise ValueError(
            f"human_ratio must be >= closed_loop_ratio(...) = {needed:g} (the theorem is silent below), got {ratio:g}."
        )
    return target, equilibrium, margin


def euclidean_radius(target, human_ratio: float, *, temperature: float, noise: float, kappa: float) -> float:
    r"""Return the radius of the ball in the Euclidean metric, of the earlier theorem.

    .. math:: \epsilon = \frac{\eta\,\kappa(\mu\delta-\eta)\tau}{(\mu+1)\big(\kappa(\mu\delta-\eta)\tau - 1\big)}

    Parameters as in `fisher_rao_radius`; needs :math:`\kappa(\mu\delta-\eta)\tau > 1`.

    Notes
    -----
    Kind: bound. Source: `marchi-fisher-rao`. Of order :math:`K^{-p}` where `fisher_rao_radius` is of order
    :math:`K^{1/2+\beta_0-p}`: it does not see the rare outcomes. It is in the norm in which
    :math:`\eta` bounds the disturbance.

    Examples
    --------
    >>> round(euclidean_radius([1 / 3] * 3, 40.0, temperature=0.8, noise=0.01, kappa=0.9), 6)
    0.000272
    """
    ratio, noise, margin = _margin(_inside("target", target).min(), human_ratio, noise)
    held = _kappa(kappa) * margin * _temperature(temperature)
    if held <= 1:
        raise ValueError(
            f"human_ratio must make kappa (mu min(target) - noise) temperature > 1 (the bound is empty otherwise), "
            f"got {ratio:g} and {held:g}."
        )
    return float(noise * held / ((ratio + 1) * (held - 1)))


def fisher_rao_bound(t, kl: float, *, rate: float, onset: float, radius: float):
    r"""Return the bound on `fisher_rao_distance` from the equilibrium at time t, from the onset on.

    .. math:: d_{FR}(\theta(t), \theta_e) \le
              \frac\pi2\sqrt{e^{-\omega(t-t_\kappa)}KL(\theta(t_\kappa)\|\theta_e)} + \epsilon_{FR}

    The theorem asserts that there is a rate :math:`\omega > 0` and does not print it.

    Parameters
    ----------
    t : float or array_like
        Times >= onset.
    kl : float
        :math:`KL(\theta(t_\kappa)\|\theta_e)` in nats.
    rate, onset, radius : float
        :math:`\omega > 0`, :math:`t_\kappa` of `closed_loop_onset`, :math:`\epsilon_{FR}` of `fisher_rao_radius`.

    Returns
    -------
    ndarray or float, the shape of `t`

    Notes
    -----
    Kind: bound (Theorem 1). Source: `marchi-fisher-rao`.

    Examples
    --------
    >>> round(float(fisher_rao_bound(2.0, 0.1, rate=1.0, onset=0.0, radius=0.0)), 6)
    0.182737
    """
    t = check.array("t", t, ndim=tuple(range(4)), shape_words="any")
    onset = check.number("onset", onset, least=0)
    if t.size and t.min() < onset:
        raise ValueError(f"t must be >= onset = {onset:g} (the bound begins there), got {t.min():g}.")
    kl, rate = check.number("kl", kl, least=0), check.number("rate", rate, above=0)
    decay = math.sqrt(kl) * np.exp(-rate * (t - onset) / 2)
    return (math.pi / 2 * decay + check.number("radius", radius, least=0))[()]
