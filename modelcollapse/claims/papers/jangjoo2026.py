"""Jangjoo et al. (2026), Lost in retraining: closed-loop learning in exponential families.

Under maximum likelihood the means of the sufficient statistics are a martingale, so a model ends where it has no
variance left. For independent spins this is Wright-Fisher drift with all spins of all samples as copies; for the
exponential law the logarithm of the mean is a random walk downwards; and one real point per generation is enough to
prevent it. Checked against chains of counts and by refitting.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from modelcollapse import Categorical, Exponential, FreshReal, Poisson, Replace, theory
from modelcollapse.claims import two_types
from modelcollapse.claims.checks import Computed, Distributed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at
from modelcollapse.claims.programs import heterozygosity as of_run


def _spins(size, rng, phi, spins, n):
    """Refit the common mean of independent spins until all of all samples agree: fits, and whether all are up."""
    up = (1 + phi) / 2
    times, winner = two_types.times_left(size, rng, (up, 1 - up), spins * n)
    return times, winner == 0


def _sample_of_spins(size, rng, phi, spins, n, t):
    """The square of the mean after t fits, spin by spin."""
    mean = np.full(size, phi)
    for _ in range(t):
        up = rng.random((size, n, spins)) < (1 + mean[:, None, None]) / 2
        mean = 2 * up.mean(axis=(1, 2)) - 1
    return mean**2


def _log_by_quadrature(n, t):
    """E ln of a Gamma(n) variable divided by n, t of them: integral over the logarithm."""
    from scipy.integrate import quad
    from scipy.special import gammaln

    def density(y):
        return y * math.exp(n * (y + math.log(n)) - n * math.exp(y) - gammaln(n))

    width = 8 / math.sqrt(n) if n > 60 else 40 / n
    ends = -width - 2 / n, -2 / math.sqrt(n), 0.0, 2 / math.sqrt(n), 8 / math.sqrt(n) + 2 / n
    pieces = pairwise(ends)
    return t * sum(quad(density, a, b, epsabs=1e-16, epsrel=1e-13, limit=300)[0] for a, b in pieces)


def _exponential_log(size, rng, n, t):
    return -at(Exponential(1.0), Replace(n=n), t, size, rng, "log_rate")


def _law_of_log(n, t):
    """Two refits are needed for the law in closed form: of one, a Gamma law."""
    from scipy.special import gammainc

    if t != 1:
        raise ValueError(f"t must be 1, got {t}.")
    return lambda y: gammainc(n, n * np.exp(y))


def _geometric(size, rng, mean, n, t):
    """The mean of n geometric counts of the last mean, again and again: their sum is negative binomial."""
    x = np.full(size, mean)
    for _ in range(t):
        total = np.zeros(size, np.int64)
        there = x > 0
        total[there] = rng.negative_binomial(n, 1 / (1 + x[there]))
        x = total / n
    return x


def _one_real(p, n, t):
    p = np.asarray(p)
    return float((p * (1 - p)).sum() * theory.retained(FreshReal(n=n, n_real=1), t)[-1])


CLAIMS = (
    Claim(
        id="JMR-MART",
        title="Exponential families: the means are a martingale and end at the boundary, one real point prevents it",
        statement=(
            "In an exponential family refitted by maximum likelihood the means of the sufficient statistics are a "
            "martingale, so the model ends in an absorbing state of the boundary. Independent spins with one field "
            "end all up with probability (1 + phi)/2, in a time proportional to the number of spins times samples. "
            "The mean of an exponential law stays in expectation, but its logarithm falls by ln n - psi(n), about "
            "1/(2n), per fit. At least one real point per generation prevents collapse."
        ),
        formula=(
            r"E[\mu_{t+1} \mid \mu_t] = \mu_t, \qquad P(\text{all up}) = \frac{1+\bar\phi}2, \qquad "
            r"E\ln\frac{\theta_t}{\theta_0} = t\,(\psi(n) - \ln n) \approx -\frac t{2n}"
        ),
        assumptions="Maximum likelihood, replace; n samples per generation.",
        source=("jangjoo2026",),
        kind=Kind.EXACT,
        theory=(
            theory.spin_all_up,
            theory.spin_order,
            theory.exponential_log_mean,
            theory.exponential_moment,
            theory.count_variance,
            theory.inbreeding_fresh_real,
        ),
        simulation="Spins, exponential, Poisson and geometric models, refitted; categories with one real point each.",
        checks=(
            Computed(
                label="fall of the logarithm, by quadrature of the Gamma law",
                predict=lambda n, t: theory.exponential_log_mean(n, t),
                other=_log_by_quadrature,
                cases=({"n": 10, "t": 1}, {"n": 100, "t": 7}, {"n": 2, "t": 3}),
                rtol=1e-9,
                mutants={"-t/(2n)": lambda n, t: -t / (2 * n)},
            ),
            Limit(
                label="fall of the logarithm over -1/(2n)",
                value=lambda n: theory.exponential_log_mean(n, 1),
                asymptote=lambda n: -1 / (2 * n),
                along=(10, 20, 40, 80, 160),
                remainder=lambda n: 1 / n,
                mutants={"-1/n": lambda n: -1 / n},
            ),
            Computed(
                label="all spins up, and the time it takes, by linear systems",
                predict=lambda phi, spins, n: [
                    theory.spin_all_up(phi),
                    theory.absorption_time((1 + phi) / 2, spins * n),
                ],
                other=lambda phi, spins, n: two_types.absorbed(spins * n, (1 + phi) / 2)[:2],
                cases=({"phi": 0.2, "spins": 5, "n": 4}, {"phi": -0.9, "spins": 10, "n": 12}),
                rtol=1e-10,
            ),
            Limit(
                label="growth of the time of spins over spins times samples",
                value=lambda n, phi, spins: (
                    theory.absorption_time((1 + phi) / 2, 2 * spins * n)
                    - theory.absorption_time((1 + phi) / 2, spins * n)
                ),
                asymptote=lambda n, phi, spins: theory.absorption_time_diffusion((1 + phi) / 2, spins * n),
                along=(10, 20, 40, 80, 160),
                remainder=lambda n: 1 / n,
                cases=({"phi": 0.0, "spins": 5},),
                mutants={"samples alone": lambda n, phi, spins: theory.absorption_time_diffusion((1 + phi) / 2, n)},
            ),
            Sampled(
                label="all spins up",
                predict=lambda phi, spins, n: theory.spin_all_up(phi),
                draw=lambda size, rng, phi, spins, n: _spins(size, rng, phi, spins, n)[1],
                cases=({"phi": 0.2, "spins": 5, "n": 4}, {"phi": -0.4, "spins": 3, "n": 10}),
                size=20000,
            ),
            Sampled(
                label="squared mean of the spins",
                predict=lambda phi, spins, n, t: theory.spin_order(phi, spins, n, t),
                draw=_sample_of_spins,
                bounds=(0.0, 1.0),
                cases=({"phi": 0.5, "spins": 4, "n": 5, "t": 10}, {"phi": 0.0, "spins": 3, "n": 2, "t": 4}),
                size=20000,
                mutants={
                    "samples as copies": lambda phi, spins, n, t: theory.spin_order(phi, 1, n, t),
                },
            ),
            Sampled(
                label="martingale: exponential mean",
                predict=lambda n, t: 1.0,
                draw=lambda size, rng, n, t: at(Exponential(1.0), Replace(n=n), t, size, rng, "mean"),
                sd=lambda n, t: math.sqrt(theory.exponential_moment(n, t, 2) - 1),
                cases=({"n": 10, "t": 10}, {"n": 50, "t": 20}),
                size=40000,
            ),
            Sampled(
                label="fall of the logarithm",
                predict=lambda n, t: theory.exponential_log_mean(n, t),
                draw=_exponential_log,
                sd=lambda n, t: math.sqrt(theory.exponential_log_variance(n, t)),
                cases=({"n": 10, "t": 100}, {"n": 3, "t": 40}),
                size=20000,
                mutants={"a martingale too": lambda n, t: 0.0},
            ),
            Distributed(
                label="law of the logarithm after one fit",
                predict=_law_of_log,
                draw=_exponential_log,
                cases=({"n": 4, "t": 1},),
                size=20000,
            ),
            Sampled(
                label="martingale: Poisson mean",
                predict=lambda mean, n, t: mean,
                draw=lambda size, rng, mean, n, t: at(Poisson(mean), Replace(n=n), t, size, rng, "rate"),
                sd=lambda mean, n, t: math.sqrt(theory.count_variance(mean, n, t)),
                cases=({"mean": 2.0, "n": 10, "t": 5}, {"mean": 0.5, "n": 20, "t": 3}),
                size=20000,
            ),
            Sampled(
                label="martingale: geometric mean",
                predict=lambda mean, n, t: mean,
                draw=_geometric,
                sd=lambda mean, n, t: math.sqrt(theory.count_variance(mean, n, t, dispersion=1.0)),
                cases=({"mean": 2.0, "n": 20, "t": 4}, {"mean": 0.5, "n": 30, "t": 5}),
                size=20000,
            ),
            Sampled(
                label="one real point per generation",
                predict=_one_real,
                draw=lambda size, rng, p, n, t: at(Categorical(p), FreshReal(n=n, n_real=1), t, size, rng, of_run),
                bounds=(0.0, 1.0),
                cases=({"p": (0.5, 0.5), "n": 20, "t": 60}, {"p": (0.6, 0.3, 0.1), "n": 5, "t": 30}),
                size=20000,
                mutants={"none": lambda p, n, t: 1e-3},
            ),
        ),
        second={
            "spins_all_up": lambda spins, n, phi0: theory.spin_all_up(phi0),
            "spins_convergence_time_exact": lambda spins, n, phi0: theory.absorption_time((1 + phi0) / 2, spins * n),
            "exponential_log_drift": lambda n, t: theory.exponential_log_mean(n, t),
            "exponential_log_drift_rough": lambda n, t: -t / (2 * n),
        },
        tags=("exponential family", "spins", "poisson", "real data"),
    ),
)
