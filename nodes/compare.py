"""XYZ Compare."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import comfy.samplers
import torch
from comfy_api.latest import io
from PIL import Image

from ..training_core.compare import axes, cells, grid
from ..training_core.host import folders
from ..training_core.settings import CompareSettings
from . import types
from .progress import Progress, Rate
from .schema import image_output, inputs, pick, sentence


class AthanorXYZCompare(io.ComfyNode):
    """Draws a run's checkpoints side by side."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs from CompareSettings, with the host's samplers."""
        return io.Schema(
            node_id="AthanorXYZCompare",
            display_name="XYZ Compare",
            category="Athanor",
            description="Samples epochs, strengths, seeds and prompts through ComfyUI's own sampler into one labelled grid.",
            search_aliases=["xy plot", "xyz plot", "grid", "compare epochs", "lora grid"],
            is_output_node=True,
            inputs=[
                types.Run.Input("run", tooltip="From Train LoRA: its checkpoints are one axis of the grid."),
                io.Model.Input("model", tooltip="The model without the LoRA."),
                io.Clip.Input("clip", tooltip="The text encoder for the prompts; the LoRA is applied to it as well."),
                io.Vae.Input("vae", tooltip="The VAE that turns latents into pictures."),
                io.Combo.Input(
                    "columns", options=list(axes.NAMES), default="prompt", tooltip="What changes from left to right."
                ),
                io.Combo.Input(
                    "rows", options=list(axes.NAMES), default="checkpoint", tooltip="What changes from top to bottom."
                ),
                *inputs(CompareSettings),
                io.Combo.Input(
                    "sampler_name",
                    options=comfy.samplers.KSampler.SAMPLERS,
                    default="euler",
                    tooltip="Sampler of the host.",
                ),
                io.Combo.Input(
                    "scheduler",
                    options=comfy.samplers.KSampler.SCHEDULERS,
                    default="normal",
                    tooltip="Noise schedule of the host.",
                ),
            ],
            outputs=[
                io.Image.Output("grid", tooltip="The labelled grid."),
                io.Image.Output("images", is_output_list=True, tooltip="The single pictures, row by row."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, strengths: str | None, seeds: str | None) -> bool | str:
        """These can be read, so that a typing error is not found only after the training (None: linked)."""
        given = {"strengths": strengths, "seeds": seeds}
        settings = {name: value for name, value in given.items() if value is not None}
        return sentence(lambda: axes.numbers_of(pick(CompareSettings, settings)))

    @classmethod
    def execute(
        cls,
        run: Any,
        model: Any,
        clip: Any,
        vae: Any,
        columns: Any,
        rows: Any,
        sampler_name: str,
        scheduler: str,
        **values: Any,
    ) -> io.NodeOutput:
        """Sample the cells and draw the grid."""
        settings = pick(CompareSettings, values)
        plan = axes.layout(axes.axes(settings, run), columns, rows)
        folder = folders.compare_folder(f"{run.run_id}-{time.strftime('%Y%m%d-%H%M%S')}")
        pictures = {}
        progress, rate, start = Progress(cls.hidden.unique_id), Rate(), time.monotonic()
        for done, total, cell, path in cells.sample_cells(
            plan, settings, sampler_name, scheduler, model, clip, vae, folder
        ):
            pictures[cell] = path
            rate.add(time.monotonic() - start)
            start = time.monotonic()
            progress.text(f"picture {done} of {total}, {rate.left(total - done)} left", always=True)
        title = f"{run.name}   {sampler_name} {scheduler}, {settings.steps} steps, cfg {settings.cfg:g}"
        sheet = grid.draw(title, plan, pictures, (settings.width, settings.height))
        sheet.save(folder / "grid.png")
        singles = [_load(pictures[cell]) for block in plan.cells for row in block for cell in row]
        ui = {"images": [{"filename": "grid.png", "subfolder": f"athanor/compare/{folder.name}", "type": "output"}]}
        return io.NodeOutput(image_output(sheet), singles, ui=ui)


def _load(path: Path) -> torch.Tensor:
    with Image.open(path) as image:
        return image_output(image.convert("RGB"))
