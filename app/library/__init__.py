"""Libraries on disk: the catalogue in SQLite, vectors in Chroma, generations and locks (design.md section 6)."""

from app.library.places import list_libraries
from app.library.reader import current_generation, open_reader
from app.library.writer import open_writer

__all__ = ["current_generation", "list_libraries", "open_reader", "open_writer"]
