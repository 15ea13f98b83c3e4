"""What a question's stages take."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Clock:
    """Milliseconds by stage."""

    def __init__(self, before: Mapping[str, float] | None = None) -> None:
        self.timings: dict[str, float] = dict(before or {})

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.timings[stage] = round((time.perf_counter() - start) * 1000, 3)

    def total(self) -> dict[str, float]:
        stages = {name: ms for name, ms in self.timings.items() if name != "total"}
        return {**stages, "total": round(sum(stages.values()), 3)}
