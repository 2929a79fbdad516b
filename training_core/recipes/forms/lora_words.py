"""The fields of a LoRA file's metadata, and what each means here: settings by `network/metadata_keys`, and a reason for the others."""

from __future__ import annotations

import json
import re
from typing import Any

from ...errors import quoted
from ...network import metadata_keys
from ...network.metadata_forms import MetadataRow
from ..draft import Draft
from ..recipe import Line
from ..rules import ASKED, NoMeaning, Paths, Rule, Said, Same, Translated
from ..translate import Program
from ..values import whole
from .lora_family import of_metadata, role_of_model
from .lora_reasons import ALIKE, REASONS
from .sd_scripts_optimizer import OPTIMIZER_NAMES
from .sd_scripts_settle import settle
from .sd_scripts_words import WORDS as OF_COMMANDS

_NO_FILE = "No such file was given."
_RATES = {
    "ss_learning_rate": ("optimizer.learning_rate",),
    "ss_unet_lr": ("optimizer.unet_lr",),
    "ss_text_encoder_lr": ("optimizer.text_encoder_lr",),
}
"""Learning rates are told together; each field is shown with its own."""
_FORMATS = {"torch.float32": "no", "torch.bfloat16": "bf16", "torch.float16": "fp16", "None": "no"}


def _flat(said: Said) -> dict[str, str]:
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in said.items()}


def _of_row(row: MetadataRow, key: str) -> Translated:
    """Return the rule of one field of a row of settings that are told together, or of the single one that tells a setting."""
    single = len(row.keys) == 1

    def to(value: Any, said: Said) -> Paths:
        if str(value) == "Dynamic":
            raise ValueError("It differs from layer to layer, since the file was resized: choose one.")
        found = row.read({**({} if single else _flat(said)), key: str(value)})
        own = _RATES.get(key)
        if own and key != "ss_learning_rate":  # without a rate of all, the U-Net's is that of all
            own += ("optimizer.learning_rate",) if "ss_learning_rate" not in said and key == "ss_unet_lr" else ()
        paths = {path: each for path, each in found.items() if own is None or path in own}
        if not paths and str(value) == "None":
            raise NoMeaning(ALIKE)
        return paths

    return Translated(to=to, why="Another field tells the same.", same=True)


def _optimizer(row: MetadataRow) -> Translated:
    """The class and its arguments -> the optimizer's name here, or the class where we have no name for it."""

    def to(value: Any, said: Said) -> Paths:
        found = dict(row.read({"ss_optimizer": str(value)}))
        if not found:
            raise ValueError(f"{quoted(value)} is no optimizer with its arguments.")
        if not found["optimizer.optimizer_args"]:
            del found["optimizer.optimizer_args"]
        name = str(found.get("optimizer.optimizer_class", "")).rpartition(".")[2].lower()
        if name in OPTIMIZER_NAMES:
            del found["optimizer.optimizer_class"]
            found = {"optimizer.optimizer_type": OPTIMIZER_NAMES[name]} | found
        return found

    return Translated(to=to, why="The optimizer's class, which is known here by its name, and its arguments.")


def _precision(value: Any, _said: Said) -> Paths:
    return {"training.mixed_precision": _FORMATS.get(str(value), str(value))}


def _steps(value: Any, said: Said) -> Paths:
    """Steps that do not follow from the epochs were what was asked for."""
    try:
        steps, epochs, batches, accumulated = (
            int(said.get(name, default))
            for name, default in (
                ("ss_max_train_steps", value), ("ss_num_epochs", 0), ("ss_num_batches_per_epoch", 0),
                ("ss_gradient_accumulation_steps", 1),
            )
        )  # fmt: skip
    except (TypeError, ValueError):
        return {"training.max_train_steps": value}
    by_epochs = epochs and (not batches or steps == epochs * -(-batches // max(1, accumulated)))
    if by_epochs:
        raise NoMeaning("They follow from the epochs: how many they are depends on your pictures.")
    return {"training.max_train_steps": steps}


def _processes(value: Any, said: Said) -> Paths:
    try:
        whole, own, accumulated = (
            int(each) for each in (value, said["ss_batch_size_per_device"], said.get("ss_gradient_accumulation_steps", 1))
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        raise NoMeaning("It follows from the batch sizes of the datasets.") from None
    times = whole // max(1, own * accumulated)
    if 1 < times <= 64 and whole == own * accumulated * times:
        return {"training.gradient_accumulation_steps": accumulated * times}
    raise NoMeaning("It follows from the batch size and the accumulated batches.")


def _module(value: Any, said: Said) -> Paths:
    """As in a command of sd-scripts; TrainTrain writes network.lora for networks.lora, and musubi-tuner one for each model."""
    rule = OF_COMMANDS["network_module"]
    name = str(value).strip()
    known = re.sub(r"networks?\.(lora|loha|lokr)(?:_.*|$)", r"networks.\1", name)
    return rule.to(known, said) if isinstance(rule, Translated) else {}


def _fp8(value: Any, _said: Said) -> Paths:
    if str(value) != "True":
        raise NoMeaning(ALIKE)
    return {"model.weight_dtype": "fp8_e4m3fn"}


def _prediction(value: Any, _said: Said) -> Paths:
    if not str(value).startswith("v"):
        raise NoMeaning("The model predicts noise, as models do unless they are told otherwise.")
    return {"model.v_prediction": True}


def _clip_skip(value: Any, said: Said) -> Paths:
    if str(value) == "None":
        raise NoMeaning("The last layer of CLIP is read, as it is here.")
    family = of_metadata(said)
    if family not in ("", "SD1.5", "SD2"):
        raise NoMeaning(f"It has no effect with {family}, there and here: which layers it reads is fixed.")
    return {"model.clip_skip": whole(value)}


def _family(_value: Any, said: Said) -> Paths:
    title = of_metadata(said)
    if not title:
        raise ValueError("No model of this name is known here: choose the model yourself.")
    return {"model.family": title}


def _v2(value: Any, said: Said) -> Paths:
    if any(name in said for name in ("ss_base_model_version", "modelspec.architecture")):
        raise NoMeaning("Another field tells the kind of the model.")
    return _family(value, said)


def _model(value: Any, said: Said) -> Paths:
    name = re.split(r"[\\/]", str(value))[-1]
    if name in ("", "None"):
        raise NoMeaning(_NO_FILE)
    return {f"model.files.{role_of_model(of_metadata(said))}": name}


def _vae(value: Any, _said: Said) -> Paths:
    if str(value) in ("", "None"):
        raise NoMeaning(_NO_FILE)
    return {"model.files.vae": str(value)}


def _spec_resolution(value: Any, said: Said) -> Paths:
    """Return the resolution where sd-scripts' own fields lack it."""
    sides = re.findall(r"\d{2,5}", str(value))
    if "ss_resolution" in said or "ss_datasets dataset" in said or len(sides) != 2:
        raise NoMeaning("Another field tells the resolution.")
    return {"buckets.width": sides[0], "buckets.height": sides[1]}


_DATASET = {
    "batch_size_per_device": "buckets.batch_size", "enable_bucket": "buckets.enable_bucket",
    "min_bucket_reso": "buckets.min_bucket_reso", "max_bucket_reso": "buckets.max_bucket_reso",
    "bucket_no_upscale": "buckets.bucket_no_upscale", "width": "buckets.width", "height": "buckets.height",
    "extra_resolutions": "buckets.extra_resolutions",
    "bucket_reso_steps": "buckets.bucket_reso_steps", "folder": "datasets.folder", "repeats": "datasets.repeats",
    "control_folder": "datasets.control_folder", "caption_extension": "datasets.caption_extension",
    **{name: f"datasets.{name}" for name in (
        "color_aug", "flip_aug", "random_crop", "shuffle_caption", "keep_tokens", "keep_tokens_separator", "secondary_separator",
        "enable_wildcard", "caption_prefix", "caption_suffix", "class_tokens", "is_reg", "caption_separator", "alpha_mask",
        "caption_dropout_rate", "caption_tag_dropout_rate", "caption_dropout_every_n_epochs", "token_warmup_min",
        "token_warmup_step",
    )},
}  # fmt: skip
"""What a dataset and its folders have in common -> the setting; `lora_datasets` gives these names."""


def _parts(value: Any, _said: Said) -> Paths:
    return {_DATASET[name]: each for name, each in dict(value).items() if name in _DATASET}


def _rows() -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    for row in metadata_keys.ROWS:
        for key in row.keys:
            rules[key] = _optimizer(row) if key == "ss_optimizer" else _of_row(row, key)
    return rules


def _shown_by_layers(name: str) -> Translated:
    return Translated(
        to=lambda value, _: {f"network.{name}": value}, why="No field tells it: the layers in the file show it."
    )


WORDS: dict[str, Rule] = {
    "ss_base_model_version": Translated(to=_family, why="The kind of the model, by its name there."),
    "modelspec.architecture": Translated(to=_family, why="The kind of the model, by its name there."),
    "ss_model_type": Translated(to=_family, why="The kind of the model, by its name there."),
    "ss_v2": Translated(to=_v2, why="It says whether the model is SD2 or SD1.5."),
    "ss_sd_model_name": Translated(to=_model, why=ASKED),
    "ss_vae_name": Translated(to=_vae, why=ASKED),
    "ss_clip_skip": Translated(to=_clip_skip, why="The layer of CLIP that is read.", same=True),
    "modelspec.prediction_type": Translated(to=_prediction, why="The model predicts v."),
    "ss_fp8_base": Translated(to=_fp8, why="The number format in which the frozen model is kept."),
    "ss_fp8_base_unet": Translated(to=_fp8, why="The number format in which the frozen model is kept."),
    **_rows(),
    "ss_network_module": Translated(to=_module, why="The program's module of networks; it is chosen by algo and preset here."),
    **{name: rule for name, rule in OF_COMMANDS.items() if name.startswith("network_args ")},
    "network_args preset_toml": Same(path="network.preset_toml"),
    "ss_mixed_precision": Translated(to=_precision, why="The number format of the computation.", same=True),
    **{f"layers {name}": _shown_by_layers(name) for name in ("train", "algo", "rank", "conv_rank")},
    "trained parts": Translated(
        to=lambda value, _: {"network.train": value},
        why="No field tells which parts were trained: those that have a learning rate are taken.",
    ),
    "ss_max_train_steps": Translated(to=_steps, why="The length was given in steps, not in epochs."),
    "ss_total_batch_size": Translated(
        to=_processes, why="Several cards had a batch each: here one takes as many before each update, with the same numbers."
    ),
    "ss_datasets dataset": Translated(to=_parts, why="What the pictures of a dataset have in common.", same=True),
    "ss_datasets folder": Translated(to=_parts, why="A folder of another computer: choose yours in its Dataset Loader."),
    "ss_dataset_dirs folder": Translated(to=_parts, why="A folder of another computer: choose yours in its Dataset Loader."),
    "modelspec.resolution": Translated(to=_spec_resolution, why="The resolution that was trained at.", same=True),
    "ss_cache_latents": OF_COMMANDS["cache_latents"],
    "ss_cache_latents_to_disk": OF_COMMANDS["cache_latents_to_disk"],
    **REASONS,
}  # fmt: skip


def _settle(draft: Draft, said: Said) -> None:
    """Put right what depends on each other, and say what a file of this kind lacks and cannot be known otherwise."""
    names = {"pretrained_model_name_or_path": "ss_sd_model_name", "network_module": "ss_network_module"}
    settle(draft, {option: said.get(field) for option, field in names.items()})
    if "restarts" in str(said.get("ss_lr_scheduler")) and "ss_lr_scheduler_num_cycles" not in said:
        why = "The file does not tell how many cycles there were: 1 is taken, set it in Optimizer Config."
        draft.lines.append(Line(name="lr_scheduler_num_cycles", value="", kind="unknown", why=why))
    if "layers rank" in said and "ss_network_alpha" not in said:
        why = "The file's header does not say it: set alpha in Network Config yourself."
        draft.lines.append(Line(name="network_alpha", value="", kind="unknown", why=why))


LORA_FILE = Program(title="A LoRA file's metadata", vocabulary=WORDS, settle=_settle)
