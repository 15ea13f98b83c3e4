"""What the gate did: the set it admitted, and both refusal errors. Pure.

A set is judged without its order: precision is the share of admitted passages that is relevant, recall the share of
relevant passages (those that retrieval missed included) that was admitted, F1 their harmonic mean (C. van Rijsbergen,
Information Retrieval, 1979; trec_eval's set_P, set_recall, set_F). A refused question admitted nothing: where it has
relevant passages all three are 0. Questions without labels have no part in them, unanswerable ones are judged by
refusal alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.domain import DecisionKind
from app.evaluation.intervals import Estimate, mean_interval, ratio_interval, share_interval
from app.evaluation.records import QuestionRecord


@dataclass(frozen=True, slots=True)
class SetCounts:
    """Distinct passages of one question: sent, relevant among them, relevant in all."""

    sent: int
    hits: int
    relevant: int

    @property
    def precision(self) -> float:
        return self.hits / self.sent if self.sent else 0.0

    @property
    def recall(self) -> float:
        return self.hits / self.relevant if self.relevant else 0.0

    @property
    def f1(self) -> float:
        """2 hits / (sent + relevant), which is the harmonic mean of the two."""
        return 2.0 * self.hits / (self.sent + self.relevant) if self.sent + self.relevant else 0.0


@dataclass(frozen=True, slots=True)
class RefusalErrors:
    """Both errors of refusing, always together: either alone can be made 0 by always or never refusing.

    `wrong_refusals`: the share of answerable questions that was refused. `wrong_answers`: the share of unanswerable
    ones that was let through. None where there is no such question. Wilson intervals.
    """

    answerable: int
    wrong_refusals: Estimate | None
    unanswerable: int
    wrong_answers: Estimate | None


@dataclass(frozen=True, slots=True)
class GateMeasures:
    """The gate over a question set. Per-question means over labelled questions, the pooled numbers over their passages.

    `tokens` and `passages` are sent per question, refused ones (0) included; `duplicates` is how many candidates were
    removed because they say the same as one already through.
    """

    labelled: int
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None
    pooled_precision: Estimate | None
    pooled_recall: Estimate | None
    pooled_f1: Estimate | None
    refusals: RefusalErrors
    tokens: Estimate | None
    passages: Estimate | None
    duplicates: int


def set_counts(record: QuestionRecord, passages: Sequence[str]) -> SetCounts:
    """Judge a set of passages of this question against its labels."""
    distinct = set(passages)
    return SetCounts(len(distinct), len(distinct & record.relevant.keys()), len(record.relevant))


def gate_f1(records: Iterable[QuestionRecord]) -> dict[str, float]:
    """F1 of what was admitted, by question id, over labelled questions."""
    return {r.id: set_counts(r, r.passages("gated")).f1 for r in records if r.labelled}


def refusal_errors(records: Iterable[QuestionRecord]) -> RefusalErrors:
    """Both refusal errors, over the questions of which it is known whether the library answers them."""
    known = [r for r in records if r.answerable is not None]
    yes = [r.refused for r in known if r.answerable]
    no = [r.refused for r in known if not r.answerable]
    return RefusalErrors(
        len(yes), share_interval(sum(yes), len(yes)), len(no), share_interval(len(no) - sum(no), len(no))
    )


def gate_measures(records: Sequence[QuestionRecord]) -> GateMeasures:
    """All numbers of the gate as it decided."""
    counts = [set_counts(r, r.passages("gated")) for r in records if r.labelled]
    sent, hits, relevant = ([float(getattr(c, name)) for c in counts] for name in ("sent", "hits", "relevant"))
    decisions = [c.decision for r in records if not r.refused for c in r.candidates]
    return GateMeasures(
        labelled=len(counts),
        precision=mean_interval([c.precision for c in counts]),
        recall=mean_interval([c.recall for c in counts]),
        f1=mean_interval([c.f1 for c in counts]),
        pooled_precision=ratio_interval(hits, sent),
        pooled_recall=ratio_interval(hits, relevant),
        pooled_f1=ratio_interval([2.0 * h for h in hits], [s + r for s, r in zip(sent, relevant, strict=True)]),
        refusals=refusal_errors(records),
        tokens=mean_interval([float(r.tokens_sent) for r in records]),
        passages=mean_interval([float(sum(c.in_context for c in r.admitted)) for r in records]),
        duplicates=decisions.count(DecisionKind.DUPLICATE),
    )
