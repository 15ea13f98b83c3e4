"""The questions a calibration is fitted and measured on: split by document, asked, scored, labelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from app.calibration.observed import Observation
from app.domain import Judged, LibraryInfo, ScorerProfile
from app.errors import UsageError
from app.evaluation.labels import Passages, passages_of
from app.evaluation.plan import Asking
from app.evaluation.questions.model import LabelledQuestion, QuestionSet, Side
from app.evaluation.questions.resolve import all_can_be_asked, resolve
from app.evaluation.questions.split import linked, split
from app.library.contents import read_contents
from app.pipeline import Options
from app.stages.judge import Judge

FOLDS = 10


@dataclass(frozen=True, slots=True)
class ToAsk:
    """A question with its passages, its side, and what no fit may see a part of."""

    passages: Passages
    side: Side
    group: str


@dataclass(frozen=True, slots=True)
class CalibrationPlan:
    """What is going to be asked. `judge` is the scorer with the calibration in force now; `left_out` counts questions
    that have no part in it, and says why."""

    name: str
    fingerprint: str
    to_ask: tuple[ToAsk, ...]
    options: Options
    judge: Judge
    library: LibraryInfo
    left_out: Mapping[str, int]

    @property
    def scorer(self) -> ScorerProfile:
        return self.judge.scorer.profile


@dataclass(frozen=True, slots=True)
class Observed:
    """A question that was asked. `fold` is the group it is cross-fitted with, within its side."""

    asked: ToAsk
    judged: Judged
    fold: str

    @property
    def question(self) -> LabelledQuestion:
        return self.asked.passages.question

    @property
    def observation(self) -> Observation:
        """As a calibration is fitted on it. Where labels were not found, it serves p_answerable alone."""
        candidates = self.judged.retrieved.candidates
        raw = {s.candidate.chunk.id: s.raw_score for s in self.judged.scored}
        labelled = bool(self.asked.passages.relevant)
        return Observation(
            group=self.fold,
            kind="answerable" if self.question.answerable else "lookalike",
            retrieved=self.judged.retrieved,
            relevant=tuple(self.asked.passages.is_relevant(c.chunk) for c in candidates),
            raw=tuple(raw[c.chunk.id] for c in candidates),
            for_p=labelled or self.question.answerable is False,
        )


def plan_calibration(
    sluice: Asking,
    questions: QuestionSet,
    *,
    library: str | None = None,
    reranker: str | None = None,
    test_share: float = 0.5,
    seed: str = "",
) -> CalibrationPlan:
    """Split the questions by document, unless the set says which side each is on.

    Weak and undecided questions are left out: a threshold is a promise, and nobody has judged them. Raises UsageError
    where the scorer gives no scores or nothing is left, ScopeNotThere, LibraryNotFound, SettingsError, ModelError or
    ProviderError.
    """
    options = sluice.options(library=library, reranker=reranker, reranker_policy="required")
    options = replace(options, early_stop=0, skip_margin=None)
    contents = read_contents(sluice.settings.libraries_dir, options.library)
    judge = sluice.open_judge(options.reranker, contents.info)
    if judge.first is not None:
        raise UsageError(
            f"{options.reranker} has the calibration of its second reranker.",
            hint="Calibrate that one alone; the cascade then uses it.",
        )
    if options.reranker == "none":
        raise UsageError(
            "There is no reranker to calibrate.", hint="Name one: sluice calibrate QUESTIONS --reranker local"
        )
    left_out = Counter(why for q in questions.questions if (why := _why_not(q)))
    judged = QuestionSet(questions.name, tuple(q for q in questions.questions if not _why_not(q)))
    resolution = all_can_be_asked(resolve(judged, contents))
    marked = any(q.split is not None for q in judged.questions)
    if not marked:
        parts = split(judged, test_share=test_share, resolution=resolution, seed=seed)
        if judged.questions and min(parts.sides.values()) == 0:
            raise UsageError(
                f"No part is left to measure on: {parts.largest:.0%} of the questions hang together by what they are "
                "about.",
                hint="Add questions about other documents, or name what they are about in `sources`.",
            )
        judged = parts.questions
    sides = {q.id: q.split for q in judged.questions}
    left_out["on no side of the split"] = sum(side is None for side in sides.values())
    groups = linked(judged, resolution=resolution)
    to_ask = tuple(
        ToAsk(passages_of(resolved), side, groups[resolved.question.id])
        for resolved in resolution.questions
        if (side := sides[resolved.question.id]) is not None
    )
    if not to_ask:
        raise UsageError(
            f"{questions.name} has no question to calibrate with.", hint="Weak and undecided ones do not count."
        )
    known = {why: count for why, count in left_out.items() if count}
    return CalibrationPlan(questions.name, questions.fingerprint, to_ask, options, judge, contents.info, known)


def observe(sluice: Asking, plan: CalibrationPlan) -> Iterator[Observed]:
    """Ask the questions one by one; stop drawing to cancel. Local scores come from the score cache where they are in
    it. Questions that retrieve nothing are passed over.

    Raises UsageError when the scorer fails on a question, and what search and embedding raise.
    """
    folds = folds_of({asked.passages.question.id: f"{asked.side} {asked.group}" for asked in plan.to_ask})
    for asked in plan.to_ask:
        question = asked.passages.question
        judged = sluice.pipeline.judge(question.text, asked.passages.within(plan.options), history=question.history)
        if judged.run.status == "failed":
            raise UsageError(
                f"{plan.options.reranker} failed on {question.id}: {judged.run.reason}",
                hint="Run the same command again; local scores are kept.",
            )
        if judged.retrieved.candidates:
            yield Observed(asked, judged, f"{asked.side} {folds[question.id]}")


def folds_of(groups: Mapping[str, str], folds: int = FOLDS) -> dict[str, int]:
    """Question id -> fold (0..folds-1): whole groups, largest first, each into the smallest fold so far."""
    members: dict[str, list[str]] = {}
    for question, group in groups.items():
        members.setdefault(group, []).append(question)
    sizes = [0] * folds
    found: dict[str, int] = {}
    for group in sorted(members, key=lambda g: (-len(members[g]), g)):
        fold = sizes.index(min(sizes))
        sizes[fold] += len(members[group])
        found.update(dict.fromkeys(members[group], fold))
    return found


def _why_not(question: LabelledQuestion) -> str:
    if question.weak:
        return "weak"
    return "undecided" if question.answerable is None else ""
