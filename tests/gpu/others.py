"""Others' trainers on the same data, layers and card: ComfyUI's Train LoRA, diffusers + peft."""

from __future__ import annotations

from functools import partial
from typing import Any

import drawn
import timing
import torch
from device import on_cpu
from report import gib, row, tried, value
from whole_step import RANK, RATE


def comfyui(model: str, count: int, steps: int = 5) -> None:
    """Its node as it compares best (no checkpointing), in its bypass mode, and as it comes."""
    import native

    ways = {
        "": ("ComfyUI's Train LoRA", {}),
        "-bypass": ("its bypass_mode", {"bypass_mode": True}),
        "-checkpointing": ("as it comes (checkpointing)", {"gradient_checkpointing": True}),
    }

    def one(suffix: str, label: str, options: dict[str, Any]) -> None:
        seconds, kept = native.native(model, count, steps, **options)
        value(f"comfyui{suffix}.seconds", seconds)
        value(f"comfyui{suffix}.peak", kept / 2**30)
        what = "kept for backward" if on_cpu() else "peak"
        row(
            label,
            f"{model} batch {count}",
            f"{seconds:.4f} s",
            f"{count / seconds:.2f} img/s",
            f"{what} {kept / 2**30:.2f} GiB",
        )

    for suffix, (label, options) in ways.items():
        tried(label, partial(one, suffix, label, options))


SDXL = {
    "sample_size": 128, "in_channels": 4, "out_channels": 4, "cross_attention_dim": 2048,
    "block_out_channels": (320, 640, 1280), "layers_per_block": 2,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10), "attention_head_dim": (5, 10, 20), "use_linear_projection": True,
    "addition_embed_type": "text_time", "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816,
}  # fmt: skip
SMALL = {"block_out_channels": (32, 64, 64), "cross_attention_dim": 64, "attention_head_dim": (2, 4, 4)}
SMALL |= {
    "transformer_layers_per_block": 1,
    "projection_class_embeddings_input_dim": 6 * 256 + 64,
    "norm_num_groups": 8,
}
LAYERS = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]
"""Those of the preset attn-mlp: every Linear of the transformers, 722 in SDXL."""


def diffusers(model: str, count: int, steps: int = 8) -> None:
    """A step as its training scripts make it: frozen weights in bf16, the network in float32 under autocast, fused AdamW."""
    from diffusers import DDPMScheduler, UNet2DConditionModel
    from peft import LoraConfig

    where, dtype = ("cpu", torch.float32) if on_cpu() else ("cuda", torch.bfloat16)
    shape = SDXL | (SMALL if on_cpu() else {})
    torch.manual_seed(0)
    with torch.device(where):
        unet = UNet2DConditionModel(**shape).to(dtype).requires_grad_(False)
    unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, init_lora_weights="gaussian", target_modules=LAYERS))
    weights = [p for p in unet.parameters() if p.requires_grad]
    for weight in weights:
        weight.data = weight.data.float()
    optimizer, noises = torch.optim.AdamW(weights, lr=RATE, fused=True), DDPMScheduler()
    side, width = (16 if on_cpu() else drawn.kind(model).side), shape["cross_attention_dim"]
    pooled = shape["projection_class_embeddings_input_dim"] - 6 * shape["addition_time_embed_dim"]
    latents = torch.randn(count, 4, side, side, device=where)
    texts = torch.randn(count, 77, width, device=where, dtype=dtype)
    more = {
        "text_embeds": torch.randn(count, pooled, device=where, dtype=dtype),
        "time_ids": torch.tensor([[side * 8, side * 8, 0, 0, side * 8, side * 8]] * count, device=where, dtype=dtype),
    }

    def step(_: int = 0) -> torch.Tensor:
        noise = torch.randn_like(latents)
        times = torch.randint(0, 1000, (count,), device=where)
        with torch.autocast(where, dtype, enabled=not on_cpu()):
            noisy = noises.add_noise(latents, noise, times).to(dtype)
            seen = unet(noisy, times, texts, added_cond_kwargs=more, return_dict=False)[0]
        loss = torch.nn.functional.mse_loss(seen.float(), noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    for _ in range(3):
        step()
    timing.fresh()
    loss = step().item()
    seconds = timing.running(step, steps)
    value("diffusers.seconds", seconds)
    value("diffusers.peak", timing.peak())
    label = f"diffusers + peft, {model} batch {count}{', made small' * on_cpu()}"
    speed = f"{count / seconds:.2f} img/s"
    row(label, f"{len(weights) // 2} layers", f"{seconds:.4f} s", speed, "peak", gib(timing.peak()), f"loss {loss:.4f}")
