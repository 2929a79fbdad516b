"""Changes of caption files that can be undone: a backup of what was there first, then each file whole, then back to the byte."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from .. import file_names
from ..errors import AthanorError, FileError, quoted
from ..files import file_errors, read_json, write_atomically, write_json
from ..leftovers import sweep
from ..wording import first_few, plural
from . import caption_files
from .caption_text import LONGEST, CaptionText, content, stamp

MOST_KEPT = 300
"""Changes of one dataset folder whose backups are kept; older ones are deleted."""
MOST_LISTED = 20
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{6}")
_writing = Lock()  # between the look at what is there and the new content


class ChangedMeanwhile(AthanorError):
    """A caption file is not what it was when it was read for the edit."""


@dataclass(frozen=True, slots=True)
class NewCaption:
    """A caption file as it was read, the folder of its dataset, and the text that it is to hold."""

    root: Path
    before: CaptionText
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change that can be undone."""

    id: str  # its time: 20261128-071500-123456
    what: str  # in words
    files: int


def place(output: Path) -> Path:
    """Return the folder of all backups below the host's output folder: out of the datasets, so that none is taken for a caption."""
    return output / "athanor" / "caption_backups"


def write(backups: Path, what: str, wanted: Sequence[NewCaption], now: datetime | None = None) -> int:
    """Write caption files after a backup of what they hold, and return how many; those that hold their text are left alone.

    Args:
        backups: the folder of all backups.
        what: the change in words, for the list of what can be undone.

    Raises:
        ChangedMeanwhile: one of them is not as it was read; nothing is written.
        AthanorError: one is a link, or its text is too long; nothing is written.
        FileError: one cannot be written; those before it are, and can be undone.
    """
    wanted = [each for each in wanted if each.text != each.before.text or each.before.data is None]
    if not wanted:
        return 0
    for each in wanted:
        _check(each)
    with _writing:
        if other := [each.before.file.name for each in wanted if content(each.before.file) != each.before.data]:
            raise ChangedMeanwhile(
                f"{first_few(other)} {'has' if len(other) == 1 else 'have'} been changed by another program meanwhile, "
                "and nothing was written: look at it again."
            )
        datas = [caption_files.encoded(each.text, each.before.data or b"") for each in wanted]
        name = _new_name(backups, {each.root for each in wanted}, now or datetime.now())
        for root in dict.fromkeys(each.root for each in wanted):
            rows = [
                _row(root, each.before, data) for each, data in zip(wanted, datas, strict=True) if each.root == root
            ]
            folder = _folder(backups, root)
            write_json(folder / f"{name}.json", {"folder": str(root), "what": what, "files": rows}, indent=1)
            _forget(folder)
        sweep({each.before.file.parent for each in wanted})
        written = 0
        try:
            for each, data in zip(wanted, datas, strict=True):
                _put(each.before.file, data, durable=len(wanted) == 1)  # of many the backup is what lasts
                written += 1
        except FileError:
            if not written:
                _drop(backups, {each.root for each in wanted}, name)
            raise
    return len(wanted)


def _check(each: NewCaption) -> None:
    if each.before.file.is_symlink():
        raise AthanorError(f"{each.before.file.name} is a link to another file: edit that one.")
    if "\0" in each.text:
        raise AthanorError(f"{each.before.file.name} would have a NUL character, which no text has.")
    if len(each.text) > LONGEST:
        raise AthanorError(
            f"{each.before.file.name} would have {len(each.text):,} characters; {LONGEST:,} are the most."
        )


def _row(root: Path, before: CaptionText, data: bytes) -> dict[str, Any]:
    row: dict[str, Any] = {"file": before.file.relative_to(root).as_posix(), "after": stamp(data)}
    if before.data is None:
        return row
    try:
        return {**row, "text": before.data.decode()}
    except UnicodeDecodeError:
        return {**row, "base64": base64.b64encode(before.data).decode()}


def _before(row: Mapping[str, Any]) -> bytes | None:
    """Return what a file held before a change; None if there was none."""
    if isinstance(row.get("text"), str):
        return row["text"].encode()
    return base64.b64decode(row["base64"]) if isinstance(row.get("base64"), str) else None


def _put(file: Path, data: bytes, durable: bool = True) -> None:
    if file.exists() and not os.access(file, os.W_OK):
        raise FileError(13, "it is read-only", str(file), "written")
    write_atomically(file, lambda temporary: temporary.write_bytes(data), durable)


def listed(backups: Path, roots: Sequence[Path]) -> list[Change]:
    """Return the last changes of datasets' folders that can be undone, the newest first."""
    names = sorted({path.stem for root in roots for path in _files(_folder(backups, root))}, reverse=True)
    changes = []
    for name in names[:MOST_LISTED]:
        records = [_record(backups, root, name) for root in roots]
        files = sum(len(each["files"]) for each in records)
        what = next((str(each["what"]) for each in records if each["what"]), "")
        changes.append(Change(id=name, what=what, files=files))
    return changes


def undo(backups: Path, roots: Sequence[Path], name: str) -> str:
    """Put back to the byte what a change has written, and return a sentence about it.

    A file that was changed again since is left as it is. The backup is kept, as '<id>.undone', but not listed any more.

    Raises:
        AthanorError: there is no such change, or all its files were changed again since.
    """
    if not _ID.fullmatch(name):
        raise AthanorError(f"change {quoted(name)} is none that can be undone.")
    with _writing:
        rows = [(root / row["file"], row) for root in roots for row in _record(backups, root, name)["files"]]
        if not rows:
            raise AthanorError("This change was undone already, or its backup is gone.")
        other = [file for file, row in rows if stamp(content(file)) not in (row["after"], stamp(_before(row)))]
        if len(other) == len(rows):
            raise AthanorError(
                f"{first_few([file.name for file in other])} {'was' if len(other) == 1 else 'were'} changed again since: "
                "nothing was undone."
            )
        for file, row in rows:
            if file not in other:
                _put_back(file, _before(row), durable=len(rows) == 1)
        _drop(backups, roots, name, keep=True)
    left = (
        f" Left as they are, for they were changed again since: {first_few([file.name for file in other])}."
        if other
        else ""
    )
    return f"{plural(len(rows) - len(other), 'caption file')} put back.{left}"


def _put_back(file: Path, data: bytes | None, durable: bool) -> None:
    if content(file) == data:
        return
    if data is not None:
        return _put(file, data, durable)
    with file_errors(file):
        file.unlink(missing_ok=True)


def _record(backups: Path, root: Path, name: str) -> dict[str, Any]:
    """Return the backup of a change in one folder, made of what is sound in it; without files if there is none."""
    record = read_json(_folder(backups, root) / f"{name}.json", {})
    rows = record.get("files")
    sound = [row for row in rows if _is_sound(row)] if isinstance(rows, list) else []
    return {"what": record.get("what", ""), "files": sound}


def _is_sound(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("file"), str) or not isinstance(row.get("after"), str):
        return False
    parts = row["file"].split("/")
    return bool(row["file"]) and ".." not in parts and not Path(row["file"]).is_absolute()


def _folder(backups: Path, root: Path) -> Path:
    """Return the folder of a dataset folder's backups: named after it, and after its place, which tells namesakes apart."""
    real = os.path.realpath(root)
    return backups / f"{file_names.safe(root.name)}-{hashlib.sha256(os.fsencode(real)).hexdigest()[:8]}"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if _ID.fullmatch(path.stem))


def _new_name(backups: Path, roots: set[Path], now: datetime) -> str:
    """Return the id of a new change: a number higher than the last one, if the clock went back or stood still."""
    last = max((path.stem for root in roots for path in _files(_folder(backups, root))), default="")
    name = now.strftime("%Y%m%d-%H%M%S-%f")
    while name <= last or any(
        (_folder(backups, root) / f"{name}{end}").exists() for root in roots for end in (".json", ".undone")
    ):
        digits = int(max(name, last)[-6:]) + 1
        name = f"{max(name, last)[:-6]}{digits:06}"
    return name


def _forget(folder: Path) -> None:
    """Delete the oldest backups of a dataset folder above MOST_KEPT."""
    for path in sorted(folder.glob("*-*-*.*"))[:-MOST_KEPT]:
        with suppress(OSError):
            path.unlink()


def _drop(backups: Path, roots: set[Path] | Sequence[Path], name: str, keep: bool = False) -> None:
    for root in roots:
        path = _folder(backups, root) / f"{name}.json"
        with file_errors(path):
            if keep and path.exists():
                path.replace(path.with_suffix(".undone"))
            path.unlink(missing_ok=True)
