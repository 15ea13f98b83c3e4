"""Strategies: which one a format gets, what a setting changes, and how each cuts the same document."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import SettingsError
from ingest.cutting import LIMIT, STRATEGIES, Cutting, Strategy, chosen_for, chunker_id, library_chunker, read_cutting
from ingest.load import FORMATS
from ingest.load.parsed import Block, Parsed
from ingest.load.table import markdown_table
from ingest.split import Cut, split
from tests.ingest.counting import count_parts


def cut(*blocks: Block, strategy: Strategy, limit: int = LIMIT) -> tuple[Cut, ...]:
    return split(Parsed("Guide", blocks), "doc", count_parts, limit=limit, strategy=strategy)


def words(number: int, *, of: str = "word") -> str:
    return " ".join(f"{of}{n}" for n in range(number))


# -- the setting -----------------------------------------------------------------------------------


def test_a_setting_names_a_strategy_and_a_size() -> None:
    assert read_cutting("auto") == Cutting()
    assert read_cutting("Tokens:128") == Cutting("tokens", 128)
    assert [str(read_cutting(text)) for text in ("auto", "auto:110", "rows")] == ["auto", "auto:110", "rows"]


@pytest.mark.parametrize("setting", ["", "paragraphs", "auto:", "auto:9", "auto:221", "tokens:many", "tokens:-50"])
def test_a_setting_that_cannot_be_used_is_refused(setting: str) -> None:
    with pytest.raises(SettingsError, match="no way to cut") as refused:
        read_cutting(setting)
    assert "headings" in refused.value.hint


def test_a_model_with_a_small_window_gets_smaller_chunks() -> None:
    assert Cutting().within(254) == Cutting()
    assert Cutting("sentences").within(126) == Cutting("sentences", 126)


def test_each_format_has_its_strategy_and_says_why() -> None:
    chosen = {kind.name: chosen_for(kind.name, Cutting()).strategy for kind in FORMATS.values()}
    assert chosen["markdown"] == chosen["html"] == chosen["pdf"] == chosen["docx"] == "headings"
    assert chosen["csv"] == chosen["jsonl"] == "rows"
    assert chosen["text"] == "sentences"
    assert chosen_for("csv", Cutting()).why == "csv: each row is a record of its own"
    assert chosen_for("csv", Cutting("tokens")).why == "set by CHUNKING or --chunking"


def test_formats_with_records_are_cut_by_rows() -> None:
    with_records = {kind.name for kind in FORMATS.values() if getattr(kind, "records", False)}
    assert {chosen_for(name, Cutting()).strategy for name in with_records} <= {"rows"}


def test_a_setting_cuts_again_only_what_it_would_cut_differently() -> None:
    assert chunker_id("markdown", Cutting("headings")) == chunker_id("markdown", Cutting())
    assert chunker_id("csv", Cutting("headings")) != chunker_id("csv", Cutting())
    assert len({chunker_id("markdown", Cutting(strategy)) for strategy in STRATEGIES}) == len(STRATEGIES)
    assert chunker_id("markdown", Cutting(None, 110)) == chunker_id("markdown", Cutting("headings", 110))
    assert library_chunker(Cutting()) == chunker_id("markdown", Cutting())
    assert library_chunker(Cutting("tokens", 64)).endswith("/tokens:64")


# -- what each does --------------------------------------------------------------------------------

BOOK = (
    Block("Owls hunt at night. They hear voles.", ("Birds", "Owls")),
    Block("Hawks hunt by day. They see voles.", ("Birds", "Hawks")),
    Block("Voles hide. They dig.", ("Voles",)),
)


def test_sentences_go_on_across_headings_and_name_them() -> None:
    (only,) = cut(*BOOK, strategy="sentences")
    assert only.chunk.section == ("Birds", "Owls")
    assert only.chunk.text == (
        "Owls hunt at night. They hear voles.\n\nHawks\n\nHawks hunt by day. They see voles."
        "\n\nVoles\n\nVoles hide. They dig."
    )


def test_a_chunk_of_sentences_carries_the_section_it_begins_in() -> None:
    long = [Block(" ".join(f"Line {n} of {name} is here." for n in range(20)), (name,)) for name in ("A", "B")]
    cuts = cut(*long, strategy="sentences", limit=90)
    assert [c.chunk.section for c in cuts][0] == ("A",)
    assert [c.chunk.section for c in cuts][-1] == ("B",)
    for made in cuts:
        first = made.chunk.text.split(".")[0]
        assert made.chunk.section[0] in first
        assert made.embedded.startswith(f"Guide\n{made.chunk.section[0]}\n")


def test_no_strategy_crosses_a_page() -> None:
    pages = (Block(words(70), page=1), Block(words(70, of="term"), page=2))
    for strategy in STRATEGIES:
        cuts = cut(*pages, strategy=strategy)
        assert {c.chunk.page for c in cuts} == {1, 2}
        assert all(("term" in c.chunk.text) == (c.chunk.page == 2) for c in cuts)


def test_fixed_tokens_fill_every_chunk_but_the_last_and_overlap() -> None:
    cuts = cut(Block(words(600)), strategy="tokens", limit=100)
    sizes = [c.chunk.tokens for c in cuts]
    assert min(sizes[:-1]) > 90
    for before, after in zip(cuts, cuts[1:], strict=False):
        assert after.chunk.text.split()[0] in before.chunk.text.split()
    prose = cut(Block("One two three four five six seven eight nine. " * 60), strategy="tokens", limit=64)
    assert any(not c.chunk.text.endswith(".") for c in prose), "it cuts wherever the limit falls"


def test_rows_stand_alone_and_table_rows_keep_their_header() -> None:
    table = markdown_table([["name", "tons"], *[[f"ship {n}", str(n)] for n in range(40)]])
    cuts = cut(Block("First words."), Block(table, kind="table"), Block("Last."), strategy="rows", limit=60)
    assert cuts[0].chunk.text == "First words."
    assert cuts[1].chunk.text == "| name | tons |\n|-|-|\n| ship 0 | 0 |"
    assert len(cuts) == 42


def test_a_long_definition_repeats_its_first_line() -> None:
    body = "\n".join(f"    total += weigh(cargo[{n}])" for n in range(60))
    code = f"@cached\ndef load(ship):\n{body}"
    cuts = cut(Block(code, ("Ship", "load"), kind="code"), strategy="definitions", limit=150)
    assert len(cuts) > 3
    assert cuts[0].chunk.text.startswith("@cached\ndef load(ship):\n    total")
    assert all("def load(ship):" in c.chunk.text.split("\n")[:2] for c in cuts)
    found = [line for c in cuts for line in c.chunk.text.split("\n") if "weigh" in line]
    assert found == body.split("\n"), "every line once, in order"


@settings(max_examples=60, deadline=None)
@given(
    strategy=st.sampled_from(STRATEGIES),
    limit=st.integers(40, 220),
    blocks=st.lists(
        st.tuples(
            st.text(alphabet="abc XYZ.\n|-äあ#", max_size=400),
            st.sampled_from([(), ("A",), ("A", "B"), ("C",)]),
            st.sampled_from([None, 1, 2]),
            st.sampled_from(["prose", "code", "table", "row"]),
        ),
        max_size=6,
    ),
)
def test_nothing_is_lost_and_nothing_is_too_long(
    strategy: Strategy, limit: int, blocks: list[tuple[str, tuple[str, ...], int | None, str]]
) -> None:
    given_blocks = [Block(text, section, page, kind) for text, section, page, kind in blocks if text.strip()]  # type: ignore[arg-type]
    cuts = cut(*given_blocks, strategy=strategy, limit=limit)
    assert all(c.chunk.tokens <= limit for c in cuts)
    assert [c.chunk.ordinal for c in cuts] == list(range(len(cuts)))
    letters = "".join(c.chunk.text for c in cuts)
    for block in given_blocks:
        for run in {word for word in block.text.split() if word.isalnum() and len(word) < 20}:
            assert run in letters
