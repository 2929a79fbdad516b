"""Models of ComfyUI's that are not trained, and why: by the class that ComfyUI's detection gives (comfy.supported_models)."""

from __future__ import annotations

from collections.abc import Mapping

_VIDEO = "makes moving pictures"
_SOUND = "makes sound"
_SOLID = "makes 3D shapes"
_LARGER = "makes pictures larger"
_VIEWS = "turns a picture to other views"
_SEES = "finds things in pictures and makes none"
_LATER = "is not supported yet"

_BY_REASON = {
    _VIDEO: (
        "CogVideoX_I2V", "CogVideoX_Inpaint", "CogVideoX_T2V", "CosmosI2V", "CosmosI2VPredict2", "CosmosT2V", "GenmoMochi",
        "HunyuanVideo", "HunyuanVideo15", "HunyuanVideo15_SR_Distilled", "HunyuanVideoI2V", "HunyuanVideoSkyreelsI2V",
        "Kandinsky5", "LTXAV", "LTXV", "MiniMaxH3", "SVD_img2vid", "WAN21_CausalAR_T2V", "WAN21_Camera", "WAN21_FlowRVS",
        "WAN21_FunControl2V", "WAN21_HuMo", "WAN21_I2V", "WAN21_SCAIL", "WAN21_SCAIL2", "WAN21_Vace", "WAN22_Animate",
        "WAN22_Camera", "WAN22_S2V", "WAN22_T2V", "WAN22_WanDancer",
    ),
    _SOUND: ("ACEStep", "ACEStep15", "StableAudio", "StableAudio3"),
    _SOLID: ("Hunyuan3Dv2", "Hunyuan3Dv2_1", "Hunyuan3Dv2mini", "TripoSplat"),
    _LARGER: ("HunyuanImage21Refiner", "PiD", "SD_X4Upscaler", "SeedVR2"),
    _VIEWS: ("SV3D_p", "SV3D_u", "Stable_Zero123"),
    _SEES: ("DepthAnything3", "LotusD", "RT_DETR_v4", "SAM3", "SAM31"),
    _LATER: (
        "Boogu", "ChromaRadiance", "FluxInpaint", "HiDreamO1", "HunyuanDiT",
        "HunyuanDiT1", "JoyImage", "KOALA_1B", "KOALA_700M", "Kandinsky5Image",
        "MageFlow", "Omnigen2", "PixArtAlpha", "PixArtSigma", "PixelDiTT2I", "SD15_instructpix2pix",
        "SD21UnclipH", "SD21UnclipL", "SDXLRefiner", "SDXL_instructpix2pix", "SSD1B", "Segmind_Vega", "Stable_Cascade_B",
        "Stable_Cascade_C", "ZImagePixelSpace",
    ),
}  # fmt: skip

REFUSED: Mapping[str, str] = {name: reason for reason, names in _BY_REASON.items() for name in names}
"""Name of the class -> what such a model does, or that it is not supported, to be read behind "which"."""


def why(config: str) -> str:
    """Return why a model with this class in comfy.supported_models is not trained, to be read behind "which"."""
    return REFUSED.get(config, _LATER)
