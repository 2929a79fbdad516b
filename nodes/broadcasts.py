"""What all open pages and other clients of the websocket hear of a run: messages of the type `athanor.run`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from server import PromptServer

from ..training_core.history import kept
from ..training_core.history.events import Queued
from ..training_core.history.registry import Record, RunSummary
from ..training_core.host.redacted_paths import without_roots
from ..training_core.json_text import finite
from .run_rows import listed

_hearing: list[Callable[[Mapping[str, Any]], None]] = []


@contextmanager
def hearing(listener: Callable[[Mapping[str, Any]], None]) -> Iterator[None]:
    """Inside, call `listener` with each message of the runs of this process, in the thread that trains, once it is sent."""
    _hearing.append(listener)
    try:
        yield
    finally:
        _hearing.remove(listener)


class Broadcasts:
    """Sends messages that each tell how the run stands, so that a client that has missed some knows it from the next."""

    def __init__(self, run_id: str, node: str, name: str, queued: Queued | None, workflow_id: str = "") -> None:
        """Send nothing yet.

        Args:
            node: id of the node that trains.
            name: output_name; with it a page knows its own node from another page's node of the same id.
            queued: the host's job that it belongs to.
            workflow_id: that the page has given the workflow; "" where no page has queued it.
        """
        identity = {"run_id": run_id, "node": node, "workflow_id": workflow_id, "name": name}
        self._identity = {**identity, "prompt_id": queued.prompt_id if queued else ""}
        self._state: dict[str, Any] = {"status": "preparing", "step": 0, "steps": 0, "lr": None}

    def tell(self, kind: str, **values: Any) -> None:
        """Send one message; `values` that are part of the run's state are told by all later ones as well."""
        values = {name: without_roots(value) if isinstance(value, str) else value for name, value in values.items()}
        self._state |= {name: values[name] for name in self._state.keys() & values.keys()}
        message = finite({**self._identity, "kind": kind, **self._state, **values})
        PromptServer.instance.send_sync("athanor.run", message)
        for listener in _hearing:
            listener(message)

    def ended(
        self, record: Record | None, files: list[dict[str, Any]], error: BaseException | None, reused: bool
    ) -> None:
        """Send the last message of a session, when all that it tells is on disk.

        Args:
            record: what the run's folder holds; None if it was refused before it had one, or taken away.
            files: that the run has left.
            error: by which the session has ended, if there was one.
            reused: the run had finished before, and was not trained again.
        """
        run = RunSummary.of(record) if record else None
        if error is None:
            status, why = (run.status, run.why) if run else ("failed", "the run's folder was taken away")
        elif isinstance(error, Exception):
            status, why = "failed", str(error) or type(error).__name__
        else:
            status, why = "interrupted", run.why if run else ""
        state = {"step": run.step, "steps": run.steps, "title": run.title} if run else {"title": ""}
        said = kept.sentence(record, listed) if record else ""
        self.tell("ended", status=status, why=why, kept=said, **state, files=files, reused=reused)


def rate(lr: float, d_lr: float | None) -> float | None:
    """Return the learning rate that the optimizer used: d * lr where it finds d itself; None if that is no number."""
    used = lr if d_lr is None else d_lr
    return used if math.isfinite(used) else None
