"""`.env.example` and the handbook's page on configuration list every setting of `Settings`, with its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.settings import Settings

ROOT = Path(__file__).parent.parent
NAMES = [name.upper() for name in Settings.model_fields]
_LISTED = re.compile(r"^# ([A-Z][A-Z_]*)=(.*)$", re.MULTILINE)


@pytest.fixture
def example() -> str:
    return (ROOT / ".env.example").read_text(encoding="utf-8")


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_every_setting_is_listed_once_in_the_order_of_settings_and_nothing_else(example: str) -> None:
    assert [name for name, _ in _LISTED.findall(example)] == NAMES


def test_every_line_is_a_comment_so_that_a_copy_changes_nothing(example: str) -> None:
    assert [line for line in example.splitlines() if line and not line.startswith("#")] == []


@pytest.mark.usefixtures("bare_environment")
@pytest.mark.parametrize("name", NAMES)
def test_the_value_shown_is_the_default(name: str, example: str, tmp_path: Path) -> None:
    value = dict(_LISTED.findall(example))[name]
    (tmp_path / "env").write_text(f"{name}={value}\n", encoding="utf-8")
    default = Settings.model_fields[name.lower()].default
    assert getattr(Settings(_env_file=tmp_path / "env"), name.lower()) == default  # type: ignore[call-arg]
    assert (value == "") == (default is None)


@pytest.mark.usefixtures("bare_environment")
def test_a_changed_value_reaches_the_settings(example: str, tmp_path: Path) -> None:
    changed = example.replace("# CANDIDATES=20", "CANDIDATES=50").replace("# KEEP_ABOVE=\n", "KEEP_ABOVE=0\n")
    (tmp_path / "env").write_text(changed, encoding="utf-8")
    settings = Settings(_env_file=tmp_path / "env")  # type: ignore[call-arg]
    assert settings.candidates == 50
    assert settings.keep_above == 0.0


def test_the_handbook_explains_every_setting_with_its_default() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`|\w+) \|", page, re.MULTILINE))
    example = dict(_LISTED.findall((ROOT / ".env.example").read_text(encoding="utf-8")))
    assert told == example
