"""Which family a MODEL of the graph is of, how it is sampled, and what its files call its modules."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import comfy.model_detection
import comfy.model_sampling
import comfy.utils
import torch

from ..errors import AthanorError
from ..families import FAMILIES, REFUSED, SUPPORTED, Family, class_path, guess, identify, may_be_tried, why_refused
from ..files import METADATA, UnreadableFile, safetensors_header
from ..objective.schedule import Prediction, Schedule


def detect(model: Any, unknown: bool = False) -> Family:
    """Return the record of a MODEL's family, with the fields of its variant (its size, v-prediction).

    Args:
        unknown: a record is guessed for a model that makes pictures and is of no known family (train_unknown_model).

    Raises:
        AthanorError: names a model type that cannot be trained yet.
    """
    base, config = model.model, model.model.model_config.unet_config
    sampling = model.get_model_object("model_sampling")  # the graph may have patched it
    v_prediction = isinstance(sampling, comfy.model_sampling.V_PREDICTION)
    family = identify(type(base), config, v_prediction)
    if family is not None:
        return family
    name = type(base.model_config).__name__
    # With concat_keys it is given something beside the noisy latent, a depth map, say, which nobody gives it here.
    makes_pictures = base.latent_format.latent_dimensions in (2, 3) and not base.concat_keys
    may_be_guessed = makes_pictures and may_be_tried(name, config)
    if not may_be_guessed or not unknown:
        raise AthanorError(_refusal(base, may_be_guessed))
    return guess.family(name, type(base), config, schedule(sampling).prediction, base.diffusion_model)


def _refusal(base: Any, may_be_guessed: bool) -> str:
    """Return the sentence on a model of no known family."""
    name = type(base.model_config).__name__
    reason = why_refused(name, base.model_config.unet_config)
    is_variant = name not in REFUSED and any(row.model_class == class_path(type(base)) for row in FAMILIES)
    what = f"{name} in a variant with other inputs" if is_variant else name
    instead = ", or switch train_unknown_model on to try it" if may_be_guessed else ""
    return (
        f"MODEL is of type {what}, which {reason} and cannot be trained here: use {SUPPORTED}, or another model that the help "
        f"of Train LoRA names{instead}."
    )


def family_in_file(path: Path) -> Family | None:
    """Return the family of a model's file, read from its header alone; None where that does not tell, or it is none of ours.

    v-prediction is not looked for, which some files tell only in their numbers.
    """

    def nothing(shape: list[int]) -> torch.Tensor:
        """Return a tensor of a shape without memory; short ones are zeros, as the host looks at the numbers of a bias."""
        is_short = len(shape) == 1 and shape[0] < 100_000
        return torch.zeros(shape) if is_short else torch.empty(shape, device="meta")

    try:
        header = safetensors_header(path)
    except UnreadableFile:
        return None
    try:
        shapes = {key: nothing(entry["shape"]) for key, entry in header.items() if key != METADATA}
        prefix = comfy.model_detection.unet_prefix_from_state_dict(shapes)
        prefix = prefix if any(key.startswith(prefix) for key in shapes) else ""
        config: Any = comfy.model_detection.model_config_from_unet(shapes, prefix)
        if config is None:
            return None
        config.unet_config["disable_unet_model_creation"] = True  # the class of the model is asked for, not its layers
        base = config.get_model(shapes, prefix)
    except Exception:  # whatever a foreign file's keys and shapes lead to
        return None
    return identify(type(base), config.unet_config, False)


def schedule(sampling: Any) -> Schedule:
    """Return the parameterization (eps, v or flow, and its sigmas) of a model's `model_sampling` object.

    Flow: sigma is 0..1 here for every family. What the network is told of it (sigma, 1000 sigma, 1 - sigma) is made
    by the model's own `timestep` and forward, and the raw output is noise - latent, as in the sampler. So it is for
    Cosmos-Predict2, too, whose sampler counts sigma / (1 - sigma): `patches.raw_output` keeps that from the training.

    Raises:
        AthanorError: the graph has patched in a kind of sampling that cannot be trained.
    """
    kinds: dict[type, Prediction] = {
        comfy.model_sampling.V_PREDICTION: "v",
        comfy.model_sampling.CONST: "flow",
        comfy.model_sampling.COSMOS_RFLOW: "flow",
        comfy.model_sampling.EPS: "eps",
    }
    own = [
        base
        for base in type(sampling).__mro__
        if base in kinds or base.__name__ in ("X0", "EDM", "IMG_TO_IMG", "IMG_TO_IMG_FLOW")
    ]
    if own and own[0] in kinds:
        prediction = kinds[own[0]]
        if prediction == "flow":
            return Schedule("flow", noise_scale=getattr(sampling, "noise_scale", 1.0))
        if isinstance(sampling, comfy.model_sampling.StableCascadeSampling):
            return Schedule(prediction, _unshifted(sampling))
        if isinstance(sampling, comfy.model_sampling.ModelSamplingDiscrete):
            sigmas: Any = sampling.sigmas
            return Schedule(prediction, sigmas.detach().float().cpu().clone())
    seen = ", ".join(base.__name__ for base in own) or "unknown prediction"
    raise AthanorError(
        f"MODEL uses the sampling {type(sampling).__name__} ({seen}), which is not supported for training."
    )


def _unshifted(sampling: comfy.model_sampling.StableCascadeSampling) -> torch.Tensor:
    """Return the sigmas of 1000 timesteps of Stable Cascade, whose shift is for sampling alone, as that of a flow model is."""
    plain = copy.copy(sampling)
    plain.shift = 1.0
    plain.cosine_s, plain._init_alpha_cumprod = sampling.cosine_s.cpu(), sampling._init_alpha_cumprod.cpu()
    return plain.sigma(torch.arange(1, 1001) / 1000)


def cell(model: Any) -> int:
    """Return the side, in its latents, of 8 pixels of a MODEL without a VAE; 1 of others, whose latents have cells of their own."""
    return 8 if model.model.latent_format.spacial_downscale_ratio == 1 else 1


def sampling_names(model: Any) -> tuple[str, ...]:
    """Return the names of the classes of a MODEL's sampling, its own first."""
    return tuple(base.__name__ for base in type(model.get_model_object("model_sampling")).__mro__)


def zero_terminal(model: Any) -> Any:
    """Return a clone of an eps or v MODEL whose timesteps end in pure noise, as Model Sampling Discrete makes it.

    Raises:
        AthanorError: its kind of sampling has none of this.
    """
    sampling = model.get_model_object("model_sampling")
    if isinstance(sampling, comfy.model_sampling.StableCascadeSampling):
        raise AthanorError(
            "zero_terminal_snr is not for Stable Cascade, whose own timesteps end in noise: switch it off."
        )
    patched = model.clone()
    patched.add_object_patch("model_sampling", type(sampling)(model.model.model_config, zsnr=True))
    return patched


def spelling(model: Any, family: Family) -> dict[str, str]:
    """Return layer name in the diffusion model -> in the family's files, with dots, where they differ (SD1 and SD2 use
    diffusers' names).
    """
    if not family.diffusers_names:
        return {}
    pairs = unet_names(model.model.model_config.unet_config, family).items()
    return {ours[:-7]: theirs[:-7] for theirs, ours in pairs if ours.endswith(".weight")}


def unet_names(config: Mapping[str, Any], family: Family) -> dict[str, str]:
    """Return diffusers' key -> ComfyUI's of a U-Net.

    The host has two names for the layers of label_emb, in an order that changes from process to process: diffusers calls
    them add_embedding in SDXL and class_embedding in unCLIP.
    """
    other = "add_embedding." if family.diffusers_names else "class_embedding."
    names = comfy.utils.unet_to_diffusers(config)
    return {theirs: ours for theirs, ours in names.items() if not theirs.startswith(other)}


def file_names(model: Any, family: Family) -> dict[str, str]:
    """Return network module name -> name in the LoRA file, where they differ."""
    names: dict[str, str] = spelling(model, family)
    if family.file_prefix != "lora":
        names = {name: names.get(name) or name for name, _ in model.model.diffusion_model.named_modules() if name}
    return {
        f"lora_unet_{ours.replace('.', '_')}": f"{family.file_prefix}_unet_{theirs.replace('.', '_')}"
        for ours, theirs in names.items()
    }


def file_of(model: Any) -> Path | None:
    """Return the checkpoint's file, where the host remembers it."""
    made_by = model.cached_patcher_init
    paths = [Path(value) for value in made_by[1] if isinstance(value, str)] if made_by else []
    return next((path for path in paths if path.is_file()), None)
