"""BERT encoders to ONNX, and their int8 form. Imports torch, transformers and onnx inside the functions only."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

OPSET = 17
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def export_encoder(source: Path, target: Path) -> None:
    """Writes the float32 encoder of a transformers folder; output `last_hidden_state` (batch, sequence, dimension)."""
    import torch
    from transformers import AutoModel

    class States(torch.nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            return self.model(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).last_hidden_state

    model = AutoModel.from_pretrained(source, attn_implementation="eager", dtype=torch.float32, local_files_only=True)
    _export(States(model.eval()), target, "last_hidden_state", {0: "batch", 1: "sequence"})


def export_classifier(source: str, target: Path) -> None:
    """Writes the float32 sequence classifier of a transformers folder or cached hub name; output `logits`."""
    import torch
    from transformers import AutoModelForSequenceClassification

    class Logits(torch.nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).logits

    model = AutoModelForSequenceClassification.from_pretrained(
        source, attn_implementation="eager", dtype=torch.float32, local_files_only=True
    )
    _export(Logits(model.eval()), target, "logits", {0: "batch"})


def _export(module: Any, target: Path, output: str, output_axes: dict[int, str]) -> None:
    import torch

    ids = torch.arange(1000, 1032).reshape(2, 16)
    example = (ids, torch.ones_like(ids), torch.zeros_like(ids))
    axes = {name: {0: "batch", 1: "sequence"} for name in _INPUTS}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's notes on constants that are constant here
        torch.onnx.export(
            module,
            example,
            str(target),
            input_names=list(_INPUTS),
            output_names=[output],
            dynamic_axes={**axes, output: output_axes},
            opset_version=OPSET,
            dynamo=False,
        )


def quantise(source: Path, target: Path, *, heads: int = 12, hidden: int = 384) -> None:
    """Fuses attention, normalisation and activation, then quantises weights (per channel) and embeddings to int8."""
    from onnx import TensorProto
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers import optimizer

    with tempfile.TemporaryDirectory(dir=target.parent) as beside:
        fused = Path(beside) / "fused.onnx"
        optimizer.optimize_model(
            str(source), model_type="bert", num_heads=heads, hidden_size=hidden, opt_level=0
        ).save_model_to_file(str(fused))
        quantize_dynamic(
            str(fused),
            str(target),
            weight_type=QuantType.QInt8,
            per_channel=True,
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
