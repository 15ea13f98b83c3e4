"""Prepared folders appear whole or not at all."""

from __future__ import annotations

import multiprocessing
import signal
import time
from pathlib import Path

import pytest

from app.errors import ModelDamaged, ModelMissing
from app.providers.prepared import read_prepared, write_prepared

FACTS: dict[str, object] = {"name": "tiny", "revision": "1", "precision": "none", "window": 8}


def fill(folder: Path) -> dict[str, object]:
    (folder / "model.onnx").write_bytes(b"model")
    (folder / "tokenizer.json").write_bytes(b"tokenizer")
    return FACTS


def slow_fill(folder: Path) -> dict[str, object]:
    (folder / "model.onnx").write_bytes(b"model")
    time.sleep(0.3)
    return fill(folder)


def endless_fill(folder: Path) -> dict[str, object]:
    (folder / "model.onnx").write_bytes(b"half a mod")
    time.sleep(60)
    return FACTS


def write_slowly(target: Path) -> None:
    write_prepared(target, slow_fill)


def write_endlessly(target: Path) -> None:
    write_prepared(target, endless_fill)


def test_a_folder_is_written_and_read(tmp_path: Path) -> None:
    prepared = read_prepared(write_prepared(tmp_path / "a" / "tiny", fill))
    assert (prepared.name, prepared.window) == ("tiny", 8)
    assert prepared.model.read_bytes() == b"model"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["tiny"]


def test_two_processes_at_once_are_fine(tmp_path: Path) -> None:
    target = tmp_path / "tiny"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_slowly, args=(target,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
        assert writer.exitcode == 0
    assert read_prepared(target).model.read_bytes() == b"model"
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]


def test_a_kill_leaves_nothing_that_looks_prepared(tmp_path: Path) -> None:
    target = tmp_path / "tiny"
    writer = multiprocessing.get_context("spawn").Process(target=write_endlessly, args=(target,))
    writer.start()
    deadline = time.monotonic() + 20
    while not list(tmp_path.glob(".tiny-*/model.onnx")) and time.monotonic() < deadline:
        time.sleep(0.02)
    writer.kill()
    writer.join(10)
    assert writer.exitcode == -signal.SIGKILL
    assert not target.exists()
    with pytest.raises(ModelMissing):
        read_prepared(target)
    assert read_prepared(write_prepared(target, fill)).model.read_bytes() == b"model"


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    def broken(folder: Path) -> dict[str, object]:
        (folder / "model.onnx").write_bytes(b"new")
        raise ModelDamaged("no good")

    target = write_prepared(tmp_path / "tiny", fill)
    with pytest.raises(ModelDamaged):
        write_prepared(target, broken, force=True)
    assert read_prepared(target).model.read_bytes() == b"model"
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]


def test_force_replaces(tmp_path: Path) -> None:
    def newer(folder: Path) -> dict[str, object]:
        return {**fill(folder), "revision": "2"}

    target = write_prepared(tmp_path / "tiny", fill)
    assert read_prepared(write_prepared(target, newer)).revision == "1"  # already there
    assert read_prepared(write_prepared(target, newer, force=True)).revision == "2"


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"files": {}}', '{"name": 1, "window": "x"}'])
def test_a_bad_manifest_is_damage(tmp_path: Path, manifest: str) -> None:
    target = write_prepared(tmp_path / "tiny", fill)
    (target / "manifest.json").write_text(manifest, encoding="utf-8")
    with pytest.raises(ModelDamaged):
        read_prepared(target)
