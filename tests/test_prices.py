"""Prices and what a use costs at them, by hand; the list that ships; files of one's own; how uses are collected."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from app.domain import Charge, Usage, total_usd
from app.errors import ProviderNonsense, ProviderRateLimited, ProviderTimeout, SettingsError
from app.metering import billed, metered, paid_to, report
from app.prices.model import Price, PriceList
from app.prices.read import SHIPPED, price_list, read_prices
from app.prices.words import cost, dollars, explained

PRICES = PriceList(
    (
        Price("chats", "small", "million input tokens", 0.15, "2026-11-02"),
        Price("chats", "small", "million cached input tokens", 0.075, "2026-11-02"),
        Price("chats", "small", "million output tokens", 0.60, "2026-11-01"),
        Price("ranks", "best", "thousand searches", 2.00, "2026-11-03"),
        Price("127.0.0.1:8080", "*", "any", 0.0),
    )
)


# -- what a use costs ------------------------------------------------------------------------------


def test_tokens_by_hand() -> None:
    used = Usage("chats", "small", {"input_tokens": 2000, "cached_input_tokens": 1000, "output_tokens": 500})
    charge = PRICES.charge(used)
    # 2,000 x .15 + 1,000 x .075 + 500 x .60, a millionth each
    assert charge.usd == pytest.approx((300 + 75 + 300) / 1e6)
    assert (charge.read, charge.why) == ("2026-11-01", "")


def test_searches_by_hand() -> None:
    assert PRICES.charge(Usage("ranks", "best", {"searches": 3})).usd == pytest.approx(0.006)


@pytest.mark.parametrize(
    ("used", "why"),
    [
        (Usage("chats", "large", {"input_tokens": 1}), "no price for input tokens of large (chats)"),
        (Usage("others", "small", {"input_tokens": 1}), "no price for input tokens of small (others)"),
        (Usage("ranks", "best", {"searches": 1, "input_tokens": 9}), "no price for input tokens of best (ranks)"),
        (Usage("chats", "small", None), "small (chats) did not report what it used"),
        (Usage("", "scripted", None), "scripted did not report what it used"),
    ],
    ids=["model", "provider", "one unit of two", "not reported", "no provider"],
)
def test_what_is_not_known_is_said_and_never_guessed(used: Usage, why: str) -> None:
    charge = PRICES.charge(used)
    assert (charge.usd, charge.why) == (None, why)
    assert explained([charge]) == f"The cost is not known: {why}. PRICE_FILE can name a file with prices of your own."
    assert cost([charge]) == "cost not known"


def test_what_is_free_is_free_whatever_it_used() -> None:
    assert PRICES.charge(Usage("127.0.0.1:8080", "llama3.2", None)).usd == 0.0
    assert PRICES.charge(Usage("127.0.0.1:8080", "llama3.2", {"output_tokens": 1e6})).usd == 0.0
    assert PRICES.charge(Usage("unheard of", "any", {})).usd == 0.0  # refused: nothing was used
    assert PRICES.charge(Usage("chats", "small", {"searches": 0})).usd == 0.0


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    known, unknown = (Charge(Usage("a", "b", {}), usd) for usd in (0.25, None))
    assert total_usd([known, known]) == 0.5
    assert total_usd([known, unknown]) is None
    assert total_usd([]) == 0.0
    assert cost([known, known]) == "$0.50"
    assert (cost([]), explained([])) == ("", "")


@pytest.mark.parametrize(
    ("usd", "said"),
    [(0.0, "free"), (None, "not known"), (0.0021, "$0.0021"), (0.00206, "$0.0021"), (3.4e-7, "$0.00000034"),
     (0.1, "$0.10"), (0.999, "$1.00"), (12.5, "$12.50"), (1234.5, "$1,234.50")],
)  # fmt: skip
def test_dollars(usd: float | None, said: str) -> None:
    assert dollars(usd) == said


# -- the list that ships ---------------------------------------------------------------------------


def test_every_price_that_ships_says_where_and_when_it_was_read() -> None:
    prices = read_prices(SHIPPED)
    assert {"anthropic", "cohere", "openai", "voyage"} == {price.provider for price in prices}
    for price in prices:
        assert price.page.startswith("https://"), price
        assert date(2026, 1, 1) <= date.fromisoformat(price.read), price
        assert price.usd > 0, price
    assert len({(p.provider, p.model, p.unit) for p in prices}) == len(prices)


def test_a_chat_model_that_ships_has_all_prices_a_call_can_need() -> None:
    prices = price_list(None)
    sold = {(price.provider, price.model) for price in prices.prices if price.unit == "million output tokens"}
    assert {("openai", "gpt-4o-mini"), ("anthropic", "claude-opus-5"), ("cohere", "command-a-03-2025")} <= sold
    for provider, model in sold:
        cached = {} if provider == "cohere" else {"cached_input_tokens": 1}  # it bills them like others
        used = Usage(provider, model, {"input_tokens": 1, **cached, "output_tokens": 1})
        assert prices.charge(used).usd is not None, model


def test_the_default_chat_model_by_hand() -> None:
    # 1,000 x .15 + 100 x .60, a millionth each
    charge = price_list(None).charge(Usage("openai", "gpt-4o-mini", {"input_tokens": 1000, "output_tokens": 100}))
    assert charge.usd == pytest.approx(0.00021)
    assert explained([charge]) == f"At prices read on {charge.read}."


# -- a file of one's own ---------------------------------------------------------------------------


def row(**values: object) -> str:
    fields = {"provider": '"cohere"', "model": '"rerank-v3.5"', "unit": '"thousand searches"', "usd": 1.5, **values}
    return "[[price]]\n" + "".join(f"{key} = {value}\n" for key, value in fields.items() if value is not None)


def test_prices_of_ones_own_go_before_the_list(tmp_path: Path) -> None:
    file = tmp_path / "contract.toml"
    file.write_text(row() + row(provider='"box:8080"', model='"*"', unit='"any"', usd=0), encoding="utf-8")
    own = price_list(file)
    assert own.charge(Usage("cohere", "rerank-v3.5", {"searches": 1000})).usd == 1.5
    assert price_list(None).charge(Usage("cohere", "rerank-v3.5", {"searches": 1000})).usd == 2.0
    assert own.charge(Usage("box:8080", "qwen3", {"output_tokens": 5})).usd == 0.0
    assert own.charge(Usage("openai", "gpt-4o-mini", {"output_tokens": 1_000_000})).usd == 0.6  # still there
    assert own.label.startswith("your own prices (contract.toml, ")
    file.write_text(row(usd=1.6), encoding="utf-8")
    assert price_list(file).label != own.label  # another price, another label


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[price]]\nusd = 2,5\n", "line 2"),
        ("[price]\nusd = 2\n", "price, which is not a list"),
        ("[[prices]]\nusd = 2\n", "the key prices"),
        (row(usd=None), "price 1: usd is missing"),
        (row() + row(usd='"2"'), "price 2: usd is not a number"),
        (row(usd="true"), "usd is not a number"),
        (row(usd=-1), "usd is not a price"),
        (row(usd="nan"), "usd is not a price"),
        (row(unit='"searches"'), "unit is 'searches', not one of million input tokens"),
        (row(unit='"any"'), "unit may be any only where usd is 0"),
        (row(model=None), "model is missing"),
        (row(provider=7), "provider is not a text"),
        (row(read='"2026-11-21"'), "read is not a day"),
        (row(currency='"EUR"'), "currency is not a key of a price"),
    ],
)
def test_a_file_that_is_off_is_refused_and_the_place_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        price_list(file)
    assert named in caught.value.message
    assert "PRICE_FILE" in caught.value.message and caught.value.hint


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        price_list(tmp_path / "none.toml")


def test_the_example_in_the_handbook_can_be_used(tmp_path: Path) -> None:
    page = (SHIPPED.parent.parent.parent / "docs" / "hosted-rerankers.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    (tmp_path / "prices.toml").write_text(example, encoding="utf-8")
    assert len(read_prices(tmp_path / "prices.toml")) == len(tomllib.loads(example)["price"]) >= 2


# -- how uses are collected ------------------------------------------------------------------------


def test_uses_are_collected_inside_out() -> None:
    report(Usage("nobody", "listens", {}))
    with metered() as outer:
        report(Usage("a", "first", {}))
        with metered() as inner:
            report(Usage("b", "second", {}))
        assert [u.model for u in inner] == ["second"]
    assert [u.model for u in outer] == ["first", "second"]


def test_a_refused_call_used_nothing_and_an_unanswered_one_something_unknown() -> None:
    with metered() as used:
        for error in (ProviderRateLimited("429"), ProviderTimeout("late"), ProviderNonsense("html")):
            with pytest.raises(type(error)), billed("a", "b"):
                raise error
        with pytest.raises(ProviderNonsense), billed("a", "b") as bill:
            bill.units = {"searches": 1}  # charged for, and then of no use
            raise ProviderNonsense("two results for passage 0")
        with billed("a", "b") as bill:
            bill.units = {"searches": 2}
    assert [u.units for u in used] == [{}, None, None, {"searches": 1}, {"searches": 2}]


def test_whose_prices_apply() -> None:
    assert paid_to(None, "openai", "api.openai.com") == "openai"
    assert paid_to("https://api.openai.com/v1", "openai", "api.openai.com") == "openai"
    assert paid_to("https://eu.api.openai.com/v1", "openai", "api.openai.com") == "eu.api.openai.com"
    assert paid_to("http://127.0.0.1:11434/v1", "openai", "api.openai.com") == "127.0.0.1:11434"
