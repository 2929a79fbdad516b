"""The node Load LoRA Blocks: Load LoRA with a strength for each block."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..training_core import block_strengths
from ..training_core.host import folders
from .schema import check_kinds, sentence

_BLOCKS = """Which blocks of the LoRA are on, and how strongly; what comes later counts. Empty: all.
in 0.5, mid 0   (U-Nets: in, mid, out; others stay at 1)
out   (only these; others are off)
all but IN04-08   double0-7, single 0.5   layers10-20 0   te 0 (text encoders), te1
*attn2* 0   (layers by their names in the file)
1,0,0,0,1,1,1,1,...   (a list of block weights: 17 or 26 numbers for SD1 and SD2, 12 or 20 for SDXL, 58 or 61 for Flux)"""


class AthanorLoadLoRABlocks(io.ComfyNode):
    """Puts a LoRA on a model and a text encoder, each block with its own strength."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs (models, a file, strengths, blocks) and its outputs (both models with the LoRA)."""
        strength = {"default": 1.0, "min": -100.0, "max": 100.0, "step": 0.01, "optional": True}
        return io.Schema(
            node_id="AthanorLoadLoRABlocks",
            display_name="Load LoRA Blocks",
            category="Athanor",
            description="Load LoRA with a strength for each block or group of blocks. An axis of type LoRA blocks draws with it.",
            search_aliases=["lora block weight", "lbw", "block weight", "lora blocks", "load lora", "layer weights"],
            inputs=[
                io.Model.Input("model", tooltip="The model that the LoRA is for."),
                io.Combo.Input("lora_name", options=folders.lora_names(), tooltip="File in the loras folders."),
                io.Float.Input("strength_model", tooltip="For the model; blocks are parts of it.", **strength),
                io.Float.Input("strength_clip", tooltip="For the text encoder; te is a part of it.", **strength),
                io.String.Input("blocks", default="", optional=True, tooltip=_BLOCKS),
                io.Clip.Input(
                    "clip", optional=True, tooltip="Its text encoder; unconnected, the LoRA's part for it is left out."
                ),
            ],
            outputs=[
                io.Model.Output("model", display_name="MODEL", tooltip="The model with the LoRA."),
                io.Clip.Output("clip", display_name="CLIP", tooltip="The text encoder with the LoRA."),
            ],
        )

    @classmethod
    def validate_inputs(cls, blocks: str | None = None) -> bool | str:
        """Return True if `blocks` can be read, else what is wrong (None: linked or missing)."""
        return sentence(lambda: block_strengths.read(str(blocks)), blocks=blocks)

    @classmethod
    def fingerprint_inputs(cls, lora_name: str | None, **_: Any) -> Any:
        """Return the time of the file's last change, so that a replaced file is read again."""
        path = folders.existing_lora(lora_name) if lora_name else None
        return path and path.stat().st_mtime_ns

    @classmethod
    def execute(
        cls,
        model: Any,
        lora_name: str,
        strength_model: float = 1.0,
        strength_clip: float = 1.0,
        blocks: str = "",
        clip: Any = None,
    ) -> io.NodeOutput:
        """Return model and text encoder with the LoRA on them."""
        from ..training_core.host import lora

        check_kinds(str, lora_name=lora_name, blocks=blocks)
        text = block_strengths.read(blocks).text
        path = folders.existing_lora(lora_name)
        return io.NodeOutput(*lora.apply(model, clip, path, strength_model, strength_clip, blocks=text))
