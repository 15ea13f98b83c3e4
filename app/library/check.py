"""Comparing the parts of a library: its files, the manifest, the catalogue, the lexical index, the vector index."""

from __future__ import annotations

import json
from pathlib import Path

from app.errors import LibraryDamaged
from app.library import bases, journal
from app.library.catalogue import LIVE, Connections, Generation, Manifest, latest, read_manifest
from app.library.check_catalogue import check_catalogue
from app.library.check_index import check_lexical, check_vectors
from app.library.findings import Difference, Findings, Sources, listed
from app.library.fingerprint import described
from app.library.on_disk import on_disk, same_bytes
from app.library.places import Places, existing


def verify(directory: Path, name: str, *, chroma_url: str | None = None) -> list[str]:
    """What does not agree in the last published generation, a line each; empty when everything does.

    Raises LibraryNotFound.
    """
    return [str(difference) for difference in inspect(directory, name, chroma_url=chroma_url).differences]


def inspect(directory: Path, name: str, *, chroma_url: str | None = None) -> Findings:
    """The same as values, with what a killed run left. Raises LibraryNotFound.

    It reads the whole library, and takes a moment for each thousand passages.
    """
    where = existing(directory, name)
    connections = Connections(where)
    try:
        with connections.lend() as connection:
            manifest, current = read_manifest(connection, where), latest(connection)
            return Findings(
                name,
                current.number,
                (
                    *_manifest(where, manifest, current),
                    *check_catalogue(connection, manifest, current),
                    *check_lexical(connection, current),
                    *check_vectors(connection, where, manifest, current, chroma_url),
                ),
                tuple(_leftovers(where, current)),
            )
    except LibraryDamaged as error:
        return Findings(name, None, (Difference("catalogue", error.message, repairable=False),))
    finally:
        connections.close()


def sources(directory: Path, name: str, *, read: bool = False) -> Sources:
    """The files that documents came from, as they stand now: no damage, but what another ingest would change.

    A file is taken for changed when it was written to since; with `read` only when its bytes are others. Members of
    archives count as gone when the archive is. Raises LibraryNotFound, LibraryDamaged.
    """
    where = existing(directory, name)
    connections = Connections(where)
    gone, changed, compared = [], [], 0
    try:
        with connections.lend() as connection:
            rows = connection.execute(
                f"SELECT d.uri, {journal.read_at(connection, 'd')}, d.content_hash FROM documents d "
                f"WHERE {LIVE.format('d')} ORDER BY d.uri",
                {"generation": latest(connection).number},
            ).fetchall()
    finally:
        connections.close()
    for uri, read_at, content_hash in rows:
        state = on_disk(uri, read_at)
        compared += state != "elsewhere"
        if state == "gone":
            gone.append(uri)
        elif state != "elsewhere" and (not same_bytes(uri, content_hash) if read else state == "changed"):
            changed.append(uri)
    return Sources(compared, tuple(gone), tuple(changed))


def _manifest(where: Places, manifest: Manifest, current: Generation) -> list[Difference]:
    """The file beside the catalogue that says what the library was made with, against the catalogue."""
    said = where.fingerprint
    if not said.exists():
        return []  # a note: the next writer writes it
    try:
        there = json.loads(said.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: not JSON, or not even UTF-8
        return [Difference("files", f"{said.name} cannot be read: {error}")]
    expected = described(where, manifest, current)
    off = [
        key
        for key in expected
        if key != "generation" and (not isinstance(there, dict) or there.get(key) != expected[key])
    ]
    if off:
        return [Difference("manifest", f"{said.name} and the catalogue differ in {', '.join(off)}")]
    return []


def _leftovers(where: Places, current: Generation) -> list[str]:
    found = []
    if where.vectors.is_dir():
        kept = {str(current.base), "0"}
        found = sorted(path.name for path in where.vectors.iterdir() if path.name not in kept)
    waiting = [name for name in found if name.isdecimal() and bases.in_use(where, int(name))]
    left = [name for name in found if name not in waiting]
    return [
        *([] if where.fingerprint.exists() else [f"{where.fingerprint.name} comes with the next ingest"]),
        *(["no index is built yet: all is searched exactly"] if current.base == 0 and current.chunks else []),
        *(
            [listed(waiting, len(waiting), "old index is still being read", "old indexes are still being read")]
            if waiting
            else []
        ),
        *(
            [
                listed(
                    left,
                    len(left),
                    "unfinished or old index goes with the next ingest",
                    "unfinished or old indexes go with the next ingest",
                )
            ]
            if left
            else []
        ),
    ]
