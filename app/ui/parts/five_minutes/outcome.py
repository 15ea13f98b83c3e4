"""What the answers would change: both errors now and after, in a table; then apply it, or leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import streamlit as st

from app.applied_gates import applied_gate
from app.calibration.fitted import FittedCalibration
from app.counting import counted
from app.domain import LibraryInfo, ScorerProfile
from app.errors import SluiceError
from app.evaluation.five_minutes.answered import Reply, judged
from app.evaluation.five_minutes.borderline import log_odds
from app.evaluation.five_minutes.effect import Effect, Errors, effect_of, why_not
from app.evaluation.five_minutes.here import applied, apply, corrected
from app.evaluation.five_minutes.rounds import Round, refusal_errors
from app.evaluation.five_minutes.shift import shifted
from app.evaluation.intervals import Estimate
from app.ui import safe, session
from app.ui.parts import failure
from app.ui.parts.five_minutes import asking
from app.ui.parts.verdict import note
from app.ui.words import help_of, probability, why

if TYPE_CHECKING:
    from app.wiring import Sluice

_WRAPS = "white-space: normal; min-width: 6.5rem"  # three columns on a narrow screen
_CANNOT_TELL = "cannot tell from these labels"
_FEW = 8  # fewer relevant passages than these say little about how many are lost
_SHOWN_P = (0.05, 0.2, 0.5, 0.8)


class Bar(Protocol):
    """What a progress bar is used for."""

    def progress(self, value: float, text: str | None = None) -> object: ...

    def empty(self) -> object: ...


def show(
    sluice: Sluice,
    info: LibraryInfo,
    profile: ScorerProfile,
    base: FittedCalibration,
    drawn: Round,
    replies: dict[int, Reply],
) -> None:
    """Draw the verdict, the table and the buttons; or why these answers do not do."""
    answers = judged(replies)
    left = len(drawn.asked) - len(replies)
    if missing := why_not(answers):
        st.html(
            f'<p class="verdict">No correction can be made.</p><p>{safe.text(missing)} Nothing was changed.</p>'
            '<p class="muted">Start over with other passages, best with questions of your own.</p>'
        )
        _go_on(left)
        return
    effect = effect_of(drawn.pairs, drawn.asked, answers, drawn.keep_above)
    st.html(f'{headline(effect)}{table(effect, drawn)}<p style="height: 0.5rem"></p>{_notes(effect, drawn)}')
    _apply(sluice, info, profile, base, effect, left)


def headline(effect: Effect) -> str:
    """What the answers say, in a sentence, and how much they can say, as HTML."""
    before, after = effect.expected_relevant
    relevant = (
        f"about {after:.0f} of {counted(effect.candidates, 'candidate')} are relevant, by the calibration {before:.0f}"
    )
    if effect.agrees:
        said = "Your answers give no reason to change the calibration."
        more = f"By your answers {relevant}: no more apart than chance would have it."
    else:
        said = f"Here {'more' if after > before else 'fewer'} passages are relevant than p says."
        more = f"By your answers {relevant}."
    if effect.yes < _FEW:
        more += f" With {effect.yes} yes only, how many are lost can hardly be told."
    return f'<p class="verdict">{said}</p><p class="muted" style="padding-bottom: 0.8rem">{more}</p>'


def table(effect: Effect, drawn: Round) -> str:
    """Both errors now and with the answers, as HTML."""
    now, then = effect.before, effect.after
    refusals = refusal_errors(drawn)
    rows = [
        ("Passages are let through from p", f"<b>{_p(now.keep_above)}</b>", f"<b>{_interval_p(effect.keep_above)}</b>"),
        ("Relevant passages lost", _lost(now, effect.yes), _lost(then, effect.yes)),
        ("Irrelevant passages let through", _through(now, effect.no), _through(then, effect.no)),
        ("Irrelevant among those let through", share(now.irrelevant), share(then.irrelevant)),
        (
            "Expected over all candidates",
            f"{_of_hundred(now.expected_lost)} relevant lost<br>{_of_hundred(now.expected_let_through)} irrelevant "
            "let through",
            f"{_of_hundred(then.expected_lost)} relevant lost<br>{_of_hundred(then.expected_let_through)} irrelevant "
            "let through",
        ),
        ("Questions refused wrongly", share(refusals.wrong_refusals), "the same"),
        ("Questions answered wrongly", share(refusals.wrong_answers), "the same"),
    ]
    head = "".join(
        f'<th scope="col" style="{_WRAPS}">{title}</th>' for title in ("", "Without your answers", "With your answers")
    )
    body = "".join(
        f'<tr><th scope="row" style="{_WRAPS}">{said}</th><td>{a}</td><td>{b}</td></tr>' for said, a, b in rows
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Effect on both errors"><table class="rows">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def share(estimate: Estimate | None) -> str:
    """`8 of 100 (2 to 24)`, or that these labels cannot tell.

    >>> share(Estimate(0.08, 0.02, 0.24, 12))
    '8 of 100 (2 to 24)'
    """
    if estimate is None:
        return f'<span class="muted">{_CANNOT_TELL}</span>'
    if estimate.low is None or estimate.high is None:
        return _of_hundred(estimate.value)
    return f"{_of_hundred(estimate.value)} ({100 * estimate.low:.0f} to {100 * estimate.high:.0f})"


def _lost(errors: Errors, yes: int) -> str:
    return f"{share(errors.lost)}<small>{errors.relevant_below} of your {yes} yes</small>"


def _through(errors: Errors, no: int) -> str:
    return f"{share(errors.let_through)}<small>{errors.irrelevant_above} of your {no} no</small>"


def _of_hundred(value: float) -> str:
    return f"{100 * value:.0f} of 100"


def _p(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else probability(value)


def _interval_p(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return _p(estimate.value)
    return f"{_p(estimate.value)} ({_p(estimate.low)} to {_p(estimate.high)})"


def _notes(effect: Effect, drawn: Round) -> str:
    slope, intercept = effect.slope.value, effect.intercept.value
    after = shifted([log_odds(p) for p in _SHOWN_P], slope, intercept)
    becomes = ", ".join(f"{p:.2f} becomes {q:.2f}" for p, q in zip(_SHOWN_P, after, strict=True))
    sources = "; ".join(f"{count} {source}" for source, count in drawn.sources.items())
    return (
        '<details class="fold"><summary>How to read this</summary>'
        f"<p>In brackets: where the true value lies, 95 times in 100. Thirty answers leave wide ranges{why('p')}.</p>"
        "<p>Borderline passages were asked about more often than others, and each answer counts for as many passages "
        "as it stands for; without that both errors would look larger than they are. They are about the threshold "
        "alone, before rescue, duplicates and the most passages.</p>"
        f"<p>p itself is corrected, so the two thresholds are on different scales: a p of {becomes}. Two numbers are "
        f"fitted: the log-odds are taken times {slope:.2f} "
        f"({_range(effect.slope)}), plus {intercept:+.2f} ({_range(effect.intercept)}); thirty answers carry no more. "
        "The threshold is set so that the share of relevant passages expected to be lost stays what it was.</p>"
        "<p>Whether a question is refused does not depend on these answers. What is known about that comes from "
        "questions that a person has called answerable or not.</p>"
        f"<p>Questions: {safe.text(sources)}; {sum(q.refused for q in drawn.questions)} of them refused by the gate "
        "and not asked about.</p></details>"
    )


def _range(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "range unknown"
    return f"{estimate.low:.2f} to {estimate.high:.2f}"


def _apply(
    sluice: Sluice, info: LibraryInfo, profile: ScorerProfile, base: FittedCalibration, effect: Effect, left: int
) -> None:
    own = sluice.settings.calibrations_dir
    wanted = corrected(base, effect, info)
    now = applied(profile, info, own)
    same = now is not None and (now.policy, now.fitted_on.passages) == (wanted.policy, wanted.fitted_on.passages)
    with st.container(horizontal=True, gap="small", key="five.end"):
        if st.button(
            f"Use this for {info.name}",
            type="secondary" if effect.agrees else "primary",
            disabled=same,
            key="five.apply",
            help=f"{help_of('calibrated')} Chat, Compare and the command line use it at once; it can be undone here.",
        ):
            try:
                path = apply(wanted, profile, info, own)
            except SluiceError as error:
                failure.show(error)
                return
            session.tell(f"In use for {info.name}, kept in {path}.")
            st.rerun()
        _go_on(left)
    if applied_gate(sluice.settings.sluice_home, info.name, str(profile.id)) is not None:
        st.html(
            note("held", "Thresholds applied from an evaluation belong to the calibration they were measured with.")
        )
    if sluice.options().gate.keep_above is not None:
        st.html(note("held", "KEEP_ABOVE in your settings goes over this threshold: remove it from .env to use it."))


def _go_on(left: int) -> None:
    if left:
        st.button(f"Go on, {left} left", key="five.more", on_click=session.put, args=(asking.SEE, False))
