"""A run that is stopped in the middle of an event has saved what it reached before anyone hears of it."""

from __future__ import annotations

from collections.abc import Generator
from types import SimpleNamespace
from typing import Any, cast

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


@pytest.mark.usefixtures("comfy")
def test_an_encoder_is_no_longer_at_work_when_the_run_saves():
    from athanor.training_core.run.hooks import RunHooks

    order: list[str] = []

    def encode(_batches: object) -> Generator[Event, None, None]:
        try:
            yield Warned("one")
        finally:
            order.append("encoder ended")

    def run() -> Generator[Event, None, None]:
        try:
            yield from RunHooks.before_epoch(cast(Any, SimpleNamespace(encode=encode)), [])
        except BaseException:
            order.append("saved")
            raise

    events = run()
    next(events)
    with pytest.raises(KeyboardInterrupt) as held:
        events.throw(KeyboardInterrupt())
    assert order == ["encoder ended", "saved"] and held.tb
