"""Signals that ask a process to end: Ctrl-C, SIGTERM (docker stop, systemd, an eviction), a closed terminal, Windows' CTRL_BREAK.

Imports nothing of the host, since the command line handles them before ComfyUI is there.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""SIGHUP: a terminal was closed. SIGBREAK is Windows' CTRL_BREAK."""

SAME = 1.0
"""Seconds within which signals are one wish: a launcher passes on what the terminal or systemd has sent to all processes."""


def wanted() -> list[int]:
    """Return the numbers of those that exist here and that nobody wants ignored (nohup: SIGHUP; a script's `&`: SIGINT)."""
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    return [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]


def name(number: int) -> str:
    """Return a signal's name, such as "SIGTERM"."""
    return signal.Signals(number).name


def end(number: int) -> None:
    """End this process as the signal does where nobody handles it.

    As PID 1 of a container, too, where the kernel takes no default action: with exit code 128 + number, as shells count.
    """
    if os.getpid() == 1:
        os._exit(128 + number)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def end_at_once() -> None:
    """Let each of them end this process from now on: nothing has begun that could be lost."""
    for number in wanted():
        signal.signal(number, lambda number, _: end(number))


class Asked:
    """Whether this process was asked to end, and by which signal; a second one, SAME seconds later, ends it at once.

    Not where a launcher has started it with others (accelerate): systemd, the launcher and its own parent each send one, and on a
    busy machine not within a second. The launcher kills what has not ended after 30.
    """

    def __init__(self, stop: Callable[[str], None]) -> None:
        """`stop` is called in the main thread at the first signal, with its name."""
        self._stop, self._since = stop, 0.0
        self._launched = int(os.environ.get("WORLD_SIZE", "1")) > 1
        self.by = ""
        for number in wanted():
            signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if not self.by:
            self.by, self._since = name(number), time.monotonic()
            self._stop(self.by)
        elif not self._launched and time.monotonic() - self._since > SAME:
            end(number)


class SavesFirst:
    """Handlers for a process of others: what is under way is saved, then a signal does what it did before.

    A second signal, SAME seconds later, does it at once.
    """

    def __init__(self, save: Callable[[str], None]) -> None:
        """`save` is called in a thread with the signal's name and returns once nothing can be lost any more."""
        self._save, self._since, self._saved = save, 0.0, False
        self._passed_on = threading.Event()
        self._before: dict[int, Any] = {}
        self._asked = queue.SimpleQueue[int]()  # its `put` may interrupt itself, as a handler can

    def install(self) -> None:
        """Handle signals from now on; nothing is done outside of the main thread, where Python allows no handlers."""
        if threading.current_thread() is not threading.main_thread():
            return
        threading.Thread(target=self._work, daemon=True, name="athanor signals").start()
        for number in wanted():
            self._before[number] = signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self._since:
            self._since = now
            self._asked.put(number)
        elif self._saved or now - self._since > SAME:
            self._since, self._saved = 0.0, False
            self._passed_on.set()
            before = self._before[number]
            if callable(before):
                before(number, frame)
            else:
                end(number)

    def _work(self) -> None:
        """Save, then let the main thread pass the signal on: Python runs handlers there alone.

        Until it has: a signal that comes while a handler runs is noted, but does not wake a main thread that goes on waiting then.
        """
        while True:
            number = self._asked.get()
            self._passed_on.clear()
            try:
                self._save(name(number))
            finally:
                self._saved = True
                _to_main_thread(number)
                while not self._passed_on.wait(0.1):
                    _to_main_thread(number)


def _to_main_thread(number: int) -> None:
    """Send a signal to the main thread, which may be waiting for the network."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)
    else:
        signal.raise_signal(number)
