"""Find the control pictures of each picture by their names: what an edit model is shown, where the picture is its answer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..wording import first_few, plural
from . import decode, names
from .dataset import Control
from .folders import all_folders, files_of
from .inspected import Inspections

_NUMBERED = [
    re.compile(pattern, re.DOTALL)
    for pattern in (r"(?P<name>.+)_(?P<number>[0-9]{1,9})", r"(?P<number>[0-9]{1,9})/(?P<name>.+)")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlNames:
    """Which files below a folder are control pictures of which pictures, by their names alone.

    'part/name.png' belongs to the dataset's 'part/name.jpg', or 'name.png' to that name anywhere. 'name_1', 'name_2', ... are
    several of one picture, in that order, behind 'name' if that is there too; counting from 0 and zeros in front are as good,
    and sub-folders that are numbers ('1/name', '2/name'), as other trainers take several folders. A file with
    the very name of a picture belongs to that one alone: of pictures 'cat' and 'cat_1', the control picture 'cat_1' is no
    second one of 'cat'.
    """

    of: dict[Path, list[Path]]  # of each picture, in the order in which the model is shown them
    unused: list[str]  # names below the folder of those without a picture
    double: list[str]  # of those that another one of the same name or number precedes
    others: list[str]  # in a format that is not read

    @classmethod
    def read(cls, root: Path, folder: Path, pictures: Sequence[Path]) -> ControlNames:
        """Read the names below `folder`.

        Args:
            root: folder of the dataset; where it lies below `folder`, its own pictures are no control pictures.
            pictures: its picture files.
        """
        entries = [path for inside in _folders(folder, root) for path in files_of(inside)]
        files = [path for path in entries if path.suffix.lower() in decode.SUFFIXES]
        of, double = _matched(root, folder, pictures, files)
        has_picture = {*double, *(path for paths in of.values() for path in paths)}
        return cls(
            of=of,
            unused=sorted(path.relative_to(folder).as_posix() for path in files if path not in has_picture),
            double=[path.name for path in double],
            others=[path.name for path in entries if path.suffix.lower() in decode.OTHER_SUFFIXES],
        )

    def warnings(self) -> Iterator[str]:
        """Yield a sentence on each kind of files in the folder that are not used."""
        for found, what in (
            (self.unused, "without a picture of that name"),
            (self.double, "of the same name or number as another one, not used"),
            (self.others, "in a format that is not read, convert to png or jpg"),
        ):
            if found:
                yield f"{plural(len(found), 'control picture')} {what}: {first_few(found)}."


def alone(pictures: Sequence[str]) -> str:
    """Return the sentence on pictures, by their names, that have no control picture; '' if there are none."""
    return f"{plural(len(pictures), 'picture')} without a control picture: {first_few(pictures)}." if pictures else ""


class ControlFiles:
    """The control pictures of a dataset; their files are looked into, those that have a picture."""

    def __init__(self, root: Path, folder: Path, pictures: Sequence[Path], inspections: Inspections) -> None:
        """Read names and files; the arguments are those of `ControlNames.read`."""
        self.names = ControlNames.read(root, folder, pictures)
        used = list(dict.fromkeys(path for paths in self.names.of.values() for path in paths))
        self._inspected = dict(zip(used, inspections.of(used), strict=True))

    def of(self, picture: Path) -> tuple[Control, ...] | str:
        """Return the control pictures of a picture in their order, none if it has none; or why one of them cannot be used."""
        found = []
        for path in self.names.of[picture]:
            inspected = self._inspected[path]
            if isinstance(inspected, str):
                return f"its control picture {path.name} cannot be read: {inspected}"
            found.append(Control(path, inspected.content, inspected.size))
        return tuple(found)


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
        for match in () if stem in owned else filter(None, (pattern.fullmatch(stem) for pattern in _NUMBERED)):
            numbered[match["name"]][int(match["number"])] += paths
    of, double = {}, dict[Path, None]()
    for picture, (full, short) in zip(pictures, keys, strict=True):
        key = full if full in by_stem or full in numbered else short
        same = [by_stem.get(key, []), *(paths for _, paths in sorted(numbered.get(key, {}).items()))]
        of[picture] = [paths[0] for paths in same if paths]
        double |= dict.fromkeys(path for paths in same for path in paths[1:])
    return of, list(double)
