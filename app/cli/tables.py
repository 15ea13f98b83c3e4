"""A report's sections on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from app.evaluation.document import Section, Table


def print_sections(sections: Iterable[Section]) -> None:
    """Headings, sentences and tables on stdout; plots are for the HTML file."""
    console = Console(highlight=False, width=None if Console().is_terminal else 200)
    for section in sections:
        console.print(Text(f"\n{section.title}", style="bold"))
        for words in section.words:
            console.print(Text(words))
        for table in section.tables:
            console.print(_rich(table))


def _rich(table: Table) -> RichTable:
    shown = RichTable(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(table.head):
        shown.add_column(Text(name), justify="left" if place == 0 or table.words else "right", overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(cell) for cell in row))
    return shown
