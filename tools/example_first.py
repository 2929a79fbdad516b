"""A first LoRA for each family of models: choose a model and a folder, press Run, look at the grid.

What is typed in was published: SD1.5 as the beginner's guide says (recipe E of tests/helpers/recipes.py), SDXL as in
sd-scripts' docs/sdxl_train_network.md, all others as in ai-toolkit's config/examples (SD3.5, Flux, Chroma, Qwen-Image) and as
its page sets them when a job is new (Z-Image, Flux.2). Their 8-bit AdamW is AdamW here: it needs no further package. About
2000 steps with 20 pictures: 10 repeats, 10 epochs, batches of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sheet
from sheet import Port, Sheet
from trained import Trained, checkpoint, models

CHOOSE, SETTINGS, TRAINING, GRID = "1, 2  Choose", "Settings", "3  Run", "4  Look"
"""Titles of the groups."""
NOTE = r"""
# First LoRA: {title}

1 Choose {model} in *{loader}*\
2 Choose or upload pictures with captions in *Dataset Loader*\
3 Press *Run*\
4 Choose an epoch in the grid
---

15 to 40 pictures, each with a caption (*cat.png*, *cat.txt*). *Stop and keep* ends training early. LoRAs: *models/loras*.

Steps = pictures x repeats x epochs / batch size; 1000 to 3000 are usual.
"""
"""A heading of several lines: what all have to read is as large as the page draws it."""


@dataclass(kw_only=True)
class First:
    """What is typed in for a family; the rest is the nodes' default."""

    title: str
    model: str = "a checkpoint"
    loaders: Callable[[Sheet], dict[str, Port]]
    loader: str = "Load Checkpoint"
    size: int
    batch: int = 1
    network: dict[str, Any]
    optimizer: dict[str, Any] = field(default_factory=dict)
    looks: dict[str, Any]
    """How a picture is drawn: steps, cfg, sampler."""
    every: int = 2
    """Epochs from one set of samples to the next."""

    def sheet(self) -> Sheet:
        """Return the whole workflow."""
        s = Sheet(f"1 First LoRA - {self.title}", WIDTH)
        s.group(CHOOSE)
        note = NOTE.format(title=self.title, loader=self.loader, model=self.model)
        s.note(note, NOTE_WIDTH)
        dataset = s.add("AthanorDatasetLoader", "", (NOTE_WIDTH, 0), repeats=10)
        s.column()
        ports = self.loaders(s)
        run = Trained(s, **ports)
        run.buckets(dataset["dataset"], self.size, batch_size=self.batch)
        s.group(SETTINGS)
        run.config("network", **self.network)
        run.config("optimizer", **{"optimizer_type": "AdamW", "learning_rate": 1e-4} | self.optimizer)
        looks = {"width": self.size, "height": self.size, **self.looks}
        run.config("samples", sample_every_n_epochs=self.every, **looks)
        s.group(TRAINING)
        name = f"my_first_{self.title.lower().replace('.', '').replace('-', '_').replace(' ', '_')}"
        trained = run.train(name, epochs=10, save_every_n_epochs=1)
        s.group(GRID)
        shown = {"run": trained["run"], "columns": "prompt", "checkpoints": "every 2", "strengths": "1"}
        s.add("AthanorXYZCompare", **shown, **looks, **ports)
        return s


WIDTH, NOTE_WIDTH = 256, 290


def _one_file(family: str) -> Callable[[Sheet], dict[str, Port]]:
    return lambda s: models(checkpoint(s, sheet.First(family)))


def _files(unet: str, clip: tuple[str, ...], clip_type: str, vae: str) -> Callable[[Sheet], dict[str, Port]]:
    """Load Diffusion Model, Load CLIP (one or two files) and Load VAE."""

    def add(s: Sheet) -> dict[str, Port]:
        model = s.add("UNETLoader", "", unet_name=unet)
        names = {"clip_name": clip[0]} if len(clip) == 1 else {"clip_name1": clip[0], "clip_name2": clip[1]}
        text = s.add("CLIPLoader" if len(clip) == 1 else "DualCLIPLoader", "", type=clip_type, **names)
        pictures = s.add("VAELoader", "", vae_name=vae)
        return {"model": model["MODEL"], "clip": text["CLIP"], "vae": pictures["VAE"]}

    return add


def _separate(**more: Any) -> First:
    return First(**{"loader": "Load Diffusion Model", "model": "the model", "size": 768} | more)


FIRST_LORAS = (
    First(
        title="SD1.5", model="an SD1.5 checkpoint", loaders=_one_file("SD1.5"), size=512, batch=2, every=1,
        network={"rank": 16, "alpha": 8.0}, optimizer={"lr_scheduler": "cosine", "lr_warmup_steps": "0.05"},
        looks={"steps": 24, "cfg": 7.0, "sampler_name": "dpmpp_2m", "scheduler": "karras"},
    ),
    First(
        title="SDXL", model="an SDXL checkpoint", loaders=_one_file("SDXL"), size=1024,
        network={"rank": 32, "alpha": 16.0},
        looks={"steps": 25, "cfg": 6.0, "sampler_name": "dpmpp_2m", "scheduler": "karras"},
    ),
    First(
        title="SD3.5", model="an SD3.5 checkpoint", loaders=_one_file("SD3"), size=1024,
        network={"rank": 16, "alpha": 16.0},
        looks={"steps": 25, "cfg": 4.0, "sampler_name": "euler", "scheduler": "sgm_uniform"},
    ),
    _separate(
        title="Flux", network={"rank": 16, "alpha": 16.0},
        loaders=_files("flux1-dev.safetensors", ("clip_l.safetensors", "t5xxl_fp16.safetensors"), "flux", "ae.safetensors"),
        looks={"steps": 20, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"},
    ),
    _separate(
        title="Flux.2 Klein", network={"rank": 32, "alpha": 32.0},
        loaders=_files("flux-2-klein-base-4b.safetensors", ("qwen_3_4b.safetensors",), "flux2", "flux2-vae.safetensors"),
        looks={"steps": 20, "cfg": 5.0, "sampler_name": "euler", "scheduler": "simple"},
    ),
    _separate(
        title="Chroma", network={"rank": 16, "alpha": 16.0},
        loaders=_files(
            "Chroma1-HD-fp8mixed.safetensors", ("t5xxl_fp8_e4m3fn_scaled.safetensors",), "chroma", "ae.safetensors"
        ),
        looks={"steps": 25, "cfg": 4.0, "sampler_name": "euler", "scheduler": "beta"},
    ),
    _separate(
        title="Qwen-Image", network={"rank": 16, "alpha": 16.0},
        loaders=_files(
            "qwen_image_fp8_e4m3fn.safetensors", ("qwen_2.5_vl_7b_fp8_scaled.safetensors",), "qwen_image",
            "qwen_image_vae.safetensors",
        ),
        looks={"steps": 25, "cfg": 3.0, "sampler_name": "euler", "scheduler": "simple"},
    ),
    _separate(
        title="Z-Image", network={"rank": 32, "alpha": 32.0},
        loaders=_files("z_image_bf16.safetensors", ("qwen_3_4b.safetensors",), "lumina2", "ae.safetensors"),
        looks={"steps": 25, "cfg": 4.0, "sampler_name": "res_multistep", "scheduler": "simple"},
    ),
)  # fmt: skip
ALL = tuple(first.sheet for first in FIRST_LORAS)
