"""Noise Config: what noise pictures are mixed with, and which timesteps are trained."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator
from typing_extensions import Self

from .base import Settings, setting


class NoiseSettings(Settings):
    """Additions to plain Gaussian noise, and how often each timestep is drawn."""

    noise_offset: float = setting(
        0.0,
        "Shift the noise of each channel as a whole: lets the model learn very dark and bright pictures (0.03 to 0.1). "
        "For eps and v models (SD1.5, SD2, SDXL).",
        flag="noise_offset",
        ge=0,
        le=10,
        step=0.0001,
    )
    noise_offset_random_strength: bool = setting(
        False,
        "Draw the strength of noise_offset anew for each batch, between 0 and its value.",
        flag="noise_offset_random_strength",
        advanced=True,
    )
    adaptive_noise_scale: float = setting(
        0.0,
        "Add this times the absolute mean of the latent's channel to noise_offset (about 0.01; may be negative).",
        flag="adaptive_noise_scale",
        ge=-10,
        le=10,
        step=0.001,
        advanced=True,
    )
    multires_noise_iterations: int = setting(
        0,
        "Add noise of coarser and coarser resolutions, this many levels (6 to 10; 0 = off). For eps and v models.",
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
    ip_noise_gamma_random_strength: bool = setting(
        False,
        "Draw the strength of ip_noise_gamma anew for each batch, between 0 and its value.",
        flag="ip_noise_gamma_random_strength",
        advanced=True,
    )
    zero_terminal_snr: bool = setting(
        False,
        "Let the last timestep be pure noise, for models with v prediction that are sampled so (the loss weights follow).",
        flag="zero_terminal_snr",
        advanced=True,
    )
    timestep_sampling: Literal[
        "auto", "uniform", "sigmoid", "logit_normal", "mode", "cosmap", "shift", "flux_shift"
    ] = setting(
        "auto",
        "How often each timestep is trained, for flow models (SD3, Flux, Lumina, Qwen ...; eps and v models are always "
        "uniform). sigmoid and logit_normal prefer the middle, shift moves towards noise, flux_shift does so by the size "
        "of the picture. auto: what is usual for the model. Timestep Plot shows it.",
        flag="timestep_sampling",
    )
    sigmoid_scale: float = setting(
        1.0,
        "Width of sigmoid, shift and flux_shift (0.5 narrow to 2 wide).",
        flag="sigmoid_scale",
        ge=0.01,
        le=100,
        step=0.1,
        advanced=True,
    )
    logit_mean: float = setting(
        0.0,
        "Middle of logit_normal; above 0 more noise (-1 to 1).",
        flag="logit_mean",
        ge=-10,
        le=10,
        step=0.1,
        advanced=True,
    )
    logit_std: float = setting(
        1.0, "Width of logit_normal (0.5 to 1.5).", flag="logit_std", ge=0.01, le=10, step=0.1, advanced=True
    )
    mode_scale: float = setting(
        1.29, "Strength of mode (0.8 to 1.5).", flag="mode_scale", ge=-2, le=3, step=0.01, advanced=True
    )
    flow_shift: float = setting(
        0.0,
        "Move timesteps towards noise by this factor (2 to 6; 1 = not at all). 0: what is usual, 3 for shift. "
        "sd-scripts: --discrete_flow_shift, and --training_shift for SD3.",
        key="ss_discrete_flow_shift",
        ge=0,
        le=100,
        step=0.1,
    )
    min_timestep: int = setting(
        0,
        "Train no timestep below this one (0 to 1000, low = little noise).",
        flag="min_timestep",
        key="modelspec.timestep_range",
        ge=0,
        le=999,
        advanced=True,
    )
    max_timestep: int = setting(
        1000,
        "Train no timestep from this one on (1 to 1000).",
        flag="max_timestep",
        key="modelspec.timestep_range",
        ge=1,
        le=1000,
        advanced=True,
    )

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.adaptive_noise_scale and not self.noise_offset:
            raise ValueError(
                "adaptive_noise_scale needs noise_offset: set it, for example to 0.03, or take the scale out."
            )
        if self.min_timestep >= self.max_timestep:
            raise ValueError(
                f"min_timestep is {self.min_timestep}: it must be below max_timestep ({self.max_timestep})."
            )
        return self
