"""How a file would be cut, before it is added: as a person reads it, and as JSON. Nothing is written."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path

from app.domain import Chunk
from app.errors import UsageError
from app.files import found_at
from app.language import name_of
from app.ports import Embedder
from ingest.ahead import Parsers
from ingest.containers import member_of
from ingest.cutting import ABOUT, Chosen, Cutting, chosen_for
from ingest.limits import Limits
from ingest.load import format_of, no_reader, other_format, with_columns
from ingest.load.records import Choice
from ingest.making import make
from ingest.read import Unreadable, read_whole
from ingest.told import unspoken


@dataclass(frozen=True, slots=True)
class Preview:
    """One file as it would be written. `notes` are whole sentences."""

    title: str
    format: str
    chosen: Chosen
    limit: int
    language: str | None
    metadata: dict[str, object]
    notes: tuple[str, ...]
    chunks: tuple[Chunk, ...]


def preview(
    path: Path,
    embedder: Embedder,
    cutting: Cutting,
    *,
    limits: Limits | None = None,
    columns: Choice | None = None,
) -> Preview:
    """Read and cut one file as a run would. Raises UsageError where nothing is there to read, else DocumentError."""
    limits = limits if limits is not None else Limits()
    kind = with_columns(format_of(path), columns)
    if kind is None:
        raise UsageError(
            no_reader(path),
            hint=other_format(path) or "Name a file of a format that is read: docs/ingesting-documents.md lists them.",
        )
    if found_at(path) is None and member_of(path) is None:
        raise UsageError("no such file", hint="Check the path.")
    try:
        data = read_whole(path, limits)
    except Unreadable as reason:
        raise UsageError(str(reason), hint="Name a file with text in it.") from reason
    cutting = cutting.within(embedder.max_tokens)
    with Parsers(limits.seconds, limits.memory, count=1) as parsers:
        parsed = parsers.begin(kind, path.name, data).result()
    made = make(parsed, path, "preview", kind.name, "", cutting, embedder.count_tokens)
    return Preview(
        title=parsed.title,
        format=kind.name,
        chosen=chosen_for(kind.name, cutting),
        limit=cutting.limit,
        language=made.language,
        metadata=dict(parsed.metadata),
        notes=(*parsed.warnings, *unspoken(made.language, embedder.id)),
        chunks=tuple(cut.chunk for cut in made.cuts),
    )


def to_json(seen: Preview) -> str:
    """The preview of `--json`, schema 1."""
    return json.dumps(
        {
            "schema": 1,
            "title": seen.title,
            "format": seen.format,
            "strategy": seen.chosen.strategy,
            "why": seen.chosen.why,
            "limit": seen.limit,
            "language": seen.language,
            "metadata": seen.metadata,
            "warnings": seen.notes,
            "passages": [
                {
                    "section": c.section,
                    "page": c.page,
                    "title": c.title,
                    "context": c.context,
                    "tokens": c.tokens,
                    "metadata": dict(c.metadata),
                    "text": c.text,
                }
                for c in seen.chunks
            ],
        }
    )


def to_text(seen: Preview) -> str:
    """The preview for a terminal."""
    sizes = [chunk.tokens for chunk in seen.chunks]
    out = [
        f"{seen.title} ({seen.format}): {len(sizes):,} {'passage' if len(sizes) == 1 else 'passages'}",
        f"strategy: {seen.chosen.strategy} ({seen.chosen.why}): {ABOUT[seen.chosen.strategy]}",
        f"tokens: {min(sizes)} to {max(sizes)}, median {statistics.median(sizes):.0f}, at most {seen.limit}",
        f"language: {'not told' if seen.language is None else name_of(seen.language)}",
        *(f"note: {note}" for note in seen.notes),
    ]
    for chunk in seen.chunks:
        place = " > ".join(chunk.section) + (f" (page {chunk.page})" if chunk.page is not None else "")
        out.append(f"\n--- {chunk.ordinal + 1}: {chunk.tokens} tokens  {place}")
        if chunk.metadata:
            out.append("    " + ", ".join(f"{key}={value}" for key, value in chunk.metadata.items()))
        out.append(chunk.text)
    return "\n".join(out)
