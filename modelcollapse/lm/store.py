"""What is left of a run that is killed?

Whole generations, in the format of `modelcollapse.lm.records`, and in the folder ``work`` what the generation in
progress has come to: the model, once it is fitted; the texts, once they are written. So a run is taken up at the step
at which it was killed. Whatever stands in ``work`` got there by being renamed, whole; a leftover ``.partial`` is
removed.

A store belongs to one run. The manifest carries the configuration, and a call with another one is refused with what
differs: nothing is worse than nine generations of which five were made some other way.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from modelcollapse.lm import records
from modelcollapse.lm.records import Generation

WORK = "work"


class Store:
    """The generations of a run, in memory, and on disk where there is a folder.

    Parameters
    ----------
    folder : str or Path, optional
        Where the run is kept; nowhere by default.
    """

    def __init__(self, folder: str | Path | None = None):
        self.folder = None if folder is None else Path(folder)
        self.generations: list[Generation] = []
        self.entries: list[dict] = []
        self.manifest: dict | None = None
        if self.folder is not None and (self.folder / records.MANIFEST).exists():
            self.manifest = records.read_manifest(self.folder)

    def open(self, configure: Callable[[int], dict], planned: int) -> None:
        """Begin a run of so many generations, or take up the one that is here if it was made with the same settings.

        `configure` returns the configuration of a run of so many generations: a schedule may be a function.
        """
        if self.folder is None:
            return
        stored = 0 if self.manifest is None else self.manifest["generations"]
        self.planned = max(planned, stored)
        self.config = config = configure(self.planned)
        if self.manifest is None:
            strays = sorted(self.folder.glob("generation_*.jsonl"))
            if strays:
                raise ValueError(
                    f"store must be an empty folder or one with a {records.MANIFEST} (the run that "
                    f"{strays[0].name} is of cannot be told), got {str(self.folder)!r}."
                )
            self.run = records.fingerprint({name: value for name, value in config.items() if name != "versions"})[:16]
        else:
            self._compare(self.manifest["config"], configure(stored))
            self.run, self.entries = self.manifest["run"], self.manifest["files"]
            self.config = {**config, "versions": self.manifest["config"].get("versions")}
            self.generations = records.read(self.folder)
        (self.folder / WORK).mkdir(parents=True, exist_ok=True)
        for leftover in [*self.folder.glob("*" + records.PARTIAL), *(self.folder / WORK).glob("*" + records.PARTIAL)]:
            remove(leftover)
        self._write_manifest()

    def _compare(self, stored: Mapping, asked: Mapping) -> None:
        asked = json.loads(json.dumps(asked))
        differ = [name for name in sorted(stored.keys() | asked.keys()) if stored.get(name) != asked.get(name)]
        if "versions" in differ:
            differ.remove("versions")
            warnings.warn(
                f"{self.folder} was begun with {stored.get('versions')} and is continued with {asked.get('versions')}: "
                "the generations to come may not be those of an uninterrupted run.",
                stacklevel=4,
            )
        if differ:
            shown = "; ".join(
                f"{name} is {stored.get(name)!r:.120} and not {asked.get(name)!r:.120}" for name in differ
            )
            raise ValueError(
                f"store must hold a run with the same settings (otherwise name another folder), got "
                f"{str(self.folder)!r}, where {shown}."
            )

    def add(self, generation: Generation) -> None:
        """Write a generation down, whole, and forget what led to it."""
        if self.folder is not None:
            self.entries.append(records.write_generation(self.folder, generation))
            self._write_manifest()
            for done in (self.folder / WORK).glob("written_*"):
                remove(done)
        self.generations.append(generation)

    def _write_manifest(self) -> None:
        records.write_manifest(self.folder, self.entries, run=self.run, config=self.config, generations=self.planned)

    def save(self, base, model, number: int, keep: set[int]) -> None:
        """Keep the model of a generation, if it can be kept; of the others only those in `keep`."""
        if self.folder is None or not can_be_saved(base, model):
            return
        path = self._model(number)
        partial = path.with_name(path.name + records.PARTIAL)
        try:
            model.save(partial)
            for file in partial.rglob("*"):
                if file.is_file():
                    with open(file, "r+b") as handle:
                        os.fsync(handle.fileno())
            os.replace(partial, path)
        except BaseException:
            remove(partial)
            raise
        records.sync(path.parent)
        for other in (self.folder / WORK).glob("model_*"):
            if other.name not in {self._model(t).name for t in {number, *keep}}:
                remove(other)

    def load(self, base, number: int):
        """Return the model of a generation, or None if it is not here."""
        if self.folder is None or not self._model(number).exists():
            return None
        machine = base.machine() if callable(getattr(base, "machine", None)) else {}
        return type(base).load(self._model(number), **machine)

    def save_written(self, number: int, written: Mapping) -> None:
        """Keep the texts of a generation that are not scored yet."""
        if self.folder is not None:
            with records.whole(self._written(number)) as file:
                file.write(json.dumps(written).encode())

    def load_written(self, number: int) -> dict | None:
        """Return the texts of a generation that are not scored yet, if there are any."""
        if self.folder is None or not self._written(number).exists():
            return None
        return json.loads(self._written(number).read_bytes())

    def _model(self, number: int) -> Path:
        return self.folder / WORK / f"model_{number:03d}"

    def _written(self, number: int) -> Path:
        return self.folder / WORK / f"written_{number:03d}.json"


def can_be_saved(base, model) -> bool:
    """Whether a model can be kept, and be loaded by the class of its base."""
    return callable(getattr(model, "save", None)) and callable(getattr(type(base), "load", None))


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
