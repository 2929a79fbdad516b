"""The page of models, docs/models.md: its tables are made from training_core/families and tools/lora_names.json
(`python dev.py docs`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from marks import END

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "models.md"
HELP = ROOT / "web" / "docs" / "AthanorTrainLoRA.md"
NAMES = ROOT / "tools" / "lora_names.json"
"""Title of a family -> forms of layers' names that the stock loader reads; tests/host/test_families.py compares it with that."""
LISTED = "<!-- made by python dev.py docs: which models -->"
TRAINED = "<!-- made by python dev.py docs: models that are trained -->"
KEYS = "<!-- made by python dev.py docs: names in LoRA files -->"
NOT_TRAINED = "<!-- made by python dev.py docs: models that are not trained -->"


def tables(families: Sequence[Any], refused: Mapping[str, str]) -> tuple[str, ...]:
    """The page's three tables, each between its marks; `families` and `refused`: FAMILIES and REFUSED of training_core/families."""
    names: dict[str, list[str]] = json.loads(NAMES.read_text(encoding="utf-8"))
    by_reason: dict[str, list[str]] = {}
    for name, reason in refused.items():
        by_reason.setdefault(reason, []).append(name)
    return (
        _table(
            TRAINED,
            ("model", "ComfyUI's class", "timestep_sampling auto", "control pictures", "where the timesteps are from"),
            [_trained(family) for family in families],
        ),
        _table(
            KEYS,
            ("model", "in our files", "read by Load LoRA as well"),
            [_keys(family, names.get(family.title, [])) for family in families],
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


def _table(mark: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join([mark, *(f"| {' | '.join(line)} |" for line in lines), END])


def _trained(family: Any) -> tuple[str, ...]:
    sampling = f"{family.timestep_sampling} {family.shift:g}" if family.shift != 1 else family.timestep_sampling
    return family.title, _code(family.model_class.rpartition(".")[2]), sampling, _controls(family), family.source


def _controls(family: Any) -> str:
    """Whether it is trained on edit pairs, and how it sees the control pictures."""
    if family.controls is None:
        return ""
    size = {"same": "cut as the target", "own": "in their own shape"}[family.controls.size]
    return f"{size}; seen by the text encoder" if family.controls.encoder else size


def _keys(family: Any, forms: list[str]) -> tuple[str, ...]:
    ours = f"lora_unet_{'<diffusers>' if family.diffusers_names else '<path>'}"
    return family.title, _code(ours), ", ".join(_code(form) for form in forms if form != ours)


def _code(text: str) -> str:
    return f"`{text}`"
