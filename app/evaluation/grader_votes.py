"""The grader's agreement with a person: pairs of answers of which the votes prefer one, graded both.

A blind vote for one of two answers is a pair. A thumb up and a thumb down are one too, on the same question where there
are such, else the newest with the newest. Every thumb is in one pair at most, so that pairs are independent and
Wilson's interval holds. Votes on refusals, and blind votes without a preference, say nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.evaluation.grader import Answered, Grade, Grader, shown
from app.evaluation.intervals import Estimate, share_interval
from app.evaluation.votes import Vote

MOST_PAIRS = 40  # four calls a pair at most


@dataclass(frozen=True, slots=True)
class VotedPair:
    """A person prefers `better` to `worse`."""

    better: Answered
    worse: Answered


@dataclass(frozen=True, slots=True)
class Agreement:
    """`pairs` there were; `alike` are those that the grader orders as the person did, `equal` those it grades the same,
    `not_graded` those of which an answer was not graded. The rest it orders the other way."""

    pairs: int
    alike: int
    equal: int
    not_graded: int

    @property
    def share(self) -> Estimate | None:
        """Of the pairs that it tells apart, the share ordered alike, 0..1, by chance .5; None where there are none."""
        return share_interval(self.alike, self.pairs - self.equal - self.not_graded)


def voted_pairs(votes: Iterable[Vote], *, most: int = MOST_PAIRS) -> tuple[VotedPair, ...]:
    """The pairs of a library's votes (oldest first), blind votes before thumbs, newest first, at most `most`. The last
    thumb on the same answer to the same question counts."""
    blind: dict[frozenset[Answered], VotedPair] = {}
    thumbs: dict[Answered, int] = {}
    for vote in votes:
        if vote.kind == "blind" and vote.blind is not None:
            one, two = _answered(vote.blind.first_trace), _answered(vote.trace)
            if one is not None and two is not None and one != two:
                sides = frozenset((one, two))
                blind.pop(sides, None)  # the last vote on the same two wins
                if vote.blind.choice in ("first", "second"):
                    blind[sides] = VotedPair(one, two) if vote.blind.choice == "first" else VotedPair(two, one)
        elif vote.kind == "answer" and (answered := _answered(vote.trace)) is not None:
            thumbs.pop(answered, None)
            thumbs[answered] = vote.value
    return (*reversed(blind.values()), *_of_thumbs(thumbs))[:most]


def agreement(pairs: Iterable[VotedPair], grader: Grader) -> Agreement:
    """Grade both answers of each pair. The order goes by the mean of faithfulness and relevance, by relevance alone
    where an answer makes no claim. Raises ProviderError when the grader keeps failing."""
    alike = equal = not_graded = there = 0
    for pair in pairs:
        there += 1
        better, worse = (_worth(grader.grade(answered)) for answered in (pair.better, pair.worse))
        if better is None or worse is None:
            not_graded += 1
        elif better == worse:
            equal += 1
        else:
            alike += better > worse
    return Agreement(there, alike, equal, not_graded)


def _worth(grade: Grade) -> float | None:
    known = [value for value in (grade.faithful, grade.relevant) if value is not None]
    return sum(known) / len(known) if known else None


def _of_thumbs(thumbs: Mapping[Answered, int]) -> list[VotedPair]:
    newest = list(thumbs)[::-1]
    up = [answered for answered in newest if thumbs[answered] > 0]
    down = [answered for answered in newest if thumbs[answered] < 0]
    pairs = []
    for same in (True, False):
        for better in list(up):
            worse = next((d for d in down if not same or _same_question(d, better)), None)
            if worse is not None:
                pairs.append(VotedPair(better, worse))
                up.remove(better)
                down.remove(worse)
    return pairs


def _same_question(one: Answered, other: Answered) -> bool:
    return " ".join(one.question.casefold().split()) == " ".join(other.question.casefold().split())


def _answered(trace: Mapping[str, Any]) -> Answered | None:
    """What a vote's trace shows; None for a refusal, or where the answer or a passage is not in it."""
    answer, context = trace.get("answer") or {}, trace.get("context") or {}
    text, chunks = answer.get("text"), context.get("chunk_ids") or ()
    by_id = {c["chunk_id"]: c for c in trace["candidates"]}
    if not text or not chunks or any(chunk not in by_id for chunk in chunks):
        return None
    passages = tuple(
        shown((by_id[c].get("title") or "", *(by_id[c].get("section") or ())), by_id[c]["text"]) for c in chunks
    )
    return Answered(str(trace["question"]["standalone"]), passages, str(text))
