"""`sluice calibrate QUESTIONS`: what p and the thresholds should be here, and what they are worth."""

from __future__ import annotations

import json
import math
import time

import click

from app.cli.evaluate import question_set
from app.cli.progress import Progress
from app.cli.tables import print_sections
from app.counting import counted
from app.evaluation.calibrating.calibrate import Calibrating, apply, calibrate
from app.evaluation.calibrating.observe import CalibrationPlan, Observed, observe, plan_calibration
from app.evaluation.calibrating.targets import parse_target
from app.evaluation.calibrating.words import first_line, sections_of
from app.evaluation.plain_values import plain_values
from app.patience import LONGEST_PAUSE, waiting_out
from app.settings import load_settings
from app.wiring import Sluice, build


def _a_number(_ctx: click.Context, _option: click.Parameter, value: float) -> float:
    if math.isnan(value):  # lies in every range, as click reads them
        raise click.BadParameter("nan is not a number.")
    return value


@click.command("calibrate", help="Fit p and the gate's thresholds on a question set of your own.")
@click.argument("questions")
@click.option("--library", "-l", help="Library to ask (default: LIBRARY).")
@click.option("--reranker", "-r", help="Which scorer to calibrate (default: RERANKER).")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="f1, precision=X, false-answers=A or lost=ALPHA; repeat it to set both thresholds.",
)
@click.option(
    "--test-share",
    type=click.FloatRange(0.1, 0.9),
    callback=_a_number,
    default=0.5,
    show_default=True,
    help="To measure on.",
)
@click.option("--seed", default="", help="Any text; another one gives another split.")
@click.option("--apply", "apply_it", is_flag=True, help="Use it: write the calibration file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    questions: str,
    library: str | None,
    reranker: str | None,
    targets: tuple[str, ...],
    test_share: float,
    seed: str,
    apply_it: bool,
    as_json: bool,
) -> None:
    wanted = [parse_target(text) for text in targets]
    settings = load_settings(library=library)
    sluice = build(settings)
    plan = plan_calibration(
        sluice,
        question_set(settings, questions),
        library=library,
        reranker=reranker,
        test_share=test_share,
        seed=seed,
    )
    for why, count in plan.left_out.items():
        click.echo(f"Left out: {counted(count, 'question')} ({why})", err=True)
    observed = _observe(sluice, plan)
    result = calibrate(plan, observed, wanted=wanted, choice=sluice.gate_choice(), budget=settings.passage_tokens)
    path = apply(result, settings.calibrations_dir) if apply_it else None
    if as_json:
        row = {"schema": 1, "applied": None if path is None else str(path), **plain_values(result)}
        click.echo(json.dumps(row, ensure_ascii=False, indent=2, allow_nan=False))
        return
    _print(result, plan)
    if path is None:
        click.echo("Nothing was changed. To use it, run the same command with --apply.", err=True)
    else:
        click.echo(f"Applied to library {plan.library.name}: {path}", err=True)


@waiting_out(LONGEST_PAUSE)  # nobody sits in front of it
def _observe(sluice: Sluice, plan: CalibrationPlan) -> list[Observed]:
    progress, begun = Progress(), time.monotonic()
    observed, total = [], len(plan.to_ask)
    try:
        for one in observe(sluice, plan):
            observed.append(one)
            done = len(observed)
            left = (time.monotonic() - begun) / done * (total - done) if done > 1 else None
            progress.at(done, total, left)
    finally:
        progress.close()
    return observed


def _print(result: Calibrating, plan: CalibrationPlan) -> None:
    click.echo(first_line(result))
    click.echo(f"{plan.scorer.label} on {plan.library.name}, instead of: {plan.judge.calibration.note}")
    print_sections(sections_of(result))
