"""One tuning run from labels to a verdict. Every step leaves a file, so that a run stopped at any moment goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from app.calibration.fitted import FittedCalibration
from app.calibration.store import calibration_for, save_calibration
from app.domain import Scale, Score
from app.errors import UsageError
from app.evaluation.measures_ranking import ranked
from app.evaluation.plan import Asking
from app.evaluation.questions.model import QuestionSet
from app.ports import Scorer
from app.providers.reranking.onnx_cross_encoder import open_exported
from app.providers.reranking.tuned import PROVIDER, Tuned, tuned_dir, write_tuned
from app.stages.score import Judge
from app.tuning import groups as grouping
from app.tuning.groups import Group
from app.tuning.own.advice import Advice, advise
from app.tuning.own.asking import Asked, Searched, locate, search
from app.tuning.own.bases import Base, open_base
from app.tuning.own.calibrated import CalibratedHere, calibrated, observations_of, orders_better
from app.tuning.own.fitting import Fitted, Teacher, fit
from app.tuning.own.folder import TuneFolder, start, trained_with
from app.tuning.own.negatives import Material, Passage, groups_of, material
from app.tuning.own.objectives import on_the_students_scale
from app.tuning.own.outcome import BASE, CURRENT, EVIDENCE, OFF, TUNED, Orders, Outcome, judge_outcome
from app.tuning.own.parts import TELLING, Division, Part, divide, enough
from app.tuning.own.plan import TunePlan
from app.tuning.own.report import Learned, TuneReport, write_report
from app.tuning.own.scores import raw_scores

SAMPLES = 48  # pairs on which the quantisation measures its channel factors
Tick = Callable[[str, int, int, float | None], None]


class Tuning(Asking, Protocol):
    """What tuning needs of the wired program; `app.wiring.Sluice` is one."""

    def scorer(self, name: str) -> Scorer: ...


@dataclass(frozen=True, slots=True)
class Say:
    """How a run says where it is: a line, or how many of what are done and about how many seconds are left."""

    note: Callable[[str], None] = lambda _line: None
    tick: Tick = lambda _what, _done, _total, _left: None


@dataclass(frozen=True, slots=True)
class Prepared:
    """The labelled questions, asked of the library, with the scorer in force now and what follows from its order."""

    questions: QuestionSet
    asked: Asked
    searched: tuple[Searched, ...]
    current: Judge | None
    reranker: str
    advice: Advice

    @property
    def name(self) -> str:
        """What the current order is by, in words."""
        return "the search order" if self.current is None else self.current.scorer.profile.label


def scores_dir(home: Path) -> Path:
    """Where raw scores are kept from run to run: a service that was paid for them is not asked again."""
    return tuned_dir(home) / ".scores"


def prepare(sluice: Tuning, questions: QuestionSet, *, library: str | None, reranker: str | None, say: Say) -> Prepared:
    """Locate the labels, search, score with the reranker in force, and say what is wrong here.

    Raises UsageError where nothing can be asked, and what search and scorers raise.
    """
    scores = scores_dir(sluice.settings.sluice_home)
    asked = locate(sluice, questions, library=library, reranker=reranker)
    name = asked.options.reranker
    total = len(asked.questions)
    searched = tuple(search(sluice, asked, _ticking(say, "questions searched", total)))
    current = None if name == "none" else sluice.open_judge(name, asked.contents.info)
    raw = _scored(current.scorer, searched, asked, scores, say, "questions reranked now") if current else None
    orders = {
        s.question.id: s.order(_current_order(current, s, raw[i] if raw else None)) for i, s in enumerate(searched)
    }
    advice = advise(searched, orders, reranker=None if current is None else current.scorer.profile.label)
    return Prepared(questions, asked, searched, current, name, advice)


@dataclass(frozen=True, slots=True)
class _Run:
    """What every step of a run needs."""

    sluice: Tuning
    prepared: Prepared
    plan: TunePlan
    folder: TuneFolder
    base: Base
    division: Division
    say: Say
    parts: Mapping[Part, tuple[Searched, ...]] = field(default_factory=dict)

    @property
    def scores(self) -> Path:
        return scores_dir(self.sluice.settings.sluice_home)


def tune(sluice: Tuning, prepared: Prepared, plan: TunePlan, *, name: str | None, seed: str, say: Say) -> TuneReport:
    """Train, judge on held-out questions, and keep the result: promoted where it wins, else aside.

    The same call goes on where an earlier one was stopped. Raises UsageError where there are too few questions, saying
    how many would do; ModelError where memory runs out, or a model cannot be used; and what scorers raise.
    """
    began = time.monotonic()
    measurable = {s.question.id for s in prepared.searched if s.measurable}
    labelled = sum(bool(s.question.passages.relevant) and not s.question.labelled.weak for s in prepared.searched)
    enough(len(measurable), unseen=labelled - len(measurable))
    division = divide(
        {s.question.id: s.question.group for s in prepared.searched},
        measurable,
        fixed=_fixed(prepared, plan, sluice.settings.sluice_home),
        seed=seed,
    )
    base = open_base(plan.base, sluice.settings.sluice_home, window=plan.window)
    folder = start(
        sluice.settings.sluice_home,
        name,
        _identity(prepared, plan, base, seed),
        stem=prepared.asked.contents.info.name,
    )
    with folder.alone():
        folder.keep_parts(division.part)
        run = _Run(sluice, prepared, plan, folder, base, division, say, _parts(prepared, division))
        say.note(
            f"Tuning {folder.name} in {folder.path}: {division.counts['train']} questions to learn from, "
            f"{division.counts['validation']} to choose the checkpoint, {division.counts['test']} to judge on."
        )
        groups, teacher, learned = _material(run)
        fitted = fit(
            base, groups, [s for s in run.parts["validation"] if s.measurable], prepared.asked, plan, folder.work,
            teacher=teacher, tick=lambda d, t, left: say.tick("training steps", d, t, left), note=say.note,
        )  # fmt: skip
        scorer = _export(run, fitted, groups)
        outcome, calibration = _judge(run, fitted, scorer)
        if outcome.promoted and calibration is not None:
            save_calibration(calibration.calibration, sluice.settings.calibrations_dir)
        report = TuneReport(
            folder.name, prepared.asked.contents.info.name, plan, prepared.advice, learned, fitted, outcome,
            calibration, str(scorer.profile.id), time.monotonic() - began,
        )  # fmt: skip
        write_report(report, folder.path)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        write_tuned(Tuned(folder.name, plan.base, report.library, outcome.promoted, outcome.said, at, folder.path))
        folder.done_with_work()
        return report


def _parts(prepared: Prepared, division: Division) -> dict[Part, tuple[Searched, ...]]:
    found: dict[Part, list[Searched]] = {"train": [], "validation": [], "test": []}
    for searched in prepared.searched:
        found[division.part[searched.question.id]].append(searched)
    return {part: tuple(of) for part, of in found.items()}


def _fixed(prepared: Prepared, plan: TunePlan, home: Path) -> dict[str, Part]:
    """Where questions must be: as the set says, and to training where the current scorer or the base, tuned earlier,
    learned from them: it would be judged on what it has seen."""
    fixed: dict[str, Part] = {s.question.id: "test" for s in prepared.searched if s.question.labelled.split == "test"}
    for name in (plan.base, prepared.reranker):
        if name.startswith(f"{PROVIDER}:"):
            seen = trained_with(home, name.partition(":")[2])
            fixed |= {question: "train" for question, part in seen.items() if part != "test"}
    return fixed


def _identity(prepared: Prepared, plan: TunePlan, base: Base, seed: str) -> dict[str, object]:
    info, options = prepared.asked.contents.info, prepared.asked.options
    return {
        "schema": 1,
        **plan.identity,
        "base_revision": base.revision,
        "questions": prepared.questions.fingerprint,
        "library": info.name,
        "generation": info.generation,
        "current": None if prepared.current is None else str(prepared.current.scorer.profile.id),
        "retrieval": options.retrieval,
        "candidates": options.candidates,
        "fields": list(options.fields),
        "split": seed,
    }


def _material(run: _Run) -> tuple[list[Group], Teacher | None, Learned]:
    """The training groups, kept on disk, and what the teacher says of their passages."""
    training, asked, plan = run.parts["train"], run.prepared.asked, run.plan
    teaching = run.sluice.scorer(plan.teacher) if plan.teacher is not None else None
    passages = [_passages(s, asked) for s in training]
    wanted = [(s.asked, [p.text for p in of]) for s, of in zip(training, passages, strict=True)]
    taught = None
    if teaching is not None:
        pairs = sum(len(texts) for _, texts in wanted)
        run.say.note(f"{teaching.profile.label} is asked about {pairs:,} passages of {len(wanted):,} questions.")
        tick = _ticking(run.say, "questions taught", len(wanted))
        taught = raw_scores(teaching, wanted, run.scores, tick)
    believed = taught
    if believed is None and plan.unlabelled == "denoise" and run.base.scorer is not None:
        tick = _ticking(run.say, "questions denoised", len(wanted))
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
            rounds=plan.rounds,
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
    candidates = [c.chunk for c in searched.deep.retrieved.candidates]
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
    run: _Run, wanted: Sequence[tuple[str, Sequence[str]]], taught: Sequence[Sequence[float]], scale: Scale
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


def _learned(run: _Run, found: Sequence[Material], groups: Sequence[Group], teacher: str) -> Learned:
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


def _export(run: _Run, fitted: Fitted, groups: Sequence[Group]) -> Scorer:
    """The trained model on the fast path, under its own scorer id."""
    samples = [(g.question, g.texts[0]) for g in groups[:SAMPLES]]
    run.say.note("Exporting to ONNX int8.")
    facts: dict[str, object] = {
        "tuned_from": run.base.name,
        "base_revision": run.base.revision,
        "loss": run.plan.loss,
        "step": fitted.step,
        "questions": run.prepared.questions.fingerprint,
    }
    run.base.write(run.folder.model, run.folder.name, samples, facts)
    return open_exported(run.folder.model, provider=PROVIDER, model=run.folder.name)


def _judge(run: _Run, fitted: Fitted, scorer: Scorer) -> tuple[Outcome, CalibratedHere | None]:
    """All arms on the held-out questions; the tuned one in the order it would be used in."""
    prepared, say = run.prepared, run.say
    judged = [s for s in run.parts["test"] if not s.question.labelled.weak]
    raw = _scored(scorer, judged, prepared.asked, run.scores, say, "held-out questions, tuned")
    start_from = _start(run, scorer)
    calibration = calibrated(
        observations_of(judged, raw),
        scorer=scorer.profile.id,
        start=start_from,
        name=prepared.questions.name,
        library=prepared.asked.contents.info,
    )
    orders: dict[str, dict[str, Sequence[str]]] = {OFF: {}, EVIDENCE: {}, CURRENT: {}, BASE: {}, TUNED: {}}
    labels = {OFF: "in search order", TUNED: f"tuned:{run.folder.name}"}
    for place, searched in enumerate(judged):
        if not searched.question.passages.relevant:
            continue
        by_raw = _by_score(raw[place])
        order = by_raw if calibration is None else calibration.judged[place].order
        orders[OFF][searched.question.id] = searched.order()
        orders[TUNED][searched.question.id] = searched.order(order)
    _current_arms(run, judged, orders, labels)
    _base_arm(run, judged, orders, labels)
    ran: dict[str, Orders] = {arm: of for arm, of in orders.items() if of}
    relevant = {s.question.id: s.question.passages.relevant for s in judged if s.question.passages.relevant}
    return judge_outcome(ran, relevant, labels, name=run.folder.name, learned=fitted.learned), calibration


def _current_arms(
    run: _Run, judged: Sequence[Searched], orders: Mapping[str, dict[str, Sequence[str]]], labels: dict[str, str]
) -> None:
    """The scorer in force as it is used, and retrieval evidence alone."""
    current = run.prepared.current
    if current is None:
        return
    raw = _scored(current.scorer, judged, run.prepared.asked, run.scores, run.say, "held-out questions, as now")
    labels[CURRENT] = current.scorer.profile.label
    labels[EVIDENCE] = "retrieval evidence alone"
    for searched, scores in zip(judged, raw, strict=True):
        if searched.question.passages.relevant:
            evidence = current.calibration.evidence(searched.found.retrieved)
            orders[EVIDENCE][searched.question.id] = searched.order(evidence.order)
            orders[CURRENT][searched.question.id] = searched.order(_current_order(current, searched, scores))


def _base_arm(
    run: _Run, judged: Sequence[Searched], orders: Mapping[str, dict[str, Sequence[str]]], labels: dict[str, str]
) -> None:
    """The base as it was before, where that is not the scorer in force: what of a gain is not tuning's."""
    name, current = run.base.scorer, run.prepared.current
    if name is None:
        return
    judge = run.sluice.open_judge(name, run.prepared.asked.contents.info)
    if current is not None and judge.scorer.profile.id == current.scorer.profile.id:
        return
    raw = _scored(judge.scorer, judged, run.prepared.asked, run.scores, run.say, "held-out questions, the base")
    labels[BASE] = f"{judge.scorer.profile.label} as it was"
    for searched, scores in zip(judged, raw, strict=True):
        if searched.question.passages.relevant:
            orders[BASE][searched.question.id] = searched.order(_current_order(judge, searched, scores))


def _start(run: _Run, scorer: Scorer) -> FittedCalibration | None:
    """The base's maps, where it has some and they order the validation part no worse than the tuned scores alone."""
    if run.base.scorer is None:
        return None
    base = run.sluice.scorer(run.base.scorer).profile
    general = calibration_for(base, replace(run.prepared.asked.contents.info, name=""))
    if not isinstance(general, FittedCalibration):
        return None
    validation = [s for s in run.parts["validation"] if s.measurable]
    if len(validation) < TELLING:
        return general
    raw = _scored(scorer, validation, run.prepared.asked, run.scores, run.say, "validation questions, tuned")
    fused = orders_better(general, validation, raw) or []
    relevant = {s.question.id: s.question.passages.relevant for s in validation}
    values = []
    for places in (fused, [_by_score(row) for row in raw]):
        orders = {s.question.id: s.order(p) for s, p in zip(validation, places, strict=True)}
        values.append(float(np.mean([*ranked(orders, relevant, ("nDCG@10",))["nDCG@10"].values()])))
    return general if values[0] >= values[1] else None


def _current_order(judge: Judge | None, searched: Searched, raw: Sequence[float] | None) -> tuple[int, ...] | None:
    if judge is None or raw is None:
        return None
    return judge.calibration.judge(searched.found.retrieved, [Score(x) for x in raw]).order


def _scored(
    scorer: Scorer, searched: Sequence[Searched], asked: Asked, folder: Path, say: Say, what: str
) -> list[tuple[float, ...]]:
    wanted = [(s.asked, [asked.text(c.chunk) for c in s.found.retrieved.candidates]) for s in searched]
    return raw_scores(scorer, wanted, folder, _ticking(say, what, len(wanted)))


def _by_score(raw: Sequence[float]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argsort(-np.asarray(raw, dtype=np.float64), kind="stable"))


def _ticking(say: Say, what: str, total: int) -> Callable[[int], None]:
    began = time.monotonic()

    def tick(done: int) -> None:
        spent = time.monotonic() - began
        say.tick(what, done, total, spent / done * (total - done) if done > 1 else None)

    return tick
