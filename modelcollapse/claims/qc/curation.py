r"""Second readings: filters, verifiers, truncation and preference (claims file 7, first two parts).

The routes. A filter is an enumeration: four outcomes (right or wrong, kept or dropped), from which the two moments of
what the averaging classifier sums are read off. Truncated normals are integrated by Gauss-Legendre nodes
instead of being taken from the density at their ends; where one minus a ratio is wanted, it is integrated as
such. The choice among :math:`K` candidates is played out over *every* tuple of candidates that can be drawn
(`chosen`), with no formula for the curated density. Gaussian tilts go round by round: a Kalman update for a quadratic
reward, moments on a grid for a linear one. The equilibrium with real data needs no root: multiplied out, it says that
the equilibrium is the Perron vector of the nonnegative matrix
:math:`\eta\,\mathrm{diag}(e^{\tau r})+(1-\eta)\,p_{\rm ref}(e^{\tau r})^\top`, and :math:`Z` its Perron root.

Without a formula, hence not here: `firdoussi-rmt`, `zhao-heterogeneous-curation`, `vu-mutual-training`, the rate of
`amin-weak-data`, the experiments of `feng-breakdown-point`. The odds contraction and the lower bounds on the mean
reward are inequalities: their right-hand sides are given.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from modelcollapse.claims.qc.reading import second_reading


def log_integer(rng, low, high):
    """An integer between low and high, uniform in its logarithm."""
    return round(math.exp(rng.uniform(math.log(low), math.log(high))))


def chance(rng):
    """A probability in [0, 1]: the ends, values next to them, and the middle."""
    return float(rng.choice([0.0, 1.0, rng.uniform(), 10 ** rng.uniform(-6, -1), 1 - 10 ** rng.uniform(-6, -1)]))


def inner_chance(rng):
    """A probability in (0, 1)."""
    return float(rng.choice([rng.uniform(), 10 ** rng.uniform(-9, -1), 1 - 10 ** rng.uniform(-9, -1)]))


# ---------------------------------------------------------------------------------------------------------------------
# Filters
# ---------------------------------------------------------------------------------------------------------------------


def kept_moments(p, phi, psi):
    """Mean of the sign (right: +1, wrong: -1) of what is kept, and the mean of its square, by enumeration."""
    outcomes = [(1 - p, phi, 1), (p, psi, -1)]  # probability, chance of being kept, sign
    signs = [probability * keep * sign for probability, keep, sign in outcomes]
    return math.fsum(signs), math.fsum(probability * keep for probability, keep, _ in outcomes)


@second_reading(
    "feng-breakdown-point",
    draw=lambda rng: {"phi": inner_chance(rng), "psi": chance(rng)},
    route="zero of the kept sign, a line through p = 0 and p = 1",
)
def breakdown_point(phi, psi):
    """1/(1 + psi/phi): where (1-p) phi = p psi."""
    at_zero, at_one = kept_moments(0, phi, psi)[0], kept_moments(1, phi, psi)[0]
    return float(Fraction(at_zero) / (Fraction(at_zero) - Fraction(at_one)))


# At p = p* itself the statement gives no accuracy; one half, the limit of the finite-n formula, is returned.
@second_reading(
    "feng-breakdown-point",
    draw=lambda rng: {"p": chance(rng), "phi": inner_chance(rng), "psi": chance(rng)},
    route="sign of the kept sign, exact fractions",
)
def accuracy_infinite_data(p, phi, psi):
    """1 if (1-p) phi > p psi, 0 if less."""
    kept = (1 - Fraction(p)) * Fraction(phi) - Fraction(p) * Fraction(psi)
    return 0.5 if kept == 0 else float(kept > 0)


@second_reading(
    "feng-breakdown-point",
    draw=lambda rng: {"p": chance(rng), "phi": inner_chance(rng), "psi": inner_chance(rng),
                      "d": log_integer(rng, 1, 1000), "n": log_integer(rng, 1, 10**6)},
    route="angle of signal and noise by the two-argument arctangent",
)  # fmt: skip
def accuracy_finite_data(p, phi, psi, d, n):
    """1 - arccos(m/sqrt(m^2 + v d/n))/pi, m = ((1-p) phi - p psi) sqrt(2/pi), v = (1-p) phi + p psi."""
    sign, square = kept_moments(p, phi, psi)
    return math.atan2(math.sqrt(square * d / n), -sign * math.sqrt(2 / math.pi)) / math.pi


@second_reading(
    "amin-weak-data",
    draw=lambda rng: {"error": chance(rng), "beta": chance(rng), "t": int(rng.integers(0, 400))},
    route="exact fractions: failed, and not mended t times",
)
def weak_labels_error(error, beta, t):
    """(1 - beta)^t error: the exact toy."""
    return float(Fraction(error) * (1 - Fraction(beta)) ** t)


@second_reading("amin-weak-data", draw=lambda rng: {"error": chance(rng), "t": int(rng.integers(0, 400))}, route="none")
def no_weak_labels_error(error, t):
    """What is never solved stays unsolved: the error itself."""
    return weak_labels_error(error, 0.0, t)


@second_reading(
    "rlver-youden",
    draw=lambda rng: {"tpr": chance(rng), "fpr": chance(rng)},
    route="right verdicts on a balanced batch, twice, minus one",
)
def youden(tpr, fpr):
    """J = TPR - FPR; the transition is where it vanishes."""
    right = Fraction(1, 2) * Fraction(tpr) + Fraction(1, 2) * (1 - Fraction(fpr))
    return float(2 * right - 1)


# ---------------------------------------------------------------------------------------------------------------------
# A verifier with a centre
# ---------------------------------------------------------------------------------------------------------------------

NODES, WEIGHTS = np.polynomial.legendre.leggauss(240)


def between(function, low, high):
    """Gauss-Legendre integral of function(x) exp(-x^2/2)."""
    x = (high + low) / 2 + (high - low) / 2 * NODES
    return float((high - low) / 2 * np.sum(WEIGHTS * function(x) * np.exp(-(x**2) / 2)))


def contraction(half_width):
    """Rho(b), and 1 - rho(b) integrated for itself, of the standard normal truncated to [-b, b]."""
    end = min(half_width, 39.0)
    mass = between(np.ones_like, 0, end)
    rho = between(np.square, 0, end) / mass
    if half_width > 1:  # the integral of x^2 - 1 over the whole half line vanishes, so its tail is what is missing
        missing = between(lambda x: x**2 - 1, half_width, half_width + 40 / (1 + half_width)) / mass
    else:
        missing = between(lambda x: 1 - x**2, 0, half_width) / mass
    return rho, missing


def draw_half_width(rng):
    """A half-width in units of the noise, from tiny to wide."""
    return {"half_width": float(10 ** rng.uniform(-4, 1))}


@second_reading("yi-verifier-center", draw=draw_half_width, route="Gauss-Legendre moments of a truncated normal")
def verifier_contraction(half_width):
    """1 - 2 b density(b)/(2 Phi(b) - 1), the variance ratio of the normal truncated to [-b, b]."""
    return contraction(half_width)[0]


@second_reading("yi-verifier-center", draw=draw_half_width, route="Gauss-Legendre mass of a truncated normal")
def verifier_acceptance(half_width):
    """2 Phi(b) - 1: accepted at the centre."""
    return 2 * between(np.ones_like, 0, half_width) / math.sqrt(2 * math.pi)


@second_reading(
    "yi-verifier-center",
    draw=lambda rng: {"offset": float(rng.uniform(-8, 8)), "half_width": float(10 ** rng.uniform(-2, 0.8))},
    route="Gauss-Legendre mean of a truncated normal",
    rtol=1e-9,
)
def verifier_mean_map(offset, half_width):
    """Mean of N(offset, 1) truncated to [-b, b]: where a round takes an offset from the centre, in units of noise."""
    x = half_width * NODES  # x exp(offset x) is odd and even: only the odd half carries the mean
    envelope = WEIGHTS * np.exp(-(x**2) / 2 - abs(offset) * half_width)
    return float(np.sum(envelope * x * np.sinh(offset * x)) / np.sum(envelope * np.cosh(offset * x)))


@second_reading(
    "yi-verifier-center",
    draw=lambda rng: {"p": log_integer(rng, 1, 100), "n": log_integer(rng, 1, 10**4), "variance": 1.7,
                      "half_width": float(10 ** rng.uniform(-4, 0.9))},
    route="fixed point of V = rho^2 V + p variance rho/n, quadrature",
)  # fmt: skip
def verifier_stationary_error(p, n, variance, half_width):
    """Linearised: p variance rho/(n (1 - rho^2))."""
    rho, missing = contraction(half_width)
    return p * variance / n * rho / (missing * (1 + rho))


@second_reading(
    "yi-verifier-center",
    draw=lambda rng: {"rho": inner_chance(rng), "start": float(rng.uniform(0, 5)), "p": log_integer(rng, 1, 50),
                      "variance": float(rng.uniform(0.1, 3)),
                      "sizes": tuple(log_integer(rng, 1, 10**4) for _ in range(int(rng.integers(0, 30))))},
    route="round by round: E -> rho^2 E + rho p variance/n_j",
)  # fmt: skip
def verifier_bound(rho, start, p, variance, sizes):
    """rho^(2k) E_0 + p variance sum_{j<k} rho^(2(k-j)-1)/n_j, k the number of sizes."""
    error = start
    for size in sizes:
        error = rho * (rho * error + p * variance / size)
    return float(error)


# ---------------------------------------------------------------------------------------------------------------------
# Keep the top fraction
# ---------------------------------------------------------------------------------------------------------------------


def tail_moments(threshold):
    """Mean and variance of how far the normal exceeds a threshold >= 0 if it does, by Gauss-Legendre nodes."""
    length = 80 / (threshold + math.sqrt(threshold**2 + 80))  # there the density has fallen by e^-40
    y = length / 2 * (1 + NODES)
    weight = WEIGHTS * np.exp(-threshold * y - y**2 / 2)
    weight = weight / weight.sum()
    mean = float(weight @ y)
    return mean, float(weight @ (y - mean) ** 2)


def top_fraction(q):
    """Intensity i, variance ratio k, and 1 - sqrt k; beyond the median they follow from what is thrown away."""
    from scipy.special import ndtri

    tail = min(q, 1 - q)
    threshold = -float(ndtri(tail))
    over, spread = tail_moments(threshold)
    beyond = threshold + over
    if q <= 0.5:
        return beyond, spread, 1 - math.sqrt(spread)
    mean = tail * beyond / q
    missing = mean**2 + tail * (beyond**2 + spread - 1) / q  # 1 - k: the kept second moment is (1 - tail ...)/q
    return mean, 1 - missing, missing / (1 + math.sqrt(1 - missing))


def draw_top(rng):
    """A kept fraction, next to 0 and to 1 as well."""
    return {"q": float(rng.choice([rng.uniform(), 10 ** rng.uniform(-12, -1), 1 - 10 ** rng.uniform(-9, -1)]))}


@second_reading("truncation-selection-gaussian", draw=draw_top, route="Gauss-Legendre moments of a tail", rtol=1e-11)
def selection_intensity(q):
    """The mean of what is kept in units of the sd, i = density(z)/q."""
    return top_fraction(q)[0]


@second_reading("truncation-selection-gaussian", draw=draw_top, route="Gauss-Legendre moments of a tail", rtol=1e-11)
def selection_variance_ratio(q):
    """The variance of what is kept, k = 1 - i (i - z)."""
    return top_fraction(q)[1]


@second_reading(
    "truncation-selection-gaussian",
    draw=lambda rng: {"t": int(rng.integers(0, 200)), "sd": 1.3, **draw_top(rng)},
    route="round by round, Gauss-Legendre moments of a tail",
    rtol=1e-11,
)
def selection_gain(q, t, sd):
    """The gain of the mean after t rounds, i sd (1 - k^(t/2))/(1 - sqrt k)."""
    mean, _, missing = top_fraction(q)
    gain, scale = [], sd
    for _ in range(t):
        gain.append(mean * scale)
        scale *= 1 - missing
    return math.fsum(gain)


@second_reading("truncation-selection-gaussian", draw=draw_top, route="Gauss-Legendre moments of a tail", rtol=1e-11)
def selection_total_gain(q):
    """i/(1 - sqrt k): all that can be gained, in units of the first sd."""
    mean, _, missing = top_fraction(q)
    return mean / missing


# ---------------------------------------------------------------------------------------------------------------------
# The choice among K candidates
# ---------------------------------------------------------------------------------------------------------------------


def chosen(p, r, candidates):
    """The law of the winner: every tuple of candidates, the winner drawn in proportion to exp(reward)."""
    p, odds = np.asarray(p, float), np.exp(np.asarray(r, float) - max(r))
    tuples = np.indices((len(p),) * candidates).reshape(candidates, -1)
    share = odds[tuples] / odds[tuples].sum(axis=0)
    joint = p[tuples].prod(axis=0) * share
    return np.bincount(tuples.ravel(), joint.ravel(), len(p))


def draw_alphabet(rng):
    """A law with positive entries on two to five letters, and rewards, tied at times."""
    letters = int(rng.integers(2, 6))
    p = rng.dirichlet(np.full(letters, rng.choice([0.5, 1, 5]))) + 1e-9
    r = rng.normal(size=letters) * rng.choice([0.1, 1, 4])
    if rng.uniform() < 0.3:
        r[0] = r.max()
    return {"p": tuple(float(v) for v in p / p.sum()), "r": tuple(float(v) for v in r)}


def draw_choice(rng):
    """An alphabet and a number of candidates."""
    return {**draw_alphabet(rng), "candidates": int(rng.integers(1, 6))}


@second_reading("ferbach-curation", draw=draw_choice, route="every tuple of candidates")
def curated_law(p, r, candidates):
    """The law of the winner, p H^K."""
    return chosen(p, r, candidates)


@second_reading("ferbach-curation", draw=draw_choice, route="every tuple of candidates")
def curation_factor(p, r, candidates):
    """H^K(x) = E[K e^r(x)/(e^r(x) + sum of K - 1 others)]."""
    return chosen(p, r, candidates) / np.asarray(p)


@second_reading(
    "ferbach-curation",
    draw=lambda rng: {**draw_choice(rng), "ratio": float(10 ** rng.uniform(-2, 2)), "t": int(rng.integers(0, 6))},
    route="every tuple of candidates, every generation",
)
def curated_loop_with_real(p, r, candidates, ratio, t):
    """p_(t+1) = (p_ref + ratio p_t H^K)/(1 + ratio), p_0 = p_ref = p."""
    law = np.asarray(p)
    for _ in range(t):
        law = (np.asarray(p) + ratio * chosen(law, r, candidates)) / (1 + ratio)
    return law


def selected(p, r, t):
    """The loop with infinitely many candidates, p -> p e^r/Z, round by round."""
    law, odds = np.asarray(p, float), np.exp(np.asarray(r) - max(r))
    for _ in range(t):
        law = law * odds
        law = law / law.sum()
    return law


def draw_selected(rng):
    """An alphabet and a number of rounds."""
    return {**draw_alphabet(rng), "t": int(rng.choice([0, 1, 2, rng.integers(3, 60)]))}


@second_reading("ferbach-curation", draw=draw_selected, route="round by round")
def curated_loop_infinite(p, r, t):
    """p_t in proportion to p_0 e^(t r)."""
    return selected(p, r, t)


@second_reading("ferbach-curation", draw=draw_selected, route="losers' odds, round by round", rtol=1e-9)
def divergence_to_best(p, r, t):
    """KL(p*||p_t) = -log p_t(argmax r), p* = p_0 on the best letters (infinitely many candidates)."""
    r = np.asarray(r)
    losers = r < r.max()
    best = math.fsum(np.asarray(p)[~losers])
    lost = math.fsum(np.asarray(p)[losers] / best * np.exp(t * (r[losers] - r.max())))
    return math.log1p(lost)


def spread(p, r):
    """Mean of e^r and its variance, the latter over pairs."""
    p, values = np.asarray(p), np.exp(np.asarray(r))
    return float(p @ values), float(np.sum(np.outer(p, p) * (values[:, None] - values) ** 2)) / 2


@second_reading("ferbach-curation", draw=draw_choice, route="variance over pairs of letters")
def next_reward_bound(p, r, candidates):
    """E e^r + (K-1)/K Var(e^r)/e^max r: no less after one curation."""
    mean, variance = spread(p, r)
    return mean + variance * (1 - 1 / candidates) * math.exp(-max(r))


@second_reading(
    "ferbach-curation",
    draw=lambda rng: {**draw_choice(rng), "ratio": float(10 ** rng.uniform(-2, 2))},
    route="variance over pairs of letters",
)
def reward_bound_with_real(p, r, candidates, ratio):
    """E_ref e^r + ratio/(1+ratio)^3 (K-1)/K Var_ref(e^r)/e^max r: no less after any t >= 1."""
    mean, variance = spread(p, r)
    share = ratio / (1 + ratio)
    return mean + share * (1 - share) ** 2 * (1 - 1 / candidates) * variance * math.exp(-max(r))


def draw_dose(rng):
    """Candidates, and a ratio below 1/(K-1)."""
    candidates = int(rng.integers(2, 50))
    return {"candidates": candidates, "ratio": float(rng.uniform(0, 0.999) / (candidates - 1))}


@second_reading(
    "ferbach-curation", draw=draw_dose, route="fixed point of the bound's recursion, exact; logarithm at forty digits"
)
def divergence_bound_with_real(candidates, ratio):
    """-log(1 - ratio (K-1)): M (1 + ratio) = 1 + ratio K M bounds sup p_t/p_ref."""
    import mpmath

    grown = 1 / (1 + Fraction(ratio) - Fraction(ratio) * candidates)
    with mpmath.workdps(40):
        return float(mpmath.log(mpmath.mpf(grown.numerator) / grown.denominator))


@second_reading(
    "ferbach-curation",
    draw=lambda rng: {"q": chance(rng), "gap": float(rng.normal() * 3), "t": int(rng.integers(0, 40))},
    route="four pairs of candidates, every generation",
    rtol=1e-9,
    atol=1e-13,
)
def two_types(q, gap, t):
    """Two types, K = 2: q' = q^2 + 2 q (1-q) s, s = 1/(1 + e^-gap); q belongs to the reward larger by gap."""
    law = np.array([q, 1 - q])
    for _ in range(t):
        law = chosen(law / law.sum(), (gap, 0.0), 2)
    return float(law[0])


def draw_gaussian(rng):
    """A Gaussian and a number of rounds."""
    return {"m0": float(rng.normal()), "v0": float(10 ** rng.uniform(-2, 1)), "t": int(rng.integers(0, 30))}


@second_reading(
    "ferbach-curation",
    draw=lambda rng: {**draw_gaussian(rng), "b": float(rng.normal())},
    route="moments on a grid around the highest point",
    atol=1e-12,
)
def gaussian_linear_reward(m0, v0, t, b):
    """(m0 + t b v0, v0): mean and variance, reward b x, infinitely many candidates."""
    sd, mean = math.sqrt(v0), m0
    x = np.linspace(-14, 14, 241)
    for _ in range(t):
        tilt = b * sd  # the grid goes where the density is high; what the grid is centred on drops out of the moments
        y = x + tilt
        weight = np.exp(-(y**2) / 2 + tilt * y - tilt**2 / 2)
        weight = weight / weight.sum()
        step = float(weight @ y)
        mean, sd = mean + sd * step, sd * math.sqrt(float(weight @ (y - step) ** 2))
    return np.array([mean, sd**2])


@second_reading(
    "ferbach-curation",
    draw=lambda rng: {**draw_gaussian(rng), "a": float(rng.normal() * 3), "s": float(10 ** rng.uniform(-1, 1))},
    route="Kalman updates, one per round",
    atol=1e-12,
)
def gaussian_quadratic_reward(m0, v0, t, a, s):
    """1/v_t = 1/v0 + t/s^2, m_t = v_t (m0/v0 + t a/s^2); reward -(x-a)^2/(2 s^2)."""
    mean, variance = m0, v0
    for _ in range(t):
        gain = variance / (variance + s * s)
        mean, variance = mean + gain * (a - mean), variance * s * s / (variance + s * s)
    return np.array([mean, variance])


@second_reading(
    "ferbach-curation",
    draw=lambda rng: {
        "tau": float(rng.uniform(0, 5)),
        "gap": float(rng.uniform(0, 2)),
        "candidates": log_integer(rng, 1, 50),
    },
    route="weights of two cases",
)
def odds_contraction_bound(tau, gap, candidates):
    """1 - (1 - e^(-tau gap)) (K-1)/(e^(2 tau) + K - 1): no less than H(x_j)/H(x_i), rewards in [-1, 1]."""
    alone = math.exp(2 * tau) / (math.exp(2 * tau) + candidates - 1)
    return alone + (1 - alone) * math.exp(-tau * gap)


# ---------------------------------------------------------------------------------------------------------------------
# The equilibrium with real data
# ---------------------------------------------------------------------------------------------------------------------


def draw_equilibrium(rng):
    """A reference law, rewards in [-1, 1], an inverse temperature and a synthetic weight below 1."""
    alphabet = draw_alphabet(rng)
    r = np.clip(np.asarray(alphabet["r"]), -1, 1)
    eta = float(rng.choice([0.0, rng.uniform(), rng.uniform(0.9, 0.999)]))
    return {"p": alphabet["p"], "r": tuple(r.tolist()), "tau": float(rng.uniform(0, 4)), "eta": eta}


def perron(p, r, tau, eta):
    """The Perron vector and root of eta diag(e^(tau r)) + (1-eta) p (e^(tau r))'."""
    p, odds = np.asarray(p), np.exp(tau * np.asarray(r))
    matrix = eta * np.diag(odds) + (1 - eta) * np.outer(p, odds)
    values, vectors = np.linalg.eig(matrix)
    vector = np.abs(np.real(vectors[:, np.argmax(np.real(values))]))
    for _ in range(30):  # a few applications mend what the solver rounds in the small entries
        vector = matrix @ (vector / vector.sum())
    return vector / vector.sum(), float(vector.sum())


@second_reading("curation-equilibrium-closed-form", draw=draw_equilibrium, route="Perron vector", rtol=1e-9)
def equilibrium_law(p, r, tau, eta):
    """(1-eta) p_ref Z/(Z - eta e^(tau r)); the real weight is 1 - eta, p the reference law."""
    return perron(p, r, tau, eta)[0]


@second_reading("curation-equilibrium-closed-form", draw=draw_equilibrium, route="Perron root", rtol=1e-9)
def equilibrium_mean_odds(p, r, tau, eta):
    """Z = E_equilibrium e^(tau r), the root of sum (1-eta) p_ref e^(tau r)/(Z - eta e^(tau r)) = 1."""
    return perron(p, r, tau, eta)[1]


@second_reading(
    "curation-equilibrium-closed-form",
    draw=lambda rng: {"tau": float(rng.uniform(0, 5)), "eta": chance(rng)},
    route="two terms",
)
def equilibrium_contraction(tau, eta):
    """A contraction if below 1: eta 2 e^(2 tau) (2 + e^(2 tau))."""
    return eta * (4 * math.exp(2 * tau) + 2 * math.exp(4 * tau))
