r"""Chains of frequency spectra: how many types have how many tokens, whoever they are.

Under Replace types of equal count are exchangeable, so the state of a chain is its *spectrum*, the numbers
:math:`M_c` of types with c tokens, and a generation may be drawn class by class. That takes time and memory in
proportion to the number of different counts and to the types that are alone with theirs, not to the number of types.

**One generation, exactly in law.** Every type with c of the m old tokens leaves, independently, a Poisson number of
tokens of mean :math:`\frac cm(n + 6\sqrt n)`. Given their total N the counts are multinomial. It is nearly certain that
N is at least n (otherwise everything is drawn again, which does not change the law given N); then N - n tokens are
taken away, each of those left being as likely, and what remains is multinomial with n tokens. Tokens that go need not
know from whom they came: the new spectrum is enough to tell how likely each class is hit.

* A class with few types is drawn type by type. One with many is the histogram of its offspring: a multinomial draw of
  its types over the Poisson law. It is kept where that law, times the number of types, exceeds `NEVER`.
* Tokens are taken away in rounds. The N - n tokens of a round are drawn with replacement: first how many in each
  class, then which type, and whether the same token has been hit before. Those that have are drawn again in the next
  round, from the spectrum as it then is. There are about :math:`18` of them, whatever n is.

``small[k]`` is the number of types with k tokens; types with ``len(small)`` tokens or more stand in ``large``, one by
one. In the list form, ``counts`` and ``types``, all classes are in one pair of arrays.
"""

import math

import numpy as np
from numba import njit

from modelcollapse._kernels.categorical import NEVER, multinomial, pick, poisson

#: standard deviations by which a Poisson total is aimed too high: it falls short of n once in 10^9 generations
AIM = 6.0
#: counts from here on are listed type by type: a table up to here takes 32 MB
DENSE = 1 << 22
#: columns of the histogram over powers of two: counts are below 2^53
OCTAVES = 53
#: types that are drawn at a time
TOGETHER = 1024
#: a class is drawn as a histogram over windows of at most this many counts
WIDEST = 1 << 17


def rooms(n):
    """Return how long `small` and `large` must be for n tokens (40 standard deviations more than are expected)."""
    most = int(n + AIM * math.sqrt(n) + 40 * math.sqrt(n + AIM * math.sqrt(n)) + 100)
    dense = min(DENSE, most)
    return dense, most // dense + 1


@njit(cache=True, nogil=True)
def gather(small, large, used, counts, types):
    """Write the spectrum as a list; return its length."""
    m = 0
    for k in range(1, len(small)):
        if small[k] > 0:
            counts[m], types[m] = k, small[k]
            m += 1
    for i in range(used):
        counts[m], types[m] = large[i], 1
        m += 1
    return m


@njit(cache=True, nogil=True)
def window(mean, types, law):
    """Write the Poisson law, up to a factor, into the middle of `law`; return where it begins and ends.

    The entry in the middle, ``len(law) // 2``, is that of the count int(mean).
    """
    middle = len(law) // 2
    mode = int(mean)
    least = NEVER / types
    low, high = middle, middle
    p = 1.0
    law[middle] = p
    inverse = 1.0 / mean
    k = mode
    while k > 0 and p > least:
        p *= k * inverse
        k -= 1
        low -= 1
        law[low] = p
    p = 1.0
    k = mode
    while p > least:
        k += 1
        p *= mean / k
        high += 1
        law[high] = p
    return low, high + 1


@njit(cache=True, nogil=True)
def offspring(rng, tables, counts, types, scale, small, large):
    """Fill `small` (zero before) and `large` with Poisson offspring of means scale x counts.

    Returns
    -------
    tokens, used : int
        Their total, and the number of entries of `large`.
    """
    law, reach = np.empty(WIDEST), np.empty(WIDEST)
    split = np.empty(WIDEST, np.int64)
    waiting, drawn = np.empty(TOGETHER), np.empty(TOGETHER, np.int64)
    middle = WIDEST // 2
    dense = len(small)
    tokens, used, filled = 0, 0, 0
    last = len(counts) - 1
    for c in range(len(counts)):
        M = types[c]
        mean = counts[c] * scale
        spread = 20.0 * math.sqrt(mean) + 40.0
        if spread < min(M, middle):
            low, high = window(mean, M, law)
            total = 0.0
            for i in range(low, high):
                total += law[i]
            multinomial(rng, tables, M, law[low:high], total, split[low:high], reach[low:high])
            k = int(mean) - middle
            for i in range(low, high):
                if split[i] > 0:
                    tokens += split[i] * (k + i)
                    if k + i < dense:
                        small[k + i] += split[i]
                    else:
                        for _ in range(split[i]):
                            large[used] = k + i
                            used += 1
            M = 0
        while M > 0 or (c == last and filled > 0):
            some = min(M, TOGETHER - filled)
            for i in range(filled, filled + some):
                waiting[i] = counts[c]
            filled += some
            M -= some
            if filled == TOGETHER or (c == last and M == 0):
                tokens += poisson(rng, tables, waiting[:filled], scale, drawn[:filled])
                for i in range(filled):
                    k = drawn[i]
                    if k < dense:
                        small[k] += 1
                    else:
                        large[used] = k
                        used += 1
                filled = 0
    return tokens, used


@njit(cache=True, nogil=True)
def thin(rng, tables, surplus, small, large, used, counts, types, weights, hits, reach):
    """Take `surplus` tokens away, each of those left being as likely; return the number of entries of `large`."""
    dense = len(small)
    removed = np.zeros(64, np.int64)
    while surplus > 0:
        m = gather(small, large, used, counts, types)
        total = 0.0
        for c in range(m):
            weights[c] = counts[c] * types[c]
            total += weights[c]
        multinomial(rng, tables, surplus, weights[:m], total, hits[:m], reach[:m])
        surplus = 0
        first = m - used
        for c in range(first):  # ascending: what comes down from above has had its turn
            h = hits[c]
            if h == 0:
                continue
            k, M = int(counts[c]), types[c]
            if h + 64 >= M:  # type by type
                if len(removed) < M:
                    removed = np.zeros(2 * M, np.int64)
                for _ in range(h):
                    i = pick(rng, M) if M > 1 else 0
                    if rng.random() * k >= removed[i]:
                        removed[i] += 1
                    else:
                        surplus += 1
                for i in range(M):
                    small[k] -= 1
                    small[k - removed[i]] += 1
                    removed[i] = 0
            else:  # removed[d]: types that have lost d tokens; more than 60 is beyond all chance with h < M
                removed[0] = M
                top = 0
                for _ in range(h):
                    place = rng.random() * M
                    d = 0
                    while place >= removed[d] and d < top:
                        place -= removed[d]
                        d += 1
                    if d > 60 or (d > 0 and rng.random() * k < d):
                        surplus += 1
                    else:
                        removed[d] -= 1
                        removed[d + 1] += 1
                        top = max(top, d + 1)
                for d in range(top + 1):
                    if d > 0:
                        small[k] -= removed[d]
                        small[k - d] += removed[d]
                    removed[d] = 0
        stay = 0
        for i in range(used):
            k, lost = large[i], 0
            for _ in range(hits[first + i]):
                if rng.random() * k >= lost:
                    lost += 1
                else:
                    surplus += 1
            k -= lost
            if k < dense:
                small[k] += 1
            else:
                large[stay] = k
                stay += 1
        used = stay
    return used


@njit(cache=True, nogil=True)
def describe(counts, types, total, octaves):
    """Summarise a spectrum: support, heterozygosity, entropy, singletons, largest frequency; fill types by octave."""
    support, singletons = 0, 0
    homozygosity, entropy, largest = 0.0, 0.0, 0.0
    for i in range(len(octaves)):
        octaves[i] = 0
    for c in range(len(counts)):
        k, M = counts[c], types[c]
        p = k / total
        support += M
        singletons += M if k == 1.0 else 0
        homozygosity += M * p * p
        entropy -= M * p * math.log(p)
        largest = max(largest, p)
        octaves[max(math.frexp(k)[1] - 1, 0)] += M
    return support, max(1.0 - homozygosity, 0.0), max(entropy, 0.0), singletons, largest


@njit(cache=True, nogil=True)
def replace(
    rng, tables, sizes, counts0, types0, dense, listed, support, heterozygosity, entropy, singletons, largest, octaves
):
    """Fit to the last model alone: fill the summaries, (replicate, T) and for `octaves` (replicate, T, octave).

    `dense` and `listed` are the lengths of `small` and `large`; see `rooms`.
    """
    replicates, T = support.shape
    small, large = np.empty(dense, np.int64), np.empty(listed, np.int64)
    longest = max(dense + listed, len(counts0))
    counts, weights, reach = np.empty(longest), np.empty(longest), np.empty(longest)
    types, hits = np.empty(longest, np.int64), np.empty(longest, np.int64)
    for r in range(replicates):
        m = len(counts0)
        total = 0.0
        for c in range(m):
            counts[c], types[c] = counts0[c], types0[c]
            total += counts[c] * types[c]
        for t in range(T):
            n = sizes[t]
            scale = (n + AIM * math.sqrt(n)) / total
            tokens, used = -1, 0
            while tokens < n:
                for k in range(dense):
                    small[k] = 0
                tokens, used = offspring(rng, tables, counts[:m], types[:m], scale, small, large)
            used = thin(rng, tables, tokens - n, small, large, used, counts, types, weights, hits, reach)
            m = gather(small, large, used, counts, types)
            total = float(n)
            support[r, t], heterozygosity[r, t], entropy[r, t], singletons[r, t], largest[r, t] = describe(
                counts[:m], types[:m], total, octaves[r, t]
            )
