"""Tiny models with random weights, saved and loaded for real."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WINDOW = 48


@pytest.fixture(scope="session")
def tiny_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT with one label, two layers and a window of 48 tokens."""
    return save_classifier(tmp_path_factory.mktemp("models") / "tiny-reranker", labels=1)


def save_classifier(folder: Path, *, labels: int) -> Path:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.set_num_threads(1)  # tiny models: more threads only wait for each other
    torch.manual_seed(7)
    tokenizer = save_tokenizer(folder)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=WINDOW,
        num_labels=labels,
        initializer_range=0.3,  # random weights of the usual size would score everything the same
    )
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    return folder


def save_encoder(folder: Path) -> Path:
    """A sentence-transformers folder with prompts of its own, over a random BERT."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel

    torch.set_num_threads(1)  # tiny models: more threads only wait for each other
    torch.manual_seed(7)
    bert = folder / "bert"
    tokenizer = save_tokenizer(bert)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=WINDOW,
    )
    BertModel(config).save_pretrained(bert)
    body = Transformer(str(bert))
    model = SentenceTransformer(
        modules=[body, Pooling(32)], prompts={"query": "ask: ", "document": "text: "}, device="cpu"
    )
    model.save(str(folder / "sentence"))
    return folder / "sentence"


def save_tokenizer(folder: Path, *, more: tuple[str, ...] = ()) -> Tokenizer:
    """Of a few whole words, `more` words, and single letters."""
    from transformers import BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    signs = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    common = ["red", "planet", "mars", "water", "the", "is", "what", "a", "of", ".", "?", ":", "ask", "text"]
    pieces = [*signs, *common, *more, *LETTERS, *(f"##{c}" for c in LETTERS)]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    BertTokenizerFast(tokenizer_object=tokenizer, model_max_length=WINDOW).save_pretrained(folder)
    return tokenizer


def save_multi_vector(folder: Path) -> Path:
    """A late-interaction model over a random BERT: prompts of its own, a projection, full stops left out."""
    import torch
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from transformers import BertConfig, BertModel

    torch.set_num_threads(1)  # tiny models: more threads only wait for each other
    torch.manual_seed(7)
    tokenizer = save_tokenizer(folder / "bert")
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=WINDOW,
        initializer_range=0.3,
    )
    BertModel(config).save_pretrained(folder / "bert")
    tokens = "token_embeddings"
    project = Dense(
        32, 16, bias=False, activation_function=torch.nn.Identity(), module_input_name=tokens, module_output_name=tokens
    )
    modules = [Transformer(str(folder / "bert")), project, MultiVectorMask(skiplist_words=["."])]
    model = MultiVectorEncoder(modules=modules, prompts={"query": "ask: ", "document": "text: "}, device="cpu")
    model.save(str(folder / "model"))
    return folder / "model"
