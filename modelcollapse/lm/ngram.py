r"""How likely is the next word?

An n-gram model of order :math:`k` answers from the :math:`k - 1` words before it, the *context* :math:`h`, by
counting. With :math:`c_{hw}` the number of times that word :math:`w` followed :math:`h` in the training text,
:math:`C_h = \sum_w c_{hw}`, :math:`V` words in the vocabulary and an additive smoothing :math:`a \ge 0`,

.. math:: P(w \mid h) = \frac{c_{hw} + a}{C_h + a V},

and :math:`1/V` where the denominator is 0. With :math:`a = 0` it is the maximum-likelihood fit: what did not
occur cannot occur. Order 1 has one empty context, and its fit is the empirical law of the words: refitting it
to its own text is the Wright-Fisher model of population genetics.

**A text is a ring.** The first word follows the last one, so a text of :math:`N` words has :math:`N` n-grams
of every order, every context has a continuation (no walk gets stuck), and the margins agree: summing the
trigram counts over the first word gives the bigram counts, and these the word counts. The price is :math:`k -
1` n-grams at the seam that nobody wrote. Several texts are several rings, and their counts add.

**Counts are the sufficient statistic.** An n-gram is written as one integer, its words being digits in base
:math:`V`; a count table is the sorted distinct codes with their counts. Fitting is counting, pooling texts is
adding tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modelcollapse import _rng
from modelcollapse import _validate as check
from modelcollapse._kernels import ngram as kernel
from modelcollapse.lm.corpus import as_tokens

#: three words must fit into the 63 bits of one code
MOST_WORDS = 2**21 - 1
#: binary digits that one pass of counting sorts by: its table of 256 kB fits into a second-level cache
MOST_BITS = 15
#: places of the sorted training text that may be kept per n-gram; with more, an n-gram stands for all its places
MOST_PLACES = 8

Table = tuple[np.ndarray, np.ndarray]


def codes(tokens: np.ndarray, order: int, vocabulary_size: int, *, ring: bool = True) -> np.ndarray:
    """Write every n-gram of a text as one integer: its words are digits in base V, the first one leading.

    Parameters
    ----------
    tokens : array of int, (token,)
        The text.
    order, vocabulary_size : int
        Words in an n-gram; V.
    ring : bool, optional
        Whether the first word follows the last one: N n-grams; otherwise N - order + 1.

    Examples
    --------
    >>> codes(np.array([0, 1, 2]), 2, 10), codes(np.array([0, 1, 2]), 2, 10, ring=False)
    (array([ 1, 12, 20]), array([ 1, 12]))
    """
    tokens = np.asarray(tokens)
    code = tokens.astype(np.int64)
    for shift in range(1, order):
        code *= vocabulary_size
        code += np.roll(tokens, -shift)
    return code if ring else code[: max(len(tokens) - order + 1, 0)]


def count(codes: np.ndarray) -> Table:
    """Count n-grams: the distinct codes, ascending, and how often each occurs.

    Examples
    --------
    >>> count(np.array([7, 3, 7]))
    (array([3, 7]), array([1, 2]))
    """
    codes = np.ascontiguousarray(codes, dtype=np.int64)
    if not len(codes):
        return codes, codes
    digits = int(codes.max()).bit_length()
    bits = min(MOST_BITS, max(6, len(codes).bit_length() - 2))  # a pass must not cost more than the text
    passes = max(1, -(-digits // bits))
    places = np.empty((passes, 1 << bits), np.int64)
    one, two, counts = (np.empty_like(codes) for _ in range(3))
    found, k = kernel.tally(codes, bits, passes, places, one, two, counts)
    return found[:k].copy(), counts[:k].copy()


def add(*tables: Table) -> Table:
    """Add count tables, as if the texts had been counted together.

    Examples
    --------
    >>> add(count(np.array([7, 3])), count(np.array([7])))
    (array([3, 7]), array([1, 2]))
    """
    if len(tables) == 1:
        return tables[0]
    together = np.concatenate([table[0] for table in tables])
    order = np.argsort(together, kind="stable")
    together = together[order]
    first = _starts(together)
    counts = np.concatenate([table[1] for table in tables])[order]
    return together[first], np.add.reduceat(counts, first) if len(first) else counts


def _starts(ordered: np.ndarray) -> np.ndarray:
    """Where a new value begins in an ordered array."""
    if not len(ordered):
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))


@dataclass(frozen=True)
class NGram:
    """An n-gram model that has not seen a text yet.

    Parameters
    ----------
    order : int
        Words in an n-gram: 1 (unigram), 2 (bigram) or 3 (trigram).
    smoothing : float, optional
        Added to every count; 0 is maximum likelihood.

    Examples
    --------
    >>> corpus = np.array([0, 1, 0, 2])
    >>> model = NGram(order=2).fit(corpus, vocabulary_size=3)
    >>> model.probabilities([0])
    array([0. , 0.5, 0.5])
    >>> NGram(order=2, smoothing=1).fit(corpus, vocabulary_size=3).probabilities([0])
    array([0.2, 0.4, 0.4])
    """

    order: int
    smoothing: float = 0.0

    def __post_init__(self):
        order = check.integer("order", self.order, least=1, most=3, because="unigram, bigram, trigram")
        object.__setattr__(self, "order", order)
        object.__setattr__(
            self, "smoothing", check.number("smoothing", self.smoothing, least=0.0, because="it is added to counts")
        )

    def fit(self, tokens, vocabulary_size: int) -> FittedNGram:
        """Count the n-grams of a text, or of several texts.

        Parameters
        ----------
        tokens : array of int, (token,), or list of such arrays
            Words as places in the vocabulary. Every array is a ring of its own.
        vocabulary_size : int
            V; words that the text lacks count, for the smoothing.

        Returns
        -------
        FittedNGram
        """
        size = check.integer(
            "vocabulary_size",
            vocabulary_size,
            least=1,
            most=MOST_WORDS,
            because="three words are written as one 63-bit number",
        )
        several = isinstance(tokens, (list, tuple)) and len(tokens) > 0 and np.ndim(tokens[0]) == 1
        texts = (
            [as_tokens(f"tokens[{i}]", text, size) for i, text in enumerate(tokens)]
            if several
            else [as_tokens("tokens", tokens, size)]
        )
        every = [codes(text, self.order, size) for text in texts]
        return self.from_counts(count(np.concatenate(every) if several else every[0]), size)

    def from_counts(self, table: Table, vocabulary_size: int) -> FittedNGram:
        """Return the model of a training text with these counts, which must be those of rings: unchecked."""
        return FittedNGram(self.order, self.smoothing, vocabulary_size, *table)


@dataclass(frozen=True, eq=False, repr=False)
class FittedNGram:
    """An n-gram model fitted to a text; made by `NGram.fit`.

    Attributes
    ----------
    order, smoothing : int, float
        Those of the `NGram`.
    vocabulary_size : int
        V.
    codes : ndarray of int64, (distinct,)
        The n-grams of the training text, as `codes` writes them, ascending.
    counts : ndarray of int64, (distinct,)
        How often each occurs there.
    """

    order: int
    smoothing: float
    vocabulary_size: int
    codes: np.ndarray
    counts: np.ndarray

    def __repr__(self) -> str:
        return (
            f"FittedNGram(order={self.order}, smoothing={self.smoothing:g}, "
            f"{int(self.counts.sum())} tokens, {len(self.codes)} distinct n-grams, "
            f"{self.vocabulary_size} words)"
        )

    @cached_property
    def _rows(self) -> tuple[np.ndarray, ...]:
        """Contexts (row,), first entries (row + 1,), n-grams before an entry (entry + 1,), words (entry,)."""
        context = self.codes // self.vocabulary_size
        first = _starts(context)
        before = np.concatenate([[0], np.cumsum(self.counts)])
        word = (self.codes - context * self.vocabulary_size).astype(np.int32)
        return context[first], np.append(first, len(context)), before, word

    @cached_property
    def _leads_to(self) -> np.ndarray:
        """Row that each entry leads to: that of its own last ``order - 1`` words, which a ring always has."""
        context = self._rows[0]
        possible = self.vocabulary_size ** (self.order - 1)
        suffix = self.codes % possible
        if possible > 4 * len(self.codes) + 1024:
            return np.searchsorted(context, suffix).astype(np.int32)
        row = np.empty(possible, np.int32)
        row[context] = np.arange(len(context))
        return row[suffix]

    @cached_property
    def _walk(self) -> tuple:
        """What the kernel walks on: contexts, first, before, guide, shift, follow, ends."""
        contexts, start, before, word = self._rows
        follow = word if self.order == 1 else self._leads_to
        ends = (contexts % self.vocabulary_size).astype(np.int32)
        total, shift = int(before[-1]), 0
        while total >> shift > MOST_PLACES * (len(word) + 256):
            shift += 1
        if shift == 0:
            return contexts, before[start], before, word[:0], 0, np.repeat(follow, self.counts), ends
        places = np.minimum(np.arange((total - 1 >> shift) + 2) << shift, total - 1)
        guide = (np.searchsorted(before, places, side="right") - 1).astype(np.int32)
        return contexts, before[start], before, guide, shift, follow, ends

    @cached_property
    def margin(self) -> np.ndarray:
        """Occurrences of each word in the training text, (word,)."""
        total = np.bincount(self._rows[3], weights=self.counts, minlength=self.vocabulary_size)
        return total.astype(np.int64)

    def probabilities(self, context=()) -> np.ndarray:
        """Law of the next word.

        Parameters
        ----------
        context : sequence of int, optional
            The ``order - 1`` words before it, the last one last; empty for order 1.

        Returns
        -------
        ndarray, (word,)
            Sums to one. Uniform where the model knows nothing: a context that was never seen.
        """
        context = np.asarray(context)
        if context.shape != (self.order - 1,):
            raise ValueError(
                f"context must be {self.order - 1} words (a model of order {self.order} looks "
                f"that far back), got an array of shape {context.shape}."
            )
        code = 0
        for word in as_tokens("context", context, self.vocabulary_size, least=0):
            code = code * self.vocabulary_size + int(word)
        lo, hi = np.searchsorted(self.codes, [code * self.vocabulary_size, (code + 1) * self.vocabulary_size])
        out = np.full(self.vocabulary_size, self.smoothing)
        out[self._rows[3][lo:hi]] += self.counts[lo:hi]
        total = int(self.counts[lo:hi].sum()) + self.smoothing * self.vocabulary_size
        return out / total if total > 0 else np.full(self.vocabulary_size, 1 / self.vocabulary_size)

    def sample(self, size: int, rng=None) -> np.ndarray:
        """Write a text: a walk that begins after an n-gram drawn from the training text.

        Parameters
        ----------
        size : int
            Words.
        rng : None, int, SeedSequence or Generator, optional
            Source of randomness.

        Returns
        -------
        ndarray of int32, (token,)
            Without smoothing every n-gram in it occurs in the training ring.
        """
        size = check.integer("size", size, least=0)
        out = np.empty(size, np.int32)
        walk = self._walk
        kernel.sample(_rng.generator(rng), size, self.order, self.vocabulary_size, float(self.smoothing), *walk, out)
        return out

    def score(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Look n-grams up.

        Parameters
        ----------
        codes : ndarray of int64, (n,)
            N-grams as the function `codes` writes them.

        Returns
        -------
        log_probability : ndarray, (n,)
            Of the last word given the words before it: -inf for what cannot occur.
        occurrences : ndarray of int64, (n,)
            How often the n-gram occurs in the training text.
        """
        place = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        occurrences = np.where(self.codes[place] == codes, self.counts[place], 0)
        contexts, start, before, _ = self._rows
        if self.order == 1:
            total = before[-1]
        else:
            context = codes // self.vocabulary_size
            row = np.minimum(np.searchsorted(contexts, context), len(contexts) - 1)
            total = np.where(contexts[row] == context, before[start[row + 1]] - before[start[row]], 0)
        above, below = occurrences + self.smoothing, total + self.smoothing * self.vocabulary_size
        known = below > 0
        above, below = np.where(known, above, 1.0), np.where(known, below, self.vocabulary_size)
        with np.errstate(divide="ignore"):
            return np.log(above) - np.log(below), occurrences

    def nll(self, tokens) -> np.ndarray:
        """Negative log-likelihood of a text, word by word, in nats.

        Parameters
        ----------
        tokens : array of int, (token,)
            The text, read from its beginning to its end: no ring.

        Returns
        -------
        ndarray, (token - order + 1,)
            For every word that has its whole context before it; infinite for a word that cannot occur.

        Examples
        --------
        >>> NGram(order=2).fit(np.array([0, 1, 0, 2]), 3).nll([0, 1, 0]).round(6).tolist()
        [0.693147, 0.0]
        """
        tokens = as_tokens("tokens", tokens, self.vocabulary_size)
        return 0.0 - self.score(codes(tokens, self.order, self.vocabulary_size, ring=False))[0]
