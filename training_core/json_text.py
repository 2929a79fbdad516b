"""JSON text of any origin: what is none, or is nested without end, is an error that its reader expects."""

from __future__ import annotations

import json
import math
from typing import Any

MOST_NESTED = 200
"""Levels of lists and objects in each other: what is deeper was made to be, and Python's own functions give up on it."""
_JSON = json.JSONDecoder(parse_constant=lambda _: None)


def load_json(data: str | bytes) -> Any:
    """Return the value of a JSON text.

    NaN and Infinity, which JSON does not have, become None. Texts may hold half a character (a lone surrogate), as names of
    files that are no UTF-8 do: whoever writes one as UTF-8 replaces it.

    Raises:
        ValueError: it is no JSON, not in UTF-8, or nested deeper than MOST_NESTED.
    """
    text = data if isinstance(data, str) else data.decode("utf-8-sig")
    try:
        value = _JSON.decode(text)
    except RecursionError:
        value = None
    else:
        if text.count("[") + text.count("{") <= MOST_NESTED or _is_shallow(value):
            return value
    raise ValueError(f"it is nested deeper than {MOST_NESTED} levels")


def parse_json(data: str | bytes) -> Any:
    """Return the same; None if it is no JSON."""
    try:
        return load_json(data)
    except ValueError:
        return None


def finite(value: Any) -> Any:
    """Return `value` with NaN and infinity as None: JSON has no words for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_NESTED):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list))]
        level = [child for children in inner for child in children]
        if not level:
            return True
    return False


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list, without whatever else it holds; none of what is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
