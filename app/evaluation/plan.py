"""What an evaluation is going to do: which questions, asked of which library, under which configurations."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Protocol

from app.counting import counted
from app.domain import LibraryInfo, RetrievalMode
from app.errors import UsageError
from app.evaluation.grader import Grader
from app.evaluation.labels import Passages, passages_of
from app.evaluation.manifest import Asked, ConfigurationNote, LibraryNote, Manifest, versions
from app.evaluation.questions.model import QuestionSet
from app.evaluation.questions.resolve import all_can_be_asked, resolve
from app.library.contents import read_contents
from app.pipeline import GateChoice, Options, Pipeline
from app.ports import Calibration
from app.providers.embedding import runs_here
from app.settings import Settings
from app.stages.judge import Judge
from app.stages.score import FailurePolicy


class Asking(Protocol):
    """What an evaluation needs of the wired program; `app.wiring.Sluice` is one."""

    @property
    def settings(self) -> Settings: ...

    @property
    def pipeline(self) -> Pipeline: ...

    def options(
        self,
        *,
        library: str | None = None,
        reranker: str | None = None,
        retrieval: str | None = None,
        candidates: int | None = None,
        reranker_policy: FailurePolicy | None = None,
        gate: GateChoice | None = None,
    ) -> Options: ...

    def open_judge(self, name: str, library: LibraryInfo) -> Judge: ...


AT_ONCE = 4  # questions on their way to services


@dataclass(frozen=True, slots=True)
class Configuration:
    """A retrieval mode, how many candidates, and a reranker by its setting name."""

    retrieval: RetrievalMode
    candidates: int
    reranker: str

    @property
    def id(self) -> str:
        """Names its file in the run folder; two configurations never share one.

        >>> Configuration("hybrid", 20, "late-interaction").id
        'hybrid-20-late-interaction'
        """
        plain = re.sub(r"[^A-Za-z0-9.]+", "-", self.reranker).strip("-")
        if plain != self.reranker:
            plain = f"{plain}-{hashlib.sha256(self.reranker.encode('utf-8')).hexdigest()[:6]}"
        return f"{self.retrieval}-{self.candidates}-{plain}"

    @property
    def label(self) -> str:
        """`hybrid, 20 candidates, late-interaction`."""
        return f"{self.retrieval}, {counted(self.candidates, 'candidate')}, {self.reranker}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything decided before the first question. `options` handle a question under each configuration, in order.

    `asked` are the questions in the order they are asked; `question_set` the same with their labels as given.
    `answers`: write and measure answers too; `grader`: and have it grade them. `at_once`: questions on their way at a
    time; more than one where they wait for services, because scorers on one machine only slow each other down.
    """

    asked: tuple[Passages, ...]
    question_set: QuestionSet
    configurations: tuple[Configuration, ...]
    options: tuple[Options, ...]
    answers: bool
    manifest: Manifest
    grader: Grader | None = None
    at_once: int = 1

    @property
    def most_answers(self) -> int:
        """The most answers that can be written: one for each question under each configuration."""
        return len(self.asked) * len(self.configurations) if self.answers else 0


def plan_run(
    sluice: Asking,
    questions: QuestionSet,
    *,
    library: str | None = None,
    rerankers: Sequence[str] = ("auto",),
    retrievals: Sequence[str | None] = (None,),
    candidates: Sequence[int | None] = (None,),
    sample: int | None = None,
    seed: int = 7,
    answers: bool = False,
    grader: Grader | None = None,
    gate: GateChoice | None = None,
    source: str = "",
) -> Plan:
    """Plan the grid of every retrieval, number of candidates and reranker; None takes the setting's value.

    `sample` asks so many questions, drawn with `seed`. `source` is where the set came from, for the reader. Scorers are
    opened, so that what is missing is said before the first question. Raises UsageError where there is nothing to ask,
    ScopeNotThere where a question's scope is not in the library, LibraryNotFound, SettingsError, ModelError or
    ProviderError.
    """
    if grader is not None and not answers:
        raise UsageError("There are no answers to grade.", hint="Have them written too: --answers --grade")
    options = {
        Configuration(o.retrieval, o.candidates, o.reranker): o
        for retrieval in retrievals
        for count in candidates
        for reranker in rerankers
        for o in [
            sluice.options(
                library=library,
                reranker=reranker,
                retrieval=retrieval,
                candidates=count,
                reranker_policy="required",  # another scorer's figures under this one's name would be worth nothing
                gate=gate,
            )
        ]
    }
    chosen = tuple(options)
    if not chosen or not questions.questions:
        raise UsageError("There is nothing to ask.", hint="Name at least one reranker and one question.")
    first = options[chosen[0]]
    contents = read_contents(sluice.settings.libraries_dir, first.library)
    if not contents.chunks:
        raise UsageError(f"Library {first.library} is empty.", hint=f"sluice ingest PATH --library {first.library}")
    drawn = sampled(questions, sample, seed)
    asked = tuple(passages_of(resolved) for resolved in all_can_be_asked(resolve(drawn, contents)).questions)
    judges = [sluice.open_judge(c.reranker, contents.info) for c in chosen]
    scored_here = all(
        c.reranker == "none" or j.scorer.profile.fixed_weights for c, j in zip(chosen, judges, strict=True)
    )
    local = _local(sluice.settings, answers=answers, history=any(q.history for q in drawn.questions))
    prices = {} if local and scored_here else {"prices": sluice.pipeline.prices.label}
    return Plan(
        asked=asked,
        question_set=drawn,
        configurations=chosen,
        options=tuple(options.values()),
        answers=answers,
        manifest=Manifest(
            questions=Asked(
                questions.name, questions.fingerprint, len(questions.questions), len(asked), sample, seed, source
            ),
            library=LibraryNote(
                contents.info.name,
                contents.info.generation,
                contents.info.documents,
                contents.info.chunks,
                contents.info.embedder_id,
            ),
            configurations=tuple(
                _note(c, j, first.gate, sluice.settings.passage_tokens) for c, j in zip(chosen, judges, strict=True)
            ),
            settings={**_settings(sluice.settings, first, answers, grader), **prices},
            versions=versions(),
        ),
        grader=grader,
        at_once=AT_ONCE if _waits(judges) else 1,
    )


def _waits(judges: Sequence[Judge]) -> bool:
    """Whether scoring is waiting for services, and nothing else."""
    scorers = [judge.scorer for judge in judges] + [judge.first.scorer for judge in judges if judge.first is not None]
    asked = [scorer.profile for scorer in scorers if scorer.profile.id.provider != "none"]
    return bool(asked) and not any(profile.fixed_weights for profile in asked)


def sampled(questions: QuestionSet, count: int | None, seed: int) -> QuestionSet:
    """`count` questions of the set, drawn with this seed, in the order of the set; all when there are not more."""
    if count is None or count >= len(questions.questions):
        return questions
    places = sorted(random.Random(seed).sample(range(len(questions.questions)), count))
    return QuestionSet(questions.name, tuple(questions.questions[place] for place in places))


def _note(configuration: Configuration, judge: Judge, gate: GateChoice, passage_tokens: int) -> ConfigurationNote:
    calibration = judge.calibration
    scored = configuration.reranker != "none"
    return ConfigurationNote(
        id=configuration.id,
        retrieval=configuration.retrieval,
        candidates=configuration.candidates,
        reranker=configuration.reranker,
        scorer=str(judge.scorer.profile.id) if scored else None,
        label=judge.scorer.profile.label,
        calibration=calibration.kind,
        calibration_note=calibration.note,
        calibration_digest=_digest(calibration),
        policy=gate.over(calibration.policy, token_budget=passage_tokens),
    )


def _digest(calibration: Calibration) -> str:
    """Equal calibrations have equal ones: ours are frozen dataclasses of numbers, others are known by what they say."""
    known = repr(calibration) if is_dataclass(calibration) else f"{calibration.note} {calibration.policy}"
    return hashlib.sha256(known.encode("utf-8")).hexdigest()[:16]


def _settings(settings: Settings, options: Options, answers: bool, grader: Grader | None) -> dict[str, object]:
    chat = settings.chat_model if settings.chat_configured else None
    return {
        **{name: value for name, value in asdict(options.gate).items() if value is not None},
        "fields": list(options.fields),
        "fused_map": settings.fused_map,
        "early_stop": options.early_stop,
        "skip_margin": options.skip_margin,
        "passage_tokens": settings.passage_tokens,
        "answers": answers,
        "chat_model": chat,
        **({} if grader is None else {"grader": grader.id}),
    }


def _local(settings: Settings, *, answers: bool, history: bool) -> bool:
    chat = settings.chat_configured and (answers or history)
    return not chat and runs_here(settings)
