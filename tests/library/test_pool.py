"""One shared reader a library, exchanged when there is something newer."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import LibraryNotFound
from app.library import admin
from app.library.pool import ReaderPool
from tests.library.filling import EMBEDDER, add, vectors, writer_of


def publish(directory: Path, name: str, text: str) -> None:
    writer = writer_of(directory)
    add(writer, name, text, seed=len(text))
    writer.publish()
    writer.close()


def test_a_question_under_way_keeps_its_generation_and_the_next_one_sees_the_new(tmp_path: Path) -> None:
    publish(tmp_path, "a", "first")
    pool = ReaderPool(tmp_path, embedder_id=EMBEDDER)
    under_way, beside = pool.open("lib"), pool.open("lib")
    publish(tmp_path, "b", "second")
    after = pool.open("lib")
    assert (under_way.info.generation, after.info.generation) == (1, 2)
    beside.close()
    beside.close()  # twice is once
    assert [i for i, _ in under_way.dense(vectors(0, 1)[0], 9, ())] == ["a-0"]
    under_way.close()
    assert len(after.dense(vectors(0, 1)[0], 9, ())) == 2
    after.close()
    assert len(pool.open("lib").chunks(["a-0", "b-0"])) == 2


def test_a_library_deleted_and_made_anew_is_noticed(tmp_path: Path) -> None:
    publish(tmp_path, "a", "first")
    pool = ReaderPool(tmp_path, embedder_id=EMBEDDER)
    pool.open("lib").close()
    admin.delete_library(tmp_path, "lib")
    with pytest.raises(LibraryNotFound):
        pool.open("lib")
    publish(tmp_path, "other", "text")  # generation 1 again
    assert [i for i, _ in pool.open("lib").dense(vectors(0, 1)[0], 9, ())] == ["other-0"]
