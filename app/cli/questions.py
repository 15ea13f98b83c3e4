"""`sluice questions import | generate | drafts | accept | reject | check | split | list`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click

from app.cli.question_drafts import accept, drafts, generate, reject
from app.counting import counted
from app.errors import UsageError
from app.evaluation.questions.beir import is_beir, read_beir
from app.evaluation.questions.drafts import Drafts
from app.evaluation.questions.from_votes import questions_from_votes
from app.evaluation.questions.imported import Imported, write_corpus
from app.evaluation.questions.kept import kept_sets, questions_dir, set_path
from app.evaluation.questions.model import QuestionSet
from app.evaluation.questions.read import read_questions
from app.evaluation.questions.report import check_lines, check_to_json, counts
from app.evaluation.questions.resolve import resolve
from app.evaluation.questions.split import split
from app.evaluation.questions.squad import read_squad
from app.evaluation.questions.write import write_questions
from app.evaluation.votes import Votes
from app.library.contents import read_contents
from app.settings import Settings, load_settings

_KINDS = ("auto", "file", "beir", "squad", "votes", "drafts")


@click.group("questions", help="Import, draft, check and split question sets.")
def command() -> None: ...


for _drafting in (generate, drafts, accept, reject):
    command.add_command(_drafting)


@command.command("list", help="The question sets kept for a library.")
@click.option("--library", "-l", help="Library (default: LIBRARY).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_sets(library: str | None, as_json: bool) -> None:
    settings = load_settings(library=library)
    found = [(path, read_questions(path)) for path in kept_sets(settings.sluice_home, settings.library)]
    if as_json:
        click.echo(json.dumps([{"path": str(p), **_summary(q)} for p, q in found], ensure_ascii=False))
        return
    for path, questions in found:
        click.echo(f"{questions.name:<24} {counts(questions)}   {path}")
    if not found:
        click.echo("No question sets yet. Bring one in: sluice questions import FILE")


@command.command("import", help="Bring in a .jsonl or .csv file, a BEIR folder, SQuAD JSON, votes or accepted drafts.")
@click.argument("source", required=False, type=click.Path(path_type=Path))
@click.option("--from", "kind", type=click.Choice(_KINDS), default="auto", help="What SOURCE is.")
@click.option("--library", "-l", help="Library the questions are for (default: LIBRARY).")
@click.option("--name", help="Name of the set (default: the source's).")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write here instead.")
@click.option("--corpus", type=click.Path(path_type=Path, file_okay=False), help="Also write the passages, to ingest.")
@click.option("--scope", metavar="FIELD", help="BEIR: ask each question within the passages that share this field.")
@click.option("--split", "qrels", default="test", show_default=True, help="Which judgements of a BEIR folder.")
@click.option("--replace", is_flag=True, help="Replace a set of the same name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_set(
    source: Path | None,
    kind: str,
    library: str | None,
    name: str | None,
    out: Path | None,
    corpus: Path | None,
    scope: str | None,
    qrels: str,
    replace: bool,
    as_json: bool,
) -> None:
    settings = load_settings(library=library)
    imported = _read(settings, source, _kind(source) if kind == "auto" else kind, qrels, scope)
    questions = imported.questions
    files: tuple[Path, ...] = ()
    if corpus is not None:
        if not imported.passages:
            raise UsageError("This source has no passages to write.", hint="Leave out --corpus.")
        questions, files = write_corpus(imported, corpus)
    questions = QuestionSet(name or questions.name, questions.questions)
    if not questions.questions:
        why = "; ".join(f"{count} {what}" for what, count in imported.left_out.items())
        raise UsageError(
            f"There is nothing to import{f' ({why})' if why else ''}.", hint=_EMPTY.get(kind, "Check the source.")
        )
    path = out if out is not None else set_path(settings.sluice_home, settings.library, questions.name)
    _write(questions, path, replace=replace)
    if as_json:
        told_files = [str(file) for file in files]
        row = {"path": str(path), **_summary(questions), "left_out": dict(imported.left_out), "corpus": told_files}
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    click.echo(f"{questions.name}: {counts(questions)}. Written to {path}")
    for what, count in imported.left_out.items():
        click.echo(f"Left out: {count} {what}", err=True)
    if files:
        named = " ".join(map(str, files))
        click.echo(f"Fill a library with the passages: sluice ingest {named} --library {settings.library}", err=True)
    click.echo(f"Then: sluice questions check {path}", err=True)


_EMPTY = {
    "votes": "Votes are given with the thumbs on the Chat page, and blind on the Compare page.",
    "drafts": "Accept some first: sluice questions drafts, then sluice questions accept ID...",
}


@command.command(
    "check", help="Locate the labels and scopes of a set in a library. Exit code 1 when some are not there."
)
@click.argument("questions", type=click.Path(path_type=Path))
@click.option("--library", "-l", help="Library (default: LIBRARY).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every label.")
def check(questions: Path, library: str | None, as_json: bool) -> None:
    settings = load_settings(library=library)
    found = resolve(read_questions(questions), read_contents(settings.libraries_dir, settings.library))
    if as_json:
        click.echo(json.dumps(check_to_json(found), ensure_ascii=False, indent=2))
    else:
        for line in check_lines(found):
            click.echo(line)
    if found.missing or found.out_of_scope:
        raise click.exceptions.Exit(1)


@command.command("split", help="Mark questions as calibration or test, by document, so that nothing leaks.")
@click.argument("questions", type=click.Path(path_type=Path))
@click.option("--library", "-l", help="Also keep together what the labels were located in, in this library.")
@click.option("--test-share", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Share for the test.")
@click.option("--seed", default="", help="Any text; another one gives another split.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: NAME.split.jsonl beside it.")
@click.option("--replace", is_flag=True, help="Replace the file if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def split_set(
    questions: Path, library: str | None, test_share: float, seed: str, out: Path | None, replace: bool, as_json: bool
) -> None:
    read = read_questions(questions)
    resolution = None
    if library is not None:
        resolution = resolve(read, read_contents(load_settings().libraries_dir, library))
    result = split(read, test_share=test_share, resolution=resolution, seed=seed)
    path = out if out is not None else questions.with_name(f"{questions.stem}.split.jsonl")
    _write(result.questions, path, replace=replace)
    if as_json:
        row = {
            "schema": 1,
            "path": str(path),
            "sides": dict(result.sides),
            "unanswerable": dict(result.unanswerable),
            "test_share": result.test_share,
            "components": result.components,
            "largest": result.largest,
        }
        click.echo(json.dumps(row, ensure_ascii=False))
    else:
        for side, count in result.sides.items():
            click.echo(f"{side:<12} {counted(count, 'question'):>16}, {result.unanswerable[side]} of them unanswerable")
        click.echo(f"{counted(result.components, 'group')} that share no document. Written to {path}")
    if min(result.sides.values()) == 0 and 0 < test_share < 1:
        click.echo(
            f"One side is empty: {result.largest:.0%} of the questions hang together. Add questions about other "
            "documents, or name their sources.",
            err=True,
        )


def _kind(source: Path | None) -> str:
    if source is None:
        raise UsageError("Name a file or folder to import.", hint="Or say --from votes, or --from drafts.")
    if source.is_dir():
        if is_beir(source):
            return "beir"
        raise UsageError(f"{source} is no BEIR folder (no queries.jsonl, no corpus.jsonl).", hint="Name a file in it.")
    return "squad" if source.suffix.lower() == ".json" else "file"


def _read(settings: Settings, source: Path | None, kind: str, qrels: str, scope: str | None) -> Imported:
    if scope is not None and kind != "beir":
        raise UsageError(
            "--scope is for a BEIR folder.", hint="In a question set each row says what it is asked within."
        )
    if kind == "votes":
        return questions_from_votes(Votes(settings.sluice_home / "votes").read(settings.library))
    if kind == "drafts":
        return Imported(Drafts(questions_dir(settings.sluice_home)).question_set(settings.library, name="drafts"))
    if source is None:
        raise UsageError(f"--from {kind} needs the file or folder.", hint="sluice questions import PATH --from " + kind)
    if kind == "beir":
        return read_beir(source, split=qrels, scope=scope)
    return read_squad(source) if kind == "squad" else Imported(read_questions(source))


def _write(questions: QuestionSet, path: Path, *, replace: bool) -> None:
    if path.exists() and not replace:
        raise UsageError(f"{path} is there already.", hint="Add --replace, or write elsewhere with --out FILE.")
    write_questions(questions, path)


def _summary(questions: QuestionSet) -> dict[str, Any]:
    kinds = Counter(q.answerable for q in questions.questions)
    return {
        "schema": 1,
        "name": questions.name,
        "fingerprint": questions.fingerprint,
        "questions": len(questions.questions),
        "answerable": kinds[True],
        "unanswerable": kinds[False],
        "undecided": kinds[None],
        "weak": sum(q.weak for q in questions.questions),
    }
