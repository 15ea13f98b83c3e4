"""Which loader reads which file. Loaders take a name and bytes and give `Parsed`, or raise DocumentError."""

from __future__ import annotations

import csv
import struct
import zipfile
import zlib
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import PurePath
from typing import cast

from app.errors import DocumentError
from ingest.load.parsed import Parsed
from ingest.load.records import Choice


@dataclass(frozen=True, slots=True)
class Format:
    """A format we read. `text_share`: how much of such a file is text, roughly (0..1), for the time left. `columns`:
    what a person chose for the tables of a format with records."""

    name: str
    module: str
    text_share: float = 1.0
    records: bool = False
    columns: Choice | None = None


_MARKDOWN = Format("markdown", "ingest.load.markdown")
_TEXT = Format("text", "ingest.load.text")
_RST = Format("rst", "ingest.load.rst")
_ASCIIDOC = Format("asciidoc", "ingest.load.asciidoc")
_ORG = Format("org", "ingest.load.org")
_HTML = Format("html", "ingest.load.html", text_share=0.3)
_PDF = Format("pdf", "ingest.load.pdf", text_share=0.2)
_DOCX = Format("docx", "ingest.load.docx", text_share=0.2)
_PPTX = Format("pptx", "ingest.load.pptx", text_share=0.02)
_SHEET = Format("sheet", "ingest.load.sheet", text_share=0.5, records=True)
_ODF = Format("opendocument", "ingest.load.odf", text_share=0.2)
_RTF = Format("rtf", "ingest.load.rtf", text_share=0.3)
_EPUB = Format("epub", "ingest.load.epub", text_share=0.5)
_MAIL = Format("email", "ingest.load.mail", text_share=0.3)
_NOTEBOOK = Format("notebook", "ingest.load.notebook", text_share=0.3)
_XML = Format("xml", "ingest.load.xml", text_share=0.6)
_JSON = Format("json", "ingest.load.json_file", records=True)
_CSV = Format("csv", "ingest.load.delimited", records=True)
_JSONL = Format("jsonl", "ingest.load.jsonl", records=True)
_CODE = Format("code", "ingest.load.code")

_ENDINGS: dict[Format, str] = {
    _MARKDOWN: "md mdx markdown",
    _TEXT: "txt text log srt vtt",
    _RST: "rst rest",
    _ASCIIDOC: "adoc asciidoc asc",
    _ORG: "org",
    _HTML: "html htm xhtml",
    _PDF: "pdf",
    _DOCX: "docx docm dotx",
    _PPTX: "pptx pptm ppsx",
    _SHEET: "xlsx xlsm xlsb xls ods",
    _ODF: "odt odp ott",
    _RTF: "rtf",
    _EPUB: "epub",
    _MAIL: "eml",
    _NOTEBOOK: "ipynb",
    _XML: "xml",
    _JSON: "json",
    _CSV: "csv tsv",
    _JSONL: "jsonl ndjson",
    _CODE: (
        "py pyi js mjs cjs jsx ts tsx java go rs c h cc cpp cxx hpp hh cs rb php swift kt kts scala lua pl r jl sh bash"
        " ps1 sql yaml yml toml ini cfg css scss proto graphql tf"
    ),
}
FORMATS: dict[str, Format] = {f".{ending}": kind for kind, endings in _ENDINGS.items() for ending in endings.split()}


_SAVE_AS = {
    ".doc": ".docx", ".pages": ".docx", ".wpd": ".docx", ".ppt": ".pptx", ".key": ".pptx", ".numbers": ".xlsx",
    ".msg": ".eml", ".mbox": ".eml, one file a message", ".mobi": ".epub", ".azw3": ".epub", ".djvu": ".pdf",
    ".parquet": ".csv", ".7z": ".zip", ".rar": ".zip",
}  # fmt: skip


def format_of(path: PurePath) -> Format | None:
    """The format by the file's ending; None where there is no reader."""
    return FORMATS.get(path.suffix.lower())


def with_columns(kind: Format | None, choice: Choice | None) -> Format | None:
    """The format with the columns that a person chose, where it is one with records."""
    return kind if kind is None or choice is None or not kind.records else replace(kind, columns=choice)


def no_reader(path: PurePath) -> str:
    """Why a file is skipped, in words."""
    return f"no reader for {path.suffix.lower()} yet" if path.suffix else "no reader for files without an ending"


def other_format(path: PurePath) -> str:
    """What a file that is skipped can be saved as; "" where nothing is known."""
    wanted = _SAVE_AS.get(path.suffix.lower())
    return f"Save it as {wanted}." if wanted is not None else ""


def parser_version(kind: Format) -> str:
    """Name and version of the parser: part of the recipe, so that a better parser reads its files again, and so that
    other columns do."""
    version = f"{kind.name}-{_VERSIONS.get(kind.name, 1)}"
    if kind.columns is None:
        return version
    return f"{version}[{kind.columns.title or ''}|{','.join(kind.columns.text)}]"


# Beside the loaders and not in them: the run needs them without importing pypdf, lxml and the like. 1 where not named.
_VERSIONS = {"html": 2, "pdf": 2, "docx": 2, "csv": 2, "jsonl": 2, "markdown": 2, "text": 2}


# What a parser raises over a file it was not made for. Named one by one, so that our own stop signals pass.
_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
    csv.Error,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def _faults() -> tuple[type[Exception], ...]:
    """Those, and lxml's own. Asked for only when something was raised: it imports lxml."""
    from lxml.etree import LxmlError

    return (*_FAULTS, LxmlError)


def load(kind: Format, name: str, data: bytes) -> Parsed:
    """Parse one file in this process. `name` is the file's name, for the title.

    Raises DocumentError with a reason and a hint.
    """
    try:
        module = import_module(kind.module)
        if kind.columns is not None:
            return cast(Parsed, module.load(name, data, kind.columns))
        return cast(Parsed, module.load(name, data))
    except (RecursionError, MemoryError) as error:
        raise DocumentError(
            f"too deeply nested or too large ({type(error).__name__})", hint="Split the file."
        ) from error
    except _faults() as error:
        what = " ".join(str(error).split())[:160]
        raise DocumentError(
            f"the {kind.name} reader stumbled over it: {type(error).__name__}: {what}",
            hint="The file may be damaged; save it again in its own program.",
        ) from error
