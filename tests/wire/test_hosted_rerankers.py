"""Every hosted reranker through its real client: what it asks, what it makes of the answer, and how it fails."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping

import pytest

from app.domain import Scale, Usage
from app.errors import (
    ProviderAuth,
    ProviderBroken,
    ProviderError,
    ProviderNonsense,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnreachable,
    SettingsError,
)
from app.metering import metered
from tests.passages import any_passages, each_scored_alike
from tests.wire.failing import any_failure, fails_as_it_should
from tests.wire.formats import KEY
from tests.wire.rerankers import INDEX_ROWS, PASSAGE_ROWS, ROWS, SERVICES, Row
from tests.wire.server import WireServer

each = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
each_service = pytest.mark.parametrize("row", SERVICES, ids=lambda row: row.name)
each_of_passages = pytest.mark.parametrize("row", PASSAGE_ROWS, ids=lambda row: row.name)


def raw(row: Row, server: WireServer, **settings: object) -> list[float | None]:
    return [score.raw for score in row.open(server, **settings).score(row.question, row.passages)]


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
@any_passages
def test_any_passages(server: WireServer, row: Row, passages: list[str]) -> None:
    each_scored_alike(row.open(server).score("name a planet", passages), passages)


@each
def test_a_score_of_zero_is_a_score(server: WireServer, row: Row) -> None:
    if row.scale is Scale.RANK_ONLY and row in INDEX_ROWS:
        pytest.skip("it gives an order, no score")
    server.play(row.posts_to, "zeros")
    assert raw(row, server) == [0.0] * len(row.passages)


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
@any_failure
def test_failures_are_ours(server: WireServer, row: Row, scenario: str) -> None:
    said = fails_as_it_should(
        server,
        row.posts_to,
        scenario,
        lambda seconds: raw(row, server, reranker_timeout=seconds),
        but={"501": ProviderRejected} if row.name.startswith("cohere") else None,  # its SDK has a class for it
    )
    asked = [r for r in server.requests if r.path == row.posts_to]
    assert len(asked) == 1 or type(said) in (ProviderRateLimited, ProviderBroken, ProviderUnreachable)


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
