"""What `make run` does, as a process without a terminal: ingest, one answer, the page, and a clean stop."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import environment


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=["terminated", "interrupted"])
def test_the_demo_answers_serves_and_stops(handbook_home: Path, stop: signal.Signals) -> None:
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "app", "demo", "--port", str(port)],
        env={**environment(handbook_home), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        cwd=handbook_home,
    ) as process:
        try:
            assert healthy(f"http://127.0.0.1:{port}/_stcore/health"), "the page did not come up in a minute"
            process.send_signal(stop)
            said, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode in (0, -stop, 128 + stop), said
    assert "unchanged" in said  # the session's library was filled already: nothing is ingested twice
    assert "after  before" in said
    assert f"http://127.0.0.1:{port}" in said
    assert "Traceback" not in said


def healthy(url: str) -> bool:
    for _ in range(240):
        try:
            with urllib.request.urlopen(url, timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            time.sleep(0.25)
    return False


def test_a_port_that_is_taken_is_said_before_any_address(handbook_home: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "app", "serve", "--port", str(port)],
            env=environment(handbook_home),
            capture_output=True,
            text=True,
            cwd=handbook_home,
            timeout=60,
        )
    assert done.returncode == 2
    assert "--port" in done.stderr and "http://" not in done.stdout
