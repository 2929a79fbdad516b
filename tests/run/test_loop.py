"""How long a step took, told of a device that works behind: by a clock that goes on only where something takes time."""

from types import SimpleNamespace

import pytest
import torch
from athanor.training_core.data.plan import Length
from athanor.training_core.resume.progress import Outcome, RunProgress
from athanor.training_core.run.loop import loop


class Clock:
    """Stands still but for its sleep."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Device:
    """Computes one step after the other, of which it was told at once."""

    def __init__(self, clock):
        self.clock, self.free = clock, 0.0  # when it is done with what it was told

    def losses(self, seconds):
        """Of a step that takes so long."""
        self.free = ready = max(self.free, self.clock.now) + seconds

        def tolist():
            self.clock.sleep(max(0.0, ready - self.clock.now))
            return [1.0, 3.0]

        return SimpleNamespace(tolist=tolist)


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    for module in ("run.loop", "resume.progress"):
        monkeypatch.setattr(f"athanor.training_core.{module}.time", found)
    return found


def steps_of(clock, seconds, waits, every, between=0.0):
    """What a run of one epoch tells of its steps, read every so many of them; `between` seconds go by after each reading."""
    progress, device = RunProgress(), Device(clock)
    numbers = torch.tensor([500.0, 1.0])

    def load(steps):
        for wait in waits:
            clock.sleep(wait)
            yield [], wait

    def stepper(step, lr, conditioned, sizes):
        return Outcome(losses=device.losses(seconds), t=numbers, grad_norm=torch.tensor(1.0), lrs=(lr,))

    def after_step(progress):
        if len(progress.pending) == every:
            yield from progress.read()
            clock.sleep(between)

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
    return list(events)


def test_steps_take_what_the_device_takes(clock):
    told = steps_of(clock, 3.0, [0.0] * 5, every=3)
    assert [s.step for s in told] == [1, 2, 3, 4, 5] and [s.loss for s in told] == [2.0] * 5
    assert [s.seconds for s in told] == pytest.approx([3.0] * 5) and clock.now == 15.0


def test_what_is_done_in_between_is_no_step(clock):
    told = steps_of(clock, 2.0, [0.0] * 4, every=2, between=20.0)
    assert [s.seconds for s in told] == pytest.approx([2.0] * 4) and clock.now == 48.0


def test_waiting_for_data_stays_with_its_step(clock):
    told = steps_of(clock, 1.0, [0.0, 10.0, 0.0], every=3)
    assert [s.data_wait for s in told] == [0.0, 10.0, 0.0]
    assert all(s.seconds >= s.data_wait for s in told) and told[1].seconds > 10.0 > told[0].seconds
    assert sum(s.seconds for s in told) == pytest.approx(clock.now)


def test_steps_are_read_before_a_look(comfy):
    """A look waits for the device: what it waits for is the steps' time, not its own."""
    from athanor.training_core.run.hooks import RunHooks

    calls, progress = [], RunProgress()
    progress.read = lambda: calls.append("read") or iter(())
    nothing = SimpleNamespace(due=lambda *args: False, take=lambda name: False, bad=0, measured=lambda step: None)
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
    progress.shown = True
    for progress.step in (1, 2, 3, 4):
        assert [event for event in hooks.after_step(progress) if event] == []
    assert calls == ["read", "look"]
    # The first step of a session is shown at once: a page said "waiting for the first step" for ten.
    progress.shown, progress.step = False, 5
    assert list(hooks.after_step(progress)) == [] and calls == ["read", "look", "read"]


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
