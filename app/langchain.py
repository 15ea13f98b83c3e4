"""The LangChain shapes: a gated retriever, and a compressor that gates any other retriever's documents.

Each document's metadata carries the scores, both ranks, the decision and its reason under "sluice".
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun, Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from app.domain import Candidate, Chunk, Decision, GateResult, LibraryInfo, Question, Retrieved
from app.pipeline import GateChoice, Options
from app.stages import gate as gate_stage
from app.stages.context import passage_cost
from app.stages.score import score
from app.wiring import Sluice, build

_NO_LIBRARY = LibraryInfo(name="", generation=0, documents=0, chunks=-1, embedder_id="")


class SluiceRetriever(BaseRetriever):
    """Retrieves from a Sluice library and returns what the gate admits; [] when it refuses the question.

    `all_candidates=True` returns every candidate in the order after scoring, for looking at the decisions.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    sluice: Sluice = Field(default_factory=build)
    options: Options
    all_candidates: bool = False

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        pipeline = self.sluice.pipeline
        judged = pipeline.judge_question(Question(query, query), self.options)
        result = pipeline.decide(judged, self.options.gate)
        return [_document(d, result) for d in (result.decisions if self.all_candidates else result.admitted)]


class SluiceCompressor(BaseDocumentCompressor):
    """Reranks and gates documents of any retriever. No library is involved, so p comes from the score-only map.

    The documents' order counts as the order before. Empty in, empty out; [] when the gate refuses.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    sluice: Sluice = Field(default_factory=build)
    reranker: str = "auto"
    gate: GateChoice = Field(default_factory=GateChoice)
    token_budget: int = 6000
    all_candidates: bool = False

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """The admitted documents, best first, rescued ones last. RERANKER_POLICY says what a failing scorer does."""
        if not documents:
            return []
        chunks = [_chunk(document, n) for n, document in enumerate(documents)]
        options = self.sluice.options(reranker=self.reranker, gate=self.gate)
        retrieved = Retrieved(
            candidates=tuple(Candidate(chunk, rank) for rank, chunk in enumerate(chunks, 1)),
            mode=options.retrieval,
            k=len(chunks),
            library=_NO_LIBRARY,
            lexical_available=False,
        )
        scoring = score(
            query,
            retrieved,
            requested=options.reranker,
            open_judge=self.sluice.open_judge,
            policy=options.reranker_policy,
            fallback=options.reranker_fallback,
            fields=options.fields,
            early_stop=options.early_stop,
            skip_margin=options.skip_margin,
        )
        result = gate_stage.decide(
            scoring.scored,
            self.gate.over(scoring.defaults, token_budget=self.token_budget),
            run=scoring.run,
            p_answerable=scoring.p_answerable,
            cost=passage_cost,
        )
        given = {chunk.id: document for chunk, document in zip(chunks, documents, strict=True)}
        return [
            _document(d, result, given[d.scored.candidate.chunk.id])
            for d in (result.decisions if self.all_candidates else result.admitted)
        ]


def _document(decision: Decision, result: GateResult, given: Document | None = None) -> Document:
    scored = decision.scored
    chunk = scored.candidate.chunk
    verdict: dict[str, Any] = {
        "chunk_id": chunk.id,
        "raw_score": scored.raw_score,
        "p": scored.p,
        "p_answerable": result.p_answerable,
        "rank_before": scored.candidate.rank_before,
        "rank_after": scored.rank_after,
        "decision": decision.kind.value,
        "reason": decision.reason,
        "outcome": result.outcome,
    }
    if given is not None:
        return Document(id=given.id, page_content=given.page_content, metadata={**given.metadata, "sluice": verdict})
    place = {"title": chunk.title, "section": list(chunk.section), "page": chunk.page, "document": chunk.document_id}
    return Document(id=chunk.id, page_content=chunk.text, metadata={**chunk.metadata, **place, "sluice": verdict})


def _chunk(document: Document, ordinal: int) -> Chunk:
    """A LangChain document as a chunk; its id holds its place, so that equal texts stay two candidates."""
    text = document.page_content
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    scalars = {k: v for k, v in document.metadata.items() if isinstance(v, str | int | float | bool)}
    return Chunk(
        id=f"{ordinal}-{digest}",
        document_id=str(document.id or ordinal),
        text=text,
        title=str(document.metadata.get("title", "")),
        ordinal=ordinal,
        tokens=0,
        metadata=scalars,
    )
