"""Pictures through the host's own nodes, so that a cell of the grid is what the plain graph draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import comfy.model_management as mm
import comfy.model_sampling
import comfy.samplers
import folder_paths
import node_helpers
import torch

from ..errors import AthanorError
from . import determinism, kv_cache, patches
from .comfy_nodes import host_nodes
from .usable import usable_models

if TYPE_CHECKING:
    from .model import Trainable


def known() -> dict[str, list[str]]:
    """Return the names that a graph can give: of samplers, schedulers, models, VAEs and LoRAs."""
    return {
        "samplers": list(comfy.samplers.KSampler.SAMPLERS),
        "schedulers": list(comfy.samplers.KSampler.SCHEDULERS),
        "models": folder_paths.get_filename_list("checkpoints"),
        "vaes": host_nodes.VAELoader.vae_list(host_nodes.VAELoader),
        "loras": folder_paths.get_filename_list("loras"),
    }


def load_checkpoint(name: str) -> tuple[Any, Any, Any]:
    """Return MODEL, CLIP and VAE of a checkpoint file; None for those that it lacks."""
    return usable_models(*host_nodes.CheckpointLoaderSimple().load_checkpoint(name)[:3])


def load_vae(name: str) -> Any:
    """Return the VAE that Load VAE gives."""
    return host_nodes.VAELoader().load_vae(name)[0]


def encode_prompt(clip: Any, text: str) -> Any:
    """Return the CONDITIONING of a prompt, with the host's prompt syntax."""
    return host_nodes.CLIPTextEncode().encode(clip, text)[0]


def run_node(kind: str, **inputs: Any) -> Any:
    """Return the first output of one of the host's own nodes, run here and now with these inputs.

    Raises:
        AthanorError: this ComfyUI has no such node.
    """
    node = node_class(kind)
    if kind.startswith("KSampler"):
        kv_cache.clear(inputs["model"].model.diffusion_model)  # of another LoRA on the same model
    return getattr(node(), node.FUNCTION)(**inputs)[0]


def node_class(kind: str) -> Any:
    """Return the class of one of the host's own nodes.

    Raises:
        AthanorError: this ComfyUI has no such node.
    """
    node = host_nodes.NODE_CLASS_MAPPINGS.get(kind)
    if node is None:
        raise AthanorError(f"this ComfyUI has no node {kind}: update it, or start it with all of its own nodes.")
    return node


def guide(conditioning: Any, guidance: float) -> Any:
    """Return the CONDITIONING with an embedded guidance, as FluxGuidance does it."""
    return node_helpers.conditioning_set_values(conditioning, {"guidance": guidance})


def shift_node(model: Any, shift: float, width: int, height: int) -> tuple[str, dict[str, Any]]:
    """Return the ComfyUI node that sets the shift of this kind of model, and the values of its widgets.

    Raises:
        AthanorError: the model is no flow model.
    """
    sampling = model.get_model_object("model_sampling")
    if isinstance(sampling, comfy.model_sampling.ModelSamplingFlux):
        return "ModelSamplingFlux", {"max_shift": shift, "base_shift": shift, "width": width, "height": height}
    if isinstance(sampling, comfy.model_sampling.ModelSamplingDiscreteFlow):
        return "ModelSamplingAuraFlow" if sampling.multiplier == 1 else "ModelSamplingSD3", {"shift": shift}
    raise AthanorError("shift has no effect on this model: only flow models (SD3, Flux, Lumina, ...) have one.")


def empty_latent(width: int, height: int) -> dict[str, Any]:
    """Return the LATENT of Empty Latent Image for one picture."""
    return host_nodes.EmptyLatentImage().generate(width, height, 1)[0]


def size_of(latent: dict[str, Any], vae: Any) -> tuple[int, int]:
    """Return (width, height) of a LATENT in pixels: of an empty one as its node counts them, whatever the model's latents are.

    Raises:
        AthanorError: it holds more than one picture.
    """
    samples = latent["samples"]
    if samples.shape[0] != 1:
        raise AthanorError(f"latent holds {samples.shape[0]} pictures: connect a single one (Latent From Batch).")
    scale = latent.get("downscale_ratio_spacial")  # the sampler enlarges an empty latent by it
    if scale is None or samples.count_nonzero():
        scale = vae.spacial_compression_decode()
    return samples.shape[-1] * scale, samples.shape[-2] * scale


def sample(
    model: Any,
    vae: Any,
    positive: Any,
    negative: Any,
    latent: dict[str, Any],
    *,
    seed: int,
    steps: int,
    cfg: float,
    sampler: str,
    scheduler: str,
    denoise: float = 1.0,
) -> torch.Tensor:
    """Draw one picture, (1, H, W, 3) float32 in 0..1, by KSampler and VAE decode."""
    kv_cache.clear(model.model.diffusion_model)  # of another LoRA on the same model
    latent = host_nodes.common_ksampler(
        model, seed, steps, cfg, sampler, scheduler, positive, negative, latent, denoise=denoise
    )[0]
    return host_nodes.VAEDecode().decode(vae, latent)[0]


def steps_above(model: Any, boundary: float, *, steps: int, sampler: str, scheduler: str, denoise: float) -> int:
    """Return how many of KSampler's steps begin at or above a boundary, given as a part of the model's time (Wan 2.2: 0.875)."""
    times = model.get_model_object("model_sampling")
    plan: Any = comfy.samplers.KSampler(model, steps, "cpu", sampler=sampler, scheduler=scheduler, denoise=denoise)
    end = float(times.timestep(torch.as_tensor(times.sigma_max)))
    return sum(float(times.timestep(sigma)) / end >= boundary for sigma in plan.sigmas[:-1])


@contextmanager
def interlude(model: Trainable) -> Iterator[Any]:
    """Inside, the MODEL that is being trained can be sampled with; training finds everything unchanged afterwards."""
    state = model.patcher.model.model_sampling.__dict__
    raw = {name: state.pop(name) for name in patches.RAW if name in state}  # while training, predictions are taken raw
    before, mm.in_training = mm.in_training, False
    devices = [model.device] if model.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices), determinism.outside_training():
            yield model.patcher
    finally:
        mm.in_training = before
        state.update(raw)


def make_room() -> None:
    """Take every model off the device and give its memory back."""
    mm.unload_all_models()
    mm.soft_empty_cache(force=True)
