"""The scope of a question: the part of the library it is asked within, as people ask with filters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.conditions import (
    ConditionUnread,
    condition_in_words,
    condition_of,
    condition_to_dict,
    parse_condition,
    typed_condition,
)
from app.domain import Condition, Filter
from app.evaluation.questions.fields import FieldFault, texts_of, whole

SCOPE_FIELDS = ("within", "filter")
_NAMED = 3  # documents that are named in words


@dataclass(frozen=True, slots=True)
class Scope:
    """What a question is asked within: one of `documents` (an id, uri, file name or title each), and every condition of
    `where`. Without either it is the whole library."""

    documents: tuple[str, ...] = ()
    where: Filter = ()

    @property
    def everything(self) -> bool:
        """Whether it is the whole library."""
        return not self.documents and not self.where

    @property
    def key(self) -> str:
        """Equal for scopes that name the same, in whatever order; "" for the whole library."""
        if self.everything:
            return ""
        named = sorted(" ".join(name.casefold().split()) for name in self.documents)
        where = sorted(json.dumps(condition_to_dict(c), ensure_ascii=False, sort_keys=True) for c in self.where)
        return json.dumps([named, where], ensure_ascii=False)

    def __add__(self, other: Scope) -> Scope:
        """What both name, each once."""
        return Scope(
            tuple(dict.fromkeys((*self.documents, *other.documents))),
            tuple(dict.fromkeys((*self.where, *other.where))),
        )


EVERYTHING = Scope()


def scope_of(given: Mapping[str, Any]) -> Scope:
    """The scope that the fields `within` and `filter` of a row name. Raises FieldFault, also for one that is empty."""
    for name in SCOPE_FIELDS:
        if name in given and given[name] in ([], {}):
            raise FieldFault(name, "is empty, so that nothing could be found; name something, or leave the field out")
    documents = texts_of(given, "within")
    if "within" in given and not documents:
        raise FieldFault("within", "is empty; name a document, or leave the field out")
    value = given.get("filter", [])
    values = value if isinstance(value, list) else [value]
    return Scope(tuple(dict.fromkeys(documents)), tuple(dict.fromkeys(_condition(one) for one in values)))


def scope_row(scope: Scope) -> dict[str, Any]:
    """The fields of a row that `scope_of` reads; those that say nothing are left out."""
    row: dict[str, Any] = {}
    if scope.documents:
        row["within"] = list(scope.documents)
    if scope.where:
        row["filter"] = [typed_condition(c) or condition_to_dict(c) for c in scope.where]
    return row


def scope_in_words(scope: Scope) -> str:
    """`report.pdf, year 2020 or more`; "" for the whole library."""
    more = len(scope.documents) - _NAMED
    named = " or ".join(scope.documents[:_NAMED]) + (f" or {more} more" if more > 0 else "")
    return ", ".join([*([named] if named else []), *(condition_in_words(c) for c in scope.where)])


def _condition(value: object) -> Condition:
    try:
        if not isinstance(value, str):
            return condition_of(value)
        return parse_condition(whole("filter", value).strip())
    except ConditionUnread as unread:
        raise FieldFault("filter", f"{_short(value)} {unread.message} For example: {unread.example}") from None


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
