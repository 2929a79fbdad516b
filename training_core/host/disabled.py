"""ComfyUI's option --disable-metadata: files and pictures of this server bring no graph."""

from __future__ import annotations

from comfy.cli_args import args


def metadata_disabled() -> bool:
    """Return whether ComfyUI was started with --disable-metadata."""
    return bool(args.disable_metadata)


def allowed(choice: str) -> str:
    """Return how much a file may tell here: `choice` of Train LoRA, but `recipe` at most where metadata is disabled."""
    return "recipe" if metadata_disabled() and choice not in ("recipe", "minimal") else choice
