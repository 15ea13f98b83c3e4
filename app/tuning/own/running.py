"""What every step of a tuning run needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.tuning.own.asking import Searched
from app.tuning.own.bases import Base
from app.tuning.own.folder import TuneFolder
from app.tuning.own.parts import Division, Part
from app.tuning.own.plan import TunePlan
from app.tuning.own.preparing import Prepared, Say, Tuning, scores_dir


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has begun: its folder is held, and every question has its part."""

    sluice: Tuning
    prepared: Prepared
    plan: TunePlan
    folder: TuneFolder
    base: Base
    division: Division
    say: Say
    parts: Mapping[Part, tuple[Searched, ...]] = field(default_factory=dict)

    @property
    def scores(self) -> Path:
        return scores_dir(self.sluice.settings.sluice_home)
