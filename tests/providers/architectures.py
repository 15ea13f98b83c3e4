"""Tiny random cross-encoders built like the ones people name, each with what transformers alone makes of a pair."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.providers.conftest import WINDOW, save_tokenizer

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "initializer_range": 0.3,  # random weights of the usual size would score everything the same
}
INSTRUCTION = "is it an answer ?"
QWEN_TEMPLATE = (
    '{%- set query = messages | selectattr("role", "eq", "query") | map(attribute="content") | first -%}'
    '{%- set document = messages | selectattr("role", "eq", "document") | map(attribute="content") | first -%}'
    "a task : " + INSTRUCTION + " ask : {{ query }} text : {{ document }} answer :"
)


@dataclass(frozen=True)
class Built:
    """A model's folder, and its logit of a pair, worked out without sentence-transformers."""

    folder: Path
    logit: Callable[[str, str], float]


def bge(folder: Path) -> Built:
    """XLM-RoBERTa with a classification head (bge-reranker, and mxbai's first ones are built alike on DeBERTa)."""
    from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification

    size = save_tokenizer(folder).get_vocab_size()
    config = XLMRobertaConfig(
        vocab_size=size, max_position_embeddings=WINDOW + 2, num_labels=1, pad_token_id=0, **SMALL
    )
    return _classifier(folder, XLMRobertaForSequenceClassification(config))


def mxbai(folder: Path) -> Built:
    """DeBERTa-v2 with relative positions (mxbai-rerank, first generation)."""
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    size = save_tokenizer(folder).get_vocab_size()
    config = DebertaV2Config(
        vocab_size=size,
        max_position_embeddings=WINDOW,
        num_labels=1,
        relative_attention=True,
        pos_att_type=["p2c", "c2p"],
        position_buckets=16,
        **SMALL,
    )
    return _classifier(folder, DebertaV2ForSequenceClassification(config))


def gte(folder: Path) -> Built:
    """ModernBERT with a classification head over the mean of its tokens (gte-reranker-modernbert)."""
    from transformers import ModernBertForSequenceClassification

    save_tokenizer(folder)
    config = _modern_bert(num_labels=1, classifier_pooling="mean")
    return _classifier(folder, ModernBertForSequenceClassification(config))


def ettin(folder: Path) -> Built:
    """ModernBERT, its first token, and a head of dense layers kept as modules of their own (ettin-reranker)."""
    import torch
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import LayerNorm, Pooling
    from transformers import AutoTokenizer, ModernBertModel

    save_tokenizer(folder / "body")
    body = ModernBertModel(_modern_bert()).eval()
    body.save_pretrained(folder / "body")
    inner = Dense(
        32, 32, bias=False, activation_function=torch.nn.GELU(), module_input_name="sentence_embedding",
        module_output_name="sentence_embedding",
    )  # fmt: skip
    norm = LayerNorm(32)
    outer = Dense(
        32, 1, activation_function=torch.nn.Identity(), module_input_name="sentence_embedding",
        module_output_name="scores",
    )  # fmt: skip
    modules = [Transformer(str(folder / "body")), Pooling(32, pooling_mode="cls"), inner, norm, outer]
    CrossEncoder(modules=modules, device="cpu").save(str(folder / "model"))
    tokenizer = AutoTokenizer.from_pretrained(folder / "body")

    def logit(question: str, passage: str) -> float:
        with torch.no_grad():
            first = body(**tokenizer([question], [passage], return_tensors="pt")).last_hidden_state[:, 0]
            hidden = norm.norm(torch.nn.functional.gelu(inner.linear(first)))
            return float(outer.linear(hidden)[0, 0])

    return Built(folder / "model", logit)


def qwen(folder: Path, *, template: str | None = QWEN_TEMPLATE, model_type: str = "qwen3") -> Built:
    """A language model asked for yes or no through its chat template (Qwen3-Reranker): the difference of two logits."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    tokenizer = save_tokenizer(folder, more=("yes", "no", "answer", "task", "it", "an"))
    torch.manual_seed(7)
    config = AutoConfig.for_model(
        model_type,
        vocab_size=tokenizer.get_vocab_size(),
        num_key_value_heads=1,
        max_position_embeddings=256,
        head_dim=16,
        **SMALL,
    )
    model = AutoModelForCausalLM.from_config(config).eval()
    model.save_pretrained(folder)
    if template is not None:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "model_max_length": 256}), "utf-8")
    loaded = AutoTokenizer.from_pretrained(folder)
    yes, no = loaded.convert_tokens_to_ids(["yes", "no"])

    def logit(question: str, passage: str) -> float:
        text = f"a task : {INSTRUCTION} ask : {question} text : {passage} answer :"
        with torch.no_grad():
            last = model(
                **loaded([text], add_special_tokens=False, return_tensors="pt", return_token_type_ids=False)
            ).logits[0, -1]
            return float(last[yes] - last[no])

    return Built(folder, logit)


def _modern_bert(**values: Any) -> Any:
    from transformers import ModernBertConfig

    return ModernBertConfig(
        vocab_size=200,
        max_position_embeddings=WINDOW,
        pad_token_id=0,
        bos_token_id=2,
        cls_token_id=2,
        eos_token_id=3,
        sep_token_id=3,
        initializer_cutoff_factor=3.0,
        **{**SMALL, "initializer_range": 0.2},
        **values,
    )


def _classifier(folder: Path, model: Any) -> Built:
    import torch
    from transformers import AutoTokenizer

    model.eval().save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def logit(question: str, passage: str) -> float:
        with torch.no_grad():
            return float(model(**tokenizer([question], [passage], return_tensors="pt")).logits[0, 0])

    return Built(folder, logit)
