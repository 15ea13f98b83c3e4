"""Ingest as a page starts it: what it says, and what is kept when nobody listens any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.ingest_process import IngestFailed, command, preview, start
from app.library import admin
from tests.conftest import ROOT


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(60):
        body = " ".join(f"Word{number} stands before word{place}." for place in range(40))
        (folder / f"n{number:03}.md").write_text(f"# Note {number}\n\n{body}\n", encoding="utf-8")
    return folder


@pytest.fixture
def environment(tmp_path: Path, prepared_models: Path) -> dict[str, str]:
    home, models = str(tmp_path / "home"), str(prepared_models)
    return {**os.environ, "SLUICE_HOME": home, "SLUICE_MODELS": models, "PYTHONPATH": str(ROOT)}


def kept(tmp_path: Path) -> int:
    return admin.library_info(tmp_path / "home" / "libraries", "lib").documents


def test_events_come_in_order_and_end_with_the_report(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "a.md").write_text("Owls hunt at night.", encoding="utf-8")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7 no pdf")
    events = list(start([tmp_path / "a.md", tmp_path / "b.pdf"], library="lib", environment=environment))
    assert [event.kind for event in events if event.kind != "passages"] == [
        "started", "file", "file", "published", "report",
    ]  # fmt: skip
    assert events[-1].data["report"]["counts"]["added"] == 1
    assert events[-1].data["report"]["counts"]["failed"] == 1


def test_who_stops_listening_keeps_what_was_read(tmp_path: Path, notes: Path, environment: dict[str, str]) -> None:
    events = start([notes], library="lib", environment=environment)
    done = sum(1 for _ in zip(range(10), (event for event in events if event.kind == "file"), strict=False))
    events.close()
    assert done <= kept(tmp_path) < 60
    last = admin.last_report(tmp_path / "home" / "libraries", "lib")
    assert last.report is not None
    assert last.report["stopped"]
    assert last.report["counts"]["added"] == kept(tmp_path)


def test_a_run_whose_listener_died_goes_on_to_its_end(tmp_path: Path, notes: Path, environment: dict[str, str]) -> None:
    few = sorted(notes.glob("n00*.md"))
    line = command(few, library="lib")
    line[line.index("--") : line.index("--")] = ["--json-lines"]
    process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    process.stderr.close()
    assert process.wait(timeout=120) == 0
    assert kept(tmp_path) == 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_sluice_ingest_takes_one_signal_to_its_whole_group_as_one(
    tmp_path: Path, notes: Path, environment: dict[str, str], number: int
) -> None:
    """A terminal sends Ctrl-C to every process in it."""
    line = [sys.executable, "-m", "app", "ingest", str(notes), "--library", "lib", "--json-lines"]
    process = subprocess.Popen(
        line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    for _ in range(12):
        process.stdout.readline()
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert said.count("Stopping after this document") == 1
    assert 0 < kept(tmp_path) < 60


def test_a_run_under_nohup_outlives_its_terminal(tmp_path: Path, notes: Path, environment: dict[str, str]) -> None:
    ignoring = "import signal, runpy, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); sys.argv[0] = 'ingest'; "
    line = [sys.executable, "-c", f"{ignoring}runpy.run_module('ingest', run_name='__main__')"]
    few = [str(path) for path in sorted(notes.glob("n00*.md"))]
    process = subprocess.Popen([*line, "--library", "lib", *few], env=environment)
    time.sleep(1.0)
    for _ in range(8):
        if process.poll() is None:
            process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
    assert process.wait(timeout=60) == 0
    assert kept(tmp_path) == 10


def test_a_run_that_cannot_be_is_said_with_its_hint(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(IngestFailed) as error:
        list(start([tmp_path], library="../lib", environment=environment))
    assert error.value.hint
    with pytest.raises(IngestFailed, match="no reader for") as error:
        preview(tmp_path / "a.key")
    assert error.value.hint
