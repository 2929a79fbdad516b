"""The node LR Schedule Plot: plots the learning rate of every step before training."""

from __future__ import annotations

from comfy_api.latest import io

from ..training_core.settings import OptimizerSettings
from . import types
from .schema import check_kinds, image_output, on_node


class AthanorLRPlot(io.ComfyNode):
    """Plots the learning rate that Optimizer Config gives."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs (an optimizer and the steps of the run) and its outputs (a plot and a text)."""
        return io.Schema(
            node_id="AthanorLRPlot",
            display_name="LR Schedule Plot",
            category="Athanor/config",
            description="Plots the learning rate over the steps of a run, for every part of the model that has its own.",
            search_aliases=["learning rate", "scheduler", "warmup", "cosine", "decay"],
            is_output_node=True,
            inputs=[
                io.Int.Input(
                    "steps",
                    default=1000,
                    optional=True,
                    min=1,
                    max=100_000_000,
                    tooltip="Steps of the run: pictures x repeats x epochs / (batch size x accumulation).",
                ),
                types.Optimizer.Input(
                    "optimizer", optional=True, tooltip="From Optimizer Config. Unconnected: AdamW, 1e-4."
                ),
            ],
            outputs=[
                io.Image.Output("plot", tooltip="Learning rate over the steps."),
                io.String.Output("text", tooltip="The learning rate at some steps, and settings that conflict."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
        )

    @classmethod
    def execute(cls, steps: int = 1000, optimizer: OptimizerSettings | None = None) -> io.NodeOutput:
        """Return a plot of the learning rate over the steps, and a text with its values and conflicting settings."""
        from ..training_core.optim import hints, preview, schedulers

        check_kinds(int, steps=steps)
        settings = optimizer or OptimizerSettings()
        schedulers.check(settings)
        factors = [factor for factor in preview.curves(settings).values() if factor]
        text = [preview.title(settings, steps), preview.table(settings, steps)]
        text += hints.hints(settings, steps, factors=factors)
        plot = image_output(preview.preview(settings, steps))
        return io.NodeOutput(plot, "\n".join(text), ui=on_node(cls, plot, 0))
