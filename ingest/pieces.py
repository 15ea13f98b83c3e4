"""Blocks to pieces: what the splitter never cuts (a sentence, a line of code, a row), with its size in tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from app.words import sentences
from ingest.load.parsed import Block

Count = Callable[[Sequence[str]], list[int]]

# WordPiece makes one [UNK] of a word it does not know, however long: without a bound in characters, a megabyte of
# symbols would be one token. Text has three to six characters a token, code with its indents up to eight.
CHARACTERS_PER_TOKEN = 12
_LONG_LINE = 10_000  # characters: longer lines are cut before sentences are looked for, which is not linear in length
_PORTION = 1_000_000  # characters counted at once
_SHORT_WORDS = 32  # characters of words counted together
_LONG_WORD = 48  # characters: longer ones may be cut within
_SENTENCE_END = re.compile(r"[.!?。！？؟۔।]['\")\]»”]*\s+|[。！？]")
_WORD = re.compile(r"\s*\S+")


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that stays whole. `glue` stands between it and the piece before; `head` (a table's header lines) opens
    every chunk that holds rows of its table, or lines of its definition. `loose`: may be repeated as overlap. `section`
    and `heading` (this piece is the heading itself) are set where chunks go on across headings."""

    text: str
    glue: str
    tokens: int = 0
    head: str = ""
    head_tokens: int = 0
    loose: bool = True
    section: tuple[str, ...] = ()
    heading: bool = False


def pieces_of(
    blocks: Sequence[Block], count: Count, budgets: Sequence[int], *, definitions: bool = False
) -> list[list[Piece]]:
    """The pieces of each block in order, none above the block's budget of tokens. All blocks are counted at once.

    A code block or table that fits stays one piece; else its lines are pieces (with `definitions`, each part of a code
    block opens with the block's first line). A row too wide for the budget is written out as "header: cell" lines; a
    sentence too long is cut between words, a word too long within.
    """
    whole = [
        place
        for place, (block, budget) in enumerate(zip(blocks, budgets, strict=True))
        if block.kind in ("code", "table") and _may_fit(block.text, budget)
    ]
    sizes = dict(zip(whole, measure([blocks[i].text for i in whole], count), strict=True))
    drafts: list[list[Piece]] = []
    for place, block in enumerate(blocks):
        size = sizes.get(place)
        if size is not None and size <= budgets[place]:
            drafts.append([Piece(block.text, "\n\n", size, loose=False)])
        else:
            drafts.append(_definition(block, budgets[place]) if definitions and block.kind == "code" else _draft(block))
    return _bounded(drafts, count, budgets)


def word_pieces(blocks: Sequence[Block], count: Count, budgets: Sequence[int]) -> list[list[Piece]]:
    """As `pieces_of`, but a few words a piece whatever the block is; rows of a record stay as they are."""
    rows = [block for block in blocks if block.kind == "row"]
    kept = iter(pieces_of(rows, count, [b for block, b in zip(blocks, budgets, strict=True) if block.kind == "row"]))
    drafts = [
        next(kept)
        if block.kind == "row"
        else [
            Piece(part.strip(), ("\n" if number else "\n\n") if at == 0 else " ")
            for number, line in enumerate(block.text.split("\n"))
            for at, part in enumerate(_word_groups(line.rstrip()))
            if part.strip()
        ]
        for block in blocks
    ]
    return _bounded(drafts, count, budgets)


def measure(texts: Sequence[str], count: Count) -> list[int]:
    """Tokens of each text, or its length in characters over twelve where that is more."""
    counted = [n for part in _portions(texts) for n in count(part)]
    return [max(n, -(-len(text) // CHARACTERS_PER_TOKEN)) for n, text in zip(counted, texts, strict=True)]


def _portions(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Texts in portions of about a million characters: a tokenizer holds a hundred bytes a token until it is done."""
    start = size = 0
    for place, text in enumerate(texts):
        if size + len(text) > _PORTION and place > start:
            yield texts[start:place]
            start, size = place, 0
        size += len(text)
    if start < len(texts):
        yield texts[start:]


def _may_fit(text: str, budget: int) -> bool:
    return len(text) <= budget * CHARACTERS_PER_TOKEN


def _definition(block: Block, budget: int) -> list[Piece]:
    """The lines of a definition too long for one chunk, headed by the line it opens with (`def`, `class`, `func`)."""
    lines = [line.rstrip() for line in block.text.split("\n") if line.strip()]
    first = next((place for place, line in enumerate(lines) if not _BEFORE_DEFINITION.match(line)), 0)
    if len(lines[first]) > budget:  # a token at most a character: it takes less than half of a chunk
        return _draft(block)
    head = lines[first]
    before = [Piece(line, "\n", loose=False) for line in lines[:first]]
    return [*before, *(Piece(line, "\n", head=head, loose=False) for line in lines[first + 1 :])]


# Decorators, attributes and comments come before the line that names a definition.
_BEFORE_DEFINITION = re.compile(r"\s*(@|#|//|/\*|\*|--)")


def _draft(block: Block) -> list[Piece]:
    if block.kind == "table" and (rows := block.text.split("\n"))[1:2] and rows[1].startswith("|-"):
        head = "\n".join(rows[:2])
        return [Piece(row, "\n\n" if n == 0 else "\n", head=head, loose=False) for n, row in enumerate(rows[2:])]
    if block.kind == "code":
        lines = [line.rstrip() for line in block.text.split("\n")]
        return [Piece(line, "\n\n" if n == 0 else "\n", loose=False) for n, line in enumerate(lines) if line]
    found: list[Piece] = []
    for number, line in enumerate(block.text.split("\n")):
        glue = "\n" if number else "\n\n"
        for part in _short_lines(line.rstrip()):
            for sentence in sentences(part):
                indent = line[: len(line) - len(line.lstrip())] if glue != " " else ""
                found.append(Piece(indent + " ".join(sentence.split()), glue))
                glue = " "
    return found


def _short_lines(line: str) -> list[str]:
    """A line in parts of at most 10,000 characters, cut at a sentence's end, else at a blank, else anywhere."""
    parts: list[str] = []
    start = 0
    while len(line) - start > _LONG_LINE:
        window = line[start : start + _LONG_LINE]
        ends = [match.end() for match in _SENTENCE_END.finditer(window)]
        blank = window.rfind(" ")
        cut = ends[-1] if ends else blank + 1 if blank > 0 else _LONG_LINE
        parts.append(window[:cut])
        start += cut
    parts.append(line[start:])
    return parts


def _bounded(drafts: list[list[Piece]], count: Count, budgets: Sequence[int]) -> list[list[Piece]]:
    """Count what is not counted yet, and cut what is above the budget."""
    heads = list({piece.head for draft in drafts for piece in draft if piece.head})
    head_sizes = dict(zip(heads, measure(heads, count), strict=True))
    open_texts = list({piece.text for draft in drafts for piece in draft if not piece.tokens})
    sizes = dict(zip(open_texts, measure(open_texts, count), strict=True))
    result: list[list[Piece]] = []
    for draft, budget in zip(drafts, budgets, strict=True):
        done: list[Piece] = []
        for piece in draft:
            tokens = piece.tokens or sizes[piece.text]
            head_tokens = head_sizes.get(piece.head, 0)
            if tokens + head_tokens <= budget:
                done.append(replace(piece, tokens=tokens, head_tokens=head_tokens))
            elif piece.head.startswith("|"):
                done.extend(_bounded([_spelled_out(piece)], count, [budget])[0])
            else:
                done.extend(_cut(piece, count, budget))
        result.append(done)
    return result


def _spelled_out(row: Piece) -> list[Piece]:
    names = _cells(row.head.split("\n", 1)[0])
    cells = _cells(row.text)
    lines = [f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=False) if cell]
    return [Piece(line, "\n\n" if n == 0 else "\n", loose=False) for n, line in enumerate(lines)]


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def _word_groups(text: str) -> list[str]:
    """Words with the blanks before them, a few short ones together: counting them one by one takes five times as long.
    Words longer than 48 characters are cut."""
    words: list[str] = []
    for match in _WORD.finditer(text):
        word = match.group()
        if words and len(words[-1]) + len(word) <= _SHORT_WORDS:
            words[-1] += word
        else:
            words.extend(word[at : at + _LONG_WORD] for at in range(0, len(word), _LONG_WORD))
    return words


def _cut(piece: Piece, count: Count, budget: int) -> list[Piece]:
    """A piece above the budget, between words; words longer than 48 characters may be cut within.

    The parts are a quarter of the budget, so that they fill chunks evenly and can overlap.
    """
    budget = max(1, budget // 4)
    words = _word_groups(piece.text)
    sizes = measure(words, count)
    parts: list[tuple[str, int]] = []
    text, tokens = "", 0
    for word, size in zip(words, sizes, strict=True):
        if text and (tokens + size > budget or not _may_fit(text + word, budget)):
            parts.append((text, tokens))
            # What came after a blank comes after a line's glue now; inside a long word there is no blank to lose.
            text, tokens = "", 0
        text += word
        tokens += size
    parts.append((text, tokens))
    cut: list[Piece] = []
    for number, (text, tokens) in enumerate(parts):
        inside = number > 0 and not text[:1].isspace()
        glue = piece.glue if number == 0 else "" if inside else " "
        body = text if number == 0 else text.lstrip()
        cut.append(replace(piece, text=body, glue=glue, tokens=tokens, head="", head_tokens=0))
    return cut
