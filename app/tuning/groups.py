"""Training groups: a question with what answers it and what only looks as if it did.

Kinds of members: "positive"; "hard" (among the hybrid top twenty: BM25 and the bi-encoder mistake it for an answer);
"easy" (any other passage of the set); "gap" (the positive without its answering sentence). A group of kind "swapped"
has no positive: its question was changed so that nothing in it answers.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from app.tuning.mining import Bm25, Floats, hybrid
from app.tuning.sources import Asked, Passage, QuestionSet, scorer_text
from app.tuning.variants import cut, holds, hurried, stands_alone, swapped, target_tokens, without_answer


@dataclass(frozen=True, slots=True)
class SetPlan:
    """How much of a set to mine, and the most groups of it to train on (None: all). `extractive`: an answer string
    in a passage means that it answers."""

    questions: int
    passages: int
    extractive: bool
    groups: int | None = None


# What two CPU cores can embed and train on in about two hours. train_squad11 is the largest set and copies words of its
# passages, so its share is capped; most of train_policyqa's questions have a positive that is kept back.
PLANS = {
    "train_covidqa": SetPlan(1400, 2400, True),
    "train_fairytaleqa": SetPlan(1500, 2000, False),
    "train_medquad": SetPlan(2000, 3500, False),
    "train_nq": SetPlan(3000, 3000, True),
    "train_policyqa": SetPlan(700, 1100, False),
    "train_selqa": SetPlan(2400, 1500, False),
    "train_squad11": SetPlan(4500, 5000, True, groups=4500),
    "train_squadshifts": SetPlan(2800, 3500, True),
    "train_tatqa": SetPlan(1600, 1600, False),
}
HARD, EASY = 3, 1  # members of a group beside the positive; a "gap" takes the place of a hard one
GAP_SHARE, SWAP_SHARE, TITLE_SHARE = 0.45, 0.25, 0.75
TOO_CLOSE = 0.08  # a hard negative whose cosine is this much above the positive's is probably an unlabelled answer


@dataclass(frozen=True, slots=True)
class Group:
    """One question's members, in parallel: texts, kinds, cosine and BM25 share of the uncut passages."""

    source: str
    question: str
    texts: tuple[str, ...]
    kinds: tuple[str, ...]
    cosine: tuple[float, ...]
    bm25_share: tuple[float, ...]

    @property
    def labels(self) -> tuple[float, ...]:
        return tuple(1.0 if kind == "positive" else 0.0 for kind in self.kinds)


def pool(source: QuestionSet, plan: SetPlan, seed: int) -> list[Passage]:
    """The passages to mine in: whole documents (titles or groups), none that is kept back, up to the plan's number."""
    documents: dict[str, list[Passage]] = {}
    for passage in source.passages.values():
        if not passage.kept_back:
            documents.setdefault(passage.group or passage.title or passage.id, []).append(passage)
    names = sorted(documents)
    random.Random(seed).shuffle(names)
    chosen: list[Passage] = []
    for name in names:
        if len(chosen) >= plan.passages:
            break
        chosen.extend(documents[name])
    return chosen


def questions(source: QuestionSet, passages: Iterable[Passage], plan: SetPlan, seed: int) -> list[Asked]:
    """Questions that stand alone (or are asked within their group) and whose positives all may be trained on."""
    have = {p.id for p in passages}
    kept = [
        q
        for q in source.questions
        if q.positives
        and any(p in have for p in q.positives)
        and not any(source.passages[p].kept_back for p in q.positives)
        and (source.scoped or stands_alone(q.text))
    ]
    random.Random(seed).shuffle(kept)
    return kept[: plan.questions]


def mine(
    source: QuestionSet, passages: Sequence[Passage], vectors: Floats, asked: Sequence[Asked], asked_vectors: Floats,
    plan: SetPlan, seed: int,
) -> Iterator[Group]:  # fmt: skip
    """Groups of one set. `vectors` and `asked_vectors` are unit vectors of `passages` and `asked`, in their order.

    Questions whose positive is not among the hybrid top twenty of the whole set are dropped: retrieval would not
    hand them to a scorer, and most of them do not say enough.
    """
    texts = [scorer_text(p.title, p.text) for p in passages]
    index = Bm25(texts)
    number = {p.id: i for i, p in enumerate(passages)}
    scopes: dict[str, list[int]] = {}
    for i, passage in enumerate(passages):
        scopes.setdefault(passage.group, []).append(i)
    for question, vector in zip(asked, asked_vectors, strict=True):
        rng = random.Random(f"{seed}:{question.id}")
        wanted = {number[p] for p in question.positives if p in number}
        scope = np.array(scopes[passages[min(wanted)].group] if source.scoped else range(len(passages)))
        lexical, ceiling = index.scores(question.text)
        cosine = vectors @ vector
        found = [int(i) for i in scope[hybrid(cosine[scope], lexical[scope], ceiling, 20).passages]]
        seen = [i for i in found if i in wanted]
        if not seen:
            continue
        positive = rng.choice(seen)
        limit = float(cosine[positive]) + TOO_CLOSE
        hard = [i for i in found if i not in wanted and cosine[i] <= limit]
        if plan.extractive:
            hard = [i for i in hard if not holds(passages[i].text, question.answers)]
        group = _group(source, passages, question, positive, hard, wanted, scope, rng)
        evidence = [(float(cosine[i]), float(lexical[i]) / max(ceiling, 1e-6)) for i in group.numbers]
        yield group.finish(evidence)
        other = swapped(question.text, passages[positive].text, rng) if rng.random() < SWAP_SHARE else None
        if other is not None and other not in question.text:
            lone = _Draft(source.name, hurried(other, rng))
            lone.add(passages[positive], "swapped", positive, question.answers, rng)
            yield lone.finish([(float(cosine[positive]), float(lexical[positive]) / max(ceiling, 1e-6))])


class _Draft:
    """A group being put together."""

    def __init__(self, source: str, question: str) -> None:
        self.source, self.question = source, question
        self.texts: list[str] = []
        self.kinds: list[str] = []
        self.numbers: list[int] = []

    def add(self, passage: Passage, kind: str, number: int, answers: Sequence[str], rng: random.Random) -> None:
        text = cut(passage.text, answers, target_tokens(rng), rng)
        self.texts.append(scorer_text(passage.title if rng.random() < TITLE_SHARE else "", text))
        self.kinds.append(kind)
        self.numbers.append(number)

    def finish(self, evidence: Sequence[tuple[float, float]]) -> Group:
        return Group(
            self.source, self.question, tuple(self.texts), tuple(self.kinds),
            tuple(round(e[0], 4) for e in evidence), tuple(round(e[1], 4) for e in evidence),
        )  # fmt: skip


def _group(
    source: QuestionSet, passages: Sequence[Passage], question: Asked, positive: int, hard: Sequence[int],
    wanted: set[int], scope: np.ndarray[tuple[int], np.dtype[np.int64]], rng: random.Random,
) -> _Draft:  # fmt: skip
    draft = _Draft(source.name, hurried(question.text, rng))
    draft.add(passages[positive], "positive", positive, question.answers, rng)
    room = HARD
    gap = without_answer(passages[positive].text, question.answers) if rng.random() < GAP_SHARE else None
    if gap is not None:
        original = passages[positive]
        draft.add(Passage(original.id, original.title, gap), "gap", positive, (), rng)
        room -= 1
    # the nearer half more often, but not only: the very top holds most of the unlabelled answers
    order = sorted(range(len(hard)), key=lambda i: rng.random() ** (1.0 / (1.0 + 4.0 / (1 + i))), reverse=True)
    for i in order[:room]:
        draft.add(passages[hard[i]], "hard", hard[i], (), rng)
    others = [int(i) for i in rng.sample(list(scope), min(len(scope), 8))]
    for i in [i for i in others if i not in wanted and i not in draft.numbers and i not in hard][:EASY]:
        draft.add(passages[i], "easy", i, (), rng)
    return draft


def write(path: Path, groups: Iterable[Group]) -> int:
    """Write groups as gzipped JSON lines, whole or not at all; returns their number."""
    count = 0
    partial = path.with_suffix(".part")
    with gzip.open(partial, "wt", encoding="utf-8") as lines:
        for group in groups:
            lines.write(json.dumps(asdict(group), ensure_ascii=False) + "\n")
            count += 1
    partial.replace(path)
    return count


def read(path: Path) -> list[Group]:
    """Read what `write` wrote."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Group(row["source"], row["question"], *(tuple(row[k]) for k in ("texts", "kinds", "cosine", "bm25_share")))
        for row in rows
    ]
