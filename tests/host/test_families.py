"""Every family that is said to be supported: detected, and computed in training as the stock sampler computes it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import key_forms
import model_page
import pytest
import torch
from family_cases import CASES, Case, load, objective_of, positive, samples

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")


@pytest.fixture(scope="module", params=CASES)
def family(request) -> tuple[Case, Any]:
    """(what is expected, MODEL)."""
    return CASES[request.param], load(request.param)


once_per_layers = pytest.mark.parametrize(
    "family",
    [pytest.param(name, marks=[pytest.mark.long] * bool(case.twin)) for name, case in CASES.items()],
    indirect=True,
)
"""What another case covers is left to -m long: it has the same layers."""


def test_detected(family):
    """Name, prediction and the trainers' conventions; the host's own class of model."""
    from athanor.training_core.host import detection, usable

    case, model = family
    found = detection.detect(model)
    assert found.title == case.title
    assert type(model.model.model_config).__name__ == case.config
    assert (found.timestep_sampling, found.shift) == case.auto
    assert found.guidance is case.guidance
    assert usable.text_width(model) in (None, case.width)
    schedule = detection.schedule(model.get_model_object("model_sampling"))
    assert (schedule.prediction, schedule.noise_scale) == (case.prediction, case.noise_scale)


@pytest.mark.parametrize(
    ("family", "level"),
    [
        pytest.param(name, level, marks=[pytest.mark.long] * (case.same or bool(case.twin and level < 0.5)))
        for name, case in CASES.items()
        for level in (0.3, 0.9)
    ],
    indirect=["family"],
    scope="module",  # else a model is loaded anew for each
)
def test_raw_prediction_is_what_the_sampler_works_with(family, level):
    """The stock sampler, stopped at its first call, sees the noisy latent that training makes, and what it calls
    denoised is made of training's raw output. So timestep, sign, guidance and conditioning agree."""
    import comfy.sample
    import comfy.samplers
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable

    case, model = family
    latents, texts, geometry = samples(case)
    seen = {}

    def stop(model_k, x, sigmas, extra_args, callback, disable, **_options):
        seen["x"], seen["sigma"] = x.clone(), sigmas[0]
        seen["denoised"] = model_k(x, sigmas[:1].expand(len(x)), **extra_args)
        return x

    sigma = torch.tensor([level * (1 if case.prediction == "flow" else 10), 0.0])
    grown = 1 / (1 - sigma[0]) if case.odds else torch.tensor(1.0)  # the sampler's latents and sigmas, as parts of ours
    noise = torch.randn(latents[:1].shape)
    sizes = {"width": 800, "height": 600, "crop_w": 3, "crop_h": 0, "target_width": 64, "target_height": 64}
    sizes["aspect_ratio"] = 1.0
    cond = positive(texts[0])
    cond[0][1].update(sizes)
    if not case.guidance:
        del cond[0][1]["guidance"]  # what the host does on its own, Chroma's 0 for one
    with torch.inference_mode():
        sampler = comfy.samplers.KSAMPLER(stop)
        comfy.sample.sample_custom(
            model, noise, 1.0, sampler, sigma * grown, cond, cond, latents[:1].clone(), disable_pbar=True
        )
    with guard.training(), trainable(model, "auto", "off") as host_model, torch.no_grad():
        batch = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0])
        assert batch.latents.ndim == 4  # outside of the model, latents have no time axis
        s, noise = sigma[:1], case.noise_scale * noise.view(batch.latents.shape)
        x = objective_of(host_model).prepare(batch.latents, 0, 0, 0)
        noisy = (1 - s) * batch.latents + s * noise if case.prediction == "flow" else batch.latents + s * noise
        raw = host_model.predict(type(x)(noisy, s, x.t[:1], noisy), batch)
    assert torch.allclose(seen["x"].view_as(noisy) / grown, noisy, atol=1e-5)
    if case.prediction == "v":
        want = (noisy / (1 + s**2) - seen["denoised"]) * (1 + s**2).sqrt() / s
    else:
        want = (noisy - seen["denoised"].view_as(noisy)) / s
    assert raw.abs().mean() > 0.01
    assert (raw - want).abs().max() <= 1e-3 * raw.abs().max() + 1e-5 * noisy.abs().max() / s.item()


@once_per_layers
def test_captions_of_different_length_do_not_disturb_each_other(family):
    """A batch of two equals the two alone, be they joined or run one after the other."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.objective import Noised

    case, model = family
    latents, texts, geometry = samples(case)
    with guard.training(), trainable(model, "auto", "off") as host_model, torch.no_grad():
        batch = host_model.batch(latents, texts, geometry, [1.0, 1.0])
        assert len(batch.groups()) == case.grouped
        x = objective_of(host_model).prepare(batch.latents, 0, 0, 0)
        together = host_model.predict(x, batch)
        for i in range(2):
            one = host_model.batch(latents[i : i + 1], texts[i : i + 1], geometry[i : i + 1], [1.0])
            alone = host_model.predict(Noised(*(v[i : i + 1] for v in (x.x, x.sigma, x.t, x.target))), one)
            assert torch.allclose(together[i : i + 1], alone, atol=2e-4 * alone.abs().max().item())
        equal = host_model.batch(latents, [texts[0], texts[0]], [geometry[0]] * 2, [1.0, 1.0])
        assert len(equal.groups()) == 1
        assert (host_model.predict(x, equal)[1] - together[1]).abs().max() > 1e-3  # captions do matter


@once_per_layers
def test_presets_reach_the_blocks(family):
    """attn-mlp trains every linear layer of the transformer blocks, attn-only fewer; both by names the file can have.

    Those names, and others of the same layers, are read by the stock loader as docs/models.md says.
    """
    from athanor.training_core import families
    from athanor.training_core.host import detection
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    case, model = family
    layers = detection.detect(model).layers
    module = model.model.diffusion_model
    inside = {
        id(layer)
        for block in module.modules()
        if families.is_one_of(block, frozenset(layers.targets or layers.blocks))
        for layer in block.modules()
        if isinstance(layer, torch.nn.Linear)
    }
    found, trained = {}, set()
    for preset in ("attn-mlp", "attn-only", "full", "full-lin", "unet-transformer-only"):
        network = build.create([build.Part(module)], NetworkSettings(rank=2, preset=preset), 0)
        found[preset] = {id(lora.org_module[0]) for lora in network.loras}
        if preset == "attn-mlp":
            trained = set(network.layers.values())
        assert len({lora.lora_name for lora in network.loras}) == len(network.loras)
    assert inside and inside <= found["attn-mlp"] <= found["full"]
    assert 0 < len(found["attn-only"]) < len(inside)
    assert found["attn-only"] <= inside
    for classes in (layers.blocks, layers.attentions, layers.convolutions, layers.resampling):
        present = {families.class_path(type(m)) for m in module.modules()}
        assert set(classes) <= present  # a name that the host has changed would go unnoticed
    _names_are_known(case.title, key_forms.forms(model.model, trained))
    _blocks_are_the_same(model.model, trained)


def _names_are_known(title: str, forms: list[str]) -> None:
    """Check what docs/models.md says of the names in LoRA files. ATHANOR_RENEW=1, then `python dev.py docs`, writes it anew."""
    known = json.loads(model_page.NAMES.read_text(encoding="utf-8"))
    if os.environ.get("ATHANOR_RENEW") and known.get(title) != forms:
        known[title] = forms
        model_page.NAMES.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert known.get(title) == forms


def _blocks_are_the_same(model: Any, trained: set[str]) -> None:
    """Check that a layer is in the same block by each of its names. A U-Net's are counted for two residual blocks in each level."""
    import comfy.lora
    from athanor.training_core import lora_blocks

    if set(model.model_config.unet_config.get("num_res_blocks") or [2]) != {2}:
        return
    targets = {
        name: target if isinstance(target, str) else target[0]
        for name, target in comfy.lora.model_lora_keys_unet(model, {}).items()
    }
    targets = {name: t for name, t in targets.items() if t[len("diffusion_model.") : -len(".weight")] in trained}
    found: dict[str, set[str]] = {}
    for name, block in lora_blocks.blocks(targets).items():
        found.setdefault(targets[name], set()).add(block.name)
    assert found and not {target: names for target, names in found.items() if len(names) > 1}


def test_the_host_knows_every_name_of_a_fine_tuned_model(family):
    """In the file of a diffusion model alone: HunyuanVideo's kin are saved by the host with `model.model.` before each."""
    from athanor.training_core.host import checkpoint, detection

    _case, model = family
    record = replace(detection.detect(model), in_checkpoint=())
    state = checkpoint.tensors(model.model, None, None, record, torch.float32)
    loaded = model.model.model_config.process_unet_state_dict(dict(state))
    assert loaded.keys() - {"v_pred"} == model.model.diffusion_model.state_dict().keys()
