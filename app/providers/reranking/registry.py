"""The setting RERANKER, as a scorer; and what can be chosen on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.errors import SettingsError, SluiceError
from app.ports import Scorer
from app.providers.bundled_embedding import open_bundled_embedder
from app.providers.reranking.late_interaction import LateInteraction
from app.providers.reranking.none import NoScorer
from app.settings import Settings

BUNDLED = Path(__file__).resolve().parent.parent.parent / "models" / "reranker"
_KNOWN = "auto, bundled, late-interaction, cross-encoder:NAME_OR_PATH, cohere:MODEL, none"


@dataclass(frozen=True, slots=True)
class RerankerChoice:
    """One reranker a person can choose: its setting name, what the page calls it, and why it cannot be used."""

    name: str
    label: str
    available: bool
    reason: str | None = None


def resolve(name: str, settings: Settings) -> str:
    """`auto` as the name of what is there: the bundled cross-encoder, or late interaction until it exists."""
    if name != "auto":
        return name
    return "bundled" if (BUNDLED / "model.onnx").exists() else "late-interaction"


def open_scorer(name: str, settings: Settings) -> Scorer:
    """The scorer of a setting name. Imports only what it needs; nothing is downloaded.

    Raises SettingsError for an unknown name, ModelMissing, ModelDamaged or ProviderAuth.
    """
    provider, _, model = resolve(name, settings).partition(":")
    match provider, model:
        case "none", "":
            return NoScorer()
        case "late-interaction", "":
            return LateInteraction(open_bundled_embedder(settings.models_dir))
        case _:
            raise SettingsError(f"RERANKER={name} names no reranker.", hint=f"One of: {_KNOWN}")


def choices(settings: Settings) -> list[RerankerChoice]:
    """What can be chosen here, the default first."""
    found = [_checked("late-interaction", settings), _checked("none", settings)]
    configured = resolve(settings.reranker, settings)
    if configured not in {choice.name for choice in found}:
        found.insert(0, _checked(configured, settings))
    return found


def _checked(name: str, settings: Settings) -> RerankerChoice:
    try:
        return RerankerChoice(name, open_scorer(name, settings).profile.label, True)
    except SluiceError as error:
        return RerankerChoice(name, name, False, f"{error.message} {error.hint}".strip())
