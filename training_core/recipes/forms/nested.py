"""Recipes that are trees of names: their leaves with dots between the names, and what their readers share (pure)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ..draft import Draft
from ..recipe import Line
from ..rules import NoMeaning, Turned
from ..values import number

_SECRETS = ("token", "password", "secret", "api_key", "key_file")
"""Parts of names whose values are never shown."""


def flat(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (name, value) of all leaves: {"a": {"b": 1}} gives ("a.b", 1). Lists and empty objects are leaves."""
    for key, value in tree.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping) and value:
            yield from flat(value, name)
        else:
            yield name, value


def part(tree: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the object of that name, an empty one if there is none or if it is something else."""
    value = tree.get(name)
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list; none if it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def shown(name: str, value: Any) -> Any:
    """Return what may be shown of a value: of one whose name tells that it is a secret, only that there is one."""
    secret = any(word in name.lower() for word in _SECRETS)
    return "(not shown)" if secret and isinstance(value, (str, int)) and value else value


def stem(path: Any) -> str:
    """Return the name of a path's file without folders and ending: "D:\\a\\my_lora.safetensors" gives "my_lora"."""
    name = str(path).replace("\\", "/").rstrip("/").rpartition("/")[2]
    for ending in (".safetensors", ".ckpt", ".pt"):
        name = name.removesuffix(ending)
    return name


def plain(value: float) -> str:
    """Return a number as people write it: 0.0001 and 1e-05 as they are, 16.0 as 16."""
    return f"{value:.10g}"


def hub_model(role: str) -> Turned:
    """Return the rule of a name whose value is a model's file or its page on Hugging Face: the graph asks for the file in `role`."""
    return Turned(
        to=lambda value, _: {f"model.files.{role}": str(value)} if value else {},
        why="A file of another computer, or a page of Hugging Face: a file of the same name here is chosen if there is one, "
        "otherwise you are asked.",
    )


def above_zero(value: Any) -> bool:
    """Return whether a value is a number above 0; ValueError for what is no number."""
    return number(value) > 0


def only_if(holds: bool, why: str) -> None:
    """Raise NoMeaning with a sentence unless something holds."""
    if not holds:
        raise NoMeaning(why)


def number_or(value: Any, default: float = 0.0) -> float:
    """Return a number, or the default for what is none."""
    try:
        return number(value)
    except ValueError:
        return default


def shift_by_size(pixels: float, family: str) -> float:
    """Return the shift e^mu that schedulers of Flux and Qwen-Image give a square of so many pixels a side, where mu grows with its patches:
    from 0.5 at 256 to 1.15 at 4096 and to 0.9 at 8192 (their scheduler_config.json).
    """
    most, patches = (0.9, 8192) if family == "Qwen-Image" else (1.15, 4096)
    slope = (most - 0.5) / (patches - 256)
    return round(math.exp(0.5 + ((min(pixels, 8192) / 16) ** 2 - 256) * slope), 2)


def to_steps(value: float, step: int) -> int:
    """Return the multiple of `step` that is nearest to a number of pixels, at least 64."""
    return max(step, 64, round(value / step) * step)


def draw_at_trained_size(draft: Draft, *, cfg: float | None = None) -> None:
    """Let sample pictures have the size that is trained, and the cfg of the model, where the recipe draws some and does not say it; a line
    tells it."""
    said, told = [], draft.settings.get("sampling", {})
    if not told:  # nothing is drawn
        return
    if (
        "width" not in told
        and "--w " not in str(told.get("sample_prompts"))
        and "width" in draft.settings.get("buckets", {})
    ):
        said += [draft.put(f"sampling.{side}", draft.get(f"buckets.{side}")) for side in ("width", "height")]
    if cfg is not None and "cfg" not in told:
        said.append(draft.put("sampling.cfg", cfg))
    if said:
        why = "Not said: pictures are drawn at the size that is trained, and with the cfg that is usual for the model."
        draft.lines.append(Line(name="samples", value="", kind="translated", to=", ".join(said), why=why))
