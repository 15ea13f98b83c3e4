"""Archives and long tables: their members, their limits, and what hostile ones do."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import DocumentError
from ingest.containers import list_members, member_of, read_member
from ingest.containers.rows import LONG
from ingest.limits import Limits
from ingest.load import delimited, jsonl
from ingest.read import Unreadable, read_whole
from ingest.report import State
from ingest.walk import Found, find
from tests.ingest.small_files import tarred, zipped

SMALL = Limits(file_bytes=1 << 20, members=20, unpacked_bytes=4 << 20, depth=2)


def names(found: Found, root: Path) -> list[str]:
    return [path.relative_to(root.resolve()).as_posix() for path in found.files]


def problems(found: Found) -> dict[str, tuple[State, str]]:
    return {Path(p.path).name: (p.state, p.reason or "") for p in found.problems}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", zipped({"x/one.md": "# One", "two.txt": "Two"})),
        ("a.tar", tarred({"x/one.md": b"# One", "two.txt": b"Two"}, "w")),
        ("a.tar.gz", tarred({"x/one.md": b"# One", "two.txt": b"Two"}, "w:gz")),
        ("a.tgz", tarred({"x/one.md": b"# One", "two.txt": b"Two"}, "w:gz")),
        ("a.tar.bz2", tarred({"x/one.md": b"# One", "two.txt": b"Two"}, "w:bz2")),
        ("a.tar.xz", tarred({"x/one.md": b"# One", "two.txt": b"Two"}, "w:xz")),
    ],
)
def test_members_are_files_with_a_place_of_their_own(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    found = find([str(tmp_path)])
    assert names(found, tmp_path) == [f"{name}!/x/one.md", f"{name}!/two.txt"]
    assert found.problems == []
    assert [read_whole(path) for path in found.files] == [b"# One", b"Two"]
    assert [read_whole(path) for path in reversed(found.files)] == [b"Two", b"# One"]
    assert [found.sizes[path] for path in found.files] == [5, 3]


def test_archives_within_archives_are_read_to_a_depth(tmp_path: Path) -> None:
    inner = zipped({"deep.md": "Deep.", "deeper.zip": zipped({"deepest.md": "Deepest."})})
    (tmp_path / "a.zip").write_bytes(zipped({"b.zip": inner, "notes.txt.gz": _gzipped(b"Notes.")}))
    found = find([str(tmp_path)], limits=SMALL)
    assert names(found, tmp_path) == ["a.zip!/b.zip!/deep.md", "a.zip!/notes.txt.gz!/notes.txt"]
    assert problems(found) == {"deeper.zip": (State.FAILED, "archives within archives, deeper than 2")}
    assert [read_whole(path, SMALL) for path in found.files] == [b"Deep.", b"Notes."]


def _gzipped(data: bytes) -> bytes:
    import gzip

    return gzip.compress(data)


@pytest.mark.parametrize("name", ["../evil.md", "/etc/evil.md", "C:\\evil.md", "a/../../evil.md", "..\\evil.md"])
def test_names_that_lead_out_of_the_archive_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({name: "Evil.", "good.md": "Good."}))
    found = find([str(tmp_path)])
    assert names(found, tmp_path) == ["a.zip!/good.md"]
    assert [(p.state, p.reason) for p in found.problems] == [(State.FAILED, "its name leads out of the archive")]


def test_links_and_devices_in_archives_are_passed_over(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in (("link.md", tarfile.SYMTYPE), ("hard.md", tarfile.LNKTYPE), ("pipe.md", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    link = zipfile.ZipInfo("link.md")
    link.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    (tmp_path / "b.zip").write_bytes(out.getvalue())
    found = find([str(tmp_path)])
    assert found.files == []
    assert sorted(reason for _, reason in ((p.state, p.reason) for p in found.problems)) == [
        "a link inside an archive",
        "a link inside an archive",
        "a link inside an archive",
        "not a regular file",
    ]
    assert {p.state for p in found.problems} == {State.SKIPPED}


def test_a_zip_bomb_is_told_by_its_ratio_and_never_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"bomb.txt": b"\0" * (3 << 20), "good.md": "Good."}))
    found = find([str(tmp_path)])
    assert names(found, tmp_path) == ["a.zip!/good.md"]
    assert "times its size, as zip bombs do" in problems(found)["bomb.txt"][1]


def test_a_member_that_lies_about_its_size_is_bounded_all_the_same(tmp_path: Path) -> None:
    data = bytearray(zipped({"liar.txt": b"Words. " * 300_000}))
    for at in (data.find(b"PK\x03\x04") + 22, data.find(b"PK\x01\x02") + 24):
        data[at : at + 4] = (10).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(bytes(data))
    (path,) = find([str(tmp_path)], limits=SMALL).files
    with pytest.raises(DocumentError, match="the archive cannot be read|larger than"):
        read_whole(path, SMALL)


def test_a_packed_bomb_ends_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(tarred({"bomb.txt": b"\0" * (9 << 20)}, "w:gz"))
    (tmp_path / "b.txt.gz").write_bytes(_gzipped(b"\0" * (9 << 20)))
    found = find([str(tmp_path)], limits=SMALL)
    assert found.files == []
    assert all(p.state is State.FAILED and "MB" in (p.reason or "") for p in found.problems)
    assert len(found.problems) >= 2


def test_too_many_files_and_too_much_in_all_are_named(tmp_path: Path) -> None:
    (tmp_path / "many.zip").write_bytes(zipped({f"{n}.md": "Words." for n in range(40)}))
    big = {f"{n}.txt": bytes(range(256)) * 3000 for n in range(8)}
    (tmp_path / "big.zip").write_bytes(zipped(dict(big), zipfile.ZIP_STORED))
    found = find([str(tmp_path)], limits=SMALL)
    assert problems(found)["many.zip"] == (State.FAILED, "more than 20 files in it")
    assert sum("many.zip" in str(path) for path in found.files) == 20
    assert sum("big.zip" in str(path) for path in found.files) == 5
    assert "unpacks to more than 4 MB" in problems(found)["7.txt"][1]


def test_protected_broken_and_empty_archives_are_named(tmp_path: Path) -> None:
    locked = bytearray(zipped({"a.md": "Words."}))
    locked[locked.find(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(bytes(locked))
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 no archive")
    (tmp_path / "broken.tar.gz").write_bytes(b"\x1f\x8b no archive")
    (tmp_path / "empty.zip").write_bytes(zipped({}))
    found = find([str(tmp_path)])
    told = problems(found)
    assert told["a.md"] == (State.FAILED, "protected by a password")
    assert told["broken.zip"][0] is told["broken.tar.gz"][0] is State.FAILED
    assert told["empty.zip"] == (State.SKIPPED, "nothing in it")
    assert found.files == []
    assert len(found.unseen) == 3  # what could not be read is not pruned


def test_hidden_and_excluded_members_are_left_out_and_names_count_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for name in ("a.md", "a.md", ".hidden.md", "__MACOSX/a.md", "node_modules/x.md", "drafts/b.md"):
            archive.writestr(name, "Words.")
    found = find([str(tmp_path)], exclude=["drafts/*"])
    assert names(found, tmp_path) == ["a.zip!/a.md"]
    assert "this name twice" in problems(found)["a.md"][1]


def test_a_pruned_archive_reaches_its_members(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"a.md": "Words."}))
    assert find([str(tmp_path / "a.zip")]).folders == [f"{(tmp_path / 'a.zip').resolve()}!/"]
    (pattern,) = find([str(tmp_path / "*.zip")]).patterns
    assert pattern.fullmatch(f"{(tmp_path / 'a.zip').resolve()}!/x/a.md")


def test_only_what_is_in_an_archive_is_a_member(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped({"a.md": "Words.", "empty.md": ""}))
    assert member_of(Path(f"{archive}!/a.md")) == (archive, "a.md")
    assert member_of(archive) is None
    assert member_of(tmp_path / "b.zip!" / "a.md") is None
    with pytest.raises(DocumentError, match="vanished"):
        read_member(archive, "b.md", Limits())
    with pytest.raises(Unreadable, match="empty file"):
        read_whole(Path(f"{archive}!/empty.md"))


# -- long tables -----------------------------------------------------------------------------------


def test_a_long_table_is_read_in_parts_and_no_row_is_lost(tmp_path: Path) -> None:
    line = '{},"A title, with a comma","Words of a row\nthat breaks within its quotes, {}"\n'
    count = LONG // 1000 + 1000
    rows = "".join(line.format(n, "x" * 1000) for n in range(1, count + 1))
    (tmp_path / "big.csv").write_text("id,title,text\n" + rows, encoding="utf-8")
    found = find([str(tmp_path)])
    assert len(found.files) > 1
    seen: list[object] = []
    for path in found.files:
        parsed = delimited.load(path.name, read_whole(path))
        assert parsed.title.startswith("big rows ")
        assert parsed.blocks[0].title == "A title, with a comma"
        assert all(block.metadata["row"] == block.metadata["id"] for block in parsed.blocks)
        seen += [block.metadata["id"] for block in parsed.blocks]
    assert seen == list(range(1, count + 1))


def test_json_lines_are_parted_too_and_wide_encodings_are_not(tmp_path: Path) -> None:
    line = json.dumps({"text": "Words of a row. " * 200}) + "\n"
    count = LONG // len(line) + 10
    (tmp_path / "big.jsonl").write_text(line * count, encoding="utf-8")
    (tmp_path / "wide.csv").write_text("a,b\n" + "1,2\n" * (LONG // 7), encoding="utf-16")
    found = find([str(tmp_path)])
    assert [path.name for path in found.files][-1] == "wide.csv"
    parts = [path for path in found.files if "!/" in str(path)]
    assert sum(len(jsonl.load(path.name, read_whole(path)).blocks) for path in parts) == count


def test_a_quote_that_never_closes_does_not_swallow_the_table(tmp_path: Path) -> None:
    (tmp_path / "big.csv").write_text('a,b\n"open,1\n' + "word,2\n" * (LONG // 6), encoding="utf-8")
    listing = list_members(tmp_path / "big.csv", Limits())
    assert len(listing.members) > 1
    assert all(member.size <= LONG + (5 << 20) for member in listing.members)


def test_a_table_above_the_size_limit_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "big.csv").write_text("a,b\n" + "1,2\n" * (LONG // 3), encoding="utf-8")
    found = find([str(tmp_path)], limits=replace(Limits(), file_bytes=1 << 20))
    assert found.files == []
    assert problems(found)["big.csv"][1].startswith("larger than 1 MB")
