"""Names of files and folders that every system takes, so that what one user names can be saved and opened by all (pure)."""

from __future__ import annotations

import re
import zlib

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


def safe(part: str, longest: int = 200) -> str:
    """Return one part of a path as a name that every system takes: what cannot be in it becomes '_', and one that is too long is cut.

    The ending stays, and two long names stay two: a checksum stands for what is cut off. '.' and '..' are no names: see the caller.

    Args:
        longest: most bytes of it in UTF-8.
    """
    name = _BAD.sub("_", part).rstrip(". ") or "_"
    if _DEVICE.fullmatch(name):
        name = f"_{name}"
    if len(name.encode()) <= longest:
        return name
    stem, dot, ending = name.rpartition(".")
    ending = f"{dot}{ending}" if stem and len(ending.encode()) <= 12 else ""
    kept = name.removesuffix(ending).encode()
    cut = kept[: longest - len(ending.encode()) - 9].decode("utf-8", "ignore").rstrip(". ")
    return f"{cut}-{zlib.crc32(kept):08x}{ending}"


def below(name: str) -> str:
    """Return a name, maybe with folders in front, as one that every system takes below a folder: of what would lie elsewhere, such
    as C:\\a\\b, /a/b or ../b, its last part, and without signs that file names cannot have."""
    parts = [part for part in re.split(r"[/\\]", name.strip()) if part]
    if name.startswith(("/", "\\", "~")) or ".." in parts or re.match(r"[A-Za-z]:[/\\]", name):
        parts = [part for part in parts if part not in (".", "..")][-1:]
    return "/".join(safe(part) for part in parts) if trouble("/".join(parts)) else "/".join(parts)
