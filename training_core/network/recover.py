"""Turn a LoRA file's metadata back into settings: ours exactly, sd-scripts' as far as its fields tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from ..settings import (
    BlockSettings,
    BucketSettings,
    LossSettings,
    NetworkSettings,
    NoiseSettings,
    OptimizerSettings,
    Settings,
    TrainingSettings,
    identity,
)
from ..settings.optimizer import OptimizerName
from . import peft

_FIELDS: dict[type[Settings], dict[str, str]] = {
    NetworkSettings: {"rank": "ss_network_dim", "alpha": "ss_network_alpha", "dropout": "ss_network_dropout"},
    LossSettings: {
        "loss_type": "ss_loss_type", "huber_schedule": "ss_huber_schedule", "huber_c": "ss_huber_c",
        "huber_scale": "ss_huber_scale", "min_snr_gamma": "ss_min_snr_gamma",
        "debiased_estimation_loss": "ss_debiased_estimation", "prior_loss_weight": "ss_prior_loss_weight",
        "weighting_scheme": "ss_weighting_scheme",
    },
    NoiseSettings: {
        "noise_offset": "ss_noise_offset", "noise_offset_random_strength": "ss_noise_offset_random_strength",
        "adaptive_noise_scale": "ss_adaptive_noise_scale", "multires_noise_iterations": "ss_multires_noise_iterations",
        "multires_noise_discount": "ss_multires_noise_discount", "ip_noise_gamma": "ss_ip_noise_gamma",
        "ip_noise_gamma_random_strength": "ss_ip_noise_gamma_random_strength",
        "zero_terminal_snr": "ss_zero_terminal_snr", "timestep_sampling": "ss_timestep_sampling",
        "flow_shift": "ss_discrete_flow_shift",
    },
    OptimizerSettings: {
        "learning_rate": "ss_unet_lr", "lr_scheduler": "ss_lr_scheduler", "lr_warmup_steps": "ss_lr_warmup_steps",
        "max_grad_norm": "ss_max_grad_norm",
    },
    BucketSettings: {
        "batch_size": "ss_batch_size_per_device", "enable_bucket": "ss_enable_bucket",
        "bucket_no_upscale": "ss_bucket_no_upscale", "min_bucket_reso": "ss_min_bucket_reso",
        "max_bucket_reso": "ss_max_bucket_reso",
    },
    TrainingSettings: {
        "epochs": "ss_num_epochs", "gradient_accumulation_steps": "ss_gradient_accumulation_steps",
        "gradient_checkpointing": "ss_gradient_checkpointing", "seed": "ss_seed", "mixed_precision": "ss_mixed_precision",
        "output_name": "ss_output_name",
    },
}  # fmt: skip
_JOB = {
    NetworkSettings: "network", LossSettings: "loss", NoiseSettings: "noise", OptimizerSettings: "optimizer",
    BucketSettings: "buckets", TrainingSettings: "training",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recovered:
    """Settings that a file tells of."""

    groups: dict[type[Settings], Settings]  # with our defaults where the file says nothing
    missing: tuple[str, ...]  # fields the file lacks; nothing is invented for them
    refused: tuple[str, ...]  # what it says, but cannot be had here


def recover(metadata: Mapping[str, str], parts: Iterable[str] = ()) -> Recovered:
    """Settings from metadata: the whole job of our own files, sd-scripts' ss_ fields otherwise.

    Args:
        parts: that the file has layers of (unet, te1 ...).
    """
    job = _job(metadata)
    groups: dict[type[Settings], Settings] = {}
    missing: list[str] = []
    refused: list[str] = []
    for group, names in _FIELDS.items():
        ours = job.get(_JOB[group])
        values: dict[str, Any] = identity.read(group, ours) if isinstance(ours, dict) else {}
        if not values:
            for name, key in names.items():
                if key not in metadata:
                    missing.append(key)
                elif metadata[key] != "None":
                    values[name] = metadata[key]
            for more in (_network_args, _peft, _optimizer, _resolution):
                values |= more(group, metadata, missing)
            if group is NetworkSettings and (trained := _trained(set(parts))):
                values["train"] = trained
        groups[group] = _parsed(group, values, refused)
    return Recovered(groups, tuple(missing), tuple(refused))


def _trained(parts: set[str]) -> str | None:
    """What NetworkSettings.train calls the parts that a file has; None without any."""
    if not parts:
        return None
    return "unet" if parts == {"unet"} else "unet + text encoder" if "unet" in parts else "text encoder"


def _job(metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        job = json.loads(metadata.get("athanor_job", "{}"))
    except ValueError:
        return {}
    return job if isinstance(job, dict) else {}


def _parsed(group: type[Settings], values: dict[str, Any], refused: list[str]) -> Settings:
    """The group, without the values it does not take; they are noted."""
    values = {key: value for key, value in values.items() if key in group.model_fields}
    while True:
        try:
            return group.model_validate(values, strict=False)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else next(iter(values))
            refused.append(f"{name} = {values.pop(name, '')}")


def _network_args(group: type[Settings], metadata: Mapping[str, str], missing: list[str]) -> dict[str, Any]:
    if group is not NetworkSettings:
        return {}
    if "ss_network_args" not in metadata:
        missing.append("ss_network_args")
        return {}
    try:
        args = json.loads(metadata["ss_network_args"])
    except ValueError:
        return {}
    if not isinstance(args, dict):
        return {}
    ours = {"conv_dim": "conv_rank", "dora_wd": "dora"}
    values = {ours.get(key, key): value for key, value in args.items() if value not in (None, "None")}
    blocks = {key: values.pop(key) for key in BlockSettings.model_fields if key in values}
    known = {key: value for key, value in values.items() if key in NetworkSettings.model_fields}
    return known | ({"blocks": blocks} if blocks else {})


def _peft(group: type[Settings], metadata: Mapping[str, str], missing: list[str]) -> dict[str, Any]:
    """PEFT's settings, where a file has those instead of sd-scripts'."""
    adapter = peft.settings(metadata)
    if group is not NetworkSettings or not adapter:
        return {}
    fields = {
        "rank": "r", "alpha": "lora_alpha", "dropout": "lora_dropout", "rs_lora": "use_rslora", "dora": "use_dora"
    }  # fmt: skip
    values = {ours: peft.field_of(adapter, theirs) for ours, theirs in fields.items()}
    for ours in values.keys() & _FIELDS[NetworkSettings].keys():
        if values[ours] is not None and _FIELDS[NetworkSettings][ours] in missing:
            missing.remove(_FIELDS[NetworkSettings][ours])
    return {ours: value for ours, value in values.items() if value is not None}


def _optimizer(group: type[Settings], metadata: Mapping[str, str], missing: list[str]) -> dict[str, Any]:
    """bitsandbytes.optim.adamw.AdamW8bit(weight_decay=0.1,betas=(0.9, 0.99)) -> class and arguments."""
    if group is not OptimizerSettings:
        return {}
    match = re.fullmatch(r"([\w.]+)(?:\((.*)\))?", metadata.get("ss_optimizer", ""))
    if not match:
        missing.append("ss_optimizer")
        return {}
    arguments = re.sub(r",\s*(?=\w+=)", " ", match[2] or "").replace("(", "").replace(")", "").replace(", ", ",")
    module, _, name = match[1].rpartition(".")
    known = name in get_args(OptimizerName)
    own = {"optimizer_type": name} if known else {"optimizer_class": f"{module}.{name}".lstrip(".")}
    rates = metadata.get("ss_text_encoder_lr", "None").strip("[]()")
    return own | {"optimizer_args": arguments} | ({} if rates == "None" else {"text_encoder_lr": rates})


def _resolution(group: type[Settings], metadata: Mapping[str, str], missing: list[str]) -> dict[str, Any]:
    if group is not BucketSettings:
        return {}
    numbers = re.findall(r"\d+", metadata.get("ss_resolution", ""))
    if len(numbers) != 2:
        missing.append("ss_resolution")
        return {}
    return {"width": int(numbers[0]), "height": int(numbers[1])}


def words(settings: Settings) -> str:
    """A group's values that are not the defaults, for reading."""
    default = type(settings)()
    changed = {k: v for k, v in settings.model_dump().items() if v != getattr(default, k)}
    return ", ".join(f"{k} {v}" for k, v in changed.items()) or "all defaults"
