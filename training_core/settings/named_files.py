"""What a user keeps under a name: one JSON file each in a folder of the host, where all browsers find it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from .. import file_names
from ..errors import AthanorError, quoted, shortened
from ..files import file_errors, write_json
from ..json_text import parse_json

MOST = 500
"""Files of a folder that are kept and read."""
_LONGEST_NAME, _LONGEST_TEXT, _LARGEST = 80, 2000, 1_000_000
"""Characters of a name and of a note; bytes of a file, which has more blanks than the request that it was saved by."""


class TakenName(AthanorError):
    """There is one of this name, which is not to be replaced."""

    __module__ = "athanor"  # see errors.AthanorError


class Named(Protocol):
    """What is kept under a name."""

    @property
    def name(self) -> str:
        """Its name, which is that of its file."""
        ...


Kept = TypeVar("Kept", bound=Named)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFiles(Generic[Kept]):
    """All that is kept of one kind.

    Args:
        folder: where the files are.
        read: makes one of the JSON object of a file or a request, which has a fitting `name`; raises AthanorError.
        written: the JSON object of one.
    """

    folder: Path
    read: Callable[[Mapping[str, Any]], Kept]
    written: Callable[[Kept], Mapping[str, Any]]

    def listed(self) -> tuple[list[Kept], list[str]]:
        """Return all by name, and one sentence for each file that is none."""
        found, unread = [], []
        for path in sorted(self.folder.glob("*.json"), key=lambda path: path.name.casefold())[:MOST]:
            try:
                found.append(self._read(path))
            except AthanorError as error:
                unread.append(f"{shortened(path.name)} is left out: {error}")
        return found, unread

    def save(self, body: Mapping[str, Any], replace: bool) -> Kept:
        """Write one, whole or not at all, and return it; `replace`: it may take the place of another of its name.

        Raises:
            AthanorError: names what is wrong with it; `TakenName` if there is one of this name.
            FileError: the folder cannot be written.
        """
        kept = self._checked(body)
        path = file_of(self.folder, kept.name)
        taken = self._taken(path)
        if taken and not replace:
            raise TakenName(f"There is one named {quoted(kept.name)} already: replace it, or choose another name.")
        if not taken and len(list(self.folder.glob("*.json"))) >= MOST:
            raise AthanorError(f"There are {MOST} of your own already: delete one first.")
        write_json(taken or path, self.written(kept), indent=2)
        return kept

    def rename(self, name: str, to: str) -> Kept | None:
        """Give one another name and return it; None if there is none of this name.

        Raises:
            AthanorError: `to` cannot be a name; `TakenName` if there is another one of that name.
            FileError: the folder cannot be written.
        """
        old, new = file_of(self.folder, name), file_of(self.folder, to.strip())
        if not old.is_file():
            return None
        taken = self._taken(new)
        if taken and taken != old:
            raise TakenName(f"There is one named {quoted(to.strip())} already: choose another name.")
        kept = self._checked({**self.written(self._read(old)), "name": new.stem})
        with file_errors(new):
            old.replace(new)
        write_json(new, self.written(kept), indent=2)
        return kept

    def delete(self, name: str) -> bool:
        """Delete one by its name; return whether there was one."""
        path = file_of(self.folder, name)
        with file_errors(path):
            there = path.is_file()
            path.unlink(missing_ok=True)
        return there

    def _taken(self, path: Path) -> Path | None:
        """Return the file that has this name already, in whatever case."""
        return next((each for each in self.folder.glob("*.json") if each.name.casefold() == path.name.casefold()), None)

    def _read(self, path: Path) -> Kept:
        try:
            data = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
        except OSError as error:
            raise AthanorError(f"it cannot be read ({error.strerror or type(error).__name__}).") from None
        value = parse_json(data)
        if not isinstance(value, dict):
            raise AthanorError("it holds no JSON object.")
        return self._checked({**value, "name": path.stem})  # a file that was renamed has its new name

    def _checked(self, body: Mapping[str, Any]) -> Kept:
        name, about = body.get("name"), body.get("about", "")
        if not isinstance(name, str) or not isinstance(about, str):
            raise AthanorError("name and about must be texts.")
        file_of(Path(), name.strip())
        if len(about) > _LONGEST_TEXT:
            raise AthanorError(f"The note has {len(about)} characters; {_LONGEST_TEXT} is the most.")
        return self.read({**body, "name": name.strip(), "about": about.strip()})


def file_of(folder: Path, name: str) -> Path:
    """Return the file of what has this name.

    Raises:
        AthanorError: the name cannot be one of a file on every system.
    """
    trouble = "has characters that file names cannot have" if "/" in name or "\\" in name else file_names.trouble(name)
    if trouble:
        raise AthanorError(f"The name {quoted(name)} {trouble}.")
    if not name or name.startswith(".") or len(name) > _LONGEST_NAME or len(name.encode("utf-8", "replace")) > 240:
        raise AthanorError(
            f"The name is {quoted(name)}: it takes 1 to {_LONGEST_NAME} characters, and no dot in front."
        )
    return folder / f"{name}.json"
