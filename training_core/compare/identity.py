"""What a cell is known by on disk, and what its picture says of it: its identity and its `parameters` text (pure)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from .axes import WidgetEdit
from .cells import Cell, Lora
from .fields import defaults, rows

ENGINE = 1
"""Raised when the same settings would give another picture: every picture is drawn anew."""
FORMAT = 2
"""How identities are written. With another number no kept picture is found again, so it stays."""

_FIRST = ("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size")
"""A1111's order of what every picture has. Viewers look for "Steps: " to find where the prompt ends."""
_BY_CONTENT = ("model", "vae", "loras", "loras_low", "widgets", "start")
"""Fields that only name something: what they name counts in the identity."""


def identity(cell: Cell, contents: Mapping[str, str]) -> str:
    """24 hex digits that are equal for two cells exactly if the same picture comes out.

    What is at its default leaves no trace, so that a new optional field changes no identity. A field that was renamed,
    or has another default now, keeps its old name and default here: see `identity_name` and `identity_default` of FieldRow.

    Args:
        contents: digests of what a cell only names: 'model:' (model and text encoder connected), 'vae:' (VAE
            connected), 'model_low' (the low-noise model), 'model:NAME', 'vae:NAME', 'lora:NAME', 'latent'; where widgets
            of the graph are varied, under `content_name` of these.
    """
    optional, values = defaults(type(cell)), {}
    for name, row in rows(type(cell)).items():
        value = getattr(cell, name)
        if name not in _BY_CONTENT and (name not in optional or value != optional[name]):
            values[row.identity_name or name] = value
    values["model"] = contents[content_name(f"model:{cell.model}", cell.widgets)]
    # A checkpoint without a VAE takes the connected one, so that one always counts unless another is named.
    values["vae"] = contents[content_name(f"vae:{cell.vae}", cell.widgets)]
    if cell.loras:
        values["loras"] = [
            (contents[f"lora:{x.name}"], x.strength_model, x.strength_clip, *_blocks(x)) for x in cell.loras
        ]
    if cell.boundary is not None:
        low = [(contents[f"lora:{x.name}"], x.strength_model, *_blocks(x)) for x in cell.loras_low]
        values["model_low"] = [contents["model_low"], low]
    latent = contents[content_name("latent", cell.start)] if cell.start else contents.get("latent")
    if latent:
        values["latent"] = latent
    text = json.dumps([FORMAT, ENGINE, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _blocks(lora: Lora) -> tuple[str, ...]:
    return (lora.blocks,) if lora.blocks else ()


def content_name(name: str, edits: Sequence[WidgetEdit]) -> str:
    """Return the key of a digest for `name` (such as 'model:') where widgets before it have these values."""
    return f"{name} with {list(edits)!r}" if edits else name


def parameters(cell: Cell) -> str:
    """Return the `parameters` text that picture viewers know from A1111."""
    tags = "".join(f" <lora:{x.name.removesuffix('.safetensors')}:{_strength(x)}>" for x in cell.loras)
    tags += "".join(f" <lora:{x.name.removesuffix('.safetensors')}:{x.strength_model:g}>" for x in cell.loras_low)
    optional, shown = defaults(type(cell)), {}
    for name, row in rows(type(cell)).items():
        if row.parameter and (name not in optional or getattr(cell, name) != optional[name]):
            value = row.shown(cell) if row.shown else getattr(cell, name)
            if value != "":  # of LoRAs, for one without block strengths
                shown[row.parameter] = f"{value:g}" if isinstance(value, float) else value
    shown = {name: shown[name] for name in _FIRST} | shown
    edits = {
        edit.full: json.dumps(edit.value, ensure_ascii=False) for edit in dict.fromkeys((*cell.widgets, *cell.start))
    }
    line = ", ".join(f"{name}: {value}" for name, value in (shown | edits).items())
    return f"{cell.positive}{tags}\nNegative prompt: {cell.negative}\n{line}"


def _strength(lora: Lora) -> str:
    if lora.strength_model == lora.strength_clip:
        return f"{lora.strength_model:g}"
    return f"{lora.strength_model:g}:{lora.strength_clip:g}"
