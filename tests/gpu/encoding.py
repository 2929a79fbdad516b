"""SDXL's VAE encodes in bfloat16 and in float32: time, and how far apart the two are in units of the posterior's spread.

Its weights are random, so the distance says how such a network rounds, not what a trained one's pictures lose.
"""

from __future__ import annotations

import timing
import torch
from device import on_cpu
from report import gib, row, value
from tiny import _fill

SHAPE = {
    "double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128, "ch_mult": [1, 2, 4, 4],
    "num_res_blocks": 2, "attn_resolutions": [], "dropout": 0.0,
}  # fmt: skip


@torch.inference_mode()
def vae(side: int = 1024) -> None:
    """The encoder alone in both formats, and the pack's own encoding of the same picture."""
    from comfy.ldm.models.autoencoder import AutoencoderKL

    side, where = (64, "cpu") if on_cpu() else (side, "cuda")
    model = AutoencoderKL(ddconfig=SHAPE, embed_dim=4)
    state = _fill(model, 3)
    model.load_state_dict(state)
    pixels = torch.rand(1, side, side, 3, generator=torch.Generator().manual_seed(0))
    moments = {}
    for dtype in (torch.float32, torch.bfloat16):
        model.to(where, dtype)
        x = (2 * pixels.movedim(-1, 1) - 1).to(where, dtype)
        moments[dtype] = model.quant_conv(model.encoder(x)).float().cpu()
        timing.fresh()
        seconds = timing.running(lambda _: model.quant_conv(model.encoder(x)), 1 if on_cpu() else 5)  # noqa: B023
        name = str(dtype).removeprefix("torch.")
        value(f"vae.{name}", seconds)
        row(f"encoder, {side}x{side}, {name}", f"{seconds:.4f} s", gib(timing.peak()))
    mean, logvar = moments[torch.float32].chunk(2, dim=1)
    std = logvar.mul(0.5).exp()
    rounded = moments[torch.bfloat16].chunk(2, dim=1)[0]
    row(
        "means apart, in standard deviations of the posterior (median)",
        f"{((rounded - mean).abs() / std).median():.2e}",
    )
    _packs(state, pixels, mean, std)


def _packs(state: dict[str, torch.Tensor], pixels: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> None:
    """What a run keeps: `host.vae.encode` on a VAE as the host loads it here."""
    import comfy.sd
    from athanor.training_core.host import vae as pack

    made = comfy.sd.VAE(sd=dict(state))
    pack.encode(made, pixels)
    timing.fresh()
    seconds = timing.running(lambda _: pack.encode(made, pixels), 1 if on_cpu() else 5)
    seen = pack.encode(made, pixels)[0].float()
    apart = ((seen - mean).abs() / std).median()
    row(
        f"the pack's encoding, VAE loaded as {made.vae_dtype}",
        f"{seconds:.4f} s",
        gib(timing.peak()),
        f"apart {apart:.2e}",
    )
