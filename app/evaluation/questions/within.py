"""The scope of a question in one library: the filter it is searched with, or why it cannot be asked there."""

from __future__ import annotations

from dataclasses import dataclass

from app.conditions import condition_in_words
from app.domain import Condition, Filter
from app.evaluation.questions.names import Names
from app.evaluation.questions.scope import Scope
from app.library.contents import Contents
from app.library.selection import Selection


@dataclass(frozen=True, slots=True)
class Within:
    """Where a question is asked: the `where` of its search and the ids of the `chunks` that it lets through (None: the
    whole library). `fault` says in words why its scope is not there; nothing may be asked then."""

    where: Filter = ()
    chunks: frozenset[str] | None = None
    fault: str = ""


class Scopes:
    """Finds scopes in one library; many questions share one."""

    def __init__(self, contents: Contents, names: Names) -> None:
        self._names = names
        self._uris = {document.id: document.uri for document in contents.documents}
        self._selection = Selection(contents)
        self._found: dict[Scope, Within] = {}

    def find(self, scope: Scope) -> Within:
        """The scope in this library. Never raises: see `Within.fault`."""
        if scope.everything:
            return Within()
        if scope not in self._found:
            self._found[scope] = self._find(scope)
        return self._found[scope]

    def _find(self, scope: Scope) -> Within:
        uris: list[str] = []
        for name in scope.documents:
            document, note = self._names.document(name)
            if document is None:
                return Within(fault=note)
            uris.append(self._uris[document])
        where = scope.where if not uris else (Condition("uri", "in", tuple(dict.fromkeys(uris))), *scope.where)
        chunks = self._selection.chunks(where)
        if chunks:
            return Within(where, chunks)
        alone = [c for c in scope.where if not self._selection.chunks((c,))]
        which = ", ".join(condition_in_words(c) for c in alone)
        return Within(fault=f"no passage has {which}" if which else "no passage meets all of its conditions at once")
