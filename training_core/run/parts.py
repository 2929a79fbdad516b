"""Find the modules of the graph's models that get a network (setting train: unet, text encoder or both)."""

from __future__ import annotations

from typing import Any

import torch

from ..host import detection, text
from ..network.parts import Part
from ..settings import NetworkSettings


def parts_of(settings: NetworkSettings, model: Any, diffusion_model: torch.nn.Module, encoders: Any) -> list[Part]:
    """Return the diffusion model and text encoders that `settings.train` names, with their prefixes in a LoRA file.

    Args:
        model: the MODEL, to know its family.
        diffusion_model: the module itself; while training it may be another one than the MODEL's.
        encoders: a CLIP's cond_stage_model; None if text encoders are not trained.

    Raises:
        AthanorError: the CLIP has no text encoder that can be trained.
    """
    family, parts = detection.detect(model), []
    if settings.unet:
        parts.append(Part(diffusion_model, spelling=detection.spelling(model, family)))
    if settings.text:
        found = text.trainable(encoders, numbered=not family.diffusers_names)
        parts += [Part(encoder, prefix) for prefix, encoder in found.items()]
    return parts
