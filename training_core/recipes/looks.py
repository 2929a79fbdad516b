"""What XYZ Compare draws of an imported training: the recipe's own sample prompts where it has some, and how its family draws."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..settings import CompareSettings, info
from .recipe import Recipe

_MOST_PROMPTS = 8
_MOST_EPOCHS = 6
_FILE = re.compile(r"[^\n]*\.(txt|toml|json)\s*", re.IGNORECASE)
_DEFAULTS = {each.name: each.default for each in info(CompareSettings)} | {
    "sampler_name": "euler",
    "scheduler": "normal",
    "columns": "strength",
}
"""What XYZ Compare has without being told."""


def _look(steps: int, cfg: float, sampler: str, scheduler: str) -> dict[str, Any]:
    return {"steps": steps, "cfg": cfg, "sampler_name": sampler, "scheduler": scheduler}


_UNET = _look(25, 6.0, "dpmpp_2m", "karras")
_FLOW = _look(25, 4.0, "euler", "simple")
_GUIDED = _look(20, 1.0, "euler", "simple")
_FEW = _look(8, 1.0, "euler", "simple")
LOOKS: Mapping[str, Mapping[str, Any]] = {
    "SD1.5": _look(24, 7.0, "dpmpp_2m", "karras"),
    **dict.fromkeys(("SDXL", "SD2", "SSD-1B", "Segmind Vega", "KOALA 700M", "KOALA 1B", "SDXL refiner"), _UNET),
    **dict.fromkeys(("SD2.1 unCLIP", "SD1.5 inpainting", "SD2 inpainting", "SDXL inpainting"), _UNET),
    **dict.fromkeys(("InstructPix2Pix", "SDXL InstructPix2Pix", "HunyuanDiT"), _UNET),
    "SD3": _look(25, 4.0, "euler", "sgm_uniform"),
    **dict.fromkeys(("Flux.1 dev", "Flux.1 Fill", "Flux.1 Canny / Depth", "Flux.2"), _GUIDED),
    "Flux.1 schnell": _look(4, 1.0, "euler", "simple"),
    "Chroma": _look(25, 4.0, "euler", "beta"),
    "Chroma Radiance": _look(25, 4.0, "euler", "beta"),
    "Qwen-Image": _look(25, 3.0, "euler", "simple"),
    "Z-Image": _look(25, 4.0, "res_multistep", "simple"),
    "Wan 2.1 text-to-video": _look(20, 3.5, "euler", "simple"),
    "": {},
}
"""Family -> steps, cfg and sampler of a picture: for the first eight as the "First LoRA" workflows have them; of a family that is not
here as `_FLOW`."""
_SMALL = (
    "SD1.5",
    "SD2",
    "SD2.1 unCLIP",
    "SD1.5 inpainting",
    "SD2 inpainting",
    "InstructPix2Pix",
    "KOALA 700M",
    "KOALA 1B",
)


def compared(recipe: Recipe) -> dict[str, Any]:
    """Return the widgets of XYZ Compare that are not at their defaults: which epochs, which prompts, and how they are drawn."""
    sampling = recipe.settings.get("sampling", {})
    lines = _prompt_lines(str(sampling.get("sample_prompts", "")))
    options = _options(lines[0]) if lines else {}
    told = {name: sampling[name] for name in ("width", "height", "steps", "cfg", "sampler_name", "scheduler", "negative")
            if name in sampling}  # fmt: skip
    looks = {**_size(recipe), **_family_looks(recipe), **told, **options}
    if lines:
        looks["prompts"] = "\n".join(dict.fromkeys(line.split(" --")[0].strip() for line in lines))
    if len(lines) != 1:  # several prompts, or the captions of the pictures
        looks |= {"columns": "prompt", "strengths": "1"}
    looks["checkpoints"] = _checkpoints(recipe)
    looks["seeds"] = str(looks.pop("seed", sampling.get("sample_seed", _DEFAULTS["seeds"])))
    return {name: value for name, value in looks.items() if value != _DEFAULTS[name]}


def _prompt_lines(text: str) -> list[str]:
    """Return the first prompts of a Sample Config; none where it names a file or has none."""
    if _FILE.fullmatch(text):
        return []
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line.split(" --")[0].strip() and not line.startswith(("#", "--"))][:_MOST_PROMPTS]


def _options(line: str) -> dict[str, Any]:
    """Return what a prompt says of its picture, as sd-scripts writes it: '--w 768 --h 512 --n bad --l 7.5 --s 28 --d 1'."""
    found: dict[str, Any] = {}
    names = {"w": "width", "h": "height", "s": "steps", "l": "cfg", "d": "seed"}
    for option in line.split(" --")[1:]:
        letter, _, value = option.strip().partition(" ")
        if letter.lower() == "n":
            found["negative"] = value.strip()
        elif letter.lower() in names and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip()):
            found[names[letter.lower()]] = float(value)
    for name in ("width", "height"):
        if name in found:
            found[name] = min(8192, max(64, int(found[name]) // 8 * 8))
    if "cfg" in found:
        found["cfg"] = min(100.0, found["cfg"])
    whole = {name: int(found[name]) for name in ("steps", "seed") if name in found}
    return found | {name: max(1, value) if name == "steps" else value for name, value in whole.items()}


def _size(recipe: Recipe) -> dict[str, int]:
    """Return the size that is trained, brought down to what the family draws well."""
    buckets = recipe.settings.get("buckets", {})
    width, height = (int(buckets.get(name, 512)) for name in ("width", "height"))
    most = 768 if recipe.model.family in _SMALL else 1024
    scale = min(1.0, most / max(width, height))
    if scale == 1:
        return {"width": width, "height": height}
    return {"width": max(64, int(width * scale) // 64 * 64), "height": max(64, int(height * scale) // 64 * 64)}


def _family_looks(recipe: Recipe) -> Mapping[str, Any]:
    family = recipe.model.family
    names = " ".join(recipe.model.files.get(role, "") for role in ("checkpoint", "diffusion_model")).lower()
    if any(word in names for word in ("turbo", "lightning", "schnell", "distill")) and "base" not in names:
        return _FEW
    if family == "Flux.2" and "klein" in names:
        return _look(20, 5.0, "euler", "simple") if "base" in names else _look(4, 1.0, "euler", "simple")
    if recipe.model.v_prediction:
        return _look(25, 5.0, "euler", "simple")
    return LOOKS.get(family, _FLOW)


def _checkpoints(recipe: Recipe) -> str:
    """Return which of the saved epochs are drawn: all, or six spread over them where there are more or their number is not known."""
    training = recipe.settings.get("training", {})
    epochs, every = int(training.get("epochs", 10)), int(training.get("save_every_n_epochs", 1))
    known = not training.get("max_train_steps") and not training.get("save_every_n_steps")
    few = known and (every == 0 or epochs / every <= _MOST_EPOCHS)
    return "all" if few else f"{_MOST_EPOCHS} even"
