"""Scores on disk as the pack writes them: scores.json of a comparison's folder, and a run's events `scored`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

SCORER = {
    "id": "0123456789abcdef",
    "title": "colours and edges (weak)",
    "weak": True,
    "blind": "None of it sees hands.",
    "values": [
        {
            "name": "likeness",
            "title": "likeness",
            "better": "high",
            "blind": "It sees colours and edges, not what is drawn.",
        },
        {"name": "held_out", "title": "likeness to held-out pictures", "better": "high", "blind": "The same."},
        {"name": "variety", "title": "variety", "better": "high", "blind": "Bad pictures differ, too."},
    ],
    "copy_threshold": 0.9,
    "references": 12,
}
"""The part `scorer` of scores.json."""


def mean(value: float, n: int = 4, error: float | None = 0.01) -> dict[str, Any]:
    return {"mean": value, "error": error, "n": n}


def cell(likeness: float, nearest: str = "a.png", copy: bool = False) -> dict[str, Any]:
    """One cell of scores.json; a copy is nearer to its nearest picture."""
    shown = {"nearest": nearest, "nearest_value": 0.95 if copy else 0.6, "copy": copy}
    return {"likeness": likeness, "held_out": likeness - 0.05, **shown, "thumbnail": f"scores/{nearest}.jpg"}


def comparison_scores(cells: Mapping[str, float], checkpoints: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    """scores.json of a comparison.

    Args:
        cells: likeness by the cells' keys; above 0.9 it is a copy.
        checkpoints: labels -> the keys of its cells, one after the other: the cells in equal shares.
    """
    keys, rows = list(cells), []
    share = len(keys) // max(len(checkpoints), 1)
    for at, labels in enumerate(checkpoints):
        own = keys[at * share : (at + 1) * share]
        found = [cells[key] for key in own]
        rows.append(
            {
                "values": list(labels),
                "cells": own,
                "likeness": mean(sum(found) / max(len(found), 1), len(found)),
                "variety": mean(0.3, len(found)),
                "copies": sum(value > 0.9 for value in found),
            }
        )
    return {
        "scorer": deepcopy(SCORER),
        "cells": {key: cell(value, copy=value > 0.9) for key, value in cells.items()},
        "checkpoints": rows,
        "verdict": "epoch 4 looks most like the training pictures (0.80 +- 0.01 over 2 prompts and 2 seeds).",
    }


def write_comparison_scores(folder: Path, **of: Any) -> Path:
    """Write scores.json into a comparison's folder, see `comparison_scores`."""
    path = folder / "scores.json"
    path.write_text(json.dumps(comparison_scores(**of)), encoding="utf-8")
    return path


def scored(step: int, epoch: int, likeness: float, copies: int = 0) -> dict[str, Any]:
    """A line of events.jsonl."""
    return {
        "event": "scored",
        "time": 1.7e9 + step,
        "step": step,
        "epoch": epoch,
        "scorer": SCORER["id"],
        "title": SCORER["title"],
        "weak": True,
        "values": {"likeness": mean(likeness, 2), "held_out": mean(likeness - 0.05, 2), "variety": mean(0.3, 1, None)},
        "copies": copies,
        "scores": [{"index": index, **cell(likeness, copy=index < copies)} for index in (0, 1)],
    }
