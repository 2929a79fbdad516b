"""Every family that is said to be supported: detected, trained a step, and its file read by the stock loader."""

from __future__ import annotations

import logging

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")

FAMILIES = {  # tiny.* -> title, prediction, channels, context, pooled, a key of the file
    "sd15_unet": ("SD1.5", "eps", 4, 768, None, "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"),
    "sd2_unet": ("SD2", "eps", 4, 1024, None, "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"),
    "sdxl_unet": ("SDXL", "eps", 4, 2048, 1280, "lora_unet_middle_block_1_transformer_blocks_9_attn2_to_k"),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_family(name, caplog):
    import comfy.sd
    import tiny
    from athanor.training_core.host import families, guard
    from athanor.training_core.host.model import Geometry, trainable
    from athanor.training_core.host.text import Text
    from athanor.training_core.network import build, files
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NetworkSettings, NoiseSettings

    title, prediction, channels, width, pooled, key = FAMILIES[name]
    with torch.inference_mode():
        model = comfy.sd.load_diffusion_model_state_dict(getattr(tiny, name)(), model_options={"dtype": torch.float32})
    family = families.detect(model)
    assert family.title == title
    generator = torch.Generator().manual_seed(0)
    extras = {"pooled_output": torch.randn(1, pooled, generator=generator)} if pooled else {}
    texts = [Text(torch.randn(1, n, width, generator=generator), extras) for n in (77, 154)]
    geometry = [Geometry((800, 600), (3, 0), (64, 64)), Geometry((64, 64), (0, 0), (64, 64))]
    latents = torch.cat([torch.randn(1, channels, 8, 8, generator=generator) for _ in texts])
    settings = NetworkSettings(rank=2, alpha=2.0, preset="full", conv_rank=2)
    with (
        guard.training(),
        trainable(model, "auto", False) as host_model,
        build.attached(host_model.diffusion_model, settings, 0, host_model.device) as network,
    ):
        assert host_model.schedule.prediction == prediction
        objective = Objective(LossSettings(min_snr_gamma=5), NoiseSettings(), host_model.schedule)
        optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
        first = None
        for _ in range(6):  # always the same noise
            batch = host_model.batch(latents, texts, geometry, [1.0, 1.0])
            x = objective.prepare(batch.latents, 0, 0)
            loss = objective.losses(host_model.predict(x, batch), x).mean()
            first = first if first is not None else loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert loss.item() < first
        tensors = files.tensors_for_file(network.state_dict(), "float", families.file_names(model, family))
        with torch.no_grad():
            trained = host_model.predict(x, batch)
    assert any(k.startswith(key + ".") for k in tensors)
    with caplog.at_level(logging.WARNING), torch.inference_mode():
        loaded, _ = comfy.sd.load_lora_for_models(model, None, tensors, 1.0, 0.0)
    assert "not loaded" not in caplog.text
    assert len(loaded.patches) == len(network.loras)
    with guard.training(), trainable(loaded, "auto", False) as host_model, torch.no_grad():
        again = host_model.predict(x, host_model.batch(latents, texts, geometry, [1.0, 1.0]))
    assert torch.allclose(trained, again, atol=1e-3 * trained.abs().max().item())


def test_other_models_are_refused_by_name():
    import comfy.sd
    import tiny
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import families

    state = tiny.sd15_unet()
    state["input_blocks.0.0.weight"] = torch.randn(320, 9, 3, 3)  # SD1.5 inpainting
    model = comfy.sd.load_diffusion_model_state_dict(state)
    with pytest.raises(AthanorError, match=r"inpainting, which cannot be trained yet: use SD1\.5, SD2, SDXL or SD3"):
        families.detect(model)
