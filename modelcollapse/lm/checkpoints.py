"""Where do a transformer and its tokenizer come from?

From a folder, a GGUF file or the Hugging Face hub (`read`), or out of nothing (`untrained`). Weights may come from
strangers, so three rules hold for all that is read:

* **no code**: ``trust_remote_code`` is False, always; a model that needs its own code is refused;
* **no pickles**: weights are safetensors or GGUF. A pickle can run anything when it is opened;
* **no surprise downloads**: with ``HF_HUB_OFFLINE`` or ``TRANSFORMERS_OFFLINE`` set nothing is asked of the network,
  and a folder or file on disk never needs it.

Weights are kept in float32 whatever they were stored in. The updates of fine-tuning are a millionth of a weight, and
bfloat16, with its 8 bits, would round most of them away.

torch and transformers are imported inside of functions: they are an extra, and they take seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

#: what texts begin with, in models made here
START = "<|endoftext|>"
#: a byte-level tokenizer knows 256 bytes and START before it has learnt anything
LEAST_VOCABULARY = 257
#: files of weights that are pickles
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def libraries():
    """Return torch and transformers, or say how to get them."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ImportError("CausalLM needs torch and transformers: pip install 'modelcollapse[lm]'") from error
    return torch, transformers


def offline() -> str | None:
    """Return the name of the environment variable that forbids the network, if one does."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"}:
            return name
    return None


def read(path_or_name: str | os.PathLike, *, revision: str | None = None, progress: bool = False) -> tuple:
    """Read a causal language model and its tokenizer.

    Parameters
    ----------
    path_or_name : str or Path
        A folder, a ``.gguf`` file, or a name on the Hugging Face hub such as ``gpt2``.
    revision : str, optional
        Branch, tag or commit on the hub.
    progress : bool, optional
        Show the bars of transformers.

    Returns
    -------
    network, tokenizer

    Raises
    ------
    FileNotFoundError
        If there is no such path, or no such name within reach.
    ValueError
        If the weights are pickled, or nothing else can be made of what is there.
    ImportError
        If a library is missing.
    """
    torch, transformers = libraries()
    path, given = Path(path_or_name).expanduser(), str(path_or_name)
    options = {"trust_remote_code": False, "local_files_only": path.exists() or offline() is not None}
    weights = {"dtype": torch.float32}
    if path.suffix == ".gguf":
        if not path.is_file():
            raise FileNotFoundError(f"path_or_name must be a file that exists when it ends in .gguf, got {given!r}.")
        source = str(path.parent)
        options["gguf_file"] = path.name
        weights |= _for_gguf(transformers)
    elif path.is_dir():
        source = str(path)
        _refuse_pickles(path)
        weights["use_safetensors"] = True
    elif path.exists() or path.is_absolute() or given.startswith((".", "~")) or given.count("/") > 1:
        raise FileNotFoundError(
            f"path_or_name must be a folder that exists, a .gguf file or a name on the Hugging Face hub, got {given!r}."
        )
    else:
        source = given
        weights["use_safetensors"] = True
        options["revision"] = revision or "main"
    with bars(transformers, progress):
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, **options)
            network = transformers.AutoModelForCausalLM.from_pretrained(source, **options, **weights)
        except (OSError, ValueError) as error:
            raise _explained(error, given, local=path.exists()) from error
    return network, tokenizer


def _for_gguf(transformers) -> dict:
    """What reading GGUF takes, beyond the file."""
    from importlib.util import find_spec

    missing = [name for name in ("gguf", "accelerate") if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"a .gguf file needs {' and '.join(missing)} (transformers reads it with them): "
            "pip install 'modelcollapse[lm]'"
        )
    # transformers 5 leaves the weights in their blocks unless told otherwise, and those cannot be trained;
    # transformers 4 has no such setting and always unpacks
    kind = getattr(transformers, "GgufConfig", None)
    return {} if kind is None else {"quantization_config": kind(dequantize=True)}


def _refuse_pickles(folder: Path) -> None:
    if any(folder.glob("*.safetensors")):
        return
    pickled = sorted(file.name for pattern in PICKLED for file in folder.glob(pattern))
    if pickled:
        raise ValueError(
            "weights must be safetensors (a pickle can run anything when it is opened; load it where you trust it and "
            f"write it again with save_pretrained), got {pickled[0]} in {str(folder)!r}."
        )


def _explained(error: Exception, given: str, *, local: bool) -> Exception:
    """Say in our words what transformers could not do."""
    said = str(error).strip()
    if "trust_remote_code" in said:
        return ValueError(
            f"path_or_name must be a model that transformers knows (code that comes with a model is never run), "
            f"got {given!r}."
        )
    if local:
        return ValueError(
            f"path_or_name must hold a causal language model with safetensors and its tokenizer, got {given!r}: {said}"
        )
    flag = offline()
    why = (
        f"{flag} is set, and it is not in the cache"
        if flag
        else "HF_HUB_OFFLINE is not set; the network, the name or its safetensors are missing"
    )
    return FileNotFoundError(
        f"path_or_name must be a folder that exists, a .gguf file or a name on the Hugging Face hub within reach "
        f"({why}), got {given!r}: {said}"
    )


@contextmanager
def bars(transformers, progress: bool) -> Iterator[None]:
    """Keep transformers' progress bars out of the way, and put things back as they were."""
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    if not progress:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def untrained(
    texts: Sequence[str],
    *,
    vocabulary_size: int,
    layers: int,
    width: int,
    heads: int,
    context: int,
    dropout: float,
    rng: np.random.Generator,
) -> tuple:
    """Make a GPT-2 with random weights, and a byte-level tokenizer trained on `texts`.

    The tokenizer reads and writes any text: what it has not seen is spelled in bytes.

    Returns
    -------
    network, tokenizer
    """
    torch, transformers = libraries()
    import tokenizers

    bytes_ = tokenizers.pre_tokenizers.ByteLevel
    pairs = tokenizers.Tokenizer(tokenizers.models.BPE())
    pairs.pre_tokenizer = bytes_(add_prefix_space=False)
    pairs.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[START],
        initial_alphabet=sorted(bytes_.alphabet()),
        show_progress=False,
    )
    pairs.train_from_iterator(texts, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=pairs, bos_token=START, eos_token=START, clean_up_tokenization_spaces=False
    )
    start = tokenizer.bos_token_id
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=context,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        activation_function="gelu_pytorch_tanh",  # GPT-2's own function, in one piece
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=dropout,
        bos_token_id=start,
        eos_token_id=start,
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(rng.integers(2**63)))
        network = transformers.GPT2LMHeadModel(config)
    return network.eval(), tokenizer
