"""How long a step took, told of a device that works behind."""

import time
from types import SimpleNamespace

import pytest
import torch
from athanor.training_core.data.plan import Length
from athanor.training_core.resume.progress import Outcome, RunProgress
from athanor.training_core.run.loop import loop


class Late:
    """Losses of a device that computes one step after the other, each for so many seconds; it was told them at once."""

    free = 0.0  # when it is done with what it was told

    def __init__(self, seconds):
        Late.free = self.ready = max(Late.free, time.perf_counter()) + seconds

    def tolist(self):
        time.sleep(max(0.0, self.ready - time.perf_counter()))
        return [1.0, 3.0]


def steps_of(seconds, waits, every, between=0.0):
    """What a run of one epoch tells of its steps, read every so many of them; `between` seconds go by after each reading."""
    progress = RunProgress()
    numbers = torch.tensor([500.0, 1.0])

    def load(steps):
        for wait in waits:
            time.sleep(wait)
            yield [], wait

    def stepper(step, lr, conditioned, sizes):
        return Outcome(losses=Late(seconds), t=numbers, grad_norm=torch.tensor(1.0), lrs=(lr,))

    def after_step(progress):
        if len(progress.pending) == every:
            yield from progress.read()
            time.sleep(between)

    hooks = SimpleNamespace(
        before_epoch=lambda batches: iter(()),
        go_on=lambda: True,
        after_step=after_step,
        after_epoch=lambda progress: progress.read(),
        memory=lambda: 1.0,
    )
    events = loop(
        length=Length(len(waits), 1, len(waits)),
        batches_per_step=1,
        epoch_plan=lambda epoch: [SimpleNamespace(samples=[])] * len(waits),
        usable=lambda batches: batches,
        load=load,
        stepper=stepper,
        learning_rate=lambda step: 0.1,
        hooks=hooks,
        progress=progress,
    )
    start = time.perf_counter()
    steps = list(events)
    return steps, time.perf_counter() - start


def test_steps_take_what_the_device_takes():
    told, whole = steps_of(0.03, [0.0] * 5, every=3)
    assert [s.step for s in told] == [1, 2, 3, 4, 5] and [s.loss for s in told] == [2.0] * 5
    assert sum(s.seconds for s in told) == pytest.approx(whole, rel=0.1)
    assert all(s.seconds == pytest.approx(0.03, rel=0.3) for s in told)


def test_what_is_done_in_between_is_no_step():
    told, whole = steps_of(0.02, [0.0] * 4, every=2, between=0.2)
    assert whole > 0.4 and all(s.seconds == pytest.approx(0.02, rel=0.5) for s in told)


def test_waiting_for_data_stays_with_its_step():
    told, whole = steps_of(0.01, [0.0, 0.1, 0.0], every=3)
    assert [s.data_wait for s in told] == [0.0, 0.1, 0.0]
    assert all(s.seconds >= s.data_wait for s in told) and told[1].seconds > 0.1 > told[0].seconds
    assert sum(s.seconds for s in told) == pytest.approx(whole, rel=0.1)


def test_steps_are_read_before_a_look(comfy):
    """A look waits for the device: what it waits for is the steps' time, not its own."""
    from athanor.training_core.run.hooks import RunHooks

    calls, progress = [], RunProgress()
    progress.read = lambda: calls.append("read") or iter(())
    nothing = SimpleNamespace(due=lambda *args: False, take=lambda name: False, bad=0)
    hooks = RunHooks(
        steps=99,
        epochs=9,
        model=SimpleNamespace(device=torch.device("cuda")),
        module=None,
        eval_weights=None,
        health=nothing,
        encoding=None,
        warnings=lambda: iter(()),
        probe=SimpleNamespace(due=lambda step, steps: step % 3 == 0, look=lambda *args: calls.append("look")),
        samples=nothing,
        save_due=lambda *args: False,
        writer=SimpleNamespace(due=False),
        control=nothing,
        ranks=None,
    )
    for progress.step in (1, 2, 3, 4):
        assert [event for event in hooks.after_step(progress) if event] == []
    assert calls == ["read", "look"]


def test_only_the_batches_of_the_steps_that_are_made_are_encoded():
    """A run of 2 steps of 100 pictures encoded all of them; one that went on near the end of an epoch, too."""
    encoded, taken = [], []

    def before_epoch(batches):
        encoded.append([batch.samples[0] for batch in batches])
        yield from ()

    def stepper(step, lr, conditioned, sizes):
        taken.append(step)
        return Outcome(losses=torch.ones(1), t=torch.ones(1), grad_norm=torch.tensor(1.0), lrs=(lr,))

    for done, steps in ((0, 2), (99, 101)):
        progress, hooks = (
            RunProgress(),
            SimpleNamespace(before_epoch=before_epoch, go_on=lambda: True, memory=lambda: 1.0),
        )
        hooks.after_step = hooks.after_epoch = lambda progress: progress.read()
        progress.step = done
        list(
            loop(
                length=Length(steps, -(-steps // 100), 100),
                batches_per_step=1,
                epoch_plan=lambda epoch: [SimpleNamespace(samples=[(epoch, number)]) for number in range(100)],
                usable=lambda batches: [SimpleNamespace(samples=[]) for _ in batches],
                load=lambda steps: (([], 0.0) for _ in steps),
                stepper=stepper,
                learning_rate=lambda step: 0.1,
                hooks=hooks,
                progress=progress,
            )
        )
    assert encoded == [[(0, 0), (0, 1)], [(0, 99)], [(1, 0)]] and taken == [0, 1, 99, 100]
