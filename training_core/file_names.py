"""Names of files and folders that every system takes, so that what one user names can be saved and opened by all (pure)."""

from __future__ import annotations

import re

from .errors import quoted

_BAD = re.compile(r'[<>:"|?*\x00-\x1f\ud800-\udfff]')
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])[ .]*(?:\..*)?", re.IGNORECASE | re.DOTALL
)
"""Names that mean a device on Windows, whatever ends them."""
_ENDING = re.compile(r"(?:\.safetensors)+$", re.IGNORECASE)


def plain(name: str) -> str:
    """Return the name that a user means by one with the ending of the file, or with blanks around it: `cat.safetensors` is `cat`."""
    return _ENDING.sub("", name.strip()).rstrip()


def trouble(name: str) -> str:
    """Return why a name, with or without folders in front, cannot be one on every system, in words that follow it; '' if it can."""
    if _BAD.search(name):
        return "has characters that file names cannot have"
    for part in re.split(r"[/\\]", name):
        if _DEVICE.fullmatch(part):
            return f"cannot be saved on Windows, where {quoted(part)} is a device: use another name"
        if part != part.rstrip(". ") and part not in (".", ".."):
            return f"cannot be saved on Windows, where no name ends with a dot or a space as {quoted(part)} does: leave it out"
    return ""
