"""Azure AI Search's semantic ranker: a semantic query over an index of one's own, filtered to the candidates' keys.

It takes no passages: it reranks rows of its index, the first fifty a keyword search finds among them, by the fields of
the index's semantic configuration. Scores are 0..4 with a published meaning (4 answers the question, 0 is irrelevant)
and drift when the service's models change.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.domain import Scale, ScorerId, ScorerProfile
from app.errors import SettingsError
from app.metering import paid_to
from app.providers.reranking.hosted.answer import listed
from app.providers.reranking.hosted.index import IndexScorer, IndexWire
from app.providers.reranking.hosted.service import elsewhere, reached
from app.settings import Settings

VERSION = "2024-07-01"  # of the interface, as a parameter
_MOST = 50  # rows the semantic ranker reads
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def filter_of(field: str, keys: Sequence[str]) -> str:
    """The rows of these keys, in OData; keys are quoted, and one that holds the separator is left out.

    >>> filter_of("id", ["a", "o'b"])
    "search.in(id, 'a|o''b', '|')"
    """
    quoted = "|".join(key.replace("'", "''") for key in keys if "|" not in key)
    return f"search.in({field}, '{quoted}', '|')"


def open_scorer(model: str, settings: Settings) -> IndexScorer:
    """The scorer of an index, named `INDEX` or `INDEX/CONFIGURATION`. Asks nothing yet."""
    base, field = settings.azure_search_base_url, settings.azure_search_row_key
    if base is None:
        raise SettingsError(
            "Azure AI Search needs the address of a service.",
            hint="Set AZURE_SEARCH_BASE_URL in .env or the environment.",
        )
    index, _, configuration = model.partition("/")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", index) or not _FIELD.fullmatch(field):
        raise SettingsError(
            "RERANKER=azure-search: takes the name of an index, and AZURE_SEARCH_ROW_KEY that of a field.",
            hint="For example: RERANKER=azure-search:manuals/default",
        )

    def body(question: str, keys: Sequence[str]) -> dict[str, object]:
        asked: dict[str, object] = {
            "search": question,
            "queryType": "semantic",
            "semanticErrorHandling": "fail",  # a partial answer would pass keyword scores off as its own
            "filter": filter_of(field, keys),
            "select": field,
            "top": len(keys),
        }
        return {**asked, "semanticConfiguration": configuration} if configuration else asked

    def rows(answer: object) -> list[tuple[object, object]]:
        return [(row.get(field), row.get("@search.rerankerScore")) for row in listed(answer, "value")]

    return IndexScorer(
        reached(
            "Azure AI Search",
            "AZURE_SEARCH",
            settings,
            base_url=base,
            key=settings.azure_search_api_key,
            key_header="api-key",
        ),
        IndexWire(f"/indexes/{index}/docs/search", body, rows, {"api-version": VERSION}),
        ScorerProfile(
            ScorerId("azure-search", model, elsewhere(base), "semantic", template=field),
            label=f"Azure AI Search {model}",
            scale=Scale.ORDINAL,
            pointwise=True,
            reads=(field,),
        ),
        most=_MOST,
        paid_to=paid_to(base, "azure-search"),
        seconds=settings.reranker_timeout,
    )
