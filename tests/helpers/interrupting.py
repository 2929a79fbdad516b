"""Ways to stop a run that trains in this process, at moments that are counted: asks of the host, events, operations on files."""

from __future__ import annotations

import errno
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import killing
import torch

KINDS = (
    *("ask", "ask", "ask", "clock", "clock", "event", "event", "twice"),
    *("shown", "key", "stop", "disk", "bug", "memory", "asked"),
)
"""ask: an interrupt at one of the host's many questions whether there is one, in any layer of a model; clock: whenever it is; event:
as the node shows an event; twice: again while the run saves; shown: showing an event fails; key: Ctrl-C there; stop: the sidebar's; disk:
one operation on files fails; bug: a layer fails; memory: a layer has no room; asked: a file and samples, no stop."""


class Shown(Exception):
    """What showing an event raises."""


@dataclass
class Moment:
    """When and how the run that trains next is stopped; counts what it is asked on its way."""

    kind: str = ""
    at: float = 0.0  # number of the question, event or operation; seconds
    asks: int = 0
    events: int = 0
    operations: int = 0
    came: bool = False
    drop: Callable[[], None] = field(default=lambda: None)  # called at the event `drop_at`
    drop_at: int = -1


class Interruptions:
    """Counts in this process, and stops the run where its moment comes."""

    def __init__(self, folder: Path) -> None:
        self.moment, self._folder = Moment(), str(folder)
        sys.addaudithook(self._operation)

    def stop(self) -> None:
        """Look at no operations any more: an audit hook cannot be taken away."""
        self._folder = ""

    def _operation(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._folder or event not in killing.OPERATIONS or self._folder not in str(arguments[0]):
            return
        if event == "open" and not killing.writes(arguments):
            return
        self.moment.operations += 1
        if self.moment.kind == "disk" and self.moment.operations == int(self.moment.at):
            self.moment.came = True
            raise OSError(errno.ENOSPC, "No space left on device", str(arguments[0]))

    def asked(self, real: Callable[[], None]) -> None:
        """Stand in for the host's question whether it was interrupted."""
        import comfy.model_management as mm

        moment = self.moment
        moment.asks += 1
        if moment.asks == int(moment.at):
            self._come_by_asking()
        try:
            real()
        except BaseException:
            if moment.kind == "twice" and moment.came:
                moment.kind = "second"
                mm.interrupt_current_processing()  # while the run saves
            raise

    def _come_by_asking(self) -> None:
        import comfy.model_management as mm

        kind = self.moment.kind
        if kind in ("ask", "twice"):
            self.moment.came = True
            mm.interrupt_current_processing()
        if kind == "bug":
            self.moment.came = True
            raise RuntimeError("a layer that fails")
        if kind == "memory":
            self.moment.came = True
            raise torch.OutOfMemoryError("imitated")

    def show(self, run_id: str) -> None:
        """Do what is to happen before an event is shown."""
        import comfy.model_management as mm
        from athanor.training_core.run import control

        moment = self.moment
        moment.events += 1
        if moment.events == moment.drop_at:
            moment.drop()
        if moment.events != int(moment.at) or moment.kind not in ("event", "shown", "key", "stop", "asked"):
            return
        moment.came = True
        if moment.kind == "event":
            mm.interrupt_current_processing()
        elif moment.kind == "shown":
            raise Shown("the page is gone")
        elif moment.kind == "key":
            raise KeyboardInterrupt
        elif moment.kind == "stop":
            control.give(run_id, "stop")
        else:
            control.give(run_id, "save")
            control.give(run_id, "sample")

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Inside, the host is interrupted once the seconds of a moment of the clock are over."""
        import comfy.model_management as mm

        def ring() -> None:
            self.moment.came = True
            mm.interrupt_current_processing()

        timer = threading.Timer(self.moment.at, ring)
        if self.moment.kind == "clock":
            timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with suppress(RuntimeError):
                timer.join()


def moment(rng: random.Random, whole: Moment, seconds: float) -> Moment:
    """Return a moment of a run that asks, shows and writes as often as `whole` has, and takes so many seconds."""
    kind = rng.choice(KINDS)
    if kind == "clock":
        return Moment(kind, rng.uniform(0, seconds))
    if kind == "disk":
        return Moment(kind, rng.randint(1, whole.operations))
    if kind in ("ask", "twice", "bug", "memory"):
        return Moment(kind, rng.randint(1, whole.asks))
    return Moment(kind, rng.randint(1, whole.events))


def hooked(interruptions: Interruptions, patch: Any) -> None:
    """Let the host ask through `interruptions`, and its progress bars ask as they do in a server."""
    import comfy.model_management as mm
    import comfy.utils

    real = mm.throw_exception_if_processing_interrupted
    patch.setattr(mm, "throw_exception_if_processing_interrupted", lambda: interruptions.asked(real))
    patch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", lambda *_, **__: mm.throw_exception_if_processing_interrupted())
