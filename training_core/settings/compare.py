"""XYZ Compare: what the grid shows, how its pictures are sampled and how they are laid out."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting


class CompareSettings(Settings):
    """What a comparison draws: the values of its axes, and how each picture is sampled."""

    prompts: str = setting(
        "",
        "One prompt per line; several make an axis. Empty: the first three captions of the run's dataset.",
        multiline=True,
    )
    negative: str = setting("", "Negative prompt for every picture.", multiline=True, advanced=True)
    checkpoints: str = setting(
        "all",
        "Which epochs of the run: all, every 2, last 3, 4-10, best 3 (around the best probe), best 3 by likeness (or prompt, "
        "probe, mix(likeness 0.7, prompt 0.3): scores of Likeness), 5 even (evenly spaced), starred (in a comparison's viewer), or a list: "
        "2, 4, last. Beside these or alone, averages, which cost no training: mean(6-10), ema(0.1) (later epochs count more), "
        "lerp(4, 8, 0.3). The base model comes first. A connected axis of LoRAs replaces this.",
        advanced=True,
    )
    include_base: bool = setting(True, "Start with the base model, without the LoRA.", advanced=True)
    strengths: str = setting(
        "0.6, 0.8, 1",
        "LoRA strengths, for example 0.6, 0.8, 1 or 0.4-1(0.2). A connected axis of strengths replaces this.",
    )
    seeds: str = setting(
        "0",
        "Seeds, for example 1, 2, 3. x3 = three random seeds, drawn once for this model and then kept, so that "
        "the grid can be extended later.",
        advanced=True,
    )
    width: int = setting(512, "Width of each picture in pixels.", ge=16, le=16384, step=8)
    height: int = setting(512, "Height of each picture in pixels.", ge=16, le=16384, step=8)
    steps: int = setting(20, "Sampling steps (20 to 30 is usual).", ge=1, le=10000)
    cfg: float = setting(
        7.0,
        "CFG scale: how strictly the prompt is followed (4 to 8 is usual; 1 for distilled models).",
        ge=0,
        le=100,
        step=0.1,
    )
    denoise: float = setting(
        1.0,
        "How much of a connected latent is redrawn: 1 = all; 0.5 keeps its composition.",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )


class GridSettings(Settings):
    """How the pictures of a comparison are laid out as a grid; nothing is sampled for it."""

    cell_size: int = setting(
        0,
        "Longest side of each picture in the grid, in pixels; larger pictures are scaled down. 0 = full size.",
        ge=0,
        le=16384,
        step=8,
    )
    margin: int = setting(6, "Space between pictures in pixels (0 to 500).", ge=0, le=500, advanced=True)
    legend: bool = setting(True, "Draw the title and the labels of the values.")
    swap: Literal["as planned", "swap x and y", "swap y and z", "swap x and z"] = setting(
        "as planned", "Swap two axes of the grid."
    )
    page_megapixels: float = setting(
        16.0,
        "Maximum page size in megapixels (8 to 64 is usual). Larger grids are split into several pages, none "
        "longer than 16383 pixels.",
        ge=0.05,
        le=500,
        step=1,
        advanced=True,
    )
    file_format: Literal["png", "jpg", "webp"] = setting("png", "File format of the grid.", advanced=True)
    scores: bool = setting(
        False,
        "Write the first score of Likeness under each picture, and mark pictures that look like copies of training pictures. Nothing for "
        "a comparison that was not scored.",
        advanced=True,
    )


class EpochsSettings(Settings):
    """Which checkpoints of a run become the values of an axis."""

    source: str = setting(
        "",
        "Without a connected run: its name or id, a folder of LoRA files, or a pattern such as my_lora-*. A run "
        "that is still training, or was stopped, gives the files it has saved so far.",
    )
    epochs: str = setting(
        "all",
        "all; every 2; last 3; first 3; 4-10; best 3 (around the best probe); best 3 by likeness (or prompt, probe, "
        "mix(likeness 0.7, prompt 0.3): scores of Likeness); 5 even (evenly spaced); starred (those "
        "with a starred picture in a comparison's viewer); or a list: 2, 4, last. Beside these or alone, averages, which cost no training: "
        "mean(6-10), ema(0.1) (later epochs count more; 0.05 to 0.15 of the training is usual), lerp(4, 8, 0.3).",
    )
    include_base: bool = setting(True, "Start with the base model, without the LoRA.")
    include_final: bool = setting(
        True,
        "Always include the finished LoRA. Off: only checkpoints saved during training, unless epochs asks for "
        "the final one (5, last) or it is the best.",
    )


class CurvesSettings(Settings):
    """Which runs' loss curves are drawn into one plot, and how they are smoothed."""

    runs: str = setting(
        "",
        "Runs by name or id, one per line or separated by commas, in addition to connected ones; * = the newest eight. A run that is "
        "still training, or was stopped, is drawn up to its last step.",
        multiline=True,
    )
    half_life: float = setting(
        0.0,
        "Half-life of the smoothing in steps (10 to 200 is usual); 0 = a twentieth of the median run length. Only"
        " earlier steps are used, so a drawn curve never changes later.",
        ge=0,
        le=1e6,
        step=1,
        advanced=True,
    )
    raw: bool = setting(True, "Also draw the unsmoothed loss of every step, faintly.", advanced=True)
    log_scale: bool = setting(False, "Use a logarithmic loss axis, which shows differences between small losses.")
    x_axis: Literal["step", "epoch"] = setting("step", "Unit of the horizontal axis.")
    learning_rate: bool = setting(True, "Show a panel with the learning rates.", advanced=True)
    probe: bool = setting(True, "Show a panel with the probes, in % of each run's start.", advanced=True)
    scores: bool = setting(
        True,
        "Show panels with likeness and prompt following of the samples, with their standard errors; nothing for runs without a Likeness.",
        advanced=True,
    )
