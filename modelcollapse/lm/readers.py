"""What others have: the texts or the losses of their own generational runs, whatever program wrote them.

`read` is one door for all formats. It recognises what it is given, by the names and the structure of files, and says
what it took it for in the facts of each generation (``format``, ``read_from``). What comes out is what an experiment
writes down itself, so `modelcollapse.lm.measure` and `crosscheck` make no difference.

====================  ================================================================================================
``modelcollapse``     a run of our own: ``manifest.json`` and ``generation_*.jsonl``
``lm-eval``           lm-evaluation-harness with ``--log_samples``: folders with ``samples_*.jsonl``
``detector-study``    a run of Drayson et al. (EMNLP 2025): folders 0, 1, ... with ``data.json`` and ``model/``
``trainer``           the Trainer of transformers: folders with ``trainer_state.json`` or ``eval_results.json``
``arrow``             datasets saved to disk: folders with ``state.json`` and ``*.arrow``
``csv``               one table with a column for the generation
``jsonl``             JSON, a file a generation: an object a line, or a list of objects
``text``              plain text, a file or a folder a generation
====================  ================================================================================================

**Which generation is which?** Here 0 is the real text, and t >= 1 is what the t-th model wrote, the first of which was
fitted to real text only. Texts are taken to be numbered so; whoever calls the texts of the first model number 0 says
``first=0``. Logs are of models, and there is none without a fit: where folders of ``lm-eval`` or ``trainer`` begin with
0, that is the first model. Where there is no real text, generation 0 is empty, unless ``real=`` names it.

**Facts only.** Logs of training have no texts. Their generations have none either, and facts: ``perplexity_real``.
`measure` has nothing to count in them and says so.

Pickles and archives of ``torch.save`` are refused, with how to convert them: reading one runs the code in it.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modelcollapse import _validate as check
from modelcollapse.lm import files, logs, records, tables
from modelcollapse.lm.records import Generation

#: generations, or files, that an error names
MOST_NAMED = 6


@dataclass(frozen=True)
class Format:
    """A format: what tells it from others, and what reads it.

    Attributes
    ----------
    known : callable
        Whether paths are in this format.
    read : callable
        Takes paths and options, returns generations by the numbers of the source.
    looks : str
        What there must be.
    models : bool
        Whether numbers are those of models, the lowest of which may be 0.
    own : bool
        Whether numbers are ours already.
    folders : bool
        Whether it is told by the names of files in folders, and is nothing without them.
    """

    known: Callable[[Sequence[Path]], bool]
    read: Callable[..., list[Generation]]
    looks: str
    models: bool = False
    own: bool = False
    folders: bool = False


def _is_own(paths: Sequence[Path]) -> bool:
    manifest = paths[0] / records.MANIFEST
    if len(paths) != 1 or not manifest.is_file():
        return False
    try:
        said = json.loads(manifest.read_bytes())
    except (ValueError, RecursionError):
        # a damaged manifest of ours is still one: its reader says what is wrong
        return any(paths[0].glob("generation_*.jsonl"))
    return isinstance(said, dict) and said.get("format") == records.FORMAT


def _read_own(paths: Sequence[Path]) -> list[Generation]:
    return records.read(paths[0])


FORMATS = {
    "modelcollapse": Format(_is_own, _read_own, "manifest.json and generation_*.jsonl", own=True),
    "lm-eval": Format(
        lambda paths: bool(logs.harness_folders(paths)),
        logs.read_harness,
        "samples_*.jsonl in folders",
        models=True,
        folders=True,
    ),
    "detector-study": Format(
        lambda paths: bool(logs.study_folders(paths)),
        logs.read_study,
        "folders 0, 1, ... with data.json",
        own=True,
        folders=True,
    ),
    "trainer": Format(
        lambda paths: bool(files.units(paths, logs.is_trainer)),
        logs.read_trainer,
        "folders with trainer_state.json or eval_results.json",
        models=True,
        folders=True,
    ),
    "arrow": Format(
        lambda paths: bool(files.units(paths, tables.is_arrow)),
        tables.read_arrow,
        "folders with state.json and *.arrow",
        folders=True,
    ),
    "csv": Format(lambda paths: len(paths) == 1 and tables.is_csv(paths[0]), tables.read_csv, "one .csv or .tsv file"),
    "jsonl": Format(
        lambda paths: bool(files.units(paths, tables.is_json_texts)),
        tables.read_jsonl,
        "files generation_*.jsonl or .json",
    ),
    "text": Format(
        lambda paths: bool(tables.text_units(paths)), tables.read_text, "files, or folders of files, generation_*.txt"
    ),
}


def recognise(path) -> str:
    """Return the format of a path, a pattern or a sequence of paths.

    Raises
    ------
    ValueError
        If nothing is there, it is none of the formats, or it is a pickle.
    """
    paths = files.found(path)
    for one in paths:
        files.refuse_pickle(one)
    for name, kind in FORMATS.items():
        if kind.known(paths):
            return name
    for one in paths:
        for inner in files.inside(one) if one.is_dir() else ():
            files.refuse_pickle(inner)
    listed = "; ".join(f"{name} ({kind.looks})" for name, kind in FORMATS.items())
    raise ValueError(
        f"path must be in one of the formats {listed}; format= names one where the names of the files do not tell, "
        f"got {_shown(path)}."
    )


def _shown(path) -> str:
    text = f"{str(path)!r:.120}"
    if isinstance(path, (str, Path)) and Path(path).is_dir():
        there = [one.name for one in files.inside(Path(path))]
        text += (
            f" with {', '.join(there[:MOST_NAMED])}{', ...' if len(there) > MOST_NAMED else ''}"
            if there
            else ", which is empty"
        )
    return text


def read(path, format: str | None = None, *, real=None, first: int | None = None, **options) -> list[Generation]:
    r"""Read the generations of a run, whatever program wrote it.

    Parameters
    ----------
    path : str, Path or sequence of them
        A file, a folder, a pattern such as ``"out/gen*.txt"``, or several files or folders, one a generation.
    format : str, optional
        One of those in the table above; default: what it looks like.
    real : str, Path or sequence of str, optional
        The real text: a text file (a text a line; with ``per=``, as there) or texts. It becomes generation 0.
    first : int, optional
        Number, in the source, of the model that was fitted to real text only. Default 1; 0 where the folders of
        models begin with 0. Logs of models before the first are left out.
    **options
        Those of the format. ``pattern``: regular expression whose group is the number of the generation in a name
        (all but ``csv`` and ``detector-study``). ``per``: "line", "paragraph", "file" or a number of words (``text``).
        ``text``: entry or column with the texts (``jsonl``, ``arrow``, ``detector-study``). ``split`` (``arrow``).
        ``columns``: which column is generation, text, loss, perplexity, nll, n_tokens, source, prompt_id; ``where``:
        values that rows must have, such as ``{"paradigm": "replace"}`` (``csv``). ``tasks``, ``filter`` (``lm-eval``).

    Returns
    -------
    list of Generation
        From 0 on, none missing. Facts say what it was taken for (``format``) and where it was (``read_from``).

    Raises
    ------
    TypeError, ValueError
        If nothing is there, it is in no known format, an option does not belong to the format, a generation is missing
        or there twice, or anything is cut short, damaged or of the wrong kind: file and line are named.
    ImportError
        If an Arrow dataset is to be read without pyarrow.

    Notes
    -----
    ``perplexity_real`` is what the evaluation of a log says; that its text was real is for the reader to know.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for t, text in enumerate(["the cat saw the dog\na dog barked", "the dog saw the dog\na cat saw"]):
    ...         _ = (Path(folder) / f"generation_{t}.txt").write_text(text)
    ...     generations = read(folder)
    >>> [(g.number, g.facts["format"], g.texts[1]) for g in generations]
    [(0, 'text', 'a dog barked'), (1, 'text', 'a cat saw')]
    """
    paths = files.found(path)
    if format is None:
        format = recognise(path)
    else:
        check.choice("format", format, tuple(FORMATS))
        for one in paths:
            files.refuse_pickle(one)
    kind = FORMATS[format]
    if kind.folders and not kind.known(paths):
        raise ValueError(f"path must hold {kind.looks} for the format {format}, got {_shown(path)}.")
    legal = [name for name in inspect.signature(kind.read).parameters if name != "paths"]
    for name, value in options.items():
        if name not in legal:
            raise TypeError(
                f"{name} must not be given for the format {format} (it takes {', '.join(legal) or 'no options'}), "
                f"got {value!r:.60}."
            )
    if format == "modelcollapse":
        if real is not None or first is not None:
            raise TypeError("real and first must not be given for a run of our own (it says both), got one of them.")
        return kind.read(paths)
    try:
        generations = kind.read(paths, **options)
    except OSError as error:
        raise ValueError(f"path must be readable, got {error}.") from error
    return _complete(path, kind, generations, _real_text(real, options.get("per")), first)


def _complete(path, kind: Format, found: list[Generation], real: Generation | None, first: int | None) -> list:
    """Number the generations as here: 0 is the real text, and none is missing."""
    before = [g for g in found if kind.models and "before" in g.facts]  # the real text of a log, without a number
    numbered = {g.number: g for g in found if g not in before}
    if not numbered:
        raise ValueError(f"path must hold a generation, got none in {_shown(path)}.")
    lowest = min(numbered)
    if first is None:
        first = 0 if kind.models and lowest == 0 else 1
    elif kind.own:
        raise TypeError(f"first must not be given for a format that says which is the first, got {first!r}.")
    first = check.integer("first", first, least=0)
    shifted = {number - first + 1: g for number, g in numbered.items()}
    if kind.models:  # a base model that was fitted to nothing is no generation
        shifted = {number: g for number, g in shifted.items() if number >= 1}
        if not shifted:
            raise ValueError(f"first must be the number of a model of the source, up to {max(numbered)}, got {first}.")
    if min(shifted) < 0:
        raise ValueError(f"first must be at most 1 above the lowest generation of the source, {lowest}, got {first}.")
    for g in before:
        shifted.setdefault(0, g)
    if real is not None:
        if 0 in shifted and shifted[0].texts and not before:
            raise ValueError(f"real must not be given where generation 0 is there, got it for {_shown(path)}.")
        shifted[0] = real
    shifted.setdefault(0, files.batch(0, []))
    if max(shifted) >= len(shifted):
        # a number in a name can be anything: not all that is below it is to be counted
        missing = [t for t in range(len(shifted) + MOST_NAMED) if t not in shifted and t < max(shifted)][:MOST_NAMED]
        more = ", ..." if max(shifted) + 1 - len(shifted) > len(missing) else ""
        there = ", ".join(str(number) for number in sorted(numbered)[:MOST_NAMED])
        there += ", ..." if len(numbered) > MOST_NAMED else ""
        raise ValueError(
            f"path must hold all generations (numbers of the source: {', '.join(str(t + first - 1) for t in missing)}"
            f"{more} missing), got {there} in {_shown(path)}."
        )
    return [_as(shifted[t], t) for t in sorted(shifted)]


def _as(generation: Generation, number: int) -> Generation:
    """Return a generation under its number here; the texts of number 0 are real."""
    facts = {name: value for name, value in generation.facts.items() if name != "before"}
    if generation.number == number:
        return replace(generation, facts=facts)
    if 0 in (generation.number, number):
        return replace(
            generation, number=number, facts=facts, source=["synthetic" if number else "real"] * len(generation)
        )
    return replace(generation, number=number, facts=facts)


def _real_text(real, per) -> Generation | None:
    if real is None:
        return None
    if isinstance(real, (str, Path)):
        path = Path(real)
        if not path.is_file():
            raise ValueError(f"real must be a text file, or a sequence of texts, got {str(real)!r}.")
        return files.batch(0, tables.texts(path, per or "line"), facts={"format": "text", "read_from": str(path)})
    if not isinstance(real, Iterable):
        raise TypeError(f"real must be a text file or a sequence of strings, got {real!r:.60}.")
    texts = list(real)
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"real must be a text file or a sequence of strings, got {text!r:.60} in it.")
    return files.batch(0, texts, facts={"format": "texts"})
