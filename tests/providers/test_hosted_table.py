"""Hosted rerankers as the page offers them, and the pure parts of their adapters."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from app.errors import ProviderAuth, SettingsError, SluiceError
from app.providers.reranking import registry
from app.providers.reranking.hosted.answer import OffAnswer, Row, found_of, one_each
from app.providers.reranking.hosted.limits import Limits, sendable
from app.providers.reranking.hosted.table import HOSTED, Hosted
from app.settings import Settings, load_settings

ROOT = Path(__file__).parent.parent.parent
SET = {"_api_key": "test-key-0123456789", "_base_url": "http://127.0.0.1:9", "_project": "planets-1"}
rows = pytest.mark.parametrize("row", HOSTED, ids=lambda row: row.name)


def with_setting(name: str) -> Settings:
    return load_settings(**{name: next(value for ending, value in SET.items() if name.endswith(ending))})


@rows
def test_it_is_offered_once_its_key_or_address_is_set_and_nothing_is_asked(row: Hosted) -> None:
    for name in row.needs:
        settings = with_setting(name)
        here = {choice.name: choice for choice in registry.choices(settings)}
        offered = [f"{row.name}:{model}" if model else row.name for model in row.offers]
        assert set(offered) <= set(here)
        assert all(here[choice].available and here[choice].label for choice in offered)
    bare = {choice.name for choice in registry.choices(load_settings())}
    assert not any(name.partition(":")[0] == row.name for name in bare)


@rows
def test_what_is_missing_is_named(row: Hosted) -> None:
    model = row.offers[0] if row.offers else "manuals"
    name = f"{row.name}:{model}" if model else row.name
    kind = ProviderAuth if row.needs[0].endswith("_key") else SettingsError
    with pytest.raises(kind) as caught:
        registry.open_scorer(name, load_settings())
    assert row.needs[0].upper() in caught.value.hint
    [choice] = [c for c in registry.choices(load_settings(reranker=name)) if c.name == name]
    assert not choice.available and row.needs[0].upper() in str(choice.reason)


@rows
def test_the_page_on_hosted_rerankers_has_its_lines(row: Hosted) -> None:
    page = (ROOT / "docs" / "hosted-rerankers.md").read_text(encoding="utf-8")
    assert f"RERANKER={row.name}" in page
    assert all(f"{name.upper()}=" in page for name in row.needs[:1])


@pytest.mark.parametrize("name", ["voyage", "voyage:", "azure-search", "databricks:"])
def test_a_name_that_needs_a_model_is_refused_without_one(name: str) -> None:
    settings = load_settings(voyage_api_key="k", azure_search_base_url="http://a", databricks_base_url="http://b")
    with pytest.raises(SettingsError, match="names no reranker"):
        registry.open_scorer(name, settings)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"azure_search_base_url": "http://a"}, "azure-search:../../secrets"),
        ({"azure_search_base_url": "http://a", "azure_search_row_key": "id eq 1"}, "azure-search:manuals"),
        ({"databricks_base_url": "http://b"}, "databricks:only.two"),
        ({"databricks_base_url": "http://b", "databricks_columns": " , "}, "databricks:a.b.c"),
        ({"vertex_project": "../x", "vertex_access_token": "t"}, "vertex:semantic-ranker-default-004"),
        ({"vertex_project": "p", "vertex_location": "eu/../us"}, "vertex:semantic-ranker-default-004"),
    ],
)
def test_a_name_that_would_become_another_path_is_refused(settings: dict[str, object], name: str) -> None:
    with pytest.raises(SettingsError):
        registry.open_scorer(name, load_settings(**settings))


def test_google_credentials_that_are_missing_are_said_when_asked(tmp_path: Path) -> None:
    given = {"vertex_project": "planets-1", "vertex_base_url": "http://127.0.0.1:9"}
    scorer = registry.open_scorer("vertex:semantic-ranker-default-004", load_settings(**given))
    with pytest.raises(SluiceError) as caught:
        scorer.score("q", ["p"])
    assert "VERTEX_ACCESS_TOKEN" in caught.value.hint


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([(0, 0.1)], "1 results for 2 passages"),
        ([], "0 results"),
        ([(0, 0.1), (1, 0.2), (1, 0.3)], "two results for passage 1"),
        ([(0, 0.1), (2, 0.2)], "passage 2 of 2"),
        ([(0, 0.1), (True, 0.2)], "passage True"),
        ([(0, 0.1), (1.0, 0.2)], "passage 1.0"),
        ([(0, 0.1), (1, math.nan)], "nan"),
        ([(0, 0.1), (1, -math.inf)], "inf"),
        ([(0, 0.1), (1, 10**400)], "the score"),
        ([(0, 0.1), (1, 1.001)], "between 0 and 1"),
        ([(0, 0.1), (1, "0.2")], "the score '0.2'"),
        ([(0, 0.1), (1, "x" * 500)], "…"),
    ],
)
def test_what_does_not_fit_is_off(found: list[Row], words: str) -> None:
    with pytest.raises(OffAnswer, match=words) as caught:
        one_each(found, 2, 0.0, 1.0)
    assert len(str(caught.value)) < 80


def test_what_rounding_put_outside_is_moved_back() -> None:
    assert one_each([(1, 1.0000001), (0, -0.0000001)], 2, 0.0, 1.0) == [0.0, 1.0]
    assert one_each([(0, -9.5)], 1) == [-9.5]


def test_rows_of_an_index_may_be_missing_but_not_invented() -> None:
    assert found_of([("b", 2), ("a", None)], ["a", "b", "c"], 0.0, 4.0) == [None, 2.0, None]
    assert found_of([(7.0, 2), (8, 1)], ["8", "7"]) == [1.0, 2.0]  # some servers write 7 as 7.0
    for off in ([("d", 1.0)], [("a", 1.0), ("a", 2.0)], [("a", 4.5)], [("a", "2")]):
        with pytest.raises(OffAnswer):
            found_of(off, ["a", "b"], 0.0, 4.0)


# -- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        (Limits(), [5]),
        (Limits(documents=2), [2, 2, 1]),
        (Limits(total=10), [2, 2, 1]),  # the question counts once a passage: 1 byte, and 4 of the passage
        (Limits(total=10, window=2), [3, 2]),  # no more than the window counts of a passage: 1 + 2 each
        (Limits(total=1), [1, 1, 1, 1, 1]),  # what fits nowhere goes alone: the service may still take it
        (Limits(size=13), [2, 2, 1]),  # with its quotation marks
    ],
)
def test_batches_keep_the_order_and_to_every_limit(limits: Limits, sizes: list[int]) -> None:
    passages = [f"p{n}#!" for n in range(5)]
    found = list(limits.batches("q", passages))
    assert [p for batch in found for p in batch] == passages
    assert [len(batch) for batch in found] == sizes


def test_a_cut_is_claimed_only_where_words_prove_it() -> None:
    assert Limits(window=5).surely_cut("a b", "c d e f") and not Limits(window=6).surely_cut("a b", "c d e f")
    assert Limits(document=3).surely_cut("", "c d e f")
    assert not Limits().surely_cut("a", "b " * 100_000)


@pytest.mark.parametrize(("text", "sent"), [("", "-"), (" \n", "-"), ("a\ud800", "a?"), ("\x00ü", "\x00ü")])
def test_what_is_sent_can_be_sent(text: str, sent: str) -> None:
    assert sendable(text) == sent
