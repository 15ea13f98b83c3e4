"""How vectors go into an index: in even portions, all of it on disk at the end."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.library.portions import parts, portions
from app.library.vectors import EmbeddedBase, breadth, fill
from tests.library.filling import vectors


@given(st.integers(0, 500), st.integers(1, 60))
def test_parts_are_few_and_even(count: int, most: int) -> None:
    sizes = parts(count, most)
    assert sum(sizes) == count
    assert len(sizes) == -(-count // most)
    assert max(sizes, default=0) <= most
    assert max(sizes, default=0) - min(sizes, default=0) <= 1


@given(st.lists(st.integers(0, 9), max_size=12), st.lists(st.integers(1, 20), max_size=8))
def test_portions_hold_the_same_in_the_same_order(lengths: list[int], sizes: list[int]) -> None:
    total = sum(lengths)
    rows = np.arange(total)
    cut = np.split(rows, np.cumsum(lengths)[:-1]) if lengths else []
    found = list(portions(((part, part[:, None].astype(np.float32)) for part in cut), sizes))
    assert [int(row) for part, _ in found for row in part] == list(range(total))
    assert all(np.array_equal(part, matrix[:, 0]) for part, matrix in found)
    whole = [len(part) for part, _ in found][: len(sizes)]
    assert whole[:-1] == sizes[: len(whole)][:-1]


@pytest.mark.parametrize("count", [2, 99, 100, 101, 250, 301])
def test_an_index_is_on_disk_to_the_last_vector(tmp_path: Path, count: int) -> None:
    """What Chroma has logged and not written yet, every reader would have to add anew each time it opens the index."""
    matrix = vectors(1, count)
    rows = np.arange(count)
    fill(tmp_path, ((rows[at : at + 70], matrix[at : at + 70]) for at in range(0, count, 70)), count, write_after=100)
    with sqlite3.connect(tmp_path / "chroma.sqlite3") as connection:
        assert connection.execute("SELECT seq_id FROM max_seq_id").fetchall() == [(count,)] * 2
        assert connection.execute("SELECT count(*) FROM embeddings_queue").fetchone() == (1,)
    base = EmbeddedBase(tmp_path)
    try:
        assert base.rows() == set(range(count))
        assert base.nearest(matrix[count - 1], 1)[0][1] == pytest.approx(1.0)
    finally:
        base.close()


def test_a_search_looks_further_in_a_large_index() -> None:
    assert [breadth(count) for count in (0, 1000, 100_000, 150_000, 1_000_000)] == [200, 200, 200, 300, 2000]
