"""Which questions a shipped calibration is fitted on, and which libraries they are asked of. Pure.

Every set becomes one library of its held-out documents (see `app.tuning.split`), of which a quarter of the passages is
left out: the questions those would have answered are near misses, because the rest of their article stays in. Some
questions of the other sets are asked as well, which are off topic here.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.calibration.observed import Kind
from app.tuning.sources import Asked, Passage, QuestionSet
from app.tuning.split import bucket
from app.words import content_words

# Titles for passages that have none: they stand where a file's name would. At most as many passages as given.
FITTED: Mapping[str, tuple[str, int]] = {
    "train_squad11": ("Encyclopedia", 900),
    "train_squadshifts": ("Encyclopedia", 900),
    "train_fairytaleqa": ("Fairy tale", 400),
    "train_medquad": ("Health", 700),
    "train_nq": ("Encyclopedia", 600),
    "train_selqa": ("Encyclopedia", 400),
    "train_tatqa": ("Annual report", 400),
    "train_covidqa": ("Paper", 500),
}
ABSTENTION = "dev_squad2"  # its articles A to M: for p_answerable only
MEASURED = "dev_tatqa"  # never fitted on
LEFT_OUT = 4  # one passage in four
# train_policyqa is not used: its questions say "the website" and do not name it, as in no real library.

_POINTS_ELSEWHERE = re.compile(
    r"\b(it|its|they|them|their|he|him|his|she|her|this|these|that|those|the (author|writer|article|passage|text|"
    r"reviewer|book|product|story|poster|study|paper|company))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to a library. `relevant` and `scope` are passage ids; an empty scope is the whole library.

    `carried` are terms of an earlier question that a follow-up is searched with.
    """

    id: str
    text: str
    kind: Kind
    relevant: frozenset[str] = frozenset()
    answers: tuple[str, ...] = ()
    scope: frozenset[str] = frozenset()
    carried: tuple[str, ...] = ()

    @property
    def standalone(self) -> str:
        """What is searched for and scored: the text, with carried terms behind it as `app.stages.rewrite` puts them."""
        return f"{self.text} ({' '.join(self.carried)})" if self.carried else self.text


@dataclass(frozen=True, slots=True)
class LibraryPlan:
    """A library to build and the questions to ask it. `title` stands for passages without one. `group` is what must
    not be split between fitting and measuring; the name where it is empty. `library`: the plan whose library it is,
    where several ask the same one; empty: it has its own. `at_once`: how many questions each of its asks is made of."""

    name: str
    title: str
    passages: tuple[Passage, ...]
    asks: tuple[Ask, ...]
    for_p: bool = True
    fitted: bool = True
    group: str = ""
    library: str = ""
    at_once: int = 1


@dataclass(slots=True)
class _Chosen:
    passages: dict[str, Passage] = field(default_factory=dict)
    left_out: dict[str, Passage] = field(default_factory=dict)


def plan_fitted(sources: Sequence[QuestionSet], *, questions: int, off_topic: int, seed: int = 7) -> list[LibraryPlan]:
    """One library a training set: its held-out documents, with about `questions` of its own and `off_topic` others'."""
    chosen = {source.name: _choose(source, FITTED[source.name][1]) for source in sources}
    own = {source.name: _own_asks(source, chosen[source.name], questions, seed) for source in sources}
    plans = []
    for source in sources:
        others = [
            Ask(f"off-topic {ask.id}", ask.text, "off_topic")
            for other in sources
            if other.name != source.name and not other.scoped
            for ask in own[other.name]
        ]
        strangers = random.Random(seed).sample(others, min(off_topic, len(others)))
        passages = tuple(chosen[source.name].passages.values())
        plans.append(LibraryPlan(source.name, FITTED[source.name][0], passages, (*own[source.name], *strangers)))
    return plans


def plan_abstention(source: QuestionSet, *, questions: int, seed: int = 7) -> LibraryPlan:
    """dev_squad2's articles A to M: as many answerable questions as ones written to look so."""
    passages = {p.id: p for p in source.passages.values() if is_choosing_half(p.title)}
    answerable, lookalike = [], []
    for asked in source.questions:
        if asked.answerable and any(p in passages for p in asked.positives):
            answerable.append(_ask(asked, "answerable"))
        elif not asked.answerable and asked.extra.get("passage_id") in passages:
            lookalike.append(_ask(asked, "lookalike"))
    asks = (*sampled(answerable, questions, seed), *sampled(lookalike, questions, seed))
    return LibraryPlan(source.name, "Encyclopedia", tuple(passages.values()), asks, for_p=False)


def plan_measured(source: QuestionSet, *, questions: int, within_group: bool, seed: int = 7) -> LibraryPlan:
    """A whole set that nothing is fitted on, ranked within each question's group or over the whole corpus."""
    scopes = _groups(source.passages.values())
    asks = [
        _ask(asked, "answerable", scopes[asked.group] if within_group and asked.group else frozenset())
        for asked in source.questions
        if asked.answerable
    ]
    name = source.name + (" within context" if within_group else "")
    passages = tuple(source.passages.values())
    return LibraryPlan(
        name, "Annual report", passages, sampled(asks, questions, seed), fitted=False, library=source.name
    )


def is_choosing_half(title: str) -> bool:
    """True for the articles A to M of dev_squad2; N to Z are for reporting only."""
    return title[:1].upper() <= "M"


def stands_alone(question: str) -> bool:
    """Whether a question makes sense without its page: names enough, and does not point at something unnamed.

    >>> stands_alone("What color is it?"), stands_alone("Who painted the ceiling of the Sistine Chapel?")
    (False, True)
    """
    return len(set(content_words(question))) >= 3 and not _POINTS_ELSEWHERE.search(question)


def _choose(source: QuestionSet, most: int) -> _Chosen:
    """Whole held-out documents in a fixed shuffled order until there are `most` passages; a quarter is set aside."""
    documents: dict[str, list[Passage]] = {}
    for passage in source.passages.values():
        if passage.kept_back:
            documents.setdefault(passage.document, []).append(passage)
    chosen = _Chosen()
    for name in sorted(documents, key=lambda name: bucket(f"order {name}", 1 << 32)):
        if len(chosen.passages) + len(chosen.left_out) >= most:
            break
        for passage in documents[name]:
            away = bucket(f"left out {passage.id}", LEFT_OUT) == 0
            (chosen.left_out if away else chosen.passages)[passage.id] = passage
    return chosen


def _own_asks(source: QuestionSet, chosen: _Chosen, questions: int, seed: int) -> tuple[Ask, ...]:
    scopes = _groups(chosen.passages.values())
    asks = []
    for asked in source.questions:
        if not source.scoped and not stands_alone(asked.text):
            continue
        if source.name == "train_squadshifts" and asked.extra.get("domain") != "wiki":
            continue  # most Amazon and Reddit questions make no sense without their page
        scope = scopes.get(asked.group, frozenset()) if source.scoped else frozenset()
        if source.scoped and not scope:
            continue
        if any(p in chosen.passages for p in asked.positives):
            asks.append(_ask(asked, "answerable", scope))
        elif any(p in chosen.left_out for p in asked.positives):
            asks.append(_ask(asked, "near_miss", scope))
    return sampled(asks, questions, seed)


def _groups(passages: Iterable[Passage]) -> dict[str, frozenset[str]]:
    groups: dict[str, set[str]] = {}
    for passage in passages:
        groups.setdefault(passage.group, set()).add(passage.id)
    return {name: frozenset(ids) for name, ids in groups.items()}


def _ask(asked: Asked, kind: Kind, scope: frozenset[str] = frozenset()) -> Ask:
    relevant = frozenset(asked.positives) if kind == "answerable" else frozenset()
    return Ask(asked.id, asked.text, kind, relevant, asked.answers, scope)


def sampled(asks: Sequence[Ask], count: int, seed: int) -> tuple[Ask, ...]:
    """All of them, or a seeded sample of `count`."""
    return tuple(asks) if len(asks) <= count else tuple(random.Random(seed).sample(list(asks), count))
