"""XYZ Compare: what the grid shows, how its pictures are sampled and how they are laid out."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting


class CompareSettings(Settings):
    """What a comparison draws: the values of its axes, and how each picture is sampled."""

    prompts: str = setting(
        "",
        "One prompt a line; several make an axis. Empty = the first three captions of the run's dataset.",
        multiline=True,
    )
    negative: str = setting("", "Negative prompt for every picture.", multiline=True)
    checkpoints: str = setting(
        "all",
        "Which epochs of the run: all, every 2, last 3, 4-10, best 3 (around the probe's best), 5 even, starred (in a "
        "comparison's viewer), or 2, 4, last. "
        "The base model comes first. A connected axis of LoRAs stands in for it.",
    )
    include_base: bool = setting(True, "Begin with the base model, without the LoRA.")
    strengths: str = setting(
        "0.6, 0.8, 1",
        "LoRA strengths, for example 0.6, 0.8, 1 or 0.4-1(0.2). A connected axis of strengths stands in for them.",
    )
    seeds: str = setting(
        "0",
        "Seeds, for example 1, 2, 3. x3 = three random ones, drawn once for this model and then kept, so that the grid "
        "can be extended.",
    )
    width: int = setting(512, "Width of each picture in pixels.", ge=16, le=16384, step=8)
    height: int = setting(512, "Height of each picture in pixels.", ge=16, le=16384, step=8)
    steps: int = setting(20, "Sampling steps (20 to 30 is usual).", ge=1, le=10000)
    cfg: float = setting(
        7.0, "Guidance: how strictly the prompt is followed (4 to 8; 1 for distilled models).", ge=0, le=100, step=0.1
    )
    denoise: float = setting(
        1.0,
        "How much of a connected latent is drawn anew: 1 = all, 0.5 keeps its composition.",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )


class GridSettings(Settings):
    """How the pictures of a comparison are laid out as a grid; nothing is sampled for it."""

    cell_size: int = setting(
        0,
        "Longest side of each picture in the grid, in pixels; larger ones are scaled down. 0 = as they are.",
        ge=0,
        le=16384,
        step=8,
    )
    margin: int = setting(6, "Space between pictures in pixels (0 to 500).", ge=0, le=500)
    legend: bool = setting(True, "Draw the title and the names of the values.")
    swap: Literal["as planned", "swap x and y", "swap y and z", "swap x and z"] = setting(
        "as planned", "Let two axes change places."
    )
    page_megapixels: float = setting(
        16.0,
        "Largest page, in millions of pixels (8 to 64 is usual); larger grids become several pages, none longer than "
        "16383 pixels.",
        ge=0.05,
        le=500,
        step=1,
    )
    file_format: Literal["png", "jpg", "webp"] = setting("png", "Format of the grid's files.")


class EpochsSettings(Settings):
    """Which checkpoints of a run become the values of an axis."""

    source: str = setting(
        "",
        "Without a connected run: its name or id, a folder of LoRA files, or a pattern such as my_lora-*. A run that still "
        "trains, or was stopped, has the files that it has saved so far.",
    )
    epochs: str = setting(
        "all",
        "all; every 2; last 3; first 3; 4-10; best 3 (around the probe's best); 5 even (spread over all); starred (those with a "
        "starred picture in the viewer of a comparison); or one by one: 2, 4, last.",
    )
    include_base: bool = setting(True, "Begin with the base model, without the LoRA.")
    include_final: bool = setting(
        True,
        "Always keep the finished LoRA; off: only what was saved on the way, unless epochs asks for it by name (5, last) or "
        "finds it best.",
    )


class CurvesSettings(Settings):
    """Which runs' loss curves are drawn into one plot, and how they are smoothed."""

    runs: str = setting(
        "",
        "Runs by name or id, one a line (besides connected ones); * = the newest eight. A run that still trains, or was "
        "stopped, is drawn as far as it is.",
        multiline=True,
    )
    half_life: float = setting(
        0.0,
        "Smoothing: after this many steps a loss counts half (10 to 200 is usual); 0 = a twentieth of a middling run. "
        "What is drawn looks back only, so it never changes later.",
        ge=0,
        le=1e6,
        step=1,
    )
    raw: bool = setting(True, "Draw the loss of every step as well, faintly.")
    log_scale: bool = setting(False, "Logarithmic loss: differences at small losses show.")
    x_axis: Literal["step", "epoch"] = setting("step", "What runs to the right.")
    learning_rate: bool = setting(True, "A panel with the learning rates.")
    probe: bool = setting(True, "A panel with the frozen probes, in % of each run's start.")
