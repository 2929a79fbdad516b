"""Families built of Flux's blocks: Flux.1, Flux.2, Chroma, LongCat-Image, Ovis-Image and HunyuanImage 2.1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .record import Config, Controls, Family, Layers

_BLOCKS = ("comfy.ldm.flux.layers.DoubleStreamBlock", "comfy.ldm.flux.layers.SingleStreamBlock")

FLUX = Layers(
    blocks=_BLOCKS,
    attentions=(
        "comfy.ldm.flux.layers.SelfAttention",
    ),  # of double blocks; in single ones attention and MLP are one layer
    in_place=_BLOCKS,
)


def _takes_latents_alone(config: Config) -> bool:
    """Return whether it is no inpainting or control model, which has more input channels."""
    return config["in_channels"] == config["out_channels"]


def _is_ovis(config: Config) -> bool:
    return bool(config.get("yak_mlp") and config.get("txt_norm"))


def _is_flux1(config: Config) -> bool:
    return _takes_latents_alone(config) and not config.get("yak_mlp") and not config.get("txt_norm")


def _dev(config: Config, _v_prediction: bool) -> Mapping[str, Any] | None:
    return {} if _is_flux1(config) and config["guidance_embed"] else None


def _schnell(config: Config, _v_prediction: bool) -> Mapping[str, Any] | None:
    return {} if _is_flux1(config) and not config["guidance_embed"] else None


def _control(config: Config, v_prediction: bool) -> Mapping[str, Any] | None:
    """Return {} for 16 channels of noise and 16 of edges or depths."""
    controlled = config["in_channels"] == 32 and config["out_channels"] == 16
    return _dev({**config, "in_channels": 16}, v_prediction) if controlled else None


def _fill(config: Config, v_prediction: bool) -> Mapping[str, Any] | None:
    """Return {} for 16 channels of noise, 16 of the picture around the hidden part and 64 of its mask."""
    filling = config["in_channels"] == 96 and config["out_channels"] == 16
    return _dev({**config, "in_channels": 16}, v_prediction) if filling else None


def _ovis(config: Config, _v_prediction: bool) -> Mapping[str, Any] | None:
    return {} if _takes_latents_alone(config) and _is_ovis(config) else None


def _longcat(config: Config, _v_prediction: bool) -> Mapping[str, Any] | None:
    return {} if _takes_latents_alone(config) else None


def _hunyuan_image(config: Config, _v_prediction: bool) -> Mapping[str, Any] | None:
    """Return None for the distilled model: with mean flow it is told where a sampler's step ends, and training has no steps."""
    return None if config["meanflow"] else {"guidance": bool(config["guidance_embed"])}


def _flux2(config: Config, _v_prediction: bool) -> Mapping[str, Any]:
    return {"guidance": bool(config["guidance_embed"])}


FLUX1_DEV = Family(
    title="Flux.1 dev",
    model_class="comfy.model_base.Flux",
    variant=_dev,
    base_version="flux1",
    architecture="flux-1-dev",
    implementation="https://github.com/black-forest-labs/flux",
    timestep_sampling="shift",
    shift=3.1582,
    guidance=True,
    diffusers_map="flux_to_diffusers",
    source="sd-scripts, docs/flux_train_network.md: discrete_flow_shift 3.1582 (it also has flux_shift, by size)",
    layers=FLUX,
    controls=Controls(  # of Kontext, whose layers are dev's
        size="same",
        word="kontext",
        source="diffusion-pipe, docs/supported_models.md (Flux Kontext); musubi-tuner, docs/dataset_config.md",
    ),
)
FLUX1_CONTROL = replace(
    FLUX1_DEV,
    title="Flux.1 Canny / Depth",
    variant=_control,
    controls=Controls(
        form="concat_latent_image", size="same", most=1, required=True, source="ComfyUI, comfy_extras/nodes_ip2p.py"
    ),
)
FLUX1_FILL = replace(
    FLUX1_DEV,
    title="Flux.1 Fill",
    variant=_fill,
    architecture="Flux.1-fill-dev",  # as OneTrainer writes it
    inpainting=True,
    controls=None,
)
FLUX1_SCHNELL = Family(
    title="Flux.1 schnell",
    model_class="comfy.model_base.Flux",
    variant=_schnell,
    base_version="flux1",
    architecture="flux-1-schnell",
    few_steps=True,
    implementation="https://github.com/black-forest-labs/flux",
    diffusers_map="flux_to_diffusers",
    source="ComfyUI's sampling shift of 1: evenly; sd-scripts' docs/flux_train_network.md has one advice for dev and schnell, flux_shift",
    layers=FLUX,
)
FLUX2 = Family(
    title="Flux.2",
    model_class="comfy.model_base.Flux2",
    variant=_flux2,
    base_version="flux2",
    architecture="flux-2",
    few_step_names=("klein",),  # klein-base is the one it was made from
    timestep_sampling="shift",
    shift=7.5383,  # exp(2.02), ComfyUI's sampling shift, as Flux.1's 3.1582 is exp(1.15)
    diffusers_map="flux_to_diffusers",
    diffusers_newest=True,  # Flux.2's files have only the newer names, which come later in the map
    source="ComfyUI's sampling shift, exp(2.02); musubi-tuner's docs/flux_2.md has flux2_shift, by size",
    layers=FLUX,
    controls=Controls(size="own", source="ai-toolkit, extensions_built_in/diffusion_models/flux2/flux2_model.py"),
)
CHROMA = Family(
    title="Chroma",
    model_class="comfy.model_base.Chroma",
    base_version="chroma",
    architecture="chroma",
    few_step_names=("flash",),
    implementation="https://huggingface.co/lodestones/Chroma",
    timestep_sampling="sigmoid",
    diffusers_map="flux_to_diffusers",
    source="sd-scripts, docs/flux_train_network.md: sigmoid",
    layers=FLUX,
)
LONGCAT_IMAGE = Family(
    title="LongCat-Image",
    model_class="comfy.model_base.LongCatImage",
    variant=_longcat,
    base_version="longcat_image",
    architecture="longcat-image",
    timestep_sampling="shift",
    shift=3.1582,
    source="LongCat-Image, train_examples/lora: logit-normal, shifted by size; exp(1.15) at 1024 pixels",
    diffusers_map="flux_to_diffusers",
    layers=FLUX,
    controls=Controls(
        size="own", encoder="TextEncodeQwenImageEdit", most=1, source="ComfyUI, comfy_extras/nodes_qwen.py"
    ),
)
OVIS_IMAGE = Family(
    title="Ovis-Image",
    model_class="comfy.model_base.Flux",
    variant=_ovis,
    base_version="ovis_image",
    architecture="ovis-image",
    timestep_sampling="shift",
    shift=3.1582,
    source="diffusers, pipelines/ovis_image: the shift of its sampler at 1024 pixels, exp(1.15)",
    layers=FLUX,  # no diffusers_map: there gate and up are one layer, and ComfyUI's map has other rows for linear1
)
HUNYUAN_IMAGE = Family(
    title="HunyuanImage 2.1",
    model_class="comfy.model_base.HunyuanImage21",
    variant=_hunyuan_image,
    base_version="hunyuan-image-2.1",
    architecture="hunyuan-image-2.1",
    implementation="https://github.com/Tencent-Hunyuan/HunyuanImage-2.1",
    shift=5.0,
    source="sd-scripts, docs/hunyuan_image_train_network.md: discrete_flow_shift 5.0 with timestep_sampling sigma, which is evenly",
    layers=FLUX,  # its refiner of the caption is not trained, as in sd-scripts and diffusion-pipe
)
