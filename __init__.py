"""Athanor: train LoRA and LyCORIS networks inside the ComfyUI graph, and compare them in the same graph."""

from __future__ import annotations

import logging

from .training_core.host import host_version

_TOO_OLD = host_version.too_old()
# The other folder's only script says the same in the page; without the nodes and their routes, ours would fail one by one.
WEB_DIRECTORY = "./web_too_old" if _TOO_OLD else "./web"
if _TOO_OLD and not host_version.has("comfy_api.latest"):  # a ComfyUI from before entry points never asks for it
    logging.getLogger("athanor").error(_TOO_OLD)


async def comfy_entrypoint():  # noqa: ANN201  (the host's type is not importable before the pack is loaded)
    """The host asks for the extension here, and logs in one line what is raised."""
    if _TOO_OLD:
        raise RuntimeError(_TOO_OLD)
    from .nodes import AthanorExtension

    return AthanorExtension()
