"""XYZ Compare: what the grid shows and how its pictures are sampled."""

from __future__ import annotations

from .base import Settings, setting


class CompareSettings(Settings):
    """Values of the axes and the sampler's settings."""

    prompts: str = setting(
        "", "One prompt a line; empty = the first three captions of the run's dataset.", multiline=True
    )
    negative: str = setting("", "Negative prompt for every picture.", multiline=True)
    checkpoints: str = setting(
        "all",
        "Which epochs of the run: all, or numbers such as 2, 4, last. The base model comes first.",
    )
    include_base: bool = setting(True, "Begin with the base model, without the LoRA.")
    strengths: str = setting("1", "LoRA strengths, for example 0.6, 0.8, 1.")
    seeds: str = setting("0", "Seeds, for example 1, 2, 3.")
    width: int = setting(512, "Width of each picture in pixels.", ge=16, le=16384, step=8)
    height: int = setting(512, "Height of each picture in pixels.", ge=16, le=16384, step=8)
    steps: int = setting(20, "Sampling steps (20 to 30 is usual).", ge=1, le=10000)
    cfg: float = setting(
        7.0, "Guidance: how strictly the prompt is followed (4 to 8; 1 for distilled models).", ge=0, le=100, step=0.1
    )
