r"""How related are the points of a training set? The coefficient F of each way to reuse data, part three.

Derived for this package: plans that use only a part of what they have made. A subsample of everything converges like
accumulation, at a higher level; a window over the last batches does not converge and only loses more slowly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import scipy

from modelcollapse import Categorical, Subsample, Window, theory
from modelcollapse.claims.checks import Computed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.derived_inbreeding import DERIVED, EVEN, H0, kept_and_error, simulated
from modelcollapse.claims.programs import at

# ------------------------------------------------------------------------------------------- accumulate and subsample


def subsample_limit(n):
    """Return F_infinity of accumulate-and-subsample: a thousand factors, the others by Euler and Maclaurin."""
    if n == 1:
        return 1.0

    def log_factor(t):
        return np.log1p(-(2 * t - 1 - t / n) / ((t * n - 1) * (t + 1) ** 2))

    last = 1000.0
    tail = scipy.integrate.quad(lambda u: log_factor(last / u) * last / u**2, 0, 1, epsabs=0, epsrel=1e-12)[0]
    slope = (log_factor(last + 1) - log_factor(last - 1)) / 2
    terms = np.sort(log_factor(np.arange(1, last)))[::-1]  # the smallest first
    total = math.fsum(terms) + tail + log_factor(last) / 2 - slope / 12
    return -math.expm1(2 * math.log1p(-1 / n) + total)


def _subsample(n, t):
    return theory.inbreeding_subsample(n, t)[-1] if n > 1 and t else float(t > 0)


def _subsample_pairs(n, t):
    """Pairs of different points of the pool that are one draw, from batch to batch, in exact fractions."""
    q, pool = Fraction(0), n
    for _ in range(t - 1):
        alike = Fraction(1, n) + (1 - Fraction(1, n)) * q
        cross = Fraction(1, pool) + (1 - Fraction(1, pool)) * q
        twice = q * pool * (pool - 1) + 2 * pool * n * cross + n * (n - 1) * alike
        pool += n
        q = twice / (pool * (pool - 1))
    return float(Fraction(1, n) + (1 - Fraction(1, n)) * q)


SUBSAMPLE = Claim(
    id="F-SUB",
    title="Accumulate and subsample: n F tends to pi^2/2 - 2",
    statement=(
        "If all batches are kept but each fit uses only n of the tn points, drawn without replacement, F still "
        "converges to a limit below 1; for large n it is (pi^2/2 - 2)/n, 1.8 times that of fitting to all."
    ),
    formula=(
        r"E W_1 = 1-\tfrac1n,\quad E W_{t+1} = E W_t\Big[1-\frac{2t-1-t/n}{(tn-1)(t+1)^2}\Big],\quad 1-F_t = "
        r"E W_t\frac{t(n-1)}{tn-1}, \qquad n F_\infty \to \frac{\pi^2}2 - 2"
    ),
    assumptions=(
        "As for F-MASTER; n >= 2; W is the variance of the pool with divisor tn, in units of the true variance."
    ),
    source=(DERIVED, "kazdan2025"),
    kind=Kind.EXACT,
    theory=(theory.inbreeding_subsample,),
    simulation="Categorical chains with 20 types, point by point.",
    checks=(
        Computed(
            label="pairs of points of the pool, in exact fractions",
            predict=lambda n, t: _subsample(n, t),
            other=_subsample_pairs,
            cases=({"n": 10, "t": 2}, {"n": 2, "t": 40}, {"n": 300, "t": 30}),
            rtol=1e-12,
            mutants={"fitted to all": theory.inbreeding_accumulate},
        ),
        Limit(
            label="pi^2/2 - 2 for large n",
            value=lambda n: n * subsample_limit(n),
            asymptote=lambda n: math.pi**2 / 2 - 2,
            along=(10, 40, 160, 640, 2560),
            remainder=lambda n: 1 / n,
            mutants={"pi^2/6, as if fitted to all": lambda n: math.pi**2 / 6},
        ),
        Limit(
            label="the coefficient at generation t tends to that limit",
            value=lambda t, n: _subsample(n, t),
            asymptote=lambda t, n: subsample_limit(n),
            along=(50, 200, 800, 3200),
            remainder=lambda t: 1 / t,
            cases=({"n": 10}, {"n": 2}),
            name="t",
        ),
        simulated(
            lambda n, t: Subsample(n=n),
            _subsample,
            ({"n": 8, "t": 3}, {"n": 10, "t": 2}, {"n": 3, "t": 4}),
            size=5000,
            mutants={"fitted to all": theory.inbreeding_accumulate, "replace": theory.inbreeding_replace},
        ),
    ),
    second={
        "inbreeding_subsample_exact": _subsample,
        "inbreeding_subsample": _subsample,
        "limit_subsample": subsample_limit,
    },
    remark="With n = 1 the last formula is 0/0; one point has no variance, and F = 1 from the first fit.",
    tags=("inbreeding", "plans", "subsample"),
)


# --------------------------------------------------------------------------------------------------------------- window


@dataclass(frozen=True, repr=False)
class FullWindow(Window):
    """A window that begins with k real batches; generation t of the statement is generation k - 1 + t here."""

    def plan(self, generations):
        """Write the regime out: the first k batches are real."""
        right = super().plan(generations)
        early = np.arange(generations) < self.k
        real = np.where(early, right.batch, right.real)
        object.__setattr__(right, "synthetic", right.batch - real)
        object.__setattr__(right, "real", real)
        return right


def _window(K, b, t):
    return theory.inbreeding_window(b, K, t)[-1] if t else 0.0


def _window_step(D, b):
    """Write the recursion down entry by entry."""
    D = np.asarray(D, dtype=float)
    new = np.empty_like(D)
    new[1:, 1:] = D[:-1, :-1]
    new[0, 0] = (1 - 1 / b) * D.mean()
    new[0, 1:] = new[1:, 0] = D.mean(axis=0)[:-1]
    return new


def _window_rate(K, b):
    """Return -log of the top eigenvalue x of the recursion.

    All rows of its matrix have the sum 1 but that of pair 0 0, which lacks 1/b: so 1 - x is 1/b times the share of that
    pair in the left eigenvector, without a difference of nearly equal numbers.
    """
    columns = np.array([_window_step(unit.reshape(K, K), b).ravel() for unit in np.eye(K * K)])
    values, vectors = np.linalg.eig(columns)
    top = np.abs(vectors[:, np.argmax(values.real)].real)
    with np.errstate(divide="ignore"):
        return -np.log1p(-top[0] / top.sum() / b)


def _window_growth(K, b):
    """Return what a step leaves of the mean deficit after many steps."""
    D = np.ones((K, K))
    for _ in range(400):
        D = _window_step(D / D.mean(), b)
    return D.mean()


def _window_tables(size, rng, K, b):
    """Two generations of a window, batch by batch: one minus the product of the frequencies of any two batches."""
    batches = [rng.multinomial(b, EVEN, size) / b for _ in range(K)]
    for _ in range(2):
        batches = [rng.multinomial(b, np.mean(batches, axis=0)) / b, *batches[:-1]]
    x = np.stack(batches, axis=1)
    return (1 - x @ x.transpose(0, 2, 1)) / H0


def _window_chains(size, rng, K, b, t):
    return kept_and_error(at(Categorical(EVEN), FullWindow(n=b, k=K), K - 1 + t, size, rng, "probability"))


WINDOW = (
    Claim(
        id="F-WIN",
        title="A sliding window of K batches only delays: the rate is about 4/(b(K+1)^2)",
        statement=(
            "If each fit uses the last K batches of b points, everything is lost in the end, geometrically; for large "
            "b the rate is 4/(b(K+1)^2), as of replacing with b(K+1)^2/4 points."
        ),
        formula=r"1 - F_t \approx \mathrm{const}\cdot e^{-rt}, \qquad r \approx \frac4{b(K+1)^2}",
        assumptions="As for F-MASTER; the window begins with K real batches.",
        source=(DERIVED,),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_window, theory.inbreeding),
        simulation="Categorical chains with 20 types in a window that begins with real batches.",
        checks=(
            Computed(
                label="the general recursion of all regimes",
                predict=lambda K, b, t: theory.inbreeding_window(b, K, t)[-1],
                other=lambda K, b, t: theory.inbreeding(FullWindow(n=b, k=K), K - 1 + t)[-1],
                cases=({"K": 3, "b": 4, "t": 2}, {"K": 5, "b": 30, "t": 100}, {"K": 1, "b": 9, "t": 20}),
                rtol=1e-11,
                mutants={"begins with one real batch": lambda K, b, t: theory.inbreeding(Window(n=b, k=K), t)[-1]},
            ),
            simulated(
                None,
                _window,
                ({"K": 3, "b": 4, "t": 2}, {"K": 2, "b": 6, "t": 12}, {"K": 4, "b": 3, "t": 5}),
                draw=_window_chains,
                mutants={
                    "one batch more": lambda K, b, t: _window(K + 1, b, t),
                    "replace with K b points": lambda K, b, t: theory.inbreeding_replace(K * b, t),
                },
            ),
            Limit(
                label="the rate for large b",
                value=lambda b, K: _window_rate(K, b),
                asymptote=lambda b, K: 4 / (b * (K + 1) ** 2),
                along=(20, 80, 320, 1280, 5120),
                remainder=lambda b: 1 / b,
                cases=({"K": 3}, {"K": 2}, {"K": 6}),
                name="b",
                mutants={"4/(b K^2)": lambda b, K: 4 / (b * K**2)},
            ),
        ),
        second={
            "inbreeding_window_pairs": _window,
            "inbreeding_window": _window,
            "retained_window": lambda K, b, t: theory.retained(FullWindow(n=b, k=K), K - 1 + t)[-1] if t else 1.0,
        },
        tags=("inbreeding", "plans", "window"),
    ),
    Claim(
        id="F-WIN-R",
        title="The window is a linear recursion on pairs of batches",
        statement=(
            "One generation of the window plan maps the table of what pairs of batches still lack to perfect "
            "relatedness linearly: the new batch averages the window, the others grow older."
        ),
        formula=(
            r"D'_{00} = (1-\tfrac1b)\overline D,\quad D'_{0j} = D'_{j0} = \frac1K\sum_i D_{i,j-1},\quad "
            r"D'_{ij} = D_{i-1,j-1},\quad 1-F = \overline D"
        ),
        assumptions="As for F-WIN; D_ij = 1 between real batches, 1 - 1/b within one.",
        source=(DERIVED,),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_window,),
        simulation="Categorical chains with 20 types: deficits of the newest batch against each older one.",
        checks=(
            Computed(
                label="what is left of the top eigenvector after one step",
                predict=lambda K, b: math.exp(-_window_rate(K, b)),
                other=_window_growth,
                cases=({"K": 3, "b": 4}, {"K": 6, "b": 50}, {"K": 2, "b": 1}),
                rtol=1e-10,
            ),
            Sampled(
                label="the table of deficits of simulated batches after two steps",
                predict=lambda K, b: _window_step(_window_step(np.ones((K, K)) - np.eye(K) / b, b), b),
                draw=_window_tables,
                bounds=(0.0, 1 / H0),
                cases=({"K": 3, "b": 4}, {"K": 2, "b": 10}),
                size=60000,
                mutants={"one step": lambda K, b: _window_step(np.ones((K, K)) - np.eye(K) / b, b)},
            ),
        ),
        second={"window_step": _window_step, "window_rate": _window_rate},
        tags=("inbreeding", "plans", "window"),
    ),
)

CLAIMS = (SUBSAMPLE, *WINDOW)
