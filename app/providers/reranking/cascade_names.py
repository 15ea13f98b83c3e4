"""The names of cascades: `cascade:FIRST+THEN@N`. FIRST scores all candidates, THEN the N best of them.

    RERANKER=cascade:late-interaction+cohere:rerank-v3.5@10

A plus sign, because `>` would be taken by a shell for a file, and a comma separates rerankers on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from app.errors import SettingsError

KIND = "cascade"
FORM = "cascade:FIRST+THEN@N"
PASSES_ON = 10  # of twenty candidates; more than the gate lets through
_HINT = f"Write {FORM}, for example cascade:late-interaction+cohere:rerank-v3.5@10"


@dataclass(frozen=True, slots=True)
class Cascade:
    """The setting names of the two scorers, and how many candidates the second one gets."""

    first: str
    then: str
    passes_on: int


def cascade_named(name: str, kinds: Collection[str] = ()) -> Cascade | None:
    """The cascade of a setting name; None for any other name. `kinds`: names that THEN may begin with, where a plus
    sign in a path would make it doubtful. Raises SettingsError for a cascade that cannot be read.

    >>> cascade_named("cascade:late-interaction+cohere:rerank-v3.5@5")
    Cascade(first='late-interaction', then='cohere:rerank-v3.5', passes_on=5)
    >>> cascade_named("cascade:local+bundled").passes_on, cascade_named("bundled")
    (10, None)
    """
    kind, _, rest = name.partition(":")
    if kind != KIND:
        return None
    counted = re.fullmatch(r"(.+)@(\d+)", rest)
    named, count = (counted[1], int(counted[2])) if counted else (rest, PASSES_ON)
    places = [at for at, sign in enumerate(named) if sign == "+"]
    known = [at for at in places if named[at + 1 :].partition(":")[0] in kinds]
    at = (known or places or [0])[0]
    first, then = named[:at], named[at + 1 :]
    if not first or not then or count < 1:
        raise SettingsError(f"RERANKER={name} is no cascade of two rerankers.", hint=_HINT)
    for part in (first, then):
        if part == "none" or part.partition(":")[0] == KIND:
            raise SettingsError(f"RERANKER={name}: {part} cannot be a part of a cascade.", hint=_HINT)
    return Cascade(first, then, count)
