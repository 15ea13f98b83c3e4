"""The small in-memory Sluice with a real calibration and a real catalogue: for pages that correct the one and draft
questions from the other."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.calibration.features import PASSAGE_FEATURES, QUESTION_FEATURES, View
from app.calibration.fitted import FittedCalibration, FittedOn
from app.calibration.maps import LogisticMap
from app.calibration.store import calibration_for, save_calibration
from app.domain import Document, GatePolicy, LibraryInfo, ScorerId
from app.library import open_writer
from app.stages.judge import Judge
from tests.fakes import ScriptedChat
from tests.fakes_ui import DIMENSION, FakeSluice, OverlapScorer, WordEmbedder

VIEWS: tuple[View, ...] = ("full", "dense", "score")


def overlap_calibration() -> FittedCalibration:
    """log-odds of p = 8 * the share of shared words - 4; every question that shares a word is answerable."""

    def line(name: str) -> LogisticMap:
        return LogisticMap((name,), (0.0,), (1.0,), (8.0,), -4.0 if name == "score" else 0.0)

    return FittedCalibration(
        scorer=ScorerId("fake", "overlap"),
        fitted_on=FittedOn(("made up",), None, "sections", WordEmbedder.id, 100, 2000, "2026-11-20"),
        passage={view: line(PASSAGE_FEATURES[view][0]) for view in VIEWS},
        question={view: line(QUESTION_FEATURES[view][0]) for view in VIEWS},
        policy=GatePolicy(answer_above=0.4, keep_above=0.1, keeps_relevant=0.95),
    )


class FittedSluice(FakeSluice):
    """As FakeSluice; its library lies on disk, and its general calibration is a file of one's own. `fitted=False`
    leaves the scorer without one, `chat` drafts near misses."""

    def __init__(self, home: Path, *, chat: bool = False, fitted: bool = True) -> None:
        super().__init__(home)
        if fitted:
            save_calibration(overlap_calibration(), self.settings.calibrations_dir)
        if chat:
            self.pipeline.chat = ScriptedChat([json.dumps({"questions": [], "near_misses": ["Who sells encoders?"]})])
        if not (self.settings.libraries_dir / "handbook").exists():
            self._fill()

    def _fill(self) -> None:
        of = {"embedder_id": WordEmbedder.id, "dimension": DIMENSION, "chunker": "sections"}
        writer = open_writer(self.settings.libraries_dir, "handbook", **of)  # type: ignore[arg-type]
        embedder = WordEmbedder()
        for name, chunks in itertools.groupby(self._chunks, key=lambda c: c.document_id):
            held = [replace(chunk, metadata={}) for chunk in chunks]
            document = Document(name, held[0].title, f"/docs/{name}.md", "md", f"hash-{name}")
            vectors = embedder.embed_passages([chunk.text for chunk in held]) + np.float32(1e-6)
            writer.replace(document, held, vectors, "r1")
        writer.publish()
        writer.close()

    def open_judge(self, name: str, library: LibraryInfo) -> Judge:
        scorer = OverlapScorer()
        own = self.settings.calibrations_dir
        return Judge(scorer, calibration_for(scorer.profile, library, own_dir=own))
