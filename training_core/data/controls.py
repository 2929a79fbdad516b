"""Find the control pictures of each picture by their names: what an edit model is shown, where the picture is its answer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..wording import first_few, plural
from . import decode, names
from .dataset import Control
from .folders import all_folders, files_of
from .inspected import Inspections

_NUMBERED = re.compile(r"(.+)_([0-9]{1,9})", re.DOTALL)


class Controls:
    """The control pictures below a folder: 'part/name.png' for the dataset's 'part/name.jpg', or 'name.png' for that name anywhere.

    'name_1', 'name_2', ... are several of one picture, in that order, behind 'name' if that is there too; counting from 0 and
    zeros in front are as good. A file with the very name of a picture belongs to that one alone: of pictures 'cat' and 'cat_1',
    the control picture 'cat_1' is no second one of 'cat'.
    """

    def __init__(self, root: Path, folder: Path, pictures: Sequence[Path], inspections: Inspections) -> None:
        """Look at the names below `folder`, and into the files that have a picture.

        Args:
            root: folder of the dataset; where it lies below `folder`, its own pictures are no control pictures.
            pictures: its picture files.
        """
        entries = [path for inside in _folders(folder, root) for path in files_of(inside)]
        files = [path for path in entries if path.suffix.lower() in decode.SUFFIXES]
        self._others = [path.name for path in entries if path.suffix.lower() in decode.OTHER_SUFFIXES]
        self._of, self._double = _matched(root, folder, pictures, files)
        used = list(dict.fromkeys(path for paths in self._of.values() for path in paths))
        self._inspected = dict(zip(used, inspections.of(used), strict=True))
        has_picture = {*used, *self._double}
        self._unused = [path.relative_to(folder).as_posix() for path in files if path not in has_picture]

    def of(self, picture: Path) -> tuple[Control, ...] | str:
        """Return the control pictures of a picture in their order, none if it has none; or why one of them cannot be used."""
        found = []
        for path in self._of[picture]:
            inspected = self._inspected[path]
            if isinstance(inspected, str):
                return f"its control picture {path.name} cannot be read: {inspected}"
            found.append(Control(path, inspected.content, inspected.size))
        return tuple(found)

    def warnings(self) -> Iterator[str]:
        """Yield a sentence on each kind of files in the folder that are not used."""
        if self._unused:
            count = plural(len(self._unused), "control picture")
            yield f"{count} without a picture of that name: {first_few(sorted(self._unused))}."
        if self._double:
            count, shown = plural(len(self._double), "control picture"), first_few([path.name for path in self._double])
            yield f"{count} of the same name or number as another one, not used: {shown}."
        if self._others:
            count = plural(len(self._others), "control picture")
            yield f"{count} in a format that is not read, convert to png or jpg: {first_few(self._others)}."


def _folders(folder: Path, root: Path) -> list[Path]:
    """Return the folders of control pictures, without those of the dataset if it lies among them."""
    found = all_folders(folder)
    return [path for path in found if not path.is_relative_to(root)] if root.is_relative_to(folder) else found


def _matched(
    root: Path, folder: Path, pictures: Sequence[Path], files: Sequence[Path]
) -> tuple[dict[Path, list[Path]], list[Path]]:
    """Return the control files of each picture in their order, and those that another of the same name or number precedes."""
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(files):
        by_stem[names.normal(path.relative_to(folder).with_suffix("").as_posix())].append(path)
    keys = [(names.normal(p.relative_to(root).with_suffix("").as_posix()), names.normal(p.stem)) for p in pictures]
    owned = {full if full in by_stem else short for full, short in keys}
    numbered: dict[str, dict[int, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for stem, paths in by_stem.items():
        match = None if stem in owned else _NUMBERED.fullmatch(stem)
        if match:
            numbered[match[1]][int(match[2])] += paths
    of, double = {}, dict[Path, None]()
    for picture, (full, short) in zip(pictures, keys, strict=True):
        key = full if full in by_stem or full in numbered else short
        same = [by_stem.get(key, []), *(paths for _, paths in sorted(numbered.get(key, {}).items()))]
        of[picture] = [paths[0] for paths in same if paths]
        double |= dict.fromkeys(path for paths in same for path in paths[1:])
    return of, list(double)
