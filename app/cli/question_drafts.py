"""`sluice questions generate | drafts | accept | reject`: drafting questions from a library's own passages."""

from __future__ import annotations

import json

import click

from app.errors import UsageError
from app.evaluation.questions.chat_drafts import REPLY_TOKENS, Drafting, chat_drafts
from app.evaluation.questions.drafts import STATES, Drafts, DraftState
from app.evaluation.questions.kept import questions_dir
from app.evaluation.questions.model import to_row
from app.evaluation.questions.weak_drafts import weak_drafts
from app.library.contents import Contents, read_contents
from app.providers.chat import open_chat
from app.settings import Settings, load_settings


@click.command("generate", help="Draft questions from a library's own passages, for you to accept or reject.")
@click.option("--library", "-l", help="Library (default: LIBRARY).")
@click.option(
    "--method",
    type=click.Choice(["auto", "chat", "weak"]),
    default="auto",
    help="With the chat model, or from headings and sentences; auto: with the chat model where one is set.",
)
@click.option("--count", type=click.IntRange(1, 1000), default=20, show_default=True, help="Drafts, without a model.")
@click.option("--calls", type=click.IntRange(1, 1000), default=10, show_default=True, help="Calls to the chat model.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed draws other passages.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def generate(library: str | None, method: str, count: int, calls: int, seed: int, as_json: bool) -> None:
    settings = load_settings(library=library)
    contents = read_contents(settings.libraries_dir, settings.library)
    if not contents.chunks:
        raise UsageError(
            f"Library {settings.library} is empty.", hint=f"sluice ingest PATH --library {settings.library}"
        )
    if method == "chat" or (method == "auto" and settings.chat_configured):
        new, run = _with_chat(settings, contents, calls, seed)
    else:
        new, run = _kept(settings).add(settings.library, weak_drafts(contents, count, seed=seed)), Drafting()
        click.echo("Drafted from headings and sentences: weak, and none is unanswerable. Reword them.", err=True)
    if as_json:
        row = {"schema": 1, "library": settings.library, "new": new, "calls": run.calls, "left_out": dict(run.left_out)}
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    click.echo(f"{new} new drafts in {_kept(settings).path(settings.library)}")
    for what, times in run.left_out.items():
        click.echo(f"Left out: {times} {what}", err=True)
    if new == 0:
        click.echo("Nothing new was found to ask; another --seed draws other passages.", err=True)
        return
    click.echo(f"Look at them: sluice questions drafts --library {settings.library}", err=True)


def _with_chat(settings: Settings, contents: Contents, calls: int, seed: int) -> tuple[int, Drafting]:
    chat = open_chat(settings)
    if chat is None:
        raise UsageError(
            "There is no chat model to draft with.", hint="Set OPENAI_API_KEY or OPENAI_BASE_URL, or: --method weak"
        )
    click.echo(f"At most {calls} calls to {chat.name}, each writing at most {REPLY_TOKENS} tokens.", err=True)
    new, run = 0, Drafting()
    for drafted in chat_drafts(contents, chat, calls=calls, seed=seed, run=run):
        new += _kept(settings).add(settings.library, drafted)  # at once: a stop keeps what there is
        click.echo(f"{run.calls} of {calls} calls, {new} drafts", err=True)
    return new, run


@click.command("drafts", help="The drafted questions of a library.")
@click.option("--library", "-l", help="Library (default: LIBRARY).")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the passages.")
def drafts(library: str | None, state: DraftState | None, as_json: bool) -> None:
    settings = load_settings(library=library)
    found = [d for d in _kept(settings).read(settings.library) if state is None or d.state == state]
    if as_json:
        rows = [{"state": d.state, "by": d.by, "question": to_row(d.question), "passage": d.passage} for d in found]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for draft in found:
        kind = "unanswerable" if draft.question.answerable is False else draft.by
        click.echo(f"{draft.question.id}  {draft.state:<8}  {kind:<12}  {draft.question.text}")
    if not found:
        click.echo(f"No drafts. Make some: sluice questions generate --library {settings.library}")


@click.command("accept", help="Accept drafts; accepted ones become a question set with: import --from drafts.")
@click.argument("ids", nargs=-1)
@click.option("--library", "-l", help="Library (default: LIBRARY).")
@click.option("--all", "everything", is_flag=True, help="All that are not decided yet.")
def accept(ids: tuple[str, ...], library: str | None, everything: bool) -> None:
    _decide(ids, library, everything, "accepted")


@click.command("reject", help="Reject drafts; they are not drafted again.")
@click.argument("ids", nargs=-1)
@click.option("--library", "-l", help="Library (default: LIBRARY).")
@click.option("--all", "everything", is_flag=True, help="All that are not decided yet.")
def reject(ids: tuple[str, ...], library: str | None, everything: bool) -> None:
    _decide(ids, library, everything, "rejected")


def _decide(ids: tuple[str, ...], library: str | None, everything: bool, state: DraftState) -> None:
    if everything == bool(ids):
        raise UsageError("Name the drafts, or --all.", hint="See them with: sluice questions drafts")
    settings = load_settings(library=library)
    kept = _kept(settings)
    if everything:
        ids = tuple(draft.question.id for draft in kept.read(settings.library) if draft.state == "drafted")
    changed = kept.decide(settings.library, ids, state)
    click.echo(f"{changed} {state}.")


def _kept(settings: Settings) -> Drafts:
    return Drafts(questions_dir(settings.sluice_home))
