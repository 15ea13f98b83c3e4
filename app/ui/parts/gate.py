"""The gate as two sliders in plain words, with how both were set. A slider left alone keeps the calibration's value."""

from __future__ import annotations

import streamlit as st

from app.domain import GatePolicy, Scale
from app.odds import odds
from app.pipeline import GateChoice
from app.ui import safe
from app.ui.words import help_of, of_hundred

_RAW_RANGES = {Scale.BOUNDED: (0.0, 1.0), Scale.PROBABILITY: (0.0, 1.0), Scale.ORDINAL: (0.0, 4.0)}
_LOGITS = (-12.0, 12.0)


def show(
    defaults: GatePolicy, *, scale: Scale | None, note: str, start: GateChoice, key: str, disabled: bool
) -> GateChoice:
    """Draw the controls and return what was chosen over `defaults`. `start` is what the settings choose; `key` names
    the scorer and library these values belong to: another scorer starts from its own."""
    st.markdown("**Gate**", help=help_of("gate"))
    key = f"{key}.{defaults.answer_above}.{defaults.keep_above}"  # other thresholds in force: sliders start anew there
    answer_above = _slider(
        "Answer only if the library is at least this likely to answer",
        start.answer_above if start.answer_above is not None else defaults.answer_above,
        key=f"{key}.answer",
        help_term="answerable",
        disabled=disabled,
    )
    if answer_above is not None:
        st.caption(
            f"{odds(answer_above).capitalize()} or better." if answer_above > 0.0 else "This refuses no question."
        )
    calibrated = defaults.keep_above is not None
    keep_above = raw = None
    if calibrated:
        keep_above = _steps(
            "Let through passages from p",
            start.keep_above if start.keep_above is not None else defaults.keep_above,
            key=f"{key}.keep",
            disabled=disabled,
        )
        _kept(defaults, keep_above)
    elif scale in (None, Scale.RANK_ONLY):
        st.caption("This reranker only ranks: passages are let through by rank.")
    else:
        raw = _raw(scale, start.raw_keep_above, key=f"{key}.raw", disabled=disabled)
    fewest, most = st.slider(
        "Passages, fewest to most",
        0,
        10,
        (
            defaults.min_chunks if start.min_chunks is None else start.min_chunks,
            defaults.max_chunks if start.max_chunks is None else start.max_chunks,
        ),
        key=f"{key}.count",
        help="Below the fewest, the next best are rescued; more than the most are never let through. "
        + help_of("rescued"),
        persist_state="session",
        disabled=disabled,
    )
    _how_set(defaults, note)
    return GateChoice(
        answer_above=_changed(answer_above, defaults.answer_above),
        keep_above=_changed(keep_above, defaults.keep_above),
        raw_keep_above=raw,
        min_chunks=fewest,
        max_chunks=max(1, most),
        rescue_ratio=start.rescue_ratio,
        ratio_to_top=start.ratio_to_top,
        duplicate_above=start.duplicate_above,
    )


def _slider(label: str, value: float | None, *, key: str, help_term: str, disabled: bool) -> float | None:
    if value is None:
        return None
    chosen: float = st.slider(
        label,
        0.0,
        1.0,
        round(value, 2),
        0.01,
        key=key,
        help=help_of(help_term),
        persist_state="session",
        disabled=disabled,
    )
    return chosen


def _steps(label: str, value: float | None, *, key: str, disabled: bool) -> float | None:
    """As a slider, with small steps where measured thresholds lie: one passage in twenty is relevant."""
    if value is None:
        return None
    steps = sorted({*(n / 100 for n in range(21)), *(n / 20 for n in range(5, 21)), round(value, 2)})
    chosen: float = st.select_slider(
        label,
        steps,
        round(value, 2),
        format_func=lambda p: f"{p:.2f}",
        key=key,
        help=help_of("p"),
        persist_state="session",
        disabled=disabled,
    )
    return chosen


def _raw(scale: Scale | None, start: float | None, *, key: str, disabled: bool) -> float | None:
    low, high = _RAW_RANGES.get(scale, _LOGITS) if scale is not None else _LOGITS
    use = st.toggle(
        "Cut by raw score",
        value=start is not None,
        key=f"{key}.use",
        help=help_of("raw score"),
        persist_state="session",
        disabled=disabled,
    )
    if not use:
        st.caption("Not calibrated: passages are let through by rank.")
        return None
    value: float = st.slider(
        "Let through from score (raw, uncalibrated)",
        low,
        high,
        (low + high) / 2 if start is None else start,
        0.01,
        key=key,
        persist_state="session",
        disabled=disabled,
    )
    return value


def _kept(defaults: GatePolicy, keep_above: float | None) -> None:
    if _changed(keep_above, defaults.keep_above) is not None:
        measured = defaults.keep_above if defaults.keep_above is not None else 0.0
        st.caption(f"Moved by hand; the measured value is {measured:.2f}.")
    elif defaults.keeps_relevant is not None:
        st.caption(f"Keeps {of_hundred(defaults.keeps_relevant)} relevant passages.")


def _how_set(defaults: GatePolicy, note: str) -> None:
    said = "".join(f"<p>{safe.text(part[:1].upper() + part[1:].rstrip('.'))}.</p>" for part in _parts(defaults, note))
    if said:
        st.html(f'<details class="fold"><summary>How both were set</summary>{said}</details>')


def _parts(defaults: GatePolicy, note: str) -> list[str]:
    return [part for said in (note, defaults.answer_note) for part in said.split("; ") if part]


def _changed(value: float | None, default: float | None) -> float | None:
    """What a person chose; None where the slider stands on the (rounded) default."""
    if value is None or (default is not None and abs(value - round(default, 2)) < 1e-9):
        return None
    return value
