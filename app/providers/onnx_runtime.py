"""One encoder on onnxruntime and tokenizers: text in, token states or logits out, without importing torch.

Dynamic int8 quantisation takes a tensor's scale over everything in a call, so two texts in one call would change each
other's numbers. Here a call holds exactly one sequence, without padding: a result depends on its own text alone,
whatever else is asked for and in whatever order. Speed comes from running one single-threaded call per CPU at a
time, longest first. A session is safe to share between threads; the pool bounds how many calls run at once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

from app.errors import ModelDamaged, ModelMissing

Floats = npt.NDArray[np.float32]

_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


@dataclass(frozen=True, slots=True)
class Sequenced:
    """One sequence as the model reads it, special tokens included. `types` are the segment ids (0 or 1)."""

    ids: tuple[int, ...]
    types: tuple[int, ...]


def available_cpus() -> int:
    """CPUs this process may use (its affinity where the system tells, else all of them); at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def windows_of(length: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Cuts `length` tokens into windows of at most `size`, each sharing `overlap` tokens with the one before.

    >>> windows_of(10, 6, 2)
    [(0, 6), (4, 10)]
    """
    if length <= size:
        return [(0, length)]
    step = max(1, size - min(overlap, size - 1))
    starts = [*range(0, length - size, step), length - size]
    return [(start, start + size) for start in starts]


class Encoder:
    """A model.onnx with its tokenizer.json. Open it once and share it; closing is left to the garbage collector."""

    def __init__(self, model: Path, tokenizer: Path, *, threads: int | None = None) -> None:
        """Opens both files. Raises ModelMissing when one is not there, ModelDamaged when one cannot be read.

        `threads`: calls that may run at once; the CPUs there are when None.
        """
        for file in (model, tokenizer):
            if not file.is_file():
                raise ModelMissing(f"The model file {file} is missing.", hint="sluice models prepare")
        self.threads = threads if threads is not None else available_cpus()
        self.tokenizer = _open_tokenizer(tokenizer)
        self._model = model
        self._session = _open_session(model)
        self._wanted = {node.name for node in self._session.get_inputs()}
        if not {"input_ids"} <= self._wanted <= _INPUTS:
            raise ModelDamaged(
                f"{model} reads {sorted(self._wanted)}; only {sorted(_INPUTS)} can be given.",
                hint="Choose another model, or another reranker.",
            )

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, thread_name_prefix="encoder")

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, whole, without special tokens."""
        return [e.ids for e in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def run(self, sequences: Sequence[Sequenced]) -> list[Floats]:
        """The model's first output for each sequence, in the order given, without the batch axis.

        Token states have shape (tokens, dimension), a classifier's logits (labels,).
        """
        if len(sequences) <= 1 or self.threads == 1:
            return [self._one(sequence) for sequence in sequences]
        longest_first = sorted(range(len(sequences)), key=lambda i: -len(sequences[i].ids))
        done = self._pool.map(self._one, (sequences[i] for i in longest_first))
        results = dict(zip(longest_first, done, strict=True))
        return [results[i] for i in range(len(sequences))]

    def _one(self, sequence: Sequenced) -> Floats:
        ids = np.asarray([sequence.ids], dtype=np.int64)
        given = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.asarray([sequence.types], dtype=np.int64),
        }
        try:
            output = self._session.run(None, {name: array for name, array in given.items() if name in self._wanted})[0]
        except Exception as error:  # onnxruntime's exceptions share no public base
            first = str(error).splitlines()[0]
            raise ModelDamaged(f"{self._model} cannot be run: {first}", hint="sluice models prepare") from error
        return np.asarray(output[0], dtype=np.float32)


def _open_tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises a bare Exception for a bad file
        raise ModelDamaged(f"{path} is not a tokenizer: {error}", hint="sluice models prepare") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _open_session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no public base
        raise ModelDamaged(f"{path} cannot be opened as a model: {error}", hint="sluice models prepare") from error
