"""`python -m ingest` as a process of its own, with the bundled embedder: what `sluice ingest` and the page start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.library import open_reader
from app.providers.embedding import open_embedder
from app.providers.prepare import prepare_embedder
from app.settings import load_settings


@pytest.fixture(scope="session")
def models() -> Path:
    """The prepared embedder of this checkout; made at the first run, which takes seconds."""
    folder = load_settings().models_dir.resolve()
    prepare_embedder(folder)
    return folder


class Home:
    """A place for libraries, and the command that fills them."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.folder = folder
        self.settings = load_settings(sluice_home=folder, sluice_models=models, library="lib")
        self.environment = {**os.environ, "SLUICE_HOME": str(folder), "SLUICE_MODELS": str(models), "LIBRARY": "lib"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "ingest", *arguments],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def nearest(self, question: str) -> str:
        embedder = open_embedder(self.settings)
        opened = open_reader(self.settings.libraries_dir, "lib", embedder_id=embedder.id)
        try:
            ((chunk_id, _),) = opened.dense(embedder.embed_questions([question])[0], 1, ())
            return opened.chunks([chunk_id])[chunk_id].text
        finally:
            opened.close()

    def floor(self) -> Sequence[float]:
        embedder = open_embedder(self.settings)
        opened = open_reader(self.settings.libraries_dir, "lib", embedder_id=embedder.id)
        try:
            return opened.info.floor
        finally:
            opened.close()


@pytest.fixture
def home(tmp_path: Path, models: Path) -> Home:
    return Home(tmp_path / "home", models)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "owls.md").write_text("# Owls\n\nOwls hunt mice at night.\n", encoding="utf-8")
    (folder / "bread.md").write_text("# Bread\n\nBread needs flour, water and yeast.\n", encoding="utf-8")
    return folder


def test_a_folder_becomes_searchable_and_the_report_is_json(home: Home, docs: Path) -> None:
    code, out, err = home.run(str(docs), "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["library"] == "lib"
    assert report["counts"]["added"] == 2
    assert "2 files" in err
    assert home.nearest("What do owls eat?") == "Owls hunt mice at night."
    assert 25 <= len(home.floor()) <= 40
    assert max(home.floor()) < 0.9


def test_json_lines_tell_every_file_and_end_with_the_report(home: Home, docs: Path) -> None:
    (docs / "slides.key").write_bytes(b"PK")
    (docs / "bad.pdf").write_bytes(b"no pdf")
    code, out, _ = home.run(str(docs), "--json-lines")
    assert code == 5
    events = [json.loads(line) for line in out.splitlines()]
    assert events[0] == {"event": "started", "files": 4}
    ends = {Path(event["path"]).name: event["state"] for event in events if event["event"] == "file"}
    assert ends == {"owls.md": "added", "bread.md": "added", "slides.key": "skipped", "bad.pdf": "failed"}
    assert events[-1]["event"] == "report"
    assert events[-1]["report"]["counts"]["failed"] == 1
    assert {"done", "files", "passages", "rate", "seconds_left"} <= set(
        next(event for event in events if event["event"] == "file")
    )


def test_bad_usage(home: Home) -> None:
    code, out, err = home.run()
    assert (code, out) == (2, "")
    assert "no PATH was given" in err
    code, _, err = home.run("/no/such/folder")
    assert code == 5
    assert "no such file or folder" in err


def test_preview_as_json_names_the_strategy_and_why(home: Home, docs: Path) -> None:
    code, out, _ = home.run("--preview", str(docs / "owls.md"), "--json", "--chunking", "sentences:64")
    seen = json.loads(out)
    assert code == 0
    assert (seen["strategy"], seen["limit"]) == ("sentences", 64)
    assert seen["language"] is None, "five words say too little"
    assert seen["why"] == "set by CHUNKING or --chunking"
    assert all(passage["tokens"] <= 64 for passage in seen["passages"])
    assert seen["passages"][0]["context"].startswith(seen["title"])


def test_a_way_of_cutting_that_there_is_not_is_refused(home: Home, docs: Path) -> None:
    code, _, err = home.run("--chunking", "paragraphs", str(docs))
    assert code == 1
    assert "CHUNKING=paragraphs is no way to cut documents." in err
    assert "sentences" in err


def test_preview_writes_nothing(home: Home, docs: Path) -> None:
    code, out, _ = home.run("--preview", str(docs / "owls.md"))
    assert code == 0
    assert "Owls (markdown): 1 passage\n" in out
    assert "Owls hunt mice at night." in out
    assert not (home.folder / "libraries").exists()
    code, _, err = home.run("--preview", str(docs / "gone.key"))
    assert code == 2
    assert "no reader for .key yet" in err


def _many(folder: Path, number: int = 400) -> None:
    folder.mkdir()
    for n in range(number):
        (folder / f"file{n:03}.md").write_text(f"File {n} tells of the number {n * n}.", encoding="utf-8")


def test_sigterm_keeps_what_is_done(home: Home, docs: Path, tmp_path: Path) -> None:
    _many(tmp_path / "many")
    process = home.start(str(docs), str(tmp_path / "many"), "--json-lines")
    assert process.stdout is not None
    for line in process.stdout:
        if '"event": "file"' in line:
            break
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    last = json.loads(out.splitlines()[-1])
    assert last["event"] == "report"
    assert last["stopped"] is True
    assert "Stopping after this document" in err
    counts = last["report"]["counts"]
    assert counts["added"] >= 2
    assert counts["added"] + counts["skipped"] == 402
    assert home.nearest("What do owls eat?") == "Owls hunt mice at night."
    code, out, _ = home.run(str(docs), "--json")
    assert code == 0
    assert json.loads(out)["counts"]["unchanged"] == 2


def test_a_kill_loses_nothing_that_was_published(home: Home, docs: Path, tmp_path: Path) -> None:
    home.run(str(docs))
    _many(tmp_path / "many")
    process = home.start(str(tmp_path / "many"), "--json-lines")
    assert process.stdout is not None
    for line in process.stdout:
        if '"event": "file"' in line:
            break
    process.kill()
    process.communicate(timeout=60)
    assert home.nearest("What do owls eat?") == "Owls hunt mice at night."
    code, out, err = home.run(str(docs), "--json")
    assert code == 0, err
    assert json.loads(out)["counts"]["unchanged"] == 2


def test_a_second_ingest_is_told_that_the_library_is_taken(home: Home, tmp_path: Path) -> None:
    _many(tmp_path / "many")
    first = home.start(str(tmp_path / "many"), "--json-lines")
    assert first.stdout is not None
    first.stdout.readline()
    code, out, err = home.run(str(tmp_path / "many"), "--json-lines", "--no-wait")
    first.kill()
    first.communicate(timeout=60)
    assert code == 1
    assert json.loads(out.splitlines()[-1])["event"] == "error"
    assert "Error: " in err
