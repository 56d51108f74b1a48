r"""Where is a text that has just written these words?

In a *state*: the longest of its last :math:`k - 1` words that the training text has, too. An n-gram model with
contexts of every length is an automaton on these states. It is needed wherever a context may be shorter than
:math:`k - 1` words or may be missing: at the beginning of a text, after a prompt, after a word that smoothing has
invented, and at every step of Kneser-Ney smoothing, which mixes the contexts of all lengths.

The states are a tree, the n-grams of the training text of all orders 0 to k. A node is an n-gram; its children are
the n-grams with one more word at the end. Nodes are numbered by length and then in alphabetical order, so the
children of a node stand side by side, ordered by word, and everything is an array. Words are nodes 1 to V whether
the text has them or not. The *link* of a node is its n-gram without the first word, which a ring always has.

What may follow a state is read from three things that a smoothing decides: the count of every node, what is taken of
it (the discount), and so what is left for the shorter context.

==============  ==========================================  =====================================================
smoothing       a context that was seen                     a context that was not
==============  ==========================================  =====================================================
0               :math:`c / C`                               is shortened from its far end until it was
a > 0           :math:`(c + a) / (C + aV)`                  :math:`1/V`, as the same formula says
"kneser-ney"    see `modelcollapse.lm.kneser_ney`           is shortened
==============  ==========================================  =====================================================

The same holds for contexts of fewer than :math:`k - 1` words, and there the counts of a ring are the margins of the
longer ones. So the law of a text is the product of the laws of its words, the first one in the empty context.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modelcollapse._kernels import automaton as kernel
from modelcollapse.lm.kneser_ney import continuations, discounts

KNESER_NEY = "kneser-ney"
#: places of the guide that may be kept per node; with more, a place stands for several
MOST_PLACES = 8


@dataclass(frozen=True, eq=False)
class Automaton:
    """An n-gram model of all contexts; made by `grow`.

    Attributes
    ----------
    vocabulary_size : int
    smoothing : float or "kneser-ney"
    offsets : ndarray of int64, (order + 2,)
        First node of each length, and the number of nodes.
    first : ndarray of int32, (context + 1,)
        First child of each node that is no leaf; one more closes the last row.
    word, link, count : ndarray, (node,)
        Last word (that of the root means nothing); the node without the first word; occurrences.
    """

    vocabulary_size: int
    smoothing: float | str
    offsets: np.ndarray
    first: np.ndarray
    word: np.ndarray
    link: np.ndarray
    count: np.ndarray

    @property
    def order(self) -> int:
        """Words in the longest n-gram."""
        return len(self.offsets) - 2

    @property
    def _added(self) -> float:
        return 0.0 if self.smoothing == KNESER_NEY else float(self.smoothing)

    @cached_property
    def _tree(self) -> tuple:
        return self.offsets, self.first, self.word, self.link

    @cached_property
    def _parent(self) -> np.ndarray:
        """Of every node but the root."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    @cached_property
    def _weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Count of every node, and what is taken of it."""
        taken = np.zeros(len(self.count))
        if self.smoothing != KNESER_NEY:
            return self.count, taken
        weight = continuations(self.link, self.count, int(self.offsets[-2]))
        for lo, hi in zip(self.offsets[1:-1], self.offsets[2:], strict=True):
            taken[lo:hi] = discounts(weight[lo:hi])[np.minimum(weight[lo:hi], 3)]
        return weight, taken

    @cached_property
    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Counts before each node (node + 1,), and before the children of each context (context + 1,)."""
        start = np.concatenate([[0], np.cumsum(self._weights[0])])
        return start, start[self.first]

    @cached_property
    def _places(self) -> tuple:
        """What a walk draws from: rows, guide, shift, start, keep."""
        start, rows = self._rows
        total, shift = int(start[-1]), 0
        while total >> shift > MOST_PLACES * (len(start) + 256):
            shift += 1
        if shift == 0:
            guide = np.repeat(np.arange(len(start) - 1, dtype=np.int32), self._weights[0])
        else:
            places = np.minimum(np.arange((total - 1 >> shift) + 2) << shift, total - 1)
            guide = (np.searchsorted(start, places, side="right") - 1).astype(np.int32)
        keep = np.zeros(len(start) - 1)
        keep[1:] = (start[1:-1] - rows[self._parent]) + self._weights[1][1:]
        return rows, guide, shift, start, keep

    @cached_property
    def _scores(self) -> tuple:
        """What a score is made of: rows, start, mass, gamma."""
        start, rows = self._rows
        weight, taken = self._weights
        total = np.diff(rows)
        below = np.bincount(self._parent, taken[1:], minlength=len(total))
        gamma = np.where(total > 0, below / np.maximum(total, 1), 1.0)
        return rows, start, weight - taken, gamma

    def read(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the state after each context, and how many of its words are known.

        Parameters
        ----------
        contexts : array of int, (context, order - 1)
            The last word last. A number below 0 is no word: it cuts off those before it, and fills up short contexts.
        """
        contexts = np.ascontiguousarray(contexts, np.int32)
        states, known = (np.empty(len(contexts), np.int64) for _ in range(2))
        kernel.read(contexts, *self._tree, states, known)
        return states, known

    def step(self, state: int, word: int) -> int:
        """Return the state that a text in `state` goes to with `word`."""
        return int(kernel.move(state, word, self.offsets[-3], self.offsets[-2], *self._tree[1:]))

    def begin(self, rng: np.random.Generator) -> int:
        """Draw an n-gram from the training text; return the state after it."""
        _, guide, shift, start, _ = self._places
        return int(kernel.begin(rng, self.offsets, self.link, guide, shift, start))

    def sample(self, states: np.ndarray, known: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
        """Write `size` words from each state: (state, size) int32."""
        out = np.empty((len(states), size), np.int32)
        kernel.walks(rng, size, self.vocabulary_size, self._added, states, known, *self._tree, *self._places, out)
        return out

    def probability(self, states: np.ndarray, known: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Return the probability of each word in its state; 0 for a word below 0."""
        out = np.empty(len(states))
        words = np.ascontiguousarray(words, np.int32)
        kernel.score(states, known, words, self.vocabulary_size, self._added, *self._tree, *self._scores, out)
        return out

    def law(self, state: int, known: int) -> np.ndarray:
        """Return the law of the next word, (word,)."""
        V, a = self.vocabulary_size, self._added
        rows, _, mass, gamma = self._scores

        def row(node):
            return slice(*self.first[node : node + 2])

        if a > 0:
            out = np.full(V, a)
            if state >= self.offsets[min(known, self.order - 1)]:
                out[self.word[row(state)]] += self._weights[0][row(state)]
            else:
                return np.full(V, 1 / V)
            return out / (float(rows[state + 1] - rows[state]) + a * V)
        path = [state]
        while path[-1]:
            path.append(int(self.link[path[-1]]))
        out = np.full(V, 1 / V)
        for node in reversed(path):
            if rows[node + 1] > rows[node]:
                out *= gamma[node]
                out[self.word[row(node)]] += mass[row(node)] / (rows[node + 1] - rows[node])
        return out


def grow(grams: np.ndarray, counts: np.ndarray, vocabulary_size: int, smoothing: float | str) -> Automaton:
    """Make the automaton of a count table.

    Parameters
    ----------
    grams : ndarray of int, (distinct, order)
        The distinct n-grams of one or several rings, in alphabetical order.
    counts : ndarray of int64, (distinct,)
    vocabulary_size : int
    smoothing : float or "kneser-ney"
    """
    V, order = vocabulary_size, grams.shape[1]
    offsets, children = [0, 1, 1 + V], [np.array([V])]
    word = [np.zeros(1, np.int32), np.arange(V, dtype=np.int32)]
    link = [np.zeros(1, np.int64), np.zeros(V, np.int64)]
    count = [counts.sum(keepdims=True), np.bincount(grams[:, 0], counts, V).astype(np.int64)]
    node = 1 + grams[:, 0].astype(np.int64)  # of every n-gram, cut to the present length
    new = np.concatenate([[True], grams[1:, 0] != grams[:-1, 0]])
    shorter = np.zeros(0, np.int64)
    for k in range(1, order):
        new[1:] |= grams[1:, k] != grams[:-1, k]
        begins = np.flatnonzero(new)
        parent, last = node[begins], grams[begins, k].astype(np.int64)
        children.append(np.bincount(parent - offsets[k], minlength=offsets[k + 1] - offsets[k]))
        if k == 1:
            link.append(1 + last)
        else:
            suffix = link[k][parent - offsets[k]] * V + last
            link.append(offsets[k] + np.searchsorted(shorter, suffix))
        shorter = parent * V + last
        word.append(last.astype(np.int32))
        count.append(np.add.reduceat(counts, begins))
        node = offsets[k + 1] + np.cumsum(new) - 1
        offsets.append(offsets[k + 1] + len(begins))
    return Automaton(
        V,
        smoothing,
        np.array(offsets),
        (1 + np.concatenate([[0], np.cumsum(np.concatenate(children))])).astype(np.int32),
        np.concatenate(word),
        np.concatenate(link).astype(np.int32),
        np.concatenate(count),
    )
