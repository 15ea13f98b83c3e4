"""Sample questions for the handbook: each shows one thing the gate does. A test keeps what they promise true."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SampleQuestion:
    """A question and what it shows: "promotion", "rescue", "refusal" or "hurt" (the better passage moved down).

    `keep_above` goes with it where the gate has to be stricter than its measured value for that to happen.
    """

    text: str
    shows: str
    keep_above: float | None = None


def samples() -> tuple[SampleQuestion, ...]:
    """The sample questions, in the order the page offers them."""
    return (
        SampleQuestion("Can a language model rerank?", "promotion"),
        SampleQuestion("When does reranking hurt?", "rescue", keep_above=0.4),
        SampleQuestion("What is the capital of Australia?", "refusal"),
        SampleQuestion("Who invented BM25?", "hurt"),
    )
