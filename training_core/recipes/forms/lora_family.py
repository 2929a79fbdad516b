"""Which kind of model a LoRA file was trained on, as its metadata calls it (pure)."""

from __future__ import annotations

import re
from typing import Any

from ...families import FAMILIES
from ..rules import Said

_BEGINNINGS = (
    ("sdxl", "SDXL"), ("sdv1", "SD1.5"), ("sd1", "SD1.5"), ("sdv2", "SD2"), ("sd2", "SD2"), ("sd3", "SD3"), ("medium", "SD3"),
    ("5medium", "SD3"), ("5large", "SD3"), ("flux2", "Flux.2"), ("flux1kontext", "Flux.1 dev"), ("flux", "Flux.1 dev"),
    ("chroma", "Chroma"), ("lumina", "Lumina 2"), ("zimage", "Z-Image"), ("qwenimage", "Qwen-Image"), ("hidream", "HiDream-I1"),
    ("wan225b", "Wan 2.2 5B (still pictures)"), ("wan", "Wan 2.1 text-to-video"), ("hunyuanimage", "HunyuanImage 2.1"),
    ("hunyuanvideo15", "HunyuanVideo 1.5 (still pictures)"), ("hv", "HunyuanVideo (still pictures)"),
    ("hunyuanvideo", "HunyuanVideo (still pictures)"), ("anima", "Anima"), ("pony", "SDXL"), ("illustrious", "SDXL"),
    ("noob", "SDXL"), ("stablediffusionxl", "SDXL"), ("stablediffusionv1", "SD1.5"), ("stablediffusionv2", "SD2"),
    ("stablediffusion3", "SD3"), ("stablediffusion1", "SD1.5"), ("stablediffusion2", "SD2"),
)  # fmt: skip
"""How a name begins, in small letters and digits alone -> the family's title: what trainers and sites call it."""


def titled(name: Any) -> str:
    """Return the title of the family that a trainer or a site calls so ("sdxl_base_v1-0", "Flux.1 D"); '' for other names."""
    written = str(name).strip().removesuffix("/lora").removesuffix("/lycoris")
    plain = _plain(written)
    for family in FAMILIES:
        if plain and plain in (_plain(family.architecture), _plain(family.title)):
            return family.title
    for family in FAMILIES:
        if written == family.base_version:
            return family.title
    return next((title for begin, title in _BEGINNINGS if plain.startswith(begin)), "")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def of_metadata(said: Said) -> str:
    """Return the title of the family that the fields of a LoRA file tell; '' where none does."""
    if str(said.get("ss_model_type")) == "chroma":
        return "Chroma"
    for name in ("modelspec.architecture", "ss_base_model_version"):
        if title := titled(said.get(name, "")):
            return title
    return {"False": "SD1.5", "True": "SD2"}.get(str(said.get("ss_v2")), "")


def role_of_model(title: str) -> str:
    """Return what the trained model's file is: a whole checkpoint, or of newer families the diffusion model alone."""
    family = next((family for family in FAMILIES if family.title == title), None)
    return "checkpoint" if family is None or "clip" in family.in_checkpoint else "diffusion_model"
