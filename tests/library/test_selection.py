"""A filter over a library that was read whole lets through exactly what the search does."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain import Condition, Scalar
from app.library.contents import read_contents
from app.library.selection import Selection
from tests.library.filling import add, chunk, document, reader_of, vectors, writer_of

CONDITIONS = [
    *(Condition("year", "in", values) for values in ((2003, 2004), ("2003",), (2003.0,), ("2003.0",), (True,), ())),
    *(Condition("year", op, (value,)) for op in (">=", "<=") for value in (2003, "2003", "2002.5", "x", 2002.5)),
    *(Condition("code", op, (value,)) for op in ("in", ">=", "<=") for value in (7, "7", "07", "b", "")),
    *(Condition("checked", op, (value,)) for op in ("in", ">=") for value in (True, "true", False, 1, "false")),
    Condition("document", "in", ("Title of d2",)),
    Condition("uri", "in", ("/docs/d1.md", "/docs/d3.md")),
    Condition("format", "in", ("markdown", "pdf")),
    Condition("region", "in", ("all",)),
    Condition("region", "in", ("south", "north")),
    Condition("nothing", "in", (1,)),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("selection")
    writer = writer_of(directory)
    codes: list[Scalar] = [7, "7", "07", "b", 7.0]
    for n, code in enumerate(codes):
        metadata: dict[str, Scalar] = {"year": 2001 + n, "code": code, "region": "all"}
        if n % 2:
            metadata["checked"] = n == 1
        add(writer, f"d{n}", f"passage {n}", f"more of {n}", seed=n, metadata=metadata)
    of = document("table", metadata={"region": "all", "checked": True})
    rows = [chunk(of, i, f"row {i}", metadata={"region": r, "row": i}) for i, r in enumerate(("north", "south"))]
    writer.replace(of, rows, vectors(99, 2), "r")
    writer.publish()
    writer.close()
    return directory


def test_it_is_the_rule_of_the_search(library: Path) -> None:
    selection = Selection(read_contents(library, "lib"))
    reader = reader_of(library)
    asked = vectors(5, 1)[0]
    through = []
    for condition in CONDITIONS:
        for where in ((condition,), (condition, Condition("year", ">=", (2002,)))):
            found = frozenset(i for i, _ in reader.dense(asked, 100, where))
            assert selection.chunks(where) == found, where
            through.append(len(found))
    assert selection.chunks(()) == {i for i, _ in reader.dense(asked, 100, ())}
    assert len(set(through)) > 5  # filters that all let through the same would show nothing
    reader.close()
