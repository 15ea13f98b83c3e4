"""Every reader against damaged files: only a document or a DocumentError comes out, within a time limit.

A small real file of each format is damaged: bytes changed, cut out, doubled, moved, parts of a ZIP's content damaged
and packed again. The run in CI is short and always the same; a longer one looks further:

    SLUICE_FUZZ=2000 python -m pytest tests/ingest/test_fuzz_loaders.py
"""

from __future__ import annotations

import io
import logging
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import PurePath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import DocumentError
from ingest.containers import archive
from ingest.limits import Limits
from ingest.load import format_of, load
from ingest.load.parsed import Parsed
from tests.ingest import small_files

EXAMPLES = int(os.environ.get("SLUICE_FUZZ", "12"))
SECONDS = 10.0  # of processor time, for one damaged file of a few kilobytes

FILES: dict[str, Callable[[], bytes]] = {
    "a.pdf": small_files.pdf,
    "a.docx": small_files.word,
    "a.pptx": small_files.slides,
    "a.xlsx": small_files.sheets,
    "a.epub": small_files.book,
    "a.odt": small_files.opendocument,
    "a.rtf": lambda: small_files.RTF,
    "a.eml": lambda: small_files.message({"owls.md": b"# Food", "owls.csv": small_files.CSV}),
    "a.ipynb": small_files.notebook,
    "a.xml": lambda: small_files.XML,
    "a.json": lambda: small_files.JSON,
    "a.jsonl": lambda: small_files.JSONL,
    "a.csv": lambda: small_files.CSV,
    "a.md": lambda: small_files.MARKDOWN,
    "a.rst": lambda: small_files.RST,
    "a.adoc": lambda: small_files.ASCIIDOC,
    "a.org": lambda: small_files.ORG,
    "a.html": lambda: small_files.HTML,
    "a.py": lambda: small_files.PYTHON,
    "a.rb": lambda: b"# Hoots.\ndef hoot\n  1\nend\n",
    "a.txt": lambda: small_files.TEXT,
}
ZIPPED = ("a.docx", "a.pptx", "a.xlsx", "a.epub", "a.odt")

_TOKENS = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"%PDF-", b"PK\x03\x04", b"<!ENTITY a \"b\">", b"&a;", b"<![CDATA[", b"-->",
    b"\"", b"|", b"\n\n", b"```", b"[[", b"{{", b"\\u0000", b"\\'", b"stream", b"endobj", b"1e999", b"99999999999",
    b"\xed\xa0\x80", "\u202e\u200b".encode(), b"=" * 40, b"=?utf-8?q?=FF?=", b"NaN", b"\x1b[", b"\r",
)  # fmt: skip


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """One to five changes, at places given as shares of the length."""
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(("change", "cut", "double", "insert", "end")),
                st.floats(0, 1),
                st.floats(0, 0.2),
                st.one_of(st.sampled_from(_TOKENS), st.binary(min_size=1, max_size=8)),
            ),
            min_size=1,
            max_size=5,
        )
    )

    def damaged(data: bytes) -> bytes:
        for how, where, length, token in steps:
            at = int(where * len(data))
            end = min(len(data), at + 1 + int(length * len(data)))
            if how == "change":
                data = data[:at] + token + data[at + len(token) :]
            elif how == "cut":
                data = data[:at] + data[end:]
            elif how == "double":
                data = data[:end] + data[at:end] * 3 + data[end:]
            elif how == "insert":
                data = data[:at] + token + data[at:]
            else:
                data = data[: max(1, at)]
        return data

    return damaged


def read(name: str, data: bytes) -> None:
    """Fails where anything but a document or a DocumentError comes out, or where it takes too long."""
    kind = format_of(PurePath(name))
    assert kind is not None
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    try:
        parsed = load(kind, name, data)
    except DocumentError as error:
        assert error.message
    else:
        assert isinstance(parsed, Parsed)
        assert parsed.blocks
        for block in parsed.blocks:
            block.text.encode("utf-8")  # no lone surrogates
            assert "\0" not in block.text
    finally:
        logging.disable(logging.NOTSET)
    assert time.process_time() - began < SECONDS


FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 100,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_gives_a_document_or_a_reason(name: str) -> None:
    whole = FILES[name]()
    read(name, whole)

    @FUZZ
    @given(damage())
    def damaged_files(damaged: Callable[[bytes], bytes]) -> None:
        read(name, damaged(whole))

    damaged_files()


@pytest.mark.parametrize("name", ZIPPED)
def test_a_file_with_a_damaged_part_gives_a_document_or_a_reason(name: str) -> None:
    whole = FILES[name]()
    with zipfile.ZipFile(io.BytesIO(whole)) as opened:
        parts = {part: opened.read(part) for part in opened.namelist()}

    @FUZZ
    @given(st.sampled_from(sorted(parts)), damage())
    def damaged_parts(part: str, damaged: Callable[[bytes], bytes]) -> None:
        read(name, small_files.zipped({**parts, part: damaged(parts[part])}, zipfile.ZIP_STORED))

    damaged_parts()


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.xz", "a.gz"])
def test_a_damaged_archive_gives_its_members_or_a_reason(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    files = {"x/one.md": b"# One" * 50, "two.zip": small_files.zipped({"deep.md": "Deep."})}
    whole = (
        small_files.zipped(dict(files))
        if name == "a.zip"
        else small_files.tarred(files, {"a.tar": "w", "a.tar.xz": "w:xz"}.get(name, "w:gz"))
    )
    path = tmp_path_factory.mktemp("fuzz") / name
    limits = Limits(file_bytes=1 << 20, members=100, unpacked_bytes=4 << 20)

    @FUZZ
    @given(damage())
    def damaged_archives(damaged: Callable[[bytes], bytes]) -> None:
        path.write_bytes(damaged(whole))
        began = time.process_time()
        try:
            for member in archive.listing(path, limits).members:
                assert not member.name.startswith("/")
                assert ".." not in member.name.split("/")
                assert len(archive.content(path, member.name, limits)) <= limits.file_bytes
        except DocumentError as error:
            assert error.message
        assert time.process_time() - began < SECONDS

    damaged_archives()
