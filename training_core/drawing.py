"""Colours, fonts and line breaking for all drawn pictures: contact sheet, charts, reports and grids."""

from __future__ import annotations

import io
from bisect import bisect_right
from functools import lru_cache
from typing import Any, cast

from PIL import ImageFont

PAPER = (28, 28, 32)
INK = (232, 232, 236)
MUTED = (160, 160, 170)
LINE = (70, 70, 80)
ACCENT = (90, 200, 120)

_CJK_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "NotoSansSC-Regular.otf",
    "msyh.ttc",
    "simhei.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
)


# Pillow's text layout (Raqm) fails for these between two scripts: each ends a paragraph, and it lays out one.
_ENDS_PARAGRAPH = dict.fromkeys(map(ord, "\n\r\x1c\x1d\x1e\x85\u2029"), " ")


class _Font(ImageFont.FreeTypeFont):
    """A font that draws any text: a blank for a character that ends a paragraph."""

    def getmask2(self, text: str | bytes, *args: Any, **kwargs: Any) -> Any:
        return super().getmask2(_one_paragraph(text), *args, **kwargs)

    def getlength(self, text: str | bytes, *args: Any, **kwargs: Any) -> float:
        return super().getlength(_one_paragraph(text), *args, **kwargs)

    def getbbox(self, text: str | bytes, *args: Any, **kwargs: Any) -> tuple[float, float, float, float]:
        return super().getbbox(_one_paragraph(text), *args, **kwargs)


def _one_paragraph(text: str | bytes) -> str | bytes:
    return text.translate(_ENDS_PARAGRAPH) if isinstance(text, str) else text


@lru_cache
def font(size: int, cjk: bool = False) -> ImageFont.FreeTypeFont:
    """Return Pillow's own font at `size` pixels; with `cjk` a system font with Chinese characters, if one is installed."""
    if cjk:
        for name in _CJK_FONTS:
            try:
                return _Font(ImageFont.truetype(name, size).path, size)
            except OSError:
                continue
    # ImageFont.ImageFont (a bitmap font without sizes) only where Pillow was built without FreeType, which no wheel is.
    builtin = cast("ImageFont.FreeTypeFont", ImageFont.load_default(size))
    return _Font(io.BytesIO(builtin.font_bytes), size)


def lacks_font(text: str) -> bool:
    """Whether `text` has Chinese, Japanese or Korean characters and none of the fonts known for them is installed."""
    return _has_cjk(text) and font(12, cjk=True).getname() == font(12).getname()


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a font of `size` pixels that can show `text`."""
    return font(size, cjk=_has_cjk(text))


def _has_cjk(text: str) -> bool:
    return max(text, default="") > "\u2e7f"  # U+2E80 is where Unicode's East Asian blocks begin


def wrap(text: str, face: ImageFont.FreeTypeFont, width: int, lines: int) -> list[str]:
    """Break `text` into at most `lines` lines of `width` pixels; the last one is shortened in its middle if need be.

    Breaks after spaces and after , _ - . / (which divide file names), or anywhere if a word is too long for a line.
    Shortened is the middle, because file names end with what tells them apart: the epoch or step.
    """
    result: list[str] = []
    rest = text.strip()
    while rest and len(result) < lines:
        fit = fitting(rest, face, width)
        if fit == len(rest):
            return [*result, rest]
        if len(result) == lines - 1:
            return [*result, shorten(rest, face, width)]
        cut = max(1, fit)
        soft = max((rest.rfind(c, 0, cut) + 1 for c in " ,_-./"), default=0)
        cut = soft if soft > cut // 3 else _before_number(rest, cut)
        result.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return result


def fitting(text: str, face: ImageFont.FreeTypeFont, width: float) -> int:
    """Return how many characters of `text`, from its beginning, fit into `width` pixels.

    Measured is little more than what fits, so that a caption of thousands of characters costs no more than a short one.
    """
    high = min(len(text), 16)
    while high < len(text) and face.getlength(text[:high]) <= width:
        high = min(len(text), 2 * high)
    return bisect_right(range(high), width, key=lambda n: face.getlength(text[: n + 1]))


_RUN = 24
"""Characters by which whole numbers may make a shortened text shorter than it need be."""


def shorten(text: str, face: ImageFont.FreeTypeFont, width: int) -> str:
    """Return `text`, its middle replaced by an ellipsis if it is wider than `width` pixels.

    Numbers stay whole or are left out, as half a number would be a wrong one; the number at the end (of an epoch or
    step) stays as long as there is room for it.
    """
    if fitting(text, face, width) == len(text):
        return text
    number = len(text) - len(text.rstrip("0123456789"))

    def parts(length: int) -> tuple[str, str]:
        tail = max(length - length // 2, min(number, length))
        return text[: length - tail], text[len(text) - tail :]

    # The longest that fits as it is, then a little more, as leaving out half numbers makes it shorter again.
    longest = 16
    while longest < len(text) - 1 and face.getlength("…".join(parts(longest))) <= width:
        longest *= 2
    longest = min(longest, len(text) - 1)
    longest = bisect_right(range(1, longest + 1), width, key=lambda n: face.getlength("…".join(parts(n))))
    for length in range(min(longest + _RUN, len(text) - 1), 0, -1):
        start, end = parts(length)
        if start[-1:].isdigit() and text[len(start)].isdigit():
            start = start.rstrip("0123456789")
        if end[0].isdigit() and text[-len(end) - 1].isdigit() and len(end) > number:
            end = end.lstrip("0123456789")
        candidate = start.rstrip() + "…" + end.lstrip()
        if face.getlength(candidate) <= width:
            return candidate
    return "…"


def _before_number(text: str, cut: int) -> int:
    """Return `cut`, or the start of the number that a line break at `cut` would split, if that is not too near the start."""
    if not (text[cut - 1].isdigit() and text[cut : cut + 1].isdigit()):
        return cut
    start = len(text[:cut].rstrip("0123456789"))
    return start if start > cut // 3 else cut
