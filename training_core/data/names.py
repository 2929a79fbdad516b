"""File names of pictures: the Unicode forms that file systems write them in, and the face boxes of sd-scripts."""

from __future__ import annotations

import re
import unicodedata

_BOX = re.compile(r"(.*)_(\d+)_(\d+)_(\d+)_(\d+)", re.DOTALL)


def normal(name: str) -> str:
    """Return a name in the form in which names are compared (NFC): macOS writes é as e and an accent (NFD), others as one."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def forms(name: str) -> list[str]:
    """Return the ways to write a name, as it is first: two file systems may disagree on them."""
    return list(dict.fromkeys((name, normal(name), unicodedata.normalize("NFD", name))))


def face_box(stem: str) -> tuple[str, tuple[int, int, int, int]] | None:
    """Return the name before the box, and the box (cx, cy, width, height in pixels), of a name by sd-scripts' detect_face_rotate.

    Such names end with _cx_cy_w_h; None for all others.
    """
    match = _BOX.fullmatch(stem)
    if not match:
        return None
    cx, cy, width, height = (int(number) for number in match.groups()[1:])
    return match[1], (cx, cy, width, height)
