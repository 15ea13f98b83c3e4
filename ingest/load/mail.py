"""E-mail (.eml): the message, its headers as metadata, and its attachments read by the readers of their formats."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import PurePosixPath
from typing import cast

from app.domain import Scalar
from app.errors import DocumentError
from ingest.load import format_of, html, no_reader, text
from ingest.load import load as load_file
from ingest.load.decode import decode
from ingest.load.parsed import Block, Parsed, finish

_MOST_ATTACHMENTS = 50
_LARGEST_ATTACHMENT = 64 << 20  # bytes
_DEEPEST = 3  # messages within messages
_HEADERS = ("from", "to", "cc", "date")


def load(name: str, data: bytes, depth: int = 1) -> Parsed:
    """The plain text of the message where there is one, else its HTML; then every attachment as a section of its own.

    An attachment that cannot be read is named in a warning. Raises DocumentError where there is no message, or no
    text in it.
    """
    message = email.message_from_bytes(data, policy=email.policy.default)
    if not message.keys():
        raise DocumentError("no e-mail: it has no headers", hint="Give the file the ending of its real format.")
    notes: list[str] = []
    blocks: list[Block] = []
    attachments = 0
    for part in _parts(message, 0):
        filename = _filename(part)
        if filename is None:
            blocks.extend(_body(part, notes))
            continue
        attachments += 1
        if attachments > _MOST_ATTACHMENTS:
            notes.append(f"more than {_MOST_ATTACHMENTS} attachments: the rest was left out")
            break
        blocks.extend(_attachment(part, filename, depth, notes))
    metadata: dict[str, Scalar] = {}
    for header in _HEADERS:
        value = _header(message, header)
        if value:
            metadata[header] = value[:200]
    if attachments:
        metadata["attachments"] = min(attachments, _MOST_ATTACHMENTS)
    return finish(name, blocks, title=_header(message, "subject"), metadata=metadata, warnings=notes)


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, IndexError, AttributeError, TypeError, LookupError):
        return ""  # a header that the standard library cannot parse (they are hostile often enough)


def _parts(message: EmailMessage, depth: int) -> Iterator[EmailMessage]:
    """The parts to read: of alternatives the plain one, else the HTML one, else the last."""
    if not message.is_multipart() or message.get_content_type() == "message/rfc822" or depth > 20:
        yield message
        return
    parts = [cast(EmailMessage, part) for part in message.get_payload()]
    if message.get_content_type() == "multipart/alternative" and parts:
        order = {"text/plain": 0, "text/html": 1}
        readable = [part for part in parts if part.get_content_type() != "text/plain" or _plain(part).strip()]
        best = min(readable or parts, key=lambda part: order.get(part.get_content_type(), 2 - part.is_multipart()))
        yield from _parts(best, depth + 1)
        return
    for part in parts:
        yield from _parts(part, depth + 1)


def _filename(part: EmailMessage) -> str | None:
    """An attachment's name; None for what is the message itself."""
    kind = part.get_content_type()
    try:
        name = part.get_filename()
    except (ValueError, IndexError, AttributeError, TypeError, LookupError):
        name = None
    if kind == "message/rfc822":
        return name or "forwarded message.eml"
    if name is None and kind in ("text/plain", "text/html", "message/delivery-status"):
        return None
    if name is None:
        return f"unnamed.{kind.rpartition('/')[2]}"
    return PurePosixPath(name.replace("\\", "/")).name or "unnamed"


def _payload(part: EmailMessage) -> bytes:
    if part.get_content_type() == "message/rfc822" and part.is_multipart():
        inner = cast(EmailMessage, part.get_payload(0))
        return inner.as_bytes(policy=email.policy.compat32)
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else str(part.get_payload()).encode("utf-8", "replace")


def _plain(part: EmailMessage) -> str:
    charset = part.get_content_charset()
    payload = _payload(part)
    return decode(payload, charset)[0] if payload else ""


def _body(part: EmailMessage, notes: list[str]) -> list[Block]:
    try:
        if part.get_content_type() == "text/html":
            return list(html.load("message", _payload(part)).blocks)
        words = _plain(part)
        return [Block(text.unwrap(paragraph)) for paragraph in words.split("\n\n")]
    except DocumentError as error:
        notes.append(f"a part of the message left out: {error.message}")
        return []


def _attachment(part: EmailMessage, filename: str, depth: int, notes: list[str]) -> list[Block]:
    kind = format_of(PurePosixPath(filename))
    data = _payload(part)
    if kind is None:
        notes.append(f"attachment {filename} left out: {no_reader(PurePosixPath(filename))}")
        return []
    if len(data) > _LARGEST_ATTACHMENT:
        notes.append(f"attachment {filename} left out: larger than {_LARGEST_ATTACHMENT >> 20} MB")
        return []
    if kind.name == "email" and depth >= _DEEPEST:
        notes.append(f"attachment {filename} left out: messages within messages, deeper than {_DEEPEST}")
        return []
    try:
        parsed = load(filename, data, depth + 1) if kind.name == "email" else load_file(kind, filename, data)
    except DocumentError as error:
        notes.append(f"attachment {filename} left out: {error.message}")
        return []
    notes.extend(f"attachment {filename}: {warning}" for warning in parsed.warnings)
    return [
        Block(b.text, (f"Attachment {filename}", *b.section), b.page, b.kind, b.title, b.metadata)
        for b in parsed.blocks
    ]
