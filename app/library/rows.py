"""Documents and chunks as rows of the catalogue, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from app.domain import Chunk, Document, Metadata
from app.errors import DocumentError
from app.library.catalogue import LIVE

CHUNK_COLUMNS = "c.id, d.id, c.text, c.title, c.ordinal, c.tokens, c.section, c.page, c.metadata"
CHUNK_TABLES = "chunks c JOIN documents d ON d.row = c.document"

ChunkRow = tuple[str, str, str, str, int, int, str, int | None, str]


def pack(metadata: Metadata, document: Document) -> str:
    """Metadata as JSON. Raises DocumentError for values JSON does not have (NaN, infinity, objects)."""
    try:
        return json.dumps(dict(metadata), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DocumentError(
            f"{document.uri}: its metadata cannot be stored: {error}", hint="Use text, numbers and true or false."
        ) from error


def chunk_of(row: ChunkRow) -> Chunk:
    return Chunk(
        id=row[0],
        document_id=row[1],
        text=row[2],
        title=row[3],
        ordinal=row[4],
        tokens=row[5],
        section=tuple(json.loads(row[6])),
        page=row[7],
        metadata=json.loads(row[8]),
    )


def chunks_by_id(connection: sqlite3.Connection, generation: int, chunk_ids: Sequence[str]) -> dict[str, Chunk]:
    """The chunks of these ids that the generation sees, in the order asked for."""
    rows = connection.execute(
        f"SELECT {CHUNK_COLUMNS} FROM {CHUNK_TABLES} "
        f"WHERE c.id IN (SELECT value FROM json_each(:ids)) AND {LIVE.format('c')}",
        {"ids": json.dumps(list(chunk_ids)), "generation": generation},
    ).fetchall()
    found = {row[0]: chunk_of(row) for row in rows}
    return {chunk_id: found[chunk_id] for chunk_id in chunk_ids if chunk_id in found}


def chunks_around(connection: sqlite3.Connection, generation: int, chunk_id: str, reach: int = 1) -> tuple[Chunk, ...]:
    """The chunk with up to `reach` before and after it in its document; empty where the generation has none such."""
    rows = connection.execute(
        f"SELECT {CHUNK_COLUMNS} FROM {CHUNK_TABLES} JOIN chunks me ON me.document = c.document "
        f"WHERE me.id = :id AND {LIVE.format('me')} AND c.ordinal BETWEEN me.ordinal - :reach AND me.ordinal + :reach "
        f"AND {LIVE.format('c')} ORDER BY c.ordinal",
        {"id": chunk_id, "generation": generation, "reach": reach},
    ).fetchall()
    return tuple(chunk_of(row) for row in rows)


def rows_of_ids(connection: sqlite3.Connection, generation: int, chunk_ids: Sequence[str]) -> dict[str, int]:
    """Chunk id -> row, of the chunks the generation sees."""
    return dict(
        connection.execute(
            "SELECT c.id, c.row FROM chunks c WHERE c.id IN (SELECT value FROM json_each(:ids)) "
            f"AND {LIVE.format('c')}",
            {"ids": json.dumps(list(chunk_ids)), "generation": generation},
        ).fetchall()
    )


def ids_of_rows(connection: sqlite3.Connection, rows: Sequence[int]) -> dict[int, str]:
    """Row -> chunk id."""
    return dict(
        connection.execute(
            "SELECT row, id FROM chunks WHERE row IN (SELECT value FROM json_each(?))", (json.dumps(list(rows)),)
        ).fetchall()
    )
