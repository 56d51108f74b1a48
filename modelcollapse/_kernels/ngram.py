"""Draw text from an n-gram model: walk along rows of successors.

The model is a table in compressed rows: one row per context, one entry per (context, next word), entries of a
row side by side. Every entry also stores the row that it leads to. So a step looks no context up: it draws
one of the entries of the present row and jumps. Only a word that additive smoothing invents leads to a
context that has to be looked for.
"""

from __future__ import annotations

from numba import njit


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
def sample(rng, size, order, vocabulary_size, smoothing, contexts, start, before, token, leads_to, out):
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
    start : int64[row + 1]
        Entries of row r are start[r] .. start[r + 1].
    before : int64[entry + 1]
        N-grams counted before each entry; its last value is the number of all n-grams.
    token, leads_to : int32[entry], int32[entry]
        Word and next row of each entry.
    out : int32[size]
        The words. The walk begins after an n-gram drawn from the training text, which is not written.
    """
    place = rng.random() * before[before.size - 1]
    lo = last_at_most(before, place, 0, token.size)
    row = leads_to[lo]
    last = int(token[lo])
    uniform = smoothing * vocabulary_size
    for i in range(size):
        entry = -1
        word = 0
        if row < 0:  # a context that was never seen: every word is as likely
            word = int(rng.random() * vocabulary_size)
        else:
            lo = start[row]
            hi = start[row + 1]
            first = before[lo]
            place = rng.random() * (before[hi] - first + uniform)
            if place < uniform:
                word = int(place / smoothing)
            else:
                entry = last_at_most(before, place - uniform + first, lo, hi)
        if entry >= 0:
            word = int(token[entry])
            row = leads_to[entry]
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
