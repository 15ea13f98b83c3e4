"""The playground: a few passages, every reranker there is, side by side. No library is involved.

p comes from the score-only map of a reranker's calibration (design.md section 3). The order given counts as the order
before: ties keep it. A reranker that fails is a result like any other, and the rest go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Protocol

from app.domain import CalibrationKind, Candidate, Charge, Chunk, LibraryInfo, Retrieved, Scale, total_usd
from app.errors import SluiceError, UsageError
from app.evaluation.orders import overlap_at, tau_between
from app.evaluation.pasted import check
from app.metering import metered
from app.prices.model import PriceList
from app.prices.words import dollars, explained
from app.stages.judge import Judge, OpenJudge, scores_of

TOP = 5
GIVEN = "the order given"
_NO_LIBRARY = LibraryInfo(name="", generation=0, documents=0, chunks=-1, embedder_id="")


class Choice(Protocol):
    """A reranker a person may choose (`app.providers.reranking.registry.RerankerChoice`)."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def available(self) -> bool: ...
    @property
    def reason(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one reranker made of the passages. `order` lists passage indices (0-based), best first; `raw` and `p` follow
    the passages. `ms` is the time of scoring alone, the model being loaded; `cached` of the scores were not computed
    but read. `local`: it runs on this machine, so that nothing is charged; else `charges` say what was. `windowed`: so
    many passages were longer than it reads at once, and were read in parts; `cut`: of so many it read the beginning."""

    scale: Scale
    order: tuple[int, ...]
    raw: tuple[float | None, ...]
    p: tuple[float | None, ...]
    calibration: CalibrationKind
    note: str
    ms: float
    cached: int
    local: bool
    windowed: int
    charges: tuple[Charge, ...] = ()
    cut: int = 0

    @property
    def cost_usd(self) -> float | None:
        """0.0 where nothing is charged; None where it is not known."""
        return total_usd(self.charges)

    @property
    def paid(self) -> str:
        """The cost in words: `free, runs here`, `$0.0020`, `not known`."""
        if self.local:
            return "free, runs here"
        return "free, from the cache" if not self.charges and self.cached else dollars(self.cost_usd)

    @property
    def ranks(self) -> tuple[int, ...]:
        """Each passage's rank, 1-based."""
        place = {index: rank for rank, index in enumerate(self.order, 1)}
        return tuple(place[index] for index in range(len(self.order)))

    @property
    def tells_nothing(self) -> bool:
        """Every passage has the same score: the order is the one given."""
        return len({value for value in self.raw if value is not None}) <= 1


@dataclass(frozen=True, slots=True)
class Played:
    """One reranker: its ranking, or why there is none."""

    name: str
    label: str
    ranking: Ranking | None = None
    error: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A reranker that cannot be used here, and why."""

    name: str
    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two orders are: Kendall's tau (-1..1), and the share of the first five that both have among theirs;
    None where no more than five compete, because any two orders then share them."""

    one: str
    other: str
    tau: float | None
    top: float | None


@dataclass(frozen=True, slots=True)
class Play:
    """A question, its passages as given, and what each reranker made of them."""

    question: str
    passages: tuple[str, ...]
    results: tuple[Played, ...]
    unusable: tuple[Unusable, ...] = ()


def usable(choices: Sequence[Choice]) -> tuple[list[Choice], tuple[Unusable, ...]]:
    """The rerankers that can be run here, and those that cannot. `none` is the order given, and neither."""
    real = [choice for choice in choices if choice.name != "none"]
    refused = tuple(Unusable(c.name, c.label, c.reason or "it cannot be used here") for c in real if not c.available)
    return [choice for choice in real if choice.available], refused


@dataclass(frozen=True, slots=True)
class _ByHand:
    """A reranker that was named, and is not among those on offer."""

    name: str
    label: str
    available: bool = True
    reason: str | None = None


def named_by_hand(name: str, choices: Sequence[Choice]) -> Choice:
    """The choice of that name; one to be tried where there is none, whatever comes of it."""
    return next((choice for choice in choices if choice.name == name), _ByHand(name, name))


def play(
    question: str,
    passages: Sequence[str],
    choices: Sequence[Choice],
    open_judge: OpenJudge,
    *,
    prices: PriceList | None = None,
    before_each: Callable[[str], None] | None = None,
) -> Play:
    """Have every usable reranker rank the passages; `before_each` hears the label of the next.

    Raises UsageError when question or passages are off (see `pasted.check`) or nothing is chosen; nothing else of ours.
    """
    check(question, passages)
    running, unusable = usable(choices)
    if not running and not unusable:
        raise UsageError("There is no reranker to rank with.", hint="Choose at least one.")
    results = []
    for choice in running:
        label = choice.label.partition(" (")[0]
        if before_each is not None:
            before_each(label)
        try:
            ranking = rank(question.strip(), passages, open_judge(choice.name, _NO_LIBRARY), prices or PriceList())
        except SluiceError as error:
            results.append(Played(choice.name, label, error=error.message, hint=error.hint))
        else:
            results.append(Played(choice.name, label, ranking))
    return Play(question.strip(), tuple(passages), tuple(results), unusable)


def rank(question: str, passages: Sequence[str], judge: Judge, prices: PriceList) -> Ranking:
    """One reranker's ranking. Raises what the scorer raises, and ProviderNonsense when scores are missing or NaN."""
    profile = judge.scorer.profile
    if judge.first is not None:
        raise UsageError("A cascade needs the candidates of a search.", hint="Choose one of its two rerankers here.")
    start = time.perf_counter()
    with metered() as used:
        scores = scores_of(judge.scorer, question, list(passages))
    ms = (time.perf_counter() - start) * 1000
    candidates = tuple(Candidate(_chunk(text, n), n + 1) for n, text in enumerate(passages))
    retrieved = Retrieved(candidates, "hybrid", len(candidates), _NO_LIBRARY, lexical_available=False)
    judgement = judge.calibration.judge(retrieved, scores)
    return Ranking(
        scale=profile.scale,
        order=judgement.order,
        raw=tuple(score.raw for score in scores),
        p=judgement.p,
        calibration=judge.calibration.kind,
        note=judge.calibration.note,
        ms=ms,
        cached=sum(score.cached for score in scores),
        local=profile.fixed_weights,
        windowed=sum(score.windows > 1 for score in scores),
        cut=sum(score.truncated for score in scores),
        charges=tuple(prices.charge(usage) for usage in used),
    )


def agreements(play: Play) -> list[Agreement]:
    """Every reranker against the order given, then every two of them."""
    orders = {GIVEN: [str(n) for n in range(len(play.passages))]}
    orders |= {r.label: [str(n) for n in r.ranking.order] for r in distinct(play) if r.ranking is not None}
    many = len(play.passages) > TOP
    return [
        Agreement(one, other, tau_between(a, b), overlap_at(a, b, TOP) if many else None)
        for (one, a), (other, b) in combinations(orders.items(), 2)
    ]


def distinct(play: Play) -> list[Played]:
    """The results with labels made distinct: two models may go by one name."""
    labels = [r.label for r in play.results]
    return [r if labels.count(r.label) == 1 else replace(r, label=f"{r.label} ({r.name})") for r in play.results]


def _chunk(text: str, ordinal: int) -> Chunk:
    return Chunk(id=str(ordinal), document_id="", text=text, title="", ordinal=ordinal, tokens=0)


def play_to_json(play: Play) -> dict[str, Any]:
    """Schema 1 of the playground: ranks are 1-based and follow the passages, as raw scores and p do."""
    return {
        "schema": 1,
        "question": play.question,
        "passages": list(play.passages),
        "rerankers": [_result_to_json(result) for result in play.results],
        "agreement": [{"of": [a.one, a.other], "kendall_tau": a.tau, "top_5_overlap": a.top} for a in agreements(play)],
        "unavailable": [{"name": u.name, "reason": u.reason} for u in play.unusable],
    }


def _result_to_json(result: Played) -> dict[str, Any]:
    ranking = result.ranking
    if ranking is None:
        return {"name": result.name, "label": result.label, "error": result.error, "hint": result.hint}
    return {
        "name": result.name,
        "label": result.label,
        "scale": ranking.scale.value,
        "calibration": ranking.calibration,
        "ranks": list(ranking.ranks),
        "raw_scores": list(ranking.raw),
        "p": list(ranking.p),
        "ms": round(ranking.ms, 3),
        "cached_scores": ranking.cached,
        "cost_usd": ranking.cost_usd,
        "cost_note": explained(ranking.charges),
    }
