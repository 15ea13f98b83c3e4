"""What a run leaves and finds: its report, files that failed before, files that are gone, work that was cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from app.errors import DocumentError, LibraryFull, ProviderUnreachable
from app.library import admin, open_writer
from app.library.check import inspect
from app.ports import Vectors
from ingest.ahead import Parsers
from ingest.identity import CHUNKER
from ingest.load import Format
from ingest.load.parsed import Parsed
from ingest.report import Report, State, to_json, to_text
from ingest.run import Ingest
from ingest.walk import find
from tests.fakes import LetterEmbedder
from tests.ingest.rights import as_anyone
from tests.ingest.running import Notes, texts


def run(home: Path, *paths: Path, embedder: LetterEmbedder | None = None, **how: object) -> Report:
    """One run into a real library, with the options of `Ingest` and of its `run`."""
    of_run = {name: how.pop(name) for name in ("prune", "prune_anyway") if name in how}
    writer = open_writer(
        home, "test", embedder_id=LetterEmbedder.id, dimension=3, chunker=CHUNKER, doing=f"ingest {paths[0].name}"
    )
    try:
        return Ingest(writer, embedder or LetterEmbedder(), Notes(), **how).run(  # type: ignore[arg-type]
            find([str(path) for path in paths], home=home), **of_run
        )
    finally:
        writer.close()


def ends(report: Report) -> dict[str, tuple[str, str | None]]:
    assert sum(report.counts.values()) == len(report.files) == len({file.path for file in report.files})
    return {Path(file.path).name: (file.state.value, file.reason) for file in report.files}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "owls.md").write_text("# Owls\n\nOwls hunt at night.\n", encoding="utf-8")
    (folder / "bad.txt").write_bytes(bytes(range(256)) * 30)
    return folder


# -- files that failed before ----------------------------------------------------------------------


class Parsing:
    """Counts what is given to the parsers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: Counter[str] = Counter()
        real = Parsers.begin

        def counting(parsers: Parsers, kind: Format, name: str, data: bytes) -> Future[Parsed]:
            self.names[name] += 1
            return real(parsers, kind, name, data)

        monkeypatch.setattr(Parsers, "begin", counting)


def test_a_file_that_failed_is_not_parsed_again_until_it_changes(
    home: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsing = Parsing(monkeypatch)
    first = run(home, docs)
    assert ends(first)["bad.txt"] == ("failed", "not text: it holds binary data")
    again = run(home, docs)
    (bad,) = [file for file in again.files if file.state is State.FAILED]
    assert (bad.reason, bad.as_before) == ("not text: it holds binary data", True)
    assert parsing.names == {"owls.md": 1, "bad.txt": 1}
    assert again.exit_code == 5
    assert "failed (as before): not text" in to_text(again)
    assert "--retry-failed" in to_text(again)
    retried = run(home, docs, retry_failed=True)
    assert parsing.names["bad.txt"] == 2
    assert not any(file.as_before for file in retried.files)
    (docs / "bad.txt").write_text("Now it is text.", encoding="utf-8")
    assert ends(run(home, docs))["bad.txt"] == ("added", None)
    (docs / "bad.txt").write_bytes(bytes(range(256)) * 30)  # what failed once, after a version that did not
    changed = run(home, docs)
    assert ends(changed)["bad.txt"][1] == "not text: it holds binary data; its earlier version stays searchable"
    assert not any(file.as_before for file in changed.files)


def test_a_better_parser_or_more_patience_tries_again(home: Path, docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsing = Parsing(monkeypatch)
    run(home, docs, file_timeout=10.0)
    run(home, docs, file_timeout=5.0)
    assert parsing.names["bad.txt"] == 1
    run(home, docs, file_timeout=20.0)
    assert parsing.names["bad.txt"] == 2
    import ingest.begin as room

    monkeypatch.setattr(room, "recipe", lambda kind, *more: f"newer {kind.name} parser")
    run(home, docs, file_timeout=20.0)
    assert parsing.names["bad.txt"] == 3


def test_files_that_failed_can_be_asked_for_until_they_are_read(home: Path, docs: Path) -> None:
    (docs / "dead.md").symlink_to(docs / "nowhere.md")
    run(home, docs)
    run(home, docs / "owls.md")  # a run that has nothing to do with them forgets only what no parser has seen
    assert [(Path(f.path).name, f.reason, bool(f.hint)) for f in admin.failed_files(home, "test")] == [
        ("bad.txt", "not text: it holds binary data", True)
    ]
    run(home, docs)
    assert [Path(f.path).name for f in admin.failed_files(home, "test")] == ["bad.txt", "dead.md"]
    (docs / "dead.md").unlink()
    (docs / "bad.txt").write_text("Now it is text.", encoding="utf-8")
    run(home, docs)
    assert admin.failed_files(home, "test") == []


def test_a_failure_is_remembered_at_once_and_forgotten_with_its_file(home: Path, docs: Path) -> None:
    run(home, docs)
    writer = open_writer(home, "test", embedder_id=LetterEmbedder.id, dimension=3, chunker=CHUNKER)
    assert [Path(uri).name for uri in writer.failures()] == ["bad.txt"]
    writer.close()
    (docs / "bad.txt").unlink()
    run(home, docs)
    writer = open_writer(home, "test", embedder_id=LetterEmbedder.id, dimension=3, chunker=CHUNKER)
    assert writer.failures() == {}
    writer.close()


def test_what_the_disk_refuses_is_not_remembered(home: Path, docs: Path) -> None:
    (docs / "shut.md").write_text("Shut.", encoding="utf-8")
    (docs / "shut.md").chmod(0)
    with as_anyone():
        assert ends(run(home, docs))["shut.md"] == ("failed", "permission denied")
    (docs / "shut.md").chmod(0o644)
    assert ends(run(home, docs))["shut.md"] == ("added", None)


# -- files that are gone ---------------------------------------------------------------------------


def _many(folder: Path, number: int) -> None:
    folder.mkdir(exist_ok=True)
    for n in range(number):
        (folder / f"note{n:02}.md").write_text(f"Note {n} tells of cab {n}.", encoding="utf-8")


def test_an_empty_folder_prunes_nothing_until_that_is_meant(home: Path, docs: Path) -> None:
    run(home, docs)
    for path in docs.iterdir():  # as an unmounted drive looks
        path.unlink()
    report = run(home, docs, prune=True)
    assert ends(report)["docs"] == (
        "failed",
        "it holds none of its 1 file any more: no document below it was removed",
    )
    assert "--prune-anyway" in report.files[0].hint
    assert (report.exit_code, report.gone) == (5, 1)
    assert texts(home, "night") != []
    meant = run(home, docs, prune=True, prune_anyway=True)
    assert ends(meant)["owls.md"][0] == "removed"
    assert texts(home, "night") == []


def test_a_folder_that_lost_most_of_many_files_is_asked_about(home: Path, tmp_path: Path) -> None:
    notes, other = tmp_path / "notes", tmp_path / "other"
    _many(notes, 20)
    _many(other, 3)
    run(home, notes, other)
    for n in range(11):
        (notes / f"note{n:02}.md").unlink()
    (other / "note00.md").unlink()
    report = run(home, notes, other, prune=True)
    assert report.counts == {**report.counts, "removed": 1, "failed": 1, "unchanged": 11}
    assert ends(report)["notes"][1] == "11 of its 20 files are gone: no document below it was removed"
    assert report.gone == 11
    (notes / "note00.md").write_text("Back.", encoding="utf-8")  # ten are gone: half
    assert run(home, notes, other, prune=True).counts["removed"] == 10


def test_files_that_were_all_renamed_are_removed_and_added(home: Path, docs: Path) -> None:
    (docs / "bad.txt").unlink()
    run(home, docs)
    (docs / "owls.md").rename(docs / "night birds.md")
    assert ends(run(home, docs, prune=True)) == {
        "owls.md": ("removed", "its file is gone"),
        "night birds.md": ("added", None),
    }


def test_a_glob_that_matches_nothing_prunes_nothing(home: Path, tmp_path: Path) -> None:
    _many(tmp_path / "notes", 3)
    pattern = tmp_path / "notes" / "*.md"
    run(home, pattern)
    for path in (tmp_path / "notes").iterdir():
        path.unlink()
    report = run(home, pattern, prune=True)
    assert (report.counts["removed"], report.gone) == (0, 3)
    assert len(texts(home, "tells")) == 3


def test_documents_whose_files_are_gone_are_counted(home: Path, docs: Path) -> None:
    (docs / "bats.txt").write_text("Bats.", encoding="utf-8")
    run(home, docs)
    (docs / "bats.txt").unlink()
    report = run(home, docs)
    assert report.gone == 1
    assert "1 document stays searchable though its file is gone; --prune removes it." in to_text(report)


def test_a_file_that_vanishes_or_changes_while_the_run_goes_on(home: Path, docs: Path) -> None:
    found = find([str(docs)])
    (docs / "owls.md").unlink()
    (docs / "bad.txt").write_text("Mended in time.", encoding="utf-8")
    writer = open_writer(home, "test", embedder_id=LetterEmbedder.id, dimension=3, chunker=CHUNKER)
    report = Ingest(writer, LetterEmbedder(), Notes()).run(found)
    writer.close()
    assert ends(report) == {"owls.md": ("failed", "it vanished before it was read"), "bad.txt": ("added", None)}
    assert ends(run(home, docs)) == {"bad.txt": ("unchanged", None)}


def test_a_path_named_twice_has_one_end(home: Path, tmp_path: Path, docs: Path) -> None:
    nowhere = tmp_path / "nowhere"
    report = run(home, docs, docs, nowhere, nowhere, docs / "owls.md")
    assert ends(report) == {
        "owls.md": ("added", None),
        "bad.txt": ("failed", "not text: it holds binary data"),
        "nowhere": ("failed", "no such file or folder"),
    }


# -- the report, and work that was cut off ---------------------------------------------------------


def test_the_report_is_kept_in_the_library(home: Path, docs: Path) -> None:
    report = run(home, docs)
    last = admin.last_report(home, "test")
    assert last.report == to_json(report)
    assert last.reported == last.newest
    assert last.reported is not None
    assert (last.reported.doing, last.reported.state) == ("ingest docs", "published")
    open_writer(
        home, "test", embedder_id=LetterEmbedder.id, dimension=3, chunker=CHUNKER, doing="ingest other"
    ).close()  # a run that ends before it can report
    last = admin.last_report(home, "test")
    assert last.report == to_json(report)
    assert last.newest is not None
    assert last.newest.doing == "ingest other"


class Failing(LetterEmbedder):
    """An embedding service that goes away after some calls."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def embed_passages(self, given: Sequence[str]) -> Vectors:
        if self.calls == 0:
            raise ProviderUnreachable("The embedding server is gone", hint="Start it.")
        self.calls -= 1
        return super().embed_passages(given)


def test_what_was_embedded_before_a_service_failed_is_kept(home: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    _many(notes, 150)  # three batches of 64 passages
    with pytest.raises(ProviderUnreachable):
        run(home, notes, embedder=Failing(2))
    assert admin.library_info(home, "test").documents == 128
    kept = admin.last_report(home, "test").report
    assert kept is not None
    assert kept["error"] == "The embedding server is gone"
    assert kept["counts"] == {**kept["counts"], "added": 128, "skipped": 22}
    assert run(home, notes).counts == {**kept["counts"], "added": 22, "unchanged": 128, "skipped": 0}


def test_an_index_that_was_cut_off_is_built_by_a_run_with_nothing_new(home: Path, docs: Path) -> None:
    report = run(home, docs)
    index = home / "test" / "vectors" / str(report.generation)
    for path in sorted(index.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    index.rename(index.with_suffix(".building"))
    assert inspect(home, "test").differences != ()
    again = run(home, docs)
    assert again.generation == report.generation
    assert inspect(home, "test").differences == ()


def test_a_hanging_parser_is_remembered_with_the_time_it_had(
    home: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def hanging(parsers: Parsers, kind: Format, name: str, data: bytes) -> Future[Parsed]:
        asked.append(name)
        late: Future[Parsed] = Future()
        late.set_exception(DocumentError("its parser did not finish in time", hint="Give it longer."))
        return late

    monkeypatch.setattr(Parsers, "begin", hanging)
    for timeout in (5.0, 5.0, 30.0):
        report = run(home, docs / "owls.md", file_timeout=timeout)
        assert ends(report)["owls.md"] == ("failed", "its parser did not finish in time")
    assert asked == ["owls.md", "owls.md"]


def test_a_full_disk_says_how_much_room_the_rest_needs(home: Path, tmp_path: Path) -> None:
    class Full(LetterEmbedder):
        def embed_passages(self, given: Sequence[str]) -> Vectors:
            raise LibraryFull("no room", hint="df")

    _many(tmp_path / "notes", 5)
    with pytest.raises(LibraryFull, match=r"no room; the rest, 5 files, needs about 1 MB"):
        run(home, tmp_path / "notes", embedder=Full())
