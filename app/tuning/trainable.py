"""What the training loop asks of a model: the bundled architecture has it, and so has a wrapped hub cross-encoder."""

from __future__ import annotations

from typing import Any, Protocol

from app.tuning.encoder import Tensor


class Trainable(Protocol):
    """A cross-encoder in torch that scores pairs. Pairs are given as (batch, tokens) ids, mask (1 = token) and segments
    (0 question, 1 passage)."""

    def states(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """What the head reads; may be computed in half precision."""
        ...

    def head(self, states: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """Logits (batch,) from states in full precision."""
        ...

    def starting_parts(self, layers: int) -> list[Any]:
        """The embeddings and the first `layers` layers."""
        ...

    def trained_parts(self) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Parameters that learn: the trunk's, the head's, and scalars that need large steps (may be empty)."""
        ...

    def parameters(self) -> Any: ...

    def state_dict(self) -> dict[str, Tensor]: ...

    def load_state_dict(self, weights: dict[str, Tensor]) -> Any: ...

    def to(self, device: str) -> Any: ...

    def train(self) -> Any: ...

    def eval(self) -> Any: ...
