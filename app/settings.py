"""The only reader of the environment. Every setting here is listed in `.env.example`; a test keeps the two equal.

Precedence: an argument of the caller, then the environment, then `.env` in the current folder, then the default.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.addresses import fault_in
from app.domain import RetrievalMode
from app.errors import SettingsError

ChatProvider = Literal["openai", "cohere", "anthropic", "google"]
_CHAT_PROVIDERS: dict[str, ChatProvider] = {
    "openai": "openai",
    "cohere": "cohere",
    "anthropic": "anthropic",
    "google": "google",
}


class Settings(BaseSettings):
    """Settings of one process. Names in the environment are these names in upper case."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    # where things live
    sluice_home: Path = Field(Path(".sluice"), description="Libraries, prepared models, scores, votes and reports")
    sluice_models: Path | None = Field(None, description="Prepared models; default SLUICE_HOME/models")
    library: str = Field("handbook", description="The library to read and fill when none is named")
    chroma_url: str | None = Field(None, description="A Chroma server for the vectors; embedded when empty")

    # how files are read
    text_columns: str | None = Field(
        None, description="Columns of tables that make the passage, with commas; guessed if empty"
    )
    title_column: str | None = Field(None, description="The column of tables that is a row's title; guessed if empty")
    largest_file_mb: int = Field(256, ge=1, description="Megabytes above which a file is refused and not read")

    # how documents are cut
    chunking: str = Field(
        "auto", description="auto | headings | sentences | tokens | rows | definitions, with a size: sentences:128"
    )

    # models
    embedding: str = Field(
        "bundled",
        description="bundled | sentence-transformers:NAME_OR_PATH | openai:text-embedding-3-small | cohere:embed-v4.0",
    )
    embedding_base_url: str | None = Field(
        None, description="An OpenAI-compatible server for embeddings alone; OPENAI_BASE_URL if empty"
    )
    embedding_api_key: SecretStr | None = Field(None, description="The key of that server")
    embedding_dimensions: int | None = Field(
        None, ge=16, le=8192, description="Shorter vectors, where the embedding model can; its own length if empty"
    )
    embedding_question_prompt: str | None = Field(
        None, description="Put before each question to embed, where the model wants it and does not say so itself"
    )
    embedding_passage_prompt: str | None = Field(None, description="The same before each passage")
    embedding_timeout: float = Field(30.0, gt=0, description="Seconds an embedding service may be silent")
    reranker: str = Field(
        "auto",
        description="auto | bundled | late-interaction | cross-encoder:NAME_OR_PATH | tuned:NAME | cohere:MODEL | none",
    )
    reranker_policy: Literal["required", "fallback", "skip"] = Field(
        "fallback", description="When the reranker fails: refuse, use the fallback, or go on in retrieval order"
    )
    reranker_fallback: str = Field("auto", description="The second scorer of the policy `fallback`; auto: what ships")
    reranker_timeout: float = Field(10.0, gt=0, description="Seconds a hosted reranker may take to answer")
    passage_fields: str = Field(
        "title,section,text", description="What the scorer sees: title, section, context, text or metadata columns"
    )
    fused_map: bool = Field(True, description="Judge by score and retrieval evidence together; off: by the score alone")
    skip_margin: float | None = Field(
        None, ge=0, le=1, description="Lead in p of the first passage from which on no reranker is asked; empty: always"
    )
    early_stop: int = Field(0, ge=0, le=100, description="Stop scoring after so many hopeless candidates; 0: never")
    score_cache_mb: int = Field(64, ge=0, description="Megabytes of scores to keep on disk; 0 keeps none")

    # retrieval
    retrieval: RetrievalMode = Field("hybrid", description="dense | lexical | hybrid")
    candidates: int = Field(20, ge=1, le=100, description="Candidates to retrieve, 1 to 100")
    question_timeout: float = Field(
        60.0, gt=0, description="Seconds a question may wait for services in all, until its answer begins"
    )

    # the gate: empty takes the calibration's value
    answer_above: float | None = Field(None, ge=0, le=1, description="Answer only if p_answerable is at least this")
    keep_above: float | None = Field(None, ge=0, le=1, description="Keep passages whose p is at least this")
    raw_keep_above: float | None = Field(None, description="The same for an uncalibrated scorer, on its raw score")
    min_chunks: int = Field(3, ge=0, le=20, description="Rescue up to this many passages")
    max_chunks: int = Field(5, ge=1, le=20, description="Let through at most this many passages")
    rescue_ratio: float = Field(0.25, ge=0, le=1, description="A rescued passage has at least this share of the best p")
    ratio_to_top: float | None = Field(None, ge=0, le=1, description="Drop passages below this share of the best p")
    duplicate_above: float = Field(
        0.85, ge=0, le=1, description="Token containment above which a passage is a duplicate"
    )

    # the chat model; without key and base URL answers are extractive
    chat_model: str = Field(
        "gpt-4o-mini", description="Model name at the chat API; or cohere:MODEL, anthropic:MODEL, google:MODEL"
    )
    openai_api_key: SecretStr | None = Field(None, description="Key for chat and OpenAI embeddings")
    openai_base_url: str | None = Field(None, description="Any OpenAI-compatible API: Ollama, vLLM, llama.cpp")
    chat_api: Literal["auto", "completions", "responses"] = Field(
        "auto", description="Which of OpenAI's two chat interfaces: auto takes what the model needs"
    )
    anthropic_api_key: SecretStr | None = Field(None, description="Key for CHAT_MODEL=anthropic:MODEL")
    anthropic_base_url: str | None = Field(None, description="A server with Anthropic's interface")
    google_api_key: SecretStr | None = Field(None, description="Key for CHAT_MODEL=google:MODEL")
    google_base_url: str | None = Field(None, description="A server with the Gemini interface")
    chat_window: int | None = Field(None, ge=512, description="Context window in tokens, where the model's is unknown")
    grader_model: str | None = Field(None, description="Model that grades answers in evaluation; CHAT_MODEL if empty")
    chat_timeout: float = Field(60.0, gt=0, description="Seconds the chat model may be silent")
    passage_tokens: int = Field(6000, ge=256, description="Most tokens of passages to send to the chat model")
    parent_tokens: int = Field(
        0, ge=0, description="Send each passage with its section, up to so many tokens; 0: alone"
    )
    answer_tokens: int = Field(800, ge=16, description="Tokens reserved for the answer")

    # hosted rerankers
    cohere_api_key: SecretStr | None = Field(None, description="Key for Cohere")
    cohere_base_url: str | None = Field(None, description="A Cohere-compatible server")
    reranker_scale: Literal["logit", "bounded"] | None = Field(
        None, description="Scores of servers that cannot be asked for raw ones"
    )
    voyage_api_key: SecretStr | None = Field(None, description="Key for Voyage")
    voyage_base_url: str | None = Field(None, description="Another address: https://ai.mongodb.com/v1 for Atlas keys")
    jina_api_key: SecretStr | None = Field(None, description="Key for Jina")
    jina_base_url: str | None = Field(None, description="A server with Jina's interface")
    pinecone_api_key: SecretStr | None = Field(None, description="Key for Pinecone")
    pinecone_base_url: str | None = Field(None, description="Pinecone at another address")
    vertex_project: str | None = Field(None, description="Google Cloud project for the ranking API")
    vertex_location: str = Field("global", description="Its location: global, us or eu")
    vertex_access_token: SecretStr | None = Field(
        None, description="Access token; the credentials of this machine if empty"
    )
    vertex_base_url: str | None = Field(None, description="The ranking API at another address")
    vllm_base_url: str | None = Field(None, description="A vLLM server with a reranker")
    vllm_api_key: SecretStr | None = Field(None, description="Its key, if it wants one")
    tei_base_url: str | None = Field(None, description="A Text Embeddings Inference server with a reranker")
    tei_api_key: SecretStr | None = Field(None, description="Its key, if it wants one")
    llamacpp_base_url: str | None = Field(None, description="A llama.cpp server with a reranker")
    llamacpp_api_key: SecretStr | None = Field(None, description="Its key, if it wants one")
    litellm_base_url: str | None = Field(None, description="A LiteLLM proxy")
    litellm_api_key: SecretStr | None = Field(None, description="Its key")
    azure_search_base_url: str | None = Field(None, description="An Azure AI Search service")
    azure_search_api_key: SecretStr | None = Field(None, description="A query key of it")
    azure_search_row_key: str = Field(
        "id", description="The filterable key field of the index, and the same column of the library"
    )
    databricks_base_url: str | None = Field(None, description="A Databricks workspace")
    databricks_api_key: SecretStr | None = Field(None, description="A token of it")
    databricks_row_key: str = Field(
        "id", description="The primary key of the index, and the same column of the library"
    )
    databricks_columns: str = Field("text", description="Columns that are reranked by")

    # LLM rerankers, where they ask another server than the chat model
    llm_reranker_base_url: str | None = Field(None, description="An OpenAI-compatible server; OPENAI_BASE_URL if empty")
    llm_reranker_api_key: SecretStr | None = Field(None, description="Its key; without a server of its own OpenAI's")
    llm_reranker_calls: int = Field(8, ge=1, le=64, description="Calls that an LLM reranker makes at a time")

    # what services cost
    price_file: Path | None = Field(None, description="A TOML file with prices of your own, before the list that ships")

    # the page
    host: str = Field("127.0.0.1", description="Address the page is served on")
    port: int = Field(8501, ge=0, le=65535, description="Port the page is served on")

    @field_validator("*")
    @classmethod
    def _no_key_in_url(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str) or not str(info.field_name).endswith("_url"):
            return value
        fault = fault_in(value)
        if fault:
            raise ValueError(fault)
        return value.rstrip("/")

    @field_validator("*")
    @classmethod
    def _key_can_be_sent(cls, value: object) -> object:
        if not isinstance(value, SecretStr):
            return value
        key = value.get_secret_value().strip()
        if not key.isascii() or not key.isprintable() or " " in key:  # an HTTP client would say so with the key in it
            raise ValueError("holds a blank, a line break or another character that no key has")
        return SecretStr(key)

    @property
    def models_dir(self) -> Path:
        return self.sluice_models if self.sluice_models is not None else self.sluice_home / "models"

    @property
    def libraries_dir(self) -> Path:
        return self.sluice_home / "libraries"

    @property
    def score_cache_file(self) -> Path:
        return self.sluice_home / "cache" / "scores.sqlite3"

    @property
    def calibrations_dir(self) -> Path:
        """Calibrations of one's own; may not exist."""
        return self.sluice_home / "calibrations"

    @property
    def chat_provider(self) -> tuple[ChatProvider, str]:
        """Who is asked for answers, and the model's name there. Only the names of providers count as such before a
        colon: `qwen2.5:7b` is a model of a local server."""
        before, colon, after = self.chat_model.partition(":")
        provider = _CHAT_PROVIDERS.get(before)
        return ("openai", self.chat_model) if provider is None or not colon else (provider, after)

    @property
    def chat_configured(self) -> bool:
        """Whether there is a key or an address to ask for answers."""
        provider, _ = self.chat_provider
        return any(getattr(self, f"{provider}_{what}") is not None for what in ("api_key", "base_url"))


def load_settings(**overrides: object) -> Settings:
    """Settings from arguments, environment and `.env`. Overrides that are None are left to the environment.

    Raises SettingsError naming each setting that cannot be used.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors(include_input=False)
        ]
        raise SettingsError(
            "; ".join(lines), hint="Correct it in .env or the environment; .env.example lists every setting."
        ) from None
