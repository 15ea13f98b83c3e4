"""The kinds of reranker that RERANKER can name, a row each: how one is opened, what it is called, which are on offer.

A name is `KIND` or `KIND:MODEL`. Another kind is another row; what it needs is imported when it is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.errors import ProviderAuth
from app.ports import Scorer
from app.providers.local_models import in_cache, locate
from app.providers.prepare import embedder_folder
from app.providers.prepared import MANIFEST, read_prepared
from app.providers.reranking.hosted.table import HOSTED
from app.providers.reranking.known import KNOWN
from app.providers.reranking.known import LATE_INTERACTION as MULTI_VECTOR
from app.providers.reranking.late_interaction import LABEL as LATE_INTERACTION
from app.providers.reranking.llm.ways import WAYS
from app.providers.reranking.none import NoScorer
from app.providers.reranking.tuned import label_tuned, offered_tuned, open_tuned
from app.settings import Settings

BUNDLED = Path(__file__).resolve().parent.parent.parent / "models" / "reranker"
COHERE_MODEL = "rerank-v3.5"


def _nothing(_: Settings) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One row. `model`: whether a name has one. `open` and `label` get it ("" without); both raise the ModelError or
    ProviderAuth that says what is missing, and `label` loads nothing. `offered`: the models (or "") that can be chosen
    here without naming them in a setting.
    """

    form: str
    model: Literal["no", "may", "must"]
    open: Callable[[str, Settings], Scorer]
    label: Callable[[str, Settings], str]
    offered: Callable[[Settings], Sequence[str]] = _nothing


def _open_none(_model: str, _settings: Settings) -> Scorer:
    return NoScorer()


def _label_none(_model: str, _settings: Settings) -> str:
    return NoScorer.profile.label


def _open_bundled(_model: str, _settings: Settings) -> Scorer:
    from app.providers.reranking.onnx_cross_encoder import open_bundled

    return open_bundled(BUNDLED)


def _label_bundled(_model: str, _settings: Settings) -> str:
    return f"cross-encoder {read_prepared(BUNDLED, check=False).name}"


def _offered_bundled(_settings: Settings) -> Sequence[str]:
    return [""] if (BUNDLED / MANIFEST).is_file() else []


def _open_late_interaction(model: str, settings: Settings) -> Scorer:
    if model:
        from app.providers.reranking.multi_vector import MultiVectorScorer

        return MultiVectorScorer(model)
    from app.providers.bundled_embedding import open_bundled_embedder
    from app.providers.reranking.late_interaction import LateInteraction

    return LateInteraction(open_bundled_embedder(settings.models_dir))


def _label_late_interaction(model: str, settings: Settings) -> str:
    if model:
        locate(model)
        return f"late interaction {model}"
    read_prepared(embedder_folder(settings.models_dir), check=False)
    return LATE_INTERACTION


def _offered_late_interaction(_settings: Settings) -> Sequence[str]:
    return ["", *(known.name for known in MULTI_VECTOR if in_cache(known.name))]


def _open_cross_encoder(model: str, settings: Settings) -> Scorer:
    from app.providers.reranking.cross_encoder import open_cross_encoder

    return open_cross_encoder(model, settings.models_dir)


def _label_cross_encoder(model: str, _settings: Settings) -> str:
    locate(model)
    return f"cross-encoder {model}"


def _offered_cross_encoder(_settings: Settings) -> Sequence[str]:
    return [name for name in KNOWN if in_cache(name)]


def _open_cohere(model: str, settings: Settings) -> Scorer:
    from app.providers.reranking.cohere import CohereScorer

    return CohereScorer(model, settings)


def _label_cohere(model: str, settings: Settings) -> str:
    if settings.cohere_api_key is None and settings.cohere_base_url is None:
        raise ProviderAuth("Cohere needs a key.", hint="Set COHERE_API_KEY in .env or the environment.")
    return f"Cohere {model}"


def _offered_cohere(_settings: Settings) -> Sequence[str]:
    return [COHERE_MODEL]


KINDS: Mapping[str, Kind] = {
    "late-interaction": Kind(
        "late-interaction or late-interaction:NAME_OR_PATH",
        "may",
        _open_late_interaction,
        _label_late_interaction,
        _offered_late_interaction,
    ),
    "bundled": Kind("bundled", "no", _open_bundled, _label_bundled, _offered_bundled),
    "cross-encoder": Kind(
        "cross-encoder:NAME_OR_PATH", "must", _open_cross_encoder, _label_cross_encoder, _offered_cross_encoder
    ),
    "tuned": Kind("tuned:NAME", "must", open_tuned, label_tuned, offered_tuned),
    "cohere": Kind("cohere:MODEL", "must", _open_cohere, _label_cohere, _offered_cohere),
    **{row.name: Kind(row.form, row.model, row.open, row.label, row.offered) for row in HOSTED},
    **{way.name: Kind(way.form, "may", way.open, way.label, way.offered) for way in WAYS},
    "none": Kind("none", "no", _open_none, _label_none, lambda _: [""]),
}
_HERE = {"late-interaction", "bundled", "cross-encoder", "tuned", "none"}
_LANGUAGE_MODELS = {way.name for way in WAYS}


def is_language_model(name: str) -> bool:
    """Whether a reranker is a chat model, by its setting name: slow, and paid for by the passage."""
    return name.partition(":")[0] in _LANGUAGE_MODELS


def is_hosted(name: str) -> bool:
    """Whether a reranker is somebody's service, by its setting name."""
    kind = name.partition(":")[0]
    return kind in KINDS and kind not in _HERE
