"""Late interaction: MaxSim over the embedding model's token vectors.

Each question token takes its best cosine with any passage token; the mean over the question's tokens is the score
(Khattab and Zaharia, ColBERT, SIGIR 2020). The vectors come from a model trained for whole sentences, not for MaxSim:
the scores are real, bounded by 1, close together, and mean nothing as probabilities until they are calibrated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from app.domain import Scale, Score, ScorerId, ScorerProfile
from app.ports import Vectors
from app.providers.onnx_runtime import windows_of

LABEL = "late interaction (MaxSim over the embedding model)"
OVERLAP = 32  # tokens two windows of a long passage share


class TokenEmbedder(Protocol):
    """What late interaction needs of an embedding model; `app.providers.bundled_embedding.BundledEmbedder` has it."""

    @property
    def id(self) -> str: ...

    @property
    def max_tokens(self) -> int: ...

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]: ...

    def states(self, contents: Sequence[Sequence[int]]) -> list[Vectors]: ...


class LateInteraction:
    """Pointwise and bounded. A passage longer than the window is windowed and the maximum taken."""

    def __init__(self, embedder: TokenEmbedder) -> None:
        self._embedder = embedder
        _, model, revision, precision = embedder.id.split("/")
        self.profile = ScorerProfile(
            id=ScorerId("late-interaction", model, revision, "maxsim", precision, window=embedder.max_tokens),
            label=LABEL,
            scale=Scale.BOUNDED,
            pointwise=True,
            fixed_weights=True,
        )

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """Scores about 0..1; a question without tokens scores 0 everywhere."""
        if not passages:
            return []
        size = self._embedder.max_tokens
        tokens = self._embedder.token_ids([question, *passages])
        cuts = [windows_of(len(ids), size, OVERLAP) for ids in tokens[1:]]
        pieces = [ids[start:end] for ids, spans in zip(tokens[1:], cuts, strict=True) for start, end in spans]
        states = self._embedder.states([tokens[0][:size], *pieces])
        asked, found = states[0], iter(states[1:])
        return [
            Score(max((_maxsim(asked, next(found)) for _ in spans), default=0.0), windows=max(1, len(spans)))
            for spans in cuts
        ]


def _maxsim(question: Vectors, passage: Vectors) -> float:
    if len(question) == 0 or len(passage) == 0:
        return 0.0
    return float(np.clip((question @ passage.T).max(axis=1).mean(), 0.0, 1.0))
