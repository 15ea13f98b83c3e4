"""A long table is one file and several documents. When it grows, its last part gets another name; when it crosses the
length at which it is read in parts, all of it does. What was stored under the earlier names makes way. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from app.ports import StoredDocument
from ingest.containers.members import MARK


def superseded(
    stored: Mapping[str, StoredDocument], searchable: Set[str], failed: Set[str], tables: Iterable[str]
) -> list[StoredDocument]:
    """Stored documents whose rows are in the library under other names now.

    `searchable` are the uris that this run read or found unchanged, `failed` those that ended otherwise, `tables` the
    files read in parts. Nothing makes way for a table of which a part could not be read, or which holds none.
    """
    gone: list[StoredDocument] = []
    parted = set(tables)
    for table in sorted(parted):
        inside = table + MARK
        if any(uri.startswith(inside) for uri in failed) or not any(uri.startswith(inside) for uri in searchable):
            continue
        earlier = (uri for uri in stored if uri == table or (uri.startswith(inside) and uri not in searchable))
        gone += [stored[uri] for uri in earlier]
    whole = searchable - parted
    return gone + [one for uri, one in stored.items() if MARK in uri and _table_of(uri) in whole]


def _table_of(part: str) -> str:
    """`_table_of("/a/big.csv!/big rows 1 to 5000.csv") == "/a/big.csv"`; the name of a table holds no mark."""
    return part.rpartition(MARK)[0]
