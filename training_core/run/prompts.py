"""Prompts of sample pictures in sd-scripts' formats (pure but for reading the file)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import toml
from ..errors import AthanorError
from ..settings import SamplingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Prompt and sampler values of one sample picture."""

    text: str
    negative: str
    width: int
    height: int
    seed: int
    steps: int
    cfg: float
    guidance: float | None = None  # of models with an embedded guidance input


def parse_line(line: str, default: Prompt) -> Prompt:
    """'a cat --n bad --w 768 --h 512 --d 42 --l 7.5 --s 28 --g 3.5'; numbers that cannot be read are passed over.

    As sd-scripts: options begin with ' --', names in either case, steps within 1..1000, sizes rounded down to 8, at
    least 64. The prompt itself is not searched for options (there it is).
    """
    text, *options = line.strip().split(" --")
    values: dict[str, Any] = {"text": text.strip()}
    for option in options:
        name, _, value = option.strip().partition(" ")
        name, value = name.lower(), value.strip()
        if name in ("w", "h") and value.isdecimal():
            values["width" if name == "w" else "height"] = max(64, int(value) // 8 * 8)
        elif name == "d" and value.isdecimal():
            values["seed"] = int(value)
        elif name == "s" and value.isdecimal():
            values["steps"] = min(1000, max(1, int(value)))
        elif name in ("l", "g") and re.fullmatch(r"\d+(\.\d*)?|\.\d+", value):
            values["cfg" if name == "l" else "guidance"] = float(value)
        elif name == "n":
            values["negative"] = value
    return replace(default, **values)


_KEYS = {
    "prompt": "text", "negative_prompt": "negative", "width": "width", "height": "height", "seed": "seed",
    "sample_steps": "steps", "scale": "cfg", "guidance_scale": "guidance",
}  # fmt: skip


def _object(values: Mapping[str, Any], default: Prompt) -> Prompt:
    known = {_KEYS[key]: value for key, value in values.items() if key in _KEYS}
    if not isinstance(known.get("text"), str):
        raise AthanorError("sample_prompts: an entry of the file has no 'prompt'.")
    return replace(default, **known)


def read(settings: SamplingSettings, folder: Path, captions: tuple[str, ...]) -> list[Prompt]:
    """Return the prompts that the settings name, each with all of its values.

    Args:
        folder: where a file of prompts lies.
        captions: what is drawn if no prompt is given.

    Raises:
        AthanorError: the file is missing, or cannot be read.
    """
    base = Prompt(
        text="",
        negative=settings.negative,
        width=settings.width,
        height=settings.height,
        seed=settings.sample_seed,
        steps=settings.steps,
        cfg=settings.cfg,
    )
    text = settings.sample_prompts.strip()
    entries: list[Any] = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if re.fullmatch(r"[^\n]+\.(txt|toml|json)", text):
        entries = _file(text, folder)
    elif not entries:
        entries = list(captions)
    numbered = [replace(base, seed=settings.sample_seed + i) for i in range(len(entries))]
    return [
        _object(entry, start) if isinstance(entry, Mapping) else parse_line(str(entry), start)
        for entry, start in zip(entries, numbered, strict=True)
    ]


def _file(name: str, folder: Path) -> list[Any]:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise AthanorError(f"sample_prompts: '{name}' is outside ComfyUI's input folder; move the file there.")
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".txt":
            return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        if path.suffix == ".json":
            return list(json.loads(text))
        table = toml.loads(text)["prompt"]
        shared = {key: value for key, value in table.items() if key != "subset"}
        return [shared | subset for subset in table.get("subset", [{}])]
    except OSError:
        raise AthanorError(f"sample_prompts: there is no file '{name}' in ComfyUI's input folder.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise AthanorError(f"sample_prompts: '{name}' cannot be read ({error}).") from None
