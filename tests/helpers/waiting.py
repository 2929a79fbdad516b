"""Waiting for what others do: a wait that succeeds costs nothing, so all are as long as a busy machine may need."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], every: float = 0.05) -> T:
    """Wait until `look`, asked after so many seconds again, gives something true; return that.

    Raises:
        TimeoutError: it has not within five minutes.
    """
    end = time.monotonic() + 300
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError("what was waited for has not come within five minutes")
        time.sleep(every)
    return found
