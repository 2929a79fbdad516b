"""Make the demo base's weights: a TAESD-format 16-channel VAE and a two-block SD3-layout model.

Not part of the pack and not needed to run the demo: its results lie in `demo/weights/`. It is kept so that
they can be made again:

    python dev.py demo-base            (about 80 minutes on 2 CPU cores)

Both use the host's own modules, so the layouts are the host's. Order: VAE (reconstruction on drawn
pictures and on the photographs the host's template packages ship), then the latents of the drawn world,
then rectified flow on those.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent
WEIGHTS = HERE / "weights"
SCALE, SHIFT = 1.5305, 0.0609  # of SD3's latent format


def to_tensor(images: list[Image.Image]) -> torch.Tensor:
    """RGB images of one size -> (B, 3, H, W) float32 in 0..1."""
    return torch.from_numpy(np.stack([np.asarray(i) for i in images])).permute(0, 3, 1, 2).float() / 255


def photographs() -> list[Image.Image]:
    """The pictures that the host's template packages ship, shortest side 160 pixels."""
    import comfyui_workflow_templates_core

    site = Path(comfyui_workflow_templates_core.__file__).parent.parent
    found = sorted(site.glob("comfyui_workflow_templates_media_*/templates/*.webp"))
    images = []
    for path in found:
        image = Image.open(path)
        if getattr(image, "n_frames", 1) > 1:
            continue
        image = image.convert("RGB")
        scale = 160 / min(image.size)
        images.append(
            image.resize(
                (max(160, round(image.width * scale)), max(160, round(image.height * scale))), Image.Resampling.LANCZOS
            )
        )
    return images


def train_vae(steps: int, batch: int = 16, crop: int = 64) -> None:
    """Train encoder and decoder together; latents are held near unit variance as SD3's format expects."""
    import comfy.taesd.taesd
    import pictures

    torch.manual_seed(0)
    model = comfy.taesd.taesd.TAESD(latent_channels=16)
    for name, p in model.named_parameters():
        if p.ndim == 4:
            torch.nn.init.kaiming_normal_(p, nonlinearity="relu")
            if ".conv.4." in name:  # the last convolution of each residual block starts small
                p.data.mul_(0.1)
        elif p.ndim == 1:
            torch.nn.init.zeros_(p)
    model.vae_scale.data.fill_(SCALE)
    model.vae_shift.data.fill_(SHIFT)
    model.vae_scale.requires_grad_(False)
    model.vae_shift.requires_grad_(False)
    model = model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (torch's stub lacks this form)
    photos = photographs()
    scenes = pictures.world()
    shapes = (*pictures.SHAPES, "sprout")
    rng = random.Random(0)
    opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3, weight_decay=1e-4)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=1.5e-3, total_steps=steps, pct_start=0.05)
    start = time.time()
    for step in range(steps):
        images = []
        for i in range(batch):
            if i % 2:
                scene = rng.choice(scenes)._replace(shape=rng.choice(shapes))
                image = pictures.draw(scene, rng)
            else:
                image = rng.choice(photos)
            x, y = rng.randint(0, image.width - crop), rng.randint(0, image.height - crop)
            images.append(image.crop((x, y, x + crop, y + crop)))
        x = to_tensor(images).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            z = model.taesd_encoder(x)
            out = model.taesd_decoder(z + 0.03 * torch.randn_like(z))
        z, out = z.float(), out.float()
        diff = out - x
        edges = (diff[..., 1:] - diff[..., :-1]).abs().mean() + (diff[..., 1:, :] - diff[..., :-1, :]).abs().mean()
        moments = z.mean((0, 2, 3)).square().mean() + (z.std((0, 2, 3)) - 1).square().mean()
        loss = diff.abs().mean() + 4 * diff.square().mean() + edges + 0.1 * moments
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        if step % 50 == 0 or step == steps - 1:
            print(
                f"vae {step}/{steps} loss {loss.item():.4f} l1 {diff.abs().mean().item():.4f} std {z.std().item():.2f} "
                f"{time.time() - start:.0f} s",
                flush=True,
            )
        if step % 500 == 499 or step == steps - 1:
            save_file({k: v.half().contiguous() for k, v in model.state_dict().items()}, WEIGHTS / "vae.safetensors")


def train_model(steps: int, batch: int = 24) -> None:
    """Rectified flow on the drawn world, sigma = shift 3 of a uniform draw, captions dropped for 10 %."""
    import assemble
    import comfy.sd
    import pictures

    torch.manual_seed(0)
    scratch = HERE.parent / ".athanor"
    untrained, cache = scratch / "demo-base-untrained.safetensors", scratch / "demo-base-encoded.safetensors"
    untrained.unlink(missing_ok=True)  # of another VAE
    checkpoint = assemble.assemble(untrained, initial_model())
    loaded = comfy.sd.load_checkpoint_guess_config(str(checkpoint))
    patcher, clip, vae = cast("tuple[Any, Any, Any]", loaded[:3])  # ours has all three
    scenes = pictures.world()
    rng = random.Random(1)
    if not cache.exists() or cache.stat().st_mtime < (WEIGHTS / "vae.safetensors").stat().st_mtime:
        start = time.time()
        with torch.no_grad():
            texts = {}
            for caption in [""] + [s.caption for s in scenes]:
                cond, pooled = clip.encode_from_tokens(clip.tokenize(caption), return_pooled=True)
                texts[caption] = (cond[0, :, :768].half(), pooled[0].half())
            print(f"texts {time.time() - start:.0f} s", flush=True)
            latents, labels = [], []
            for repeat in range(8):
                for begin in range(0, len(scenes), 35):
                    part = scenes[begin : begin + 35]
                    x = to_tensor([pictures.draw(s, rng) for s in part])
                    latents.append(((vae.encode(x.movedim(1, -1)) - SHIFT) * SCALE).half())
                    labels += range(begin + 1, begin + 1 + len(part))
                print(f"latents {repeat} {time.time() - start:.0f} s", flush=True)
        save_file(
            {
                "latents": torch.cat(latents),
                "labels": torch.tensor(labels),
                "cond": torch.stack([c for c, _ in texts.values()]),
                "pooled": torch.stack([p for _, p in texts.values()]),
            },
            cache,
        )
    data = load_file(cache)
    latents, labels, cond, pooled = (
        data["latents"].float(),
        data["labels"],
        data["cond"].float(),
        data["pooled"].float(),
    )
    print("latent std", latents.std().item(), "mean", latents.mean().item(), flush=True)
    model = patcher.model.diffusion_model.float()
    model.dtype = torch.float32
    model.requires_grad_(True)
    ema = {k: v.detach().clone() for k, v in model.state_dict().items()}
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=1.5e-3, total_steps=steps, pct_start=0.05)
    from comfy.ldm.modules.attention import attention_pytorch

    options = {"optimized_attention_override": lambda func, *args, **kwargs: attention_pytorch(*args, **kwargs)}
    start, mean = time.time(), 0.0
    for step in range(steps):
        pick = torch.randint(0, len(latents), (batch,))
        label = torch.where(torch.rand(batch) < 0.1, 0, labels[pick])
        x0, noise = latents[pick], torch.randn(batch, *latents.shape[1:])
        sigma = torch.rand(batch)
        sigma = 3 * sigma / (1 + 2 * sigma)
        s = sigma.view(-1, 1, 1, 1)
        context = torch.nn.functional.pad(cond[label], (0, 4096 - 768))
        out = model(
            (1 - s) * x0 + s * noise, sigma * 1000, context=context, y=pooled[label], transformer_options=options
        )
        loss = (out - (noise - x0)).square().mean()
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        decay = min(0.999, (1 + step) / (10 + step))
        with torch.no_grad():
            for k, v in model.state_dict().items():
                ema[k].lerp_(v, 1 - decay)
        mean = loss.item() if step == 0 else 0.99 * mean + 0.01 * loss.item()
        if step % 200 == 0 or step == steps - 1:
            print(f"model {step}/{steps} loss {mean:.4f} {time.time() - start:.0f} s", flush=True)
        if step % 2000 == 1999 or step == steps - 1:
            save_file({k: v.half().contiguous() for k, v in ema.items()}, WEIGHTS / "model.safetensors")


def initial_model() -> dict[str, torch.Tensor]:
    """Random start weights in SD3's layout at depth 2 (hidden size 128), output layers small but not zero."""
    import comfy.ops
    from comfy.ldm.modules.diffusionmodules.mmdit import OpenAISignatureMMDITWrapper, get_2d_sincos_pos_embed

    model = OpenAISignatureMMDITWrapper(
        input_size=None,  # pyright: ignore[reportArgumentType] (the host's own default type is too narrow)
        in_channels=16,
        depth=2,
        adm_in_channels=2048,
        num_patches=16 * 16,
        pos_embed_max_size=16,
        context_embedder_config={"target": "torch.nn.Linear", "params": {"in_features": 4096, "out_features": 128}},
        dtype=torch.float32,
        device="cpu",
        operations=comfy.ops.disable_weight_init,
    )
    for name, p in model.named_parameters():
        if p.ndim > 1:
            torch.nn.init.xavier_uniform_(
                p.flatten(1) if p.ndim > 2 else p, gain=0.2 if "adaLN" in name or "final_layer.linear" in name else 1.0
            )
        else:
            torch.nn.init.zeros_(p)
    state = {k: v.detach().clone() for k, v in model.state_dict().items()}
    state["pos_embed"] = torch.from_numpy(np.asarray(get_2d_sincos_pos_embed(128, 16))).float().reshape(1, 256, 128)
    return state


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--comfyui", type=Path, required=True)
    parser.add_argument("--vae-steps", type=int, default=3000)
    parser.add_argument("--model-steps", type=int, default=24000)
    parser.add_argument("--only", choices=("vae", "model"))
    args = parser.parse_args()
    sys.path[:0] = [str(args.comfyui), str(HERE)]
    sys.argv = [sys.argv[0], "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()

    WEIGHTS.mkdir(exist_ok=True)
    if args.only != "model":
        train_vae(args.vae_steps)
    if args.only != "vae":
        train_model(args.model_steps)
