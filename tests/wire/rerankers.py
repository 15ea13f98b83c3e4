"""The hosted rerankers under test, a row each. Another reranker that scores passages over HTTP is another row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain import Candidate, Chunk, LibraryInfo, Retrieved, Scale
from app.ports import Scorer
from app.providers.reranking.registry import open_scorer
from app.settings import Settings, load_settings
from tests.wire.formats import KEY
from tests.wire.rerank_checks import PROJECT, SERVED
from tests.wire.server import WireServer

QUESTION = "red planet name"
PASSAGES = ("The red planet is Mars, its name Roman.", "Jupiter is large.", "A planet.")
SHARES = (1.0, 0.0, 1 / 3)  # of the question's words in each passage
WRONG = (
    "texts",
    "short",
    "repeated",
    "far-index",
    "negative-index",
    "text-index",
    "nan",
    "infinite",
    "text-score",
    "null-score",
    "true-score",
    "no-items",
)
IN_BOUNDS = (*WRONG, "too-high", "too-low")  # what is more wrong of a scale with ends


@dataclass(frozen=True)
class Row:
    """`name` as in RERANKER; `prefix` of the server's path; `path` that is posted to; `settings` beside the address.

    `scores` for PASSAGES; `most`: passages of a call; `window`: words beyond which a passage is surely cut, 0 if that
    is not known; `billed`: what the answer for PASSAGES says was used; `wrong`: answers that must be refused.
    """

    name: str
    url_setting: str
    prefix: str
    path: str
    scores: tuple[float, ...] = SHARES
    scale: Scale = Scale.BOUNDED
    pointwise: bool = True
    most: int = 1000
    window: int = 0
    billed: Mapping[str, float] | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    wrong: Sequence[str] = IN_BOUNDS
    question: str = QUESTION
    passages: Sequence[str] = PASSAGES

    @property
    def posts_to(self) -> str:
        return f"{self.prefix}{self.path}"

    def configured(self, server: WireServer, **more: object) -> Settings:
        given = {self.url_setting: f"{server.url}{self.prefix}", "reranker_timeout": 5.0, **self.settings, **more}
        return load_settings(**given)

    def open(self, server: WireServer, **more: object) -> Scorer:
        return open_scorer(self.name, self.configured(server, **more))


def retrieved_of(passages: Sequence[str], metadata: Sequence[Mapping[str, str]] = ()) -> Retrieved:
    """Candidates with these texts, in this order, without any evidence."""
    given = metadata or [{}] * len(passages)
    chunks = [Chunk(f"c{n}", "d", text, "", n, 1, metadata=given[n]) for n, text in enumerate(passages)]
    library = LibraryInfo(name="", generation=0, documents=1, chunks=len(chunks), embedder_id="")
    candidates = tuple(Candidate(chunk, n) for n, chunk in enumerate(chunks, 1))
    return Retrieved(candidates, "hybrid", len(chunks), library, lexical_available=False)


LOGITS = (4.0, -4.0, 8 / 3 - 4)


A_SEARCH, TOKENS = {"searches": 1.0}, {"input_tokens": 16.0}  # what an answer says was used


def _row(name: str, path: str = "/v1/rerank", *, wrong: Sequence[str] = WRONG, **more: Any) -> Row:
    """A service with a key and an address of its own, played below a path of its name."""
    setting = name.partition(":")[0].replace("-", "")
    settings = {f"{setting}_api_key": KEY, **more.pop("settings", {})}
    return Row(name, f"{setting}_base_url", f"/{setting}", path, wrong=wrong, settings=settings, **more)


PASSAGE_ROWS = (
    *(
        Row(
            f"cohere:{model}",
            "cohere_base_url",
            "",
            "/v2/rerank",
            window=4096,
            billed=A_SEARCH,
            settings={"cohere_api_key": KEY},
            wrong=(),  # in test_cohere: its SDK reads the answer first
        )
        for model in ("rerank-v3.5", "rerank-v5.0-pro")
    ),
    _row("jina:jina-reranker-v2-base-multilingual", billed=TOKENS, wrong=IN_BOUNDS),
    _row(
        "jina:jina-reranker-v3",
        scores=tuple(0.7 * share - 0.1 for share in SHARES),
        scale=Scale.RANK_ONLY,
        pointwise=False,
        most=64,
        billed=TOKENS,
    ),
    _row("vllm", scores=LOGITS, scale=Scale.LOGIT, window=512, billed=TOKENS),
    _row("llama-cpp", scores=LOGITS, scale=Scale.LOGIT, billed=TOKENS),
    _row("llama-cpp:qwen3-reranker", billed=TOKENS, settings={"reranker_scale": "bounded"}, wrong=IN_BOUNDS),
    _row("litellm:my-reranker", most=100, billed=A_SEARCH, wrong=IN_BOUNDS),
    _row("voyage:rerank-2.5", window=32_000, billed={"input_tokens": 13.0}, wrong=IN_BOUNDS),
    _row("pinecone:bge-reranker-v2-m3", "/rerank", most=100, window=1024, billed=A_SEARCH, wrong=IN_BOUNDS),
    _row(f"tei:{SERVED}", "/rerank", scores=LOGITS, scale=Scale.LOGIT, most=32, window=512),
    Row(
        "vertex:semantic-ranker-default-004",
        "vertex_base_url",
        "/vertex",
        f"/v1/projects/{PROJECT}/locations/global/rankingConfigs/default_ranking_config:rank",
        scores=(1.0, 0.0001, 0.33),
        most=200,
        window=1024,
        settings={"vertex_project": PROJECT, "vertex_access_token": KEY},
    ),
)

INDEX_ROWS = (
    Row(
        "azure-search:planets/default",
        "azure_search_base_url",
        "/azure",
        "/indexes/planets/docs/search",
        scores=(4.0, 4 / 3),
        scale=Scale.ORDINAL,
        most=50,
        settings={"azure_search_api_key": KEY},
        wrong=(
            "texts",
            "repeated",
            "far-index",
            "text-index",
            "nan",
            "text-score",
            "true-score",
            "no-items",
            "too-high",
        ),
        passages=("r1", "r3"),
    ),
    Row(
        "databricks:main.space.planets",
        "databricks_base_url",
        "/databricks",
        "/api/2.0/vector-search/indexes/main.space.planets/query",
        scores=(-1.0, -2.0),
        scale=Scale.RANK_ONLY,
        pointwise=False,
        most=50,
        settings={"databricks_api_key": KEY, "databricks_columns": "title, text"},
        wrong=(),
        passages=("r1", "r3"),
    ),
)

ROWS = (*PASSAGE_ROWS, *INDEX_ROWS)
SERVICES = {row.posts_to: row for row in ROWS}.values()  # one model of each: they fail alike
