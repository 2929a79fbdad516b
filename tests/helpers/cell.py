"""A cell of a comparison to begin from."""

from __future__ import annotations

from typing import Any

from athanor.training_core.compare.cells import Cell


def base_cell(**changes: Any) -> Cell:
    """A cell with all optional fields at their defaults; `changes` are its fields."""
    usual = {"positive": "a red cat, 1girl", "negative": "blurry", "seed": 0, "steps": 20, "cfg": 7.0}
    usual |= {"sampler": "euler", "scheduler": "normal", "width": 512, "height": 512}
    return Cell(**(usual | changes))
