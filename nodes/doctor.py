"""The node Dataset Doctor: checks the pictures and captions of a dataset."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..training_core.host import guard, text, usable
from ..training_core.settings import DoctorSettings
from . import types
from .progress import Progress
from .schema import image_output, inputs, on_node, pick


class AthanorDatasetDoctor(io.ComfyNode):
    """Checks a dataset before it is trained on."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs, made from DoctorSettings, and its outputs."""
        return io.Schema(
            node_id="AthanorDatasetDoctor",
            display_name="Dataset Doctor",
            category="Athanor/dataset",
            description=(
                "Checks a dataset for duplicates, blurred, small and enlarged pictures, missing, contradicting and cut "
                "captions, misspelt tags and uneven folders. Changes nothing."
            ),
            search_aliases=[
                "lint",
                "check dataset",
                "duplicates",
                "blur",
                "tag statistics",
                "caption check",
                "balance",
            ],
            is_output_node=True,
            inputs=[
                types.Dataset.Input("dataset", tooltip="From the Dataset Loader."),
                *inputs(DoctorSettings),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="The text encoder used for training, to count the tokens of captions exactly. Without it they are "
                    "estimated.",
                ),
            ],
            outputs=[
                types.Dataset.Output("dataset", tooltip="The same dataset, unchanged, for the Bucketer."),
                io.Image.Output("report", tooltip="The findings with their pictures, tags and balance."),
                io.String.Output("text", tooltip="The findings as text."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
        )

    @classmethod
    def execute(cls, dataset: Any, clip: Any = None, **values: Any) -> io.NodeOutput:
        """Return the same dataset with a report as picture and text; errors stop the graph if stop_on_errors is on."""
        from ..training_core.data.doctor.examine import examine
        from ..training_core.data.doctor.report import draw

        settings, bar = pick(DoctorSettings, values), Progress(cls.hidden.unique_id)

        def progress(what: str, done: int, total: int) -> None:
            guard.stop_if_interrupted()
            bar.bar(done, total)
            bar.text(f"{what}: {done} of {total}", always=done == total)

        count = (
            None
            if usable.usable("clip", clip) is None
            else lambda caption, weighted: text.count_tokens(clip, caption, weighted)
        )
        diagnosis = examine(dataset, settings, count, progress)
        if settings.stop_on_errors:
            diagnosis.raise_errors()
        report = image_output(draw(diagnosis))
        return io.NodeOutput(dataset, report, diagnosis.text, ui=on_node(cls, report, 1))
