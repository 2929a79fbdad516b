"""Write captions to the files beside the pictures, after a backup of the files that change."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path, PurePosixPath

from ..errors import AthanorError, quoted
from ..files import write_atomically
from ..leftovers import sweep
from ..text_files import whole_characters
from ..wording import plural
from . import captions, decode
from .dataset import BACKUPS, Dataset, Picture

NEW_FILES = "new_files.txt"
"""File in a backup that lists the captions written as new files, one path per line: to go back, delete those."""


@dataclass(frozen=True, slots=True)
class Written:
    """What `write` has changed on disk; `str()` gives the sentence for the user."""

    files: int
    new: int  # of those, captions that had no file
    backups: tuple[Path, ...]  # one for each dataset folder

    def __str__(self) -> str:
        if not self.files:
            return "No caption file was written: the files already hold these captions."
        places = ", ".join(str(PurePosixPath(BACKUPS, folder.name)) for folder in self.backups)
        return (
            f"{plural(self.files, 'caption file')} written, {self.new} of them new; the old files are "
            f"in {places} of the dataset folder."
        )


def root_of(picture: Picture) -> Path:
    """Return the dataset folder that a picture was read from."""
    return picture.path.parents[len(PurePosixPath(picture.name).parts) - 1]


def write(dataset: Dataset, pictures: Sequence[Picture], now: datetime | None = None) -> Written:
    """Write the captions of `pictures` (of `dataset`) as UTF-8 to their caption files, each whole or not at all.

    A file that already holds its caption is not touched. All others are first copied to
    `<dataset folder>/captions_backup/<time>/<relative path>`. Line ends (LF or CRLF) stay as they were in each file.

    Args:
        now: the time that names the backup folder; None: the present time.

    Raises:
        AthanorError: two pictures share a caption file but not the caption, caption_extension is one of pictures, or
            a file cannot be written.
    """
    wanted: dict[Path, Picture] = {}
    for picture in pictures:
        file = file_of(dataset, picture)
        other = wanted.setdefault(file, picture)
        if other.caption != picture.caption:
            raise AthanorError(
                f"write_files: {other.name} and {picture.name} share the file {file.name} but now have different captions; "
                "rename one of them, or give both the same settings."
            )
    wanted = {file: picture for file, picture in wanted.items() if not _holds(file, picture.caption)}
    if not wanted:
        return Written(0, 0, ())
    new = {file for file in wanted if not file.exists()}
    sweep({file.parent for file in wanted})
    current = BACKUPS  # named in the error
    try:
        backups = _back_up(wanted, new, (now or datetime.now()).strftime("%Y%m%d-%H%M%S"))
        for file, picture in wanted.items():
            current = file.name
            data = encoded(picture.caption, b"" if file in new else file.read_bytes())
            write_atomically(file, lambda temporary, data=data: temporary.write_bytes(data))
    except OSError as error:
        raise AthanorError(
            f"write_files: {current} cannot be written ({error.strerror or error}); make the dataset folder writable and "
            "free some space, or turn write_files off."
        ) from None
    return Written(len(wanted), len(new), tuple(backups))


def file_of(dataset: Dataset, picture: Picture) -> Path:
    """Return the caption file of a picture, which need not be there.

    Raises:
        AthanorError: caption_extension is one of pictures.
    """
    extension = dataset.subsets[picture.subset].caption_extension
    file = captions.caption_file(picture.path, extension)
    if file.suffix.lower() in decode.SUFFIXES | decode.OTHER_SUFFIXES:
        raise AthanorError(
            f"caption_extension {quoted(extension)} is one of picture files; set it to .txt to write captions."
        )
    return file


def _holds(file: Path, caption: str) -> bool:
    """Whether a caption file can be read and holds exactly this caption."""
    try:
        return captions.read(file, file.suffix) == caption
    except AthanorError:
        return False


def _back_up(wanted: dict[Path, Picture], new: set[Path], stamp: str) -> list[Path]:
    """Copy the files that will be overwritten, and list the new ones; return the backup folders, one per dataset folder."""
    folders: dict[Path, Path] = {}
    created: dict[Path, list[str]] = {}
    for file, picture in wanted.items():
        root = root_of(picture)
        if root not in folders:
            folders[root] = _new_folder(root / BACKUPS, stamp)
        relative = file.relative_to(root)
        if file in new:
            created.setdefault(root, []).append(relative.as_posix())
        else:
            copy = folders[root] / relative
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)
    for root, names in created.items():
        (folders[root] / NEW_FILES).write_text("".join(f"{name}\n" for name in names), encoding="utf-8", newline="\n")
    return list(folders.values())


def _new_folder(parent: Path, stamp: str) -> Path:
    """Make and return the folder parent/stamp, or parent/stamp-2 and so on if that exists (a backup of the same second)."""
    for number in count(1):
        folder = parent / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("unreachable: the numbers do not end")


def encoded(caption: str, before: bytes) -> bytes:
    """Return a caption as UTF-8 bytes, with the line ends of the file's old content `before`."""
    if before[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16, of which a line end has four bytes
        before = before.decode("utf-16", "replace").encode("utf-8", "replace")
    end = b"\r\n" if b"\r\n" in before else b"\n"
    data = whole_characters(caption).encode().replace(b"\n", end)
    return data + end if before.endswith(b"\n") else data
