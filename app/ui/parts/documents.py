"""The documents of a library: what there is, in which state, and taking some out again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

import streamlit as st

from app.counting import counted
from app.domain import LibraryInfo
from app.errors import SluiceError, disk_errors
from app.language import name_of
from app.library.on_disk import on_disk
from app.printable import printable
from app.providers.spoken import speaks
from app.ui import safe, session
from app.ui.parts import failure, verdict
from app.ui.words import size

if TYPE_CHECKING:
    from app.library.admin import DocumentRow, FailedRow
    from app.wiring import Sluice

MOST_ROWS = 200
_STATES = {
    "unchanged": '<span class="badge through">● searchable</span>',
    "elsewhere": '<span class="badge through">● searchable</span>',
    "changed": '<span class="badge rescued">◆ changed on disk</span><small>add it again to read it anew</small>',
    "gone": '<span class="badge held">○ searchable</span><small>its file is gone</small>',
}


def show(sluice: Sluice, info: LibraryInfo) -> None:
    """Draw the documents with what can be done to them."""
    rows = sluice.documents(info.name)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        wanted = st.text_input("Find a document", placeholder="Part of a title or path", key="find")
        verify = st.button("Verify", help="Compare the catalogue with the search indexes, row by row")
        delete = st.button("Delete documents …", disabled=not rows)
    if told := session.take_told():
        st.html(verdict.note("through", told))
    if verify:
        _verify(sluice, info.name)
    if delete:
        _delete(sluice, info.name, rows)
    _failed(sluice.failed_files(info.name))
    found = [r for r in rows if wanted.lower() in f"{r.title} {r.uri}".lower()]
    st.html(_table(found[:MOST_ROWS], info.embedder_id))
    if len(found) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS} of {len(found):,}; type part of a name to see others.")


def _failed(files: Sequence[FailedRow]) -> None:
    """Files that are not searchable, folded up: they are looked at once, and then mended or left."""
    if not files:
        return
    more = f'<li class="muted">and {len(files) - MOST_ROWS:,} more</li>' if len(files) > MOST_ROWS else ""
    listed = "".join(
        f'<li><span class="badge failed">▲ failed</span> <b>{safe.text(printable(PurePath(file.path).name))}</b> '
        f'<span class="muted">{safe.text(file.reason)}. {safe.text(file.hint)}<br>'
        f"{safe.text(printable(file.path))}</span></li>"
        for file in files[:MOST_ROWS]
    )
    with st.expander(f"{counted(len(files), 'file')} could not be read", key="failed"):
        st.html(f'<ul class="files">{listed}{more}</ul>')


def _table(rows: Sequence[DocumentRow], embedder_id: str) -> str:
    titles = (("", "Document"), ("", "State"), ("num", "Passages"), ("num", "Text"), ("num", "Added"))
    head = "".join(f'<th scope="col" class="{kind}">{title}</th>' for kind, title in titles)
    body = "".join(
        f'<tr><td class="what"><b>{safe.text(r.title)}</b><small>{safe.text(printable(r.uri))}</small></td>'
        f'<td class="did">{_STATES[on_disk(r.uri, r.read_at or r.added_at)]}{_language(r, embedder_id)}</td>'
        f'<td class="num">{r.chunks:,}</td>'
        f'<td class="num">{size(r.bytes)}</td><td class="num">{safe.text(r.added_at[:16].replace("T", " "))}</td></tr>'
        for r in rows
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Documents"><table class="rows documents">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _language(row: DocumentRow, embedder_id: str) -> str:
    """That a document is in a language which the embedding model does not read."""
    if row.language is None or speaks(embedder_id, row.language) is not False:
        return ""
    return f"<small>◆ in {safe.text(name_of(row.language))}: found by its words only</small>"


def _verify(sluice: Sluice, name: str) -> None:
    with st.spinner("Comparing …"):
        differences = sluice.verify(name)
    if differences:
        listed = "".join(f"<li>{safe.text(line)}</li>" for line in differences)
        st.html(
            f'<div class="note failed"><p>▲ {counted(len(differences), "difference")}. Mend what can be mended: '
            f"<code>sluice library repair {safe.text(name)}</code></p><ul>{listed}</ul></div>"
        )
    else:
        st.html(verdict.note("through", "Catalogue, vectors and word index agree."))


@st.dialog("Delete documents", width="medium")
def _delete(sluice: Sluice, name: str, rows: Sequence[DocumentRow]) -> None:
    by_id = {r.id: r for r in rows}
    chosen = st.multiselect("Which", list(by_id), format_func=lambda i: by_id[i].title, placeholder="Choose documents")
    passages = sum(by_id[i].chunks for i in chosen)
    if chosen:
        st.html(
            f"<p>{counted(len(chosen), 'document')} with {counted(passages, 'passage')} will no longer be found in "
            f"<i>{safe.text(name)}</i>. The files themselves stay where they are.</p>"
        )
    left, right = st.columns(2)
    if left.button("Keep them", width="stretch"):
        st.rerun()
    if right.button("Delete", type="primary", width="stretch", disabled=not chosen, key="delete.confirm"):
        try:  # a dialog runs by itself, outside what catches the page's errors
            with disk_errors():
                sluice.delete(name, chosen)
        except SluiceError as error:
            failure.show(error)
            return
        session.tell(f"{counted(len(chosen), 'document')} deleted, {counted(passages, 'passage')} gone.")
        st.rerun()
