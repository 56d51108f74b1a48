r"""What is written down of a generational language-model experiment?

One `Generation` per fit. Number 0 is the real text; number t >= 1 is the batch of texts that model t, the t-th fit,
wrote (model 1 is fitted to real text only), with the real texts that the regime mixes into it. Under replace the
batch of generation t is what model t + 1 is fitted to.

On disk a run is a folder with a ``manifest.json`` and one ``generation_000.jsonl``, ``generation_001.jsonl``, ...: one
text a line::

    {"generation": 3, "id": 17, "text": "...", "prompt_id": 17, "source": "synthetic",
     "n_tokens": 64, "nll_nats": {"first": 251.3, "self": 240.9}}

``source`` is ``real`` (of the original text), ``synthetic`` (written by a model) or ``kept`` (an original text that
stands among the batch because the regime keeps it). ``nll_nats`` has one entry per scorer: ``first`` is the model of
generation 1, ``self`` the model that wrote the text. JSON has no infinity and no nan: an infinite number is
``"inf"``, one that is not known is ``null``.

The manifest names the run, says how it was made, and lists the files, in order, with the number of their lines and
their SHA-256: a file of another run, or one that was cut short, is found out. Every file is written beside its place
and put there only when all of it is on the disk. So a run that is killed leaves whole generations and nothing else.
Reading is strict, one line at a time, and an error names the file and the line.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from modelcollapse import _validate as check

SOURCES = ("real", "synthetic", "kept")
FORMAT = "modelcollapse language-model run"
VERSION = 1
MANIFEST = "manifest.json"
#: what a file is called until all of it is on the disk
PARTIAL = ".partial"


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

    Raises
    ------
    TypeError, ValueError
        If an entry breaks its rule or the arrays do not have one entry a text.
    """

    number: int
    texts: tuple[str, ...]
    source: np.ndarray
    prompt_id: np.ndarray
    n_tokens: np.ndarray
    nll_nats: Mapping[str, np.ndarray] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self):
        put = object.__setattr__
        put(self, "number", check.integer("number", self.number, least=0, because="generation 0 is the real text"))
        if isinstance(self.texts, str):
            raise TypeError(f"texts must be strings, one a text, got the single string {self.texts!r:.60}.")
        put(self, "texts", tuple(self.texts))
        for text in self.texts:
            if not isinstance(text, str):
                raise TypeError(f"texts must be strings, got {text!r:.60}.")
        put(self, "source", self._column("source", self.source, str))
        for unknown in set(self.source.tolist()) - set(SOURCES):
            check.choice("source", unknown, SOURCES)
        for name in ("prompt_id", "n_tokens"):
            put(self, name, self._column(name, getattr(self, name), np.int64))
        scores = {name: self._column(f"nll_nats of {name!r}", v, float) for name, v in self.nll_nats.items()}
        put(self, "nll_nats", scores)
        put(self, "facts", dict(self.facts))

    def _column(self, name: str, value, dtype) -> np.ndarray:
        column = np.asarray(value, dtype=dtype)
        if column.shape != (len(self.texts),):
            raise ValueError(f"{name} must have one entry a text, ({len(self.texts)},), got shape {column.shape}.")
        return column

    def __len__(self) -> int:
        return len(self.texts)


def file_name(number: int) -> str:
    """Return the name of the file of generation `number`."""
    return f"generation_{number:03d}.jsonl"


def fingerprint(value) -> str:
    """Return the SHA-256 of a value as JSON with sorted keys: the name of a run is that of its configuration."""
    return hashlib.sha256(json.dumps(_plain(value), sort_keys=True).encode()).hexdigest()


def write_generation(folder: str | Path, generation: Generation) -> dict:
    """Write the texts of one generation into `folder`, whole or not at all.

    Parameters
    ----------
    folder : str or Path
        A folder that exists.
    generation : Generation
        What is to be written.

    Returns
    -------
    dict
        The entry of this generation in the manifest: generation, file, lines, sha256 and facts.
    """
    digest = hashlib.sha256()
    path = Path(folder) / file_name(generation.number)
    with whole(path) as file:
        for line in _lines(generation):
            digest.update(line)
            file.write(line)
    return {
        "generation": generation.number,
        "file": path.name,
        "lines": len(generation),
        "sha256": digest.hexdigest(),
        "facts": dict(generation.facts),
    }


def write_manifest(
    folder: str | Path,
    entries: Sequence[Mapping],
    *,
    run: str,
    config: Mapping | None = None,
    generations: int | None = None,
) -> None:
    """Write the manifest of a run, whole or not at all.

    Parameters
    ----------
    folder : str or Path
        The folder of the run.
    entries : sequence of mapping
        What `write_generation` returned, from generation 0 on.
    run : str
        Name of the run.
    config : mapping, optional
        How the run was made.
    generations : int, optional
        Fits that are planned, if more are to come.
    """
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "run": run,
        "generations": len(entries) - 1 if generations is None else generations,
        "config": _plain(config or {}),
        "files": [{**entry, "facts": _facts(entry["facts"])} for entry in entries],
    }
    with whole(Path(folder) / MANIFEST) as file:
        file.write((json.dumps(manifest, indent=1, allow_nan=False) + "\n").encode())


def write(folder: str | Path, generations: Iterable[Generation], *, config: Mapping | None = None) -> None:
    """Write a whole run: what another program made, say, once it has been read.

    Parameters
    ----------
    folder : str or Path
        Is made where it does not exist; must not hold a run.
    generations : iterable of Generation
        From number 0 on, none left out.
    config : mapping, optional
        How the run was made.

    Raises
    ------
    ValueError
        If the folder holds a run already or a generation is missing.

    Examples
    --------
    >>> import tempfile
    >>> real = Generation(0, ("the cat saw the dog",), ["real"], [-1], [-1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(folder, [real])
    ...     read(folder)[0].texts
    ('the cat saw the dog',)
    """
    folder = Path(folder)
    if (folder / MANIFEST).exists():
        raise ValueError(f"folder must not hold a run already, got {str(folder)!r}.")
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, generation in enumerate(generations):
        if generation.number != number:
            raise ValueError(
                f"generations must be numbered 0, 1, 2, ... in order (generation {number} is missing), "
                f"got {generation.number}."
            )
        entries.append(write_generation(folder, generation))
    name = fingerprint([config or {}, [entry["sha256"] for entry in entries]])[:16]
    write_manifest(folder, entries, run=name, config=config)


def read(folder: str | Path) -> list[Generation]:
    """Read a run: every generation that its manifest lists.

    Parameters
    ----------
    folder : str or Path
        The folder of the run. A run that is not finished is read as far as it goes.

    Returns
    -------
    list of Generation
        From generation 0 on.

    Raises
    ------
    ValueError
        If anything is missing, cut short, changed, of another run, or not in the format; it names file and line.
    """
    return [_read_generation(Path(folder), entry) for entry in read_manifest(folder)["files"]]


def read_manifest(folder: str | Path) -> dict:
    """Read the manifest of a run.

    Parameters
    ----------
    folder : str or Path
        The folder of the run.

    Returns
    -------
    dict
        format, version, run, generations (planned), config, and files: a list of generation, file, lines, sha256 and
        facts.

    Raises
    ------
    ValueError
        If there is none, or it is not one.
    """
    path = Path(folder) / MANIFEST
    try:
        manifest = _object(path.read_bytes())
    except OSError as error:
        raise ValueError(
            f"folder must hold the {MANIFEST} of a run, got {str(folder)!r}: {error.strerror or error}."
        ) from error
    except ValueError as error:
        raise ValueError(f"{path} must be one JSON object, got {error}.") from error
    if manifest.get("format") != FORMAT:
        raise ValueError(f"format in {path} must be {FORMAT!r}, got {manifest.get('format')!r:.60}.")
    if manifest.get("version") != VERSION:
        raise ValueError(
            f"version in {path} must be {VERSION} (this is what this release reads), "
            f"got {manifest.get('version')!r:.60}."
        )
    for name, kind in (("run", str), ("generations", int), ("config", dict), ("files", list)):
        if type(manifest.get(name)) is not kind:
            raise ValueError(f"{name} in {path} must be {_KINDS[kind]}, got {manifest.get(name)!r:.60}.")
    for number, entry in enumerate(manifest["files"]):
        where = f"entry {number} of files in {path}"
        if not isinstance(entry, dict):
            raise ValueError(f"{where} must be an object, got {entry!r:.60}.")
        for name, kind in (("generation", int), ("file", str), ("lines", int), ("sha256", str), ("facts", dict)):
            if type(entry.get(name)) is not kind:
                raise ValueError(f"{name} in {where} must be {_KINDS[kind]}, got {entry.get(name)!r:.60}.")
        if entry["generation"] != number:
            raise ValueError(
                f"files in {path} must list generations 0, 1, 2, ... in order (generation {number} is missing), "
                f"got generation {entry['generation']} in its place."
            )
        if entry["file"] != file_name(number):
            raise ValueError(f"file in {where} must be {file_name(number)!r}, got {entry['file']!r:.60}.")
        try:
            entry["facts"] = _read_facts(entry["facts"])
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"facts in {where} must be readable, got {error}.") from error
    return manifest


_KINDS = {str: "a string", int: "an integer", dict: "an object", list: "a list"}


def _read_generation(folder: Path, entry: Mapping) -> Generation:
    """Read one file line by line, and hold it against its entry in the manifest."""
    number, path = entry["generation"], folder / entry["file"]
    digest = hashlib.sha256()
    texts, source, prompt_id, n_tokens = [], [], [], []
    scores: dict[str, list[float]] = {}
    try:
        with open(path, "rb") as file:
            for place, line in enumerate(file):
                digest.update(line)
                row = _row(f"{path}, line {place + 1},", line, number, place)
                texts.append(row["text"])
                source.append(row["source"])
                prompt_id.append(row["prompt_id"])
                n_tokens.append(row["n_tokens"])
                for name in scores.keys() | row["nll_nats"].keys():
                    column = scores.setdefault(name, [math.nan] * place)
                    column.append(row["nll_nats"].get(name, math.nan))
    except FileNotFoundError:
        raise ValueError(f"generation {number} must be in {path} (the manifest lists it), got no such file.") from None
    if len(texts) != entry["lines"]:
        raise ValueError(
            f"{path} must have {entry['lines']} lines (the manifest says so), got {len(texts)}: "
            "it was cut short, or is of another run."
        )
    if digest.hexdigest() != entry["sha256"]:
        raise ValueError(
            f"{path} must have the SHA-256 that the manifest names, {entry['sha256']:.12}..., got "
            f"{digest.hexdigest():.12}...: it was changed, or is of another run."
        )
    return Generation(number, tuple(texts), source, prompt_id, n_tokens, scores, entry["facts"])


def _row(where: str, line: bytes, number: int, place: int) -> dict:
    """Read one line."""
    if not line.endswith(b"\n"):
        raise ValueError(f"{where} must end with a line break (the file was cut short), got {line[-40:]!r}.")
    try:
        row = _object(line)
    except ValueError as error:
        raise ValueError(f"{where} must be one JSON object, got {error}.") from error
    for name in ("generation", "id", "prompt_id", "n_tokens"):
        if type(row.get(name)) is not int or abs(row[name]) >= 2**63:
            raise ValueError(f"{where} must have an integer {name!r}, got {row.get(name)!r:.60}.")
    for name, kind in (("text", str), ("source", str), ("nll_nats", dict)):
        if type(row.get(name)) is not kind:
            raise ValueError(f"{where} must have {_KINDS[kind]} {name!r}, got {row.get(name)!r:.60}.")
    if row["generation"] != number:
        raise ValueError(f"{where} must be of generation {number}, got generation {row['generation']}.")
    if row["id"] != place:
        why = "it was there before" if 0 <= row["id"] < place else "ids count the lines from 0"
        raise ValueError(f"{where} must have the id {place} ({why}), got {row['id']}.")
    if row["source"] not in SOURCES:
        raise ValueError(f"{where} must have a source of {', '.join(SOURCES)}, got {row['source']!r:.60}.")
    for name, value in row["nll_nats"].items():
        if value is None:
            row["nll_nats"][name] = math.nan
        elif value == "inf":
            row["nll_nats"][name] = math.inf
        elif type(value) not in (int, float):
            raise ValueError(f'{where} must have numbers, null or "inf" in nll_nats, got {value!r:.60} for {name!r}.')
    return row


def _object(raw: bytes) -> dict:
    """Read one JSON object; what is wrong comes as the end of a sentence."""
    try:
        value = json.loads(raw.decode(), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte 0x{raw[error.start]:02x}, which is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{raw[:40]!r} ({error.msg} at character {error.pos})") from error
    except RecursionError as error:
        raise ValueError("lists or objects nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.60}")
    return value


def _no_constant(name: str):
    raise ValueError(f"{name}, which is not JSON")


def _lines(generation: Generation) -> Iterator[bytes]:
    scores = {name: column.tolist() for name, column in generation.nll_nats.items()}
    columns = (generation.source.tolist(), generation.prompt_id.tolist(), generation.n_tokens.tolist())
    for i, (text, source, prompt_id, n_tokens) in enumerate(zip(generation.texts, *columns, strict=True)):
        row = {
            "generation": generation.number,
            "id": i,
            "text": text,
            "prompt_id": prompt_id,
            "source": source,
            "n_tokens": n_tokens,
            "nll_nats": {name: _number(column[i]) for name, column in scores.items()},
        }
        try:
            yield (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n").encode()
        except UnicodeEncodeError:  # half a character, which only the escapes of JSON can hold
            yield (json.dumps(row, allow_nan=False) + "\n").encode()


def _number(value: float):
    return value if math.isfinite(value) else "inf" if value > 0 else None


def _plain(value):
    """Turn arrays, tuples and numbers of NumPy into what JSON has."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return _number(value) if isinstance(value, float) else value


def _facts(facts: Mapping) -> dict:
    """Facts as JSON; of the training set, runs of successive ids: generation, first id, how many."""
    out = _plain({name: value for name, value in facts.items() if name != "training"})
    if "training" in facts:
        pairs = np.asarray(facts["training"], dtype=np.int64).reshape(-1, 2)
        starts = np.flatnonzero(np.r_[True, (np.diff(pairs, axis=0) != [0, 1]).any(axis=1)][: len(pairs)])
        counts = np.diff(np.r_[starts, len(pairs)])
        out["training"] = np.column_stack([pairs[starts], counts]).tolist()
    return out


def _read_facts(facts: dict) -> dict:
    out = {name: _infinite(value) for name, value in facts.items() if name != "training"}
    if "training" in facts:
        runs = np.array(facts["training"], dtype=np.int64).reshape(-1, 3)
        spread = [np.column_stack([np.full(k, t), np.arange(i, i + k)]) for t, i, k in runs.tolist()]
        out["training"] = np.concatenate([np.empty((0, 2), np.int64), *spread])
    return out


def _infinite(value):
    if isinstance(value, dict):
        return {name: _infinite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_infinite(entry) for entry in value]
    return math.inf if value == "inf" else value


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name, and the place of the one before, only once all of it is on the disk."""
    partial = path.with_name(path.name + PARTIAL)
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(folder: Path) -> None:
    """See to it that the names in a folder are on the disk, where the system can do that."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
