"""Models that cannot be trained are refused in one sentence that names them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")


def bare(config: str, **unet_config: Any) -> Any:
    """A MODEL of the host's own class without a network."""
    import comfy.model_patcher
    import comfy.supported_models

    settings = {"disable_unet_model_creation": True} | unet_config
    model = getattr(comfy.supported_models, config)(settings).get_model({})
    return comfy.model_patcher.ModelPatcher(model, torch.device("cpu"), torch.device("cpu"))


REFUSED = {  # config class of the host -> what its unet_config says, and what is said of it
    "CosmosT2V": ({}, "EDM"),
    "CogVideoX_T2V": ({}, "a sampler of its own alone"),
    "SVD_img2vid": ({}, "goes on from a given picture"),
    "ACEStep": ({}, "makes sound"),
    "ACEStep15": ({}, "makes sound"),
    "WAN21_T2V": (
        {"model_type": "t2v", "in_dim": 36, "out_dim": 16},
        "goes on from a given picture",
    ),  # Wan 2.2 image-to-video
    "WAN22_T2V": ({"model_type": "t2v", "in_dim": 100, "out_dim": 48}, "follows another film"),
    "WAN21_I2V": ({"model_type": "i2v", "in_dim": 36, "out_dim": 16}, "goes on from a given picture"),
    "WAN21_FunControl2V": ({"model_type": "i2v", "in_dim": 48, "out_dim": 16}, "follows another film"),
    "WAN21_Vace": ({"model_type": "vace"}, "follows another film"),
    "WAN22_S2V": ({"model_type": "s2v"}, "moves to a given sound"),
    "HunyuanVideo15": (
        {"meanflow": True, "guidance_embed": False},
        "distilled to be told where each step of the sampler ends",
    ),
    "HunyuanImage21": (
        {"meanflow": True, "guidance_embed": True},
        "distilled to be told where each step of the sampler ends",
    ),
    "QwenImage": (
        {"in_channels": 64, "default_ref_method": "negative_index", "use_additional_t_cond": True},
        "draws a picture as several layers",
    ),
}


@pytest.mark.parametrize("config", REFUSED)
def test_video_and_audio_models_are_refused_by_name(config):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import detection

    settings, reason = REFUSED[config]
    with pytest.raises(AthanorError, match=rf"^MODEL is of type {config}\b.*{reason}.* and cannot be trained here"):
        detection.detect(bare(config, **settings))


FLUX = {"in_channels": 16, "out_channels": 16, "guidance_embed": True}
OTHERS = {
    "Flux": FLUX | {"in_channels": 48},
    "SD15": {"in_channels": 5, "context_dim": 768},  # SD2 with depths beside its latents
    "FluxSchnell": FLUX | {"guidance_embed": False, "yak_mlp": True, "txt_norm": False},  # half of Ovis-Image
    "Lumina2": {"clip_text_dim": 1024, "siglip_feat_dim": 1152},
}


@pytest.mark.parametrize("config", OTHERS)
def test_other_models_are_refused_by_name(config):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import detection

    with pytest.raises(AthanorError, match=rf"^MODEL is of type {config}\b.*is not supported yet and cannot"):
        detection.detect(bare(config, **OTHERS[config]))


def test_a_unet_that_is_given_something_else_is_not_tried_as_unknown():
    """SD2's depth model, whose fifth channel ComfyUI would fill with a mask."""
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import detection

    with pytest.raises(AthanorError, match=r"in a variant with other inputs, .* that the help of Train LoRA names\.$"):
        detection.detect(bare("SD20", in_channels=5, context_dim=1024), unknown=True)


def test_sampling_that_cannot_be_trained_is_refused():
    """Predictions that are no velocity; a flow whose noise the host scales is told how much."""
    import comfy.model_base
    import comfy.model_sampling
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import detection

    config = bare("Lumina2").model.model_config
    for kind in (comfy.model_base.ModelType.IMG_TO_IMG_FLOW, comfy.model_base.ModelType.V_PREDICTION_DDPM):
        with pytest.raises(AthanorError, match="is not supported for training"):
            detection.schedule(comfy.model_base.model_sampling(config, kind))
    scaled = comfy.model_base.model_sampling(config, comfy.model_base.ModelType.FLOW)
    assert detection.schedule(scaled).noise_scale == 1.0
    scaled.set_noise_scale(7.5)  # ModelNoiseScale
    assert detection.schedule(scaled).noise_scale == 7.5
