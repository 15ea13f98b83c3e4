"""Settings -> Sluice: the one place where concrete parts meet. Heavy parts are loaded when first asked for, once."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from app.applied_gates import with_applied
from app.automatic import Automatic, automatic
from app.calibration.score_only import score_only
from app.calibration.store import calibration_for, evidence_calibration
from app.domain import Chunk, Filter, LibraryInfo, Scalar
from app.errors import LibraryNotFound, SettingsError, UsageError
from app.evaluation.votes import Votes
from app.library import admin, check
from app.library.pool import ReaderPool
from app.pipeline import GateChoice, Limits, Options, Pipeline, Prompts
from app.ports import Embedder, LibraryReader, Scorer
from app.prices.model import PriceList
from app.prices.read import price_list
from app.providers.chat import open_chat
from app.providers.embedding import open_embedder, runs_here
from app.providers.reranking.cached import remembered
from app.providers.reranking.registry import (
    ALIASES,
    DEFAULT,
    RerankerChoice,
    cascade_of,
    choices,
    open_scorer,
    resolve,
)
from app.providers.reranking.templated import with_template
from app.providers.score_cache import ScoreFile, runtime
from app.samples import SampleQuestion, samples
from app.settings import Settings, load_settings
from app.stages.fields import template_of
from app.stages.judge import Judge

UNKNOWN_WINDOW = 4096  # what small local servers serve by default; some cut a longer prompt silently


class Sluice:
    """Everything the surfaces use. One a process, shared by all sessions; holds no question's state."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.votes = Votes(settings.sluice_home / "votes")
        self._lock = threading.RLock()
        self._scorers: dict[str, Scorer] = {}

    # -- parts ---------------------------------------------------------------------------------------

    @cached_property
    def embedder(self) -> Embedder:
        with self._lock:
            return open_embedder(self.settings)

    @cached_property
    def score_cache(self) -> ScoreFile | None:
        """The scores kept on disk; None where SCORE_CACHE_MB is 0."""
        megabytes = self.settings.score_cache_mb
        if megabytes == 0:
            return None
        return ScoreFile(self.settings.score_cache_file, megabytes=megabytes, runs_on=runtime())

    @cached_property
    def prices(self) -> PriceList:
        """What services cost, one's own prices first. Raises SettingsError where PRICE_FILE cannot be used."""
        return price_list(self.settings.price_file)

    @cached_property
    def readers(self) -> ReaderPool:
        return ReaderPool(
            self.settings.libraries_dir, embedder_id=self.embedder.id, chroma_url=self.settings.chroma_url
        )

    @cached_property
    def pipeline(self) -> Pipeline:
        with self._lock:
            chat = open_chat(self.settings)
            window = None if chat is None else chat.window
            if window is None:
                window = self.settings.chat_window
            return Pipeline(
                open_reader=self.open_reader,
                embedder=self.embedder,
                open_judge=self.open_judge,
                sentence_scorer=lambda: self.scorer(DEFAULT),  # not `auto`'s: it reads some fifty sentences
                chat=chat,
                prompts=_prompts(),
                limits=Limits(
                    window=UNKNOWN_WINDOW if window is None and chat is not None else window or 2 * UNKNOWN_WINDOW,
                    window_known=chat is None or window is not None,
                    passages=self.settings.passage_tokens,
                    parent=self.settings.parent_tokens,
                    answer=self.settings.answer_tokens,
                ),
                embeds_here=runs_here(self.settings),
                prices=self.prices,
                seconds=self.settings.question_timeout,
            )

    def scorer(self, name: str) -> Scorer:
        """A scorer by its setting name, loaded once. Raises SettingsError, ModelError or ProviderError."""
        name = self._named(name)
        with self._lock:
            if name not in self._scorers:
                scorer = with_template(open_scorer(name, self.settings), self._template)
                self._scorers[name] = scorer if self.score_cache is None else remembered(scorer, self.score_cache)
            return self._scorers[name]

    @cached_property
    def automatic(self) -> Automatic:
        """What `auto` stands for; looked up once, so that it is the same for every question of this process."""
        with self._lock:
            return automatic(self.settings)

    @cached_property
    def _template(self) -> str:
        """What scorer ids call the fields that scorers are shown."""
        return template_of(_fields(self.settings))

    def _named(self, name: str) -> str:
        named = ALIASES.get(name, name)
        return self.automatic.name if named == "auto" else named

    def open_judge(self, name: str, library: LibraryInfo) -> Judge:
        """A scorer with the calibration that fits this library best; for a cascade two of them."""
        cascade = cascade_of(name)
        if cascade is not None:
            first, then = self.open_judge(cascade.first, library), self.open_judge(cascade.then, library)
            return replace(then, first=first, passes_on=cascade.passes_on, evidence=None)
        scorer = self.scorer(name)
        own = self.settings.calibrations_dir
        calibration = calibration_for(scorer.profile, library, own_dir=own if own.is_dir() else None)
        if not self.settings.fused_map:
            calibration = score_only(calibration)
        home = self.settings.sluice_home
        calibration = with_applied(calibration, str(scorer.profile.id), home=home, library=library.name)
        auto = self.settings.reranker == "auto" and self._named(name) == self.automatic.name
        why = self.automatic.why if auto else ""
        return Judge(scorer, calibration, why=why, evidence=evidence_calibration())

    # -- questions -----------------------------------------------------------------------------------

    def options(
        self,
        *,
        library: str | None = None,
        reranker: str | None = None,
        retrieval: str | None = None,
        candidates: int | None = None,
        where: Filter = (),
        reranker_policy: str | None = None,
        gate: GateChoice | None = None,
    ) -> Options:
        """How to handle a question: what is given here, else the settings. Raises SettingsError on a bad value."""
        settings = load_settings(
            **{
                **self.settings.model_dump(),
                **_given(
                    library=library,
                    reranker=reranker,
                    retrieval=retrieval,
                    candidates=candidates,
                    reranker_policy=reranker_policy,
                ),
            }
        )
        return Options(
            library=settings.library,
            reranker=self._named(settings.reranker),
            reranker_policy=settings.reranker_policy,
            reranker_fallback=resolve(settings.reranker_fallback),  # what ships: it must work when the other does not
            retrieval=settings.retrieval,
            candidates=settings.candidates,
            where=where,
            fields=_fields(settings),
            early_stop=settings.early_stop,
            skip_margin=settings.skip_margin,
            gate=gate if gate is not None else self.gate_choice(),
        )

    def gate_choice(self, **chosen: float | int | None) -> GateChoice:
        """The gate as the settings have it, with what is given here over it. Raises UsageError for a NaN: no score is
        below it, so that the gate would stand open."""
        names = (*GateChoice.__dataclass_fields__,)
        values = {**{name: getattr(self.settings, name) for name in names}, **_given(**chosen)}
        for name, value in values.items():
            if value is not None and math.isnan(value):
                raise UsageError(f"{name} is not a number.", hint="Give one, for example 0.3, or leave it out.")
        return GateChoice(**values)

    def samples(self, library: str) -> tuple[SampleQuestion, ...]:
        """Sample questions for the handbook; none for a library of one's own."""
        return samples() if library == "handbook" else ()

    def rerankers(self) -> list[RerankerChoice]:
        """The rerankers a person can choose here, with why one cannot be used."""
        chosen = self.automatic
        return [
            replace(choice, note=f"{chosen.why[:1].upper()}{chosen.why[1:]}.")
            if choice.name == chosen.name != DEFAULT
            else choice
            for choice in choices(self.settings, chosen.name)
        ]

    # -- libraries -----------------------------------------------------------------------------------

    def open_reader(self, name: str) -> LibraryReader:
        """The current generation of a library; closing gives it back to the pool."""
        return self.readers.open(name)

    def libraries(self) -> list[LibraryInfo]:
        return admin.list_libraries(self.settings.libraries_dir)

    def library(self, name: str) -> LibraryInfo | None:
        """What there is of a library; None when there is none of that name."""
        try:
            return admin.library_info(self.settings.libraries_dir, name)
        except LibraryNotFound:
            return None

    def documents(self, name: str) -> list[admin.DocumentRow]:
        return admin.documents(self.settings.libraries_dir, name)

    def failed_files(self, name: str) -> list[admin.FailedRow]:
        """Files that could not be read into a library, with their reasons."""
        return admin.failed_files(self.settings.libraries_dir, name)

    def filter_fields(self, name: str) -> dict[str, list[Scalar]]:
        """Metadata fields with few enough values to choose from."""
        return admin.filter_fields(self.settings.libraries_dir, name)

    def around(self, name: str, chunk_id: str) -> tuple[Chunk, ...]:
        """A chunk with its neighbours in the document."""
        reader = self.open_reader(name)
        try:
            return reader.around(chunk_id)
        finally:
            reader.close()

    def delete(self, name: str, document_ids: Sequence[str]) -> None:
        """Remove documents; readers see it at once. Raises LibraryLocked while an ingest runs."""
        admin.delete_documents(self.settings.libraries_dir, name, document_ids, chroma_url=self.settings.chroma_url)

    def verify(self, name: str) -> list[str]:
        """Differences between catalogue, vectors and lexical index, a line each; empty when all agree."""
        return check.verify(self.settings.libraries_dir, name, chroma_url=self.settings.chroma_url)


def build(settings: Settings | None = None) -> Sluice:
    """Everything, from settings. Nothing heavy is loaded yet."""
    return Sluice(load_settings() if settings is None else settings)


def handbook_dir() -> Path:
    """The project's own handbook, the sample library. Raises SettingsError where it was not installed along."""
    path = Path(__file__).resolve().parent.parent / "docs"
    if not path.is_dir():
        raise SettingsError(
            "The handbook is not part of this installation.", hint="Clone the repository, or: sluice ingest YOUR_FOLDER"
        )
    return path


def _prompts() -> Prompts:
    folder = Path(__file__).resolve().parent / "prompts"
    read = {name: (folder / f"{name}.txt").read_text(encoding="utf-8") for name in Prompts.__dataclass_fields__}
    return Prompts(**read)


def _fields(settings: Settings) -> tuple[str, ...]:
    return tuple(name.strip() for name in settings.passage_fields.split(",") if name.strip())


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
