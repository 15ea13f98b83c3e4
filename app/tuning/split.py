"""Who may see what: which training documents are kept back so that calibrations can be fitted on them.

A cross-encoder's scores on what it was trained on are over-confident, so `app.tuning` trains on the documents for
which `held_out` is false and calibrates on those for which it is true, and both ask this file. The unit is the source
document (a whole article, story, report or site), not the passage: passages of one article share their subject, and a
calibration that had seen their siblings in training would flatter the scorer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

HELD_OUT_SHARE = 10  # one source document in ten


def source_document(row: Mapping[str, object]) -> str:
    """The source document a corpus row belongs to: its context or story, else its article's title, else its own id.

    "Israel - Museums" is a section of the article "Israel", whichever question set it came in.

    >>> source_document({"id": "p1", "title": "Israel - Museums"})
    'israel'
    """
    for field in ("context", "story"):
        value = row.get(field)
        if isinstance(value, str) and value:
            return f"{field}:{value}"
    title = str(row.get("title") or "").split(" - ")[0].strip().casefold()
    return title or str(row["id"])


def held_out(row: Mapping[str, object]) -> bool:
    """True where the row's source document is kept back for calibration; training uses the complement."""
    return bucket(source_document(row), HELD_OUT_SHARE) == 0


def bucket(key: str, buckets: int) -> int:
    """A bucket 0..buckets-1 that is the same on every machine and run (SHA-1 of the key)."""
    return int.from_bytes(hashlib.sha1(key.encode("utf-8"), usedforsecurity=False).digest(), "big") % buckets
