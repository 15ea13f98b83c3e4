"""Votes and thumbs as labels. What counts as what:

| vote | label |
|---|---|
| thumb up on a passage | that passage is relevant (grade 1) |
| thumb down on a passage | that passage was judged not relevant (grade 0); nothing is said about any other |
| thumb up on an answer | the passages it cites are relevant, weakly: the answer was judged, not each passage |
| thumb up on a refusal | the library does not answer the question, weakly |
| thumb down on an answer or refusal | nothing: the fault may lie with the passages, the wording, or the gate |
| blind vote for one of two answers | as a thumb up on that answer or refusal: "both bad" was offered and not taken |
| blind vote, equally good | as a thumb up on both answers; nothing where one side answered and the other refused |
| blind vote, both bad | nothing |

A blind vote says nothing about the answer that was not chosen: it lost to the other, which may have been better still.
It prefers one *answer*; which side wins how often is counted in `app.evaluation.blind`.

The last vote on the same thing wins. A label by a person on a passage wins over one derived from an answer. A question
for which only "not relevant" is known is left out: a thumb down does not prove that nothing else is relevant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from app.conditions import condition_of
from app.evaluation.questions.imported import Imported
from app.evaluation.questions.model import Label, LabelledQuestion, QuestionSet, made_id
from app.evaluation.questions.scope import Scope
from app.evaluation.votes import Blind, Vote


@dataclass
class _Asked:
    """What the votes on one question say so far: `judged` by chunk id, `answers` by the passages that one cited (the
    last vote, +1, -1, or 0: taken back), `refused` the last vote on its refusal (0: none)."""

    text: str
    scope: Scope
    judged: dict[str, Label] = field(default_factory=dict)
    answers: dict[tuple[Label, ...], int] = field(default_factory=dict)
    refused: int = 0


def questions_from_votes(votes: Iterable[Vote], *, name: str = "votes") -> Imported:
    """The votes of one library (oldest first) as a question set. Labels have the chunk id and its text as a quote, so
    that they outlive another chunking. A question that was asked with a filter keeps it as its scope. Votes of other
    kinds are left out and counted."""
    asked: dict[tuple[str, str], _Asked] = {}
    left_out: Counter[str] = Counter()
    for vote in votes:
        text = str(vote.trace["question"]["standalone"]).strip()
        scope = Scope(where=tuple(condition_of(c) for c in vote.trace["retrieval"].get("filter", ())))
        about = asked.setdefault((" ".join(text.casefold().split()), scope.key), _Asked(text, scope))
        if not _count(vote, about):
            left_out["votes that say nothing about relevance"] += 1
    questions = []
    for about in asked.values():
        question = _question(about)
        if question is None:
            left_out["questions of which nothing relevant is known"] += 1
        else:
            questions.append(question)
    return Imported(QuestionSet(name, tuple(questions)), left_out=dict(left_out))


def _count(vote: Vote, about: _Asked) -> bool:
    kind = str(vote.kind)  # a later version may have written other kinds
    if kind == "passage":
        candidates = {str(c["chunk_id"]): c for c in vote.trace["candidates"]}
        if vote.chunk_id not in candidates:
            return False
        if vote.value == 0:
            about.judged.pop(vote.chunk_id, None)
        else:
            about.judged[vote.chunk_id] = _label(candidates[vote.chunk_id], grade=1 if vote.value > 0 else 0)
        return True
    if kind == "blind" and vote.blind is not None:
        said = [_count_answer(trace, 1, about) for trace in _chosen(vote.blind, vote.trace)]
        return any(said)
    return kind == "answer" and _count_answer(vote.trace, vote.value, about)


def _chosen(blind: Blind, second: dict[str, Any]) -> list[dict[str, Any]]:
    """The traces whose answers a blind vote says will do."""
    both = [blind.first_trace, second]
    if blind.choice == "equal":
        return both if len({_refused(trace) for trace in both}) == 1 else []
    return {"first": both[:1], "second": both[1:]}.get(blind.choice, [])


def _refused(trace: dict[str, Any]) -> bool:
    return bool(trace["gate"]["outcome"] == "refused")


def _count_answer(trace: dict[str, Any], value: int, about: _Asked) -> bool:
    if _refused(trace):
        about.refused = value
        return value > 0
    candidates = {str(c["chunk_id"]): c for c in trace["candidates"]}
    answer, context = trace.get("answer") or {}, trace.get("context") or {}
    shown = context.get("chunk_ids", [])
    cited = [shown[n - 1] for n in answer.get("citations", []) if 1 <= n <= len(shown)]
    about.answers[tuple(_label(candidates[c]) for c in dict.fromkeys(cited) if c in candidates)] = value
    return value > 0 and bool(cited)


def _label(candidate: dict[str, Any], grade: int = 1) -> Label:
    return Label(
        chunk=str(candidate["chunk_id"]),
        document=str(candidate["document"]),
        quote=str(candidate["text"]),
        grade=grade,
    )


def _question(about: _Asked) -> LabelledQuestion | None:
    judged = dict(about.judged)
    relevant = any(label.grade > 0 for label in judged.values())
    derived = [label for labels, value in about.answers.items() if value > 0 for label in labels]
    for label in derived:
        judged.setdefault(str(label.chunk), label)
    known = any(label.grade > 0 for label in judged.values())
    if not known and about.refused <= 0:
        return None
    return LabelledQuestion(
        id=made_id(about.text, scope=about.scope),
        text=about.text,
        scope=about.scope,
        relevant=tuple(judged.values()),
        answerable=known,
        origin="vote",
        weak=not relevant,
    )
