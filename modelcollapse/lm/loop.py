r"""One generation after the other: what is fitted, written, chosen, scored and put down, and from which stream.

The batches are those of `modelcollapse.regimes.Plan`. Batch 1 is real; batch t + 1 comes into being in generation t:
texts that model t writes, chosen by the curations as in `modelcollapse.simulate`, and new real texts. Record t is batch
t + 1. A training set is written as pairs of record and place, real texts being those of record 0.

Everything random draws from the stream (generation, purpose) of the run's seed and from nowhere else. So what a step
gives does not depend on whether the steps before it were made now or in a run that was killed.
"""

from __future__ import annotations

import errno
import math
import sys
from collections.abc import Sequence
from contextlib import contextmanager

import numpy as np

from modelcollapse import _rng
from modelcollapse.curation import Curation
from modelcollapse.lm.records import Generation
from modelcollapse.lm.store import Store

#: what the streams of a generation are for
SUBSAMPLE, FIT, REAL, PROMPT, WRITE, CURATE = range(6)
STREAMS = {"subsample": SUBSAMPLE, "fit": FIT, "real": REAL, "prompt": PROMPT, "write": WRITE, "curate": CURATE}
_STEPS = ("fit", "write", "score")


class Text(str):
    """A text that knows which prompt it continues."""

    __slots__ = ("prompt",)

    @classmethod
    def array(cls, texts: Sequence[str], prompts: Sequence[int] | None = None) -> np.ndarray:
        """Return texts as an array of objects, which is what curations work on."""
        out = np.empty(len(texts), object)
        for i, text in enumerate(texts):
            out[i] = cls(text)
            out[i].prompt = -1 if prompts is None else int(prompts[i])
        return out


class Judge:
    """A language model as a curation sees it: a law that says how likely its points are."""

    kind = "language model"

    def __init__(self, model):
        self.model = model

    def logpdf(self, X: np.ndarray) -> np.ndarray:
        """Minus the nats per token of each text, the impossible ones last."""
        nats, tokens = scored(self.model, X.tolist())
        return np.maximum(-nats / np.maximum(tokens, 1), -sys.float_info.max)


class Loop:
    """The generations of one run."""

    def __init__(self, setup, store: Store, seed: np.random.SeedSequence):
        self.setup, self.plan, self.store, self.seed = setup, setup.plan, store, seed
        order = self._stream(0, REAL).permutation(len(setup.real))[: int(self.plan.real[0])]
        self.first_batch = _pairs(0, np.sort(order))
        self.pinned = _pairs(0, np.sort(order[: self.plan.pinned]))
        self.first = self.last = self.unseen = None

    def _stream(self, generation: int, purpose: int) -> np.random.Generator:
        return _rng.stream(self.seed, generation, purpose)

    def run(self, progress: bool) -> None:
        """Make the generations that are not there yet."""
        from tqdm import tqdm

        T, done = self.setup.generations, max(0, len(self.store.generations) - 1)
        total, initial = len(_STEPS) * T, min(len(_STEPS) * done, len(_STEPS) * T)
        with tqdm(total=total, initial=initial, unit="step", disable=not progress) as bar:
            for t in range(done + 1, T + 1):
                with self._guarded(t):
                    self._generation(t, bar)

    def _generation(self, t: int, bar) -> None:
        """Fit, write, score, and write down."""
        setup = self.setup
        bar.set_description(f"generation {t} of {setup.generations}: fit")
        training = self._training(t)
        model = self._fit(t, training)
        if t == 1 and not self.store.generations:
            self.store.add(self._real_text(model))
        bar.update()
        bar.set_description(f"generation {t} of {setup.generations}: write")
        batch = self._batch(t, model)
        bar.update()
        bar.set_description(f"generation {t} of {setup.generations}: score")
        own, tokens = scored(model, batch["texts"])
        first = own if t == 1 else scored(self._first_model(), batch["texts"])[0]
        facts = {
            "training": training,
            **batch["facts"],
            **self._perplexities(model),
            **({"history": list(model.history)} if getattr(model, "history", None) else {}),
            "versions": versions(),
            "entropy": str(self.seed.entropy),
            "streams": {name: [*self.seed.spawn_key, t, purpose] for name, purpose in STREAMS.items()},
        }
        scores = {"first": first, "self": own}
        self.store.add(Generation(t, tuple(batch["texts"]), batch["source"], batch["prompt_id"], tokens, scores, facts))
        self.last = model
        bar.update()

    def _real_text(self, model) -> Generation:
        """Return generation 0: the blocks of the corpus, of which the first model scores those it was fitted to.

        A model has learned those by heart, more or less: what real text is to it, the held-out text says.
        """
        real, fitted = self.setup.real, self.first_batch[:, 1]
        nats, tokens = np.full(len(real), np.nan), np.full(len(real), -1)
        nats[fitted], tokens[fitted] = scored(model, [real[i] for i in fitted])
        nowhere, facts = np.full(len(real), -1), {}
        if self.setup.test is not None:
            self.unseen = scored(model, self.setup.test)
            facts = {"held_out_nll_nats": self.unseen[0], "held_out_n_tokens": self.unseen[1]}
        return Generation(0, tuple(real), np.full(len(real), "real"), nowhere, tokens, {"first": nats}, facts)

    def _training(self, t: int) -> np.ndarray:
        """Return what model t is fitted to: pairs of generation and id."""
        plan = self.plan
        oldest, drawn = int(plan.oldest[t - 1]), int(plan.drawn[t - 1])
        held = [self._members(b) for b in range(oldest, t + 1)]
        if oldest > 1:
            held.insert(0, self.pinned)
        pairs = np.concatenate(held)
        if drawn and drawn < len(pairs):
            pairs = pairs[np.sort(self._stream(t, SUBSAMPLE).choice(len(pairs), drawn, replace=False))]
        return pairs

    def _members(self, batch: int) -> np.ndarray:
        """Return the texts of a batch of the regime: the first real ones, or all of the record before."""
        if batch == 1:
            return self.first_batch
        return _pairs(batch - 1, np.arange(len(self.store.generations[batch - 1])))

    def _texts(self, pairs: np.ndarray) -> list[str]:
        return [self.setup.real[i] if g == 0 else self.store.generations[g].texts[i] for g, i in pairs.tolist()]

    def _fit(self, t: int, training: np.ndarray):
        """Return model t: from the store, or fitted."""
        model = self.store.load(self.setup.model, t)
        if model is None:
            base = self.setup.model
            if not self.setup.fresh and t > 1:
                base = self._previous(t)
            validation = self.setup.validation if self.setup.select else None
            model = base.fit(self._texts(training), validation=validation, rng=self._stream(t, FIT))
            if any(not callable(getattr(model, verb, None)) for verb in ("sample", "nll")):
                raise TypeError(f"model.fit must return the fitted model, with sample and nll, got {model!r:.80}.")
            self.store.save(self.setup.model, model, t, keep={1, t} if self.setup.fresh else {1, t - 1, t})
        if t == 1:
            self.first = model
        return model

    def _previous(self, t: int):
        if self.last is not None:
            return self.last
        model = self.store.load(self.setup.model, t - 1)
        if model is None:
            raise ValueError(
                f"store must hold the model of generation {t - 1}, which is to be continued, got none in "
                f"{str(self.store.folder)!r}."
            )
        return model

    def _first_model(self):
        """Return the model of generation 1, which scores all others: fitted again where it is not kept."""
        if self.first is None:
            self._fit(1, self._training(1))
        return self.first

    def _batch(self, t: int, model) -> dict:
        """Return the batch after model t, ready to be scored: from the store, or written."""
        batch = self.store.load_written(t)
        if batch is not None:
            return batch
        plan, before = self.plan, self._members(t)
        rng = self._stream(t, REAL)
        made, fresh = int(plan.synthetic[t]), int(plan.real[t])
        if plan.mix[t] > 0:
            instead = int(rng.binomial(made, plan.mix[t]))
            made, fresh = made - instead, fresh + instead
        kept = np.sort(rng.choice(len(self.setup.real), fresh, replace=False))
        rng = self._stream(t, CURATE)
        points, synthetic = self._written(t, model, made, before, rng)
        points = np.concatenate([points, Text.array([self.setup.real[i] for i in kept])])
        synthetic = np.concatenate([synthetic, np.zeros(fresh, bool)])
        stays = np.ones(len(points), bool)
        for curation in plan.curation:
            weights = curation.screen(synthetic[stays], rng)
            if weights is not None:
                stays[stays] = weights > 0
        facts = {}
        if plan.selects:
            real = int(np.count_nonzero(~synthetic & ~stays))
            facts["dropped"] = {"written": made - int(np.count_nonzero(synthetic & stays)), "real": real}
        points, synthetic = points[stays], synthetic[stays]
        if not len(points):
            raise ValueError(
                f"{self.setup.regime} must leave a text to fit to after generation {t} (its curations dropped all of "
                f"them), got none of {made + fresh}."
            )
        batch = {
            "texts": [str(text) for text in points],
            "source": np.where(synthetic, "synthetic", "kept").tolist(),
            "prompt_id": [getattr(text, "prompt", -1) for text in points],
            "facts": facts,
        }
        self.store.save_written(t, batch)
        return batch

    def _written(self, t: int, model, size: int, before: np.ndarray, rng: np.random.Generator):
        """Return the model's part of a batch as the curations say, and which of it a model wrote."""
        setup = self.setup
        choosing, writing = self._stream(t, PROMPT), self._stream(t, WRITE)

        def draw(size, _):
            pairs = {"original": self.first_batch, "previous": before, None: None}[setup.prompts]
            if not size:
                return Text.array([])
            if pairs is None:
                prompts, ids = [""] * size, [-1] * size
            else:
                used = np.tile(np.arange(len(pairs)), size // len(pairs))
                rest = np.sort(choosing.choice(len(pairs), size % len(pairs), replace=False))
                chosen = pairs[np.concatenate([used, rest])]
                prompts, ids = self._texts(chosen), chosen[:, 1]
            texts = model.sample(prompts, setup.length, writing, decoding=setup.decoding)
            if len(texts) != size or not all(isinstance(text, str) for text in texts):
                raise ValueError(f"model.sample must return one text a prompt, {size} of them, got {texts!r:.80}.")
            return Text.array(texts, ids)

        for curation in self.plan.curation:
            draw = _picking(curation, draw, Judge(model))
        for curation in self.plan.curation:
            if curation.edits:
                old = before[:, 0] > 0
                if t > 1:
                    old = self.store.generations[t - 1].source == "synthetic"
                return curation.edit(Text.array(self._texts(before)), old, draw, size, rng)
        points = draw(size, rng)
        return points, np.ones(len(points), bool)

    def _perplexities(self, model) -> dict:
        """Return what real text that was held out is to a model: exp of its nats over its tokens."""
        facts = {}
        for name, texts in (("real", self.setup.test), ("validation", self.setup.validation)):
            if texts is not None:
                known = name == "real" and model is self.first and self.unseen is not None
                nats, tokens = self.unseen if known else scored(model, texts)
                facts[f"perplexity_{name}"] = perplexity(nats, tokens)
                facts[f"impossible_{name}"] = float(np.mean(np.isinf(nats)))
        return facts

    @contextmanager
    def _guarded(self, t: int):
        """Say what is left, where memory or the disk is full."""
        try:
            yield
        except (MemoryError, OSError, RuntimeError) as error:
            lacking = _lacking(error)
            if not lacking:
                raise
            good, folder = len(self.store.generations) - 1, self.store.folder
            if folder is None:
                left = "nothing is kept without store="
            elif good < 0:
                left = f"no generation is in {str(folder)!r} yet; make room and call experiment again"
            else:
                left = (
                    f"generation {good} is the last good one in {str(folder)!r}; make room and call experiment again "
                    "with the same arguments, or read what is there with lm.records.read"
                )
            message = (
                f"generation {t} of {self.setup.generations} was given up for want of {lacking} ({error}): {left}."
            )
            if isinstance(error, OSError):
                raise OSError(error.errno, message) from error
            raise MemoryError(message) from error


def _lacking(error: Exception) -> str:
    """What an error is about, if it is memory or disk space."""
    if isinstance(error, OSError):
        full = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
        return "disk space" if error.errno in full else "memory" if error.errno == errno.ENOMEM else ""
    said = str(error).lower()
    # what torch raises is a RuntimeError, on every kind of device
    memory = isinstance(error, MemoryError) or "out of memory" in said or "allocate memory" in said
    return "memory" if memory else ""


def _picking(curation: Curation, draw, judge: Judge):
    return lambda size, rng: curation.pick(draw, size, judge, rng)


def scored(model, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return nats and tokens of each text under a model, and see to it that they are."""
    nats, tokens = model.nll(list(texts))
    nats, tokens = np.asarray(nats, dtype=float), np.asarray(tokens)
    if nats.shape != (len(texts),) or tokens.shape != (len(texts),) or tokens.dtype.kind not in "iu":
        raise ValueError(
            f"model.nll must return nats and whole numbers of tokens, ({len(texts)},) each, got shapes {nats.shape} of "
            f"{nats.dtype} and {tokens.shape} of {tokens.dtype}."
        )
    if np.isnan(nats).any():
        i = int(np.argmax(np.isnan(nats)))
        raise ValueError(f"model.nll must return numbers (infinity for the impossible), got nan for {texts[i]!r:.60}.")
    return nats, tokens


def perplexity(nats: np.ndarray, tokens: np.ndarray) -> float:
    """Return exp of the nats per token of several texts together; infinite if one of them is impossible.

    Examples
    --------
    >>> float(np.round(perplexity(np.log([8.0, 2.0]), np.array([3, 1])), 12))
    2.0
    """
    total = int(tokens.sum())
    if total == 0:
        return math.nan
    with np.errstate(over="ignore"):
        return float(np.exp(nats.sum() / total))


def _pairs(generation: int, ids: np.ndarray) -> np.ndarray:
    return np.column_stack([np.full(len(ids), generation), ids]).astype(np.int64)


def versions() -> dict[str, str]:
    """Return the versions of what a run depends on, as far as it is in use."""
    used = {
        name: sys.modules[name] for name in ("modelcollapse", "numpy", "torch", "transformers") if name in sys.modules
    }
    return {"python": sys.version.split()[0]} | {name: str(module.__version__) for name, module in used.items()}
