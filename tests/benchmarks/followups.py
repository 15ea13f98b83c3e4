"""What carried-over terms do to follow-ups: `python -m tests.benchmarks.followups [--questions N] [--json]`.

Follow-ups are made from the choosing sets: a question whose words shared with another question about the same document
are replaced by "it", asked after that other question, so that `app.stages.rewrite` would carry its terms over. Four
ways are judged by the shipped calibration from retrieval evidence: the question as it was written, the follow-up with
carried terms counted as words a passage must contain, with coverage and BM25 share measured on what was asked alone
(`Question.asked`), and with only coverage measured so (shipped). The calibration was fitted on other questions of the
same documents: compare the ways with each other, and take no number here for what an unseen library would give.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from app.calibration.fitted import FittedCalibration
from app.calibration.measure import auroc
from app.calibration.store import evidence_calibration
from app.domain import Retrieved
from app.errors import SluiceError
from app.library import open_reader
from app.ports import Embedder, LibraryReader
from app.providers.embedding import open_embedder
from app.settings import Settings, load_settings
from app.stages.retrieve import retrieve
from app.tuning.calibration_observe import fill_library, relevant_chunks
from app.tuning.calibration_sets import ABSTENTION, FITTED, Ask, LibraryPlan, plan_abstention, plan_fitted
from app.tuning.follow_ups import plan_follow_ups
from app.tuning.sources import QuestionSet, read_set
from tests.benchmarks.datasets import DATA

SETS = ("train_squad11", "train_squadshifts", "train_medquad", "train_selqa", "train_covidqa", ABSTENTION)
WAYS = ("as written", "carried counted", "asked only", "shipped")
SEED = 7
_ALL = 1_000_000


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=150, help="at most so many of a kind and set (150)")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not here: this benchmark reads the question sets from it.")
    try:
        settings = load_settings()
        calibration = evidence_calibration()
        if calibration is None:
            sys.exit("No calibration from retrieval evidence is shipped.")
        embedder = open_embedder(settings)
        report = {
            plan.name: run(plan, source, given.questions, settings, embedder, calibration) for plan, source in plans()
        }
    except SluiceError as error:
        sys.exit(f"{error.message}\n{error.hint}")
    print(json.dumps({"schema": 1, "sets": report}, indent=1) if given.json else as_text(report))


def plans() -> list[tuple[LibraryPlan, QuestionSet]]:
    """The libraries of `app.tuning.calibrate_shipped` with all their own questions, beside the sets they come from."""
    sources = [read_set(DATA / name) for name in FITTED]
    fitted = zip(plan_fitted(sources, questions=_ALL, off_topic=0), sources, strict=True)
    squad = read_set(DATA / ABSTENTION)
    every = [*fitted, (plan_abstention(squad, questions=_ALL), squad)]
    return [(plan, source) for plan, source in every if plan.name in SETS]


def run(
    plan: LibraryPlan,
    source: QuestionSet,
    most: int,
    settings: Settings,
    embedder: Embedder,
    calibration: FittedCalibration,
) -> dict[str, Any]:
    """One set's numbers by way."""
    name = fill_library(plan, settings.sluice_home / "calibration", lambda text: print(text, file=sys.stderr))
    made = plan_follow_ups(plan, source, questions=most, seed=SEED).asks
    alone = {ask.id: ask.text for ask in plan.asks}
    rows = {passage.id: row for row, passage in enumerate(plan.passages, 1)}
    written = embedder.embed_questions([alone[f.id] for f in made])
    carried = embedder.embed_questions([f.standalone for f in made])
    found: dict[str, list[tuple[Ask, float, bool]]] = {way: [] for way in WAYS}
    reader = open_reader(settings.libraries_dir, name, embedder_id=embedder.id)
    try:
        for f, plain, leaning in zip(made, written, carried, strict=True):
            shipped = retrieve(f.standalone, leaning, reader, asked=f.text)
            for way, retrieved in (
                ("as written", retrieve(alone[f.id], plain, reader)),
                ("carried counted", retrieve(f.standalone, leaning, reader)),
                ("asked only", _share_of_asked(shipped, f.text, reader)),
                ("shipped", shipped),
            ):
                if retrieved.candidates:
                    found[way].append((f, *_judged(f, retrieved, calibration, rows)))
    finally:
        reader.close()
    return {way: _numbers(found[way], calibration.policy.answer_above or 0.0) for way in WAYS}


def _share_of_asked(retrieved: Retrieved, asked: str, reader: LibraryReader) -> Retrieved:
    found = reader.bm25(asked, [c.chunk.id for c in retrieved.candidates])
    most = found.ceiling or 1.0
    return replace(
        retrieved,
        candidates=tuple(
            replace(c, bm25_share=min(1.0, found.bm25.get(c.chunk.id, 0.0) / most)) for c in retrieved.candidates
        ),
    )


def _judged(ask: Ask, retrieved: Retrieved, calibration: FittedCalibration, rows: dict[str, int]) -> tuple[float, bool]:
    judgement = calibration.evidence(retrieved)
    relevant = relevant_chunks(ask, [c.chunk for c in retrieved.candidates], rows)
    return judgement.p_answerable or 0.0, relevant[judgement.order[0]]


def _numbers(found: Sequence[tuple[Ask, float, bool]], above: float) -> dict[str, float | int | None]:
    yes = [(p, first) for ask, p, first in found if ask.kind == "answerable"]
    no = [p for ask, p, _ in found if ask.kind != "answerable"]
    p = np.asarray([*(p for p, _ in yes), *no])
    labels = np.asarray([1.0] * len(yes) + [0.0] * len(no))
    return {
        "answerable": len(yes),
        "unanswerable": len(no),
        "wrong_refusals": float(np.mean([p < above for p, _ in yes])),
        "wrong_answers": float(np.mean([p >= above for p in no])) if no else None,
        "auroc": auroc(p, labels),
        "rank_1_precision": float(np.mean([first for _, first in yes])),
    }


def as_text(report: dict[str, Any]) -> str:
    """A table for people."""
    lines = [f"{'':<20}{'way':<18}{'questions':>11}  refused   let through wrongly   AUROC   right at rank 1"]
    for name, ways in report.items():
        for way, n in ways.items():
            wrong, area = ("-" if n[key] is None else f"{n[key]:.3f}" for key in ("wrong_answers", "auroc"))
            lines.append(
                f"{name:<20}{way:<18}{n['answerable']:>5}+{n['unanswerable']:<5}  {n['wrong_refusals']:.3f}"
                f"{wrong:>14}{area:>17}{n['rank_1_precision']:>12.3f}"
            )
    for way in WAYS:
        refused, first = (
            np.mean([ways[way][key] for ways in report.values()]) for key in ("wrong_refusals", "rank_1_precision")
        )
        area = np.mean([ways[way]["auroc"] for ways in report.values() if ways[way]["auroc"] is not None])
        lines.append(f"{'mean over sets':<20}{way:<18}{'':>11}  {refused:.3f}{'':>14}{area:>17.3f}{first:>12.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
