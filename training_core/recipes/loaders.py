"""Which of the host's loaders a model needs: one checkpoint, or a diffusion model, its text encoders and a VAE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import quoted
from .recipe import Model
from .sheet import Link, Sheet

NAMES = {
    "checkpoint": "the checkpoint",
    "diffusion_model": "the diffusion model",
    "vae": "the VAE",
    "clip_l": "the text encoder CLIP-L",
    "clip_g": "the text encoder CLIP-G",
    "t5xxl": "the text encoder T5-XXL",
    "text_encoder": "the text encoder",
}
"""Role of a file -> what a question asks for."""


@dataclass(frozen=True, slots=True)
class Files:
    """A family whose parts are files of their own."""

    encoders: tuple[str, ...]
    """The text encoders, in the order in which the loader takes them: a role, or with a colon which one it is."""
    clip_type: str
    """`type` of Load CLIP or DualCLIPLoader; those of three and four files have none."""
    in_checkpoint: bool = False
    """Model and VAE are one checkpoint, and only the text encoder is a file of its own."""
    vae: str = ""
    """The VAE where it is no file: that of the host for models of pixels."""


_CLIP_T5, _QWEN_3 = ("clip_l", "t5xxl"), ("text_encoder:Qwen 3 4B",)
_QWEN_VL, _BYT5 = "text_encoder:Qwen 2.5 VL 7B", "text_encoder:ByT5 small"
_FLUX, _PIXELS = Files(_CLIP_T5, "flux"), "pixel_space"
FILES: Mapping[str, Files] = {
    "Flux.1 dev": _FLUX,
    "Flux.1 schnell": _FLUX,
    "Flux.1 Fill": _FLUX,
    "Flux.1 Canny / Depth": _FLUX,
    "Flux.2": Files(("text_encoder:Mistral for dev, Qwen 3 for Klein",), "flux2"),
    "Chroma": Files(("t5xxl",), "chroma"),
    "Chroma Radiance": Files(("t5xxl",), "chroma", vae=_PIXELS),
    "Lumina 2": Files(("text_encoder:Gemma 2 2B",), "lumina2"),
    "Z-Image": Files(_QWEN_3, "lumina2"),
    "Z-Image Omni": Files(_QWEN_3, "lumina2"),
    "Z-Image in pixel space": Files(_QWEN_3, "lumina2", vae=_PIXELS),
    "NewBie": Files(("text_encoder:Gemma 3 4B", "text_encoder:Jina CLIP 2"), "newbie"),
    "Qwen-Image": Files((_QWEN_VL,), "qwen_image"),
    "HiDream-I1": Files(("clip_l", "clip_g", "t5xxl", "text_encoder:Llama 3.1 8B"), ""),
    "Wan 2.1 text-to-video": Files(("text_encoder:UMT5-XXL",), "wan"),
    "Wan 2.2 5B (still pictures)": Files(("text_encoder:UMT5-XXL",), "wan"),
    "LongCat-Image": Files((_QWEN_VL,), "longcat_image"),
    "Ovis-Image": Files(("text_encoder:Ovis 2.5",), "ovis"),
    "HunyuanImage 2.1": Files((_QWEN_VL, _BYT5), "hunyuan_image"),
    "HunyuanVideo (still pictures)": Files(("clip_l", "text_encoder:Llava Llama 3"), "hunyuan_video"),
    "HunyuanVideo 1.5 (still pictures)": Files((_QWEN_VL, _BYT5), "hunyuan_video_15"),
    "Mochi (still pictures)": Files(("t5xxl",), "mochi"),
    "Kandinsky 5 Video (still pictures)": Files(("clip_l", _QWEN_VL), "kandinsky5"),
    "Kandinsky 5 Image": Files(("clip_l", _QWEN_VL), "kandinsky5_image"),
    "LTX-Video (still pictures)": Files(("t5xxl",), "ltxv", in_checkpoint=True),
    "LTX-2 (still pictures, no sound)": Files(("text_encoder:Gemma 3 12B",), "", in_checkpoint=True),
    "OmniGen2": Files(("text_encoder:Qwen 2.5 VL 3B",), "omnigen2"),
    "Boogu-Image": Files(("text_encoder:Qwen 3 VL 8B",), "boogu"),
    "Mage-Flow": Files(("text_encoder:Qwen 3 VL 4B",), "mage"),
    "JoyImage": Files(("text_encoder:Qwen 3 VL 8B",), "joyimage"),
    "Anima": Files(("text_encoder:Qwen 3 0.6B",), "stable_diffusion"),
    "Cosmos-Predict2": Files(("t5xxl:the first version, of Cosmos",), "cosmos"),
    "Krea 2": Files(("text_encoder:Qwen 3 VL 4B",), "krea2"),
    "Ideogram 4": Files(("text_encoder:Qwen 3 VL 8B",), "ideogram4"),
    "ERNIE-Image": Files(("text_encoder:Ministral 3 3B",), "stable_diffusion"),
    "Lens": Files(("text_encoder:GPT-OSS 20B",), "lens"),
    "PixArt alpha": Files(("t5xxl",), "pixart"),
    "PixArt Sigma": Files(("t5xxl",), "pixart"),
    "PixelDiT": Files(("text_encoder:Gemma 2 2B",), "pixeldit", vae=_PIXELS),
}
"""Title of a family -> its files. A family that is not here has one checkpoint. Which encoder goes with which type: the host's
loaders say so in their descriptions and in comfy/sd.py (load_text_encoder_state_dicts); Anima's and ERNIE-Image's are known by their
layers alone, whatever the type is."""

_LOADERS = {1: "CLIPLoader", 2: "DualCLIPLoader", 3: "TripleCLIPLoader", 4: "QuadrupleCLIPLoader"}
_TYPES = {"SD3": "sd3"}
"""Title of a family with one checkpoint -> type of a loader beside it, where a recipe has text encoders of its own."""
ENDINGS = (".safetensors", ".ckpt", ".sft", ".pt", ".pth", ".bin", ".gguf")
"""Of files of models."""
_MOST_LAYERS = 24  # CLIPSetLastLayer takes no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The model that is trained."""

    model: Link
    clip: Link
    vae: Link

    def inputs(self) -> dict[str, Link]:
        """Return them by the names that inputs of nodes have."""
        return {"model": self.model, "clip": self.clip, "vae": self.vae}


def load(sheet: Sheet, model: Model, *, zero_terminal_snr: bool) -> Ports:
    """Add the loaders of a recipe's model, and what it is loaded with; ask for each file."""
    files = FILES.get(model.family)
    told = {name: value for name, value in model.files.items() if value}
    if files is None and not model.family and "diffusion_model" in told and "checkpoint" not in told:
        files = Files(_told_encoders(told) or ("text_encoder",), _type_of(told, model.family))
    alone = files if files and not files.in_checkpoint else None
    ports = _separate(sheet, model, told, alone) if alone else _whole(sheet, model, told, files)
    return _patched(sheet, model, ports, zero_terminal_snr=zero_terminal_snr)


def _whole(sheet: Sheet, model: Model, told: Mapping[str, str], files: Files | None) -> Ports:
    """Load Checkpoint, and beside it what the recipe has as a file of its own, or keeps in another number format."""
    alone = model.weight_dtype != "default" or "diffusion_model" in told
    said = told.get("checkpoint", "")
    loaded = sheet.add("CheckpointLoaderSimple", "Load Checkpoint: text encoders, VAE" if alone else "", ckpt_name="")
    _ask(sheet, loaded, "ckpt_name", "checkpoint", said)
    unet = Link(loaded, 0)
    if alone:
        shown = "" if model.weight_dtype == "default" else f": {model.weight_dtype}"
        unet = _diffusion_model(
            sheet, model, told.get("diffusion_model") or said, f"Load Diffusion Model{shown}", "diffusion_model"
        )
    encoders = files.encoders if files else _told_encoders(told)
    clip = Link(loaded, 1)
    if files and not files.clip_type:  # LTX-2: a part of its encoder lies in the checkpoint
        node = sheet.add("LTXAVTextEncoderLoader", text_encoder="", ckpt_name="", device="default")
        role, encoder, which = _encoder(encoders[0], told)
        _ask(sheet, node, "text_encoder", role, encoder, which=which)
        _ask(sheet, node, "ckpt_name", "checkpoint", said)
        clip = Link(node, 0)
    elif encoders:
        clip = _encoders(sheet, encoders, files.clip_type if files else _type_of(told, model.family), told)
    vae = _vae(sheet, told["vae"]) if "vae" in told else Link(loaded, 2)
    return Ports(model=unet, clip=clip, vae=vae)


def _separate(sheet: Sheet, model: Model, told: Mapping[str, str], files: Files) -> Ports:
    """Load Diffusion Model, the loader of so many text encoders, and Load VAE."""
    # What sd-scripts names as the base of these families, --pretrained_model_name_or_path, is the diffusion model alone.
    unet = _diffusion_model(sheet, model, told.get("diffusion_model") or told.get("checkpoint", ""), "")
    clip = _encoders(sheet, files.encoders, files.clip_type, told)
    vae = Link(sheet.add("VAELoader", vae_name=files.vae), 0) if files.vae else _vae(sheet, told.get("vae", ""))
    return Ports(model=unet, clip=clip, vae=vae)


def _diffusion_model(sheet: Sheet, model: Model, said: str, title: str, beside: str = "") -> Link:
    node = sheet.add("UNETLoader", title, unet_name="", weight_dtype=model.weight_dtype)
    more = "; a checkpoint must lie, or be linked, in models/diffusion_models as well" if beside else ""
    _ask(sheet, node, "unet_name", "diffusion_model", said, more=more)
    return Link(node, 0)


def _encoders(sheet: Sheet, encoders: tuple[str, ...], clip_type: str, told: Mapping[str, str]) -> Link:
    names = ["clip_name"] if len(encoders) == 1 else [f"clip_name{number}" for number in range(1, len(encoders) + 1)]
    inputs: dict[str, Any] = dict.fromkeys(names, "")
    if len(encoders) < 3:
        inputs["type"] = clip_type
    node = sheet.add(_LOADERS[len(encoders)], **inputs)
    used: set[str] = set()
    for name, encoder in zip(names, encoders, strict=True):
        role, said, which = _encoder(encoder, told)
        _ask(sheet, node, name, role, "" if role in used else said, which=which)
        used.add(role)
    return Link(node, 0)


def _encoder(encoder: str, told: Mapping[str, str]) -> tuple[str, str, str]:
    """Return the role of an encoder, what the recipe says of it, and which one it is."""
    role, _, which = encoder.partition(":")
    return role, told.get(role, ""), which


def _vae(sheet: Sheet, said: str) -> Link:
    node = sheet.add("VAELoader", vae_name="")
    _ask(sheet, node, "vae_name", "vae", said)
    return Link(node, 0)


def _told_encoders(told: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(role for role in ("clip_l", "clip_g", "t5xxl", "text_encoder") if role in told)


def _type_of(told: Mapping[str, str], family: str) -> str:
    """Return the type of a loader for encoders that a recipe names, where the family has none."""
    encoders = _told_encoders(told)
    if family in _TYPES:
        return _TYPES[family]
    if len(encoders) == 2:
        return {_CLIP_T5: "flux", ("clip_l", "clip_g"): "sdxl"}.get((encoders[0], encoders[1]), "hunyuan_video")
    return "stable_diffusion"


def _patched(sheet: Sheet, model: Model, ports: Ports, *, zero_terminal_snr: bool) -> Ports:
    unet, clip = ports.model, ports.clip
    sheet.next_column()
    if model.clip_skip > 1:
        skip = min(model.clip_skip, _MOST_LAYERS)
        clip = Link(sheet.add("CLIPSetLastLayer", f"Clip skip {skip}", clip=clip, stop_at_clip_layer=-skip), 0)
    if model.v_prediction:
        sampling = {"sampling": "v_prediction", "zsnr": zero_terminal_snr}
        unet = Link(sheet.add("ModelSamplingDiscrete", "V prediction", model=unet, **sampling), 0)
    return Ports(model=unet, clip=clip, vae=ports.vae)


def last_part(said: str) -> str:
    """Return the last part of a path of any system: "cat" of "D:\\train\\cat\\"; a model's name on a hub stays whole."""
    path = said.strip()
    on_hub = path.count("/") == 1 and not path.startswith((".", "/", "~")) and not set(path) & {"\\", ":"}
    if on_hub and not path.lower().endswith(ENDINGS):
        return path
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _ask(sheet: Sheet, node: str, name: str, role: str, said: str, *, which: str = "", more: str = "") -> None:
    what = f"{NAMES[role]} ({which})" if which else NAMES[role]
    told = f": the recipe used {quoted(last_part(said))}" if said else ", which the recipe does not name"
    sheet.ask(node, name, role, said, f"Choose {what}{told}{more}.")
