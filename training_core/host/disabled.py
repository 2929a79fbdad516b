"""ComfyUI's option --disable-metadata: files and pictures of this server bring no graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy.cli_args import args

from ..absolute_paths import text_without_paths, without_paths
from ..shared_graph import WITHOUT_GRAPH


def metadata_disabled() -> bool:
    """Return whether ComfyUI was started with --disable-metadata."""
    return bool(args.disable_metadata)


def allowed(choice: str) -> str:
    """Return how much a file may tell here: `choice` of Train LoRA, but `recipe` at most where metadata is disabled."""
    return "recipe" if metadata_disabled() and choice not in WITHOUT_GRAPH else choice


def in_picture(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a picture carries beside its pixels: no absolute paths, and nothing at all where metadata is disabled.

    Args:
        told: texts, and values that become JSON, by name.
    """
    if metadata_disabled():
        return {}
    return {
        k: text_without_paths(value) if isinstance(value, str) else without_paths(value) for k, value in told.items()
    }
