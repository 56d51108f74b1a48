r"""Chains of categorical models, simulated through their counts.

The statistic of n points is the vector of counts, which is multinomial; counts of batches add. So a generation is one
multinomial draw over the categories that are left, and everything depends on how fast that is.

**Three ways to a multinomial**, all exact.

* *Poissonisation.* Independent Poisson counts of means :math:`np_i` are multinomial, given their total N. If N
  falls short of n, the missing points are drawn one by one from p; if it exceeds n, points are taken away one by one,
  each of those left being as likely. Either way the law is that of n points, and :math:`|N - n|` is only about
  :math:`\sqrt n`.
* *One by one*, where points are much fewer than categories.
* *Conditional binomials*, where categories are much fewer than :math:`\sqrt n`.

**Poisson counts** add: a mean is cut into parts from a grid of means, whose laws are tables of Walker's aliases (one
random number and one look each), and a small remainder. The remainders of all categories are laid end to end, and one
Poisson process of rate 1 runs along them: only its events, which are few, cost a random number. Under Replace with a
constant n the means are the last counts themselves, whole numbers, and there is no remainder. From 8192 on counts come
from transformed rejection (Hörmann 1993, PTRD); everything there is relative to the mean, so that means of 10^12 are as
exact as small ones.

``rows`` holds real data as places in the list of the categories that the truth has. When it is empty, real points are
drawn from the truth; otherwise batch 1 is a random subset of the rows (all of them where the sizes agree) and later
real points are rows drawn with replacement.
"""

import functools
import math

import numpy as np
from numba import njit

from modelcollapse._kernels.draws import pick, shuffle_head

#: the grid of means that have a table: sixteenths below 8, quarters below 32, whole numbers below 256 and multiples of
#: 256 below 8192
SIXTEENTHS, QUARTERS, WHOLE, COARSE = 8, 32, 256, 8192
#: a table leaves out what is less likely than this, relative to the most likely count; all of it together is less
#: than a random number can resolve
NEVER = 1e-19


def grid():
    """Return the means that have a table, ascending, and into how many parts the unit is cut from 0, 1, .. 255 on."""
    parts = np.repeat([16.0, 4.0, 1.0], [SIXTEENTHS, QUARTERS - SIXTEENTHS, WHOLE - QUARTERS])
    units = [base + np.arange(cut) / cut for base, cut in enumerate(parts)]
    return np.concatenate([*units, np.arange(WHOLE, COARSE, WHOLE)]), parts


@functools.cache
def tables():
    """Return what `poisson` looks up.

    Returns
    -------
    place, parts : (256,) arrays
        Place in the grid of a whole mean, and means from there to the next whole one.
    start, width, first : (mean,) arrays
        Where the table of each mean begins, how long it is, and the count it begins with.
    threshold, alias : arrays
        All tables, one after the other.
    """
    means, parts = grid()
    place = np.cumsum(parts, dtype=np.int64) - parts.astype(np.int64)
    start, width, first = (np.empty(len(means), np.int64) for _ in range(3))
    threshold, alias = np.empty(0), np.empty(0, np.int32)
    entries = lay_out(means, start, width, first, threshold, alias)
    threshold, alias = np.empty(entries), np.empty(entries, np.int32)
    lay_out(means, start, width, first, threshold, alias)
    return place, parts, start, width, first, threshold, alias


@njit(cache=True, nogil=True)
def lay_out(means, start, width, first, threshold, alias):
    """Fill the tables (Walker 1977, in the order of Vose 1991); where they have no room, only say how much it takes."""
    entries = 0
    for i in range(len(means)):
        mean = means[i]
        mode = int(mean)
        low, high = mode, mode
        p = 1.0
        while low > 0 and p > NEVER:
            p *= low / mean
            low -= 1
        p = 1.0
        while p > NEVER:
            high += 1
            p *= mean / high
        W = high - low + 1
        start[i], width[i], first[i] = entries, W, low
        if len(threshold) > 0:
            law = np.empty(W)
            law[mode - low] = 1.0
            for k in range(mode, low, -1):
                law[k - 1 - low] = law[k - low] * k / mean
            for k in range(mode, high):
                law[k + 1 - low] = law[k - low] * mean / (k + 1)
            total = 0.0
            for k in range(W):
                total += law[k]
            poor, rich = np.empty(W, np.int64), np.empty(W, np.int64)
            poors, riches = 0, 0
            for k in range(W):
                law[k] *= W / total
                threshold[entries + k] = 1.0
                alias[entries + k] = low + k
                if law[k] < 1.0:
                    poor[poors] = k
                    poors += 1
                else:
                    rich[riches] = k
                    riches += 1
            while poors > 0 and riches > 0:
                poors -= 1
                j, k = poor[poors], rich[riches - 1]
                threshold[entries + j] = law[j]
                alias[entries + j] = low + k
                law[k] -= 1.0 - law[j]
                if law[k] < 1.0:
                    riches -= 1
                    poor[poors] = k
                    poors += 1
        entries += W
    return entries


@njit(cache=True, nogil=True, inline="always")
def look_up(u, i, start, width, first, threshold, alias):
    """Turn a uniform number into a Poisson count of mean number `i` of the grid; without a branch to mispredict."""
    u *= width[i]
    j = int(u)
    entry = start[i] + j
    other, this = int(alias[entry]), first[i] + j
    return this if u - j < threshold[entry] else other


@njit(cache=True, nogil=True)
def poisson(rng, tables, weights, scale, out):
    """Fill `out` with independent Poisson counts of means scale x weights, all below 2^53; return their sum.

    One loop that calls nothing on its usual paths: to hand a generator to a function costs more than a draw.
    """
    place, parts, start, width, first, threshold, alias = tables
    coarse = place[WHOLE - 1]
    drawn = 0
    known, whole, rest, inside, a, b = 0.0, 0, 0.0, 0.0, 0.0, 0.0
    wait = -math.log(1.0 - rng.random())  # until the next event of the process along the remainders
    for i in range(len(weights)):
        mean = weights[i] * scale
        k = 0
        if mean >= COARSE:
            if mean != known:
                known = mean
                whole = int(mean)
                rest, b = mean - whole, 0.931 + 2.53 * math.sqrt(mean)
                a, inside = -0.059 + 0.02483 * b, 0.9277 - 3.6224 / (b - 2.0)
            v = rng.random()
            if v <= 0.86 * inside:  # four in five: under the curve for certain
                u = v / inside - 0.43
                k = whole + math.floor((2.0 * a / (0.5 - abs(u)) + b) * u + rest + 0.445)
            else:
                k = many(rng, v, mean)
        else:
            if mean >= WHOLE:
                times = int(mean) // WHOLE
                k = look_up(rng.random(), coarse + times, start, width, first, threshold, alias)
                mean -= WHOLE * times
            base = int(mean)
            cell = place[base]
            mean -= base
            if mean > 0.0:  # not under Replace with a constant n
                times = int(mean * parts[base])
                cell += times
                wait -= mean - times / parts[base]
                while wait < 0.0:
                    wait -= math.log(1.0 - rng.random())
                    k += 1
            if cell > 0:
                k += look_up(rng.random(), cell, start, width, first, threshold, alias)
        out[i] = k
        drawn += k
    return drawn


@njit(cache=True, nogil=True)
def many(rng, v, mean):
    """Draw a Poisson count of a mean >= 8192, by transformed rejection with decomposition (Hörmann 1993, PTRD).

    The first uniform number `v` is given; where it falls under the curve for certain, `poisson` has seen to it.
    """
    sd = math.sqrt(mean)
    b = 0.931 + 2.53 * sd
    a, inside = -0.059 + 0.02483 * b, 0.9277 - 3.6224 / (b - 2.0)
    hat = 1.1239 + 1.1328 / (b - 3.4)
    whole = int(mean)
    rest = mean - whole
    while True:
        certain = v <= 0.86 * inside
        if certain:
            u = v / inside - 0.43
        elif v >= inside:
            u = rng.random() - 0.5
        else:
            u = v / inside - 0.93
            u = (0.5 if u > 0.0 else -0.5) - u
            v = rng.random() * inside
        us = 0.5 - abs(u)
        x = (2.0 * a / us + b) * u + rest + 0.445 if us > 0.0 else math.inf
        if abs(x) < 60.0 * sd:  # further out the density is zero
            j = math.floor(x)
            if certain or v * hat / (a / (us * us) + b) <= density(whole + j, j - rest, mean):
                return whole + j
        v = rng.random()


@njit(cache=True, nogil=True)
def density(k, deviation, mean):
    """Poisson probability of k = mean + deviation, both large (Loader 2000): Stirling's series and a deviance."""
    x = deviation / mean
    if abs(x) < 0.02:  # (1 + x) log(1 + x) - x as a series
        y = 1 / 30 - x * (1 / 42 - x * (1 / 56 - x * (1 / 72)))
        y = 1 / 2 - x * (1 / 6 - x * (1 / 12 - x * (1 / 20 - x * y)))
        deviance = deviation * x * y
    else:
        deviance = k * math.log1p(x) - deviation
    return math.exp(-deviance - (1 / 12 - 1 / (360.0 * k * k)) / k) / math.sqrt(2.0 * math.pi * k)


@njit(cache=True, nogil=True)
def change(rng, points, weights, out, reach):
    """Add points to counts one by one, or take them away where `points` is negative; `reach` is for cumulative sums.

    A new point goes to i with probability weights[i] / sum. A point that goes is one of those left, each as likely.
    """
    if points == 0:
        return
    K = len(out)
    total = 0.0
    for i in range(K):
        total += weights[i] if points > 0 else out[i]
        reach[i] = total
    left = abs(points)
    while left > 0:
        place = rng.random() * total
        i = 0
        n = K
        while n > 1:  # the first i whose reach is above the place
            half = n >> 1
            i = i + half if reach[i + half - 1] <= place else i
            n -= half
        if points > 0:
            out[i] += 1
            left -= 1
        elif reach[i] - place <= out[i]:  # otherwise a point that is gone already
            out[i] -= 1
            left -= 1


@njit(cache=True, nogil=True)
def multinomial(rng, tables, size, weights, total, out, reach):
    """Fill `out` with the counts of `size` draws from weights / total; `reach` is for sums."""
    K = len(weights)
    if size > 25 * K * K:  # to mend a Poisson total would cost more than K binomials
        left = 0.0
        for i in range(K - 1, -1, -1):
            left += weights[i]
            reach[i] = left
        for i in range(K):
            p = weights[i] / reach[i] if size > 0 and weights[i] > 0.0 else 0.0
            k = size
            if p < 1.0:
                k = rng.binomial(size, p) if p > 0.0 else 0
            out[i] = k
            size -= k
    elif 8 * size < K:
        for i in range(K):
            out[i] = 0
        change(rng, size, weights, out, reach)
    else:
        drawn = poisson(rng, tables, weights, size / total, out)
        change(rng, size - drawn, weights, out, reach)


@njit(cache=True, nogil=True)
def replace(rng, tables, sizes, rows, there, weights, probability):
    """Fit to the last model alone: fill `probability` (replicate, T, category), all zero before, at its survivors.

    `there` are the categories that the truth has, `weights` their probabilities, which sum to one.
    """
    replicates, T, K = probability.shape
    order = np.arange(len(rows))
    survivors = np.empty(K, np.int64)
    held, reach = np.empty(K), np.empty(K)
    counts = np.empty(K, np.int64)
    for r in range(replicates):
        A = len(there)
        for a in range(A):
            survivors[a] = there[a]
        if len(rows) > 0:
            shuffle_head(rng, sizes[0], order)
            for a in range(A):
                counts[a] = 0
            for i in range(sizes[0]):
                counts[rows[order[i]]] += 1
        for t in range(T):
            n = sizes[t]
            if t > 0:
                multinomial(rng, tables, n, held[:A], float(sizes[t - 1]), counts[:A], reach[:A])
            elif len(rows) == 0:
                multinomial(rng, tables, n, weights, 1.0, counts[:A], reach[:A])
            alive = 0
            for a in range(A):
                i, k = survivors[a], counts[a]
                probability[r, t, i] = k / n
                survivors[alive] = i
                held[alive] = k
                alive += 1 if k > 0 else 0
            A = alive


@njit(cache=True, nogil=True)
def pool(rng, tables, real, synthetic, substitutes, oldest, pinned, ring, rows, there, weights, probability):
    """Any additive regime: fill `probability` (replicate, T, category), all zero before.

    `there` and `weights` as for `replace`. Categories have places 0, 1, ... of their own; where no real points come in
    later, those that are gone give theirs up from time to time.
    """
    replicates, T, K = probability.shape
    given = len(rows) > 0
    order = np.arange(len(rows))
    places = max(ring, 1)
    category, counts = np.empty(K, np.int64), np.empty(K, np.int64)
    batches = np.zeros((places, K))
    pin, batch, held, reach = np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    for r in range(replicates):
        if given:
            shuffle_head(rng, real[0], order)
        closed = True
        for t in range(1, T):
            if real[t] + substitutes[r, t] > 0:
                closed = False
        A = len(there)
        for a in range(A):
            category[a] = there[a]
            pin[a] = 0.0
        total = 1.0
        for t in range(T):
            fresh = real[t] + substitutes[r, t]
            # the new batch
            if t > 0:
                made = synthetic[t] - substitutes[r, t]
                multinomial(rng, tables, made, held[:A], total, counts[:A], reach[:A])
                for a in range(A):
                    batch[a] = counts[a]
            else:
                for a in range(A):
                    batch[a] = 0.0
            for part in range(2):  # its real points: of the first batch the pinned ones by themselves
                low, high = (0, pinned if t == 0 else 0) if part == 0 else (pinned if t == 0 else 0, fresh)
                if given:
                    for i in range(low, high):
                        batch[rows[order[i] if t == 0 else pick(rng, len(rows))]] += 1.0
                elif high > low:
                    multinomial(rng, tables, high - low, weights, 1.0, counts[:A], reach[:A])
                    for a in range(A):
                        batch[a] += counts[a]
                if t == 0 and part == 0:
                    for a in range(A):
                        pin[a] = batch[a]
            # the training set
            if t == 0 or oldest[t] != oldest[t - 1]:
                for a in range(A):
                    held[a] = pin[a] if oldest[t] > 1 else 0.0
                for b in range(oldest[t] - 1, t):
                    for a in range(A):
                        held[a] += batches[b % places, a]
            total = 0.0
            alive = 0
            for a in range(A):
                held[a] += batch[a]
                total += held[a]
                alive += 1 if held[a] > 0.0 else 0
                if ring > 0:
                    batches[t % places, a] = batch[a]
            # the fit
            for a in range(A):
                probability[r, t, category[a]] = held[a] / total
            if closed and 4 * alive < 3 * A:
                alive = 0
                for a in range(A):
                    if held[a] > 0.0:
                        category[alive], held[alive], pin[alive] = category[a], held[a], pin[a]
                        if ring > 0:
                            for b in range(places):
                                batches[b, alive] = batches[b, a]
                        alive += 1
                A = alive
