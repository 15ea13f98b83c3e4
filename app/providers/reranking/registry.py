"""The setting RERANKER, as a scorer; and what can be chosen on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.errors import ProviderAuth, SettingsError, SluiceError
from app.ports import Scorer
from app.providers.local_models import locate
from app.providers.prepare import embedder_folder
from app.providers.prepared import MANIFEST, read_prepared
from app.providers.reranking.late_interaction import LABEL as LATE_INTERACTION
from app.providers.reranking.none import NoScorer
from app.providers.reranking.tuned import model_folder, tuned_models
from app.settings import Settings

BUNDLED = Path(__file__).resolve().parent.parent.parent / "models" / "reranker"
# What ships and `auto` stands for where nothing better is here: a name that is also its scorers' provider. On kinds of
# document that it has never seen the bundled cross-encoder ranks as well and no better (docs/quality.md); it is the one
# to choose for kinds it was trained on, such as financial reports.
DEFAULT = "late-interaction"
COHERE_DEFAULT = "cohere:rerank-v3.5"
# shorter names for what a person means: the local default, the cross-encoder that ships, Cohere's usual model
ALIASES = {"local": "auto", "cross-encoder": "bundled", "cohere": COHERE_DEFAULT}
_KNOWN = "auto, bundled, late-interaction, cross-encoder:NAME_OR_PATH, tuned:NAME, cohere:MODEL, none"


@dataclass(frozen=True, slots=True)
class RerankerChoice:
    """One reranker a person can choose: its setting name, what the page calls it, and why it cannot be used.

    `note` says why it is the one that `auto` stands for, where it is not what ships.
    """

    name: str
    label: str
    available: bool
    reason: str | None = None
    note: str = ""


def resolve(name: str, auto: str = DEFAULT) -> str:
    """The setting name with `auto` as what it stands for (what ships, unless `app.automatic` found better), and with
    `local`, `cross-encoder` and `cohere` written out.

    >>> resolve("local"), resolve("cohere")
    ('late-interaction', 'cohere:rerank-v3.5')
    """
    named = ALIASES.get(name, name)
    return auto if named == "auto" else named


def label_of(name: str) -> str:
    """What a scorer that ships is called, in short."""
    return {"late-interaction": "late interaction", "bundled": "the bundled cross-encoder"}[name]


def open_scorer(name: str, settings: Settings) -> Scorer:
    """The scorer of a setting name. Imports only what it needs; nothing is downloaded.

    Raises SettingsError for an unknown name, ModelMissing, ModelDamaged or ProviderAuth.
    """
    provider, _, model = resolve(name).partition(":")
    match provider, model:
        case "none", "":
            return NoScorer()
        case "late-interaction", "":
            from app.providers.bundled_embedding import open_bundled_embedder
            from app.providers.reranking.late_interaction import LateInteraction

            return LateInteraction(open_bundled_embedder(settings.models_dir))
        case "bundled", "":
            from app.providers.reranking.onnx_cross_encoder import open_bundled

            return open_bundled(BUNDLED)
        case "cross-encoder", str() if model:
            from app.providers.reranking.cross_encoder import open_cross_encoder

            return open_cross_encoder(model, settings.models_dir)
        case "cohere", str() if model:
            from app.providers.reranking.cohere import CohereScorer

            return CohereScorer(model, settings)
        case "tuned", str() if model:
            from app.providers.reranking.onnx_cross_encoder import open_exported

            folder = model_folder(settings.sluice_home, model)
            return open_exported(folder, provider="tuned", model=model, fix=f"Tune it again: --name {model}")
        case _:
            raise _unknown(name)


def choices(settings: Settings, auto: str = DEFAULT) -> list[RerankerChoice]:
    """What can be chosen here, what `auto` stands for first. Looks for files and keys; loads nothing."""
    names = [
        auto,
        resolve(settings.reranker, auto),
        DEFAULT,
        *(["bundled"] if (BUNDLED / MANIFEST).is_file() else []),
        *(f"tuned:{tuned.name}" for tuned in tuned_models(settings.sluice_home) if tuned.promoted),
        COHERE_DEFAULT,
        "none",
    ]
    return [_looked_at(name, settings) for name in dict.fromkeys(names)]


def _looked_at(name: str, settings: Settings) -> RerankerChoice:
    try:
        return RerankerChoice(name, _label(name, settings), True)
    except SluiceError as error:
        return RerankerChoice(name, name, False, f"{error.message} {error.hint}".strip())


def _label(name: str, settings: Settings) -> str:
    """What a scorer is called; raises what opening it would raise because something is not there."""
    provider, _, model = name.partition(":")
    match provider, model:
        case "none", "":
            return NoScorer.profile.label
        case "late-interaction", "":
            read_prepared(embedder_folder(settings.models_dir), check=False)
            return LATE_INTERACTION
        case "bundled", "":
            return f"cross-encoder {read_prepared(BUNDLED, check=False).name}"
        case "cross-encoder", str() if model:
            locate(model)
            return f"cross-encoder {model}"
        case "tuned", str() if model:
            read_prepared(model_folder(settings.sluice_home, model), check=False)
            return f"tuned cross-encoder {model}"
        case "cohere", str() if model:
            if settings.cohere_api_key is None and settings.cohere_base_url is None:
                raise ProviderAuth("Cohere needs a key.", hint="Set COHERE_API_KEY in .env or the environment.")
            return f"Cohere {model}"
        case _:
            raise _unknown(name)


def _unknown(name: str) -> SettingsError:
    return SettingsError(f"RERANKER={name} names no reranker.", hint=f"One of: {_KNOWN}")
