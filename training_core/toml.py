"""TOML, by the standard library's reader or its twin for Python 3.10."""

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TOMLDecodeError = tomllib.TOMLDecodeError
__all__ = ["TOMLDecodeError", "loads"]


def loads(text: str) -> dict[str, Any]:
    """Return the table that a TOML text describes; a byte order mark before it, which editors leave, is passed over.

    Raises:
        TOMLDecodeError: it is no TOML, is nested too deeply, or has a number with thousands of digits.
    """
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise TOMLDecodeError("it is nested too deeply") from None
    except ValueError as error:
        raise TOMLDecodeError(str(error)) from None
