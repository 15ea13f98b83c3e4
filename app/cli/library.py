"""`sluice library list | show | verify | rebuild | delete`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from app.errors import LibraryNotFound, UsageError
from app.library import admin, check
from app.settings import load_settings


@click.group("library", help="List, show, verify, rebuild and delete libraries.")
def command() -> None: ...


@command.command("list", help="All libraries with their sizes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_all(as_json: bool) -> None:
    found = admin.list_libraries(load_settings().libraries_dir)
    if as_json:
        click.echo(json.dumps([_info(i.name, i.generation, i.documents, i.chunks) for i in found]))
        return
    for info in found:
        click.echo(
            f"{info.name:<24} {info.documents:>6} documents {info.chunks:>8} chunks   generation {info.generation}"
        )
    if not found:
        click.echo("No libraries yet. Fill one: sluice ingest PATH")


@command.command("show", help="The documents of a library.")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_one(name: str, as_json: bool) -> None:
    rows = admin.documents(_existing(name), name)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False, default=str))
        return
    for row in rows:
        click.echo(f"{row.id:<18} {row.chunks:>5} chunks  {row.format:<5} {row.title}   {row.uri}")


@command.command("verify", help="Compare catalogue, vectors and lexical index. Exit code 1 when they differ.")
@click.argument("name")
def verify(name: str) -> None:
    differences = check.verify(_existing(name), name)
    for line in differences:
        click.echo(line)
    if differences:
        raise click.exceptions.Exit(1)
    click.echo("Catalogue, vectors and lexical index agree.")


@command.command("rebuild", help="Build the vector index anew, and take removed text off the disk.")
@click.argument("name")
def rebuild(name: str) -> None:
    recall = admin.rebuild_index(_existing(name), name, chroma_url=load_settings().chroma_url)
    click.echo(f"The vector index is new: it finds {recall:.1%} of what an exact search finds.")


@command.command("delete", help="Remove documents from a library, or the whole library with --all.")
@click.argument("name")
@click.argument("document_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="The whole library.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(name: str, document_ids: tuple[str, ...], everything: bool, yes: bool) -> None:
    if everything == bool(document_ids):
        raise UsageError("Name the documents to remove, or --all.", hint=f"See them with: sluice library show {name}")
    directory = _existing(name)
    what = f"the library {name}" if everything else f"{len(document_ids)} document(s) from {name}"
    if not yes:
        click.confirm(f"Remove {what}?", abort=True, err=True)
    if everything:
        admin.delete_library(directory, name, chroma_url=load_settings().chroma_url)
    else:
        admin.delete_documents(directory, name, document_ids, chroma_url=load_settings().chroma_url)
    click.echo(f"Removed {what}.")


def _existing(name: str) -> Path:
    directory = load_settings().libraries_dir
    if all(info.name != name for info in admin.list_libraries(directory)):
        raise LibraryNotFound(f"There is no library {name}.", hint="See what there is: sluice library list")
    return directory


def _info(name: str, generation: int, documents: int, chunks: int) -> dict[str, object]:
    return {"name": name, "generation": generation, "documents": documents, "chunks": chunks}
