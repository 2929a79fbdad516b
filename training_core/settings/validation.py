"""Validation Config: the probe that shows whether the network learns, beside the noisy training loss."""

from __future__ import annotations

from .base import Settings, setting


class ValidationSettings(Settings):
    """The probe: the loss on the same pictures, noise and timesteps, measured again and again during a run."""

    probe_samples: int = setting(
        8,
        "Number of fixed pictures with fixed noise on which the loss is measured (4 to 32; 0 = no probe). A short run measures "
        "fewer than the usual 8.",
        ge=0,
        le=1024,
    )
    validate_every_n_steps: int = setting(
        0,
        "Measure the probe every n steps; 0 = about 20 times in the run, fewer in a short one: 5 % of its time at most.",
        flag="validate_every_n_steps",
        ge=0,
        le=1_000_000,
    )
    validation_split: float = setting(
        0.0,
        "Fraction of the pictures that is held out from training for the probe (0.1 is usual). 0 = none: the "
        "probe then uses training pictures and cannot show overfitting.",
        flag="validation_split",
        ge=0,
        le=0.9,
        step=0.05,
    )
    validation_seed: int = setting(
        0, "Seed that chooses the held-out pictures and the noise of the probe.", flag="validation_seed", ge=0, le=2**53
    )
    patience: int = setting(
        0,
        "Stop by itself after so many measurements of the probe without an improvement beyond its noise (3 to 6 are usual); the LoRA "
        "file is then that of the step where the probe was lowest, also of a run that reaches its end. 0 = train to the end and keep "
        "the last step. Hold pictures out (validation_split) for it.",
        ge=0,
        le=1000,
    )
