"""How questions are handled: library, reranker, candidates, gate; the rest under More."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from app.counting import counted
from app.domain import Condition, Filter, LibraryInfo, RetrievalMode, Scalar, Scale
from app.errors import SluiceError
from app.pipeline import GateChoice, Options
from app.ui import session
from app.ui.parts import gate
from app.ui.words import help_of

if TYPE_CHECKING:
    from app.providers.reranking.registry import RerankerChoice
    from app.wiring import Sluice

MODES: Mapping[RetrievalMode, str] = {"hybrid": "Meaning and words", "dense": "Meaning only", "lexical": "Words only"}
_CALIBRATIONS = {
    "here": "Calibrated here, on your own labels.",
    "general": "Calibrated in general, on other documents.",
    "none": "Not calibrated: its scores give an order, no probabilities.",
}
_POLICIES = {
    "fallback": "Use {} instead",
    "required": "Refuse to answer",
    "skip": "Go on in the order of search",
}


def library(sluice: Sluice, *, disabled: bool = False) -> LibraryInfo | None:
    """Choose the library; None when there is none."""
    found = {info.name: info for info in sluice.libraries()}
    name = session.library_name(sluice.settings.library)
    if not found:
        return None
    names = list(found)
    chosen = st.selectbox(
        "Library",
        names,
        index=names.index(name) if name in found else 0,
        help=help_of("library"),
        disabled=disabled,
    )
    session.use_library(chosen)
    info = found[chosen]
    st.caption(f"{counted(info.documents, 'document')}, {counted(info.chunks, 'passage')}")
    return info


def show(sluice: Sluice, info: LibraryInfo, *, disabled: bool) -> Options:
    """Draw the controls and return the options they stand for."""
    reranker = _reranker(sluice, info, disabled)
    candidates = st.slider(
        "Candidates",
        5,
        100,
        sluice.settings.candidates,
        5,
        key="candidates",
        help=help_of("candidates"),
        persist_state="session",
        disabled=disabled,
    )
    choice = _gate(sluice, info, reranker, disabled)
    with st.expander("More"):
        mode = st.selectbox(
            "Search by",
            list(MODES),
            index=list(MODES).index(sluice.settings.retrieval),
            format_func=MODES.__getitem__,
            key="mode",
            help=help_of("retrieval"),
            persist_state="session",
            disabled=disabled,
        )
        policy = st.selectbox(
            "If the reranker fails",
            list(_POLICIES),
            index=list(_POLICIES).index(sluice.settings.reranker_policy),
            format_func=lambda policy: _policy(sluice, policy),
            key="policy",
            help=help_of("failure"),
            persist_state="session",
            disabled=disabled,
        )
        where = _filter(_fields(sluice, info.name, info.generation), info.name, disabled)
    return sluice.options(
        library=info.name,
        reranker=reranker,
        retrieval=mode,
        candidates=candidates,
        where=where,
        reranker_policy=policy,
        gate=choice,
    )


def _policy(sluice: Sluice, policy: str) -> str:
    """What happens then, with the name of the second reranker."""
    fallback = sluice.options().reranker_fallback
    labels = {choice.name: choice.label.partition(" (")[0] for choice in sluice.rerankers()}
    return _POLICIES[policy].format(labels.get(fallback, "the reranker that ships" if fallback == "auto" else fallback))


def _reranker(sluice: Sluice, info: LibraryInfo, disabled: bool) -> str:
    choices = {choice.name: choice for choice in sluice.rerankers()}
    default = sluice.settings.reranker if sluice.settings.reranker in choices else next(iter(choices))
    name: str = st.selectbox(
        "Reranker",
        list(choices),
        index=list(choices).index(default),
        format_func=lambda name: named(choices[name]),
        key="reranker",
        help=f"{help_of('reranker')} Calibrated: {help_of('calibrated')}",
        persist_state="session",
        disabled=disabled,
    )
    if choices[name].available:
        said = (_detail(choices[name]), _calibration(sluice, name, info), choices[name].note)
        st.caption(" ".join(part for part in said if part))
    else:
        st.caption(f"Not available here: {choices[name].reason}")
    return name


def _calibration(sluice: Sluice, name: str, info: LibraryInfo) -> str:
    try:
        return _CALIBRATIONS[sluice.open_judge(name, info).calibration.kind]
    except SluiceError as error:
        return error.message


def named(choice: RerankerChoice) -> str:
    """What a box calls a reranker."""
    return short(choice.label) + ("" if choice.available else " (not available)")


def short(label: str) -> str:
    """A label without what stands in brackets, with a capital; a model's name (`gpt-4o-mini, asked for ...`) has none.

    >>> short("late interaction (MaxSim)"), short("gpt-4o-mini, asked for an order")
    ('Late interaction', 'gpt-4o-mini, asked for an order')
    """
    said = label.partition(" (")[0]
    first = said.partition(" ")[0].rstrip(",")
    return said if any(c in first for c in "0123456789.:/") else said[:1].upper() + said[1:]


def _detail(choice: RerankerChoice) -> str:
    """What the label says in brackets: too long for the box."""
    detail = choice.label.partition(" (")[2].removesuffix(")")
    return f"{detail[:1].upper()}{detail[1:]}." if detail else ""


def _gate(sluice: Sluice, info: LibraryInfo, reranker: str, disabled: bool) -> GateChoice:
    if session.fell_back():
        reranker = sluice.options(reranker=reranker).reranker_fallback
        st.caption("The last question was scored by the fallback; this is its gate.")
    try:
        judge = sluice.open_judge(reranker, info)
    except SluiceError as error:
        st.caption(f"The gate's values are known once this reranker answers. {error.message} {error.hint}")
        return sluice.options().gate
    calibration, scale, whose = judge.calibration, judge.scorer.profile.scale, reranker
    if session.decided_early() and (judge.first is not None or judge.evidence is not None):
        looked = judge.evidence if judge.first is None else judge.first.calibration
        calibration, scale, whose = looked or calibration, Scale.PROBABILITY, f"{reranker}.first"
        st.caption("The last question was decided before the reranker was asked; this is that gate.")
    preset = session.preset()
    start = sluice.options().gate
    return gate.show(
        calibration.policy,
        scale=scale,
        note=calibration.note,
        start=start if preset is None else replace(start, keep_above=preset),
        # a sample's gate has widgets of its own, so that what a person had set is there again afterwards
        key=f"gate.{info.name}.{whose}" + ("" if preset is None else f".{preset}"),
        disabled=disabled,
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _fields(_sluice: Sluice, name: str, generation: int) -> dict[str, list[Scalar]]:
    """The fields of one generation: every row of the library is read for them."""
    del generation  # part of the key
    return _sluice.filter_fields(name)


def _filter(fields: dict[str, list[Scalar]], name: str, disabled: bool) -> Filter:
    conditions = []
    for field, values in fields.items():
        chosen = st.multiselect(
            f"Only where {field} is",
            values,
            key=f"filter.{name}.{field}",
            placeholder="any",
            persist_state="session",
            disabled=disabled,
        )
        if chosen:
            conditions.append(Condition(field, "in", tuple(chosen)))
    return tuple(conditions)
