"""The one exception that users meet: a sentence that names the field or file and what to do."""

from __future__ import annotations


class AthanorError(ValueError):
    """An input or state that the pack cannot work with; the message is one sentence that users read in ComfyUI."""
