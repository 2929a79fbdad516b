"""Text encoders and whole models trained where a graphics card would move their weights: equal to the plain way."""

from __future__ import annotations

import contextlib
from itertools import product

import cards
import pytest
import torch
from card_models import load, unload, untouched, weights
from family_cases import CASES, samples

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.mark.parametrize(
    ("family", "how"),
    [
        *(product(["sd15", "sdxl", "flux"], ["moving", "dynamic"])),
        ("sd3", "dynamic"),
        pytest.param("sd3", "moving", marks=pytest.mark.long),  # its three are those of sdxl and flux
    ],
)
def test_text_encoders(family, how):
    """Trained beside the model, from a float16 file; the graph's CLIP is untouched."""
    import tiny_text

    model = load("sd3")  # any: what the encoders give is looked at, not what is made of it
    with torch.inference_mode():
        state = {k: v.half() for k, v in tiny_text.load(family).cond_stage_model.state_dict().items()}
        clip = tiny_text.load(family, {k: v.float() for k, v in state.items()})
    plain = encoded(model, clip, family)
    with torch.inference_mode(), contextlib.ExitStack() as stack:
        if how == "dynamic":
            stack.enter_context(cards.dynamic())
        other = tiny_text.load(family, state if how == "dynamic" else {k: v.float() for k, v in state.items()})
    assert other.patcher.is_dynamic() is (how == "dynamic")
    unload()
    own, before = weights(other.cond_stage_model)
    with cards.moving():
        for mine, wanted in zip(encoded(model, other, family), plain, strict=True):
            assert torch.allclose(mine, wanted, rtol=1e-4, atol=1e-6 * wanted.abs().max().item())
    after, now = weights(other.cond_stage_model)
    assert now == before and all(after[name] is value for name, value in own.items())


def encoded(model, clip, family):
    """A caption's encoding, and gradients of a network on the encoders; with everything loaded again in between."""
    from athanor.training_core.host import guard, text
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    settings = NetworkSettings(rank=2, alpha=2.0, train="text encoder")
    with guard.training(), trainable(model, "auto", clip=clip) as host_model:
        found = text.trainable(host_model.encoders, numbered=family != "sd15")
        parts = [build.Part(module, prefix) for prefix, module in found.items()]
        with build.attached(parts, settings, 0, host_model.device) as network:
            for lora in network.loras:
                torch.nn.init.normal_(lora.lora_up.weight, std=0.05, generator=torch.Generator().manual_seed(1))
            unload()
            host_model.load()
            made = host_model.text("a red circle")
            made.cond.square().mean().backward()
            return [made.cond.detach(), *(p.grad for p in network.parameters() if p.grad is not None)]


@pytest.mark.parametrize("how", ["plain", "moving", "dynamic"])
def test_a_full_fine_tune_goes_on_after_the_model_was_loaded_again(how):
    """What is trained stays trained: a picture drawn in between, or something newly encoded, pushes the model out."""
    from athanor.training_core.host import checkpoint, guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import finetune
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NetworkSettings, NoiseSettings
    from stepping import stepper

    case, settings = CASES["sd3"], NetworkSettings(algo="finetune", include="joint_blocks")

    def learnt(model, again):
        with (
            guard.training(),
            trainable(model, "auto", whole=True) as host_model,
            finetune.attached(
                host_model.diffusion_model, settings, host_model.device, checkpoint.compute_in_input_format
            ) as tuned,
        ):
            objective = Objective(LossSettings(), NoiseSettings(), host_model.schedule)
            optimizer = torch.optim.AdamW(tuned.parameters(), lr=1e-3)
            take = stepper(tuned, optimizer, host_model.predict, objective=objective, max_grad_norm=1.0, seed=0)
            batch = host_model.batch(*samples(case), [1.0, 1.0])
            losses = []
            for number in range(4):
                losses += take(number, 1e-3, [batch]).losses.tolist()
                if again:
                    unload()
                    host_model.load()
            return losses, [p.detach().clone() for p in tuned.parameters()]

    stored = torch.float16 if how == "dynamic" else torch.float32
    wanted, values = learnt(load("sd3", stored), again=False)
    with contextlib.ExitStack() as stack:
        if how == "dynamic":
            stack.enter_context(cards.dynamic())
        model = load("sd3", stored)
        if how != "plain":
            stack.enter_context(cards.moving())
        with untouched(model, case):
            losses, found = learnt(model, again=True)
    assert losses == pytest.approx(wanted, rel=1e-5)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, values, strict=True))
