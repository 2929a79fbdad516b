"""The nodes XYZ Compare, XYZ Plan and XYZ Grid Image."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..training_core.compare.cells import CONTROL_INPUTS, MODEL_LOW
from ..training_core.compare.experts import Expert
from ..training_core.compare.graph_metadata import graph_to_save
from ..training_core.compare.request import ComparisonRequest, check_widgets
from ..training_core.compare.store import is_whole
from ..training_core.errors import AthanorError
from ..training_core.host import devices, disabled, folders, usable
from ..training_core.pictures import opened
from ..training_core.settings import CompareSettings, GridSettings
from . import types
from .compare_inputs import CHOICES, comparison_inputs
from .compare_outputs import MOST_PIXELS, likeness_text, listed, loaded
from .place import Place
from .progress import Progress, Rate
from .schema import check_kinds, graph_of, inputs, pick, sentence

if TYPE_CHECKING:
    from ..training_core.compare.prepare import PreparedComparison


def _check(**texts: str | None) -> bool | str:
    """Return True, or what is wrong with these widgets (None: linked or missing), before training in front of the node starts."""
    settings = {name: text for name, text in texts.items() if text is not None}
    return sentence(lambda: check_widgets(pick(CompareSettings, settings)), **settings)


def _prepare(values: Mapping[str, Any], place: Place) -> PreparedComparison:
    """Return the plan of a comparison, made from the node's inputs."""
    from ..training_core.compare import control_pictures, prepare

    values = {**CHOICES, **values}
    controls = {port: values[port] for port in CONTROL_INPUTS if values.get(port) is not None}
    check_kinds(str, **{name: values[name] for name in CHOICES if name != "boundary"})
    request = ComparisonRequest(
        settings=pick(CompareSettings, values),
        sampler=values["sampler_name"],
        scheduler=values["scheduler"],
        columns=values["columns"],
        rows=values["rows"],
        models=(values["model"], values["clip"], values["vae"]),
        run=values.get("run"),
        expert=_expert(values),
        axes=[values.get(name) for name in "xyzw"],
        latent=values.get("latent"),
        controls=controls,
        shown=control_pictures.of_inputs(controls),
        graph=place.graph,
        node=place.node,
        links=place.links,
        edge=place.edge(values),
    )
    return prepare.prepare(request, folders.compare_folder(""))


def _expert(values: Mapping[str, Any]) -> Expert | None:
    """Return the low-noise model of the node's inputs; None if there is none."""
    low, run = usable.usable("model", values.get(MODEL_LOW)), values.get("run_low")
    if low is None and run is not None:
        raise AthanorError("model_low is missing: run_low is for it; connect the low-noise model.")
    return None if low is None else Expert(model=low, boundary=values["boundary"], run=run)


def _expanded(values: Mapping[str, Any], place: Place, outputs: int) -> io.NodeOutput | None:
    """Return the node expanded with the outputs that axes of widgets need besides its inputs; None if it has them."""
    from ..training_core.compare import variants

    if place.inner:
        return None
    axes = variants.resolve_widgets([values.get(name) for name in "xyzw"], place.graph, place.links)
    return place.again(variants.needed(place.graph, place.links, axes), outputs)


class _Comparing(io.ComfyNode):
    """The checks and the caching that XYZ Compare and XYZ Plan have in common."""

    @classmethod
    def validate_inputs(
        cls, checkpoints: str | None = None, strengths: str | None = None, seeds: str | None = None
    ) -> bool | str:
        """Return True, or what is wrong with the widgets that can be read without models."""
        return _check(checkpoints=checkpoints, strengths=strengths, seeds=seeds)

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Return another value each time, since the pictures on disk change."""
        return time.time()


class AthanorXYZPlan(_Comparing):
    """Shows what a comparison would draw and cost."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the inputs of XYZ Compare, and a text as output."""
        return io.Schema(
            node_id="AthanorXYZPlan",
            display_name="XYZ Plan",
            category="Athanor/compare",
            description="Dry run of XYZ Compare with the same inputs: cells, models, LoRA patches, time, disk, and how many "
            "pictures are on disk already. Samples nothing.",
            search_aliases=["dry run", "xyz", "eta", "cost"],
            is_output_node=True,
            inputs=comparison_inputs(),
            outputs=[io.String.Output("text", tooltip="What the comparison would draw, and its cost.")],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.dynprompt],
            enable_expand=True,
        )

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """Plan the comparison, and show what it would draw and cost; nothing is sampled."""
        from ..training_core.compare import grid, report

        place = Place(cls.hidden)
        if (expanded := _expanded(values, place, len(cls.RETURN_TYPES))) is not None:
            return expanded
        prepared = _prepare(values, place)
        if prepared.document["seeds"]:  # random seeds: XYZ Compare must use the same ones
            prepared.store.write_plan(prepared.document)
        painter = grid.Painter(prepared.document, prepared.store.folder, GridSettings())
        text = report.plan_text(prepared, prepared.missing(), painter.pages, folders.compare_folder(""))
        Progress(place.node).text(text, always=True)
        return io.NodeOutput(text, ui={"text": [text]})


class AthanorXYZCompare(_Comparing):
    """Draws checkpoints and settings side by side in one grid."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the common inputs, and the grid, its pictures and a text as outputs."""
        return io.Schema(
            node_id="AthanorXYZCompare",
            display_name="XYZ Compare",
            category="Athanor",
            description="Samples epochs, strengths, prompts or any connected axes with ComfyUI's own sampler into one labelled "
            "grid. Every picture is kept: queue again, and only missing ones are drawn.",
            search_aliases=[
                "xyz plot",
                "xy plot",
                "x/y/z plot",
                "compare loras",
                "lora compare",
                "compare lora",
                "compare epochs",
                "grid",
                "lora grid",
                "image grid",
                "checkpoint comparison",
                "pick an epoch",
            ],
            is_output_node=True,
            inputs=comparison_inputs(),
            outputs=[
                io.Image.Output("grid", is_output_list=True, tooltip="The labelled grid; large ones come in pages."),
                io.Image.Output("images", is_output_list=True, tooltip="The single pictures, row by row."),
                types.Comparison.Output(
                    "comparison", tooltip="For XYZ Grid Image, which draws the grid again in another layout."
                ),
                io.String.Output("text", tooltip="What was drawn, how fast, where it is saved, and what failed."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo, io.Hidden.dynprompt],
            enable_expand=True,
        )

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """Sample the pictures that are not on disk, and draw the grid of all."""
        from ..training_core.compare import control_pictures, engine, grid, grid_files, report, viewer

        hidden, place = cls.hidden, Place(cls.hidden)
        if (expanded := _expanded(values, place, len(cls.RETURN_TYPES))) is not None:
            return expanded
        prepared = _prepare(values, place)
        missing = prepared.missing()
        prepared.store.take_over(prepared.keys.values())
        prepared.store.write_plan(prepared.document)
        control_pictures.save(prepared.store.folder, prepared.painter.models.pictures.values())
        progress, rate = Progress(place.node), Rate()
        failed: list[tuple[str, str]] = []
        for result in engine.sample(missing, prepared.painter):
            rate.add(result.seconds)
            if result.path is None:
                labels = prepared.painter.metadata.labels[result.cell]
                failed.append((", ".join(labels.values()), result.error))
            progress.bar(result.done, result.total, result.path)
            progress.text(
                f"picture {result.done} of {result.total}, {rate.left(result.total - result.done)} left", always=True
            )
        folder = prepared.store.folder
        info = disabled.in_picture(graph_to_save(graph_of(hidden), place.graph))
        painter = grid.Painter(prepared.document, folder, GridSettings())
        pages = grid_files.draw_pages(painter, folder, GridSettings(), info=info, stem="grid")
        viewer.write(folder, prepared.document)
        if missing:  # the last preview stays on the node in front of its pictures, so it should be the grid
            with opened(pages[0]) as page:
                progress.picture(page.convert("RGB"), 1024)
        text = report.outcome_text(prepared, len(missing), failed)
        text += likeness_text(prepared, values.get("likeness"), progress)
        text = "\n".join([text, *(devices.advice_on_threads() if missing else [])])
        progress.text(
            text, always=True
        )  # on the node, whose button opens the viewer: without paths, which take five lines
        text = f"{text}\n{report.places_text(folder, len(pages))}"
        drawn = loaded(pages, place.linked(0), MOST_PIXELS)
        paths = [prepared.store.path(prepared.keys[cell]) for cell in prepared.plan.cells]
        images = loaded([path for path in paths if path.is_file()], place.linked(1))
        ui = {"images": listed(pages), "text": [text], "athanor_comparison": [folder.name]}
        return io.NodeOutput(place.listed(drawn), place.listed(images), folder.name, text, ui=ui)


class AthanorXYZGridImage(io.ComfyNode):
    """Draws the grid of a comparison again in another layout."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs (a comparison, GridSettings) and its outputs (pages and pictures)."""
        return io.Schema(
            node_id="AthanorXYZGridImage",
            display_name="XYZ Grid Image",
            category="Athanor/compare",
            description="Draws the grid of a comparison again from its saved pictures: with axes swapped, smaller, without "
            "labels, in other pages or another format. Samples nothing.",
            search_aliases=["grid", "contact sheet", "redraw", "swap axes"],
            is_output_node=True,
            inputs=[
                io.String.Input(
                    "name",
                    default="",
                    optional=True,
                    tooltip="Without a connected comparison: the name of its folder in output/athanor/compare.",
                ),
                *inputs(GridSettings),
                types.Comparison.Input("comparison", optional=True, tooltip="From XYZ Compare."),
            ],
            outputs=[
                io.Image.Output("grid", is_output_list=True, tooltip="The labelled grid; large ones come in pages."),
                io.Image.Output("images", is_output_list=True, tooltip="The single pictures, row by row."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Return another value each time, since pictures may have been added."""
        return time.time()

    @classmethod
    def execute(cls, name: str = "", comparison: str | None = None, **values: Any) -> io.NodeOutput:
        """Draw the pages of a comparison again from its saved pictures, and return both."""
        from ..training_core.compare import grid, grid_files

        check_kinds(str, name=name)
        settings, hidden, place = pick(GridSettings, values), cls.hidden, Place(cls.hidden)
        folder, document = grid_files.open_comparison(comparison or name)
        painter = grid.Painter(document, folder, settings)
        prompt = document.get("prompt") or hidden.prompt or {}
        info = disabled.in_picture(graph_to_save({"prompt": prompt}, prompt))
        pages = grid_files.draw_pages(painter, folder, settings, info=info, stem="redrawn")
        images = [path for key in document["cells"] if is_whole(path := folder / "cells" / f"{key}.png")]
        outputs = loaded(pages, place.linked(0), MOST_PIXELS), loaded(images, place.linked(1))
        return io.NodeOutput(*outputs, ui={"images": listed(pages), "athanor_comparison": [folder.name]})
