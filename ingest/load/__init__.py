"""Which loader reads which file. Loaders take a name and bytes and give `Parsed`, or raise DocumentError."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePath
from typing import cast

from app.errors import DocumentError
from ingest.load.parsed import Parsed


@dataclass(frozen=True, slots=True)
class Format:
    """A format we read. `isolated`: its parser is large and old enough to hang or crash, so it runs in a process
    of its own with a time limit. `text_share`: how much of such a file is text, roughly (0..1), for the time left."""

    name: str
    module: str
    isolated: bool = False
    text_share: float = 1.0


_MARKDOWN = Format("markdown", "ingest.load.markdown")
_TEXT = Format("text", "ingest.load.text")
_HTML = Format("html", "ingest.load.html", isolated=True, text_share=0.3)
_PDF = Format("pdf", "ingest.load.pdf", isolated=True, text_share=0.2)
_DOCX = Format("docx", "ingest.load.docx", isolated=True, text_share=0.2)
_CSV = Format("csv", "ingest.load.delimited")
_JSONL = Format("jsonl", "ingest.load.jsonl")

FORMATS: dict[str, Format] = {
    ".md": _MARKDOWN,
    ".mdx": _MARKDOWN,
    ".markdown": _MARKDOWN,
    ".txt": _TEXT,
    ".text": _TEXT,
    ".rst": _TEXT,
    ".org": _TEXT,
    ".html": _HTML,
    ".htm": _HTML,
    ".xhtml": _HTML,
    ".pdf": _PDF,
    ".docx": _DOCX,
    ".csv": _CSV,
    ".tsv": _CSV,
    ".jsonl": _JSONL,
    ".ndjson": _JSONL,
}


def format_of(path: PurePath) -> Format | None:
    """The format by the file's ending; None where there is no reader."""
    return FORMATS.get(path.suffix.lower())


def no_reader(path: PurePath) -> str:
    """Why a file is skipped, in words."""
    return f"no reader for {path.suffix.lower()} yet" if path.suffix else "no reader for files without an ending"


def parser_version(kind: Format) -> str:
    """Name and version of the parser: part of the recipe, so that a better parser reads its files again."""
    return _VERSIONS[kind.name]


# Beside the loaders and not in them: the run needs them without importing pypdf, lxml and the like.
_VERSIONS = {
    "markdown": "markdown-1",
    "text": "text-1",
    "html": "html-1",
    "pdf": "pdf-1",
    "docx": "docx-1",
    "csv": "csv-1",
    "jsonl": "jsonl-1",
}


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
    TypeError,
    ValueError,
)


def load(kind: Format, name: str, data: bytes) -> Parsed:
    """Parse one file in this process. `name` is the file's name, for the title.

    Raises DocumentError with a reason and a hint.
    """
    try:
        return cast(Parsed, import_module(kind.module).load(name, data))
    except (RecursionError, MemoryError) as error:
        raise DocumentError(
            f"too deeply nested or too large ({type(error).__name__})", hint="Split the file."
        ) from error
    except _FAULTS as error:
        what = " ".join(str(error).split())[:160]
        raise DocumentError(
            f"the {kind.name} reader stumbled over it: {type(error).__name__}: {what}",
            hint="The file may be damaged; save it again in its own program.",
        ) from error
