"""Prompts of sample pictures in sd-scripts' formats (pure but for reading the file)."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import AthanorError, quoted, shortened
from ..settings import SamplingSettings
from ..text_files import lines, read_structure, read_text, whole_characters


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
    controls: tuple[Path, ...] = ()  # what an edit model is shown
    background: str = "white"  # of their transparent parts


_KEYS = {
    "prompt": "text", "negative_prompt": "negative", "width": "width", "height": "height", "seed": "seed",
    "sample_steps": "steps", "scale": "cfg", "guidance_scale": "guidance",
    "control_image_path": "controls", "control_image": "controls",
}  # fmt: skip
"""Keys of an object, sd-scripts' and musubi-tuner's -> fields of a prompt."""
_LETTERS = {"w": "width", "h": "height", "d": "seed", "s": "steps", "l": "cfg", "g": "guidance"}
"""sd-scripts' options of a line -> fields of a prompt."""
_LARGEST_SEED = 2**64 - 1  # what torch's generator and the host's seed widget take
_WHOLE = {"width": (64, 8192), "height": (64, 8192), "seed": (0, _LARGEST_SEED), "steps": (1, 1000)}
"""Whole numbers -> the least and the largest value; sizes and steps beyond are brought within, as by sd-scripts."""


def parse_line(line: str, default: Prompt) -> Prompt:
    """'a cat --n bad --w 768 --h 512 --d 42 --l 7.5 --s 28 --g 3.5 --ci a.png'; numbers that cannot be read are passed over.

    As sd-scripts: options begin with ' --', names in either case, steps within 1..1000, sizes rounded down to 8, at
    least 64. The prompt itself is not searched for options (there it is). As musubi-tuner: one `--ci` for each control picture.

    Raises:
        AthanorError: a seed is too large for the sampler.
    """
    text, *options = whole_characters(line).strip().split(" --")
    values: dict[str, Any] = {"text": text.strip()}
    for option in options:
        letter, _, value = option.strip().partition(" ")
        name, value = _LETTERS.get(letter.lower()), value.strip()
        if letter.lower() == "n":
            values["negative"] = value
        elif letter.lower() == "ci" and value:
            values["controls"] = (*values.get("controls", ()), Path(value))
        elif name and re.fullmatch(r"\d{1,60}" if name in _WHOLE else r"\d{1,60}(\.\d*)?|\.\d+", value):
            values[name] = _number(name, value)
    return replace(default, **values)


def _number(name: str, value: Any) -> int | float:
    """Return the number that a file gives for a field of a prompt, within what the sampler takes; a text may hold it.

    Raises:
        AthanorError: it is no number, no whole one where that is needed, or a seed that no generator takes.
    """
    try:
        number = _plain(value)
        if name not in _WHOLE:
            return min(100.0, max(0.0, float(number)))
        if number != int(number):
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        kind = "whole number" if name in _WHOLE else "number"
        raise AthanorError(
            f"sample_prompts: {name} is {quoted(value)}, which is no {kind}: correct the file."
        ) from None
    least, largest = _WHOLE[name]
    if name == "seed" and not least <= number <= largest:
        raise AthanorError(
            f"sample_prompts: the seed {shortened(value)} is not within {least} and {largest}: give another one."
        )
    number = min(largest, max(least, int(number)))
    return number // 8 * 8 if name in ("width", "height") else number


def _plain(value: Any) -> int | float:
    """Return a number or the number in a text, whole if it is written so.

    Raises:
        ValueError, TypeError: it is none, not finite, or has more digits than any value here.
    """
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str):
        digits = value.strip()
        value = float(digits) if len(digits) > 60 or not re.fullmatch(r"[-+]?\d+", digits) else int(digits)
    if not math.isfinite(value):
        raise ValueError
    return value


def _object(values: Mapping[str, Any], default: Prompt) -> Prompt:
    """Return the prompt of an entry with keys; what it leaves out, or gives as null, is that of `default`.

    A seed of -1, which elsewhere means any, is left out as well.
    """
    known = {_KEYS[key]: value for key, value in values.items() if key in _KEYS and value is not None}
    if str(known.get("seed")) == "-1":
        del known["seed"]
    for name, value in known.items():
        if name == "controls":
            known[name] = _paths(value)
        elif name not in ("text", "negative"):
            known[name] = _number(name, value)
        elif isinstance(value, str):
            known[name] = whole_characters(value)
        else:
            key = "prompt" if name == "text" else "negative_prompt"
            raise AthanorError(f"sample_prompts: an entry of the file has a {quoted(key)} that is no text.")
    if "text" not in known:
        raise AthanorError("sample_prompts: an entry of the file has no 'prompt'.")
    return replace(default, **known)


def _paths(value: Any) -> tuple[Path, ...]:
    """Return the control pictures that a file gives for a prompt: a name, or several in a list.

    Raises:
        AthanorError: it is neither.
    """
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) and name.strip() for name in names):
        raise AthanorError(f"sample_prompts: the control picture {quoted(value)} is no file name: correct the file.")
    return tuple(Path(whole_characters(name)) for name in names)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn of a dataset if no prompt is given: a caption, and the control pictures of its picture."""

    text: str
    controls: tuple[Path, ...] = ()
    background: str = "white"


def read(settings: SamplingSettings, folder: Path, captions: Sequence[Drawn]) -> list[Prompt]:
    """Return the prompts that the settings name, each with all of its values.

    Args:
        folder: where a file of prompts lies, and their control pictures.
        captions: what is drawn if no prompt is given.

    Raises:
        AthanorError: a file is missing, or cannot be read.
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
    text = settings.sample_prompts.removeprefix("\ufeff").strip()
    entries: list[Any] = _lines(text)
    if re.fullmatch(r"[^\n]+\.(txt|toml|json)", text, re.IGNORECASE):
        entries = _file(text, folder)
    elif not entries:
        return [_of_dataset(own, _numbered(base, i)) for i, own in enumerate(captions)]
    found = []
    for i, entry in enumerate(entries):
        start = _numbered(base, i)
        prompt = _object(entry, start) if isinstance(entry, Mapping) else parse_line(entry, start)
        found.append(replace(prompt, controls=tuple(_in_input(str(path), folder) for path in prompt.controls)))
    return found


def _of_dataset(own: Drawn, start: Prompt) -> Prompt:
    """Return the prompt of a caption, which may have options as a line has, but for control pictures: it has its own."""
    return replace(parse_line(own.text, start), controls=own.controls, background=own.background)


def _numbered(prompt: Prompt, number: int) -> Prompt:
    return replace(prompt, seed=prompt.seed + number)


def _lines(text: str) -> list[str]:
    return [line for line in lines(text) if line.strip() and not line.lstrip().startswith("#")]


def _file(name: str, folder: Path) -> list[str | Mapping[str, Any]]:
    """Return the entries of a file of prompts: texts in the form of a line, or objects with sd-scripts' keys."""
    path = _in_input(name, folder)
    try:
        if path.suffix.lower() == ".txt":
            entries: list[Any] = _lines(read_text(path))
        else:
            entries = _entries(read_structure(path))
    except AthanorError as error:
        raise AthanorError(f"sample_prompts: {error}") from None
    if not entries:
        raise AthanorError(f"sample_prompts: {path.name} has no prompt; give it one, or leave sample_prompts empty.")
    if any(not isinstance(entry, (str, Mapping)) for entry in entries):
        raise AthanorError(f"sample_prompts: an entry of {path.name} is neither a text nor an object with a 'prompt'.")
    return entries


def _in_input(name: str, folder: Path) -> Path:
    """Return the file of a name in ComfyUI's input folder.

    Raises:
        AthanorError: there is none, or it lies elsewhere.
    """
    path = folder
    try:
        # abspath, not resolve(): a folder that the owner has linked into input is part of it, as for pictures (host/folders.py).
        path = Path(os.path.abspath(folder / name.replace("\\", "/")))
        inside = path.is_relative_to(os.path.abspath(folder)) or path.resolve().is_relative_to(folder.resolve())
        there = path.is_file()
    except (OSError, ValueError):  # a name that is too long for a file, or has a NUL character
        inside, there = True, False
    if not inside:
        raise AthanorError(
            f"sample_prompts: {quoted(name, 200)} is outside ComfyUI's input folder; move the file there."
        )
    if not there:
        raise AthanorError(f"sample_prompts: there is no file {quoted(name, 200)} in ComfyUI's input folder.")
    return path


def _entries(found: Any) -> list[Any]:
    """Return the entries of a JSON or TOML file in any of the forms that are used.

    A list; an object with a text as its prompt; sd-scripts' [prompt] with shared keys and [[prompt.subset]]; [[prompt]],
    prompt = ["a cat", "a dog"].
    """
    if isinstance(found, list):
        return found
    if isinstance(found, str):
        return [found]
    if not isinstance(found, Mapping) or "prompt" not in found:
        raise AthanorError("the file has neither a list of prompts nor a 'prompt'.")
    table = found["prompt"]
    if isinstance(table, str):
        return [found]
    if isinstance(table, Mapping):
        shared = {key: value for key, value in table.items() if key != "subset"}
        subsets = table.get("subset", [{}])
        return [
            {**shared, **(subset if isinstance(subset, Mapping) else {"prompt": subset})}
            for subset in (subsets if isinstance(subsets, list) else [subsets])
        ]
    return table if isinstance(table, list) else [table]
