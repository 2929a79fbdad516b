"""Which files of a shared cache folder live runs need, so that no other run deletes them."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from pathlib import Path

from filelock import FileLock, Timeout

from ..files import read_json, write_json


class Lease:
    """The keys that one run needs, in a file beside a lock that the operating system opens when the process ends."""

    def __init__(self, folder: Path) -> None:
        """Hold nothing yet.

        Args:
            folder: of the leases of all runs.
        """
        self._folder, self._name = folder, secrets.token_hex(8)
        self._lock = FileLock(folder / f"{self._name}.lock", timeout=0, thread_local=False)

    def hold(self, keys: Collection[str]) -> None:
        """Let the others know what this run needs from now on; it takes the place of what was held before.

        Raises:
            OSError: the folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._lock.is_locked:
            try:
                self._lock.acquire()
            except NotImplementedError:
                return  # filelock's word for a network disk without locks: what others delete is made again
        write_json(self._keys, sorted(keys), durable=False)

    def release(self) -> None:
        """Need nothing any more."""
        if self._lock.is_locked:
            self._keys.unlink(missing_ok=True)
            self._lock.release()
            Path(self._lock.lock_file).unlink(missing_ok=True)

    def of_others(self) -> set[str]:
        """Return the keys that other live runs need; the leases of killed ones are removed."""
        keys: set[str] = set()
        for path in self._folder.glob("*.json"):
            if path != self._keys:
                keys.update(map(str, _of_live(path)))
        return keys

    @property
    def _keys(self) -> Path:
        return self._folder / f"{self._name}.json"


def _of_live(path: Path) -> list[str]:
    lock = FileLock(path.with_suffix(".lock"), timeout=0)
    try:
        with lock:
            path.unlink(missing_ok=True)
    except (Timeout, OSError, NotImplementedError):  # held, another user's, or the disk has no locks
        return read_json(path, [])
    path.with_suffix(".lock").unlink(missing_ok=True)
    return []
