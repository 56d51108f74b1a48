r"""What is a language model, to a theory of model collapse?

Three verbs. It can be *fitted* to texts, it can *write* texts, and it can say how surprised it is by texts:

* ``fit(texts, rng=...)`` returns the fitted model and leaves the one it was asked of as it was. So
  ``base.fit(texts)`` is a fresh start from the base model in every generation (as published), and
  ``base.fit(first).fit(second)`` is a model that is trained on;
* ``sample(prompts, length, rng, decoding=...)`` continues every prompt by `length` tokens and returns the
  continuations without the prompts;
* ``nll(texts)`` returns, text by text, the negative log-likelihood in nats and the number of tokens it is of.

A *text* is a string: usually a block of 64 tokens, the unit of the published experiment. What a token is, the
model knows alone; everything that compares models or generations counts words (`modelcollapse.lm.corpus.words`).

*Decoding* is how a model is made to write, and it matters more than anything else: beams and greedy choice turn a
small model into a loop of repeated phrases in a single generation. The default is plain sampling, the only
decoding under which a model's text follows the law that was fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from modelcollapse import _validate as check


@dataclass(frozen=True)
class Decoding:
    """How a model is made to write.

    Parameters
    ----------
    temperature : float, optional
        Log-probabilities are divided by it; 1 samples from the model, 0 always takes the likeliest token (greedy).
    top_k : int, optional
        Sample among the `top_k` likeliest tokens only.
    top_p : float, optional
        Sample among the likeliest tokens that together have this probability (nucleus).
    beams : int, optional
        More than 1: beam search of that width, as in the published experiment (5). No randomness is left.
    repetition_penalty : float, optional
        Logits of tokens that have been used already are divided by it (multiplied, if negative); 1 is none.

    Raises
    ------
    ValueError
        If a setting breaks its rule, or if beams are combined with a setting that only sampling has.

    Examples
    --------
    >>> Decoding()
    Decoding(temperature=1.0, top_k=None, top_p=None, beams=1, repetition_penalty=1.0)
    >>> Decoding(beams=5).samples
    False
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    beams: int = 1
    repetition_penalty: float = 1.0

    def __post_init__(self):
        put = object.__setattr__
        because = "log-probabilities are divided by it; 0 is greedy"
        put(self, "temperature", check.number("temperature", self.temperature, least=0.0, because=because))
        if self.top_k is not None:
            put(self, "top_k", check.integer("top_k", self.top_k, least=1, because="a token must be left to write"))
        if self.top_p is not None:
            because = "it is the probability of the tokens that are left"
            put(self, "top_p", check.number("top_p", self.top_p, above=0.0, most=1.0, because=because))
        put(self, "beams", check.integer("beams", self.beams, least=1))
        because = "logits of used tokens are divided by it"
        put(
            self,
            "repetition_penalty",
            check.number("repetition_penalty", self.repetition_penalty, least=1.0, because=because),
        )
        if self.beams > 1 and (self.temperature != 1.0 or self.top_k is not None or self.top_p is not None):
            raise ValueError(
                "beams must be 1 with a temperature, top_k or top_p (beam search takes the likeliest text and samples "
                f"nothing), got beams={self.beams}."
            )

    @property
    def samples(self) -> bool:
        """Whether anything is left to chance."""
        return self.beams == 1 and self.temperature > 0 and self.top_k != 1

    @property
    def plain(self) -> bool:
        """Whether text is drawn from the model's own law."""
        return self == Decoding()


@runtime_checkable
class LanguageModel(Protocol):
    """Anything that can be fitted to texts, write texts and score texts.

    A model may also have ``save(folder)``, which makes the folder, and a class method ``load(folder)``; a run that
    continues its model from generation to generation needs them to be resumed. What is loaded must write and score as
    what was saved did, to the last bit; settings of the machine that are not saved (a device, a batch size) are handed
    to ``load`` if the base model has ``machine()``, which returns them as a dict. A model whose tokens are not words
    may have ``blocks(text, size)``, which cuts a text into blocks of `size` of its tokens; ``describe()``, which tells
    it from others in a word or two; and ``history``, a sequence of what the last fit said, epoch by epoch.
    """

    def fit(
        self, texts: Sequence[str], *, validation: Sequence[str] | None = None, rng: np.random.Generator
    ) -> LanguageModel:
        """Return this model fitted to `texts`, starting from where this one is.

        `validation`, if given, selects the checkpoint in a model that has several.
        """

    def sample(self, prompts: Sequence[str], length: int, rng: np.random.Generator, *, decoding: Decoding) -> list[str]:
        """Continue every prompt by `length` tokens; return the continuations only. A prompt may be empty."""

    def nll(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return negative log-likelihoods in nats, (text,) float, and the tokens scored, (text,) int.

        An infinite likelihood ratio is infinite here: a model that calls a text impossible says so.
        """
