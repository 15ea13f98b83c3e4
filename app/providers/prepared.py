"""Prepared model folders: model.onnx, tokenizer.json and a manifest that names them with their checksums."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.errors import ModelDamaged, ModelMissing

MANIFEST = "manifest.json"
PREPARE = "sluice models prepare"  # makes what is missing, and makes a damaged one again


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared folder. `window` counts tokens with the special ones; `facts` is the rest of the manifest."""

    folder: Path
    name: str
    revision: str
    precision: str
    window: int
    facts: Mapping[str, object]

    @property
    def model(self) -> Path:
        return self.folder / "model.onnx"

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_prepared(folder: Path, *, check: bool = True, fix: str = PREPARE) -> Prepared:
    """Reads a prepared folder, comparing every file with its checksum unless `check` is off.

    Raises ModelMissing when there is no manifest, ModelDamaged when a file differs from it; `fix` is their hint.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ModelMissing(f"No prepared model in {folder}.", hint=fix)
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        files: dict[str, str] = facts["files"]
        prepared = Prepared(
            folder, str(facts["name"]), str(facts["revision"]), str(facts["precision"]), int(facts["window"]), facts
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ModelDamaged(f"{path} cannot be read: {error!r}", hint=fix) from error
    for name, expected in files.items():
        file = folder / name
        if not file.is_file():
            raise ModelDamaged(f"{file} is missing.", hint=fix)
        if check and sha256_of(file) != expected:
            raise ModelDamaged(f"{file} is not what was prepared (its checksum differs).", hint=fix)
    return prepared


def write_prepared(target: Path, fill: Callable[[Path], dict[str, object]], *, force: bool = False) -> Path:
    """Makes `target` appear whole or not at all: `fill` writes files into a folder beside it and returns the manifest's
    facts, then files and folder are synced and renamed. Of two processes at once the first to finish wins.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        facts = fill(beside)
        files = {file.name: sha256_of(file) for file in sorted(beside.iterdir())}
        manifest = json.dumps({**facts, "files": files}, indent=1, sort_keys=True) + "\n"
        (beside / MANIFEST).write_text(manifest, encoding="utf-8")
        for file in beside.iterdir():
            _sync(file)
        _sync(beside)
        _move_in(beside, target, force=force)
        _sync(target.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target


def _move_in(beside: Path, target: Path, *, force: bool) -> None:
    beside.chmod(0o755)  # mkdtemp gives 0700; a prepared model is no secret
    if force and target.exists():
        grave = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        with contextlib.suppress(FileNotFoundError):  # another process moved it just now
            target.rename(grave / target.name)
        shutil.rmtree(grave, ignore_errors=True)
    try:
        beside.rename(target)
    except OSError:
        if not (target / MANIFEST).is_file():  # lost the race only if the other one is whole
            raise


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
