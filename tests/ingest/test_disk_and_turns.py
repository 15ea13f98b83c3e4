"""Real processes: two ingests at once, an app that reads while one writes, a disk that is full, and kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.library import admin
from app.library.check import inspect
from app.library.pool import ReaderPool
from tests.benchmarks.hashed_embeddings import serving
from tests.benchmarks.kill_ingest import bench, killing
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An embedding server that costs nothing."""
    with serving() as address:
        yield address


@pytest.fixture
def environment(tmp_path: Path, url: str) -> dict[str, str]:
    settings = {"SLUICE_HOME": str(tmp_path / "home"), "EMBEDDING": "openai:hashed", "EMBEDDING_BASE_URL": url}
    return {**os.environ, **settings, "EMBEDDING_API_KEY": "none", "PYTHONPATH": str(ROOT)}


def start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ingest", "--library", "lib", "--json-lines", *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def events(process: subprocess.Popen[str], until: str) -> list[dict[str, Any]]:
    """What a process says, until an event of this kind."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(json.loads(line))
        if said[-1]["event"] == until:
            return said
    raise AssertionError(f"it ended without {until}: {said[-3:]} {process.stderr and process.stderr.read()}")


def notes(folder: Path, number: int, words: int = 12) -> Path:
    folder.mkdir(exist_ok=True)
    for n in range(number):
        text = " ".join(f"{folder.name}{n}w{i}" for i in range(words))
        (folder / f"note{n:03}.md").write_text(f"Common {text}.", encoding="utf-8")
    return folder


def test_a_second_ingest_waits_says_for_whom_and_then_does_its_work(
    environment: dict[str, str], tmp_path: Path
) -> None:
    one, two = notes(tmp_path / "one", 30), notes(tmp_path / "two", 3)
    first = start(environment, str(one))
    events(first, "started")
    first.send_signal(signal.SIGSTOP)  # held still: it has the library, and cannot let go of it
    second = start(environment, str(two))
    waiting = events(second, "waiting")[-1]
    assert (waiting["pid"], waiting["doing"]) == (first.pid, f"ingest {one}")
    assert 0 <= waiting["held"] < 60
    told = start(environment, str(two), "--no-wait")
    out, err = told.communicate(timeout=60)
    assert told.returncode == 1
    assert json.loads(out.splitlines()[-1])["message"] == (
        f"Library 'lib' is being written by process {first.pid} (ingest {one})"
    )
    stopped = start(environment, str(two))
    events(stopped, "waiting")
    stopped.send_signal(signal.SIGTERM)
    out, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 1
    assert "Stopped while waiting" in err
    assert second.poll() is None
    first.send_signal(signal.SIGCONT)
    assert first.communicate(timeout=120)[1].count("generation") >= 0
    report = events(second, "report")[-1]["report"]
    out, err = second.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert f"Waiting for process {first.pid} (ingest {one}), which writes this library" in err
    assert report["counts"]["added"] == 3
    libraries = tmp_path / "home" / "libraries"
    assert admin.library_info(libraries, "lib").documents == 33
    assert inspect(libraries, "lib").differences == ()


def test_an_app_that_is_open_sees_whole_documents_and_new_ones_while_an_ingest_writes(
    environment: dict[str, str], tmp_path: Path
) -> None:
    libraries = tmp_path / "home" / "libraries"
    docs = notes(tmp_path / "docs", 60, words=400)  # several passages each
    small = notes(tmp_path / "small", 1)
    assert start(environment, str(small)).communicate(timeout=60)[0]
    embedder_id = admin.library_info(libraries, "lib").embedder_id
    pool = ReaderPool(libraries, embedder_id=embedder_id)  # as the served app holds its readers
    writing = start(environment, str(docs), "--publish-every", "0")
    seen: list[int] = []
    whole: int | None = None
    while writing.poll() is None or len(seen) == 0:
        reader = pool.open("lib")
        try:
            info = reader.info
            found = [i for i, _ in reader.lexical("common docs0w1 docs1w1 docs2w1", 9999, ()).bm25.items()]
            near = reader.dense(_vector(), 9999, ())
            chunks = reader.chunks([chunk_id for chunk_id, _ in near])
            assert len(near) == len(chunks) == info.chunks
            counts: dict[str, int] = {}
            for chunk in chunks.values():
                counts[chunk.document_id] = counts.get(chunk.document_id, 0) + 1
            assert len(counts) == info.documents
            ordinals = {(chunk.document_id, chunk.ordinal) for chunk in chunks.values()}
            assert all((document, place) in ordinals for document, n in counts.items() for place in range(n))
            large = {n for n in counts.values() if n > 1}
            whole = whole if whole is not None else next(iter(large), None)
            assert set(found) <= set(chunks)
            seen.append(info.documents)
        finally:
            reader.close()
        time.sleep(0.02)
    out, err = writing.communicate(timeout=60)
    assert writing.returncode == 0, err
    reader = pool.open("lib")
    assert reader.info.documents == 61
    reader.close()
    assert seen == sorted(seen)
    assert len(set(seen)) > 1  # new ones came without a restart


def _vector() -> Any:
    import numpy as np

    from tests.benchmarks.hashed_embeddings import vector

    return np.array(vector("common words"), dtype=np.float32)


def _small_disks() -> bool:
    try:
        done = subprocess.run(
            ["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False, timeout=10
        )
    except FileNotFoundError:
        return False
    return done.returncode == 0


@pytest.mark.skipif(not _small_disks(), reason="this system lets nobody mount a small disk (unshare -Urm)")
def test_a_disk_that_is_full_loses_nothing_and_the_next_run_goes_on(
    environment: dict[str, str], tmp_path: Path, url: str
) -> None:
    (tmp_path / "disk").mkdir()
    command = [sys.executable, "-m", "tests.ingest.on_a_small_disk", str(tmp_path / "disk"), url]
    done = subprocess.run(
        ["unshare", "-Urm", *command], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    said = json.loads(done.stdout)
    assert said["first"]["code"] == 0
    for full in ("full", "still_full"):
        assert said[full]["code"] == 1
        assert "cannot be written to, there is no room" in said[full]["err"]
        assert "Traceback" not in said[full]["err"]
        assert "files, needs about" in said[full]["err"]
    for after in ("after_full", "after_still_full"):
        seen = said[after]
        assert seen["found"] == 1  # what was there is found, with not a byte free
        assert "first.md" in seen["documents"]
        # Chroma writes when it opens an index, so without room that one part is passed over, and searched exactly
        assert all("disk is full" in line for line in seen["differences"])
    assert set(said["after_full"]["documents"]) <= set(said["after_still_full"]["documents"])
    assert said["again"]["code"] == 0
    assert said["after_again"]["differences"] == []
    assert len(said["after_again"]["documents"]) == 25


def test_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path, url: str) -> None:
    """The short form of `python -m tests.benchmarks.kill_ingest`."""
    running = bench(
        tmp_path / "kills", seed=7, documents=40,
        EMBEDDING="openai:hashed", EMBEDDING_BASE_URL=url, EMBEDDING_API_KEY="none",
    )  # fmt: skip
    lines = killing(running, 5)
    assert sum("kill" in line and not line["finished"] for line in lines) >= 5
    assert any("compared" in line for line in lines)
    assert [wrong for line in lines for wrong in line["wrong"]] == []
