"""What PEFT writes of its settings into the metadata of a LoRA file: `lora_adapter_metadata`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_COMPONENT = re.compile(r"(transformer|unet|text_encoder(?:_\d)?)\.")


def settings(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return PEFT's LoraConfig with the part of the pipeline before each field, as in `transformer.lora_alpha`; {} if none."""
    try:
        parsed = json.loads(metadata.get("lora_adapter_metadata", "{}"))
    except ValueError:
        return {}
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
    for pattern, other in patterns.items() if isinstance(patterns, dict) else ():
        if re.match(rf"(.*\.)?({pattern})$", path):  # PEFT's own rule
            value = other
            break
    if not isinstance(value, int | float):
        return None
    return value * math.sqrt(rank) if field_of(adapter, "use_rslora", component) else float(value)
