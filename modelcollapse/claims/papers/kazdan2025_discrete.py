"""Kazdan et al. (2025), Collapse or thrive? Discrete distributions refitted until their entropy is gone.

The published curves are mean times over a hundred runs, for K equal types and n samples. The exact mean is a sum over
chains of single types, and the scatter of one run, slightly above n, says how far such a mean may be off.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from modelcollapse import theory
from modelcollapse.claims import two_types
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind

#: read off the published plot: generations for K = 10 types and n = 10 samples, mean of 100 runs
PUBLISHED, SEEDS = 17.2, 100


@cache
def _moments(n, k):
    return theory.collapse_time(np.full(k, 1 / k), n)


def _until_entropy_is_gone(size, rng, n, k):
    """Refit until the entropy is below 1e-8: with n samples that is until one type is left."""
    from scipy.special import entr

    counts = rng.multinomial(n, np.full(k, 1 / k), size=size)
    times, running, t = np.empty(size, int), np.arange(size), 1
    while len(running):
        done = entr(counts / n).sum(axis=1) < 1e-8
        times[running[done]] = t
        running, counts, t = running[~done], counts[~done], t + 1
        counts = rng.multinomial(n, counts / n) if len(running) else counts
    return times


CLAIMS = (
    Claim(
        id="KAZ-DISC",
        title="Generations until one of K equal types is left: about 2n (K - 1) ln(K/(K - 1))",
        statement=(
            "Starting from K equal types and refitting to n samples, the entropy is gone after a number of "
            "generations that grows like n and hardly with K; the published means over 100 seeds are sums over "
            "chains of single types, known exactly, and their standard error is slightly above n/10."
        ),
        formula=r"E\,T \approx -2nK\Big(1-\frac1K\Big)\ln\Big(1-\frac1K\Big), \qquad \mathrm{sd}\,T \gtrsim n",
        assumptions="Replace, uniform truth, stopped when the entropy is below 1e-8.",
        source=("kazdan2025",),
        locus="Discrete distributions",
        kind=Kind.EMPIRICAL,
        theory=(theory.collapse_time, theory.collapse_time_diffusion),
        simulation="Multinomial loops from K equal types, stopped by their entropy.",
        checks=(
            Computed(
                label="mean, by the linear system of one type",
                predict=lambda n, k: _moments(n, k)[0],
                other=lambda n, k: k * two_types.absorbed(n, 1 / k)[2],
                cases=({"n": 10, "k": 10}, {"n": 100, "k": 1000}, {"n": 10, "k": 10_000}),
                rtol=1e-10,
                mutants={"the diffusion": lambda n, k: theory.collapse_time_diffusion(np.full(k, 1 / k), n)},
            ),
            Limit(
                label="growth of the mean from n to 2n over that of the diffusion",
                value=lambda n, k: _moments(2 * n, k)[0] - _moments(n, k)[0],
                asymptote=lambda n, k: theory.collapse_time_diffusion(np.full(k, 1 / k), n),
                along=(50, 100, 200, 400, 800),
                remainder=lambda n: 1 / n,
                cases=({"k": 2}, {"k": 10}),
                mutants={"2n": lambda n, k: 2 * n},
            ),
            Sampled(
                label="generations until the entropy is gone",
                predict=lambda n, k: _moments(n, k)[0],
                draw=_until_entropy_is_gone,
                sd=lambda n, k: _moments(n, k)[1],
                cases=({"n": 10, "k": 10}, {"n": 10, "k": 100}, {"n": 50, "k": 10}),
                size=8000,
                mutants={"the diffusion": lambda n, k: theory.collapse_time_diffusion(np.full(k, 1 / k), n)},
            ),
            Ordered(
                label="the published mean for K = n = 10, within two of its standard errors",
                lower=lambda n, k: abs(PUBLISHED - _moments(n, k)[0]),
                upper=lambda n, k: 2 * _moments(n, k)[1] / math.sqrt(SEEDS),
                bound="upper",
                cases=({"n": 10, "k": 10},),
            ),
        ),
        second={"generations_to_fixation_exact": lambda n, k: _moments(n, k)[0]},
        tags=("categorical", "absorption", "time", "experiment"),
    ),
)
