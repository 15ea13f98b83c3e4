"""Generations, locks, bases and what a writer refuses."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from app.domain import Chunk
from app.errors import DocumentError, EmbedderMismatch, LibraryError, LibraryLocked, LibraryNotFound
from app.library import admin, bases
from app.library.check import inspect
from tests.library.filling import DIMENSION, add, chunk, document, reader_of, vectors, writer_of


def test_nothing_is_seen_before_publish_and_all_of_it_after(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    add(writer, "a", "first words", seed=1)
    assert writer.publish() == 1
    add(writer, "a", "second words", "of more", seed=2, version="v2")
    add(writer, "b", "another", seed=3)
    writer.remove("b")
    add(writer, "b", "another again", seed=4, version="v2")
    during = reader_of(tmp_path)
    assert set(during.chunks(["a-0", "av2-0", "av2-1", "bv2-0"])) == {"a-0"}
    assert (during.info.generation, during.info.documents, during.info.chunks) == (1, 1, 1)
    assert writer.stored().keys() == {"/docs/a.md", "/docs/b.md"}
    assert writer.stored()["/docs/a.md"].chunks == 2
    assert writer.publish() == 2
    after = reader_of(tmp_path)
    assert set(after.chunks(["a-0", "av2-0", "av2-1", "b-0", "bv2-0"])) == {"av2-0", "av2-1", "bv2-0"}
    assert (after.info.documents, after.info.chunks) == (2, 3)
    assert set(during.chunks(["a-0", "av2-0"])) == {"a-0"}
    assert admin.verify(tmp_path, "lib") == []
    assert writer.publish() == 2  # nothing new
    writer.close()


def test_a_replaced_document_keeps_the_ids_of_unchanged_chunks(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    old = add(writer, "a", "same", "old", seed=1)
    writer.publish()
    pinned = reader_of(tmp_path)
    new = add(writer, "a", "same", "new", seed=2)
    writer.publish()
    writer.close()
    later = reader_of(tmp_path)
    assert pinned.chunks(["a-1"])["a-1"].text == "old"
    assert later.chunks(["a-1"])["a-1"].text == "new"
    assert pinned.cosines(old[0], ["a-0"])["a-0"] == pytest.approx(1.0)
    assert later.cosines(new[0], ["a-0"])["a-0"] == pytest.approx(1.0)
    assert [i for i, _ in later.dense(new[1], 9, ())][0] == "a-1"
    assert len(later.dense(new[1], 9, ())) == 2


def test_another_id_at_the_same_uri_makes_way(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    add(writer, "a", "text", seed=1)
    moved = document("a")
    other = type(moved)("new-id", moved.title, moved.uri, "md", "h2")
    writer.replace(other, [chunk(other, 0, "text two")], vectors(2, 1), "r")
    writer.publish()
    assert [d.id for d in admin.documents(tmp_path, "lib")] == ["new-id"]
    writer.close()


def test_a_chunk_id_of_two_documents_is_refused_and_nothing_is_half_written(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    add(writer, "a", "text", seed=1)
    thief = document("b")
    stolen = [chunk(thief, 0, "x"), Chunk("a-0", "b", "y", "t", 1, 3)]
    with pytest.raises(LibraryError, match=r"chunks\.id"):
        writer.replace(thief, stolen, vectors(2, 2), "r")
    writer.publish()
    assert [d.id for d in admin.documents(tmp_path, "lib")] == ["a"]
    assert admin.verify(tmp_path, "lib") == []
    writer.close()


@pytest.mark.parametrize(
    ("matrix", "match"),
    [
        (np.ones((1, DIMENSION), np.float32), "shape"),
        (np.ones((2, DIMENSION + 1), np.float32), "shape"),
        (np.full((2, DIMENSION), math.nan, np.float32), "NaN"),
        (np.full((2, DIMENSION), math.inf, np.float32), "NaN"),
    ],
)
def test_vectors_that_are_off_are_refused(tmp_path: Path, matrix: np.ndarray, match: str) -> None:
    writer = writer_of(tmp_path)
    of = document("a")
    with pytest.raises(ValueError, match=match):
        writer.replace(of, [chunk(of, 0, "x"), chunk(of, 1, "y")], matrix, "r")
    writer.close()


def test_text_and_metadata_that_cannot_be_stored_are_the_documents_fault(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    with pytest.raises(DocumentError, match="not Unicode"):
        add(writer, "a", "broken \ud800 half")
    with pytest.raises(DocumentError, match="metadata"):
        add(writer, "a", "x", metadata={"n": math.nan})
    add(writer, "b", "whole")
    writer.publish()
    assert [d.id for d in admin.documents(tmp_path, "lib")] == ["b"]
    writer.close()


def test_vectors_are_stored_at_length_one(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    of = document("a")
    writer.replace(of, [chunk(of, 0, "x")], 5 * vectors(0, 1), "r")
    writer.publish()
    writer.close()
    assert reader_of(tmp_path).cosines(3 * vectors(0, 1)[0], ["a-0"])["a-0"] == pytest.approx(1.0)


def test_a_document_without_chunks_is_stored(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    writer.replace(document("a"), [], np.empty((0, DIMENSION), np.float32), "r")
    assert writer.publish() == 1
    assert writer.stored()["/docs/a.md"].chunks == 0
    assert writer.info.documents == 1
    writer.close()
    assert reader_of(tmp_path).dense(vectors(0, 1)[0], 3, ()) == []


def test_a_second_writer_is_told_who_has_the_lock(tmp_path: Path) -> None:
    import os

    first = writer_of(tmp_path)
    with pytest.raises(LibraryLocked, match=str(os.getpid())):
        writer_of(tmp_path, wait_seconds=0.1)
    with pytest.raises(LibraryLocked):
        admin.delete_library(tmp_path, "lib")
    writer_of(tmp_path, "elsewhere").close()
    first.close()
    writer_of(tmp_path).close()


def test_another_embedding_model_or_dimension_is_refused(tmp_path: Path) -> None:
    writer_of(tmp_path).close()
    with pytest.raises(EmbedderMismatch, match=r"test/letters.*test/other"):
        writer_of(tmp_path, embedder_id="test/other")
    with pytest.raises(EmbedderMismatch, match="32 numbers"):
        writer_of(tmp_path, dimension=32)
    writer_of(tmp_path).close()  # neither left the lock behind


def test_a_run_that_ended_without_publish_leaves_nothing(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    add(writer, "a", "kept", seed=1)
    writer.publish()
    add(writer, "b", "lost", seed=2)
    writer.remove("a")
    writer.close()
    assert [d.id for d in admin.documents(tmp_path, "lib")] == ["a"]
    again = writer_of(tmp_path)
    assert again.stored().keys() == {"/docs/a.md"}
    assert admin.verify(tmp_path, "lib") == []
    add(again, "b", "found", seed=2)
    assert again.publish() == 2
    again.close()


def test_the_floor_belongs_to_the_library_and_is_inherited(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    add(writer, "a", "x")
    writer.publish()
    assert writer.info.floor == ()
    writer.set_floor(np.array([0.25, 0.5]))
    assert writer.info.floor == (0.25, 0.5)
    assert reader_of(tmp_path).info.floor == (0.25, 0.5)
    add(writer, "b", "y")
    writer.publish()
    writer.close()
    assert reader_of(tmp_path).info.floor == (0.25, 0.5)


def fill(directory: Path, count: int, *, start: int = 0) -> None:
    writer = writer_of(directory)
    for n in range(start, start + count, 50):
        add(writer, f"d{n}", *[f"text {n + i}" for i in range(50)], seed=n)
    writer.publish()
    writer.close()


def base_folders(directory: Path) -> list[str]:
    return sorted(p.name for p in (directory / "lib/vectors").iterdir())


def test_a_grown_recent_part_gets_a_new_base_and_readers_keep_theirs(tmp_path: Path) -> None:
    fill(tmp_path, 200)
    pinned = reader_of(tmp_path)
    asked = vectors(55, 1)[0]
    before = pinned.dense(asked, 10, ())
    fill(tmp_path, bases.RECENT_LEAST - 100, start=1000)
    assert base_folders(tmp_path) == ["1"]
    fill(tmp_path, 150, start=5000)
    assert base_folders(tmp_path) == ["1", "3"]
    assert pinned.dense(asked, 10, ()) == before
    now = reader_of(tmp_path)
    assert now.info.chunks == 200 + bases.RECENT_LEAST + 50
    assert len(now.dense(asked, 5000, ())) == now.info.chunks
    pinned.close()
    fill(tmp_path, 50, start=9000)
    assert base_folders(tmp_path) == ["3"]
    assert admin.verify(tmp_path, "lib") == []


def test_removed_text_leaves_the_disk_once_the_index_is_rebuilt(tmp_path: Path) -> None:
    fill(tmp_path, 100)
    writer = writer_of(tmp_path)
    add(writer, "secret", "xylophone confession")
    writer.publish()
    writer.close()
    assert admin.delete_documents(tmp_path, "lib", ["secret", "unknown"]) == 3
    assert reader_of(tmp_path).lexical("xylophone", 3, ()).bm25 == {}
    assert admin.rebuild_index(tmp_path, "lib") == 1.0
    stored = b"".join(p.read_bytes() for p in (tmp_path / "lib").rglob("*") if p.is_file())
    assert b"xylophone" not in stored
    assert admin.verify(tmp_path, "lib") == []


def test_a_base_that_fails_its_check_is_not_switched_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bases, "MIN_RECALL", 1.01)
    fill(tmp_path, 100)
    assert base_folders(tmp_path) == ["0"]
    found = inspect(tmp_path, "lib")
    assert found.differences == ()
    assert "no index is built yet: all is searched exactly" in found.notes
    matrix = vectors(0, 50)
    assert reader_of(tmp_path).dense(matrix[7], 1, ())[0][0] == "d0-7"


def test_verify_names_each_difference(tmp_path: Path) -> None:
    from app.library.catalogue import connect
    from app.library.places import places

    fill(tmp_path, 100)
    connection = connect(places(tmp_path, "lib"), write=True)
    connection.execute("DELETE FROM vectors WHERE chunk = 3")
    connection.execute("DELETE FROM lexical WHERE rowid = 5")
    connection.execute("INSERT INTO lexical (rowid, words) VALUES (999, 'stray')")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("DELETE FROM chunks WHERE row = 100")
    connection.close()
    found = "\n".join(admin.verify(tmp_path, "lib"))
    assert "1 chunk without a whole vector: d0-2" in found
    assert "lexical index: 1 chunk is missing: d0-4" in found
    assert "999" in found
    assert "has 99 chunks, and was published with 100" in found
    assert "d50.md has 49 chunks, and was stored with 50" in found
    assert "holds 1 row of no chunk" in found


def test_documents_fields_and_fingerprint(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    for n in range(3):
        add(writer, f"d{n}", "some téxt", "more", seed=n, metadata={"year": 2020 + n, "same": "x", "draft": n == 0})
    writer.publish()
    writer.close()
    rows = admin.documents(tmp_path, "lib")
    assert [(r.id, r.chunks, r.bytes, r.generation) for r in rows] == [(f"d{n}", 2, 14, 1) for n in range(3)]
    assert admin.filter_fields(tmp_path, "lib") == {
        "document": ["Title of d0", "Title of d1", "Title of d2"],
        "uri": ["/docs/d0.md", "/docs/d1.md", "/docs/d2.md"],
        "year": [2020, 2021, 2022],
        "draft": [False, True],
    }
    written = json.loads((tmp_path / "lib/fingerprint.json").read_text(encoding="utf-8"))
    assert written["embedder"] == "test/letters"
    assert written["generation"] == {**written["generation"], "number": 1, "documents": 3, "chunks": 6, "base": 1}
    assert [i.name for i in admin.list_libraries(tmp_path)] == ["lib"]


def test_a_changed_chunker_is_recorded(tmp_path: Path) -> None:
    def stated() -> tuple[str, str]:
        written = json.loads((tmp_path / "lib/fingerprint.json").read_text(encoding="utf-8"))
        return written["chunker"], written["fingerprint"]

    fill(tmp_path, 50)
    first = stated()
    writer = writer_of(tmp_path, chunker="test/2")
    writer.publish()
    writer.close()
    assert stated()[0] == "test/2"
    assert stated()[1] != first[1]


def test_a_deleted_library_is_gone(tmp_path: Path) -> None:
    fill(tmp_path, 50)
    admin.delete_library(tmp_path, "lib")
    assert [path.name for path in tmp_path.iterdir()] == [".names.lock"]
    with pytest.raises(LibraryNotFound):
        admin.delete_library(tmp_path, "lib")
