"""Write files whole or not at all; read JSON and safetensors files that may be missing or cut off."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from safetensors import SafetensorError, safe_open

from .errors import FileError
from .json_text import load_json, parse_json
from .leftovers import temporary_beside

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

METADATA = "__metadata__"
"""The key of a safetensors header that holds the file's metadata; all other keys are names of tensors."""
_LARGEST_HEADER = 100_000_000
"""Bytes; safetensors itself refuses a longer header, so a larger number is not a safetensors file's length field."""


class UnreadableFile(ValueError):
    """A file that is missing, cut off, or no safetensors file; the message says which."""

    __module__ = "athanor"  # see errors.AthanorError


def safetensors_header(path: Path) -> dict[str, Any]:
    """Read the header of a safetensors file, without torch and without its tensors.

    Returns:
        Tensor name -> its "dtype", "shape" and "data_offsets"; under `METADATA` the metadata (text -> text), if there is any.

    Raises:
        UnreadableFile: the file cannot be opened, has no such header, or is not as long as its header says.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = parse_json(file.read(length)) if length <= _LARGEST_HEADER else None
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise UnreadableFile(f"{path.name}: {error.strerror or error}") from error
    if not isinstance(header, dict) or not all(_is_entry(*entry) for entry in header.items()):
        raise UnreadableFile(f"{path.name} does not begin with a safetensors header")
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != METADATA]
    expected = 8 + length + max(ends, default=0)
    if size != expected:
        raise UnreadableFile(f"{path.name} has {size} bytes, its header says {expected}")
    return header


def _is_entry(name: str, entry: Any) -> bool:
    """Return whether an entry of a header is one of a safetensors file: where a tensor lies, or metadata of text alone."""
    if not isinstance(entry, dict):
        return name == METADATA and entry is None
    if name == METADATA:
        return all(isinstance(value, str) for value in entry.values())
    offsets = entry.get("data_offsets")
    return isinstance(offsets, list) and len(offsets) == 2 and all(isinstance(offset, int) for offset in offsets)


def safetensors_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file; {} if it has none or cannot be read."""
    try:
        return safetensors_header(path).get(METADATA) or {}
    except UnreadableFile:
        return {}


def read_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Read all tensors of a safetensors file onto the CPU, and its metadata ({} if it has none).

    Raises:
        UnreadableFile: the file cannot be opened, is cut off or is no safetensors file.
    """
    safetensors_header(path)  # says in plain words what is wrong with most files
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, RuntimeError, TypeError) as error:  # the last two: shapes that torch cannot have
        words = (str(error).splitlines() or [""])[0][:150]
        raise UnreadableFile(f"{path.name}: {words}") from error


@contextmanager
def file_errors(path: Path, access: Literal["written", "read"] = "written") -> Iterator[None]:
    """Raise what the system says of a file inside as a FileError, whose one sentence names `path`.

    Where the system names another file than `path` or one of its temporary files, such as the source of a copy, that one
    is named.
    """
    try:
        yield
    except OSError as error:
        other = error.filename and Path(os.fsdecode(error.filename)).name.removeprefix(".")
        own = not other or error.filename2 or other.startswith(path.name)
        raise FileError.of(error, path if own else None, access) from None


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises:
        FileError: one of them cannot be made.
    """
    with file_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def write_atomically(path: Path, write: Callable[[Path], object], durable: bool = True) -> None:
    """Let `write(temporary)` fill a new file in the folder of `path`, then rename it to `path` in one step.

    A reader, or a process killed at any moment, sees the old file or the new one, never a part. Missing folders are made.

    Args:
        durable: flush file and folder to disk, so that the new file survives a power cut; a cache need not.

    Raises:
        FileError: the disk is full, or the folder cannot be written. `path` is then as it was.
    """
    make_folder(path.parent)
    with file_errors(path), temporary_beside(path) as temporary:
        try:
            write(temporary)
        except Exception as error:
            raise _system_error(error, path) or error from None
        if durable:
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            _flush_folder(path.parent)


def _system_error(error: Exception, path: Path) -> OSError | None:
    """Return Python's own error for what safetensors' writer (Rust) only describes in words, such as a full disk; else None."""
    match = re.search(r"\(os error (\d+)\)", str(error))
    if isinstance(error, OSError) or not match:
        return None
    code = int(match[1])
    return OSError(0, str(error), str(path), code) if os.name == "nt" else OSError(code, os.strerror(code), str(path))


def _flush_folder(folder: Path) -> None:
    """Flush a folder's list of names to disk, so that a renamed file survives a power cut (Windows needs no such call)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError:  # some network drives cannot flush a folder; the file itself is flushed
            pass
        finally:
            os.close(handle)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, which takes no room; where the file system has no links, copy it."""
    make_folder(target.parent)
    try:
        os.link(source, target)
    except OSError:
        write_atomically(target, lambda temporary: shutil.copyfile(source, temporary), durable=False)


def link(source: Path, target: Path) -> bool:
    """Give a file a second name in the place of what `target` was, in one step; False where it cannot have one there.

    It cannot on another file system, on another mount of the same one, or where the file system has no links.
    """
    make_folder(target.parent)
    with temporary_beside(target) as temporary:
        try:
            os.link(source, temporary)
            os.replace(
                temporary, target
            )  # leaves both names where they are one file already: then the temporary one goes
        except OSError:
            return False
    return True


def append_line(path: Path, line: str, durable: bool = False) -> None:
    """Append `line` and a line break to a text file; if a killed process left an unfinished line, begin a new one first.

    Args:
        durable: wait until it is on the disk.

    Raises:
        FileError: the disk is full, or the file's folder is not there any more.
    """
    with file_errors(path), path.open("ab+") as file:
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(line.encode() + b"\n")
        if durable:
            file.flush()
            os.fsync(file.fileno())


def write_json(path: Path, value: Any, *, indent: int | None = None, durable: bool = True) -> None:
    """Write `value` as a JSON file in UTF-8, whole or not at all (see `write_atomically`)."""
    try:
        data = json.dumps(value, ensure_ascii=False, indent=indent).encode()
    except UnicodeEncodeError:  # half a character, as in a name of a file that is no UTF-8: JSON has a spelling for it
        data = json.dumps(value, indent=indent).encode()
    write_atomically(path, lambda temporary: temporary.write_bytes(data), durable)


def is_file(path: Path) -> bool:
    """Return whether there is a file of that name; False as well for a name that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_json(path: Path, default: T) -> T:
    """Return the value of a JSON file, or `default` if the file is missing, broken, or holds a value of another type."""
    try:
        value = load_json(path.read_bytes())
    except (OSError, ValueError):
        return default
    return value if isinstance(value, type(default)) else default


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a .jsonl file in order; none if the file is missing."""
    try:
        data = path.read_bytes()
    except OSError:
        return
    yield from parse_lines(data)


def parse_lines(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the object of every line; a line that a killed process left unfinished is passed over."""
    for line in data.splitlines():
        try:
            value = load_json(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value
