"""Sample questions for the handbook: each shows one thing the gate does. A test keeps what they promise true."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SampleQuestion:
    """A question and what it shows: "promotion", "rescue", "refusal" or "hurt" (the better passage moved down)."""

    text: str
    shows: str


def samples() -> tuple[SampleQuestion, ...]:
    """The sample questions, in the order the page offers them."""
    return (
        SampleQuestion("What is the difference between a bi-encoder and a cross-encoder?", "promotion"),
        SampleQuestion("Why was a passage let through although it was below the threshold?", "rescue"),
        SampleQuestion("What is the capital of Australia?", "refusal"),
        SampleQuestion("How is nDCG computed?", "hurt"),
    )
