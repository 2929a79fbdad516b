"""LoRA-scripts (Akegarasu, "SD-Trainer"): its TOML, and the variables at the head of its older scripts train.ps1 and train.sh.

Its options are those of sd-scripts under the same names, besides the ones that its page has for their arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ... import toml
from ..document import Document
from ..rules import Contents, Entry
from ..values import is_on, text
from .command_line import LONGEST
from .sd_scripts_config import flat, table_of
from .sd_scripts_told import told
from .shell_variables import assigned

_ARGUMENTS = {
    "lycoris_algo": "algo",
    "conv_dim": "conv_dim",
    "conv_alpha": "conv_alpha",
    "dropout": "dropout",
    "train_norm": "train_norm",
    "lokr_factor": "factor",
    "dylora_unit": "unit",
    "down_lr_weight": "down_lr_weight",
    "mid_lr_weight": "mid_lr_weight",
    "up_lr_weight": "up_lr_weight",
    "block_lr_zero_threshold": "block_lr_zero_threshold",
}
"""Its name -> the argument of the network."""
_OWN = {
    "lr_restart_cycles": "lr_scheduler_num_cycles",
    "prompt_file": "sample_prompts",
    "positive_prompts": "prompts",
    "negative_prompts": "sample_negative",
    "network_args_custom": "network_args",
}
"""Its name -> the vocabulary's."""
_TELLING_TEXT = """
model_train_type lycoris_algo lokr_factor dylora_unit network_args_custom optimizer_args_custom prodigy_d_coef prodigy_d0 enable_preview
positive_prompts negative_prompts sample_cfg lr_restart_cycles enable_block_weights enable_base_weight ui_custom_params
randomly_choice_prompt gpu_ids
"""
_TELLING = frozenset(_TELLING_TEXT.split())
"""Names that only it has."""
_SECTIONS = frozenset({"additional_network", "sample_prompt"})
_SCRIPT_NAMES = {
    "pretrained_model": "pretrained_model_name_or_path",
    "is_v2_model": "v2",
    "parameterization": "v_parameterization",
    "batch_size": "train_batch_size",
    "max_train_epoches": "max_train_epochs",
    "train_unet_only": "network_train_unet_only",
    "train_text_encoder_only": "network_train_text_encoder_only",
    "lr": "learning_rate",
    "algo": "network_args algo",
    "conv_dim": "network_args conv_dim",
    "conv_alpha": "network_args conv_alpha",
    "dropout": "network_args dropout",
    "lr_restart_cycles": "lr_scheduler_num_cycles",
    "use_lion": "use_lion_optimizer",
    "use_wandb": "log_with",
    "model_type": "base_model_type",
}
"""Variable of the scripts -> the vocabulary's name, where that is another one."""
_FIXED: dict[str, Any] = {
    "enable_bucket": True,
    "mixed_precision": "fp16",
    "save_precision": "fp16",
    "seed": 1337,
    "cache_latents": True,
    "max_token_length": 225,
    "caption_extension": ".txt",
    "shuffle_caption": True,
}
"""What these scripts pass on whatever their variables say."""
_SCRIPT_SAYS = (
    "network_dim",
    "network_alpha",
    "resolution",
    "train_data_dir",
    "max_train_epoches",
    "batch_size",
    "unet_lr",
)


def read(document: Document) -> Contents | None:
    """Return what its TOML says; None where a text is none of it."""
    table, unread = table_of(document)
    if table is None:
        return None
    if isinstance(table.get("data"), dict) and "metadata" in table:  # a preset of its page
        described = [
            Entry(name="described", shown=name, at="metadata", value=value)
            for name, value in flat({"": table["metadata"]})
        ]
        return told([*described, *_given(flat({"": table["data"]}))], unread)
    pairs = flat(table)
    if not _TELLING & {name for name, _ in pairs} and not _SECTIONS & set(table):
        return None
    return told(_given(pairs), unread)


def read_script(document: Document) -> Contents | None:
    """Return what the variables at the head of train.ps1 or train.sh say; None where a text is another one."""
    if document.ending in (".toml", ".json", ".yaml", ".yml"):
        return None
    known = assigned(document.text) if len(document.text) <= LONGEST else {}
    if "pretrained_model" not in known or sum(name in known for name in _SCRIPT_SAYS) < 4:
        return None
    lycoris = known.get("network_module", "").startswith("lycoris")
    given = []
    for name, value in known.items():
        if name in (
            "HF_HOME",
            "TF_CPP_MIN_LOG_LEVEL",
            "XFORMERS_FORCE_DISABLE_TRITON",
            "Env",
            "PYTHONUTF8",
            "trainer_file",
        ):
            continue
        if name in ("algo", "conv_dim", "conv_alpha", "dropout") and not lycoris:
            given.append(Entry(name="lycoris_only", shown=name, value=value))
        elif name == "multi_gpu":
            given.append(Entry(name="num_processes", shown=name, value=2 if is_on(value, unclear=True) else 1))
        elif name == "use_wandb":
            given.append(Entry(name="log_with", shown=name, value="wandb" if is_on(value, unclear=True) else "none"))
        else:
            given.append(Entry(name=_SCRIPT_NAMES.get(name, name), shown=name, value=value))
    fixed = [Entry(name=name, value=value, implied=True) for name, value in _FIXED.items() if name not in known]
    return told([*fixed, *given])


def _given(pairs: Iterable[tuple[str, Any]]) -> list[Entry]:
    said = dict(pairs)
    preview = is_on(said.get("enable_preview", True), unclear=True)
    given = []
    for name, value in said.items():
        if name == "ui_custom_params" and value:
            given += _given(_custom(text(value)))
        elif name in _ARGUMENTS:
            given.append(Entry(name=f"network_args {_ARGUMENTS[name]}", shown=name, value=value))
        elif name in ("optimizer_args", "optimizer_args_custom", "prodigy_d0", "prodigy_d_coef"):
            continue
        elif not preview and (
            name.startswith("sample_") or name in ("positive_prompts", "negative_prompts", "prompt_file")
        ):
            given.append(Entry(name="without_preview", shown=name, value=value))
        else:
            given.append(Entry(name=_OWN.get(name, name), shown=name if name in _OWN else "", value=value))
    arguments = _optimizer_arguments(said)
    return given + ([Entry(name="optimizer_args", value=arguments)] if arguments else [])


def _optimizer_arguments(said: dict[str, Any]) -> list[str]:
    """Return the optimizer's arguments with those that the page adds to Prodigy."""
    found = [text(each) for name in ("optimizer_args", "optimizer_args_custom") for each in _list(said.get(name))]
    for name, argument in (("prodigy_d0", "d0"), ("prodigy_d_coef", "d_coef")):
        if said.get(name) not in (None, ""):
            found.append(f"{argument}={text(said[name])}")
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _custom(written: str) -> list[tuple[str, Any]]:
    try:
        return list(toml.loads(written).items())
    except toml.TOMLDecodeError:
        return [("ui_custom_params_unread", written)]
