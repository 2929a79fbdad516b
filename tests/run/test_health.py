"""E22, E23: steps that are skipped, and what is blamed for them."""

import math
from types import SimpleNamespace

import pytest
import torch
from athanor.training_core.history.events import Stepped, Warned
from athanor.training_core.run.health import Diverged, Health
from stepping import stepper


def in_float16(health, steps, spoil=lambda step, x: x):
    """Steps of a layer that computes in float16, its gradients scaled; what was told, and each step's numbers."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 64)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=1e-2)
    scaler = torch.amp.GradScaler("cpu", enabled=True)
    now = 0

    def predict(noised, batch):
        half = torch.nn.functional.linear(noised.x.half(), layer.weight.half(), layer.bias.half())
        return spoil(now, half).float()

    latents = 100 * torch.randn(4, 64, generator=torch.Generator().manual_seed(1))
    batch = SimpleNamespace(latents=latents, weights=torch.ones(4), mask=None, part=None)
    take = stepper(layer, optimizer, predict, max_grad_norm=1.0, scaler=scaler)
    told, seen = [], []
    for now in range(steps):
        outcome = take(now, 1e-2, [batch])
        loss, norm = outcome.losses.mean().item(), outcome.grad_norm.item()
        seen.append(Stepped(step=now + 1, epoch=1, loss=loss, lr=1e-2, grad_norm=norm, seconds=0.1))
        told += health.watch(seen[-1])
    return told, seen, scaler


def test_a_scaler_that_looks_for_its_scale_is_not_told_as_nan():
    """The first gradients overflow float16 at its first scale: it is halved with each, and training goes on."""
    health = Health(scaled=True)
    told, seen, scaler = in_float16(health, 40)
    skipped = [step.step for step in seen if not math.isfinite(step.grad_norm)]
    assert skipped[0] == 1 and 3 < len(skipped) < 18 and scaler.get_scale() < 2**14
    assert all(math.isfinite(step.loss) for step in seen) and seen[-1].loss < seen[0].loss
    assert told == [] and health.bad == 0
    assert [type(event) for event in in_float16(Health(), 40)[0]] == [Warned]  # what was said before


def test_a_loss_that_is_nan_is_told_with_a_scaler_too():
    def spoil(step, x):
        return x * math.nan if step == 30 else x

    told, seen, _ = in_float16(Health(scaled=True), 35, spoil)
    assert [event.text for event in told] == [
        "Step 31 gave NaN or infinity and is skipped; further ones are only counted."
    ]
    assert math.isnan(seen[30].loss) and math.isfinite(seen[34].grad_norm)


def test_an_overflow_without_end_stops_the_run():
    """No scale helps: NaN that is born in the backward pass alone."""

    class Spoilt(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g * math.nan

    with pytest.raises(
        Diverged, match="in 20 steps in a row, up to step 20: lower learning_rate, or set mixed_precision"
    ):
        in_float16(Health(scaled=True), 40, lambda step, x: Spoilt.apply(x))


def nan(step, loss=math.nan):
    return Stepped(step=step, epoch=1, loss=loss, lr=1e-4, grad_norm=math.nan, seconds=0.1)


def watched(health, steps):
    with pytest.raises(Diverged) as error:
        for step in steps:
            list(health.watch(step))
    return str(error.value)


def test_a_model_that_never_gave_a_number_is_blamed_itself():
    """And not the learning rate; once it gave one, or where the run's beginning was not seen, nobody knows."""
    blame = "the model itself returns NaN or infinity in float16: set mixed_precision to bf16 or no."
    begun = [nan(step) for step in range(1, 21)]
    assert (
        watched(Health(True, lambda: blame), begun)
        == f"Loss was NaN or infinite in every step from the first on: {blame}"
    )
    words = "lower learning_rate, or set mixed_precision to bf16 or no"
    assert words in watched(Health(True, lambda: blame), [nan(1, 0.5), *(nan(step) for step in range(2, 30))])
    assert words in watched(Health(True, lambda: blame), [nan(step) for step in range(101, 130)])
    assert words in watched(Health(True), begun)


def test_a_model_that_gives_no_number_is_named_before_the_first_step_and_at_the_end_of_a_short_run():
    """A run of fewer than 20 steps ended as done, with LoRAs in which nothing was trained."""
    health = Health(blame=lambda: "the model itself returns NaN.")
    health.first_look(0.5)
    with pytest.raises(Diverged, match=r"^Loss is NaN or infinite before the first step: the model itself"):
        health.first_look(math.nan)
    assert [len(list(health.watch(nan(step)))) for step in (1, 2, 3)] == [1, 0, 0]
    with pytest.raises(Diverged, match=r"^Loss was NaN or infinite in every step: the model itself"):
        list(health.end())
    list(health.watch(nan(4, 0.5)))
    assert not list(health.end())
    resumed = Health()
    list(resumed.watch(nan(12)))
    assert not list(resumed.end())  # what came before is not known


def test_a_short_run_in_which_nothing_moves_is_told():
    """module_dropout 1, or masks that are black: fewer than 20 steps ended without a word, and the verdict knew nothing."""

    def flat(step: int, norm: float = 0.0) -> Stepped:
        return Stepped(step=step, epoch=1, loss=0.5, lr=1e-4, grad_norm=norm, seconds=0.1, losses=(0.5,))

    health = Health()
    assert not [told for step in (1, 2, 3) for told in health.watch(flat(step))]
    (told,) = health.end()
    assert told.text.startswith("The gradient is 0 in every step, so nothing is learned")
    assert not list(health.end())
    long = Health()
    assert [len(list(long.watch(flat(step)))) for step in range(1, 41)] == [0] * 19 + [1] + [0] * 20
    moved = Health()
    assert not [told for step in (1, 2) for told in moved.watch(flat(step, float(step == 1)))] and not list(moved.end())


def test_a_gradient_that_explodes_is_told_once():
    """Above a hundred times the median of the last hundred steps, and not before a hundred were seen."""

    def step(number, norm):
        return Stepped(step=number, epoch=1, loss=0.1, lr=1e-4, grad_norm=norm, seconds=0.1)

    health = Health()
    for number in range(1, 101):
        assert not list(health.watch(step(number, 500.0 if number == 50 else 2.0)))
    assert not list(health.watch(step(101, 199.0)))
    assert [event.text for event in health.watch(step(102, 201.0))] == [
        "The gradient explodes at step 102 (201, usually 2): lower learning_rate, or check the pictures of that step."
    ]
    assert not list(health.watch(step(103, 1000.0)))
