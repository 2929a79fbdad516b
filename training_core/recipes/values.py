"""Values as other programs write them -> the kind that a setting has (pure)."""

from __future__ import annotations

import math
from typing import Any

from ..errors import AthanorError, quoted
from ..settings import SettingInfo

_ON = ("true", "yes", "on", "1")
_OFF = ("false", "no", "off", "0", "none", "null", "")


def switch(value: Any) -> bool:
    """Return a switch: True, 1, "true", "on", "yes" and their opposites.

    Raises:
        ValueError: it is none.
    """
    text = str(value).strip().lower()
    if text in _ON or value == 1:
        return True
    if text in _OFF or value == 0 or value is None:
        return False
    raise ValueError(f"{quoted(value)} is no switch: write true or false.")


def is_on(value: Any, *, unclear: bool = False) -> bool:
    """Return whether a switch is on; `unclear`: what a value counts as that is no switch."""
    try:
        return switch(value)
    except ValueError:
        return unclear


def number(value: Any) -> float:
    """Return a finite number, also from a text such as "1e-4" or "0,5".

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{quoted(value)} is no number.")
    text = str(value).strip().replace("_", "")
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{quoted(value)} is no number.")
    return found


def whole(value: Any) -> int:
    """Return a whole number, also from 16.0 or "16".

    Raises:
        ValueError: it is none.
    """
    found = number(value)
    if found != int(found):
        raise ValueError(f"{quoted(value)} is no whole number.")
    return int(found)


def number_format(value: Any, single: str) -> str:
    """Return "fp16" or "bf16" for what programs call so ("float16", "torch.bfloat16", "FLOAT_16"), `single` for float32: "no" where
    mixed_precision is meant, "float" where save_precision is; "" for other formats.
    """
    name = str(value).strip().lower().removeprefix("torch.").replace("_", "")
    found = {"fp16": "fp16", "float16": "fp16", "bf16": "bf16", "bfloat16": "bf16"}
    return found.get(name) or (single if name in ("fp32", "float32", "float", "tfloat32") else "")


def text(value: Any) -> str:
    """Return a text; of a list, its parts with commas between them; of nothing, the empty text."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(text(each) for each in value)
    if isinstance(value, float) and math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def fitted(setting: SettingInfo, value: Any) -> Any:
    """Return a value in the kind that a setting has; choices are found in upper or lower case.

    Raises:
        ValueError: it cannot be that kind.
    """
    if setting.kind == "bool":
        return switch(value)
    if setting.kind == "int":
        return whole(value)
    if setting.kind == "float":
        return number(value)
    found = text(value).strip() if setting.kind == "choice" else text(value)
    if setting.kind == "choice":
        found = setting.old_values.get(found, found)
        same = [choice for choice in setting.choices if choice.lower() == found.lower()]
        if not same:
            raise AthanorError(f"{quoted(found)} is not among {', '.join(setting.choices)}.")
        return same[0]
    return found
