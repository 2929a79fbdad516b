"""OneTrainer's kinds of models: which family each is, of which parts it is made, and what of it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..rules import Said
from ..values import number, switch
from .nested import plain

ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3", "text_encoder_4")
DENOISERS = ("unet", "transformer", "prior")
OTHERS = ("unconditional_transformer", "vae", "effnet_encoder", "decoder", "decoder_text_encoder", "decoder_vqgan")
PARTS = (*DENOISERS, *ENCODERS, *OTHERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of model."""

    family: str
    """Title of the family here; empty: it is not trained here."""
    part: str = "transformer"
    """What OneTrainer calls the diffusion model."""
    encoders: tuple[str, ...] = ("",)
    """Its text encoders in OneTrainer's order: clip_l, clip_g, t5xxl; "" is another one, which gets no network here."""
    convolutions: bool = False
    """It is a U-Net."""
    flow: bool = True
    guided: bool = False
    """It is told the guidance as a number, and is sampled with cfg 1."""
    parts: tuple[str, ...] = ("vae",)

    @property
    def has(self) -> tuple[str, ...]:
        """Names of its parts."""
        return (self.part, *ENCODERS[: len(self.encoders)], *self.parts)


def _unet(family: str, *encoders: str) -> Kind:
    return Kind(family=family, part="unet", encoders=encoders, convolutions=True, flow=False)


_SD2 = _unet("SD2", "clip_g")
_SD3 = Kind(family="SD3", encoders=("clip_l", "clip_g", "t5xxl"))
_T5 = ("t5xxl",)
_CASCADE = ("effnet_encoder", "decoder", "decoder_text_encoder", "decoder_vqgan")
KINDS: dict[str, Kind] = {
    "STABLE_DIFFUSION_15": _unet("SD1.5", "clip_l"),
    "STABLE_DIFFUSION_15_INPAINTING": _unet("SD1.5 inpainting", "clip_l"),
    "STABLE_DIFFUSION_20": _SD2,
    "STABLE_DIFFUSION_20_BASE": _SD2,
    "STABLE_DIFFUSION_20_INPAINTING": _unet("SD2 inpainting", "clip_g"),
    "STABLE_DIFFUSION_20_DEPTH": _unet("", "clip_g"),
    "STABLE_DIFFUSION_21": _SD2,
    "STABLE_DIFFUSION_21_BASE": _SD2,
    "STABLE_DIFFUSION_3": _SD3,
    "STABLE_DIFFUSION_35": _SD3,
    "STABLE_DIFFUSION_XL_10_BASE": _unet("SDXL", "clip_l", "clip_g"),
    "STABLE_DIFFUSION_XL_10_BASE_INPAINTING": _unet("SDXL inpainting", "clip_l", "clip_g"),
    "WUERSTCHEN_2": Kind(family="", part="prior", flow=False, parts=_CASCADE),
    "STABLE_CASCADE_1": Kind(
        family="Stable Cascade (stage C)", part="prior", encoders=("clip_g",), flow=False, parts=_CASCADE
    ),
    "PIXART_ALPHA": Kind(family="PixArt alpha", encoders=_T5, flow=False),
    "PIXART_SIGMA": Kind(family="PixArt Sigma", encoders=_T5, flow=False),
    "FLUX_DEV_1": Kind(family="Flux.1 dev", encoders=("clip_l", "t5xxl"), guided=True),
    "FLUX_FILL_DEV_1": Kind(family="Flux.1 Fill", encoders=("clip_l", "t5xxl"), guided=True),
    "FLUX_2": Kind(family="Flux.2"),
    "SANA": Kind(family=""),
    "HUNYUAN_VIDEO": Kind(family="HunyuanVideo (still pictures)", encoders=("", ""), guided=True),
    "HI_DREAM_FULL": Kind(family="HiDream-I1", encoders=("clip_l", "clip_g", "t5xxl", "")),
    "CHROMA_1": Kind(family="Chroma", encoders=_T5),
    "QWEN": Kind(family="Qwen-Image"),
    "ANIMA": Kind(family="Anima"),
    "KREA_2": Kind(family="Krea 2"),
    "Z_IMAGE": Kind(family="Z-Image"),
    "ERNIE": Kind(family="ERNIE-Image"),
    "IDEOGRAM_4": Kind(family="Ideogram 4", parts=("unconditional_transformer", "vae")),
}
"""`model_type` -> what it is (modules/util/enum/ModelType.py)."""
_ANY = Kind(family="", encoders=("", "", "", ""), parts=(*DENOISERS, *OTHERS))
METHODS = ("LORA", "FINE_TUNE", "EMBEDDING", "FINE_TUNE_VAE")


def kind(said: Said) -> Kind:
    """Return the kind of model of a recipe; one with all parts if it does not say a known one."""
    return KINDS.get(str(said.get("model_type")), _ANY)


def finetunes(said: Said) -> bool:
    """Return whether the model's own weights are trained, not a network; where nothing is said that is so."""
    return said.get("training_method", "FINE_TUNE") == "FINE_TUNE"


def trains(name: str, said: Said) -> bool:
    """Return whether a part is trained; where nothing is said, it is."""
    return switch(said.get(f"{name}.train", True))


def encoders_trained(said: Said) -> list[bool]:
    """Return for each text encoder of the model whether a network is trained on it."""
    model = kind(said)
    names = zip(ENCODERS, model.encoders, strict=False)
    return [bool(role) and not finetunes(said) and trains(name, said) for name, role in names]


def rate(value: Any, said: Said) -> float:
    """Return a learning rate with OneTrainer's scaling of it, times the square root of a number of pictures or batches."""
    found = number(value)
    batch, steps = (number(said.get(name) or 1) for name in ("batch_size", "gradient_accumulation_steps"))
    scaler = str(said.get("learning_rate_scaler", "NONE")).removeprefix("GLOBAL_")
    times = {"BATCH": batch, "GRADIENT_ACCUMULATION": steps, "BOTH": batch * steps}.get(scaler, 1.0)
    return float(plain(found * times**0.5)) if times > 1 else found
