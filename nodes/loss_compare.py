"""The node Loss Compare: plots the loss curves of several runs in one picture."""

from __future__ import annotations

import time
from typing import Any

from comfy_api.latest import io

from ..training_core.settings import CurvesSettings
from . import types
from .schema import image_output, inputs, on_node, pick

_PORTS = ("first", "second", "third", "fourth")


class AthanorLossCompare(io.ComfyNode):
    """Plots the loss curves of several runs in one picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return inputs for four runs, the names of more and the settings; the picture is the output."""
        return io.Schema(
            node_id="AthanorLossCompare",
            display_name="Loss Compare",
            category="Athanor/compare",
            description="The loss curves of several runs in one plot, with learning rates and probes: with and without a setting,"
            " one optimizer or another. Also reads runs that are still training.",
            search_aliases=["plot loss", "loss graph", "loss curves", "compare runs", "tensorboard"],
            is_output_node=True,
            inputs=[
                *inputs(CurvesSettings),
                *(types.Run.Input(name, optional=True, tooltip="From Train LoRA.") for name in _PORTS),
                types.Runs.Input("sweep", optional=True, tooltip="All runs of a Sweep."),
            ],
            outputs=[io.Image.Output("plot", tooltip="Loss, learning rate and probe of all runs.")],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Return another value each time, since a run that is training has more steps."""
        return time.time()

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """Read the connected and the named runs, and draw them."""
        from ..training_core.compare import curves

        settings = pick(CurvesSettings, values)
        several = [values[name] for name in _PORTS if values.get(name) is not None]
        connected = [curves.of_run(run) for run in [*several, *(values.get("sweep") or ())]]
        plot = image_output(curves.draw([*connected, *curves.find(settings.runs)], settings))
        return io.NodeOutput(plot, ui=on_node(cls, plot, 0))
