"""Settings that a LoRA file's metadata tells together, as sd-scripts does: each with its way there and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from ..json_text import parse_json
from ..settings import Job
from ..settings.optimizer import OptimizerName

Values = dict[str, Any]
"""Path in a Job ("noise.noise_offset") -> value."""

Metadata = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataRow:
    """Settings (by their path in a Job, such as "network.rank") and the keys of metadata that tell them."""

    settings: tuple[str, ...]
    keys: tuple[str, ...]
    write: Callable[[Job], dict[str, str]]
    read: Callable[[Metadata], Values]  # what the metadata has of them; nothing for "None"


def is_ours(metadata: Metadata) -> bool:
    """Return whether this pack has written the file."""
    return "athanor_run_id" in metadata


def _text(metadata: Metadata, key: str) -> str:
    """Return a field's text; '' for None and for a field that the metadata lacks."""
    text = metadata.get(key, "None")
    return "" if text == "None" else text


def _write_resolution(job: Job) -> dict[str, str]:
    return {"ss_resolution": str((job.buckets.width, job.buckets.height))}


def _read_resolution(metadata: Metadata) -> Values:
    numbers = re.findall(r"\d{1,9}", metadata.get("ss_resolution", ""))
    return {"buckets.width": int(numbers[0]), "buckets.height": int(numbers[1])} if len(numbers) == 2 else {}


def _write_range(job: Job) -> dict[str, str]:
    """Nothing where all timesteps are trained."""
    low, high = job.noise.min_timestep, job.noise.max_timestep
    return {} if (low, high) == (0, 1000) else {"modelspec.timestep_range": f"{low},{high}"}


def _read_range(metadata: Metadata) -> Values:
    low, comma, high = _text(metadata, "modelspec.timestep_range").partition(",")
    return {"noise.min_timestep": low, "noise.max_timestep": high} if comma else {}


def _write_rates(job: Job) -> dict[str, str]:
    """Return each part's own learning rate; None for one that is not trained."""
    optimizer, base = job.optimizer, str(job.optimizer.learning_rate)
    return {
        "ss_learning_rate": base,
        "ss_unet_lr": (optimizer.unet_lr or base) if job.network.unet else "None",
        "ss_text_encoder_lr": (optimizer.text_encoder_lr or base) if job.network.text else "None",
    }


def _read_rates(metadata: Metadata) -> Values:
    """Return the learning rates: a part with that of all has none of its own; a file without that of all has the U-Net's."""
    names = ("ss_learning_rate", "ss_unet_lr", "ss_text_encoder_lr")
    base, unet, text = (_text(metadata, name).strip("[]()") for name in names)
    base = base or unet
    values = {"optimizer.learning_rate": base, "optimizer.unet_lr": unet, "optimizer.text_encoder_lr": text}
    same = [
        path for path, rate in values.items() if path != "optimizer.learning_rate" and _number(rate) == _number(base)
    ]
    return {path: rate for path, rate in values.items() if rate and path not in same}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _read_optimizer(metadata: Metadata) -> Values:
    """bitsandbytes.optim.adamw.AdamW8bit(weight_decay=0.1,betas=(0.9, 0.99)) -> name or class, and arguments.

    What is added to the arguments that were asked for is taken out again: SGDNesterov's, and Adafactor's relative_step.
    """
    match = re.fullmatch(r"([\w.]+)(?:\((.*)\))?", metadata.get("ss_optimizer", ""))
    if not match:
        return {}
    text = re.sub(r",\s*(?=\w+=)", " ", match[2] or "").replace("(", "").replace(")", "").replace(", ", ",")
    arguments, (module, _, name) = text.split(), match[1].rpartition(".")
    if name in ("SGD", "SGD8bit") and "nesterov=True" in arguments:
        name = name.replace("SGD", "SGDNesterov")
        arguments = [argument for argument in arguments if argument not in ("nesterov=True", "momentum=0.9")]
    if name == "Adafactor":
        arguments = [argument for argument in arguments if argument != "relative_step=True"]
    known = name in get_args(OptimizerName)
    own = {"optimizer.optimizer_type": name} if known else {"optimizer.optimizer_class": f"{module}.{name}".lstrip(".")}
    return own | {"optimizer.optimizer_args": " ".join(arguments)}


def _write_full(job: Job) -> dict[str, str]:
    number_format = job.training.full_precision
    return {
        "ss_full_fp16": str(number_format == "fp16"),
        **({"ss_full_bf16": "True"} if number_format == "bf16" else {}),
    }


def _read_full(metadata: Metadata) -> Values:
    number_format = next((name for name in ("fp16", "bf16") if metadata.get(f"ss_full_{name}") == "True"), "no")
    return {"training.full_precision": number_format} if "ss_full_fp16" in metadata else {}


def _write_density(job: Job) -> dict[str, str]:
    return {
        "ss_timestep_sampling": job.noise.timestep_sampling,
        "ss_discrete_flow_shift": str(job.noise.flow_shift) if job.noise.flow_shift else "None",
        "ss_weighting_scheme": job.loss.weighting_scheme,
        "ss_model_prediction_type": job.loss.model_prediction_type,
    }


def _read_density(metadata: Metadata) -> Values:
    """sd-scripts' weighting_scheme names a density as well as a weight; it counts where timesteps are drawn by sigma
    (SD3's always are), and its weight not with raw predictions. discrete_flow_shift is of sigma and shift alone there.
    """
    keys = ("ss_timestep_sampling", "ss_discrete_flow_shift", "ss_weighting_scheme", "ss_model_prediction_type")
    sampling, shift, scheme, prediction = (_text(metadata, key) for key in keys)
    if not is_ours(metadata):
        by_sigma = sampling == "sigma" or (not sampling and scheme)
        if by_sigma:
            sampling = scheme if scheme in ("logit_normal", "mode") else "uniform"
        shift = shift if by_sigma or sampling == "shift" else ""
        scheme = "none" if scheme in ("uniform", "logit_normal", "mode") or (scheme and prediction == "raw") else scheme
        prediction += (
            " of sd-scripts" if prediction == "sigma_scaled" else ""
        )  # another loss than what is so called here
    values = {
        "noise.timestep_sampling": sampling,
        "noise.flow_shift": shift,
        "loss.weighting_scheme": scheme,
        "loss.model_prediction_type": prediction,
    }
    return {path: text for path, text in values.items() if text}


def _read_title(metadata: Metadata) -> Values:
    """Return the title that was given: without one it is the file's name."""
    title = _text(metadata, "modelspec.title")
    return {"training.metadata_title": title} if title and title != metadata.get("ss_output_name") else {}


def _read_trigger(metadata: Metadata) -> Values:
    """Return the trigger phrase that was given: without one it is the caption_prefix or the class_tokens."""
    phrase = _text(metadata, "modelspec.trigger_phrase")
    datasets = parse_json(metadata.get("ss_datasets", ""))
    subsets = [each.get("subsets") for each in datasets if isinstance(each, dict)] if isinstance(datasets, list) else []
    found = {
        str(subset.get(name)).strip(" ,")
        for some in subsets
        for subset in (some if isinstance(some, list) else ())
        if isinstance(subset, dict)
        for name in ("caption_prefix", "class_tokens")
    }
    return {"training.metadata_trigger_phrase": phrase} if phrase and phrase not in found else {}


def _given(setting: str, key: str) -> Callable[[Job], dict[str, str]]:
    """Return what writes a text of TrainingSettings that is told where it is given."""
    return lambda job: {key: text} if (text := getattr(job.training, setting)) else {}


JOINT = (
    MetadataRow(
        settings=("training.metadata_title",),
        keys=("modelspec.title",),
        write=_given("metadata_title", "modelspec.title"),
        read=_read_title,
    ),
    MetadataRow(
        settings=("training.metadata_trigger_phrase",),
        keys=("modelspec.trigger_phrase",),
        write=_given("metadata_trigger_phrase", "modelspec.trigger_phrase"),
        read=_read_trigger,
    ),
    MetadataRow(
        settings=("buckets.width", "buckets.height"),
        keys=("ss_resolution",),
        write=_write_resolution,
        read=_read_resolution,
    ),
    MetadataRow(
        settings=("noise.min_timestep", "noise.max_timestep"),
        keys=("modelspec.timestep_range",),
        write=_write_range,
        read=_read_range,
    ),
    MetadataRow(
        settings=("optimizer.learning_rate", "optimizer.unet_lr", "optimizer.text_encoder_lr"),
        keys=("ss_learning_rate", "ss_unet_lr", "ss_text_encoder_lr"),
        write=_write_rates,
        read=_read_rates,
    ),
    MetadataRow(
        settings=("optimizer.optimizer_type", "optimizer.optimizer_class", "optimizer.optimizer_args"),
        keys=("ss_optimizer",),
        write=lambda job: {},  # by `describe`: the full name of a class is known once it is loaded
        read=_read_optimizer,
    ),
    MetadataRow(
        settings=("training.full_precision",),
        keys=("ss_full_fp16", "ss_full_bf16"),
        write=_write_full,
        read=_read_full,
    ),
    MetadataRow(
        settings=(
            "noise.timestep_sampling",
            "noise.flow_shift",
            "loss.weighting_scheme",
            "loss.model_prediction_type",
        ),
        keys=("ss_timestep_sampling", "ss_discrete_flow_shift", "ss_weighting_scheme", "ss_model_prediction_type"),
        write=_write_density,
        read=_read_density,
    ),
)
