"""Four steps told apart with equal passage counts: retrieval, evidence, scorer, gate, and which of them paid. Pure.

Every arm sends as many chunks as the gate admitted (max_chunks where it refused). What an arm sent is worth the F1 of
its passages where the question has labelled ones; where the library has no answer, 1 for sending nothing and 0 for
anything else, as SQuAD 2.0 scores questions without an answer (arXiv 1806.03822). So the gate can win only by
refusing what should be refused, and by dropping duplicates: its saving in tokens is told beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.evaluation.intervals import Estimate, mean_interval
from app.evaluation.measures_gate import set_counts
from app.evaluation.paired import Difference, compare_paired
from app.evaluation.records import QuestionRecord

StepName = Literal["retrieval", "evidence", "scorer", "gate"]
Paid = Literal["paid", "cost", "cannot tell"]

_ARM: Mapping[StepName, str] = {"retrieval": "off", "evidence": "evidence", "scorer": "reranked", "gate": "gated"}


@dataclass(frozen=True, slots=True)
class Step:
    """What the context is worth after this step (0..1), and what the step changed against the one before.

    `difference` is None for retrieval, the first. `paid`: better beyond noise; `cost`: worse beyond noise.
    """

    name: StepName
    worth: Estimate | None
    difference: Difference | None

    @property
    def paid(self) -> Paid:
        if self.difference is None:
            return "cannot tell"
        return "paid" if self.difference.better else "cost" if self.difference.worse else "cannot tell"


@dataclass(frozen=True, slots=True)
class FourSteps:
    """The steps that ran, in order. `tokens_saved` is what the gate sent less per question than the first max_chunks
    after scoring would have been; `unanswerable` questions are the ones the gate can win by refusing."""

    steps: tuple[Step, ...]
    tokens_saved: Estimate | None
    labelled: int
    unanswerable: int


def four_steps(records: Sequence[QuestionRecord], *, max_chunks: int = 5) -> FourSteps:
    """Tell the steps apart over the labelled and the unanswerable questions; steps whose arm did not run are absent."""
    asked = [r for r in records if r.labelled or r.answerable is False]
    ran = [name for name in _ARM if name == "gate" or (asked and all(_ARM[name] in r.arms for r in asked))]
    worth = {name: {r.id: context_worth(r, _ARM[name], max_chunks=max_chunks) for r in asked} for name in ran}
    steps = [
        Step(
            name,
            mean_interval([*worth[name].values()]),
            compare_paired(worth[ran[place - 1]], worth[name]) if place else None,
        )
        for place, name in enumerate(ran)
    ]
    return FourSteps(
        steps=tuple(steps),
        tokens_saved=mean_interval([_first_tokens(r, max_chunks) - _sent_tokens(r) for r in records]),
        labelled=sum(r.labelled for r in asked),
        unanswerable=sum(r.answerable is False for r in asked),
    )


def context_worth(record: QuestionRecord, arm: str, *, max_chunks: int = 5) -> float:
    """The worth (0..1) of what an arm sends for one question, cut to as many chunks as the gate admitted."""
    sent = record.passages(arm, len(record.admitted) or max_chunks)
    if record.answerable is False:
        return float(not sent)
    return set_counts(record, sent).f1


def _first_tokens(record: QuestionRecord, max_chunks: int) -> float:
    return float(sum(c.tokens for c in record.candidates[:max_chunks]))


def _sent_tokens(record: QuestionRecord) -> float:
    return float(sum(c.tokens for c in record.admitted))
