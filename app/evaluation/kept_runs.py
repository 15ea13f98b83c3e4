"""The runs kept for a library, and how to go on with one that was interrupted."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from app.errors import UsageError
from app.evaluation.job import Request, forget_job, read_job
from app.evaluation.manifest import Manifest, ManifestDamaged
from app.evaluation.questions.kept import set_path
from app.evaluation.run_folder import MANIFEST, read_run, remove_run, runs_dir
from app.pipeline import GateChoice


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run folder. `done` of `manifest.questions.asked` questions have a record under every configuration; `stamp`
    changes when a record is added."""

    path: Path
    manifest: Manifest
    done: int
    stamp: int

    @property
    def finished(self) -> bool:
        return self.done >= self.manifest.questions.asked


def kept_runs(home: Path, library: str) -> list[KeptRun]:
    """The runs of a library, newest first; folders that another version wrote are left out."""
    found = []
    for path in runs_dir(home, library).glob(f"*/{MANIFEST}"):
        try:
            manifest = read_run(path.parent).manifest
        except ManifestDamaged:
            continue
        found.append(_kept(path.parent, manifest))
    return sorted(found, key=lambda run: (run.manifest.created, run.path.name), reverse=True)


def to_go_on(run: KeptRun, home: Path) -> Request:
    """The request that asks what is missing. Raises UsageError where its question set is gone."""
    manifest = run.manifest
    noted, asked = manifest.configurations, manifest.questions
    given = {name: manifest.settings[name] for name in _GATE if name in manifest.settings}
    return Request(
        library=manifest.library.name,
        questions=str(_questions(run, home)),
        name=asked.name,
        rerankers=tuple(dict.fromkeys(c.reranker for c in noted)),
        retrievals=tuple(dict.fromkeys(c.retrieval for c in noted)),
        candidates=tuple(dict.fromkeys(c.candidates for c in noted)),
        sample=asked.sample,
        seed=asked.seed,
        answers=bool(manifest.settings.get("answers")),
        grade="grader" in manifest.settings,
        gate=given,
        source=asked.source,
        folder=str(run.path),
    )


def is_going(home: Path, run: KeptRun) -> bool:
    """Whether the job below this SLUICE_HOME writes to the run, or, being just started, may be about to."""
    job = read_job(home)
    if job is None or not job.progress.going:
        return False
    folder = job.progress.folder if job.progress.folder is not None else job.request.folder
    if folder is None:
        return job.request.library == run.manifest.library.name  # it goes on with an unfinished run of its kind
    return Path(folder).resolve() == run.path.resolve()


def delete_run(home: Path, run: KeptRun) -> None:
    """Remove a run for good, and what is still said of how it ended. Its question set stays, and so do thresholds that
    were applied from it. Raises UsageError while it is going, or where it is gone already."""
    if is_going(home, run):
        raise UsageError("This evaluation is going.", hint="Cancel it first, or wait until it has finished.")
    place = run.path.resolve()
    remove_run(run.path)
    job = read_job(home)
    if job is not None and job.progress.folder is not None and Path(job.progress.folder).resolve() == place:
        forget_job(home)


def _questions(run: KeptRun, home: Path) -> Path:
    """The run's own copy; of a sample it holds only what was drawn, so the set itself is needed."""
    asked = run.manifest.questions
    if asked.asked == asked.questions:
        return run.path / "questions.jsonl"
    places = [Path(asked.source)] if asked.source else []
    places.append(set_path(home, run.manifest.library.name, asked.name))
    for place in places:
        if place.is_file():
            return place
    raise UsageError(
        f"The question set {asked.name} is gone, and this run asks a sample of it.",
        hint=f"Upload it again as {asked.name}, or start a new evaluation.",
    )


def _kept(path: Path, manifest: Manifest) -> KeptRun:
    counts, size = [], 0
    for configuration in manifest.configurations:
        file = path / "records" / f"{configuration.id}.jsonl"
        text = file.read_bytes() if file.is_file() else b""
        counts.append(text.count(b"\n"))
        size += len(text)
    return KeptRun(path, manifest, min(counts, default=0), size)


_GATE = tuple(f.name for f in fields(GateChoice))
