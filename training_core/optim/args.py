"""Parse optimizer_args in the form that sd-scripts takes: `weight_decay=0.05 betas=0.9,0.95`."""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any

from ..errors import AthanorError, quoted, shortened
from ..names import close_to

_LONGEST = 300
"""Characters of one value."""


def parse(text: str) -> dict[str, Any]:
    """Return the key=value pairs of a text, separated by white space; values are Python literals, lists are joined by commas.

    Raises:
        AthanorError: names the argument that is not key=value or whose value is no number, list or True / False.
    """
    result: dict[str, Any] = {}
    # White space after a comma or around '=' belongs to the value, so that pasted lists work.
    text = re.sub(r" ?([,=]) ?", r"\1", " ".join(text.split()))
    for part in (part.strip('"') for part in text.split()):
        key, sign, value = part.partition("=")
        if not sign or not key.isidentifier() or "=" in value:
            raise AthanorError(f"optimizer_args: {quoted(part)} is not of the form name=value.")
        try:
            if len(value) > _LONGEST:  # deeply nested brackets end Python itself
                raise ValueError
            result[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise AthanorError(
                f"optimizer_args: the value of {shortened(key)} is {quoted(value)}; it must be a number, numbers with commas, "
                "True or False."
            ) from None
    return result


def check(arguments: dict[str, Any], target: type) -> None:
    """Check that the constructor of class `target` takes every argument.

    Raises:
        AthanorError: names the unknown argument and the nearest known one.
    """
    parameters = inspect.signature(target.__init__).parameters.values()
    known = [p.name for p in parameters if p.name not in ("self", "params", "lr") and p.kind is not p.VAR_KEYWORD]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for name in arguments:
        if name == "lr":
            raise AthanorError("optimizer_args: lr is set by learning_rate; remove it here.")
        if name not in known and not open_ended:
            near = close_to(name, known)
            hint = f"did you mean {near[0]}?" if near else f"its arguments are {', '.join(known)}."
            raise AthanorError(f"optimizer_args: {target.__name__} has no argument {quoted(name)}; {hint}")
