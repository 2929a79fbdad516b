"""Files that come from a browser or a script into a dataset folder: which are taken, under which names, and their place."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Literal

from .. import file_names
from ..byte_size import MB, format_bytes
from ..errors import AthanorError, quoted
from ..files import file_errors
from ..pictures import UnreadablePicture, opened
from ..text_files import decoded
from . import decode, names
from .dataset import BACKUPS

CAPTIONS = frozenset({".txt", ".caption"})
MOST_FILES = 20_000
"""Files of one upload."""
LARGEST_CAPTION = MB
"""Bytes of a caption file."""
HIDDEN = "hidden"
"""Why files such as .DS_Store, and backups of captions, are left out; a page need not say it."""
DEEPEST = 6
"""Folders that lie in each other below the dataset's."""
SPARE = 256 * MB
"""Bytes of the disk that an upload leaves free."""

_placing = Lock()  # between the look at what is there and the new file in its place


class InTheWay(AthanorError):
    """There is a file of that name with other content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What becomes of one file of an upload."""

    given: str  # its name as it came, with the sub-folders in front
    file: str = ""  # where it will lie below the dataset's folder, with '/'; '' if it is left out
    why: str = ""  # why it is left out, in words that follow its name and a colon
    there: int = -1  # bytes of the file of that name that is there; -1: none
    caption: bool = False  # it is no picture


def folder_name(name: str) -> str:
    """Return the name of a dataset's folder as a user means it, made safe: 'my cats', 'pets/cats'.

    Raises:
        AthanorError: it is empty, leads out of the folder that it lies in, or no list of folders shows it.
    """
    inside = _inside(name, "folder")
    if hidden := [part for part in inside.split("/") if _is_hidden(part)]:
        why = "is for backups of captions" if hidden[0] == BACKUPS else "is hidden, as it begins with a dot"
        raise AthanorError(f"folder {quoted(hidden[0])} {why}: use another name.")
    return inside


def planned(root: Path, files: Sequence[tuple[str, int]], largest: int, keep: Collection[str] = ()) -> list[Planned]:
    """Return what becomes of each file (name with sub-folders, bytes), in their order; nothing is written.

    A picture and its captions have one name, so what is changed in it, as no system takes it, another file of the upload has it,
    or one of them is to be kept beside a file that is there, is changed in all of them.

    Args:
        root: the dataset's folder, which need not be there.
        largest: most bytes of a file.
        keep: names out of `files` that get another one where a file is there.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    plan = [_looked_at(name, size, largest) for name, size in files]
    for index, each in enumerate(plan):
        if each.file:
            folder, stem, _ = _parts(each.given)
            groups.setdefault((folder, names.normal(stem)), []).append(index)
    taken: set[str] = set()
    last: dict[tuple[str, bool], int] = {}  # name, kept -> the highest number behind it; none is tried again
    for indices in groups.values():
        is_kept = any(plan[i].given in keep for i in indices)
        free = _free([plan[i].file for i in indices], taken, root, is_kept, last)
        for index, file in zip(indices, free, strict=True):
            taken.add(file.casefold())
            plan[index] = replace(plan[index], file=file, there=size_of(root / file))
    return plan


def _looked_at(name: str, size: int, largest: int) -> Planned:
    """Return a file with its safe name, or why it is left out."""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122  (the name may be any text)
    is_caption = ending in CAPTIONS
    try:
        file = _inside(name, "file")
    except AthanorError as error:
        return Planned(given=name, why=str(error))
    if any(map(_is_hidden, file.split("/"))):
        return Planned(given=name, why=HIDDEN)
    if why := _unfit(ending, size, min(largest, LARGEST_CAPTION) if is_caption else largest):
        return Planned(given=name, why=why)
    return Planned(given=name, file=file, caption=is_caption)


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or part == BACKUPS


def _unfit(ending: str, size: int, largest: int) -> str:
    if ending in decode.OTHER_SUFFIXES:
        return f"{ending} is not read, convert it to png or jpg"
    if ending not in decode.SUFFIXES | CAPTIONS:
        return "neither a picture (png, jpg, webp, bmp, avif) nor a caption (txt, caption)"
    if ending in decode.SUFFIXES and not size:
        return "empty"
    if size > largest:
        limit = "a caption may have" if ending in CAPTIONS else "ComfyUI takes (--max-upload-size)"
        return f"{format_bytes(size)} are more than {limit}, which is {format_bytes(largest)}"
    return ""


def _inside(name: str, field: str) -> str:
    """Return a name with its folders, made safe part by part; both slashes are taken.

    Raises:
        AthanorError: it is empty, is absolute, leads out of its folder, or lies too deep.
    """
    parts = re.split(r"[/\\]", name.strip())
    if not parts[-1]:
        parts.pop()
    if not parts:
        raise AthanorError(f"{field} is empty: give a name.")
    if not parts[0] or re.fullmatch("[A-Za-z]:", parts[0]) or any(part.strip() in ("", ".", "..") for part in parts):
        raise AthanorError(f"{field} {quoted(name)} leads out of its folder: use a plain name, or sub/name.")
    if len(parts) > DEEPEST + 1:
        raise AthanorError(f"{field} {quoted(name)} lies in too many folders: {DEEPEST} are the most.")
    return "/".join(file_names.safe(part) for part in parts)


def _parts(file: str) -> tuple[str, str, str]:
    """Return the folder, the name without ending, and the ending of 'a/b.png'."""
    folder, _, name = re.sub(r"\\", "/", file).rpartition("/")
    stem, ending = os.path.splitext(name)  # noqa: PTH122
    return folder, stem, ending


def _free(files: list[str], taken: set[str], root: Path, is_kept: bool, last: dict[tuple[str, bool], int]) -> list[str]:
    """Return the files of one picture under a name that none of the upload has, nor, if it is to be kept, one that is there."""
    name = (files[0].casefold(), is_kept)
    for number in range(last.get(name, 1), MOST_FILES + 1):
        named = files if number == 1 else [_numbered(file, number) for file in files]
        inside = any(file.casefold() in taken for file in named)
        if not inside and (not is_kept or all(size_of(root / file) < 0 for file in named)):
            last[name] = number
            return named
    raise AthanorError(f"{files[0]} has too many namesakes: rename it.")


def _numbered(file: str, number: int) -> str:
    folder, stem, ending = _parts(file)
    return f"{folder}/{stem}-{number}{ending}" if folder else f"{stem}-{number}{ending}"


def size_of(path: Path) -> int:
    """Return the bytes of a file; -1 if there is none of that name."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return -1


def room(root: Path, size: int, free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free) -> str:
    """Return in one sentence that so many bytes do not fit on the disk of a folder; '' if they do."""
    place = root
    while not place.exists() and place != place.parent:
        place = place.parent
    left = max(0, free(place) - SPARE)
    if size <= left:
        return ""
    return f"These files have {format_bytes(size)}, and the disk of ComfyUI's input folder takes {format_bytes(left)}: free some space."


def checked_name(file: str) -> str:
    """Return where a file may lie below the dataset's folder.

    Raises:
        AthanorError: it leads out, is hidden, or is of no kind that is taken.
    """
    plan = _looked_at(file, 1, LARGEST_CAPTION)
    if not plan.file:
        raise AthanorError(plan.why if plan.why.startswith("file ") else f"{quoted(file)}: {plan.why}.")
    return plan.file


def check_content(file: str, content: Path) -> None:
    """See whether a file holds what its name says: a picture, or a caption in UTF-8.

    Raises:
        AthanorError: it does not; the sentence names the file.
    """
    if os.path.splitext(file)[1].lower() in CAPTIONS:  # noqa: PTH122
        if (size := content.stat().st_size) > LARGEST_CAPTION:
            raise AthanorError(f"{file}: {_unfit('.txt', size, LARGEST_CAPTION)}.")
        decoded(content.read_bytes(), file)
        return
    try:
        with opened(content) as image:
            size = image.size
    except UnreadablePicture as error:
        raise AthanorError(f"{file} cannot be read: {error}.") from None
    if min(size) < 1:
        raise AthanorError(f"{file} cannot be read: it has no pixels.")


def place(content: Path, target: Path, may_replace: bool) -> Literal["new", "same", "replaced"]:
    """Give a file that was received its place in one step, and return what it is there.

    Args:
        content: the received file, in the folder of `target`; it may be left there if nothing changes.
        may_replace: put it in the place of another one.

    Raises:
        InTheWay: there is another one, and it may not be replaced.
        FileError: the folder cannot be written.
    """
    with _placing, file_errors(target):
        is_there = os.path.lexists(target)
        if is_there and size_of(target) >= 0:
            if not target.is_file():
                raise InTheWay(f"{target.name} is a folder there: give the file another name.")
            if filecmp.cmp(content, target, shallow=False):
                return "same"
            if not may_replace:
                raise InTheWay(
                    f"{target.name} is there already, with other content: replace it, or give it another name."
                )
        os.replace(content, target)
        return "replaced" if is_there else "new"


def checksum(path: Path) -> str:
    """Return the CRC-32 of a file in eight digits, by which a page knows the content that it need not send again."""
    value = 0
    with file_errors(path, "read"), path.open("rb") as file:
        while piece := file.read(1 << 20):
            value = zlib.crc32(piece, value)
    return f"{value:08x}"
