"""Network Config: what is trained beside the frozen model."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting


class NetworkSettings(Settings):
    """A LoRA / LyCORIS network on the diffusion model."""

    algo: Literal["lora", "locon", "loha", "lokr"] = setting(
        "lora",
        "lora: the standard, Linear layers (and 3x3 convolutions once conv_rank is set). locon: the same with "
        "convolutions in mind. loha, lokr: LyCORIS' Hadamard and Kronecker products, small files, good for styles.",
        flag="network_args algo",
    )
    rank: int = setting(
        16,
        "Size of the network, network_dim in sd-scripts: 4 to 32 is usual, 64 to 128 for much detail. For lokr, 100000 "
        "means full dimension.",
        flag="network_dim",
        ge=1,
        le=100000,
    )
    alpha: float = setting(
        8.0,
        "The update is scaled by alpha / rank. Half or a quarter of the rank is usual; 1 wants a higher learning "
        "rate. 0 means: as the rank.",
        flag="network_alpha",
        ge=0,
        le=100000,
        step=0.5,
    )
    conv_rank: int = setting(
        0,
        "Rank for 3x3 convolutions (U-Nets only); 0 leaves them alone. 8 or less is usual.",
        flag="network_args conv_dim",
        ge=0,
        le=100000,
    )
    conv_alpha: float = setting(
        1.0, "Alpha for 3x3 convolutions.", flag="network_args conv_alpha", ge=0, le=100000, step=0.5
    )
    factor: int = setting(
        -1,
        "lokr: how the weight is split; smaller means larger files (4 to 16, -1 = as even as possible).",
        flag="network_args factor",
        ge=-1,
        le=1024,
        advanced=True,
    )
    dropout: float = setting(
        0.0,
        "Chance that a value of the network's output is dropped in training (0 to 0.3). lora and locon only.",
        flag="network_dropout",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )
    rank_dropout: float = setting(
        0.0,
        "Chance that a rank is dropped in training (0 to 0.3).",
        flag="network_args rank_dropout",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )
    module_dropout: float = setting(
        0.0,
        "Chance that a whole layer's network is skipped in a step (0 to 0.3).",
        flag="network_args module_dropout",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )
    preset: Literal["attn-mlp", "full", "full-lin", "attn-only", "unet-transformer-only", "unet-convblock-only"] = (
        setting(
            "attn-mlp",
            "Which layers are trained. attn-mlp: all of the transformer blocks, as sd-scripts' LoRA. full: everything, "
            "as LyCORIS' default (needs conv_rank for convolutions). full-lin: everything but convolutions.",
            flag="network_args preset",
        )
    )
    train_norm: bool = setting(
        False,
        "Train the normalisation layers of the chosen blocks as well.",
        flag="network_args train_norm",
        advanced=True,
    )
