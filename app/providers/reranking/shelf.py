"""The local rerankers as a table: what ships, what is known, what is on this machine, and how fast it is here.

A row a model. More rows are another function among SOURCES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from app.domain import ScorerId
from app.errors import ModelError
from app.providers.local_models import in_cache, is_whole, locate
from app.providers.prepare import embedder_folder, prepared_cross_encoder
from app.providers.prepared import read_prepared
from app.providers.reranking.kinds import BUNDLED
from app.providers.reranking.known import CROSS_ENCODERS, LATE_INTERACTION, Known
from app.providers.reranking.speeds import Speed, kept_speeds, speeds_file
from app.providers.reranking.tuned import PROVIDER as TUNED
from app.providers.reranking.tuned import model_folder, offered_tuned
from app.settings import Settings

Here = Literal["ships", "yes", "exported", "in part", "no"]


@dataclass(frozen=True, slots=True)
class Row:
    """One model. `name` as in RERANKER; `parameters` in millions; `window` in tokens; None or "" where not known.

    `here`: it ships with Sluice, its files are on this machine (`exported`: to int8 too; `in part`: not all of them),
    or not. `speed`: as measured on this machine, of the form that would run.
    """

    name: str
    parameters: float | None
    licence: str
    languages: str
    window: int | None
    here: Here
    speed: Speed | None = None


Source = Callable[[Settings], Sequence[Row]]


def rows(settings: Settings) -> list[Row]:
    """What ships, then what is known and here, then what is known and could be pulled. Loads and fetches nothing."""
    found = [row for source in SOURCES for row in source(settings)]
    return [*(row for row in found if row.here != "no"), *(row for row in found if row.here == "no")]


def _shipped(settings: Settings) -> Iterator[Row]:
    speeds = kept_speeds(speeds_file(settings.models_dir))
    try:
        model = read_prepared(embedder_folder(settings.models_dir), check=False)
        embedding = ScorerId(
            "late-interaction", model.name, model.revision, "maxsim", model.precision, window=model.window - 2
        )
        speed = speeds.get(str(embedding))
    except ModelError:
        speed = None
    yield Row("late-interaction", 23, "Apache-2.0", "English", 254, "ships", speed)
    try:
        model = read_prepared(BUNDLED, check=False)
    except ModelError:
        return
    own = ScorerId("bundled", model.name, model.revision, "identity", model.precision, window=model.window)
    yield Row("bundled", 19, "see its card", "English", model.window, "ships", speeds.get(str(own)))


def _cross_encoders(settings: Settings) -> Iterator[Row]:
    speeds = kept_speeds(speeds_file(settings.models_dir))
    for known in CROSS_ENCODERS:
        for name in (known.name, known.earlier):
            if name and in_cache(name):
                yield _row("cross-encoder", known, _cross_encoder_here(name, settings), speeds, name)
        if not any(in_cache(name) for name in (known.name, known.earlier) if name):
            yield _row("cross-encoder", known, "no", speeds, known.name)


def _late_interaction(settings: Settings) -> Iterator[Row]:
    speeds = kept_speeds(speeds_file(settings.models_dir))
    for known in LATE_INTERACTION:
        here: Here = ("yes" if is_whole(locate(known.name)) else "in part") if in_cache(known.name) else "no"
        yield _row("late-interaction", known, here, speeds, known.name)


def _cross_encoder_here(name: str, settings: Settings) -> Here:
    if not is_whole(locate(name)):
        return "in part"
    return "yes" if prepared_cross_encoder(name, settings.models_dir) is None else "exported"


def _row(kind: str, known: Known, here: Here, speeds: dict[str, Speed], name: str) -> Row:
    speed = _speed_of(kind, name, here, speeds) if here in ("yes", "exported") else None
    return Row(f"{kind}:{name}", known.parameters, known.licence, known.languages, known.window, here, speed)


def _speed_of(kind: str, name: str, here: Here, speeds: dict[str, Speed]) -> Speed | None:
    """Of the form that would run: an export is another one, with another speed."""
    provider = "multi-vector" if kind == "late-interaction" else kind
    exported = here == "exported"
    fitting = [
        speed
        for scorer, speed in speeds.items()
        if scorer.startswith(f"{provider}/{name}/") and ("/int8" in scorer) == exported
    ]
    return max(fitting, key=lambda speed: speed.day, default=None)


def _tuned(settings: Settings) -> Iterator[Row]:
    """Those that won; a language is that of the labels they were tuned on."""
    speeds = kept_speeds(speeds_file(settings.models_dir))
    for name in offered_tuned(settings):
        try:
            model = read_prepared(model_folder(settings.sluice_home, name), check=False)
        except ModelError:
            yield Row(f"{TUNED}:{name}", None, "yours", "", None, "in part")
            continue
        own = ScorerId(TUNED, name, model.revision, "identity", model.precision, window=model.window)
        yield Row(f"{TUNED}:{name}", None, "yours", "", model.window, "yes", speeds.get(str(own)))


SOURCES: tuple[Source, ...] = (
    lambda settings: list(_shipped(settings)),
    lambda settings: list(_tuned(settings)),
    lambda settings: list(_cross_encoders(settings)),
    lambda settings: list(_late_interaction(settings)),
)
