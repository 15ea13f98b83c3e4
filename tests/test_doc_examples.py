"""The examples in docstrings are true: each file that has one is run."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WITH_EXAMPLES = sorted(
    path.relative_to(ROOT).with_suffix("")
    for package in ("app", "ingest")
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=str)
def test_they_give_what_they_say(path: Path) -> None:
    name = ".".join(path.parts).removesuffix(".__init__")
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0, "its examples are nowhere that they are looked for"
    assert found.failed == 0
