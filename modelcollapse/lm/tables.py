"""Texts that others have kept: plain files, JSON lines, CSV tables, Arrow datasets.

Every reader takes paths and returns generations, by the numbers that the source itself gives them; what these mean,
and what is missing, is said in `modelcollapse.lm.readers`. Nothing is repaired: what is not in the format ends the
reading, with file and line.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.lm import files
from modelcollapse.lm.records import SOURCES, Generation

PER = ("line", "paragraph", "file")
#: what a column of a table may be, and the names by which it is found if nobody says which it is
COLUMNS = {
    "generation": ("generation", "gen", "iteration"),
    "text": ("text",),
    "loss": ("loss", "eval_loss"),
    "perplexity": ("perplexity", "perplexity_real", "ppl"),
    "nll": ("nll", "nll_nats"),
    "n_tokens": ("n_tokens", "tokens"),
    "source": ("source",),
    "prompt_id": ("prompt_id",),
}
#: one of these must be there
CONTENT = ("text", "loss", "perplexity")
#: values of a column that an error names
MOST_NAMED = 6


# ---------------------------------------------------------------------------------------------------- plain text


def is_text(path: Path) -> bool:
    """Whether a file is plain text by its name."""
    return path.is_file() and path.suffix.lower() in (".txt", ".text")


def _texts_inside(path: Path) -> bool:
    return path.is_dir() and any(is_text(one) for one in files.inside(path))


def text_units(paths: Sequence[Path]) -> list[Path]:
    """Return what holds one generation each: text files, or folders of them."""
    if len(paths) == 1 and paths[0].is_dir():
        there = files.inside(paths[0])
        return [one for one in there if is_text(one)] or [one for one in there if _texts_inside(one)]
    return list(paths) if all(is_text(one) or _texts_inside(one) for one in paths) else []


def read_text(paths: Sequence[Path], *, per: str | int | None = None, pattern: str | None = None) -> list[Generation]:
    """Read plain text: a file a generation, or a folder a generation.

    Parameters
    ----------
    paths : sequence of Path
    per : {"line", "paragraph", "file"} or int, optional
        What is one text: a line, what stands between empty lines, a file, or blocks of so many words of a file (the
        remainder is dropped). Default: a line where a file is a generation, a file where a folder is.
    pattern : str, optional
        Where the number of the generation is in the names.
    """
    if per is not None and not isinstance(per, int):
        check.choice("per", per, PER)
    elif per is not None:
        check.integer("per", per, least=1, because="a text has a word")
    out = []
    for number, path in files.numbered(text_units(paths) or paths, pattern).items():
        of = [one for one in files.inside(path) if is_text(one)] if path.is_dir() else [path]
        if not of:
            raise ValueError(f"{path} must hold text files (*.txt; name others one by one), got none.")
        how = per or ("file" if path.is_dir() else "line")
        out.append(files.batch(number, [text for one in of for text in texts(one, how)], facts=_from("text", path)))
    return out


def texts(path: Path, per: str | int) -> list[str]:
    """Return the texts of a file: its lines, paragraphs, blocks of so many words, or all of it."""
    if per == "line":
        return [line for _, line in files.lines(path) if line.strip()]
    if per == "paragraph":
        out, inside = [], False
        for _, line in files.lines(path):
            if line.strip():
                if inside:
                    out[-1] += f"\n{line}"
                else:
                    out.append(line)
            inside = bool(line.strip())
        return out
    whole = "".join(line for _, line in files.lines(path, ends=True))
    if per == "file":
        return [whole]
    from modelcollapse.lm.experiment import blocks

    return blocks(whole, int(per), name=str(path))


def _from(kind: str, path: Path) -> dict:
    return {"format": kind, "read_from": str(path)}


# ---------------------------------------------------------------------------------------------------- JSON lines


def is_json_texts(path: Path) -> bool:
    """Whether a file has texts as JSON, by its name and, where it is one value, by its being a list."""
    if not path.is_file() or path.suffix.lower() not in (".jsonl", ".ndjson", ".json"):
        return False
    if path.suffix.lower() != ".json":
        return True
    with open(path, "rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"[")


def read_jsonl(paths: Sequence[Path], *, text: str = "text", pattern: str | None = None) -> list[Generation]:
    """Read JSON: a file a generation, an object a line or a list of objects; `text` names the entry with the text."""
    out = []
    for number, path in files.numbered(files.units(paths, is_json_texts) or paths, pattern).items():
        out.append(files.batch(number, [files.string(w, text, r) for w, r in rows(path)], facts=_from("jsonl", path)))
    return out


def rows(path: Path) -> Iterator[tuple[str, dict]]:
    """Yield the objects of a file with an object a line, or with a list of objects, each with its place in words."""
    if path.suffix.lower() != ".json":
        yield from files.objects(path)
        return
    for i, row in enumerate(files.document(path, list)):
        if not isinstance(row, dict):
            raise ValueError(f"{path}, entry {i}, must be an object, got {row!r:.60}.")
        yield f"{path}, entry {i},", row


# ---------------------------------------------------------------------------------------------------- CSV


def is_csv(path: Path) -> bool:
    """Whether a file is a table by its name."""
    return path.is_file() and path.suffix.lower() in (".csv", ".tsv")


def read_csv(
    paths: Sequence[Path], *, columns: Mapping[str, str] | None = None, where: Mapping[str, object] | None = None
) -> list[Generation]:
    """Read a table with a header: a text a row, or a generation a row.

    Parameters
    ----------
    paths : sequence of Path
        One file, separated by commas, semicolons or tabs.
    columns : mapping, optional
        Which column is what: generation, and text, or loss (nats per token of real text) or perplexity (of real text).
        With texts also n_tokens, nll (nats under the first model) or loss (nats per token), source, prompt_id.
        Default: columns of these names.
    where : mapping, optional
        Only rows with these values in these columns, such as ``{"paradigm": "replace"}``.
    """
    if len(paths) != 1:
        raise ValueError(f"path must be one table, which has all generations, got {len(paths)} files.")
    path = paths[0]
    grouped: dict[int, list[tuple[str, dict]]] = {}
    with _table(path) as (header, body):
        place = _places(path, header, columns or {})
        chosen = _chosen(path, header, where or {})
        for line, row in body:
            if all(_same(row[i], wanted) for i, wanted in chosen):
                at = f"{path}, line {line},"
                number = _cell(at, header[place["generation"]], row[place["generation"]], whole=True)
                if number < 0:
                    raise ValueError(f"{at} must have a generation >= 0, got {number}.")
                grouped.setdefault(int(number), []).append((at, row))
    if not grouped:
        raise ValueError(f"{path} must hold rows{' with ' + str(dict(where)) if where else ''}, got none.")
    make = _of_texts if "text" in place else _of_facts
    return [make(path, t, grouped[t], header, place) for t in sorted(grouped)]


@contextmanager
def _table(path: Path):
    """Give the header of a table and its rows with the numbers of their lines."""
    before = csv.field_size_limit(files.MOST_LINE)  # texts are longer than what csv takes for a cell
    try:
        first = next((line for _, line in files.lines(path)), "")
        delimiter = max(",;\t", key=first.count)
        numbers = [0]

        def fed():
            for number, line in files.lines(path, ends=True):
                numbers[0] = number
                yield line

        reader = csv.reader(fed(), delimiter=delimiter, strict=True)

        def body():
            try:
                for row in reader:
                    if row and row != [""]:
                        if len(row) != len(header):
                            raise ValueError(
                                f"{path}, line {numbers[0]}, must have {len(header)} cells (the header has), got "
                                f"{len(row)}."
                            )
                        yield numbers[0], row
            except csv.Error as error:
                raise ValueError(f"{path}, line {numbers[0]}, must be CSV, got {error}.") from error

        try:
            header = [name.strip() for name in next(reader, [])]
        except csv.Error as error:
            raise ValueError(f"{path}, line 1, must be CSV, got {error}.") from error
        if len(set(header)) < len(header) or not header:
            raise ValueError(f"{path}, line 1, must name every column, each once, got {', '.join(header)!r:.120}.")
        yield header, body()
    finally:
        csv.field_size_limit(before)


def _places(path: Path, header: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    out = {}
    for role, name in columns.items():
        check.choice("columns", role, tuple(COLUMNS))
        if name not in header:
            raise ValueError(f"columns must name columns of {path}, which has {', '.join(header)}, got {name!r}.")
        out[role] = header.index(name)
    lower = [name.lower() for name in header]
    for role, names in COLUMNS.items():
        for name in names:
            if role not in out and name in lower and lower.index(name) not in out.values():
                out[role] = lower.index(name)
    if "generation" not in out or not any(role in out for role in CONTENT):
        lacking = "generation" if "generation" not in out else " or ".join(CONTENT)
        raise ValueError(
            f"columns must say which column of {path} is {lacking}, such as columns={{'generation': {header[0]!r}}}; "
            f"it has {', '.join(header)}, got nothing for it."
        )
    return out


def _chosen(path: Path, header: list[str], where: Mapping[str, object]) -> list[tuple[int, str]]:
    for name in where:
        if name not in header:
            raise ValueError(f"where must name columns of {path}, which has {', '.join(header)}, got {name!r}.")
    return [(header.index(name), str(value)) for name, value in where.items()]


def _same(cell: str, wanted: str) -> bool:
    if cell.strip() == wanted.strip():
        return True
    try:
        return float(cell) == float(wanted)
    except ValueError:
        return False


def _cell(where: str, name: str, cell: str, *, whole: bool = False) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan if cell.strip().lower() in ("", "na", "null", "none") and not whole else None
    if value is None or (whole and (not math.isfinite(value) or value != int(value) or abs(value) >= 2**63)):
        rule = "a whole number" if whole else "a number"
        raise ValueError(f"{where} must have {rule} in {name!r}, got {cell!r:.60}.")
    return value


def _of_texts(path: Path, t: int, found: list, header: list[str], place: dict[str, int]) -> Generation:
    def numbers(role, *, whole=False):
        i = place[role]
        return np.array([_cell(at, header[i], row[i], whole=whole) for at, row in found])

    given = {}
    if "source" in place:
        for at, row in found:
            if row[place["source"]] not in SOURCES:
                raise ValueError(f"{at} must have a source of {', '.join(SOURCES)}, got {row[place['source']]!r:.60}.")
        given["source"] = [row[place["source"]] for _, row in found]
    for role in ("prompt_id", "n_tokens"):
        if role in place:
            given[role] = numbers(role, whole=True).astype(np.int64)
    if "nll" in place:
        given["nll"] = {"first": numbers("nll")}
    elif "loss" in place:
        if "n_tokens" not in place:
            raise ValueError(f"columns must say which column of {path} is n_tokens (loss is per token), got no such.")
        given["nll"] = {"first": numbers("loss") * given["n_tokens"]}
    facts = _from("csv", path)
    if "perplexity" in place:
        values = {_cell(at, header[place["perplexity"]], row[place["perplexity"]]) for at, row in found}
        if len(values) == 1:
            facts["perplexity_real"] = values.pop()
    return files.batch(t, [row[place["text"]] for _, row in found], facts=facts, **given)


def _of_facts(path: Path, t: int, found: list, header: list[str], place: dict[str, int]) -> Generation:
    if len(found) > 1:
        differ = []
        for i, name in enumerate(header):
            values = sorted({row[i] for _, row in found})
            if i not in place.values() and len(values) > 1:
                more = ", ..." if len(values) > MOST_NAMED else ""
                differ.append(f"{name} is {', '.join(values[:MOST_NAMED])}{more}")
        raise ValueError(
            f"{path} must have one row a generation (choose with where=, such as where={{'paradigm': 'replace'}}), got "
            f"{len(found)} of generation {t}: {'; '.join(differ) or 'they are alike'}."
        )
    ((at, row),) = found
    facts = _from("csv", path)
    if "loss" in place:
        facts["loss"] = _cell(at, header[place["loss"]], row[place["loss"]])
        facts["perplexity_real"] = files.exp(facts["loss"])
    if "perplexity" in place:
        facts["perplexity_real"] = _cell(at, header[place["perplexity"]], row[place["perplexity"]])
    return files.batch(t, [], facts=facts)


# ---------------------------------------------------------------------------------------------------- Arrow


def is_arrow(path: Path) -> bool:
    """Whether a folder is a dataset, or a set of splits, that ``save_to_disk`` wrote."""
    return path.is_dir() and ((path / "state.json").is_file() or (path / "dataset_dict.json").is_file())


def read_arrow(
    paths: Sequence[Path], *, text: str | None = None, split: str | None = None, pattern: str | None = None
) -> list[Generation]:
    """Read datasets that ``save_to_disk`` of the datasets library wrote: a folder a generation. Needs pyarrow.

    Parameters
    ----------
    paths : sequence of Path
    text : str, optional
        Column with the texts. Default "text", or the only column of strings.
    split : str, optional
        Of a set of splits; default "train", or the only one.
    pattern : str, optional
        Where the number of the generation is in the names.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError(
            "Arrow datasets need pyarrow: pip install pyarrow, or write them as JSON lines where the datasets library "
            "is (dataset.to_json('generation_1.jsonl'))."
        ) from error
    out = []
    for number, path in files.numbered(files.units(paths, is_arrow) or paths, pattern).items():
        folder = _split(path, split)
        state = files.document(folder / "state.json")
        if state.get("_indices_data_files"):
            raise ValueError(
                f"{folder} must hold all its rows in order (save dataset.flatten_indices()), got a table of indices."
            )
        entries = state.get("_data_files")
        if not isinstance(entries, list):
            raise ValueError(f"{folder / 'state.json'} must have a list '_data_files', got {entries!r:.60}.")
        texts: list[str] = []
        for entry in entries:
            name = entry.get("filename") if isinstance(entry, dict) else None
            if not isinstance(name, str) or Path(name).name != name:
                raise ValueError(f"{folder / 'state.json'} must name files of its folder, got {entry!r:.80}.")
            texts += _strings(pyarrow, folder / name, text)
        out.append(files.batch(number, texts, facts=_from("arrow", folder)))
    return out


def _split(path: Path, split: str | None) -> Path:
    if not (path / "dataset_dict.json").is_file():
        if split is not None:
            raise ValueError(f"split must not be given for one dataset ({path} has no splits), got {split!r}.")
        return path
    there = files.document(path / "dataset_dict.json").get("splits")
    if not isinstance(there, list) or not all(isinstance(name, str) and Path(name).name == name for name in there):
        raise ValueError(f"{path / 'dataset_dict.json'} must have a list 'splits' of names, got {there!r:.80}.")
    if split is None:
        split = there[0] if len(there) == 1 else "train"
    if split not in there:
        raise ValueError(f"split must be one of those of {path}, {', '.join(there)}, got {split!r}.")
    return path / split


def _strings(pyarrow, path: Path, column: str | None) -> list[str]:
    """Return a column of strings of one stream."""
    out: list[str] = []
    try:
        with pyarrow.OSFile(str(path)) as file, pyarrow.ipc.open_stream(file) as stream:
            schema = {field.name: field.type for field in stream.schema}
            kinds = [pyarrow.string(), pyarrow.large_string()]
            able = [name for name, kind in schema.items() if kind in kinds]
            if column is None:
                column = "text" if "text" in able else able[0] if len(able) == 1 else "text"
            if column not in able:
                raise ValueError(
                    f"{path} must have a column {column!r} of strings (name it with text=; tokens must be decoded "
                    f"first), got {', '.join(f'{name}: {kind}' for name, kind in schema.items())}."
                )
            for some in stream:
                some.validate(full=True)  # lengths of a damaged file point anywhere
                values = some.column(column).to_pylist()
                if None in values:
                    raise ValueError(
                        f"{path} must have a text in every row, got none in {len(out) + values.index(None)}."
                    )
                out += values
    except (pyarrow.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        raise ValueError(f"{path} must be an Arrow stream, whole, got {first}.") from error
    return out
