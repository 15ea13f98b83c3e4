"""Price lists from TOML files: the one that ships, and one of one's own over it."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from app.errors import SettingsError
from app.prices.model import ANY, UNITS, Price, PriceList

SHIPPED = Path(__file__).resolve().parent / "list.toml"
_TEXTS = ("provider", "model", "unit")
_KEYS = {*_TEXTS, "usd", "read", "page", "note"}
_FORM = "provider, model, unit and usd are needed, read (a day) and page may be given; see docs/hosted-rerankers.md."


def price_list(own: Path | None) -> PriceList:
    """The prices that ship, with those of the file `own` before them.

    Raises SettingsError, naming the line or the row and key, when that file cannot be used.
    """
    shipped = read_prices(SHIPPED)
    day = max(price.read for price in shipped)
    if own is None:
        return PriceList(shipped, f"list prices read on {day}")
    prices = read_prices(own)
    digest = hashlib.sha256(repr(prices).encode("utf-8")).hexdigest()[:8]
    return PriceList((*prices, *shipped), f"your own prices ({own.name}, {digest}), else list prices read on {day}")


def read_prices(path: Path) -> tuple[Price, ...]:
    """The rows of a file, in order. Raises SettingsError."""
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        raise SettingsError(
            f"PRICE_FILE {path} cannot be read: {error.strerror}.", hint="Correct PRICE_FILE in .env."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"PRICE_FILE {path} is not TOML: {error}.", hint=f"Correct that line in {path}.") from error
    rows = found.get("price", [])
    unknown = sorted(set(found) - {"price"})
    if unknown or not isinstance(rows, list):
        what = f"the key {unknown[0]}" if unknown else "price, which is not a list of tables"
        raise SettingsError(f"PRICE_FILE {path} has {what}.", hint="Begin each price with a line [[price]].")
    return tuple(_price(row, path, number) for number, row in enumerate(rows, 1))


def _price(row: object, path: Path, number: int) -> Price:
    def wrong(key: str, what: str) -> SettingsError:
        hint = f"Correct {key} in the {_ordinal(number)} [[price]] of {path}: {_FORM}"
        return SettingsError(f"PRICE_FILE {path}, price {number}: {key} {what}.", hint=hint)

    if not isinstance(row, Mapping):
        raise wrong("price", "is not a table")
    for key in row:
        if key not in _KEYS:
            raise wrong(str(key), "is not a key of a price")
    for key in _TEXTS:
        if not isinstance(row.get(key), str) or not str(row[key]).strip():
            raise wrong(key, "is missing" if key not in row else "is not a text")
    unit, usd = str(row["unit"]), row.get("usd")
    if unit not in UNITS and unit != ANY:
        raise wrong("unit", f"is {unit!r}, not one of {', '.join((*UNITS, ANY))}")
    if isinstance(usd, bool) or not isinstance(usd, int | float):
        raise wrong("usd", "is missing" if usd is None else "is not a number")
    if not math.isfinite(usd) or usd < 0:
        raise wrong("usd", "is not a price: it must be 0 or more")
    if unit == ANY and usd != 0:
        raise wrong("unit", "may be any only where usd is 0")
    day, page = row.get("read", ""), row.get("page", "")
    if not isinstance(day, date) and day != "":
        raise wrong("read", "is not a day such as 2026-11-21, without quotation marks")
    if not isinstance(page, str):
        raise wrong("page", "is not a text")
    return Price(
        provider=str(row["provider"]).strip(),
        model=str(row["model"]).strip(),
        unit=unit,
        usd=float(usd),
        read=day.isoformat()[:10] if isinstance(day, date) else "",
        page=page,
    )


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
