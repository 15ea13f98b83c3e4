"""What the pages say, and the palette they say it in."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from app.domain import Candidate, Decision, DecisionKind, Scored
from app.theme import DARK, LIGHT, Palette, css_variables, streamlit_flags
from app.ui import words
from app.ui.handbook import linked, read
from app.ui.parts.decisions import table
from tests.fakes import chunk

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_numbers() -> None:
    assert words.probability(0.928) == "0.93"
    assert words.probability(0.0) == "0.00"
    assert words.probability(None) == "–"
    assert [words.ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd",
    ]  # fmt: skip
    assert [words.size(n) for n in (12, 5200, 2_400_000)] == ["12 bytes", "5.2 KB", "2.4 MB"]


@pytest.mark.parametrize("kind", list(DecisionKind))
def test_every_decision_has_a_shape_and_a_word(kind: DecisionKind) -> None:
    decision = Decision(Scored(Candidate(chunk("1"), 1), 1, 0.5), kind, "")
    assert words.SHAPES[words.group_of(decision)] in words.badge(decision)
    assert words.decided(kind) in words.badge(decision)
    assert kind.admits == (words.group_of(decision) in ("through", "rescued"))


def test_what_a_cascade_did_not_pass_on_is_held_back_and_did_not_fail() -> None:
    scored = Scored(Candidate(chunk("1"), 1), 11, None, first_score=0.25, passed_on=False)
    left_out = Decision(scored, DecisionKind.NOT_SCORED, "")
    assert (words.group_of(left_out), words.SHAPES["held"] in words.badge(left_out)) == ("held", True)
    drawn = table([left_out], costs={})
    assert 'class="held"' in drawn and "first 0.25" in drawn
    not_scored = Decision(Scored(Candidate(chunk("1"), 1), 11, None), DecisionKind.NOT_SCORED, "")
    assert words.group_of(not_scored) == "failed"


@pytest.mark.parametrize("term", list(words.TERMS))
def test_every_question_mark_leads_to_a_handbook_page(term: str) -> None:
    told = words.TERMS[term]
    assert (DOCS / f"{told.page}.md").is_file()
    assert told.says.endswith(".")


def test_links_between_handbook_pages_stay_on_the_page() -> None:
    assert linked("see [the gate](the-gate.md#rescue) and [x](https://example.org/a.md)") == (
        "see [the gate](/handbook?page=the-gate) and [x](https://example.org/a.md)"
    )
    assert read("the-gate") is not None
    assert read("no-such-page") is None


# -- colours ---------------------------------------------------------------------------------------


def _luminance(colour: str) -> float:
    """WCAG 2.2 relative luminance, 0..1."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """WCAG 2.2 contrast ratio, 1..21. `contrast("#000000", "#ffffff") == 21`."""
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured_as_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_readable_on_every_ground_it_stands_on(palette: Palette) -> None:
    grounds = [palette.ground, palette.surface, palette.sidebar, palette.held_soft]
    for name in ("text", "muted", "through", "rescued", "held", "failed"):
        for ground in grounds:
            assert contrast(getattr(palette, name), ground) >= 4.5, (name, ground)
    for name in ("through", "rescued", "failed"):
        soft = getattr(palette, f"{name}_soft")
        assert contrast(getattr(palette, name), soft) >= 4.5, name
        assert contrast(palette.text, soft) >= 7, name
    assert contrast(palette.text, palette.mark) >= 7
    assert contrast(palette.ground, palette.through) >= 4.5  # words on a filled button


def test_one_palette_for_widgets_and_page() -> None:
    flags, variables = streamlit_flags(), css_variables()
    assert f"--theme.dark.primaryColor={DARK.through}" in flags
    assert f"--through: light-dark({LIGHT.through}, {DARK.through});" in variables
    assert all(f"--{f.name.replace('_', '-')}:" in variables for f in fields(Palette))
