"""The setting RERANKER, as a scorer; and what can be chosen on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import SettingsError, SluiceError, UsageError
from app.ports import Scorer
from app.providers.reranking.cascade_names import FORM as CASCADE_FORM
from app.providers.reranking.cascade_names import Cascade, cascade_named
from app.providers.reranking.kinds import BUNDLED, COHERE_MODEL, KINDS, Kind, is_language_model
from app.settings import Settings

__all__ = [
    "ALIASES",
    "BUNDLED",
    "COHERE_DEFAULT",
    "DEFAULT",
    "RerankerChoice",
    "cascade_of",
    "choices",
    "open_scorer",
    "resolve",
]

# What ships and `auto` stands for where nothing better is here: a name that is also its scorers' provider. On kinds of
# document that it has never seen the bundled cross-encoder ranks as well and no better (docs/quality.md); it is the one
# to choose for kinds it was trained on, such as financial reports.
DEFAULT = "late-interaction"
COHERE_DEFAULT = f"cohere:{COHERE_MODEL}"
# shorter names for what a person means: the local default, the cross-encoder that ships, Cohere's usual model
ALIASES = {"local": "auto", "cross-encoder": "bundled", "cohere": COHERE_DEFAULT}


@dataclass(frozen=True, slots=True)
class RerankerChoice:
    """One reranker a person can choose: its setting name, what the page calls it, and why it cannot be used.

    `note` says why it is the one that `auto` stands for, where it is not what ships. `on_request`: where several are
    run side by side, it is run only when it was named: a chat model is paid for by the passage.
    """

    name: str
    label: str
    available: bool
    reason: str | None = None
    note: str = ""
    on_request: bool = False


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
    if cascade_of(name) is not None:
        raise UsageError(f"{name} is two scorers.", hint="Name one of them here; a question can be asked with both.")
    kind, model = _kind_of(resolve(name))
    return kind.open(model, settings)


def cascade_of(name: str) -> Cascade | None:
    """The two scorers of a cascade's name; None for any other name. Raises SettingsError for one that cannot be read.

    >>> cascade_of("cascade:cross-encoder:/models/a+b+bundled").first
    'cross-encoder:/models/a+b'
    """
    return cascade_named(name, (*KINDS, *ALIASES, "auto"))


def choices(settings: Settings, auto: str = DEFAULT) -> list[RerankerChoice]:
    """What can be chosen here: what `auto` stands for, what the settings name, and of every kind what is ready. Looks
    for files and keys; loads nothing."""
    offered = [f"{kind}:{model}" if model else kind for kind, row in KINDS.items() for model in row.offered(settings)]
    names = [auto, resolve(settings.reranker, auto), *offered]
    return [_looked_at(name, settings) for name in dict.fromkeys(names)]


def _looked_at(name: str, settings: Settings) -> RerankerChoice:
    try:
        return RerankerChoice(name, _label(name, settings), True, on_request=is_language_model(name))
    except SluiceError as error:
        return RerankerChoice(name, name, False, f"{error.message} {error.hint}".strip())


def _label(name: str, settings: Settings) -> str:
    """What a reranker is called; raises what opening it would raise because something is not there."""
    cascade = cascade_of(name)
    if cascade is not None:
        parts = (_label(resolve(part), settings) for part in (cascade.first, cascade.then))
        first, then = (part.partition(" (")[0] for part in parts)  # surfaces cut labels at a bracket
        return f"{first}, then {then} on the best {cascade.passes_on}"
    kind, model = _kind_of(name)
    return kind.label(model, settings)


def _kind_of(name: str) -> tuple[Kind, str]:
    """The row of a name, and its model. Raises SettingsError."""
    named, colon, model = name.partition(":")
    kind = KINDS.get(named)
    if kind is None or (kind.model == "must" and not model) or (kind.model == "no" and colon) or (colon and not model):
        forms = ", ".join(["auto", *(row.form for row in KINDS.values()), CASCADE_FORM])
        raise SettingsError(f"RERANKER={name} names no reranker.", hint=f"One of: {forms}")
    return kind, model
