"""The pure parts of `rerank_speed` and its quality bars, against values worked out by hand. Nothing here is timed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from app.providers.onnx_runtime import Encoder, Floats, Sequenced
from app.providers.reranking.onnx_cross_encoder import OnnxCrossEncoder, open_bundled
from app.tuning.candidates import Task
from tests.benchmarks.rerank_numbers import Sizes, Work, alternate, cuts, ratio, work_of
from tests.benchmarks.rerank_quality import figures
from tests.benchmarks.rerank_speed import QUESTION, _tokenizer, passages_of, read_lengths, sizes_of
from tests.conftest import ROOT

MODEL = ROOT / "app" / "models" / "reranker"


def test_stretches_begin_and_end_at_the_edge_of_a_word() -> None:
    words = [0, 1, 1, 2, 3, 4, 4, 5]  # the words 1 and 4 have two tokens
    assert cuts(words, 3, 2) == [(0, 3), (4, 7)]
    assert cuts(words, 2, 3) == [(1, 3), (3, 5), (5, 7)]


def test_a_text_that_ends_is_read_again_from_further_on() -> None:
    words = list(range(8))
    assert cuts(words, 4, 2) == [(0, 4), (4, 8)]
    assert cuts(words, 4, 4) == [(0, 4), (4, 8), (1, 5), (2, 6)]


def test_a_text_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="3 tokens of text give 0 passages of 4, not 1"):
        cuts([0, 1, 2], 4, 1)


def test_passages_have_exactly_the_tokens_asked_for() -> None:
    lengths = [30, 100, 30, 217]
    passages = passages_of(MODEL, lengths)
    read = _tokenizer(MODEL).encode_batch(passages, add_special_tokens=False)
    assert [len(e.ids) for e in read] == lengths
    assert len(set(passages)) == len(lengths)


def test_multiply_adds_by_hand() -> None:
    sizes = Sizes(layers=2, width=4, inner=8)
    # a token and a layer: 4 products of 4 x 4 and two of 4 x 8 = 128; a pair of tokens and a layer: 2 x 4; head: 4
    assert work_of([3, 5], sizes) == Work(linear=2 * 128 * 8, mixing=(2 * 2 * 4 + 4) * (9 + 25))
    assert work_of([3, 5], sizes, match=False) == Work(linear=2048, mixing=16 * 34)
    assert work_of([10], Sizes(layers=4)).linear == 4 * (4 * 384**2 + 2 * 384 * 1536) * 10
    assert Work(2, 3).total == 5


class Recorder(Encoder):
    """The real encoder, noting how long the sequences are."""

    lengths: list[int]

    def run(self, sequences: Sequence[Sequenced]) -> list[Floats]:
        self.lengths = [len(sequence.ids) for sequence in sequences]
        return super().run(sequences)


def test_the_tokens_counted_are_those_that_the_scorer_reads() -> None:
    recorder = Recorder(MODEL / "model.onnx", MODEL / "tokenizer.json")
    profile = open_bundled(MODEL).profile
    window = profile.id.window
    passages = passages_of(MODEL, [10, 100, window, window + 80, 3 * window])
    OnnxCrossEncoder(recorder, profile).score(QUESTION, passages)
    assert read_lengths(_tokenizer(MODEL), QUESTION, passages, window) == recorder.lengths


def test_the_layers_come_from_the_manifest() -> None:
    assert sizes_of(MODEL).shapes == ((384, 384),) * 4 + ((384, 1536), (1536, 384))


def test_a_ratio_is_the_median_over_the_rounds() -> None:
    found = ratio([1.0, 2.0, 4.0], [6.0, 10.0, 32.0])
    assert (found.ours, found.theirs, found.times, found.low, found.high, found.rounds) == (2.0, 10.0, 6.0, 5.0, 8.0, 3)
    with pytest.raises(ValueError, match="nothing was timed"):
        ratio([], [])
    with pytest.raises(ValueError):
        ratio([1.0], [])


def test_the_two_sides_take_turns() -> None:
    called: list[str] = []
    found = alternate(lambda: called.append("a"), lambda: called.append("b"), 3)
    assert called == ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert found.rounds == 3


def task(relevant: list[bool]) -> Task:
    rows = np.zeros(len(relevant), dtype=np.float32)
    return Task("q", "1", True, tuple(range(len(relevant))), np.array(relevant), 0, rows, rows)


def test_int8_is_judged_by_what_it_changes() -> None:
    asked = [task([False, True, False, False, False, False])] * 2
    exact = np.array([1.0, 6.0, 5.0, 4.0, 3.0, 2.0])  # the relevant one first, passage 0 last
    swapped = np.array([2.5, 6.0, 5.0, 4.0, 3.0, 2.0])  # passage 0 enters the five best, passage 5 leaves them
    same = figures(asked, [(exact, exact)] * 2)
    assert (same["ndcg_int8"], same["difference"], same["top5_overlap"]) == (1.0, [0.0] * 3, [1.0] * 3)
    assert same["difference_met"] and same["overlap_met"]

    moved = figures(asked, [(exact, exact), (exact, swapped)])
    assert moved["top5_overlap"][0] == pytest.approx(0.9)
    assert moved["difference_met"] and not moved["overlap_met"]
    assert moved["logit_error_rms"] == pytest.approx((1.5**2 / 6 / 2) ** 0.5, abs=1e-4)

    worse = figures(asked, [(exact, -exact)] * 2)  # the relevant one last: rank 6
    assert worse["ndcg_int8"] == pytest.approx(1 / np.log2(7), abs=1e-4)
    assert not worse["difference_met"]


def test_five_candidates_say_nothing_about_the_five_best() -> None:
    few, many = task([True] + [False] * 4), task([True] + [False] * 5)
    up, down = np.arange(5.0), -np.arange(5.0)
    alone = figures([few], [(up, down)])
    assert (alone["overlap_questions"], alone["top5_overlap"], alone["overlap_met"]) == (0, None, None)
    both = figures([few, many], [(up, down), (np.arange(6.0), -np.arange(6.0))])
    assert (both["overlap_questions"], both["top5_overlap"][0]) == (1, 0.8)
