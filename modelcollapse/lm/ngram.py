r"""How likely is the next word?

An n-gram model of order :math:`k` answers from the :math:`k - 1` words before it, the *context* :math:`h`, by
counting. With :math:`c_{hw}` the number of times that word :math:`w` followed :math:`h` in the training text,
:math:`C_h = \sum_w c_{hw}`, :math:`V` words in the vocabulary and an additive smoothing :math:`a \ge 0`,

.. math:: P(w \mid h) = \frac{c_{hw} + a}{C_h + a V},

and :math:`1/V` where the denominator is 0. With :math:`a = 0` it is the maximum-likelihood fit: what did not
occur cannot occur. Order 1 has one empty context, and its fit is the empirical law of the words: refitting it
to its own text is the Wright-Fisher model of population genetics. The third kind of smoothing, the one of
practice, is that of Kneser and Ney: `modelcollapse.lm.kneser_ney`.

**A text is a ring.** The first word follows the last one, so a text of :math:`N` words has :math:`N` n-grams
of every order, every context has a continuation (no walk gets stuck), and the margins agree: summing the
trigram counts over the first word gives the bigram counts, and these the word counts. The price is :math:`k -
1` n-grams at the seam that nobody wrote. Several texts are several rings, and their counts add.

**Counts are the sufficient statistic.** An n-gram is written as one number, its words being digits in base
:math:`V`; a count table is the sorted distinct codes with their counts. Fitting is counting, pooling texts is
adding tables. Where :math:`V^k` is beyond 63 bits, which takes four words or five, the number is complex: its
imaginary part has the last three words and its real part those before them. Complex numbers are sorted and
compared as pairs, and both parts are exact as long as :math:`V^3 < 2^{53}`.

**Two doors.** Arrays of tokens go in by `fit_tokens` and come out by ``walk``, for chains of many replicates;
texts go in by `fit` and come out as an `modelcollapse.lm.LanguageModel`: `modelcollapse.lm.word_model`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse import _rng
from modelcollapse import _validate as check
from modelcollapse._kernels import ngram as kernel
from modelcollapse.lm.automaton import KNESER_NEY, Automaton, grow
from modelcollapse.lm.corpus import Corpus, as_tokens, words

if TYPE_CHECKING:
    from modelcollapse.lm.word_model import WordModel

MOST_ORDER = 5
#: three words must fit into the 63 bits of one code, and into the 53 of the imaginary part of a complex one
MOST_WORDS, MOST_WORDS_WIDE = 2**21 - 1, 208_063
#: binary digits that one pass of counting sorts by: its table of 256 kB fits into a second-level cache
MOST_BITS = 15
#: places of the sorted training text that may be kept per n-gram; with more, an n-gram stands for all its places
MOST_PLACES = 8

Table = tuple[np.ndarray, np.ndarray]


def most_words(order: int) -> int:
    """Return the size of the largest vocabulary whose n-grams can be written as numbers."""
    return MOST_WORDS if order <= 3 else MOST_WORDS_WIDE


def codes(tokens: np.ndarray, order: int, vocabulary_size: int, *, ring: bool = True) -> np.ndarray:
    """Write every n-gram of a text as one number: its words are digits in base V, the first one leading.

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
    >>> codes(np.array([7, 0, 1, 2]), 4, 10**5)[:1]
    array([7.+100002.j])
    """
    tokens = np.asarray(tokens)
    if int(vocabulary_size) ** order >= 2**63:
        first, last = codes(tokens, order - 3, vocabulary_size), codes(tokens, 3, vocabulary_size)
        code = first + 1j * np.roll(last, 3 - order)
    else:
        code = tokens.astype(np.int64)
        for shift in range(1, order):
            code *= vocabulary_size
            code += np.roll(tokens, -shift)
    return code if ring else code[: max(len(tokens) - order + 1, 0)]


def _parts(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return codes.real.astype(np.int64), codes.imag.astype(np.int64)


def contexts(codes: np.ndarray, vocabulary_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut n-grams into their contexts, which are as well ordered, and their last words.

    Examples
    --------
    >>> contexts(np.array([12, 20]), 10)
    (array([1, 2]), array([2, 0], dtype=int32))
    """
    wide = codes.dtype.kind == "c"
    first, last = _parts(codes) if wide else (None, codes)
    context = last // vocabulary_size
    word = (last - context * vocabulary_size).astype(np.int32)
    return first + 1j * context if wide else context, word


def suffixes(codes: np.ndarray, order: int, vocabulary_size: int) -> np.ndarray:
    """Return the last ``order - 1`` words of n-grams, written as `contexts` writes the first ones.

    Examples
    --------
    >>> suffixes(np.array([12, 20]), 2, 10)
    array([2, 0])
    """
    if codes.dtype.kind != "c":
        return codes % vocabulary_size ** (order - 1)
    first, last = _parts(codes)
    two = vocabulary_size**2
    return first % vocabulary_size ** (order - 4) * vocabulary_size + last // two + 1j * (last % two)


def words_of(codes: np.ndarray, order: int, vocabulary_size: int) -> np.ndarray:
    """Return the words of n-grams, (n, order) int32.

    Examples
    --------
    >>> words_of(np.array([12, 20]), 2, 10).tolist()
    [[1, 2], [2, 0]]
    """
    out = np.empty((len(codes), order), np.int32)
    parts = [(codes, 0, order)]
    if codes.dtype.kind == "c":
        first, last = _parts(codes)
        parts = [(first, 0, order - 3), (last, order - 3, order)]
    for code, lo, hi in parts:
        for place in range(hi - 1, lo - 1, -1):
            rest = code // vocabulary_size
            out[:, place] = code - rest * vocabulary_size
            code = rest
    return out


def count(codes: np.ndarray) -> Table:
    """Count n-grams: the distinct codes, ascending, and how often each occurs.

    Examples
    --------
    >>> count(np.array([7, 3, 7]))
    (array([3, 7]), array([1, 2]))
    """
    if codes.dtype.kind == "c":
        return np.unique(codes, return_counts=True)
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


def as_vocabulary(value) -> tuple[str, ...]:
    """Return the words of a vocabulary, or say which rule it breaks."""
    vocabulary = value.vocabulary if isinstance(value, Corpus) else value
    if isinstance(vocabulary, str) or not isinstance(vocabulary, Sequence):
        raise TypeError(f"vocabulary must be a sequence of words or a Corpus, got {value!r:.60}.")
    vocabulary = tuple(vocabulary)
    if not vocabulary:
        raise ValueError("vocabulary must hold at least 1 word (there is nothing to write without), got 0.")
    for word in vocabulary:
        if not isinstance(word, str) or list(words(word)) != [word]:
            raise ValueError(
                "vocabulary must hold words as modelcollapse.lm.corpus.words cuts them (a text that is written must "
                f"be read as the same words), got {word!r:.60}."
            )
    if len(set(vocabulary)) < len(vocabulary):
        twice = next(word for word, times in Counter(vocabulary).items() if times > 1)
        raise ValueError(f"vocabulary must name every word once (a token is a place in it), got {twice!r} twice.")
    return vocabulary


def _show(smoothing: float | str) -> str:
    return smoothing if isinstance(smoothing, str) else f"{smoothing:g}"


@dataclass(frozen=True)
class NGram:
    """An n-gram model that has not seen a text yet.

    Parameters
    ----------
    order : int
        Words in an n-gram: 1 (unigram), 2 (bigram), 3 (trigram), 4 or 5.
    smoothing : float or "kneser-ney", optional
        Added to every count; 0 is maximum likelihood. Or interpolated Kneser-Ney smoothing with modified discounts.
    vocabulary : sequence of str or Corpus, optional
        The words that there are, for `fit`; by default those of the texts that it is given. A model that `fit`
        returns keeps its vocabulary when it is fitted again.
    unknown : bool, optional
        Whether the vocabulary has a word for all others, ``unk``, as which they are read. What it is worth is learned
        by counting: from the words of the training texts that a given vocabulary lacks. If the vocabulary is that
        of the texts there are none, and only smoothing gives it something. Without it, other words are impossible.

    Raises
    ------
    TypeError, ValueError
        If an argument breaks its rule.

    Examples
    --------
    Arrays of tokens:

    >>> corpus = np.array([0, 1, 0, 2])
    >>> model = NGram(order=2).fit_tokens(corpus, vocabulary_size=3)
    >>> model.probabilities([0])
    array([0. , 0.5, 0.5])
    >>> NGram(order=2, smoothing=1).fit_tokens(corpus, vocabulary_size=3).probabilities([0])
    array([0.2, 0.4, 0.4])

    Texts:

    >>> model = NGram(order=2).fit(["the cat saw the dog", "the dog saw the cat"])
    >>> model.sample(["I saw"], 4, np.random.default_rng(1))
    ['the dog the dog']
    """

    order: int
    smoothing: float | str = 0.0
    vocabulary: Sequence[str] | Corpus | None = field(default=None, repr=False)
    unknown: bool = False

    def __post_init__(self):
        put = object.__setattr__
        because = "unigram, bigram, trigram, ..."
        put(self, "order", check.integer("order", self.order, least=1, most=MOST_ORDER, because=because))
        if isinstance(self.smoothing, str):
            check.choice("smoothing", self.smoothing, [KNESER_NEY])
        else:
            because = 'it is added to counts; the other kind is "kneser-ney"'
            put(self, "smoothing", check.number("smoothing", self.smoothing, least=0.0, because=because))
        if self.vocabulary is not None:
            put(self, "vocabulary", as_vocabulary(self.vocabulary))
        if not isinstance(self.unknown, (bool, np.bool_)):
            raise TypeError(f"unknown must be True or False, got {self.unknown!r:.60}.")

    def fit(self, texts: Sequence[str], *, validation: Sequence[str] | None = None, rng=None) -> WordModel:
        """Count the n-grams of texts; return a model that writes and scores texts.

        Parameters
        ----------
        texts : sequence of str
            Cut into words (`modelcollapse.lm.corpus.words`), joined in their order and read as one ring.
        validation, rng : optional
            Not needed: counting has one result.

        Returns
        -------
        WordModel
        """
        from modelcollapse.lm.word_model import fit

        return fit(self, texts)

    def sample(self, prompts, length, rng, *, decoding=None):
        """Refuse: there is nothing to sample from before a fit."""
        raise ValueError(f"{self} must be fitted before it can write (it has not seen a text): use fit(texts).")

    def nll(self, texts):
        """Refuse: there is nothing to score with before a fit."""
        raise ValueError(f"{self} must be fitted before it can score (it has not seen a text): use fit(texts).")

    def fit_tokens(self, tokens, vocabulary_size: int) -> FittedNGram:
        """Count the n-grams of a text of tokens, or of several.

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
            most=most_words(self.order),
            because="three words are written as one number, of 63 bits or, at orders 4 and 5, 53",
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
    """An n-gram model fitted to a text of tokens; made by `NGram.fit_tokens`.

    Attributes
    ----------
    order, smoothing : int, float or str
        Those of the `NGram`.
    vocabulary_size : int
        V.
    codes : ndarray of int64 or complex, (distinct,)
        The n-grams of the training text, as `codes` writes them, ascending.
    counts : ndarray of int64, (distinct,)
        How often each occurs there.
    """

    order: int
    smoothing: float | str
    vocabulary_size: int
    codes: np.ndarray
    counts: np.ndarray

    def __repr__(self) -> str:
        return (
            f"FittedNGram(order={self.order}, smoothing={_show(self.smoothing)}, "
            f"{int(self.counts.sum())} tokens, {len(self.codes)} distinct n-grams, "
            f"{self.vocabulary_size} words)"
        )

    @cached_property
    def _rows(self) -> tuple[np.ndarray, ...]:
        """Contexts (row,), first entries (row + 1,), n-grams before an entry (entry + 1,), words (entry,)."""
        context, word = contexts(self.codes, self.vocabulary_size)
        first = _starts(context)
        before = np.concatenate([[0], np.cumsum(self.counts)])
        return context[first], np.append(first, len(context)), before, word

    @cached_property
    def _leads_to(self) -> np.ndarray:
        """Row that each entry leads to: that of its own last ``order - 1`` words, which a ring always has."""
        context = self._rows[0]
        possible = self.vocabulary_size ** (self.order - 1)
        suffix = suffixes(self.codes, self.order, self.vocabulary_size)
        if possible > 4 * len(self.codes) + 1024:
            return np.searchsorted(context, suffix).astype(np.int32)
        row = np.empty(possible, np.int32)
        row[context] = np.arange(len(context))
        return row[suffix]

    @cached_property
    def _walk(self) -> tuple:
        """What the kernel walks on: contexts, first, before, guide, shift, follow, ends."""
        context, start, before, word = self._rows
        follow = word if self.order == 1 else self._leads_to
        ends = contexts(context, self.vocabulary_size)[1]
        if self.order > 3:  # a context is never looked for
            context = np.zeros(0, np.int64)
        total, shift = int(before[-1]), 0
        while total >> shift > MOST_PLACES * (len(word) + 256):
            shift += 1
        if shift == 0:
            return context, before[start], before, word[:0], 0, np.repeat(follow, self.counts), ends
        places = np.minimum(np.arange((total - 1 >> shift) + 2) << shift, total - 1)
        guide = (np.searchsorted(before, places, side="right") - 1).astype(np.int32)
        return context, before[start], before, guide, shift, follow, ends

    @cached_property
    def automaton(self) -> Automaton:
        """The model with contexts of every length."""
        grams = words_of(self.codes, self.order, self.vocabulary_size)
        return grow(grams, self.counts, self.vocabulary_size, self.smoothing)

    @property
    def _by_rows(self) -> bool:
        """Whether a walk needs no shorter context: it never leaves the training text, or finds its way back."""
        return self.smoothing == 0 or (self.smoothing != KNESER_NEY and self.order <= 3)

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
        context = as_tokens("context", context, self.vocabulary_size, least=0)
        if self.smoothing == KNESER_NEY:
            state, known = self.automaton.read(context[None])
            return self.automaton.law(int(state[0]), int(known[0]))
        code, _ = contexts(codes(np.append(context, 0), self.order, self.vocabulary_size)[:1], self.vocabulary_size)
        rows, start, _, word = self._rows
        row = min(int(np.searchsorted(rows, code[0])), len(rows) - 1)
        lo, hi = (start[row], start[row + 1]) if rows[row] == code[0] else (0, 0)
        out = np.full(self.vocabulary_size, self.smoothing)
        out[word[lo:hi]] += self.counts[lo:hi]
        total = int(self.counts[lo:hi].sum()) + self.smoothing * self.vocabulary_size
        return out / total if total > 0 else np.full(self.vocabulary_size, 1 / self.vocabulary_size)

    def walk(self, size: int, rng=None) -> np.ndarray:
        """Write a text of tokens: a walk that begins after an n-gram drawn from the training text.

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
        rng = _rng.generator(rng)
        if not self._by_rows:
            states = np.array([self.automaton.begin(rng)])
            return self.automaton.sample(states, np.array([self.order - 1]), size, rng)[0]
        out = np.empty(size, np.int32)
        kernel.sample(rng, size, self.order, self.vocabulary_size, self.smoothing, *self._walk, out)
        return out

    def score(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Look n-grams up.

        Parameters
        ----------
        codes : ndarray of int64 or complex, (n,)
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
        if self.smoothing == KNESER_NEY:
            grams = words_of(codes, self.order, self.vocabulary_size)
            states, known = self.automaton.read(grams[:, :-1])
            return np.log(self.automaton.probability(states, known, grams[:, -1])), occurrences
        rows, start, before, _ = self._rows
        if self.order == 1:
            total = before[-1]
        else:
            context, _ = contexts(codes, self.vocabulary_size)
            row = np.minimum(np.searchsorted(rows, context), len(rows) - 1)
            total = np.where(rows[row] == context, before[start[row + 1]] - before[start[row]], 0)
        above, below = occurrences + self.smoothing, total + self.smoothing * self.vocabulary_size
        known = below > 0
        above, below = np.where(known, above, 1.0), np.where(known, below, self.vocabulary_size)
        with np.errstate(divide="ignore"):
            return np.log(above) - np.log(below), occurrences

    def nll_tokens(self, tokens) -> np.ndarray:
        """Negative log-likelihood of a text of tokens, word by word, in nats.

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
        >>> NGram(order=2).fit_tokens(np.array([0, 1, 0, 2]), 3).nll_tokens([0, 1, 0]).round(6).tolist()
        [0.693147, 0.0]
        """
        tokens = as_tokens("tokens", tokens, self.vocabulary_size)
        return 0.0 - self.score(codes(tokens, self.order, self.vocabulary_size, ring=False))[0]
