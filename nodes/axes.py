"""XYZ Axis, LoRA Run Axis, XYZ Model Axis and XYZ Zip."""

from __future__ import annotations

import time
from typing import Any

from comfy_api.latest import io

from ..training_core.compare import block_axes, epoch_filter, kinds, runs, upstream, variants
from ..training_core.compare import epochs as checkpoints
from ..training_core.compare.axes import Axis, GraphModels, Value
from ..training_core.compare.widgets import Widget
from ..training_core.errors import AthanorError
from ..training_core.history.handle import Run
from ..training_core.host import fingerprint, nodegraph, sampling, usable
from ..training_core.settings import EpochsSettings
from . import types
from .place import links_of
from .schema import check_kinds, inputs, pick, sentence

_FORMS = """How to write the values, by type:
numbers: 0.6, 0.8, 1   0.6-1(0.1)   10-1(-3)   1-10[4] (four, evenly spaced)   1, 2, .., 10
seeds: also x3 (three random seeds, drawn once and kept)
names: separated by commas or one per line; patterns such as my_lora-*
LoRA: name   name:0.8   name:0.4-1(0.2)   name:0.8:0.5 (model : text encoder)   a + b:0.5   none
LoRA blocks, one line per value: in 0.5, mid 0   out   all but IN04-08   double0-7   *attn2* 0.5   all
    or, for the LoRA that is compared: each off (one block at a time)   each alone   groups off
LoRA steps: 0-0.5 (on for the first half of the sampling)   0.3-1   0-1
sampler + scheduler: euler/karras, DPM++ 2M Karras
size: 512x768, 768
model: checkpoint files; each brings its own text encoder and VAE
prompt S/R: cat, dog, bird (searches the first)   red hat => blue hat   [[who]], cat, dog
prompt: one per line
widget of the graph: what that widget takes: numbers, names or patterns, true, false, texts (one per line), old => new
All types: "quotes, with commas", || between values, or one value per line; SKIP: value keeps its place and is not drawn."""
_TYPE, _VALUES = "LoRA strength", "0.6-1(0.1)"


def _output(axis: Axis) -> io.NodeOutput:
    """Return an axis and its values as text, shown on the node, too, with notes and a line for each LoRA that is read in part."""
    text = "\n".join([kinds.listed(axis), *axis.notes, *runs.read_in_part(axis)])
    return io.NodeOutput(axis, text, ui={"text": [text]})


class AthanorXYZAxis(io.ComfyNode):
    """Makes an axis from a type and a text with its values."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs (a type and values) and its outputs (an axis and its values as text)."""
        return io.Schema(
            node_id="AthanorXYZAxis",
            display_name="XYZ Axis",
            category="Athanor/compare",
            description="One axis of XYZ Compare: what changes, and its values.",
            search_aliases=["xy plot", "xyz", "prompt s/r", "lora strength", "seeds", "grid axis"],
            inputs=[
                io.Combo.Input(
                    "type", options=list(kinds.KINDS), default=_TYPE, optional=True, tooltip="What changes."
                ),
                io.String.Input("values", default=_VALUES, optional=True, multiline=True, tooltip=_FORMS),
                io.Boolean.Input(
                    "whole_word",
                    default=True,
                    optional=True,
                    tooltip="For prompt S/R: replace whole words only, so that 1 does not match inside 1girl.",
                ),
                io.Combo.Input(
                    "widget",
                    options=[""],
                    default="",
                    optional=True,
                    tooltip="For widget of the graph: which widget to vary. Nodes between it and XYZ Compare run again for each "
                    "value. In the API: node.widget, such as 12.shift, LoraLoader.strength_model or a node's title.",
                ),
            ],
            hidden=[io.Hidden.prompt, io.Hidden.unique_id],
            outputs=[
                types.Axis.Output("axis", tooltip="For x, y, z or w of XYZ Compare."),
                io.String.Output("text", tooltip="The values as they were read."),
            ],
        )

    @classmethod
    def validate_inputs(
        cls, type: str | None = _TYPE, values: str | None = _VALUES, widget: str | None = ""
    ) -> bool | str:
        """Return True if the values can be read, else what is wrong (None: linked); checked when the graph is queued.

        Values of a widget are checked when the node runs, since the graph is not known before.
        """
        if type == kinds.WIDGET:
            empty = isinstance(widget, str) and not widget.strip()
            return (
                "widget is empty: choose the one that the axis varies."
                if empty
                else sentence(lambda: None, widget=widget)
            )
        return sentence(lambda: kinds.read(str(type), str(values), sampling.known()), type=type, values=values)

    @classmethod
    def fingerprint_inputs(cls, type: str | None = _TYPE, values: str | None = _VALUES, **_: Any) -> Any:
        """Return a value that changes when patterns match other files; for a widget always, as the graph may have changed."""
        if type == kinds.WIDGET:
            return time.time()
        try:
            return kinds.listed(kinds.read(type, values, sampling.known())) if type and values else None
        except AthanorError:
            return None

    @classmethod
    def execute(
        cls, type: str = _TYPE, values: str = _VALUES, whole_word: bool = True, widget: str = ""
    ) -> io.NodeOutput:
        """Read the values, show them on the node, and return them as an axis."""
        check_kinds(str, type=type, values=values, widget=widget)
        if type != kinds.WIDGET:
            return _output(kinds.read(type, values, sampling.known(), whole_word))
        graph = cls.hidden.prompt or {}
        widgets = [Widget(**each) for each in nodegraph.widgets(graph)]
        axis = kinds.read_widget(widget, values, widgets, whole_word)
        # XYZ Compare checks the widgets too, but it may run only after hours of training: name a mistake now.
        for node in upstream.takers(graph, cls.hidden.unique_id, ("AthanorXYZCompare", "AthanorXYZPlan")):
            variants.resolve_widgets([axis], graph, links_of(graph[node]))
        return _output(axis)


class AthanorLoRARunAxis(io.ComfyNode):
    """Makes an axis from the checkpoints of a run."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs (a run, EpochsSettings, an axis to append to) and its outputs (an axis and its values)."""
        return io.Schema(
            node_id="AthanorLoRARunAxis",
            display_name="LoRA Run Axis",
            category="Athanor/compare",
            description="The saved epochs of a run as an axis of XYZ Compare, in the order of training. Works while the run is "
            "still training, and with files of any trainer. Connect several in a row to compare several runs.",
            search_aliases=[
                "compare loras",
                "compare epochs",
                "epochs",
                "checkpoints",
                "pick my epoch",
                "lora folder",
                "xy plot lora",
            ],
            inputs=[
                *inputs(EpochsSettings),
                types.Run.Input("run", optional=True, tooltip="From Train LoRA. Unconnected: see source."),
                types.Axis.Input(
                    "axis",
                    optional=True,
                    tooltip="From the LoRA Run Axis of another run: its checkpoints come first, then those of this one.",
                ),
            ],
            outputs=[
                types.Axis.Output("axis", tooltip="For x, y, z or w of XYZ Compare, or the next LoRA Run Axis."),
                io.String.Output("text", tooltip="The checkpoints of the axis."),
            ],
        )

    @classmethod
    def validate_inputs(cls, epochs: str | None = None) -> bool | str:
        """Return True if `epochs` can be read, else what is wrong (None: linked or missing)."""
        return sentence(lambda: epoch_filter.read(str(epochs)), epochs=epochs)

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Return another value each time, since a run that is training saves more files."""
        return time.time()

    @classmethod
    def execute(cls, run: Run | None = None, axis: Axis | None = None, **values: Any) -> io.NodeOutput:
        """Return the chosen checkpoints of a run as an axis, behind those of a connected axis."""
        settings = pick(EpochsSettings, values)
        points = runs.of_run(run) if run is not None else runs.find(settings.source)
        own = checkpoints.axis(
            points, settings.epochs, include_base=settings.include_base, include_final=settings.include_final
        )
        return _output(own if axis is None else checkpoints.append_run(axis, own))


class AthanorXYZModelAxis(io.ComfyNode):
    """Makes an axis from models of the graph, one node for each model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs (a model, the axis of the node before) and its outputs (an axis with both, its values)."""
        return io.Schema(
            node_id="AthanorXYZModelAxis",
            display_name="XYZ Model Axis",
            category="Athanor/compare",
            description="A MODEL of the graph as one value of an axis; connect several of these nodes in a row for several "
            "values. For checkpoint files, XYZ Axis of type model needs less memory: it loads one at a time.",
            search_aliases=["compare models", "checkpoint axis", "base models"],
            inputs=[
                io.Model.Input("model", tooltip="One model of the axis."),
                io.String.Input("name", default="model", optional=True, tooltip="Label of this model in the grid."),
                io.Clip.Input("clip", optional=True, tooltip="Its text encoder. Unconnected: that of XYZ Compare."),
                io.Vae.Input("vae", optional=True, tooltip="Its VAE. Unconnected: that of XYZ Compare."),
                types.Axis.Input("axis", optional=True, tooltip="From the XYZ Model Axis of the previous model."),
            ],
            outputs=[
                types.Axis.Output("axis", tooltip="For x, y, z or w of XYZ Compare, or the next XYZ Model Axis."),
                io.String.Output("text", tooltip="The models so far."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
        )

    @classmethod
    def execute(
        cls, model: Any, name: str = "", clip: Any = None, vae: Any = None, axis: Axis | None = None
    ) -> io.NodeOutput:
        """Return the connected axis with the connected model as its last value."""
        check_kinds(str, name=name)
        own = (cls.hidden.prompt or {}).get(cls.hidden.unique_id, {}).get("inputs", {})
        given = dict(zip(("model", "clip", "vae"), usable.usable_models(model, clip, vae), strict=True))
        if given["model"] is None:
            raise AthanorError("model is missing: connect a loader that has it.")
        links = {port: own[port] for port in given if given[port] is not None and isinstance(own.get(port), list)}
        model, clip, vae = given.values()
        key = f"input:{fingerprint.models(model, clip, vae)[:24]}"
        before = axis or Axis("model", ())
        value = Value(name.strip() or "model", (("model", key),))
        graph_models = GraphModels(key, (model, clip, vae), links)
        return _output(Axis(before.title, (*before.values, value), graph_models=(*before.graph_models, graph_models)))


class AthanorXYZZip(io.ComfyNode):
    """Combines axes of equal length into one."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs (two to four axes) and its outputs (one axis and its values)."""
        return io.Schema(
            node_id="AthanorXYZZip",
            display_name="XYZ Zip",
            category="Athanor/compare",
            description="Combines axes of the same length into one, so that they change together: a LoRA and its trigger word, a "
            "model and its cfg.",
            search_aliases=["zip", "pair axes", "together"],
            inputs=[
                types.Axis.Input("first", tooltip="Its first value goes with the other axes' first values, and so on."),
                types.Axis.Input("second", tooltip="An axis with as many values as the first."),
                types.Axis.Input("third", optional=True, tooltip="An axis with as many values as the first."),
                types.Axis.Input("fourth", optional=True, tooltip="An axis with as many values as the first."),
            ],
            outputs=[
                types.Axis.Output("axis", tooltip="For x, y, z or w of XYZ Compare."),
                io.String.Output("text", tooltip="The values that go together."),
            ],
        )

    @classmethod
    def execute(cls, first: Axis, second: Axis, third: Axis | None = None, fourth: Axis | None = None) -> io.NodeOutput:
        """Return one axis whose n-th value sets the n-th value of every connected axis."""
        together = [axis for axis in (first, second, third, fourth) if axis is not None]
        if any(axis.epochs is not None for axis in together):
            raise AthanorError(
                "XYZ Zip cannot combine 'checkpoint of the run' with other axes: use LoRA Run Axis for it."
            )
        if any(map(block_axes.is_open, together)):
            raise AthanorError(
                "XYZ Zip cannot combine 'each off', 'each alone' or 'groups off' with other axes: write the blocks one by one."
            )
        return _output(kinds.join(together))
