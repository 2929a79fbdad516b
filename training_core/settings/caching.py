"""Cache Config: what is kept of encoded pictures and captions, and where."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting


class CacheSettings(Settings):
    """How latents are drawn from the VAE, and where encodings are stored for the next run."""

    latent_sampling: Literal["every step", "once", "mean"] = setting(
        "every step",
        "A VAE gives a distribution of latents for each picture. every step: draw a new latent each time; once: "
        "draw one and reuse it, like cached latents in sd-scripts; mean: always use the mean.",
    )
    cache_to_disk: bool = setting(
        True,
        "Save encoded pictures and captions in ComfyUI's user folder (athanor/cache), so that the next run with "
        "the same pictures does not encode them again. Off: keep them in RAM, for this run only.",
        flag="cache_latents_to_disk",
    )
    cache_limit_gb: float = setting(
        20.0,
        "Maximum size of the cache folder in GB; the least recently used entries are deleted first. A 1024-pixel "
        "picture takes about 0.5 MB for SDXL and 2 MB for SD3 or Flux.",
        ge=0.1,
        le=10000,
        step=1,
    )
    vae_batch_size: int = setting(
        1,
        "Pictures that the VAE encodes at once (1 to 8 is usual). More is faster but needs more VRAM.",
        flag="vae_batch_size",
        ge=1,
        le=64,
    )
