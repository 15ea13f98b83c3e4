"""`sluice demo`, what `make run` does: ingest the handbook, answer one question, serve the page."""

from __future__ import annotations

import click

from app.cli.ask import print_trace
from app.cli.serve import serve
from app.ingest_process import start
from app.settings import load_settings
from app.wiring import build, handbook_dir

LIBRARY = "handbook"


@click.command("demo", help="Ingest the handbook, answer one question, serve the page.")
@click.option("--no-serve", is_flag=True, help="Stop after the answer.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the page.")
def command(no_serve: bool, port: int | None) -> None:
    ingest_handbook()
    sluice = build(load_settings(library=LIBRARY))
    question = sluice.samples(LIBRARY)[0].text
    click.echo(f"\nYou: {question}\n")
    print_trace(sluice.pipeline.ask(question, sluice.options()), explain=True)
    click.echo("")
    if not no_serve:
        serve(port=port)


def ingest_handbook() -> None:
    """Fill the sample library; what has not changed costs nothing."""
    click.echo("Reading the handbook ...", err=True)
    for event in start([handbook_dir()], library=LIBRARY, prune=True):
        if event.kind == "file" and event.data["state"] == "failed":
            click.echo(f"failed: {event.data['path']}: {event.data['reason']}", err=True)
        if event.kind == "report":
            counts = event.data["report"]["counts"]
            told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
            click.echo(f"Handbook: {told} ({event.data['report']['seconds']:.1f} s)", err=True)
