"""Do the two search indexes hold what the catalogue holds? Each is compared row by row."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Protocol

import numpy as np

from app.library import bases, exact, findings, journal
from app.library.catalogue import LIVE, TOKENIZER, Generation, Manifest
from app.library.dense import BaseIndex
from app.library.filters import Rows, select_rows
from app.library.findings import Difference
from app.library.lexical import indexed_words
from app.library.places import Places
from app.library.rows import CHUNK_COLUMNS, CHUNK_TABLES, chunk_of
from app.library.server import ServerBase
from app.library.vectors import IndexUnreadable
from app.ports import Vectors

_SAMPLE = 50
_ALIKE = 1e-4  # how far two copies of one vector may be apart in any number: the index keeps them at length 1 itself


class ComparableIndex(BaseIndex, Protocol):
    """An index that tells what is in it."""

    def rows(self) -> set[int]: ...

    def stored(self, rows: Rows) -> tuple[Rows, Vectors]: ...


# -- words -----------------------------------------------------------------------------------------


def check_lexical(connection: sqlite3.Connection, current: Generation) -> list[Difference]:
    if not (journal.has(connection, "lexical") and journal.has(connection, "postings")):
        return [Difference("lexical index", "it is not there")]
    try:
        return _lexical(connection, current)
    except sqlite3.DatabaseError as error:  # the rest of the catalogue was read before
        return [Difference("lexical index", f"it cannot be read: {error}")]


def _lexical(connection: sqlite3.Connection, current: Generation) -> list[Difference]:
    stored = {row[0] for row in connection.execute("SELECT row FROM chunks")}
    live = set(select_rows(connection, current.number, ()).tolist())
    indexed = {row[0] for row in connection.execute("SELECT rowid FROM lexical")}
    other = _other_words(connection, current) - (live - indexed)
    part: findings.Part = "lexical index"
    found = [
        *findings.chunks(connection, part, live - indexed, "chunk is missing", "chunks are missing"),
        *findings.chunks(connection, part, indexed - stored, "entry belongs to no chunk", "entries belong to no chunk"),
        *findings.chunks(
            connection, part, other, "chunk is filed under other words", "chunks are filed under other words"
        ),
    ]
    terms = _terms_that_differ(connection)
    if terms:
        first = sorted(terms)[:5]
        found.append(
            Difference(
                part, findings.listed(first, len(terms), "word leads to other passages", "words lead to other passages")
            )
        )
    return found


def _other_words(connection: sqlite3.Connection, current: Generation) -> set[int]:
    """Chunks whose words, cut anew from their text, are not those that were put into the index."""
    rows = connection.execute(
        f"SELECT c.row, c.words, l.words, {CHUNK_COLUMNS} FROM {CHUNK_TABLES} "
        f"LEFT JOIN lexical l ON l.rowid = c.row WHERE {LIVE.format('c')}",
        {"generation": current.number},
    )
    off = set()
    for row, counted, filed, *columns in rows:
        words = indexed_words(chunk_of(tuple(columns)))
        if filed != " ".join(words) or counted != len(words):
            off.add(row)
    return off


def _terms_that_differ(connection: sqlite3.Connection) -> set[str]:
    """Terms whose postings are not those that FTS5 makes of the words beside them."""
    with closing(sqlite3.connect("", isolation_level=None)) as anew:  # a file of its own once it grows
        anew.execute(f"CREATE VIRTUAL TABLE lexical USING fts5 (words, tokenize = '{TOKENIZER}')")
        anew.execute("CREATE VIRTUAL TABLE terms USING fts5vocab (lexical, 'row')")
        anew.execute("BEGIN")
        rows = connection.execute("SELECT rowid, words FROM lexical")
        anew.executemany("INSERT INTO lexical (rowid, words) VALUES (?, ?)", rows)
        anew.execute("COMMIT")
        expected = {term: (rows, hits) for term, rows, hits in anew.execute("SELECT term, doc, cnt FROM terms")}
    there = connection.execute("SELECT term, count(DISTINCT doc), count(*) FROM postings GROUP BY term")
    held = {term: (rows, hits) for term, rows, hits in there}
    return {term for term in expected.keys() | held.keys() if expected.get(term) != held.get(term)}


# -- vectors ---------------------------------------------------------------------------------------


def check_vectors(
    connection: sqlite3.Connection, where: Places, manifest: Manifest, current: Generation, chroma_url: str | None
) -> list[Difference]:
    if current.chunks == 0 or current.base == 0:  # none was built yet: a note, and no difference
        return []
    until = f"(until it is built anew, library {where.name!r} is searched exactly)"
    held = bases.hold(where, current.base)
    if held is None:
        return [Difference("vectors", f"generation {current.number} has no base index {until}")]
    with held:
        try:
            base = open_index(where, manifest, current, chroma_url)
        except IndexUnreadable as error:
            return [Difference("vectors", f"the base index {current.base} cannot be read: {error} {until}")]
        with closing(base):
            try:
                return _compare(connection, base, manifest, current)
            except IndexUnreadable as error:
                return [Difference("vectors", f"the base index {current.base} cannot be searched: {error} {until}")]


def open_index(where: Places, manifest: Manifest, current: Generation, chroma_url: str | None) -> ComparableIndex:
    """The index of a generation, here or on the server. Raises IndexUnreadable."""
    if chroma_url is None:
        return bases.open_embedded(where, current.base)
    return ServerBase(chroma_url, where.name, manifest.id, current.base)


def _compare(
    connection: sqlite3.Connection, base: ComparableIndex, manifest: Manifest, current: Generation
) -> list[Difference]:
    expected = select_rows(connection, current.base, ())
    rows, indexed = set(expected.tolist()), base.rows()
    off = set()
    for numbers, matrix in exact.batches(
        connection, np.array(sorted(rows & indexed), dtype=np.int64), manifest.dimension
    ):
        there, held = base.stored(numbers)
        both = dict(zip(there.tolist(), held, strict=True))
        for row, vector in zip(numbers.tolist(), matrix, strict=True):
            if row not in both or not np.allclose(both[row], vector, atol=_ALIKE):
                off.add(row)
    sample = np.random.default_rng(0).choice(expected, size=min(_SAMPLE, len(expected)), replace=False)
    numbers, matrix = exact.read_vectors(connection, np.sort(sample), manifest.dimension)
    lost = {
        row
        for row, vector in zip(numbers.tolist(), matrix, strict=True)
        if row in indexed - off and vector.any() and _cosine_of_nearest(base, vector) < 1.0 - 1e-3
    }
    here = f"the base index {current.base}"
    sampled = f"of {len(numbers)} sampled chunks"
    not_found = (f"{sampled} is not found by its own vector", f"{sampled} are not found by their own vector")
    missing = (f"chunk is missing from {here}", f"chunks are missing from {here}")
    another = (f"chunk has another vector in {here}", f"chunks have another vector in {here}")
    strays = ("row of no chunk", "rows of no chunk")
    return [
        *findings.chunks(connection, "vectors", rows - indexed, *missing),
        *findings.chunks(connection, "vectors", indexed - rows, *strays, before=f"{here} holds "),
        *findings.chunks(connection, "vectors", off, *another),
        *findings.chunks(connection, "vectors", lost, *not_found),
    ]


def _cosine_of_nearest(base: ComparableIndex, vector: Vectors) -> float:
    best = base.nearest(vector, 1)
    return best[0][1] if best else -1.0
