"""The gate at many thresholds at once, from records alone: what a threshold slider needs, without scoring again. Pure.

Walks down the candidates once, for all questions and all thresholds together, by the rules of `app.stages.gate` (a
test holds the two equal): duplicates, token budget, max_chunks, the threshold, ratio to the best, then rescue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.domain import GatePolicy
from app.evaluation.records import CandidateRecord, QuestionRecord

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the gate would admit, before p_answerable has its say. Arrays of shape (questions, thresholds).

    `sent`, `hits`: distinct passages admitted, and relevant among them; `chunks` and `tokens`: admitted chunks and
    their tokens; `rescued` of those chunks. Per question: `relevant` passages in all, `p_answerable` (NaN where there
    is none), `answerable` and `unanswerable` (neither where unknown), `failed` (the scorer did: refused whatever the
    thresholds).
    """

    ids: tuple[str, ...]
    thresholds: Floats
    sent: Ints
    hits: Ints
    chunks: Ints
    tokens: Ints
    rescued: Ints
    relevant: Ints
    p_answerable: Floats
    answerable: Bools
    unanswerable: Bools
    failed: Bools

    @property
    def labelled(self) -> Bools:
        result: Bools = self.relevant > 0
        return result


def sweep(records: Sequence[QuestionRecord], thresholds: Sequence[float] | Floats, policy: GatePolicy) -> Sweep:
    """Decide every question at every `keep_above` of `thresholds`; everything else comes from `policy`.

    The threshold meets p, or the raw score where the record's basis is "raw"; questions kept by rank stay as they
    are. -inf stands for "no threshold". Duplicates are those of the limit the records were made with.
    """
    grid = np.asarray(thresholds, dtype=np.float64)
    width = max((len(r.candidates) for r in records), default=0)
    table = _Table(records, width)
    walk = _Walk(table, grid, policy)
    for place in range(width):
        walk.judge(place)
    for place in range(width):
        walk.rescue(place)
    return Sweep(
        ids=tuple(r.id for r in records),
        thresholds=grid,
        sent=walk.sent,
        hits=walk.hits,
        chunks=walk.count,
        tokens=walk.spent,
        rescued=walk.rescued,
        relevant=np.asarray([len(r.relevant) for r in records], dtype=np.int64),
        p_answerable=np.asarray([np.nan if r.p_answerable is None else r.p_answerable for r in records]),
        answerable=np.asarray([r.answerable is True for r in records], dtype=np.bool_),
        unanswerable=np.asarray([r.answerable is False for r in records], dtype=np.bool_),
        failed=np.asarray([r.status == "failed" for r in records], dtype=np.bool_),
    )


class _Table:
    """The candidates of all questions as arrays of shape (questions, width), in the order after scoring."""

    def __init__(self, records: Sequence[QuestionRecord], width: int) -> None:
        shape = (len(records), width)
        self.there = np.zeros(shape, dtype=np.bool_)
        self.value = np.full(shape, np.nan)
        self.cost = np.zeros(shape, dtype=np.int64)
        self.relevant = np.zeros(shape, dtype=np.bool_)
        self.by_rank = np.asarray([r.basis == "rank" for r in records], dtype=np.bool_)
        # for each place, the earlier places where some question has the same words, or the same passage
        self.same: list[dict[int, Bools]] = [{} for _ in range(width)]
        self.passage: list[dict[int, Bools]] = [{} for _ in range(width)]
        for q, record in enumerate(records):
            place_of = {c.chunk_id: at for at, c in enumerate(record.candidates)}
            for at, c in enumerate(record.candidates):
                self.there[q, at] = True
                value = _value(c, record)
                self.value[q, at] = np.nan if value is None else value
                self.cost[q, at] = c.tokens
                self.relevant[q, at] = c.passage in record.relevant
                for other in c.same_as:
                    self._mark(self.same[at], place_of[other], q, len(records))
                for before in range(at):
                    if record.candidates[before].passage == c.passage:
                        self._mark(self.passage[at], before, q, len(records))

    @staticmethod
    def _mark(places: dict[int, Bools], other: int, question: int, questions: int) -> None:
        places.setdefault(other, np.zeros(questions, dtype=np.bool_))[question] = True


def _value(candidate: CandidateRecord, record: QuestionRecord) -> float | None:
    return {"p": candidate.p, "raw": candidate.raw, "rank": None}[record.basis]


class _Walk:
    """The gate's walk, for all questions and thresholds together."""

    def __init__(self, table: _Table, grid: Floats, policy: GatePolicy) -> None:
        questions, width = table.there.shape
        shape = (questions, grid.size)
        self.table, self.grid, self.policy = table, grid, policy
        self.admitted = [np.zeros(shape, dtype=np.bool_) for _ in range(width)]
        self.below = [np.zeros(shape, dtype=np.bool_) for _ in range(width)]
        self.count, self.spent, self.sent, self.hits, self.rescued = (np.zeros(shape, dtype=np.int64) for _ in range(5))
        known = np.where(np.isnan(table.value), -np.inf, table.value)
        best = known.max(axis=1, initial=-np.inf)
        self.best = np.where(np.isneginf(best), 0.0, best)
        self.scored = table.there & (table.by_rank[:, None] | ~np.isnan(table.value))

    def judge(self, place: int) -> None:
        value = self.table.value[:, place]
        enough: Bools = value[:, None] >= self.grid
        ratio = self.policy.ratio_to_top
        if ratio is not None:
            enough &= ~((self.best > 0) & (value < ratio * self.best))[:, None]
        enough |= self.table.by_rank[:, None]
        open_ = self._free(place) & (self.count < self.policy.max_chunks)
        self.below[place] = open_ & ~enough
        self._admit(place, open_ & enough)

    def rescue(self, place: int) -> None:
        value = self.table.value[:, place]
        close = ~self.table.by_rank & (self.best > 0) & (value >= self.policy.rescue_ratio * self.best)
        wanted = self.count < min(self.policy.min_chunks, self.policy.max_chunks)
        saved = self.below[place] & close[:, None] & wanted & self._free(place)
        self.rescued += saved
        self._admit(place, saved)

    def _free(self, place: int) -> Bools:
        """Scored, no duplicate of what is through, and small enough."""
        free = np.repeat(self.scored[:, place, None], self.grid.size, axis=1)
        for other, marked in self.table.same[place].items():
            free &= ~(marked[:, None] & self.admitted[other])
        if self.policy.token_budget is not None:
            free &= self.spent + self.table.cost[:, place, None] <= self.policy.token_budget
        return free

    def _admit(self, place: int, admitted: Bools) -> None:
        new = admitted.copy()  # the first chunk of its passage
        for other, marked in self.table.passage[place].items():
            new &= ~(marked[:, None] & self.admitted[other])
        self.admitted[place] = self.admitted[place] | admitted
        self.count += admitted
        self.spent += admitted * self.table.cost[:, place, None]
        self.sent += new
        self.hits += new & self.table.relevant[:, place, None]
