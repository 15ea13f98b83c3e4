"""A run against the real library: states, replacing, pruning, stopping, bad files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from app.library.admin import documents
from app.library.check import sources
from ingest.report import State, to_json, to_text
from ingest.run import Ingest
from ingest.walk import find
from tests.fakes import LetterEmbedder
from tests.ingest import samples
from tests.ingest.running import Notes, ingest, states, texts, writer


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "owls.md").write_text("# Owls\n\nOwls hunt at night.\n", encoding="utf-8")
    (folder / "bats.txt").write_text("Bats hang upside down.\n", encoding="utf-8")
    return folder


def test_files_are_added_then_unchanged(tmp_path: Path, docs: Path) -> None:
    first = ingest(tmp_path / "home", docs)
    assert states(first) == {"owls.md": "added", "bats.txt": "added"}
    assert first.exit_code == 0
    assert texts(tmp_path / "home", "night") == ["Owls hunt at night."]
    again = ingest(tmp_path / "home", docs)
    assert states(again) == {"owls.md": "unchanged", "bats.txt": "unchanged"}
    assert again.generation == first.generation
    assert again.written == 0


def test_a_changed_file_is_replaced_whole(tmp_path: Path, docs: Path) -> None:
    first = ingest(tmp_path / "home", docs)
    (docs / "owls.md").write_text("# Owls\n\nOwls sleep by day.\n", encoding="utf-8")
    report = ingest(tmp_path / "home", docs)
    assert states(report) == {"owls.md": "replaced", "bats.txt": "unchanged"}
    assert report.generation > first.generation
    assert texts(tmp_path / "home", "night") == []
    assert texts(tmp_path / "home", "day") == ["Owls sleep by day."]


def test_a_file_that_was_only_touched_is_not_taken_for_changed_ever_after(tmp_path: Path, docs: Path) -> None:
    home, owls = tmp_path / "home", docs / "owls.md"
    ingest(home, docs)
    assert sources(home, "test").changed == ()
    later = time.time() + 5
    os.utime(owls, (later, later))
    assert sources(home, "test").changed == (str(owls),)
    os.utime(owls, (later - 4, later - 4))
    time.sleep(max(0.0, later - 3 - time.time()))  # it was touched before the next run begins
    assert states(ingest(home, docs))["owls.md"] == "unchanged"
    assert sources(home, "test").changed == ()
    (row,) = [row for row in documents(home, "test") if row.uri == str(owls)]
    assert row.read_at is not None
    assert row.read_at > row.added_at
    owls.write_text("# Owls\n\nOwls sleep.\n", encoding="utf-8")
    os.utime(owls, (later + 9, later + 9))
    assert sources(home, "test").changed == (str(owls),)
    ingest(home, docs)
    assert [row.read_at == row.added_at for row in documents(home, "test")] == [True, True]


def test_nothing_is_removed_without_prune(tmp_path: Path, docs: Path) -> None:
    ingest(tmp_path / "home", docs)
    (docs / "bats.txt").unlink()
    assert states(ingest(tmp_path / "home", docs)) == {"owls.md": "unchanged"}
    assert texts(tmp_path / "home", "bats") != []
    report = ingest(tmp_path / "home", docs, prune=True)
    assert states(report) == {"owls.md": "unchanged", "bats.txt": "removed"}
    assert texts(tmp_path / "home", "bats") == []


def test_prune_leaves_other_folders_alone(tmp_path: Path, docs: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "fish.md").write_text("Fish swim.", encoding="utf-8")
    ingest(tmp_path / "home", docs, other)
    (other / "fish.md").unlink()
    ingest(tmp_path / "home", docs, prune=True)
    assert texts(tmp_path / "home", "fish") == ["Fish swim."]


def test_a_missing_folder_prunes_nothing(tmp_path: Path, docs: Path) -> None:
    ingest(tmp_path / "home", docs)
    moved = docs.rename(tmp_path / "elsewhere")
    report = ingest(tmp_path / "home", docs, prune=True)
    assert states(report) == {"docs": "failed"}
    assert report.exit_code == 5
    assert texts(tmp_path / "home", "bats") != []
    moved.rename(docs)


def test_bad_files_are_named_and_the_rest_goes_on(tmp_path: Path, docs: Path) -> None:
    (docs / "a_empty.md").touch()
    (docs / "b_binary.txt").write_bytes(bytes(range(256)) * 30)
    (docs / "c_secret.pdf").write_bytes(samples.pdf([["Hidden."]], password="s3cret"))
    (docs / "d_scan.pdf").write_bytes(samples.pdf([[]]))
    (docs / "e_broken.docx").write_bytes(b"PK\x03\x04 no")
    (docs / "f_slides.key").write_bytes(b"PK\x03\x04")
    (docs / "g_nothing.jsonl").write_bytes(b"[]\n")
    (docs / "h_data.txt").write_bytes(b"QUJD" * 100_000)
    (docs / "README").write_bytes(b"no ending")
    report = ingest(tmp_path / "home", docs)
    reasons = {Path(file.path).name: f"{file.state}: {file.reason}" for file in report.files if file.reason}
    assert reasons == {
        "a_empty.md": "skipped: empty file",
        "b_binary.txt": "failed: not text: it holds binary data",
        "c_secret.pdf": "failed: protected by a password",
        "d_scan.pdf": "failed: no text in it: its 1 page looks scanned",
        "e_broken.docx": "failed: not a DOCX that can be read: File is not a zip file",
        "f_slides.key": "skipped: no reader for .key yet",
        "g_nothing.jsonl": "failed: no line in it is a JSON object",
        "h_data.txt": "added: left out 399,900 characters of unbroken data (base64 or the like)",
        "README": "skipped: no reader for files without an ending",
    }
    hints = {Path(file.path).name: file.hint for file in report.files}
    assert hints["f_slides.key"] == "Save it as .pptx."
    assert all(hints[Path(file.path).name] for file in report.files if file.state is State.FAILED)
    assert report.exit_code == 5
    assert len(report.files) == 11
    assert texts(tmp_path / "home", "night") == ["Owls hunt at night."]
    written = to_text(report)
    assert all(name in written for name in reasons)


def test_a_name_that_is_no_utf8_is_named(tmp_path: Path, docs: Path) -> None:
    with open(os.path.join(os.fsencode(docs), b"b\xff.md"), "wb") as file:  # noqa: PTH118, PTH123 (bytes)
        file.write(b"Words.")
    report = ingest(tmp_path / "home", docs)
    (failed,) = [file for file in report.files if file.state is State.FAILED]
    assert failed.path.endswith("b\ufffd.md")
    assert failed.reason == "its name is not valid UTF-8"


def test_what_a_failed_file_had_stays_searchable(tmp_path: Path, docs: Path) -> None:
    ingest(tmp_path / "home", docs)
    (docs / "bats.txt").write_bytes(b"\x00\x01\x02" * 999)
    report = ingest(tmp_path / "home", docs, prune=True)
    (failed,) = [file for file in report.files if file.state is State.FAILED]
    assert failed.reason is not None
    assert failed.reason.endswith("; its earlier version stays searchable")
    assert failed.chunks == 1
    assert texts(tmp_path / "home", "bats") == ["Bats hang upside down."]


def test_the_same_content_under_two_names_stays_twice(tmp_path: Path, docs: Path) -> None:
    (docs / "copy.txt").write_bytes((docs / "bats.txt").read_bytes())
    ingest(tmp_path / "home", docs)
    assert texts(tmp_path / "home", "bats") == ["Bats hang upside down."] * 2


def test_a_run_told_to_stop_keeps_what_is_done_and_the_next_goes_on(tmp_path: Path, docs: Path) -> None:
    ingest(tmp_path / "home", docs)
    for number in range(3):
        (docs / f"x{number}.md").write_text(f"Number {number} is a word.", encoding="utf-8")
    (docs / "bats.txt").unlink()
    report = ingest(tmp_path / "home", docs, prune=True, stop_after=1)
    assert report.stopped
    assert report.exit_code == 1
    assert len(report.files) == 4
    assert [file.state for file in report.files if file.reason == "stopped before it was read in"] == [
        State.SKIPPED
    ] * 3
    assert texts(tmp_path / "home", "bats") != []  # a stopped run prunes nothing
    rest = ingest(tmp_path / "home", docs, prune=True)
    assert rest.counts["added"] == 3
    assert rest.counts["removed"] == 1


def test_long_runs_publish_in_steps(tmp_path: Path, docs: Path) -> None:
    for number in range(3):
        words = " ".join(f"word{n}" for n in range(60_000))
        (docs / f"long{number}.txt").write_text(words, encoding="utf-8")
    notes = Notes()
    with writer(tmp_path / "home") as opened:
        Ingest(opened, LetterEmbedder(), notes, publish_after=0.0).run(find([str(docs)]))
    assert len(notes.generations) >= 3
    assert notes.generations == sorted(set(notes.generations))


def test_report_as_json(tmp_path: Path, docs: Path) -> None:
    (docs / "slides.key").write_bytes(b"PK")
    report = to_json(ingest(tmp_path / "home", docs))
    named = {"schema", "library", "generation", "counts", "files", "seconds", "passages", "gone", "stopped", "error"}
    named |= {"cut_otherwise"}
    assert set(report) == named
    assert report["schema"] == 1
    assert report["counts"] == {"added": 2, "unchanged": 0, "replaced": 0, "removed": 0, "skipped": 1, "failed": 0}
    assert isinstance(report["files"], list)
    assert report["files"][0] == {
        "path": str(docs / "bats.txt"),
        "state": "added",
        "reason": None,
        "chunks": 1,
        "hint": "",
        "as_before": False,
    }


def test_a_fifty_megabyte_line_is_read(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    line = b'{"a": "' + b"QUJDREVGR0hJ" * (50_000_000 // 12) + b'"} and some words about owls.'
    (docs / "line.txt").write_bytes(line)
    report = ingest(tmp_path / "home", docs)
    assert states(report) == {"line.txt": "added"}
    assert report.files[0].reason is not None
    assert "characters of unbroken data" in report.files[0].reason
    assert len(texts(tmp_path / "home", "owls")) == 1


def test_files_parsed_ahead_are_written_in_their_order_and_each_once(tmp_path: Path) -> None:
    names = [f"{n:02}.txt" for n in range(30)]
    for name in names:
        (tmp_path / name).write_text(f"File {name} of thirty.", encoding="utf-8")
    (tmp_path / "07.pdf").write_bytes(b"%PDF-1.7 no pdf")
    notes = Notes()
    with writer(tmp_path / "home") as opened:
        report = Ingest(opened, LetterEmbedder(), notes).run(find([str(tmp_path)], home=tmp_path / "home"))
    read = [Path(result.path).name for result in notes.results if result.state is State.ADDED]
    assert read == names
    assert report.counts["added"] == 30
    assert report.counts["failed"] == 1


def test_a_run_told_to_stop_leaves_what_it_had_begun_to_parse(tmp_path: Path) -> None:
    for n in range(40):
        (tmp_path / f"{n:02}.txt").write_text(f"File {n} of forty.", encoding="utf-8")
    report = ingest(tmp_path / "home", tmp_path, stop_after=0)
    assert report.stopped
    assert report.counts["skipped"] == 40
    assert {file.reason for file in report.files} == {"stopped before it was read in"}
    assert ingest(tmp_path / "home", tmp_path).counts["added"] == 40
