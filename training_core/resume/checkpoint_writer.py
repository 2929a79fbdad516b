"""Write checkpoints: a LoRA file for the user, and the state from which the run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from ..history.events import Phase, Saved
from . import state
from .progress import RunProgress
from .resumable import Resumable
from .saving import Saver

STATE_SECONDS = 300.0
"""A killed run loses at most this much work, however rarely it saves files."""


BestWeights = Callable[[RunProgress], AbstractContextManager[RunProgress]]
"""A context in which what is trained has the weights of its best step; gives how far the run was then."""


class NullCheckpointWriter:
    """Writes nothing: of several processes of a run, only rank 0 writes."""

    due = False

    def save(self, progress: RunProgress, kind: str) -> Iterator[Phase | Saved]:
        """Write no file and no state."""
        return iter(())

    def save_best(self, progress: RunProgress, best: BestWeights) -> Iterator[Phase | Saved]:
        """Write no file and no state."""
        return iter(())

    def write_state(self, progress: RunProgress) -> None:
        """Write no state to disk."""

    def rescue(self, progress: RunProgress) -> Saved | None:
        """Save nothing: rank 0 does."""

    def restore_saved(self, progress: RunProgress) -> Saved | None:
        """Restore nothing: rank 0 does."""

    def remove_state(self) -> None:
        """Remove nothing: rank 0 does."""


class CheckpointWriter:
    """Writes files and states together; the state comes last, so that whatever it stands for is on disk."""

    def __init__(self, saver: Saver, resumable: Resumable, folder: Path, step: int) -> None:
        """`folder`: of the states; `step`: the step of the state that is there, 0 without one."""
        self._saver, self._resumable, self._folder = saver, resumable, folder
        self._state_step = step  # of the state on disk
        self._due, self._took = time.monotonic() + STATE_SECONDS, 0.0
        self._saving = False  # the last file was not told of

    def save(self, progress: RunProgress, kind: str) -> Iterator[Phase | Saved]:
        """Write a LoRA file, then the state."""
        yield Phase("saving and checking the file")
        self._saving = True
        saved = self._saver(progress, kind)
        self._saving = False
        yield saved
        self.write_state(progress)

    def save_best(self, progress: RunProgress, best: BestWeights) -> Iterator[Phase | Saved]:
        """Write the state of the last step, then the run's file with the weights of its best step."""
        yield Phase("saving and checking the file")
        if progress.step != self._state_step:
            self.write_state(progress)
        with best(progress) as then:
            saved = self._saver(then, "last", reached=progress.step)
        yield saved

    def write_state(self, progress: RunProgress) -> None:
        """Write the state, and note when the next one is due."""
        start = time.monotonic()
        state.write(self._folder, self._resumable.capture(progress))
        now = time.monotonic()
        self._state_step, self._took = progress.step, now - start
        self._due = now + max(STATE_SECONDS, 20 * self._took)  # a large state costs at most a twentieth of the time

    @property
    def due(self) -> bool:
        """Whether the last state is older than STATE_SECONDS, or than 20 times what writing it took."""
        return time.monotonic() > self._due

    def rescue(self, progress: RunProgress) -> Saved | None:
        """Save what is not on disk yet of the last finished step: something has stopped the run.

        Returns:
            a file that nobody was told of: this one, or one that was written when an interrupt came to its check.
        """
        files = [saved for saved in self._saver.saved if saved.step == progress.step]
        saved = files[-1] if files and self._saving else None
        if not files and progress.step:
            saved = self._saver(progress, "interrupted")
        if progress.step != self._state_step:
            self.write_state(progress)
        return saved

    def restore_saved(self, progress: RunProgress) -> Saved | None:
        """Go back to the state on disk and write its LoRA file; None if there is no state."""
        last = state.latest(self._folder)
        if last is None:
            return None
        self._resumable.restore(last.read(), progress)
        return self._saver(progress, "interrupted")

    def remove_state(self) -> None:
        """Delete the state from disk, for runs that do not keep it after their end."""
        state.remove(self._folder)
