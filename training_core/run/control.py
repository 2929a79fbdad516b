"""What the user asks of a run while it trains: by a button, or over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Command = Literal["stop", "save", "sample"]

_live: dict[str, Control] = {}


class Control:
    """Commands to one run; given by any thread, taken by the loop between two steps."""

    def __init__(self) -> None:
        self._flags = {"stop": threading.Event(), "save": threading.Event(), "sample": threading.Event()}

    def give(self, command: Command) -> None:
        """Ask for it."""
        self._flags[command].set()

    def take(self, command: Command) -> bool:
        """Whether it was asked for; it is answered by this."""
        flag = self._flags[command]
        asked = flag.is_set()
        flag.clear()
        return asked


@contextmanager
def listening(run_id: str) -> Iterator[Control]:
    """The control of a run that trains in this process."""
    _live[run_id] = control = Control()
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
