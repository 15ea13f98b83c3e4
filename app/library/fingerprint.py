"""What a library was built with, as a file beside it for people, and as one short string for comparisons."""

from __future__ import annotations

import hashlib
import json

from app.library.catalogue import SCHEMA_VERSION, TOKENIZER, Generation, Manifest
from app.library.durable import sweep_partial, written_whole
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


def described(places: Places, manifest: Manifest, current: Generation) -> dict[str, object]:
    """What the file says."""
    return {
        "fingerprint": fingerprint(manifest),
        **ingredients(manifest),
        "library": {"name": places.name, "id": manifest.id, "created_at": manifest.created_at},
        "generation": {
            "number": current.number, "documents": current.documents, "chunks": current.chunks,
            "published_at": current.published_at, "base": current.base,
        },
    }  # fmt: skip


def write_fingerprint(places: Places, manifest: Manifest, current: Generation) -> None:
    """Write the file whole or not at all."""
    content = described(places, manifest, current)
    sweep_partial(places.root, places.fingerprint.name)
    with written_whole(places.fingerprint) as beside:
        beside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
