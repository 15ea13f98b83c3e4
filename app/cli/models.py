"""`sluice models`: what there is, and preparing what is bundled."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import click

from app.settings import load_settings


@click.group("models", help="List the rerankers, and prepare the bundled models.", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_models, as_json=False)


@command.command("list", help="The rerankers that can be chosen here, and why one cannot.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_models(as_json: bool) -> None:
    from app.wiring import build  # `prepare` must work before everything else can be imported

    rows = build(load_settings()).rerankers()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows]))
        return
    for row in rows:
        said = f"   {row.note}" if row.available else f"   not available: {row.reason}"
        click.echo(f"{row.name:<28} {row.label}{said}".rstrip())


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
