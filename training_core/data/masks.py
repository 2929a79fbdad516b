"""Find the mask of each picture, and the point that its crop should be centred on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..wording import first_few, plural
from . import decode, names
from .dataset import Mask
from .folders import all_folders
from .inspected import Inspections

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class MaskMatch:
    """A picture's mask, and the point that its crop should be centred on."""

    mask: Mask
    focus: Point | None  # (x, y) as fractions of width and height; None: the mask says nothing about it


class Masks:
    """The mask files below a folder: 'part/name.png' for the dataset's 'part/name.jpg', or 'name.png' for that name anywhere."""

    def __init__(self, root: Path, folder: Path, inspections: Inspections) -> None:
        self._root, self._folder = root, folder
        entries = sorted(path for inside in all_folders(folder) for path in inside.iterdir())
        files = [path for path in entries if path.suffix.lower() in decode.SUFFIXES and path.is_file()]
        self._inspected = dict(zip(files, inspections.of(files, inspect_mask), strict=True))
        self._by_stem = {names.normal(p.relative_to(folder).with_suffix("").as_posix()): p for p in files}
        self._unused = {p.relative_to(folder).as_posix() for p in files}

    def of(self, picture: Path, size: tuple[int, int]) -> MaskMatch | str | None:
        """Return the mask of a picture of `size` (width, height), the reason why it cannot be used, or None if there is none."""
        stem = names.normal(picture.relative_to(self._root).with_suffix("").as_posix())
        file = self._by_stem.get(stem) or self._by_stem.get(names.normal(picture.stem))
        if file is None:
            return None
        self._unused.discard(file.relative_to(self._folder).as_posix())
        inspected = self._inspected[file]
        if isinstance(inspected, str):
            return f"its mask {file.name} cannot be read: {inspected}"
        (w, h), (mw, mh) = size, inspected.size
        if abs(mw / mh * h / w - 1) > 0.01:  # 1 % leaves room for sizes rounded while resizing
            return f"its mask {file.name} is {mw}x{mh}, the picture {w}x{h}: a mask must have the aspect ratio of its picture"
        return MaskMatch(Mask(file, inspected.content, is_alpha=False), inspected.middle)

    def unused(self) -> Iterator[str]:
        """Yield a warning about masks without a picture, if there are any."""
        if self._unused:
            yield f"{plural(len(self._unused), 'mask')} without a picture of that name: {first_few(sorted(self._unused))}."


def inspect_mask(file: Path) -> decode.Inspected:
    """Inspect a mask file, and find the middle of the box around its white area; None if it is all black.

    Raises:
        UnreadablePicture: the file cannot be read; the message says why.
    """
    found, mask = decode.inspect(file), decode.decode(file, "black").getchannel("R")
    box = mask.point([255 * (v > 127) for v in range(256)]).getbbox()
    return replace(
        found, middle=((box[0] + box[2]) / 2 / mask.width, (box[1] + box[3]) / 2 / mask.height) if box else None
    )


def box_in_name(stem: str, size: tuple[int, int]) -> Point | None:
    """Return the face's middle as fractions of width and height, from a file name by sd-scripts' detect_face_rotate.

    Such names end with _cx_cy_w_h, in pixels of the picture of `size` (width, height). None for all other names.
    """
    found = names.face_box(stem)
    if not found:
        return None
    cx, cy, width, height = found[1]
    inside = 0 < cx <= size[0] and 0 < cy <= size[1] and width and height
    return (cx / size[0], cy / size[1]) if inside else None
