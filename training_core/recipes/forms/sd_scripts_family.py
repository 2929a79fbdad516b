"""Which model an sd-scripts recipe is for: told by its script, its network module, an option that one model alone has, or a file's name."""

from __future__ import annotations

import re

from ..rules import Said
from ..values import is_on

SD15, SD2, SDXL, SD3, FLUX, SCHNELL, CHROMA = "SD1.5", "SD2", "SDXL", "SD3", "Flux.1 dev", "Flux.1 schnell", "Chroma"
LUMINA, ANIMA, HUNYUAN = "Lumina 2", "Anima", "HunyuanImage 2.1"
FLUX_LIKE = (FLUX, SCHNELL, CHROMA)
FLOW = (SD3, *FLUX_LIKE, LUMINA, ANIMA, HUNYUAN)
"""Families whose models predict a flow."""

_SCRIPTS = {
    "train_network": SD15,
    "train_db": SD15,
    "fine_tune": SD15,
    "sdxl_train_network": SDXL,
    "sdxl_train": SDXL,
    "sd3_train_network": SD3,
    "sd3_train": SD3,
    "flux_train_network": FLUX,
    "flux_train": FLUX,
    "lumina_train_network": LUMINA,
    "lumina_train": LUMINA,
    "anima_train_network": ANIMA,
    "anima_train": ANIMA,
    "hunyuan_image_train_network": HUNYUAN,
}
"""Script without its ending -> family."""
_TRAIN_TYPES = {
    "sd-lora": "train_network",
    "sdxl-lora": "sdxl_train_network",
    "sd-dreambooth": "train_db",
    "sdxl-finetune": "sdxl_train",
    "sd3-lora": "sd3_train_network",
    "flux-lora": "flux_train_network",
    "flux-finetune": "flux_train",
    "lumina-lora": "lumina_train_network",
    "lumina2-lora": "lumina_train_network",
}
"""model_train_type of LoRA-scripts (Akegarasu) -> the script that it runs."""
WHOLE_MODEL = ("train_db", "fine_tune", "sdxl_train", "sd3_train", "flux_train", "lumina_train", "anima_train")
"""Scripts that train the model itself, not a network beside it."""
_MODULES = {
    "networks.lora_flux": FLUX,
    "networks.oft_flux": FLUX,
    "networks.lora_sd3": SD3,
    "networks.lora_lumina": LUMINA,
    "networks.oft_lumina": LUMINA,
    "networks.lora_anima": ANIMA,
    "networks.lora_hunyuan_image": HUNYUAN,
}
_OPTIONS = (
    (("gemma2",), LUMINA),
    (("qwen3", "llm_adapter_path"), ANIMA),
    (("byt5", "fp8_vl"), HUNYUAN),
    (("clip_g", "training_shift", "enable_scaled_pos_embed", "pos_emb_random_crop_rate"), SD3),
    (("ae", "apply_t5_attn_mask", "t5xxl"), FLUX),
)
_NAMES = (
    (r"schnell", SCHNELL),
    (r"chroma", CHROMA),
    (r"flux", FLUX),
    (r"sd_?3|stable-diffusion-3", SD3),
    (r"lumina|neta", LUMINA),
    (r"anima(?![a-z])", ANIMA),
    (r"hunyuan", HUNYUAN),
    (r"xl(?![a-z])|illustrious|noob|pony|animagine|juggernaut", SDXL),
    (
        r"v1[-_.]?5|sd[-_]?1[-_.]?5|sd[-_]?v?1[-_.]4|stable-diffusion-v1|animefull|nai(?![a-z])|anything|anylora|chilloutmix|realistic_?vision",
        SD15,
    ),
    (r"v2[-_.][01]|stable-diffusion-2|768-v|512-base", SD2),
)
"""What a model's file is usually called, in lower case."""


def script_name(value: str) -> str:
    """Return the name of the script of sd-scripts that a path or a model_train_type means; of another script its own name."""
    name = re.split(r"[/\\]", value.strip())[-1].removesuffix(".py").lower()
    name = _TRAIN_TYPES.get(name, name)
    forks = sorted((each for each in _SCRIPTS if name.startswith(f"{each}_")), key=len)
    return name if name in _SCRIPTS or not forks else forks[-1]


def of_script(value: str, said: Said) -> str:
    """Return the family that a script trains, which options can make another one.

    Raises:
        ValueError: it is no script that trains a network or a model; says what it trains.
    """
    name = script_name(value)
    if "textual_inversion" in name or "control" in name:
        raise ValueError("This script trains an embedding or a ControlNet, which is not possible here.")
    if name not in _SCRIPTS:
        raise ValueError("This script of sd-scripts is not known here: its options are read all the same.")
    family = _SCRIPTS[name]
    if family == SD15 and is_on(said.get("v2")):
        return SD2
    if family == FLUX:
        return _flux(said)
    return family


def family(said: Said) -> str:
    """Return the title of the family that a recipe is for, "" where nothing tells it."""
    script = said.get("script") or said.get("model_train_type")
    if isinstance(script, str) and script_name(script) in _SCRIPTS:
        return of_script(script, said)
    if is_on(said.get("v2")):
        return SD2
    if is_on(said.get("sdxl")):
        return SDXL
    if (found := _MODULES.get(str(said.get("network_module")))) is not None:
        return _flux(said) if found == FLUX else found
    for names, found in _OPTIONS:
        if any(said.get(name) for name in names):
            return _flux(said) if found == FLUX else found
    if said.get("model_type") in ("flux", "chroma"):
        return _flux(said)
    return _named(str(said.get("pretrained_model_name_or_path") or ""))


def _flux(said: Said) -> str:
    if said.get("model_type") == "chroma":
        return CHROMA
    named = _named(str(said.get("pretrained_model_name_or_path") or ""))
    return named if named == SCHNELL else FLUX


def _named(path: str) -> str:
    """Return the family that a model's file or repository is usually called after, "" for other names."""
    name = "/".join(re.split(r"[/\\]", path)[-2:]).lower()
    return next((found for pattern, found in _NAMES if re.search(pattern, name)), "")
