"""A run that is lengthened, cut within an epoch, stopped and killed learns and leaves what one does that had its length at once.

Hundreds of such lives (ATHANOR_FUZZ=1: thousands), told by the loop, the hooks and the names of files; what trains, draws and
writes is replaced.
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import fuzz
import pytest
import torch
from athanor.training_core import settings as s
from athanor.training_core.data.plan import Length
from athanor.training_core.errors import AthanorError
from athanor.training_core.resume.progress import Outcome, RunProgress
from athanor.training_core.resume.saving import SUFFIX, Saver
from athanor.training_core.resume.taking_over import named_by
from athanor.training_core.run.loop import loop

pytestmark = pytest.mark.usefixtures("comfy")

NUMBERS = torch.ones(1)
OUTCOME = Outcome(losses=NUMBERS, t=NUMBERS, grad_norm=torch.tensor(1.0), lrs=(0.1,))


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A run, as far as all lengths of it have it in common."""

    batches: int  # of an epoch
    per_step: int  # gradient accumulation and processes
    saving: s.TrainingSettings
    sampling: s.SamplingSettings

    def length(self, steps: int) -> Length:
        per_epoch = math.ceil(self.batches / self.per_step)
        return Length(steps, math.ceil(steps / per_epoch), per_epoch)

    def plan(self, epoch: int) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(samples=[SimpleNamespace(variant=SimpleNamespace(picture=(epoch, number)))])
            for number in range(self.batches)
        ]


@dataclass
class Disk:
    """What is there of a run; weights are all (step, batches) that they have learned from."""

    state: tuple = (0, 0, False, ())  # steps, finished epochs as they are noted, whether something is due, weights
    files: dict = field(default_factory=dict)  # name -> (steps, epoch, weights)
    pictures: dict = field(default_factory=dict)  # name -> (steps, weights)
    epochs: dict = field(default_factory=dict)  # step -> its epoch in metrics.jsonl
    trained: int = 0  # steps of the last session
    done: bool = False


class Session:
    """One session of a run, from the state on the disk."""

    def __init__(self, disk: Disk, kind: Kind, steps: int, stop: float = math.inf):
        """`stop`: the user asks it to stop before this step."""
        self.disk, self.kind, self.length, self.stop = disk, kind, kind.length(steps), stop
        step, noted, due, self.weights = disk.state
        self.progress = RunProgress(step=step, epoch=self.length.finished_epochs(step, noted), due=due)
        disk.trained, disk.done = 0, False
        target = SimpleNamespace(tensors=dict, write=self.write, check=None, in_diffusers_names=lambda tensors: None)
        self.saver = Saver(
            target=Path("x.safetensors"),
            trained=target,
            settings=kind.saving,
            steps_per_epoch=self.length.steps_per_epoch,
            metadata={},
            copies=Path(),
            run=Path(),
        )

    def write(self, path, tensors, metadata):
        self.disk.files[path.stem] = int(metadata["ss_steps"]), int(metadata["ss_epoch"]), self.weights
        return ""

    def save(self, progress, kind):
        yield self.saver(progress, kind)
        self.disk.state = progress.step, progress.epoch, progress.due, self.weights

    def draw(self, progress, kind, *_):
        name = f"e{progress.epoch}" if kind == "epoch" else f"s{progress.step}"
        self.disk.pictures[name] = progress.step, self.weights
        yield None

    def load(self, steps):
        for number, batches in steps:
            pictures = tuple(sample.variant.picture for batch in batches for sample in batch.samples)
            yield [(number, pictures)], 0.0

    def train(self, step, lr, conditioned, sizes):
        assert step == conditioned[0][0] and len(conditioned[0][1]) == len(sizes) > 0
        self.weights += tuple(conditioned)
        self.disk.trained += 1
        return OUTCOME

    def events(self):
        from athanor.training_core.run.hooks import RunHooks
        from athanor.training_core.run.samples import Samples

        idle = SimpleNamespace(
            due=lambda *_: False, take=lambda _: False, asked=lambda _: False, watch=lambda _: (), end=lambda: (), bad=0
        )
        due = Samples([], self.kind.sampling, Path(), "x", None).due
        hooks = RunHooks(
            steps=self.length.steps,
            epochs=self.length.epochs,
            model=SimpleNamespace(device=torch.device("cpu")),
            module=None,
            eval_weights=None,
            health=idle,
            encoding=SimpleNamespace(epoch=lambda batches: iter(()), stopped=False),
            warnings=lambda: iter(()),
            probe=idle,
            samples=SimpleNamespace(due=due, draw=self.draw),
            save_due=self.saver.due,
            writer=SimpleNamespace(due=False, save=self.save),
            control=idle,
            ranks=SimpleNamespace(any=lambda *_: (False, self.progress.step >= self.stop, False)),
        )
        steps = loop(
            length=self.length,
            batches_per_step=self.kind.per_step,
            epoch_plan=self.kind.plan,
            usable=lambda batches: batches,
            load=self.load,
            stepper=self.train,
            learning_rate=lambda step: 0.1,
            hooks=hooks,
            progress=self.progress,
        )
        first = iter(()) if self.progress.step else hooks.start(self.progress)
        for event in itertools.chain(first, steps, hooks.end(self.progress)):
            if hasattr(event, "loss"):
                self.disk.epochs[event.step] = event.epoch
            yield event
        self.disk.done = self.progress.step == self.length.steps


def live(disk: Disk, kind: Kind, steps: int, rng: random.Random) -> None:
    """Train to the end of `steps`, with stops and kills on the way."""
    while rng.random() < 0.5:
        session = Session(disk, kind, steps, rng.choice((math.inf, rng.randrange(steps + 1))))
        if not rng.randrange(2):  # killed at once, or interrupted: then what is reached is saved
            soft = rng.random() < 0.5
            for _ in itertools.islice(session.events(), rng.randrange(3 * steps)):
                pass
            if soft and session.progress.step:
                list(session.save(session.progress, "interrupted"))
        else:
            list(session.events())
    list(Session(disk, kind, steps).events())
    assert disk.done and disk.state[0] == steps


def lengthened(disk: Disk, kind: Kind, old: int, new: int) -> None:
    """What taking over does with the last file of a run of `old` steps."""
    if old != new and "x" in disk.files:
        per_epoch = kind.length(old).steps_per_epoch
        how, reached = named_by(old, per_epoch)
        _, _, weights = disk.files["x"]
        disk.files.setdefault(f"x{SUFFIX[how].format(p=reached)}", (old, reached.epoch, weights))


def some_kind(rng: random.Random) -> Kind:
    every = (0, 1, 1, 2, 3)
    return Kind(
        batches=rng.randrange(1, 8),
        per_step=rng.choice((1, 1, 2, 3)),
        saving=s.TrainingSettings(save_every_n_epochs=rng.choice(every), save_every_n_steps=rng.choice(every)),
        sampling=s.SamplingSettings(
            sample_every_n_epochs=rng.choice(every), sample_every_n_steps=2, sample_at_first=rng.random() < 0.5
        ),
    )


def test_however_it_came_to_its_length():
    rng = fuzz.generator("lengths")
    for case in range(fuzz.cases(20_000, 80)):
        kind, disk = some_kind(rng), Disk()
        lengths = sorted(rng.randrange(1, 16) for _ in range(rng.randrange(1, 4)))
        for old, steps in zip([0, *lengths], lengths, strict=False):
            lengthened(disk, kind, old, steps)
            live(disk, kind, steps, rng)
            per_epoch = kind.length(steps).steps_per_epoch
            if steps % per_epoch and rng.random() < 0.5:  # a state of an older version, which counted the cut epoch
                disk.state = steps, steps // per_epoch + 1, False, disk.state[3]
        whole = Disk()
        list(Session(whole, kind, lengths[-1]).events())
        about = case, kind, lengths
        assert whole.trained == lengths[-1] and disk.state[3] == whole.state[3], about
        assert disk.epochs == whole.epochs, about
        assert whole.files.items() <= disk.files.items(), about
        assert whole.pictures.items() <= disk.pictures.items(), about
        per_epoch = kind.length(1).steps_per_epoch
        for name, (step, epoch, weights) in disk.files.items():
            assert weights == whole.state[3][:step] and epoch in (step // per_epoch, math.ceil(step / per_epoch)), about
            assert name in ("x", f"x-{step / per_epoch:06g}", f"x-step{step:08}"), about
        for name, (step, weights) in disk.pictures.items():
            assert weights == whole.state[3][:step] and name in (f"e{step / per_epoch:g}", f"s{step}"), about


def test_no_run_ends_as_done_without_its_length():
    """max_train_steps 4 of 5000 an epoch, then 6: nothing was trained, and the end was a success."""
    kind = Kind(batches=9, per_step=2, saving=s.TrainingSettings(), sampling=s.SamplingSettings())
    for steps, begin in ((6, (4, 0)), (6, (4, 1)), (6, (6, 1)), (6, (6, 2)), (5, (5, 0)), (5, (5, 1)), (12, (10, 9))):
        disk = Disk(state=(*begin, False, ()))
        list(Session(disk, kind, steps).events())
        assert disk.done and disk.trained == steps - begin[0] and disk.state[:2] == (steps, steps // 5)
        assert disk.files["x"][:2] == (steps, math.ceil(steps / 5))
    for step, epoch in ((7, 1), (4, 1), (0, 2)):  # beyond its length; states that `finished_epochs` has not looked at
        session = Session(disk, kind, 6)
        session.progress.step, session.progress.epoch = step, epoch
        with pytest.raises(AthanorError, match=f"stands at step {step} where it should be .* Switch retrain on"):
            list(session.events())
