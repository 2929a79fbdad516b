"""The page of settings, docs/settings.md: every setting with its names in other trainers (`python dev.py docs`).

Its tables are made from the settings' models in training_core/settings and from the vocabularies of training_core/recipes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from marks import END

from training_core.families import FAMILIES
from training_core.objective.in_effect import DISCRETE_LOSS, DISCRETE_NOISE, FLOW_LOSS, FLOW_NOISE
from training_core.recipes.document import Document
from training_core.recipes.draft import NODES
from training_core.recipes.forms import FORMS
from training_core.recipes.forms.ai_toolkit import AI_TOOLKIT
from training_core.recipes.forms.onetrainer import ONETRAINER
from training_core.recipes.forms.sd_scripts_words import SD_SCRIPTS
from training_core.recipes.own_lines import MARK
from training_core.recipes.rules import NoMeaning, Same, Translated
from training_core.recipes.translate import Program
from training_core.settings import JOB_GROUPS, BlockSettings, SettingInfo, info

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "settings.md"
BEGIN = "<!-- made by python dev.py docs: settings -->"
HEAD = ("setting", "default, range", "what it does", "sd-scripts", "OneTrainer", "ai-toolkit", "models", "since")
_FIRST = ("training", "datasets", "buckets", "network", "network.blocks")
ORDER = {path: JOB_GROUPS[path] for path in dict.fromkeys((*_FIRST, *JOB_GROUPS))}
"""Group of settings, in the order of the page -> its model."""

EPS_V, FLOW, U_NETS = "eps and v models", "flow models", "U-Nets"
MODELS: dict[str, str] = {
    **dict.fromkeys((*DISCRETE_LOSS, *DISCRETE_NOISE), EPS_V),
    **dict.fromkeys(("noise_offset_random_strength", "adaptive_noise_scale", "multires_noise_discount"), EPS_V),
    **dict.fromkeys((*FLOW_LOSS, *FLOW_NOISE, "sigmoid_scale", "logit_mean", "logit_std", "mode_scale"), FLOW),
    **dict.fromkeys(("scale_v_pred_loss_like_noise_pred", "zero_terminal_snr"), "v models"),
    **dict.fromkeys(("conv_rank", "conv_alpha", "use_tucker"), U_NETS),
    **dict.fromkeys((name for name in BlockSettings.model_fields if not name.startswith("reg_")), U_NETS),
    **dict.fromkeys(("control_folder", "control_size"), "edit models"),
    "v_pred_like_loss": "eps models",
    "guidance_scale": "with guidance: " + ", ".join(family.title for family in FAMILIES if family.guidance),
    "clip_l_dropout_rate": "with CLIP-L",
    "clip_g_dropout_rate": "with CLIP-G",
    "t5_dropout_rate": "with T5",
    "sdxl_crop": "SDXL and its kin",
}
"""Setting -> the models that it has a meaning for; all others have one for every model."""

RECIPES = ROOT / "tests" / "recipes" / "published"
"""Recipes of the trainers: what one of their words means often depends on the others."""
_PROBES: tuple[Any, ...] = (
    True, 1, 0.5, 3, 10, "1", "0.5", "x", "x.safetensors", "512", "1024,1024", [1], ["x"], {"x": 1}, "COSINE", "cosine", "LOKR", "lokr",
    "ADAMW", "adamw", "MIN_SNR_GAMMA", "LOGIT_NORMAL", "sigmoid", "shift", "BFLOAT_16", "bf16", "FLOAT_8", "style", "mae", "all", "EPOCH",
    "STEP", "MIXED", "FULL", "attn-mlp",
)  # fmt: skip
"""Values that vocabularies are asked with, beside those of the recipes, to see which settings a word leads to."""


_SIZES = ("buckets.width", "buckets.height", "buckets.extra_resolutions")
ABOUT = {
    "resolution": _SIZES,
    "concepts.image.resolution_override all": _SIZES,
    "datasets.resolution": _SIZES,
    "datasets.bucket_tolerance": ("buckets.bucket_reso_steps",),
}
"""Names that are about these settings alone, whatever else has to follow from their values."""
MOST = 4
"""Names in a cell; further ones are the same for a third and fourth text encoder, and the like."""


def table() -> str:
    """Return the tables of all groups between the page's marks."""
    lines = [BEGIN]
    for path, group in ORDER.items():
        lines += ["", f"## {NODES[path]}", "", _row(HEAD), _row(["---"] * len(HEAD))]
        lines += [_row(_cells(path, each)) for each in info(group)]
    return "\n".join([*lines, "", END])


def _cells(path: str, setting: SettingInfo) -> list[str]:
    whole = f"{path}.{setting.name}"
    return [
        f"`{setting.name}`",
        _range(setting),
        _plain(setting.tip),
        _flag(whole, setting),
        *(_names(names(program).get(whole, ())) for program in (ONETRAINER, AI_TOOLKIT)),
        MODELS.get(setting.name, "all"),
        setting.since,
    ]


def _names(found: tuple[str, ...]) -> str:
    shown = [f"`{name}`" for name in found[:MOST]]
    return ", ".join([*shown, "..."] if len(found) > MOST else shown)


def _flag(path: str, setting: SettingInfo) -> str:
    if not setting.flag:
        return ", ".join(f"`--{name}`" for name in names(SD_SCRIPTS).get(path, ())[:MOST])
    return ", ".join(f"`--{part.strip()}`" for part in re.split(r", (?=\w)", setting.flag))


def _range(setting: SettingInfo) -> str:
    if setting.kind == "choice":
        return f"**{_plain(setting.default)}**, {', '.join(_plain(c) for c in setting.choices if c != setting.default)}"
    if setting.kind == "bool":
        return "**on**, off" if setting.default else "**off**, on"
    if setting.kind == "str":
        return f"**{_plain(setting.default)}**" if setting.default else "*empty*"
    limits = f"{_number(setting.minimum or 0)} to {_number(setting.maximum or 0)}"
    return f"**{_number(setting.default)}**, {limits}"


def _number(value: float) -> str:
    if value == 2**53:
        return "2^53"
    if value == int(value):
        return str(int(value))
    return f"{value:g}" if abs(value) >= 1e-4 or not value else f"{value:.0e}".replace("e-0", "e-")


@cache
def names(program: Program) -> Mapping[str, tuple[str, ...]]:
    """Return path of a setting -> the program's names for it: those that are the same first, then those that are translated."""
    found: dict[str, list[str]] = {}
    recipes = _said(program)
    for wanted in (Same, Translated):
        for name, rule in program.vocabulary.items():
            if not isinstance(rule, wanted) or name.startswith(MARK):
                continue
            paths = {rule.path} if isinstance(rule, Same) else _reached(name, rule, recipes)
            for path in sorted(paths):
                if path in ABOUT.get(name, (path,)):
                    found.setdefault(path, []).append(name)
    return {path: tuple(dict.fromkeys(each)) for path, each in found.items()}


def _said(program: Program) -> list[dict[str, Any]]:
    """Return what each recipe of a program says, by name, with what the program does by itself."""
    found: list[dict[str, Any]] = [{}]
    for path in sorted(RECIPES.iterdir()):
        document = Document(name=path.name, data=path.read_bytes())
        for form in FORMS:
            told = form.read(document) if form.program is program else None
            if told is not None:
                said = {given.name: given.value for given in told.entries}
                found.append(program.implied(said) | said)
                break
    return found


def _reached(name: str, rule: Translated, recipes: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the settings that a rule can set, as far as the recipes and the probes show them."""
    found: set[str] = set()
    for said in recipes:
        for value in (said.get(name), *_PROBES):
            try:
                found |= set(rule.to(value, {**said, name: value}))
            except (NoMeaning, ValueError, TypeError, KeyError, AttributeError, IndexError):
                continue
    return found


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: Any) -> str:
    """Return a text as it stands, whatever Markdown would make of it."""
    return re.sub(r"([\\`*_|<>\[\]~])", r"\\\1", str(text)).replace("\n", " ")
