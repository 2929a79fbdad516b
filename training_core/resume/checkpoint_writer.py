"""Keeps what a run has reached: files for the user, the state for going on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from ..history.events import Saved
from . import state
from .progress import Progress
from .resumable import Resumable
from .saving import Saver

STATE_SECONDS = 300.0
"""A killed run loses at most so much, however rarely it saves."""


class NullCheckpointWriter:
    """Keeps nothing: of several processes of a run, only the first one writes."""

    due = False

    def save(self, progress: Progress, kind: str) -> Iterator[Saved]:
        """Write no file."""
        return iter(())

    def keep_state(self, progress: Progress) -> None:
        """Write no state."""

    def rescue(self, progress: Progress) -> Saved | None:
        """Write nothing."""

    def restore_last(self, progress: Progress) -> Saved | None:
        """Read nothing."""

    def forget(self) -> None:
        """Remove nothing."""


class CheckpointWriter:
    """Writes files and states together; the state comes last, so that whatever it stands for is on disk."""

    def __init__(self, saver: Saver, resumable: Resumable, folder: Path, step: int) -> None:
        """`folder`: of the states; `step`: at which the run goes on."""
        self._saver, self._resumable, self._folder = saver, resumable, folder
        self._kept = step  # the step of the state on disk
        self._due, self._took = time.monotonic() + STATE_SECONDS, 0.0

    def save(self, progress: Progress, kind: str) -> Iterator[Saved]:
        """Write a file and the state."""
        yield self._saver(progress, kind)
        self.keep_state(progress)

    def keep_state(self, progress: Progress) -> None:
        """Write the state."""
        start = time.monotonic()
        state.write(self._folder, self._resumable.capture(progress))
        now = time.monotonic()
        self._kept, self._took = progress.step, now - start
        self._due = now + max(STATE_SECONDS, 20 * self._took)  # large ones cost at most a twentieth of the time

    @property
    def due(self) -> bool:
        """Whether the last state is so old that another one is worth its time."""
        return time.monotonic() > self._due

    def rescue(self, progress: Progress) -> Saved | None:
        """Something has stopped the run: write what is not on disk yet of this very step."""
        there = any(saved.step == progress.step for saved in self._saver.saved)
        saved = None if there or not progress.step else self._saver(progress, "interrupted")
        if progress.step != self._kept:
            self.keep_state(progress)
        return saved

    def restore_last(self, progress: Progress) -> Saved | None:
        """Go back to the state on disk and write its file; None if there is none."""
        last = state.latest(self._folder)
        if last is None:
            return None
        self._resumable.restore(last.read(), progress)
        return self._saver(progress, "interrupted")

    def forget(self) -> None:
        """Remove the state: it is not to be kept after the end."""
        state.remove(self._folder)
