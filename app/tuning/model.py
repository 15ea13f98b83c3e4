"""The cross-encoder: question and passage read together, one relevance logit out.

It starts as the bi-encoder it is made from. The first `joint_from` layers let question and passage look only at
themselves, as all-MiniLM was trained to; the layers above read both. The logit adds up the cosine of the two mean
states, the mean over question tokens of their best-matching passage token (late interaction, ColBERT, arXiv
2004.12832; the tokens' weights are learned, equal at first) and what the [CLS] state says, which starts at zero: the
untrained model already ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from app.tuning.encoder import Encoder, Tensor, load_minilm

QUESTION, PASSAGE = 0, 1


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """What to build: how many of the six layers, and from which one on question and passage look at each other."""

    layers: int = 6
    joint_from: int = 0
    cosine_start: float = 0.0
    match_start: float = 12.0
    bias_start: float = -8.0


class CrossEncoder(nn.Module):  # type: ignore[misc]
    """Scores pairs. `forward` takes (batch, tokens) ids, mask and segments and gives (batch,) logits in float32."""

    def __init__(self, encoder: Encoder, plan: ModelPlan) -> None:
        super().__init__()
        self.plan = plan
        self.encoder = encoder
        width = encoder.shape.width
        self.cls = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)
        self.weigh = nn.Linear(width, 1)
        self.mix = nn.Parameter(torch.tensor([plan.cosine_start, plan.match_start]))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.weigh.weight)
        nn.init.zeros_(self.weigh.bias)
        nn.init.constant_(self.out.bias, plan.bias_start)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        return self.head(self.states(ids, mask, types).float(), mask, types)

    def starting_parts(self, layers: int) -> list[nn.Module]:
        """The embeddings and the first `layers` layers: what may be kept as it starts."""
        return [self.encoder.embeddings, *self.encoder.encoder["layer"][:layers]]

    def trained_parts(self) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Parameters that learn, by how fast they should: the encoder's, the head's, and what weighs its two sums."""
        trunk = [p for p in self.encoder.parameters() if p.requires_grad]
        head = [p for n, p in self.named_parameters() if not n.startswith("encoder.") and n != "mix"]
        return trunk, head, [self.mix]

    def states(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """Token states (batch, tokens, width)."""
        x = self.encoder.embed(ids, types)
        everywhere = mask[:, None, None, :].bool()
        apart = everywhere & (types[:, None, :, None] == types[:, None, None, :])
        for number, layer in enumerate(self.encoder.encoder["layer"]):
            x = layer(x, apart if number < self.plan.joint_from else everywhere)
        return x

    def head(self, states: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """States to logits (batch,)."""
        question = (mask * (types == QUESTION)).to(states.dtype)
        passage = (mask * (types == PASSAGE)).to(states.dtype)
        cosine = functional.cosine_similarity(_mean(states, question), _mean(states, passage), dim=1)
        unit = functional.normalize(states, dim=2)
        near = unit @ unit.transpose(1, 2) - 2.0 * (1.0 - passage)[:, None, :]
        best = near.amax(dim=2)
        say = (states * self.weigh.weight[0]).sum(2) + self.weigh.bias
        weight = question * torch.exp(say.clamp(-4.0, 4.0))
        match = (best * weight).sum(1) / weight.sum(1)
        said = self.out(torch.tanh(self.cls(states[:, 0])))[:, 0]
        return said + self.mix[0] * cosine + self.mix[1] * match


def _mean(states: Tensor, weight: Tensor) -> Tensor:
    return (states * weight[:, :, None]).sum(1) / weight.sum(1, keepdim=True)


def start(plan: ModelPlan) -> CrossEncoder:
    """The untrained model. Both segments begin with segment 0's embedding: the bi-encoder never saw the other."""
    encoder = load_minilm(plan.layers)
    kinds = encoder.embeddings["token_type_embeddings"].weight
    with torch.no_grad():
        kinds[PASSAGE].copy_(kinds[QUESTION])
    return CrossEncoder(encoder, plan)
