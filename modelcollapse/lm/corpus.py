"""What is a real text, to a model of words?

A sequence of *tokens*: numbers that stand for words. The rule that cuts a text into words is the one of the
published unigram experiment (Suresh et al., AISTATS 2025; claim ``SUR-COR1``) and is meant to be seen
through: write the text in lower case; every longest run of word characters (letters, digits and the
underscore, in any script) is a word; everything else only separates words. So "Don't panic: 42!" is the four
words *don t panic 42*, punctuation is no part of the model, and a text joined from words by blanks is cut
into the same words again.

Words are numbered by frequency, the most frequent first, ties in alphabetical order. That makes token numbers
a function of the text alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from modelcollapse import _validate as check

_WORD = re.compile(r"\w+")
_LEAST = "a language that can lose something has two words"


def words(text: str) -> Iterator[str]:
    """Cut a text into words: lower case, longest runs of word characters.

    Examples
    --------
    >>> list(words("Don't panic: 42!"))
    ['don', 't', 'panic', '42']
    """
    return (match.group() for match in _WORD.finditer(text.lower()))


@dataclass(frozen=True, eq=False, repr=False)
class Corpus:
    """A real text as numbered words.

    Parameters
    ----------
    tokens : array of int, (token,)
        The text: places in the vocabulary.
    vocabulary : sequence of str
        The distinct words. The constructors below sort them by descending count, then alphabetically.
    source : str, optional
        Where the text comes from, for reports.

    Raises
    ------
    ValueError
        If there are fewer than two distinct words or a token is not a place in the vocabulary.

    Examples
    --------
    >>> corpus = Corpus.from_text("The cat saw the dog; the dog saw the cat.")
    >>> corpus.vocabulary
    ('the', 'cat', 'dog', 'saw')
    >>> corpus.counts
    array([4, 2, 2, 2])
    >>> corpus.text(corpus.tokens[:5])
    'the cat saw the dog'
    """

    tokens: np.ndarray
    vocabulary: tuple[str, ...]
    source: str = field(default="a text")

    def __post_init__(self):
        vocabulary = tuple(self.vocabulary)
        distinct = len(set(vocabulary))
        if distinct < 2:
            raise ValueError(f"vocabulary must hold at least 2 distinct words ({_LEAST}), got {distinct}.")
        if distinct < len(vocabulary):
            twice = next(word for word, count in Counter(vocabulary).items() if count > 1)
            raise ValueError(f"vocabulary must name every word once (a token is a place in it), got {twice!r} twice.")
        tokens = as_tokens("tokens", self.tokens, len(vocabulary)).copy()
        tokens.flags.writeable = False
        object.__setattr__(self, "tokens", tokens)
        object.__setattr__(self, "vocabulary", vocabulary)

    @classmethod
    def from_text(cls, text: str, *, source: str = "a text") -> Corpus:
        """Cut a text into words and number them.

        Parameters
        ----------
        text : str
            Any text with at least two distinct words.
        source : str, optional
            Where it comes from, for reports.

        Raises
        ------
        TypeError
            If `text` is not a string.
        ValueError
            If it holds fewer than two distinct words.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a string (for a file use Corpus.from_file), got {text!r:.60}.")
        sequence = list(words(text))
        counts = Counter(sequence)
        if len(counts) < 2:
            seen = "no word at all" if not counts else f"only the word {next(iter(counts))!r}"
            raise ValueError(
                f"text must hold at least 2 distinct words ({_LEAST}), got {seen} "
                f"in {len(text)} characters of {source}."
            )
        vocabulary = sorted(counts, key=lambda word: (-counts[word], word))
        place = {word: i for i, word in enumerate(vocabulary)}
        tokens = np.fromiter((place[word] for word in sequence), np.int32, len(sequence))
        return cls(tokens, tuple(vocabulary), source)

    @classmethod
    def from_file(cls, path: str | Path, *, encoding: str = "utf-8") -> Corpus:
        """Read a text file.

        Parameters
        ----------
        path : str or Path
            The file.
        encoding : str, optional
            How its characters are written.

        Raises
        ------
        ValueError
            If the file cannot be read, is not text in that encoding, or holds fewer than two distinct words.
        """
        path = Path(path)
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise ValueError(
                f"path must be a text file that can be read, got {str(path)!r}: {error.strerror or error}."
            ) from error
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"path must be text in the encoding {encoding!r} (name another with encoding=), "
                f"got byte 0x{raw[error.start]:02x} at {error.start} of {str(path)!r}."
            ) from error
        except LookupError as error:
            raise ValueError(
                f"encoding must be one that Python knows (utf-8, latin-1, ...), got {encoding!r}."
            ) from error
        return cls.from_text(text, source=str(path))

    @classmethod
    def default(cls) -> Corpus:
        """Return a real text that needs no file: the Python language reference, as ``help()`` carries it.

        About 65,000 words of technical English from the standard library (``pydoc_data.topics``). It changes
        with the version of Python: no number that depends on it should be written down.
        """
        from pydoc_data.topics import topics

        return cls.from_text(
            "\n".join(topics[name] for name in sorted(topics)),
            source="the Python language reference (pydoc_data.topics)",
        )

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return f"Corpus({len(self.tokens)} tokens, {len(self.vocabulary)} words, from {self.source})"

    @cached_property
    def counts(self) -> np.ndarray:
        """How often each word occurs, (word,)."""
        counts = np.bincount(self.tokens, minlength=len(self.vocabulary))
        counts.flags.writeable = False
        return counts

    @cached_property
    def _place(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.vocabulary)}

    def encode(self, text: str) -> np.ndarray:
        """Turn another text into tokens of this vocabulary; a word that is not in it becomes -1.

        Examples
        --------
        >>> Corpus.from_text("the cat saw the dog").encode("The dog barked.")
        array([ 0,  2, -1], dtype=int32)
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {text!r:.60}.")
        place = self._place
        return np.array([place.get(word, -1) for word in words(text)], dtype=np.int32)

    def text(self, tokens) -> str:
        """Turn tokens back into readable text, words joined by blanks.

        Parameters
        ----------
        tokens : array of int, (token,)
            Places in the vocabulary.

        Examples
        --------
        >>> Corpus.from_text("the cat saw the dog").text([2, 3, 1])
        'dog saw cat'
        """
        vocabulary = self.vocabulary
        return " ".join([vocabulary[i] for i in as_tokens("tokens", tokens, len(vocabulary), least=0)])


def as_tokens(name: str, value, vocabulary_size: int, *, least: int = 1) -> np.ndarray:
    """Return `value` as int32 tokens (token,), or say which rule it breaks."""
    tokens = np.asarray(value)
    if tokens.size == 0 and tokens.ndim == 1:
        tokens = tokens.astype(np.int32)
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers of shape (token,), got {tokens.dtype} of shape {tokens.shape}.")
    if tokens.size < least:
        raise ValueError(f"{name} must hold at least {least} (there is nothing to count in less), got {tokens.size}.")
    if tokens.size:
        low, high = int(tokens.min()), int(tokens.max())
        check.integer(f"smallest of {name}", low, least=0, because="tokens are places in the vocabulary")
        check.integer(
            f"largest of {name}", high, most=vocabulary_size - 1, because=f"the vocabulary has {vocabulary_size} words"
        )
    return tokens.astype(np.int32, copy=False)
