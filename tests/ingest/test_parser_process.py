"""The parser's process: limits, crashes, and an end that comes whatever it does."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import DocumentError, MachineError
from ingest.ahead import Parsers
from ingest.load import Format
from ingest.load.worker import ParserProcess
from tests.conftest import ROOT
from tests.ingest import small_files

HOSTILE = Format("hostile", "tests.ingest.hanging_parser")
GOOD = Format("html", "ingest.load.html")
MEMORY = 4 << 30


def test_it_gives_documents_and_errors() -> None:
    with ParserProcess() as parser:
        assert parser.load(GOOD, "owls.html", small_files.HTML).title == "Owls"
        with pytest.raises(DocumentError, match="no readable text") as error:
            parser.load(GOOD, "a.html", b"<html></html>")
        assert error.value.hint
        assert parser.load(GOOD, "owls.html", small_files.HTML).title == "Owls"


@pytest.mark.parametrize("name", ["hang", "busy"])
def test_a_parser_that_does_not_come_back_is_ended(name: str) -> None:
    with ParserProcess(seconds=2) as parser:
        with pytest.raises(DocumentError, match="did not finish within 2 s"):
            parser.load(HOSTILE, name, b"")
        assert parser.load(GOOD, "a.html", small_files.HTML).title == "Owls"


@pytest.mark.parametrize(
    ("name", "says"), [("segfault", r"crashed \(signal 11\)"), ("crash", r"crashed \(exit code 11\)")]
)
def test_a_parser_that_crashes_takes_only_its_file_along(name: str, says: str) -> None:
    with ParserProcess(seconds=30) as parser:
        with pytest.raises(DocumentError, match=says):
            parser.load(HOSTILE, name, b"")
        assert parser.load(GOOD, "a.html", small_files.HTML).title == "Owls"


def test_a_parser_that_wants_all_memory_gets_its_limit() -> None:
    with ParserProcess(seconds=30, memory=1 << 30) as parser:
        with pytest.raises(DocumentError, match="too large .MemoryError"):
            parser.load(HOSTILE, "greedy", b"")
        assert parser.load(GOOD, "a.html", small_files.HTML).title == "Owls"


# -- the end -----------------------------------------------------------------------------------------


def test_closing_ends_what_is_under_way_in_another_thread() -> None:
    parser = ParserProcess(seconds=300)
    ended: list[str] = []

    def work() -> None:
        try:
            parser.load(HOSTILE, "busy", b"")
        except DocumentError as error:
            ended.append(error.message)

    thread = threading.Thread(target=work)
    thread.start()
    _until(lambda: parser._process is not None)
    parser.close()
    thread.join(timeout=30)
    assert ended == ["the run ended before it was parsed"]
    assert parser._process is None
    with pytest.raises(DocumentError, match="the run ended"):
        parser.load(GOOD, "owls.html", small_files.HTML)


def test_closing_leaves_no_thread_that_the_exit_would_wait_for() -> None:
    parsers = Parsers(300, MEMORY, count=2)
    begun = [parsers.begin(HOSTILE, name, b"") for name in ("busy", "hang", "busy", "hang")]
    _until(lambda: all(each._process is not None for each in parsers._all))
    began = time.monotonic()
    parsers.close()
    assert time.monotonic() - began < 30
    assert [each.done() for each in begun] == [True] * 4
    assert not any(thread.name.startswith("parser") for thread in threading.enumerate())


def test_closing_at_any_moment_of_the_start_is_safe() -> None:
    for step in range(12):
        parsers = Parsers(300, MEMORY, count=2)
        begun = [parsers.begin(HOSTILE, "busy", b"x" * 300_000) for _ in range(4)]
        time.sleep(step * 0.01)
        parsers.close()
        assert all(each.done() for each in begun)


def test_a_parser_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    lines = (
        "import threading, pathlib",
        "from ingest.load import Format",
        "from ingest.load.worker import ParserProcess",
        "parser = ParserProcess(seconds=300)",
        "parser.call(len, 'started')",
        f"pathlib.Path({str(told)!r}).write_text(str(parser._process.pid))",
        "parser.load(Format('hostile', 'tests.ingest.hanging_parser'), 'busy', b'')",
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", "\n".join(lines)], env=environment) as parent:
        _until(lambda: told.exists() and told.read_text(encoding="utf-8") != "")
        child = int(told.read_text(encoding="utf-8"))
        parent.send_signal(signal.SIGKILL)
    _until(lambda: not _runs(child))


def test_a_machine_that_gives_no_process_ends_the_run_and_blames_no_file() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    parser = ParserProcess()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(MachineError, match="No process could be started.*open files") as error:
            parser.load(GOOD, "owls.html", small_files.HTML)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "ulimit" in error.value.hint
    assert parser.load(GOOD, "owls.html", small_files.HTML).title == "Owls"
    parser.close()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _until(true: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < 60
        time.sleep(0.02)
