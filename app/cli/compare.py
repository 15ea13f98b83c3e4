"""`sluice compare QUESTION`: the same candidates with and without reranking and gate."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from app.cli import show
from app.cli.options import open_sluice, question_options
from app.compare import ARMS, Arm, Comparison, compare, comparison_to_json

_TITLES: dict[Arm, str] = {
    "off": "Without reranking",
    "reranked": "Reranked, ungated",
    "gated": "With reranking and gate",
    "evidence": "Evidence only",
}


@click.command("compare", help="Answer one question with and without reranking, on the same candidates.")
@click.argument("question")
@question_options
@click.option("--all-arms", is_flag=True, help="Also: reranked but ungated, and retrieval evidence only.")
@click.option("--no-answers", is_flag=True, help="Passages only; no chat call is made.")
def command(question: str, as_json: bool, all_arms: bool, no_answers: bool, **given: Any) -> None:
    sluice, options = open_sluice(**given)
    arms: tuple[Arm, ...] = ARMS if all_arms or as_json else ("off", "gated")
    judged = sluice.pipeline.judge(question, options)
    comparison = compare(sluice.pipeline, judged, options.gate, arms=arms, answers=not no_answers)
    if as_json:
        click.echo(json.dumps(comparison_to_json(comparison), ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False, width=None if Console().is_terminal else 160)
    console.print(Columns([_panel(comparison, arm) for arm in arms], equal=True, expand=True))
    click.echo(show.comparison_line(comparison))


def _panel(comparison: Comparison, arm: Arm) -> Panel:
    trace = comparison.arms[arm]
    body = Text()
    if trace.answer is not None:
        body.append(trace.answer.text + "\n\n")
    for line in show.refusal(trace) if trace.gate.outcome == "refused" else []:
        body.append(line + "\n")
    other = set(comparison.promoted) | set(comparison.dropped)
    for passage in trace.context.passages if trace.context else ():
        mark = "* " if passage.chunk.id in other else "  "
        body.append(f"{mark}{show.sources_line(passage)}\n", style="bold" if mark.strip() else "")
    body.append(f"\n{show.summary(trace)}", style="dim")
    return Panel(body, title=_TITLES[arm], title_align="left")
