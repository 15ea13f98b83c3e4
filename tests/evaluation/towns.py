"""A made-up gazetteer: sixty towns with a few facts each, questions it answers, and questions it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FIRST = ("Alder", "Birch", "Cinder", "Dun", "Elm", "Fern", "Gull", "Heron", "Iron", "Juniper")
_LAST = ("bury", "combe", "dale", "ford", "mouth", "wick")
_TRADES = ("salt", "slate", "wool", "glass", "barley", "copper", "timber", "linen", "cider", "rope")
_SIGHTS = ("lighthouse", "covered market", "stone bridge", "clock tower", "botanical garden", "windmill")
TOWNS = tuple(first + last for first in _FIRST for last in _LAST)


def write_gazetteer(folder: Path) -> Path:
    """A JSON Lines file for ingest, a town a row."""
    path = folder / "towns.jsonl"
    rows = [{"title": town, "text": _text(place)} for place, town in enumerate(TOWNS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def questions(answerable: int, unanswerable: int) -> list[dict[str, Any]]:
    """Rows of a question set: one a town, in the order of the towns; the unanswerable ones begin at the last town."""
    rows: list[dict[str, Any]] = []
    for place in range(answerable):
        town = TOWNS[place % len(TOWNS)]
        asked = (
            f"What is {town} known for making?",
            f"Which year did the railway reach {town}?",
            f"What can visitors see in {town}?",
        )[(place + place // len(TOWNS)) % 3]
        rows.append({"question": asked, "document": "towns.jsonl", "row": place % len(TOWNS) + 1})
    for place in range(unanswerable):
        town = TOWNS[-1 - place % len(TOWNS)]
        asked = (f"Who is the dentist of {town}?", f"How do I reset a router in {town}?")[place // len(TOWNS) % 2]
        rows.append(
            {"question": asked, "answerable": False, "sources": [f"towns.jsonl#{len(TOWNS) - place % len(TOWNS)}"]}
        )
    return rows


def write_questions(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _text(place: int) -> str:
    town, trade, sight = TOWNS[place], _TRADES[place // 6], _SIGHTS[place % 6]
    return (
        f"{town} is a town of {1200 + 37 * place} people, known for its {trade}. The railway reached {town} in "
        f"{1840 + place}. Visitors come to see the {sight}, which is open from April to October."
    )
