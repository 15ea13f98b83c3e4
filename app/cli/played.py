"""The playground as text: what every reranker makes of the passages in a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from app.errors import UsageError
from app.evaluation.pasted import MOST, column, read_table, read_text, split_passages
from app.evaluation.playground import Play, Ranking, agreements, distinct, named_by_hand, play, play_to_json
from app.prices.words import explained
from app.settings import load_settings
from app.wiring import build


def command(question: str, path: Path, *, reranker: str | None, as_json: bool) -> None:
    """Rank and print; exit code 1 where no reranker could. Raises UsageError when something given is off."""
    sluice = build(load_settings())
    choices = sluice.rerankers()
    named = None if reranker is None else named_by_hand(reranker, choices)
    picked = [choice for choice in choices if not choice.on_request] if named is None else [named]
    found = play(question, read(path), picked, sluice.open_judge, prices=sluice.prices)
    if as_json:
        click.echo(json.dumps(play_to_json(found), ensure_ascii=False, indent=2))
    else:
        console = Console(highlight=False, width=None if Console().is_terminal else 160)
        if any(result.ranking is not None for result in found.results):
            console.print(_table(found))
        for line in _lines(found):
            click.echo(line)
    if all(result.ranking is None for result in found.results):
        raise click.exceptions.Exit(1)


def read(path: Path) -> Sequence[str]:
    """The passages of a file: a CSV's guessed column, or lines and paragraphs. Raises UsageError."""
    data = path.read_bytes()
    if path.suffix.lower() not in (".csv", ".tsv"):
        return split_passages(read_text(data, path.name))
    table = read_table(data, path.name)
    found = column(table, table.guess)
    counted = "1 passage" if len(found) == 1 else f"{len(found)} passages"
    click.echo(f"{counted} from {table.names[table.guess]} ({table.why}).", err=True)
    if len(found) > MOST:
        raise UsageError(f"{path.name} has {len(found)} passages; at most {MOST} are compared.")
    return found


def _table(found: Play) -> Table:
    """A row a passage, in the first reranker's order; rank, raw score and p by reranker."""
    ranked = [(r.label, r.ranking) for r in distinct(found) if r.ranking is not None]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("given", justify="right")
    table.add_column("passage", overflow="ellipsis", no_wrap=True, max_width=60)
    for label, _ in ranked:
        table.add_column(f"{label}\nrank  raw  p", justify="right")
    for index in ranked[0][1].order if ranked else ():
        cells = [
            f"{ranking.ranks[index]:>3}  {_number(ranking.raw[index])}  {_number(ranking.p[index])}"
            for _, ranking in ranked
        ]
        table.add_row(str(index + 1), found.passages[index].replace("\n", " "), *cells)
    return table


def _lines(found: Play) -> list[str]:
    lines = []
    for result in distinct(found):
        ranking = result.ranking
        if ranking is None:
            lines.append(f"{result.label}: failed: {result.error} {result.hint}".rstrip())
            continue
        cached = f", {ranking.cached} scores from the cache" if ranking.cached else ""
        lines.append(f"{result.label}: scale {ranking.scale.value}, {ranking.ms:.0f} ms{cached}, {_cost(ranking)}")
    for pair in agreements(found):
        top = "" if pair.top is None else f", {round(pair.top * 5)} of the first 5 in common"
        tau = "-" if pair.tau is None else f"{pair.tau:.2f}"
        lines.append(f"{pair.one} and {pair.other}: Kendall tau {tau}{top}")
    lines += [f"not available: {u.label}: {u.reason}" for u in found.unusable]
    return lines


def _cost(ranking: Ranking) -> str:
    """`free, runs here`, `$0.0020 (at list prices read on ...)`, or why the cost is not known."""
    note = explained(ranking.charges)
    if ranking.cost_usd is None:
        return f"cost not known. {note}"
    return f"{ranking.paid} ({note[:1].lower()}{note[1:].rstrip('.')})" if note else ranking.paid


def _number(value: float | None) -> str:
    return "   -" if value is None else f"{value:.2f}"
