"""Which kind of model a LoRA file was trained on, as its metadata calls it (pure)."""

from __future__ import annotations

import re
from typing import Any

from ...families import FAMILIES
from ..rules import Said

_BEGINNINGS = (
    (r"(?:sd|stable)?[\W_]*(?:diffusion)?[\W_]*xl|pony|illustrious|noob(?:ai)?|animagine|juggernaut", "SDXL"),
    (r"(?:sd|stable[\W_]*diffusion)[\W_]*v?[\W_]*1", "SD1.5"),
    (r"(?:sd|stable[\W_]*diffusion)[\W_]*v?[\W_]*2", "SD2"),
    (r"(?:sd|stable[\W_]*diffusion)[\W_]*v?[\W_]*3|medium|5-(?:medium|large)", "SD3"),
    (r"flux[\W_]*(?:v|\.)?[\W_]*1?[\W_]*schnell", "Flux.1 schnell"),
    (r"flux[\W_]*\.?2", "Flux.2"),
    (r"flux", "Flux.1 dev"),
    (r"chroma", "Chroma"),
    (r"(?:neta[\W_]*)?lumina", "Lumina 2"),
    (r"z[\W_]*image", "Z-Image"),
    (r"qwen[\W_]*image", "Qwen-Image"),
    (r"hidream[\W_]*o1", "HiDream-O1"),
    (r"hidream", "HiDream-I1"),
    (r"wan[\W_]*2[\W_]*2[\W_]*5b", "Wan 2.2 5B (still pictures)"),
    (r"wan[\W_]*v?\d", "Wan 2.1 text-to-video"),
    (r"hunyuan[\W_]*image", "HunyuanImage 2.1"),
    (r"hunyuan[\W_]*video[\W_]*1[\W_]*5", "HunyuanVideo 1.5 (still pictures)"),
    (r"hunyuan[\W_]*video|hv\d", "HunyuanVideo (still pictures)"),
    (r"anima", "Anima"),
)
"""How a name begins, in small letters -> the family's title: what trainers and sites call it."""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_TITLES = {_plain(name): family.title for family in reversed(FAMILIES) for name in (family.architecture, family.title)}
_VERSIONS = {family.base_version: family.title for family in reversed(FAMILIES)}
"""What files are said to be made for, and the base versions of sd-scripts; of several families with one name the first."""


def titled(name: Any) -> str:
    """Return the title of the family that a trainer or a site calls so ("sdxl_base_v1-0", "Flux.1 D"); '' for other names."""
    written = str(name).strip().removesuffix("/lora").removesuffix("/lycoris")
    found = _TITLES.get(_plain(written)) or _VERSIONS.get(written)
    if found:
        return found
    lower = written.lower()
    return next((title for begin, title in _BEGINNINGS if re.match(rf"(?:{begin})(?![a-z])", lower)), "")


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


_IN_A_TEXT = re.compile(
    r"(?<![A-Za-z0-9])(?:sd[ -]?xl|pony|illustrious|noob(?:ai)?|sd[ -]?1\.[45]|stable diffusion 1\.5|sd[ -]?2\.[01]|sd[ -]?3(?:\.5)?|"
    r"flux(?:[. ]?[12])?(?:[ .-]?schnell)?|chroma|lumina|z[ -]image|qwen[ -]image|hidream|wan ?2\.\d|anima)(?![A-Za-z0-9])",
    re.IGNORECASE,
)


def named_in(text: str) -> str:
    """Return what a text calls the only kind of model that it names, as it is written there; '' where it names none or several."""
    found = {titled(match[0]): match[0] for match in _IN_A_TEXT.finditer(text)}
    return next(iter(found.values())) if len(found) == 1 and "" not in found else ""
