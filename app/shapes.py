"""What is wrong with data from outside, in words for a person."""

from __future__ import annotations

from pydantic import ValidationError

_MOST = 3


def misshapen(error: Exception) -> str:
    """The first three faults that pydantic found on one line, each with its field; any other error in its own words.

    >>> from pydantic import TypeAdapter
    >>> try:
    ...     TypeAdapter(dict[str, int]).validate_python({"passages": "many"})
    ... except ValidationError as error:
    ...     misshapen(error)
    'passages: Input should be a valid integer, unable to parse string as an integer'
    """
    if not isinstance(error, ValidationError):
        return str(error)
    faults = error.errors(include_input=False, include_url=False)
    lines = [": ".join((".".join(map(str, fault["loc"])) or "all of it", fault["msg"])) for fault in faults[:_MOST]]
    return "; ".join(lines) + ("; and more" if len(faults) > _MOST else "")
