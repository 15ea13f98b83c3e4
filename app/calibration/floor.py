"""The level that mere similarity reaches in a library: the floor under p_answerable, which needs no labels.

Cosines are not comparable between embedding models and libraries: with one the best match of a senseless question has
.15, with another .75. So after ingest about thirty everyday questions (off_topic.txt) are asked, and cosines are read
as a *lift*: how far above the level of those questions, on the way to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from app.ports import Embedder, LibraryReader

# The level of all-MiniLM-L6-v2 in the libraries the shipped calibrations were fitted on; for a library that ingest
# has not asked yet.
USUAL_LEVEL = 0.22
_QUANTILE = 0.5  # the middle: up to half of the questions may happen to be answered by the library
_HIGHEST_LEVEL = 0.95  # keeps the division in `lift` finite whatever an embedding model does


@cache
def off_topic_questions() -> tuple[str, ...]:
    """The shipped questions, about thirty."""
    text = resources.files("app.calibration").joinpath("off_topic.txt").read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


def measure_floor(reader: LibraryReader, embedder: Embedder) -> tuple[float, ...]:
    """The best cosine (-1..1) that each off-topic question reaches in this library, in the order of the questions.

    Empty for an empty library. Record it with `LibraryWriter.set_floor` once the generation is published.
    """
    questions = off_topic_questions()
    if reader.info.chunks == 0:
        return ()
    best = []
    for vector in embedder.embed_questions(questions):
        nearest = reader.dense(vector, 1, ())
        if nearest:
            best.append(float(nearest[0][1]))
    return tuple(best)


def floor_level(floor: Sequence[float]) -> float:
    """One cosine out of what the off-topic questions reached: their median, or the usual level when none were asked."""
    return float(np.quantile(np.asarray(floor, dtype=np.float64), _QUANTILE)) if floor else USUAL_LEVEL


def lift(cosine: npt.NDArray[np.float64], level: float) -> npt.NDArray[np.float64]:
    """Cosines as a share of the way from the level of senseless questions (0) to identity (1); below it, negative."""
    bounded = min(level, _HIGHEST_LEVEL)
    return (cosine - bounded) / (1.0 - bounded)
