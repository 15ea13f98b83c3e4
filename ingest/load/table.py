"""Tables as Markdown: one line a row, so that the splitter can repeat the header and never cuts a row."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """`markdown_table([["a", "b"], ["1", "2"]])` is "| a | b |\\n|-|-|\\n| 1 | 2 |"; the first row is the header.

    Rows of unequal length are filled up; line breaks and pipes inside a cell are taken out. A table of one column
    or one row has no structure to keep and comes back as lines.
    """
    clean = [[" ".join(cell.replace("|", "/").split()) for cell in row] for row in rows]
    clean = [row for row in clean if any(row)]
    width = max((len(row) for row in clean), default=0)
    used = [column for column in range(width) if any(column < len(row) and row[column] for row in clean)]
    if len(used) < 2 or len(clean) < 2:
        return "\n".join(" ".join(cell for cell in row if cell) for row in clean)
    lines = ["| " + " | ".join(row[c] if c < len(row) else "" for c in used) + " |" for row in clean]
    # One dash a column: WordPiece counts every dash of a ruled line as a token.
    return "\n".join((lines[0], "|" + "-|" * len(used), *lines[1:]))
