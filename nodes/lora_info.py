"""The node LoRA Info: reads a LoRA file, its metadata and the settings that it was trained with."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui

from ..training_core.errors import AthanorError
from ..training_core.host import folders
from ..training_core.settings import LossSettings, NetworkSettings, NoiseSettings, OptimizerSettings
from . import types
from .schema import check_kinds, image_output


class AthanorLoRAInfo(io.ComfyNode):
    """Shows what a LoRA file contains and how it was trained."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's input (a file) and its outputs: text, chart, metadata, tags, and the recovered settings."""
        return io.Schema(
            node_id="AthanorLoRAInfo",
            display_name="LoRA Info (Athanor)",
            category="Athanor",
            description="Reads a LoRA of any trainer: algorithm, ranks, size, how much each block changes, metadata. Turns the "
            "metadata back into settings to train with.",
            is_output_node=True,
            search_aliases=["lora info", "lora metadata", "ss_", "network dim", "inspect lora", "recover settings"],
            inputs=[
                io.Combo.Input("lora_name", options=folders.lora_names(), tooltip="File in the loras folders."),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="Says how much of the file fits this model: ComfyUI leaves out what does not, without a word.",
                ),
                io.Clip.Input("clip", optional=True, tooltip="The same for the text encoder, together with the model."),
            ],
            outputs=[
                io.String.Output(
                    "text", tooltip="Algorithm, ranks, parts, base model and settings, and what is missing in the file."
                ),
                io.Image.Output("chart", tooltip="How much each block changes."),
                io.String.Output("metadata", tooltip="Every field of the file's metadata."),
                io.String.Output("tags", tooltip="Tag frequency per folder."),
                types.Network.Output("network", tooltip="Network settings of the file, for Train LoRA."),
                types.Loss.Output("loss", tooltip="Loss settings of the file, for Train LoRA."),
                types.Noise.Output("noise", tooltip="Noise settings of the file, for Train LoRA."),
                types.Optimizer.Output("optimizer", tooltip="Optimizer settings of the file, for Train LoRA."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, lora_name: str | None, **_: Any) -> Any:
        """Return the time of the file's last change, so that a replaced file is read again."""
        path = folders.existing_lora(lora_name) if lora_name else None
        return path and path.stat().st_mtime_ns

    @classmethod
    def execute(cls, lora_name: str, model: Any = None, clip: Any = None) -> io.NodeOutput:
        """Return the file's contents as text, a chart of its blocks, metadata, tags, and the settings it was trained with.

        Text and chart are shown on the node as well; no chart where the size of no layer's change is known.
        """
        from ..training_core.network import chart, describe, info, recover

        check_kinds(str, lora_name=lora_name)
        path = folders.existing_lora(lora_name)
        lora = info.read(path)
        recovered = recover.recover(
            lora.metadata, {layer.part for layer in lora.layers}, recover.of_layers(lora.layers)
        )
        fields = info.fields(lora.metadata)
        kinds = (NetworkSettings, LossSettings, NoiseSettings, OptimizerSettings)
        text, picture = describe.summary(lora, recovered, _fit(lora_name, model, clip)), image_output(chart.norms(lora))
        is_known = any(layer.norm is not None for layer in lora.layers)
        return io.NodeOutput(
            text,
            picture,
            describe.metadata(fields),
            describe.tags(fields),
            *(recovered.groups[kind] for kind in kinds),
            ui={"text": [text], **(ui.PreviewImage(picture, cls=cls).as_dict() if is_known else {})},
        )


def _fit(lora_name: str, model: Any, clip: Any) -> str:
    """Return how much of a file fits the connected models, or without one what its names tell of that; '' for nothing to say."""
    from ..training_core.host import lora, lora_fit

    if model is None:
        return lora_fit.read_in_part(lora_name)
    try:
        path = folders.existing_lora(lora_name)
        return lora.fit(model, clip, path).words(path.name, "the model")
    except AthanorError as error:  # a broken file is what people look into
        return str(error)
