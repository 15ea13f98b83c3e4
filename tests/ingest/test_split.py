"""The splitter: nothing lost, nothing above the limit, order and ids kept; headings, pages and rows respected."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.cutting import LIMIT
from ingest.load.parsed import Block, Kind, Parsed
from ingest.load.table import markdown_table
from ingest.pack import OVERLAP, pack
from ingest.pieces import CHARACTERS_PER_TOKEN, Piece
from ingest.split import Cut, split
from tests.ingest.counting import count_parts


def parsed(*blocks: Block, title: str = "Guide") -> Parsed:
    return Parsed(title=title, blocks=blocks)


def cut(*blocks: Block, limit: int = LIMIT, title: str = "Guide") -> tuple[Cut, ...]:
    return split(parsed(*blocks, title=title), "doc", count_parts, limit=limit)


def sentences(number: int, *, of: str = "Sent") -> str:
    return " ".join(f"{of} {n} has five words." for n in range(number))


# -- structure -------------------------------------------------------------------------------------


def test_a_short_document_is_one_chunk() -> None:
    (only,) = cut(Block("Owls hunt at night."))
    assert only.embedded == "Guide\nOwls hunt at night."
    assert only.chunk.text == "Owls hunt at night."
    assert only.chunk.title == "Guide"
    assert only.chunk.tokens == count_parts([only.embedded])[0]


def test_chunks_do_not_cross_headings_or_pages() -> None:
    cuts = cut(
        Block(sentences(12), ("A",)), Block(sentences(12), ("B",)), Block(sentences(12), ("B",), page=2), limit=140
    )
    places = [(cut.chunk.section, cut.chunk.page) for cut in cuts]
    assert places == [(("A",), None), (("B",), None), (("B",), 2)]
    assert cuts[0].embedded.startswith("Guide\nA\nSent 0")


def test_tiny_sections_are_gathered_under_their_heading() -> None:
    (only,) = cut(
        Block("Short words.", ("Install",)),
        Block("Type this.", ("Install", "Linux")),
        Block("Click.", ("Install", "Mac")),
    )
    assert only.chunk.section == ("Install",)
    assert only.chunk.text == "Short words.\n\nLinux\nType this.\n\nMac\nClick."


def test_tiny_sections_of_different_chapters_stay_apart() -> None:
    cuts = cut(Block("One.", ("A", "x")), Block("Two.", ("B", "y")))
    assert [cut.chunk.section for cut in cuts] == [("A", "x"), ("B", "y")]


def test_long_prose_overlaps_by_whole_sentences() -> None:
    cuts = cut(Block(sentences(100)), limit=100)
    assert len(cuts) > 3
    for before, after in zip(cuts, cuts[1:], strict=False):
        first = after.chunk.text.split(". ")[0] + "."
        assert before.chunk.text.endswith(before.chunk.text[before.chunk.text.index(first) :])
        shared = before.chunk.text[before.chunk.text.index(first) :]
        assert 0 < count_parts([shared])[0] <= OVERLAP * 100
        assert after.chunk.text.startswith(shared)


def test_the_last_chunk_is_no_remnant() -> None:
    sizes = [cut.chunk.tokens for cut in cut(Block(sentences(41)), limit=150)]
    assert min(sizes) > 0.7 * max(sizes)


def test_table_rows_are_never_cut_and_the_header_is_repeated() -> None:
    rows = [["Name", "Size", "Remark"], *([f"owl {n}", str(n), "seen at night"] for n in range(60))]
    cuts = cut(Block(markdown_table(rows), ("Owls",), kind="table"), limit=120)
    assert len(cuts) > 3
    seen: list[str] = []
    for one in cuts:
        head, rule, *body = one.chunk.text.split("\n")
        assert (head, rule) == ("| Name | Size | Remark |", "|-|-|-|")
        seen.extend(body)
    assert seen == [f"| owl {n} | {n} | seen at night |" for n in range(60)]


def test_a_row_too_wide_is_written_out_by_column() -> None:
    rows = [["Name", "Story"], ["Owl", sentences(40)], ["Bat", "short"]]
    cuts = cut(Block(markdown_table(rows), kind="table"), limit=100)
    assert cuts[0].chunk.text.startswith("Name: Owl\nStory: Sent 0")
    assert any("| Bat | short |" in cut.chunk.text for cut in cuts)


def test_code_that_fits_stays_whole_and_keeps_its_indents() -> None:
    code = "def hoot():\n    if night:\n        return 1"
    cuts = cut(Block(sentences(14)), Block(code, kind="code"), limit=100)
    assert code in cuts[-1].chunk.text
    long_code = "\n".join(f"    value_{n} = call({n})" for n in range(60))
    for one in cut(Block(long_code, kind="code"), limit=100):
        assert re.fullmatch(r"(    value_\d+ = call\(\d+\)\n?)+", one.chunk.text)


def test_rows_are_chunks_of_their_own_with_their_metadata() -> None:
    cuts = cut(
        Block("Year: 1979", kind="row", title="Alien", metadata={"Year": 1979}),
        Block("Year: 1995", kind="row", title="Heat", metadata={"Year": 1995}),
    )
    assert [(one.chunk.title, one.chunk.metadata, one.embedded) for one in cuts] == [
        ("Alien", {"Year": 1979}, "Alien\nYear: 1979"),
        ("Heat", {"Year": 1995}, "Heat\nYear: 1995"),
    ]


def test_a_long_title_and_section_leave_room_for_text() -> None:
    section = tuple(f"heading {n} " + "word " * 30 for n in range(5))
    cuts = cut(Block(sentences(60), section), title="title " * 100, limit=120)
    assert all(one.chunk.tokens <= 120 for one in cuts)
    assert all(one.chunk.section == section and one.chunk.title == "title " * 100 for one in cuts)
    assert all(count_parts([one.embedded.removesuffix(one.chunk.text)])[0] <= 48 for one in cuts)


def test_a_word_without_end_is_bounded() -> None:
    cuts = cut(Block("x" * 50_000))
    assert all(one.chunk.tokens <= LIMIT for one in cuts)
    assert "".join(one.chunk.text for one in cuts) == "x" * 50_000


def test_what_the_tokenizer_does_not_know_is_bounded_in_characters() -> None:
    cuts = split(parsed(Block("word " * 20_000)), "doc", lambda texts: [1 for _ in texts])
    assert all(len(one.embedded) <= LIMIT * CHARACTERS_PER_TOKEN for one in cuts)


def test_a_tokenizer_that_counts_more_for_the_whole_is_believed() -> None:
    def greedy(texts: Sequence[str]) -> list[int]:
        return [n + n // 4 if n > 60 else n for n in count_parts(texts)]

    cuts = split(parsed(Block(sentences(80))), "doc", greedy, limit=100)
    assert all(greedy([one.embedded])[0] <= 100 for one in cuts)
    assert _words(" ".join(one.chunk.text for one in cuts)) >= _words(sentences(80))


# -- ids -------------------------------------------------------------------------------------------


def test_ids_survive_a_change_elsewhere() -> None:
    before = cut(Block(sentences(20), ("A",)), Block(sentences(20, of="Other"), ("B",)))
    after = cut(Block(sentences(21), ("A",)), Block(sentences(20, of="Other"), ("B",)))
    assert before[-1].chunk.id == after[-1].chunk.id
    assert before[0].chunk.id != after[0].chunk.id


def test_equal_texts_have_different_ids_and_other_documents_other_ones() -> None:
    blocks = [Block("Same.", kind="row"), Block("Same.", kind="row")]
    ids = [one.chunk.id for one in cut(*blocks)]
    assert len(set(ids)) == 2
    assert ids == [one.chunk.id for one in cut(*blocks)]
    assert set(ids).isdisjoint(one.chunk.id for one in split(parsed(*blocks), "other", count_parts))


# -- properties ------------------------------------------------------------------------------------

_WORDS = st.text(alphabet="abcdefgh ÄÖéß漢字.!?,;:|-\"'()0123456789", min_size=1, max_size=400)
_KINDS: st.SearchStrategy[Kind] = st.sampled_from(["prose", "prose", "code", "row"])


@st.composite
def _blocks(draw: st.DrawFn) -> list[Block]:
    blocks: list[Block] = []
    for _ in range(draw(st.integers(1, 12))):
        section = tuple(draw(st.lists(st.sampled_from(["Alpha", "Beta", "Gamma delta"]), max_size=3)))
        page = draw(st.one_of(st.none(), st.integers(1, 3)))
        kind = draw(_KINDS)
        text = "\n".join(draw(st.lists(_WORDS, min_size=1, max_size=6)))
        if draw(st.integers(0, 9)) == 0:
            text += draw(st.sampled_from(["x", "漢", "ab"])) * 900
        blocks.append(Block(text, section, page, kind))
        if draw(st.booleans()):
            cells = draw(st.lists(st.lists(_WORDS, min_size=2, max_size=4), min_size=2, max_size=8))
            table = markdown_table([[cell.replace("|", "/") for cell in row] for row in cells])
            blocks.append(Block(table, section, page, "table" if table.startswith("|") else "prose"))
    return blocks


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text))


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def _is_in_order(letters: str, within: str) -> bool:
    at = iter(within)
    return all(letter in at for letter in letters)


@settings(max_examples=150, deadline=None)
@given(_blocks(), st.integers(40, 220))
def test_nothing_is_lost_nothing_is_too_long_and_order_is_kept(blocks: list[Block], limit: int) -> None:
    cuts = cut(*blocks, limit=limit)
    assert [one.chunk.ordinal for one in cuts] == list(range(len(cuts)))
    assert all(one.chunk.tokens <= limit for one in cuts)
    assert all(one.chunk.tokens >= count_parts([one.embedded])[0] for one in cuts)
    assert len({one.chunk.id for one in cuts}) == len(cuts)
    # Every letter of the blocks comes back, in order; overlap, headings and headers may come between.
    together = _letters("".join(one.chunk.text for one in cuts))
    for block in blocks:
        if block.kind != "table":
            assert _is_in_order(_letters(block.text), together)
    assert [one.chunk.id for one in cut(*blocks, limit=limit)] == [one.chunk.id for one in cuts]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=80), st.integers(40, 120))
def test_packing_keeps_every_piece_once_but_for_the_overlap(sizes: list[int], budget: int) -> None:
    pieces = [Piece(f"<{n}>", " ", size) for n, size in enumerate(sizes)]
    texts = pack(pieces, budget)
    numbers = [[int(n) for n in re.findall(r"<(\d+)>", text)] for text in texts]
    assert all(group == list(range(group[0], group[-1] + 1)) for group in numbers)
    assert all(sum(sizes[n] for n in group) <= budget for group in numbers)
    fresh = [0, *(before[-1] + 1 for before in numbers)]
    assert numbers[0][0] == 0
    assert numbers[-1][-1] == len(sizes) - 1
    for start, group in zip(fresh[1:], numbers[1:], strict=False):
        assert start in group
        assert sum(sizes[n] for n in group if n < start) <= OVERLAP * budget


@pytest.mark.parametrize("limit", [40, 220])
def test_one_count_serves_many_sentences(limit: int) -> None:
    calls = 0

    def counted(texts: Sequence[str]) -> list[int]:
        nonlocal calls
        calls += 1
        return count_parts(texts)

    split(parsed(*(Block(sentences(50), (f"Part {n}",)) for n in range(20))), "doc", counted, limit=limit)
    assert calls <= 8
