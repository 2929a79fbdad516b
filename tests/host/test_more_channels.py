"""Models that are given pictures in further channels: in training what ComfyUI's own nodes give them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")


class Halved:
    """A VAE of so many channels: what 8 pixels are on average."""

    def __init__(self, channels: int) -> None:
        self.channels = channels

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        means = torch.nn.functional.avg_pool2d(pixels.movedim(-1, 1), 8)
        return means.repeat(1, 6, 1, 1)[:, : self.channels] - 0.3


@pytest.mark.parametrize("name", ["sd15_inpainting", "flux_fill", "sd15_edit", "flux_control"])
def test_training_gives_what_the_hosts_node_gives(name):
    """At the sampler's first call the model answers as in training."""
    import comfy.sample
    import comfy.samplers
    from athanor.training_core.families import FAMILIES
    from athanor.training_core.host import controls, detection, guard
    from athanor.training_core.host.comfy_nodes import host_nodes
    from athanor.training_core.host.model import trainable
    from comfy_extras.nodes_ip2p import InstructPixToPixConditioning
    from family_cases import CASES, load, objective_of, positive, samples

    case, model = CASES[name], load(name)
    family = detection.detect(model)
    assert family in FAMILIES and family.inpainting == (name in ("sd15_inpainting", "flux_fill"))
    latents, texts, geometry = samples(case)
    side = 8 * case.size
    pixels, vae = torch.rand(1, side, side, 3), Halved(case.channels)
    mask = torch.zeros(side, side, dtype=torch.uint8)
    mask[: side // 3, side // 2 + 3 :] = 255
    cond = positive(texts[0])
    if family.inpainting:
        node = host_nodes.InpaintModelConditioning()
        cond = node.encode(cond, cond, pixels, vae, mask.float()[None] / 255, noise_mask=False)[0]
        grey = pixels.clone()
        grey[0, mask > 127] = 0.5
        given = controls.hidden(vae.encode(grey), mask)
    else:
        cond = InstructPixToPixConditioning.execute(cond, cond, pixels, vae).args[0]
        assert family.controls is not None
        given = controls.in_conditioning(family.controls, [vae.encode(pixels)])
    seen: dict[str, Any] = {}

    def stop(model_k, x, sigmas, extra_args, callback, disable, **_options):
        seen["x"], seen["denoised"] = x, model_k(x, sigmas[:1].expand(len(x)), **extra_args)
        return x

    sigma, noise = torch.tensor([0.6, 0.0]), torch.randn(latents[:1].shape)
    with torch.inference_mode():
        sampler = comfy.samplers.KSAMPLER(stop)
        comfy.sample.sample_custom(
            model, noise, 1.0, sampler, sigma, cond, cond, latents[:1].clone(), disable_pbar=True
        )
    with guard.training(), trainable(model, "auto", "off") as host_model, torch.no_grad():
        batch = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0], beside=[given])
        x = objective_of(host_model).prepare(batch.latents, 0, 0, 0)
        s = sigma[:1]
        noisy = seen["x"].clone()
        raw = host_model.predict(type(x)(noisy, s, x.t[:1], noisy), batch)
        assert (raw - (noisy - seen["denoised"]) / s).abs().max() <= 2e-3 * raw.abs().max()
        bare = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0])
        other = host_model.predict(type(x)(noisy, s, x.t[:1], noisy), bare)
        assert not torch.allclose(raw, other)  # the picture matters; without one: test_families.py


def test_a_sample_of_the_caches_is_given_with_its_hidden_part():
    from athanor.training_core.run.encoded import Encodings

    part = {"mean": torch.ones(1, 4, 8, 8), "mask": torch.full((64, 64), 255, dtype=torch.uint8)}
    made: Any = SimpleNamespace(_buckets=SimpleNamespace(inpainting=True), _controls=None)
    given = Encodings._beside(made, [part])
    assert torch.equal(given["concat_latent_image"], part["mean"])
    assert torch.equal(given["concat_mask"], torch.ones(1, 1, 64, 64))
