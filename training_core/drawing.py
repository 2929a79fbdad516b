"""Small helpers for pictures with text: the contact sheet, the loss curve and the grid share them."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import cast

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


@lru_cache
def font(size: int, cjk: bool = False) -> ImageFont.FreeTypeFont:
    """Pillow's own font, or a system font with Chinese characters where there is one."""
    if cjk:
        for name in _CJK_FONTS:
            try:
                return ImageFont.truetype(name, size)
            except OSError:
                continue
    # A font of its own only where Pillow was built without FreeType, which no wheel is.
    return cast("ImageFont.FreeTypeFont", ImageFont.load_default(size))


def lacks_font(text: str) -> bool:
    """Whether `text` has Chinese, Japanese or Korean characters and this machine no font for them."""
    return any(ord(c) > 0x2E7F for c in text) and font(12, cjk=True).getname() == font(12).getname()


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont:
    """A font that can show `text`."""
    return font(size, cjk=any(ord(c) > 0x2E7F for c in text))


def wrap(text: str, face: ImageFont.FreeTypeFont, width: int, lines: int) -> list[str]:
    """Break `text` into at most `lines` lines of `width` pixels; what does not fit is cut in the middle.

    Breaks after spaces and the characters of file names, or anywhere if a word alone is too long, so that the
    end (where the epoch number stands) survives.
    """
    result: list[str] = []
    rest = text.strip()
    while rest and len(result) < lines:
        if face.getlength(rest) <= width:
            return [*result, rest]
        if len(result) == lines - 1:
            return [*result, shorten(rest, face, width)]
        cut = max(1, bisect_right(range(len(rest)), width, key=lambda n: face.getlength(rest[: n + 1])))
        soft = max((rest.rfind(c, 0, cut) + 1 for c in " ,_-./"), default=0)
        cut = soft if soft > cut // 3 else _before_number(rest, cut)
        result.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return result


def shorten(text: str, face: ImageFont.FreeTypeFont, width: int) -> str:
    """`text` with its middle replaced by an ellipsis until it is at most `width` pixels wide.

    Half a number is a wrong number: numbers stay whole or go, and the last one stays as long as there is room.
    """
    if face.getlength(text) <= width:
        return text
    number = len(text) - len(text.rstrip("0123456789"))
    for keep in range(len(text) - 1, 0, -1):
        tail = max(keep - keep // 2, min(number, keep))
        start, end = text[: keep - tail], text[len(text) - tail :]
        if start[-1:].isdigit() and text[len(start)].isdigit():
            start = start.rstrip("0123456789")
        if end[0].isdigit() and text[-tail - 1].isdigit() and tail > number:
            end = end.lstrip("0123456789")
        candidate = start.rstrip() + "…" + end.lstrip()
        if face.getlength(candidate) <= width:
            return candidate
    return "…"


def _before_number(text: str, cut: int) -> int:
    """`cut`, or where the number begins that it would cut in two (unless the number is all there is)."""
    if not (text[cut - 1].isdigit() and text[cut : cut + 1].isdigit()):
        return cut
    start = len(text[:cut].rstrip("0123456789"))
    return start if start > cut // 3 else cut
