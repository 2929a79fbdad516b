"""Whether ComfyUI is new enough for the pack: asked before anything else of either is imported."""

from __future__ import annotations

import importlib.util
import re

NEEDED = "0.30.0"
"""The oldest ComfyUI that has what the pack uses, as in pyproject.toml (for the registry) and web_without_nodes (for the page)."""


def too_old() -> str:
    """Return a sentence with the ComfyUI that is needed and the one that is there; empty if that is new enough, or if none is."""
    try:
        from comfyui_version import __version__ as version
    except ImportError:  # older than its file with the version, or a test without a host
        if not has("comfy") or has("comfy_api.latest"):
            return ""
        version = ""
    if version and _numbers(version) >= _numbers(NEEDED):
        return ""
    there = f"ComfyUI {version}" if version else "an older one that does not tell its version"
    return (
        f"Athanor needs ComfyUI {NEEDED} or newer, and this is {there}: update ComfyUI and start it again; until then its "
        "nodes are missing."
    )


def has(module: str) -> bool:
    """Return whether there is such a module."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # not even the package that it would be in
        return False


def _numbers(version: str) -> tuple[int, ...]:
    """Return (0, 3, 64) for "0.3.64", "v0.3.64" or "0.3.64+local"."""
    return tuple(map(int, [*re.findall(r"\d+", version), "0", "0"][:3]))
