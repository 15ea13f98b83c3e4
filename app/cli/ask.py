"""`sluice ask QUESTION`."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console

from app.cli import show
from app.cli.options import QUESTION, open_sluice, question_options
from app.domain import Trace
from app.prices.words import explained
from app.providers.spoken import unspoken
from app.trace_json import trace_to_json


@click.command("ask", help="Ask one question. Exit code 3 when the gate refuses it.")
@click.argument("question", type=QUESTION)
@question_options
@click.option("--force", is_flag=True, help="If the gate refuses, answer from the nearest misses anyway.")
@click.option("--explain", is_flag=True, help="Show every candidate before and after, with the reason.")
def command(question: str, as_json: bool, force: bool, explain: bool, **given: Any) -> None:
    sluice, options = open_sluice(**given)
    stream = not as_json and sluice.pipeline.chat is not None
    trace = sluice.pipeline.ask(
        question, options, force=force, on_text=(lambda text: click.echo(text, nl=False)) if stream else None
    )
    if as_json:
        click.echo(json.dumps(trace_to_json(trace), ensure_ascii=False, indent=2))
    else:
        print_trace(trace, explain=explain, streamed=stream)
    if trace.gate.outcome == "refused":
        raise click.exceptions.Exit(3)


def print_trace(trace: Trace, *, explain: bool, streamed: bool = False) -> None:
    """The answer or refusal and its sources on stdout; notes and, if asked for, the decisions."""
    notes = Console(stderr=True, highlight=False, soft_wrap=True)
    library, run = trace.judged.retrieved.library, trace.judged.run
    foreign = unspoken(trace.question.standalone, library.embedder_id, run.used)
    for line in (show.rewritten(trace.judged), trace.question.note, foreign):
        if line:
            notes.print(line, markup=False)
    if trace.answer is not None:
        click.echo("" if streamed else trace.answer.text)
        if trace.answer.finish == "length":
            notes.print("The answer reached its limit of tokens (ANSWER_TOKENS) and is cut there.", markup=False)
        elif trace.answer.finish == "cut":
            why = f" ({trace.answer.cut_because.rstrip('.')})" if trace.answer.cut_because else ""
            notes.print(f"The answer was cut short{why}; ask again.", markup=False)
        if trace.answer.unknown_citations:
            notes.print(f"Cited but not there: {list(trace.answer.unknown_citations)}", markup=False)
        if trace.gate.outcome == "forced":
            notes.print("Answered from passages below the gate, because you asked for it.", markup=False)
        if trace.gate.outcome == "ungated":
            notes.print("These passages were not reranked or gated.", markup=False)
    for line in show.refusal(trace) if trace.gate.outcome == "refused" else []:
        click.echo(line)
    if trace.context is not None:
        click.echo("")
        for line in show.sources(trace.context):
            click.echo(line)
    click.echo("")
    click.echo(show.summary(trace))
    if not explain and trace.cost_usd is None:
        notes.print(explained(trace.charges), markup=False)
    if explain:
        wide = Console(highlight=False, width=None if Console().is_terminal else 160)
        click.echo("")
        wide.print(show.decisions_table(trace.gate.decisions))
        click.echo("")
        click.echo(show.stage_times(trace))
        if costs := show.stage_costs(trace):
            click.echo(costs)
        click.echo(trace.judged.run.calibration_note)
        if trace.judged.run.why:
            click.echo(trace.judged.run.why)
