"""What a model is given in a step: latents on its device, with what it has to know about each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Geometry:
    """The sizes that SDXL is conditioned on, in pixels: (width, height), and (left, top) of the crop."""

    original: tuple[int, int]
    crop: tuple[int, int]
    target: tuple[int, int]


Groups = tuple[tuple[list[int], dict[str, Any]], ...]
"""Samples that can share a forward, and their conditioning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBatch:
    """A micro-batch on the model's device, with the conditioning of each sample."""

    latents: torch.Tensor  # (B, C, h, w) float32, process_latent_in applied
    weights: torch.Tensor  # (B,) float32 loss weights
    mask: torch.Tensor | None  # (B, 1, H, W) float32, where the loss counts
    groups: Callable[[], Groups]
    part: Callable[[slice], DeviceBatch] | None = None  # some of the samples
