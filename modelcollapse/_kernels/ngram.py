"""N-gram models: count what a text holds, and write text from the counts.

**Counting is sorting.** N-grams are written as integers, and a radix sort puts equal ones side by side: one pass over
the text for every 15 bits. The table of a pass has at most 2^15 places, so it stays in the second-level cache.

**Writing is walking.** The model is the training text, sorted by context and next word: one row per context. A step
draws one place of the present row and goes to the row of the context that the word found there completes, which is
written there: it searches nothing, and reads two numbers. Only a word that additive smoothing invents leads to a
context that has to be looked for. Where counts are so large that the text would not fit into memory, an entry per
(context, next word) stands for all its places, and a coarse guide leads to it.

Memory is the limit of both. With 440,000 words of 20,000 types, on a core of nominally 2.6 GHz, a word costs 12 ns to
count (a comparison sort alone takes 44) and 27 ns to write, of which the random number is 6: the rest is waiting for
two reads that nobody can foresee, one after the other.
"""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def tally(codes, bits, passes, places, one, two, counts):
    """Sort `codes` (n,), none negative, and count: return the array that holds the k distinct ones, ascending, and k.

    `bits` are the binary digits sorted by in each of the passes; `places` (passes, 2^bits), `one` and `two` (n,) are
    scratch, and one of the last two is the answer. `counts` (n,) receives k counts.
    """
    n = codes.size
    mask = (1 << bits) - 1
    for p in range(passes):
        for j in range(mask + 1):
            places[p, j] = 0
    for i in range(n):
        for p in range(passes):
            places[p, (codes[i] >> (p * bits)) & mask] += 1
    source, target, spare = codes, one, two
    for p in range(passes):
        before = 0
        for j in range(mask + 1):
            size = places[p, j]
            places[p, j] = before
            before += size
        for i in range(n):
            code = source[i]
            j = (code >> (p * bits)) & mask
            target[places[p, j]] = code
            places[p, j] += 1
        source, target, spare = target, spare, target
    k = 0
    last = -1
    for i in range(n):
        code = source[i]
        if code != last:
            source[k] = code
            counts[k] = 0
            last = code
            k += 1
        counts[k - 1] += 1
    return source, k


@njit(cache=True, nogil=True)
def last_at_most(values, bound, lo, hi):
    """Return the last place in lo .. hi - 1 of ascending `values` that is at most `bound`; `lo` if there is none."""
    while hi - lo > 1:
        middle = (lo + hi) // 2
        if values[middle] <= bound:
            lo = middle
        else:
            hi = middle
    return lo


@njit(cache=True, nogil=True)
def lead(x, before, guide, shift, follow):
    """Return what follows at the place x of the sorted training text."""
    if shift == 0:
        return follow[x]
    return follow[last_at_most(before, x, guide[x >> shift], guide[(x >> shift) + 1] + 1)]


@njit(cache=True, nogil=True)
def sample(rng, size, order, vocabulary_size, smoothing, contexts, first, before, guide, shift, follow, ends, out):
    """Fill `out` with a walk: word w follows a context of count C with probability (c_w + a) / (C + a V).

    Parameters
    ----------
    rng : Generator
        Two numbers for the starting place, then one or two a word.
    size : int
        Words to draw.
    order, vocabulary_size, smoothing : int, int, float
        Words in an n-gram; V; a.
    contexts : int64[row]
        Code of the context of each row, ascending.
    first : int64[row + 1]
        N-grams counted before each row; its last value is the number of all n-grams.
    before, guide, shift : int64[entry + 1], int32[], int
        N-grams counted before each entry; the last entry that begins at or before the place g 2^shift, for g = 0, 1,
        ...; not read where shift is 0.
    follow : int32[place] or, where shift is not 0, int32[entry]
        The next row; the next word for order 1, which has one row.
    ends : int32[row]
        Last word of each context; not read for order 1.
    out : int32[size]
        The words. The walk begins after an n-gram drawn from the training text, which is not written.
    """
    total = first[first.size - 1]
    found = lead(min(int(rng.random() * total), total - 1), before, guide, shift, follow)
    row = 0 if order == 1 else found
    last = 0 if order == 1 else ends[row]
    uniform = smoothing * vocabulary_size
    for i in range(size):
        found = -1
        word = 0
        if row < 0:  # a context that was never seen: every word is as likely
            word = int(rng.random() * vocabulary_size)
        else:
            lo = first[row]
            hi = first[row + 1]
            place = rng.random() * (hi - lo + uniform)
            if place < uniform:
                word = int(place / smoothing)
            else:  # the sum may round up to the next row
                found = lead(min(int(place - uniform + lo), hi - 1), before, guide, shift, follow)
        if found >= 0:
            row = 0 if order == 1 else found
            word = found if order == 1 else ends[row]
        else:
            word = min(word, vocabulary_size - 1)  # the product above may round up to V
            code = 0
            if order == 2:
                code = word
            elif order == 3:
                code = last * vocabulary_size + word
            lo = last_at_most(contexts, code, 0, contexts.size)
            row = lo if contexts[lo] == code else -1
        last = word
        out[i] = word
