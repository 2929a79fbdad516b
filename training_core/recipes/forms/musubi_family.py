"""Which model a musubi-tuner recipe is for: told by its script and its task, or by the module of its network (pure)."""

from __future__ import annotations

import re

from ..rules import Said
from ..values import text

HUNYUAN, HUNYUAN_15 = "HunyuanVideo (still pictures)", "HunyuanVideo 1.5 (still pictures)"
WAN, KONTEXT, FLUX_2, QWEN, Z_IMAGE = "Wan 2.1 text-to-video", "Flux.1 dev", "Flux.2", "Qwen-Image", "Z-Image"
KANDINSKY, KANDINSKY_VIDEO = "Kandinsky 5 Image", "Kandinsky 5 Video (still pictures)"
HIDREAM_O1, IDEOGRAM, KREA, MAGE, LTX_2 = (
    "HiDream-O1",
    "Ideogram 4",
    "Krea 2",
    "Mage-Flow",
    "LTX-2 (still pictures, no sound)",
)
FRAMEPACK = "FramePack"
"""No family here: it goes on from a given picture."""
_SCRIPTS = {
    "hv_train_network": HUNYUAN, "hv_train": HUNYUAN, "wan_train_network": WAN, "wan_train": WAN, "fpack_train_network": FRAMEPACK,
    "flux_kontext_train_network": KONTEXT, "flux_2_train_network": FLUX_2, "flux_2_train_network_self_flow": FLUX_2,
    "qwen_image_train_network": QWEN, "qwen_image_train": QWEN, "zimage_train_network": Z_IMAGE, "zimage_train": Z_IMAGE,
    "kandinsky5_train_network": KANDINSKY, "hv_1_5_train_network": HUNYUAN_15, "hidream_o1_train_network": HIDREAM_O1,
    "hidream_o1_train": HIDREAM_O1, "ideogram4_train_network": IDEOGRAM, "krea2_train_network": KREA,
    "mage_flow_train_network": MAGE, "ltx2_train_network": LTX_2,
}  # fmt: skip
"""Script without its ending -> family; wan_train, ltx2_train_network and mage_flow_train_network are those of forks."""
_MODULES = {
    "lora": HUNYUAN, "lora_wan": WAN, "lora_framepack": FRAMEPACK, "lora_flux": KONTEXT, "lora_flux_2": FLUX_2,
    "lora_qwen_image": QWEN, "lora_zimage": Z_IMAGE, "lora_kandinsky": KANDINSKY, "lora_hv_1_5": HUNYUAN_15,
    "lora_hidream_o1": HIDREAM_O1, "lora_ideogram4": IDEOGRAM, "lora_krea2": KREA, "lora_mage_flow": MAGE,
    "lora_ltx2": LTX_2,
}  # fmt: skip
"""Module of networks, without "networks." -> family."""
EXCLUDED = {
    HUNYUAN: "img_mod|txt_mod|modulation",
    KONTEXT: "img_mod|txt_mod|modulation",
    Z_IMAGE: "_modulation|_refiner",
    KANDINSKY: "modulation",
    KANDINSKY_VIDEO: "modulation",
    IDEOGRAM: "adaln_modulation",
}
"""Family -> layers of its blocks that musubi-tuner leaves out by itself, as they are called here (networks/lora*.py there)."""
_GOES_ON = "goes on from a given picture, which a still picture would only repeat"


def script_name(value: object) -> str:
    """Return the name of a script without its folders, of Unix or Windows, and without its ending."""
    return re.split(r"[/\\]", text(value).strip())[-1].removesuffix(".py").lower()


def module_name(value: object) -> str:
    """Return the name of a module of musubi-tuner's networks, without its package; other names as they are."""
    return text(value).strip().removeprefix("musubi_tuner.").removeprefix("networks.")


def is_script(value: object) -> bool:
    """Return whether a script's path is one of musubi-tuner's, which sd-scripts has none of."""
    return script_name(value) in _SCRIPTS


def trains_whole_model(said: Said) -> bool:
    """Return whether the recipe's script trains the model itself, not a network beside it."""
    return script_name(said.get("script")).endswith("_train")


def family(said: Said) -> str:
    """Return the title of the family that a recipe is for; "" where nothing tells it, FRAMEPACK for that."""
    name = script_name(said.get("script"))
    module = module_name(said.get("network_module"))
    found = _SCRIPTS.get(name) or _MODULES.get(module, "")
    if found == KANDINSKY and "v-" in text(said.get("task")):
        return KANDINSKY_VIDEO
    return found


def refused(said: Said) -> str:
    """Return what a model does that is not trained here, to be read behind "It"; "" for one that is."""
    kind, task = family(said), text(said.get("task")).lower()
    if kind == FRAMEPACK or (kind in (WAN, HUNYUAN_15, KANDINSKY_VIDEO) and re.search(r"\bi2v|flf2v|-i2v", task)):
        return _GOES_ON
    if kind == WAN and task.endswith("-fc"):
        return "follows another video, a mask or a camera"
    if kind == QWEN and "layered" in text(said.get("model_version")).lower():
        return "draws a picture as several layers at once"
    return ""
