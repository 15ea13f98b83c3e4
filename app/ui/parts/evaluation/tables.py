"""The numbers behind a plot, one click away: the report's own tables as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from app.evaluation.document import Section, Table
from app.ui import safe


def table(found: Table) -> str:
    """One table; the first column names the row."""
    kind = "" if found.words else "num"
    first, *rest = found.head
    head = f'<th scope="col">{safe.text(first)}</th>' + "".join(
        f'<th scope="col" class="{kind}">{safe.text(cell)}</th>' for cell in rest
    )
    body = "".join(
        f'<tr><th scope="row">{safe.text(name)}</th>'
        + "".join(f'<td class="{kind}">{safe.text(cell)}</td>' for cell in cells)
        + "</tr>"
        for name, *cells in found.rows
    )
    title = f'<p class="label">{safe.text(found.title)}</p>' if found.title else ""
    return (
        f'{title}<div class="scroll" tabindex="0" role="region" aria-label="{safe.text(found.title or "Numbers")}">'
        f'<table class="rows measured"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def fold(
    section: Section | None, summary: str = "The numbers as a table", *, tables: Sequence[Table] | None = None
) -> str:
    """A section's words and tables behind one line; nothing where there is none. `tables` takes only these of it."""
    if section is None:
        return ""
    shown = section.tables if tables is None else tables
    words = "".join(f"<p>{safe.text(line)}</p>" for line in section.words)
    return (
        f'<details class="fold numbers"><summary>{safe.text(summary)}</summary>{words}'
        f"{''.join(map(table, shown))}</details>"
    )


def heading(title: str, after: str = "") -> str:
    """The title of a part; `after` is HTML."""
    return f'<h2 class="part">{safe.text(title)}{after}</h2>'
