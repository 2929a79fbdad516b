"""Learning rates of a model's parts: the U-Net (or DiT) and its text encoders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import AthanorError
from ..settings import OptimizerSettings


def factors(settings: OptimizerSettings, parts: Sequence[str]) -> dict[str, float]:
    """Return the factor on learning_rate of each part ("unet", "te", "te1", "te2", "te3"); 0: the part is not trained.

    As in sd-scripts: unset means learning_rate; a single text encoder rate is used for all encoders, of two the second is
    used for the third as well.

    Raises:
        AthanorError: no part is left to train, or there is no learning_rate to be a factor of.
    """
    base = settings.learning_rate
    unet, encoders = settings.unet_rates(), settings.text_encoder_rates()
    rates = dict.fromkeys(parts, base)
    for part in parts:
        if part == "unet" and unet:
            rates[part] = unet[0]
        elif part != "unet" and encoders:
            rates[part] = encoders[min(int(part.removeprefix("te") or 1), len(encoders)) - 1]
    if base == 0 and any(rates.values()):
        raise AthanorError("learning_rate is 0: unet_lr and text_encoder_lr need it above 0, to follow its schedule.")
    if base and not any(rates.values()):
        asked = "unet_lr and text_encoder_lr are" if len(parts) > 1 else "unet_lr is"
        raise AthanorError(f"{asked} 0: nothing is left to train; raise one of them.")
    return {part: rate / base if base else 1.0 for part, rate in rates.items()}


def scaled(settings: OptimizerSettings, groups: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return parameter groups with their part's factor multiplied into `lr_scale`, without those that are not trained.

    Args:
        settings: of Optimizer Config.
        groups: each with `lr_scale`, and with `part` unless it is the U-Net's.
    """
    groups = list(groups)
    parts = list(dict.fromkeys(group.get("part", "unet") for group in groups))
    by_part = factors(settings, parts)
    scaled = [group | {"lr_scale": group["lr_scale"] * by_part[group.get("part", "unet")]} for group in groups]
    return [group for group in scaled if group["lr_scale"]]
