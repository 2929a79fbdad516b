"""Which models can be trained, and what a run has to know about each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.model_base
import comfy.model_sampling
import comfy.utils

from ..errors import AthanorError
from ..objective.schedule import Prediction, Schedule

IN_PLACE = {"DoubleStreamBlock", "SingleStreamBlock", "CLIPLayer", "T5LayerSelfAttention", "T5LayerFF"}
"""Classes of Flux, Chroma and the text encoders that write into their inputs (`img`, `txt`, the first argument)."""

NORMS = ("LayerNorm", "T5LayerNorm")
"""Their layers that keep such an input for the backward pass."""

BLOCKS = IN_PLACE | {
    "BasicTransformerBlock",  # SD1, SD2, SDXL
    "ResBlock",
    "JointBlock",  # SD3
    "JointTransformerBlock",  # Lumina 2, Z-Image
    "QwenImageTransformerBlock",
    "MMDiTBlock",  # AuraFlow
    "DiTBlock",
    "WanAttentionBlock",
    "HiDreamImageBlock",
}
"""Classes whose activations gradient checkpointing computes again."""

CONVOLUTIONS = {"ResBlock"}
"""Those of them that are no transformer blocks."""

SUPPORTED = (
    "SD1.5, SD2, SDXL, SD3, Flux.1, Flux.2, Chroma, Lumina 2, Z-Image, Qwen-Image, AuraFlow, HiDream-I1 "
    "or Wan text-to-video"
)

VIDEO_OR_AUDIO = {
    "ACEStep",
    "ACEStep15",
    "CogVideoX",
    "CosmosVideo",
    "GenmoMochi",
    "HunyuanVideo",
    "Kandinsky5",
    "LTXAV",
    "LTXV",
    "MiniMaxH3",
    "SVD_img2vid",
    "SeedVR2",
    "StableAudio1",
    "StableAudio3",
    "WAN21",
}
"""Model classes of the host (their subclasses too) that make moving pictures or sound."""


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model, as LoRA files name it, and how its trainers draw timesteps when the user leaves it to them."""

    title: str
    base_version: str  # ss_base_model_version
    architecture: str  # modelspec.architecture
    diffusers_names: bool = False  # U-Net modules are named as in diffusers (SD1, SD2), else as in the model itself
    timestep_sampling: str = "uniform"  # what timestep_sampling "auto" means
    shift: float = 1.0  # of timestep_sampling "shift": sigma := shift * sigma / (1 + (shift - 1) * sigma)
    guidance: bool = False  # has an embedded guidance input (distilled models)
    in_checkpoint: tuple[str, ...] = ()  # what a file of the whole model holds beside it; nothing: the model alone


ALL = ("clip", "vae")


def _sd(config: Mapping[str, Any], v: str) -> Family | None:
    if config.get("context_dim") == 768:
        return Family("SD1.5", f"sd_v1{v}", "stable-diffusion-v1", True, in_checkpoint=ALL)
    if config.get("context_dim") == 1024:
        size = "stable-diffusion-v2-768-v" if v else "stable-diffusion-v2-512"
        return Family("SD2", f"sd_v2{v}", size, True, in_checkpoint=ALL)
    return None


def _sd3(config: Mapping[str, Any], _v: str) -> Family:
    size = "5-medium" if config["x_block_self_attn_layers"] else "5-large" if config["depth"] == 38 else "medium"
    return Family("SD3", size, f"stable-diffusion-3-{size}", in_checkpoint=("vae",))


def _flux(config: Mapping[str, Any], _v: str) -> Family | None:
    if config["in_channels"] != config["out_channels"] or config.get("yak_mlp") or config.get("txt_norm"):
        return None  # inpainting and control models, Ovis-Image
    if config["guidance_embed"]:
        return Family("Flux.1 dev", "flux1", "flux-1-dev", False, "shift", 3.1582, True)
    return Family("Flux.1 schnell", "flux1", "flux-1-schnell")


def _flux2(config: Mapping[str, Any], _v: str) -> Family:
    # exp of the host's sampling shift, as 3.1582 is of Flux.1's
    return Family("Flux.2", "flux2", "flux-2", False, "shift", round(math.exp(2.02), 4), bool(config["guidance_embed"]))


def _lumina(config: Mapping[str, Any], _v: str) -> Family | None:
    if config.get("clip_text_dim") or config.get("siglip_feat_dim"):
        return None  # NewBie, Z-Image Omni
    if config.get("z_image_modulation"):
        return Family("Z-Image", "z_image", "z-image", False, "shift", 2.0)
    return Family("Lumina 2", "lumina2", "lumina-2", False, "shift", 6.0)


def _qwen(config: Mapping[str, Any], _v: str) -> Family | None:
    if config["in_channels"] != 64 or "default_ref_method" in config:
        return None  # edit and layered models
    return Family("Qwen-Image", "qwen_image", "Qwen-Image", False, "shift", 2.2)


def _wan(config: Mapping[str, Any], _v: str) -> Family | None:
    if config["model_type"] != "t2v" or config["in_dim"] != config["out_dim"] or config.get("in_dim_ref_conv"):
        return None  # image-to-video and control models
    return Family("Wan 2.1", "wan", "wan2.1", False, "shift", 3.0)


# By exact class, for a subclass may be another model. The builder gets unet_config and "_v" for v-prediction,
# and returns None for a variant that cannot be trained.
FAMILIES: dict[type, Callable[[Mapping[str, Any], str], Family | None]] = {
    comfy.model_base.BaseModel: _sd,
    comfy.model_base.SDXL: lambda _c, v: Family(
        "SDXL", f"sdxl_base_v1-0{v}", "stable-diffusion-xl-v1-base", in_checkpoint=ALL
    ),
    comfy.model_base.SD3: _sd3,
    comfy.model_base.Flux: _flux,
    comfy.model_base.Flux2: _flux2,
    comfy.model_base.Chroma: lambda _c, _v: Family("Chroma", "chroma", "chroma", False, "sigmoid"),
    comfy.model_base.Lumina2: _lumina,
    comfy.model_base.QwenImage: _qwen,
    comfy.model_base.AuraFlow: lambda _c, _v: Family("AuraFlow", "auraflow", "auraflow"),
    comfy.model_base.HiDream: lambda _c, _v: Family("HiDream-I1", "hidream_i1", "hidream-i1"),
    comfy.model_base.WAN21: _wan,
}


def detect(model: Any) -> Family:
    """The family of a MODEL.

    Raises:
        AthanorError: names a model type that cannot be trained yet.
    """
    base = model.model
    kind, build = type(base), FAMILIES.get(type(base))
    sampling = model.get_model_object("model_sampling")  # the graph may have patched it
    v = "_v" if isinstance(sampling, comfy.model_sampling.V_PREDICTION) else ""
    family = build(base.model_config.unet_config, v) if build and not base.concat_keys else None
    if family is not None:
        return family
    name = type(base.model_config).__name__
    if kind is not comfy.model_base.Kandinsky5Image and any(k.__name__ in VIDEO_OR_AUDIO for k in kind.__mro__):
        raise AthanorError(
            f"MODEL is of type {name}: video and audio models are out of scope for now, use {SUPPORTED}."
        )
    if build:
        name += " inpainting" if base.concat_keys else " in a variant with other inputs"
    raise AthanorError(f"MODEL is of type {name}, which cannot be trained yet: use {SUPPORTED}.")


def schedule(sampling: Any) -> Schedule:
    """The parameterization of a model's `model_sampling` object.

    Flow: sigma is 0..1 here for every family. What the network is told of it (sigma, 1000 sigma, 1 - sigma) is made
    by the model's own `timestep` and forward, and the raw output is noise - latent, as in the sampler.

    Raises:
        AthanorError: the graph has patched in a kind of sampling that cannot be trained.
    """
    kinds: dict[type, Prediction] = {
        comfy.model_sampling.V_PREDICTION: "v",
        comfy.model_sampling.CONST: "flow",
        comfy.model_sampling.EPS: "eps",
    }
    own = [
        base
        for base in type(sampling).__mro__
        if base in kinds or base.__name__ in ("X0", "EDM", "COSMOS_RFLOW", "IMG_TO_IMG", "IMG_TO_IMG_FLOW")
    ]
    if own and own[0] in kinds:
        prediction = kinds[own[0]]
        if prediction == "flow" and getattr(sampling, "noise_scale", 1.0) == 1.0:
            return Schedule("flow")
        if isinstance(sampling, comfy.model_sampling.ModelSamplingDiscrete):
            return Schedule(prediction, sampling.sigmas.detach().float().cpu().clone())
    seen = ", ".join(base.__name__ for base in own) or "unknown prediction"
    raise AthanorError(f"MODEL samples with {type(sampling).__name__} ({seen}), which cannot be trained.")


def spelling(model: Any, family: Family) -> dict[str, str]:
    """Layer name in the diffusion model -> in the family's files, dots and all, where they differ (SD1 and SD2 use
    diffusers' names).
    """
    if not family.diffusers_names:
        return {}
    pairs = comfy.utils.unet_to_diffusers(model.model.model_config.unet_config).items()
    return {ours[:-7]: theirs[:-7] for theirs, ours in pairs if ours.endswith(".weight")}


def file_names(model: Any, family: Family) -> dict[str, str]:
    """Network module name -> name in the LoRA file, where they differ."""
    return {
        f"lora_unet_{ours.replace('.', '_')}": f"lora_unet_{theirs.replace('.', '_')}"
        for ours, theirs in spelling(model, family).items()
    }


def file_of(model: Any) -> Path | None:
    """The checkpoint's file, where the host remembers it."""
    made_by = model.cached_patcher_init
    paths = [Path(value) for value in made_by[1] if isinstance(value, str)] if made_by else []
    return next((path for path in paths if path.is_file()), None)
