"""A run that is stopped in the middle of an event has saved what it reached before anyone hears of it."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from athanor.training_core.history.events import Event, Warned
from athanor.training_core.history.log import RunLog


def test_what_is_thrown_in_between_ends_what_is_read(tmp_path, monkeypatch):
    order: list[str] = []

    def session() -> Generator[Event, None, None]:
        try:
            yield Warned("one")
            yield Warned("two")
        finally:
            order.append("saved")

    monkeypatch.setattr(RunLog, "__init__", lambda self, folder: None)
    monkeypatch.setattr(RunLog, "add", lambda self, event: [event])

    def run() -> Generator[Event, None, None]:
        try:
            yield from RunLog(tmp_path).logged(session())
        except BaseException:
            order.append("noted")
            raise

    events = run()
    next(events)
    with pytest.raises(KeyboardInterrupt) as held:  # the traceback lives
        events.throw(KeyboardInterrupt())
    assert order == ["saved", "noted"] and held.tb
