"""`sluice library ...` on real libraries, as a person or a script types it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli.library import command
from app.errors import LibraryDamaged, SluiceError, UsageError
from app.library.catalogue import connect
from app.library.places import places
from app.library.writer import CatalogueWriter
from tests.library.filling import add, chunk, document, vectors, writer_of


@pytest.fixture
def libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    folder = tmp_path / "libraries"
    writer = writer_of(folder, doing="ingest notes")
    add(writer, "a", "first words", "more of them", seed=1)
    add(writer, "b", "other words", seed=2)
    writer.publish()
    _report(writer)
    writer.close()
    return folder


def _report(writer: CatalogueWriter) -> None:
    files = [
        {"path": "/docs/a.md", "state": "added", "reason": None, "chunks": 2, "hint": "", "as_before": False},
        {"path": "/docs/c.pdf", "state": "failed", "reason": "it is shut", "chunks": 0, "hint": "Open it.",
         "as_before": True},
    ]  # fmt: skip
    counts = {"added": 1, "unchanged": 0, "replaced": 0, "removed": 0, "skipped": 0, "failed": 1}
    writer.save_report(
        {"schema": 1, "library": "lib", "generation": 1, "counts": counts, "files": files, "seconds": 2.5,
         "passages": 2, "gone": 3, "stopped": False, "error": None}
    )  # fmt: skip


def run(*arguments: str, code: int = 0, answer: str | None = None) -> Result:
    done = CliRunner().invoke(command, list(arguments), input=answer, standalone_mode=False)
    ended = done.return_value if isinstance(done.return_value, int) else 0
    assert done.exception is None, done.exception
    assert ended == code
    return done


def said(*arguments: str, code: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", code=code).stdout)


def refused(*arguments: str) -> SluiceError:
    done = CliRunner().invoke(command, list(arguments), standalone_mode=False)
    assert isinstance(done.exception, SluiceError)
    return done.exception


def test_list_names_a_damaged_library_beside_the_others(libraries: Path) -> None:
    (libraries / "broken").mkdir()
    (libraries / "broken" / "catalogue.sqlite3").write_bytes(b"no database " * 100)
    broken, whole = said("list")
    assert whole == {"name": "lib", "generation": 1, "documents": 2, "chunks": 3}
    assert broken["name"] == "broken"
    assert "damaged" in broken["error"]
    shown = run("list").stdout
    assert "2 documents" in shown
    assert "is damaged" in shown
    heading, *rows = run("show", "lib").stdout.splitlines()  # a damaged one hides no other
    assert heading.split() == ["id", "chunks", "format", "title", "file"]
    assert [row.split()[:3] for row in rows] == [["a", "2", "md"], ["b", "1", "md"]]
    assert isinstance(refused("show", "broken"), LibraryDamaged)


def test_show_gives_the_last_report(libraries: Path) -> None:
    told = said("show", "lib", "--last-report")
    assert told["report"]["counts"]["failed"] == 1
    assert (told["run"]["doing"], told["since"]) == ("ingest notes", None)
    shown = run("show", "lib", "--last-report").stdout
    assert "failed (as before): it is shut  (Open it.)\n    /docs/c.pdf" in shown
    assert "1 added, 1 failed. Generation 1, 2 passages written." in shown
    assert "3 documents stayed though their files were gone." in shown


def test_show_says_when_a_later_ingest_left_no_report(libraries: Path) -> None:
    writer = writer_of(libraries, doing="ingest later")
    assert "at work or was killed (ingest later" in run("show", "lib", "--last-report").stdout
    add(writer, "c", "never published")
    writer.close()
    assert "killed or failed before it could leave a report" in run("show", "lib", "--last-report").stdout
    assert said("show", "lib", "--last-report")["since"]["state"] == "abandoned"
    writer_of(libraries, "new").close()
    assert "No ingest has left a report in library new yet." in run("show", "new", "--last-report").stdout


def test_verify_and_repair(libraries: Path) -> None:
    found = said("verify", "lib")
    assert (found["agree"], found["differences"], found["generation"]) == (True, [], 1)
    assert found["sources"] == {"compared": 2, "gone": ["/docs/a.md", "/docs/b.md"], "changed": []}
    assert "2 files are gone" in run("verify", "lib").stderr
    connection = connect(places(libraries, "lib"), write=True)
    connection.execute("DELETE FROM lexical WHERE rowid = 1")
    connection.close()
    found = said("verify", "lib", code=1)
    assert found["differences"][0] == {
        "part": "lexical index", "what": "1 chunk is missing: a-0", "repairable": True,
    }  # fmt: skip
    shown = run("verify", "lib", code=1)
    assert "sluice library repair lib" in shown.stderr
    mended = said("repair", "lib")
    assert mended["repaired"] == ["the lexical index was built anew from 3 passages"]
    assert (mended["left"], mended["read_again"]) == ([], [])
    assert run("repair", "lib").stdout == "Nothing to mend.\n"
    assert said("rebuild", "lib")["recall"] == 1.0


def test_verify_tells_files_that_were_changed(libraries: Path, tmp_path: Path) -> None:
    same, other, touched = (tmp_path / name for name in ("same.md", "other.md", "touched.md"))
    for path in (same, other, touched):
        path.write_text("words", encoding="utf-8")
    writer = writer_of(libraries, "files")
    for path in (same, other, touched):
        of = replace(document(path.stem), uri=str(path), content_hash=hashlib.sha256(b"words").hexdigest())
        writer.replace(of, [chunk(of, 0, "words")], vectors(1, 1), "r")
    writer.publish()
    writer.close()
    other.write_text("other words", encoding="utf-8")
    for path in (other, touched):
        os.utime(path, (4e9, 4e9))
    assert said("verify", "files")["sources"]["changed"] == [str(other), str(touched)]
    assert said("verify", "files", "--files")["sources"]["changed"] == [str(other)]


def test_delete_asks_and_names_what_is_not_there(libraries: Path) -> None:
    done = CliRunner().invoke(command, ["delete", "lib", "a"], input="n\n", standalone_mode=False)
    assert done.exception is not None
    assert len(said("show", "lib")) == 2
    assert isinstance(refused("delete", "lib", "a", "unknown", "--yes"), UsageError)
    assert len(said("show", "lib")) == 2
    assert said("delete", "lib", "a", "--yes") == {
        "schema": 1, "library": "lib", "removed": ["a"], "generation": 2,
    }  # fmt: skip
    assert [row["id"] for row in said("show", "lib")] == ["b"]
    assert said("delete", "lib", "--all", "--yes")["removed"] == "library"
    assert said("list") == []


def test_export_and_import(libraries: Path, tmp_path: Path) -> None:
    file = tmp_path / "lib.sluice"
    told = said("export", "lib", str(file))
    assert (told["documents"], told["bytes"]) == (2, file.stat().st_size)
    assert "already" in refused("export", "lib", str(file)).message
    assert "already" in refused("import", str(file)).message
    assert said("import", str(file), "--name", "copy") == {
        "schema": 1, "library": "copy", "documents": 2, "chunks": 3,
    }  # fmt: skip
    assert "2 documents, 3 chunks" in run("import", str(file), "--replace").stdout
    assert [one["name"] for one in said("list")] == ["copy", "lib"]
