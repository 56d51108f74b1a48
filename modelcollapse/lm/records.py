r"""What is written down of a generational language-model experiment?

One `Generation` per fit. Number 0 is the real text; number t >= 1 is the batch of texts that model t, the t-th fit,
wrote (model 1 is fitted to real text only). Under replace the batch of generation t is what model t + 1 is fitted to.

On disk a run is a folder with a ``manifest.json`` and one ``generation_000.jsonl``, ``generation_001.jsonl``, ...: one
text a line::

    {"generation": 3, "id": 17, "text": "...", "prompt_id": 17, "source": "synthetic",
     "n_tokens": 64, "nll_nats": {"first": 251.3, "self": 240.9}}

``source`` is ``real`` (of the original text), ``synthetic`` (written by model t) or ``kept`` (an original text that
stands among the batch because the regime keeps it). ``nll_nats`` has one entry per scorer: ``first`` is the model of
generation 1, ``self`` the model that wrote the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

SOURCES = ("real", "synthetic", "kept")


@dataclass(frozen=True, eq=False)
class Generation:
    """The texts of one generation, with what is known of each.

    Attributes
    ----------
    number : int
        t: 0 is the real text, t >= 1 the batch that model t wrote.
    texts : tuple of str
    source : ndarray of str, (text,)
        "real", "synthetic" or "kept".
    prompt_id : ndarray of int, (text,)
        Place of the prompt in the set of prompts, -1 where there is none or it is not known.
    n_tokens : ndarray of int, (text,)
        Tokens of the model that scored them; -1 where not known.
    nll_nats : mapping of str to ndarray, (text,)
        Negative log-likelihood in nats by scorer; nan where not known.
    facts : mapping
        Whatever else is known of the generation as a whole: ``perplexity_real``, ``training`` (pairs of generation
        and id that the model of this generation was fitted to), losses, seeds.
    """

    number: int
    texts: tuple[str, ...]
    source: np.ndarray
    prompt_id: np.ndarray
    n_tokens: np.ndarray
    nll_nats: Mapping[str, np.ndarray] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)
