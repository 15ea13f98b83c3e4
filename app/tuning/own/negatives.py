"""What a question is trained on: its relevant passages, and which of the others may be held against it. Pure.

A candidate that nobody labelled is not known to be irrelevant: in large collections most of the best unlabelled
candidates turn out to be relevant (Y. Qu et al., RocketQA, 2021, arXiv 2010.08191: about 70 of 100 in MS MARCO). So
unlabelled ones are taken for negatives only as far as the person says:

    denoise   leave out those that hold a known answer, that are nearly a relevant passage's copy, or that a scorer puts
              above the best relevant one
    negative  take all of them
    judged    take none: only what was judged not relevant
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import pstdev

from app.tuning.groups import Group
from app.tuning.own.plan import Unlabelled
from app.tuning.variants import holds
from app.words import containment, numbers_and_names

COPY = 0.85  # token containment above which a passage says nothing beyond another (as the gate's own limit)
ABOVE = 1.0  # standard deviations above the best relevant passage, by a scorer that is no teacher


@dataclass(frozen=True, slots=True)
class Passage:
    """A candidate, as a scorer reads it. `grade` is a person's: 0 for not relevant, None where nobody judged it.
    `believed` is the raw score that negatives are denoised by; None where there is none."""

    chunk: str
    text: str
    grade: int | None
    believed: float | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """What one question can be trained on, `hard` in retrieval order. `left_out` counts candidates by reason."""

    id: str
    asked: str
    positives: tuple[str, ...]
    judged: tuple[str, ...]
    hard: tuple[str, ...]
    left_out: Mapping[str, int]


def material(
    id_: str,
    asked: str,
    passages: Sequence[Passage],
    *,
    answers: Sequence[str] = (),
    unlabelled: Unlabelled = "denoise",
    trusted: bool = False,
) -> Material:
    """Sort a question's candidates (in retrieval order) into positives and negatives. `trusted`: the scores are a
    teacher's, so that anything above the best relevant passage is left out; else it must be well above."""
    positives = tuple(p.text for p in passages if p.grade)
    judged = tuple(p.text for p in passages if p.grade == 0)
    left_out: Counter[str] = Counter()
    hard: list[str] = []
    limit = _limit(passages, trusted)
    for passage in passages:
        if passage.grade is not None:
            continue
        why = _why_not(passage, positives, answers, limit, unlabelled)
        if why:
            left_out[why] += 1
        else:
            hard.append(passage.text)
    return Material(id_, asked, positives, judged, tuple(hard), dict(left_out))


def groups_of(
    found: Sequence[Material], *, rounds: int, negatives: int, pointwise: bool, seed: int, most_positives: int = 3
) -> list[Group]:
    """Training groups: each question once a round, every round with other negatives, nearer ones more often. Questions
    without a relevant passage take part where `pointwise`: a list without one cannot be put into order."""
    groups = []
    for turn in range(rounds):
        for one in found:
            rng = random.Random(f"{seed}:{turn}:{one.id}")
            positives = rng.sample(one.positives, min(most_positives, len(one.positives)))
            judged = rng.sample(one.judged, min(negatives, len(one.judged)))
            hard = _drawn(one.hard, negatives - len(judged), rng)
            if (not positives and not pointwise) or not (judged or hard):
                continue
            texts = (*positives, *judged, *hard)
            kinds = ("positive",) * len(positives) + ("judged",) * len(judged) + ("hard",) * len(hard)
            groups.append(Group("own", one.asked, texts, kinds, (), ()))
    return groups


def _why_not(
    passage: Passage, positives: Sequence[str], answers: Sequence[str], limit: float | None, unlabelled: Unlabelled
) -> str:
    if unlabelled == "judged":
        return "nobody judged it"
    if unlabelled == "negative" or not positives:
        return ""
    if holds(passage.text, [answer for answer in answers if len(answer) > 3]):
        return "holds a known answer"
    if any(_copies(passage.text, other) for other in positives):
        return "nearly a copy of a relevant passage"
    if limit is not None and passage.believed is not None and passage.believed > limit:
        return "a scorer puts it above the relevant one"
    return ""


def _limit(passages: Sequence[Passage], trusted: bool) -> float | None:
    """The raw score above which an unlabelled candidate is taken for relevant; None where there are no scores."""
    known = [p.believed for p in passages if p.believed is not None]
    best = max((p.believed for p in passages if p.grade and p.believed is not None), default=None)
    if best is None:
        return None
    return best if trusted else best + ABOVE * pstdev(known)


def _copies(text: str, other: str) -> bool:
    return containment(text, other) > COPY and numbers_and_names(text) <= numbers_and_names(other)


def _drawn(hard: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """Without repeats; the nearer half more often, but not only."""
    order = sorted(range(len(hard)), key=lambda i: rng.random() ** (1.0 + i / 10.0), reverse=True)
    return [hard[i] for i in order[: max(0, count)]]
