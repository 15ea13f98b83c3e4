"""Which files a run sees, and what is to be done with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.errors import DocumentError
from app.library.on_disk import on_disk
from app.ports import StoredDocument
from ingest.containers import member_of
from ingest.plan import action, vanished
from ingest.read import Unreadable, read_whole
from ingest.report import State
from ingest.walk import Found, find
from tests.ingest.rights import as_anyone


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"words of {name}", encoding="utf-8")


def names(found: Found, root: Path) -> list[str]:
    return [path.relative_to(root.resolve()).as_posix() for path in found.files]


def test_folders_are_walked_and_hidden_ones_are_not(tmp_path: Path) -> None:
    write(tmp_path, "b.md", "a/c.txt", ".git/config.md", ".hidden.md", "node_modules/x/readme.md", "env/lib/y.md")
    write(tmp_path, "env/pyvenv.cfg", "home/libraries/z.md")
    found = find([str(tmp_path)], home=tmp_path / "home")
    assert names(found, tmp_path) == ["b.md", "a/c.txt"]
    assert found.folders == [str(tmp_path.resolve())]


def test_a_hidden_file_given_by_name_is_read(tmp_path: Path) -> None:
    write(tmp_path, ".notes.md")
    assert names(find([str(tmp_path / ".notes.md")]), tmp_path) == [".notes.md"]


def test_every_file_is_found_once_and_loops_end(tmp_path: Path) -> None:
    write(tmp_path, "docs/a.md")
    (tmp_path / "docs/loop").symlink_to(tmp_path / "docs", target_is_directory=True)
    (tmp_path / "docs/same.md").symlink_to(tmp_path / "docs/a.md")
    (tmp_path / "docs/nowhere.md").symlink_to(tmp_path / "missing")
    found = find([str(tmp_path / "docs"), str(tmp_path / "docs/a.md")])
    assert names(found, tmp_path) == ["docs/a.md"]
    assert [(problem.state, problem.reason) for problem in found.problems] == [
        (State.FAILED, "a link that leads nowhere")
    ]


def test_globs_and_missing_paths(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "sub/b.md", "sub/deep/c.md", "sub/d.txt")
    assert names(find([str(tmp_path / "*.md")]), tmp_path) == ["a.md"]
    assert names(find([str(tmp_path / "**/*.md")]), tmp_path) == ["a.md", "sub/b.md", "sub/deep/c.md"]
    found = find([str(tmp_path / "*.pdf"), str(tmp_path / "gone")])
    assert [problem.reason for problem in found.problems] == ["no file matches this pattern", "no such file or folder"]


def test_exclude(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "drafts/b.md", "sub/c.tmp.md", "sub/d.md")
    assert names(find([str(tmp_path)], exclude=["drafts", "*.tmp.md"]), tmp_path) == ["a.md", "sub/d.md"]
    assert names(find([str(tmp_path)], exclude=["sub/*"]), tmp_path) == ["a.md", "drafts/b.md"]


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (problem,) = find([str(tmp_path)]).problems
    assert (problem.state, problem.reason) == (State.SKIPPED, "not a regular file")


@pytest.mark.parametrize("rights", [0o000, 0o400])  # not to be entered; its names, but not what they stand for
def test_an_unreadable_folder_is_named_and_the_rest_goes_on(tmp_path: Path, rights: int) -> None:
    write(tmp_path, "docs/shut/a.md", "docs/open.md")
    docs, shut = tmp_path / "docs", tmp_path / "docs/shut"
    (docs / "into.md").symlink_to(shut / "a.md")
    shut.chmod(rights)
    try:
        with as_anyone():
            found = find([str(docs)])
            given = find([str(shut / "a.md"), str(docs / "*.md")])
            assert on_disk(str(shut / "a.md"), "2026-01-01T00:00:00+00:00") == "gone"
            assert member_of(shut / "a.zip!" / "b.md") is None
    finally:
        shut.chmod(0o755)
    assert names(found, docs) == ["open.md"]
    assert {problem.state for problem in found.problems} == {State.FAILED}
    assert all("permission denied" in (problem.reason or "") and problem.hint for problem in found.problems)
    assert set(found.unseen) == {str(shut)}
    assert names(given, docs) == ["open.md"]


def test_empty_vanished_and_huge_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.md").touch()
    with pytest.raises(Unreadable, match="empty file"):
        read_whole(tmp_path / "empty.md")
    with pytest.raises(DocumentError, match="vanished before it was read"):
        read_whole(tmp_path / "gone.md")
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(300 << 20)  # a sparse file: it takes no room
    with pytest.raises(DocumentError, match="larger than 256 MB"):
        read_whole(tmp_path / "huge.txt")


def test_a_file_that_does_not_hold_still_is_named(tmp_path: Path) -> None:
    class Growing(type(tmp_path)):  # type: ignore[misc]
        """A file that grows whenever it is read."""

        def read_bytes(self) -> bytes:
            data = super().read_bytes()
            with self.open("ab") as file:
                file.write(b"more")
            return data

    (tmp_path / "log.txt").write_bytes(b"first")
    with pytest.raises(DocumentError, match="changed while it was being read"):
        read_whole(Growing(tmp_path / "log.txt"))


def stored(uri: str, content_hash: str = "h", recipe: str = "r") -> StoredDocument:
    return StoredDocument(id=uri, uri=uri, content_hash=content_hash, recipe=recipe, chunks=1)


def test_action() -> None:
    assert action(None, "h", "r") == "add"
    assert action(stored("/a"), "h", "r") == "keep"
    assert action(stored("/a"), "other", "r") == "replace"
    assert action(stored("/a"), "h", "better parser") == "replace"


def test_vanished_reaches_below_the_folders_given_only() -> None:
    library = {uri: stored(uri) for uri in ("/docs/a.md", "/docs/b.md", "/docs2/c.md", "/x/d.md", "/docs/shut/e.md")}
    gone = vanished(library, {"/docs/a.md"}, folders=["/docs"], unseen=["/docs/shut"])
    assert [document.uri for document in gone] == ["/docs/b.md"]
    assert vanished(library, set(), folders=[]) == []
    gone = vanished(library, set(), folders=[], matches=lambda uri: uri.startswith("/x/"))
    assert [document.uri for document in gone] == ["/x/d.md"]


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("*.md", "a.md", "sub/a.md"),
        ("**/*.md", "sub/deep/a.md", "a.txt"),
        ("s?b/[ab].md", "sub/a.md", "sub/c.md"),
    ],
)
def test_prune_reaches_what_a_glob_would_match(tmp_path: Path, pattern: str, inside: str, outside: str) -> None:
    (regex,) = find([str(tmp_path / pattern)]).patterns
    assert regex.fullmatch(str(tmp_path.resolve() / inside))
    assert not regex.fullmatch(str(tmp_path.resolve() / outside))
