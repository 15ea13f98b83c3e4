"""Blind: two answers with nothing that tells which is which, a vote, and then what they were."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import streamlit as st

from app.counting import counted
from app.domain import Chunk, Trace
from app.errors import SluiceError
from app.evaluation import blind
from app.evaluation.blinding import Veiled, no_vote, veil
from app.evaluation.votes import BlindChoice, BlindSide
from app.two_sides import Side
from app.ui import safe, session
from app.ui.parts import failure, verdict, versus

if TYPE_CHECKING:
    from app.wiring import Sluice

Seen = Literal["left", "right", "equal", "bad"]
_BUTTONS: Mapping[Seen, str] = {
    "left": "Left is better",
    "right": "Right is better",
    "equal": "Equally good",
    "bad": "Both bad",
}


def shuffled(pair: session.Pair) -> session.Ballot:
    """A comparison on its way to a vote, its sides in random order."""
    return session.Ballot(pair, left_first=secrets.randbelow(2) == 0)


def show(ballot: session.Ballot, sluice: Sluice) -> None:
    """The two answers, or, once voted, what they were and how the votes stand."""
    sides = ballot.pair.sides
    if (nothing := no_vote(sides.left, sides.right)) is not None:
        st.html(verdict.note("held", f"{nothing} No vote is asked for; this is what the sides are."))
        versus.show(ballot.pair)
    elif ballot.choice is None:
        _ask(ballot, sluice)
    else:
        st.html(verdict.note("through", _revealed(ballot)))
        _standing(ballot.pair, sluice)
        versus.show(ballot.pair)


def chosen(seen: Seen, *, left_first: bool) -> BlindChoice:
    """What a button stands for, given how the sides are shuffled."""
    if seen in ("equal", "bad"):
        return "equal" if seen == "equal" else "bad"
    return "first" if (seen == "left") == left_first else "second"


def _ask(ballot: session.Ballot, sluice: Sluice) -> None:
    sides = ballot.pair.sides
    traces = (sides.left, sides.right) if ballot.left_first else (sides.right, sides.left)
    st.html(f'<p class="verdict">{safe.text(ballot.pair.question)}</p>')
    columns = st.columns(2, gap="large")
    for column, place, trace in zip(columns, ("left", "right"), traces, strict=True):
        column.html(_answer(veil(trace), place))
    st.html('<p class="label">Which answer is better?</p>')
    with st.container(horizontal=True, gap="small", key="ballot"):
        for seen, label in _BUTTONS.items():
            st.button(label, key=f"ballot.{seen}", on_click=failure.guarded, args=(_vote, ballot, sluice, seen))
    st.caption("Your vote shows which is which, and is kept with both traces as a label for evaluation.")


def _vote(ballot: session.Ballot, sluice: Sluice, seen: Seen) -> None:
    if ballot.choice is not None:  # a second click on its way
        return
    pair, choice = ballot.pair, chosen(seen, left_first=ballot.left_first)
    sluice.votes.add_blind(
        choice,
        first=(side_of(pair.left, pair.sides.left), pair.sides.left),
        second=(side_of(pair.right, pair.sides.right), pair.sides.right),
        first_left=ballot.left_first,
    )
    ballot.choice = choice


def side_of(side: Side, trace: Trace) -> BlindSide:
    """A side as a blind vote keeps it."""
    retrieved, run = trace.judged.retrieved, trace.judged.run
    scorer = (run.used or "") if side.arm in ("gated", "reranked") else ""
    return BlindSide(side.arm, scorer, retrieved.mode, retrieved.k)


def _answer(seen: Veiled, place: str) -> str:
    head = f'<div class="unnamed"><div class="side-head"><h2>{place.capitalize()} answer</h2></div>'
    if seen.text is None:
        return f'{head}<div class="answer side-answer"><p>The library does not seem to answer this.</p></div></div>'
    render = safe.quoted if seen.quoted else safe.answer
    body = render(seen.text, known=range(1, seen.cited + 1), anchor=lambda n: f"blind-{place}-{n}")
    cards = "".join(
        _card(number, chunk, seen, f"blind-{place}-{number}") for number, chunk in enumerate(seen.passages, 1)
    )
    read = f'<p class="label">From {counted(len(seen.passages), "passage")}</p>'
    return f'{head}<div class="answer side-answer">{body}</div>{read}<div class="cards">{cards}</div></div>'


def _card(number: int, chunk: Chunk, seen: Veiled, anchor: str) -> str:
    """As `passages.card`, without what either side knows of it."""
    place = " › ".join(part for part in chunk.section if part != chunk.title)
    return (
        f'<details class="passage"><summary><span class="cite-no" aria-label="Passage {number}">{number}</span>'
        f'<span class="from"><b>{safe.text(chunk.title)}</b> <span class="place">{safe.text(place)}</span></span>'
        f"</summary>"
        f'<div class="inside" id="{safe.text(anchor)}"><div class="words"><span class="own">'
        f"{safe.marked(chunk.text, seen.sentences.get(number))}</span></div></div></details>"
    )


def _revealed(ballot: session.Ballot) -> str:
    first, second = ballot.pair.titles
    was = {
        "first": f"You chose: {first}.",
        "second": f"You chose: {second}.",
        "equal": "You found both equally good.",
        "bad": "You found both bad.",
    }[ballot.choice or "bad"]
    shown = (first, second) if ballot.left_first else (second, first)
    said = f"{was} On the left was: {shown[0]}; on the right: {shown[1]}."
    if "refused" in (ballot.pair.sides.left.gate.outcome, ballot.pair.sides.right.gate.outcome):
        said += " A side refused, which only a gate does: the vote is kept as a label, and left out of the count."
    return said


def _standing(pair: session.Pair, sluice: Sluice) -> None:
    library = pair.sides.right.judged.retrieved.library.name
    first, second = side_of(pair.left, pair.sides.left), side_of(pair.right, pair.sides.right)
    try:
        found = blind.count(sluice.votes.read(library), first, second)
    except SluiceError as error:
        failure.show(error)
        return
    names = [f"“{title}”" for title in pair.titles]
    st.html(
        f'<p class="lead">{safe.text(blind.in_words(found, *names))}</p>'
        f'<details class="fold"><summary>What this rests on</summary><p>{safe.text(blind.behind_it(found, *names))}'
        "</p></details>"
    )
