"""What does an n-gram model make of texts?

`WordModel` is the n-gram model as a `modelcollapse.lm.LanguageModel`: it is fitted to texts, continues prompts and
scores texts. Its tokens are words.

* **A fit** joins the texts, in their order, to one ring. Blocks that were cut from one text are thereby put together
  again, and every seam between others makes k - 1 n-grams that nobody wrote. The rest of a model is its counts, so it
  does not matter where a fit begins: fitting a fitted model forgets its counts and keeps its vocabulary, and an
  experiment that begins with a model fitted to the real text compares generations over the same words.
* **A prompt** is a context: its last k - 1 words that the vocabulary has. A word that it lacks cuts off those before
  it. An empty prompt is the empty context.
* **A text** is scored from its first word on, which stands in the empty context; so `nll` is minus the logarithm of
  the probability with which `sample` writes that text after an empty prompt. What contexts mean that are short, or
  that were never seen, is said in `modelcollapse.lm.automaton`. Without smoothing, the law of the words at the
  beginning of a text is that of the margins of the ring, and so the law of every word in it: texts without prompts
  drift neutrally.
* **Order 1 without smoothing** is the Wright-Fisher model, exactly, whatever the prompts: words are drawn one by one
  from the frequencies in the joined texts, and the next fit counts them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from modelcollapse import _rng
from modelcollapse import _validate as check
from modelcollapse.lm.corpus import words
from modelcollapse.lm.ngram import FittedNGram, NGram, most_words
from modelcollapse.lm.protocol import Decoding

#: what all words outside the vocabulary are read as, and written as; `words` makes it of the usual <unk>
UNKNOWN = "unk"
#: numbers that the laws may take that a decoding has prepared once, to draw from them again
MOST_PREPARED = 2**24


def fit(model: NGram, texts: Sequence[str]) -> WordModel:
    """Fit an n-gram model to texts; see `NGram.fit`."""
    cut = [list(words(text)) for text in as_texts("texts", texts)]
    if not any(cut):
        raise ValueError(
            f"texts must hold at least 1 word (there is nothing to count in less), got {len(cut)} without."
        )
    vocabulary = model.vocabulary
    if vocabulary is None:
        counts = Counter(word for text in cut for word in text)
        vocabulary = tuple(sorted(counts, key=lambda word: (-counts[word], word)))
    if model.unknown and UNKNOWN not in vocabulary:
        vocabulary = (*vocabulary, UNKNOWN)
    check.integer(
        "words in the vocabulary",
        len(vocabulary),
        most=most_words(model.order),
        because="three words are written as one number, of 63 bits or, at orders 4 and 5, 53",
    )
    place = {word: i for i, word in enumerate(vocabulary)}
    other = place[UNKNOWN] if model.unknown else -1
    tokens = [place.get(word, other) for text in cut for word in text]
    if other < 0 and min(tokens) < 0:
        alien = next(word for text in cut for word in text if word not in place)
        raise ValueError(
            "texts must be made of words of the vocabulary (others are impossible; with unknown=True they are read "
            f"as {UNKNOWN!r}, and with a larger vocabulary they are known), got {alien!r}."
        )
    known = replace(model, vocabulary=None)
    object.__setattr__(known, "vocabulary", vocabulary)  # made of what was checked: not to be checked again
    return WordModel(known, known.fit_tokens(np.array(tokens, np.int32), len(vocabulary)))


def as_texts(name: str, value) -> list[str]:
    """Return `value` as a list of strings, or say which rule it breaks."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise TypeError(f"{name} must be a sequence of strings, got {value!r:.60}.")
    out = list(value)
    for i, text in enumerate(out):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{i}] must be a string, got {text!r:.60}.")
    return [str(text) for text in out]


@dataclass(frozen=True, eq=False, repr=False)
class WordModel:
    """An n-gram model fitted to texts; made by `NGram.fit`.

    Attributes
    ----------
    settings : NGram
        Order, smoothing and the vocabulary.
    fitted : FittedNGram
        The counts.

    Examples
    --------
    >>> model = NGram(2, "kneser-ney").fit(["the cat saw the dog", "the dog saw the cat"])
    >>> nats, tokens = model.nll(["the cat", "a bird"])
    >>> nats.round(3).tolist(), tokens.tolist()
    ([1.695, inf], [2, 2])
    """

    settings: NGram
    fitted: FittedNGram

    def __repr__(self) -> str:
        return f"WordModel({self.settings}, {self.fitted})"

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The words that there are; with ``unknown`` one of them is ``unk``."""
        return self.settings.vocabulary

    @cached_property
    def _place(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.vocabulary)}

    def encode(self, text: str) -> np.ndarray:
        """Turn a text into tokens, (token,) int32; -1 for a word that is impossible."""
        place = self._place
        other = place[UNKNOWN] if self.settings.unknown else -1
        return np.array([place.get(word, other) for word in words(text)], np.int32)

    def fit(self, texts: Sequence[str], *, validation: Sequence[str] | None = None, rng=None) -> WordModel:
        """Return this model fitted to other texts, over the same vocabulary; see `NGram.fit`."""
        return fit(self.settings, texts)

    def sample(self, prompts: Sequence[str], length: int, rng=None, *, decoding: Decoding | None = None) -> list[str]:
        """Continue every prompt by `length` words.

        Parameters
        ----------
        prompts : sequence of str
            Each may be empty.
        length : int
        rng : None, int, SeedSequence or Generator, optional
            Source of randomness.
        decoding : Decoding, optional
            Temperature, ``top_k`` and ``top_p`` apply, in this order, to the law of each word; among words of the
            same probability those with the lower number are taken first. Plain sampling is far faster.

        Returns
        -------
        list of str
            The continuations without the prompts, words joined by blanks.

        Raises
        ------
        ValueError
            For beams, and for a repetition penalty: it divides logits, and an n-gram model has none.
        """
        length = check.integer("length", length, least=0)
        decoding = Decoding() if decoding is None else decoding
        if decoding.beams > 1:
            raise ValueError(f"beams must be 1 (an n-gram model only samples, or is greedy), got {decoding.beams}.")
        if decoding.repetition_penalty != 1:
            raise ValueError(
                "repetition_penalty must be 1 (it divides logits, and an n-gram model has probabilities only), "
                f"got {decoding.repetition_penalty:g}."
            )
        rng = _rng.generator(rng)
        automaton, back = self.fitted.automaton, self.fitted.order - 1
        contexts = np.full((len(texts := as_texts("prompts", prompts)), back), -1, np.int32)
        for i, text in enumerate(texts):
            tokens = self.encode(text)
            last = tokens[max(0, len(tokens) - back) :]
            contexts[i, back - len(last) :] = last
        states, known = automaton.read(contexts)
        if decoding.plain:
            written = automaton.sample(states, known, length, rng)
        else:
            written = self._decode(states, known, length, rng, decoding)
        vocabulary = self.vocabulary
        return [" ".join([vocabulary[w] for w in row]) for row in written.tolist()]

    def _decode(self, states, known, length: int, rng: np.random.Generator, decoding: Decoding) -> np.ndarray:
        """Write word by word from laws that `decoding` has changed."""
        automaton, back = self.fitted.automaton, self.fitted.order - 1
        out = np.empty((len(states), length), np.int32)
        prepared: dict = {}
        room = MOST_PREPARED
        for i, (start, before) in enumerate(zip(states.tolist(), known.tolist(), strict=True)):
            state = start
            for j in range(length):
                context = state, min(before + j, back)
                if context not in prepared:
                    if room < 0:
                        prepared, room = {}, MOST_PREPARED
                    prepared[context] = prepare(automaton.law(*context), decoding)
                    room -= len(prepared[context][0])
                word, cumulative = prepared[context]
                if len(word) == 1:
                    out[i, j] = word[0]
                else:
                    place = np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")
                    out[i, j] = word[min(place, len(word) - 1)]
                state = automaton.step(state, int(out[i, j]))
        return out

    def nll(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Score texts.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        nats : ndarray, (text,)
            Negative log-likelihood of all words of the text; infinite if one of them is impossible, 0 for no words.
        n_tokens : ndarray of int, (text,)
            Words.
        """
        tokens = [self.encode(text) for text in as_texts("texts", texts)]
        n = np.array([len(text) for text in tokens], np.int64)
        back = self.fitted.order - 1
        gap = np.full(back, -1, np.int32)
        joined = np.concatenate([np.append(gap, text) for text in tokens] or [gap]).astype(np.int32)
        if not n.sum():
            return np.zeros(len(n)), n
        windows = np.lib.stride_tricks.sliding_window_view(joined, back + 1)
        first = np.cumsum(n + back) - (n + back)
        scored = np.repeat(first - (np.cumsum(n) - n), n) + np.arange(n.sum())
        windows = windows[scored]
        states, known = self.fitted.automaton.read(windows[:, :-1])
        with np.errstate(divide="ignore"):
            nats = -np.log(self.fitted.automaton.probability(states, known, windows[:, -1]))
        return np.bincount(np.repeat(np.arange(len(n)), n), nats, len(n)), n

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder: ``ngram.json`` and ``ngram.npz``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        settings = self.settings
        about = {
            "order": settings.order,
            "smoothing": settings.smoothing,
            "unknown": bool(settings.unknown),
            "vocabulary": settings.vocabulary,
        }
        np.savez(folder / "ngram.npz", codes=self.fitted.codes, counts=self.fitted.counts)
        (folder / "ngram.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> WordModel:
        """Read a model that `save` has written."""
        folder = Path(folder)
        about = json.loads((folder / "ngram.json").read_text(encoding="utf-8"))
        settings = NGram(**{**about, "vocabulary": tuple(about["vocabulary"])})
        with np.load(folder / "ngram.npz") as tables:
            table = tables["codes"], tables["counts"]
        return cls(settings, settings.from_counts(table, len(settings.vocabulary)))


def prepare(law: np.ndarray, decoding: Decoding) -> tuple[np.ndarray, np.ndarray]:
    """Apply a decoding to a law: the words that are left, the likeliest first, and their weights added up.

    Examples
    --------
    >>> law = np.array([0.1, 0.4, 0.2, 0.3])
    >>> word, cumulative = prepare(law, Decoding(top_k=3, top_p=0.7))
    >>> word.tolist(), cumulative.round(6).tolist()
    ([1, 3], [1.0, 1.75])
    """
    word = np.flatnonzero(law > 0)
    word = word[np.argsort(-law[word], kind="stable")]
    if decoding.temperature == 0 or decoding.top_k == 1:
        return word[:1], np.ones(1)
    weight = law[word] / law[word[0]]
    if decoding.temperature != 1:
        weight = np.exp(np.log(weight) / decoding.temperature)
    word, weight = word[: decoding.top_k], weight[: decoding.top_k]
    cumulative = np.cumsum(weight)
    if decoding.top_p is not None:
        enough = 1 + int(np.searchsorted(cumulative, decoding.top_p * cumulative[-1] * (1 - 1e-12)))
        word, cumulative = word[:enough], cumulative[:enough]
    return word, cumulative
