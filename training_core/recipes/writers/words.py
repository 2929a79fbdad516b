"""The options of a command while they are collected (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

Option = tuple[str, Sequence[str]]
"""Name of an option without its dashes, and its values; none: a switch."""
_UNITS = 2**53
_SMALL = 1e-3
"""Numbers below this one are written as 5e-4."""


class Words:
    """The options of a command while they are collected."""

    def __init__(self) -> None:
        """Begin without any option."""
        self.options: list[Option] = []

    def say(self, name: str, *values: Any) -> None:
        """Add an option with its values; without any, a switch."""
        self.options.append((name, [plain(value) for value in values]))

    def say_if(self, name: str, value: Any, default: Any) -> None:
        """Add an option whose value is not sd-scripts' default."""
        if value != default:
            self.say(name, value)

    def switch(self, name: str, on: bool) -> None:
        """Add a switch that is on."""
        if on:
            self.say(name)


def plain(value: Any) -> str:
    """Return a value as a command has it: 1e-4, 0.05, 1 and true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, float):
        return str(value)
    if value == int(value) and abs(value) < _UNITS:
        return str(int(value))
    text = repr(value)
    if abs(value) < _SMALL:
        mantissa, _, exponent = f"{value:.15e}".partition("e")
        short = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
        text = short if float(short) == value else text
    return re.sub(r"e([+-])0*(\d)", r"e\1\2", text).replace("e+", "e")
