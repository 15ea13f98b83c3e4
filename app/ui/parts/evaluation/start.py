"""A new evaluation: which questions, which configurations, and off it goes."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import streamlit as st

from app.counting import counted
from app.domain import LibraryInfo, RetrievalMode
from app.errors import SluiceError
from app.evaluation.job import Request, start_job
from app.evaluation.questions.kept import kept_sets, set_path
from app.evaluation.questions.model import QuestionSet, QuestionSetError
from app.evaluation.questions.read import read_questions
from app.evaluation.questions.report import Check, check_of, counts
from app.evaluation.questions.resolve import resolve
from app.evaluation.questions.write import write_questions
from app.library.contents import read_contents
from app.ui import safe, session
from app.ui.links import Links
from app.ui.parts import failure, sidebar
from app.ui.parts.evaluation import grading
from app.ui.words import help_of

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from app.wiring import Sluice

TYPES = ["jsonl", "ndjson", "csv", "tsv"]
MOST_MEGABYTES = 25
CANDIDATES = (5, 10, 20, 30, 50, 75, 100)
FEW = 30  # fewer questions than these hardly tell anything


def show(sluice: Sluice, info: LibraryInfo, links: Links, *, busy: bool) -> None:
    """Draw the form; the button starts the process and leaves the rest to the progress."""
    home = sluice.settings.sluice_home
    if told := session.take_told():
        st.html(f'<p class="note through" role="status">● {safe.text(told)}</p>')
    sets = {path.stem: path for path in kept_sets(home, info.name)}
    if not sets:
        st.html(how_to_get_one(info.name))
        links.library("Draft questions on the Library page", "drafts")
    upload, choose = st.columns(2, gap="medium")
    with upload:
        _upload(home, info.name)
    with choose:
        name: str | None = st.selectbox(
            "Question set",
            list(sets),
            key=f"evaluate.set.{info.name}.{session.round_of('questions')}",
            placeholder="None yet: upload one",
            help=help_of("question set"),
            disabled=not sets,
        )
        questions = None if name is None else _read(sets[name])
        if questions is not None:
            _checked(sluice, info, questions)
    rerankers, modes, candidates = _configurations(sluice)
    grid = len(rerankers) * len(modes) * len(candidates)
    left, right = st.columns(2, gap="medium")
    with left:
        sample = _sample(questions)
    asked = 0 if questions is None else len(questions.questions) if sample is None else sample
    with right:
        wanted = grading.show(sluice, info, questions, asked * grid)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        pressed = st.button("Start", type="primary", disabled=busy or not asked or not grid, key="evaluate.start")
        if asked and grid:
            st.caption(f"{counted(asked, 'question')}, {counted(grid, 'configuration')}.")
    if pressed and name is not None:
        request = Request(
            library=info.name,
            questions=str(sets[name].resolve()),
            name=name,
            rerankers=tuple(rerankers),
            retrievals=tuple(modes),
            candidates=tuple(candidates),
            sample=sample,
            answers=wanted.answers,
            grade=wanted.grade,
            source=str(sets[name].resolve()),
        )
        try:
            start_job(home, request)
        except SluiceError as error:
            failure.show(error)
            return
        st.rerun()


def how_to_get_one(library: str) -> str:
    """What to do without a question set, with the commands to type, as HTML."""
    named = f" --library {safe.text(library)}"
    ways = (
        (
            "Draft one from your own documents, then keep the questions that are good",
            f"sluice questions generate{named}\nsluice questions drafts{named}\nsluice questions accept ID ...{named}\n"
            f"sluice questions import --from drafts{named}",
        ),
        ("Bring one in: a BEIR folder, SQuAD JSON, a file", f"sluice questions import FILE_OR_FOLDER{named}"),
        (
            "Vote with the thumbs on the Chat page, and make the votes a set",
            f"sluice questions import --from votes{named}",
        ),
    )
    listed = "".join(f"<li>{words}<pre><code>{commands}</code></pre></li>" for words, commands in ways)
    return (
        '<div class="ways"><p class="lead">There is no question set for this library yet. It says which questions to '
        "ask, and where in the library each is answered. Upload one below, or:</p>"
        f'<ul>{listed}</ul><p class="muted">What it looks like, and how many questions it takes: '
        '<a href="/handbook?page=question-sets" target="_blank" rel="noopener">the handbook on question sets</a>.'
        "</p></div>"
    )


# -- the questions ---------------------------------------------------------------------------------


def _upload(home: Path, library: str) -> None:
    file = st.file_uploader(
        f"Upload a question set: JSON Lines or CSV, at most {MOST_MEGABYTES} MB",
        type=TYPES,
        max_upload_size=MOST_MEGABYTES,
        key=f"evaluate.upload.{session.round_of('questions')}",
    )
    st.caption("BEIR folders and SQuAD files come in with `sluice questions import`.")
    if file is None:
        return
    try:
        kept = keep_upload(home, library, file)
    except SluiceError as error:
        failure.show(error)
        return
    session.tell(f"{kept.name} is kept: {counts(kept)}.")
    session.clear_form("questions")
    session.put(f"evaluate.set.{library}.{session.round_of('questions')}", kept.name)
    st.rerun()


def keep_upload(home: Path, library: str, file: UploadedFile) -> QuestionSet:
    """Check an uploaded set and keep it under its file's name; a later one of that name replaces it.

    Raises QuestionSetError naming the lines at fault, and UsageError for a name that cannot be a set's.
    """
    name = PurePath(file.name.replace("\\", "/")).name
    kept = set_path(home, library, PurePath(name).stem)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(file.getbuffer())
        try:
            questions = read_questions(path)
        except QuestionSetError as error:
            raise QuestionSetError(error.message.replace(str(path), name), hint=error.hint) from error
    write_questions(questions, kept)
    return questions


def _read(path: Path) -> QuestionSet | None:
    try:
        return read_questions(path)
    except SluiceError as error:
        failure.show(error)
        return None


def _checked(sluice: Sluice, info: LibraryInfo, questions: QuestionSet) -> None:
    """How many there are, and whether their labels are in the library."""
    checked = _check(sluice, info.name, info.generation, questions.fingerprint, questions)
    st.caption(f"{counts(questions)[:1].upper()}{counts(questions)[1:]}. {' '.join(f'{one}.' for one in checked.said)}")
    if checked.out_of_scope:
        listed = "".join(f"<li>{safe.text(line)}</li>" for line in checked.out_of_scope)
        st.html(
            f'<details class="fold note held" open><summary>○ {counted(len(checked.out_of_scope), "question")} cannot '
            "be asked: the part of the library to ask within is not there</summary>"
            f'<ul class="files">{listed}</ul></details>'
        )
    if checked.missing:
        off = checked.missing
        listed = "".join(f"<li>{safe.text(line)}</li>" for line in off)
        st.html(
            f'<details class="fold note rescued"><summary>◆ {counted(len(off), "label")} not found: their questions '
            f'have no part in ranking</summary><ul class="files">{listed}</ul></details>'
        )
    if len(questions.questions) < FEW:
        st.caption('Few questions: expect "not enough to tell". A hundred tell most differences.')
    if all(q.answerable is not False for q in questions.questions):
        st.caption(
            "None is known to be unanswerable, so what refusing is worth will not show. Add some that look as if the "
            "library answered them."
        )


@st.cache_data(max_entries=8, show_spinner="Looking for the labels in the library …")
def _check(_sluice: Sluice, library: str, generation: int, fingerprint: str, _questions: QuestionSet) -> Check:
    del generation, fingerprint  # parts of the key
    return check_of(resolve(_questions, read_contents(_sluice.settings.libraries_dir, library)))


# -- the configurations ----------------------------------------------------------------------------


def _configurations(sluice: Sluice) -> tuple[list[str], list[RetrievalMode], list[int]]:
    choices = {choice.name: choice for choice in sluice.rerankers()}
    here = [name for name, choice in choices.items() if choice.available]
    first, second, third = st.columns(3, gap="medium")
    rerankers: list[str] = first.multiselect(
        "Rerankers",
        here,
        default=[name for name in here if name != "none"][:1] or here[:1],
        format_func=lambda name: sidebar.named(choices[name]),
        key="evaluate.rerankers",
        help=help_of("reranker"),
        persist_state="session",
    )
    modes: list[RetrievalMode] = second.multiselect(
        "Search by",
        list(sidebar.MODES),
        default=[sluice.settings.retrieval],
        format_func=sidebar.MODES.__getitem__,
        key="evaluate.modes",
        help=help_of("retrieval"),
        persist_state="session",
    )
    usual = sluice.settings.candidates
    candidates: list[int] = third.multiselect(
        "Candidates",
        sorted({*CANDIDATES, usual}),
        default=[usual],
        key="evaluate.candidates",
        help=help_of("candidates"),
        persist_state="session",
    )
    off = {name: choice.reason for name, choice in choices.items() if not choice.available}
    if off:
        listed = "".join(f"<li>{safe.text(name)}: {safe.text(reason)}</li>" for name, reason in off.items())
        st.html(f'<details class="fold"><summary>Not available here: {len(off)}</summary><ul>{listed}</ul></details>')
    return rerankers, modes, candidates


def _sample(questions: QuestionSet | None) -> int | None:
    """How many to ask; None for all of them."""
    total = 0 if questions is None else len(questions.questions)
    sample: int | None = st.number_input(
        "Ask only so many, drawn at random",
        min_value=1,
        max_value=max(total, 1),
        value=None,
        placeholder=f"all {total:,}",
        key="evaluate.sample",
    )
    return None if sample is None or sample >= total else sample
