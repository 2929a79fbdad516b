"""The nodes Caption Edit, Merge Tags and Balance Repeats."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..training_core.settings import CaptionEditSettings, MergeTagsSettings, RebalanceSettings
from . import types
from .schema import check_kinds, inputs, pick


class AthanorCaptionEdit(io.ComfyNode):
    """Changes the captions of a dataset by rules."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs, made from CaptionEditSettings, and its outputs."""
        return io.Schema(
            node_id="AthanorCaptionEdit",
            display_name="Caption Edit",
            category="Athanor/dataset",
            description="Edits all captions by rules, from top to bottom: underscores, replace, merge, remove, duplicates, front,"
            " trigger, brackets. Caption files are not changed unless write_files is on.",
            search_aliases=[
                "caption tags",
                "edit captions",
                "tag editor",
                "trigger word",
                "replace tags",
                "blacklist",
                "captions",
            ],
            is_output_node=True,
            inputs=[
                types.Dataset.Input("dataset", tooltip="From the Dataset Loader."),
                *inputs(CaptionEditSettings),
            ],
            outputs=[
                types.Dataset.Output("dataset", tooltip="The dataset with edited captions, for the Bucketer."),
                io.String.Output("changes", tooltip="How many captions changed, the first of them, and unused rules."),
                io.String.Output("tag_table", tooltip="All tags with count and per cent, most frequent first."),
            ],
        )

    @classmethod
    def execute(cls, dataset: Any, **values: Any) -> io.NodeOutput:
        """Return the dataset with edited captions, a report and the tag table; write caption files if write_files is on."""
        from ..training_core.data import caption_files
        from ..training_core.data.caption_edit import edit_dataset

        settings = pick(CaptionEditSettings, values)
        edited = edit_dataset(dataset, settings)
        changes = edited.report
        if settings.write_files and edited.changed:
            changes = f"{caption_files.write(edited.dataset, edited.changed)}\n{changes}"
        return io.NodeOutput(edited.dataset, changes, edited.tag_table)


class AthanorMergeTags(io.ComfyNode):
    """Merges the captions of several taggers into one per picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs, made from MergeTagsSettings, and its outputs."""
        return io.Schema(
            node_id="AthanorMergeTags",
            display_name="Merge Tags",
            category="Athanor/dataset",
            description="Merges the tags that several taggers gave to the same pictures into one caption per picture, without "
            "duplicates.",
            search_aliases=["caption tags", "wd14 tagger", "ensemble", "union", "intersection", "vote", "captions"],
            is_input_list=True,
            inputs=[
                io.String.Input(
                    "captions_1",
                    force_input=True,
                    tooltip="Captions of the first tagger, one per picture. Its spelling and order are used.",
                ),
                *inputs(MergeTagsSettings),
                *(
                    io.String.Input(
                        f"captions_{number}",
                        optional=True,
                        force_input=True,
                        tooltip="Captions of another tagger for the same pictures in the same order.",
                    )
                    for number in (2, 3, 4)
                ),
            ],
            outputs=[
                io.String.Output("captions", is_output_list=True, tooltip="One caption per picture."),
                io.String.Output("report", tooltip="How many tags all taggers agree on, and how many only one has."),
            ],
        )

    @classmethod
    def execute(cls, **values: list[Any]) -> io.NodeOutput:
        """Return one caption per picture and a report. Every input comes as a list, widgets as a list of one."""
        from ..training_core.data import merge_tags

        captions = {name: values[name] for name in sorted(values) if name.startswith("captions_")}
        check_kinds(
            str, **{f"{name}, caption {i}": text for name, given in captions.items() for i, text in enumerate(given, 1)}
        )
        settings = pick(MergeTagsSettings, {name: value[0] for name, value in values.items() if value})
        return io.NodeOutput(*merge_tags.merge_tags(captions, settings))


class AthanorBalanceRepeats(io.ComfyNode):
    """Raises repeats until groups of pictures are equally frequent."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs, made from RebalanceSettings, and its outputs."""
        return io.Schema(
            node_id="AthanorBalanceRepeats",
            display_name="Balance Repeats",
            category="Athanor/dataset",
            description="Raises the repeats of rare pictures, so that every sub-folder or tag is seen as often as the largest. "
            "Files and folder names are not changed.",
            search_aliases=["repeats", "dataset repeats", "balance dataset", "oversample"],
            inputs=[
                types.Dataset.Input("dataset", tooltip="From the Dataset Loader or Caption Edit."),
                *inputs(RebalanceSettings),
            ],
            outputs=[
                types.Dataset.Output("dataset", tooltip="The same pictures with new repeats, for the Bucketer."),
                io.String.Output("table", tooltip="Groups, pictures, repeats before and after, share of an epoch."),
            ],
        )

    @classmethod
    def execute(cls, dataset: Any, **values: Any) -> io.NodeOutput:
        """Return the dataset with new repeats, and a table of its groups."""
        from ..training_core.data import rebalance

        return io.NodeOutput(*rebalance.rebalance(dataset, pick(RebalanceSettings, values)))
