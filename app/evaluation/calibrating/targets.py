"""What a person wants of the gate, and the thresholds that give it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain import GatePolicy
from app.errors import UsageError
from app.evaluation.records import QuestionRecord
from app.evaluation.thresholds import (
    Proposal,
    Target,
    best_f1,
    false_answers_at_most,
    precision_at_least,
    relevant_lost_at_most,
    with_proposal,
)

_NAMES: dict[str, Target] = {
    "f1": "best_f1", "precision": "precision", "false-answers": "false_answers", "lost": "relevant_lost",
}  # fmt: skip
_TARGET = re.compile(r"(f1|precision|false-answers|lost)(?:=(\d*\.?\d+))?")
_HINT = "One of: f1, precision=0.8, false-answers=0.1, lost=0.05 (shares between 0 and 1)."


@dataclass(frozen=True, slots=True)
class Wanted:
    """A target with its share (0..1); None for the best F1."""

    target: Target
    share: float | None


def parse_target(text: str) -> Wanted:
    """`precision=0.8` and the like. Raises UsageError.

    >>> parse_target("lost=.05")
    Wanted(target='relevant_lost', share=0.05)
    """
    match = _TARGET.fullmatch(text.strip())
    if match is None or (match[1] == "f1") != (match[2] is None):
        raise UsageError(f"--target {text} is no target.", hint=_HINT)
    share = None if match[2] is None else float(match[2])
    if share is not None and not 0.0 < share < 1.0:
        raise UsageError(f"--target {text}: {match[2]} is not between 0 and 1.", hint=_HINT)
    return Wanted(_NAMES[match[1]], share)


def propose(
    records: Sequence[QuestionRecord], policy: GatePolicy, wanted: Sequence[Wanted]
) -> tuple[GatePolicy, tuple[Proposal, ...]]:
    """The policy with each target's threshold, in the order given; what cannot be reached changes nothing.

    answer_above is set first: precision and F1 are those of the questions it lets through.
    """
    found = []
    for one in sorted(wanted, key=lambda w: w.target != "false_answers"):
        proposal = _proposal(records, policy, one)
        policy = with_proposal(policy, proposal)
        found.append(proposal)
    return policy, tuple(found)


def _proposal(records: Sequence[QuestionRecord], policy: GatePolicy, wanted: Wanted) -> Proposal:
    if wanted.share is None:
        return best_f1(records, policy)
    by_target = {
        "precision": lambda share: precision_at_least(records, policy, share),
        "false_answers": lambda share: false_answers_at_most(records, share),
        "relevant_lost": lambda share: relevant_lost_at_most(records, share),
    }
    return by_target[wanted.target](wanted.share)
