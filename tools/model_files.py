"""Where the files of the templates' loaders are found: the page offers to download those that are missing.

Names, folders and addresses as in ComfyUI's own templates.
"""

from __future__ import annotations

from typing import Any

_HUB = "https://huggingface.co"
_FLUX_TEXT = f"{_HUB}/comfyanonymous/flux_text_encoders/resolve/main"
_FLUX2 = f"{_HUB}/Comfy-Org/flux2-dev/resolve/main/split_files"
_KLEIN = f"{_HUB}/Comfy-Org/flux2-klein/resolve/main/split_files"
_QWEN = f"{_HUB}/Comfy-Org/Qwen-Image_ComfyUI/resolve/main/split_files"
_LUMINA = f"{_HUB}/Comfy-Org/Lumina_Image_2.0_Repackaged/resolve/main/split_files"
_Z = f"{_HUB}/Comfy-Org/z_image/resolve/main/split_files"
_Z_TURBO = f"{_HUB}/Comfy-Org/z_image_turbo/resolve/main/split_files"
_SDXL = f"{_HUB}/stabilityai/stable-diffusion-xl-base-1.0/resolve/main"
_QWEN_VL = f"{_HUB}/Comfy-Org/Qwen3-VL/resolve/main"
_WAN21 = f"{_HUB}/Comfy-Org/Wan_2.1_ComfyUI_repackaged/resolve/main/split_files"
_WAN22 = f"{_HUB}/Comfy-Org/Wan_2.2_ComfyUI_Repackaged/resolve/main/split_files"
_CHROMA = f"{_HUB}/Comfy-Org/Chroma1-HD_repackaged/resolve/main/split_files"

MODEL_FILES = {
    "sd_xl_base_1.0.safetensors": ("checkpoints", f"{_SDXL}/sd_xl_base_1.0.safetensors"),
    "flux1-dev.safetensors": (
        "diffusion_models",
        f"{_HUB}/Comfy-Org/flux1-dev/resolve/main/flux1-dev.safetensors",
    ),
    "flux-2-klein-base-4b.safetensors": (
        "diffusion_models",
        f"{_KLEIN}/diffusion_models/flux-2-klein-base-4b.safetensors",
    ),
    "Chroma1-HD-fp8mixed.safetensors": (
        "diffusion_models",
        f"{_CHROMA}/diffusion_models/Chroma1-HD-fp8mixed.safetensors",
    ),
    "qwen_image_fp8_e4m3fn.safetensors": (
        "diffusion_models",
        f"{_QWEN}/diffusion_models/qwen_image_fp8_e4m3fn.safetensors",
    ),
    "z_image_bf16.safetensors": ("diffusion_models", f"{_Z}/diffusion_models/z_image_bf16.safetensors"),
    "wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors": (
        "diffusion_models",
        f"{_WAN22}/diffusion_models/wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors",
    ),
    "wan2.2_t2v_low_noise_14B_fp8_scaled.safetensors": (
        "diffusion_models",
        f"{_WAN22}/diffusion_models/wan2.2_t2v_low_noise_14B_fp8_scaled.safetensors",
    ),
    "umt5_xxl_fp8_e4m3fn_scaled.safetensors": (
        "text_encoders",
        f"{_WAN21}/text_encoders/umt5_xxl_fp8_e4m3fn_scaled.safetensors",
    ),
    "wan_2.1_vae.safetensors": ("vae", f"{_WAN22}/vae/wan_2.1_vae.safetensors"),
    "clip_l.safetensors": ("text_encoders", f"{_FLUX_TEXT}/clip_l.safetensors"),
    "t5xxl_fp16.safetensors": ("text_encoders", f"{_FLUX_TEXT}/t5xxl_fp16.safetensors"),
    "t5xxl_fp8_e4m3fn_scaled.safetensors": ("text_encoders", f"{_FLUX_TEXT}/t5xxl_fp8_e4m3fn_scaled.safetensors"),
    "qwen_3_4b.safetensors": ("text_encoders", f"{_Z_TURBO}/text_encoders/qwen_3_4b.safetensors"),
    "qwen_2.5_vl_7b_fp8_scaled.safetensors": (
        "text_encoders",
        f"{_QWEN}/text_encoders/qwen_2.5_vl_7b_fp8_scaled.safetensors",
    ),
    "qwen3vl_4b_fp8_scaled.safetensors": (
        "text_encoders",
        f"{_QWEN_VL}/text_encoders/qwen3vl_4b_fp8_scaled.safetensors",
    ),
    "ae.safetensors": ("vae", f"{_LUMINA}/vae/ae.safetensors"),
    "flux2-vae.safetensors": ("vae", f"{_FLUX2}/vae/flux2-vae.safetensors"),
    "qwen_image_vae.safetensors": ("vae", f"{_QWEN}/vae/qwen_image_vae.safetensors"),
}
"""File name -> folder below models, address."""


_LOADERS = {
    "CheckpointLoaderSimple": "checkpoints", "UNETLoader": "diffusion_models", "CLIPLoader": "text_encoders",
    "DualCLIPLoader": "text_encoders", "TripleCLIPLoader": "text_encoders", "VAELoader": "vae",
}  # fmt: skip


def models(kind: str, values: list[Any]) -> list[dict[str, str]]:
    """What the page is told about the files that a loader's node names: `properties.models`."""
    found = ((value, *MODEL_FILES[value]) for value in values if isinstance(value, str) and value in MODEL_FILES)
    return [{"name": n, "url": url, "directory": d} for n, d, url in found if d == _LOADERS.get(kind)]
