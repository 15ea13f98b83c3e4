"""What a reader finds, against exact arithmetic."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from app.domain import Condition
from app.errors import EmbedderMismatch, LibraryDamaged, LibraryNotFound, UsageError
from app.library import admin, current_generation, list_libraries, open_reader
from app.library.dense import EXACT_UP_TO
from tests.library.filling import DIMENSION, EMBEDDER, add, chunk, document, reader_of, vectors, writer_of


def nearest(matrix: np.ndarray, asked: np.ndarray, k: int) -> list[int]:
    return [int(i) for i in np.argsort(-(matrix @ asked), kind="stable")[:k]]


@pytest.fixture
def filled(original: tuple[Path, np.ndarray], tmp_path: Path) -> tuple[Path, np.ndarray]:
    """40 documents of 3 chunks; vector i belongs to chunk i."""
    shutil.copytree(original[0], tmp_path, dirs_exist_ok=True)
    return tmp_path, original[1]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    tmp_path = tmp_path_factory.mktemp("original")
    with_all = []
    writer = writer_of(tmp_path)
    for i in range(40):
        year: dict[str, str | int | float | bool] = {"year": 2000 + i, "tag": "even" if i % 2 == 0 else "odd"}
        texts = [f"passage {i} about topic{i % 5}", f"second part{i}", f"third piece {i}"]
        with_all.append(add(writer, f"d{i}", *texts, seed=i, metadata=year))
    assert writer.publish() == 1
    writer.close()
    return tmp_path, np.concatenate(with_all)


def test_dense_search_is_what_exact_arithmetic_finds_and_uses_chroma(filled: tuple[Path, np.ndarray]) -> None:
    directory, matrix = filled
    reader = reader_of(directory)
    for asked in vectors(1234, 10):
        found = reader.dense(asked, 7, ())
        assert [i for i, _ in found] == [f"d{n // 3}-{n % 3}" for n in nearest(matrix, asked, 7)]
        assert [c for _, c in found] == pytest.approx(np.sort(matrix @ asked)[::-1][:7].tolist(), abs=1e-5)
    assert (directory / "lib/vectors/1/chroma.sqlite3").is_file()
    assert reader.info.documents == 40
    assert reader.info.chunks == 120
    reader.close()


def test_asking_for_more_than_there_is_gives_all(filled: tuple[Path, np.ndarray]) -> None:
    reader = reader_of(filled[0])
    asked = vectors(5, 1)[0]
    assert len({i for i, _ in reader.dense(asked, 500, ())}) == 120
    assert reader.dense(asked, 0, ()) == []


def test_recent_rows_and_removed_rows_are_seen_without_a_new_base(filled: tuple[Path, np.ndarray]) -> None:
    directory, matrix = filled
    asked = matrix[3]  # d1-0
    before = reader_of(directory)
    writer = writer_of(directory)
    writer.remove("d1")
    new = add(writer, "fresh", "a new passage", seed=777)
    assert writer.publish() == 2
    writer.close()
    assert sorted(p.name for p in (directory / "lib/vectors").iterdir()) == ["1"]
    after = reader_of(directory)
    assert after.dense(new[0], 1, ())[0][0] == "fresh-0"
    assert before.dense(asked, 1, ())[0][0] == "d1-0"
    assert all(not i.startswith("d1-") for i, _ in after.dense(asked, 200, ()))
    assert len(after.dense(asked, 200, ())) == 118
    assert before.lexical("fresh new passage", 200, ()).bm25.keys().isdisjoint({"fresh-0"})
    assert "fresh-0" in after.lexical("new passage", 200, ()).bm25
    assert before.chunks(["d1-0", "fresh-0"]).keys() == {"d1-0"}
    assert after.chunks(["d1-0", "fresh-0"]).keys() == {"fresh-0"}
    before.close()
    after.close()


FILTERS = [
    ((Condition("year", "in", (2003, 2004)),), {3, 4}),
    ((Condition("year", "in", ("2003",)),), {3}),
    ((Condition("year", ">=", (2038,)),), {38, 39}),
    ((Condition("year", "<=", ("2001",)),), {0, 1}),
    ((Condition("tag", "in", ("even",)), Condition("year", "<=", (2004,))), {0, 2, 4}),
    ((Condition("document", "in", ("Title of d7",)),), {7}),
    ((Condition("uri", "in", ("/docs/d8.md", "/docs/d9.md")),), {8, 9}),
    ((Condition("format", "in", ("pdf",)),), set()),
    ((Condition("nothing", "in", (1,)),), set()),
    ((Condition("tag", "in", ()),), set()),
]


@pytest.mark.parametrize(("where", "documents"), FILTERS)
def test_both_legs_see_the_same_filter(
    filled: tuple[Path, np.ndarray], where: tuple[Condition, ...], documents: set[int]
) -> None:
    reader = reader_of(filled[0])
    asked = vectors(8, 1)[0]
    assert {i.split("-")[0] for i, _ in reader.dense(asked, 200, where)} == {f"d{n}" for n in documents}
    assert {i.split("-")[0] for i in reader.lexical("passage part piece", 200, where).bm25} <= {
        f"d{n}" for n in documents
    }
    assert len(reader.lexical("passage", 200, where).bm25) == len(documents)


def test_a_filter_that_cannot_be_read_says_so(filled: tuple[Path, np.ndarray]) -> None:
    reader = reader_of(filled[0])
    with pytest.raises(UsageError, match="year"):
        reader.dense(vectors(8, 1)[0], 5, (Condition("year", ">=", (1, 2)),))


def test_chunk_metadata_comes_before_the_documents(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    of = document("table", metadata={"region": "all", "checked": True})
    rows = [chunk(of, i, f"row {i}", metadata={"region": r}) for i, r in enumerate(("north", "south"))]
    writer.replace(of, rows, vectors(0, 2), "r")
    writer.publish()
    writer.close()
    reader = reader_of(tmp_path)
    asked = vectors(3, 1)[0]
    assert [i for i, _ in reader.dense(asked, 9, (Condition("region", "in", ("south",)),))] == ["table-1"]
    assert reader.dense(asked, 9, (Condition("region", "in", ("all",)),)) == []
    assert len(reader.dense(asked, 9, (Condition("checked", "in", (True,)),))) == 2
    assert len(reader.dense(asked, 9, (Condition("checked", "in", ("true",)),))) == 2
    assert reader.dense(asked, 9, (Condition("checked", "in", (False,)),)) == []


def test_a_large_selection_far_from_the_question_loses_nothing(tmp_path: Path) -> None:
    """More rows pass the filter than are searched exactly, and none of the question's neighbours does."""
    count = EXACT_UP_TO + 500
    near = np.zeros((2000, DIMENSION), np.float32)
    near[:, 0] = 1.0
    near[:, 1:] = 0.05 * np.random.default_rng(1).normal(size=(2000, DIMENSION - 1))
    far = np.zeros((count, DIMENSION), np.float32)
    far[:, 1:] = np.random.default_rng(2).normal(size=(count, DIMENSION - 1))
    far[:, 0] = -0.5
    far /= np.linalg.norm(far, axis=1, keepdims=True)
    writer = writer_of(tmp_path)
    for name, matrix in (("near", near), ("far", far)):
        of = document(name)
        writer.replace(of, [chunk(of, i, name) for i in range(len(matrix))], matrix, "r")
    writer.publish()
    writer.close()
    writer = writer_of(tmp_path)
    late = far[-300:] + np.float32(0.01) * far[:300]
    late /= np.linalg.norm(late, axis=1, keepdims=True)
    of = document("late", title="Title of far")
    writer.replace(of, [chunk(of, i, "far") for i in range(len(late))], late, "r")
    writer.publish()
    writer.close()
    far = np.concatenate([far, late])
    names = [f"far-{n}" for n in range(count)] + [f"late-{n}" for n in range(len(late))]
    reader = reader_of(tmp_path)
    asked = np.eye(DIMENSION, dtype=np.float32)[0]
    found = reader.dense(asked, 20, (Condition("document", "in", ("Title of far",)),))
    assert {i for i, _ in found} == {names[n] for n in nearest(far, asked, 20)}
    assert (tmp_path / "lib/vectors/1").is_dir()  # the base is the old one: `late` is searched beside it


def test_cosines_chunks_and_neighbours(filled: tuple[Path, np.ndarray]) -> None:
    directory, matrix = filled
    reader = reader_of(directory)
    asked = vectors(4, 1)[0]
    found = reader.cosines(asked, ["d2-1", "gone", "d0-0"])
    assert found == pytest.approx({"d2-1": float(matrix[7] @ asked), "d0-0": float(matrix[0] @ asked)}, abs=1e-6)
    assert list(reader.chunks(["d2-1", "gone", "d0-0"])) == ["d2-1", "d0-0"]
    assert reader.chunks(["d2-1"])["d2-1"].document_id == "d2"
    assert [c.id for c in reader.around("d2-0")] == ["d2-0", "d2-1"]
    assert [c.id for c in reader.around("d2-1")] == ["d2-0", "d2-1", "d2-2"]
    assert [c.id for c in reader.around("d2-0", reach=5)] == [f"d2-{n}" for n in range(len(reader.around("d2-0", 5)))]
    assert len(reader.around("d2-0", 5)) > len(reader.around("d2-0"))
    assert reader.around("gone") == ()


def test_a_chunk_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    of = document("d", metadata={"a": 1, "b": 2.5, "c": "ü", "d": False})
    stored = chunk(of, 4, "text\nwith 北京 and \x00", section=("One", "Two ü"), page=3, metadata={"row": 7})
    writer.replace(of, [stored], vectors(0, 1), "r")
    writer.publish()
    writer.close()
    assert reader_of(tmp_path).chunks([stored.id]) == {stored.id: stored}


def test_a_question_vector_of_another_length_is_refused(filled: tuple[Path, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="16"):
        reader_of(filled[0]).dense(np.ones(8, np.float32), 3, ())


def test_many_threads_share_one_reader(filled: tuple[Path, np.ndarray]) -> None:
    directory, matrix = filled
    reader = reader_of(directory)
    wrong: list[str] = []

    def ask(offset: int) -> None:
        for n in range(offset, 120, 8):
            if reader.dense(matrix[n], 1, ())[0][0] != f"d{n // 3}-{n % 3}":
                wrong.append(f"dense {n}")
            if f"d{n // 3}-1" not in reader.lexical(f"part{n // 3}", 3, ()).bm25:
                wrong.append(f"lexical {n}")

    threads = [threading.Thread(target=ask, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("broken", ["*", "chroma.sqlite3", "index_metadata.pickle", "*.bin"])
def test_an_unreadable_base_is_searched_exactly(
    filled: tuple[Path, np.ndarray], caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    directory, matrix = filled
    for path in (directory / "lib/vectors/1").rglob(broken):
        if path.is_file() and path.name != "held":
            path.write_bytes(b"broken")
    reader = reader_of(directory)
    assert reader.dense(matrix[10], 1, ())[0][0] == "d3-1"
    assert "searching exactly" in caplog.text
    reader.close()
    if broken == "chroma.sqlite3":
        writer = writer_of(directory)
        assert writer.publish() == 1  # notices the mark and builds another
        writer.close()
        assert admin.verify(directory, "lib") == []


def test_vectors_left_out_of_a_backup_are_built_again(filled: tuple[Path, np.ndarray]) -> None:
    directory, matrix = filled
    shutil.rmtree(directory / "lib/vectors")
    assert reader_of(directory).dense(matrix[10], 1, ())[0][0] == "d3-1"
    writer = writer_of(directory)
    assert writer.publish() == 1
    writer.close()
    assert (directory / "lib/vectors/1/chroma.sqlite3").is_file()


def test_opening_errors_say_what_to_type(filled: tuple[Path, np.ndarray]) -> None:
    directory, _ = filled
    with pytest.raises(LibraryNotFound, match="there are: lib") as missing:
        reader_of(directory, "other")
    assert missing.value.hint == "sluice ingest PATH --library other"
    with pytest.raises(EmbedderMismatch, match=r"test/letters.*another/model") as mismatch:
        reader_of(directory, embedder_id="another/model")
    assert "EMBEDDING" in mismatch.value.hint
    assert "sluice library delete lib" in mismatch.value.hint
    with pytest.raises(UsageError):
        reader_of(directory, "../lib")
    (directory / "lib/catalogue.sqlite3").write_bytes(b"this is not a database, not at all" * 100)
    with pytest.raises(LibraryDamaged):
        reader_of(directory)


def test_an_empty_library_answers_with_nothing(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    reader = reader_of(tmp_path)
    assert reader.info.generation == 0
    assert reader.dense(vectors(0, 1)[0], 5, ()) == []
    found = reader.lexical("anything", 5, ())
    assert found.bm25 == {}
    assert reader.bm25("anything", ["x"]).bm25 == {}
    assert writer.publish() == 0
    writer.close()


def test_names_and_generations(filled: tuple[Path, np.ndarray]) -> None:
    directory, _ = filled
    (directory / "notes").mkdir()
    assert list_libraries(directory) == ["lib"]
    assert list_libraries(directory / "absent") == []
    assert current_generation(directory, "lib") == 1


def test_opening_and_lexical_search_import_no_chroma(filled: tuple[Path, np.ndarray]) -> None:
    script = (
        "import sys, json; from pathlib import Path; from app.library import open_reader\n"
        f"r = open_reader(Path({str(filled[0])!r}), 'lib', embedder_id={EMBEDDER!r})\n"
        "n = len(r.lexical('passage', 5, ()).bm25); print(json.dumps([n, 'chromadb' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [5, False]
    assert open_reader(filled[0], "lib", embedder_id=EMBEDDER).has_lexical
