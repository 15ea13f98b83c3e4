"""Any sentence-transformers cross-encoder, by path or hub name: raw logits, whatever activation the model asks for.

A folder that ships an ONNX file runs without torch (`onnx_cross_encoder`); the rest runs on sentence-transformers.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.domain import Scale, Score, ScorerId, ScorerProfile
from app.errors import ModelDamaged, ModelError
from app.ports import Scorer
from app.providers.local_models import locate, revision_of
from app.providers.onnx_runtime import Encoder, windows_of
from app.providers.prepare import prepared_cross_encoder
from app.providers.prepared import MANIFEST, read_prepared
from app.providers.reranking.onnx_cross_encoder import OVERLAP, OnnxCrossEncoder, exported_id, open_exported
from app.providers.transformers_config import read_config, window_of

_PROVIDER = "cross-encoder"
_SPARE = 8  # tokens: a piece cut out of a text can read as a few more than it was
_ONNX = ("model.onnx", "onnx/model.onnx")
_TEMPLATE = 128  # tokens of a chat template around question and passage
_QWEN3 = Path(__file__).resolve().parents[2] / "prompts" / "qwen3_reranker_chat_template.txt"


class TorchCrossEncoder:
    """Pointwise logits from sentence_transformers.CrossEncoder, one caller at a time."""

    def __init__(self, model: str, folder: Path) -> None:
        """Loads the model; imports torch. Raises ModelDamaged when it cannot be loaded or gives several labels."""
        import torch
        from sentence_transformers import CrossEncoder

        try:
            loaded = CrossEncoder(
                str(folder),
                activation_fn=torch.nn.Identity(),
                local_files_only=True,
                model_kwargs={"dtype": "float32"},  # half precision is slower on a processor, and gives other scores
                processor_kwargs=_template(folder),
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelDamaged(
                f"{model} cannot be loaded as a cross-encoder: {_first_line(error)}", hint=f"sluice models pull {model}"
            ) from error
        if loaded.num_labels != 1:
            raise ModelError(
                f"{model} gives {loaded.num_labels} labels a passage; a reranker gives one.",
                hint="Choose a cross-encoder that was trained to rank.",
            )
        _refuse_without_template(model, folder, loaded)
        self._model = loaded
        self._lock = threading.Lock()  # its tokenizer keeps state between calls
        identity = _full_precision_id(model, folder, "float32")
        self.profile = ScorerProfile(
            id=replace(identity, window=min(identity.window, int(loaded.max_length or 512))),
            label=f"cross-encoder {model}",
            scale=Scale.LOGIT,
            pointwise=True,
            fixed_weights=True,
        )

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """One logit a passage. A passage longer than its room is windowed and the maximum taken."""
        if not passages:
            return []
        with self._lock:
            asked, room = self._fit_question(question)
            pieces = [self._pieces(passage, room) for passage in passages]
            pairs = [(asked, piece) for own in pieces for piece in own]
            logits = iter(self._model.predict(pairs, show_progress_bar=False).tolist())
        return [Score(max(float(next(logits)) for _ in own), windows=len(own)) for own in pieces]

    def _fit_question(self, question: str) -> tuple[str, int]:
        """The question, cut to half the window, and the tokens that leaves for a passage."""
        frame = int(self._tokenizer.num_special_tokens_to_add(pair=True))
        if self._tokenizer.chat_template is not None:
            frame += _TEMPLATE
        room = max(16, self.profile.id.window - frame)
        spans = self._spans(question)
        kept = min(len(spans), room // 2)
        text = question if kept == len(spans) else question[: spans[kept - 1][1]]
        return text, max(1, room - kept)

    def _pieces(self, passage: str, room: int) -> list[str]:
        spans = self._spans(passage)
        if len(spans) <= room:
            return [passage]
        size = max(1, room - _SPARE)
        return [passage[spans[start][0] : spans[end - 1][1]] for start, end in windows_of(len(spans), size, OVERLAP)]

    @property
    def _tokenizer(self) -> Any:
        return self._model.tokenizer

    def _spans(self, text: str) -> list[tuple[int, int]]:
        read = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, truncation=False)
        return [(start, end) for start, end in read["offset_mapping"]]


def open_cross_encoder(model: str, models_dir: Path) -> Scorer:
    """The cross-encoder of a path or hub name, on the fastest way there is for it.

    First an int8 form that `prepare_cross_encoder` wrote into `models_dir`, then an ONNX file in the model's own
    folder, then sentence-transformers. Raises ModelMissing (nothing is downloaded) or ModelDamaged.
    """
    folder = locate(model)
    exported = _exported(model, folder, models_dir)
    if exported is not None:
        return open_exported(exported, provider=_PROVIDER, model=model)
    file = _shipped_onnx(folder)
    if file is None:
        return TorchCrossEncoder(model, folder)
    identity = _full_precision_id(model, folder, "onnx-float32")
    return OnnxCrossEncoder(
        Encoder(file, folder / "tokenizer.json"),
        ScorerProfile(identity, f"cross-encoder {model}", Scale.LOGIT, pointwise=True, fixed_weights=True),
    )


def cross_encoder_id(model: str, models_dir: Path) -> ScorerId:
    """The scorer id of what `open_cross_encoder` opens, from small files alone: nothing is loaded.

    Raises ModelMissing or ModelDamaged.
    """
    folder = locate(model)
    exported = _exported(model, folder, models_dir)
    if exported is not None:
        return exported_id(read_prepared(exported, check=False), provider=_PROVIDER, model=model)
    return _full_precision_id(model, folder, "float32" if _shipped_onnx(folder) is None else "onnx-float32")


def _exported(model: str, folder: Path, models_dir: Path) -> Path | None:
    return folder if (folder / MANIFEST).is_file() else prepared_cross_encoder(model, models_dir)


def _shipped_onnx(folder: Path) -> Path | None:
    """The model's own ONNX file, where it is the whole model: not for one whose head is a module beside it, nor for a
    language model, which is asked through a template."""
    architectures = read_config(folder).get("architectures") or [""]
    whole = str(architectures[0]).endswith("ForSequenceClassification")
    if not whole or not (folder / "tokenizer.json").is_file():
        return None
    return next((folder / name for name in _ONNX if (folder / name).is_file()), None)


def _template(folder: Path) -> dict[str, str]:
    """Qwen3-Reranker's own template (its model card), for copies from before it came with one that takes a pair."""
    own = (folder / "modules.json").is_file() or (folder / "chat_template.jinja").is_file()
    if own or read_config(folder).get("model_type") != "qwen3":
        return {}
    return {"chat_template": _QWEN3.read_text(encoding="utf-8")}


def _refuse_without_template(model: str, folder: Path, loaded: Any) -> None:
    """A language model whose template does not take a question and a passage would score something else."""
    if not str((read_config(folder).get("architectures") or [""])[0]).endswith("ForCausalLM"):
        return
    said = "its files bring no chat template"
    if loaded.tokenizer.chat_template is not None:
        try:
            loaded.predict([("a", "b")], show_progress_bar=False)
        except ValueError as error:  # sentence-transformers finds out when the template is used
            said = _first_line(error)
        else:
            return
    raise ModelError(
        f"{model} cannot be asked about a question and a passage: {said}",
        hint=f"A newer revision may bring a template for pairs: sluice models pull {model}",
    )


def _full_precision_id(model: str, folder: Path, precision: str) -> ScorerId:
    return ScorerId(_PROVIDER, model, revision_of(folder), "identity", precision, window=window_of(folder))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
