"""musubi-tuner's commands, its config files, and the TOML of its datasets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..document import Document
from ..form import Form
from ..rules import Contents, Entry
from . import command_line, musubi_gui, sd_scripts_dataset, sd_scripts_texts
from .musubi_family import is_script
from .musubi_words import MUSUBI, OPTIONS
from .sd_scripts_command import MANY, SWITCHES, given_by
from .sd_scripts_config import flat
from .sd_scripts_told import told

_SWITCHES_TEXT = """
block_swap_h2d_only block_swap_optimizer_patch_params bulk_decode compile compile_fullgraph cuda_allow_tf32 cuda_cudnn_benchmark
dino_loss_no_norm dino_loss_use_gram disable_numpy_memmap dynamo_dynamic dynamo_fullgraph edit edit_plus f1 flash3 flash_attn
force_nabla_attention force_v2_1_time_embedding fp8_llm fp8_t5 fp8_text_encoder gradient_checkpointing_cpu_offload
img_in_txt_in_offloading log_loss_stats mixed_precision_transformer nabla_add_sta no_nabla_add_sta no_vae_load
offload_dit_during_sampling offload_inactive_dit one_frame optimized_compile preserve_distribution_shape
remove_first_image_from_target sage_attn self_flow skip_t2i_visual_dummy turbo_dit_cache upcast_linear upcast_quantization
use_32bit_attention use_pinned_memory_for_block_swap use_unconditional_dit_for_lora_sampling vae_cache_cpu vae_enable_patch_conv
vae_tiling validate_caption_structure warn_on_caption_issues
"""
_SWITCHES = SWITCHES | frozenset(_SWITCHES_TEXT.split())
"""Options that take no value."""
_PICTURES = ("image_directory", "image_jsonl_file")
_VIDEOS = ("video_directory", "video_jsonl_file")
_OF_DATASET = ("resolution", "batch_size", "enable_bucket", "bucket_no_upscale")
"""Keys that are settings of Bucketer here."""
_BROKEN = re.compile(r"^[ \t]*\[\[[ \t]*datasets[ \t]*\]\]", re.MULTILINE)


def _command(document: Document) -> Contents | None:
    """Return what a command says; None where the text runs none of musubi-tuner's scripts."""
    if document.ending in (".toml", ".json", ".yaml", ".yml", ".safetensors"):
        return None
    found = [each for each in command_line.commands(document.text) if _is_ours(each)]
    if not found:
        return None
    given, unread = given_by(found[0], OPTIONS, _SWITCHES)
    unread += [
        (f"{each.script} {' '.join(each.words)}", "The text has several commands: the first one is read.")
        for each in found[1:]
    ]
    return sd_scripts_texts.with_texts(told(given, unread), document.text, _table)


def _is_ours(command: command_line.Command) -> bool:
    """Return whether a command runs a script of musubi-tuner, or without one has its option for the model's file."""
    if command.script:
        return is_script(command.script)
    options, _ = command_line.options(command.words, _SWITCHES, MANY)
    return any(option.name == "dit" for option in options)


def _config(document: Document) -> Contents | None:
    """Return what a config file says, in sections or not; None where it does not name the model's file as musubi-tuner does."""
    if document.toml is None:
        return None
    pairs = flat(document.toml)
    if not any(name == "dit" and isinstance(value, str) for name, value in pairs):
        return None
    given = [Entry(name="options", shown="config file", value=document.name or "pasted")]
    return told([*given, *(Entry(name=name, value=value) for name, value in pairs)])


def _dataset(document: Document) -> Contents | None:
    """Return what the TOML of a dataset says.

    Raises:
        AthanorError: it is one, maybe of sd-scripts, but no TOML; names the line.
    """
    if document.toml is not None:
        return _table(document.toml)
    apart = document.ending == ".toml" or (
        document.ending in ("", ".txt", ".md") and not command_line.commands(document.text)
    )
    if not apart or not _BROKEN.search(document.text):
        return None
    table = sd_scripts_texts.table_in(document.text)
    if table is None:
        raise document.toml_mistake
    return _table(table)


def _table(table: Mapping[str, Any]) -> Contents | None:
    """Return what the table of such a TOML says; None where it is another one.

    It is read as the TOML of sd-scripts, in which a dataset has the same keys and its folder in a part of its own.
    """
    datasets = table.get("datasets")
    if not isinstance(datasets, list) or not all(isinstance(each, dict) for each in datasets):
        return None
    if not any(name in each for each in datasets for name in (*_PICTURES, *_VIDEOS)):
        return None
    numbers = [number for number, each in enumerate(datasets) if not any(name in each for name in _VIDEOS)]
    apart: list[Entry] = []
    for number, each in enumerate(datasets):
        if number not in numbers:
            apart += _of_videos(each, f"datasets {number + 1}", first=not numbers and number == 0)
        elif "cache_directory" in each:
            apart.append(Entry(name="cache_directory", value=each["cache_directory"], at=f"datasets {number + 1}"))
    found = sd_scripts_dataset.read_table(
        {**table, "datasets": [_as_there(datasets[number]) for number in numbers] or [{"subsets": []}]}
    )
    if found is None:
        return None
    said = {place: number + 1 for place, number in enumerate(numbers, 1)}
    by_list = {
        f"datasets {n + 1}"
        for n in numbers
        if "image_directory" not in datasets[n] and "image_jsonl_file" in datasets[n]
    }
    given = [_named(each, said, by_list) for each in found.entries if each.name != "datasets"]
    return Contents(
        entries=(Entry(name="datasets", value=f"{len(datasets)}"), *given, *apart),
        datasets=found.datasets,
        unread=tuple((_numbered(text, said), why) for text, why in found.unread),
    )


def _as_there(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dataset as sd-scripts has it: its folder, and what belongs to it, as its only subset."""
    own = {name: value for name, value in dataset.items() if name in _OF_DATASET}
    folder = next((dataset[name] for name in _PICTURES if name in dataset), "")
    subset = {
        name: value for name, value in dataset.items() if name not in (*_OF_DATASET, *_PICTURES, "cache_directory")
    }
    return {**own, "subsets": [{"image_dir": folder, **subset}]}


def _of_videos(dataset: Mapping[str, Any], at: str, *, first: bool) -> list[Entry]:
    """Return what a dataset of videos says: that it is left out; of a recipe of videos alone, what the first one says of sizes counts."""
    renamed = {"batch_size": "train_batch_size"}
    return [
        Entry(
            name=name if name in _VIDEOS else renamed.get(name, name) if first and name in _OF_DATASET else "of_videos",
            shown=name,
            value=value,
            at=at,
        )
        for name, value in dataset.items()
    ]


def _named(given: Entry, said: Mapping[int, int], by_list: set[str]) -> Entry:
    """Return what is said of a dataset by the names and numbers that the file has."""
    given = replace(given, at=_numbered(given.at, said))
    if given.name != "train_data_dir":
        return given
    if given.at in by_list:
        return replace(given, name="image_jsonl_file", shown="")
    return replace(given, shown="image_directory")


def _numbered(text: str, said: Mapping[int, int]) -> str:
    """Return a place or a line with the number that its dataset has in the file."""
    return re.sub(
        r"^datasets (\d+)(?:, subset 1)?", lambda match: f"datasets {said.get(int(match[1]), int(match[1]))}", text
    )


DATASET = Form(title="musubi-tuner dataset TOML", program=MUSUBI, read=_dataset, speaks=2)
PROJECT = Form(title="musubi-tuner project", program=MUSUBI, read=musubi_gui.read)
CONFIG = Form(title="musubi-tuner config TOML", program=MUSUBI, read=_config)
COMMAND = Form(title="musubi-tuner command", program=MUSUBI, read=_command, speaks=1)
