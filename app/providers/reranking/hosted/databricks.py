"""Databricks' reranker: a query of a vector search index of one's own, filtered to the candidates' keys.

It takes no passages: it reranks rows of its index by the columns it is told (`columns_to_rerank`), at most fifty. The
scale of the score it returns is not published, so the order of the rows is taken and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from app.domain import Scale, ScorerId, ScorerProfile
from app.errors import SettingsError
from app.metering import paid_to
from app.providers.reranking.hosted.answer import OffAnswer
from app.providers.reranking.hosted.index import IndexScorer, IndexWire
from app.providers.reranking.hosted.service import elsewhere, reached
from app.settings import Settings

_MOST = 50
_INDEX = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


def rows_of(answer: object, field: str) -> list[tuple[object, object]]:
    """Keys with minus their rank, from the order of the rows. Raises OffAnswer.

    >>> answer = {"manifest": {"columns": [{"name": "id"}, {"name": "score"}]}, "result": {"data_array": [["b", 0.9]]}}
    >>> rows_of(answer, "id")
    [('b', -1.0)]
    """
    manifest = answer.get("manifest") if isinstance(answer, Mapping) else None
    result = answer.get("result") if isinstance(answer, Mapping) else None
    columns = manifest.get("columns") if isinstance(manifest, Mapping) else None
    names = [c.get("name") for c in columns if isinstance(c, Mapping)] if isinstance(columns, list) else []
    if field not in names or not isinstance(result, Mapping):
        raise OffAnswer(f"no column {field}")
    found = result.get("data_array", [])  # left out where nothing was found
    place = names.index(field)
    if not isinstance(found, list) or not all(isinstance(row, list) and len(row) == len(names) for row in found):
        raise OffAnswer("rows that do not fit their columns")
    return [(row[place], -float(rank)) for rank, row in enumerate(found, 1)]


def open_scorer(model: str, settings: Settings) -> IndexScorer:
    """The scorer of an index, named `catalog.schema.index`. Asks nothing yet."""
    base, field = settings.databricks_base_url, settings.databricks_row_key
    columns = [name.strip() for name in settings.databricks_columns.split(",") if name.strip()]
    if base is None:
        raise SettingsError(
            "Databricks needs the address of a workspace.", hint="Set DATABRICKS_BASE_URL in .env or the environment."
        )
    if not _INDEX.fullmatch(model) or not columns:
        raise SettingsError(
            "RERANKER=databricks: takes the name of an index, and DATABRICKS_COLUMNS those of columns.",
            hint="For example: RERANKER=databricks:main.manuals.chunks",
        )

    def body(question: str, keys: Sequence[str]) -> dict[str, object]:
        return {
            "columns": [field],
            "query_text": question,
            "query_type": "HYBRID",
            "num_results": len(keys),
            "filters_json": json.dumps({field: list(keys)}, ensure_ascii=False),
            "reranker": {"model": "databricks_reranker", "parameters": {"columns_to_rerank": columns}},
        }

    return IndexScorer(
        reached("Databricks", "DATABRICKS", settings, base_url=base, key=settings.databricks_api_key),
        IndexWire(f"/api/2.0/vector-search/indexes/{model}/query", body, lambda answer: rows_of(answer, field)),
        ScorerProfile(
            ScorerId("databricks", model, elsewhere(base), "order", template="+".join(columns)),
            label=f"Databricks {model}",
            scale=Scale.RANK_ONLY,
            pointwise=False,
            reads=(field,),
        ),
        most=_MOST,
        paid_to=paid_to(base, "databricks"),
        seconds=settings.reranker_timeout,
    )
