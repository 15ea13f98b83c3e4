"""The bundled embedder: all-MiniLM-L6-v2 in int8 on onnxruntime, prepared once by `sluice models prepare`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from app.errors import ModelDamaged
from app.ports import Vectors
from app.providers.onnx_runtime import Encoder, Floats, Sequenced
from app.providers.prepare import DIMENSION, embedder_folder
from app.providers.prepared import read_prepared


class BundledEmbedder:
    """Mean-pooled token states, each vector of length 1, as sentence-transformers computes them for this model."""

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        """Opens a prepared folder. Raises ModelMissing or ModelDamaged."""
        prepared = read_prepared(folder)
        self._encoder = Encoder(prepared.model, prepared.tokenizer, threads=threads)
        self._id = f"bundled/{prepared.name}/{prepared.revision}/{prepared.precision}"
        self._content = prepared.window - 2
        self._first = self._special("[CLS]")
        self._last = self._special("[SEP]")

    @property
    def id(self) -> str:
        return self._id

    @property
    def dimension(self) -> int:
        return DIMENSION

    @property
    def max_tokens(self) -> int:
        """254: the window of 256 without [CLS] and [SEP]."""
        return self._content

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens, however long it is."""
        return [len(ids) for ids in self._encoder.tokenize(texts)]

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts)

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, whole, without special tokens; `states` takes cuts of them."""
        return self._encoder.tokenize(texts)

    def states(self, contents: Sequence[Sequence[int]]) -> list[Vectors]:
        """Token vectors of each list of token ids (at most `max_tokens`), shape (tokens, dimension), rows of length 1.

        [CLS] and [SEP] are read by the model and left out of the result.
        """
        return [_unit(states[1:-1]) for states in self._run(contents)]

    def token_vectors(self, texts: Sequence[str]) -> list[Vectors]:
        """Token vectors of each text for late interaction; what is past the window is cut."""
        return self.states([ids[: self._content] for ids in self.token_ids(texts)])

    def _embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, DIMENSION), dtype=np.float32)
        contents = [ids[: self._content] for ids in self.token_ids(texts)]
        means = np.stack([states.mean(axis=0) for states in self._run(contents)])
        return _unit(means)

    def _run(self, contents: Sequence[Sequence[int]]) -> list[Floats]:
        whole = [(self._first, *ids, self._last) for ids in contents]
        return self._encoder.run([Sequenced(ids, (0,) * len(ids)) for ids in whole])

    def _special(self, token: str) -> int:
        number = self._encoder.tokenizer.token_to_id(token)
        if number is None:
            raise ModelDamaged(f"The tokenizer knows no {token}.", hint="sluice models prepare")
        return number


def open_bundled_embedder(models_dir: Path) -> BundledEmbedder:
    """The prepared embedder of `models_dir`, one a process. Raises ModelMissing with the command that prepares it."""
    return _opened(embedder_folder(models_dir).resolve())


@cache
def _opened(folder: Path) -> BundledEmbedder:
    return BundledEmbedder(folder)  # shared by retrieval and late interaction: it holds no state of a question


def _unit(rows: Floats) -> Vectors:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), dtype=np.float32)
