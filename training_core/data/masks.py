"""Masks of pictures: files of the same name in another folder, and where they want the crop to look."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from . import decode
from .dataset import Mask, few, several

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Found:
    """A picture's mask and the middle of what it shows."""

    mask: Mask
    focus: Point | None


class Masks:
    """The mask files below a folder: 'part/name.png' for the dataset's 'part/name.jpg', or 'name.png' for all parts."""

    def __init__(
        self, root: Path, folder: Path, inspect_all: Callable[[list[Path]], list[decode.Inspected | str]]
    ) -> None:
        self._root, self._folder = root, folder
        files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in decode.SUFFIXES)
        self._seen = dict(zip(files, inspect_all(files), strict=True))
        self._by_stem = {p.relative_to(folder).with_suffix("").as_posix(): p for p in files}
        self._unused = {p.relative_to(folder).as_posix() for p in files}

    def of(self, picture: Path, size: tuple[int, int]) -> Found | str | None:
        """The mask of a picture of `size`, why it cannot be used, or None."""
        own = picture.relative_to(self._root).with_suffix("").as_posix()
        file = self._by_stem.get(own) or self._by_stem.get(picture.stem)
        if file is None:
            return None
        self._unused.discard(file.relative_to(self._folder).as_posix())
        seen = self._seen[file]
        if isinstance(seen, str):
            return f"its mask {file.name} cannot be read: {seen}"
        (w, h), (mw, mh) = size, seen.size
        if abs(mw / mh * h / w - 1) > 0.01:
            return f"its mask {file.name} is {mw}x{mh}, the picture {w}x{h}: a mask must have the picture's shape"
        return Found(Mask(file, seen.content, is_alpha=False), _middle(file, seen.content))

    def unused(self) -> Iterator[str]:
        """One sentence about masks without a picture."""
        if self._unused:
            yield f"{several(len(self._unused), 'mask')} without a picture of that name: {few(sorted(self._unused))}."


@lru_cache(maxsize=65536)
def _middle(file: Path, content: str) -> Point | None:
    """The middle of the box around what is white, as parts of width and height."""
    mask = decode.decode(file, "black").getchannel("R")
    box = mask.point([255 * (v > 127) for v in range(256)]).getbbox()
    return ((box[0] + box[2]) / 2 / mask.width, (box[1] + box[3]) / 2 / mask.height) if box else None


def box_in_name(stem: str, size: tuple[int, int]) -> Point | None:
    """The middle of the box that sd-scripts' face cropping writes into names: name_cx_cy_w_h, in pixels."""
    match = re.fullmatch(r".*_(\d+)_(\d+)_(\d+)_(\d+)", stem)
    if not match:
        return None
    cx, cy, width, height = map(int, match.groups())
    inside = 0 < cx <= size[0] and 0 < cy <= size[1] and width and height
    return (cx / size[0], cy / size[1]) if inside else None
