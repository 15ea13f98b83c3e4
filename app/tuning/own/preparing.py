"""The labelled questions asked of the library, and scored by the reranker in force: what advice and runs start from."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from app.domain import Score
from app.errors import UsageError
from app.evaluation.plan import Asking
from app.evaluation.questions.model import QuestionSet
from app.ports import Scorer
from app.providers.reranking.registry import cascade_of
from app.providers.reranking.tuned import tuned_dir
from app.stages.judge import Judge
from app.tuning.own.advice import Advice, advise
from app.tuning.own.asking import Asked, Searched, locate, search
from app.tuning.own.parts import hash_of
from app.tuning.own.scores import raw_scores

ADVISED = 80  # questions on which the order in force is measured for the advice: a few hundredths do not matter there
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


def scores_dir(home: Path) -> Path:
    """Where raw scores are kept from run to run: a service that was paid for them is not asked again."""
    return tuned_dir(home) / ".scores"


def prepare(sluice: Tuning, questions: QuestionSet, *, library: str | None, reranker: str | None, say: Say) -> Prepared:
    """Locate the labels, search, score with the reranker in force, and say what is wrong here.

    Raises UsageError where nothing can be asked or the reranker is a cascade, and what search and scorers raise.
    """
    scores = scores_dir(sluice.settings.sluice_home)
    asked = locate(sluice, questions, library=library, reranker=reranker)
    name = asked.options.reranker
    if cascade_of(name) is not None:
        raise UsageError(
            f"{name} is two rerankers, one behind the other; tuning makes one, and compares it with one.",
            hint="Say which it has to beat: sluice tune QUESTIONS --reranker NAME",
        )
    total = len(asked.questions)
    searched = tuple(search(sluice, asked, ticking(say, "questions searched", total)))
    current = None if name == "none" else sluice.open_judge(name, asked.contents.info)
    some = _drawn([s for s in searched if s.question.passages.relevant], ADVISED)
    raw = scored(current.scorer, some, asked, scores, say, "questions reranked now") if current else None
    orders = {s.question.id: s.order(current_order(current, s, raw[i] if raw else None)) for i, s in enumerate(some)}
    advice = advise(searched, orders, reranker=None if current is None else current.scorer.profile.label)
    return Prepared(questions, asked, searched, current, name, advice)


def _drawn(searched: Sequence[Searched], count: int) -> list[Searched]:
    """So many of them, the same on every machine, in their order."""
    if len(searched) <= count:
        return list(searched)
    chosen = {s.question.id for s in sorted(searched, key=lambda s: hash_of("advice", s.question.id))[:count]}
    return [s for s in searched if s.question.id in chosen]


def current_order(judge: Judge | None, searched: Searched, raw: Sequence[float] | None) -> tuple[int, ...] | None:
    if judge is None or raw is None:
        return None
    return judge.calibration.judge(searched.found.retrieved, [Score(x) for x in raw]).order


def scored(
    scorer: Scorer, searched: Sequence[Searched], asked: Asked, folder: Path, say: Say, what: str
) -> list[tuple[float, ...]]:
    wanted = [(s.asked, [asked.text(c.chunk) for c in s.found.retrieved.candidates]) for s in searched]
    return raw_scores(scorer, wanted, folder, ticking(say, what, len(wanted)))


def by_score(raw: Sequence[float]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argsort(-np.asarray(raw, dtype=np.float64), kind="stable"))


def ticking(say: Say, what: str, total: int) -> Callable[[int], None]:
    began = time.monotonic()

    def tick(done: int) -> None:
        spent = time.monotonic() - began
        say.tick(what, done, total, spent / done * (total - done) if done > 1 else None)

    return tick
