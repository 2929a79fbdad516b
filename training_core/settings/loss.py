"""Loss Config: how far the prediction is from its target, and how much each timestep counts."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting


class LossSettings(Settings):
    """The loss function, and the weight of each timestep and of regularization pictures."""

    loss_type: Literal["l2", "l1", "huber", "smooth_l1"] = setting(
        "l2",
        "Loss function. l2 is the standard; huber and smooth_l1 are less sensitive to outliers (a few odd pictures).",
        flag="loss_type",
    )
    huber_schedule: Literal["snr", "exponential", "constant"] = setting(
        "snr", "How huber_c changes with the timestep (for huber and smooth_l1).", flag="huber_schedule", advanced=True
    )
    huber_c: float = setting(
        0.1,
        "Where huber and smooth_l1 change from squared to absolute error (0.01 to 0.5 is usual).",
        flag="huber_c",
        ge=1e-4,
        le=10,
        step=0.001,
        advanced=True,
    )
    huber_scale: float = setting(
        1.0,
        "Multiplies huber_c (constant and exponential schedules).",
        flag="huber_scale",
        ge=1e-4,
        le=100,
        step=0.01,
        advanced=True,
    )
    min_snr_gamma: float = setting(
        0.0,
        "Give less weight to easy, low-noise timesteps: 5 is usual, 0 = off. Training is faster and steadier. Do "
        "not combine with D-Adaptation.",
        flag="min_snr_gamma",
        ge=0,
        le=100,
        step=0.1,
    )
    debiased_estimation_loss: bool = setting(
        False,
        "Weight the loss by 1 / sqrt(SNR): another way to balance timesteps, often smoother.",
        flag="debiased_estimation_loss",
        key="ss_debiased_estimation",
        advanced=True,
    )
    scale_v_pred_loss_like_noise_pred: bool = setting(
        False,
        "For v models: weight timesteps like the loss of an eps model.",
        flag="scale_v_pred_loss_like_noise_pred",
        advanced=True,
    )
    v_pred_like_loss: float = setting(
        0.0,
        "For eps models: add this fraction of a v model's loss (0.1 to 1; 0 = off).",
        flag="v_pred_like_loss",
        ge=0,
        le=100,
        step=0.1,
        advanced=True,
    )
    weighting_scheme: Literal["none", "sigma_sqrt", "cosmap"] = setting(
        "none",
        "For flow models: weight of each timestep in the loss. sigma_sqrt: 1 / sigma^2, with "
        "model_prediction_type sigma_scaled; cosmap: slightly more weight in the middle.",
        flag="weighting_scheme",
        advanced=True,
    )
    model_prediction_type: Literal["raw", "sigma_scaled"] = setting(
        "raw",
        "For flow models: what the loss compares. raw: the velocity, as the model was trained; sigma_scaled: the "
        "denoised picture, as sd-scripts does for SD3 (low-noise timesteps count little).",
        flag="model_prediction_type",
        advanced=True,
    )
    prior_loss_weight: float = setting(
        1.0,
        "Loss weight of regularization pictures (0.5 to 1 is usual).",
        flag="prior_loss_weight",
        ge=0,
        le=100,
        step=0.05,
        advanced=True,
    )
