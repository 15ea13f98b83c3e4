"""The setting EMBEDDING, as an Embedder."""

from __future__ import annotations

from app.errors import SettingsError
from app.ports import Embedder
from app.settings import Settings

HINT = (
    "sentence-transformers:NAME_OR_PATH, openai:text-embedding-3-small, openai:MODEL at EMBEDDING_BASE_URL, "
    "cohere:embed-v4.0"
)


def open_embedder(settings: Settings) -> Embedder:
    """The embedder that `settings.embedding` names.

    `bundled`, `sentence-transformers:NAME_OR_PATH`, `openai:MODEL` or `cohere:MODEL`. Imports only what the chosen one
    needs; nothing is downloaded. Raises SettingsError for an unknown name, or for prompts and dimensions that the
    bundled one does not have; ModelMissing or ModelDamaged for weights; ProviderAuth without a key.
    """
    provider, _, model = settings.embedding.partition(":")
    match provider, model:
        case "bundled", "":
            from app.providers.bundled_embedding import open_bundled_embedder

            _nothing_else_asked(settings)
            return open_bundled_embedder(settings.models_dir)
        case "sentence-transformers", str() if model:
            from app.providers.sentence_embedding import SentenceEmbedder

            return SentenceEmbedder(model, settings)
        case "openai", str() if model:
            from app.providers.openai_embedding import OpenAIEmbedder

            return OpenAIEmbedder(model, settings)
        case "cohere", str() if model:
            from app.providers.cohere_embedding import CohereEmbedder

            return CohereEmbedder(model, settings)
        case _:
            raise SettingsError(
                f"EMBEDDING={settings.embedding} names no embedder.",
                hint=f"One of: bundled, {HINT}",
            )


def runs_here(settings: Settings) -> bool:
    """Whether the embedder that `settings.embedding` names works on this machine, so that nobody is paid for it."""
    return settings.embedding.partition(":")[0] not in ("openai", "cohere")


def _nothing_else_asked(settings: Settings) -> None:
    """The bundled model has one length and no prompts; to ignore a setting would be to pretend."""
    for name in ("embedding_dimensions", "embedding_question_prompt", "embedding_passage_prompt"):
        if getattr(settings, name) is not None:
            raise SettingsError(
                f"{name.upper()} is not for EMBEDDING=bundled.",
                hint=f"Leave it out, or choose another embedder: {HINT}",
            )
