"""How fast a local reranker is on this machine: measured when asked for, and kept with the date."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from app.domain import ScorerId
from app.errors import UsageError
from app.ports import Scorer

PASSAGES = 20
_WORDS = 130  # about 170 tokens with most tokenizers: a chunk of the usual size
_ENOUGH = 1.0  # seconds of measuring; one round of a large model takes longer than that
_TEXT = (
    "The gate compares every passage with a threshold that was fitted on questions with known answers, and lets those "
    "through that are likely to help. A passage that was kept yesterday may be dropped today when a better one says "
    "the same, because the model that writes the answer reads only so much. What was left out is listed with a reason. "
)


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds for 20 passages of about 170 tokens, the better of two rounds or more, and the day (ISO)."""

    seconds: float
    day: str


def speeds_file(models_dir: Path) -> Path:
    """Where measured speeds are kept."""
    return models_dir / "speeds.json"


def measure(scorer: Scorer) -> Speed:
    """Score 20 passages that differ, several times where that is quick. Raises what the scorer raises, and UsageError
    for a service: asking one to see how long it takes would cost."""
    if not scorer.profile.fixed_weights:
        raise UsageError(
            f"{scorer.profile.label} does not run on this machine.", hint="Measure it with: sluice evaluate"
        )
    words = (_TEXT * 3).split()
    passages = [" ".join([f"Part {n}.", *words[n : n + _WORDS]]) for n in range(PASSAGES)]
    scorer.score("What does the gate let through?", passages[:2])  # the first call loads and compiles
    took: list[float] = []
    while len(took) < 2 or (sum(took) < _ENOUGH and len(took) < 5):
        started = time.perf_counter()
        scorer.score("What does the gate let through?", passages)
        took.append(time.perf_counter() - started)
        if took[0] > 10 * _ENOUGH:
            break
    return Speed(round(min(took), 4), date.today().isoformat())


def keep(path: Path, scorer: ScorerId, speed: Speed) -> None:
    """Write a speed beside the others; the file appears whole or not at all."""
    kept = {**_read(path), str(scorer): asdict(speed)}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(path)


def kept_speeds(path: Path) -> dict[str, Speed]:
    """Measured speeds by scorer id; none where the file is missing or is not one of ours."""
    found = {}
    for name, row in _read(path).items():
        if isinstance(row, dict) and isinstance(row.get("seconds"), float) and isinstance(row.get("day"), str):
            found[name] = Speed(row["seconds"], row["day"])
    return found


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
