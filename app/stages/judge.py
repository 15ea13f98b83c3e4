"""A judge: a scorer with the calibration that belongs to it; and what judging one question came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.counting import counted
from app.domain import GatePolicy, LibraryInfo, Score, Scored, ScorerRun, Usage
from app.errors import ProviderNonsense
from app.metering import metered, report
from app.ports import Calibration, Scorer
from app.stages.fields import Fields


@dataclass(frozen=True, slots=True)
class Judge:
    """A scorer and the calibration that belongs to it; `why` says why it was chosen, where `auto` chose it.

    A cascade has a `first` judge, whose `passes_on` best this one scores. `evidence`: the calibration from retrieval
    evidence alone, with thresholds of its own, where there is one.
    """

    scorer: Scorer
    calibration: Calibration
    why: str = ""
    first: Judge | None = None
    passes_on: int | None = None
    evidence: Calibration | None = None


# by setting name, for this library; raises ModelError, ProviderError or SettingsError
OpenJudge = Callable[[str, LibraryInfo], Judge]


@dataclass(frozen=True, slots=True)
class How:
    """What the person asked for beside the scorer: see `app.stages.score.score`."""

    fields: Fields
    early_stop: int
    skip_margin: float | None


@dataclass(frozen=True, slots=True)
class Scoring:
    """What scoring made of one question; `used`: what services were used, those that failed included."""

    scored: tuple[Scored, ...]
    evidence: tuple[Scored, ...]
    run: ScorerRun
    p_answerable: float | None
    defaults: GatePolicy
    used: tuple[Usage, ...] = ()


def scores_of(scorer: Scorer, question: str, texts: Sequence[str]) -> list[Score]:
    """One score a passage. A scorer that is not one set of weights on this machine is taken for a service: where it
    reports no use, and scored something anew, its use is reported as not known.

    Raises what the scorer raises, and ProviderNonsense when there are more or fewer scores than passages.
    """
    with metered() as used:
        scores = scorer.score(question, texts)
        identity, local = scorer.profile.id, scorer.profile.fixed_weights
        if not used and not local and any(not score.cached for score in scores):
            report(Usage(identity.provider, identity.model, None))
    if len(scores) != len(texts):
        raise ProviderNonsense(
            f"{scorer.profile.label} gave {len(scores)} scores for {counted(len(texts), 'passage')}.",
            hint="Choose another reranker, or run `sluice doctor`.",
        )
    return scores
