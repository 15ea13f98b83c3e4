"""From a trained model to the bundled folder: ONNX, int8 by token rows, manifest.

`app.providers.onnx_quantise` does the rounding: one scale a token row and one an output channel, so that a pair's
score depends on nothing else in the call.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from app.providers.onnx_quantise import quantise_rows
from app.providers.prepared import write_prepared
from app.tuning.encoder import Tensor, minilm_folder
from app.tuning.head_graph import append_head
from app.tuning.mining import tokenizer
from app.tuning.model import CrossEncoder, ModelPlan, start

RECIPE = "int8-rows-1"
# 63 of 127 weight levels: x86 without VNNI adds byte products in 16 bits and would overflow; one file for every CPU.
WEIGHT_LEVELS = 63
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def bundle(
    model: CrossEncoder, target: Path, *, name: str, samples: Sequence[tuple[str, str]], window: int,
    facts: dict[str, object] | None = None,
) -> Path:  # fmt: skip
    """Write model.onnx (int8), tokenizer.json and manifest.json into `target`, whole or not at all; replaces what
    was there. `samples` are (question, passage text) pairs on which the quantisation measures its channel factors."""

    def fill(folder: Path) -> dict[str, object]:
        export(model, folder / "model.onnx", samples=samples, window=window)
        shutil.copyfile(minilm_folder() / "tokenizer.json", folder / "tokenizer.json")
        digest = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
        return {
            "schema": 1,
            "name": name,
            "revision": digest[:12],
            "precision": RECIPE,
            "window": window,
            "layers": model.plan.layers,
            "weight_levels": WEIGHT_LEVELS,
            "versions": {p: importlib.metadata.version(p) for p in ("onnx", "onnxruntime", "torch", "transformers")},
            **(facts or {}),
        }

    return write_prepared(target, fill, force=True)


def export(
    model: CrossEncoder, target: Path, *, samples: Sequence[tuple[str, str]] | None = None, window: int = 384
) -> Path:
    """Write the graph: ids, mask and segments, int64 (1, tokens), to logits (1, 1), one unpadded pair a call.

    Float32 without `samples`, int8 with them. Raises ValueError for a model that is no plain BERT.
    """
    if model.plan.joint_from:
        raise ValueError("a model whose first layers read question and passage apart has no plain BERT graph")
    with tempfile.TemporaryDirectory() as beside:
        states, fused, rounded = (Path(beside) / name for name in ("states.onnx", "fused.onnx", "rounded.onnx"))
        _export_states(model, states)
        _fuse(states, fused, model)
        if samples is not None:
            quantise_rows(fused, rounded, _inputs(samples, window), weight_levels=WEIGHT_LEVELS)
        append_head(fused if samples is None else rounded, target, model)
    return target


def _export_states(model: CrossEncoder, target: Path) -> None:
    """The encoder through transformers' BertModel, whose traced graph onnxruntime knows how to fuse."""
    from transformers import BertConfig, BertModel

    shape = model.encoder.shape
    config = BertConfig(
        vocab_size=shape.vocabulary, hidden_size=shape.width, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, intermediate_size=shape.inner, attn_implementation="eager",
    )  # fmt: skip
    trunk = BertModel(config, add_pooling_layer=False)
    trunk.load_state_dict(model.encoder.state_dict())
    ids = torch.arange(1000, 1032).reshape(2, 16)
    example = (ids, torch.ones_like(ids), torch.zeros_like(ids))
    axes = {name: {0: "batch", 1: "sequence"} for name in (*_INPUTS, "last_hidden_state")}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's notes on constants that are constant here
        torch.onnx.export(
            _States(trunk.eval()), example, str(target), input_names=list(_INPUTS),
            output_names=["last_hidden_state"], dynamic_axes=axes, opset_version=17, dynamo=False,
        )  # fmt: skip


class _States(nn.Module):  # type: ignore[misc]
    def __init__(self, trunk: Any) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        return self.trunk(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state


def load(path: Path) -> CrossEncoder:
    """A model from what `save` wrote."""
    state = torch.load(path, map_location="cpu")
    model = start(ModelPlan(**state["plan"]))
    model.load_state_dict(state["model"])
    model.eval()
    return model


def save(model: CrossEncoder, path: Path) -> None:
    """The model's weights with its plan, whole or not at all."""
    partial = path.with_suffix(".part")
    plan = {name: getattr(model.plan, name) for name in ModelPlan.__dataclass_fields__}
    torch.save({"model": {k: v.cpu() for k, v in model.state_dict().items()}, "plan": plan}, partial)
    partial.replace(path)


def _fuse(source: Path, target: Path, model: CrossEncoder) -> None:
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    options = FusionOptions("bert")
    options.use_multi_head_attention = True
    shape = model.encoder.shape
    optimizer.optimize_model(
        str(source), model_type="bert", num_heads=shape.heads, hidden_size=shape.width,
        optimization_options=options, opt_level=0,
    ).save_model_to_file(str(target))  # fmt: skip


def _inputs(samples: Sequence[tuple[str, str]], window: int) -> list[dict[str, Any]]:
    inputs = []
    for pair in tokenizer(window).encode_batch(list(samples)):
        ids = np.array([pair.ids], dtype=np.int64)
        types = np.array([pair.type_ids], dtype=np.int64)
        inputs.append({"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types})
    return inputs
