"""What a run says of how documents are cut, why they are read again, and in which language they are."""

from __future__ import annotations

from pathlib import Path

from app.domain import Condition
from app.library.repair import AGAIN
from app.ports import StoredDocument
from ingest.cutting import Cutting
from ingest.report import FileResult, Report, State, to_json, to_text
from ingest.told import anew, cut_otherwise, unspoken
from tests.ingest.running import cut_with, ingest, reader, states


def test_another_strategy_cuts_again_what_it_cuts_differently_and_says_so(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "owls.md").write_text("# Owls\n\nOwls hunt at night.\n\n## Food\n\nVoles.\n", encoding="utf-8")
    (files / "ships.csv").write_text("name,tons\nMary,12\nAnn,14\n", encoding="utf-8")
    home = tmp_path / "home"
    assert states(cut_with(home, "auto", files)) == {"owls.md": "added", "ships.csv": "added"}
    assert states(cut_with(home, "headings", files)) == {"owls.md": "unchanged", "ships.csv": "replaced"}
    again = cut_with(home, "tokens:64", files)
    assert states(again) == {"owls.md": "replaced", "ships.csv": "replaced"}
    assert all("cut again: split-2/tokens:64, before split-2" in (file.reason or "") for file in again.files)
    assert "cut again" in to_text(again)
    assert states(cut_with(home, "tokens:64", files)) == {"owls.md": "unchanged", "ships.csv": "unchanged"}


def test_documents_that_stay_cut_in_another_way_are_counted(tmp_path: Path) -> None:
    for name in ("one.md", "two.md", "three.md"):
        (tmp_path / name).write_text(f"This is {name}.", encoding="utf-8")
    home = tmp_path / "home"
    assert cut_with(home, "auto", tmp_path).otherwise == 0
    report = cut_with(home, "tokens:64", tmp_path / "one.md")
    assert report.otherwise == 2
    assert "2 documents were cut in another way than this run cuts" in to_text(report)
    assert to_json(report)["cut_otherwise"] == 2
    assert cut_with(home, "tokens:64", tmp_path).otherwise == 0


def test_a_changed_file_is_not_said_to_be_cut_again(tmp_path: Path) -> None:
    path = tmp_path / "owls.md"
    path.write_text("Owls hunt at night.", encoding="utf-8")
    cut_with(tmp_path / "home", "auto", path)
    path.write_text("Owls hunt by day.", encoding="utf-8")
    (only,) = cut_with(tmp_path / "home", "tokens", path).files
    assert (only.state, only.reason) == (State.REPLACED, None)


def test_the_language_of_a_document_is_kept_and_can_be_filtered_by(tmp_path: Path) -> None:
    german = "Der Brunnen ist vierzig Meter tief und wurde im Jahr 1742 von den Bauern gegraben."
    (tmp_path / "de.txt").write_text(german, encoding="utf-8")
    (tmp_path / "en.txt").write_text("The well is forty metres deep and was dug by the farmers.", encoding="utf-8")
    ingest(tmp_path / "home", tmp_path)
    with reader(tmp_path / "home") as opened:
        found = opened.lexical("Brunnen well 1742 forty", 20, (Condition("language", "in", ("de",)),))
        assert [chunk.title for chunk in opened.chunks(list(found.bm25)).values()] == ["de"]


def test_a_language_that_the_embedding_model_does_not_read_is_named() -> None:
    english = "bundled/all-MiniLM-L6-v2/53aa/int8"
    assert unspoken("de", english) == [
        "in German, which the embedding model does not read: searches will find it by words only"
    ]
    assert unspoken("en", english) == unspoken(None, english) == unspoken("de", "a model nobody knows") == []


def test_the_same_is_said_once_of_many_files() -> None:
    files = tuple(FileResult(f"/n{n}.txt", State.ADDED, "in German, ...", 1) for n in range(9))
    text = to_text(Report("notes", 1, files, 1.0))
    assert text.count("in German") == 1
    assert "note: 9 files: in German, ...: /n0.txt and others" in text


def test_a_document_that_repair_gave_up_is_read_again_for_that_reason() -> None:
    damaged = StoredDocument("d", "/a.md", "hash", AGAIN, 3)
    assert anew(damaged, "hash", "markdown-2+split-2+model") == ["read again: what the library held of it was damaged"]
    assert cut_otherwise([damaged], Cutting()) == 0
