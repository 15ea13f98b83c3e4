"""The Evaluate page in process over a real SLUICE_HOME, and what its tests look for on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from app.evaluation.grid import run_grid
from app.evaluation.plan import plan_run
from app.evaluation.questions.read import read_questions
from app.evaluation.run_folder import next_run
from app.evaluation.run_folder import start as start_run
from app.settings import load_settings
from app.wiring import Sluice, build


def _page(home: str) -> None:
    from pathlib import Path

    import streamlit as st

    from app.settings import load_settings
    from app.ui.frame import run
    from app.wiring import build

    if "real" not in st.session_state:
        st.session_state["real"] = build(load_settings(sluice_home=Path(home), library="notes"))
    run(lambda: st.session_state["real"], start="evaluate")


def open_evaluate(home: Path) -> AppTest:
    """The page over the library `notes`."""
    return AppTest.from_function(_page, args=(str(home),), default_timeout=60).run()


def sluice_of(home: Path) -> Sluice:
    return build(load_settings(sluice_home=home, library="notes"))


def measure(home: Path, **asked: Any) -> Path:
    """Ask the question set `field` as `plan_run` is told, and return the run's folder."""
    sluice = sluice_of(home)
    questions = read_questions(home / "questions" / "notes" / "sets" / "field.jsonl")
    plan = plan_run(sluice, questions, candidates=(5,), **asked)
    path = next_run(home, plan)
    for _ in run_grid(sluice, plan, start_run(path, plan)):
        pass
    return path


def button(test: AppTest, label: str) -> Any:
    return next(b for b in test.button if b.label.startswith(label))


def open_question(test: AppTest, text: str) -> None:
    """Look into all questions of the run and open the one that has this text."""
    next(p for p in test.pills if p.label == "Look into").set_value("all")
    test.run()
    button(test, text).click()
    test.run()


def checkbox(test: AppTest, label: str) -> Any:
    return next(b for b in test.checkbox if b.label.startswith(label))


def slider(test: AppTest, label: str) -> Any:
    return next(s for s in test.select_slider if s.label.startswith(label))


def drawn(test: AppTest, marked: str) -> str:
    """The one element drawn as HTML that holds these words."""
    return next(body for e in test.get("html") if marked in (body := str(e.proto.body)))
