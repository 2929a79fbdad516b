"""A run that is stopped between two looks at the device, or while it encodes."""

from __future__ import annotations

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
    assert [event.step for event in logged if isinstance(event, Stepped)] == [1, 2, 3, 4] and saved == [4]


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
