"""`sluice models`: what there is, fetching and removing models, and preparing what is bundled."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.counting import counted
from app.errors import ModelError
from app.settings import load_settings

if TYPE_CHECKING:
    from rich.table import Table

    from app.providers.reranking.registry import RerankerChoice
    from app.providers.reranking.shelf import Row

_GB, _MB = 1_000_000_000, 1_000_000


@click.group("models", help="List the rerankers; fetch, measure and prepare models.", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_models, as_json=False)


@command.command("list", help="The local rerankers with what is known of them, and the services that can be chosen.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_models(as_json: bool) -> None:
    from app.providers.reranking.shelf import rows
    from app.wiring import build  # `prepare` must work before everything else can be imported

    settings = load_settings()
    choices, shelf = build(settings).rerankers(), rows(settings)
    if as_json:
        click.echo(
            json.dumps({"schema": 1, "local": [asdict(r) for r in shelf], "choices": [asdict(c) for c in choices]})
        )
        return
    from rich.console import Console

    console = Console(highlight=False, width=None if Console().is_terminal else 200)
    console.print(_table(shelf))
    local = {row.name for row in shelf}
    _say_of_choices([choice for choice in choices if choice.name not in local or choice.note or not choice.available])
    click.echo("Fetch one: sluice models pull NAME   Measure those that are here: sluice models measure", err=True)


@command.command("pull", help="Fetch a model from the Hugging Face hub, once. Asking a question never does.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask before fetching more than 1 GB.")
def pull_model(name: str, yes: bool) -> None:
    from app.providers.pulling import plan_pull, pull
    from app.providers.reranking.known import known_as

    name = _hub_name(name)
    plan = plan_pull(name)
    if plan.missing == 0:
        click.echo(f"{name} is here, whole ({_bytes(plan.size)}, revision {plan.revision[:12]}).", err=True)
    else:
        rest = "" if plan.missing == plan.size else f", {_bytes(plan.missing)} of them still to come"
        known = known_as(name)
        licence = "" if known is None else f" Its licence: {known.licence}."
        click.echo(f"{name}: {_bytes(plan.size)} in {counted(len(plan.files), 'file')}{rest}.{licence}", err=True)
        if not yes and (plan.missing is None or plan.missing > _GB):
            click.confirm("Fetch it?", abort=True, err=True)
    click.echo(str(pull(plan)))
    click.echo(_how_to_use(name), err=True)


@command.command(
    "measure", help="Measure how fast local rerankers are on this machine; without a NAME those that are here."
)
@click.argument("names", nargs=-1)
def measure_models(names: tuple[str, ...]) -> None:
    from app.providers.reranking.registry import open_scorer
    from app.providers.reranking.shelf import rows
    from app.providers.reranking.speeds import keep, measure, speeds_file

    settings = load_settings()
    here = [row.name for row in rows(settings) if row.here in ("ships", "yes", "exported")]
    failed = False
    for name in names or here:
        try:
            scorer = open_scorer(name, settings)  # without the score cache, which would be measured
            speed = measure(scorer)
        except ModelError as error:  # the others are not its fault
            failed = True
            click.echo(f"{name}: {error.message}\n{error.hint}", err=True)
            continue
        keep(speeds_file(settings.models_dir), scorer.profile.id, speed)
        click.echo(f"{name}: 20 passages in {_seconds(speed.seconds)}")
    if failed:
        raise click.exceptions.Exit(1)


@command.command("remove", help="Remove the int8 form that `sluice models export` made of a model, or a tuned:NAME.")
@click.argument("name")
def remove_model(name: str) -> None:
    from app.providers.prepare import remove_prepared
    from app.providers.reranking.tuned import PROVIDER, remove_tuned

    if name.startswith(f"{PROVIDER}:"):
        for removed in remove_tuned(load_settings().sluice_home, name.removeprefix(f"{PROVIDER}:")):
            click.echo(f"Removed {removed}.")
        return
    name = _hub_name(name)
    for folder in remove_prepared(name, load_settings().models_dir):
        click.echo(f"Removed {folder}.")
    click.echo(f"What the hub's cache has of it stays: hf cache rm model/{name}", err=True)


@command.command("clear-scores", help="Empty the score cache (SCORE_CACHE_MB).")
def clear_scores() -> None:
    from app.providers.score_cache import ScoreFile

    settings = load_settings()
    forgotten = ScoreFile(settings.score_cache_file, megabytes=settings.score_cache_mb).clear()
    click.echo(f"{forgotten:,} scores forgotten.")


@command.command("prepare", help="Export and quantise the bundled embedding model, once.")
def prepare() -> None:
    from app.providers.prepare import prepare_embedder  # loads torch when there is work to do

    start = time.perf_counter()
    path = prepare_embedder(load_settings().models_dir)
    seconds = time.perf_counter() - start
    click.echo(f"Embedding model ready in {path}" + (f" ({seconds:.0f} s)" if seconds > 1 else ""), err=True)


@command.command("export", help="Export a local cross-encoder to a quantised ONNX file, so that asking needs no torch.")
@click.argument("model")
def export(model: str) -> None:
    from app.providers.prepare import prepare_cross_encoder  # loads torch

    path = prepare_cross_encoder(model, load_settings().models_dir)
    click.echo(f"Exported to {path}. Use it with RERANKER=cross-encoder:{model}")


def _hub_name(name: str) -> str:
    """The model alone, where its name in RERANKER was given."""
    kind, colon, model = name.partition(":")
    return model if colon and kind in ("cross-encoder", "late-interaction", "sentence-transformers") else name


def _how_to_use(name: str) -> str:
    from app.providers.reranking.known import LATE_INTERACTION, known_as

    known = known_as(name)
    if known is None:
        return f"As a reranker: RERANKER=cross-encoder:{name}   To embed with: EMBEDDING=sentence-transformers:{name}"
    kind = "late-interaction" if known in LATE_INTERACTION else "cross-encoder"
    return f"Use it with RERANKER={kind}:{name}"


def _table(shelf: Sequence[Row]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head, right in (("RERANKER=", False), ("parameters", True), ("licence", False), ("languages", False),
                        ("tokens", True), ("here", False), ("20 passages, measured", False)):  # fmt: skip
        table.add_column(head, justify="right" if right else "left", no_wrap=head == "RERANKER=")
    for row in shelf:
        measured = "" if row.speed is None else f"{_seconds(row.speed.seconds)} ({row.speed.day})"
        window = "" if row.window is None else f"{row.window:,}"
        size = "" if row.parameters is None else f"{row.parameters:,g} M"
        style = "dim" if row.here == "no" else ""
        table.add_row(row.name, size, row.licence, row.languages, window, row.here, measured, style=style)
    return table


def _say_of_choices(choices: Sequence[RerankerChoice]) -> None:
    click.echo("")
    width = max((len(choice.name) for choice in choices), default=0)
    for choice in choices:
        said = f"   {choice.note}" if choice.available else f"   not available: {choice.reason}"
        click.echo(f"{choice.name:<{width}}  {choice.label}{said}".rstrip())


def _bytes(count: int | None) -> str:
    if count is None:
        return "of unknown size"
    if count >= _GB:
        return f"{count / _GB:.1f} GB"
    return f"{count / _MB:.1f} MB" if count >= _MB / 10 else f"{count / 1000:.1f} kB"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
