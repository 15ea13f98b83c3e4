"""Google's ranking API (Vertex AI Search, Discovery Engine): POST .../rankingConfigs/default_ranking_config:rank.

It ranks passages that are sent to it; no index of theirs is needed. Scores are 0..1, rounded to two decimals, so that
many are equal: equal ones keep the order of retrieval, as everywhere in Sluice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from app.domain import Scale, ScorerId, ScorerProfile
from app.errors import SettingsError
from app.metering import paid_to
from app.providers.reranking.hosted.answer import Row, listed
from app.providers.reranking.hosted.google_token import token_source
from app.providers.reranking.hosted.limits import Limits
from app.providers.reranking.hosted.scorer import HostedScorer, Wire
from app.providers.reranking.hosted.service import elsewhere, reached
from app.settings import Settings

_NAME = re.compile(r"[a-z0-9][a-z0-9.:-]*")  # of a project or a location: both become part of the path
_SHORT = re.compile(r"-(512|00[1-3])(@|$)")  # models that read 512 tokens of a record; later ones 1,024


def public_at(location: str) -> str:
    """The address of a location.

    >>> public_at("global"), public_at("eu")
    ('https://discoveryengine.googleapis.com', 'https://eu-discoveryengine.googleapis.com')
    """
    return f"https://{'' if location == 'global' else f'{location}-'}discoveryengine.googleapis.com"


def rows(answer: object) -> list[Row]:
    """Records are named by the text that was sent as their id: the number of the passage."""
    return [(_number(record.get("id")), record.get("score")) for record in listed(answer, "records")]


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def open_scorer(model: str, settings: Settings) -> HostedScorer:
    """The scorer of a model name. Asks nothing yet. Raises SettingsError without a project."""
    project, location, base = settings.vertex_project, settings.vertex_location, settings.vertex_base_url
    if project is None:
        raise SettingsError(
            "The ranking API needs a Google Cloud project.", hint="Set VERTEX_PROJECT in .env or the environment."
        )
    for name, value in (("VERTEX_PROJECT", project), ("VERTEX_LOCATION", location)):
        if not _NAME.fullmatch(value):
            raise SettingsError(f"{name} is no name of a project or location.", hint=f"Correct {name} in .env.")
    token = token_source(settings.vertex_access_token)

    def headers() -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token()}", "X-Goog-User-Project": project}

    def body(question: str, passages: Sequence[str]) -> dict[str, object]:
        return {
            "model": model,
            "query": question,
            "topN": len(passages),
            "records": [{"id": str(number), "content": text} for number, text in enumerate(passages)],
            "ignoreRecordDetailsInResponse": True,
        }

    limits = Limits(documents=200, document=512 if _SHORT.search(model) else 1024)
    path = f"/v1/projects/{project}/locations/{location}/rankingConfigs/default_ranking_config:rank"
    return HostedScorer(
        reached(
            "Google's ranking API",
            "VERTEX",
            settings,
            public=public_at(location),
            base_url=base,
            headers=headers,
            key_setting="VERTEX_ACCESS_TOKEN",
        ),
        Wire(path, body, rows),
        ScorerProfile(
            ScorerId("vertex", model, elsewhere(base), "relevance", precision="0.01", window=limits.document),
            label=f"Vertex AI {model}",
            scale=Scale.BOUNDED,
            pointwise=True,
        ),
        limits,
        paid_to=paid_to(base, "vertex"),
        seconds=settings.reranker_timeout,
    )
