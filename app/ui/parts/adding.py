"""Adding documents, by upload or by path, with progress a file; and how a file would be cut, before adding it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.counting import counted
from app.errors import SluiceError, UsageError
from app.ingest_process import IngestEvent, preview, start
from app.language import name_of
from app.library.places import places
from app.printable import printable
from app.ui import safe, session
from app.ui.parts import failure
from app.ui.parts.verdict import note
from app.ui.words import help_of

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from app.wiring import Sluice

MOST_MEGABYTES = 25
MOST_SHOWN = 200  # passages of a preview, files of a report
_CUTS: Mapping[str, str] = {
    "": "As the settings say",
    "auto": "By format",
    "headings": "At headings, then paragraphs",
    "sentences": "By sentences, across headings",
    "tokens": "By a fixed number of tokens",
    "rows": "Every row or paragraph by itself",
    "definitions": "By class and function",
}
_DONE: Mapping[str, tuple[str, str]] = {
    "added": ("through", "● added"),
    "replaced": ("through", "● replaced"),
    "unchanged": ("held", "○ unchanged"),
    "removed": ("held", "○ removed"),
    "skipped": ("rescued", "◆ skipped"),
    "failed": ("failed", "▲ failed"),
}


def show(sluice: Sluice, names: Sequence[str]) -> None:
    """Draw the forms; a run draws its progress in place and leaves its report."""
    current = session.library_name(sluice.settings.library)
    name: str | None = st.selectbox(
        "Add to library",
        list(dict.fromkeys([*names, current])),
        index=list(dict.fromkeys([*names, current])).index(current),
        accept_new_options=True,
        help=f"Type a new name to create a library. {help_of('library')}",
    )
    way = st.selectbox(
        "Cut documents",
        list(_CUTS),
        format_func=lambda chosen: _CUTS[chosen],
        help="How files are cut into passages: a preview shows it. Documents that are there already are cut anew when "
        "they are added again.",
        key="cut",
    )
    cut = way or None
    by_upload, by_path = st.tabs(["Upload", "From a path"])
    with by_upload:
        _upload(sluice, name or current, cut)
    with by_path:
        _path(name or current, cut)
    report = session.ingest_report()
    if report is not None:
        st.html(_report(report))


def load_handbook(name: str = "handbook") -> None:
    """Fill the sample library, with progress."""
    from app.wiring import handbook_dir  # heavy; the page stands before it

    _ingest([handbook_dir()], name)


def _upload(sluice: Sluice, name: str, chunking: str | None) -> None:
    files = st.file_uploader(
        "Text, web pages, PDF, office files, e-books, e-mail, notebooks, tables, source code and archives of them; "
        f"at most {MOST_MEGABYTES} MB a file",
        accept_multiple_files=True,
        max_upload_size=MOST_MEGABYTES,
        key=f"files.{session.round_of('upload')}",
    )
    with st.container(horizontal=True, gap="small"):
        add = st.button("Add", type="primary", disabled=not files, key="add.upload")
        cut = st.button("Preview how they are cut", disabled=not files)
    if cut:
        _preview_uploads(files, chunking)
    if add:
        _add(sluice.settings.sluice_home, files, name, chunking)


def _path(name: str, chunking: str | None) -> None:
    with st.form("path", border=False):
        path = st.text_input("A file or folder on this machine", placeholder="/home/me/notes")
        with st.container(horizontal=True, gap="small"):
            pressed = st.form_submit_button("Add", type="primary")
            cut = st.form_submit_button("Preview how it is cut")
    if not (pressed or cut):
        return
    chosen = Path(path.strip()).expanduser()
    if not path.strip():
        st.html(note("held", "There is no path: type one."))
    elif pressed:
        _ingest([chosen], name, chunking=chunking)
    elif chosen.is_dir():
        st.html(note("held", "A preview shows one file: type the path of one in that folder."))
    else:
        _preview(chosen, chosen.name, chunking)


def _add(home: Path, files: Sequence[UploadedFile], name: str, chunking: str | None) -> None:
    try:
        folder = upload_folder(home, name)
        check_names([file.name for file in files])
    except SluiceError as error:
        failure.show(error)
        return
    _ingest([save(file, folder) for file in files], name, form="upload", chunking=chunking)


def upload_folder(home: Path, name: str) -> Path:
    """Where uploads into a library are kept. Raises UsageError for a name that no library can have."""
    places(home, name)
    return home / "uploads" / name


def check_names(names: Sequence[str]) -> None:
    """Raises UsageError where two files dropped together have one name: the second would replace the first unseen."""
    again = [name for name, count in Counter(map(_own_name, names)).items() if count > 1]
    if again:
        raise UsageError(
            f"Several of these files are called {', '.join(again)}; nothing was added.",
            hint="Rename them, add one at a time to replace it, or add their folder from a path.",
        )


def save(file: UploadedFile, folder: Path) -> Path:
    """Keep an upload under its own name; a later one of the same name replaces it, and its document."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _own_name(file.name)
    path.write_bytes(file.getbuffer())
    return path


def _own_name(given: str) -> str:
    name = PurePath(given.replace("\\", "/")).name
    return name if name.strip(".") else "upload"


# -- a run -----------------------------------------------------------------------------------------


def _ingest(paths: Sequence[Path], name: str, *, form: str | None = None, chunking: str | None = None) -> None:
    session.keep_ingest_report(None)
    bar = st.progress(0.0, text="Starting …")
    lines = st.empty()
    done: list[str] = []
    try:
        with closing(start(paths, library=name, chunking=chunking)) as events:  # whoever leaves the page stops it
            for event in events:
                _draw(event, bar, lines, done)
                if event.kind == "report":
                    session.keep_ingest_report(event.data["report"])
    except SluiceError as error:
        bar.empty()
        failure.show(error)
        return
    session.use_library(name)
    if form is not None:
        session.clear_form(form)
    st.rerun()


def _draw(event: IngestEvent, bar: Any, lines: Any, done: list[str]) -> None:
    data = event.data
    if event.kind == "file":
        done.append(_file(data))
        lines.html(f'<ul class="files">{"".join(done[-12:])}</ul>')
    if event.kind in ("file", "passages"):
        left = data.get("seconds_left")
        rest = "" if left is None else f", about {left:.0f} s left"
        share = min(1.0, data["done"] / max(1, data["files"]))
        bar.progress(
            share, text=f"{data['done']} of {counted(data['files'], 'file')}, {data['rate']:.0f} passages/s{rest}"
        )
    if event.kind == "published":
        bar.progress(1.0, text="Searchable.")


def _file(data: Mapping[str, Any]) -> str:
    kind, word = _DONE.get(data["state"], ("held", data["state"]))
    told = data["reason"] or (counted(data["chunks"], "passage") if data["chunks"] else "")
    hint = f" {safe.text(data['hint'])}" if data.get("hint") else ""
    name = printable(PurePath(data["path"]).name)
    return (
        f'<li><span class="badge {kind}">{safe.text(word)}</span> <b>{safe.text(name)}</b> '
        f'<span class="muted">{safe.text(told)}{hint}</span></li>'
    )


def _report(report: Mapping[str, Any]) -> str:
    """What became of the last run's files: the counts, and every file that is not searchable with its reason."""
    counts = [f"{count:,} {state}" for state, count in report["counts"].items() if count]
    off = [f for f in report["files"] if f["state"] in ("failed", "skipped") or f["reason"]]
    more = f'<li class="muted">and {len(off) - MOST_SHOWN:,} more</li>' if len(off) > MOST_SHOWN else ""
    listed = f'<ul class="files">{"".join(map(_file, off[:MOST_SHOWN]))}{more}</ul>' if off else ""
    kind, shape = ("failed", "▲") if report["counts"].get("failed") else ("through", "●")
    return (
        f'<div class="note {kind}" role="status"><p><span aria-hidden="true">{shape}</span> '
        f"<b>{safe.text(', '.join(counts) or 'nothing to add')}</b> in {report['seconds']:.1f} s</p>{listed}</div>"
    )


# -- how a file is cut -----------------------------------------------------------------------------


def _preview_uploads(files: Sequence[UploadedFile], chunking: str | None) -> None:
    for file in files:
        with tempfile.TemporaryDirectory() as folder:
            _preview(save(file, Path(folder)), file.name, chunking)


def _preview(path: Path, name: str, chunking: str | None) -> None:
    try:
        with st.spinner("Reading the file …"):
            seen = preview(path, chunking=chunking)
    except SluiceError as error:
        failure.show(SluiceError(f"{name}: {error.message}", hint=error.hint))
        return
    passages = seen["passages"]
    notes = "".join(note("rescued", said[:1].upper() + said[1:]) for said in seen["warnings"])
    more = len(passages) - MOST_SHOWN
    st.html(
        f'<p class="label">{safe.text(name)}: {counted(len(passages), "passage")}</p>{_how(seen)}{notes}'
        f'<ol class="cuts">{"".join(map(_cut, passages[:MOST_SHOWN]))}</ol>'
        + (f'<p class="muted">{more:,} more.</p>' if more > 0 else "")
    )


def _how(seen: Mapping[str, Any]) -> str:
    """The strategy and why it is this one, the sizes, and the language, in one line each."""
    sizes = [passage["tokens"] for passage in seen["passages"]]
    language = name_of(seen["language"]) if seen["language"] else "not told"
    rows = {
        "Cut by": f"{seen['strategy']} ({seen['why']})",
        "Tokens": f"{_from_to(sizes)} a passage, at most {seen['limit']}",
        "Language": language,
    }
    return f'<dl class="how-cut">{"".join(f"<dt>{k}</dt><dd>{safe.text(v)}</dd>" for k, v in rows.items())}</dl>'


def _from_to(sizes: Sequence[int]) -> str:
    return f"{min(sizes)} to {max(sizes)}" if min(sizes) < max(sizes) else str(min(sizes))


def _cut(passage: Mapping[str, Any]) -> str:
    section = passage.get("section") or ""
    place = section if isinstance(section, str) else " › ".join(section)
    page = f", page {passage['page']}" if passage.get("page") is not None else ""
    return (
        f'<li><span class="place">{safe.text(place)}{page}</span> '
        f'<span class="num muted">{passage["tokens"]} tokens</span>'
        f'<div class="words">{safe.text(passage["text"])}</div></li>'
    )
