"""What carried-over terms do to follow-ups: `python -m tests.benchmarks.followups [--questions N] [--json]`.

Follow-ups are made from the choosing sets: a question whose words shared with another question about the same document
are replaced by "it", asked after that other question, so that `app.stages.rewrite` would carry its terms over. Three
ways are judged by the shipped calibration from retrieval evidence: the question as it was written, the follow-up with
carried terms counted as words a passage must contain, and with coverage measured on what was asked alone
(`Question.asked`, shipped). The calibration was fitted on other questions of the same documents: compare the ways with
each other, and take no number here for what an unseen library would give.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.calibration.fitted import FittedCalibration
from app.calibration.measure import auroc
from app.calibration.store import evidence_calibration
from app.domain import Retrieved
from app.errors import SluiceError
from app.library import open_reader
from app.ports import Embedder
from app.providers.embedding import open_embedder
from app.settings import Settings, load_settings
from app.stages.retrieve import retrieve
from app.tuning.calibration_observe import fill_library, relevant_chunks
from app.tuning.calibration_sets import ABSTENTION, FITTED, Ask, LibraryPlan, plan_abstention, plan_fitted
from app.tuning.sources import QuestionSet, read_set
from app.words import content_words
from tests.benchmarks.datasets import DATA

SETS = ("train_squad11", "train_squadshifts", "train_medquad", "train_selqa", "train_covidqa", ABSTENTION)
WAYS = ("as written", "carried counted", "asked only")
CARRIED = 8
SEED = 7
_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A simulated follow-up: the ask it was made from, its text, and the terms carried over from the turn before."""

    ask: Ask
    text: str
    carried: tuple[str, ...]

    @property
    def standalone(self) -> str:
        return f"{self.text} ({' '.join(self.carried)})"


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


def follow_up(before: str, ask: Ask) -> FollowUp | None:
    """The ask with "it" for the words it shares with the question before; None where it would not lean on that.

    >>> made = follow_up("Who founded Sluice Ltd?", Ask("q", "Where did Sluice Ltd build mills?", "answerable"))
    >>> made.text, made.carried
    ('Where did it build mills?', ('founded', 'sluice', 'ltd'))
    """
    earlier, own = content_words(before), set(content_words(ask.text))
    shared = own & set(earlier)
    if not shared or shared == own:
        return None
    kept: list[str] = []
    for word in ask.text.split():
        parts = content_words(word)
        if not parts or not set(parts) <= shared:
            kept.append(word)
        elif "it" not in kept:
            kept.append("it")
    text = " ".join(kept)
    carried = [word for word in dict.fromkeys(earlier) if word not in content_words(text)]
    return FollowUp(ask, text, tuple(carried[:CARRIED]))


def simulated(plan: LibraryPlan, source: QuestionSet, most: int) -> list[FollowUp]:
    """At most `most` follow-ups of each kind, each after another question about the same document."""
    generator = random.Random(SEED)
    document = {}
    for asked in source.questions:
        passage = asked.positives[0] if asked.positives else str(asked.extra.get("passage_id", ""))
        if passage in source.passages:
            document[asked.id] = source.passages[passage].title.split(" - ")[0]
    about: dict[str, list[Ask]] = {}
    for ask in plan.asks:
        about.setdefault(document[ask.id], []).append(ask)
    made: dict[str, list[FollowUp]] = {}
    for ask in plan.asks:
        others = [other for other in about[document[ask.id]] if other.id != ask.id]
        tried = (follow_up(o.text, ask) for o in generator.sample(others, min(6, len(others))))
        first = next((f for f in tried if f is not None), None)
        if first is not None:
            made.setdefault(ask.kind, []).append(first)
    return [f for kind in made.values() for f in generator.sample(kind, min(most, len(kind)))]


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
    made = simulated(plan, source, most)
    rows = {passage.id: row for row, passage in enumerate(plan.passages, 1)}
    written = embedder.embed_questions([f.ask.text for f in made])
    carried = embedder.embed_questions([f.standalone for f in made])
    found: dict[str, list[tuple[Ask, float, bool]]] = {way: [] for way in WAYS}
    reader = open_reader(settings.libraries_dir, name, embedder_id=embedder.id)
    try:
        for f, plain, leaning in zip(made, written, carried, strict=True):
            for way, retrieved in (
                ("as written", retrieve(f.ask.text, plain, reader)),
                ("carried counted", retrieve(f.standalone, leaning, reader)),
                ("asked only", retrieve(f.standalone, leaning, reader, asked=f.text)),
            ):
                if retrieved.candidates:
                    found[way].append((f.ask, *_judged(f.ask, retrieved, calibration, rows)))
    finally:
        reader.close()
    return {way: _numbers(found[way], calibration.policy.answer_above or 0.0) for way in WAYS}


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
