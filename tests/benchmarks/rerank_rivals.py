"""What `rerank_speed` compares with: the usual float32 models, of the same size, as people call them.

A rival's speed does not depend on what its weights say, only on their number and type; so where the float32 weights of
the bundled model are not given, all-MiniLM-L6-v2's first layers stand in for them (its own are rounded to int8).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.tuning.encoder import load_minilm, minilm_folder
from app.tuning.export import load
from tests.benchmarks.rerank_numbers import Sizes


def cross_encoder(folder: Path, sizes: Sizes, window: int, checkpoint: Path | None) -> Any:
    """A sentence_transformers.CrossEncoder over a BertForSequenceClassification that is written to `folder`: the same
    layers, tokenizer and window; one output; the defaults for everything else."""
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    encoder = load_minilm(sizes.layers) if checkpoint is None else load(checkpoint).encoder
    config = BertConfig(
        vocab_size=encoder.shape.vocabulary,
        hidden_size=sizes.width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=encoder.shape.heads,
        intermediate_size=sizes.inner,
        num_labels=1,
    )
    classifier = BertForSequenceClassification(config)
    absent = classifier.bert.load_state_dict(encoder.state_dict(), strict=False)
    if absent.unexpected_keys or any(not key.startswith("pooler.") for key in absent.missing_keys):
        raise ValueError(f"the encoder's weights do not fit: {absent}")
    classifier.save_pretrained(folder)
    BertTokenizerFast.from_pretrained(minilm_folder()).save_pretrained(folder)
    return CrossEncoder(str(folder), max_length=window, device="cpu")


def embedder() -> Any:
    """The published all-MiniLM-L6-v2 as a SentenceTransformer, with its defaults."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(minilm_folder()), device="cpu")
