"""`sluice ingest PATH...`: starts `python -m ingest` with the same arguments, as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys

import click


@click.command(
    "ingest",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
    help="Fill a library from files and folders.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    with subprocess.Popen([sys.executable, "-m", "ingest", *arguments]) as process:
        # the child decides what a stop means (it finishes its document); this process only waits for it
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, _: process.send_signal(received))
        code = process.wait()
    raise click.exceptions.Exit(code if code >= 0 else 128 - code)
