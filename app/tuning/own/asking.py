"""The labelled questions asked of the library: what is found, where the relevant passages are, what a scorer reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from app.domain import Chunk
from app.errors import UsageError
from app.evaluation.labels import Passages, passages_of
from app.evaluation.plan import Asking
from app.evaluation.questions.model import LabelledQuestion, QuestionSet
from app.evaluation.questions.resolve import Resolved, all_can_be_asked, resolve
from app.evaluation.questions.split import linked
from app.library.contents import Contents, read_contents
from app.pipeline import Found, Options
from app.stages.fields import passage_text

DEPTH = 100  # candidates to mine in, and to ask what retrieval misses


@dataclass(frozen=True, slots=True)
class Question:
    """A labelled question in the library. `group` is what no part may share. `judged` maps chunk ids to grades, 0 for
    those judged not relevant."""

    passages: Passages
    group: str
    judged: Mapping[str, int]

    @property
    def labelled(self) -> LabelledQuestion:
        return self.passages.question

    @property
    def id(self) -> str:
        return self.labelled.id


@dataclass(frozen=True, slots=True)
class Searched:
    """A question with its candidates: `found` as many as an answer is chosen from, `deep` up to DEPTH."""

    question: Question
    found: Found
    deep: Found

    @property
    def asked(self) -> str:
        """What the scorer reads as the question."""
        return self.found.question.standalone

    @property
    def measurable(self) -> bool:
        """Whether reranking can show here: a person judged it, and something relevant is among the candidates."""
        if self.question.labelled.weak or not self.question.passages.relevant:
            return False
        return any(self.question.passages.is_relevant(c.chunk) for c in self.found.retrieved.candidates)

    def order(self, places: tuple[int, ...] | None = None) -> tuple[str, ...]:
        """The passages of the candidates, each once, in retrieval order or in the order of these places."""
        chunks = [c.chunk for c in self.found.retrieved.candidates]
        chosen = chunks if places is None else [chunks[i] for i in places]
        return tuple(dict.fromkeys(self.question.passages.passage_of(chunk) for chunk in chosen))


@dataclass(frozen=True, slots=True)
class Asked:
    """The library, and the questions that can be asked of it. `left_out` counts the others, and says why."""

    contents: Contents
    options: Options
    questions: tuple[Question, ...]
    left_out: Mapping[str, int]
    chunks: Mapping[str, Chunk]

    def text(self, chunk: Chunk) -> str:
        """What a scorer reads of a chunk."""
        return passage_text(chunk, self.options.fields)


def locate(sluice: Asking, questions: QuestionSet, *, library: str | None, reranker: str | None) -> Asked:
    """Find every label in the library. Undecided questions, and those whose labels are not all found, are left out.

    Raises UsageError where nothing is left, ScopeNotThere, LibraryNotFound.
    """
    options = sluice.options(library=library, reranker=reranker, reranker_policy="required")
    options = replace(options, early_stop=0, skip_margin=None)
    contents = read_contents(sluice.settings.libraries_dir, options.library)
    decided = QuestionSet(questions.name, tuple(q for q in questions.questions if q.answerable is not None))
    resolution = all_can_be_asked(resolve(decided, contents))
    groups = linked(decided, resolution=resolution)
    left_out: Counter[str] = Counter({"undecided": len(questions.questions) - len(decided.questions)})
    usable = []
    for resolved in resolution.questions:
        why = _why_not(resolved)
        if why:
            left_out[why] += 1
            continue
        usable.append(Question(passages_of(resolved), groups[resolved.question.id], dict(resolved.grades)))
    if not usable:
        raise UsageError(
            f"{questions.name} has no question whose labels are in library {options.library}.",
            hint=f"sluice questions check FILE -l {options.library} says what was not found.",
        )
    known = {why: count for why, count in left_out.items() if count}
    return Asked(contents, options, tuple(usable), known, {chunk.id: chunk for chunk in contents.chunks})


def search(sluice: Asking, asked: Asked, tick: Callable[[int], None]) -> Iterator[Searched]:
    """Search for every question; those that find nothing are passed over."""
    for number, question in enumerate(asked.questions, 1):
        options = question.passages.within(asked.options)
        alone, timings, used = sluice.pipeline.stand_alone(question.labelled.text, history=question.labelled.history)
        found = sluice.pipeline.search(alone, options, timings=timings, used=used)
        deep = sluice.pipeline.search(alone, replace(options, candidates=max(DEPTH, options.candidates)))
        tick(number)
        if found.retrieved.candidates:
            yield Searched(question, found, deep)


def _why_not(resolved: Resolved) -> str:
    if resolved.question.answerable is False:
        return ""
    if not resolved.question.positives:
        return "nothing is labelled relevant"
    return "" if resolved.rankable else "a label was not found in the library"
