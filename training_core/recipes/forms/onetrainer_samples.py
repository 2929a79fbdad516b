"""OneTrainer's samples -> lines of prompts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..rules import Entry
from .nested import number_or, plain

_SAMPLE = {
    "prompt",
    "negative_prompt",
    "width",
    "height",
    "seed",
    "cfg_scale",
    "diffusion_steps",
    "enabled",
    "noise_scheduler",
}


def samples_given(samples: Sequence[Mapping[str, Any]]) -> Iterator[Entry]:
    """Yield the samples as lines of prompts, and what else they say in one line each."""
    on = [each for each in samples if each.get("enabled") is not False]
    yield Entry(name="samples", value=[_line(each) for each in on])
    if off := [str(each.get("prompt", "")) for each in samples if each.get("enabled") is False]:
        yield Entry(name="samples off", shown="samples: switched off", value=off)
    if on and on[0].get("noise_scheduler"):
        yield Entry(name="samples.noise_scheduler", value=on[0]["noise_scheduler"])
    if others := sorted({name for each in on for name in each if name not in _SAMPLE}):
        yield Entry(name="samples others", shown="samples: other values", value=others)


def _line(sample: Mapping[str, Any]) -> str:
    """Return a sample as a line with options as sd-scripts has them."""
    parts = [" ".join(str(sample.get("prompt", "")).split()).replace("--", "- ")]
    if str(sample.get("negative_prompt") or "").strip():
        parts.append(f"--n {' '.join(str(sample['negative_prompt']).split()).replace('--', '- ')}")
    options = {"width": "w", "height": "h", "seed": "d", "diffusion_steps": "s", "cfg_scale": "l"}
    for name, option in options.items():
        found = number_or(sample.get(name), -1.0)
        if found >= 0 and not (name == "seed" and sample.get("random_seed") is True):
            parts.append(f"--{option} {plain(found)}")
    return " ".join(parts)
