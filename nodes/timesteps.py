"""The node Timestep Plot: plots how often each timestep is trained, and its weight in the loss."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..training_core.settings import LossSettings, NoiseSettings
from . import types
from .schema import check_kinds, image_output, on_node


class AthanorTimestepPlot(io.ComfyNode):
    """Plots what Noise Config and Loss Config do to a model's timesteps."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs (a model and its configs) and its outputs (a plot and a text)."""
        return io.Schema(
            node_id="AthanorTimestepPlot",
            display_name="Timestep Plot",
            category="Athanor/config",
            description="Plots how often each timestep will be trained with these settings, and how much it counts in the loss, "
            "for this model.",
            search_aliases=["timestep sampling", "min snr", "debiased", "loss weighting", "density"],
            is_output_node=True,
            inputs=[
                io.Model.Input("model", tooltip="The model that will be trained."),
                io.Int.Input(
                    "width",
                    default=1024,
                    optional=True,
                    min=64,
                    max=8192,
                    step=8,
                    tooltip="Picture width in pixels, for flux_shift.",
                ),
                io.Int.Input(
                    "height",
                    default=1024,
                    optional=True,
                    min=64,
                    max=8192,
                    step=8,
                    tooltip="Picture height in pixels, for flux_shift.",
                ),
                types.Noise.Input("noise", optional=True, tooltip="From Noise Config. Unconnected: its defaults."),
                types.Loss.Input("loss", optional=True, tooltip="From Loss Config. Unconnected: plain l2."),
            ],
            outputs=[
                io.Image.Output("plot", tooltip="Density, weight, and both together."),
                io.String.Output("text", tooltip="What is used, and settings that this model ignores."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        width: int = 1024,
        height: int = 1024,
        noise: NoiseSettings | None = None,
        loss: LossSettings | None = None,
    ) -> io.NodeOutput:
        """Return a plot of the timesteps' distribution and weights, and a text about the settings in use."""
        from ..training_core.objective import Objective
        from ..training_core.objective.in_effect import in_effect
        from ..training_core.objective.preview import preview
        from ..training_core.run.prepare import model_to_train

        check_kinds(int, width=width, height=height)
        loss, noise = loss or LossSettings(), noise or NoiseSettings()
        _, family, schedule = model_to_train(model, noise, unknown=True)
        loss, noise, warnings = in_effect(loss, noise, schedule.prediction, family.usual_timesteps)
        objective = Objective(loss, noise, schedule)
        title = f"{family.title} ({objective.prediction}): {objective.describe()}"
        plot = image_output(preview(objective, (height // 8, width // 8), title))
        return io.NodeOutput(plot, "\n".join([title, *warnings]), ui=on_node(cls, plot, 0))
