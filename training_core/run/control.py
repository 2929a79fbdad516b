"""Commands to a run while it trains (stop, save, sample): from a button, over HTTP, or as a file of that name in its folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Command = Literal["stop", "save", "sample"]

_live: dict[str, Control] = {}
_pause: int | None = None  # the step of `pausing`


class Control:
    """The commands to one run: given by any thread, taken by the loop between two steps."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: where other processes leave their commands as empty files ("stop", "save", "sample")."""
        self._flags = {"stop": threading.Event(), "save": threading.Event(), "sample": threading.Event()}
        self._folder, self._looked, self._pause = folder, 0.0, _pause
        self._read()  # commands that were meant for an earlier session
        for flag in self._flags.values():
            flag.clear()

    def give(self, command: Command) -> None:
        """Ask the run for something; it does so after the current step."""
        self._flags[command].set()

    def measured(self, step: int) -> None:
        """Note that the probe was measured: inside of `pausing`, from its step on, the run is asked to stop."""
        if self._pause is not None and step >= self._pause:
            self.give("stop")

    def take(self, command: Command) -> bool:
        """Return whether `command` was given since the last call; asking clears it."""
        if time.monotonic() - self._looked > 0.5:
            self._read()
        flag = self._flags[command]
        asked = flag.is_set()
        flag.clear()
        return asked

    def asked(self, command: Command) -> bool:
        """Return whether `command` was given and nobody has taken it yet; it stays given."""
        if time.monotonic() - self._looked > 0.5:
            self._read()
        return self._flags[command].is_set()

    def _read(self) -> None:
        """Turn command files into flags and delete them."""
        self._looked = time.monotonic()
        for command, flag in self._flags.items():
            path = self._folder and self._folder / command
            if path and path.is_file():
                path.unlink(missing_ok=True)
                flag.set()


def leave(folder: Path, command: Command) -> None:
    """Leave a command for a run that trains in another process."""
    (folder / command).touch()


@contextmanager
def listening(run_id: str, folder: Path | None = None) -> Iterator[Control]:
    """Register the control of a run that this process trains, or whose processes it has launched."""
    _live[run_id] = control = Control(folder)
    try:
        yield control
    finally:
        _live.pop(run_id, None)


@contextmanager
def pausing(step: int | None) -> Iterator[None]:
    """Inside, a run that begins in this process stops after its first measurement of the probe at or after a step; None: none does.

    It is then as after *Stop and keep*: its file and state are saved, and the next time it goes on.
    """
    global _pause
    before, _pause = _pause, step
    try:
        yield
    finally:
        _pause = before


def give(run_id: str, command: Command) -> bool:
    """Give a command to a run of this process; False if there is no such run."""
    control = _live.get(run_id)
    if control:
        control.give(command)
    return control is not None


def live() -> list[str]:
    """Return the ids of the runs that train in this process."""
    return list(_live)
