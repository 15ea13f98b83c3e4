"""What reaches the chat model with a reranker, against the same search without one: each through its own gate. Pure.

The verdict and the four steps compare equal numbers of passages. Here the numbers differ, because how many passages
are worth sending is what a gate decides, and a scorer is one of the things it decides by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.evaluation.manifest import ConfigurationNote, Manifest
from app.evaluation.measures_gate import GateMeasures, gate_f1, gate_measures
from app.evaluation.paired import Difference, compare_paired
from app.evaluation.records import QuestionRecord
from app.evaluation.verdict import as_change, points


@dataclass(frozen=True, slots=True)
class Sent:
    """A configuration with a reranker against `baseline`, the same search without: F1 of what was admitted, question by
    question, and both gates over the questions that both were asked."""

    configuration: str
    baseline: str
    f1: Difference
    before: GateMeasures
    after: GateMeasures


def sent_with_and_without(manifest: Manifest, records: Mapping[str, Sequence[QuestionRecord]]) -> tuple[Sent, ...]:
    """Every configuration with a reranker whose search was also evaluated without one."""
    without = {_search(c): c.id for c in manifest.configurations if c.scorer is None}
    pairs = [(without[_search(c)], c.id) for c in manifest.configurations if c.scorer and _search(c) in without]
    return tuple(sent for pair in pairs if (sent := _sent(*pair, records)) is not None)


def sent_in_words(sent: Sent) -> str:
    """One sentence: whether what is sent is better, how much it is, and both refusal errors."""
    f1 = sent.f1
    kind = "better" if f1.better else "worse" if f1.worse else "no different beyond noise"
    said = [
        f"{name} {shown(one.value)} -> {shown(other.value)}"
        for name, one, other, shown in (
            ("wrong refusals", sent.before.refusals.wrong_refusals, sent.after.refusals.wrong_refusals, points),
            ("wrong answers", sent.before.refusals.wrong_answers, sent.after.refusals.wrong_answers, points),
            ("passages a question", sent.before.passages, sent.after.passages, "{:.1f}".format),
            ("tokens", sent.before.tokens, sent.after.tokens, "{:,.0f}".format),
        )
        if one is not None and other is not None
    ]
    numbers = "; ".join((f"F1 of the admitted {as_change(f1)}", *said))
    return f"What the gate sends, {sent.configuration} against {sent.baseline}: {kind}; {numbers}."


def _sent(baseline: str, configuration: str, records: Mapping[str, Sequence[QuestionRecord]]) -> Sent | None:
    one, other = records.get(baseline, ()), records.get(configuration, ())
    shared = {r.id for r in one} & {r.id for r in other}
    before, after = ([r for r in of if r.id in shared] for of in (one, other))
    f1 = compare_paired(gate_f1(before), gate_f1(after))
    return None if f1 is None else Sent(configuration, baseline, f1, gate_measures(before), gate_measures(after))


def _search(note: ConfigurationNote) -> tuple[str, int]:
    return note.retrieval, note.candidates
