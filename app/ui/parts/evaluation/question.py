"""One question of a run, opened: what was to be found, and both ways of choosing its passages, as in Compare."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.compare import Arm, decide_arms
from app.counting import counted
from app.domain import GatePolicy, GateResult, Judged, LibraryInfo
from app.errors import SluiceError
from app.evaluation.failures import Failure
from app.evaluation.kept_runs import KeptRun
from app.evaluation.labels import Passages, passages_of
from app.evaluation.questions.model import LabelledQuestion, QuestionSet
from app.evaluation.questions.resolve import all_can_be_asked, resolve
from app.evaluation.questions.scope import scope_in_words
from app.evaluation.records import QuestionRecord
from app.evaluation.report import ConfigurationReport
from app.evaluation.run_folder import read_run
from app.library.contents import read_contents
from app.pipeline import GateChoice
from app.ui import safe, session
from app.ui.parts import failure, how, passages, verdict
from app.ui.parts.evaluation import answers

if TYPE_CHECKING:
    from app.wiring import Sluice

CAUSES: Mapping[Failure, str] = {
    Failure.RETRIEVAL_MISS: "not found by search",
    Failure.RERANKER_INVERSION: "found, ranked too low",
    Failure.GATE_DROP: "stopped by the gate",
    Failure.BUDGET_DROP: "no room for it",
    Failure.GENERATION_MISS: "sent, answer wrong",
    Failure.LET_THROUGH: "no answer here, let through",
    Failure.NONE: "as it should be",
}
_OPENED = "evaluate.opened"
_MOST_LABELS = 5
_OPEN_TURNS = 2  # of a conversation: the last question and its answer


@dataclass(slots=True)
class Opened:
    """A question asked again for the page, kept while its dialog is open."""

    key: str
    judged: Judged
    arms: Mapping[Arm, GateResult]


@st.dialog("One question", width="large")
def show(sluice: Sluice, info: LibraryInfo, run: KeptRun, c: ConfigurationReport, id_: str) -> None:
    """Ask the question again under the run's configuration (scores come from the cache) and draw it."""
    folder = read_run(Path(run.path))
    asked = next((q for q in folder.questions.questions if q.id == id_), None)
    record = next((r for r in folder.records(c.note.id) if r.id == id_), None)
    if asked is None or record is None:
        st.html('<p class="muted">This question has no record in this run.</p>')
        return
    st.html(
        f'{_earlier(asked)}<div class="asked"><span class="who">Question</span><p>{safe.text(asked.text)}</p></div>'
        f"{_scope(asked)}{_wanted(asked)}"
        f"{_happened(c, record)}"
    )
    if info.generation != run.manifest.library.generation:
        st.html(verdict.note("rescued", "The library has changed since this run: this is how the question goes now."))
    try:
        opened = _opened(sluice, run, c, asked)
    except SluiceError as error:
        failure.show(error)
        return
    _sides(opened, relevant={r.chunk_id for r in record.candidates if record.grade(r)})
    gate = opened.arms["gated"]
    context = None if gate.outcome == "refused" else sluice.pipeline.context(gate, opened.judged.retrieved.library.name)
    how.show(opened.judged, gate, context, opened.judged.timings_ms, key=f"evaluate.{opened.key}", reworded=False)


def gate_of(policy: GatePolicy) -> GateChoice:
    """The run's policy as a choice over whatever is in force now."""
    names = [f.name for f in fields(GateChoice)]
    return GateChoice(**{name: getattr(policy, name) for name in names})


def _opened(sluice: Sluice, run: KeptRun, c: ConfigurationReport, asked: LabelledQuestion) -> Opened:
    key = f"{run.path.name}.{run.manifest.created}.{c.note.id}.{asked.id}"
    kept = session.value_of(_OPENED)
    if isinstance(kept, Opened) and kept.key == key:
        return kept
    options = sluice.options(
        library=run.manifest.library.name,
        reranker=c.note.reranker,
        retrieval=c.note.retrieval,
        candidates=c.note.candidates,
        reranker_policy="required",
        gate=gate_of(c.note.policy),
    )
    with st.spinner("Asking it again …"):
        if not asked.scope.everything:
            options = _passages(sluice, options.library, asked).within(options)
        judged = sluice.pipeline.judge(asked.text, options, history=asked.history)
        arms = decide_arms(sluice.pipeline, judged, options.gate, asked.history)
    opened = Opened(key, judged, arms)
    session.put(_OPENED, opened)
    return opened


def _passages(sluice: Sluice, library: str, asked: LabelledQuestion) -> Passages:
    """The question in the library as it is now. Raises ScopeNotThere where what it was asked within has gone."""
    contents = read_contents(sluice.settings.libraries_dir, library)
    return passages_of(all_can_be_asked(resolve(QuestionSet(library, (asked,)), contents)).questions[0])


def _earlier(asked: LabelledQuestion) -> str:
    """The turns before a follow-up: without them nobody can tell what is meant."""
    said = {"user": "Earlier question", "assistant": "Earlier answer"}
    turns = [
        f'<p class="muted"><b>{said[turn.role]}:</b> {safe.text(_short(turn.text, 300))}</p>' for turn in asked.history
    ]
    if len(turns) <= _OPEN_TURNS:
        return "".join(turns)
    folded, shown = turns[:-_OPEN_TURNS], turns[-_OPEN_TURNS:]
    heard = f"{counted(len(folded), 'earlier turn')} of the conversation"
    return f'<details class="fold"><summary>{heard}</summary>{"".join(folded)}</details>{"".join(shown)}'


def _scope(asked: LabelledQuestion) -> str:
    within = scope_in_words(asked.scope)
    return f'<p class="wanted">Asked within <b>{safe.text(within)}</b></p>' if within else ""


def _wanted(asked: LabelledQuestion) -> str:
    """What the question set says about it."""
    if asked.answerable is False:
        return '<p class="wanted">The library does not answer this: it should be refused.</p>'
    labels = [
        " ".join(
            part
            for part in (
                f"<b>{safe.text(label.document)}</b>" if label.document else "",
                f"row {label.row}" if label.row is not None else "",
                f"“{safe.text(_short(label.quote))}”" if label.quote else "",
                safe.text(label.chunk) if label.chunk and not label.quote and not label.document else "",
            )
            if part
        )
        for label in asked.positives[:_MOST_LABELS]
    ]
    more = len(asked.positives) - len(labels)
    rows = [f"Relevant: {'; '.join(labels)}{f' and {more} more' if more else ''}"] if labels else []
    rows += [f"Answer: {safe.text('; '.join(asked.answers[:3]))}"] if asked.answers else []
    return "".join(f'<p class="wanted">{row}</p>' for row in rows)


def _happened(c: ConfigurationReport, record: QuestionRecord) -> str:
    found = next(((cause, f) for cause, of in c.failures.examples.items() for f in of if f.id == record.id), None)
    said = "".join(answers.told(answer) for answer in record.answers.values())
    if found is None:
        return said
    cause, failed = found
    ranks = ""
    if failed.rank_before is not None and failed.rank_after is not None:
        ranks = f": its best relevant passage was at {failed.rank_before}, after reranking at {failed.rank_after}"
    return f'<p class="wanted">In this run: <b>{safe.text(CAUSES[cause])}</b>{ranks}.</p>{said}'


def _sides(opened: Opened, relevant: Collection[str]) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        _side("Without reranking", opened.arms["off"], relevant, gated=False)
    with right:
        gate = opened.arms["gated"]
        if note := verdict.degraded(opened.judged):
            st.html(note)
        _side("With reranking and gate", gate, relevant, gated=True)
        if gate.refusal is not None:
            st.html(verdict.refusal(gate, opened.judged.retrieved.library.name))


def _side(title: str, gate: GateResult, relevant: Collection[str], *, gated: bool) -> None:
    refused = gate.outcome == "refused"
    shown = () if refused else gate.admitted
    cards = "".join(
        passages.card(d, side="relevant" if d.scored.candidate.chunk.id in relevant else "", gated=gated) for d in shown
    )
    st.html(
        f'<div class="side-head"><h2>{safe.text(title)}</h2><p class="muted">'
        f"{'refused' if refused else counted(len(shown), 'passage')}</p></div>"
        f'<div class="cards">{cards}</div>'
    )


def _short(quote: str | None, length: int = 160) -> str:
    text = " ".join((quote or "").split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
