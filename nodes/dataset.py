"""Dataset Loader."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..training_core.data import scan
from ..training_core.errors import AthanorError
from ..training_core.host import folders
from ..training_core.settings import DatasetSettings
from . import types
from .schema import inputs, pick, sentence


class AthanorDatasetLoader(io.ComfyNode):
    """A folder of captioned pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs from DatasetSettings."""
        return io.Schema(
            node_id="AthanorDatasetLoader",
            display_name="Dataset Loader",
            category="Athanor/dataset",
            description="Reads a folder of pictures and captions: flat, or with kohya's 'N_name' sub-folders.",
            search_aliases=["kohya", "training images", "lora dataset", "captions"],
            inputs=inputs(DatasetSettings),
            outputs=[
                types.Dataset.Output("dataset", tooltip="The pictures and captions, for the Bucketer."),
                io.String.Output("summary", tooltip="What was found, and what was left out and why."),
            ],
        )

    @classmethod
    def validate_inputs(cls, folder: str | None) -> bool | str:
        """The folder exists and may be read (None: linked, checked when the node runs)."""
        return folder is None or sentence(lambda: folders.dataset_folder(folder))

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> str:
        """Changes as soon as a picture or caption file does."""
        try:
            settings = pick(DatasetSettings, {k: v for k, v in values.items() if v is not None})
            return scan.stamp(settings, folders.dataset_folder(settings.folder))
        except AthanorError as error:
            return str(error)

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """Scan the folder."""
        settings = pick(DatasetSettings, values)
        dataset = scan.scan(settings, folders.dataset_folder(settings.folder))
        seen = sum(p.repeats for p in dataset.pictures)
        lines = [f"{len(dataset.pictures)} pictures, {seen} per epoch with repeats", *dataset.warnings]
        return io.NodeOutput(dataset, "\n".join(lines))
