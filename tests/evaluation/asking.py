"""The real program on the made-up gazetteer, with rerankers of the tests' own beside the real ones."""

from __future__ import annotations

from pathlib import Path

from app.domain import GatePolicy, LibraryInfo
from app.evaluation.manifest import Asked, ConfigurationNote, LibraryNote, Manifest
from app.ports import Scorer
from app.settings import load_settings
from app.stages.judge import Judge
from app.wiring import Sluice
from tests.fakes import RawIsP


class TestedSluice(Sluice):
    """Sluice with given scorers under the names of rerankers; their raw score is p."""

    __test__ = False

    def __init__(self, home: Path, models: Path, scorers: dict[str, Scorer], **settings: object) -> None:
        super().__init__(load_settings(sluice_home=home, sluice_models=models, library="towns", **settings))
        self.scorers = scorers

    def open_judge(self, name: str, library: LibraryInfo) -> Judge:
        if name in self.scorers:
            return Judge(self.scorers[name], RawIsP(policy=GatePolicy(answer_above=0.0, keep_above=0.5)))
        return super().open_judge(name, library)


def manifest(asked: int, *configurations: str, scorer: str | None = "fake/table") -> Manifest:
    """The manifest of a run that never was; configurations by id."""
    notes = tuple(
        ConfigurationNote(
            id_, "hybrid", 20, id_, None if id_.endswith("none") else scorer, id_, "general", "made up", "0" * 16,
            GatePolicy(answer_above=0.3, keep_above=0.5),
        )
        for id_ in configurations
    )  # fmt: skip
    return Manifest(
        Asked("made", "f" * 16, asked, asked, None, 7),
        LibraryNote("made", 1, 2, 3, "fake"),
        notes,
        {"answers": False},
        {"sluice": "0"},
        "2026-01-02T03:04:05+00:00",
    )
