"""Running a plan: each question is searched for once a retrieval, scored once a scorer, and decided for free.

A generator of progress: whoever draws it may stop after any event, and the next run of the same plan goes on there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from app.at_once import in_turn
from app.domain import Judged, Trace
from app.errors import SluiceError
from app.evaluation.grader import Answered, Grader, shown
from app.evaluation.labels import Passages
from app.evaluation.measures_answers import answer_record
from app.evaluation.plan import Asking, Configuration, Plan
from app.evaluation.questions.scope import scope_in_words
from app.evaluation.recording import question_record
from app.evaluation.records import AnswerRecord, QuestionRecord
from app.evaluation.run_folder import RunFolder
from app.pipeline import Found, Options, Pipeline

PATIENCE = 3  # failures of one configuration in a row before the run stops


class RunStopped(SluiceError):
    """A reranker failed again and again; what was measured is kept."""


@dataclass(frozen=True, slots=True)
class Started:
    """`done` of `total` questions were asked in an earlier run."""

    done: int
    total: int
    folder: RunFolder


@dataclass(frozen=True, slots=True)
class Progress:
    """A question was asked under every configuration. `seconds_left` is None after the first of this run."""

    id: str
    text: str
    done: int
    total: int
    seconds: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Failed:
    """A reranker failed on one question; the question is asked again by the next run of the same plan."""

    id: str
    configuration: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """All questions were asked; `failed` records are missing."""

    folder: RunFolder
    failed: int


Event = Started | Progress | Failed | Finished


def run_grid(sluice: Asking, plan: Plan, folder: RunFolder) -> Generator[Event, None, None]:
    """Ask what the folder has no record of, and append the records.

    Raises UsageError while another process writes to the folder, RunStopped when a reranker keeps failing, and whatever
    search, embedding, chat and the grader raise.
    """
    with folder.writing():
        done = {c.id: folder.done(c.id) for c in plan.configurations}
        todo = [asked for asked in plan.asked if any(asked.question.id not in ids for ids in done.values())]
        before, total = len(plan.asked) - len(todo), len(plan.asked)
        yield Started(before, total, folder)
        failures: Counter[str] = Counter()
        failed, begun = 0, time.monotonic()
        calls = [partial(_asked, sluice.pipeline, plan, asked, done) for asked in todo]
        answers = in_turn(calls, at_once=plan.at_once)
        with closing(answers):
            for number, (asked, results) in enumerate(zip(todo, answers, strict=True), 1):
                for configuration, judged, record in results:
                    if record is not None:
                        folder.append(configuration.id, record)
                        failures[configuration.id] = 0
                        continue
                    failed += 1
                    failures[configuration.id] += 1
                    reason = judged.run.reason or "the reranker failed"
                    yield Failed(asked.question.id, configuration.id, reason)
                    if failures[configuration.id] >= PATIENCE:
                        raise RunStopped(
                            f"{configuration.reranker} failed on {PATIENCE} questions in a row: {reason}",
                            hint="What was measured is kept. Run the same command again to go on.",
                        )
                spent = time.monotonic() - begun
                left = spent / number * (len(todo) - number) if number > 1 or len(todo) == 1 else None
                yield Progress(asked.question.id, asked.question.text, before + number, total, spent, left)
    yield Finished(folder, failed)


def _asked(
    pipeline: Pipeline, plan: Plan, asked: Passages, done: Mapping[str, Collection[str]]
) -> list[tuple[Configuration, Judged, QuestionRecord | None]]:
    return list(_ask(pipeline, plan, asked, [c for c in plan.configurations if asked.question.id not in done[c.id]]))


def _ask(
    pipeline: Pipeline, plan: Plan, asked: Passages, missing: list[Configuration]
) -> Iterator[tuple[Configuration, Judged, QuestionRecord | None]]:
    """One question under the configurations that have no record of it; None where the reranker failed."""
    text, history = asked.question.text, asked.question.history
    question, timings, used = pipeline.stand_alone(text, history=history)
    found: dict[tuple[str, int], Found] = {}  # of this question, and so within its scope
    for configuration, options in zip(plan.configurations, plan.options, strict=True):
        if configuration not in missing:
            continue
        search = (configuration.retrieval, configuration.candidates)
        if search not in found:
            found[search] = pipeline.search(question, asked.within(options), timings=timings, used=used)
        judged = pipeline.judge_found(found[search], options)
        if judged.run.status == "failed":
            yield configuration, judged, None
        else:
            yield configuration, judged, _record(pipeline, plan, asked, judged, options)


def _record(pipeline: Pipeline, plan: Plan, asked: Passages, judged: Judged, options: Options) -> QuestionRecord:
    question = asked.question
    trace = _finished(pipeline, judged, options, asked, answers=plan.answers)
    record = question_record(
        trace,
        id_=question.id,
        answerable=question.answerable,
        relevant=asked.relevant,
        passage_of=asked.passage_of,
        within=scope_in_words(question.scope),
        answers=_answers(trace, asked, plan.grader),
    )
    # what was read from the score cache, and where nothing was found, says nothing about what scoring takes
    if judged.run.cached_scores or not judged.scored:
        timings = {stage: ms for stage, ms in record.timings_ms.items() if stage not in ("score", "total")}
        return replace(record, timings_ms=timings)
    return record


def _finished(pipeline: Pipeline, judged: Judged, options: Options, asked: Passages, *, answers: bool) -> Trace:
    history = asked.question.history
    if answers:
        return pipeline.finish(judged, options.gate, history=history)
    start = time.perf_counter()
    gate = pipeline.decide(judged, options.gate, history=history)
    decided = time.perf_counter()
    context = None if gate.outcome == "refused" else pipeline.context(gate, judged.retrieved.library.name)
    ended = time.perf_counter()
    timings = {**judged.timings_ms, "gate": (decided - start) * 1000, "context": (ended - decided) * 1000}
    return pipeline.trace(judged, gate, context, None, {**timings, "total": sum(timings.values())})


def _answers(trace: Trace, asked: Passages, grader: Grader | None) -> dict[str, AnswerRecord]:
    if trace.answer is None or trace.context is None:
        return {}
    relevant = [asked.is_relevant(passage.chunk) for passage in trace.context.passages]
    record = answer_record(trace.answer, asked.question.answers, relevant)
    if grader is None:
        return {"gated": record}
    chunks = [passage.chunk for passage in trace.context.passages]
    passages = tuple(shown((chunk.title, *chunk.section), chunk.text) for chunk in chunks)
    grade = grader.grade(Answered(trace.judged.question.standalone, passages, trace.answer.text))
    correct = grade.will_do if record.correct is None else record.correct
    graded = replace(record, faithful=grade.faithful, relevant=grade.relevant, not_graded=grade.not_graded)
    return {"gated": replace(graded, correct=correct)}
