"""What a library was built with, as a file beside it for people, and as one short string for comparisons."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

from app.library.catalogue import SCHEMA_VERSION, TOKENIZER, Generation, Manifest
from app.library.lexical import K1, B
from app.library.places import Places
from app.library.vectors import HNSW


def ingredients(manifest: Manifest) -> dict[str, object]:
    """Everything that changes what retrieval finds in the same documents."""
    return {
        "embedder": manifest.embedder_id,
        "dimension": manifest.dimension,
        "chunker": manifest.chunker,
        "lexical": {"tokenizer": TOKENIZER.replace("''", "'"), "k1": K1, "b": B, "stop_words": "app.words"},
        "index": HNSW,
        "layout": SCHEMA_VERSION,
    }


def fingerprint(manifest: Manifest) -> str:
    """Twelve hex digits: equal for libraries built the same way."""
    packed = json.dumps(ingredients(manifest), sort_keys=True).encode("utf-8")
    return hashlib.sha256(packed).hexdigest()[:12]


def write_fingerprint(places: Places, manifest: Manifest, current: Generation) -> None:
    """Write the file whole or not at all."""
    content = {
        "fingerprint": fingerprint(manifest),
        **ingredients(manifest),
        "library": {"name": places.name, "id": manifest.id, "created_at": manifest.created_at},
        "generation": {
            "number": current.number, "documents": current.documents, "chunks": current.chunks,
            "published_at": current.published_at, "base": current.base,
        },
    }  # fmt: skip
    descriptor, name = tempfile.mkstemp(dir=places.root, prefix=".fingerprint-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    Path(name).chmod(0o644)
    Path(name).replace(places.fingerprint)
