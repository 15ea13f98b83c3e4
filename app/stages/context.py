"""The context: admitted passages, numbered, fenced as data, within the token budget.

Tokens are counted offline, as an upper bound for the byte-pair tokenizers in use: a token for every digit, punctuation
mark, line break and byte outside ASCII, and for every 1.9 letters of a run. English prose comes to about half of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from app.domain import Chunk, Context, GateResult, Passage
from app.stages.parents import widened

LETTERS_PER_TOKEN = 1.9  # random letters, the worst case; words of a language come to 4 and more
LEAST_BUDGET = 256
# runs of letters, other single marks; a blank before a word belongs to the word's first token
_RUNS = re.compile(r"[A-Za-z]+|[^\x00-\x7f]+|\S|\n|[ \t\r]{2,}")


def count_tokens(text: str) -> int:
    """An upper bound on the chat model's tokens.

    >>> count_tokens(""), count_tokens("a cat"), count_tokens("7,250")
    (0, 3, 5)
    """
    total = 0
    for run in _RUNS.findall(text):
        if run.isascii():
            total += math.ceil(len(run) / LETTERS_PER_TOKEN) if run.isalpha() else len(run)
        else:
            total += len(run.encode())
    return total


def token_budget(window: int, *, prompt: int, history: int, reserved: int, limit: int) -> int:
    """Tokens left for passages: chat window - prompt - history - reserved answer, at most `limit`."""
    return max(LEAST_BUDGET, min(limit, window - prompt - history - reserved))


def where_from(chunk: Chunk) -> str:
    """Document, section and page in one line: `Reranking > Cross-encoders, page 3`."""
    return f"{chunk.context}, page {chunk.page}" if chunk.page is not None else chunk.context


def fence(number: int, chunk: Chunk) -> str:
    """A passage as the chat model sees it. A fence inside the text cannot close ours: its brackets are widened."""
    text = chunk.text.replace("<<", "< <").replace(">>", "> >")
    source = where_from(chunk).replace("<<", "< <").replace(">>", "> >")
    return f"<<passage {number} from {source}>>\n{text}\n<<end of passage {number}>>"


def passage_cost(chunk: Chunk) -> int:
    """Tokens one passage takes in the context, its fence included."""
    return count_tokens(fence(99, chunk) + "\n\n")


def build_context(
    gate: GateResult,
    *,
    budget: int,
    window: int,
    window_known: bool,
    around: Callable[[str], Sequence[Chunk]] | None = None,
    parent_tokens: int = 0,
) -> Context:
    """Number the admitted passages; what the gate admitted but the budget cannot hold is left out and named.

    With `around` (a chunk's neighbours by its id) and `parent_tokens`, what is left of the budget goes to the passages'
    sections, up to so many tokens a passage: `app.stages.parents`. No passage is left out for another's section.
    """
    passages: list[Passage] = []
    left_out: list[str] = []
    spent = 0
    kept_last = {"RESCUED", "FORCED"}
    for decision in gate.admitted:
        chunk = decision.scored.candidate.chunk
        cost = passage_cost(chunk)
        if spent + cost > budget:
            left_out.append(chunk.id)
            continue
        spent += cost
        passages.append(
            Passage(
                number=len(passages) + 1,
                chunk=chunk,
                tokens=cost,
                weaker=decision.kind.value in kept_last,
                p=decision.scored.p,
            )
        )
    sent = tuple(passages)
    if around is not None and parent_tokens > 0:
        sent, spent = widened(passages, around, most=parent_tokens, left=budget - spent, cost=passage_cost)
    return Context(sent, spent, budget, window, window_known, tuple(left_out))


def render(context: Context) -> str:
    """All passages as one text for the prompt; weaker ones are marked as such."""
    parts = []
    for passage in context.passages:
        fenced = fence(passage.number, passage.chunk)
        parts.append(f"{fenced}\n(passage {passage.number} is weaker evidence)" if passage.weaker else fenced)
    return "\n\n".join(parts)
