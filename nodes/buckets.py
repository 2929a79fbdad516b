"""The node Bucketer: sorts the pictures of a dataset into aspect-ratio buckets."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..training_core.settings import BucketSettings
from . import types
from .schema import image_output, inputs, pick


class AthanorBucketer(io.ComfyNode):
    """Sorts a dataset into aspect-ratio buckets and shows the crops."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs, made from BucketSettings, and its outputs."""
        return io.Schema(
            node_id="AthanorBucketer",
            display_name="Bucketer",
            category="Athanor/dataset",
            description="Sorts pictures into buckets of similar aspect ratio, each with its own training size, and shows what is "
            "cropped.",
            search_aliases=[
                "bucket",
                "aspect ratio bucketing",
                "dataset resolution",
                "training resolution",
                "resolution",
                "batch size",
            ],
            inputs=[
                types.Dataset.Input("dataset", tooltip="From the Dataset Loader."),
                *inputs(BucketSettings),
            ],
            outputs=[
                types.Buckets.Output("buckets", tooltip="For Train LoRA."),
                io.String.Output("summary", tooltip="Buckets, counts and warnings."),
                io.Image.Output("contact_sheet", tooltip="Pictures with their crop, mask and caption."),
                io.Image.Output("histogram", tooltip="Buckets, and how many pictures are in each."),
            ],
        )

    @classmethod
    def execute(cls, dataset: Any, **values: Any) -> io.NodeOutput:
        """Return the buckets, their summary, the contact sheet with every crop, and the histogram.

        Raises:
            AthanorError: no picture fits a bucket, or all are regularization pictures.
        """
        from ..training_core.data import histogram, plan, sheet

        buckets = plan.sort_into_buckets(dataset, pick(BucketSettings, values))
        buckets.check_trained()
        return io.NodeOutput(
            buckets,
            sheet.summary(buckets),
            image_output(sheet.contact_sheet(buckets)),
            image_output(histogram.histogram(buckets)),
        )
