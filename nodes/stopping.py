"""Ctrl-C, SIGTERM and the like to ComfyUI: a run that trains in it saves what it has reached, then ComfyUI ends as ever."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from server import PromptServer

from ..training_core.host import guard, signals
from ..training_core.run import control

SECONDS = 300.0
"""How long ComfyUI waits for a run that saves; whoever is less patient (docker stop: 10 s) kills it."""

log = logging.getLogger("athanor")


def register() -> None:
    """Handle the signals that ask ComfyUI to end; each does what it did before once the run has saved."""
    signals.SavesFirst(_save).install()


def _save(signal_name: str) -> None:
    """Interrupt the run that trains in this process, if there is one, and wait until its job has ended."""
    if not control.live():
        return
    ended, asked, end = _last_job(PromptServer.instance.prompt_queue), set[str](), time.monotonic() + SECONDS
    log.warning(
        "Athanor: %s: the run saves what it has reached, then ComfyUI ends. A second signal ends it at once.",
        signal_name,
    )
    while not ended.is_set() and time.monotonic() < end:
        if runs := set(control.live()) - asked:
            asked |= runs
            guard.interrupt(f"ComfyUI was asked to end ({signal_name})")
        ended.wait(0.2)


def _last_job(queue: Any) -> threading.Event:
    """Let the host's queue give out no more jobs; the event is set once its worker has ended the present one and asks for more."""
    ended, before = threading.Event(), queue.get

    def get(timeout: float | None = None) -> None:
        """Give out nothing while ComfyUI ends; everything again if the handler of somebody else keeps it alive."""
        ended.set()
        time.sleep(60)
        queue.get = before

    queue.get = get
    return ended
