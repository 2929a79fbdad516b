"""The words of musubi-tuner: those of sd-scripts, which its options are named after, and its own."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

from ..draft import Draft
from ..recipe import Line
from ..rules import ASKED, NoMeaning, Paths, Rule, Said, Turned, Vocabulary, model_file
from ..translate import Program
from ..values import switch, text
from .musubi_family import (
    EXCLUDED,
    FRAMEPACK,
    HIDREAM_O1,
    HUNYUAN,
    KONTEXT,
    KREA,
    LTX_2,
    family,
    module_name,
    refused,
    trains_whole_model,
)
from .musubi_reasons import reasons
from .musubi_timesteps import SHIFTED, TIMESTEP_WORDS, sampling
from .nested import draw_at_trained_size
from .sd_scripts_defaults import is_empty, saved_format
from .sd_scripts_pictures import sizes
from .sd_scripts_words import WORDS as SD_WORDS

_OF_A_RUN = ("script", "dit", "network_module", "learning_rate", "max_train_epochs", "max_train_steps", "output_name")


def _script(_value: Any, said: Said) -> Paths:
    if why := refused(said):
        raise ValueError(f"This model is not trained here: it {why}.")
    kind = family(said)
    if not kind or kind == FRAMEPACK:
        raise ValueError("This script trains no model that is known here.")
    whole_model = {"network.algo": "finetune", "network.train": "unet"} if trains_whole_model(said) else {}
    return {"model.family": kind} | whole_model


def _dit(value: Any, said: Said) -> Paths:
    role = "checkpoint" if family(said) in (HIDREAM_O1, LTX_2) else "diffusion_model"
    return {f"model.files.{role}": text(value)} if value else {}


def _first_encoder(value: Any, said: Said) -> Paths:
    return {f"model.files.{'t5xxl' if family(said) == KONTEXT else 'text_encoder'}": text(value)}


def _kind(value: Any, said: Said) -> Paths:
    """Of task and model_type: what the script has not told yet."""
    del value
    if refused(said) and "script" in said:
        raise NoMeaning("The line about the script says what it means.")
    if why := refused(said):
        raise ValueError(f"This model is not trained here: it {why}.")
    return {"model.family": family(said)} if family(said) else {}


def _module(value: Any, said: Said) -> Paths:
    name = text(value).strip()
    last = module_name(value)
    if name == last or not (last.startswith("lora") or last in ("loha", "lokr")):
        rule = SD_WORDS["network_module"]
        return rule.to(value, said) if isinstance(rule, Turned) else {}
    paths: dict[str, Any] = {"network.algo": "lora" if last.startswith("lora") else last}
    paths["network.preset"] = "full-lin" if family(said) == KREA else "attn-mlp"
    if excluded := EXCLUDED.get(family(said)):
        paths["network.exclude"] = excluded
    return paths | ({} if refused(said) or not family(said) or "script" in said else {"model.family": family(said)})


def _patterns(value: Any) -> list[str]:
    """Return the regular expressions of a list as Python writes it, "[r'.*attn.*', ...]".

    Raises:
        ValueError: it is no such list.
    """
    try:
        found = ast.literal_eval(text(value)) if not isinstance(value, list) else value
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ValueError(
            "It is no list of regular expressions: write for example exclude_patterns=[r'.*modulation.*']."
        )
    return found


def _excluded(value: Any, said: Said) -> Paths:
    patterns = _patterns(value)
    if ".*" in patterns:
        if not said.get("network_args include_patterns"):
            raise ValueError("It leaves out every layer: nothing would be trained.")
        return {"network.exclude": ""}
    usual = EXCLUDED.get(family(said))
    own = [f"^(?:{pattern})$" for pattern in patterns]
    return {"network.exclude": "\n".join([*own, *([usual] if usual and family(said) != KONTEXT else [])])}


def _included(value: Any, said: Said) -> Paths:
    if ".*" not in _patterns(said.get("network_args exclude_patterns") or "[]"):
        raise NoMeaning(
            "It brings back layers that exclude_patterns leaves out: set exclude of Network Config as narrow as you need it."
        )
    return {"network.include": "\n".join(f"^(?:{pattern})$" for pattern in _patterns(value))}


def _compiled(value: Any, _said: Said) -> Paths:
    return {"training.torch_compile": True} if switch(value) else {}


def _resolution(value: Any, said: Said) -> Paths:
    """Width and height, and the buckets that musubi-tuner makes: from half the side of a square of this area, in steps of 16 pixels."""
    step = 32 if family(said) == HIDREAM_O1 else 16
    width, height = (max(64, round(side / step) * step) for side in sizes(value))
    paths = {"buckets.width": width, "buckets.height": height}
    if not switch(said.get("enable_bucket") or False):
        return paths
    every = [(width, height), *(sizes(each) for each in text(said.get("extra_resolutions")).split(",") if each.strip())]
    squares = [math.isqrt(w * h) for w, h in every]
    low = max(64, min(squares) // 2 // step * step)
    high = max(
        [*(w * h // (math.isqrt(w * h) // 2 // step * step or step) for w, h in every), *(max(size) for size in every)]
    )
    return paths | {
        "buckets.bucket_reso_steps": step,
        "buckets.min_bucket_reso": min(low, *(min(size) for size in every)),
        "buckets.max_bucket_reso": min(16384, max(high // step * step, *(max(size) for size in every))),
    }


def _control_size(value: Any, _said: Said) -> Paths:
    return {"buckets.control_size": "own" if switch(value) else "same"}


_CONTROL = Turned(
    to=_control_size, why="Whole, in their own shape, or resized with their picture: control_size of Bucketer."
)
_OWN: dict[str, Rule] = {
    "script": Turned(to=_script, why="The script tells which model is trained, and whether it is trained as a whole."),
    "task": Turned(to=_kind, why="The kind of the model."),
    "dit": Turned(to=_dit, why=ASKED),
    "vae": model_file("vae"),
    "text_encoder": model_file("text_encoder"),
    "text_encoder1": Turned(to=_first_encoder, why=ASKED),
    "text_encoder2": model_file("clip_l"),
    "text_encoder_qwen": model_file("text_encoder"),
    "text_encoder_clip": model_file("clip_l"),
    "t5": model_file("text_encoder"),
    "model_type": Turned(to=_kind, why="What a model is, is seen from its file."),
    "network_module": Turned(
        to=_module, why="The kind of network; layers that musubi-tuner leaves out by itself are left out here, too."
    ),
    "network_args exclude_patterns": Turned(to=_excluded, why="Layers by name, with those that it leaves out by itself."),
    "network_args include_patterns": Turned(to=_included, why="These layers alone."),
    "compile": Turned(to=_compiled, why="torch_compile of Train LoRA.", same=True),
    "resolution": Turned(to=_resolution, why="Width and height, and with buckets the limits of those that it makes there."),
    "image_jsonl_file": Turned(
        to=lambda value, _: {"datasets.folder": text(value)},
        why="Captions of a JSONL file are not read here: choose the folder of the pictures, with captions as .txt files.",
    ),
    "control_directory": Turned(
        to=lambda value, _: {"datasets.control_folder": text(value)}, why="A folder of another computer: you are asked for yours."
    ),
    **dict.fromkeys(
        ("no_resize_control", "qwen_image_edit_no_resize_control", "flux_kontext_no_resize_control"), _CONTROL
    ),
}  # fmt: skip

WORDS: Vocabulary = {**SD_WORDS, **reasons(), **TIMESTEP_WORDS, **_OWN}
"""Option without its dashes, an argument with its option before it, or a key of the TOML of a dataset -> its rule."""


def _implied(said: Said) -> dict[str, Any]:
    """Return what musubi-tuner does by itself where our default differs (training/parser_common.py and dataset/config_utils.py there)."""
    found: dict[str, Any] = {}
    if "datasets" in said:
        found |= {"resolution": [960, 544], "enable_bucket": False}
    elsewhere = bool(said.get("config_file")) and "options" not in said
    if elsewhere or not any(name in said for name in _OF_A_RUN):
        return found
    if not trains_whole_model(said):
        found |= {"network_dim": 4, "network_alpha": 1}
    found |= {"learning_rate": 2e-6, "timestep_sampling": "sigma", "save_precision": saved_format(said)}
    if sampling(said) in SHIFTED:
        found["discrete_flow_shift"] = 1.0
    if said.get("dit_high_noise") and not refused(said):
        found["timestep_boundary"] = 875
    if is_empty(said, "max_train_epochs"):
        found["max_train_steps"] = 1600
    if is_empty(said, "save_every_n_epochs"):
        found["save_every_n_epochs"] = 0
    if any(not is_empty(said, name) for name in ("sample_every_n_steps", "sample_every_n_epochs")):
        found["sample_at_first"] = False
    return found


def _settle(draft: Draft, said: Said) -> None:
    """Take the nearest model where the recipe's own is not trained here, and draw samples at the trained size; lines tell both."""
    if refused(said):
        kind = HUNYUAN if family(said) == FRAMEPACK else family(said)
        why = "The nearest that is trained here, on pictures and captions alone: choose a model of this kind."
        to = draft.put("model.family", kind)
        draft.lines.append(Line(name="the model", value="", kind="translated", to=to, why=why))
    draw_at_trained_size(draft)


MUSUBI = Program(title="musubi-tuner", vocabulary=WORDS, implied=_implied, settle=_settle)
"""kohya's musubi-tuner; its defaults were read in November 2026."""
OPTIONS = frozenset(
    name
    for name in WORDS
    if not re.search(r"\s", name)
    and name not in ("script", "family", "datasets", "options", "prompts", "of_videos", "of_the_page")
)
"""Options that a command may have."""
