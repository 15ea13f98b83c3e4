"""Every hosted reranker through its real client: what it asks, what it makes of the answer, and how it fails."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping

import pytest

from app.domain import Usage
from app.errors import (
    ProviderAuth,
    ProviderBroken,
    ProviderError,
    ProviderNonsense,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnreachable,
    SettingsError,
)
from app.metering import metered
from tests.wire.formats import KEY
from tests.wire.rerankers import PASSAGE_ROWS, ROWS, SERVICES, Row
from tests.wire.server import WireServer

each = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
each_service = pytest.mark.parametrize("row", SERVICES, ids=lambda row: row.name)
each_of_passages = pytest.mark.parametrize("row", PASSAGE_ROWS, ids=lambda row: row.name)


def raw(row: Row, server: WireServer, **settings: object) -> list[float | None]:
    return [score.raw for score in row.open(server, **settings).score(row.question, row.passages)]


# seconds, where the time runs out or is spent on asking again; the rest is over at once, however slow the machine
WAITED_FOR = {"timeout": 0.4, "drip": 0.4, "reset": 0.6, "429": 0.6}


# -- what it asks and answers ------------------------------------------------------------------------------------------


@each
def test_scores_come_back_in_the_order_asked(server: WireServer, row: Row) -> None:
    assert raw(row, server) == pytest.approx(row.scores)
    assert [r.path for r in server.requests if r.body is not None] == [row.posts_to]


@each_of_passages
def test_results_in_another_order_are_the_same(server: WireServer, row: Row) -> None:
    server.play(row.posts_to, "reversed")
    assert raw(row, server) == pytest.approx(row.scores)


@each
def test_what_it_says_of_itself(server: WireServer, row: Row) -> None:
    profile = row.open(server).profile
    assert (profile.scale, profile.pointwise, profile.fixed_weights) == (row.scale, row.pointwise, False)
    assert profile.id.provider == row.name.partition(":")[0]
    assert profile.id.model
    assert profile.label
    assert KEY not in repr(profile)


@each
def test_another_server_is_another_scorer(server: WireServer, row: Row) -> None:
    with WireServer() as other:
        ids = {str(row.open(place).profile.id) for place in (server, other)}
    assert len(ids) == (1 if row.name.startswith("tei") else 2)  # TEI names its weights by their hash


@each
def test_no_passages_ask_nothing(server: WireServer, row: Row) -> None:
    scorer = row.open(server)
    before = len(server.requests)
    assert scorer.score(row.question, []) == []
    assert len(server.requests) == before


@each
def test_what_it_used_is_told_as_the_service_tells_it(server: WireServer, row: Row) -> None:
    def used() -> list[Mapping[str, float] | None]:
        with metered() as found:
            raw(row, server)
        return [usage.units for usage in found if isinstance(usage, Usage)]

    assert used() == [row.billed]
    server.reports = False
    assert used() == [None]


# -- any passages ------------------------------------------------------------------------------------------------------


@each_of_passages
@pytest.mark.parametrize(
    "passages",
    [
        ["one planet"],
        ["nothing at all", "to do with it", "whatsoever"],
        ["the same planet"] * 20,
        ["", "   ", "planet", "\ud800"],
        ["planet " * 20_000, "planet"],
        ["火星は赤い惑星です", "Марс", "كوكب", "\U0001fa90 \x00 \ud7ff"],
    ],
    ids=["one", "all irrelevant", "twenty equal", "empty text", "very long", "not Latin"],
)
def test_any_passages(server: WireServer, row: Row, passages: list[str]) -> None:
    scores = [score.raw for score in row.open(server).score("name a planet", passages)]
    assert len(scores) == len(passages)
    for text in set(passages):
        same = {score for score, passage in zip(scores, passages, strict=True) if passage == text}
        assert len(same) == 1 and None not in same


@each_of_passages
@pytest.mark.parametrize("question", ["", "   ", "Какой\x00 планеты?", "word " * 3000])
def test_any_question(server: WireServer, row: Row, question: str) -> None:
    assert len(row.open(server).score(question, ["planet", "moon"])) == 2


@each_of_passages
def test_a_thousand_passages_are_split_where_each_is_judged_alone(server: WireServer, row: Row) -> None:
    scorer = row.open(server, reranker_timeout=30.0)
    passages = [f"{'red ' * (n % 2)}{'planet ' * (n % 3 > 0)}number {n}" for n in range(1000)]
    if not row.pointwise:
        with pytest.raises(ProviderRejected, match=f"at most {row.most} passages"):
            scorer.score(row.question, passages)
        assert not [r for r in server.requests if r.path == row.posts_to]
        return
    scores = [score.raw for score in scorer.score(row.question, passages)]
    assert len([r for r in server.requests if r.path == row.posts_to]) == -(-1000 // row.most)
    some = [0, 1, 2, 31, 32, 33, 99, 100, 101, 199, 200, 998, 999]
    together = scorer.score(row.question, [passages[at] for at in some])
    assert [scores[at] for at in some] == pytest.approx([score.raw for score in together])


@each_of_passages
def test_the_order_of_passages_changes_no_score(server: WireServer, row: Row) -> None:
    scorer = row.open(server)
    order = [2, 0, 1]
    first = scorer.score(row.question, row.passages)
    again = scorer.score(row.question, [row.passages[i] for i in order])
    if row.pointwise:
        assert again == [first[i] for i in order]


@each_of_passages
def test_a_passage_that_is_surely_cut_is_said_to_be(server: WireServer, row: Row) -> None:
    """By words alone: a text has no fewer tokens than words. Where the window is not known, nothing is claimed."""
    scorer = row.open(server)
    fitting, long = "planet", "planet " * (row.window + 1 if row.window else 20_000)
    cut = [score.truncated for score in scorer.score("planet", [fitting, long])]
    assert cut == [False, row.window > 0]


# -- failing -----------------------------------------------------------------------------------------------------------


@each_service
@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("400", ProviderRejected),
        ("401", ProviderAuth),
        ("403", ProviderAuth),
        ("404", ProviderRejected),
        ("408-after-60", ProviderTimeout),
        ("409-after-60", ProviderRejected),
        ("413", ProviderRejected),
        ("422", ProviderRejected),
        ("429", ProviderRateLimited),
        ("429-after-60", ProviderRateLimited),
        ("500-after-60", ProviderBroken),
        ("502-after-60", ProviderBroken),
        ("503-after-60", ProviderBroken),
        ("504-after-60", ProviderTimeout),
        ("timeout", ProviderTimeout),
        ("drip", ProviderTimeout),
        ("reset", ProviderUnreachable),
        ("redirect", ProviderNonsense),
        ("malformed", ProviderNonsense),
        ("html", ProviderNonsense),
        ("empty", ProviderNonsense),
        ("null", ProviderNonsense),
        ("error-inside", ProviderNonsense),
        ("not-an-object", ProviderNonsense),
    ],
)
def test_failures_are_ours(server: WireServer, row: Row, scenario: str, kind: type[ProviderError]) -> None:
    server.play(row.posts_to, *[scenario] * 3)
    started = time.monotonic()
    with pytest.raises(ProviderError) as caught:
        raw(row, server, reranker_timeout=WAITED_FOR.get(scenario, 5.0))
    assert type(caught.value) is kind
    assert caught.value.hint
    assert KEY not in caught.value.message + caught.value.hint
    assert time.monotonic() - started < 2.5


@each_service
def test_half_a_body_is_no_answer(server: WireServer, row: Row) -> None:
    server.play(row.posts_to, *["part"] * 3)
    with pytest.raises((ProviderUnreachable, ProviderNonsense)):
        raw(row, server, reranker_timeout=0.8)


@pytest.mark.parametrize(
    ("row", "scenario"),
    [(row, scenario) for row in ROWS for scenario in row.wrong],
    ids=lambda value: value.name if isinstance(value, Row) else value,
)
def test_a_wrong_answer_is_a_failure(server: WireServer, row: Row, scenario: str) -> None:
    server.play(row.posts_to, *[scenario] * 3)
    with pytest.raises(ProviderNonsense) as caught:
        raw(row, server)
    assert "answered with" in caught.value.message
    assert len([r for r in server.requests if r.path == row.posts_to]) == 1  # asking again would not mend it


@each_service
def test_a_short_outage_is_waited_out(server: WireServer, row: Row) -> None:
    server.play(row.posts_to, "503-after-0", "429-after-0.1")
    assert raw(row, server) == pytest.approx(row.scores)
    assert len([r for r in server.requests if r.path == row.posts_to]) == 3


@each_service
def test_a_wrong_key_is_named_and_not_shown(server: WireServer, row: Row) -> None:
    key = "another-key-abcdef"
    [setting] = [name for name, value in row.settings.items() if value == KEY]
    with pytest.raises(ProviderAuth) as caught:
        raw(row, server, **{setting: key})
    assert setting.upper() in caught.value.hint
    assert key not in caught.value.message + caught.value.hint


@each_service
def test_nobody_there(server: WireServer, row: Row) -> None:
    with pytest.raises(ProviderUnreachable, match="cannot be reached"):
        raw(row, server, **{row.url_setting: "http://127.0.0.1:9", "reranker_timeout": 0.8})


@each_service
@pytest.mark.parametrize("url", ["https://user:pass@example.org", "https://example.org/?key=abc", "ftp://example.org"])
def test_a_key_in_an_address_is_refused_and_not_repeated(server: WireServer, row: Row, url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        row.open(server, **{row.url_setting: url})
    assert row.url_setting.upper() in caught.value.message
    assert "pass" not in caught.value.message and "abc" not in caught.value.message


@each_service
@pytest.mark.parametrize("scenario", ["happy", "401", "500-after-0", "error-inside"])
def test_no_log_holds_a_key_or_a_passage(
    server: WireServer, row: Row, scenario: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.play(row.posts_to, *[scenario] * 3)
    with contextlib.suppress(ProviderError):
        raw(row, server)
    assert caplog.text  # httpx says that it asked
    assert KEY not in caplog.text and "Jupiter" not in caplog.text
