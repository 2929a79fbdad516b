"""The page of models, docs/models.md: its tables are made from training_core/families, tools/lora_names.json and
tools/model_layouts.json (`python dev.py docs`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from marks import END

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "models.md"
HELP = ROOT / "web" / "docs" / "AthanorTrainLoRA.md"
PAIRS = {
    ROOT / "web" / "docs" / "AthanorDatasetLoader.md": (
        ("model", "control pictures", "size", "node that shows them to the text encoder"), "any",
    ),
    ROOT / "web" / "docs" / "AthanorDatasetLoader" / "zh.md": (
        ("模型", "控制图张数", "大小", "让文本编码器看图的节点"), "不限",
    ),
}  # fmt: skip
"""Page of Dataset Loader's help -> the head of its table of edit models, and the word for any number."""
NAMES = ROOT / "tools" / "lora_names.json"
"""Title of a family -> forms of layers' names that the stock loader reads; tests/host/test_families.py compares it with that."""
LAYOUTS = ROOT / "tools" / "model_layouts.json"
"""Title of a family -> the test layouts by which it is verified, each with the class that ComfyUI's detection gives it;
tests/host/test_every_model.py compares it with the tests' own."""
LISTED = "<!-- made by python dev.py docs: which models -->"
TRAINED = "<!-- made by python dev.py docs: models that are trained -->"
KEYS = "<!-- made by python dev.py docs: names in LoRA files -->"
EDITING = "<!-- made by python dev.py docs: models that take control pictures -->"
NOT_TRAINED = "<!-- made by python dev.py docs: models that are not trained -->"


def tables(families: Sequence[Any], refused: Mapping[str, str]) -> tuple[str, ...]:
    """The page's three tables, each between its marks; `families` and `refused`: FAMILIES and REFUSED of training_core/families."""
    names: dict[str, list[str]] = json.loads(NAMES.read_text(encoding="utf-8"))
    layouts: dict[str, dict[str, str]] = json.loads(LAYOUTS.read_text(encoding="utf-8"))
    by_reason: dict[str, list[str]] = {}
    for name, reason in refused.items():
        by_reason.setdefault(reason, []).append(name)
    return (
        _table(
            TRAINED,
            (
                "model",
                "ComfyUI's class: layout of the tests",
                "timestep_sampling auto",
                "control pictures",
                "where that is from",
            ),
            [_trained(family, layouts.get(family.title, {})) for family in families],
        ),
        _table(
            KEYS,
            ("model", "in our files", "read by Load LoRA as well"),
            [names_in_files(family, names.get(family.title, [])) for family in families],
        ),
        _table(
            NOT_TRAINED,
            ("why", "ComfyUI's classes"),
            [(reason, ", ".join(map(_code, sorted(classes)))) for reason, classes in by_reason.items()],
        ),
    )


def listed(families: Sequence[Any]) -> str:
    """The names of all that is trained, for the help of Train LoRA."""
    return "\n".join([LISTED, f"{', '.join(family.title for family in families)}.", END])


def editing(families: Sequence[Any], head: tuple[str, ...], any_number: str) -> str:
    """The table of models that are trained on edit pairs, for the help of Dataset Loader.

    Args:
        head: its four columns' names.
        any_number: the word for as many control pictures as one likes.
    """
    rows = []
    for family in families:
        if taken := family.controls:
            name = f"{family.title} ({taken.word})" if taken.word else family.title
            rows.append((name, str(taken.most or any_number), taken.size, taken.encoder))
    return _table(EDITING, head, rows)


def _table(mark: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join([mark, *(f"| {' | '.join(line)} |" for line in lines), END])


def _trained(family: Any, layouts: Mapping[str, str]) -> tuple[str, ...]:
    sampling = f"{family.timestep_sampling} {family.shift:g}" if family.shift != 1 else family.timestep_sampling
    source = family.source
    if family.controls and family.controls.source:
        source += f"; control pictures: {family.controls.source}"
    classes = ", ".join(f"{_code(kind)}: {layout}" for layout, kind in layouts.items())
    return family.title, classes, sampling, _controls(family), source


def _controls(family: Any) -> str:
    """Whether it is trained on edit pairs, and how it sees the control pictures."""
    if family.controls is None:
        return ""
    size = {"same": "cut as the target", "own": "in their own shape"}[family.controls.size]
    return f"{size}; seen by the text encoder" if family.controls.encoder else size


def names_in_files(family: Any, forms: list[str]) -> tuple[str, ...]:
    """What a family's layers are called in our files, and in others that the stock loader reads."""
    ours = f"{family.file_prefix}_unet_{'<diffusers>' if family.diffusers_names else '<path>'}"
    return family.title, _code(ours), ", ".join(_code(form) for form in forms if form != ours)


def _code(text: str) -> str:
    return f"`{text}`"
