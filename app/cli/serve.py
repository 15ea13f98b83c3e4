"""`sluice serve`: the chat page, on 127.0.0.1 unless told otherwise."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import click

from app.errors import SettingsError
from app.settings import load_settings
from app.theme import streamlit_flags


@click.command("serve", help="Serve the chat page and print its address.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (default: PORT, 8501).")
@click.option("--host", help="Address (default: HOST, 127.0.0.1).")
def command(port: int | None, host: str | None) -> None:
    serve(port=port, host=host)


def serve(*, port: int | None = None, host: str | None = None) -> None:
    """Run Streamlit in this process until it is told to stop."""
    settings = load_settings(port=port, host=host)
    _check_free(settings.host, settings.port)
    click.echo(f"Sluice is at http://{settings.host}:{settings.port} (Ctrl+C stops it)")
    sys.stdout.flush()
    from streamlit.web import cli as streamlit_cli  # half a second that other commands need not pay

    sys.argv = [
        "streamlit",
        "run",
        str(Path(__file__).resolve().parent.parent / "main.py"),
        *_flags(settings.host, settings.port),
    ]
    streamlit_cli.main(standalone_mode=False)


def _check_free(host: str, port: int) -> None:
    """Before the address is printed. Raises SettingsError when another program has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: a port just left is free
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"{host}:{port} cannot be served on: {error.strerror or error}.",
                hint=f"Stop what runs there, or take another port: sluice serve --port {port + 1}",
            ) from error


def _flags(host: str, port: int) -> list[str]:
    """Streamlit's settings: local, quiet, no telemetry, no traceback on the page, no file watcher."""
    return [
        f"--server.address={host}",
        f"--server.port={port}",
        "--server.headless=true",
        "--server.fileWatcherType=none",
        "--server.runOnSave=false",
        "--server.maxUploadSize=50",
        "--server.enableStaticServing=false",
        "--browser.gatherUsageStats=false",
        "--client.showErrorDetails=none",
        "--client.toolbarMode=minimal",
        "--logger.level=error",
        *streamlit_flags(),
    ]
