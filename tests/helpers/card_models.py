"""Models that are loaded, moved and unloaded as on a graphics card, and a check that training leaves them untouched."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from unittest import mock

import torch
from family_cases import positive, samples
from one_step import step, training


@functools.cache
def sd3():
    import comfy.memory_management
    import tiny

    with mock.patch.object(comfy.memory_management, "aimdo_enabled", False):
        return tiny.sd3_unet()


def load(name, stored=torch.float32, dtype=torch.float32):
    import comfy.sd
    import tiny_layouts

    with torch.inference_mode():
        if name != "sd3":
            return tiny_layouts.load(name, dtype=dtype, stored=stored)
        state = {key: value.to(stored) for key, value in sd3().items()}
        return comfy.sd.load_diffusion_model_state_dict(state, model_options={"dtype": dtype})


def weights(module):
    """What a model is made of: the very parameters and buffers, and their content."""
    found = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return found, {name: content(value) for name, value in found.items()}


def content(value):
    return hashlib.sha256(value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).digest()


def attributes(module):
    return {n: set(m.__dict__) for n, m in module.named_modules()}


def drawn(model, case):
    """Two steps of the stock sampler."""
    import comfy.sample
    import comfy.samplers

    latents, texts, _ = samples(case)
    cond = positive(texts[0])
    sigmas = torch.tensor([0.9, 0.5, 0.1])
    noise = torch.randn(latents[:1].shape, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        sampler = comfy.samplers.ksampler("euler")
        given = (model, noise, 1.0, sampler, sigmas, cond, cond, latents[:1])
        return comfy.sample.sample_custom(*given, disable_pbar=True)


def unload():
    import comfy.model_management as mm

    with torch.inference_mode():  # as the host's executor does everything
        mm.unload_all_models()


@contextlib.contextmanager
def untouched(model, case):
    """Its weights are the very same afterwards, and it draws the same picture."""
    import comfy.model_management as mm

    picture = drawn(model, case)
    unload()
    own, before = weights(model.model)
    named = attributes(model.model)
    yield
    after, now = weights(model.model)
    assert not mm.current_loaded_models
    assert now == before and all(after[name] is value for name, value in own.items())
    assert attributes(model.model) == named
    assert torch.equal(drawn(model, case), picture)
    unload()


def trained(model, case, **options):
    """A step, and one more after the host has taken everything off the device in between."""
    with training(model, **options) as (host_model, network):
        first = step(host_model, network, *samples(case))
        unload()
        host_model.load()
        again = step(host_model, network, *samples(case))
    assert again.loss == first.loss and again.differs_from(first) == 0
    return first
