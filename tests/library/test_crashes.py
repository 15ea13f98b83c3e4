"""Processes killed with SIGKILL at chosen moments: the last published generation is always there."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import LibraryLocked
from app.library import admin, current_generation
from tests.library.filling import add, reader_of, vectors, writer_of

ROOT = Path(__file__).resolve().parents[2]
PRELUDE = """
import sys, time
from pathlib import Path
from tests.library.filling import add, writer_of, reader_of, vectors
directory = Path(sys.argv[1])
def say(word):
    print(word, flush=True)
"""


def start(directory: Path, script: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, str(directory)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def kill_when(process: subprocess.Popen[str], reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert process.poll() is None, "the process ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def kill_after_word(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.fixture
def published(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("original")
    writer = writer_of(tmp_path)
    for n in range(10):
        add(writer, f"d{n}", f"first version {n}", f"more of {n}", seed=n)
    writer.publish()
    writer.close()
    return tmp_path


def whole_first_generation(directory: Path) -> None:
    reader = reader_of(directory)
    assert reader.info.generation == 1
    assert len(reader.lexical("first version", 99, ()).bm25) == 10
    for n in range(10):
        matrix = vectors(n, 2)
        assert reader.dense(matrix[1], 1, ())[0][0] == f"d{n}-1"
    reader.close()
    assert admin.verify(directory, "lib") == []


def test_killed_with_rows_written_and_not_published(published: Path) -> None:
    kill_after_word(
        start(
            published,
            """
w = writer_of(directory)
for n in range(10):
    add(w, f"d{n}", "second version", seed=100 + n, version="v2")
w.remove("d3")
say("now"); time.sleep(60)
""",
        )
    )
    whole_first_generation(published)
    writer = writer_of(published)  # the lock went with the process, and the rows go now
    assert writer.stored().keys() == {f"/docs/d{n}.md" for n in range(10)}
    whole_first_generation(published)
    add(writer, "d3", "third version", seed=5, version="v3")
    assert writer.publish() == 2
    writer.close()
    assert list(reader_of(published).lexical("third", 9, ()).bm25) == ["d3v3-0"]
    assert admin.verify(published, "lib") == []


def test_killed_inside_a_document(published: Path) -> None:
    """The process is killed at random moments while it does nothing but replace one big document."""
    script = """
w = writer_of(directory)
say("now")
for n in range(10_000):
    add(w, "big", *[f"version{n} part {i}" for i in range(200)], seed=n, version=f"v{n}")
    if n % 3 == 0: w.publish()
"""
    for delay in (0.05, 0.21, 0.4):
        process = start(published, script)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        reader = reader_of(published)
        stored = {d.id: d.chunks for d in admin.documents(published, "lib")}
        versions = {i.split("-")[0] for i in reader.lexical("part", 9999, ()).bm25}
        assert stored.get("big") in (None, 200)
        assert len(versions) == (1 if "big" in stored else 0)
        assert len(reader.dense(vectors(1, 1)[0], 9999, ())) == 20 + stored.get("big", 0)
        reader.close()
        assert admin.verify(published, "lib") == []


def test_killed_while_a_base_is_being_built(published: Path) -> None:
    process = start(
        published,
        """
w = writer_of(directory)
for n in range(15):
    add(w, f"new{n}", *[f"new text {i}" for i in range(200)], seed=50 + n)
w.publish()
""",
    )
    building = published / "lib/vectors/2.building"
    kill_when(process, lambda: any(building.glob("*/data_level0.bin")) or (building / "chroma.sqlite3").is_file())
    assert building.is_dir()
    reader = reader_of(published)  # the rows were published before: they are there, searched exactly
    assert (reader.info.generation, reader.info.chunks) == (2, 3020)
    assert reader.dense(vectors(50, 200)[17], 1, ())[0][0] == "new0-17"
    reader.close()
    assert admin.verify(published, "lib") == []
    writer = writer_of(published)
    assert writer.publish() == 2  # builds what was interrupted
    writer.close()
    assert sorted(p.name for p in (published / "lib/vectors").iterdir()) == ["2"]
    assert admin.verify(published, "lib") == []


def test_killed_after_the_switch_with_the_old_base_still_held(published: Path) -> None:
    held = start(
        published,
        """
r = reader_of(directory)
r.dense(vectors(3, 2)[1], 1, ())
say("now"); time.sleep(60)
""",
    )
    assert held.stdout is not None
    held.stdout.readline()
    kill_after_word(
        start(
            published,
            """
w = writer_of(directory)
for n in range(6):
    add(w, f"new{n}", *[f"new text {i}" for i in range(200)], seed=50 + n)
w.publish()
say("now"); time.sleep(60)
""",
        )
    )
    folders = published / "lib/vectors"
    assert sorted(p.name for p in folders.iterdir()) == ["1", "2"]
    reader = reader_of(published)
    assert reader.dense(vectors(50, 200)[17], 1, ())[0][0] == "new0-17"
    reader.close()
    writer = writer_of(published)
    writer.publish()
    assert sorted(p.name for p in folders.iterdir()) == ["1", "2"]  # another process still reads base 1
    held.kill()
    held.wait()
    writer.publish()
    writer.close()
    assert sorted(p.name for p in folders.iterdir()) == ["2"]
    assert admin.verify(published, "lib") == []


def test_a_reader_sees_each_document_whole_while_another_process_writes(published: Path) -> None:
    process = start(
        published,
        """
w = writer_of(directory)
say("now")
for version in range(1, 25):
    for n in range(10):
        add(w, f"d{n}", *[f"version{version} of {n} part {i}" for i in range(12)], seed=version * 10 + n,
            version=f"v{version}")
    w.publish()
w.close()
""",
    )
    assert process.stdout is not None
    process.stdout.readline()
    seen: set[int] = set()
    while process.poll() is None:
        reader = reader_of(published)
        seen.add(reader.info.generation)
        expected = {f"v{reader.info.generation - 1}"} if reader.info.generation > 1 else {""}
        for _ in range(3):
            dense = [i for i, _ in reader.dense(vectors(9, 1)[0], 9999, ())]
            lexical = reader.lexical("version of part more", 9999, ()).bm25
            assert len(dense) == len(set(dense)) == reader.info.chunks
            assert {i.removeprefix("d").split("-")[0][1:] for i in dense} == expected
            assert {i.removeprefix("d").split("-")[0][1:] for i in lexical} == expected
        reader.close()
    assert process.returncode == 0
    assert current_generation(published, "lib") == 25
    assert len(seen) > 1
    assert admin.verify(published, "lib") == []


def test_two_writers_take_turns(published: Path) -> None:
    script = """
for n in range(4):
    w = writer_of(directory, wait_seconds=60)
    add(w, f"{NAME}{n}", "one", "two", seed=n)
    w.publish(); w.close()
"""
    both = [start(published, f"NAME = {name!r}\n" + script) for name in ("x", "y")]
    assert [process.wait(60) for process in both] == [0, 0]
    assert current_generation(published, "lib") == 9
    assert {d.id for d in admin.documents(published, "lib")} >= {f"{name}{n}" for name in "xy" for n in range(4)}
    assert admin.verify(published, "lib") == []


def test_a_writer_elsewhere_is_named(published: Path) -> None:
    process = start(published, "w = writer_of(directory); say('now'); time.sleep(60)")
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(LibraryLocked, match=f"process {process.pid}"):
        writer_of(published)
    process.kill()
    process.wait()
    writer_of(published).close()


def test_several_processes_read_one_base(published: Path) -> None:
    script = """
for _ in range(4):
    r = reader_of(directory)
    for n in range(10):
        assert r.dense(vectors(n, 2)[1], 1, ())[0][0] == f"d{n}-1"
    r.close()
"""
    readers = [start(published, script) for _ in range(3)]
    assert [process.wait(60) for process in readers] == [0, 0, 0]
    assert admin.verify(published, "lib") == []
