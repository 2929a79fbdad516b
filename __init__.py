"""Athanor: train LoRA and LyCORIS networks inside the ComfyUI graph, and compare them in the same graph."""

from __future__ import annotations

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():  # noqa: ANN201  (the host's type is not importable before the pack is loaded)
    """The host asks for the extension here."""
    from .nodes import AthanorExtension

    return AthanorExtension()
