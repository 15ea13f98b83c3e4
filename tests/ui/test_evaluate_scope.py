"""A question asked within a part of the library, as a follow-up: on the page, in its own view, and when it has gone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.ui.conftest import html
from tests.ui.evaluations import measure, open_evaluate, open_question

ROWS = [
    {
        "id": "deep", "question": "How deep is it?", "quote": "dug in 1742 and is forty metres deep",
        "within": "wells.md",
        "history": [{"role": "user", "text": "Who <b>dug</b> the village well?"},
                    {"role": "assistant", "text": "Two brothers did."}],
    },
    {"id": "moon", "question": "Who owns the moon?", "answerable": False},
]  # fmt: skip


@pytest.fixture
def home(notes_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(notes_home, tmp_path / "home"))


def keep(home: Path, rows: list[dict[str, object]]) -> None:
    path = home / "questions" / "notes" / "sets" / "field.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_a_question_says_what_it_was_asked_within_and_after_which_turns(home: Path) -> None:
    keep(home, ROWS)
    measure(home, rerankers=("late-interaction",))
    test = open_evaluate(home)
    assert "Asked within a part of the library: 1 of 2 questions." in " ".join(c.value for c in test.caption)
    open_question(test, "How deep is it")
    assert not test.exception
    page_html = html(test)
    assert "Asked within <b>wells.md</b>" in page_html
    assert "<b>Earlier question:</b> Who &lt;b&gt;dug&lt;/b&gt; the village well?" in page_html
    assert "<b>Earlier answer:</b> Two brothers did." in page_html
    assert '<span class="side">relevant</span>' in page_html and "thirty-five degrees" not in page_html


def test_a_set_whose_scope_is_not_in_the_library_says_so_before_it_is_started(home: Path) -> None:
    keep(home, [{**ROWS[0], "within": "pond.md"}, ROWS[1]])
    test = open_evaluate(home)
    assert not test.exception
    assert "1 question cannot be asked: the part of the library to ask within is not there" in html(test)
    assert "deep (How deep is it?): no document is called &#x27;pond.md&#x27;" in html(test)
