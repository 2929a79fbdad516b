"""TOML, by the standard library's reader or its twin for Python 3.10."""

import re
import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TOMLDecodeError = tomllib.TOMLDecodeError
__all__ = ["TOMLDecodeError", "loads"]

_APART = re.compile(
    r'"""[\s\S]*?(?:"""|\Z)|"(?:[^"\\\n]|\\.)*"?'
    r"|'''[\s\S]*?(?:'''|\Z)|'[^'\n]*'?|#[^\n]*"
    r"""|[^.\n=,\[\]{}"'#]+"""
)
"""What stands between the dots of a name such as a.b.c: texts, comments and words."""
_MOST_DOTS = 64
"""Dots of a name: the reader takes a time with their square, minutes for a line of 200,000 characters."""


def loads(text: str) -> dict[str, Any]:
    """Return the table that a TOML text describes; a byte order mark before it, which editors leave, is passed over.

    Raises:
        TOMLDecodeError: it is no TOML, is nested too deeply, or has a number with thousands of digits or a name with as many dots.
    """
    if text.count(".") > _MOST_DOTS and "." * _MOST_DOTS in _APART.sub("", text):
        raise TOMLDecodeError(f"a name in it has more than {_MOST_DOTS} dots")
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise TOMLDecodeError("it is nested too deeply") from None
    except ValueError as error:
        raise TOMLDecodeError(str(error)) from None
