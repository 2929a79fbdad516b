"""The datasets of a recipe as the TOML that sd-scripts' --dataset_config names, and the prompts of its samples (pure)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ...lists import lines_of
from ..recipe import Recipe
from .words import plain

_SUBSET = {
    "shuffle_caption": False,
    "keep_tokens": 0,
    "keep_tokens_separator": "",
    "caption_separator": ",",
    "secondary_separator": "",
    "caption_prefix": "",
    "caption_suffix": "",
    "caption_dropout_rate": 0.0,
    "caption_dropout_every_n_epochs": 0,
    "caption_tag_dropout_rate": 0.0,
    "token_warmup_min": 1,
    "token_warmup_step": 0.0,
    "enable_wildcard": False,
    "flip_aug": False,
    "random_crop": False,
    "color_aug": False,
    "caption_extension": ".caption",
}
"""Names that mean the same there -> sd-scripts' default; all may stand in [general], for all subsets."""
_WITHOUT_MASKS = ("is_reg", "alpha_mask", "class_tokens")
"""Names that a subset with conditioning_data_dir does not take there."""
_DATASET = {"min_bucket_reso": 256, "max_bucket_reso": 1024, "bucket_reso_steps": 64, "bucket_no_upscale": False}
_BY_DEFAULT = {"w": 512, "h": 512, "s": 30, "l": 7.5}
"""Of a sample there, without another word: width, height, steps, cfg."""


def dataset_toml(recipe: Recipe) -> str:
    """Return the TOML: what all subsets have in common under [general], then a dataset for each resolution with a subset for each
    Dataset Loader; those with masks are in a dataset of their own, which sd-scripts reads in another way."""
    buckets = recipe.group("buckets").model_dump()
    subsets = [_subset(recipe, number) for number in range(len(recipe.datasets))]
    common = {name: value for name, value in subsets[0].items() if name in _SUBSET and _in_all(subsets, name, value)}
    general: dict[str, Any] = {"enable_bucket": buckets["enable_bucket"]}
    general |= {name: buckets[name] for name, default in _DATASET.items() if buckets[name] != default}
    if buckets["resize_interpolation"] != "auto":
        general["resize_interpolation"] = buckets["resize_interpolation"]
    lines = ["[general]", *_lines(general | common)]
    sizes = recipe.group("buckets").resolutions  # pyright: ignore[reportAttributeAccessIssue] (of BucketSettings)
    for width, height in sizes:
        size = width if width == height else [width, height]
        for _, group in groupby(subsets, key=lambda subset: "conditioning_data_dir" in subset):
            lines += ["", "[[datasets]]", *_lines({"resolution": size, "batch_size": buckets["batch_size"]})]
            for subset in group:
                own = {name: value for name, value in subset.items() if name not in common}
                lines += ["", "[[datasets.subsets]]", *_lines(own)]
    return "\n".join(lines) + "\n"


def _subset(recipe: Recipe, number: int) -> dict[str, Any]:
    """Return what a Dataset Loader says there, without what is sd-scripts' default."""
    values = recipe.dataset(number).model_dump()
    found: dict[str, Any] = {"image_dir": values["folder"] or "PICTURES", "num_repeats": values["repeats"]}
    found |= {name: values[name] for name, default in _SUBSET.items() if values[name] != default}
    if values["mask_folder"]:
        return found | {"conditioning_data_dir": values["mask_folder"]}
    return found | {name: values[name] for name in _WITHOUT_MASKS if values[name]}


def _in_all(subsets: Sequence[Mapping[str, Any]], name: str, value: Any) -> bool:
    return all(subset.get(name) == value for subset in subsets)


def _lines(values: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in values.items()]


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):  # a basic string of TOML escapes what one of JSON does, and DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    text = plain(value)
    return text if not isinstance(value, float) or "." in text or "e" in text else f"{text}.0"


def names_a_file(prompts: str) -> bool:
    """Return whether sample_prompts is the name of a file with prompts."""
    text = prompts.strip()
    return "\n" not in text and text.lower().endswith((".txt", ".toml", ".json"))


def prompts_text(recipe: Recipe) -> str:
    """Return a line for each prompt, with what is not sd-scripts' default behind it; '' where the prompts are in a file or captions."""
    sampling = recipe.group("sampling").model_dump()
    if "sampling" not in recipe.settings or names_a_file(sampling["sample_prompts"]):
        return ""
    more = {"w": sampling["width"], "h": sampling["height"], "s": sampling["steps"], "l": sampling["cfg"]}
    wanted = {name: value for name, value in more.items() if value != _BY_DEFAULT[name]}
    prompts = [line for line in lines_of(sampling["sample_prompts"]) if not line.startswith("#")]
    lines = []
    for number, line in enumerate(prompts):
        words = dict(wanted) | {"d": sampling["sample_seed"] + number}
        negative = " ".join(sampling["negative"].replace("--", "-").split())  # two would begin an option
        words |= {"n": negative} if negative else {}
        lines.append(" ".join([line, *(f"--{n} {plain(v)}" for n, v in words.items() if f" --{n} " not in f"{line} ")]))
    return "\n".join(lines) + "\n" if lines else ""
