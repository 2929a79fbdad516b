"""Every family that is said to be supported: gradients, checkpointing, bfloat16, and a trained file in the stock host."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from family_cases import CASES, Case, gradient, load, objective_of, positive, samples, settings
from one_step import attached, step, training

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")


TWINS = tuple(name for name, case in CASES.items() if case.twin)
"""Left to -m long."""


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=[pytest.mark.long] * (name in TWINS)) for name in CASES]
)
def family(request) -> tuple[Case, Any]:
    """(what is expected, MODEL)."""
    return CASES[request.param], load(request.param)


LARGE = (*TWINS, "sdxl")
"""Their blocks are SD1.5's; these still train, and have the right gradients, below."""
once_per_block = pytest.mark.parametrize(
    "family", [pytest.param(name, marks=[pytest.mark.long] * (name in LARGE)) for name in CASES], indirect=True
)


@once_per_block
def test_checkpointing_gives_the_same_gradients_and_bfloat16_the_loss(family):
    """With bfloat16 and checkpointing, as people use it, losses are close to float32's, and gradients finite float32."""
    from athanor.training_core import families

    case, model = family
    latents, texts, geometry = samples(case)
    modules = {name: set(m.__dict__) for name, m in model.model.named_modules()}
    results, runs, losses = [], [], []
    for checkpointing, precision in (("off", "no"), ("all", "no"), ("all", "bf16")):
        with attached(model, settings(case), precision, gradient_checkpointing=checkpointing) as (host_model, network):
            count = [0]
            blocks = [m for m in host_model.diffusion_model.modules() if families.is_one_of(m, families.RECOMPUTED)]
            inner = next(m for block in blocks for m in block.modules() if isinstance(m, torch.nn.Linear))
            hook = inner.register_forward_hook(lambda *_: count.__setitem__(0, count[0] + 1))  # noqa: B023
            for lora in network.loras:  # LoRA's up weights start at zero, and their gradients would tell little
                torch.nn.init.normal_(lora.lora_up.weight, std=0.05, generator=torch.Generator().manual_seed(1))
            batch = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0])
            x = objective_of(host_model).prepare(batch.latents, 0, 0, 0)
            loss = host_model.predict(x, batch).square().mean()
            loss.backward()
            hook.remove()
            losses.append(loss.item())
            runs.append(count[0])
            results.append([gradient(p) for p in network.parameters()])
    assert runs[1] == runs[2] == 2 * runs[0]  # the blocks are computed again
    assert any(g.abs().max() > 0 for g in results[0])
    assert all(g.dtype is torch.float32 and g.isfinite().all() for g in results[2])
    assert any(g.abs().max() > 0 for g in results[2]) and losses[2] == pytest.approx(losses[0], rel=0.05)
    for one, two in zip(*results[:2], strict=True):
        assert torch.allclose(one, two, rtol=1e-3, atol=1e-5 * max(1.0, one.abs().max().item()))
    after = {name: set(m.__dict__) for name, m in model.model.named_modules()}
    assert {n: after[n] - modules[n] for n in after if after[n] - modules[n]} == {}


@contextmanager
def plain_rotations():
    """The host's chains, and the plain formula of kernels that it calls while it trains, too."""
    import comfy_kitchen
    from athanor.training_core.host import rotary
    from comfy_kitchen.backends.eager import rope

    with pytest.MonkeyPatch.context() as patch:
        for name in rotary.KERNELS:
            patch.setattr(comfy_kitchen, name, getattr(rope, name))
        yield


PLAIN = "auraflow"
"""One of the families that rotate nothing."""


@pytest.mark.parametrize(
    "family",
    [
        pytest.param(name, marks=[pytest.mark.long] * (name in LARGE or not (case.rotary or name == PLAIN)))
        for name, case in CASES.items()
    ],
    indirect=True,
)
def test_rotations_by_the_hosts_kernel_change_nothing(family, monkeypatch):
    """Fewer operations, the same loss and gradients as by the host's chain; families without them are left alone."""
    from athanor.training_core.host import rotary
    from operations import Counted

    case, model = family
    steps, counts = [], []
    for way in (rotary.differentiable, plain_rotations):
        monkeypatch.setattr(rotary, "differentiable", way)
        with training(model, settings(case)) as (host_model, network):
            if not case.rotary and case.prediction == "flow" and not steps:
                step(host_model, network, *samples(case))  # LTX-2 keeps the frequencies that its first one computes
            with Counted() as counted:
                steps.append(step(host_model, network, *samples(case)))
            counts.append(counted.calls.total())
    ours, plain = steps
    assert ours.loss == plain.loss and ours.kept == plain.kept
    if case.rotary:
        assert ours.differs_from(plain) < 1e-5 and counts[0] < counts[1]
    else:
        assert ours.differs_from(plain) == 0 and counts[0] == counts[1]


def test_gradients_are_those_of_finite_differences(family):
    """Blocks that work in place must not deceive autograd: the slope along the gradient is its length."""
    case, model = family
    latents, texts, geometry = samples(case)
    with attached(model, settings(case)) as (host_model, network):
        batch = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0])
        objective = objective_of(host_model)
        x = objective.prepare(batch.latents, 0, 0, 0)
        parameters = list(network.parameters())
        objective.losses(host_model.predict(x, batch), x).mean().backward()
        slopes = [gradient(p) for p in parameters]
        length = torch.cat([slope.flatten() for slope in slopes]).norm().item()
        losses = []
        with torch.no_grad():
            for step in (0.002, -0.004):  # forth, then back past the start
                for p, slope in zip(parameters, slopes, strict=True):
                    p += step * slope / length
                losses.append(objective.losses(host_model.predict(x, batch), x).mean().item())
    assert (losses[0] - losses[1]) / 0.004 == pytest.approx(length, rel=0.02)


def test_trained_file_works_in_the_stock_host(family, caplog):
    """Training lowers the loss; the stock loader reads the file and gives the trained output, and the stock sampler
    another picture."""
    import comfy.sample
    import comfy.sd
    from athanor.training_core.host import detection, guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import files

    case, model = family
    latents, texts, geometry = samples(case)
    with attached(model, settings(case)) as (host_model, network):
        objective = objective_of(host_model)
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
        losses = []
        batch = host_model.batch(latents, texts, geometry, [1.0, 1.0])
        x = objective.prepare(batch.latents, 0, 0, 0)  # always the same noise
        for _ in range(6 if case.prediction == "flow" else 3):  # a step of a UNet takes half a second
            loss = objective.losses(host_model.predict(x, batch), x).mean()
            losses.append(loss.item())
            if len(losses) > 3 and losses[-1] < 0.98 * losses[0]:  # most need no more
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert losses[-1] < 0.98 * losses[0]
        tensors = files.tensors_for_file(
            network.state_dict(), "float", detection.file_names(model, detection.detect(model))
        )
        with torch.no_grad():
            trained = host_model.predict(x, batch)
    assert any(k.startswith(case.key + ".") for k in tensors)
    with caplog.at_level(logging.WARNING), torch.inference_mode():
        loaded, _ = comfy.sd.load_lora_for_models(model, None, dict(tensors), 1.0, 0.0)
        pictures = [
            comfy.sample.sample(
                m, torch.randn(latents[:1].shape, generator=torch.Generator().manual_seed(2)), 1, 1.0, "euler", "simple",
                positive(texts[0]), positive(texts[0]), torch.zeros_like(latents[:1]), disable_pbar=True, seed=0,
            )
            for m in (model, loaded)
        ]  # fmt: skip
    assert "not loaded" not in caplog.text
    assert len(loaded.patches) == len(network.loras)
    assert all(p.isfinite().all() for p in pictures)
    assert (pictures[0] - pictures[1]).abs().max() > 1e-3
    with guard.training(), trainable(loaded, "auto", "off") as host_model, torch.no_grad():
        again = host_model.predict(x, host_model.batch(latents, texts, geometry, [1.0, 1.0]))
    assert torch.allclose(trained, again, atol=1e-3 * trained.abs().max().item())
