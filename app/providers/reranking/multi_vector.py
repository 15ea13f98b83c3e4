"""Late interaction with a model that was trained for it: any ColBERT-style model of sentence-transformers.

MultiVectorEncoder loads its own saves, PyLate's and Stanford's. The model brings its prompts, its question's length
and padding, and the tokens it leaves out; the score is the mean over the question's vectors of each one's best cosine
(Khattab and Zaharia, ColBERT, SIGIR 2020, there as a sum): bounded, and without meaning until it is calibrated.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.domain import Scale, Score, ScorerId, ScorerProfile
from app.errors import ModelDamaged, ModelError
from app.ports import Vectors
from app.providers.local_models import locate, revision_of
from app.providers.onnx_runtime import windows_of

_OVERLAP = 32  # tokens two windows of a long passage share
_SPARE = 8  # tokens: a piece cut out of a text can read as a few more than it was
_LONGEST = 512  # tokens of a window where the model names no length for documents


class MultiVectorScorer:
    """Pointwise and bounded, one caller at a time. A passage longer than the model's documents is windowed and the
    maximum taken; a question longer than its questions is cut, as the model does."""

    def __init__(self, model: str) -> None:
        """Loads a model by path or hub name; imports torch, downloads nothing. Raises ModelMissing, ModelDamaged, or
        ModelError for another kind of model."""
        folder = locate(model)
        self._model = _load(model, folder)
        self._lock = threading.Lock()  # its tokenizer keeps state between calls
        self._window = _document_length(self._model)
        self.profile = ScorerProfile(
            id=ScorerId("multi-vector", model, revision_of(folder), "mean-maxsim", "float32", window=self._window),
            label=f"late interaction {model}",
            scale=Scale.BOUNDED,
            pointwise=True,
            fixed_weights=True,
        )

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """Scores about 0..1. Raises ModelDamaged when the model gives no vectors."""
        if not passages:
            return []
        with self._lock:
            pieces = [self._pieces(passage) for passage in passages]
            (asked,) = self._vectors(self._model.encode_query, [question])
            found = iter(self._vectors(self._model.encode_document, [piece for own in pieces for piece in own]))
        return [Score(max(mean_maxsim(asked, next(found)) for _ in own), windows=len(own)) for own in pieces]

    def _vectors(self, encode: Any, texts: Sequence[str]) -> list[Vectors]:
        rows = encode(list(texts), convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False)
        vectors = [np.asarray(row, dtype=np.float32) for row in rows]
        if len(vectors) != len(texts) or any(v.ndim != 2 or not np.isfinite(v).all() for v in vectors):
            raise ModelDamaged(
                f"{self.profile.label} gives no vectors for tokens.", hint="Choose another model, or another reranker."
            )
        return vectors

    def _pieces(self, passage: str) -> list[str]:
        read = self._model.tokenizer(
            passage, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )
        spans = read["offset_mapping"]
        size = max(1, self._window - _SPARE)
        if len(spans) <= size:
            return [passage]
        return [passage[spans[start][0] : spans[end - 1][1]] for start, end in windows_of(len(spans), size, _OVERLAP)]


def mean_maxsim(question: Vectors, passage: Vectors) -> float:
    """The mean over the question's unit vectors of the best cosine with any of the passage's, 0..1; 0 without any."""
    if len(question) == 0 or len(passage) == 0:
        return 0.0
    return float(np.clip((question @ passage.T).max(axis=1).mean(), 0.0, 1.0))


def _load(model: str, folder: Path) -> Any:
    if not is_multi_vector(folder):
        raise ModelError(
            f"{model} was not trained for late interaction.",
            hint=f"Choose a ColBERT-style model; as a cross-encoder it would be RERANKER=cross-encoder:{model}",
        )
    from sentence_transformers import MultiVectorEncoder

    try:
        return MultiVectorEncoder(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError, ImportError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelDamaged(
            f"{model} cannot be loaded as a late-interaction model: {said}", hint=f"sluice models pull {model}"
        ) from error


def is_multi_vector(folder: Path) -> bool:
    """Whether a folder says that it holds a late-interaction model: sentence-transformers would put random weights on
    top of any other, and score with them."""
    if (folder / "artifact.metadata").is_file():  # Stanford's
        return True
    about = _read(folder / "config_sentence_transformers.json")
    if isinstance(about, dict) and about.get("model_type") in ("MultiVectorEncoder", "ColBERT"):
        return True
    modules = _read(folder / "modules.json")
    kinds = (
        [str(each.get("type", "")) for each in modules if isinstance(each, dict)] if isinstance(modules, list) else []
    )
    return any(kind.startswith("pylate.") or ".multi_vector_encoder." in kind for kind in kinds)


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _document_length(loaded: Any) -> int:
    """Tokens of a passage that the model reads at once."""
    own = getattr(loaded[0], "document_length", None)
    longest = loaded.max_seq_length
    limits = [int(value) for value in (own, longest) if isinstance(value, int) and value > 0]
    return min(limits, default=_LONGEST)
