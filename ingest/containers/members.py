"""What a listing of a container says, and which names inside it are taken."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.errors import DocumentError
from ingest.limits import Limits

MARK = "!/"
UNPACK = "Unpack it yourself and give the folder."
_ODD = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Member:
    """One document inside a container: `name` in the container (of an archive within it: `inner.zip!/a.md`) and its
    unpacked `size` in bytes as the container states it."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A member that is not read. `failed`: it should have been; else it is passed over (a link, say)."""

    name: str
    reason: str
    failed: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is inside a container, in its own order."""

    members: tuple[Member, ...]
    refused: tuple[Refused, ...] = ()


@dataclass(slots=True)
class Tally:
    """Counts what one archive and those within it ask for; says no past the limits."""

    limits: Limits
    members: list[Member] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unpacked: int = 0
    _names: set[str] = field(default_factory=set)

    def full(self) -> bool:
        return len(self.members) + len(self.refused) >= self.limits.members

    def refuse(self, name: str, reason: str, hint: str = "", *, failed: bool = True) -> None:
        self.refused.append(Refused(shown_name(name), reason, failed, hint))

    def take(self, name: str, size: int, packed: int | None = None) -> bool:
        """Note one file's size and whether it may be read; what may not is refused with the reason. `packed`: its
        size in the archive, where the format says so."""
        limits = self.limits
        reason, hint = None, UNPACK
        if name in self._names:
            reason = "the archive holds this name twice; the first one counts"
        elif packed is not None and size > (1 << 20) and size > packed * limits.ratio:
            reason = f"unpacks to {size // max(1, packed):,} times its size, as zip bombs do"
            hint = "If you know what is in it, unpack it yourself and give the folder."
        elif size > limits.file_bytes:
            reason = f"larger than {limits.file_bytes >> 20} MB ({size >> 20} MB)"
        elif self.unpacked + size > limits.unpacked_bytes:
            reason = f"the archive unpacks to more than {limits.unpacked_bytes >> 20} MB; this and what follows is left"
        if reason is not None:
            self.refuse(name, reason, hint)
            return False
        self._names.add(name)
        self.unpacked += size
        return True

    def listing(self) -> Listing:
        return Listing(tuple(self.members), tuple(self.refused))


def tidy_name(name: str) -> str:
    """A member's name as a path below its container. Raises DocumentError for one that would lead out of it."""
    plain = name.replace("\\", "/")
    if plain.startswith("/") or _DRIVE.match(plain) or ".." in plain.split("/"):
        raise DocumentError("its name leads out of the archive", hint="Pack the archive again with plain names.")
    if _ODD.search(plain):
        raise DocumentError("its name holds control characters", hint="Pack the archive again with plain names.")
    plain = posixpath.normpath(plain)
    if plain in (".", ""):
        raise DocumentError("it has no name", hint="Pack the archive again with plain names.")
    return plain


def shown_name(name: str) -> str:
    """A hostile name as it can be printed: bytes that are no text and control characters become question marks."""
    printable = name.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")
    return _ODD.sub("?", printable)[:300]


def levels(name: str) -> Iterator[str]:
    """`levels("a.zip!/b.tar!/c.md")` gives "a.zip", "b.tar", "c.md"."""
    yield from name.split(MARK)
