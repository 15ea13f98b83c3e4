"""`sluice doctor`: what is installed, which models and keys are found, what is missing and what to type."""

from __future__ import annotations

import json
import platform
import sqlite3
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Literal

import click

from app.automatic import automatic, rivals
from app.errors import SluiceError
from app.library import admin
from app.prices.read import price_list
from app.providers.embedding import open_embedder
from app.providers.reranking.registry import choices
from app.providers.score_cache import ScoreFile
from app.settings import Settings, load_settings

_PACKAGES = ("chromadb", "streamlit", "onnxruntime", "tokenizers", "torch", "sentence-transformers", "openai", "cohere")
_MARKS = {"ok": "ok     ", "missing": "MISSING", "note": "note   "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `fix` is what to type, empty when there is nothing to do."""

    what: str
    state: Literal["ok", "missing", "note"]
    detail: str
    fix: str = ""


@click.command("doctor", help="Say what is installed, what is missing, and what to type. Exit code 1 if something is.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    found = examine(load_settings())
    if as_json:
        click.echo(json.dumps([asdict(f) for f in found], indent=2))
    else:
        for finding in found:
            click.echo(f"{_MARKS[finding.state]} {finding.what}: {finding.detail}")
            if finding.fix:
                click.echo(f"        -> {finding.fix}")
    if any(f.state == "missing" for f in found):
        raise click.exceptions.Exit(1)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything once; no network is used and no key is printed."""
    return [
        Finding("Python", "ok", f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}"),
        *_packages(),
        _embedder(settings),
        *_rerankers(settings),
        _score_cache(settings),
        _chat(settings),
        _prices(settings),
        *_libraries(settings),
    ]


def _packages() -> list[Finding]:
    findings = []
    for name in _PACKAGES:
        try:
            findings.append(Finding(name, "ok", metadata.version(name)))
        except metadata.PackageNotFoundError:
            findings.append(Finding(name, "missing", "not installed", "make setup"))
    return findings


def _embedder(settings: Settings) -> Finding:
    try:
        embedder = open_embedder(settings)
    except SluiceError as error:
        return Finding("Embedding model", "missing", error.message, error.hint)
    return Finding("Embedding model", "ok", f"{embedder.id}, {embedder.dimension} dimensions")


def _rerankers(settings: Settings) -> list[Finding]:
    try:
        chosen, known = automatic(settings), rivals(settings)
    except SluiceError as error:
        return [Finding("Rerankers", "missing", error.message, error.hint)]
    passed_over = [rival for rival in known if rival.name != chosen.name]
    return [
        *(
            Finding(f"Reranker {c.name}", "ok" if c.available else "note", c.label if c.available else c.reason or "")
            for c in choices(settings, chosen.name)
        ),
        Finding("Reranker auto", "ok", chosen.why),
        *(
            Finding(f"Reranker {rival.name}", "note", f"on this machine, not used by auto: {rival.why}", rival.fix)
            for rival in passed_over
        ),
    ]


def _score_cache(settings: Settings) -> Finding:
    if settings.score_cache_mb == 0:
        return Finding("Score cache", "ok", "off (SCORE_CACHE_MB=0)")
    held = ScoreFile(settings.score_cache_file, megabytes=settings.score_cache_mb).held()
    kept = f"{held.scores:,} scores, {held.megabytes:.1f} of about {settings.score_cache_mb} MB"
    return Finding("Score cache", "ok", f"{kept} in {settings.score_cache_file}")


def _chat(settings: Settings) -> Finding:
    if not settings.chat_configured:
        return Finding(
            "Chat model",
            "note",
            "none set: answers are quoted from the passages",
            "set OPENAI_API_KEY, or OPENAI_BASE_URL for a local server, in .env",
        )
    where = settings.openai_base_url or "the OpenAI API"
    key = "a key is set" if settings.openai_api_key is not None else "no key (a local server needs none)"
    return Finding("Chat model", "ok", f"{settings.chat_model} at {where}; {key}")


def _prices(settings: Settings) -> Finding:
    try:
        known = price_list(settings.price_file)
    except SluiceError as error:
        return Finding("Prices", "missing", error.message, error.hint)
    return Finding("Prices", "ok", known.label)


def _libraries(settings: Settings) -> list[Finding]:
    found = admin.list_libraries(settings.libraries_dir)
    if not found:
        return [Finding("Libraries", "note", f"none in {settings.libraries_dir}", "sluice ingest PATH")]
    return [Finding(f"Library {i.name}", "ok", f"{i.documents} documents, {i.chunks} chunks") for i in found]
