"""A stop while pictures and captions are encoded."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from athanor.training_core.history.events import Encoded
from athanor.training_core.run.control import Control
from athanor.training_core.run.ranks import SingleProcess

pytestmark = pytest.mark.usefixtures("comfy")


class Two(SingleProcess):
    """A process of two, of which the other one was asked to stop, or not."""

    def __init__(self, other):
        self.other = other

    def asked(self, flag):
        return flag or self.other

    def any(self, *flags):
        return tuple(flag or self.other for flag in flags)


def encoding(control, ranks):
    """What encodes four of everything, and a list of what it has encoded."""
    from athanor.training_core.run.encoding import Encoding

    made = []

    def four(what):
        for done in range(1, 5):
            made.append((what, done))
            yield Encoded(what, done, 4)

    left_out = SimpleNamespace(warnings=lambda batches, agree: made.append(("told", 0)) or iter(()))
    run = SimpleNamespace(
        notes=(),
        warnings=[],
        probe=SimpleNamespace(prepare=lambda: four("probe")),
        samples=SimpleNamespace(prepare=lambda clip: four("prompts"), prepare_scores=lambda: iter(())),
        encodings=SimpleNamespace(fill=lambda batches: four("pictures"), left_out=left_out),
    )
    return Encoding(run, control, ranks), made


@pytest.mark.parametrize("at", [2, 6, 10])
def test_a_stop_ends_it_at_the_next_batch(at):
    """It was obeyed once all was encoded: hours later, where there are many pictures."""
    control = Control()
    here, made = encoding(control, SingleProcess())
    for number, _ in enumerate(here.first(object(), ["batch"]), 1):
        if number == at:
            control.give("stop")
    assert here.stopped and len(made) == at
    what = ("probe", "prompts", "pictures")[(at - 1) // 4]
    assert here.why(0, True) == (
        f"asked to stop while it encoded {what} (2 of 4): nothing was trained, what is encoded is kept"
    )
    assert here.why(7, False).endswith(
        ": no step was made after step 7, what is encoded is not kept, since cache_to_disk is off"
    )


def test_a_stop_in_a_later_epoch_and_in_another_process():
    control = Control()
    here, made = encoding(control, SingleProcess())
    list(here.first(None, ["batch"]))
    count = len(made)
    assert not list(here.epoch(["batch"])) and not here.stopped and ("prompts", 1) not in made
    for _ in here.epoch(["other"]):
        control.give("stop")
    assert here.stopped and len(made) == count + 1
    here, made = encoding(Control(), ranks := Two(False))
    for _ in here.first(None, ["batch"]):
        ranks.other = True
    assert here.stopped and made == [("probe", 1)]


def test_the_loop_ends_before_it_loads_a_batch():
    from athanor.training_core.data.plan import Length
    from athanor.training_core.resume.progress import RunProgress
    from athanor.training_core.run.loop import loop

    def before_epoch(batches):
        yield "encoded"
        return True

    unused = dict.fromkeys(("usable", "load", "stepper", "learning_rate"))
    hooks = SimpleNamespace(before_epoch=before_epoch)
    told = loop(
        length=Length(3, 1, 3), batches_per_step=1, epoch_plan=lambda epoch: [None] * 3, hooks=hooks, progress=RunProgress(),
        **unused,
    )  # fmt: skip
    assert list(told) == ["encoded"]
