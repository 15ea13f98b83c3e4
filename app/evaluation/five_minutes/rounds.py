"""One round of asking about passages: the questions, their candidates, and which of them a person is asked about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from app.domain import GatePolicy, Judged, LibraryInfo, Question, Score
from app.errors import ProviderUnreachable, UsageError
from app.evaluation.five_minutes.borderline import COUNT, Asked, Pair, choose, log_odds
from app.evaluation.intervals import share_interval
from app.evaluation.measures_gate import RefusalErrors
from app.evaluation.questions.model import LabelledQuestion
from app.evaluation.recording import said_before
from app.pipeline import Options, Pipeline
from app.ports import Calibration

_EDGE = 1e-6  # p of 0 and 1 have no log-odds; the map is never that sure for a reason


@dataclass(frozen=True, slots=True)
class RoundQuestion:
    """A question of the round. `answerable` is what is known from its labels; `refused`: the gate would refuse it, and
    its passages are not asked about, because p does not matter there."""

    id: str
    text: str
    answerable: bool | None
    weak: bool
    p_answerable: float | None
    refused: bool


@dataclass(frozen=True, slots=True)
class ShownPassage:
    """A passage as a person is shown it. `section` is the way to it within the document."""

    title: str
    section: tuple[str, ...]
    page: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Round:
    """What is asked, and what is needed to work out what the answers mean. `scorer` is the scorer id in one line,
    `base` the fingerprint (`here.fingerprint`) of the calibration to be corrected; `keep_above` and `answer_above` are
    the gate's at the time. `passages` holds the texts asked about, by chunk id."""

    library: str
    generation: int
    scorer: str
    base: str
    keep_above: float
    answer_above: float | None
    at: str
    questions: tuple[RoundQuestion, ...]
    pairs: tuple[Pair, ...]
    asked: tuple[Asked, ...]
    passages: Mapping[str, ShownPassage]
    sources: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the candidates are scored; `round` is there at the end."""

    done: int
    questions: int
    round: Round | None = None


def new_round(
    pipeline: Pipeline,
    options: Options,
    info: LibraryInfo,
    base: Calibration,
    questions: Sequence[LabelledQuestion],
    *,
    fingerprint: str,
    sources: Mapping[str, int] | None = None,
    count: int = COUNT,
    seed: int = 0,
) -> Iterator[Progress]:
    """Score the candidates of every question, then draw what to ask. `base` is the calibration to be corrected.

    Questions known to be unanswerable count for the refusal errors alone. Raises what the pipeline raises,
    ProviderUnreachable where the reranker did not run, UsageError where nothing is left to ask about.
    """
    options = replace(options, early_stop=0, skip_margin=None, reranker_policy="required")
    policy = base.policy
    found: list[RoundQuestion] = []
    pairs: list[Pair] = []
    shown: dict[str, ShownPassage] = {}
    scorer = ""
    for number, question in enumerate(questions):
        yield Progress(number, len(questions))
        judged = pipeline.judge_question(Question(question.text, question.text), options)
        if judged.run.status != "applied" or judged.run.used is None:
            raise ProviderUnreachable(
                f"The reranker did not score these passages: {judged.run.reason or judged.run.status}.",
                hint="Choose another reranker (RERANKER=bundled), or see `sluice doctor`.",
            )
        scorer = judged.run.used
        more, p_answerable = _pairs(judged, base, number, shown)
        refused = _refuses(policy, p_answerable)
        found.append(
            RoundQuestion(question.id, question.text, question.answerable, question.weak, p_answerable, refused)
        )
        if not refused and question.answerable is not False:
            pairs += more
    keep_above = 0.0 if policy.keep_above is None else policy.keep_above
    asked = choose(pairs, keep_above, count=count, seed=seed)
    if not asked:
        raise UsageError(
            "The gate refuses all of these questions: there is no passage to ask about.",
            hint="Type a few questions that this library answers.",
        )
    about = {pairs[one.pair].chunk_id for one in asked}
    yield Progress(
        len(questions),
        len(questions),
        Round(
            library=info.name,
            generation=info.generation,
            scorer=scorer,
            base=fingerprint,
            keep_above=keep_above,
            answer_above=policy.answer_above,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            questions=tuple(found),
            pairs=tuple(pairs),
            asked=asked,
            passages={chunk: shown[chunk] for chunk in shown if chunk in about},
            sources=dict(sources or {}),
        ),
    )


def refusal_errors(drawn: Round) -> RefusalErrors:
    """Both refusal errors at the round's answer_above, from questions whose answerability a person has said.

    Weak drafts do not count: they copy the words of their passage. Neither does a "yes" about a passage: only
    questions that were not refused are asked about.
    """
    known = [q for q in drawn.questions if not q.weak and q.answerable is not None]
    refused = {yes: [q.refused for q in known if q.answerable is yes] for yes in (True, False)}
    return RefusalErrors(
        len(refused[True]),
        share_interval(sum(refused[True]), len(refused[True])),
        len(refused[False]),
        share_interval(len(refused[False]) - sum(refused[False]), len(refused[False])),
    )


def _pairs(
    judged: Judged, base: Calibration, number: int, shown: dict[str, ShownPassage]
) -> tuple[list[Pair], float | None]:
    """The candidates of one question by the calibration to be corrected, less those that repeat one before them."""
    raw = {s.candidate.chunk.id: s.raw_score for s in judged.scored}
    candidates = judged.retrieved.candidates
    judgement = base.judge(judged.retrieved, [Score(raw[c.chunk.id]) for c in candidates])
    ordered = [candidates[i].chunk for i in judgement.order]
    same = said_before(ordered, base.policy.duplicate_above)
    pairs = []
    for rank, (place, chunk, before) in enumerate(zip(judgement.order, ordered, same, strict=True), 1):
        p = judgement.p[place]
        if p is None or before:
            continue
        pairs.append(Pair(number, chunk.id, chunk.document_id, rank, log_odds(min(max(p, _EDGE), 1.0 - _EDGE))))
        section = tuple(part for part in chunk.section if part != chunk.title)
        shown[chunk.id] = ShownPassage(chunk.title, section, chunk.page, chunk.text)
    return pairs, judgement.p_answerable


def _refuses(policy: GatePolicy, p_answerable: float | None) -> bool:
    return policy.answer_above is not None and p_answerable is not None and p_answerable < policy.answer_above
