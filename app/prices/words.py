"""Money as text, for pages and the command line. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.domain import Charge, total_usd

NOT_KNOWN = "not known"
HOW_TO_KNOW = "PRICE_FILE can name a file with prices of your own."


def dollars(usd: float | None) -> str:
    """Two digits that count, and cents at least.

    >>> dollars(0.0021), dollars(0.0000123), dollars(2.1), dollars(1234.5), dollars(0.0), dollars(None)
    ('$0.0021', '$0.000012', '$2.10', '$1,234.50', 'free', 'not known')
    """
    if usd is None:
        return NOT_KNOWN
    if usd == 0:
        return "free"
    places = 2 if usd >= 1 else max(2, 1 - math.floor(math.log10(usd)))
    return f"${usd:,.{places}f}"


def cost(charges: Sequence[Charge]) -> str:
    """`$0.0021`, `cost not known`; "" where no service took part."""
    if not charges:
        return ""
    usd = total_usd(charges)
    return "cost not known" if usd is None else dollars(usd)


def explained(charges: Sequence[Charge]) -> str:
    """Why a cost is not known and what would make it known, or of which day the prices are; "" without charges."""
    missing = list(dict.fromkeys(charge.why for charge in charges if charge.usd is None))
    if missing:
        return f"The cost is not known: {'; '.join(missing)}. {HOW_TO_KNOW}"
    days = [charge.read for charge in charges if charge.read]
    return f"At prices read on {min(days)}." if days else ""
