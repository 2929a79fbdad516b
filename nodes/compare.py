"""XYZ Compare, XYZ Plan and XYZ Grid Image."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from comfy_api.latest import io
from PIL import Image

from ..training_core.compare import engine, prepare, report, variants, viewer
from ..training_core.compare.grid import Painter
from ..training_core.compare.grid_files import draw_pages, open_comparison
from ..training_core.compare.request import OWN_AXES, ComparisonRequest, check_widgets
from ..training_core.host import folders, node_tools
from ..training_core.settings import CompareSettings, GridSettings
from . import types
from .place import Place
from .progress import Progress, Rate
from .schema import image_output, inputs, pick, sentence

SHOWN = 100e6
"""Pixels of grid pages that travel on as IMAGE (12 bytes each); the files have all of them."""


def _inputs() -> list[io.Input]:
    """The inputs of XYZ Compare, which XYZ Plan has as well."""
    return [
        io.Model.Input("model", tooltip="The model without the LoRA; other LoRAs of the graph stay applied below it."),
        io.Clip.Input("clip", tooltip="The text encoder for the prompts; the LoRA is applied to it as well."),
        io.Vae.Input("vae", tooltip="The VAE that turns latents into pictures."),
        types.Run.Input(
            "run", optional=True, tooltip="From Train LoRA: its checkpoints are one axis of the grid, all by itself."
        ),
        types.Axis.Input("x", optional=True, tooltip="What changes from left to right; unconnected: see columns."),
        types.Axis.Input("y", optional=True, tooltip="What changes from top to bottom; unconnected: see rows."),
        types.Axis.Input("z", optional=True, tooltip="One block of the grid for each of its values."),
        types.Axis.Input("w", optional=True, tooltip="A further axis of blocks."),
        io.Latent.Input(
            "latent",
            optional=True,
            tooltip="Begin from this latent (see denoise) instead of an empty one; gives the size.",
        ),
        io.Combo.Input(
            "columns",
            options=list(OWN_AXES),
            default="strength",
            tooltip="What changes from left to right where x is not connected.",
        ),
        io.Combo.Input(
            "rows",
            options=list(OWN_AXES),
            default="checkpoint",
            tooltip="What changes from top to bottom where y is not connected.",
        ),
        *inputs(CompareSettings),
        io.Combo.Input(
            "sampler_name", options=node_tools.sampler_names(), default="euler", tooltip="Sampler of the host."
        ),
        io.Combo.Input(
            "scheduler",
            options=node_tools.scheduler_names(),
            default="normal",
            tooltip="Noise schedule of the host.",
        ),
    ]


def _check(**given: str | None) -> bool | str:
    """True, or what is wrong with these texts (None: linked): before a training that stands in front of the node."""
    settings = {name: value for name, value in given.items() if value is not None}
    return sentence(lambda: check_widgets(pick(CompareSettings, settings)))


def _prepare(values: Mapping[str, Any], place: Place) -> prepare.PreparedComparison:
    """The plan of a comparison from the node's inputs."""
    request = ComparisonRequest(
        settings=pick(CompareSettings, values),
        sampler=values["sampler_name"],
        scheduler=values["scheduler"],
        columns=values["columns"],
        rows=values["rows"],
        models=(values["model"], values["clip"], values["vae"]),
        run=values.get("run"),
        axes=[values.get(name) for name in "xyzw"],
        latent=values.get("latent"),
        graph=place.graph,
        links=place.links,
        edge=place.edge(values),
    )
    return prepare.prepare(request, folders.compare_folder(""))


def _more(values: Mapping[str, Any], place: Place, outputs: int) -> io.NodeOutput | None:
    """The node once more with what axes of widgets need besides its own inputs; None if it has it."""
    if place.inner:
        return None
    axes = variants.resolve_widgets([values.get(name) for name in "xyzw"], place.graph, place.links)
    return place.again(variants.needed(place.graph, place.links, axes), outputs)


class _Comparing(io.ComfyNode):
    """What XYZ Compare and XYZ Plan do alike before they run."""

    @classmethod
    def validate_inputs(cls, checkpoints: str | None, strengths: str | None, seeds: str | None) -> bool | str:
        """Check the texts that can be read without models."""
        return _check(checkpoints=checkpoints, strengths=strengths, seeds=seeds)

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Always another: what is on disk changes."""
        return time.time()


class AthanorXYZPlan(_Comparing):
    """Says what a comparison would cost."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The inputs of XYZ Compare."""
        return io.Schema(
            node_id="AthanorXYZPlan",
            display_name="XYZ Plan",
            category="Athanor/compare",
            description="Dry run of XYZ Compare with the same inputs: cells, models, LoRA patches, time, disk, and how many "
            "pictures are on disk already. Samples nothing.",
            search_aliases=["dry run", "xyz", "eta"],
            is_output_node=True,
            inputs=_inputs(),
            outputs=[io.String.Output("text", tooltip="What would happen.")],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.dynprompt],
            enable_expand=True,
        )

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """Plan the comparison and show what it would cost; draw nothing."""
        place = Place(cls.hidden)
        if (more := _more(values, place, len(cls.RETURN_TYPES))) is not None:
            return more
        prepared = _prepare(values, place)
        if prepared.document["seeds"]:  # drawn seeds are kept from here on
            prepared.store.write_plan(prepared.document)
        painter = Painter(prepared.document, prepared.store.folder, GridSettings())
        text = report.plan_text(prepared, prepared.missing(), painter.pages, folders.compare_folder(""))
        Progress(place.node).text(text, always=True)
        return io.NodeOutput(text, ui={"text": [text]})


class AthanorXYZCompare(_Comparing):
    """Draws checkpoints and settings side by side."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs from CompareSettings, with the host's samplers."""
        return io.Schema(
            node_id="AthanorXYZCompare",
            display_name="XYZ Compare",
            category="Athanor",
            description="Samples epochs, strengths, prompts or whatever axes are connected through ComfyUI's own sampler into "
            "one labelled grid. Each picture is kept: queue again, and only what is missing is drawn.",
            search_aliases=["xy plot", "xyz plot", "grid", "compare epochs", "lora grid"],
            is_output_node=True,
            inputs=_inputs(),
            outputs=[
                io.Image.Output("grid", is_output_list=True, tooltip="The labelled grid; large ones come in pages."),
                io.Image.Output("images", is_output_list=True, tooltip="The single pictures, row by row."),
                types.Comparison.Output(
                    "comparison", tooltip="For XYZ Grid Image: draws the grid again, in other ways."
                ),
                io.String.Output("text", tooltip="What was drawn, how fast, where it lies, and what failed."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo, io.Hidden.dynprompt],
            enable_expand=True,
        )

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """Sample what is missing and draw the grid."""
        hidden, place = cls.hidden, Place(cls.hidden)
        if (more := _more(values, place, len(cls.RETURN_TYPES))) is not None:
            return more
        prepared = _prepare(values, place)
        missing = prepared.missing()
        prepared.store.take_over(prepared.keys.values())
        prepared.store.write_plan(prepared.document)
        progress, rate = Progress(place.node), Rate()
        failed: dict[str, str] = {}
        for result in engine.sample(missing, prepared.painter):
            rate.add(result.seconds)
            if result.path is None:
                labels = prepared.painter.metadata.labels[result.cell]
                failed[", ".join(labels.values())] = result.error
            progress.bar(result.done, result.total, result.path)
            progress.text(
                f"picture {result.done} of {result.total}, {rate.left(result.total - result.done)} left", always=True
            )
        folder = prepared.store.folder
        info = {"prompt": hidden.prompt, **(hidden.extra_pnginfo or {})}
        painter = Painter(prepared.document, folder, GridSettings())
        pages = draw_pages(painter, folder, GridSettings(), info=info, stem="grid")
        viewer.write(folder, prepared.document)
        if missing:  # a preview stays on the node, in front of its pictures: let it be the grid
            with Image.open(pages[0]) as page:
                progress.picture(page.convert("RGB"), 1024)
        text = report.outcome_text(prepared, len(missing), failed, pages)
        progress.text(text, always=True)
        grid = _load(pages, place.linked(0), SHOWN)
        paths = [prepared.store.path(prepared.keys[cell]) for cell in prepared.plan.cells]
        images = _load([path for path in paths if path.is_file()], place.linked(1))
        shown = {"images": _shown(pages), "text": [text], "athanor_comparison": [folder.name]}
        return io.NodeOutput(place.listed(grid), place.listed(images), folder.name, text, ui=shown)


def _load(paths: Sequence[Path], wanted: bool, pixels: float = float("inf")) -> list[torch.Tensor]:
    """The pictures as IMAGEs, (1, H, W, 3) float32 each, until there are too many pixels; none if not wanted."""
    loaded: list[torch.Tensor] = []
    for path in paths if wanted else ():
        with Image.open(path) as image:
            pixels -= image.width * image.height
            if loaded and pixels < 0:
                break
            loaded.append(image_output(image.convert("RGB")))
    return loaded


def _shown(pages: Sequence[Path]) -> list[dict[str, str]]:
    return [
        {"filename": path.name, "subfolder": f"athanor/compare/{path.parent.name}", "type": "output"} for path in pages
    ]


class AthanorXYZGridImage(io.ComfyNode):
    """Draws a comparison again, in another way."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """A comparison in, pages out."""
        return io.Schema(
            node_id="AthanorXYZGridImage",
            display_name="XYZ Grid Image",
            category="Athanor/compare",
            description="Draws the grid of a comparison again from its pictures: axes swapped, smaller, without labels, in "
            "other pages or another format. Samples nothing.",
            search_aliases=["grid", "contact sheet", "redraw", "swap axes"],
            is_output_node=True,
            inputs=[
                types.Comparison.Input("comparison", optional=True, tooltip="From XYZ Compare."),
                io.String.Input(
                    "name",
                    default="",
                    tooltip="Without a connected comparison: the name of its folder in output/athanor/compare.",
                ),
                *inputs(GridSettings),
            ],
            outputs=[
                io.Image.Output("grid", is_output_list=True, tooltip="The labelled grid; large ones come in pages."),
                io.Image.Output("images", is_output_list=True, tooltip="The single pictures, row by row."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Always another: pictures may have been added."""
        return time.time()

    @classmethod
    def execute(cls, name: str, comparison: str | None = None, **values: Any) -> io.NodeOutput:
        """Draw the pages of a comparison again from its pictures."""
        settings, hidden, place = pick(GridSettings, values), cls.hidden, Place(cls.hidden)
        folder, document = open_comparison(comparison or name)
        painter = Painter(document, folder, settings)
        info = {"prompt": document.get("prompt") or hidden.prompt}
        pages = draw_pages(painter, folder, settings, info=info, stem="redrawn")
        images = [path for key in document["cells"] if (path := folder / "cells" / f"{key}.png").is_file()]
        outputs = _load(pages, place.linked(0), SHOWN), _load(images, place.linked(1))
        return io.NodeOutput(*outputs, ui={"images": _shown(pages), "athanor_comparison": [folder.name]})
