r"""What claims about categories share: one type against the rest, and loops that run until one type is left.

The count of one type among n draws is a chain on 0 .. n whose rows are binomial laws, whatever the other types do.
Here they are written down from the textbook, without the package's own chain: `theory` goes backward on polynomials,
this goes forward on counts, and times are solutions of linear systems. States that are out of reach are left out, so
that small probabilities are sums and not differences.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np


def binomial(n: int, p: float) -> np.ndarray:
    """Probabilities of 0 .. n draws of a type of frequency p."""
    from scipy.stats import binom

    return binom.pmf(np.arange(n + 1), n, p)


@lru_cache(maxsize=16)
def chain(n: int) -> np.ndarray:
    """From counts to counts, (n + 1, n + 1)."""
    from scipy.stats import binom

    i = np.arange(n + 1)
    out = binom.pmf(i[None, :], n, i[:, None] / n)
    out.setflags(write=False)
    return out


def counts(n: int, t: int, p: float) -> np.ndarray:
    """Law of the count after t >= 1 fits."""
    return binomial(n, p) @ np.linalg.matrix_power(chain(n), t - 1)


def alive(n: int, t: int, p: float, *, both: bool = False) -> float:
    """Probability that the type is there (and another one too) after t >= 1 fits; no subtraction."""
    top = n if both else n + 1
    block = chain(n)[1:top, 1:top]
    return float((binomial(n, p)[1:top] @ np.linalg.matrix_power(block, t - 1)).sum())


@lru_cache(maxsize=256)
def absorbed(n: int, p: float) -> tuple[float, float, float]:
    """Probability of winning, mean time until won or lost, and mean time on the event of winning (not divided by it).

    The first fit is to the truth p; n >= 2.
    """
    start, block = binomial(n, p), chain(n)[1:n, 1:n]
    step = np.eye(n - 1) - block
    wins, times = np.linalg.solve(step, np.stack([chain(n)[1:n, n], np.ones(n - 1)], axis=1)).T
    winning = np.linalg.solve(step, wins)
    inside = start[1:n]
    win = float(start[n] + inside @ wins)
    return win, 1 + float(inside @ times), win + float(inside @ winning)


def times_left(size: int, rng: np.random.Generator, p, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Refit n draws until one type is left: number of fits, and which type it is; `size` runs."""
    x = rng.multinomial(n, np.asarray(p, dtype=float), size=size)
    times, winner, running = np.empty(size, int), np.empty(size, int), np.arange(size)
    t = 1
    while len(running):
        done = x.max(axis=1) == n
        times[running[done]], winner[running[done]] = t, x[done].argmax(axis=1)
        running, x, t = running[~done], x[~done], t + 1
        x = rng.multinomial(n, x / n) if len(running) else x
    return times, winner


def one_hot(which: np.ndarray, k: int) -> np.ndarray:
    """Booleans (size, k): which of k things it was."""
    return which[:, None] == np.arange(k)


def uneven(collision: float, types: int) -> np.ndarray:
    """Return a law on so many types whose sum of squares is `collision`: all but the first are alike."""
    extra = np.sqrt((collision - 1 / types) / (1 - 1 / types))
    p = np.full(types, (1 - extra) / types)
    p[0] += extra
    return p
