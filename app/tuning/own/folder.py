"""The folder of one tuning run: what it is, how far it came, and that only one process works in it.

run.json    what the run is; a later call with the same goes on in it
parts.json  which question is in which part
work/       scores, groups, checkpoints: removed when the run has finished
model/, report.*, tuned.json   see `app.providers.reranking.tuned`
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import UsageError
from app.providers.reranking.tuned import FINISHED, held, tuned_dir, tuned_folder
from app.tuning.own.parts import Part
from app.tuning.own.plan import differences

RUN = "run.json"
_PARTS = "parts.json"


@dataclass(frozen=True, slots=True)
class TuneFolder:
    """A run's folder."""

    path: Path
    name: str

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def model(self) -> Path:
        return self.path / "model"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder's lock. Raises UsageError while another process does."""
        self.work.mkdir(parents=True, exist_ok=True)
        with held(self.path):
            yield

    def keep_parts(self, part: Mapping[str, Part]) -> None:
        """Remember which question was in which part."""
        keep(self.path / _PARTS, dict(part))

    def clear_half_written(self) -> None:
        """Remove what a kill left beside the model; only while the folder is held."""
        for left in self.path.glob(f".{self.model.name}-*"):
            shutil.rmtree(left, ignore_errors=True)

    def done_with_work(self) -> None:
        """Remove what was only needed on the way."""
        shutil.rmtree(self.work, ignore_errors=True)


def start(home: Path, name: str | None, identity: dict[str, Any], *, stem: str) -> TuneFolder:
    """The folder of this run: made, or gone on with where one with the same identity has not finished.

    Without a name the first free one of `stem`-1, `stem`-2, ... is taken. Raises UsageError where the name is taken by
    another run, or by a finished one.
    """
    for finished in tuned_dir(home).glob(f"*/{FINISHED}"):  # a kill may have come between the verdict and the tidying
        shutil.rmtree(finished.parent / "work", ignore_errors=True)
    if name is not None:
        path = tuned_folder(home, name)
        if (path / FINISHED).exists():
            raise UsageError(
                f"There is a tuned reranker {name} already.",
                hint=f"Choose another --name, or remove it: sluice tune --remove {name}",
            )
        found = differences(_read(path / RUN), identity) if (path / RUN).exists() else []
        if found:
            raise UsageError(
                "\n  ".join([f"{path} holds an unfinished run of something else:", *found[:10]]),
                hint=f"Choose another --name, or remove it: sluice tune --remove {name}",
            )
        return _made(path, name, identity)
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:50] or "own"
    number = 1
    while True:
        path = tuned_dir(home) / f"{plain}-{number}"
        unfinished = (path / RUN).exists() and not (path / FINISHED).exists()
        if not path.exists() or (unfinished and not differences(_read(path / RUN), identity)):
            return _made(path, path.name, identity)
        number += 1


def trained_with(home: Path, name: str) -> dict[str, Part]:
    """Question id -> part of a tuned reranker's run; empty where it is not known."""
    path = tuned_folder(home, name) / _PARTS
    return {str(i): p for i, p in _read(path).items()} if path.exists() else {}


def keep(path: Path, value: object) -> None:
    """Write JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(path)


def _made(path: Path, name: str, identity: dict[str, Any]) -> TuneFolder:
    if not (path / RUN).exists():
        keep(path / RUN, identity)
    return TuneFolder(path, name)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(
            f"{path} cannot be read: {error}.", hint=f"Remove the run: sluice tune --remove {path.parent.name}"
        ) from error
    return dict(found)
