"""How much disk the rest of a run needs, for the error that says there is none. Pure.

Measured on libraries of 300 to 2,500 passages of English text: the catalogue takes 4 bytes a dimension, 2.4 times the
text (words and metadata with it) and 700 bytes a passage; the vector index 4 bytes a dimension and 2,600 bytes. While
a new index is built, the old one stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.counting import counted

_CATALOGUE, _INDEX = 700, 2600  # bytes a passage, beside the vector
_TEXT = 2.4
_TEXT_A_PASSAGE = 650  # bytes of text, until some are written


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a run: `files` with about `text` bytes of text; the library holds `held` passages, and this run
    made `written` of `read` bytes of text."""

    files: int
    text: int
    held: int
    written: int
    read: int
    dimension: int

    @property
    def room(self) -> int:
        """Bytes of disk, to the next million: an estimate."""
        each = self.read / self.written if self.written >= 100 else _TEXT_A_PASSAGE
        passages = self.text / max(each, 1.0)
        vector = 4 * self.dimension
        rows = passages * (vector + _CATALOGUE) + _TEXT * self.text
        index = (self.held + passages) * (vector + _INDEX)
        return int((rows + index) // 1e6 + 1) * 1_000_000

    def __str__(self) -> str:
        return f"the rest, {counted(self.files, 'file')}, needs about {self.room / 1e6:,.0f} MB"
