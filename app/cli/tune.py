"""`sluice tune QUESTIONS`: a reranker trained on one's own labels, promoted only if it beats the one in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import click

from app.cli.progress import Progress
from app.cli.tables import print_sections
from app.counting import counted
from app.evaluation.plain_values import plain_values
from app.patience import LONGEST_PAUSE, waiting_out
from app.providers.reranking.tuned import remove_tuned, tuned_folder, tuned_models, unfinished
from app.settings import Settings, load_settings
from app.tuning.own.plan import Distil, Loss, TunePlan, Unlabelled

if TYPE_CHECKING:  # loads torch, which --help, --list and --remove do without
    from app.tuning.own.labels import Labels
    from app.tuning.own.preparing import Prepared
    from app.tuning.own.report import TuneReport

_NOT_BETTER = 4
_FEW = TunePlan()


@click.command("tune", help="Train a reranker on your own labels; it is promoted only if it wins on held-out ones.")
@click.argument("questions", nargs=-1)
@click.option("--votes", is_flag=True, help="Learn from votes and thumbs too.")
@click.option("--library", "-l", help="Library to ask (default: LIBRARY).")
@click.option("--reranker", "-r", help="The reranker to beat (default: RERANKER).")
@click.option("--advice", "advice_only", is_flag=True, help="Only say whether tuning would help, and train nothing.")
@click.option("--name", help="What the tuned reranker is to be called (default: the library's name and a number).")
@click.option(
    "--base", default=_FEW.base, show_default=True, help="bundled, all-MiniLM-L6-v2, tuned:NAME, or a hub one."
)
@click.option("--loss", type=click.Choice(get_args(Loss)), default=_FEW.loss, show_default=True, help="The objective.")
@click.option("--teacher", help="A reranker whose raw scores teach (--loss distil), or doubt negatives.")
@click.option("--distil", type=click.Choice(get_args(Distil)), default=_FEW.distil, show_default=True, help="How.")
@click.option("--margin", type=click.FloatRange(0.01, 20), default=_FEW.margin, show_default=True, help="In logits.")
@click.option(
    "--unlabelled",
    type=click.Choice(get_args(Unlabelled)),
    default=_FEW.unlabelled,
    show_default=True,
    help="What candidates that nobody judged count as: denoised negatives, negatives, or nothing.",
)
@click.option("--rounds", type=click.IntRange(1, 50), help="Over the training questions (default: by their number).")
@click.option("--negatives", type=click.IntRange(1, 50), default=_FEW.negatives, show_default=True, help="A question.")
@click.option("--batch", type=click.IntRange(1, 256), default=_FEW.batch, show_default=True, help="Questions a step.")
@click.option("--rate", type=click.FloatRange(1e-7, 1e-2), help="Peak learning rate (default: by base).")
@click.option("--frozen", type=click.IntRange(0, 24), default=_FEW.frozen, show_default=True, help="Layers to keep.")
@click.option("--window", type=click.IntRange(32, 512), help="Tokens of question and passage together.")
@click.option("--thrifty", is_flag=True, help="Train in less memory, a third slower; the result is the same.")
@click.option("--seed", default="", help="Any text; another one gives another split.")
@click.option(
    "--list", "list_them", is_flag=True, help="List the tuned rerankers, those kept aside and unfinished runs too."
)
@click.option("--remove", metavar="NAME", help="Remove a tuned reranker, with its report and calibrations.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    questions: tuple[str, ...],
    votes: bool,
    library: str | None,
    reranker: str | None,
    advice_only: bool,
    name: str | None,
    list_them: bool,
    remove: str | None,
    as_json: bool,
    seed: str,
    **training: Any,
) -> None:
    settings = load_settings(library=library)
    if remove is not None:
        _remove(settings, remove, as_json)
        return
    if list_them:
        _list(settings, as_json)
        return
    plan = TunePlan(**training)
    if name is not None:
        tuned_folder(settings.sluice_home, name)  # a name that cannot be used is said before anything is asked
    _tune(settings, plan, questions, votes, library, reranker, advice_only, name, as_json, seed)


@waiting_out(LONGEST_PAUSE)  # nobody sits in front of it
def _tune(
    settings: Settings,
    plan: TunePlan,
    questions: tuple[str, ...],
    votes: bool,
    library: str | None,
    reranker: str | None,
    advice_only: bool,
    name: str | None,
    as_json: bool,
    seed: str,
) -> None:
    from app.cli.evaluate import question_set
    from app.tuning.own.labels import gather
    from app.tuning.own.preparing import Say, prepare
    from app.tuning.own.run import tune
    from app.wiring import build

    sluice = build(settings)
    labels = gather(
        [question_set(settings, named) for named in questions],
        sluice.votes.read(settings.library) if votes else None,
    )
    progress = Progress()
    say = Say(progress.note, lambda what, done, total, left: progress.at(done, total, left, what))
    try:
        prepared = prepare(sluice, labels.questions, library=library, reranker=reranker, say=say)
        _tell(prepared, labels, as_json, advice_only)
        if advice_only:
            return
        report = tune(sluice, prepared, plan, name=name, seed=seed, say=say)
    except KeyboardInterrupt:
        progress.note("Stopped. What was done is kept; the same command goes on there.")
        raise
    finally:
        progress.close()
    _print(report, settings, as_json)
    if not report.outcome.promoted:
        raise click.exceptions.Exit(_NOT_BETTER)


def _tell(prepared: Prepared, labels: Labels, as_json: bool, advice_only: bool) -> None:
    """The advice: the result where only that is asked for, else a note beside the work."""
    for why, count in prepared.asked.left_out.items():
        click.echo(f"Left out: {counted(count, 'question')} ({why})", err=True)
    from app.tuning.own.report import advice_section

    advice = prepared.advice
    if advice_only and as_json:
        row = {"schema": 1, "advice": plain_values(advice), "sources": dict(labels.sources)}
        click.echo(json.dumps(row, ensure_ascii=False, indent=2, allow_nan=False))
    elif advice_only:
        print_sections([advice_section(advice)])
    else:
        for words in advice.words:
            click.echo(words, err=True)


def _print(report: TuneReport, settings: Settings, as_json: bool) -> None:
    from app.tuning.own.report import report_to_json, sections_of

    folder = tuned_folder(settings.sluice_home, report.name)
    if as_json:
        row = {"folder": str(folder), **report_to_json(report)}
        click.echo(json.dumps(row, ensure_ascii=False, indent=2, allow_nan=False))
        return
    click.echo(report.first_line)
    print_sections(sections_of(report))
    click.echo(f"\nReport: {folder / 'report.html'}")
    if not report.outcome.promoted:
        click.echo(f"Kept aside, and not used. To remove it: sluice tune --remove {report.name}", err=True)


def _remove(settings: Settings, name: str, as_json: bool) -> None:
    removed = [str(path) for path in remove_tuned(settings.sluice_home, name.removeprefix("tuned:"))]
    if as_json:
        click.echo(json.dumps({"schema": 1, "removed": removed}, ensure_ascii=False))
        return
    for path in removed:
        click.echo(f"Removed {path}")


def _list(settings: Settings, as_json: bool) -> None:
    found, going = tuned_models(settings.sluice_home), unfinished(settings.sluice_home)
    if as_json:
        rows = [{**plain_values(t), "folder": str(t.folder)} for t in found]
        click.echo(json.dumps({"schema": 1, "tuned": rows, "unfinished": going}, ensure_ascii=False, indent=2))
        return
    for tuned in found:
        click.echo(f"tuned:{tuned.name:<22} {'promoted' if tuned.promoted else 'kept aside'}   {tuned.said}")
    for name in going:
        click.echo(f"tuned:{name:<22} not finished   Run its command again to go on, or: sluice tune --remove {name}")
    if not found and not going:
        click.echo("Nothing was tuned yet: sluice tune QUESTIONS")
