"""The command line: `sluice ask | compare | evaluate | calibrate | tune | ingest | serve | ...`, listed in COMMANDS.

Results go to stdout, progress and notes to stderr. Exit codes (design.md section 4): 0 done, 1 error, 2 bad usage,
3 refused, 4 worse than the baseline (of `tune`: not better), 5 some files failed. Commands are imported when they run,
so that `sluice --help` loads nothing heavy.
"""

from __future__ import annotations

import importlib
import sys

import click

from app.errors import SettingsError, SluiceError, UsageError, disk_errors

COMMANDS = {
    "ask": "Ask one question and print the answer with its citations.",
    "compare": "Answer with and without reranking, side by side.",
    "rerank": "Search and rerank for every question of a file.",
    "evaluate": "Measure on a question set whether reranking pays.",
    "calibrate": "Fit p and the gate's thresholds on your own questions.",
    "tune": "Train a reranker on your own labels; promoted only if it wins.",
    "ingest": "Fill a library from files and folders.",
    "serve": "Serve the chat page.",
    "doctor": "Say what is installed, what is missing, and what to type.",
    "models": "List, fetch, measure and prepare models.",
    "library": "List, show, verify, repair, export, import and delete libraries.",
    "questions": "Import, draft, check and split question sets.",
    "demo": "Ingest the handbook, answer one question, serve the page.",
}


class _Lazy(click.Group):
    """Loads a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"app.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sluice")
def cli() -> None:
    """Answers from your own documents, through a reranking quality gate."""


def main() -> None:
    """Entry point. A SluiceError becomes one message with its hint, and so does a file that cannot be read or written;
    everything else is a defect and shows as one."""
    try:
        with disk_errors():
            code = cli.main(standalone_mode=False)  # gives back the code of `Exit`, or what the command returned
        sys.exit(code if isinstance(code, int) else 0)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except SluiceError as error:
        click.echo(f"Error: {error.message}", err=True)
        if error.hint:
            click.echo(error.hint, err=True)
        sys.exit(2 if isinstance(error, UsageError | SettingsError) else 1)
