"""What reranking did to the order: Kendall's tau, top-5 overlap, and a reranker that never ran. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.compare import kendall_tau
from app.evaluation.records import QuestionRecord

PHANTOM_FROM = 5  # a reranker that leaves every second order alone leaves this many in a row in 1 of 32 runs


def tau_of(record: QuestionRecord) -> float | None:
    """Kendall's tau (-1..1) between the order before and after; None below two candidates."""
    return kendall_tau([c.rank_before for c in record.candidates])


def taus(records: Iterable[QuestionRecord]) -> dict[str, float]:
    """`tau_of` by question id, where there is one."""
    return {r.id: tau for r in records if (tau := tau_of(r)) is not None}


def tau_between(a: Sequence[str], b: Sequence[str]) -> float | None:
    """Kendall's tau between two orders of the same ids, each once. Raises ValueError when they are not the same ids."""
    place = {chunk: at for at, chunk in enumerate(a)}
    if len(place) != len(a) or sorted(a) != sorted(b):
        raise ValueError("the two orders must list the same ids, each once")
    return kendall_tau([place[chunk] for chunk in b])


def overlap_at(a: Sequence[str], b: Sequence[str], k: int = 5) -> float | None:
    """The share (0..1) of the first k of `a` that is among the first k of `b`; None when `a` is empty."""
    top = set(a[:k])
    return len(top & set(b[:k])) / len(top) if top else None


@dataclass(frozen=True, slots=True)
class OrderCheck:
    """How often a reranker that should have run left the order as it was.

    `questions` are those with at least two candidates on which a scorer was applied.
    """

    questions: int
    unchanged: int

    @property
    def phantom(self) -> bool:
        """Before and after identical throughout, on `PHANTOM_FROM` questions or more: the reranker did nothing, or
        never ran."""
        return self.questions >= PHANTOM_FROM and self.unchanged == self.questions

    @property
    def too_few(self) -> bool:
        """Before and after identical throughout, on too few questions to call the reranker a phantom."""
        return 0 < self.questions == self.unchanged < PHANTOM_FROM


def check_order(records: Iterable[QuestionRecord]) -> OrderCheck:
    """Look for a phantom reranker. Questions where scoring was skipped or failed said so already and are left out."""
    asked = [r for r in records if r.status in ("applied", "fallback") and len(r.candidates) > 1]
    same = [r for r in asked if [c.rank_before for c in r.candidates] == sorted(c.rank_before for c in r.candidates)]
    return OrderCheck(len(asked), len(same))
