"""The score cache on real SQLite files: exact, bounded, shared, and never in the way of a question."""

from __future__ import annotations

import logging
import math
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.domain import Score, ScorerId
from app.providers.reranking.cached import CachedScorer, remembered
from app.providers.score_cache import ScoreFile
from tests.conftest import ROOT
from tests.fakes import CountingScorer

SCORER = ScorerId("fake", "one", "r1")
QUESTION = "who signed the secret treaty?"


Spoil = Callable[[Path], None]


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "scores.sqlite3"


@pytest.fixture
def cache(path: Path) -> ScoreFile:
    return ScoreFile(path, megabytes=1)


def passages(count: int, start: int = 0) -> list[str]:
    return [f"passage {i}" for i in range(start, start + count)]


def entries(count: int) -> float:
    """Megabytes that hold so many scores."""
    return count * 150 / 1e6


@pytest.mark.parametrize("raw", [0.1 + 0.2, -0.0, 0.0, 1.0, -11.25, 5e-324, 1.7976931348623157e308, math.pi])
def test_a_score_comes_back_bit_for_bit(cache: ScoreFile, raw: float) -> None:
    cache.put(SCORER, QUESTION, ["a"], [Score(raw, windows=3)])
    (found,) = cache.get(SCORER, QUESTION, ["a"])
    assert found is not None and found.raw is not None
    assert struct.pack("<d", found.raw) == struct.pack("<d", raw)
    assert (found.windows, found.cached) == (3, True)


def test_a_key_is_scorer_question_passage_and_what_it_runs_on(cache: ScoreFile, path: Path) -> None:
    cache.put(SCORER, QUESTION, ["ab"], [Score(1.0)])
    assert cache.get(SCORER, QUESTION, ["ab"]) == [Score(1.0)]
    assert cache.get(ScorerId("fake", "one", "r2"), QUESTION, ["ab"]) == [None]
    assert cache.get(SCORER, f"{QUESTION}a", ["b"]) == [None]  # the parts do not run together
    assert cache.get(SCORER, QUESTION, ["b", "ab", "a"]) == [None, Score(1.0), None]
    cache.close()
    assert ScoreFile(path, megabytes=1, runs_on="onnxruntime 2").get(SCORER, QUESTION, ["ab"]) == [None]
    assert ScoreFile(path, megabytes=1).get(SCORER, QUESTION, ["ab"]) == [Score(1.0)]


def test_what_is_no_score_is_not_kept(cache: ScoreFile) -> None:
    texts = ["none", "nan", "inf", "fine"]
    cache.put(SCORER, QUESTION, texts, [Score(None), Score(math.nan), Score(math.inf), Score(2.0)])
    assert cache.get(SCORER, QUESTION, texts) == [None, None, None, Score(2.0)]


def test_more_passages_than_one_statement_takes(cache: ScoreFile) -> None:
    texts = passages(1203)
    scores = [Score(float(i)) for i in range(1203)]
    cache.put(SCORER, QUESTION, texts, scores)
    assert cache.get(SCORER, QUESTION, texts) == scores
    assert cache.get(SCORER, QUESTION, []) == []


def test_odd_texts_are_keys_too(cache: ScoreFile) -> None:
    texts = ["", "\ud800", "\x00", "火星"]
    cache.put(SCORER, "\udfff", texts, [Score(float(i)) for i in range(4)])
    assert [s and s.raw for s in cache.get(SCORER, "\udfff", texts)] == [0.0, 1.0, 2.0, 3.0]


def test_neither_question_nor_passage_can_be_read_from_the_file(cache: ScoreFile, path: Path) -> None:
    cache.put(SCORER, QUESTION, ["the duke of nowhere signed it"], [Score(1.0)])
    for file in path.parent.iterdir():
        content = file.read_bytes()
        assert b"treaty" not in content
        assert b"duke" not in content


def test_the_least_recently_used_leave_first(path: Path) -> None:
    clock = Clock()
    cache = ScoreFile(path, megabytes=entries(100), clock=clock)
    texts = passages(100)
    for text in texts:
        cache.put(SCORER, QUESTION, [text], [Score(1.0)])
        clock.now += 60
    clock.now += 3601
    assert None not in cache.get(SCORER, QUESTION, texts[:10])  # the oldest ten are used again
    clock.now += 60
    cache.put(SCORER, QUESTION, passages(20, start=100), [Score(1.0)] * 20)
    left = cache.get(SCORER, QUESTION, passages(120))
    assert cache.held().scores == 90
    assert None not in left[:10]
    assert left[10:40] == [None] * 30
    assert None not in left[40:]


def test_it_never_holds_much_more_than_its_limit(path: Path) -> None:
    cache = ScoreFile(path, megabytes=0.3)
    for n in range(120):
        cache.put(SCORER, f"{QUESTION} {n}", passages(50), [Score(1.0)] * 50)
    held = cache.held()
    assert 0.9 * cache.limit - 1 <= held.scores <= 1.06 * cache.limit
    cache.close()  # folds the log into the file
    assert path.stat().st_size < 0.4e6


def test_a_lower_limit_gives_room_back(cache: ScoreFile, path: Path) -> None:
    cache.put(SCORER, QUESTION, passages(5000), [Score(1.0)] * 5000)
    cache.close()
    before = path.stat().st_size
    smaller = ScoreFile(path, megabytes=entries(1000))
    smaller.put(SCORER, QUESTION, ["new"], [Score(1.0)])
    assert smaller.held().scores == 900
    smaller.close()
    assert path.stat().st_size < before / 3


def test_clearing_empties_it(cache: ScoreFile, path: Path) -> None:
    assert cache.clear() == 0
    assert not path.parent.exists()  # looking makes nothing
    cache.put(SCORER, QUESTION, passages(30), [Score(1.0)] * 30)
    assert cache.clear() == 30
    assert cache.get(SCORER, QUESTION, ["passage 1"]) == [None]
    assert cache.held().scores == 0


def test_threads_share_one(cache: ScoreFile) -> None:
    def work(n: int) -> None:
        for i in range(25):
            cache.put(SCORER, f"{n}", [f"{i}"], [Score(n + i / 100)])
            assert cache.get(SCORER, f"{n}", [f"{i}"]) == [Score(n + i / 100)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert cache.held().scores == 200


def test_processes_share_one(cache: ScoreFile, path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from app.domain import Score, ScorerId\n"
        "from app.providers.score_cache import ScoreFile\n"
        "cache = ScoreFile(Path(sys.argv[1]), megabytes=1)\n"
        "for i in range(100): cache.put(ScorerId('fake', 'one', 'r1'), sys.argv[2], [str(i)], [Score(i / 7)])\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(path), q], cwd=ROOT) for q in ("x", "y")]
    texts = [str(i) for i in range(100)]
    while any(process.poll() is None for process in running):
        assert all(s is None or s.raw == i / 7 for i, s in enumerate(cache.get(SCORER, "x", texts)))
    assert [process.returncode for process in running] == [0, 0]
    for question in ("x", "y"):
        found = cache.get(SCORER, question, texts)
        assert all(s in (None, Score(i / 7)) for i, s in enumerate(found))
        assert sum(s is not None for s in found) >= 95  # a score that had to wait too long for the file is not kept


def spoil_header(path: Path) -> None:
    path.write_bytes(b"this is not a database, and was never one. " * 100)


def spoil_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in range(5000, len(data), 97):
        data[place] ^= 0xFF
    path.write_bytes(data)


def spoiled_by(statement: str) -> Spoil:
    def spoil(path: Path) -> None:
        with sqlite3.connect(path) as other:
            other.execute(statement)
        other.close()

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(spoil_header, id="header"),
        pytest.param(spoil_middle, id="middle"),
        pytest.param(spoiled_by("UPDATE scores SET value = substr(x'00' || value, 1, 16)"), id="score"),
        pytest.param(spoiled_by("UPDATE scores SET value = 'text'"), id="type"),
        pytest.param(spoiled_by("PRAGMA user_version = 99"), id="layout"),
        pytest.param(spoiled_by("DROP TABLE scores"), id="table"),
    ],
)
def test_a_damaged_file_is_set_aside_and_the_question_scored(
    path: Path, spoil: Spoil, caplog: pytest.LogCaptureFixture
) -> None:
    texts = passages(200)
    inner = CountingScorer()
    expected = CachedScorer(inner, ScoreFile(path, megabytes=1)).score(QUESTION, texts)
    ScoreFile(path, megabytes=1).held()
    with sqlite3.connect(path) as folded:
        folded.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    folded.close()
    spoil(path)
    again = CachedScorer(inner, ScoreFile(path, megabytes=1))
    with caplog.at_level(logging.WARNING):
        assert again.score(QUESTION, texts) == expected
        assert len(inner.calls) == 2
        assert again.score(QUESTION, texts) == expected
    assert len(inner.calls) == 2  # a new file took its place
    assert path.with_suffix(".damaged").is_file()
    assert [r.message for r in caplog.records if "set aside" in r.message]


def test_a_place_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be", encoding="utf-8")
    inner = CountingScorer()
    scorer = CachedScorer(inner, ScoreFile(tmp_path / "cache" / "scores.sqlite3", megabytes=1))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert [s.raw for s in scorer.score(QUESTION, ["1234567"])] == [1.0]
    assert len(inner.calls) == 3
    assert len(caplog.records) == 1
    assert "cannot be used" in caplog.records[0].message


def test_a_busy_file_is_waited_for_briefly_and_left_alone(cache: ScoreFile, path: Path) -> None:
    cache.put(SCORER, QUESTION, ["a"], [Score(1.0)])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert cache.get(SCORER, QUESTION, ["a"]) == [Score(1.0)]
    cache.put(SCORER, QUESTION, ["b"], [Score(2.0)])
    other.execute("ROLLBACK")
    other.close()
    assert cache.get(SCORER, QUESTION, ["a", "b"]) == [Score(1.0), None]


def test_a_file_removed_under_it_is_made_again(cache: ScoreFile, path: Path) -> None:
    cache.put(SCORER, QUESTION, ["a"], [Score(1.0)])
    for file in path.parent.iterdir():
        file.unlink()
    assert cache.get(SCORER, QUESTION, ["a"]) == [None]
    cache.put(SCORER, QUESTION, ["a"], [Score(2.0)])
    assert ScoreFile(path, megabytes=1).get(SCORER, QUESTION, ["a"]) == [Score(2.0)]


# -- the scorer that remembers ---------------------------------------------------------------------


def test_only_what_is_missing_is_scored(cache: ScoreFile) -> None:
    inner = CountingScorer()
    scorer = remembered(inner, cache)
    first = scorer.score(QUESTION, ["aa", "b", ""])
    assert [s.cached for s in first] == [False, False, False]
    second = scorer.score(QUESTION, ["cccccccccccc", "b", "", "aa", "cccccccccccc"])
    assert inner.calls[1] == (QUESTION, ("cccccccccccc", "", "cccccccccccc"))
    assert second == CountingScorer().score(QUESTION, ["cccccccccccc", "b", "", "aa", "cccccccccccc"])
    assert [s.cached for s in second] == [False, True, False, True, False]
    assert scorer.score(QUESTION, []) == []
    assert len(inner.calls) == 2


@pytest.mark.parametrize("odd", [{"pointwise": False}, {"fixed_weights": False}, {"revision": ""}])
def test_what_may_change_or_depends_on_company_is_never_kept(cache: ScoreFile, odd: dict[str, object]) -> None:
    inner = CountingScorer(**odd)  # type: ignore[arg-type]
    assert remembered(inner, cache) is inner
