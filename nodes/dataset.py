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
            inputs=[
                *inputs(DatasetSettings),
                types.Dataset.Input(
                    "dataset",
                    optional=True,
                    tooltip="Another Dataset Loader, to train on both; each keeps its own settings.",
                ),
            ],
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
            root = folders.dataset_folder(settings.folder)
            return scan.stamp(settings, root, folders.mask_folder(settings.mask_folder, root))
        except AthanorError as error:
            return str(error)

    @classmethod
    def execute(cls, dataset: Any = None, **values: Any) -> io.NodeOutput:
        """Scan the folder, behind what comes in."""
        settings = pick(DatasetSettings, values)
        root = folders.dataset_folder(settings.folder)
        found = scan.scan(settings, root, folders.mask_folder(settings.mask_folder, root))
        found = dataset.joined(found) if dataset is not None else found
        lines = [f"{len(found.pictures)} pictures, {sum(found.repeats)} per epoch with repeats", *found.warnings]
        return io.NodeOutput(found, "\n".join(lines))
