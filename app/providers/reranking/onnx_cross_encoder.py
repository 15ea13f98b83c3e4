"""A cross-encoder from a folder with an ONNX file, on onnxruntime: raw logits, no torch.

Layout of a bundled or exported folder (`app/models/reranker/`, or what `prepare_cross_encoder` writes):

    model.onnx      inputs input_ids and, where the model has them, attention_mask and token_type_ids, int64,
                    shape (1, tokens); first output: logits, shape (1, 1), before any activation
    tokenizer.json  with the model's template for pairs
    manifest.json   {"schema": 1, "name", "revision", "precision", "window": tokens with special ones,
                     "files": {"model.onnx": sha256, "tokenizer.json": sha256}, ...}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.domain import Scale, Score, ScorerId, ScorerProfile
from app.errors import ModelDamaged
from app.providers.onnx_runtime import Encoder, Sequenced
from app.providers.prepared import Prepared, read_prepared

OVERLAP = 32  # tokens that two windows of a long passage share
_QUESTION_SHARE = 0.5  # of the window; a longer question is cut


class OnnxCrossEncoder:
    """Pointwise logits. A passage longer than its room in the window is windowed and the maximum taken."""

    def __init__(self, encoder: Encoder, profile: ScorerProfile) -> None:
        self.profile = profile
        self._encoder = encoder
        self._tokenizer = encoder.tokenizer
        self._special = self._tokenizer.num_special_tokens_to_add(True)

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """One logit a passage, in the order given. Raises ModelDamaged when the model gives something else."""
        if not passages:
            return []
        asked = self._tokenizer.encode(question, add_special_tokens=False)
        room = self.profile.id.window - self._special
        asked.truncate(min(len(asked.ids), int(room * _QUESTION_SHARE)))
        counts: list[int] = []
        pairs: list[Sequenced] = []
        for read in self._tokenizer.encode_batch(list(passages), add_special_tokens=False):
            windows = _windows(read, room - len(asked.ids))
            counts.append(len(windows))
            pairs.extend(self._pair(asked, window) for window in windows)
        logits = iter([self._logit(output) for output in self._encoder.run(pairs)])
        return [Score(max(next(logits) for _ in range(count)), windows=count) for count in counts]

    def _pair(self, asked: Any, window: Any) -> Sequenced:
        pair = self._tokenizer.post_process(asked, window)
        return Sequenced(tuple(pair.ids), tuple(pair.type_ids))

    def _logit(self, output: Any) -> float:
        if output.shape != (1,):
            raise ModelDamaged(
                f"{self.profile.label} gives {output.size} numbers a passage; a reranker gives one.",
                hint="Choose another model, or another reranker.",
            )
        return float(output[0])


def open_bundled(folder: Path) -> OnnxCrossEncoder:
    """The cross-encoder of a folder laid out as above. Raises ModelMissing or ModelDamaged."""
    return open_exported(folder, provider="bundled", fix="Install Sluice again: its model files are not whole.")


def open_exported(
    folder: Path, *, provider: str, model: str | None = None, fix: str = "Export or copy the model again."
) -> OnnxCrossEncoder:
    """As `open_bundled`, under another provider's name; `model` is what its id is to call it."""
    prepared = read_prepared(folder, fix=fix)
    return OnnxCrossEncoder(Encoder(prepared.model, prepared.tokenizer), _profile(prepared, provider, model))


def exported_id(prepared: Prepared, *, provider: str, model: str | None = None) -> ScorerId:
    """The scorer id of what `open_exported` opens."""
    return ScorerId(
        provider=provider,
        model=prepared.name if model is None else model,
        revision=prepared.revision,
        activation="identity",
        precision=prepared.precision,
        window=prepared.window,
    )


def _profile(prepared: Prepared, provider: str, model: str | None) -> ScorerProfile:
    identity = exported_id(prepared, provider=provider, model=model)
    return ScorerProfile(identity, f"cross-encoder {identity.model}", Scale.LOGIT, pointwise=True, fixed_weights=True)


def _windows(passage: Any, room: int) -> list[Any]:
    if len(passage.ids) <= room:
        return [passage]
    passage.truncate(room, stride=min(OVERLAP, room - 1))
    return [passage, *passage.overflowing]
