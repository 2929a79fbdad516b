"""One row per setting: the fields of a LoRA file's metadata that tell it, and both ways between the two.

A setting's key stands in its declaration (`settings/`): ss_ and its sd-scripts option, or `key`. Its value is written
as `str` gives it, unless its row here has a form of its own. Keys that sd-scripts writes stand in every file, others
where the setting is not at its default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .. import file_names
from ..json_text import parse_json
from ..settings import (
    JOB_GROUPS,
    Job,
    NetworkSettings,
    SamplingSettings,
    SettingInfo,
    info,
)
from .metadata_forms import JOINT, MetadataRow, Values

NOT_TOLD = {
    "a path on this machine": (
        "datasets.folder",
        "datasets.mask_folder",
        "datasets.control_folder",
        "network.network_weights",
    ),
    "ss_dataset_dirs and ss_reg_dataset_dirs tell it of every folder": ("datasets.repeats", "datasets.is_reg"),
    "the layers in the file tell it": ("network.train",),
    "the tensors in the file tell it": ("training.save_precision",),
    "ss_num_epochs tells how many there were": ("training.max_train_steps",),
    "ss_total_batch_size is multiplied by it": ("training.processes",),
    "it says when files are written, and which, not what is in them": (
        "training.own_folder",
        "training.save_every_n_epochs",
        "training.save_every_n_steps",
        "training.save_last_n_epochs",
        "training.save_last_n_steps",
        "training.save_diffusers_copy",
        "training.overwrite",
        "training.retrain",
        "training.save_state_on_train_end",
        "training.log_with",
    ),
    "it says how much a file tells": ("training.metadata",),
    "it says whether a model is refused, not how it is trained": ("training.train_unknown_model",),
    "it changes the rounding of a step at most": (
        "training.blocks_to_swap",
        "training.torch_compile",
        "training.deterministic",
        "cache.cache_to_disk",
        "cache.cache_limit_gb",
        "cache.vae_batch_size",
    ),
    "it decides which optimizer is used, and ss_optimizer names that one": ("optimizer.optimizer_fallback",),
    "pictures drawn on the way change nothing": tuple(f"sampling.{name}" for name in SamplingSettings.model_fields),
    "sd-scripts has nothing like it; athanor_job tells it": (
        "datasets.nested_folders",
        "datasets.alpha_background",
        "buckets.extra_resolutions",
        "buckets.crop_anchor",
        "buckets.control_size",
        "cache.latent_sampling",
        "conditioning.sdxl_crop",
        "optimizer.ema_decay",
        "validation.probe_samples",
        "validation.patience",
    ),
}
"""Why no field tells a setting -> these settings. athanor_job, the whole job, has them all the same."""

SD_SCRIPTS = {
    "ss_output_name", "ss_network_dim", "ss_network_alpha", "ss_network_dropout", "ss_scale_weight_norms",
    "ss_num_epochs", "ss_gradient_accumulation_steps", "ss_gradient_checkpointing", "ss_mixed_precision", "ss_seed",
    "ss_lr_scheduler", "ss_lr_warmup_steps", "ss_max_grad_norm", "ss_loss_type", "ss_huber_schedule", "ss_huber_c",
    "ss_huber_scale", "ss_min_snr_gamma", "ss_debiased_estimation", "ss_prior_loss_weight", "ss_noise_offset",
    "ss_noise_offset_random_strength", "ss_adaptive_noise_scale", "ss_multires_noise_iterations",
    "ss_multires_noise_discount", "ss_ip_noise_gamma", "ss_ip_noise_gamma_random_strength", "ss_zero_terminal_snr",
    "ss_batch_size_per_device", "ss_enable_bucket", "ss_bucket_no_upscale", "ss_min_bucket_reso",
    "ss_max_bucket_reso", "ss_resize_interpolation", "ss_flip_aug", "ss_color_aug", "ss_random_crop",
    "ss_caption_dropout_rate", "ss_caption_dropout_every_n_epochs", "ss_caption_tag_dropout_rate",
    "ss_max_token_length", "ss_shuffle_caption", "ss_keep_tokens", "ss_validation_seed", "ss_validation_split",
    "ss_validate_every_n_steps", "ss_training_comment",
}  # fmt: skip
"""Keys of single settings that sd-scripts writes into every file."""

ALWAYS_JOINT = frozenset(("ss_unet_lr", "ss_optimizer", "ss_resolution"))
"""The same of settings that are told together."""

FLOW = frozenset(
    f"ss_{name}" for name in ("sigmoid_scale", "logit_mean", "logit_std", "mode_scale", "guidance_scale")
) | {"ss_timestep_sampling", "ss_weighting_scheme", "ss_model_prediction_type", "ss_discrete_flow_shift"}
"""Keys that stand in the files of rectified-flow models alone, and in all of them."""

SAME_AS = {
    "include": "ss_network_args include_patterns",
    "exclude": "ss_network_args exclude_patterns",
    "dropout": "ss_network_dropout",
}
"""Members of ss_network_args -> the key that tells the same. Older files of this pack have include and exclude; dropout is how
sd-scripts hands it to LyCORIS, and counts more than the option network_dropout there.
"""


@dataclass(frozen=True, slots=True)
class Form:
    """How sd-scripts writes a value, where that is not `str`."""

    write: Callable[[Any], str] = str
    read: Callable[[str], Any] = str


def name_without_folders(name: str) -> str:
    """Return the last part of an output_name, without the ending of the file: sub-folders are of this machine."""
    return file_names.plain(name.replace("\\", "/").rpartition("/")[2])


OFF = Form(lambda value: str(value) if value else "None")
"""0 and no text are None in sd-scripts."""

FORMS = {
    **dict.fromkeys(
        (
            "ss_network_dropout", "ss_scale_weight_norms", "ss_min_snr_gamma", "ss_noise_offset",
            "ss_adaptive_noise_scale", "ss_multires_noise_iterations", "ss_ip_noise_gamma", "ss_validate_every_n_steps",
            "ss_training_comment",
        ),
        OFF,
    ),
    "ss_output_name": Form(name_without_folders),
    "ss_gradient_checkpointing": Form(lambda level: str(level in ("part", "all"))),
    "ss_lr_scheduler": Form(read=lambda name: name.partition(":")[0]),  # adafactor:1e-4
    "ss_max_token_length": Form(lambda length: "None" if length == "75" else length),
    "ss_resize_interpolation": Form(
        lambda name: "None" if name == "auto" else name,
        lambda name: {"linear": "bilinear", "cubic": "bicubic"}.get(name, name),
    ),
}  # fmt: skip


def value_of(job: Job, path: str) -> Any:
    """Return the setting at a path; of several datasets, the first's."""
    group, _, name = path.rpartition(".")
    settings: Any = job
    for part in group.split("."):
        settings = getattr(settings, part)
    return getattr(settings[0] if isinstance(settings, tuple) else settings, name)


def _row(group: str, setting: SettingInfo, key: str) -> MetadataRow:
    """Return the row of a setting that has a key of its own."""
    path, form = f"{group}.{setting.name}", FORMS.get(key, Form())

    def write(job: Job) -> dict[str, str]:
        value = value_of(job, path)
        always = key in SD_SCRIPTS or key in FLOW or _with_its_network(key, job.network)
        return {key: form.write(value)} if always or value != setting.default else {}

    def read(metadata: Mapping[str, str]) -> Values:
        text = metadata.get(key, "None")
        return {} if text == "None" else {path: form.read(text)}

    return MetadataRow(settings=(path,), keys=(key,), write=write, read=read)


def _with_its_network(key: str, network: NetworkSettings) -> bool:
    """Return whether a member of ss_network_args is told at its default, too."""
    member = key.partition(" ")[2]
    return (
        member in ("rank_dropout", "module_dropout")
        or (member == "conv_alpha" and bool(network.conv_rank))
        or (member in ("algo", "preset", "train_norm", "factor", "dora_wd") and is_lycoris(network))
    )


def is_lycoris(network: NetworkSettings) -> bool:
    """Return whether sd-scripts would need LyCORIS for such a network."""
    return network.algo != "lora" or network.preset != "attn-mlp" or network.train_norm


def _rows() -> Iterator[MetadataRow]:
    """Yield all rows: those of several settings first."""
    yield from JOINT
    taken = {path for row in JOINT for path in row.settings} | {path for paths in NOT_TOLD.values() for path in paths}
    for group, model in JOB_GROUPS.items():
        for setting in info(model):
            if setting.key and f"{group}.{setting.name}" not in taken:
                yield _row(group, setting, setting.key)


ROWS = tuple(_rows())


def write(job: Job, flow: bool) -> dict[str, object]:
    """Return the fields that tell a job's settings; ss_network_args is a dictionary of its members.

    Args:
        job: that is trained.
        flow: whether its model is a rectified-flow model.
    """
    fields: dict[str, object] = {}
    members: dict[str, str] = {}
    for row in ROWS:
        for key, text in row.write(job).items():
            name, _, member = key.partition(" ")
            if member:
                members[member] = text
            elif flow or name not in FLOW:
                fields[name] = text
    return fields | {"ss_network_args": members}


def read(metadata: Mapping[str, str]) -> Values:
    """Path -> value of every setting that the metadata tells, ours or sd-scripts'; values are text where str wrote them."""
    flat = {**metadata, **_members(metadata)}
    values: Values = {}
    for row in ROWS:
        values |= row.read(flat)
    return values


def missing(metadata: Mapping[str, str], group: str) -> list[str]:
    """Keys of a group's settings that sd-scripts writes into every file of this kind, and this one lacks."""
    flow = bool(FLOW & metadata.keys())
    rows = [row for row in ROWS if any(path.startswith(f"{group}.") for path in row.settings)]
    keys = {
        key for row in rows for key in row.keys if key in SD_SCRIPTS or (flow and key in FLOW) or key in ALWAYS_JOINT
    }
    return sorted(key for key in keys if key not in metadata)


def keys_of(path: str) -> tuple[str, ...]:
    """Return the keys that tell a setting; none if no field does."""
    return next((row.keys for row in ROWS if path in row.settings), ())


def _members(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the members of ss_network_args, each under the key of its row: "ss_network_args name", or as SAME_AS has it."""
    members = parse_json(metadata.get("ss_network_args", ""))
    if not isinstance(members, dict):
        return {}
    keys = ((SAME_AS.get(name, f"ss_network_args {name}"), value) for name, value in members.items())
    return {key: value for key, value in keys if value not in (None, "None")}
