"""Which questions train, which choose the checkpoint, and which judge: three parts that share no document. Pure.

What hangs together (`app.evaluation.questions.split.linked`) goes to one part as a whole. Groups are taken in the order
of a hash, which is the same on every machine: first until there are enough to judge on, then to choose the checkpoint,
and the rest trains. A group that would make up most of a part trains.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from app.errors import UsageError
from app.evaluation.verdict import FEWEST

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
LEAST = 40
LEAST_TRAIN, LEAST_TEST = 10, FEWEST
TELLING = 15  # questions that can choose among checkpoints; with fewer than CHOOSING in all, none are spared for it
CHOOSING = 100
TEST_SHARE, VALIDATION_SHARE = 0.4, 0.15


@dataclass(frozen=True, slots=True)
class Division:
    """The part of every question by id; `counts` are the questions of each part that can be measured."""

    part: Mapping[str, Part]
    counts: Mapping[Part, int]


def enough(measurable: int, *, unseen: int = 0) -> None:
    """Raises UsageError with fewer than LEAST questions that can be measured, saying how many more would do. `unseen`
    counts labelled questions whose passage the search does not find: they need no new label, but another search."""
    if measurable >= LEAST:
        return
    share = measurable / (measurable + unseen) if measurable else 1.0
    more = max(1, round((LEAST - measurable) / share))
    not_found = f"; {unseen} more have theirs beyond what is searched for" if unseen else ""
    raise UsageError(
        f"Tuning takes {LEAST} labelled questions with a relevant passage among the candidates: {LEAST_TEST} to judge "
        f"on, the others to learn from. Here are {measurable}{not_found}.",
        hint=f"Label about {more} more; sluice questions generate drafts some.",
    )


def only_weak(groups: Mapping[str, str], weak: Collection[str]) -> dict[str, Part]:
    """Where questions must be that no person judged passage by passage, and that hang together with none that one did:
    nothing can be judged on them, so they train. Question id -> its group in, its part out."""
    judged = {group for question, group in groups.items() if question not in weak}
    return {question: "train" for question, group in groups.items() if group not in judged}


def divide(
    groups: Mapping[str, str],
    measurable: Collection[str],
    *,
    fixed: Mapping[str, Part] | None = None,
    seed: str = "",
) -> Division:
    """Give every question (id -> its group) a part. `measurable` are the ids that count towards the shares. `fixed`
    says where some questions must be: their whole group goes with them, to training before testing. Where it names
    questions to test, no others are drawn for that.

    Raises UsageError where a part comes out too small because the questions hang together.
    """
    members: dict[str, list[str]] = {}
    for question, group in groups.items():
        members.setdefault(group, []).append(question)
    total = sum(question in measurable for question in groups)
    given = fixed or {}
    marked = sum(part == "test" and question in measurable for question, part in given.items())
    wanted: dict[Part, int] = {
        "test": marked or max(LEAST_TEST, round(TEST_SHARE * total)),
        "validation": max(TELLING, round(VALIDATION_SHARE * total)) if total >= CHOOSING else 0,
    }
    counts: dict[Part, int] = dict.fromkeys(PARTS, 0)
    part: dict[str, Part] = {}
    free = []
    for group in sorted(members, key=lambda name: hash_of(seed, name)):
        said = {given[question] for question in members[group] if question in given}
        if not said:
            free.append(group)
        where: Part | None = next((p for p in PARTS if p in said), None)
        _put(members[group], where, part, counts, measurable)
    for group in free:
        size = sum(question in measurable for question in members[group])
        where = next((p for p, n in wanted.items() if counts[p] < n and size <= max(1, n // 2)), "train")
        _put(members[group], where, part, counts, measurable)
    _check(counts, members, measurable)
    return Division(part, counts)


def _put(
    questions: Collection[str], where: Part | None, part: dict[str, Part], counts: dict[Part, int],
    measurable: Collection[str],
) -> None:  # fmt: skip
    if where is not None:
        part.update(dict.fromkeys(questions, where))
        counts[where] += sum(question in measurable for question in questions)


def _check(counts: Mapping[Part, int], members: Mapping[str, list[str]], measurable: Collection[str]) -> None:
    least: dict[Part, int] = {"train": LEAST_TRAIN, "test": LEAST_TEST}
    short = [p for p in least if counts[p] < least[p]]
    if not short:
        return
    largest = max(sum(question in measurable for question in of) for of in members.values())
    said = ", ".join(f"{counts[p]} for {p} ({least[p]} are needed)" for p in short)
    raise UsageError(
        f"Split by document, too few questions are left: {said}. The largest group that hangs together has {largest}.",
        hint="Add questions about other documents, or name what each is about in `sources`.",
    )


def hash_of(seed: str, name: str) -> str:
    """What a drawing goes by: the same on every machine, another for another seed."""
    return hashlib.sha256(f"{seed}\0{name}".encode("utf-8", errors="surrogatepass")).hexdigest()
