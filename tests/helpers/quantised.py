"""Models whose weights are stored in 8 bits, by the host's own loaders."""

from __future__ import annotations

import json
from typing import Any

import torch


def fp8(name: str) -> Any:
    """A family's MODEL with weight_dtype fp8_e4m3fn, as Load Diffusion Model makes it."""
    import comfy.sd
    import tiny
    import tiny_layouts

    with torch.inference_mode():
        if name == "sd3":
            return comfy.sd.load_diffusion_model_state_dict(
                tiny.sd3_unet(), model_options={"dtype": torch.float8_e4m3fn}
            )
        return tiny_layouts.load(name, dtype=torch.float8_e4m3fn)


def scaled_fp8(state: dict[str, torch.Tensor], inside: str) -> dict[str, torch.Tensor]:
    """A state dict in the host's comfy_quant format: the 2-D weights of layers named `inside` as scaled fp8."""
    result = dict(state)
    for key, value in state.items():
        if inside in key and key.endswith(".weight") and value.ndim == 2:
            scale = value.abs().max().float() / 448
            layer = key.removesuffix("weight")
            result[key] = (value.float() / scale).to(torch.float8_e4m3fn)
            result[layer + "weight_scale"] = scale
            plain = json.dumps({"format": "float8_e4m3fn"}).encode()
            result[layer + "comfy_quant"] = torch.tensor(list(plain), dtype=torch.uint8)
    return result
