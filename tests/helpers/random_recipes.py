"""Recipes drawn at random from the settings models, with texts as strange as users can type them."""

from __future__ import annotations

import random
from typing import Any

from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes.recipe import GROUPS, ROLES, Model, Recipe
from athanor.training_core.settings import BlockSettings, DatasetSettings, Settings, info, parse

FAMILIES = (
    "",
    "SD1.5",
    "SD2",
    "SDXL",
    "SD3",
    "Flux.1 dev",
    "Chroma",
    "Lumina 2",
    "Anima",
    "HunyuanImage 2.1",
    "Qwen-Image",
    "Z-Image",
)
WEIRD = (
    "plain", "two words", "D:\\train\\my cats\\", "/data/it's here/10_sks cat", 'say "hi"', "a\nb\n\nc", "tab\there", "$HOME and ${X}",
    "%TEMP% {VARIABLE}", "back\\slash\\", "--like --an=option", "-5", "ünïcode 猫 🐈", "# no comment", "x = y # z", "'", '"', "`cmd`",
    "$(rm)",     "a;b|c&d>e", "trailing ", " leading", "a,b;c", "(attn2|ff).*[0-9]{2}",
    "end\u2028of line", "\\n", "!history", "^caret^", "1e-4", "true",
    "None", "null", "[1, 2]", "{}", "c\x7fd", "\ufeffbom", "a\r\nb",
)  # fmt: skip
"""Texts for settings that take any."""
CHOSEN: dict[str, tuple[str, ...]] = {
    "optimizer.optimizer_args": ("", "weight_decay=0.1", "weight_decay = 0.1 betas=0.9, 0.95", "betas=(0.9,0.99) decouple=True"),
    "optimizer.unet_lr": ("", "1e-4", "0.0003", "5e-05"),
    "optimizer.text_encoder_lr": ("", "5e-5", "5e-05, 1e-05, 0", "1e-5 2e-5"),
    "optimizer.lr_warmup_steps": ("0", "100", "5%", "0.05", ""),
    "optimizer.lr_decay_steps": ("0", "20", "12.5%"),
    "optimizer.lr_step_rules": ("", "1:100, 0.1", "1:100,0.1:200,0.01", '"1:10%,0.5"'),
    "optimizer.optimizer_class": ("", "torch.optim.rprop.Rprop", "prodigyplus.ProdigyPlusScheduleFree"),
    "network.include": ("", "attn2, output_blocks", "attn2\nff", '"a{2,3}", b'),
    "network.exclude": ("", "adaLN", "single_blocks.[0-9]+"),
    "network.preset_toml": ("", 'enable_conv = true\nunet_target_module = ["Attention"]'),
    "network.blocks.down_lr_weight": ("", "cosine+0.25", "1,1,1,0,0,0,0,0,0"),
    "network.blocks.block_dims": ("", "4,8", "2, 2, 2"),
    "network.blocks.block_alphas": ("", "2,4"),
    "network.blocks.conv_block_dims": ("", "2,2"),
    "network.blocks.conv_block_alphas": ("", "1,1"),
    "network.blocks.reg_dims": ("", "attn2=32, single_blocks=8", "a.*b=4\nc=8", '"a{1,2}"=4'),
    "network.blocks.reg_lrs": ("", "attn2=1e-5", "x=1e-4\ny=2e-4"),
    "buckets.extra_resolutions": ("", "768", "512, 768x1024"),
    "datasets.alpha_background": ("white", "#102030", "gray"),
    "datasets.caption_extension": (".txt", ".caption", ".tags.txt"),
    "sampling.sample_prompts": ("", "a cat", "a cat --n bad --w 768\n# left out\na dog, it's \"big\" --s 12", "prompts.txt", "猫 \\ 🐈"),
}  # fmt: skip
"""Path -> texts that the setting takes, for those that do not take any."""


def recipe(seed: int) -> Recipe:
    """Return the recipe of a seed: one to three datasets, most settings at their default in one recipe, few in another."""
    draw = random.Random(f"recipe {seed}")
    share = draw.choice((0.0, 0.1, 0.3, 0.9))
    settings: dict[str, Any] = {name: group(draw, name, kind, share) for name, kind in GROUPS.items()}
    blocks = group(draw, "network.blocks", BlockSettings, share / 2)
    if blocks:
        settings["network"] = settings["network"] | {"blocks": blocks}
    if draw.random() < 0.5:
        settings.pop("sampling", None)
    else:
        settings["sampling"].setdefault("sample_every_n_epochs", 1)
    roles = draw.sample(ROLES, draw.randint(0, 3))
    model = Model(
        family=draw.choice(FAMILIES),
        files={role: draw.choice(WEIRD).strip() or "x" for role in roles},
        clip_skip=draw.choice((0, 0, 1, 2)),
        v_prediction=draw.random() < 0.2,
        weight_dtype=draw.choice(("default", "default", "fp8_e4m3fn", "fp8_e5m2")),
    )
    datasets = tuple(group(draw, "datasets", DatasetSettings, share) for _ in range(draw.randint(1, 3)))
    return Recipe(
        model=model, settings={name: values for name, values in settings.items() if values}, datasets=datasets
    )


def group(draw: random.Random, path: str, kind: type[Settings], share: float) -> dict[str, Any]:
    """Return values of a group that go together, none of them at its default; `share`: of the settings that are tried."""
    found: dict[str, Any] = {}
    for each in draw.sample(info(kind), len(info(kind))):
        if draw.random() >= share:
            continue
        value = _value(draw, f"{path}.{each.name}", each)
        try:
            parse(kind, {**found, each.name: value})
        except AthanorError:
            continue
        if value != each.default:
            found[each.name] = value
    return found


def _value(draw: random.Random, path: str, setting: Any) -> Any:
    if setting.kind == "choice":
        return draw.choice(setting.choices)
    if setting.kind == "bool":
        return not setting.default
    if setting.kind == "str":
        text = draw.choice(CHOSEN.get(path, WEIRD))
        return text.strip() if path.endswith(("folder", "network_weights")) else text
    low, high = setting.minimum, setting.maximum
    if setting.kind == "int":
        step = int(setting.step or 1)
        near = low + step * draw.randint(0, 64)
        return int(
            min(
                high,
                draw.choice((near, high, setting.default + step, draw.randint(int(low), int(high)) // step * step)),
            )
        )
    return draw.choice(
        (low, high, round(draw.uniform(low, min(high, 2)), draw.randint(1, 6)), 1e-5 if low <= 1e-5 else low)
    )


def same(one: Recipe, other: Recipe) -> bool:
    """Whether both train in the same way: all settings are compared, whether they are named or at their defaults."""
    return (
        one.model == other.model
        and all(one.group(name) == other.group(name) for name in GROUPS)
        and len(one.datasets) == len(other.datasets)
        and all(one.dataset(i) == other.dataset(i) for i in range(len(one.datasets)))
    )
