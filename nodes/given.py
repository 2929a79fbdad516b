"""Runs whose results the host may have kept: it must not give them again once such a run is deleted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from threading import Lock


class Given:
    """Remembers, for this process, which runs were handed to the host under which output_name.

    What tells of a name's runs is after a run was deleted the same as before it was trained: for the host nothing has changed,
    and it would give the results of the deleted run.
    """

    def __init__(self) -> None:
        """Begin with no run of any name."""
        self._runs: defaultdict[str, set[str]] = defaultdict(set)
        self._lost: defaultdict[str, int] = defaultdict(int)
        self._lock = Lock()

    def add(self, name: str, run_id: str) -> None:
        """Note that a run's results were given under a name."""
        with self._lock:
            self._runs[name].add(run_id)

    def lost(self, name: str | None, is_there: Callable[[str], bool]) -> int:
        """Return how many runs that were given under a name have gone since; None: under any name, for it is not known."""
        with self._lock:
            names = [*self._runs] if name is None else [name]
            for each in names:
                gone = {run for run in self._runs[each] if not is_there(run)}
                self._runs[each] -= gone
                self._lost[each] += len(gone)
            return sum(self._lost[each] for each in names)


given = Given()
