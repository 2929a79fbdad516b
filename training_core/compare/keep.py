"""A LoRA file of what a cell was drawn with: which files with which weights, and the strength at which it draws the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..edit.build import Source
from ..errors import AthanorError
from ..files import safetensors_metadata
from ..history.run_files import run_id_of
from ..host import fingerprint, folders
from . import averages, epochs, virtual
from .cells import Lora
from .runs import Points

_NAMING = re.compile(r"checkpoint|LoRA(?! strength| steps)")
"""Titles of axes whose values name LoRAs."""
_NONE = 1e-6
"""A sum of strengths below it is none that a file could be used at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Files that become one, and how that is used."""

    sources: tuple[Source, ...]
    strength: float  # at which the file draws what the picture shows
    strength_clip: float  # the same of the text encoder
    name: str  # that it may have
    of_run: bool  # all are of one run, or it is a single file: the weights sum to 1
    drawn: bool = True  # there is a picture of it
    low: bool = False  # for the low-noise model, on which axes put no LoRAs
    steps: str = ""  # the part of the sampling in which it was on, "0-0.5"; "": all of it
    notes: tuple[str, ...] = ()


def of_cell(plan: Mapping[str, Any], key: str, part: str = virtual.HIGH) -> Mixture:
    """Return what a cell of a comparison was drawn with.

    Args:
        plan: plan.json.
        part: the first model's LoRAs, or those of the low-noise one.

    Raises:
        AthanorError: it was drawn with nothing that would be a new file, or a file is not there any more.
    """
    stack = virtual.stack_of(plan, key, part)
    if not stack:
        raise AthanorError(
            "This picture was drawn with no LoRA, or with a single file as it is: there is nothing to save."
        )
    paths = [_file(lora) for lora in stack]
    digests = plan.get("loras", {}).get(key, ())
    drawn = digests[len(digests) - len(stack) :] if part == virtual.LOW else digests[: len(stack)]
    changed = [path.name for path, digest in zip(paths, drawn, strict=False) if fingerprint.file(path) != digest]
    notes = (
        [f"{' and '.join(changed)}: not as it was when the picture was drawn, so the file may draw another one."]
        if changed
        else []
    )
    mixture = _mixture(stack, paths, _name(plan, key), notes)
    return replace(mixture, low=part == virtual.LOW, steps=_steps(plan, key))


def _steps(plan: Mapping[str, Any], key: str) -> str:
    """Return in which part of the sampling a cell's LoRAs were on, as its `parameters` tell it; "": in all of it."""
    last = str(plan.get("parameters", {}).get(key, "")).rpartition("\n")[2]
    match = re.search(r"(?:^|, )LoRA steps: ([\d.]+-[\d.]+)(?:,|$)", last)
    return match[1] if match else ""


def of_average(points: Points, text: str) -> Mixture:
    """Return an average of a run's checkpoints: `mean(last 4)`, `ema(0.1)`, `lerp(4, 8, 0.3)`.

    Raises:
        AthanorError: it is no average, or several.
    """
    rest, found = averages.split(text, "average")
    if rest or len(found) != 1:
        raise AthanorError("average: write one, such as mean(last 4), ema(0.1) or lerp(4, 8, 0.3).")
    files, weights = epochs.parts(points, found[0], "average")
    stack = [Lora(file.lora_name, weight, weight) for file, weight in zip(files, weights, strict=True)]
    name = f"{points.name.rpartition('/')[2]} {found[0].label}"
    mixture = replace(_mixture(stack, [_file(lora) for lora in stack], name, []), of_run=True)
    return replace(mixture, drawn=False)


def _file(lora: Lora) -> Path:
    folder, path = folders.trained_file(lora.name)
    if folder != "loras":
        raise AthanorError(f"{path.name} is a whole model: only LoRA files become one file.")
    if path.suffix != ".safetensors":
        raise AthanorError(f"{path.name} is no safetensors file: only such files become one.")
    return path


def _mixture(stack: Sequence[Lora], paths: Sequence[Path], name: str, notes: Sequence[str]) -> Mixture:
    total = sum(lora.strength_model for lora in stack)
    of_run = len(stack) == 1 or _of_one_run(paths)
    if not of_run or abs(total) < _NONE:
        weights, strength, of_run = [lora.strength_model for lora in stack], 1.0, False
    else:
        weights, strength = [lora.strength_model / total for lora in stack], total
    texts, strength_clip = _texts(stack, weights, strength)
    sources = [
        Source(path=path, weight=weight, name=lora.name, text=text, blocks=lora.blocks)
        for lora, path, weight, text in zip(stack, paths, weights, texts, strict=True)
    ]
    return Mixture(
        sources=tuple(sources),
        strength=_round(strength),
        strength_clip=_round(strength_clip),
        name=averages.plain_name(name),
        of_run=of_run,
        notes=tuple(notes),
    )


def _texts(stack: Sequence[Lora], weights: Sequence[float], strength: float) -> tuple[list[float | None], float]:
    """Return the weights for text encoders (None: as for the model), and the strength that the file is used at there.

    Where the parts are those of the model, the strength alone tells the difference; else it is in the file.
    """
    clips = [lora.strength_clip for lora in stack]
    largest = max(range(len(stack)), key=lambda i: abs(weights[i]))
    ratio = clips[largest] / weights[largest] if weights[largest] else 0.0
    if all(abs(clip - weight * ratio) < _NONE for clip, weight in zip(clips, weights, strict=True)):
        return [None] * len(stack), ratio
    return [clip / strength for clip in clips], strength


def _round(strength: float) -> float:
    """Return a strength without the rounding of its parts' sum: 0.8 for 0.7999999999999999."""
    return float(f"{strength:.6g}")


def _of_one_run(paths: Sequence[Path]) -> bool:
    """Return whether all files are checkpoints of one training: by their metadata, or by their names."""
    for told in ([run_id_of(path) for path in paths], [safetensors_metadata(p).get("ss_session_id") for p in paths]):
        if told[0] and len(set(told)) == 1:
            return True
    return len({(path.parent, re.sub(r"-(step)?\d+$", "", path.stem)) for path in paths}) == 1


def _name(plan: Mapping[str, Any], key: str) -> str:
    """Return a name by what the axes say of a cell's LoRAs, blocks last: "my_lora mean 6-10 IN04 off".

    Of a plan without a word about them it is the title.
    """
    place = plan["cells"].index(key) if key in plan["cells"] else 0
    words: list[str] = []
    blocks: list[str] = []
    for axis in reversed(plan["axes"]):
        names = axis.get("names") or axis["values"]
        place, index = divmod(place, len(names))
        if match := _NAMING.match(axis["title"]):
            run = axis["title"].partition(" of ")[2] if match[0] == "checkpoint" else ""
            part = blocks if axis["title"] == "LoRA blocks" else words
            part[:0] = [word for word in (run, str(names[index])) if word and word != "all"]
    return " ".join([*words, *blocks]) or plan["title"].partition("  ")[0]


def free_name(name: str) -> str:
    """Return a name that no file of the loras folder has: `name`, or name-2, name-3 ..."""
    number, free = 1, name
    while folders.lora_path(free).exists():
        number += 1
        free = f"{name}-{number}"
    return free
