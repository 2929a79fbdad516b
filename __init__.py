"""Athanor: train LoRA and LyCORIS networks inside the ComfyUI graph, and compare them in the same graph."""

from __future__ import annotations

import logging
from pathlib import Path

from .training_core import packages
from .training_core.host import host_version

_PACK = Path(__file__).parent
_PAGE, _WITHOUT_NODES = "web", "web_without_nodes"
"""Scripts of the page: where the nodes and their routes are missing ours would fail one by one; the other one says so."""
_TOO_OLD = host_version.too_old()
WEB_DIRECTORY = f"./{_WITHOUT_NODES if _TOO_OLD else _PAGE}"
if _TOO_OLD and not host_version.has("comfy_api.latest"):  # a ComfyUI from before entry points never asks for it
    logging.getLogger("athanor").error("%s", _TOO_OLD)


async def comfy_entrypoint():  # noqa: ANN201  (the host's type is not importable before the pack is loaded)
    """The host asks for the extension here, and logs in one line what is raised."""
    if _TOO_OLD:
        raise RuntimeError(_TOO_OLD)
    lacking = packages.report()
    try:
        from .nodes import AthanorExtension
    except Exception as error:  # a package is missing, or has another version
        from .training_core.host.comfy_nodes import serve_instead

        why = lacking or f"{type(error).__name__}: {error}"
        serve_instead(_PACK / _PAGE, _PACK / _WITHOUT_NODES, why)
        raise RuntimeError(why) from error
    if lacking:
        logging.getLogger("athanor").warning("Athanor: %s", lacking)

    return AthanorExtension()
