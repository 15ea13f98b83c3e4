"""Options shared by the commands that ask questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from app.conditions import ConditionUnread, parse_condition
from app.domain import Filter
from app.errors import UsageError
from app.pipeline import GateChoice, Options
from app.settings import load_settings
from app.wiring import Sluice, build

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Question(click.types.StringParamType):
    """Words to ask. A terminal that is not set to UTF-8 hands over bytes that stand for no text."""

    def convert(self, value: str | bytes, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(super().convert(value, param, ctx))
        if any("\ud800" <= character <= "\udfff" for character in text):
            self.fail("it holds bytes that are not text in UTF-8; type it again.", param, ctx)
        return text


QUESTION = _Question()

_SHARED = (
    click.option("--library", "-l", help="Library to ask (default: LIBRARY)."),
    click.option("--reranker", "-r", help="As RERANKER: auto, late-interaction, cohere:MODEL, ... or none."),
    click.option("--reranker-policy", type=click.Choice(["required", "fallback", "skip"]), help="When it fails."),
    click.option("--retrieval", type=click.Choice(["dense", "lexical", "hybrid"]), help="How candidates are found."),
    click.option("--candidates", "-k", type=click.IntRange(1, 100), help="Candidates to retrieve."),
    click.option(
        "--filter", "where", multiple=True, metavar="FIELD=VALUE", help="Also >= and <=; several values: a,b."
    ),
    click.option("--answer-above", type=click.FloatRange(0, 1), help="Answer only if p_answerable is at least this."),
    click.option("--keep-above", type=click.FloatRange(0, 1), help="Keep passages whose p is at least this."),
    click.option("--raw-keep-above", type=float, help="The same for an uncalibrated scorer, on its raw score."),
    click.option("--min-chunks", type=click.IntRange(0, 20), help="Rescue up to this many passages."),
    click.option("--max-chunks", type=click.IntRange(1, 20), help="Let through at most this many passages."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
)


def question_options(command: _Command) -> _Command:
    """Add the shared options to a command."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


def open_sluice(
    *,
    library: str | None,
    reranker: str | None,
    reranker_policy: str | None,
    retrieval: str | None,
    candidates: int | None,
    where: tuple[str, ...],
    **gate: float | int | None,
) -> tuple[Sluice, Options]:
    """Wire everything and turn the command's options into the pipeline's."""
    sluice = build(load_settings())
    options = sluice.options(
        library=library,
        reranker=reranker,
        reranker_policy=reranker_policy,
        retrieval=retrieval,
        candidates=candidates,
        where=parse_filter(where),
        gate=gate_choice(sluice, gate),
    )
    return sluice, options


def gate_choice(sluice: Sluice, given: dict[str, float | int | None]) -> GateChoice:
    """The gate of the settings with the command's options over it."""
    return sluice.gate_choice(**given)


def parse_filter(conditions: tuple[str, ...]) -> Filter:
    """`("format=pdf,html", "year>=2020")` as conditions. Raises UsageError naming the one that cannot be read.

    >>> parse_filter(("year>=2020",))
    (Condition(field='year', op='>=', values=(2020,)),)
    """
    parsed = []
    for text in conditions:
        try:
            parsed.append(parse_condition(text))
        except ConditionUnread as unread:
            raise UsageError(
                f"--filter {text!r}: {unread.message}", hint=f"For example: --filter '{unread.example}'"
            ) from None
    return tuple(parsed)
