"""Stable Cascade: its own timesteps, latents of 42 pixels, layers by channel, one text encoder."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.fixture(scope="module")
def cascade(comfy):
    from family_cases import load

    return load("stable_cascade")


def test_timesteps_are_even_whatever_the_sampling_is_shifted_by(cascade):
    """The network is told t of each sigma, and OneTrainer draws t evenly."""
    from athanor.training_core.host import detection

    sampling = cascade.get_model_object("model_sampling")
    assert sampling.shift == 2.0
    schedule = detection.schedule(sampling)
    assert schedule.prediction == "eps" and schedule.sigmas is not None and schedule.sigmas.shape == (1000,)
    told = sampling.timestep(schedule.sigmas)[10:990]  # the ends are clamped
    assert torch.allclose(told, torch.arange(11, 991) / 1000, atol=2e-4)
    assert sampling.shift == 2.0


def test_zero_terminal_snr_is_refused(cascade):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import detection

    with pytest.raises(AthanorError, match="zero_terminal_snr is not for Stable Cascade"):
        detection.zero_terminal(cascade)


def test_the_vae_of_its_checkpoint_is_its_own(cascade):
    """It encodes 32 pixels to a value; a picture of 1024 pixels has 24, for which the host encodes one of 768."""
    import comfy.sample
    from athanor.training_core.host import sampling, usable

    usable.check_vae(cascade, SimpleNamespace(latent_channels=16, spacial_compression_encode=lambda: 32))
    empty = sampling.empty_latent(1024, 1024)
    latent = comfy.sample.fix_empty_latent_channels(cascade, empty["samples"], empty.get("downscale_ratio_spacial"))
    assert latent.shape == (1, 16, 24, 24)


@pytest.mark.parametrize("algo", ["lora", "full"])
def test_convolutions_by_channel_are_trained_by_full_alone(cascade, algo):
    """The stock loader cannot make one of two small matrices."""
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    settings = NetworkSettings(rank=2, conv_rank=2, algo=algo)
    network = build.create([build.Part(cascade.model.diffusion_model, file_prefix="lora_prior")], settings, 0)
    names = network.renames().values()
    assert any("channelwise" in name for name in names) and all(name.startswith("lora_prior_unet_") for name in names)
    assert any("depthwise" in name for name in names) == (algo == "full")


def test_a_file_is_continued_from(cascade):
    """Its names, and those that ComfyUI's loader takes as well."""
    from athanor.training_core.network import build, files, weights
    from athanor.training_core.settings import NetworkSettings

    settings = NetworkSettings(rank=2)
    first, *others = (
        build.create([build.Part(cascade.model.diffusion_model, file_prefix="lora_prior")], settings, seed)
        for seed in range(3)
    )
    state = {f"{lora.lora_name}.{key}": v for lora in first.loras for key, v in lora.state_dict().items()}
    tensors = files.tensors_for_file(state, "float", first.renames())
    assert all(key.startswith("lora_prior_unet_") for key in tensors)
    plain = {key.replace("lora_prior_", "lora_"): value for key, value in tensors.items()}
    for network, held in zip(others, (tensors, plain), strict=True):
        weights.load_into(network, settings, held, {}, network.renames())
        for one, two in zip(first.loras, network.loras, strict=True):
            assert torch.equal(one.lora_down.weight, two.lora_down.weight)


def test_its_text_encoder_is_called_as_others_call_it(cascade):
    from athanor.training_core.host import detection
    from athanor.training_core.network import weights
    from athanor.training_core.run.train_target import parts_of
    from athanor.training_core.settings import NetworkSettings

    encoders: Any = torch.nn.Module()
    encoders.clip_g = SimpleNamespace(transformer=torch.nn.Module())
    part = parts_of(
        NetworkSettings(train="text encoder"), cascade, detection.detect(cascade), torch.nn.Module(), encoders
    )[0]
    name = part.file_name("text_model.encoder.layers.0.mlp.fc1")
    assert name == "lora_prior_te_text_model_encoder_layers_0_mlp_fc1"
    assert weights.module_of(name, ["lora_te"]) == "lora_te_text_model_encoder_layers_0_mlp_fc1"
