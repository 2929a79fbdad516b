"""Runs whose results ComfyUI's cache may hold: it must not give them again once such a run is deleted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from threading import Lock


class CachedRuns:
    """Remembers, for this process, the runs whose results ComfyUI got, by their output_name.

    All that a fingerprint tells of a name's runs is, after one was deleted, the same as before it was trained: ComfyUI would
    find nothing changed, and give the deleted run's results from its cache. How many have been deleted since only grows.
    """

    def __init__(self) -> None:
        """Begin with no run of any name."""
        self._runs: defaultdict[str, set[str]] = defaultdict(set)
        self._deleted: defaultdict[str, int] = defaultdict(int)
        self._passed: defaultdict[str, int] = defaultdict(int)
        self._lock = Lock()

    def add(self, name: str, run_id: str) -> None:
        """Note that ComfyUI got a run's results, as `name`."""
        with self._lock:
            self._runs[name].add(run_id)

    def pass_over(self, name: str) -> None:
        """Note that ComfyUI got nothing as `name`: a sweep trains in the node's place, and without it the node is to train."""
        with self._lock:
            self._passed[name] += 1

    def passed_over(self, name: str | None) -> int:
        """Return how often that was; None: with any name, for it is not known."""
        with self._lock:
            return sum(self._passed.values()) if name is None else self._passed[name]

    def deleted(self, name: str | None, is_there: Callable[[str], bool]) -> int:
        """Return how many runs of a name were deleted since ComfyUI got their results; None: of any name, for it is not known.

        Args:
            is_there: whether the run with an id still has its folder.
        """
        with self._lock:
            names = [*self._runs] if name is None else [name]
            for each in names:
                gone = {run for run in self._runs[each] if not is_there(run)}
                self._runs[each] -= gone
                self._deleted[each] += len(gone)
            return sum(self._deleted[each] for each in names)


cached_runs = CachedRuns()
