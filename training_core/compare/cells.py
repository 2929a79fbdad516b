"""A cell: everything one picture depends on, made of the base settings and one value per axis (pure)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import AthanorError
from . import grammar
from .axes import Axis, LoraChoice, Put, Swap, Value
from .grammar import Random

ENGINE = 1
"""Part of every cell's identity: raised when the same settings would give another picture."""


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA file on the model, by its name in the host's list."""

    name: str
    strength_model: float
    strength_clip: float


@dataclass(frozen=True, slots=True)
class Cell:
    """What the plain graph of this picture would have in its widgets. '' and None: as it is connected."""

    positive: str
    negative: str = ""
    seed: int | Random = 0
    steps: int = 20
    cfg: float = 7.0
    sampler: str = "euler"
    scheduler: str = "normal"
    denoise: float = 1.0
    width: int = 512
    height: int = 512
    model: str = ""
    vae: str = ""
    clip_skip: int = 0
    shift: float | None = None
    guidance: float | None = None
    loras: tuple[Lora, ...] = ()
    widgets: tuple[Put, ...] = ()  # of the graph, on the way to model, text encoder and VAE
    start: tuple[Put, ...] = ()  # of the graph, on the way to the latent

    @property
    def weights(self) -> tuple[Any, ...]:
        """What the patched model and text encoder depend on."""
        return self.model, self.widgets, self.loras


def cell(base: Cell, strength: tuple[float, float], chosen: Sequence[Value], seeds: Mapping[int, int]) -> Cell:
    """The cell of one value per axis.

    Args:
        strength: of LoRAs that have none of their own, for model and text encoder.
        seeds: what the random seeds are.
    """
    fields: dict[str, Any] = {}
    loras: list[LoraChoice] = []
    swaps: list[Swap] = []
    puts: dict[str, list[Put]] = {"widget": [], "start": []}
    for value in chosen:
        for name, to in value.changes:
            if name == "lora":
                loras += to
            elif name in puts:
                puts[name].append(to)
            elif name == "replace":
                swaps.append(to)
            else:
                fields[name] = to
    strength = (fields.pop("strength_model", strength[0]), fields.pop("strength_clip", strength[1]))
    stack = [
        Lora(
            choice.name,
            strength[0] if choice.strength_model is None else choice.strength_model,
            strength[1] if choice.strength_clip is None else choice.strength_clip,
        )
        for choice in loras
    ]
    # Load LoRA with two zeros does nothing: equal cells are drawn once.
    result = dataclasses.replace(
        base,
        **fields,
        loras=tuple(one for one in stack if one.strength_model or one.strength_clip),
        widgets=tuple(sorted(puts["widget"], key=lambda put: put.place)),
        start=tuple(sorted(puts["start"], key=lambda put: put.place)),
    )
    for swap in swaps:
        for where in ("positive", "negative"):
            if swap.where in ("both", where):
                text = grammar.replace(getattr(result, where), swap.change, swap.whole_word)
                result = dataclasses.replace(result, **{where: text})
    if isinstance(result.seed, Random):
        result = dataclasses.replace(result, seed=seeds[result.seed.number])
    return result


def check_replacements(base: Cell, axes: Sequence[Axis]) -> None:
    """What is to be replaced stands in the prompts.

    Raises:
        AthanorError: names the text, and the prompt that lacks it.
    """
    prompts = [dict(v.changes)["positive"] for axis in axes for v in axis.values if "positive" in v.fields]
    negatives = [dict(v.changes)["negative"] for axis in axes for v in axis.values if "negative" in v.fields]
    prompts, negatives = prompts or [base.positive], negatives or [base.negative]
    swaps = grammar.once(to for axis in axes for v in axis.values for name, to in v.changes if name == "replace")
    for swap in swaps:
        pairs = [(p, n) for p in prompts for n in negatives]
        for positive, negative in pairs:
            texts = {"both": [positive, negative], "positive": [positive], "negative": [negative]}[swap.where]
            if any(grammar.contains(text, swap.change.old, swap.whole_word) for text in texts):
                continue
            where = "prompt" if swap.where == "both" else f"{swap.where} prompt"
            inside = any(swap.change.old in text for text in texts)
            more = (
                "it is only part of a longer word there; turn whole_word off, or search for the whole word"
                if inside
                else ("write the first value exactly as it stands in the prompt")
            )
            raise AthanorError(f"'{swap.change.old}' is not in the {where} '{_short(texts[0])}': {more}.")


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:40]} … {text[-17:]}"


def identity(one: Cell, known: Mapping[str, str]) -> str:
    """24 hex digits: the same for two cells exactly if the same picture comes out.

    Args:
        known: content of what a cell only names: '' (model, text encoder and VAE connected), 'model:NAME', 'vae:NAME',
            'lora:NAME', 'latent'; where widgets of the graph are varied, '... with WIDGETS' (see `varied`).
    """
    values = dataclasses.asdict(one)
    del values["widgets"], values["start"]  # what comes out of them counts
    values["model"] = known[varied(f"model:{one.model}", one.widgets)]
    # A checkpoint without a VAE takes the connected one, so that one always counts unless another is named.
    values["vae"] = known[varied(f"vae:{one.vae}", one.widgets)]
    values["loras"] = [(known[f"lora:{x.name}"], x.strength_model, x.strength_clip) for x in one.loras]
    values["latent"] = known[varied("latent", one.start)] if one.start else known.get("latent", "")
    text = json.dumps([ENGINE, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def varied(name: str, puts: Sequence[Put]) -> str:
    """What the content of something is called where widgets before it have these values."""
    return f"{name} with {list(puts)!r}" if puts else name


def parameters(one: Cell) -> str:
    """The `parameters` text that picture viewers know from A1111."""
    tags = "".join(f" <lora:{x.name.removesuffix('.safetensors')}:{_strength(x)}>" for x in one.loras)
    more = {
        "Steps": one.steps,
        "Sampler": one.sampler,
        "Schedule type": one.scheduler,
        "CFG scale": f"{one.cfg:g}",
        "Seed": one.seed,
        "Size": f"{one.width}x{one.height}",
    }
    if one.model:
        more["Model"] = one.model.removesuffix(".safetensors")
    if one.vae:
        more["VAE"] = one.vae
    if one.clip_skip:
        more["Clip skip"] = -one.clip_skip
    if one.denoise != 1:
        more["Denoising strength"] = f"{one.denoise:g}"
    if one.guidance is not None:
        more["Distilled CFG Scale"] = f"{one.guidance:g}"
    if one.shift is not None:
        more["Shift"] = f"{one.shift:g}"
    for put in dict.fromkeys((*one.widgets, *one.start)):
        more[f"{put.node}.{put.name}"] = json.dumps(put.value, ensure_ascii=False)
    line = ", ".join(f"{name}: {value}" for name, value in more.items())
    return f"{one.positive}{tags}\nNegative prompt: {one.negative}\n{line}"


def _strength(lora: Lora) -> str:
    if lora.strength_model == lora.strength_clip:
        return f"{lora.strength_model:g}"
    return f"{lora.strength_model:g}:{lora.strength_clip:g}"
