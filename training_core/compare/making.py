"""Files that are made in the background, one at a time: how far the newest one is, how each of the last ones ended, and stopping it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import AthanorError
from ..host.redacted_paths import without_roots

log = logging.getLogger("athanor")

Show = Callable[[int, int], None]
"""Called with how many layers are done and how many there are; raises Stopped if the user has stopped it."""
_REMEMBERED = 16
"""Works whose end can be asked for."""
MAKING, DONE, FAILED, STOPPED = "making", "done", "failed", "stopped"


class Busy(AthanorError):
    """Another file is being made."""


class Stopped(AthanorError):
    """The user has stopped it; nothing is written."""


@dataclass(slots=True, kw_only=True)
class Work:
    """One file that is made, or was."""

    number: int
    name: str
    state: str = MAKING
    done: int = 0
    total: int = 0
    made: dict[str, Any] = field(default_factory=dict)  # what it has become
    error: str = ""  # why it has not
    asked_to_stop: bool = False

    def show(self, done: int, total: int) -> None:
        """Note how far it is.

        Raises:
            Stopped: the user has asked for that.
        """
        self.done, self.total = done, total
        if self.asked_to_stop:
            raise Stopped("Stopped: nothing was written.")

    @property
    def told(self) -> dict[str, Any]:
        """What is told of it, as JSON values."""
        told = {"id": self.number, "name": self.name, "state": self.state, "done": self.done, "total": self.total}
        return (
            told | ({"made": self.made} if self.state == DONE else {}) | ({"error": self.error} if self.error else {})
        )


@dataclass(slots=True, kw_only=True)
class Maker:
    """What is being made: one file at a time, since each takes the processor and the memory of its layers."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _works: list[Work] = field(default_factory=list)
    _count: int = 0

    def start(self, name: str, make: Callable[[Show], dict[str, Any]]) -> dict[str, Any]:
        """Begin to make a file in a thread of its own, and return what is told of it now.

        Raises:
            Busy: another one is being made.
        """
        with self._lock:
            if self._works and self._works[-1].state == MAKING:
                raise Busy(f"{self._works[-1].name} is being made: wait until it is done, or stop it.")
            self._count += 1
            work = Work(number=self._count, name=name)
            self._works = [*self._works[1 - _REMEMBERED :], work]
        threading.Thread(target=_make, args=(work, make), name=f"athanor making {name}", daemon=True).start()
        return work.told

    def state(self, number: int | None = None) -> dict[str, Any] | None:
        """Return what is told of the newest work ({} for none yet), or of one by its number (None where it is not known)."""
        works = self._works
        if number is None:
            return works[-1].told if works else {}
        return next((work.told for work in works if work.number == number), None)

    def stop(self) -> None:
        """Stop what is being made before its next layer."""
        for work in self._works[-1:]:
            work.asked_to_stop = True


def _make(work: Work, make: Callable[[Show], dict[str, Any]]) -> None:
    """Make a file, and note how that ended: last of all its state, which is what readers look at."""
    try:
        work.made = make(work.show)
        work.state = DONE
    except Stopped as error:
        work.error = str(error)
        work.state = STOPPED
    except Exception as error:
        from ..host import foreign  # which needs torch: not when ComfyUI starts

        if isinstance(error, AthanorError):
            said = str(error)
        else:
            log.exception("Athanor: %s could not be made", work.name)
            said = foreign.sentence(f"{work.name} could not be made", error, "choose another rank, or fewer files")
        work.error = without_roots(said)
        work.state = FAILED
