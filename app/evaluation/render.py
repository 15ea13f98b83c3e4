"""A report's sections as Markdown and as one HTML file that opens without a network, in light and dark. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from app.evaluation.document import Section, Table
from app.evaluation.report import Report
from app.evaluation.sections import sections_of
from app.theme import css_variables

_CODE, _AS_CODE = re.compile(r"`([^`]+)`"), r"<code>\1</code>"
_CSS = """
:root { color-scheme: light dark; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 74rem; padding: 1.5rem 1rem 4rem; background: var(--ground); color: var(--text);
  font: 16px/1.55 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { font: 600 1.5rem/1.35 Georgia, serif; margin: .5rem 0 1.5rem; overflow-wrap: break-word; }
h2 { font: 600 1.2rem/1.3 Georgia, serif; margin: 2.5rem 0 .5rem; padding-top: 1rem;
  border-top: 1px solid var(--line); }
h3 { font-size: .95rem; margin: 1.25rem 0 .4rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; max-width: 70ch; overflow-wrap: anywhere; }
.kicker { color: var(--muted); font-size: .9rem; }
.plots { display: grid; gap: 1rem 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
figure { margin: 1rem 0; max-width: 30rem; }
figcaption { font-size: .9rem; margin-bottom: .4rem; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; }
details { margin: 1rem 0; }
summary { font-size: .95rem; cursor: pointer; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; background: var(--surface); }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; color: var(--muted); }
tbody th { color: var(--text); font-weight: 400; }
th:first-child, .words td, .words th { text-align: left; }
th:first-child { position: sticky; left: 0; background: var(--surface); }
tbody th:first-child { min-width: 9rem; max-width: 32rem; overflow-wrap: anywhere; }
td { white-space: nowrap; }
.words td { white-space: normal; overflow-wrap: anywhere; min-width: 8rem; }
:focus-visible { outline: 2px solid var(--through); outline-offset: 2px; }
"""


def as_markdown(report: Report) -> str:
    """The report as Markdown; its first line is the verdict. Plots are left out: their numbers are in the tables."""
    return markdown_of(report.first_line, f"Evaluation of {_about(report)}", sections_of(report))


def as_html(report: Report) -> str:
    """The report as one file: no script, no font and no picture from elsewhere."""
    return html_of(report.first_line, _about(report), f"Evaluation of {_about(report)}", sections_of(report))


def markdown_of(first_line: str, heading: str, sections: Iterable[Section]) -> str:
    """Sections as Markdown, below their verdict and a heading."""
    lines = [first_line, "", f"# {heading}", ""]
    for section in sections:
        lines += [f"## {section.title}", "", *(f"{_marked(words)}\n" for words in section.words)]
        for table in section.tables:
            lines += _markdown_table(table)
    return "\n".join(lines).rstrip() + "\n"


def html_of(first_line: str, title: str, kicker: str, sections: Iterable[Section]) -> str:
    """Sections as one HTML file."""
    body = "".join(_section(section) for section in sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{css_variables()}{_CSS}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{escape(first_line)}</h1>\n<p class="kicker">{escape(kicker)}</p>\n{body}'
        "</main>\n</body>\n</html>\n"
    )


def _about(report: Report) -> str:
    manifest = report.manifest
    return f"{manifest.questions.name} on {manifest.library.name}, {manifest.created[:10]}"


def _markdown_table(table: Table) -> list[str]:
    title = [f"**{_marked(table.title)}**", ""] if table.title else []
    rule = ["---", *(["---"] if table.words else ["--:"]) * (len(table.head) - 1)]
    rows = [table.head, rule, *table.rows]
    return [*title, *("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows), ""]


def _cell(text: str) -> str:
    return _marked(text).replace("|", "\\|")


def _marked(text: str) -> str:
    """Text of questions as text: nothing in it is Markdown or HTML, line breaks are blanks."""
    plain = " ".join(text.split())
    return plain.replace("\\", "\\\\").replace("<", "&lt;").replace("*", "\\*").replace("[", "\\[").replace("_", "\\_")


def _section(section: Section) -> str:
    words = "".join(f"<p>{_CODE.sub(_AS_CODE, escape(words))}</p>\n" for words in section.words)
    plots = "".join(f"<figure><figcaption>{escape(p.title)}</figcaption>{p.svg}</figure>\n" for p in section.plots)
    drawn = f'<div class="plots">{plots}</div>\n' if plots else ""
    tables = "".join(_html_table(table) for table in section.tables)
    return f"<section>\n<h2>{escape(section.title)}</h2>\n{words}{drawn}{tables}</section>\n"


def _html_table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
    rows = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>\n'
        for first, *rest in table.rows
    )
    kind = ' class="words"' if table.words else ""
    shown = (
        f'<div class="scroll" tabindex="0"><table{kind}>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}'
        "</tbody>\n</table></div>\n"
    )
    if table.aside:
        return f"<details><summary>{escape(table.title)}</summary>\n{shown}</details>\n"
    return f"<h3>{escape(table.title)}</h3>\n{shown}" if table.title else shown
