"""The library page, in process; the ingest itself runs in the browser tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.errors import SluiceError, UsageError
from app.library.admin import DocumentRow, FailedRow
from app.library.on_disk import on_disk
from app.ui.parts import adding, documents
from tests.ui.conftest import Open, html, press


def test_documents_are_listed_and_can_be_searched(page: Open) -> None:
    test = page(at="library")
    assert not test.exception
    assert html(test).count('<td class="what">') == 11
    test.text_input(key="find").set_value("note-03").run()
    found = html(test)
    assert found.count('<td class="what">') == 1
    assert "docs/note-03.md" in found


def test_files_that_could_not_be_read_are_named_with_their_reasons(page: Open) -> None:
    test = page(at="library")
    assert not any("could not be read" in each.label for each in test.expander)
    test.session_state["fake"].failed = [
        FailedRow("/notes/scan.pdf", "no text in it: its 2 pages look scanned", "Recognise its text first."),
        FailedRow("/notes/<b>.pdf", "protected by a password", "Save a copy without it."),
    ]
    test.run()
    assert "2 files could not be read" in [each.label for each in test.expander]
    assert "its 2 pages look scanned. Recognise its text first." in html(test)
    assert "<b>&lt;b&gt;.pdf</b>" in html(test)


def test_verify_says_that_all_agree(page: Open) -> None:
    test = page(at="library")
    press(test, "Verify")
    assert "Catalogue, vectors and word index agree." in html(test)


def test_documents_are_deleted_or_it_is_said_why_not(page: Open) -> None:
    test = page(at="library")
    sluice = test.session_state["fake"]
    sluice.locked = True
    _delete_the_first(test)
    assert "Library handbook is being written by another process." in html(test)
    assert 'class="rows documents"' in html(test)  # said in the dialog, and the page stands
    assert len(sluice.documents("handbook")) == 11
    sluice.locked = False
    _delete_the_first(test)
    assert "1 document deleted" in html(test)
    assert len(sluice.documents("handbook")) == 10


def _delete_the_first(test: AppTest) -> None:
    """Through the dialog; a whole run closes it, so each step opens it again."""
    press(test, "Delete documents …")
    chosen = test.multiselect[0]
    chosen.set_value(chosen.options[:1])
    press(test, "Delete documents …")
    next(b for b in test.button if b.label == "Delete").click()
    press(test, "Delete documents …")


def test_a_file_is_changed_gone_or_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("a", encoding="utf-8")
    now = datetime.now(tz=UTC)
    assert on_disk(str(file), (now + timedelta(minutes=1)).isoformat()) == "unchanged"
    assert on_disk(str(file), (now - timedelta(minutes=1)).isoformat()) == "changed"
    assert on_disk(str(tmp_path / "b.md"), now.isoformat()) == "gone"


class _Upload:
    """An uploaded file as Streamlit gives it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def getbuffer(self) -> bytes:
        return b"text"


@pytest.mark.parametrize(
    ("name", "kept"),
    [("notes.md", "notes.md"), ("../../etc/passwd", "passwd"), ("C:\\Users\\me\\x.txt", "x.txt"), ("..", "upload")],
)
def test_an_upload_never_leaves_its_folder(tmp_path: Path, name: str, kept: str) -> None:
    path = adding.save(_Upload(name), tmp_path / "uploads")  # type: ignore[arg-type]
    assert path == tmp_path / "uploads" / kept
    assert path.read_bytes() == b"text"


def test_two_files_of_one_name_are_not_added_together() -> None:
    adding.check_names(["notes/README.md", "notes/other.md"])
    with pytest.raises(UsageError, match=r"called README\.md; nothing was added"):
        adding.check_names(["README.md", "notes/README.md", "C:\\notes\\other.md"])


@pytest.mark.parametrize("name", ["..", "a/b", "", "/tmp"])
def test_a_library_name_that_is_a_path_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(SluiceError):
        adding.upload_folder(tmp_path, name)
    assert not list(tmp_path.iterdir())


# -- how a file is cut, and languages ----------------------------------------------------------------


def test_a_path_is_previewed_with_the_strategy_and_why(page: Open, tmp_path: Path, prepared_models: Path) -> None:
    path = tmp_path / "ships.csv"
    path.write_text("name,tons\nMary,12\nAnn,14\n", encoding="utf-8")
    test = page(at="library")
    test.text_input[0].set_value(str(path))
    press(test, "Preview how it is cut")
    shown = html(test)
    assert "ships.csv: 2 passages" in shown
    assert "rows (csv: each row is a record of its own)" in shown
    assert "tons: 12" in shown
    test.selectbox(key="cut").set_value("sentences")
    test.text_input[0].set_value(str(path))
    press(test, "Preview how it is cut")
    assert "sentences (set by CHUNKING or --chunking)" in html(test)


def test_a_preview_of_a_foreign_language_says_that_it_is_not_read(
    page: Open, tmp_path: Path, prepared_models: Path
) -> None:
    path = tmp_path / "brunnen.txt"
    path.write_text("Der Brunnen ist vierzig Meter tief und wurde von den Bauern gegraben.", encoding="utf-8")
    test = page(at="library")
    test.text_input[0].set_value(str(path))
    press(test, "Preview how it is cut")
    assert "<dt>Language</dt><dd>German</dd>" in html(test)
    assert "In German, which the embedding model does not read" in html(test)


@pytest.mark.parametrize(("given", "said"), [("", "There is no path"), (".", "A preview shows one file")])
def test_a_preview_needs_one_file(page: Open, given: str, said: str) -> None:
    test = page(at="library")
    test.text_input[0].set_value(given)
    press(test, "Preview how it is cut")
    assert said in html(test)


def test_a_document_in_a_language_the_model_does_not_read_is_marked() -> None:
    rows = [
        DocumentRow("a", "Brunnen", "/a.md", "markdown", 3, 100, "2026-11-21T10:00:00+00:00", 1, "de"),
        DocumentRow("b", "Well", "/b.md", "markdown", 3, 100, "2026-11-21T10:00:00+00:00", 1, "en"),
    ]
    drawn = documents._table(rows, "bundled/all-MiniLM-L6-v2/1/int8")
    assert drawn.count("◆ in German: found by its words only") == 1
    assert "found by its words" not in documents._table(rows, "openai/text-embedding-3-small//float32")
