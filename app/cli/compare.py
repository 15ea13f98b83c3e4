"""`sluice compare QUESTION`: the same candidates with and without reranking and gate.

With `--passages FILE` every reranker ranks the passages of a file instead; no library is involved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from app.cli import played, show
from app.cli.options import QUESTION, open_sluice, question_options
from app.compare import ARMS, Arm, Comparison, compare, comparison_to_json
from app.errors import UsageError
from app.prices.words import explained

_TITLES: dict[Arm, str] = {
    "off": "Without reranking",
    "reranked": "Reranked, ungated",
    "gated": "With reranking and gate",
    "evidence": "Evidence only",
}


@click.command("compare", help="Answer one question with and without reranking, on the same candidates.")
@click.argument("question", type=QUESTION)
@question_options
@click.option("--all-arms", is_flag=True, help="Also: reranked but ungated, and retrieval evidence only.")
@click.option("--no-answers", is_flag=True, help="Passages only; no chat call is made.")
@click.option(
    "--passages",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Have every reranker (or --reranker) rank the passages in this file: one a line, or a CSV.",
)
def command(
    question: str, as_json: bool, all_arms: bool, no_answers: bool, passages: Path | None, **given: Any
) -> None:
    if passages is not None:
        _no_library({**given, "all_arms": all_arms, "no_answers": no_answers})
        played.command(question, passages, reranker=given["reranker"], as_json=as_json)
        return
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
    unknown = [trace.charges for trace in comparison.arms.values() if trace.cost_usd is None]
    for said in dict.fromkeys(map(explained, unknown)):
        click.echo(said)


def _no_library(given: Mapping[str, object]) -> None:
    """Raises UsageError for an option that a ranking of one's own passages takes no notice of."""
    idle = [
        "filter" if name == "where" else name.replace("_", "-")
        for name, value in given.items()
        if name != "reranker" and value is not None and value is not False and value != ()
    ]
    if idle:
        listed = ", ".join(f"--{name}" for name in idle)
        raise UsageError(
            f"{listed}: with --passages no library is asked, and no gate decides.",
            hint="Leave that out: sluice compare QUESTION --passages FILE --reranker NAME",
        )


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
