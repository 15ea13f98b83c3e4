"""From located labels to passages: what counts as one passage when a question's ranking is measured. Pure.

A label is one passage, found at the best of its chunks: a quote that runs over the end of a chunk, or stands in the
library twice, is found when any of them is. Labels that share a chunk are one passage with the higher grade. Where a
question's labels name whole documents or rows, the other candidates count by document or row as well, so that ten
chunks of one wrong document are one wrong passage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.domain import Chunk, Filter
from app.evaluation.questions.model import LabelledQuestion
from app.evaluation.questions.resolve import Located, Resolved, unit_of
from app.pipeline import Options


@dataclass(frozen=True, slots=True)
class Passages:
    """A question with its labels as passages. `relevant` grades passages; it is empty where ranking cannot be measured:
    nothing is labelled, or a label was not found (`located` says which). `where` is its scope, as it is searched with.
    """

    question: LabelledQuestion
    relevant: Mapping[str, int]
    located: tuple[Located, ...] = ()
    where: Filter = ()
    _named: Mapping[str, str] = field(default_factory=dict)
    _by_unit: bool = False

    def passage_of(self, chunk: Chunk) -> str:
        """The name of the passage this chunk belongs to."""
        named = self._named.get(chunk.id)
        if named is not None:
            return named
        return unit_of(chunk) if self._by_unit else chunk.id

    def within(self, options: Options) -> Options:
        """These options within the question's scope."""
        return replace(options, where=(*options.where, *self.where)) if self.where else options

    def is_relevant(self, chunk: Chunk) -> bool:
        return self.passage_of(chunk) in self.relevant


def passages_of(resolved: Resolved) -> Passages:
    """The passages of a question that was located in a library."""
    if not resolved.rankable:
        return Passages(resolved.question, {}, resolved.located, resolved.within.where)
    labels = [found for found in resolved.located if found.label.grade > 0]
    named: dict[str, str] = {}
    relevant: dict[str, int] = {}
    for found in labels:
        shared = dict.fromkeys(named[chunk] for chunk in found.chunks if chunk in named)
        name = next(iter(shared), found.chunks[0])
        grade = max(found.label.grade, *(relevant.pop(other) for other in shared), 0)
        relevant[name] = grade
        named = {chunk: name if other in shared else other for chunk, other in named.items()}
        named.update(dict.fromkeys(found.chunks, name))
    by_unit = all(found.how in ("document", "row") for found in labels)
    return Passages(resolved.question, relevant, resolved.located, resolved.within.where, named, by_unit)
