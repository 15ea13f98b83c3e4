"""Prices of services, and what a use of one costs at them. Pure; `app.prices.read` reads them from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain import Charge, Usage

ANY = "any"
# what a price is for -> the unit of `Usage` it counts, and how many of them cost that much
UNITS: Mapping[str, tuple[str, int]] = {
    "million input tokens": ("input_tokens", 1_000_000),
    "million cached input tokens": ("cached_input_tokens", 1_000_000),
    "million output tokens": ("output_tokens", 1_000_000),
    "thousand searches": ("searches", 1_000),
}


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one `unit` (a key of UNITS, or "any" for a service that is free). `model` "*" is every model.

    `read`: the day (ISO) on which it was read at `page`; both may be "" for a price of one's own.
    """

    provider: str
    model: str
    unit: str
    usd: float
    read: str = ""
    page: str = ""

    def of(self, units: float) -> float:
        """What so many units of `Usage` cost."""
        return 0.0 if self.unit == ANY else units / UNITS[self.unit][1] * self.usd


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices of which an earlier one wins over a later. `label` says in words where they come from."""

    prices: tuple[Price, ...] = ()
    label: str = "no prices"

    def price(self, provider: str, model: str, counted: str) -> Price | None:
        """The price of what `Usage` counts as `counted`; None where there is none."""
        for price in self.prices:
            fits = price.unit == ANY or UNITS[price.unit][0] == counted
            if fits and price.provider == provider and price.model in (model, "*"):
                return price
        return None

    def charge(self, usage: Usage) -> Charge:
        """What a use costs. Every unit needs a price: there is no other model's and no other unit's in its place."""
        if usage.units is None:
            free = self.price(usage.provider, usage.model, "")
            return Charge(usage, 0.0, read=free.read) if free is not None else Charge(usage, None, _unsaid(usage))
        total, days, missing = 0.0, set[str](), []
        for counted, count in usage.units.items():
            if not count:
                continue
            price = self.price(usage.provider, usage.model, counted)
            if price is None:
                missing.append(counted)
            else:
                total += price.of(count)
                days.add(price.read)
        if missing:
            return Charge(usage, None, f"no price for {' and '.join(map(_words, missing))} of {_named(usage)}")
        return Charge(usage, total, read=min(days - {""}, default=""))


def _words(counted: str) -> str:
    return counted.replace("_", " ")


def _unsaid(usage: Usage) -> str:
    return f"{_named(usage)} did not report what it used"


def _named(usage: Usage) -> str:
    """`rerank-v3.5 (cohere)`."""
    return f"{usage.model} ({usage.provider})" if usage.model and usage.provider else usage.model or usage.provider
