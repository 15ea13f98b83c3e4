"""`python -m ingest PATH...`: fill a library from files. Results on standard output, progress on standard error."""

from __future__ import annotations

import json
import math
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from app.errors import DocumentError, LibraryFull, SluiceError, UsageError
from app.library.turns import Holder
from app.patience import LONGEST_PAUSE, waiting_out
from app.ports import Embedder
from app.printable import printable
from app.providers.embedding import open_embedder
from app.settings import Settings, load_settings
from ingest.cutting import STRATEGIES, Cutting, library_chunker, read_cutting
from ingest.json_lines import JsonLines
from ingest.library import filling
from ingest.limits import Limits
from ingest.load.records import Choice
from ingest.preview import preview as preview_of
from ingest.preview import to_json as preview_json
from ingest.preview import to_text as preview_text
from ingest.progress import BarProgress, LineProgress
from ingest.report import Report, to_json, to_text
from ingest.run import Ingest
from ingest.sizes import rest_of
from ingest.stopping import stop_signals
from ingest.waiting import WaitNotice, waiting_in_words
from ingest.walk import Found, find, shown


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--library", "name", help="The library to fill (default: the setting LIBRARY).")
@click.option("--prune", is_flag=True, help="Remove documents below PATH whose files are gone.")
@click.option("--prune-anyway", is_flag=True, help="The same, also where all or most of a folder's files are gone.")
@click.option("--retry-failed", is_flag=True, help="Parse again what failed before and has not changed.")
@click.option("--no-wait", is_flag=True, help="Do not wait for another process that writes the library.")
@click.option(
    "--publish-every",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds after which what was read becomes searchable, in a long run.",
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files and folders of this name or path.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.option("--json-lines", is_flag=True, help="Progress and report as JSON, one event a line.")
@click.option("--preview", metavar="FILE", help="Show how one file is cut, and why so; nothing is written.")
@click.option(
    "--chunking",
    metavar="HOW",
    help=f"auto (by format), {', '.join(STRATEGIES)}; with a size: sentences:128 (default: the setting CHUNKING).",
)
@click.option("--text-column", "text_columns", multiple=True, metavar="NAME", help="A column of tables that is text.")
@click.option("--title-column", metavar="NAME", help="The column of tables that is a row's title.")
@click.option(
    "--file-timeout", type=click.FloatRange(min=1), default=180.0, show_default=True, help="Seconds a parser may take."
)
@click.option(
    "--largest-file",
    type=click.IntRange(min=1),
    metavar="MB",
    help="Megabytes above which a file is refused (default: the setting LARGEST_FILE_MB).",
)
def main(
    paths: tuple[str, ...],
    name: str | None,
    prune: bool,
    prune_anyway: bool,
    retry_failed: bool,
    no_wait: bool,
    publish_every: float,
    exclude: tuple[str, ...],
    as_json: bool,
    json_lines: bool,
    preview: str | None,
    chunking: str | None,
    text_columns: tuple[str, ...],
    title_column: str | None,
    file_timeout: float,
    largest_file: int | None,
) -> None:
    """Read files, folders, globs and archives into a library: Markdown, text, HTML, PDF, Office files, e-books, e-mail,
    notebooks, tables and source code. docs/ingesting-documents.md lists the formats.

    An unchanged file costs nothing, a changed one is replaced whole. Exit codes: 0 done, 1 an error or stopped,
    2 bad usage, 5 some files failed.
    """
    lines = JsonLines(sys.stdout) if json_lines else None
    try:
        if not paths and preview is None:
            raise UsageError("Nothing to read: no PATH was given.", hint="Type: python -m ingest docs")
        settings = load_settings(
            library=name,
            chunking=chunking,
            text_columns=",".join(text_columns) or None,
            title_column=title_column,
            largest_file_mb=largest_file,
        )
        cutting = read_cutting(settings.chunking)
        embedder = open_embedder(settings)
        if preview is not None:
            limits = Limits(file_bytes=settings.largest_file_mb << 20, seconds=file_timeout)
            try:
                seen = preview_of(Path(preview), embedder, cutting, limits=limits, columns=chosen_columns(settings))
            except (DocumentError, UsageError) as error:
                if as_json:
                    raise  # whoever reads JSON knows which file it asked for
                raise type(error)(f"{preview}: {error.message}", hint=error.hint) from error
            click.echo(preview_json(seen) if as_json else preview_text(seen))
            return
        how = _How(
            prune or prune_anyway, prune_anyway, retry_failed, no_wait, publish_every, exclude, file_timeout, cutting
        )
        report = _ingest(paths, settings, embedder, lines, how)
    except SluiceError as error:
        if lines is not None:
            lines.failed(error.message, error.hint)
        for said in filter(None, (f"Error: {error.message}", error.hint)):
            click.echo(printable(said), err=True)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None
    if lines is not None:
        lines.finished(report)
    else:
        click.echo(json.dumps(to_json(report)) if as_json else to_text(report))
    raise SystemExit(report.exit_code)


@dataclass(frozen=True, slots=True)
class _How:
    """The options of a run."""

    prune: bool
    prune_anyway: bool
    retry_failed: bool
    no_wait: bool
    publish_every: float
    exclude: tuple[str, ...]
    file_timeout: float
    cutting: Cutting


@waiting_out(LONGEST_PAUSE)  # nobody sits in front of it
def _ingest(
    paths: tuple[str, ...], settings: Settings, embedder: Embedder, lines: JsonLines | None, how: _How
) -> Report:
    console = Console(stderr=True)
    progress = lines or (BarProgress(console) if console.is_terminal else LineProgress(sys.stderr))
    with stop_signals() as stopped:

        def say(holder: Holder, waited: float) -> None:
            click.echo(waiting_in_words(holder, waited), err=True)
            if lines is not None:
                lines.waiting(holder, waited)

        limits = Limits(file_bytes=settings.largest_file_mb << 20, seconds=how.file_timeout)

        def look() -> Found:
            return find(paths, exclude=how.exclude, home=settings.sluice_home, limits=limits)

        with ExitStack() as stack:
            try:
                writer = stack.enter_context(
                    filling(
                        settings,
                        embedder,
                        doing=f"ingest {' '.join(map(shown, paths))}",
                        wait_seconds=0.0 if how.no_wait else math.inf,
                        waiting=WaitNotice(say, lambda: bool(stopped)),
                        chunker=library_chunker(how.cutting),
                    )
                )
            except LibraryFull as error:
                room = rest_of(look().files, embedder.dimension)
                raise LibraryFull(f"{error.message}; {room}", hint=error.hint) from error
            ingest = Ingest(
                writer,
                embedder,
                progress,
                stopping=lambda: bool(stopped),
                file_timeout=how.file_timeout,
                publish_after=how.publish_every,
                retry_failed=how.retry_failed,
                cutting=how.cutting,
                limits=limits,
                columns=chosen_columns(settings),
            )
            try:
                # looked for once the library is ours: who waited an hour for it must not prune by an hour-old list
                report = ingest.run(look(), prune=how.prune, prune_anyway=how.prune_anyway)
            finally:
                progress.close()
    return report


def chosen_columns(settings: Settings) -> Choice | None:
    """The columns of tables that the settings name; None where they name none."""
    text = tuple(name.strip() for name in (settings.text_columns or "").split(",") if name.strip())
    title = (settings.title_column or "").strip() or None
    return Choice(text, title) if text or title is not None else None
