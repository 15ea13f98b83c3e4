"""The way of a question: rewrite, retrieve, score, gate, context, generate; and the trace of all of it.

Each step can be called alone, so that a page can move the gate without scoring again. No provider is named here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

from app.clock import Clock
from app.domain import (
    Answer,
    Context,
    GatePolicy,
    GateResult,
    Judged,
    Question,
    Retrieved,
    Trace,
    Turn,
    Usage,
    total_usd,
)
from app.errors import UsageError
from app.metering import at_stage, metered
from app.options import GateChoice as GateChoice
from app.options import Options as Options
from app.patience import within
from app.ports import ChatModel, Embedder, LibraryReader, Scorer
from app.prices.model import PriceList
from app.stages import context as context_stage
from app.stages import gate as gate_stage
from app.stages import generate as generate_stage
from app.stages.generate import AnswerStream
from app.stages.judge import OpenJudge
from app.stages.parents import REACH
from app.stages.retrieve import retrieve
from app.stages.rewrite import rewrite
from app.stages.score import score


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompt files, as text."""

    rewrite_system: str
    answer_system: str
    answer_user: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Tokens. `window` is what the chat model reads (`window_known`: from its profile or a setting); `passages` caps
    what passages may take of it; `answer` is reserved. `parent`: of one passage with its section, 0 for it alone."""

    window: int
    window_known: bool
    passages: int
    answer: int
    parent: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What the search gave for one question: several scorers can judge the same candidates. `used`: paid services."""

    question: Question
    retrieved: Retrieved
    timings_ms: Mapping[str, float]
    used: tuple[Usage, ...] = ()


class Pipeline:
    """Answers questions. Holds no state of a question: one pipeline serves every session of a process."""

    def __init__(
        self,
        *,
        open_reader: Callable[[str], LibraryReader],
        embedder: Embedder,
        open_judge: OpenJudge,
        sentence_scorer: Callable[[], Scorer],
        chat: ChatModel | None,
        prompts: Prompts,
        limits: Limits,
        embeds_here: bool = False,
        prices: PriceList | None = None,
        seconds: float | None = None,
    ) -> None:
        """`embeds_here`: the embedder works on this machine, so that a question's vector is not paid for.
        `seconds`: what a question may wait for services in all, until its answer begins; None sets no limit."""
        self.chat = chat
        self.limits = limits
        self._open_reader = open_reader
        self.prices = PriceList() if prices is None else prices
        self._embedder = embedder
        self._embeds_here = embeds_here
        self._seconds = seconds
        self._open_judge = open_judge
        self._prompts = prompts
        self._sentence_scorer = sentence_scorer  # always a local one: a hosted scorer would bill every sentence

    # -- the steps ---------------------------------------------------------------------------------

    def judge(self, text: str, options: Options, *, history: Sequence[Turn] = (), edited: str | None = None) -> Judged:
        """Rewrite, retrieve and score: everything that is known before the gate decides."""
        question, timings, used = self.stand_alone(text, history=history, edited=edited)
        return self.judge_question(question, options, timings=timings, used=used)

    def judge_question(
        self,
        question: Question,
        options: Options,
        *,
        timings: Mapping[str, float] | None = None,
        used: Sequence[Usage] = (),
    ) -> Judged:
        """As `judge`, for a question that already stands alone. Raises UsageError for an empty one."""
        return self.judge_found(self.search(question, options, timings=timings, used=used), options)

    def stand_alone(
        self, text: str, *, history: Sequence[Turn] = (), edited: str | None = None
    ) -> tuple[Question, Mapping[str, float], tuple[Usage, ...]]:
        """The question rewritten to stand alone, the milliseconds it took, as `{"rewrite": ...}`, and what it used."""
        clock = Clock()
        with clock("rewrite"), metered() as used, self._time({}, ()):
            question = rewrite(text, history, chat=self.chat, system=self._prompts.rewrite_system, edited=edited)
        if self.chat is not None and history and question.rewrite != "edited" and not used:
            used = [Usage("", self.chat.name, None)]  # it was asked, and did not say what that took
        return question, clock.timings, at_stage("rewrite", used)

    def search(
        self,
        question: Question,
        options: Options,
        *,
        timings: Mapping[str, float] | None = None,
        used: Sequence[Usage] = (),
    ) -> Found:
        """The candidates of a question that stands alone; `timings` and `used` of what went before are kept with them.

        Raises UsageError for an empty question.
        """
        if not question.standalone.strip():
            raise UsageError("The question is empty.", hint='For example: sluice ask "What is this about?"')
        clock = Clock(timings)
        with clock("embed"), metered() as embedding, self._time(timings or {}, used):
            vector = self._embedder.embed_questions([question.standalone])[0]
        if not embedding and not self._embeds_here:
            embedding = [Usage(self._embedder.id, "", None)]
        with clock("retrieve"):
            reader = self._open_reader(options.library)
            try:
                retrieved = retrieve(
                    question.standalone,
                    vector,
                    reader,
                    mode=options.retrieval,
                    k=options.candidates,
                    where=options.where,
                    asked=question.asked,
                )
            finally:
                reader.close()
        return Found(question, retrieved, clock.timings, (*used, *at_stage("embed", embedding)))

    def judge_found(self, found: Found, options: Options) -> Judged:
        """Score candidates that were found: with another scorer in `options`, without searching again."""
        clock = Clock(found.timings_ms)
        with clock("score"), self._time(found.timings_ms, found.used):
            scoring = score(
                found.question.standalone,
                found.retrieved,
                requested=options.reranker,
                open_judge=self._open_judge,
                policy=options.reranker_policy,
                fallback=options.reranker_fallback,
                fields=options.fields,
                early_stop=options.early_stop,
                skip_margin=options.skip_margin,
            )
        return Judged(
            question=found.question,
            retrieved=found.retrieved,
            scored=scoring.scored,
            run=scoring.run,
            p_answerable=scoring.p_answerable,
            defaults=scoring.defaults,
            evidence=scoring.evidence,
            timings_ms=clock.timings,
            used=(*found.used, *scoring.used),
        )

    def decide(
        self, judged: Judged, choice: GateChoice, *, history: Sequence[Turn] = (), force: bool = False
    ) -> GateResult:
        """The gate's decisions. `force` lets the nearest misses of a refused question through."""
        result = gate_stage.decide(
            judged.scored,
            self.policy(judged, choice, history),
            run=judged.run,
            p_answerable=judged.p_answerable,
            cost=context_stage.passage_cost,
            library_empty=judged.retrieved.library.chunks == 0,
        )
        if force and result.refusal is not None:
            return gate_stage.force(result, cost=context_stage.passage_cost)
        return result

    def policy(self, judged: Judged, choice: GateChoice, history: Sequence[Turn] = ()) -> GatePolicy:
        """The gate policy in force: the calibration's, with the person's choice over it and the token budget."""
        return choice.over(judged.defaults, token_budget=self.budget(judged.question, history))

    def budget(self, question: Question, history: Sequence[Turn] = ()) -> int:
        """Tokens that passages may take for this question."""
        template = self._prompts.answer_system + self._prompts.answer_user + question.standalone
        return context_stage.token_budget(
            self.limits.window,
            prompt=context_stage.count_tokens(template),
            history=context_stage.count_tokens(generate_stage.dialogue(history)),
            reserved=self.limits.answer,
            limit=self.limits.passages,
        )

    def context(self, gate: GateResult, library: str | None = None) -> Context:
        """The admitted passages, numbered, within the gate's token budget; with their sections where `limits.parent`
        says so and the library is named."""
        budget = gate.policy.token_budget
        build = partial(
            context_stage.build_context,
            gate,
            budget=self.limits.passages if budget is None else budget,
            window=self.limits.window,
            window_known=self.limits.window_known,
        )
        if library is None or self.limits.parent <= 0 or not gate.admitted:
            return build()
        reader = self._open_reader(library)
        try:
            return build(
                around=lambda chunk_id: reader.around(chunk_id, REACH),
                parent_tokens=self.limits.parent,
            )
        finally:
            reader.close()

    def answer(
        self, question: Question, context: Context, history: Sequence[Turn] = (), *, after: Judged | None = None
    ) -> AnswerStream:
        """Stream the answer: from the chat model, or extracted. Raises ProviderError or ModelError.
        `after`: what went before; the time it waited for services is no longer there for the answer's beginning."""
        if self.chat is None:
            return generate_stage.extractive(question.standalone, context, self._sentence_scorer())
        return generate_stage.from_chat(
            question.standalone,
            context,
            history,
            chat=self.chat,
            system=self._prompts.answer_system,
            user=self._prompts.answer_user,
            reserved=self.limits.answer,
            seconds=None if after is None else self._left(after.timings_ms, after.used),
        )

    def _left(self, timings_ms: Mapping[str, float], used: Sequence[Usage]) -> float | None:
        """Seconds left for services: work on this machine is not waiting, so that only stages which used one count."""
        if self._seconds is None:
            return None
        waited = sum(timings_ms.get(stage, 0.0) for stage in {usage.stage for usage in used}) / 1000
        return max(0.0, self._seconds - waited)

    @contextmanager
    def _time(self, timings_ms: Mapping[str, float], used: Sequence[Usage]) -> Iterator[None]:
        left = self._left(timings_ms, used)
        with nullcontext() if left is None else within(left):
            yield

    # -- the whole way -----------------------------------------------------------------------------

    def ask(
        self,
        text: str,
        options: Options,
        *,
        history: Sequence[Turn] = (),
        force: bool = False,
        on_text: Callable[[str], None] | None = None,
    ) -> Trace:
        """Ask one question and return its trace; `on_text` gets the answer piece by piece."""
        judged = self.judge(text, options, history=history)
        return self.finish(judged, options.gate, history=history, force=force, on_text=on_text)

    def finish(
        self,
        judged: Judged,
        choice: GateChoice,
        *,
        history: Sequence[Turn] = (),
        force: bool = False,
        on_text: Callable[[str], None] | None = None,
    ) -> Trace:
        """Gate, context and answer of a question that has been judged."""
        clock = Clock(judged.timings_ms)
        with clock("gate"):
            gate = self.decide(judged, choice, history=history, force=force)
        return self.complete(judged, gate, history=history, on_text=on_text, clock=clock)

    def complete(
        self,
        judged: Judged,
        gate: GateResult,
        *,
        history: Sequence[Turn] = (),
        on_text: Callable[[str], None] | None = None,
        clock: Clock | None = None,
    ) -> Trace:
        """Context and answer for decisions that stand; a refusal pays for neither."""
        clock = clock or Clock(judged.timings_ms)
        context: Context | None = None
        answer: Answer | None = None
        if gate.outcome != "refused":
            with clock("context"):
                context = self.context(gate, judged.retrieved.library.name)
            with clock("generate"):
                stream = self.answer(judged.question, context, history, after=judged)
                for piece in stream:
                    if on_text is not None:
                        on_text(piece)
                answer = stream.answer
        return self.trace(judged, gate, context, answer, clock.total())

    def trace(
        self,
        judged: Judged,
        gate: GateResult,
        context: Context | None,
        answer: Answer | None,
        timings_ms: Mapping[str, float],
    ) -> Trace:
        """The trace, with what it cost at the prices this pipeline knows."""
        used = list(judged.used)
        if answer is not None and answer.mode == "chat":
            unsaid = Usage("", answer.model or "the chat model", None)
            used += at_stage("generate", [unsaid if answer.used is None else answer.used])
        charges = tuple(self.prices.charge(usage) for usage in used)
        return Trace(judged, gate, context, answer, timings_ms, total_usd(charges), charges)
