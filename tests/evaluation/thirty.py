"""Passages as a library has them, a few whose errors can be worked out by hand, and a round made of those."""

from __future__ import annotations

import numpy as np

from app.domain import ScorerId
from app.evaluation.five_minutes.borderline import Asked, Pair, log_odds
from app.evaluation.five_minutes.rounds import Round, RoundQuestion, ShownPassage

SCORER = ScorerId("fake", "table/with:signs", precision="int8")
KEEP = 0.025


def pairs_of(rng: np.random.Generator, questions: int = 30, candidates: int = 20) -> list[Pair]:
    """As a library has them: most far below the gate, one or two a question that may be relevant."""
    found = []
    for q in range(questions):
        x = rng.normal(-4.5, 1.8, candidates)
        x[:2] += (4.0, 2.0)
        for rank, value in enumerate(np.sort(x)[::-1], 1):
            found.append(Pair(q, f"c{q}-{rank}", f"d{q % 7}", rank, float(value)))
    return found


def log_odds_of(pairs: list[Pair]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray([pair.log_odds for pair in pairs])


def by_hand() -> tuple[list[Pair], list[Asked], dict[int, bool]]:
    """Twenty questions with one passage below the gate (p .01) and one above (p .5); half of the latter are relevant,
    and one of the former was asked about ten times as seldom."""
    low, high = log_odds(0.01), log_odds(0.5)
    pairs = [Pair(q, f"{q}-{i}", f"d{q}", i, x) for q in range(20) for i, x in ((1, high), (2, low))]
    asked = [Asked(2 * q, 1.0) for q in range(20)] + [Asked(1, 0.1), Asked(3, 0.1)]
    answers = {place: place % 2 == 0 for place in range(20)} | {20: True, 21: False}
    return pairs, asked, answers


def a_round() -> Round:
    pairs, asked, _ = by_hand()
    return Round(
        library="made",
        generation=3,
        scorer=str(SCORER),
        base="0123456789abcdef",
        keep_above=KEEP,
        answer_above=0.3,
        at="2026-11-21T10:00:00+00:00",
        questions=tuple(RoundQuestion(f"q{n}", f"question {n}?", None, False, 0.7, False) for n in range(20)),
        pairs=tuple(pairs),
        asked=tuple(asked),
        passages={p.chunk_id: ShownPassage("Title", ("A", "B"), 2, "Text.\u2028More.") for p in pairs},
        sources={"voted on": 20},
    )
