"""Which models can be trained, and what a run has to know about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import comfy.model_base
import comfy.model_sampling
import comfy.utils

from ..errors import AthanorError
from ..objective.schedule import Prediction, Schedule

BLOCKS = {"BasicTransformerBlock", "ResBlock", "JointBlock"}
"""Classes whose activations gradient checkpointing computes again."""


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model, as LoRA files name it."""

    title: str
    base_version: str  # ss_base_model_version
    architecture: str  # modelspec.architecture
    diffusers_names: bool  # U-Net modules are named as in diffusers (SD1, SD2), else as in the model itself


def detect(model: Any) -> Family:
    """The family of a MODEL.

    Raises:
        AthanorError: names a model type that cannot be trained yet.
    """
    base = model.model
    kind = type(base)
    v = model.get_model_object("model_sampling").__class__.__mro__
    suffix = "_v" if comfy.model_sampling.V_PREDICTION in v else ""
    if kind is comfy.model_base.SDXL and not base.concat_keys:
        return Family("SDXL", f"sdxl_base_v1-0{suffix}", "stable-diffusion-xl-v1-base", False)
    if kind is comfy.model_base.SD3:
        config = base.model_config.unet_config
        size = "5-medium" if config["x_block_self_attn_layers"] else "5-large" if config["depth"] == 38 else "medium"
        return Family("SD3", size, f"stable-diffusion-3-{size}", False)
    if kind is comfy.model_base.BaseModel and not base.concat_keys and "context_dim" in base.model_config.unet_config:
        if base.model_config.unet_config["context_dim"] == 768:
            return Family("SD1.5", f"sd_v1{suffix}", "stable-diffusion-v1", True)
        if base.model_config.unet_config["context_dim"] == 1024:
            return Family(
                "SD2", f"sd_v2{suffix}", "stable-diffusion-v2-512" if not suffix else "stable-diffusion-v2-768-v", True
            )
    name = type(base.model_config).__name__ + (" inpainting" if base.concat_keys else "")
    raise AthanorError(f"MODEL is of type {name}, which cannot be trained yet: use SD1.5, SD2, SDXL or SD3.")


def schedule(sampling: Any) -> Schedule:
    """The parameterization of a model's `model_sampling` object.

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
        if base in kinds or base.__name__ in ("X0", "EDM", "COSMOS_RFLOW", "IMG_TO_IMG")
    ]
    if own and own[0] in kinds:
        prediction = kinds[own[0]]
        if prediction == "flow":
            return Schedule("flow")
        if isinstance(sampling, comfy.model_sampling.ModelSamplingDiscrete):
            return Schedule(prediction, sampling.sigmas.detach().float().cpu().clone())
    seen = ", ".join(base.__name__ for base in own) or "unknown prediction"
    raise AthanorError(f"MODEL samples with {type(sampling).__name__} ({seen}), which cannot be trained.")


def file_names(model: Any, family: Family) -> dict[str, str]:
    """Network module name -> name in the LoRA file, where they differ (SD1 and SD2 use diffusers' names)."""
    if not family.diffusers_names:
        return {}
    names = {}
    for theirs, ours in comfy.utils.unet_to_diffusers(model.model.model_config.unet_config).items():
        if ours.endswith(".weight"):
            names["lora_unet_" + ours[:-7].replace(".", "_")] = "lora_unet_" + theirs[:-7].replace(".", "_")
    return names
