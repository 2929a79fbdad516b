"""Noise Config: what noise the pictures are mixed with."""

from __future__ import annotations

from .base import Settings, setting


class NoiseSettings(Settings):
    """Additions to plain Gaussian noise (eps and v models)."""

    noise_offset: float = setting(
        0.0,
        "Shift the noise of each channel as a whole: lets the model learn very dark and bright pictures (0.03 to 0.1).",
        flag="noise_offset",
        ge=0,
        le=10,
        step=0.0001,
    )
    multires_noise_iterations: int = setting(
        0,
        "Add noise of coarser and coarser resolutions, this many levels (6 to 10; 0 = off).",
        flag="multires_noise_iterations",
        ge=0,
        le=64,
    )
    multires_noise_discount: float = setting(
        0.3,
        "How much weaker each coarser level is (0.1 to 0.8).",
        flag="multires_noise_discount",
        ge=0,
        le=1,
        step=0.01,
    )
    ip_noise_gamma: float = setting(
        0.0,
        "Disturb the noisy input, not the target: makes the model forgive its own errors (0.05 to 0.15).",
        flag="ip_noise_gamma",
        ge=0,
        le=10,
        step=0.001,
    )
