"""`sluice library list | show | verify | repair | rebuild | delete | export | import`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from app.cli.last_report import report_json, report_text
from app.counting import counted
from app.errors import SluiceError, UsageError
from app.library import admin, check, moving
from app.library.places import existing, list_libraries
from app.library.repair import repair
from app.printable import printable
from app.settings import load_settings

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_SHOWN = 20  # paths; --json gives all


@click.group("library", help="List, show, verify, repair, export, import and delete libraries.")
def command() -> None: ...


@command.command("list", help="All libraries with their sizes.")
@_JSON
def list_all(as_json: bool) -> None:
    directory = load_settings().libraries_dir
    found = [_listed(directory, name) for name in list_libraries(directory)]
    if as_json:
        _print(found)
        return
    for one in found:
        if "error" in one:
            click.echo(f"{one['name']:<24} {one['error']}")
        else:
            documents, chunks = counted(one["documents"], "document"), counted(one["chunks"], "chunk")
            click.echo(f"{one['name']:<24} {documents:>16} {chunks:>15}   generation {one['generation']}")
    if not found:
        click.echo("No libraries yet. Fill one: sluice ingest PATH")


@command.command("show", help="The documents of a library, or what became of each file in its last ingest.")
@click.argument("name")
@click.option("--last-report", is_flag=True, help="The report of the last ingest.")
@_JSON
def show_one(name: str, last_report: bool, as_json: bool) -> None:
    directory = _existing(name)
    if last_report:
        last = admin.last_report(directory, name)
        click.echo(_dumped(report_json(last)) if as_json else report_text(name, last))
        return
    rows = admin.documents(directory, name)
    if as_json:
        _print([asdict(row) for row in rows])
        return
    for line in _in_columns([[row.id, f"{row.chunks:,}", row.format, row.title, printable(row.uri)] for row in rows]):
        click.echo(line)
    if not rows:
        click.echo(f"Library {name} is empty. Fill it: sluice ingest PATH --library {name}")


@command.command("verify", help="Compare files, manifest, catalogue, words and vectors. Exit code 1 when they differ.")
@click.argument("name")
@click.option("--files", is_flag=True, help="Read the documents' own files too, and say which are others now.")
@_JSON
def verify(name: str, files: bool, as_json: bool) -> None:
    directory = _existing(name)
    found = check.inspect(directory, name, chroma_url=load_settings().chroma_url)
    sources = check.sources(directory, name, read=files) if found.generation is not None else None
    if as_json:
        _print(
            {
                "schema": 1,
                "library": name,
                "generation": found.generation,
                "agree": not found.differences,
                "differences": [asdict(difference) for difference in found.differences],
                "notes": found.notes,
                "sources": None if sources is None else asdict(sources),
            }
        )
        raise click.exceptions.Exit(1 if found.differences else 0)
    for difference in found.differences:
        click.echo(printable(str(difference)))
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    if sources is not None:
        _say_paths(
            f"files are gone (their documents stay; --prune removes them), of {sources.compared:,}", sources.gone
        )
        _say_paths("files were changed since they were read (sluice ingest reads them again)", sources.changed)
    if found.differences:
        click.echo(f"Mend what can be mended: sluice library repair {name}", err=True)
        raise click.exceptions.Exit(1)
    click.echo("Catalogue, vectors and lexical index agree.")


@command.command("repair", help="Mend what can be mended without the documents' files, and say what cannot.")
@click.argument("name")
@_JSON
def repair_one(name: str, as_json: bool) -> None:
    done = repair(_existing(name), name, chroma_url=load_settings().chroma_url)
    if as_json:
        _print({"schema": 1, "library": name, "repaired": done.done, "left": done.left, "read_again": done.again})
        raise click.exceptions.Exit(1 if done.left else 0)
    for line in done.done:
        click.echo(printable(f"mended: {line}"))
    for line in done.left:
        click.echo(printable(f"cannot be mended: {line}"))
    if done.again:
        click.echo("The next ingest of their folders reads these files again: sluice ingest PATH", err=True)
    if not done.done and not done.left:
        click.echo("Nothing to mend.")
    raise click.exceptions.Exit(1 if done.left else 0)


@command.command("rebuild", help="Build the vector index anew, and take removed text off the disk.")
@click.argument("name")
@_JSON
def rebuild(name: str, as_json: bool) -> None:
    recall = admin.rebuild_index(_existing(name), name, chroma_url=load_settings().chroma_url)
    if as_json:
        _print({"schema": 1, "library": name, "recall": recall})
        return
    click.echo(f"The vector index is new: it finds {recall:.1%} of what an exact search finds.")


@command.command("delete", help="Remove documents from a library, or the whole library with --all.")
@click.argument("name")
@click.argument("document_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="The whole library.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_JSON
def delete(name: str, document_ids: tuple[str, ...], everything: bool, yes: bool, as_json: bool) -> None:
    if everything == bool(document_ids):
        raise UsageError("Name the documents to remove, or --all.", hint=f"See them with: sluice library show {name}")
    directory, chroma_url = _existing(name), load_settings().chroma_url
    if not everything:
        _known(directory, name, document_ids)
    documents = f"{len(document_ids)} document{'s' if len(document_ids) > 1 else ''}"
    what = f"the library {name}" if everything else f"{documents} from {name}"
    if not yes:
        click.confirm(f"Remove {what}?", abort=True, err=True)
    generation = None
    if everything:
        admin.delete_library(directory, name, chroma_url=chroma_url)
    else:
        generation = admin.delete_documents(directory, name, document_ids, chroma_url=chroma_url)
    if as_json:
        removed = "library" if everything else document_ids
        _print({"schema": 1, "library": name, "removed": removed, "generation": generation})
        return
    click.echo(f"Removed {what}.")


@command.command("export", help="Write a library into one file, to be moved to another machine.")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--overwrite", is_flag=True, help="Replace the file if there is one.")
@_JSON
def export(name: str, file: Path | None, overwrite: bool, as_json: bool) -> None:
    directory = _existing(name)
    target = file if file is not None else Path(f"{name}.sluice")
    info = moving.export_library(directory, name, target, overwrite=overwrite)
    size = target.stat().st_size
    if as_json:
        _print({"schema": 1, "library": name, "file": str(target), "bytes": size, "documents": info.documents})
        return
    click.echo(
        f"{target}: {counted(info.documents, 'document')}, {counted(info.chunks, 'chunk')}, {size / 1e6:,.1f} MB."
    )


@command.command("import", help="Make a library of a file that `sluice library export` wrote.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="The library's name (default: the one it had).")
@click.option("--replace", is_flag=True, help="Replace a library of this name.")
@_JSON
def import_one(file: Path, name: str | None, replace: bool, as_json: bool) -> None:
    settings = load_settings()
    info = moving.import_library(
        settings.libraries_dir, file, name=name, replace=replace, chroma_url=settings.chroma_url
    )
    if as_json:
        _print({"schema": 1, "library": info.name, "documents": info.documents, "chunks": info.chunks})
        return
    click.echo(f"Library {info.name}: {counted(info.documents, 'document')}, {counted(info.chunks, 'chunk')}.")
    click.echo(f"Ask it: sluice ask QUESTION --library {info.name}", err=True)


def _existing(name: str) -> Path:
    directory = load_settings().libraries_dir
    existing(directory, name)
    return directory


def _known(directory: Path, name: str, document_ids: tuple[str, ...]) -> None:
    known = {row.id for row in admin.documents(directory, name)}
    unknown = [document_id for document_id in document_ids if document_id not in known]
    if unknown:
        raise UsageError(
            f"Library {name} has no document {', '.join(unknown)}; nothing was removed.",
            hint=f"See them with: sluice library show {name}",
        )


def _listed(directory: Path, name: str) -> dict[str, Any]:
    try:
        info = admin.library_info(directory, name)
    except SluiceError as error:  # one that cannot be read must not hide the others
        return {"name": name, "error": error.message, "hint": error.hint}
    return {"name": name, "generation": info.generation, "documents": info.documents, "chunks": info.chunks}


def _in_columns(rows: list[list[str]]) -> list[str]:
    """Lines with a heading, each column as wide as its widest cell (a title at most 40 characters)."""
    if not rows:
        return []
    table = [["id", "chunks", "format", "title", "file"], *rows]
    wide = [min(40, max(len(row[column]) for row in table)) for column in range(4)]
    return [
        f"{id_:<{wide[0]}}  {chunks:>{wide[1]}}  {kind:<{wide[2]}}  {title:<{wide[3]}}  {uri}"
        for id_, chunks, kind, title, uri in table
    ]


def _say_paths(what: str, paths: tuple[str, ...]) -> None:
    if paths:
        click.echo(f"{len(paths):,} {what}:", err=True)
        for path in paths[:_SHOWN]:
            click.echo(printable(f"    {path}"), err=True)
        if len(paths) > _SHOWN:
            click.echo(f"    and {len(paths) - _SHOWN:,} more (--json names all)", err=True)


def _print(value: object) -> None:
    click.echo(_dumped(value))


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
