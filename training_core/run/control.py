"""What the user asks of a run while it trains: by a button, over HTTP, or by a file of that name in the run's folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Command = Literal["stop", "save", "sample"]

_live: dict[str, Control] = {}


class Control:
    """Commands to one run; given by any thread, taken by the loop between two steps."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: where other processes leave their commands as empty files ("stop", "save", "sample")."""
        self._flags = {"stop": threading.Event(), "save": threading.Event(), "sample": threading.Event()}
        self._folder, self._looked = folder, 0.0
        self._read()  # what was meant for whoever trained this before
        for flag in self._flags.values():
            flag.clear()

    def give(self, command: Command) -> None:
        """Ask for it."""
        self._flags[command].set()

    def take(self, command: Command) -> bool:
        """Whether it was asked for; it is answered by this."""
        if time.monotonic() - self._looked > 0.5:
            self._read()
        flag = self._flags[command]
        asked = flag.is_set()
        flag.clear()
        return asked

    def _read(self) -> None:
        """Turn files into flags."""
        self._looked = time.monotonic()
        for command, flag in self._flags.items():
            path = self._folder and self._folder / command
            if path and path.exists():
                path.unlink(missing_ok=True)
                flag.set()


def leave(folder: Path, command: Command) -> None:
    """Ask a run in another process for something."""
    (folder / command).touch()


@contextmanager
def listening(run_id: str, folder: Path | None = None) -> Iterator[Control]:
    """The control of a run that trains in this process, or is shown by it."""
    _live[run_id] = control = Control(folder)
    try:
        yield control
    finally:
        _live.pop(run_id, None)


def give(run_id: str, command: Command) -> bool:
    """Ask a run for something; False if it does not train in this process."""
    control = _live.get(run_id)
    if control:
        control.give(command)
    return control is not None


def live() -> list[str]:
    """The runs that train in this process."""
    return list(_live)
