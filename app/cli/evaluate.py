"""`sluice evaluate QUESTIONS`: does reranking help on these documents? And `--compare`: did anything get worse?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click

from app.cli.grading import graded, measure_agreement, most_in_words, open_grader, pairs_to_grade
from app.cli.progress import Progress
from app.cli.tables import print_sections
from app.counting import counted
from app.domain import RetrievalMode
from app.errors import UsageError
from app.evaluation.against import ConfigurationCheck, check_lines, check_run
from app.evaluation.document import Section
from app.evaluation.grader import Grader
from app.evaluation.grid import Failed, Finished, RunStopped, Started, run_grid
from app.evaluation.grid import Progress as Asked
from app.evaluation.plain_values import plain_values
from app.evaluation.plan import Plan, plan_run
from app.evaluation.questions.kept import kept_sets, set_path
from app.evaluation.questions.model import QuestionSet
from app.evaluation.questions.read import read_questions
from app.evaluation.report import Report
from app.evaluation.run_folder import RunFolder, next_run, read_run, start
from app.evaluation.run_report import report_of_run, write_report
from app.evaluation.sections import sections_of
from app.patience import LONGEST_PAUSE, waiting_out
from app.settings import Settings, load_settings
from app.wiring import Sluice, build

_SHOWN = ("Configurations", "Which step paid", "The gate", "Failures", "Answers", "Cost")
_REGRESSION = 4
_MOST_CANDIDATES = 100  # as CANDIDATES in the settings


@click.command("evaluate", help="Measure on a question set whether reranking pays, and which step of it.")
@click.argument("questions", required=False)
@click.option("--library", "-l", help="Library to ask (default: LIBRARY).")
@click.option("--rerank", help="Rerankers, with commas between: none,local,cohere (default: RERANKER).")
@click.option("--retrieval", help="Retrieval modes, with commas between: dense,hybrid (default: RETRIEVAL).")
@click.option("--candidates", help="How many candidates, with commas between: 20,50 (default: CANDIDATES).")
@click.option("--questions", "-n", "sample", type=click.IntRange(min=1), help="Ask only so many, drawn with --seed.")
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed draws other questions.")
@click.option("--answers", is_flag=True, help="Write and measure answers too.")
@click.option("--grade", is_flag=True, help="Have the chat model grade the answers too; --answers has to be given.")
@click.option("--fresh", is_flag=True, help="Ask everything anew without the score cache, so that times are real.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The run's folder.")
@click.option("--compare", type=click.Path(path_type=Path), help="A baseline run: exit code 4 if this one is worse.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    questions: str | None,
    library: str | None,
    rerank: str | None,
    retrieval: str | None,
    candidates: str | None,
    sample: int | None,
    seed: int,
    answers: bool,
    grade: bool,
    fresh: bool,
    out: Path | None,
    compare: Path | None,
    as_json: bool,
) -> None:
    settings = load_settings(library=library, score_cache_mb=0 if fresh else None)
    sluice = build(settings)
    grader = open_grader(settings) if grade else None
    baseline = None if compare is None else read_run(compare)
    if not questions:
        if baseline is None:
            raise UsageError(
                "Name a question set.",
                hint="sluice evaluate QUESTIONS, or --compare BASELINE to ask its questions again.",
            )
        _as_it_asked({"--rerank": rerank, "--retrieval": retrieval, "--candidates": candidates, "--questions": sample})
        plan = _as_before(sluice, baseline, library=library, answers=answers, grader=grader)
    else:
        plan = plan_run(
            sluice,
            question_set(settings, questions),
            library=library,
            rerankers=_listed(rerank) or (settings.reranker,),
            retrievals=_modes(retrieval) or (None,),
            candidates=_numbers(candidates) or (None,),
            sample=sample,
            seed=seed,
            answers=answers,
            grader=grader,
            source=questions,
        )
    path = out if out is not None else next_run(settings.sluice_home, plan, but=compare)
    if compare is not None and path.resolve() == compare.resolve():
        raise UsageError("A run cannot be compared with itself.", hint="Name another folder: --out DIR")
    folder = start(path, plan)
    if fresh:
        folder.forget()
    if grader is not None:
        pairs = pairs_to_grade(sluice, plan, folder, fresh=fresh)
        click.echo(most_in_words(grader, plan, pairs), err=True)
        measure_agreement(folder, grader, pairs)
    _run(sluice, plan, folder)
    if grader is not None:
        click.echo(graded(grader), err=True)
    report = report_of_run(folder)
    files = write_report(folder, report)
    checks = () if baseline is None else check_run(baseline, folder)
    if as_json:
        click.echo(json.dumps(_as_json(report, folder, checks), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        _print(report)
        for line in check_lines(checks) if checks else ():
            click.echo(line)
        click.echo(f"Report: {files.html}")
    if any(c.check.failed for c in checks):
        raise click.exceptions.Exit(_REGRESSION)


def question_set(settings: Settings, named: str) -> QuestionSet:
    """A question set by its file, or by the name it is kept under for the library. Raises UsageError where there is
    none, QuestionSetError for one that cannot be used."""
    path, home, library = Path(named), settings.sluice_home, settings.library
    if path.is_dir():
        raise UsageError(
            f"{path} is a folder, and no question set.",
            hint=f"Make one of it: sluice questions import {path} --library {library}",
        )
    if path.exists() or path.suffix != "":
        return read_questions(path)
    kept = set_path(home, library, named)
    if not kept.exists():
        names = ", ".join(each.stem for each in kept_sets(home, library))
        raise UsageError(
            f"There is no file {named}, and {library} has no question set of that name"
            + (f" (it has: {names})." if names else "."),
            hint=f"sluice questions import FILE_OR_FOLDER --library {library}",
        )
    return read_questions(kept)


@waiting_out(LONGEST_PAUSE)  # nobody sits in front of it
def _run(sluice: Sluice, plan: Plan, folder: RunFolder) -> None:
    progress = Progress()
    try:
        for event in run_grid(sluice, plan, folder):
            if isinstance(event, Started):
                if event.done:
                    total = counted(event.total, "question")
                    before = counted(event.done, f"of {total} was", f"of {total} were")
                    progress.note(f"{before} asked before; going on.")
            elif isinstance(event, Asked):
                progress.at(event.done, event.total, event.seconds_left)
            elif isinstance(event, Failed):
                progress.note(f"{event.configuration} failed on {event.id}: {event.reason}")
            elif isinstance(event, Finished) and event.failed:
                progress.note(f"{event.failed:,} records are missing. Run the same command again to ask for them.")
    except (KeyboardInterrupt, RunStopped):
        progress.note(f"Stopped. What was measured is kept in {folder.path}; the same command goes on there.")
        raise
    finally:
        progress.close()


def _as_before(
    sluice: Sluice, baseline: RunFolder, *, library: str | None, answers: bool, grader: Grader | None
) -> Plan:
    """The baseline's questions under the baseline's configurations."""
    manifest = baseline.manifest
    noted = manifest.configurations
    return plan_run(
        sluice,
        baseline.questions,
        library=library if library is not None else manifest.library.name,
        rerankers=tuple(dict.fromkeys(c.reranker for c in noted)),
        retrievals=tuple(dict.fromkeys(c.retrieval for c in noted)),
        candidates=tuple(dict.fromkeys(c.candidates for c in noted)),
        answers=answers or bool(manifest.settings.get("answers")),
        grader=grader,
        source=str(baseline.path),
    )


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))


def _modes(text: str | None) -> tuple[str, ...]:
    given, known = _listed(text), get_args(RetrievalMode)
    for mode in given:
        if mode not in known:
            raise UsageError(f"--retrieval {mode} is no way of searching.", hint=f"One of: {', '.join(known)}")
    return given


def _numbers(text: str | None) -> tuple[int, ...]:
    try:
        given = tuple(int(part) for part in _listed(text))
    except ValueError:
        raise UsageError(
            f"--candidates {text} is not a list of numbers.", hint="For example: --candidates 20,50"
        ) from None
    for number in given:
        if not 1 <= number <= _MOST_CANDIDATES:
            raise UsageError(
                f"--candidates {number}: 1 to {_MOST_CANDIDATES} are searched for.",
                hint="For example: --candidates 20,50",
            )
    return given


def _as_it_asked(given: Mapping[str, str | int | None]) -> None:
    """Without questions of its own a comparison asks what the baseline asked; raises UsageError for an option that
    would have it ask otherwise."""
    otherwise = [option for option, value in given.items() if value is not None]
    if otherwise:
        raise UsageError(
            f"{', '.join(otherwise)}: the baseline's questions are asked as the baseline asked them.",
            hint=f"Leave it out, or name the questions: sluice evaluate QUESTIONS --compare BASELINE {otherwise[0]}",
        )


def _as_json(report: Report, folder: RunFolder, checks: Sequence[ConfigurationCheck]) -> dict[str, Any]:
    row = {"schema": 1, "folder": str(folder.path), "verdict": report.first_line, **plain_values(report)}
    if checks:
        row["worse"] = any(c.check.failed for c in checks)
        row["against_baseline"] = plain_values(tuple(checks))
    return row


def _print(report: Report) -> None:
    click.echo(report.first_line)
    print_sections(_of_headline(section, report.headline) for section in sections_of(report) if section.title in _SHOWN)


def _of_headline(section: Section, headline: str) -> Section:
    """Without the tables of the other configurations: the report has them."""
    tables = tuple(t for t in section.tables if t.title in ("", headline) or t.title.endswith(f", {headline}"))
    return replace(section, tables=tables)
