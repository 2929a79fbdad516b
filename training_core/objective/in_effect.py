"""Which loss and noise settings a kind of model is trained with: `auto` replaced, what has no meaning for it taken out."""

from __future__ import annotations

from typing import TypeVar

from ..errors import AthanorError
from ..settings import LossSettings, NoiseSettings, Settings
from .losses import WITH_C
from .schedule import Prediction
from .timesteps import SHIFT

S = TypeVar("S", bound=Settings)

Usual = tuple[str, float]
"""What timestep_sampling auto means for a model: the sampling's name, and its flow_shift."""

FLOW_LOSS = ("weighting_scheme", "model_prediction_type")
FLOW_NOISE = ("timestep_sampling", "flow_shift")
"""Loss and noise settings for models that predict a flow."""

DISCRETE_LOSS = (
    "min_snr_gamma",
    "debiased_estimation_loss",
    "scale_v_pred_loss_like_noise_pred",
    "v_pred_like_loss",
)
DISCRETE_NOISE = ("noise_offset", "multires_noise_iterations", "zero_terminal_snr")
"""Loss and noise settings for models that predict eps or v."""

SIGMOIDS = ("sigmoid", "shift", "flux_shift")
"""Values of timestep_sampling that sigmoid_scale is for."""


def defaults(settings: S, *names: str) -> S:
    """Return the settings with the named ones at their defaults."""
    fields = type(settings).model_fields
    return settings.model_copy(update={name: fields[name].default for name in names})


def in_effect(
    loss: LossSettings, noise: NoiseSettings, prediction: Prediction, usual: Usual
) -> tuple[LossSettings, NoiseSettings, list[str]]:
    """Return what is trained with, and warnings about settings that were asked for and have no effect.

    The settings that come back give the same training as those that were asked for: one without effect is at its
    default, and of a flow model timestep_sampling is never auto, flow_shift the factor itself (1.0: none; 0.0:
    flux_shift, which has no such factor). Models that predict eps or v draw timesteps uniformly, whatever both say.

    Args:
        loss: of Loss Config.
        noise: of Noise Config.
        prediction: what the model predicts.
        usual: what timestep_sampling auto means for it.

    Raises:
        AthanorError: settings that contradict the model's prediction.
    """
    _refuse(loss, prediction)
    warnings = _unused(loss, noise, prediction)
    if prediction == "flow":
        loss, noise = defaults(loss, *DISCRETE_LOSS), _flow(noise, usual)
    else:
        loss, noise = defaults(loss, *FLOW_LOSS), _without_density(defaults(noise, *FLOW_NOISE))
    return _without_huber(loss), _without_strength(noise), warnings


def _flow(noise: NoiseSettings, usual: Usual) -> NoiseSettings:
    """Noise settings of a flow model."""
    noise = defaults(noise, *DISCRETE_NOISE, "adaptive_noise_scale")
    kind, shift = noise.timestep_sampling, noise.flow_shift
    if kind == "auto":
        kind, shift = usual[0], shift or usual[1]
    shift = 0.0 if kind == "flux_shift" else shift or (SHIFT if kind == "shift" else 1.0)
    return _without_density(noise.model_copy(update={"timestep_sampling": kind, "flow_shift": shift}))


def _without_density(noise: NoiseSettings) -> NoiseSettings:
    """Return the settings without the numbers of densities that are not drawn from."""
    kind = noise.timestep_sampling
    unused = [] if kind in SIGMOIDS else ["sigmoid_scale"]
    unused += [] if kind == "logit_normal" else ["logit_mean", "logit_std"]
    unused += [] if kind == "mode" else ["mode_scale"]
    return defaults(noise, *unused)


def _without_strength(noise: NoiseSettings) -> NoiseSettings:
    """Return the settings without what goes with an addition to the noise that is switched off."""
    unused = [] if noise.noise_offset else ["noise_offset_random_strength"]
    unused += [] if noise.multires_noise_iterations else ["multires_noise_discount"]
    unused += [] if noise.ip_noise_gamma else ["ip_noise_gamma_random_strength"]
    return defaults(noise, *unused)


def _without_huber(loss: LossSettings) -> LossSettings:
    """Return the settings without huber's where another loss is taken; its schedule snr has no scale."""
    if loss.loss_type not in WITH_C:
        return defaults(loss, "huber_schedule", "huber_c", "huber_scale")
    return defaults(loss, "huber_scale") if loss.huber_schedule == "snr" else loss


def _refuse(loss: LossSettings, prediction: Prediction) -> None:
    for name, needs in (("scale_v_pred_loss_like_noise_pred", "v"), ("v_pred_like_loss", "eps")):
        if getattr(loss, name) and prediction in ("eps", "v") and prediction != needs:
            raise AthanorError(
                f"{name} is for models that predict {needs}, this one predicts {prediction}: switch it off."
            )


def _unused(loss: LossSettings, noise: NoiseSettings, prediction: Prediction) -> list[str]:
    """Return warnings about settings that have no meaning for this model: one line for all of them."""
    if prediction == "flow":
        groups, what = ((loss, DISCRETE_LOSS), (noise, DISCRETE_NOISE)), "a rectified-flow model"
    else:
        groups, what = ((loss, FLOW_LOSS), (noise, FLOW_NOISE)), f"a model that predicts {prediction}"
    plain = {"none", "raw", "auto", "uniform", 0}
    unused = [name for group, names in groups for name in names if getattr(group, name) not in plain]
    lines = [f"{', '.join(unused)}: no effect on {what}; ignored."] if unused else []
    if noise.zero_terminal_snr and prediction == "eps":
        lines.append(
            "zero_terminal_snr: a model that predicts eps learns nothing at the last timestep; it is for v models."
        )
    if noise.timestep_sampling == "flux_shift" and noise.flow_shift and prediction == "flow":
        lines.append("flow_shift has no effect with timestep_sampling flux_shift, which shifts by the picture's size.")
    return lines
