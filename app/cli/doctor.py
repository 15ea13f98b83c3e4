"""`sluice doctor`: what is installed, which models and keys are found, whether each service answers, what to type."""

from __future__ import annotations

import json
import platform
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from typing import Literal

import click

from app.automatic import automatic, rivals
from app.cli.doctor_calls import Call, call_services, idle_keys
from app.counting import counted
from app.errors import SluiceError
from app.library import admin
from app.prices.model import PriceList
from app.prices.read import price_list
from app.providers.embedding import open_embedder, runs_here
from app.providers.reranking.kinds import is_hosted, is_language_model
from app.providers.reranking.registry import RerankerChoice, choices, resolve
from app.providers.score_cache import ScoreFile
from app.settings import Settings, load_settings

_HOME = {
    "openai": "the OpenAI API",
    "cohere": "the Cohere API",
    "anthropic": "the Anthropic API",
    "google": "the Gemini API",
}
_PACKAGES = ("chromadb", "streamlit", "onnxruntime", "tokenizers", "torch", "sentence-transformers", "openai", "cohere")
_MARKS = {"ok": "ok     ", "missing": "MISSING", "note": "note   ", "failed": "FAILED "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `fix` is what to type, empty when there is nothing to do. Of a service that was asked:
    the seconds it took, and what it says it used."""

    what: str
    state: Literal["ok", "missing", "note", "failed"]
    detail: str
    fix: str = ""
    seconds: float | None = None
    used: Mapping[str, float] | None = None


@click.command(
    "doctor",
    help="Say what is installed and what is missing, make one tiny call to each service that is configured, and say "
    "what to type. Exit code 1 if something is missing or a call fails.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--offline", is_flag=True, help="Call nobody; only say what is configured.")
def command(as_json: bool, offline: bool) -> None:
    found = examine(load_settings(), offline=offline)
    if as_json:
        click.echo(json.dumps([asdict(f) for f in found], indent=2))
    else:
        for finding in found:
            click.echo(f"{_MARKS[finding.state]} {finding.what}: {finding.detail}")
            if finding.fix:
                click.echo(f"        -> {finding.fix}")
    if any(f.state in ("missing", "failed") for f in found):
        raise click.exceptions.Exit(1)


def examine(settings: Settings, *, offline: bool = True) -> list[Finding]:
    """Look at everything once; no key is printed. `offline`: no service is called."""
    calls: Mapping[str, Call] = {} if offline else _calls(settings)
    return [
        Finding("Python", "ok", f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}"),
        *_packages(),
        _embedder(settings, calls),
        *_rerankers(settings, calls),
        _score_cache(settings),
        _chat(settings, calls),
        *_grader(settings, calls),
        *([] if offline else _idle_keys(settings, calls)),
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


def _calls(settings: Settings) -> Mapping[str, Call]:
    try:
        chosen = choices(settings, automatic(settings).name)
        prices = price_list(settings.price_file)
    except SluiceError:  # is a finding of its own
        chosen, prices = [], PriceList()
    return call_services(settings, chosen, prices)


def _called(finding: Finding, call: Call | None) -> Finding:
    """The finding with what came of the call."""
    if call is None:
        return finding
    told = replace(finding, seconds=round(call.seconds, 3), used=call.units)
    if call.error is None:
        return replace(told, detail=f"{finding.detail}; {call.in_words}")
    said = call.error
    return replace(told, state="failed", detail=f"{finding.detail}; {said.message}", fix=said.hint)


def _embedder(settings: Settings, calls: Mapping[str, Call]) -> Finding:
    try:
        embedder = open_embedder(settings)
    except SluiceError as error:
        return Finding("Embedding model", "missing", error.message, error.hint)
    if runs_here(settings):
        return Finding("Embedding model", "ok", f"{embedder.id}, {embedder.dimension} dimensions")
    return _called(Finding("Embedding model", "ok", embedder.id), calls.get("embedding"))


def _rerankers(settings: Settings, calls: Mapping[str, Call]) -> list[Finding]:
    try:
        chosen, known = automatic(settings), rivals(settings)
        offered = choices(settings, chosen.name)
    except SluiceError as error:
        return [Finding("Rerankers", "missing", error.message, error.hint)]
    passed_over = [rival for rival in known if rival.name != chosen.name]
    more = [name for name in calls if is_hosted(name) and name not in {c.name for c in offered}]  # RERANKER_FALLBACK
    return [
        *(
            _called(
                Finding(f"Reranker {c.name}", _standing(c, settings), _described(c, calls)),
                calls.get(c.name),
            )
            for c in offered
        ),
        *(_called(Finding(f"Reranker {name}", "ok", name), calls[name]) for name in more),
        Finding("Reranker auto", "ok", chosen.why),
        *(
            Finding(f"Reranker {rival.name}", "note", f"on this machine, not used by auto: {rival.why}", rival.fix)
            for rival in passed_over
        ),
    ]


def _standing(choice: RerankerChoice, settings: Settings) -> Literal["ok", "missing", "note"]:
    if choice.available:
        return "ok"
    return "missing" if choice.name in (settings.reranker, resolve(settings.reranker)) else "note"


def _described(choice: RerankerChoice, calls: Mapping[str, Call]) -> str:
    if not choice.available:
        return choice.reason or ""
    untried = calls and choice.name not in calls and is_language_model(choice.name)
    return f"{choice.label}; not tried: its server is, with another call" if untried else choice.label


def _idle_keys(settings: Settings, calls: Mapping[str, Call]) -> list[Finding]:
    return [
        Finding(name, "note", "a key is set, and nothing that is chosen here uses it: not tried")
        for name in idle_keys(settings, calls)
    ]


def _score_cache(settings: Settings) -> Finding:
    if settings.score_cache_mb == 0:
        return Finding("Score cache", "ok", "off (SCORE_CACHE_MB=0)")
    held = ScoreFile(settings.score_cache_file, megabytes=settings.score_cache_mb).held()
    kept = f"{held.scores:,} scores, {held.megabytes:.1f} of about {settings.score_cache_mb} MB"
    return Finding("Score cache", "ok", f"{kept} in {settings.score_cache_file}")


def _chat(settings: Settings, calls: Mapping[str, Call]) -> Finding:
    provider, model = settings.chat_provider
    key = f"{provider.upper()}_API_KEY"
    if not settings.chat_configured:
        other = "" if provider != "openai" else ", or OPENAI_BASE_URL for a local server,"
        what = "none set" if provider == "openai" else f"{key} is not set for CHAT_MODEL={settings.chat_model}"
        detail = f"{what}: answers are quoted from the passages"
        return Finding("Chat model", "note", detail, f"set {key}{other} in .env")
    where = getattr(settings, f"{provider}_base_url") or _HOME[provider]
    named = "a key is set" if getattr(settings, f"{provider}_api_key") is not None else "no key"
    return _called(Finding("Chat model", "ok", f"{model} at {where}; {named}"), calls.get("chat"))


def _grader(settings: Settings, calls: Mapping[str, Call]) -> list[Finding]:
    if settings.grader_model is None:
        return []
    return [_called(Finding("Grader", "ok", settings.grader_model), calls.get("grader"))]


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
    return [
        Finding(f"Library {i.name}", "ok", f"{counted(i.documents, 'document')}, {counted(i.chunks, 'chunk')}")
        for i in found
    ]
