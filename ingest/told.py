"""What is said about a file: why it was cut again, that a model does not read its language, what stays of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.language import name_of
from app.library.repair import AGAIN
from app.ports import StoredDocument
from app.providers.spoken import speaks
from ingest.cutting import Cutting, chunker_id
from ingest.identity import chunker_of

_FORMAT = re.compile(r"[a-z]+")  # a recipe begins with the name of its parser, which is that of the format


def anew(before: StoredDocument | None, content_hash: str, recipe: str) -> list[str]:
    """Why a document whose file is as it was is read again; nothing where the file has changed."""
    if before is None or before.content_hash != content_hash or before.recipe == recipe:
        return []
    if before.recipe == AGAIN:
        return ["read again: what the library held of it was damaged"]
    cut, now = chunker_of(before.recipe), chunker_of(recipe)
    return [f"cut again: {now}, before {cut}" if cut != now else "read again: its reader has changed"]


def cut_otherwise(documents: Iterable[StoredDocument], cutting: Cutting) -> int:
    """How many documents of a library are cut differently from how this setting would cut them."""
    return sum(
        each.recipe != AGAIN
        and (name := _FORMAT.match(each.recipe)) is not None
        and chunker_of(each.recipe) != chunker_id(name.group(), cutting)
        for each in documents
    )


def unspoken(language: str | None, embedder_id: str) -> list[str]:
    """That the embedding model does not read the language of a document, where both are known."""
    if language is None or speaks(embedder_id, language) is not False:
        return []
    return [f"in {name_of(language)}, which the embedding model does not read: searches will find it by words only"]


def kept(reason: str, before: StoredDocument | None) -> str:
    """Why a file was not read, and that what the library has of it stays."""
    return reason if before is None else f"{reason}; its earlier version stays searchable"
