"""Random LoRA files for the tiny checkpoints, in kohya's names."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

UNET = "model.diffusion_model."
TEXT = {
    "sd15": ("cond_stage_model.transformer.", "lora_te_"),
    "sd3": ("text_encoders.clip_l.transformer.", "lora_te1_"),
}


def write(path: Path, checkpoint: Path, family: str, seed: int, text_encoder: bool = False, epoch: int = 0) -> Path:
    """A LoRA of rank 2 on the attention layers; strong enough to be seen."""
    generator = torch.Generator().manual_seed(seed)
    parts = [(UNET, "lora_unet_")] + ([TEXT[family]] if text_encoder else [])
    state: dict[str, torch.Tensor] = {}
    with safe_open(checkpoint, "pt") as file:
        for key in file.keys():  # noqa: SIM118
            for start, prefix in parts:
                name = key.removeprefix(start).removesuffix(".weight")
                wanted = ("attn", "proj") if prefix == "lora_unet_" else ("layers.0.self_attn", "layers.1.self_attn")
                shape = file.get_slice(key).get_shape()
                if not key.startswith(start) or not key.endswith(".weight") or len(shape) != 2:
                    continue
                if not any(word in name for word in wanted):
                    continue
                layer = prefix + name.replace(".", "_")
                state[f"{layer}.lora_down.weight"] = torch.randn(2, shape[1], generator=generator) * shape[1] ** -0.5
                state[f"{layer}.lora_up.weight"] = torch.randn(shape[0], 2, generator=generator) * 0.7
                state[f"{layer}.alpha"] = torch.tensor(2.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"ss_epoch": str(epoch), "ss_steps": str(epoch * 10)} if epoch else None
    save_file({k: v.half().contiguous() for k, v in state.items()}, path, metadata)
    return path
