"""Servers that say which model they serve, at GET /v1/models: vLLM and llama.cpp."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import ProviderRejected
from app.providers.http import HttpService
from app.providers.reranking.hosted.answer import OffAnswer, listed


@dataclass(frozen=True, slots=True)
class Served:
    """A model a server has loaded; `window` in tokens, 0 where it does not say."""

    model: str
    window: int = 0


def served_by(service: HttpService, path: str, wanted: str) -> Served:
    """The model of that name, or where none is named the only one there is.

    A server without such a list is taken at its word: `wanted`, window not known. Raises ProviderRejected where it has
    a list and the model is not on it, or none is named and the server has none or several; else what asking raises.
    """
    try:
        found = listed(service.get(path), "data")
    except ProviderRejected:
        if wanted:
            return Served(wanted)
        raise
    except OffAnswer as error:
        raise service.nonsense(str(error)) from error
    models = {str(row["id"]): row for row in found if isinstance(row.get("id"), str)}
    name = wanted or (next(iter(models)) if len(models) == 1 else "")
    if name not in models:
        there = ", ".join(sorted(models)[:5]) or "no model"
        what = f"has no model {wanted}" if wanted else "serves several models, or none"
        raise ProviderRejected(
            f"{service.service.name} {what}; it lists: {there}.",
            hint="Name one of them behind the colon in RERANKER.",
        )
    return Served(name, _window(models[name]))


def _window(row: Mapping[str, object]) -> int:
    """vLLM's `max_model_len`; llama.cpp does not say how long a passage may be."""
    length = row.get("max_model_len")
    return length if isinstance(length, int) and not isinstance(length, bool) and length > 0 else 0
