"""plan.json of a comparison, read back: by then a disk, a hand or another version may have changed it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import AthanorError, quoted
from ..json_text import load_json
from . import virtual

_KEY = re.compile(r"[\w-]{1,80}")
_LARGEST = 100_000  # pixels of a side
_WHOLE = ("title", "axes", "cells", "order", "sizes", "parameters")
"""What a viewer and a grid need."""


def read_plan(folder: Path) -> dict[str, Any]:
    """plan.json of a comparison; of what `document.document` writes it may lack entries, but those that it has are of their kind.

    Raises:
        AthanorError: there is none, or it cannot be read.
    """
    path = folder / "plan.json"
    try:
        plan = load_json(path.read_bytes())
    except FileNotFoundError:
        raise AthanorError(f"{quoted(folder.name)} is not a comparison: {path} does not exist.") from None
    except OSError as error:
        raise AthanorError(f"{path} cannot be read ({error.strerror}); run XYZ Compare again.") from None
    except ValueError:
        raise AthanorError(f"{path} cannot be read (it is no JSON); run XYZ Compare again.") from None
    wrong = (
        [name for name, fits in _ENTRIES.items() if name in plan and not fits(plan[name])] if _is_object(plan) else []
    )
    if wrong or not _is_object(plan):
        what = f"damaged: {', '.join(wrong)}" if wrong else "it is no plan"
        raise AthanorError(f"{path} cannot be read ({what}); run XYZ Compare again.")
    return plan


def read_whole_plan(folder: Path) -> dict[str, Any]:
    """The same with all that a viewer and a grid need: each cell of each axis, with its size.

    Raises:
        AthanorError: there is none, or it cannot be read.
    """
    plan = read_plan(folder)
    lacking = [name for name in _WHOLE if name not in plan]
    keys = () if lacking else {*plan["cells"], *plan["order"]}
    if not lacking and (keys - plan["sizes"].keys() or keys - plan["parameters"].keys()):
        lacking = ["sizes or parameters of some cells"]
    if not lacking and math.prod(len(axis["values"]) for axis in plan["axes"]) != len(plan["cells"]):
        lacking = ["cells"]
    if lacking:
        raise AthanorError(f"{folder / 'plan.json'} lacks {', '.join(lacking)}; run XYZ Compare again.")
    return plan


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_key(value: object) -> bool:
    return isinstance(value, str) and bool(_KEY.fullmatch(value))


def _is_size(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(v) is int and 0 < v < _LARGEST for v in value)


def _is_axis(value: object) -> bool:
    if not isinstance(value, dict) or not _is_text(value.get("title")) or not _is_text(value.get("common", "")):
        return False
    values, names = value.get("values"), value.get("names", [])
    if not isinstance(values, list) or not isinstance(names, list):
        return False
    return all(map(_is_text, [*values, *names])) and (not names or len(names) == len(values))


def _list_of(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _by_key(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, dict) and all(_is_key(key) and fits(each) for key, each in value.items())


def _is_seeds(value: object) -> bool:
    entries = value.items() if isinstance(value, dict) else [("", None)]
    return all(re.fullmatch(r"[0-9]{1,9}", key) and type(seed) is int and 0 <= seed < 2**64 for key, seed in entries)


_ENTRIES: dict[str, Callable[[object], bool]] = {
    "title": _is_text,
    "axes": _list_of(_is_axis),
    "cells": _list_of(_is_key),
    "order": _list_of(_is_key),
    "sizes": _by_key(_is_size),
    "parameters": _by_key(lambda value: True),
    "loras": _by_key(_list_of(_is_text)),
    "seeds": _is_seeds,
    "family": _is_text,
    "virtual": virtual.is_kept,
}
"""Entries that readers use."""
