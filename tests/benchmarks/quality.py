"""Quality on real question sets: `python -m tests.benchmarks.quality [--set NAME ...] [--all] [--json]`.

Each set of ../shared/data is filled by `python -m ingest` into a library of its own (below SLUICE_HOME) and asked
through the real pipeline, history and rewrite included. Arms over one frozen candidate set: off, evidence, plain (the
raw scores alone), reranked, gated; a refused question counts as nothing found in the gated arm. Beside them, dense:
what dense retrieval alone would have found.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app import ingest_process
from app.domain import GateResult, Scored
from app.domain import Judged as JudgedQuestion
from app.pipeline import Options
from app.settings import load_settings
from app.wiring import Sluice, build
from tests.benchmarks.datasets import DATA, SCOPES, Asked, DevSet, convert
from tests.benchmarks.quality_numbers import (
    MEASURES,
    Interval,
    Judged,
    bootstrap,
    difference,
    distinct,
    probabilities,
    ranking,
    refusals,
)

ARMS = ("dense", "off", "evidence", "plain", "reranked", "gated")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="sets", action="append", choices=[*SCOPES], help="default: every set")
    parser.add_argument("--questions", type=int, default=400, help="a seeded sample of so many a set (400)")
    parser.add_argument("--all", action="store_true", help="every question")
    parser.add_argument("--answers", type=int, default=200, help="extractive answers checked on squad2 (200)")
    parser.add_argument("--reranker", help="as the setting RERANKER")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not here: this benchmark reads the question sets from it.")
    sluice = build(load_settings(reranker=given.reranker))
    reports = []
    for name in given.sets or SCOPES:
        count = None if given.all else given.questions
        report = run(sluice, name, count=count, seed=given.seed, answers=given.answers if name == "squad2" else 0)
        reports.append(report)
        if not given.json:
            print(as_text(report), flush=True)
    if given.json:
        print(json.dumps({"schema": 1, "sets": reports}, indent=1))


def run(sluice: Sluice, name: str, *, count: int | None, seed: int, answers: int) -> dict[str, Any]:
    """Fill the set's library, ask the sample, and return the report."""
    dev = convert(name, sluice.settings.sluice_home / "benchmarks")
    library = "benchmark-" + dev.scope.folder.replace("_", "-")
    for event in ingest_process.start([dev.file], library=library):
        if event.kind == "report":
            print(f"{library}: {event.data['report']['counts']}", file=sys.stderr)
    options = sluice.options(library=library)
    sample = dev.sample(count, seed)
    judged: list[Judged] = []
    note = ""
    for number, asked in enumerate(sample, 1):
        checks_answer = bool(asked.answerable) and sum(j.answer_found is not None for j in judged) < answers
        found, note = _ask(sluice, dev, asked, replace(options, where=asked.where), check_answer=checks_answer)
        judged.append(found)
        if number % 50 == 0:
            print(f"{name}: {number} of {len(sample)}", file=sys.stderr, flush=True)
    return _report(dev, judged, reranker=options.reranker, calibration=note)


def _ask(sluice: Sluice, dev: DevSet, asked: Asked, options: Options, *, check_answer: bool) -> tuple[Judged, str]:
    pipeline = sluice.pipeline
    question = pipeline.judge(asked.text, options, history=asked.history)
    gate = pipeline.decide(question, options.gate, history=asked.history)
    refused = gate.outcome == "refused"
    dense = pipeline.judge(asked.text, replace(options, retrieval="dense", reranker="none"), history=asked.history)
    found = Judged(
        id=asked.id,
        answerable=asked.answerable,
        relevant=asked.relevant,
        ranked=_ranked(dev, question, gate, dense),
        p_answerable=question.p_answerable,
        refused=refused,
    )
    if asked.relevant and question.scored:
        found.rank_1 = _pair(dev, asked, question.scored[0])
        pairs = [_pair(dev, asked, d.scored) for d in gate.admitted]
        found.admitted = [pair for pair in pairs if pair is not None]
    if check_answer:
        answer = pipeline.finish(question, options.gate, history=asked.history).answer
        said = "" if answer is None else _plain(answer.text)
        found.answer_found = any(_plain(a) in said for a in asked.answers)
    return found, question.run.calibration_note


def _ranked(dev: DevSet, question: JudgedQuestion, gate: GateResult, dense: JudgedQuestion) -> dict[str, list[str]]:
    by_raw = sorted(
        question.scored, key=lambda s: (s.raw_score is None, -(s.raw_score or 0.0), s.candidate.rank_before)
    )
    arms = {
        "dense": [c.chunk for c in dense.retrieved.candidates],
        "plain": [s.candidate.chunk for s in by_raw],
        "off": [c.chunk for c in question.retrieved.candidates],
        "evidence": [s.candidate.chunk for s in question.evidence],
        "reranked": [s.candidate.chunk for s in question.scored],
        "gated": [d.scored.candidate.chunk for d in gate.admitted],
    }
    return {arm: distinct(dev.passage(chunk.metadata["row"]) for chunk in chunks) for arm, chunks in arms.items()}


def _pair(dev: DevSet, asked: Asked, scored: Scored) -> tuple[float, float] | None:
    relevant = dev.passage(scored.candidate.chunk.metadata["row"]) in asked.relevant
    return None if scored.p is None else (scored.p, float(relevant))


def _report(dev: DevSet, judged: Sequence[Judged], *, reranker: str, calibration: str) -> dict[str, Any]:
    measured = {arm: ranking(judged, arm) for arm in ARMS}
    checked = [j.answer_found for j in judged if j.answer_found is not None]
    answered = [j.answer_found for j in judged if j.answer_found is not None and not j.refused]
    return {
        "set": dev.name,
        "role": dev.scope.role,
        "reranker": reranker,
        "calibration": calibration,
        "questions": len(judged),
        "with_relevant": sum(bool(j.relevant) for j in judged),
        "arms": {arm: {name: bootstrap([*measured[arm][name].values()]) for name in MEASURES} for arm in ARMS},
        "differences": {
            "reranked - evidence": difference(measured["reranked"]["nDCG@10"], measured["evidence"]["nDCG@10"]),
            "reranked - dense": difference(measured["reranked"]["nDCG@10"], measured["dense"]["nDCG@10"]),
            "reranked - plain": difference(measured["reranked"]["nDCG@10"], measured["plain"]["nDCG@10"]),
            "reranked - off": difference(measured["reranked"]["nDCG@10"], measured["off"]["nDCG@10"]),
            "evidence - off": difference(measured["evidence"]["nDCG@10"], measured["off"]["nDCG@10"]),
        },
        "refusals": refusals(judged),
        "rank_1": probabilities([j.rank_1 for j in judged if j.rank_1 is not None]),
        "admitted": probabilities([pair for j in judged for pair in j.admitted]),
        "answers": {
            "checked": len(checked),
            "found": sum(checked) / len(checked) if checked else None,
            "found_where_answered": sum(answered) / len(answered) if answered else None,
        },
    }


def as_text(report: dict[str, Any]) -> str:
    """The report of one set, for people."""
    lines = [
        f"\n{report['set']}: {report['role']}; {report['questions']} questions, "
        f"{report['with_relevant']} with relevant passages; {report['reranker']}",
        f"  {report['calibration']}",
    ]
    lines += [
        f"  {arm:<9}" + "".join(f"  {name} {_interval(value)}" for name, value in numbers.items())
        for arm, numbers in report["arms"].items()
    ]
    lines += [f"  nDCG@10 {name:<20} {_interval(value, '+')}" for name, value in report["differences"].items()]
    r = report["refusals"]
    lines.append(
        f"  refused: {_share(r['refused_answerable'])} of {r['answerable']} answerable, "
        f"{_share(r['refused_unanswerable'])} of {r['unanswerable']} unanswerable; AUROC {_share(r['auroc'])}"
    )
    for where in ("rank_1", "admitted"):
        n = report[where]
        lines.append(
            f"  p at {where:<9} Brier skill {_share(n['brier_skill'])}, ECE {_share(n['ece'])}; says "
            f"{_share(n['mean_p'])}, is {_share(n['precision'])} ({n['n']} passages)"
        )
    a = report["answers"]
    if a["checked"]:
        lines.append(
            f"  extractive answer holds the gold answer: {_share(a['found'])} of {a['checked']} answerable, "
            f"{_share(a['found_where_answered'])} where it answered"
        )
    return "\n".join(lines)


def _interval(value: Interval | None, sign: str = "") -> str:
    return "-" if value is None else f"{value[0]:{sign}.3f} [{value[1]:{sign}.3f}, {value[2]:{sign}.3f}]"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


if __name__ == "__main__":
    main()
