"""What evaluation keeps of one question under one configuration: plain values, ready for a line of JSON.

A configuration is a retrieval mode, a number of candidates and a reranker; its run folder holds one record a question.
Labels are about *passages*: a passage is a chunk where chunks were labelled, a document where documents were, and every
candidate names the passage it belongs to. All measures count a passage once, at its best chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from app.domain import DecisionKind, ScorerStatus
from app.errors import SluiceError

Arm = Literal["off", "evidence", "reranked"]
Basis = Literal["p", "raw", "rank"]
_SEARCHED = 200  # characters of a rewritten question that a report shows


class RecordDamaged(SluiceError):
    """A line of a run folder is not a question's record."""


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """One candidate after the gate. Ranks are 1-based, `tokens` is what it takes in the context.

    `same_as` names the better-ranked chunks it says nothing beyond (under the run's duplicate limit), admitted or
    not, so that the gate can be moved without the texts. `in_context` is False for an admitted passage that the
    token budget left out.
    """

    chunk_id: str
    passage: str
    rank_before: int
    rank_after: int
    raw: float | None
    p: float | None
    decision: DecisionKind
    tokens: int
    in_context: bool
    duplicate_of: str | None = None
    same_as: tuple[str, ...] = ()

    @property
    def admitted(self) -> bool:
        return self.decision.admits


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """What an answer was worth; None where it could not be told. Shares are 0..1.

    `correct` is the verdict that the failure split uses: whether the answer holds a known answer, else the grader's
    (`Grade.will_do`) where there was one. `faithful` and `relevant` are the grader's (`app.evaluation.grader`);
    `not_graded` says why they are missing although a grader was asked.
    """

    text: str
    exact_match: float | None = None
    f1: float | None = None
    contains: bool | None = None
    citation_precision: float | None = None
    citation_recall: float | None = None
    faithful: float | None = None
    relevant: float | None = None
    correct: bool | None = None
    not_graded: str | None = None


@dataclass(frozen=True, slots=True)
class QuestionRecord:
    """One question under one configuration.

    `relevant` grades every relevant passage (1 or more), those that retrieval missed included; empty where nothing is
    labelled. `answerable` is None where it is not known. `candidates` are in the order after scoring, `arms` hold
    chunk ids, best first: `off` (retrieval order), `evidence`, `reranked`. `answers` go by arm, the gated one under
    "gated". `timings_ms` and `cost_usd` are the gated arm's; the cost is None when it is unknown. `within` is
    the part of the library it was asked within, in words; "" for all of it. `searched` is the follow-up rewritten to
    stand alone; "" where the question was searched for as it is.
    """

    id: str
    text: str
    answerable: bool | None
    relevant: Mapping[str, int]
    candidates: tuple[CandidateRecord, ...]
    arms: Mapping[str, tuple[str, ...]]
    p_answerable: float | None
    refused: bool
    scorer: str | None
    status: ScorerStatus
    basis: Basis = "p"
    tokens_sent: int = 0
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    cost_usd: float | None = None
    answers: Mapping[str, AnswerRecord] = field(default_factory=dict)
    within: str = ""
    searched: str = ""

    def passages(self, arm: str, chunks: int | None = None) -> tuple[str, ...]:
        """The distinct passages of an arm's first `chunks` chunks (all of them when None), best first.

        Arm "gated" is what the gate admitted, nothing where it refused. Raises KeyError for an arm that did not run.
        """
        passage_of = {c.chunk_id: c.passage for c in self.candidates}
        order = self.admitted_ids if arm == "gated" else self.arms[arm]
        return tuple(dict.fromkeys(passage_of[i] for i in order[:chunks]))

    @property
    def admitted(self) -> tuple[CandidateRecord, ...]:
        """What the gate admitted, rescued passages last; empty where it refused."""
        if self.refused:
            return ()
        kept = [c for c in self.candidates if c.admitted and c.decision is not DecisionKind.RESCUED]
        return (*kept, *(c for c in self.candidates if c.decision is DecisionKind.RESCUED))

    @property
    def admitted_ids(self) -> tuple[str, ...]:
        return tuple(c.chunk_id for c in self.admitted)

    @property
    def words(self) -> str:
        """The question as a report names it: what it was asked within, and what a follow-up was searched for, belong
        to it."""
        told = [f"asked within {self.within}"] if self.within else []
        if self.searched:
            carried = self.searched.removeprefix(self.text).strip(" ()")
            words = carried if len(carried) <= _SEARCHED else f"{carried[: _SEARCHED - 1]}…"
            told.append(f"searched {'with' if self.searched.startswith(self.text) else 'for'}: {words}")
        return f"{self.text} ({'; '.join(told)})" if told else self.text

    @property
    def labelled(self) -> bool:
        """Whether ranking can be measured: some passage is known to be relevant."""
        return bool(self.relevant)

    def grade(self, candidate: CandidateRecord) -> int:
        """0 for a passage that is not known to be relevant."""
        return self.relevant.get(candidate.passage, 0)


def record_to_dict(record: QuestionRecord) -> dict[str, Any]:
    """Dicts, lists, strings and numbers, ready for `json.dumps`; `record_from_dict` gives the same record back."""
    return {
        **asdict(record),
        "relevant": dict(record.relevant),
        "arms": {arm: list(order) for arm, order in record.arms.items()},
        "timings_ms": dict(record.timings_ms),
        "candidates": [_candidate_to_dict(c) for c in record.candidates],
        "answers": {arm: asdict(answer) for arm, answer in record.answers.items()},
    }


def record_from_dict(values: Mapping[str, Any]) -> QuestionRecord:
    """A record from its JSON form. Raises RecordDamaged when a field is missing, unknown or of the wrong shape."""
    try:
        return QuestionRecord(
            **{
                **values,
                "relevant": {str(passage): int(grade) for passage, grade in values["relevant"].items()},
                "arms": {str(arm): tuple(order) for arm, order in values["arms"].items()},
                "timings_ms": {str(stage): float(ms) for stage, ms in values["timings_ms"].items()},
                "candidates": tuple(_candidate_from_dict(c) for c in values["candidates"]),
                "answers": {str(arm): AnswerRecord(**answer) for arm, answer in values["answers"].items()},
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordDamaged(
            f"A question of this run cannot be read: {error}.",
            hint="Run the evaluation again, or remove that line from the run folder.",
        ) from error


def by_id(records: Iterable[QuestionRecord]) -> dict[str, QuestionRecord]:
    """Records by question id. Raises ValueError when two share one: a pair would be counted twice."""
    found: dict[str, QuestionRecord] = {}
    for record in records:
        if record.id in found:
            raise ValueError(f"two records of question {record.id}")
        found[record.id] = record
    return found


def _candidate_to_dict(candidate: CandidateRecord) -> dict[str, Any]:
    return {**asdict(candidate), "decision": candidate.decision.value, "same_as": list(candidate.same_as)}


def _candidate_from_dict(values: Mapping[str, Any]) -> CandidateRecord:
    return CandidateRecord(
        **{**values, "decision": DecisionKind(values["decision"]), "same_as": tuple(values["same_as"])}
    )
