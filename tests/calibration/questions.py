"""Small candidate sets with numbers one can work out by hand, for the tests beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.calibration.observed import Kind, Observation
from app.domain import Candidate, LibraryInfo, Retrieved
from tests.fakes import INFO, chunk

LEVEL = 0.2
LIBRARY: LibraryInfo = replace(INFO, floor=(0.1, LEVEL, 0.9))  # the median is .2: one answered question is no worry


def retrieved(
    cosines: Sequence[float | None],
    shares: Sequence[float | None] | None = None,
    *,
    matched: Sequence[frozenset[int]] | None = None,
    term_weights: Sequence[float] = (3.0, 1.0),
    lexical: bool = True,
    library: LibraryInfo = LIBRARY,
) -> Retrieved:
    """Candidates c0, c1, ... in retrieval order."""
    count = len(cosines)
    shares = [None] * count if shares is None else shares
    sets = [frozenset[int]()] * count if matched is None else matched
    return Retrieved(
        candidates=tuple(
            Candidate(chunk(f"c{i}"), i + 1, cosine=cosines[i], bm25_share=shares[i], matched=sets[i])
            for i in range(count)
        ),
        mode="hybrid",
        k=20,
        library=library,
        term_weights=tuple(term_weights) if lexical else (),
        lexical_available=lexical,
    )


def observation(
    group: str, raw: Sequence[float], relevant: Sequence[bool], kind: Kind = "answerable", *, best: float = 0.8
) -> Observation:
    """A question whose evidence falls with rank from the cosine `best`."""
    count = len(raw)
    found = retrieved(
        [best - 0.05 * i for i in range(count)],
        [max(0.0, best - 0.1 * i) for i in range(count)],
        matched=[frozenset({0, 1}) if i == 0 else frozenset({1}) for i in range(count)],
    )
    return Observation(group, kind, found, tuple(relevant), tuple(raw))
