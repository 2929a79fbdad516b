"""What matters of a recipe, in rows of a name and a value that people read (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...absolute_paths import name_of
from ...settings import BlockSettings, DatasetSettings, info
from ..draft import NODES
from ..recipe import GROUPS, Recipe
from .words import plain

ALGOS = {
    "lora": "LoRA",
    "locon": "LoCon",
    "loha": "LoHa",
    "lokr": "LoKr",
    "glora": "GLoRA",
    "full": "Full",
    "ia3": "(IA)^3",
}
"""Type of network -> how people write it."""
_TRAINED = {
    "unet": "diffusion model",
    "unet + text encoder": "diffusion model and text encoder",
    "text encoder": "text encoder",
}
_PRIVATE = (
    "folder",
    "mask_folder",
    "control_folder",
    "network_weights",
    "output_name",
    "own_folder",
    "overwrite",
    "retrain",
)
"""Settings that mean something on the computer of who has trained alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What is known of a run beside its settings."""

    file: str = ""
    """Name of its LoRA file."""
    steps: int = 0
    epochs: int = 0
    pictures: int = 0
    strengths: tuple[float, ...] = field(default_factory=tuple)
    """Strengths of the pictures that its user has starred in comparisons."""


UNTRAINED = Trained()
"""What is known of a graph that has not been trained."""
Row = tuple[str, str]


def rows(recipe: Recipe, trained: Trained) -> list[Row]:
    """Return what matters first: the model, the network, rates, length, sizes, what is not usual of loss and noise."""
    of = {name: recipe.group(name).model_dump() for name in GROUPS}
    found = [
        ("Base model", base_model(recipe)),
        ("File", trained.file),
        ("Network", network(of["network"])),
        ("Trained", _TRAINED[of["network"]["train"]] if of["network"]["algo"] != "finetune" else ""),
        ("Learning rate", _rates(of["optimizer"])),
        ("Optimizer", _optimizer(of["optimizer"])),
        ("Schedule", _schedule(of["optimizer"])),
        ("Length", length(of["training"], trained)),
        ("Batch size", _batch(of["buckets"], of["training"])),
        ("Resolution", _resolution(of["buckets"])),
        ("Pictures", _pictures(recipe, trained)),
        ("Captions", _captions(recipe)),
        ("Loss", _loss(of["loss"])),
        ("Noise", _noise(of["noise"])),
        ("Clip skip", str(recipe.model.clip_skip) if recipe.model.clip_skip > 1 else ""),
        ("Precision", _precision(of["training"])),
        ("Seed", str(of["training"]["seed"])),
    ]
    return [row for row in found if row[1]]


def others(recipe: Recipe) -> list[tuple[str, Row]]:
    """Return (node, (setting, value)) of all else that is not at its default, without what only the own computer knows."""
    return [
        (where, (name, _shown(value)))
        for where, path, value in _changed(recipe)
        if path not in _TOLD and (name := path.rpartition(".")[2]) not in _PRIVATE
    ]


def base_model(recipe: Recipe) -> str:
    """Return the family, and the name of the model's file: "SDXL (base.safetensors)"."""
    files = recipe.model.files
    file = name_of(files.get("checkpoint") or files.get("diffusion_model") or "")
    return f"{recipe.model.family} ({file})" if file and recipe.model.family else file or recipe.model.family


def network(values: Mapping[str, Any]) -> str:
    """Return the kind of network with its size: "LoKr, rank 16, alpha 8, factor 8, DoRA"; `values`: of NetworkSettings."""
    if values["algo"] == "finetune":
        return "none: the whole model is trained"
    words = [ALGOS.get(values["algo"], values["algo"]), f"rank {values['rank']}", f"alpha {plain(values['alpha'])}"]
    if values["conv_rank"]:
        words.append(f"convolutions {values['conv_rank']} / {plain(values['conv_alpha'])}")
    words += [f"factor {values['factor']}"] if values["factor"] != -1 else []
    words += [f"{name.replace('_', ' ')} {plain(values[name])}" for name in _DROPOUTS if values[name]]
    words += ["DoRA"] if values["dora"] else []
    return ", ".join([*words, f"preset {values['preset']}"] if values["preset"] != "attn-mlp" else words)


_DROPOUTS = ("dropout", "rank_dropout", "module_dropout")


def _rates(optimizer: Mapping[str, Any]) -> str:
    parts = [(optimizer["unet_lr"], "U-Net"), (optimizer["text_encoder_lr"], "text encoder")]
    return ", ".join([plain(optimizer["learning_rate"]), *(f"{_alike(rate)} ({part})" for rate, part in parts if rate)])


def _alike(rates: str) -> str:
    """Return typed rates as the learning rate beside them is written: "1e-4" of "0.0001"."""
    try:
        return ", ".join(plain(float(rate)) for rate in re.split(r"[,\s]+", rates.strip()))
    except ValueError:
        return rates


def _optimizer(optimizer: Mapping[str, Any]) -> str:
    name = optimizer["optimizer_class"] or optimizer["optimizer_type"]
    arguments = " ".join(optimizer["optimizer_args"].split())
    return f"{name} ({arguments})" if arguments else name


def _schedule(optimizer: Mapping[str, Any]) -> str:
    words = [optimizer["lr_scheduler"]]
    if optimizer["lr_warmup_steps"].strip() not in ("", "0"):
        words.append(f"warm-up {optimizer['lr_warmup_steps'].strip()}")
    if optimizer["lr_scheduler_num_cycles"] > 1:
        words.append(f"{optimizer['lr_scheduler_num_cycles']} cycles")
    return ", ".join(words)


def length(training: Mapping[str, Any], trained: Trained) -> str:
    """Return "10 epochs, 1,200 steps"; `training`: of TrainingSettings."""
    epochs = trained.epochs or (0 if training["max_train_steps"] else training["epochs"])
    steps = trained.steps or training["max_train_steps"]
    counts = ((epochs, "epoch"), (steps, "step"))
    return ", ".join(f"{count:,} {noun}{'s' * (count != 1)}" for count, noun in counts if count)


def _batch(buckets: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    more = training["gradient_accumulation_steps"]
    return f"{buckets['batch_size']}" + (f" x {more} (gradient accumulation)" if more > 1 else "")


def _resolution(buckets: Mapping[str, Any]) -> str:
    size = f"{buckets['width']}x{buckets['height']}"
    size += f", {buckets['extra_resolutions']}" if buckets["extra_resolutions"].strip() else ""
    if not buckets["enable_bucket"]:
        return f"{size}, no buckets"
    limits = (
        f"buckets {buckets['min_bucket_reso']} to {buckets['max_bucket_reso']}, step {buckets['bucket_reso_steps']}"
    )
    return f"{size}, {limits}" + (", never enlarged" if buckets["bucket_no_upscale"] else "")


def _pictures(recipe: Recipe, trained: Trained) -> str:
    repeats = [recipe.dataset(number).repeats for number in range(len(recipe.datasets))]
    words = [f"{trained.pictures:,}"] if trained.pictures else []
    words += [f"{len(repeats)} folders"] if len(repeats) > 1 else []
    words += [f"repeats {', '.join(map(str, repeats))}"] if set(repeats) != {1} else []
    return ", ".join(words)


def _captions(recipe: Recipe) -> str:
    first = recipe.dataset(0)
    words = ["shuffled"] if first.shuffle_caption else []
    words += [f"keep {first.keep_tokens} tokens"] if first.keep_tokens else []
    rates = (("caption_dropout_rate", "dropout"), ("caption_tag_dropout_rate", "tag dropout"))
    words += [f"{word} {plain(getattr(first, name))}" for name, word in rates if getattr(first, name)]
    return ", ".join(words)


def _loss(loss: Mapping[str, Any]) -> str:
    words = []
    if loss["loss_type"] != "l2":
        words.append(f"{loss['loss_type']} ({loss['huber_schedule']}, c {plain(loss['huber_c'])})")
    words += [f"min-SNR gamma {plain(loss['min_snr_gamma'])}"] if loss["min_snr_gamma"] else []
    words += ["debiased estimation"] if loss["debiased_estimation_loss"] else []
    return ", ".join(words)


def _noise(noise: Mapping[str, Any]) -> str:
    names = (
        ("noise_offset", "offset"),
        ("multires_noise_iterations", "multires"),
        ("ip_noise_gamma", "ip noise gamma"),
    )
    words = [f"{word} {plain(noise[name])}" for name, word in names if noise[name]]
    words += [f"timesteps {noise['timestep_sampling']}"] if noise["timestep_sampling"] != "auto" else []
    words += [f"shift {plain(noise['flow_shift'])}"] if noise["flow_shift"] else []
    return ", ".join([*words, "zero terminal SNR"] if noise["zero_terminal_snr"] else words)


def _precision(training: Mapping[str, Any]) -> str:
    mixed = training["mixed_precision"]
    words = ["not mixed" if mixed == "no" else mixed] if mixed != "auto" else []
    return ", ".join(
        [*words, f"weights in {training['full_precision']}"] if training["full_precision"] != "no" else words
    )


_TOLD = frozenset(
    f"{group}.{name}"
    for group, names in {
        "network": "algo rank alpha conv_rank conv_alpha factor dropout rank_dropout module_dropout dora preset train",
        "optimizer": "learning_rate unet_lr text_encoder_lr optimizer_type optimizer_class optimizer_args lr_scheduler lr_warmup_steps "
        "lr_scheduler_num_cycles",
        "training": "epochs max_train_steps gradient_accumulation_steps mixed_precision full_precision seed",
        "buckets": "width height extra_resolutions enable_bucket min_bucket_reso max_bucket_reso bucket_reso_steps bucket_no_upscale "
        "batch_size",
        "loss": "loss_type huber_schedule huber_c min_snr_gamma debiased_estimation_loss",
        "noise": "noise_offset multires_noise_iterations ip_noise_gamma timestep_sampling flow_shift zero_terminal_snr",
        "datasets": "repeats",
    }.items()
    for name in names.split()
)
"""Settings that `rows` tells."""


def _changed(recipe: Recipe) -> Iterator[tuple[str, str, Any]]:
    """Yield (node, path, value) of each setting that is not at its default."""
    for name, kind in GROUPS.items():
        if name == "sampling":  # how it was looked at, not how it was trained
            continue
        values = recipe.group(name).model_dump()
        yield from (
            (NODES[name], f"{name}.{s.name}", values[s.name]) for s in info(kind) if values[s.name] != s.default
        )
        if name == "network":
            blocks = values["blocks"]
            yield from (
                (NODES["network.blocks"], f"network.blocks.{s.name}", blocks[s.name])
                for s in info(BlockSettings)
                if blocks[s.name] != s.default
            )
    for number in range(len(recipe.datasets)):
        where = NODES["datasets"] + (f" {number + 1}" if len(recipe.datasets) > 1 else "")
        values = recipe.dataset(number).model_dump()
        yield from (
            (where, f"datasets.{s.name}", values[s.name]) for s in info(DatasetSettings) if values[s.name] != s.default
        )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return " ".join(plain(value).split())
