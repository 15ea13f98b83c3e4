"""A person's answers about passages, kept with the round they belong to: <home>/labels/<library>/<scorer>/.

round.json (schema 1) is the round as it was drawn, whole; answers.jsonl gets a line an answer: {"schema", "at",
"round", "place", "question", "chunk_id", "answer": "yes" | "no" | "skip" | null}. `round` is when the round was drawn
(a page left open may still answer an older one), `place` counts from 0 in the order of asking; null takes an answer
back. The last line about a place wins. Lines name question and chunk, and so are labels by themselves.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from app.domain import ScorerId
from app.errors import SluiceError
from app.evaluation.five_minutes.borderline import Asked, Pair
from app.evaluation.five_minutes.rounds import Round, RoundQuestion, ShownPassage
from app.library.places import places

Reply = Literal["yes", "no", "skip"]
REPLIES: tuple[Reply, ...] = ("yes", "no", "skip")
SCHEMA = 1


class LabelsDamaged(SluiceError):
    """A round or its answers cannot be read."""


class AnsweredRounds:
    """The rounds of one SLUICE_HOME; one at a time for a library and a scorer."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def folder(self, library: str, scorer: ScorerId) -> Path:
        """Where they lie. Raises UsageError for a name that no library can have."""
        places(self._home, library)
        name = re.sub(r"[^A-Za-z0-9.]+", "-", f"{scorer.provider}-{scorer.model}").strip("-.")
        digest = hashlib.sha256(str(scorer).encode()).hexdigest()[:8]
        return self._home / "labels" / library / f"{name}-{digest}"

    def read(self, library: str, scorer: ScorerId) -> tuple[Round, dict[int, Reply]] | None:
        """The round and its answers by place; None where there is none. Raises LabelsDamaged."""
        folder = self.folder(library, scorer)
        path = folder / "round.json"
        if not path.exists():
            return None
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
            if row["schema"] != SCHEMA:
                raise ValueError(f"schema {row['schema']}")
            drawn = _round(row)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(path, error) from error
        return drawn, self._answers(folder / "answers.jsonl", drawn)

    def start(self, drawn: Round, scorer: ScorerId) -> None:
        """Keep a new round; the one before it moves to a folder beside, with its answers."""
        folder = self.folder(drawn.library, scorer)
        if folder.exists():
            folder.rename(_unused(folder))
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        content = {"schema": SCHEMA, **_row(drawn)}
        (partial / "round.json").write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.rename(folder)

    def count(self, library: str, scorer: ScorerId) -> int:
        """How many rounds there have been, the present one included."""
        folder = self.folder(library, scorer)
        return sum(1 for path in folder.parent.glob(f"{folder.name}*") if path.is_dir())

    def answer(self, drawn: Round, scorer: ScorerId, place: int, reply: Reply | None) -> None:
        """Keep one answer, or take it back. Raises ValueError for a place that is not asked."""
        if not 0 <= place < len(drawn.asked):
            raise ValueError(f"there is no passage {place} in this round")
        pair = drawn.pairs[drawn.asked[place].pair]
        line = {
            "schema": SCHEMA,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "round": drawn.at,
            "place": place,
            "question": drawn.questions[pair.question].text,
            "chunk_id": pair.chunk_id,
            "answer": reply,
        }
        with (self.folder(drawn.library, scorer) / "answers.jsonl").open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _answers(self, path: Path, drawn: Round) -> dict[int, Reply]:
        if not path.exists():
            return {}
        answers: dict[int, Reply] = {}
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1):  # a question may hold other line breaks
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if row["round"] != drawn.at:
                    continue
                place, reply = int(row["place"]), row["answer"]
                if not 0 <= place < len(drawn.asked) or reply not in (*REPLIES, None):
                    raise ValueError(f"{place}: {reply}")
            except (ValueError, KeyError, TypeError) as error:
                raise LabelsDamaged(
                    f"{path} cannot be read: line {number}, {error}.",
                    hint=f"Remove that line, and the other answers stay: sed -i {number}d {path}",
                ) from error
            if reply is None:
                answers.pop(place, None)
            else:
                answers[place] = reply
        return answers


def judged(answers: Mapping[int, Reply]) -> dict[int, bool]:
    """The answers that say yes or no, as `effect` takes them."""
    return {place: reply == "yes" for place, reply in answers.items() if reply != "skip"}


def _row(drawn: Round) -> dict[str, Any]:
    return {
        **asdict(drawn),
        "pairs": [[p.question, p.chunk_id, p.document_id, p.rank, p.log_odds] for p in drawn.pairs],
    }


def _round(row: Mapping[str, Any]) -> Round:
    pairs = tuple(
        Pair(int(q), str(chunk), str(document), int(r), float(x)) for q, chunk, document, r, x in row["pairs"]
    )
    asked = tuple(Asked(int(one["pair"]), float(one["chance"])) for one in row["asked"])
    questions = tuple(RoundQuestion(**question) for question in row["questions"])
    passages = {
        chunk: ShownPassage(each["title"], tuple(each["section"]), each["page"], each["text"])
        for chunk, each in row["passages"].items()
    }
    for one in asked:
        if not 0 < one.chance <= 1 or pairs[one.pair].chunk_id not in passages:
            raise ValueError(f"pair {one.pair} cannot have been drawn")
    return Round(
        library=row["library"],
        generation=row["generation"],
        scorer=row["scorer"],
        base=row["base"],
        keep_above=float(row["keep_above"]),
        answer_above=row["answer_above"],
        at=row["at"],
        questions=questions,
        pairs=pairs,
        asked=asked,
        passages=passages,
        sources=dict(row["sources"]),
    )


def _unused(folder: Path) -> Path:
    number = 1
    while (kept := folder.with_name(f"{folder.name}.{number}")).exists():
        number += 1
    return kept


def _damaged(path: Path, error: object) -> LabelsDamaged:
    return LabelsDamaged(
        f"{path} cannot be read: {error}.",
        hint=f"Put it aside, and start a new round: mv {path.parent} {path.parent}.damaged",
    )
