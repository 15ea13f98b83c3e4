"""Any sentence-transformers embedding model, by path or hub name, with its own prompts. Imports torch.

A model that was trained with prompts usually brings them in its configuration, as `query` and `document` (or
`passage`); where it does not (the E5 family, say), EMBEDDING_QUESTION_PROMPT and EMBEDDING_PASSAGE_PROMPT do.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from app.errors import ModelDamaged, SettingsError
from app.ports import Vectors
from app.providers.hosted_embedding import prompts_in_id
from app.providers.local_models import locate, revision_of
from app.settings import Settings

_UNLIMITED = 8192  # for models that name no limit


class SentenceEmbedder:
    """Questions and passages go through `encode_query` and `encode_document`, one caller at a time."""

    def __init__(self, model: str, settings: Settings) -> None:
        """Loads the model. Raises ModelMissing (nothing is downloaded) or ModelDamaged; SettingsError where
        EMBEDDING_DIMENSIONS is more than it has."""
        folder = locate(model)
        wanted = settings.embedding_dimensions
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(str(folder), local_files_only=True, truncate_dim=wanted)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelDamaged(f"{model} cannot be loaded: {first}", hint=f"sluice models pull {model}") from error
        own = (settings.embedding_question_prompt, settings.embedding_passage_prompt)
        self._prompts = {"encode_query": own[0], "encode_document": own[1]}
        self._lock = threading.Lock()  # its tokenizer keeps state between calls
        told = ("" if wanted is None else f"@{wanted}") + prompts_in_id(own[0] or "", own[1] or "")
        self._id = f"sentence-transformers/{model.replace('/', '--')}{told}/{revision_of(folder)}/float32"
        self._dimension = int(self._embed(["a"], "encode_document").shape[1])
        if wanted is not None and self._dimension != wanted:
            raise SettingsError(
                f"EMBEDDING_DIMENSIONS={wanted} is more than {model} has.", hint=f"At most {self._dimension}."
            )

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
        prompts = [p for p in (*self._model.prompts.values(), *self._prompts.values()) if p]
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
            own = {} if self._prompts[method] is None else {"prompt": self._prompts[method]}
            encode = getattr(self._model, method)
            rows = encode(list(texts), normalize_embeddings=True, show_progress_bar=False, **own)
        return np.asarray(rows, dtype=np.float32)
