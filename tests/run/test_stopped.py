"""A run that is stopped between two looks at the device, or while it encodes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from athanor.training_core.history.events import Encoded, Stepped
from athanor.training_core.resume.progress import Outcome, Pending, RunProgress

pytestmark = pytest.mark.usefixtures("comfy")


def pending(step: int) -> Pending:
    numbers = torch.tensor([1.0])
    outcome = Outcome(losses=numbers, t=numbers, grad_norm=torch.tensor(1.0), lrs=(0.1,))
    return Pending(step=step, epoch=1, lr=0.1, seconds=0.1, waited=0.0, outcome=outcome, pictures=())


def test_no_step_is_missing_in_the_log():
    """On a GPU the numbers of up to nine steps wait there; an interrupt lost them, while the run went on behind them."""
    from athanor.training_core.run.session import _save_what_was_reached

    progress, logged, saved = RunProgress(step=4, pending=[pending(step) for step in (1, 2, 3, 4)]), [], []
    events = progress.read()
    logged += [next(events), next(events)]
    events.close()  # an interrupt as the node shows the second
    writer = SimpleNamespace(rescue=lambda progress: saved.append(progress.step))
    trainer = SimpleNamespace(stepper=SimpleNamespace(consistent=True), writer=writer, progress=progress)
    run_log = SimpleNamespace(add=logged.append)
    _save_what_was_reached(KeyboardInterrupt(), cast(Any, run_log), cast(Any, trainer))
    steps = [event.step for event in logged if isinstance(event, Stepped)]
    assert list(dict.fromkeys(steps)) == [1, 2, 3, 4] and saved == [
        4
    ]  # the second comes again; a RunLog writes it once


def test_a_step_whose_line_found_no_room_is_logged_at_the_end_and_once(tmp_path, monkeypatch):
    """A full disk lost the line of a step that was trained; the file and the resumed run were right."""
    from athanor.training_core.history import log as run_logs

    log = run_logs.RunLog.__new__(run_logs.RunLog)
    log._folder, log._metrics, log._events, log._step = (
        tmp_path,
        tmp_path / "metrics.jsonl",
        tmp_path / "events.jsonl",
        0,
    )
    append, full = run_logs.append_line, [False, True, False]

    def append_line(path, line):
        if full and full.pop(0):
            raise OSError("no room")
        append(path, line)

    monkeypatch.setattr(run_logs, "append_line", append_line)
    progress = RunProgress(step=2, pending=[pending(1), pending(2)])
    with pytest.raises(OSError, match="no room"):
        list(log.logged(progress.read()))
    assert [event.step for event in log.logged(progress.read())] == [2] and not progress.pending
    shown = RunProgress(step=3, pending=[pending(3)])
    events = log.logged(shown.read())
    next(events)
    events.close()  # an interrupt as the node shows it
    list(log.logged(shown.read()))
    steps = [json.loads(line)["step"] for line in log._metrics.read_text(encoding="utf-8").splitlines()]
    assert steps == [1, 2, 3]


def test_an_encoder_ends_with_an_interrupt():
    """It was kept as long as the interrupt's traceback: a second VAE in memory, and a thread that read pictures."""
    from athanor.training_core.run.encoded import Encodings

    order: list[str] = []

    def pictures(_variants: object) -> Iterator[tuple[int, int]]:
        try:
            yield 1, 2
        finally:
            order.append("encoder ended")

    fake = SimpleNamespace(
        _latents=SimpleNamespace(keys=lambda variants: set()), _store=SimpleNamespace(hold=lambda keys: None),
        _kept=set(), _epoch=set(), _captions=lambda captions: (pair for pair in ()), _pictures=pictures,
    )  # fmt: skip
    events = Encodings.fill(cast(Any, fake), [])
    assert isinstance(next(events), Encoded)
    with pytest.raises(KeyboardInterrupt) as kept:
        cast(Any, events).throw(KeyboardInterrupt())
    assert order == ["encoder ended"] and kept.tb


def test_what_encodes_for_a_session_ends_with_it():
    from athanor.training_core.run.encoding import Encoding

    order: list[str] = []

    def encoded() -> Iterator[Encoded]:
        try:
            yield Encoded("pictures", 1, 2)
        finally:
            order.append("encoder ended")

    nobody: Any = SimpleNamespace(take=lambda command: False, asked=lambda flag: flag)
    events: Any = Encoding(nobody, nobody, nobody)._until_asked(encoded())
    next(events)
    with pytest.raises(KeyboardInterrupt) as kept:
        events.throw(KeyboardInterrupt())
    assert order == ["encoder ended"] and kept.tb


def test_a_run_pauses_after_a_measurement_of_its_probe(tmp_path):
    """A sweep ends it at a rung: asked to stop at the first measurement from that step on, and only inside of `pausing`."""
    from athanor.training_core.run import control

    with control.pausing(20), control.listening("abc", tmp_path) as commands:
        commands.measured(10)
        assert not commands.take("stop")
        commands.measured(24)
        assert commands.take("stop") and not commands.take("stop")
    with control.pausing(None), control.listening("abc", tmp_path) as commands:
        commands.measured(24)
        assert not commands.take("stop")
