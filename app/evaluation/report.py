"""The report of a run as values: what the Markdown and HTML files and the Evaluate page show alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.evaluation.cost import Cost, cost_of
from app.evaluation.curves import GateCurves, gate_curves, threshold_grid
from app.evaluation.failures import FailureSplit, failure_split
from app.evaluation.grader_votes import Agreement
from app.evaluation.intervals import Estimate, mean_interval
from app.evaluation.manifest import ConfigurationNote, Manifest
from app.evaluation.measures_answers import AnswerMeasures, answer_measures
from app.evaluation.measures_calibration import CalibrationMeasures, calibration_by_scorer
from app.evaluation.measures_gate import GateMeasures, gate_measures
from app.evaluation.measures_ranking import MEASURES, PerQuestion, means, ndcg_ceiling, ranking, recall_ceiling
from app.evaluation.orders import OrderCheck, check_order
from app.evaluation.paired import Difference, Move, compare_paired, moved_most
from app.evaluation.records import QuestionRecord
from app.evaluation.risk_coverage import RiskCoverage, losses_of_answering, risk_coverage
from app.evaluation.sent import Sent, sent_with_and_without
from app.evaluation.steps import FourSteps, four_steps
from app.evaluation.sweep import sweep
from app.evaluation.verdict import MEASURE, Verdict, steps_in_words, verdict

ARMS = ("off", "evidence", "reranked", "gated")
_THRESHOLDS = 41
_STEPS = (("off", "evidence"), ("evidence", "reranked"), ("off", "reranked"))


@dataclass(frozen=True, slots=True)
class ArmChange:
    """One ranking measure of two arms of a configuration, question by question."""

    before: str
    after: str
    measure: str
    difference: Difference


@dataclass(frozen=True, slots=True)
class ConfigurationReport:
    """Everything measured under one configuration.

    `ranking` maps arm -> measure -> mean; `changes` compare arms on every measure. `by_question` is nDCG@10 before and
    after, by question id, for the paired plot; `moved` are the questions that changed most. `ceiling` is the mean share
    of relevant passages among the candidates, `ndcg_ceiling` nDCG@10 of their best order. `missing` questions have no
    record, because the reranker failed on them. `scored_from_cache` had scores from the cache: their scoring time is
    not in `cost`. `curves` move keep_above (or the raw threshold) with answer_above as the policy has it, shape
    (thresholds, 1); None where passages are kept by rank.
    """

    note: ConfigurationNote
    records: int
    missing: int
    labelled: int
    answerable: int
    unanswerable: int
    verdict: Verdict
    steps: FourSteps
    steps_in_words: tuple[str, ...]
    ranking: Mapping[str, Mapping[str, Estimate | None]]
    changes: tuple[ArmChange, ...]
    by_question: tuple[Move, ...]
    moved: tuple[Move, ...]
    ceiling: Estimate | None
    ndcg_ceiling: Estimate | None
    gate: GateMeasures
    risk: RiskCoverage | None
    calibration: Mapping[str, CalibrationMeasures]
    failures: FailureSplit
    answers: AnswerMeasures
    order: OrderCheck
    cost: Cost
    scored_from_cache: int
    curves: GateCurves | None

    def change(self, before: str, after: str, measure: str = MEASURE) -> Difference | None:
        """A measure of two arms; None where one of them did not run."""
        found = [c.difference for c in self.changes if (c.before, c.after, c.measure) == (before, after, measure)]
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class AgainstFirst:
    """A configuration's final order against the first configuration's, on nDCG@10 of the questions both have."""

    configuration: str
    difference: Difference


@dataclass(frozen=True, slots=True)
class Report:
    """The report. `headline` is the configuration the first line is about: the first with a reranker, as they were
    given. `texts` are the questions by id; `not_located` questions have labels that are not in the library, and so no
    part in ranking; `weak` ones nobody judged. `agreement` is the grader's with a person's votes, None where it was not
    measured. `sent` compares what is sent with a reranker to what is sent without, where both were asked."""

    manifest: Manifest
    headline: str
    configurations: tuple[ConfigurationReport, ...]
    against_first: tuple[AgainstFirst, ...]
    texts: Mapping[str, str]
    not_located: int
    weak: int
    agreement: Agreement | None = None
    sent: tuple[Sent, ...] = ()

    @property
    def first_line(self) -> str:
        """The verdict in words."""
        return self.main.verdict.text

    @property
    def main(self) -> ConfigurationReport:
        return self.of(self.headline)

    def of(self, configuration: str) -> ConfigurationReport:
        """The report of one configuration by its id. Raises KeyError."""
        found = [c for c in self.configurations if c.note.id == configuration]
        if not found:
            raise KeyError(configuration)
        return found[0]


def report_of(
    manifest: Manifest,
    records: Mapping[str, Sequence[QuestionRecord]],
    *,
    not_located: int = 0,
    weak: int = 0,
    agreement: Agreement | None = None,
) -> Report:
    """The report of a run, from its records by configuration id. Works on a run that is not finished, too."""
    reports = tuple(_configuration(note, records.get(note.id, ()), manifest) for note in manifest.configurations)
    reranked = [r for r in reports if r.note.scorer is not None]
    texts = {record.id: record.words for of in records.values() for record in of}
    return Report(
        manifest=manifest,
        headline=(reranked or reports)[0].note.id,
        configurations=reports,
        against_first=_against_first(manifest, records),
        texts=texts,
        not_located=not_located,
        weak=weak,
        agreement=agreement,
        sent=sent_with_and_without(manifest, records),
    )


def _configuration(
    note: ConfigurationNote, records: Sequence[QuestionRecord], manifest: Manifest
) -> ConfigurationReport:
    max_chunks = note.policy.max_chunks
    labelled = [r for r in records if r.labelled]
    arms = [arm for arm in ARMS if arm == "gated" or (labelled and all(arm in r.arms for r in labelled))]
    measured: dict[str, dict[str, PerQuestion]] = {arm: ranking(labelled, arm) for arm in arms} if labelled else {}
    last = "reranked" if "reranked" in measured else "off"
    before = measured.get("off", {}).get(MEASURE, {})
    after = measured.get(last, {}).get(MEASURE, {})
    losses = losses_of_answering(records)
    sure = [(r.p_answerable, losses[r.id]) for r in records if r.id in losses and r.p_answerable is not None]
    return ConfigurationReport(
        note=note,
        records=len(records),
        missing=manifest.questions.asked - len(records),
        labelled=len(labelled),
        answerable=sum(r.answerable is True for r in records),
        unanswerable=sum(r.answerable is False for r in records),
        verdict=verdict(records),
        steps=(steps := four_steps(records, max_chunks=max_chunks)),
        steps_in_words=steps_in_words(steps),
        ranking={arm: means(of) for arm, of in measured.items()},
        changes=tuple(
            ArmChange(a, b, measure, difference)
            for a, b in _STEPS
            if a in measured and b in measured
            for measure in MEASURES
            if (difference := compare_paired(measured[a][measure], measured[b][measure])) is not None
        ),
        by_question=tuple(Move(i, before[i], after[i]) for i in before if i in after),
        moved=tuple(moved_most(before, after)),
        ceiling=mean_interval([*recall_ceiling(records).values()]),
        ndcg_ceiling=mean_interval([*ndcg_ceiling(records).values()]),
        gate=gate_measures(records),
        risk=risk_coverage([p for p, _ in sure], [loss for _, loss in sure]),
        calibration=calibration_by_scorer(records),
        failures=failure_split(records, max_chunks=max_chunks),
        answers=answer_measures(records),
        order=check_order(records),
        cost=cost_of(records),
        scored_from_cache=sum(
            r.scorer is not None and bool(r.candidates) and "score" not in r.timings_ms for r in records
        ),
        curves=_curves(note, records),
    )


def _curves(note: ConfigurationNote, records: Sequence[QuestionRecord]) -> GateCurves | None:
    """What the gate would do at other thresholds."""
    values = [(c.raw if r.basis == "raw" else c.p) for r in records if r.basis != "rank" for c in r.candidates]
    known = np.asarray([v for v in values if v is not None], dtype=np.float64)
    if not known.size:
        return None
    above = note.policy.answer_above
    swept = sweep(records, threshold_grid(known, _THRESHOLDS)[1:], note.policy)
    return gate_curves(swept, [-np.inf if above is None else above])


def _against_first(manifest: Manifest, records: Mapping[str, Sequence[QuestionRecord]]) -> tuple[AgainstFirst, ...]:
    final = {note.id: _final(records.get(note.id, ())) for note in manifest.configurations}
    first, *others = final
    found = [(other, compare_paired(final[first], final[other])) for other in others]
    return tuple(AgainstFirst(other, difference) for other, difference in found if difference is not None)


def _final(records: Sequence[QuestionRecord]) -> PerQuestion:
    labelled = [r for r in records if r.labelled]
    if not labelled:
        return {}
    arm = "reranked" if all("reranked" in r.arms for r in labelled) else "off"
    return ranking(labelled, arm)[MEASURE]
