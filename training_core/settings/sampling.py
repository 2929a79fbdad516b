"""Sample Config: pictures drawn while training."""

from __future__ import annotations

from .base import Settings, setting


class SamplingSettings(Settings):
    """Prompts, sampler and interval of the pictures that are drawn while training; no interval, no pictures."""

    sample_prompts: str = setting(
        "",
        "One prompt per line, as in sd-scripts: 'a cat --n bad --w 768 --h 512 --d 42 --l 7.5 --s 28' (negative, "
        "width, height, seed, cfg, steps), and '--ci a.png' for each control picture of an edit model, in ComfyUI's input "
        "folder. Lines that start with # are skipped. Or the name of a .txt, .toml or .json file with prompts there. Empty: the "
        "first three captions, with their control pictures.",
        flag="sample_prompts",
        multiline=True,
    )
    sample_every_n_epochs: int = setting(
        1,
        "Draw samples after every n-th epoch; 0 = use sample_every_n_steps.",
        flag="sample_every_n_epochs",
        ge=0,
        le=100000,
    )
    sample_every_n_steps: int = setting(
        0,
        "Draw samples after every n-th step, if sample_every_n_epochs is 0; 0 = never.",
        flag="sample_every_n_steps",
        ge=0,
        le=100_000_000,
        advanced=True,
    )
    sample_at_first: bool = setting(
        True,
        "Also draw samples before training, to see what the base model makes of the prompts.",
        flag="sample_at_first",
        advanced=True,
    )
    width: int = setting(512, "Width in pixels, unless the prompt sets it.", flag="w", ge=64, le=8192, step=8)
    height: int = setting(512, "Height in pixels, unless the prompt sets it.", flag="h", ge=64, le=8192, step=8)
    steps: int = setting(
        20, "Sampling steps, unless the prompt sets them (20 to 30 is usual).", flag="s", ge=1, le=1000
    )
    cfg: float = setting(
        7.0,
        "CFG scale, unless the prompt sets it: 5 to 8 for SD1.5 and SDXL, 4 to 5 for SD3, 1 for Flux.",
        flag="l",
        ge=0,
        le=100,
        step=0.1,
    )
    negative: str = setting("", "Negative prompt, unless the prompt sets it.", flag="n", multiline=True, advanced=True)
    sample_seed: int = setting(
        42,
        "Seed of the first prompt; it goes up by one for each further prompt. The same in all epochs, so that "
        "pictures can be compared.",
        flag="d",
        ge=0,
        le=2**53,
        advanced=True,
    )
    sampler_name: str = setting(
        "euler", "Sampler. Use the one that you will generate with later.", flag="sample_sampler", advanced=True
    )
    scheduler: str = setting("normal", "Scheduler (noise schedule) of the sampler.", advanced=True)
