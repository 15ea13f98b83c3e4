"""`sluice rerank FILE`: search and rerank for many questions, several at a time; nothing is answered."""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import click

from app.at_once import in_turn
from app.cli.options import open_sluice, question_options
from app.cli.progress import Progress
from app.cli.show import number
from app.domain import Trace
from app.errors import UsageError
from app.patience import LONGEST_PAUSE, in_words, waiting_out
from app.pipeline import Options, Pipeline
from app.stages.context import where_from
from app.trace_json import trace_to_json


@click.command("rerank", help="Search and rerank for every question of a file, one a line; with --json a trace a line.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@question_options
@click.option("--at-once", type=click.IntRange(1, 64), help="Questions at a time (default: 4 with a service, else 1).")
@waiting_out(LONGEST_PAUSE)  # nobody sits in front of it
def command(file: Path, as_json: bool, at_once: int | None, **given: Any) -> None:
    questions = _questions(file)
    sluice, options = open_sluice(**given)
    info = sluice.library(options.library)
    if at_once is None:
        waits = info is not None and not sluice.open_judge(options.reranker, info).scorer.profile.fixed_weights
        at_once = 4 if waits else 1
    progress, begun = Progress(), time.monotonic()
    calls = [partial(_reranked, sluice.pipeline, text, options) for text in questions]
    try:
        progress.at(0, len(questions), None)
        with closing(in_turn(calls, at_once=at_once)) as traces:
            for done, trace in enumerate(traces, 1):
                progress.clear()
                if as_json:
                    click.echo(json.dumps(trace_to_json(trace), ensure_ascii=False))
                else:
                    click.echo("\n".join(_lines(trace)))
                left = (time.monotonic() - begun) / done * (len(questions) - done)
                progress.at(done, len(questions), left)
    finally:
        progress.close()


def _questions(file: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8: {error.reason}.", hint="Save it as UTF-8 text.") from error
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if not found:
        raise UsageError(f"{file} holds no question.", hint="Write one question a line.")
    return found


def _reranked(pipeline: Pipeline, text: str, options: Options) -> Trace:
    judged = pipeline.judge(text, options)
    gate = pipeline.decide(judged, options.gate)
    return pipeline.trace(judged, gate, None, None, dict(judged.timings_ms))


def _lines(trace: Trace) -> list[str]:
    """The question, what became of it and why, and the candidates in their order, one a line."""
    run, gate = trace.judged.run, trace.gate
    why = [run.looked, "" if run.requested == "none" else run.reason or "", in_words(run.tries)]
    return [
        f"{trace.question.text}   ({run.label or run.requested}: {run.status}; {gate.outcome})",
        *(f"     {said}" for said in why if said),
        *(
            f"{s.rank_after:>4}  was {s.candidate.rank_before:<4} p {number(s.p):<5} raw {number(s.raw_score):<7}"
            f" {decision.kind.value:<16} {where_from(s.candidate.chunk)}"
            for decision in gate.decisions
            for s in [decision.scored]
        ),
    ]
