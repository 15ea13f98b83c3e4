"""A long table is one file: however it grows or shrinks, each of its rows is in the library once."""

from __future__ import annotations

from pathlib import Path

from app.library.admin import documents
from app.ports import StoredDocument
from ingest.containers.rows import LONG, MANY, is_long
from ingest.parts import superseded
from tests.ingest.running import ingest

BLOB = "QUJDREVGR0hJ" * 40_000  # half a megabyte that is read and left out: what is searchable stays small


def stored(*uris: str) -> dict[str, StoredDocument]:
    return {uri: StoredDocument(uri, uri, "hash", "recipe", 1) for uri in uris}


def gone(held: dict[str, StoredDocument], read: set[str], failed: set[str], *tables: str) -> set[str]:
    return {one.uri for one in superseded(held, read, failed, tables)}


def test_what_stands_under_another_name_now_makes_way() -> None:
    part = "/t.csv!/t rows {}.csv"
    held = stored("/t.csv", part.format("1 to 5"), part.format("6 to 8"), "/t.csv.md", "/a.zip!/t.csv")
    read = {part.format("1 to 5"), part.format("6 to 9")}
    assert gone(held, read, set(), "/t.csv") == {"/t.csv", part.format("6 to 8")}
    assert gone(held, {"/t.csv"}, set()) == {part.format("1 to 5"), part.format("6 to 8")}
    assert gone(held, {"/t.csv.md", "/a.zip!/t.csv"}, set()) == set()


def test_nothing_makes_way_for_what_could_not_be_read() -> None:
    held = stored("/t.csv")
    assert gone(held, {"/t.csv!/1"}, {"/t.csv!/2"}, "/t.csv") == set()
    assert gone(held, set(), set(), "/t.csv") == set()


def test_a_table_that_grows_and_shrinks_has_each_row_once(tmp_path: Path) -> None:
    table = tmp_path / "docs" / "log.jsonl"
    table.parent.mkdir()

    def write(rows: int) -> dict[str, int]:
        table.write_text("".join(f'{{"text": "row{n}x {BLOB}"}}\n' for n in range(1, rows + 1)), encoding="utf-8")
        assert is_long(table) is (table.stat().st_size > LONG)
        counts = ingest(tmp_path / "home", table.parent).counts
        assert sum(document.chunks for document in documents(tmp_path / "home", "test")) == rows
        return counts

    assert write(10)["removed"] == 0
    assert write(20)["removed"] == 1  # the one document that it was
    assert write(21)["removed"] == 1  # its last part has another name
    assert write(21)["unchanged"] == 2
    assert write(10)["removed"] == 2


def test_a_table_of_many_short_rows_is_read_in_parts(tmp_path: Path) -> None:
    table = tmp_path / "many.csv"
    table.write_text("a,b\n" + "1,2345\n" * (MANY // 2), encoding="utf-8")
    assert not is_long(table)
    table.write_text("a,b\n" + "1,2345\n" * (MANY * 2), encoding="utf-8")
    assert is_long(table)
