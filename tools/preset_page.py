"""The page of presets, docs/presets.md: its table is made from training_core/settings/presets.json (`python dev.py docs`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from marks import END

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "presets.md"
DATA = ROOT / "training_core" / "settings" / "presets.json"
BEGIN = "<!-- made by python dev.py docs: presets -->"


def table() -> str:
    """Every preset with its purposes, what it sets and its source, by family."""
    presets = json.loads(DATA.read_text(encoding="utf-8"))
    lines = [BEGIN]
    for family in dict.fromkeys(title for preset in presets for title in preset["families"]):
        lines += ["", f"### {family}", "", "| preset | for | sets |", "|---|---|---|"]
        lines += [_row(preset) for preset in presets if family in preset["families"]]
    return "\n".join([*lines, "", END])


def _row(preset: dict[str, Any]) -> str:
    values = [f"{name} {_value(value)}" for group in preset["settings"].values() for name, value in group.items()]
    return f"| [{preset['name']}]({preset['source']}) | {', '.join(preset['purposes'])} | {', '.join(values)} |"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float) and 0 < abs(value) < 1e-3:
        return f"{value:.3g}".replace("e-0", "e-")
    return f"`{value}`" if isinstance(value, str) else f"{value:g}"
