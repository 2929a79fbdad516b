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
        "Shift the noise of each channel as a whole, so that the model learns very dark and bright pictures (0.03"
        " to 0.1). For eps and v models (SD1.5, SD2, SDXL).",
        flag="noise_offset",
        ge=0,
        le=10,
        step=0.0001,
    )
    noise_offset_random_strength: bool = setting(
        False,
        "Use a random strength between 0 and noise_offset for each batch.",
        flag="noise_offset_random_strength",
        advanced=True,
    )
    adaptive_noise_scale: float = setting(
        0.0,
        "Add this value times the absolute mean of the latent's channel to noise_offset (about 0.01; may be negative).",
        flag="adaptive_noise_scale",
        ge=-10,
        le=10,
        step=0.001,
        advanced=True,
    )
    multires_noise_iterations: int = setting(
        0,
        "Add noise at this many coarser resolutions (pyramid noise; 6 to 10, 0 = off). For eps and v models.",
        flag="multires_noise_iterations",
        ge=0,
        le=64,
        advanced=True,
    )
    multires_noise_discount: float = setting(
        0.3,
        "Strength of each coarser level as a fraction of the level before it (0.1 to 0.8).",
        flag="multires_noise_discount",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )
    ip_noise_gamma: float = setting(
        0.0,
        "Add noise to the model's input but not to its target, which makes it more robust to its own errors (0.05"
        " to 0.15).",
        flag="ip_noise_gamma",
        ge=0,
        le=10,
        step=0.001,
        advanced=True,
    )
    ip_noise_gamma_random_strength: bool = setting(
        False,
        "Use a random strength between 0 and ip_noise_gamma for each batch.",
        flag="ip_noise_gamma_random_strength",
        advanced=True,
    )
    zero_terminal_snr: bool = setting(
        False,
        "Make the last timestep pure noise, for models with v prediction that are sampled that way. The loss "
        "weights change with it.",
        flag="zero_terminal_snr",
        advanced=True,
    )
    timestep_sampling: Literal[
        "auto", "uniform", "sigmoid", "logit_normal", "mode", "cosmap", "shift", "flux_shift"
    ] = setting(
        "auto",
        "How often each timestep is trained, for flow models (SD3, Flux, Lumina, Qwen ...; eps and v models are "
        "always uniform). sigmoid and logit_normal prefer the middle, shift prefers noisy timesteps, flux_shift "
        "does so depending on the picture size. auto: what is usual for the model. Timestep Plot shows it.",
        flag="timestep_sampling",
    )
    sigmoid_scale: float = setting(
        1.0,
        "Width of the sigmoid, shift and flux_shift distributions (0.5 narrow to 2 wide).",
        flag="sigmoid_scale",
        ge=0.01,
        le=100,
        step=0.1,
        advanced=True,
    )
    logit_mean: float = setting(
        0.0,
        "Centre of logit_normal (-1 to 1); above 0 means more noise.",
        flag="logit_mean",
        ge=-10,
        le=10,
        step=0.1,
        advanced=True,
    )
    logit_std: float = setting(
        1.0, "Width of logit_normal (0.5 to 1.5 is usual).", flag="logit_std", ge=0.01, le=10, step=0.1, advanced=True
    )
    mode_scale: float = setting(
        1.29,
        "Strength of mode sampling (0.8 to 1.5 is usual).",
        flag="mode_scale",
        ge=-2,
        le=3,
        step=0.01,
        advanced=True,
    )
    flow_shift: float = setting(
        0.0,
        "Shift timesteps towards noise by this factor (2 to 6; 1 = no shift). 0 = the usual value, which is 3 for"
        " shift. In sd-scripts: --discrete_flow_shift, and --training_shift for SD3.",
        key="ss_discrete_flow_shift",
        ge=0,
        le=100,
        step=0.1,
    )
    min_timestep: int = setting(
        0,
        "Timesteps below this one are not trained (0 to 1000; low = little noise).",
        flag="min_timestep",
        key="modelspec.timestep_range",
        ge=0,
        le=999,
        advanced=True,
    )
    max_timestep: int = setting(
        1000,
        "Timesteps from this one on are not trained (1 to 1000).",
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
                "adaptive_noise_scale needs noise_offset: set noise_offset, for example to 0.03, or adaptive_noise_scale "
                "to 0."
            )
        if self.min_timestep >= self.max_timestep:
            raise ValueError(
                f"min_timestep is {self.min_timestep}: it must be below max_timestep ({self.max_timestep})."
            )
        return self
