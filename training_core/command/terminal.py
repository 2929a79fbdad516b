"""What the command line prints: on a terminal as it comes, into a file with the time and at a rate that fits one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TextIO

TIME = "%Y-%m-%d %H:%M:%S"
_SECONDS = {True: 2.0, False: 30.0}
"""Between two lines of progress, on a terminal or not."""
_SOON = 2.0
"""Seconds until the first line of whatever begins."""


class Terminal:
    """Prints what nodes show while they work: a line every few seconds, a first and a last one of whatever is done."""

    def __init__(
        self, stream: TextIO, live: bool, loud: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`live`: a person looks at it; else lines begin with the time. `loud`: print anything at all."""
        self._stream, self._live, self._loud, self._clock = stream, live, loud, clock
        self._printed_at, self._waiting, self._what = 0.0, "", ""

    def __call__(self, text: str) -> None:
        """Take what a node shows now; it is printed now, later, or not at all."""
        line = ", ".join(text.splitlines())
        what = line.partition(" ")[0]
        if what != self._what and not self._live:  # "encoding" has ended, "step" begins
            self.flush()
            self._what, self._printed_at = what, self._clock() - _SECONDS[False] + _SOON
        self._waiting = line
        if self._clock() - self._printed_at > _SECONDS[self._live]:
            self.flush()

    def flush(self, unless: str = "") -> None:
        """Print the last line if it has not been printed yet, and is not `unless`, which follows."""
        if self._waiting and self._waiting != ", ".join(unless.splitlines()):
            self.say(self._waiting)
        self._printed_at, self._waiting = self._clock(), ""

    def say(self, text: str) -> None:
        """Print a text now."""
        for line in text.splitlines() if self._loud else ():
            print(line if self._live else f"{time.strftime(TIME)} {line}", file=self._stream, flush=True)

    def formatter(self) -> logging.Formatter:
        """Return the form of lines that are logged beside it."""
        return logging.Formatter("%(message)s" if self._live else "%(asctime)s %(message)s", TIME)
