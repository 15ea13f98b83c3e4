"""One tuning run from labels to a verdict. Every step leaves a file, so that a run stopped at any moment goes on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.calibration.store import save_calibration
from app.ports import Scorer
from app.providers.reranking.onnx_cross_encoder import open_exported
from app.providers.reranking.templated import with_template
from app.providers.reranking.tuned import PROVIDER, Tuned, write_tuned
from app.stages.fields import template_of
from app.tuning.groups import Group
from app.tuning.own.asking import Searched
from app.tuning.own.bases import Base, open_base
from app.tuning.own.fitting import Fitted, fit
from app.tuning.own.folder import start, trained_with
from app.tuning.own.held_out import judge_held_out
from app.tuning.own.lessons import lessons
from app.tuning.own.parts import Division, Part, divide, enough, only_weak
from app.tuning.own.plan import TunePlan
from app.tuning.own.preparing import Prepared, Say, Tuning
from app.tuning.own.report import TuneReport, write_report
from app.tuning.own.running import Run

SAMPLES = 48  # pairs on which the quantisation measures its channel factors


def tune(sluice: Tuning, prepared: Prepared, plan: TunePlan, *, name: str | None, seed: str, say: Say) -> TuneReport:
    """Train, judge on held-out questions, and keep the result: promoted where it wins, else aside.

    The same call goes on where an earlier one was stopped. Raises UsageError where there are too few questions, saying
    how many would do; ModelError where memory runs out, or a model cannot be used; and what scorers raise.
    """
    began = time.monotonic()
    measurable = {s.question.id for s in prepared.searched if s.measurable}
    labelled = sum(bool(s.question.passages.relevant) and not s.question.labelled.weak for s in prepared.searched)
    enough(len(measurable), unseen=labelled - len(measurable))
    division = divide(
        {s.question.id: s.question.group for s in prepared.searched},
        measurable,
        fixed=_fixed(prepared, plan, sluice.settings.sluice_home),
        seed=seed,
    )
    base = open_base(plan.base, sluice.settings.sluice_home, window=plan.window)
    folder = start(
        sluice.settings.sluice_home,
        name,
        _identity(prepared, plan, base, seed),
        stem=prepared.asked.contents.info.name,
    )
    with folder.alone():
        folder.keep_parts(division.part)
        run = Run(sluice, prepared, plan, folder, base, division, say, _parts(prepared, division))
        say.note(
            f"Tuning {folder.name} in {folder.path}: {division.counts['train']} questions to learn from, "
            f"{division.counts['validation']} to choose the checkpoint, {division.counts['test']} to judge on."
        )
        groups, teacher, learned = lessons(run)
        fitted = fit(
            base, groups, [s for s in run.parts["validation"] if s.measurable], prepared.asked.text, plan, folder.work,
            teacher=teacher, tick=lambda d, t, left: say.tick("training steps", d, t, left), note=say.note,
        )  # fmt: skip
        scorer = _export(run, fitted, groups)
        outcome, calibration = judge_held_out(run, fitted, scorer)
        if outcome.promoted:
            save_calibration(calibration.calibration, sluice.settings.calibrations_dir)
        report = TuneReport(
            folder.name, prepared.asked.contents.info.name, plan, prepared.advice, learned, fitted, outcome,
            calibration, str(scorer.profile.id), time.monotonic() - began,
        )  # fmt: skip
        write_report(report, folder.path)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        write_tuned(Tuned(folder.name, plan.base, report.library, outcome.promoted, outcome.said, at, folder.path))
        folder.done_with_work()
        return report


def _parts(prepared: Prepared, division: Division) -> dict[Part, tuple[Searched, ...]]:
    found: dict[Part, list[Searched]] = {"train": [], "validation": [], "test": []}
    for searched in prepared.searched:
        found[division.part[searched.question.id]].append(searched)
    return {part: tuple(of) for part, of in found.items()}


def _fixed(prepared: Prepared, plan: TunePlan, home: Path) -> dict[str, Part]:
    """Where questions must be: as the set says, and to training where they can only train, or where the current scorer
    or the base, tuned earlier, learned from them: it would be judged on what it has seen."""
    fixed = only_weak(
        {s.question.id: s.question.group for s in prepared.searched},
        {s.question.id for s in prepared.searched if s.question.labelled.weak},
    )
    fixed |= {s.question.id: "test" for s in prepared.searched if s.question.labelled.split == "test"}
    for name in (plan.base, prepared.reranker):
        if name.startswith(f"{PROVIDER}:"):
            seen = trained_with(home, name.partition(":")[2])
            fixed |= {question: "train" for question, part in seen.items() if part != "test"}
    return fixed


def _identity(prepared: Prepared, plan: TunePlan, base: Base, seed: str) -> dict[str, object]:
    info, options = prepared.asked.contents.info, prepared.asked.options
    return {
        "schema": 2,
        **plan.identity,
        "base_revision": base.revision,
        "questions": prepared.questions.fingerprint,
        "library": info.name,
        "generation": info.generation,
        "current": None if prepared.current is None else str(prepared.current.scorer.profile.id),
        "retrieval": options.retrieval,
        "candidates": options.candidates,
        "fields": list(options.fields),
        "split": seed,
    }


def _export(run: Run, fitted: Fitted, groups: Sequence[Group]) -> Scorer:
    """The trained model on the fast path, under the scorer id that it will have when it is chosen."""
    samples = [(g.question, g.texts[0]) for g in groups[:SAMPLES]]
    run.say.note("Exporting to ONNX int8.")
    facts: dict[str, object] = {
        "tuned_from": run.base.name,
        "base_revision": run.base.revision,
        "loss": run.plan.loss,
        "step": fitted.step,
        "share": fitted.share,
        "questions": run.prepared.questions.fingerprint,
    }
    run.folder.clear_half_written()
    run.base.write(run.folder.model, run.folder.name, samples, facts)
    scorer = open_exported(run.folder.model, provider=PROVIDER, model=run.folder.name)
    return with_template(scorer, template_of(run.prepared.asked.options.fields))
