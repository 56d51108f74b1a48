r"""What training and evaluation programs log: lm-evaluation-harness, the Trainer of transformers, a published study.

What such a folder is about is a *model*, so its generation is the number of a fit, and 0 is the first one for whoever
counts from 0. Most have no texts: then a `Generation` has facts only, above all ``perplexity_real``,
:math:`\exp(\text{loss})`, *if the evaluation was on real text*, which no log says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from modelcollapse.lm import files
from modelcollapse.lm.records import Generation
from modelcollapse.lm.tables import rows

#: metrics of tasks that score a document: a pair of its log-likelihood in nats and of its units
ROLLING = ("word_perplexity", "byte_perplexity", "bits_per_byte")
_SAMPLES = re.compile(r"samples_(?P<task>.+?)(?:_(?P<date>\d{4}-\d\d-\d\dT[\d.:-]+))?\.jsonl")


# ------------------------------------------------------------------------------------------ lm-evaluation-harness


def harness_folders(paths: Sequence[Path]) -> list[Path]:
    """Return the folders that hold ``samples_*.jsonl``, at any depth."""
    if not all(path.is_dir() for path in paths):
        return []
    return sorted({file.parent for path in paths for file in path.rglob("samples_*.jsonl")})


def read_harness(
    paths: Sequence[Path], *, tasks: Sequence[str] | None = None, filter: str | None = None, pattern: str | None = None
) -> list[Generation]:
    """Read what lm-evaluation-harness wrote with ``--log_samples``: a folder a generation.

    Tasks that generate give the texts of the model; their targets are the real text. Tasks of perplexities give
    ``perplexity_real`` and, where no task generates, the real text with its score under the first model.

    Parameters
    ----------
    paths : sequence of Path
        A folder, or a folder of folders.
    tasks : sequence of str, optional
        Default all.
    filter : str, optional
        Of the filters of a task, which each have all documents; default the first.
    pattern : str, optional
        Where the number of the generation is in the names.
    """
    folders = harness_folders(paths)
    names = [_names(folder, paths) for folder in folders]
    out, real, first = [], {}, None
    for number, folder in files.numbered(folders, pattern, names).items():
        read = {task: _samples(path, filter) for task, path in _latest(folder, tasks).items()}
        facts: dict = {"format": "lm-eval", "read_from": str(folder), "tasks": sorted(read)}
        texts, prompts = [], []
        targets, scored = [], []
        for task in sorted(read):
            kind, found = read[task]
            if kind == "text":
                for doc, values, target in found:
                    texts += values
                    prompts += [doc] * len(values)
                    targets.append(target)
            elif kind == "score":
                scored += found
        if scored:
            nats, units = (np.array([row[i] for row in scored]) for i in (1, 2))
            facts["perplexity_real"] = files.exp(float(nats.sum()) / float(units.sum()))
            facts["perplexity_unit"] = scored[0][3]
            if len({row[3] for row in scored}) > 1:
                raise ValueError(
                    f"tasks must have scores per word or per byte, not both (choose tasks), got {', '.join(read)} of "
                    f"{folder}."
                )
        if not texts and not scored:
            raise ValueError(
                f"{folder} must hold tasks that generate text or score documents (choices among answers are neither), "
                f"got {', '.join(sorted(read)) or 'none'}."
            )
        facts |= _results(folder, read)
        if first is None:
            first, real = number, {"targets": targets, "scored": scored}
        out.append(files.batch(number, texts, prompt_id=prompts, facts=facts))
    return [_real(first, **real), *out]


def _names(folder: Path, paths: Sequence[Path]) -> list[str]:
    """Return the names that may tell a generation, the outermost first."""
    for path in paths:
        if folder.is_relative_to(path):
            return [*([path.name] if len(paths) > 1 else []), *folder.relative_to(path).parts] or [path.name]
    raise AssertionError("a folder is found under a path")


def _real(first: int, targets: list, scored: list) -> Generation:
    """Return the real text: what the tasks wanted to be written, or the documents with their scores.

    Its number, one below the first model, makes it generation 0.
    """
    facts = {"format": "lm-eval"}
    wanted = [target for target in targets if target]
    if wanted or not scored:
        return Generation(0, *_columns(wanted), {}, facts | {"before": first})
    texts, nats, units, _ = zip(*scored, strict=True)
    columns = _columns(texts)
    return Generation(0, *columns[:3], np.array(units, np.int64), {"first": nats}, facts | {"before": first})


def _columns(texts: Sequence[str]):
    n = len(texts)
    return tuple(texts), np.full(n, "real"), np.full(n, -1), np.full(n, -1)


def _latest(folder: Path, tasks: Sequence[str] | None) -> dict[str, Path]:
    """Return the newest samples of each task."""
    out: dict[str, tuple[str, Path]] = {}
    for path in files.inside(folder):
        if match := _SAMPLES.fullmatch(path.name):
            task, date = match["task"], match["date"] or ""
            if task not in out or date > out[task][0]:
                out[task] = (date, path)
    if tasks is not None:
        tasks = [tasks] if isinstance(tasks, str) else tasks
        for task in tasks:
            if task not in out:
                raise ValueError(f"tasks must be among those of {folder}, {', '.join(sorted(out))}, got {task!r}.")
        out = {task: out[task] for task in tasks}
    return {task: path for task, (_, path) in out.items()}


def _samples(path: Path, chosen: str | None) -> tuple[str, list]:
    """Read the samples of one task: its kind, and a tuple a document."""
    seen: dict[int, str] = {}
    filters: set[str] = set()
    kind, out = "", []
    for where, row in files.objects(path):
        doc, of = row.get("doc_id"), row.get("filter", "none")
        if isinstance(doc, bool) or not isinstance(doc, int) or not 0 <= doc < 2**63:
            raise ValueError(f"{where} must have a doc_id >= 0, a whole number, got {doc!r:.60}.")
        if not isinstance(of, str):
            raise ValueError(f"{where} must have a string 'filter', got {of!r:.60}.")
        filters.add(of)
        chosen = of if chosen is None else chosen
        if of != chosen:
            continue
        if doc in seen:
            raise ValueError(f"{where} must have a doc_id of its own, got {doc} again (first in {seen[doc]}).")
        seen[doc] = where.rstrip(",").rpartition(", ")[2]
        this, found = _document(where, doc, row)
        if kind and this != kind:
            raise ValueError(f"{where} must be of the same kind as the rows before it, {kind}, got {this}.")
        kind = this
        out.append(found)
    if not out and filters:
        raise ValueError(f"filter must be one of those in {path}, {', '.join(sorted(filters))}, got {chosen!r}.")
    return kind, out


def _document(where: str, doc: int, row: Mapping) -> tuple[str, tuple]:
    for name in ROLLING:
        if name in row:
            pair = row[name]
            if not isinstance(pair, list) or len(pair) != 2:
                raise ValueError(
                    f"{where} must have a log-likelihood and a number of units in {name!r}, got {pair!r:.60}."
                )
            nats = -files.number(where, name, pair[0])
            units = files.number(where, name, pair[1], least=1)
            if math.isnan(nats) or nats < 0:
                raise ValueError(f"{where} must have a log-likelihood <= 0 in {name!r}, got {pair[0]!r:.60}.")
            text = row["target"] if isinstance(row.get("target"), str) else ""
            return "score", (text, nats, units, "word" if name == "word_perplexity" else "byte")
    resps = row.get("resps")
    if not isinstance(resps, list) or not resps or not all(isinstance(one, list) and one for one in resps):
        raise ValueError(f"{where} must have a list of lists in 'resps', got {resps!r:.60}.")
    leaves = [leaf for one in resps for leaf in one]
    if not all(isinstance(leaf, str) for leaf in leaves):
        return "choice", ()
    target = row.get("target")
    target = next((one for one in target if isinstance(one, str)), None) if isinstance(target, list) else target
    return "text", (doc, leaves, target if isinstance(target, str) else None)


def _results(folder: Path, read: Mapping) -> dict:
    """Return the metrics of the newest results, if there are any, and how the model was made to write."""
    there = sorted(folder.glob("results_*.json"))
    if not there:
        return {}
    whole = files.document(there[-1])
    said, configs = whole.get("results"), whole.get("configs")
    if not isinstance(said, dict):
        raise ValueError(f"{there[-1]} must have an object 'results', got {said!r:.60}.")
    out: dict = {"results": {task: metrics for task, metrics in said.items() if task in read}}
    if isinstance(whole.get("model_name"), str):
        out["model"] = whole["model_name"]
    if isinstance(configs, dict):
        how = {
            task: config["generation_kwargs"]
            for task, config in configs.items()
            if task in read and isinstance(config, dict) and "generation_kwargs" in config
        }
        out |= {"decoding": how} if how else {}
    return out


# ---------------------------------------------------------------------------------------------------- Trainer


def is_trainer(path: Path) -> bool:
    """Whether a folder is the output of the Trainer of transformers."""
    return path.is_dir() and (_state(path) is not None or (path / "eval_results.json").is_file())


def _state(folder: Path) -> Path | None:
    """Return the log of a training: that of the folder, else that of its last checkpoint."""
    if (folder / "trainer_state.json").is_file():
        return folder / "trainer_state.json"
    steps = {
        int(path.parent.name.rpartition("-")[2]): path
        for path in folder.glob("checkpoint-*/trainer_state.json")
        if path.parent.name.rpartition("-")[2].isdigit()
    }
    return steps[max(steps)] if steps else None


def read_trainer(paths: Sequence[Path], *, pattern: str | None = None) -> list[Generation]:
    """Read output folders of the Trainer of transformers: facts only, a folder a generation.

    ``eval_results.json`` is of the model at the end; ``trainer_state.json`` has the losses on the way, and the last
    evaluation if there is no other.
    """
    out = []
    for number, folder in files.numbered(files.units(paths, is_trainer) or paths, pattern).items():
        facts = {"format": "trainer", "read_from": str(folder), **trained(folder)}
        out.append(files.batch(number, [], facts=facts))
    return out


def trained(folder: Path) -> dict:
    """Return what the Trainer says of one model; nothing if it says nothing."""
    facts: dict = {}
    state = _state(folder)
    if state is not None:
        log = files.document(state).get("log_history")
        if not isinstance(log, list) or not all(isinstance(entry, dict) for entry in log):
            raise ValueError(f"{state} must have a list of objects 'log_history', got {log!r:.60}.")
        for name in ("loss", "eval_loss"):
            found = [(entry, i) for i, entry in enumerate(log) if name in entry]
            if found:
                facts["training_loss" if name == "loss" else name] = [
                    [entry.get("epoch"), files.number(f"{state}, entry {i} of log_history,", name, entry[name])]
                    for entry, i in found
                ]
        if "eval_loss" in facts:
            facts["perplexity_real"] = files.exp(facts["eval_loss"][-1][1])
    path = folder / "eval_results.json"
    if path.is_file():
        said = files.document(path)
        if "eval_loss" in said:
            facts["perplexity_real"] = files.exp(files.number(f"{path}", "eval_loss", said["eval_loss"]))
        elif "perplexity" in said:
            facts["perplexity_real"] = files.number(f"{path}", "perplexity", said["perplexity"], least=1)
        facts["eval_results"] = said
    if facts and "perplexity_real" not in facts:
        raise ValueError(
            f"{folder} must have an evaluation (eval_loss; train with do_eval), got losses of training only."
        )
    return facts


# ------------------------------------------------------------------------------------------ a published study


def study_folders(paths: Sequence[Path]) -> list[Path]:
    """Return the iterations, folders 0, 1, ..., of a run of the detector study."""
    if len(paths) != 1 or not paths[0].is_dir():
        return []
    there = [path for path in files.inside(paths[0]) if path.is_dir() and path.name.isdecimal()]
    known = any((path / "data.json").is_file() or (path / "model" / "eval_results.json").is_file() for path in there)
    return there if known else []


def read_study(paths: Sequence[Path], *, text: str | None = None) -> list[Generation]:
    """Read a run of Drayson, Yilmaz and Lampos (EMNLP 2025): folders 0, 1, ..., as released.

    In folder 0 is the model that was fitted to real text, and in folder i >= 1 are the texts that the model of folder
    i - 1 wrote, in ``data.json``, and the model that was fitted to them. So the texts are generation i here, and the
    evaluation of the model belongs to generation i + 1: the texts that it would write next. The last generation
    therefore has no texts. Real text is not among the files: name it with ``real=``.

    Parameters
    ----------
    paths : sequence of Path
    text : str, optional
        Default "cls_text", the continuation without the real prompt that "text" begins with, where it is there.
    """
    folders = files.numbered(study_folders(paths))
    out = {}
    for i, folder in folders.items():
        if (folder / "data.json").is_file() and i > 0:
            found = list(rows(folder / "data.json"))
            entry = text or ("cls_text" if found and "cls_text" in found[0][1] else "text")
            facts: dict = {"format": "detector-study", "read_from": str(folder), "entry": entry}
            if (folder / "data_metrics.json").is_file():
                facts["metrics"] = files.document(folder / "data_metrics.json")
            texts = [files.string(where, entry, row) for where, row in found]
            out[i] = files.batch(i, texts, prompt_id=np.arange(len(texts)), facts=facts)
        elif i > 0:
            raise ValueError(f"{folder} must hold data.json, the texts of its iteration, got no such file.")
    for i, folder in folders.items():
        if (folder / "model").is_dir() and (facts := trained(folder / "model")):
            of = out.get(i + 1) or files.batch(i + 1, [], facts={"format": "detector-study", "read_from": str(folder)})
            of.facts.update(facts)
            out[i + 1] = of
    return [out[t] for t in sorted(out)]
