"""What comes in: a table of real rows and a real text, refused before any work if nothing could be learned from them.

A table is a CSV file with a header. Columns whose cells are all numbers are the points, the others are text, and one
text column may be the label that says which class a row belongs to. Nothing is repaired: a missing cell, an infinite
number or a constant column ends the report with a message that says where it is and what to do, because a model
fitted to a silently repaired table would be one of data that nobody has.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: a tenth of the rows is kept as real data, and a tenth of fewer is none
LEAST_ROWS = 10
#: covariances of more columns than this are neither legible on a page nor cheap
MOST_COLUMNS = 12
#: cells that say "missing" in the files of common programs
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})


@dataclass(frozen=True, eq=False)
class Table:
    """Real rows: numbers, and perhaps a class for each.

    Attributes
    ----------
    source : str
        Where they come from, in words.
    columns : tuple of str
        Names of the numeric columns, (dim,).
    rows : ndarray, (row, dim)
    label : str or None
        Name of the label column.
    classes : tuple of str or None
        The label of each row.
    notes : tuple of str
        What was left out, for the reader of the report.
    """

    source: str
    columns: tuple[str, ...]
    rows: np.ndarray
    label: str | None = None
    classes: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)


def iris() -> Table:
    """Return the data that need no file: Fisher's iris, as scikit-learn carries it."""
    from sklearn.datasets import load_iris

    raw = load_iris()
    species = tuple(str(raw.target_names[k]) for k in raw.target)
    return Table(
        "Fisher's iris (scikit-learn)", tuple(raw.feature_names), np.asarray(raw.data, float), "species", species
    )


def read(path, columns=None, label: str | None = None) -> Table:
    """Read a CSV file.

    Parameters
    ----------
    path : str or Path
        A CSV file in UTF-8 with a header; fields separated by commas, semicolons or tabs.
    columns : sequence of str or str, optional
        Numeric columns to use (a string: separated by commas). Default: all columns of numbers.
    label : str, optional
        Column that holds the class of each row. Default: the first text column with at least two classes and fewer
        classes than half the rows.

    Raises
    ------
    FileNotFoundError, ValueError, TypeError
        If there is no such file, it is no table of that form, or nothing can be learned from it.
    """
    path = Path(path)
    header, lines = _lines(path)
    chosen = _names("columns", columns, header)
    if label is not None:
        (label,) = _names("label", [label], header)
    if label is not None and chosen is not None and label in chosen:
        raise ValueError(f"label must not be among columns (a class is no number), got {label!r} in both.")
    cells = {name: [row[j] for row in lines] for j, name in enumerate(header)}
    kinds = {name: _kind(values) for name, values in cells.items()}
    notes = []
    if chosen is None:
        chosen = [name for name in header if kinds[name] != "text" and name != label]
        if not chosen:
            raise ValueError(
                f"{path} must have at least one column of numbers (the models are refitted to numbers), "
                f"got only text in {', '.join(map(repr, header))}."
            )
        left = [name for name in header if kinds[name] == "text" and name != label]
    else:
        left = []
    rows = np.array([_numbers(path, name, cells[name]) for name in chosen]).T
    if label is None:
        for name in left:
            different = set(cells[name]) - {v for v in cells[name] if v.strip().lower() in MISSING}
            if 2 <= len(different) < max(3, len(lines) / 2):
                label = name
                break
        if skipped := [name for name in left if name != label]:
            notes.append(f"Text columns that were not used: {', '.join(skipped)}.")
    classes = None
    if label is not None:
        classes = tuple(value.strip() for value in cells[label])
        for i, value in enumerate(classes):
            if value.lower() in MISSING:
                raise ValueError(
                    f"label column {label!r} must have a class in every row (a missing class is none; "
                    f"drop the row or name it), got {value!r} in data row {i + 1} of {path}."
                )
        if len(set(classes)) < 2:
            raise ValueError(
                f"label column {label!r} must hold at least 2 classes (one class cannot vanish), got only "
                f"{classes[0]!r}; choose another with label."
            )
    check_rows(str(path), chosen, rows)
    return Table(path.name, tuple(chosen), rows, label, classes, tuple(notes))


def _lines(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a CSV file, all of one length."""
    if not path.exists():
        raise FileNotFoundError(f"data must be a CSV file that exists, got {str(path)!r}.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            text = file.read()
    except OSError as error:
        raise ValueError(
            f"data must be a CSV file that can be read, got {str(path)!r}: {error.strerror or error}."
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"data must be a CSV file in UTF-8 (save it as such), got byte "
            f"0x{error.object[error.start]:02x} "
            f"at {error.start} of {str(path)!r}."
        ) from error
    if not text.strip():
        raise ValueError(f"data must be a CSV file with a header and rows, got the empty file {str(path)!r}.")
    first = text.splitlines()[0]
    delimiter = max(",;\t", key=first.count)
    try:
        table = [
            row
            for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise ValueError(f"data must be a CSV file, got {str(path)!r}: {error}.") from error
    header = [name.strip() for name in table[0]]
    if all(_float(name) is not None for name in header):
        raise ValueError(
            f"{path} must begin with a header (columns are chosen by their names), got the numbers "
            f"{', '.join(header[:4])} in the first line; add a line of names."
        )
    for j, name in enumerate(header):
        if not name:
            raise ValueError(f"{path} must have a name for every column, got none for column {j + 1}.")
    twice = [name for j, name in enumerate(header) if name in header[:j]]
    if twice:
        raise ValueError(
            f"{path} must name every column once (columns are chosen by their names), got {twice[0]!r} twice."
        )
    rows = table[1:]
    for i, row in enumerate(rows):
        if len(row) != len(header):
            raise ValueError(
                f"{path} must have {len(header)} cells in every row (as its header has), got {len(row)} "
                f"in "
                f"data row {i + 1}."
            )
    if not rows:
        raise ValueError(
            f"{path} must have at least {LEAST_ROWS} rows below its header (a tenth of them is kept as "
            f"real "
            "data), got the header only."
        )
    return header, rows


def _names(argument: str, given, header: list[str]) -> list[str] | None:
    """Check names of columns."""
    if given is None:
        return None
    names = [name.strip() for name in given.split(",")] if isinstance(given, str) else [str(name) for name in given]
    names = [name for name in names if name]
    if not names:
        raise ValueError(f"{argument} must name at least one column of {', '.join(map(repr, header))}, got none.")
    for j, name in enumerate(names):
        if name not in header:
            raise ValueError(
                f"{argument} must be among the columns of the file ({', '.join(map(repr, header))}), got {name!r}."
            )
        if name in names[:j]:
            raise ValueError(
                f"{argument} must name a column once (twice the same numbers have no covariance of full "
                f"rank), got {name!r} twice."
            )
    return names


def _float(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _kind(values: list[str]) -> str:
    """Say whether a column is one of numbers: it is if most cells that are there are numbers."""
    there = [v for v in values if v.strip().lower() not in MISSING]
    numbers = sum(_float(v) is not None for v in there)
    return "number" if there and 2 * numbers > len(there) else "text" if there else "number"


def _numbers(path: Path, name: str, values: list[str]) -> list[float]:
    """Translate a column to finite numbers."""
    out = []
    for i, cell in enumerate(values):
        where = f"data row {i + 1}, column {name!r} of {path}"
        value = _float(cell)
        if cell.strip().lower() in MISSING or (value is not None and math.isnan(value)):
            raise ValueError(
                f"cells must not be missing (a model cannot be fitted to a gap; drop the row or choose "
                f"other "
                f"columns with columns), got {cell!r} in {where}."
            )
        if value is None:
            raise TypeError(
                f"columns must hold numbers (models of points are fitted to them; text can be the label), "
                f"got {cell!r} in {where}."
            )
        if math.isinf(value):
            raise ValueError(
                f"cells must be finite (a moment of infinity is meaningless; drop the row), got {cell!r} in {where}."
            )
        out.append(value)
    return out


def check_rows(source: str, columns, rows: np.ndarray) -> None:
    """Refuse rows from which no model of all kinds in the report could be learned."""
    count, dim = rows.shape
    if count < LEAST_ROWS:
        raise ValueError(
            f"{source} must have at least {LEAST_ROWS} rows (a tenth of them is kept as real data), got {count}."
        )
    if dim > MOST_COLUMNS:
        raise ValueError(
            f"{source} must have at most {MOST_COLUMNS} columns of numbers (a page cannot show more; "
            f"choose "
            f"some with columns), got {dim}."
        )
    if count <= dim + 1:
        raise ValueError(
            f"{source} must have at least {dim + 2} rows (a covariance of {dim} columns needs more "
            f"points than "
            f"columns), got {count}; choose fewer columns with columns or add rows."
        )
    for j, name in enumerate(columns):
        if np.ptp(rows[:, j]) == 0:
            raise ValueError(
                f"column {name!r} must vary (a constant has collapsed already), got the single value "
                f"{rows[0, j]:g} in all {count} rows of {source}; leave it out with columns."
            )
    standard = (rows - rows.mean(0)) / rows.std(0)
    if np.linalg.svd(standard, compute_uv=False)[-1] < 1e-7 * math.sqrt(count):
        raise ValueError(
            f"columns must not determine each other (a flat covariance has no density), got columns of "
            f"{source} of which one is a linear function of the others; leave it out with columns."
        )


def corpus(path):
    """Read the text, or take the one that needs no file."""
    from modelcollapse.lm import Corpus

    if path is None:
        return Corpus.default()
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"corpus must be a text file that exists, got {str(path)!r}.")
    found = Corpus.from_file(path)
    if len(found) < 200:
        raise ValueError(
            f"corpus must hold at least 200 words (a tenth of them is kept, and texts of 64 words are "
            f"judged), "
            f"got {len(found)} in {str(path)!r}."
        )
    return Corpus(found.tokens, found.vocabulary, path.name)


def shorten(text, most: int):
    """Return the first words of a text, numbered anew."""
    from modelcollapse.lm import Corpus

    return Corpus.from_text(text.text(text.tokens[:most]), source=text.source)
