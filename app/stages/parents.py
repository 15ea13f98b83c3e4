"""Small-to-big: a passage that cleared the gate is sent with the rest of its section, as far as the tokens reach.

Search and scorer judge the small chunk, which is sharp; the language model reads the parent, which is whole. A parent
is the run of chunks around the one found that share its document, title, section and metadata; where a document has no
sections, those of its page. No text is sent twice: chunks overlap, and the overlap is taken out; a passage that lies
in the parent of a better one becomes part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain import Chunk, Context, Passage, same_place
from app.words import overlap

REACH = 12  # chunks on either side that are looked at: about 2,500 tokens


@dataclass(frozen=True, slots=True)
class Parent:
    """A chunk's text with that of its neighbours. `chunk_ids`: all of them, in the order of the document."""

    text: str
    chunk_ids: tuple[str, ...]


def widened(
    passages: Sequence[Passage],
    around: Callable[[str], Sequence[Chunk]],
    *,
    most: int,
    left: int,
    cost: Callable[[Chunk], int],
) -> tuple[tuple[Passage, ...], int]:
    """The passages, each with its parent where there is room, numbered anew; and the tokens they take in all.

    The first passage is widened first. `most`: tokens of one passage with its parent; `left`: tokens that are free
    beside those the passages take already. `around` gives a chunk's neighbours by its id, itself among them.
    """
    waiting = {passage.chunk.id: passage for passage in passages}
    taken: set[str] = set()
    done: list[Passage] = []
    spent = sum(passage.tokens for passage in passages)
    limit = spent + left
    for passage in passages:
        if passage.chunk.id not in waiting:
            continue  # it lies in a better one's parent
        del waiting[passage.chunk.id]
        others = {other.chunk.id: other.tokens for other in waiting.values()}
        room = min(most, limit - spent + passage.tokens)
        parent = grown(passage.chunk, around(passage.chunk.id), taken, others, room=room, cost=cost)
        wide = passage
        if len(parent.chunk_ids) > 1:
            merged = tuple(chunk_id for chunk_id in parent.chunk_ids if chunk_id in others)
            chunk = replace(passage.chunk, text=parent.text)
            wide = replace(passage, chunk=chunk, tokens=cost(chunk), within=parent.chunk_ids, merged=merged)
            spent += wide.tokens - passage.tokens - sum(waiting.pop(chunk_id).tokens for chunk_id in merged)
        taken.update(parent.chunk_ids)
        done.append(replace(wide, number=len(done) + 1))
    return tuple(done), spent


def grown(
    chunk: Chunk,
    around: Sequence[Chunk],
    taken: set[str],
    others: Mapping[str, int],
    *,
    room: int,
    cost: Callable[[Chunk], int],
) -> Parent:
    """The longest run of chunks about this one within `room` tokens: what follows and what comes before by turns.

    It ends where another section begins and at a chunk that is `taken`. A chunk among `others` (passages that are to be
    sent anyway, with their tokens) is taken in, and its tokens count as free then.
    """
    places = {each.ordinal: each for each in around if same_place(chunk, each)}
    first = last = chunk.ordinal
    text, ids = chunk.text, [chunk.id]
    open_ends = [1, -1]
    while open_ends:
        step = open_ends.pop(0)
        near = places.get(last + 1 if step > 0 else first - 1)
        if near is None or near.id in taken:
            continue
        longer = joined(text, near.text) if step > 0 else joined(near.text, text)
        freed = others.get(near.id, 0)
        if cost(replace(chunk, text=longer)) > room + freed:
            continue
        room += freed
        text = longer
        if step > 0:
            last, ids = last + 1, [*ids, near.id]
        else:
            first, ids = first - 1, [near.id, *ids]
        open_ends.append(step)
    return Parent(text, tuple(ids))


def sent_as(context: Context | None, chunk_id: str) -> str:
    """How an admitted chunk was sent, where it was not sent as it is: `with its section, 3 passages`, `in passage 1`;
    "" otherwise."""
    for passage in context.passages if context is not None else ():
        if passage.within and passage.chunk.id == chunk_id:
            return f"with its section, {len(passage.within)} passages"
        if chunk_id in passage.merged:
            return f"in passage {passage.number}"
    return ""


def joined(first: str, second: str) -> str:
    """Two neighbouring texts as one, what the second repeats of the first left out.

    >>> joined("It rains. The river rose.", "The river rose. It stops.")
    'It rains. The river rose. It stops.'
    """
    # Shorter than this it may be chance: "a" ends one text and begins the next.
    repeated = overlap(first, second, least=min(12, len(second))) if second else 0
    return first + second[repeated:] if repeated else f"{first}\n{second}"
