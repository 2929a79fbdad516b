"""Read text files that users hand in, in the encodings that editors and other programs write."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .errors import AthanorError

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path) -> str:
    """Return the content of a text file: UTF-8 with or without byte order mark, or UTF-16 with one.

    Raises:
        AthanorError: the file cannot be opened, or is in another encoding; the message names the file and the likely one.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL character
        raise AthanorError(f"{path.name[:100]} cannot be read ({getattr(error, 'strerror', None) or error}).") from None
    return decoded(data, path.name)


def decoded(data: bytes, name: str) -> str:
    """Return bytes as text, without a byte order mark; `name` is what the message of a failure calls them.

    Raises:
        AthanorError: they are neither UTF-8 nor UTF-16 with a byte order mark, or they are no text.
    """
    wide = data[:2] in _UTF16
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        if not wide and b"\0" in data:
            raise AthanorError(f"{name} is not text: choose a text file.") from None
        likely = "is UTF-16 that was cut off" if wide else f"looks like {_guess(data)}"
        raise AthanorError(f"{name} is not UTF-8 text (it {likely}); save it as UTF-8.") from None
    if "\0" in text:
        raise AthanorError(f"{name} is not text, or it is UTF-16 without a byte order mark; save it as UTF-8.")
    return text


def lines(text: str) -> list[str]:
    r"""Return the lines of a text; only \n, \r\n and \r end one, not U+2028 and its kin as in `str.splitlines`."""
    found = re.split(r"\r\n|\r|\n", text)
    return found if found[-1] else found[:-1]


def read_structure(path: Path) -> Any:
    """Return what a .json or .toml file holds.

    Raises:
        AthanorError: the file cannot be read as text, or not as JSON or TOML; the message names it and the place.
    """
    from . import toml  # not when ComfyUI starts, which imports this file

    text, kind = read_text(path), path.suffix[1:].upper()
    try:
        # Not json_text.load_json: NaN is told here, and not taken for null.
        return toml.loads(text) if kind == "TOML" else json.loads(text)
    except RecursionError:
        raise AthanorError(f"{path.name} is nested too deeply to be read.") from None
    except ValueError as error:
        raise AthanorError(f"{path.name} is not valid {kind} ({str(error)[:200].rstrip('.')}).") from None


def whole_characters(text: str) -> str:
    """Return `text` with halves of characters, which JSON can name and no file can hold, joined or as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _guess(data: bytes) -> str:
    """Return the likely encoding of bytes that are not UTF-8.

    East Asian encodings write a character as a high byte and one that mostly is high too; Western ones have single high
    bytes (é, ü) between ASCII letters. 1.5 high bytes per pair tells them apart.
    """
    pairs = len(re.findall(rb"[\x81-\xfe][\x40-\xfe]", data))
    if pairs and len(re.findall(rb"[\x80-\xff]", data)) >= 1.5 * pairs:
        for encoding, name in (("shift_jis", "Shift-JIS"), ("gb18030", "GBK"), ("big5", "Big5")):
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError:
                continue
            if encoding != "shift_jis" or re.search(r"[\u3041-\u30fe]", text):
                return name
    return "Windows-1252"


def one_line(text: str) -> str:
    """Return a sentence that quotes names with every character that a line of text cannot show, as names may have them, as U+FFFD."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "\ufffd", whole_characters(text))
