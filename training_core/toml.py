"""The standard library's TOML reader, or its twin for Python 3.10."""

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
    from tomllib import TOMLDecodeError
else:
    import tomli as tomllib
    from tomli import TOMLDecodeError

__all__ = ["TOMLDecodeError", "loads"]


def loads(text: str) -> dict[str, Any]:
    """Return the table that a TOML text describes.

    Raises:
        TOMLDecodeError: the text is not TOML, or it is nested more deeply than Python can follow.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise TOMLDecodeError("nested too deeply") from None
