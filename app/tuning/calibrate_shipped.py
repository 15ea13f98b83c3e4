"""Fit the calibrations that are shipped: `python -m app.tuning.calibrate_shipped --data FOLDER [--scorer NAME]`.

FOLDER holds the question sets (train_*, dev_squad2, dev_tatqa). The scorer is named as in the setting RERANKER; `none`
fits the maps from retrieval evidence alone, which serve every scorer. Everything in between (libraries, scores) is
kept below SLUICE_HOME, so that a second run goes on where the first one stopped.

The bundled model was trained on other documents of the same kinds, which people's documents are not. With --folds
(DIR/<fold>/reranker, of `app.tuning.train_bundled --without-fold`) its calibration is fitted on what models of the same
recipe say about kinds of document that they never saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from app.calibration.fit import fit_calibration
from app.calibration.fitted import FittedCalibration, FittedOn
from app.calibration.observed import Observation, Unseen
from app.calibration.store import save_calibration
from app.errors import SluiceError, UsageError
from app.ports import Embedder, Scorer
from app.providers.bundled_embedding import open_bundled_embedder
from app.providers.embedding import open_embedder
from app.providers.reranking.late_interaction import LateInteraction
from app.providers.reranking.onnx_cross_encoder import open_bundled
from app.providers.reranking.registry import open_scorer, resolve
from app.settings import Settings, load_settings
from app.tuning.calibration_errors import errors_of, measured_errors
from app.tuning.calibration_joined import LEAST, LONG, TOGETHER, plan_long, plan_several
from app.tuning.calibration_observe import observe
from app.tuning.calibration_restated import REPEATED, plan_overlapping, plan_repeated
from app.tuning.calibration_sets import (
    ABSTENTION,
    FITTED,
    MEASURED,
    LibraryPlan,
    plan_abstention,
    plan_fitted,
    plan_measured,
)
from app.tuning.folds import FOLDS, fold_of
from app.tuning.sources import read_set
from app.tuning.token_vectors import RememberedVectors

SHIPPED = Path(__file__).resolve().parent.parent / "models" / "calibrations"
CHUNKING = "at most 220 tokens"
LOST = 0.05
WRONG_REFUSALS = 0.1
_ALL = 10**9


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--scorer", "names", multiple=True, default=("none", "late-interaction"), show_default=True)
@click.option("--questions", default=300, show_default=True, help="Questions a set; half as many off topic to all.")
@click.option("--folds", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Cross-fit `bundled`.")
@click.option("--out", type=click.Path(path_type=Path), default=SHIPPED, help="Where the files go.")
def main(data: Path, names: tuple[str, ...], questions: int, folds: Path | None, out: Path) -> None:
    """Fit and write one calibration for each scorer named."""
    try:
        settings = load_settings()
        embedder = open_embedder(settings)
        plans = _plans(data, questions)
        for name in names:
            scorer = None if name == "none" else _scorer(resolve(name), settings)
            crossed = _fold_scorers(folds) if folds is not None and name == "bundled" else {}
            path = save_calibration(_fit(plans, settings, embedder, scorer, crossed), out)
            click.echo(f"{name}: {path}")
    except SluiceError as error:
        raise click.ClickException(f"{error.message}\n{error.hint}") from error


def _scorer(name: str, settings: Settings) -> Scorer:
    if name == "late-interaction":
        return LateInteraction(RememberedVectors(open_bundled_embedder(settings.models_dir)))
    return open_scorer(name, settings)


def _fold_scorers(folder: Path) -> dict[str, Scorer]:
    """The models that each never saw one fold, by its name. Raises UsageError for one that was not trained yet."""
    for fold in FOLDS:
        if not (folder / fold / "reranker").is_dir():
            raise UsageError(
                f"{folder} has no model trained without the fold {fold}.",
                hint=f"python -m app.tuning.train_bundled --data DATA --without-fold {fold} --out {folder / fold}",
            )
    return {fold: open_bundled(folder / fold / "reranker") for fold in FOLDS}


def _plans(data: Path, questions: int) -> list[LibraryPlan]:
    sources = [read_set(data / name) for name in FITTED]
    fitted = plan_fitted(sources, questions=questions, off_topic=questions // 5)
    with_all = plan_fitted(sources, questions=_ALL, off_topic=0)
    several = [
        plan_several(plan, source, parts=parts, questions=questions)
        for plan, source in zip(with_all, sources, strict=True)
        for parts in TOGETHER
    ]
    tatqa = read_set(data / MEASURED)
    return [
        *fitted,
        *(plan for plan in several if sum(ask.kind == "answerable" for ask in plan.asks) >= LEAST),
        *(plan_long(plan, questions=questions) for plan in fitted if plan.name in LONG),
        *(plan_repeated(plan, questions=questions) for plan in fitted if plan.name in REPEATED),
        *(plan_overlapping(plan, questions=questions) for plan in fitted if plan.name in REPEATED),
        plan_abstention(read_set(data / ABSTENTION), questions=questions),
        plan_measured(tatqa, questions=questions, within_group=True),
        plan_measured(tatqa, questions=questions, within_group=False),
    ]


def _fit(
    plans: Sequence[LibraryPlan],
    settings: Settings,
    embedder: Embedder,
    scorer: Scorer | None,
    crossed: Mapping[str, Scorer],
) -> FittedCalibration:
    """`crossed` are scorers by fold that stand in for `scorer` where something is fitted; empty: it scores all."""
    work = settings.sluice_home / "calibration"
    fitted: list[Observation] = []
    measured: list[Observation] = []
    for plan in plans:
        scores = scorer_of(plan, scorer, crossed)
        seen = observe(plan, work=work, libraries=settings.libraries_dir, embedder=embedder, scorer=scores, say=_say)
        (fitted if plan.fitted else measured).extend(seen)
    on = FittedOn(
        sets=tuple(dict.fromkeys(plan.group or plan.name for plan in plans if plan.fitted)),
        library=None,
        chunking=CHUNKING,
        embedder=embedder.id,
        questions=len(fitted),
        passages=sum(len(o.relevant) for o in fitted),
        date=datetime.now(UTC).date().isoformat(),
    )
    identity = None if scorer is None else scorer.profile.id
    calibration, unseen = fit_calibration(
        fitted, scorer=identity, fitted_on=on, lost=LOST, wrong_refusals=WRONG_REFUSALS
    )
    errors, policy = measured_errors(unseen, calibration.policy, lost=LOST, wrong_refusals=WRONG_REFUSALS)
    errors["not_fitted_on"] = {
        name: errors_of([_judged(calibration, o) for o in measured if o.group == name], policy)
        for name in dict.fromkeys(o.group for o in measured)
    }
    if crossed:
        errors["cross_fitted"] = "scores of models that never saw the kind of document: " + ", ".join(crossed)
    return replace(calibration, policy=policy, errors={**calibration.errors, **errors})


def scorer_of(plan: LibraryPlan, scorer: Scorer | None, crossed: Mapping[str, Scorer]) -> Scorer | None:
    """Who scores a library: what is fitted on, the model that never saw its kind, where there is one."""
    return crossed[fold_of(plan.group or plan.name)] if crossed and plan.fitted else scorer


def _judged(calibration: FittedCalibration, observation: Observation) -> Unseen:
    if calibration.scorer is None:
        return Unseen(observation, calibration.evidence(observation.retrieved))
    return Unseen(observation, calibration.judge(observation.retrieved, observation.scores()))


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
