"""A cross-encoder of the hub that is on this machine, as `app.tuning.loop` can train it: BERT with one label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from app.errors import ModelError
from app.providers.local_models import locate
from app.providers.transformers_config import read_config
from app.tuning.encoder import Tensor


class HubCrossEncoder(nn.Module):  # type: ignore[misc]
    """A transformers classifier with one label. Dropout is off, so that a run that was stopped goes on as it would
    have; a few hundred labels are kept from being learned by heart by the validation part instead."""

    def __init__(self, classifier: Any) -> None:
        super().__init__()
        self.classifier = classifier

    def states(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """Logits already: the classifier's head is small, and belongs to it."""
        return self.classifier(input_ids=ids, attention_mask=mask, token_type_ids=types).logits[:, 0]

    def head(self, states: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        return states

    def starting_parts(self, layers: int) -> list[Any]:
        bert = self.classifier.bert
        return [bert.embeddings, *bert.encoder.layer[:layers]]

    def trained_parts(self) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        trunk = [p for p in self.classifier.bert.parameters() if p.requires_grad]
        return trunk, [*self.classifier.classifier.parameters()], []


def open_hub(name: str) -> tuple[HubCrossEncoder, Path]:
    """The model of a hub name or a path, and its folder. Raises ModelMissing, or ModelError for what cannot be exported
    to the fast path afterwards: anything but a BERT with one label and a tokenizer.json."""
    from transformers import AutoModelForSequenceClassification

    folder = locate(name)
    config = read_config(folder)
    if config.get("model_type") != "bert" or not (folder / "tokenizer.json").is_file():
        raise ModelError(
            f"{name} is a {config.get('model_type')} model; only BERT cross-encoders can be tuned and exported.",
            hint="For example cross-encoder/ms-marco-MiniLM-L6-v2, or --base bundled",
        )
    classifier = AutoModelForSequenceClassification.from_pretrained(
        folder, local_files_only=True, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    if classifier.config.num_labels != 1:
        raise ModelError(
            f"{name} gives {classifier.config.num_labels} numbers a passage; a reranker gives one.",
            hint="Choose another one: --base bundled",
        )
    return HubCrossEncoder(classifier.float()), folder
