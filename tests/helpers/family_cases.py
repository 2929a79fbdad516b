"""Every family's case, its model, and what a step of it needs."""

from __future__ import annotations

from typing import Any

import torch
from layout import Case
from tiny_layouts import CASES

__all__ = ["CASES", "Case", "gradient", "load", "objective_of", "positive", "samples", "settings"]


def load(name: str) -> Any:
    """The family's MODEL through the host's own loader, in inference mode as the executor does it."""
    import comfy.sd
    import tiny
    import tiny_layouts

    with torch.inference_mode():
        if name == "sd3":
            return comfy.sd.load_diffusion_model_state_dict(tiny.sd3_unet(), model_options={"dtype": torch.float32})
        return tiny_layouts.load(name)


def samples(case: Case) -> tuple[torch.Tensor, list[Any], list[Any]]:
    """Latents as the VAE gives them, encodings of different length, sizes."""
    from athanor.training_core.host.model import Geometry
    from athanor.training_core.host.text import Text

    torch.manual_seed(0)
    latents = torch.randn(2, case.channels, *[1] * case.frames, case.size, case.size)
    texts = [Text(torch.randn(1, n, case.width), {k: make(n) for k, make in case.extras.items()}) for n in case.tokens]
    return latents, texts, [Geometry((800, 600), (3, 0), (64, 64)), Geometry((64, 64), (0, 0), (64, 64))]


def settings(case: Case) -> Any:
    from athanor.training_core.settings import NetworkSettings

    has_convolutions = case.key.startswith(("lora_unet_mid_block", "lora_unet_middle_block", "lora_unet_output_blocks"))
    convolutions = {"preset": "full", "conv_rank": 2} if has_convolutions else {"preset": "attn-mlp"}
    return NetworkSettings(rank=2, alpha=2.0, **convolutions)


def objective_of(host_model: Any) -> Any:
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NoiseSettings

    return Objective(LossSettings(), NoiseSettings(), host_model.schedule)


def positive(text: Any, guidance: float = 1.0) -> list[Any]:
    """A CONDITIONING as the host's text node and its FluxGuidance give it."""
    return [[text.cond, dict(text.extras) | {"guidance": guidance}]]


def gradient(p: torch.nn.Parameter) -> torch.Tensor:
    """A copy; zero where nothing depends on the parameter (Qwen-Image's last block drops its text)."""
    return torch.zeros_like(p) if p.grad is None else p.grad.clone()
