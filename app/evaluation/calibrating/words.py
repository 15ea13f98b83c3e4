"""What a calibration came to, in words and tables. Pure."""

from __future__ import annotations

from app.counting import counted
from app.evaluation.calibrating.calibrate import Calibrating
from app.evaluation.calibrating.fit import FUSED, SCALED, UNANSWERABLE
from app.evaluation.calibrating.held_out import Calibrated, HeldOut
from app.evaluation.document import Section, Table
from app.evaluation.figures import estimate, number, share
from app.evaluation.intervals import Estimate
from app.evaluation.thresholds import Proposal
from app.evaluation.verdict import points

_PASSAGES = {
    "fused": "p comes from new maps over score and retrieval evidence",
    "score alone": "p comes from a new map of the score alone: together with evidence it ranked unseen documents worse",
    "scaled": f"p is the shipped map, scaled to what is so here (new maps take {FUSED} questions with a relevant "
    f"candidate and {UNANSWERABLE} unanswerable ones)",
    "raw score": "p is the raw score, scaled to what is so here: no calibration of this scorer is shipped",
}
_QUESTIONS = {
    "fitted": "p_answerable comes from a new map",
    "scaled": "p_answerable is the shipped map, scaled to what is so here",
    "as shipped": f"p_answerable is the shipped map as it is (scaling it takes {SCALED} answerable and {SCALED} "
    "unanswerable questions)",
    "none": "there is no p_answerable: questions are refused only where no passage clears the gate",
}
_TARGETS = {
    "best_f1": "best F1 of the admitted",
    "precision": "precision of at least {share}",
    "false_answers": "at most {share} of unanswerable questions answered",
    "relevant_lost": "at most {share} of relevant passages lost",
}
_REACHED = {"best_f1": "F1", "precision": "precision", "false_answers": "answered", "relevant_lost": "lost"}


def first_line(result: Calibrating) -> str:
    """What calibrating changed, in one sentence; the errors are those of the other part."""
    before, after = result.before, result.after
    said = []
    if after.rank_1 is not None and after.rank_1.ece is not None:
        ece = before.rank_1.ece if before.rank_1 is not None else None
        said.append(f"ECE at rank 1 {_change(ece, after.rank_1.ece)}")
    pairs = (
        ("wrong refusals", before.gate.refusals.wrong_refusals, after.gate.refusals.wrong_refusals),
        ("wrong answers", before.gate.refusals.wrong_answers, after.gate.refusals.wrong_answers),
        ("gate F1", before.gate.f1, after.gate.f1),
    )
    said += [f"{name} {_change(a, b)}" for name, a, b in pairs if b is not None]
    fitted, measured = result.sides["calibration"].questions, result.sides["test"].questions
    return f"Calibrated on {counted(fitted, 'question')}, measured on {measured:,} others: {', '.join(said)}"


def sections_of(result: Calibrating) -> tuple[Section, ...]:
    """How it was fitted, the thresholds, the errors on the other part, and abstention."""
    questions = (
        "p_answerable comes from the sorted scores, which won on the other part"
        if result.abstains_by_scores
        else _QUESTIONS[result.questions]
    )
    said = [f"{_PASSAGES[result.passages]}."]
    if result.calibration.steps:
        said.append("Isotonic steps stand in for the logistic curve: on documents not seen they came closer.")
    how = Section("How", (*said, f"{questions}."), (_sides(result),))
    found = [how, _thresholds(result), _errors(result)]
    if result.abstention is not None:
        found.append(_abstention(result))
    return tuple(found)


def _sides(result: Calibrating) -> Table:
    rows = tuple(
        (name, f"{s.questions:,}", f"{s.found:,}", f"{s.unanswerable:,}")
        for name, s in (("fitted on", result.sides["calibration"]), ("measured on", result.sides["test"]))
    )
    return Table(("", "questions", "with a relevant candidate", "unanswerable"), rows)


def _thresholds(result: Calibrating) -> Section:
    policy = result.policy
    rows: list[tuple[str, ...]] = [(_target(p), p.sets, _threshold(p), _reached(p)) for p in result.proposals]
    rows += [
        (name, field, number(value, 3), "")
        for name, field, value in (
            ("in the calibration", "keep_above", policy.keep_above),
            ("in the calibration", "answer_above", policy.answer_above),
        )
    ]
    return Section(
        "The gate",
        result.plan,
        (Table(("target", "sets", "threshold (95%)", "on the part it was chosen on"), tuple(rows)),),
    )


def _errors(result: Calibrating) -> Section:
    before, after = result.before, result.after
    rows = [
        ("wrong refusals, of answerable questions", *(share(h.gate.refusals.wrong_refusals) for h in (before, after))),
        ("wrong answers, of unanswerable questions", *(share(h.gate.refusals.wrong_answers) for h in (before, after))),
        ("AUROC of p_answerable", *(estimate(h.auroc) for h in (before, after))),
        ("F1 of the admitted", *(estimate(h.gate.f1) for h in (before, after))),
        ("precision of the admitted", *(estimate(h.gate.precision) for h in (before, after))),
        ("recall of the admitted", *(estimate(h.gate.recall) for h in (before, after))),
        ("relevant candidates below keep_above", *(estimate(h.lost) for h in (before, after))),
    ]
    for where in ("rank_1", "admitted"):
        name = "at rank 1" if where == "rank_1" else "on the admitted"
        both = [_of(h, where) for h in (before, after)]
        rows += [
            (f"p {name} says", *("-" if c is None else points(c.said) for c in both)),
            (f"p {name} is", *("-" if c is None else points(c.seen) for c in both)),
            (f"ECE {name}", *(estimate(None if c is None else c.ece) for c in both)),
            (f"Brier skill {name}", *(_skill(None if c is None else c.brier_skill) for c in both)),
        ]
    words = ("Measured on the part it was not fitted on, with 95 % bootstrap intervals.",)
    return Section("What it is worth", words, (Table(("", "now", "calibrated"), tuple(rows)),))


def _abstention(result: Calibrating) -> Section:
    found = result.abstention
    assert found is not None
    rows = [("sorted scores, fitted", estimate(found.auroc), estimate(found.area))]
    rows += [(rival.name, estimate(rival.auroc), estimate(rival.area)) for rival in found.rivals]
    words = "It won, and is used." if result.abstains_by_scores else "It did not win beyond noise, and is not used."
    about = f"When to refuse, by a model over the sorted scores (arXiv 2402.12997), on the other part. {words}"
    table = Table(("when to refuse by", "AUROC", "area under risk-coverage (less is better)"), tuple(rows))
    return Section("Abstention", (about,), (table,))


def _of(found: HeldOut, where: str) -> Calibrated | None:
    return found.rank_1 if where == "rank_1" else found.admitted


def _target(proposal: Proposal) -> str:
    asked = "" if proposal.asked is None else f"{proposal.asked:g}"
    return _TARGETS[proposal.target].format(share=asked)


def _threshold(proposal: Proposal) -> str:
    found = proposal.threshold
    if found is None:
        return proposal.note
    bounds = ["none" if bound is None else f"{bound:.3f}" for bound in (found.low, found.high)]
    return f"{found.value:.3f} ({bounds[0]} to {bounds[1]})"


def _reached(proposal: Proposal) -> str:
    return "" if proposal.reached is None else f"{_REACHED[proposal.target]} {estimate(proposal.reached)}"


def _skill(value: Estimate | None) -> str:
    if value is None:
        return "-"
    if value.low is None or value.high is None:
        return number(value.value)
    return f"{value.value:.2f} ({value.low:.2f} to {value.high:.2f})"


def _change(before: Estimate | None, after: Estimate) -> str:
    return points(after.value) if before is None else f"{points(before.value)} -> {points(after.value)}"
