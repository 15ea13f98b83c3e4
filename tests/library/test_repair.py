"""Libraries really damaged, one part after the other: what verify says of it, and what repair makes of it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.errors import LibraryDamaged
from app.library import admin
from app.library.catalogue import connect
from app.library.check import inspect
from app.library.places import places
from app.library.repair import AGAIN, repair
from tests.library.filling import DIMENSION, add, reader_of, vectors, writer_of

DOCUMENTS = 8


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    writer = writer_of(folder)
    for n in range(DOCUMENTS):
        add(writer, f"d{n}", *[f"word{n} part{i} of it" for i in range(12)], seed=n)
    writer.publish()
    add(writer, "late", "after the index was built", seed=50)
    writer.publish()
    writer.close()
    return folder


@pytest.fixture
def library(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    return tmp_path


def change(directory: Path, *statements: str) -> None:
    connection = connect(places(directory, "lib"), write=True)
    connection.execute("PRAGMA foreign_keys = OFF")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def found_whole(directory: Path, documents: int = DOCUMENTS) -> None:
    """Every document is found by its words and by each of its vectors."""
    reader = reader_of(directory)
    for n in range(documents):
        assert len(reader.lexical(f"word{n}", 99, ()).bm25) == 12
        for i, vector in enumerate(vectors(n, 12)):
            assert reader.dense(vector, 1, ())[0][0] == f"d{n}-{i}"
    reader.close()


def test_a_whole_library_has_nothing_to_mend(library: Path) -> None:
    assert inspect(library, "lib").differences == ()
    done = repair(library, "lib")
    assert (done.done, done.left, done.again) == ((), (), ())
    assert admin.library_info(library, "lib").generation == 2


def truncate(path: Path, share: float) -> None:
    with path.open("rb+") as file:
        file.truncate(int(path.stat().st_size * share))


def lose_index(directory: Path) -> None:
    shutil.rmtree(directory / "lib/vectors/1")


def lose_chroma_files(directory: Path) -> None:
    (directory / "lib/vectors/1/chroma.sqlite3").unlink()


def lose_hnsw_files(directory: Path) -> None:
    for path in (directory / "lib/vectors/1").glob("*/*"):
        path.unlink()


def truncate_chroma(directory: Path) -> None:
    truncate(directory / "lib/vectors/1/chroma.sqlite3", 0.5)


def garble_hnsw(directory: Path) -> None:
    (path,) = (directory / "lib/vectors/1").glob("*/data_level0.bin")
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))


def remove_rows_from_chroma(directory: Path) -> None:
    import chromadb

    client = chromadb.PersistentClient(str(directory / "lib/vectors/1"))
    client.get_collection("base", embedding_function=None).delete(ids=["3", "4"])
    client.close()


def alter_a_vector_in_chroma(directory: Path) -> None:
    import chromadb

    client = chromadb.PersistentClient(str(directory / "lib/vectors/1"))
    client.get_collection("base", embedding_function=None).update(ids=["3"], embeddings=[np.eye(DIMENSION)[0]])
    client.close()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lose_index, "has no base index"),
        (lose_chroma_files, "holds no index"),
        (lose_hnsw_files, "base index 1"),
        (truncate_chroma, "base index 1 cannot be"),
        (garble_hnsw, "base index 1"),
        (remove_rows_from_chroma, "2 chunks are missing from the base index 1: d0-2, d0-3"),
        (alter_a_vector_in_chroma, "1 chunk has another vector in the base index 1: d0-2"),
    ],
)
def test_a_damaged_vector_index_is_named_and_built_anew(
    library: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(library)
    found = inspect(library, "lib").differences
    assert [one.part for one in found] == ["vectors"] * len(found)
    assert said in "\n".join(map(str, found))
    assert all(one.repairable for one in found)
    done = repair(library, "lib")
    assert "the vector index is new" in done.done[-1]
    assert done.left == ()
    assert inspect(library, "lib").differences == ()
    found_whole(library)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["DELETE FROM lexical WHERE rowid IN (5, 6)"], "2 chunks are missing: d0-4, d0-5"),
        (["INSERT INTO lexical (rowid, words) VALUES (999, 'stray')"], "1 entry belongs to no chunk: row 999"),
        (["UPDATE lexical SET words = 'something else' WHERE rowid = 5"], "1 chunk is filed under other words: d0-4"),
        (
            [
                "CREATE TEMP TABLE kept AS SELECT c0 FROM lexical_content WHERE id = 5",
                "UPDATE lexical SET words = 'wrong turning' WHERE rowid = 5",
                "UPDATE lexical_content SET c0 = (SELECT c0 FROM kept) WHERE id = 5",
            ],
            "words lead to other passages: ",
        ),
        (["DELETE FROM lexical_data WHERE id > 10"], "it cannot be read"),
        (["DROP TABLE postings"], "it is not there"),
        (["DROP TABLE lexical", "DROP TABLE postings"], "it is not there"),
    ],
)
def test_a_damaged_lexical_index_is_named_and_built_anew(library: Path, statements: list[str], said: str) -> None:
    change(library, *statements)
    found = inspect(library, "lib").differences
    assert said in "\n".join(map(str, found))
    done = repair(library, "lib")
    assert any("the lexical index was built anew from 97 passages" in line for line in done.done)
    assert done.left == ()
    assert inspect(library, "lib").differences == ()
    found_whole(library)


def test_lost_and_altered_vectors_come_back_from_the_index(library: Path) -> None:
    change(
        library,
        "DELETE FROM vectors WHERE chunk = 3",
        "UPDATE vectors SET vector = substr(vector, 1, 8) WHERE chunk = 4",
        f"UPDATE vectors SET vector = zeroblob({4 * DIMENSION}) WHERE chunk = 20",
    )
    found = inspect(library, "lib").differences
    assert all(one.repairable for one in found)
    said = "\n".join(map(str, found))
    assert "2 chunks without a whole vector: d0-2, d0-3" in said
    assert "2 documents have other vectors than were stored: /docs/d0.md, /docs/d1.md" in said
    done = repair(library, "lib")
    assert "24 vectors were put back from the index" in done.done
    assert (done.left, done.again) == ((), ())
    assert inspect(library, "lib").differences == ()
    found_whole(library)


def test_a_vector_that_is_nowhere_is_said_and_its_file_read_again(library: Path) -> None:
    change(library, "DELETE FROM vectors WHERE chunk = 97")  # of the document the index does not know yet
    assert "1 chunk without a whole vector: late-0" in "\n".join(admin.verify(library, "lib"))
    done = repair(library, "lib")
    assert done.again == ("/docs/late.md",)
    assert done.left == ("/docs/late.md: the vectors of 1 passage are nowhere else",)
    assert inspect(library, "lib").differences == ()
    found_whole(library)
    writer = writer_of(library)
    assert writer.stored()["/docs/late.md"].recipe == AGAIN  # no ingest has this recipe: it reads the file again
    writer.close()


def test_altered_text_is_said_and_its_file_read_again(library: Path) -> None:
    change(library, "UPDATE chunks SET text = 'word1 forged' WHERE row = 15")
    found = {str(one): one.repairable for one in inspect(library, "lib").differences}
    assert found["catalogue: 1 document does not say what was stored: /docs/d1.md"] is False
    done = repair(library, "lib")
    assert done.again == ("/docs/d1.md",)
    assert inspect(library, "lib").differences == ()


def test_lost_passages_are_said_and_their_files_read_again(library: Path) -> None:
    change(library, "DELETE FROM chunks WHERE row = 30", "DELETE FROM documents WHERE id = 'd5'")
    said = "\n".join(admin.verify(library, "lib"))
    assert "/docs/d2.md has 11 chunks, and was stored with 12" in said
    assert "generation 2 has 8 documents, and was published with 9" in said
    done = repair(library, "lib")
    assert done.again == ("/docs/d2.md",)
    assert inspect(library, "lib").differences == ()
    info = admin.library_info(library, "lib")
    assert (info.generation, info.documents, info.chunks) == (3, 8, 97 - 12 - 1)


def test_wrong_counts_and_a_lost_manifest_are_mended(library: Path) -> None:
    change(library, "UPDATE generations SET chunks = 7", "DELETE FROM manifest WHERE key = 'embedder_id'")
    assert "embedder_id" in "\n".join(admin.verify(library, "lib"))
    with pytest.raises(LibraryDamaged, match="manifest"):
        reader_of(library)
    done = repair(library, "lib")
    assert done.done[0] == "the manifest was written anew from fingerprint.json"
    assert inspect(library, "lib").differences == ()
    found_whole(library)


def test_the_file_beside_the_catalogue_is_compared_and_written_anew(library: Path) -> None:
    path = library / "lib/fingerprint.json"
    path.write_text("{", encoding="utf-8")
    assert "fingerprint.json cannot be read" in "\n".join(admin.verify(library, "lib"))
    repair(library, "lib")
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**said, "embedder": "another"}), encoding="utf-8")
    assert admin.verify(library, "lib") == ["manifest: fingerprint.json and the catalogue differ in embedder"]
    repair(library, "lib")
    assert admin.verify(library, "lib") == []


def test_a_catalogue_cut_short_cannot_be_mended_and_is_left_alone(library: Path) -> None:
    catalogue = library / "lib/catalogue.sqlite3"
    truncate(catalogue, 0.6)
    before = catalogue.read_bytes()
    (found,) = inspect(library, "lib").differences
    assert (found.part, found.repairable) == ("catalogue", False)
    with pytest.raises(LibraryDamaged) as damaged:
        repair(library, "lib")
    assert "import" in damaged.value.hint
    assert catalogue.read_bytes() == before
    admin.delete_library(library, "lib")  # a damaged one can be deleted


def test_a_damaged_index_of_the_catalogue_itself_is_built_anew(library: Path) -> None:
    catalogue = library / "lib/catalogue.sqlite3"
    connection = sqlite3.connect(catalogue)
    page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'chunk_id'").fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.execute("PRAGMA writable_schema = ON")
    connection.close()
    with catalogue.open("rb+") as file:
        file.seek((page - 1) * size)
        root = bytearray(file.read(size))
        root[3:5] = (0).to_bytes(2, "big")  # an index that says it holds nothing
        file.seek((page - 1) * size)
        file.write(root)
    assert any(one.part == "catalogue" for one in inspect(library, "lib").differences)
    done = repair(library, "lib")
    assert "the catalogue's own indexes were built anew" in done.done
    assert inspect(library, "lib").differences == ()
    found_whole(library)
