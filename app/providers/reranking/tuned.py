"""Rerankers that `sluice tune` made: one folder each below SLUICE_HOME/tuned, with the model, its report and a verdict.

    tuned/NAME/tuned.json   {"schema": 1, "name", "base", "library", "promoted", "said", "at"}: written last
    tuned/NAME/model/       the int8 model as `app.providers.prepared` lays it out
    tuned/NAME/report.md    off, current and tuned side by side (and .html, .json)

Only one that won is promoted, and only a promoted one can be chosen: RERANKER=tuned:NAME.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.errors import ModelDamaged, ModelError, ModelMissing, UsageError
from app.ports import Scorer
from app.providers.prepared import read_prepared
from app.settings import Settings

PROVIDER = "tuned"
FINISHED = "tuned.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


@dataclass(frozen=True, slots=True)
class Tuned:
    """A finished run. `said` is its verdict in one sentence."""

    name: str
    base: str
    library: str
    promoted: bool
    said: str
    at: str
    folder: Path


def open_tuned(name: str, settings: Settings) -> Scorer:
    """The scorer `tuned:NAME`. Raises as `model_folder`, and ModelDamaged."""
    from app.providers.reranking.onnx_cross_encoder import open_exported

    folder = model_folder(settings.sluice_home, name)
    return open_exported(folder, provider=PROVIDER, model=name, fix=f"Tune it again: sluice tune --remove {name}")


def label_tuned(name: str, settings: Settings) -> str:
    """What it is called. Raises as `model_folder`, and ModelDamaged where a file of it is missing."""
    read_prepared(model_folder(settings.sluice_home, name), check=False)
    return f"tuned cross-encoder {name}"


def offered_tuned(settings: Settings) -> list[str]:
    """The names that can be chosen: those that won."""
    return [tuned.name for tuned in tuned_models(settings.sluice_home) if tuned.promoted]


def tuned_dir(home: Path) -> Path:
    """Where tuned rerankers are, below SLUICE_HOME; may not exist."""
    return home / "tuned"


def tuned_folder(home: Path, name: str) -> Path:
    """The folder of one of them, there or not. Raises UsageError for what cannot be a name."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a tuned reranker.", hint="Use letters, digits, dots, dashes and underscores."
        )
    return tuned_dir(home) / name


def tuned_models(home: Path) -> list[Tuned]:
    """Every finished run, promoted or kept aside, by name. One whose verdict cannot be read counts as kept aside, and
    says so: it must not keep the others from being listed."""
    found = []
    for path in sorted(tuned_dir(home).glob(f"*/{FINISHED}")):
        try:
            found.append(_read(path))
        except ModelDamaged as error:
            found.append(Tuned(path.parent.name, "", "", False, f"{error.message} {error.hint}", "", path.parent))
    return found


def unfinished(home: Path) -> list[str]:
    """The names of runs without a verdict: still going, or stopped on the way."""
    folders = [path for path in sorted(tuned_dir(home).glob("[!.]*")) if path.is_dir()]
    return [path.name for path in folders if not (path / FINISHED).exists()]


def read_tuned(home: Path, name: str) -> Tuned:
    """One of them. Raises ModelMissing where there is none of that name, or its run has not finished."""
    path = tuned_folder(home, name) / FINISHED
    if path.is_file():
        return _read(path)
    if path.parent.is_dir():
        raise ModelMissing(f"Tuning {name} has not finished.", hint="Run the same sluice tune command again.")
    known = ", ".join(tuned.name for tuned in tuned_models(home))
    raise ModelMissing(
        f"There is no tuned reranker {name}" + (f" (there is: {known})." if known else "."),
        hint=f"sluice tune QUESTIONS --name {name}",
    )


def model_folder(home: Path, name: str) -> Path:
    """The prepared folder of a tuned reranker. Raises ModelMissing; and ModelError for one that lost: it is kept aside,
    and never used."""
    tuned = read_tuned(home, name)
    if not tuned.promoted:
        raise ModelError(
            f"{name} was kept aside, because it did not win: {tuned.said}",
            hint=f"Its report is {tuned.folder / 'report.md'}; to remove it: sluice tune --remove {name}",
        )
    return tuned.folder / "model"


def write_tuned(tuned: Tuned) -> None:
    """Write the verdict: from now on the run counts as finished."""
    row = {"schema": 1, **{k: getattr(tuned, k) for k in ("name", "base", "library", "promoted", "said", "at")}}
    path = tuned.folder / FINISHED
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(row, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder of a run, which must be there. Raises UsageError while another process does."""
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"{folder} is being written by another process.", hint="Wait for it or stop it, or use another --name."
            ) from None
        yield


def remove_tuned(home: Path, name: str) -> list[Path]:
    """Remove a tuned reranker with its report and its calibrations, finished or not; returns what was removed.

    Raises ModelMissing where there is none, and UsageError while it is being tuned.
    """
    folder = tuned_folder(home, name)
    if not folder.is_dir():
        read_tuned(home, name)  # says what there is
    with held(folder):
        calibrations = [path for path in sorted((home / "calibrations").glob("*.json")) if _belongs(path, name)]
        for path in calibrations:
            path.unlink()
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)
    return [folder, *calibrations]


def _belongs(path: Path, name: str) -> bool:
    try:
        scorer = json.loads(path.read_text(encoding="utf-8")).get("scorer") or {}
        return bool(scorer.get("provider") == PROVIDER and scorer.get("model") == name)
    except (ValueError, AttributeError):
        return False  # another's file, and not ours to judge


def _read(path: Path) -> Tuned:
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        return Tuned(
            name=path.parent.name,
            base=str(row["base"]),
            library=str(row["library"]),
            promoted=row["promoted"] is True,
            said=str(row["said"]),
            at=str(row["at"]),
            folder=path.parent,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ModelDamaged(
            f"{path} cannot be read: {error!r}", hint=f"Remove it: sluice tune --remove {path.parent.name}"
        ) from error
