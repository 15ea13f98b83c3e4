"""The folder of a run: manifest.json, questions.jsonl, records/<configuration>.jsonl, and the reports beside them.

Records are appended and flushed question by question, so that a run that was killed is gone on with. A last line that
was cut is dropped; any other line that cannot be read is an error.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import UsageError
from app.evaluation.manifest import Manifest, ManifestDamaged, differences, manifest_from_dict, manifest_to_dict
from app.evaluation.plan import Plan
from app.evaluation.questions.model import QuestionSet
from app.evaluation.questions.read import read_questions
from app.evaluation.questions.write import write_questions
from app.evaluation.records import QuestionRecord, RecordDamaged, record_from_dict, record_to_dict

MANIFEST = "manifest.json"
_SHOWN = 6


class RunMismatch(UsageError):
    """The folder holds a run of something else."""


class RunFolder:
    """One run on disk. Open it with `start` to write, or `read_run` to read."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @property
    def questions(self) -> QuestionSet:
        """The questions that were asked, with their labels as given."""
        return read_questions(self.path / "questions.jsonl", name=self.manifest.questions.name)

    def records(self, configuration: str) -> list[QuestionRecord]:
        """The records of one configuration, by its id, in the order they were asked. Raises RecordDamaged."""
        path = self._file(configuration)
        found: dict[str, QuestionRecord] = {}
        for number, line in enumerate(_whole_lines(path), 1):
            try:
                record = record_from_dict(json.loads(line))
            except (json.JSONDecodeError, RecordDamaged) as error:
                raise RecordDamaged(
                    f"{path}, line {number} is not a question's record.",
                    hint="Remove that line, and run the evaluation again: the question is asked anew.",
                ) from error
            found[record.id] = record
        return list(found.values())

    def done(self, configuration: str) -> frozenset[str]:
        """The ids of the questions that were asked under this configuration."""
        return frozenset(record.id for record in self.records(configuration))

    @property
    def finished(self) -> bool:
        """Whether every question has a record under every configuration."""
        return all(len(self.done(c.id)) >= self.manifest.questions.asked for c in self.manifest.configurations)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the folder for writing. Raises UsageError while another process does; drops a last line that was cut."""
        with _alone(self.path, hint="Wait for it, or use another --out DIR."):
            for configuration in self.manifest.configurations:
                _drop_cut_line(self._file(configuration.id))
            yield

    def append(self, configuration: str, record: QuestionRecord) -> None:
        """Add one record; it is on disk when this returns."""
        line = json.dumps(record_to_dict(record), ensure_ascii=False, allow_nan=False)
        with self._file(configuration).open("a", encoding="utf-8", newline="\n") as file:
            file.write(line + "\n")

    def forget(self) -> None:
        """Remove every record of this run, so that all questions are asked anew."""
        for configuration in self.manifest.configurations:
            self._file(configuration.id).unlink(missing_ok=True)

    def _file(self, configuration: str) -> Path:
        return self.path / "records" / f"{configuration}.jsonl"


def start(path: Path, plan: Plan) -> RunFolder:
    """The folder of this plan's run: made, or gone on with where it holds the same one.

    Raises RunMismatch when the folder holds another run, or something else.
    """
    if (path / MANIFEST).exists():
        folder = read_run(path)
        found = differences(folder.manifest, plan.manifest)
        if found:
            more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
            raise RunMismatch(
                "\n  ".join([f"{path} holds a run of something else:", *found[:_SHOWN], *more]),
                hint="Evaluate into another folder (--out DIR), or remove this one.",
            )
        return folder
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunMismatch(f"{path} is no run folder, and not empty.", hint="Name a new folder: --out DIR")
    (path / "records").mkdir(parents=True)
    write_questions(plan.question_set, path / "questions.jsonl")
    text = json.dumps(manifest_to_dict(plan.manifest), ensure_ascii=False, indent=1)
    partial = path / f"{MANIFEST}.partial"
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path / MANIFEST)
    return RunFolder(path, plan.manifest)


def read_run(path: Path) -> RunFolder:
    """A run that was made before. Raises UsageError where there is none, ManifestDamaged."""
    file = path / MANIFEST
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path} holds no run.", hint="sluice evaluate QUESTIONS --out DIR makes one.") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ManifestDamaged(
            f"{file} cannot be read: {error}", hint="Evaluate into another folder: --out DIR"
        ) from error
    return RunFolder(path, manifest_from_dict(values, str(file)))


def remove_run(path: Path) -> None:
    """Remove a run with all that lies in its folder; a link to a folder is only unlinked.

    Raises UsageError where there is no run, or while a process writes to it.
    """
    if not (path / MANIFEST).is_file():
        raise UsageError(f"{path} holds no run.", hint="It was removed before, perhaps.")
    with _alone(path, hint="Wait until it has finished, or stop it."):
        if path.is_symlink():
            path.unlink()
        else:
            shutil.rmtree(path)


def runs_dir(home: Path, library: str) -> Path:
    """Where the runs of a library are kept, below SLUICE_HOME."""
    return home / "runs" / library


def next_run(home: Path, plan: Plan, *, but: Path | None = None) -> Path:
    """Where this plan's run goes when no folder is named: the one that was interrupted, else a new one.

    `but` is a run that must not be gone on with: the baseline it is compared with.
    """
    manifest = plan.manifest
    plain = re.sub(r"[^\w.-]+", "-", manifest.questions.name).strip("-.") or "questions"
    parent = runs_dir(home, manifest.library.name)
    number = 1
    while True:
        path = parent / f"{plain}-{number}"
        if not (path / MANIFEST).exists():
            if not path.exists() or (path.is_dir() and not any(path.iterdir())):
                return path
        elif (but is None or path.resolve() != but.resolve()) and _can_go_on(path, manifest):
            return path
        number += 1


def _can_go_on(path: Path, manifest: Manifest) -> bool:
    try:
        folder = read_run(path)
    except ManifestDamaged:
        return False  # another version's, perhaps; it stays where it is
    return not differences(folder.manifest, manifest) and not folder.finished


@contextmanager
def _alone(path: Path, *, hint: str) -> Iterator[None]:
    """Hold the folder's lock. Raises UsageError while another process does."""
    with (path / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{path} is being written by another process.", hint=hint) from None
        yield


def _whole_lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    return whole.decode("utf-8").split("\n")[:-1]  # not splitlines: a question may hold other line breaks


def _drop_cut_line(path: Path) -> None:
    if not path.exists():
        return
    text = path.read_bytes()
    if not text.endswith(b"\n") and text:
        with path.open("r+b") as file:
            file.truncate(text.rfind(b"\n") + 1)
