"""Runs, and states of runs, that a user has deleted: kept in a folder beside the runs until the trash is emptied.

An entry is a folder with entry.json, which says what lay where, and these things themselves. entry.json is written before
anything is moved: whenever a process is killed, what has been moved can be brought back, and the rest is where it was.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout

from ..errors import AthanorError, Fault, quoted
from ..files import file_errors, make_folder, read_json, write_json
from ..leftovers import temporary_beside
from . import labels, registry
from .moved import Places
from .moving import is_same, move
from .registry import Record
from .taken import kept_free
from .trashed import ABOUT, Entry, Kind, parts, read

_lock = Lock()
_PATIENCE = 10.0  # seconds that another process may take to move something


def throw_run(trash: Path, record: Record, loras: Sequence[Path]) -> Entry:
    """Move a run's folder into the trash, with LoRA files of it.

    Args:
        trash: the folder of all entries.
        record: of the run.
        loras: files outside of its folder that go along, see `disk.own_loras`.

    Raises:
        AthanorError: a process trains the run, or a file cannot be moved.
    """
    return _throw(trash, record, "run", [*((path, _lora(i)) for i, path in enumerate(loras)), (record.folder, "run")])


def throw_states(trash: Path, record: Record) -> Entry:
    """Move a run's states into the trash: then nothing can go on from where it has ended.

    Raises:
        AthanorError: a process trains the run, it has none, or they cannot be moved.
    """
    if not (record.folder / "state").is_dir():
        raise AthanorError(f"The run {record.title} has no states: there is nothing to delete.")
    return _throw(trash, record, "states", [(record.folder / "state", "state")])


def _lora(number: int) -> str:
    return f"lora-{number}.safetensors"


def _throw(trash: Path, record: Record, kind: Kind, moves: list[tuple[Path, str]]) -> Entry:
    if not registry.is_run(record.folder):
        raise AthanorError(f"The run {record.title} is not there any more.")
    with _alone(trash), kept_free(record.folder) as is_free:
        if not is_free:
            raise Fault(f"The run {record.title} is being trained: stop it first.")
        if not registry.is_run(record.folder):
            raise AthanorError(f"The run {record.title} is not there any more.")
        folder = _new_folder(trash, record.run_id)
        about = {"kind": kind, "title": record.title, "label": labels.read(record.folder).label, "time": time.time()}
        try:
            write_json(folder / ABOUT, about | {"moves": [[str(path), name] for path, name in moves]}, indent=1)
            for path, name in moves:
                move(path, folder / name)
        except AthanorError:
            _bring_back(folder, moves)
            raise
        entry = read(folder)
    if entry is None:
        raise Fault(f"{folder.name} is not in the trash any more: another process has emptied it.")
    return entry


@contextmanager
def _alone(trash: Path) -> Iterator[None]:
    """Let nobody else change the trash: of two who delete or bring back the same at once, the second finds that it is done.

    Raises:
        Fault: another process is at it, and takes long.
    """
    make_folder(trash)
    lock = FileLock(trash / "lock")
    with _lock:
        with file_errors(trash / "lock"):
            try:
                lock.acquire(timeout=_PATIENCE)
            except Timeout:  # which is an OSError
                raise Fault(
                    "Another process moves something to the trash, or out of it: try again in a minute."
                ) from None
        try:
            yield
        finally:
            lock.release()


def _new_folder(trash: Path, run_id: str) -> Path:
    """Make the folder of a new entry; two in one millisecond have different names."""
    make_folder(trash)
    base = f"{run_id}-{int(time.time() * 1000):013d}"
    for name in (base, *(f"{base}-{i}" for i in range(1, 1000))):
        with file_errors(trash / name), suppress(FileExistsError):
            (trash / name).mkdir()
            return trash / name
    raise Fault(f"{trash} has too many folders of the name {base}: empty the trash.")


def _bring_back(folder: Path, moves: Sequence[tuple[Path, str]]) -> None:
    """Undo what was moved before a move failed; what cannot be moved back stays in the trash."""
    with suppress(AthanorError):
        for path, name in reversed(moves):
            if os.path.lexists(folder / name) and not os.path.lexists(path):
                move(folder / name, path)
        if not any(os.path.lexists(folder / name) for _, name in moves):
            (folder / ABOUT).unlink(missing_ok=True)
            with suppress(OSError):
                folder.rmdir()


def restore(trash: Path, root: Path, name: str, is_place: Callable[[Path], bool]) -> Entry:
    """Bring an entry back to where it lay, all of it or nothing.

    Args:
        trash: the folder of all entries.
        root: the folder of all runs.
        name: of the entry.
        is_place: whether a path may be one of a LoRA file.

    Raises:
        AthanorError: there is no such entry, or something has taken the place of what it holds.
    """
    with _alone(trash):
        found = read(trash / name)
        if found is None:
            raise AthanorError(f"{quoted(name)} is not in the trash any more.")
        moves = _places(found, root, is_place)
        _check(moves, found)
        if found.kind == "run":
            _move_back(moves)
        else:
            with kept_free(root / found.run_id) as is_free:
                if not is_free:
                    raise Fault(f"The run {found.title} is being trained: its states cannot be brought back now.")
                _move_back(moves)
        _delete(found.folder)
        return found


def _places(found: Entry, root: Path, is_place: Callable[[Path], bool]) -> list[tuple[Path, Path]]:
    """Return (in the trash, where it lay) of all that an entry holds, its run's folder last."""
    run, moves = root / found.run_id, []
    for old, name in parts(found.folder, read_json(found.folder / ABOUT, {})):
        if name.startswith("lora-"):
            place = Path(Places(run).now(str(old)))
            if not is_place(place):
                raise AthanorError(
                    f"{found.name} in the trash names {quoted(old)}, which is in no folder of LoRAs or models: move the file "
                    f"{name} of output/athanor/trash/{found.name} to where it belongs by hand."
                )
            moves.append((found.folder / name, place))
    fixed = {"run": run, "state": run / "state"}
    return moves + [(found.folder / name, fixed[name]) for name in fixed if os.path.lexists(found.folder / name)]


def _check(moves: Sequence[tuple[Path, Path]], found: Entry) -> None:
    """Check that nothing has taken the place of anything.

    Raises:
        AthanorError: something has; says what to do.
    """
    if found.kind == "states" and not registry.is_run(moves[-1][1].parent):
        raise AthanorError(f"The run {found.title} is not there: bring it back first, then its states.")
    for kept, place in moves:
        _clear(place)
        if not os.path.lexists(place) or is_same(kept, place):
            continue
        if place.suffix == ".safetensors":
            raise AthanorError(
                f"There is another {place.name} by now: rename it, or delete its run, then bring this one back."
            )
        what = "The run" if found.kind == "run" else "The states of the run"
        raise AthanorError(
            f"{what} {found.title} is there again, trained anew: delete that first, then bring this back."
        )


def _clear(place: Path) -> None:
    """Remove a folder that holds nothing but a lock: who looked for a run that had just been moved has made it."""
    with suppress(OSError):
        if place.is_dir() and {each.name for each in place.iterdir()} <= {"lock"}:
            (place / "lock").unlink(missing_ok=True)
            place.rmdir()


def _move_back(moves: Sequence[tuple[Path, Path]]) -> None:
    done: list[tuple[Path, Path]] = []
    try:
        for kept, place in moves:
            if os.path.lexists(place):  # the same bytes, see `_check`
                kept.unlink()
            else:
                move(kept, place)
                done.append((kept, place))
    except AthanorError:
        with suppress(AthanorError):
            for kept, place in reversed(done):
                move(place, kept)
        raise


def empty(trash: Path, names: Sequence[str]) -> int:
    """Delete entries for good and return how many there were; those that are not there any more do not count.

    Raises:
        FileError: one cannot be deleted.
    """
    with _alone(trash):
        found = [each for name in dict.fromkeys(names) if (each := read(trash / name))]
        for each in found:
            _delete(each.folder)
        return len(found)


def _delete(folder: Path) -> None:
    """Delete an entry: it is none any more from the first moment on, and who is killed leaves what `sweep` removes."""
    with file_errors(folder), temporary_beside(folder) as temporary:
        folder.rename(temporary)
        shutil.rmtree(temporary)
