"""From the training questions to training groups, with what a teacher says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from app.domain import Scale
from app.errors import UsageError
from app.tuning import groups as grouping
from app.tuning.groups import Group
from app.tuning.own.asking import Asked, Searched
from app.tuning.own.fitting import Teacher
from app.tuning.own.negatives import Material, Passage, groups_of, material
from app.tuning.own.objectives import on_the_students_scale
from app.tuning.own.preparing import ticking
from app.tuning.own.report import Learned
from app.tuning.own.running import Run
from app.tuning.own.scores import raw_scores

MINED = 30  # candidates of a question that negatives are taken from: what stands lower is easily told apart


def lessons(run: Run) -> tuple[list[Group], Teacher | None, Learned]:
    """The training groups, kept on disk, and what the teacher says of their passages."""
    training, asked, plan = run.parts["train"], run.prepared.asked, run.plan
    teaching = run.sluice.scorer(plan.teacher) if plan.teacher is not None else None
    passages = [_passages(s, asked) for s in training]
    wanted = [(s.asked, [p.text for p in of]) for s, of in zip(training, passages, strict=True)]
    taught = None
    if teaching is not None:
        pairs = sum(len(texts) for _, texts in wanted)
        run.say.note(f"{teaching.profile.label} is asked about {pairs:,} passages of {len(wanted):,} questions.")
        tick = ticking(run.say, "questions taught", len(wanted))
        taught = raw_scores(teaching, wanted, run.scores, tick)
    believed = taught
    if believed is None and plan.unlabelled == "denoise" and run.base.scorer is not None:
        tick = ticking(run.say, "questions denoised", len(wanted))
        believed = raw_scores(run.sluice.scorer(run.base.scorer), wanted, run.scores, tick)
    found = [
        material(
            s.question.id,
            s.asked,
            [replace(p, believed=x) for p, x in zip(of, believed[i], strict=True)] if believed is not None else of,
            answers=s.question.labelled.answers,
            unlabelled="negative" if plan.loss == "distil" else plan.unlabelled,
            trusted=taught is not None,
        )
        for i, (s, of) in enumerate(zip(training, passages, strict=True))
    ]
    kept = run.folder.work / "groups.jsonl.gz"
    if not kept.exists():
        made = groups_of(
            found,
            rounds=plan.rounds_over(len(found)),
            negatives=plan.negatives,
            pointwise=plan.loss in ("both", "pointwise", "distil"),
            seed=plan.seed,
        )
        grouping.write(kept, made)
    groups = grouping.read(kept)
    if not groups:
        raise UsageError(
            "There is nothing to hold against the relevant passages.",
            hint="Only judged passages count: vote thumbs down on some, or --unlabelled denoise",
        )
    teacher = None
    if plan.loss == "distil" and taught is not None and teaching is not None:
        teacher = _teacher(run, wanted, taught, teaching.profile.scale)
    return groups, teacher, _learned(run, found, groups, "" if teaching is None else teaching.profile.label)


def _passages(searched: Searched, asked: Asked) -> list[Passage]:
    """The candidates in retrieval order, and the relevant passages that the search missed."""
    judged = searched.question.judged
    relevant = searched.question.passages
    candidates = [c.chunk for c in searched.deep.retrieved.candidates[:MINED]]
    seen = {chunk.id for chunk in candidates}
    missed = [asked.chunks[c] for c, grade in judged.items() if c not in seen and c in asked.chunks and grade > 0]
    found = []
    for chunk in (*candidates, *missed):
        grade = judged.get(chunk.id, 1 if relevant.is_relevant(chunk) else None)
        if grade is None and searched.question.labelled.answerable is False:
            grade = 0  # a person said that the library does not answer it
        found.append(Passage(chunk.id, asked.text(chunk), grade))
    return found


def _teacher(
    run: Run, wanted: Sequence[tuple[str, Sequence[str]]], taught: Sequence[Sequence[float]], scale: Scale
) -> Teacher:
    own = taught
    if scale is not Scale.LOGIT and run.base.scorer is not None:
        own = raw_scores(run.sluice.scorer(run.base.scorer), wanted, run.scores)
    moved = on_the_students_scale(taught, own, scale)
    return {
        (asked, text): score
        for (asked, texts), row in zip(wanted, moved, strict=True)
        for text, score in zip(texts, row, strict=True)
    }


def _learned(run: Run, found: Sequence[Material], groups: Sequence[Group], teacher: str) -> Learned:
    left_out: Counter[str] = Counter()
    for one in found:
        left_out.update(one.left_out)
    return Learned(
        parts=run.division.counts,
        groups=len(groups),
        positives=sum(len(one.positives) for one in found),
        judged=sum(len(one.judged) for one in found),
        unlabelled=0 if run.plan.loss == "distil" else sum(len(one.hard) for one in found),
        left_out=dict(left_out),
        questions_left_out=run.prepared.asked.left_out,
        teacher=teacher,
    )
