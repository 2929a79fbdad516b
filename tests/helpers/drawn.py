"""MODELs of the released sizes with random weights drawn on the card, and batches for them; on a CPU a narrow SD1.5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from device import on_cpu


@dataclass(frozen=True)
class Kind:
    """A family as it is measured."""

    layout: str  # in tiny_layouts
    side: int  # of the latents
    channels: int  # of the latents
    tokens: int
    width: int  # of the texts
    pooled: int  # width of the pooled text, 0: none
    tflop: float  # arithmetic of a LoRA step for a picture: forward, and the gradients of the inputs alone
    whole: Mapping[str, int] = field(default_factory=dict)  # numbers of blocks, where the layout has fewer


FLUX = Kind("flux_dev", 128, 16, 512, 4096, 768, 172.0, {"depth": 19, "depth_single_blocks": 38})
KINDS = {
    "sd15": Kind("sd15", 64, 4, 77, 768, 0, 1.8),
    "sdxl": Kind("sdxl", 128, 4, 77, 2048, 1280, 14.7),
    "flux": FLUX,
    "flux-512": replace(FLUX, side=64, tflop=57.0),
}
NARROW = Kind("", 12, 4, 77, 768, 0, 1.0)
"""SD1.5's layout with one level of one block, for every name."""


def kind(name: str) -> Kind:
    return NARROW if on_cpu() else KINDS[name]


def load(name: str, dtype: torch.dtype | None = None, inference: bool = True) -> Any:
    """A MODEL, made in inference mode as the host's executor does it; bfloat16 on a card unless said otherwise."""
    import comfy.sd
    import tiny
    import tiny_layouts

    with torch.inference_mode(inference), torch.no_grad():
        if on_cpu():
            options = {"dtype": dtype or torch.float32}
            return comfy.sd.load_diffusion_model_state_dict(tiny.sd15_unet(), model_options=options)
        layout, dtype = tiny_layouts.LAYOUTS[KINDS[name].layout], dtype or torch.bfloat16
        generator, state = torch.Generator("cuda").manual_seed(0), {}
        for key, shape in layout.build("meta", **KINDS[name].whole).state_dict().items():
            spread = shape[0].numel() ** -0.5 if shape.ndim > 1 else 0.1
            state[key] = torch.randn(shape.shape, generator=generator, device="cuda", dtype=dtype) * spread
            if shape.ndim == 1 and key.endswith("weight"):
                state[key] += 1
        return comfy.sd.load_diffusion_model_state_dict(layout.named(state), model_options={"dtype": dtype})


def inputs(name: str, count: int) -> tuple[torch.Tensor, list[Any], list[Any]]:
    """Latents (count, C, h, w), texts and sizes of a batch, in main memory."""
    from athanor.training_core.host.batch import Geometry
    from athanor.training_core.host.text import Text

    this, generator = kind(name), torch.Generator().manual_seed(0)
    extras = {"pooled_output": torch.randn(1, this.pooled, generator=generator)} if this.pooled else {}
    texts = [Text(torch.randn(1, this.tokens, this.width, generator=generator), extras) for _ in range(count)]
    latents = torch.randn(count, this.channels, this.side, this.side, generator=generator)
    size = (this.side * 8, this.side * 8)
    return latents, texts, [Geometry(size, (0, 0), size)] * count
