"""The setting EMBEDDING, as an Embedder."""

from __future__ import annotations

from app.errors import SettingsError
from app.ports import Embedder
from app.settings import Settings


def open_embedder(settings: Settings) -> Embedder:
    """The embedder that `settings.embedding` names.

    `bundled`, `sentence-transformers:NAME_OR_PATH` or `openai:MODEL`. Imports only what the chosen one needs; nothing
    is downloaded. Raises SettingsError for an unknown name, ModelMissing or ModelDamaged for weights,
    ProviderAuth without a key.
    """
    provider, _, model = settings.embedding.partition(":")
    match provider, model:
        case "bundled", "":
            from app.providers.bundled_embedding import open_bundled_embedder

            return open_bundled_embedder(settings.models_dir)
        case "sentence-transformers", str() if model:
            from app.providers.sentence_embedding import SentenceEmbedder

            return SentenceEmbedder(model)
        case "openai", str() if model:
            from app.providers.openai_embedding import OpenAIEmbedder

            return OpenAIEmbedder(model, settings)
        case _:
            raise SettingsError(
                f"EMBEDDING={settings.embedding} names no embedder.",
                hint="EMBEDDING=bundled, sentence-transformers:NAME_OR_PATH, openai:text-embedding-3-small or "
                "openai:text-embedding-3-large",
            )


def runs_here(settings: Settings) -> bool:
    """Whether the embedder that `settings.embedding` names works on this machine, so that nobody is paid for it."""
    return settings.embedding.partition(":")[0] != "openai"
