"""plan.json: what a comparison shows, in words and keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import virtual
from .axes import Axis, Value
from .cells import Cell
from .identity import ENGINE, parameters
from .labels import Labels
from .plan import Plan


def labels_of_cells(whole: Plan) -> dict[Cell, dict[str, str]]:
    """Cell -> its labels by the titles of the axes that vary, at the first place where the cell stands."""
    result: dict[Cell, dict[str, str]] = {}
    positions: list[list[Value]] = [[]]
    for axis in whole.axes:
        positions = [[*before, value] for before in positions for value in axis.values]
    for cell, values in zip(whole.cells, positions, strict=True):
        names = {a.title: v.label for a, v in zip(whole.axes, values, strict=True) if len(a.values) > 1}
        result.setdefault(cell, names)
    return result


def title(run: str, whole: Plan, named: Sequence[Labels]) -> str:
    """Return one line of what all pictures have in common: run, sampler, steps and so on."""
    parts = [run] if run else []
    parts += [f"{axis.title} {axis.values[0].label}" for axis in whole.axes if _worth_saying(axis)]
    varied = {f for axis in whole.axes for f in axis.fields if len(axis.values) > 1}
    first = whole.cells[0]
    if not varied & {"sampler"}:
        parts.append(f"{first.sampler} {first.scheduler}" if "scheduler" not in varied else first.sampler)
    parts += [] if "steps" in varied else [f"{first.steps} steps"]
    parts += [] if "cfg" in varied else [f"cfg {first.cfg:g}"]
    parts += [] if varied & {"width", "height"} else [f"{first.width}x{first.height}"]
    parts += [f"{names.title}: {names.common}" for names in named if names.common]
    return "  ·  ".join(parts)


def _worth_saying(axis: Axis) -> bool:
    """Return whether an axis of one value belongs into the title."""
    return len(axis.values) == 1 and bool(axis.title) and axis.title not in ("prompt", "checkpoint")


def document(
    whole: Plan,
    named: Sequence[Labels],
    *,
    title: str,
    keys: Mapping[Cell, str],
    seeds: Mapping[int, int],
    family: str,
    loras: Mapping[str, str],
    graph: Mapping[str, Any],
    node: str = "",
) -> dict[str, Any]:
    """plan.json: all that is needed to draw the grid again without the models.

    Args:
        named: the labels of each axis of the plan.
        keys: cell -> its identity.
        seeds: number of a random seed -> the seed.
        family: digest of the connected model.
        loras: LoRA names -> digests of their files.
        graph: the graph that the comparison stands in, and `node` the id of the node that compares.
    """
    return {
        "athanor": ENGINE,
        "title": title,
        "axes": [
            {
                "title": names.title,
                "common": names.common,
                "values": list(names.short),
                "names": [v.label for v in a.values],
            }
            for names, a in zip(named, whole.axes, strict=True)
        ],
        "cells": [keys[cell] for cell in whole.cells],
        "order": [keys[cell] for cell in whole.order],
        "sizes": {keys[cell]: [cell.width, cell.height] for cell in whole.order},
        "parameters": {keys[cell]: parameters(cell) for cell in whole.order},
        "loras": {
            keys[cell]: [loras[lora.name] for lora in files]
            for cell in whole.order
            if (files := (*cell.loras, *cell.loras_low))
        },
        **({"controls": shown} if (shown := {keys[c]: list(c.controls) for c in whole.order if c.controls}) else {}),
        "virtual": virtual.told({keys[cell]: cell for cell in whole.order}),
        "counts": {"models": whole.models, "patches": whole.lora_patches},
        "seeds": {str(number): seed for number, seed in seeds.items()},
        "family": family,
        "prompt": dict(graph),
        "node": node,
    }
