"""The errors that go into a calibration file: measured with the real gate, on questions whose set was not fitted on.

Over all twenty candidates a constant scores well, so p is judged where it matters: at rank 1 and on the admitted set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from app.calibration.fit import answer_above, keep_above
from app.calibration.measure import auroc, brier_skill, expected_calibration_error
from app.calibration.observed import Kind, Unseen
from app.domain import DecisionKind, GatePolicy, GateResult, Scale, Scored, ScorerRun
from app.stages.context import passage_cost
from app.stages.gate import decide

Numbers = dict[str, float | int | None]
UNANSWERABLE: tuple[Kind, ...] = ("near_miss", "off_topic", "lookalike")
MOST = GatePolicy().max_chunks
TRADE = (0.03, 0.05, 0.07, 0.1, 0.15)  # shares of answerable questions refused, among which a default is chosen
_RUN = ScorerRun("calibration", "calibration", Scale.LOGIT, "applied")


def measured_errors(
    unseen: Sequence[Unseen], policy: GatePolicy, *, lost: float = 0.05, wrong_refusals: float = 0.1
) -> tuple[dict[str, object], GatePolicy]:
    """Errors over all groups (each weighs the same), by group, and by how many questions were asked at once (where
    that differs; groups weigh the same there too), and the policy with its measured promises.

    A group's thresholds are set on the other groups, as its maps were fitted on them: what is reported is what a new
    library can expect, not what the thresholds were tuned to.
    """
    groups = sorted({u.observation.group for u in unseen})
    by_group: dict[str, Numbers] = {}
    at_once: dict[int, list[Numbers]] = {}
    for group in groups:
        others = [u for u in unseen if u.observation.group != group]
        set_elsewhere = replace(
            policy, keep_above=keep_above(others, lost), answer_above=answer_above(others, wrong_refusals)
        )
        own = [u for u in unseen if u.observation.group == group]
        by_group[group] = errors_of(own, set_elsewhere)
        for count in sorted({u.observation.at_once for u in own if u.observation.for_p}):
            these = [u for u in own if u.observation.at_once == count]
            at_once.setdefault(count, []).append(errors_of(these, set_elsewhere))
    overall = _mean(list(by_group.values()))
    keeps = overall["keeps_relevant"]
    promised = replace(policy, keeps_relevant=None if keeps is None else round(keeps, 3), answer_note=_note(overall))
    chosen = {
        "keep_above": f"loses at most {lost:.0%} of the relevant passages among the candidates",
        "answer_above": f"refuses at most {wrong_refusals:.0%} of the questions the library answers, whatever it then "
        "lets through",
    }
    how = "each set by maps and thresholds fitted on the other sets; the mean weighs sets alike"
    errors: dict[str, object] = {
        "chosen": chosen,
        "measured": how,
        "mean": overall,
        "sets": by_group,
        "trade": _trade(unseen),
    }
    if len(at_once) > 1:
        errors["at_once"] = {str(count): _mean(at_once[count]) for count in sorted(at_once)}
    return errors, promised


def _trade(unseen: Sequence[Unseen]) -> list[Numbers]:
    """What refusing more buys: for each share of `TRADE` the threshold, and which questions still get through, each
    group under a threshold set on the others; the mean weighs groups alike."""
    groups = sorted({u.observation.group for u in unseen})
    rows: list[Numbers] = []
    for share in TRADE:
        let: dict[Kind, list[float]] = {}
        for group in groups:
            above = answer_above([u for u in unseen if u.observation.group != group], share)
            by_kind: dict[Kind, list[bool]] = {}
            for u in unseen:
                if u.observation.group == group and u.judgement.p_answerable is not None:
                    by_kind.setdefault(u.observation.kind, []).append(u.judgement.p_answerable >= above)
            for kind, through in by_kind.items():
                let.setdefault(kind, []).append(float(np.mean(through)))
        row: Numbers = {f"through_{kind}": round(float(np.mean(let[kind])), 4) for kind in UNANSWERABLE if kind in let}
        refused = round(1.0 - float(np.mean(let["answerable"])), 4)
        rows.append({"aimed_at": share, "wrong_refusals": refused, **row, "answer_above": answer_above(unseen, share)})
    return rows


def errors_of(unseen: Sequence[Unseen], policy: GatePolicy) -> Numbers:
    """The errors of some judged questions under one policy. Shares are 0..1; None where nothing could be measured."""
    answerable = [u for u in unseen if u.observation.answerable]
    results = [_gate(u, policy) for u in unseen]
    errors: Numbers = {"questions": len(unseen), "answerable": len(answerable)}
    errors |= _at_rank_1([u for u in answerable if u.observation.for_p])
    errors |= _admitted([(u, r) for u, r in zip(unseen, results, strict=True) if u.observation.for_p])
    kept = [
        p >= (policy.keep_above or 0.0)
        for u in answerable
        for p, yes in zip(u.judgement.p, u.observation.relevant, strict=True)
        if yes and p is not None
    ]
    errors["keeps_relevant"] = _share(kept)
    refused = {id(u): r.outcome == "refused" for u, r in zip(unseen, results, strict=True)}
    errors["wrong_refusals"] = _share([refused[id(u)] for u in answerable])
    for kind in UNANSWERABLE:
        these = [u for u in unseen if u.observation.kind == kind]
        errors[f"wrong_answers_{kind}"] = _share([not refused[id(u)] for u in these])
        errors[f"auroc_{kind}"] = _auroc(answerable, these)
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in errors.items()}


def _at_rank_1(answerable: Sequence[Unseen]) -> Numbers:
    firsts = [
        (p, float(u.observation.labels[u.judgement.order[0]]))
        for u in answerable
        if (p := u.judgement.p[u.judgement.order[0]]) is not None
    ]
    return _probabilities("rank_1", firsts)


def _admitted(judged: Sequence[tuple[Unseen, GateResult]]) -> Numbers:
    """What the gate let through for questions the library answers, with rescued passages and without them, and the
    share of these questions that got one passage, two, and so on."""
    passages: list[tuple[float, float]] = []
    kept: list[bool] = []
    everything: list[bool] = []
    let_through = [(u, r.admitted) for u, r in judged if u.observation.answerable and r.outcome == "admitted"]
    for u, admitted in let_through:
        relevant = {
            c.chunk.id: yes for c, yes in zip(u.observation.retrieved.candidates, u.observation.labels, strict=True)
        }
        for decision in admitted:
            yes = relevant[decision.scored.candidate.chunk.id]
            everything.append(yes)
            if decision.kind is not DecisionKind.RESCUED:
                kept.append(yes)
            if decision.scored.p is not None:
                passages.append((decision.scored.p, float(yes)))
    numbers = _probabilities("admitted", passages)
    numbers["admitted_precision_without_rescue"] = _share(kept)
    numbers["admitted_passages"] = len(everything) / len(let_through) if let_through else None
    for count in range(1, MOST + 1):
        numbers[f"admitted_{count}"] = _share([len(admitted) == count for _, admitted in let_through])
    return numbers


def _probabilities(name: str, pairs: Sequence[tuple[float, float]]) -> Numbers:
    if not pairs:
        return {f"{name}_{what}": None for what in ("precision", "mean_p", "brier_skill", "ece")}
    p, labels = (np.asarray(side, dtype=np.float64) for side in zip(*pairs, strict=True))
    return {
        f"{name}_precision": float(labels.mean()),
        f"{name}_mean_p": float(p.mean()),
        f"{name}_brier_skill": brier_skill(p, labels),
        f"{name}_ece": expected_calibration_error(p, labels),
    }


def _gate(unseen: Unseen, policy: GatePolicy) -> GateResult:
    candidates, judgement = unseen.observation.retrieved.candidates, unseen.judgement
    scored = [
        Scored(candidates[i], rank, raw_score=judgement.p[i], p=judgement.p[i])
        for rank, i in enumerate(judgement.order, 1)
    ]
    return decide(scored, policy, run=_RUN, p_answerable=judgement.p_answerable, cost=passage_cost)


def _auroc(answerable: Sequence[Unseen], others: Sequence[Unseen]) -> float | None:
    pairs = [
        (u.judgement.p_answerable, float(u.observation.answerable))
        for u in (*answerable, *others)
        if u.judgement.p_answerable is not None
    ]
    if not pairs or not others:
        return None
    p, labels = (np.asarray(side, dtype=np.float64) for side in zip(*pairs, strict=True))
    return auroc(p, labels)


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _mean(groups: Sequence[Mapping[str, float | int | None]]) -> Numbers:
    result: Numbers = {}
    for name in groups[0]:
        values = [value for group in groups if (value := group[name]) is not None]
        if name in ("questions", "answerable"):
            result[name] = sum(int(value) for value in values)
        else:
            result[name] = round(float(np.mean(values)), 4) if values else None
    return result


def _note(errors: Mapping[str, float | int | None]) -> str:
    """Both errors in the words the page shows."""

    def of_100(name: str) -> str:
        value = errors[name]
        return "?" if value is None else f"{100 * value:.0f}"

    return (
        f"refuses {of_100('wrong_refusals')} of 100 questions the library answers; lets through "
        f"{of_100('wrong_answers_off_topic')} of 100 off-topic questions, {of_100('wrong_answers_near_miss')} of 100 "
        f"whose page is missing and {of_100('wrong_answers_lookalike')} of 100 written to look answerable"
    )
