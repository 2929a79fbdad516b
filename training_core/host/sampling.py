"""Pictures through the host's own nodes, so that a cell of the grid is what the plain graph draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import comfy.model_management as mm
import node_helpers
import torch

import nodes as host_nodes  # ComfyUI's own module of that name, not the pack's folder

if TYPE_CHECKING:
    from .model import Trainable


def encode_prompt(clip: Any, text: str) -> Any:
    """CONDITIONING of a prompt, with the host's prompt syntax."""
    return host_nodes.CLIPTextEncode().encode(clip, text)[0]


def sample(
    model: Any,
    vae: Any,
    positive: Any,
    negative: Any,
    *,
    seed: int,
    steps: int,
    cfg: float,
    sampler: str,
    scheduler: str,
    width: int,
    height: int,
) -> torch.Tensor:
    """One picture, (1, H, W, 3) float32 in 0..1: empty latent, KSampler, VAE decode."""
    latent = host_nodes.EmptyLatentImage().generate(width, height, 1)[0]
    latent = host_nodes.common_ksampler(model, seed, steps, cfg, sampler, scheduler, positive, negative, latent)[0]
    return host_nodes.VAEDecode().decode(vae, latent)[0]


def guided(conditioning: Any, guidance: float) -> Any:
    """CONDITIONING with an embedded guidance value, as the host's FluxGuidance node makes it."""
    return node_helpers.conditioning_set_values(conditioning, {"guidance": guidance})


@contextmanager
def interlude(model: Trainable) -> Iterator[Any]:
    """The MODEL that is being trained, as something to sample with; training finds everything as it was."""
    state = model.patcher.model.model_sampling.__dict__
    raw = state.pop("calculate_denoised")  # while training, predictions are taken raw
    before, mm.in_training = mm.in_training, False
    devices = [model.device] if model.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield model.patcher
    finally:
        mm.in_training = before
        state["calculate_denoised"] = raw
