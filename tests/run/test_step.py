"""One optimizer step: accumulation, clipping, dropout and the host's random state."""

import math
from types import SimpleNamespace

import pytest
import stepping
import torch
from athanor.training_core.optim import optimizers, rounding
from athanor.training_core.resume.progress import Pending
from athanor.training_core.run.health import Health
from athanor.training_core.settings import OptimizerSettings


def stepper(layer, optimizer=None, dropout=0.0, **more):
    """By default SGD trains all of the layer."""

    def predict(noised, batch):
        return torch.nn.functional.dropout(layer(noised.x), dropout)

    return stepping.stepper(layer, optimizer or torch.optim.SGD(layer.parameters(), lr=0.1), predict, **more)


def batches(*sizes):
    data = torch.randn(sum(sizes), 4, generator=torch.Generator().manual_seed(0))
    return [batch(part) for part in data.split(list(sizes))]


def batch(latents):
    weights = torch.ones(len(latents))
    return SimpleNamespace(latents=latents, weights=weights, mask=None, part=lambda some: batch(latents[some]))


def layer():
    torch.manual_seed(0)
    return torch.nn.Linear(4, 4)


@pytest.mark.parametrize("sizes", [(6,), (2, 2, 2), (4, 2), (1, 5)])
def test_accumulated_batches_equal_one_large_batch(sizes):
    """Also when the last batch is short: every sample counts the same."""
    a, b = layer(), layer()
    stepper(a)(0, 0.1, batches(6))
    outcome = stepper(b)(0, 0.1, batches(*sizes))
    assert len(outcome.losses) == len(outcome.t) == 6 and torch.allclose(a.weight, b.weight, atol=1e-6)


def test_clipping_limits_the_update():
    a = layer()
    before = a.weight.detach().clone(), a.bias.detach().clone()
    norm = stepper(a, max_grad_norm=0.01)(0, 1.0, batches(6)).grad_norm
    moved = torch.cat([(a.weight - before[0]).flatten(), a.bias - before[1]]).norm()
    assert norm > 0.01 and moved.item() == pytest.approx(0.01, rel=1e-3)


def test_dropout_is_keyed_by_the_step_and_leaves_the_global_state():
    state = torch.random.get_rng_state()
    a, b = layer(), layer()
    torch.random.set_rng_state(state)
    first = stepper(a, dropout=0.5)(3, 0.0, batches(6)).losses
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(7)
    again = stepper(b, dropout=0.5)(3, 0.0, batches(6)).losses
    other = stepper(layer(), dropout=0.5)(4, 0.0, batches(6)).losses
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_what_the_optimizer_leaves_out_stays_and_does_not_count_in_the_norm():
    a = layer()
    take = stepper(a, torch.optim.SGD([{"params": [a.weight], "lr_scale": 1.0}], lr=0.1))
    norms = [take(step, 0.1, batches(6)).grad_norm for step in range(3)]
    assert a.bias.grad is None and torch.equal(a.bias, layer().bias) and norms[2] < norms[0]
    assert norms[2] == pytest.approx(a.weight.grad.norm().item())


@pytest.mark.parametrize("scaled", [False, True])
def test_a_step_that_trains_nothing_has_gradient_0_and_counts(scaled):
    """Module dropout has dropped every layer, or all pictures are left out: momentum moves nothing, and the next step is as ever."""
    a, b = layer(), layer()
    scalers = [torch.amp.GradScaler("cpu", enabled=scaled, init_scale=2.0) for _ in range(2)]
    dropped = {1, 3}

    def take(network, scaler):
        now = 0

        def predict(noised, batch):
            return noised.x if now in dropped else network(noised.x)

        made = stepping.stepper(network, torch.optim.AdamW(network.parameters(), lr=0.1), predict, scaler=scaler)

        def at(step, data):
            nonlocal now
            now = step
            return made(step, 0.1, data, [len(batch.latents) for batch in data])

        return at

    one, other = take(a, scalers[0]), take(b, scalers[1])
    outcomes = [one(step, batches(6) if step < 4 else []) for step in range(5)]
    for step in (0, 2):
        other(step, batches(6))
    assert [outcome.grad_norm.item() == 0 for outcome in outcomes] == [False, True, False, True, True]
    assert [len(outcome.losses) for outcome in outcomes] == [6, 6, 6, 6, 0] and outcomes[1].losses.isfinite().all()
    assert torch.equal(a.weight, b.weight) and not torch.equal(a.weight, layer().weight)
    pending = Pending(step=5, epoch=1, lr=0.1, seconds=0.1, waited=0.0, outcome=outcomes[4], pictures=())
    assert math.isnan(pending.read().loss) and not list(Health().watch(pending.read()))


def test_the_rates_of_a_step_are_told():
    a = layer()
    outcome = stepper(a)(0, 0.1, batches(6))
    assert outcome.lrs == (0.1,) and outcome.d_lr is None
    groups = [{"params": [a.weight], "lr_scale": 1.0}, {"params": [a.bias], "lr_scale": 2.0}]
    settings = OptimizerSettings(optimizer_type="Prodigy", learning_rate=1.0)
    optimizer = optimizers.choose(settings).build(groups)
    outcome = stepper(a, optimizer)(0, 0.5, batches(6))
    assert outcome.lrs == (0.5, 0.5) and outcome.d_lr == 0.5 * optimizer.param_groups[0]["d"]


def test_groups_have_their_own_rate_and_the_network_is_seen_afterwards():
    a, seen = layer(), []
    groups = [{"params": [a.weight], "lr_scale": 1.0}, {"params": [a.bias], "lr_scale": 10.0}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    stepper(a, optimizer, after_update=[lambda: seen.append(a.weight.detach().clone())])(0, 0.2, batches(6))
    assert [group["lr"] for group in optimizer.param_groups] == [0.2, 2.0]
    assert len(seen) == 1 and torch.equal(seen[0], a.weight)


def learnt(dtype, random, steps=400, lr=2e-5):
    """Loss at the end of many small steps, as a part of the first."""
    a = layer()
    for p in a.parameters():
        p.data = p.data.to(dtype)
    optimizer = torch.optim.AdamW(a.parameters(), lr=lr, weight_decay=0.0)
    scaler = torch.amp.GradScaler("cpu", enabled=dtype is torch.float16)
    one = stepping.stepper(a, optimizer, lambda noised, batch: a(noised.x.to(dtype)).float(), scaler=scaler)
    if not random:
        one._updating = lambda step: rounding.in_float32(list(a.parameters()))  # to the nearest
    losses = [one(step, lr, batches(6)).losses.mean().item() for step in range(steps)]
    assert all(p.dtype is dtype for p in a.parameters())
    return losses[-1] / losses[0]


def test_small_steps_in_16_bits_are_not_lost():
    """As much is learnt as in float32; rounding to the nearest loses bfloat16's."""
    plain = 1 - learnt(torch.float32, True)
    assert plain > 0.003
    assert 1 - learnt(torch.bfloat16, False) < 0.4 * plain
    assert 1 - learnt(torch.bfloat16, True) == pytest.approx(plain, rel=0.25)
    assert 1 - learnt(torch.float16, True) == pytest.approx(plain, rel=0.25)
