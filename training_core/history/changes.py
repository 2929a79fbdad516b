"""Which rows of a long list have changed since a reader has read it last, so that only those are sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

Row = dict[str, Any]


class Changes:
    """Remembers the rows of one list as they were made last, and when each of them changed."""

    def __init__(self, key: str) -> None:
        """Know no row yet.

        Args:
            key: the field that tells rows apart.
        """
        self._key, self._lock = key, Lock()
        self._known: dict[str, tuple[int, Row]] = {}  # -> the revision that the row is of, and the row
        # After a restart everything is newer than what a page has read before. A page counts exactly up to 2^53.
        self._revision = int(time.time() * 1e6)

    def since(self, revision: int, make: Callable[[], Sequence[Row]]) -> dict[str, Any]:
        """Return the rows that have changed after `revision`.

        Args:
            revision: of the answer that the reader has read last; 0 gives all rows.
            make: makes all rows. It is called for one reader at a time, so that no older row takes a newer one's place.

        Returns:
            revision: to ask with the next time; total: how many rows there are, by which a reader notices that some are
            gone; rows: those that have changed, in the order of `make`.
        """
        with self._lock:
            rows = {row[self._key]: row for row in make()}
            for name, row in rows.items():
                if name not in self._known or self._known[name][1] != row:
                    self._revision += 1
                    self._known[name] = (self._revision, row)
            for name in self._known.keys() - rows.keys():
                del self._known[name]
            later = [row for name, row in rows.items() if self._known[name][0] > revision]
            return {"revision": self._revision, "total": len(rows), "rows": later}
