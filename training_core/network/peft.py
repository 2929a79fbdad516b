"""What PEFT writes of its settings into the metadata of a LoRA file: `lora_adapter_metadata`."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from ..json_text import parse_json

_LARGEST = 1e30
"""An alpha that is larger is none."""
_LONGEST = 300
"""Characters of a pattern or path that are compared as expressions."""
_PATH = re.compile(r"[\w.-]*")
_STEP = r"(?:[\w^$|-]|\\[.dw]|\\d\+|\.(?![*+?]))*"
_QUICK = re.compile(rf"{_STEP}(?:\.[*+]{_STEP})?")
_COMPONENT = re.compile(r"(transformer|unet|text_encoder(?:_\d)?)\.")


def settings(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return PEFT's LoraConfig with the part of the pipeline before each field, as in `transformer.lora_alpha`; {} if none."""
    parsed = parse_json(metadata.get("lora_adapter_metadata", ""))
    return parsed if isinstance(parsed, dict) else {}


def field_of(adapter: Mapping[str, Any], field: str, component: str = "") -> Any:
    """Return a field of `settings` for a part of the pipeline, by default the diffusion model; None if it is not there."""
    components = [component] if component else ["transformer", "unet"]
    return next((adapter[k] for k in (*(f"{c}.{field}" for c in components), field) if k in adapter), None)


def alpha(adapter: Mapping[str, Any], path: str, rank: int) -> float | None:
    """Return alpha of a module by its path in diffusers, such that alpha / rank is its scale; None if the settings lack it.

    rsLoRA's scale is lora_alpha / sqrt(rank), which makes alpha larger than the one that was set.
    """
    match = _COMPONENT.match(path)
    component = match[1] if match else ""
    value = field_of(adapter, "lora_alpha", component)
    patterns = field_of(adapter, "alpha_pattern", component)
    if isinstance(patterns, dict):
        ends = {path, *(path[dot.end() :] for dot in re.finditer(r"\.", path))}
        value = next((other for pattern, other in patterns.items() if _fits(pattern, path, ends)), value)
    if not isinstance(value, int | float) or not abs(value) < _LARGEST:  # NaN, infinity, or of hundreds of digits
        return None
    return value * math.sqrt(rank) if field_of(adapter, "use_rslora", component) else float(value)


def _fits(pattern: str, path: str, ends: Collection[str]) -> bool:
    """Return whether a pattern fits a path or its end after a dot: PEFT's own rule.

    Most patterns are paths, and files have one for each of a thousand modules: these are compared as text. Of the others
    only those are tried that take no time, as a file may be of any origin.

    Args:
        ends: of the path after each of its dots, and the whole.
    """
    text = pattern.replace("\\.", ".")
    if _PATH.fullmatch(text):
        return text in ends
    if text.startswith("^") and _PATH.fullmatch(text[1:]):
        return text[1:] == path
    expression = _compiled(pattern)
    return bool(expression and len(path) <= _LONGEST and expression.match(path))


@lru_cache(4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Return PEFT's expression of a pattern; None for one that is none, or may take long: of repetitions it has one `.*` at most."""
    if len(pattern) > _LONGEST or not _QUICK.fullmatch(pattern):
        return None
    try:
        return re.compile(rf"(.*\.)?({pattern})$")
    except re.error:
        return None
