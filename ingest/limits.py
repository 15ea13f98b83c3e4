"""How much one file may ask of the machine. One bad file ends as `failed (reason)`, never as the end of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one file of a run; sizes in bytes.

    `file_bytes`: a larger file, or archive member, is refused by name and never read. `seconds` and `memory`
    (address space) bound its parser, which runs in a process of its own. Of one archive, those inside it included:
    at most `members` files, `unpacked_bytes` in all, `depth` archives within each other, and no member of more than
    `ratio` times its packed size.
    """

    file_bytes: int = 256 << 20
    seconds: float = 180.0
    memory: int = 4 << 30
    members: int = 10_000
    unpacked_bytes: int = 1 << 30
    depth: int = 3
    ratio: float = 200.0
