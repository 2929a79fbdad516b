"""The inputs that XYZ Compare and XYZ Plan have in common."""

from __future__ import annotations

from comfy_api.latest import io

from ..training_core.compare.cells import CONTROL_INPUTS, MODEL_LOW
from ..training_core.compare.request import OWN_AXES
from ..training_core.host import node_tools
from ..training_core.settings import CompareSettings
from . import types
from .schema import inputs

CHOICES = {
    "columns": "strength",
    "rows": "checkpoint",
    "sampler_name": "euler",
    "scheduler": "normal",
    "boundary": 0.875,
}
"""Defaults of the widgets that are no CompareSettings."""


def comparison_inputs() -> list[io.Input]:
    """Return models, widgets (CompareSettings and CHOICES), and axes, in the order in which the page shows them."""
    return [
        io.Model.Input("model", tooltip="The model without the LoRA. Other LoRAs of the graph stay applied below it."),
        io.Clip.Input("clip", tooltip="The text encoder for the prompts; the LoRA is applied to it as well."),
        io.Vae.Input("vae", tooltip="The VAE that turns latents into pictures."),
        io.Combo.Input(
            "columns",
            options=list(OWN_AXES),
            default=CHOICES["columns"],
            optional=True,
            tooltip="What changes from left to right if x is not connected.",
        ),
        io.Combo.Input(
            "rows",
            options=list(OWN_AXES),
            default=CHOICES["rows"],
            optional=True,
            tooltip="What changes from top to bottom if y is not connected.",
        ),
        *inputs(CompareSettings),
        io.Combo.Input(
            "sampler_name",
            options=node_tools.sampler_names(),
            default=CHOICES["sampler_name"],
            optional=True,
            advanced=True,
            tooltip="Sampler, as in KSampler.",
        ),
        io.Combo.Input(
            "scheduler",
            options=node_tools.scheduler_names(),
            default=CHOICES["scheduler"],
            optional=True,
            advanced=True,
            tooltip="Scheduler (noise schedule), as in KSampler.",
        ),
        io.Float.Input(
            "boundary",
            default=CHOICES["boundary"],
            min=0.0,
            max=1.0,
            step=0.005,
            round=False,
            optional=True,
            advanced=True,
            tooltip="With model_low: the noise below which it draws, as a part of all noise. Wan 2.2: 0.875 (text to video), 0.9 (image "
            "to video).",
        ),
        types.Run.Input(
            "run", optional=True, tooltip="From Train LoRA: its checkpoints become an axis of the grid automatically."
        ),
        types.Axis.Input("x", optional=True, tooltip="What changes from left to right. Unconnected: see columns."),
        types.Axis.Input("y", optional=True, tooltip="What changes from top to bottom. Unconnected: see rows."),
        types.Axis.Input("z", optional=True, tooltip="One block of the grid for each of its values."),
        types.Axis.Input("w", optional=True, tooltip="A further axis of blocks."),
        io.Latent.Input(
            "latent",
            optional=True,
            tooltip="Start from this latent (see denoise) instead of an empty one; it also sets the size.",
        ),
        io.Model.Input(
            MODEL_LOW,
            optional=True,
            tooltip="A second model that draws what is below boundary, such as Wan 2.2's low-noise model; model draws what is above. LoRAs "
            "of axes and of run go on model.",
        ),
        types.Run.Input(
            "run_low",
            optional=True,
            tooltip="The run that trained model_low: its checkpoints go on model_low, each beside the one of run of the same epoch.",
        ),
        *(
            io.Image.Input(
                port,
                optional=True,
                tooltip=f"For models that edit pictures: the {ordinal} picture that they are shown with the prompt. One for all prompts or "
                "a batch with one per prompt; a single prompt is drawn with each of the batch.",
            )
            for port, ordinal in zip(CONTROL_INPUTS, ("first", "second", "third"), strict=True)
        ),
        types.Scorer.Input(
            "likeness",
            optional=True,
            tooltip="From Likeness: every picture is compared with the training pictures, and copies of them are told.",
        ),
    ]
