"""Every family that is trained on edit pairs: computed in training as the stock sampler computes it with ReferenceLatent's pictures."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from athanor.training_core.families import FAMILIES
from family_cases import CASES, Case, load, objective_of, positive, samples

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")

EDITING = {
    family.title: family.controls
    for family in FAMILIES
    if family.controls
    and family.controls.form == "reference_latents"  # those that take one beside the noise are U-Nets
}
TAKEN = [name for name, case in CASES.items() if case.title in EDITING]


OFTEN = ("flux_dev", "qwen_image", "omnigen2", "z_image_omni")
"""The others take them in the way of one of these."""


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=[pytest.mark.long] * (name not in OFTEN)) for name in TAKEN]
)
def family(request) -> tuple[Case, Any]:
    """(what is expected, MODEL)."""
    return CASES[request.param], load(request.param)


def reference(case: Case, height: int, width: int, seed: int) -> torch.Tensor:
    """A control picture's latent as VAE Encode gives it."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, case.channels, *[1] * case.frames, height, width, generator=generator)


def given(case: Case, *references: torch.Tensor) -> dict[str, Any]:
    from athanor.training_core.host import controls

    return controls.in_conditioning(EDITING[case.title], references)


def test_every_family_has_a_layout():
    assert EDITING.keys() == {CASES[name].title for name in TAKEN}


def denoised(case: Case, model: Any, latent: torch.Tensor, text: Any, beside: dict[str, Any], sigma: float) -> Any:
    """(noisy latent, denoised one) of the stock sampler at its first call, with a CONDITIONING that has control pictures."""
    import comfy.sample
    import comfy.samplers

    seen = []

    def stop(model_k, x, sigmas, extra_args, callback, disable, **_options):
        seen.append((x.clone(), model_k(x, sigmas[:1].expand(len(x)), **extra_args).clone()))
        return x

    cond = positive(text)
    cond[0][1].update(beside)
    if not case.guidance:
        del cond[0][1]["guidance"]
    sigmas, noise = torch.tensor([sigma, 0.0]), torch.randn(latent.shape)
    with torch.inference_mode():
        sampler = comfy.samplers.KSAMPLER(stop)
        comfy.sample.sample_custom(model, noise, 1.0, sampler, sigmas, cond, cond, latent.clone(), disable_pbar=True)
    return seen[0]


def compared(case: Case, model: Any) -> None:
    """A batch of two, whose control pictures have other sizes, is the two alone and the sampler's."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.objective import Noised

    latents, texts, geometry = samples(case)
    one = reference(case, 8, 8, 1), reference(case, 4, 12, 2)
    beside = [given(case, *one), given(case, reference(case, 4, 8, 3))]
    level = 0.6
    x, clean = (
        value.view(1, case.channels, 8, 8) for value in denoised(case, model, latents[:1], texts[0], beside[0], level)
    )
    with guard.training(), trainable(model, "auto", "off") as host_model, torch.no_grad():
        drawn = objective_of(host_model).prepare(latents.view(2, case.channels, 8, 8), 0, 0, 0)
        sigma = torch.tensor([level, level])
        noisy = torch.cat([x, drawn.x[1:]])
        texts, geometry = texts[:1] * 2, geometry[:1] * 2

        def predicted(some: slice, *given: dict[str, Any]) -> torch.Tensor:
            batch = host_model.batch(latents[some], texts[some], geometry[some], [1.0] * len(given), beside=given)
            return host_model.predict(Noised(noisy[some], sigma[some], drawn.t[some], noisy[some]), batch)

        together = predicted(slice(0, 2), *beside)
        alone = predicted(slice(1, 2), beside[1])
        without = predicted(slice(0, 1), {})
    want = (x - clean) / level
    assert (together[:1] - want).abs().max() <= 1e-3 * want.abs().max() + 1e-5 * x.abs().max()
    assert torch.allclose(together[1:], alone, atol=2e-4 * alone.abs().max().item())
    assert (together[:1] - without).abs().max() > 1e-3 * want.abs().max()  # control pictures matter


def test_raw_prediction_is_what_the_sampler_works_with(family):
    """Latents, their method and their order are the host's own, and a batch is its samples alone."""
    compared(*family)


def test_qwen_image_edit_2511(monkeypatch):
    """Its file says that references have a timestep of zero, and it is the same family."""
    from athanor.training_core.host import detection

    case, model = CASES["qwen_image"], load("qwen_image")
    config = model.model.model_config.unet_config
    monkeypatch.setitem(config, "default_ref_method", "index_timestep_zero")
    monkeypatch.setattr(model.model.diffusion_model, "default_ref_method", "index_timestep_zero")
    assert detection.detect(model).title == case.title
    compared(case, model)


@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=[pytest.mark.long] * (name != "flux_dev")) for name in TAKEN], indirect=True
)
def test_gradients_pass_through_the_controls_tokens(family):
    """Checkpointing or not, and in place or not: the same gradients, of which the control pictures have a part."""
    from family_cases import gradient, settings
    from one_step import attached

    case, model = family
    latents, texts, geometry = samples(case)
    found = {}
    for name, checkpointing, beside in (
        ("plain", "off", [given(case, reference(case, 8, 8, 1))]),
        ("checkpointed", "all", [given(case, reference(case, 8, 8, 1))]),
        ("without", "off", [{}]),
    ):
        with attached(model, settings(case), gradient_checkpointing=checkpointing) as (host_model, network):
            for lora in network.loras:
                torch.nn.init.normal_(lora.lora_up.weight, std=0.05, generator=torch.Generator().manual_seed(1))
            batch = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0], beside=beside)
            x = objective_of(host_model).prepare(batch.latents, 0, 0, 0)
            host_model.predict(x, batch).square().mean().backward()
            found[name] = torch.cat([gradient(p).flatten() for p in network.parameters()])
    plain, checkpointed, without = found.values()
    assert torch.allclose(plain, checkpointed, rtol=1e-3, atol=1e-5 * max(1.0, plain.abs().max().item()))
    assert (plain - without).norm() > 1e-3 * plain.norm()


@pytest.mark.long
def test_what_only_the_control_picture_tells_is_learned():
    """Two targets with the same caption and the same pure noise: without control pictures no network gets below the loss of their
    mean, a quarter of their squared difference; with one for each it does, but not if both have the same."""
    from athanor.training_core.host.batch import Geometry
    from athanor.training_core.objective import Noised
    from athanor.training_core.settings import NetworkSettings
    from one_step import attached

    case, model = CASES["flux_dev"], load("flux_dev")
    latents, texts, _ = samples(case)
    shown = [given(case, reference(case, 8, 8, seed)) for seed in (1, 2)]
    sizes = [Geometry((64, 64), (0, 0), (64, 64))] * 2
    last = {}
    for name, beside, steps in (("own", shown, 250), ("same", shown[:1] * 2, 50)):
        with attached(model, NetworkSettings(rank=16)) as (host_model, network):
            batch = host_model.batch(latents, texts[:1] * 2, sizes, [1.0, 1.0], beside=beside)
            noise = torch.randn(batch.latents[:1].shape, generator=torch.Generator().manual_seed(3)).expand(
                2, -1, -1, -1
            )
            wanted = noise - batch.latents
            bound = (batch.latents[0] - batch.latents[1]).square().mean().item() / 4
            optimizer = torch.optim.AdamW(network.parameters(), lr=8e-3)
            sigma = torch.ones(2)
            for _ in range(steps):
                loss = (host_model.predict(Noised(noise, sigma, sigma, wanted), batch) - wanted).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            last[name] = loss.item()
    assert last["same"] >= 0.99 * bound
    assert last["own"] < 0.75 * bound
