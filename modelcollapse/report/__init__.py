"""The main job: real data in, one page out.

`write` takes a table of real rows and a real text (or the two that need no file), refits models to their own samples
under several regimes, holds what happens against what is known, and leaves a folder behind: a page that needs neither
network nor script, the runs, the numbers, and a summary for programs. The folder appears whole or not at all.
"""

from __future__ import annotations

import csv
import json
import math
import os
import shlex
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.report import data as source

__all__ = ["table", "write"]

PAGE, NUMBERS, SUMMARY, RUNS = "report.html", "numbers.csv", "summary.json", "runs"
#: longer texts are cut: the report is for what happens, not for how long a computer can count
MOST_WORDS = 200_000


def write(
    out="collapse-report",
    *,
    data=None,
    columns=None,
    label: str | None = None,
    corpus=None,
    quick: bool = False,
    seed: int | None = 0,
    overwrite: bool = False,
    progress: bool = False,
    n_jobs: int = -1,
) -> dict:
    """Make the report.

    Parameters
    ----------
    out : str or Path
        Folder to make; it must not exist.
    data : str or Path, optional
        CSV file with a header. Default: Fisher's iris.
    columns : sequence of str or str, optional
        Numeric columns to use. Default: all of them.
    label : str, optional
        Column with the class of each row. Default: the first text column that can be one.
    corpus : str or Path, optional
        Text file. Default: the Python language reference.
    quick : bool
        Fewer chains, generations and regimes, for a first look.
    seed : int or None
        Where randomness starts; the same seed gives the same numbers for any `n_jobs`. None for a new one, which the
        report then names.
    overwrite : bool
        Replace the folder if it is an earlier report; anything else is never touched.
    progress : bool
        Show what is being done on standard error.
    n_jobs : int
        Processes, -1 for all cores.

    Returns
    -------
    dict
        The summary, as in ``summary.json``; `table` prints it.

    Raises
    ------
    FileNotFoundError, FileExistsError, ValueError, TypeError
        If there is nothing to read, the folder is in the way, or nothing can be learned from the data; before any work,
        and without leaving anything behind.
    """
    began = time.perf_counter()
    target = _target(out, overwrite)
    n_jobs = check.integer("n_jobs", n_jobs, least=-1)
    if n_jobs == 0:
        raise ValueError("n_jobs must be a number of processes, or -1 for all cores, got 0.")
    entropy = int(np.random.SeedSequence().entropy) if seed is None else check.integer("seed", seed, least=0)
    if data is None and (columns is not None or label is not None):
        rows = source.iris()
        rows = _choose(rows, columns, label)
    else:
        rows = source.iris() if data is None else source.read(data, columns, label)
    text, notes = source.corpus(corpus), list(rows.notes)
    if len(text) > MOST_WORDS:
        notes.append(f"The text has {len(text):,} words, of which the first {MOST_WORDS:,} are used.")
        text = source.shorten(text, MOST_WORDS)

    from modelcollapse.report import experiments

    settings = experiments.Settings.of(bool(quick), entropy)
    parts = _work(rows, text, settings, n_jobs, progress)
    summary = _summary(rows, text, settings, parts)
    summary["made"] = _made(rows, data, columns, label, corpus, target, settings, notes, parts)
    summary["made"]["seconds"] = round(time.perf_counter() - began, 1)
    summary = _plain(summary)
    _put(target, summary, parts)
    return summary


def _target(out, overwrite: bool) -> Path:
    """The folder, if it may be made."""
    target = Path(out).absolute()
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"out must be in a folder that exists, got {str(out)!r}; make {str(target.parent)!r} first."
        )
    if target.exists() or target.is_symlink():
        if not overwrite:
            raise FileExistsError(
                f"out must not exist (nothing is overwritten unasked), got {str(out)!r}; choose "
                f"another "
                "folder or overwrite it."
            )
        if not target.is_dir() or target.is_symlink() or not (target / PAGE).is_file():
            raise FileExistsError(
                f"out must be an earlier report to be overwritten (a folder with {PAGE}), "
                f"got {str(out)!r}; remove it by hand if it may go."
            )
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"out must be in a folder that can be written to, got {str(out)!r}.")
    return target


def _choose(rows: source.Table, columns, label) -> source.Table:
    """Choose columns of the built-in data."""
    names = source._names("columns", columns, list(rows.columns)) or list(rows.columns)
    if label is not None and label != rows.label:
        raise ValueError(f"label must be {rows.label!r} for {rows.source}, got {label!r}; give a file with data.")
    chosen = rows.rows[:, [rows.columns.index(name) for name in names]]
    return source.Table(rows.source, tuple(names), chosen, rows.label, rows.classes)


# -------------------------------------------------------------------------------------------------- work


def _part(name: str, data, settings, n_jobs: int):
    """Do one part: experiments, then figures; only what goes into files is handed back."""
    from modelcollapse.report import cures, experiments, figures, language

    part = {
        "gaussian": experiments.gaussian,
        "mixture": experiments.mixture,
        "categories": experiments.categories,
        "text": language.text,
        "cures": cures.cures,
    }[name](data, settings, n_jobs)
    figures.draw(part)
    del part.work
    return part


def _work(rows, text, settings, n_jobs: int, progress: bool) -> dict:
    """Do all parts, in processes of their own where more than one may be used."""
    from joblib import Parallel, cpu_count, delayed
    from joblib.externals.loky import get_reusable_executor
    from tqdm import tqdm

    # the cures come last: by then the loops that they need have been compiled, for the Gaussian and for the categories
    jobs = {"text": text, "gaussian": rows, "categories": rows, "mixture": rows, "cures": rows}
    cores = cpu_count() if n_jobs == -1 else n_jobs
    # one process per part: compiling a loop keeps a process to itself, so parts compile side by side
    workers = min(cores, len(jobs))
    threads = max(1, cores // workers)
    out = {}
    with tqdm(total=len(jobs), desc="report", unit="part", disable=not progress) as bar:
        bar.set_postfix_str(", ".join(jobs))
        if workers == 1:
            found = (_part(name, data, settings, 1) for name, data in jobs.items())
        else:
            found = Parallel(n_jobs=workers, backend="loky", return_as="generator_unordered")(
                delayed(_part)(name, data, settings, threads) for name, data in jobs.items()
            )
        try:
            for part in found:
                out[part.name] = part
                bar.update()
                bar.set_postfix_str(", ".join(name for name in jobs if name not in out) or "writing")
        finally:
            if workers > 1:
                get_reusable_executor().shutdown(wait=True)  # the processes and their memory go now, not some day
    return {name: out[name] for name in ("gaussian", "mixture", "categories", "text", "cures")}


# ----------------------------------------------------------------------------------------------- summary


def _summary(rows, text, settings, parts: dict) -> dict:
    """Everything the page says, for programs."""
    from modelcollapse.report import experiments

    plans = experiments.regimes(len(rows))
    out = {
        "format": 1,
        "data": {
            "source": rows.source,
            "rows": len(rows),
            "columns": list(rows.columns),
            "label": rows.label,
            "classes": None if rows.classes is None else len(set(rows.classes)),
        },
        "quick": settings.quick,
        "error_rate": experiments.ALPHA,
        "regimes": [
            (name, kind, str(regime))
            for (name, regime), kind in zip(plans.items(), ("replace", "kept", "fresh", "accumulate"), strict=True)
        ],
    }
    for name, part in parts.items():
        out[name] = part.facts
    out["verdicts"] = [v for part in parts.values() for v in part.verdicts]
    return out


def _made(rows, data, columns, label, corpus, target: Path, settings, notes, parts) -> dict:
    """How it was made, and how to make it again."""
    import platform
    from importlib.metadata import version

    import modelcollapse

    words = ["modelcollapse", "report"]
    for option, value in (
        ("--data", data),
        ("--columns", columns if columns is None or isinstance(columns, str) else ",".join(columns)),
        ("--label", label),
        ("--corpus", corpus),
    ):
        if value is not None:
            words += [option, str(value)]
    words += ["--out", target.name, "--seed", str(settings.entropy), *(["--quick"] if settings.quick else [])]
    g, m, t, cured = (parts[name].facts for name in ("gaussian", "mixture", "text", "cures"))
    files = [
        (NUMBERS, "every number per generation: mean, sd and quantiles over chains, and theory"),
        (SUMMARY, "what this page says, for programs, with all verdicts"),
    ]
    from modelcollapse.report import experiments

    files.append(
        (
            f"{RUNS}/",
            f"the runs as netCDF, the first {experiments.SAVED} chains of each at most: "
            + ", ".join(f"{name}.nc" for part in parts.values() for name in part.runs),
        )
    )
    return {
        "seed": settings.entropy,
        "command": shlex.join(words),
        "versions": {
            "modelcollapse": modelcollapse.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "numba", "scikit-learn", "matplotlib", "xarray")},
        },
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "chains": f"{g['chains']:,} for one column, up to as many for categories, "
        + (f"{settings.chains_nd} for all columns, " if "nd" in g else "")
        + f"{m['chains']} for the mixture, {t['chains']} for unigrams, {t['bigram_chains']} for bigrams, "
        f"1 for trigrams, {cured['chains'][0]:,} to {cured['chains'][1]:,} for cures that draw point by point",
        "notes": notes,
        "files": files,
    }


def _plain(value):
    """Turn a value into what JSON holds; what is not a finite number becomes None."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (np.integer, np.floating)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


# ------------------------------------------------------------------------------------------------- files


def _put(target: Path, summary: dict, parts: dict) -> None:
    """Write the folder beside its place and move it there when it is whole."""
    from modelcollapse.report import page

    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        work.chmod(0o755)
        (work / PAGE).write_text(page.render(summary, parts), encoding="utf-8")
        (work / SUMMARY).write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        numbers = [row for part in parts.values() for row in part.numbers]
        with (work / NUMBERS).open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, fieldnames=list(numbers[0]))
            rows.writeheader()
            rows.writerows(
                {k: repr(float(v)) if isinstance(v, (float, np.floating)) else v for k, v in row.items()}
                for row in numbers
            )
        (work / RUNS).mkdir()
        for part in parts.values():
            for name, run in part.runs.items():
                run.to_netcdf(work / RUNS / f"{name}.nc", engine="scipy", format="NETCDF3_64BIT")
        if target.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
            os.replace(target, old / target.name)
            try:
                os.replace(work, target)
            except OSError:
                os.replace(old / target.name, target)
                raise
            finally:
                shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def table(summary: dict) -> str:
    """Say the outcome in a few aligned lines, for a terminal.

    Parameters
    ----------
    summary : dict
        What `write` returns.

    Returns
    -------
    str
    """
    from modelcollapse.report import prose

    g, text, m = summary["gaussian"], summary["text"], summary["mixture"]
    names = [name for name, _, _ in summary["regimes"]]
    classes = summary["categories"].get("classes", summary["categories"]["bins"])
    head = ["after the last generation", *names]
    lines = [
        [f"variance of {g['column']}, mean", *[prose.percent(g["last"][n]["variance_share"]["mean"]) for n in names]],
        ["  exact", *[prose.percent(g["last"][n]["variance_share"]["theory"]) for n in names]],
        ["  median chain", *[prose.percent(g["last"][n]["variance_share"]["median"]) for n in names]],
        ["mass beyond 2 sd, median", *[prose.percent(g["last"][n]["tail_mass"]["median"]) for n in names]],
        [f"some of the {classes['what']} gone", *[prose.percent(classes["last"][n]["some_gone"]) for n in names]],
        [
            "some mixture component gone",
            *[prose.percent(m["last"][n]["some_component_gone"]) if n in m["last"] else "–" for n in names],
        ],
        [
            "words of the text left",
            *[f"{text['last'][n]['support']['mean']:,.0f}" if n in text["last"] else "–" for n in names],
        ],
    ]
    width = [max(len(row[j]) for row in [head, *lines]) for j in range(len(head))]
    shown = [
        "  ".join([row[0].ljust(width[0]), *[c.rjust(w) for c, w in zip(row[1:], width[1:], strict=True)]]).rstrip()
        for row in [head, *lines]
    ]
    count = prose.counts(summary)
    shown.append(
        "theory and simulation: " + ", ".join(f"{v} {k.lower().replace('_', ' ')}" for k, v in count.items() if v)
    )
    return "\n".join(shown)
