"""Which weights are kept: of the checkpoints, and of mixes with the base, those that rank the validation part best.

A mix lies on the straight line between the base and what was trained. Few labels teach what is asked here and make a
model forget what it knew; on the way back it often has both (Wortsman et al., WiSE-FT, 2022, arXiv 2109.01903).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from app.domain import Chunk
from app.evaluation.measures_ranking import ranked
from app.tuning.encoder import Tensor
from app.tuning.loop import score
from app.tuning.own.asking import Searched
from app.tuning.own.bases import Base
from app.tuning.own.folder import keep

MOST_VALIDATED = 60
MIXES = (0.33, 0.67)  # shares of what was trained, the rest being the base

Text = Callable[[Chunk], str]  # what a scorer reads of a chunk
Spot = tuple[int, float]  # a step, and the share of its weights: 1.0 is the step itself


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen: `ndcg` (nDCG@10) of the validation part with `share` (0..1) of a step's weights, the rest being
    the base's. Step 0 is the base."""

    step: int
    share: float
    ndcg: float


class Looks:
    """nDCG@10 of the validation part at spots between base and trained weights. What was seen and the weights of the
    best step are on disk, so that a run that was stopped looks nowhere twice."""

    def __init__(self, base: Base, validation: Sequence[Searched], text: Text, work: Path) -> None:
        self._base, self._validation, self._text = base, validation[:MOST_VALIDATED], text
        self._seen_file = work / "validation.json"
        self._start_file, self._best_file = work / "start.pt", work / "best.pt"
        self.seen: dict[Spot, float] = {}
        if self._seen_file.exists():
            rows = json.loads(self._seen_file.read_text(encoding="utf-8"))
            self.seen = {(int(step), float(share)): float(value) for step, share, value in rows}

    @property
    def all(self) -> tuple[Look, ...]:
        """What was seen, by step and share."""
        return tuple(Look(step, share, value) for (step, share), value in sorted(self.seen.items()))

    @property
    def best(self) -> Spot:
        """The earliest of the best spots, and the nearest to the base."""
        return min(self.seen, key=lambda spot: (-self.seen[spot], spot))

    def look(self, step: int) -> float:
        """Measure the model as it is after so many steps (0: the base), and keep its weights where no other step is
        better. Done again after a kill it comes to the same."""
        value = validation_ndcg(self._base, self._validation, self._text)
        others = (v for (s, share), v in self.seen.items() if s not in (0, step) and share == 1.0)
        if step == 0:
            self._save(self._start_file)
        elif value > max(others, default=-1.0):
            self._save(self._best_file)
        self._remember((step, 1.0), value)
        return value

    def mix(self) -> None:
        """Measure mixes of the base and the best step."""
        step = self._best_step()
        for share in MIXES:
            if (step, share) not in self.seen:
                self.take((step, share))
                self._remember((step, share), validation_ndcg(self._base, self._validation, self._text))

    def take(self, spot: Spot) -> None:
        """Give the model the weights of the base (step 0), of the best step, or of a mix of them."""
        step, share = spot
        weights = torch.load(self._start_file, map_location="cpu")
        if step:
            weights = mixed(weights, torch.load(self._best_file, map_location="cpu"), share)
        self._base.model.load_state_dict(weights)

    def _best_step(self) -> int:
        return min((s for s, share in self.seen if s and share == 1.0), key=lambda s: (-self.seen[s, 1.0], s))

    def _save(self, file: Path) -> None:
        partial = file.with_suffix(".part")
        torch.save(self._base.model.state_dict(), partial)
        partial.replace(file)

    def _remember(self, spot: Spot, value: float) -> None:
        self.seen[spot] = value
        keep(self._seen_file, [[step, share, v] for (step, share), v in self.seen.items()])


def weights_in_words(step: int, share: float) -> str:
    """Whose weights they are.

    >>> weights_in_words(90, 0.67)
    'step 90, 67 % of it and the rest of the base'
    """
    if not step:
        return "before training"
    return f"step {step}" if share == 1.0 else f"step {step}, {100 * share:.0f} % of it and the rest of the base"


def mixed(start: dict[str, Tensor], trained: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Weights on the line from `start` (share 0.0) to `trained` (1.0); what is no float is the trained one's."""
    return {
        name: torch.lerp(start[name].to(value.dtype), value, share) if value.is_floating_point() else value
        for name, value in trained.items()
    }


def validation_ndcg(base: Base, questions: Sequence[Searched], text: Text) -> float:
    """Mean nDCG@10 of the model's order of these questions' candidates; 0.0 without questions."""
    pairs = [(s.asked, text(c.chunk)) for s in questions for c in s.found.retrieved.candidates]
    logits = iter(score(base.model, pairs, window=base.window, cutter=base.cutter))
    orders = {}
    for searched in questions:
        values = np.asarray([next(logits) for _ in searched.found.retrieved.candidates])
        orders[searched.question.id] = searched.order(tuple(int(i) for i in np.argsort(-values, kind="stable")))
    relevant = {s.question.id: s.question.passages.relevant for s in questions}
    found = ranked(orders, relevant, ("nDCG@10",))["nDCG@10"]
    return float(np.mean([*found.values()])) if found else 0.0
