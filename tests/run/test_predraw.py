"""D18: numbers drawn ahead are those that a step draws itself, whatever becomes of the step."""

import pytest
import torch
from athanor.training_core.objective import Objective
from athanor.training_core.objective.schedule import Schedule
from athanor.training_core.run.predraw import PredrawnObjective
from athanor.training_core.settings import LossSettings, NoiseSettings
from stepping import Device, batches

NOISE = NoiseSettings(noise_offset=0.1, ip_noise_gamma=0.1)


class Counted(Objective):
    drawn = 0

    def draw(self, shape, *key):
        Counted.drawn += 1
        return super().draw(shape, *key)


def trained(ahead, room=9, fail_at=None):
    """The layer after three steps of two batches, with what was drawn ahead of them, and by them."""
    device = Device(room)
    device.fail_at = fail_at
    take = device.stepper(NOISE)
    take._objective = PredrawnObjective(Counted(LossSettings(), NOISE, Schedule("flow")))
    Counted.drawn = 0
    for step in range(3):
        given = batches(4, 2)
        for micro, batch in enumerate(given if ahead else ()):
            take._objective.draw(batch.latents.shape, 7, step, micro)
        take(step, 0.1, given)
    assert not take._objective._drawn
    return device, Counted.drawn


def test_the_same_weights_to_the_bit():
    want, drawn = trained(ahead=False)
    assert drawn == 6
    got, drawn = trained(ahead=True)
    assert drawn == 6 and torch.equal(got.layer.weight, want.layer.weight)


@pytest.mark.parametrize("fail", [{"fail_at": 2}, {"room": 1}])
def test_a_step_that_is_done_again_draws_the_same(fail):
    """Memory runs out in its first or second batch: what was drawn for it is gone, and drawn once more."""
    want, _ = trained(ahead=False, **fail)
    got, drawn = trained(ahead=True, **fail)
    assert drawn > 6 and torch.equal(got.layer.weight, want.layer.weight)


def test_numbers_of_another_shape_are_not_taken():
    """Of a model whose latents are not what its VAE gives."""
    objective = Objective(LossSettings(), NOISE, Schedule("flow"))
    ahead, x0 = PredrawnObjective(objective), torch.randn(2, 4, 8, 8)
    ahead.draw((2, 16, 4, 4), 1, 2, 3)
    assert torch.equal(ahead.prepare(x0, 1, 2, 3).x, objective.prepare(x0, 1, 2, 3).x) and not ahead._drawn
