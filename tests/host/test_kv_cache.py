"""HiDream-O1 remembers its last texts by their numbers alone, whatever has become of its weights since."""

from __future__ import annotations

import pytest
import torch
from family_cases import CASES, load, objective_of, positive, samples, settings
from one_step import attached

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")


def test_nothing_remembered_outlives_a_step_or_a_lora():
    import comfy.sd
    from athanor.training_core.host import sampling

    case, model = CASES["hidream_o1"], load("hidream_o1")
    module = model.model.diffusion_model
    latents, texts, geometry = samples(case)

    class Pixels:
        """Stands in for the VAE."""

        latent_dim = 2

        def decode(self, latent):
            return latent.movedim(1, -1)

    def drawn(with_lora, by_node=False):
        cond, size = positive(texts[0]), {"latent_image": {"samples": torch.zeros_like(latents[:1])}}
        values = {"seed": 1, "steps": 1, "cfg": 1.0, "scheduler": "simple"}
        given = {"positive": cond, "negative": cond}
        if by_node:  # as XYZ Compare draws
            node = values | given | size | {"sampler_name": "euler", "denoise": 1.0}
            return sampling.run_node("KSampler", model=with_lora, **node)["samples"].movedim(1, -1)
        return sampling.sample(with_lora, Pixels(), cond, cond, size["latent_image"], sampler="euler", **values)

    with attached(model, settings(case)) as (host_model, network):
        for lora in network.loras:
            torch.nn.init.normal_(lora.lora_up.weight, std=0.3)
        batch = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0])
        x = objective_of(host_model).prepare(batch.latents, 0, 0, 0)
        host_model.predict(x, batch).mean().backward()
        host_model.predict(x, batch).mean().backward()  # else through what the first has freed
        assert module._kv_cache_entries == []
        state = {f"{lora.lora_name}.{k}": v for lora in network.loras for k, v in lora.state_dict().items()}
    with torch.inference_mode():
        loaded, _ = comfy.sd.load_lora_for_models(model, None, state, 1.0, 0.0)
        alone = drawn(loaded)
        drawn(model)
        assert module._kv_cache_entries  # the host's own sampling remembers
        assert torch.equal(drawn(loaded), alone)
        drawn(model, by_node=True)
        assert torch.equal(drawn(loaded, by_node=True), alone)
