"""Splitting a question set by document: nothing that calibration has seen is in the test part.

Questions that share a relevant document, a named source, what they are asked within, or their very words hang
together, and what hangs together (a connected component) goes to one side as a whole. The side is a hash of the
component's name, its smallest key that says what was asked or labelled and not where a library keeps it, so it is the
same on every machine and after a document was cut anew. Shares are therefore met roughly; what came out is reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.evaluation.questions.locate import letters
from app.evaluation.questions.model import LabelledQuestion, QuestionSet, Side
from app.evaluation.questions.resolve import Resolution


@dataclass(frozen=True, slots=True)
class Split:
    """A set with the side of every question, and what the split came to.

    `sides` and `unanswerable` count questions and unanswerable ones a side; `components` is how many groups could be
    told apart, `largest` the share (0..1) of questions in the largest: near 1, no split without a leak exists.
    """

    questions: QuestionSet
    sides: Mapping[Side, int]
    unanswerable: Mapping[Side, int]
    components: int
    largest: float

    @property
    def test_share(self) -> float:
        """The share of questions on the test side, 0..1."""
        total = sum(self.sides.values())
        return self.sides["test"] / total if total else 0.0


def split(
    questions: QuestionSet, *, test_share: float = 0.5, resolution: Resolution | None = None, seed: str = ""
) -> Split:
    """Give every question a side. With a `resolution` the documents of the library count too, whatever a label calls
    them; without it only what the labels themselves name. `seed` is any text; another one gives another split.

    Raises ValueError unless 0 <= test_share <= 1.
    """
    if not 0 <= test_share <= 1:
        raise ValueError(f"test_share is 0 to 1, not {test_share}")
    keys = _all_keys(questions, resolution)
    groups = _components(keys)
    sides: list[Side] = ["test"] * len(keys)
    sizes: list[int] = []
    for members in groups:
        side = _side(_name(keys, members), test_share, seed)
        sizes.append(len(members))
        for member in members:
            sides[member] = side
    marked = tuple(replace(q, split=side) for q, side in zip(questions.questions, sides, strict=True))
    return Split(
        QuestionSet(questions.name, marked),
        {side: sides.count(side) for side in ("calibration", "test")},
        {side: sum(q.split == side and q.answerable is False for q in marked) for side in ("calibration", "test")},
        len(groups),
        max(sizes, default=0) / max(1, len(keys)),
    )


def linked(questions: QuestionSet, *, resolution: Resolution | None = None) -> dict[str, str]:
    """Question id -> the name of the group it belongs to: what no fit may see a part of."""
    keys = _all_keys(questions, resolution)
    found: dict[str, str] = {}
    for members in _components(keys):
        name = _name(keys, members)
        found.update((questions.questions[member].id, name) for member in members)
    return found


def keys_of(question: LabelledQuestion, units: Sequence[str] = ()) -> tuple[str, ...]:
    """What a question has in common with others of its side: its words, its sources, and of what is relevant to it
    the documents (single rows of a file of records), chunks and quotes as labels name them, and `units`, the documents
    they were located in. Beside a chunk the document only says where to look once the chunk is gone: where the library
    has been asked, `units` knows better, because the whole file of a record links all its records. What was judged not
    relevant links nothing.

    A scope is part of the words. Documents that it names link; where conditions narrow it, only the same scope does. A
    scope of conditions alone links nothing: it may be half of the library.
    """
    said = " ".join([*(turn.text for turn in question.history), question.text])
    scope = question.scope
    found = [f"words {_folded(said)}" + ("" if scope.everything else f" {scope.key}")]
    if scope.documents and scope.where:
        found.append(f"scope {scope.key}")
    elif scope.documents:
        found += [f"document {_folded(name)}" for name in scope.documents]
    found += [f"source {_folded(source)}" for source in question.sources]
    for label in question.positives:
        if label.document is not None and not (label.chunk is not None and units):
            found.append(f"document {_folded(label.document)}" + ("" if label.row is None else f"#{label.row}"))
        if label.chunk is not None:
            found.append(f"chunk {label.chunk}")
        if label.quote is not None:
            found.append(f"quote {letters(label.quote)}")
    return (*found, *(f"unit {unit}" for unit in units))


def _all_keys(questions: QuestionSet, resolution: Resolution | None) -> list[tuple[str, ...]]:
    units = {} if resolution is None else {r.question.id: r.units for r in resolution.questions}
    return [keys_of(question, units.get(question.id, ())) for question in questions.questions]


def _name(keys: Sequence[Sequence[str]], members: Sequence[int]) -> str:
    """Of what hangs together. Ids of chunks and documents hang on where files lie; every question has its words."""
    return min(key for member in members for key in keys[member] if not key.startswith(("chunk ", "unit ")))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _side(key: str, test_share: float, seed: str) -> Side:
    digest = hashlib.sha256(f"{seed}\0{key}".encode("utf-8", errors="surrogatepass")).digest()
    return "test" if int.from_bytes(digest[:8], "big") / 2**64 < test_share else "calibration"


def _components(keys: Sequence[Sequence[str]]) -> list[list[int]]:
    """Indices of questions that are linked by keys, directly or over others (union-find)."""
    parent = list(range(len(keys)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[str, int] = {}
    for index, own in enumerate(keys):
        for key in own:
            parent[root(index)] = root(first.setdefault(key, index))
    groups: dict[int, list[int]] = {}
    for index in range(len(keys)):
        groups.setdefault(root(index), []).append(index)
    return list(groups.values())
