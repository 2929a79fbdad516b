"""Weights to look at: schedule-free averages, and the running mean."""

import pytest
import torch
from athanor.training_core.optim import averaging, optimizers
from athanor.training_core.settings import OptimizerSettings


def trained(name, looks, **values):
    """Weights after 30 steps, and what was seen in between."""
    torch.manual_seed(0)
    weight, target = torch.nn.Parameter(torch.randn(40, 30)), torch.randn(40, 30)
    settings = OptimizerSettings(optimizer_type=name, learning_rate=0.1, **values)
    optimizer = optimizers.choose(settings).build([{"params": [weight], "lr_scale": 1.0}])
    look, seen = averaging.eval_weights(optimizer), []
    for _ in range(30):
        for _ in range(looks):
            with look():
                seen.append(weight.detach().clone())
        optimizer.zero_grad()
        (weight - target).square().sum().backward()
        optimizer.step()
    return weight.detach(), seen


@pytest.mark.parametrize("name", ["AdamWScheduleFree", "RAdamScheduleFree", "SGDScheduleFree", "AdamW"])
def test_looking_changes_nothing_to_the_bit(name):
    """The look's settings are no part of a run's identity: 0, 1 or 3 looks give the same LoRA."""
    (none, _), (once, _), (often, _) = (trained(name, looks) for looks in (0, 1, 3))
    assert torch.equal(none, once) and torch.equal(none, often)


def test_what_is_seen_is_the_average():
    """x of schedule-free: for beta 0.9, the weight y lies at 0.1 z + 0.9 x."""
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(40, 30))
    settings = OptimizerSettings(optimizer_type="AdamWScheduleFree", learning_rate=0.1)
    optimizer = optimizers.choose(settings).build([{"params": [weight], "lr_scale": 1.0}])
    for _ in range(5):
        optimizer.zero_grad()
        weight.square().sum().backward()
        optimizer.step()
    y, z = weight.detach().clone(), optimizer.state[weight]["z"]
    with averaging.eval_weights(optimizer)():
        assert torch.allclose(weight, (y - 0.1 * z) / 0.9, atol=1e-5) and not torch.allclose(weight, y, atol=1e-3)
    assert torch.equal(weight, y) and optimizer.param_groups[0]["train_mode"]


def test_an_interrupted_look_is_left_as_well():
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(4))
    settings = OptimizerSettings(optimizer_type="SGDScheduleFree", learning_rate=0.1)
    optimizer = optimizers.choose(settings).build([{"params": [weight], "lr_scale": 1.0}])
    weight.square().sum().backward()
    optimizer.step()
    optimizer.step()
    before = weight.detach().clone()
    with pytest.raises(KeyboardInterrupt), averaging.eval_weights(optimizer)():
        raise KeyboardInterrupt
    assert torch.equal(weight, before) and optimizer.param_groups[0]["train_mode"]


def test_running_mean():
    """By hand: after n steps the old mean counts min(decay, (1 + n) / (10 + n))."""
    weight = torch.nn.Parameter(torch.zeros(3))
    ema, mean = averaging.Ema([weight], 0.3), 0.0
    for n, value in enumerate((1.0, 2.0, 5.0, 7.0), 1):
        weight.data.fill_(value)
        ema.update()
        d = min(0.3, (1 + n) / (10 + n))
        mean = d * mean + (1 - d) * value
    with ema.swapped():
        assert weight.tolist() == pytest.approx([mean] * 3)
    assert weight.tolist() == [7.0] * 3
    other = torch.nn.Parameter(torch.full((3,), 7.0))
    resumed = averaging.Ema([other], 0.3)
    resumed.load_state_dict(ema.state_dict())
    for one, weights in ((ema, weight), (resumed, other)):
        weights.data.fill_(9.0)
        one.update()
    with ema.swapped(), resumed.swapped():
        assert torch.equal(weight, other)


def test_a_copy_of_the_means_takes_no_room_on_the_device():
    """Of a whole model it is as large as the means: a tensor without content shows that it goes to main memory at once."""
    ema = averaging.Ema([torch.nn.Parameter(torch.ones(3, device="meta"))], 0.9)
    with pytest.raises(NotImplementedError, match="meta tensor"):
        ema.state_dict()


def test_the_mean_of_half_precision_weights_is_kept_exactly():
    weight = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
    ema = averaging.Ema([weight], 0.999)
    weight.data.fill_(2.0)
    for _ in range(50):
        ema.update()
    assert ema.state_dict()["means"][0].dtype == torch.float32 and 1.9 < ema.state_dict()["means"][0][0] < 2


def test_a_look_that_fails_half_way_leaves_the_optimizer_in_training():
    """No room for the average: the optimizer stayed in its other mode, and the file saved afterwards held other weights."""
    weight = torch.nn.Parameter(torch.ones(4))
    optimizer = optimizers.choose(OptimizerSettings(optimizer_type="SGDScheduleFree")).build(
        [{"params": [weight], "lr_scale": 1.0}]
    )
    show_average = optimizer.eval

    def no_room():
        show_average()
        raise torch.OutOfMemoryError

    optimizer.eval = no_room
    with pytest.raises(torch.OutOfMemoryError), averaging.eval_weights(optimizer)():
        pass
    assert optimizer.param_groups[0]["train_mode"]
