"""The palette, once: the launcher passes it to Streamlit as flags, the pages as CSS variables, the charts as colours.

Three colours carry meaning and a fourth failures: through (accent), rescued (amber), held back (grey), failed (red).
Text colours reach contrast 4.5 on every surface they are used on, marks 3.0 (WCAG 2.2 AA); a test measures both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as #rrggbb. `*_soft` is the ground on which the text colour of the same name may stand."""

    ground: str
    surface: str
    sidebar: str
    text: str
    muted: str
    line: str
    through: str
    through_soft: str
    rescued: str
    rescued_soft: str
    held: str
    held_soft: str
    failed: str
    failed_soft: str
    mark: str  # the ground of a marked sentence


LIGHT = Palette(
    ground="#fbfbf9",
    surface="#ffffff",
    sidebar="#f3f4f1",
    text="#1c2326",
    muted="#566067",
    line="#dcdfda",
    through="#0b6868",
    through_soft="#dcedeb",
    rescued="#855400",
    rescued_soft="#f8ebcf",
    held="#5d656b",
    held_soft="#ebecea",
    failed="#b3261e",
    failed_soft="#fae3e0",
    mark="#d3ebe8",
)
DARK = Palette(
    ground="#13181a",
    surface="#1a2022",
    sidebar="#171c1e",
    text="#e5e9e8",
    muted="#a3aeb2",
    line="#31393c",
    through="#66cfc3",
    through_soft="#123a38",
    rescued="#e9b558",
    rescued_soft="#3d2f12",
    held="#9ba5a9",
    held_soft="#293033",
    failed="#ff9086",
    failed_soft="#481f1c",
    mark="#1c4a47",
)


def streamlit_flags() -> list[str]:
    """`--theme.light.primaryColor=...` and the like: what the widgets take their colours and fonts from."""
    flags = ["--theme.baseRadius=8px", "--theme.headingFont=serif", "--theme.showSidebarBorder=true"]
    for name, palette in (("light", LIGHT), ("dark", DARK)):
        options: Mapping[str, str] = {
            "primaryColor": palette.through,
            "backgroundColor": palette.ground,
            "secondaryBackgroundColor": palette.held_soft,
            "textColor": palette.text,
            "linkColor": palette.through,
            "borderColor": palette.line,
            "sidebar.backgroundColor": palette.sidebar,
        }
        flags += [f"--theme.{name}.{option}={value}" for option, value in options.items()]
    return flags


def css_variables() -> str:
    """`:root { --through: light-dark(#..., #...); ... }`; the page's own colour scheme picks the side."""
    light, dark = asdict(LIGHT), asdict(DARK)
    lines = (f"--{name.replace('_', '-')}: light-dark({light[name]}, {dark[name]});" for name in light)
    return ":root { " + " ".join(lines) + " }"
