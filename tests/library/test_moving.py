"""A library as one file: there and back, damaged and hostile files, and names that are taken."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import LibraryDamaged, LibraryLocked, LibraryNotFound, UsageError
from app.library import admin, aside
from app.library.check import inspect
from app.library.contents import read_contents
from app.library.moving import export_library, import_library
from tests.library.filling import add, reader_of, vectors, writer_of

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    writer = writer_of(folder)
    for n in range(5):
        add(
            writer,
            f"d{n}",
            *[f"word{n} “ü” 猫 {i}" for i in range(10)],
            seed=n,
            metadata={"year": 2020 + n, "ok": True},
        )
    add(writer, "empty")
    writer.publish()
    writer.set_floor([0.25, 0.5])
    writer.remove("d4")
    add(writer, "d0", "replaced", seed=70, version="v2")
    writer.publish()
    writer.set_floor([0.125])
    writer.close()
    return folder


@pytest.fixture(scope="module")
def parcel(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("parcel") / "lib.sluice"
    export_library(home, "lib", file)
    return file


def state(directory: Path) -> dict[str, bytes]:
    """Every file below a folder, but for the lock that guards names."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name not in (".names.lock", "write.lock")
    }


def test_there_and_back(home: Path, parcel: Path, tmp_path: Path) -> None:
    info = import_library(tmp_path, parcel, name="moved")
    assert (info.name, info.documents, info.chunks, info.floor) == ("moved", 5, 31, (0.125,))
    was, now = read_contents(home, "lib"), read_contents(tmp_path, "moved")
    assert (was.documents, was.chunks) == (now.documents, now.chunks)
    assert inspect(tmp_path, "moved").differences == ()
    reader = reader_of(tmp_path, "moved")
    assert list(reader.lexical("word3 猫", 99, ()).bm25)[:10] == [f"d3-{i}" for i in range(10)]
    assert [hit for hit, _ in reader.dense(vectors(2, 10)[7], 1, ())] == ["d2-7"]
    reader.close()
    writer = writer_of(tmp_path, "moved")  # it can be written to, and knows what it holds
    assert writer.stored()["/docs/d1.md"].recipe == "r1"
    assert writer.floor_is_measured
    writer.close()


def test_the_same_library_makes_the_same_lines(home: Path, parcel: Path, tmp_path: Path) -> None:
    export_library(home, "lib", tmp_path / "again")
    one, other = (read_lines(path) for path in (parcel, tmp_path / "again"))
    assert one[1:-1] == other[1:-1]


def test_a_file_that_is_there_is_not_overwritten_unasked(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"mine")
    with pytest.raises(UsageError, match="already"):
        export_library(home, "lib", target)
    assert target.read_bytes() == b"mine"
    export_library(home, "lib", target, overwrite=True)
    assert import_library(tmp_path / "other", target).documents == 5
    with pytest.raises(LibraryNotFound):
        export_library(home, "nowhere", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_name_that_is_taken_is_refused_unless_told(home: Path, parcel: Path, tmp_path: Path) -> None:
    writer = writer_of(tmp_path, embedder_id="test/other", dimension=3)
    writer.close()
    before = state(tmp_path)
    with pytest.raises(UsageError, match="already"):
        import_library(tmp_path, parcel)
    assert state(tmp_path) == before
    assert import_library(tmp_path, parcel, replace=True).documents == 5
    assert [path.name for path in tmp_path.iterdir() if path.name != ".names.lock"] == ["lib"]
    reader = reader_of(tmp_path)
    assert reader.info.chunks == 31
    reader.close()


def test_a_library_that_is_being_written_is_not_replaced(parcel: Path, tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    add(writer, "mine", "my words")
    writer.publish()
    with pytest.raises(LibraryLocked):
        import_library(tmp_path, parcel, replace=True)
    writer.close()
    assert [row.id for row in admin.documents(tmp_path, "lib")] == ["mine"]
    assert aside.left(tmp_path) == []


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "..", ".hidden", "a/b", "a\\b", "x" * 60, "a\0b", ""])
def test_a_name_never_leads_out_of_the_folder(parcel: Path, tmp_path: Path, name: str) -> None:
    lines = read_lines(parcel)
    lines[0]["name"] = name
    hostile = write_lines(tmp_path / "hostile", lines)
    inside = tmp_path / "libraries"
    for given in (None, name):
        with pytest.raises(UsageError, match="cannot name a library"):
            import_library(inside, hostile, name=given)
    assert not inside.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hostile"]


# -- damaged and hostile files ---------------------------------------------------------------------


def read_lines(path: Path) -> Lines:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def write_lines(path: Path, lines: Lines, *, sealed: bool = True) -> Path:
    """A parcel of these lines; `sealed`: with an end that fits them, as someone who forges one would write."""
    packed = [json.dumps(line).encode("utf-8") + b"\n" for line in lines]
    if sealed:
        body = b"".join(packed[:-1])
        end = {
            "documents": sum("document" in line for line in lines),
            "chunks": sum("chunk" in line for line in lines),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        packed[-1] = json.dumps({"end": end}).encode("utf-8") + b"\n"
    path.write_bytes(gzip.compress(b"".join(packed)))
    return path


def refused(directory: Path, file: Path) -> str:
    """Why a file is refused; nothing has changed."""
    before = state(directory)
    with pytest.raises(LibraryDamaged) as damaged:
        import_library(directory, file, name="new")
    assert state(directory) == before
    assert aside.left(directory) == []
    assert "Nothing was changed" in damaged.value.message
    return damaged.value.message


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_file_cut_short_is_refused(parcel: Path, tmp_path: Path, share: float) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(parcel.read_bytes()[: int(parcel.stat().st_size * share)])
    refused(tmp_path / "libraries", cut)


def test_any_changed_byte_is_noticed(parcel: Path, tmp_path: Path) -> None:
    whole = parcel.read_bytes()
    damaged = tmp_path / "damaged"
    for place in np.random.default_rng(0).integers(10, len(whole), size=25):
        changed = bytearray(whole)
        changed[place] ^= 0x10
        damaged.write_bytes(changed)
        refused(tmp_path / "libraries", damaged)


def test_a_cut_between_lines_is_noticed(parcel: Path, tmp_path: Path) -> None:
    lines = read_lines(parcel)
    assert "ends in the middle" in refused(tmp_path, write_lines(tmp_path / "x", lines[:-1], sealed=False))
    without = [*lines[:2], *lines[3:]]
    assert "cannot be read in" in refused(tmp_path, write_lines(tmp_path / "y", without))
    (tmp_path / "z").write_bytes(gzip.compress(gzip.decompress(parcel.read_bytes()) + b"{}\n"))
    assert "something follows" in refused(tmp_path, tmp_path / "z")


Forgery = Callable[[Lines], None]


def forged(key: str, value: object, *, line: int = 2, inside: str | None = "chunk") -> Forgery:
    def change(lines: Lines) -> None:
        (lines[line] if inside is None else lines[line][inside])[key] = value

    return change


def twice(lines: Lines) -> None:
    """One document a second time, counted in the head."""
    first = next(place for place, line in enumerate(lines) if line.get("document", {}).get("id") == "d1")
    again = lines[first : first + 11]
    lines[0]["documents"] += 1
    lines[0]["chunks"] += 10
    lines[-1:-1] = again


def bomb(lines: Lines) -> None:
    lines[2]["chunk"]["text"] = "a" * (17 << 20)


@pytest.mark.parametrize(
    ("forgery", "said"),
    [
        (forged("sluice_library", 2, line=0, inside=None), "its format is 2"),
        (forged("sluice_library", "one", line=0, inside=None), "it is no library"),
        (forged("dimension", 10**9, line=0, inside=None), "vectors of 1000000000 numbers"),
        (forged("dimension", True, line=0, inside=None), "dimension is no number"),
        (forged("documents", 1, line=0, inside=None), "more than it says"),
        (forged("floor", ["x"], line=0, inside=None), "floor is off"),
        (forged("chunks", 10**12, line=1, inside="document"), "more than it says"),
        (forged("metadata", {"a": {"b": 1}}, line=1, inside="document"), "metadata 'a'"),
        (forged("metadata", [], line=1, inside="document"), "metadata is missing"),
        (forged("id", 5), "id is no text"),
        (forged("text", "half \ud800"), "text is no text"),
        (forged("section", "Reranking"), "section path is off"),
        (forged("ordinal", -1), "ordinal is no number"),
        (forged("page", 1.5), "page is no number"),
        (forged("vector", "AAAA", inside=None), "another length"),
        (forged("vector", "%%%%", inside=None), "vector cannot be read"),
        (
            forged("vector", base64.b64encode(np.full(16, np.nan, "<f4").tobytes()).decode(), inside=None),
            "NaN",
        ),
        (forged("vector", base64.b64encode(np.full(16, 1e30, "<f4").tobytes()).decode(), inside=None), "longer than 1"),
        (twice, "a document twice"),
        (bomb, "line is too long"),
    ],
)
def test_a_forged_file_is_refused_by_name(parcel: Path, tmp_path: Path, forgery: Forgery, said: str) -> None:
    lines = read_lines(parcel)
    forgery(lines)
    assert said in refused(tmp_path / "libraries", write_lines(tmp_path / "forged", lines))


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", gzip.compress(b"\x00" * 1000), gzip.compress(b"[" * 5000 + b"\n"), gzip.compress(b"[1]\n"),
     gzip.compress(b'{"sluice_library": NaN}\n'), gzip.compress(b"\xff\xfe\n")],
    # named: gzip writes the clock into its header, and the test processes must agree on every test's name
    ids=["empty", "zip", "NULs", "deep", "a list", "NaN", "not UTF-8"],
)  # fmt: skip
def test_what_is_no_library_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    said = refused(tmp_path / "libraries", tmp_path / "x")
    assert "gzip" not in said


# -- what a killed import leaves -------------------------------------------------------------------


def test_what_a_killed_replacement_left_is_put_back_or_removed(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "lib", tmp_path / ".lib.replaced-0123abcd")
    (tmp_path / ".old.deleted-0123abcd").mkdir()
    (tmp_path / ".import-0123abcd").mkdir()
    (tmp_path / ".mine").mkdir()
    assert admin.library_info(tmp_path, "lib").documents == 5  # whoever looks for it finds it again
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine", ".names.lock", "lib"]
    shutil.copytree(home / "lib", tmp_path / ".lib.replaced-89ab0123")
    writer_of(tmp_path).close()  # the new one stands: the old one is rubbish
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine", ".names.lock", "lib"]
