r"""A transformer that is fitted to its own texts.

`CausalLM` puts any causal model of the transformers library behind the protocol of `modelcollapse.lm.LanguageModel`.
It has two doors: `CausalLM.from_pretrained` takes a model that somebody has trained, to be fine-tuned in every
generation as in the published experiment (Shumailov et al., Nature 631, 2024), and `CausalLM.tiny` makes a GPT-2 of two
layers that is trained from nothing, in seconds and without a download.

**A text is one row.** Every text begins with the model's start token, and a text of :math:`m` tokens has the
probability :math:`\prod_{i \le m} P(w_i \mid \text{start}, w_1, \dots, w_{i-1})`. That is what `fit` makes large, what
`nll` reports and what `sample` draws from after an empty prompt: one law, three times. Texts are therefore *not*
joined into one stream before training, as in the published code, where a block may begin in one text and end in
another; when the texts are blocks already, as in an experiment, it is the same thing but for the start token. A text
that is longer than a block is cut into blocks, each a row with a start token of its own. Nothing is dropped: a
remainder of up to a quarter of a block stays with the block before it (the tokens of a text that was written are a few
more or less when it is read again), a longer one is a short row, and rows are padded on the right, where a causal model
cannot see it.

**Sampling is exact and ours.** The uniforms are drawn first, one for every prompt and token; a token is where its
uniform falls in the cumulative probabilities, in double precision. So a text depends on the Generator, on its prompt
and on the model, and not on the batch that it was written in, but for rounding. Special tokens (start, end, padding)
are never written: every continuation has the length that was asked for. Beams are those of transformers.

**Numbers.** Weights, gradients and AdamW are float32; matrix products are bfloat16 where the processor has
instructions for it ("auto"). That moved the nats per token of a text by 0.0005 (tiny) to 0.004 (135 million
parameters), and their mean by a few 1e-5. On a CPU with one thread, the default, equal seeds give equal weights and
texts to the bit, on one machine and with one version of the libraries. On a GPU they need not.

Nothing outside of this module and `modelcollapse.lm.checkpoints` knows torch, and both import it inside of functions.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from modelcollapse import _rng
from modelcollapse import _validate as check
from modelcollapse.lm import checkpoints
from modelcollapse.lm.corpus import Corpus
from modelcollapse.lm.protocol import Decoding
from modelcollapse.lm.steps import choose, cut, learning_rates, padded_left
from modelcollapse.lm.word_model import as_texts

#: logits that are held at once (256 MB of float32): larger batches are worked off in parts, with the same result
MOST_LOGITS = 2**26
#: positions of a model that does not say how many it has
UNSTATED_CONTEXT = 2048
#: file with the settings, beside the weights
SETTINGS = "modelcollapse.json"
#: sampling from the model's own law
PLAIN = Decoding()
#: settings that belong to the machine, not to the model
OF_THE_MACHINE = ("device", "threads", "rows", "progress")


@dataclass(frozen=True, eq=False, repr=False)
class CausalLM:
    """A causal transformer as a language model of an experiment.

    Made by `from_pretrained`, `tiny` or `load`. The settings can be changed with `dataclasses.replace`.

    Parameters
    ----------
    network, tokenizer
        Model and tokenizer of transformers. They are not copied, and never changed but for the device.
    epochs : int, optional
        Passes over the texts.
    learning_rate : float, optional
        The highest: it rises linearly, then falls along a cosine to 1e-6. Published: 2e-5 with batches of 128, or
        1e-5 with 16.
    batch_size : int, optional
        Rows in an update.
    block : int, optional
        Tokens in a row. Longer texts are cut.
    warmup : float, optional
        Part of the updates in which the learning rate rises.
    weight_decay : float, optional
        Of AdamW.
    precision : {"auto", "float32", "bfloat16"}, optional
        Of matrix products; "auto" is bfloat16 where the processor has instructions for it.
    device : str, optional
        As torch names it; by default the GPU if there is one that CUDA knows, else the CPU.
    threads : int, optional
        Threads of torch on a CPU.
    rows : int, optional
        Texts that are written, or scored, at once.
    progress : bool, optional
        Show bars.
    history : tuple of dict, optional
        What the last fit said, one entry an epoch: ``epoch``, ``training_nll`` (nats per token, in training) and, with
        a validation set, ``validation_nll``. Written by `fit`.

    Raises
    ------
    ImportError
        If torch or transformers is missing.
    ValueError
        If a setting breaks its rule, or the tokenizer has no token that a text could begin with.
    """

    network: object
    tokenizer: object
    epochs: int = 5
    learning_rate: float = 2e-5
    batch_size: int = 16
    block: int = 64
    warmup: float = 0.1
    weight_decay: float = 0.01
    precision: str = "auto"
    device: str | None = None
    threads: int = 1
    rows: int = 128
    progress: bool = False
    history: tuple[dict, ...] = ()

    def __post_init__(self):
        checkpoints.libraries()
        put = object.__setattr__
        because = "a block and the start token must fit into what the model can see"
        put(self, "block", check.integer("block", self.block, least=1, most=self.context - 1, because=because))
        for name in ("epochs", "batch_size", "threads", "rows"):
            put(self, name, check.integer(name, getattr(self, name), least=1))
        put(self, "learning_rate", check.number("learning_rate", self.learning_rate, above=0.0))
        put(self, "warmup", check.probability("warmup", self.warmup, because="it is a part of the updates"))
        put(self, "weight_decay", check.number("weight_decay", self.weight_decay, least=0.0))
        check.choice("precision", self.precision, ("auto", "float32", "bfloat16"))
        put(self, "history", tuple(self.history))
        self._start()
        self.network.to(self._device())
        self.network.eval()

    def __repr__(self) -> str:
        network = self.network
        size = sum(weights.numel() for weights in network.parameters())
        return f"CausalLM({type(network).__name__}, {size / 1e6:.3g} M parameters, {len(self.tokenizer)} tokens)"

    @classmethod
    def from_pretrained(cls, path_or_name: str | os.PathLike, *, revision: str | None = None, **settings) -> CausalLM:
        """Take a trained model.

        Parameters
        ----------
        path_or_name : str or Path
            A folder with safetensors, a ``.gguf`` file, or a name on the Hugging Face hub. Pickled weights and models
            that bring their own code are refused; ``HF_HUB_OFFLINE`` is honoured.
        revision : str, optional
            Branch, tag or commit on the hub.
        **settings
            Those of `CausalLM`.

        Returns
        -------
        CausalLM

        Raises
        ------
        FileNotFoundError
            If there is no such path, or no such name within reach.
        ValueError
            If the weights are pickled, or the model would need code of its own.
        ImportError
            If a library is missing.
        """
        cls._known(settings)
        read = checkpoints.read(path_or_name, revision=revision, progress=bool(settings.get("progress")))
        return cls(*read, **settings)

    @classmethod
    def tiny(
        cls,
        corpus: str | Sequence[str] | Corpus,
        *,
        vocabulary_size: int = 2048,
        layers: int = 2,
        width: int = 128,
        heads: int = 2,
        context: int = 256,
        dropout: float = 0.0,
        rng=None,
        **settings,
    ) -> CausalLM:
        """Make an untrained GPT-2 and train its tokenizer; no download.

        Parameters
        ----------
        corpus : str, sequence of str, or Corpus
            Text that the tokenizer learns its tokens from. The weights learn nothing from it: that is what `fit` does.
        vocabulary_size : int, optional
            Tokens, at most: a short corpus has fewer pairs worth a token.
        layers, width, heads : int, optional
            The network.
        context : int, optional
            Tokens that the model can see, its start token included.
        dropout : float, optional
            Of all kinds. More than a few passes over few texts want some.
        rng : None, int, SeedSequence or Generator, optional
            Source of the weights.
        **settings
            Those of `CausalLM`, with a learning rate of 2e-3 and batches of 8 by default.

        Returns
        -------
        CausalLM
            Not fitted to anything: it writes noise.
        """
        cls._known(settings)
        sizes = {"layers": layers, "width": width, "heads": heads}
        sizes = {name: check.integer(name, value, least=1) for name, value in sizes.items()}
        if sizes["width"] % sizes["heads"]:
            raise ValueError(f"width must be a multiple of heads (which share it), got {width} and {heads}.")
        because = "256 bytes and the start token come first"
        least = checkpoints.LEAST_VOCABULARY
        vocabulary_size = check.integer("vocabulary_size", vocabulary_size, least=least, because=because)
        context = check.integer("context", context, least=2, because="the start token is one of them")
        dropout = check.number("dropout", dropout, least=0.0, below=1.0)
        if isinstance(corpus, Corpus):
            corpus = corpus.text(corpus.tokens)
        texts = [corpus] if isinstance(corpus, str) else as_texts("corpus", corpus)
        made = checkpoints.untrained(
            texts,
            vocabulary_size=vocabulary_size,
            **sizes,
            context=context,
            dropout=dropout,
            rng=_rng.generator(rng),
        )
        settings = {"learning_rate": 2e-3, "batch_size": 8, "block": min(64, context - 1)} | settings
        return cls(*made, **settings)

    @classmethod
    def load(cls, folder: str | os.PathLike, **settings) -> CausalLM:
        """Read what `save` wrote; `settings` replace those that were saved."""
        cls._known(settings)
        written = Path(folder) / SETTINGS
        if not written.is_file():
            raise FileNotFoundError(
                f"folder must be one that CausalLM.save wrote (for others use from_pretrained), got {str(folder)!r}."
            )
        return cls.from_pretrained(folder, **json.loads(written.read_text(encoding="utf-8")) | settings)

    def save(self, folder: str | os.PathLike) -> None:
        """Write weights (safetensors), tokenizer and settings; transformers reads the folder, too."""
        folder = Path(folder)
        _, transformers = checkpoints.libraries()
        with checkpoints.bars(transformers, self.progress):
            self.network.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        settings = {name: value for name, value in self._settings().items() if name not in OF_THE_MACHINE}
        text = json.dumps(settings | {"history": list(self.history)}, indent=1)
        (folder / SETTINGS).write_text(text + "\n", encoding="utf-8")

    def machine(self) -> dict:
        """Return the settings that belong to the machine: not saved, and handed to ``load`` by a run that resumes."""
        return {name: getattr(self, name) for name in OF_THE_MACHINE}

    def describe(self) -> str:
        """Return what tells this model from others: kind, settings, and a fingerprint of weights and tokenizer."""
        mark = hashlib.sha256()
        for name, weights in sorted(self.network.state_dict().items()):
            mark.update(name.encode())
            mark.update(weights.detach().cpu().contiguous().numpy().tobytes())
        mark.update(json.dumps(sorted(self.tokenizer.get_vocab().items())).encode())
        settings = [f"{name}={value}" for name, value in self._settings().items() if name not in OF_THE_MACHINE]
        return f"{self!r}, {', '.join(settings)}, fingerprint {mark.hexdigest():.12}"

    def fit(self, texts: Sequence[str], *, validation: Sequence[str] | None = None, rng=None) -> CausalLM:
        """Return this model trained on `texts`, from the weights that it has; this one stays as it is.

        Parameters
        ----------
        texts : sequence of str
            Each is a row, or several if it is longer than a block. Empty ones are passed over.
        validation : sequence of str, optional
            Scored after every epoch; the weights that are returned are those of the epoch with the lowest nats per
            token. Without, those of the last epoch.
        rng : None, int, SeedSequence or Generator, optional
            Order of the rows, and dropout.

        Returns
        -------
        CausalLM
            With a `history`.

        Raises
        ------
        ValueError
            If there is no token to learn from, or the training diverges.
        """
        torch, _ = checkpoints.libraries()
        from tqdm import tqdm

        rng = _rng.generator(rng)
        rows = [row for ids in self._tokens("texts", texts) for row in cut(ids, self.block, self._slack())]
        if not rows:
            raise ValueError("texts must hold at least one token (there is nothing to learn from less), got none.")
        if validation is not None and not sum(map(len, self._tokens("validation", validation))):
            raise ValueError("validation must hold at least one token (there is nothing to choose by), got none.")
        fitted = replace(self, network=copy.deepcopy(self.network), history=())
        network, updates = fitted.network, -(-len(rows) // self.batch_size)
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
        )
        rates = iter(learning_rates(self.learning_rate, self.epochs * updates, self.warmup))
        history, best, chosen = [], math.inf, None
        bar = tqdm(total=self.epochs * updates, desc="fitting CausalLM", unit="update", disable=not self.progress)
        with bar, self._at_work(seed=int(rng.integers(2**63))):
            for epoch in range(1, self.epochs + 1):
                network.train()
                total = 0.0
                for batch in np.array_split(rng.permutation(len(rows)), updates):
                    optimizer.param_groups[0]["lr"] = next(rates)
                    total += fitted._gradient([rows[i] for i in batch])
                    optimizer.step()
                    optimizer.zero_grad()
                    bar.update()
                network.eval()
                said = {"epoch": epoch, "training_nll": total / sum(map(len, rows))}
                if validation is not None:
                    nats, tokens = fitted.nll(validation)
                    said["validation_nll"] = float(nats.sum() / tokens.sum())
                if not all(map(math.isfinite, said.values())):
                    raise ValueError(
                        "learning_rate must be small enough for the training to converge (the loss is not finite in "
                        f"epoch {epoch}), got {self.learning_rate:g}."
                    )
                history.append(said)
                if said.get("validation_nll", math.inf) < best:
                    best, chosen = said["validation_nll"], copy.deepcopy(network.state_dict())
        if chosen is not None:
            network.load_state_dict(chosen)
        return replace(fitted, history=tuple(history))

    def sample(self, prompts: Sequence[str], length: int, rng=None, *, decoding: Decoding = PLAIN) -> list[str]:
        """Continue every prompt by `length` tokens.

        Parameters
        ----------
        prompts : sequence of str
            May be empty strings. Of one that is too long the end is used: prompt and continuation must fit into the
            `context`.
        length : int
            Tokens to write, none of them special. Read again, a text may have some tokens more or less.
        rng : None, int, SeedSequence or Generator, optional
            Source of randomness: one uniform for each prompt and token, used or not.
        decoding : Decoding, optional

        Returns
        -------
        list of str
            Continuations without their prompts.
        """
        because = f"this model sees {self.context} tokens, and the start token is one"
        length = check.integer("length", length, least=1, most=self.context - 1, because=because)
        prompts = self._tokens("prompts", prompts)
        uniforms = _rng.generator(rng).random((len(prompts), length))
        most = self.context - 1 - length
        heads = [ids[len(ids) - min(len(ids), most) :] for ids in prompts]
        out = [""] * len(prompts)
        by_length = sorted(range(len(prompts)), key=lambda i: len(heads[i]))
        size = max(1, self.rows // decoding.beams)
        torch, _ = checkpoints.libraries()
        with self._at_work(), torch.inference_mode(), self._precision():
            for batch in self._bar([by_length[i : i + size] for i in range(0, len(prompts), size)], "writing"):
                tokens, mask = padded_left([heads[i] for i in batch], self._start())
                write = self._beams if decoding.beams > 1 else self._write
                for i, new in zip(batch, write(tokens, mask, uniforms[batch], length, decoding), strict=True):
                    out[i] = self._continuation(prompts[i], new)
        return out

    def nll(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Score texts, each from its own beginning: every token has the start token and what stands before it.

        Parameters
        ----------
        texts : sequence of str
            One that is longer than what the model can see is scored in parts, each from a start token.

        Returns
        -------
        nats : ndarray, (text,)
            Negative log-likelihood; 0 for an empty text.
        tokens : ndarray of int, (text,)
        """
        texts = self._tokens("texts", texts)
        parts = [(i, part) for i, ids in enumerate(texts) for part in cut(ids, self.context - 1, 0)]
        parts.sort(key=lambda item: len(item[1]))
        nats = np.zeros(len(texts))
        torch, _ = checkpoints.libraries()
        with self._at_work(), torch.inference_mode():
            for batch in self._bar(list(self._affordable(parts, self.rows, lambda item: len(item[1]))), "scoring"):
                losses = self._losses([part for _, part in batch])
                np.add.at(nats, [i for i, _ in batch], losses.double().cpu().numpy())
        return nats, np.array([len(ids) for ids in texts], dtype=np.int64)

    def blocks(self, text: str, size: int) -> list[str]:
        """Cut a text into blocks of `size` tokens; what remains is dropped. Joined, they are the text again.

        Read alone, a block may have a token more or less than `size`, where the cut goes through a word.
        """
        size = check.integer("size", size, least=1)
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {text!r:.60}.")
        read = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        first = [begin for begin, _ in read["offset_mapping"]]
        full = len(first) // size
        ends = [first[i * size] if i * size < len(first) else len(text) for i in range(1, full + 1)]
        return [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    @property
    def context(self) -> int:
        """Tokens that the model can see, the start token included."""
        config = self.network.config.get_text_config()
        return int(getattr(config, "max_position_embeddings", None) or UNSTATED_CONTEXT)

    @classmethod
    def _known(cls, settings: dict) -> None:
        legal = [field.name for field in fields(cls) if field.name not in ("network", "tokenizer")]
        for name in settings:
            if name not in legal:
                raise TypeError(f"settings must be among {', '.join(legal)}, got {name!r}.")

    def _settings(self) -> dict:
        names = [field.name for field in fields(self)]
        return {name: getattr(self, name) for name in names if name not in ("network", "tokenizer", "history")}

    def _slack(self) -> int:
        """Tokens by which a row may be longer than a block."""
        return min(self.block // 4, self.context - 1 - self.block)

    def _device(self):
        torch, _ = checkpoints.libraries()
        return torch.device(self.device or ("cuda" if torch.cuda.is_available() else "cpu"))

    def _precision(self):
        """Context in which matrix products have the precision that was asked for.

        Weights are rounded once for the whole of it: they must not change within.
        """
        torch, _ = checkpoints.libraries()
        device = self._device()
        if self.precision != "auto":
            half = self.precision == "bfloat16"
        elif device.type == "cuda":
            half = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            able = getattr(torch.cpu, "get_capabilities", dict)()  # older torch does not say: float32 is never wrong
            half = device.type == "cpu" and bool(able.get("avx512_bf16") or able.get("amx_bf16"))
        return torch.autocast(device.type, torch.bfloat16, enabled=half)

    @contextmanager
    def _at_work(self, seed: int | None = None) -> Iterator[None]:
        """Keep torch's threads as we want them, and its own streams; afterwards all is as it was."""
        torch, _ = checkpoints.libraries()
        device, threads = self._device(), torch.get_num_threads()
        cards = [torch.cuda.current_device() if device.index is None else device.index] if device.type == "cuda" else []
        torch.set_num_threads(self.threads)
        try:
            with torch.random.fork_rng(devices=cards):
                if seed is not None:
                    torch.default_generator.manual_seed(seed)
                    for card in cards:
                        torch.cuda.default_generators[card].manual_seed(seed)
                yield
        finally:
            torch.set_num_threads(threads)

    def _bar(self, batches: list, verb: str):
        from tqdm import tqdm

        return tqdm(batches, desc=f"{verb} with CausalLM", unit="batch", disable=not self.progress)

    def _start(self) -> int:
        """Token that every text begins with."""
        tokenizer, config = self.tokenizer, self.network.config.get_text_config()
        for place in (tokenizer, config):
            for name in ("bos_token_id", "eos_token_id"):
                token = getattr(place, name, None)
                token = token[0] if isinstance(token, (list, tuple)) and token else token
                if isinstance(token, int):
                    return token
        raise ValueError(
            "tokenizer must have a bos or eos token (every text begins with one, so that its first word has a "
            f"probability), got {type(tokenizer).__name__} without."
        )

    def _tokens(self, name: str, texts: Sequence[str]) -> list[list[int]]:
        texts = as_texts(name, texts)
        return self.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []

    def _banned(self) -> np.ndarray:
        """Tokens that are never written: special ones, and numbers that no token has. A mask, (token,)."""
        banned = np.zeros(self.network.config.get_text_config().vocab_size, dtype=bool)
        banned[len(self.tokenizer) :] = True
        banned[[i for i in {*self.tokenizer.all_special_ids, self._start()} if i < len(banned)]] = True
        return banned

    def _continuation(self, prompt: list[int], new: list[int]) -> str:
        """Text of new tokens. Some tokenizers drop a leading blank unless something stands before it."""

        def said(ids):
            return self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)

        head, whole = said(prompt), said([*prompt, *new])
        return whole[len(head) :] if whole.startswith(head) else said(new)

    def _affordable(self, items: list, size: int, length) -> Iterator[list]:
        """Cut a list into parts of at most `size` items whose logits fit into memory."""
        vocabulary = self.network.config.get_text_config().vocab_size
        part, widest = [], 0
        for item in items:
            wider = max(widest, length(item))
            if part and (len(part) == size or (len(part) + 1) * wider * vocabulary > MOST_LOGITS):
                yield part
                part, wider = [], length(item)
            part.append(item)
            widest = wider
        if part:
            yield part

    def _losses(self, rows: list[list[int]]):
        """Nats of each row, a tensor (row,)."""
        torch, _ = checkpoints.libraries()
        width = max(map(len, rows))
        tokens = np.full((len(rows), width + 1), self._start())
        answers = np.full((len(rows), width), -100)  # what cross_entropy passes over
        for i, ids in enumerate(rows):
            tokens[i, 1 : len(ids) + 1] = answers[i, : len(ids)] = ids
        device = self._device()
        answers = torch.from_numpy(answers).to(device)
        seen = torch.from_numpy(tokens[:, :-1]).to(device)
        with self._precision():
            logits = self.network(input_ids=seen, use_cache=False).logits.float()
        losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), answers.flatten(), reduction="none")
        return losses.view(answers.shape).sum(1)

    def _gradient(self, rows: list[list[int]]) -> float:
        """Add the gradient of the mean nats per token of a batch; return their sum."""
        total, tokens = 0.0, sum(map(len, rows))
        for part in self._affordable(rows, len(rows), len):
            loss = self._losses(part).sum()
            (loss / tokens).backward()
            total += loss.item()
        return total

    def _write(self, tokens, mask, uniforms, length: int, decoding: Decoding) -> list[list[int]]:
        """Write token by token, keeping keys and values."""
        torch, _ = checkpoints.libraries()
        device = self._device()
        takes = inspect.signature(self.network.forward).parameters
        tokens, uniforms = torch.from_numpy(tokens).to(device), torch.from_numpy(uniforms)
        mask = torch.from_numpy(mask).to(device)
        banned = torch.from_numpy(self._banned()).to(device)
        penalty, used = decoding.repetition_penalty, None
        if penalty != 1:
            used = torch.zeros((len(tokens), len(banned)), dtype=torch.bool, device=device).scatter_(1, tokens, True)
        place = mask.cumsum(1).sub_(1).clamp_(min=0)
        said = {"use_cache": True} | ({"logits_to_keep": 1} if "logits_to_keep" in takes else {})
        written, cache = [], None
        for step in range(length):
            if "position_ids" in takes:
                said["position_ids"] = place
            out = self.network(input_ids=tokens, attention_mask=mask, past_key_values=cache, **said)
            cache, logits = out.past_key_values, out.logits[:, -1].float()
            if used is not None:
                logits = torch.where(used, torch.where(logits > 0, logits / penalty, logits * penalty), logits)
            tokens = choose(logits.masked_fill(banned, -math.inf), uniforms[:, step], decoding)[:, None]
            if used is not None:
                used.scatter_(1, tokens, True)
            written.append(tokens)
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            place = place[:, -1:] + 1
        return torch.cat(written, 1).tolist()

    def _beams(self, tokens, mask, uniforms, length: int, decoding: Decoding) -> list[list[int]]:
        """Beam search of transformers, told everything that a model's own settings might say otherwise."""
        torch, transformers = checkpoints.libraries()
        device, start = self._device(), self._start()
        settings = transformers.GenerationConfig(
            num_beams=decoding.beams,
            do_sample=False,
            repetition_penalty=decoding.repetition_penalty,
            max_new_tokens=length,
            min_new_tokens=length,
            suppress_tokens=np.flatnonzero(self._banned()).tolist(),
            pad_token_id=start,
            eos_token_id=start,
            bos_token_id=start,
        )
        tokens, mask = torch.from_numpy(tokens).to(device), torch.from_numpy(mask).to(device)
        written = self.network.generate(input_ids=tokens, attention_mask=mask, generation_config=settings)
        return written[:, tokens.shape[1] :].tolist()
