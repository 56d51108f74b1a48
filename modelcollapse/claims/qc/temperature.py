"""Second readings of temperature in the loop: powers of laws, the flow of Marchi et al., critical human fractions.

Claims: marchi-ode, MAR, temp-pure-power, temp-critical-real-fraction, marchi-fisher-rao.

The routes. Repeated temperatures are iterated in the logarithm with high precision, never taken as one power. The
flow is integrated by a high-order Runge-Kutta method; equilibria at temperature 1 and above, where two outcomes have
only one, by bisection. The local threshold of the uniform state comes from a numerical derivative of the temperature
map there; the first-order threshold is the highest point of the curve on which condensed states live,

    f(y) = K (1 - e^-(b-1)y) / ((1 - e^-by) (e^y + K - 1)),  b = 1/tau, y > 0 the log-odds of the favoured outcome

(the equation of the statement solved for f), found by the sign of its slope with forty digits. Digammas come from
Binet's integral by quadrature. The Fisher-Rao distance is taken through the chord, which does not cancel.

Assumed where the statements are silent: tau in (0, 1] for the thresholds (above 1 the formula 1 - tau is negative
and the uniform state needs no help); kappa in (0, 1), at 0 everything divides by zero; marchi-fisher-rao has its
d_FR with the arccos of the Bhattacharyya coefficient itself, half of the geodesic distance.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from scipy.integrate import quad, solve_ivp

from modelcollapse.claims.qc.reading import second_reading


def _whole(rng, low, high):
    """A whole number between the two, spread over the orders of magnitude, ends included."""
    return min(high, low - 1 + int(np.exp(rng.uniform(0, np.log(high - low + 2)))))


def _size(rng, low, high):
    return float(10 ** rng.uniform(low, high))


def _law(rng, k):
    p = np.full(k, 1.0 / k) if rng.random() < 0.2 else rng.dirichlet(np.full(k, float(rng.choice([0.3, 1.0, 10.0]))))
    p = np.maximum(p, 1e-9)
    return tuple(float(x) for x in p / p.sum())


def _warm(log_p, tau):
    """Logarithms of the law at a temperature, from the logarithms of the law."""
    import mpmath

    scaled = [x / tau for x in log_p]
    top = max(scaled)
    norm = top + mpmath.log(mpmath.fsum(mpmath.exp(x - top) for x in scaled))
    return [x - norm for x in scaled]


# ---------------------------------------------------------------------------------------------------------------------
# powers


def _draw_powers(rng):
    tau = float(rng.choice([1.0, rng.uniform(0.2, 1), rng.uniform(1, 5)]))
    return {"p": _law(rng, int(rng.integers(2, 7))), "tau": tau, "t": int(rng.integers(0, 25))}


@second_reading("temp-pure-power", draw=_draw_powers, route="temperature map iterated in the logarithm, eighty digits",
                rtol=1e-12)  # fmt: skip
def law_after_temperatures(p, tau, t):
    """p_t proportional to p_0^((1/tau)^t); components below the smallest float are 0."""
    import mpmath

    with mpmath.workdps(80):
        log = [mpmath.log(x) for x in p]
        for _ in range(t):
            log = _warm(log, mpmath.mpf(tau))
        top = max(log)
        weights = [mpmath.exp(x - top) for x in log]
        return np.array([float(w / mpmath.fsum(weights)) for w in weights])


@second_reading("temp-pure-power", draw=lambda rng: {"tau": float(rng.choice([1.0, rng.uniform(0.2, 5)])),
                                                     "t": int(rng.integers(0, 60))},
                route="logit gap of the iterates, eighty digits", rtol=1e-12)  # fmt: skip
def logit_gap_factor(tau, t):
    """tau^-t."""
    import mpmath

    with mpmath.workdps(80):
        log = [mpmath.log(mpmath.mpf(x)) for x in (0.5, 0.3, 0.2)]
        gap = log[0] - log[1]
        for _ in range(t):
            log = _warm(log, mpmath.mpf(tau))
        return float((log[0] - log[1]) / gap)


# ---------------------------------------------------------------------------------------------------------------------
# the flow


@second_reading("marchi-ode", draw=lambda rng: {"theta": _law(rng, int(rng.integers(2, 7))), "tau": _size(rng, -1, 1)},
                route="fifty digits", rtol=1e-12)  # fmt: skip
def temperature_map(theta, tau):
    """theta_i^(1/tau) / sum_j theta_j^(1/tau)."""
    import mpmath

    with mpmath.workdps(50):
        powers = [mpmath.power(x, 1 / mpmath.mpf(tau)) for x in theta]
        return np.array([float(x / mpmath.fsum(powers)) for x in powers])


def _draw_flow(rng):
    k = int(rng.integers(2, 6))
    mu = float(rng.choice([0.0, _size(rng, -2, 1)]))
    return {"start": _law(rng, k), "human": _law(rng, k), "tau": float(rng.uniform(0.3, 3)), "mu": mu,
            "time": float(rng.uniform(0, 8))}  # fmt: skip


@second_reading("marchi-ode", draw=_draw_flow, route="Runge-Kutta of order 8", rtol=1e-8, atol=1e-11)
def flow(start, human, tau, mu, time):
    """theta(time) of theta' = tau(theta) - theta + mu (human - theta), no disturbance."""
    human = np.array(human)

    def velocity(_, theta):
        power = np.maximum(theta, 0) ** (1 / tau)
        return power / power.sum() - theta + mu * (human - theta)

    if time == 0:
        return np.array(start)
    return solve_ivp(velocity, (0, time), start, method="DOP853", rtol=1e-12, atol=1e-15).y[:, -1]


@second_reading("marchi-ode", draw=lambda rng: {"human": float(rng.uniform(0, 1)), "tau": 1 + float(rng.uniform(0, 4)),
                                                "mu": _size(rng, -3, 3)},
                route="bisection, fifty digits", rtol=1e-12)  # fmt: skip
def equilibrium_of_two(human, tau, mu):
    """First component of the equilibrium of two outcomes, tau >= 1, where it is the only one."""
    import mpmath

    with mpmath.workdps(50):
        b, mu, human = 1 / mpmath.mpf(tau), mpmath.mpf(mu), mpmath.mpf(human)
        low, high = mpmath.mpf(0), mpmath.mpf(1)
        for _ in range(100):
            x = (low + high) / 2
            pull = x**b / (x**b + (1 - x) ** b) - x + mu * (human - x)
            low, high = (x, high) if pull > 0 else (low, x)
        return float(low)


# ---------------------------------------------------------------------------------------------------------------------
# Gaussian sampled with another scale


def _mean_log(n, estimator):
    """Mean m = E ln S, S a chi-square variable of n - 1 degrees over the divisor: Binet's integral for the digamma."""
    half = (n - 1) / 2

    def integrand(x):
        return (x / np.expm1(2 * np.pi * x) if x else 1 / (2 * np.pi)) / (1 + (x / half) ** 2)

    binet = quad(integrand, 0, 1, epsabs=0, epsrel=1e-12)[0] + quad(integrand, 1, 8, epsabs=1e-18, epsrel=1e-10)[0]
    shift = {"unbiased": 0.0, "mle": np.log1p(-1 / n)}[estimator]  # ln of (n - 1) over the divisor
    return shift - 1 / (n - 1) - 2 * binet / half**2


def _draw_scaled(rng):
    return {"n": _whole(rng, 2, 10**8), "estimator": str(rng.choice(["unbiased", "mle"]))}


@second_reading("MAR", draw=lambda rng: {**_draw_scaled(rng), "scale": float(rng.uniform(0.3, 3))},
                rtol=1e-10, atol=1e-14,
                route="Binet's integral by quadrature")  # fmt: skip
def log_variance_drift(n, scale, estimator):
    """2 ln lambda + m."""
    return float(2 * np.log(scale) + _mean_log(n, estimator))


@second_reading("MAR", draw=_draw_scaled, route="Binet's integral by quadrature", rtol=1e-11)
def almost_sure_scale(n, estimator):
    """e^(-m/2)."""
    return float(np.exp(-_mean_log(n, estimator) / 2))


@second_reading("MAR", draw=lambda rng: {"n": _whole(rng, 2, 60), "estimator": str(rng.choice(["unbiased", "mle"]))},
                route="mean of the variance ratio by quadrature of the chi-square density", rtol=1e-9)  # fmt: skip
def mean_square_scale(n, estimator):
    """Scale 1 for the unbiased variance, sqrt(n/(n-1)) for the other: lambda^2 E S = 1."""
    s = np.arange(-80, 8, 0.02) + np.log(n - 1)  # logarithm of the chi-square variable, trapezoidal rule
    density = np.exp((n - 1) / 2 * (s - np.log(n - 1)) - (np.exp(s) - (n - 1)) / 2)
    mean = np.sum(density * np.exp(s)) / np.sum(density)
    return float(np.sqrt({"unbiased": n - 1, "mle": n}[estimator] / mean))


# ---------------------------------------------------------------------------------------------------------------------
# how much human data


def _local(k, tau):
    """Derivative of the temperature map at the uniform law, along one outcome up and another down."""
    import mpmath

    b = 1 / mpmath.mpf(tau)

    def first(h):
        moved = (mpmath.mpf(1) / k + h) ** b, (mpmath.mpf(1) / k - h) ** b
        return moved[0] / (moved[0] + moved[1] + (k - 2) * (mpmath.mpf(1) / k) ** b)

    return mpmath.diff(first, 0)


def _draw_local(rng):
    return {"k": _whole(rng, 2, 10**4), "tau": float(rng.choice([1.0, rng.uniform(0.05, 1), 1 - _size(rng, -6, -1)]))}


@second_reading("temp-critical-real-fraction", draw=_draw_local,
                route="numerical derivative at the uniform law, sixty digits",
                rtol=1e-9, atol=1e-15)  # fmt: skip
def local_fraction(k, tau):
    """1 - tau: (1 - f) times the derivative is 1."""
    import mpmath

    with mpmath.workdps(60):
        return float(1 - 1 / _local(k, tau))


@second_reading("temp-critical-real-fraction", draw=_draw_local,
                route="numerical derivative at the uniform law, sixty digits",
                rtol=1e-9, atol=1e-15)  # fmt: skip
def local_ratio(k, tau):
    """1/tau - 1: the derivative minus 1 minus mu is 0."""
    import mpmath

    with mpmath.workdps(60):
        return float(_local(k, tau) - 1)


def _condensed(y, b, k):
    """Human fraction at which the favoured outcome has log-odds y over each of the others."""
    import mpmath

    return k * mpmath.expm1(-(b - 1) * y) / mpmath.expm1(-b * y) / (mpmath.exp(y) + k - 1)


def _log_slope(y, b, k):
    """Derivative of the logarithm of that fraction."""
    import mpmath

    return (b - 1) / mpmath.expm1((b - 1) * y) - b / mpmath.expm1(b * y) - 1 / (1 + (k - 1) * mpmath.exp(-y))


def _draw_fraction(rng):
    return {"k": int(rng.choice([2, 3, _whole(rng, 2, 10**6)])), "tau": float(rng.uniform(0.05, 0.999))}


@second_reading("temp-critical-real-fraction", draw=_draw_fraction,
                route="highest point of the condensed branch, forty digits",
                rtol=1e-12)  # fmt: skip
def critical_fraction(k, tau):
    """f_c, the largest f with a condensed state; for two outcomes 1 - tau, the limit at log-odds 0."""
    import mpmath

    with mpmath.workdps(40):
        b = 1 / mpmath.mpf(tau)
        if k == 2:
            return float(1 - 1 / b)
        grid = [mpmath.mpf(10) ** e for e in np.arange(-6, 2, 0.25)]
        slopes = [_log_slope(y, b, k) for y in grid]
        tops = [i for i in range(len(grid) - 1) if slopes[i] > 0 >= slopes[i + 1]]
        best = 1 - 1 / b
        for i in tops:
            low, high = grid[i], grid[i + 1]
            for _ in range(60):
                y = (low + high) / 2
                low, high = (y, high) if _log_slope(y, b, k) > 0 else (low, y)
            best = max(best, _condensed(low, b, k))
        return float(best)


# ---------------------------------------------------------------------------------------------------------------------
# Fisher and Rao


def _draw_bound(rng):
    """Constants for which both conditions hold: human laws, noise, and a ratio mu above the bound."""
    k = int(rng.integers(2, 200))
    delta = float(rng.uniform(0.05, 1)) / k
    low = float(rng.uniform(0.05, 1)) / k
    high = float(rng.uniform(1 / k, 1))
    tau, kappa = float(rng.uniform(0.2, 3)), float(rng.choice([rng.uniform(0.05, 0.95), 1 - 1e-6, 1e-3]))
    eta = float(rng.choice([0.0, _size(rng, -6, 1)]))
    mu = _minimum(tau, delta, eta, kappa, low) * Fraction(float(rng.uniform(1, 5)))
    return {"k": k, "tau": tau, "delta": delta, "eta": eta, "kappa": kappa, "mu": float(mu) * (1 + 1e-12),
            "theta_min": low, "theta_max": high}  # fmt: skip


def _only(*names):
    return lambda rng: {name: value for name, value in _draw_bound(rng).items() if name in names}


def _minimum(tau, delta, eta, kappa, theta_min):
    tau, delta, eta, kappa, theta_min = (Fraction(x) for x in (tau, delta, eta, kappa, theta_min))
    strength = 1 / (tau * theta_min)
    return max((1 + tau * strength * kappa) / (tau * delta * kappa), (eta + 2 * strength / kappa) / delta)


@second_reading("marchi-fisher-rao", draw=_only("tau", "delta", "eta", "kappa", "theta_min"), route="exact fractions",
                rtol=1e-12)  # fmt: skip
def fisher_rao_minimum_ratio(tau, delta, eta, kappa, theta_min):
    """max{(1 + tau e kappa) / (tau delta kappa), (eta + 2e/kappa) / delta}, e = 1 / (tau theta_min)."""
    return float(_minimum(tau, delta, eta, kappa, theta_min))


@second_reading("marchi-fisher-rao", draw=_only("mu", "kappa"), rtol=1e-12,
                route="time at which 1 - e^-(1+mu)t is kappa, as an atanh with fifty digits")  # fmt: skip
def fisher_rao_time(mu, kappa):
    """ln(1 / (1 - kappa)) / (1 + mu)."""
    import mpmath

    with mpmath.workdps(50):
        kappa = mpmath.mpf(kappa)
        return float(2 * mpmath.atanh(kappa / (2 - kappa)) / (1 + mpmath.mpf(mu)))


@second_reading("marchi-fisher-rao", draw=_only("mu", "delta", "eta", "kappa"), rtol=1e-10,
                route="solution of x' = mu delta - eta - (1 + mu) x from 0, by quadrature")  # fmt: skip
def fisher_rao_floor(mu, delta, eta, kappa):
    """Floor kappa (mu delta - eta) / (1 + mu)."""
    time = fisher_rao_time(mu, kappa)
    kernel = quad(lambda s: np.exp(-(1 + mu) * (time - s)), 0, time, epsabs=0, epsrel=1e-12, limit=200)[0]
    return (mu * delta - eta) * kernel


@second_reading("marchi-fisher-rao", draw=_only("k", "tau", "delta", "eta", "kappa", "mu", "theta_min", "theta_max"),
                route="fifty digits", rtol=1e-10)  # fmt: skip
def fisher_rao_ball(k, tau, delta, eta, kappa, mu, theta_min, theta_max):
    """epsilon_FR = pi eta sqrt(K max theta) / (sqrt 2 g (1 - 2 e max theta / g)), g = kappa (mu delta - eta)."""
    import mpmath

    with mpmath.workdps(50):
        tau, delta, eta, kappa, mu = (mpmath.mpf(x) for x in (tau, delta, eta, kappa, mu))
        room = kappa * (mu * delta - eta) - 2 * mpmath.mpf(theta_max) / (tau * mpmath.mpf(theta_min))
        return float(mpmath.pi * eta * mpmath.sqrt(mpmath.mpf(k) * theta_max / 2) / room)


@second_reading(
    "marchi-fisher-rao", draw=_only("tau", "delta", "eta", "kappa", "mu"), route="exact fractions", rtol=1e-10
)
def euclidean_ball(tau, delta, eta, kappa, mu):
    """Ball eta kappa (mu delta - eta) tau / ((mu + 1) (kappa (mu delta - eta) tau - 1))."""
    tau, delta, eta, kappa, mu = (Fraction(x) for x in (tau, delta, eta, kappa, mu))
    strength = kappa * (mu * delta - eta) * tau
    return float(eta * strength / ((mu + 1) * (strength - 1)))


@second_reading("marchi-fisher-rao", draw=lambda rng: {"p": (p := _law(rng, int(rng.integers(2, 8)))),
                                                       "q": p if rng.random() < 0.1 else _law(rng, len(p))},
                route="angle from the chord between the square roots", rtol=1e-10, atol=1e-15)  # fmt: skip
def fisher_rao_distance(p, q):
    """Angle arccos of sum sqrt(p_i q_i), half of the geodesic distance."""
    chord = np.linalg.norm(np.sqrt(p) - np.sqrt(q))
    return float(2 * np.arcsin(min(chord / 2, 1.0)))
