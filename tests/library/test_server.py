"""Vectors on a real Chroma server, on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.domain import Condition
from app.errors import EmbedderMismatch, LibraryNotFound, ProviderTimeout, ProviderUnreachable, UsageError
from app.library import admin, open_reader
from app.library.check import inspect
from app.library.reader import CatalogueReader
from app.library.remote import RemoteReader
from app.library.repair import repair
from app.library.server import Server
from app.ports import LibraryReader
from tests.library.filling import EMBEDDER, add, vectors, writer_of


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    program = Path(sys.executable).with_name("chroma")
    command = [str(program), "run", "--path", str(tmp_path_factory.mktemp("server")), "--host", "127.0.0.1"]
    server = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"{address}/api/v2/heartbeat", timeout=1):
                break
        except OSError:
            assert time.monotonic() < deadline, "the Chroma server did not start"
            time.sleep(0.1)
    yield address, server
    server.terminate()
    server.wait(10)


@pytest.fixture
def url(server: tuple[str, subprocess.Popen[bytes]]) -> str:
    return server[0]


def fill(directory: Path, name: str, url: str) -> np.ndarray:
    writer = writer_of(directory, name, chroma_url=url)
    parts = [
        add(writer, f"d{n}", f"words {n}", f"part {n}", "end", seed=n, metadata={"year": 2000 + n, "tag": f"t{n % 2}"})
        for n in range(10)
    ]
    writer.publish()
    writer.set_floor([0.5])
    writer.close()
    return np.concatenate(parts)


def open_at(directory: Path, name: str, url: str) -> LibraryReader:
    return open_reader(directory, name, embedder_id=EMBEDDER, chroma_url=url)


def exact(matrix: np.ndarray, asked: np.ndarray, k: int) -> list[str]:
    return [f"d{n // 3}-{n % 3}" for n in np.argsort(-(matrix @ asked))[:k]]


def test_with_and_without_the_catalogue_the_same_is_found(tmp_path: Path, url: str) -> None:
    matrix = fill(tmp_path / "here", "one", url)
    here, there = open_at(tmp_path / "here", "one", url), open_at(tmp_path / "there", "one", url)
    assert isinstance(here, CatalogueReader)
    assert isinstance(there, RemoteReader)
    assert not list((tmp_path / "here/one/vectors").rglob("chroma.sqlite3"))
    assert here.info == there.info
    assert (there.info.chunks, there.info.floor) == (30, (0.5,))
    assert (here.has_lexical, there.has_lexical) == (True, False)
    for asked in vectors(44, 5):
        assert [i for i, _ in there.dense(asked, 6, ())] == exact(matrix, asked, 6)
        assert [i for i, _ in here.dense(asked, 6, ())] == exact(matrix, asked, 6)
        ids = ["d3-0", "gone", "d4-2"]
        assert there.cosines(asked, ids) == pytest.approx(here.cosines(asked, ids), abs=1e-5)
    assert there.chunks(ids) == here.chunks(ids)
    assert there.around("d3-0") == here.around("d3-0")
    assert there.around("gone") == ()
    assert there.lexical("words", 5, ()).bm25 == there.bm25("words", ["d3-0"]).bm25 == {}


@pytest.mark.parametrize(
    "where",
    [
        (Condition("year", "in", ("2003", 2004)),),
        (Condition("year", ">=", (2008,)),),
        (Condition("year", "<=", ("2001",)), Condition("tag", "in", ("t1",))),
        (Condition("document", "in", ("Title of d7",)),),
        (Condition("nothing", "in", ("x",)),),
    ],
)
def test_filters_mean_the_same_on_the_server(tmp_path: Path, url: str, where: tuple[Condition, ...]) -> None:
    fill(tmp_path / "here", "filters", url)
    asked = vectors(2, 1)[0]
    here, there = open_at(tmp_path / "here", "filters", url), open_at(tmp_path / "there", "filters", url)
    assert [i for i, _ in there.dense(asked, 99, where)] == [i for i, _ in here.dense(asked, 99, where)]
    with pytest.raises(UsageError, match="numbers only"):
        there.dense(asked, 5, (Condition("tag", ">=", ("t0",)),))


def test_close_brings_the_server_up_to_date_and_the_base_before_stays(tmp_path: Path, url: str) -> None:
    matrix = fill(tmp_path / "here", "grows", url)
    first = open_at(tmp_path / "there", "grows", url)
    for n in range(3):
        writer = writer_of(tmp_path / "here", "grows", chroma_url=url)
        add(writer, f"more{n}", "words", seed=100 + n)
        writer.remove("d0")
        writer.publish()
        local = open_at(tmp_path / "here", "grows", url)
        assert local.dense(vectors(100 + n, 1)[0], 1, ())[0][0] == f"more{n}-0"  # not on the server yet
        writer.close()
        if n == 0:
            assert [i for i, _ in first.dense(matrix[0], 1, ())] == ["d0-0"]
    assert [generation for generation, _ in Server(url, "grows").collections()] == [4, 3]
    last = open_at(tmp_path / "there", "grows", url)
    assert (last.info.generation, last.info.chunks) == (4, 30)
    assert "d0-0" not in dict(last.dense(matrix[0], 99, ()))


def test_a_library_made_anew_replaces_the_old_collections(tmp_path: Path, url: str) -> None:
    fill(tmp_path / "first", "anew", url)
    writer = writer_of(tmp_path / "second", "anew", chroma_url=url)
    add(writer, "only", "one passage")
    writer.publish()
    writer.close()
    assert open_at(tmp_path / "there", "anew", url).info.chunks == 1
    assert len(Server(url, "anew").collections()) == 1


def test_errors_without_the_catalogue(tmp_path: Path, url: str) -> None:
    fill(tmp_path / "here", "errors", url)
    with pytest.raises(LibraryNotFound, match="nowhere"):
        open_at(tmp_path / "there", "nowhere", url)
    with pytest.raises(EmbedderMismatch):
        open_reader(tmp_path / "there", "errors", embedder_id="other", chroma_url=url)
    with pytest.raises(ProviderUnreachable, match="cannot be reached"):
        open_at(tmp_path / "there", "errors", f"http://127.0.0.1:{free_port()}")


def test_with_the_catalogue_a_server_that_is_gone_is_done_without(
    tmp_path: Path, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    matrix = fill(tmp_path / "here", "gone", url)
    reader = open_at(tmp_path / "here", "gone", f"http://127.0.0.1:{free_port()}")
    assert [i for i, _ in reader.dense(matrix[5], 3, ())] == exact(matrix, matrix[5], 3)
    assert "searching exactly" in caplog.text


def test_a_server_that_hangs_does_not_hang_us() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        with pytest.raises(ProviderTimeout):
            Server(f"http://127.0.0.1:{silent.getsockname()[1]}", "any", timeout=0.3)
        assert time.monotonic() - started < 5


def test_a_server_that_stops_answering_later_is_noticed_in_time(server: tuple[str, subprocess.Popen[bytes]]) -> None:
    url, process = server
    library = Server(url, "any", timeout=0.5)
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)  # until it has stopped: a busy machine takes its time
    try:
        with pytest.raises(ProviderTimeout, match="in time"):
            library.collections()
    finally:
        process.send_signal(signal.SIGCONT)


def test_deleting_reaches_the_server(tmp_path: Path, url: str) -> None:
    fill(tmp_path, "short", url)
    admin.delete_documents(tmp_path, "short", ["d1"], chroma_url=url)
    assert open_at(tmp_path / "there", "short", url).info.documents == 9
    admin.delete_library(tmp_path, "short", chroma_url=url)
    assert Server(url, "short").collections() == []


def test_verify_compares_with_the_server_and_repair_fills_it_anew(tmp_path: Path, url: str) -> None:
    fill(tmp_path, "checked", url)
    assert inspect(tmp_path, "checked", chroma_url=url).differences == ()
    ((_, collection),) = Server(url, "checked").collections()
    collection.delete(ids=["d1-0"])
    collection.update(ids=["d2-0"], embeddings=[np.eye(16)[0]])
    said = "\n".join(map(str, inspect(tmp_path, "checked", chroma_url=url).differences))
    assert "1 chunk is missing from the base index" in said
    assert "1 chunk has another vector in the base index" in said
    repair(tmp_path, "checked", chroma_url=url)
    assert inspect(tmp_path, "checked", chroma_url=url).differences == ()


def test_a_failed_upload_lets_the_lock_go_and_loses_nothing(tmp_path: Path) -> None:
    writer = writer_of(tmp_path, "down", chroma_url=f"http://127.0.0.1:{free_port()}")
    matrix = add(writer, "d", "text", seed=1)
    with pytest.raises(ProviderUnreachable):
        writer.publish()
    with pytest.raises(ProviderUnreachable):
        writer.close()
    reader = open_reader(tmp_path, "down", embedder_id=EMBEDDER)
    assert reader.dense(matrix[0], 1, ())[0][0] == "d-0"
    writer_of(tmp_path, "down").close()
