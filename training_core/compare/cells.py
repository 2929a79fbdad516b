"""A cell: everything one picture depends on, made of the base settings and one value per axis (pure)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..lists import once
from . import readers, replacing
from .axes import LoraChoice, PromptChange, Value, WidgetEdit, varied
from .fields import Change, Cost, NodeInput, Patch, row, rows
from .grammar import RandomSeed

MODEL_LOW = "model_low"
"""The port of the low-noise model, beside model, clip and vae."""
CONTROL_INPUTS = ("control_1", "control_2", "control_3")
"""The ports of a prompt's first control picture, its second and its third."""


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA file on the model, by its name in the host's list; `blocks`: a text of block_strengths.py, "" for all at full strength."""

    name: str
    strength_model: float
    strength_clip: float
    blocks: str = ""


WHOLE = (0.0, 1.0)
"""All steps."""


def _blocks_of(cell: Any) -> str:
    """Return the block strengths of a cell's LoRAs in quotes, as values with commas stand in `parameters`; "" if there are none."""
    texts = once(lora.blocks for lora in (*cell.loras, *cell.loras_low) if lora.blocks)
    return json.dumps(" | ".join(texts)) if texts else ""


def _shift(cell: Any, model: Any) -> tuple[str, dict[str, Any]]:
    from ..host import sampling  # not above: the rows are read without ComfyUI, too

    return sampling.shift_node(model, cell.shift, cell.width, cell.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What the plain graph of a picture has in its widgets, and what else is known of each: one row per field.

    Types of axes stand in the node's list in the order of these rows, and patches of one port in the graph as well.
    """

    loras: tuple[Lora, ...] = row(
        default=(),
        kinds={
            "LoRA": readers.loras,
            "LoRA strength": readers.number("strength_model", -100, 100, also="strength_clip"),
            "LoRA strength (model)": readers.number("strength_model", -100, 100),
            "LoRA strength (text encoder)": readers.number("strength_clip", -100, 100),
            "LoRA blocks": readers.blocks,
        },
        changes={
            "lora": Change(Cost.LORA_FILE, many=True),
            "strength_model": Change(Cost.LORA_STRENGTH),
            "strength_clip": Change(Cost.LORA_STRENGTH),
            "blocks": Change(Cost.LORA_STRENGTH),
        },
        node=None,
        parameter="LoRA blocks",  # the LoRAs themselves stand behind the prompt as <lora:name:strength>
        shown=lambda cell: _blocks_of(cell),
    )
    lora_steps: tuple[float, float] = (
        row(  # parts of the sampling between which the LoRAs are on, as the host's start_percent
            Cost.LORA_STRENGTH,
            default=WHOLE,
            kinds={"LoRA steps": readers.parts},
            node=None,
            parameter="LoRA steps",
            shown=lambda cell: "{:g}-{:g}".format(*cell.lora_steps),
        )
    )
    seed: int | RandomSeed = row(  # noqa: RUF009 (a row is only data)
        Cost.SAMPLING,
        kinds={"seed": readers.seeds},
        node=NodeInput("sampler", "seed"),
        parameter="Seed",
    )
    steps: int = row(
        Cost.SAMPLING,
        kinds={"steps": readers.number("steps", 1, 10000, whole=True)},
        node=NodeInput("sampler", "steps"),
        parameter="Steps",
    )
    cfg: float = row(
        Cost.SAMPLING,
        kinds={"cfg": readers.number("cfg", 0, 100)},
        node=NodeInput("sampler", "cfg"),
        parameter="CFG scale",
    )
    guidance: float | None = row(
        Cost.CONDITIONING,
        default=None,
        kinds={"guidance": readers.number("guidance", 0, 100)},
        node=Patch("positive", "conditioning", lambda cell, _: ("FluxGuidance", {"guidance": cell.guidance})),
        parameter="Distilled CFG Scale",
    )
    shift: float | None = row(
        Cost.MODEL_PATCH,
        default=None,
        kinds={"shift": readers.number("shift", 0, 100)},
        node=Patch("model", "model", _shift),
        parameter="Shift",
    )
    sampler: str = row(
        Cost.SAMPLING,
        kinds={"sampler": readers.names("sampler", "samplers", "sampler")},
        node=NodeInput("sampler", "sampler_name"),
        parameter="Sampler",
    )
    scheduler: str = row(
        Cost.SAMPLING,
        kinds={
            "scheduler": readers.names("scheduler", "schedulers", "scheduler"),
            "sampler + scheduler": readers.sampler_pairs,
        },
        node=NodeInput("sampler", "scheduler"),
        parameter="Schedule type",
    )
    denoise: float = row(
        Cost.SAMPLING,
        default=1.0,
        kinds={"denoise": readers.number("denoise", 0, 1)},
        node=NodeInput("sampler", "denoise"),
        parameter="Denoising strength",
    )
    width: int = row(
        Cost.SAMPLING,
        kinds={"size": readers.sizes},
        node=NodeInput("latent", "width"),
        parameter="Size",
        shown=lambda cell: f"{cell.width}x{cell.height}",
    )
    height: int = row(Cost.SAMPLING, node=NodeInput("latent", "height"), parameter="")
    positive: str = row(
        Cost.PROMPT,
        kinds={
            "prompt S/R": readers.replacements("both"),
            "prompt S/R (positive)": readers.replacements("positive"),
            "prompt S/R (negative)": readers.replacements("negative"),
            "prompt": readers.prompts("positive"),
        },
        changes={"replace": Change(Cost.PROMPT, many=True)},
        node=NodeInput("positive", "text"),
        parameter="",  # the first line
    )
    negative: str = row(
        Cost.PROMPT,
        kinds={"negative prompt": readers.prompts("negative")},
        node=NodeInput("negative", "text"),
        parameter="",  # the second line
    )
    model: str = row(  # "": as it is connected
        Cost.MODEL_FILE,
        default="",
        kinds={"model": readers.names("model", "models", "model")},
        node=None,
        parameter="Model",
        shown=lambda cell: cell.model.removesuffix(".safetensors"),
    )
    vae: str = row(  # "": as it is connected
        Cost.VAE_FILE,
        default="",
        kinds={"VAE": readers.names("vae", "vaes", "VAE")},
        node=None,
        parameter="VAE",
        shown=lambda cell: cell.vae.removesuffix(".safetensors"),
    )
    clip_skip: int = row(
        Cost.TEXT_ENCODER,
        default=0,
        kinds={"clip skip": readers.clip_skip},
        node=Patch("clip", "clip", lambda cell, _: ("CLIPSetLastLayer", {"stop_at_clip_layer": cell.clip_skip})),
        parameter="Clip skip",
        shown=lambda cell: -cell.clip_skip,
    )
    widgets: tuple[WidgetEdit, ...] = row(  # of nodes before the models, the text encoder and the VAE
        default=(), changes={"widget": Change(Cost.MODEL_FILE, many=True)}, node=None, parameter=""
    )
    start: tuple[WidgetEdit, ...] = row(  # of nodes before the latent
        default=(), changes={"start": Change(Cost.CONDITIONING, many=True)}, node=None, parameter=""
    )

    boundary: float | None = row(  # None: one model draws all; else the low-noise one takes over here
        Cost.MODEL_PATCH, default=None, node=None, parameter="Low-noise model below"
    )
    loras_low: tuple[Lora, ...] = row(  # on the low-noise model
        default=(), changes={"lora_low": Change(Cost.LORA_FILE, many=True)}, node=None, parameter=""
    )
    controls: tuple[str, ...] = row(  # hashes of the control pictures that the model is shown with the prompts
        Cost.PROMPT,
        default=(),
        node=None,
        parameter="Control pictures",
        shown=lambda cell: " ".join(cell.controls),
    )

    @property
    def weights(self) -> tuple[Any, ...]:
        """All that the patched model and text encoder depend on."""
        return self.model, self.widgets, self.loras_low, () if self.hooks else self.loras

    @property
    def patched(self) -> tuple[Any, ...]:
        """All that changes the model and the text encoder: `weights`, and what hooks put on while they compute."""
        return (*self.weights[:3], self.loras, self.lora_steps)

    @property
    def hooks(self) -> bool:
        """Whether the LoRAs are put on by hooks, for a part of the steps: model and text encoder are patched while they compute."""
        return self.lora_steps != WHOLE


CHANGES: Mapping[str, Change] = {name: change for each in rows(Cell).values() for name, change in each.changes.items()}
"""All changes that values of axes can make, by name."""


def cell(base: Cell, strength: tuple[float, float], chosen: Sequence[Value], seeds: Mapping[int, int]) -> Cell:
    """Return the cell of one value per axis.

    Args:
        strength: of LoRAs that have none of their own, for model and text encoder.
        seeds: number of each random seed -> the seed.
    """
    fields: dict[str, Any] = {}
    loras: list[LoraChoice] = []
    low: list[LoraChoice] = []
    prompt_changes: list[PromptChange] = []
    edits: dict[str, list[WidgetEdit]] = {"widget": [], "start": []}
    for value in chosen:
        for name, to in value.changes:
            if name == "lora":
                loras += to
            elif name == "lora_low":
                low += to
            elif name in edits:
                edits[name].append(to)
            elif name == "replace":
                prompt_changes.append(to)
            else:
                fields[name] = to
    strength = (fields.pop("strength_model", strength[0]), fields.pop("strength_clip", strength[1]))
    blocks = fields.pop("blocks", "")
    fields["loras"], fields["loras_low"] = _stack(loras, strength, blocks), _stack(low, (strength[0], 0.0), blocks)
    if not fields["loras"]:
        fields.pop("lora_steps", None)
    fields["widgets"] = tuple(sorted(edits["widget"], key=lambda edit: edit.widget))
    fields["start"] = tuple(sorted(edits["start"], key=lambda edit: edit.widget))
    result = _with_prompts_changed(dataclasses.replace(base, **fields), prompt_changes)
    if isinstance(result.seed, RandomSeed):
        result = dataclasses.replace(result, seed=seeds[result.seed.number])
    return result


def _stack(choices: Sequence[LoraChoice], strength: tuple[float, float], blocks: str = "") -> tuple[Lora, ...]:
    """Return the LoRAs with their strengths. Load LoRA with two zeros does nothing: left out, equal cells are drawn once."""
    in_blocks = varied(choices)
    stack = (
        Lora(
            choice.name,
            (strength[0] if choice.strength_model is None else choice.strength_model) * choice.weight,
            (strength[1] if choice.strength_clip is None else choice.strength_clip) * choice.weight,
            blocks if choice in in_blocks else "",
        )
        for choice in choices
    )
    return tuple(lora for lora in stack if lora.strength_model or lora.strength_clip)


def _with_prompts_changed(cell: Cell, changes: Sequence[PromptChange]) -> Cell:
    for each in changes:
        for where in ("positive", "negative"):
            if each.where in ("both", where):
                text = replacing.replace(getattr(cell, where), each.change, each.whole_word)
                cell = dataclasses.replace(cell, **{where: text})
    return cell
