"""What `sluice questions check` says: how many labels were located, how well, and which were not. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from app.counting import counted
from app.evaluation.questions.model import LabelledQuestion, QuestionSet, label_row
from app.evaluation.questions.resolve import Located, Resolution, scope_fault


def counts(questions: QuestionSet) -> str:
    """`12 questions (8 answerable, 4 unanswerable; 3 weak)`."""
    kinds = Counter(question.answerable for question in questions.questions)
    named = [(kinds[True], "answerable"), (kinds[False], "unanswerable"), (kinds[None], "undecided")]
    weak = sum(question.weak for question in questions.questions)
    told = ", ".join(f"{count} {name}" for count, name in named if count)
    return f"{counted(len(questions.questions), 'question')} ({told}{f'; {weak} weak' if weak else ''})"


@dataclass(frozen=True, slots=True)
class Check:
    """A check in short, for a page: how many labels and scopes there are, a sentence each; a line for each label that
    was not found and for each question whose scope is not there."""

    said: tuple[str, ...]
    missing: tuple[str, ...]
    out_of_scope: tuple[str, ...]


def check_of(resolution: Resolution) -> Check:
    """What became of labels and scopes."""
    labels = [found for _, found in resolution.labels]
    there = sum(found.state == "found" for found in labels)
    scoped = sum(not r.question.scope.everything for r in resolution.questions)
    said = [f"Labels: {there} of {len(labels)} found"]
    if scoped:
        said.append(f"Asked within a part of the library: {scoped} of {len(resolution.questions)} questions")
    return Check(
        tuple(said),
        tuple(f"{_named(question, found)}: {found.note}" for question, found in resolution.missing),
        tuple(scope_fault(resolved) for resolved in resolution.out_of_scope),
    )


def check_lines(resolution: Resolution) -> list[str]:
    """The check as text, a line each."""
    questions = QuestionSet(resolution.name, tuple(r.question for r in resolution.questions))
    check = check_of(resolution)
    labels = [found for _, found in resolution.labels]
    there = [found for found in labels if found.state == "found"]
    lines = [
        f"{resolution.name}: {counts(questions)}, fingerprint {resolution.fingerprint}",
        f"Library {resolution.library}, generation {resolution.generation}",
        check.said[0],
    ]
    ways: Counter[str] = Counter(found.how for found in there)
    for how, name in (("chunk", "by chunk"), ("document", "by document"), ("row", "by row")):
        if ways[how]:
            narrowed = sum(found.narrowed for found in there if found.how == how)
            note = f" ({narrowed} narrowed to the chunks that hold an answer)" if narrowed else ""
            lines.append(f"  {ways[how]:>6} {name}{note}")
    if ways["quote"]:
        scores = [found.score for found in there if found.how == "quote" and found.score is not None]
        whole = sum(score == 1 for score in scores)
        worst = f"; the least like it agrees to {min(scores):.0%}" if whole < len(scores) else ""
        lines.append(f"  {ways['quote']:>6} by quote ({whole} letter by letter{worst})")
        across = sum(len(found.chunks) > 1 for found in there if found.how == "quote")
        if across:
            lines.append(f"         {across} of them in more than one chunk")
    ranked = [r for r in resolution.questions if r.question.positives]
    if ranked:
        usable = sum(r.rankable for r in ranked)
        lines.append(f"Ranking can be measured on {usable} of {len(ranked)} questions with something relevant")
    lines += check.said[1:]
    if check.out_of_scope:
        lines += ["Cannot be asked:", *(f"  {line}" for line in check.out_of_scope)]
    if check.missing:
        lines += ["Not found:", *(f"  {line}" for line in check.missing)]
    return lines


def check_to_json(resolution: Resolution) -> dict[str, Any]:
    """The check as JSON, schema 1: totals, and one item a label."""
    states = Counter(found.state for _, found in resolution.labels)
    return {
        "schema": 1,
        "name": resolution.name,
        "fingerprint": resolution.fingerprint,
        "library": resolution.library,
        "generation": resolution.generation,
        "questions": len(resolution.questions),
        "scoped": sum(not r.question.scope.everything for r in resolution.questions),
        "out_of_scope": [{"question": r.question.id, "note": r.within.fault} for r in resolution.out_of_scope],
        "rankable": sum(r.rankable for r in resolution.questions),
        "labels": {state: states[state] for state in ("found", "missing", "ambiguous")},
        "items": [
            {
                "question": question.id,
                "label": label_row(found.label),
                "state": found.state,
                "how": found.how,
                "chunks": list(found.chunks),
                "score": None if found.score is None else round(found.score, 4),
                "narrowed": found.narrowed,
                "note": found.note,
            }
            for question, found in resolution.labels
        ],
    }


def _named(question: LabelledQuestion, found: Located) -> str:
    label = found.label
    said = label.quote if found.how == "quote" else label.document if found.how != "chunk" else label.chunk
    short = " ".join((said or "").split())
    return f"{question.id}, {found.how} {short if len(short) <= 60 else short[:57] + '...'}"
