"""What can be told of a file before it is believed?

Files of other programs may be cut short, of another kind than their name says, or very large; and some kinds run code
when they are read. So everything here is read as bytes, line by line or up to a limit, and what is wrong with a line is
said with its file and its number. Pickles and the archives of ``torch.save``, which are zipped pickles, are never
opened: reading one runs whatever its author has put there.

The generation that a file is of is a number in its name (`numbered`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from glob import glob, has_magic
from pathlib import Path

import numpy as np

from modelcollapse.lm.records import Generation

#: bytes of a line: no text of a model is that long, and a file without line breaks is one line
MOST_LINE = 1 << 26
#: bytes of a file that can only be read as a whole
MOST_WHOLE = 1 << 30
#: endings of files that are pickles, or zipped ones
PICKLED = frozenset({".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".dill"})
_CONVERT = (
    "where you trust it, turn it into a text a line, such as "
    """python -c "import json, pickle; [print(json.dumps({'text': t})) for t in pickle.load(open('F', 'rb'))]" """
    "> generation_1.jsonl, with torch.load(F, weights_only=True) for an archive of torch.save"
)
_NAMED = re.compile(r"(?:generation|gen|iteration|iter|round|cycle)s?[ _.=-]*(\d+)", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")


def found(path) -> list[Path]:
    """Return the files and folders that are meant: one, several, or all that a pattern such as ``gen*.txt`` names."""
    if isinstance(path, (str, Path)):
        one = Path(path)
        if one.exists():
            return [one]
        if has_magic(str(path)):
            matching = [Path(name) for name in sorted(glob(str(path)))]
            if not matching:
                raise ValueError(f"path must name a file or folder that exists, got {str(path)!r}, which none matches.")
            return matching
        raise ValueError(f"path must name a file or folder that exists, got {str(path)!r}.")
    if not isinstance(path, Sequence) or not path or not all(isinstance(one, (str, Path)) for one in path):
        raise TypeError(f"path must be a path, a pattern or a sequence of paths, got {path!r:.80}.")
    for one in path:
        if not Path(one).exists():
            raise ValueError(f"path must name files and folders that exist, got {str(one)!r}.")
    return [Path(one) for one in path]


def inside(folder: Path) -> list[Path]:
    """Return what is in a folder, sorted, but for hidden things."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def units(paths: Sequence[Path], is_one) -> list[Path]:
    """Return what holds one generation each: the paths themselves, or what is in the one folder that they name."""
    if len(paths) == 1 and paths[0].is_dir() and not is_one(paths[0]):
        return [path for path in inside(paths[0]) if is_one(path)]
    return list(paths) if all(is_one(path) for path in paths) else []


# ---------------------------------------------------------------------------------------------------- numbers


def number_in(names: Sequence[str], pattern: str | None, alone: bool = False) -> int | None:
    """Return the generation that names tell, the outermost first; None if they tell none.

    A number without a word is believed only beside others: the 3 of a single llama-3 is no generation.
    """
    if pattern is not None:
        for name in names:
            if match := re.search(pattern, name):
                return int(match.group(1))
        return None
    for rule in (_NAMED.search, re.compile(r"(\d+)$").match):
        for name in names:
            if match := rule(name):
                return int(match.group(1))
    for name in () if alone else names:
        if len(digits := _DIGITS.findall(name)) == 1:
            return int(digits[0])
    return None


def numbered(paths: Sequence[Path], pattern: str | None = None, names: Sequence[Sequence[str]] | None = None) -> dict:
    """Return paths by the generation that their names tell; a single one may go without, and is 1.

    Parameters
    ----------
    paths : sequence of Path
    pattern : str, optional
        Regular expression whose group is the number. Default: the number after gen, generation, iteration, ...; else a
        name that is a number; else the only number in the name.
    names : sequence of sequence of str, optional
        Names that may tell, of each path; default its own without the ending.
    """
    if pattern is not None:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"pattern must be a regular expression, got {pattern!r} ({error}).") from error
        if groups != 1:
            raise ValueError(f"pattern must have one group, the number, such as 'model_(\\d+)', got {pattern!r}.")
    out: dict[int, Path] = {}
    for i, path in enumerate(paths):
        told = names[i] if names is not None else [path.stem if path.is_file() else path.name]
        try:
            number = number_in(told, pattern, alone=len(paths) == 1)
        except ValueError:
            raise ValueError(f"pattern must have digits for its group, got {pattern!r} for {path.name!r}.") from None
        if number is None:
            if len(paths) > 1:
                raise ValueError(
                    "the names must tell the generations, such as generation_3 (if they do otherwise: pattern=, a "
                    "regular expression whose group is the number; to leave others out: a path such as "
                    f"'generation*.txt'), got {str(path)!r}."
                )
            number = 1
        if number in out:
            raise ValueError(
                f"the names must tell the generations, each once, got generation {number} for {str(out[number])!r} "
                f"and for {str(path)!r} (if another number does: pattern=)."
            )
        out[number] = path
    return dict(sorted(out.items()))


# ---------------------------------------------------------------------------------------------------- reading


def is_pickle(path: Path) -> bool:
    """Whether a file is a pickle, or a zipped one, by its name or its first bytes."""
    if not path.is_file():
        return False
    if path.suffix.lower() in PICKLED:
        return True
    with open(path, "rb") as file:
        head = file.read(4)
    return head[:4] == b"PK\x03\x04" or (head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"))


def refuse_pickle(path: Path) -> None:
    """Refuse a file that would run code when it is read, and say how to convert it."""
    if is_pickle(path):
        raise ValueError(
            f"path must not be a pickle or an archive of torch.save (reading one runs the code that is in it; "
            f"{_CONVERT}), got {str(path)!r}."
        )


def lines(path: Path, *, ends: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file with their numbers, from 1; with ``ends``, with their line breaks."""
    refuse_pickle(path)
    number = 0
    with open(path, "rb") as file:
        while raw := file.readline(MOST_LINE + 1):
            number += 1
            where = f"{path}, line {number},"
            if len(raw) > MOST_LINE:
                raise ValueError(f"{where} must have at most {MOST_LINE} bytes (is it text at all?), got more.")
            if b"\0" in raw:
                raise ValueError(f"{where} must be text, got a byte 0x00: the file is binary, or damaged.")
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{where} must be UTF-8, got the byte 0x{raw[error.start]:02x} at {error.start}."
                ) from error
            yield number, text if ends else text.rstrip("\r\n")


def objects(path: Path) -> Iterator[tuple[str, dict]]:
    """Yield the objects of a file with one a line, each with its place in words; empty lines are skipped."""
    for number, line in lines(path):
        if line.strip():
            where = f"{path}, line {number},"
            value = parsed(where, line)
            if not isinstance(value, dict):
                raise ValueError(f"{where} must be one JSON object, got {value!r:.60}.")
            yield where, value


def parsed(where: str, text: str):
    """Read JSON as other programs write it, with NaN and Infinity."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        # a last line that was cut short ends where the text does
        short = " (the file was cut short)" if error.pos >= len(text.rstrip()) else ""
        at = f"line {error.lineno}, character {error.colno}" if "\n" in text else f"character {error.pos}"
        raise ValueError(f"{where} must be JSON{short}, got {error.msg} at {at}: {text[:40]!r}.") from error
    except RecursionError as error:
        raise ValueError(f"{where} must be JSON, got lists or objects nested too deeply.") from error
    except ValueError as error:  # integers of thousands of digits
        raise ValueError(f"{where} must be JSON, got {error}.") from error


def document(path: Path, kind: type = dict):
    """Read a file that is one JSON value, an object or a list."""
    refuse_pickle(path)
    size = path.stat().st_size
    if size > MOST_WHOLE:
        raise ValueError(
            f"{path} must have at most {MOST_WHOLE} bytes (it can only be read as a whole; write an object a line, "
            f"as generation_1.jsonl), got {size}."
        )
    value = parsed(f"{path}", "".join(line for _, line in lines(path, ends=True)))
    if not isinstance(value, kind):
        raise ValueError(f"{path} must be a JSON {'object' if kind is dict else 'list'}, got {value!r:.60}.")
    return value


def number(where: str, name: str, value, *, least: float | None = None) -> float:
    """Return a number of a file, which may be infinite or nan, as a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (least is not None and value < least):
        rule = "a number" if least is None else f"a number >= {least:g}"
        raise ValueError(f"{where} must have {rule} in {name!r}, got {value!r:.60}.")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def string(where: str, name: str, row: Mapping) -> str:
    """Return the text of a row."""
    if not isinstance(row.get(name), str):
        legal = ", ".join(sorted(key for key, value in row.items() if isinstance(value, str)))
        raise ValueError(
            f"{where} must have a string {name!r} (its strings are: {legal or 'none'}), got {row.get(name)!r:.60}."
        )
    return row[name]


def exp(nats: float) -> float:
    """Return exp, infinite where it overflows."""
    try:
        return math.exp(nats)
    except OverflowError:
        return math.inf


def batch(
    number: int, texts: Sequence[str], *, source=None, prompt_id=None, n_tokens=None, nll=None, facts=None
) -> Generation:
    """Return a generation; what is not said is not known."""
    n = len(texts)
    return Generation(
        number,
        tuple(texts),
        np.full(n, "synthetic" if number else "real") if source is None else source,
        np.full(n, -1) if prompt_id is None else prompt_id,
        np.full(n, -1) if n_tokens is None else n_tokens,
        {} if nll is None else nll,
        facts or {},
    )
