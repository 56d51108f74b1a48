"""N-gram models with contexts of every length: write text, and score it.

The states are the contexts that a training text has, from the empty one (node 0) to those of k - 1 words, as nodes of
one tree; `modelcollapse.lm.automaton` says how it is laid out. Two things are looked up in it. *Which word* is one
random number: its place among the counts of a row. A guide leads from places to nodes at once, and a node keeps a
threshold below which its count is discounted, so one number both draws the word and decides whether to back off:
a word of count c is met with probability c / C and kept with probability (c - D) / c. *Where to go* is written down if
the word was found in the longest context; after a step back, the longest context that the new word completes is
searched for, from the longest down.

Memory is the limit: with 184,000 words of 12,000 types, on a busy core of nominally 2.6 GHz, a word of a Kneser-Ney
trigram takes 115 to 140 ns, and 300 to 400 at order 5, where more steps back are taken and more is searched for.
"""

from __future__ import annotations

from numba import njit

from modelcollapse._kernels.ngram import last_at_most


@njit(cache=True, nogil=True)
def child(node, w, first, word):
    """Return the node that w leads to from `node`, or -1."""
    if node == 0:
        return 1 + w
    lo = first[node]
    hi = first[node + 1]
    while lo < hi:
        middle = (lo + hi) // 2
        if word[middle] < w:
            lo = middle + 1
        else:
            hi = middle
    return lo if lo < first[node + 1] and word[lo] == w else -1


@njit(cache=True, nogil=True)
def move(state, w, full, leaves, first, word, link):
    """Return the longest context of at most k - 1 words that ends in w: where a text in `state` goes with w.

    `full` and `leaves` are the first nodes of k - 1 and of k words.
    """
    node = link[state] if state >= full else state
    found = child(node, w, first, word)
    while found < 0:
        node = link[node]
        found = child(node, w, first, word)
    return link[found] if found >= leaves else found


@njit(cache=True, nogil=True)
def find(place, guide, shift, start):
    """Return the node whose counts hold a place."""
    g = place >> shift
    return guide[g] if shift == 0 else last_at_most(start, place, guide[g], guide[g + 1] + 1)


@njit(cache=True, nogil=True)
def begin(rng, offsets, link, guide, shift, start):
    """Draw an n-gram from the training text; return the state after it."""
    order = offsets.size - 2
    lo = start[offsets[order]]
    total = start[offsets[order + 1]] - lo
    return link[find(lo + min(int(rng.random() * total), total - 1), guide, shift, start)]


@njit(cache=True, nogil=True)
def walk(
    rng,
    size,
    vocabulary_size,
    smoothing,
    state,
    known,
    offsets,
    first,
    word,
    link,
    rows,
    guide,
    shift,
    start,
    keep,
    out,
):
    """Fill `out` with `size` words that follow the context `state`.

    Additive smoothing a > 0: word w follows a context of count C with probability (c_w + a) / (C + a V). Otherwise it
    is met with probability c_w / C and kept with (c_w - D) / c_w; if it is not kept, or if C = 0, the context loses
    its first word and another one is drawn; the empty context loses to the uniform law.

    Parameters
    ----------
    rng : Generator
        One number for a word, one more for each step back.
    size, vocabulary_size, smoothing : int, int, float
    state, known : int
        The longest context of the training text that the words before end in, and how many such words there are.
    offsets : int64[k + 2]
        First node of each length.
    first, word, link : int32[], int32[], int32[]
        First child of each context, last word of each node, the node without its first word.
    rows : int64[]
        Counts before the children of each context; its last value is the number of all.
    guide, shift, start : int32[], int, int64[]
        The node of every place (of every 2^shift-th); counts before each node.
    keep : float64[]
        Counts of a row before and at each node that are not kept.
    out : int32[size]
    """
    order = offsets.size - 2
    full = offsets[order - 1]
    leaves = offsets[order]
    uniform = smoothing * vocabulary_size
    for i in range(size):
        node = state
        found = -1
        w = 0
        lo = rows[node]
        total = rows[node + 1] - lo
        if smoothing > 0:
            if node < offsets[min(known, order - 1)]:
                total = 0  # the context was never seen: every word is as likely
            place = rng.random() * (total + uniform)
            if place < uniform:
                w = min(int(place / smoothing), vocabulary_size - 1)  # the quotient may round up to V
            else:
                found = find(lo + min(int(place - uniform), total - 1), guide, shift, start)
                w = word[found]
        else:
            while True:
                if total > 0:
                    place = rng.random() * total
                    found = find(lo + min(int(place), total - 1), guide, shift, start)
                    if place >= keep[found]:
                        w = word[found]
                        break
                    found = -1
                if node == 0:
                    w = min(int(rng.random() * vocabulary_size), vocabulary_size - 1)
                    break
                node = link[node]
                lo = rows[node]
                total = rows[node + 1] - lo
        if found >= 0 and (node == state or (state >= full and node == link[state])):
            state = link[found] if found >= leaves else found
        else:
            state = move(state, w, full, leaves, first, word, link)
        known += 1
        out[i] = w


@njit(cache=True, nogil=True)
def walks(
    rng,
    size,
    vocabulary_size,
    smoothing,
    states,
    known,
    offsets,
    first,
    word,
    link,
    rows,
    guide,
    shift,
    start,
    keep,
    out,
):
    """Fill each row of `out` (text, size) with a walk from its own state; see `walk`."""
    for i in range(states.size):
        walk(
            rng,
            size,
            vocabulary_size,
            smoothing,
            states[i],
            known[i],
            offsets,
            first,
            word,
            link,
            rows,
            guide,
            shift,
            start,
            keep,
            out[i],
        )


@njit(cache=True, nogil=True)
def read(contexts, offsets, first, word, link, states, known):
    """Read each row of `contexts` (text, k - 1) from the left; a word below 0 is unknown and cuts off those before it.

    `states` and `known` (text,) receive the state after it, and how many words are known since the last cut.
    """
    order = offsets.size - 2
    for i in range(contexts.shape[0]):
        state = 0
        k = 0
        for j in range(contexts.shape[1]):
            w = contexts[i, j]
            if w < 0:
                state = 0
                k = 0
            else:
                state = move(state, w, offsets[order - 1], offsets[order], first, word, link)
                k += 1
        states[i] = state
        known[i] = k


@njit(cache=True, nogil=True)
def score(states, known, words, vocabulary_size, smoothing, offsets, first, word, link, rows, start, mass, gamma, out):
    """Fill `out` (n,) with the probability of each of `words` in its state; 0 for an unknown word, which is below 0.

    `mass` (node,) is c - D, and `gamma` (context,) the probability of a step back, 1 where C = 0; see `walk`.
    """
    order = offsets.size - 2
    for i in range(states.size):
        node = states[i]
        w = words[i]
        out[i] = 0.0
        if w < 0:
            continue
        if smoothing > 0:
            found = child(node, w, first, word)
            total = rows[node + 1] - rows[node]
            c = start[found + 1] - start[found] if found >= 0 else 0
            if node < offsets[min(known[i], order - 1)]:
                c = 0
                total = 0
            out[i] = (c + smoothing) / (total + smoothing * vocabulary_size)
            continue
        share = 1.0
        p = 0.0
        while True:
            total = rows[node + 1] - rows[node]
            if total > 0:
                found = child(node, w, first, word)
                if found >= 0:
                    p += share * (mass[found] / total)
                share *= gamma[node]
            if node == 0 or share == 0.0:
                break
            node = link[node]
        out[i] = p + share / vocabulary_size
