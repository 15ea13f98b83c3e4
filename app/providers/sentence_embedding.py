"""Any sentence-transformers embedding model, by path or hub name, with its own prompts. Imports torch."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from app.errors import ModelDamaged
from app.ports import Vectors
from app.providers.local_models import locate, revision_of

_UNLIMITED = 8192  # for models that name no limit


class SentenceEmbedder:
    """Questions and passages go through `encode_query` and `encode_document`, one caller at a time."""

    def __init__(self, model: str) -> None:
        """Loads the model. Raises ModelMissing (nothing is downloaded) or ModelDamaged."""
        folder = locate(model)
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelDamaged(f"{model} cannot be loaded: {first}", hint=f"sluice models pull {model}") from error
        self._lock = threading.Lock()  # its tokenizer keeps state between calls
        self._id = f"sentence-transformers/{model.replace('/', '--')}/{revision_of(folder)}/float32"
        self._dimension = int(self._model.get_embedding_dimension() or self._embed(["a"], "encode_document").shape[1])

    @property
    def id(self) -> str:
        return self._id

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def max_tokens(self) -> int:
        """The window without special tokens and without the longest prompt."""
        window = int(self._model.max_seq_length or _UNLIMITED)
        special = int(self._tokenizer.num_special_tokens_to_add(pair=False))
        prompts = [prompt for prompt in self._model.prompts.values() if prompt]
        return max(1, min(window, _UNLIMITED) - special - max(self.count_tokens(prompts), default=0))

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts, "encode_query")

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts, "encode_document")

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text in the model's tokenizer, without special tokens and prompts."""
        if not texts:
            return []
        with self._lock:
            read = self._tokenizer(list(texts), add_special_tokens=False, truncation=False, verbose=False)
        return [len(ids) for ids in read["input_ids"]]

    @property
    def _tokenizer(self) -> Any:
        return self._model.tokenizer

    def _embed(self, texts: Sequence[str], method: str) -> Vectors:
        if not texts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        with self._lock:
            rows = getattr(self._model, method)(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)
