"""BERT encoders to ONNX, and their int8 form. Imports torch, transformers and onnx inside the functions only."""

from __future__ import annotations

import platform
import tempfile
import warnings
from pathlib import Path
from typing import Any

OPSET = 17
# Ordinary texts of several kinds: which channels are large hardly depends on what is read.
SAMPLES = (
    "The quick brown fox jumps over the lazy dog.",
    "How do I reset my password?",
    "In 2019, revenue grew by 12.5 % to $3,401 million; net income was $218 million.",
    "Photosynthesis converts light energy into chemical energy in plants, algae and cyanobacteria.",
    "def main(argv): return 0 if parse(argv) else 1",
    "what is the capital of france",
    "The patient was treated with 50 mg of metoprolol twice daily; symptoms improved after two weeks.",
    "# Installation\n\nRun the installer and then start the server on port 8501.",
    "Der Vertrag kann mit einer Frist von drei Monaten zum Monatsende gekündigt werden.",
    "She opened the door slowly, and the cat ran out into the rain.",
)
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


def export_classifier(source: Path, target: Path) -> None:
    """Writes the float32 sequence classifier of a transformers folder; output `logits`."""
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

    ids = torch.arange(1, 33).reshape(2, 16)
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


def quantise(source: Path, target: Path, tokenizer: Path, *, heads: int, hidden: int, window: int) -> None:
    """Fuses the graph of a BERT encoder or classifier and writes its int8 form (see `onnx_quantise`).

    `heads`, `hidden` and `window` are the model's attention heads, width and tokens; `tokenizer` its tokenizer.json.
    """
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    from app.providers.onnx_quantise import quantise_rows

    options = FusionOptions("bert")
    options.use_multi_head_attention = True
    with tempfile.TemporaryDirectory(dir=target.parent) as beside:
        fused = Path(beside) / "fused.onnx"
        optimizer.optimize_model(
            str(source),
            model_type="bert",
            num_heads=heads,
            hidden_size=hidden,
            optimization_options=options,
            opt_level=0,
        ).save_model_to_file(str(fused))
        quantise_rows(fused, target, _samples(tokenizer, window), weight_levels=weight_levels())


def weight_levels() -> int:
    """127, or 63 on x86 without VNNI, where byte products of full range would overflow 16 bits.

    The two forms differ from each other by less than int8 differs from float32, so they share one precision name.
    """
    facts = Path("/proc/cpuinfo")
    if platform.machine().lower() not in {"x86_64", "amd64"} or not facts.is_file():
        return 127
    return 127 if "vnni" in facts.read_text(encoding="utf-8", errors="replace") else 63


def _samples(tokenizer: Path, window: int) -> list[dict[str, Any]]:
    import numpy as np
    from tokenizers import Tokenizer

    reader = Tokenizer.from_file(str(tokenizer))
    reader.no_padding()
    reader.enable_truncation(window)
    samples = []
    for text in SAMPLES:
        ids = np.array([reader.encode(text).ids], dtype=np.int64)
        samples.append({"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)})
    return samples
