"""What the pages say: decisions, odds and numbers in plain words, and one sentence for every word of the trade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from app.domain import Decision, DecisionKind, Scored
from app.ui.safe import text

Group = Literal["through", "rescued", "held", "failed"]
SHAPES: Mapping[Group, str] = {"through": "●", "rescued": "◆", "held": "○", "failed": "▲"}

_DECISIONS: Mapping[DecisionKind, tuple[Group, str]] = {
    DecisionKind.KEPT: ("through", "through"),
    DecisionKind.KEPT_BY_RANK: ("through", "through, by rank"),
    DecisionKind.RESCUED: ("rescued", "rescued"),
    DecisionKind.FORCED: ("rescued", "below the gate, on request"),
    DecisionKind.DUPLICATE: ("held", "duplicate"),
    DecisionKind.OVER_BUDGET: ("held", "does not fit"),
    DecisionKind.OVER_MAX: ("held", "over the maximum"),
    DecisionKind.BELOW_THRESHOLD: ("held", "below the gate"),
    DecisionKind.BELOW_RATIO: ("held", "far below the best"),
    DecisionKind.NOT_SCORED: ("failed", "not scored"),
}


def group_of(decision: Decision) -> Group:
    """What a cascade did not pass on is held back: nothing failed."""
    return _DECISIONS[decision.kind][0] if decision.scored.passed_on else "held"


def decided(kind: DecisionKind) -> str:
    """The decision in words, without its shape."""
    return _DECISIONS[kind][1]


def badge(decision: Decision) -> str:
    """The decision as HTML: a shape and a word, in the colour of its group."""
    group = group_of(decision)
    shape = f'<span aria-hidden="true">{SHAPES[group]}</span>'
    return f'<span class="badge {group}">{shape} {decided(decision.kind)}</span>'


# -- numbers ---------------------------------------------------------------------------------------


def probability(p: float | None) -> str:
    """Two decimals. `probability(0.928) == "0.93"`."""
    return "–" if p is None else f"{p:.2f}"


def of_hundred(share: float) -> str:
    """`of_hundred(0.95) == "95 of 100"`."""
    return f"{round(share * 100)} of 100"


def seconds(ms: float) -> str:
    """`seconds(312) == "0.31 s"`."""
    return f"{ms / 1000:.2f} s" if ms >= 10 else "under 0.01 s"


def size(count: int) -> str:
    """`size(2_400_000) == "2.4 MB"`."""
    for unit, bound in (("MB", 1e6), ("KB", 1e3)):
        if count >= bound:
            return f"{count / bound:,.1f} {unit}"
    return f"{count} bytes"


def moved(scored: Scored) -> str:
    """`was 5th, now 1st`, or `stayed 2nd`."""
    before, after = scored.candidate.rank_before, scored.rank_after
    return f"stayed {ordinal(after)}" if before == after else f"was {ordinal(before)}, now {ordinal(after)}"


def ordinal(rank: int) -> str:
    """`ordinal(1) == "1st"`, `ordinal(12) == "12th"`."""
    ending = "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"


# -- words of the trade ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Term:
    """One sentence, and the handbook page that says more."""

    says: str
    page: str

    @property
    def link(self) -> str:
        return f"/handbook?page={self.page}"


TERMS: Mapping[str, Term] = {
    "reranker": Term(
        "Reads the question together with each candidate and scores how well it answers, which search alone cannot.",
        "why-two-stages",
    ),
    "calibrated": Term(
        "The scores were compared with known answers, so that p 0.30 means about 30 in 100 such passages are relevant.",
        "calibration",
    ),
    "candidates": Term("How many passages search brings in; the gate lets a few of them through.", "why-two-stages"),
    "gate": Term(
        "Lets through only passages that probably answer the question, and refuses when none seem to.", "the-gate"
    ),
    "p": Term(
        "The probability that this passage is relevant to the question, from the calibrated reranker.", "calibration"
    ),
    "raw score": Term(
        "What the reranker itself gave; its scale differs from reranker to reranker.", "scores-and-scales"
    ),
    "shares": Term(
        "What the reranker's score, the similarity of meaning (cosine) and the shared words (BM25) each add to the "
        "log-odds of p.",
        "calibration",
    ),
    "answerable": Term(
        "The probability that this library answers the question at all; below the limit the question is refused.",
        "thresholds-and-refusal",
    ),
    "rescued": Term(
        "Below the gate, but let through because too few passages were above it; listed last.", "rescue-and-duplicates"
    ),
    "retrieval": Term(
        "By meaning finds paraphrases, by words finds names and codes; both together is the default.",
        "hybrid-search-and-fusion",
    ),
    "tokens": Term(
        "Pieces of words, the measure of what the language model reads; the count here is an upper bound.", "the-gate"
    ),
    "kendall tau": Term(
        "How alike two orders are: 1 when they are the same, 0 when unrelated, -1 when reversed.", "measuring-ranking"
    ),
    "failure": Term("What happens when the reranker does not answer.", "hosted-rerankers"),
    "library": Term("A named set of documents that can be searched together.", "getting-started"),
    "passage": Term("A piece of a document, at most 220 tokens, cut along its headings and pages.", "chunking"),
    "question set": Term(
        "Questions with what is known about each: where its answer stands, or that the library has none.",
        "question-sets",
    ),
    "evaluation": Term(
        "A question set asked under one or more configurations, with everything measured; kept until you remove it.",
        "evaluating",
    ),
    "ndcg": Term(
        "How near the top the relevant passages stand, from 0 to 1; the interval says where the true value may lie.",
        "measuring-ranking",
    ),
    "steps": Term(
        "What is sent is worth after each step, with as many passages each; a step paid if it gained more than chance.",
        "evaluating",
    ),
    "paired": Term(
        "Each bar is a question: how much reranking moved its relevant passages up or down.", "measuring-ranking"
    ),
    "precision": Term("The share of the passages sent that is relevant.", "measuring-ranking"),
    "recall": Term(
        "The share of the relevant passages that is sent, those that search missed included.", "measuring-ranking"
    ),
    "refusal errors": Term(
        "Refusing a question the library answers, or answering one it does not: less of one is more of the other.",
        "thresholds-and-refusal",
    ),
    "reliability": Term(
        "Of passages with p 0.7, about 7 in 10 should be relevant: points near the line say that they are.",
        "calibration",
    ),
    "risk-coverage": Term(
        "If only the questions it is surest of were answered: how many of those would go wrong.",
        "thresholds-and-refusal",
    ),
    "answer measures": Term(
        "Exact match and token F1 compare an answer with the known ones; a citation is right when its passage is "
        "relevant.",
        "evaluating",
    ),
    "grader": Term(
        "A chat model that reads each answer next to its passages: how much of it they support, and whether it answers "
        "the question.",
        "evaluating",
    ),
    "failure split": Term("One cause a question: the last step that still had what was needed.", "evaluating"),
    "evidence": Term(
        "The order by search's own evidence (cosine, BM25, ranks) without the reranker: what the reranker must beat.",
        "measuring-ranking",
    ),
}


def why(term: str) -> str:
    """The "?" beside a word, as HTML: its sentence on hover and focus, its handbook page on click."""
    told = TERMS[term]
    return (
        f'<a class="why" href="{text(told.link)}" target="_blank" rel="noopener" data-says="{text(told.says)}" '
        f'aria-label="{text(term)}: {text(told.says)} Opens the handbook.">?</a>'
    )


def help_of(term: str) -> str:
    """The same for a Streamlit widget's `help`."""
    told = TERMS[term]
    return f"{told.says} [More in the handbook]({told.link})"
