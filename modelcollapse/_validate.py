"""What may come in: one check per kind of argument, one form of message.

Every message names the argument, the rule, the reason and the value, in that order, because a reader who is
told all four need not open the source. The checks return the value in the form the package computes with, so
that a caller writes ``n = integer("n", n, least=2, because="a variance needs two points")`` and is done.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence

import numpy as np

#: a probability vector may miss one by this much: sums of 10^6 rounded decimals stay inside it
SUM_TOLERANCE = 1e-8


def _why(because: str | None) -> str:
    return f" ({because})" if because else ""


def integer(name: str, value, *, least: int | None = None, most: int | None = None, because: str | None = None) -> int:
    """Return `value` as an int, or say which rule it breaks."""
    rule = "an integer"
    if least is not None:
        rule += f" >= {least}"
    if most is not None:
        rule += f" and <= {most}" if least is not None else f" <= {most}"
    whole = isinstance(value, numbers.Integral) and not isinstance(value, (bool, np.bool_))
    if not whole and isinstance(value, (float, np.floating)) and math.isfinite(value) and value == int(value):
        whole, value = True, int(value)
    if not whole:
        raise TypeError(f"{name} must be {rule}{_why(because)}, got {value!r}.")
    if (least is not None and value < least) or (most is not None and value > most):
        raise ValueError(f"{name} must be {rule}{_why(because)}, got {value}.")
    return int(value)


def number(
    name: str,
    value,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    because: str | None = None,
) -> float:
    """Return `value` as a finite float inside the stated range."""
    rules = ["a finite number"]
    if above is not None:
        rules.append(f"> {above:g}")
    if least is not None:
        rules.append(f">= {least:g}")
    if below is not None:
        rules.append(f"< {below:g}")
    if most is not None:
        rules.append(f"<= {most:g}")
    rule = " ".join(rules[:2]) + (f" and {rules[2]}" if len(rules) > 2 else "")
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Real, np.ndarray)) or np.ndim(value) != 0:
        raise TypeError(f"{name} must be {rule}{_why(because)}, got {value!r}.")
    value = float(value)
    bad = not math.isfinite(value)
    bad = bad or (above is not None and value <= above) or (least is not None and value < least)
    bad = bad or (most is not None and value > most) or (below is not None and value >= below)
    if bad:
        raise ValueError(f"{name} must be {rule}{_why(because)}, got {value:g}.")
    return value


def probability(name: str, value, *, because: str | None = None) -> float:
    """Return `value` as a float in [0, 1]."""
    return number(name, value, least=0.0, most=1.0, because=because)


def choice(name: str, value, legal: Sequence[str]) -> str:
    """Return `value` if it is one of `legal`; the message lists them."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {', '.join(map(repr, legal))}, got {value!r:.120}.")
    if value not in legal:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, legal))}, got {value!r}.")
    return value


def array(name: str, value, *, ndim: int | tuple[int, ...], shape_words: str) -> np.ndarray:
    """Return `value` as a new read-only float array of the stated number of dimensions, all finite."""
    try:
        out = np.array(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numbers of shape {shape_words}, got {value!r:.120}.") from error
    ndims = (ndim,) if isinstance(ndim, int) else ndim
    if out.ndim not in ndims:
        raise ValueError(f"{name} must have shape {shape_words}, got an array of shape {out.shape}.")
    if not np.isfinite(out).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(out))[0])
        raise ValueError(
            f"{name} must be finite (a moment of NaN or infinity is meaningless), "
            f"got {out[where]} at index {where if len(where) > 1 else where[0] if where else ()}."
        )
    out.flags.writeable = False
    return out


def probabilities(name: str, value, *, least_length: int = 1) -> np.ndarray:
    """Return `value` as a 1-D probability vector, exactly normalised."""
    out = array(name, value, ndim=1, shape_words="(category,)")
    if out.size < least_length:
        raise ValueError(f"{name} must have at least {least_length} entries, got {out.size}.")
    if (out < 0).any():
        i = int(np.argmax(out < 0))
        raise ValueError(f"{name} must be >= 0 (they are probabilities), got {out[i]:g} at index {i}.")
    total = math.fsum(out)
    if abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(f"{name} must sum to one (divide by their sum if they are counts), got a sum of {total:.10g}.")
    out = out / total
    out.flags.writeable = False
    return out


def covariance(name: str, value, dimension: int | None = None) -> np.ndarray:
    """Return `value` as a symmetric positive semi-definite matrix of shape (dim, dim)."""
    out = array(name, value, ndim=2, shape_words="(dim, dim)")
    if out.shape[0] != out.shape[1] or out.shape[0] == 0:
        raise ValueError(f"{name} must be a square matrix (dim, dim), got shape {out.shape}.")
    if dimension is not None and out.shape[0] != dimension:
        raise ValueError(f"{name} must be ({dimension}, {dimension}) to match the mean, got shape {out.shape}.")
    scale = float(np.abs(out).max())
    if float(np.abs(out - out.T).max()) > 1e-10 * max(scale, np.finfo(float).tiny):
        raise ValueError(
            f"{name} must be symmetric (it is a covariance), "
            f"got entries that differ by {np.abs(out - out.T).max():g} across the diagonal."
        )
    if (np.diag(out) < 0).any():
        i = int(np.argmax(np.diag(out) < 0))
        raise ValueError(f"{name} must have variances >= 0 on its diagonal, got {out[i, i]:g} at ({i}, {i}).")
    least = float(np.linalg.eigvalsh(out)[0])
    if least < -1e-10 * scale:
        raise ValueError(
            f"{name} must be positive semi-definite (no direction has negative variance), "
            f"got a smallest eigenvalue of {least:g}."
        )
    out = (out + out.T) / 2
    out.flags.writeable = False
    return out


def points(
    name: str,
    X,
    *,
    least_rows: int = 2,
    because: str = "a variance needs two points",
    more_rows_than_columns: bool = False,
    vary: bool = True,
) -> np.ndarray:
    """Return real data as a float array (row,) or (row, dim), refused where no model could be fitted to it."""
    arr = np.asarray(X)
    if arr.dtype.kind not in "fiub":
        sample = repr(arr.flat[0] if arr.size else X)[:40]
        raise TypeError(
            f"{name} must be numeric data of shape (row,) or (row, dim), got {sample} of {arr.dtype}; "
            "choose the numeric columns, or use Categorical for text."
        )
    out = array(name, arr, ndim=(1, 2), shape_words="(row,) or (row, dim)")
    if len(out) < least_rows:
        raise ValueError(f"{name} must have at least {least_rows} rows ({because}), got {len(out)}.")
    if more_rows_than_columns and out.ndim == 2 and len(out) <= out.shape[1]:
        raise ValueError(
            f"{name} must have more rows than columns (a covariance of full rank needs dim + 1 points), "
            f"got {len(out)} rows and {out.shape[1]} columns; drop columns or add rows."
        )
    if vary:
        flat = np.ptp(out.reshape(len(out), -1), axis=0) == 0
        if flat.any():
            j = int(np.argmax(flat))
            raise ValueError(
                f"{name} must vary in every column (a constant has collapsed already), "
                f"got the single value {out.reshape(len(out), -1)[0, j]:g} in column {j}; drop it."
            )
    return out


def schedule(name: str, value) -> int | tuple[int, ...] | Callable[[int], int]:
    """Return a sample size: an int for all generations, a tuple (n_1, n_2, ...) or a callable t -> n_t."""
    if callable(value):
        return value
    if isinstance(value, numbers.Number):
        return integer(name, value, least=1)
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise TypeError(f"{name} must be an integer, a sequence (n_1, n_2, ...) or a callable t -> n_t, got {value!r}.")
    sizes = tuple(integer(f"{name}[{i}]", v, least=1) for i, v in enumerate(value))
    if not sizes:
        raise ValueError(f"{name} must name a size for at least one generation, got an empty sequence.")
    return sizes


def sizes(name: str, value, generations: int) -> np.ndarray:
    """Write a schedule out over generations 1 .. `generations`, as an int64 array."""
    if callable(value):
        return np.array([integer(f"{name}({t})", value(t), least=1) for t in range(1, generations + 1)], dtype=np.int64)
    if isinstance(value, tuple):
        if len(value) < generations:
            raise ValueError(
                f"{name} must name a size for each of the {generations} generations "
                f"(the schedule is shorter than the run), got {len(value)}."
            )
        return np.array(value[:generations], dtype=np.int64)
    return np.full(generations, value, dtype=np.int64)
