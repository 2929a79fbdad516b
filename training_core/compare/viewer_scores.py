"""Scores in the viewer of a comparison: numbers by cell, and small pictures of the nearest training pictures in the page itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..history import scores, trade_off
from ..history.scores import CheckpointScores, PictureScores
from .viewer_controls import address


def data(folder: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return `scores` of the viewer's data: the scorer in words, scores by cell, pictures by path, the trade-off; {} if there are none."""
    found = scores.of_comparison(folder)
    cells = {key: found.cells[key] for key in document["order"] if key in found.cells} if found else {}
    if found is None or not cells:
        return {}
    drawn = trade_off.of_comparison(found)
    paths = dict.fromkeys(each.thumbnail for each in cells.values() if each.thumbnail)
    kinds = [
        {"name": kind.name, "title": kind.title, "high": kind.high_is_better, "blind": kind.blind}
        for kind in found.scorer.kinds
        if any(kind.name in each.values for each in (*cells.values(), *found.checkpoints))
    ]
    told = {
        "title": found.scorer.title,
        "weak": found.scorer.weak,
        "threshold": found.scorer.copy_threshold,
        "references": found.scorer.references,
        "blind": found.scorer.blind,
        "copies": found.scorer.copies,
        "kinds": kinds,
        "cells": {key: _cell(each) for key, each in cells.items()},
        "pictures": {path: shown for path in paths if (shown := address(folder / path))},
        "checkpoints": [_checkpoint(each) for each in found.checkpoints],
        "trade_off": drawn.as_json() if drawn else None,
        "verdict": found.verdict,
    }
    return {"scores": told}


def _checkpoint(found: CheckpointScores) -> dict[str, Any]:
    values = {name: asdict(value) for name, value in found.values.items()}
    return {"label": ", ".join(found.labels) or "all pictures", "values": values, "copies": found.copies}


def _cell(score: PictureScores) -> dict[str, Any]:
    return {
        "values": dict(score.values),
        "nearest": score.nearest,
        "nearest_value": score.nearest_value,
        "copy": score.copy,
        "picture": score.thumbnail,
    }
