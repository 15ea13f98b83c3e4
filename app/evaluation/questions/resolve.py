"""Labels to chunks: what each label of a question set means in one library, and what could not be found there.

Nothing is dropped silently: every label has a `Located` with its state, and a question whose labels were not all found
says so (`Resolved.complete`), so that measures can leave it out or report it. A question with a scope is located within
it, and one whose scope is not there is not to be asked at all (`Resolved.within`, `all_can_be_asked`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from app.domain import Chunk
from app.evaluation.questions.locate import FOUND, SHORTEST, Locator, Match, letters
from app.evaluation.questions.model import Label, LabelledQuestion, QuestionSet, QuestionSetError
from app.evaluation.questions.names import Names
from app.evaluation.questions.within import Scopes, Within
from app.library.contents import Contents
from app.words import words

State = Literal["found", "missing", "ambiguous"]
How = Literal["chunk", "document", "row", "quote"]
MOST_PLACES = 5  # a quote that stands in more places than these tells nothing apart
_SHOWN = 10
_OUTSIDE = "it stands outside what the question is asked within"


class ScopeNotThere(QuestionSetError):
    """Questions are to be asked within something that the library does not have; the message names each."""


@dataclass(frozen=True, slots=True)
class Located:
    """What became of one label. `chunks` are chunk ids in the order of the library; several where a document is meant,
    where a quote spans neighbours, or where the same text stands there more than once. `score` (0..1) is how well a
    quote matched, also where that was too little; `note` says in words why nothing was found, or what to look at.
    `narrowed`: of a document or row only the chunks that hold an answer count."""

    label: Label
    state: State
    how: How
    chunks: tuple[str, ...] = ()
    score: float | None = None
    narrowed: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A question in one library. `grades` maps chunk ids to grades; a chunk that several labels name has the highest.
    `documents` are the ids of the documents with something relevant, sorted; `units` are what splits keep together: the
    documents, or single rows of those that are made of records. `within` is its scope in this library."""

    question: LabelledQuestion
    grades: dict[str, int]
    located: tuple[Located, ...]
    documents: tuple[str, ...]
    units: tuple[str, ...]
    within: Within = Within()

    @property
    def relevant(self) -> frozenset[str]:
        """Ids of chunks with a grade above 0."""
        return frozenset(chunk for chunk, grade in self.grades.items() if grade > 0)

    @property
    def complete(self) -> bool:
        """Whether every label was found; vacuously true without labels."""
        return all(found.state == "found" for found in self.located)

    @property
    def rankable(self) -> bool:
        """Whether ranking can be measured: something relevant is known, and nothing relevant is missing."""
        return self.complete and bool(self.relevant)


@dataclass(frozen=True, slots=True)
class Resolution:
    """A question set in one generation of a library, in the order of the set."""

    name: str
    fingerprint: str
    library: str
    generation: int
    questions: tuple[Resolved, ...]

    @property
    def labels(self) -> tuple[tuple[LabelledQuestion, Located], ...]:
        """Every label with its question."""
        return tuple((resolved.question, found) for resolved in self.questions for found in resolved.located)

    @property
    def out_of_scope(self) -> tuple[Resolved, ...]:
        """The questions whose scope is not in the library."""
        return tuple(resolved for resolved in self.questions if resolved.within.fault)

    @property
    def missing(self) -> tuple[tuple[LabelledQuestion, Located], ...]:
        """The labels that were not found, or are ambiguous, with their questions."""
        return tuple((question, found) for question, found in self.labels if found.state != "found")


def resolve(questions: QuestionSet, contents: Contents) -> Resolution:
    """Locate every label of a set in a library (read with `app.library.contents`). Never raises over a label."""
    library = _Library(contents)
    return Resolution(
        questions.name,
        questions.fingerprint,
        contents.info.name,
        contents.info.generation,
        tuple(_resolved(question, library) for question in questions.questions),
    )


def all_can_be_asked(resolution: Resolution) -> Resolution:
    """The resolution itself. Raises ScopeNotThere where the scope of a question is not in the library: asked of all of
    it instead, or left out, it would be measured as something that nobody asked."""
    faults = resolution.out_of_scope
    if not faults:
        return resolution
    asked = "1 question is" if len(faults) == 1 else f"{len(faults):,} questions are"
    told = [scope_fault(resolved) for resolved in faults[:_SHOWN]]
    more = [f"and {len(faults) - _SHOWN:,} more"] if len(faults) > _SHOWN else []
    raise ScopeNotThere(
        "\n  ".join([f"{asked} asked within something that library {resolution.library} does not have:", *told, *more]),
        hint=f"Correct within or filter; sluice questions check FILE -l {resolution.library} lists them all.",
    )


def scope_fault(resolved: Resolved) -> str:
    """A line about a question whose scope is not there."""
    text = " ".join(resolved.question.text.split())
    return f"{resolved.question.id} ({text if len(text) <= 60 else text[:57] + '...'}): {resolved.within.fault}"


class _Library:
    def __init__(self, contents: Contents) -> None:
        self.names = Names(contents)
        self.scopes = Scopes(contents, self.names)
        self.chunks = {chunk.id: chunk for chunk in contents.chunks}
        self._contents = contents
        self._found: dict[tuple[str, frozenset[str] | None], list[Match]] = {}

    def find(self, quote: str, within: frozenset[str] | None) -> list[Match]:
        """`Locator.find`; many questions quote the same paragraph."""
        if (quote, within) not in self._found:
            self._found[quote, within] = self._locator.find(quote, within)
        return self._found[quote, within]

    @cached_property
    def _locator(self) -> Locator:
        """Reads every word of the library, so only where something is quoted."""
        return Locator(self._contents.chunks)


def _resolved(question: LabelledQuestion, library: _Library) -> Resolved:
    within = library.scopes.find(question.scope)
    located = tuple(_located(label, question.answers, library, within.chunks) for label in question.relevant)
    grades: dict[str, int] = {}
    for found in located:
        for chunk in found.chunks if found.state == "found" else ():
            grades[chunk] = max(found.label.grade, grades.get(chunk, 0))
    relevant = [library.chunks[chunk] for chunk, grade in grades.items() if grade > 0]
    return Resolved(
        question,
        grades,
        located,
        tuple(sorted({chunk.document_id for chunk in relevant})),
        tuple(sorted({unit_of(chunk) for chunk in relevant})),
        within,
    )


def unit_of(chunk: Chunk) -> str:
    """What a split keeps together: the document, or the row of a document that is made of records."""
    row = chunk.metadata.get("row")
    return chunk.document_id if row is None else f"{chunk.document_id}#{row}"


def _located(label: Label, answers: Sequence[str], library: _Library, scope: frozenset[str] | None) -> Located:
    if label.chunk is not None and label.chunk in library.chunks:
        if scope is not None and label.chunk not in scope:
            return Located(label, "missing", "chunk", note=_OUTSIDE)
        return Located(label, "found", "chunk", (label.chunk,))
    gone = "" if label.chunk is None else f"chunk {label.chunk} is not in the library"
    if label.quote is not None:
        found = _quoted(label, label.quote, answers, library, scope)
        return found if found.state == "found" or not gone else _with_note(found, gone)
    if label.document is not None and label.chunk is None:
        return _whole(label, label.document, answers, library, scope)
    return Located(label, "missing", "chunk", note=f"{gone}; it may have been cut anew since: label it with a quote")


def _whole(label: Label, name: str, answers: Sequence[str], library: _Library, scope: frozenset[str] | None) -> Located:
    how: How = "document" if label.row is None else "row"
    chunks, note = library.names.chunks(name, label.row)
    if not chunks:
        return Located(label, "ambiguous" if note.startswith("several") else "missing", how, note=note)
    chunks = tuple(chunk for chunk in chunks if scope is None or chunk.id in scope)
    if not chunks:
        return Located(label, "missing", how, note=_OUTSIDE)
    kept = holding_answers(chunks, answers) if label.grade > 0 else chunks
    return Located(label, "found", how, tuple(c.id for c in kept), narrowed=len(kept) < len(chunks))


def _quoted(
    label: Label, quote: str, answers: Sequence[str], library: _Library, scope: frozenset[str] | None
) -> Located:
    size = len(letters(quote))
    if size < SHORTEST:
        note = f"the quote has {size} letters; quote at least a few words ({SHORTEST} letters)"
        return Located(label, "ambiguous", "quote", note=note)
    within = scope
    if label.document is not None:
        chunks, note = library.names.chunks(label.document, label.row)
        if not chunks:
            return Located(label, "ambiguous" if note.startswith("several") else "missing", "quote", note=note)
        within = frozenset(chunk.id for chunk in chunks if scope is None or chunk.id in scope)
        if not within:
            return Located(label, "missing", "quote", note=_OUTSIDE)
    matches = library.find(quote, within)
    if not matches:
        return Located(label, "missing", "quote", score=0.0, note="no passage shares a word with the quote")
    best = matches[0].score
    if best < FOUND:
        nearest = ", ".join(chunk.id for chunk in matches[0].chunks)
        note = f"the nearest passage agrees to {best:.0%} only ({nearest} of {matches[0].chunks[0].title!r})"
        return Located(label, "missing", "quote", score=best, note=note)
    figures = _figures(quote)
    right = [match for match in matches if figures <= _figures(" ".join(c.text for c in match.touched))]
    if not right:
        there = _figures(" ".join(c.text for c in matches[0].touched))
        note = f"the nearest passage has other figures: {', '.join(sorted(figures - there))} is not in it"
        return Located(label, "missing", "quote", score=best, note=note)
    if len(right) > MOST_PLACES:
        note = f"the quote stands in {len(right)} places or more; quote more of the passage, or name its document"
        return Located(label, "ambiguous", "quote", score=best, note=note)
    kept: dict[str, None] = {}
    cut = False
    for match in right:
        chunks = holding_answers(match.chunks, answers) if label.grade > 0 else match.chunks
        cut = cut or len(chunks) < len(match.chunks)
        kept.update(dict.fromkeys(chunk.id for chunk in chunks))
    note = f"the same text stands in {len(right)} places" if len(right) > 1 else ""
    return Located(label, "found", "quote", tuple(kept), score=best, narrowed=cut, note=note)


def holding_answers(chunks: Sequence[Chunk], answers: Sequence[str]) -> tuple[Chunk, ...]:
    """Of several chunks those that hold an answer word for word; all where none does, or nothing is to be told apart.

    Yes and no are in every passage and nobody's evidence, so they do not count. As `relevant_chunks` of
    `app.tuning.calibration_observe` does it, but on whole words ("no" is not in "known").
    """
    wanted = [" ".join(words(answer)) for answer in answers]
    wanted = [f" {answer} " for answer in wanted if answer and answer not in ("yes", "no")]
    if not wanted or len(chunks) < 2:
        return tuple(chunks)
    texts = [f" {' '.join(words(chunk.text))} " for chunk in chunks]
    holding = tuple(c for c, text in zip(chunks, texts, strict=True) if any(answer in text for answer in wanted))
    return holding or tuple(chunks)


def _figures(text: str) -> frozenset[str]:
    return frozenset(word for word in words(text) if any(char.isdecimal() for char in word))


def _with_note(found: Located, note: str) -> Located:
    return Located(found.label, found.state, found.how, score=found.score, note=f"{note}; by its quote: {found.note}")
