"""Diffusion models of the released sizes, on torch's meta device: every shape, no memory.

The host builds them itself from what it detects in their keys.
"""

from __future__ import annotations

from typing import Any

import tiny_layouts

SD3_MEDIUM = {
    "input_size": None,
    "in_channels": 16,
    "depth": 24,
    "adm_in_channels": 2048,
    "num_patches": 192 * 192,
    "pos_embed_max_size": 192,
    "context_embedder_config": {"target": "torch.nn.Linear", "params": {"in_features": 4096, "out_features": 1536}},
}
MMDIT = "comfy.ldm.modules.diffusionmodules.mmdit:OpenAISignatureMMDITWrapper"
LAYOUTS = {name: tiny_layouts.LAYOUTS[name] for name in ("sd15", "sdxl", "flux_dev")}
LAYOUTS["sd3"] = tiny_layouts.Layout(MMDIT, SD3_MEDIUM)
WHOLE = {"flux_dev": {"depth": 19, "depth_single_blocks": 38}}
CLASSES = {"sd15": "SD15", "sdxl": "SDXL", "sd3": "SD3", "flux_dev": "Flux"}


def load(name: str) -> Any:
    """A MODEL without memory."""
    import comfy.model_detection
    import comfy.model_patcher
    import torch

    layout = LAYOUTS[name]
    state = layout.named(layout.build("meta", **WHOLE.get(name, {})).state_dict())
    config = comfy.model_detection.model_config_from_unet(state, "")
    assert type(config).__name__ == CLASSES[name]
    base = config.get_model(state, "", device="meta")
    built = base.diffusion_model.state_dict()
    assert {k: v.shape for k, v in layout.named(built).items()} == {k: v.shape for k, v in state.items()}
    return comfy.model_patcher.ModelPatcher(base, torch.device("cpu"), torch.device("cpu"))
