r"""What becomes of a language model that is fitted, generation after generation, to its own texts?

One chain of any `LanguageModel`, as in the published experiment (Shumailov et al., Nature 2024) and under any regime.
The real text is cut into blocks, and *blocks are the points of the regime*: ``Replace(n=256)`` fits every generation
to 256 texts. In generation t

1. model t is fitted to the training set of the regime, starting from the base model or from model t - 1;
2. it continues as many prompts as the next batch needs texts, and the curations of the regime choose among them;
3. the batch is scored by the first model and by model t, and so are the real texts that were held out;
4. all of it is written down, whole, before generation t + 1 begins.

The batch of generation t, *record t*, is what model t wrote and the new real texts that the regime puts beside it: what
enters the training sets of the generations after t. Record 0 is the real text.

What the papers leave implicit is an option with the published protocol as its default, but for one: the published
decoding is beam search, which destroys a small model at once (within one generation most of its text is repetition),
so the default samples, and ``decoding=Decoding(beams=5)`` is as published.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from modelcollapse import _rng
from modelcollapse import _validate as check
from modelcollapse.curation import Curation, Edit, Temperature, TopK, TopP
from modelcollapse.lm import records
from modelcollapse.lm.corpus import Corpus
from modelcollapse.lm.loop import Judge, Loop, versions
from modelcollapse.lm.protocol import Decoding, LanguageModel
from modelcollapse.lm.records import Generation
from modelcollapse.lm.store import Store, can_be_saved
from modelcollapse.regimes import FreshReal, Plan, Regime, Replace

#: words in a block, as published
BLOCK = 64
#: curations that belong to the decoding, in its order
_DECODED = (Temperature, TopK, TopP)
_WORD = re.compile(r"\w+")


class Published(NamedTuple):
    """A setting of the published experiment: what its generations are fitted to, and for how many epochs."""

    regime: Regime
    epochs: int


def published(setting: str, n: int, *, kept: str = "original") -> Published:
    """Return a setting of the published experiment (Shumailov et al., Nature 2024, Fig. 1; claim ``SHU-EXP-OPT``).

    Parameters
    ----------
    setting : {"5 epochs", "10 % kept"}
        Five epochs, no original text kept; or ten epochs, a tenth kept.
    n : int
        Texts per generation.
    kept : {"original", "current"}, optional
        Of which set a tenth is kept: new random ones of the original in every generation, as the paper says; or of
        the set that the last model was fitted to, as the released code does. Of that set ever fewer are original.

    Returns
    -------
    Published
        regime, epochs. The epochs are a setting of the model.

    Examples
    --------
    >>> published("10 % kept", 1000)
    Published(regime=FreshReal(n=1000, n_real=100), epochs=10)
    >>> published("10 % kept", 1000, kept="current").regime
    Replace(n=1000, curation=Edit(fraction=0.9))
    """
    ten = check.choice("setting", setting, ("5 epochs", "10 % kept")) == "10 % kept"
    return Published(keeping(Replace(n), 0.1 if ten else 0.0, kept), 10 if ten else 5)


def keeping(regime: Regime, keep: float, keep_from: str) -> Regime:
    """Return a `Replace` in which a share of every training set is not new: the regime that this is."""
    keep = check.number("keep", keep, least=0.0, below=1.0, because="a share of the texts")
    check.choice("keep_from", keep_from, ("original", "current"))
    if keep == 0:
        return regime
    if type(regime) is not Replace or not isinstance(regime.n, int):
        raise ValueError(
            f"keep must be 0 unless the regime is Replace(n) with one number n (the others say themselves what they "
            f"keep), got {keep:g} with {regime}."
        )
    if round(keep * regime.n) < 1:
        raise ValueError(f"keep must be 0 or enough for one text of {regime.n}, got {keep:g}.")
    if keep_from == "original":
        return FreshReal(regime.n, round(keep * regime.n), curation=regime.curation)
    return Replace(regime.n, curation=(*(regime.curation or ()), Edit(1 - keep)))


def experiment(
    model: LanguageModel,
    corpus: Corpus | str | Sequence[str],
    regime: Regime,
    generations: int,
    *,
    prompts: str | None = "original",
    decoding: Decoding = Decoding(),  # noqa: B008 - frozen
    keep: float = 0.0,
    keep_from: str = "original",
    block: int | None = BLOCK,
    length: int | None = None,
    validation: Corpus | str | Sequence[str] | None = None,
    test: Corpus | str | Sequence[str] | None = None,
    select: str | None = "validation",
    fresh: bool = True,
    store=None,
    resume: bool = True,
    rng=None,
    progress: bool = False,
):
    """Fit a language model, generation after generation, to its own texts under `regime`.

    Parameters
    ----------
    model : LanguageModel
        The base model: anything with ``fit`` that returns something with ``sample`` and ``nll``. Epochs are a setting
        of the model. One whose tokens are not words may have a method ``blocks(text, size)`` that cuts a text into
        blocks of `size` of its own tokens.
    corpus : Corpus, str, or sequence of str
        The real text; the rows of a sequence are joined. It is cut into blocks, and the remainder is dropped.
    regime : Regime
        What each generation is fitted to; its points are blocks. Real ones are drawn from those of the corpus, without
        replacement within a generation. With ``curation=``: Temperature, TopK and TopP belong to the decoding, those
        that judge points are given arrays of texts (``by="likelihood"``: minus the nats per token under the model
        that writes), and weights are refused.
    generations : int
        Fits, T >= 1.
    prompts : {"original", "previous", None}, optional
        What is continued: each block of the training set of generation 1 (as published), of the batch before, or
        nothing. If more texts are needed than there are prompts, each is used again.
    decoding : Decoding, optional
        How texts are written; plain sampling by default, ``Decoding(beams=5)`` as published.
    keep, keep_from : float, {"original", "current"}, optional
        With ``Replace(n)``: the share of every training set after the first that the last model does not write, and
        of which set it is a random part. Short for ``FreshReal(n, n_real=keep * n)`` or
        ``Replace(n, curation=Edit(1 - keep))``.
    block : int or None, optional
        Words in a block; None: `corpus`, `validation` and `test` are sequences of texts that are taken as they are.
    length : int, optional
        Tokens that are written to continue a prompt; default `block`.
    validation, test : Corpus, str, or sequence of str, optional
        Real text to choose checkpoints by and to compute perplexities of.
    select : {"validation", None}, optional
        Whether `validation`, if there is one, is given to every fit, to choose its checkpoint, as published. It is
        real text, in every generation, even where the regime keeps none.
    fresh : bool, optional
        Fit the base model anew in each generation (as published), or go on with the last one.
    store : str or Path, optional
        Folder in which every generation is written down (see `modelcollapse.lm.records`).
    resume : bool, optional
        Go on with the run that is in `store`, if it was made with the same settings (with ``rng=None``: with the same
        seed), at the step at which it was stopped; a larger `generations` prolongs it. The result is that of an
        uninterrupted run, byte for byte.
    rng : None, int, SeedSequence or Generator, optional
        Where randomness starts.
    progress : bool, optional
        Show a progress bar on standard error.

    Returns
    -------
    xarray.Dataset
        What `modelcollapse.lm.measure` makes of the records.

    Raises
    ------
    TypeError, ValueError
        If an argument breaks its rule, more real blocks are asked for than there are, `store` holds a run of other
        settings, a model does not keep its protocol, or a curation leaves no text.
    MemoryError, OSError
        If memory or the disk is full: the message says which generation is the last good one.
    """
    setup = Setup(
        model,
        corpus,
        keeping(_regime(regime), keep, keep_from),
        check.integer("generations", generations, least=1),
        prompts=prompts,
        decoding=decoding,
        block=block,
        length=length,
        validation=validation,
        test=test,
        select=select,
        fresh=fresh,
    )
    kept = Store(store)
    if kept.manifest is not None and not resume:
        raise ValueError(f"store must be an empty folder with resume=False (it holds a run), got {str(store)!r}.")
    if kept.folder is not None and not fresh and not can_be_saved(model, model):
        raise ValueError(
            "store must be None where a model is continued that has no save and load (it could not be taken up "
            f"again), got {type(model).__name__} with store={str(store)!r}."
        )
    stored = rng is None and kept.manifest is not None
    seed = _stored_seed(kept.manifest["config"]) if stored else _rng.root(rng)
    kept.open(lambda T: setup.configuration(T, seed), setup.generations)
    Loop(setup, kept, seed).run(progress)
    return _measured(kept.generations[: setup.generations + 1], setup, seed)


def _measured(generations: list[Generation], setup: Setup, seed: np.random.SeedSequence):
    """Measure a run, and say in the attributes how it was made."""
    from modelcollapse.lm.measures import measure

    said = setup.configuration(setup.generations, seed)
    del said["regime"]
    attrs = {name: value if isinstance(value, str) else json.dumps(value) for name, value in said.items()}
    return measure(generations, regime=setup.regime, attrs={"family": type(setup.model).__name__, **attrs})


def blocks(
    text: Corpus | str | Sequence[str], size: int | None = BLOCK, *, model=None, name: str = "text"
) -> list[str]:
    """Cut a text into blocks of `size` words (longest runs of letters, digits and underscores); drop the remainder.

    What stands between two words stays as it is, at the end of a block with the word before.

    Parameters
    ----------
    text : Corpus, str, or sequence of str
        Rows of a sequence are joined by line breaks.
    size : int or None
        Words in a block; None: the rows are the blocks.
    model : LanguageModel, optional
        Cuts the text into blocks of its own tokens if it has a method ``blocks(text, size)``.
    name : str, optional
        What the text is called in errors.

    Examples
    --------
    >>> blocks("The cat saw the dog; the dog, it seems, saw nothing.", 3)
    ['The cat saw', 'the dog; the', 'dog, it seems,']
    """
    if isinstance(text, Corpus):
        rows = [text.text(text.tokens)]
    elif isinstance(text, str):
        rows = [text]
    elif isinstance(text, Sequence) and all(isinstance(row, str) for row in text):
        rows = list(text)
    else:
        raise TypeError(f"{name} must be a Corpus, a string or a sequence of strings, got {text!r:.60}.")
    if size is None:
        if isinstance(text, (Corpus, str)):
            raise TypeError(f"{name} must be a sequence of texts with block=None, got {type(text).__name__}.")
        if not rows:
            raise ValueError(f"{name} must hold at least one text, got none.")
        return rows
    whole = "\n".join(rows)
    if callable(getattr(model, "blocks", None)):
        cut, unit = list(model.blocks(whole, size)), "tokens"
    else:
        spans = [match.span() for match in _WORD.finditer(whole)]
        starts = [span[0] for span in spans[::size]] + [len(whole)]
        full, unit = len(spans) // size, "words"
        cut = [whole[starts[i] : starts[i + 1]].rstrip() for i in range(full)]
    if not cut:
        raise ValueError(f"{name} must hold at least one block of {size} {unit}, got {len(whole)} characters.")
    return cut


class Setup:
    """What is fitted, to what, and how it is made to write: everything but the seed, checked."""

    def __init__(self, model, corpus, regime, generations, *, prompts, decoding, block, length, select, fresh, **real):
        if not callable(getattr(model, "fit", None)) or isinstance(model, type):
            raise TypeError(f"model must be a language model, such as NGram(order=3), got {model!r:.80}.")
        if prompts is not None:
            check.choice("prompts", prompts, ("original", "previous"))
        if select is not None:
            check.choice("select", select, ("validation",))
        if not isinstance(decoding, Decoding):
            raise TypeError(f"decoding must be a Decoding, such as Decoding(top_p=0.95), got {decoding!r:.80}.")
        self.block = None if block is None else check.integer("block", block, least=1)
        if length is None and block is None:
            raise ValueError("length must be given with block=None (it is the block otherwise), got None.")
        self.length = self.block if length is None else check.integer("length", length, least=1)
        self.model, self.regime, self.generations = model, regime, generations
        self.prompts, self.select, self.fresh = prompts, select, bool(fresh)
        self.corpus = corpus
        self.real = blocks(corpus, self.block, model=model, name="corpus")
        self.validation, self.test = (
            None if real[name] is None else blocks(real[name], self.block, model=model, name=name)
            for name in ("validation", "test")
        )
        self.plan = self._plan()
        self.decoding = decoded(decoding, self.plan)
        self.described = described(model)

    def _plan(self) -> Plan:
        """Write the regime out for one generation more: the last model writes too."""
        regime, T = self.regime, self.generations
        if isinstance(regime.n, tuple) and len(regime.n) == T:
            regime = dataclasses.replace(regime, n=(*regime.n, regime.n[-1]))
        plan = regime.curated(T + 1)
        if plan.real_weight is not None:
            raise ValueError(
                f"real_weight must be None (a language model is fitted to texts that all weigh the same; mix in more "
                f"real ones instead), got {plan.real_weight:g}."
            )
        need = int((plan.real + np.where(plan.mix > 0, plan.synthetic, 0)).max())
        if need > len(self.real):
            raise ValueError(
                f"{regime} must ask for at most {len(self.real)} real blocks in a generation (the corpus has that "
                f"many blocks), got {need}."
            )
        least = int(plan.synthetic[1:].min())
        for curation in plan.curation:
            _readable(curation)
            if not isinstance(curation, _DECODED):
                curation.check(Judge(self.model), least)
        return plan

    def configuration(self, generations: int, seed: np.random.SeedSequence) -> dict:
        """Everything that decides what a run of so many generations writes, and with which versions."""
        texts = {"corpus": self.real, "validation": self.validation, "test": self.test}
        sums = {k: v and {"texts": len(v), "sha256": records.fingerprint(v)} for k, v in texts.items()}
        return {
            "model": self.described,
            **sums,
            "regime": json.loads(self.regime.describe(generations + 1)),
            "prompts": self.prompts,
            "decoding": dataclasses.asdict(self.decoding),
            "block": self.block,
            "length": self.length,
            "select": self.select,
            "fresh": self.fresh,
            "entropy": str(seed.entropy),
            "spawn_key": [int(k) for k in seed.spawn_key],
            "versions": versions(),
        }


def decoded(decoding: Decoding, plan: Plan) -> Decoding:
    """Return the decoding with what the curations say of it."""
    said = [one for one in plan.curation if isinstance(one, _DECODED)]
    ranks = [_DECODED.index(type(one)) for one in said]
    if ranks != sorted(set(ranks)):
        raise ValueError(
            "curation must change what is sampled from in the order Temperature, TopK, TopP, each once (that is what "
            f"decoding does), got {' then '.join(map(str, said))}."
        )
    for one in said:
        for entry, name in (("temperature", "temperature"), ("k", "top_k"), ("p", "top_p")):
            if hasattr(one, entry):
                if getattr(decoding, name) != getattr(Decoding(), name):
                    raise ValueError(
                        f"{name} must be said once, by the decoding or by a curation, got {decoding} and {one}."
                    )
                decoding = dataclasses.replace(decoding, **{name: getattr(one, entry)})
    return decoding


def _readable(curation: Curation) -> None:
    """Refuse a curation that cannot work on texts."""
    if type(curation).shape is not Curation.shape and not isinstance(curation, _DECODED):
        raise ValueError(f"curation must be one that a text can undergo (it has no covariance), got {curation}.")
    if curation.weighs:
        raise ValueError(
            "curation must not weigh texts (a language model is fitted to texts that all weigh the same; "
            f"action='drop' drops them), got {curation}."
        )
    if curation.judge and getattr(curation, curation.judge) is None:
        raise ValueError(
            f"{curation.judge} must be a function of an array of texts (a text is no number), got None in {curation}."
        )


def described(model) -> str:
    """Return what tells a model from others: its own ``describe()``, else its repr, else its class."""
    if callable(getattr(model, "describe", None)):
        return str(model.describe())
    kind = type(model)
    said = kind.__qualname__ if kind.__repr__ is object.__repr__ else re.sub(r" at 0x[0-9a-fA-F]+", "", repr(model))
    vocabulary = getattr(model, "vocabulary", None)
    # thousands of words, which no repr shows, and another vocabulary makes another run
    return said if vocabulary is None else f"{said}, vocabulary {records.fingerprint(list(vocabulary)):.12}"


def _regime(regime) -> Regime:
    if not isinstance(regime, Regime):
        raise TypeError(f"regime must be a regime such as Replace(n=256), got {regime!r:.80}.")
    return regime


def _stored_seed(config: dict) -> np.random.SeedSequence:
    return np.random.SeedSequence(json.loads(config["entropy"]), spawn_key=tuple(config["spawn_key"]))
