"""The nodes Dataset Images and Save Captions: pictures go out to a captioner, and its captions into files."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..training_core import shared_graph
from ..training_core.errors import AthanorError
from ..training_core.host import folders, node_tools
from ..training_core.host.dataset_places import dataset_places
from ..training_core.settings import DatasetSettings
from . import graph_datasets, types
from .progress import Progress
from .schema import check_kinds, image_output

_WITHOUT, _EVERY = "without caption file", "all"
_MISSING, _ALL = (
    "only missing files",
    "all, with backup",
)  # as in data/caption_saving, which is imported when a node runs


class AthanorDatasetImages(io.ComfyNode):
    """Gives the pictures of a dataset to other nodes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs and outputs."""
        return io.Schema(
            node_id="AthanorDatasetImages",
            display_name="Dataset Images",
            category="Athanor/dataset",
            description="Gives the pictures of a dataset as a list, with their names: for a tagger or captioner, whose captions "
            "Save Captions writes beside the pictures.",
            search_aliases=[
                "dataset to images",
                "caption",
                "captions",
                "captioner",
                "tagger",
                "auto caption",
                "image list",
            ],
            inputs=[
                types.Dataset.Input("dataset", tooltip="From the Dataset Loader."),
                io.Combo.Input(
                    "pictures",
                    options=[_WITHOUT, _EVERY],
                    default=_WITHOUT,
                    optional=True,
                    tooltip="Which pictures: those that have no caption file yet, or all.",
                ),
                io.Int.Input(
                    "longest_side",
                    default=1024,
                    min=64,
                    max=8192,
                    step=64,
                    optional=True,
                    tooltip="Larger pictures are made smaller: captioners see no more anyway, and all of them are in memory at once.",
                ),
                io.Int.Input(
                    "most",
                    default=200,
                    min=1,
                    max=100_000,
                    optional=True,
                    tooltip="Pictures at a time: 200 of 1024 pixels take 2.5 GB of memory. Queue again for the next ones.",
                ),
            ],
            outputs=[
                io.Image.Output("images", is_output_list=True, tooltip="The pictures, one by one, for a captioner."),
                io.String.Output("names", is_output_list=True, tooltip="Their names, for Save Captions."),
                io.String.Output("text", tooltip="How many pictures these are, and how many are left."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls, dataset: Any, pictures: str = _WITHOUT, longest_side: int = 1024, most: int = 200
    ) -> io.NodeOutput:
        """Return the pictures, their names, and a sentence about them; if there are none, the nodes behind do not run."""
        from ..training_core.data import caption_saving

        named = caption_saving.names_of(dataset)
        if pictures == _WITHOUT:
            missing = set(caption_saving.without_file(dataset))
            named = {name: picture for name, picture in named.items() if picture in missing}
        if not named:
            text = "Every picture has a caption file: nothing to do."
            Progress(cls.hidden.unique_id).text(text, always=True)
            return io.NodeOutput(node_tools.blocked(), node_tools.blocked(), text, ui={"text": [text]})
        wanted = dict(list(named.items())[:most])
        images = []
        for picture in wanted.values():
            image = dataset.image(picture)
            image.thumbnail((longest_side, longest_side))
            images.append(image_output(image.convert("RGB")))
        left = len(named) - len(wanted)
        text = f"{len(wanted)} of {len(dataset.pictures)} pictures."
        text += f" More of them: {left}; queue again for the next ones." * bool(left)
        Progress(cls.hidden.unique_id).text(text, always=True)
        return io.NodeOutput(images, list(wanted), text, ui={"text": [text]})


class AthanorSaveCaptions(io.ComfyNode):
    """Writes captions of the graph beside the pictures of a dataset."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs and outputs."""
        return io.Schema(
            node_id="AthanorSaveCaptions",
            display_name="Save Captions",
            category="Athanor/dataset",
            description="Writes captions from any tagger or captioner into the files beside the pictures. Where every picture has "
            "one, the captioner does not run.",
            search_aliases=[
                "caption",
                "captions",
                "write captions",
                "caption files",
                "tagger",
                "auto caption",
                "save text",
            ],
            is_input_list=True,
            is_output_node=True,
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
            inputs=[
                types.Dataset.Input("dataset", tooltip="From the Dataset Loader: its caption_extension is used."),
                io.Combo.Input(
                    "mode",
                    options=[_MISSING, _ALL],
                    default=_MISSING,
                    optional=True,
                    tooltip="only missing files: what is there stays. all, with backup: what was there can be had back with Undo "
                    "on the dataset page (Open dataset, Edit captions).",
                ),
                io.String.Input(
                    "captions",
                    force_input=True,
                    lazy=True,
                    tooltip="A list of captions, one per picture: from a captioner, or from Merge Tags.",
                ),
                io.String.Input(
                    "names",
                    optional=True,
                    force_input=True,
                    lazy=True,
                    tooltip="From Dataset Images: which pictures the captions belong to. Unconnected: all of them, in their order.",
                ),
            ],
            outputs=[
                types.Dataset.Output("dataset", tooltip="The dataset with the captions that its files have now."),
                io.String.Output("text", tooltip="How many files were written, and the first captions."),
            ],
        )

    @classmethod
    def check_lazy_status(cls, dataset: list[Any], mode: list[str] | None = None, **values: Any) -> list[str]:
        """Return the inputs that are needed: no captions if no file is missing, so that no captioner runs in vain."""
        from ..training_core.data import caption_saving

        if not caption_saving.without_file(dataset[0]) and (_first(mode, _MISSING) == _MISSING or cls._gets_none()):
            return []
        return [name for name, value in values.items() if value is None or list(value) == [None]]

    @classmethod
    def _gets_none(cls) -> bool:
        """Whether its captions are those of pictures without a caption file: were there none, it would not run, without a word."""
        prompt, node = cls.hidden.prompt or {}, cls.hidden.unique_id or ""
        above = shared_graph.upstream(prompt, [node])
        images = [each for each in above if graph_datasets.kind_of(prompt, each) == "AthanorDatasetImages"]
        return any(graph_datasets.inputs_of(prompt, each).get("pictures", _WITHOUT) == _WITHOUT for each in images)

    @classmethod
    def execute(
        cls,
        dataset: list[Any],
        mode: list[str] | None = None,
        captions: list[str] | None = None,
        names: list[str] | None = None,
    ) -> io.NodeOutput:
        """Write the captions; return the dataset as it is on the disk now, and what was written. Every input comes as a list."""
        from ..training_core.data import caption_changes, caption_saving, scan

        given, found = _first(mode, _MISSING), dataset[0]
        texts = [text for text in captions or [] if text is not None]
        check_kinds(str, mode=given, **{f"caption {i}": text for i, text in enumerate(texts, 1)})
        if any(p.path.is_relative_to(folders.collected_folder()) for p in found.pictures):
            raise AthanorError("dataset: Dataset from Images takes captions itself; connect them there.")
        missing = caption_saving.without_file(found)
        if given == _ALL and not missing and cls._gets_none():
            raise AthanorError(
                f"pictures of Dataset Images is {_WITHOUT!r}, and every picture has one: set it to {_EVERY!r} to write them anew."
            )
        if given == _MISSING and not missing:
            lines = [f"All {len(found.pictures)} pictures have caption files: nothing was written."]
        else:
            backups = caption_changes.place(folders.output_folder())
            wanted = [name for name in names or [] if name is not None]
            lines = caption_saving.save(found, texts, wanted, given, backups)

        def read(settings: DatasetSettings) -> Any:
            places = dataset_places(settings.folder, settings.mask_folder, settings.control_folder)
            return scan.scan(settings, places.root, places.masks, folders.inspections_folder(), places.controls)

        fresh, text = caption_saving.read_anew(found, read), "\n".join(lines)
        Progress(cls.hidden.unique_id).text(text, always=True)
        return io.NodeOutput(fresh, text, ui={"text": [text]})


def _first(values: list[str] | None, default: str) -> str:
    return values[0] if values and values[0] is not None else default
