"""`sluice ingest PATH...`: becomes `python -m ingest` with the same arguments."""

from __future__ import annotations

import os
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
    sys.stdout.flush()
    sys.stderr.flush()
    # in the place of this process, not beside it: Ctrl-C reaches every process of a terminal, and one that passed it on
    # would give the run a second, which means to stop at once
    os.execv(sys.executable, [sys.executable, "-m", "ingest", *arguments])
