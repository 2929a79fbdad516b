"""The model of a recipe in words of sd-scripts: the script that trains it, and its files (pure)."""

from __future__ import annotations

from ..forms.sd_scripts_family import ANIMA, CHROMA, FLUX, FLUX_LIKE, HUNYUAN, LUMINA, SCHNELL, SD2, SD3, SD15, SDXL
from ..recipe import Recipe
from .words import Words

_PREFIXES = {
    SDXL: "sdxl_",
    SD3: "sd3_",
    FLUX: "flux_",
    SCHNELL: "flux_",
    CHROMA: "flux_",
    LUMINA: "lumina_",
    ANIMA: "anima_",
    HUNYUAN: "hunyuan_image_",
}
"""Family -> how the names of its scripts begin."""
_TRAINED = (SD15, SD2, *_PREFIXES)
_WHOLE_MODEL = {SD15: "fine_tune.py", SD2: "fine_tune.py"}
_NO_WHOLE_MODEL = (HUNYUAN,)
_ENCODERS = {LUMINA: "gemma2", ANIMA: "qwen3", HUNYUAN: "text_encoder"}
"""Family -> option that names its text encoder."""
_WITH_AE = (*FLUX_LIKE, LUMINA)
"""Families whose VAE is called ae."""


def trained_there(recipe: Recipe) -> str:
    """Return why sd-scripts has no script for a recipe, a sentence; '' if it has one."""
    family = recipe.model.family
    if not family:
        return "The graph does not tell which kind of model it trains: the script is that of SD1.5, so put yours in its place."
    if family not in _TRAINED:
        return f"sd-scripts has no script that trains {family}: the command shows the settings in its words, and does not run."
    if _whole_model(recipe) and family in _NO_WHOLE_MODEL:
        return f"sd-scripts does not train {family} as a whole: the command is that of a LoRA."
    return ""


def script(recipe: Recipe) -> str:
    """Return the script of sd-scripts that trains a recipe; that of SD1.5 for families that it does not train."""
    family = recipe.model.family
    prefix = _PREFIXES.get(family, "")
    if _whole_model(recipe) and family not in _NO_WHOLE_MODEL:
        return _WHOLE_MODEL.get(family, f"{prefix}train.py" if prefix else "fine_tune.py")
    return f"{prefix}train_network.py"


def _whole_model(recipe: Recipe) -> bool:
    return recipe.settings.get("network", {}).get("algo") == "finetune"


def model(words: Words, recipe: Recipe) -> None:
    """Say the files of the model, and how it is loaded."""
    family, files = recipe.model.family, dict(recipe.model.files)
    base = files.get("diffusion_model") or files.get("checkpoint", "")
    words.say("pretrained_model_name_or_path", base or "MODEL.safetensors")
    words.switch("v2", family == SD2)
    words.switch("v_parameterization", recipe.model.v_prediction)
    if family == CHROMA:
        words.say("model_type", "chroma")
    if files.get("vae"):
        words.say("ae" if family in _WITH_AE else "vae", files["vae"])
    for role in ("clip_l", "clip_g", "t5xxl"):
        if files.get(role) and (family == SD3 or (family in FLUX_LIKE and role != "clip_g")):
            words.say(role, files[role])
    if files.get("text_encoder") and family in _ENCODERS:
        words.say(_ENCODERS[family], files["text_encoder"])
    if recipe.model.clip_skip and family in (SD15, SD2, ""):
        words.say("clip_skip", recipe.model.clip_skip)
    words.switch("fp8_base", recipe.model.weight_dtype != "default")
