"""The nodes Dataset Loader and Dataset from Images."""

from __future__ import annotations

from typing import Any, ClassVar

from comfy_api.latest import io

from ..training_core.errors import AthanorError
from ..training_core.files import file_errors
from ..training_core.host import folders
from ..training_core.host.dataset_places import DatasetPlaces, dataset_places
from ..training_core.settings import DatasetSettings
from . import types
from .graph_datasets import made
from .scanned import scanned
from .schema import check_kinds, inputs, pick, rounded_bytes, sentence


class AthanorDatasetLoader(io.ComfyNode):
    """Reads a folder of pictures with captions."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs, made from DatasetSettings, and its outputs."""
        return io.Schema(
            node_id="AthanorDatasetLoader",
            display_name="Dataset Loader",
            category="Athanor/dataset",
            description="Reads a folder of pictures and captions: flat, or with kohya's 'N_name' sub-folders.",
            search_aliases=[
                "dataset",
                "load dataset",
                "lora dataset",
                "training dataset",
                "image folder",
                "training images",
                "upload pictures",
                "upload images",
                "captions",
                "caption tags",
                "kohya",
            ],
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
                io.String.Output("summary", tooltip="Number of pictures, and which were left out and why."),
            ],
        )

    @classmethod
    def validate_inputs(cls, folder: str | None = "") -> bool | str:
        """Return True if the folder exists and may be read, else what is wrong (None: linked, checked when the node runs)."""
        return sentence(lambda: folders.dataset_folder(str(folder)), folder=folder)

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> str:
        """Return a value that changes when a picture, mask, control picture or caption file of the folder does."""
        from ..training_core.data import scan

        try:
            settings = pick(DatasetSettings, {k: v for k, v in values.items() if v is not None})
            places = _places(settings)
            with file_errors(places.root, "read"):
                return scan.stamp(settings, places.root, places.masks, places.controls)
        except AthanorError as error:
            return str(error)

    @classmethod
    def execute(cls, dataset: Any = None, **values: Any) -> io.NodeOutput:
        """Return the pictures of a connected dataset and of the folder as one dataset, and a summary of the folder."""
        from ..training_core.data import scan

        settings = pick(DatasetSettings, values)
        places = _places(settings)
        found = scan.scan(settings, places.root, places.masks, folders.inspections_folder(), places.controls)
        scanned.put(settings, places, found.warnings)
        joined = dataset.joined(found) if dataset is not None else found
        lines = [f"{len(joined.pictures)} pictures, {sum(joined.repeats)} per epoch with repeats"]
        lines += [*_of_pairs(joined), *joined.warnings]
        return io.NodeOutput(joined, "\n".join(lines))


def _places(settings: DatasetSettings) -> DatasetPlaces:
    with file_errors(folders.dataset_folder(settings.folder), "read"):
        return dataset_places(settings.folder, settings.mask_folder, settings.control_folder)


class AthanorDatasetFromImages(io.ComfyNode):
    """Makes a dataset from pictures and captions of the graph."""

    ONLY_FOLDERS: ClassVar = {
        "folder", "nested_folders", "caption_extension", "mask_folder", "alpha_mask", "alpha_background", "control_folder"
    }  # fmt: skip
    """Settings that have no meaning without a folder."""

    CONTROLS: ClassVar = {
        "control_1": "For edit models: what each picture is made from, its control picture. One per picture in their order, or "
        "one for all.",
        "control_2": "A second control picture of each, for models that are shown several.",
        "control_3": "A third control picture of each.",
    }

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs (IMAGE, captions, masks, control pictures and the settings that need no folder) and its outputs."""
        return io.Schema(
            node_id="AthanorDatasetFromImages",
            display_name="Dataset from Images",
            category="Athanor/dataset",
            description="Makes a dataset from pictures of this graph, with captions from any tagger or captioner. They are saved "
            "in input/athanor under a name made from their content, so that the run can be repeated.",
            search_aliases=["images to dataset", "training images", "caption", "captions", "tagger", "batch"],
            is_input_list=True,
            inputs=[
                io.Image.Input("images", tooltip="A batch, or a list of pictures of any sizes."),
                *(i for i in inputs(DatasetSettings) if i.id not in cls.ONLY_FOLDERS),
                io.String.Input(
                    "captions",
                    optional=True,
                    force_input=True,
                    tooltip="A list with one caption per picture, or one caption for all. Unconnected: class_tokens.",
                ),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip="White parts count in the loss. One mask per picture, or one for all.",
                ),
                types.Dataset.Input("dataset", optional=True, tooltip="Another dataset, to train on both."),
                *(io.Image.Input(name, optional=True, tooltip=tip) for name, tip in cls.CONTROLS.items()),
            ],
            outputs=[
                types.Dataset.Output("dataset", tooltip="The pictures and captions, for the Bucketer."),
                io.String.Output("summary", tooltip="What was saved, where, and what was left out."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
        )

    @classmethod
    def execute(
        cls,
        images: list[Any],
        captions: list[str] | None = None,
        masks: list[Any] | None = None,
        dataset: list[Any] | None = None,
        **values: list[Any],
    ) -> io.NodeOutput:
        """Save the pictures and return their dataset and a summary. Every input comes as a list, widgets as a list of one."""
        from ..training_core.data import collect

        captions = [caption for caption in captions or [] if caption is not None]
        check_kinds(str, **{f"caption {i}": text for i, text in enumerate(captions, 1)})
        controls = {name: _pixels(values.pop(name, None)) for name in cls.CONTROLS}
        settings = pick(DatasetSettings, {name: value[0] for name, value in values.items() if value})
        collected = collect.collect(
            folders.collected_folder(),
            _pixels(images),
            captions,
            [pixels for batch in masks or [] for pixels in rounded_bytes(batch)],
            settings,
            folders.inspections_folder(),
            controls=controls,
        )
        lines = [
            f"{len(collected.pictures)} pictures saved in input/{collected.subsets[0].folder}",
            *_of_pairs(collected),
            *collected.warnings,
        ]
        joined = dataset[0].joined(collected) if dataset and dataset[0] is not None else collected
        made.put(cls.hidden.prompt, cls.hidden.unique_id, joined)
        return io.NodeOutput(joined, "\n".join(lines))


def _of_pairs(dataset: Any) -> list[str]:
    """Return a line on how many pictures have a control picture; none if there are no pairs."""
    count = sum(bool(picture.controls) for picture in dataset.pictures)
    return [f"{count} pictures with a control picture"] if count else []


def _pixels(batches: list[Any] | None) -> list[Any]:
    """Return every picture of some IMAGE batches as (H, W, 3) uint8; those of an input that is not connected are none."""
    return [pixels for batch in batches or [] if batch is not None for pixels in rounded_bytes(batch[..., :3])]
