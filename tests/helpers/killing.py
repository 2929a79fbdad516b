"""Processes that die by kill -9: a fork of this one, at a moment of the clock or at its n-th operation on files."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

OPERATIONS = ("open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.truncate")
"""Python's audit events of what changes a folder."""


def writes(arguments: tuple[object, ...]) -> bool:
    """Whether the arguments of an audit event "open" are those of a file to be written."""
    return isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))


class Counter:
    """Counts the operations on files below a folder, and kills this process at one of them."""

    def __init__(self, folder: Path, deadly: int = 0) -> None:
        """`deadly`: the number of the operation before which the process dies; 0: none."""
        self.count, self._folder, self._deadly = 0, str(folder), deadly
        sys.addaudithook(self._seen)

    def stop(self) -> None:
        """Count no more; an audit hook cannot be taken away."""
        self._folder = ""

    def _seen(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._folder or event not in OPERATIONS or self._folder not in str(arguments[0]):
            return
        if event == "open" and not writes(arguments):
            return
        self.count += 1
        if self.count == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def counted(folder: Path) -> Iterator[Counter]:
    """Count what this process does to files below a folder."""
    counter = Counter(folder)
    try:
        yield counter
    finally:
        counter.stop()


def forked(work: Callable[[], None], folder: Path, *, operation: int = 0, seconds: float = 0.0) -> bool:
    """Do `work` in a fork of this process; returns whether it was killed.

    Args:
        folder: whose operations count.
        operation: it is killed before this one; 0: before none.
        seconds: it is killed after them; 0.0: never.
    """
    child = os.fork()
    if not child:
        code = 1
        try:
            Counter(folder, operation)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    end = time.monotonic() + seconds if seconds else float("inf")
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            ended = os.waitpid(child, 0)
            break
        time.sleep(0.002)
    killed = os.WIFSIGNALED(ended[1])
    assert killed or os.WEXITSTATUS(ended[1]) == 0, "the work has failed; its traceback is above"
    return killed
